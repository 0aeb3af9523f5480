//! Running an NDRange: work-groups are claimed in chunks by all threads that take part.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use isocl_compiler_interface::launch::{KernelEntry, LaunchFrame};

use super::floating_point::with_kernel_environment;
use super::printf::{receive_printf, PrintfOutput};
use super::safepoint;
use super::scratch::{Scratch, ALIGNMENT};
use super::work_sharing::{share, Claims, Division, Order, Shareable};
use super::workers;
use crate::command::{Launch, NdRangeCommand};
use crate::{Error, ErrorCode, Result};

/// Stack that a thread of the application is trusted to have, in bytes.
const HOST_STACK: u64 = 256 << 10;
/// Stack that remains for the frames around a kernel, in bytes.
const STACK_RESERVE: u64 = 512 << 10;
/// Remaining work, in nanoseconds, from which other threads are asked to take part.
const WORTH_HELP: u64 = 15_000;
/// Aim for the work of one chunk in nanoseconds.
const CHUNK: u64 = 30_000;

/// Whether a thread of the application may run the kernel.
pub(super) fn runs_on_any_thread(launch: &Launch) -> bool {
    launch.kernel.code.stack_bytes <= HOST_STACK
}

/// Sizes of the parts of a scratch block: arguments, local memory, context.
struct ScratchLayout {
    arguments: usize,
    context_offset: u64,
    total: usize,
}

impl ScratchLayout {
    fn of(launch: &Launch, arguments: usize) -> Option<Self> {
        let align = |bytes: u64| bytes.checked_next_multiple_of(ALIGNMENT as u64);
        let items = launch
            .local_size
            .iter()
            .try_fold(1_u64, |items, n| items.checked_mul(*n))?;
        let arguments = align(arguments as u64)?;
        let context_offset = align(launch.local_bytes)?;
        let context = launch
            .kernel
            .code
            .context_bytes_per_work_item
            .checked_mul(items)?
            .checked_add(launch.kernel.code.context_bytes_per_group)?;
        let total = arguments
            .checked_add(context_offset)?
            .checked_add(context)?;
        Some(Self {
            arguments: arguments as usize,
            context_offset,
            total: usize::try_from(total).ok()?,
        })
    }
}

/// One NDRange in progress on several threads.
struct SharedLaunch {
    entry: KernelEntry,
    frame: LaunchFrame,
    layout: ScratchLayout,
    /// It takes little stack.
    suits_any_thread: bool,
}

// SAFETY: the frame's pointers lead to the argument copy and the printf output in the scratch
// block and on the stack of the thread in `run_in`, which returns only when every claimed
// work-group is done; a thread without a claim does not follow them. Kernels only read arguments,
// and `PrintfOutput` is `Sync`.
unsafe impl Send for SharedLaunch {}
// SAFETY: as for `Send`; nothing in it changes.
unsafe impl Sync for SharedLaunch {}

impl SharedLaunch {
    /// Runs claimed work-groups; returns how many. `local` points behind the arguments in the
    /// calling thread's block.
    fn run_groups(&self, claims: &Claims<'_>, local: *mut u8) -> u64 {
        claims.run_each(|groups| {
            // SAFETY: the program is loaded and the claim keeps the frame's pointers valid; the
            // scratch block is the calling thread's.
            unsafe { call(self.entry, &self.frame, groups.start, groups.end, local) };
        })
    }
}

impl Shareable for SharedLaunch {
    fn take_part(&self, claims: &Claims<'_>) {
        // Without memory for a block, the other threads do all the work.
        Scratch::with(self.layout.total, |scratch| {
            let local = scratch.as_mut_ptr().wrapping_add(self.layout.arguments);
            with_kernel_environment(|| {
                self.run_groups(claims, local);
            });
        });
    }
}

