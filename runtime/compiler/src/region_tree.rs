//! The control flow of a barrier-free region as a tree: what runs after what, ifs and loops.
//!
//! The tree refers to the blocks of a function whose every branch has a place where its ways meet
//! again, and whose every loop has one entry, one way back and one place it leaves to. Breaks may
//! stand anywhere in a loop. Nothing in it is particular to a processor.

mod meeting;

use std::collections::{HashMap, HashSet};

use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::control_flow::ControlFlow;
use crate::llvm::{Block, Context, Opcode, Value};

/// One step of a sequence.
#[derive(Debug)]
pub enum Node {
    /// The instructions of a block between its phis and its terminator.
    Block(Block),
    /// Two ways that meet again.
    If(If),
    /// A loop.
    Loop(Loop),
    /// Leaves the innermost loop, or goes on behind this node.
    Break {
        /// What is tested.
        condition: Value,
        /// Leaves when the condition has this value.
        when: bool,
        /// The block that ends in the test; phis at the loop's exit refer to it.
        from: Block,
    },
}

/// Two ways, of which one may be empty.
#[derive(Debug)]
pub struct If {
    /// What decides.
    pub condition: Value,
    /// The way for true.
    pub then: Way,
    /// The way for false.
    pub otherwise: Way,
    /// The block with the phis at which the ways meet; it is a step of its own behind this one.
    pub join: Block,
}

/// One way of an [`If`].
#[derive(Debug)]
pub struct Way {
    /// What happens on the way.
    pub steps: Vec<Node>,
    /// The block from which the way reaches the join.
    pub last: Block,
    /// Hardly ever taken, as the program says.
    pub is_rare: bool,
}

/// A way of which the program says that it is taken less often than once in so many times is rare.
const RARE: u64 = 16;

/// A loop that is left by breaks only.
#[derive(Debug)]
pub struct Loop {
    /// The block with the phis at which every turn begins; the first step of the body is its rest.
    pub header: Block,
    /// The block in front of the loop.
    pub before: Block,
    /// One turn.
    pub body: Vec<Node>,
    /// The block that goes back to the header.
    pub latch: Block,
    /// Where the loop leaves to; it has a phi for every value of the loop used behind it.
    pub exit: Block,
}

/// Reads the tree of a function with one `ret`. Where the ways of several branches meet in one block,
/// the inner ones get a block of their own to meet in.
///
/// # Errors
/// What is not structured.
pub fn read(context: &Context, function: Value) -> Result<Vec<Node>, String> {
    loop {
        let flow = ControlFlow::new(function);
        let loops = find_loops(&flow)?;
        let mut reader = Reader {
            flow: &flow,
            loops: &loops,
            levels: HashMap::new(),
            seen: HashSet::new(),
            shared: None,
        };
        let tree = reader.sequence(0, None, None);
        if let Some((join, inner)) = reader.shared {
            meeting::part(context, join, &inner);
            continue;
        }
        let (steps, _) = tree?;
        return if reader.seen.len() == flow.blocks.len() {
            Ok(steps)
        } else {
            Err("blocks are missing in the tree".to_owned())
        };
    }
}

/// The blocks that run several times.
pub fn loop_blocks(tree: &[Node]) -> Vec<Block> {
    fn collect(steps: &[Node], inside: bool, found: &mut Vec<Block>) {
        for step in steps {
            match step {
                Node::Block(block) if inside => found.push(*block),
                Node::Block(_) | Node::Break { .. } => {}
                Node::If(branch) => {
                    collect(&branch.then.steps, inside, found);
                    collect(&branch.otherwise.steps, inside, found);
                }
                Node::Loop(inner) => collect(&inner.body, true, found),
            }
        }
    }
    let mut found = Vec::new();
    collect(tree, false, &mut found);
    found
}

struct NaturalLoop {
    blocks: HashSet<usize>,
    latch: usize,
    exit: usize,
}

