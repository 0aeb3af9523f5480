//! In-order queues: a first-in first-out list of commands, of which the front runs, on whichever
//! thread drains the list. There is never more than one.

use std::collections::VecDeque;
use std::mem::replace;
use std::sync::{Arc, Mutex, MutexGuard};

use arrayvec::ArrayVec;

use super::without_event::{self, Silent};
use super::{call_back, run_command, MANY, WORTH_A_THREAD};
use crate::command::{Command, CommandType};
use crate::device::cpu::fork;
use crate::device::cpu::workers::{Draining, QueueKey};
use crate::event::{Event, SUBMITTED};
use crate::lock::lock;
use crate::queue::CommandQueue;
use crate::{Error, ErrorCode};

/// How many commands are taken with one lock.
const BATCH: usize = 64;

/// Commands without events, of which a thread in clFinish takes several with one lock. A child that
/// another thread forks meanwhile misses them, so that threads of the device take one at a time.
type SilentBatch = ArrayVec<Silent, 16>;

/// How far a thread drains the lane.
enum Until<'a> {
    /// A thread of the device: to the first command that was not flushed.
    Unflushed,
    /// A thread that waits for this event.
    Settled(&'a Arc<Event>),
    /// A thread that waits for this many commands.
    Count(usize),
}

/// Who takes care of the front command.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum Activity {
    /// Nobody: it waits for an event or for a flush.
    #[default]
    Idle,
    /// The queue was given to a thread of the device, which has not begun.
    Scheduled,
    /// A thread runs commands.
    Draining,
    /// A thread runs a command that is not in the list.
    AtOnce,
    /// The device will answer later.
    Awaiting,
}

/// A command in the list.
pub(super) enum Entry {
    /// One with an event.
    Tracked(Arc<Event>),
    /// One without.
    Silent(Silent),
    /// What was `Silent` until a thread began to run it.
    SilentlyRunning,
}

impl Entry {
    fn is(&self, event: &Arc<Event>) -> bool {
        matches!(self, Self::Tracked(known) if Arc::ptr_eq(known, event))
    }
}

/// The commands; the front stays until it is settled.
#[derive(Default)]
struct Lane {
    commands: VecDeque<Entry>,
    /// How many commands at the back were not flushed.
    unflushed: usize,
    unflushed_cost: u64,
    activity: Activity,
    process: fork::Generation,
}

impl Lane {
    /// Marks all commands as submitted; adds those with listeners to `listened`.
    fn submit_all(&mut self, listened: &mut Vec<Arc<Event>>) {
        for entry in self.commands.iter().rev().take(self.unflushed) {
            match entry {
                Entry::Tracked(event) if event.advance(SUBMITTED) => {
                    listened.push(Arc::clone(event));
                }
                _ => {}
            }
        }
        self.unflushed = 0;
        self.unflushed_cost = 0;
    }

    /// Chooses the commands to run next, which stay at the front of the lane: those with events
    /// that are put into `batch`, or those without that are put into `silent`.
    fn claim(
        &mut self,
        until: &mut Until<'_>,
        batch: &mut Vec<Arc<Event>>,
        silent: &mut SilentBatch,
    ) {
        let flushed = self.commands.len() - self.unflushed;
        let (most, most_silent, is_worker, awaited) = match until {
            Until::Unflushed => (flushed, 1, true, None),
            Until::Settled(event) if event.is_settled() => return,
            Until::Settled(event) => (self.commands.len(), 1, false, Some(event)),
            Until::Count(count) => (*count, silent.capacity(), false, None),
        };
        for entry in self.commands.iter_mut().take(most.min(BATCH)) {
            match entry {
                Entry::Tracked(event)
                    if silent.is_empty()
                        && event.is_ready()
                        && (is_worker || event.runs_on_any_thread()) =>
                {
                    batch.push(Arc::clone(event));
                    if awaited
                        .as_ref()
                        .is_some_and(|awaited| Arc::ptr_eq(awaited, event))
                    {
                        break;
                    }
                }
                Entry::Silent(command)
                    if batch.is_empty()
                        && silent.len() < most_silent
                        && (is_worker || command.runs_on_any_thread) =>
                {
                    if let Entry::Silent(command) = replace(entry, Entry::SilentlyRunning) {
                        silent.push(command);
                    }
                }
                _ => break,
            }
        }
        let claimed = batch.len() + silent.len();
        if let Until::Count(count) = until {
            *count -= claimed;
        }
        self.unflushed = self.unflushed.min(self.commands.len() - claimed);
    }

    /// How many commands without events a thread has claimed; they are at the front.
    fn silently_running(&self) -> usize {
        let is_running = |entry: &&Entry| matches!(entry, Entry::SilentlyRunning);
        self.commands.iter().take_while(is_running).count()
    }

    /// Takes the claimed commands without events away and lets those of `rest`, which have not run, wait
    /// again.
    fn have_run(&mut self, rest: impl DoubleEndedIterator<Item = Silent>) {
        let claimed = self.silently_running();
        self.commands.drain(..claimed);
        for command in rest.rev() {
            self.commands.push_front(Entry::Silent(command));
        }
    }

