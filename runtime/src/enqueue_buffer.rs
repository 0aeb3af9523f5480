//! The commands on buffers (§5.2.2 to §5.2.4, §5.5.2, §5.5.4).

use std::sync::Arc;

use isocl_kernel_iface::Address;

use crate::buffer::Buffer;
use crate::command::{Command, CommandType, MemoryRange, Operation, RectCopy, RectLayout};
use crate::flags::{MapFlags, MemFlags};
use crate::keep_alive::KeepAlive;
use crate::mem_object;
use crate::queue::CommandQueue;
use crate::rect::{Pitches, Rect};
use crate::svm::check_pattern;
use crate::wait_list::{EventArguments, WaitList};
use crate::{Error, ErrorCode, Result};

/// Buffer flags that forbid the host to read.
const NO_HOST_READ: MemFlags = MemFlags::HOST_WRITE_ONLY.union(MemFlags::HOST_NO_ACCESS);
/// Buffer flags that forbid the host to write.
const NO_HOST_WRITE: MemFlags = MemFlags::HOST_READ_ONLY.union(MemFlags::HOST_NO_ACCESS);

fn invalid_value(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidValue, reason)
}

/// Which way bytes go between a buffer and the host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Read,
    Write,
}

impl Direction {
    fn check_host_access(self, buffer: &Buffer) -> Result<()> {
        // CL_INVALID_OPERATION: reading from a buffer created with CL_MEM_HOST_WRITE_ONLY or
        // CL_MEM_HOST_NO_ACCESS, writing to one created with CL_MEM_HOST_READ_ONLY or
        // CL_MEM_HOST_NO_ACCESS.
        let denied = match self {
            Self::Read => NO_HOST_READ,
            Self::Write => NO_HOST_WRITE,
        };
        if buffer.denies_host(denied) {
            return Err(Error::new(
                ErrorCode::InvalidOperation,
                "the buffer's flags deny the host this access",
            ));
        }
        Ok(())
    }

    /// (source, destination)
    fn order<T>(self, buffer: T, host: T) -> (T, T) {
        match self {
            Self::Read => (buffer, host),
            Self::Write => (host, buffer),
        }
    }
}

/// The bytes of a buffer that one side of a copy of rectangles is about.
#[derive(Debug, Clone, Copy)]
pub struct RectSide {
    /// (x in bytes, row, slice)
    pub origin: [usize; 3],
    /// Bytes from row to row; 0 for as many as the region is wide.
    pub row_pitch: usize,
    /// Bytes from slice to slice; 0 for as many as the region's rows take.
    pub slice_pitch: usize,
}

