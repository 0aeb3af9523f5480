//! Buffer objects whose storage is shared virtual memory (§5.2.1, §5.5.6).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use crate::check::buffer::{buffer_argument, contents, info, kernel_sees, mapped, set};
use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::{offset, read, write};

/// What kernels need.
const KERNELS: &[Need] = &[Need::CoarseGrainBuffer, Need::Compiler];

/// A buffer over the memory it is given.
const OVER: cl_mem_flags = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;

/// The group.
pub const GROUP: Group = Group {
    name: "buffers-over-svm",
    about: "buffer objects whose storage is shared virtual memory",
    checks: &[
        Check::new(
            "buffers-over-svm/created",
            "5.2.1",
            "clCreateBuffer succeeds over an SVM pointer, up to the size of its allocation.",
            created,
        ),
        Check::new(
            "buffers-over-svm/too-large",
            "5.2.1",
            "A size above that of the allocation is CL_INVALID_BUFFER_SIZE with CL_MEM_USE_HOST_PTR.",
            |environment| too_large(environment, CL_MEM_USE_HOST_PTR),
        ),
        Check::new(
            "buffers-over-svm/copy-too-large",
            "5.2.1",
            "A size above that of the allocation is CL_INVALID_BUFFER_SIZE with CL_MEM_COPY_HOST_PTR.",
            |environment| too_large(environment, CL_MEM_COPY_HOST_PTR),
        ),
        Check::new(
            "buffers-over-svm/size-zero",
            "5.2.1",
            "A size of 0 is CL_INVALID_BUFFER_SIZE.",
            size_zero,
        ),
        Check::new(
            "buffers-over-svm/pointer-without-flag",
            "5.2.1",
            "An SVM pointer without CL_MEM_USE_HOST_PTR or CL_MEM_COPY_HOST_PTR is CL_INVALID_HOST_PTR.",
            pointer_without_flag,
        ),
        Check::new(
            "buffers-over-svm/flag-without-pointer",
            "5.2.1",
            "CL_MEM_USE_HOST_PTR without a pointer is CL_INVALID_HOST_PTR.",
            flag_without_pointer,
        ),
        Check::new(
            "buffers-over-svm/uses-svm-pointer",
            "5.5.6",
            "CL_MEM_USES_SVM_POINTER is CL_TRUE for a buffer over an SVM pointer.",
            uses_svm_pointer,
        ),
        Check::new(
            "buffers-over-svm/uses-no-svm-pointer",
            "5.5.6",
            "CL_MEM_USES_SVM_POINTER is CL_FALSE for a buffer of its own storage and for a copy of SVM.",
            uses_no_svm_pointer,
        ),
        Check::new(
            "buffers-over-svm/host-pointer",
            "5.5.6",
            "CL_MEM_HOST_PTR is the SVM pointer.",
            host_pointer,
        ),
        Check::new(
            "buffers-over-svm/initial-contents",
            "5.2.1",
            "What stands in the memory is what the buffer holds at first.",
            initial_contents,
        ),
        Check::new(
            "buffers-over-svm/write-seen-in-memory",
            "5.2.1",
            "What is written to the buffer stands in the memory, which is its storage.",
            write_seen_in_memory,
        ),
        Check::new(
            "buffers-over-svm/memory-seen-in-buffer",
            "5.2.1",
            "What a command writes to the memory is read from the buffer.",
            memory_seen_in_buffer,
        ),
        Check::new(
            "buffers-over-svm/fill-and-copy",
            "5.2.1",
            "Fills of the buffer and copies to it stand in the memory.",
            fill_and_copy,
        ),
        Check::new(
            "buffers-over-svm/map-address",
            "5.2.4",
            "clEnqueueMapBuffer returns the SVM pointer plus the offset.",
            map_address,
        ),
        Check::new(
            "buffers-over-svm/map-shows-latest",
            "5.2.4",
            "The memory holds the latest bits when clEnqueueMapBuffer has completed.",
            map_shows_latest,
        ),
        Check::new(
            "buffers-over-svm/kernel-address",
            "5.2.1",
            "A kernel sees the SVM pointer where the buffer is its argument.",
            kernel_address,
        )
        .needs(KERNELS),
        Check::new(
            "buffers-over-svm/kernel-writes",
            "5.2.1",
            "What one kernel writes to the buffer another one reads from the memory, and the other way round.",
            kernel_writes,
        )
        .needs(KERNELS),
        Check::new(
            "buffers-over-svm/fine-grained",
            "5.6.1",
            "Over fine-grained memory, the host sees what a command wrote to the buffer without a map.",
            fine_grained,
        )
        .needs(&[Need::FineGrainBuffer]),
        Check::new(
            "buffers-over-svm/copied",
            "5.2.1",
            "With CL_MEM_COPY_HOST_PTR, the memory is copied when the buffer is created, and then they part.",
            copied,
        ),
        Check::new(
            "buffers-over-svm/released",
            "5.6.1",
            "The memory stays usable after the buffer is released, with its contents.",
            released,
        ),
        Check::new(
            "buffers-over-svm/read-to-svm",
            "5.2.2",
            "clEnqueueReadBuffer and clEnqueueWriteBuffer take SVM pointers as host memory.",
            read_to_svm,
        )
        .needs(&[Need::FineGrainBuffer]),
        Check::new(
            "buffers-over-svm/interior-pointer",
            "5.2.1",
            "A pointer into an allocation is not one that clSVMAlloc returned.",
            interior_pointer,
        )
        .undefined(),
    ],
};

