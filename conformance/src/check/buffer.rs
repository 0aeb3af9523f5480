//! Work on buffer objects that checks share.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::{expect, Environment, Finding, Outcome};

/// A query of a buffer.
///
/// # Errors
/// When a call fails.
pub fn info<T: Copy + Default>(
    environment: &Environment,
    buffer: cl_mem,
    name: cl_uint,
) -> Result<T, Outcome> {
    let mut value = T::default();
    let place = (&raw mut value).cast();
    let code = environment
        .api
        .clGetMemObjectInfo(buffer, name, size_of::<T>(), place, null_mut());
    expect::success("clGetMemObjectInfo", code)?;
    Ok(value)
}

/// Reads a buffer.
///
/// # Errors
/// When a call fails.
pub fn contents(
    environment: &Environment,
    buffer: cl_mem,
    count: usize,
) -> Result<Vec<u32>, Outcome> {
    let mut values = vec![0_u32; count];
    let (queue, place) = (environment.queue, values.as_mut_ptr().cast());
    let (size, none) = (count * 4, null_mut());
    let code = environment.api.clEnqueueReadBuffer(
        queue,
        buffer,
        CL_TRUE,
        0,
        size,
        place,
        0,
        null(),
        none,
    );
    expect::success("clEnqueueReadBuffer", code)?;
    Ok(values)
}

/// Writes a buffer, and waits: a blocking write may return when the values are copied elsewhere.
///
/// # Errors
/// When a call fails.
pub fn set(environment: &Environment, buffer: cl_mem, values: &[u32]) -> Finding {
    let code = environment.api.clEnqueueWriteBuffer(
        environment.queue,
        buffer,
        CL_TRUE,
        0,
        size_of_val(values),
        values.as_ptr().cast(),
        0,
        null(),
        null_mut(),
    );
    expect::success("clEnqueueWriteBuffer", code)?;
    Ok(environment.finish()?)
}

/// Maps a part of a buffer, works on it, and unmaps it.
///
/// # Errors
/// When a call fails, or the work finds something wrong.
pub fn mapped(
    environment: &Environment,
    (buffer, place, size): (cl_mem, usize, usize),
    flags: cl_map_flags,
    work: impl FnOnce(*mut c_void) -> Finding,
) -> Finding {
    let (api, queue, mut code) = (environment.api, environment.queue, CL_SUCCESS);
    let pointer = api.clEnqueueMapBuffer(
        queue,
        buffer,
        CL_TRUE,
        flags,
        place,
        size,
        0,
        null(),
        null_mut(),
        &mut code,
    );
    expect::success("clEnqueueMapBuffer", code)?;
    let finding = work(pointer);
    let code = api.clEnqueueUnmapMemObject(queue, buffer, pointer, 0, null(), null_mut());
    finding?;
    expect::success("clEnqueueUnmapMemObject", code)?;
    Ok(environment.finish()?)
}

/// Sets an argument of a kernel to a buffer.
///
/// # Errors
/// When a call fails.
pub fn buffer_argument(environment: &Environment, kernel: cl_kernel, buffer: cl_mem) -> Finding {
    let code = environment.set_arg(kernel, 0, &buffer);
    expect::success("clSetKernelArg of a buffer", code)
}

/// Demands that a kernel that gets a buffer sees an address.
///
/// # Errors
/// When a call fails, or it sees another one.
pub fn kernel_sees(
    environment: &Environment,
    kernel: cl_kernel,
    buffer: cl_mem,
    address: *mut c_void,
) -> Finding {
    let seen = environment.svm(8)?;
    buffer_argument(environment, kernel, buffer)?;
    let code = environment.api.clSetKernelArgSVMPointer(kernel, 1, seen);
    expect::success("clSetKernelArgSVMPointer", code)?;
    environment.enqueue(environment.queue, kernel, 1, &[])?;
    environment.finish()?;
    let expected = vec![address as usize as u64];
    expect::equal(
        "the address that the kernel sees",
        expected,
        environment.load(seen, 1)?,
    )
}
