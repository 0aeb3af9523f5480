//! Unroll and jam over rows: what one work-item does is done for several work-items that lie side
//! by side in dimension 1, so that what they have in common is loaded and computed once.
//!
//! Only what depends on the row is copied. The copies run in lockstep, which takes a control flow
//! that does not depend on the row.

use std::collections::{HashMap, HashSet};

use crate::control_flow::ControlFlow;
use crate::lane_shape::{LaneShapes, Shape};
use crate::llvm::{Module, Opcode, Value};
use crate::pure_intrinsic;
use crate::region_function::RegionFunction;
use crate::region_tree::{loop_blocks, Node};
use crate::registers::{elements, most_live, Registers};
use crate::slot;

/// Most values that are the same in all lanes but not in all rows, for which there are registers.
const MOST_SCALARS: usize = 32;

/// Registers for vectors that are needed besides those for values that live for long.
const SPARE_REGISTERS: usize = 4;

/// Operations in loops that depend on the row, for each that does not, up to which jamming pays.
const COPIED_FOR_EACH_SHARED: usize = 8;

/// What is to be jammed.
#[derive(Debug)]
pub struct Jam<'a> {
    region: &'a RegionFunction,
    by_row: HashSet<Value>,
    /// Rows at once, more than one.
    pub rows: u32,
}

impl<'a> Jam<'a> {
    /// As many rows at once, a power of two and at most `most`, as pay for what a region does; none if
    /// one row at a time is best.
    pub fn new(
        region: &'a RegionFunction,
        shapes: &LaneShapes,
        tree: &[Node],
        registers: Registers,
        most: u32,
    ) -> Option<Self> {
        let by_row = by_row(region);
        if by_row.is_empty() || !can_run_in_lockstep(region, &by_row) {
            return None;
        }
        let varies = |value: &Value| shapes.of(*value) == Shape::Varying;
        let (mut copied, mut shared) = (0, 0);
        for block in loop_blocks(tree) {
            for instruction in block.instructions().into_iter().filter(varies) {
                if by_row.contains(&instruction) {
                    copied += 1;
                } else {
                    shared += 1;
                }
            }
        }
        if shared == 0 || copied > COPIED_FOR_EACH_SHARED * shared {
            return None;
        }
        let flow = ControlFlow::new(region.function);
        let blocks: Vec<_> = (0..flow.blocks.len()).collect();
        let live = |is_copied: bool, in_lanes: bool| {
            let registers = |value: Value| {
                let counts = by_row.contains(&value) == is_copied && varies(&value) == in_lanes;
                usize::from(counts) * elements(value)
            };
            most_live(&flow, &blocks, &registers)
        };
        let (copied, shared, scalars) = (live(true, true), live(false, true), live(true, false));
        let fits = |rows: u32| {
            let values = copied * rows as usize + shared;
            values * registers.for_each_value + SPARE_REGISTERS <= registers.count
                && scalars * rows as usize <= MOST_SCALARS
        };
        let mut rows = most;
        while rows > 1 && !fits(rows) {
            rows /= 2;
        }
        (rows > 1).then_some(Self {
            region,
            by_row,
            rows,
        })
    }

    /// Makes the region do for several rows, from the one its parameters name, what it did for one. The
    /// rows must exist.
    pub fn apply(self, module: &Module) {
        let Self {
            region,
            by_row,
            rows,
        } = self;
        let builder = module.context().builder();
        let start = region.function.entry_block();
        if let Some(first) = start.first_instruction() {
            builder.position_before(first);
        }
        let mut copies: HashMap<Value, Vec<Value>> = HashMap::new();
        let int64 = module.context().int(64);
        let further = 1..u64::from(rows);
        for (parameter, step) in [
            (region.row, int64.constant(1)),
            (region.row_index, region.row_length),
        ] {
            let moved = further.clone().map(|row| {
                let distance = builder.mul(step, int64.constant(row));
                builder.add_nuw(parameter, distance)
            });
            copies.insert(parameter, moved.collect());
        }
        for instruction in region.function.instructions() {
            if !by_row.contains(&instruction) {
                continue;
            }
            let Some(next) = instruction.next_instruction() else {
                continue;
            };
            builder.position_before(next);
            let made = further.clone().map(|_| {
                let copy = instruction.clone_instruction();
                builder.insert(copy, "");
                copy
            });
            copies.insert(instruction, made.collect());
        }
        for (original, made) in &copies {
            if !original.is_instruction() {
                continue;
            }
            for (row, &copy) in made.iter().enumerate() {
                for (index, operand) in original.operands().into_iter().enumerate() {
                    if let Some(moved) = copies.get(&operand) {
                        copy.set_operand(index as u32, moved[row]);
                    }
                }
            }
        }
    }
}

/// The instructions whose result or effect depends on the row; every row has private variables of its
/// own.
fn by_row(region: &RegionFunction) -> HashSet<Value> {
    let mut found: HashSet<Value> = HashSet::new();
    let mut pending = vec![region.row, region.row_index];
    let instructions = region.function.instructions();
    let variables = instructions.into_iter();
    pending.extend(variables.filter(|value| value.opcode() == Some(Opcode::LLVMAlloca)));
    while let Some(value) = pending.pop() {
        if value.is_instruction() && !found.insert(value) {
            continue;
        }
        pending.extend(value.users());
    }
    found
}

/// Whether branches do not depend on the row, and nothing happens that the rows may notice of each
/// other.
fn can_run_in_lockstep(region: &RegionFunction, by_row: &HashSet<Value>) -> bool {
    region
        .function
        .instructions()
        .into_iter()
        .all(|instruction| match instruction.opcode() {
            Some(
                Opcode::LLVMAtomicRMW
                | Opcode::LLVMAtomicCmpXchg
                | Opcode::LLVMFence
                | Opcode::LLVMVAArg,
            ) => false,
            Some(Opcode::LLVMCall) => {
                pure_intrinsic::is_one(instruction) || slot::leaves_no_trace(instruction)
            }
            Some(Opcode::LLVMLoad | Opcode::LLVMStore) => !instruction.is_ordered_access(),
            _ => !(instruction.is_terminator() && by_row.contains(&instruction)),
        })
}
