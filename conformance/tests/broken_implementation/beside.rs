//! Broken rules of what a command leaves beside what it writes.

use std::ffi::c_void;

use isocl_conformance::client::write;
use opencl_sys::*;

use super::{real, rule, svm_alloc};

/// Writes another allocation too when all of one of 129 bytes is written, or the byte behind when
/// 31 bytes of one are.
pub fn beside(
    queue: cl_command_queue,
    (elsewhere, behind): (&str, &str),
    pointer: *mut c_void,
    size: usize,
) {
    if rule() != elsewhere && rule() != behind {
        return;
    }
    let whole = svm_alloc::size_of_live(pointer as usize) == Some(size);
    let first = svm_alloc::live().first().map(|live| live.0 as *mut c_void);
    if rule() == elsewhere && whole && size == 129 {
        real().clFinish(queue);
        if let Some(first) = first.filter(|first| *first != pointer) {
            write(first, 0, 0xEE_u8);
        }
    }
    if rule() == behind && !whole && size == 31 {
        real().clFinish(queue);
        write(pointer, size, 0xEE_u8);
    }
}
