//! When commands run. A queue's schedule keeps its commands until they are flushed, waited for or
//! worth a thread; then they run where they are ready: on a thread of the device, or on the
//! thread of the application that waits for them.

#[cfg(test)]
mod deferral_tests;
#[cfg(test)]
mod fork_tests;
mod in_order;
mod out_of_order;
#[cfg(test)]
mod tests;
mod without_event;
#[cfg(test)]
mod without_event_tests;

use std::sync::Arc;

use crate::command::{Command, CommandType, Deferral};
use crate::event::{Event, RUNNING};
use crate::queue::CommandQueue;
use crate::{Error, ErrorCode};
use in_order::{Entry, InOrder};
use out_of_order::OutOfOrder;
use without_event::PlaceWithoutEvent;

/// Estimated work, in nanoseconds, from which queued commands start without being flushed: a
/// thread that has to be woken answers after about as long.
const WORTH_A_THREAD: u64 = 20_000;

/// What it costs, in nanoseconds, that a command runs on another core than it was made on. Commands
/// that take no longer do not gain from a thread.
const HANDING_OVER: u64 = 1000;

/// Number of commands that have not run from which their number matters more than their cost: each
/// takes some hundred bytes.
const MANY: usize = 16_384;

/// The order of one queue.
pub(crate) enum Schedule {
    InOrder(InOrder),
    OutOfOrder(OutOfOrder),
}

impl Schedule {
    pub(crate) fn in_order() -> Self {
        Self::InOrder(InOrder::default())
    }

    /// An out-of-order schedule that occupies at most `concurrency` threads of the device.
    pub(crate) fn out_of_order(concurrency: u32) -> Self {
        Self::OutOfOrder(OutOfOrder::new(concurrency.max(2) as usize))
    }

    /// Where `command`, which has nothing to wait for but its queue, goes without an event;
    /// nothing when it needs one. The place is to be used at once.
    #[inline]
    pub(crate) fn place_without_event(
        &self,
        queue: &Arc<CommandQueue>,
        command: &Command,
        blocking: bool,
    ) -> Option<PlaceWithoutEvent<'_>> {
        match self {
            Self::InOrder(order) => {
                if order.begin_at_once(queue, command) {
                    Some(PlaceWithoutEvent::AtOnce(order))
                } else {
                    (!blocking).then_some(PlaceWithoutEvent::Lane(order))
                }
            }
            Self::OutOfOrder(_) => None,
        }
    }

    #[inline]
    pub(crate) fn enqueue(
        &self,
        queue: &Arc<CommandQueue>,
        command_type: CommandType,
        command: Command,
        wait_list: &[Arc<Event>],
    ) -> Arc<Event> {
        if let Self::InOrder(order) = self {
            if wait_list.is_empty() && order.begin_at_once(queue, &command) {
                let event = Event::of_command(queue, command_type, command);
                run_command(queue, &event);
                order.end_at_once(queue, (!event.is_settled()).then_some(&event));
                return event;
            }
        }
        let cost = cost_of(queue, &command);
        let event = Event::of_command(queue, command_type, command);
        match self {
            Self::InOrder(order) => {
                depend_on(&event, queue, wait_list, true);
                order.enqueue(queue, Entry::Tracked(Arc::clone(&event)), cost);
            }
            Self::OutOfOrder(order) => {
                // Held until the command is flushed.
                event.hold();
                depend_on(&event, queue, wait_list, false);
                order.enqueue(queue, &event, cost, wait_list.is_empty());
            }
        }
        event
    }

    pub(crate) fn flush(&self, queue: &Arc<CommandQueue>) {
        match self {
            Self::InOrder(order) => order.flush(queue),
            Self::OutOfOrder(order) => order.flush(queue),
        }
    }

    /// Returns when all commands enqueued so far are settled, after running them on this thread
    /// as far as nobody else does.
    pub(crate) fn finish(&self, queue: &Arc<CommandQueue>) {
        let last = match self {
            Self::InOrder(order) => order.finish(queue),
            Self::OutOfOrder(order) if order.finish(queue) => None,
            Self::OutOfOrder(_) => {
                Some(self.enqueue(queue, CommandType::Marker, Command::nothing(), &[]))
            }
        };
        if let Some(last) = last {
            // The failure of a command is its event's, not this call's.
            let _ = last.wait();
        }
    }

    pub(crate) fn help_with(&self, queue: &Arc<CommandQueue>, event: &Arc<Event>) {
        match self {
            Self::InOrder(order) => order.help_with(queue, event),
            Self::OutOfOrder(order) => order.help_with(queue, event),
        }
    }

    pub(crate) fn command_ready(&self, queue: &Arc<CommandQueue>, event: &Arc<Event>) {
        match self {
            Self::InOrder(order) => order.command_ready(queue, event),
            Self::OutOfOrder(order) => order.command_ready(queue, event),
        }
    }

    pub(crate) fn command_settled(&self, queue: &Arc<CommandQueue>, event: &Arc<Event>) {
        if let Self::OutOfOrder(order) = self {
            order.command_settled(queue, event);
        }
    }

    pub(crate) fn resume_after(&self, queue: &Arc<CommandQueue>, event: &Arc<Event>) {
        if let Self::InOrder(order) = self {
            order.resume_after(queue, event);
        }
    }

    /// Runs ready commands on a thread of the device.
    pub(crate) fn run(&self, queue: &Arc<CommandQueue>) {
        match self {
            Self::InOrder(order) => order.run(queue),
            Self::OutOfOrder(order) => order.run(queue),
        }
    }
}

/// What a thread of the device would save its queue's other users, in nanoseconds.
fn cost_of(queue: &CommandQueue, command: &Command) -> u64 {
    let cost = queue.device().backend.estimated_nanoseconds(command);
    cost.saturating_sub(HANDING_OVER)
}

/// Makes `event`, of `queue`, wait for the events of a list. Other queues among them are flushed:
/// their owner may wait for this one only.
fn depend_on(
    event: &Arc<Event>,
    queue: &Arc<CommandQueue>,
    wait_list: &[Arc<Event>],
    in_order: bool,
) {
    for dependency in wait_list {
        match dependency.queue() {
            Some(other) if Arc::ptr_eq(other, queue) && in_order => {
                if dependency.current_status() != crate::event::COMPLETE {
                    event.add_same_queue_dependency(dependency);
                }
            }
            Some(other) if !Arc::ptr_eq(other, queue) => {
                dependency.add_dependent(event, true);
                if !dependency.is_settled() {
                    other.start_queued_commands();
                }
            }
            _ => dependency.add_dependent(event, true),
        }
    }
}

/// Runs a command whose dependencies are settled. No lock is held.
fn run_command(queue: &CommandQueue, event: &Arc<Event>) {
    let (command, dependency_failed) = event.take_work();
    let Some(command) = command else { return };
    if dependency_failed {
        drop(command);
        event.settle(Err(Error::new(
            ErrorCode::ExecStatusErrorForEventsInWaitList,
            "a command did not run because an event of its wait list failed",
        )));
        return;
    }
    if event.advance(RUNNING) {
        event.call_back();
    }
    let answer = queue
        .device()
        .backend
        .run(command, Deferral::of_event(event));
    if let Some(result) = answer {
        event.settle(result);
    }
}

/// Calls the callbacks of events that became `SUBMITTED`.
fn call_back(events: Vec<Arc<Event>>) {
    for event in events {
        event.call_back();
    }
}
