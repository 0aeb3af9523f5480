//! `clEnqueueSVMMemFill` (§5.6.1).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::bytes::{framed, pattern};
use super::svm_command::{fail_gate, flush, group, list, pending, Command};
use crate::check::{expect, Check, Environment, Finding, Group, Need};
use crate::client::offset;

/// The sizes that patterns may have.
const PATTERN_SIZES: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// The group.
pub const GROUP: Group = group!(
    "enqueue-memfill",
    "clEnqueueSVMMemFill",
    Command::MemFill,
    [
        Check::new(
            "enqueue-memfill/every-pattern-size",
            "5.6.1",
            "It fills with patterns of 1, 2, 4 and so on to 128 bytes, and leaves the bytes around alone.",
            every_pattern_size,
        ),
        Check::new(
            "enqueue-memfill/any-number-of-patterns",
            "5.6.1",
            "It fills any multiple of the size of the pattern, from any address aligned to it.",
            any_number_of_patterns,
        ),
        Check::new(
            "enqueue-memfill/megabytes",
            "5.6.1",
            "It fills megabytes as it fills bytes.",
            |environment| {
                let data = pattern(16, 11).repeat((3 << 20) / 16 + 1);
                framed(environment, "3 MiB", 0, &data, |target| {
                    filled(environment, target, &data[..16], data.len())
                })
            },
        ),
        Check::new(
            "enqueue-memfill/pattern-reusable",
            "5.6.1",
            "The memory of the pattern may be reused when the function has returned.",
            pattern_reusable,
        ),
        Check::new(
            "enqueue-memfill/system-memory",
            "5.6.1",
            "A device of fine-grained system SVM fills memory of the application.",
            |environment| {
                let mut memory = vec![0_u8; 4096];
                filled(environment, memory.as_mut_ptr().cast(), &[9], 4096)?;
                expect::elements("the memory", &[9; 4096], &memory)
            },
        )
        .needs(&[Need::FineGrainSystem]),
        Check::new(
            "enqueue-memfill/pointer-null",
            "5.6.1",
            "NULL for the SVM pointer is CL_INVALID_VALUE.",
            |environment| {
                let pattern = [1_u8; 4];
                refused(environment, null_mut(), pattern.as_ptr().cast(), 4, 64)
            },
        ),
        Check::new(
            "enqueue-memfill/pattern-null",
            "5.6.1",
            "NULL for the pattern is CL_INVALID_VALUE.",
            |environment| refused(environment, environment.svm(64)?, null(), 4, 64),
        ),
        Check::new(
            "enqueue-memfill/pattern-size-zero",
            "5.6.1",
            "A pattern of 0 bytes is CL_INVALID_VALUE.",
            |environment| pattern_sizes_refused(environment, &[0]),
        ),
        Check::new(
            "enqueue-memfill/pattern-size-not-a-power-of-two",
            "5.6.1",
            "A size of the pattern that is not a power of two is CL_INVALID_VALUE.",
            |environment| pattern_sizes_refused(environment, &[3, 5, 6, 12, 24, 48, 96, 127]),
        ),
        Check::new(
            "enqueue-memfill/pattern-size-beyond-128",
            "5.6.1",
            "A pattern of more than 128 bytes is CL_INVALID_VALUE.",
            |environment| pattern_sizes_refused(environment, &[129, 192, 256, 512, 1 << 32]),
        ),
        Check::new(
            "enqueue-memfill/pointer-misaligned",
            "5.6.1",
            "A pointer that is not aligned to the size of the pattern is CL_INVALID_VALUE.",
            pointer_misaligned,
        ),
        Check::new(
            "enqueue-memfill/size-not-a-multiple",
            "5.6.1",
            "A size that is not a multiple of the size of the pattern is CL_INVALID_VALUE.",
            size_not_a_multiple,
        ),
        Check::new(
            "enqueue-memfill/size-zero",
            "5.6.1",
            "A size of 0, a multiple of every size, is none of the errors: the command fills nothing.",
            |environment| {
                framed(environment, "0 bytes", 0, &[], |target| {
                    filled(environment, target, &[1, 2, 3, 4], 0)
                })
            },
        ),
        Check::new(
            "enqueue-memfill/failed-wait-fills-nothing",
            "5.11",
            "A command that is terminated since an event of its wait list failed does not fill.",
            failed_wait_fills_nothing,
        ),
        Check::new(
            "enqueue-memfill/in-order",
            "5.14",
            "Fills and copies in an in-order queue are executed in the order in which they were enqueued.",
            in_order,
        ),
    ]
);

/// Enqueues a fill on the environment's queue; the code and the event.
fn fill(
    environment: &Environment,
    target: *mut c_void,
    (pattern, pattern_size): (*const c_void, usize),
    size: usize,
    wait: &[cl_event],
) -> (cl_int, cl_event) {
    let mut event = null_mut();
    let (count, events) = list(wait);
    let (api, queue) = (environment.api, environment.queue);
    let code = api.clEnqueueSVMMemFill(
        queue,
        target,
        pattern,
        pattern_size,
        size,
        count,
        events,
        &mut event,
    );
    if code == CL_SUCCESS {
        environment.keep_event(event);
    }
    (code, event)
}

/// Fills and waits for it.
fn filled(environment: &Environment, target: *mut c_void, pattern: &[u8], size: usize) -> Finding {
    let place = (pattern.as_ptr().cast(), pattern.len());
    let (code, _) = fill(environment, target, place, size, &[]);
    let call = format!("clEnqueueSVMMemFill of {size} bytes with {}", pattern.len());
    expect::success(&call, code)?;
    Ok(environment.finish()?)
}

