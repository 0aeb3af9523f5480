//! Reservations of address space, and mappings of memory inside them.
//!
//! A [`Reservation`] is inaccessible address space that belongs to us, so that nothing else can
//! be mapped there. A [`Mapping`] puts memory on a part of it and gives the part back when it is
//! dropped. No mapping is ever made over addresses that are not reserved first, and no two
//! mappings share a byte: the reservation keeps the set of its free parts. Where a kernel driver
//! chooses the address, a mapping stands by itself.
//!
//! Neither type yields a pointer, slice or reference; bytes are the business of
//! [`crate::access`].
//!
//! **fork**: anonymous memory is private, so a forked child has its own copy of every byte, at the
//! same addresses, made on the first write; neither process sees the other's later writes.
//! Memory of a file or device may be absent in the child, and its addresses anybody's; the child
//! leaves them alone.
#![allow(unsafe_code)]

use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::address::{align_up, Address, AddressRange};
use crate::free_ranges::FreeRanges;
use crate::sys::{self, Advice, Pages, ProcessImage};
use crate::{access, Error, Result};

/// What memory a mapping gets.
#[derive(Debug, Clone, Copy)]
pub enum Backing<'fd> {
    /// Zeroed memory of this process, committed when it is touched.
    Anonymous,
    /// The bytes of a file or device from `offset` on, shared with everyone who maps them.
    Shared {
        /// What to map.
        file: BorrowedFd<'fd>,
        /// Byte offset, a multiple of the page size.
        offset: i64,
    },
}

impl<'fd> From<Backing<'fd>> for Pages<'fd> {
    fn from(backing: Backing<'fd>) -> Self {
        match backing {
            Backing::Anonymous => Pages::Anonymous,
            Backing::Shared { file, offset } => Pages::Shared { file, offset },
        }
    }
}

/// Inaccessible address space that we own, unmapped when the last mapping in it is gone too.
#[derive(Debug)]
pub struct Reservation {
    range: AddressRange,
    free: Mutex<FreeRanges>,
}

impl Reservation {
    /// Reserves `len` bytes at a multiple of `alignment`, wherever the system likes.
    ///
    /// # Errors
    /// `ENOMEM` when there is no room or a limit on address space is reached.
    pub fn anywhere(len: usize, alignment: usize) -> Result<Arc<Self>> {
        let operation = "reserve address space";
        let alignment = alignment.max(sys::page_size());
        let len = align_up(len, sys::page_size()).ok_or(Error::no_memory(operation))?;
        let padded = len
            .checked_add(alignment)
            .ok_or(Error::no_memory(operation))?;
        let whole = sys::map_anywhere(padded, Pages::None)?;
        let part = whole
            .aligned_part(len, alignment)
            .ok_or(Error::no_memory(operation))?;
        let low = AddressRange::new(whole.start(), part.start());
        let high = AddressRange::new(part.end(), whole.end());
        for surplus in [low, high] {
            if !surplus.is_empty() {
                // SAFETY: a part of the mapping made above, which nobody else knows.
                unsafe { sys::unmap(surplus) }?;
            }
        }
        Ok(Self::owning(part))
    }

    /// Reserves exactly `range`, a multiple of the page size at both ends.
    ///
    /// # Errors
    /// `EEXIST` when something is mapped there; `ENOMEM` when a limit is reached.
    pub fn at(range: AddressRange) -> Result<Arc<Self>> {
        sys::map_at_free(range, Pages::None)?;
        Ok(Self::owning(range))
    }

    fn owning(range: AddressRange) -> Arc<Self> {
        let mut free = FreeRanges::new();
        free.insert(range);
        Arc::new(Self {
            range,
            free: Mutex::new(free),
        })
    }

    /// The reserved addresses.
    pub fn range(&self) -> AddressRange {
        self.range
    }

    /// Bytes that no mapping uses.
    pub fn free_bytes(&self) -> usize {
        self.free().total()
    }

    /// Maps `len` bytes (a multiple of the page size) at a free multiple of `alignment`, or
    /// nothing when no free part of the reservation is long enough.
    ///
    /// # Errors
    /// What the system says about the mapping; the addresses are free again then.
    pub fn map(
        self: &Arc<Self>,
        len: usize,
        alignment: usize,
        backing: Backing<'_>,
    ) -> Result<Option<Mapping>> {
        if len == 0 || !len.is_multiple_of(sys::page_size()) {
            return Err(Error::invalid("map a length that is not whole pages"));
        }
        let Some(range) = self.free().take(len, alignment.max(sys::page_size())) else {
            return Ok(None);
        };
        self.commit(range, backing).map(Some)
    }

    /// Maps exactly `range`, whole pages of this reservation.
    ///
    /// # Errors
    /// `EEXIST` unless all of `range` is free here; otherwise as [`Self::map`].
    pub fn map_at(self: &Arc<Self>, range: AddressRange, backing: Backing<'_>) -> Result<Mapping> {
        let page_size = sys::page_size();
        if !range.start().is_multiple_of(page_size) || !range.len().is_multiple_of(page_size) {
            return Err(Error::invalid("map a range that is not whole pages"));
        }
        if !self.free().remove(range) {
            return Err(Error::of_system(
                "map memory inside a reservation",
                sys::EEXIST,
            ));
        }
        self.commit(range, backing)
    }

    fn commit(self: &Arc<Self>, range: AddressRange, backing: Backing<'_>) -> Result<Mapping> {
        // SAFETY: `range` was taken from the free part of this reservation, which only we own;
        // what is mapped there is inaccessible, so nobody uses it.
        if let Err(error) = unsafe { sys::map_over(range, backing.into()) } {
            self.free().insert(range);
            return Err(error);
        }
        Ok(Mapping {
            home: Home::Reservation(Arc::clone(self)),
            range,
            anonymous: matches!(backing, Backing::Anonymous),
            process: ProcessImage::current(),
        })
    }

