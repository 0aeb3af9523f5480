//! Running kernels (§5.10).
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::Arc;

use isocl_runtime::buffer::Buffer;
use isocl_runtime::kernel::Kernel;
use isocl_runtime::{Address, CommandQueue, Result};

use super::event::publish;
use crate::abi::{cl_command_queue, cl_event, cl_int, cl_kernel, cl_mem, cl_uint};
use crate::boundary::{entry, ReportTo};
use crate::callback::{native_function, NativeArguments, NativeFunction};
use crate::decode::{self, invalid_value, List, Out, OutList};
use crate::object::Object;

/// Sizes or offsets of an index space in at most three dimensions, without memory from the heap.
struct Dimensions {
    values: [usize; 3],
    len: Option<usize>,
}

impl Dimensions {
    /// # Safety
    /// `values` is null or has `work_dim` elements.
    unsafe fn new(values: *const usize, work_dim: cl_uint) -> Self {
        // SAFETY: the caller's contract; a wrong `work_dim` is refused whatever is read here.
        let list = unsafe { List::new(values, work_dim.min(3)) };
        let mut copy = [0; 3];
        for (place, value) in copy.iter_mut().zip(list.iter()) {
            *place = value;
        }
        Self {
            values: copy,
            len: (!list.is_null()).then_some(list.len()),
        }
    }

    fn get(&self) -> Option<&[usize]> {
        self.len.map(|len| &self.values[..len])
    }
}

pub(crate) unsafe extern "C" fn clEnqueueNDRangeKernel(
    command_queue: cl_command_queue,
    kernel: cl_kernel,
    work_dim: cl_uint,
    global_work_offset: *const usize,
    global_work_size: *const usize,
    local_work_size: *const usize,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.10 describes them.
    let ([offset, global, local], events, event) = unsafe {
        (
            [global_work_offset, global_work_size, local_work_size]
                .map(|values| Dimensions::new(values, work_dim)),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueNDRangeKernel", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let kernel = Kernel::registry().get(kernel)?;
        let events = decode::event_request(events, &event)?;
        let (offset, global, local) = (offset.get(), global.get(), local.get());
        let command = queue
            .enqueue_nd_range_kernel(&kernel, work_dim, offset, global, local, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueTask(
    command_queue: cl_command_queue,
    kernel: cl_kernel,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as OpenCL 1.2 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueTask", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let kernel = Kernel::registry().get(kernel)?;
        let events = decode::event_request(events, &event)?;
        let command = queue
            .enqueue_task(&kernel, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

/// The arguments of a native kernel: a copy of the application's, with addresses of memory where
/// buffers stood.
fn native_arguments(
    arguments: List<'_, u8>,
    buffers: &[Option<Arc<Buffer>>],
    places: impl Iterator<Item = *const c_void>,
) -> Result<NativeArguments> {
    let bytes = arguments.as_slice();
    let mut copy = bytes.map(NativeArguments::copy_of).unwrap_or_default();
    let first = bytes.map_or(0, |bytes| bytes.as_ptr() as usize);
    for (buffer, place) in buffers.iter().zip(places) {
        let address = buffer
            .as_ref()
            .map_or(Address::NULL, |buffer| buffer.address());
        // A place outside of the arguments has no counterpart in the copy.
        if !copy.set_address((place as usize).wrapping_sub(first), address) {
            return Err(invalid_value("a place in args_mem_loc is not in args"));
        }
    }
    Ok(copy)
}

pub(crate) unsafe extern "C" fn clEnqueueNativeKernel(
    command_queue: cl_command_queue,
    user_func: Option<NativeFunction>,
    args: *mut c_void,
    cb_args: usize,
    num_mem_objects: cl_uint,
    mem_list: *const cl_mem,
    args_mem_loc: *mut *const c_void,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.10 describes them.
    let (arguments, buffers, places, events, event) = unsafe {
        (
            List::bytes(args, cb_args),
            List::new(mem_list, num_mem_objects),
            List::new(args_mem_loc.cast_const(), num_mem_objects),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueNativeKernel", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        // CL_INVALID_VALUE: user_func is NULL.
        let function = user_func.ok_or_else(|| invalid_value("user_func is NULL"))?;
        // CL_INVALID_VALUE: args is a NULL value and cb_args > 0, or args is not NULL and cb_args
        // is 0, or args is a NULL value and num_mem_objects > 0.
        if arguments.is_half_given() || (arguments.is_null() && buffers.len() > 0) {
            return Err(invalid_value("args and cb_args do not belong together"));
        }
        // CL_INVALID_VALUE: num_mem_objects > 0 and mem_list or args_mem_loc are NULL, or
        // num_mem_objects = 0 and mem_list or args_mem_loc are not NULL.
        if buffers.is_half_given() || places.is_half_given() {
            return Err(invalid_value(
                "num_mem_objects, mem_list and args_mem_loc do not belong together",
            ));
        }
        // CL_INVALID_MEM_OBJECT: mem_list has something that is no buffer; NULL is allowed.
        let buffers = buffers
            .iter()
            .map(|buffer| match buffer.is_null() {
                true => Ok(None),
                false => Buffer::registry()
                    .get(buffer)
                    .map(|held| Some(Arc::clone(&held))),
            })
            .collect::<Result<Vec<_>>>()?;
        let arguments = native_arguments(arguments, &buffers, places.iter())?;
        let events = decode::event_request(events, &event)?;
        let function = native_function(function, arguments);
        let command = queue
            .enqueue_native_kernel(function, buffers.into_iter().flatten().collect(), &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clGetKernelSuggestedLocalWorkSize(
    command_queue: cl_command_queue,
    kernel: cl_kernel,
    work_dim: cl_uint,
    global_work_offset: *const usize,
    global_work_size: *const usize,
    suggested_local_work_size: *mut usize,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.9.4 describes them.
    let ([offset, global], places) = unsafe {
        (
            [global_work_offset, global_work_size].map(|values| Dimensions::new(values, work_dim)),
            OutList::new(suggested_local_work_size, work_dim.min(3) as usize),
        )
    };
    entry("clGetKernelSuggestedLocalWorkSize", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let kernel = Kernel::registry().get(kernel)?;
        // CL_INVALID_VALUE: suggested_local_work_size is NULL.
        if places.is_null() {
            return Err(invalid_value("suggested_local_work_size is NULL"));
        }
        let suggested = queue
            .suggested_local_work_size(&kernel, work_dim, offset.get(), global.get())
            .report_to(queue.context())?;
        places.write(suggested);
        Ok(())
    })
}
