//! The only code that touches bytes of shared memory.
//!
//! Everything here takes addresses and lengths and works with raw copies; no Rust reference or
//! slice to shared memory exists, because a device or another thread may write it at any time.
//! When that happens during a copy, each copied byte is either the old or the new one.
//!
//! # The contract
//! These functions cannot see whether memory is mapped. A range given to them was **proven** by
//! the caller to be one of two things, and stays so during the call: a part of a mapping that
//! the caller keeps alive (a pinned allocation, a slab), or memory of the application for whose
//! validity the application answers, as it does towards `memcpy`. A range that is neither is a bug
//! of the caller with the consequences of any wild pointer. Checking happens once, where ranges
//! are made; that is why it is not repeated here.
//!
//! Large copies and fills bypass the caches, where they would only evict other data.
#![allow(unsafe_code)]

use std::ptr;

use crate::Address;

mod stream;

/// Longest pattern of [`fill`], in bytes.
pub const MAX_PATTERN: usize = 128;

/// Who cuts a copy or fill into pieces for several threads should do it at multiples of this many
/// bytes: then every piece of a fill begins with a whole pattern (if the pattern's length is a
/// power of two), and hardly a page has two writers.
pub const PIECE_GRANULE: usize = 64 << 10;

/// Copies `len` bytes. The ranges may overlap: the destination then holds what the source held.
///
/// Both ranges are proven as the module's contract says.
pub fn copy(destination: Address, source: Address, len: usize) {
    let apart = destination.0.abs_diff(source.0) >= len;
    if apart && len >= stream::COPY_THRESHOLD && stream::copy(destination.0, source.0, len) {
        return;
    }
    // SAFETY: the module's contract: both ranges are mapped, readable and writable.
    unsafe { ptr::copy(source.0 as *const u8, destination.0 as *mut u8, len) };
}

/// Fills `len` bytes with repetitions of `pattern`, 1 to 128 bytes; the last one is cut where the
/// range ends.
///
/// The range is proven as the module's contract says.
pub fn fill(destination: Address, pattern: &[u8], len: usize) {
    if len == 0 || pattern.is_empty() || pattern.len() > MAX_PATTERN {
        debug_assert!(len == 0, "a pattern has 1 to 128 bytes");
        return;
    }
    if let [byte] = pattern {
        if len < stream::FILL_THRESHOLD {
            // SAFETY: the module's contract: the range is mapped and writable.
            unsafe { ptr::write_bytes(destination.0 as *mut u8, *byte, len) };
            return;
        }
    }
    let mut block = Block([0; BLOCK]);
    // Whole repetitions only, so that a block can follow a block.
    let block_len = BLOCK - BLOCK % pattern.len();
    repeat(pattern, &mut block.0[..block_len.min(len)]);
    let divides_lines = pattern.len().is_power_of_two();
    let large = divides_lines && len >= stream::FILL_THRESHOLD;
    if large && stream::fill(destination.0, &block.0, len) {
        return;
    }
    let mut done = 0;
    while done < len {
        let part = (len - done).min(block_len);
        let to = destination.0 + done;
        // SAFETY: `done + part <= len`, and the module's contract: the range is mapped and
        // writable. The block is a local array of at least `part` bytes.
        unsafe { ptr::copy_nonoverlapping(block.0.as_ptr(), to as *mut u8, part) };
        done += part;
    }
}

/// Fills local memory with repetitions of a pattern, the last one cut.
fn repeat(pattern: &[u8], block: &mut [u8]) {
    let mut done = pattern.len().min(block.len());
    block[..done].copy_from_slice(&pattern[..done]);
    while done < block.len() {
        let part = done.min(block.len() - done);
        block.copy_within(..part, done);
        done += part;
    }
}

/// Bytes of the repeated pattern that are copied at once.
const BLOCK: usize = 2048;

#[repr(align(64))]
struct Block([u8; BLOCK]);

/// Copies bytes out of shared memory.
///
/// `bytes.len()` bytes at `source` are proven as the module's contract says.
pub fn read(source: Address, bytes: &mut [u8]) {
    // SAFETY: the module's contract for the source; the destination is exclusively ours.
    unsafe { ptr::copy_nonoverlapping(source.0 as *const u8, bytes.as_mut_ptr(), bytes.len()) };
}

/// Copies bytes into shared memory.
///
/// `bytes.len()` bytes at `destination` are proven as the module's contract says.
pub fn write(destination: Address, bytes: &[u8]) {
    // SAFETY: the module's contract for the destination; nobody writes a shared slice.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), destination.0 as *mut u8, bytes.len()) };
}

#[cfg(test)]
mod tests;
