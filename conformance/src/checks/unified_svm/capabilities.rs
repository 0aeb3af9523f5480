//! What each capability of a type promises (§4.2).

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::Ordering::Relaxed;

use opencl_sys::*;

use super::{check, device_types, Unified, COMPILED, DEVICE_ACCESS};
use crate::check::{expect, Environment, Finding, Group, Outcome};
use crate::checks::bytes::pattern;
use crate::client::{atomic, offset, read, write};
use crate::session::devices;

/// The group.
pub const GROUP: Group = Group {
    name: "unified-svm-capabilities",
    about: "cl_khr_unified_svm: what each capability of a type promises",
    checks: &[
        check(
            "unified-svm-capabilities/single-address-space",
            "4.2",
            "With CL_SVM_CAPABILITY_SINGLE_ADDRESS_SPACE_KHR, a kernel sees the address that the host has.",
            single_address_space,
        )
        .needs(COMPILED),
        check(
            "unified-svm-capabilities/system-allocated",
            "4.2",
            "With CL_SVM_CAPABILITY_SYSTEM_ALLOCATED_KHR, memory of the application needs no allocation.",
            system_allocated,
        )
        .needs(COMPILED),
        check(
            "unified-svm-capabilities/device-unassociated",
            "4.2",
            "With CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR, memory needs no associated device.",
            device_unassociated,
        ),
        check(
            "unified-svm-capabilities/device-associated",
            "5.6",
            "Without CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR, there is no memory without an associated device.",
            device_associated,
        ),
        check(
            "unified-svm-capabilities/context-access",
            "4.2",
            "With CL_SVM_CAPABILITY_CONTEXT_ACCESS_KHR, other devices of the context access the memory.",
            context_access,
        ),
        check(
            "unified-svm-capabilities/host-read",
            "4.2",
            "With CL_SVM_CAPABILITY_HOST_READ_KHR, the host reads without mapping.",
            host_read,
        ),
        check(
            "unified-svm-capabilities/host-write",
            "4.2",
            "With CL_SVM_CAPABILITY_HOST_WRITE_KHR, the host writes without mapping.",
            host_write,
        ),
        check(
            "unified-svm-capabilities/host-map",
            "4.2",
            "With CL_SVM_CAPABILITY_HOST_MAP_KHR, the host reads and writes what it has mapped.",
            host_map,
        ),
        check(
            "unified-svm-capabilities/device-read",
            "4.2",
            "With CL_SVM_CAPABILITY_DEVICE_READ_KHR, a kernel reads the memory.",
            device_read,
        )
        .needs(COMPILED),
        check(
            "unified-svm-capabilities/device-write",
            "4.2",
            "With CL_SVM_CAPABILITY_DEVICE_WRITE_KHR, a kernel writes the memory.",
            device_write,
        )
        .needs(COMPILED),
        check(
            "unified-svm-capabilities/device-atomic-access",
            "4.2",
            "With CL_SVM_CAPABILITY_DEVICE_ATOMIC_ACCESS_KHR, atomic functions of work-items lose nothing.",
            device_atomic_access,
        )
        .needs(COMPILED),
        check(
            "unified-svm-capabilities/concurrent-access",
            "4.2",
            "With CL_SVM_CAPABILITY_CONCURRENT_ACCESS_KHR, host and kernel write to parts of an allocation at the same time.",
            concurrent_access,
        )
        .needs(COMPILED),
        check(
            "unified-svm-capabilities/concurrent-atomic-access",
            "4.2",
            "With CL_SVM_CAPABILITY_CONCURRENT_ATOMIC_ACCESS_KHR, atomic additions of host and kernel lose nothing.",
            concurrent_atomic_access,
        )
        .needs(COMPILED),
        check(
            "unified-svm-capabilities/indirect-access",
            "4.2",
            "With CL_SVM_CAPABILITY_INDIRECT_ACCESS_KHR, one switch lets a kernel read and write all memory of the type through pointers.",
            indirect_access,
        )
        .needs(COMPILED),
    ],
};

