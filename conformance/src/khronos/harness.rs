//! One program of the Khronos tests: what it prints tells where it is, a file that it writes at its
//! end tells what came of each test.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::record::Status;
use crate::process::ends_with_parent;

/// A program of the tests and how it is run.
#[derive(Debug)]
pub struct Program<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// What its process finds in its environment.
    pub environment: &'a [(&'static str, OsString)],
    /// Time for a test.
    pub limit: Duration,
}

/// What happens while a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A test begins.
    Begin(&'a str),
    /// It came to this.
    End(&'a str, Status),
}

/// What came of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// What came of the tests that it ran.
    pub results: BTreeMap<String, Status>,
    /// How it ended, if not as a program should.
    pub trouble: Option<String>,
}

/// The file that the harness of the tests writes.
#[derive(Deserialize)]
struct ResultsFile {
    results: BTreeMap<String, Status>,
}

impl Program<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.path);
        ends_with_parent(&mut command)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null());
        command
    }

    /// The tests that it has and these arguments choose.
    ///
    /// # Errors
    /// When it does not list them.
    pub fn list(&self, arguments: &[&str]) -> Result<Vec<String>, String> {
        let failed = |reason: String| format!("{}: {reason}", self.path.display());
        let mut command = self.command();
        command.arg("-list").stderr(Stdio::null());
        let mut lines = Vec::new();
        let ended = watch(command.stdout(Stdio::piped()), self.limit, |line| {
            lines.push(line.trim().to_owned());
            false
        })
        .map_err(failed)?;
        match ended {
            Some(status) if status.success() => {}
            Some(status) => return Err(failed(format!("-list ended with {status}"))),
            None => return Err(failed("-list takes too long".into())),
        }
        let names = lines.into_iter().filter(|line| is_name(line));
        let names: Vec<String> = names.collect();
        if names.is_empty() {
            return Err(failed("-list shows no tests".into()));
        }
        let patterns: Vec<&&str> = arguments
            .iter()
            .filter(|argument| names.iter().any(|name| matches(argument, name)))
            .collect();
        let chosen = |name: &String| {
            patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, name))
        };
        Ok(names.into_iter().filter(chosen).collect())
    }

    /// Runs tests in one process: those of `names`, which the arguments choose. What the process
    /// prints goes to `log`, too.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(
        &self,
        arguments: &[&str],
        names: &BTreeSet<&str>,
        log: &mut dyn Write,
        event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Ended, String> {
        let file = std::env::temp_dir().join(format!("isocl-khronos-{}.json", std::process::id()));
        // There is one only if an earlier run was killed.
        let _ = std::fs::remove_file(&file);
        let mut command = self.command();
        command
            .args(arguments)
            .env("CL_CONFORMANCE_RESULTS_FILENAME", &file);
        let mut ended = Ended::default();
        let mut current: Option<String> = None;
        let failed = |reason: String| format!("{}: {reason}", self.path.display());
        // One pipe for both ways of saying something keeps the order.
        let pipe = || {
            let (output, end) = std::io::pipe()?;
            Ok::<_, std::io::Error>((output, end.try_clone()?, end))
        };
        let (output, end, other_end) = pipe().map_err(|error| failed(error.to_string()))?;
        command.stdout(end).stderr(other_end);
        let status = watch_pipe(command, output, self.limit, |line| {
            // A log that is not written does not stop the tests.
            let _ = writeln!(log, "{line}");
            if let Some(name) = line.strip_suffix("...").filter(|name| names.contains(name)) {
                current = Some(name.to_owned());
                event(Event::Begin(name));
                return true;
            }
            if let Some((name, status)) = current
                .as_deref()
                .and_then(|name| Some((name, said(line, name)?)))
            {
                ended.results.insert(name.to_owned(), status);
                event(Event::End(name, status));
                current = None;
                return true;
            }
            false
        })
        .map_err(failed)?;
        // The file knows more than the output: tests that fail after they have said that they passed.
        let told = std::fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<ResultsFile>(&bytes).ok());
        if told.is_some() {
            // It may be gone already.
            let _ = std::fs::remove_file(&file);
        }
        let told = told.map(|told| told.results).unwrap_or_default();
        ended.results.extend(
            told.into_iter()
                .filter(|(name, _)| names.contains(name.as_str())),
        );
        let unfinished = current.filter(|name| !ended.results.contains_key(name));
        let (at, trouble) = match status {
            None => (
                Status::Hang,
                Some(format!(
                    "no end of a test within {} s",
                    self.limit.as_secs()
                )),
            ),
            // Failures are an exit status of 1 and stand in the results.
            Some(status) if status.code().is_some_and(|code| code == 0 || code == 1) => {
                (Status::Crash, None)
            }
            Some(status) => (Status::Crash, Some(status.to_string())),
        };
        match unfinished {
            Some(name) => {
                event(Event::End(&name, at));
                ended.results.insert(name, at);
            }
            None => ended.trouble = trouble,
        }
        Ok(ended)
    }
}

