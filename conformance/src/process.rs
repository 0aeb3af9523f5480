//! Processes: forked children, groups, exit handlers, resident memory, processors, and the library of an
//! address.
// `dladdr` only compares its argument with the address ranges of the loaded libraries.
#![allow(unsafe_code, clippy::not_unsafe_ptr_arg_deref)]

use std::ffi::{c_void, CStr};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Runs `work` in a forked child and returns its exit status: 0 when it returned, 1 when it
/// panicked, 2 when it did not end within a minute or was killed.
pub fn in_forked_child(work: impl FnOnce()) -> i32 {
    // SAFETY: the child only runs `work` and then leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: a child that hangs must end; `alarm` kills it.
        unsafe { libc::alarm(60) };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    let mut status = 0;
    // SAFETY: `status` is a live local; `child` is our own child.
    unsafe { libc::waitpid(child, &mut status, 0) };
    if libc::WIFEXITED(status) {
        libc::WEXITSTATUS(status)
    } else {
        2
    }
}

/// Kills the processes of a group, if there are any left.
pub fn kill_group(leader: u32) {
    // SAFETY: only sends a signal.
    unsafe { libc::kill(-(leader as libc::pid_t), libc::SIGKILL) };
}

/// Has this process killed when the thread that started it ends.
pub fn end_with_parent() {
    // SAFETY: only sets an attribute of this process.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Has the process of a command killed when the thread that starts it ends.
pub fn ends_with_parent(command: &mut Command) -> &mut Command {
    let set = || {
        end_with_parent();
        Ok(())
    };
    // SAFETY: between fork and exec the child does nothing but set an attribute of itself.
    unsafe { command.pre_exec(set) }
}

/// Registers a function with `atexit`.
pub fn at_exit(function: extern "C" fn()) {
    // SAFETY: the function is a plain `extern "C"` function that lives as long as the process.
    unsafe { libc::atexit(function) };
}

/// Path of the shared library that contains `address`; empty when it is in none.
pub fn library_of(address: *const c_void) -> String {
    // SAFETY: all-zero is a valid `Dl_info`, which `dladdr` fills; the name it returns lives as
    // long as the library.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(address, &mut info) == 0 || info.dli_fname.is_null() {
            return String::new();
        }
        CStr::from_ptr(info.dli_fname)
            .to_string_lossy()
            .into_owned()
    }
}

/// Drops every reference that the process holds to the loaded library at `path`, as each of them
/// could be dropped by whoever holds it. Whether the library is still there afterwards.
pub fn unload(path: &CStr) -> bool {
    // More than anyone holds: a library that is never unloaded has no last reference to drop.
    for _ in 0..16 {
        // SAFETY: finds a library that is loaded already, so no constructor runs.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        if handle.is_null() {
            return false;
        }
        // SAFETY: the first call drops the reference just taken, the second one somebody else's, who
        // can go on only if the library stays: that is what is checked. The handle is good for both:
        // a library without another reference is found only if something else keeps it loaded.
        unsafe {
            libc::dlclose(handle);
            libc::dlclose(handle);
        }
    }
    true
}

/// Resident memory of this process in bytes.
///
/// # Errors
/// When `/proc` does not say.
pub fn resident_bytes() -> std::io::Result<usize> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: Option<usize> = text
        .split_whitespace()
        .nth(1)
        .and_then(|field| field.parse().ok());
    pages
        .map(|pages| pages * 4096)
        .ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

/// Numbers of the processors that the calling thread may run on, ascending.
pub fn processors_of_this_thread() -> Vec<usize> {
    // SAFETY: a set of bits, for which zeros are valid.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is live and has the size given.
    unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
    let all = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: the set is live and the number is one of its bits.
    all.filter(|number| unsafe { libc::CPU_ISSET(*number, &set) })
        .collect()
}
