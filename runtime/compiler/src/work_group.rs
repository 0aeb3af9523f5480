//! Emits the regions of a kernel: each one a loop over the work-items of the current work-group,
//! joined by what happens once per work-group.

use std::collections::HashMap;

use crate::barrier::{self, Rendezvous};
use crate::collective;
use crate::lanes::Lanes;
use crate::llvm::{AtomicOrdering, Block, Builder, Context, Metadata, Module, Type, Value};
use crate::region::{Next, Regions};
use crate::region_body::Body;
use crate::region_function::Widened;
use crate::slot::Keep;

/// Memory a kernel needs, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Context area for each work-item.
    pub context_per_work_item: u64,
    /// Context area on top of that, once.
    pub context_per_group: u64,
    /// Private variables of one work-item.
    pub private: u64,
    /// Private variables on the stack of the thread.
    pub stack: u64,
}

/// An array in the context area with one element per work-item.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// First element.
    pub base: Value,
    /// Bytes from one element to the next.
    pub stride: u64,
}

/// Least alignment of a row in bytes: rows do not share cache lines.
const ROW_ALIGNMENT: u64 = 64;

/// The work-group under construction.
pub(crate) struct WorkGroup<'a> {
    pub module: &'a Module,
    pub regions: &'a Regions,
    /// The entry function.
    pub entry: Value,
    /// Values that are the same in all regions: arguments, uniform primitives.
    pub fixed: HashMap<Value, Value>,
    /// Size of the current work-group.
    pub size: [Value; 3],
    /// First block of each region.
    pub starts: Vec<Block>,
    /// Where a work-group that finished the kernel goes.
    pub latch: Block,
    /// Rows of values and variables kept for every work-item.
    pub rows: HashMap<Value, Row>,
    /// Memory of values kept once.
    pub once: HashMap<Value, Value>,
    /// Rows of collective operands, by point.
    pub operands: HashMap<usize, Vec<Row>>,
    /// Private variables that live within a region only.
    pub variables: HashMap<Value, Value>,
    /// Conditions of branches taken once, by block.
    pub conditions: HashMap<usize, Value>,
    /// Number of the next region, where there is a choice.
    pub next: Value,
    /// Marks memory accesses of work-items that do not depend on those of others, if any.
    pub access_group: Option<AccessGroup>,
    /// What LLVM shall know of the loop over dimension 0.
    pub loop_properties: Vec<Metadata>,
    /// How to run several work-items at once, if at all.
    pub widening: Option<Widening>,
    /// The regions that are to be widened.
    pub widened: Vec<Widened>,
    pub memory: Memory,
}

/// In which manner work-items run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// They affect each other at barriers only, not by atomics.
    pub independent: bool,
    /// Several at once.
    pub widening: Option<Widening>,
}

/// What running several work-items at once takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Widening {
    /// How many, and which.
    pub lanes: Lanes,
    /// Global id of the work-group's first work-item in dimension 0.
    pub global_base: Value,
    /// Work-items that run at once do things together. The value of the entry function tells
    /// whether they are neighbours in dimension 0.
    pub sub_groups_in_rows: Option<Value>,
}

/// Metadata that tells LLVM that work-items are independent between barriers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccessGroup {
    pub kind: u32,
    pub node: Value,
}

/// The loop property that says: what is not vectorised gains nothing from copies of the body, but
/// takes time to compile.
pub(crate) fn no_copies(context: &Context) -> Metadata {
    context.metadata_node(&[context.metadata_string("llvm.loop.unroll.disable")])
}

/// Gives a loop properties, by the branch back to its beginning.
pub(crate) fn mark_loop(context: &Context, back: Value, properties: &[Metadata]) {
    let node = context.distinct_node(properties);
    let kind = context.metadata_kind("llvm.loop");
    back.set_metadata(kind, context.metadata_value(node));
}

