//! Queries about programs and their builds (§5.8.6).
#![allow(unsafe_code)]

use std::ffi::c_void;

use isocl_runtime::device::Device;
use isocl_runtime::program::Program;
use isocl_runtime::Result;

use crate::abi::{
    cl_device_id, cl_int, cl_program, cl_program_build_info, cl_program_info, cl_uint,
    CL_PROGRAM_BINARIES, CL_PROGRAM_BINARY_SIZES, CL_PROGRAM_BINARY_TYPE,
    CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE, CL_PROGRAM_BUILD_LOG, CL_PROGRAM_BUILD_OPTIONS,
    CL_PROGRAM_BUILD_STATUS, CL_PROGRAM_CONTEXT, CL_PROGRAM_DEVICES, CL_PROGRAM_IL,
    CL_PROGRAM_KERNEL_NAMES, CL_PROGRAM_NUM_DEVICES, CL_PROGRAM_NUM_KERNELS,
    CL_PROGRAM_REFERENCE_COUNT, CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT,
    CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT, CL_PROGRAM_SOURCE,
};
use crate::boundary::entry;
use crate::decode::{List, OutList};
use crate::info::{unknown_name, Answered, InfoWriter};
use crate::object::{handle_of, Object};
use crate::registry::Held;

pub(crate) unsafe extern "C" fn clGetProgramInfo(
    program: cl_program,
    param_name: cl_program_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.8.6 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetProgramInfo", || {
        let program = Program::registry().get(program)?;
        answer(&program, param_name, info).map(|_| ())
    })
}

fn answer(
    program: &Held<Program>,
    name: cl_program_info,
    info: InfoWriter<'_>,
) -> Result<Answered> {
    match name {
        CL_PROGRAM_REFERENCE_COUNT => info.value(program.references()),
        CL_PROGRAM_CONTEXT => info.value(handle_of(&**program.context())),
        CL_PROGRAM_NUM_DEVICES => info.value(program.devices().len() as cl_uint),
        CL_PROGRAM_DEVICES => {
            info.list(program.devices().iter().map(|device| handle_of(&**device)))
        }
        CL_PROGRAM_SOURCE => info.text(program.source()),
        // No program comes from an intermediate language: the answer is empty.
        CL_PROGRAM_IL => info.bytes(&[]),
        CL_PROGRAM_BINARY_SIZES => info.list(program.binaries()?.iter().map(Vec::len)),
        CL_PROGRAM_BINARIES => binaries(&program.binaries()?, info),
        CL_PROGRAM_NUM_KERNELS => info.value(program.kernel_names()?.len()),
        CL_PROGRAM_KERNEL_NAMES => info.text(&program.kernel_names()?.join(";")),
        CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT | CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT => {
            program.check_executable()?;
            info.boolean(false)
        }
        _ => unknown_name(name),
    }
}

/// `CL_PROGRAM_BINARIES`: the value is an array of pointers to where each binary goes, or null
/// where it is not wanted.
fn binaries(binaries: &[Vec<u8>], info: InfoWriter<'_>) -> Result<Answered> {
    let len = size_of_val(binaries) / size_of::<Vec<u8>>() * size_of::<*mut u8>();
    let (_, value) = info.size_and_value();
    if !value.is_null() {
        info.check(len)?;
        // SAFETY: the value has room for a pointer for each binary, which `check` has compared
        // with the size that the application gave.
        let places = unsafe { List::new(value.cast::<*mut u8>().cast_const(), binaries.len()) };
        for (place, binary) in places.iter().zip(binaries) {
            // SAFETY: the application's place has the size that CL_PROGRAM_BINARY_SIZES says.
            unsafe { OutList::new(place, binary.len()) }.write(binary.iter().copied());
        }
    }
    Ok(info.only_size(len))
}

pub(crate) unsafe extern "C" fn clGetProgramBuildInfo(
    program: cl_program,
    device: cl_device_id,
    param_name: cl_program_build_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.8.6 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetProgramBuildInfo", || {
        let program = Program::registry().get(program)?;
        let device = Device::registry().get(device)?;
        build_answer(&program, &device, param_name, info).map(|_| ())
    })
}

fn build_answer(
    program: &Program,
    device: &Held<Device>,
    name: cl_program_build_info,
    info: InfoWriter<'_>,
) -> Result<Answered> {
    match name {
        CL_PROGRAM_BUILD_STATUS => info.value(program.build_status(device)?),
        CL_PROGRAM_BUILD_OPTIONS => info.text(&program.build_options(device)?),
        CL_PROGRAM_BUILD_LOG => info.text(&program.build_log(device)?),
        CL_PROGRAM_BINARY_TYPE => info.value(program.binary_type(device)?),
        CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE => {
            info.value(program.global_variable_total_size(device)?)
        }
        _ => unknown_name(name),
    }
}
