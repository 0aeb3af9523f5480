//! SVM memory of one context (§5.6.1): allocation, free, and finding what an address belongs to.
//!
//! Memory comes from the device's driver in slabs and is cut into chunks of 2 MiB. A chunk holds
//! allocations of one size class and one pool; larger allocations are runs of chunks. A flat table
//! leads from any address to its chunk, and one atomic word per allocation says whether it is
//! live, so looking up takes no lock. Allocating and freeing take one short lock that threads
//! rarely share.
//!
//! An allocation in use by a command is pinned with a [`SvmRange`]. Freeing it makes it dead at
//! once, for every check that follows; its memory is reused when the last range is dropped.
//!
//! Lock order: slot pool, bookkeeping, chunk source.

mod allocation_word;
mod chunk_source;
mod chunk_table;
mod error;
mod range;
mod records;
mod size_class;
mod slot_pool;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use isocl_kernel_iface::driver::Driver;
use isocl_kernel_iface::{Address, AddressRange};

use crate::lock::lock;
use allocation_word::{AllocationWord, Freed, Snapshot, State};
use chunk_source::ChunkSource;
use chunk_table::{ChunkTable, ChunkUse, CHUNK_BYTES, MAX_SLOT_RECORDS};
pub use error::HeapError;
pub use range::SvmRange;
use records::{free_slots, slot_size, slot_tag, Extent, Records, SlotWords};
use size_class::SizeClass;
pub use size_class::MIN_ALIGNMENT;
use slot_pool::SlotPool;

/// Kinds of memory that never share a page, because ownership and protection go by pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// Coarse-grained buffers, and memory objects.
    CoarseGrain = 0,
    /// Fine-grained buffers, with or without atomics.
    FineGrain = 1,
    /// Memory that kernels only read.
    ReadOnly = 2,
}

const POOLS: usize = 3;

impl PoolKind {
    fn from_bits(bits: u64) -> Self {
        match bits {
            0 => Self::CoarseGrain,
            1 => Self::FineGrain,
            _ => Self::ReadOnly,
        }
    }
}

/// What an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllocationInfo {
    /// First byte of the allocation.
    pub base: Address,
    /// Bytes that were asked for.
    pub size: usize,
    /// Its kind of memory.
    pub pool: PoolKind,
}

/// Threads are spread over this many sets of slot pools.
const SHARDS: usize = 8;

/// The slot pools of one shard, by pool and class.
#[derive(Debug)]
struct Shard {
    slot_pools: Box<[Mutex<SlotPool>]>,
    /// For each slot pool, the address of a slot freed lately, or 0: who allocates the size that
    /// was just freed gets it without taking the lock. To its pool, the slot is in use.
    spare_slots: Box<[AtomicUsize]>,
}

impl Shard {
    fn new() -> Self {
        let count = POOLS * size_class::COUNT;
        Self {
            slot_pools: (0..count).map(|_| Mutex::default()).collect(),
            spare_slots: (0..count).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    #[inline]
    fn slot_pool(&self, pool: PoolKind, class: SizeClass) -> &Mutex<SlotPool> {
        &self.slot_pools[pool as usize * size_class::COUNT + class.index()]
    }

    #[inline]
    fn spare_slot(&self, pool: PoolKind, class: SizeClass) -> &AtomicUsize {
        &self.spare_slots[pool as usize * size_class::COUNT + class.index()]
    }

    /// Slots in use, spare ones not counted.
    fn live(&self) -> usize {
        let live: usize = self.slot_pools.iter().map(|pool| lock(pool).live()).sum();
        let is_spare = |spare: &&AtomicUsize| spare.load(Ordering::Acquire) != 0;
        live.saturating_sub(self.spare_slots.iter().filter(is_spare).count())
    }
}

/// Numbers of records, used and free.
#[derive(Debug, Default)]
struct Bookkeeping {
    /// Record of the slot words of a chunk (by address) that has or had so many slots.
    slot_records: HashMap<(usize, usize), u32>,
    extents: u32,
    free_extents: Vec<u32>,
}

/// See the module.
#[derive(Debug)]
pub struct SvmHeap {
    max_allocation: usize,
    source: ChunkSource,
    table: ChunkTable,
    shards: [OnceLock<Shard>; SHARDS],
    slot_words: Records<SlotWords>,
    extents: Records<Extent>,
    bookkeeping: Mutex<Bookkeeping>,
}

/// One allocation, found by an address inside it.
struct Found<'heap> {
    word: &'heap AllocationWord,
    seen: Snapshot,
    info: AllocationInfo,
}

impl SvmHeap {
    /// A heap over memory of `driver`, for allocations of at most `max_allocation` bytes. It takes
    /// no memory until something is allocated.
    pub fn new(driver: Arc<dyn Driver>, max_allocation: usize) -> Arc<Self> {
        let end = driver.plan().end();
        Arc::new(Self {
            max_allocation,
            source: ChunkSource::new(driver),
            table: ChunkTable::new(end),
            shards: [const { OnceLock::new() }; SHARDS],
            slot_words: Records::new(),
            extents: Records::new(),
            bookkeeping: Mutex::default(),
        })
    }

