//! Splits a function at its barriers into regions.
//!
//! A **region** starts at a *point*: the function's entry, a barrier, or another block at which all
//! work-items arrive together. It holds every block reachable from there up to the next points.
//! The work-group function runs a region for all work-items one after the other, then goes on
//! with the region they all arrived at. Blocks that only some work-items run may belong to several
//! regions; they are copied, as nothing tells where all work-items would meet.
//!
//! Branches that all work-items take the same way and that enclose barriers
//! ([`Shape::group_branch`]) are taken once per work-group, between regions. So a loop with
//! barriers stays a loop over regions, and its counter is kept once.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::barrier::{self, Rendezvous};
use crate::control_flow::ControlFlow;
use crate::llvm::{Opcode, Value};
use crate::shape::Shape;
use crate::slot::{self, Slots};

/// Where a region may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Next {
    /// The region that starts at this block.
    Point(usize),
    /// The branch at the end of this block, taken once for the work-group.
    Branch(usize),
    /// The end of the kernel.
    Return,
}

/// A piece of the function without barriers, run for every work-item.
#[derive(Debug)]
pub struct Region {
    /// Number of the first block.
    pub start: usize,
    /// What happens once for the work-group before the region.
    pub meeting: Option<Rendezvous>,
    /// Numbers of the blocks, ascending; empty for a collective, which runs once.
    pub blocks: Vec<usize>,
    /// Where the region leads, each once.
    pub next: Vec<Next>,
    /// Whether the region may run again in the same work-group.
    pub repeats: bool,
}

/// All regions of a function and the values that live across their borders.
#[derive(Debug)]
pub struct Regions {
    /// The function's graph.
    pub flow: ControlFlow,
    /// What is uniform.
    pub shape: Shape,
    /// The regions; the first one starts at the entry.
    pub regions: Vec<Region>,
    /// What crosses borders and how.
    pub slots: Slots,
    by_start: HashMap<usize, usize>,
}

impl Regions {
    /// Splits a function that [`crate::structure::prepare`] brought into form.
    pub fn new(function: Value) -> Self {
        let flow = ControlFlow::new(function);
        let shape = Shape::new(&flow);
        let points = find_points(&flow, &shape);
        let mut regions: Vec<_> = points
            .iter()
            .map(|&start| Region::new(&flow, &shape, &points, start))
            .collect();
        let by_start: HashMap<_, _> = points.iter().copied().zip(0..).collect();
        mark_repeating(&flow, &mut regions, &by_start);
        let slots = Slots::new(&flow, &shape, &points, &regions);
        Self {
            flow,
            shape,
            regions,
            slots,
            by_start,
        }
    }

    /// Number of the region that starts at a point.
    pub fn at(&self, start: usize) -> usize {
        self.by_start[&start]
    }

    /// The points a region may lead to, through branches of the work-group as well.
    pub fn targets(&self, next: Next) -> Vec<usize> {
        targets(&self.flow, next)
    }

    /// Whether the region computes nothing that differs between work-items and has no effect, so
    /// that running it once serves all of them.
    pub fn runs_once(&self, region: &Region) -> bool {
        let uniform = |value: Value| self.shape.is_uniform(value);
        region.blocks.iter().all(|&number| {
            let block = self.flow.blocks[number];
            block.instructions().into_iter().all(|instruction| {
                uniform(instruction)
                    && instruction.operands().into_iter().all(uniform)
                    && !has_effect(instruction)
            })
        }) && region.next.iter().all(|&next| {
            self.targets(next).into_iter().all(|target| {
                let block = self.flow.blocks[target];
                let collective = matches!(
                    barrier::at_start(block),
                    Some((_, Rendezvous::Collective { .. }))
                );
                !collective && block.phis().into_iter().all(uniform)
            })
        })
    }

    /// Checks what the last stage relies on.
    ///
    /// # Errors
    /// The broken rule.
    pub fn verify(&self) -> Result<(), String> {
        let points: BTreeSet<_> = self.regions.iter().map(|region| region.start).collect();
        for region in &self.regions {
            for &number in &region.blocks {
                if number != region.start && points.contains(&number) {
                    return Err(format!("block {number} starts a region inside another"));
                }
                let block = self.flow.blocks[number];
                for instruction in block.instructions().into_iter().skip(1) {
                    if barrier::rendezvous(instruction).is_some() {
                        return Err(format!("block {number} has a barrier inside"));
                    }
                }
            }
            for target in region.next.iter().flat_map(|&next| self.targets(next)) {
                if !points.contains(&target) {
                    return Err(format!("block {target} is entered but starts no region"));
                }
            }
        }
        let covered: HashSet<_> = (self.regions.iter())
            .flat_map(|region| region.blocks.iter().chain([&region.start]))
            .collect();
        if covered.len() == self.flow.blocks.len() {
            Ok(())
        } else {
            Err("a block belongs to no region".to_owned())
        }
    }
}

