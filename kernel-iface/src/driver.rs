//! What every source of shared memory provides, and the contract checked on each of its answers.
//!
//! **The contract**: every byte of a slab has the same address on the CPU and on the device, lies
//! inside the device's aperture and outside its reserved regions. [`Slab::map`] checks it after
//! every mapping; an answer that breaks it is given back and refused.
//!
//! Three kinds of placement fit the trait. *User-reserved*: the driver reserves address space and
//! maps inside it. *Kernel-placed*: the kernel driver chooses the address when its file is mapped.
//! *Mirror*: any memory of the process, which the device follows.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::address::{align_up, Address, AddressRange};
use crate::aperture::AddressPlan;
use crate::engine::Engine;
use crate::mapping::Mapping;
use crate::{Error, Result, SLAB_GRANULE};

/// What a slab is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlabRequest {
    /// Bytes, a multiple of [`SLAB_GRANULE`].
    pub len: usize,
    /// A power of two in bytes, at least [`SLAB_GRANULE`].
    pub alignment: usize,
    /// Whether huge pages are worth their memory.
    pub huge_pages: bool,
}

/// A driver's answer: memory, and where the device sees it.
#[derive(Debug)]
pub struct PlacedMemory {
    /// The memory as the CPU sees it; unmapped when dropped.
    pub mapping: Mapping,
    /// Address of the first byte as the device sees it, read back from the driver.
    pub device_address: Address,
    /// What the driver calls the buffer behind the memory, if it has buffers.
    pub handle: Option<NonZeroU32>,
}

/// Who chooses the addresses of slabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// This library, in address space that it reserves.
    UserReserved,
    /// The kernel driver, when its file is mapped.
    KernelPlaced,
}

/// A source of memory with the same addresses on the CPU and on a device.
///
/// What an implementation does is mechanism only: it places, populates and discards. Arguments
/// are checked by [`Slab`].
pub trait Driver: Send + Sync + Debug {
    /// The node of the driver, or `emulator`.
    fn name(&self) -> &str;

    /// Where memory of this driver may lie; constant.
    fn plan(&self) -> &AddressPlan;

    /// Who chooses addresses; constant.
    fn placement(&self) -> Placement;

    /// Maps memory somewhere inside the plan.
    ///
    /// # Errors
    /// `ENOMEM` when the aperture or memory is exhausted; what the system says otherwise.
    fn place(&self, request: SlabRequest) -> Result<PlacedMemory>;

    /// Takes memory back that [`Self::place`] gave. Nothing uses it any more.
    ///
    /// # Errors
    /// What the driver says; the memory is not used again either way.
    fn withdraw(&self, memory: PlacedMemory) -> Result<()>;

    /// Makes the pages of `part`, whole pages of `memory`, present on CPU and device.
    ///
    /// # Errors
    /// `ENOMEM` when memory ran out.
    fn populate(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()>;

    /// Gives the pages of `part`, whole pages of `memory`, back; it reads as zero, or as it was
    /// if the driver cannot do that.
    ///
    /// # Errors
    /// What the driver says; the memory stays usable either way.
    fn discard(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()>;

    /// What the device can do to memory by itself, if it can do something.
    fn engine(&self) -> Option<&dyn Engine>;

    /// Whether the device reaches all memory of the process at the CPU's addresses, not only
    /// slabs; constant.
    fn reaches_process(&self) -> bool;

    /// Whether a forked child keeps (a copy of) what was placed before the fork; constant. In any
    /// case it may place anew.
    fn survives_fork(&self) -> bool;
}

/// Memory that fulfils the contract, given back to its driver when dropped.
#[derive(Debug)]
pub struct Slab {
    driver: Arc<dyn Driver>,
    memory: Option<PlacedMemory>,
    range: AddressRange,
}

impl Slab {
    /// Asks `driver` for memory and checks the contract on the answer. The length is rounded up
    /// to whole granules.
    ///
    /// # Errors
    /// `EINVAL` for a length of 0 or an alignment that is no power of two, `EADDRNOTAVAIL` when
    /// the driver broke the contract, otherwise the driver's error.
    pub fn map(driver: &Arc<dyn Driver>, request: SlabRequest) -> Result<Self> {
        if request.len == 0 || !request.alignment.is_power_of_two() {
            return Err(Error::invalid("ask for a slab"));
        }
        let len = align_up(request.len, SLAB_GRANULE).ok_or(Error::no_memory("ask for a slab"))?;
        let alignment = request.alignment.max(SLAB_GRANULE);
        let request = SlabRequest {
            len,
            alignment,
            ..request
        };
        let memory = driver.place(request)?;
        let range = memory.mapping.range();
        let slab = Self {
            driver: Arc::clone(driver),
            memory: Some(memory),
            range,
        };
        slab.check(request)?;
        Ok(slab)
    }

    /// The addresses of the slab, on the CPU and on the device.
    pub fn range(&self) -> AddressRange {
        self.range
    }

    /// Makes the pages of `part` present.
    ///
    /// # Errors
    /// `EINVAL` when `part` is not whole pages of the slab; otherwise the driver's error.
    pub fn populate(&self, part: AddressRange) -> Result<()> {
        match &self.memory {
            Some(memory) if self.range.contains(&part) => self.driver.populate(memory, part),
            _ => Err(Error::invalid("populate a part of a slab")),
        }
    }

    /// Tells whether huge pages are worth their memory in `part`, whole pages of the slab: they are
    /// not where little will be used.
    pub fn advise_pages(&self, part: AddressRange, huge: bool) {
        if let Some(memory) = &self.memory {
            memory.mapping.advise_pages(part, huge);
        }
    }

    /// Gives the memory of `part` back to the system; its contents are lost.
    ///
    /// # Errors
    /// `EINVAL` when `part` is not whole pages of the slab; otherwise the driver's error.
    pub fn discard(&self, part: AddressRange) -> Result<()> {
        match &self.memory {
            Some(memory) if self.range.contains(&part) => self.driver.discard(memory, part),
            _ => Err(Error::invalid("discard a part of a slab")),
        }
    }

    fn check(&self, request: SlabRequest) -> Result<()> {
        let device_address = self.memory.as_ref().map(|memory| memory.device_address);
        if device_address != Some(self.range.address()) {
            return Err(Error::broken_contract(
                "check that CPU and device address are equal",
            ));
        }
        if !self.driver.plan().contains(&self.range) {
            return Err(Error::broken_contract(
                "check that a slab lies in the aperture",
            ));
        }
        if self.range.len() < request.len || !self.range.address().is_aligned_to(request.alignment)
        {
            return Err(Error::broken_contract(
                "check length and alignment of a slab",
            ));
        }
        Ok(())
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            // There is nobody to tell; the driver does not use the addresses again.
            let _withdrawn = self.driver.withdraw(memory);
        }
    }
}
