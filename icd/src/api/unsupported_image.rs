//! Images and samplers, which no device of this driver supports (§5.3, §5.7): every call refuses
//! with the error of the standard, after the handles were checked.
#![allow(unsafe_code)]

use std::ffi::c_void;

use isocl_runtime::buffer::Buffer;
use isocl_runtime::context::Context;
use isocl_runtime::mem_object::check_mem_flags;
use isocl_runtime::{CommandQueue, Error, ErrorCode, Result};

use crate::abi::{
    cl_addressing_mode, cl_bool, cl_command_queue, cl_context, cl_event, cl_filter_mode,
    cl_image_desc, cl_image_format, cl_image_info, cl_int, cl_map_flags, cl_mem, cl_mem_flags,
    cl_mem_object_type, cl_mem_properties, cl_sampler, cl_sampler_info, cl_sampler_properties,
    cl_uint, CL_MEM_KERNEL_READ_AND_WRITE, CL_MEM_OBJECT_IMAGE1D, CL_MEM_OBJECT_IMAGE1D_ARRAY,
    CL_MEM_OBJECT_IMAGE1D_BUFFER, CL_MEM_OBJECT_IMAGE2D, CL_MEM_OBJECT_IMAGE2D_ARRAY,
    CL_MEM_OBJECT_IMAGE3D,
};
use crate::boundary::{create, entry, ReportTo};
use crate::decode::{invalid_value, Out};
use crate::object::Object;

/// Refuses to make something in a context.
fn no_images(context: cl_context) -> Result<*mut c_void> {
    let context = Context::registry().get(context)?;
    // CL_INVALID_OPERATION: there are no devices in context that support images.
    let refusal = Error::new(
        ErrorCode::InvalidOperation,
        "no device of the context supports images",
    );
    Err(refusal).report_to(&context)
}

/// Refuses a memory object, which is at best a buffer.
fn not_an_image(memobj: cl_mem) -> Result<()> {
    Buffer::registry().get(memobj)?;
    // CL_INVALID_MEM_OBJECT: image is not a valid image object.
    Err(Error::new(
        ErrorCode::InvalidMemObject,
        "the memory object is not an image",
    ))
}

/// Refuses a command on images, which are at best buffers.
fn command(command_queue: cl_command_queue, objects: &[cl_mem]) -> Result<()> {
    let queue = CommandQueue::registry().get(command_queue)?;
    for object in objects {
        // CL_INVALID_MEM_OBJECT: image is not a valid image object.
        Buffer::registry().get(*object)?;
    }
    // CL_INVALID_OPERATION: the device associated with command_queue does not support images.
    let refusal = Error::new(
        ErrorCode::InvalidOperation,
        "the device of the queue does not support images",
    );
    Err(refusal).report_to(queue.context())
}

/// Refuses a sampler.
fn not_a_sampler() -> Result<()> {
    Err(Error::new(
        ErrorCode::InvalidSampler,
        "there are no samplers without images",
    ))
}

pub(crate) unsafe extern "C" fn clCreateImage(
    context: cl_context,
    _flags: cl_mem_flags,
    _image_format: *const cl_image_format,
    _image_desc: *const cl_image_desc,
    _host_ptr: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateImage", errcode, || no_images(context))
}

pub(crate) unsafe extern "C" fn clCreateImageWithProperties(
    context: cl_context,
    _properties: *const cl_mem_properties,
    _flags: cl_mem_flags,
    _image_format: *const cl_image_format,
    _image_desc: *const cl_image_desc,
    _host_ptr: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateImageWithProperties", errcode, || {
        no_images(context)
    })
}

pub(crate) unsafe extern "C" fn clCreateImage2D(
    context: cl_context,
    _flags: cl_mem_flags,
    _image_format: *const cl_image_format,
    _image_width: usize,
    _image_height: usize,
    _image_row_pitch: usize,
    _host_ptr: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateImage2D", errcode, || no_images(context))
}

pub(crate) unsafe extern "C" fn clCreateImage3D(
    context: cl_context,
    _flags: cl_mem_flags,
    _image_format: *const cl_image_format,
    _image_width: usize,
    _image_height: usize,
    _image_depth: usize,
    _image_row_pitch: usize,
    _image_slice_pitch: usize,
    _host_ptr: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateImage3D", errcode, || no_images(context))
}

/// The flags for which formats may be asked: those of a buffer, or of an image that a kernel both
/// reads and writes.
fn check_format_flags(flags: cl_mem_flags) -> Result<()> {
    match flags {
        CL_MEM_KERNEL_READ_AND_WRITE => Ok(()),
        _ => check_mem_flags(flags),
    }
}

