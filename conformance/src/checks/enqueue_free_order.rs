//! When the command of `clEnqueueSVMFree` runs, and its event (§5.11, §5.14, §5.15).

use std::ffi::c_void;
use std::ptr::null_mut;
use std::time::Duration;

use opencl_sys::*;

use super::enqueue_free::{enqueued, several, How};
use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::session::CallError;

/// The group.
pub const GROUP: Group = Group {
    name: "enqueue-free-order",
    about: "clEnqueueSVMFree: when the command runs, and its event",
    checks: &[
        Check::new(
            "enqueue-free-order/returns-before-it-runs",
            "5.6.1",
            "The command is enqueued: the function returns while events are still waited for.",
            returns_before_it_runs,
        ),
        Check::new(
            "enqueue-free-order/in-order",
            "5.14",
            "In an in-order queue, memory is freed only after the commands enqueued before.",
            in_order,
        ),
        Check::new(
            "enqueue-free-order/out-of-order",
            "5.14",
            "In an out-of-order queue, memory is freed only after the events of the wait list.",
            out_of_order,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::OutOfOrderQueue]),
        Check::new(
            "enqueue-free-order/commands-after-it",
            "5.14",
            "Commands enqueued after it in an in-order queue run, with memory of their own.",
            commands_after_it,
        ),
        Check::new(
            "enqueue-free-order/event-type",
            "5.11",
            "The command type of its event is CL_COMMAND_SVM_FREE.",
            event_type,
        ),
        Check::new(
            "enqueue-free-order/event-objects",
            "5.11",
            "Its event tells the command-queue and the context.",
            event_objects,
        ),
        Check::new(
            "enqueue-free-order/event-complete",
            "5.11",
            "Its event is CL_COMPLETE after clFinish.",
            event_complete,
        ),
        Check::new(
            "enqueue-free-order/profiling",
            "5.15",
            "From OpenCL 3.0 on, its event has the five time stamps, in order.",
            profiling,
        ),
    ],
};

/// Enqueues a copy of 64 bytes on a queue; the event.
fn copy(
    environment: &Environment,
    queue: cl_command_queue,
    (to, from): (*mut c_void, *mut c_void),
    gate: cl_event,
) -> Result<cl_event, Outcome> {
    let mut event = null_mut();
    let code = environment
        .api
        .clEnqueueSVMMemcpy(queue, CL_FALSE, to, from, 64, 1, &gate, &mut event);
    expect::success("clEnqueueSVMMemcpy", code)?;
    environment.keep_event(event);
    Ok(event)
}

fn returns_before_it_runs(environment: &Environment) -> Finding {
    let gate = environment.gate()?;
    let how = How {
        wait: &[gate],
        ..How::default()
    };
    let event = enqueued(environment, &mut several(environment, 3)?, &how)?;
    let code = environment.api.clFlush(environment.queue);
    expect::success("clFlush", code)?;
    std::thread::sleep(Duration::from_millis(20));
    let status = environment.event_status(event)?;
    expect::that(status > CL_COMPLETE, || {
        (
            "the command is not complete while it waits".into(),
            status.to_string(),
        )
    })?;
    environment.open_gate(gate)?;
    Ok(environment.finish()?)
}

fn in_order(environment: &Environment) -> Finding {
    let gate = environment.gate()?;
    let (from, to) = (environment.svm(64)?, environment.svm(64)?);
    environment.store(from, &[0x5EED_u32; 16])?;
    copy(environment, environment.queue, (to, from), gate)?;
    let event = enqueued(environment, &mut [from], &How::default())?;
    freed_after(environment, (gate, event), to)
}

fn out_of_order(environment: &Environment) -> Finding {
    let gate = environment.gate()?;
    let queue = environment.queue_of(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)?;
    let (from, to) = (environment.svm(64)?, environment.svm(64)?);
    environment.store(from, &[0x5EED_u32; 16])?;
    let copied = copy(environment, queue, (to, from), gate)?;
    let how = How {
        queue: Some(queue),
        wait: &[copied],
        ..How::default()
    };
    let event = enqueued(environment, &mut [from], &how)?;
    let code = environment.api.clFlush(queue);
    expect::success("clFlush", code)?;
    freed_after(environment, (gate, event), to)
}

/// Demands that a free that comes after a copy waits for it, and that the copy finds its data.
fn freed_after(
    environment: &Environment,
    (gate, freed): (cl_event, cl_event),
    to: *mut c_void,
) -> Finding {
    let fresh = several(environment, 50)?;
    for pointer in fresh {
        environment.store(pointer, &[u32::MAX; 16])?;
    }
    // Time to be too early.
    std::thread::sleep(Duration::from_millis(20));
    let status = environment.event_status(freed)?;
    expect::that(status > CL_COMPLETE, || {
        (
            "the free is not complete before the copy".into(),
            status.to_string(),
        )
    })?;
    environment.open_gate(gate)?;
    let code = environment.api.clWaitForEvents(1, &freed);
    expect::success("clWaitForEvents", code)?;
    expect::equal(
        "what was copied",
        vec![0x5EED_u32; 16],
        environment.load(to, 16)?,
    )
}

fn commands_after_it(environment: &Environment) -> Finding {
    let to = environment.svm(64)?;
    let from = environment.svm(64)?;
    environment.store(from, &[9_u32; 16])?;
    let gate = environment.gate()?;
    let how = How {
        wait: &[gate],
        ..How::default()
    };
    enqueued(environment, &mut several(environment, 10)?, &how)?;
    environment.open_gate(gate)?;
    copy(environment, environment.queue, (to, from), gate)?;
    environment.finish()?;
    expect::equal(
        "what was copied",
        vec![9_u32; 16],
        environment.load(to, 16)?,
    )
}

fn event_type(environment: &Environment) -> Finding {
    let event = enqueued(environment, &mut several(environment, 1)?, &How::default())?;
    let command = environment.event_type(event)?;
    expect::equal("the command type", CL_COMMAND_SVM_FREE, command)
}

fn event_objects(environment: &Environment) -> Finding {
    let event = enqueued(environment, &mut several(environment, 1)?, &How::default())?;
    let ask = |name| environment.event_info(event, name, null_mut());
    expect::equal("the queue", environment.queue, ask(CL_EVENT_COMMAND_QUEUE)?)?;
    expect::equal("the context", environment.context, ask(CL_EVENT_CONTEXT)?)
}

fn event_complete(environment: &Environment) -> Finding {
    let event = enqueued(environment, &mut several(environment, 3)?, &How::default())?;
    environment.finish()?;
    expect::equal("the status", CL_COMPLETE, environment.event_status(event)?)
}

fn profiling(environment: &Environment) -> Finding {
    let event = enqueued(environment, &mut several(environment, 3)?, &How::default())?;
    let code = environment.api.clWaitForEvents(1, &event);
    expect::success("clWaitForEvents", code)?;
    match environment.profiling(event) {
        Err(CallError { code, .. })
            if code == CL_PROFILING_INFO_NOT_AVAILABLE && environment.version()? < (3, 0) =>
        {
            Err(Outcome::informative(expect::code_name(code)))
        }
        Err(error) => Err(error.into()),
        Ok(stamps) => expect::that(stamps.windows(2).all(|pair| pair[0] <= pair[1]), || {
            (
                "queued ≤ submit ≤ start ≤ end ≤ complete".into(),
                format!("{stamps:?}"),
            )
        }),
    }
}
