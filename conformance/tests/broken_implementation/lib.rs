//! An implementation of OpenCL that breaks one rule on purpose, the one that `ISOCL_BROKEN_RULE`
//! names: everything else it leaves to the system's ICD loader. What the checks must notice.
// Exported C functions; the pointers that come in go on to the loader as they are.
#![allow(unsafe_code, clippy::not_unsafe_ptr_arg_deref)]

use std::ffi::{c_char, c_void};
use std::sync::OnceLock;

use isocl_conformance::client::*;
use opencl_sys::*;

mod buffer;
mod event;
mod program;
mod svm_alloc;
mod svm_command;
mod svm_free;

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

/// Functions that break rules, and all others.
macro_rules! body {
    (clCreateProgramWithSource, $($argument:ident),*) => { program::create_program($($argument),*) };
    (clEnqueueNDRangeKernel, $($argument:ident),*) => { program::launch($($argument),*) };
    (clCreateBuffer, $($argument:ident),*) => { buffer::create($($argument),*) };
    (clCreateSubBuffer, $($argument:ident),*) => { buffer::create_part($($argument),*) };
    (clGetMemObjectInfo, $($argument:ident),*) => { buffer::info($($argument),*) };
    (clEnqueueReadBuffer, $($argument:ident),*) => { buffer::read_buffer($($argument),*) };
    (clEnqueueWriteBuffer, $($argument:ident),*) => { buffer::write_buffer($($argument),*) };
    (clEnqueueSVMMemFill, $($argument:ident),*) => { svm_command::fill($($argument),*) };
    (clGetDeviceInfo, $($argument:ident),*) => { event::device_info($($argument),*) };
    (clCreateContext, $($argument:ident),*) => { svm_alloc::create_context($($argument),*) };
    (clSVMAlloc, $($argument:ident),*) => { svm_alloc::svm_alloc($($argument),*) };
    (clSVMFree, $($argument:ident),*) => { svm_free::svm_free($($argument),*) };
    (clCreateCommandQueueWithProperties, $($argument:ident),*) => {
        svm_free::create_queue($($argument),*)
    };
    (clReleaseCommandQueue, $($argument:ident),*) => { svm_free::release_queue($($argument),*) };
    (clEnqueueSVMFree, $($argument:ident),*) => { svm_free::enqueue_svm_free($($argument),*) };
    (clEnqueueSVMMap, $($argument:ident),*) => { svm_alloc::map($($argument),*) };
    (clGetEventInfo, $($argument:ident),*) => { event::event_info($($argument),*) };
    (clGetEventProfilingInfo, $($argument:ident),*) => { event::profiling_info($($argument),*) };
    (clGetCommandQueueInfo, $($argument:ident),*) => { event::queue_info($($argument),*) };
    (clReleaseContext, $($argument:ident),*) => { svm_alloc::release_context($($argument),*) };
    (clReleaseMemObject, $($argument:ident),*) => { svm_free::release_mem_object($($argument),*) };
    (clEnqueueSVMMemcpy, $($argument:ident),*) => { svm_free::memcpy($($argument),*) };
    (clFlush, $($argument:ident),*) => { svm_free::flush($($argument),*) };
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
