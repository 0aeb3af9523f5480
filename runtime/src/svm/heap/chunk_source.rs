//! Whole chunks of memory for the heap, out of slabs of its driver.
//!
//! Slabs grow from 4 to 64 MiB, so that a small program stays small and a large one needs few
//! mappings. Chunks that come back keep their memory up to a limit, because touching it again is
//! cheap and getting it anew is not; above the limit the memory goes back to the system and only
//! the addresses are kept, and of those too only so many.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use isocl_kernel_iface::address::align_up;
use isocl_kernel_iface::driver::{Driver, Slab, SlabRequest};
use isocl_kernel_iface::free_ranges::FreeRanges;
use isocl_kernel_iface::{AddressRange, Error};

use super::chunk_table::CHUNK_BYTES;
use crate::lock::lock;

/// Bytes of the first slab and of the largest that is asked for in advance.
const FIRST_SLAB: usize = 4 << 20;
const LARGEST_SLAB: usize = 64 << 20;

/// Slabs of at least this many bytes get huge pages: touching them is then several times cheaper,
/// and what may lie unused in a huge page is little against the whole.
const HUGE_PAGES_FROM: usize = 16 << 20;

/// Chunks with small pages that are prepared at once, at most: each time takes a call of the system
/// during which no thread of the process can touch new memory.
const MOST_SPARSE_AT_ONCE: usize = 16;

/// Freed memory that is kept for reuse, in bytes.
const KEPT_MEMORY: usize = 128 << 20;

/// Free address space that is kept for reuse, in bytes; less where the aperture is small.
const KEPT_ADDRESSES: usize = 16 << 30;

/// See the module.
#[derive(Debug)]
pub struct ChunkSource {
    driver: Arc<dyn Driver>,
    kept_addresses: usize,
    state: Mutex<Chunks>,
}

#[derive(Debug)]
struct Chunks {
    slabs: BTreeMap<usize, Arc<Slab>>,
    /// Free chunks that may have memory.
    used: FreeRanges,
    /// Free chunks that have none.
    fresh: FreeRanges,
    /// What came back last, in neither set: as a rule the next request is for as much.
    recent: Option<AddressRange>,
    /// First addresses of the chunks in use that have small pages where others have huge ones.
    sparse: HashSet<usize>,
    /// Free chunks that have small pages where others have huge ones.
    sparse_free: FreeRanges,
    /// How often such a chunk was asked for.
    sparse_asked: usize,
    next_slab: usize,
}

impl ChunkSource {
    /// A source without memory yet.
    pub fn new(driver: Arc<dyn Driver>) -> Self {
        let kept_addresses = KEPT_ADDRESSES.min(driver.plan().capacity() / 16);
        Self {
            driver,
            kept_addresses,
            state: Mutex::new(Chunks {
                slabs: BTreeMap::new(),
                used: FreeRanges::new(),
                fresh: FreeRanges::new(),
                recent: None,
                sparse: HashSet::new(),
                sparse_free: FreeRanges::new(),
                sparse_asked: 0,
                next_slab: FIRST_SLAB,
            }),
        }
    }

    /// Takes `len` bytes, rounded up to whole chunks, at a multiple of `alignment`.
    pub fn take(&self, len: usize, alignment: usize) -> Result<AddressRange, Error> {
        let no_room = Error::no_memory("find room for an allocation");
        let len = align_up(len, CHUNK_BYTES).ok_or(no_room)?;
        let alignment = alignment.max(CHUNK_BYTES);
        let mut state = lock(&self.state);
        if let Some(recent) = state.recent.take() {
            if recent.len() == len && recent.start().is_multiple_of(alignment) {
                return Ok(recent);
            }
            state.used.insert(recent);
        }
        if let Some(range) = state.take(len, alignment) {
            return Ok(range);
        }
        // Only all kinds of free chunks together may be long enough.
        if state.free() >= len {
            state.empty_used();
            if let Some(range) = state.fresh.take(len, alignment) {
                return Ok(range);
            }
        }
        self.grow(&mut state, len, alignment)?;
        state.take(len, alignment).ok_or(no_room)
    }

