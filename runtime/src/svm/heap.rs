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
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use isocl_kernel_iface::driver::Driver;
use isocl_kernel_iface::{Address, AddressRange};

use crate::device::cpu::fork::Generation;
use crate::lock::lock;
use allocation_word::{AllocationWord, Freed, Snapshot, State};
use chunk_source::ChunkSource;
use chunk_table::{ChunkTable, ChunkUse, CHUNK_BYTES, MAX_SLOT_RECORDS};
pub use error::HeapError;
pub use range::SvmRange;
use records::{Extent, Records, SlotRecord, SlotTag};
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

/// Slots of up to this many bytes come from small pages at first: a program that allocates a few
/// of each of many sizes, in many threads, would otherwise touch a huge page for each of them.
const LARGEST_SPARSE_SLOT: usize = 64 << 10;

/// The slot pools of one shard, by pool and class.
#[derive(Debug)]
struct Shard {
    slot_pools: Box<[Mutex<SlotPool>]>,
    /// For each slot pool, a slot freed lately (its record and number, see [`SpareSlot`]), or 0:
    /// who allocates the size that was just freed gets it without taking the lock. To its pool,
    /// the slot is in use.
    spare_slots: Box<[AtomicU64]>,
}

impl Shard {
    fn new() -> Self {
        let count = POOLS * size_class::COUNT;
        Self {
            slot_pools: (0..count).map(|_| Mutex::default()).collect(),
            spare_slots: (0..count).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    #[inline]
    fn slot_pool(&self, pool: PoolKind, class: SizeClass) -> &Mutex<SlotPool> {
        &self.slot_pools[pool as usize * size_class::COUNT + class.index()]
    }

    #[inline]
    fn spare_slot(&self, pool: PoolKind, class: SizeClass) -> &AtomicU64 {
        &self.spare_slots[pool as usize * size_class::COUNT + class.index()]
    }

    /// Slots in use, spare ones not counted.
    fn live(&self) -> usize {
        let live: usize = self.slot_pools.iter().map(|pool| lock(pool).live()).sum();
        let is_spare = |spare: &&AtomicU64| spare.load(Ordering::Acquire) != 0;
        live.saturating_sub(self.spare_slots.iter().filter(is_spare).count())
    }
}

/// Numbers of records, used and free.
#[derive(Debug, Default)]
struct Bookkeeping {
    /// Record of a chunk (by address) that has or had so many slots.
    slot_records: HashMap<(usize, usize), u32>,
    extents: u32,
    free_extents: Vec<u32>,
}

/// See the module.
#[derive(Debug)]
pub struct SvmHeap {
    max_allocation: usize,
    /// The process whose memory it is, if a forked child does not inherit it.
    home: Option<Generation>,
    source: ChunkSource,
    table: ChunkTable,
    shards: [OnceLock<Shard>; SHARDS],
    slot_records: Records<SlotRecord>,
    extents: Records<Extent>,
    bookkeeping: Mutex<Bookkeeping>,
}

/// One allocation, found by an address inside it.
struct Found<'heap> {
    word: &'heap AllocationWord,
    seen: Snapshot,
    info: AllocationInfo,
    place: Place,
}

/// What is needed to take the memory of an allocation back.
enum Place {
    Slot {
        tag: SlotTag,
        record: u32,
        slot: usize,
    },
    Extent {
        record: u32,
        chunks: AddressRange,
    },
}

/// A slot as one number: its record and its place in it, plus 1.
struct SpareSlot;

impl SpareSlot {
    const SLOT_BITS: u32 = 14;

    fn pack(record: u32, slot: usize) -> u64 {
        (u64::from(record) << Self::SLOT_BITS | slot as u64) + 1
    }

