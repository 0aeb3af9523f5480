//! The one error type of this crate: what was tried, and the number the system gave.

use std::fmt;

use crate::engine::FaultRecord;
use crate::sys;

/// Result of every fallible function here.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed operation of the operating system, of a driver or of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// What was tried, in words.
    pub operation: &'static str,
    /// The system's error number (`ENOMEM`, `EEXIST`, …).
    pub errno: i32,
    /// What the device could not touch, if that was it.
    pub fault: Option<FaultRecord>,
}

impl Error {
    /// What the system said about `operation`.
    pub const fn of_system(operation: &'static str, errno: i32) -> Self {
        Self {
            operation,
            errno,
            fault: None,
        }
    }

    /// There is no memory or no room in the aperture.
    pub const fn no_memory(operation: &'static str) -> Self {
        Self::of_system(operation, sys::ENOMEM)
    }

    /// An argument that this operation cannot take.
    pub const fn invalid(operation: &'static str) -> Self {
        Self::of_system(operation, sys::EINVAL)
    }

    /// A driver answered with memory at an address that breaks the contract.
    pub const fn broken_contract(operation: &'static str) -> Self {
        Self::of_system(operation, sys::EADDRNOTAVAIL)
    }

    /// Whether memory or address space ran out, as opposed to a mistake or a broken driver.
    pub const fn is_out_of_memory(&self) -> bool {
        self.errno == sys::ENOMEM
    }

    /// Whether the address range was taken.
    pub const fn is_occupied(&self) -> bool {
        self.errno == sys::EEXIST
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.operation)?;
        match self.fault {
            Some(fault) => fault.fmt(formatter),
            None => std::io::Error::from_raw_os_error(self.errno).fmt(formatter),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_operation_and_system_error() {
        let text = Error::no_memory("map a slab").to_string();
        assert!(text.starts_with("map a slab: "), "{text}");
        assert!(text.contains("memory"), "{text}");
    }
}
