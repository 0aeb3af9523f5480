//! The operations of reductions and scans, over work-groups and sub-groups.

use crate::llvm::{Builder, IntPredicate, Opcode, RealPredicate, Type, Value};

/// What a reduction or scan does with two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupOperation {
    /// `add`
    Add,
    /// `mul`
    Mul,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `and`
    And,
    /// `or`
    Or,
    /// `xor`
    Xor,
}

impl GroupOperation {
    /// The operation a function's name ends with.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "add" => Self::Add,
            "mul" => Self::Mul,
            "min" => Self::Min,
            "max" => Self::Max,
            "and" => Self::And,
            "or" => Self::Or,
            "xor" => Self::Xor,
            _ => return None,
        })
    }

    /// Applies it to numbers, or to vectors of them; `signed` is about integers.
    pub fn apply(self, builder: &Builder, signed: bool, left: Value, right: Value) -> Value {
        let of = left.ty();
        let element = if of.is_vector() { of.element() } else { of };
        let binary = |opcode| builder.binary(opcode, left, right);
        if element.is_float() {
            let better = match self {
                Self::Add => return binary(Opcode::LLVMFAdd),
                Self::Mul => return binary(Opcode::LLVMFMul),
                Self::Max => RealPredicate::LLVMRealOGT,
                _ => RealPredicate::LLVMRealOLT,
            };
            let take = builder.fcmp(better, right, left);
            return builder.select(take, right, left);
        }
        let better = match (self, signed) {
            (Self::Add, _) => return binary(Opcode::LLVMAdd),
            (Self::Mul, _) => return binary(Opcode::LLVMMul),
            (Self::And, _) => return binary(Opcode::LLVMAnd),
            (Self::Or, _) => return binary(Opcode::LLVMOr),
            (Self::Xor, _) => return binary(Opcode::LLVMXor),
            (Self::Min, true) => IntPredicate::LLVMIntSLT,
            (Self::Min, false) => IntPredicate::LLVMIntULT,
            (Self::Max, true) => IntPredicate::LLVMIntSGT,
            (Self::Max, false) => IntPredicate::LLVMIntUGT,
        };
        let take = builder.icmp(better, right, left);
        builder.select(take, right, left)
    }

    /// The value that changes no other one: what the specification's table of identities has.
    pub fn identity(self, of: Type, signed: bool) -> Value {
        if of.is_float() {
            return of.real_constant(match self {
                Self::Mul => 1.0,
                Self::Min => f64::INFINITY,
                Self::Max => f64::NEG_INFINITY,
                _ => 0.0,
            });
        }
        let highest_bit = 1u64 << (of.int_bits() - 1);
        of.constant(match (self, signed) {
            (Self::Mul, _) => 1,
            (Self::And, _) | (Self::Min, false) => u64::MAX,
            (Self::Min, true) => highest_bit - 1,
            (Self::Max, true) => highest_bit,
            (Self::Add | Self::Or | Self::Xor | Self::Max, _) => 0,
        })
    }
}
