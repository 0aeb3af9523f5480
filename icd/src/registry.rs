//! Which handles are alive, and which objects they stand for.
//!
//! A handle is the address of a slot. Slots lie in a few large blocks that are never freed, so a
//! lookup compares the handle with the blocks' bounds, computes an index and looks at the slot's
//! count: null, garbage, objects of other types and released objects are all simply not found, and
//! no pointer of the application is followed.
//!
//! The count of a slot has two halves. *References* are the application's, counted by
//! `clRetain…` and `clRelease…`. *Holders* are the references, the calls that use the object at
//! this moment, and the objects whose queries lead to it: a queue holds its context, a kernel its
//! program. The slot keeps its object as long as there are holders, and without holders the handle
//! is invalid, whether or not commands still keep the object itself alive.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use isocl_runtime::{Error, ErrorCode, Result};

use crate::handle::Header;
use crate::object::{Object, Parent};

/// Slots of the first block; each further block has twice as many.
const FIRST_BLOCK: usize = 256;
/// Blocks of a registry: enough for a thousand million objects.
const BLOCKS: usize = 22;
/// So many other slots are used before a released one is used again, so that stale handles stay
/// invalid for a while.
const REST: usize = 128;
/// One reference in the count of a slot, beside its holder in the lower half.
const REFERENCE: u64 = 1 << 32;
const HOLDERS: u64 = REFERENCE - 1;

/// A place for one object.
#[repr(C, align(64))]
pub(crate) struct Slot<T: Object> {
    header: Header,
    /// References times [`REFERENCE`], plus holders.
    count: AtomicU64,
    content: UnsafeCell<Option<(Arc<T>, Parent)>>,
}

// SAFETY: `content` is written only by the one thread that took the slot from the free list and
// has not published it, or that took the last holder away; it is read only by holders. `count`
// orders these accesses. What is inside is itself `Send + Sync` by the bounds of `Object`.
unsafe impl<T: Object> Sync for Slot<T> {}
// SAFETY: as above; a slot has no tie to the thread that made it.
unsafe impl<T: Object> Send for Slot<T> {}

impl<T: Object> Slot<T> {
    fn new() -> Self {
        Self {
            header: Header::new(),
            count: AtomicU64::new(0),
            content: UnsafeCell::new(None),
        }
    }

    /// Becomes a holder, unless there is none any more. With `REFERENCE` in `more`, also adds a
    /// reference.
    fn hold(&'static self, more: u64) -> Option<Held<T>> {
        let mut count = self.count.load(Ordering::Relaxed);
        loop {
            if count & HOLDERS == 0 || count >> 32 == HOLDERS {
                return None;
            }
            match self.count.compare_exchange_weak(
                count,
                count + more,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(Held(self)),
                Err(now) => count = now,
            }
        }
    }

    /// Takes a holder away; whoever takes the last one empties the slot.
    fn give_up(&'static self) {
        let before = self.count.fetch_sub(1, Ordering::AcqRel);
        if before & HOLDERS == 1 {
            // SAFETY: the last holder is gone, so nobody reads and nobody can become a holder; the
            // slot is not in the free list, so nobody publishes in it.
            let content = unsafe { (*self.content.get()).take() };
            T::registry().free().push_back(self);
            // Callbacks may run here, and the parent may go the same way.
            drop(content);
        }
    }
}

/// An object whose handle stays valid as long as this value lives.
pub(crate) struct Held<T: Object>(&'static Slot<T>);

impl<T: Object> Held<T> {
    /// The object's handle.
    pub fn handle(&self) -> *mut c_void {
        self.0.header.handle()
    }

    /// The application's references, as `CL_…_REFERENCE_COUNT` reports them.
    pub fn references(&self) -> u32 {
        (self.0.count.load(Ordering::Relaxed) >> 32) as u32
    }

    /// Sets the word of the object's header that belongs to the loader.
    pub fn set_dispatch_data(&self, data: *mut c_void) {
        self.0.header.set_dispatch_data(data);
    }
}

impl<T: Object> Deref for Held<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        // SAFETY: a holder exists, so `publish` has filled `content` and nobody empties it.
        match unsafe { &*self.0.content.get() } {
            Some((object, _)) => object,
            None => unreachable!("a held slot has content"),
        }
    }
}

impl<T: Object> Drop for Held<T> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// All handles of one type.
pub(crate) struct Registry<T: Object> {
    blocks: [OnceLock<Box<[Slot<T>]>>; BLOCKS],
    /// Number of blocks that may exist.
    used: AtomicUsize,
    /// Slots without an object, the longest unused first.
    free: Mutex<VecDeque<&'static Slot<T>>>,
}

