//! Out-of-order queues: every ready command runs on its own, as many at once as the device has
//! threads. Barriers and markers without a list wait for the commands before them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{call_back, run_command, MANY, WORTH_A_THREAD};
use crate::command::CommandType;
use crate::device::cpu::fork;
use crate::event::{Event, SUBMITTED};
use crate::lock::lock;
use crate::queue::CommandQueue;
use crate::{Error, ErrorCode};

/// A command that was started and is not settled.
struct Running {
    event: Arc<Event>,
    /// It occupies a thread of the device, not one of the application.
    on_device_thread: bool,
}

#[derive(Default)]
struct State {
    unflushed: Vec<Arc<Event>>,
    unflushed_cost: u64,
    ready: VecDeque<Arc<Event>>,
    running: Vec<Running>,
    /// Threads of the device that the queue was given to.
    runners: usize,
    /// Number of the first command that is not settled.
    first: u64,
    /// Whether command `first + index` is settled, for all commands enqueued; the front is not.
    settled: VecDeque<bool>,
    /// Markers and barriers that wait for all commands before them, in order.
    joins: VecDeque<Arc<Event>>,
    /// What later commands wait for.
    barrier: Option<Arc<Event>>,
    process: fork::Generation,
}

impl State {
    /// Submits all commands; adds those with listeners to `listened`.
    fn submit_all(&mut self, listened: &mut Vec<Arc<Event>>) {
        self.unflushed_cost = 0;
        for event in std::mem::take(&mut self.unflushed) {
            if event.advance(SUBMITTED) {
                listened.push(Arc::clone(&event));
            }
            if event.release_hold() {
                self.ready.push_back(event);
            }
        }
    }

    /// How many more threads of the device the caller must give the queue to.
    fn schedule(&mut self, concurrency: usize) -> usize {
        let busy = self
            .running
            .iter()
            .filter(|running| running.on_device_thread)
            .count();
        let wanted = (busy + self.ready.len()).min(concurrency);
        let missing = wanted.saturating_sub(self.runners);
        self.runners += missing;
        missing
    }

    /// Takes the first ready command that is `wanted`, for a thread of the application.
    fn take(&mut self, wanted: impl Fn(&Arc<Event>) -> bool) -> Option<Arc<Event>> {
        let index = self.ready.iter().position(wanted)?;
        let event = self.ready.remove(index)?;
        self.running.push(Running {
            event: Arc::clone(&event),
            on_device_thread: false,
        });
        Some(event)
    }

    /// Takes any ready command for a thread of the device.
    fn take_any(&mut self) -> Option<Arc<Event>> {
        let event = self.ready.pop_front()?;
        self.running.push(Running {
            event: Arc::clone(&event),
            on_device_thread: true,
        });
        Some(event)
    }
}

pub(crate) struct OutOfOrder {
    state: Mutex<State>,
    concurrency: usize,
}

