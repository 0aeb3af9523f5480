//! Broken rules of queues.

use std::ffi::c_void;
use std::ptr::{from_ref, null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

use isocl_conformance::client::{read, write};
use opencl_sys::*;

use super::svm_command::{self, Order};
use super::{main_thread, real, rule, svm_alloc};

/// Whether a queue was finished after the latest fill.
pub static FINISHED: AtomicBool = AtomicBool::new(false);

/// User events that fills wait for, so that they do not run before something has to let them.
static HELD: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Where nothing runs before it has to: an event for a fill to wait for.
fn held(queue: cl_command_queue) -> Option<cl_event> {
    let lazy = [
        "flush-does-nothing",
        "wait-returns-at-once",
        "release-discards",
        "blocking-copy-first",
    ];
    lazy.contains(&rule()).then(|| {
        let event = real().clCreateUserEvent(context_of(queue), null_mut());
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(event as usize);
        event
    })
}

/// Lets run what was held.
fn let_go() {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    for event in held.drain(..) {
        real().clSetUserEventStatus(event as cl_event, CL_COMPLETE);
    }
}

pub fn flush(queue: cl_command_queue) -> cl_int {
    if rule() == "flush-does-nothing" {
        return CL_SUCCESS;
    }
    let_go();
    real().clFlush(queue)
}

pub fn finish(queue: cl_command_queue) -> cl_int {
    FINISHED.store(true, SeqCst);
    let_go();
    real().clFinish(queue)
}

pub fn release(queue: cl_command_queue) -> cl_int {
    if rule() != "release-discards" {
        let_go();
    }
    real().clReleaseCommandQueue(queue)
}

pub fn wait_for_events(num_events: cl_uint, event_list: *const cl_event) -> cl_int {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if rule() == "wait-returns-at-once" && !held.is_empty() {
        return CL_SUCCESS;
    }
    drop(held);
    let_go();
    let code = real().clWaitForEvents(num_events, event_list);
    let error = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
    svm_command::allowed(code, error, rule() == "wait-hides-failure")
}

/// The first event of a list.
fn first(num_events: cl_uint, wait_list: *const cl_event) -> Option<cl_event> {
    let some = num_events > 0 && !wait_list.is_null();
    some.then(|| read::<usize>(wait_list.cast(), 0) as cl_event)
}

/// Whether a command waits for a user event first.
fn waits_for_user_event(num_events: cl_uint, wait_list: *const cl_event) -> bool {
    let Some(event) = first(num_events, wait_list) else {
        return false;
    };
    let mut kind: cl_uint = 0;
    let (size, place) = (size_of::<cl_uint>(), (&raw mut kind).cast());
    real().clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, size, place, null_mut());
    kind == CL_COMMAND_USER
}

/// What a command that waits for nothing waits for all the same: what another queue waits for.
fn behind_others(
    queue: cl_command_queue,
    num_events: cl_uint,
    wait_list: *const cl_event,
) -> (cl_uint, *const cl_event) {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    static LAST_QUEUE: AtomicUsize = AtomicUsize::new(0);
    if let Some(event) = first(num_events, wait_list) {
        real().clRetainEvent(event);
        LAST.store(event as usize, SeqCst);
        LAST_QUEUE.store(queue as usize, SeqCst);
    } else if LAST.load(SeqCst) != 0 && LAST_QUEUE.load(SeqCst) != queue as usize {
        return (1, from_ref(&LAST).cast());
    }
    (num_events, wait_list)
}

/// How many times it was called.
fn count() -> usize {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    CALLS.fetch_add(1, SeqCst)
}

pub fn device_of(queue: cl_command_queue) -> cl_device_id {
    let mut device: cl_device_id = null_mut();
    let (size, place) = (size_of::<cl_device_id>(), (&raw mut device).cast());
    real().clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, size, place, null_mut());
    device
}

pub fn is_sub_device(device: cl_device_id) -> bool {
    let mut parent: cl_device_id = null_mut();
    let (size, place) = (size_of::<cl_device_id>(), (&raw mut parent).cast());
    real().clGetDeviceInfo(device, CL_DEVICE_PARENT_DEVICE, size, place, null_mut());
    !parent.is_null()
}

