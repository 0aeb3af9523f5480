//! `clEnqueueSVMUnmap` (§5.6.1).

use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::bytes::pattern;
use super::mapped::{copied, mapped, unmap_on, unmapped, write_bytes};
use super::svm_command::{group, wait, Command};
use crate::check::{expect, Check, Environment, Finding, Group, Outcome};
use crate::client::offset;

/// The group.
pub const GROUP: Group = group!(
    "enqueue-unmap",
    "clEnqueueSVMUnmap",
    Command::Unmap,
    [
        Check::new(
            "enqueue-unmap/shows-what-the-host-wrote",
            "5.6.1",
            "It is a synchronization point: commands after it find what the host wrote.",
            |environment| shows_what_the_host_wrote(environment, CL_MAP_WRITE),
        ),
        Check::new(
            "enqueue-unmap/shows-what-the-host-wrote-anew",
            "5.2.4",
            "The same holds of memory that was mapped without its contents.",
            |environment| {
                shows_what_the_host_wrote(environment, CL_MAP_WRITE_INVALIDATE_REGION)
            },
        ),
        Check::new(
            "enqueue-unmap/of-a-part",
            "5.6.1",
            "A part is unmapped by the pointer with which it was mapped, and the rest stays as it is.",
            of_a_part,
        ),
        Check::new(
            "enqueue-unmap/after-reading",
            "5.6.1",
            "Memory that was mapped for reading holds after it what it held before.",
            after_reading,
        ),
        Check::new(
            "enqueue-unmap/on-another-queue",
            "5.6.1",
            "Memory may be unmapped on a queue of the context other than the one that mapped it.",
            on_another_queue,
        ),
        Check::new(
            "enqueue-unmap/pointer-null",
            "5.6.1",
            "NULL for the SVM pointer is CL_INVALID_VALUE.",
            |environment| {
                let queue = environment.queue;
                let code = environment
                    .api
                    .clEnqueueSVMUnmap(queue, null_mut(), 0, null(), null_mut());
                expect::code("clEnqueueSVMUnmap of NULL", CL_INVALID_VALUE, code)
            },
        ),
        Check::new(
            "enqueue-unmap/never-mapped",
            "5.6.1",
            "The pointer was specified to a map before: what happens otherwise is left open.",
            |environment| {
                let memory = environment.svm(64)?;
                let (code, _) = unmap_on(environment, environment.queue, memory, &[]);
                environment.finish()?;
                Err(Outcome::informative(expect::code_name(code)))
            },
        )
        .undefined(),
        Check::new(
            "enqueue-unmap/twice",
            "5.6.1",
            "The pointer was specified to a map before: what a second unmap does is left open.",
            |environment| {
                let memory = environment.svm(64)?;
                mapped(environment, CL_TRUE, CL_MAP_READ, memory, 64)?;
                unmapped(environment, memory)?;
                let (code, _) = unmap_on(environment, environment.queue, memory, &[]);
                environment.finish()?;
                Err(Outcome::informative(expect::code_name(code)))
            },
        )
        .undefined(),
    ]
);

fn shows_what_the_host_wrote(environment: &Environment, flags: cl_ulong) -> Finding {
    let (memory, copy) = (environment.svm(5000)?, environment.svm(5000)?);
    environment.store(memory, &[0_u8; 5000])?;
    let data = pattern(5000, 41);
    mapped(environment, CL_TRUE, flags, memory, 5000)?;
    write_bytes(memory, &data);
    let (code, _) = unmap_on(environment, environment.queue, memory, &[]);
    expect::success("clEnqueueSVMUnmap", code)?;
    copied(environment, environment.queue, copy, memory, 5000)?;
    environment.finish()?;
    expect::elements("what was copied", &data, &environment.load(copy, 5000)?)
}

fn of_a_part(environment: &Environment) -> Finding {
    for flags in [CL_MAP_WRITE, CL_MAP_WRITE_INVALIDATE_REGION] {
        let memory = environment.svm(9000)?;
        let mut expected = pattern(9000, 42);
        environment.store(memory, &expected)?;
        let part = offset(memory, 4001);
        mapped(environment, CL_TRUE, flags, part, 777)?;
        let data = pattern(777, 43);
        write_bytes(part, &data);
        unmapped(environment, part)?;
        expected[4001..4778].copy_from_slice(&data);
        let what = format!("the memory after a map with flags {flags:#x}");
        expect::elements(&what, &expected, &environment.load(memory, 9000)?)?;
    }
    Ok(())
}

fn after_reading(environment: &Environment) -> Finding {
    let memory = environment.svm(3000)?;
    let data = pattern(3000, 44);
    environment.store(memory, &data)?;
    mapped(environment, CL_TRUE, CL_MAP_READ, memory, 3000)?;
    unmapped(environment, memory)?;
    let mut found = vec![0_u8; 3000];
    let place = found.as_mut_ptr().cast();
    copied(environment, environment.queue, place, memory, 3000)?;
    environment.finish()?;
    expect::elements("the memory", &data, &found)
}

fn on_another_queue(environment: &Environment) -> Finding {
    let queue = environment.queue_of(0)?;
    let memory = environment.svm(256)?;
    mapped(environment, CL_TRUE, CL_MAP_WRITE, memory, 256)?;
    let data = pattern(256, 45);
    write_bytes(memory, &data);
    let (code, event) = unmap_on(environment, queue, memory, &[]);
    expect::success("clEnqueueSVMUnmap", code)?;
    wait(environment, event)?;
    let mut found = vec![0_u8; 256];
    let place = found.as_mut_ptr().cast();
    copied(environment, environment.queue, place, memory, 256)?;
    environment.finish()?;
    expect::elements("the memory", &data, &found)
}
