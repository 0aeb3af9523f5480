//! Running kernels (§5.10).
#![allow(unsafe_code)]

use isocl_runtime::kernel::Kernel;
use isocl_runtime::CommandQueue;

use super::event::publish;
use crate::abi::{cl_command_queue, cl_event, cl_int, cl_kernel, cl_uint};
use crate::boundary::{entry, ReportTo};
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
        let events = decode::wait_list(events, &event)?;
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
        let events = decode::wait_list(events, &event)?;
        let command = queue
            .enqueue_task(&kernel, &events)
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