    fn unpack(spare: u64) -> Option<(u32, usize)> {
        let number = spare.checked_sub(1)?;
        let slot = number & ((1 << Self::SLOT_BITS) - 1);
        Some(((number >> Self::SLOT_BITS) as u32, slot as usize))
    }
}

impl SvmHeap {
    /// A heap over memory of `driver`, for allocations of at most `max_allocation` bytes. It takes
    /// no memory until something is allocated.
    pub fn new(driver: Arc<dyn Driver>, max_allocation: usize) -> Arc<Self> {
        let end = driver.plan().end();
        let stays_behind = !driver.survives_fork();
        Arc::new(Self {
            max_allocation,
            home: stays_behind.then(Generation::current),
            source: ChunkSource::new(driver),
            table: ChunkTable::new(end),
            shards: [const { OnceLock::new() }; SHARDS],
            slot_records: Records::new(),
            extents: Records::new(),
            bookkeeping: Mutex::default(),
        })
    }

    /// Allocates `size` bytes at a multiple of `alignment`, a power of two in bytes; 0 stands for
    /// [`MIN_ALIGNMENT`], which every allocation has at least. Contents are undefined, but never
    /// those of another context.
    ///
    /// # Errors
    /// `ZeroSize`, `InvalidAlignment`, `TooLarge`, `OutOfMemory`, `LeftBehind`.
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
        if base != address {
            return Err(match found.seen.state() {
                State::Live => HeapError::Interior { address, base },
                State::Free | State::Dead => HeapError::NotAllocated(address),
            });
        }
        match found.word.free(found.seen) {
            Ok(Freed::Now) => {
                self.reclaim(base, &found.place);
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
        let found = self.find_pinned(address, len)?;
        Some(SvmRange::pinned(Arc::clone(self), address, len, found.info))
    }

    /// As [`Self::resolve_range`], for who keeps nothing but the address at which the allocation
    /// begins, for [`Self::unpin`].
    #[inline]
    pub(crate) fn pin(&self, address: Address, len: usize) -> Option<Address> {
        Some(self.find_pinned(address, len)?.info.base)
    }

    #[inline]
    fn find_pinned(&self, address: Address, len: usize) -> Option<Found<'_>> {
        let found = self.find(address)?;
        (found.holds(address, len) && found.word.pin(found.seen)).then_some(found)
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
        if self.home.is_some_and(|home| !home.is_current()) {
            return Err(HeapError::LeftBehind);
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
        let tag = SlotTag {
            class,
            size,
            pool,
            shard: index,
        };
        let tag = tag.pack();
        if let Some(address) = self.take_spare(shard.spare_slot(pool, class), class, tag, pinned) {
            return Ok(address);
        }
        let mut slots = lock(shard.slot_pool(pool, class));
        if let Some(address) = slots.take(class, tag, pinned) {
            return Ok(address);
        }
        self.add_chunk(&mut slots, class)?;
        let no_room = isocl_kernel_iface::Error::no_memory("cut a chunk");
        slots
            .take(class, tag, pinned)
            .ok_or(HeapError::OutOfMemory(no_room))
    }

    #[inline]
    fn take_spare(
        &self,
        spare: &AtomicU64,
        class: SizeClass,
        tag: u32,
        pinned: bool,
    ) -> Option<usize> {
        // Looking first costs nothing; taking from nothing would.
        if spare.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let (record, slot) = SpareSlot::unpack(spare.swap(0, Ordering::AcqRel))?;
        let record = self.slot_records.get(record)?;
        record.words.get(slot)?.make(tag, pinned);
        Some(record.start + slot * class.bytes())
    }

    #[cold]
    fn add_chunk(&self, slots: &mut SlotPool, class: SizeClass) -> Result<(), HeapError> {
        let range = if slots.is_empty() && class.bytes() <= LARGEST_SPARSE_SLOT {
            self.source.take_sparse()
        } else {
            self.source.take(CHUNK_BYTES, CHUNK_BYTES)
        };
        let range = range.map_err(HeapError::OutOfMemory)?;
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
            number,
        };
        // The driver's contract: every slab lies in the plan, hence in the table.
        let known = self.table.set(start, 1, chunk_use);
        debug_assert!(known, "a slab outside its driver's plan");
        Ok(())
    }

