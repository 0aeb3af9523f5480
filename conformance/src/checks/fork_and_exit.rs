//! Processes that end, and processes that fork, with an implementation in use.
//!
//! The specification asks nobody to release what a process holds before it ends. A check starts a
//! process of its own for it, which plays a scene and ends with a status.

use std::ffi::c_void;
use std::io::Write;
use std::process::{Command, Stdio};
use std::ptr::{from_ref, null, null_mut};
use std::sync::OnceLock;
use std::time::Duration;

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::{read, write, Api};
use crate::process::{at_exit, end_with_parent, in_forked_child};

/// The argument, before the name of a scene, that makes `isocl-conformance` play it.
pub const ARGUMENT: &str = "--scene";

/// The group.
pub const GROUP: Group = Group {
    name: "fork-and-exit",
    about: "processes that end or fork with memory and commands in use",
    checks: &[
        Check::new(
            "fork-and-exit/live-memory",
            "5.6.1",
            "A process ends with its status although memory is still allocated.",
            |_| ends("live-memory"),
        ),
        Check::new(
            "fork-and-exit/mapped-memory",
            "5.6.1",
            "A process ends with its status although memory is still mapped.",
            |_| ends("mapped-memory"),
        ),
        Check::new(
            "fork-and-exit/live-objects",
            "5.9",
            "A process ends with its status although buffers, kernels and events still live.",
            |_| ends("live-objects"),
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
        Check::new(
            "fork-and-exit/pending-commands",
            "5.16",
            "A process ends with its status although commands wait for an event that never comes.",
            |_| ends("pending-commands"),
        ),
        Check::new(
            "fork-and-exit/running-commands",
            "5.16",
            "A process ends with its status although commands run that nobody has waited for.",
            |_| ends("running-commands"),
        ),
        Check::new(
            "fork-and-exit/waiting-thread",
            "5.16",
            "A process ends with its status although another thread waits in clFinish.",
            |_| ends("waiting-thread"),
        ),
        Check::new(
            "fork-and-exit/by-another-thread",
            "A.2",
            "A process ends with its status when another thread than the first ends it.",
            |_| ends("by-another-thread"),
        ),
        Check::new(
            "fork-and-exit/context-released-with-memory",
            "4.4",
            "A process ends with its status after its contexts were released with memory allocated.",
            |_| ends("context-released-with-memory"),
        ),
        Check::new(
            "fork-and-exit/in-an-exit-handler",
            "A.3",
            "Whether an exit handler can free memory and release a context is implementation-defined.",
            |_| {
                ends("in-an-exit-handler")?;
                Err(Outcome::informative("it can"))
            },
        )
        .undefined(),
        Check::new(
            "fork-and-exit/child-that-ends",
            "5.6.1",
            "Memory and commands of a process go on after it forked a child that only ends.",
            child_that_ends,
        ),
        Check::new(
            "fork-and-exit/child-while-commands-wait",
            "5.16",
            "Commands that waited while the process forked a child run afterwards.",
            child_while_commands_wait,
        ),
        Check::new(
            "fork-and-exit/child-that-reads",
            "5.6.1",
            "What a forked child finds in memory that its parent allocated is not specified.",
            child_that_reads,
        )
        .undefined(),
        Check::new(
            "fork-and-exit/child-that-enqueues",
            "5.6.1",
            "Whether a forked child can use what its parent made is not specified.",
            child_that_enqueues,
        )
        .undefined(),
    ],
};

/// The status with which a scene that was played to its end ends the process.
const PLAYED: i32 = 42;

type Scene = (&'static str, fn(&Environment) -> Finding);

const SCENES: &[Scene] = &[
    ("live-memory", live_memory),
    ("mapped-memory", mapped_memory),
    ("live-objects", live_objects),
    ("pending-commands", pending_commands),
    ("running-commands", running_commands),
    ("waiting-thread", waiting_thread),
    ("by-another-thread", by_another_thread),
    ("context-released-with-memory", context_released_with_memory),
    ("in-an-exit-handler", in_an_exit_handler),
];

/// Plays a scene and ends the process.
pub fn play(name: &str) -> ! {
    end_with_parent();
    let scene = SCENES.iter().find(|scene| scene.0 == name);
    let result = match (scene, Environment::open()) {
        (Some((_, scene)), Ok(environment)) => {
            let result = scene(&environment);
            // Nothing is released.
            std::mem::forget(environment);
            result
        }
        (None, _) => Err(Outcome::fail("a scene", name)),
        (_, Err(error)) => Err(error.into()),
    };
    let status = match result {
        Ok(()) => PLAYED,
        Err(outcome) => {
            // Nobody is there to tell if this fails.
            let _ = writeln!(std::io::stderr(), "{}", outcome.seen());
            1
        }
    };
    std::process::exit(status)
}

/// Demands that a process that plays a scene ends with its status.
fn ends(scene: &str) -> Finding {
    let cannot = |error: std::io::Error| Outcome::fail("a process", error.to_string());
    let program = std::env::current_exe().map_err(cannot)?;
    let output = Command::new(program)
        .args([ARGUMENT, scene])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(cannot)?;
    expect::that(output.status.code() == Some(PLAYED), || {
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(3)..].join("\n");
        (
            format!("the process ends with status {PLAYED}"),
            format!("{}: {last}", output.status),
        )
    })
}

const SIZE: usize = 1 << 16;

fn live_memory(environment: &Environment) -> Finding {
    for size in [1, 100, SIZE, 3 << 20] {
        let pointer = environment.svm(size)?;
        environment.store(pointer, &vec![1_u8; size])?;
    }
    Ok(())
}

fn mapped_memory(environment: &Environment) -> Finding {
    let pointer = environment.svm(SIZE)?;
    let (queue, flags, none) = (environment.queue, CL_MAP_WRITE, null_mut());
    let code =
        environment
            .api
            .clEnqueueSVMMap(queue, CL_TRUE, flags, pointer, SIZE, 0, null(), none);
    expect::success("clEnqueueSVMMap", code)?;
    write(pointer, 0, 5_u32);
    Ok(())
}

fn live_objects(environment: &Environment) -> Finding {
    let source = "kernel void one(global uint *p) { p[get_global_id(0)] = 1; }";
    let kernel = environment.kernel(source, "one")?;
    let pointer = environment.svm(SIZE)?;
    environment.buffer(CL_MEM_USE_HOST_PTR, SIZE, pointer)?;
    environment.run(kernel, &[pointer], SIZE / 4)
}

fn fill(environment: &Environment, pointer: *mut c_void, wait: Option<cl_event>) -> Finding {
    let (value, (count, list)) = (
        5_u32,
        wait.as_ref()
            .map_or((0, null()), |event| (1, from_ref(event))),
    );
    let (queue, pattern) = (environment.queue, from_ref(&value).cast());
    let none = null_mut();
    let api = environment.api;
    let code = api.clEnqueueSVMMemFill(queue, pointer, pattern, 4, SIZE, count, list, none);
    expect::success("clEnqueueSVMMemFill", code)?;
    expect::success("clFlush", api.clFlush(queue))
}

fn pending_commands(environment: &Environment) -> Finding {
    let gate = environment.gate()?;
    for _ in 0..10 {
        fill(environment, environment.svm(SIZE)?, Some(gate))?;
    }
    Ok(())
}

fn running_commands(environment: &Environment) -> Finding {
    for _ in 0..500 {
        fill(environment, environment.svm(SIZE)?, None)?;
    }
    Ok(())
}

fn waiting_thread(environment: &Environment) -> Finding {
    let gate = environment.gate()?;
    fill(environment, environment.svm(SIZE)?, Some(gate))?;
    let (api, queue) = (environment.api, environment.queue as usize);
    std::thread::spawn(move || api.clFinish(queue as cl_command_queue));
    // Until it waits; should it come later, it waits all the same, or never begins.
    std::thread::sleep(Duration::from_millis(20));
    Ok(())
}

fn by_another_thread(environment: &Environment) -> Finding {
    live_memory(environment)?;
    fill(environment, environment.svm(SIZE)?, None)?;
    let other = std::thread::spawn(|| std::process::exit(PLAYED));
    let returned = other.join().is_ok();
    Err(Outcome::fail(
        "the process ends",
        format!("the thread returned: {returned}"),
    ))
}

fn context_released_with_memory(environment: &Environment) -> Finding {
    let (api, mut code) = (environment.api, CL_SUCCESS);
    for _ in 0..3 {
        let device = environment.device;
        let context = api.clCreateContext(null(), 1, &device, None, null_mut(), &mut code);
        expect::success("clCreateContext", code)?;
        let pointer = api.clSVMAlloc(context, CL_MEM_READ_WRITE, SIZE, 0);
        expect::that(!pointer.is_null(), || {
            (format!("clSVMAlloc gives {SIZE} bytes"), "NULL".into())
        })?;
        expect::success("clReleaseContext", api.clReleaseContext(context))?;
    }
    Ok(())
}

/// Context, queue and memory that the exit handler releases.
static LEFT: OnceLock<[usize; 3]> = OnceLock::new();

extern "C" fn release_at_exit() {
    let (Ok(api), Some([context, queue, pointer])) = (Api::get(), LEFT.get()) else {
        return;
    };
    let context = *context as cl_context;
    api.clFinish(*queue as cl_command_queue);
    api.clSVMFree(context, *pointer as *mut c_void);
    api.clReleaseCommandQueue(*queue as cl_command_queue);
    api.clReleaseContext(context);
}

fn in_an_exit_handler(environment: &Environment) -> Finding {
    let pointer = environment.svm(SIZE)?;
    fill(environment, pointer, None)?;
    let left = [
        environment.context as usize,
        environment.queue as usize,
        pointer as usize,
    ];
    LEFT.get_or_init(|| left);
    at_exit(release_at_exit);
    Ok(())
}

/// Demands that a child that only ends did so.
fn fork() -> Finding {
    expect::equal(
        "the status of a child that only ends",
        0,
        in_forked_child(|| {}),
    )
}

fn child_that_ends(environment: &Environment) -> Finding {
    let (kept, filled) = (environment.svm(SIZE)?, environment.svm(SIZE)?);
    environment.store(kept, &[7_u32; SIZE / 4])?;
    for _ in 0..5 {
        fork()?;
        fill(environment, filled, None)?;
        environment.finish()?;
        let found: Vec<u32> = environment.load(filled, SIZE / 4)?;
        expect::elements("what was filled", &[5; SIZE / 4], &found)?;
        let found: Vec<u32> = environment.load(kept, SIZE / 4)?;
        expect::elements("what was there before", &[7; SIZE / 4], &found)?;
        environment.store(filled, &[6_u32; SIZE / 4])?;
    }
    Ok(())
}

fn child_while_commands_wait(environment: &Environment) -> Finding {
    let pointer = environment.svm(SIZE)?;
    environment.store(pointer, &[7_u32; SIZE / 4])?;
    let gate = environment.gate()?;
    fill(environment, pointer, Some(gate))?;
    fork()?;
    environment.open_gate(gate)?;
    environment.finish()?;
    let found: Vec<u32> = environment.load(pointer, SIZE / 4)?;
    expect::elements("what was filled", &[5; SIZE / 4], &found)
}

fn child_that_reads(environment: &Environment) -> Finding {
    let pointer = environment.svm(SIZE)?;
    environment.store(pointer, &[7_u32; SIZE / 4])?;
    let address = pointer as usize;
    let status = in_forked_child(|| {
        let found: u32 = read(address as *const c_void, 0);
        assert_eq!(found, 7);
    });
    Err(Outcome::informative(match status {
        0 => "it finds what its parent wrote",
        1 => "it finds something else",
        _ => "it is killed",
    }))
}

fn child_that_enqueues(environment: &Environment) -> Finding {
    let pointer = environment.svm(SIZE)?;
    environment.store(pointer, &[7_u32; SIZE / 4])?;
    let status = in_forked_child(|| {
        let done = fill(environment, pointer, None).and_then(|()| Ok(environment.finish()?));
        assert!(done.is_ok());
    });
    Err(Outcome::informative(match status {
        0 => "commands that it enqueues complete",
        1 => "a call fails",
        _ => "it is killed",
    }))
}