/// Demands an error of clCreateBuffer.
fn refused(
    environment: &Environment,
    (flags, size, pointer): (cl_mem_flags, usize, *mut c_void),
    expected: cl_int,
) -> Finding {
    let mut code = CL_SUCCESS;
    let (api, context) = (environment.api, environment.context);
    let buffer = api.clCreateBuffer(context, flags, size, pointer, &mut code);
    if !buffer.is_null() {
        api.clReleaseMemObject(buffer);
    }
    let call = format!("clCreateBuffer of {size} bytes with flags {flags:#x}");
    expect::code(&call, expected, code)?;
    expect::equal("the buffer", null_mut(), buffer)
}

fn created(environment: &Environment) -> Finding {
    for size in [1, 100, 4096, 70_000] {
        let pointer = environment.svm(size)?;
        environment.buffer(OVER, size, pointer)?;
        environment.buffer(OVER, size.div_ceil(2), pointer)?;
        environment.buffer(CL_MEM_USE_HOST_PTR, 1, pointer)?;
    }
    Ok(())
}

fn too_large(environment: &Environment, flags: cl_mem_flags) -> Finding {
    for size in [1, 100, 4096, 70_000] {
        let pointer = environment.svm(size)?;
        for larger in [size + 1, size * 2] {
            refused(
                environment,
                (flags, larger, pointer),
                CL_INVALID_BUFFER_SIZE,
            )?;
        }
    }
    Ok(())
}

fn size_zero(environment: &Environment) -> Finding {
    let pointer = environment.svm(64)?;
    refused(environment, (OVER, 0, pointer), CL_INVALID_BUFFER_SIZE)
}

fn pointer_without_flag(environment: &Environment) -> Finding {
    let pointer = environment.svm(64)?;
    for flags in [0, CL_MEM_READ_WRITE, CL_MEM_ALLOC_HOST_PTR] {
        refused(environment, (flags, 64, pointer), CL_INVALID_HOST_PTR)?;
    }
    Ok(())
}

fn flag_without_pointer(environment: &Environment) -> Finding {
    refused(environment, (OVER, 64, null_mut()), CL_INVALID_HOST_PTR)
}

fn uses_svm_pointer(environment: &Environment) -> Finding {
    for (size, part) in [(64, 64), (4096, 100), (70_000, 70_000)] {
        let buffer = environment.buffer(OVER, part, environment.svm(size)?)?;
        let uses: cl_bool = info(environment, buffer, CL_MEM_USES_SVM_POINTER)?;
        expect::equal("CL_MEM_USES_SVM_POINTER", CL_TRUE, uses)?;
    }
    Ok(())
}

fn uses_no_svm_pointer(environment: &Environment) -> Finding {
    let pointer = environment.svm(64)?;
    environment.store(pointer, &[1_u8; 64])?;
    let copy = environment.buffer(CL_MEM_COPY_HOST_PTR, 64, pointer)?;
    let own = environment.buffer(CL_MEM_READ_WRITE, 64, null_mut())?;
    for (buffer, what) in [(copy, "a copy of SVM"), (own, "a buffer of its own")] {
        let uses: cl_bool = info(environment, buffer, CL_MEM_USES_SVM_POINTER)?;
        let what = format!("CL_MEM_USES_SVM_POINTER of {what}");
        expect::equal(&what, CL_FALSE, uses)?;
    }
    Ok(())
}

fn host_pointer(environment: &Environment) -> Finding {
    let pointer = environment.svm(4096)?;
    let buffer = environment.buffer(OVER, 100, pointer)?;
    let found: usize = info(environment, buffer, CL_MEM_HOST_PTR)?;
    expect::equal("CL_MEM_HOST_PTR", pointer as usize, found)
}

