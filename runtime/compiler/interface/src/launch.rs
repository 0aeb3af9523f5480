//! The contract of generated code: how the device calls a kernel.

use core::ffi::c_void;

/// Everything a kernel needs to know about one NDRange, shared read-only by all its work-groups.
///
/// Unused dimensions have size 1 and offset 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct LaunchFrame {
    /// Number of dimensions, 1 to 3.
    pub work_dim: u32,
    /// Keeps the following members aligned; zero.
    pub reserved: u32,
    /// Work-items in each dimension.
    pub global_size: [u64; 3],
    /// First global id in each dimension.
    pub global_offset: [u64; 3],
    /// Work-group size asked for (the enqueued local size); the last group of a dimension is
    /// smaller when this does not divide the global size.
    pub local_size: [u64; 3],
    /// Work-groups in each dimension: `ceil(global_size / local_size)`.
    pub group_count: [u64; 3],
    /// Argument block, laid out as [`crate::message::Argument::offset`] says.
    pub arguments: *const u8,
    /// Where, in bytes from the start of the scratch block, the context area begins: behind the
    /// static and dynamic local memory, a multiple of 128.
    pub context_offset: u64,
    /// Receives every `printf` of the kernel as one record (see [`crate::printf`]); called on the
    /// thread that runs the work-group.
    pub printf: unsafe extern "C" fn(context: *mut c_void, record: *const u8, len: usize),
    /// First argument of `printf`.
    pub printf_context: *mut c_void,
}

impl LaunchFrame {
    /// Id of the work-group with a linear number, dimension 0 fastest.
    pub fn group_id(&self, number: u64) -> [u64; 3] {
        let [columns, rows, _] = self.group_count;
        // Division takes long, and most ranges have one dimension.
        if number < columns {
            return [number, 0, 0];
        }
        let row = number / columns;
        [number % columns, row % rows, row / rows]
    }
}

/// Entry point of a compiled kernel: runs `num_groups` work-groups, at least one, from the one with
/// the id `first_group` on (dimension 0 fastest), one after the other, on the calling thread.
///
/// `scratch` is a block aligned to 128 bytes that no other running call uses. It holds, in this order, the
/// kernel's static local variables ([`crate::message::KernelCode::local_bytes`]), the dynamic
/// local arguments (the argument block holds each one's byte offset from `scratch`), and at
/// [`LaunchFrame::context_offset`] the values that live across barriers
/// ([`crate::message::KernelCode::context_bytes_per_work_item`] times the work-group's
/// enqueued number of work-items, plus [`crate::message::KernelCode::context_bytes_per_group`]).
pub type KernelEntry = unsafe extern "C" fn(
    frame: *const LaunchFrame,
    first_group: *const [u64; 3],
    num_groups: u64,
    scratch: *mut u8,
);
