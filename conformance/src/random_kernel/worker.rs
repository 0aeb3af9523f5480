//! A child process that runs kernels, so that what crashes or hangs is only the child.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::run::{Outcome, Request};

/// The argument that makes `isocl-random-kernels` a child.
pub const ARGUMENT: &str = "--worker";

/// Requests after which a child is replaced, so that it does not fill the memory.
const REQUESTS: usize = 2000;

struct Process {
    child: Child,
    requests: ChildStdin,
    replies: Receiver<Outcome>,
    complaints: Receiver<String>,
    served: usize,
}

/// Runs requests in a child process, which is started when there is none.
pub struct Worker {
    program: PathBuf,
    vendors: Option<PathBuf>,
    limit: Duration,
    process: Option<Process>,
}

impl Worker {
    /// A worker of `program`, for the implementation in the folder `vendors` or for the one that is
    /// visible here, with so much time for each request.
    pub fn new(program: &Path, vendors: Option<&Path>, limit: Duration) -> Self {
        Self {
            program: program.to_owned(),
            vendors: vendors.map(Path::to_owned),
            limit,
            process: None,
        }
    }

    /// Runs a request.
    ///
    /// # Errors
    /// When no child can be started.
    pub fn run(&mut self, request: &Request) -> Result<Outcome, String> {
        let mut process = match self.process.take() {
            Some(process) if process.served < REQUESTS => process,
            _ => self.start()?,
        };
        process.served += 1;
        let line = serde_json::to_string(request).map_err(|error| error.to_string())?;
        if writeln!(process.requests, "{line}").is_err() {
            return Ok(process.ended());
        }
        let begin = Instant::now();
        match process.replies.recv_timeout(self.limit) {
            Ok(outcome) => {
                self.process = Some(process);
                Ok(outcome)
            }
            Err(RecvTimeoutError::Timeout) => Ok(Outcome::TimedOut),
            Err(RecvTimeoutError::Disconnected) if begin.elapsed() < self.limit => {
                Ok(process.ended())
            }
            Err(RecvTimeoutError::Disconnected) => Ok(Outcome::TimedOut),
        }
    }

    fn start(&self) -> Result<Process, String> {
        let mut command = Command::new(&self.program);
        command
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(vendors) = &self.vendors {
            command.env("OCL_ICD_VENDORS", vendors);
        }
        let failed = |error| format!("{}: {error}", self.program.display());
        let mut child = command.spawn().map_err(failed)?;
        let pipe = "a child without pipes";
        let requests = child.stdin.take().ok_or(pipe)?;
        let output = child.stdout.take().ok_or(pipe)?;
        let mut errors = child.stderr.take().ok_or(pipe)?;
        let (reply, replies) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // What is not a reply was printed by the implementation.
                if let Ok(outcome) = serde_json::from_str(&line) {
                    if reply.send(outcome).is_err() {
                        break;
                    }
                }
            }
        });
        let (complain, complaints) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What could be read before an error is what there is.
            let _ = errors.read_to_end(&mut bytes);
            // Nobody listens after a run that went well.
            let _ = complain.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        Ok(Process {
            child,
            requests,
            replies,
            complaints,
            served: 0,
        })
    }
}

impl Process {
    /// How it ended, with the end of what it complained of.
    fn ended(mut self) -> Outcome {
        let status = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let wait = Duration::from_secs(2);
        let said = self.complaints.recv_timeout(wait).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n");
        Outcome::Crashed(format!("{status}\n{last}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A child that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
