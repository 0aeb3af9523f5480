//! Where a fork may find the workers: outside this library's own code, so that no lock is held in
//! the child by a thread that is not there.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longest time that a fork waits for the workers.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a thread of this process is about to fork.
static FORKING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Of a worker: whether it runs code of this library.
    static INSIDE: Cell<Option<&'static AtomicBool>> = const { Cell::new(None) };
}

/// Makes the calling thread one that forks wait for; returns its mark, for [`wait_for`].
pub(super) fn register() -> &'static AtomicBool {
    let inside: &'static AtomicBool = Box::leak(Box::default());
    INSIDE.set(Some(inside));
    inside
}

/// Runs `call`, code that is not this library's: a kernel, a copy, a callback.
pub(crate) fn outside<R>(call: impl FnOnce() -> R) -> R {
    let Ok(Some(inside)) = INSIDE.try_with(Cell::get) else {
        return call();
    };
    inside.store(false, Ordering::SeqCst);
    let result = call();
    loop {
        inside.store(true, Ordering::SeqCst);
        if !FORKING.load(Ordering::SeqCst) {
            return result;
        }
        inside.store(false, Ordering::SeqCst);
        super::workers::wait_for_fork();
    }
}

/// Waits until none of `workers` runs code of this library, and keeps them from it until
/// [`release`]. To be called with the lock that idle workers need.
pub(super) fn wait_for(workers: &[&'static AtomicBool]) {
    FORKING.store(true, Ordering::SeqCst);
    let start = Instant::now();
    while workers.iter().any(|inside| inside.load(Ordering::SeqCst)) && start.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
}

/// The fork is over.
pub(super) fn release() {
    FORKING.store(false, Ordering::SeqCst);
}
