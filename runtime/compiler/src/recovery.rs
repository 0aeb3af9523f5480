//! Keeps a crash of the compiler away from the application.
#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::thread;

use crate::error::Error;
use crate::frontend::take_text;

extern "C" {
    fn isocl_run_protected(function: extern "C" fn(*mut c_void), data: *mut c_void) -> *mut c_char;
}

/// Stack of a compiling thread in bytes: clang and LLVM recurse as deep as a program nests, and the
/// application's threads may have little.
const STACK_BYTES: usize = 64 << 20;

/// Bytes at the end of that stack which nothing may touch. The variables of some functions of clang
/// reach across the one page that the C library leaves there, into the memory of others.
const GUARD_BYTES: usize = 1 << 20;

struct Call<F, R> {
    work: Option<F>,
    result: Option<thread::Result<R>>,
}

extern "C" fn run<F: FnOnce() -> R, R>(data: *mut c_void) {
    // SAFETY: `protected` passes its own `Call`, which outlives the call and is used by nobody
    // else meanwhile.
    let call = unsafe { &mut *data.cast::<Call<F, R>>() };
    if let Some(work) = call.work.take() {
        call.result = Some(catch_unwind(AssertUnwindSafe(work)));
    }
}

/// `run` for the types of this call, which cannot be named.
fn runner<F: FnOnce() -> R, R>(_: &Call<F, R>) -> extern "C" fn(*mut c_void) {
    run::<F, R>
}

