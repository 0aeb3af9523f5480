//! Broken rules of the arguments of kernels, and of what kernels reach.

use std::ffi::{c_void, CString};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use isocl_conformance::client::{offset, read};
use opencl_sys::*;

use super::svm_command::allowed;
use super::{real, rule, svm_alloc, unified_command};

/// Name of the function of a kernel; empty for what is none.
fn function(kernel: cl_kernel) -> String {
    if kernel.is_null() {
        return String::new();
    }
    let mut text = [0_u8; 64];
    let (name, place) = (CL_KERNEL_FUNCTION_NAME, text.as_mut_ptr().cast());
    real().clGetKernelInfo(kernel, name, text.len(), place, null_mut());
    let end = text.iter().position(|byte| *byte == 0).unwrap_or_default();
    String::from_utf8_lossy(&text[..end]).into_owned()
}

/// A launch that waits, if the rule is that its arguments are looked at late: its queue, its kernel
/// and its work-items.
fn late() -> MutexGuard<'static, Option<(usize, usize, usize)>> {
    static LATE: Mutex<Option<(usize, usize, usize)>> = Mutex::new(None);
    LATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kernels of a function of which there are several.
fn own() -> MutexGuard<'static, Vec<usize>> {
    static OWN: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn set_svm_pointer(kernel: cl_kernel, index: cl_uint, value: *const c_void) -> cl_int {
    let function = function(kernel);
    let set = |kernel, index, value| real().clSetKernelArgSVMPointer(kernel, index, value);
    let code = |error, condition| allowed(set(kernel, index, value), error, condition);
    let base = || {
        let live = svm_alloc::live();
        let address = value as usize;
        let found = live
            .iter()
            .find(|(start, size, _)| (*start..start + size).contains(&address));
        found.map_or(value, |(start, _, _)| *start as *const c_void)
    };
    match (rule(), function.as_str()) {
        ("argument-index", _) => code(CL_INVALID_ARG_INDEX, true),
        ("argument-kernel-null", _) => code(CL_INVALID_KERNEL, kernel.is_null()),
        ("argument-kernel-of-wrong-type", _) => code(CL_INVALID_KERNEL, !kernel.is_null()),
        ("argument-by-value", "kinds") if index == 1 => CL_SUCCESS,
        ("argument-local", "kinds") if index == 2 => CL_SUCCESS,
        ("argument-base", "interior") | ("argument-constant", "from_constant") => {
            set(kernel, index, base())
        }
        ("argument-fine-grained", "any_kind") if svm_alloc::is_fine(value.cast_mut()) => {
            CL_INVALID_ARG_VALUE
        }
        ("argument-system", "system") if std::ptr::eq(base(), value) && index == 0 => {
            CL_INVALID_ARG_VALUE
        }
        ("argument-set-once", "kept") if index == 0 => {
            let mut own = own();
            own.push(kernel as usize);
            if own.len() > 1 {
                return CL_SUCCESS;
            }
            set(kernel, index, value)
        }
        ("argument-not-captured", "captured") => {
            let code = set(kernel, index, value);
            if let Some((queue, kernel, size)) = late().take() {
                let (queue, kernel) = (queue as cl_command_queue, kernel as cl_kernel);
                let (none, no_event) = (null(), null_mut());
                real().clEnqueueNDRangeKernel(
                    queue,
                    kernel,
                    1,
                    null(),
                    &size,
                    null(),
                    0,
                    none,
                    no_event,
                );
            }
            code
        }
        ("argument-buffer-stays", "either") if index == 0 && own().contains(&(kernel as usize)) => {
            CL_SUCCESS
        }
        ("argument-of-all", "own") => {
            let mut own = own();
            own.push(kernel as usize);
            own.iter()
                .map(|kernel| set(*kernel as cl_kernel, index, value))
                .fold(CL_SUCCESS, cl_int::min)
        }
        ("unified-argument-checked", _)
            if std::ptr::eq(base(), value) && svm_alloc::size_of_live(value as usize).is_none() =>
        {
            CL_INVALID_ARG_VALUE
        }
        ("argument-same", "twice") if index == 1 => CL_INVALID_ARG_VALUE,
        ("argument-twentieth", "thirty") if index == 20 => {
            set(kernel, index, offset(value.cast_mut(), 4))
        }
        ("argument-beside", "beside") if index == 5 => {
            set(kernel, index, offset(value.cast_mut(), 4))
        }
        _ => set(kernel, index, value),
    }
}

