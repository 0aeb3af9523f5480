//! Values that live across the borders of regions, and where they are kept meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::barrier::{self, Rendezvous};
use crate::control_flow::ControlFlow;
use crate::llvm::{Opcode, Value};
use crate::region::Region;
use crate::shape::Shape;
use crate::work_item::Primitive;

/// How a value gets across a border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Computed again where needed.
    Recompute,
    /// Kept once for the work-group.
    Once,
    /// Kept for every work-item.
    PerWorkItem,
}

/// What crosses borders.
#[derive(Debug, Default)]
pub struct Slots {
    /// How each crossing value is kept; phis and collective results at points are among them.
    pub keep: BTreeMap<Value, Keep>,
    /// By point: the values a region that starts there finds already computed.
    pub live: HashMap<usize, Vec<Value>>,
    /// Private variables whose contents live across a border: every work-item has its own copy.
    /// All others are free again when a work-item leaves the region.
    pub variables: Vec<Value>,
    /// For values that share the row of another one: that one.
    shared: HashMap<Value, Value>,
    /// By point of a collective: its operands, which every work-item leaves in memory.
    pub operands: BTreeMap<usize, Vec<Value>>,
}

/// Most operations a value may take to be computed again instead of kept.
const RECOMPUTE_OPERATIONS: u32 = 8;

impl Slots {
    /// Finds out for all values of a function.
    pub fn new(flow: &ControlFlow, shape: &Shape, points: &[usize], regions: &[Region]) -> Self {
        let mut slots = Self::default();
        if points.len() == 1 {
            return slots;
        }
        let mut recomputation = HashMap::new();
        for (number, block) in flow.blocks.iter().enumerate() {
            for value in block.instructions() {
                let opcode = value.opcode();
                if opcode == Some(Opcode::LLVMAlloca) {
                    if crosses(flow, regions, value) {
                        slots.variables.push(value);
                    }
                    continue;
                }
                if value.ty().is_void() || Primitive::of_call(value).is_some() {
                    continue;
                }
                let live = live_points(flow, points, number, value);
                let starts_region = points.binary_search(&number).is_ok()
                    && (opcode == Some(Opcode::LLVMPHI) || is_collective(value));
                if live.is_empty() && !starts_region {
                    continue;
                }
                let keep = if !starts_region && operations(value, &mut recomputation).is_some() {
                    Keep::Recompute
                } else if shape.is_uniform(value) {
                    Keep::Once
                } else {
                    Keep::PerWorkItem
                };
                slots.keep.insert(value, keep);
                for point in live {
                    slots.live.entry(point).or_default().push(value);
                }
            }
            if let Some((call, Rendezvous::Collective { .. })) = barrier::at_start(*block) {
                slots.operands.insert(number, call.call_arguments());
            }
        }
        slots.share_rows(flow, shape, points);
        slots
    }

    /// The value whose row `value` is kept in: itself or one it shares with.
    pub fn row_owner(&self, value: Value) -> Value {
        let mut owner = value;
        while let Some(&next) = self.shared.get(&owner) {
            owner = next;
        }
        owner
    }

    /// Whether both values are kept for every work-item, in the same row.
    pub fn share_row(&self, left: Value, right: Value) -> bool {
        let in_row = |value| self.keep.get(&value) == Some(&Keep::PerWorkItem);
        in_row(left) && in_row(right) && self.row_owner(left) == self.row_owner(right)
    }

    /// Lets phis at points share rows with the values they take, where no border has both: then
    /// nothing is copied.
    fn share_rows(&mut self, flow: &ControlFlow, shape: &Shape, points: &[usize]) {
        let mut borders: HashMap<Value, BTreeSet<usize>> = HashMap::new();
        for (&point, values) in &self.live {
            // What may be live behind a branch taken once is stored in front of it.
            let branches = flow.predecessors[point].iter().copied();
            let branches: Vec<_> = branches.filter(|&b| shape.group_branch[b]).collect();
            for &value in values {
                let found = borders.entry(value).or_default();
                found.insert(point);
                found.extend(branches.iter().map(|&branch| flow.blocks.len() + branch));
            }
        }
        for &point in points {
            for phi in flow.blocks[point].phis() {
                borders.entry(phi).or_default().insert(point);
            }
        }
        for &point in points {
            for phi in flow.blocks[point].phis() {
                for (value, _) in phi.incoming() {
                    self.try_to_share(&mut borders, phi, value);
                }
            }
        }
    }

    fn try_to_share(
        &mut self,
        borders: &mut HashMap<Value, BTreeSet<usize>>,
        phi: Value,
        value: Value,
    ) {
        let in_row = |value| self.keep.get(&value) == Some(&Keep::PerWorkItem);
        if !in_row(phi) || !in_row(value) {
            return;
        }
        let (owner, other) = (self.row_owner(phi), self.row_owner(value));
        if owner == other {
            return;
        }
        let empty = BTreeSet::new();
        let taken = borders.get(&owner).unwrap_or(&empty);
        let wanted = borders.get(&other).unwrap_or(&empty);
        if taken.is_disjoint(wanted) {
            let wanted = borders.remove(&other).unwrap_or_default();
            borders.entry(owner).or_default().extend(wanted);
            self.shared.insert(other, owner);
        }
    }
}

