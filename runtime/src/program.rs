//! Programs (§5.8): source or binaries, and for each device what was built of them.

mod binary;
mod build;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use isocl_compiler_interface::message::BinaryKind;

use crate::context::Context;
use crate::device::{Device, DeviceProgram};
use crate::lock::lock;
use crate::{ApiSlot, Error, ErrorCode, Result};

use binary::ProgramBinary;
pub use build::{BuildNotify, LinkNotify};

/// `CL_BUILD_SUCCESS`
const BUILD_SUCCESS: i32 = 0;
/// `CL_BUILD_NONE`
const BUILD_NONE: i32 = -1;
/// `CL_BUILD_ERROR`
const BUILD_ERROR: i32 = -2;
/// `CL_BUILD_IN_PROGRESS`
const BUILD_IN_PROGRESS: i32 = -3;

/// A program (`cl_program`).
pub struct Program {
    /// Handle of the C boundary.
    pub api_slot: ApiSlot,
    context: Arc<Context>,
    devices: Vec<Arc<Device>>,
    origin: Origin,
    /// One for each device, in the same order.
    builds: Mutex<Vec<DeviceBuild>>,
    /// Number of kernel objects; changes under the lock of `builds`, except that it may fall.
    kernels: AtomicUsize,
}

/// Where a program comes from.
enum Origin {
    Source(Vec<u8>),
    Binary,
    Linked,
}

/// What was built for one device.
struct DeviceBuild {
    status: i32,
    options: String,
    log: String,
    binary: Option<Arc<ProgramBinary>>,
    executable: Option<Executable>,
}

impl DeviceBuild {
    fn new(binary: Option<ProgramBinary>) -> Self {
        Self {
            status: BUILD_NONE,
            options: String::new(),
            log: String::new(),
            binary: binary.map(Arc::new),
            executable: None,
        }
    }
}

/// A program that is ready to run on a device.
#[derive(Clone)]
pub(crate) struct Executable {
    /// The loaded code; stays loaded as long as anybody holds it.
    pub program: Arc<dyn DeviceProgram>,
    /// Whether its kernels need work-groups of one size.
    pub uniform_work_groups: bool,
}

impl Program {
    /// A program of source text in whatever encoding, for all devices of `context`
    /// (`clCreateProgramWithSource`).
    ///
    /// # Errors
    /// None today; `OutOfHostMemory` by specification.
    pub fn create_with_source(
        context: &Arc<Context>,
        source: impl Into<Vec<u8>>,
    ) -> Result<Arc<Self>> {
        let devices = context.devices().to_vec();
        let builds = devices.iter().map(|_| DeviceBuild::new(None)).collect();
        Ok(Self::new(
            context,
            devices,
            Origin::Source(source.into()),
            builds,
        ))
    }

    /// A program of binaries, one for each of `devices` (`clCreateProgramWithBinary`). Also
    /// returns the status of each binary: 0, or the number of an error.
    ///
    /// # Errors
    /// `InvalidValue` when the lists are empty or of different lengths, `InvalidDevice`; with the
    /// statuses, `InvalidValue` for an empty binary and `InvalidBinary`.
    pub fn create_with_binary(
        context: &Arc<Context>,
        devices: &[Arc<Device>],
        binaries: &[Vec<u8>],
    ) -> (Vec<i32>, Result<Arc<Self>>) {
        let refused = |code, reason: &'static str| (Vec::new(), Err(Error::new(code, reason)));
        // CL_INVALID_VALUE: device_list is NULL or num_devices is zero.
        if devices.is_empty() || devices.len() != binaries.len() {
            return refused(
                ErrorCode::InvalidValue,
                "there is not one binary for each device",
            );
        }
        // CL_INVALID_DEVICE: a device in device_list is not in the list of devices associated
        // with context.
        if !devices.iter().all(|device| context.has_device(device)) {
            return refused(ErrorCode::InvalidDevice, "a device is not in the context");
        }
        let loaded: Vec<_> = binaries
            .iter()
            .map(|bytes| {
                // CL_INVALID_VALUE: any entry in lengths is zero.
                if bytes.is_empty() {
                    return Err(Error::new(ErrorCode::InvalidValue, "a binary is empty"));
                }
                // CL_INVALID_BINARY: an invalid program binary was encountered for a device.
                ProgramBinary::from_bytes(bytes)
            })
            .collect();
        let statuses = loaded
            .iter()
            .map(|binary| {
                binary
                    .as_ref()
                    .map_or_else(|error| error.code as i32, |_| 0)
            })
            .collect();
        let builds = loaded
            .into_iter()
            .map(|binary| Ok(DeviceBuild::new(Some(binary?))))
            .collect::<Result<Vec<_>>>();
        let program =
            builds.map(|builds| Self::new(context, devices.to_vec(), Origin::Binary, builds));
        (statuses, program)
    }

