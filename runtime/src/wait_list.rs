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

/// The last arguments of a call that enqueues a command: `event_wait_list`, and `event`, which says
/// whether the caller wants the command's event. Slices and vectors of events stand for callers
/// that do.
pub trait EventArguments {
    /// What the call answers with.
    type Answer;

    /// `event_wait_list`
    fn wait_list(&self) -> &[Arc<Event>];

    /// The answer when the command has no event; nothing when the caller wants one.
    fn without_event(&self) -> Option<Self::Answer>;

    /// The answer when the command has an event.
    fn with_event(event: Arc<Event>) -> Self::Answer;
}

impl<T: AsRef<[Arc<Event>]> + ?Sized> EventArguments for T {
    type Answer = Arc<Event>;

    fn wait_list(&self) -> &[Arc<Event>] {
        self.as_ref()
    }

    fn without_event(&self) -> Option<Arc<Event>> {
        None
    }

    fn with_event(event: Arc<Event>) -> Arc<Event> {
        event
    }
}

/// [`EventArguments`] of a caller that says whether it wants the event. It may get one anyway.
#[derive(Debug, Default)]
pub struct EventRequest {
    /// `event_wait_list`
    pub wait_list: Vec<Arc<Event>>,
    /// Whether `event` is not NULL.
    pub wants_event: bool,
}

impl EventArguments for EventRequest {
    type Answer = Option<Arc<Event>>;

    fn wait_list(&self) -> &[Arc<Event>] {
        &self.wait_list
    }

    fn without_event(&self) -> Option<Option<Arc<Event>>> {
        (!self.wants_event).then_some(None)
    }

    fn with_event(event: Arc<Event>) -> Option<Arc<Event>> {
        Some(event)
    }
}

/// [`EventArguments`] whose list was checked.
#[derive(Debug)]
pub struct WaitList<'a, A: ?Sized>(&'a A);

impl<'a, A: EventArguments + ?Sized> WaitList<'a, A> {
    /// Checks that all events belong to `context`.
    ///
    /// # Errors
    /// `InvalidContext` when one does not.
    pub fn new(context: &Arc<Context>, arguments: &'a A) -> Result<Self> {
        if arguments
            .wait_list()
            .iter()
            .any(|event| !Arc::ptr_eq(event.context(), context))
        {
            return Err(Error::new(
                ErrorCode::InvalidContext,
                "an event of the wait list belongs to another context than the queue",
            ));
        }
        Ok(Self(arguments))
    }

    /// The events.
    pub fn events(&self) -> &'a [Arc<Event>] {
        self.0.wait_list()
    }

    /// The answer when the command has no event; nothing when the caller wants one, or when there
    /// are events to wait for, which takes one.
    pub(crate) fn without_event(&self) -> Option<A::Answer> {
        match self.events() {
            [] => self.0.without_event(),
            _ => None,
        }
    }
}
