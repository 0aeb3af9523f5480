//! Bytes to recognise, and what checks demand of them.

use std::ffi::c_void;

use crate::check::{expect, Environment, Finding};
use crate::client::offset;

/// So many bytes, none of which looks like its neighbours, different for each seed.
pub(super) fn pattern(size: usize, seed: usize) -> Vec<u8> {
    (0..size)
        .map(|index| ((index + seed * 31) * 7 + (index >> 8) * 13 + 1) as u8)
        .collect()
}

/// Bytes before and behind what a command is to write.
const FRAME: usize = 64;

/// Has a command write bytes into an SVM allocation, `skip` bytes behind a frame, and demands that
/// they are there and that nothing around them has changed.
pub(super) fn framed(
    environment: &Environment,
    what: &str,
    skip: usize,
    written: &[u8],
    command: impl FnOnce(*mut c_void) -> Finding,
) -> Finding {
    let begin = FRAME + skip;
    let mut expected = pattern(begin + written.len() + FRAME, 201);
    let memory = environment.svm(expected.len())?;
    environment.store(memory, &expected)?;
    command(offset(memory, begin))?;
    expected[begin..begin + written.len()].copy_from_slice(written);
    let found = environment.load(memory, expected.len())?;
    environment.free(memory);
    expect::elements(what, &expected, &found)
}
