//! What holds for every command of shared virtual memory: its queue, its wait list and its event
//! (§5.6.1, §5.11, §5.15).

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::time::Duration;

use opencl_sys::*;

use crate::check::{expect, Environment, Finding, Outcome};

/// A command of shared virtual memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// `clEnqueueSVMMemcpy`
    Memcpy,
    /// `clEnqueueSVMMemFill`
    MemFill,
    /// `clEnqueueSVMMap`
    Map,
    /// `clEnqueueSVMUnmap`
    Unmap,
    /// `clEnqueueSVMMigrateMem`
    MigrateMem,
}

/// Events that a command waits for, as the function gets them.
pub(super) type WaitList = (cl_uint, *const cl_event);

/// No events.
pub(super) const NONE: WaitList = (0, null());

/// A list of events.
pub(super) fn list(events: &[cl_event]) -> WaitList {
    if events.is_empty() {
        NONE
    } else {
        (events.len() as cl_uint, events.as_ptr())
    }
}

/// What a command acts on: 64 bytes that it changes, and 64 that it reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub target: *mut c_void,
    pub source: *mut c_void,
}

/// Bytes of each half of [`Memory`].
pub(super) const SIZE: usize = 64;

impl Command {
    /// The function that enqueues it.
    pub(super) const fn function(self) -> &'static str {
        match self {
            Self::Memcpy => "clEnqueueSVMMemcpy",
            Self::MemFill => "clEnqueueSVMMemFill",
            Self::Map => "clEnqueueSVMMap",
            Self::Unmap => "clEnqueueSVMUnmap",
            Self::MigrateMem => "clEnqueueSVMMigrateMem",
        }
    }

    /// `CL_EVENT_COMMAND_TYPE` of its events.
    const fn command_type(self) -> cl_uint {
        match self {
            Self::Memcpy => CL_COMMAND_SVM_MEMCPY,
            Self::MemFill => CL_COMMAND_SVM_MEMFILL,
            Self::Map => CL_COMMAND_SVM_MAP,
            Self::Unmap => CL_COMMAND_SVM_UNMAP,
            Self::MigrateMem => CL_COMMAND_SVM_MIGRATE_MEM,
        }
    }

    /// Memory on which the command may be enqueued at once.
    pub(super) fn memory(self, environment: &Environment) -> Result<Memory, Outcome> {
        let memory = Memory {
            target: environment.svm(SIZE)?,
            source: environment.svm(SIZE)?,
        };
        environment.store(memory.target, &[0x11_u8; SIZE])?;
        environment.store(memory.source, &[0x77_u8; SIZE])?;
        if self == Self::Unmap {
            let (api, queue, none) = (environment.api, environment.queue, null_mut());
            let (flags, target) = (CL_MAP_WRITE, memory.target);
            let code = api.clEnqueueSVMMap(queue, CL_TRUE, flags, target, SIZE, 0, null(), none);
            expect::success("clEnqueueSVMMap", code)?;
        }
        Ok(memory)
    }

    /// Calls the function, without blocking; the code.
    pub(super) fn call(
        self,
        environment: &Environment,
        queue: cl_command_queue,
        memory: Memory,
        (count, list): WaitList,
        event: *mut cl_event,
    ) -> cl_int {
        let Memory { target, source } = memory;
        let api = environment.api;
        match self {
            Self::Memcpy => {
                api.clEnqueueSVMMemcpy(queue, CL_FALSE, target, source, SIZE, count, list, event)
            }
            Self::MemFill => {
                let pattern = 0x7777_7777_u32;
                let (place, size) = ((&raw const pattern).cast(), size_of_val(&pattern));
                api.clEnqueueSVMMemFill(queue, target, place, size, SIZE, count, list, event)
            }
            Self::Map => {
                let flags = CL_MAP_READ;
                api.clEnqueueSVMMap(queue, CL_FALSE, flags, target, SIZE, count, list, event)
            }
            Self::Unmap => api.clEnqueueSVMUnmap(queue, target, count, list, event),
            Self::MigrateMem => {
                let pointers = [target.cast_const()];
                let pointers = pointers.as_ptr();
                api.clEnqueueSVMMigrateMem(queue, 1, pointers, null(), 0, count, list, event)
            }
        }
    }

    /// Enqueues the command, which must succeed; its event.
    pub(super) fn enqueue(
        self,
        environment: &Environment,
        queue: cl_command_queue,
        memory: Memory,
        list: WaitList,
    ) -> Result<cl_event, Outcome> {
        let mut event = null_mut();
        let code = self.call(environment, queue, memory, list, &mut event);
        expect::success(self.function(), code)?;
        environment.keep_event(event);
        Ok(event)
    }

    /// Enqueues the command on new memory and the environment's queue; its event.
    pub(super) fn enqueued(
        self,
        environment: &Environment,
        list: WaitList,
    ) -> Result<cl_event, Outcome> {
        let memory = self.memory(environment)?;
        self.enqueue(environment, environment.queue, memory, list)
    }
}