/// Runs `work`; a crash, a fatal error of LLVM or a panic inside becomes an error.
///
/// What `work` owns when LLVM crashes is lost, not freed, for it may hold half-built objects. So
/// `work` must hold no lock that others need, and call nothing that does across calls into LLVM.
///
/// # Errors
/// [`Error::Internal`] when `work` did not come to its end.
pub fn protected<R>(work: impl FnOnce() -> R) -> Result<R, Error> {
    let mut call = Call {
        work: Some(work),
        result: None,
    };
    let function = runner(&call);
    // SAFETY: `function` expects exactly this `Call`, which lives until the call returns.
    let crash = unsafe { isocl_run_protected(function, std::ptr::from_mut(&mut call).cast()) };
    if !crash.is_null() {
        return Err(Error::Internal(take_text(crash)));
    }
    match call.result {
        Some(Ok(result)) => Ok(result),
        Some(Err(panic)) => Err(panicked(panic.as_ref())),
        None => Err(Error::Internal("the compiler did nothing".to_owned())),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = (panic.downcast_ref::<&str>().copied())
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::Internal(format!("panic: {}", text.unwrap_or("of unknown kind")))
}

/// [`protected`] on a thread of its own with a large stack, which takes none of the application's
/// signals.
///
/// # Errors
/// [`Error::Internal`] when `work` did not come to its end or there is no thread for it.
pub fn isolated<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, Error> {
    thread::scope(|scope| {
        thread::Builder::new()
            .name("isocl-compiler".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || {
                block_signals();
                let _guard = Guard::of_this_thread();
                protected(work)
            })
            .map_err(|error| Error::Internal(format!("no thread to compile on: {error}")))?
            .join()
            .map_err(|panic| panicked(panic.as_ref()))?
    })
}

/// The end of a thread's stack, out of reach until dropped.
struct Guard(*mut c_void);

impl Guard {
    /// None when the system says no; then there is what the C library leaves.
    fn of_this_thread() -> Option<Self> {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        let (mut end, mut size) = (std::ptr::null_mut(), 0);
        // SAFETY: the attributes are initialised by the first call and destroyed by the last; the
        // others write to locals.
        unsafe {
            let this = libc::pthread_self();
            if libc::pthread_getattr_np(this, attributes.as_mut_ptr()) != 0 {
                return None;
            }
            libc::pthread_attr_getstack(attributes.as_ptr(), &mut end, &mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
        }
        let guard = Self(end);
        let done = size > 2 * GUARD_BYTES && guard.protect(libc::PROT_NONE);
        done.then_some(guard)
    }

    fn protect(&self, access: i32) -> bool {
        // SAFETY: the bytes are the far end of this thread's stack, of which nothing is in use while
        // the frame that holds `self` is near the other end.
        unsafe { libc::mprotect(self.0, GUARD_BYTES, access) == 0 }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.protect(libc::PROT_READ | libc::PROT_WRITE);
    }
}

/// A tenth of a processor where threads of the usual priority want it, and all of one that is free.
const LOW_PRIORITY: c_int = 10;

/// Lets the calling thread, and those that it will start, compute where others leave processors free.
pub(crate) fn give_way() {
    // SAFETY: no pointers are passed; 0 is the calling thread, whose priority alone changes. A refusal
    // changes nothing.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, LOW_PRIORITY) };
}

/// Blocks every signal that is not raised by the thread's own instructions.
pub(crate) fn block_signals() {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigfillset` initialises the set, the others read and change it; a null pointer
    // asks for no old set.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for fault in [
            libc::SIGABRT,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGSEGV,
            libc::SIGTRAP,
        ] {
            libc::sigdelset(set.as_mut_ptr(), fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::{Context, Emission, TargetMachine};

    fn crash() {
        // SAFETY: none; this is the crash that the protection is there for.
        unsafe { std::ptr::null_mut::<u32>().write_volatile(1) };
    }

    fn recurse(depth: u64) -> u64 {
        let here = std::hint::black_box([depth; 64]);
        if depth == u64::MAX {
            return 0;
        }
        recurse(depth + 1) + here[1]
    }

    #[test]
    fn threads_started_by_one_that_gives_way_give_way() {
        // SAFETY: no pointers are passed.
        let priority = || unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
        let usual = priority();
        let low = thread::spawn(move || {
            give_way();
            (priority(), isolated(priority))
        });
        let (own, started) = low.join().unwrap();
        assert_eq!(own, usual.max(LOW_PRIORITY));
        assert_eq!(started, Ok(own));
        assert_eq!(priority(), usual);
    }

    #[test]
    fn a_crash_becomes_an_error_again_and_again() {
        for _ in 0..3 {
            let error = protected(crash).unwrap_err().to_string();
            assert!(error.contains("signal 11"), "{error}");
            assert_eq!(protected(|| 5), Ok(5));
        }
    }

    #[test]
    fn an_abort_becomes_an_error() {
        let error = protected(|| std::process::abort()).unwrap_err().to_string();
        assert!(error.contains("signal 6"), "{error}");
    }

    #[test]
    fn a_crash_inside_returns_to_the_inner_call() {
        let result = protected(|| (protected(crash).is_err(), 7));
        assert_eq!(result, Ok((true, 7)));
    }

    #[test]
    fn an_exhausted_stack_becomes_an_error() {
        let error = isolated(|| recurse(0)).unwrap_err().to_string();
        assert!(error.contains("signal 11"), "{error}");
    }

    #[test]
    fn large_frames_do_not_reach_across_the_end_of_the_stack() {
        let guard_bytes = || {
            let local = std::hint::black_box([0_u8; 64]);
            let here = local.as_ptr() as usize;
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let mut below = 0;
            for line in maps.lines() {
                let (range, rest) = line.split_once(' ').unwrap();
                let (start, end) = range.split_once('-').unwrap();
                let [start, end] = [start, end].map(|at| usize::from_str_radix(at, 16).unwrap());
                if (start..end).contains(&here) {
                    break;
                }
                below = if rest.starts_with("---") {
                    end - start
                } else {
                    0
                };
            }
            below
        };
        assert!(isolated(guard_bytes).unwrap() >= GUARD_BYTES);
        assert_eq!(
            isolated(|| 5),
            Ok(5),
            "and the next thread has a stack again"
        );
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let error = isolated(|| panic!("on purpose")).unwrap_err();
        assert_eq!(error, Error::Internal("panic: on purpose".to_owned()));
    }

    #[test]
    fn a_fatal_error_of_llvm_becomes_an_error_with_its_text() {
        let context = Context::new();
        let machine = TargetMachine::host().unwrap();
        // The code generator has no instruction for this.
        let module = context
            .parse_ir(
                "declare void @llvm.amdgcn.s.barrier()
                define void @f() {
                  call void @llvm.amdgcn.s.barrier()
                  ret void
                }",
            )
            .unwrap();
        module.set_triple(&machine.triple());
        module.set_data_layout(&machine.data_layout());
        let error = protected(|| machine.emit_object(&module, Emission::Usual).map(|_| ()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("LLVM gave up"), "{error}");
        // They are in an unknown state: nobody may free or use them.
        std::mem::forget((module, machine));
    }
}
