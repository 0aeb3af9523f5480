//! Where threads run: anywhere, or, while they work for a sub-device that is an affinity domain,
//! on its processors only.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::mem::{size_of, MaybeUninit};
use std::sync::Arc;
use std::thread::Thread;

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

/// The processor that the calling thread runs on, if the system tells.
pub(super) fn processor() -> Option<usize> {
    // SAFETY: a question without arguments.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// The processors that this thread may use, ascending; empty when the system does not tell.
pub(super) fn allowed() -> Vec<usize> {
    let Some(set) = affinity(THIS_THREAD) else {
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
            set_affinity(THIS_THREAD, &self.1);
            CURRENT.set(self.0.take());
        }
    }
    let Some(processors) = processors else {
        return work();
    };
    let Some(before) = affinity(THIS_THREAD) else {
        return work();
    };
    let _restore = Restore(CURRENT.replace(Some(Arc::clone(processors))), before);
    set_affinity(THIS_THREAD, &set_of(processors));
    work()
}

/// Where a thread may run.
pub(super) struct Mask(libc::cpu_set_t);

impl Mask {
    /// Lets the calling thread run there.
    pub(super) fn apply(&self) {
        set_affinity(THIS_THREAD, &self.0);
    }
}

/// A thread that is about to sleep, and sleeps until it is unparked.
pub(super) struct Sleeper {
    pub(super) thread: Thread,
    /// Its number in the system.
    number: libc::pid_t,
}

impl Sleeper {
    pub(super) fn this_thread() -> Self {
        Self {
            thread: std::thread::current(),
            // SAFETY: a question without arguments.
            number: unsafe { libc::gettid() },
        }
    }

    /// Keeps it off the processor that the calling thread runs on, and goes on computing on: where a
    /// cache has few processors, Linux wakes threads there even if another one is idle. Returns the
    /// mask that it has to apply when it has risen, if that was possible.
    pub(super) fn keep_off_this_processor(&self) -> Option<Mask> {
        let before = affinity(self.number)?;
        let mut elsewhere = before;
        let here = processor()?;
        if here >= libc::CPU_SETSIZE as usize {
            return None;
        }
        // SAFETY: the sets are live and the number is one of their bits.
        let others = unsafe {
            libc::CPU_CLR(here, &mut elsewhere);
            libc::CPU_COUNT(&elsewhere)
        };
        (others > 0 && set_affinity(self.number, &elsewhere)).then_some(Mask(before))
    }
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

/// The calling thread, for the functions below.
const THIS_THREAD: libc::pid_t = 0;

fn affinity(thread: libc::pid_t) -> Option<libc::cpu_set_t> {
    let mut set = set_of(&[]);
    // SAFETY: the set is live and has the size given.
    let code = unsafe { libc::sched_getaffinity(thread, size_of::<libc::cpu_set_t>(), &mut set) };
    (code == 0).then_some(set)
}

/// Whether the system does it.
fn set_affinity(thread: libc::pid_t, set: &libc::cpu_set_t) -> bool {
    // SAFETY: the set is live and has the size given. A refusal changes nothing.
    unsafe { libc::sched_setaffinity(thread, size_of::<libc::cpu_set_t>(), set) == 0 }
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
    #[test]
    fn a_thread_is_woken_elsewhere_and_returns() {
        let (tell, told) = std::sync::mpsc::channel();
        let (go_on, going_on) = std::sync::mpsc::channel::<Option<Mask>>();
        let sleeper = std::thread::spawn(move || {
            tell.send(Sleeper::this_thread()).unwrap();
            let mask = going_on.recv().unwrap();
            let elsewhere = allowed();
            if let Some(mask) = mask {
                mask.apply();
            }
            (elsewhere, allowed())
        });
        let all = allowed();
        // This thread has to stay, so that "here" means something.
        let here: Processors = Arc::from([all[0]]);
        let mask = on(Some(&here), || {
            told.recv().unwrap().keep_off_this_processor()
        });
        let is_moved = mask.is_some();
        go_on.send(mask).unwrap();
        let (elsewhere, returned) = sleeper.join().unwrap();
        assert_eq!(is_moved, all.len() > 1);
        assert_eq!(elsewhere.contains(&here[0]), !is_moved);
        assert_eq!(returned, all);
    }
}
