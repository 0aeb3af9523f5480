//! Taking a lock whether or not a thread panicked while it held it.
//!
//! The locks of queues, events and workers are those of `std`: they keep no state outside
//! themselves, so a forked child inherits nothing it could hang on. What they protect is
//! consistent between any two statements, hence poisoning says nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
