//! Integer division in the lanes of vectors. Processors divide integers one at a time, but
//! floating-point numbers in all lanes at once.

use crate::llvm::{Opcode, Value};

use super::Widener;

impl Widener<'_> {
    /// The quotient or the remainder of vectors of integers; no divisor is zero, and each quotient has
    /// a representation.
    ///
    /// A quotient that is no integer is so far below the next one that it takes one binary digit more
    /// than the operands have to tell them apart. Floating-point numbers with more digits than that
    /// round it to something with the same integer part.
    pub(super) fn divide(&self, opcode: Opcode, dividend: Value, divisor: Value) -> Value {
        let of = dividend.ty();
        let bits = match of.element().int_bits() {
            _ if divisor.is_constant() => None,
            0..=16 => Some(32),
            17..=32 => Some(64),
            _ => None,
        };
        let Some(bits) = bits else {
            return self.builder.binary(opcode, dividend, divisor);
        };
        let is_signed = matches!(opcode, Opcode::LLVMSDiv | Opcode::LLVMSRem);
        let (to_float, to_integer) = match is_signed {
            true => (Opcode::LLVMSIToFP, Opcode::LLVMFPToSI),
            false => (Opcode::LLVMUIToFP, Opcode::LLVMFPToUI),
        };
        let wide = self.context().float(bits).vector(of.vector_len());
        let float = |value| self.builder.cast(to_float, value, wide);
        let exact = (self.builder).binary(Opcode::LLVMFDiv, float(dividend), float(divisor));
        let quotient = self.builder.cast(to_integer, exact, of);
        match opcode {
            Opcode::LLVMSDiv | Opcode::LLVMUDiv => quotient,
            _ => (self.builder).sub(dividend, self.builder.mul(quotient, divisor)),
        }
    }
}
