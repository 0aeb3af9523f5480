//! Events of commands of shared virtual memory (§5.11, §5.15).

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use opencl_sys::*;

use super::svm_command::{fail_gate, flush, list, pending, wait, Command, Memory, NONE};
use crate::check::{expect, Check, Environment, Finding, Group, Outcome};
use crate::client::reference;

/// All commands that act on what clSVMAlloc gave.
const ALL: [Command; 5] = [
    Command::MemFill,
    Command::Memcpy,
    Command::Map,
    Command::Unmap,
    Command::MigrateMem,
];

/// The group.
pub const GROUP: Group = Group {
    name: "events",
    about: "events of commands of shared virtual memory",
    checks: &[
        Check::new(
            "events/chain-of-all-commands",
            "5.11",
            "Commands of every kind wait for each other's events, on two queues in turn.",
            chain_of_all_commands,
        ),
        Check::new(
            "events/several",
            "5.11",
            "A command waits for all events of its list, in whatever order they complete.",
            several,
        ),
        Check::new(
            "events/same-event-twice",
            "5.11",
            "A command may wait for an event that stands in its list twice.",
            same_event_twice,
        ),
        Check::new(
            "events/already-complete",
            "5.11",
            "A command may wait for events that are complete already.",
            already_complete,
        ),
        Check::new(
            "events/failure-goes-on",
            "5.11",
            "A command that waits for one that was terminated is terminated as well.",
            failure_goes_on,
        ),
        Check::new(
            "events/wait-for-failed",
            "5.11",
            "clWaitForEvents of a terminated command is CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST.",
            wait_for_failed,
        ),
        Check::new(
            "events/callback-complete",
            "5.11",
            "A callback for CL_COMPLETE is called once, with CL_COMPLETE, and not before the command runs.",
            callback_complete,
        ),
        Check::new(
            "events/callback-failed",
            "5.11",
            "A callback for CL_COMPLETE is called with the error when the command is terminated.",
            callback_failed,
        ),
        Check::new(
            "events/released-at-once",
            "5.11",
            "A command runs although its event is released at once, and those of its wait list as well.",
            released_at_once,
        ),
        Check::new(
            "events/outlives-its-queue",
            "5.11",
            "An event tells its status when its queue and its memory are gone.",
            outlives_its_queue,
        ),
        Check::new(
            "events/profiling-not-enabled",
            "5.15",
            "On a queue without profiling, the times are CL_PROFILING_INFO_NOT_AVAILABLE.",
            profiling_not_enabled,
        ),
        Check::new(
            "events/profiling-while-pending",
            "5.15",
            "While the command is not complete, the times are CL_PROFILING_INFO_NOT_AVAILABLE.",
            profiling_while_pending,
        ),
        Check::new(
            "events/profiling-unknown-name",
            "5.15",
            "A name that is none of the times is CL_INVALID_VALUE.",
            |environment| {
                profiling_refused(environment, CL_EVENT_COMMAND_TYPE, 8)?;
                profiling_refused(environment, cl_uint::MAX, 8)
            },
        ),
        Check::new(
            "events/profiling-size-too-small",
            "5.15",
            "Less room than for a cl_ulong is CL_INVALID_VALUE.",
            |environment| {
                profiling_refused(environment, CL_PROFILING_COMMAND_START, 7)?;
                profiling_refused(environment, CL_PROFILING_COMMAND_END, 4)
            },
        ),
        Check::new(
            "events/info-unknown-name",
            "5.11",
            "A query of an event that the specification does not list is CL_INVALID_VALUE.",
            |environment| {
                info_refused(environment, CL_PROFILING_COMMAND_START, 8)?;
                info_refused(environment, cl_uint::MAX, 8)
            },
        ),
        Check::new(
            "events/info-size-too-small",
            "5.11",
            "Less room than the answer to a query of an event needs is CL_INVALID_VALUE.",
            |environment| {
                info_refused(environment, CL_EVENT_COMMAND_EXECUTION_STATUS, 3)?;
                info_refused(environment, CL_EVENT_CONTEXT, 4)
            },
        ),
        Check::new(
            "events/event-in-wait-list",
            "5.6.1",
            "The event must not be an element of the wait list.",
            event_in_wait_list,
        )
        .undefined(),
    ],
};