/// 256 bytes of shared virtual memory and a buffer over them.
fn pair(environment: &Environment) -> Result<(*mut c_void, cl_mem), Outcome> {
    let pointer = environment.svm(256)?;
    environment.store(pointer, &[0_u32; 64])?;
    Ok((pointer, environment.buffer(OVER, 256, pointer)?))
}

fn initial_contents(environment: &Environment) -> Finding {
    let pointer = environment.svm(256)?;
    environment.store(pointer, &[0x1234_u32; 64])?;
    let buffer = environment.buffer(OVER, 256, pointer)?;
    let found = contents(environment, buffer, 64)?;
    expect::elements("what the buffer holds", &[0x1234; 64], &found)
}

fn write_seen_in_memory(environment: &Environment) -> Finding {
    let (pointer, buffer) = pair(environment)?;
    for round in 1..20 {
        set(environment, buffer, &[round; 64])?;
        let found: Vec<u32> = environment.load(pointer, 64)?;
        expect::elements("what the memory holds", &[round; 64], &found)?;
    }
    Ok(())
}

fn memory_seen_in_buffer(environment: &Environment) -> Finding {
    let (pointer, buffer) = pair(environment)?;
    for round in 1..20 {
        let (queue, pattern) = (environment.queue, std::ptr::from_ref(&round).cast());
        let code = environment.api.clEnqueueSVMMemFill(
            queue,
            pointer,
            pattern,
            4,
            256,
            0,
            null(),
            null_mut(),
        );
        expect::success("clEnqueueSVMMemFill", code)?;
        let found = contents(environment, buffer, 64)?;
        expect::elements("what the buffer holds", &[round; 64], &found)?;
    }
    Ok(())
}

fn fill_and_copy(environment: &Environment) -> Finding {
    let (pointer, buffer) = pair(environment)?;
    let other = environment.buffer(CL_MEM_READ_WRITE, 128, null_mut())?;
    let (api, queue, none) = (environment.api, environment.queue, null_mut());
    set(environment, other, &[9; 32])?;
    let seven = 7_u32;
    let pattern = std::ptr::from_ref(&seven).cast();
    let code = api.clEnqueueFillBuffer(queue, buffer, pattern, 4, 0, 128, 0, null(), none);
    expect::success("clEnqueueFillBuffer", code)?;
    let code = api.clEnqueueCopyBuffer(queue, other, buffer, 0, 128, 128, 0, null(), none);
    expect::success("clEnqueueCopyBuffer", code)?;
    environment.finish()?;
    let found: Vec<u32> = environment.load(pointer, 64)?;
    let expected = [[7; 32], [9; 32]].concat();
    expect::elements("what the memory holds", &expected, &found)
}

fn map_address(environment: &Environment) -> Finding {
    let (pointer, buffer) = pair(environment)?;
    for place in [0, 1, 64, 255] {
        mapped(environment, (buffer, place, 1), CL_MAP_READ, |address| {
            expect::equal("what is returned", offset(pointer, place), address)
        })?;
    }
    Ok(())
}

fn map_shows_latest(environment: &Environment) -> Finding {
    let (pointer, buffer) = pair(environment)?;
    for round in 1..20_u32 {
        set(environment, buffer, &[round; 64])?;
        let all = (buffer, 0, 256);
        mapped(environment, all, CL_MAP_READ | CL_MAP_WRITE, |_| {
            let found: Vec<u32> = (0..64).map(|index| read(pointer, index)).collect();
            (0..64).for_each(|index| write(pointer, index, round + 100));
            expect::elements("what the mapped memory holds", &[round; 64], &found)
        })?;
        let found = contents(environment, buffer, 64)?;
        let what = "what the buffer holds after the map";
        expect::elements(what, &[round + 100; 64], &found)?;
    }
    Ok(())
}

fn kernel_address(environment: &Environment) -> Finding {
    let source =
        "kernel void tell_buffer(global uint *p, global ulong *seen) { *seen = (ulong)p; }";
    let kernel = environment.kernel(source, "tell_buffer")?;
    for (size, part) in [(64, 64), (4096, 100), (70_000, 70_000)] {
        let pointer = environment.svm(size)?;
        let buffer = environment.buffer(OVER, part, pointer)?;
        kernel_sees(environment, kernel, buffer, pointer)?;
    }
    Ok(())
}

