//! The parent's side: has child processes run checks, and notes what came of them.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use super::implementation::Identity;
use super::report::Row;
use super::worker::{Reply, Request, ARGUMENT};
use super::{Check, Outcome};
use crate::child::{Answer, Child};

/// Runs checks of one implementation, the checks of a group one after the other in one process as
/// long as it lives.
pub struct Runner {
    child: Child<Reply>,
    limit: Duration,
    group: &'static str,
    again: bool,
}

impl Runner {
    /// A runner of `program`, which is `isocl-conformance`, for the implementation that a process with
    /// these changes of its environment finds, with so much time for each check.
    pub fn new(
        program: &Path,
        environment: Vec<(&'static str, OsString)>,
        limit: Duration,
    ) -> Self {
        Self {
            child: Child::new(program, &[ARGUMENT], environment, usize::MAX),
            limit,
            group: "",
            again: true,
        }
    }

    /// The same, without a second run of what goes wrong in a process that others ran in: for those
    /// who only ask whether it went wrong.
    #[must_use]
    pub const fn once(mut self) -> Self {
        self.again = false;
        self
    }

    /// Gives the checks that follow so much time each.
    pub fn within(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// What the implementation says of itself.
    ///
    /// # Errors
    /// When it offers no device, or does not live to tell.
    pub fn identify(&mut self) -> Result<Identity, String> {
        let answer = self.child.ask(&Request::Identify, self.limit)?;
        self.child.stop();
        match answer {
            Answer::Reply(Reply::Identity(identity)) => Ok(identity),
            Answer::Reply(Reply::Impossible(reason)) => Err(reason),
            Answer::Reply(reply) => Err(format!("{reply:?}")),
            Answer::Ended(end) => Err(format!("it ended with {}: {}", end.how, end.said)),
            Answer::TimedOut => Err(format!("no device within {} s", self.limit.as_secs())),
        }
    }

    /// Runs a check.
    ///
    /// # Errors
    /// When no process can be started, or the device is gone.
    pub fn run(&mut self, check: &Check) -> Result<Row, String> {
        if check.alone || self.group != check.group() {
            self.child.stop();
            self.group = check.group();
        }
        let others = self.again && self.child.served() > 0;
        let begin = Instant::now();
        let mut outcome = self.ask(check)?;
        let mut note = None;
        if others && outcome.kind().is_bad() {
            // Was it this check, or what others before it left in the process?
            self.child.stop();
            let alone = self.ask(check)?;
            if alone.kind().is_bad() {
                outcome = alone;
            } else {
                let word = alone.kind().word();
                note = Some(format!("in a process of its own: {word}"));
            }
        }
        if check.undefined && outcome.kind().is_bad() {
            outcome = Outcome::informative(outcome.seen());
        }
        if check.alone {
            self.child.stop();
        }
        Ok(Row {
            name: check.name.to_owned(),
            section: check.section.to_owned(),
            statement: check.statement.to_owned(),
            outcome,
            note,
            milliseconds: begin.elapsed().as_millis() as u64,
        })
    }

    /// Runs a check in the process there is, or in a new one, and has its objects released.
    fn ask(&mut self, check: &Check) -> Result<Outcome, String> {
        let request = Request::Run(check.name.to_owned());
        let answer = self.child.ask(&request, self.limit)?;
        let Answer::Reply(Reply::Outcome(outcome)) = answer else {
            return Ok(self.without_outcome(answer));
        };
        let answer = self.child.ask(&Request::Release, self.limit)?;
        if answer == Answer::Reply(Reply::Released) {
            return Ok(outcome);
        }
        let after = self.without_outcome(answer);
        // What the check found says more than how the process ended after it.
        Ok(if outcome.kind().is_bad() {
            outcome
        } else {
            after
        })
    }

    fn without_outcome(&self, answer: Answer<Reply>) -> Outcome {
        match answer {
            Answer::Reply(reply) => {
                Outcome::fail("a device with a context and a queue", format!("{reply:?}"))
            }
            Answer::TimedOut => Outcome::Hang {
                seconds: self.limit.as_secs(),
            },
            Answer::Ended(end) if end.signal.is_some() => Outcome::Crash {
                how: end.how,
                said: end.said,
            },
            Answer::Ended(end) => Outcome::Vanished {
                how: end.how,
                said: end.said,
            },
        }
    }
}
