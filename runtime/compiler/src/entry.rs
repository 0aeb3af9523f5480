//! The entry point of a kernel: a loop over work-groups around the regions of the kernel.

use std::collections::HashMap;
use std::mem::offset_of;

use isocl_compiler_interface::launch::LaunchFrame;
use isocl_compiler_interface::message::{AddressSpace, Argument, ArgumentKind};
use isocl_compiler_interface::rows::SMALL_IDS;

use crate::lanes::Lanes;
use crate::llvm::{address_space, Block, Builder, IntPredicate, Module, Type, Value};
use crate::region::Regions;
use crate::region_function::Widened;
use crate::work_group::{mark_loop, no_copies, Manner, Memory, Widening, WorkGroup};
use crate::work_item::Primitive;

/// x86's fence that no store passes.
const STORE_FENCE: &str = "llvm.x86.sse.sfence";

/// What an entry point is made of.
#[derive(Debug)]
pub struct Kernel<'a> {
    /// The kernel's function, everything inlined.
    pub function: Value,
    /// The function in regions.
    pub regions: &'a Regions,
    /// Where the argument block has the arguments.
    pub arguments: &'a [Argument],
    /// The enqueued local size, if it is always the same.
    pub local_size: Option<[u64; 3]>,
    /// Work-items affect each other at barriers only, not by atomics.
    pub independent: bool,
    /// How work-items run at once, if they do.
    pub lanes: Option<Lanes>,
    /// Work-items that run at once do things together.
    pub sub_groups: bool,
}

/// Adds the function `symbol`, a [`isocl_compiler_interface::launch::KernelEntry`].
///
/// # Errors
/// A sentence about what cannot be compiled.
pub fn emit(
    module: &Module,
    kernel: &Kernel,
    symbol: &str,
) -> Result<(Memory, Vec<Widened>), String> {
    let regions = kernel.regions;
    let context = module.context();
    let (pointer, int64) = (context.pointer(0), context.int(64));
    let parameters = [pointer, pointer, int64, pointer];
    let entry = module.add_function(symbol, context.void().function(&parameters, false));
    entry.add_attribute(context.enum_attribute("nounwind", 0));
    for attribute in ["noalias", "readonly", "nocapture"] {
        entry.add_parameter_attribute(0, context.enum_attribute(attribute, 0));
        entry.add_parameter_attribute(1, context.enum_attribute(attribute, 0));
    }
    entry.add_parameter_attribute(3, context.enum_attribute("noalias", 0));
    entry.add_parameter_attribute(3, context.enum_attribute("align", 128));

    let builder = context.builder();
    let [setup, group, latch, done] =
        ["setup", "group", "group.latch", "done"].map(|name| context.append_block(entry, name));
    builder.position_at_end(setup);
    let launch = Launch::load(&builder, entry, kernel.local_size, kernel.lanes);
    let arguments = launch.arguments(&builder, kernel.function, kernel.arguments)?;
    let groups = GroupLoop::open(&builder, &launch, setup, group);
    let (base, size) = groups.extent(&builder, &launch);
    let mut fixed = arguments;
    for primitive_call in regions
        .flow
        .blocks
        .iter()
        .flat_map(|block| block.instructions())
    {
        let Some(primitive) = Primitive::of_call(primitive_call) else {
            continue;
        };
        if let Some(value) = launch.primitive(primitive, &groups.id, &base, &size) {
            fixed.insert(primitive_call, value);
        }
    }
    let widening = kernel.lanes.map(|lanes| Widening {
        lanes,
        global_base: base[0],
        sub_groups_in_rows: kernel.sub_groups.then(|| {
            let in_rows = sub_groups_lie_in_rows(&builder, lanes.width, &size);
            builder.and(launch.small, in_rows)
        }),
    });
    let memory = WorkGroup::new(
        module,
        entry,
        regions,
        fixed,
        size,
        latch,
        Manner {
            independent: kernel.independent,
            widening,
        },
    )
    .emit(&builder, launch.context_base, launch.work_items)?;
    groups.close(&builder, &launch, latch, done);
    builder.position_at_end(done);
    if kernel.lanes.is_some_and(|lanes| lanes.streams) {
        // Streaming stores are in no order with others, such as the one that tells of the end.
        if let Some(fence) = module
            .intrinsic(STORE_FENCE, &[])
            .filter(|_| cfg!(target_arch = "x86_64"))
        {
            builder.call(fence, &[]);
        }
    }
    builder.return_void();
    Ok(memory)
}