impl OutOfOrder {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            state: Mutex::default(),
            concurrency,
        }
    }

    /// Locks the state. In a forked child, the threads that ran commands are not there; those
    /// commands fail.
    fn state(&self) -> MutexGuard<'_, State> {
        loop {
            let mut state = lock(&self.state);
            if state.process.is_current() {
                return state;
            }
            state.process = fork::Generation::current();
            state.runners = 0;
            let abandoned = std::mem::take(&mut state.running);
            drop(state);
            for running in abandoned {
                running.event.settle(Err(Error::new(
                    ErrorCode::OutOfResources,
                    "the command was running in the parent process at the time of the fork",
                )));
            }
        }
    }

    /// Adds a command, which is held until it is flushed. `no_list`: it has no wait list.
    pub(super) fn enqueue(
        &self,
        queue: &Arc<CommandQueue>,
        event: &Arc<Event>,
        cost: u64,
        no_list: bool,
    ) {
        let is_barrier = event.command_type() == CommandType::Barrier;
        let mut state = self.state();
        let position = state.first + state.settled.len() as u64;
        event.set_position(position);
        if let Some(barrier) = &state.barrier {
            barrier.add_dependent(event, false);
        }
        if no_list
            && (is_barrier || event.command_type() == CommandType::Marker)
            && !state.settled.is_empty()
        {
            event.hold();
            state.joins.push_back(Arc::clone(event));
        }
        if is_barrier {
            state.barrier = Some(Arc::clone(event));
        }
        state.settled.push_back(false);
        state.unflushed.push(Arc::clone(event));
        state.unflushed_cost = state.unflushed_cost.saturating_add(cost);
        if state.unflushed_cost >= WORTH_A_THREAD || state.unflushed.len() >= MANY {
            self.flush_locked(queue, state);
        }
    }

    pub(super) fn flush(&self, queue: &Arc<CommandQueue>) {
        self.flush_locked(queue, self.state());
    }

    fn flush_locked(&self, queue: &Arc<CommandQueue>, mut state: MutexGuard<'_, State>) {
        let mut listened = Vec::new();
        state.submit_all(&mut listened);
        let threads = state.schedule(self.concurrency);
        drop(state);
        for _ in 0..threads {
            queue.spawn_on_device();
        }
        call_back(listened);
    }

    pub(super) fn command_ready(&self, queue: &Arc<CommandQueue>, event: &Arc<Event>) {
        let mut state = self.state();
        state.ready.push_back(Arc::clone(event));
        let threads = state.schedule(self.concurrency);
        drop(state);
        for _ in 0..threads {
            queue.spawn_on_device();
        }
    }

    /// Runs on the calling thread what it waits for: `awaited`, or everything before it when that
    /// is what `awaited` waits for.
    pub(super) fn help_with(&self, queue: &Arc<CommandQueue>, awaited: &Arc<Event>) {
        let state = self.state();
        let joins = state.joins.iter().any(|event| Arc::ptr_eq(event, awaited));
        let end = if joins { awaited.position() } else { 0 };
        self.run_here(queue, state, |event| {
            Arc::ptr_eq(event, awaited) || event.position() < end
        });
    }

    /// Runs everything on the calling thread; false when there are commands that it must wait for.
    pub(super) fn finish(&self, queue: &Arc<CommandQueue>) -> bool {
        let state = self.state();
        let end = state.first + state.settled.len() as u64;
        self.run_here(queue, state, |event| event.position() < end);
        self.state().first >= end
    }

    /// Flushes, then runs on the calling thread the ready commands that are `awaited`. The others
    /// get threads of the device; these as well when that is worth it.
    fn run_here<'a>(
        &'a self,
        queue: &Arc<CommandQueue>,
        mut state: MutexGuard<'a, State>,
        awaited: impl Fn(&Arc<Event>) -> bool,
    ) {
        let mut listened = Vec::new();
        let is_worth_threads = state.unflushed_cost > 0;
        state.submit_all(&mut listened);
        let mut own = state.take(|event| event.runs_on_any_thread() && awaited(event));
        let mut threads = 0;
        if own.is_none() || is_worth_threads || !state.ready.iter().all(&awaited) {
            threads = state.schedule(self.concurrency);
        }
        drop(state);
        for _ in 0..threads {
            queue.spawn_on_device();
        }
        call_back(listened);
        while let Some(event) = own {
            run_command(queue, &event);
            drop(event);
            // The guard must be gone before the next command runs: running it locks again.
            let mut state = self.state();
            own = state.take(|event| event.runs_on_any_thread() && awaited(event));
            threads = if own.is_none() {
                state.schedule(self.concurrency)
            } else {
                0
            };
            drop(state);
            for _ in 0..threads {
                queue.spawn_on_device();
            }
        }
    }

    pub(super) fn run(&self, queue: &Arc<CommandQueue>) {
        loop {
            let mut state = self.state();
            let Some(event) = state.take_any() else {
                state.runners = state.runners.saturating_sub(1);
                return;
            };
            drop(state);
            run_command(queue, &event);
        }
    }

    /// Counts a settled command and starts the markers and barriers that waited for it.
    pub(super) fn command_settled(&self, queue: &Arc<CommandQueue>, event: &Arc<Event>) {
        let mut state = self.state();
        if let Some(index) = state
            .running
            .iter()
            .position(|running| Arc::ptr_eq(&running.event, event))
        {
            state.running.swap_remove(index);
        }
        if state
            .barrier
            .as_ref()
            .is_some_and(|barrier| Arc::ptr_eq(barrier, event))
        {
            state.barrier = None;
        }
        let index = (event.position() - state.first) as usize;
        if let Some(settled) = state.settled.get_mut(index) {
            *settled = true;
        }
        while state.settled.front() == Some(&true) {
            state.settled.pop_front();
            state.first += 1;
        }
        while let Some(join) = state.joins.pop_front() {
            if join.position() > state.first {
                state.joins.push_front(join);
                break;
            }
            if join.release_hold() {
                state.ready.push_back(join);
            }
        }
        let threads = state.schedule(self.concurrency);
        drop(state);
        for _ in 0..threads {
            queue.spawn_on_device();
        }
    }
}
