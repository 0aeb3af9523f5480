//! Broken rules of `clSVMFree` and `clEnqueueSVMFree`.

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Mutex, MutexGuard, PoisonError};

use isocl_conformance::client::{read, reference, write, SvmFreeCallback};
use opencl_sys::*;

use super::{buffer, main_thread, queue, real, rule, svm_alloc, unified_alloc, unified_command};

static QUEUES: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Queues that live.
pub fn queues() -> MutexGuard<'static, Vec<usize>> {
    QUEUES.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn create_queue(
    context: cl_context,
    device: cl_device_id,
    properties: *const cl_ulong,
    errcode_ret: *mut cl_int,
) -> cl_command_queue {
    let queue = real().clCreateCommandQueueWithProperties(context, device, properties, errcode_ret);
    queues().push(queue as usize);
    queue
}

pub fn release_queue(queue: cl_command_queue) -> cl_int {
    let other = |known: &usize| *known != queue as usize;
    queues().retain(other);
    freed().retain(other);
    queue::release(queue)
}

pub fn release_mem_object(object: cl_mem) -> cl_int {
    if rule() == "buffer-not-released" {
        return CL_INVALID_MEM_OBJECT;
    }
    buffer::RELEASED.store(true, SeqCst);
    real().clReleaseMemObject(object)
}

/// Queues that a free was enqueued on.
pub fn freed() -> MutexGuard<'static, Vec<usize>> {
    static FREED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    FREED.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn svm_free(context: cl_context, ptr: *mut c_void) {
    if rule() == "unified-svm-free-lost" {
        return;
    }
    unified_alloc::forget(ptr);
    let size = svm_alloc::live()
        .iter()
        .find(|live| live.0 == ptr as usize)
        .map(|live| live.1);
    svm_alloc::forget(ptr);
    match rule() {
        "threads-get-the-same" if size == Some(1) => return,
        "freed-by-another-given-twice" if main_thread() && size == Some(5000) => return,
        "freed-by-another-given-twice" if !main_thread() => {
            svm_alloc::FREED_BY_ANOTHER.store(true, SeqCst);
        }
        "freed-is-lost" if size == Some(svm_alloc::maximum()) => {
            svm_alloc::FREED_LARGEST.store(true, SeqCst);
        }
        "free-keeps" if !ptr.is_null() => return,
        // They are parts of allocations, or more than one's.
        "unified-alignment-default" | "unified-alignment-ignored" | "unified-same-memory" => return,
        "free-null-crashes" if ptr.is_null() => std::process::abort(),
        "free-null-ends-the-process" if ptr.is_null() => std::process::exit(3),
        "free-waits" => {
            let queues = queues().clone();
            for queue in queues {
                real().clFinish(queue as cl_command_queue);
            }
        }
        "free-of-large-crashes" if size == Some(3 << 20) => std::process::abort(),
        "free-writes-elsewhere" if !ptr.is_null() => {
            if let Some((address, _, _)) = svm_alloc::live().first() {
                write(*address as *mut c_void, 0, 0xBAD_u32);
            }
        }
        _ => {}
    }
    real().clSVMFree(context, ptr);
}

/// The callback that an application gave, behind one of ours.
struct Callback {
    function: SvmFreeCallback,
    user_data: usize,
    /// The application's list.
    list: usize,
}

