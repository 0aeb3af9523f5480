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
mod placement;
mod printf;
mod processor;
mod program;
pub(crate) mod safepoint;
mod scratch;
mod signals;
mod topology;
mod work_sharing;
pub(crate) mod workers;

use std::sync::Arc;

use isocl_compiler_interface::message::{Request, Response};
use isocl_kernel_iface::driver::Driver;

use self::placement::Processors;
use self::topology::Topology;
use super::partition::AffinityDomain;
use super::{Backend, Device, DeviceProgram, Task};
use crate::command::{Command, Deferral, Launch, Operation};
use crate::{ApiSlot, Error, ErrorCode, Result};

/// Backend of the CPU device.
#[derive(Debug)]
struct Cpu {
    driver: Arc<dyn Driver>,
    /// Threads that work on one command at most.
    compute_units: usize,
    /// The processors of an affinity domain, on which these threads stay.
    processors: Option<Processors>,
}

impl Cpu {
    /// The processor of each compute unit; nothing where these do not belong together.
    fn processors(&self) -> Option<&[usize]> {
        let processors = match &self.processors {
            Some(processors) => processors,
            None => Topology::of_this_machine().processors(),
        };
        (processors.len() == self.compute_units).then_some(processors)
    }
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
            processors: None,
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
        let result = placement::on(self.processors.as_ref(), || {
            workers::with_concurrency(self.compute_units, || {
                execute(&*self.driver, &mut command.operation)
            })
        });
        drop(command);
        Some(result)
    }

    fn check_launch(&self, launch: &Launch) -> Result<()> {
        launch::check(launch)
    }

    fn estimated_nanoseconds(&self, command: &Command) -> u64 {
        match &command.operation {
            Operation::NdRange(kernel) => launch::estimated_nanoseconds(&kernel.launch),
            _ => command.estimated_nanoseconds(),
        }
    }

    fn runs_on_any_thread(&self, command: &Command) -> bool {
        match &command.operation {
            // The application's threads are not moved about.
            _ if self.processors.is_some() => false,
            Operation::NdRange(kernel) => launch::runs_on_any_thread(&kernel.launch),
            _ => true,
        }
    }

    fn part(&self, compute_units: u32) -> Arc<dyn Backend> {
        Arc::new(Self {
            driver: Arc::clone(&self.driver),
            // A sub-device of no compute units still has the thread that runs its queue.
            compute_units: (compute_units as usize).max(1),
            processors: self.processors.clone(),
        })
    }

    fn domains(&self, domain: AffinityDomain) -> Vec<(u32, Arc<dyn Backend>)> {
        let Some(processors) = self.processors() else {
            return Vec::new();
        };
        let parts = Topology::of_this_machine().split(domain, processors);
        let part = |processors: Vec<usize>| {
            let compute_units = processors.len();
            let part: Arc<dyn Backend> = Arc::new(Self {
                driver: Arc::clone(&self.driver),
                compute_units,
                processors: Some(Arc::from(processors)),
            });
            (compute_units as u32, part)
        };
        parts.into_iter().map(part).collect()
    }

    fn spawn(&self, task: Arc<dyn Task>) {
        workers::spawn(task);
    }

    fn withdraw(&self, task: &Arc<dyn Task>) {
        workers::withdraw(task);
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
        Operation::CopyRect(copy) => {
            memory::copy_rect(&copy.source, &copy.destination, copy.region);
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