    /// Takes a chunk of which little may be used: its memory comes in small pages, as far as it is
    /// touched.
    pub fn take_sparse(&self) -> Result<AddressRange, Error> {
        let mut state = lock(&self.state);
        if let Some(range) = state.sparse_free.take(CHUNK_BYTES, CHUNK_BYTES) {
            state.sparse.insert(range.start());
            return Ok(range);
        }
        state.sparse_asked += 1;
        let ahead = (state.sparse_asked / 2).clamp(1, MOST_SPARSE_AT_ONCE);
        drop(state);
        let range = (self.take(ahead * CHUNK_BYTES, CHUNK_BYTES))
            .or_else(|_| self.take(CHUNK_BYTES, CHUNK_BYTES))?;
        let first = AddressRange::new(range.start(), range.start() + CHUNK_BYTES);
        let others = AddressRange::new(first.end(), range.end());
        let mut state = lock(&self.state);
        if state.advise_pages(range, false) {
            state.sparse.insert(first.start());
            state.sparse_free.insert(others);
        } else {
            state.used.insert(others);
        }
        Ok(first)
    }

    /// Takes back what the others gave; nobody uses it any more.
    pub fn give_back(&self, range: AddressRange) {
        let mut state = lock(&self.state);
        let is_sparse = !state.sparse.is_empty() && state.sparse.remove(&range.start());
        let kept = state.free() - state.fresh.total() + range.len() <= KEPT_MEMORY;
        if kept && is_sparse {
            state.sparse_free.insert(range);
            return;
        }
        if let Some(recent) = state.recent.take() {
            state.used.insert(recent);
        }
        if kept {
            state.recent = Some(range);
            return;
        }
        if is_sparse {
            state.advise_pages(range, true);
        }
        state.settle_sparse();
        let merged = state.used.insert(range);
        // Emptied without the lock: what is being emptied is in no set, so nobody gets it.
        state.used.remove(merged);
        let parts = state.parts(merged);
        drop(state);
        // A driver that cannot empty chunks gets whole slabs back instead.
        let kept_addresses = if discard(parts) {
            self.kept_addresses
        } else {
            0
        };
        let mut state = lock(&self.state);
        let merged = state.fresh.insert(merged);
        let unneeded = if state.fresh.total() > kept_addresses {
            state.remove_slabs_inside(merged)
        } else {
            Vec::new()
        };
        drop(state);
        drop(unneeded);
    }

    fn grow(&self, state: &mut Chunks, len: usize, alignment: usize) -> Result<(), Error> {
        // A slab in advance when the request is an ordinary one, exactly the request otherwise.
        let ordinary = len <= state.next_slab / 2 && alignment <= CHUNK_BYTES;
        if ordinary {
            let slab_len = state.next_slab;
            if let Ok(slab) = self.map(slab_len, CHUNK_BYTES) {
                state.next_slab = LARGEST_SLAB.min(slab_len * 2);
                state.add(slab);
                return Ok(());
            }
        }
        let slab = self.map(len, alignment).or_else(|error| {
            // What is kept for reuse may stand in the way, in this aperture or in memory.
            let everything = AddressRange::new(0, usize::MAX);
            state.empty_used();
            if state.remove_slabs_inside(everything).is_empty() {
                return Err(error);
            }
            self.map(len, alignment)
        })?;
        state.add(slab);
        Ok(())
    }

    fn map(&self, len: usize, alignment: usize) -> Result<Slab, Error> {
        let huge_pages = len >= HUGE_PAGES_FROM;
        Slab::map(
            &self.driver,
            SlabRequest {
                len,
                alignment,
                huge_pages,
            },
        )
    }

    /// Address space of all slabs, in bytes, and how much of it is free.
    pub fn bytes(&self) -> (usize, usize) {
        let state = lock(&self.state);
        let mapped = state.slabs.values().map(|slab| slab.range().len()).sum();
        (mapped, state.free())
    }
}

impl Chunks {
    fn take(&mut self, len: usize, alignment: usize) -> Option<AddressRange> {
        self.used
            .take(len, alignment)
            .or_else(|| self.fresh.take(len, alignment))
    }

    /// Bytes of free chunks of all kinds.
    fn free(&self) -> usize {
        let recent = self.recent.map_or(0, |recent| recent.len());
        self.used.total() + self.fresh.total() + self.sparse_free.total() + recent
    }

    /// Makes free chunks with small pages chunks like others.
    fn settle_sparse(&mut self) {
        for range in self.sparse_free.drain() {
            self.advise_pages(range, true);
            self.used.insert(range);
        }
    }

