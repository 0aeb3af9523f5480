//! Broken rules of queries.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use isocl_conformance::client::{read, reference, write, EventCallback};
use opencl_sys::*;

use super::svm_command::allowed;
use super::{queue, real, rule, unified_types};

const COARSE: cl_ulong = CL_DEVICE_SVM_COARSE_GRAIN_BUFFER;

pub fn device_info(
    device: cl_device_id,
    name: cl_uint,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    if let Some(code) = unified_types::device_info(device, name, size, value, size_ret) {
        return code;
    }
    let code = real().clGetDeviceInfo(device, name, size, value, size_ret);
    if code != CL_SUCCESS {
        return code;
    }
    if name == CL_DEVICE_SVM_CAPABILITIES && !size_ret.is_null() && rule() == "capabilities-size" {
        write(size_ret.cast(), 0, 4_usize);
    }
    if value.is_null() {
        return code;
    }
    let capabilities = match rule() {
        "capabilities-unknown" => Some(COARSE | 1 << 20),
        "capabilities-fine-without-coarse" => Some(CL_DEVICE_SVM_FINE_GRAIN_BUFFER),
        "capabilities-atomics-alone" => Some(COARSE | CL_DEVICE_SVM_ATOMICS),
        "capabilities-change" => Some(CALLS.fetch_add(1, SeqCst) % 2 * COARSE),
        "capabilities-understated" => Some(COARSE),
        _ => None,
    };
    match (name, capabilities) {
        (CL_DEVICE_SVM_CAPABILITIES, Some(capabilities)) => write(value, 0, capabilities),
        (CL_DEVICE_SVM_CAPABILITIES, _)
            if rule() == "sub-device-capabilities" && queue::is_sub_device(device) =>
        {
            write(value, 0, 0_u64);
        }
        (CL_DEVICE_MAX_MEM_ALLOC_SIZE, _) if rule() == "maximum-too-small" => {
            write(value, 0, 1_u64 << 20);
        }
        (CL_DEVICE_ADDRESS_BITS, _) if rule() == "address-bits" => write(value, 0, 32_u32),
        (CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT, _) if rule() == "atomic-alignment" => {
            write(value, 0, 12_u32);
        }
        (CL_DEVICE_VERSION, _) if rule() == "version-2-without-svm" => {
            let text = *b"OpenCL 2.1 \0";
            (0..text.len()).for_each(|index| write(value, index, text[index]));
        }
        (CL_DEVICE_SVM_CAPABILITIES, _) if rule() == "version-2-without-svm" => {
            write(value, 0, 0_u64);
        }
        _ => {}
    }
    code
}

pub fn event_info(
    event: cl_event,
    name: cl_uint,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    let code = real().clGetEventInfo(event, name, size, value, size_ret);
    let known = (CL_EVENT_COMMAND_QUEUE..=CL_EVENT_CONTEXT).contains(&name);
    let code = match rule() {
        "event-info-anything" => allowed(code, CL_INVALID_VALUE, !known),
        "event-info-in-any-room" => allowed(code, CL_INVALID_VALUE, known),
        _ => code,
    };
    if code != CL_SUCCESS || value.is_null() {
        return code;
    }
    match (name, rule()) {
        (CL_EVENT_COMMAND_TYPE, "event-type") => write(value, 0, CL_COMMAND_USER),
        (CL_EVENT_CONTEXT, "event-objects") => write(value, 0, 0_usize),
        (CL_EVENT_COMMAND_EXECUTION_STATUS, "finish-does-not-wait")
            if queue::FINISHED.load(SeqCst) =>
        {
            write(value, 0, CL_RUNNING);
        }
        (CL_EVENT_COMMAND_EXECUTION_STATUS, "event-never-complete") => {
            let status = read::<cl_int>(value, 0);
            let kept = if status == CL_COMPLETE {
                CL_RUNNING
            } else {
                status
            };
            write(value, 0, kept);
        }
        (CL_EVENT_COMMAND_EXECUTION_STATUS, "failed-wait-completes") => {
            write(value, 0, read::<cl_int>(value, 0).max(CL_COMPLETE));
        }
        _ => {}
    }
    code
}

pub fn profiling_info(
    event: cl_event,
    name: cl_uint,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    let code = real().clGetEventProfilingInfo(event, name, size, value, size_ret);
    let known = (CL_PROFILING_COMMAND_QUEUED..=CL_PROFILING_COMMAND_COMPLETE).contains(&name);
    let code = match rule() {
        "profiling-always" => allowed(code, CL_PROFILING_INFO_NOT_AVAILABLE, true),
        "profiling-of-anything" => allowed(code, CL_INVALID_VALUE, !known),
        "profiling-in-any-room" => allowed(code, CL_INVALID_VALUE, known),
        _ => code,
    };
    if rule() == "profiling-backwards" && name == CL_PROFILING_COMMAND_START && !value.is_null() {
        write(value, 0, cl_ulong::MAX);
    }
    code
}

pub fn queue_info(
    queue: cl_command_queue,
    name: cl_uint,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    let code = real().clGetCommandQueueInfo(queue, name, size, value, size_ret);
    if rule() == "queue-without-context" && name == CL_QUEUE_CONTEXT && !value.is_null() {
        write(value, 0, 0_usize);
    }
    code
}

/// The callback that an application gave, behind one of ours.
struct Callback {
    function: EventCallback,
    user_data: usize,
}

extern "C" fn tell_success(event: cl_event, _: cl_int, user_data: *mut c_void) {
    let callback = reference::<Callback>(user_data);
    (callback.function)(event, CL_COMPLETE, callback.user_data as *mut c_void);
}

pub fn set_callback(
    event: cl_event,
    status: cl_int,
    callback: Option<EventCallback>,
    user_data: *mut c_void,
) -> cl_int {
    let set = |callback, user_data| real().clSetEventCallback(event, status, callback, user_data);
    match (rule(), callback) {
        ("event-callback-lost", Some(_)) => CL_SUCCESS,
        ("event-callback-tells-success", Some(function)) => {
            // Lives as long as the process: it may be called late.
            let callback: &'static Callback = Box::leak(Box::new(Callback {
                function,
                user_data: user_data as usize,
            }));
            let data = std::ptr::from_ref(callback).cast_mut().cast();
            set(Some(tell_success), data)
        }
        _ => set(callback, user_data),
    }
}