    /// Makes `range` inaccessible again, which frees its memory. Addresses that cannot be made
    /// so are never used again.
    fn withdraw(&self, range: AddressRange) {
        // SAFETY: only `Mapping::drop` calls this, for the part that mapping owned alone.
        let mut result = unsafe { sys::map_over(range, Pages::None) };
        if result.is_err() {
            // At the limit on the number of mappings, unmapping first makes room for the new one.
            // SAFETY: as above.
            result = unsafe { sys::unmap(range) };
            result = result.and_then(|()| sys::map_at_free(range, Pages::None));
        }
        if result.is_ok() {
            self.free().insert(range);
        }
    }

    fn free(&self) -> MutexGuard<'_, FreeRanges> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let parts = self.free().drain();
        for part in parts {
            // Parts that could not be withdrawn may belong to somebody else by now and are not
            // in the free set. An error leaves address space behind, nothing worse.
            // SAFETY: every mapping holds the reservation, so all that is left is our own
            // inaccessible space.
            let _unmapped = unsafe { sys::unmap(part) };
        }
    }
}

/// Memory at addresses of its own, until it is dropped.
#[derive(Debug)]
pub struct Mapping {
    home: Home,
    range: AddressRange,
    anonymous: bool,
    process: ProcessImage,
}

/// Whose the addresses of a mapping are.
#[derive(Debug)]
enum Home {
    Reservation(Arc<Reservation>),
    /// A kernel driver chose them, and they are free when the memory is gone.
    KernelPlaced,
}

impl Mapping {
    /// Maps `len` bytes of a device from `offset` on, where the device's driver likes.
    ///
    /// # Errors
    /// What the driver says.
    pub fn kernel_placed(device: BorrowedFd<'_>, offset: i64, len: usize) -> Result<Self> {
        let pages = Pages::Shared {
            file: device,
            offset,
        };
        Ok(Self {
            home: Home::KernelPlaced,
            range: sys::map_anywhere(len, pages)?,
            anonymous: false,
            process: ProcessImage::current(),
        })
    }

    /// Where the memory lies.
    pub fn range(&self) -> AddressRange {
        self.range
    }

    /// First address.
    pub fn address(&self) -> Address {
        self.range.address()
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there is no byte; never so for a mapping that exists.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// Asks for pages of a size in `part`. A system without huge pages is no error, and neither is
    /// memory of which a driver chooses the pages.
    pub fn advise_pages(&self, part: AddressRange, huge: bool) {
        let advice = match huge {
            true => Advice::HugePages,
            false => Advice::SmallPages,
        };
        if self.anonymous && self.check(part).is_ok() {
            let _advice = sys::advise(part, advice);
        }
    }

    /// Whether the memory was mapped by this process, not by one that forked it.
    pub fn is_of_this_process(&self) -> bool {
        self.process.is_current()
    }

    /// Lets no child inherit the memory.
    ///
    /// # Errors
    /// What the system says.
    pub fn hide_from_children(&self) -> Result<()> {
        sys::advise(self.range, Advice::NotInherited)
    }

    /// Makes the pages of `part` present.
    ///
    /// # Errors
    /// `EINVAL` when `part` is not whole pages of this mapping; `ENOMEM` when memory ran out.
    pub fn populate(&self, part: AddressRange) -> Result<()> {
        self.check(part)?;
        sys::advise(part, Advice::Populate)
    }

    /// Reads a byte of every page of `part`, which makes pages present that the system does not
    /// bring in on advice: a driver's.
    ///
    /// # Errors
    /// `EINVAL` when `part` is not whole pages of this mapping, or the memory is not this process's.
    pub fn touch(&self, part: AddressRange) -> Result<()> {
        self.check(part)?;
        if !self.is_of_this_process() {
            return Err(Error::invalid("touch memory that was mapped before a fork"));
        }
        for page in (part.start()..part.end()).step_by(sys::page_size()) {
            access::read(Address(page), &mut [0]);
        }
        Ok(())
    }

    /// Gives the memory of `part` back; anonymous memory then reads as zero.
    ///
    /// # Errors
    /// `EINVAL` when `part` is not whole pages of this mapping, or the memory is not anonymous.
    pub fn discard(&self, part: AddressRange) -> Result<()> {
        self.check(part)?;
        if !self.anonymous {
            return Err(Error::invalid("discard memory of a file"));
        }
        // SAFETY: the part lies in a mapping we own (`check`); that nobody needs the contents is
        // what the caller says by calling, and a reader that comes anyway sees zeros.
        unsafe { sys::discard(part) }
    }

    fn check(&self, part: AddressRange) -> Result<()> {
        let page_size = sys::page_size();
        let whole_pages =
            part.start().is_multiple_of(page_size) && part.len().is_multiple_of(page_size);
        if whole_pages && self.range.contains(&part) {
            Ok(())
        } else {
            Err(Error::invalid("name a part of a mapping"))
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if !self.anonymous && !self.process.is_current() {
            return;
        }
        match &self.home {
            Home::Reservation(reservation) => reservation.withdraw(self.range),
            Home::KernelPlaced => {
                // An error leaves memory behind, nothing worse.
                // SAFETY: the mapping was made for this value, in this process, and is given back
                // by nobody else.
                let _unmapped = unsafe { sys::unmap(self.range) };
            }
        }
    }
}

#[cfg(test)]
mod tests;
