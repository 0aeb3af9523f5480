//! The parent's side: has a child process run sequences, and tells what went wrong.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::execute::{Outcome, Request};
use super::limits::DeviceLimits;
use super::step::Case;
use crate::child::{Answer, Child};

/// The argument that makes `isocl-fuzz` a child.
pub const ARGUMENT: &str = "--worker";

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The function, or what was compared, or how the process ended.
    pub what: String,
    /// More of it.
    pub detail: String,
}

/// Runs sequences in child processes.
pub struct Searcher {
    child: Child<Outcome>,
    limit: Duration,
}

/// Sequences that share a process: what one leaves behind is the next one's start.
const MOST: usize = 50;

impl Searcher {
    /// One that runs `program`, which is `isocl-fuzz`, with these changes of its environment, and
    /// gives each sequence so much time.
    pub fn new(
        program: &Path,
        environment: Vec<(&'static str, std::ffi::OsString)>,
        limit: Duration,
    ) -> Self {
        Self {
            child: Child::new(program, &[ARGUMENT], environment, MOST),
            limit,
        }
    }

    /// What the device takes.
    ///
    /// # Errors
    /// When there is none.
    pub fn device_limits(&mut self) -> Result<DeviceLimits, String> {
        match self.child.ask(&Request::Limits, self.limit)? {
            Answer::Reply(Outcome::Limits(limits)) => Ok(limits),
            Answer::Reply(Outcome::Impossible(reason)) => Err(reason),
            other => Err(format!("{other:?}")),
        }
    }

    /// Runs a sequence.
    ///
    /// # Errors
    /// When no process can be started, or there is no device.
    pub fn run(&mut self, case: &Case) -> Result<Option<Finding>, String> {
        let finding = |what: &str, detail: String| {
            Some(Finding {
                what: what.to_owned(),
                detail,
            })
        };
        Ok(
            match self.child.ask(&Request::Run(case.clone()), self.limit)? {
                Answer::Reply(Outcome::Fine) => None,
                Answer::Reply(Outcome::Wrong(trouble)) => {
                    // Its commands may be under way.
                    self.child.stop();
                    let (thread, step) = (trouble.thread, trouble.step);
                    let detail = format!("{} (thread {thread}, step {step})", trouble.detail);
                    finding(&trouble.what, detail)
                }
                Answer::Reply(Outcome::Impossible(reason)) => return Err(reason),
                Answer::Reply(Outcome::Limits(_)) => {
                    return Err("an answer to another question".into())
                }
                Answer::Ended(end) => {
                    finding("the process ended", format!("{}\n{}", end.how, end.said))
                }
                Answer::TimedOut => finding("a hang", format!("{} s", self.limit.as_secs())),
            },
        )
    }

    /// Runs a sequence in a process of its own.
    ///
    /// # Errors
    /// As [`Searcher::run`].
    pub fn run_alone(&mut self, case: &Case) -> Result<Option<Finding>, String> {
        self.child.stop();
        self.run(case)
    }

    /// Gives sequences another time.
    pub fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }
}
