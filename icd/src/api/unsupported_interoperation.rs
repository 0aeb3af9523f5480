//! Sharing with OpenGL, EGL, Direct3D and DirectX 9, none of which this driver supports. Their slots
//! in the dispatch table refuse with `CL_INVALID_OPERATION`, after the handles were checked.
#![allow(unsafe_code)]

use std::ffi::c_void;

use isocl_runtime::buffer::Buffer;
use isocl_runtime::context::Context;
use isocl_runtime::{CommandQueue, Error, ErrorCode, Result};

use super::platform::platform_of;
use crate::abi::{
    cl_GLenum, cl_GLint, cl_GLsync, cl_GLuint, cl_command_queue, cl_context, cl_context_properties,
    cl_d3d10_device_set_khr, cl_d3d10_device_source_khr, cl_d3d11_device_set_khr,
    cl_d3d11_device_source_khr, cl_device_id, cl_dx9_media_adapter_set_khr,
    cl_dx9_media_adapter_type_khr, cl_egl_image_properties_khr, cl_event, cl_gl_context_info,
    cl_gl_object_type, cl_gl_texture_info, cl_int, cl_mem, cl_mem_flags, cl_platform_id, cl_uint,
    CLeglDisplayKHR, CLeglImageKHR, CLeglSyncKHR, ID3D10Buffer_ptr, ID3D10Texture2D_ptr,
    ID3D10Texture3D_ptr, ID3D11Buffer_ptr, ID3D11Texture2D_ptr, ID3D11Texture3D_ptr,
};
use crate::boundary::{create, entry};
use crate::decode::Out;
use crate::object::Object;

/// The refusal of all functions here.
fn refusal<T>() -> Result<T> {
    Err(Error::new(
        ErrorCode::InvalidOperation,
        "sharing objects with other interfaces is not supported",
    ))
}

fn in_context(context: cl_context) -> Result<*mut c_void> {
    Context::registry().get(context)?;
    refusal()
}

fn in_queue(command_queue: cl_command_queue) -> Result<()> {
    CommandQueue::registry().get(command_queue)?;
    refusal()
}

fn on_platform(platform: cl_platform_id) -> Result<()> {
    platform_of(platform)?;
    refusal()
}

/// Refuses a memory object, which was not made from one of OpenGL.
fn no_gl_object(memobj: cl_mem) -> Result<()> {
    Buffer::registry().get(memobj)?;
    // CL_INVALID_GL_OBJECT: there is no GL object associated with memobj.
    Err(Error::new(
        ErrorCode::InvalidGlObject,
        "the memory object is not one of OpenGL",
    ))
}

pub(crate) unsafe extern "C" fn clCreateFromGLBuffer(
    context: cl_context,
    _flags: cl_mem_flags,
    _bufobj: cl_GLuint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromGLBuffer", errcode, || in_context(context))
}

pub(crate) unsafe extern "C" fn clCreateFromGLTexture(
    context: cl_context,
    _flags: cl_mem_flags,
    _target: cl_GLenum,
    _miplevel: cl_GLint,
    _texture: cl_GLuint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromGLTexture", errcode, || in_context(context))
}

pub(crate) unsafe extern "C" fn clCreateFromGLTexture2D(
    context: cl_context,
    _flags: cl_mem_flags,
    _target: cl_GLenum,
    _miplevel: cl_GLint,
    _texture: cl_GLuint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromGLTexture2D", errcode, || in_context(context))
}

pub(crate) unsafe extern "C" fn clCreateFromGLTexture3D(
    context: cl_context,
    _flags: cl_mem_flags,
    _target: cl_GLenum,
    _miplevel: cl_GLint,
    _texture: cl_GLuint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromGLTexture3D", errcode, || in_context(context))
}

pub(crate) unsafe extern "C" fn clCreateFromGLRenderbuffer(
    context: cl_context,
    _flags: cl_mem_flags,
    _renderbuffer: cl_GLuint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromGLRenderbuffer", errcode, || {
        in_context(context)
    })
}

