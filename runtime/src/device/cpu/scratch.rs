//! Memory that one thread lends to the kernel it runs: the argument block, local memory, and what
//! lives across barriers.
#![allow(unsafe_code)]

use std::alloc::{alloc, dealloc, Layout};
use std::cell::Cell;

/// Alignment of every block and of each of its parts, in bytes: that of the largest vector type.
pub(super) const ALIGNMENT: usize = 128;
/// Larger blocks are given back after the command.
const KEEP: usize = 8 << 20;

/// A block of memory aligned to [`ALIGNMENT`], with any content.
pub(super) struct Scratch {
    block: *mut u8,
    layout: Layout,
}

thread_local! {
    static OWN: Cell<Option<Scratch>> = const { Cell::new(None) };
}

impl Scratch {
    fn allocate(len: usize) -> Option<Self> {
        let layout = Layout::from_size_align(len.max(64 << 10), ALIGNMENT).ok()?;
        // SAFETY: the layout's size is not zero.
        let block = unsafe { alloc(layout) };
        (!block.is_null()).then_some(Self { block, layout })
    }

    /// First byte.
    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.block
    }

    /// Lends `run` a block of at least `len` bytes, that of the calling thread where possible.
    /// None when there is not enough memory.
    pub(super) fn with<R>(len: usize, run: impl FnOnce(&mut Scratch) -> R) -> Option<R> {
        // The thread's own block is gone while it ends, and taken while a kernel runs on it.
        let own = OWN.try_with(Cell::take).ok().flatten();
        let mut scratch = match own {
            Some(scratch) if scratch.layout.size() >= len => scratch,
            _ => Self::allocate(len)?,
        };
        let result = run(&mut scratch);
        if scratch.layout.size() <= KEEP {
            let _ = OWN.try_with(|own| own.set(Some(scratch)));
        }
        Some(result)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: `allocate` got the block with this very layout, and nobody else frees it.
        unsafe { dealloc(self.block, self.layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_reused_and_grow() {
        let first = Scratch::with(1, |scratch| scratch.as_mut_ptr() as usize).unwrap();
        assert_eq!(first % ALIGNMENT, 0);
        assert_eq!(
            Scratch::with(100, |scratch| scratch.as_mut_ptr() as usize),
            Some(first)
        );
        let large = Scratch::with(1 << 20, |scratch| scratch.layout.size()).unwrap();
        assert!(large >= 1 << 20);
    }

    #[test]
    fn nested_loans_are_different_blocks() {
        Scratch::with(64, |outer| {
            let outer = outer.as_mut_ptr();
            Scratch::with(64, |inner| assert_ne!(inner.as_mut_ptr(), outer));
        });
    }

    #[test]
    fn too_much_is_refused() {
        assert!(Scratch::with(usize::MAX / 2, |_| ()).is_none());
    }
}
