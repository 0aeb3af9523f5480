//! Devices (§4.2, §4.3).
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::{Arc, OnceLock};

use isocl_runtime::device::Device;
use isocl_runtime::platform::Platform;
use isocl_runtime::Result;

use super::device_info;
use super::platform::platform_of;
use crate::abi::{
    cl_device_id, cl_device_info, cl_device_partition_property, cl_device_type, cl_int,
    cl_platform_id, cl_uint, cl_ulong,
};
use crate::boundary::entry;
use crate::decode::{invalid_value, Out, OutList};
use crate::info::InfoWriter;
use crate::object::{handle_of, hold, Object};

/// Partition properties beyond this are taken for a missing end: more than compute units.
const MAX_PARTITION_PROPERTIES: usize = 8192;

/// Whether the devices have handles, and what went wrong if not.
static PUBLISHED: OnceLock<Result<()>> = OnceLock::new();

/// Sees to it that all devices have handles.
///
/// # Errors
/// `OutOfHostMemory`.
pub(crate) fn publish_devices() -> Result<()> {
    let publish = || {
        for device in Platform::get().devices() {
            Device::registry().publish(Arc::clone(device))?;
        }
        Ok(())
    };
    PUBLISHED.get_or_init(publish).clone()
}

/// Passes new dispatch data on to the devices, which a second loader finds as the first left them.
pub(super) fn set_dispatch_data(data: *mut c_void) {
    if PUBLISHED.get().is_some() {
        for device in Platform::get().devices() {
            if let Some(device) = hold(device) {
                device.set_dispatch_data(data);
            }
        }
    }
}

pub(crate) unsafe extern "C" fn clGetDeviceIDs(
    platform: cl_platform_id,
    device_type: cl_device_type,
    num_entries: cl_uint,
    devices: *mut cl_device_id,
    num_devices: *mut cl_uint,
) -> cl_int {
    // SAFETY: the application's places for results, as §4.2 describes them.
    let (places, count) = unsafe {
        (
            OutList::new(devices, num_entries as usize),
            Out::new(num_devices),
        )
    };
    entry("clGetDeviceIDs", || {
        let platform = platform_of(platform)?;
        // CL_INVALID_VALUE: num_entries is equal to zero and devices is not NULL, or both
        // num_devices and devices are NULL.
        if places.is_null() && count.is_null() || !places.is_null() && places.len() == 0 {
            return Err(invalid_value("there is no place for a device"));
        }
        let found = platform.get_device_ids(device_type)?;
        publish_devices()?;
        places.write(found.iter().map(|device| handle_of(&**device)));
        count.write_if_wanted(found.len() as cl_uint);
        Ok(())
    })
}

pub(crate) unsafe extern "C" fn clGetDeviceInfo(
    device: cl_device_id,
    param_name: cl_device_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §4.2 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetDeviceInfo", || {
        let device = Device::registry().get(device)?;
        device_info::answer(&device, device.references(), param_name, info).map(|_| ())
    })
}

/// Whether the application counts references to the device: root-level devices are always there.
fn is_counted(device: &Device) -> bool {
    device.partition.is_some()
}

pub(crate) unsafe extern "C" fn clRetainDevice(device: cl_device_id) -> cl_int {
    entry("clRetainDevice", || {
        if is_counted(&*Device::registry().get(device)?) {
            Device::registry().retain(device)?;
        }
        Ok(())
    })
}

pub(crate) unsafe extern "C" fn clReleaseDevice(device: cl_device_id) -> cl_int {
    entry("clReleaseDevice", || {
        if is_counted(&*Device::registry().get(device)?) {
            Device::registry().release(device)?;
        }
        Ok(())
    })
}

/// A device's partition properties up to the zero that ends them, or ends their counts; nothing
/// for a missing list.
///
/// # Safety
/// `list` is null or such a list.
unsafe fn partition_properties(
    list: *const cl_device_partition_property,
) -> Result<Option<Vec<isize>>> {
    if list.is_null() {
        return Ok(None);
    }
    let mut properties = Vec::new();
    for index in 0..MAX_PARTITION_PROPERTIES {
        // SAFETY: no property before this one was the zero at the end, so this one is in the list.
        match unsafe { list.add(index).read_unaligned() } {
            0 => return Ok(Some(properties)),
            property => properties.push(property),
        }
    }
    Err(invalid_value("the list of partition properties has no end"))
}

pub(crate) unsafe extern "C" fn clCreateSubDevices(
    in_device: cl_device_id,
    properties: *const cl_device_partition_property,
    num_devices: cl_uint,
    out_devices: *mut cl_device_id,
    num_devices_ret: *mut cl_uint,
) -> cl_int {
    // SAFETY: the application's places for results, as §4.3 describes them.
    let (places, count) = unsafe {
        (
            OutList::new(out_devices, num_devices as usize),
            Out::new(num_devices_ret),
        )
    };
    // SAFETY: the application's list, as §4.3 describes it.
    let properties = unsafe { partition_properties(properties) };
    entry("clCreateSubDevices", || {
        let device = Device::registry().get(in_device)?;
        let parts = device.create_sub_devices(properties?.as_deref())?;
        // CL_INVALID_VALUE: out_devices is not NULL and num_devices is less than the number of
        // sub-devices created by the partition scheme.
        if !places.is_null() && places.len() < parts.len() {
            return Err(invalid_value(
                "there are too few places for the sub-devices",
            ));
        }
        count.write_if_wanted(parts.len() as cl_uint);
        if places.is_null() {
            return Ok(());
        }
        let handles = parts
            .into_iter()
            .map(|part| Device::registry().publish(part))
            .collect::<Result<Vec<_>>>()?;
        places.write(handles);
        Ok(())
    })
}

pub(crate) unsafe extern "C" fn clGetDeviceAndHostTimer(
    device: cl_device_id,
    device_timestamp: *mut cl_ulong,
    host_timestamp: *mut cl_ulong,
) -> cl_int {
    // SAFETY: the application's places for results, as §4.2 describes them.
    let (device_place, host_place) =
        unsafe { (Out::new(device_timestamp), Out::new(host_timestamp)) };
    entry("clGetDeviceAndHostTimer", || {
        let device = Device::registry().get(device)?;
        // CL_INVALID_VALUE: host_timestamp or device_timestamp is NULL.
        if device_place.is_null() || host_place.is_null() {
            return Err(invalid_value("a place for a time stamp is NULL"));
        }
        let (device_time, host_time) = Platform::get().device_and_host_timer(&device);
        device_place.write_if_wanted(device_time);
        host_place.write_if_wanted(host_time);
        Ok(())
    })
}

pub(crate) unsafe extern "C" fn clGetHostTimer(
    device: cl_device_id,
    host_timestamp: *mut cl_ulong,
) -> cl_int {
    // SAFETY: the application's place for the result, as §4.2 describes it.
    let place = unsafe { Out::new(host_timestamp) };
    entry("clGetHostTimer", || {
        Device::registry().get(device)?;
        // CL_INVALID_VALUE: host_timestamp is NULL.
        if place.is_null() {
            return Err(invalid_value("host_timestamp is NULL"));
        }
        place.write_if_wanted(Platform::get().host_timer());
        Ok(())
    })
}