    /// Allocates `size` bytes at a multiple of `alignment`, a power of two in bytes; 0 stands for
    /// [`MIN_ALIGNMENT`], which every allocation has at least. Contents are undefined, but never
    /// those of another context.
    ///
    /// # Errors
    /// `ZeroSize`, `InvalidAlignment`, `TooLarge`, `OutOfMemory`.
    pub fn allocate(
        &self,
        size: usize,
        alignment: usize,
        pool: PoolKind,
    ) -> Result<Address, HeapError> {
        self.allocate_as(size, alignment, pool, false)
    }

    /// Allocates memory that no address of the application leads to: it cannot be freed or looked
    /// up, and lives as long as the range or a part of it. For memory objects.
    ///
    /// # Errors
    /// As [`Self::allocate`].
    pub fn allocate_range(
        self: &Arc<Self>,
        size: usize,
        alignment: usize,
        pool: PoolKind,
    ) -> Result<SvmRange, HeapError> {
        let base = self.allocate_as(size, alignment, pool, true)?;
        let allocation = AllocationInfo { base, size, pool };
        Ok(SvmRange::pinned(Arc::clone(self), base, size, allocation))
    }

    /// Frees the allocation that begins at `address`. Never waits: memory in use by a
    /// [`SvmRange`] is reclaimed when that is dropped.
    ///
    /// # Errors
    /// `NotAllocated`, `Interior`, `AlreadyFreed`; nothing changes then.
    pub fn free(&self, address: Address) -> Result<(), HeapError> {
        let found = self.find(address).ok_or(HeapError::NotAllocated(address))?;
        let base = found.info.base;
        if found.seen.tag() == 0 {
            return Err(HeapError::NotAllocated(address));
        }
        if base != address {
            return Err(match found.seen.state() {
                State::Live => HeapError::Interior { address, base },
                State::Free | State::Dead => HeapError::NotAllocated(address),
            });
        }
        match found.word.free(found.seen) {
            Ok(Freed::Now) => {
                self.reclaim(base.get());
                Ok(())
            }
            Ok(Freed::WithLastPin) => Ok(()),
            Err(_) => Err(HeapError::AlreadyFreed(address)),
        }
    }

    /// The live allocation around `address`, if there is one. It may be gone when this returns;
    /// to rely on it, use [`Self::resolve_range`].
    #[inline]
    pub fn resolve(&self, address: Address) -> Option<AllocationInfo> {
        let found = self.find(address)?;
        (found.seen.is_live() && found.holds(address, 0)).then_some(found.info)
    }

    /// Whether the allocation around `address` was freed and is still in use.
    pub fn is_quarantined(&self, address: Address) -> bool {
        let dead = |found: &Found<'_>| found.seen.state() == State::Dead && found.holds(address, 0);
        self.find(address).as_ref().is_some_and(dead)
    }

    /// Pins `len` bytes at `address` (0 is allowed) if all of them lie in one live allocation.
    #[inline]
    pub fn resolve_range(self: &Arc<Self>, address: Address, len: usize) -> Option<SvmRange> {
        let found = self.find(address)?;
        if !found.holds(address, len) || !found.word.pin(found.seen) {
            return None;
        }
        Some(SvmRange::pinned(Arc::clone(self), address, len, found.info))
    }

    /// Number of allocations whose memory is in use: live ones and quarantined ones. Takes every
    /// lock; for tests and leak reports.
    pub fn allocations(&self) -> usize {
        let shards = self.shards.iter().filter_map(OnceLock::get);
        let slots: usize = shards.map(Shard::live).sum();
        let bookkeeping = lock(&self.bookkeeping);
        slots + bookkeeping.extents as usize - bookkeeping.free_extents.len()
    }

