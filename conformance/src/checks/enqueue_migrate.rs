//! `clEnqueueSVMMigrateMem` (§5.6.1).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::bytes::pattern;
use super::mapped::copied;
use super::svm_command::{group, Command};
use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::offset;

const HOST: cl_ulong = CL_MIGRATE_MEM_OBJECT_HOST;
const UNDEFINED: cl_ulong = CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED;

/// The group.
pub const GROUP: Group = group!(
    "enqueue-migrate",
    "clEnqueueSVMMigrateMem",
    Command::MigrateMem,
    [
        Check::new(
            "enqueue-migrate/sizes-null",
            "5.6.1",
            "Without sizes, the allocations that hold the pointers are migrated, and their contents stay.",
            |environment| contents_stay(environment, &[0, 1, 2000, 4095], None, 0),
        ),
        Check::new(
            "enqueue-migrate/sizes-zero",
            "5.6.1",
            "A size of 0 stands for the whole allocation that holds the pointer.",
            |environment| contents_stay(environment, &[0, 1, 2000, 4095], Some(&[0; 4]), 0),
        ),
        Check::new(
            "enqueue-migrate/ranges",
            "5.6.1",
            "Ranges within allocations are migrated, of any size up to their end, and contents stay.",
            |environment| {
                let sizes = [4096, 4095, 1, 1];
                contents_stay(environment, &[0, 1, 2000, 4095], Some(&sizes), 0)
            },
        ),
        Check::new(
            "enqueue-migrate/many",
            "5.6.1",
            "Hundreds of ranges are migrated at once.",
            |environment| contents_stay(environment, &[8; 300], Some(&[64; 300]), 0),
        ),
        Check::new(
            "enqueue-migrate/to-the-host",
            "5.5.5",
            "CL_MIGRATE_MEM_OBJECT_HOST migrates to the host, and contents stay.",
            |environment| contents_stay(environment, &[0, 100], None, HOST),
        ),
        Check::new(
            "enqueue-migrate/content-undefined",
            "5.5.5",
            "CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED gives up the contents of the ranges, and nothing else.",
            |environment| content_undefined(environment, UNDEFINED),
        ),
        Check::new(
            "enqueue-migrate/both-flags",
            "5.5.5",
            "The two flags may be combined.",
            |environment| content_undefined(environment, UNDEFINED | HOST),
        ),
        Check::new(
            "enqueue-migrate/used-afterwards",
            "5.6.1",
            "Memory that was migrated forth and back is used by commands as before.",
            used_afterwards,
        ),
        Check::new(
            "enqueue-migrate/fine-grained",
            "5.6.1",
            "Fine-grained memory may be migrated as well.",
            |environment| {
                let memory = environment.try_svm(CL_MEM_SVM_FINE_GRAIN_BUFFER, 64, 0);
                let code = migrate(environment, &[memory], None, 0);
                expect::success("clEnqueueSVMMigrateMem", code)?;
                Ok(environment.finish()?)
            },
        )
        .needs(&[Need::FineGrainBuffer]),
        Check::new(
            "enqueue-migrate/count-zero",
            "5.6.1",
            "A count of 0 is CL_INVALID_VALUE, with or without a list.",
            |environment| {
                let list = [environment.svm(64)?.cast_const()];
                refused(environment, "no pointers", 0, list.as_ptr(), None)?;
                refused(environment, "no pointers and no list", 0, null(), None)
            },
        ),
        Check::new(
            "enqueue-migrate/list-null",
            "5.6.1",
            "NULL for the list of pointers is CL_INVALID_VALUE.",
            |environment| {
                refused(environment, "a pointer without a list", 1, null(), None)?;
                refused(environment, "a pointer without a list", 1, null(), Some(&[64]))
            },
        ),
        Check::new(
            "enqueue-migrate/unknown-flags",
            "5.6.1",
            "Flags that the table of migration flags does not list are CL_INVALID_VALUE.",
            unknown_flags,
        ),
        Check::new(
            "enqueue-migrate/range-past-the-end",
            "5.6.1",
            "A range that ends behind its allocation is CL_INVALID_VALUE, wherever it stands in the list.",
            range_past_the_end,
        ),
        Check::new(
            "enqueue-migrate/range-wraps-around",
            "5.6.1",
            "A range that wraps around the address space is within no allocation, and therefore CL_INVALID_VALUE.",
            |environment| {
                let memory = environment.svm(4096)?;
                for size in [usize::MAX, usize::MAX - 4095, usize::MAX - memory as usize + 2] {
                    range_refused(environment, offset(memory, 1), size)?;
                }
                Ok(())
            },
        ),
        Check::new(
            "enqueue-migrate/range-of-the-application",
            "5.6.1",
            "A range of memory that is not of clSVMAlloc is CL_INVALID_VALUE.",
            |environment| {
                let mut memory = vec![0_u8; 4096];
                range_refused(environment, memory.as_mut_ptr().cast(), 64)
            },
        ),
        Check::new(
            "enqueue-migrate/range-at-null",
            "5.6.1",
            "A range at NULL is not of clSVMAlloc, and therefore CL_INVALID_VALUE.",
            |environment| range_refused(environment, null_mut(), 64),
        ),
        Check::new(
            "enqueue-migrate/pointer-of-the-application",
            "5.6.1",
            "Pointers must be of clSVMAlloc: what happens to another one without a size is left open.",
            |environment| {
                let mut memory = vec![0_u8; 4096];
                let code = migrate(environment, &[memory.as_mut_ptr().cast()], None, 0);
                environment.finish()?;
                Err(Outcome::informative(expect::code_name(code)))
            },
        )
        .undefined(),
    ]
);

