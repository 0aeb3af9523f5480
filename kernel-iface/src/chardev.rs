//! Memory of the kernel driver `isocl.ko`, through its character device.
//!
//! Every slab is one of the driver's buffers. The kernel chooses its address when it is mapped
//! (kernel-placed), inside the device's aperture; where somebody wants a narrower aperture than
//! the device has, this library reserves address space and maps buffers into it (user-reserved).
//! Where the device sees a slab is asked of the driver, not assumed.
//!
//! An open file of the driver belongs to one process: a forked child opens the node anew, and what
//! was placed before the fork is absent there.

use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::address::{Address, AddressRange};
use crate::aperture::{AddressPlan, Aperture};
use crate::driver::{Driver, PlacedMemory, Placement, SlabRequest};
use crate::engine::{Engine, FaultReason, FaultRecord, Operation, Sequence, Side};
use crate::mapping::{Backing, Mapping};
use crate::profile::Profile;
use crate::reserved_space::ReservedSpace;
use crate::sys::{self, ProcessImage};
use crate::{Error, Result};

mod operation;
mod uapi;

/// Reserved regions that a device can have.
const MAX_RESERVED: usize = 16;

/// See the module.
#[derive(Debug)]
pub struct Chardev {
    node: PathBuf,
    name: String,
    plan: AddressPlan,
    /// Where buffers are mapped, if the kernel is not to choose.
    space: Option<ReservedSpace>,
    reaches_process: bool,
    file: RwLock<Arc<DeviceFile>>,
    /// Fault records that were taken from the driver and not told yet.
    records: Mutex<Vec<FaultRecord>>,
}

/// The node as one process has it open.
#[derive(Debug)]
struct DeviceFile {
    file: OwnedFd,
    process: ProcessImage,
}

impl DeviceFile {
    fn open(node: &Path) -> Result<Self> {
        Ok(Self {
            file: sys::open_device(node)?,
            process: ProcessImage::current(),
        })
    }

    fn call<C: sys::DriverCall>(&self, argument: &mut C) -> Result<()> {
        sys::call(self.file.as_fd(), argument)
    }

    fn destroy(&self, handle: u32) -> Result<()> {
        self.call(&mut uapi::BufferDestroy {
            handle,
            ..uapi::BufferDestroy::default()
        })
    }

    /// Lets the device follow the whole process.
    fn mirror_process(&self) -> Result<()> {
        self.call(&mut uapi::Mirror::default())
    }
}

impl Chardev {
    /// Opens `node`, for memory where both the device and `profile` allow it.
    ///
    /// # Errors
    /// What the system says about the node; `ENOTTY` when it is not this driver's; `EINVAL` when
    /// the driver speaks another version of the interface, or nothing is left of its aperture.
    pub fn open(node: &Path, profile: &Profile) -> Result<Self> {
        let file = DeviceFile::open(node)?;
        let mut reserved = [uapi::Range::default(); MAX_RESERVED];
        let mut query = uapi::Query {
            reserved: reserved.as_mut_ptr() as u64,
            reserved_count: MAX_RESERVED as u32,
            ..uapi::Query::default()
        };
        file.call(&mut query)?;
        if query.abi_version != uapi::ABI_VERSION || query.features & uapi::FEATURE_ENGINE == 0 {
            return Err(Error::invalid("agree with the driver on an interface"));
        }
        let range_of =
            |range: &uapi::Range| AddressRange::new(range.start as usize, range.end as usize);
        let reserved = &reserved[..MAX_RESERVED.min(query.reserved_count as usize)];
        let device = Aperture {
            range: AddressRange::new(query.aperture_start as usize, query.aperture_end as usize),
            reserved: reserved.iter().map(range_of).collect(),
        };
        let whole = AddressPlan::new(std::slice::from_ref(&device));
        let plan = AddressPlan::new(&[device, profile.aperture()]);
        if plan.allowed().is_empty() {
            return Err(Error::invalid("plan addresses in the device's aperture"));
        }
        let space = (plan != whole).then(|| ReservedSpace::new(plan.clone(), false));
        let reaches_process = query.features & uapi::FEATURE_MIRROR != 0
            && reserved.is_empty()
            && profile.covers_user_space()
            && file.mirror_process().is_ok();
        Ok(Self {
            node: node.to_owned(),
            name: node.display().to_string(),
            plan,
            space,
            reaches_process,
            file: RwLock::new(Arc::new(file)),
            records: Mutex::new(Vec::new()),
        })
    }

    /// The node as this process has it open; opened anew in a forked child.
    fn file(&self) -> Result<Arc<DeviceFile>> {
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        if file.process.is_current() {
            return Ok(Arc::clone(&file));
        }
        drop(file);
        let mut file = self.file.write().unwrap_or_else(PoisonError::into_inner);
        if !file.process.is_current() {
            let anew = DeviceFile::open(&self.node)?;
            if self.reaches_process {
                anew.mirror_process()?;
            }
            *file = Arc::new(anew);
        }
        Ok(Arc::clone(&file))
    }

    fn map(&self, file: &DeviceFile, request: SlabRequest, offset: u64) -> Result<Mapping> {
        let offset = offset as i64;
        match &self.space {
            None => Mapping::kernel_placed(file.file.as_fd(), offset, request.len),
            Some(space) => {
                let backing = Backing::Shared {
                    file: file.file.as_fd(),
                    offset,
                };
                space.map(request, backing)
            }
        }
    }

