//! `clGetSVMPointerInfoKHR` and `clGetSVMSuggestedTypeIndexKHR`, and their broken rules.

use std::ffi::c_void;

use isocl_conformance::client::{read, write};
use opencl_sys::*;

use super::unified_alloc::{devices, find, no_context, Allocation, Properties};
use super::unified_types::{answer, bytes};
use super::{rule, unified_types};

pub extern "C" fn pointer_info(
    context: cl_context,
    device: cl_device_id,
    pointer: *const c_void,
    name: cl_svm_pointer_info_khr,
    size: usize,
    value: *mut c_void,
    size_ret: *mut usize,
) -> cl_int {
    let members = devices(context);
    if members.is_empty() {
        return no_context(context, "info");
    }
    if !device.is_null() && !members.contains(&device) {
        let part = unified_types::of_any(device);
        return match rule() {
            "unified-info-device-of-wrong-type" if !part => CL_INVALID_VALUE,
            "unified-info-device-not-of-the-context" if part => CL_INVALID_VALUE,
            _ => CL_INVALID_DEVICE,
        };
    }
    let found = find(context, pointer as usize);
    let found = found
        .filter(|one| rule() != "unified-info-at-the-base-only" || one.address == pointer as usize);
    let one = found.as_ref();
    let told = match name {
        CL_SVM_INFO_TYPE_INDEX_KHR => {
            let none = if rule() == "unified-info-default" {
                0
            } else {
                cl_uint::MAX
            };
            let index = one.map_or(none, |one| one.index as cl_uint);
            let index = if rule() == "unified-info-type" {
                0
            } else {
                index
            };
            index.to_ne_bytes().to_vec()
        }
        CL_SVM_INFO_CAPABILITIES_KHR => {
            bytes(&[one.map_or(0, |one| capabilities(one, device, &members))])
        }
        CL_SVM_INFO_PROPERTIES_KHR => bytes(&one.map_or_else(Vec::new, list)),
        CL_SVM_INFO_ACCESS_FLAGS_KHR => {
            let flags = one.map_or(0, |one| one.properties.flags);
            bytes(&[if rule() == "unified-info-flags" {
                flags & 1
            } else {
                flags
            }])
        }
        CL_SVM_INFO_BASE_PTR_KHR => {
            let base = one.map_or(0, |one| one.address as u64);
            let wrong = rule() == "unified-info-base" && base != 0;
            bytes(&[if wrong { pointer as u64 } else { base }])
        }
        CL_SVM_INFO_SIZE_KHR => {
            let size = one.map_or(0, |one| one.size as u64);
            let rounded = rule() == "unified-info-size";
            bytes(&[if rounded {
                size.next_multiple_of(64)
            } else {
                size
            }])
        }
        CL_SVM_INFO_ASSOCIATED_DEVICE_HANDLE_KHR => {
            let device = one.map_or(0, |one| one.properties.device as u64);
            bytes(&[if rule() == "unified-info-device" {
                0
            } else {
                device
            }])
        }
        _ if rule() == "unified-info-name" => Vec::new(),
        _ => return CL_INVALID_VALUE,
    };
    let code = answer(&told, size, value, size_ret);
    if rule() == "unified-info-sizes" && name == CL_SVM_INFO_BASE_PTR_KHR && !size_ret.is_null() {
        write(size_ret.cast(), 0, told.len() + 8);
    }
    code
}

fn capabilities(
    one: &Allocation,
    device: cl_device_id,
    members: &[cl_device_id],
) -> cl_svm_capabilities_khr {
    let owner = one.properties.device as cl_device_id;
    let of = |device| unified_types::of(device)[one.index];
    match rule() {
        "unified-info-capabilities" if !device.is_null() => of(device) & !1,
        "unified-info-capabilities-for-all" if device.is_null() => of(members[0]) & !1,
        _ if !device.is_null() => of(device),
        _ if !owner.is_null() => of(owner),
        _ => {
            let entries = members.iter().map(|member| of(*member));
            let supported = entries.filter(|entry| *entry != 0);
            supported.fold(cl_svm_capabilities_khr::MAX, |all, entry| all & entry)
        }
    }
}

fn list(one: &Allocation) -> Vec<cl_properties> {
    let list = one.properties.list.clone();
    match rule() {
        "unified-info-properties-sorted" => {
            let pairs = list.chunks(2).rev().filter(|pair| pair.len() == 2);
            pairs.flatten().copied().chain([0]).collect()
        }
        "unified-info-no-properties" if list.is_empty() => vec![0],
        // Of a list that the check keeps alive.
        "unified-info-list-not-captured" if one.properties.alignment == 16 => (0..list.len())
            .map(|index| read(one.given as *const c_void, index))
            .collect(),
        _ => list,
    }
}

pub extern "C" fn suggested_type_index(
    context: cl_context,
    required: cl_svm_capabilities_khr,
    desired: cl_svm_capabilities_khr,
    properties: *const cl_svm_alloc_properties_khr,
    size: usize,
    suggested: *mut cl_uint,
) -> cl_int {
    let members = devices(context);
    if members.is_empty() {
        return no_context(context, "suggestion");
    }
    let valid = Properties::at(properties);
    let Some(properties) = valid else {
        return CL_INVALID_PROPERTY;
    };
    if suggested.is_null() {
        let quiet = rule() == "unified-suggestion-for-nobody";
        return if quiet { CL_SUCCESS } else { CL_INVALID_VALUE };
    }
    let owner = properties.device as cl_device_id;
    let mut required = required;
    let mut device = if owner.is_null() { members[0] } else { owner };
    match rule() {
        "unified-suggestion-as-desired" => required |= desired,
        "unified-suggestion-of-the-first" => required &= CL_SVM_CAPABILITY_DEVICE_READ_KHR,
        "unified-suggestion-for-all" => device = unified_types::parent(device),
        _ => {}
    }
    let types = unified_types::of(device);
    let fits = |entry: &cl_svm_capabilities_khr| *entry != 0 && entry & required == required;
    let found = types.iter().position(fits);
    let refused = match rule() {
        "unified-suggestion-of-nothing" => required == 0,
        "unified-suggestion-without-device" => !owner.is_null(),
        "unified-suggestion-of-a-size" => size == 0,
        "unified-suggestion-of-one" => required.count_ones() == 1,
        _ => false,
    };
    let index = found
        .filter(|_| !refused)
        .map_or(cl_uint::MAX, |index| index as cl_uint);
    if index == cl_uint::MAX && rule() == "unified-suggestion-none-is-an-error" {
        return CL_INVALID_VALUE;
    }
    write(suggested.cast(), 0, index);
    CL_SUCCESS
}
