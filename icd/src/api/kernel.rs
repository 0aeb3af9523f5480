//! Kernels and their arguments (§5.9).
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void};

use isocl_runtime::buffer::Buffer;
use isocl_runtime::device::Device;
use isocl_runtime::kernel::Kernel;
use isocl_runtime::kernel_arg::ArgumentValue;
use isocl_runtime::program::Program;
use isocl_runtime::{Address, AddressSpace, ArgumentKind, Result};

use crate::abi::{
    cl_bool, cl_device_id, cl_int, cl_kernel, cl_kernel_arg_info, cl_kernel_exec_info,
    cl_kernel_info, cl_kernel_work_group_info, cl_mem, cl_program, cl_uint,
    CL_KERNEL_ARG_ACCESS_QUALIFIER, CL_KERNEL_ARG_ADDRESS_QUALIFIER, CL_KERNEL_ARG_NAME,
    CL_KERNEL_ARG_TYPE_NAME, CL_KERNEL_ARG_TYPE_QUALIFIER, CL_KERNEL_ATTRIBUTES,
    CL_KERNEL_COMPILE_WORK_GROUP_SIZE, CL_KERNEL_CONTEXT,
    CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM, CL_KERNEL_EXEC_INFO_SVM_PTRS,
    CL_KERNEL_FUNCTION_NAME, CL_KERNEL_LOCAL_MEM_SIZE, CL_KERNEL_NUM_ARGS,
    CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE, CL_KERNEL_PRIVATE_MEM_SIZE, CL_KERNEL_PROGRAM,
    CL_KERNEL_REFERENCE_COUNT, CL_KERNEL_WORK_GROUP_SIZE,
};
use crate::boundary::{create, entry, ReportTo};
use crate::decode::{self, boolean, invalid_value, List, Out, OutList};
use crate::info::{unknown_name, Answered, InfoWriter};
use crate::object::{handle_of, Object};
use crate::registry::Held;

pub(crate) unsafe extern "C" fn clCreateKernel(
    program: cl_program,
    kernel_name: *const c_char,
    errcode_ret: *mut cl_int,
) -> cl_kernel {
    // SAFETY: the application's arguments, as §5.9.1 describes them.
    let (name, errcode) = unsafe { (decode::text(kernel_name), Out::new(errcode_ret)) };
    create("clCreateKernel", errcode, || {
        let program = Program::registry().get(program)?;
        // CL_INVALID_VALUE: kernel_name is NULL.
        let name = name.ok_or_else(|| invalid_value("kernel_name is NULL"))?;
        Kernel::registry().publish(Kernel::create(&program, &name).report_to(program.context())?)
    })
}

pub(crate) unsafe extern "C" fn clCreateKernelsInProgram(
    program: cl_program,
    num_kernels: cl_uint,
    kernels: *mut cl_kernel,
    num_kernels_ret: *mut cl_uint,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.9.1 describes them.
    let (places, count) = unsafe {
        (
            OutList::new(kernels, num_kernels as usize),
            Out::new(num_kernels_ret),
        )
    };
    entry("clCreateKernelsInProgram", || {
        let program = Program::registry().get(program)?;
        let kernels = Kernel::create_kernels_in_program(&program).report_to(program.context())?;
        count.write_if_wanted(kernels.len() as cl_uint);
        if places.is_null() {
            return Ok(());
        }
        // CL_INVALID_VALUE: kernels is not NULL and num_kernels is less than the number of
        // kernels in program.
        if places.len() < kernels.len() {
            return Err(invalid_value(
                "num_kernels is less than the number of kernels",
            ));
        }
        let publish = |kernel| Kernel::registry().publish(kernel);
        places.write(
            kernels
                .into_iter()
                .map(publish)
                .collect::<Result<Vec<_>>>()?,
        );
        Ok(())
    })
}

pub(crate) unsafe extern "C" fn clCloneKernel(
    source_kernel: cl_kernel,
    errcode_ret: *mut cl_int,
) -> cl_kernel {
    // SAFETY: the application's place for the code.
    let errcode = unsafe { Out::new(errcode_ret) };
    create("clCloneKernel", errcode, || {
        let kernel = Kernel::registry().get(source_kernel)?;
        Kernel::registry().publish(kernel.clone_kernel().report_to(kernel.context())?)
    })
}

