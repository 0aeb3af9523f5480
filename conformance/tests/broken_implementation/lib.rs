//! An implementation of OpenCL that breaks one rule on purpose, the one that `ISOCL_BROKEN_RULE`
//! names: everything else it leaves to the system's ICD loader. What the checks must notice.
// Exported C functions; the pointers that come in go on to the loader as they are.
#![allow(unsafe_code, clippy::not_unsafe_ptr_arg_deref)]

use std::ffi::{c_char, c_void};
use std::sync::OnceLock;

use isocl_conformance::client::*;
use opencl_sys::*;

mod beside;
mod buffer;
mod event;
mod kernel;
mod program;
mod queue;
mod svm_alloc;
mod svm_command;
mod svm_free;
mod unified_alloc;
mod unified_command;
mod unified_info;
mod unified_types;

/// The implementation behind this one.
fn real() -> &'static Api {
    static REAL: OnceLock<Api> = OnceLock::new();
    REAL.get_or_init(|| match Api::load("libOpenCL.so.1") {
        Ok(api) => api,
        Err(reason) => {
            eprintln!("{reason}");
            std::process::exit(2)
        }
    })
}

/// The rule to break.
fn rule() -> &'static str {
    static RULE: OnceLock<String> = OnceLock::new();
    RULE.get_or_init(|| std::env::var("ISOCL_BROKEN_RULE").unwrap_or_default())
}

/// Whether the calling thread is the one that the process began with.
fn main_thread() -> bool {
    // SAFETY: it only asks for a number.
    unsafe { libc::gettid() }.unsigned_abs() == std::process::id()
}

/// Has the memory that is allocated spoiled whenever the process forks.
fn spoil_on_fork() {
    extern "C" fn spoil() {
        for (address, _, _) in svm_alloc::live().iter() {
            write(*address as *mut c_void, 0, 0xEE_u8);
        }
    }
    // SAFETY: the function lives as long as this library, which is never unloaded.
    unsafe { libc::pthread_atfork(None, Some(spoil), None) };
}

/// Has the process abort when it ends.
fn abort_at_exit() {
    extern "C" fn abort() {
        std::process::abort();
    }
    isocl_conformance::process::at_exit(abort);
}

/// The queue, the wait list and the event of a command.
macro_rules! order {
    ($queue:ident, $count:ident, $list:ident, $event:ident) => {
        svm_command::Order {
            queue: $queue,
            count: $count,
            list: $list,
            event: $event,
        }
    };
}

/// Functions that break rules, and all others.
macro_rules! body {
    (clCreateProgramWithSource, $($argument:ident),*) => { program::create_program($($argument),*) };
    (clEnqueueNDRangeKernel, $($argument:ident),*) => { program::launch($($argument),*) };
    (clSetKernelArgSVMPointer, $($argument:ident),*) => { kernel::set_svm_pointer($($argument),*) };
    (clSetKernelArg, $($argument:ident),*) => { kernel::set_argument($($argument),*) };
    (clSetKernelExecInfo, $($argument:ident),*) => { kernel::set_exec_info($($argument),*) };
    (clCloneKernel, $($argument:ident),*) => { kernel::clone($($argument),*) };
    (clCreateBuffer, $($argument:ident),*) => { buffer::create($($argument),*) };
    (clCreateSubBuffer, $($argument:ident),*) => { buffer::create_part($($argument),*) };
    (clGetMemObjectInfo, $($argument:ident),*) => { buffer::info($($argument),*) };
    (clEnqueueReadBuffer, $($argument:ident),*) => { buffer::read_buffer($($argument),*) };
    (clEnqueueWriteBuffer, $($argument:ident),*) => { buffer::write_buffer($($argument),*) };
    (clGetPlatformInfo, $($argument:ident),*) => { unified_types::platform_info($($argument),*) };
    (clGetExtensionFunctionAddressForPlatform, $($argument:ident),*) => {
        unified_types::function($($argument),*)
    };
    (clGetDeviceInfo, $($argument:ident),*) => { event::device_info($($argument),*) };
    (clCreateContext, $($argument:ident),*) => { svm_alloc::create_context($($argument),*) };
    (clSVMAlloc, $($argument:ident),*) => { svm_alloc::svm_alloc($($argument),*) };
    (clSVMFree, $($argument:ident),*) => { svm_free::svm_free($($argument),*) };
    (clCreateCommandQueueWithProperties, $($argument:ident),*) => {
        svm_free::create_queue($($argument),*)
    };
    (clReleaseCommandQueue, $($argument:ident),*) => { svm_free::release_queue($($argument),*) };
    (clEnqueueSVMFree, $($argument:ident),*) => { svm_free::enqueue_svm_free($($argument),*) };
    (clSetEventCallback, $($argument:ident),*) => { event::set_callback($($argument),*) };
    (clGetEventInfo, $($argument:ident),*) => { event::event_info($($argument),*) };
    (clGetEventProfilingInfo, $($argument:ident),*) => { event::profiling_info($($argument),*) };
    (clGetCommandQueueInfo, $($argument:ident),*) => { event::queue_info($($argument),*) };
    (clRetainContext, $($argument:ident),*) => { svm_alloc::retain_context($($argument),*) };
    (clSetUserEventStatus, $($argument:ident),*) => { queue::set_status($($argument),*) };
    (clReleaseContext, $($argument:ident),*) => { svm_alloc::release_context($($argument),*) };
    (clReleaseMemObject, $($argument:ident),*) => { svm_free::release_mem_object($($argument),*) };
    (clEnqueueSVMMemcpy, $q:ident, $b:ident, $to:ident, $from:ident, $size:ident, $($order:ident),*) => {
        unified_command::memcpy(order!($q, $($order),*), $b, $to, $from, $size)
    };
    (clEnqueueSVMMemFill, $q:ident, $p:ident, $pattern:ident, $n:ident, $size:ident, $($order:ident),*) => {
        unified_command::mem_fill(order!($q, $($order),*), $p, $pattern, $n, $size)
    };
    (clEnqueueSVMMap, $q:ident, $b:ident, $flags:ident, $p:ident, $size:ident, $($order:ident),*) => {
        unified_command::map(order!($q, $($order),*), $b, $flags, $p, $size)
    };
    (clEnqueueSVMUnmap, $q:ident, $p:ident, $($order:ident),*) => {
        unified_command::unmap(order!($q, $($order),*), $p)
    };
    (clEnqueueSVMMigrateMem, $q:ident, $n:ident, $p:ident, $sizes:ident, $flags:ident, $($order:ident),*) => {
        unified_command::migrate(order!($q, $($order),*), $n, $p, $sizes, $flags)
    };
    (clFlush, $($argument:ident),*) => { queue::flush($($argument),*) };
    (clFinish, $($argument:ident),*) => { queue::finish($($argument),*) };
    (clWaitForEvents, $($argument:ident),*) => { queue::wait_for_events($($argument),*) };
    (clEnqueueMarkerWithWaitList, $($argument:ident),*) => { queue::marker($($argument),*) };
    (clEnqueueBarrierWithWaitList, $($argument:ident),*) => { queue::barrier($($argument),*) };
    ($name:ident, $($argument:ident),*) => { real().$name($($argument),*) };
}

macro_rules! export {
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(
            #[no_mangle]
            #[allow(non_snake_case, clippy::too_many_arguments, missing_docs)]
            pub extern "C" fn $name($($argument: $type),*) $(-> $result)? {
                body!($name, $($argument),*)
            }
        )*
    };
}

isocl_conformance::opencl_functions!(export);
