//! What a process sees of the compiler besides its answers: nothing printed, memory given back,
//! signal handlers untouched, one symbol.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ahead;

use std::fs;
use std::io::{Read, Seek};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use isocl_compiler::fork::Call;
use isocl_compiler::recovery::isolated;
use isocl_compiler::service::respond;
use isocl_compiler_interface::message::{KernelCode, Limits, Request, Response, Target};
use isocl_compiler_interface::rows::Rows;

/// These tests look at the whole process, so only one runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn target() -> Target {
    Target {
        extensions: Vec::new(),
        features: Vec::new(),
        limits: Limits::NONE,
    }
}

fn compile(source: &str) -> Result<Vec<u8>, String> {
    match respond(Request::Compile {
        target: target(),
        source: source.into(),
        options: String::new(),
        headers: Vec::new(),
    }) {
        Response::Built { binary, .. } => Ok(binary),
        Response::Failed { log, .. } => Err(log),
        other => panic!("{other:?}"),
    }
}

/// Builds and loads a program.
fn load(source: &str) -> u64 {
    let object = compile(source).unwrap();
    let Response::Built { binary, .. } = respond(Request::Link {
        target: target(),
        objects: vec![object],
        options: String::new(),
    }) else {
        panic!()
    };
    let Response::Loaded(executable) = respond(Request::Load { binary }) else {
        panic!()
    };
    executable.id
}

/// Has a kernel compiled, if it is not yet.
fn ask(executable: u64, kernel: u32) {
    code(executable, kernel);
}

/// The code of a kernel.
fn code(executable: u64, kernel: u32) -> KernelCode {
    let rows = Rows::USUAL;
    let answer = respond(Request::Kernel {
        executable,
        kernel,
        rows,
    });
    match answer {
        Response::Kernel(code) => code,
        other => panic!("{other:?}"),
    }
}

/// Builds, loads, compiles and unloads; calls `loaded` while the kernel is there.
fn build(source: &str, loaded: impl FnOnce()) {
    let executable = load(source);
    ask(executable, 0);
    loaded();
    assert_eq!(respond(Request::Unload { executable }), Response::Unloaded);
}

const SOURCE: &str = "constant float table[300] = {1.0f, 2.0f};
    kernel void f(global float *p) { p[get_global_id(0)] = sin(table[(int)*p]); }";

/// Anonymous mappings with code.
fn code_mappings() -> usize {
    fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .filter(|line| line.contains(" r-xp ") && line.split_whitespace().count() == 5)
        .count()
}

#[test]
fn unloading_gives_all_code_back() {
    let _alone = alone();
    let before = code_mappings();
    for _ in 0..3 {
        build(SOURCE, || assert!(code_mappings() > before));
        assert_eq!(code_mappings(), before);
    }
}

fn resident_kib() -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn builds_leave_memory_flat() {
    let _alone = alone();
    let round = || {
        build(SOURCE, || ());
        compile("kernel void f() { wrong }").unwrap_err();
    };
    (0..20).for_each(|_| round());
    let before = resident_kib();
    (0..60).for_each(|_| round());
    // A leak of one small module each would be 60 times 40 KiB and more.
    let growth = resident_kib().saturating_sub(before);
    assert!(growth < 1500, "{growth} KiB in 60 builds");
}

fn crash() {
    // SAFETY: none; this is the crash that the compiler must keep to itself.
    unsafe { std::ptr::null_mut::<u32>().write_volatile(1) };
}

#[test]
fn nothing_is_printed_on_the_error_output() {
    let _alone = alone();
    let path = std::env::temp_dir().join(format!("isocl-printed-{}", std::process::id()));
    let mut file = fs::File::options()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    fs::remove_file(&path).unwrap();
    // Standard output stays, because the test harness writes to it at any time.
    // SAFETY: the descriptor is that of this process, and comes back below.
    let saved = unsafe {
        let saved = libc::dup(2);
        libc::dup2(file.as_raw_fd(), 2);
        saved
    };
    let outcomes = [
        compile("kernel void f() { wrong }").is_err(),
        compile("#warning this one\nkernel void f() {}").is_ok(),
        compile("#include <nowhere.h>").is_err(),
        isolated(crash).is_err(),
    ];
    build(SOURCE, || ());
    // SAFETY: as above.
    unsafe {
        libc::dup2(saved, 2);
        libc::close(saved);
    }
    let mut printed = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "");
    assert_eq!(outcomes, [true; 4]);
}

