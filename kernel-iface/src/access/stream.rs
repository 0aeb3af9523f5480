//! Copies and fills with stores that bypass the caches, for ranges larger than what a cache would
//! keep. Every function here answers whether this processor can do it; if not, nothing was done.
#![allow(unsafe_code)]

/// Copies of at least this many bytes stream: source and destination then exceed the second-level
/// cache of every processor this was measured on, and streaming won there by a third or more.
pub const COPY_THRESHOLD: usize = 2 << 20;

/// Fills of at least this many bytes stream. Ordinary stores are about as fast up to a hundred
/// mebibytes and half as fast beyond; but a large fill may come in parts of this length.
pub const FILL_THRESHOLD: usize = 4 << 20;

#[cfg(target_arch = "x86_64")]
pub use x86_64::{copy, fill};

#[cfg(not(target_arch = "x86_64"))]
pub use portable::{copy, fill};

#[cfg(not(target_arch = "x86_64"))]
mod portable {
    pub fn copy(_destination: usize, _source: usize, _len: usize) -> bool {
        false
    }

    pub fn fill(_destination: usize, _block: &[u8; super::super::BLOCK], _len: usize) -> bool {
        false
    }
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::is_x86_feature_detected;
    use std::arch::x86_64::{
        __m256i, _mm256_load_si256, _mm256_loadu_si256, _mm256_stream_si256, _mm_prefetch,
        _mm_sfence, _MM_HINT_T0,
    };
    use std::ptr;

    const LINE: usize = 64;
    const BLOCK: usize = super::super::BLOCK;

    /// Bytes copied in turn from each of [`STREAMS`] neighbouring pages: several pages at a time
    /// keep more of the memory busy than one.
    const RUN: usize = 4 * LINE;
    const PAGE: usize = 4096;
    const STREAMS: usize = 4;
    const GROUP: usize = STREAMS * PAGE;

    /// Copies `len` bytes between ranges that are apart; see the contract of [`crate::access`].
    pub fn copy(destination: usize, source: usize, len: usize) -> bool {
        let head = destination.wrapping_neg() % LINE;
        if len < head || !is_x86_feature_detected!("avx2") {
            return false;
        }
        let groups = (len - head) / GROUP;
        let tail = head + groups * GROUP;
        // SAFETY: the contract of `access` for both ranges, of which this is the beginning.
        unsafe { ptr::copy_nonoverlapping(source as *const u8, destination as *mut u8, head) };
        // SAFETY: AVX2 is present; `destination + head` is aligned to a line; the groups from there
        // lie within `len` bytes; the contract of `access` for both ranges.
        unsafe { copy_groups(destination + head, source + head, groups) };
        // SAFETY: the last `len - tail` bytes of both ranges, as above.
        unsafe {
            ptr::copy_nonoverlapping(
                (source + tail) as *const u8,
                (destination + tail) as *mut u8,
                len - tail,
            );
        }
        true
    }

    /// # Safety
    /// `destination` is aligned to a line; `groups * GROUP` bytes at both addresses are mapped and
    /// apart.
    #[target_feature(enable = "avx2")]
    unsafe fn copy_groups(destination: usize, source: usize, groups: usize) {
        for group in 0..groups {
            for run in 0..PAGE / RUN {
                for page in 0..STREAMS {
                    let offset = group * GROUP + page * PAGE + run * RUN;
                    // SAFETY: the run lies in its group, hence in both ranges.
                    unsafe { copy_run(destination + offset, source + offset) };
                }
            }
        }
        // Streamed stores become visible in order with what this thread does next.
        _mm_sfence();
    }

    /// # Safety
    /// `destination` is aligned to a line; `RUN` bytes at both addresses are mapped and apart.
    #[target_feature(enable = "avx2")]
    #[inline]
    #[allow(clippy::multiple_unsafe_ops_per_block)]
    unsafe fn copy_run(destination: usize, source: usize) {
        let from = source as *const __m256i;
        let to = destination as *mut __m256i;
        for line in 0..RUN / LINE {
            let next = from.wrapping_byte_add(GROUP + line * LINE).cast();
            _mm_prefetch::<_MM_HINT_T0>(next);
        }
        for line in 0..RUN / LINE {
            // SAFETY: the caller's promise: the line lies in both ranges; loads need no alignment,
            // the stores have theirs.
            unsafe {
                let low = _mm256_loadu_si256(from.add(2 * line));
                let high = _mm256_loadu_si256(from.add(2 * line + 1));
                _mm256_stream_si256(to.add(2 * line), low);
                _mm256_stream_si256(to.add(2 * line + 1), high);
            }
        }
    }

    /// Fills `len` bytes with `block`, whose contents repeat within each line or every two; see
    /// the contract of [`crate::access`].
    pub fn fill(destination: usize, block: &[u8; BLOCK], len: usize) -> bool {
        let head = destination.wrapping_neg() % LINE;
        if len < head || !is_x86_feature_detected!("avx2") {
            return false;
        }
        // The first full line continues the pattern where the head leaves it.
        let mut rotated = super::super::Block([0; BLOCK]);
        for (index, byte) in rotated.0.iter_mut().enumerate() {
            *byte = block[(head + index) % BLOCK];
        }
        let blocks = (len - head) / (2 * LINE);
        let tail = head + blocks * 2 * LINE;
        // SAFETY: the contract of `access`; the head is shorter than a line, hence than a block.
        unsafe { ptr::copy_nonoverlapping(block.as_ptr(), destination as *mut u8, head) };
        // SAFETY: AVX2 is present; `destination + head` is aligned to a line; `blocks` pairs of
        // lines from there lie within `len` bytes, as the contract of `access` says.
        unsafe { fill_line_pairs(destination + head, &rotated.0, blocks) };
        // SAFETY: the last `len - tail` bytes of the range, fewer than a pair of lines.
        unsafe {
            ptr::copy_nonoverlapping(
                rotated.0.as_ptr(),
                (destination + tail) as *mut u8,
                len - tail,
            );
        }
        true
    }

    /// # Safety
    /// `destination` is aligned to a line and `pairs` pairs of lines there are mapped; `block` is
    /// aligned to a line.
    #[target_feature(enable = "avx2")]
    #[allow(clippy::multiple_unsafe_ops_per_block)]
    unsafe fn fill_line_pairs(destination: usize, block: &[u8; BLOCK], pairs: usize) {
        let from = block.as_ptr().cast::<__m256i>();
        // SAFETY: the block is longer than that and is aligned, as the caller promises.
        let (a, b, c, d) = unsafe {
            (
                _mm256_load_si256(from),
                _mm256_load_si256(from.add(1)),
                _mm256_load_si256(from.add(2)),
                _mm256_load_si256(from.add(3)),
            )
        };
        let mut to = destination as *mut __m256i;
        for _ in 0..pairs {
            // SAFETY: the caller's promise: this pair of lines lies in the range and is aligned.
            unsafe {
                _mm256_stream_si256(to, a);
                _mm256_stream_si256(to.add(1), b);
                _mm256_stream_si256(to.add(2), c);
                _mm256_stream_si256(to.add(3), d);
                to = to.add(4);
            }
        }
        // Streamed stores become visible in order with what this thread does next.
        _mm_sfence();
    }
}
