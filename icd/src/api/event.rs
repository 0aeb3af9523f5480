//! Events (§5.11, §5.15).
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

use isocl_runtime::context::Context;
use isocl_runtime::event::{create_user_event, ProfilingInfo};
use isocl_runtime::wait_list::wait_for_events;
use isocl_runtime::{Event, Result};

use crate::abi::{
    cl_context, cl_event, cl_event_info, cl_int, cl_profiling_info, cl_uint,
    CL_EVENT_COMMAND_EXECUTION_STATUS, CL_EVENT_COMMAND_QUEUE, CL_EVENT_COMMAND_TYPE,
    CL_EVENT_CONTEXT, CL_EVENT_REFERENCE_COUNT, CL_PROFILING_COMMAND_COMPLETE,
    CL_PROFILING_COMMAND_END, CL_PROFILING_COMMAND_QUEUED, CL_PROFILING_COMMAND_START,
    CL_PROFILING_COMMAND_SUBMIT,
};
use crate::boundary::{create, entry, ReportTo};
use crate::callback::{self, EventFunction};
use crate::decode::{self, invalid_value, List, Out};
use crate::info::{unknown_name, Answered, InfoWriter};
use crate::object::{handle_of, Object};
use crate::registry::Held;

/// Gives a command's event a handle, if the application wants it.
///
/// # Errors
/// `OutOfHostMemory`.
pub(super) fn publish(event: Option<Arc<Event>>, place: &Out<'_, cl_event>) -> Result<()> {
    match event {
        Some(event) if !place.is_null() => {
            place.write_if_wanted(Event::registry().publish(event)?);
        }
        _ => {}
    }
    Ok(())
}

pub(crate) unsafe extern "C" fn clCreateUserEvent(
    context: cl_context,
    errcode_ret: *mut cl_int,
) -> cl_event {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateUserEvent", errcode, || {
        let context = Context::registry().get(context)?;
        let event = create_user_event(&context).report_to(&context)?;
        Event::registry().publish(event)
    })
}

pub(crate) unsafe extern "C" fn clSetUserEventStatus(
    event: cl_event,
    execution_status: cl_int,
) -> cl_int {
    entry("clSetUserEventStatus", || {
        let event = Event::registry().get(event)?;
        event
            .set_user_event_status(execution_status)
            .report_to(event.context())
    })
}

pub(crate) unsafe extern "C" fn clWaitForEvents(
    num_events: cl_uint,
    event_list: *const cl_event,
) -> cl_int {
    // SAFETY: the application's list, as §5.11 describes it.
    let events = unsafe { List::new(event_list, num_events) };
    entry("clWaitForEvents", || {
        // CL_INVALID_VALUE: num_events is zero or event_list is NULL.
        if events.is_null() || events.len() == 0 {
            return Err(invalid_value("there are no events to wait for"));
        }
        let events: Vec<Arc<Event>> = decode::objects(events)?;
        wait_for_events(&events).report_to(events[0].context())
    })
}

pub(crate) unsafe extern "C" fn clGetEventInfo(
    event: cl_event,
    param_name: cl_event_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.11 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetEventInfo", || {
        let event = Event::registry().get(event)?;
        answer(&event, param_name, info).map(|_| ())
    })
}

fn answer(event: &Held<Event>, name: cl_event_info, info: InfoWriter<'_>) -> Result<Answered> {
    match name {
        CL_EVENT_COMMAND_QUEUE => info.value(
            event
                .queue()
                .map_or(null_mut::<c_void>(), |queue| handle_of(&**queue)),
        ),
        CL_EVENT_CONTEXT => info.value(handle_of(&**event.context())),
        CL_EVENT_COMMAND_TYPE => info.value(event.command_type() as cl_uint),
        CL_EVENT_COMMAND_EXECUTION_STATUS => info.value(event.status()),
        CL_EVENT_REFERENCE_COUNT => info.value(event.references()),
        _ => unknown_name(name),
    }
}

pub(crate) unsafe extern "C" fn clRetainEvent(event: cl_event) -> cl_int {
    entry("clRetainEvent", || Event::registry().retain(event))
}

pub(crate) unsafe extern "C" fn clReleaseEvent(event: cl_event) -> cl_int {
    entry("clReleaseEvent", || Event::registry().release(event))
}

pub(crate) unsafe extern "C" fn clSetEventCallback(
    event: cl_event,
    command_exec_callback_type: cl_int,
    pfn_notify: Option<EventFunction>,
    user_data: *mut c_void,
) -> cl_int {
    entry("clSetEventCallback", || {
        let registry = Event::registry();
        let object = registry.get(event)?;
        // CL_INVALID_VALUE: pfn_event_notify is NULL.
        let function = pfn_notify.ok_or_else(|| invalid_value("pfn_notify is NULL"))?;
        let callback = callback::event_callback(registry.get(event)?, function, user_data);
        object
            .set_callback(command_exec_callback_type, callback)
            .report_to(object.context())
    })
}

pub(crate) unsafe extern "C" fn clGetEventProfilingInfo(
    event: cl_event,
    param_name: cl_profiling_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.15 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetEventProfilingInfo", || {
        let event = Event::registry().get(event)?;
        let stamp = match param_name {
            CL_PROFILING_COMMAND_QUEUED => ProfilingInfo::Queued,
            CL_PROFILING_COMMAND_SUBMIT => ProfilingInfo::Submit,
            CL_PROFILING_COMMAND_START => ProfilingInfo::Start,
            CL_PROFILING_COMMAND_END => ProfilingInfo::End,
            CL_PROFILING_COMMAND_COMPLETE => ProfilingInfo::Complete,
            _ => return unknown_name(param_name),
        };
        info.value(event.profiling(stamp)?).map(|_| ())
    })
}
