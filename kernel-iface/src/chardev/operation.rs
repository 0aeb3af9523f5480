//! Operations of an engine in the driver's form.

use super::uapi::{self, Op};
use crate::engine::{AtomicFunction, Operation};

/// The driver's form of `operation`, which keeps pointing to its pattern.
pub(super) fn encode(operation: &Operation) -> Op {
    match operation {
        Operation::Fill {
            destination,
            pattern,
            len,
        } => Op {
            opcode: uapi::OP_FILL,
            // Too long for the type is too long for the driver, which says so.
            data_length: u32::try_from(pattern.len()).unwrap_or(u32::MAX),
            destination: destination.get() as u64,
            length: *len as u64,
            data: pattern.as_ptr() as u64,
            ..Op::default()
        },
        Operation::Copy {
            source,
            destination,
            len,
        } => Op {
            opcode: uapi::OP_COPY,
            destination: destination.get() as u64,
            source: source.get() as u64,
            length: *len as u64,
            ..Op::default()
        },
        Operation::Atomic {
            function,
            width,
            destination,
            times,
            result,
        } => {
            let (function, operand, compare) = encode_function(*function);
            Op {
                opcode: uapi::OP_ATOMIC,
                function,
                width: *width,
                destination: destination.get() as u64,
                source: result.map_or(0, |result| result.get() as u64),
                length: *times,
                operand,
                compare,
                ..Op::default()
            }
        }
        Operation::Chase {
            first,
            value_offset,
            next_offset,
            longest,
            result,
        } => Op {
            opcode: uapi::OP_CHASE,
            destination: result.get() as u64,
            source: first.get() as u64,
            length: *longest,
            operand: *value_offset as u64,
            compare: *next_offset as u64,
            ..Op::default()
        },
        Operation::Checksum {
            source,
            len,
            result,
        } => Op {
            opcode: uapi::OP_CHECKSUM,
            destination: result.get() as u64,
            source: source.get() as u64,
            length: *len as u64,
            ..Op::default()
        },
        Operation::Delay(duration) => Op {
            opcode: uapi::OP_DELAY,
            length: u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX),
            ..Op::default()
        },
    }
}

/// Number, operand and comparand.
fn encode_function(function: AtomicFunction) -> (u32, u64, u64) {
    match function {
        AtomicFunction::Add(operand) => (uapi::ATOMIC_ADD, operand, 0),
        AtomicFunction::Subtract(operand) => (uapi::ATOMIC_SUB, operand, 0),
        AtomicFunction::And(operand) => (uapi::ATOMIC_AND, operand, 0),
        AtomicFunction::Or(operand) => (uapi::ATOMIC_OR, operand, 0),
        AtomicFunction::Xor(operand) => (uapi::ATOMIC_XOR, operand, 0),
        AtomicFunction::Min(operand) => (uapi::ATOMIC_MIN, operand, 0),
        AtomicFunction::Max(operand) => (uapi::ATOMIC_MAX, operand, 0),
        AtomicFunction::Exchange(operand) => (uapi::ATOMIC_EXCHANGE, operand, 0),
        AtomicFunction::CompareExchange {
            expected,
            replacement,
        } => (uapi::ATOMIC_COMPARE_EXCHANGE, replacement, expected),
    }
}