/// Flushes a queue, and gives its commands time to run too early.
pub(super) fn flush(environment: &Environment, queue: cl_command_queue) -> Finding {
    expect::success("clFlush", environment.api.clFlush(queue))?;
    std::thread::sleep(Duration::from_millis(5));
    Ok(())
}

/// Waits for an event.
pub(super) fn wait(environment: &Environment, event: cl_event) -> Finding {
    let code = environment.api.clWaitForEvents(1, &event);
    expect::success("clWaitForEvents", code)
}

/// Demands that a command has not begun.
pub(super) fn pending(environment: &Environment, event: cl_event) -> Finding {
    let status = environment.event_status(event)?;
    expect::that(status > CL_RUNNING, || {
        (
            "the command does not run while it waits".into(),
            format!("its status is {status}"),
        )
    })
}

/// Has a user event fail, and with it what waits for it.
pub(super) fn fail_gate(environment: &Environment, gate: cl_event) -> Finding {
    let code = environment.api.clSetUserEventStatus(gate, -1);
    expect::success("clSetUserEventStatus", code)
}

fn queue_refused(
    environment: &Environment,
    command: Command,
    what: &str,
    queue: cl_command_queue,
) -> Finding {
    let memory = command.memory(environment)?;
    let code = command.call(environment, queue, memory, NONE, null_mut());
    let what = format!("{} with {what} for its queue", command.function());
    expect::code(&what, CL_INVALID_COMMAND_QUEUE, code)
}

pub(super) fn queue_null(environment: &Environment, command: Command) -> Finding {
    queue_refused(environment, command, "NULL", null_mut())
}

pub(super) fn queue_of_wrong_type(environment: &Environment, command: Command) -> Finding {
    queue_refused(environment, command, "a context", environment.context)?;
    queue_refused(environment, command, "a device", environment.device)?;
    queue_refused(environment, command, "an event", environment.gate()?)
}

pub(super) fn queue_on_device(environment: &Environment, command: Command) -> Finding {
    let properties = CL_QUEUE_ON_DEVICE | CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    let queue = environment.queue_of(properties)?;
    queue_refused(environment, command, "an on-device queue", queue)
}

fn list_refused(environment: &Environment, command: Command, list: WaitList) -> Finding {
    let memory = command.memory(environment)?;
    let code = command.call(environment, environment.queue, memory, list, null_mut());
    expect::code(command.function(), CL_INVALID_EVENT_WAIT_LIST, code)
}

pub(super) fn wait_list_null(environment: &Environment, command: Command) -> Finding {
    list_refused(environment, command, (1, null()))?;
    list_refused(environment, command, (7, null()))
}

pub(super) fn wait_list_empty(environment: &Environment, command: Command) -> Finding {
    let gate = environment.gate()?;
    environment.open_gate(gate)?;
    list_refused(environment, command, (0, &gate))
}

pub(super) fn wait_list_of_null(environment: &Environment, command: Command) -> Finding {
    let gate = environment.gate()?;
    environment.open_gate(gate)?;
    list_refused(environment, command, list(&[null_mut()]))?;
    list_refused(environment, command, list(&[gate, null_mut()]))
}

pub(super) fn wait_list_of_wrong_type(environment: &Environment, command: Command) -> Finding {
    list_refused(environment, command, list(&[environment.queue]))?;
    list_refused(environment, command, list(&[environment.context]))
}

pub(super) fn wait_list_of_another_context(environment: &Environment, command: Command) -> Finding {
    let context = environment.context_of(&[environment.device])?;
    let mut code = CL_SUCCESS;
    let event = environment.api.clCreateUserEvent(context, &mut code);
    expect::success("clCreateUserEvent", code)?;
    environment.keep_event(event);
    environment.open_gate(event)?;
    let memory = command.memory(environment)?;
    let (queue, events) = (environment.queue, [event]);
    let code = command.call(environment, queue, memory, list(&events), null_mut());
    expect::code(command.function(), CL_INVALID_CONTEXT, code)
}

pub(super) fn wait_list_reusable(environment: &Environment, command: Command) -> Finding {
    let gates = [environment.gate()?, environment.gate()?];
    let mut events = gates;
    let event = command.enqueued(environment, list(&events))?;
    events.fill(null_mut());
    environment.open_gate(gates[0])?;
    flush(environment, environment.queue)?;
    pending(environment, event)?;
    environment.open_gate(gates[1])?;
    wait(environment, event)?;
    // Also keeps the array alive to here.
    expect::equal("what was done to the array", [null_mut(); 2], events)
}

pub(super) fn waits(environment: &Environment, command: Command) -> Finding {
    let gate = environment.gate()?;
    let event = command.enqueued(environment, list(&[gate]))?;
    flush(environment, environment.queue)?;
    pending(environment, event)?;
    environment.open_gate(gate)?;
    wait(environment, event)
}

pub(super) fn failed_wait(environment: &Environment, command: Command) -> Finding {
    let gate = environment.gate()?;
    let event = command.enqueued(environment, list(&[gate]))?;
    fail_gate(environment, gate)?;
    // Whether its code tells of the failure is for other checks to say.
    environment.api.clWaitForEvents(1, &event);
    let status = environment.event_status(event)?;
    expect::that(status < 0, || {
        (
            "the status of the terminated command is negative".into(),
            status.to_string(),
        )
    })
}

