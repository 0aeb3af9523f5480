//! A child process that answers requests, so that what crashes or hangs is only the child.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::process::{end_with_parent, kill_group};

/// How long a child that has ended may go unnoticed.
const EXIT_POLL: Duration = Duration::from_millis(50);

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<Reply> {
    /// What the child replied.
    Reply(Reply),
    /// The child ended without a reply.
    Ended(End),
    /// The child took too long; it was killed.
    TimedOut,
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// Its exit code or signal, in words.
    pub how: String,
    /// The end of what it wrote to standard error.
    pub said: String,
}

struct Running<Reply> {
    process: Process,
    requests: ChildStdin,
    replies: Receiver<Reply>,
    complaints: Receiver<String>,
    served: usize,
}

/// Starts a program with piped input and output when it is first asked, and again when it ended.
///
/// Requests and replies are lines of JSON.
pub struct Child<Reply> {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, OsString)>,
    most_requests: usize,
    running: Option<Running<Reply>>,
}

impl<Reply: DeserializeOwned + Send + 'static> Child<Reply> {
    /// A child that runs `program` with these arguments and these changes of the environment, and is
    /// replaced after so many requests.
    pub fn new(
        program: &Path,
        arguments: &[&str],
        environment: Vec<(&'static str, OsString)>,
        most_requests: usize,
    ) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            environment,
            most_requests,
            running: None,
        }
    }

    /// How many requests the process that would get the next one has served.
    pub fn served(&self) -> usize {
        let running = self.running.as_ref().map_or(0, |running| running.served);
        running % self.most_requests
    }

    /// Ends the process, if there is one; the next request starts another.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Asks the child.
    ///
    /// # Errors
    /// When no process can be started.
    pub fn ask(
        &mut self,
        request: &impl Serialize,
        limit: Duration,
    ) -> Result<Answer<Reply>, String> {
        let mut running = match self.running.take() {
            Some(running) if running.served < self.most_requests => running,
            _ => self.start()?,
        };
        running.served += 1;
        let line = serde_json::to_string(request).map_err(|error| error.to_string())?;
        if writeln!(running.requests, "{line}").is_err() {
            return Ok(running.ended());
        }
        let begin = Instant::now();
        let mut exited = false;
        loop {
            let left = limit.saturating_sub(begin.elapsed());
            match running.replies.recv_timeout(left.min(EXIT_POLL)) {
                Ok(reply) => {
                    self.running = Some(running);
                    return Ok(Answer::Reply(reply));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Ok(Answer::TimedOut),
                // Others that it started may keep its output open.
                Err(RecvTimeoutError::Timeout) if !exited => {
                    exited = matches!(running.process.try_wait(), Ok(Some(_)));
                }
                Err(_) => return Ok(running.ended()),
            }
        }
    }

    fn start(&self) -> Result<Running<Reply>, String> {
        let failed = |error| format!("{}: {error}", self.program.display());
        let mut process = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, which ends with it: it may start processes that hang in their turn.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pipe = "a child without pipes";
        let requests = process.stdin.take().ok_or(pipe)?;
        let output = process.stdout.take().ok_or(pipe)?;
        let mut errors = process.stderr.take().ok_or(pipe)?;
        let (reply, replies) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                // What is not a reply was printed by the implementation.
                if let Ok(outcome) = serde_json::from_slice(&line) {
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
        Ok(Running {
            process,
            requests,
            replies,
            complaints,
            served: 0,
        })
    }
}

impl<Reply> Running<Reply> {
    fn ended(mut self) -> Answer<Reply> {
        let (signal, how) = match self.process.wait() {
            Ok(status) => (status.signal(), status.to_string()),
            Err(error) => (None, error.to_string()),
        };
        // Who is left of its group would keep the pipe open.
        kill_group(self.process.id());
        let wait = Duration::from_secs(2);
        let said = self.complaints.recv_timeout(wait).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        Answer::Ended(End {
            signal,
            how,
            said: lines[lines.len().saturating_sub(5)..].join("\n"),
        })
    }
}

impl<Reply> Drop for Running<Reply> {
    fn drop(&mut self) {
        kill_group(self.process.id());
        // It was killed, or has ended before.
        let _ = self.process.wait();
    }
}

/// The child's side: answers the requests that come in, until there are no more.
///
/// # Errors
/// When a request cannot be read, or a reply not be written.
pub fn serve<Request: DeserializeOwned, Reply: Serialize>(
    mut answer: impl FnMut(Request) -> Reply,
) -> Result<(), String> {
    // A group of its own does not get the signals of the parent's terminal.
    end_with_parent();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let request = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let reply = serde_json::to_string(&answer(request)).map_err(|error| error.to_string())?;
        // A line of its own, also where the implementation left one unfinished.
        let mut output = std::io::stdout().lock();
        write!(output, "\n{reply}\n")
            .and_then(|()| output.flush())
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a child that runs these lines of shell answers to a request.
    fn answer(lines: &str) -> Answer<u32> {
        let lines = format!("read request\n{lines}");
        let variables = vec![("ISOCL_TEST_NUMBER", "7".into())];
        let mut child = Child::new(Path::new("/bin/sh"), &["-c", &lines], variables, 10);
        child.ask(&"request", Duration::from_secs(1)).unwrap()
    }

    #[test]
    fn a_reply_is_found_among_what_the_implementation_prints() {
        let lines = "printf 'noise\\n\\377\\nmore \\n'; echo 3$ISOCL_TEST_NUMBER; read more";
        assert_eq!(answer(lines), Answer::Reply(37));
    }

    #[test]
    fn processes_that_the_child_started_end_with_it() {
        for last in ["read more", "exit 0"] {
            let lines = format!("read request; sleep 60 & echo $!; {last}");
            let shell = Path::new("/bin/sh");
            let mut child: Child<u32> = Child::new(shell, &["-c", &lines], Vec::new(), 10);
            let limit = Duration::from_secs(10);
            let Ok(Answer::Reply(pid)) = child.ask(&"request", limit) else {
                panic!("it tells the process that it started");
            };
            if last == "exit 0" {
                // The next request finds that it has ended.
                let answer = child.ask(&"request", limit).unwrap();
                assert!(matches!(answer, Answer::Ended(_)), "{answer:?}");
            }
            child.stop();
            let begin = Instant::now();
            // Dead, be it that nobody has asked for its status yet.
            let lives = || {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
                stat.is_ok_and(|stat| !stat.contains(") Z"))
            };
            while lives() {
                assert!(begin.elapsed() < limit, "{pid} lives after {last}");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    #[test]
    fn a_signal_an_exit_and_silence_are_told_apart() {
        let Answer::Ended(end) = answer("echo reason >&2; kill -SEGV $$") else {
            panic!("it crashed");
        };
        assert_eq!((end.signal, end.said.as_str()), (Some(11), "reason"));
        let Answer::Ended(end) = answer("exit 3") else {
            panic!("it left");
        };
        assert_eq!((end.signal, end.how.as_str()), (None, "exit status: 3"));
        assert_eq!(answer("exec sleep 60"), Answer::TimedOut);
    }
}
