//! `clSVMAlloc` (§5.6.1): sizes, flags, contexts, and what is given.

use std::ffi::c_void;
use std::ptr::null_mut;

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::{offset, read, write};
use crate::session::devices;

const FINE: cl_ulong = CL_MEM_SVM_FINE_GRAIN_BUFFER;
const ATOMICS: cl_ulong = CL_MEM_SVM_ATOMICS;
const ACCESS: [cl_ulong; 4] = [0, CL_MEM_READ_WRITE, CL_MEM_WRITE_ONLY, CL_MEM_READ_ONLY];

/// The group.
pub const GROUP: Group = Group {
    name: "allocation",
    about: "clSVMAlloc: sizes, flags, contexts, and what is given",
    checks: &[
        Check::new(
            "allocation/size-zero",
            "5.6.1",
            "clSVMAlloc returns NULL for a size of 0.",
            |environment| refused(environment, &ACCESS, &[0]),
        ),
        Check::new(
            "allocation/size-beyond-maximum",
            "5.6.1",
            "clSVMAlloc returns NULL for a size beyond CL_DEVICE_MAX_MEM_ALLOC_SIZE.",
            size_beyond_maximum,
        ),
        Check::new(
            "allocation/size-of-address-space",
            "5.6.1",
            "clSVMAlloc returns NULL for sizes that would wrap around the address space.",
            |environment| {
                let sizes = [0, 1, 127, 4094, 4095, 65535].map(|less| usize::MAX - less);
                refused(environment, &ACCESS, &sizes)
            },
        ),
        Check::new(
            "allocation/size-maximum",
            "5.6.1",
            "A buffer of CL_DEVICE_MAX_MEM_ALLOC_SIZE bytes is given and usable at both ends, or refused for lack of resources.",
            size_maximum,
        )
        .alone(),
        Check::new(
            "allocation/four-of-maximum-size",
            "5.6.1",
            "Four buffers of CL_DEVICE_MAX_MEM_ALLOC_SIZE bytes may be given at a time, or refused for lack of resources.",
            four_of_maximum_size,
        )
        .alone(),
        Check::new(
            "allocation/every-size",
            "5.6.1",
            "clSVMAlloc gives all the bytes that were asked for, whatever their number.",
            every_size,
        ),
        Check::new(
            "allocation/no-overlap",
            "5.6.1",
            "SVM buffers that live at a time share no byte.",
            no_overlap,
        ),
        Check::new(
            "allocation/no-overlap-of-contexts",
            "5.6.1",
            "SVM buffers of two contexts that live at a time share no byte.",
            no_overlap_of_contexts,
        ),
        Check::new(
            "allocation/flags-zero",
            "5.6.1",
            "Flags of 0 mean CL_MEM_READ_WRITE: kernels read and write the buffer.",
            |environment| usable_in_kernels(environment, 0),
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
        Check::new(
            "allocation/flag-read-write",
            "5.6.1",
            "A buffer of CL_MEM_READ_WRITE is read and written by kernels.",
            |environment| usable_in_kernels(environment, CL_MEM_READ_WRITE),
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
        Check::new(
            "allocation/access-flags",
            "5.6.1",
            "clSVMAlloc accepts each of CL_MEM_READ_WRITE, CL_MEM_WRITE_ONLY and CL_MEM_READ_ONLY.",
            |environment| given(environment, &ACCESS),
        ),
        Check::new(
            "allocation/read-write-and-write-only",
            "5.6.1",
            "CL_MEM_READ_WRITE and CL_MEM_WRITE_ONLY are mutually exclusive.",
            |environment| refused(environment, &[CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY], &[64]),
        ),
        Check::new(
            "allocation/read-write-and-read-only",
            "5.6.1",
            "CL_MEM_READ_WRITE and CL_MEM_READ_ONLY are mutually exclusive.",
            |environment| refused(environment, &[CL_MEM_READ_WRITE | CL_MEM_READ_ONLY], &[64]),
        ),
        Check::new(
            "allocation/write-only-and-read-only",
            "5.6.1",
            "CL_MEM_WRITE_ONLY and CL_MEM_READ_ONLY are mutually exclusive.",
            |environment| {
                let both = CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
                refused(environment, &[both, both | CL_MEM_READ_WRITE], &[64])
            },
        ),
        Check::new(
            "allocation/atomics-without-fine-grain",
            "5.6.1",
            "CL_MEM_SVM_ATOMICS is valid only with CL_MEM_SVM_FINE_GRAIN_BUFFER.",
            |environment| refused(environment, &ACCESS.map(|access| access | ATOMICS), &[64]),
        ),
        Check::new(
            "allocation/fine-grain",
            "5.6.1",
            "A device that supports fine-grained buffers gives them, with every access flag.",
            |environment| given(environment, &ACCESS.map(|access| access | FINE)),
        )
        .needs(&[Need::FineGrainBuffer]),
        Check::new(
            "allocation/fine-grain-unsupported",
            "5.6.1",
            "clSVMAlloc returns NULL for CL_MEM_SVM_FINE_GRAIN_BUFFER where no device supports it.",
            |environment| unsupported(environment, Need::FineGrainBuffer, FINE),
        ),
        Check::new(
            "allocation/atomics",
            "5.6.1",
            "A device that supports SVM atomics gives fine-grained buffers for them, with every access flag.",
            |environment| given(environment, &ACCESS.map(|access| access | FINE | ATOMICS)),
        )
        .needs(&[Need::FineGrainBuffer, Need::Atomics]),
        Check::new(
            "allocation/atomics-unsupported",
            "5.6.1",
            "clSVMAlloc returns NULL for CL_MEM_SVM_ATOMICS where no device supports it.",
            |environment| unsupported(environment, Need::Atomics, FINE | ATOMICS),
        ),
        Check::new(
            "allocation/host-pointer-flags",
            "5.6.1",
            "clSVMAlloc returns NULL for the host pointer flags of buffers, which its table does not list.",
            |environment| {
                let flags = [CL_MEM_USE_HOST_PTR, CL_MEM_ALLOC_HOST_PTR, CL_MEM_COPY_HOST_PTR];
                refused(environment, &flags, &[64])
            },
        ),
        Check::new(
            "allocation/host-access-flags",
            "5.6.1",
            "clSVMAlloc returns NULL for the host access flags of buffers, which its table does not list.",
            |environment| {
                let flags = [CL_MEM_HOST_WRITE_ONLY, CL_MEM_HOST_READ_ONLY, CL_MEM_HOST_NO_ACCESS];
                refused(environment, &flags, &[64])
            },
        ),
        Check::new(
            "allocation/kernel-read-and-write-flag",
            "5.6.1",
            "clSVMAlloc returns NULL for CL_MEM_KERNEL_READ_AND_WRITE, which its table does not list.",
            |environment| refused(environment, &[CL_MEM_KERNEL_READ_AND_WRITE], &[64]),
        ),
        Check::new(
            "allocation/unknown-flags",
            "5.6.1",
            "clSVMAlloc returns NULL for flags that no version of OpenCL defines.",
            |environment| {
                // Neither OpenCL nor an extension in its registry gives these bits a meaning.
                let flags: Vec<cl_ulong> = (13..20).chain(40..64).map(|bit| 1 << bit).collect();
                refused(environment, &flags, &[64])
            },
        ),
        Check::new(
            "allocation/context-null",
            "5.6.1",
            "clSVMAlloc returns NULL if the context is NULL, which is no valid context.",
            context_null,
        ),
        Check::new(
            "allocation/context-of-wrong-type",
            "5.6.1",
            "clSVMAlloc returns NULL if the context is an object of another type, which is no valid context.",
            context_of_wrong_type,
        )
        .alone(),
        Check::new(
            "allocation/host-access-of-fine-grain",
            "5.6.1",
            "The host reads and writes fine-grained buffers without mapping them.",
            host_access_of_fine_grain,
        )
        .needs(&[Need::FineGrainBuffer]),
        Check::new(
            "allocation/again-and-again",
            "5.6.1",
            "What was freed can be allocated again, any number of times.",
            again_and_again,
        ),
        Check::new(
            "allocation/of-sub-devices",
            "5.6.1",
            "A context of sub-devices gives SVM buffers as one of their device does.",
            of_sub_devices,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::SubDevices]),
        Check::new(
            "allocation/fine-grain-of-mixed-devices",
            "5.6.1",
            "What clSVMAlloc does with fine-grained flags where only some devices of the context support them is worded two ways.",
            fine_grain_of_mixed_devices,
        )
        .needs(&[Need::FineGrainBuffer, Need::TwoDevices]),
    ],
};

/// Demands NULL for every set of flags and size.
fn refused(environment: &Environment, flags: &[cl_ulong], sizes: &[usize]) -> Finding {
    for flags in flags {
        for size in sizes {
            let pointer = environment.try_svm(*flags, *size, 0);
            null(
                &format!("clSVMAlloc of {size} bytes with flags {flags:#x}"),
                pointer,
            )?;
        }
    }
    Ok(())
}

fn null(what: &str, pointer: *mut c_void) -> Finding {
    expect::that(pointer.is_null(), || {
        (format!("{what} returns NULL"), format!("{pointer:?}"))
    })
}

fn not_null(what: &str, pointer: *mut c_void) -> Finding {
    expect::that(!pointer.is_null(), || {
        (format!("{what} gives memory"), "NULL".into())
    })
}

/// Demands memory for every set of flags.
fn given(environment: &Environment, flags: &[cl_ulong]) -> Finding {
    for flags in flags {
        for size in [1, 64, 5000] {
            let pointer = environment.try_svm(*flags, size, 0);
            not_null(
                &format!("clSVMAlloc of {size} bytes with flags {flags:#x}"),
                pointer,
            )?;
        }
    }
    Ok(())
}

fn unsupported(environment: &Environment, need: Need, flags: cl_ulong) -> Finding {
    if environment.has(need)? {
        return Err(Outcome::not_applicable(format!("it has {}", need.words())));
    }
    refused(environment, &[flags, flags | CL_MEM_READ_WRITE], &[64])
}

fn maximum(environment: &Environment) -> Result<usize, Outcome> {
    let maximum: cl_ulong = environment.device_info(CL_DEVICE_MAX_MEM_ALLOC_SIZE)?;
    Ok(maximum as usize)
}

fn size_beyond_maximum(environment: &Environment) -> Finding {
    if environment.has(Need::UnifiedSvm)? {
        return Err(Outcome::not_applicable("cl_khr_unified_svm knows no limit"));
    }
    let Some(more) = maximum(environment)?.checked_add(1) else {
        return Err(Outcome::not_applicable("there is no larger size"));
    };
    refused(environment, &ACCESS, &[more, more.saturating_add(4095)])
}

fn size_maximum(environment: &Environment) -> Finding {
    let size = maximum(environment)?;
    let pointer = environment.try_svm(CL_MEM_READ_WRITE, size, 0);
    if pointer.is_null() {
        return Err(Outcome::informative(format!("{size} bytes are refused")));
    }
    let (first, last) = (pointer, offset(pointer, size - 1));
    environment.store(first, &[1_u8])?;
    environment.store(last, &[2_u8])?;
    let ends = (environment.load(first, 1)?, environment.load(last, 1)?);
    expect::equal("what the two ends hold", (vec![1_u8], vec![2_u8]), ends)
}

fn four_of_maximum_size(environment: &Environment) -> Finding {
    let size = maximum(environment)?;
    let given = (0..4).filter(|_| !environment.try_svm(0, size, 0).is_null());
    let count = given.count();
    Err(Outcome::informative(format!(
        "{count} of 4 buffers of {size} bytes are given"
    )))
}

fn every_size(environment: &Environment) -> Finding {
    let powers = (0..18).map(|power| 1_usize << power);
    for size in powers.flat_map(|size| [size, size + 1, size + size / 2]) {
        let pointer = environment.svm(size)?;
        let values: Vec<u8> = (0..size)
            .map(|index| (index * 7 + index / 251) as u8)
            .collect();
        environment.store(pointer, &values)?;
        let found = environment.load::<u8>(pointer, size)?;
        expect::that(found == values, || {
            let wrong = found.iter().zip(&values).position(|(a, b)| a != b);
            (
                format!("{size} bytes hold what was written"),
                format!("byte {wrong:?} differs"),
            )
        })?;
        environment.free(pointer);
    }
    Ok(())
}

/// Demands that no two of the ranges overlap.
fn disjoint(mut ranges: Vec<(usize, usize)>) -> Finding {
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        let ((start, size), (next, _)) = (pair[0], pair[1]);
        expect::that(start + size <= next, || {
            (
                format!("no other buffer begins inside {size} bytes at {start:#x}"),
                format!("one begins at {next:#x}"),
            )
        })?;
    }
    Ok(())
}

