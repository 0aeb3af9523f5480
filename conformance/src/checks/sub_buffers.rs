//! Parts of buffer objects whose storage is shared virtual memory (§5.2.1, §5.5.6).

use std::ffi::c_void;
use std::ptr::{from_ref, null, null_mut};

use opencl_sys::*;

use crate::check::buffer::{buffer_argument, contents, info, kernel_sees, mapped, set};
use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::offset;

/// What kernels need.
const KERNELS: &[Need] = &[Need::CoarseGrainBuffer, Need::Compiler];

/// The group.
pub const GROUP: Group = Group {
    name: "sub-buffers",
    about: "sub-buffers of buffer objects over shared virtual memory",
    checks: &[
        Check::new(
            "sub-buffers/uses-svm-pointer",
            "5.5.6",
            "CL_MEM_USES_SVM_POINTER is CL_TRUE for a sub-buffer of a buffer over an SVM pointer.",
            uses_svm_pointer,
        ),
        Check::new(
            "sub-buffers/host-pointer",
            "5.2.1",
            "CL_MEM_HOST_PTR of a sub-buffer is the SVM pointer plus the origin.",
            host_pointer,
        ),
        Check::new(
            "sub-buffers/flags",
            "5.2.1",
            "A sub-buffer inherits CL_MEM_USE_HOST_PTR.",
            flags,
        ),
        Check::new(
            "sub-buffers/origin-and-parent",
            "5.5.6",
            "A sub-buffer tells its origin, its size and the buffer it is a part of.",
            origin_and_parent,
        ),
        Check::new(
            "sub-buffers/kernel-address",
            "5.2.1",
            "A kernel sees the SVM pointer plus the origin where a sub-buffer is its argument.",
            kernel_address,
        )
        .needs(KERNELS),
        Check::new(
            "sub-buffers/map-address",
            "5.2.4",
            "clEnqueueMapBuffer of a sub-buffer returns the SVM pointer plus origin and offset.",
            map_address,
        ),
        Check::new(
            "sub-buffers/write-seen-in-memory",
            "5.2.1",
            "What is written to a sub-buffer stands in the memory at its origin, and nowhere else.",
            write_seen_in_memory,
        ),
        Check::new(
            "sub-buffers/memory-seen-in-it",
            "5.2.1",
            "What a command writes to the memory is read from the sub-buffer.",
            memory_seen_in_it,
        ),
        Check::new(
            "sub-buffers/beside-each-other",
            "5.2.1",
            "Kernels write sub-buffers that do not overlap at the same time.",
            beside_each_other,
        )
        .needs(KERNELS),
        Check::new(
            "sub-buffers/outlives-its-buffer",
            "5.5.1",
            "A sub-buffer stays usable after the buffer is released that it is a part of.",
            outlives_its_buffer,
        ),
        Check::new(
            "sub-buffers/misaligned-origin",
            "5.2.1",
            "An origin that no device can align is CL_MISALIGNED_SUB_BUFFER_OFFSET.",
            misaligned_origin,
        ),
        Check::new(
            "sub-buffers/out-of-bounds",
            "5.2.1",
            "A region that ends behind the buffer is CL_INVALID_VALUE, also where its end overflows.",
            out_of_bounds,
        ),
        Check::new(
            "sub-buffers/size-zero",
            "5.2.1",
            "A region of no bytes is CL_INVALID_BUFFER_SIZE.",
            |environment| refused_region(environment, (0, 0), CL_INVALID_BUFFER_SIZE),
        ),
        Check::new(
            "sub-buffers/of-a-sub-buffer",
            "5.2.1",
            "A sub-buffer of a sub-buffer is CL_INVALID_MEM_OBJECT.",
            of_a_sub_buffer,
        ),
        Check::new(
            "sub-buffers/host-pointer-flags",
            "5.2.1",
            "CL_MEM_USE_HOST_PTR, CL_MEM_ALLOC_HOST_PTR and CL_MEM_COPY_HOST_PTR are CL_INVALID_VALUE.",
            host_pointer_flags,
        ),
        Check::new(
            "sub-buffers/region-null",
            "5.2.1",
            "A region of NULL is CL_INVALID_VALUE.",
            region_null,
        ),
    ],
};

/// A buffer over shared virtual memory, and what it can be parted by.
struct Whole {
    pointer: *mut c_void,
    buffer: cl_mem,
    /// CL_DEVICE_MEM_BASE_ADDR_ALIGN in bytes, but at least room for 16 numbers.
    step: usize,
}

impl Whole {
    /// Four parts.
    fn new(environment: &Environment) -> Result<Self, Outcome> {
        let bits: cl_uint = environment.device_info(CL_DEVICE_MEM_BASE_ADDR_ALIGN)?;
        let step = (bits as usize / 8).max(64);
        let pointer = environment.svm(4 * step)?;
        environment.store(pointer, &vec![0_u32; step])?;
        let flags = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;
        let buffer = environment.buffer(flags, 4 * step, pointer)?;
        Ok(Self {
            pointer,
            buffer,
            step,
        })
    }

