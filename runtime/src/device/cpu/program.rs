//! Programs loaded into the compiler library.

use std::sync::{Arc, Mutex};

use isocl_compiler_interface::message::{Executable, Failure, KernelCode, Request, Response};
use isocl_compiler_interface::rows::Rows;

use super::compiler;
use crate::device::DeviceProgram;
use crate::lock::lock;
use crate::{Error, ErrorCode, Result};

/// An executable and the code of the kernels asked for so far.
#[derive(Debug)]
struct Loaded {
    executable: Executable,
    /// By kernel: for which launches there is code.
    code: Vec<Mutex<Vec<(Rows, KernelCode)>>>,
}

/// Loads a linked binary.
///
/// # Errors
/// `InvalidBinary` when the bytes are none of this compiler's, `OutOfResources` when it fails.
pub(super) fn load(binary: &[u8]) -> Result<Arc<dyn DeviceProgram>> {
    match compiler::ask(&Request::Load {
        binary: binary.to_vec(),
    })? {
        Response::Loaded(executable) => {
            let code = executable.kernels.iter().map(|_| Mutex::default());
            let code = code.collect();
            Ok(Arc::new(Loaded { executable, code }))
        }
        Response::Failed {
            failure: Failure::Binary,
            log,
        } => Err(Error::new(ErrorCode::InvalidBinary, log)),
        Response::Failed { log, .. } => Err(Error::new(ErrorCode::OutOfResources, log)),
        _ => Err(misunderstood()),
    }
}

fn misunderstood() -> Error {
    Error::new(
        ErrorCode::OutOfResources,
        "the compiler answered another question",
    )
}

impl DeviceProgram for Loaded {
    fn executable(&self) -> &Executable {
        &self.executable
    }

    fn kernel(&self, index: u32, rows: Rows) -> Result<KernelCode> {
        let known = self.code.get(index as usize).ok_or_else(|| {
            Error::new(
                ErrorCode::OutOfResources,
                format!("the program has no kernel number {index}"),
            )
        })?;
        if let Some((_, code)) = lock(known).iter().find(|(kind, _)| *kind == rows) {
            return Ok(*code);
        }
        match compiler::ask(&Request::Kernel {
            executable: self.executable.id,
            kernel: index,
            rows,
        })? {
            Response::Kernel(code) => {
                lock(known).push((rows, code));
                Ok(code)
            }
            Response::Failed { log, .. } => Err(Error::new(ErrorCode::OutOfResources, log)),
            _ => Err(misunderstood()),
        }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if let Err(error) = compiler::ask(&Request::Unload {
            executable: self.executable.id,
        }) {
            crate::log::error("unloading a program", &error);
        }
    }
}