fn single_address_space(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let kernel = environment.kernel(
        "kernel void address_seen(global uint *at, global ulong *to) { *to = (ulong)(at + 1); }",
        "address_seen",
    )?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_SINGLE_ADDRESS_SPACE_KHR)? {
        let (at, to) = (unified.memory(kind, 64)?, unified.filled(kind, &[0_u64])?);
        environment.run(kernel, &[at, to], 1)?;
        let expected = [at as u64 + 4];
        unified.holds(&format!("the address in {kind}"), to, &expected)?;
    }
    Ok(())
}

fn system_allocated(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    unified.types_with(CL_SVM_CAPABILITY_SYSTEM_ALLOCATED_KHR)?;
    let source = "kernel void of_the_system(global uint *p) { p[get_global_id(0)] *= 2; }";
    let kernel = environment.kernel(source, "of_the_system")?;
    // On the heap, and on the stack.
    let (mut heap, mut stack) = (vec![21_u32; 1000], [21_u32; 1000]);
    for memory in [heap.as_mut_ptr(), stack.as_mut_ptr()] {
        environment.run(kernel, &[memory.cast()], 1000)?;
        let found: Vec<u32> = (0..1000).map(|index| read(memory.cast(), index)).collect();
        expect::elements("the application's memory", &[42; 1000], &found)?;
    }
    Ok(())
}

fn device_unassociated(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR)? {
        let (pointer, code) = unified.allocate(environment.context, None, kind.index, 300);
        let what = format!("memory of {kind} without properties");
        expect::success(&what, code)?;
        unified.usable(&what, pointer, 300)?;
    }
    Ok(())
}

fn device_associated(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let mut types = unified.types_with(0)?;
    types.retain(|kind| !kind.has(CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR));
    if types.is_empty() {
        return Err(Outcome::not_applicable("no type needs a device"));
    }
    let handle = CL_SVM_ALLOC_ASSOCIATED_DEVICE_HANDLE_KHR;
    for kind in types {
        for list in [None, Some(&[0][..]), Some(&[handle, 0, 0][..])] {
            let (pointer, code) = unified.allocate(environment.context, list, kind.index, 300);
            expect::that(pointer.is_null() && code != CL_SUCCESS, || {
                (
                    format!("NULL and an error for {kind} with {list:x?}"),
                    format!("{pointer:?} and {}", expect::code_name(code)),
                )
            })?;
        }
    }
    Ok(())
}

fn context_access(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let mut members = environment.sub_devices(1)?;
    if members.len() < 2 {
        members = devices(environment.api, environment.platform)?;
    }
    members.truncate(2);
    let [first, second] = members[..] else {
        return Err(Outcome::not_applicable("there is no other device"));
    };
    let context = environment.context_of(&members)?;
    let entries = (
        device_types(environment, first)?,
        device_types(environment, second)?,
    );
    let wanted = CL_SVM_CAPABILITY_CONTEXT_ACCESS_KHR | DEVICE_ACCESS;
    let both = |index: usize| {
        let entry = |list: &[_]| list.get(index).copied().unwrap_or(0);
        entry(&entries.0) & entry(&entries.1) & wanted == wanted
    };
    let handle = CL_SVM_ALLOC_ASSOCIATED_DEVICE_HANDLE_KHR;
    for kind in unified.types_with(wanted)? {
        if !both(kind.index as usize) {
            continue;
        }
        let list = [handle, first as cl_properties, 0];
        let (memory, code) = unified.allocate(context, Some(&list), kind.index, 500);
        expect::success("clSVMAllocWithPropertiesKHR", code)?;
        let mut found = vec![0_u8; 500];
        on(environment, context, first, |queue| {
            let (api, byte, none) = (environment.api, 0x3C_u8, null_mut());
            let place = (&raw const byte).cast();
            api.clEnqueueSVMMemFill(queue, memory, place, 1, 500, 0, null(), none)
        })?;
        let to: *mut c_void = found.as_mut_ptr().cast();
        on(environment, context, second, |queue| {
            (environment.api).clEnqueueSVMMemcpy(
                queue,
                CL_TRUE,
                to,
                memory,
                500,
                0,
                null(),
                null_mut(),
            )
        })?;
        let what = format!("what the other device finds in {kind}");
        expect::elements(&what, &[0x3C_u8; 500], &found)?;
    }
    Ok(())
}

