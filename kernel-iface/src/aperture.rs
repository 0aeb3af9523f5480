//! Where shared memory may lie: pure arithmetic over the apertures of devices.
//!
//! A device decodes a range of addresses, its aperture, parts of which may be reserved for things
//! that are not memory of applications (firmware, code, scratch). An [`AddressPlan`] is what is
//! left, for one device or for all devices of a group together.

use crate::address::{Address, AddressRange};
use crate::USER_ADDRESS_BITS;

/// Lowest address planned unless asked otherwise: above 4 GiB a pointer cut to 32 bits cannot
/// name valid memory by accident, and null dereferences stay far away.
pub const DEFAULT_LOWEST: usize = 4 << 30;

/// What one device decodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aperture {
    /// The addresses the device can use at all.
    pub range: AddressRange,
    /// The parts of `range` that must hold no shared memory, in any order.
    pub reserved: Vec<AddressRange>,
}

impl Aperture {
    /// Addresses from `lowest` that fit `bits` bits. With 64 bits, the very last byte of the
    /// address space is left out.
    pub fn from_bits(bits: u32, lowest: usize) -> Self {
        let end = 1_usize.checked_shl(bits).unwrap_or(usize::MAX);
        Self {
            range: AddressRange::new(lowest, end),
            reserved: Vec::new(),
        }
    }

    /// What user space of this process can reach.
    pub fn of_user_space(lowest: usize) -> Self {
        Self::from_bits(USER_ADDRESS_BITS, lowest)
    }

    /// The same aperture with one more reserved region.
    #[must_use]
    pub fn without(mut self, reserved: AddressRange) -> Self {
        self.reserved.push(reserved);
        self
    }
}

/// The addresses where shared memory may lie: disjoint ranges, ascending, none empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPlan {
    allowed: Vec<AddressRange>,
}

impl AddressPlan {
    /// What every one of `apertures` can use and none has reserved. Without apertures there is no
    /// limit.
    pub fn new(apertures: &[Aperture]) -> Self {
        let everything = AddressRange::new(0, usize::MAX);
        let common = apertures
            .iter()
            .fold(everything, |common, one| common.intersection(&one.range));
        let mut reserved: Vec<AddressRange> = apertures
            .iter()
            .flat_map(|aperture| aperture.reserved.iter().copied())
            .collect();
        reserved.sort_unstable();
        let mut allowed = Vec::with_capacity(reserved.len() + 1);
        let mut from = common.start();
        for region in reserved.into_iter().filter(|region| !region.is_empty()) {
            let gap = AddressRange::new(from, region.start().min(common.end()));
            if !gap.is_empty() {
                allowed.push(gap);
            }
            from = from.max(region.end());
        }
        let last = AddressRange::new(from, common.end());
        if !last.is_empty() {
            allowed.push(last);
        }
        Self { allowed }
    }

    /// The allowed ranges, ascending and disjoint.
    pub fn allowed(&self) -> &[AddressRange] {
        &self.allowed
    }

    /// Bytes of address space in all allowed ranges.
    pub fn capacity(&self) -> usize {
        self.allowed.iter().map(AddressRange::len).sum()
    }

    /// The address after the last allowed one; 0 if nothing is allowed.
    pub fn end(&self) -> usize {
        self.allowed.last().map_or(0, AddressRange::end)
    }

    /// Whether all of `range` may hold shared memory. An empty range may lie anywhere.
    pub fn contains(&self, range: &AddressRange) -> bool {
        if range.is_empty() {
            return true;
        }
        let after = self
            .allowed
            .partition_point(|allowed| allowed.start() <= range.start());
        after > 0 && self.allowed[after - 1].contains(range)
    }

    /// Whether the byte at `address` may be shared memory.
    pub fn contains_address(&self, address: Address) -> bool {
        AddressRange::with_len(address.0, 1).is_some_and(|byte| self.contains(&byte))
    }

