//! What the chunk table's words point to: growing lists whose entries never move, read without a
//! lock, and the two kinds of entries in them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use isocl_kernel_iface::AddressRange;

use super::allocation_word::{AllocationWord, Snapshot};
use super::chunk_table::CHUNK_BYTES;
use super::size_class::SizeClass;
use super::{PoolKind, SHARDS};

/// Entries in the first block of a list; each block has twice as many as the one before.
const FIRST_BLOCK: usize = 64;
const BLOCKS: usize = 26;

/// A list that grows at its end. Reading needs no lock.
#[derive(Debug)]
pub struct Records<T> {
    blocks: [OnceLock<Box<[OnceLock<T>]>>; BLOCKS],
}

impl<T> Records<T> {
    /// An empty list.
    pub fn new() -> Self {
        Self {
            blocks: [const { OnceLock::new() }; BLOCKS],
        }
    }

    /// The entry at `index`, if it was set.
    #[inline]
    pub fn get(&self, index: u32) -> Option<&T> {
        let (block, offset) = Self::place(index);
        self.blocks.get(block)?.get()?.get(offset)?.get()
    }

    /// Sets the entry at `index`, which the caller has numbered and nobody has set.
    pub fn set(&self, index: u32, value: T) -> Option<&T> {
        let (block, offset) = Self::place(index);
        let entries = self.blocks.get(block)?;
        let entries =
            entries.get_or_init(|| (0..FIRST_BLOCK << block).map(|_| OnceLock::new()).collect());
        let entry = entries.get(offset)?;
        entry.set(value).ok()?;
        entry.get()
    }

    #[inline]
    fn place(index: u32) -> (usize, usize) {
        let shifted = index as usize + FIRST_BLOCK;
        let block = (shifted.ilog2() - FIRST_BLOCK.ilog2()) as usize;
        (block, shifted - (FIRST_BLOCK << block))
    }
}

/// The slots of one chunk. The record belongs to that chunk for good: a stale pointer finds the
/// words of the chunk it points into, or free ones, and never those of another.
#[derive(Debug)]
pub struct SlotRecord {
    /// First byte of the chunk.
    pub start: usize,
    /// State of each slot, with a [`SlotTag`].
    pub words: Arc<[AllocationWord]>,
}

impl SlotRecord {
    /// A record of `slots` free slots.
    pub fn new(start: usize, slots: usize) -> Self {
        Self {
            start,
            words: (0..slots).map(|_| AllocationWord::default()).collect(),
        }
    }
}

/// What the word of a slot says besides its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotTag {
    /// The class that its chunk is cut for.
    pub class: SizeClass,
    /// Requested bytes, 1 to 1 MiB.
    pub size: usize,
    /// The pool of its chunk.
    pub pool: PoolKind,
    /// The shard that owns its chunk, below [`SHARDS`](super::SHARDS).
    pub shard: usize,
}

// Layout of a tag: bits 0-20 size, 21-22 pool, 23-25 shard, 26-31 class.
const SIZE_BITS: u32 = 21;

impl SlotTag {
    /// The tag's 32 bits, never 0.
    #[inline]
    pub fn pack(self) -> u32 {
        let pool_and_shard = (self.pool as u32) | (self.shard as u32) << 2;
        self.size as u32 | pool_and_shard << SIZE_BITS | (self.class.index() as u32) << 26
    }

    /// The tag with these bits; none when the slot was never used.
    #[inline]
    pub fn unpack(bits: u32) -> Option<Self> {
        let class = SizeClass::from_index((bits >> 26) as usize)?;
        let tag = Self {
            class,
            size: (bits & ((1 << SIZE_BITS) - 1)) as usize,
            pool: PoolKind::from_bits(u64::from(bits >> SIZE_BITS) & 3),
            shard: (bits >> (SIZE_BITS + 2)) as usize & (SHARDS - 1),
        };
        (bits != 0).then_some(tag)
    }
}

/// A large allocation. The tag of its word counts how often the record was used, so that what was
/// read of one use is not taken for another.
#[derive(Debug, Default)]
pub struct Extent {
    /// State and pins.
    pub word: AllocationWord,
    start: AtomicUsize,
    size: AtomicUsize,
}

/// Place and length of a large allocation, as they were together at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtentView {
    /// First byte.
    pub start: usize,
    /// Requested bytes.
    pub size: usize,
    /// The word at that moment.
    pub word: Snapshot,
}

impl ExtentView {
    /// The whole chunks that the allocation takes.
    #[inline]
    pub fn chunks(&self) -> Option<AddressRange> {
        let chunks = self.size.div_ceil(CHUNK_BYTES);
        AddressRange::with_len(self.start, chunks * CHUNK_BYTES)
    }
}

impl Extent {
    /// Starts another use of a free record, which only its owner does. `pinned`: the allocation
    /// is born with one pin and without an address for the application.
    pub fn reuse(&self, start: usize, size: usize, pinned: bool) {
        // Released, so that whoever reads them finds the word free or in its new use, not live in
        // the former.
        self.start.store(start, Ordering::Release);
        self.size.store(size, Ordering::Release);
        // Never 0, which is the tag of what was never allocated.
        let generation = self.word.load().tag().wrapping_add(1).max(1);
        self.word.make(generation, pinned);
    }

    /// What the record describes now. Place and length are meaningful only together with the
    /// word: operations on the word fail if the record's use changed meanwhile.
    #[inline]
    pub fn view(&self) -> ExtentView {
        loop {
            let word = self.word.load();
            let start = self.start.load(Ordering::Acquire);
            let size = self.size.load(Ordering::Acquire);
            let again = self.word.load();
            if again.tag() == word.tag() {
                return ExtentView {
                    start,
                    size,
                    word: again,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_where_they_are() {
        let records = Records::new();
        let first = std::ptr::from_ref(records.set(0, 0_u32).unwrap());
        for index in 1..5000 {
            assert_eq!(records.set(index, index * 3), Some(&(index * 3)));
        }
        assert!(std::ptr::eq(first, records.get(0).unwrap()));
        assert!((0..5000).all(|index| records.get(index) == Some(&(index * 3))));
        assert_eq!(records.get(5000), None);
        assert_eq!(records.get(u32::MAX), None);
        assert_eq!(records.set(7, 1), None, "set once only");
    }

    #[test]
    fn slot_tags_keep_every_field_at_its_limit() {
        for (class, size, pool) in [
            (47, 1 << 20, PoolKind::ReadOnly),
            (0, 1, PoolKind::CoarseGrain),
        ] {
            let class = SizeClass::from_index(class).unwrap();
            for shard in [0, SHARDS - 1] {
                let tag = SlotTag {
                    class,
                    size,
                    pool,
                    shard,
                };
                assert_eq!(SlotTag::unpack(tag.pack()), Some(tag));
            }
        }
        assert_eq!(SlotTag::unpack(0), None);
    }

    #[test]
    fn each_use_of_an_extent_has_its_own_tag() {
        let extent = Extent::default();
        extent.reuse(0x20_0000, 100, false);
        let first = extent.view();
        assert_eq!((first.start, first.size), (0x20_0000, 100));
        assert!(extent.word.free(first.word).is_ok());
        extent.reuse(0x40_0000, 200, false);
        assert!(!extent.word.pin(first.word));
        assert_eq!(extent.view().size, 200);
    }
}
