//! Commands on buffers (§5.2.2 to §5.2.4, §5.5.2 to §5.5.4).
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::Arc;

use isocl_runtime::buffer::Buffer;
use isocl_runtime::enqueue_buffer::RectSide;
use isocl_runtime::{CommandQueue, Result};

use super::event::publish;
use crate::abi::{
    cl_bool, cl_command_queue, cl_event, cl_int, cl_map_flags, cl_mem, cl_mem_migration_flags,
    cl_uint,
};
use crate::boundary::{create, entry, ReportTo};
use crate::decode::{self, boolean, invalid_value, List, Out};
use crate::object::Object;

/// One side of a copy of rectangles.
fn rect_side(origin: List<'_, usize>, row_pitch: usize, slice_pitch: usize) -> Result<RectSide> {
    // CL_INVALID_VALUE: an origin is NULL.
    let origin = origin.three("an origin is NULL")?;
    Ok(RectSide {
        origin,
        row_pitch,
        slice_pitch,
    })
}

/// The extent of a copy of rectangles.
fn rect_region(region: List<'_, usize>) -> Result<[usize; 3]> {
    // CL_INVALID_VALUE: region is NULL.
    region.three("region is NULL")
}

pub(crate) unsafe extern "C" fn clEnqueueReadBuffer(
    command_queue: cl_command_queue,
    buffer: cl_mem,
    blocking_read: cl_bool,
    offset: usize,
    size: usize,
    ptr: *mut c_void,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.2.2 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueReadBuffer", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let buffer = Buffer::registry().get(buffer)?;
        let events = decode::event_request(events, &event)?;
        let command = queue
            .enqueue_read_buffer(
                &buffer,
                boolean(blocking_read),
                offset,
                size,
                ptr.into(),
                &events,
            )
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueWriteBuffer(
    command_queue: cl_command_queue,
    buffer: cl_mem,
    blocking_write: cl_bool,
    offset: usize,
    size: usize,
    ptr: *const c_void,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.2.2 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueWriteBuffer", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let buffer = Buffer::registry().get(buffer)?;
        let events = decode::event_request(events, &event)?;
        let blocking = boolean(blocking_write);
        let command = queue
            .enqueue_write_buffer(&buffer, blocking, offset, size, ptr.into(), &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueReadBufferRect(
    command_queue: cl_command_queue,
    buffer: cl_mem,
    blocking_read: cl_bool,
    buffer_origin: *const usize,
    host_origin: *const usize,
    region: *const usize,
    buffer_row_pitch: usize,
    buffer_slice_pitch: usize,
    host_row_pitch: usize,
    host_slice_pitch: usize,
    ptr: *mut c_void,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.2.2 describes them.
    let ([buffer_origin, host_origin, region], events, event) = unsafe {
        (
            [buffer_origin, host_origin, region].map(|three| List::new(three, 3_u32)),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueReadBufferRect", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let buffer = Buffer::registry().get(buffer)?;
        let events = decode::event_request(events, &event)?;
        let from = rect_side(buffer_origin, buffer_row_pitch, buffer_slice_pitch)?;
        let to = rect_side(host_origin, host_row_pitch, host_slice_pitch)?;
        let (region, blocking) = (rect_region(region)?, boolean(blocking_read));
        let command = queue
            .enqueue_read_buffer_rect(&buffer, blocking, from, to, region, ptr.into(), &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueWriteBufferRect(
    command_queue: cl_command_queue,
    buffer: cl_mem,
    blocking_write: cl_bool,
    buffer_origin: *const usize,
    host_origin: *const usize,
    region: *const usize,
    buffer_row_pitch: usize,
    buffer_slice_pitch: usize,
    host_row_pitch: usize,
    host_slice_pitch: usize,
    ptr: *const c_void,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.2.2 describes them.
    let ([buffer_origin, host_origin, region], events, event) = unsafe {
        (
            [buffer_origin, host_origin, region].map(|three| List::new(three, 3_u32)),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueWriteBufferRect", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let buffer = Buffer::registry().get(buffer)?;
        let events = decode::event_request(events, &event)?;
        let to = rect_side(buffer_origin, buffer_row_pitch, buffer_slice_pitch)?;
        let from = rect_side(host_origin, host_row_pitch, host_slice_pitch)?;
        let (region, blocking) = (rect_region(region)?, boolean(blocking_write));
        let command = queue
            .enqueue_write_buffer_rect(&buffer, blocking, to, from, region, ptr.into(), &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueCopyBuffer(
    command_queue: cl_command_queue,
    src_buffer: cl_mem,
    dst_buffer: cl_mem,
    src_offset: usize,
    dst_offset: usize,
    size: usize,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.2.2 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueCopyBuffer", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let from = Buffer::registry().get(src_buffer)?;
        let to = Buffer::registry().get(dst_buffer)?;
        let events = decode::event_request(events, &event)?;
        let command = queue
            .enqueue_copy_buffer(&from, &to, src_offset, dst_offset, size, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueCopyBufferRect(
    command_queue: cl_command_queue,
    src_buffer: cl_mem,
    dst_buffer: cl_mem,
    src_origin: *const usize,
    dst_origin: *const usize,
    region: *const usize,
    src_row_pitch: usize,
    src_slice_pitch: usize,
    dst_row_pitch: usize,
    dst_slice_pitch: usize,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.2.2 describes them.
    let ([src_origin, dst_origin, region], events, event) = unsafe {
        (
            [src_origin, dst_origin, region].map(|three| List::new(three, 3_u32)),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueCopyBufferRect", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let source = Buffer::registry().get(src_buffer)?;
        let destination = Buffer::registry().get(dst_buffer)?;
        let events = decode::event_request(events, &event)?;
        let from = rect_side(src_origin, src_row_pitch, src_slice_pitch)?;
        let to = rect_side(dst_origin, dst_row_pitch, dst_slice_pitch)?;
        let region = rect_region(region)?;
        let command = queue
            .enqueue_copy_buffer_rect(&source, &destination, from, to, region, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueFillBuffer(
    command_queue: cl_command_queue,
    buffer: cl_mem,
    pattern: *const c_void,
    pattern_size: usize,
    offset: usize,
    size: usize,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.2.3 describes them.
    let (pattern, events, event) = unsafe {
        (
            List::bytes(pattern, pattern_size),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueFillBuffer", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let buffer = Buffer::registry().get(buffer)?;
        let events = decode::event_request(events, &event)?;
        let pattern = decode::pattern(&pattern)?;
        let command = queue
            .enqueue_fill_buffer(&buffer, pattern, offset, size, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueMapBuffer(
    command_queue: cl_command_queue,
    buffer: cl_mem,
    blocking_map: cl_bool,
    map_flags: cl_map_flags,
    offset: usize,
    size: usize,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
    errcode_ret: *mut cl_int,
) -> *mut c_void {
    // SAFETY: the application's arguments, as §5.2.4 describes them.
    let (events, event, errcode) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
            Out::new(errcode_ret),
        )
    };
    create("clEnqueueMapBuffer", errcode, || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let buffer = Buffer::registry().get(buffer)?;
        let events = decode::event_request(events, &event)?;
        let (pointer, command) = queue
            .enqueue_map_buffer(
                &buffer,
                boolean(blocking_map),
                map_flags,
                offset,
                size,
                &events,
            )
            .report_to(queue.context())?;
        publish(command, &event)?;
        Ok(pointer.get() as *mut c_void)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueUnmapMemObject(
    command_queue: cl_command_queue,
    memobj: cl_mem,
    mapped_ptr: *mut c_void,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.5.3 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueUnmapMemObject", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let buffer = Buffer::registry().get(memobj)?;
        let events = decode::event_request(events, &event)?;
        let command = queue
            .enqueue_unmap_mem_object(&buffer, mapped_ptr.into(), &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueMigrateMemObjects(
    command_queue: cl_command_queue,
    num_mem_objects: cl_uint,
    mem_objects: *const cl_mem,
    flags: cl_mem_migration_flags,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.5.4 describes them.
    let (buffers, events, event) = unsafe {
        (
            List::new(mem_objects, num_mem_objects),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueMigrateMemObjects", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        // CL_INVALID_VALUE: num_mem_objects is zero or mem_objects is NULL.
        if buffers.is_null() || buffers.len() == 0 {
            return Err(invalid_value("there are no memory objects"));
        }
        let buffers: Vec<Arc<Buffer>> = decode::objects(buffers)?;
        let events = decode::event_request(events, &event)?;
        let command = queue
            .enqueue_migrate_mem_objects(&buffers, flags, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}
