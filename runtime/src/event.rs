//! Events (§5.11): the state of one command or of a user event, and everybody who waits for it.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::command::{Command, CommandType};
use crate::context::Context;
use crate::device::cpu::workers::{help_until, QueueKey};
use crate::device::cpu::{fork, safepoint};
use crate::lock::lock;
use crate::queue::CommandQueue;
pub use crate::wait_list::{wait_for_events, WaitList};
use crate::{ApiSlot, Error, ErrorCode, Result};

/// Execution status `CL_COMPLETE`.
pub const COMPLETE: i32 = 0;
/// Execution status `CL_RUNNING`.
pub const RUNNING: i32 = 1;
/// Execution status `CL_SUBMITTED`.
pub const SUBMITTED: i32 = 2;
/// Execution status `CL_QUEUED`.
pub const QUEUED: i32 = 3;

/// What `clSetEventCallback` registers: called once with the status that was asked for, or with
/// the negative status of a command that failed.
pub type EventCallback = Box<dyn FnOnce(i32) + Send>;

/// The time stamps of `clGetEventProfilingInfo` (§5.15).
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfilingInfo {
    Queued,
    Submit,
    Start,
    End,
    Complete,
}

/// Where an event comes from.
enum Origin {
    Command(Arc<CommandQueue>),
    User(Arc<Context>),
}

/// A command that waits for an event, and whether the event's failure fails it.
struct Dependent {
    event: Arc<Event>,
    inherits_failure: bool,
}

/// Whoever wants to hear of an event's progress. `Event::listened` says that there may be any.
#[derive(Default)]
struct Listeners {
    dependents: Vec<Dependent>,
    callbacks: Vec<(i32, EventCallback)>,
    resumes_queue: bool,
    sleepers: u32,
}

/// What it takes to run a command.
#[derive(Default)]
struct Work {
    /// The command; none in user events and once it was taken.
    command: Option<Command>,
    /// Events of the same in-order queue, settled before this command's turn; only their failure
    /// matters then.
    same_queue_dependencies: Vec<Arc<Event>>,
}

/// An event (`cl_event`).
pub struct Event {
    /// Handle of the C boundary.
    pub api_slot: ApiSlot,
    origin: Origin,
    command_type: CommandType,
    status: AtomicI32,
    listened: AtomicBool,
    dependency_failed: AtomicBool,
    pending: AtomicU32,
    position: AtomicU64,
    stamps: [AtomicU64; 4],
    runs_on_any_thread: bool,
    work: Mutex<Work>,
    listeners: Mutex<Listeners>,
    settled: Condvar,
}

impl Event {
    #[inline]
    fn new(
        origin: Origin,
        command_type: CommandType,
        status: i32,
        command: Option<Command>,
    ) -> Self {
        let runs_on_any_thread = match (&origin, &command) {
            (Origin::Command(queue), Some(command)) => {
                queue.device().backend.runs_on_any_thread(command)
            }
            _ => true,
        };
        Self {
            api_slot: ApiSlot::default(),
            origin,
            command_type,
            status: AtomicI32::new(status),
            listened: AtomicBool::new(false),
            dependency_failed: AtomicBool::new(false),
            pending: AtomicU32::new(0),
            position: AtomicU64::new(0),
            stamps: Default::default(),
            runs_on_any_thread,
            work: Mutex::new(Work {
                command,
                same_queue_dependencies: Vec::new(),
            }),
            listeners: Mutex::default(),
            settled: Condvar::new(),
        }
    }

    /// The event of a command that enters `queue`.
    #[inline]
    pub(crate) fn of_command(
        queue: &Arc<CommandQueue>,
        command_type: CommandType,
        command: Command,
    ) -> Arc<Self> {
        let event = Self::new(
            Origin::Command(Arc::clone(queue)),
            command_type,
            QUEUED,
            Some(command),
        );
        if queue.is_profiling() {
            event.stamps[0].store(queue.device().backend.timestamp(), Ordering::Relaxed);
        }
        Arc::new(event)
    }