    /// The sub-buffer of the part of this number.
    fn part(&self, environment: &Environment, number: usize) -> Result<cl_mem, Outcome> {
        let region = (number * self.step, self.step);
        let (part, code) = sub_buffer(environment, self.buffer, 0, region);
        expect::success("clCreateSubBuffer", code)?;
        environment.keep_memory(part);
        Ok(part)
    }

    /// What the memory holds when one of the parts has a value, and the others have 0.
    fn with(&self, number: usize, value: u32) -> Vec<u32> {
        let count = self.step / 4;
        let mut values = vec![0; 4 * count];
        values[number * count..(number + 1) * count].fill(value);
        values
    }
}

fn sub_buffer(
    environment: &Environment,
    buffer: cl_mem,
    flags: cl_mem_flags,
    (origin, size): (usize, usize),
) -> (cl_mem, cl_int) {
    let region = cl_buffer_region { origin, size };
    let (place, mut code) = (from_ref(&region).cast(), CL_SUCCESS);
    let kind = CL_BUFFER_CREATE_TYPE_REGION;
    let part = environment
        .api
        .clCreateSubBuffer(buffer, flags, kind, place, &mut code);
    (part, code)
}

/// Demands an error of clCreateSubBuffer.
fn refused(
    environment: &Environment,
    (part, code): (cl_mem, cl_int),
    what: &str,
    expected: cl_int,
) -> Finding {
    environment.keep_memory(part);
    expect::code(&format!("clCreateSubBuffer {what}"), expected, code)?;
    expect::equal("the sub-buffer", null_mut(), part)
}

fn refused_region(environment: &Environment, region: (usize, usize), expected: cl_int) -> Finding {
    let whole = Whole::new(environment)?;
    let result = sub_buffer(environment, whole.buffer, 0, region);
    let what = format!("of {region:?} of {} bytes", 4 * whole.step);
    refused(environment, result, &what, expected)
}

fn uses_svm_pointer(environment: &Environment) -> Finding {
    let whole = Whole::new(environment)?;
    for number in 0..4 {
        let part = whole.part(environment, number)?;
        let uses: cl_bool = info(environment, part, CL_MEM_USES_SVM_POINTER)?;
        expect::equal("CL_MEM_USES_SVM_POINTER of a sub-buffer", CL_TRUE, uses)?;
    }
    Ok(())
}

fn host_pointer(environment: &Environment) -> Finding {
    let whole = Whole::new(environment)?;
    for number in 0..4 {
        let part = whole.part(environment, number)?;
        let found: usize = info(environment, part, CL_MEM_HOST_PTR)?;
        let expected = whole.pointer as usize + number * whole.step;
        expect::equal("CL_MEM_HOST_PTR of a sub-buffer", expected, found)?;
    }
    Ok(())
}

fn flags(environment: &Environment) -> Finding {
    let part = Whole::new(environment)?.part(environment, 1)?;
    let flags: cl_mem_flags = info(environment, part, CL_MEM_FLAGS)?;
    let expected = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;
    expect::equal("CL_MEM_FLAGS of a sub-buffer", expected, flags)
}

fn origin_and_parent(environment: &Environment) -> Finding {
    let whole = Whole::new(environment)?;
    let part = whole.part(environment, 2)?;
    let origin: usize = info(environment, part, CL_MEM_OFFSET)?;
    expect::equal("CL_MEM_OFFSET", 2 * whole.step, origin)?;
    let size: usize = info(environment, part, CL_MEM_SIZE)?;
    expect::equal("CL_MEM_SIZE", whole.step, size)?;
    let parent: usize = info(environment, part, CL_MEM_ASSOCIATED_MEMOBJECT)?;
    expect::equal("the memory object it is of", whole.buffer as usize, parent)
}

fn kernel_address(environment: &Environment) -> Finding {
    let source = "kernel void tell_part(global uint *p, global ulong *seen) { *seen = (ulong)p; }";
    let kernel = environment.kernel(source, "tell_part")?;
    let whole = Whole::new(environment)?;
    for number in 0..4 {
        let part = whole.part(environment, number)?;
        let expected = offset(whole.pointer, number * whole.step);
        kernel_sees(environment, kernel, part, expected)?;
    }
    Ok(())
}

fn map_address(environment: &Environment) -> Finding {
    let whole = Whole::new(environment)?;
    for (number, inner) in [(0, 4), (1, 0), (3, 60)] {
        let part = whole.part(environment, number)?;
        let expected = offset(whole.pointer, number * whole.step + inner);
        mapped(environment, (part, inner, 4), CL_MAP_READ, |address| {
            expect::equal("what is returned", expected, address)
        })?;
    }
    Ok(())
}

fn write_seen_in_memory(environment: &Environment) -> Finding {
    let whole = Whole::new(environment)?;
    let part = whole.part(environment, 1)?;
    for round in 1..10 {
        set(environment, part, &vec![round; whole.step / 4])?;
        let found: Vec<u32> = environment.load(whole.pointer, whole.step)?;
        expect::elements("what the memory holds", &whole.with(1, round), &found)?;
    }
    Ok(())
}

