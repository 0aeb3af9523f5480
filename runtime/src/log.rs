//! Lines on the standard error stream, as `ISOCL_LOG` asks for them.

use std::io::Write;

use crate::config::{config, LogLevel};
use crate::Error;

/// Tells that `call` failed and why.
pub fn error(call: &str, error: &Error) {
    if config().log >= LogLevel::Error {
        line(&format!("{call}: {error}"));
    }
}

/// Tells something that is no error, to who wants to hear of errors.
pub(crate) fn note(text: &str) {
    if config().log >= LogLevel::Error {
        line(text);
    }
}

/// Tells that `call` was made.
pub fn call(call: &str) {
    if config().log >= LogLevel::Call {
        line(call);
    }
}

/// Writes one line in one piece. A closed stream is no reason to fail.
pub(crate) fn line(text: &str) {
    let _ = std::io::stderr().write_all(format!("isocl: {text}\n").as_bytes());
}
