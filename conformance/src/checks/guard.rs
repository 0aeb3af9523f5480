//! What is written to one allocation, or to a part of it, changes nothing beside it (§5.6.1).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::offset;

/// What kernels need.
const KERNELS: &[Need] = &[Need::CoarseGrainBuffer, Need::Compiler];

/// The group.
pub const GROUP: Group = Group {
    name: "guard",
    about: "the bytes beside what is written stay as they are",
    checks: &[
        Check::new(
            "guard/fill-all",
            "5.6.1",
            "To fill all of an allocation changes no other.",
            |environment| neighbours(environment, fill),
        ),
        Check::new(
            "guard/copy-all",
            "5.6.1",
            "To copy to all of an allocation changes no other.",
            |environment| neighbours(environment, copy),
        ),
        Check::new(
            "guard/kernel-all",
            "5.6.1",
            "A kernel that writes all of an allocation changes no other.",
            kernel_all,
        )
        .needs(KERNELS),
        Check::new(
            "guard/map-all",
            "5.6.1",
            "To map all of an allocation, write it and unmap it changes no other.",
            |environment| {
                neighbours(environment, |environment, pointer, size| {
                    Ok(environment.store(pointer, &vec![FILLED; size])?)
                })
            },
        ),
        Check::new(
            "guard/fill-part",
            "5.6.1",
            "clEnqueueSVMMemFill changes nothing beside its region.",
            |environment| parts(environment, fill),
        ),
        Check::new(
            "guard/copy-part",
            "5.6.1",
            "clEnqueueSVMMemcpy changes nothing beside its destination.",
            |environment| parts(environment, copy),
        ),
        Check::new(
            "guard/map-part",
            "5.6.1",
            "To map a region, write it and unmap it changes nothing beside it.",
            |environment| {
                parts(environment, |environment, pointer, size| {
                    Ok(environment.store(pointer, &vec![FILLED; size])?)
                })
            },
        ),
        Check::new(
            "guard/kernel-part",
            "3.3.9",
            "A kernel changes only the bytes that it writes.",
            kernel_part,
        )
        .needs(KERNELS),
        Check::new(
            "guard/kernel-every-third",
            "3.3.9",
            "Work-items that write one byte of three leave the others as they are.",
            kernel_every_third,
        )
        .needs(KERNELS),
        Check::new(
            "guard/copy-source",
            "5.6.1",
            "clEnqueueSVMMemcpy leaves its source as it is.",
            copy_source,
        ),
        Check::new(
            "guard/freed-beside",
            "5.6.1",
            "What is allocated and freed beside an allocation leaves it as it is.",
            freed_beside,
        ),
    ],
};

const UNTOUCHED: u8 = 0x5A;
const FILLED: u8 = 0xC3;

/// Sizes on both sides of what allocators treat differently.
const SIZES: [usize; 9] = [1, 3, 64, 127, 129, 4095, 4096, 4097, 70_001];

fn fill(environment: &Environment, pointer: *mut c_void, size: usize) -> Finding {
    let pattern = std::ptr::from_ref(&FILLED).cast();
    let code = environment.api.clEnqueueSVMMemFill(
        environment.queue,
        pointer,
        pattern,
        1,
        size,
        0,
        null(),
        null_mut(),
    );
    expect::success("clEnqueueSVMMemFill", code)?;
    Ok(environment.finish()?)
}

fn copy(environment: &Environment, pointer: *mut c_void, size: usize) -> Finding {
    let from = vec![FILLED; size];
    let code = environment.api.clEnqueueSVMMemcpy(
        environment.queue,
        CL_TRUE,
        pointer,
        from.as_ptr().cast(),
        size,
        0,
        null(),
        null_mut(),
    );
    expect::success("clEnqueueSVMMemcpy", code)
}

/// Demands that every byte of an allocation has a value.
fn holds(environment: &Environment, what: &str, pointer: *mut c_void, expected: &[u8]) -> Finding {
    let found: Vec<u8> = environment.load(pointer, expected.len())?;
    let wrong = found
        .iter()
        .zip(expected)
        .position(|(one, other)| one != other);
    match wrong {
        None => Ok(()),
        Some(index) => Err(Outcome::fail(
            format!("{what}: byte {index} is {:#x}", expected[index]),
            format!("{:#x}", found[index]),
        )),
    }
}