/// Runs the work-groups `first..end`, at least one.
///
/// # Safety
/// `entry` is code of a loaded program that is kept alive, `frame` and what it points to are
/// valid for reads, and `scratch` is an exclusive block laid out by [`ScratchLayout`].
unsafe fn call(entry: KernelEntry, frame: &LaunchFrame, first: u64, end: u64, scratch: *mut u8) {
    let first_group = frame.group_id(first);
    safepoint::outside(|| {
        // SAFETY: exactly what `KernelEntry` asks for, by this function's own contract.
        unsafe { entry(frame, &first_group, end - first, scratch) }
    });
}

/// Whether our threads can run the kernel.
///
/// # Errors
/// `OutOfResources` when their stacks are too small.
pub(super) fn check(launch: &Launch) -> Result<()> {
    if launch.kernel.code.stack_bytes + STACK_RESERVE > workers::WORKER_STACK as u64 {
        return Err(Error::new(
            ErrorCode::OutOfResources,
            format!(
                "kernel {} needs {} bytes of stack for private memory, there are {}",
                launch.kernel.name,
                launch.kernel.code.stack_bytes,
                workers::WORKER_STACK as u64 - STACK_RESERVE
            ),
        ));
    }
    Ok(())
}

/// Runs the kernel to its end, with the help of idle workers when it is large enough.
///
/// # Errors
/// As [`check`]; `OutOfHostMemory` when there is no memory for local memory or for what lives
/// across barriers.
pub(super) fn run(command: &NdRangeCommand) -> Result<()> {
    let launch = &*command.launch;
    check(launch)?;
    let layout = ScratchLayout::of(launch, command.arguments.len());
    let layout = layout.ok_or_else(|| out_of_memory(launch))?;
    Scratch::with(layout.total, |scratch| run_in(command, layout, scratch))
        .ok_or_else(|| out_of_memory(launch))
}

fn out_of_memory(launch: &Launch) -> Error {
    Error::new(
        ErrorCode::OutOfHostMemory,
        format!(
            "no memory for the local and private data of kernel {}",
            launch.kernel.name
        ),
    )
}

fn run_in(command: &NdRangeCommand, layout: ScratchLayout, scratch: &mut Scratch) {
    let launch = &*command.launch;
    let block = scratch.as_mut_ptr();
    // SAFETY: the block has `layout.total` bytes, of which the first `layout.arguments` are at
    // least as many as the argument block; nobody else uses it.
    unsafe { block.copy_from_nonoverlapping(command.arguments.as_ptr(), command.arguments.len()) };
    let local = block.wrapping_add(layout.arguments);
    // SAFETY: `KernelCode::entry` is the address of a `KernelEntry`, valid while the program that
    // the command keeps alive is loaded.
    let entry =
        unsafe { std::mem::transmute::<usize, KernelEntry>(launch.kernel.code.entry as usize) };
    let output = PrintfOutput::default();
    let groups = launch.group_count.iter().product();
    let frame = LaunchFrame {
        work_dim: launch.work_dim,
        reserved: 0,
        global_size: launch.global_size,
        global_offset: launch.global_offset,
        local_size: launch.local_size,
        group_count: launch.group_count,
        arguments: block,
        context_offset: layout.context_offset,
        printf: receive_printf,
        printf_context: output.as_context(),
    };
    with_kernel_environment(|| {
        if groups > 1 && workers::concurrency() > 1 {
            let order = match launch.kernel.code.groups_in_any_order {
                true => Order::Alternating,
                false => Order::Ascending,
            };
            let shared = SharedLaunch {
                entry,
                frame,
                layout,
                suits_any_thread: runs_on_any_thread(launch),
            };
            let nanoseconds = run_groups(shared, groups, order, local);
            launch.kernel.time.add(nanoseconds);
        } else if groups > 0 {
            // SAFETY: the program is loaded, the frame lives on this stack, the scratch block is
            // this thread's.
            unsafe { call(entry, &frame, 0, groups, local) };
        }
    });
    output.flush();
}

/// What one work-item of recently run kernels took, in picoseconds of one thread; zero where
/// nothing is known. Two kernels may share an entry: it is a guess.
static COSTS: [AtomicU64; 1 << COST_BITS] = [const { AtomicU64::new(0) }; 1 << COST_BITS];
const COST_BITS: u32 = 12;

