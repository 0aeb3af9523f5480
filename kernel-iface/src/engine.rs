//! What a device can do to memory by itself, and what it says when it cannot.
//!
//! An engine reaches memory through the device's own page table, at the addresses that CPU and
//! device share. It copies and fills, and it is a witness: what it reads is what the device sees.

use std::fmt;
use std::time::Duration;

use crate::{Address, Result};

/// One operation. All addresses are the device's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Repeats a pattern of 1 to 128 bytes over `len` bytes; the last repetition is cut.
    Fill {
        /// First byte.
        destination: Address,
        /// What is repeated.
        pattern: Box<[u8]>,
        /// Bytes.
        len: usize,
    },
    /// Copies `len` bytes between ranges that do not overlap.
    Copy {
        /// From.
        source: Address,
        /// To.
        destination: Address,
        /// Bytes.
        len: usize,
    },
    /// Does `function` to a word, `times` times, and writes what it was before the last time to
    /// `result`, if that is given.
    Atomic {
        /// What to do.
        function: AtomicFunction,
        /// Bytes of the word: 4 or 8.
        width: u32,
        /// The word, aligned to its width.
        destination: Address,
        /// How often.
        times: u64,
        /// Where the value before goes.
        result: Option<Address>,
    },
    /// Walks through linked nodes, and writes the sum of their values, their number and the
    /// address of the last one to `result`, 8 bytes each.
    Chase {
        /// The first node.
        first: Address,
        /// Bytes from the start of a node to its value of 8 bytes.
        value_offset: usize,
        /// Bytes from the start of a node to the address of the next; 0 ends the walk.
        next_offset: usize,
        /// Nodes at most.
        longest: u64,
        /// Three words.
        result: Address,
    },
    /// Writes the CRC-32 of `len` bytes to `result`, 8 bytes.
    Checksum {
        /// First byte.
        source: Address,
        /// Bytes.
        len: usize,
        /// One word.
        result: Address,
    },
    /// Does nothing for a while, at most ten seconds.
    Delay(Duration),
}

/// What an atomic operation does with the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtomicFunction {
    /// Adds.
    Add(u64),
    /// Subtracts.
    Subtract(u64),
    /// Bitwise and.
    And(u64),
    /// Bitwise or.
    Or(u64),
    /// Bitwise exclusive or.
    Xor(u64),
    /// The lesser, unsigned.
    Min(u64),
    /// The greater, unsigned.
    Max(u64),
    /// Replaces.
    Exchange(u64),
    /// Replaces if it equals `expected`.
    CompareExchange {
        /// What it must be.
        expected: u64,
        /// What it becomes.
        replacement: u64,
    },
}

/// The number that an engine gives a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence(pub u64);

/// Who touched memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The device.
    Device,
    /// A thread of the process.
    Cpu,
}

/// Why memory could not be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultReason {
    /// Nothing is there, as far as the device knows.
    Unmapped,
    /// It may not be written, or not be touched at all.
    Protection,
    /// The device does not decode so many address bits.
    AddressBits,
    /// A reserved region of the device.
    Reserved,
    /// It belongs to the other side now.
    NotOwned,
    /// A word that is not aligned to its size.
    Misaligned,
    /// The page could not be had.
    NoMemory,
    /// A reason that this library does not know.
    Other(u32),
}

/// A touch of memory that could not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultRecord {
    /// Where.
    pub address: Address,
    /// Whether it was a write.
    pub write: bool,
    /// Who.
    pub side: Side,
    /// Why not.
    pub reason: FaultReason,
    /// The submission that failed, if it was the engine.
    pub sequence: Option<Sequence>,
    /// The operation in that submission, from 0.
    pub operation: u32,
}

impl fmt::Display for FaultRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Device => "the device",
            Side::Cpu => "the CPU",
        };
        let access = if self.write { "write to" } else { "read from" };
        let address = self.address.get();
        write!(formatter, "{side} could not {access} {address:#x}: ")?;
        match self.reason {
            FaultReason::Unmapped => formatter.write_str("nothing is mapped there"),
            FaultReason::Protection => formatter.write_str("the memory's protection forbids it"),
            FaultReason::AddressBits => {
                formatter.write_str("the device does not decode that many address bits")
            }
            FaultReason::Reserved => formatter.write_str("the device reserves that region"),
            FaultReason::NotOwned => formatter.write_str("the other side owns the page"),
            FaultReason::Misaligned => formatter.write_str("the word is not aligned"),
            FaultReason::NoMemory => formatter.write_str("memory ran out"),
            FaultReason::Other(reason) => write!(formatter, "reason {reason}"),
        }
    }
}

/// A device that runs operations on memory by itself, in the order of their submission.
pub trait Engine: Send + Sync {
    /// Starts operations, one after the other; the first that fails ends them.
    ///
    /// # Errors
    /// `EINVAL` for arguments that [`Operation`] excludes, `EAGAIN` when too many submissions are
    /// under way.
    fn submit(&self, operations: &[Operation]) -> Result<Sequence>;

    /// Waits for the end of a submission, `timeout` at most; for ever without one.
    ///
    /// # Errors
    /// `ETIMEDOUT`; `EINVAL` for a number that was never given; and the submission's own failure,
    /// which is told once, with its fault record.
    fn wait(&self, sequence: Sequence, timeout: Option<Duration>) -> Result<()>;

    /// The faults that no submission's error tells: touches by the CPU. Oldest first, each once.
    fn faults(&self) -> Vec<FaultRecord>;

    /// Runs operations and waits for their end.
    ///
    /// # Errors
    /// As [`Self::submit`] and [`Self::wait`].
    fn run(&self, operations: &[Operation]) -> Result<()> {
        let sequence = self.submit(operations)?;
        self.wait(sequence, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_record_says_who_what_where_and_why() {
        let record = FaultRecord {
            address: Address(0x7f00_0000_1000),
            write: true,
            side: Side::Device,
            reason: FaultReason::AddressBits,
            sequence: Some(Sequence(3)),
            operation: 0,
        };
        assert_eq!(
            record.to_string(),
            "the device could not write to 0x7f0000001000: the device does not decode that many \
             address bits"
        );
    }
}
