//! `clEnqueueSVMMemcpy` (§5.6.1).

use std::ffi::c_void;
use std::ptr::null_mut;

use opencl_sys::*;

use super::bytes::{framed, pattern};
use super::svm_command::{fail_gate, group, list, Command};
use crate::check::{expect, Check, Environment, Finding, Group, Outcome};
use crate::client::offset;

/// The group.
pub const GROUP: Group = group!(
    "enqueue-memcpy",
    "clEnqueueSVMMemcpy",
    Command::Memcpy,
    [
        Check::new(
            "enqueue-memcpy/svm-to-svm",
            "5.6.1",
            "It copies from one SVM allocation to another.",
            |environment| {
                let (to, from) = (environment.svm(1000)?, environment.svm(1000)?);
                environment.store(from, &pattern(1000, 1))?;
                copied(environment, to, from, 1000)?;
                expect::elements("what was copied", &pattern(1000, 1), &environment.load(to, 1000)?)
            },
        ),
        Check::new(
            "enqueue-memcpy/host-to-svm",
            "5.6.1",
            "The source may be host memory.",
            |environment| {
                let (to, from) = (environment.svm(1000)?, pattern(1000, 2));
                copied(environment, to, from.as_ptr().cast(), 1000)?;
                expect::elements("what was copied", &from, &environment.load(to, 1000)?)
            },
        ),
        Check::new(
            "enqueue-memcpy/svm-to-host",
            "5.6.1",
            "The destination may be host memory.",
            |environment| {
                let (mut to, from) = (vec![0_u8; 1000], environment.svm(1000)?);
                environment.store(from, &pattern(1000, 3))?;
                copied(environment, to.as_mut_ptr().cast(), from, 1000)?;
                expect::elements("what was copied", &pattern(1000, 3), &to)
            },
        ),
        Check::new(
            "enqueue-memcpy/host-to-host",
            "5.6.1",
            "Both destination and source may be host memory.",
            |environment| {
                let (mut to, from) = (vec![0_u8; 1000], pattern(1000, 4));
                copied(environment, to.as_mut_ptr().cast(), from.as_ptr().cast(), 1000)?;
                expect::elements("what was copied", &from, &to)
            },
        ),
        Check::new(
            "enqueue-memcpy/within-an-allocation",
            "5.6.1",
            "It copies from one part of an SVM allocation to another, also where they touch.",
            within_an_allocation,
        ),
        Check::new(
            "enqueue-memcpy/every-size-and-offset",
            "5.6.1",
            "It copies any number of bytes from and to any address, and leaves the bytes around alone.",
            every_size_and_offset,
        ),
        Check::new(
            "enqueue-memcpy/megabytes",
            "5.6.1",
            "It copies megabytes as it copies bytes.",
            |environment| {
                let size = (3 << 20) + 5;
                let (to, from) = (environment.svm(size)?, environment.svm(size)?);
                environment.store(from, &pattern(size, 6))?;
                copied(environment, to, from, size)?;
                expect::elements("what was copied", &pattern(size, 6), &environment.load(to, size)?)
            },
        ),
        Check::new(
            "enqueue-memcpy/source-read-only",
            "5.6.1",
            "The source is only read: it may be memory that nobody can write.",
            |environment| {
                static SOURCE: [u8; 256] = [0x3C; 256];
                let to = environment.svm(256)?;
                copied(environment, to, (&raw const SOURCE).cast(), 256)?;
                expect::elements("what was copied", &SOURCE, &environment.load(to, 256)?)
            },
        ),
        Check::new(
            "enqueue-memcpy/blocking",
            "5.6.1",
            "A blocking copy returns when the data has been copied.",
            blocking,
        ),
        Check::new(
            "enqueue-memcpy/blocking-after-pending",
            "5.6.1",
            "A blocking copy in an in-order queue returns after the commands before it, whose data it copies.",
            blocking_after_pending,
        ),
        Check::new(
            "enqueue-memcpy/blocking-failed-wait",
            "5.6.1",
            "A blocking copy whose wait list has an event that failed is CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST.",
            blocking_failed_wait,
        ),
        Check::new(
            "enqueue-memcpy/failed-wait-copies-nothing",
            "5.11",
            "A command that is terminated since an event of its wait list failed does not copy.",
            failed_wait_copies_nothing,
        ),
        Check::new(
            "enqueue-memcpy/overlap",
            "5.6.1",
            "An overlapping copy within an SVM allocation is CL_MEM_COPY_OVERLAP, blocking or not.",
            |environment| {
                let memory = environment.svm(4096)?;
                overlap(environment, memory)
            },
        ),
        Check::new(
            "enqueue-memcpy/overlap-of-host-memory",
            "5.6.1",
            "An overlapping copy within host memory is CL_MEM_COPY_OVERLAP, blocking or not.",
            |environment| {
                let mut memory = vec![0_u8; 4096];
                overlap(environment, memory.as_mut_ptr().cast())
            },
        ),
        Check::new(
            "enqueue-memcpy/destination-null",
            "5.6.1",
            "NULL for the destination is CL_INVALID_VALUE.",
            |environment| null_refused(environment, null_mut(), environment.svm(64)?),
        ),
        Check::new(
            "enqueue-memcpy/source-null",
            "5.6.1",
            "NULL for the source is CL_INVALID_VALUE.",
            |environment| null_refused(environment, environment.svm(64)?, null_mut()),
        ),
        Check::new(
            "enqueue-memcpy/size-zero",
            "5.6.1",
            "A size of 0 is none of the errors: the call succeeds, and the command completes.",
            size_zero,
        ),
        Check::new(
            "enqueue-memcpy/in-order",
            "5.14",
            "Copies in an in-order queue are executed in the order in which they were enqueued.",
            in_order,
        ),
        Check::new(
            "enqueue-memcpy/of-another-context",
            "5.6.1",
            "With memory of a context other than the queue's, the behavior is undefined.",
            of_another_context,
        )
        .undefined(),
        Check::new(
            "enqueue-memcpy/past-the-end",
            "5.6.1",
            "What a copy past the end of an SVM allocation does is undefined.",
            |environment| {
                let (to, from) = (environment.svm(64)?, environment.svm(4096)?);
                let code = copy(environment, CL_FALSE, to, from, 4096, &[]).0;
                environment.finish()?;
                Err(Outcome::informative(expect::code_name(code)))
            },
        )
        .undefined(),
    ]
);

