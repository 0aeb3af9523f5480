//! Emits one region: the loop over work-items and a copy of the region's blocks in it.

mod vectors;

use std::collections::{HashMap, HashSet};

use crate::barrier;
use crate::llvm::{address_space, Block, Builder, Context, IntPredicate, Opcode, Value};
use crate::region::{Next, Region};
use crate::region_function::Widened;
use crate::slot::{self, Keep};
use crate::work_group::{mark_loop, no_copies, Row, WorkGroup};
use crate::work_item::Primitive;

/// A region under construction.
pub(crate) struct Body<'a> {
    group: &'a WorkGroup<'a>,
    region: &'a Region,
    /// The function that the region is copied to.
    function: Value,
    /// What the copied instructions use for values of the kernel.
    known: HashMap<Value, Value>,
    /// Memory of values that are both found at the start and computed anew in the region.
    renewed: HashMap<Value, Value>,
    blocks: HashMap<Block, Block>,
    /// Instructions of the kernel and their copies.
    copies: Vec<(Value, Value)>,
    local_id: [Value; 3],
    /// Where a work-item that leaves the region goes.
    border: Option<Block>,
    /// Position of the work-item in rows.
    row_index: Value,
}

/// The loop over rows of work-items in dimension 0. A kernel that asks for no id in dimension 1 or
/// 2 has no counters for them left after optimisation.
struct RowLoop {
    /// None if there is one row only.
    head: Option<Block>,
    /// Number of the row, and its local ids in dimensions 1 and 2.
    row: [Value; 3],
    /// How many rows a turn is for.
    at_once: Value,
    /// Position of the row's first work-item in rows of the context area.
    start: Value,
    done: Block,
}

impl<'a> Body<'a> {
    pub fn new(group: &'a WorkGroup<'a>, region: &'a Region) -> Self {
        let zero = group.context().constant(64, 0);
        Self {
            group,
            region,
            function: group.entry,
            known: HashMap::new(),
            renewed: HashMap::new(),
            blocks: HashMap::new(),
            copies: Vec::new(),
            local_id: [zero; 3],
            border: None,
            row_index: zero,
        }
    }

    /// Emits from the builder's position and leaves it where the work-group goes on. Returns what
    /// is to be widened.
    pub fn emit(mut self, builder: &Builder) -> Vec<Widened> {
        // Work-items may set them anew for the next region.
        self.find_values_kept_once(builder);
        if self.group.regions.runs_once(self.region) {
            self.emit_item(builder);
            return Vec::new();
        }
        let rows = self.open_rows(builder);
        let Some(widening) = &self.group.widening else {
            self.emit_items(builder, &rows);
            self.close_rows(builder, &rows);
            return Vec::new();
        };
        let mut widened = vec![self.emit_vectors(builder, &rows, widening)];
        builder.branch(rows.done);
        self.close_rows(builder, &rows);
        if let Some(in_rows) = widening.sub_groups_in_rows {
            widened.push(self.emit_other_sub_groups(builder, widening, in_rows));
        }
        widened
    }

    /// The loop over the work-items of a row, one at a time.
    fn emit_items(&mut self, builder: &Builder, rows: &RowLoop) {
        let context = self.group.context();
        let int64 = context.int(64);
        let head = context.append_block(self.function, "item");
        let outside = builder.block();
        builder.branch(head);
        builder.position_at_end(head);
        let item = builder.phi(int64, "local.id.0");
        item.add_incoming(&[(int64.constant(0), outside)]);
        self.row_index = builder.add_nuw(rows.start, item);
        self.local_id = [item, rows.row[1], rows.row[2]];
        self.emit_item(builder);
        let next = builder.add_nuw(item, int64.constant(1));
        let more = builder.icmp(IntPredicate::LLVMIntULT, next, self.group.size[0]);
        item.add_incoming(&[(next, builder.block())]);
        let back = builder.branch_if(more, head, rows.done);
        mark_loop(context, back, &self.group.loop_properties);
    }

    /// What one work-item does.
    fn emit_item(&mut self, builder: &Builder) {
        let context = self.group.context();
        let leave = context.append_block(self.function, "leave");
        self.border = Some(leave);
        self.find_values_of_work_item(builder);
        let start = self.group.regions.flow.blocks[self.region.start];
        let position = builder.block();
        self.copy_instructions(builder);
        builder.position_at_end(position);
        builder.branch(self.blocks[&start]);
        self.connect_phis(builder);
        self.copy_terminators(builder);
        self.connect_operands(builder);
        builder.position_at_end(leave);
    }

    fn live(&self) -> Vec<Value> {
        let regions = self.group.regions;
        let mut live = regions
            .slots
            .live
            .get(&self.region.start)
            .cloned()
            .unwrap_or_default();
        live.extend(regions.flow.blocks[self.region.start].phis());
        live
    }

