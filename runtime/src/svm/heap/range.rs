//! A part of an allocation that cannot go away.

use std::fmt;
use std::sync::Arc;

use isocl_kernel_iface::Address;

use super::{AllocationInfo, SvmHeap};

/// Bytes inside one live allocation. While this exists the bytes stay mapped and belong to
/// nobody else, even when the application frees the allocation (§5.6.1); the free then takes
/// effect when the last range is dropped.
pub struct SvmRange {
    heap: Arc<SvmHeap>,
    address: Address,
    len: usize,
    allocation: AllocationInfo,
}

impl SvmRange {
    /// A range whose pin has been taken; dropping the range drops the pin.
    pub(super) fn pinned(
        heap: Arc<SvmHeap>,
        address: Address,
        len: usize,
        allocation: AllocationInfo,
    ) -> Self {
        Self {
            heap,
            address,
            len,
            allocation,
        }
    }

    /// First byte.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Length in bytes; may be 0.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the range has no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The allocation that the range lies in.
    pub fn allocation(&self) -> AllocationInfo {
        self.allocation
    }

    /// `len` bytes from byte `offset` on, kept alive on their own; nothing if they are not all in
    /// this range. Works for freed allocations too, as sub-buffers need it.
    pub fn part(&self, offset: usize, len: usize) -> Option<Self> {
        let inside = offset.checked_add(len).is_some_and(|end| end <= self.len);
        if !inside || !self.heap.pin_again(self.allocation.base) {
            return None;
        }
        let address = self.address.wrapping_add(offset);
        Some(Self::pinned(
            Arc::clone(&self.heap),
            address,
            len,
            self.allocation,
        ))
    }
}

impl Drop for SvmRange {
    fn drop(&mut self) {
        self.heap.unpin(self.allocation.base);
    }
}

impl fmt::Debug for SvmRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "SvmRange({} + {} of {:?})",
            self.address, self.len, self.allocation
        )
    }
}
