//! What instructions promise of their operands and results.

#![allow(unsafe_code)]

use llvm_sys::core::*;
use llvm_sys::LLVMOpcode;

use super::{llvm, Value};

impl Value {
    /// Gives an operation the fast-math flags of another one, where both can have some.
    pub fn copy_fast_math_flags(self, from: Value) {
        let can = |value: Value| {
            value.is_instruction() && llvm!(LLVMCanValueUseFastMathFlags(value.0)) != 0
        };
        if can(self) && can(from) {
            let flags = llvm!(LLVMGetFastMathFlags(from.0));
            llvm!(LLVMSetFastMathFlags(self.0, flags));
        }
    }

    /// Whether an addition, subtraction, multiplication or shift says that it does not wrap in the
    /// signed sense.
    pub fn has_no_signed_wrap(self) -> bool {
        llvm!(LLVMGetNSW(self.0)) != 0
    }

    /// The same in the unsigned sense.
    pub fn has_no_unsigned_wrap(self) -> bool {
        llvm!(LLVMGetNUW(self.0)) != 0
    }

    /// Whether a shift to the right says that it loses nothing.
    pub fn is_exact(self) -> bool {
        llvm!(LLVMGetExact(self.0)) != 0
    }

    /// An addition, subtraction, multiplication, shift to the left or truncation says no longer that it
    /// does not wrap.
    pub fn forget_wrapping(self) {
        use LLVMOpcode::{LLVMAdd, LLVMMul, LLVMShl, LLVMSub, LLVMTrunc};
        if let Some(LLVMAdd | LLVMSub | LLVMMul | LLVMShl | LLVMTrunc) = self.opcode() {
            llvm!(LLVMSetNSW(self.0, 0));
            llvm!(LLVMSetNUW(self.0, 0));
        }
    }

    /// Whether a `zext` says that its operand is not negative.
    pub fn has_non_negative_operand(self) -> bool {
        llvm!(LLVMGetNNeg(self.0)) != 0
    }

    /// Whether an `or` says that no bit is set on both sides, so that it adds.
    pub fn is_disjoint(self) -> bool {
        self.opcode() == Some(LLVMOpcode::LLVMOr) && llvm!(LLVMGetIsDisjoint(self.0)) != 0
    }
}