/// Whether all sub-groups of a work-group of this size, but perhaps the last one, are neighbours in
/// dimension 0.
fn sub_groups_lie_in_rows(builder: &Builder, width: u32, size: &[Value; 3]) -> Value {
    let int64 = size[0].ty();
    let rest = builder.urem(size[0], int64.constant(u64::from(width)));
    let whole = builder.icmp(IntPredicate::LLVMIntEQ, rest, int64.constant(0));
    let rows = builder.mul(size[1], size[2]);
    let only_one = builder.icmp(IntPredicate::LLVMIntEQ, rows, int64.constant(1));
    builder.or(whole, only_one)
}

/// What the launch frame says, loaded once.
struct Launch {
    frame: Value,
    /// Id of the first work-group.
    first_group: [Value; 3],
    num_groups: Value,
    work_dim: Value,
    global_size: [Value; 3],
    global_offset: [Value; 3],
    local_size: [Value; 3],
    group_count: [Value; 3],
    arguments: Value,
    /// First byte of the context area.
    context_base: Value,
    /// Work-items in a full work-group.
    work_items: Value,
    /// The scratch block in the local address space.
    local_base: Value,
    /// All global ids are below [`SMALL_IDS`].
    small: Value,
    /// All work-groups have the enqueued local size.
    is_uniform: bool,
}

impl Launch {
    fn load(
        builder: &Builder,
        entry: Value,
        known_size: Option<[u64; 3]>,
        lanes: Option<Lanes>,
    ) -> Self {
        let is_line = lanes.is_some_and(|lanes| lanes.is_line);
        let context = builder.context();
        let [frame, first_group, num_groups, scratch] = entry.parameters()[..] else {
            unreachable!("the entry has four parameters")
        };
        let (byte, int64) = (context.int(8), context.int(64));
        let load = |from: Value, offset: usize, ty: Type| {
            let offset = context.constant(64, offset as u64);
            builder.load(ty, builder.gep_inbounds(byte, from, &[offset]))
        };
        let three = |from, offset: usize| [0, 8, 16].map(|index| load(from, offset + index, int64));
        let member = |offset, ty| load(frame, offset, ty);
        let triple = |offset| three(frame, offset);
        let sizes = |offset: usize| {
            [0, 8, 16].map(|index| match is_line && index > 0 {
                true => context.constant(64, 1),
                false => member(offset + index, int64),
            })
        };
        let local_size = match known_size {
            Some(size) => size.map(|size| context.constant(64, size)),
            None => sizes(offset_of!(LaunchFrame, local_size)),
        };
        let context_offset = member(offset_of!(LaunchFrame, context_offset), int64);
        let plane = builder.mul(local_size[0], local_size[1]);
        let (global_size, global_offset) = (
            sizes(offset_of!(LaunchFrame, global_size)),
            triple(offset_of!(LaunchFrame, global_offset)),
        );
        let limit = context.constant(64, SMALL_IDS);
        let below = |value| builder.icmp(IntPredicate::LLVMIntULT, value, limit);
        let small = (0..3).fold(context.constant(1, 1), |small, d| {
            let end = builder.add(global_size[d], global_offset[d]);
            let fits = builder.and(below(global_offset[d]), below(end));
            builder.and(small, fits)
        });
        Self {
            small,
            work_dim: member(offset_of!(LaunchFrame, work_dim), context.int(32)),
            global_size,
            global_offset,
            group_count: sizes(offset_of!(LaunchFrame, group_count)),
            arguments: member(offset_of!(LaunchFrame, arguments), context.pointer(0)),
            context_base: builder.gep_inbounds(byte, scratch, &[context_offset]),
            work_items: builder.mul(plane, local_size[2]),
            local_base: builder.address_space_cast(scratch, context.pointer(address_space::LOCAL)),
            local_size,
            frame,
            first_group: three(first_group, 0),
            num_groups,
            is_uniform: lanes.is_some_and(|lanes| lanes.is_uniform),
        }
    }

    /// Loads the kernel's arguments; large structures stay in the block.
    fn arguments(
        &self,
        builder: &Builder,
        function: Value,
        arguments: &[Argument],
    ) -> Result<HashMap<Value, Value>, String> {
        let context = builder.context();
        let parameters = function.parameters();
        if parameters.len() != arguments.len() {
            return Err(format!(
                "the kernel has {} parameters but {} arguments are described",
                parameters.len(),
                arguments.len()
            ));
        }
        let byte = context.int(8);
        let mut values = HashMap::new();
        for (index, (parameter, argument)) in parameters.into_iter().zip(arguments).enumerate() {
            let offset = context.constant(64, u64::from(argument.offset));
            let address = builder.gep_inbounds(byte, self.arguments, &[offset]);
            let value = if function.byval_type(index as u32).is_some() {
                address
            } else if is_local(argument.kind) {
                let offset = builder.load(context.int(64), address);
                builder.gep(byte, self.local_base, &[offset])
            } else {
                let value = builder.load(parameter.ty(), address);
                value.set_alignment(1);
                value
            };
            values.insert(parameter, value);
        }
        Ok(values)
    }

