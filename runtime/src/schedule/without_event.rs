//! Commands of in-order queues that nobody will ever ask about: they have no event object. Order
//! alone says when they run, and a failure has no effect but a report.

use std::cell::OnceCell;
use std::sync::Arc;

use super::cost_of;
use super::in_order::{Entry, InOrder};
use crate::command::{Command, Deferral};
use crate::event::{failure_waited_for, Event};
use crate::queue::CommandQueue;
use crate::{Error, ErrorCode, Result};

/// A command that waits for its turn.
pub(super) struct Silent {
    pub command: Command,
    /// Whether it may run on a thread of the application.
    pub runs_on_any_thread: bool,
}

/// Where a command goes.
pub(crate) enum PlaceWithoutEvent<'a> {
    /// It runs on the calling thread: the queue is idle and does nothing else meanwhile.
    AtOnce(&'a InOrder),
    /// It waits for its turn.
    Lane(&'a InOrder),
}

impl PlaceWithoutEvent<'_> {
    /// Runs `command` or queues it.
    ///
    /// # Errors
    /// `ExecStatusErrorForEventsInWaitList` when the command has run, was waited for, and failed.
    #[inline]
    pub fn enqueue(
        self,
        queue: &Arc<CommandQueue>,
        command: Command,
        blocking: bool,
    ) -> Result<()> {
        match self {
            Self::AtOnce(order) => match run(queue, command) {
                Ok(succeeded) => {
                    order.end_at_once(queue, None);
                    match succeeded || !blocking {
                        true => Ok(()),
                        false => Err(failure_waited_for()),
                    }
                }
                Err(event) => {
                    order.end_at_once(queue, Some(&event));
                    match blocking {
                        true => event.wait(),
                        false => Ok(()),
                    }
                }
            },
            Self::Lane(order) => {
                let cost = cost_of(queue, &command);
                let silent = Silent {
                    runs_on_any_thread: queue.device().backend.runs_on_any_thread(&command),
                    command,
                };
                order.enqueue(queue, Entry::Silent(silent), cost);
                Ok(())
            }
        }
    }
}

/// Runs a command on the calling thread; says whether it succeeded, or gives the event that the
/// device will settle. No lock is held.
#[inline]
pub(super) fn run(
    queue: &Arc<CommandQueue>,
    command: Command,
) -> std::result::Result<bool, Arc<Event>> {
    let event = OnceCell::new();
    let deferral = Deferral::without_event(queue, &event);
    match (
        queue.device().backend.run(command, deferral),
        event.into_inner(),
    ) {
        (None, Some(event)) => Err(event),
        (Some(Ok(())), _) => Ok(true),
        (Some(Err(error)), _) => {
            queue.report_failure(&error);
            Ok(false)
        }
        (None, None) => {
            queue.report_failure(&Error::new(
                ErrorCode::OutOfResources,
                "the device gave up the command",
            ));
            Ok(false)
        }
    }
}