pub(crate) unsafe extern "C" fn clRetainKernel(kernel: cl_kernel) -> cl_int {
    entry("clRetainKernel", || Kernel::registry().retain(kernel))
}

pub(crate) unsafe extern "C" fn clReleaseKernel(kernel: cl_kernel) -> cl_int {
    entry("clReleaseKernel", || Kernel::registry().release(kernel))
}

pub(crate) unsafe extern "C" fn clSetKernelArg(
    kernel: cl_kernel,
    arg_index: cl_uint,
    arg_size: usize,
    arg_value: *const c_void,
) -> cl_int {
    // SAFETY: the application's value, as §5.9.2 describes it; which of the two views is read
    // depends on the kind of the argument.
    let (bytes, handle) = unsafe {
        (
            List::bytes(arg_value, arg_size),
            List::<cl_mem>::new(arg_value.cast(), 1_u32),
        )
    };
    entry("clSetKernelArg", || {
        let kernel = Kernel::registry().get(kernel)?;
        let value = argument_value(kernel.argument_kind(arg_index)?, &bytes, handle)?;
        kernel
            .set_kernel_arg(arg_index, arg_size, &value)
            .report_to(kernel.context())
    })
}

/// What a value means for an argument.
///
/// # Errors
/// `InvalidMemObject` for a handle that is none.
fn argument_value<'a>(
    kind: ArgumentKind,
    bytes: &List<'a, u8>,
    handle: List<'_, cl_mem>,
) -> Result<ArgumentValue<'a>> {
    match kind {
        ArgumentKind::Pointer {
            address_space: AddressSpace::Global | AddressSpace::Constant,
            ..
        } if !bytes.is_null() && bytes.len() == size_of::<cl_mem>() => {
            let handle = handle.iter().next().unwrap_or(std::ptr::null_mut());
            if handle.is_null() {
                return Ok(ArgumentValue::Buffer(None));
            }
            // CL_INVALID_MEM_OBJECT: the argument is a memory object and arg_value is not one.
            let buffer = Buffer::registry().get(handle)?;
            Ok(ArgumentValue::Buffer(Some((*buffer).clone())))
        }
        ArgumentKind::Pointer {
            address_space: AddressSpace::Local,
            ..
        } if !bytes.is_null() => {
            // Nobody reads the value of a local argument: that there is one is the error.
            Ok(ArgumentValue::Bytes(&[]))
        }
        ArgumentKind::Pointer { .. } => Ok(ArgumentValue::Null),
        ArgumentKind::Value { .. } => Ok(bytes
            .as_slice()
            .map_or(ArgumentValue::Null, ArgumentValue::Bytes)),
    }
}

pub(crate) unsafe extern "C" fn clSetKernelArgSVMPointer(
    kernel: cl_kernel,
    arg_index: cl_uint,
    arg_value: *const c_void,
) -> cl_int {
    entry("clSetKernelArgSVMPointer", || {
        let kernel = Kernel::registry().get(kernel)?;
        kernel
            .set_kernel_arg_svm_pointer(arg_index, arg_value.into())
            .report_to(kernel.context())
    })
}