    /// Gives the memory of all free chunks back to the system.
    fn empty_used(&mut self) {
        self.settle_sparse();
        for range in self.used.drain() {
            let _emptied = discard(self.parts(range));
            self.fresh.insert(range);
        }
    }

    fn add(&mut self, slab: Slab) {
        let range = slab.range();
        self.slabs.insert(range.start(), Arc::new(slab));
        self.fresh.insert(range);
    }

    /// Asks for pages of a size where slabs have huge ones; whether there are such.
    fn advise_pages(&self, range: AddressRange, huge: bool) -> bool {
        let mut parts = self.parts(range);
        parts.retain(|(slab, _)| slab.range().len() >= HUGE_PAGES_FROM);
        for (slab, part) in &parts {
            slab.advise_pages(*part, huge);
        }
        !parts.is_empty()
    }

    /// The slabs that `range` lies in, each with its part of the range.
    fn parts(&self, range: AddressRange) -> Vec<(Arc<Slab>, AddressRange)> {
        let slabs = self.slabs.range(..range.end()).rev().map(|(_, slab)| slab);
        let parts = slabs.map(|slab| (Arc::clone(slab), slab.range().intersection(&range)));
        parts.take_while(|(_, part)| !part.is_empty()).collect()
    }

    /// Takes the slabs that are entirely free and inside `range` out of the source; they are
    /// unmapped when the caller drops them.
    fn remove_slabs_inside(&mut self, range: AddressRange) -> Vec<Arc<Slab>> {
        let inside = self.slabs.range(range.start()..range.end());
        let inside: Vec<AddressRange> = inside.map(|(_, slab)| slab.range()).collect();
        let free = inside.into_iter().filter(|slab| self.fresh.remove(*slab));
        let free: Vec<AddressRange> = free.collect();
        free.into_iter()
            .filter_map(|slab| self.slabs.remove(&slab.start()))
            .collect()
    }
}