impl CommandQueue {
    /// Copies bytes of a buffer to the host (`clEnqueueReadBuffer`).
    ///
    /// # Errors
    /// As §5.2.2 lists them; when blocking, `ExecStatusErrorForEventsInWaitList`.
    pub fn enqueue_read_buffer<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        buffer: &Arc<Buffer>,
        blocking: bool,
        offset: usize,
        size: usize,
        pointer: Address,
        events: &A,
    ) -> Result<A::Answer> {
        self.transfer(
            Direction::Read,
            buffer,
            blocking,
            offset,
            size,
            pointer,
            events,
        )
    }

    /// Copies bytes of the host to a buffer (`clEnqueueWriteBuffer`).
    ///
    /// # Errors
    /// As §5.2.2 lists them; when blocking, `ExecStatusErrorForEventsInWaitList`.
    pub fn enqueue_write_buffer<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        buffer: &Arc<Buffer>,
        blocking: bool,
        offset: usize,
        size: usize,
        pointer: Address,
        events: &A,
    ) -> Result<A::Answer> {
        self.transfer(
            Direction::Write,
            buffer,
            blocking,
            offset,
            size,
            pointer,
            events,
        )
    }

    #[allow(clippy::too_many_arguments)]
    fn transfer<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        direction: Direction,
        buffer: &Arc<Buffer>,
        blocking: bool,
        offset: usize,
        size: usize,
        pointer: Address,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.buffer_wait_list(&[buffer], events)?;
        check_region(buffer, offset, size)?;
        // CL_INVALID_VALUE: ptr is NULL.
        if pointer.is_null() {
            return Err(invalid_value("ptr is NULL"));
        }
        buffer.check_alignment(self.device())?;
        direction.check_host_access(buffer)?;
        let host = MemoryRange::on_host(pointer, size);
        let (source, destination) = direction.order(buffer.range(offset, size), host);
        let command = Command {
            operation: copy(source, destination),
            keep_alive: keep_alive(&[buffer]),
        };
        let command_type = match direction {
            Direction::Read => CommandType::ReadBuffer,
            Direction::Write => CommandType::WriteBuffer,
        };
        self.submit_and_wait(command_type, command, wait_list, blocking)
    }

    /// Copies a rectangle of a buffer to the host (`clEnqueueReadBufferRect`); `region` is (bytes,
    /// rows, slices).
    ///
    /// # Errors
    /// As §5.2.2 lists them; when blocking, `ExecStatusErrorForEventsInWaitList`.
    #[allow(clippy::too_many_arguments)]
    pub fn enqueue_read_buffer_rect<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        buffer: &Arc<Buffer>,
        blocking: bool,
        buffer_side: RectSide,
        host_side: RectSide,
        region: [usize; 3],
        pointer: Address,
        events: &A,
    ) -> Result<A::Answer> {
        let sides = (buffer_side, host_side);
        self.transfer_rect(
            Direction::Read,
            buffer,
            blocking,
            sides,
            region,
            pointer,
            events,
        )
    }

    /// Copies a rectangle of the host to a buffer (`clEnqueueWriteBufferRect`); `region` is
    /// (bytes, rows, slices).
    ///
    /// # Errors
    /// As §5.2.2 lists them; when blocking, `ExecStatusErrorForEventsInWaitList`.
    #[allow(clippy::too_many_arguments)]
    pub fn enqueue_write_buffer_rect<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        buffer: &Arc<Buffer>,
        blocking: bool,
        buffer_side: RectSide,
        host_side: RectSide,
        region: [usize; 3],
        pointer: Address,
        events: &A,
    ) -> Result<A::Answer> {
        let sides = (buffer_side, host_side);
        self.transfer_rect(
            Direction::Write,
            buffer,
            blocking,
            sides,
            region,
            pointer,
            events,
        )
    }

    #[allow(clippy::too_many_arguments)]
    fn transfer_rect<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        direction: Direction,
        buffer: &Arc<Buffer>,
        blocking: bool,
        (buffer_side, host_side): (RectSide, RectSide),
        region: [usize; 3],
        pointer: Address,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.buffer_wait_list(&[buffer], events)?;
        let rect = rect_of(buffer_side, region)?;
        check_region(buffer, rect.start, rect.len)?;
        let host_rect = rect_of(host_side, region)?;
        // CL_INVALID_VALUE: ptr is NULL.
        if pointer.is_null() {
            return Err(invalid_value("ptr is NULL"));
        }
        if pointer
            .checked_add(host_rect.start)
            .and_then(|first| first.checked_add(host_rect.len))
            .is_none()
        {
            return Err(invalid_value(
                "the host's rectangle passes the end of the address space",
            ));
        }
        buffer.check_alignment(self.device())?;
        direction.check_host_access(buffer)?;
        let (source, destination) =
            direction.order(layout(buffer.address(), &rect), layout(pointer, &host_rect));
        let operation = if source == destination {
            Operation::Nothing
        } else {
            Operation::CopyRect(Box::new(RectCopy {
                source,
                destination,
                region,
            }))
        };
        let command = Command {
            operation,
            keep_alive: keep_alive(&[buffer]),
        };
        let command_type = match direction {
            Direction::Read => CommandType::ReadBufferRect,
            Direction::Write => CommandType::WriteBufferRect,
        };
        self.submit_and_wait(command_type, command, wait_list, blocking)
    }

    /// Copies bytes of one buffer to another (`clEnqueueCopyBuffer`).
    ///
    /// # Errors
    /// As §5.2.2 lists them.
    pub fn enqueue_copy_buffer<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        source: &Arc<Buffer>,
        destination: &Arc<Buffer>,
        source_offset: usize,
        destination_offset: usize,
        size: usize,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.buffer_wait_list(&[source, destination], events)?;
        source.check_alignment(self.device())?;
        destination.check_alignment(self.device())?;
        check_region(source, source_offset, size)?;
        check_region(destination, destination_offset, size)?;
        // CL_MEM_COPY_OVERLAP: both are regions of the same buffer and overlap.
        let from = source.offset() + source_offset;
        let to = destination.offset() + destination_offset;
        if source.shares_memory_with(destination) && from < to + size && to < from + size {
            return Err(overlap());
        }
        let command = Command {
            operation: copy(
                source.range(source_offset, size),
                destination.range(destination_offset, size),
            ),
            keep_alive: keep_alive(&[source, destination]),
        };
        self.submit(CommandType::CopyBuffer, command, wait_list)
    }

    /// Copies a rectangle of one buffer to another (`clEnqueueCopyBufferRect`); `region` is
    /// (bytes, rows, slices).
    ///
    /// # Errors
    /// As §5.2.2 lists them.
    pub fn enqueue_copy_buffer_rect<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        source: &Arc<Buffer>,
        destination: &Arc<Buffer>,
        source_side: RectSide,
        destination_side: RectSide,
        region: [usize; 3],
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.buffer_wait_list(&[source, destination], events)?;
        source.check_alignment(self.device())?;
        destination.check_alignment(self.device())?;
        let from = rect_of(source_side, region)?;
        check_region(source, from.start, from.len)?;
        let to = rect_of(destination_side, region)?;
        check_region(destination, to.start, to.len)?;
        // CL_INVALID_VALUE: src_buffer and dst_buffer are the same buffer object and their pitches
        // are not equal.
        if Arc::ptr_eq(source, destination) && from.pitches != to.pitches {
            return Err(invalid_value("pitches differ within one buffer"));
        }
        // CL_MEM_COPY_OVERLAP: both are regions of the same buffer and overlap.
        if source.shares_memory_with(destination) {
            let from = from.moved(source.offset());
            let to = to.moved(destination.offset());
            if from.overlaps(&to, region) {
                return Err(overlap());
            }
        }
        let command = Command {
            operation: Operation::CopyRect(Box::new(RectCopy {
                source: layout(source.address(), &from),
                destination: layout(destination.address(), &to),
                region,
            })),
            keep_alive: keep_alive(&[source, destination]),
        };
        self.submit(CommandType::CopyBufferRect, command, wait_list)
    }

    /// Repeats a pattern in a buffer (`clEnqueueFillBuffer`).
    ///
    /// # Errors
    /// As §5.2.3 lists them.
    pub fn enqueue_fill_buffer<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        buffer: &Arc<Buffer>,
        pattern: Vec<u8>,
        offset: usize,
        size: usize,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.buffer_wait_list(&[buffer], events)?;
        check_region(buffer, offset, size)?;
        check_pattern(&pattern)?;
        // CL_INVALID_VALUE: offset or size is not a multiple of pattern_size.
        if !offset.is_multiple_of(pattern.len()) || !size.is_multiple_of(pattern.len()) {
            return Err(invalid_value(
                "offset or size is not a multiple of pattern_size",
            ));
        }
        buffer.check_alignment(self.device())?;
        let operation = if size == 0 {
            Operation::Nothing
        } else {
            Operation::Fill {
                destination: buffer.range(offset, size),
                pattern: pattern.into_boxed_slice(),
            }
        };
        let command = Command {
            operation,
            keep_alive: keep_alive(&[buffer]),
        };
        self.submit(CommandType::FillBuffer, command, wait_list)
    }

    /// Maps a region of a buffer (`clEnqueueMapBuffer`); the address may be used when the event is
    /// complete. `flags` has the bits of `cl_map_flags`.
    ///
    /// # Errors
    /// As §5.2.4 lists them; when blocking, `ExecStatusErrorForEventsInWaitList`.
    pub fn enqueue_map_buffer<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        buffer: &Arc<Buffer>,
        blocking: bool,
        flags: u64,
        offset: usize,
        size: usize,
        events: &A,
    ) -> Result<(Address, A::Answer)> {
        let wait_list = self.buffer_wait_list(&[buffer], events)?;
        check_region(buffer, offset, size)?;
        // CL_INVALID_VALUE: size is zero.
        if size == 0 {
            return Err(invalid_value("size is zero"));
        }
        let flags = mem_object::map_flags(flags)?;
        buffer.check_alignment(self.device())?;
        if flags.contains(MapFlags::READ) {
            Direction::Read.check_host_access(buffer)?;
        }
        if flags.intersects(MapFlags::WRITE | MapFlags::WRITE_INVALIDATE_REGION) {
            Direction::Write.check_host_access(buffer)?;
        }
        let (pointer, operation) = buffer.map(flags, offset, size)?;
        let command = Command {
            operation,
            keep_alive: keep_alive(&[buffer]),
        };
        match self.submit_and_wait(CommandType::MapBuffer, command, wait_list, blocking) {
            Ok(event) => Ok((pointer, event)),
            Err(error) => {
                buffer.forget_mapping(pointer);
                Err(error)
            }
        }
    }

    /// Ends a mapping (`clEnqueueUnmapMemObject`).
    ///
    /// # Errors
    /// `InvalidContext`, `InvalidValue` when `pointer` is not that of a mapping of this buffer.
    pub fn enqueue_unmap_mem_object<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        buffer: &Arc<Buffer>,
        pointer: Address,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.buffer_wait_list(&[buffer], events)?;
        let command = Command {
            operation: buffer.unmap(pointer)?,
            keep_alive: keep_alive(&[buffer]),
        };
        self.submit(CommandType::UnmapMemObject, command, wait_list)
    }

    /// Associates buffers with the queue's device (`clEnqueueMigrateMemObjects`). `flags` has the
    /// bits of `cl_mem_migration_flags`.
    ///
    /// # Errors
    /// `InvalidContext`, `InvalidValue`.
    pub fn enqueue_migrate_mem_objects<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        buffers: &[Arc<Buffer>],
        flags: u64,
        events: &A,
    ) -> Result<A::Answer> {
        let buffers: Vec<_> = buffers.iter().collect();
        let wait_list = self.buffer_wait_list(&buffers, events)?;
        // CL_INVALID_VALUE: num_mem_objects is zero or mem_objects is NULL.
        if buffers.is_empty() {
            return Err(invalid_value("num_mem_objects is zero"));
        }
        mem_object::check_migration_flags(flags)?;
        let command = Command {
            operation: Operation::Nothing,
            keep_alive: keep_alive(&buffers),
        };
        self.submit(CommandType::MigrateMemObjects, command, wait_list)
    }

    /// The checks that come first for every command on buffers.
    fn buffer_wait_list<'a, A: EventArguments + ?Sized>(
        &self,
        buffers: &[&Arc<Buffer>],
        events: &'a A,
    ) -> Result<WaitList<'a, A>> {
        // CL_INVALID_CONTEXT: the context associated with command_queue and a buffer, or an event
        // in event_wait_list, are not the same.
        let foreign = |buffer: &&Arc<Buffer>| !Arc::ptr_eq(buffer.context(), self.context());
        if buffers.iter().any(foreign) {
            return Err(Error::new(
                ErrorCode::InvalidContext,
                "the buffer belongs to another context than the queue",
            ));
        }
        WaitList::new(self.context(), events)
    }
}

