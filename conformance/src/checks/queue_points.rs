//! Markers and barriers in out-of-order queues (§5.12).

use std::ptr::null_mut;
use std::time::{Duration, Instant};

use opencl_sys::*;

use super::queues::{
    copy, fill, finish_queue, flush, holds, memory, out_of_order, wait_list, waits, COUNT,
};
use crate::check::{expect, Environment, Finding, Outcome};

/// Enqueues a marker or a barrier; its event.
fn point(
    environment: &Environment,
    queue: cl_command_queue,
    barrier: bool,
    wait: &[cl_event],
) -> Result<cl_event, Outcome> {
    let ((number, list), mut event) = (wait_list(wait), null_mut());
    let api = environment.api;
    if barrier {
        let code = api.clEnqueueBarrierWithWaitList(queue, number, list, &mut event);
        expect::success("clEnqueueBarrierWithWaitList", code)?;
    } else {
        let code = api.clEnqueueMarkerWithWaitList(queue, number, list, &mut event);
        expect::success("clEnqueueMarkerWithWaitList", code)?;
    }
    environment.keep_event(event);
    Ok(event)
}

pub(super) fn marker(environment: &Environment) -> Finding {
    let (pointer, queue) = (memory(environment)?, out_of_order(environment)?);
    let gate = environment.gate()?;
    fill(environment, queue, (pointer, COUNT), 5, &[gate])?;
    let marker = point(environment, queue, false, &[])?;
    flush(environment, queue)?;
    waits(environment, "the marker", marker)?;
    environment.open_gate(gate)?;
    let code = environment.api.clWaitForEvents(1, &marker);
    expect::success("clWaitForEvents", code)?;
    holds(environment, pointer, 5)
}

pub(super) fn marker_of_events(environment: &Environment) -> Finding {
    let queue = out_of_order(environment)?;
    let (one, other) = (memory(environment)?, memory(environment)?);
    let gate = environment.gate()?;
    fill(environment, queue, (one, COUNT), 5, &[gate])?;
    let second = fill(environment, queue, (other, COUNT), 6, &[])?;
    let marker = point(environment, queue, false, &[second])?;
    flush(environment, queue)?;
    // The queue may execute in order all the same, and then nothing passes the first command.
    if !soon_complete(environment, second)? {
        let seen = "the queue executes its commands in order";
        return Err(Outcome::informative(seen));
    }
    expect::that(soon_complete(environment, marker)?, || {
        (
            "the marker is complete soon after the event of its list".into(),
            "it is not within two seconds".into(),
        )
    })?;
    holds(environment, other, 6)?;
    environment.open_gate(gate)?;
    finish_queue(environment, queue)?;
    holds(environment, one, 5)
}

pub(super) fn barrier(environment: &Environment, of_events: bool) -> Finding {
    let queue = out_of_order(environment)?;
    let (one, other) = (memory(environment)?, memory(environment)?);
    let gate = environment.gate()?;
    let first = fill(environment, queue, (one, COUNT), 5, &[gate])?;
    let list = if of_events { &[first][..] } else { &[] };
    point(environment, queue, true, list)?;
    let after = copy(environment, queue, (other, one), &[])?;
    flush(environment, queue)?;
    waits(environment, "a command behind the barrier", after)?;
    environment.open_gate(gate)?;
    finish_queue(environment, queue)?;
    holds(environment, other, 5)
}

/// Gives a command two seconds to complete.
fn soon_complete(environment: &Environment, event: cl_event) -> Result<bool, Outcome> {
    let begin = Instant::now();
    while environment.event_status(event)? > CL_COMPLETE {
        if begin.elapsed() > Duration::from_secs(2) {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(true)
}