/// Whether the memory went back; it stays usable either way.
fn discard(parts: Vec<(Arc<Slab>, AddressRange)>) -> bool {
    let discarded = |(slab, part): &(Arc<Slab>, AddressRange)| slab.discard(*part).is_ok();
    parts.iter().filter(|part| !discarded(part)).count() == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use isocl_kernel_iface::access;
    use isocl_kernel_iface::emulator::Emulator;
    use isocl_kernel_iface::profile::Profile;

    fn source(options: &Profile) -> ChunkSource {
        ChunkSource::new(Arc::new(Emulator::new(options)))
    }

    #[test]
    fn chunks_are_aligned_and_reused() {
        let source = source(&Profile::default());
        let first = source.take(1, 1).unwrap();
        assert_eq!(first.len(), CHUNK_BYTES);
        assert!(first.address().is_aligned_to(CHUNK_BYTES));
        let second = source.take(3 * CHUNK_BYTES, 1 << 30).unwrap();
        assert!(second.address().is_aligned_to(1 << 30));
        assert!(!second.overlaps(&first));
        source.give_back(first);
        assert_eq!(source.take(CHUNK_BYTES, 1).unwrap(), first);
    }

    /// What the system says of the mapping that an address lies in: its `VmFlags`.
    fn mapping_flags(address: usize) -> String {
        let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in text.lines() {
            let first = line.split(' ').next().unwrap_or_default();
            if let Some((begin, end)) = first.split_once('-') {
                let number = |text| usize::from_str_radix(text, 16).unwrap();
                inside = (number(begin)..number(end)).contains(&address);
            } else if let (true, Some(flags)) = (inside, line.strip_prefix("VmFlags:")) {
                return flags.to_owned();
            }
        }
        panic!("{address:#x} is not mapped");
    }

    #[test]
    fn what_is_used_a_little_has_small_pages_among_huge_ones() {
        let source = source(&Profile::default());
        // Through the slabs that are too small for huge pages.
        let small = (2 * FIRST_SLAB + FIRST_SLAB) / CHUNK_BYTES;
        let _small: Vec<_> = (0..small)
            .map(|_| source.take(CHUNK_BYTES, 1).unwrap())
            .collect();
        let ordinary = source.take(CHUNK_BYTES, 1).unwrap();
        let sparse = source.take_sparse().unwrap();
        let behind = source.take(CHUNK_BYTES, 1).unwrap();
        let huge = |range: AddressRange| mapping_flags(range.start()).contains(" hg");
        let offered = std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists();
        let found = [huge(ordinary), huge(sparse), huge(behind)];
        assert_eq!(found, [offered, false, offered]);
        // It serves the same again; whoever else has the memory may use all of it.
        source.give_back(sparse);
        assert_eq!(
            (source.take_sparse().unwrap(), huge(sparse)),
            (sparse, false)
        );
        source.give_back(sparse);
        lock(&source.state).empty_used();
        assert_eq!(huge(sparse), offered);
    }

    #[test]
    fn chunks_with_small_pages_are_prepared_together_and_serve_other_requests_in_need() {
        // Not where other tests fill the aperture at the same time.
        let lowest = (1 << 37) - (256 << 20);
        let options = Profile {
            address_bits: Some(37),
            lowest,
            reserved: Vec::new(),
        };
        let source = source(&options);
        let sparse: Vec<_> = (0..40).map(|_| source.take_sparse().unwrap()).collect();
        let starts: HashSet<_> = sparse.iter().map(|chunk| chunk.start()).collect();
        assert_eq!(starts.len(), 40);
        assert!(lock(&source.state).sparse_asked < 30);
        let count = || std::iter::from_fn(|| source.take(CHUNK_BYTES, 1).ok()).count();
        assert_eq!(count(), 128 - 40, "all others");
        for chunk in sparse {
            source.give_back(chunk);
        }
        assert_eq!(count(), 40);
    }

    #[test]
    fn many_chunks_need_few_slabs() {
        let source = source(&Profile::default());
        for _ in 0..2000 {
            source.take(CHUNK_BYTES, 1).unwrap();
        }
        let slabs = lock(&source.state).slabs.len();
        assert!(slabs < 80, "{slabs} slabs for 4000 MiB");
    }

    #[test]
    fn freed_neighbours_of_both_kinds_serve_a_longer_request() {
        let source = source(&Profile::default());
        let first = source.take(CHUNK_BYTES, 1).unwrap();
        source.give_back(first);
        let (mapped, free) = source.bytes();
        assert_eq!((mapped, free), (FIRST_SLAB, FIRST_SLAB));
        assert_eq!(source.take(FIRST_SLAB, 1).unwrap().len(), FIRST_SLAB);
        assert_eq!(source.bytes(), (FIRST_SLAB, 0));
    }

    #[test]
    fn address_space_beyond_the_limit_goes_back_to_the_driver() {
        let options = Profile {
            address_bits: Some(40),
            lowest: 1 << 38,
            reserved: Vec::new(),
        };
        let source = source(&options);
        let large = source.take(500 << 30, 1).unwrap();
        source.give_back(large);
        assert_eq!(source.bytes(), (0, 0));
        assert!(source.take(600 << 30, 1).is_ok());
    }

    #[test]
    fn memory_beyond_the_limit_goes_back_to_the_system() {
        let first_byte_after_reuse = |len: usize| {
            let source = source(&Profile::default());
            let range = source.take(len, 1).unwrap();
            access::write(range.address(), &[9]);
            source.give_back(range);
            assert_eq!(source.take(len, 1).unwrap(), range);
            let mut byte = [1];
            access::read(range.address(), &mut byte);
            byte[0]
        };
        assert_eq!(first_byte_after_reuse(KEPT_MEMORY), 9, "kept");
        assert_eq!(first_byte_after_reuse(2 * KEPT_MEMORY), 0, "given back");
    }

    #[test]
    fn kept_chunks_make_way_when_the_aperture_is_full() {
        let lowest = (1 << 38) - (256 << 20);
        let options = Profile {
            address_bits: Some(38),
            lowest,
            reserved: Vec::new(),
        };
        let source = source(&options);
        let small: Vec<_> = (0..60)
            .map(|_| source.take(CHUNK_BYTES, 1).unwrap())
            .collect();
        for chunk in small {
            source.give_back(chunk);
        }
        let whole = source.take(256 << 20, 1).unwrap();
        assert!(source.take(1, 1).unwrap_err().is_out_of_memory());
        source.give_back(whole);
        assert!(source.take(1, 1).is_ok());
    }
}