pub(crate) unsafe extern "C" fn clGetGLObjectInfo(
    memobj: cl_mem,
    _gl_object_type: *mut cl_gl_object_type,
    _gl_object_name: *mut cl_GLuint,
) -> cl_int {
    entry("clGetGLObjectInfo", || no_gl_object(memobj))
}

pub(crate) unsafe extern "C" fn clGetGLTextureInfo(
    memobj: cl_mem,
    _param_name: cl_gl_texture_info,
    _param_value_size: usize,
    _param_value: *mut c_void,
    _param_value_size_ret: *mut usize,
) -> cl_int {
    entry("clGetGLTextureInfo", || no_gl_object(memobj))
}

pub(crate) unsafe extern "C" fn clGetGLContextInfoKHR(
    _properties: *const cl_context_properties,
    _param_name: cl_gl_context_info,
    _param_value_size: usize,
    _param_value: *mut c_void,
    _param_value_size_ret: *mut usize,
) -> cl_int {
    entry("clGetGLContextInfoKHR", refusal)
}

pub(crate) unsafe extern "C" fn clCreateEventFromGLsyncKHR(
    context: cl_context,
    _sync: cl_GLsync,
    errcode_ret: *mut cl_int,
) -> cl_event {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateEventFromGLsyncKHR", errcode, || {
        in_context(context)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueAcquireGLObjects(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueAcquireGLObjects", || in_queue(command_queue))
}

pub(crate) unsafe extern "C" fn clEnqueueReleaseGLObjects(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueReleaseGLObjects", || in_queue(command_queue))
}

pub(crate) unsafe extern "C" fn clEnqueueAcquireEGLObjectsKHR(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueAcquireEGLObjectsKHR", || in_queue(command_queue))
}

pub(crate) unsafe extern "C" fn clEnqueueReleaseEGLObjectsKHR(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueReleaseEGLObjectsKHR", || in_queue(command_queue))
}

pub(crate) unsafe extern "C" fn clEnqueueAcquireD3D10ObjectsKHR(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueAcquireD3D10ObjectsKHR", || {
        in_queue(command_queue)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueReleaseD3D10ObjectsKHR(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueReleaseD3D10ObjectsKHR", || {
        in_queue(command_queue)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueAcquireD3D11ObjectsKHR(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueAcquireD3D11ObjectsKHR", || {
        in_queue(command_queue)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueReleaseD3D11ObjectsKHR(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueReleaseD3D11ObjectsKHR", || {
        in_queue(command_queue)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueAcquireDX9MediaSurfacesKHR(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueAcquireDX9MediaSurfacesKHR", || {
        in_queue(command_queue)
    })
}

pub(crate) unsafe extern "C" fn clEnqueueReleaseDX9MediaSurfacesKHR(
    command_queue: cl_command_queue,
    _num_objects: cl_uint,
    _mem_objects: *const cl_mem,
    _num_events_in_wait_list: cl_uint,
    _event_wait_list: *const cl_event,
    _event: *mut cl_event,
) -> cl_int {
    entry("clEnqueueReleaseDX9MediaSurfacesKHR", || {
        in_queue(command_queue)
    })
}

pub(crate) unsafe extern "C" fn clCreateFromEGLImageKHR(
    context: cl_context,
    _egldisplay: CLeglDisplayKHR,
    _eglimage: CLeglImageKHR,
    _flags: cl_mem_flags,
    _properties: *const cl_egl_image_properties_khr,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromEGLImageKHR", errcode, || in_context(context))
}

pub(crate) unsafe extern "C" fn clCreateEventFromEGLSyncKHR(
    context: cl_context,
    _sync: CLeglSyncKHR,
    _display: CLeglDisplayKHR,
    errcode_ret: *mut cl_int,
) -> cl_event {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateEventFromEGLSyncKHR", errcode, || {
        in_context(context)
    })
}

pub(crate) unsafe extern "C" fn clGetDeviceIDsFromD3D10KHR(
    platform: cl_platform_id,
    _d3d_device_source: cl_d3d10_device_source_khr,
    _d3d_object: *mut c_void,
    _d3d_device_set: cl_d3d10_device_set_khr,
    _num_entries: cl_uint,
    _devices: *mut cl_device_id,
    _num_devices: *mut cl_uint,
) -> cl_int {
    entry("clGetDeviceIDsFromD3D10KHR", || on_platform(platform))
}

pub(crate) unsafe extern "C" fn clCreateFromD3D10BufferKHR(
    context: cl_context,
    _flags: cl_mem_flags,
    _resource: ID3D10Buffer_ptr,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromD3D10BufferKHR", errcode, || {
        in_context(context)
    })
}

