//! Programs loaded into the compiler library.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use isocl_compiler_interface::message::{Executable, Failure, KernelCode, Request, Response};
use isocl_compiler_interface::rows::Rows;

use super::compiler;
use crate::device::DeviceProgram;
use crate::launch_time::LaunchTime;
use crate::lock::lock;
use crate::{Error, ErrorCode, Result};

/// An executable and the code of the kernels asked for so far.
#[derive(Debug)]
struct Loaded {
    executable: Executable,
    /// By kernel.
    code: Vec<Mutex<Known>>,
}

/// The code of a kernel so far.
#[derive(Debug, Default)]
struct Known {
    /// For launches of a kind.
    all_sizes: Vec<(Rows, KernelCode)>,
    /// For launches of a kind with one local size.
    sizes: HashMap<(Rows, [u64; 3]), (KernelCode, Arc<LaunchTime>)>,
}

/// Kernels that had more local sizes so far get no code for further ones.
const MOST_SIZES: usize = 64;

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
        let known = self.known(index)?;
        let is_of_kind = |(kind, _): &&(Rows, KernelCode)| *kind == rows;
        if let Some((_, code)) = lock(known).all_sizes.iter().find(is_of_kind) {
            return Ok(*code);
        }
        let executable = self.executable.id;
        let code = ask_for_code(&Request::Kernel {
            executable,
            kernel: index,
            rows,
        })?;
        let code = code.ok_or_else(misunderstood)?;
        lock(known).all_sizes.push((rows, code));
        Ok(code)
    }

    fn kernel_for_size(
        &self,
        index: u32,
        rows: Rows,
        local_size: [u64; 3],
    ) -> Result<(KernelCode, Arc<LaunchTime>)> {
        let known = self.known(index)?;
        let there_is = lock(known).sizes.get(&(rows, local_size)).cloned();
        let Some((code, time)) = there_is else {
            let code = self.kernel(index, rows)?;
            let sizes = &mut lock(known).sizes;
            if !code.gains_by_size || sizes.len() >= MOST_SIZES {
                return Ok((code, Arc::new(LaunchTime::never())));
            }
            let time = Arc::new(LaunchTime::begin());
            return Ok(sizes
                .entry((rows, local_size))
                .or_insert((code, time))
                .clone());
        };
        if !time.is_over() {
            return Ok((code, time));
        }
        let request = Request::KernelForSize {
            executable: self.executable.id,
            kernel: index,
            rows,
            local_size,
        };
        match ask_for_code(&request) {
            Ok(Some(better)) => {
                // Whoever still has the time of the old code looks here.
                let better = (better, Arc::new(LaunchTime::never()));
                lock(known).sizes.insert((rows, local_size), better.clone());
                return Ok(better);
            }
            Ok(None) => time.renew(),
            Err(_) => time.end(),
        }
        Ok((code, time))
    }
}

impl Loaded {
    fn known(&self, index: u32) -> Result<&Mutex<Known>> {
        self.code.get(index as usize).ok_or_else(|| {
            Error::new(
                ErrorCode::OutOfResources,
                format!("the program has no kernel number {index}"),
            )
        })
    }
}

/// None when there will be code later.
fn ask_for_code(request: &Request) -> Result<Option<KernelCode>> {
    match compiler::ask(request)? {
        Response::Kernel(code) => Ok(Some(code)),
        Response::Later => Ok(None),
        Response::Failed { log, .. } => Err(Error::new(ErrorCode::OutOfResources, log)),
        _ => Err(misunderstood()),
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
