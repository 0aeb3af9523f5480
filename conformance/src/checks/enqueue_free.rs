//! `clEnqueueSVMFree` (§5.6.1): lists and errors.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::free::goes_back;
use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::SvmFreeCallback;

/// The group.
pub const GROUP: Group = Group {
    name: "enqueue-free",
    about: "clEnqueueSVMFree: lists and errors",
    checks: &[
        Check::new(
            "enqueue-free/one",
            "5.6.1",
            "Without a callback, the implementation frees the SVM pointer.",
            |environment| frees(environment, 1),
        )
        .alone(),
        Check::new(
            "enqueue-free/many",
            "5.6.1",
            "Without a callback, the implementation frees all the SVM pointers of the list.",
            |environment| frees(environment, 500),
        )
        .alone(),
        Check::new(
            "enqueue-free/empty-list",
            "5.6.1",
            "An empty list, with a count of 0 and NULL, is none of the errors: the call succeeds.",
            empty_list,
        ),
        Check::new(
            "enqueue-free/count-zero",
            "5.6.1",
            "A count of 0 with a list that is not NULL is CL_INVALID_VALUE.",
            count_zero,
        ),
        Check::new(
            "enqueue-free/list-null",
            "5.6.1",
            "A count that is not 0 without a list is CL_INVALID_VALUE.",
            list_null,
        ),
        Check::new(
            "enqueue-free/queue-null",
            "5.6.1",
            "NULL for the command-queue is CL_INVALID_COMMAND_QUEUE.",
            queue_null,
        ),
        Check::new(
            "enqueue-free/queue-of-wrong-type",
            "5.6.1",
            "Objects of other types for the command-queue are CL_INVALID_COMMAND_QUEUE.",
            queue_of_wrong_type,
        )
        .alone(),
        Check::new(
            "enqueue-free/queue-on-device",
            "5.6.1",
            "An on-device queue is no host command-queue and therefore CL_INVALID_COMMAND_QUEUE.",
            queue_on_device,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::OnDeviceQueue]),
        Check::new(
            "enqueue-free/wait-list-null",
            "5.6.1",
            "A number of events without a wait list is CL_INVALID_EVENT_WAIT_LIST.",
            |environment| wait_list_refused(environment, 1, null()),
        ),
        Check::new(
            "enqueue-free/wait-list-empty",
            "5.6.1",
            "A wait list with 0 events is CL_INVALID_EVENT_WAIT_LIST.",
            |environment| {
                let gate = environment.gate()?;
                wait_list_refused(environment, 0, &gate)
            },
        ),
        Check::new(
            "enqueue-free/wait-list-of-null",
            "5.6.1",
            "A NULL event in the wait list is CL_INVALID_EVENT_WAIT_LIST.",
            |environment| wait_list_refused(environment, 1, &null_mut()),
        )
        .alone(),
        Check::new(
            "enqueue-free/wait-list-of-wrong-type",
            "5.6.1",
            "An object of another type in the wait list is CL_INVALID_EVENT_WAIT_LIST.",
            |environment| wait_list_refused(environment, 1, &environment.queue),
        )
        .alone(),
        Check::new(
            "enqueue-free/wait-list-of-another-context",
            "5.6.1",
            "Events of another context must not be waited for, but no error is named for them.",
            wait_list_of_another_context,
        )
        .undefined(),
        Check::new(
            "enqueue-free/null-pointer",
            "5.6.1",
            "Pointers must be of clSVMAlloc if there is no callback: for a NULL pointer, the result is undefined.",
            |environment| undefined_list(environment, &mut [null_mut()]),
        )
        .undefined(),
        Check::new(
            "enqueue-free/foreign-pointer",
            "5.6.1",
            "Pointers must be of clSVMAlloc if there is no callback: for memory of the application, the result is undefined.",
            |environment| {
                let memory: &'static mut [u64] = Box::leak(Box::new([0; 64]));
                undefined_list(environment, &mut [memory.as_mut_ptr().cast()])
            },
        )
        .undefined(),
        Check::new(
            "enqueue-free/same-pointer-twice",
            "5.6.1",
            "A pointer that stands twice in the list is freed twice: the result is undefined.",
            same_pointer_twice,
        )
        .undefined(),
        Check::new(
            "enqueue-free/event-in-wait-list",
            "5.6.1",
            "The event must not be an element of the wait list: otherwise the result is undefined.",
            event_in_wait_list,
        )
        .undefined(),
    ],
};

/// How a list is to be freed.
#[derive(Default)]
pub(super) struct How<'a> {
    pub queue: Option<cl_command_queue>,
    pub callback: Option<(SvmFreeCallback, *mut c_void)>,
    pub wait: &'a [cl_event],
}

/// Enqueues freeing a list; the code and the event.
fn enqueue(
    environment: &Environment,
    pointers: &mut [*mut c_void],
    how: &How,
) -> (cl_int, cl_event) {
    let mut event = null_mut();
    let (callback, user_data) = how.callback.unzip();
    let code = environment.api.clEnqueueSVMFree(
        how.queue.unwrap_or(environment.queue),
        pointers.len() as cl_uint,
        pointers.as_mut_ptr(),
        callback,
        user_data.unwrap_or(null_mut()),
        how.wait.len() as cl_uint,
        if how.wait.is_empty() {
            null()
        } else {
            how.wait.as_ptr()
        },
        &mut event,
    );
    if code == CL_SUCCESS {
        environment.keep_event(event);
        if callback.is_none() {
            for pointer in pointers {
                environment.forget(*pointer);
            }
        }
    }
    (code, event)
}