fn memory_seen_in_it(environment: &Environment) -> Finding {
    let whole = Whole::new(environment)?;
    let part = whole.part(environment, 2)?;
    for round in 1..10_u32 {
        let code = environment.api.clEnqueueSVMMemFill(
            environment.queue,
            offset(whole.pointer, 2 * whole.step),
            from_ref(&round).cast(),
            4,
            whole.step,
            0,
            null(),
            null_mut(),
        );
        expect::success("clEnqueueSVMMemFill", code)?;
        let found = contents(environment, part, whole.step / 4)?;
        expect::elements("what it holds", &vec![round; whole.step / 4], &found)?;
    }
    Ok(())
}

fn beside_each_other(environment: &Environment) -> Finding {
    let source = "kernel void mark(global uint *p, uint value) { p[get_global_id(0)] = value; }";
    let whole = Whole::new(environment)?;
    let mut queues = Vec::new();
    for number in 0..4_u32 {
        let kernel = environment.kernel(source, "mark")?;
        let part = whole.part(environment, number as usize)?;
        buffer_argument(environment, kernel, part)?;
        expect::success(
            "clSetKernelArg",
            environment.set_arg(kernel, 1, &(number + 1)),
        )?;
        queues.push((environment.queue_of(0)?, kernel));
    }
    for (queue, kernel) in &queues {
        environment.enqueue(*queue, *kernel, whole.step / 4, &[])?;
        expect::success("clFlush", environment.api.clFlush(*queue))?;
    }
    for (queue, _) in &queues {
        expect::success("clFinish", environment.api.clFinish(*queue))?;
    }
    let expected: Vec<u32> = (0..whole.step)
        .map(|at| (at / (whole.step / 4)) as u32 + 1)
        .collect();
    let found = environment.load(whole.pointer, whole.step)?;
    expect::elements("what the memory holds", &expected, &found)
}

fn outlives_its_buffer(environment: &Environment) -> Finding {
    let (pointer, api) = (environment.svm(4096)?, environment.api);
    environment.store(pointer, &[0_u32; 1024])?;
    let mut code = CL_SUCCESS;
    let flags = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;
    let buffer = api.clCreateBuffer(environment.context, flags, 4096, pointer, &mut code);
    expect::success("clCreateBuffer", code)?;
    let (part, code) = sub_buffer(environment, buffer, 0, (0, 64));
    expect::success("clReleaseMemObject", api.clReleaseMemObject(buffer))?;
    expect::success("clCreateSubBuffer", code)?;
    environment.keep_memory(part);
    set(environment, part, &[5; 16])?;
    let found: Vec<u32> = environment.load(pointer, 17)?;
    let expected = [vec![5; 16], vec![0]].concat();
    expect::elements("what the memory holds", &expected, &found)
}

fn misaligned_origin(environment: &Environment) -> Finding {
    let bits: cl_uint = environment.device_info(CL_DEVICE_MEM_BASE_ADDR_ALIGN)?;
    if bits <= 8 {
        return Err(Outcome::not_applicable("every origin is aligned"));
    }
    refused_region(environment, (1, 4), CL_MISALIGNED_SUB_BUFFER_OFFSET)
}

fn out_of_bounds(environment: &Environment) -> Finding {
    let step = Whole::new(environment)?.step;
    for region in [
        (0, 4 * step + 1),
        (3 * step, step + 1),
        (4 * step, 1),
        (step, usize::MAX - step + 1),
        (0, usize::MAX),
    ] {
        refused_region(environment, region, CL_INVALID_VALUE)?;
    }
    Ok(())
}

fn of_a_sub_buffer(environment: &Environment) -> Finding {
    let part = Whole::new(environment)?.part(environment, 1)?;
    let result = sub_buffer(environment, part, 0, (0, 16));
    refused(
        environment,
        result,
        "of a sub-buffer",
        CL_INVALID_MEM_OBJECT,
    )
}

fn host_pointer_flags(environment: &Environment) -> Finding {
    let whole = Whole::new(environment)?;
    for flags in [
        CL_MEM_USE_HOST_PTR,
        CL_MEM_ALLOC_HOST_PTR,
        CL_MEM_COPY_HOST_PTR,
    ] {
        let result = sub_buffer(environment, whole.buffer, flags, (0, 16));
        let what = format!("with flags {flags:#x}");
        refused(environment, result, &what, CL_INVALID_VALUE)?;
    }
    Ok(())
}

fn region_null(environment: &Environment) -> Finding {
    let (whole, mut code) = (Whole::new(environment)?, CL_SUCCESS);
    let kind = CL_BUFFER_CREATE_TYPE_REGION;
    let part = environment
        .api
        .clCreateSubBuffer(whole.buffer, 0, kind, null(), &mut code);
    refused(environment, (part, code), "of NULL", CL_INVALID_VALUE)
}
