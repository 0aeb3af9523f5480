//! `clEnqueueSVMMap` (§5.6.1, §5.2.4).

use std::ffi::c_void;
use std::ptr::null_mut;

use opencl_sys::*;

use super::bytes::pattern;
use super::mapped::{copied, map, mapped, read_bytes, unmapped, write_bytes};
use super::svm_command::{fail_gate, group, wait, Command};
use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::offset;

const READ_AND_WRITE: cl_ulong = CL_MAP_READ | CL_MAP_WRITE;

/// The group.
pub const GROUP: Group = group!(
    "enqueue-map",
    "clEnqueueSVMMap",
    Command::Map,
    [
        Check::new(
            "enqueue-map/shows-what-the-device-wrote",
            "5.6.1",
            "When the command is complete, the host finds what the device wrote.",
            |environment| shows_what_the_device_wrote(environment, CL_FALSE),
        ),
        Check::new(
            "enqueue-map/blocking",
            "5.6.1",
            "A blocking map returns when the host may access the region, after the commands before it.",
            |environment| shows_what_the_device_wrote(environment, CL_TRUE),
        ),
        Check::new(
            "enqueue-map/every-flag",
            "5.2.4",
            "Memory is mapped for reading, for writing, for both, and for writing without its contents.",
            every_flag,
        ),
        Check::new(
            "enqueue-map/writing-keeps-contents",
            "5.2.4",
            "Memory mapped for writing holds the latest contents: what the host does not write stays.",
            writing_keeps_contents,
        ),
        Check::new(
            "enqueue-map/of-a-part",
            "5.6.1",
            "A part of an allocation is mapped from any address, with any size.",
            of_a_part,
        ),
        Check::new(
            "enqueue-map/fine-grained",
            "5.6.1",
            "Fine-grained memory may be mapped as well.",
            |environment| {
                let memory = environment.try_svm(CL_MEM_SVM_FINE_GRAIN_BUFFER, 64, 0);
                mapped(environment, CL_TRUE, READ_AND_WRITE, memory, 64)?;
                unmapped(environment, memory)
            },
        )
        .needs(&[Need::FineGrainBuffer]),
        Check::new(
            "enqueue-map/system-memory",
            "5.6.1",
            "With fine-grained system SVM, memory of the application may be mapped as well.",
            |environment| {
                let mut memory = vec![7_u8; 4096];
                let place = memory.as_mut_ptr().cast();
                mapped(environment, CL_TRUE, READ_AND_WRITE, place, 4096)?;
                unmapped(environment, place)?;
                expect::elements("the memory", &[7; 4096], &memory)
            },
        )
        .needs(&[Need::FineGrainSystem]),
        Check::new(
            "enqueue-map/pointer-null",
            "5.6.1",
            "NULL for the SVM pointer is CL_INVALID_VALUE.",
            |environment| refused(environment, CL_MAP_READ, null_mut(), 64),
        ),
        Check::new(
            "enqueue-map/size-zero",
            "5.6.1",
            "A size of 0 is CL_INVALID_VALUE.",
            |environment| refused(environment, CL_MAP_READ, environment.svm(64)?, 0),
        ),
        Check::new(
            "enqueue-map/unknown-flags",
            "5.6.1",
            "Flags that the table of map flags does not list are CL_INVALID_VALUE.",
            unknown_flags,
        ),
        Check::new(
            "enqueue-map/invalidate-and-read",
            "5.2.4",
            "CL_MAP_READ and CL_MAP_WRITE_INVALIDATE_REGION are mutually exclusive: together they are CL_INVALID_VALUE.",
            |environment| {
                let flags = CL_MAP_READ | CL_MAP_WRITE_INVALIDATE_REGION;
                refused(environment, flags, environment.svm(64)?, 64)
            },
        ),
        Check::new(
            "enqueue-map/invalidate-and-write",
            "5.2.4",
            "CL_MAP_WRITE and CL_MAP_WRITE_INVALIDATE_REGION are mutually exclusive: together they are CL_INVALID_VALUE.",
            |environment| {
                let flags = CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION;
                refused(environment, flags, environment.svm(64)?, 64)
            },
        ),
        Check::new(
            "enqueue-map/flags-zero",
            "5.6.1",
            "Whether a map neither for reading nor for writing is valid is left open.",
            flags_zero,
        ),
        Check::new(
            "enqueue-map/past-the-end",
            "5.6.1",
            "What mapping past the end of an allocation does is left open.",
            |environment| {
                let memory = environment.svm(64)?;
                let code = map(environment, CL_TRUE, CL_MAP_READ, memory, 1 << 20, &[]).0;
                Err(Outcome::informative(expect::code_name(code)))
            },
        )
        .undefined(),
        Check::new(
            "enqueue-map/blocking-failed-wait",
            "5.6.1",
            "A blocking map whose wait list has an event that failed is CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST.",
            blocking_failed_wait,
        ),
    ]
);