extern "C" fn instead(
    queue: cl_command_queue,
    count: cl_uint,
    pointers: *mut *mut c_void,
    user_data: *mut c_void,
) {
    let callback = reference::<Callback>(user_data);
    let call = |count, pointers: *mut *mut c_void, user_data: usize| {
        (callback.function)(queue, count, pointers, user_data as *mut c_void);
    };
    match rule() {
        "callback-never" => {}
        "callback-twice" => {
            call(count, pointers, callback.user_data);
            call(count, pointers, callback.user_data);
        }
        "callback-reversed" => {
            let list = (0..count as usize).rev();
            let mut list: Vec<_> = list.map(|index| read(pointers.cast(), index)).collect();
            call(count, list.as_mut_ptr(), callback.user_data);
        }
        "callback-user-data" => {
            let missing = if callback.user_data == 0 {
                8
            } else {
                callback.user_data
            };
            call(count, pointers, missing);
        }
        "list-not-captured" => {
            call(count, callback.list as *mut *mut c_void, callback.user_data);
        }
        "callback-and-free" => {
            let list: Vec<*mut c_void> = (0..count as usize)
                .map(|index| read(pointers.cast(), index))
                .collect();
            call(count, pointers, callback.user_data);
            let mut context: cl_context = null_mut();
            let (place, size) = ((&raw mut context).cast(), size_of::<cl_context>());
            real().clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, size, place, null_mut());
            for pointer in list {
                real().clSVMFree(context, pointer);
            }
        }
        _ => call(count, pointers, callback.user_data),
    }
}

#[allow(clippy::too_many_arguments)]
pub fn enqueue_svm_free(
    queue: cl_command_queue,
    num_pointers: cl_uint,
    pointers: *mut *mut c_void,
    callback: Option<SvmFreeCallback>,
    user_data: *mut c_void,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    let mut kept = unified_command::freed(num_pointers, pointers, callback.is_some());
    let (num_pointers, pointers) = match &mut kept {
        Some(list) if list.is_empty() => (0, null_mut()),
        Some(list) => (list.len() as cl_uint, list.as_mut_ptr()),
        None => (num_pointers, pointers),
    };
    let wrapped = callback.map(|function| {
        // Lives as long as the process: it may be called late.
        let callback: &'static Callback = Box::leak(Box::new(Callback {
            function,
            user_data: user_data as usize,
            list: pointers as usize,
        }));
        std::ptr::from_ref(callback).cast_mut().cast::<c_void>()
    });
    let (own, own_data) = match wrapped {
        Some(data) => (Some(instead as SvmFreeCallback), data),
        None => (None, user_data),
    };
    let call = |count, pointers, num_events, wait_list| {
        real().clEnqueueSVMFree(
            queue, count, pointers, own, own_data, num_events, wait_list, event,
        )
    };
    let known = queues().contains(&(queue as usize));
    freed().push(queue as usize);
    let some_pointers = own.is_none() && num_pointers > 0 && !pointers.is_null();
    let some = num_events > 0 && !wait_list.is_null();
    let first = some.then(|| read::<usize>(wait_list.cast(), 0));
    match rule() {
        "empty-list" if num_pointers == 0 && pointers.is_null() => return CL_INVALID_VALUE,
        "count-zero" if num_pointers == 0 && !pointers.is_null() => return CL_SUCCESS,
        "list-null" if num_pointers > 0 && pointers.is_null() => return CL_SUCCESS,
        "queue-null" if queue.is_null() => return CL_INVALID_CONTEXT,
        "queue-of-wrong-type" if !queue.is_null() && !known => return CL_SUCCESS,
        "enqueued-free-keeps" if some_pointers => {
            return call(0, null_mut(), num_events, wait_list);
        }
        "enqueued-free-of-one" if some_pointers && num_pointers > 1 => {
            return call(1, pointers, num_events, wait_list);
        }
        "wait-list-null" if num_events > 0 && wait_list.is_null() => {
            return call(num_pointers, pointers, 0, null());
        }
        "wait-list-empty" if num_events == 0 && !wait_list.is_null() => {
            return call(num_pointers, pointers, 0, null());
        }
        "enqueued-free-too-early" if some_pointers => {
            write(read::<*mut c_void>(pointers.cast(), 0), 0, 0xBAD_u32);
        }
        "wait-list-of-null" if first == Some(0) => {
            return call(num_pointers, pointers, 0, null());
        }
        "wait-list-of-wrong-type" if first.is_some_and(|first| queues().contains(&first)) => {
            return call(num_pointers, pointers, 0, null());
        }
        "wait-list-ignored" if first.is_some_and(|first| first != 0) => {
            return call(num_pointers, pointers, 0, null());
        }
        _ => {}
    }
    call(num_pointers, pointers, num_events, wait_list)
}