fn no_overlap(environment: &Environment) -> Finding {
    let sizes = (0..500_usize).map(|index| 1 + index * 37 % [64, 777, 5000, 40_000][index % 4]);
    let mut ranges = Vec::new();
    for size in sizes {
        ranges.push((environment.svm(size)? as usize, size));
    }
    disjoint(ranges.clone())?;
    let numbered = || (0..250_u8).cycle().zip(&ranges);
    for (value, (address, size)) in numbered() {
        environment.store(*address as *mut c_void, &vec![value; *size])?;
    }
    for (value, (address, size)) in numbered() {
        let found = environment.load::<u8>(*address as *mut c_void, *size)?;
        expect::that(found.iter().all(|byte| *byte == value), || {
            (
                format!("{size} bytes at {address:#x} hold what was written"),
                "others wrote there too".into(),
            )
        })?;
    }
    Ok(())
}

fn no_overlap_of_contexts(environment: &Environment) -> Finding {
    let other = environment.context_of(&[environment.device])?;
    let mut ranges = Vec::new();
    for index in 0..200_usize {
        let size = 1 + index * 61 % 3000;
        let context = if index % 2 == 0 {
            environment.context
        } else {
            other
        };
        let pointer = environment.try_svm_of(context, CL_MEM_READ_WRITE, size, 0);
        not_null(&format!("clSVMAlloc of {size} bytes"), pointer)?;
        ranges.push((pointer as usize, size));
    }
    disjoint(ranges)
}