    fn computes(&self, value: Value) -> bool {
        self.group.regions.computes(self.region, value)
    }

    fn find_values_kept_once(&mut self, builder: &Builder) {
        for value in self.live() {
            if self.group.regions.slots.keep.get(&value) == Some(&Keep::Once) {
                let found = builder.load(value.ty(), self.group.once[&value]);
                self.known.insert(value, found);
            }
        }
    }

    fn find_values_of_work_item(&mut self, builder: &Builder) {
        let group = self.group;
        for &variable in &group.regions.slots.variables {
            let address = self.element(builder, group.rows[&variable]);
            self.known.insert(variable, address);
        }
        for (&variable, &address) in &group.variables {
            self.known.entry(variable).or_insert(address);
        }
        let live = self.live();
        for &value in &live {
            if group.regions.slots.keep.get(&value) == Some(&Keep::PerWorkItem) {
                let address = self.element(builder, group.rows[&value]);
                let found = builder.load(value.ty(), address);
                self.mark_independent(found);
                self.known.insert(value, found);
            }
        }
        for &value in &live {
            if group.regions.slots.keep.get(&value) == Some(&Keep::Recompute) {
                self.recompute(builder, value);
            } else if self.computes(value) {
                let memory = self.stack_memory(value);
                if let Some(found) = self.known.remove(&value) {
                    builder.store(found, memory);
                }
                self.renewed.insert(value, memory);
            }
        }
    }

    fn recompute(&mut self, builder: &Builder, value: Value) -> Value {
        if let Some(known) = self.lookup(value) {
            return known;
        }
        let clone = value.clone_instruction();
        for (index, operand) in value.operands().into_iter().enumerate() {
            let operand = self.recompute(builder, operand);
            clone.set_operand(index as u32, operand);
        }
        builder.insert(clone, "");
        self.known.insert(value, clone);
        clone
    }

    /// A stack variable that LLVM turns into values again.
    fn stack_memory(&self, value: Value) -> Value {
        let builder = self.group.context().builder();
        if let Some(first) = self.function.entry_block().first_instruction() {
            builder.position_before(first);
        }
        builder.alloca(value.ty(), "renewed")
    }

    fn element(&self, builder: &Builder, row: Row) -> Value {
        let context = self.group.context();
        let stride = context.constant(64, row.stride);
        let offset = builder.mul(self.row_index, stride);
        builder.gep_inbounds(context.int(8), row.base, &[offset])
    }

    /// What stands for `value` in this region; `None` while it is not copied.
    fn lookup(&self, value: Value) -> Option<Value> {
        if let Some(&known) = self
            .known
            .get(&value)
            .or_else(|| self.group.fixed.get(&value))
        {
            return Some(known);
        }
        if !value.is_instruction() {
            return Some(value);
        }
        match Primitive::of_call(value) {
            Some(Primitive::LocalId(dimension)) => Some(self.local_id[dimension as usize]),
            _ => None,
        }
    }

    /// What stands for `value` at the builder's position.
    fn resolve(&self, builder: &Builder, value: Value) -> Value {
        if let Some(&memory) = self.renewed.get(&value) {
            return builder.load(value.ty(), memory);
        }
        // Only values of unreachable blocks are unknown.
        self.lookup(value).unwrap_or_else(|| value.ty().poison())
    }

    fn original(&self) -> Vec<(usize, Block)> {
        let flow = &self.group.regions.flow;
        let blocks = self.region.blocks.iter();
        blocks
            .map(|&number| (number, flow.blocks[number]))
            .collect()
    }

    /// Copies all instructions but terminators, still with the kernel's operands.
    fn copy_instructions(&mut self, builder: &Builder) {
        let context = self.group.context();
        let split = self.group.regions.regions.len() > 1;
        let kept: HashSet<_> = self.live().into_iter().collect();
        for (_, block) in self.original() {
            let copy = context.append_block(self.function, &block.name());
            self.blocks.insert(block, copy);
            builder.position_at_end(copy);
            for instruction in block.instructions() {
                let left_out = instruction.is_terminator()
                    || instruction.opcode() == Some(Opcode::LLVMAlloca)
                    || Primitive::of_call(instruction).is_some()
                    || barrier::rendezvous(instruction).is_some()
                    || split && is_scope_marker(instruction);
                let known = kept.contains(&instruction) && !self.renewed.contains_key(&instruction);
                if left_out || known {
                    continue;
                }
                let copy = if instruction.opcode() == Some(Opcode::LLVMPHI) {
                    builder.phi(instruction.ty(), "")
                } else {
                    let copy = instruction.clone_instruction();
                    builder.insert(copy, "");
                    if split {
                        forget_scopes(context, copy);
                    }
                    if accesses_shared_memory(copy) {
                        self.mark_independent(copy);
                    }
                    copy
                };
                self.copies.push((instruction, copy));
                self.known.insert(instruction, copy);
            }
        }
        for (&value, &memory) in &self.renewed {
            let Some(copy) = self.known.remove(&value) else {
                continue;
            };
            match copy.next_instruction() {
                Some(next) if value.opcode() != Some(Opcode::LLVMPHI) => {
                    builder.position_before(next);
                }
                Some(_) => builder.position_after_phis(copy.block()),
                None => builder.position_at_end(copy.block()),
            }
            builder.store(copy, memory);
        }
    }