fn chain_of_all_commands(environment: &Environment) -> Finding {
    let queues = [environment.queue, environment.queue_of(0)?];
    let memory = Command::Memcpy.memory(environment)?;
    let (copy, gate) = (environment.svm(64)?, environment.gate()?);
    let mut last = gate;
    for (round, command) in ALL.into_iter().chain(ALL).chain(ALL).enumerate() {
        // Fills its source with sevens, and copies that.
        let memory = match command {
            Command::MemFill => Memory {
                target: memory.source,
                source: memory.source,
            },
            Command::Memcpy => Memory {
                target: copy,
                source: memory.source,
            },
            _ => memory,
        };
        let queue = queues[round % 2];
        last = command.enqueue(environment, queue, memory, list(&[last]))?;
        expect::success("clFlush", environment.api.clFlush(queue))?;
    }
    pending(environment, last)?;
    environment.store(memory.source, &[0_u8; 64])?;
    environment.open_gate(gate)?;
    wait(environment, last)?;
    let found = environment.load::<u8>(copy, 64)?;
    expect::elements("what was filled and copied", &[0x77; 64], &found)
}

fn several(environment: &Environment) -> Finding {
    for command in ALL {
        let gates: Result<Vec<_>, _> = (0..4).map(|_| environment.gate()).collect();
        let gates = gates?;
        let event = command.enqueued(environment, list(&gates))?;
        for gate in [2, 0, 3, 1] {
            pending(environment, event)?;
            environment.open_gate(gates[gate])?;
        }
        wait(environment, event)?;
    }
    Ok(())
}

fn same_event_twice(environment: &Environment) -> Finding {
    for command in ALL {
        let gate = environment.gate()?;
        let event = command.enqueued(environment, list(&[gate, gate]))?;
        pending(environment, event)?;
        environment.open_gate(gate)?;
        wait(environment, event)?;
    }
    Ok(())
}

fn already_complete(environment: &Environment) -> Finding {
    let gate = environment.gate()?;
    environment.open_gate(gate)?;
    let mut events = vec![gate];
    for command in ALL {
        let event = command.enqueued(environment, list(&events))?;
        wait(environment, event)?;
        events.push(event);
    }
    Ok(())
}

fn failure_goes_on(environment: &Environment) -> Finding {
    let queue = environment.queue_of(0)?;
    let (gate, memory) = (environment.gate()?, Command::Memcpy.memory(environment)?);
    let first = Command::Memcpy.enqueued(environment, list(&[gate]))?;
    let second = Command::MemFill.enqueue(environment, queue, memory, list(&[first]))?;
    for queue in [environment.queue, queue] {
        expect::success("clFlush", environment.api.clFlush(queue))?;
    }
    fail_gate(environment, gate)?;
    for event in [first, second] {
        // Other checks are about its code.
        environment.api.clWaitForEvents(1, &event);
        let status = environment.event_status(event)?;
        expect::that(status < 0, || {
            (
                "the status of the terminated command is negative".into(),
                status.to_string(),
            )
        })?;
    }
    Ok(())
}

fn wait_for_failed(environment: &Environment) -> Finding {
    let gate = environment.gate()?;
    let event = Command::Memcpy.enqueued(environment, list(&[gate]))?;
    fail_gate(environment, gate)?;
    let code = environment.api.clWaitForEvents(1, &event);
    let expected = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
    expect::code("clWaitForEvents", expected, code)
}

/// What a callback was told.
#[derive(Default)]
struct Told {
    calls: AtomicUsize,
    status: AtomicI32,
}

extern "C" fn tell(_: cl_event, status: cl_int, user_data: *mut c_void) {
    let told = reference::<Told>(user_data);
    told.status.store(status, SeqCst);
    told.calls.fetch_add(1, SeqCst);
}

/// Registers a callback for `CL_COMPLETE`.
fn listen(environment: &Environment, event: cl_event) -> Result<&'static Told, Outcome> {
    // Lives as long as the process: a callback may come late.
    let told: &'static Told = Box::leak(Box::default());
    let user_data = std::ptr::from_ref(told).cast_mut().cast();
    let code = environment
        .api
        .clSetEventCallback(event, CL_COMPLETE, Some(tell), user_data);
    expect::success("clSetEventCallback", code)?;
    Ok(told)
}

/// Waits for a callback, but not for ever; what it was told.
fn heard(told: &Told) -> Result<cl_int, Outcome> {
    let begin = Instant::now();
    while told.calls.load(SeqCst) == 0 && begin.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let calls = told.calls.load(SeqCst);
    expect::equal("the number of calls of the callback", 1, calls)?;
    Ok(told.status.load(SeqCst))
}

fn callback_complete(environment: &Environment) -> Finding {
    for command in ALL {
        let gate = environment.gate()?;
        let event = command.enqueued(environment, list(&[gate]))?;
        let told = listen(environment, event)?;
        flush(environment, environment.queue)?;
        let calls = told.calls.load(SeqCst);
        expect::equal("the number of calls before the command runs", 0, calls)?;
        environment.open_gate(gate)?;
        wait(environment, event)?;
        expect::equal("the status that it is told", CL_COMPLETE, heard(told)?)?;
    }
    Ok(())
}

