//! `cl_khr_unified_svm` on top of the implementation behind this one, if the rule is one of that
//! extension: its types, and where its functions are.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use isocl_conformance::client::{read, write};
use opencl_sys::*;

use super::{queue, real, rule, unified_alloc, unified_info};

/// Whether the extension is there.
pub fn offered() -> bool {
    rule().starts_with("unified-")
}

/// The type of memory of a device, which sub-devices do not support.
pub const OWNED_BY_A_DEVICE: usize = 2;

/// The type of memory of the host.
const OWNED_BY_THE_HOST: usize = 3;

const TYPES: [cl_svm_capabilities_khr; 6] = [
    CL_SVM_TYPE_MACRO_COARSE_GRAIN_BUFFER_KHR,
    CL_SVM_TYPE_MACRO_FINE_GRAIN_BUFFER_KHR | CL_SVM_CAPABILITY_CONCURRENT_ATOMIC_ACCESS_KHR,
    CL_SVM_TYPE_MACRO_DEVICE_KHR,
    CL_SVM_TYPE_MACRO_HOST_KHR | CL_SVM_CAPABILITY_DEVICE_ATOMIC_ACCESS_KHR,
    CL_SVM_TYPE_MACRO_SINGLE_DEVICE_SHARED_KHR | CL_SVM_CAPABILITY_CONCURRENT_ACCESS_KHR,
    CL_SVM_TYPE_MACRO_SYSTEM_KHR,
];

/// The types of the platform.
pub fn of_the_platform() -> Vec<cl_svm_capabilities_khr> {
    let mut types = TYPES.to_vec();
    match rule() {
        "unified-supported-by-none" => types.push(CL_SVM_TYPE_MACRO_DEVICE_KHR),
        "unified-device-owned" => {
            types[OWNED_BY_A_DEVICE] |= CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR;
        }
        "unified-host-owned" => {
            types[OWNED_BY_THE_HOST] &= !CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR;
        }
        "unified-host-owned-hidden" => {
            types[OWNED_BY_THE_HOST] &=
                !(CL_SVM_CAPABILITY_HOST_READ_KHR | CL_SVM_CAPABILITY_HOST_WRITE_KHR);
        }
        _ => {}
    }
    types
}

/// The types of a device.
pub fn of(device: cl_device_id) -> Vec<cl_svm_capabilities_khr> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let mut types = of_the_platform();
    if queue::is_sub_device(device) {
        types[OWNED_BY_A_DEVICE] = 0;
    }
    // What the device has more than the platform promises of it.
    types[0] |= CL_SVM_CAPABILITY_INDIRECT_ACCESS_KHR;
    match rule() {
        "unified-length" => types.push(0),
        "unified-superset" => types[0] &= !CL_SVM_CAPABILITY_DEVICE_ATOMIC_ACCESS_KHR,
        "unified-supported-by-none" => types[TYPES.len()] = 0,
        "unified-types-change" => {
            types[0] &=
                !(CL_SVM_CAPABILITY_INDIRECT_ACCESS_KHR * (CALLS.fetch_add(1, SeqCst) / 2 % 2));
        }
        _ => {}
    }
    types
}

/// Answers a query.
pub fn answer(bytes: &[u8], size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int {
    let room = rule() == "unified-room" || rule() == "unified-info-room";
    if !value.is_null() && size < bytes.len() && !room {
        return CL_INVALID_VALUE;
    }
    if !value.is_null() {
        let bytes = bytes.iter().take(size).enumerate();
        bytes.for_each(|(index, byte)| write(value, index, *byte));
    }
    if !size_ret.is_null() {
        write(size_ret.cast(), 0, bytes.len());
    }
    CL_SUCCESS
}

/// The bytes of numbers.
pub fn bytes(numbers: &[u64]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_ne_bytes())
        .collect()
}

pub fn platform_info(
    platform: cl_platform_id,
    name: cl_uint,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    if offered() && name == CL_PLATFORM_SVM_TYPE_CAPABILITIES_KHR {
        return answer(&bytes(&of_the_platform()), size, value, size_ret);
    }
    real().clGetPlatformInfo(platform, name, size, value, size_ret)
}

/// What a device answers that has the extension, if it is about that.
pub fn device_info(
    device: cl_device_id,
    name: cl_uint,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> Option<cl_int> {
    if !offered() {
        return None;
    }
    match name {
        CL_DEVICE_SVM_TYPE_CAPABILITIES_KHR => {
            Some(answer(&bytes(&of(device)), size, value, size_ret))
        }
        CL_DEVICE_EXTENSIONS => {
            let mut text = isocl_conformance::session::string(|size, value, size_ret| {
                real().clGetDeviceInfo(device, name, size, value, size_ret)
            })
            .ok()?;
            text.push_str(" cl_khr_unified_svm\0");
            Some(answer(text.as_bytes(), size, value, size_ret))
        }
        _ => None,
    }
}

pub fn function(platform: cl_platform_id, name: *const c_char) -> *mut c_void {
    let bytes = (0..).map(|index| read::<u8>(name.cast(), index));
    let text: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
    match text.as_slice() {
        _ if !offered() => {}
        b"clSVMAllocWithPropertiesKHR" => return unified_alloc::allocate as *mut c_void,
        b"clSVMFreeWithPropertiesKHR" => return unified_alloc::free as *mut c_void,
        b"clGetSVMPointerInfoKHR" => return unified_info::pointer_info as *mut c_void,
        b"clGetSVMSuggestedTypeIndexKHR" if rule() != "unified-function-missing" => {
            return unified_info::suggested_type_index as *mut c_void;
        }
        _ => {}
    }
    real().clGetExtensionFunctionAddressForPlatform(platform, name)
}

/// The device that another is a part of, or that itself.
pub fn parent(device: cl_device_id) -> cl_device_id {
    let mut parent: cl_device_id = std::ptr::null_mut();
    let (size, place) = (size_of::<cl_device_id>(), (&raw mut parent).cast());
    let none = std::ptr::null_mut();
    real().clGetDeviceInfo(device, CL_DEVICE_PARENT_DEVICE, size, place, none);
    if parent.is_null() {
        device
    } else {
        parent
    }
}

/// Whether this is a device, of whatever context.
pub fn of_any(device: cl_device_id) -> bool {
    let mut kind: cl_device_type = 0;
    let (size, place) = (size_of_val(&kind), (&raw mut kind).cast());
    let none = std::ptr::null_mut();
    real().clGetDeviceInfo(device, CL_DEVICE_TYPE, size, place, none) == CL_SUCCESS
}
