//! The command line of `isocl-conformance cts`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::record::Record;
use crate::check::implementation::{Implementation, Place};

/// How to run the Khronos tests.
#[derive(Debug, Args)]
pub struct KhronosArguments {
    /// The folder `test_conformance` of a build.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// What to run: svm, quick, full, or the folder of a suite. Several with commas between them.
    #[arg(
        long,
        value_name = "SET|NAME",
        value_delimiter = ',',
        default_value = "quick"
    )]
    pub suites: Vec<String>,
    /// The implementation: a folder of .icd files or an .icd file; by default, what is installed.
    #[arg(long, value_name = "[NAME=]PATH")]
    pub implementation: Option<String>,
    /// The platform, by number.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub platform: u32,
    /// The device, by number.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub device: u32,
    /// Seconds that a test may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    pub time_limit: u64,
    /// Write the results as JSON, also while tests run.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Go on with a run that was stopped, from its JSON file.
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// What to compare with: the JSON file of an earlier run, or `none`. By default, what isocl makes
    /// of the tests.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Keep what the suites print in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub logs: Option<PathBuf>,
    /// The commit of the tests, to be noted in the results.
    #[arg(long, value_name = "HASH")]
    pub commit: Option<String>,
}

impl KhronosArguments {
    /// The implementation.
    ///
    /// # Errors
    /// When it is not there, or is one that the tests, which are linked to a loader, cannot load.
    pub fn implementation(&self) -> Result<Implementation, String> {
        let mut implementation = match &self.implementation {
            Some(text) => Implementation::parse(text)?,
            None => Implementation::installed(),
        };
        if let Place::Library(path) = &implementation.place {
            let path = path.display();
            return Err(format!(
                "{path}: the Khronos tests load what .icd files name"
            ));
        }
        implementation.platform = Some(self.platform.to_string());
        implementation.device = Some(self.device.to_string());
        Ok(implementation)
    }

    /// What the tests find in their environment.
    pub fn environment(&self, implementation: &Implementation) -> Vec<(&'static str, OsString)> {
        let mut environment = implementation.environment();
        environment.push(("CL_PLATFORM_INDEX", self.platform.to_string().into()));
        if self.device != 0 {
            // Among all devices, which is a word that one of the programs (computeinfo) does not know.
            environment.push(("CL_DEVICE_TYPE", "CL_DEVICE_TYPE_ALL".into()));
            environment.push(("CL_DEVICE_INDEX", self.device.to_string().into()));
        }
        environment
    }

    /// What the results are compared with.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn expected(&self) -> Result<Record, String> {
        match &self.expect {
            None => Record::of_isocl(),
            Some(path) if path.as_os_str() == "none" => Ok(Record::default()),
            Some(path) => Record::read(path),
        }
    }

    /// Time for a test.
    pub const fn limit(&self) -> Duration {
        Duration::from_secs(self.time_limit)
    }
}
