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
        let runs = |instruction: Value| {
            uniform(instruction)
                && instruction.operands().into_iter().all(uniform)
                && !has_effect(instruction)
        };
        region.blocks.iter().all(|&number| {
            let block = self.flow.blocks[number];
            let skipped = if number == region.start {
                block.phis().len()
            } else {
                0
            };
            block.instructions().into_iter().skip(skipped).all(runs)
        }) && region.next.iter().all(|&next| {
            self.targets(next).into_iter().all(|target| {
                let block = self.flow.blocks[target];
                let collective = matches!(
                    barrier::at_start(block),
                    Some((_, Rendezvous::Collective { .. }))
                );
                let settled = |phi: Value| uniform(phi) || self.stays_in_row(region, phi);
                !collective && block.phis().into_iter().all(settled)
            })
        })
    }

    /// Whether `phi`, at a point behind `region`, takes a value that `region` found in the very
    /// row the phi has.
    fn stays_in_row(&self, region: &Region, phi: Value) -> bool {
        phi.incoming().into_iter().all(|(value, from)| {
            let from_region = self
                .flow
                .number(from)
                .is_some_and(|from| region.blocks.binary_search(&from).is_ok());
            !from_region || !self.computes(region, value) && self.slots.share_row(phi, value)
        })
    }

    /// Whether `region` computes `value` itself, after its start.
    pub fn computes(&self, region: &Region, value: Value) -> bool {
        if !value.is_instruction() {
            return false;
        }
        self.flow.number(value.block()).is_some_and(|home| {
            let at_start = home == region.start && value.opcode() == Some(Opcode::LLVMPHI);
            !at_start && region.blocks.binary_search(&home).is_ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;
    use crate::slot::Keep;

    fn split(text: &str, check: impl FnOnce(&Regions, &dyn Fn(&str) -> usize)) {
        let context = Context::new();
        let text = format!(
            "declare void @_Z7barrierj(i32)
            declare i64 @isocl.local_id.0()
            declare void @use(i64)
            {text}"
        );
        let module = context.parse_ir(&text).unwrap();
        let function = module.function("f").unwrap();
        crate::structure::prepare(&context, function);
        let regions = Regions::new(function);
        regions.verify().unwrap();
        check(&regions, &|name| {
            let named = |block: &crate::llvm::Block| block.name() == name;
            regions.flow.blocks.iter().position(named).unwrap()
        });
    }

    #[test]
    fn without_barriers_all_is_one_region() {
        split(
            "define void @f(i1 %c) {
            entry: br i1 %c, label %a, label %b
            a: br label %b
            b: ret void }",
            |regions, _| {
                assert_eq!(regions.regions.len(), 1);
                assert_eq!(regions.regions[0].blocks, [0, 1, 2]);
                assert_eq!(regions.regions[0].next, [Next::Return]);
                assert!(!regions.regions[0].repeats);
            },
        );
    }

    #[test]
    fn a_loop_with_a_barrier_repeats_and_its_counter_is_kept_once() {
        split(
            "define void @f(i64 %n) {
            entry:
            %id = call i64 @isocl.local_id.0()
            %cheap = mul i64 %id, 3
            %dear = udiv i64 %id, 3
            br label %head
            head:
            %i = phi i64 [ 0, %entry ], [ %next, %body ]
            %c = icmp ult i64 %i, %n
            br i1 %c, label %body, label %out
            body:
            call void @_Z7barrierj(i32 1)
            call void @use(i64 %cheap)
            call void @use(i64 %dear)
            %next = add i64 %i, 1
            br label %head
            out: ret void }",
            |regions, block| {
                let body = &regions.regions[regions.at(block("body"))];
                assert_eq!(body.next, [Next::Point(block("head"))]);
                assert!(body.repeats);
                let head = &regions.regions[regions.at(block("head"))];
                assert_eq!(head.next, [Next::Branch(block("head"))]);
                assert!(regions.runs_once(head));
                assert!(!regions.runs_once(body));
                let keep = |name: &str| {
                    let mut kept = regions.slots.keep.iter();
                    kept.find(|pair| pair.0.name() == name).map(|pair| *pair.1)
                };
                assert_eq!(keep("i"), Some(Keep::Once));
                assert_eq!(keep("cheap"), Some(Keep::Recompute));
                assert_eq!(keep("dear"), Some(Keep::PerWorkItem));
                assert_eq!(keep("next"), None);
            },
        );
    }

    #[test]
    fn blocks_that_only_some_work_items_run_are_copied() {
        split(
            "define void @f(i1 %flag) {
            entry:
            %id = call i64 @isocl.local_id.0()
            %c = icmp ult i64 %id, 5
            br i1 %c, label %some, label %out
            some: br i1 %flag, label %meet, label %after
            meet:
            call void @_Z7barrierj(i32 1)
            br label %after
            after:
            call void @use(i64 1)
            br label %out
            out: ret void }",
            |regions, block| {
                let after = block("after");
                let holders = regions.regions.iter();
                let holders = holders.filter(|region| region.blocks.contains(&after));
                assert_eq!(holders.count(), 2);
                assert_eq!(regions.regions.len(), 3);
                let entry = &regions.regions[0];
                assert_eq!(entry.next.len(), 2);
            },
        );
    }

    #[test]
    fn private_variables_cross_only_where_their_contents_do() {
        split(
            "define void @f() {
            entry:
            %within = alloca [8 x i64]
            %across = alloca [8 x i64]
            %leaked = alloca ptr
            store i64 1, ptr %within
            store i64 1, ptr %across
            store ptr %within, ptr %leaked
            br label %meet
            meet:
            call void @_Z7barrierj(i32 1)
            %part = getelementptr [8 x i64], ptr %across, i64 0, i64 3
            %v = load i64, ptr %part
            ret void }",
            |regions, _| {
                let names: Vec<_> = regions.slots.variables.iter().map(|v| v.name()).collect();
                // The address of `within` was stored: any region might load from it.
                assert_eq!(names, ["within", "across"]);
            },
        );
    }
}
