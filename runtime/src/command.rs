//! Commands: validated operands, ready for a device. One variant per kind of work.

use std::cell::OnceCell;
use std::sync::Arc;

use isocl_compiler_interface::message::KernelCode;
use isocl_kernel_iface::Address;

use crate::device::DeviceProgram;
use crate::error::{Error, ErrorCode, Result};
use crate::event::Event;
use crate::keep_alive::KeepAlive;
use crate::launch_time::LaunchTime;
use crate::nd_range::NdRange;
use crate::queue::CommandQueue;

/// `cl_command_type` (§5.11), reported by events.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum CommandType {
    NdRangeKernel = 0x11F0,
    Task = 0x11F1,
    NativeKernel = 0x11F2,
    ReadBuffer = 0x11F3,
    WriteBuffer = 0x11F4,
    CopyBuffer = 0x11F5,
    MapBuffer = 0x11FB,
    UnmapMemObject = 0x11FD,
    Marker = 0x11FE,
    ReadBufferRect = 0x1201,
    WriteBufferRect = 0x1202,
    CopyBufferRect = 0x1203,
    User = 0x1204,
    Barrier = 0x1205,
    MigrateMemObjects = 0x1206,
    FillBuffer = 0x1207,
    SvmFree = 0x1209,
    SvmMemcpy = 0x120A,
    SvmMemFill = 0x120B,
    SvmMap = 0x120C,
    SvmUnmap = 0x120D,
    SvmMigrateMem = 0x120E,
}

/// Whose memory a range is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residence {
    /// Memory of the context: SVM and buffers, which every device reaches.
    Device,
    /// Memory of the application, which a device may or may not reach.
    Host,
}

/// Bytes at an address that is valid on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryRange {
    /// First byte.
    pub address: Address,
    /// Length in bytes.
    pub len: usize,
    /// Whose memory it is.
    pub residence: Residence,
}

impl MemoryRange {
    /// A range in memory of the context.
    pub fn on_device(address: Address, len: usize) -> Self {
        Self {
            address,
            len,
            residence: Residence::Device,
        }
    }

    /// A range in memory of the application.
    pub fn on_host(address: Address, len: usize) -> Self {
        Self {
            address,
            len,
            residence: Residence::Host,
        }
    }
}

/// A rectangle in linear memory (§5.2.2 `clEnqueueReadBufferRect`): `region[0]` bytes times rows
/// times slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RectLayout {
    /// Address of the rectangle's first byte.
    pub address: Address,
    /// Bytes from one row to the next.
    pub row_pitch: usize,
    /// Bytes from one slice to the next.
    pub slice_pitch: usize,
}

/// The operands of a copy of a rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RectCopy {
    /// From.
    pub source: RectLayout,
    /// To.
    pub destination: RectLayout,
    /// Bytes, rows, slices; none is zero.
    pub region: [usize; 3],
}

/// A kernel's machine code for some kind of launches.
#[derive(Debug)]
pub struct LoadedKernel {
    /// Keeps `code` valid.
    pub program: Arc<dyn DeviceProgram>,
    /// What to call.
    pub code: KernelCode,
    /// What launches with this local size took.
    pub time: Arc<LaunchTime>,
    /// Kernel name, for messages.
    pub name: Arc<str>,
}

/// What launches of a kernel over the same index space share. Applications repeat them.
#[derive(Debug)]
pub struct Launch {
    /// What to call.
    pub kernel: Arc<LoadedKernel>,
    /// Bytes of local memory, static and dynamic, a multiple of 128.
    pub local_bytes: u64,
    /// Number of dimensions.
    pub work_dim: u32,
    /// First global id in each dimension; unused dimensions 0.
    pub global_offset: [u64; 3],
    /// Work-items in each dimension; unused dimensions 1.
    pub global_size: [u64; 3],
    /// Work-group size; unused dimensions 1.
    pub local_size: [u64; 3],
    /// Work-groups in each dimension, the last of which may have fewer work-items.
    pub group_count: [u64; 3],
}

impl Launch {
    /// A launch of `kernel` over `range`.
    pub(crate) fn new(kernel: Arc<LoadedKernel>, local_bytes: u64, range: &NdRange) -> Self {
        let groups = |index: usize| range.global_size[index].div_ceil(range.local_size[index]);
        Self {
            kernel,
            local_bytes,
            work_dim: range.work_dim,
            global_offset: range.global_offset,
            global_size: range.global_size,
            local_size: range.local_size,
            group_count: std::array::from_fn(groups),
        }
    }
}

/// The operands of a kernel launch.
pub struct NdRangeCommand {
    /// What runs where.
    pub launch: Arc<Launch>,
    /// Argument block; local pointers hold offsets.
    pub arguments: Arc<[u8]>,
}