/// Enqueues a migration on the environment's queue; the code.
fn migrate(
    environment: &Environment,
    pointers: &[*mut c_void],
    sizes: Option<&[usize]>,
    flags: cl_ulong,
) -> cl_int {
    let (api, queue) = (environment.api, environment.queue);
    let (count, pointers) = (pointers.len() as cl_uint, pointers.as_ptr().cast());
    let sizes = sizes.map_or(null(), <[usize]>::as_ptr);
    api.clEnqueueSVMMigrateMem(queue, count, pointers, sizes, flags, 0, null(), null_mut())
}

/// Migrates an allocation for each offset, there and back, and demands that its bytes stay.
fn contents_stay(
    environment: &Environment,
    offsets: &[usize],
    sizes: Option<&[usize]>,
    flags: cl_ulong,
) -> Finding {
    let memory: Result<Vec<_>, _> = offsets.iter().map(|_| environment.svm(4096)).collect();
    let memory = memory?;
    let numbered = || memory.iter().zip(50..);
    for (memory, seed) in numbered() {
        environment.store(*memory, &pattern(4096, seed))?;
    }
    let both = memory.iter().zip(offsets);
    let pointers: Vec<_> = both.map(|(memory, by)| offset(*memory, *by)).collect();
    let code = migrate(environment, &pointers, sizes, flags);
    expect::success("clEnqueueSVMMigrateMem", code)?;
    environment.finish()?;
    for (memory, seed) in numbered() {
        let found = environment.load(*memory, 4096)?;
        expect::elements("the memory", &pattern(4096, seed), &found)?;
    }
    Ok(())
}

fn content_undefined(environment: &Environment, flags: cl_ulong) -> Finding {
    let memory = environment.svm(3 * 4096)?;
    let data = pattern(3 * 4096, 51);
    environment.store(memory, &data)?;
    let code = migrate(environment, &[offset(memory, 4096)], Some(&[4096]), flags);
    expect::success("clEnqueueSVMMigrateMem", code)?;
    environment.finish()?;
    let found = environment.load(memory, 3 * 4096)?;
    expect::elements("the bytes before", &data[..4096], &found[..4096])?;
    expect::elements("the bytes behind", &data[2 * 4096..], &found[2 * 4096..])
}

fn used_afterwards(environment: &Environment) -> Finding {
    let (memory, copy) = (environment.svm(4096)?, environment.svm(4096)?);
    let data = pattern(4096, 52);
    environment.store(memory, &data)?;
    let succeeds = |flags| {
        let code = migrate(environment, &[memory, copy], None, flags);
        expect::success("clEnqueueSVMMigrateMem", code)
    };
    succeeds(HOST)?;
    succeeds(0)?;
    copied(environment, environment.queue, copy, memory, 4096)?;
    succeeds(HOST)?;
    succeeds(0)?;
    environment.finish()?;
    expect::elements("what was copied", &data, &environment.load(copy, 4096)?)
}

/// Demands `CL_INVALID_VALUE` for a count, a list and sizes.
fn refused(
    environment: &Environment,
    what: &str,
    count: cl_uint,
    pointers: *const *const c_void,
    sizes: Option<&[usize]>,
) -> Finding {
    let (api, queue) = (environment.api, environment.queue);
    let sizes = sizes.map_or(null(), <[usize]>::as_ptr);
    let code = api.clEnqueueSVMMigrateMem(queue, count, pointers, sizes, 0, 0, null(), null_mut());
    let what = format!("clEnqueueSVMMigrateMem of {what}");
    expect::code(&what, CL_INVALID_VALUE, code)
}

fn range_refused(environment: &Environment, pointer: *mut c_void, size: usize) -> Finding {
    let code = migrate(environment, &[pointer], Some(&[size]), 0);
    let what = format!("clEnqueueSVMMigrateMem of {size} bytes at {pointer:?}");
    // What was enqueued all the same must not outlive the memory.
    environment.finish()?;
    expect::code(&what, CL_INVALID_VALUE, code)
}

fn unknown_flags(environment: &Environment) -> Finding {
    for flag in [2, 3, 10, 31, 32, 63].map(|bit| 1 << bit) {
        for flags in [flag, flag | HOST] {
            let code = migrate(environment, &[environment.svm(64)?], None, flags);
            let what = format!("clEnqueueSVMMigrateMem with flags {flags:#x}");
            expect::code(&what, CL_INVALID_VALUE, code)?;
        }
    }
    Ok(())
}

fn range_past_the_end(environment: &Environment) -> Finding {
    let memory = environment.svm(4096)?;
    // Far enough that no other allocation is likely to be meant by what an implementation rounds up.
    for (begin, size) in [(0, 1 << 40), (4095, 1 << 40), (1, 1 << 30)] {
        range_refused(environment, offset(memory, begin), size)?;
    }
    range_refused(environment, memory, 4097)?;
    range_refused(environment, offset(memory, 4095), 2)?;
    let other = environment.svm(64)?;
    let code = migrate(environment, &[other, memory], Some(&[64, 4097]), 0);
    let what = "clEnqueueSVMMigrateMem of a good and a bad range";
    expect::code(what, CL_INVALID_VALUE, code)
}
