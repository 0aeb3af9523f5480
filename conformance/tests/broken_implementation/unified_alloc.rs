//! `clSVMAllocWithPropertiesKHR` and `clSVMFreeWithPropertiesKHR`, and their broken rules.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use isocl_conformance::client::{offset, read, write};
use opencl_sys::*;

use super::{real, rule, svm_alloc, svm_free, unified_types};

/// An allocation, and what it was asked for with.
#[derive(Clone)]
pub struct Allocation {
    pub context: usize,
    pub address: usize,
    pub size: usize,
    pub index: usize,
    pub properties: Properties,
    /// The list that the application gave.
    pub given: usize,
}

/// A list of properties.
#[derive(Clone, Default)]
pub struct Properties {
    pub device: usize,
    pub flags: cl_svm_alloc_access_flags_khr,
    pub alignment: u64,
    /// All of it with the 0 at its end; empty for NULL.
    pub list: Vec<cl_properties>,
}

const KNOWN_FLAGS: cl_svm_alloc_access_flags_khr = CL_SVM_ALLOC_ACCESS_HOST_NOREAD_KHR
    | CL_SVM_ALLOC_ACCESS_HOST_NOWRITE_KHR
    | CL_SVM_ALLOC_ACCESS_DEVICE_NOREAD_KHR
    | CL_SVM_ALLOC_ACCESS_DEVICE_NOWRITE_KHR;

impl Properties {
    /// The properties at an address, if they are valid.
    pub fn at(place: *const cl_properties) -> Option<Self> {
        let mut found = Self::default();
        let mut seen = Vec::new();
        for index in (0..).step_by(2) {
            if place.is_null() {
                break;
            }
            let name: cl_properties = read(place.cast(), index);
            found.list.push(name);
            if name == 0 {
                break;
            }
            let value: cl_properties = read(place.cast(), index + 1);
            found.list.push(value);
            if seen.contains(&name) && rule() != "unified-property-twice" {
                return None;
            }
            seen.push(name);
            match name {
                CL_SVM_ALLOC_ASSOCIATED_DEVICE_HANDLE_KHR => {
                    found.device = value as usize;
                    if !valid_device(found.device as cl_device_id) {
                        return None;
                    }
                }
                CL_SVM_ALLOC_ACCESS_FLAGS_KHR => {
                    found.flags = value;
                    if value & !KNOWN_FLAGS != 0 && rule() != "unified-access-flags-unknown" {
                        return None;
                    }
                }
                CL_SVM_ALLOC_ALIGNMENT_KHR => {
                    found.alignment = value;
                    let power = value == 0 || value.is_power_of_two();
                    if (!power || value > 128) && rule() != "unified-alignment-unchecked" {
                        return None;
                    }
                    found.alignment = if power { value } else { 0 };
                }
                _ if rule() == "unified-property-unknown" => {}
                _ => return None,
            }
        }
        let more = found.list.len();
        let refused = match rule() {
            "unified-empty-list-refused" => more == 1,
            "unified-all-properties-refused" => more == 7,
            "unified-all-flags-refused" => found.flags.count_ones() == 4,
            _ => false,
        };
        (!refused).then_some(found)
    }
}

/// Whether a value may stand for the associated device.
fn valid_device(device: cl_device_id) -> bool {
    let mut kind: cl_device_type = 0;
    let (size, place) = (size_of_val(&kind), (&raw mut kind).cast());
    device.is_null()
        || rule() == "unified-device-unchecked"
        || real().clGetDeviceInfo(device, CL_DEVICE_TYPE, size, place, null_mut()) == CL_SUCCESS
}

/// The devices of a context; none for what is no context.
pub fn devices(context: cl_context) -> Vec<cl_device_id> {
    let mut devices: Vec<cl_device_id> = vec![null_mut(); 64];
    let (size, place) = (size_of_val(&devices[..]), devices.as_mut_ptr().cast());
    let name = CL_CONTEXT_DEVICES;
    let code = if context.is_null() {
        CL_INVALID_CONTEXT
    } else {
        real().clGetContextInfo(context, name, size, place, null_mut())
    };
    if code != CL_SUCCESS {
        return Vec::new();
    }
    devices.retain(|device| !device.is_null());
    devices
}

