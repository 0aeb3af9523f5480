//! One piece of work on several threads: the thread that has it, and workers that join while
//! there is something left. Nobody waits for a worker that has not begun.

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::placement::{self, Processors};
use super::safepoint;
use super::workers::{self, Help, QueueKey};
use crate::lock::lock;

/// Work that consists of numbered parts, in any order and on any thread.
pub(super) trait Shareable: Send + Sync + 'static {
    /// Runs parts as long as `claims` gives any.
    fn take_part(&self, claims: &Claims<'_>);
}

/// How work is divided.
pub(super) struct Division {
    /// The parts.
    pub range: Range<u64>,
    /// How many a thread gets at once.
    pub chunk: u64,
    pub order: Order,
    /// A chunk takes well below a tenth of a millisecond, and little stack.
    pub is_brief: bool,
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

/// What one thread claims of the parts.
pub(super) struct Claims<'a> {
    parts: &'a Parts,
    /// Whether the thread has something better to do.
    is_over: &'a dyn Fn() -> bool,
    /// Whether to wake others after the first chunk, if none that is awake has come by then.
    calls_others: Cell<bool>,
}

impl Claims<'_> {
    /// Claims parts and runs `run` on them, until none is left; returns how many this was. What
    /// the work refers to is valid inside `run`, and only there.
    pub(super) fn run_each(&self, mut run: impl FnMut(Range<u64>)) -> u64 {
        let parts = self.parts;
        let mut own = 0;
        while !(self.is_over)() {
            let claim = parts.next.fetch_add(1, Ordering::Relaxed);
            if claim >= parts.chunks {
                break;
            }
            let number = match parts.backwards {
                true => parts.chunks - 1 - claim,
                false => claim,
            };
            let first = parts.range.start + number * parts.chunk;
            let end = parts.range.end.min(first.saturating_add(parts.chunk));
            run(first..end);
            own += end - first;
            if self.calls_others.take() {
                workers::call_helpers();
            }
            let done = parts.done.fetch_add(1, Ordering::SeqCst) + 1;
            if done == parts.chunks && parts.owner_sleeps.load(Ordering::SeqCst) {
                drop(lock(&parts.sleep));
                parts.wake.notify_all();
            }
        }
        own
    }
}

impl Parts {
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
    is_brief: bool,
    /// The in-order queue whose command this is.
    queue: Option<QueueKey>,
    /// Where helpers have to stay.
    processors: Option<Processors>,
}

impl<W: Shareable> Help for Shared<W> {
    fn help(&self, is_over: &dyn Fn() -> bool) {
        if self.parts.next.load(Ordering::Relaxed) < self.parts.chunks {
            let claims = Claims {
                parts: &self.parts,
                is_over,
                calls_others: Cell::new(false),
            };
            placement::on(self.processors.as_ref(), || self.work.take_part(&claims));
        }
    }

    fn suits_who_waits_for(&self, queue: QueueKey) -> bool {
        // The application's threads are not moved about.
        self.is_brief && self.processors.is_none() && self.queue == Some(queue)
    }
}

/// Runs the parts of `work`. The calling thread runs `own_part`; workers that are idle, and threads that
/// wait for a command, run [`Shareable::take_part`]. Returns when all parts are done.
pub(super) fn share<W: Shareable>(
    work: W,
    division: Division,
    own_part: impl FnOnce(&W, &Claims<'_>),
) {
    let Division {
        range,
        chunk,
        order,
        is_brief,
    } = division;
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
        is_brief,
        queue: workers::queue(),
        processors: placement::current(),
    });
    let help: Arc<dyn Help> = Arc::clone(&shared) as _;
    workers::ask_for_help(&help, helpers as usize);
    // The thread that made the command is often about to wait for it, and helps sooner than one that sleeps.
    if !is_brief {
        workers::call_helpers();
    }
    let claims = Claims {
        parts: &shared.parts,
        is_over: &|| false,
        calls_others: Cell::new(is_brief),
    };
    own_part(&shared.work, &claims);
    workers::need_no_help(&help);
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
        fn take_part(&self, claims: &Claims<'_>) {
            claims.run_each(|_| {
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
                let division = Division {
                    range: 0..2,
                    chunk: 1,
                    order: Order::Ascending,
                    is_brief: false,
                };
                share(witness, division, |witness, claims| {
                    witness.take_part(claims)
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
            fn take_part(&self, _: &Claims<'_>) {}
        }
        let mut claimed = Vec::new();
        let division = Division {
            range: range.clone(),
            chunk: 10,
            order,
            is_brief: true,
        };
        share(Nobody, division, |_, claims| {
            let own = claims.run_each(|part| claimed.push(part));
            assert_eq!(own, range.end - range.start);
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
