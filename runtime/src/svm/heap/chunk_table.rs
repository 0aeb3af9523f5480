//! From any address to the chunk it lies in, without a lock and in constant time.
//!
//! A chunk is 2 MiB of address space. Each has one word that says what it is used for; the words
//! of 64 GiB form a leaf, and leaves exist where the heap has memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

use super::size_class::SizeClass;
use super::PoolKind;

/// Bytes per chunk.
pub const CHUNK_BYTES: usize = 2 << 20;

const CHUNK_SHIFT: u32 = CHUNK_BYTES.trailing_zeros();
const LEAF_SHIFT: u32 = 15;
const LEAF_CHUNKS: usize = 1 << LEAF_SHIFT;

/// What a chunk is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkUse {
    /// Allocations of one size class.
    Slots {
        /// Which class.
        class: SizeClass,
        /// Index of the record of its slots; below [`MAX_SLOT_RECORDS`].
        record: u32,
        /// Number of the chunk in its slot pool; below 2^24.
        number: u32,
    },
    /// All or part of one large allocation.
    Extent {
        /// Index of the allocation's record.
        record: u32,
        /// Which pool.
        pool: PoolKind,
    },
}

// Layout of a word of slots: bits 0-1 kind, 2-7 class, 16-39 number, 40-63 record; of an extent:
// bits 0-1 kind, 8-9 pool, 32-63 record. Zero: not in use.
const KIND_SLOTS: u64 = 1;
const KIND_EXTENT: u64 = 2;

/// Most chunks that records of slots can be numbered for.
pub const MAX_SLOT_RECORDS: u32 = 1 << 24;

impl ChunkUse {
    fn pack(self) -> u64 {
        match self {
            Self::Slots {
                class,
                record,
                number,
            } => {
                KIND_SLOTS
                    | (class.index() as u64) << 2
                    | u64::from(number & 0xff_ffff) << 16
                    | u64::from(record) << 40
            }
            Self::Extent { record, pool } => {
                KIND_EXTENT | (pool as u64) << 8 | u64::from(record) << 32
            }
        }
    }

    #[inline]
    fn unpack(word: u64) -> Option<Self> {
        match word & 3 {
            KIND_SLOTS => Some(Self::Slots {
                class: SizeClass::from_index(((word >> 2) & 63) as usize)?,
                record: (word >> 40) as u32,
                number: ((word >> 16) & 0xff_ffff) as u32,
            }),
            KIND_EXTENT => Some(Self::Extent {
                record: (word >> 32) as u32,
                pool: PoolKind::from_bits((word >> 8) & 3),
            }),
            _ => None,
        }
    }
}

type Leaf = Box<[AtomicU64]>;

/// See the module.
#[derive(Debug)]
pub struct ChunkTable {
    leaves: OnceLock<Box<[OnceLock<Leaf>]>>,
    end: usize,
}

impl ChunkTable {
    /// A table for addresses below `end`; it takes no memory until a chunk is used.
    pub fn new(end: usize) -> Self {
        Self {
            leaves: OnceLock::new(),
            end,
        }
    }

    /// What the chunk around `address` is used for.
    #[inline]
    pub fn get(&self, address: usize) -> Option<ChunkUse> {
        let chunk = address >> CHUNK_SHIFT;
        let leaf = self.leaves.get()?.get(chunk >> LEAF_SHIFT)?.get()?;
        ChunkUse::unpack(leaf[chunk % LEAF_CHUNKS].load(Ordering::Acquire))
    }

    /// Says what `chunks` chunks from `start` on are used for. False, and nothing said, when they
    /// lie beyond the table's end.
    pub fn set(&self, start: usize, chunks: usize, chunk_use: ChunkUse) -> bool {
        let inside = chunks
            .checked_mul(CHUNK_BYTES)
            .and_then(|len| start.checked_add(len));
        if inside.is_none_or(|end| end > self.end) {
            return false;
        }
        self.store(start, chunks, chunk_use.pack());
        true
    }

    /// Says that `chunks` chunks from `start` on are not in use.
    pub fn clear(&self, start: usize, chunks: usize) {
        self.store(start, chunks, 0);
    }

    fn store(&self, start: usize, chunks: usize, word: u64) {
        let leaves = self.leaves.get_or_init(|| {
            let count = (self.end >> CHUNK_SHIFT >> LEAF_SHIFT) + 1;
            (0..count).map(|_| OnceLock::new()).collect()
        });
        let first = start >> CHUNK_SHIFT;
        let mut chunk = first;
        while chunk < first + chunks {
            let Some(leaf) = leaves.get(chunk >> LEAF_SHIFT) else {
                return;
            };
            let leaf = leaf.get_or_init(|| bytemuck::zeroed_slice_box(LEAF_CHUNKS));
            let from = chunk % LEAF_CHUNKS;
            let count = (first + chunks - chunk).min(LEAF_CHUNKS - from);
            for entry in &leaf[from..from + count] {
                entry.store(word, Ordering::Release);
            }
            chunk += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: ChunkUse = ChunkUse::Extent {
        record: u32::MAX,
        pool: PoolKind::ReadOnly,
    };

    #[test]
    fn words_keep_every_field_at_its_limit() {
        for class in [0, 47] {
            let slots = ChunkUse::Slots {
                class: SizeClass::from_index(class).unwrap(),
                record: MAX_SLOT_RECORDS - 1,
                number: (1 << 24) - 1,
            };
            assert_eq!(ChunkUse::unpack(slots.pack()), Some(slots));
        }
        assert_eq!(ChunkUse::unpack(EXTENT.pack()), Some(EXTENT));
        assert_eq!(ChunkUse::unpack(0), None);
    }

    #[test]
    fn chunks_across_leaves_are_found_from_every_byte() {
        let table = ChunkTable::new(1 << 47);
        let leaf = CHUNK_BYTES << LEAF_SHIFT;
        let start = 3 * leaf - 2 * CHUNK_BYTES;
        assert_eq!(table.get(start), None);
        assert!(table.set(start, LEAF_CHUNKS + 4, EXTENT));
        let end = start + (LEAF_CHUNKS + 4) * CHUNK_BYTES;
        for inside in [start, start + 1, 3 * leaf - 1, 3 * leaf, 4 * leaf, end - 1] {
            assert_eq!(table.get(inside), Some(EXTENT), "{inside:#x}");
        }
        for outside in [start - 1, end, 0, usize::MAX] {
            assert_eq!(table.get(outside), None, "{outside:#x}");
        }
        table.clear(start, LEAF_CHUNKS + 4);
        assert_eq!(table.get(3 * leaf), None);
    }

    #[test]
    fn chunks_beyond_the_end_are_refused() {
        let table = ChunkTable::new(1 << 40);
        assert!(table.set((1 << 40) - CHUNK_BYTES, 1, EXTENT));
        assert!(!table.set((1 << 40) - CHUNK_BYTES, 2, EXTENT));
        assert!(!table.set(1 << 47, 1, EXTENT));
        assert!(!table.set(CHUNK_BYTES, usize::MAX / 2, EXTENT));
    }
}
