//! What a forked child must know: that it is one. Threads do not survive a fork, so whatever they
//! were doing is recognised by the generation it began in.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Once;

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Counts the forks between the first process and this one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u32);

impl Generation {
    /// That of this process.
    pub(crate) fn current() -> Self {
        Self(GENERATION.load(Ordering::Relaxed))
    }

    /// Whether this process is a forked child of one that had the library loaded.
    pub(crate) fn is_forked(self) -> bool {
        self.0 > 0
    }

    /// Whether no fork came between.
    pub(crate) fn is_current(self) -> bool {
        self == Self::current()
    }
}

/// Registers, once per process, what is to be done around a fork.
pub(super) fn watch() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the three functions are `extern "C"`, take nothing and live as long as the
        // library, which is never unloaded once it has threads.
        let result = unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
        if result != 0 {
            crate::log::line("no memory to prepare for forks; a forked child may hang");
        }
    });
}

extern "C" fn prepare() {
    super::workers::before_fork();
}

extern "C" fn parent() {
    super::workers::after_fork_in_parent();
}

extern "C" fn child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    super::workers::after_fork_in_child();
}
