//! Which functions stay functions: a kernel that calls builtins thousands of times would take
//! minutes to compile with all of them inlined.

use std::collections::{HashMap, HashSet};

use crate::host_math;
use crate::llvm::{Opcode, Value};

/// Most instructions of a kernel with everything inlined.
const MOST_INSTRUCTIONS: usize = 20_000;

/// Fewer instructions take longer to call than to copy.
const LEAST_OUT_OF_LINE: usize = 20;

/// More instructions, with everything inlined, take a noticeable time to compile.
const MOST_OF_BRIEF: usize = 3_000;

/// Whether a kernel is compiled in a moment: within a tenth of a second or two.
pub fn is_brief(kernel: Value) -> bool {
    size(kernel, &mut HashMap::new()).instructions <= MOST_OF_BRIEF
}

/// The functions that a kernel calls instead of having copies of them, if it would become too large.
pub fn out_of_line(kernel: Value) -> HashSet<Value> {
    let mut known = HashMap::new();
    if size(kernel, &mut known).instructions <= MOST_INSTRUCTIONS {
        return HashSet::new();
    }
    let stays = |(function, size): (Value, Size)| {
        let is_large = size.instructions >= LEAST_OUT_OF_LINE;
        (function != kernel && is_large && size.only_computes).then_some(function)
    };
    known.into_iter().filter_map(stays).collect()
}

/// A function with all that it calls.
#[derive(Debug, Clone, Copy)]
struct Size {
    instructions: usize,
    /// It calls nothing that later stages replace in kernels only: work-item functions, barriers,
    /// atomics.
    only_computes: bool,
}

fn size(function: Value, known: &mut HashMap<Value, Size>) -> Size {
    if let Some(&size) = known.get(&function) {
        return size;
    }
    let mut sum = Size {
        instructions: 0,
        only_computes: true,
    };
    for instruction in function.instructions() {
        sum.instructions += 1;
        match instruction.called_function() {
            Some(callee) if !callee.is_declaration() => {
                let callee = size(callee, known);
                sum.instructions = sum.instructions.saturating_add(callee.instructions);
                sum.only_computes &= callee.only_computes;
            }
            Some(callee) => {
                let is_host = host_math::is_for_library(&callee.name());
                sum.only_computes &= is_host || instruction.is_intrinsic_call();
            }
            None => {
                let is_call = instruction.opcode() == Some(Opcode::LLVMCall);
                sum.only_computes &= !is_call;
            }
        }
    }
    known.insert(function, sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;

    /// The functions that a kernel with so many calls of each does not have copies of.
    fn kept(calls: usize) -> Vec<String> {
        let large: String = (0..30)
            .map(|i| format!("%v{} = add i32 %v{i}, %v0\n", i + 1))
            .collect();
        let function = |name: &str, more: &str| {
            format!("define i32 @{name}(i32 %v0) {{ {large} {more} ret i32 %v30 }}\n")
        };
        let call = |name: &str| format!("call i32 @{name}(i32 %n)\n").repeat(calls);
        let text = format!(
            "declare void @barrier()
            declare double @isocl_host_sin(double)
            define i32 @small(i32 %n) {{ ret i32 %n }}
            {}{}{}{}
            define void @k(i32 %n) {{ {}{}{}{}{} ret void }}",
            function("computes", ""),
            function("meets", "call void @barrier()"),
            function("calls", "%x = call i32 @computes(i32 %v3)"),
            function("asks", "%x = call double @isocl_host_sin(double 1.0)"),
            call("small"),
            call("computes"),
            call("meets"),
            call("calls"),
            call("asks"),
        );
        let context = Context::new();
        let module = context.parse_ir(&text).unwrap();
        let kept = out_of_line(module.function("k").unwrap());
        let mut names: Vec<_> = kept.into_iter().map(Value::name).collect();
        names.sort();
        names
    }

    #[test]
    fn only_too_many_copies_of_what_only_computes_are_avoided() {
        assert_eq!(kept(10), Vec::<String>::new());
        assert_eq!(kept(1000), ["asks", "calls", "computes"]);
    }
}
