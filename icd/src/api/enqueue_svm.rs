//! Commands on shared virtual memory (§5.6.1).
#![allow(unsafe_code)]

use std::ffi::c_void;

use isocl_runtime::{Address, CommandQueue, Error, Result};

use super::event::publish;
use crate::abi::{
    cl_bool, cl_command_queue, cl_event, cl_int, cl_map_flags, cl_mem_migration_flags, cl_uint,
};
use crate::boundary::{entry, ReportTo};
use crate::callback::{self, FreeFunction};
use crate::decode::{self, boolean, invalid_value, List, Out};
use crate::object::Object;

/// The elements of a list of pointers, which are only names of memory here.
fn addresses<P: Copy + Into<Address>>(list: List<'_, P>) -> Result<Vec<Address>> {
    // CL_INVALID_VALUE: num_svm_pointers is 0 or svm_pointers is NULL.
    if list.is_null() || list.len() == 0 {
        return Err(invalid_value("there are no SVM pointers"));
    }
    Ok(list.iter().map(Into::into).collect())
}

pub(crate) unsafe extern "C" fn clEnqueueSVMFree(
    command_queue: cl_command_queue,
    num_svm_pointers: cl_uint,
    svm_pointers: *mut *mut c_void,
    pfn_free_func: Option<FreeFunction>,
    user_data: *mut c_void,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.6.1 describes them.
    let (pointers, events, event) = unsafe {
        (
            List::new(svm_pointers.cast_const(), num_svm_pointers),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueSVMFree", || {
        let registry = CommandQueue::registry();
        let queue = registry.get(command_queue)?;
        // CL_INVALID_VALUE: num_svm_pointers is 0 and svm_pointers is not NULL, or the opposite.
        if pointers.is_half_given() {
            return Err(invalid_value(
                "num_svm_pointers and svm_pointers do not fit each other",
            ));
        }
        let events = decode::event_request(events, &event)?;
        let pointers = pointers.iter().map(Into::into).collect();
        let free = pfn_free_func
            .map(|function| {
                let held = registry.get(command_queue)?;
                Ok::<_, Error>(callback::svm_free_function(held, function, user_data))
            })
            .transpose()?;
        let command = queue
            .enqueue_svm_free(pointers, free, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueSVMMemcpy(
    command_queue: cl_command_queue,
    blocking_copy: cl_bool,
    dst_ptr: *mut c_void,
    src_ptr: *const c_void,
    size: usize,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.6.1 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueSVMMemcpy", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let events = decode::event_request(events, &event)?;
        let (to, from) = (dst_ptr.into(), src_ptr.into());
        let command = queue
            .enqueue_svm_memcpy(boolean(blocking_copy), to, from, size, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueSVMMemFill(
    command_queue: cl_command_queue,
    svm_ptr: *mut c_void,
    pattern: *const c_void,
    pattern_size: usize,
    size: usize,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.6.1 describes them.
    let (pattern, events, event) = unsafe {
        (
            List::bytes(pattern, pattern_size),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueSVMMemFill", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let events = decode::event_request(events, &event)?;
        let pattern = decode::pattern(&pattern)?;
        let command = queue
            .enqueue_svm_mem_fill(svm_ptr.into(), pattern, size, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueSVMMap(
    command_queue: cl_command_queue,
    blocking_map: cl_bool,
    flags: cl_map_flags,
    svm_ptr: *mut c_void,
    size: usize,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.6.1 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueSVMMap", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let events = decode::event_request(events, &event)?;
        let command = queue
            .enqueue_svm_map(boolean(blocking_map), flags, svm_ptr.into(), size, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueSVMUnmap(
    command_queue: cl_command_queue,
    svm_ptr: *mut c_void,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.6.1 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueSVMUnmap", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let events = decode::event_request(events, &event)?;
        let command = queue
            .enqueue_svm_unmap(svm_ptr.into(), &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueSVMMigrateMem(
    command_queue: cl_command_queue,
    num_svm_pointers: cl_uint,
    svm_pointers: *mut *const c_void,
    sizes: *const usize,
    flags: cl_mem_migration_flags,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.6.1 describes them.
    let (pointers, sizes, events, event) = unsafe {
        (
            List::new(svm_pointers.cast_const(), num_svm_pointers),
            List::new(sizes, num_svm_pointers),
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueSVMMigrateMem", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let pointers = addresses(pointers)?;
        let events = decode::event_request(events, &event)?;
        let sizes = (!sizes.is_null()).then(|| sizes.iter().collect());
        let command = queue
            .enqueue_svm_migrate_mem(pointers, sizes, flags, &events)
            .report_to(queue.context())?;
        publish(command, &event)
    })
}