pub(super) fn event_type(environment: &Environment, command: Command) -> Finding {
    let event = command.enqueued(environment, NONE)?;
    let seen = environment.event_type(event)?;
    let expected = command.command_type();
    if command == Command::MigrateMem && environment.version()? < (3, 0) && seen != expected {
        let seen = format!("{seen:#x}");
        return Err(Outcome::informative(seen));
    }
    expect::equal("the command type", expected, seen)
}

pub(super) fn event_objects(environment: &Environment, command: Command) -> Finding {
    let event = command.enqueued(environment, NONE)?;
    let (queue_told, context_told) = (
        environment.event_info(event, CL_EVENT_COMMAND_QUEUE, null_mut())?,
        environment.event_info(event, CL_EVENT_CONTEXT, null_mut())?,
    );
    expect::equal("the queue", environment.queue, queue_told)?;
    expect::equal("the context", environment.context, context_told)
}

pub(super) fn event_complete(environment: &Environment, command: Command) -> Finding {
    let event = command.enqueued(environment, NONE)?;
    environment.finish()?;
    let status = environment.event_status(event)?;
    expect::equal("the status after clFinish", CL_COMPLETE, status)
}

pub(super) fn profiling(environment: &Environment, command: Command) -> Finding {
    let event = command.enqueued(environment, NONE)?;
    wait(environment, event)?;
    let stamps = environment.profiling(event)?;
    expect::that(stamps.windows(2).all(|pair| pair[0] <= pair[1]), || {
        (
            "queued ≤ submit ≤ start ≤ end ≤ complete".into(),
            format!("{stamps:?}"),
        )
    })
}

/// The group of a command: what holds for each of them, then what holds for this one.
macro_rules! group {
    ($group:literal, $about:literal, $command:expr, [$($own:expr),* $(,)?]) => {
        $crate::checks::svm_command::group!(@ $group, $about, $command, [$($own,)*], {
            "queue-null" "5.6.1" queue_null:
                "NULL for the command-queue is CL_INVALID_COMMAND_QUEUE.";
            "queue-of-wrong-type" "5.6.1" queue_of_wrong_type alone:
                "Objects of other types for the command-queue are CL_INVALID_COMMAND_QUEUE.";
            "queue-on-device" "5.6.1" queue_on_device on_device:
                "An on-device queue is no host command-queue and therefore CL_INVALID_COMMAND_QUEUE.";
            "wait-list-null" "5.6.1" wait_list_null:
                "A number of events without a wait list is CL_INVALID_EVENT_WAIT_LIST.";
            "wait-list-empty" "5.6.1" wait_list_empty:
                "A wait list with 0 events is CL_INVALID_EVENT_WAIT_LIST.";
            "wait-list-of-null" "5.6.1" wait_list_of_null:
                "A NULL event in the wait list is CL_INVALID_EVENT_WAIT_LIST.";
            "wait-list-of-wrong-type" "5.6.1" wait_list_of_wrong_type alone:
                "An object of another type in the wait list is CL_INVALID_EVENT_WAIT_LIST.";
            "wait-list-of-another-context" "5.6.1" wait_list_of_another_context:
                "An event of another context in the wait list is CL_INVALID_CONTEXT.";
            "wait-list-reusable" "5.6.1" wait_list_reusable:
                "The memory of the wait list may be reused when the function has returned.";
            "waits" "5.6.1" waits:
                "The function returns at once, and the command runs when the events of the wait list are complete.";
            "failed-wait" "5.11" failed_wait:
                "If an event of the wait list fails, the command is terminated: its status is negative.";
            "event-type" "5.11" event_type:
                "The command type of its event is the one that the specification lists for the function.";
            "event-objects" "5.11" event_objects:
                "Its event tells the command-queue and the context.";
            "event-complete" "5.11" event_complete:
                "Its event is CL_COMPLETE after clFinish.";
            "profiling" "5.15" profiling:
                "Its event has the five time stamps, in order.";
        })
    };
    (@ $group:literal, $about:literal, $command:expr, [$($own:expr,)*], {
        $($name:literal $section:literal $function:ident $($how:ident)?: $statement:literal;)*
    }) => {
        $crate::check::Group {
            name: $group,
            about: $about,
            checks: &[
                $($crate::checks::svm_command::group!(
                    @how $($how)?,
                    $crate::check::Check::new(
                        concat!($group, "/", $name),
                        $section,
                        $statement,
                        |environment| {
                            $crate::checks::svm_command::$function(environment, $command)
                        },
                    )
                ),)*
                $($own,)*
            ],
        }
    };
    (@how , $check:expr) => { $check };
    (@how alone, $check:expr) => { $check.alone() };
    (@how on_device, $check:expr) => {
        $check.needs(&[
            $crate::check::Need::CoarseGrainBuffer,
            $crate::check::Need::OnDeviceQueue,
        ])
    };
}

pub(super) use group;
