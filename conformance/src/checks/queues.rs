//! Commands on shared virtual memory in queues of both kinds (§5.12, §5.14, §5.16).

use std::ffi::c_void;
use std::ptr::{from_ref, null, null_mut};
use std::time::Duration;

use opencl_sys::*;

use super::queue_points::{barrier, marker, marker_of_events};
use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};

/// What out-of-order queues need.
const OUT_OF_ORDER: &[Need] = &[Need::CoarseGrainBuffer, Need::OutOfOrderQueue];

/// The group.
pub const GROUP: Group = Group {
    name: "queues",
    about: "the order of commands on shared virtual memory",
    checks: &[
        Check::new(
            "queues/in-order",
            "5.14",
            "Commands of an in-order queue run one after the other, without events.",
            in_order,
        ),
        Check::new(
            "queues/in-order-kernels",
            "5.14",
            "A kernel in an in-order queue sees what commands before it wrote, and they see what it wrote.",
            in_order_kernels,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
        Check::new(
            "queues/blocking-after-others",
            "5.14",
            "A blocking copy in an in-order queue comes after all commands before it.",
            blocking_after_others,
        ),
        Check::new(
            "queues/chain",
            "5.14",
            "In an out-of-order queue, each command of a chain of events waits for the one before it.",
            chain,
        )
        .needs(OUT_OF_ORDER),
        Check::new(
            "queues/diamond",
            "5.14",
            "In an out-of-order queue, a command waits for all events of its list.",
            diamond,
        )
        .needs(OUT_OF_ORDER),
        Check::new(
            "queues/independent",
            "5.14",
            "In an out-of-order queue, clFinish waits for all commands, whatever order they run in.",
            independent,
        )
        .needs(OUT_OF_ORDER),
        Check::new(
            "queues/marker",
            "5.12",
            "A marker without a list completes after all commands before it.",
            marker,
        )
        .needs(OUT_OF_ORDER),
        Check::new(
            "queues/marker-of-events",
            "5.12",
            "A marker with a list waits for the events of the list alone.",
            marker_of_events,
        )
        .needs(OUT_OF_ORDER),
        Check::new(
            "queues/barrier",
            "5.12",
            "No command enqueued after a barrier runs before the commands ahead of it have completed.",
            |environment| barrier(environment, false),
        )
        .needs(OUT_OF_ORDER),
        Check::new(
            "queues/barrier-of-events",
            "5.12",
            "No command enqueued after a barrier with a list runs before its events are complete.",
            |environment| barrier(environment, true),
        )
        .needs(OUT_OF_ORDER),
        Check::new(
            "queues/user-event",
            "5.11",
            "A command that waits for a user event does not run before that is complete.",
            user_event,
        ),
        Check::new(
            "queues/event-of-another-queue",
            "5.16",
            "A command waits for an event of another queue that was flushed.",
            event_of_another_queue,
        ),
        Check::new(
            "queues/do-not-wait-for-each-other",
            "5.1",
            "A queue whose command waits holds up no other queue.",
            do_not_wait_for_each_other,
        ),
        Check::new(
            "queues/many",
            "5.1",
            "Many queues of a context work on one allocation side by side.",
            many,
        ),
        Check::new(
            "queues/finish",
            "5.16",
            "After clFinish, every command is complete.",
            finish,
        ),
        Check::new(
            "queues/flush",
            "5.16",
            "After clFlush, commands complete without a further call.",
            |environment| completes(environment, Start::Flush),
        ),
        Check::new(
            "queues/wait-flushes",
            "5.16",
            "clWaitForEvents flushes the queue, and waits until the command is complete.",
            |environment| completes(environment, Start::Wait),
        ),
        Check::new(
            "queues/release-flushes",
            "5.16",
            "clReleaseCommandQueue flushes the queue: its commands complete all the same.",
            |environment| completes(environment, Start::Release),
        ),
    ],
};

/// Numbers of an allocation.
pub(super) const COUNT: usize = 256;

pub(super) fn wait_list(events: &[cl_event]) -> (cl_uint, *const cl_event) {
    let list = if events.is_empty() {
        null()
    } else {
        events.as_ptr()
    };
    (events.len() as cl_uint, list)
}

/// Memory of `COUNT` numbers, all 0.
pub(super) fn memory(environment: &Environment) -> Result<*mut c_void, Outcome> {
    let pointer = environment.svm(COUNT * 4)?;
    environment.store(pointer, &[0_u32; COUNT])?;
    Ok(pointer)
}

/// Enqueues a fill of a part of some memory; its event.
pub(super) fn fill(
    environment: &Environment,
    queue: cl_command_queue,
    (pointer, count): (*mut c_void, usize),
    value: u32,
    wait: &[cl_event],
) -> Result<cl_event, Outcome> {
    let ((number, list), mut event) = (wait_list(wait), null_mut());
    let pattern = from_ref(&value).cast();
    let code = environment.api.clEnqueueSVMMemFill(
        queue,
        pointer,
        pattern,
        4,
        count * 4,
        number,
        list,
        &mut event,
    );
    expect::success("clEnqueueSVMMemFill", code)?;
    environment.keep_event(event);
    Ok(event)
}

/// Enqueues a copy of all of some memory; its event.
pub(super) fn copy(
    environment: &Environment,
    queue: cl_command_queue,
    (to, from): (*mut c_void, *mut c_void),
    wait: &[cl_event],
) -> Result<cl_event, Outcome> {
    let ((number, list), mut event) = (wait_list(wait), null_mut());
    let code = environment.api.clEnqueueSVMMemcpy(
        queue,
        CL_FALSE,
        to,
        from,
        COUNT * 4,
        number,
        list,
        &mut event,
    );
    expect::success("clEnqueueSVMMemcpy", code)?;
    environment.keep_event(event);
    Ok(event)
}

pub(super) fn finish_queue(environment: &Environment, queue: cl_command_queue) -> Finding {
    expect::success("clFinish", environment.api.clFinish(queue))
}

pub(super) fn flush(environment: &Environment, queue: cl_command_queue) -> Finding {
    expect::success("clFlush", environment.api.clFlush(queue))
}

pub(super) fn out_of_order(environment: &Environment) -> Result<cl_command_queue, Outcome> {
    Ok(environment.queue_of(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)?)
}

/// Demands that all numbers of some memory have a value.
pub(super) fn holds(environment: &Environment, pointer: *mut c_void, value: u32) -> Finding {
    let found: Vec<u32> = environment.load(pointer, COUNT)?;
    expect::elements("the memory", &[value; COUNT], &found)
}

/// Gives what should not happen the time to happen, and demands that a command is not complete.
pub(super) fn waits(environment: &Environment, what: &str, event: cl_event) -> Finding {
    std::thread::sleep(Duration::from_millis(20));
    let status = environment.event_status(event)?;
    expect::that(status > CL_COMPLETE, || {
        (
            format!("{what} is not complete while it waits"),
            status.to_string(),
        )
    })
}

fn in_order(environment: &Environment) -> Finding {
    let (one, other) = (memory(environment)?, memory(environment)?);
    let queue = environment.queue;
    for round in 1..=100 {
        fill(environment, queue, (one, COUNT), round, &[])?;
        copy(environment, queue, (other, one), &[])?;
        fill(environment, queue, (one, COUNT), 0, &[])?;
        copy(environment, queue, (one, other), &[])?;
    }
    finish_queue(environment, queue)?;
    holds(environment, one, 100)?;
    holds(environment, other, 100)
}

fn in_order_kernels(environment: &Environment) -> Finding {
    let source = "kernel void more(global uint *p) { p[get_global_id(0)] += 1; }";
    let kernel = environment.kernel(source, "more")?;
    let (one, other) = (memory(environment)?, memory(environment)?);
    let queue = environment.queue;
    for _ in 0..50 {
        environment.svm_arguments(kernel, &[one])?;
        environment.enqueue(queue, kernel, COUNT, &[])?;
        copy(environment, queue, (other, one), &[])?;
        environment.svm_arguments(kernel, &[other])?;
        environment.enqueue(queue, kernel, COUNT, &[])?;
        copy(environment, queue, (one, other), &[])?;
    }
    finish_queue(environment, queue)?;
    holds(environment, one, 100)
}

fn blocking_after_others(environment: &Environment) -> Finding {
    let pointer = memory(environment)?;
    let queue = environment.queue;
    for round in 1..=20 {
        for value in 0..=round {
            fill(environment, queue, (pointer, COUNT), value, &[])?;
        }
        let mut found = [0_u32; COUNT];
        let code = environment.api.clEnqueueSVMMemcpy(
            queue,
            CL_TRUE,
            found.as_mut_ptr().cast(),
            pointer,
            COUNT * 4,
            0,
            null(),
            null_mut(),
        );
        expect::success("clEnqueueSVMMemcpy", code)?;
        expect::elements("what is copied", &[round; COUNT], &found)?;
    }
    Ok(())
}

fn chain(environment: &Environment) -> Finding {
    let (one, other) = (memory(environment)?, memory(environment)?);
    let queue = out_of_order(environment)?;
    let gate = environment.gate()?;
    let mut last = gate;
    for round in 1..=50 {
        last = fill(environment, queue, (one, COUNT), round, &[last])?;
        last = copy(environment, queue, (other, one), &[last])?;
        last = fill(environment, queue, (one, COUNT), 0, &[last])?;
        last = copy(environment, queue, (one, other), &[last])?;
    }
    environment.open_gate(gate)?;
    finish_queue(environment, queue)?;
    holds(environment, one, 50)
}

fn diamond(environment: &Environment) -> Finding {
    let queue = out_of_order(environment)?;
    for round in 1..4 {
        let (one, other) = (memory(environment)?, memory(environment)?);
        let gates = [environment.gate()?, environment.gate()?];
        let first = fill(environment, queue, (one, COUNT / 2), round, &gates[..1])?;
        let half = one.wrapping_byte_add(COUNT * 2);
        let second = fill(environment, queue, (half, COUNT / 2), round, &gates[1..])?;
        let both = copy(environment, queue, (other, one), &[first, second])?;
        flush(environment, queue)?;
        environment.open_gate(gates[round as usize % 2])?;
        waits(environment, "a command behind two others", both)?;
        environment.open_gate(gates[(round as usize + 1) % 2])?;
        finish_queue(environment, queue)?;
        holds(environment, other, round)?;
    }
    Ok(())
}

fn independent(environment: &Environment) -> Finding {
    let from = memory(environment)?;
    environment.store(from, &[7_u32; COUNT])?;
    let queue = out_of_order(environment)?;
    let targets: Result<Vec<_>, _> = (0..64).map(|_| memory(environment)).collect();
    let targets = targets?;
    for to in &targets {
        copy(environment, queue, (*to, from), &[])?;
    }
    finish_queue(environment, queue)?;
    targets
        .into_iter()
        .try_for_each(|to| holds(environment, to, 7))
}

fn user_event(environment: &Environment) -> Finding {
    let (pointer, queue) = (memory(environment)?, environment.queue);
    let gate = environment.gate()?;
    let filled = fill(environment, queue, (pointer, COUNT), 5, &[gate])?;
    flush(environment, queue)?;
    waits(environment, "the command", filled)?;
    holds(environment, pointer, 0)?;
    environment.open_gate(gate)?;
    finish_queue(environment, queue)?;
    holds(environment, pointer, 5)
}

fn event_of_another_queue(environment: &Environment) -> Finding {
    let (one, other) = (memory(environment)?, memory(environment)?);
    let queues = [environment.queue_of(0)?, environment.queue_of(0)?];
    for round in 1..20 {
        let gate = environment.gate()?;
        let filled = fill(environment, queues[0], (one, COUNT), round, &[gate])?;
        flush(environment, queues[0])?;
        copy(environment, queues[1], (other, one), &[filled])?;
        flush(environment, queues[1])?;
        environment.open_gate(gate)?;
        finish_queue(environment, queues[1])?;
        holds(environment, other, round)?;
    }
    Ok(())
}

fn do_not_wait_for_each_other(environment: &Environment) -> Finding {
    let (one, other) = (memory(environment)?, memory(environment)?);
    let queues = [environment.queue_of(0)?, environment.queue_of(0)?];
    let gate = environment.gate()?;
    fill(environment, queues[0], (one, COUNT), 5, &[gate])?;
    flush(environment, queues[0])?;
    fill(environment, queues[1], (other, COUNT), 6, &[])?;
    finish_queue(environment, queues[1])?;
    holds(environment, other, 6)?;
    environment.open_gate(gate)?;
    finish_queue(environment, queues[0])?;
    holds(environment, one, 5)
}

fn many(environment: &Environment) -> Finding {
    const QUEUES: usize = 16;
    let pointer = memory(environment)?;
    let each = COUNT / QUEUES;
    let queues: Result<Vec<_>, _> = (0..QUEUES).map(|_| environment.queue_of(0)).collect();
    let queues = queues?;
    for round in 1..=20 {
        for (index, queue) in queues.iter().enumerate() {
            let part = pointer.wrapping_byte_add(index * each * 4);
            let value = index as u32 * 100 + round;
            fill(environment, *queue, (part, each), value, &[])?;
            flush(environment, *queue)?;
        }
    }
    for queue in queues {
        finish_queue(environment, queue)?;
    }
    let expected: Vec<u32> = (0..COUNT).map(|at| (at / each) as u32 * 100 + 20).collect();
    let found: Vec<u32> = environment.load(pointer, COUNT)?;
    expect::elements("the memory", &expected, &found)
}

fn finish(environment: &Environment) -> Finding {
    let (pointer, queue) = (memory(environment)?, environment.queue);
    for round in 1..=20 {
        let mut events = Vec::new();
        for value in 1..=round {
            events.push(fill(environment, queue, (pointer, COUNT), value, &[])?);
        }
        finish_queue(environment, queue)?;
        for event in events {
            let status = environment.event_status(event)?;
            expect::equal("the status of a command", CL_COMPLETE, status)?;
        }
        holds(environment, pointer, round)?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Start {
    Flush,
    Wait,
    Release,
}

fn completes(environment: &Environment, start: Start) -> Finding {
    let (pointer, api) = (memory(environment)?, environment.api);
    let (queue, release) = match start {
        // Released here, and nowhere else.
        Start::Release => (environment.queue_with(0)?, true),
        _ => (environment.queue_of(0)?, false),
    };
    let event = fill(environment, queue, (pointer, COUNT), 5, &[])?;
    if release {
        let code = api.clReleaseCommandQueue(queue);
        expect::success("clReleaseCommandQueue", code)?;
    }
    match start {
        Start::Flush => flush(environment, queue)?,
        Start::Wait => {
            let code = api.clWaitForEvents(1, &event);
            expect::success("clWaitForEvents", code)?;
            let status = environment.event_status(event)?;
            expect::equal("the status of the command", CL_COMPLETE, status)?;
        }
        Start::Release => {}
    }
    // Until it is complete, or the check takes too long.
    while environment.event_status(event)? > CL_COMPLETE {
        std::thread::sleep(Duration::from_millis(1));
    }
    holds(environment, pointer, 5)
}
