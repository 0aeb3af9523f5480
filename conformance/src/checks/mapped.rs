//! Memory that is mapped: what the checks of the commands share.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::svm_command::list;
use crate::check::{expect, Environment, Finding, Outcome};
use crate::client::{read, write};

/// Enqueues a map on the environment's queue; the code and the event.
pub(super) fn map(
    environment: &Environment,
    blocking: cl_bool,
    flags: cl_ulong,
    memory: *mut c_void,
    size: usize,
    wait: &[cl_event],
) -> (cl_int, cl_event) {
    let queue = environment.queue;
    map_on(environment, queue, blocking, flags, (memory, size), wait)
}

/// Enqueues a map; the code and the event.
pub(super) fn map_on(
    environment: &Environment,
    queue: cl_command_queue,
    blocking: cl_bool,
    flags: cl_ulong,
    (memory, size): (*mut c_void, usize),
    wait: &[cl_event],
) -> (cl_int, cl_event) {
    let mut event = null_mut();
    let (api, (count, events)) = (environment.api, list(wait));
    let code = api.clEnqueueSVMMap(
        queue, blocking, flags, memory, size, count, events, &mut event,
    );
    if code == CL_SUCCESS {
        environment.keep_event(event);
    }
    (code, event)
}

/// Enqueues a map on the environment's queue that must succeed; the event.
pub(super) fn mapped(
    environment: &Environment,
    blocking: cl_bool,
    flags: cl_ulong,
    memory: *mut c_void,
    size: usize,
) -> Result<cl_event, Outcome> {
    let (code, event) = map(environment, blocking, flags, memory, size, &[]);
    let call = format!("clEnqueueSVMMap of {size} bytes with flags {flags:#x}");
    expect::success(&call, code)?;
    Ok(event)
}

/// Enqueues an unmap; the code and the event.
pub(super) fn unmap_on(
    environment: &Environment,
    queue: cl_command_queue,
    memory: *mut c_void,
    wait: &[cl_event],
) -> (cl_int, cl_event) {
    let mut event = null_mut();
    let (count, events) = list(wait);
    let code = environment
        .api
        .clEnqueueSVMUnmap(queue, memory, count, events, &mut event);
    if code == CL_SUCCESS {
        environment.keep_event(event);
    }
    (code, event)
}

/// Unmaps on the environment's queue, and waits for it.
pub(super) fn unmapped(environment: &Environment, memory: *mut c_void) -> Finding {
    let (code, _) = unmap_on(environment, environment.queue, memory, &[]);
    expect::success("clEnqueueSVMUnmap", code)?;
    Ok(environment.finish()?)
}

/// Enqueues a copy on a queue, without blocking; its event.
pub(super) fn copied(
    environment: &Environment,
    queue: cl_command_queue,
    to: *mut c_void,
    from: *const c_void,
    size: usize,
) -> Result<cl_event, Outcome> {
    let mut event = null_mut();
    let (api, none) = (environment.api, null());
    let code = api.clEnqueueSVMMemcpy(queue, CL_FALSE, to, from, size, 0, none, &mut event);
    expect::success("clEnqueueSVMMemcpy", code)?;
    environment.keep_event(event);
    Ok(event)
}

/// What the host finds in memory that is mapped.
pub(super) fn read_bytes(memory: *mut c_void, size: usize) -> Vec<u8> {
    (0..size).map(|index| read(memory, index)).collect()
}

/// Has the host write to memory that is mapped.
pub(super) fn write_bytes(memory: *mut c_void, bytes: &[u8]) {
    for (index, byte) in bytes.iter().enumerate() {
        write(memory, index, *byte);
    }
}