    /// The event of a command without one that runs already, once its device wants to answer later.
    /// Only its queue ever sees it.
    pub(crate) fn of_running_command(queue: &Arc<CommandQueue>) -> Arc<Self> {
        let origin = Origin::Command(Arc::clone(queue));
        Arc::new(Self::new(origin, CommandType::Marker, RUNNING, None))
    }

    /// The type of the command, `User` for user events.
    pub fn command_type(&self) -> CommandType {
        self.command_type
    }

    /// The context of the queue, or that given to `clCreateUserEvent`.
    pub fn context(&self) -> &Arc<Context> {
        match &self.origin {
            Origin::Command(queue) => queue.context(),
            Origin::User(context) => context,
        }
    }

    /// The queue of the command; none for user events.
    pub fn queue(&self) -> Option<&Arc<CommandQueue>> {
        match &self.origin {
            Origin::Command(queue) => Some(queue),
            Origin::User(_) => None,
        }
    }

    /// The execution status as `CL_EVENT_COMMAND_EXECUTION_STATUS` reports it: 3 queued,
    /// 2 submitted, 1 running, 0 complete, negative for an error. Asking starts a command that
    /// was not flushed, so that polling ends.
    pub fn status(&self) -> i32 {
        let status = self.status.load(Ordering::Acquire);
        // In a forked child, whoever ran the command may not be there; its queue finds out.
        if status == QUEUED || (status > COMPLETE && fork::Generation::current().is_forked()) {
            if let Some(queue) = self.queue() {
                queue.start_queued_commands();
            }
        }
        status
    }

    /// The execution status, without any effect.
    pub(crate) fn current_status(&self) -> i32 {
        self.status.load(Ordering::Acquire)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.current_status() <= COMPLETE
    }

    /// A time stamp in nanoseconds of the device's clock (§5.15).
    ///
    /// # Errors
    /// `ProfilingInfoNotAvailable` when the queue does not profile, for user events and for
    /// commands that are not complete.
    pub fn profiling(&self, info: ProfilingInfo) -> Result<u64> {
        let unavailable =
            |reason: &'static str| Err(Error::new(ErrorCode::ProfilingInfoNotAvailable, reason));
        match self.queue() {
            None => return unavailable("a user event has no time stamps"),
            Some(queue) if !queue.is_profiling() => {
                return unavailable(
                    "the event's queue was created without CL_QUEUE_PROFILING_ENABLE",
                );
            }
            Some(_) => {}
        }
        if self.status() != COMPLETE {
            return unavailable("the event's command is not complete");
        }
        let index = match info {
            ProfilingInfo::Queued => 0,
            ProfilingInfo::Submit => 1,
            ProfilingInfo::Start => 2,
            ProfilingInfo::End | ProfilingInfo::Complete => 3,
        };
        Ok(self.stamps[index].load(Ordering::Relaxed))
    }

    /// Registers `callback` for the status 2, 1 or 0; calls it at once when the event is there or
    /// past it. Callbacks run on any thread, outside every lock.
    ///
    /// # Errors
    /// `InvalidValue` for any other status.
    pub fn set_callback(self: &Arc<Self>, status: i32, callback: EventCallback) -> Result<()> {
        if !(COMPLETE..=SUBMITTED).contains(&status) {
            return Err(Error::new(
                ErrorCode::InvalidValue,
                "command_exec_callback_type is none of CL_SUBMITTED, CL_RUNNING, CL_COMPLETE",
            ));
        }
        let mut listeners = lock(&self.listeners);
        self.listened.store(true, Ordering::SeqCst);
        let current = self.status.load(Ordering::SeqCst);
        if current > status {
            listeners.callbacks.push((status, callback));
            return Ok(());
        }
        drop(listeners);
        callback(if current < COMPLETE { current } else { status });
        Ok(())
    }

