//! One case run several ways, and what differs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::print::{items, source, Source};
use super::run::{content, Outcome, Request};
use super::tree::Case;
use crate::child::{Answer, Child};

/// The argument that makes `isocl-random-kernels` a child.
pub const ARGUMENT: &str = "--worker";

/// Requests after which a child is replaced, so that it does not fill the memory.
const REQUESTS: usize = 2000;

/// Sizes of work-groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Groups {
    /// Those of the case.
    OfTheCase,
    /// Others, of cases that do not depend on them.
    Other,
    /// Others that do not divide the number of work-items, which OpenCL C 3.0 allows.
    Uneven,
}

/// A way to run a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// What it is called.
    pub name: String,
    /// Options of the build.
    pub options: &'static str,
    /// Which work-groups it is run in.
    groups: Groups,
    /// Which of the workers runs it; the first one is of the implementation under test.
    worker: usize,
}

impl Way {
    fn is_reference(&self) -> bool {
        self.worker > 0
    }
}

/// What is wrong with a case. Two findings are alike when ways and trouble are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Outputs are not those of the first way.
    Differs,
    /// The build failed; the first error, without numbers.
    BuildFailed(String),
    /// A call failed.
    CallFailed(String, i32),
    /// The process ended.
    Crashed,
    /// The process took too long.
    TimedOut,
}

/// Something wrong with a case.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The way in which it shows.
    pub way: Way,
    /// What is wrong.
    pub trouble: Trouble,
    /// The first differing element, the log, or how the process ended.
    pub detail: String,
}

impl Finding {
    /// Whether another finding is of the same class.
    pub fn is_like(&self, other: &Self) -> bool {
        self.way == other.way && self.trouble == other.trouble
    }
}

/// Runs cases every way.
pub struct Comparer {
    ways: Vec<Way>,
    workers: Vec<Child<Outcome>>,
    limit: Duration,
    /// What references could not run, which is not held against the implementation under test.
    pub unreferenced: Vec<String>,
}

impl Comparer {
    /// A comparer of the implementation that is visible here with itself and with the ones in the
    /// folders `references`, in `uneven` work-groups if asked to. `program` is
    /// `isocl-random-kernels`, and `limit` the time for a run.
    pub fn new(program: &Path, references: &[PathBuf], uneven: bool, limit: Duration) -> Self {
        let own = |name: &str, options, groups| Way {
            name: name.to_owned(),
            options,
            groups,
            worker: 0,
        };
        let mut ways = vec![
            own("as built by default", "", Groups::OfTheCase),
            own(
                "built without optimisation",
                "-cl-opt-disable",
                Groups::OfTheCase,
            ),
            own("in other work-groups", "", Groups::Other),
        ];
        if uneven {
            ways.push(own("in uneven work-groups", "", Groups::Uneven));
        }
        let child = |environment| Child::new(program, &[ARGUMENT], environment, REQUESTS);
        let mut workers = vec![child(Vec::new())];
        for reference in references {
            ways.push(Way {
                name: format!("by the reference {}", reference.display()),
                options: "",
                groups: Groups::OfTheCase,
                worker: workers.len(),
            });
            workers.push(child(vec![("OCL_ICD_VENDORS", reference.into())]));
        }
        Self {
            ways,
            workers,
            limit,
            unreferenced: Vec::new(),
        }
    }

