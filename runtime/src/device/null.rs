//! A device that accepts everything and computes nothing, for tests of the object model. Host
//! operations (callbacks, frees) do run: they are part of the object model.

use std::sync::Arc;

use isocl_compiler_interface::message::{Request, Response};
use isocl_kernel_iface::driver::Driver;

use super::cpu::{clock, safepoint, workers};
use super::{AffinityDomain, ApiSlot, Backend, Device, DeviceInfo, DeviceProgram, Task};
use crate::command::{Command, Deferral, Operation};
use crate::{Error, ErrorCode, Result};

/// Backend of the null device.
#[derive(Debug)]
struct Null {
    driver: Arc<dyn Driver>,
    domains: Domains,
}

/// The affinity domains that divide a device, with the compute units of each part.
pub type Domains = Vec<(AffinityDomain, Vec<u32>)>;

impl Backend for Null {
    fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    fn run(&self, command: Command, _deferral: Deferral<'_>) -> Option<Result<()>> {
        let Command {
            operation,
            keep_alive,
        } = command;
        let result = match operation {
            Operation::Host(call) => safepoint::outside(call),
            _ => Ok(()),
        };
        drop(keep_alive);
        Some(result)
    }

    fn runs_on_any_thread(&self, _command: &Command) -> bool {
        true
    }

    fn part(&self, _compute_units: u32) -> Arc<dyn Backend> {
        Arc::new(Self {
            driver: Arc::clone(&self.driver),
            domains: Domains::new(),
        })
    }

    fn domains(&self, domain: AffinityDomain) -> Vec<(u32, Arc<dyn Backend>)> {
        let of_domain = self.domains.iter().filter(|(known, _)| *known == domain);
        let units = of_domain.flat_map(|(_, units)| units);
        units.map(|units| (*units, self.part(*units))).collect()
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

    fn compile(&self, _request: &Request) -> Result<Response> {
        Err(Error::new(
            ErrorCode::CompilerNotAvailable,
            "the null device has no compiler",
        ))
    }

    fn load_program(&self, _binary: &[u8]) -> Result<Arc<dyn DeviceProgram>> {
        Err(Error::new(
            ErrorCode::InvalidBinary,
            "the null device runs no programs",
        ))
    }
}

/// A null device with the memory of `driver` that says of itself what `info` says.
pub fn create(driver: Arc<dyn Driver>, info: DeviceInfo) -> Arc<Device> {
    create_with_domains(driver, info, Domains::new())
}

/// A null device that is divided by affinity domains; its parts are not.
pub fn create_with_domains(
    driver: Arc<dyn Driver>,
    mut info: DeviceInfo,
    domains: Domains,
) -> Arc<Device> {
    info.name = "isocl null device".to_owned();
    info.compiler_available = false;
    Arc::new(Device {
        info,
        backend: Arc::new(Null { driver, domains }),
        api_slot: ApiSlot::default(),
        partition: None,
    })
}