    /// Gives the copied phis their values; runs while blocks have no terminators.
    fn connect_phis(&self, builder: &Builder) {
        let phis = |pair: &&(Value, Value)| pair.0.opcode() == Some(Opcode::LLVMPHI);
        for &(original, copy) in self.copies.iter().filter(phis) {
            for (value, from) in original.incoming() {
                let Some(&from) = self.blocks.get(&from) else {
                    continue;
                };
                builder.position_at_end(from);
                let value = self.resolve(builder, value);
                copy.add_incoming(&[(value, from)]);
            }
        }
    }

    /// Makes the copied instructions use what the region knows.
    fn connect_operands(&self, builder: &Builder) {
        for &(original, copy) in &self.copies {
            if original.opcode() == Some(Opcode::LLVMPHI) {
                continue;
            }
            builder.position_before(copy);
            for (index, operand) in original.operands().into_iter().enumerate() {
                let replacement = self.resolve(builder, operand);
                if replacement != operand {
                    copy.set_operand(index as u32, replacement);
                }
            }
        }
    }

    fn copy_terminators(&self, builder: &Builder) {
        let group = self.group;
        let flow = &group.regions.flow;
        for (number, block) in self.original() {
            let Some(terminator) = block.terminator() else {
                continue;
            };
            builder.position_at_end(self.blocks[&block]);
            if terminator.opcode() == Some(Opcode::LLVMRet) {
                self.leave(builder, Next::Return, block);
                continue;
            }
            if let Some(&memory) = group.conditions.get(&number) {
                let condition = self.resolve(builder, terminator.operand(0));
                builder.store(condition, memory);
                self.leave(builder, Next::Branch(number), block);
                continue;
            }
            let copy = terminator.clone_instruction();
            if flow.successors[number].len() > 1 {
                let condition = self.resolve(builder, terminator.operand(0));
                copy.set_operand(0, condition);
            }
            builder.insert(copy, "");
            let mut borders: HashMap<Block, Block> = HashMap::new();
            for (index, successor) in terminator.successors().into_iter().enumerate() {
                let target = self.inside(successor).unwrap_or_else(|| {
                    *borders
                        .entry(successor)
                        .or_insert_with(|| group.context().append_block(self.function, "border"))
                });
                copy.set_successor(index as u32, target);
            }
            for (successor, border) in borders {
                builder.position_at_end(border);
                if let Some(point) = flow.number(successor) {
                    self.leave(builder, Next::Point(point), block);
                }
            }
        }
    }

    /// The copy of a block that the region goes on with.
    fn inside(&self, block: Block) -> Option<Block> {
        let start = self.group.regions.flow.number(block) == Some(self.region.start);
        self.blocks.get(&block).copied().filter(|_| !start)
    }

    /// Ends a work-item's part of the region, coming from the kernel's block `from`.
    fn leave(&self, builder: &Builder, next: Next, from: Block) {
        let group = self.group;
        let regions = group.regions;
        let mut stored = HashSet::new();
        for target in regions.targets(next) {
            for &value in regions.slots.live.get(&target).into_iter().flatten() {
                if self.computes(value) && stored.insert(value) {
                    let known = self.resolve(builder, value);
                    self.keep(builder, value, known);
                }
            }
            for phi in regions.flow.blocks[target].phis() {
                let mut incoming = phi.incoming().into_iter();
                let Some((value, _)) = incoming.find(|pair| pair.1 == from) else {
                    continue;
                };
                if self.computes(value) || !regions.slots.share_row(phi, value) {
                    let known = self.resolve(builder, value);
                    self.keep(builder, phi, known);
                }
            }
            let operands = regions.slots.operands.get(&target).into_iter().flatten();
            for (&operand, &row) in operands.zip(group.operands.get(&target).into_iter().flatten())
            {
                let known = self.resolve(builder, operand);
                self.store_element(builder, row, known);
            }
        }
        if let (true, Some(index)) = (
            self.region.next.len() > 1,
            self.region.next.iter().position(|&other| other == next),
        ) {
            builder.store(group.context().constant(32, index as u64), group.next);
        }
        if let Some(border) = self.border {
            builder.branch(border);
        }
    }