/// Has a command run on a queue of a device.
fn on(
    environment: &Environment,
    context: cl_context,
    device: cl_device_id,
    command: impl FnOnce(cl_command_queue) -> cl_int,
) -> Finding {
    let (api, mut code) = (environment.api, CL_SUCCESS);
    let queue = api.clCreateCommandQueueWithProperties(context, device, null(), &mut code);
    expect::success("clCreateCommandQueueWithProperties", code)?;
    environment.keep_queue(queue);
    expect::success("the command", command(queue))?;
    expect::success("clFinish", api.clFinish(queue))
}

fn host_read(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_HOST_READ_KHR)? {
        let expected = pattern(777, 1);
        let memory = unified.filled(kind, &expected)?;
        let found: Vec<u8> = (0..777).map(|index| read(memory, index)).collect();
        expect::elements(&format!("what the host reads of {kind}"), &expected, &found)?;
    }
    Ok(())
}

fn host_write(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_HOST_WRITE_KHR)? {
        let (memory, written) = (unified.memory(kind, 777)?, pattern(777, 2));
        for (index, byte) in written.iter().enumerate() {
            write(memory, index, *byte);
        }
        unified.holds(&format!("what the host wrote to {kind}"), memory, &written)?;
    }
    Ok(())
}

fn host_map(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_HOST_MAP_KHR)? {
        let before = pattern(300, 3);
        let memory = unified.filled(kind, &before)?;
        let (api, queue, none) = (environment.api, environment.queue, null_mut());
        let flags = CL_MAP_READ | CL_MAP_WRITE;
        let code = api.clEnqueueSVMMap(queue, CL_TRUE, flags, memory, 300, 0, null(), none);
        expect::success(&format!("clEnqueueSVMMap of {kind}"), code)?;
        let found: Vec<u8> = (0..300).map(|index| read(memory, index)).collect();
        expect::elements(&format!("what the host maps of {kind}"), &before, &found)?;
        write(memory, 299, 0xEE_u8);
        let code = api.clEnqueueSVMUnmap(queue, memory, 0, null(), null_mut());
        expect::success(&format!("clEnqueueSVMUnmap of {kind}"), code)?;
        let after = [&before[..299], &[0xEE]].concat();
        unified.holds(&format!("what the host left in {kind}"), memory, &after)?;
    }
    Ok(())
}

fn device_read(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let kernel = environment.kernel(
        "kernel void reads_all(global uint *from, global uint *to) {
            size_t i = get_global_id(0);
            to[i] = from[i] + 1;
        }",
        "reads_all",
    )?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_DEVICE_READ_KHR)? {
        let from: Vec<u32> = (0..100).collect();
        let (memory, to) = (unified.filled(kind, &from)?, unified.memory(kind, 400)?);
        environment.run(kernel, &[memory, to], 100)?;
        let expected: Vec<u32> = (1..101).collect();
        unified.holds(&format!("what a kernel reads of {kind}"), to, &expected)?;
    }
    Ok(())
}

fn device_write(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let source =
        "kernel void writes_all(global uint *to) { to[get_global_id(0)] = get_global_id(0) * 3; }";
    let kernel = environment.kernel(source, "writes_all")?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_DEVICE_WRITE_KHR)? {
        let to = unified.memory(kind, 400)?;
        environment.run(kernel, &[to], 100)?;
        let expected: Vec<u32> = (0..100).map(|index| index * 3).collect();
        unified.holds(&format!("what a kernel wrote to {kind}"), to, &expected)?;
    }
    Ok(())
}

