//! The sizes that small allocations are rounded up to.
//!
//! Steps of 128 bytes to 1 KiB, then four per doubling to 1 MiB, so that at most a fifth is lost.
//! Every size is a multiple of 128 bytes: no two allocations share a cache line (nor the pair that
//! is fetched together), and the alignment of the largest built-in type holds for all.

use super::chunk_table::CHUNK_BYTES;

/// Alignment of every allocation, in bytes: that of `long16`.
pub const MIN_ALIGNMENT: usize = 128;

/// Largest size that shares a chunk with others, in bytes.
pub const LARGEST: usize = 1 << 20;

/// Number of classes.
pub const COUNT: usize = 48;

/// Classes up to this size, in bytes, are [`MIN_ALIGNMENT`] apart.
const FINE_LIMIT: usize = 1024;
const FINE_COUNT: usize = FINE_LIMIT / MIN_ALIGNMENT;

/// One size that allocations are rounded up to: an index below [`COUNT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeClass(u8);

/// What dividing by a class needs.
#[derive(Clone, Copy)]
struct Shape {
    bytes: u32,
    /// `floor(2^32 / (bytes / 128)) + 1`
    reciprocal: u64,
}

const SHAPES: [Shape; COUNT] = {
    let mut shapes = [Shape {
        bytes: 0,
        reciprocal: 0,
    }; COUNT];
    let mut class = 0;
    while class < COUNT {
        let bytes = if class < FINE_COUNT {
            (class + 1) * MIN_ALIGNMENT
        } else {
            let base = FINE_LIMIT << ((class - FINE_COUNT) / 4);
            base + ((class - FINE_COUNT) % 4 + 1) * (base / 4)
        };
        shapes[class] = Shape {
            bytes: bytes as u32,
            reciprocal: (1 << 32) / (bytes / MIN_ALIGNMENT) as u64 + 1,
        };
        class += 1;
    }
    shapes
};

impl SizeClass {
    /// The smallest class for `size` bytes (at least 1) whose slots are all aligned to
    /// `alignment`, a power of two; none when the allocation is too large to share a chunk.
    pub fn fitting(size: usize, alignment: usize) -> Option<Self> {
        if alignment <= MIN_ALIGNMENT {
            return Self::smallest(size);
        }
        let first = Self::smallest(size.max(alignment))?;
        // Slots lie at multiples of the class, so the class must be a multiple of the alignment;
        // every power of two is a class, which bounds the search.
        let mut classes = (usize::from(first.0)..COUNT).map(|index| Self(index as u8));
        classes.find(|class| class.bytes() % alignment == 0)
    }

    fn smallest(size: usize) -> Option<Self> {
        if size <= FINE_LIMIT {
            return Some(Self((size.max(1).div_ceil(MIN_ALIGNMENT) - 1) as u8));
        }
        if size > LARGEST {
            return None;
        }
        let below = size - 1;
        let doubling = below.ilog2();
        let quarter = (below >> (doubling - 2)) & 3;
        let doublings = (doubling - FINE_LIMIT.ilog2()) as usize;
        Some(Self((FINE_COUNT + doublings * 4 + quarter) as u8))
    }

    /// The class with this index.
    pub fn from_index(index: usize) -> Option<Self> {
        (index < COUNT).then_some(Self(index as u8))
    }

    /// Index of the class, below [`COUNT`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Bytes per slot.
    pub fn bytes(self) -> usize {
        SHAPES[self.index()].bytes as usize
    }

    /// Slots per chunk; the rest of the chunk is unused.
    pub fn slots(self) -> usize {
        CHUNK_BYTES / self.bytes()
    }

    /// Number of the slot that holds the byte at `offset` in a chunk. Bytes after the last slot
    /// have the number [`Self::slots`] or more.
    #[inline]
    pub fn slot_at(self, offset: usize) -> usize {
        // Exact: offset / 128 < 2^14 and bytes / 128 <= 2^13, so the error of the reciprocal
        // stays below one part of the quotient's fraction.
        (((offset / MIN_ALIGNMENT) as u64 * SHAPES[self.index()].reciprocal) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = SizeClass> {
        (0..COUNT).filter_map(SizeClass::from_index)
    }

    #[test]
    fn classes_ascend_from_128_bytes_to_one_mebibyte() {
        let bytes: Vec<usize> = all().map(SizeClass::bytes).collect();
        assert_eq!((bytes[0], bytes[COUNT - 1]), (128, LARGEST));
        assert!(bytes.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(bytes.iter().all(|bytes| bytes % MIN_ALIGNMENT == 0));
    }

    #[test]
    fn every_size_gets_the_smallest_class_that_holds_it() {
        for class in all() {
            let bytes = class.bytes();
            assert_eq!(SizeClass::fitting(bytes, 1), Some(class));
            assert_eq!(
                SizeClass::fitting(bytes + 1, 1),
                SizeClass::from_index(class.index() + 1)
            );
        }
        assert_eq!(SizeClass::fitting(1, 1), SizeClass::from_index(0));
        assert_eq!(SizeClass::fitting(LARGEST + 1, 1), None);
        assert_eq!(SizeClass::fitting(usize::MAX, 1), None);
    }

    #[test]
    fn alignment_is_that_of_every_slot() {
        for shift in 0..=20 {
            for size in [1, 100, 129, 4096, 5000, 300_000, LARGEST] {
                let class = SizeClass::fitting(size, 1 << shift).unwrap();
                assert!(class.bytes() >= size);
                assert_eq!(class.bytes() % (1 << shift).min(LARGEST), 0);
            }
        }
        assert_eq!(SizeClass::fitting(1, 2 << 20), None);
    }

    #[test]
    fn slot_numbers_are_exact_for_every_line_of_a_chunk() {
        for class in all() {
            for offset in (0..CHUNK_BYTES).step_by(64).chain([CHUNK_BYTES - 1]) {
                assert_eq!(
                    class.slot_at(offset),
                    offset / class.bytes(),
                    "{class:?} {offset}"
                );
            }
        }
    }
}