impl<'a> WorkGroup<'a> {
    pub fn new(
        module: &'a Module,
        entry: Value,
        regions: &'a Regions,
        fixed: HashMap<Value, Value>,
        size: [Value; 3],
        latch: Block,
        manner: Manner,
    ) -> Self {
        let context = module.context();
        let starts = (regions.regions.iter())
            .map(|region| context.append_block(entry, &format!("region.{}", region.start)))
            .collect();
        let mut loop_properties = vec![no_copies(context)];
        let access_group = manner.independent.then(|| {
            let group = context.distinct_empty_node();
            let name = context.metadata_string("llvm.loop.parallel_accesses");
            loop_properties.push(context.metadata_node(&[name, group]));
            AccessGroup {
                kind: context.metadata_kind("llvm.access.group"),
                node: context.metadata_value(group),
            }
        });
        Self {
            module,
            regions,
            entry,
            fixed,
            size,
            starts,
            latch,
            rows: HashMap::new(),
            once: HashMap::new(),
            operands: HashMap::new(),
            variables: HashMap::new(),
            conditions: HashMap::new(),
            next: context.constant(32, 0),
            access_group,
            loop_properties,
            widening: manner.widening,
            widened: Vec::new(),
            memory: Memory::default(),
        }
    }

    pub fn context(&self) -> &'a Context {
        self.module.context()
    }

    /// Emits everything from the builder's position, at which one work-group begins.
    pub fn emit(
        mut self,
        builder: &Builder,
        context_base: Value,
        work_items: Value,
    ) -> Result<(Memory, Vec<Widened>), String> {
        builder.branch(self.starts[0]);
        self.allocate(context_base, work_items);
        for number in 0..self.regions.regions.len() {
            builder.position_at_end(self.starts[number]);
            let region = &self.regions.regions[number];
            match region.meeting {
                Some(Rendezvous::Collective { .. }) => {
                    self.collective(builder, region.start)?;
                    self.go_on(builder, &region.next);
                    continue;
                }
                Some(Rendezvous::Barrier {
                    beyond_work_group: true,
                }) => {
                    builder.fence(AtomicOrdering::LLVMAtomicOrderingAcquireRelease, false);
                }
                Some(Rendezvous::Barrier { .. }) | None => {}
            }
            let widened = Body::new(&self, region).emit(builder);
            self.widened.extend(widened);
            self.go_on(builder, &region.next);
        }
        Ok((self.memory, self.widened))
    }

    /// Continues with the region that the work-items arrived at.
    fn go_on(&self, builder: &Builder, next: &[Next]) {
        match next {
            // The work-items never come back.
            [] => {
                builder.unreachable();
            }
            [only] => self.go_to(builder, *only),
            several => {
                let int32 = self.context().int(32);
                let number = builder.load(int32, self.next);
                let blocks: Vec<_> = several
                    .iter()
                    .map(|_| self.context().append_block(self.entry, "next"))
                    .collect();
                let choice = builder.switch(number, blocks[0]);
                for (index, (&next, &block)) in several.iter().zip(&blocks).enumerate() {
                    if index > 0 {
                        choice.add_case(int32.constant(index as u64), block);
                    }
                    builder.position_at_end(block);
                    self.go_to(builder, next);
                }
            }
        }
    }

    fn go_to(&self, builder: &Builder, next: Next) {
        match next {
            Next::Return => {
                builder.branch(self.latch);
            }
            Next::Point(point) => {
                builder.branch(self.starts[self.regions.at(point)]);
            }
            Next::Branch(number) => {
                let Some(terminator) = self.regions.flow.blocks[number].terminator() else {
                    return;
                };
                let condition = builder.load(terminator.operand(0).ty(), self.conditions[&number]);
                let clone = terminator.clone_instruction();
                builder.insert(clone, "");
                clone.set_operand(0, condition);
                for (index, successor) in terminator.successors().into_iter().enumerate() {
                    if let Some(point) = self.regions.flow.number(successor) {
                        let start = self.starts[self.regions.at(point)];
                        clone.set_successor(index as u32, start);
                    }
                }
            }
        }
    }

    /// Finds memory for everything that crosses borders, and for private variables.
    fn allocate(&mut self, context_base: Value, work_items: Value) {
        let builder = self.context().builder();
        let setup = self.entry.entry_block();
        if let Some(terminator) = setup.terminator() {
            builder.position_before(terminator);
        }
        let regions = self.regions;
        let mut area = ContextArea {
            module: self.module,
            builder: &builder,
            end: context_base,
            work_items,
            memory: &mut self.memory,
        };
        for (&value, keep) in &regions.slots.keep {
            match keep {
                Keep::Recompute => {}
                Keep::Once => {
                    self.once.insert(value, builder.alloca(value.ty(), "once"));
                }
                Keep::PerWorkItem if regions.slots.row_owner(value) == value => {
                    self.rows.insert(value, area.row(value.ty(), 1));
                }
                Keep::PerWorkItem => {}
            }
        }
        for &value in regions.slots.keep.keys() {
            if let Some(&row) = self.rows.get(&regions.slots.row_owner(value)) {
                self.rows.insert(value, row);
            }
        }
        for &variable in &regions.slots.variables {
            let row = area.row(allocated(variable), variable.alignment());
            self.rows.insert(variable, row);
        }
        for (&point, operands) in &regions.slots.operands {
            let rows = operands.iter().map(|operand| area.row(operand.ty(), 1));
            self.operands.insert(point, rows.collect());
        }
        for &block in &regions.flow.blocks {
            for instruction in block.instructions() {
                let is_variable = instruction.opcode() == Some(crate::llvm::Opcode::LLVMAlloca);
                if !is_variable || self.rows.contains_key(&instruction) {
                    continue;
                }
                let of = allocated(instruction);
                let variable = builder.alloca(of, "private");
                variable.set_alignment(instruction.alignment());
                self.memory.stack += self.module.size_of(of);
                self.variables.insert(instruction, variable);
            }
        }
        self.memory.private = self.memory.stack + self.memory.context_per_work_item;
        for (number, &branch) in regions.shape.group_branch.iter().enumerate() {
            if let (true, Some(terminator)) = (branch, regions.flow.blocks[number].terminator()) {
                let condition = builder.alloca(terminator.operand(0).ty(), "condition");
                self.conditions.insert(number, condition);
            }
        }
        self.next = builder.alloca(self.context().int(32), "next");
    }

    /// Runs a collective function over the operands that the work-items left.
    fn collective(&self, builder: &Builder, point: usize) -> Result<(), String> {
        let Some((call, _)) = barrier::at_start(self.regions.flow.blocks[point]) else {
            return Ok(());
        };
        let result = collective::emit(&collective::Site {
            builder,
            call,
            operands: self.operands.get(&point).map_or(&[], Vec::as_slice),
            results: self.rows.get(&call).copied(),
            size: self.size,
        })?;
        if let (Some(result), Some(&memory)) = (result, self.once.get(&call)) {
            builder.store(result, memory);
        }
        Ok(())
    }
}

