//! Which values are the same for all work-items of a work-group, and where all of them arrive
//! together.
//!
//! A block is **convergent** when every work-item of the group runs it equally often: only
//! branches that all of them take the same way decide about it. A value is **uniform** when it is
//! computed in a convergent block from uniform values by an operation without memory. A branch
//! is taken **together** when its condition is uniform, or when the language demands it: one
//! way certainly leads to a barrier that the other cannot reach, and OpenCL C 3.0 §6.15.8 wants all
//! work-items at the same barrier.
//!
//! Control flow that is not taken together may still surround a barrier that no work-item
//! happens to reach; nothing is assumed about it.

use std::collections::HashSet;

use crate::barrier::{self, Rendezvous};
use crate::control_flow::ControlFlow;
use crate::llvm::{address_space, Opcode, Value};
use crate::pure_intrinsic;
use crate::work_item::Primitive;

/// Result of the analysis of one function.
#[derive(Debug)]
pub struct Shape {
    /// By block number: all work-items run the block equally often.
    pub convergent: Vec<bool>,
    /// By block number: the block ends in a branch that all work-items take the same way, and
    /// barriers depend on it.
    pub group_branch: Vec<bool>,
    varying: HashSet<Value>,
}

impl Shape {
    /// Analyses a function whose barriers begin their blocks.
    pub fn new(flow: &ControlFlow) -> Self {
        let count = flow.blocks.len();
        let rendezvous: Vec<bool> = flow
            .blocks
            .iter()
            .map(|&block| barrier::at_start(block).is_some())
            .collect();
        let branches: Vec<_> = (0..count)
            .map(|block| BranchFacts::new(flow, block, &rendezvous))
            .collect();
        let mut shape = Self {
            convergent: vec![true; count],
            group_branch: vec![false; count],
            varying: HashSet::new(),
        };
        let depends = flow.control_dependence();
        while shape.spread_varying(flow) | shape.spread_divergence(flow, &depends, &branches) {}
        for block in 0..count {
            shape.group_branch[block] = branches[block].encloses_barrier
                && shape.convergent[block]
                && shape.taken_together(flow, block, &branches);
        }
        shape
    }

    /// Whether all work-items see the same value.
    pub fn is_uniform(&self, value: Value) -> bool {
        !self.varying.contains(&value)
    }

    fn taken_together(&self, flow: &ControlFlow, block: usize, branches: &[BranchFacts]) -> bool {
        branches[block].demanded_uniform
            || condition(flow, block).is_none_or(|condition| self.is_uniform(condition))
    }

    fn spread_varying(&mut self, flow: &ControlFlow) -> bool {
        let before = self.varying.len();
        for (number, &block) in flow.blocks.iter().enumerate() {
            for instruction in block.instructions() {
                if !self.varying.contains(&instruction)
                    && !is_same_for_all(instruction)
                    && (!self.convergent[number] || self.differs(flow, instruction))
                {
                    self.varying.insert(instruction);
                }
            }
        }
        self.varying.len() != before
    }

    /// Whether `instruction`, in a convergent block, may differ between work-items.
    fn differs(&self, flow: &ControlFlow, instruction: Value) -> bool {
        let by_operands = || {
            instruction
                .operands()
                .into_iter()
                .any(|operand| self.varying.contains(&operand))
        };
        match instruction.opcode() {
            Some(Opcode::LLVMPHI) => {
                let diverges = |number: usize| !self.convergent[number];
                instruction.incoming().into_iter().any(|(value, block)| {
                    self.varying.contains(&value) || flow.number(block).is_some_and(diverges)
                })
            }
            Some(Opcode::LLVMLoad) => {
                let constant =
                    instruction.operand(0).ty().address_space() == address_space::CONSTANT;
                !constant || instruction.is_ordered_access() || by_operands()
            }
            Some(Opcode::LLVMCall) => {
                if let Some(primitive) = Primitive::of_call(instruction) {
                    return !primitive.is_uniform();
                }
                match barrier::rendezvous(instruction) {
                    Some(Rendezvous::Barrier { .. }) => false,
                    Some(Rendezvous::Collective { .. }) => true,
                    None => !pure_intrinsic::is_pure(instruction) || by_operands(),
                }
            }
            Some(
                Opcode::LLVMAlloca
                | Opcode::LLVMAtomicRMW
                | Opcode::LLVMAtomicCmpXchg
                | Opcode::LLVMVAArg,
            ) => true,
            // Two uses of the same undefined bits may differ.
            Some(Opcode::LLVMFreeze) => true,
            _ => by_operands(),
        }
    }

    fn spread_divergence(
        &mut self,
        flow: &ControlFlow,
        depends: &[Vec<usize>],
        branches: &[BranchFacts],
    ) -> bool {
        let mut changed = false;
        for (block, branches_above) in depends.iter().enumerate() {
            let diverges = |&branch: &usize| {
                !self.convergent[branch] || !self.taken_together(flow, branch, branches)
            };
            if self.convergent[block] && branches_above.iter().any(diverges) {
                self.convergent[block] = false;
                changed = true;
            }
        }
        changed
    }
}

/// Whether this is a collective call with one result for the work-group: whatever control flow it is in,
/// work-items that call it call it together.
fn is_same_for_all(instruction: Value) -> bool {
    let uniform_result = true;
    barrier::rendezvous(instruction) == Some(Rendezvous::Collective { uniform_result })
}

