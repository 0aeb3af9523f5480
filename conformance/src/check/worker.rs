//! The inside of a child process: runs the checks it is asked for.

use opencl_sys::*;
use serde::{Deserialize, Serialize};

use super::implementation::Identity;
use super::{Check, Environment, Need, Outcome};
use crate::client::Api;
use crate::session::{string, CallError, Session};
use crate::{checks, child};

/// The argument that makes `isocl-conformance` a child.
pub const ARGUMENT: &str = "--worker";

/// What a child is asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Who it is.
    Identify,
    /// To run the check of this name.
    Run(String),
    /// To release what the check left.
    Release,
}

/// What it replies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Who it is.
    Identity(Identity),
    /// What the check came to.
    Outcome(Outcome),
    /// Everything is released.
    Released,
    /// There is no device, or no such check.
    Impossible(String),
}

/// Serves the parent, until it has no more requests.
///
/// # Errors
/// When the parent cannot be understood.
pub fn serve() -> Result<(), String> {
    let mut environment = None;
    child::serve(|request| match request {
        Request::Identify => match Api::get() {
            Ok(_) => identify().map_or_else(impossible, Reply::Identity),
            Err(reason) => Reply::Impossible(reason),
        },
        Request::Run(name) => match checks::find(&name) {
            Some(check) => match Environment::open() {
                Ok(opened) => {
                    let outcome = run(check, &opened);
                    environment = Some(opened);
                    Reply::Outcome(outcome)
                }
                Err(error) => impossible(error),
            },
            None => Reply::Impossible(format!("there is no check {name}")),
        },
        Request::Release => {
            environment = None;
            Reply::Released
        }
    })
}

fn impossible(error: CallError) -> Reply {
    let code = super::expect::code_name(error.code);
    Reply::Impossible(format!("{} returned {code}", error.call))
}

fn run(check: &Check, environment: &Environment) -> Outcome {
    for need in check.needs {
        match environment.has(*need) {
            Ok(true) => {}
            Ok(false) => return Outcome::not_applicable(format!("without {}", need.words())),
            Err(error) => return error.into(),
        }
    }
    (check.run)(environment).err().unwrap_or(Outcome::Pass)
}

fn identify() -> Result<Identity, CallError> {
    let session = Session::open()?;
    let platform = |name| {
        string(|size, value, size_ret| {
            let platform = session.platform;
            session
                .api
                .clGetPlatformInfo(platform, name, size, value, size_ret)
        })
    };
    let capabilities: cl_ulong = session.device_info(CL_DEVICE_SVM_CAPABILITIES).unwrap_or(0);
    let kinds = [
        Need::CoarseGrainBuffer,
        Need::FineGrainBuffer,
        Need::FineGrainSystem,
        Need::Atomics,
    ];
    let offered = |need: &Need| {
        let bit = need.svm_capability();
        bit.is_some_and(|bit| capabilities & bit != 0)
    };
    Ok(Identity {
        platform: platform(CL_PLATFORM_NAME)?,
        platform_version: platform(CL_PLATFORM_VERSION)?,
        device: session.device_string(CL_DEVICE_NAME)?.trim().to_owned(),
        device_version: session.device_string(CL_DEVICE_VERSION)?,
        driver_version: session.device_string(CL_DRIVER_VERSION)?,
        svm: kinds
            .iter()
            .filter(|need| offered(need))
            .map(|need| need.words().to_owned())
            .collect(),
    })
}
