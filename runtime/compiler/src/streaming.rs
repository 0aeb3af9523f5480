//! Stores that go past the caches. A launch that writes more than caches hold would otherwise have every
//! line that it overwrites brought from memory first.
//!
//! Such stores fill whole lines. A row therefore begins with as many work-items as it takes to come to
//! the beginning of a line.

use std::collections::{HashMap, HashSet};

use crate::lane_shape::{LaneShapes, Shape};
use crate::llvm::{address_space, Builder, Context, IntPredicate, Module, Opcode, Value};
use crate::region_function::RegionFunction;
use crate::region_tree::{loop_blocks, Node};

/// Most instructions of a region for which there are such stores: longer ones wait for other things.
const MOST_INSTRUCTIONS: usize = 200;

/// Bytes of a cache line.
const LINE: u64 = 64;

/// How far ahead of its use memory is asked for, in bytes. The processor does so itself, but finds out
/// late where streaming stores keep its buffers busy.
const AHEAD: u64 = 2048;

/// The stores of a region that may go past the caches.
#[derive(Debug, Default)]
pub struct Streams {
    /// The stores and the bytes that each writes for one work-item.
    stores: HashMap<Value, u64>,
    /// The one whose address decides where rows begin.
    first: Option<Value>,
}

impl Streams {
    /// Finds the stores: of neighbours in dimension 0 side by side, to memory that the region does not
    /// read, in a region that reads other memory in the same manner and has no loops.
    pub fn new(
        module: &Module,
        region: &RegionFunction,
        shapes: &LaneShapes,
        tree: &[Node],
        width: u32,
    ) -> Self {
        let instructions = region.function.instructions();
        // Somebody may rely on the order of volatile accesses.
        if instructions.len() > MOST_INSTRUCTIONS
            || instructions.iter().any(|one| one.is_ordered_access())
            || !loop_blocks(tree).is_empty()
        {
            return Self::default();
        }
        let (mut read, mut reads_side_by_side) = (HashSet::new(), false);
        for &load in &instructions {
            if load.opcode() != Some(Opcode::LLVMLoad) {
                continue;
            }
            read.insert(root(load.operand(0)));
            reads_side_by_side |= side_by_side(module, shapes, load.operand(0), load).is_some();
        }
        let mut found = Self::default();
        for &store in &instructions {
            if store.opcode() != Some(Opcode::LLVMStore) {
                continue;
            }
            let address = store.operand(1);
            let base = root(address);
            if !base.is_argument()
                || read.contains(&base)
                || address.ty().address_space() != address_space::GLOBAL
                || !is_computed(address)
            {
                continue;
            }
            let bytes = side_by_side(module, shapes, address, store.operand(0));
            // Parts of lines gain nothing.
            if let Some(bytes) = bytes.filter(|bytes| bytes * u64::from(width) >= LINE) {
                found.stores.insert(store, bytes);
                found.first.get_or_insert(store);
            }
        }
        if reads_side_by_side {
            found
        } else {
            Self::default()
        }
    }

    /// Bytes that a work-item writes so; 0 if there are no such stores.
    pub fn bytes(&self) -> u64 {
        self.stores.values().sum()
    }

    /// Whether a store is one of them.
    pub fn contains(&self, store: Value) -> bool {
        self.stores.contains_key(&store)
    }

    /// Gives a function, which has the region's parameters, its body: the number of work-items from the
    /// one that they name to the first one that writes to the beginning of a line.
    pub fn emit_lead(&self, context: &Context, region: &RegionFunction, function: Value) {
        let builder = context.builder();
        builder.position_at_end(context.append_block(function, ""));
        let int64 = context.int(64);
        let Some(first) = self.first else {
            builder.return_value(int64.constant(0));
            return;
        };
        let from = region.function.parameters().into_iter();
        let mut known = from.zip(function.parameters()).collect();
        let address = copied(&builder, first.operand(1), &mut known);
        let size = self.stores[&first];
        let number = builder.cast(Opcode::LLVMPtrToInt, address, int64);
        let missing = builder.sub(int64.constant(0), number);
        let bytes = builder.and(missing, int64.constant(LINE - 1));
        let shift = int64.constant(u64::from(size.trailing_zeros()));
        builder.return_value(builder.binary(Opcode::LLVMLShr, bytes, shift));
    }

    /// Emits one of the stores, of the value of a whole vector.
    pub fn emit(builder: &Builder, store: Value, value: Value, address: Value) {
        let context = builder.context();
        let [aligned, other, behind] = ["aligned", "other", "behind"]
            .map(|name| context.append_block(builder.block().function(), name));
        let int64 = context.int(64);
        let number = builder.cast(Opcode::LLVMPtrToInt, address, int64);
        let beyond = builder.and(number, int64.constant(LINE - 1));
        let is_aligned = builder.icmp(IntPredicate::LLVMIntEQ, beyond, int64.constant(0));
        builder.branch_if(is_aligned, aligned, other);
        builder.position_at_end(aligned);
        let streaming = builder.store(value, address);
        streaming.set_alignment(LINE as u32);
        streaming.set_metadata(context.metadata_kind("nontemporal"), context.nontemporal());
        builder.branch(behind);
        builder.position_at_end(other);
        builder
            .store(value, address)
            .set_alignment(store.alignment());
        builder.branch(behind);
        builder.position_at_end(behind);
    }

    /// Where to ask for the `bytes` that a later vector will load from behind `address`: one address for
    /// each line.
    pub fn ahead(builder: &Builder, address: Value, bytes: u64) -> Vec<Value> {
        let context = builder.context();
        let line = |offset| {
            let offset = context.constant(64, AHEAD + offset);
            builder.gep(context.int(8), address, &[offset])
        };
        (0..bytes).step_by(LINE as usize).map(line).collect()
    }
}

/// Bytes of `value` at `address`, if work-items that are neighbours have them side by side without gaps.
fn side_by_side(module: &Module, shapes: &LaneShapes, address: Value, value: Value) -> Option<u64> {
    let size = module.store_size_of(value.ty());
    let step = Shape::Linear(i64::try_from(size).ok()?);
    (shapes.of(address) == step && size.is_power_of_two() && size <= LINE).then_some(size)
}

/// What an address was computed from.
fn root(mut address: Value) -> Value {
    while matches!(
        address.opcode(),
        Some(Opcode::LLVMGetElementPtr | Opcode::LLVMAddrSpaceCast)
    ) {
        address = address.operand(0);
    }
    address
}

/// Whether a value is computed from parameters by operations that may run at any time.
fn is_computed(value: Value) -> bool {
    if !value.is_instruction() {
        return true;
    }
    matches!(
        value.opcode(),
        Some(
            Opcode::LLVMGetElementPtr
                | Opcode::LLVMAdd
                | Opcode::LLVMSub
                | Opcode::LLVMMul
                | Opcode::LLVMShl
                | Opcode::LLVMAShr
                | Opcode::LLVMOr
                | Opcode::LLVMSExt
                | Opcode::LLVMZExt
                | Opcode::LLVMTrunc
        )
    ) && value.operands().into_iter().all(is_computed)
}

/// Copies what a value is computed with, where `known` has what became of parameters.
fn copied(builder: &Builder, value: Value, known: &mut HashMap<Value, Value>) -> Value {
    if let Some(&copy) = known.get(&value) {
        return copy;
    }
    if !value.is_instruction() {
        return value;
    }
    let operands: Vec<_> = (value.operands().into_iter())
        .map(|operand| copied(builder, operand, known))
        .collect();
    let copy = builder.copy(value, operands);
    known.insert(value, copy);
    copy
}