/// The loops by header.
fn find_loops(flow: &ControlFlow) -> Result<HashMap<usize, NaturalLoop>, String> {
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<_> = flow.blocks.iter().map(|_| graph.add_node(())).collect();
    for (from, successors) in flow.successors.iter().enumerate() {
        for &to in successors {
            graph.add_edge(nodes[from], nodes[to], ());
        }
    }
    let dominators = simple_fast(&graph, nodes[0]);
    let dominates = |above: usize, below: usize| {
        dominators
            .dominators(nodes[below])
            .is_some_and(|mut all| all.any(|node: NodeIndex| node.index() == above))
    };
    let mut found = HashMap::new();
    for (latch, successors) in flow.successors.iter().enumerate() {
        for &header in successors {
            // Blocks are in reverse post-order: only ways back go to lower numbers.
            if header > latch {
                continue;
            }
            if !dominates(header, latch) {
                return Err("a loop has several entries".to_owned());
            }
            let natural = natural_loop(flow, header, latch)?;
            if found.insert(header, natural).is_some() {
                return Err("a loop has several ways back".to_owned());
            }
        }
    }
    Ok(found)
}

fn natural_loop(flow: &ControlFlow, header: usize, latch: usize) -> Result<NaturalLoop, String> {
    let mut blocks = HashSet::from([header]);
    let mut work = vec![latch];
    while let Some(block) = work.pop() {
        if blocks.insert(block) {
            work.extend(&flow.predecessors[block]);
        }
    }
    let mut exits: Vec<_> = blocks
        .iter()
        .flat_map(|&block| flow.successors[block].iter().copied())
        .filter(|block| !blocks.contains(block))
        .collect();
    exits.sort_unstable();
    exits.dedup();
    match exits[..] {
        [exit] => Ok(NaturalLoop {
            blocks,
            latch,
            exit,
        }),
        [] => Err("a loop has no end".to_owned()),
        _ => Err("a loop leaves to several places".to_owned()),
    }
}

/// Where the ways of each branch meet, at one level of nesting: loops inside count as one step, and
/// the level's own way back and exits do not exist.
type Meetings = HashMap<usize, usize>;

struct Reader<'a> {
    flow: &'a ControlFlow,
    loops: &'a HashMap<usize, NaturalLoop>,
    /// By header of the level's loop.
    levels: HashMap<Option<usize>, Meetings>,
    seen: HashSet<usize>,
    /// A block where the ways of several branches meet, and its predecessors on those of the inner one.
    shared: Option<(Block, Vec<Block>)>,
}