    fn new(
        context: &Arc<Context>,
        devices: Vec<Arc<Device>>,
        origin: Origin,
        builds: Vec<DeviceBuild>,
    ) -> Arc<Self> {
        Arc::new(Self {
            api_slot: ApiSlot::default(),
            context: Arc::clone(context),
            devices,
            origin,
            builds: Mutex::new(builds),
            kernels: AtomicUsize::new(0),
        })
    }

    /// `CL_PROGRAM_CONTEXT`
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// `CL_PROGRAM_DEVICES`
    pub fn devices(&self) -> &[Arc<Device>] {
        &self.devices
    }

    /// `CL_PROGRAM_SOURCE`; empty for a program that was not created with source.
    pub fn source(&self) -> &[u8] {
        match &self.origin {
            Origin::Source(source) => source,
            Origin::Binary | Origin::Linked => b"",
        }
    }

    /// Whether it was created with binaries: some queries are about source only.
    pub(crate) fn is_of_binaries(&self) -> bool {
        matches!(self.origin, Origin::Binary)
    }

    /// `CL_PROGRAM_BINARIES`, in the order of the devices; empty where there is none.
    ///
    /// # Errors
    /// `OutOfHostMemory`.
    pub fn binaries(&self) -> Result<Vec<Vec<u8>>> {
        let binaries: Vec<_> = {
            let builds = lock(&self.builds);
            let indices = 0..self.devices.len();
            indices
                .map(|index| self.build_used_by(index, &builds).binary.clone())
                .collect()
        };
        binaries
            .iter()
            .map(|binary| {
                binary
                    .as_ref()
                    .map_or(Ok(Vec::new()), |binary| binary.to_bytes())
            })
            .collect()
    }

    /// `CL_PROGRAM_KERNEL_NAMES` and `CL_PROGRAM_NUM_KERNELS`
    ///
    /// # Errors
    /// `InvalidProgramExecutable` when no executable was built for any device.
    pub fn kernel_names(&self) -> Result<Vec<String>> {
        let executables = self.executables();
        if executables.is_empty() {
            return Err(no_executable());
        }
        let mut known = HashSet::new();
        let kernels = executables
            .iter()
            .flat_map(|(_, executable)| &executable.program.executable().kernels);
        let new = kernels.filter(|kernel| known.insert(&kernel.name));
        Ok(new.map(|kernel| kernel.name.clone()).collect())
    }

    /// Whether there is an executable that queries can be about.
    ///
    /// # Errors
    /// `InvalidProgramExecutable` when none was built for any device.
    pub fn check_executable(&self) -> Result<()> {
        if self.executables().is_empty() {
            return Err(no_executable());
        }
        Ok(())
    }

    /// `CL_PROGRAM_BUILD_STATUS`
    ///
    /// # Errors
    /// `InvalidDevice` when the device is none of the program's, as for all queries of builds.
    pub fn build_status(&self, device: &Arc<Device>) -> Result<i32> {
        self.build_of(device, |build| build.status)
    }