/// Three allocations of each size; each second one is written, and none of the others may change.
fn neighbours(
    environment: &Environment,
    write: impl Fn(&Environment, *mut c_void, usize) -> Finding,
) -> Finding {
    let mut given = Vec::new();
    for size in SIZES {
        for place in 0..3 {
            let pointer = environment.svm(size)?;
            environment.store(pointer, &vec![UNTOUCHED; size])?;
            given.push((pointer, size, place == 1));
        }
    }
    for (pointer, size, _) in given.iter().filter(|(_, _, written)| *written) {
        write(environment, *pointer, *size)?;
    }
    for (pointer, size, written) in given {
        let value = if written { FILLED } else { UNTOUCHED };
        let beside = if written { "written" } else { "beside it" };
        let what = format!("an allocation of {size} bytes, {beside}");
        holds(environment, &what, pointer, &vec![value; size])?;
    }
    Ok(())
}

fn kernel_all(environment: &Environment) -> Finding {
    let source = "kernel void whole(global uchar *p) { p[get_global_id(0)] = 0xC3; }";
    let kernel = environment.kernel(source, "whole")?;
    neighbours(environment, |environment, pointer, size| {
        environment.run(kernel, &[pointer], size)
    })
}

/// Regions of an allocation are written, and nothing beside them may change.
fn parts(
    environment: &Environment,
    write: impl Fn(&Environment, *mut c_void, usize) -> Finding,
) -> Finding {
    const SIZE: usize = 9000;
    let pointer = environment.svm(SIZE)?;
    for begin in [1, 2, 63, 64, 4095, 4096] {
        for size in [1, 2, 3, 7, 31, 64, 130, 4097] {
            environment.store(pointer, &[UNTOUCHED; SIZE])?;
            write(environment, offset(pointer, begin), size)?;
            let mut expected = vec![UNTOUCHED; SIZE];
            expected[begin..begin + size].fill(FILLED);
            let what = format!("after {size} bytes from byte {begin} on were written");
            holds(environment, &what, pointer, &expected)?;
        }
    }
    Ok(())
}

fn kernel_part(environment: &Environment) -> Finding {
    let source = "kernel void part(global uchar *p) { p[get_global_id(0)] = 0xC3; }";
    let kernel = environment.kernel(source, "part")?;
    const SIZE: usize = 9000;
    let pointer = environment.svm(SIZE)?;
    for begin in [1, 63, 4095, 4096] {
        for size in [1, 7, 64, 130, 4097] {
            environment.store(pointer, &[UNTOUCHED; SIZE])?;
            environment.run(kernel, &[offset(pointer, begin)], size)?;
            let mut expected = vec![UNTOUCHED; SIZE];
            expected[begin..begin + size].fill(FILLED);
            let what = format!("after a kernel wrote {size} bytes from byte {begin} on");
            holds(environment, &what, pointer, &expected)?;
        }
    }
    Ok(())
}

fn kernel_every_third(environment: &Environment) -> Finding {
    let source = "kernel void third(global uchar *p) { p[get_global_id(0) * 3] = 0xC3; }";
    let kernel = environment.kernel(source, "third")?;
    const SIZE: usize = 9000;
    let pointer = environment.svm(SIZE)?;
    environment.store(pointer, &[UNTOUCHED; SIZE])?;
    environment.run(kernel, &[pointer], SIZE / 3)?;
    let third = |index: usize| index.is_multiple_of(3);
    let value = |index| if third(index) { FILLED } else { UNTOUCHED };
    let expected: Vec<u8> = (0..SIZE).map(value).collect();
    let what = "after a kernel wrote one byte of three";
    holds(environment, what, pointer, &expected)
}

fn copy_source(environment: &Environment) -> Finding {
    for size in SIZES {
        let (from, to) = (environment.svm(size)?, environment.svm(size)?);
        environment.store(from, &vec![UNTOUCHED; size])?;
        environment.store(to, &vec![FILLED; size])?;
        let code = environment.api.clEnqueueSVMMemcpy(
            environment.queue,
            CL_TRUE,
            to,
            from,
            size,
            0,
            null(),
            null_mut(),
        );
        expect::success("clEnqueueSVMMemcpy", code)?;
        holds(environment, "the source", from, &vec![UNTOUCHED; size])?;
        holds(environment, "the destination", to, &vec![UNTOUCHED; size])?;
    }
    Ok(())
}

fn freed_beside(environment: &Environment) -> Finding {
    let kept: Result<Vec<_>, _> = SIZES.iter().map(|size| environment.svm(*size)).collect();
    let kept = kept?;
    for (pointer, size) in kept.iter().zip(SIZES) {
        environment.store(*pointer, &vec![UNTOUCHED; size])?;
    }
    for round in 0..50 {
        let size = SIZES[round % SIZES.len()];
        let pointer = environment.svm(size)?;
        environment.store(pointer, &vec![FILLED; size])?;
        environment.free(pointer);
    }
    for (pointer, size) in kept.iter().zip(SIZES) {
        let what = format!("{size} bytes that were kept");
        holds(environment, &what, *pointer, &vec![UNTOUCHED; size])?;
    }
    Ok(())
}
