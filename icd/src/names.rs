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

/// The names of fields of the dispatch table, and where the fields are.
macro_rules! slots {
    ($($name:ident),* $(,)?) => {
        [$((stringify!($name), offset_of!(cl_icd_dispatch, $name))),*]
    };
}

/// Names of functions in the dispatch table, and where they are in it, in its order.
const SLOTS: [(&str, usize); 148] = slots![
    clGetPlatformInfo,
    clGetDeviceIDs,
    clGetDeviceInfo,
    clCreateContext,
    clCreateContextFromType,
    clRetainContext,
    clReleaseContext,
    clGetContextInfo,
    clCreateCommandQueue,
    clRetainCommandQueue,
    clReleaseCommandQueue,
    clGetCommandQueueInfo,
    clSetCommandQueueProperty,
    clCreateBuffer,
    clCreateImage2D,
    clCreateImage3D,
    clRetainMemObject,
    clReleaseMemObject,
    clGetSupportedImageFormats,
    clGetMemObjectInfo,
    clGetImageInfo,
    clCreateSampler,
    clRetainSampler,
    clReleaseSampler,
    clGetSamplerInfo,
    clCreateProgramWithSource,
    clCreateProgramWithBinary,
    clRetainProgram,
    clReleaseProgram,
    clBuildProgram,
    clGetProgramInfo,
    clGetProgramBuildInfo,
    clCreateKernel,
    clCreateKernelsInProgram,
    clRetainKernel,
    clReleaseKernel,
    clSetKernelArg,
    clGetKernelInfo,
    clGetKernelWorkGroupInfo,
    clWaitForEvents,
    clGetEventInfo,
    clRetainEvent,
    clReleaseEvent,
    clGetEventProfilingInfo,
    clFlush,
    clFinish,
    clEnqueueReadBuffer,
    clEnqueueWriteBuffer,
    clEnqueueCopyBuffer,
    clEnqueueReadImage,
    clEnqueueWriteImage,
    clEnqueueCopyImage,
    clEnqueueCopyImageToBuffer,
    clEnqueueCopyBufferToImage,
    clEnqueueMapBuffer,
    clEnqueueMapImage,
    clEnqueueUnmapMemObject,
    clEnqueueNDRangeKernel,
    clEnqueueTask,
    clEnqueueNativeKernel,
    clEnqueueMarker,
    clEnqueueWaitForEvents,
    clEnqueueBarrier,
    clGetExtensionFunctionAddress,
    clCreateFromGLBuffer,
    clCreateFromGLTexture2D,
    clCreateFromGLTexture3D,
    clCreateFromGLRenderbuffer,
    clGetGLObjectInfo,
    clGetGLTextureInfo,
    clEnqueueAcquireGLObjects,
    clEnqueueReleaseGLObjects,
    clGetGLContextInfoKHR,
    clGetDeviceIDsFromD3D10KHR,
    clCreateFromD3D10BufferKHR,
    clCreateFromD3D10Texture2DKHR,
    clCreateFromD3D10Texture3DKHR,
    clEnqueueAcquireD3D10ObjectsKHR,
    clEnqueueReleaseD3D10ObjectsKHR,
    clSetEventCallback,
    clCreateSubBuffer,
    clSetMemObjectDestructorCallback,
    clCreateUserEvent,
    clSetUserEventStatus,
    clEnqueueReadBufferRect,
    clEnqueueWriteBufferRect,
    clEnqueueCopyBufferRect,
    clCreateSubDevicesEXT,
    clRetainDeviceEXT,
    clReleaseDeviceEXT,
    clCreateEventFromGLsyncKHR,
    clCreateSubDevices,
    clRetainDevice,
    clReleaseDevice,
    clCreateImage,
    clCreateProgramWithBuiltInKernels,
    clCompileProgram,
    clLinkProgram,
    clUnloadPlatformCompiler,
    clGetKernelArgInfo,
    clEnqueueFillBuffer,
    clEnqueueFillImage,
    clEnqueueMigrateMemObjects,
    clEnqueueMarkerWithWaitList,
    clEnqueueBarrierWithWaitList,
    clGetExtensionFunctionAddressForPlatform,
    clCreateFromGLTexture,
    clGetDeviceIDsFromD3D11KHR,
    clCreateFromD3D11BufferKHR,
    clCreateFromD3D11Texture2DKHR,
    clCreateFromD3D11Texture3DKHR,
    clCreateFromDX9MediaSurfaceKHR,
    clEnqueueAcquireD3D11ObjectsKHR,
    clEnqueueReleaseD3D11ObjectsKHR,
    clGetDeviceIDsFromDX9MediaAdapterKHR,
    clEnqueueAcquireDX9MediaSurfacesKHR,
    clEnqueueReleaseDX9MediaSurfacesKHR,
    clCreateFromEGLImageKHR,
    clEnqueueAcquireEGLObjectsKHR,
    clEnqueueReleaseEGLObjectsKHR,
    clCreateEventFromEGLSyncKHR,
    clCreateCommandQueueWithProperties,
    clCreatePipe,
    clGetPipeInfo,
    clSVMAlloc,
    clSVMFree,
    clEnqueueSVMFree,
    clEnqueueSVMMemcpy,
    clEnqueueSVMMemFill,
    clEnqueueSVMMap,
    clEnqueueSVMUnmap,
    clCreateSamplerWithProperties,
    clSetKernelArgSVMPointer,
    clSetKernelExecInfo,
    clGetKernelSubGroupInfoKHR,
    clCloneKernel,
    clCreateProgramWithIL,
    clEnqueueSVMMigrateMem,
    clGetDeviceAndHostTimer,
    clGetHostTimer,
    clGetKernelSubGroupInfo,
    clSetDefaultDeviceCommandQueue,
    clSetProgramReleaseCallback,
    clSetProgramSpecializationConstant,
    clCreateBufferWithProperties,
    clCreateImageWithProperties,
    clSetContextDestructorCallback,
    clGetKernelSuggestedLocalWorkSize,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_the_functions_of_the_table() {
        let alloc = DISPATCH.clSVMAlloc.unwrap() as *mut c_void;
        assert_eq!(function("clSVMAlloc"), alloc);
        assert_eq!(extension_function("clSVMAlloc"), alloc);
        let first = clGetPlatformIDs as *mut c_void;
        assert_eq!(function("clGetPlatformIDs"), first);
        for (name, _) in SLOTS {
            assert!(!function(name).is_null(), "{name}");
        }
    }

    #[test]
    fn extensions_are_found_only_when_supported() {
        let suggested = function("clGetKernelSuggestedLocalWorkSize");
        assert_eq!(
            extension_function("clGetKernelSuggestedLocalWorkSizeKHR"),
            suggested
        );
        assert!(!extension_function("clIcdGetPlatformIDsKHR").is_null());
        for name in [
            "",
            "clSVMAllo",
            "clNoSuchFunction",
            "clCreateFromGLBuffer",
            "clGetGLContextInfoKHR",
            "clCreateSubDevicesEXT",
            "clGetDeviceIDsFromD3D11KHR",
        ] {
            assert!(extension_function(name).is_null(), "{name}");
        }
    }
}
