//! What a command keeps until it is gone: the memory that it touches.

use std::sync::Arc;

use isocl_kernel_iface::Address;

use crate::svm::SvmHeap;

/// Keeps objects alive and allocations of SVM where they are. Most commands have one or two, which
/// take no memory of their own.
#[derive(Default)]
pub struct KeepAlive {
    /// That of all allocations.
    heap: Option<Arc<SvmHeap>>,
    few: [Kept; 2],
    more: Vec<Kept>,
}

#[derive(Default)]
enum Kept {
    #[default]
    Nothing,
    /// Nothing looks inside.
    Object { _object: Arc<dyn Send + Sync> },
    /// An allocation that begins here and has a pin.
    Allocation(Address),
}

impl KeepAlive {
    /// Keeps `object`.
    #[inline]
    pub fn keep(&mut self, object: Arc<dyn Send + Sync>) {
        self.push(Kept::Object { _object: object });
    }

    /// Keeps the allocation around the `len` bytes at `address`; false if they are not all in one.
    /// All allocations must be of the same heap.
    #[inline]
    pub fn pin(&mut self, heap: &Arc<SvmHeap>, address: Address, len: usize) -> bool {
        let Some(base) = heap.pin(address, len) else {
            return false;
        };
        let own = self.heap.get_or_insert_with(|| Arc::clone(heap));
        debug_assert!(Arc::ptr_eq(own, heap), "one heap");
        self.push(Kept::Allocation(base));
        true
    }

    /// Makes room for so many.
    #[inline]
    pub fn reserve(&mut self, count: usize) {
        if count > self.few.len() {
            self.more.reserve_exact(count - self.few.len());
        }
    }

    #[inline]
    fn push(&mut self, kept: Kept) {
        let vacant = |place: &&mut Kept| matches!(place, Kept::Nothing);
        match self.few.iter_mut().find(vacant) {
            Some(place) => *place = kept,
            None => self.more.push(kept),
        }
    }
}

impl Drop for KeepAlive {
    #[inline]
    fn drop(&mut self) {
        let Some(heap) = &self.heap else { return };
        for kept in self.few.iter().chain(&self.more) {
            if let Kept::Allocation(base) = kept {
                heap.unpin(*base);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svm::{svm_alloc, svm_free};
    use crate::test_objects::{context_of, null_device};

    #[test]
    fn any_number_is_kept_and_let_go() {
        let context = context_of(&[null_device()]);
        let heap = context.svm_heap();
        for count in 0..6 {
            let object = Arc::new(());
            let mut keep_alive = KeepAlive::default();
            keep_alive.reserve(count);
            let pointers: Vec<_> = (0..count)
                .map(|_| svm_alloc(&context, 0, 4096, 0).unwrap())
                .collect();
            for pointer in &pointers {
                keep_alive.keep(Arc::clone(&object) as _);
                assert!(keep_alive.pin(heap, pointer.wrapping_add(96), 4000));
                assert!(!keep_alive.pin(heap, *pointer, 4097));
                svm_free(&context, *pointer).unwrap();
            }
            assert!(!keep_alive.pin(heap, Address(0x1000), 1));
            assert!(pointers.iter().all(|pointer| heap.is_quarantined(*pointer)));
            assert_eq!(Arc::strong_count(&object), 1 + count);
            drop(keep_alive);
            assert_eq!(heap.allocations(), 0);
            assert_eq!(Arc::strong_count(&object), 1);
        }
    }
}