/// Enqueues a copy on the environment's queue; the code and the event.
fn copy(
    environment: &Environment,
    blocking: cl_bool,
    to: *mut c_void,
    from: *const c_void,
    size: usize,
    wait: &[cl_event],
) -> (cl_int, cl_event) {
    let mut event = null_mut();
    let (api, queue, (count, list)) = (environment.api, environment.queue, list(wait));
    let code = api.clEnqueueSVMMemcpy(queue, blocking, to, from, size, count, list, &mut event);
    if code == CL_SUCCESS {
        environment.keep_event(event);
    }
    (code, event)
}

/// Copies, without blocking, and waits for it.
fn copied(environment: &Environment, to: *mut c_void, from: *const c_void, size: usize) -> Finding {
    let (code, _) = copy(environment, CL_FALSE, to, from, size, &[]);
    expect::success(&format!("clEnqueueSVMMemcpy of {size} bytes"), code)?;
    Ok(environment.finish()?)
}

fn within_an_allocation(environment: &Environment) -> Finding {
    for (to, from) in [(0, 100), (100, 0), (0, 900), (900, 0)] {
        let memory = environment.svm(1000)?;
        let mut expected = pattern(1000, 5);
        environment.store(memory, &expected)?;
        copied(environment, offset(memory, to), offset(memory, from), 100)?;
        expected.copy_within(from..from + 100, to);
        let what = format!("100 bytes at {from} copied to {to}");
        expect::elements(&what, &expected, &environment.load(memory, 1000)?)?;
    }
    Ok(())
}

fn every_size_and_offset(environment: &Environment) -> Finding {
    let from = environment.svm(512)?;
    let data = pattern(512, 7);
    environment.store(from, &data)?;
    for size in [1, 2, 3, 7, 8, 15, 16, 31, 33, 64, 65, 127, 129, 256, 257] {
        for (to_offset, from_offset) in [(0, 0), (1, 0), (0, 1), (3, 5), (8, 8), (17, 63)] {
            let source = offset(from, from_offset);
            let expected = &data[from_offset..from_offset + size];
            let what = format!("{size} bytes from {from_offset} to {to_offset}");
            framed(environment, &what, to_offset, expected, |target| {
                copied(environment, target, source, size)
            })?;
        }
    }
    Ok(())
}

fn blocking(environment: &Environment) -> Finding {
    let from = environment.svm(1 << 20)?;
    let data = pattern(1 << 20, 8);
    environment.store(from, &data)?;
    let mut to = vec![0_u8; 1 << 20];
    let place = to.as_mut_ptr().cast();
    let (code, event) = copy(environment, CL_TRUE, place, from, to.len(), &[]);
    expect::success("clEnqueueSVMMemcpy", code)?;
    expect::elements("what was copied", &data, &to)?;
    let status = environment.event_status(event)?;
    expect::equal("the status of its event", CL_COMPLETE, status)
}

