//! What `cl_khr_unified_svm` changes of commands and kernels, and the broken rules of that.

use std::ffi::c_void;
use std::ptr::null;

use isocl_conformance::client::{read, write};
use opencl_sys::*;

use super::svm_command::Order;
use super::unified_types::offered;
use super::{queue, real, rule, svm_alloc, svm_command, unified_alloc, unified_types};

/// Memory to act on where nothing is acted on.
static SOME: [u64; 16] = [0; 16];

fn some() -> *mut c_void {
    SOME.as_ptr().cast_mut().cast()
}

/// Whether a pointer is into memory of the extension.
fn is_unified(pointer: *const c_void) -> bool {
    unified_alloc::type_at(pointer as usize).is_some()
}

pub fn memcpy(
    order: Order,
    blocking: cl_bool,
    to: *mut c_void,
    from: *const c_void,
    size: usize,
) -> cl_int {
    let null = to.is_null() || from.is_null();
    match rule() {
        "unified-memcpy-of-nothing-refused" if size == 0 && null => return CL_INVALID_VALUE,
        "unified-memcpy-of-null" if null && size > 0 => return CL_SUCCESS,
        "unified-copies-in-lost" if is_unified(to) && !is_unified(from) => return order.nothing(),
        "unified-copies-out-lost" if is_unified(from) && !is_unified(to) => return order.nothing(),
        "unified-copies-within-lost" if is_unified(from) && is_unified(to) => {
            return order.nothing();
        }
        _ => {}
    }
    if offered() && size == 0 {
        return queue::memcpy(order, blocking, some(), some().wrapping_byte_add(64), 0);
    }
    queue::memcpy(order, blocking, to, from, size)
}

pub fn mem_fill(
    order: Order,
    pointer: *mut c_void,
    pattern: *const c_void,
    pattern_size: usize,
    size: usize,
) -> cl_int {
    match rule() {
        "unified-memfill-of-nothing-refused" if size == 0 && pointer.is_null() => {
            return CL_INVALID_VALUE;
        }
        "unified-memfill-of-null" if pointer.is_null() && size > 0 => return CL_SUCCESS,
        "unified-fills-lost" if is_unified(pointer) && pattern_size > 16 => return order.nothing(),
        "unified-second-device-lost" if queue::is_sub_device(queue::device_of(order.queue)) => {
            return order.nothing();
        }
        _ => {}
    }
    let target = if offered() && size == 0 {
        some()
    } else {
        pointer
    };
    queue::mem_fill(order, target, pattern, pattern_size, size)
}

/// Whether memory is of a type that cannot be mapped.
fn unmappable(pointer: *mut c_void) -> bool {
    let index = unified_alloc::type_at(pointer as usize);
    index.is_some_and(|index| {
        unified_types::of_the_platform()[index] & CL_SVM_CAPABILITY_HOST_MAP_KHR == 0
    })
}

pub fn map(
    order: Order,
    blocking: cl_bool,
    flags: cl_ulong,
    pointer: *mut c_void,
    size: usize,
) -> cl_int {
    match rule() {
        "unified-map-anything" => {}
        "unified-map-refused" if is_unified(pointer) => return CL_INVALID_OPERATION,
        _ if unmappable(pointer) => return CL_INVALID_VALUE,
        _ => {}
    }
    svm_command::map(order, blocking, flags, pointer, size)
}

pub fn unmap(order: Order, pointer: *mut c_void) -> cl_int {
    if unmappable(pointer) && rule() != "unified-unmap-anything" {
        return CL_INVALID_VALUE;
    }
    svm_command::unmap(order, pointer)
}

pub fn migrate(
    order: Order,
    count: cl_uint,
    pointers: *const *const c_void,
    sizes: *const usize,
    flags: cl_ulong,
) -> cl_int {
    let list = (0..count as usize).map(|index| read::<*const c_void>(pointers.cast(), index));
    let ignored = |index: usize| sizes.is_null() || read::<usize>(sizes.cast(), index) == 0;
    match rule() {
        _ if !offered() || count == 0 || pointers.is_null() => {}
        "unified-migrate-null-refused" if list.clone().any(|one| one.is_null()) => {
            return CL_INVALID_VALUE;
        }
        "unified-migrate-some-of-null" if (0..count as usize).any(|index| !ignored(index)) => {
            return CL_SUCCESS;
        }
        _ => {
            let kept = list.clone().enumerate();
            let kept: Vec<usize> = kept
                .filter(|(index, one)| !one.is_null() || !ignored(*index))
                .map(|(index, _)| index)
                .collect();
            let live = svm_alloc::live()
                .first()
                .map(|live| live.0 as *const c_void);
            let mut rest: Vec<*const c_void> = kept
                .iter()
                .map(|index| read(pointers.cast(), *index))
                .collect();
            let mut rest_sizes: Vec<usize> = kept
                .iter()
                .map(|index| {
                    if sizes.is_null() {
                        0
                    } else {
                        read(sizes.cast(), *index)
                    }
                })
                .collect();
            if let (true, Some(live)) = (rest.is_empty(), live) {
                rest.push(live);
                rest_sizes.push(0);
            }
            let (place, sizes_place) = (rest.as_ptr(), rest_sizes.as_ptr());
            if rule() == "unified-migrate-spoils" && is_unified(rest[0]) {
                write(rest[0].cast_mut(), 0, 0xEE_u8);
            }
            let count = rest.len() as cl_uint;
            return svm_command::migrate(order, count, place, sizes_place, flags);
        }
    }
    svm_command::migrate(order, count, pointers, sizes, flags)
}

