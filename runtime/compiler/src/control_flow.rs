//! The control-flow graph of one function: numbered blocks, post-dominators, control dependence.

use std::collections::HashMap;

use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::llvm::{Block, Value};

/// Blocks of a function by number; number 0 is the entry. Unreachable blocks have no number.
#[derive(Debug)]
pub struct ControlFlow {
    /// The blocks in reverse post-order.
    pub blocks: Vec<Block>,
    /// Numbers of the blocks each block may go to, without duplicates.
    pub successors: Vec<Vec<usize>>,
    /// Numbers of the blocks each block may be entered from, without duplicates.
    pub predecessors: Vec<Vec<usize>>,
    /// Nearest block every path to the end goes through; `None` when that is the end itself.
    pub post_dominator: Vec<Option<usize>>,
    numbers: HashMap<Block, usize>,
}

impl ControlFlow {
    /// Reads the graph of a function with a body.
    pub fn new(function: Value) -> Self {
        let blocks = reverse_post_order(function.entry_block());
        let numbers: HashMap<_, _> = blocks
            .iter()
            .enumerate()
            .map(|(number, &block)| (block, number))
            .collect();
        let mut predecessors = vec![Vec::new(); blocks.len()];
        let mut successors = vec![Vec::new(); blocks.len()];
        for (number, block) in blocks.iter().enumerate() {
            for successor in block.successors() {
                let successor = numbers[&successor];
                if !successors[number].contains(&successor) {
                    successors[number].push(successor);
                    predecessors[successor].push(number);
                }
            }
        }
        let post_dominator = post_dominators(&successors, &predecessors);
        Self {
            blocks,
            successors,
            predecessors,
            post_dominator,
            numbers,
        }
    }

    /// Whether some block may run twice.
    pub fn has_loops(&self) -> bool {
        self.count_loops() > 0
    }

    /// Number of ways back to a loop's beginning.
    pub fn count_loops(&self) -> usize {
        let blocks = self.successors.iter().enumerate();
        // In reverse post-order only these go up.
        let goes_up = |(number, successors): (usize, &Vec<usize>)| {
            successors
                .iter()
                .filter(|&&successor| successor <= number)
                .count()
        };
        blocks.map(goes_up).sum()
    }

    /// Number of a block; `None` for unreachable ones.
    pub fn number(&self, block: Block) -> Option<usize> {
        self.numbers.get(&block).copied()
    }

    /// For every block the branches that decide whether, or how often, it runs.
    pub fn control_dependence(&self) -> Vec<Vec<usize>> {
        let mut depends = vec![Vec::new(); self.blocks.len()];
        for (branch, successors) in self.successors.iter().enumerate() {
            if successors.len() < 2 {
                continue;
            }
            let stop = self.post_dominator[branch];
            for &successor in successors {
                let mut next = Some(successor);
                while next != stop {
                    let Some(block) = next else { break };
                    let list: &mut Vec<usize> = &mut depends[block];
                    if list.last() != Some(&branch) {
                        list.push(branch);
                    }
                    next = self.post_dominator[block];
                }
            }
        }
        depends
    }

    /// Blocks reachable from `start` (itself included) on paths that end in front of blocks for
    /// which `stop` holds; those are returned as second list.
    pub fn reach(&self, start: usize, stop: impl Fn(usize) -> bool) -> (Vec<usize>, Vec<usize>) {
        let mut seen = vec![false; self.blocks.len()];
        let (mut inside, mut frontier) = (Vec::new(), Vec::new());
        let mut work = vec![start];
        while let Some(block) = work.pop() {
            if std::mem::replace(&mut seen[block], true) {
                continue;
            }
            if stop(block) {
                frontier.push(block);
                continue;
            }
            inside.push(block);
            work.extend(&self.successors[block]);
        }
        (inside, frontier)
    }
}

fn reverse_post_order(entry: Block) -> Vec<Block> {
    let mut seen = std::collections::HashSet::from([entry]);
    let mut order = Vec::new();
    let mut stack = vec![(entry, entry.successors())];
    while let Some((block, pending)) = stack.last_mut() {
        if let Some(next) = pending.pop() {
            if seen.insert(next) {
                stack.push((next, next.successors()));
            }
        } else {
            order.push(*block);
            stack.pop();
        }
    }
    order.reverse();
    order
}

/// Post-dominators over a virtual end that follows every block without successors, and one block
/// of every endless loop.
fn post_dominators(successors: &[Vec<usize>], predecessors: &[Vec<usize>]) -> Vec<Option<usize>> {
    let count = successors.len();
    let mut ends: Vec<usize> = (0..count).filter(|&b| successors[b].is_empty()).collect();
    let mut reaches_end = vec![false; count];
    let mut work = ends.clone();
    loop {
        while let Some(block) = work.pop() {
            if !std::mem::replace(&mut reaches_end[block], true) {
                work.extend(&predecessors[block]);
            }
        }
        // The last one in reverse post-order lies deepest in its endless loop.
        let Some(endless) = (0..count).rev().find(|&block| !reaches_end[block]) else {
            break;
        };
        ends.push(endless);
        work.push(endless);
    }
    let mut reversed = DiGraph::<(), ()>::with_capacity(count + 1, count * 2);
    for _ in 0..=count {
        reversed.add_node(());
    }
    let end = NodeIndex::new(count);
    for block in ends {
        reversed.add_edge(end, NodeIndex::new(block), ());
    }
    for (block, list) in successors.iter().enumerate() {
        for &successor in list {
            reversed.add_edge(NodeIndex::new(successor), NodeIndex::new(block), ());
        }
    }
    let dominators = simple_fast(&reversed, end);
    (0..count)
        .map(|block| {
            dominators
                .immediate_dominator(NodeIndex::new(block))
                .map(NodeIndex::index)
                .filter(|&number| number != count)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;

    #[test]
    fn a_loop_body_depends_on_the_loop_test_and_the_code_behind_does_not() {
        let context = Context::new();
        let module = context
            .parse_ir(
                "define void @f(i1 %c) {
                entry: br label %head
                head: br i1 %c, label %body, label %out
                body: br label %head
                out: ret void }",
            )
            .unwrap();
        let flow = ControlFlow::new(module.function("f").unwrap());
        let names: Vec<_> = flow.blocks.iter().map(|block| block.name()).collect();
        let number = |name: &str| names.iter().position(|other| other == name).unwrap();
        let depends = flow.control_dependence();
        assert_eq!(depends[number("body")], [number("head")]);
        assert_eq!(depends[number("head")], [number("head")]);
        assert!(depends[number("out")].is_empty());
        assert_eq!(flow.post_dominator[number("head")], Some(number("out")));
    }

    #[test]
    fn an_endless_loop_has_post_dominators_too() {
        let context = Context::new();
        let module = context
            .parse_ir(
                "define void @f(i1 %c) {
                entry: br i1 %c, label %spin, label %out
                spin: br label %spin
                out: ret void }",
            )
            .unwrap();
        let flow = ControlFlow::new(module.function("f").unwrap());
        assert_eq!(flow.blocks.len(), 3);
        assert!(flow.post_dominator.iter().all(Option::is_none));
    }
}
