//! One piece of work on several threads: the thread that has it, and workers that join while
//! there is something left. Nobody waits for a worker that has not begun.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::placement::{self, Processors};
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
    /// Where helpers have to stay.
    processors: Option<Processors>,
}

impl<W: Shareable> Task for Shared<W> {
    fn run(self: Arc<Self>) {
        if self.parts.next.load(Ordering::Relaxed) < self.parts.count {
            placement::on(self.processors.as_ref(), || {
                self.work.take_part(&self.parts);
            });
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
        processors: placement::current(),
    });
    for _ in 0..helpers {
        workers::spawn(Arc::clone(&shared) as Arc<dyn Task>);
    }
    own_part(&shared.work, &shared.parts);
    safepoint::outside(|| shared.parts.wait());
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread::ThreadId;
    use std::time::{Duration, Instant};

    use super::*;

    /// A thread, and where it could have run.
    type Sighting = (ThreadId, Vec<usize>);

    /// Which threads took part.
    struct Witness(Arc<Mutex<HashSet<Sighting>>>);

    impl Shareable for Witness {
        fn take_part(&self, parts: &Parts) {
            parts.run_each(|_| {
                let here = (std::thread::current().id(), placement::allowed());
                lock(&self.0).insert(here);
                let start = Instant::now();
                while lock(&self.0).len() < 2 && start.elapsed() < Duration::from_secs(10) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
    }

    #[test]
    fn helpers_stay_where_their_owner_has_to_stay() {
        let last: Processors = Arc::from([*placement::allowed().last().unwrap()]);
        let seen = Arc::default();
        workers::with_concurrency(2, || {
            placement::on(Some(&last), || {
                let witness = Witness(Arc::clone(&seen));
                share(0..2, 1, witness, |witness, parts| witness.take_part(parts));
            });
        });
        let seen = lock(&seen);
        assert!(seen.iter().all(|(_, allowed)| allowed[..] == last[..]));
        assert_eq!(seen.len(), 2, "one helper");
    }
}
