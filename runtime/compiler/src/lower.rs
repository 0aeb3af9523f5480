//! From a kernel in `spir64` IR to its entry point in host IR: all stages in order.

use serde::{Deserialize, Serialize};

use isocl_compiler_interface::message::Argument;

use crate::calls;
use crate::division;
use crate::entry;
use crate::error::Error;
use crate::group_order;
use crate::lanes::{self, Lanes};
use crate::llvm::{Module, TargetMachine, Value};
use crate::local_memory;
use crate::plain_atomic;
use crate::prepare::{self, Prepared};
use crate::reciprocal;
use crate::reciprocal_root;
use crate::region::Regions;
use crate::registers::{vector_registers, Registers};
use crate::structure;
use crate::sub_group;
use crate::waiting;
use crate::widen;
use crate::work_item;

/// A kernel as a [`isocl_compiler_interface::launch::KernelEntry`] in LLVM IR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lowered {
    /// Static local memory in bytes, a multiple of 128.
    pub local_bytes: u64,
    /// Context area for each work-item in bytes.
    pub context_bytes_per_work_item: u64,
    /// Context area on top of that, in bytes, once.
    pub context_bytes_per_group: u64,
    /// Private memory of one work-item in bytes.
    pub private_bytes: u64,
    /// Stack the entry may use, in bytes.
    pub stack_bytes: u64,
    /// Most work-items in a sub-group.
    pub sub_group_size: u32,
    /// The kernel is too large to be optimised.
    pub is_vast: bool,
    /// There are loops in what a work-item does.
    pub has_loops: bool,
    /// Work-items meet, and code for one local size would know how many.
    pub gains_by_size: bool,
    /// Bytes of a work-item that may go past the caches when it writes them.
    pub streamed_bytes: u32,
    /// Nobody can tell in which order work-groups run.
    pub groups_in_any_order: bool,
}

/// What calls, spills and alignment may take of the stack besides private variables.
const STACK_BASE: u64 = 64 << 10;

/// Lowers the kernel named `kernel`; `arguments` tells where the argument block holds its
/// arguments, `entry_symbol` is the name for the entry point. The module must contain what the kernel
/// calls. With `lanes`, work-items that lie next to each other in dimension 0 run at once, in the lanes
/// of vectors; they are a sub-group. Kernels that are too large to be optimised are so only with
/// `optimise_vast`.
///
/// # Errors
/// [`Error::Link`] for recursion, [`Error::NotWidened`] if only a module lowered without width will
/// do, [`Error::Internal`] for what no program should cause.
pub fn lower(
    module: &Module,
    kernel: &str,
    arguments: &[Argument],
    machine: &TargetMachine,
    lanes: Option<Lanes>,
    optimise_vast: bool,
    entry_symbol: &str,
) -> Result<Lowered, Error> {
    division::make_total(module);
    let Prepared { function, is_vast } = prepare::prepare(module, kernel, machine, optimise_vast)?;
    // Known before anything is done for lanes, so that nothing is done twice.
    let natural = lanes::natural_width()?;
    let one_size = lanes.and_then(|lanes| lanes.local_size);
    let pays = |lanes: &Lanes| {
        let bits_for_lane = 32 * natural / lanes.width;
        widen::pays(function, vector_registers(natural), bits_for_lane)
    };
    let lanes = lanes
        .filter(|_| !is_vast)
        .and_then(|lanes| match pays(&lanes) {
            true => Some(lanes),
            false => lanes.halved().filter(pays),
        });
    let independent = !uses_atomics(function);
    let groups_in_any_order = independent && group_order::is_hidden(module, function);
    calls::lower(module, function).map_err(Error::Internal)?;
    let sub_group_size = lanes.map_or(1, |lanes| lanes.width);
    sub_group::settle(module, function, lanes.map(|lanes| lanes.width));
    work_item::lower(module, function);
    let local_bytes = local_memory::place(module, function);
    if !is_vast {
        module
            .run_passes(prepare::SIMPLIFY, machine)
            .map_err(Error::Internal)?;
    }
    reciprocal::multiply(&module.context().builder(), function);
    if structure::has_barriers(function) {
        structure::prepare(module.context(), function);
    }
    let regions = Regions::new(function);
    if cfg!(debug_assertions) {
        regions.verify().map_err(Error::Internal)?;
    }
    let sub_groups = sub_group::are_used(function);
    // Others may see between barriers, or by way of atomics, what a work-item writes.
    let may_stream = regions.regions.len() == 1 && independent && !sub_groups;
    let lanes = lanes.map(|lanes| {
        let doublings = match lanes.doublings {
            0 => 0,
            most => lanes::doublings_that_pay(&regions, lanes.width).min(most),
        };
        Lanes {
            width: lanes.width << doublings,
            streams: lanes.streams && may_stream,
            ..lanes
        }
    });
    let local_size = one_size.or_else(|| required_work_group_size(module, function));
    let parts = entry::Kernel {
        function,
        regions: &regions,
        arguments,
        local_size,
        independent,
        lanes,
        sub_groups,
    };
    let (memory, widened) = entry::emit(module, &parts, entry_symbol).map_err(Error::Internal)?;
    function.erase_function();
    let mut streamed_bytes = 0;
    if let Some(lanes) = lanes {
        let registers = Registers::for_lanes(lanes.width, natural);
        let streamed = widen::widen_all(module, entry_symbol, &widened, lanes, registers, machine)
            .map_err(Error::NotWidened)?;
        if may_stream {
            streamed_bytes = u32::try_from(streamed).unwrap_or(0);
        }
        reciprocal_root::estimate(module, machine).map_err(Error::Internal)?;
    }
    plain_atomic::make_plain(module).map_err(Error::Internal)?;
    waiting::fence(module);
    prepare::drop_unused_declarations(module);
    module.verify().map_err(Error::Internal)?;
    Ok(Lowered {
        local_bytes,
        context_bytes_per_work_item: memory.context_per_work_item,
        context_bytes_per_group: memory.context_per_group,
        private_bytes: memory.private,
        stack_bytes: memory.stack + STACK_BASE,
        sub_group_size,
        is_vast,
        has_loops: regions.flow.has_loops(),
        gains_by_size: regions.regions.len() > 1 && local_size.is_none(),
        streamed_bytes,
        groups_in_any_order,
    })
}

/// Whether work-items may affect each other between barriers: through atomics, which on one thread
/// become plain memory accesses.
fn uses_atomics(function: Value) -> bool {
    function.instructions().into_iter().any(|instruction| {
        instruction.called_function().is_some_and(|callee| {
            let name = callee.name();
            callee.is_declaration() && (name.contains("atom") || name.contains("mem_fence"))
        })
    })
}

/// `reqd_work_group_size`: the enqueued local size is known.
fn required_work_group_size(module: &Module, function: Value) -> Option<[u64; 3]> {
    let kind = module.context().metadata_kind("reqd_work_group_size");
    let sizes = function.function_metadata_integers(kind)?;
    match sizes[..] {
        [Some(x), Some(y), Some(z)] => Some([x, y, z]),
        _ => None,
    }
}