impl Reader<'_> {
    /// Steps from block `start` until `stop` or the end of `level`, and the last block.
    fn sequence(
        &mut self,
        start: usize,
        stop: Option<usize>,
        level: Option<usize>,
    ) -> Result<(Vec<Node>, Option<usize>), String> {
        let mut steps = Vec::new();
        let mut last = None;
        let mut at = start;
        loop {
            if Some(at) == stop {
                return Ok((steps, last));
            }
            if self.loops.contains_key(&at) && level != Some(at) {
                let (node, exit) = self.inner_loop(at, last)?;
                steps.push(node);
                last = None;
                at = exit;
                continue;
            }
            if !self.seen.insert(at) {
                return Err("ways meet in the middle of another way".to_owned());
            }
            steps.push(Node::Block(self.flow.blocks[at]));
            last = Some(at);
            match self.step(at, level)? {
                Step::End => {
                    return match stop {
                        None => Ok((steps, last)),
                        Some(_) => Err("a way ends before it meets the other".to_owned()),
                    }
                }
                Step::GoOn(next) => at = next,
                Step::Break { when, next } => {
                    steps.push(Node::Break {
                        condition: self.condition(at)?,
                        when,
                        from: self.flow.blocks[at],
                    });
                    match next {
                        Some(next) => at = next,
                        None if stop.is_none() => return Ok((steps, last)),
                        None => return Err("a way goes back in the middle".to_owned()),
                    }
                }
                Step::Ways(then, otherwise) => {
                    let join = self.meeting(at, level)?;
                    let mut then = self.way(at, then, join, level)?;
                    let mut otherwise = self.way(at, otherwise, join, level)?;
                    if let Some([often_then, often_otherwise]) = self.weights(at) {
                        then.is_rare = often_then < often_otherwise / RARE;
                        otherwise.is_rare = often_otherwise < often_then / RARE;
                    }
                    if Some(join) == stop {
                        self.meets_alone(at, [&then, &otherwise], join)?;
                    }
                    steps.push(Node::If(If {
                        condition: self.condition(at)?,
                        then,
                        otherwise,
                        join: self.flow.blocks[join],
                    }));
                    at = join;
                    last = None;
                }
            }
        }
    }

    fn way(
        &mut self,
        from: usize,
        start: usize,
        join: usize,
        level: Option<usize>,
    ) -> Result<Way, String> {
        let (steps, _) = self.sequence(start, Some(join), level)?;
        let last = if steps.is_empty() {
            from
        } else {
            // The one predecessor of the join that this way ran.
            self.last_block(&steps, join)?
        };
        Ok(Way {
            steps,
            last: self.flow.blocks[last],
            is_rare: false,
        })
    }

    /// How often a branch goes either way, in some unit, where the program says so.
    fn weights(&self, block: usize) -> Option<[u64; 2]> {
        let weights = self.flow.blocks[block].terminator()?.branch_weights()?;
        weights.try_into().ok()
    }

    /// Checks that nobody else comes to the block where the ways of the branch at the end of `branch`
    /// meet.
    fn meets_alone(&mut self, branch: usize, ways: [&Way; 2], join: usize) -> Result<(), String> {
        let mut blocks = HashSet::from([self.flow.blocks[branch]]);
        for way in ways {
            collect_blocks(&way.steps, &mut blocks);
        }
        let predecessors = self.flow.predecessors[join].iter();
        let (inner, others): (Vec<_>, Vec<_>) = predecessors
            .map(|&block| self.flow.blocks[block])
            .partition(|block| blocks.contains(block));
        if others.is_empty() {
            return Ok(());
        }
        self.shared = Some((self.flow.blocks[join], inner));
        Err("the ways of several branches meet in one block".to_owned())
    }

    /// The predecessor of `join` among the blocks of `steps`.
    fn last_block(&self, steps: &[Node], join: usize) -> Result<usize, String> {
        let mut blocks = HashSet::new();
        collect_blocks(steps, &mut blocks);
        let mut found = self.flow.predecessors[join]
            .iter()
            .copied()
            .filter(|&block| blocks.contains(&self.flow.blocks[block]));
        match (found.next(), found.next()) {
            (Some(last), None) => Ok(last),
            _ => Err("a way reaches its end from several blocks".to_owned()),
        }
    }

    fn inner_loop(&mut self, header: usize, last: Option<usize>) -> Result<(Node, usize), String> {
        let found = &self.loops[&header];
        let (latch, exit) = (found.latch, found.exit);
        let mut outside = self.flow.predecessors[header]
            .iter()
            .copied()
            .filter(|&block| block != latch);
        let before = match (outside.next(), outside.next()) {
            (Some(before), None) if last.is_none_or(|last| last == before) => before,
            _ => return Err("a loop is entered from several blocks".to_owned()),
        };
        let (body, _) = self.sequence(header, None, Some(header))?;
        let block = |number: usize| self.flow.blocks[number];
        let node = Node::Loop(Loop {
            header: block(header),
            before: block(before),
            body,
            latch: block(latch),
            exit: block(exit),
        });
        Ok((node, exit))
    }

    fn condition(&self, block: usize) -> Result<Value, String> {
        self.flow.blocks[block]
            .terminator()
            .filter(|terminator| terminator.is_conditional())
            .map(Value::condition)
            .ok_or_else(|| "a branch has no condition".to_owned())
    }

    /// What the end of a block does, seen from `level`.
    fn step(&self, block: usize, level: Option<usize>) -> Result<Step, String> {
        let terminator = self.flow.blocks[block].terminator();
        let around = level.map(|header| (header, &self.loops[&header]));
        let leaves =
            |next: &usize| around.is_some_and(|(_, natural)| !natural.blocks.contains(next));
        let goes_back = |next: &usize| level == Some(*next);
        let kind = terminator.and_then(Value::opcode);
        // In the order of the branch: first the way for true.
        let ways: Vec<usize> = terminator
            .map(Value::successors)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|successor| self.flow.number(successor))
            .collect();
        match (kind, &ways[..]) {
            (Some(Opcode::LLVMRet), []) if level.is_none() => Ok(Step::End),
            (Some(Opcode::LLVMBr), [only]) if goes_back(only) => Ok(Step::End),
            (Some(Opcode::LLVMBr), [only]) if !leaves(only) => Ok(Step::GoOn(*only)),
            (Some(Opcode::LLVMBr), [then, otherwise]) if then == otherwise => {
                Err("both ways of a branch are the same".to_owned())
            }
            (Some(Opcode::LLVMBr), [then, otherwise]) => match (leaves(then), leaves(otherwise)) {
                (true, true) => Err("a block only leaves its loop".to_owned()),
                (false, false) if goes_back(then) || goes_back(otherwise) => {
                    Err("a way goes back without leaving".to_owned())
                }
                (false, false) => Ok(Step::Ways(*then, *otherwise)),
                (when, _) => {
                    let next = if when { *otherwise } else { *then };
                    Ok(Step::Break {
                        when,
                        next: (!goes_back(&next)).then_some(next),
                    })
                }
            },
            _ => Err("a block ends in an unusual way".to_owned()),
        }
    }

    /// Where the ways of the branch at the end of `block` meet.
    fn meeting(&mut self, block: usize, level: Option<usize>) -> Result<usize, String> {
        let (flow, loops) = (self.flow, self.loops);
        self.levels
            .entry(level)
            .or_insert_with(|| meetings(flow, loops, level))
            .get(&block)
            .copied()
            .ok_or_else(|| "the ways of a branch do not meet".to_owned())
    }
}

