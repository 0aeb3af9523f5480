//! The CPU device: the embedded default. It computes on worker threads, and on the threads of the
//! application that wait for it.

pub(crate) mod clock;
mod compiler;
mod describe;
mod floating_point;
pub(crate) mod fork;
mod launch;
#[cfg(test)]
mod launch_tests;
mod memory;
mod printf;
mod processor;
mod program;
pub(crate) mod safepoint;
mod scratch;
mod signals;
mod work_sharing;
pub(crate) mod workers;

use std::sync::Arc;

use isocl_compiler_interface::message::{Request, Response};
use isocl_kernel_iface::driver::Driver;

use super::{Backend, Device, DeviceProgram, Task};
use crate::command::{Command, Deferral, Operation};
use crate::{ApiSlot, Error, ErrorCode, Result};

/// Backend of the CPU device.
#[derive(Debug)]
struct Cpu {
    driver: Arc<dyn Driver>,
    /// Threads that work on one command at most.
    compute_units: usize,
}

/// The CPU device of this process, as the environment describes it. Starts no thread and loads no
/// compiler.
///
/// # Errors
/// None today; a device may lack what it needs.
pub fn create() -> Result<Arc<Device>> {
    fork::watch();
    let config = crate::config::config();
    let driver = memory::driver(config);
    let info = describe::describe(config, &*driver);
    Ok(Arc::new(Device {
        info,
        backend: Arc::new(Cpu {
            driver,
            compute_units: workers::compute_units(),
        }),
        api_slot: ApiSlot::default(),
        partition: None,
    }))
}

impl Backend for Cpu {
    fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    fn run(&self, mut command: Command, _deferral: Deferral<'_>) -> Option<Result<()>> {
        let result = workers::with_concurrency(self.compute_units, || {
            execute(&*self.driver, &mut command.operation)
        });
        drop(command);
        Some(result)
    }

    fn estimated_nanoseconds(&self, command: &Command) -> u64 {
        match &command.operation {
            Operation::NdRange(kernel) => launch::estimated_nanoseconds(kernel),
            _ => command.estimated_nanoseconds(),
        }
    }

    fn runs_on_any_thread(&self, command: &Command) -> bool {
        match &command.operation {
            Operation::NdRange(kernel) => launch::runs_on_any_thread(kernel),
            _ => true,
        }
    }

    fn part(&self, compute_units: u32) -> Arc<dyn Backend> {
        Arc::new(Self {
            driver: Arc::clone(&self.driver),
            // A sub-device of no compute units still has the thread that runs its queue.
            compute_units: (compute_units as usize).max(1),
        })
    }

    fn spawn(&self, task: Arc<dyn Task>) {
        workers::spawn(task);
    }

    fn timestamp(&self) -> u64 {
        clock::nanoseconds()
    }

    fn compile(&self, request: &Request) -> Result<Response> {
        compiler::ask(request)
    }

    fn load_program(&self, binary: &[u8]) -> Result<Arc<dyn DeviceProgram>> {
        program::load(binary)
    }
}

/// Runs what is asked for; a host operation is gone afterwards.
fn execute(driver: &dyn Driver, operation: &mut Operation) -> Result<()> {
    match operation {
        Operation::Nothing => Ok(()),
        Operation::Copy {
            source,
            destination,
        } => memory::copy(driver, source, destination),
        Operation::CopyRect {
            source,
            destination,
            region,
        } => {
            memory::copy_rect(source, destination, *region);
            Ok(())
        }
        Operation::Fill {
            destination,
            pattern,
        } => memory::fill(driver, destination, pattern),
        Operation::NdRange(kernel) => launch::run(kernel),
        Operation::Host(_) => match std::mem::replace(operation, Operation::Nothing) {
            Operation::Host(call) => call_host(call),
            _ => Ok(()),
        },
    }
}

fn call_host(call: Box<dyn FnOnce() -> Result<()> + Send>) -> Result<()> {
    let call = std::panic::AssertUnwindSafe(call);
    safepoint::outside(|| std::panic::catch_unwind(call)).unwrap_or_else(|_| {
        Err(Error::new(
            ErrorCode::OutOfResources,
            "a host operation panicked",
        ))
    })
}