pub fn set_status(event: cl_event, status: cl_int) -> cl_int {
    if rule() == "status-of-threads-ignored" && !main_thread() {
        return CL_SUCCESS;
    }
    real().clSetUserEventStatus(event, status)
}

fn context_of(queue: cl_command_queue) -> cl_context {
    let mut context: cl_context = null_mut();
    let (size, place) = (size_of::<cl_context>(), (&raw mut context).cast());
    real().clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, size, place, null_mut());
    context
}

/// A completed event of a queue's context.
fn completed(queue: cl_command_queue) -> cl_event {
    let event = real().clCreateUserEvent(context_of(queue), null_mut());
    real().clSetUserEventStatus(event, CL_COMPLETE);
    event
}

pub fn marker(
    queue: cl_command_queue,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    match rule() {
        "marker-does-not-wait" if num_events == 0 => {
            real().clEnqueueMarkerWithWaitList(queue, 1, &completed(queue), event)
        }
        "marker-waits-for-all" => real().clEnqueueMarkerWithWaitList(queue, 0, null(), event),
        _ => real().clEnqueueMarkerWithWaitList(queue, num_events, wait_list, event),
    }
}

pub fn barrier(
    queue: cl_command_queue,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    match rule() {
        "barrier-does-nothing" if num_events == 0 => {
            real().clEnqueueMarkerWithWaitList(queue, 1, &completed(queue), event)
        }
        "barrier-of-events-does-nothing" if num_events > 0 => {
            real().clEnqueueMarkerWithWaitList(queue, num_events, wait_list, event)
        }
        _ => real().clEnqueueBarrierWithWaitList(queue, num_events, wait_list, event),
    }
}

/// A copy, with the rules of queues before those of copies.
pub fn memcpy(
    order: Order,
    blocking: cl_bool,
    to: *mut c_void,
    from: *const c_void,
    size: usize,
) -> cl_int {
    let whole = size == 1024;
    match rule() {
        "copies-lost" if blocking == CL_FALSE && whole => return order.nothing(),
        "blocking-copy-first" if blocking == CL_TRUE && whole => {
            (0..size).for_each(|index| write(to, index, read::<u8>(from, index)));
            return CL_SUCCESS;
        }
        _ if blocking == CL_TRUE => let_go(),
        _ => {}
    }
    svm_command::memcpy(order, blocking, to, from, size)
}

/// A fill, with the rules of queues before those of fills.
pub fn mem_fill(
    order: Order,
    pointer: *mut c_void,
    pattern: *const c_void,
    pattern_size: usize,
    size: usize,
) -> cl_int {
    FINISHED.store(false, SeqCst);
    let held = if order.count == 0 {
        held(order.queue)
    } else {
        None
    };
    let mut order = order;
    (order.count, order.list) = match rule() {
        _ if held.is_some() => (1, held.as_slice().as_ptr()),
        "user-events-ignored" if waits_for_user_event(order.count, order.list) => (0, null()),
        "queues-block-each-other" => behind_others(order.queue, order.count, order.list),
        "fills-that-wait-lost" if order.count > 0 => return order.nothing(),
        "small-fills-lost" if size == 64 => return order.nothing(),
        "older-contexts-lose-commands" if !svm_alloc::is_latest(context_of(order.queue)) => {
            return order.nothing();
        }
        "queue-does-not-hold-its-context" if svm_alloc::is_dead(context_of(order.queue)) => {
            return CL_INVALID_COMMAND_QUEUE;
        }
        "fills-of-sub-devices-lost" if is_sub_device(device_of(order.queue)) => {
            return order.nothing();
        }
        "fills-of-threads-lost" if !main_thread() => return order.nothing(),
        "last-byte-refused" if size == 1 && svm_alloc::size_of_live(pointer as usize).is_none() => {
            return CL_INVALID_VALUE;
        }
        "fills-lost-when-full" if size == 1 && svm_alloc::largest_live() > 2 => {
            return order.nothing();
        }
        "fills-beyond-a-thousand-lost" if size <= 40 && count() > 1000 => {
            return order.nothing();
        }
        _ => (order.count, order.list),
    };
    svm_command::mem_fill(order, pointer, pattern, pattern_size, size)
}