/// The code for a context that is none.
pub fn no_context(context: cl_context, function: &str) -> cl_int {
    let known = rule().strip_prefix("unified-").unwrap_or_default();
    match known.strip_prefix(function) {
        Some("-context-null") if context.is_null() => CL_INVALID_VALUE,
        Some("-context-of-wrong-type") if !context.is_null() => CL_INVALID_VALUE,
        _ => CL_INVALID_CONTEXT,
    }
}

fn allocations() -> MutexGuard<'static, Vec<Allocation>> {
    static ALLOCATIONS: Mutex<Vec<Allocation>> = Mutex::new(Vec::new());
    ALLOCATIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An allocation is gone.
pub fn forget(pointer: *mut c_void) {
    allocations().retain(|one| one.address != pointer as usize);
}

/// The allocation of a context that an address is in.
pub fn find(context: cl_context, address: usize) -> Option<Allocation> {
    let (context, any) = (context as usize, rule() == "unified-info-of-any-context");
    let within = |begin: usize, size: usize| (begin..begin + size).contains(&address);
    let known = allocations();
    let found = known
        .iter()
        .find(|one| within(one.address, one.size) && (any || one.context == context));
    if found.is_some() {
        return found.cloned();
    }
    let live = svm_alloc::live();
    let (address, size, _) = live
        .iter()
        .find(|live| within(live.0, live.1) && live.2 == context)?;
    (rule() != "unified-info-svm-alloc-unknown").then(|| Allocation {
        context,
        address: *address,
        size: *size,
        index: 0,
        properties: Properties::default(),
        given: 0,
    })
}

/// The type of the memory at an address of whatever context.
pub fn type_at(address: usize) -> Option<usize> {
    let known = allocations();
    let found = known
        .iter()
        .find(|one| (one.address..one.address + one.size).contains(&address));
    found.map(|one| one.index)
}

pub extern "C" fn allocate(
    context: cl_context,
    properties: *const cl_svm_alloc_properties_khr,
    type_index: cl_uint,
    size: usize,
    errcode_ret: *mut cl_int,
) -> *mut c_void {
    let (pointer, code) = match given(context, properties, type_index as usize, size) {
        Ok(pointer) => (pointer, CL_SUCCESS),
        Err(code) => (null_mut(), code),
    };
    if !errcode_ret.is_null() {
        write(errcode_ret.cast(), 0, code);
    } else if rule() == "unified-code-needed" {
        return null_mut();
    }
    pointer
}

