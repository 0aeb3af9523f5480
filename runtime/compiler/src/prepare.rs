//! Turns the module of one kernel from `spir64` into a single function for the host.

use std::collections::HashMap;

use crate::builtin_name::BuiltinName;
use crate::error::Error;
use crate::llvm::{address_space, Linkage, Module, Opcode, TargetMachine, Type, Value};
use crate::{size_budget, sub_group, undefined};

/// Passes that leave one function with its variables in registers. The branch passes respect
/// `convergent`, so no barrier is copied.
const INLINE: &str = "always-inline,globaldce,function(sroa,early-cse,simplifycfg,\
                      instcombine<no-verify-fixpoint>)";

/// Passes that leave one function, for kernels that are too large to be optimised.
pub const INLINE_ONLY: &str = "always-inline,globaldce";

/// Passes that leave one call where functions of the program call something twice with the same
/// arguments.
const SHARE: &str = "always-inline,function(sroa,early-cse)";

/// Passes that clean up after calls were replaced.
pub const SIMPLIFY: &str =
    "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,adce)";

/// A kernel that is one function.
#[derive(Debug, Clone, Copy)]
pub struct Prepared {
    /// The function.
    pub function: Value,
    /// It is too large to be optimised.
    pub is_vast: bool,
}

/// Brings everything `kernel` needs into its function, for the host's triple and data layout, but for
/// functions that only compute and of which there would be too many copies.
///
/// # Errors
/// There is no such kernel, or a function calls itself.
pub fn prepare(
    module: &Module,
    kernel: &str,
    machine: &TargetMachine,
    optimise_vast: bool,
) -> Result<Prepared, Error> {
    let function = module
        .function(kernel)
        .filter(|function| !function.is_declaration())
        .ok_or_else(|| Error::Internal(format!("there is no kernel {kernel}")))?;
    refuse_recursion(module, function)?;
    module.strip_debug_info();
    module.set_triple(&machine.triple());
    module.set_data_layout(&machine.data_layout());
    let is_vast = !optimise_vast && size_budget::is_vast(function);
    let out_of_line = size_budget::out_of_line(function);
    let mut shared = Vec::new();
    for other in module.functions() {
        other.use_c_calling_convention();
        if other.is_declaration() {
            mark_convergent(module, other);
            sub_group::mark(module, other);
        } else {
            make_inlinable(other);
            if out_of_line.contains(&other) {
                other.set_linkage(Linkage::LLVMInternalLinkage);
                other.add_attribute(module.context().enum_attribute("noinline", 0));
            } else if is_shared(other) {
                shared.push(other);
            } else if other != function {
                inline_always(module, other);
            }
        }
    }
    let run = |passes| module.run_passes(passes, machine).map_err(Error::Internal);
    if !is_vast && shared.iter().any(|function| function.users().len() > 1) {
        run(SHARE)?;
    }
    for function in shared {
        inline_always(module, function);
    }
    run(if is_vast { INLINE_ONLY } else { INLINE })?;
    for instruction in function.instructions() {
        let callee = instruction.called_function();
        let stays = |callee: &Value| callee.is_declaration() || out_of_line.contains(callee);
        if let Some(callee) = callee.filter(|callee| !stays(callee)) {
            let name = callee.name();
            return Err(Error::Internal(format!("{name} was not inlined")));
        }
    }
    copy_structures(module, function);
    Ok(Prepared { function, is_vast })
}

/// Whether a function is a part of builtins that several of them have in common.
fn is_shared(function: Value) -> bool {
    let name = function.name();
    BuiltinName::parse(&name).is_some_and(|name| name.name.starts_with("__isocl_"))
}

fn inline_always(module: &Module, function: Value) {
    function.set_linkage(Linkage::LLVMInternalLinkage);
    function.add_attribute(module.context().enum_attribute("alwaysinline", 0));
}

fn make_inlinable(function: Value) {
    for attribute in ["noinline", "optnone", "alwaysinline"] {
        function.remove_attribute(attribute);
    }
    for call in function.instructions() {
        if call.opcode() == Some(Opcode::LLVMCall) {
            call.use_c_calling_convention();
            call.remove_call_attribute("noinline");
        }
    }
}

/// Calls at which work-items meet must not be copied or moved under other conditions.
fn mark_convergent(module: &Module, function: Value) {
    let name = function.name();
    if size_budget::is_meeting(&name) {
        function.add_attribute(module.context().enum_attribute("convergent", 0));
    }
}