fn usable_in_kernels(environment: &Environment, flags: cl_ulong) -> Finding {
    let kernel = environment.kernel(
        "kernel void twice(global uint *values) { values[get_global_id(0)] *= 2; }",
        "twice",
    )?;
    let pointer = environment.try_svm(flags, 100 * 4, 0);
    not_null(&format!("clSVMAlloc with flags {flags:#x}"), pointer)?;
    let values: Vec<cl_uint> = (1..=100).collect();
    environment.store(pointer, &values)?;
    let code = environment.api.clSetKernelArgSVMPointer(kernel, 0, pointer);
    expect::success("clSetKernelArgSVMPointer", code)?;
    expect::success(
        "clEnqueueNDRangeKernel",
        environment.launch(kernel, &[100], None),
    )?;
    environment.finish()?;
    let doubled: Vec<cl_uint> = values.iter().map(|value| value * 2).collect();
    expect::equal(
        "what the kernel left",
        doubled,
        environment.load(pointer, 100)?,
    )
}

fn context_null(environment: &Environment) -> Finding {
    null(
        "clSVMAlloc without a context",
        environment
            .api
            .clSVMAlloc(null_mut(), CL_MEM_READ_WRITE, 64, 0),
    )
}

fn context_of_wrong_type(environment: &Environment) -> Finding {
    let event = environment.gate()?;
    for (what, object) in [
        ("a command-queue", environment.queue),
        ("a device", environment.device),
        ("an event", event),
    ] {
        let pointer = environment.api.clSVMAlloc(object, CL_MEM_READ_WRITE, 64, 0);
        null(&format!("clSVMAlloc with {what} as its context"), pointer)?;
    }
    Ok(())
}