    /// The record for the slots of the chunk at `start`: the one it had when it was last cut into
    /// as many slots, or a new one.
    fn slot_record(&self, start: usize, class: SizeClass) -> Option<(u32, Arc<[AllocationWord]>)> {
        let mut bookkeeping = lock(&self.bookkeeping);
        let next = u32::try_from(bookkeeping.slot_records.len()).ok()?;
        let key = (start, class.slots());
        let (number, record) = if let Some(&known) = bookkeeping.slot_records.get(&key) {
            (known, self.slot_records.get(known)?)
        } else if next < MAX_SLOT_RECORDS {
            let record = self
                .slot_records
                .set(next, SlotRecord::new(start, class.slots()))?;
            bookkeeping.slot_records.insert(key, next);
            (next, record)
        } else {
            return None;
        };
        Some((number, Arc::clone(&record.words)))
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
            ChunkUse::Slots { class, record, .. } => {
                let offset = address.get() % CHUNK_BYTES;
                let slot = class.slot_at(offset);
                let word = self.slot_records.get(record)?.words.get(slot)?;
                let seen = word.load();
                // The chunk may have been cut anew since the look at the table.
                let tag = SlotTag::unpack(seen.tag()).filter(|tag| tag.class == class)?;
                let base = Address(address.get() - offset + slot * class.bytes());
                Some(Found {
                    word,
                    seen,
                    info: AllocationInfo {
                        base,
                        size: tag.size,
                        pool: tag.pool,
                    },
                    place: Place::Slot { tag, record, slot },
                })
            }
            ChunkUse::Extent { record, pool } => {
                let extent = self.extents.get(record)?;
                let view = extent.view();
                let chunks = view.chunks()?;
                chunks.contains_address(address).then_some(Found {
                    word: &extent.word,
                    seen: view.word,
                    info: AllocationInfo {
                        base: Address(view.start),
                        size: view.size,
                        pool,
                    },
                    place: Place::Extent { record, chunks },
                })
            }
        }
    }

    fn pin_again(&self, base: Address) -> bool {
        self.find(base).is_some_and(|found| found.word.pin_again())
    }

    /// Takes a pin away from the allocation at `base`, which has one.
    #[inline]
    pub(crate) fn unpin(&self, base: Address) {
        // A pinned allocation stays where it is, so this always finds it.
        if let Some(found) = self.find(base) {
            if found.word.unpin() {
                self.reclaim(base, &found.place);
            }
        }
    }

    /// Makes the memory of the allocation at `base`, which has just become free, available again.
    #[inline]
    fn reclaim(&self, base: Address, place: &Place) {
        match *place {
            Place::Slot { tag, record, slot } => {
                let Some(shard) = self.shards.get(tag.shard).and_then(OnceLock::get) else {
                    return;
                };
                let spare = shard.spare_slot(tag.pool, tag.class);
                let vacant = spare.load(Ordering::Relaxed) == 0;
                let packed = SpareSlot::pack(record, slot);
                let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
                if vacant && spare.compare_exchange(0, packed, success, failure).is_ok() {
                    return;
                }
                self.give_slot_back(shard, base, tag, slot);
            }
            Place::Extent { record, chunks } => {
                self.table.clear(chunks.start(), chunks.len() / CHUNK_BYTES);
                lock(&self.bookkeeping).free_extents.push(record);
                self.source.give_back(chunks);
            }
        }
    }

    fn give_slot_back(&self, shard: &Shard, base: Address, tag: SlotTag, slot: usize) {
        let mut slots = lock(shard.slot_pool(tag.pool, tag.class));
        // Asked anew: only now that the slot is ours is it certain that its chunk keeps its number.
        // Before, it could be cut again between a look at the table and one at the word.
        let Some(ChunkUse::Slots { number, .. }) = self.table.get(base.get()) else {
            return;
        };
        if let Some(start) = slots.give_back(tag.class, number, slot) {
            self.table.clear(start, 1);
            drop(slots);
            let chunk = AddressRange::new(start, start + CHUNK_BYTES);
            self.source.give_back(chunk);
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