fn shows_what_the_device_wrote(environment: &Environment, blocking: cl_bool) -> Finding {
    let (memory, source) = (environment.svm(1 << 16)?, environment.svm(1 << 16)?);
    let data = pattern(1 << 16, 21);
    environment.store(source, &data)?;
    environment.store(memory, &vec![0_u8; 1 << 16])?;
    let queue = environment.queue;
    copied(environment, queue, memory, source, 1 << 16)?;
    let event = mapped(environment, blocking, CL_MAP_READ, memory, 1 << 16)?;
    if blocking == CL_FALSE {
        wait(environment, event)?;
    }
    let found = read_bytes(memory, 1 << 16);
    unmapped(environment, memory)?;
    expect::elements("what is mapped", &data, &found)
}

fn every_flag(environment: &Environment) -> Finding {
    for flags in [
        CL_MAP_READ,
        CL_MAP_WRITE,
        READ_AND_WRITE,
        CL_MAP_WRITE_INVALIDATE_REGION,
    ] {
        for blocking in [CL_FALSE, CL_TRUE] {
            let memory = environment.svm(4096)?;
            let (code, _) = map(environment, blocking, flags, memory, 4096, &[]);
            expect::success(&format!("clEnqueueSVMMap with flags {flags:#x}"), code)?;
            unmapped(environment, memory)?;
        }
    }
    Ok(())
}

fn writing_keeps_contents(environment: &Environment) -> Finding {
    for flags in [CL_MAP_WRITE, READ_AND_WRITE] {
        let (memory, source) = (environment.svm(1000)?, environment.svm(1000)?);
        let mut expected = pattern(1000, 22);
        environment.store(source, &expected)?;
        copied(environment, environment.queue, memory, source, 1000)?;
        mapped(environment, CL_TRUE, flags, memory, 1000)?;
        write_bytes(offset(memory, 300), &[0xAB; 100]);
        unmapped(environment, memory)?;
        expected[300..400].fill(0xAB);
        expect::elements("the memory", &expected, &environment.load(memory, 1000)?)?;
    }
    Ok(())
}

fn of_a_part(environment: &Environment) -> Finding {
    let memory = environment.svm(10_000)?;
    let mut expected = pattern(10_000, 23);
    environment.store(memory, &expected)?;
    for (index, (begin, size)) in [(0, 1), (1, 1), (5, 100), (4095, 2), (63, 4097), (9999, 1)]
        .into_iter()
        .enumerate()
    {
        let part = offset(memory, begin);
        mapped(environment, CL_TRUE, READ_AND_WRITE, part, size)?;
        let what = format!("{size} bytes at {begin}");
        expect::elements(
            &what,
            &expected[begin..begin + size],
            &read_bytes(part, size),
        )?;
        let data = pattern(size, 30 + index);
        write_bytes(part, &data);
        expected[begin..begin + size].copy_from_slice(&data);
        unmapped(environment, part)?;
    }
    expect::elements("the memory", &expected, &environment.load(memory, 10_000)?)
}

/// Demands `CL_INVALID_VALUE`, blocking or not.
fn refused(
    environment: &Environment,
    flags: cl_ulong,
    memory: *mut c_void,
    size: usize,
) -> Finding {
    for blocking in [CL_FALSE, CL_TRUE] {
        let (code, _) = map(environment, blocking, flags, memory, size, &[]);
        let what = format!("clEnqueueSVMMap of {size} bytes with flags {flags:#x}");
        expect::code(&what, CL_INVALID_VALUE, code)?;
    }
    Ok(())
}

fn unknown_flags(environment: &Environment) -> Finding {
    for bit in [3, 4, 10, 31, 32, 63] {
        let memory = environment.svm(64)?;
        refused(environment, 1 << bit, memory, 64)?;
        refused(environment, 1 << bit | CL_MAP_READ, memory, 64)?;
    }
    Ok(())
}

fn flags_zero(environment: &Environment) -> Finding {
    let memory = environment.svm(64)?;
    let (code, _) = map(environment, CL_TRUE, 0, memory, 64, &[]);
    if code == CL_SUCCESS {
        unmapped(environment, memory)?;
    }
    Err(Outcome::informative(expect::code_name(code)))
}

fn blocking_failed_wait(environment: &Environment) -> Finding {
    let memory = environment.svm(64)?;
    let gate = environment.gate()?;
    fail_gate(environment, gate)?;
    let (code, _) = map(environment, CL_TRUE, CL_MAP_READ, memory, 64, &[gate]);
    let expected = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
    expect::code("a blocking clEnqueueSVMMap", expected, code)
}
