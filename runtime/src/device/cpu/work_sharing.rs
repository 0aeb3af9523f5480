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

/// The order in which parts are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The first come first.
    Ascending,
    /// Each time from the other end, where the caches still hold what the last time ended with.
    Alternating,
}

impl Order {
    fn is_backwards(self) -> bool {
        static BACKWARDS: AtomicBool = AtomicBool::new(false);
        self == Self::Alternating && BACKWARDS.fetch_xor(true, Ordering::Relaxed)
    }
}

/// The parts that nobody has claimed, and the count of those done; both in chunks.
pub(super) struct Parts {
    range: Range<u64>,
    chunk: u64,
    backwards: bool,
    chunks: u64,
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
            let claim = self.next.fetch_add(1, Ordering::Relaxed);
            if claim >= self.chunks {
                return own;
            }
            let number = match self.backwards {
                true => self.chunks - 1 - claim,
                false => claim,
            };
            let first = self.range.start + number * self.chunk;
            let end = self.range.end.min(first.saturating_add(self.chunk));
            run(first..end);
            own += end - first;
            let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
            if done == self.chunks && self.owner_sleeps.load(Ordering::SeqCst) {
                drop(lock(&self.sleep));
                self.wake.notify_all();
            }
        }
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::SeqCst) >= self.chunks
    }

    fn wait(&self) {
        for _ in 0..workers::owner_spins() {
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
        if self.parts.next.load(Ordering::Relaxed) < self.parts.chunks {
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
    order: Order,
    work: W,
    own_part: impl FnOnce(&W, &Parts),
) {
    if range.is_empty() {
        return;
    }
    let chunks = (range.end - range.start).div_ceil(chunk);
    let helpers = (chunks - 1).min(workers::concurrency() as u64 - 1);
    let shared = Arc::new(Shared {
        work,
        parts: Parts {
            range,
            chunk,
            backwards: order.is_backwards(),
            chunks,
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
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
                share(0..2, 1, Order::Ascending, witness, |witness, parts| {
                    witness.take_part(parts);
                });
            });
        });
        let seen = lock(&seen);
        assert!(seen.iter().all(|(_, allowed)| allowed[..] == last[..]));
        assert_eq!(seen.len(), 2, "one helper");
    }
    /// The parts in the order in which one thread gets them.
    fn claimed(range: Range<u64>, order: Order) -> Vec<Range<u64>> {
        struct Nobody;
        impl Shareable for Nobody {
            fn take_part(&self, _: &Parts) {}
        }
        let mut claimed = Vec::new();
        share(range, 10, order, Nobody, |_, parts| {
            assert_eq!(
                parts.run_each(|part| claimed.push(part)),
                parts.range.end - parts.range.start
            );
        });
        claimed
    }

    #[test]
    fn parts_come_in_ascending_order_or_from_both_ends_in_turn() {
        let forwards = [3..13, 13..23, 23..28];
        let backwards = [23..28, 13..23, 3..13];
        let mut turns = HashSet::new();
        for _ in 0..1000 {
            assert_eq!(claimed(3..28, Order::Ascending), forwards);
            let alternating = claimed(3..28, Order::Alternating);
            assert!(alternating == forwards || alternating == backwards);
            turns.insert(alternating);
        }
        assert_eq!(turns.len(), 2, "both ends");
    }
}