/// Checks that a region lies in a buffer.
fn check_region(buffer: &Buffer, offset: usize, size: usize) -> Result<()> {
    // CL_INVALID_VALUE: the region specified by offset and size is out of bounds.
    match offset.checked_add(size) {
        Some(end) if end <= buffer.size() => Ok(()),
        _ => Err(invalid_value("the region is out of the buffer's bounds")),
    }
}

fn rect_of(side: RectSide, region: [usize; 3]) -> Result<Rect> {
    let pitches = Pitches::new(region, side.row_pitch, side.slice_pitch)?;
    Rect::new(side.origin, region, pitches)
}

fn layout(base: Address, rect: &Rect) -> RectLayout {
    RectLayout {
        address: base.wrapping_add(rect.start),
        row_pitch: rect.pitches.row,
        slice_pitch: rect.pitches.slice,
    }
}

/// A copy, unless it is of nothing or onto itself: reading a buffer to where it already is.
fn copy(source: MemoryRange, destination: MemoryRange) -> Operation {
    if source.len == 0 || source.address == destination.address {
        Operation::Nothing
    } else {
        Operation::Copy {
            source,
            destination,
        }
    }
}

fn overlap() -> Error {
    Error::new(
        ErrorCode::MemCopyOverlap,
        "the source and the destination region overlap",
    )
}

fn keep_alive(buffers: &[&Arc<Buffer>]) -> KeepAlive {
    let mut keep_alive = KeepAlive::default();
    for buffer in buffers {
        keep_alive.keep(Arc::clone(buffer) as _);
    }
    keep_alive
}

#[cfg(test)]
mod tests;