    /// Whether `event` is the next command.
    fn begins_with(&self, event: &Arc<Event>) -> bool {
        let front = self.commands.front();
        front.is_some_and(|front| front.is(event))
    }

    /// Whether the next command can run.
    fn is_ready(&self) -> bool {
        match self.commands.front() {
            Some(Entry::Tracked(event)) => event.is_ready(),
            Some(Entry::Silent(_)) => true,
            Some(Entry::SilentlyRunning) | None => false,
        }
    }

    /// The event that is settled last, if there are commands. One is added where the last command
    /// has none.
    fn last(&mut self, queue: &Arc<CommandQueue>) -> Option<Arc<Event>> {
        if let Entry::Tracked(event) = self.commands.back()? {
            return Some(Arc::clone(event));
        }
        let marker = Event::of_command(queue, CommandType::Marker, Command::nothing());
        self.commands.push_back(Entry::Tracked(Arc::clone(&marker)));
        self.unflushed += 1;
        Some(marker)
    }

    /// Waits for the answer to the front command, which has `event`. False when it was given
    /// meanwhile; the command is gone then.
    fn awaits(&mut self, event: &Arc<Event>) -> bool {
        self.activity = Activity::Awaiting;
        let awaits = event.resume_queue_when_settled();
        if !awaits {
            self.commands.pop_front();
            self.activity = Activity::Idle;
        }
        awaits
    }

    /// True when the caller must give the queue to a thread of the device.
    fn schedule(&mut self) -> bool {
        let starts = self.activity == Activity::Idle
            && self.unflushed < self.commands.len()
            && self.is_ready();
        if starts {
            self.activity = Activity::Scheduled;
        }
        starts
    }
}

#[derive(Default)]
pub(crate) struct InOrder(Mutex<Lane>);

