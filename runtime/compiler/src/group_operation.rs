//! The operations of reductions and scans, over work-groups and sub-groups.

use crate::builtin_name::{is_signed, BuiltinName};
use crate::llvm::{Builder, IntPredicate, Opcode, RealPredicate, Type, Value};

/// Whose values a work-item gets combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// `reduce`: all.
    All,
    /// `scan_inclusive`: those up to its own.
    Inclusive,
    /// `scan_exclusive`: those before its own.
    Exclusive,
}

/// A reduction or scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Combination {
    /// Of which values.
    pub extent: Extent,
    /// How.
    pub operation: GroupOperation,
}

impl Combination {
    /// What the function `name` is whose name is `reduce_add` and so on behind a prefix.
    pub fn parse(name: &BuiltinName<'_>, prefix: &str) -> Option<Self> {
        let (extent, kind) = name.name.strip_prefix(prefix)?.rsplit_once('_')?;
        let extent = match extent {
            "reduce" => Extent::All,
            "scan_inclusive" => Extent::Inclusive,
            "scan_exclusive" => Extent::Exclusive,
            _ => return None,
        };
        let operation = GroupOperation {
            kind: Kind::parse(kind)?,
            signed: name.first().is_some_and(is_signed),
        };
        Some(Self { extent, operation })
    }
}

/// What a reduction or scan does with two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupOperation {
    /// Which one.
    pub kind: Kind,
    /// Integers are signed.
    pub signed: bool,
}

/// The operations by their names.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Add,
    Mul,
    Min,
    Max,
    And,
    Or,
    Xor,
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
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
}

impl GroupOperation {
    /// Applies it to numbers, or to vectors of them.
    pub fn apply(self, builder: &Builder, left: Value, right: Value) -> Value {
        let binary = |opcode| builder.binary(opcode, left, right);
        if left.ty().scalar().is_float() {
            let better = match self.kind {
                Kind::Add => return binary(Opcode::LLVMFAdd),
                Kind::Mul => return binary(Opcode::LLVMFMul),
                Kind::Max => RealPredicate::LLVMRealOGT,
                _ => RealPredicate::LLVMRealOLT,
            };
            let take = builder.fcmp(better, right, left);
            return builder.select(take, right, left);
        }
        let better = match (self.kind, self.signed) {
            (Kind::Add, _) => return binary(Opcode::LLVMAdd),
            (Kind::Mul, _) => return binary(Opcode::LLVMMul),
            (Kind::And, _) => return binary(Opcode::LLVMAnd),
            (Kind::Or, _) => return binary(Opcode::LLVMOr),
            (Kind::Xor, _) => return binary(Opcode::LLVMXor),
            (Kind::Min, true) => IntPredicate::LLVMIntSLT,
            (Kind::Min, false) => IntPredicate::LLVMIntULT,
            (Kind::Max, true) => IntPredicate::LLVMIntSGT,
            (Kind::Max, false) => IntPredicate::LLVMIntUGT,
        };
        let take = builder.icmp(better, right, left);
        builder.select(take, right, left)
    }

    /// The value that changes no other one: what the specification's table of identities has.
    pub fn identity(self, of: Type) -> Value {
        if of.is_float() {
            return of.real_constant(match self.kind {
                Kind::Mul => 1.0,
                Kind::Min => f64::INFINITY,
                Kind::Max => f64::NEG_INFINITY,
                _ => 0.0,
            });
        }
        let highest_bit = 1u64 << (of.int_bits() - 1);
        of.constant(match (self.kind, self.signed) {
            (Kind::Mul, _) => 1,
            (Kind::And, _) | (Kind::Min, false) => u64::MAX,
            (Kind::Min, true) => highest_bit - 1,
            (Kind::Max, true) => highest_bit,
            (Kind::Add | Kind::Or | Kind::Xor | Kind::Max, _) => 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_extent_operation_and_sign() {
        let parse = |symbol| Combination::parse(&BuiltinName::parse(symbol)?, "group_");
        let found = parse("_Z24group_scan_exclusive_maxm").unwrap();
        assert_eq!(found.extent, Extent::Exclusive);
        assert_eq!(
            (found.operation.kind, found.operation.signed),
            (Kind::Max, false)
        );
        assert!(parse("_Z16group_reduce_mins").unwrap().operation.signed);
        for symbol in [
            "_Z9group_addi",
            "_Z18group_reduce_otheri",
            "_Z10reduce_addi",
        ] {
            assert_eq!(parse(symbol), None, "{symbol}");
        }
    }
}
