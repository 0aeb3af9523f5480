//! Programs: creation and building (§5.8.1 to §5.8.3).
#![allow(unsafe_code)]

use std::ffi::{c_char, c_uchar, c_void};
use std::sync::Arc;

use isocl_runtime::context::Context;
use isocl_runtime::device::Device;
use isocl_runtime::program::Program;
use isocl_runtime::Result;

use crate::abi::{cl_context, cl_device_id, cl_int, cl_program, cl_uint, CL_INVALID_VALUE};
use crate::boundary::{create, entry, ReportTo};
use crate::callback::{self, ObjectFunction};
use crate::decode::{self, invalid_value, List, Out, OutList};
use crate::object::{handle_of, Object};

/// The handle of a linked program, which its callback may have asked for already.
pub(crate) fn publish_once(program: &Arc<Program>) -> cl_program {
    let handle = handle_of(&**program);
    if !handle.is_null() {
        return handle;
    }
    Program::registry()
        .publish(Arc::clone(program))
        .unwrap_or(std::ptr::null_mut())
}

pub(crate) unsafe extern "C" fn clCreateProgramWithSource(
    context: cl_context,
    count: cl_uint,
    strings: *mut *const c_char,
    lengths: *const usize,
    errcode_ret: *mut cl_int,
) -> cl_program {
    // SAFETY: the application's arguments, as §5.8.1 describes them.
    let (strings, lengths, errcode) = unsafe {
        (
            List::new(strings.cast_const(), count),
            List::new(lengths, count),
            Out::new(errcode_ret),
        )
    };
    create("clCreateProgramWithSource", errcode, || {
        let context = Context::registry().get(context)?;
        // CL_INVALID_VALUE: count is zero or strings is NULL.
        if strings.is_null() || strings.len() == 0 {
            return Err(invalid_value("there is no source string"));
        }
        // SAFETY: the application's strings, as §5.8.1 describes them.
        let source = unsafe { concatenated(strings, lengths) }?;
        let program = Program::create_with_source(&context, source).report_to(&context)?;
        Program::registry().publish(program)
    })
}

/// The source strings in one piece. A length of zero, or no lengths, means that a zero ends the
/// string.
///
/// # Safety
/// Each string is null, or has its length or ends with a zero.
unsafe fn concatenated(
    strings: List<'_, *const c_char>,
    lengths: List<'_, usize>,
) -> Result<Vec<u8>> {
    let mut source = Vec::new();
    let lengths = lengths.iter().chain(std::iter::repeat(0));
    for (string, length) in strings.iter().zip(lengths) {
        // CL_INVALID_VALUE: any entry in strings is NULL.
        let missing = || invalid_value("an entry of strings is NULL");
        match length {
            0 => {
                // SAFETY: the string ends with a zero: this function's contract.
                let text = unsafe { decode::bytes(string) };
                source.extend_from_slice(text.ok_or_else(missing)?);
            }
            length => {
                // SAFETY: the string has its length: this function's contract.
                let bytes = unsafe { List::bytes(string.cast(), length) };
                source.extend_from_slice(bytes.as_slice().ok_or_else(missing)?);
            }
        }
    }
    Ok(source)
}

pub(crate) unsafe extern "C" fn clCreateProgramWithBinary(
    context: cl_context,
    num_devices: cl_uint,
    device_list: *const cl_device_id,
    lengths: *const usize,
    binaries: *mut *const c_uchar,
    binary_status: *mut cl_int,
    errcode_ret: *mut cl_int,
) -> cl_program {
    // SAFETY: the application's arguments, as §5.8.1 describes them.
    let (devices, lengths, binaries, places, errcode) = unsafe {
        (
            List::new(device_list, num_devices),
            List::new(lengths, num_devices),
            List::new(binaries.cast_const(), num_devices),
            OutList::new(binary_status, num_devices as usize),
            Out::new(errcode_ret),
        )
    };
    create("clCreateProgramWithBinary", errcode, || {
        let context = Context::registry().get(context)?;
        // CL_INVALID_VALUE: device_list is NULL or num_devices is zero.
        if devices.is_null() || devices.len() == 0 {
            return Err(invalid_value("there are no devices"));
        }
        let devices: Vec<Arc<Device>> = decode::objects(devices)?;
        // SAFETY: the application's binaries, as §5.8.1 describes them.
        let binaries = unsafe { copied(binaries, lengths, &places) }?;
        let (statuses, program) = Program::create_with_binary(&context, &devices, &binaries);
        places.write(statuses);
        Program::registry().publish(program.report_to(&context)?)
    })
}

/// The binaries of a program.
///
/// # Errors
/// `InvalidValue` when one is null or empty, which its status then says as well.
///
/// # Safety
/// Each binary is null or has its length.
unsafe fn copied(
    binaries: List<'_, *const c_uchar>,
    lengths: List<'_, usize>,
    places: &OutList<'_, cl_int>,
) -> Result<Vec<Vec<u8>>> {
    // CL_INVALID_VALUE: lengths or binaries is NULL, or an entry is zero or NULL.
    if binaries.is_null() || lengths.is_null() {
        return Err(invalid_value("lengths or binaries is NULL"));
    }
    let mut copies = Vec::with_capacity(binaries.len());
    for (binary, length) in binaries.iter().zip(lengths.iter()) {
        // SAFETY: the binary has its length: this function's contract.
        let bytes = unsafe { List::bytes(binary.cast(), length) };
        match bytes.as_slice() {
            Some(bytes) if !bytes.is_empty() => copies.push(bytes.to_vec()),
            _ => {
                let empty = |(binary, length): (*const c_uchar, usize)| {
                    if binary.is_null() || length == 0 {
                        CL_INVALID_VALUE
                    } else {
                        0
                    }
                };
                places.write(binaries.iter().zip(lengths.iter()).map(empty));
                return Err(invalid_value("a binary is NULL or empty"));
            }
        }
    }
    Ok(copies)
}

