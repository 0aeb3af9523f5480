//! Lists of events to wait for (§5.11): by the host, and by a command.

use std::sync::Arc;

use crate::context::Context;
use crate::event::Event;
use crate::{Error, ErrorCode, Result};

/// Waits for all of `events` (`clWaitForEvents`), starting the queues of all of them.
///
/// # Errors
/// `InvalidValue` for an empty list, `InvalidContext` when the contexts differ,
/// `ExecStatusErrorForEventsInWaitList` when any failed.
pub fn wait_for_events(events: &[Arc<Event>]) -> Result<()> {
    let [first, others @ ..] = events else {
        return Err(Error::new(ErrorCode::InvalidValue, "num_events is zero"));
    };
    if others
        .iter()
        .any(|event| !Arc::ptr_eq(event.context(), first.context()))
    {
        return Err(Error::new(
            ErrorCode::InvalidContext,
            "the events belong to different contexts",
        ));
    }
    for event in others {
        match (event.queue(), first.queue()) {
            (Some(queue), Some(first)) if Arc::ptr_eq(queue, first) => {}
            (Some(queue), _) => queue.flush()?,
            (None, _) => {}
        }
    }
    let mut result = Ok(());
    for event in events {
        result = event.wait().and(result);
    }
    result
}

/// A checked list of events that a command waits for.
#[derive(Debug, Clone, Copy)]
pub struct WaitList<'a>(&'a [Arc<Event>]);

impl<'a> WaitList<'a> {
    /// Checks that all events belong to `context`.
    ///
    /// # Errors
    /// `InvalidContext` when one does not.
    pub fn new(context: &Arc<Context>, events: &'a [Arc<Event>]) -> Result<Self> {
        if events
            .iter()
            .any(|event| !Arc::ptr_eq(event.context(), context))
        {
            return Err(Error::new(
                ErrorCode::InvalidContext,
                "an event of the wait list belongs to another context than the queue",
            ));
        }
        Ok(Self(events))
    }

    /// A command that waits for nothing but its queue.
    pub(crate) fn empty() -> WaitList<'static> {
        WaitList(&[])
    }

    /// The events.
    pub fn events(&self) -> &'a [Arc<Event>] {
        self.0
    }
}