fn device_atomic_access(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let source = "kernel void counts_items(volatile global int *sum) { atomic_inc(sum); }";
    let kernel = environment.kernel(source, "counts_items")?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_DEVICE_ATOMIC_ACCESS_KHR)? {
        let sum = unified.filled(kind, &[0_i32])?;
        environment.run(kernel, &[sum], 4000)?;
        unified.holds(&format!("the count in {kind}"), sum, &[4000_i32])?;
    }
    Ok(())
}

fn concurrent_access(environment: &Environment) -> Finding {
    const HALF: usize = 1 << 16;
    let unified = Unified::of(environment)?;
    let kernel = environment.kernel(
        "kernel void beside_the_host(global uint *words) {
            for (uint round = 1; round <= 50; round++) words[get_global_id(0)] = round;
        }",
        "beside_the_host",
    )?;
    let wanted = CL_SVM_CAPABILITY_CONCURRENT_ACCESS_KHR | CL_SVM_CAPABILITY_HOST_WRITE_KHR;
    for kind in unified.types_with(wanted)? {
        let memory = unified.filled(kind, &vec![0_u8; 2 * HALF])?;
        environment.svm_arguments(kernel, &[memory])?;
        environment.enqueue(environment.queue, kernel, HALF / 4, &[])?;
        expect::success("clFlush", environment.api.clFlush(environment.queue))?;
        for round in 1..=50_u32 {
            for index in 0..HALF / 4 {
                write(offset(memory, HALF), index, round);
            }
        }
        environment.finish()?;
        let what = format!("what host and kernel left in {kind}");
        unified.holds(&what, memory, &vec![50_u32; HALF / 2])?;
    }
    Ok(())
}

fn concurrent_atomic_access(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let kernel = environment.kernel(
        "kernel void adds_beside(global atomic_int *sum) {
            for (int i = 0; i < 100; i++)
                atomic_fetch_add_explicit(sum, 1, memory_order_relaxed, memory_scope_all_svm_devices);
        }",
        "adds_beside",
    )?;
    let wanted = CL_SVM_CAPABILITY_CONCURRENT_ATOMIC_ACCESS_KHR
        | CL_SVM_CAPABILITY_HOST_READ_KHR
        | CL_SVM_CAPABILITY_HOST_WRITE_KHR;
    for kind in unified.types_with(wanted)? {
        let sum = unified.filled(kind, &[0_i32])?;
        environment.svm_arguments(kernel, &[sum])?;
        environment.enqueue(environment.queue, kernel, 1000, &[])?;
        expect::success("clFlush", environment.api.clFlush(environment.queue))?;
        for _ in 0..50_000 {
            atomic(sum, 0).fetch_add(1, Relaxed);
        }
        environment.finish()?;
        unified.holds(&format!("the sum in {kind}"), sum, &[150_000_i32])?;
    }
    Ok(())
}

fn indirect_access(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let kernel = environment.kernel(
        "kernel void reaches_indirectly(global uint * global *table) {
            size_t i = get_global_id(0);
            table[i][5] = table[i][6] + 1;
        }",
        "reaches_indirectly",
    )?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_INDIRECT_ACCESS_KHR)? {
        let parts = (0..20_u32).map(|index| unified.filled(kind, &[0, 0, 0, 0, 0, 0, index]));
        let parts: Vec<*mut c_void> = parts.collect::<Result<_, _>>()?;
        let addresses: Vec<u64> = parts.iter().map(|part| *part as u64).collect();
        let table = unified.filled(kind, &addresses)?;
        let code = unified.indirect_access(kernel, CL_TRUE);
        expect::success("clSetKernelExecInfo", code)?;
        environment.run(kernel, &[table], parts.len())?;
        for (index, part) in (0..).zip(parts) {
            let what = format!("allocation {index} of {kind}");
            unified.holds(&what, part, &[0, 0, 0, 0, 0, index + 1, index])?;
        }
    }
    Ok(())
}