fn is_collective(value: Value) -> bool {
    matches!(
        barrier::rendezvous(value),
        Some(Rendezvous::Collective { .. })
    )
}

/// The points at which `value`, defined in block `home`, is already computed and still needed.
fn live_points(flow: &ControlFlow, points: &[usize], home: usize, value: Value) -> BTreeSet<usize> {
    let mut work = Vec::new();
    for user in value.users() {
        let Some(block) = flow.number(user.block()) else {
            continue;
        };
        if user.opcode() == Some(Opcode::LLVMPHI) {
            let incoming = user.incoming().into_iter();
            let sources = incoming.filter(|pair| pair.0 == value);
            work.extend(sources.filter_map(|pair| flow.number(pair.1)));
        } else if is_collective(user) {
            // Operands are handed over on the way into the collective.
            work.extend(&flow.predecessors[block]);
        } else {
            work.push(block);
        }
    }
    let mut seen = HashSet::new();
    let mut live = BTreeSet::new();
    while let Some(block) = work.pop() {
        if block == home || !seen.insert(block) {
            continue;
        }
        if points.binary_search(&block).is_ok() {
            live.insert(block);
        }
        work.extend(&flow.predecessors[block]);
    }
    live
}

/// Number of operations that compute `value` from what every region knows: constants, arguments,
/// ids, addresses of private variables. `None` if it takes too many or others.
fn operations(value: Value, known: &mut HashMap<Value, Option<u32>>) -> Option<u32> {
    if !value.is_instruction() || Primitive::of_call(value).is_some() {
        return Some(0);
    }
    if let Some(&operations) = known.get(&value) {
        return operations;
    }
    let count = match value.opcode()? {
        Opcode::LLVMAlloca => Some(0),
        Opcode::LLVMAdd
        | Opcode::LLVMSub
        | Opcode::LLVMMul
        | Opcode::LLVMShl
        | Opcode::LLVMLShr
        | Opcode::LLVMAShr
        | Opcode::LLVMAnd
        | Opcode::LLVMOr
        | Opcode::LLVMXor
        | Opcode::LLVMTrunc
        | Opcode::LLVMZExt
        | Opcode::LLVMSExt
        | Opcode::LLVMICmp
        | Opcode::LLVMSelect
        | Opcode::LLVMAddrSpaceCast
        | Opcode::LLVMGetElementPtr => value
            .operands()
            .into_iter()
            .try_fold(1, |sum, operand| Some(sum + operations(operand, known)?))
            .filter(|&sum| sum <= RECOMPUTE_OPERATIONS),
        _ => None,
    };
    known.insert(value, count);
    count
}

/// Whether a private variable's contents may be needed in another region, or in the same one
/// when it runs again.
fn crosses(flow: &ControlFlow, regions: &[Region], variable: Value) -> bool {
    let Some(users) = accesses(variable) else {
        return true;
    };
    let blocks: HashSet<_> = users
        .into_iter()
        .filter_map(|user| flow.number(user.block()))
        .collect();
    let mut using = regions
        .iter()
        .filter(|region| region.blocks.iter().any(|block| blocks.contains(block)));
    match (using.next(), using.next()) {
        (Some(only), None) => only.repeats,
        (first, _) => first.is_some(),
    }
}

/// All loads, stores and copies of a private variable; `None` if its address goes elsewhere.
fn accesses(variable: Value) -> Option<Vec<Value>> {
    let mut found = Vec::new();
    let mut work = vec![variable];
    while let Some(address) = work.pop() {
        for user in address.users() {
            match user.opcode()? {
                Opcode::LLVMGetElementPtr | Opcode::LLVMAddrSpaceCast | Opcode::LLVMBitCast => {
                    work.push(user);
                }
                Opcode::LLVMLoad => {}
                Opcode::LLVMStore if user.operand(0) != address => {}
                Opcode::LLVMCall if is_lifetime_marker(user) || writes_memory(user) => {}
                _ => return None,
            }
            found.push(user);
        }
    }
    Some(found)
}

/// Whether a call is an intrinsic that copies or fills memory.
pub fn writes_memory(call: Value) -> bool {
    call.called_function()
        .is_some_and(|callee| callee.name().starts_with("llvm.mem"))
}

/// Whether a call is a marker that does nothing.
pub fn leaves_no_trace(call: Value) -> bool {
    is_lifetime_marker(call)
        || call.called_function().is_some_and(|callee| {
            let name = callee.name();
            name.starts_with("llvm.assume") || name.starts_with("llvm.experimental.noalias")
        })
}

/// Whether a call marks where a private variable comes into being or ends.
pub fn is_lifetime_marker(call: Value) -> bool {
    call.called_function()
        .is_some_and(|callee| callee.name().starts_with("llvm.lifetime."))
}
