//! The platform and the entry points of loaders (§4.1, `cl_khr_icd`).
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void};

use isocl_runtime::platform::Platform;
use isocl_runtime::{Error, ErrorCode, Result};

use crate::abi::{
    cl_int, cl_platform_id, cl_platform_info, cl_uint, CL_PLATFORM_EXTENSIONS,
    CL_PLATFORM_EXTENSIONS_WITH_VERSION, CL_PLATFORM_HOST_TIMER_RESOLUTION,
    CL_PLATFORM_ICD_SUFFIX_KHR, CL_PLATFORM_NAME, CL_PLATFORM_NUMERIC_VERSION, CL_PLATFORM_PROFILE,
    CL_PLATFORM_VENDOR, CL_PLATFORM_VERSION,
};
use crate::boundary::{bare, entry};
use crate::decode::{self, invalid_value, Out, OutList};
use crate::handle::PLATFORM;
use crate::info::{unknown_name, Answered, InfoWriter};
use crate::names;
use crate::version::{version, version_text};

/// The platform of a handle. Null means the only platform, as the standard allows.
///
/// # Errors
/// `InvalidPlatform` for any other handle.
pub(crate) fn platform_of(handle: cl_platform_id) -> Result<&'static Platform> {
    if handle.is_null() || handle == PLATFORM.handle() {
        return Ok(Platform::get());
    }
    Err(Error::new(
        ErrorCode::InvalidPlatform,
        "the handle is not that of a platform",
    ))
}

fn platform_ids(
    name: &'static str,
    platforms: OutList<'_, cl_platform_id>,
    num_platforms: Out<'_, cl_uint>,
) -> cl_int {
    entry(name, || {
        // CL_INVALID_VALUE: num_entries is equal to zero and platforms is not NULL, or both
        // num_platforms and platforms are NULL.
        if platforms.is_null() && num_platforms.is_null()
            || !platforms.is_null() && platforms.len() == 0
        {
            return Err(invalid_value("there is no place for a platform"));
        }
        platforms.write([PLATFORM.handle()]);
        num_platforms.write_if_wanted(1);
        Ok(())
    })
}

pub(crate) unsafe extern "C" fn clGetPlatformIDs(
    num_entries: cl_uint,
    platforms: *mut cl_platform_id,
    num_platforms: *mut cl_uint,
) -> cl_int {
    // SAFETY: the application's places for results, as §4.1 describes them.
    let (platforms, num_platforms) = unsafe {
        (
            OutList::new(platforms, num_entries as usize),
            Out::new(num_platforms),
        )
    };
    platform_ids("clGetPlatformIDs", platforms, num_platforms)
}

/// Where loaders find the platform (`cl_khr_icd`).
///
/// # Safety
/// `platforms` is null or has room for `num_entries` handles; `num_platforms` is null or writable.
#[no_mangle]
pub unsafe extern "C" fn clIcdGetPlatformIDsKHR(
    num_entries: cl_uint,
    platforms: *mut cl_platform_id,
    num_platforms: *mut cl_uint,
) -> cl_int {
    // SAFETY: the loader's places for results, as the function's contract says.
    let (platforms, num_platforms) = unsafe {
        (
            OutList::new(platforms, num_entries as usize),
            Out::new(num_platforms),
        )
    };
    platform_ids("clIcdGetPlatformIDsKHR", platforms, num_platforms)
}

/// Tells about the platform (§4.1).
///
/// # Safety
/// `param_value` is null or has room for `param_value_size` bytes; `param_value_size_ret` is null
/// or writable.
#[no_mangle]
pub unsafe extern "C" fn clGetPlatformInfo(
    platform: cl_platform_id,
    param_name: cl_platform_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as the function's contract says.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetPlatformInfo", || {
        answer(platform_of(platform)?, param_name, info).map(|_| ())
    })
}

