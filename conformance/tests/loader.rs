//! The driver and its loaders (`cl_khr_icd`): discovery, both loader generations, fork, exit.
//! Children are this test binary again, run with `ISOCL_CHILD` naming what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::{c_void, CString};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use isocl_conformance::client::{read, write, Api};
use isocl_conformance::process;
use isocl_conformance::session::{string, Session};
use opencl_sys::*;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

/// Runs one of the `child_…` functions in a process of its own, for at most a minute.
fn child(name: &str, change: impl FnOnce(&mut Command)) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["children", "--exact", "--nocapture", "--test-threads=1"])
        .env("ISOCL_CHILD", name);
    change(&mut command);
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut running = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while running.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            running.kill().unwrap();
            panic!("{name} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    running.wait_with_output().unwrap()
}

fn succeeds(name: &str, change: impl FnOnce(&mut Command)) {
    let output = child(name, change);
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{name}: {:?}\n{text}",
        output.status
    );
    assert!(text.contains("child done"), "{name} did not run:\n{text}");
}

/// Everything a program does: build, launch, read.
fn work(session: &Session) {
    let kernel = session
        .kernel(
            "kernel void f(global int *p) { p[get_global_id(0)] = 5; }",
            "",
            "f",
        )
        .unwrap();
    let memory = session.api.clSVMAlloc(
        session.context,
        CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER,
        4096,
        0,
    );
    assert!(!memory.is_null());
    write(memory, 1023, 0i32);
    assert_eq!(
        session.api.clSetKernelArgSVMPointer(kernel, 0, memory),
        CL_SUCCESS
    );
    assert_eq!(session.launch(kernel, &[1024], None), CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(read::<i32>(memory, 1023), 5);
    session.api.clReleaseKernel(kernel);
    session.api.clSVMFree(session.context, memory);
}

/// Not a test by itself: what the children of this file's tests run.
#[test]
fn children() {
    match std::env::var("ISOCL_CHILD").as_deref() {
        Ok("work") => work(&session()),
        Ok("enumerate") => enumerate(),
        Ok("exit_late") => exit_late(),
        Ok("fork_inherited") => fork_inherited(),
        Ok("fork_fresh") => fork_fresh(),
        Ok("exit_busy") => exit_busy(),
        Ok("unload") => unload(),
        _ => return,
    }
    println!("child done");
}

fn enumerate() {
    let session = session();
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let before = threads;
    assert!(
        !maps.contains("libLLVM-19") && !maps.contains("libLLVM.so.19"),
        "enumeration loads LLVM"
    );
    assert!(
        !maps.contains("isocl_compiler"),
        "enumeration loads the compiler"
    );
    work(&session);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(
        maps.contains("isocl_compiler"),
        "the compiler is not the one of this build"
    );
    assert!(before <= 3, "enumeration starts threads: {before}");
}

fn exit_late() {
    extern "C" fn late() {
        let session = Session::open().unwrap();
        work(&session);
        println!("late work done");
    }
    work(&session());
    process::at_exit(late);
}

fn exit_busy() {
    let session = session();
    let kernel = session
        .kernel(
            "kernel void spin(global volatile int *p) { while (*p == 0) {} }",
            "",
            "spin",
        )
        .unwrap();
    let memory = session.api.clSVMAlloc(
        session.context,
        CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER,
        64,
        0,
    );
    write(memory, 0, 0i32);
    assert_eq!(
        session.api.clSetKernelArgSVMPointer(kernel, 0, memory),
        CL_SUCCESS
    );
    assert_eq!(session.launch(kernel, &[1], None), CL_SUCCESS);
    assert_eq!(session.api.clFlush(session.queue), CL_SUCCESS);
    std::mem::forget(session);
}

fn fork_inherited() {
    let session = session();
    work(&session);
    let status = process::in_forked_child(|| work(&session));
    assert_eq!(status, 0, "work on inherited objects in a forked child");
    work(&session);
}

fn fork_fresh() {
    work(&session());
    let status = process::in_forked_child(|| work(&Session::open().unwrap()));
    assert_eq!(status, 0, "a fresh context in a forked child");
}

fn unload() {
    // On a thread that ends, for what a thread has of a library keeps the library loaded as well.
    let driver = std::thread::spawn(|| process::library_of(read(session().device, 0)))
        .join()
        .unwrap();
    let path = CString::new(driver.clone()).unwrap();
    assert!(process::unload(&path), "{driver} is gone before it is used");
    let session = session();
    work(&session);
    assert!(process::unload(&path), "{driver} is gone, its threads not");
    work(&session);
}

#[test]
fn enumeration_is_cheap() {
    succeeds("enumerate", |_| ());
}

#[test]
fn opencl_works_in_an_exit_handler() {
    let output = child("exit_late", |_| ());
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("late work done"));
}