enum Step {
    End,
    GoOn(usize),
    Break { when: bool, next: Option<usize> },
    Ways(usize, usize),
}

/// All blocks of a sequence.
pub fn collect_blocks(steps: &[Node], blocks: &mut HashSet<Block>) {
    for step in steps {
        match step {
            Node::Block(block) => {
                blocks.insert(*block);
            }
            Node::If(branch) => {
                collect_blocks(&branch.then.steps, blocks);
                collect_blocks(&branch.otherwise.steps, blocks);
            }
            Node::Loop(inner) => collect_blocks(&inner.body, blocks),
            Node::Break { .. } => {}
        }
    }
}

/// Immediate post-dominators of the graph of one level.
fn meetings(
    flow: &ControlFlow,
    loops: &HashMap<usize, NaturalLoop>,
    level: Option<usize>,
) -> Meetings {
    let inside = |block: usize| level.is_none_or(|header| loops[&header].blocks.contains(&block));
    let mut reversed = DiGraph::<(), ()>::new();
    let end = reversed.add_node(());
    let nodes: HashMap<usize, NodeIndex> = (0..flow.blocks.len())
        .filter(|&block| inside(block))
        .map(|block| (block, reversed.add_node(())))
        .collect();
    for (&block, &node) in &nodes {
        let inner = loops.get(&block).filter(|_| level != Some(block));
        let mut successors = match inner {
            Some(natural) => vec![natural.exit],
            None => flow.successors[block].clone(),
        };
        successors.retain(|&next| inside(next) && level != Some(next));
        if successors.is_empty() {
            reversed.add_edge(end, node, ());
        }
        for next in successors {
            reversed.add_edge(nodes[&next], node, ());
        }
    }
    let dominators = simple_fast(&reversed, end);
    let by_node: HashMap<NodeIndex, usize> =
        nodes.iter().map(|(&block, &node)| (node, block)).collect();
    nodes
        .iter()
        .filter_map(|(&block, &node)| {
            let meeting = dominators.immediate_dominator(node)?;
            Some((block, *by_node.get(&meeting)?))
        })
        .collect()
}

#[cfg(test)]
mod tests;