/// OpenCL C 3.0 §6.11.i: recursion is not supported.
///
/// # Errors
/// [`Error::Link`] with the name of a function that `kernel` calls and that calls itself.
pub fn refuse_recursion(module: &Module, kernel: Value) -> Result<(), Error> {
    let mut state: HashMap<Value, bool> = HashMap::from([(kernel, true)]);
    let mut stack = vec![(kernel, callees(kernel))];
    while let Some((function, pending)) = stack.last_mut() {
        let Some(callee) = pending.pop() else {
            state.insert(*function, false);
            stack.pop();
            continue;
        };
        match state.get(&callee) {
            Some(true) => {
                let name = undefined::source_name(&callee.name());
                let message = undefined::message(module, "isocl.recursive", &name);
                return Err(Error::Link(message.unwrap_or_else(|| {
                    format!("error: function '{name}' calls itself, which is not supported\n")
                })));
            }
            Some(false) => {}
            None => {
                state.insert(callee, true);
                stack.push((callee, callees(callee)));
            }
        }
    }
    Ok(())
}

fn callees(function: Value) -> Vec<Value> {
    function
        .instructions()
        .into_iter()
        .filter_map(Value::called_function)
        .filter(|callee| !callee.is_declaration())
        .collect()
}

/// Gives each work-item a copy of structure arguments that it may change.
fn copy_structures(module: &Module, function: Value) {
    for (index, parameter) in function.parameters().into_iter().enumerate() {
        let Some(of) = function.byval_type(index as u32) else {
            continue;
        };
        if !is_only_read(parameter) {
            copy_structure(module, function, parameter, of);
        }
    }
}

fn copy_structure(module: &Module, function: Value, parameter: Value, of: Type) {
    let builder = module.context().builder();
    if let Some(first) = function.entry_block().first_instruction() {
        builder.position_before(first);
    }
    let copy = builder.alloca(of, &parameter.name());
    let alignment = module.alignment_of(of).max(16);
    copy.set_alignment(alignment);
    parameter.replace_all_uses(copy);
    let bytes = module.context().constant(64, module.size_of(of));
    builder.copy_memory(copy, parameter, 1, bytes);
}

/// Whether memory at `address` is loaded from and nothing else.
fn is_only_read(address: Value) -> bool {
    address.users().into_iter().all(|user| match user.opcode() {
        Some(Opcode::LLVMLoad) => true,
        Some(Opcode::LLVMGetElementPtr) => is_only_read(user),
        Some(Opcode::LLVMCall) => copies_from(user, address),
        _ => false,
    })
}

fn copies_from(call: Value, address: Value) -> bool {
    let copies = call
        .called_function()
        .is_some_and(|callee| callee.name().starts_with("llvm.memcpy."));
    copies && call.operand(0) != address
}

/// Removes declarations that nothing uses any more.
pub fn drop_unused_declarations(module: &Module) {
    for function in module.functions() {
        if function.is_declaration() && !function.is_used() {
            function.erase_function();
        }
    }
    for variable in module.globals() {
        let private = variable.ty().address_space() != address_space::GLOBAL;
        if private && variable.is_declaration() && !variable.is_used() {
            variable.erase_global();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;

    fn run(text: &str) -> Result<String, Error> {
        let context = Context::new();
        let module = context.parse_ir(text).unwrap();
        let machine = TargetMachine::host().unwrap();
        prepare(&module, "k", &machine, false)?;
        module.verify().unwrap();
        Ok(module.to_string())
    }

    #[test]
    fn functions_and_kernels_are_inlined_whatever_they_say() {
        let text = run("target triple = \"spir64\"
            define spir_func i32 @f(i32 %x) noinline optnone { ret i32 %x }
            define spir_kernel void @other(ptr addrspace(1) %p) {
            %v = call spir_func i32 @f(i32 3) noinline
            store i32 %v, ptr addrspace(1) %p
            ret void }
            define spir_kernel void @k(ptr addrspace(1) %p) {
            call spir_kernel void @other(ptr addrspace(1) %p)
            ret void }")
        .unwrap();
        assert!(text.contains("store i32 3"), "{text}");
        assert!(!text.contains("@f("), "{text}");
        assert!(!text.contains("spir"), "{text}");
    }

    #[test]
    fn recursion_is_an_error_with_the_name() {
        let error = run("define void @even(i32 %x) { call void @odd(i32 %x)
            ret void }
            define void @odd(i32 %x) { call void @even(i32 %x)
            ret void }
            define void @k() { call void @even(i32 3)
            ret void }")
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("calls itself") && error.contains("'even'"),
            "{error}"
        );
    }

    #[test]
    fn changed_structures_are_copied_and_others_are_not() {
        let changed = run("define void @k(ptr byval([9 x i32]) %s, i64 %i, ptr %o) {
            %p = getelementptr [9 x i32], ptr %s, i64 0, i64 %i
            store i32 1, ptr %p
            %v = load i32, ptr %s
            store i32 %v, ptr %o
            ret void }")
        .unwrap();
        assert!(changed.contains("alloca [9 x i32]"), "{changed}");
        let read = run("define void @k(ptr byval([9 x i32]) %s, i64 %i, ptr %o) {
            %p = getelementptr [9 x i32], ptr %s, i64 0, i64 %i
            %v = load i32, ptr %p
            store i32 %v, ptr %o
            ret void }")
        .unwrap();
        assert!(!read.contains("alloca"), "{read}");
    }
}
