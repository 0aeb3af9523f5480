//! Functions by name: for loaders of the second generation and for `clGetExtensionFunctionAddress…`.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::mem::offset_of;

use crate::abi::cl_icd_dispatch;
use crate::api::platform::{
    clGetExtensionFunctionAddress, clGetPlatformIDs, clIcdGetFunctionAddressForPlatformKHR,
    clIcdGetPlatformIDsKHR, clIcdSetPlatformDispatchDataKHR, clUnloadCompiler,
};
use crate::dispatch::DISPATCH;

/// Names of functions in the dispatch table, and where they are in it, in its order.
const SLOTS: [(&str, usize); 148] = [
    (
        "clGetPlatformInfo",
        offset_of!(cl_icd_dispatch, clGetPlatformInfo),
    ),
    (
        "clGetDeviceIDs",
        offset_of!(cl_icd_dispatch, clGetDeviceIDs),
    ),
    (
        "clGetDeviceInfo",
        offset_of!(cl_icd_dispatch, clGetDeviceInfo),
    ),
    (
        "clCreateContext",
        offset_of!(cl_icd_dispatch, clCreateContext),
    ),
    (
        "clCreateContextFromType",
        offset_of!(cl_icd_dispatch, clCreateContextFromType),
    ),
    (
        "clRetainContext",
        offset_of!(cl_icd_dispatch, clRetainContext),
    ),
    (
        "clReleaseContext",
        offset_of!(cl_icd_dispatch, clReleaseContext),
    ),
    (
        "clGetContextInfo",
        offset_of!(cl_icd_dispatch, clGetContextInfo),
    ),
    (
        "clCreateCommandQueue",
        offset_of!(cl_icd_dispatch, clCreateCommandQueue),
    ),
    (
        "clRetainCommandQueue",
        offset_of!(cl_icd_dispatch, clRetainCommandQueue),
    ),
    (
        "clReleaseCommandQueue",
        offset_of!(cl_icd_dispatch, clReleaseCommandQueue),
    ),
    (
        "clGetCommandQueueInfo",
        offset_of!(cl_icd_dispatch, clGetCommandQueueInfo),
    ),
    (
        "clSetCommandQueueProperty",
        offset_of!(cl_icd_dispatch, clSetCommandQueueProperty),
    ),
    (
        "clCreateBuffer",
        offset_of!(cl_icd_dispatch, clCreateBuffer),
    ),
    (
        "clCreateImage2D",
        offset_of!(cl_icd_dispatch, clCreateImage2D),
    ),
    (
        "clCreateImage3D",
        offset_of!(cl_icd_dispatch, clCreateImage3D),
    ),
    (
        "clRetainMemObject",
        offset_of!(cl_icd_dispatch, clRetainMemObject),
    ),
    (
        "clReleaseMemObject",
        offset_of!(cl_icd_dispatch, clReleaseMemObject),
    ),
    (
        "clGetSupportedImageFormats",
        offset_of!(cl_icd_dispatch, clGetSupportedImageFormats),
    ),
    (
        "clGetMemObjectInfo",
        offset_of!(cl_icd_dispatch, clGetMemObjectInfo),
    ),
    (
        "clGetImageInfo",
        offset_of!(cl_icd_dispatch, clGetImageInfo),
    ),
    (
        "clCreateSampler",
        offset_of!(cl_icd_dispatch, clCreateSampler),
    ),
    (
        "clRetainSampler",
        offset_of!(cl_icd_dispatch, clRetainSampler),
    ),
    (
        "clReleaseSampler",
        offset_of!(cl_icd_dispatch, clReleaseSampler),
    ),
    (
        "clGetSamplerInfo",
        offset_of!(cl_icd_dispatch, clGetSamplerInfo),
    ),
    (
        "clCreateProgramWithSource",
        offset_of!(cl_icd_dispatch, clCreateProgramWithSource),
    ),
    (
        "clCreateProgramWithBinary",
        offset_of!(cl_icd_dispatch, clCreateProgramWithBinary),
    ),
    (
        "clRetainProgram",
        offset_of!(cl_icd_dispatch, clRetainProgram),
    ),
    (
        "clReleaseProgram",
        offset_of!(cl_icd_dispatch, clReleaseProgram),
    ),
    (
        "clBuildProgram",
        offset_of!(cl_icd_dispatch, clBuildProgram),
    ),
    (
        "clGetProgramInfo",
        offset_of!(cl_icd_dispatch, clGetProgramInfo),
    ),
    (
        "clGetProgramBuildInfo",
        offset_of!(cl_icd_dispatch, clGetProgramBuildInfo),
    ),
    (
        "clCreateKernel",
        offset_of!(cl_icd_dispatch, clCreateKernel),
    ),
    (
        "clCreateKernelsInProgram",
        offset_of!(cl_icd_dispatch, clCreateKernelsInProgram),
    ),
    (
        "clRetainKernel",
        offset_of!(cl_icd_dispatch, clRetainKernel),
    ),
    (
        "clReleaseKernel",
        offset_of!(cl_icd_dispatch, clReleaseKernel),
    ),
    (
        "clSetKernelArg",
        offset_of!(cl_icd_dispatch, clSetKernelArg),
    ),
    (
        "clGetKernelInfo",
        offset_of!(cl_icd_dispatch, clGetKernelInfo),
    ),
    (
        "clGetKernelWorkGroupInfo",
        offset_of!(cl_icd_dispatch, clGetKernelWorkGroupInfo),
    ),
    (
        "clWaitForEvents",
        offset_of!(cl_icd_dispatch, clWaitForEvents),
    ),
    (
        "clGetEventInfo",
        offset_of!(cl_icd_dispatch, clGetEventInfo),
    ),
    ("clRetainEvent", offset_of!(cl_icd_dispatch, clRetainEvent)),
    (
        "clReleaseEvent",
        offset_of!(cl_icd_dispatch, clReleaseEvent),
    ),
    (
        "clGetEventProfilingInfo",
        offset_of!(cl_icd_dispatch, clGetEventProfilingInfo),
    ),
    ("clFlush", offset_of!(cl_icd_dispatch, clFlush)),
    ("clFinish", offset_of!(cl_icd_dispatch, clFinish)),
    (
        "clEnqueueReadBuffer",
        offset_of!(cl_icd_dispatch, clEnqueueReadBuffer),
    ),
    (
        "clEnqueueWriteBuffer",
        offset_of!(cl_icd_dispatch, clEnqueueWriteBuffer),
    ),
    (
        "clEnqueueCopyBuffer",
        offset_of!(cl_icd_dispatch, clEnqueueCopyBuffer),
    ),
    (
        "clEnqueueReadImage",
        offset_of!(cl_icd_dispatch, clEnqueueReadImage),
    ),
    (
        "clEnqueueWriteImage",
        offset_of!(cl_icd_dispatch, clEnqueueWriteImage),
    ),
    (
        "clEnqueueCopyImage",
        offset_of!(cl_icd_dispatch, clEnqueueCopyImage),
    ),
    (
        "clEnqueueCopyImageToBuffer",
        offset_of!(cl_icd_dispatch, clEnqueueCopyImageToBuffer),
    ),
    (
        "clEnqueueCopyBufferToImage",
        offset_of!(cl_icd_dispatch, clEnqueueCopyBufferToImage),
    ),
    (
        "clEnqueueMapBuffer",
        offset_of!(cl_icd_dispatch, clEnqueueMapBuffer),
    ),
    (
        "clEnqueueMapImage",
        offset_of!(cl_icd_dispatch, clEnqueueMapImage),
    ),
    (
        "clEnqueueUnmapMemObject",
        offset_of!(cl_icd_dispatch, clEnqueueUnmapMemObject),
    ),
    (
        "clEnqueueNDRangeKernel",
        offset_of!(cl_icd_dispatch, clEnqueueNDRangeKernel),
    ),
    ("clEnqueueTask", offset_of!(cl_icd_dispatch, clEnqueueTask)),
    (
        "clEnqueueNativeKernel",
        offset_of!(cl_icd_dispatch, clEnqueueNativeKernel),
    ),
    (
        "clEnqueueMarker",
        offset_of!(cl_icd_dispatch, clEnqueueMarker),
    ),
    (
        "clEnqueueWaitForEvents",
        offset_of!(cl_icd_dispatch, clEnqueueWaitForEvents),
    ),
    (
        "clEnqueueBarrier",
        offset_of!(cl_icd_dispatch, clEnqueueBarrier),
    ),
    (
        "clGetExtensionFunctionAddress",
        offset_of!(cl_icd_dispatch, clGetExtensionFunctionAddress),
    ),
    (
        "clCreateFromGLBuffer",
        offset_of!(cl_icd_dispatch, clCreateFromGLBuffer),
    ),
    (
        "clCreateFromGLTexture2D",
        offset_of!(cl_icd_dispatch, clCreateFromGLTexture2D),
    ),
    (
        "clCreateFromGLTexture3D",
        offset_of!(cl_icd_dispatch, clCreateFromGLTexture3D),
    ),
    (
        "clCreateFromGLRenderbuffer",
        offset_of!(cl_icd_dispatch, clCreateFromGLRenderbuffer),
    ),
    (
        "clGetGLObjectInfo",
        offset_of!(cl_icd_dispatch, clGetGLObjectInfo),
    ),
    (
        "clGetGLTextureInfo",
        offset_of!(cl_icd_dispatch, clGetGLTextureInfo),
    ),
    (
        "clEnqueueAcquireGLObjects",
        offset_of!(cl_icd_dispatch, clEnqueueAcquireGLObjects),
    ),
    (
        "clEnqueueReleaseGLObjects",
        offset_of!(cl_icd_dispatch, clEnqueueReleaseGLObjects),
    ),
    (
        "clGetGLContextInfoKHR",
        offset_of!(cl_icd_dispatch, clGetGLContextInfoKHR),
    ),
    (
        "clGetDeviceIDsFromD3D10KHR",
        offset_of!(cl_icd_dispatch, clGetDeviceIDsFromD3D10KHR),
    ),
    (
        "clCreateFromD3D10BufferKHR",
        offset_of!(cl_icd_dispatch, clCreateFromD3D10BufferKHR),
    ),
    (
        "clCreateFromD3D10Texture2DKHR",
        offset_of!(cl_icd_dispatch, clCreateFromD3D10Texture2DKHR),
    ),
    (
        "clCreateFromD3D10Texture3DKHR",
        offset_of!(cl_icd_dispatch, clCreateFromD3D10Texture3DKHR),
    ),
    (
        "clEnqueueAcquireD3D10ObjectsKHR",
        offset_of!(cl_icd_dispatch, clEnqueueAcquireD3D10ObjectsKHR),
    ),
    (
        "clEnqueueReleaseD3D10ObjectsKHR",
        offset_of!(cl_icd_dispatch, clEnqueueReleaseD3D10ObjectsKHR),
    ),
    (
        "clSetEventCallback",
        offset_of!(cl_icd_dispatch, clSetEventCallback),
    ),
    (
        "clCreateSubBuffer",
        offset_of!(cl_icd_dispatch, clCreateSubBuffer),
    ),
    (
        "clSetMemObjectDestructorCallback",
        offset_of!(cl_icd_dispatch, clSetMemObjectDestructorCallback),
    ),
    (
        "clCreateUserEvent",
        offset_of!(cl_icd_dispatch, clCreateUserEvent),
    ),
    (
        "clSetUserEventStatus",
        offset_of!(cl_icd_dispatch, clSetUserEventStatus),
    ),
    (
        "clEnqueueReadBufferRect",
        offset_of!(cl_icd_dispatch, clEnqueueReadBufferRect),
    ),
    (
        "clEnqueueWriteBufferRect",
        offset_of!(cl_icd_dispatch, clEnqueueWriteBufferRect),
    ),
    (
        "clEnqueueCopyBufferRect",
        offset_of!(cl_icd_dispatch, clEnqueueCopyBufferRect),
    ),
    (
        "clCreateSubDevicesEXT",
        offset_of!(cl_icd_dispatch, clCreateSubDevicesEXT),
    ),
    (
        "clRetainDeviceEXT",
        offset_of!(cl_icd_dispatch, clRetainDeviceEXT),
    ),
    (
        "clReleaseDeviceEXT",
        offset_of!(cl_icd_dispatch, clReleaseDeviceEXT),
    ),
    (
        "clCreateEventFromGLsyncKHR",
        offset_of!(cl_icd_dispatch, clCreateEventFromGLsyncKHR),
    ),
    (
        "clCreateSubDevices",
        offset_of!(cl_icd_dispatch, clCreateSubDevices),
    ),
    (
        "clRetainDevice",
        offset_of!(cl_icd_dispatch, clRetainDevice),
    ),
    (
        "clReleaseDevice",
        offset_of!(cl_icd_dispatch, clReleaseDevice),
    ),
    ("clCreateImage", offset_of!(cl_icd_dispatch, clCreateImage)),
    (
        "clCreateProgramWithBuiltInKernels",
        offset_of!(cl_icd_dispatch, clCreateProgramWithBuiltInKernels),
    ),
    (
        "clCompileProgram",
        offset_of!(cl_icd_dispatch, clCompileProgram),
    ),
    ("clLinkProgram", offset_of!(cl_icd_dispatch, clLinkProgram)),
    (
        "clUnloadPlatformCompiler",
        offset_of!(cl_icd_dispatch, clUnloadPlatformCompiler),
    ),
    (
        "clGetKernelArgInfo",
        offset_of!(cl_icd_dispatch, clGetKernelArgInfo),
    ),
    (
        "clEnqueueFillBuffer",
        offset_of!(cl_icd_dispatch, clEnqueueFillBuffer),
    ),
    (
        "clEnqueueFillImage",
        offset_of!(cl_icd_dispatch, clEnqueueFillImage),
    ),
    (
        "clEnqueueMigrateMemObjects",
        offset_of!(cl_icd_dispatch, clEnqueueMigrateMemObjects),
    ),
    (
        "clEnqueueMarkerWithWaitList",
        offset_of!(cl_icd_dispatch, clEnqueueMarkerWithWaitList),
    ),
    (
        "clEnqueueBarrierWithWaitList",
        offset_of!(cl_icd_dispatch, clEnqueueBarrierWithWaitList),
    ),
    (
        "clGetExtensionFunctionAddressForPlatform",
        offset_of!(cl_icd_dispatch, clGetExtensionFunctionAddressForPlatform),
    ),
    (
        "clCreateFromGLTexture",
        offset_of!(cl_icd_dispatch, clCreateFromGLTexture),
    ),
    (
        "clGetDeviceIDsFromD3D11KHR",
        offset_of!(cl_icd_dispatch, clGetDeviceIDsFromD3D11KHR),
    ),
    (
        "clCreateFromD3D11BufferKHR",
        offset_of!(cl_icd_dispatch, clCreateFromD3D11BufferKHR),
    ),
    (
        "clCreateFromD3D11Texture2DKHR",
        offset_of!(cl_icd_dispatch, clCreateFromD3D11Texture2DKHR),
    ),
    (
        "clCreateFromD3D11Texture3DKHR",
        offset_of!(cl_icd_dispatch, clCreateFromD3D11Texture3DKHR),
    ),
    (
        "clCreateFromDX9MediaSurfaceKHR",
        offset_of!(cl_icd_dispatch, clCreateFromDX9MediaSurfaceKHR),
    ),
    (
        "clEnqueueAcquireD3D11ObjectsKHR",
        offset_of!(cl_icd_dispatch, clEnqueueAcquireD3D11ObjectsKHR),
    ),
    (
        "clEnqueueReleaseD3D11ObjectsKHR",
        offset_of!(cl_icd_dispatch, clEnqueueReleaseD3D11ObjectsKHR),
    ),
    (
        "clGetDeviceIDsFromDX9MediaAdapterKHR",
        offset_of!(cl_icd_dispatch, clGetDeviceIDsFromDX9MediaAdapterKHR),
    ),
    (
        "clEnqueueAcquireDX9MediaSurfacesKHR",
        offset_of!(cl_icd_dispatch, clEnqueueAcquireDX9MediaSurfacesKHR),
    ),
    (
        "clEnqueueReleaseDX9MediaSurfacesKHR",
        offset_of!(cl_icd_dispatch, clEnqueueReleaseDX9MediaSurfacesKHR),
    ),
    (
        "clCreateFromEGLImageKHR",
        offset_of!(cl_icd_dispatch, clCreateFromEGLImageKHR),
    ),
    (
        "clEnqueueAcquireEGLObjectsKHR",
        offset_of!(cl_icd_dispatch, clEnqueueAcquireEGLObjectsKHR),
    ),
    (
        "clEnqueueReleaseEGLObjectsKHR",
        offset_of!(cl_icd_dispatch, clEnqueueReleaseEGLObjectsKHR),
    ),
    (
        "clCreateEventFromEGLSyncKHR",
        offset_of!(cl_icd_dispatch, clCreateEventFromEGLSyncKHR),
    ),
    (
        "clCreateCommandQueueWithProperties",
        offset_of!(cl_icd_dispatch, clCreateCommandQueueWithProperties),
    ),
    ("clCreatePipe", offset_of!(cl_icd_dispatch, clCreatePipe)),
    ("clGetPipeInfo", offset_of!(cl_icd_dispatch, clGetPipeInfo)),
    ("clSVMAlloc", offset_of!(cl_icd_dispatch, clSVMAlloc)),
    ("clSVMFree", offset_of!(cl_icd_dispatch, clSVMFree)),
    (
        "clEnqueueSVMFree",
        offset_of!(cl_icd_dispatch, clEnqueueSVMFree),
    ),
    (
        "clEnqueueSVMMemcpy",
        offset_of!(cl_icd_dispatch, clEnqueueSVMMemcpy),
    ),
    (
        "clEnqueueSVMMemFill",
        offset_of!(cl_icd_dispatch, clEnqueueSVMMemFill),
    ),
    (
        "clEnqueueSVMMap",
        offset_of!(cl_icd_dispatch, clEnqueueSVMMap),
    ),
    (
        "clEnqueueSVMUnmap",
        offset_of!(cl_icd_dispatch, clEnqueueSVMUnmap),
    ),
    (
        "clCreateSamplerWithProperties",
        offset_of!(cl_icd_dispatch, clCreateSamplerWithProperties),
    ),
    (
        "clSetKernelArgSVMPointer",
        offset_of!(cl_icd_dispatch, clSetKernelArgSVMPointer),
    ),
    (
        "clSetKernelExecInfo",
        offset_of!(cl_icd_dispatch, clSetKernelExecInfo),
    ),
    (
        "clGetKernelSubGroupInfoKHR",
        offset_of!(cl_icd_dispatch, clGetKernelSubGroupInfoKHR),
    ),
    ("clCloneKernel", offset_of!(cl_icd_dispatch, clCloneKernel)),
    (
        "clCreateProgramWithIL",
        offset_of!(cl_icd_dispatch, clCreateProgramWithIL),
    ),
    (
        "clEnqueueSVMMigrateMem",
        offset_of!(cl_icd_dispatch, clEnqueueSVMMigrateMem),
    ),
    (
        "clGetDeviceAndHostTimer",
        offset_of!(cl_icd_dispatch, clGetDeviceAndHostTimer),
    ),
    (
        "clGetHostTimer",
        offset_of!(cl_icd_dispatch, clGetHostTimer),
    ),
    (
        "clGetKernelSubGroupInfo",
        offset_of!(cl_icd_dispatch, clGetKernelSubGroupInfo),
    ),
    (
        "clSetDefaultDeviceCommandQueue",
        offset_of!(cl_icd_dispatch, clSetDefaultDeviceCommandQueue),
    ),
    (
        "clSetProgramReleaseCallback",
        offset_of!(cl_icd_dispatch, clSetProgramReleaseCallback),
    ),
    (
        "clSetProgramSpecializationConstant",
        offset_of!(cl_icd_dispatch, clSetProgramSpecializationConstant),
    ),
    (
        "clCreateBufferWithProperties",
        offset_of!(cl_icd_dispatch, clCreateBufferWithProperties),
    ),
    (
        "clCreateImageWithProperties",
        offset_of!(cl_icd_dispatch, clCreateImageWithProperties),
    ),
    (
        "clSetContextDestructorCallback",
        offset_of!(cl_icd_dispatch, clSetContextDestructorCallback),
    ),
    (
        "clGetKernelSuggestedLocalWorkSize",
        offset_of!(cl_icd_dispatch, clGetKernelSuggestedLocalWorkSize),
    ),
];