    /// Waits until the command is complete, running what it depends on in its own queue.
    ///
    /// # Errors
    /// `ExecStatusErrorForEventsInWaitList` when it failed.
    pub fn wait(self: &Arc<Self>) -> Result<()> {
        if !self.is_settled() {
            if let Some(queue) = self.queue() {
                queue.help_with(self);
            }
            self.wait_passively();
        }
        if self.current_status() < COMPLETE {
            return Err(failure_waited_for());
        }
        Ok(())
    }

    fn wait_passively(&self) {
        let queue = self.queue().filter(|queue| queue.is_in_order());
        help_until(queue.map(QueueKey::of), &|| self.is_settled());
        let mut listeners = lock(&self.listeners);
        self.listened.store(true, Ordering::SeqCst);
        listeners.sleepers += 1;
        while self.status.load(Ordering::SeqCst) > COMPLETE {
            listeners = self
                .settled
                .wait(listeners)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes `dependent` wait for this event, unless it is settled already.
    pub(crate) fn add_dependent(&self, dependent: &Arc<Event>, inherits_failure: bool) {
        let mut listeners = lock(&self.listeners);
        self.listened.store(true, Ordering::SeqCst);
        let status = self.status.load(Ordering::SeqCst);
        if status > COMPLETE {
            dependent.pending.fetch_add(1, Ordering::AcqRel);
            listeners.dependents.push(Dependent {
                event: Arc::clone(dependent),
                inherits_failure,
            });
        } else if status < COMPLETE && inherits_failure {
            dependent.fail_dependency();
        }
    }

    /// Remembers an event of the same in-order queue, which will have been settled before this
    /// command's turn; only its failure matters then.
    pub(crate) fn add_same_queue_dependency(&self, dependency: &Arc<Event>) {
        lock(&self.work)
            .same_queue_dependencies
            .push(Arc::clone(dependency));
    }

    pub(crate) fn fail_dependency(&self) {
        self.dependency_failed.store(true, Ordering::Release);
    }

    /// Adds one to the number of things the command waits for.
    pub(crate) fn hold(&self) {
        self.pending.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes one from the number of things the command waits for; true when none is left.
    pub(crate) fn release_hold(&self) -> bool {
        self.pending.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Number of the command in its out-of-order queue.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    pub(crate) fn set_position(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
    }

    /// Whether the command may run on a thread of the application.
    pub(crate) fn runs_on_any_thread(&self) -> bool {
        self.runs_on_any_thread
    }

    /// Takes the command, and whether a dependency failed; when all dependencies are settled.
    pub(crate) fn take_work(&self) -> (Option<Command>, bool) {
        let work = std::mem::take(&mut *lock(&self.work));
        let failed = work
            .same_queue_dependencies
            .iter()
            .any(|event| event.current_status() < COMPLETE)
            || self.dependency_failed.load(Ordering::Acquire);
        (work.command, failed)
    }

    /// Moves to `SUBMITTED` or `RUNNING`; true when [`Event::call_back`] is to be called, outside
    /// locks.
    pub(crate) fn advance(&self, status: i32) -> bool {
        if let Origin::Command(queue) = &self.origin {
            if queue.is_profiling() {
                let now = queue.device().backend.timestamp();
                if status == RUNNING {
                    self.stamps[2].store(now, Ordering::Relaxed);
                }
                if self.current_status() == QUEUED {
                    self.stamps[1].store(now, Ordering::Relaxed);
                }
            }
        }
        self.status.store(status, Ordering::SeqCst);
        self.listened.load(Ordering::SeqCst)
    }

    /// Calls the callbacks that wait for a status the event has reached.
    pub(crate) fn call_back(&self) {
        let mut reached = Vec::new();
        {
            let mut listeners = lock(&self.listeners);
            let current = self.status.load(Ordering::SeqCst);
            let mut index = 0;
            while index < listeners.callbacks.len() {
                if listeners.callbacks[index].0 >= current {
                    reached.push(listeners.callbacks.remove(index));
                } else {
                    index += 1;
                }
            }
            reached.iter_mut().for_each(|(status, _)| {
                if current < COMPLETE {
                    *status = current;
                }
            });
        }
        reached.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
        for (status, callback) in reached {
            safepoint::outside(|| callback(status));
        }
    }

    /// Asks that the queue be told when a command settles whose device answers later. False when
    /// it is settled already.
    pub(crate) fn resume_queue_when_settled(&self) -> bool {
        let mut listeners = lock(&self.listeners);
        self.listened.store(true, Ordering::SeqCst);
        listeners.resumes_queue = true;
        self.status.load(Ordering::SeqCst) > COMPLETE
    }

    /// Ends the event and tells everybody. Does nothing when it has ended already.
    pub(crate) fn settle(self: &Arc<Self>, result: Result<()>) {
        let status = match &result {
            Ok(()) => COMPLETE,
            Err(error) => error.code as i32,
        };
        if let Origin::Command(queue) = &self.origin {
            if queue.is_profiling() {
                self.stamps[3].store(queue.device().backend.timestamp(), Ordering::Relaxed);
            }
            if let Err(error) = &result {
                queue.report_failure(error);
            }
        }
        let before = self.status.fetch_min(status, Ordering::SeqCst);
        if before <= COMPLETE {
            return;
        }
        if let Origin::Command(queue) = &self.origin {
            queue.command_settled(self);
        }
        if self.listened.load(Ordering::SeqCst) {
            self.tell_listeners(status);
        }
    }

    fn tell_listeners(self: &Arc<Self>, status: i32) {
        let (dependents, resumes_queue, sleepers) = {
            let mut listeners = lock(&self.listeners);
            (
                std::mem::take(&mut listeners.dependents),
                listeners.resumes_queue,
                listeners.sleepers,
            )
        };
        if sleepers > 0 {
            self.settled.notify_all();
        }
        if resumes_queue {
            if let Origin::Command(queue) = &self.origin {
                queue.resume_after(self);
            }
        }
        for dependent in dependents {
            if status < COMPLETE && dependent.inherits_failure {
                dependent.event.fail_dependency();
            }
            dependent.event.dependency_settled();
        }
        self.call_back();
    }

    /// One thing less to wait for; when it was the last, the command may start.
    pub(crate) fn dependency_settled(self: &Arc<Self>) {
        if self.release_hold() {
            if let Origin::Command(queue) = &self.origin {
                queue.command_ready(self);
            }
        }
    }

    /// Ends a user event (`clSetUserEventStatus`).
    ///
    /// # Errors
    /// `InvalidEvent` when it is no user event, `InvalidValue` for a positive status,
    /// `InvalidOperation` the second time.
    pub fn set_user_event_status(self: &Arc<Self>, status: i32) -> Result<()> {
        if !matches!(self.origin, Origin::User(_)) {
            return Err(Error::new(
                ErrorCode::InvalidEvent,
                "event is not a user event",
            ));
        }
        if status > COMPLETE {
            return Err(Error::new(
                ErrorCode::InvalidValue,
                "execution_status is neither CL_COMPLETE nor negative",
            ));
        }
        if self
            .status
            .compare_exchange(SUBMITTED, status, Ordering::SeqCst, Ordering::SeqCst)
            .is_err()
        {
            return Err(Error::new(
                ErrorCode::InvalidOperation,
                "the user event's status was set before",
            ));
        }
        if self.listened.load(Ordering::SeqCst) {
            self.tell_listeners(status);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Event {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Event")
            .field("command_type", &self.command_type)
            .field("status", &self.current_status())
            .finish_non_exhaustive()
    }
}

/// What waiting for a command that failed ends with.
pub(crate) fn failure_waited_for() -> Error {
    Error::new(
        ErrorCode::ExecStatusErrorForEventsInWaitList,
        "an event that was waited for has a negative execution status",
    )
}

/// A user event in the state `CL_SUBMITTED` (`clCreateUserEvent`).
///
/// # Errors
/// None today; creating an object may fail by specification.
pub fn create_user_event(context: &Arc<Context>) -> Result<Arc<Event>> {
    Ok(Arc::new(Event::new(
        Origin::User(Arc::clone(context)),
        CommandType::User,
        SUBMITTED,
        None,
    )))
}
