//! Calls that have to fail and change nothing: what the specification says of their arguments.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;
use serde::{Deserialize, Serialize};

use crate::client::{offset, Api};

/// A call that has to fail; its code stands in the section of its function (§5.6 of the
/// specification for those on shared virtual memory, §5.12 for events).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bad {
    /// A pattern of three bytes.
    FillPatternSize,
    /// A pattern of no bytes.
    FillPatternEmpty,
    /// A size that is no multiple of the pattern's.
    FillSize,
    /// An address that is not aligned to the pattern.
    FillAlignment,
    /// No address.
    FillNull,
    /// No destination.
    CopyNull,
    /// Source and destination with common bytes.
    CopyOverlap,
    /// A list of events that is not there.
    WaitListNull,
    /// A list of no events that is there.
    WaitListEmpty,
    /// No bytes to map.
    MapEmpty,
    /// No address to map.
    MapNull,
    /// Flags that are none.
    MapFlags,
    /// No address to unmap.
    UnmapNull,
    /// A list to free that is not there.
    FreeListNull,
    /// A list of no pointers that is there.
    FreeCountZero,
    /// No pointers to migrate.
    MigrateNull,
    /// Flags that are none.
    MigrateFlags,
    /// No queue.
    QueueNull,
    /// No events to wait for.
    WaitForNone,
}

impl Bad {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::FillPatternSize,
        Self::FillPatternEmpty,
        Self::FillSize,
        Self::FillAlignment,
        Self::FillNull,
        Self::CopyNull,
        Self::CopyOverlap,
        Self::WaitListNull,
        Self::WaitListEmpty,
        Self::MapEmpty,
        Self::MapNull,
        Self::MapFlags,
        Self::UnmapNull,
        Self::FreeListNull,
        Self::FreeCountZero,
        Self::MigrateNull,
        Self::MigrateFlags,
        Self::QueueNull,
        Self::WaitForNone,
    ];

    /// The code that the call has to return.
    pub const fn code(self) -> cl_int {
        match self {
            Self::CopyOverlap => CL_MEM_COPY_OVERLAP,
            Self::WaitListNull | Self::WaitListEmpty => CL_INVALID_EVENT_WAIT_LIST,
            Self::QueueNull => CL_INVALID_COMMAND_QUEUE,
            _ => CL_INVALID_VALUE,
        }
    }

    /// Calls it, on 64 bytes of memory of the call's own.
    pub fn call(self, api: &Api, queue: cl_command_queue, memory: *mut c_void) -> cl_int {
        let pattern = [0x5a_u8; 16];
        let pattern = pattern.as_ptr().cast();
        let fill = |to, pattern_size, size| {
            api.clEnqueueSVMMemFill(
                queue,
                to,
                pattern,
                pattern_size,
                size,
                0,
                null(),
                null_mut(),
            )
        };
        let copy = |to, from: *mut c_void| {
            api.clEnqueueSVMMemcpy(queue, CL_FALSE, to, from, 16, 0, null(), null_mut())
        };
        let map = |flags, from, size| {
            api.clEnqueueSVMMap(queue, CL_TRUE, flags, from, size, 0, null(), null_mut())
        };
        let marker =
            |queue, count, list| api.clEnqueueMarkerWithWaitList(queue, count, list, null_mut());
        let free = |count, list| {
            let none = null_mut();
            api.clEnqueueSVMFree(queue, count, list, None, none, 0, null(), null_mut())
        };
        let mut list = memory;
        let constant = memory.cast_const();
        let migrate = |list, flags| {
            api.clEnqueueSVMMigrateMem(queue, 1, list, null(), flags, 0, null(), null_mut())
        };
        let event: cl_event = null_mut();
        match self {
            Self::FillPatternSize => fill(memory, 3, 9),
            Self::FillPatternEmpty => fill(memory, 0, 16),
            Self::FillSize => fill(memory, 4, 10),
            Self::FillAlignment => fill(offset(memory, 4), 8, 16),
            Self::FillNull => fill(null_mut(), 4, 16),
            Self::CopyNull => copy(null_mut(), memory),
            Self::CopyOverlap => copy(offset(memory, 8), memory),
            Self::WaitListNull => marker(queue, 1, null()),
            Self::WaitListEmpty => marker(queue, 0, &event),
            Self::MapEmpty => map(CL_MAP_READ, memory, 0),
            Self::MapNull => map(CL_MAP_READ, null_mut(), 16),
            Self::MapFlags => map(1 << 20, memory, 16),
            Self::UnmapNull => api.clEnqueueSVMUnmap(queue, null_mut(), 0, null(), null_mut()),
            Self::FreeListNull => free(1, null_mut()),
            Self::FreeCountZero => free(0, &mut list),
            Self::MigrateNull => migrate(null(), 0),
            Self::MigrateFlags => migrate(&constant, 1 << 20),
            Self::QueueNull => marker(null_mut(), 0, null()),
            Self::WaitForNone => api.clWaitForEvents(0, null()),
        }
    }

    /// The call in C, on the queue and the memory of these names.
    pub fn in_c(self, queue: &str, memory: &str) -> String {
        let fill = |to: &str, pattern: u32, size: u32| {
            format!("clEnqueueSVMMemFill({queue}, {to}, bad, {pattern}, {size}, 0, NULL, NULL)")
        };
        let copy = |to: &str| {
            format!("clEnqueueSVMMemcpy({queue}, CL_FALSE, {to}, {memory}, 16, 0, NULL, NULL)")
        };
        let map = |flags: &str, from: &str, size: u32| {
            format!("clEnqueueSVMMap({queue}, CL_TRUE, {flags}, {from}, {size}, 0, NULL, NULL)")
        };
        let marker =
            |queue: &str, rest: &str| format!("clEnqueueMarkerWithWaitList({queue}, {rest}, NULL)");
        let list = format!("(void *[]){{{memory}}}");
        let free = |count: u32, list: &str| {
            format!("clEnqueueSVMFree({queue}, {count}, {list}, NULL, NULL, 0, NULL, NULL)")
        };
        let migrate = |list: &str, flags: &str| {
            format!("clEnqueueSVMMigrateMem({queue}, 1, {list}, NULL, {flags}, 0, NULL, NULL)")
        };
        match self {
            Self::FillPatternSize => fill(memory, 3, 9),
            Self::FillPatternEmpty => fill(memory, 0, 16),
            Self::FillSize => fill(memory, 4, 10),
            Self::FillAlignment => fill(&format!("(char *){memory} + 4"), 8, 16),
            Self::FillNull => fill("NULL", 4, 16),
            Self::CopyNull => copy("NULL"),
            Self::CopyOverlap => copy(&format!("(char *){memory} + 8")),
            Self::WaitListNull => marker(queue, "1, NULL"),
            Self::WaitListEmpty => marker(queue, "0, (cl_event[]){NULL}"),
            Self::MapEmpty => map("CL_MAP_READ", memory, 0),
            Self::MapNull => map("CL_MAP_READ", "NULL", 16),
            Self::MapFlags => map("1 << 20", memory, 16),
            Self::UnmapNull => format!("clEnqueueSVMUnmap({queue}, NULL, 0, NULL, NULL)"),
            Self::FreeListNull => free(1, "NULL"),
            Self::FreeCountZero => free(0, &list),
            Self::MigrateNull => migrate("NULL", "0"),
            Self::MigrateFlags => migrate(&format!("(const void *[]){{{memory}}}"), "1 << 20"),
            Self::QueueNull => marker("NULL", "0, NULL"),
            Self::WaitForNone => "clWaitForEvents(0, NULL)".into(),
        }
    }
}
