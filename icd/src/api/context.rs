//! Contexts (§4.4).
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::Arc;

use isocl_runtime::context::Context;
use isocl_runtime::device::Device;
use isocl_runtime::{Error, ErrorCode, Result};

use super::device::publish_devices;
use super::platform::platform_of;
use crate::abi::{
    cl_context, cl_context_info, cl_context_properties, cl_device_id, cl_device_type, cl_int,
    cl_uint, CL_CONTEXT_DEVICES, CL_CONTEXT_INTEROP_USER_SYNC, CL_CONTEXT_NUM_DEVICES,
    CL_CONTEXT_PLATFORM, CL_CONTEXT_PROPERTIES, CL_CONTEXT_REFERENCE_COUNT,
};
use crate::boundary::{create, entry};
use crate::callback::{self, ContextFunction, ObjectFunction};
use crate::decode::{self, invalid_value, List, Out};
use crate::info::{unknown_name, Answered, InfoWriter};
use crate::object::{handle_of, Object};
use crate::registry::Held;

/// Checks the names and values of a property list.
///
/// # Errors
/// `InvalidPlatform`, `InvalidProperty`.
fn check_properties(properties: &[u64]) -> Result<()> {
    let mut names = Vec::new();
    for (name, value) in decode::pairs(properties) {
        match cl_uint::try_from(name).unwrap_or(0) {
            // CL_INVALID_PLATFORM: the platform value specified in properties is not valid.
            CL_CONTEXT_PLATFORM if value == 0 => {
                return Err(Error::new(
                    ErrorCode::InvalidPlatform,
                    "CL_CONTEXT_PLATFORM is NULL",
                ));
            }
            CL_CONTEXT_PLATFORM => {
                platform_of(value as *mut c_void)?;
            }
            // CL_INVALID_PROPERTY: the value of a property is not valid.
            CL_CONTEXT_INTEROP_USER_SYNC if value > 1 => {
                return Err(invalid_property(
                    "CL_CONTEXT_INTEROP_USER_SYNC is no cl_bool",
                ));
            }
            CL_CONTEXT_INTEROP_USER_SYNC => {}
            // CL_INVALID_PROPERTY: a property name in properties is not a supported name.
            _ => return Err(invalid_property("a context property is not supported")),
        }
        // CL_INVALID_PROPERTY: the same property name is specified more than once.
        if names.contains(&name) {
            return Err(invalid_property("a context property is given twice"));
        }
        names.push(name);
    }
    Ok(())
}

fn invalid_property(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidProperty, reason)
}

pub(crate) unsafe extern "C" fn clCreateContext(
    properties: *const cl_context_properties,
    num_devices: cl_uint,
    devices: *const cl_device_id,
    pfn_notify: Option<ContextFunction>,
    user_data: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_context {
    // SAFETY: the application's arguments, as §4.4 describes them.
    let (properties, devices, errcode) = unsafe {
        (
            decode::properties(properties),
            List::new(devices, num_devices),
            Out::new(errcode_ret),
        )
    };
    create("clCreateContext", errcode, || {
        let properties = properties?;
        check_properties(&properties)?;
        // CL_INVALID_VALUE: devices is NULL, or num_devices is equal to zero.
        if devices.is_null() || devices.len() == 0 {
            return Err(invalid_value("there are no devices"));
        }
        let notify = callback::context_notify(pfn_notify, user_data)?;
        let devices: Vec<Arc<Device>> = decode::objects(devices)?;
        Context::registry().publish(Context::create(&devices, properties, notify)?)
    })
}

pub(crate) unsafe extern "C" fn clCreateContextFromType(
    properties: *const cl_context_properties,
    device_type: cl_device_type,
    pfn_notify: Option<ContextFunction>,
    user_data: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_context {
    // SAFETY: the application's arguments, as §4.4 describes them.
    let (properties, errcode) = unsafe { (decode::properties(properties), Out::new(errcode_ret)) };
    create("clCreateContextFromType", errcode, || {
        let properties = properties?;
        check_properties(&properties)?;
        let notify = callback::context_notify(pfn_notify, user_data)?;
        let devices = platform_of(std::ptr::null_mut())?.get_device_ids(device_type)?;
        publish_devices()?;
        Context::registry().publish(Context::create(&devices, properties, notify)?)
    })
}

pub(crate) unsafe extern "C" fn clRetainContext(context: cl_context) -> cl_int {
    entry("clRetainContext", || Context::registry().retain(context))
}

pub(crate) unsafe extern "C" fn clReleaseContext(context: cl_context) -> cl_int {
    entry("clReleaseContext", || Context::registry().release(context))
}

pub(crate) unsafe extern "C" fn clGetContextInfo(
    context: cl_context,
    param_name: cl_context_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §4.4 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetContextInfo", || {
        let context = Context::registry().get(context)?;
        answer(&context, param_name, info).map(|_| ())
    })
}

fn answer(
    context: &Held<Context>,
    name: cl_context_info,
    info: InfoWriter<'_>,
) -> Result<Answered> {
    match name {
        CL_CONTEXT_REFERENCE_COUNT => info.value(context.references()),
        CL_CONTEXT_NUM_DEVICES => info.value(context.devices().len() as cl_uint),
        CL_CONTEXT_DEVICES => {
            info.list(context.devices().iter().map(|device| handle_of(&**device)))
        }
        CL_CONTEXT_PROPERTIES => info.list(context.verbatim_properties().iter().copied()),
        _ => unknown_name(name),
    }
}

pub(crate) unsafe extern "C" fn clSetContextDestructorCallback(
    context: cl_context,
    pfn_notify: Option<ObjectFunction>,
    user_data: *mut c_void,
) -> cl_int {
    entry("clSetContextDestructorCallback", || {
        let object = Context::registry().get(context)?;
        // CL_INVALID_VALUE: pfn_notify is NULL.
        let function = pfn_notify.ok_or_else(|| invalid_value("pfn_notify is NULL"))?;
        object.set_destructor_callback(callback::destructor_callback(context, function, user_data))
    })
}