pub(crate) unsafe extern "C" fn clGetSupportedImageFormats(
    context: cl_context,
    flags: cl_mem_flags,
    image_type: cl_mem_object_type,
    num_entries: cl_uint,
    image_formats: *mut cl_image_format,
    num_image_formats: *mut cl_uint,
) -> cl_int {
    // SAFETY: the application's place for the number.
    let count = unsafe { Out::new(num_image_formats) };
    entry("clGetSupportedImageFormats", || {
        Context::registry().get(context)?;
        check_format_flags(flags)?;
        // CL_INVALID_VALUE: image_type is not valid, or num_entries is 0 and image_formats is not
        // NULL.
        let is_image = matches!(
            image_type,
            CL_MEM_OBJECT_IMAGE1D
                | CL_MEM_OBJECT_IMAGE1D_ARRAY
                | CL_MEM_OBJECT_IMAGE1D_BUFFER
                | CL_MEM_OBJECT_IMAGE2D
                | CL_MEM_OBJECT_IMAGE2D_ARRAY
                | CL_MEM_OBJECT_IMAGE3D
        );
        if !is_image || num_entries == 0 && !image_formats.is_null() {
            return Err(invalid_value(
                "image_type is no image, or there is no place for a format",
            ));
        }
        count.write_if_wanted(0);
        Ok(())
    })
}

pub(crate) unsafe extern "C" fn clGetImageInfo(
    image: cl_mem,
    _param_name: cl_image_info,
    _param_value_size: usize,
    _param_value: *mut c_void,
    _param_value_size_ret: *mut usize,
) -> cl_int {
    entry("clGetImageInfo", || not_an_image(image))
}

pub(crate) unsafe extern "C" fn clEnqueueReadImage(
    command_queue: cl_command_queue,
    image: cl_mem,
    _blocking_read: cl_bool,
    _origin: *const usize,
    _region: *const usize,
    _row_pitch: usize,
    _slice_pitch: usize,
    _ptr: *mut c_void,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueReadImage", || command(command_queue, &[image]))
}

pub(crate) unsafe extern "C" fn clEnqueueWriteImage(
    command_queue: cl_command_queue,
    image: cl_mem,
    _blocking_write: cl_bool,
    _origin: *const usize,
    _region: *const usize,
    _input_row_pitch: usize,
    _input_slice_pitch: usize,
    _ptr: *const c_void,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueWriteImage", || command(command_queue, &[image]))
}

pub(crate) unsafe extern "C" fn clEnqueueCopyImage(
    command_queue: cl_command_queue,
    src_image: cl_mem,
    dst_image: cl_mem,
    _src_origin: *const usize,
    _dst_origin: *const usize,
    _region: *const usize,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueCopyImage", || {
        command(command_queue, &[src_image, dst_image])
    })
}

pub(crate) unsafe extern "C" fn clEnqueueCopyImageToBuffer(
    command_queue: cl_command_queue,
    src_image: cl_mem,
    dst_buffer: cl_mem,
    _src_origin: *const usize,
    _region: *const usize,
    _dst_offset: usize,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueCopyImageToBuffer", || {
        command(command_queue, &[src_image, dst_buffer])
    })
}

pub(crate) unsafe extern "C" fn clEnqueueCopyBufferToImage(
    command_queue: cl_command_queue,
    src_buffer: cl_mem,
    dst_image: cl_mem,
    _src_offset: usize,
    _dst_origin: *const usize,
    _region: *const usize,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueCopyBufferToImage", || {
        command(command_queue, &[src_buffer, dst_image])
    })
}

pub(crate) unsafe extern "C" fn clEnqueueFillImage(
    command_queue: cl_command_queue,
    image: cl_mem,
    _fill_color: *const c_void,
    _origin: *const usize,
    _region: *const usize,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueFillImage", || command(command_queue, &[image]))
}

pub(crate) unsafe extern "C" fn clEnqueueMapImage(
    command_queue: cl_command_queue,
    image: cl_mem,
    _blocking_map: cl_bool,
    _map_flags: cl_map_flags,
    _origin: *const usize,
    _region: *const usize,
    _image_row_pitch: *mut usize,
    _image_slice_pitch: *mut usize,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
    errcode_ret: *mut cl_int,
) -> *mut c_void {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clEnqueueMapImage", errcode, || {
        command(command_queue, &[image]).map(|()| std::ptr::null_mut())
    })
}

pub(crate) unsafe extern "C" fn clCreateSampler(
    context: cl_context,
    _normalized_coords: cl_bool,
    _addressing_mode: cl_addressing_mode,
    _filter_mode: cl_filter_mode,
    errcode_ret: *mut cl_int,
) -> cl_sampler {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateSampler", errcode, || no_images(context))
}

pub(crate) unsafe extern "C" fn clCreateSamplerWithProperties(
    context: cl_context,
    _sampler_properties: *const cl_sampler_properties,
    errcode_ret: *mut cl_int,
) -> cl_sampler {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateSamplerWithProperties", errcode, || {
        no_images(context)
    })
}

pub(crate) unsafe extern "C" fn clRetainSampler(_sampler: cl_sampler) -> cl_int {
    entry("clRetainSampler", not_a_sampler)
}

pub(crate) unsafe extern "C" fn clReleaseSampler(_sampler: cl_sampler) -> cl_int {
    entry("clReleaseSampler", not_a_sampler)
}

pub(crate) unsafe extern "C" fn clGetSamplerInfo(
    _sampler: cl_sampler,
    _param_name: cl_sampler_info,
    _param_value_size: usize,
    _param_value: *mut c_void,
    _param_value_size_ret: *mut usize,
) -> cl_int {
    entry("clGetSamplerInfo", not_a_sampler)
}