fn kernel_writes(environment: &Environment) -> Finding {
    let source = "kernel void triple(global uint *buffer) { buffer[get_global_id(0)] *= 3; }
        kernel void increase(global uint *memory) { memory[get_global_id(0)] += 1; }";
    let triple = environment.kernel(source, "triple")?;
    let increase = environment.kernel(source, "increase")?;
    let (pointer, buffer) = pair(environment)?;
    environment.store(pointer, &[5_u32; 64])?;
    buffer_argument(environment, triple, buffer)?;
    environment.svm_arguments(increase, &[pointer])?;
    for kernel in [triple, increase, triple, increase] {
        environment.enqueue(environment.queue, kernel, 64, &[])?;
    }
    let found = contents(environment, buffer, 64)?;
    expect::elements("what the buffer holds", &[49; 64], &found)?;
    let found: Vec<u32> = environment.load(pointer, 64)?;
    expect::elements("what the memory holds", &[49; 64], &found)
}

/// Fine-grained memory.
fn fine(environment: &Environment, size: usize) -> Result<*mut c_void, Outcome> {
    let flags = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
    let pointer = environment.try_svm(flags, size, 0);
    expect::that(!pointer.is_null(), || {
        ("clSVMAlloc gives fine-grained memory".into(), "NULL".into())
    })?;
    Ok(pointer)
}

fn fine_grained(environment: &Environment) -> Finding {
    let pointer = fine(environment, 256)?;
    let buffer = environment.buffer(OVER, 256, pointer)?;
    for round in 1..20_u32 {
        set(environment, buffer, &[round; 64])?;
        let found: Vec<u32> = (0..64).map(|index| read(pointer, index)).collect();
        expect::elements("what the host sees", &[round; 64], &found)?;
        (0..64).for_each(|index| write(pointer, index, round + 100));
        let found = contents(environment, buffer, 64)?;
        expect::elements("what the buffer holds", &[round + 100; 64], &found)?;
    }
    Ok(())
}

fn copied(environment: &Environment) -> Finding {
    let pointer = environment.svm(256)?;
    environment.store(pointer, &[5_u32; 64])?;
    let buffer = environment.buffer(CL_MEM_COPY_HOST_PTR, 256, pointer)?;
    environment.store(pointer, &[6_u32; 64])?;
    let found = contents(environment, buffer, 64)?;
    expect::elements("what the buffer holds", &[5; 64], &found)?;
    set(environment, buffer, &[7; 64])?;
    let found: Vec<u32> = environment.load(pointer, 64)?;
    expect::elements("what the memory holds", &[6; 64], &found)
}

fn released(environment: &Environment) -> Finding {
    let (pointer, api) = (environment.svm(256)?, environment.api);
    for round in 0..20_u32 {
        let mut code = CL_SUCCESS;
        let buffer = api.clCreateBuffer(environment.context, OVER, 256, pointer, &mut code);
        expect::success("clCreateBuffer", code)?;
        set(environment, buffer, &[round; 64])?;
        let code = api.clReleaseMemObject(buffer);
        expect::success("clReleaseMemObject", code)?;
        let found: Vec<u32> = environment.load(pointer, 64)?;
        expect::elements("what the memory holds", &[round; 64], &found)?;
    }
    Ok(())
}

fn read_to_svm(environment: &Environment) -> Finding {
    let (from, to) = (fine(environment, 256)?, fine(environment, 256)?);
    let buffer = environment.buffer(CL_MEM_READ_WRITE, 256, null_mut())?;
    let (api, queue, none) = (environment.api, environment.queue, null_mut());
    (0..64).for_each(|index| write(from, index, 0xAB_u32));
    let code = api.clEnqueueWriteBuffer(queue, buffer, CL_FALSE, 0, 256, from, 0, null(), none);
    expect::success("clEnqueueWriteBuffer", code)?;
    let code = api.clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, 256, to, 0, null(), none);
    expect::success("clEnqueueReadBuffer", code)?;
    let found: Vec<u32> = (0..64).map(|index| read(to, index)).collect();
    expect::elements("what was read", &[0xAB; 64], &found)
}

fn interior_pointer(environment: &Environment) -> Finding {
    let pointer = environment.svm(256)?;
    environment.store(pointer, &[0_u32; 64])?;
    let (api, mut code) = (environment.api, CL_SUCCESS);
    let inside = offset(pointer, 128);
    let buffer = api.clCreateBuffer(environment.context, OVER, 128, inside, &mut code);
    if buffer.is_null() {
        let code = expect::code_name(code);
        return Err(Outcome::informative(format!("it is refused with {code}")));
    }
    set(environment, buffer, &[3; 32])?;
    let uses: cl_bool = info(environment, buffer, CL_MEM_USES_SVM_POINTER)?;
    api.clReleaseMemObject(buffer);
    let found: Vec<u32> = environment.load(pointer, 64)?;
    let shared = found == [[0; 32], [3; 32]].concat();
    Err(Outcome::informative(format!(
        "it is accepted; the memory is {}shared, and CL_MEM_USES_SVM_POINTER is {uses}",
        if shared { "" } else { "not " }
    )))
}
