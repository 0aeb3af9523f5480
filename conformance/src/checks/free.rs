//! `clSVMFree` (§5.6.1).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Outcome};
use crate::client::offset;
use crate::process::resident_bytes;

/// The group.
pub const GROUP: Group = Group {
    name: "free",
    about: "clSVMFree",
    checks: &[
        Check::new(
            "free/null-pointer",
            "5.6.1",
            "clSVMFree of a NULL pointer does nothing.",
            null_pointer,
        ),
        Check::new(
            "free/gives-memory-back",
            "5.6.1",
            "clSVMFree frees the buffer: memory that is used and freed many times over does not add up.",
            gives_memory_back,
        )
        .alone(),
        Check::new(
            "free/leaves-others-alone",
            "5.6.1",
            "clSVMFree frees the buffer that it is given, and the others keep their contents.",
            leaves_others_alone,
        ),
        Check::new(
            "free/every-kind",
            "5.6.1",
            "clSVMFree frees what clSVMAlloc gave, whatever its flags, size and alignment.",
            every_kind,
        ),
        Check::new(
            "free/does-not-wait",
            "5.6.1",
            "clSVMFree does not wait for commands that were enqueued before it.",
            does_not_wait,
        ),
        Check::new(
            "free/after-its-buffer-object",
            "5.6.1",
            "An SVM buffer is freed after the buffer object that was created with its pointer is released.",
            after_its_buffer_object,
        ),
        Check::new(
            "free/right-after-finish",
            "5.6.1",
            "What a finished command used may be freed as soon as clFinish returns.",
            right_after_finish,
        ),
        Check::new(
            "free/never",
            "5.6.1",
            "A context is released without harm while SVM buffers of it were not freed.",
            never,
        )
        .alone(),
        Check::new(
            "free/null-context",
            "5.6.1",
            "The context must be valid: with NULL, the result of clSVMFree is undefined.",
            null_context,
        )
        .undefined(),
        Check::new(
            "free/context-of-another-buffer",
            "5.6.1",
            "The context must be that of the buffer: with another, the result of clSVMFree is undefined.",
            context_of_another_buffer,
        )
        .undefined(),
        Check::new(
            "free/context-released-first",
            "5.6.1",
            "The context must be valid: after its release, the result of clSVMFree is undefined.",
            context_released_first,
        )
        .undefined(),
        Check::new(
            "free/twice",
            "5.6.1",
            "The pointer must be the value that clSVMAlloc returned: freed twice, the result is undefined.",
            twice,
        )
        .undefined(),
        Check::new(
            "free/interior-pointer",
            "5.6.1",
            "The pointer must be the value that clSVMAlloc returned: of one inside a buffer, the result is undefined.",
            interior_pointer,
        )
        .undefined(),
        Check::new(
            "free/foreign-pointer",
            "5.6.1",
            "The pointer must be the value that clSVMAlloc returned: of memory of the application, the result is undefined.",
            foreign_pointer,
        )
        .undefined(),
        Check::new(
            "free/before-its-buffer-object",
            "5.6.1",
            "A buffer object must be released before the SVM buffer below it is freed: otherwise the result is undefined.",
            before_its_buffer_object,
        )
        .undefined(),
        Check::new(
            "free/in-use",
            "5.6.1",
            "Commands must have finished before the SVM buffer that they use is freed: otherwise the result is undefined.",
            in_use,
        )
        .undefined(),
    ],
};

fn null_pointer(environment: &Environment) -> Finding {
    let pointer = environment.svm(64)?;
    environment.store(pointer, &[5_u32])?;
    for _ in 0..100 {
        environment.api.clSVMFree(environment.context, null_mut());
    }
    expect::equal(
        "what a live buffer holds",
        vec![5_u32],
        environment.load(pointer, 1)?,
    )
}

