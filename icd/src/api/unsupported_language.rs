//! Programs in intermediate language, built-in kernels, pipes and the
//! sub-devices of `cl_ext_device_fission`, none of which this driver supports: every call refuses
//! with the error of the standard (appendix H), after the handles were checked.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void};

use isocl_runtime::buffer::Buffer;
use isocl_runtime::context::Context;
use isocl_runtime::device::Device;
use isocl_runtime::program::Program;
use isocl_runtime::{Error, ErrorCode, Result};

use crate::abi::{
    cl_context, cl_device_id, cl_device_partition_property_ext, cl_int, cl_mem, cl_mem_flags,
    cl_pipe_info, cl_pipe_properties, cl_program, cl_uint,
};
use crate::boundary::{create, entry, ReportTo};
use crate::callback::ObjectFunction;
use crate::decode::{self, device_not_in_context, invalid_value, List, Out};
use crate::object::Object;

fn invalid_operation<T>(reason: &'static str) -> Result<T> {
    Err(Error::new(ErrorCode::InvalidOperation, reason))
}

/// Refuses a program in intermediate language.
fn no_intermediate_language(context: cl_context) -> Result<*mut c_void> {
    let context = Context::registry().get(context)?;
    // CL_INVALID_OPERATION: no devices in context support intermediate language programs.
    invalid_operation("no device takes programs in intermediate language").report_to(&context)
}

/// Refuses a specialization constant.
fn no_specialization(program: cl_program) -> Result<()> {
    let program = Program::registry().get(program)?;
    // CL_INVALID_OPERATION: no devices associated with program support intermediate language
    // programs.
    invalid_operation("the program is not one in intermediate language")
        .report_to(program.context())
}

/// Refuses a callback for the release of a program.
fn no_release_callback(program: cl_program) -> Result<()> {
    let program = Program::registry().get(program)?;
    // CL_INVALID_OPERATION: no devices in the context associated with program support destructors
    // for program scope global variables.
    invalid_operation("no device supports destructors of program scope variables")
        .report_to(program.context())
}

/// Refuses a pipe.
fn no_pipes(context: cl_context) -> Result<*mut c_void> {
    let context = Context::registry().get(context)?;
    // CL_INVALID_OPERATION: no devices in context support pipes.
    invalid_operation("no device of the context supports pipes").report_to(&context)
}

/// Refuses a memory object, which is no pipe.
fn not_a_pipe(pipe: cl_mem) -> Result<()> {
    Buffer::registry().get(pipe)?;
    // CL_INVALID_MEM_OBJECT: pipe is a not a valid pipe object.
    Err(Error::new(
        ErrorCode::InvalidMemObject,
        "the memory object is not a pipe",
    ))
}

/// Refuses to divide a device.
fn no_fission(device: cl_device_id) -> Result<()> {
    Device::registry().get(device)?;
    invalid_operation("cl_ext_device_fission is not supported")
}

pub(crate) unsafe extern "C" fn clCreateProgramWithBuiltInKernels(
    context: cl_context,
    num_devices: cl_uint,
    device_list: *const cl_device_id,
    kernel_names: *const c_char,
    errcode_ret: *mut cl_int,
) -> cl_program {
    // SAFETY: the application's arguments, as §5.8.1 describes them.
    let (devices, names, errcode) = unsafe {
        (
            List::new(device_list, num_devices),
            decode::text(kernel_names),
            Out::new(errcode_ret),
        )
    };
    create("clCreateProgramWithBuiltInKernels", errcode, || {
        let context = Context::registry().get(context)?;
        // CL_INVALID_VALUE: device_list is NULL or num_devices is zero.
        if devices.is_null() || devices.len() == 0 {
            return Err(invalid_value("there are no devices"));
        }
        // CL_INVALID_DEVICE: a device in device_list is not in the list of devices associated with
        // context.
        let devices = decode::objects::<Device>(devices)?;
        if !devices.iter().all(|device| context.has_device(device)) {
            return Err(device_not_in_context()).report_to(&context);
        }
        // CL_INVALID_VALUE: kernel_names is NULL or contains a kernel name that is not supported.
        let reason = match names {
            Some(_) => "no device has built-in kernels",
            None => "kernel_names is NULL",
        };
        Err(invalid_value(reason)).report_to(&context)
    })
}

pub(crate) unsafe extern "C" fn clCreateProgramWithIL(
    context: cl_context,
    _il: *const c_void,
    _length: usize,
    errcode_ret: *mut cl_int,
) -> cl_program {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreateProgramWithIL", errcode, || {
        no_intermediate_language(context)
    })
}

pub(crate) unsafe extern "C" fn clSetProgramSpecializationConstant(
    program: cl_program,
    _spec_id: cl_uint,
    _spec_size: usize,
    _spec_value: *const c_void,
) -> cl_int {
    entry("clSetProgramSpecializationConstant", || {
        no_specialization(program)
    })
}

pub(crate) unsafe extern "C" fn clSetProgramReleaseCallback(
    program: cl_program,
    _pfn_notify: Option<ObjectFunction>,
    _user_data: *mut c_void,
) -> cl_int {
    entry("clSetProgramReleaseCallback", || {
        no_release_callback(program)
    })
}

pub(crate) unsafe extern "C" fn clCreatePipe(
    context: cl_context,
    _flags: cl_mem_flags,
    _pipe_packet_size: cl_uint,
    _pipe_max_packets: cl_uint,
    _properties: *const cl_pipe_properties,
    errcode_ret: *mut cl_int,
) -> cl_mem {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCreatePipe", errcode, || no_pipes(context))
}

pub(crate) unsafe extern "C" fn clGetPipeInfo(
    pipe: cl_mem,
    _param_name: cl_pipe_info,
    _param_value_size: usize,
    _param_value: *mut c_void,
    _param_value_size_ret: *mut usize,
) -> cl_int {
    entry("clGetPipeInfo", || not_a_pipe(pipe))
}

pub(crate) unsafe extern "C" fn clCreateSubDevicesEXT(
    in_device: cl_device_id,
    _properties: *const cl_device_partition_property_ext,
    _num_entries: cl_uint,
    _out_devices: *mut cl_device_id,
    _num_devices: *mut cl_uint,
) -> cl_int {
    entry("clCreateSubDevicesEXT", || no_fission(in_device))
}

pub(crate) unsafe extern "C" fn clRetainDeviceEXT(device: cl_device_id) -> cl_int {
    entry("clRetainDeviceEXT", || no_fission(device))
}

pub(crate) unsafe extern "C" fn clReleaseDeviceEXT(device: cl_device_id) -> cl_int {
    entry("clReleaseDeviceEXT", || no_fission(device))
}