fn host_access_of_fine_grain(environment: &Environment) -> Finding {
    let pointer = environment.try_svm(FINE, 4096, 0);
    not_null("clSVMAlloc of a fine-grained buffer", pointer)?;
    for index in 0..4096 {
        write(pointer, index, (index * 3) as u8);
    }
    let holds = (0..4096).all(|index| read::<u8>(pointer, index) == (index * 3) as u8);
    expect::equal("whether the host reads what it wrote", true, holds)
}

fn again_and_again(environment: &Environment) -> Finding {
    let size = (maximum(environment)? / 4).min(64 << 20);
    for round in 0..2000_usize {
        let pointer = environment.try_svm(CL_MEM_READ_WRITE, size, 0);
        not_null(
            &format!("clSVMAlloc of {size} bytes, the {round}th time"),
            pointer,
        )?;
        environment.free(pointer);
    }
    Ok(())
}

fn of_sub_devices(environment: &Environment) -> Finding {
    let parts = environment.sub_devices(1)?;
    let context = environment.context_of(&parts)?;
    let capabilities = environment.svm_capabilities();
    let mut kinds = vec![CL_MEM_READ_WRITE];
    if capabilities & CL_DEVICE_SVM_FINE_GRAIN_BUFFER != 0 {
        kinds.push(FINE);
    }
    for flags in kinds {
        let pointer = environment.try_svm_of(context, flags, 4096, 0);
        not_null(
            &format!("clSVMAlloc with flags {flags:#x} of sub-devices"),
            pointer,
        )?;
    }
    Ok(())
}

fn fine_grain_of_mixed_devices(environment: &Environment) -> Finding {
    let all = devices(environment.api, environment.platform)?;
    let context = environment.context_of(&all)?;
    let mut lacking = 0;
    for device in &all {
        let mut capabilities: cl_device_svm_capabilities = 0;
        let place = (&raw mut capabilities).cast();
        let (name, size) = (CL_DEVICE_SVM_CAPABILITIES, size_of_val(&capabilities));
        let code = environment
            .api
            .clGetDeviceInfo(*device, name, size, place, null_mut());
        let fine = code == CL_SUCCESS && capabilities & CL_DEVICE_SVM_FINE_GRAIN_BUFFER != 0;
        lacking += usize::from(!fine);
    }
    if lacking == 0 {
        return Err(Outcome::not_applicable(
            "every device has fine-grained buffers",
        ));
    }
    let pointer = environment.try_svm_of(context, FINE, 4096, 0);
    let (count, given) = (all.len(), if pointer.is_null() { "NULL" } else { "memory" });
    Err(Outcome::informative(format!(
        "{lacking} of {count} devices lack them: {given}"
    )))
}