/// What a line says came of a test. Whatever the test printed may stand before it.
fn said(line: &str, name: &str) -> Option<Status> {
    let ends = [
        (" passed", Status::Pass),
        (" FAILED", Status::Fail),
        (" test not supported", Status::Skip),
        (" test currently not implemented", Status::Skip),
    ];
    let told = ends.into_iter().find(|(end, _)| {
        let before = line.strip_suffix(end);
        before.is_some_and(|before| before.ends_with(name))
    });
    let version = || line.contains(&format!("{name} skipped (requires"));
    told.map(|(_, status)| status)
        .or_else(|| version().then_some(Status::Skip))
}

/// Names of tests are identifiers.
fn is_name(line: &str) -> bool {
    let part = |character: char| character.is_ascii_alphanumeric() || "_-+.".contains(character);
    !line.is_empty() && line.chars().all(part)
}

/// Whether a name is the one of a pattern, which may end with `*`.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

/// Runs a command whose standard output is a pipe; see [`watch_pipe`].
fn watch(
    command: &mut Command,
    limit: Duration,
    line: impl FnMut(&str) -> bool,
) -> Result<Option<ExitStatus>, String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let output = child.stdout.take().ok_or("a child without a pipe")?;
    follow(child, output, limit, line)
}

/// Runs a command that writes to the pipe whose other end is `output`. Gives every line away, and
/// kills the process when for the time of the limit no line was of interest. How it ended, unless
/// it was killed.
fn watch_pipe(
    mut command: Command,
    output: std::io::PipeReader,
    limit: Duration,
    line: impl FnMut(&str) -> bool,
) -> Result<Option<ExitStatus>, String> {
    let child = command.spawn().map_err(|error| error.to_string())?;
    // The ends that are for the child: while they are open here, the pipe has no end.
    drop(command);
    follow(child, output, limit, line)
}

fn follow(
    mut child: Child,
    output: impl std::io::Read + Send + 'static,
    limit: Duration,
    mut line: impl FnMut(&str) -> bool,
) -> Result<Option<ExitStatus>, String> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if send
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                break;
            }
        }
    });
    let mut deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(text) => {
                if line(text.trim_end()) {
                    deadline = Instant::now() + limit;
                }
                // Someone who prints without end is not late for it otherwise.
                if Instant::now() < deadline {
                    continue;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        // It may have ended just now.
        let _ = child.kill();
        child.wait().map_err(|error| error.to_string())?;
        return Ok(None);
    }
    // The output is closed; the process may still hang in its exit handlers.
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    child.wait().map_err(|error| error.to_string())?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_behind_whatever_a_test_prints() {
        assert_eq!(
            said("svm_migrate passed", "svm_migrate"),
            Some(Status::Pass)
        );
        assert_eq!(said("....a FAILED", "a"), Some(Status::Fail));
        assert_eq!(said("a test not supported", "a"), Some(Status::Skip));
        let version = "a skipped (requires at least OpenCL version 3.1, but the device reports";
        assert_eq!(said(version, "a"), Some(Status::Skip));
        assert_eq!(said("a passed the first step", "a"), None);
        assert_eq!(said("b passed", "a"), None);
    }

    #[test]
    fn patterns_end_with_a_star() {
        assert!(matches("quick_*", "quick_1d") && !matches("quick_*", "full_1d"));
        assert!(matches("*", "a") && matches("a", "a") && !matches("a", "ab"));
    }
}
