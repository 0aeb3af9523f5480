//! Checks: one statement of the OpenCL specification each, run against any implementation in child
//! processes.
//!
//! A check is a function that gets an [`Environment`] and returns a [`Finding`]; the tables in
//! [`crate::checks`] name them. [`runner`] asks child processes, of which [`worker`] is the inside,
//! so that a crash or a hang of the implementation is one row of the [`report`].

pub mod arguments;
pub mod baseline;
pub mod buffer;
pub mod environment;
pub mod expect;
pub mod html;
pub mod implementation;
pub mod junit;
pub mod launch;
pub mod machine;
pub mod need;
pub mod outcome;
pub mod progress;
pub mod recorded;
pub mod report;
pub mod runner;
pub mod selection;
pub mod table;
pub mod worker;

pub use environment::Environment;
pub use need::Need;
pub use outcome::{Finding, Outcome};

/// One statement of the specification, and how it is checked.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// `group/short-name`.
    pub name: &'static str,
    /// Section of the OpenCL API specification that makes the statement.
    pub section: &'static str,
    /// What must be so, in one sentence.
    pub statement: &'static str,
    /// What the device must offer for the statement to mean anything.
    pub needs: &'static [Need],
    /// Whether the process that runs it runs nothing else.
    pub alone: bool,
    /// Whether the specification leaves open what happens, a crash included.
    pub undefined: bool,
    /// The check itself.
    pub run: fn(&Environment) -> Finding,
}

impl Check {
    /// A check of a device with shared virtual memory.
    pub const fn new(
        name: &'static str,
        section: &'static str,
        statement: &'static str,
        run: fn(&Environment) -> Finding,
    ) -> Self {
        Self {
            name,
            section,
            statement,
            needs: &[Need::CoarseGrainBuffer],
            alone: false,
            undefined: false,
            run,
        }
    }

    /// The same, with other needs.
    #[must_use]
    pub const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    /// The same, in a process of its own: for what may leave others without ground to stand on.
    #[must_use]
    pub const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The same, of something undefined: whatever happens is informative.
    #[must_use]
    pub const fn undefined(mut self) -> Self {
        self.undefined = true;
        self.alone()
    }

    /// The group it belongs to.
    pub fn group(&self) -> &'static str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// Checks of one part of the specification.
#[derive(Clone, Copy)]
pub struct Group {
    /// Its name, with which the names of its checks begin.
    pub name: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// Its checks, in the order in which they run.
    pub checks: &'static [Check],
}
