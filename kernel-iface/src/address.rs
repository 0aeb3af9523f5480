//! Addresses and ranges of addresses, as numbers. They carry no right to touch memory.

use std::fmt;

/// An address that means the same byte on the CPU and on every device concerned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub usize);

impl Address {
    /// The null address.
    pub const NULL: Self = Self(0);

    /// The address with this number.
    pub const fn new(value: usize) -> Self {
        Self(value)
    }

    /// The number of this address.
    pub const fn get(self) -> usize {
        self.0
    }

    /// Whether this is the null address.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// Whether this is a multiple of `alignment`, a power of two in bytes.
    pub const fn is_aligned_to(self, alignment: usize) -> bool {
        self.0 & (alignment - 1) == 0
    }

    /// The address `bytes` further on; wraps at the end of the address space.
    pub const fn wrapping_add(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The address `bytes` further on, if there is one.
    pub const fn checked_add(self, bytes: usize) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}", self.0)
    }
}

impl<T> From<*const T> for Address {
    fn from(pointer: *const T) -> Self {
        Self(pointer as usize)
    }
}

impl<T> From<*mut T> for Address {
    fn from(pointer: *mut T) -> Self {
        Self(pointer as usize)
    }
}

/// A half-open range of addresses, `start..end`, possibly empty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    start: usize,
    end: usize,
}

impl AddressRange {
    /// The range `start..end`; empty where `end` is not above `start`.
    pub const fn new(start: usize, end: usize) -> Self {
        let end = if end < start { start } else { end };
        Self { start, end }
    }

    /// `len` bytes from `start`, or nothing if they would pass the end of the address space.
    pub const fn with_len(start: usize, len: usize) -> Option<Self> {
        match start.checked_add(len) {
            Some(end) => Some(Self { start, end }),
            None => None,
        }
    }

    /// First address.
    pub const fn start(&self) -> usize {
        self.start
    }

    /// The address after the last.
    pub const fn end(&self) -> usize {
        self.end
    }

    /// First address, as an address.
    pub const fn address(&self) -> Address {
        Address(self.start)
    }

    /// Bytes in the range.
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is no byte in the range.
    pub const fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// Whether every byte of `other` lies in this range.
    pub const fn contains(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the byte at `address` lies in this range.
    pub const fn contains_address(&self, address: Address) -> bool {
        self.start <= address.0 && address.0 < self.end
    }

    /// Whether a byte is in both ranges.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end && !self.is_empty() && !other.is_empty()
    }

    /// The bytes in both ranges.
    pub fn intersection(&self, other: &Self) -> Self {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// The first `len` bytes of this range that begin at a multiple of `alignment`.
    pub fn aligned_part(&self, len: usize, alignment: usize) -> Option<Self> {
        let start = align_up(self.start, alignment)?;
        let part = Self::with_len(start, len)?;
        self.contains(&part).then_some(part)
    }
}

impl fmt::Debug for AddressRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#x}..{:#x}", self.start, self.end)
    }
}

/// `value` rounded up to a multiple of `alignment`, a power of two.
pub const fn align_up(value: usize, alignment: usize) -> Option<usize> {
    match value.checked_add(alignment - 1) {
        Some(sum) => Some(sum & !(alignment - 1)),
        None => None,
    }
}

/// `value` rounded down to a multiple of `alignment`, a power of two.
pub const fn align_down(value: usize, alignment: usize) -> usize {
    value & !(alignment - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_touching_do_not_overlap() {
        let low = AddressRange::new(0x1000, 0x2000);
        let high = AddressRange::new(0x2000, 0x3000);
        assert!(!low.overlaps(&high));
        assert!(low.overlaps(&AddressRange::new(0x1fff, 0x2001)));
        assert!(!low.overlaps(&AddressRange::new(0x1800, 0x1800)));
    }

    #[test]
    fn aligned_part_stays_inside() {
        let range = AddressRange::new(0x1001, 0x5000);
        assert_eq!(
            range.aligned_part(0x1000, 0x2000),
            Some(AddressRange::new(0x2000, 0x3000))
        );
        assert_eq!(range.aligned_part(0x4000, 0x1000), None);
        assert_eq!(
            AddressRange::new(usize::MAX - 5, usize::MAX).aligned_part(1, 4096),
            None
        );
    }

    #[test]
    fn lengths_that_wrap_are_refused() {
        assert_eq!(AddressRange::with_len(usize::MAX, 2), None);
        assert_eq!(Address(usize::MAX).checked_add(1), None);
    }
}
