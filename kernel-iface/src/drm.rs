//! Memory of any DRM driver that has dumb buffers.
//!
//! Such a driver does not know where the device wants buffers to be, so this library reserves the
//! aperture and maps buffers into it at addresses of its own choice: the user-reserved placement.
//! A driver of a real GPU is then told to use the same address: that is [`Bind`].

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::os::fd::BorrowedFd;
use std::path::Path;

use crate::address::{Address, AddressRange};
use crate::aperture::{AddressPlan, Aperture};
use crate::device_node::DeviceNode;
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
/// A device with an address space of its own has calls for the three steps:
///
/// | driver | `attach` | `bind` and `unbind` |
/// | --- | --- | --- |
/// | PowerVR | `CREATE_VM_CONTEXT` | `VM_MAP`, `VM_UNMAP` |
/// | Panthor, Xe | `VM_CREATE` | `VM_BIND` |
/// | Nouveau | `VM_INIT` | `VM_BIND` |
/// | amdgpu | none, a file has one | `GEM_VA` |
/// | msm | none, a file has one | `GEM_INFO` with `SET_IOVA` |
///
/// All take the address from user space, so that they take the CPU's. The [`Profile`] is then the
/// heap in which the device wants buffers, as the driver publishes it.
pub trait Bind: Send + Sync + Debug {
    /// Makes the device's address space for a file that was just opened: once per process.
    ///
    /// # Errors
    /// What the driver says.
    fn attach(&self, device: BorrowedFd<'_>) -> Result<()>;

    /// Makes the buffer `handle` of `device` visible to the device at `range`; returns where the
    /// device sees its first byte.
    ///
    /// # Errors
    /// What the driver says.
    fn bind(
        &self,
        device: BorrowedFd<'_>,
        handle: NonZeroU32,
        range: AddressRange,
    ) -> Result<Address>;

    /// Takes the buffer away from the device.
    ///
    /// # Errors
    /// What the driver says; the buffer and its addresses are not used again then.
    fn unbind(&self, device: BorrowedFd<'_>, handle: NonZeroU32, range: AddressRange)
        -> Result<()>;
}

/// For drivers without a device of their own, vgem for example: threads of the process are the
/// device, and see what the CPU sees.
#[derive(Debug)]
pub struct CpuIsDevice;

impl Bind for CpuIsDevice {
    fn attach(&self, _device: BorrowedFd<'_>) -> Result<()> {
        Ok(())
    }

    fn bind(
        &self,
        _device: BorrowedFd<'_>,
        _handle: NonZeroU32,
        range: AddressRange,
    ) -> Result<Address> {
        Ok(range.address())
    }

    fn unbind(
        &self,
        _device: BorrowedFd<'_>,
        _handle: NonZeroU32,
        _range: AddressRange,
    ) -> Result<()> {
        Ok(())
    }
}

/// See the module.
#[derive(Debug)]
pub struct Drm {
    name: String,
    node: DeviceNode,
    space: ReservedSpace,
    bind: Box<dyn Bind>,
}

/// A dumb buffer that the driver made.
#[derive(Clone, Copy)]
struct Dumb<'drm> {
    file: BorrowedFd<'drm>,
    handle: NonZeroU32,
}

impl<'drm> Dumb<'drm> {
    fn create(file: BorrowedFd<'drm>, len: usize) -> Result<Self> {
        // An image of one byte per pixel, in rows of a page.
        let row = crate::page_size();
        let too_long = Error::no_memory("create a dumb buffer of the DRM driver");
        let mut create = uapi::CreateDumb {
            height: u32::try_from(len / row).map_err(|_| too_long)?,
            width: row as u32,
            bits_per_pixel: 8,
            ..uapi::CreateDumb::default()
        };
        sys::call(file, &mut create)?;
        let handle = NonZeroU32::new(create.handle);
        let buffer = Self {
            file,
            handle: handle.ok_or(Error::invalid("create a dumb buffer of the DRM driver"))?,
        };
        if create.size < len as u64 {
            buffer.destroy();
            return Err(too_long);
        }
        Ok(buffer)
    }

    /// The offset at which the file is to be mapped.
    fn offset(self) -> Result<i64> {
        let mut map = uapi::MapDumb {
            handle: self.handle.get(),
            ..uapi::MapDumb::default()
        };
        sys::call(self.file, &mut map)?;
        Ok(map.offset as i64)
    }

    fn destroy(self) {
        let mut destroy = uapi::DestroyDumb {
            handle: self.handle.get(),
        };
        // It goes when the file is closed, at the latest.
        let _destroyed = sys::call(self.file, &mut destroy);
    }
}

impl Drm {
    /// Opens `node`, for memory where `profile` wants it.
    ///
    /// # Errors
    /// What the system says about the node; `ENOTTY` when it is no DRM driver's; what that driver
    /// says when it gives this node no dumb buffers.
    pub fn open(node: &Path, profile: &Profile, bind: Box<dyn Bind>) -> Result<Self> {
        let apertures = [profile.aperture(), Aperture::of_user_space(profile.lowest)];
        let plan = AddressPlan::new(&apertures);
        let drm = Self {
            name: node.display().to_string(),
            node: DeviceNode::open(node)?,
            space: ReservedSpace::new(plan, profile.covers_user_space()),
            bind,
        };
        let file = drm.file()?;
        drm.prepare(file)?;
        // Drivers without displays do not say whether they can; so it is tried.
        let buffer = Dumb::create(file, crate::page_size())?;
        let offset = buffer.offset();
        buffer.destroy();
        offset.map(|_| drm)
    }

    /// The node as this process has it open.
    fn file(&self) -> Result<BorrowedFd<'_>> {
        self.node.file(|file| self.prepare(file))
    }

    fn prepare(&self, file: BorrowedFd<'_>) -> Result<()> {
        sys::call(file, &mut uapi::Version::default())?;
        // Whoever opens a card first becomes master of its displays, which a desktop that is
        // started later would miss. Not having been it is no error.
        let _dropped = sys::call(file, &mut uapi::DropMaster {});
        self.bind.attach(file)
    }

    fn map(&self, buffer: Dumb<'_>, request: SlabRequest) -> Result<PlacedMemory> {
        let Dumb { file, handle } = buffer;
        let offset = buffer.offset()?;
        let mapping = self.space.map(request, Backing::Shared { file, offset })?;
        // A child would share the memory, and two processes would divide it among themselves.
        mapping.hide_from_children()?;
        let device_address = self.bind.bind(file, handle, mapping.range())?;
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
        let buffer = Dumb::create(self.file()?, request.len)?;
        let placed = self.map(buffer, request);
        if placed.is_err() {
            buffer.destroy();
        }
        placed
    }

    fn withdraw(&self, memory: PlacedMemory) -> Result<()> {
        let PlacedMemory {
            mapping, handle, ..
        } = memory;
        if let Some(handle) = handle.filter(|_| mapping.is_of_this_process()) {
            let file = self.file()?;
            let unbound = self.bind.unbind(file, handle, mapping.range());
            if unbound.is_err() {
                // The device may still reach the memory: it stays where it is.
                std::mem::forget(mapping);
                return unbound;
            }
            drop(mapping);
            Dumb { file, handle }.destroy();
        }
        self.space.trim();
        Ok(())
    }

    fn populate(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        memory.mapping.touch(part)
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