/// Type of a private variable; its element count is constant in OpenCL C.
pub(crate) fn allocated(variable: Value) -> Type {
    let of = variable.allocated_type();
    match variable.operand(0).constant_int() {
        None | Some(1) => of,
        Some(count) => of.array(count),
    }
}

/// Hands out rows one behind the other.
struct ContextArea<'a> {
    module: &'a Module,
    builder: &'a Builder,
    /// First free byte, aligned to [`ROW_ALIGNMENT`].
    end: Value,
    /// Work-items in a full work-group: elements in a row.
    work_items: Value,
    memory: &'a mut Memory,
}

impl ContextArea<'_> {
    fn row(&mut self, of: Type, alignment: u32) -> Row {
        let context = self.module.context();
        let element = u64::from(self.module.alignment_of(of).max(alignment));
        let stride = self.module.size_of(of).next_multiple_of(element).max(1);
        let (byte, int64) = (context.int(8), context.int(64));
        let (align, pointer) = (element.max(ROW_ALIGNMENT), context.pointer(0));
        let mut base = self.end;
        if align > ROW_ALIGNMENT {
            base = self.round_up(base, align);
            self.memory.context_per_group += align - ROW_ALIGNMENT;
        }
        let bytes = self.builder.mul(self.work_items, int64.constant(stride));
        let padded = self.builder.add(bytes, int64.constant(ROW_ALIGNMENT - 1));
        let mask = int64.constant(!(ROW_ALIGNMENT - 1));
        let whole = self.builder.and(padded, mask);
        self.end = self.builder.gep_inbounds(byte, base, &[whole]);
        self.memory.context_per_work_item += stride;
        self.memory.context_per_group += ROW_ALIGNMENT;
        debug_assert_eq!(base.ty(), pointer);
        Row { base, stride }
    }

    fn round_up(&self, address: Value, alignment: u64) -> Value {
        let context = self.module.context();
        let (byte, int64) = (context.int(8), context.int(64));
        let number = self
            .builder
            .cast(crate::llvm::Opcode::LLVMPtrToInt, address, int64);
        let missing = self.builder.and(
            self.builder.sub(int64.constant(0), number),
            int64.constant(alignment - 1),
        );
        self.builder.gep_inbounds(byte, address, &[missing])
    }
}