    /// What both plans allow.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut allowed = Vec::new();
        let (mut mine, mut theirs) = (self.allowed.iter(), other.allowed.iter());
        let (mut left, mut right) = (mine.next(), theirs.next());
        while let (Some(a), Some(b)) = (left, right) {
            let both = a.intersection(b);
            if !both.is_empty() {
                allowed.push(both);
            }
            if a.end() <= b.end() {
                left = mine.next();
            } else {
                right = theirs.next();
            }
        }
        Self { allowed }
    }

    /// What is left when `occupied`, in any order, is taken away.
    #[must_use]
    pub fn without(&self, occupied: &[AddressRange]) -> Self {
        let everything = AddressRange::new(0, usize::MAX);
        let rest = Self::new(&[Aperture {
            range: everything,
            reserved: occupied.to_vec(),
        }]);
        self.intersection(&rest)
    }

    /// The lowest `len` bytes that begin at a multiple of `alignment`, a power of two.
    pub fn first_fit(&self, len: usize, alignment: usize) -> Option<AddressRange> {
        self.allowed
            .iter()
            .find_map(|allowed| allowed.aligned_part(len, alignment))
    }
}

/// A device to test with.
#[cfg(test)]
pub mod powervr;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forty_bits_end_below_a_tebibyte() {
        let plan = AddressPlan::new(&[Aperture::from_bits(40, DEFAULT_LOWEST)]);
        assert_eq!(plan.allowed(), &[AddressRange::new(4 << 30, 1 << 40)]);
        assert!(plan.contains(&AddressRange::new((1 << 40) - 1, 1 << 40)));
        assert!(!plan.contains(&AddressRange::new((1 << 40) - 1, (1 << 40) + 1)));
    }

    #[test]
    fn sixty_four_bits_are_everything() {
        let plan = AddressPlan::new(&[Aperture::from_bits(64, 0)]);
        assert_eq!(plan.allowed(), &[AddressRange::new(0, usize::MAX)]);
    }

    #[test]
    fn thirty_two_bits_above_four_gibibytes_are_nothing() {
        let plan = AddressPlan::new(&[Aperture::from_bits(32, DEFAULT_LOWEST)]);
        assert!(plan.allowed().is_empty());
        assert_eq!(plan.capacity(), 0);
        assert_eq!(plan.first_fit(1, 1), None);
    }

    #[test]
    fn powervr_leaves_the_gaps_between_its_heaps() {
        let gib = |n: usize| n << 30;
        let user = Aperture::of_user_space(DEFAULT_LOWEST);
        let plan = AddressPlan::new(&[powervr::outside_other_heaps(), user]);
        assert_eq!(
            plan.allowed(),
            &[
                AddressRange::new(gib(4), gib(872)),
                AddressRange::new(gib(876), gib(880) - (256 << 20)),
                AddressRange::new(gib(880), gib(896)),
                AddressRange::new(gib(900), gib(903)),
                AddressRange::new(gib(904), gib(912)),
                AddressRange::new(gib(928), gib(968)),
                AddressRange::new(gib(968) + (2 << 20), gib(1024)),
            ]
        );
        for (purpose, heap) in powervr::OTHERS {
            assert!(!plan.contains_address(heap.address()), "{purpose}");
            assert!(!plan.contains_address(Address(heap.end() - 1)), "{purpose}");
        }
        // What is too long for lower gaps goes between region headers and USC code.
        let occupied = [AddressRange::new(gib(4) + 1, gib(865))];
        assert_eq!(
            plan.without(&occupied).first_fit(gib(16), 1 << 21),
            Some(AddressRange::new(gib(880), gib(896)))
        );
    }

    #[test]
    fn powervr_buffers_go_into_the_general_heap_and_nowhere_else() {
        let gib = |n: usize| n << 30;
        let user = Aperture::of_user_space(DEFAULT_LOWEST);
        let both = [
            powervr::general_heap(),
            powervr::outside_other_heaps(),
            user,
        ];
        let plan = AddressPlan::new(&both);
        assert_eq!(plan.allowed(), &[AddressRange::new(gib(512), gib(640))]);
        assert_eq!(plan.capacity(), gib(128));
        assert_eq!(plan.first_fit(gib(128) + 1, 1 << 21), None);
        let occupied = [AddressRange::new(gib(512), gib(639) + 1)];
        assert_eq!(
            plan.without(&occupied)
                .first_fit(gib(1) - (2 << 20), 1 << 21),
            Some(AddressRange::new(gib(639) + (2 << 20), gib(640)))
        );
        assert_eq!(plan.without(&occupied).first_fit(gib(1), 1 << 21), None);
    }

    fn bits() -> impl Strategy<Value = u32> {
        prop::sample::select(vec![32_u32, 36, 40, 47, 48, 57, 64])
    }

    fn aperture() -> impl Strategy<Value = Aperture> {
        let regions = prop::collection::vec((any::<u64>(), 0_u32..48), 0..6);
        (bits(), 0_usize..(8 << 30), regions).prop_map(|(bits, lowest, regions)| {
            let mut aperture = Aperture::from_bits(bits, lowest);
            for (start, shift) in regions {
                let start = start as usize >> (64 - bits.min(63));
                let end = start.saturating_add(1 << shift);
                aperture = aperture.without(AddressRange::new(start, end));
            }
            aperture
        })
    }

    fn edges(apertures: &[Aperture]) -> Vec<usize> {
        let ranges = apertures
            .iter()
            .flat_map(|one| one.reserved.iter().chain(std::iter::once(&one.range)));
        ranges
            .flat_map(|range| [range.start(), range.end()])
            .flat_map(|edge| [edge.wrapping_sub(1), edge, edge.saturating_add(1)])
            .filter(|address| *address < usize::MAX)
            .collect()
    }

    proptest! {
        /// At every edge: an address is allowed exactly if all apertures hold it and no reserved
        /// region does.
        #[test]
        fn plan_is_the_definition(apertures in prop::collection::vec(aperture(), 1..4)) {
            let plan = AddressPlan::new(&apertures);
            for address in edges(&apertures).into_iter().map(Address) {
                let wanted = apertures.iter().all(|one| {
                    one.range.contains_address(address)
                        && !one.reserved.iter().any(|region| region.contains_address(address))
                });
                prop_assert_eq!(plan.contains_address(address), wanted, "{}", address);
            }
            for pair in plan.allowed().windows(2) {
                prop_assert!(pair[0].end() < pair[1].start(), "ascending, disjoint, merged");
            }
            prop_assert!(plan.allowed().iter().all(|range| !range.is_empty()));
        }

        #[test]
        fn intersection_of_plans_is_the_plan_of_all(
            left in prop::collection::vec(aperture(), 1..3),
            right in prop::collection::vec(aperture(), 1..3),
        ) {
            let both = AddressPlan::new(&left).intersection(&AddressPlan::new(&right));
            let all: Vec<Aperture> = left.into_iter().chain(right).collect();
            let wanted = AddressPlan::new(&all);
            for address in edges(&all).into_iter().map(Address) {
                prop_assert_eq!(both.contains_address(address), wanted.contains_address(address));
            }
            prop_assert_eq!(both.capacity(), wanted.capacity());
        }

        #[test]
        fn first_fit_is_aligned_allowed_and_clear(
            one in aperture(),
            occupied in prop::collection::vec((any::<u64>(), 0_u32..40), 0..8),
            len in 1_usize..(1 << 36),
            shift in 12_u32..31,
        ) {
            let plan = AddressPlan::new(std::slice::from_ref(&one));
            let occupied: Vec<AddressRange> = occupied
                .into_iter()
                .map(|(start, shift)| {
                    let start = start as usize >> 20;
                    AddressRange::new(start, start + (1 << shift))
                })
                .collect();
            if let Some(found) = plan.without(&occupied).first_fit(len, 1 << shift) {
                prop_assert_eq!(found.len(), len);
                prop_assert_eq!(found.start() % (1 << shift), 0);
                prop_assert!(one.range.contains(&found));
                prop_assert!(!one.reserved.iter().chain(&occupied).any(|r| r.overlaps(&found)));
            }
        }
    }
}