    fn keep(&self, builder: &Builder, value: Value, known: Value) {
        if let Some(&memory) = self.group.once.get(&value) {
            builder.store(known, memory);
        } else if let Some(&row) = self.group.rows.get(&value) {
            self.store_element(builder, row, known);
        }
    }

    fn store_element(&self, builder: &Builder, row: Row, known: Value) {
        let address = self.element(builder, row);
        let store = builder.store(known, address);
        self.mark_independent(store);
    }

    /// Tells LLVM that a memory access does not depend on those of other work-items in the loop:
    /// between barriers that would be a data race. Not for private variables, which the
    /// work-items of a loop share one after the other.
    fn mark_independent(&self, access: Value) {
        if let Some(marks) = &self.group.access_group {
            access.set_metadata(marks.kind, marks.node);
        }
    }

    fn open_rows(&self, builder: &Builder) -> RowLoop {
        let context = self.group.context();
        let int64 = context.int(64);
        let size = self.group.size;
        let done = context.append_block(self.function, "row.done");
        if size[1..] == [int64.constant(1); 2] {
            return RowLoop {
                head: None,
                row: [int64.constant(0); 3],
                at_once: int64.constant(1),
                start: int64.constant(0),
                done,
            };
        }
        let head = context.append_block(self.function, "row");
        let outside = builder.block();
        builder.branch(head);
        builder.position_at_end(head);
        let counter = |name| {
            let counter = builder.phi(int64, name);
            counter.add_incoming(&[(int64.constant(0), outside)]);
            counter
        };
        let one = int64.constant(1);
        let number = counter("row");
        let row = match size[2] == one {
            true => [number, number, int64.constant(0)],
            false => [number, counter("local.id.1"), counter("local.id.2")],
        };
        let widening = self.group.widening.as_ref();
        // Known when the region is widened.
        let at_once = match widening.is_some_and(|widening| widening.lanes.rows > 1) {
            true => builder.freeze(int64.poison()),
            false => one,
        };
        RowLoop {
            head: Some(head),
            row,
            at_once,
            start: builder.mul(row[0], size[0]),
            done,
        }
    }

    fn close_rows(&self, builder: &Builder, rows: &RowLoop) {
        let context = self.group.context();
        let int64 = context.int(64);
        let zero = int64.constant(0);
        let size = self.group.size;
        builder.position_at_end(rows.done);
        let Some(head) = rows.head else {
            return;
        };
        let done = context.append_block(self.function, "items.done");
        let next = builder.add_nuw(rows.row[0], rows.at_once);
        rows.row[0].add_incoming(&[(next, rows.done)]);
        if rows.row[1] != rows.row[0] {
            let y = builder.add_nuw(rows.row[1], rows.at_once);
            let wraps = builder.icmp(IntPredicate::LLVMIntEQ, y, size[1]);
            let z = builder.add_nuw(rows.row[2], builder.int_cast(wraps, int64, false));
            rows.row[1].add_incoming(&[(builder.select(wraps, zero, y), rows.done)]);
            rows.row[2].add_incoming(&[(z, rows.done)]);
        }
        let count = builder.mul(size[1], size[2]);
        let more = builder.icmp(IntPredicate::LLVMIntULT, next, count);
        let back = builder.branch_if(more, head, done);
        mark_loop(context, back, &[no_copies(context)]);
        builder.position_at_end(done);
    }
}

/// Whether the pointer of a load or store cannot point to private memory.
fn accesses_shared_memory(instruction: Value) -> bool {
    let address = match instruction.opcode() {
        Some(Opcode::LLVMLoad) => instruction.operand(0),
        Some(Opcode::LLVMStore) => instruction.operand(1),
        _ => return false,
    };
    matches!(
        address.ty().address_space(),
        address_space::GLOBAL | address_space::CONSTANT | address_space::LOCAL
    )
}

/// Markers of a private variable's life and of `restrict` scopes mean nothing where several
/// work-items run through parts of them in turn.
fn is_scope_marker(instruction: Value) -> bool {
    slot::is_lifetime_marker(instruction)
        || instruction
            .called_function()
            .is_some_and(|callee| callee.name().starts_with("llvm.experimental.noalias"))
}

/// Drops what `restrict` said: it held for one work-item, not between several.
fn forget_scopes(context: &Context, instruction: Value) {
    for kind in ["alias.scope", "noalias"] {
        instruction.remove_metadata(context.metadata_kind(kind));
    }
}
