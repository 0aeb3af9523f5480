//! Answers the messages of the runtime.

use std::path::Path;

use isocl_compiler_interface::message::{
    decode, encode, BinaryKind, Failure, Header, Request, Response, Target,
};

use crate::cache::{self, Key};
use crate::error::Error;
use crate::fork::Call;
use crate::llvm::{Context, TargetMachine};
use crate::recovery::isolated;
use crate::{binary, executable, frontend, library, metadata, options, prepare};

/// Decodes a request, does it, and encodes the answer.
pub fn answer(request: &[u8]) -> Vec<u8> {
    let response = match decode(request) {
        Ok(request) => respond(request),
        Err(error) => Response::Failed {
            failure: Failure::Internal,
            log: format!("unreadable request: {error}"),
        },
    };
    encode(&response).unwrap_or_default()
}

/// Does what a request asks for.
pub fn respond(request: Request) -> Response {
    Call::begin()
        .and_then(|_call| fulfil(request))
        .unwrap_or_else(|error| Response::Failed {
            failure: error.failure(),
            log: error.to_string(),
        })
}

fn fulfil(request: Request) -> Result<Response, Error> {
    match request {
        Request::Compile { .. } | Request::Link { .. } => build(&request),
        Request::UseCache { folder } => {
            cache::use_folder(folder.as_deref().map(Path::new));
            Ok(Response::CacheUsed)
        }
        Request::Load { binary } => executable::load(&binary).map(Response::Loaded),
        Request::Kernel {
            executable,
            kernel,
            rows,
        } => executable::kernel(executable, kernel, rows).map(Response::Kernel),
        Request::KernelForSize {
            executable,
            kernel,
            rows,
            local_size,
        } => {
            let code = executable::kernel_for_size(executable, kernel, rows, local_size)?;
            Ok(code.map_or(Response::Later, Response::Kernel))
        }
        Request::Unload { executable } => {
            executable::unload(executable).map(|()| Response::Unloaded)
        }
    }
}

/// Compiles or links, or finds what doing so gave earlier.
fn build(request: &Request) -> Result<Response, Error> {
    let bytes = encode(request).map_err(|error| Error::Internal(error.to_string()))?;
    let key = Key::new("build", &[&bytes]);
    let kept = cache::get(&key).and_then(|kept| decode(&kept).ok());
    if let Some(response) = kept {
        return Ok(response);
    }
    let (response, is_self_contained) = match request {
        Request::Compile {
            target,
            source,
            options,
            headers,
        } => isolated(|| compile(target, source, options, headers))??,
        Request::Link {
            objects, options, ..
        } => (isolated(|| link(objects, options))??, true),
        _ => return Err(Error::Internal("this request builds nothing".to_owned())),
    };
    if is_self_contained {
        cache::put(&key, encode(&response).unwrap_or_default());
    }
    Ok(response)
}

/// The second part of the result tells whether the request alone decided about it.
fn compile(
    target: &Target,
    source: &[u8],
    options: &str,
    headers: &[Header],
) -> Result<(Response, bool), Error> {
    let context = Context::new();
    let compiled = frontend::compile(&context, source, options, headers, target)?;
    metadata::kernels(&compiled.module)?;
    let kind = BinaryKind::CompiledObject;
    let response = Response::Built {
        binary: binary::encode(kind, &compiled.module.to_bitcode()),
        kind,
        log: compiled.log,
    };
    Ok((response, compiled.is_self_contained))
}

fn link(objects: &[Vec<u8>], options: &str) -> Result<Response, Error> {
    let options = options::link_options(options)?;
    let context = Context::new();
    let mut modules = objects.iter().map(|object| {
        let (kind, bitcode) = binary::decode(object)?;
        if kind == BinaryKind::Executable && objects.len() > 1 {
            return Err(Error::Binary(
                "an executable cannot be linked with other programs".to_owned(),
            ));
        }
        context.parse_bitcode(bitcode).map_err(Error::Binary)
    });
    let module = modules
        .next()
        .ok_or_else(|| Error::Link("there is nothing to link".to_owned()))??;
    for other in modules {
        frontend::link(&module, other?, false)?;
    }
    let kind = if options.create_library {
        BinaryKind::Library
    } else {
        BinaryKind::Executable
    };
    if !options.create_library {
        let machine = TargetMachine::host().map_err(Error::Internal)?;
        // What no kernel uses is gone before the builtins it calls are looked for.
        library::keep_kernels(&module, &machine)?;
        library::link(&module)?;
        library::check_defined(&module)?;
        let kernels = module.functions().into_iter();
        for kernel in kernels.filter(|function| metadata::is_kernel(*function)) {
            prepare::refuse_recursion(&module, kernel)?;
        }
        library::keep_kernels(&module, &machine)?;
    }
    Ok(Response::Built {
        binary: binary::encode(kind, &module.to_bitcode()),
        kind,
        log: String::new(),
    })
}
