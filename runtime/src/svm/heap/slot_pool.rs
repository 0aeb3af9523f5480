//! Slots of one size class in one pool: which chunks have free ones, and which ones these are.
//!
//! A chunk hands out slots that were freed before those that were never used, the latest first,
//! while they are in the caches. Free slots are numbers in ordinary memory: nothing of the heap
//! lies in the memory it manages, where an application or a device could overwrite it.

use std::sync::Arc;

use super::allocation_word::AllocationWord;
use super::size_class::SizeClass;

/// A chunk cut into slots.
#[derive(Debug)]
struct SlotChunk {
    start: usize,
    words: Arc<[AllocationWord]>,
    freed: Vec<u16>,
    unused_from: u16,
    live: u16,
    /// Where the chunk stands in `SlotPool::available`, if it does.
    position: Option<u32>,
}

impl SlotChunk {
    fn is_full(&self, slots: usize) -> bool {
        usize::from(self.live) == slots
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct SlotPool {
    chunks: Vec<Option<SlotChunk>>,
    vacant: Vec<u32>,
    /// Numbers of the chunks with a free slot; the last one is used first.
    available: Vec<u32>,
}

impl SlotPool {
    /// Takes a slot and makes its word live with `tag`, or pinned from birth; its address, or
    /// nothing when another chunk is needed.
    #[inline]
    pub fn take(&mut self, class: SizeClass, tag: u32, pinned: bool) -> Option<usize> {
        let &number = self.available.last()?;
        let chunk = self.chunks.get_mut(number as usize)?.as_mut()?;
        let slot = match chunk.freed.pop() {
            Some(slot) => slot,
            None => {
                chunk.unused_from += 1;
                chunk.unused_from - 1
            }
        };
        chunk.live += 1;
        chunk.words[usize::from(slot)].make(tag, pinned);
        let address = chunk.start + usize::from(slot) * class.bytes();
        if chunk.is_full(class.slots()) {
            chunk.position = None;
            self.available.pop();
        }
        Some(address)
    }

    /// Whether it has no chunk.
    pub fn is_empty(&self) -> bool {
        self.vacant.len() == self.chunks.len()
    }

    /// Adds an empty chunk and returns its number.
    pub fn add(&mut self, start: usize, words: Arc<[AllocationWord]>) -> u32 {
        let chunk = SlotChunk {
            start,
            words,
            freed: Vec::new(),
            unused_from: 0,
            live: 0,
            position: Some(self.available.len() as u32),
        };
        let number = match self.vacant.pop() {
            Some(number) => {
                self.chunks[number as usize] = Some(chunk);
                number
            }
            None => {
                self.chunks.push(Some(chunk));
                (self.chunks.len() - 1) as u32
            }
        };
        self.available.push(number);
        number
    }

    /// Takes back a slot whose word is free. An empty chunk leaves the pool when another one has
    /// free slots; its address is the answer, and its words are cleared.
    #[inline]
    pub fn give_back(&mut self, class: SizeClass, number: u32, slot: usize) -> Option<usize> {
        let chunk = self.chunks.get_mut(number as usize)?.as_mut()?;
        chunk.freed.push(slot as u16);
        chunk.live -= 1;
        if chunk.position.is_none() {
            chunk.position = Some(self.available.len() as u32);
            self.available.push(number);
        }
        if chunk.live > 0 || self.available.len() < 2 {
            return None;
        }
        debug_assert!(class.slots() >= usize::from(chunk.unused_from));
        self.remove(number)
    }

    /// Allocations that are live or dead but in use.
    pub fn live(&self) -> usize {
        self.chunks
            .iter()
            .flatten()
            .map(|chunk| usize::from(chunk.live))
            .sum()
    }

    fn remove(&mut self, number: u32) -> Option<usize> {
        let chunk = self.chunks.get_mut(number as usize)?.take()?;
        self.vacant.push(number);
        if let Some(position) = chunk.position {
            self.available.swap_remove(position as usize);
            if let Some(&moved) = self.available.get(position as usize) {
                if let Some(moved) = self.chunks[moved as usize].as_mut() {
                    moved.position = Some(position);
                }
            }
        }
        for word in &chunk.words[..usize::from(chunk.unused_from)] {
            word.clear();
        }
        Some(chunk.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: usize = 64 << 20;

    fn words() -> Arc<[AllocationWord]> {
        (0..class().slots())
            .map(|_| AllocationWord::default())
            .collect()
    }

    fn class() -> SizeClass {
        SizeClass::fitting(300_000, 1).unwrap()
    }

    fn pool_with_chunks(count: usize) -> SlotPool {
        let mut pool = SlotPool::default();
        for index in 0..count {
            let number = pool.add(START + index * (2 << 20), words());
            assert_eq!(number as usize, index);
        }
        pool
    }

    fn place(address: usize) -> (u32, usize) {
        let offset = address - START;
        ((offset >> 21) as u32, class().slot_at(offset % (2 << 20)))
    }

    #[test]
    fn latest_freed_slot_is_reused_first() {
        let mut pool = pool_with_chunks(1);
        let first = pool.take(class(), 300_000, false).unwrap();
        let second = pool.take(class(), 300_000, false).unwrap();
        assert_ne!(first, second);
        let (number, slot) = place(first);
        assert_eq!(pool.give_back(class(), number, slot), None);
        assert_eq!(pool.take(class(), 300_000, false), Some(first));
    }

    #[test]
    fn full_pool_gives_nothing_and_recovers() {
        let mut pool = pool_with_chunks(1);
        let all: Vec<usize> = std::iter::from_fn(|| pool.take(class(), 1, false)).collect();
        assert_eq!(all.len(), class().slots());
        let (number, slot) = place(all[2]);
        pool.give_back(class(), number, slot);
        assert_eq!(pool.take(class(), 1, false), Some(all[2]));
    }

    #[test]
    fn empty_chunk_leaves_only_when_another_has_room() {
        let mut pool = pool_with_chunks(2);
        let address = pool.take(class(), 1, false).unwrap();
        let (number, slot) = place(address);
        let start = START + number as usize * (2 << 20);
        let empty = pool.give_back(class(), number, slot);
        assert_eq!(empty, Some(start));
        let address = pool.take(class(), 1, false).unwrap();
        let (number, slot) = place(address);
        assert_eq!(
            pool.give_back(class(), number, slot),
            None,
            "the last chunk stays"
        );
    }

    proptest! {
        #[test]
        fn slots_are_never_handed_out_twice(choices in prop::collection::vec(any::<(bool, u16)>(), 1..300)) {
            let mut pool = pool_with_chunks(1);
            let mut next_chunk = 1;
            let mut live = Vec::new();
            for (allocate, pick) in choices {
                if allocate || live.is_empty() {
                    let address = pool.take(class(), 1, false).unwrap_or_else(|| {
                        let start = START + next_chunk * (2 << 20);
                        // Numbers are reused, so the model keeps chunks apart by address only.
                        pool.add(start, words());
                        next_chunk += 1;
                        pool.take(class(), 1, false).unwrap()
                    });
                    prop_assert!(!live.contains(&address));
                    live.push(address);
                } else {
                    let address = live.swap_remove(usize::from(pick) % live.len());
                    let (chunk, slot) = place(address);
                    let start = START + chunk as usize * (2 << 20);
                    let number = pool.chunks.iter().position(|c| c.as_ref().is_some_and(|c| c.start == start));
                    pool.give_back(class(), number.unwrap() as u32, slot);
                }
                prop_assert_eq!(pool.live(), live.len());
            }
        }
    }
}