fn targets(flow: &ControlFlow, next: Next) -> Vec<usize> {
    match next {
        Next::Point(point) => vec![point],
        Next::Branch(block) => flow.successors[block].clone(),
        Next::Return => Vec::new(),
    }
}

fn has_effect(instruction: Value) -> bool {
    match instruction.opcode() {
        Some(
            Opcode::LLVMStore
            | Opcode::LLVMAtomicRMW
            | Opcode::LLVMAtomicCmpXchg
            | Opcode::LLVMFence,
        ) => true,
        Some(Opcode::LLVMCall) => {
            barrier::rendezvous(instruction).is_none() && !instruction.is_intrinsic_call()
                || slot::writes_memory(instruction)
        }
        _ => instruction.is_ordered_access(),
    }
}

/// The points of a function, the entry first, then ascending.
fn find_points(flow: &ControlFlow, shape: &Shape) -> Vec<usize> {
    let mut points = BTreeSet::from([0]);
    for (number, &block) in flow.blocks.iter().enumerate() {
        match barrier::at_start(block) {
            Some((_, Rendezvous::Barrier { .. })) => {
                points.insert(number);
            }
            Some((_, Rendezvous::Collective { .. })) => {
                points.insert(number);
                points.extend(&flow.successors[number]);
            }
            None => {}
        }
        if shape.group_branch[number] {
            points.extend(&flow.successors[number]);
        }
    }
    if points.len() > 1 {
        while let Some(joint) = find_joint(flow, shape, &points) {
            points.insert(joint);
        }
    }
    points.into_iter().collect()
}

/// A block reached from several regions at which all work-items arrive together, if it is no
/// point yet: making it one saves a copy.
fn find_joint(flow: &ControlFlow, shape: &Shape, points: &BTreeSet<usize>) -> Option<usize> {
    let count = flow.blocks.len();
    let mut owners: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); count];
    for &point in points {
        owners[point].insert(point);
    }
    let mut changed = true;
    while changed {
        changed = false;
        for block in 0..count {
            if points.contains(&block) {
                continue;
            }
            let reaching: BTreeSet<_> = flow.predecessors[block]
                .iter()
                .flat_map(|&predecessor| owners[predecessor].iter().copied())
                .collect();
            if reaching.len() > 1 && shape.convergent[block] {
                return Some(block);
            }
            if reaching != owners[block] {
                owners[block] = reaching;
                changed = true;
            }
        }
    }
    None
}

fn mark_repeating(flow: &ControlFlow, regions: &mut [Region], by_start: &HashMap<usize, usize>) {
    for number in 0..regions.len() {
        let mut seen = HashSet::new();
        let mut work = vec![number];
        while let Some(from) = work.pop() {
            for &next in &regions[from].next {
                let found = targets(flow, next)
                    .into_iter()
                    .map(|start| by_start[&start]);
                work.extend(found.filter(|&to| seen.insert(to)));
            }
        }
        regions[number].repeats = seen.contains(&number);
    }
}

impl Region {
    fn new(flow: &ControlFlow, shape: &Shape, points: &[usize], start: usize) -> Self {
        let meeting = barrier::at_start(flow.blocks[start]).map(|(_, meeting)| meeting);
        if matches!(meeting, Some(Rendezvous::Collective { .. })) {
            return Self {
                start,
                meeting,
                blocks: Vec::new(),
                next: flow.successors[start]
                    .iter()
                    .copied()
                    .map(Next::Point)
                    .collect(),
                repeats: false,
            };
        }
        let mut blocks = BTreeSet::from([start]);
        let mut next = BTreeSet::new();
        let mut work = vec![start];
        while let Some(block) = work.pop() {
            if shape.group_branch[block] {
                next.insert(Next::Branch(block));
                continue;
            }
            for &successor in &flow.successors[block] {
                if points.binary_search(&successor).is_ok() {
                    next.insert(Next::Point(successor));
                } else if blocks.insert(successor) {
                    work.push(successor);
                }
            }
            let last = flow.blocks[block].terminator().and_then(Value::opcode);
            if last == Some(Opcode::LLVMRet) {
                next.insert(Next::Return);
            }
        }
        Self {
            start,
            meeting,
            blocks: blocks.into_iter().collect(),
            next: next.into_iter().collect(),
            repeats: false,
        }
    }
}
