//! The edge of every call: panics end here, and errors become codes here and nowhere else.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use isocl_runtime::context::Context;
use isocl_runtime::{log, Error, ErrorCode, Result};

use crate::abi::{cl_int, CL_SUCCESS};
use crate::decode::Out;

/// A function that returns its code.
pub(crate) fn entry(name: &'static str, call: impl FnOnce() -> Result<()>) -> cl_int {
    code(&run(name, call))
}

/// A function that returns a handle or pointer and its code through `errcode_ret`; null with an
/// error.
pub(crate) fn create(
    name: &'static str,
    errcode_ret: Out<'_, cl_int>,
    call: impl FnOnce() -> Result<*mut c_void>,
) -> *mut c_void {
    let result = run(name, call);
    errcode_ret.write_if_wanted(code(&result));
    result.unwrap_or(std::ptr::null_mut())
}

/// A function that returns a pointer, null with an error, and no code.
pub(crate) fn bare(name: &'static str, call: impl FnOnce() -> Result<*mut c_void>) -> *mut c_void {
    run(name, call).unwrap_or(std::ptr::null_mut())
}

fn run<T>(name: &'static str, call: impl FnOnce() -> Result<T>) -> Result<T> {
    log::call(name);
    let result = catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        Err(Error::new(
            ErrorCode::OutOfResources,
            format!("an internal check failed: {words}"),
        ))
    });
    if let Err(error) = &result {
        log::error(name, error);
    }
    result
}

fn code<T>(result: &Result<T>) -> cl_int {
    match result {
        Ok(_) => CL_SUCCESS,
        Err(error) => error.code as cl_int,
    }
}

/// Lets the application's callback hear of errors in a context.
pub(crate) trait ReportTo {
    /// Passes the error, if it is one, to the callback of `context`.
    #[must_use]
    fn report_to(self, context: &Arc<Context>) -> Self;
}

impl<T> ReportTo for Result<T> {
    fn report_to(self, context: &Arc<Context>) -> Self {
        if let Err(error) = &self {
            context.report(error);
        }
        self
    }
}
