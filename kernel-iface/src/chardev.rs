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
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::address::{Address, AddressRange};
use crate::aperture::{AddressPlan, Aperture};
use crate::device_node::DeviceNode;
use crate::driver::{Driver, PlacedMemory, Placement, SlabRequest};
use crate::engine::{Engine, FaultReason, FaultRecord, Operation, Sequence, Side};
use crate::mapping::{Backing, Mapping};
use crate::profile::Profile;
use crate::reserved_space::ReservedSpace;
use crate::sys;
use crate::{Error, Result};

mod operation;
mod uapi;

/// See the module.
#[derive(Debug)]
pub struct Chardev {
    name: String,
    plan: AddressPlan,
    /// Where buffers are mapped, if the kernel is not to choose.
    space: Option<ReservedSpace>,
    has_engine: bool,
    reaches_process: bool,
    node: DeviceNode,
    /// Fault records that were taken from the driver and not told yet.
    records: Mutex<Vec<FaultRecord>>,
}

/// What the driver says about its device.
struct Description {
    aperture: Aperture,
    features: u64,
}

impl Description {
    /// # Errors
    /// `EINVAL` when the driver speaks another version of the interface.
    fn ask(file: BorrowedFd<'_>) -> Result<Self> {
        let mut query = uapi::Query::default();
        sys::call(file, &mut query)?;
        if query.abi_version != uapi::ABI_VERSION {
            return Err(Error::invalid("agree with the driver on an interface"));
        }
        let mut reserved = vec![uapi::Range::default(); query.reserved_count as usize];
        if !reserved.is_empty() {
            query = uapi::Query {
                reserved: reserved.as_mut_ptr() as u64,
                reserved_count: query.reserved_count,
                ..uapi::Query::default()
            };
            sys::call(file, &mut query)?;
        }
        let range_of =
            |range: &uapi::Range| AddressRange::new(range.start as usize, range.end as usize);
        Ok(Self {
            aperture: Aperture {
                range: AddressRange::new(
                    query.aperture_start as usize,
                    query.aperture_end as usize,
                ),
                reserved: reserved.iter().map(range_of).collect(),
            },
            features: query.features,
        })
    }
}

fn destroy(file: BorrowedFd<'_>, handle: u32) -> Result<()> {
    let mut destroy = uapi::BufferDestroy {
        handle,
        ..uapi::BufferDestroy::default()
    };
    sys::call(file, &mut destroy)
}

/// Lets the device follow the whole process.
fn mirror_process(file: BorrowedFd<'_>) -> Result<()> {
    sys::call(file, &mut uapi::Mirror::default())
}

impl Chardev {
    /// Opens `node`, for memory where both the device and `profile` allow it.
    ///
    /// # Errors
    /// What the system says about the node; `ENOTTY` when it is not this driver's; `EINVAL` when
    /// the driver speaks another version of the interface, or nothing is left of its aperture.
    pub fn open(node: &Path, profile: &Profile) -> Result<Self> {
        let name = node.display().to_string();
        let node = DeviceNode::open(node)?;
        let file = node.file(|_| Ok(()))?;
        let Description { aperture, features } = Description::ask(file)?;
        let has_reserved = !aperture.reserved.is_empty();
        let whole = AddressPlan::new(std::slice::from_ref(&aperture));
        let plan = AddressPlan::new(&[aperture, profile.aperture()]);
        if plan.allowed().is_empty() {
            return Err(Error::invalid("plan addresses in the device's aperture"));
        }
        let space = (plan != whole).then(|| ReservedSpace::new(plan.clone(), false));
        let reaches_process = features & uapi::FEATURE_MIRROR != 0
            && !has_reserved
            && profile.covers_user_space()
            && mirror_process(file).is_ok();
        Ok(Self {
            name,
            plan,
            space,
            has_engine: features & uapi::FEATURE_ENGINE != 0,
            reaches_process,
            node,
            records: Mutex::new(Vec::new()),
        })
    }

    /// The node as this process has it open.
    fn file(&self) -> Result<BorrowedFd<'_>> {
        self.node.file(|file| {
            // Those of the parent's submissions; numbers begin anew.
            self.records().clear();
            if self.reaches_process {
                mirror_process(file)?;
            }
            Ok(())
        })
    }

    fn records(&self) -> MutexGuard<'_, Vec<FaultRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn map(&self, file: BorrowedFd<'_>, request: SlabRequest, offset: u64) -> Result<Mapping> {
        let offset = offset as i64;
        match &self.space {
            None => Mapping::kernel_placed(file, offset, request.len),
            Some(space) => space.map(request, Backing::Shared { file, offset }),
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
}

/// Takes all fault records that the driver has.
fn take_records(file: BorrowedFd<'_>, records: &mut Vec<FaultRecord>) {
    let mut fault = uapi::Fault::default();
    while sys::call(file, &mut fault).is_ok() {
        records.push(record_of(&fault));
        fault = uapi::Fault::default();
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
        sys::call(file, &mut create)?;
        let placed = self
            .map(file, request, create.mmap_offset)
            .and_then(|mapping| {
                let mut info = uapi::BufferInfo {
                    handle: create.handle,
                    ..uapi::BufferInfo::default()
                };
                sys::call(file, &mut info)?;
                Ok(PlacedMemory {
                    mapping,
                    device_address: Address(info.address as usize),
                    handle: NonZeroU32::new(create.handle),
                })
            });
        if placed.is_err() {
            // The file owns it otherwise, until it is closed.
            let _destroyed = destroy(file, create.handle);
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
            Some(handle) if ours => destroy(self.file()?, handle.get()),
            _ => Ok(()),
        }
    }

    fn populate(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        let (handle, offset) = Self::part_of(memory, part)?;
        let mut populate = uapi::Populate {
            handle,
            offset,
            length: part.len() as u64,
            ..uapi::Populate::default()
        };
        sys::call(self.file()?, &mut populate)
    }

    fn discard(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        let (handle, offset) = Self::part_of(memory, part)?;
        let mut discard = uapi::Discard {
            handle,
            offset,
            length: part.len() as u64,
            ..uapi::Discard::default()
        };
        sys::call(self.file()?, &mut discard)
    }

    fn engine(&self) -> Option<&dyn Engine> {
        self.has_engine.then_some(self as &dyn Engine)
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
        sys::call(self.file()?, &mut submit)?;
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
        sys::call(file, &mut wait)?;
        if wait.status == 0 {
            return Ok(());
        }
        // Whoever takes records takes everybody's; the others' stay for them.
        let mut records = self.records();
        take_records(file, &mut records);
        let mine = records
            .iter()
            .position(|record| record.sequence == Some(sequence));
        Err(Error {
            fault: mine.map(|index| records.remove(index)),
            ..Error::of_system("run on the device's engine", -wait.status)
        })
    }

    fn faults(&self) -> Vec<FaultRecord> {
        let Ok(file) = self.file() else {
            return Vec::new();
        };
        let mut records = self.records();
        take_records(file, &mut records);
        let is_of_nobody = |record: &mut FaultRecord| record.sequence.is_none();
        records.extract_if(.., is_of_nobody).collect()
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