fn callback_failed(environment: &Environment) -> Finding {
    let gate = environment.gate()?;
    let event = Command::Memcpy.enqueued(environment, list(&[gate]))?;
    let told = listen(environment, event)?;
    expect::success("clFlush", environment.api.clFlush(environment.queue))?;
    fail_gate(environment, gate)?;
    let status = heard(told)?;
    expect::that(status < 0, || {
        (
            "the callback is told a negative status".into(),
            status.to_string(),
        )
    })
}

fn released_at_once(environment: &Environment) -> Finding {
    let (api, queue) = (environment.api, environment.queue);
    let Memory { target, source } = Command::Memcpy.memory(environment)?;
    let copy = environment.svm(64)?;
    let gate = environment.gate()?;
    let (mut first, mut second) = (null_mut(), null_mut());
    let memory = Memory { target, source };
    let code = Command::Memcpy.call(environment, queue, memory, list(&[gate]), &mut first);
    expect::success("clEnqueueSVMMemcpy", code)?;
    let memory = Memory {
        target: copy,
        source: target,
    };
    let code = Command::Memcpy.call(environment, queue, memory, list(&[first]), &mut second);
    let codes = (api.clReleaseEvent(first), api.clReleaseEvent(second));
    expect::success("clEnqueueSVMMemcpy", code)?;
    expect::equal("what clReleaseEvent returns", (0, 0), codes)?;
    environment.open_gate(gate)?;
    environment.finish()?;
    let found = environment.load::<u8>(copy, 64)?;
    expect::elements("what was copied", &[0x77; 64], &found)
}

fn outlives_its_queue(environment: &Environment) -> Finding {
    for command in ALL {
        let queue = environment.queue_with(0)?;
        let memory = command.memory(environment)?;
        let event = command.enqueue(environment, queue, memory, NONE);
        let code = environment.api.clReleaseCommandQueue(queue);
        let event = event?;
        expect::success("clReleaseCommandQueue", code)?;
        wait(environment, event)?;
        environment.free(memory.source);
        let status = environment.event_status(event)?;
        expect::equal("the status", CL_COMPLETE, status)?;
    }
    Ok(())
}

/// Asks for a time; the code.
fn time(environment: &Environment, event: cl_event, name: cl_uint, size: usize) -> cl_int {
    let mut value: cl_ulong = 0;
    let place = (&raw mut value).cast();
    environment
        .api
        .clGetEventProfilingInfo(event, name, size, place, null_mut())
}

fn profiling_not_enabled(environment: &Environment) -> Finding {
    let queue = environment.queue_of(0)?;
    for command in ALL {
        let memory = command.memory(environment)?;
        let event = command.enqueue(environment, queue, memory, NONE)?;
        wait(environment, event)?;
        let code = time(environment, event, CL_PROFILING_COMMAND_START, 8);
        let expected = CL_PROFILING_INFO_NOT_AVAILABLE;
        expect::code(command.function(), expected, code)?;
    }
    Ok(())
}

fn profiling_while_pending(environment: &Environment) -> Finding {
    for command in ALL {
        let gate = environment.gate()?;
        let event = command.enqueued(environment, list(&[gate]))?;
        for name in [CL_PROFILING_COMMAND_QUEUED, CL_PROFILING_COMMAND_END] {
            let code = time(environment, event, name, 8);
            let expected = CL_PROFILING_INFO_NOT_AVAILABLE;
            expect::code("clGetEventProfilingInfo", expected, code)?;
        }
        environment.open_gate(gate)?;
        wait(environment, event)?;
    }
    Ok(())
}

fn profiling_refused(environment: &Environment, name: cl_uint, size: usize) -> Finding {
    let event = Command::Memcpy.enqueued(environment, NONE)?;
    wait(environment, event)?;
    let code = time(environment, event, name, size);
    let what = format!("clGetEventProfilingInfo of {name:#x} with {size} bytes");
    expect::code(&what, CL_INVALID_VALUE, code)
}

fn info_refused(environment: &Environment, name: cl_uint, size: usize) -> Finding {
    let event = Command::Memcpy.enqueued(environment, NONE)?;
    let mut value: cl_ulong = 0;
    let place = (&raw mut value).cast();
    let code = environment
        .api
        .clGetEventInfo(event, name, size, place, null_mut());
    let what = format!("clGetEventInfo of {name:#x} with {size} bytes");
    expect::code(&what, CL_INVALID_VALUE, code)
}

fn event_in_wait_list(environment: &Environment) -> Finding {
    let memory = Command::Memcpy.memory(environment)?;
    let gate = environment.gate()?;
    let mut events = [gate];
    let place = events.as_mut_ptr();
    let (queue, command) = (environment.queue, Command::Memcpy);
    let code = command.call(environment, queue, memory, (1, place), place);
    if code == CL_SUCCESS {
        environment.keep_event(events[0]);
    }
    environment.open_gate(gate)?;
    environment.finish()?;
    Err(Outcome::informative(expect::code_name(code)))
}