/// The pointers of a list of `clEnqueueSVMFree`, if it is for this implementation to free them: those
/// that are not NULL.
pub fn freed(
    count: cl_uint,
    pointers: *mut *mut c_void,
    callback: bool,
) -> Option<Vec<*mut c_void>> {
    let refused = rule() == "unified-free-null-refused";
    if !offered() || callback || count == 0 || pointers.is_null() || refused {
        return None;
    }
    let mut list: Vec<*mut c_void> = (0..count as usize)
        .map(|index| read(pointers.cast(), index))
        .collect();
    list.retain(|pointer| !pointer.is_null());
    for pointer in &list {
        if rule() != "unified-enqueued-free-lost" {
            unified_alloc::forget(*pointer);
            svm_alloc::forget(*pointer);
        }
    }
    Some(list)
}

/// The code of `clSetKernelExecInfo`, if it is one of the extension's.
pub fn exec_info(
    kernel: cl_kernel,
    name: cl_uint,
    size: usize,
    value: *const c_void,
) -> Option<cl_int> {
    if !offered() {
        return None;
    }
    let mut references: cl_uint = 0;
    let (room, place) = (size_of_val(&references), (&raw mut references).cast());
    let no_kernel = kernel.is_null()
        || real().clGetKernelInfo(
            kernel,
            CL_KERNEL_REFERENCE_COUNT,
            room,
            place,
            std::ptr::null_mut(),
        ) != CL_SUCCESS;
    match (rule(), name) {
        (_, CL_KERNEL_EXEC_INFO_SVM_INDIRECT_ACCESS_KHR) if no_kernel => {
            let wrong = rule() == "unified-switch-of-no-kernel";
            Some(if wrong {
                CL_INVALID_VALUE
            } else {
                CL_INVALID_KERNEL
            })
        }
        ("unified-switch-of-any-size", CL_KERNEL_EXEC_INFO_SVM_INDIRECT_ACCESS_KHR)
            if !value.is_null() =>
        {
            Some(CL_SUCCESS)
        }
        ("unified-switch-of-null", CL_KERNEL_EXEC_INFO_SVM_INDIRECT_ACCESS_KHR)
            if value.is_null() =>
        {
            Some(CL_SUCCESS)
        }
        (_, CL_KERNEL_EXEC_INFO_SVM_INDIRECT_ACCESS_KHR)
            if value.is_null() || size != size_of::<cl_bool>() =>
        {
            Some(CL_INVALID_VALUE)
        }
        ("unified-switch-stays-on", CL_KERNEL_EXEC_INFO_SVM_INDIRECT_ACCESS_KHR)
            if read::<cl_bool>(value, 0) == CL_FALSE =>
        {
            Some(CL_INVALID_OPERATION)
        }
        (_, CL_KERNEL_EXEC_INFO_SVM_INDIRECT_ACCESS_KHR) => Some(CL_SUCCESS),
        ("unified-set-with-null-refused", CL_KERNEL_EXEC_INFO_SVM_PTRS) => {
            let mut list = (0..size / 8).map(|index| read::<usize>(value, index));
            list.any(|pointer| pointer == 0).then_some(CL_INVALID_VALUE)
        }
        (_, CL_KERNEL_EXEC_INFO_SVM_PTRS)
            if !value.is_null() && size.is_multiple_of(8) && !no_kernel =>
        {
            let list = (0..size / 8).map(|index| read::<*const c_void>(value, index));
            let known = |pointer: &*const c_void| {
                is_unified(*pointer)
                    || svm_alloc::live()
                        .iter()
                        .any(|live| (live.0..live.0 + live.1).contains(&(*pointer as usize)))
            };
            let list: Vec<_> = list.filter(known).collect();
            let place = if list.is_empty() {
                null()
            } else {
                list.as_ptr().cast()
            };
            let size = size_of_val(&list[..]);
            Some(real().clSetKernelExecInfo(kernel, name, size, place))
        }
        _ => None,
    }
}