    /// `CL_PROGRAM_BUILD_OPTIONS`
    ///
    /// # Errors
    /// `InvalidDevice`
    pub fn build_options(&self, device: &Arc<Device>) -> Result<String> {
        self.build_of(device, |build| build.options.clone())
    }

    /// `CL_PROGRAM_BUILD_LOG`
    ///
    /// # Errors
    /// `InvalidDevice`
    pub fn build_log(&self, device: &Arc<Device>) -> Result<String> {
        self.build_of(device, |build| build.log.clone())
    }

    /// `CL_PROGRAM_BINARY_TYPE`
    ///
    /// # Errors
    /// `InvalidDevice`
    pub fn binary_type(&self, device: &Arc<Device>) -> Result<u32> {
        self.build_of(device, |build| {
            build
                .binary
                .as_ref()
                .map_or(0, |binary| binary.binary_type())
        })
    }

    /// `CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE` in bytes
    ///
    /// # Errors
    /// `InvalidDevice`
    pub fn global_variable_total_size(&self, device: &Arc<Device>) -> Result<usize> {
        self.build_of(device, |build| {
            build.executable.as_ref().map_or(0, |executable| {
                executable.program.executable().global_variable_bytes as usize
            })
        })
    }

    fn build_of<T>(
        &self,
        device: &Arc<Device>,
        query: impl FnOnce(&DeviceBuild) -> T,
    ) -> Result<T> {
        // CL_INVALID_DEVICE: device is not in the list of devices associated with program.
        let index = self.device_index(device).ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidDevice,
                "the device is none of the program's",
            )
        })?;
        Ok(query(self.build_used_by(index, &lock(&self.builds))))
    }

    /// The build for the device with this index, or for a sub-device without one, that of the
    /// device it is a part of (§5.8.6, note).
    fn build_used_by<'a>(&self, index: usize, builds: &'a [DeviceBuild]) -> &'a DeviceBuild {
        let ancestors = std::iter::successors(Some(&self.devices[index]), |device| {
            device.partition.as_ref().map(|partition| &partition.parent)
        });
        ancestors
            .filter_map(|device| builds.get(self.device_index(device)?))
            .find(|build| build.status != BUILD_NONE)
            .unwrap_or(&builds[index])
    }

    fn device_index(&self, device: &Arc<Device>) -> Option<usize> {
        self.devices
            .iter()
            .position(|known| Arc::ptr_eq(known, device))
    }

    /// The devices for which there is an executable, with it.
    fn executables(&self) -> Vec<(Arc<Device>, Executable)> {
        self.executables_in(&lock(&self.builds))
    }

    fn executables_in(&self, builds: &[DeviceBuild]) -> Vec<(Arc<Device>, Executable)> {
        let devices = self.devices.iter().enumerate();
        devices
            .filter_map(|(index, device)| {
                let executable = self.build_used_by(index, builds).executable.clone()?;
                Some((Arc::clone(device), executable))
            })
            .collect()
    }

    /// The executables for a new kernel object, which from now on keeps the program from being
    /// built again until [`Self::detach_kernel`].
    pub(crate) fn attach_kernel(&self) -> Vec<(Arc<Device>, Executable)> {
        let builds = lock(&self.builds);
        self.kernels.fetch_add(1, Ordering::AcqRel);
        self.executables_in(&builds)
    }

    /// A kernel object is gone.
    pub(crate) fn detach_kernel(&self) {
        self.kernels.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The error when a successful program executable has not been built for a device.
pub(crate) fn no_executable() -> Error {
    Error::new(
        ErrorCode::InvalidProgramExecutable,
        "there is no successfully built executable of the program for the device",
    )
}

/// Whether a binary may be linked.
fn is_linkable(binary: &ProgramBinary) -> bool {
    matches!(
        binary.kind,
        BinaryKind::CompiledObject | BinaryKind::Library
    )
}

impl std::fmt::Debug for Program {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Program")
            .field("devices", &self.devices.len())
            .field("kernels", &self.kernels)
            .finish_non_exhaustive()
    }
}