    /// Runs a case every way and compares the outputs with those of the first way.
    ///
    /// # Errors
    /// When no child process can be started.
    pub fn look(&mut self, case: &Case) -> Result<Option<Finding>, String> {
        let source = source(case);
        let mut expected: Option<Vec<Vec<u8>>> = None;
        for way in &self.ways {
            match way.groups {
                Groups::Uneven if !case.needs_3_0 => continue,
                Groups::Other | Groups::Uneven if case.depends_on_groups => continue,
                _ => {}
            }
            let request = request(case, &source, way);
            let outcome = match self.workers[way.worker].ask(&request, self.limit)? {
                Answer::Reply(outcome) => outcome,
                Answer::Ended(end) => Outcome::Crashed(format!("{}\n{}", end.how, end.said)),
                Answer::TimedOut => Outcome::TimedOut,
            };
            let outputs = match (outcome, way.is_reference()) {
                (Outcome::Outputs(outputs), _) => outputs,
                (other, true) => {
                    let (trouble, _) = trouble(other);
                    let seed = case.seed;
                    self.unreferenced
                        .push(format!("seed {seed} {}: {trouble:?}", way.name));
                    continue;
                }
                (other, false) => {
                    let (trouble, detail) = trouble(other);
                    return Ok(Some(Finding {
                        way: way.clone(),
                        trouble,
                        detail,
                    }));
                }
            };
            match &expected {
                None => expected = Some(outputs),
                Some(expected) if *expected == outputs => {}
                Some(expected) => {
                    return Ok(Some(Finding {
                        way: way.clone(),
                        trouble: Trouble::Differs,
                        detail: difference(&source, expected, &outputs),
                    }));
                }
            }
        }
        Ok(None)
    }
}

/// What a child is asked to run.
pub fn request(case: &Case, source: &Source, way: &Way) -> Request {
    let standard = if case.needs_3_0 { "-cl-std=CL3.0" } else { "" };
    let global = case.global();
    let local = match (way.groups, case.seed % 3) {
        (Groups::OfTheCase, _) => Some(case.local.clone()),
        (Groups::Uneven, _) => Some(global.iter().map(|&size| size.min(5)).collect()),
        (Groups::Other, 0) if items(&global) <= 256 => Some(global.clone()),
        (Groups::Other, 1) => Some(vec![1; global.len()]),
        (Groups::Other, _) => None,
    };
    Request {
        source: source.text.clone(),
        name: case.kernel.name.clone(),
        options: format!("{} {standard}", way.options).trim().to_owned(),
        global,
        local,
        arguments: source
            .arguments
            .iter()
            .map(|argument| content(case, argument))
            .collect(),
    }
}

fn trouble(outcome: Outcome) -> (Trouble, String) {
    match outcome {
        Outcome::BuildFailed(log) => {
            let error = log.lines().find(|line| line.contains("error"));
            let message = error.or(log.lines().next()).unwrap_or_default();
            // Without the place in the source.
            let message = message.split("error").last().unwrap_or_default();
            let letters = message.chars().filter(|letter| !letter.is_ascii_digit());
            (Trouble::BuildFailed(letters.collect()), log)
        }
        Outcome::CallFailed(call, code) => {
            let detail = format!("{call} returned {code}");
            (Trouble::CallFailed(call, code), detail)
        }
        Outcome::Crashed(how) => (Trouble::Crashed, how),
        Outcome::TimedOut | Outcome::Outputs(_) => (Trouble::TimedOut, String::new()),
    }
}

/// The first element that differs.
fn difference(source: &Source, expected: &[Vec<u8>], outputs: &[Vec<u8>]) -> String {
    let written = source.arguments.iter().filter(|argument| argument.written);
    for ((argument, expected), outputs) in written.zip(expected).zip(outputs) {
        let size = argument.kind.bytes();
        let elements = || expected.chunks(size).zip(outputs.chunks(size)).enumerate();
        let differing = elements().filter(|(_, (a, b))| a != b).count();
        if let Some((index, (a, b))) = elements().find(|(_, (a, b))| a != b) {
            return format!(
                "{}[{index}] is {} by default and {} here ({differing} of {} elements differ)",
                argument.name,
                numbers(a, argument.kind.scalar.bytes()),
                numbers(b, argument.kind.scalar.bytes()),
                expected.len() / size
            );
        }
    }
    "outputs of different number or length".to_owned()
}

/// The numbers of an element, in hexadecimal.
fn numbers(bytes: &[u8], size: usize) -> String {
    let number = |bytes: &[u8]| {
        let digits: String = bytes
            .iter()
            .rev()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("0x{digits}")
    };
    let numbers: Vec<String> = bytes.chunks(size).map(number).collect();
    numbers.join(" ")
}
