//! A set of free address ranges: best fit, any alignment, neighbours merged, logarithmic time.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::AddressRange;

/// How many ranges of about the right size are tried before one is taken that fits whatever its
/// alignment.
const CANDIDATES: usize = 8;

/// Disjoint ranges of free addresses.
#[derive(Debug, Default)]
pub struct FreeRanges {
    end_by_start: BTreeMap<usize, usize>,
    by_len: BTreeSet<(usize, usize)>,
    total: usize,
}

impl FreeRanges {
    /// An empty set.
    pub const fn new() -> Self {
        Self {
            end_by_start: BTreeMap::new(),
            by_len: BTreeSet::new(),
            total: 0,
        }
    }

    /// Free bytes in all ranges together.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// Number of separate ranges.
    pub fn count(&self) -> usize {
        self.end_by_start.len()
    }

    /// Whether nothing is free.
    pub fn is_empty(&self) -> bool {
        self.end_by_start.is_empty()
    }

    /// The free ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = AddressRange> + '_ {
        self.end_by_start
            .iter()
            .map(|(&start, &end)| AddressRange::new(start, end))
    }

    /// Adds `range`, none of which may be in the set, and returns the merged range it is now
    /// part of.
    pub fn insert(&mut self, range: AddressRange) -> AddressRange {
        if range.is_empty() {
            return range;
        }
        let before = self.end_by_start.range(..range.start()).next_back();
        let before = before.map(|(&start, &end)| AddressRange::new(start, end));
        let after = self.end_by_start.range(range.start()..).next();
        let after = after.map(|(&start, &end)| AddressRange::new(start, end));
        debug_assert!(
            !before.is_some_and(|b| b.overlaps(&range))
                && !after.is_some_and(|a| a.overlaps(&range)),
            "{range:?} is free already"
        );
        let mut merged = range;
        if let Some(before) = before.filter(|before| before.end() == range.start()) {
            self.forget(before);
            merged = AddressRange::new(before.start(), merged.end());
        }
        if let Some(after) = after.filter(|after| after.start() == range.end()) {
            self.forget(after);
            merged = AddressRange::new(merged.start(), after.end());
        }
        self.remember(merged);
        merged
    }

    /// Takes `len` bytes at a multiple of `alignment` (a power of two) out of the set.
    pub fn take(&mut self, len: usize, alignment: usize) -> Option<AddressRange> {
        if len == 0 {
            return None;
        }
        let near = self.by_len.range((len, 0)..).take(CANDIDATES);
        let near = near.map(|&(len, start)| AddressRange::new(start, start + len));
        let fits = |whole: AddressRange| Some((whole, whole.aligned_part(len, alignment)?));
        let found = near.into_iter().find_map(fits).or_else(|| {
            let enough = len.checked_add(alignment - 1)?;
            let &(whole_len, start) = self.by_len.range((enough, 0)..).next()?;
            fits(AddressRange::new(start, start + whole_len))
        });
        let (whole, part) = found?;
        self.split(whole, part);
        Some(part)
    }

    /// Takes exactly `range` out of the set; false, and no change, unless all of it is free.
    pub fn remove(&mut self, range: AddressRange) -> bool {
        let whole = self.end_by_start.range(..=range.start()).next_back();
        let Some(whole) = whole.map(|(&start, &end)| AddressRange::new(start, end)) else {
            return false;
        };
        if range.is_empty() || !whole.contains(&range) {
            return false;
        }
        self.split(whole, range);
        true
    }

    /// Takes everything out of the set.
    pub fn drain(&mut self) -> Vec<AddressRange> {
        let all = self.iter().collect();
        *self = Self::new();
        all
    }

    fn split(&mut self, whole: AddressRange, part: AddressRange) {
        self.forget(whole);
        let low = AddressRange::new(whole.start(), part.start());
        let high = AddressRange::new(part.end(), whole.end());
        for rest in [low, high] {
            if !rest.is_empty() {
                self.remember(rest);
            }
        }
    }

    fn remember(&mut self, range: AddressRange) {
        self.end_by_start.insert(range.start(), range.end());
        self.by_len.insert((range.len(), range.start()));
        self.total += range.len();
    }

    fn forget(&mut self, range: AddressRange) {
        self.end_by_start.remove(&range.start());
        self.by_len.remove(&(range.len(), range.start()));
        self.total -= range.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_merge_into_one() {
        let mut free = FreeRanges::new();
        free.insert(AddressRange::new(0, 10));
        free.insert(AddressRange::new(20, 30));
        assert_eq!(free.count(), 2);
        assert_eq!(
            free.insert(AddressRange::new(10, 20)),
            AddressRange::new(0, 30)
        );
        assert_eq!(free.count(), 1);
        assert_eq!(free.total(), 30);
    }

    #[test]
    fn aligned_requests_find_the_only_range_that_fits() {
        let mut free = FreeRanges::new();
        for start in 0..100 {
            free.insert(AddressRange::new(start * 0x1000 + 8, start * 0x1000 + 0x18));
        }
        free.insert(AddressRange::new(0x100_0008, 0x100_0040));
        assert_eq!(
            free.take(16, 32),
            Some(AddressRange::new(0x100_0020, 0x100_0030))
        );
        assert_eq!(free.take(16, 32), None);
    }

    proptest! {
        /// Against a map of single bytes: what is taken was free, aligned, and taken once.
        #[test]
        fn agrees_with_a_byte_map(
            operations in proptest::collection::vec((0_usize..3, 0_usize..256, 1_usize..40, 0_u32..6), 1..120)
        ) {
            let mut free = FreeRanges::new();
            let mut model = [false; 256];
            for (kind, start, len, shift) in operations {
                let range = AddressRange::new(start, (start + len).min(256));
                match kind {
                    0 if model[range.start()..range.end()].iter().all(|byte| !byte) => {
                        free.insert(range);
                        model[range.start()..range.end()].fill(true);
                    }
                    1 => {
                        if let Some(part) = free.take(len, 1 << shift) {
                            prop_assert_eq!(part.len(), len);
                            prop_assert_eq!(part.start() % (1 << shift), 0);
                            prop_assert!(model[part.start()..part.end()].iter().all(|byte| *byte));
                            model[part.start()..part.end()].fill(false);
                        }
                    }
                    2 => {
                        let all_free = !range.is_empty()
                            && model[range.start()..range.end()].iter().all(|byte| *byte);
                        prop_assert_eq!(free.remove(range), all_free);
                        if all_free {
                            model[range.start()..range.end()].fill(false);
                        }
                    }
                    _ => {}
                }
                prop_assert_eq!(free.total(), model.iter().filter(|byte| **byte).count());
                for range in free.iter() {
                    prop_assert!(model[range.start()..range.end()].iter().all(|byte| *byte));
                    prop_assert!(range.end() == 256 || !model[range.end()], "not merged");
                }
            }
        }
    }
}