/// Value that decides where a block goes, if it may go several ways.
pub fn condition(flow: &ControlFlow, block: usize) -> Option<Value> {
    if flow.successors[block].len() < 2 {
        return None;
    }
    Some(flow.blocks[block].terminator()?.operand(0))
}

/// What is known of the end of a block without looking at values.
#[derive(Debug, Default)]
struct BranchFacts {
    /// Some path from the branch to where its ways meet again has a barrier.
    encloses_barrier: bool,
    /// One way certainly meets a barrier there that another cannot meet first.
    demanded_uniform: bool,
}

impl BranchFacts {
    fn new(flow: &ControlFlow, block: usize, rendezvous: &[bool]) -> Self {
        let mut facts = Self::default();
        if flow.successors[block].len() < 2 || !rendezvous.contains(&true) {
            return facts;
        }
        let meet = flow.post_dominator[block];
        // Per way: the barriers it meets first, and whether it always meets one.
        let ways: Vec<(HashSet<usize>, bool)> = flow.successors[block]
            .iter()
            .map(|&way| {
                let stop = |b: usize| Some(b) == meet || rendezvous[b];
                let (inside, frontier) = flow.reach(way, stop);
                let escapes = frontier.iter().any(|&b| Some(b) == meet)
                    || inside.iter().any(|&b| flow.successors[b].is_empty());
                let barriers = frontier.into_iter().filter(|&b| Some(b) != meet);
                (barriers.collect(), !escapes)
            })
            .collect();
        facts.encloses_barrier = ways.iter().any(|way| !way.0.is_empty());
        facts.demanded_uniform = ways.iter().enumerate().any(|(this, way)| {
            let alone = |(other, others): (usize, &(HashSet<usize>, bool))| {
                other == this || others.0.is_disjoint(&way.0)
            };
            way.1 && !way.0.is_empty() && ways.iter().enumerate().all(alone)
        });
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;

    /// Names of blocks for which `list` holds.
    fn names(flow: &ControlFlow, list: &[bool]) -> Vec<String> {
        let blocks = flow.blocks.iter().zip(list);
        blocks
            .filter(|pair| *pair.1)
            .map(|pair| pair.0.name())
            .collect()
    }

    fn analyse(text: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
        let context = Context::new();
        let text = format!(
            "declare void @_Z7barrierj(i32)
            declare i64 @isocl.local_id.0()
            declare i64 @isocl.group_id.0()
            {text}"
        );
        let module = context.parse_ir(&text).unwrap();
        let function = module.function("f").unwrap();
        let flow = ControlFlow::new(function);
        let shape = Shape::new(&flow);
        let uniform = function.instructions().into_iter();
        let uniform = uniform.filter(|&value| shape.is_uniform(value));
        let mut uniform: Vec<_> = uniform.map(Value::name).collect();
        uniform.retain(|name| !name.is_empty());
        (
            names(&flow, &shape.convergent),
            names(&flow, &shape.group_branch),
            uniform,
        )
    }

    #[test]
    fn a_uniform_loop_around_a_barrier_is_taken_once() {
        let (convergent, branches, uniform) = analyse(
            "define void @f(i64 %n, ptr addrspace(1) %p) {
            entry:
            %id = call i64 @isocl.local_id.0()
            %group = call i64 @isocl.group_id.0()
            br label %head
            head:
            %i = phi i64 [ %group, %entry ], [ %next, %body ]
            %sum = phi i64 [ 0, %entry ], [ %more, %body ]
            %c = icmp ult i64 %i, %n
            br i1 %c, label %body, label %out
            body:
            call void @_Z7barrierj(i32 1)
            %more = add i64 %sum, %id
            %next = add i64 %i, 1
            br label %head
            out: ret void }",
        );
        assert_eq!(convergent, ["entry", "head", "body", "out"]);
        assert_eq!(branches, ["head"]);
        assert_eq!(uniform, ["group", "i", "c", "next"]);
    }

    #[test]
    fn a_condition_from_memory_is_uniform_where_a_barrier_demands_it() {
        let (convergent, branches, _) = analyse(
            "define void @f(ptr addrspace(3) %p) {
            entry: br label %head
            head:
            call void @_Z7barrierj(i32 1)
            %c = load i1, ptr addrspace(3) %p
            br i1 %c, label %head, label %out
            out: ret void }",
        );
        assert_eq!(convergent, ["entry", "head", "out"]);
        assert_eq!(branches, ["head"]);
    }

    #[test]
    fn divergent_code_around_a_conditional_barrier_is_left_alone() {
        let (convergent, branches, uniform) = analyse(
            "define void @f(i1 %flag) {
            entry:
            %id = call i64 @isocl.local_id.0()
            %c = icmp ult i64 %id, 5
            br i1 %c, label %some, label %out
            some:
            br i1 %flag, label %meet, label %out
            meet:
            call void @_Z7barrierj(i32 1)
            br label %out
            out:
            %v = phi i64 [ 1, %entry ], [ 2, %some ], [ 3, %meet ]
            %w = add i64 4, 5
            ret void }",
        );
        assert_eq!(convergent, ["entry", "out"]);
        assert!(branches.is_empty());
        assert_eq!(uniform, ["w"]);
    }

    #[test]
    fn branches_without_barriers_stay_with_the_work_items() {
        let (_, branches, _) = analyse(
            "define void @f(i1 %flag) {
            entry: br i1 %flag, label %a, label %b
            a: br label %b
            b: br label %meet
            meet:
            call void @_Z7barrierj(i32 1)
            ret void }",
        );
        assert!(branches.is_empty());
    }
}
