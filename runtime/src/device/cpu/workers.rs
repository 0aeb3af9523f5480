//! The worker threads of the CPU device: daemons that start when they are first needed, spin for
//! a moment after the last task, then sleep.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use super::safepoint;
use crate::device::Task;
use crate::lock::lock;

/// Stack of a worker in bytes; kernels that need more are refused.
pub(crate) const WORKER_STACK: usize = 16 << 20;

/// Iterations of an idle worker before it sleeps: some 30 microseconds.
const WORKER_SPINS: u32 = 600;
/// Iterations of a waiting host thread before it sleeps.
const HOST_SPINS: u32 = 400;

struct Pool {
    tasks: VecDeque<Arc<dyn Task>>,
    threads: usize,
    spinning: usize,
    /// Threads that wait for `WAKE`, less those already called.
    sleeping: usize,
    /// How many sleeping threads were called and have not risen.
    calls: usize,
    /// One mark for each thread, whether it runs code of this library.
    inside: Vec<&'static AtomicBool>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    tasks: VecDeque::new(),
    threads: 0,
    spinning: 0,
    sleeping: 0,
    calls: 0,
    inside: Vec::new(),
});
/// Length of `Pool::tasks`, for those that spin.
static WAITING_TASKS: AtomicUsize = AtomicUsize::new(0);
static WAKE: Condvar = Condvar::new();

thread_local! {
    /// Held from before a fork until after it, so that the child finds the pool consistent.
    static HELD_OVER_FORK: RefCell<Option<MutexGuard<'static, Pool>>> = const { RefCell::new(None) };
}

fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

thread_local! {
    /// Compute units of the device whose command this thread runs.
    static CONCURRENCY: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Number of threads that may work on the command that the calling thread runs.
pub(crate) fn concurrency() -> usize {
    CONCURRENCY.get().unwrap_or_else(compute_units)
}

/// Runs `work`, a command of a device with so many compute units.
pub(crate) fn with_concurrency<R>(compute_units: usize, work: impl FnOnce() -> R) -> R {
    /// A command may run while another one is waited for, on the same thread.
    struct Restore(Option<usize>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CONCURRENCY.set(self.0);
        }
    }
    let _restore = Restore(CONCURRENCY.replace(Some(compute_units)));
    work()
}

/// Number of threads that compute at the same time: the compute units of the CPU device.
pub(crate) fn compute_units() -> usize {
    crate::config::config()
        .compute_units
        .unwrap_or_else(processors)
}

/// How often a waiting thread of the application looks before it sleeps.
pub(crate) fn host_spins() -> u32 {
    if processors() > 1 {
        HOST_SPINS
    } else {
        0
    }
}

/// Runs `task` soon on a worker. Should no thread start, on this one.
pub(crate) fn spawn(task: Arc<dyn Task>) {
    let mut pool = lock(&POOL);
    pool.tasks.push_back(task);
    WAITING_TASKS.store(pool.tasks.len(), Ordering::Release);
    if pool.tasks.len() <= pool.spinning {
        return;
    }
    if pool.sleeping > 0 {
        pool.sleeping -= 1;
        pool.calls += 1;
        drop(pool);
        WAKE.notify_one();
        return;
    }
    // One more than compute, so that kernels waiting for the host leave a thread for others.
    if pool.threads > compute_units().max(1) {
        return;
    }
    pool.threads += 1;
    drop(pool);
    let name = "isocl-worker".to_owned();
    if let Err(error) = std::thread::Builder::new()
        .name(name)
        .stack_size(WORKER_STACK)
        .spawn(work)
    {
        crate::log::line(&format!("no worker thread started: {error}"));
        let mut pool = lock(&POOL);
        pool.threads -= 1;
        if pool.threads == 0 {
            let task = pool.tasks.pop_front();
            WAITING_TASKS.store(pool.tasks.len(), Ordering::Release);
            drop(pool);
            task.into_iter().for_each(run);
        }
    }
}

fn work() {
    super::signals::block_on_this_thread();
    let inside = safepoint::register();
    let mut pool = lock(&POOL);
    pool.inside.push(inside);
    loop {
        if let Some(task) = pool.tasks.pop_front() {
            WAITING_TASKS.store(pool.tasks.len(), Ordering::Release);
            inside.store(true, Ordering::SeqCst);
            drop(pool);
            run(task);
            inside.store(false, Ordering::SeqCst);
            pool = lock(&POOL);
            continue;
        }
        if processors() > 1 {
            pool.spinning += 1;
            drop(pool);
            for _ in 0..WORKER_SPINS {
                if WAITING_TASKS.load(Ordering::Acquire) > 0 {
                    break;
                }
                std::hint::spin_loop();
            }
            pool = lock(&POOL);
            pool.spinning -= 1;
            if !pool.tasks.is_empty() {
                continue;
            }
        }
        pool.sleeping += 1;
        while pool.calls == 0 {
            pool = WAKE.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.calls -= 1;
    }
}

/// A panic ends the task, not the thread.
fn run(task: Arc<dyn Task>) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task.run()));
    if result.is_err() {
        crate::log::line("a task of the CPU device panicked");
    }
}

/// Returns when no fork is going on any more.
pub(super) fn wait_for_fork() {
    drop(lock(&POOL));
}

pub(super) fn before_fork() {
    let guard = lock(&POOL);
    safepoint::wait_for(&guard.inside);
    let _ = HELD_OVER_FORK.try_with(|held| *held.borrow_mut() = Some(guard));
}

pub(super) fn after_fork_in_parent() {
    safepoint::release();
    let _ = HELD_OVER_FORK.try_with(|held| held.borrow_mut().take());
}

/// The child has none of the threads; its queues hand out their commands anew.
pub(super) fn after_fork_in_child() {
    safepoint::release();
    let _ = HELD_OVER_FORK.try_with(|held| {
        if let Some(mut pool) = held.borrow_mut().take() {
            // Not dropped: a task's last reference may free what a lock in the parent protected.
            std::mem::forget(std::mem::take(&mut pool.tasks));
            WAITING_TASKS.store(0, Ordering::Release);
            (pool.threads, pool.spinning, pool.sleeping, pool.calls) = (0, 0, 0, 0);
        }
    });
}