fn answer(platform: &Platform, name: cl_platform_info, info: InfoWriter<'_>) -> Result<Answered> {
    let (major, minor) = platform.version();
    match name {
        CL_PLATFORM_PROFILE => info.text(platform.profile()),
        CL_PLATFORM_VERSION => info.text(&version_text((major, minor))),
        CL_PLATFORM_NUMERIC_VERSION => info.value(version(major, minor, 0)),
        CL_PLATFORM_NAME => info.text(platform.name()),
        CL_PLATFORM_VENDOR => info.text(platform.vendor()),
        CL_PLATFORM_EXTENSIONS => info.extensions(&platform.extensions()),
        CL_PLATFORM_EXTENSIONS_WITH_VERSION => info.names_with_version(
            platform
                .extensions()
                .iter()
                .map(|extension| (extension.name, extension.version)),
        ),
        CL_PLATFORM_HOST_TIMER_RESOLUTION => info.value(platform.host_timer_resolution()),
        CL_PLATFORM_ICD_SUFFIX_KHR => info.text(platform.suffix()),
        _ => unknown_name(name),
    }
}

/// Finds an extension function by name (§4.1), null when there is none.
///
/// # Safety
/// `func_name` is null or a string that ends with a zero.
#[no_mangle]
pub unsafe extern "C" fn clGetExtensionFunctionAddress(func_name: *const c_char) -> *mut c_void {
    // SAFETY: the function's contract.
    let name = unsafe { decode::text(func_name) };
    bare("clGetExtensionFunctionAddress", || {
        Ok(names::extension_function(
            name.as_deref().unwrap_or_default(),
        ))
    })
}

/// Finds an extension function of a platform by name (§4.1), null when there is none.
///
/// # Safety
/// `func_name` is null or a string that ends with a zero.
#[no_mangle]
pub unsafe extern "C" fn clGetExtensionFunctionAddressForPlatform(
    platform: cl_platform_id,
    func_name: *const c_char,
) -> *mut c_void {
    // SAFETY: the function's contract.
    let name = unsafe { decode::text(func_name) };
    bare("clGetExtensionFunctionAddressForPlatform", || {
        platform_of(platform)?;
        Ok(names::extension_function(
            name.as_deref().unwrap_or_default(),
        ))
    })
}

/// Finds any function of the API by name, for loaders that make their own tables (`cl_khr_icd`).
///
/// # Safety
/// `function_name` is null or a string that ends with a zero.
#[no_mangle]
pub unsafe extern "C" fn clIcdGetFunctionAddressForPlatformKHR(
    platform: cl_platform_id,
    function_name: *const c_char,
) -> *mut c_void {
    // SAFETY: the function's contract.
    let name = unsafe { decode::text(function_name) };
    bare("clIcdGetFunctionAddressForPlatformKHR", || {
        platform_of(platform)?;
        Ok(names::function(name.as_deref().unwrap_or_default()))
    })
}

/// Takes the word that a loader wants in the platform and in every object made from now on
/// (`cl_khr_icd`).
///
/// # Safety
/// `dispatch_data` is the loader's own; it is only stored.
#[no_mangle]
pub unsafe extern "C" fn clIcdSetPlatformDispatchDataKHR(
    platform: cl_platform_id,
    dispatch_data: *mut c_void,
) -> cl_int {
    entry("clIcdSetPlatformDispatchDataKHR", || {
        platform_of(platform)?;
        PLATFORM.set_dispatch_data(dispatch_data);
        super::device::set_dispatch_data(dispatch_data);
        Ok(())
    })
}

pub(crate) unsafe extern "C" fn clUnloadPlatformCompiler(platform: cl_platform_id) -> cl_int {
    // A hint: the compiler stays, other contexts may build at any time.
    entry("clUnloadPlatformCompiler", || {
        platform_of(platform).map(|_| ())
    })
}

pub(crate) unsafe extern "C" fn clUnloadCompiler() -> cl_int {
    entry("clUnloadCompiler", || Ok(()))
}