/// Demands that memory which is used and freed many times over, in so many buffers at a time, does
/// not add up.
pub(super) fn goes_back(
    environment: &Environment,
    buffers: usize,
    allocate: impl Fn(usize) -> Result<*mut c_void, Outcome>,
    free: impl Fn(&mut [*mut c_void]) -> Finding,
) -> Finding {
    const SIZE: usize = 32 << 20;
    const ROUNDS: usize = 24;
    // The longest: devices that fill pattern by pattern are done sooner.
    const PATTERN: [u8; 128] = [1; 128];
    let size = (SIZE / buffers).next_multiple_of(PATTERN.len());
    let round = || -> Finding {
        let mut list = Vec::new();
        for _ in 0..buffers {
            let pointer = allocate(size)?;
            let code = environment.api.clEnqueueSVMMemFill(
                environment.queue,
                pointer,
                PATTERN.as_ptr().cast(),
                PATTERN.len(),
                size,
                0,
                null(),
                null_mut(),
            );
            expect::success("clEnqueueSVMMemFill", code)?;
            list.push(pointer);
        }
        environment.finish()?;
        free(&mut list)?;
        Ok(environment.finish()?)
    };
    round()?;
    let before = resident_bytes().unwrap_or(0);
    for _ in 0..ROUNDS {
        round()?;
    }
    let grown = resident_bytes().unwrap_or(0).saturating_sub(before);
    expect::that(grown < SIZE * ROUNDS / 4, || {
        (
            format!("{ROUNDS} times {SIZE} bytes, used and freed, do not stay"),
            format!("the process grew by {grown} bytes"),
        )
    })
}

fn gives_memory_back(environment: &Environment) -> Finding {
    goes_back(
        environment,
        1,
        |size| environment.svm(size),
        |list| {
            environment.free(list[0]);
            Ok(())
        },
    )
}

fn leaves_others_alone(environment: &Environment) -> Finding {
    let mut live = Vec::new();
    for value in 0..200_u32 {
        let pointer = environment.svm(40 + value as usize * 16)?;
        environment.store(pointer, &[value; 10])?;
        live.push((value, pointer));
    }
    for (_, pointer) in live.iter().filter(|(value, _)| value % 2 == 0) {
        environment.free(*pointer);
    }
    for _ in 0..100 {
        let pointer = environment.svm(640)?;
        environment.store(pointer, &[u32::MAX; 160])?;
    }
    for (value, pointer) in live.iter().filter(|(value, _)| value % 2 == 1) {
        let found = environment.load(*pointer, 10)?;
        expect::equal("what a live buffer holds", vec![*value; 10], found)?;
    }
    Ok(())
}

fn every_kind(environment: &Environment) -> Finding {
    let capabilities = environment.svm_capabilities();
    let mut kinds = vec![0, CL_MEM_READ_ONLY, CL_MEM_WRITE_ONLY];
    if capabilities & CL_DEVICE_SVM_FINE_GRAIN_BUFFER != 0 {
        kinds.push(CL_MEM_SVM_FINE_GRAIN_BUFFER);
        if capabilities & CL_DEVICE_SVM_ATOMICS != 0 {
            kinds.push(CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS);
        }
    }
    for flags in kinds {
        for size in [1, 100, 4096, 70_000, 3 << 20] {
            for alignment in [0, 1, 16, 128] {
                let pointer = environment.try_svm(flags, size, alignment);
                expect::that(!pointer.is_null(), || {
                    let what = format!("{size} bytes with flags {flags:#x}");
                    (format!("clSVMAlloc gives {what}"), "NULL".into())
                })?;
                environment.free(pointer);
            }
        }
    }
    Ok(())
}

/// Enqueues a copy of 64 bytes that waits for a gate.
fn gated_copy(
    environment: &Environment,
    to: *mut c_void,
    from: *mut c_void,
) -> Result<cl_event, Outcome> {
    let gate = environment.gate()?;
    let code = environment.api.clEnqueueSVMMemcpy(
        environment.queue,
        CL_FALSE,
        to,
        from,
        64,
        1,
        &gate,
        null_mut(),
    );
    expect::success("clEnqueueSVMMemcpy", code)?;
    Ok(gate)
}

fn does_not_wait(environment: &Environment) -> Finding {
    let (from, to) = (environment.svm(64)?, environment.svm(64)?);
    environment.store(from, &[7_u32; 16])?;
    let gate = gated_copy(environment, to, from)?;
    // Memory that the waiting command does not use: to free what it uses would be undefined.
    for _ in 0..16 {
        environment.free(environment.svm(4096)?);
    }
    environment.open_gate(gate)?;
    environment.finish()?;
    expect::equal(
        "what was copied",
        vec![7_u32; 16],
        environment.load(to, 16)?,
    )
}

fn after_its_buffer_object(environment: &Environment) -> Finding {
    for round in 0..100_u32 {
        let pointer = environment.svm(4096)?;
        let mut code = CL_SUCCESS;
        let flags = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;
        let buffer =
            environment
                .api
                .clCreateBuffer(environment.context, flags, 4096, pointer, &mut code);
        expect::success("clCreateBuffer with CL_MEM_USE_HOST_PTR", code)?;
        environment.store(pointer, &[round; 16])?;
        let code = environment.api.clReleaseMemObject(buffer);
        expect::success("clReleaseMemObject", code)?;
        environment.free(pointer);
    }
    Ok(())
}

