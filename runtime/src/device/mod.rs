//! Devices: what every kind of device provides, and the OpenCL device object around it.

pub mod cpu;
pub mod info;
pub mod null;
pub mod partition;

use std::sync::Arc;

use isocl_compiler_interface::message::{Executable, KernelCode, Request, Response};
use isocl_compiler_interface::rows::Rows;
use isocl_kernel_iface::driver::Driver;

use crate::command::{Command, Deferral, Launch};
use crate::launch_time::LaunchTime;
use crate::{ApiSlot, Error};
pub use info::DeviceInfo;
pub use partition::{AffinityDomain, Partition};

/// A device as the object model sees it (`cl_device_id`).
#[derive(Debug)]
pub struct Device {
    /// What the device can do; constant.
    pub info: DeviceInfo,
    /// What does it.
    pub backend: Arc<dyn Backend>,
    /// Handle of the C boundary.
    pub api_slot: ApiSlot,
    /// The device it is a part of, if it is a sub-device.
    pub partition: Option<Partition>,
}

/// Something that runs on the threads of a device: a queue with ready commands.
pub trait Task: Send + Sync {
    /// Runs as much as is ready, then returns.
    fn run(self: Arc<Self>);
}

/// What a kind of device implements. Everything that depends on order, events and validity is
/// done before a backend sees a command: it gets ready commands and answers each one.
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// Where the device's memory comes from; the driver also knows the aperture.
    fn driver(&self) -> &Arc<dyn Driver>;

    /// Runs a command whose dependencies are complete, drops it, and returns the result; or
    /// returns none and answers later, with the completion that `deferral` gives.
    fn run(&self, command: Command, deferral: Deferral<'_>) -> Option<Result<(), Error>>;

    /// Whether the device has what a kernel needs, as far as that is known beforehand.
    ///
    /// # Errors
    /// `OutOfResources`.
    fn check_launch(&self, _launch: &Launch) -> Result<(), Error> {
        Ok(())
    }

    /// Whether `run` may be called on a thread of the application, whose stack may be small, or
    /// only from a task given to `spawn`.
    fn runs_on_any_thread(&self, command: &Command) -> bool;

    /// Rough time that the command takes on one core, in nanoseconds, to decide when a queue is
    /// worth waking a thread.
    fn estimated_nanoseconds(&self, command: &Command) -> u64 {
        command.estimated_nanoseconds()
    }

    /// So many of the device's compute units, as a backend of their own.
    fn part(&self, compute_units: u32) -> Arc<dyn Backend>;

    /// The device's compute units by what they share in `domain`, as backends of their own, each
    /// with their number. Empty when all share the same, or when it is not known.
    fn domains(&self, _domain: AffinityDomain) -> Vec<(u32, Arc<dyn Backend>)> {
        Vec::new()
    }

    /// Calls `task.run()` soon on a thread of the device, concurrently with the caller.
    fn spawn(&self, task: Arc<dyn Task>);

    /// Takes back a task that no thread has begun, as the caller does its work.
    fn withdraw(&self, task: &Arc<dyn Task>);

    /// Device time now, in nanoseconds, as profiling reports it (§5.15).
    fn timestamp(&self) -> u64;

    /// Asks the kernel compiler.
    ///
    /// # Errors
    /// `CompilerNotAvailable` when the compiler cannot be loaded.
    fn compile(&self, request: &Request) -> Result<Response, Error>;

    /// Makes a linked binary ready to run.
    ///
    /// # Errors
    /// `InvalidBinary`, `OutOfResources`.
    fn load_program(&self, binary: &[u8]) -> Result<Arc<dyn DeviceProgram>, Error>;
}

/// A program loaded on a device; unloaded when dropped.
pub trait DeviceProgram: Send + Sync + std::fmt::Debug {
    /// Kernels, arguments, sizes.
    fn executable(&self) -> &Executable;

    /// Code of the kernel with this index for some kind of launches, compiled on the first call.
    /// The code stays valid as long as the program object does.
    ///
    /// # Errors
    /// `OutOfResources` with the compiler's words when code generation fails.
    fn kernel(&self, index: u32, rows: Rows) -> Result<KernelCode, Error>;

    /// Code for such launches with one local size, and their time so far: as [`Self::kernel`] until
    /// they took long, then code of their own, compiled in the background.
    ///
    /// # Errors
    /// As [`Self::kernel`].
    fn kernel_for_size(
        &self,
        index: u32,
        rows: Rows,
        local_size: [u64; 3],
    ) -> Result<(KernelCode, Arc<LaunchTime>), Error>;
}
