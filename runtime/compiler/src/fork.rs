//! Forks and the end of the process. A child inherits the locks of calls that other threads were in,
//! and nobody there will ever open them; what compiles ahead comes to an end before.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Once;

use crate::ahead;
use crate::error::Error;

/// Calls of this process that are going on.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Whether the process was forked while a call was going on.
static LOCKED: AtomicBool = AtomicBool::new(false);

/// A call into the compiler; going on until dropped.
#[derive(Debug)]
pub struct Call(());

impl Call {
    /// Begins a call.
    ///
    /// # Errors
    /// [`Error::Internal`] in a child that was forked while another thread was in a call: that
    /// child would wait for ever.
    pub fn begin() -> Result<Self, Error> {
        static WATCH: Once = Once::new();
        WATCH.call_once(|| {
            // SAFETY: the functions take nothing and stay, as this library is never unloaded.
            // Without memory for it a child in that situation hangs, which is the worst of it.
            let _ = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
        });
        if LOCKED.load(Ordering::SeqCst) {
            return Err(Error::Internal(
                "this process was forked while its parent was compiling; fork earlier or later"
                    .to_owned(),
            ));
        }
        CALLS.fetch_add(1, Ordering::SeqCst);
        Ok(Self(()))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::SeqCst);
    }
}

extern "C" fn before() {
    ahead::stop();
}

extern "C" fn in_parent() {
    ahead::go_on();
}

extern "C" fn in_child() {
    // Only the thread that forked is left, and that one was in no call.
    let was_compiling = ahead::forget_threads();
    if CALLS.swap(0, Ordering::SeqCst) > 0 || was_compiling {
        LOCKED.store(true, Ordering::SeqCst);
    }
    ahead::go_on();
}

/// Has the end of the process wait for what compiles ahead, which would use what LLVM's exit handlers
/// destroy. To be called again and again: LLVM registers handlers when it needs an object first, and
/// the last one registered runs first.
pub fn stop_at_exit() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    if (CALLS.fetch_add(1, Ordering::Relaxed) + 1).is_power_of_two() {
        // SAFETY: the function takes nothing and stays, as this library is never unloaded. Without
        // memory for it the process may crash at its end, which is the worst of it.
        let _ = unsafe { libc::atexit(at_exit) };
    }
}

extern "C" fn at_exit() {
    ahead::stop();
}
