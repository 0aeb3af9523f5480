//! The driver that needs no device: memory of this process, inside a chosen aperture.
//!
//! The "device" is threads of this process, so the addresses are the same by nature; what is
//! emulated is a device that decodes few bits or has reserved regions. Placement is
//! user-reserved (see [`crate::reserved_space`]).
//!
//! The memory is private to the process (see [`crate::mapping`] about `fork`): a forked child
//! finds its copy of every slab at the same addresses, and a reservation of its own.

use crate::address::AddressRange;
use crate::aperture::{AddressPlan, Aperture};
use crate::driver::{Driver, PlacedMemory, Placement, SlabRequest};
use crate::engine::Engine;
use crate::mapping::Backing;
use crate::profile::Profile;
use crate::reserved_space::ReservedSpace;
use crate::Result;

/// See the module.
#[derive(Debug)]
pub struct Emulator {
    space: ReservedSpace,
    reaches_process: bool,
}

impl Emulator {
    /// Plans the aperture; reserves nothing yet.
    pub fn new(profile: &Profile) -> Self {
        let apertures = [profile.aperture(), Aperture::of_user_space(profile.lowest)];
        let reaches_process = profile.covers_user_space();
        Self {
            space: ReservedSpace::new(AddressPlan::new(&apertures), reaches_process),
            reaches_process,
        }
    }
}

impl Driver for Emulator {
    fn name(&self) -> &str {
        "emulator"
    }

    fn plan(&self) -> &AddressPlan {
        self.space.plan()
    }

    fn placement(&self) -> Placement {
        Placement::UserReserved
    }

    fn place(&self, request: SlabRequest) -> Result<PlacedMemory> {
        let mapping = self.space.map(request, Backing::Anonymous)?;
        if request.huge_pages {
            mapping.advise_pages(mapping.range(), true);
        }
        let device_address = mapping.address();
        Ok(PlacedMemory {
            mapping,
            device_address,
            handle: None,
        })
    }

    fn withdraw(&self, memory: PlacedMemory) -> Result<()> {
        drop(memory);
        self.space.trim();
        Ok(())
    }

    fn populate(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        memory.mapping.populate(part)
    }

    fn discard(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        memory.mapping.discard(part)
    }

    fn engine(&self) -> Option<&dyn Engine> {
        None
    }

    fn reaches_process(&self) -> bool {
        self.reaches_process
    }

    fn survives_fork(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
