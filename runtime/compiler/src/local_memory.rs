//! Places `local` variables in the scratch block of the work-group.

use crate::llvm::{address_space, Builder, Module, Opcode, Value};
use crate::work_item::{Primitive, Primitives};

/// Least alignment of a local variable in bytes.
const ALIGNMENT: u64 = 16;

/// The static local memory is a multiple of this many bytes.
const BLOCK_ALIGNMENT: u64 = 128;

/// Replaces the module's local variables by addresses in the scratch block; `function` is their
/// only user. Returns the bytes they take.
pub fn place(module: &Module, function: Value) -> u64 {
    let mut bytes: u64 = 0;
    for variable in module.globals() {
        if variable.ty().address_space() != address_space::LOCAL {
            continue;
        }
        if variable.is_used() {
            let of = variable.value_type();
            let alignment = u64::from(variable.alignment().max(module.alignment_of(of)));
            bytes = bytes.next_multiple_of(alignment.max(ALIGNMENT));
            let base = Primitives::new(module, function).get(Primitive::LocalBase);
            let builder = module.context().builder();
            if let Some(next) = base.next_instruction() {
                builder.position_before(next);
            }
            let offset = module.context().constant(64, bytes);
            let address = builder.gep_inbounds(module.context().int(8), base, &[offset]);
            replace_constant(&builder, variable, address);
            bytes += module.size_of(of).max(1);
            // What still refers to the variable are expressions that nothing uses.
            variable.replace_all_uses(variable.ty().undef());
        }
        variable.erase_global();
    }
    bytes.next_multiple_of(BLOCK_ALIGNMENT)
}

/// Makes instructions use `replacement` instead of `constant`, also where it is hidden in constant
/// expressions: those become instructions at the builder's position.
fn replace_constant(builder: &Builder, constant: Value, replacement: Value) {
    for user in constant.users() {
        if user.is_instruction() {
            for (index, operand) in user.operands().into_iter().enumerate() {
                if operand == constant {
                    user.set_operand(index as u32, replacement);
                }
            }
        } else if let Some(opcode) = user.constant_opcode() {
            if user.is_used() {
                let instruction = expand(builder, opcode, user, constant, replacement);
                replace_constant(builder, user, instruction);
            }
        }
    }
}

/// The constant expression `user` as an instruction, with `constant` replaced.
fn expand(
    builder: &Builder,
    opcode: Opcode,
    user: Value,
    constant: Value,
    replacement: Value,
) -> Value {
    let operands: Vec<_> = user
        .operands()
        .into_iter()
        .map(|operand| {
            if operand == constant {
                replacement
            } else {
                operand
            }
        })
        .collect();
    match opcode {
        Opcode::LLVMGetElementPtr => {
            builder.gep(user.gep_source_type(), operands[0], &operands[1..])
        }
        _ if operands.len() == 1 => builder.cast(opcode, operands[0], user.ty()),
        _ => builder.binary(opcode, operands[0], operands[1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;

    #[test]
    fn variables_keep_their_alignment_and_constant_expressions_are_found() {
        let context = Context::new();
        let module = context
            .parse_ir(
                "@a = internal addrspace(3) global i8 undef, align 1
                @b = internal addrspace(3) global [4 x <16 x i32>] undef, align 64
                @unused = internal addrspace(3) global [99 x i32] undef, align 4
                define void @f() {
                store i8 1, ptr addrspace(3) @a
                store i8 1, ptr addrspace(4) addrspacecast (ptr addrspace(3) getelementptr (i8, ptr addrspace(3) @b, i64 7) to ptr addrspace(4))
                store i64 ptrtoint (ptr addrspace(3) @b to i64), ptr null
                ret void }",
            )
            .unwrap();
        let bytes = place(&module, module.function("f").unwrap());
        module.verify().unwrap();
        assert_eq!(bytes, 384);
        assert!(module.globals().is_empty());
        let text = module.to_string();
        assert!(text.contains("i64 64"), "{text}");
        assert!(text.contains("i64 7"), "{text}");
    }
}