#[test]
fn a_process_may_exit_while_a_kernel_runs() {
    succeeds("exit_busy", |_| ());
}

#[test]
fn the_driver_stays_when_nobody_holds_it() {
    succeeds("unload", |_| ());
}

#[test]
fn a_forked_child_can_work() {
    succeeds("fork_inherited", |_| ());
    succeeds("fork_fresh", |_| ());
}

#[test]
fn every_device_address_width_works() {
    for bits in ["36", "40", "47", "57"] {
        succeeds("work", |command| {
            command.env("ISOCL_ADDRESS_BITS", bits);
        });
    }
}

/// Builds and runs a kernel through the ICD loader that PyOpenCL's wheel carries, also in a forked
/// child, and tells which loaders the process has.
const WITH_PYOPENCL: &str = r#"
import os, sys, numpy, pyopencl as cl
def work(context):
    queue = cl.CommandQueue(context)
    program = cl.Program(context, "kernel void f(global int *p) { p[get_global_id(0)] = 5; }").build()
    memory = cl.SVM(cl.fsvm_empty(context, 1024, numpy.int32))
    program.f(queue, (1024,), None, memory)
    queue.finish()
    assert (memory.mem == 5).all()
context = cl.Context(cl.get_platforms()[0].get_devices())
work(context)
child = os.fork()
if child == 0:
    work(context)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
work(context)
print(*{line.split()[-1] for line in open("/proc/self/maps") if "libOpenCL" in line})
"#;

#[test]
fn a_second_loader_works_too() {
    let Ok(python) = std::env::var("ISOCL_PYTHON") else {
        panic!(
            "ISOCL_PYTHON does not name a Python with PyOpenCL (run the tests with `make test`)"
        );
    };
    let output = Command::new(python)
        .args(["-W", "ignore", "-c", WITH_PYOPENCL])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("pyopencl") && !text.contains("/usr/lib"),
        "the loader is not PyOpenCL's own:\n{text}"
    );
}

#[test]
fn the_platform_describes_itself() {
    let session = session();
    let text = |name| {
        string(|size, value, size_ret| {
            session
                .api
                .clGetPlatformInfo(session.platform, name, size, value, size_ret)
        })
        .unwrap()
    };
    assert_eq!(text(CL_PLATFORM_PROFILE), "FULL_PROFILE");
    assert!(text(CL_PLATFORM_VERSION).starts_with("OpenCL 3.0 "));
    assert!(text(CL_PLATFORM_EXTENSIONS)
        .split(' ')
        .any(|name| name == "cl_khr_icd"));
    assert_eq!(text(CL_PLATFORM_ICD_SUFFIX_KHR), "ISOCL");
}

#[test]
fn the_driver_exports_its_six_entry_points_and_is_not_bound_to_a_loader() {
    let driver = process::library_of(read::<*const c_void>(session().device, 0));
    let symbols = Command::new("nm")
        .args(["-D", "--defined-only", &driver])
        .output()
        .unwrap();
    let mut names: Vec<_> = String::from_utf8(symbols.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .nth(2)
                .map(|name| name.split('@').next().unwrap().to_owned())
        })
        .collect();
    names.retain(|name| name.starts_with("cl") || name.starts_with("isocl"));
    names.sort();
    assert_eq!(
        names,
        [
            "clGetExtensionFunctionAddress",
            "clGetExtensionFunctionAddressForPlatform",
            "clGetPlatformInfo",
            "clIcdGetFunctionAddressForPlatformKHR",
            "clIcdGetPlatformIDsKHR",
            "clIcdSetPlatformDispatchDataKHR",
        ]
    );
    let dynamic = Command::new("readelf")
        .args(["-d", &driver])
        .output()
        .unwrap();
    let dynamic = String::from_utf8(dynamic.stdout).unwrap();
    assert!(dynamic.contains("NEEDED"));
    for library in ["libOpenCL", "libLLVM", "libclang"] {
        assert!(
            !dynamic.contains(library),
            "{library} is loaded with the driver"
        );
    }
}

#[test]
fn no_slot_of_the_dispatch_table_is_null() {
    let session = session();
    let table = read::<*const c_void>(session.device, 0);
    assert!((0..150).all(|slot| read::<usize>(table, slot) != 0));
    const TAG: usize = 0x4F50_454E_434C_3331;
    assert_eq!(
        (read::<usize>(table, 0), read::<usize>(table, 31)),
        (TAG, TAG)
    );
}

#[test]
fn extension_functions_are_found_and_unknown_names_are_not() {
    let session = session();
    let find = |name: &std::ffi::CStr| {
        session
            .api
            .clGetExtensionFunctionAddressForPlatform(session.platform, name.as_ptr())
    };
    assert!(find(c"clNoSuchFunctionISOCL").is_null());
    assert!(Api::get().unwrap().exports("clSVMAlloc"));
}
