//! Integer division in the lanes of vectors. Processors divide integers one at a time, but
//! floating-point numbers in all lanes at once.

use crate::llvm::{IntPredicate, Opcode, Value};

use super::Widener;

/// Integers that are no larger have no sign, whatever their type.
const SMALL: u64 = i32::MAX as u64;

impl Widener<'_> {
    /// The quotient or the remainder of vectors of integers; no divisor is zero, and each quotient has
    /// a representation.
    ///
    /// A quotient that is no integer is so far below the next one that it takes one binary digit more
    /// than the operands have to tell them apart. Floating-point numbers with more digits than that
    /// round it to something with the same integer part.
    pub(super) fn divide(&self, opcode: Opcode, dividend: Value, divisor: Value) -> Value {
        match dividend.ty().element().int_bits() {
            _ if divisor.is_constant() => self.builder.binary(opcode, dividend, divisor),
            0..=16 => self.divide_as_float(opcode, dividend, divisor, 32),
            17..=32 => self.divide_as_float(opcode, dividend, divisor, 64),
            _ => self.divide_long(opcode, dividend, divisor),
        }
    }

    /// The same by way of floating-point numbers of so many bits.
    fn divide_as_float(&self, opcode: Opcode, dividend: Value, divisor: Value, bits: u32) -> Value {
        let of = dividend.ty();
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

    /// The same of long integers, which are small as a rule: ids, sizes, positions.
    fn divide_long(&self, opcode: Opcode, dividend: Value, divisor: Value) -> Value {
        let (of, builder) = (dividend.ty(), &self.builder);
        let most = of.splat(of.element().constant(SMALL));
        // Lanes that do not run may have anything, which only costs time.
        let bits = builder.freeze(builder.or(dividend, divisor));
        let is_large = builder.icmp(IntPredicate::LLVMIntUGT, bits, most);
        let [small, large, done] =
            ["divide.small", "divide.large", "divided"].map(|name| self.new_block(name));
        builder.branch_if(self.any(is_large), large, small);
        builder.position_at_end(small);
        let short = self.context().int(32).vector(of.vector_len());
        let shortened = |value| builder.int_cast(value, short, false);
        let signed = match opcode {
            Opcode::LLVMSDiv | Opcode::LLVMUDiv => Opcode::LLVMSDiv,
            _ => Opcode::LLVMSRem,
        };
        let result = self.divide_as_float(signed, shortened(dividend), shortened(divisor), 64);
        let of_small = builder.int_cast(result, of, false);
        builder.branch(done);
        builder.position_at_end(large);
        let of_large = builder.binary(opcode, dividend, divisor);
        builder.branch(done);
        builder.position_at_end(done);
        let result = builder.phi(of, "");
        result.add_incoming(&[(of_small, small), (of_large, large)]);
        result
    }
}
