//! Which functions stay functions: a kernel that calls builtins thousands of times would take
//! minutes to compile with all of them inlined.

use std::collections::{HashMap, HashSet};

use crate::control_flow::ControlFlow;
use crate::host_math;
use crate::llvm::{Opcode, Value};

/// Most instructions of a kernel with everything inlined.
const MOST_INSTRUCTIONS: usize = 20_000;

/// Fewer instructions take longer to call than to copy.
const LEAST_OUT_OF_LINE: usize = 20;

/// More instructions, with everything inlined, take a noticeable time to compile.
const MOST_OF_BRIEF: usize = 3_000;

/// Loops and choices between several ways, and places where work-items meet, of a kernel that is still
/// optimised: beyond, that would take time that grows with the square of their number.
const MOST_OF_OPTIMISED: Knots = Knots {
    ways: 2_500,
    meetings: 500,
};

/// Kernels of fewer instructions have not as many.
const LEAST_OF_VAST: usize = 4_000;

/// Loops of a kernel from which on LLVM's passes for loops would take most of the time.
pub const MANY_LOOPS: usize = 300;

/// Whether a kernel is too large to be optimised.
pub fn is_vast(kernel: Value) -> bool {
    if size(kernel, &mut HashMap::new()).instructions < LEAST_OF_VAST {
        return false;
    }
    let found = knots(kernel, &mut HashMap::new());
    found.ways > MOST_OF_OPTIMISED.ways || found.meetings > MOST_OF_OPTIMISED.meetings
}

/// What makes the control flow of a function with all that it calls.
#[derive(Debug, Clone, Copy)]
struct Knots {
    /// Loops, and choices between several ways.
    ways: usize,
    /// Calls at which work-items meet.
    meetings: usize,
}

fn knots(function: Value, known: &mut HashMap<Value, Knots>) -> Knots {
    if let Some(&knots) = known.get(&function) {
        return knots;
    }
    let mut sum = Knots {
        ways: ControlFlow::new(function).count_loops(),
        meetings: 0,
    };
    for instruction in function.instructions() {
        if instruction.opcode() == Some(Opcode::LLVMSwitch) {
            sum.ways += 1;
        }
        match instruction.called_function() {
            Some(callee) if !callee.is_declaration() => {
                let callee = knots(callee, known);
                sum.ways = sum.ways.saturating_add(callee.ways);
                sum.meetings = sum.meetings.saturating_add(callee.meetings);
            }
            Some(callee) => sum.meetings += usize::from(is_meeting(&callee.name())),
            None => {}
        }
    }
    known.insert(function, sum);
    sum
}

/// Whether work-items meet at calls of this builtin.
pub fn is_meeting(name: &str) -> bool {
    name.contains("barrier") || name.contains("work_group_")
}

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
        // Thousands of ways take longer than thousands of instructions.
        let is_large = size.instructions >= LEAST_OUT_OF_LINE || function.blocks().len() > 1;
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
            define i32 @chooses(i32 %n) {{
              %c = icmp eq i32 %n, 0
              br i1 %c, label %a, label %b
            a: ret i32 1
            b: ret i32 %n
            }}
            {}{}{}{}
            define void @k(i32 %n) {{ {}{}{}{}{}{} ret void }}",
            function("computes", ""),
            function("meets", "call void @barrier()"),
            function("calls", "%x = call i32 @computes(i32 %v3)"),
            function("asks", "%x = call double @isocl_host_sin(double 1.0)"),
            call("small"),
            call("chooses"),
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
        assert_eq!(kept(1000), ["asks", "calls", "chooses", "computes"]);
    }

    #[test]
    fn kernels_of_thousands_of_loops_switches_or_barriers_are_vast() {
        let vast = |calls: usize, name: &str| {
            let call = format!("call void @{name}(i32 %n)\n");
            let text = format!(
                "declare void @_Z7barrierj(i32)
                define void @line(i32 %n) {{ {} ret void }}
                define void @loop(i32 %n) {{
                  br label %l
                l: %i = phi i32 [ 0, %0 ], [ %j, %l ]
                  %j = add i32 %i, 1
                  %c = icmp ult i32 %j, %n
                  br i1 %c, label %l, label %e
                e: ret void
                }}
                define void @choice(i32 %n) {{
                  switch i32 %n, label %a [ i32 1, label %b ]
                a: call void @loop(i32 %n)
                  ret void
                b: ret void
                }}
                define void @k(i32 %n) {{ {} ret void }}",
                call.replace(name, "_Z7barrierj"),
                call.repeat(calls),
            );
            let context = Context::new();
            let module = context.parse_ir(&text).unwrap();
            is_vast(module.function("k").unwrap())
        };
        assert_eq!([vast(2500, "loop"), vast(2501, "loop")], [false, true]);
        assert_eq!([vast(1250, "choice"), vast(1251, "choice")], [false, true]);
        assert_eq!([vast(3, "line"), vast(2000, "line")], [false, true]);
        assert!(!vast(400, "_Z7barrierj"));
    }
}
