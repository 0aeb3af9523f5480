//! A case as a child process gets it and runs it: everything it needs is in the request.

use std::ptr::{null, null_mut};

use opencl_sys::*;
use serde::{Deserialize, Serialize};

use super::print::items;
use super::random::Random;
use super::tree::{Argument, Case, Count};
use crate::child;
use crate::session::{check, CallError, Session};

/// An argument of a kernel, with its contents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Content {
    bytes: Vec<u8>,
    by_value: bool,
    written: bool,
}

/// A kernel to be run once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// OpenCL C.
    pub source: String,
    /// Name of the kernel.
    pub name: String,
    /// Options of the build.
    pub options: String,
    /// Work-items in every dimension.
    pub global: Vec<usize>,
    /// Work-items of a group; `None` leaves them to the implementation.
    pub local: Option<Vec<usize>>,
    /// The arguments.
    pub arguments: Vec<Content>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The buffers that the kernel writes to.
    Outputs(Vec<Vec<u8>>),
    /// The build failed, with this log.
    BuildFailed(String),
    /// A call failed: its name and code.
    CallFailed(String, i32),
    /// The process ended, and how.
    Crashed(String),
    /// The process took too long.
    TimedOut,
}

/// What an argument holds when the kernel starts: random bytes, many of them edges of a type.
pub fn content(case: &Case, argument: &Argument) -> Content {
    let count = match argument.count {
        Count::Value => 1,
        Count::Fixed(count) => count,
        Count::WorkItems => items(&case.global()),
        Count::PerItem(count) => count * items(&case.global()),
        Count::PerGroup(count) => count * items(&case.groups),
    };
    let mut name = 0_u64;
    for byte in argument.name.bytes() {
        name = name.wrapping_mul(257).wrapping_add(u64::from(byte));
    }
    let mut random = Random::new(case.seed ^ name);
    let scalar = argument.kind.scalar.bytes();
    let mut bytes = Vec::new();
    for _ in 0..count * argument.kind.bytes() / scalar {
        if argument.kind.is_float() {
            let number = random.below(129) as f32 - 64.0;
            bytes.extend(number.to_le_bytes());
        } else {
            bytes.extend(&random.integer().to_le_bytes()[..scalar]);
        }
    }
    Content {
        bytes,
        by_value: argument.count == Count::Value,
        written: argument.written,
    }
}

/// Serves requests of the parent, until there are no more.
///
/// # Errors
/// When there is no device, or the other side is gone.
pub fn serve() -> Result<(), String> {
    let session = Session::open().map_err(|error| format!("{error:?}"))?;
    child::serve(|request| run(&session, &request))?;
    // Peers abort in their exit handlers now and then; the replies are out.
    std::mem::forget(session);
    Ok(())
}

fn run(session: &Session, request: &Request) -> Outcome {
    let (source, options) = (&request.source, &request.options);
    let kernel = match session.kernel(source, options, &request.name) {
        Ok(kernel) => kernel,
        Err((error, log)) if error.call == "clBuildProgram" => {
            return Outcome::BuildFailed(format!("code {}\n{log}", error.code));
        }
        Err((error, _)) => return Outcome::CallFailed(error.call.to_owned(), error.code),
    };
    let mut buffers = Vec::new();
    let result = launch(session, kernel, request, &mut buffers);
    for buffer in buffers {
        session.api.clReleaseMemObject(buffer);
    }
    session.api.clReleaseKernel(kernel);
    match result {
        Ok(outputs) => Outcome::Outputs(outputs),
        Err(error) => Outcome::CallFailed(error.call.to_owned(), error.code),
    }
}

fn launch(
    session: &Session,
    kernel: cl_kernel,
    request: &Request,
    buffers: &mut Vec<cl_mem>,
) -> Result<Vec<Vec<u8>>, CallError> {
    let api = session.api;
    let mut written = Vec::new();
    for (index, argument) in request.arguments.iter().enumerate() {
        let mut bytes = argument.bytes.clone();
        let size = bytes.len();
        let index = index as cl_uint;
        if argument.by_value {
            let code = api.clSetKernelArg(kernel, index, size, bytes.as_ptr().cast());
            check("clSetKernelArg", code)?;
            continue;
        }
        let flags = CL_MEM_COPY_HOST_PTR | CL_MEM_READ_WRITE;
        let mut code = CL_SUCCESS;
        let host = bytes.as_mut_ptr().cast();
        let buffer = api.clCreateBuffer(session.context, flags, size, host, &mut code);
        check("clCreateBuffer", code)?;
        buffers.push(buffer);
        check("clSetKernelArg", session.set_arg(kernel, index, &buffer))?;
        if argument.written {
            written.push((buffer, size));
        }
    }
    let code = session.launch(kernel, &request.global, request.local.as_deref());
    check("clEnqueueNDRangeKernel", code)?;
    let mut outputs = Vec::new();
    for (buffer, size) in written {
        let mut bytes = vec![0_u8; size];
        let place = bytes.as_mut_ptr().cast();
        let code = api.clEnqueueReadBuffer(
            session.queue,
            buffer,
            CL_TRUE,
            0,
            size,
            place,
            0,
            null(),
            null_mut(),
        );
        check("clEnqueueReadBuffer", code)?;
        outputs.push(bytes);
    }
    check("clFinish", api.clFinish(session.queue))?;
    Ok(outputs)
}