    /// The driver's name for `memory`, with the part of it that a range is.
    fn part_of(memory: &PlacedMemory, part: AddressRange) -> Result<(u32, u64)> {
        let absent = Error::invalid("use memory that was placed before a fork");
        match memory.handle {
            Some(handle) if memory.mapping.is_of_this_process() => {
                let offset = part.start() - memory.mapping.range().start();
                Ok((handle.get(), offset as u64))
            }
            _ => Err(absent),
        }
    }

    /// Takes all fault records that the driver has.
    fn take_records(&self, file: &DeviceFile, records: &mut Vec<FaultRecord>) {
        let mut fault = uapi::Fault::default();
        while file.call(&mut fault).is_ok() {
            records.push(record_of(&fault));
            fault = uapi::Fault::default();
        }
    }
}

impl Driver for Chardev {
    fn name(&self) -> &str {
        &self.name
    }

    fn plan(&self) -> &AddressPlan {
        &self.plan
    }

    fn placement(&self) -> Placement {
        match self.space {
            None => Placement::KernelPlaced,
            Some(_) => Placement::UserReserved,
        }
    }

    fn place(&self, request: SlabRequest) -> Result<PlacedMemory> {
        let file = self.file()?;
        let mut create = uapi::BufferCreate {
            flags: uapi::BUFFER_LAZY,
            length: request.len as u64,
            alignment: request.alignment as u64,
            ..uapi::BufferCreate::default()
        };
        file.call(&mut create)?;
        let placed = self
            .map(&file, request, create.mmap_offset)
            .and_then(|mapping| {
                let mut info = uapi::BufferInfo {
                    handle: create.handle,
                    ..uapi::BufferInfo::default()
                };
                file.call(&mut info)?;
                Ok(PlacedMemory {
                    mapping,
                    device_address: Address(info.address as usize),
                    handle: NonZeroU32::new(create.handle),
                })
            });
        if placed.is_err() {
            // The file owns it otherwise, until it is closed.
            let _destroyed = file.destroy(create.handle);
        }
        placed
    }

    fn withdraw(&self, memory: PlacedMemory) -> Result<()> {
        let PlacedMemory {
            mapping, handle, ..
        } = memory;
        let ours = mapping.is_of_this_process();
        drop(mapping);
        if let Some(space) = &self.space {
            space.trim();
        }
        match handle {
            Some(handle) if ours => self.file()?.destroy(handle.get()),
            _ => Ok(()),
        }
    }

    fn populate(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        let (handle, offset) = Self::part_of(memory, part)?;
        self.file()?.call(&mut uapi::Populate {
            handle,
            offset,
            length: part.len() as u64,
            ..uapi::Populate::default()
        })
    }

    fn discard(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        let (handle, offset) = Self::part_of(memory, part)?;
        self.file()?.call(&mut uapi::Discard {
            handle,
            offset,
            length: part.len() as u64,
            ..uapi::Discard::default()
        })
    }

    fn engine(&self) -> Option<&dyn Engine> {
        Some(self)
    }

    fn reaches_process(&self) -> bool {
        self.reaches_process
    }

    fn survives_fork(&self) -> bool {
        false
    }
}

impl Engine for Chardev {
    fn submit(&self, operations: &[Operation]) -> Result<Sequence> {
        let ops: Vec<uapi::Op> = operations.iter().map(operation::encode).collect();
        let mut submit = uapi::Submit {
            count: u32::try_from(ops.len()).map_err(|_| Error::invalid("submit operations"))?,
            ops: ops.as_ptr() as u64,
            op_size: size_of::<uapi::Op>() as u32,
            ..uapi::Submit::default()
        };
        self.file()?.call(&mut submit)?;
        Ok(Sequence(submit.sequence))
    }

    fn wait(&self, sequence: Sequence, timeout: Option<Duration>) -> Result<()> {
        let file = self.file()?;
        let deadline = timeout.map_or(u64::MAX, |timeout| {
            let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
            sys::monotonic_nanoseconds().saturating_add(nanoseconds)
        });
        let mut wait = uapi::Wait {
            sequence: sequence.0,
            deadline,
            ..uapi::Wait::default()
        };
        file.call(&mut wait)?;
        if wait.status == 0 {
            return Ok(());
        }
        // Whoever takes records takes everybody's; the others' stay for them.
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        self.take_records(&file, &mut records);
        let mine = records
            .iter()
            .position(|record| record.sequence == Some(sequence));
        Err(Error {
            fault: mine.map(|index| records.remove(index)),
            ..Error::of_system("run on the device's engine", -wait.status)
        })
    }

    fn faults(&self) -> Vec<FaultRecord> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(file) = self.file() {
            self.take_records(&file, &mut records);
        }
        std::mem::take(&mut *records)
    }
}

fn record_of(fault: &uapi::Fault) -> FaultRecord {
    FaultRecord {
        address: Address(fault.address as usize),
        write: fault.access == uapi::ACCESS_WRITE,
        side: if fault.side == uapi::SIDE_DEVICE {
            Side::Device
        } else {
            Side::Cpu
        },
        reason: match fault.reason {
            uapi::FAULT_UNMAPPED => FaultReason::Unmapped,
            uapi::FAULT_PROTECTION => FaultReason::Protection,
            uapi::FAULT_ADDRESS_BITS => FaultReason::AddressBits,
            uapi::FAULT_RESERVED => FaultReason::Reserved,
            uapi::FAULT_NOT_OWNED => FaultReason::NotOwned,
            uapi::FAULT_MISALIGNED => FaultReason::Misaligned,
            uapi::FAULT_NO_MEMORY => FaultReason::NoMemory,
            other => FaultReason::Other(other),
        },
        sequence: (fault.sequence != 0).then_some(Sequence(fault.sequence)),
        operation: fault.op,
    }
}
