//! The kernel compiler: a library of its own, loaded by the first request and never unloaded.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use isocl_compiler_interface::entry::{Entry, Functions, ENTRY_SYMBOL, VERSION};
use isocl_compiler_interface::message::{decode, encode, Request, Response};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::lock::lock;
use crate::{Error, ErrorCode, Result};

/// File name of the compiler library.
const FILE_NAME: &str = "libisocl_compiler.so";

/// Asks the compiler, loading it first if need be.
///
/// # Errors
/// `CompilerNotAvailable` when the library cannot be loaded or does not fit this one.
pub(super) fn ask(request: &Request) -> Result<Response> {
    call(load()?, request)
}

fn call(functions: &Functions, request: &Request) -> Result<Response> {
    let unavailable = |reason: String| Error::new(ErrorCode::CompilerNotAvailable, reason);
    let bytes = encode(request)
        .map_err(|error| unavailable(format!("a request has no encoding: {error}")))?;
    // SAFETY: the table comes from a library of our version, which says that `call` reads `len`
    // bytes and returns a block that it owns until `release`.
    let answer = unsafe { (functions.call)(bytes.as_ptr(), bytes.len()) };
    let response = if answer.data.is_null() {
        Err(unavailable("the compiler gave no answer".to_owned()))
    } else {
        // SAFETY: `call` returned `len` initialised bytes at `data` that nobody changes until
        // `release` below.
        let bytes = unsafe { std::slice::from_raw_parts(answer.data, answer.len) };
        decode(bytes)
            .map_err(|error| unavailable(format!("the compiler's answer cannot be read: {error}")))
    };
    // SAFETY: the block is `call`'s, released once, and no reference into it remains.
    unsafe { (functions.release)(answer) };
    response
}

/// The function table. A failure is not remembered: the next build tries again.
fn load() -> Result<&'static Functions> {
    static LOADED: Mutex<Option<&'static Functions>> = Mutex::new(None);
    let mut loaded = lock(&LOADED);
    if let Some(functions) = *loaded {
        return Ok(functions);
    }
    let functions = open(&library_path()?)?;
    let folder = crate::config::config().cache.as_deref();
    let use_cache = Request::UseCache {
        folder: folder.and_then(Path::to_str).map(str::to_owned),
    };
    call(functions, &use_cache)?;
    *loaded = Some(functions);
    Ok(functions)
}

fn open(path: &Path) -> Result<&'static Functions> {
    let unavailable = |reason: String| Error::new(ErrorCode::CompilerNotAvailable, reason);
    // Deep binding: another LLVM in the process must not answer the compiler's calls.
    let flags = RTLD_NOW | RTLD_LOCAL | libc::RTLD_DEEPBIND;
    // SAFETY: the library is ours; its initialisers are those of LLVM, which may run on any
    // thread.
    let library = unsafe { Library::open(Some(path), flags) }
        .map_err(|error| unavailable(format!("{} cannot be loaded: {error}", path.display())))?;
    // SAFETY: the interface crate defines the symbol with this type for every version.
    let entry = unsafe { library.get::<Entry>(ENTRY_SYMBOL) }.map_err(|error| {
        unavailable(format!("{} is no kernel compiler: {error}", path.display()))
    })?;
    let table = entry();
    // SAFETY: `entry` returns null or a table that lives as long as the library.
    let functions = unsafe { table.as_ref() };
    match functions {
        Some(functions) if functions.version == VERSION => {
            // Kept loaded for good: generated code and LLVM's exit handlers live in it.
            std::mem::forget(library);
            Ok(functions)
        }
        Some(functions) => Err(unavailable(format!(
            "{} speaks version {} of the compiler interface, the driver version {VERSION}",
            path.display(),
            functions.version
        ))),
        None => Err(unavailable(format!(
            "{} has no function table",
            path.display()
        ))),
    }
}

fn library_path() -> Result<PathBuf> {
    if let Some(path) = &crate::config::config().compiler_library {
        return Ok(path.clone());
    }
    let directory = own_directory().ok_or_else(|| {
        Error::new(
            ErrorCode::CompilerNotAvailable,
            "the directory of the driver library is unknown",
        )
    })?;
    Ok(directory.join(FILE_NAME))
}

/// The directory of the file that this code was loaded from.
fn own_directory() -> Option<PathBuf> {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `dladdr` takes any address and writes to the structure it is given.
    let found = unsafe { libc::dladdr(own_directory as *const libc::c_void, info.as_mut_ptr()) };
    // SAFETY: all-zero is a valid `Dl_info`, and `dladdr` wrote nothing else than valid values.
    let info = unsafe { info.assume_init() };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: `dli_fname` is a zero-terminated string that lives as long as the loaded file,
    // which contains this function.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    let path = Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()));
    // A name without a slash is the program itself, found through PATH.
    let path = if path.is_absolute() {
        path.to_owned()
    } else {
        std::fs::canonicalize(path).ok()?
    };
    path.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_that_of_this_program() {
        let program = std::env::current_exe().unwrap();
        assert_eq!(own_directory().unwrap(), program.parent().unwrap());
    }

    #[test]
    fn a_missing_or_foreign_library_is_an_error_with_its_path() {
        let error = open(Path::new("/nonexistent/libisocl_compiler.so")).unwrap_err();
        assert_eq!(error.code, ErrorCode::CompilerNotAvailable);
        assert!(
            error.reason.contains("/nonexistent/libisocl_compiler.so"),
            "{error}"
        );
        let error = open(Path::new("libc.so.6")).unwrap_err();
        assert!(error.reason.contains("is no kernel compiler"), "{error}");
    }
}
