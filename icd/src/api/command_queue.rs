//! Command-queues (§5.1) and what starts and awaits them (§5.13).
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::null_mut;

use isocl_runtime::context::Context;
use isocl_runtime::device::Device;
use isocl_runtime::flags::QueueProperties;
use isocl_runtime::{CommandQueue, Error, ErrorCode, Result};

use crate::abi::{
    cl_bool, cl_command_queue, cl_command_queue_info, cl_command_queue_properties, cl_context,
    cl_device_id, cl_int, cl_queue_properties, cl_uint, CL_QUEUE_CONTEXT, CL_QUEUE_DEVICE,
    CL_QUEUE_DEVICE_DEFAULT, CL_QUEUE_ON_DEVICE, CL_QUEUE_PROPERTIES, CL_QUEUE_PROPERTIES_ARRAY,
    CL_QUEUE_REFERENCE_COUNT, CL_QUEUE_SIZE,
};
use crate::boundary::{create, entry, ReportTo};
use crate::decode::{self, device_not_in_context, invalid_value, Out};
use crate::info::{unknown_name, Answered, InfoWriter};
use crate::object::{handle_of, Object};
use crate::registry::Held;

/// Makes a queue and its handle.
fn create_queue(
    context: cl_context,
    device: cl_device_id,
    bits: u64,
    verbatim: Vec<u64>,
) -> Result<cl_command_queue> {
    let context = Context::registry().get(context)?;
    let device = Device::registry().get(device)?;
    // CL_INVALID_VALUE: values specified in properties are not valid.
    let properties = QueueProperties::from_bits(bits)
        .ok_or_else(|| invalid_value("properties has bits that mean nothing for a queue"))?;
    let queue =
        CommandQueue::create(&context, &device, properties, verbatim).report_to(&context)?;
    CommandQueue::registry().publish(queue)
}

/// The bits of `CL_QUEUE_PROPERTIES` in a property list.
///
/// # Errors
/// `InvalidValue` for a name that is not supported or given twice, and for the size of a queue that
/// is not on the device; `InvalidQueueProperties` for a queue that is.
fn property_bits(properties: &[u64]) -> Result<u64> {
    // CL_INVALID_VALUE: values specified in properties are not valid.
    let (mut bits, mut size) = (None, None);
    for (name, value) in decode::pairs(properties) {
        let place = match cl_uint::try_from(name) {
            Ok(CL_QUEUE_PROPERTIES) => &mut bits,
            Ok(CL_QUEUE_SIZE) => &mut size,
            _ => return Err(invalid_value("a queue property is not supported")),
        };
        if place.replace(value).is_some() {
            return Err(invalid_value("a queue property is given twice"));
        }
    }
    let bits = bits.unwrap_or(0);
    if size.is_some() && bits & CL_QUEUE_ON_DEVICE == 0 {
        return Err(invalid_value("CL_QUEUE_SIZE needs CL_QUEUE_ON_DEVICE"));
    }
    Ok(bits)
}

pub(crate) unsafe extern "C" fn clCreateCommandQueueWithProperties(
    context: cl_context,
    device: cl_device_id,
    properties: *const cl_queue_properties,
    errcode_ret: *mut cl_int,
) -> cl_command_queue {
    // SAFETY: the application's arguments, as §5.1 describes them.
    let (properties, errcode) = unsafe { (decode::properties(properties), Out::new(errcode_ret)) };
    create("clCreateCommandQueueWithProperties", errcode, || {
        Context::registry().get(context)?;
        Device::registry().get(device)?;
        let properties = properties?;
        create_queue(context, device, property_bits(&properties)?, properties)
    })
}

pub(crate) unsafe extern "C" fn clCreateCommandQueue(
    context: cl_context,
    device: cl_device_id,
    properties: cl_command_queue_properties,
    errcode_ret: *mut cl_int,
) -> cl_command_queue {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateCommandQueue", errcode, || {
        create_queue(context, device, properties, Vec::new())
    })
}

pub(crate) unsafe extern "C" fn clRetainCommandQueue(queue: cl_command_queue) -> cl_int {
    entry("clRetainCommandQueue", || {
        CommandQueue::registry().retain(queue)
    })
}

pub(crate) unsafe extern "C" fn clReleaseCommandQueue(queue: cl_command_queue) -> cl_int {
    entry("clReleaseCommandQueue", || {
        let registry = CommandQueue::registry();
        let object = registry.get(queue)?;
        registry.release(queue)?;
        // Releasing a queue for the last time flushes it.
        match object.references() {
            0 => object.flush(),
            _ => Ok(()),
        }
    })
}

pub(crate) unsafe extern "C" fn clGetCommandQueueInfo(
    command_queue: cl_command_queue,
    param_name: cl_command_queue_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.1 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetCommandQueueInfo", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        answer(&queue, param_name, info).map(|_| ())
    })
}

fn answer(
    queue: &Held<CommandQueue>,
    name: cl_command_queue_info,
    info: InfoWriter<'_>,
) -> Result<Answered> {
    match name {
        CL_QUEUE_CONTEXT => info.value(handle_of(&**queue.context())),
        CL_QUEUE_DEVICE => info.value(handle_of(&**queue.device())),
        CL_QUEUE_REFERENCE_COUNT => info.value(queue.references()),
        CL_QUEUE_PROPERTIES => info.value(queue.properties().bits()),
        CL_QUEUE_PROPERTIES_ARRAY => info.list(queue.verbatim_properties().iter().copied()),
        // CL_INVALID_COMMAND_QUEUE: command_queue is not a valid command-queue for param_name.
        CL_QUEUE_SIZE => Err(Error::new(
            ErrorCode::InvalidCommandQueue,
            "CL_QUEUE_SIZE is for queues on the device",
        )),
        CL_QUEUE_DEVICE_DEFAULT => info.value(null_mut::<c_void>()),
        _ => unknown_name(name),
    }
}

pub(crate) unsafe extern "C" fn clSetCommandQueueProperty(
    command_queue: cl_command_queue,
    _properties: cl_command_queue_properties,
    _enable: cl_bool,
    _old_properties: *mut cl_command_queue_properties,
) -> cl_int {
    entry("clSetCommandQueueProperty", || {
        CommandQueue::registry().get(command_queue)?;
        Err(Error::new(
            ErrorCode::InvalidOperation,
            "the properties of a queue are fixed since OpenCL 1.1",
        ))
    })
}

pub(crate) unsafe extern "C" fn clSetDefaultDeviceCommandQueue(
    context: cl_context,
    device: cl_device_id,
    _command_queue: cl_command_queue,
) -> cl_int {
    entry("clSetDefaultDeviceCommandQueue", || {
        let context = Context::registry().get(context)?;
        // CL_INVALID_DEVICE: device is not a valid device or is not associated with context.
        let device = Device::registry().get(device)?;
        if !context.has_device(&device) {
            return Err(device_not_in_context());
        }
        // CL_INVALID_OPERATION: device does not support a replaceable default on-device queue.
        Err(Error::new(
            ErrorCode::InvalidOperation,
            "the device does not support queues on the device",
        ))
    })
}

pub(crate) unsafe extern "C" fn clFlush(command_queue: cl_command_queue) -> cl_int {
    entry("clFlush", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        queue.flush().report_to(queue.context())
    })
}

pub(crate) unsafe extern "C" fn clFinish(command_queue: cl_command_queue) -> cl_int {
    entry("clFinish", || {
        let queue = CommandQueue::registry().get(command_queue)?;
        queue.finish().report_to(queue.context())
    })
}
