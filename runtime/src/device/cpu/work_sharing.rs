//! One piece of work on several threads: the thread that has it, and workers that join while
//! there is something left. Nobody waits for a worker that has not begun.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{safepoint, workers};
use crate::device::Task;
use crate::lock::lock;

/// Work that consists of numbered parts, in any order and on any thread.
pub(super) trait Shareable: Send + Sync + 'static {
    /// Runs parts as long as `parts` gives any.
    fn take_part(&self, parts: &Parts);
}

/// The parts that nobody has claimed, and the count of those done.
pub(super) struct Parts {
    count: u64,
    chunk: u64,
    next: AtomicU64,
    done: AtomicU64,
    owner_sleeps: AtomicBool,
    sleep: Mutex<()>,
    wake: Condvar,
}

impl Parts {
    /// Claims parts and runs `run` on them, until none is left; returns how many this was. What
    /// the work refers to is valid inside `run`, and only there.
    pub(super) fn run_each(&self, mut run: impl FnMut(Range<u64>)) -> u64 {
        let mut own = 0;
        loop {
            let first = self.next.fetch_add(self.chunk, Ordering::Relaxed);
            if first >= self.count {
                return own;
            }
            let end = (first + self.chunk).min(self.count);
            run(first..end);
            own += end - first;
            let done = self.done.fetch_add(end - first, Ordering::SeqCst) + (end - first);
            if done == self.count && self.owner_sleeps.load(Ordering::SeqCst) {
                drop(lock(&self.sleep));
                self.wake.notify_all();
            }
        }
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::SeqCst) >= self.count
    }

    fn wait(&self) {
        for _ in 0..workers::host_spins() {
            if self.is_done() {
                return;
            }
            std::hint::spin_loop();
        }
        let mut guard = lock(&self.sleep);
        self.owner_sleeps.store(true, Ordering::SeqCst);
        while !self.is_done() {
            guard = self
                .wake
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Shared<W> {
    work: W,
    parts: Parts,
}

impl<W: Shareable> Task for Shared<W> {
    fn run(self: Arc<Self>) {
        if self.parts.next.load(Ordering::Relaxed) < self.parts.count {
            self.work.take_part(&self.parts);
        }
    }
}

/// Runs the parts in `range`, `chunk` at a time. The calling thread runs `own_part`; workers that
/// are idle run [`Shareable::take_part`]. Returns when all parts are done.
pub(super) fn share<W: Shareable>(
    range: Range<u64>,
    chunk: u64,
    work: W,
    own_part: impl FnOnce(&W, &Parts),
) {
    if range.is_empty() {
        return;
    }
    let helpers =
        ((range.end - range.start).div_ceil(chunk) - 1).min(workers::concurrency() as u64 - 1);
    let shared = Arc::new(Shared {
        work,
        parts: Parts {
            count: range.end,
            chunk,
            next: AtomicU64::new(range.start),
            done: AtomicU64::new(range.start),
            owner_sleeps: AtomicBool::new(false),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
        },
    });
    for _ in 0..helpers {
        workers::spawn(Arc::clone(&shared) as Arc<dyn Task>);
    }
    own_part(&shared.work, &shared.parts);
    safepoint::outside(|| shared.parts.wait());
}