/// Endings of the names of functions that belong to extensions.
const EXTENSION_ENDINGS: [&str; 2] = ["KHR", "EXT"];

/// Any function of the API, null when there is none of this name.
pub(crate) fn function(name: &str) -> *mut c_void {
    match name {
        "clGetPlatformIDs" => clGetPlatformIDs as *mut c_void,
        "clUnloadCompiler" => clUnloadCompiler as *mut c_void,
        _ => in_table(name).unwrap_or_else(|| extension_function(name)),
    }
}

/// A function of an extension that this driver supports, or of the standard itself; null when
/// there is none of this name, or when it belongs to an extension that is not supported.
pub(crate) fn extension_function(name: &str) -> *mut c_void {
    match name {
        "clIcdGetPlatformIDsKHR" => clIcdGetPlatformIDsKHR as *mut c_void,
        "clIcdGetFunctionAddressForPlatformKHR" => {
            clIcdGetFunctionAddressForPlatformKHR as *mut c_void
        }
        "clIcdSetPlatformDispatchDataKHR" => clIcdSetPlatformDispatchDataKHR as *mut c_void,
        "clGetExtensionFunctionAddress" => clGetExtensionFunctionAddress as *mut c_void,
        "clGetKernelSuggestedLocalWorkSizeKHR" => {
            in_table("clGetKernelSuggestedLocalWorkSize").unwrap_or(std::ptr::null_mut())
        }
        _ if is_shared(name) || EXTENSION_ENDINGS.iter().any(|end| name.ends_with(end)) => {
            std::ptr::null_mut()
        }
        _ => in_table(name).unwrap_or(std::ptr::null_mut()),
    }
}

/// Whether the function shares objects with OpenGL; these have no ending.
fn is_shared(name: &str) -> bool {
    name.contains("GL")
}

fn in_table(name: &str) -> Option<*mut c_void> {
    let (_, offset) = SLOTS.iter().find(|(known, _)| *known == name)?;
    // SAFETY: the offset is that of a field of the table, and all these fields are function
    // pointers.
    Some(unsafe {
        std::ptr::from_ref(&DISPATCH)
            .byte_add(*offset)
            .cast::<*mut c_void>()
            .read()
    })
}