fn every_pattern_size(environment: &Environment) -> Finding {
    for size in PATTERN_SIZES {
        let data = pattern(size, 12).repeat(5);
        framed(
            environment,
            &format!("5 patterns of {size} bytes"),
            64,
            &data,
            |target| filled(environment, target, &data[..size], data.len()),
        )?;
    }
    Ok(())
}

fn any_number_of_patterns(environment: &Environment) -> Finding {
    for size in [1, 2, 4, 8, 16] {
        for (count, skip) in [(1, 0), (2, 1), (3, 3), (7, 2), (33, 1), (100, 5), (257, 3)] {
            let data = pattern(size, count).repeat(count);
            let what = format!("{count} patterns of {size} bytes at number {skip}");
            framed(environment, &what, skip * size, &data, |target| {
                filled(environment, target, &data[..size], data.len())
            })?;
        }
    }
    Ok(())
}

fn pattern_reusable(environment: &Environment) -> Finding {
    for size in PATTERN_SIZES {
        let gate = environment.gate()?;
        let mut first = pattern(size, 13);
        let data = first.repeat(4);
        framed(environment, &format!("{size} bytes"), 64, &data, |target| {
            let place = (first.as_ptr().cast(), size);
            let (code, event) = fill(environment, target, place, data.len(), &[gate]);
            expect::success("clEnqueueSVMMemFill", code)?;
            first.fill(0xEE);
            flush(environment, environment.queue)?;
            pending(environment, event)?;
            environment.open_gate(gate)?;
            Ok(environment.finish()?)
        })?;
        // What the compiler must not take for a store that nobody reads.
        expect::elements("the pattern", &vec![0xEE; size], &first)?;
    }
    Ok(())
}

/// Demands `CL_INVALID_VALUE`.
fn refused(
    environment: &Environment,
    target: *mut c_void,
    pattern: *const c_void,
    pattern_size: usize,
    size: usize,
) -> Finding {
    let (code, _) = fill(environment, target, (pattern, pattern_size), size, &[]);
    // What was enqueued all the same must not outlive the pattern.
    environment.finish()?;
    let what =
        format!("clEnqueueSVMMemFill of {size} bytes at {target:?} with {pattern_size} bytes");
    expect::code(&what, CL_INVALID_VALUE, code)
}

fn pattern_sizes_refused(environment: &Environment, sizes: &[usize]) -> Finding {
    let pattern = pattern(512, 14);
    for size in sizes {
        let target = environment.svm(4096)?;
        // A multiple of the size, so that there is but one thing wrong with the call.
        let whole = if *size > 4096 { 0 } else { size * 2 };
        refused(environment, target, pattern.as_ptr().cast(), *size, whole)?;
    }
    Ok(())
}

fn pointer_misaligned(environment: &Environment) -> Finding {
    let pattern = pattern(128, 15);
    let place = pattern.as_ptr().cast();
    for size in PATTERN_SIZES.into_iter().filter(|size| *size > 1) {
        for off in [1, size / 2, size - 1] {
            let target = offset(environment.svm(1024)?, off);
            refused(environment, target, place, size, size * 2)?;
        }
    }
    Ok(())
}

fn size_not_a_multiple(environment: &Environment) -> Finding {
    let pattern = pattern(128, 16);
    let place = pattern.as_ptr().cast();
    for size in PATTERN_SIZES.into_iter().filter(|size| *size > 1) {
        for whole in [1, size - 1, size + 1, 3 * size + size / 2] {
            refused(environment, environment.svm(1024)?, place, size, whole)?;
        }
    }
    Ok(())
}

fn failed_wait_fills_nothing(environment: &Environment) -> Finding {
    let memory = environment.svm(64)?;
    environment.store(memory, &[1_u8; 64])?;
    let pattern = [2_u8; 4];
    let gate = environment.gate()?;
    let place = (pattern.as_ptr().cast(), 4);
    let (code, event) = fill(environment, memory, place, 64, &[gate]);
    expect::success("clEnqueueSVMMemFill", code)?;
    fail_gate(environment, gate)?;
    environment.api.clWaitForEvents(1, &event);
    match environment.load::<u8>(memory, 64) {
        Ok(found) => expect::elements("the memory", &[1; 64], &found),
        // After a command was terminated, its context need not be good for anything.
        Err(error) => Err(crate::check::Outcome::informative(expect::code_name(
            error.code,
        ))),
    }
}

fn in_order(environment: &Environment) -> Finding {
    let (memory, copies) = (environment.svm(64)?, environment.svm(64 * 40)?);
    let gate = environment.gate()?;
    let api = environment.api;
    for value in 0..40_u8 {
        let wait: &[cl_event] = if value == 0 { &[gate] } else { &[] };
        let place = ((&raw const value).cast(), 1);
        let (code, _) = fill(environment, memory, place, 64, wait);
        expect::success("clEnqueueSVMMemFill", code)?;
        let (queue, copy) = (environment.queue, offset(copies, usize::from(value) * 64));
        let (none, no_event) = (null(), null_mut());
        let code = api.clEnqueueSVMMemcpy(queue, CL_FALSE, copy, memory, 64, 0, none, no_event);
        expect::success("clEnqueueSVMMemcpy", code)?;
    }
    environment.open_gate(gate)?;
    environment.finish()?;
    let expected: Vec<u8> = (0..40_u8).flat_map(|value| [value; 64]).collect();
    expect::elements("the copies", &expected, &environment.load(copies, 64 * 40)?)
}