    /// The value of a primitive, unless it differs between work-items.
    fn primitive(
        &self,
        primitive: Primitive,
        group_id: &[Value; 3],
        base: &[Value; 3],
        size: &[Value; 3],
    ) -> Option<Value> {
        Some(match primitive {
            Primitive::WorkDim => self.work_dim,
            Primitive::GlobalSize(d) => self.global_size[d as usize],
            Primitive::GlobalOffset(d) => self.global_offset[d as usize],
            Primitive::LocalSize(d) => size[d as usize],
            Primitive::EnqueuedLocalSize(d) => self.local_size[d as usize],
            Primitive::GroupCount(d) => self.group_count[d as usize],
            Primitive::GroupId(d) => group_id[d as usize],
            Primitive::GlobalBase(d) => base[d as usize],
            Primitive::LocalId(_) => return None,
            Primitive::Frame => self.frame,
            Primitive::LocalBase => self.local_base,
        })
    }
}

fn is_local(kind: ArgumentKind) -> bool {
    matches!(
        kind,
        ArgumentKind::Pointer {
            address_space: AddressSpace::Local,
            ..
        }
    )
}

/// The loop over work-groups, which counts the group id instead of dividing in every turn.
struct GroupLoop {
    /// Work-groups not yet done, the current one among them.
    left: Value,
    id: [Value; 3],
    head: Block,
}

impl GroupLoop {
    /// Ends block `setup` and begins block `head`.
    fn open(builder: &Builder, launch: &Launch, setup: Block, head: Block) -> Self {
        let int64 = builder.context().int(64);
        builder.branch(head);
        builder.position_at_end(head);
        let left = builder.phi(int64, "groups.left");
        left.add_incoming(&[(launch.num_groups, setup)]);
        // Where there is one work-group, its id is 0.
        let one = int64.constant(1);
        let id = [0, 1, 2].map(|d| {
            if launch.group_count[d] == one {
                return int64.constant(0);
            }
            let id = builder.phi(int64, "group.id");
            id.add_incoming(&[(launch.first_group[d], setup)]);
            id
        });
        Self { left, id, head }
    }

    /// First global id and size of the current group.
    fn extent(&self, builder: &Builder, launch: &Launch) -> ([Value; 3], [Value; 3]) {
        let start = [0, 1, 2].map(|d| builder.mul(self.id[d], launch.local_size[d]));
        let base = [0, 1, 2].map(|d| builder.add_nuw(launch.global_offset[d], start[d]));
        if launch.is_uniform {
            return (base, launch.local_size);
        }
        let size = [0, 1, 2].map(|d| {
            let left = builder.sub(launch.global_size[d], start[d]);
            let full = builder.icmp(IntPredicate::LLVMIntULT, launch.local_size[d], left);
            builder.select(full, launch.local_size[d], left)
        });
        (base, size)
    }

    /// Fills block `latch`.
    fn close(&self, builder: &Builder, launch: &Launch, latch: Block, done: Block) {
        let context = builder.context();
        builder.position_at_end(latch);
        let one = context.constant(64, 1);
        let zero = context.constant(64, 0);
        let mut carry = one;
        let is_counted = |d: &usize| launch.group_count[*d] != one;
        let mut dimensions = (0..3).filter(is_counted).peekable();
        while let Some(d) = dimensions.next() {
            let mut id = builder.add(self.id[d], carry);
            // Behind the last one in the last dimension there is none.
            if dimensions.peek().is_some() {
                let wraps = builder.icmp(IntPredicate::LLVMIntEQ, id, launch.group_count[d]);
                id = builder.select(wraps, zero, id);
                carry = builder.int_cast(wraps, context.int(64), false);
            }
            self.id[d].add_incoming(&[(id, latch)]);
        }
        let left = builder.sub(self.left, one);
        self.left.add_incoming(&[(left, latch)]);
        let more = builder.icmp(IntPredicate::LLVMIntNE, left, zero);
        let back = builder.branch_if(more, self.head, done);
        mark_loop(context, back, &[no_copies(context)]);
    }
}
