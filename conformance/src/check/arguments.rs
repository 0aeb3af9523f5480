//! The command line of `isocl-conformance`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::implementation::Implementation;
use crate::khronos::arguments::KhronosArguments;

/// Checks what the OpenCL specification says about shared virtual memory against any
/// implementation. Exit status: 0 when nothing failed (with --baseline: nothing that did not fail
/// before), 1 when something did, 2 when the checks could not run.
#[derive(Debug, Parser)]
#[command(
    name = "isocl-conformance",
    version,
    args_conflicts_with_subcommands = true
)]
pub struct Arguments {
    /// What to do; by default, run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run.
    #[command(flatten)]
    pub run: RunArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run checks (the default).
    Run(Box<RunArguments>),
    /// Put earlier runs beside each other; later files replace implementations of earlier ones.
    Report {
        /// JSON files of earlier runs.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Where reports go.
        #[command(flatten)]
        files_out: Files,
    },
    /// Run the Khronos conformance tests from a folder where they are built, and compare what they
    /// say with what is recorded. Exit status: 1 for every failure, skip or missing test that was not
    /// expected.
    Cts(Box<KhronosArguments>),
}

/// Where reports go.
#[derive(Debug, Default, Args)]
pub struct Files {
    /// Write the results as JSON, also while checks run.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the results as a page that compares the implementations.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Have the page show recorded runs of implementations that did not run.
    #[arg(long, requires = "html")]
    pub recorded: bool,
    /// Record every run in this folder, in a file of the implementation's name, as those of
    /// --recorded are.
    #[arg(long, value_name = "FOLDER")]
    pub record: Option<PathBuf>,
}

/// How to run.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Run only checks whose name contains this, or matches it if it has a `*`.
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Run only checks of this group.
    #[arg(long, value_name = "NAME")]
    pub group: Vec<String>,
    /// List the checks, with what they state, instead of running them.
    #[arg(long)]
    pub list: bool,
    /// An implementation: a folder of .icd files, an .icd file, or a library (a loader or the
    /// implementation itself). May be given several times; by default, what is installed.
    #[arg(long, value_name = "[NAME=]PATH")]
    pub implementation: Vec<String>,
    /// One to compare with: whatever it does, the exit status does not depend on it.
    #[arg(long, value_name = "[NAME=]PATH")]
    pub peer: Vec<String>,
    /// The ICD loader to use instead of the system's.
    #[arg(long, value_name = "PATH")]
    pub loader: Option<PathBuf>,
    /// The platform, by number or a part of its name.
    #[arg(long, value_name = "WHICH")]
    pub platform: Option<String>,
    /// The device, by number or a part of its name.
    #[arg(long, value_name = "WHICH")]
    pub device: Option<String>,
    /// Seconds that a check may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub time_limit: u64,
    /// Compare with the results of an earlier run.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Go on with a run that was stopped, from its JSON file.
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Where reports go.
    #[command(flatten)]
    pub files: Files,
}

impl RunArguments {
    /// The implementations to run, and the peers to compare them with.
    ///
    /// # Errors
    /// When one of them is not there, or two have one name.
    pub fn implementations(&self) -> Result<(Vec<Implementation>, Vec<Implementation>), String> {
        let texts = self.implementation.iter().chain(&self.peer);
        let named: Result<Vec<_>, _> = texts.map(|text| Implementation::parse(text)).collect();
        let mut implementations = named?;
        if self.implementation.is_empty() {
            implementations.insert(0, Implementation::installed());
        }
        for index in 1..implementations.len() {
            let (before, rest) = implementations.split_at(index);
            let name = &rest[0].name;
            if before.iter().any(|other| other.name == *name) {
                return Err(format!(
                    "two implementations are called {name} (use NAME=PATH)"
                ));
            }
        }
        for implementation in &mut implementations {
            implementation.loader.clone_from(&self.loader);
            implementation.platform.clone_from(&self.platform);
            implementation.device.clone_from(&self.device);
        }
        let peers = implementations.split_off(implementations.len() - self.peer.len());
        Ok((implementations, peers))
    }

    /// Time for a check.
    pub const fn limit(&self) -> Duration {
        Duration::from_secs(self.time_limit)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn running_is_the_default() {
        let arguments = Arguments::parse_from(["isocl-conformance", "free", "--time-limit", "3"]);
        assert!(arguments.command.is_none());
        assert_eq!(arguments.run.filters, ["free"]);
        assert_eq!(arguments.run.limit(), Duration::from_secs(3));
        let arguments = Arguments::parse_from(["isocl-conformance", "run", "--group", "free"]);
        assert!(matches!(arguments.command, Some(Command::Run(run)) if run.group == ["free"]));
    }

    #[test]
    fn two_implementations_of_one_name_are_refused() {
        let here = env!("CARGO_MANIFEST_DIR");
        let (one, two) = (format!("a={here}"), format!("a={here}/src"));
        let parse = |second| {
            let arguments = ["isocl-conformance", "--implementation", &one, second, &two];
            Arguments::parse_from(arguments).run.implementations()
        };
        for second in ["--implementation", "--peer"] {
            assert!(parse(second).unwrap_err().contains("called a"));
        }
    }

    #[test]
    fn peers_are_told_apart() {
        let peer = format!("a={}", env!("CARGO_MANIFEST_DIR"));
        let arguments = Arguments::parse_from(["isocl-conformance", "--peer", &peer]);
        let (judged, peers) = arguments.run.implementations().unwrap();
        assert_eq!(judged, [Implementation::installed()]);
        assert_eq!(peers.len(), 1);
        assert_eq!(peers[0].name, "a");
    }
}