pub(crate) unsafe extern "C" fn clSetKernelExecInfo(
    kernel: cl_kernel,
    param_name: cl_kernel_exec_info,
    param_value_size: usize,
    param_value: *const c_void,
) -> cl_int {
    // SAFETY: the application's value, as §5.9.2 describes it; which of the two views is read
    // depends on the name.
    let (pointers, allowed) = unsafe {
        (
            List::<*const c_void>::new(
                param_value.cast(),
                param_value_size / size_of::<*const c_void>(),
            ),
            List::<cl_bool>::new(param_value.cast(), 1_u32),
        )
    };
    entry("clSetKernelExecInfo", || {
        let kernel = Kernel::registry().get(kernel)?;
        let element = match param_name {
            CL_KERNEL_EXEC_INFO_SVM_PTRS => size_of::<*const c_void>(),
            CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM => size_of::<cl_bool>(),
            // CL_INVALID_VALUE: param_name is not valid.
            _ => return unknown_name(param_name),
        };
        // CL_INVALID_VALUE: param_value is NULL, or the size specified by param_value_size is not
        // valid. An empty set of pointers has none to point at.
        let missing = param_value.is_null() && param_value_size > 0;
        if missing || !param_value_size.is_multiple_of(element) {
            return Err(invalid_value(
                "param_value is NULL or param_value_size is wrong",
            ));
        }
        if param_name == CL_KERNEL_EXEC_INFO_SVM_PTRS {
            let pointers = pointers.iter().map(Address::from).collect();
            return kernel
                .set_kernel_exec_info_svm_ptrs(pointers)
                .report_to(kernel.context());
        }
        if param_value_size != size_of::<cl_bool>() {
            return Err(invalid_value("param_value_size is not that of a cl_bool"));
        }
        let allowed = allowed.iter().any(boolean);
        kernel
            .set_kernel_exec_info_fine_grain_system(allowed)
            .report_to(kernel.context())
    })
}

pub(crate) unsafe extern "C" fn clGetKernelInfo(
    kernel: cl_kernel,
    param_name: cl_kernel_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.9.4 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetKernelInfo", || {
        let kernel = Kernel::registry().get(kernel)?;
        answer(&kernel, param_name, info).map(|_| ())
    })
}

fn answer(kernel: &Held<Kernel>, name: cl_kernel_info, info: InfoWriter<'_>) -> Result<Answered> {
    match name {
        CL_KERNEL_FUNCTION_NAME => info.text(&**kernel.name()),
        CL_KERNEL_NUM_ARGS => info.value(kernel.num_args()),
        CL_KERNEL_REFERENCE_COUNT => info.value(kernel.references()),
        CL_KERNEL_CONTEXT => info.value(handle_of(&**kernel.context())),
        CL_KERNEL_PROGRAM => info.value(handle_of(&**kernel.program())),
        CL_KERNEL_ATTRIBUTES => info.text(kernel.attributes()),
        _ => unknown_name(name),
    }
}

pub(crate) unsafe extern "C" fn clGetKernelArgInfo(
    kernel: cl_kernel,
    arg_index: cl_uint,
    param_name: cl_kernel_arg_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.9.4 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetKernelArgInfo", || {
        let kernel = Kernel::registry().get(kernel)?;
        let argument = kernel.argument_info(arg_index)?;
        let answered = match param_name {
            CL_KERNEL_ARG_ADDRESS_QUALIFIER => info.value(argument.address_qualifier),
            CL_KERNEL_ARG_ACCESS_QUALIFIER => info.value(argument.access_qualifier),
            CL_KERNEL_ARG_TYPE_NAME => info.text(&argument.type_name),
            CL_KERNEL_ARG_TYPE_QUALIFIER => info.value(argument.type_qualifier),
            CL_KERNEL_ARG_NAME => info.text(&argument.name),
            _ => unknown_name(param_name),
        };
        answered.map(|_| ())
    })
}

pub(crate) unsafe extern "C" fn clGetKernelWorkGroupInfo(
    kernel: cl_kernel,
    device: cl_device_id,
    param_name: cl_kernel_work_group_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.9.4 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetKernelWorkGroupInfo", || {
        let kernel = Kernel::registry().get(kernel)?;
        let device = match device.is_null() {
            true => None,
            false => Some(Device::registry().get(device)?),
        };
        let work_group = kernel.work_group_info(device.as_deref())?;
        let answered = match param_name {
            CL_KERNEL_WORK_GROUP_SIZE => info.value(work_group.work_group_size),
            CL_KERNEL_COMPILE_WORK_GROUP_SIZE => info.list(work_group.compile_work_group_size),
            CL_KERNEL_LOCAL_MEM_SIZE => info.value(work_group.local_mem_size),
            CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE => {
                info.value(work_group.preferred_work_group_size_multiple)
            }
            CL_KERNEL_PRIVATE_MEM_SIZE => info.value(work_group.private_mem_size),
            // CL_KERNEL_GLOBAL_WORK_SIZE is for custom devices and built-in kernels.
            _ => unknown_name(param_name),
        };
        answered.map(|_| ())
    })
}
