//! How much memory there is, and what happens when there is no more (§4.2, §5.6.1).

use std::ffi::c_void;
use std::ptr::{from_ref, null, null_mut};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::offset;

/// The group.
pub const GROUP: Group = Group {
    name: "limits",
    about: "how much memory there is, and what happens when there is no more",
    checks: &[
        Check::new(
            "limits/smallest-maximum",
            "4.2",
            "CL_DEVICE_MAX_MEM_ALLOC_SIZE is a quarter of the memory or 1 GiB, but at least 32 MiB.",
            smallest_maximum,
        ),
        Check::new(
            "limits/ends-of-the-largest",
            "5.6.1",
            "The first and the last byte of an allocation of the largest size can be used.",
            ends_of_the_largest,
        )
        .alone(),
        Check::new(
            "limits/exhaustion",
            "5.6.1",
            "When there is no more memory, clSVMAlloc returns NULL, and all that was given stays usable.",
            exhaustion,
        )
        .alone(),
        Check::new(
            "limits/after-exhaustion",
            "5.6.1",
            "What was freed after there was no more memory is given again.",
            after_exhaustion,
        )
        .alone(),
        Check::new(
            "limits/many-small",
            "5.6.1",
            "Thousands of small allocations live side by side, each with its contents.",
            many_small,
        ),
        Check::new(
            "limits/many-commands",
            "5.16",
            "Thousands of commands are enqueued before the first is waited for, and none is lost.",
            many_commands,
        ),
        Check::new(
            "limits/many-reached",
            "5.9.2",
            "A kernel follows a list of thousands of allocations that clSetKernelExecInfo names.",
            many_reached,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
    ],
};

fn smallest_maximum(environment: &Environment) -> Finding {
    let maximum: cl_ulong = environment.device_info(CL_DEVICE_MAX_MEM_ALLOC_SIZE)?;
    let all: cl_ulong = environment.device_info(CL_DEVICE_GLOBAL_MEM_SIZE)?;
    let least = (all / 4).clamp(32 << 20, 1 << 30);
    expect::that(maximum >= least, || {
        (
            format!("CL_DEVICE_MAX_MEM_ALLOC_SIZE is {least} or more"),
            maximum.to_string(),
        )
    })
}

/// Writes a byte and reads it.
fn usable(environment: &Environment, place: *mut c_void, value: u8) -> Finding {
    let (api, queue, none) = (environment.api, environment.queue, null_mut());
    let pattern = from_ref(&value).cast();
    let code = api.clEnqueueSVMMemFill(queue, place, pattern, 1, 1, 0, null(), none);
    expect::success("clEnqueueSVMMemFill", code)?;
    holds(environment, place, value)
}

fn holds(environment: &Environment, place: *mut c_void, value: u8) -> Finding {
    let (api, queue, none) = (environment.api, environment.queue, null_mut());
    let mut found = 0_u8;
    let to = (&raw mut found).cast();
    let code = api.clEnqueueSVMMemcpy(queue, CL_TRUE, to, place, 1, 0, null(), none);
    expect::success("clEnqueueSVMMemcpy", code)?;
    expect::equal("the byte", value, found)
}

fn maximum(environment: &Environment) -> Result<usize, Outcome> {
    let maximum: cl_ulong = environment.device_info(CL_DEVICE_MAX_MEM_ALLOC_SIZE)?;
    Ok(maximum as usize)
}

fn ends_of_the_largest(environment: &Environment) -> Finding {
    let size = maximum(environment)?;
    let pointer = environment.try_svm(CL_MEM_READ_WRITE, size, 0);
    if pointer.is_null() {
        let why = "there is no memory for an allocation of the largest size";
        return Err(Outcome::not_applicable(why));
    }
    let last = offset(pointer, size - 1);
    usable(environment, pointer, 1)?;
    usable(environment, last, 2)?;
    holds(environment, pointer, 1)?;
    holds(environment, last, 2)
}

/// Allocates until there is no more, or enough to know that memory is only promised.
fn until_there_is_no_more(environment: &Environment) -> Result<Vec<*mut c_void>, Outcome> {
    let size = maximum(environment)?;
    let mut given = Vec::new();
    while given.len() < 64 {
        let pointer = environment.try_svm(CL_MEM_READ_WRITE, size, 0);
        if pointer.is_null() {
            break;
        }
        given.push(pointer);
    }
    Ok(given)
}

fn exhaustion(environment: &Environment) -> Finding {
    let given = until_there_is_no_more(environment)?;
    // One page of each: more might be more than the machine has.
    for (index, pointer) in given.iter().enumerate() {
        usable(environment, *pointer, index as u8)?;
    }
    for (index, pointer) in given.iter().enumerate() {
        holds(environment, *pointer, index as u8)?;
    }
    let mut sorted: Vec<usize> = given.iter().map(|pointer| *pointer as usize).collect();
    sorted.sort_unstable();
    let size = maximum(environment)?;
    let overlap = sorted.windows(2).any(|pair| pair[0] + size > pair[1]);
    expect::that(!overlap, || {
        ("no two allocations overlap".into(), "two do".into())
    })
}

fn after_exhaustion(environment: &Environment) -> Finding {
    let given = until_there_is_no_more(environment)?;
    let size = maximum(environment)?;
    for pointer in given.iter().skip(1) {
        environment.free(*pointer);
    }
    for round in 0..given.len().saturating_sub(1) {
        let pointer = environment.try_svm(CL_MEM_READ_WRITE, size, 0);
        expect::that(!pointer.is_null(), || {
            let what = format!("what was freed is given again, {size} bytes");
            (what, format!("NULL in round {round}"))
        })?;
        usable(environment, pointer, 7)?;
        environment.free(pointer);
    }
    Ok(())
}

fn many_small(environment: &Environment) -> Finding {
    let (api, queue, none) = (environment.api, environment.queue, null_mut());
    let given: Result<Vec<_>, _> = (0..2000).map(|_| environment.svm(40)).collect();
    let given = given?;
    for (index, pointer) in (0..).zip(&given) {
        let value: u32 = index;
        let pattern = from_ref(&value).cast();
        let code = api.clEnqueueSVMMemFill(queue, *pointer, pattern, 4, 40, 0, null(), none);
        expect::success("clEnqueueSVMMemFill", code)?;
    }
    for (index, pointer) in (0..).zip(&given) {
        let mut found = [0_u32; 10];
        let to = found.as_mut_ptr().cast();
        let code = api.clEnqueueSVMMemcpy(queue, CL_TRUE, to, *pointer, 40, 0, null(), none);
        expect::success("clEnqueueSVMMemcpy", code)?;
        expect::elements("a small allocation", &[index; 10], &found)?;
    }
    Ok(())
}

fn many_commands(environment: &Environment) -> Finding {
    const COUNT: usize = 5000;
    let (api, queue, none) = (environment.api, environment.queue, null_mut());
    let pointer = environment.svm(COUNT * 4)?;
    for index in 0..COUNT {
        let value = index as u32;
        let (place, pattern) = (offset(pointer, index * 4), from_ref(&value).cast());
        let code = api.clEnqueueSVMMemFill(queue, place, pattern, 4, 4, 0, null(), none);
        expect::success("clEnqueueSVMMemFill", code)?;
    }
    environment.finish()?;
    let expected: Vec<u32> = (0..COUNT as u32).collect();
    let found: Vec<u32> = environment.load(pointer, COUNT)?;
    expect::elements("the memory", &expected, &found)
}

fn many_reached(environment: &Environment) -> Finding {
    const COUNT: usize = 2000;
    let source = "typedef struct link { global struct link *next; ulong value; } link;
        kernel void sum_links(global link *at, global ulong *sum) {
            for (*sum = 0; at; at = at->next) *sum += at->value; }";
    let kernel = environment.kernel(source, "sum_links")?;
    let links: Result<Vec<_>, _> = (0..COUNT).map(|_| environment.svm(16)).collect();
    let links = links?;
    let mut contents = Vec::new();
    for index in 0..COUNT {
        let next = links.get(index + 1).map_or(0, |next| *next as usize as u64);
        contents.push([next, index as u64 + 1]);
    }
    let (api, queue, none) = (environment.api, environment.queue, null_mut());
    for (pointer, content) in links.iter().zip(&contents) {
        let from = content.as_ptr().cast();
        let code = api.clEnqueueSVMMemcpy(queue, CL_FALSE, *pointer, from, 16, 0, null(), none);
        expect::success("clEnqueueSVMMemcpy", code)?;
    }
    environment.finish()?;
    let sum = environment.svm(8)?;
    environment.reaches(kernel, &links)?;
    environment.run(kernel, &[links[0], sum], 1)?;
    let expected = (COUNT * (COUNT + 1) / 2) as u64;
    let found = environment.load(sum, 1)?;
    expect::equal("the sum of the list", vec![expected], found)
}
