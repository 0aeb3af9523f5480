//! The C boundary of the library: one exported function table.
#![allow(unsafe_code)]

use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::sync::Once;

use isocl_compiler_interface::entry::{Functions, OwnedBytes, VERSION};

use crate::service;

static FUNCTIONS: Functions = Functions {
    version: VERSION,
    call,
    release,
};

/// The one exported symbol; see [`isocl_compiler_interface::entry::Entry`].
#[no_mangle]
pub extern "C" fn isocl_compiler_entry() -> *const Functions {
    // A panic is told in the answer. The hook is this library's own, like its standard library.
    static SILENCE: Once = Once::new();
    SILENCE.call_once(|| set_hook(Box::new(|_| ())));
    &FUNCTIONS
}

unsafe extern "C" fn call(request: *const u8, len: usize) -> OwnedBytes {
    // SAFETY: the caller passes `len` readable bytes, as `Functions::call` says.
    let request = unsafe { std::slice::from_raw_parts(request, len) };
    let answer = catch_unwind(AssertUnwindSafe(|| service::answer(request))).unwrap_or_default();
    let mut answer = std::mem::ManuallyDrop::new(answer);
    OwnedBytes {
        data: answer.as_mut_ptr(),
        len: answer.len(),
        capacity: answer.capacity(),
    }
}

unsafe extern "C" fn release(bytes: OwnedBytes) {
    if !bytes.data.is_null() {
        // SAFETY: `call` took these three apart from a vector, and they come back once.
        drop(unsafe { Vec::from_raw_parts(bytes.data, bytes.len, bytes.capacity) });
    }
}