    /// Bytes of address space that the heap holds, and how many of these no chunk uses.
    pub fn mapped_bytes(&self) -> (usize, usize) {
        self.source.bytes()
    }

    fn allocate_as(
        &self,
        size: usize,
        alignment: usize,
        pool: PoolKind,
        pinned: bool,
    ) -> Result<Address, HeapError> {
        if size == 0 {
            return Err(HeapError::ZeroSize);
        }
        if alignment != 0 && !alignment.is_power_of_two() {
            return Err(HeapError::InvalidAlignment(alignment));
        }
        if size > self.max_allocation {
            let limit = self.max_allocation;
            return Err(HeapError::TooLarge { size, limit });
        }
        let alignment = alignment.max(MIN_ALIGNMENT);
        match SizeClass::fitting(size, alignment) {
            Some(class) => self.allocate_slot(class, size, pool, pinned),
            None => self.allocate_extent(size, alignment, pool, pinned),
        }
        .map(Address)
    }

    #[inline]
    fn allocate_slot(
        &self,
        class: SizeClass,
        size: usize,
        pool: PoolKind,
        pinned: bool,
    ) -> Result<usize, HeapError> {
        let index = thread_shard();
        let shard = self.shards[index].get_or_init(Shard::new);
        let spare = shard.spare_slot(pool, class);
        if spare.load(Ordering::Relaxed) != 0 {
            let address = spare.swap(0, Ordering::AcqRel);
            if let Some(word) = self.slot_word(address, class) {
                word.make(slot_tag(class.index(), size), pinned);
                return Ok(address);
            }
        }
        let mut slots = lock(shard.slot_pool(pool, class));
        if let Some(address) = slots.take(class, size, pinned) {
            return Ok(address);
        }
        self.add_chunk(&mut slots, class, index as u8, pool)?;
        let no_room = isocl_kernel_iface::Error::no_memory("cut a chunk");
        slots
            .take(class, size, pinned)
            .ok_or(HeapError::OutOfMemory(no_room))
    }

    #[cold]
    fn add_chunk(
        &self,
        slots: &mut SlotPool,
        class: SizeClass,
        shard: u8,
        pool: PoolKind,
    ) -> Result<(), HeapError> {
        let range = self
            .source
            .take(CHUNK_BYTES, CHUNK_BYTES)
            .map_err(HeapError::OutOfMemory)?;
        let start = range.start();
        let Some((record, words)) = self.slot_record(start, class) else {
            self.source.give_back(range);
            let full = isocl_kernel_iface::Error::no_memory("number a chunk");
            return Err(HeapError::OutOfMemory(full));
        };
        let number = slots.add(start, words);
        let chunk_use = ChunkUse::Slots {
            class,
            record,
            shard,
            pool,
            number,
        };
        // The driver's contract: every slab lies in the plan, hence in the table.
        let known = self.table.set(start, 1, chunk_use);
        debug_assert!(known, "a slab outside its driver's plan");
        Ok(())
    }

    /// The words for the slots of the chunk at `start`: the ones it had when it was last cut into
    /// as many slots, or new ones.
    fn slot_record(&self, start: usize, class: SizeClass) -> Option<(u32, SlotWords)> {
        let mut bookkeeping = lock(&self.bookkeeping);
        let next = u32::try_from(bookkeeping.slot_records.len()).ok()?;
        let key = (start, class.slots());
        let record = *bookkeeping.slot_records.entry(key).or_insert(next);
        if record < next {
            return Some((record, Arc::clone(self.slot_words.get(record)?)));
        }
        if record >= MAX_SLOT_RECORDS {
            bookkeeping.slot_records.remove(&key);
            return None;
        }
        let words = self.slot_words.set(record, free_slots(class.slots()))?;
        Some((record, Arc::clone(words)))
    }

    fn allocate_extent(
        &self,
        size: usize,
        alignment: usize,
        pool: PoolKind,
        pinned: bool,
    ) -> Result<usize, HeapError> {
        let range = self
            .source
            .take(size, alignment)
            .map_err(HeapError::OutOfMemory)?;
        let mut bookkeeping = lock(&self.bookkeeping);
        let free = bookkeeping.free_extents.pop();
        let record = free.unwrap_or(bookkeeping.extents);
        let extent = match free {
            Some(record) => self.extents.get(record),
            None => self.extents.set(record, Extent::default()),
        };
        let Some(extent) = extent else {
            drop(bookkeeping);
            self.source.give_back(range);
            let full = isocl_kernel_iface::Error::no_memory("number an allocation");
            return Err(HeapError::OutOfMemory(full));
        };
        if free.is_none() {
            bookkeeping.extents += 1;
        }
        drop(bookkeeping);
        extent.reuse(range.start(), size, pinned);
        let known = self.table.set(
            range.start(),
            range.len() / CHUNK_BYTES,
            ChunkUse::Extent { record, pool },
        );
        debug_assert!(known, "a slab outside its driver's plan");
        Ok(range.start())
    }