pub fn set_argument(
    kernel: cl_kernel,
    index: cl_uint,
    size: usize,
    value: *const c_void,
) -> cl_int {
    if rule() == "argument-buffer-stays" && function(kernel) == "either" {
        own().push(kernel as usize);
    }
    let code = real().clSetKernelArg(kernel, index, size, value);
    allowed(
        code,
        CL_INVALID_MEM_OBJECT,
        rule() == "argument-raw-pointer",
    )
}

/// What a launch becomes where a rule is broken that is about kernels of its function.
pub fn instead_of_launch(
    kernel: cl_kernel,
    global_size: *const usize,
    queue: cl_command_queue,
    num_events: cl_uint,
) -> bool {
    let function = function(kernel);
    if rule() == "argument-not-captured" && function == "captured" && num_events > 0 {
        *late() = Some((queue as usize, kernel as usize, read(global_size.cast(), 0)));
        return true;
    }
    let rule = rule().strip_prefix("unified-").unwrap_or(rule());
    rule.strip_prefix("kernel-lost-") == Some(&function)
}

pub fn clone(kernel: cl_kernel, errcode_ret: *mut cl_int) -> cl_kernel {
    let function = function(kernel);
    match (rule(), function.as_str()) {
        ("clone-is-empty", _) => {
            let mut program: cl_program = null_mut();
            let (size, place) = (size_of::<cl_program>(), (&raw mut program).cast());
            real().clGetKernelInfo(kernel, CL_KERNEL_PROGRAM, size, place, null_mut());
            let name = CString::new(function).unwrap_or_default();
            real().clCreateKernel(program, name.as_ptr(), errcode_ret)
        }
        ("clone-is-the-same", "independent") => {
            real().clRetainKernel(kernel);
            kernel
        }
        _ => real().clCloneKernel(kernel, errcode_ret),
    }
}

pub fn set_exec_info(
    kernel: cl_kernel,
    name: cl_uint,
    size: usize,
    value: *const c_void,
) -> cl_int {
    if let Some(code) = unified_command::exec_info(kernel, name, size, value) {
        return code;
    }
    let call = || real().clSetKernelExecInfo(kernel, name, size, value);
    let invalid = |condition| allowed(call(), CL_INVALID_VALUE, condition);
    let (pointers, system) = (
        name == CL_KERNEL_EXEC_INFO_SVM_PTRS,
        name == CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM,
    );
    match rule() {
        "exec-info-kernel-null" if kernel.is_null() => CL_INVALID_VALUE,
        "exec-info-kernel-of-wrong-type" => allowed(call(), CL_INVALID_KERNEL, !kernel.is_null()),
        "exec-info-name" => invalid(!pointers && !system),
        "exec-info-value-null" => invalid(value.is_null() && pointers),
        "exec-info-size-of-pointers" => invalid(pointers && !value.is_null()),
        "exec-info-size-of-system" => invalid(system && !value.is_null()),
        "exec-info-system-refused" if system && size == 4 && !value.is_null() => {
            CL_INVALID_OPERATION
        }
        "exec-info-empty-set" if pointers && size == 0 => CL_INVALID_VALUE,
        "exec-info-at-most-a-hundred" if pointers && size > 800 => CL_OUT_OF_RESOURCES,
        _ => call(),
    }
}
