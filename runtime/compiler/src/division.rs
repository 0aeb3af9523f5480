//! Integer division by anything: OpenCL C §6.4 leaves the result open and excludes an exception,
//! while LLVM leaves everything open and the processor traps.

use crate::llvm::{Builder, IntPredicate, Module, Opcode, Value};

/// Gives every division a divisor that it can be done with. Must run before any pass that goes by
/// LLVM's rule.
pub fn make_total(module: &Module) {
    let builder = module.context().builder();
    for function in module.functions() {
        for instruction in function.instructions() {
            let signed = match instruction.opcode() {
                Some(Opcode::LLVMSDiv | Opcode::LLVMSRem) => true,
                Some(Opcode::LLVMUDiv | Opcode::LLVMURem) => false,
                _ => continue,
            };
            let divisor = instruction.operand(1);
            if is_harmless(divisor) {
                continue;
            }
            builder.position_before(instruction);
            let safe = safe_divisor(&builder, instruction.operand(0), divisor, signed);
            instruction.set_operand(1, safe);
        }
    }
}

/// Whether the divisor is known to be neither 0 nor -1.
fn is_harmless(divisor: Value) -> bool {
    divisor.constant_int().is_some_and(|value| {
        let unused = 64 - divisor.ty().int_bits().min(64);
        value << unused != 0 && value << unused != u64::MAX << unused
    })
}

/// 1 where the divisor is 0 or the quotient has no representation, else the divisor.
fn safe_divisor(builder: &Builder, dividend: Value, divisor: Value, signed: bool) -> Value {
    let ty = divisor.ty();
    let equal = |left, right| builder.icmp(IntPredicate::LLVMIntEQ, left, right);
    let number = |value| ty.splat(ty.scalar().constant(value));
    let one = number(1);
    let mut bad = equal(divisor, ty.zero());
    if signed {
        let minus_one = builder.sub(ty.zero(), one);
        let least = number(1 << (ty.scalar().int_bits().min(64) - 1));
        let overflow = builder.and(equal(dividend, least), equal(divisor, minus_one));
        bad = builder.or(bad, overflow);
    }
    builder.select(bad, one, divisor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;

    fn total(body: &str) -> String {
        let context = Context::new();
        let module = context
            .parse_ir(&format!(
                "define void @f(i32 %x, i32 %y, <2 x i8> %v, <2 x i8> %w) {{ {body} ret void }}"
            ))
            .unwrap();
        make_total(&module);
        module.verify().unwrap();
        module.to_string()
    }

    #[test]
    fn unknown_divisors_are_guarded() {
        let text = total("%q = udiv i32 %x, %y");
        assert!(text.contains("icmp eq i32 %y, 0"), "{text}");
        assert!(!text.contains("-2147483648"), "{text}");
        let text = total("%q = srem i32 %x, %y");
        assert!(text.contains("icmp eq i32 %x, -2147483648"), "{text}");
        assert!(text.contains("icmp eq i32 %y, -1"), "{text}");
        let text = total("%q = sdiv <2 x i8> %v, %w");
        assert!(text.contains("select <2 x i1>"), "{text}");
        assert!(
            text.contains("icmp eq <2 x i8> %v, <i8 -128, i8 -128>"),
            "{text}"
        );
    }

    #[test]
    fn constants_are_judged_at_once() {
        for divisor in ["3", "-7", "-2147483648"] {
            let text = total(&format!("%q = sdiv i32 %x, {divisor}"));
            assert!(!text.contains("select"), "{text}");
        }
        for divisor in ["0", "-1"] {
            let text = total(&format!("%q = sdiv i32 %x, {divisor}"));
            assert!(text.contains("select"), "{text}");
        }
    }
}
