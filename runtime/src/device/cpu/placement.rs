//! Where threads run: anywhere, or, while they work for a sub-device that is an affinity domain,
//! on its processors only.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::mem::{size_of, MaybeUninit};
use std::sync::Arc;

/// Numbers of processors.
pub(super) type Processors = Arc<[usize]>;

thread_local! {
    /// Where this thread has to stay for now.
    static CURRENT: RefCell<Option<Processors>> = const { RefCell::new(None) };
}

/// Where this thread has to stay for now; nothing if it may run anywhere.
pub(super) fn current() -> Option<Processors> {
    CURRENT.with_borrow(Clone::clone)
}

/// The processors that this thread may use, ascending; empty when the system does not tell.
pub(super) fn allowed() -> Vec<usize> {
    let Some(set) = affinity() else {
        return Vec::new();
    };
    let all = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: the set is live and the number is one of its bits.
    all.filter(|number| unsafe { libc::CPU_ISSET(*number, &set) })
        .collect()
}

/// Runs `work` on `processors`, or where the thread may run anyway. Where the system refuses,
/// it runs nevertheless.
pub(super) fn on<R>(processors: Option<&Processors>, work: impl FnOnce() -> R) -> R {
    /// A command may run while another one is waited for, on the same thread.
    struct Restore(Option<Processors>, libc::cpu_set_t);
    impl Drop for Restore {
        fn drop(&mut self) {
            set_affinity(&self.1);
            CURRENT.set(self.0.take());
        }
    }
    let Some(processors) = processors else {
        return work();
    };
    let Some(before) = affinity() else {
        return work();
    };
    let _restore = Restore(CURRENT.replace(Some(Arc::clone(processors))), before);
    set_affinity(&set_of(processors));
    work()
}

fn set_of(processors: &[usize]) -> libc::cpu_set_t {
    // SAFETY: a set of bits, for which zeros are valid: none is set.
    let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
    for number in processors {
        if *number < libc::CPU_SETSIZE as usize {
            // SAFETY: the set is live and the number is one of its bits.
            unsafe { libc::CPU_SET(*number, &mut set) };
        }
    }
    set
}

fn affinity() -> Option<libc::cpu_set_t> {
    let mut set = set_of(&[]);
    // SAFETY: the set is live and has the size given.
    let code = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
    (code == 0).then_some(set)
}

fn set_affinity(set: &libc::cpu_set_t) {
    // SAFETY: the set is live and has the size given. A refusal changes nothing.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_where_it_is_told_and_returns() {
        let all = allowed();
        assert!(!all.is_empty() && current().is_none());
        let one: Processors = Arc::from([all[all.len() - 1]]);
        let first: Processors = Arc::from([all[0]]);
        on(Some(&one), || {
            assert_eq!(allowed(), one[..]);
            assert_eq!(current().as_ref(), Some(&one));
            on(Some(&first), || assert_eq!(allowed(), first[..]));
            assert_eq!(allowed(), one[..]);
        });
        assert_eq!(allowed(), all);
        assert!(current().is_none());
        assert_eq!(on(None, allowed), all);
        // Processors that there are not: anywhere is better than nowhere.
        let none: Processors = Arc::from([libc::CPU_SETSIZE as usize]);
        assert_eq!(on(Some(&none), allowed), all);
    }
}
