//! What a sequence is made of.

use serde::{Deserialize, Serialize};

use super::bad::Bad;

/// Bytes of an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Number of the allocation.
    pub allocation: usize,
    /// First byte.
    pub offset: usize,
    /// Number of bytes.
    pub size: usize,
}

impl Region {
    /// Whether the two have a byte in common.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.allocation == other.allocation
            && self.offset < other.offset + other.size
            && other.offset < self.offset + self.size
    }
}

/// Bytes of a buffer object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Number of the buffer.
    pub buffer: usize,
    /// First byte.
    pub offset: usize,
    /// Number of bytes.
    pub size: usize,
}

/// Where a command stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Number of the queue.
    pub queue: usize,
    /// The events that it waits for.
    pub waits: Vec<usize>,
    /// The number of its event, if it is asked for.
    pub event: Option<usize>,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// `clEnqueueSVMMemFill`
    Fill(Region, Vec<u8>),
    /// `clEnqueueSVMMemcpy` from an allocation and offset, blocking or not.
    Copy(Region, (usize, usize), bool),
    /// A blocking `clEnqueueSVMMemcpy` of host memory with this pattern.
    CopyIn(Region, u32),
    /// A blocking `clEnqueueSVMMemcpy` to host memory.
    CopyOut(Region),
    /// `clEnqueueSVMMap` with flags, blocking or not.
    Map(Region, u64, bool),
    /// `clEnqueueSVMUnmap`
    Unmap(usize),
    /// `clEnqueueSVMMigrateMem` of allocations, with flags.
    Migrate(Vec<usize>, u64),
    /// A kernel that writes a pattern.
    Write(Region, u32),
    /// A kernel that adds numbers at an allocation and offset.
    Add(Region, (usize, usize)),
    /// A kernel that follows the pointers in an allocation and changes what they lead to.
    Chase(usize, u32),
    /// `clEnqueueFillBuffer`
    BufferFill(Slice, Vec<u8>),
    /// A blocking `clEnqueueWriteBuffer` of this pattern.
    BufferWrite(Slice, u32),
    /// A blocking `clEnqueueReadBuffer`.
    BufferRead(Slice),
    /// `clEnqueueMarkerWithWaitList`
    Marker,
    /// `clEnqueueBarrierWithWaitList`
    Barrier,
    /// `clEnqueueSVMFree`, with a callback that frees or without one.
    Free(Vec<usize>, bool),
}

/// A call, or what the host does between calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// `clSVMAlloc`
    Allocate {
        /// Its number.
        allocation: usize,
        /// Flags.
        flags: u64,
        /// Bytes.
        size: usize,
        /// Alignment.
        alignment: u32,
    },
    /// `clSVMFree`
    Free(usize),
    /// `clCreateBuffer` over an allocation.
    Buffer {
        /// Its number.
        buffer: usize,
        /// The allocation, all of it.
        allocation: usize,
    },
    /// `clCreateSubBuffer`
    SubBuffer {
        /// Its number.
        buffer: usize,
        /// The buffer that it is a part of.
        parent: Slice,
    },
    /// `clReleaseMemObject`
    ReleaseBuffer(usize),
    /// A command.
    Enqueue(Work, Order),
    /// `clCreateUserEvent`
    UserEvent(usize),
    /// `clSetUserEventStatus`
    Complete(usize),
    /// `clFlush`
    Flush(usize),
    /// `clFinish`
    Finish(usize),
    /// `clWaitForEvents`
    Wait(Vec<usize>),
    /// `clGetEventInfo`
    Query(usize),
    /// `clReleaseEvent`
    ReleaseEvent(usize),
    /// The host writes a pattern.
    HostWrite(Region, u32),
    /// The host compares.
    HostCheck(Region),
    /// The host stores the addresses of regions, which have one size, in an allocation.
    Pointers(usize, Vec<Region>),
    /// A call that has to fail.
    Bad(Bad),
}

/// A queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Whether its commands may overtake each other.
    pub out_of_order: bool,
    /// Whether it takes times.
    pub profiling: bool,
}

/// A sequence for each thread, and the queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The seed it was made from.
    pub seed: u64,
    /// The queues.
    pub queues: Vec<Queue>,
    /// Whether the first queue is the same for all threads; others have their own ones always.
    pub shared: bool,
    /// What each thread does.
    pub threads: Vec<Vec<Step>>,
}

impl Case {
    /// Whether there is a kernel in it.
    pub fn has_kernels(&self) -> bool {
        let mut steps = self.threads.iter().flatten();
        steps.any(|step| {
            let Step::Enqueue(work, _) = step else {
                return false;
            };
            matches!(work, Work::Write(..) | Work::Add(..) | Work::Chase(..))
        })
    }
}
