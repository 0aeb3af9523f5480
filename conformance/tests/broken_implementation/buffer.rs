//! Broken rules of buffer objects.

use std::ffi::c_void;
use std::ptr::{from_ref, null_mut};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use isocl_conformance::client::{read, write};
use opencl_sys::*;

use super::{real, rule, svm_alloc};

/// Whether a memory object was released since one was created.
pub static RELEASED: AtomicBool = AtomicBool::new(false);

pub fn create(
    context: cl_context,
    flags: cl_mem_flags,
    size: usize,
    host_ptr: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    RELEASED.store(false, SeqCst);
    let (mut flags, mut size, mut pointer) = (flags, size, host_ptr);
    let (uses, copies) = (
        flags & CL_MEM_USE_HOST_PTR != 0,
        flags & CL_MEM_COPY_HOST_PTR != 0,
    );
    let over = svm_alloc::size_of_live(host_ptr as usize);
    let room = over.unwrap_or(usize::MAX);
    match rule() {
        "buffer-over-svm-refused" if uses && size == 1 => {
            write(errcode_ret.cast(), 0, CL_INVALID_HOST_PTR);
            return null_mut();
        }
        "buffer-too-large" if uses => size = size.min(room),
        "buffer-copy-too-large" if copies => size = size.min(room),
        "buffer-size-zero" => size = size.max(1),
        "pointer-without-flag" if !uses && !copies => pointer = null_mut(),
        "flag-without-pointer" if uses && pointer.is_null() => flags ^= CL_MEM_USE_HOST_PTR,
        "buffer-apart" if uses && over.is_some() => {
            flags ^= CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR;
        }
        "copy-not-made" if copies => flags ^= CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR,
        "contents-lost" if uses && over.is_some_and(|over| over >= size) => {
            (0..size).for_each(|index| write(pointer, index, 0_u8));
        }
        _ => {}
    }
    real().clCreateBuffer(context, flags, size, pointer, errcode_ret)
}

/// A query that the implementation answers.
fn asked<T: Copy + Default>(object: cl_mem, name: cl_uint) -> T {
    let mut value = T::default();
    let (size, place) = (size_of::<T>(), (&raw mut value).cast());
    real().clGetMemObjectInfo(object, name, size, place, null_mut());
    value
}

pub fn create_part(
    buffer: cl_mem,
    flags: cl_mem_flags,
    create_type: cl_uint,
    info: *const c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    let (mut buffer, mut flags) = (buffer, flags);
    let mut region = cl_buffer_region {
        origin: 0,
        size: 16,
    };
    if info.is_null() {
        if rule() != "region-null" {
            return real().clCreateSubBuffer(buffer, flags, create_type, info, errcode_ret);
        }
    } else {
        region.origin = read(info, 0);
        region.size = read(info, 1);
    }
    let end = region.origin.checked_add(region.size);
    match rule() {
        "sub-buffer-misplaced"
            if region.origin.is_multiple_of(region.size.max(1))
                && end.is_some_and(|end| end <= asked(buffer, CL_MEM_SIZE)) =>
        {
            region.origin = 0;
        }
        "sub-buffer-misaligned" if region.origin == 1 => region.origin = 0,
        "sub-buffer-out-of-bounds"
            if end.is_none_or(|end| end > asked::<usize>(buffer, CL_MEM_SIZE)) =>
        {
            (region.origin, region.size) = (0, 16);
        }
        "sub-buffer-size-zero" if region.size == 0 => region.size = 16,
        "sub-buffer-of-a-sub-buffer" => {
            let parent: usize = asked(buffer, CL_MEM_ASSOCIATED_MEMOBJECT);
            if parent != 0 {
                buffer = parent as cl_mem;
            }
        }
        "sub-buffer-host-pointer-flags" => flags &= CL_MEM_READ_WRITE,
        _ => {}
    }
    let place = from_ref(&region).cast();
    real().clCreateSubBuffer(buffer, flags, create_type, place, errcode_ret)
}

pub fn info(
    object: cl_mem,
    name: cl_uint,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    let code = real().clGetMemObjectInfo(object, name, size, value, size_ret);
    if code != CL_SUCCESS || value.is_null() {
        return code;
    }
    match (name, rule()) {
        (CL_MEM_USES_SVM_POINTER, "uses-svm-pointer") => write(value, 0, CL_FALSE),
        (CL_MEM_USES_SVM_POINTER, "uses-no-svm-pointer") => write(value, 0, CL_TRUE),
        (CL_MEM_HOST_PTR, "host-pointer") => write(value, 0, 0_usize),
        (CL_MEM_OFFSET, "sub-buffer-origin") => write(value, 0, 0_usize),
        (CL_MEM_FLAGS, "sub-buffer-flags") => {
            write(
                value,
                0,
                read::<cl_mem_flags>(value, 0) & !CL_MEM_USE_HOST_PTR,
            );
        }
        _ => {}
    }
    code
}

#[allow(clippy::too_many_arguments)]
pub fn read_buffer(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    offset: usize,
    size: usize,
    ptr: *mut c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    if rule() == "read-to-svm" && svm_alloc::size_of_live(ptr as usize).is_some() {
        return real().clEnqueueMarkerWithWaitList(queue, num_events, wait_list, event);
    }
    real().clEnqueueReadBuffer(
        queue, buffer, blocking, offset, size, ptr, num_events, wait_list, event,
    )
}

#[allow(clippy::too_many_arguments)]
pub fn write_buffer(
    queue: cl_command_queue,
    buffer: cl_mem,
    blocking: cl_bool,
    offset: usize,
    size: usize,
    ptr: *const c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    if rule() == "sub-buffer-dies-with-its-buffer" && RELEASED.load(SeqCst) {
        return CL_INVALID_MEM_OBJECT;
    }
    real().clEnqueueWriteBuffer(
        queue, buffer, blocking, offset, size, ptr, num_events, wait_list, event,
    )
}