/// Called when `clEnqueueSVMFree` runs, instead of freeing (§5.6.1).
pub type SvmFreeCallback = Box<dyn FnOnce() + Send>;

/// What a device is asked to do.
pub enum Operation {
    /// Nothing: markers, barriers, migrations, maps and unmaps of memory that is shared in place.
    Nothing,
    /// Copies; the ranges have equal length and do not overlap.
    Copy {
        /// From.
        source: MemoryRange,
        /// To.
        destination: MemoryRange,
    },
    /// Copies a rectangle.
    CopyRect(Box<RectCopy>),
    /// Repeats a pattern of 1 to 128 bytes; its length divides the range's.
    Fill {
        /// Where.
        destination: MemoryRange,
        /// What.
        pattern: Box<[u8]>,
    },
    /// Runs code of the host: frees SVM, calls an application's callback, runs a native kernel.
    Host(Box<dyn FnOnce() -> Result<()> + Send>),
    /// Runs a kernel.
    NdRange(NdRangeCommand),
}

/// Bytes that are copied or filled in the time that it takes to queue a command.
const BRIEF: usize = 4096;

/// An operation and what it needs to stay alive. Moves into the device that runs it.
pub struct Command {
    /// What to do.
    pub operation: Operation,
    /// Dropped when the command has run, before its event completes.
    pub keep_alive: KeepAlive,
}

impl Command {
    /// A command that does nothing.
    pub fn nothing() -> Self {
        Self {
            operation: Operation::Nothing,
            keep_alive: KeepAlive::default(),
        }
    }

    /// Whether it takes no longer than to hand it to somebody else.
    pub(crate) fn is_brief(&self) -> bool {
        match &self.operation {
            Operation::Nothing => true,
            Operation::Copy { destination, .. } | Operation::Fill { destination, .. } => {
                destination.len <= BRIEF
            }
            Operation::CopyRect(_) | Operation::Host(_) | Operation::NdRange(_) => false,
        }
    }

    /// Rough time on one core in nanoseconds, by the size of the operands alone.
    pub(crate) fn estimated_nanoseconds(&self) -> u64 {
        match &self.operation {
            Operation::Nothing | Operation::Host(_) => 0,
            Operation::Copy { source, .. } => source.len as u64 / 8,
            Operation::CopyRect(copy) => {
                let bytes = copy
                    .region
                    .iter()
                    .fold(1_u64, |bytes, n| bytes.saturating_mul(*n as u64));
                bytes / 4
            }
            Operation::Fill { destination, .. } => destination.len as u64 / 8,
            Operation::NdRange(command) => command
                .launch
                .global_size
                .iter()
                .fold(1_u64, |items, n| items.saturating_mul(*n)),
        }
    }
}

/// Lets a device answer a command after [`crate::device::Backend::run`] returned.
#[derive(Clone, Copy)]
pub struct Deferral<'a>(Deferred<'a>);

/// What to settle later.
#[derive(Clone, Copy)]
enum Deferred<'a> {
    Event(&'a Arc<Event>),
    /// A command without an event. It gets one now, which its queue finds in the cell.
    Unnamed(&'a Arc<CommandQueue>, &'a OnceCell<Arc<Event>>),
}

impl<'a> Deferral<'a> {
    pub(crate) fn of_event(event: &'a Arc<Event>) -> Self {
        Self(Deferred::Event(event))
    }

    pub(crate) fn without_event(
        queue: &'a Arc<CommandQueue>,
        event: &'a OnceCell<Arc<Event>>,
    ) -> Self {
        Self(Deferred::Unnamed(queue, event))
    }

    /// What the device answers with later, on any thread. To be taken at most once, by a device
    /// that then returns no result.
    pub fn defer(self) -> Completion {
        let event = match self.0 {
            Deferred::Event(event) => event,
            Deferred::Unnamed(queue, cell) => cell.get_or_init(|| Event::of_running_command(queue)),
        };
        Completion(Some(Arc::clone(event)))
    }
}

/// A device's later answer to one command, given exactly once. Dropping it without an answer
/// fails the command with `OutOfResources`.
pub struct Completion(Option<Arc<Event>>);

impl Completion {
    /// Ends the command: its event becomes complete, or gets the error's negative status. The
    /// command itself should be dropped first, so that whoever waits finds its memory released.
    pub fn finish(mut self, result: Result<()>) {
        if let Some(event) = self.0.take() {
            event.settle(result);
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        if let Some(event) = self.0.take() {
            event.settle(Err(Error::new(
                ErrorCode::OutOfResources,
                "the device gave up the command",
            )));
        }
    }
}