fn handler_of(signal: i32) -> usize {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null pointer changes nothing; the other is a local.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction
    }
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn application_handler(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the system passes what the sender said.
    let value = unsafe { (*info).si_value().sival_ptr } as usize;
    HANDLED.store(value, Ordering::SeqCst);
}

#[test]
fn the_applications_signal_handlers_are_called_and_stay() {
    let _alone = alone();
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = application_handler;
    // SAFETY: all-zero is a valid action, and the handler has the type that the flag asks for.
    unsafe {
        (*action.as_mut_ptr()).sa_sigaction = handler as usize;
        (*action.as_mut_ptr()).sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGBUS, action.as_ptr(), old.as_mut_ptr());
    }
    let (inside, go_on) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            isolated(|| {
                inside.store(true, Ordering::SeqCst);
                while !go_on.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            })
            .unwrap();
        });
        while !inside.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        assert_ne!(handler_of(libc::SIGBUS), handler as usize);
        // A fault of this thread, with what belongs to it, while another thread compiles.
        let value = libc::sigval {
            sival_ptr: 4711 as *mut libc::c_void,
        };
        // SAFETY: the signal goes to this thread, whose handler is the one above.
        unsafe { libc::pthread_sigqueue(libc::pthread_self(), libc::SIGBUS, value) };
        go_on.store(true, Ordering::SeqCst);
    });
    assert_eq!(HANDLED.load(Ordering::SeqCst), 4711);
    assert_eq!(handler_of(libc::SIGBUS), handler as usize);
    // SAFETY: puts back what was there.
    unsafe { libc::sigaction(libc::SIGBUS, old.as_ptr(), std::ptr::null_mut()) };
}

/// Whether a forked child ends by itself, and well; `work` tells the exit status, or exits.
fn child_ends_well(work: impl FnOnce() -> i32) -> bool {
    // SAFETY: the child calls nothing but the compiler, whose behaviour there is the question,
    // and ends without running anything of the test harness.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let status = catch_unwind(AssertUnwindSafe(work)).unwrap_or(1);
        // SAFETY: ends the child.
        unsafe { libc::_exit(status) };
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut status = 0;
    loop {
        // SAFETY: waits for the child from above with a local for the status.
        match unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } {
            0 if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(1)),
            0 => {
                // SAFETY: the child is ours and still there.
                unsafe { libc::kill(child, libc::SIGKILL) };
                panic!("the child hangs");
            }
            _ => return libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
        }
    }
}

fn child_builds() -> bool {
    child_ends_well(|| i32::from(compile(SOURCE).is_err()))
}

#[test]
fn a_forked_child_builds_or_says_why_not() {
    let _alone = alone();
    build(SOURCE, || ());
    assert!(child_builds());
    let call = Call::begin().unwrap();
    assert!(!child_builds());
    drop(call);
    assert!(child_builds());
}

#[test]
fn a_deleted_working_directory_does_not_matter() {
    let _alone = alone();
    let before = std::env::current_dir().unwrap();
    let gone = std::env::temp_dir().join(format!("isocl-gone-{}", std::process::id()));
    fs::create_dir(&gone).unwrap();
    std::env::set_current_dir(&gone).unwrap();
    fs::write("here.h", "#define HERE 1").unwrap();
    let include = compile("#include \"here.h\"\nkernel void f(global int *p) { *p = HERE; }");
    fs::remove_dir_all(&gone).unwrap();
    let nowhere = compile("kernel void f() {}");
    std::env::set_current_dir(before).unwrap();
    assert_eq!(include.map(|_| ()), Ok(()));
    assert_eq!(nowhere.map(|_| ()), Ok(()));
}