pub(crate) unsafe extern "C" fn clCreateFromD3D10Texture2DKHR(
    context: cl_context,
    _flags: cl_mem_flags,
    _resource: ID3D10Texture2D_ptr,
    _subresource: cl_uint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromD3D10Texture2DKHR", errcode, || {
        in_context(context)
    })
}

pub(crate) unsafe extern "C" fn clCreateFromD3D10Texture3DKHR(
    context: cl_context,
    _flags: cl_mem_flags,
    _resource: ID3D10Texture3D_ptr,
    _subresource: cl_uint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromD3D10Texture3DKHR", errcode, || {
        in_context(context)
    })
}

pub(crate) unsafe extern "C" fn clGetDeviceIDsFromD3D11KHR(
    platform: cl_platform_id,
    _d3d_device_source: cl_d3d11_device_source_khr,
    _d3d_object: *mut c_void,
    _d3d_device_set: cl_d3d11_device_set_khr,
    _num_entries: cl_uint,
    _devices: *mut cl_device_id,
    _num_devices: *mut cl_uint,
) -> cl_int {
    entry("clGetDeviceIDsFromD3D11KHR", || on_platform(platform))
}

pub(crate) unsafe extern "C" fn clCreateFromD3D11BufferKHR(
    context: cl_context,
    _flags: cl_mem_flags,
    _resource: ID3D11Buffer_ptr,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromD3D11BufferKHR", errcode, || {
        in_context(context)
    })
}

pub(crate) unsafe extern "C" fn clCreateFromD3D11Texture2DKHR(
    context: cl_context,
    _flags: cl_mem_flags,
    _resource: ID3D11Texture2D_ptr,
    _subresource: cl_uint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromD3D11Texture2DKHR", errcode, || {
        in_context(context)
    })
}

pub(crate) unsafe extern "C" fn clCreateFromD3D11Texture3DKHR(
    context: cl_context,
    _flags: cl_mem_flags,
    _resource: ID3D11Texture3D_ptr,
    _subresource: cl_uint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromD3D11Texture3DKHR", errcode, || {
        in_context(context)
    })
}

pub(crate) unsafe extern "C" fn clGetDeviceIDsFromDX9MediaAdapterKHR(
    platform: cl_platform_id,
    _num_media_adapters: cl_uint,
    _media_adapter_type: *mut cl_dx9_media_adapter_type_khr,
    _media_adapters: *mut c_void,
    _media_adapter_set: cl_dx9_media_adapter_set_khr,
    _num_entries: cl_uint,
    _devices: *mut cl_device_id,
    _num_devices: *mut cl_uint,
) -> cl_int {
    entry("clGetDeviceIDsFromDX9MediaAdapterKHR", || {
        on_platform(platform)
    })
}

pub(crate) unsafe extern "C" fn clCreateFromDX9MediaSurfaceKHR(
    context: cl_context,
    _flags: cl_mem_flags,
    _adapter_type: cl_dx9_media_adapter_type_khr,
    _surface_info: *mut c_void,
    _plane: cl_uint,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateFromDX9MediaSurfaceKHR", errcode, || {
        in_context(context)
    })
}