impl InOrder {
    /// Locks the lane. In a forked child, whoever drained it in the parent is not there; the
    /// command it was running fails.
    fn lane(&self, queue: &CommandQueue) -> MutexGuard<'_, Lane> {
        loop {
            let mut lane = lock(&self.0);
            if lane.process.is_current() {
                return lane;
            }
            lane.process = fork::Generation::current();
            let activity = std::mem::take(&mut lane.activity);
            if !matches!(activity, Activity::Draining | Activity::Awaiting) {
                return lane;
            }
            let is_over = |entry: &&Entry| match entry {
                Entry::Tracked(event) => event.is_settled(),
                Entry::Silent(_) | Entry::SilentlyRunning => false,
            };
            let finished = lane.commands.iter().take_while(is_over).count();
            let finished: Vec<_> = lane.commands.drain(..finished).collect();
            let abandoned = match lane.commands.front() {
                Some(Entry::Tracked(_)) => 1,
                _ => lane.silently_running(),
            };
            let abandoned: Vec<_> = lane.commands.drain(..abandoned).collect();
            lane.unflushed = lane.unflushed.min(lane.commands.len());
            drop(lane);
            drop(finished);
            for abandoned in abandoned {
                let error = Error::new(
                    ErrorCode::OutOfResources,
                    "the command was running in the parent process at the time of the fork",
                );
                match abandoned {
                    Entry::Tracked(event) => event.settle(Err(error)),
                    _ => queue.report_failure(&error),
                }
            }
        }
    }

    #[inline]
    pub(super) fn enqueue(&self, queue: &Arc<CommandQueue>, entry: Entry, cost: u64) {
        let mut lane = self.lane(queue);
        lane.commands.push_back(entry);
        lane.unflushed += 1;
        lane.unflushed_cost = lane.unflushed_cost.saturating_add(cost);
        let waiting = lane.commands.len();
        let is_draining = lane.activity == Activity::Draining;
        if lane.unflushed_cost >= WORTH_A_THREAD || lane.unflushed >= MANY {
            self.flush_locked(queue, lane);
            if waiting >= 2 * MANY && is_draining {
                self.let_catch_up(queue, waiting);
            }
        }
    }

    /// Lets the calling thread run `command`, which then never enters the list, if it is brief and
    /// nothing is ahead of it.
    #[inline]
    pub(super) fn begin_at_once(&self, queue: &CommandQueue, command: &Command) -> bool {
        if !command.is_brief() || !queue.device().backend.runs_on_any_thread(command) {
            return false;
        }
        let mut lane = self.lane(queue);
        let is_free = lane.activity == Activity::Idle && lane.commands.is_empty();
        if is_free {
            lane.activity = Activity::AtOnce;
        }
        is_free
    }

    /// The command has run, or the device will answer later and settle `unanswered`.
    #[inline]
    pub(super) fn end_at_once(&self, queue: &Arc<CommandQueue>, unanswered: Option<&Arc<Event>>) {
        let mut lane = self.lane(queue);
        lane.activity = Activity::Idle;
        if let Some(event) = unanswered {
            lane.commands.push_front(Entry::Tracked(Arc::clone(event)));
            if lane.awaits(event) {
                return;
            }
        }
        Self::go_on(queue, lane);
    }

    /// Gives the thread that drains a moment, because commands come faster than they run. Only a
    /// moment: a command may wait for the calling thread.
    fn let_catch_up(&self, queue: &CommandQueue, waiting: usize) {
        for _ in 0..50 {
            std::thread::sleep(std::time::Duration::from_micros(100));
            if self.lane(queue).commands.len() <= waiting - MANY {
                return;
            }
        }
    }

    pub(super) fn flush(&self, queue: &Arc<CommandQueue>) {
        self.flush_locked(queue, self.lane(queue));
    }

    fn flush_locked(&self, queue: &Arc<CommandQueue>, mut lane: MutexGuard<'_, Lane>) {
        let mut listened = Vec::new();
        lane.submit_all(&mut listened);
        Self::go_on(queue, lane);
        call_back(listened);
    }

    /// Has a thread of the device run what is ready, unless somebody does.
    fn go_on(queue: &Arc<CommandQueue>, mut lane: MutexGuard<'_, Lane>) {
        let starts = lane.schedule();
        drop(lane);
        if starts {
            queue.spawn_on_device();
        }
    }

    /// Runs everything on the calling thread; returns the last event when there are commands that
    /// it must wait for.
    pub(super) fn finish(&self, queue: &Arc<CommandQueue>) -> Option<Arc<Event>> {
        let mut retired = Vec::new();
        let mut lane = self.lane(queue);
        if matches!(lane.activity, Activity::Idle | Activity::Scheduled) {
            let count = lane.commands.len();
            lane = self.drain(queue, lane, Until::Count(count), &mut retired);
        }
        let last = lane.last(queue);
        self.flush_locked(queue, lane);
        last
    }

    pub(super) fn command_ready(&self, queue: &Arc<CommandQueue>, event: &Arc<Event>) {
        let lane = self.lane(queue);
        if lane.begins_with(event) {
            Self::go_on(queue, lane);
        }
    }

    /// Runs commands on the calling thread, which waits for `event`, until that is settled.
    pub(super) fn help_with(&self, queue: &Arc<CommandQueue>, event: &Arc<Event>) {
        let mut retired = Vec::new();
        let mut lane = self.lane(queue);
        if matches!(lane.activity, Activity::Idle | Activity::Scheduled) {
            lane = self.drain(queue, lane, Until::Settled(event), &mut retired);
        }
        self.flush_locked(queue, lane);
    }

    pub(super) fn run(&self, queue: &Arc<CommandQueue>) {
        let mut retired = Vec::new();
        let mut lane = self.lane(queue);
        if matches!(lane.activity, Activity::Idle | Activity::Scheduled) {
            lane = self.drain(queue, lane, Until::Unflushed, &mut retired);
        }
        drop(lane);
    }

    /// Runs what is ready, up to `until`. Leaves the lane `Idle` or `Awaiting`.
    ///
    /// `retired` receives events that must not be dropped before the lane is unlocked: what an
    /// event drops may take any lock.
    fn drain<'a>(
        &'a self,
        queue: &Arc<CommandQueue>,
        mut lane: MutexGuard<'a, Lane>,
        mut until: Until<'_>,
        retired: &mut Vec<Arc<Event>>,
    ) -> MutexGuard<'a, Lane> {
        let (mut batch, mut silent) = (Vec::new(), SilentBatch::new());
        let _draining = Draining::begin(QueueKey::of(queue));
        let mut took_over =
            lane.activity == Activity::Scheduled && !matches!(until, Until::Unflushed);
        loop {
            lane.claim(&mut until, &mut batch, &mut silent);
            if batch.is_empty() && silent.is_empty() {
                lane.activity = Activity::Idle;
                return lane;
            }
            lane.activity = Activity::Draining;
            drop(lane);
            if replace(&mut took_over, false) {
                queue.withdraw_from_device();
            }
            retired.clear();
            if !silent.is_empty() {
                let mut commands = silent.drain(..);
                let run = |next: Silent| without_event::run(queue, next.command).err();
                let unanswered = commands.by_ref().find_map(run);
                lane = self.lane(queue);
                lane.have_run(commands);
                if let Some(event) = unanswered {
                    lane.commands.push_front(Entry::Tracked(Arc::clone(&event)));
                    retired.push(Arc::clone(&event));
                    if lane.awaits(&event) {
                        return lane;
                    }
                }
                continue;
            }
            let settled = batch
                .iter()
                .take_while(|event| {
                    run_command(queue, event);
                    event.is_settled()
                })
                .count();
            lane = self.lane(queue);
            lane.commands.drain(..settled);
            if let Some(unanswered) = batch.get(settled) {
                if lane.awaits(unanswered) {
                    retired.append(&mut batch);
                    return lane;
                }
            }
            std::mem::swap(&mut batch, retired);
        }
    }

    /// The device has answered the command that the lane awaited.
    pub(super) fn resume_after(&self, queue: &Arc<CommandQueue>, event: &Arc<Event>) {
        let mut lane = self.lane(queue);
        if lane.activity != Activity::Awaiting || !lane.begins_with(event) {
            return;
        }
        lane.commands.pop_front();
        lane.activity = Activity::Idle;
        Self::go_on(queue, lane);
    }
}