pub(crate) unsafe extern "C" fn clRetainProgram(program: cl_program) -> cl_int {
    entry("clRetainProgram", || Program::registry().retain(program))
}

pub(crate) unsafe extern "C" fn clReleaseProgram(program: cl_program) -> cl_int {
    entry("clReleaseProgram", || Program::registry().release(program))
}

pub(crate) unsafe extern "C" fn clBuildProgram(
    program: cl_program,
    num_devices: cl_uint,
    device_list: *const cl_device_id,
    options: *const c_char,
    pfn_notify: Option<ObjectFunction>,
    user_data: *mut c_void,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.8.2 describes them.
    let (devices, options) =
        unsafe { (List::new(device_list, num_devices), decode::text(options)) };
    entry("clBuildProgram", || {
        let object = Program::registry().get(program)?;
        let devices = decode::optional_devices(devices)?;
        let notify = callback::build_notify(program, pfn_notify, user_data)?;
        let options = options.unwrap_or_default();
        object
            .build(devices.as_deref(), &options, notify)
            .report_to(object.context())
    })
}

pub(crate) unsafe extern "C" fn clCompileProgram(
    program: cl_program,
    num_devices: cl_uint,
    device_list: *const cl_device_id,
    options: *const c_char,
    num_input_headers: cl_uint,
    input_headers: *const cl_program,
    header_include_names: *mut *const c_char,
    pfn_notify: Option<ObjectFunction>,
    user_data: *mut c_void,
) -> cl_int {
    // SAFETY: the application's arguments, as §5.8.3 describes them.
    let (devices, options, headers, names) = unsafe {
        (
            List::new(device_list, num_devices),
            decode::text(options),
            List::new(input_headers, num_input_headers),
            List::new(header_include_names.cast_const(), num_input_headers),
        )
    };
    entry("clCompileProgram", || {
        let object = Program::registry().get(program)?;
        let devices = decode::optional_devices(devices)?;
        // SAFETY: the application's names, as §5.8.3 describes them.
        let headers = unsafe { named_headers(headers, names) }?;
        let notify = callback::build_notify(program, pfn_notify, user_data)?;
        let options = options.unwrap_or_default();
        object
            .compile(devices.as_deref(), &options, &headers, notify)
            .report_to(object.context())
    })
}

/// Programs that serve as headers, with the names they are included by.
///
/// # Safety
/// Each name is null or ends with a zero.
unsafe fn named_headers(
    headers: List<'_, cl_program>,
    names: List<'_, *const c_char>,
) -> Result<Vec<(String, Arc<Program>)>> {
    // CL_INVALID_VALUE: num_input_headers is zero and header_include_names or input_headers are
    // not NULL, or it is not zero and one of them is NULL.
    if headers.is_half_given() || names.is_half_given() {
        return Err(invalid_value(
            "num_input_headers and its arrays do not fit each other",
        ));
    }
    let programs: Vec<Arc<Program>> = decode::objects(headers)?;
    names
        .iter()
        .zip(programs)
        .map(|(name, program)| {
            // SAFETY: the name ends with a zero: this function's contract.
            let name = unsafe { decode::text(name) };
            Ok((
                name.ok_or_else(|| invalid_value("the name of a header is NULL"))?,
                program,
            ))
        })
        .collect()
}

pub(crate) unsafe extern "C" fn clLinkProgram(
    context: cl_context,
    num_devices: cl_uint,
    device_list: *const cl_device_id,
    options: *const c_char,
    num_input_programs: cl_uint,
    input_programs: *const cl_program,
    pfn_notify: Option<ObjectFunction>,
    user_data: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_program {
    // SAFETY: the application's arguments, as §5.8.3 describes them.
    let (devices, options, inputs, errcode) = unsafe {
        (
            List::new(device_list, num_devices),
            decode::text(options),
            List::new(input_programs, num_input_programs),
            Out::new(errcode_ret),
        )
    };
    let mut linked = std::ptr::null_mut();
    create("clLinkProgram", errcode, || {
        let context = Context::registry().get(context)?;
        let devices = decode::optional_devices(devices)?;
        // CL_INVALID_VALUE: num_input_programs is zero and input_programs is NULL, or one of them
        // is and the other is not.
        if inputs.is_null() || inputs.len() == 0 {
            return Err(invalid_value("there are no programs to link"));
        }
        let inputs: Vec<Arc<Program>> = decode::objects(inputs)?;
        let notify = callback::link_notify(pfn_notify, user_data)?;
        let options = options.unwrap_or_default();
        let (program, result) =
            Program::link(&context, devices.as_deref(), &options, &inputs, notify);
        linked = program.as_ref().map_or(linked, publish_once);
        result.report_to(&context).map(|()| linked)
    });
    // A program that could not be linked is returned beside the error: it has the log.
    linked
}
