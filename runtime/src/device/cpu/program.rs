//! Programs loaded into the compiler library.

use std::sync::{Arc, OnceLock};

use isocl_compiler_interface::message::{Executable, Failure, KernelCode, Request, Response};

use super::compiler;
use crate::device::DeviceProgram;
use crate::{Error, ErrorCode, Result};

/// An executable and the code of the kernels asked for so far.
#[derive(Debug)]
struct Loaded {
    executable: Executable,
    code: Vec<OnceLock<KernelCode>>,
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
            let code = executable.kernels.iter().map(|_| OnceLock::new()).collect();
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

    fn kernel(&self, index: u32) -> Result<KernelCode> {
        let code = self.code.get(index as usize).ok_or_else(|| {
            Error::new(
                ErrorCode::OutOfResources,
                format!("the program has no kernel number {index}"),
            )
        })?;
        if let Some(code) = code.get() {
            return Ok(*code);
        }
        match compiler::ask(&Request::Kernel {
            executable: self.executable.id,
            kernel: index,
        })? {
            Response::Kernel(compiled) => Ok(*code.get_or_init(|| compiled)),
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
