//! Memory of any DRM driver that has dumb buffers.
//!
//! Such a driver does not know where the device wants buffers to be, so this library reserves the
//! aperture and maps buffers into it at addresses of its own choice: the user-reserved placement.
//! A driver of a real GPU is then told to use the same address: that is [`Bind`].

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::address::{Address, AddressRange};
use crate::aperture::{AddressPlan, Aperture};
use crate::driver::{Driver, PlacedMemory, Placement, SlabRequest};
use crate::engine::Engine;
use crate::mapping::Backing;
use crate::profile::Profile;
use crate::reserved_space::ReservedSpace;
use crate::sys;
use crate::{Error, Result};

mod uapi;

/// How a driver's device comes to see a buffer at an address.
///
/// For a device with an address space of its own, `bind` is that driver's call with an explicit
/// address: `VM_MAP` of PowerVR, `VM_BIND` of Panthor, Xe and Nouveau, `GEM_VA` of amdgpu,
/// `SET_IOVA` of msm; the [`Profile`] is then the heap in which the device wants buffers.
pub trait Bind: Send + Sync + Debug {
    /// Makes the buffer `handle` of `device` visible to the device at `range`; returns where the
    /// device sees its first byte.
    ///
    /// # Errors
    /// What the driver says.
    fn bind(&self, device: &OwnedFd, handle: NonZeroU32, range: AddressRange) -> Result<Address>;

    /// Takes the buffer away from the device.
    ///
    /// # Errors
    /// What the driver says; the addresses are not used again before it worked.
    fn unbind(&self, device: &OwnedFd, handle: NonZeroU32, range: AddressRange) -> Result<()>;
}

/// For drivers without a device of their own, vgem for example: threads of the process are the
/// device, and see what the CPU sees.
#[derive(Debug)]
pub struct CpuIsDevice;

impl Bind for CpuIsDevice {
    fn bind(&self, _device: &OwnedFd, _handle: NonZeroU32, range: AddressRange) -> Result<Address> {
        Ok(range.address())
    }

    fn unbind(&self, _device: &OwnedFd, _handle: NonZeroU32, _range: AddressRange) -> Result<()> {
        Ok(())
    }
}

/// See the module.
#[derive(Debug)]
pub struct Drm {
    name: String,
    device: OwnedFd,
    space: ReservedSpace,
    bind: Box<dyn Bind>,
}

impl Drm {
    /// Opens `node`, for memory where `profile` wants it.
    ///
    /// # Errors
    /// What the system says about the node; `ENOTTY` when it is no DRM driver's; `ENOSYS` when that
    /// driver has no dumb buffers.
    pub fn open(node: &Path, profile: &Profile, bind: Box<dyn Bind>) -> Result<Self> {
        let device = sys::open_device(node)?;
        sys::call(device.as_fd(), &mut uapi::Version::default())?;
        let apertures = [profile.aperture(), Aperture::of_user_space(profile.lowest)];
        let plan = AddressPlan::new(&apertures);
        let drm = Self {
            name: node.display().to_string(),
            device,
            space: ReservedSpace::new(plan, profile.covers_user_space()),
            bind,
        };
        // Drivers without displays do not say whether they can; so it is tried.
        let buffer = drm.create(crate::page_size())?;
        drm.destroy(buffer.handle);
        Ok(drm)
    }

    fn create(&self, len: usize) -> Result<uapi::CreateDumb> {
        // An image of one byte per pixel, in rows of a page.
        let row = crate::page_size();
        let too_long = Error::no_memory("create a dumb buffer of the DRM driver");
        let mut create = uapi::CreateDumb {
            height: u32::try_from(len / row).map_err(|_| too_long)?,
            width: row as u32,
            bits_per_pixel: 8,
            ..uapi::CreateDumb::default()
        };
        sys::call(self.device.as_fd(), &mut create)?;
        if create.size < len as u64 {
            self.destroy(create.handle);
            return Err(too_long);
        }
        Ok(create)
    }

    fn destroy(&self, handle: u32) {
        // It goes when the file is closed, at the latest.
        let _destroyed = sys::call(self.device.as_fd(), &mut uapi::DestroyDumb { handle });
    }

    fn map(&self, handle: u32, request: SlabRequest) -> Result<PlacedMemory> {
        let mut map = uapi::MapDumb {
            handle,
            ..uapi::MapDumb::default()
        };
        sys::call(self.device.as_fd(), &mut map)?;
        let backing = Backing::Shared {
            file: self.device.as_fd(),
            offset: map.offset as i64,
        };
        let mapping = self.space.map(request, backing)?;
        // A child would share the memory, and two processes would divide it among themselves.
        mapping.hide_from_children()?;
        let handle = NonZeroU32::new(handle).ok_or(Error::invalid("map a dumb buffer"))?;
        let device_address = self.bind.bind(&self.device, handle, mapping.range())?;
        Ok(PlacedMemory {
            mapping,
            device_address,
            handle: Some(handle),
        })
    }
}

impl Driver for Drm {
    fn name(&self) -> &str {
        &self.name
    }

    fn plan(&self) -> &AddressPlan {
        self.space.plan()
    }

    fn placement(&self) -> Placement {
        Placement::UserReserved
    }

    fn place(&self, request: SlabRequest) -> Result<PlacedMemory> {
        let buffer = self.create(request.len)?;
        let placed = self.map(buffer.handle, request);
        if placed.is_err() {
            self.destroy(buffer.handle);
        }
        placed
    }

    fn withdraw(&self, memory: PlacedMemory) -> Result<()> {
        let ours = memory.mapping.is_of_this_process();
        let range = memory.mapping.range();
        let unbound = match memory.handle {
            Some(handle) if ours => {
                let unbound = self.bind.unbind(&self.device, handle, range);
                drop(memory);
                self.destroy(handle.get());
                unbound
            }
            _ => Ok(()),
        };
        self.space.trim();
        unbound
    }

    fn populate(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        memory.mapping.populate(part)
    }

    /// A dumb buffer keeps its memory as it is.
    fn discard(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        memory.mapping.discard(part)
    }

    fn engine(&self) -> Option<&dyn Engine> {
        None
    }

    fn reaches_process(&self) -> bool {
        false
    }

    fn survives_fork(&self) -> bool {
        false
    }
}