fn right_after_finish(environment: &Environment) -> Finding {
    let to = environment.svm(64)?;
    for round in 0..500_u32 {
        let from = environment.svm(64)?;
        environment.store(from, &[round; 16])?;
        let code = environment.api.clEnqueueSVMMemcpy(
            environment.queue,
            CL_FALSE,
            to,
            from,
            64,
            0,
            null(),
            null_mut(),
        );
        expect::success("clEnqueueSVMMemcpy", code)?;
        environment.finish()?;
        environment.free(from);
    }
    expect::equal(
        "what was copied last",
        vec![499_u32; 16],
        environment.load(to, 16)?,
    )
}

/// A context that the check itself releases, with memory of it that is not freed.
fn released_context(environment: &Environment) -> Result<(cl_context, *mut c_void), Outcome> {
    let mut code = CL_SUCCESS;
    let device = environment.device;
    let api = environment.api;
    let context = api.clCreateContext(null(), 1, &device, None, null_mut(), &mut code);
    expect::success("clCreateContext", code)?;
    let pointer = api.clSVMAlloc(context, CL_MEM_READ_WRITE, 4096, 0);
    expect::that(!pointer.is_null(), || {
        ("clSVMAlloc gives 4096 bytes".into(), "NULL".into())
    })?;
    expect::success("clReleaseContext", api.clReleaseContext(context))?;
    Ok((context, pointer))
}

fn never(environment: &Environment) -> Finding {
    for _ in 0..10 {
        released_context(environment)?;
    }
    still_works(environment)
}

/// That the implementation goes on: memory is given, and given once.
fn still_works(environment: &Environment) -> Finding {
    let mut given = Vec::new();
    for value in 0..64_u32 {
        let pointer = environment.svm(64)?;
        environment.store(pointer, &[value])?;
        given.push((value, pointer));
    }
    for (value, pointer) in given {
        let found = environment.load(pointer, 1)?;
        expect::equal("what a fresh buffer holds", vec![value], found)?;
    }
    Ok(())
}

/// The result of something undefined that the process outlived.
fn outlived(environment: &Environment) -> Finding {
    still_works(environment)?;
    Err(Outcome::informative(
        "it went on as if nothing had happened",
    ))
}

fn null_context(environment: &Environment) -> Finding {
    let pointer = environment.svm(64)?;
    environment.api.clSVMFree(null_mut(), pointer);
    environment.forget(pointer);
    outlived(environment)
}

fn context_of_another_buffer(environment: &Environment) -> Finding {
    let other = environment.context_of(&[environment.device])?;
    let pointer = environment.svm(64)?;
    environment.forget(pointer);
    environment.api.clSVMFree(other, pointer);
    outlived(environment)
}

fn context_released_first(environment: &Environment) -> Finding {
    let (context, pointer) = released_context(environment)?;
    environment.api.clSVMFree(context, pointer);
    outlived(environment)
}

fn twice(environment: &Environment) -> Finding {
    let pointer = environment.svm(64)?;
    environment.free(pointer);
    environment.api.clSVMFree(environment.context, pointer);
    outlived(environment)
}

fn interior_pointer(environment: &Environment) -> Finding {
    let pointer = environment.svm(4096)?;
    let inside = offset(pointer, 64);
    environment.api.clSVMFree(environment.context, inside);
    outlived(environment)
}

fn foreign_pointer(environment: &Environment) -> Finding {
    let memory: &'static mut [u64] = Box::leak(Box::new([0; 64]));
    let pointer = memory.as_mut_ptr().cast();
    environment.api.clSVMFree(environment.context, pointer);
    outlived(environment)
}

fn before_its_buffer_object(environment: &Environment) -> Finding {
    let pointer = environment.svm(4096)?;
    environment.buffer(CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, 4096, pointer)?;
    environment.free(pointer);
    outlived(environment)
}

fn in_use(environment: &Environment) -> Finding {
    let (from, to) = (environment.svm(64)?, environment.svm(64)?);
    environment.store(from, &[7_u32; 16])?;
    let gate = gated_copy(environment, to, from)?;
    environment.free(from);
    environment.open_gate(gate)?;
    environment.finish()?;
    let found: Vec<u32> = environment.load(to, 16)?;
    still_works(environment)?;
    Err(Outcome::informative(if found == [7; 16] {
        "the command still found the data"
    } else {
        "the command found something else"
    }))
}
