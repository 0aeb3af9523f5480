//! Shared virtual memory: allocation and free (§5.6.1).
#![allow(unsafe_code)]

use std::ffi::c_void;

use isocl_runtime::context::Context;
use isocl_runtime::svm;

use crate::abi::{cl_context, cl_svm_mem_flags, cl_uint};
use crate::boundary::{bare, ReportTo};
use crate::object::Object;

pub(crate) unsafe extern "C" fn clSVMAlloc(
    context: cl_context,
    flags: cl_svm_mem_flags,
    size: usize,
    alignment: cl_uint,
) -> *mut c_void {
    bare("clSVMAlloc", || {
        let context = Context::registry().get(context)?;
        let address = svm::svm_alloc(&context, flags, size, alignment).report_to(&context)?;
        Ok(address.get() as *mut c_void)
    })
}

pub(crate) unsafe extern "C" fn clSVMFree(context: cl_context, svm_pointer: *mut c_void) {
    bare("clSVMFree", || {
        let context = Context::registry().get(context)?;
        svm::svm_free(&context, svm_pointer.into()).report_to(&context)?;
        Ok(std::ptr::null_mut())
    });
}