/// Expected time of the whole range on one thread in nanoseconds; one per work-item as long as
/// nothing is known.
pub(super) fn estimated_nanoseconds(launch: &Launch) -> u64 {
    let sizes = launch.global_size.iter();
    let items = sizes.fold(1_u64, |items, size| items.saturating_mul(*size));
    match COSTS[cost_index(launch.kernel.code.entry as usize)].load(Ordering::Relaxed) {
        0 => items,
        picoseconds => items.saturating_mul(picoseconds) / 1000,
    }
}

/// Kernels begin at the start of pages as a rule: the low bits of their addresses are alike.
pub(super) fn cost_index(entry: usize) -> usize {
    ((entry as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - COST_BITS)) as usize
}

/// The guess for one kernel and work-group size.
struct Cost {
    known: &'static AtomicU64,
    items_per_group: u64,
}

impl Cost {
    fn of(entry: KernelEntry, frame: &LaunchFrame) -> Self {
        let index = cost_index(entry as usize);
        Self {
            known: &COSTS[index],
            items_per_group: frame.local_size.iter().product(),
        }
    }

    /// Nanoseconds for a work-group, at least one; none when the kernel never ran.
    fn per_group(&self) -> Option<u64> {
        match self.known.load(Ordering::Relaxed) {
            0 => None,
            picoseconds => Some((picoseconds.saturating_mul(self.items_per_group) / 1000).max(1)),
        }
    }

    fn learn(&self, nanoseconds: u64, groups: u64) {
        let items = (groups as u128 * u128::from(self.items_per_group)).max(1);
        let picoseconds = (u128::from(nanoseconds) * 1000 / items).clamp(1, u128::from(u32::MAX));
        self.known.store(picoseconds as u64, Ordering::Relaxed);
    }
}

/// Runs all work-groups: on this thread as long as that is expected to be short, else on all. Returns
/// how many nanoseconds that took.
fn run_groups(launch: SharedLaunch, groups: u64, order: Order, local: *mut u8) -> u64 {
    let cost = Cost::of(launch.entry, &launch.frame);
    let start = Instant::now();
    let elapsed = || start.elapsed().as_nanos() as u64;
    let expected = cost.per_group();
    let (mut first, mut so_far) = (0, 0);
    if expected.is_none_or(|per_group| per_group.saturating_mul(groups) < WORTH_HELP) {
        let alone = expected.map_or(1, |per_group| (WORTH_HELP / per_group).clamp(1, groups));
        // A kernel may take longer than the last time.
        while first < alone && elapsed() < WORTH_HELP {
            let end = (first + alone.div_ceil(4)).min(alone);
            // SAFETY: as in `run_in`.
            unsafe { call(launch.entry, &launch.frame, first, end, local) };
            first = end;
        }
        so_far = elapsed();
        cost.learn(so_far, first);
    }
    if first == groups {
        return so_far;
    }
    let per_group = cost.per_group().unwrap_or(1);
    let rest = groups - first;
    if per_group.saturating_mul(rest) < WORTH_HELP {
        // SAFETY: as in `run_in`.
        unsafe { call(launch.entry, &launch.frame, first, groups, local) };
        let nanoseconds = elapsed();
        cost.learn(nanoseconds, groups);
        return nanoseconds;
    }
    let threads = workers::concurrency() as u64;
    let chunk = (CHUNK / per_group).min(rest / (threads * 4)).max(1);
    let division = Division {
        range: first..groups,
        chunk,
        order,
        is_brief: launch.suits_any_thread && per_group.saturating_mul(chunk) <= 2 * CHUNK,
    };
    share(launch, division, |launch, claims| {
        let start = Instant::now();
        let own_groups = launch.run_groups(claims, local);
        if own_groups > 0 {
            cost.learn(start.elapsed().as_nanos() as u64, own_groups);
        }
    });
    elapsed()
}
