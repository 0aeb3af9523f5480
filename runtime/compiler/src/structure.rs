//! Gives a function with barriers the form the next stages want:
//!
//! - every way leads to the end: a `switch` that knows all its values has no way to nowhere;
//! - every barrier or collective call begins its block, which has no phis;
//! - a collective call stands alone in its block, and no other one follows at once: what it takes has
//!   to be left in memory in between;
//! - an edge from a branch with several ways, or from a collective call, to a block with phis has a
//!   block of its own.

use std::collections::HashMap;

use crate::barrier::{self, Rendezvous};
use crate::llvm::{Block, Context, Opcode, Value};

/// Whether a function meets at barriers at all.
pub fn has_barriers(function: Value) -> bool {
    function
        .instructions()
        .into_iter()
        .any(|instruction| barrier::rendezvous(instruction).is_some())
}

/// Brings `function` into the form described above.
pub fn prepare(context: &Context, function: Value) {
    for block in function.blocks() {
        leave_out_unreachable_default(block);
    }
    for block in function.blocks() {
        isolate_barriers(context, block);
    }
    for block in function.blocks() {
        part_from_next_collective(context, block);
    }
    for block in function.blocks() {
        split_edges_into(context, block);
    }
}

/// Sends the values that a `switch` at the end of `block` never sees where it sends its first case.
fn leave_out_unreachable_default(block: Block) {
    let Some(switch) = block.terminator() else {
        return;
    };
    let successors = switch.successors();
    let [default, first, ..] = successors[..] else {
        return;
    };
    let leads_nowhere =
        default.first_instruction().and_then(Value::opcode) == Some(Opcode::LLVMUnreachable);
    if switch.opcode() != Some(Opcode::LLVMSwitch) || !leads_nowhere {
        return;
    }
    switch.set_successor(0, first);
    for phi in first.phis() {
        let pairs = phi.incoming();
        if let Some(pair) = pairs.iter().find(|(_, from)| *from == block) {
            phi.add_incoming(&[*pair]);
        }
    }
}

fn begins_with_collective(block: Block) -> bool {
    matches!(
        barrier::at_start(block),
        Some((_, Rendezvous::Collective { .. }))
    )
}

/// Puts an empty block between two collective calls.
fn part_from_next_collective(context: &Context, block: Block) {
    if !begins_with_collective(block) {
        return;
    }
    let Some(terminator) = block.terminator() else {
        return;
    };
    for (index, next) in terminator.successors().into_iter().enumerate() {
        if begins_with_collective(next) {
            let between = context.insert_block(next, "");
            let builder = context.builder();
            builder.position_at_end(between);
            builder.branch(next);
            terminator.set_successor(index as u32, between);
        }
    }
}

fn isolate_barriers(context: &Context, block: Block) {
    for instruction in block.instructions() {
        let Some(kind) = barrier::rendezvous(instruction) else {
            continue;
        };
        if block.first_instruction() != Some(instruction) || is_entry(block) {
            move_head(context, block, instruction);
        }
        if let (Rendezvous::Collective { .. }, Some(next)) = (kind, instruction.next_instruction())
        {
            // An unconditional branch behind the call already is what is wanted.
            if next.opcode() != Some(Opcode::LLVMBr) || next.is_conditional() {
                move_head(context, block, next);
            }
        }
    }
}

fn is_entry(block: Block) -> bool {
    block.function().entry_block() == block
}

/// Moves what stands in front of `first` to a new block that all predecessors enter instead. The
/// old block keeps the terminator, so the phis behind it need no change.
fn move_head(context: &Context, block: Block, first: Value) {
    let head = context.insert_block(block, "");
    for user in block.as_value().users() {
        for (index, successor) in user.successors().into_iter().enumerate() {
            if successor == block {
                user.set_successor(index as u32, head);
            }
        }
    }
    let builder = context.builder();
    builder.position_at_end(head);
    for instruction in block.instructions() {
        if instruction == first {
            break;
        }
        instruction.remove();
        builder.insert(instruction, "");
    }
    builder.branch(block);
}

/// Splits the edges from branches with several ways and from collective calls into `block` if it has
/// phis.
fn split_edges_into(context: &Context, block: Block) {
    let phis = block.phis();
    let Some(&first) = phis.first() else {
        return;
    };
    let mut split = HashMap::new();
    for (_, predecessor) in first.incoming() {
        let Some(terminator) = predecessor.terminator() else {
            continue;
        };
        let successors = terminator.successors();
        // What follows a collective call begins with a block of its own, too.
        let stays = successors.iter().all(|&s| s == block) && !begins_with_collective(predecessor);
        if split.contains_key(&predecessor) || stays {
            continue;
        }
        let edge = context.insert_block(block, "");
        for (index, successor) in successors.into_iter().enumerate() {
            if successor == block {
                terminator.set_successor(index as u32, edge);
            }
        }
        let builder = context.builder();
        builder.position_at_end(edge);
        builder.branch(block);
        split.insert(predecessor, edge);
    }
    if split.is_empty() {
        return;
    }
    let builder = context.builder();
    for phi in phis {
        builder.position_before(phi);
        let replacement = builder.phi(phi.ty(), "");
        let mut pairs: Vec<(Value, Block)> = Vec::new();
        for (value, predecessor) in phi.incoming() {
            match split.get(&predecessor) {
                // Several ways of one branch became a single edge.
                Some(&edge) if pairs.iter().any(|pair| pair.1 == edge) => {}
                Some(&edge) => pairs.push((value, edge)),
                None => pairs.push((value, predecessor)),
            }
        }
        replacement.add_incoming(&pairs);
        phi.replace_all_uses(replacement);
        phi.erase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: &str) -> String {
        let context = Context::new();
        let module = context.parse_ir(text).unwrap();
        let function = module.function("f").unwrap();
        prepare(&context, function);
        module.verify().unwrap();
        for block in function.blocks() {
            for instruction in block.instructions().into_iter().skip(1) {
                assert_eq!(barrier::rendezvous(instruction), None);
            }
        }
        module.to_string()
    }

    #[test]
    fn several_barriers_in_one_looping_block() {
        let text = prepared(
            "declare void @_Z7barrierj(i32)
            define void @f(i32 %n) {
            entry: br label %loop
            loop:
            %i = phi i32 [ 0, %entry ], [ %j, %loop ]
            call void @_Z7barrierj(i32 1)
            %j = add i32 %i, 1
            call void @_Z7barrierj(i32 1)
            %c = icmp ult i32 %j, %n
            br i1 %c, label %loop, label %out
            out: ret void }",
        );
        assert_eq!(text.matches("_Z7barrierj(i32 1)").count(), 2);
    }

    #[test]
    fn an_entry_block_never_begins_with_a_barrier() {
        let text = prepared(
            "declare void @_Z7barrierj(i32)
            define void @f() { call void @_Z7barrierj(i32 1)
            ret void }",
        );
        assert_eq!(text.matches("br label").count(), 1);
    }

    #[test]
    fn switch_edges_into_phis_are_split_once() {
        prepared(
            "define i32 @f(i32 %n) {
            entry: switch i32 %n, label %out [ i32 1, label %out
              i32 2, label %other ]
            other: br label %out
            out: %p = phi i32 [ 7, %entry ], [ 7, %entry ], [ 8, %other ]
            ret i32 %p }",
        );
    }
}