impl<T: Object> Registry<T> {
    /// A registry without a block.
    pub const fn new() -> Self {
        Self {
            blocks: [const { OnceLock::new() }; BLOCKS],
            used: AtomicUsize::new(0),
            free: Mutex::new(VecDeque::new()),
        }
    }

    /// The object of a handle.
    ///
    /// # Errors
    /// `T::INVALID` when there is none.
    pub fn get(&'static self, handle: *mut c_void) -> Result<Held<T>> {
        self.find(handle).ok_or_else(T::invalid)
    }

    /// Adds a reference of the application (`clRetain…`).
    ///
    /// # Errors
    /// `T::INVALID`, or `OutOfResources` when there are four thousand million references already.
    pub fn retain(&'static self, handle: *mut c_void) -> Result<()> {
        let slot = self.slot(handle as usize).ok_or_else(T::invalid)?;
        match slot.hold(REFERENCE + 1) {
            // This holder belongs to the new reference.
            Some(held) => {
                std::mem::forget(held);
                Ok(())
            }
            None if slot.count.load(Ordering::Relaxed) & HOLDERS == 0 => Err(T::invalid()),
            None => Err(Error::new(
                ErrorCode::OutOfResources,
                "the object has too many references",
            )),
        }
    }

    /// Takes a reference of the application away (`clRelease…`).
    ///
    /// # Errors
    /// `T::INVALID` when the application has none.
    pub fn release(&'static self, handle: *mut c_void) -> Result<()> {
        let slot = self.slot(handle as usize).ok_or_else(T::invalid)?;
        let count = &slot.count;
        // The holder that belonged to the reference is given up afterwards.
        let less_one = |count| (count >= REFERENCE).then(|| count - REFERENCE);
        count
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, less_one)
            .map_err(|_| T::invalid())?;
        slot.give_up();
        Ok(())
    }

    /// The object of a handle, if there is one.
    pub fn find(&'static self, handle: *mut c_void) -> Option<Held<T>> {
        self.slot(handle as usize)?.hold(1)
    }

    fn slot(&'static self, address: usize) -> Option<&'static Slot<T>> {
        let used = self.used.load(Ordering::Acquire);
        // The last block has as many slots as all others together.
        for block in self.blocks[..used].iter().rev() {
            let slots = block.get()?;
            let offset = address.wrapping_sub(slots.as_ptr() as usize);
            if offset < size_of_val::<[Slot<T>]>(slots) {
                return offset
                    .is_multiple_of(size_of::<Slot<T>>())
                    .then(|| &slots[offset / size_of::<Slot<T>>()]);
            }
        }
        None
    }

    /// Gives `object` a handle with one reference; an object that has a handle keeps it.
    ///
    /// # Errors
    /// `OutOfHostMemory` when there are too many objects.
    pub fn publish(&'static self, object: Arc<T>) -> Result<*mut c_void> {
        let slot = self.vacant()?;
        let parent = object.parent();
        let handle = slot.header.handle();
        slot.header.take_dispatch_data();
        object
            .api_slot()
            .handle_or_publish(|| (handle as usize, Box::new(())));
        // SAFETY: the slot is out of the free list and has no holders: nobody else touches it.
        unsafe { *slot.content.get() = Some((object, parent)) };
        slot.count.store(REFERENCE + 1, Ordering::Release);
        Ok(handle)
    }

    /// A slot that nobody uses.
    fn vacant(&'static self) -> Result<&'static Slot<T>> {
        let mut free = self.free();
        if free.len() <= REST {
            self.add_block(&mut free)?;
        }
        free.pop_front()
            .ok_or_else(|| Error::new(ErrorCode::OutOfHostMemory, "too many objects"))
    }

    fn add_block(&'static self, free: &mut VecDeque<&'static Slot<T>>) -> Result<()> {
        let index = self.used.load(Ordering::Relaxed);
        let block = self
            .blocks
            .get(index)
            .ok_or_else(|| Error::new(ErrorCode::OutOfHostMemory, "too many objects"))?;
        let slots = block.get_or_init(|| (0..FIRST_BLOCK << index).map(|_| Slot::new()).collect());
        self.used.store(index + 1, Ordering::Release);
        // Fresh slots come first: those that were used before rest for longer.
        for slot in slots.iter().rev() {
            free.push_front(slot);
        }
        Ok(())
    }

    fn free(&self) -> std::sync::MutexGuard<'_, VecDeque<&'static Slot<T>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