fn blocking_after_pending(environment: &Environment) -> Finding {
    let memory = environment.svm(256 * 100)?;
    for (index, value) in (0..100_u8).enumerate() {
        let source = [value; 256];
        let place = offset(memory, index * 256);
        // The source is on the stack, from where it goes away: only a blocking copy may have it.
        let (code, _) = copy(
            environment,
            CL_TRUE,
            place,
            source.as_ptr().cast(),
            256,
            &[],
        );
        expect::success("clEnqueueSVMMemcpy", code)?;
    }
    let second = environment.svm(256 * 100)?;
    let (code, _) = copy(environment, CL_FALSE, second, memory, 256 * 100, &[]);
    expect::success("clEnqueueSVMMemcpy", code)?;
    let mut found = vec![0_u8; 256 * 100];
    let place = found.as_mut_ptr().cast();
    let (code, _) = copy(environment, CL_TRUE, place, second, 256 * 100, &[]);
    expect::success("clEnqueueSVMMemcpy", code)?;
    let expected: Vec<u8> = (0..100_u8).flat_map(|value| [value; 256]).collect();
    expect::elements("what was copied", &expected, &found)
}

fn blocking_failed_wait(environment: &Environment) -> Finding {
    let (to, from) = (environment.svm(64)?, environment.svm(64)?);
    let gate = environment.gate()?;
    fail_gate(environment, gate)?;
    let (code, _) = copy(environment, CL_TRUE, to, from, 64, &[gate]);
    let expected = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
    expect::code("a blocking clEnqueueSVMMemcpy", expected, code)
}

fn failed_wait_copies_nothing(environment: &Environment) -> Finding {
    let from = environment.svm(64)?;
    environment.store(from, &[1_u8; 64])?;
    // Host memory, since the context need not be good for anything afterwards.
    let mut to = [0_u8; 64];
    let gate = environment.gate()?;
    let (code, event) = copy(
        environment,
        CL_FALSE,
        to.as_mut_ptr().cast(),
        from,
        64,
        &[gate],
    );
    expect::success("clEnqueueSVMMemcpy", code)?;
    fail_gate(environment, gate)?;
    environment.api.clWaitForEvents(1, &event);
    expect::elements("the destination", &[0; 64], &to)
}

fn overlap(environment: &Environment, memory: *mut c_void) -> Finding {
    for (to, from, size) in [
        (0, 0, 64),
        (0, 63, 64),
        (63, 0, 64),
        (1, 0, 4000),
        (10, 20, 2000),
        (1000, 999, 2),
    ] {
        for blocking in [CL_FALSE, CL_TRUE] {
            let (target, source) = (offset(memory, to), offset(memory, from));
            let (code, _) = copy(environment, blocking, target, source, size, &[]);
            // What was enqueued all the same must not outlive the memory.
            environment.finish()?;
            let what = format!("clEnqueueSVMMemcpy of {size} bytes at {from} to {to}");
            expect::code(&what, CL_MEM_COPY_OVERLAP, code)?;
        }
    }
    Ok(())
}

fn null_refused(environment: &Environment, to: *mut c_void, from: *mut c_void) -> Finding {
    for blocking in [CL_FALSE, CL_TRUE] {
        let (code, _) = copy(environment, blocking, to, from, 64, &[]);
        expect::code("clEnqueueSVMMemcpy", CL_INVALID_VALUE, code)?;
    }
    Ok(())
}

fn size_zero(environment: &Environment) -> Finding {
    let (to, from) = (environment.svm(64)?, environment.svm(64)?);
    for blocking in [CL_FALSE, CL_TRUE] {
        let (code, event) = copy(environment, blocking, to, from, 0, &[]);
        expect::success("clEnqueueSVMMemcpy of 0 bytes", code)?;
        environment.finish()?;
        let status = environment.event_status(event)?;
        expect::equal("the status of its event", CL_COMPLETE, status)?;
    }
    Ok(())
}

fn in_order(environment: &Environment) -> Finding {
    let rows: Result<Vec<_>, _> = (0..50).map(|_| environment.svm(300)).collect();
    let rows = rows?;
    let data = pattern(300, 9);
    environment.store(rows[0], &data)?;
    let gate = environment.gate()?;
    for (index, pair) in rows.windows(2).enumerate() {
        let wait: &[cl_event] = if index == 0 { &[gate] } else { &[] };
        let (code, _) = copy(environment, CL_FALSE, pair[1], pair[0], 300, wait);
        expect::success("clEnqueueSVMMemcpy", code)?;
    }
    environment.open_gate(gate)?;
    environment.finish()?;
    expect::elements(
        "the last of 50 copies",
        &data,
        &environment.load(rows[49], 300)?,
    )
}

fn of_another_context(environment: &Environment) -> Finding {
    let context = environment.context_of(&[environment.device])?;
    let from = environment.try_svm_of(context, CL_MEM_READ_WRITE, 64, 0);
    let (code, _) = copy(environment, CL_FALSE, environment.svm(64)?, from, 64, &[]);
    environment.finish()?;
    Err(Outcome::informative(expect::code_name(code)))
}