    #[inline]
    fn find(&self, address: Address) -> Option<Found<'_>> {
        match self.table.get(address.get())? {
            ChunkUse::Slots {
                class,
                record,
                pool,
                ..
            } => {
                let offset = address.get() % CHUNK_BYTES;
                let slot = class.slot_at(offset);
                let word = self.slot_words.get(record)?.get(slot)?;
                let seen = word.load();
                let size = slot_size(seen.tag(), class.index())?;
                let base = Address(address.get() - offset + slot * class.bytes());
                Some(Found {
                    word,
                    seen,
                    info: AllocationInfo { base, size, pool },
                })
            }
            ChunkUse::Extent { record, pool } => {
                let extent = self.extents.get(record)?;
                let view = extent.view();
                view.chunks()?.contains_address(address).then_some(Found {
                    word: &extent.word,
                    seen: view.word,
                    info: AllocationInfo {
                        base: Address(view.start),
                        size: view.size,
                        pool,
                    },
                })
            }
        }
    }

    fn pin_again(&self, base: Address) -> bool {
        self.find(base).is_some_and(|found| found.word.pin_again())
    }

    #[inline]
    fn unpin(&self, base: Address) {
        // A pinned allocation stays where it is, so this always finds it.
        if let Some(found) = self.find(base) {
            if found.word.unpin() {
                self.reclaim(base.get());
            }
        }
    }

    /// The word of the slot at `address`, which the caller owns.
    #[inline]
    fn slot_word(&self, address: usize, class: SizeClass) -> Option<&AllocationWord> {
        match self.table.get(address)? {
            ChunkUse::Slots { record, .. } => self
                .slot_words
                .get(record)?
                .get(class.slot_at(address % CHUNK_BYTES)),
            ChunkUse::Extent { .. } => None,
        }
    }

    /// Makes the memory of the allocation at `base`, which has just become free, available again.
    #[inline]
    fn reclaim(&self, base: usize) {
        // The table is asked anew: only now that the allocation is ours is it certain that its
        // chunk keeps its use. Before, the chunk could be cut again between a look at the table
        // and one at the word.
        match self.table.get(base) {
            Some(ChunkUse::Slots {
                class,
                shard,
                pool,
                number,
                ..
            }) => {
                let Some(shard) = self.shards.get(usize::from(shard)).and_then(OnceLock::get)
                else {
                    return;
                };
                let spare = shard.spare_slot(pool, class);
                let vacant = spare.load(Ordering::Relaxed) == 0;
                let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
                if vacant && spare.compare_exchange(0, base, success, failure).is_ok() {
                    return;
                }
                let slot = class.slot_at(base % CHUNK_BYTES);
                let mut slots = lock(shard.slot_pool(pool, class));
                if let Some(start) = slots.give_back(class, number, slot) {
                    self.table.clear(start, 1);
                    drop(slots);
                    let chunk = AddressRange::new(start, start + CHUNK_BYTES);
                    self.source.give_back(chunk);
                }
            }
            Some(ChunkUse::Extent { record, .. }) => {
                let chunks = self
                    .extents
                    .get(record)
                    .and_then(|extent| extent.view().chunks());
                if let Some(range) = chunks {
                    self.table.clear(range.start(), range.len() / CHUNK_BYTES);
                    lock(&self.bookkeeping).free_extents.push(record);
                    self.source.give_back(range);
                }
            }
            None => {}
        }
    }
}

impl Found<'_> {
    /// Whether `len` bytes at `address`, which lies in the allocation's slot or chunks, are all in
    /// the allocation. The address itself must be in it even if `len` is 0.
    #[inline]
    fn holds(&self, address: Address, len: usize) -> bool {
        let offset = address.get() - self.info.base.get();
        offset < self.info.size && len <= self.info.size - offset
    }
}

/// The shard of the calling thread.
#[inline]
fn thread_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    SHARD.try_with(|shard| *shard).unwrap_or(0)
}

#[cfg(test)]
mod stress_tests;
#[cfg(test)]
mod tests;