/// The same, for what must succeed; the event.
pub(super) fn enqueued(
    environment: &Environment,
    pointers: &mut [*mut c_void],
    how: &How,
) -> Result<cl_event, Outcome> {
    let (code, event) = enqueue(environment, pointers, how);
    expect::success("clEnqueueSVMFree", code)?;
    Ok(event)
}

/// So many SVM buffers.
pub(super) fn several(
    environment: &Environment,
    count: usize,
) -> Result<Vec<*mut c_void>, Outcome> {
    (0..count)
        .map(|index| environment.svm(64 + index % 7 * 100))
        .collect()
}

fn frees(environment: &Environment, buffers: usize) -> Finding {
    let allocate = |size| environment.svm(size);
    goes_back(environment, buffers, allocate, |list| {
        enqueued(environment, list, &How::default()).map(drop)
    })
}

/// Calls with a count and a list as they are; the code.
fn raw(environment: &Environment, count: cl_uint, list: *mut *mut c_void) -> cl_int {
    environment.api.clEnqueueSVMFree(
        environment.queue,
        count,
        list,
        None,
        null_mut(),
        0,
        null(),
        null_mut(),
    )
}

fn empty_list(environment: &Environment) -> Finding {
    let code = raw(environment, 0, null_mut());
    expect::success("clEnqueueSVMFree of 0 pointers at NULL", code)?;
    Ok(environment.finish()?)
}

fn count_zero(environment: &Environment) -> Finding {
    let mut list = [environment.svm(64)?];
    let code = raw(environment, 0, list.as_mut_ptr());
    expect::code(
        "clEnqueueSVMFree of 0 pointers with a list",
        CL_INVALID_VALUE,
        code,
    )
}

fn list_null(environment: &Environment) -> Finding {
    for count in [1, 2, 1000] {
        let code = raw(environment, count, null_mut());
        let what = format!("clEnqueueSVMFree of {count} pointers at NULL");
        expect::code(&what, CL_INVALID_VALUE, code)?;
    }
    Ok(())
}

/// Demands `CL_INVALID_COMMAND_QUEUE` for a queue.
fn queue_refused(environment: &Environment, what: &str, queue: cl_command_queue) -> Finding {
    let how = How {
        queue: Some(queue),
        ..How::default()
    };
    let (code, _) = enqueue(environment, &mut [environment.svm(64)?], &how);
    let what = format!("clEnqueueSVMFree with {what} for its queue");
    expect::code(&what, CL_INVALID_COMMAND_QUEUE, code)
}

fn queue_null(environment: &Environment) -> Finding {
    queue_refused(environment, "NULL", null_mut())
}

fn queue_of_wrong_type(environment: &Environment) -> Finding {
    queue_refused(environment, "a context", environment.context)?;
    queue_refused(environment, "a device", environment.device)?;
    queue_refused(environment, "an event", environment.gate()?)
}

fn queue_on_device(environment: &Environment) -> Finding {
    let properties = CL_QUEUE_ON_DEVICE | CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    let queue = environment.queue_of(properties)?;
    queue_refused(environment, "an on-device queue", queue)
}

/// Demands `CL_INVALID_EVENT_WAIT_LIST` for a count and a list.
fn wait_list_refused(environment: &Environment, count: cl_uint, list: *const cl_event) -> Finding {
    let mut pointers = [environment.svm(64)?];
    let code = environment.api.clEnqueueSVMFree(
        environment.queue,
        1,
        pointers.as_mut_ptr(),
        None,
        null_mut(),
        count,
        list,
        null_mut(),
    );
    if code == CL_SUCCESS {
        environment.forget(pointers[0]);
    }
    expect::code("clEnqueueSVMFree", CL_INVALID_EVENT_WAIT_LIST, code)
}

fn wait_list_of_another_context(environment: &Environment) -> Finding {
    let context = environment.context_of(&[environment.device])?;
    let mut code = CL_SUCCESS;
    let event = environment.api.clCreateUserEvent(context, &mut code);
    expect::success("clCreateUserEvent", code)?;
    environment.keep_event(event);
    environment.open_gate(event)?;
    let how = How {
        wait: &[event],
        ..How::default()
    };
    let (code, _) = enqueue(environment, &mut [environment.svm(64)?], &how);
    environment.finish()?;
    Err(Outcome::informative(expect::code_name(code)))
}

/// Has a list freed that must not be; what came of it.
fn undefined_list(environment: &Environment, list: &mut [*mut c_void]) -> Finding {
    let (code, _) = enqueue(environment, list, &How::default());
    environment.finish()?;
    let fresh = several(environment, 20)?;
    for pointer in fresh {
        environment.store(pointer, &[1_u32; 16])?;
    }
    Err(Outcome::informative(expect::code_name(code)))
}

fn same_pointer_twice(environment: &Environment) -> Finding {
    let pointer = environment.svm(64)?;
    undefined_list(environment, &mut [pointer, pointer])
}

fn event_in_wait_list(environment: &Environment) -> Finding {
    let gate = environment.gate()?;
    let mut list = [gate];
    let mut pointers = [environment.svm(64)?];
    let place = list.as_mut_ptr();
    let code = environment.api.clEnqueueSVMFree(
        environment.queue,
        1,
        pointers.as_mut_ptr(),
        None,
        null_mut(),
        1,
        place,
        place,
    );
    if code == CL_SUCCESS {
        environment.forget(pointers[0]);
        environment.keep_event(list[0]);
    }
    environment.open_gate(gate)?;
    environment.finish()?;
    Err(Outcome::informative(expect::code_name(code)))
}
