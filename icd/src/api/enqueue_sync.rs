//! Markers, barriers and waiting for events (§5.12).
#![allow(unsafe_code)]

use std::sync::Arc;

use isocl_runtime::wait_list::EventRequest;
use isocl_runtime::{CommandQueue, Error, ErrorCode, Event};

use super::event::publish;
use crate::abi::{cl_command_queue, cl_event, cl_int, cl_uint};
use crate::boundary::{entry, ReportTo};
use crate::decode::{self, invalid_value, List, Out};
use crate::object::Object;

pub(crate) unsafe extern "C" fn clEnqueueMarkerWithWaitList(
    command_queue: cl_command_queue,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.12 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueMarkerWithWaitList", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let events = decode::event_request(events, &event)?;
        let marker = queue
            .enqueue_marker_with_wait_list(&events)
            .report_to(queue.context())?;
        publish(marker, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueBarrierWithWaitList(
    command_queue: cl_command_queue,
    num_events_in_wait_list: cl_uint,
    event_wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.12 describes them.
    let (events, event) = unsafe {
        (
            List::new(event_wait_list, num_events_in_wait_list),
            Out::new(event),
        )
    };
    entry("clEnqueueBarrierWithWaitList", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        let events = decode::event_request(events, &event)?;
        let barrier = queue
            .enqueue_barrier_with_wait_list(&events)
            .report_to(queue.context())?;
        publish(barrier, &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueMarker(
    command_queue: cl_command_queue,
    event: *mut cl_event,
) -> cl_int {
    // SAFETY: the application's place for the event.
    let event = unsafe { Out::new(event) };
    entry("clEnqueueMarker", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        // CL_INVALID_VALUE: event is NULL.
        if event.is_null() {
            return Err(invalid_value("event is NULL"));
        }
        let marker = queue
            .enqueue_marker_with_wait_list(&[])
            .report_to(queue.context())?;
        publish(Some(marker), &event)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueBarrier(command_queue: cl_command_queue) -> cl_int {
    entry("clEnqueueBarrier", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        queue
            .enqueue_barrier_with_wait_list(&EventRequest::default())
            .report_to(queue.context())
            .map(|_| ())
    })
}

pub(crate) unsafe extern "C" fn clEnqueueWaitForEvents(
    command_queue: cl_command_queue,
    num_events: cl_uint,
    event_list: *const cl_event,
) -> cl_int {
    // SAFETY: the application's list, as OpenCL 1.1 describes it.
    let events = unsafe { List::new(event_list, num_events) };
    entry("clEnqueueWaitForEvents", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        // CL_INVALID_VALUE: num_events is zero or event_list is NULL.
        if events.is_null() || events.len() == 0 {
            return Err(invalid_value("there are no events to wait for"));
        }
        let events: Vec<Arc<Event>> = decode::objects(events)?;
        // CL_INVALID_CONTEXT: the contexts of command_queue and of the events are not the same.
        if events
            .iter()
            .any(|event| !Arc::ptr_eq(event.context(), queue.context()))
        {
            return Err(Error::new(
                ErrorCode::InvalidContext,
                "an event belongs to another context than the queue",
            ));
        }
        queue
            .enqueue_barrier_with_wait_list(&events)
            .report_to(queue.context())
            .map(|_| ())
    })
}
