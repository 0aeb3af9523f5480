//! Buffers and sub-buffers (§5.2.1).
#![allow(unsafe_code)]

use std::ffi::c_void;

use isocl_runtime::buffer::Buffer;
use isocl_runtime::context::Context;
use isocl_runtime::{Address, Result};

use crate::abi::{
    cl_buffer_create_type, cl_buffer_region, cl_context, cl_int, cl_mem, cl_mem_flags,
    cl_mem_properties, CL_BUFFER_CREATE_TYPE_REGION,
};
use crate::boundary::{create, ReportTo};
use crate::decode::{self, invalid_value, List, Out};
use crate::object::Object;

fn create_buffer(
    context: cl_context,
    properties: Result<Vec<u64>>,
    flags: cl_mem_flags,
    size: usize,
    host_ptr: Address,
) -> Result<cl_mem> {
    let context = Context::registry().get(context)?;
    let buffer =
        Buffer::create(&context, flags, size, host_ptr, properties?).report_to(&context)?;
    Buffer::registry().publish(buffer)
}

pub(crate) unsafe extern "C" fn clCreateBuffer(
    context: cl_context,
    flags: cl_mem_flags,
    size: usize,
    host_ptr: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateBuffer", errcode, || {
        create_buffer(context, Ok(Vec::new()), flags, size, host_ptr.into())
    })
}

pub(crate) unsafe extern "C" fn clCreateBufferWithProperties(
    context: cl_context,
    properties: *const cl_mem_properties,
    flags: cl_mem_flags,
    size: usize,
    host_ptr: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's arguments, as §5.2.1 describes them.
    let (properties, errcode) = unsafe { (decode::properties(properties), Out::new(errcode_ret)) };
    create("clCreateBufferWithProperties", errcode, || {
        create_buffer(context, properties, flags, size, host_ptr.into())
    })
}

pub(crate) unsafe extern "C" fn clCreateSubBuffer(
    buffer: cl_mem,
    flags: cl_mem_flags,
    buffer_create_type: cl_buffer_create_type,
    buffer_create_info: *const c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's arguments, as §5.2.1 describes them; the region is read only when
    // the type says that there is one.
    let (region, errcode) = unsafe {
        (
            List::<cl_buffer_region>::new(buffer_create_info.cast(), 1_u32),
            Out::new(errcode_ret),
        )
    };
    create("clCreateSubBuffer", errcode, || {
        let buffer = Buffer::registry().get(buffer)?;
        // CL_INVALID_VALUE: the value specified in buffer_create_type is not valid.
        if buffer_create_type != CL_BUFFER_CREATE_TYPE_REGION {
            return Err(invalid_value(
                "buffer_create_type is not CL_BUFFER_CREATE_TYPE_REGION",
            ));
        }
        // CL_INVALID_VALUE: values specified in buffer_create_info are not valid, or it is NULL.
        let region = region
            .iter()
            .next()
            .ok_or_else(|| invalid_value("there is no region"))?;
        let sub_buffer = buffer
            .create_sub_buffer(flags, region.origin, region.size)
            .report_to(buffer.context())?;
        Buffer::registry().publish(sub_buffer)
    })
}