fn given(
    context: cl_context,
    place: *const cl_svm_alloc_properties_khr,
    index: usize,
    size: usize,
) -> Result<*mut c_void, cl_int> {
    let members = devices(context);
    if members.is_empty() {
        return Err(no_context(context, "allocation"));
    }
    let properties = Properties::at(place).ok_or(CL_INVALID_PROPERTY)?;
    let types = unified_types::of_the_platform();
    let mut index = index;
    if index >= types.len() {
        if rule() != "unified-any-index" {
            return Err(CL_INVALID_VALUE);
        }
        index = 0;
    }
    let supports = |device| unified_types::of(device)[index] != 0;
    let owner = properties.device as cl_device_id;
    let any = rule() == "unified-type-of-any-context";
    if !any && !members.iter().any(|device| supports(*device)) {
        return Err(CL_INVALID_OPERATION);
    }
    let any = rule() == "unified-type-of-any-device";
    if !any && !owner.is_null() && !supports(owner) {
        return Err(CL_INVALID_OPERATION);
    }
    let unassociated = types[index] & CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR != 0;
    let needed = !unassociated && rule() != "unified-device-not-needed";
    if needed && owner.is_null() {
        return Err(CL_INVALID_PROPERTY);
    }
    match rule() {
        "unified-null-list-refused" if place.is_null() => return Err(CL_INVALID_PROPERTY),
        "unified-device-refused" if unassociated && !owner.is_null() => {
            return Err(CL_INVALID_PROPERTY);
        }
        "unified-device-null-refused" if properties.list.get(1) == Some(&0) => {
            return Err(CL_INVALID_PROPERTY);
        }
        "unified-size-zero" if size == 0 => return Err(CL_INVALID_VALUE),
        "unified-large-refused" if size > 3 << 20 => return Err(CL_OUT_OF_RESOURCES),
        _ => {}
    }
    if size == 0 {
        return Ok(null_mut());
    }
    let pointer = memory(context, index, size, &properties);
    if pointer.is_null() {
        let quiet = match rule() {
            "unified-success-without-memory" => true,
            "unified-success-without-space" => size > isize::MAX as usize,
            _ => false,
        };
        return if quiet {
            Ok(pointer)
        } else {
            Err(CL_OUT_OF_RESOURCES)
        };
    }
    let mut known = allocations();
    known.retain(|one| one.address != pointer as usize);
    known.push(Allocation {
        context: context as usize,
        address: pointer as usize,
        size,
        index,
        properties,
        given: place as usize,
    });
    Ok(pointer)
}

/// Memory of the implementation behind this one.
fn memory(context: cl_context, index: usize, size: usize, properties: &Properties) -> *mut c_void {
    static SAME: Mutex<usize> = Mutex::new(0);
    let flags = match index {
        0 => CL_MEM_READ_WRITE,
        _ => CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER,
    };
    let alignment = properties.alignment as cl_uint;
    let give = |size, alignment| svm_alloc::svm_alloc(context, flags, size, alignment);
    match rule() {
        "unified-same-memory" if size == 300 => {
            let mut same = SAME.lock().unwrap_or_else(PoisonError::into_inner);
            if *same == 0 {
                *same = give(size, alignment) as usize;
            }
            *same as *mut c_void
        }
        "unified-alignment-default" if alignment == 0 => offset(give(size + 128, 128), 64),
        "unified-alignment-ignored" if alignment == 128 => offset(give(size + 128, 128), 64),
        _ => give(size, alignment),
    }
}

pub extern "C" fn free(
    context: cl_context,
    properties: *const cl_svm_free_properties_khr,
    flags: cl_svm_free_flags_khr,
    pointer: *mut c_void,
) -> cl_int {
    if devices(context).is_empty() {
        return no_context(context, "free");
    }
    let some = !properties.is_null() && read::<u64>(properties.cast(), 0) != 0;
    match rule() {
        "unified-free-empty-list" if !properties.is_null() => return CL_INVALID_PROPERTY,
        "unified-free-property" => {}
        _ if some => return CL_INVALID_PROPERTY,
        _ => {}
    }
    if flags != 0 && rule() != "unified-free-flags" {
        return CL_INVALID_VALUE;
    }
    if pointer.is_null() {
        return if rule() == "unified-free-null" {
            CL_INVALID_VALUE
        } else {
            CL_SUCCESS
        };
    }
    let found = find(context, pointer as usize);
    match found {
        None if rule() == "unified-free-foreign" => return CL_SUCCESS,
        None => return CL_INVALID_VALUE,
        Some(one) if one.address != pointer as usize => {
            let allowed = rule() == "unified-free-interior";
            return if allowed {
                CL_SUCCESS
            } else {
                CL_INVALID_VALUE
            };
        }
        Some(_) => {}
    }
    match rule() {
        "unified-free-keeps" => return CL_SUCCESS,
        "unified-free-unlisted" => {
            forget(pointer);
            svm_alloc::forget(pointer);
        }
        "unified-free-of-svm-alloc" if type_at(pointer as usize).is_none() => {
            return CL_INVALID_VALUE;
        }
        _ => svm_free::svm_free(context, pointer),
    }
    CL_SUCCESS
}
