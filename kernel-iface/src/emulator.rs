//! The driver that needs no device: memory of this process, inside a chosen aperture.
//!
//! The "device" is threads of this process, so the addresses are the same by nature; what is
//! emulated is a device that decodes few bits or has reserved regions. Placement is
//! user-reserved: large stretches of address space are reserved when they are first needed and
//! slabs are mapped inside them. An aperture as wide as user space leaves the choice of the
//! stretch to the system; a narrower one is searched, around whatever the process has mapped
//! there already.
//!
//! The memory is private to the process (see [`crate::mapping`] about `fork`): a forked child
//! finds its copy of every slab at the same addresses, and a reservation of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::address::AddressRange;
use crate::aperture::{AddressPlan, Aperture, DEFAULT_LOWEST};
use crate::driver::{Driver, PlacedMemory, SlabRequest};
use crate::mapping::{Backing, Mapping, Reservation};
use crate::{process_map, Error, Result, SLAB_GRANULE, USER_ADDRESS_BITS};

/// Address space reserved at a time, in bytes, where there is that much.
const STRETCH: usize = 64 << 30;

/// How often a stretch is searched again when another thread mapped something there meanwhile.
const SEARCHES: usize = 16;

/// What device to emulate.
#[derive(Debug, Clone)]
pub struct EmulatorOptions {
    /// Address bits that the device decodes, 32 to 64. What user space cannot reach is not used.
    pub address_bits: u32,
    /// Lowest address used. With an aperture of 32 bits this must be lowered from
    /// [`DEFAULT_LOWEST`], which would leave nothing.
    pub lowest: usize,
    /// Regions that must hold no memory.
    pub reserved: Vec<AddressRange>,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self {
            address_bits: 64,
            lowest: DEFAULT_LOWEST,
            reserved: Vec::new(),
        }
    }
}

impl EmulatorOptions {
    /// A device that decodes `address_bits` bits and has no reserved region. Below 33 bits, memory
    /// begins at 64 KiB instead of 4 GiB.
    pub fn with_address_bits(address_bits: u32) -> Self {
        let lowest = if address_bits > 32 {
            DEFAULT_LOWEST
        } else {
            64 << 10
        };
        Self {
            address_bits,
            lowest,
            ..Self::default()
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Emulator {
    plan: AddressPlan,
    /// Whether the system may choose addresses, because nearly all it can choose are allowed.
    unconstrained: bool,
    reservations: Mutex<Vec<Arc<Reservation>>>,
}

impl Emulator {
    /// Plans the aperture; reserves nothing yet.
    pub fn new(options: &EmulatorOptions) -> Self {
        let mut aperture = Aperture::from_bits(options.address_bits, options.lowest);
        aperture.reserved.clone_from(&options.reserved);
        let unconstrained =
            options.address_bits >= USER_ADDRESS_BITS && options.reserved.is_empty();
        Self {
            plan: AddressPlan::new(&[aperture, Aperture::of_user_space(options.lowest)]),
            unconstrained,
            reservations: Mutex::new(Vec::new()),
        }
    }

    fn map(&self, request: SlabRequest) -> Result<Mapping> {
        let mut reservations = self.reservations();
        for reservation in reservations.iter() {
            if let Some(mapping) =
                reservation.map(request.len, request.alignment, Backing::Anonymous)?
            {
                return Ok(mapping);
            }
        }
        // A stretch without a slab was too short; together with its neighbourhood it may do.
        reservations.retain(|reservation| !is_unused(reservation));
        let no_room = Error::no_memory("find room in the aperture");
        // A slab of a large alignment may begin anywhere in a stretch that is aligned less.
        let least = request
            .len
            .checked_add(request.alignment - SLAB_GRANULE)
            .ok_or(no_room)?;
        let mut len = STRETCH.max(least);
        loop {
            match self.reserve(len) {
                Ok(reservation) => {
                    reservations.push(Arc::clone(&reservation));
                    let mapping =
                        reservation.map(request.len, request.alignment, Backing::Anonymous)?;
                    return mapping.ok_or(no_room);
                }
                Err(error) if error.is_out_of_memory() && len > least => {
                    // Halves stay multiples of the granule, as the least length is.
                    len = least.max((len / 2) & !(SLAB_GRANULE - 1));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reserves `len` bytes somewhere in the plan.
    fn reserve(&self, len: usize) -> Result<Arc<Reservation>> {
        if self.unconstrained {
            let reservation = Reservation::anywhere(len, SLAB_GRANULE)?;
            if self.plan.contains(&reservation.range()) {
                return Ok(reservation);
            }
        }
        for _ in 0..SEARCHES {
            let free = self.plan.without(&process_map::occupied());
            let found = free.first_fit(len, SLAB_GRANULE);
            let range = found.ok_or(Error::no_memory("find room in the aperture"))?;
            match Reservation::at(range) {
                Err(error) if error.is_occupied() => {}
                result => return result,
            }
        }
        Err(Error::no_memory("reserve room in the aperture"))
    }

    fn reservations(&self) -> MutexGuard<'_, Vec<Arc<Reservation>>> {
        self.reservations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_unused(reservation: &Reservation) -> bool {
    reservation.free_bytes() == reservation.range().len()
}

impl Driver for Emulator {
    fn name(&self) -> &'static str {
        "emulator"
    }

    fn plan(&self) -> &AddressPlan {
        &self.plan
    }

    fn place(&self, request: SlabRequest) -> Result<PlacedMemory> {
        let mapping = self.map(request)?;
        if request.huge_pages {
            mapping.advise_huge_pages();
        }
        let device_address = mapping.address();
        Ok(PlacedMemory {
            mapping,
            device_address,
        })
    }

    fn withdraw(&self, memory: PlacedMemory) -> Result<()> {
        drop(memory);
        // A stretch that holds nothing any more is given back, so that an exhausted aperture can
        // be cut differently; the last one is kept for the next context.
        let mut reservations = self.reservations();
        if reservations.len() > 1 {
            reservations.retain(|reservation| !is_unused(reservation));
        }
        Ok(())
    }

    fn populate(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        memory.mapping.populate(part)
    }

    fn discard(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        memory.mapping.discard(part)
    }
}

#[cfg(test)]
mod tests;
