//! Single-precision quotients with a divisor that is the same for the whole launch become products
//! with its reciprocal, where the program did not ask for correctly rounded division: OpenCL C
//! §7.4 wants 2.5 ulp then, and LLVM's `!fpmath` says so.

use std::collections::HashMap;

use crate::llvm::{Builder, Opcode, RealPredicate, Value};
use crate::pure_intrinsic;
use crate::work_item::Primitive;

/// Divisors that are larger, or smaller than the inverse, are scaled, so that neither the reciprocal
/// nor what is multiplied with it overflows or loses digits.
const LARGE: f64 = (1u64 << 60) as f64;

/// Rewrites the divisions of a kernel, into which everything is inlined.
pub fn multiply(builder: &Builder, function: Value) {
    let tolerant = builder.context().metadata_kind("fpmath");
    let single = builder.context().float(32);
    let mut known = HashMap::new();
    for division in function.instructions() {
        if division.opcode() != Some(Opcode::LLVMFDiv)
            || division.ty().scalar() != single
            || division.metadata(tolerant).is_none()
        {
            continue;
        }
        let (dividend, divisor) = (division.operand(0), division.operand(1));
        if is_fixed(dividend, &mut known) || !is_fixed(divisor, &mut known) {
            continue;
        }
        builder.position_before(division);
        let (factor, inverse) = scaled_inverse(builder, divisor);
        let product = |left, right| {
            let product = builder.binary(Opcode::LLVMFMul, left, right);
            product.copy_fast_math_flags(division);
            product
        };
        let quotient = product(product(dividend, factor), inverse);
        division.replace_all_uses(quotient);
        division.erase();
    }
}

/// Whether a value depends on nothing but the launch.
fn is_fixed(value: Value, known: &mut HashMap<Value, bool>) -> bool {
    if !value.is_instruction() {
        return true;
    }
    if let Some(&fixed) = known.get(&value) {
        return fixed;
    }
    // A way back to the value itself goes through a phi, which is none of these.
    let is_pure = match value.opcode() {
        Some(Opcode::LLVMCall) => match Primitive::of_call(value) {
            Some(primitive) => primitive.is_uniform(),
            None => pure_intrinsic::is_pure(value),
        },
        Some(
            Opcode::LLVMPHI
            | Opcode::LLVMLoad
            | Opcode::LLVMAlloca
            | Opcode::LLVMAtomicRMW
            | Opcode::LLVMAtomicCmpXchg
            | Opcode::LLVMVAArg
            | Opcode::LLVMFreeze,
        ) => false,
        _ => true,
    };
    let mut operands = value.operands().into_iter();
    let fixed = is_pure && operands.all(|operand| is_fixed(operand, known));
    known.insert(value, fixed);
    fixed
}

/// A power of two, and the reciprocal of the divisor's product with it.
fn scaled_inverse(builder: &Builder, divisor: Value) -> (Value, Value) {
    let of = divisor.ty();
    let number = |value| of.splat(of.scalar().real_constant(value));
    let compare = |predicate, limit| builder.fcmp(predicate, divisor, number(limit));
    let large = builder.or(
        compare(RealPredicate::LLVMRealOGT, LARGE),
        compare(RealPredicate::LLVMRealOLT, -LARGE),
    );
    let small = builder.and(
        compare(RealPredicate::LLVMRealOLT, 1.0 / LARGE),
        compare(RealPredicate::LLVMRealOGT, -1.0 / LARGE),
    );
    let one = number(1.0);
    let factor = builder.select(large, number(1.0 / LARGE), one);
    let factor = builder.select(small, number(LARGE), factor);
    let scaled = builder.binary(Opcode::LLVMFMul, divisor, factor);
    (factor, builder.binary(Opcode::LLVMFDiv, one, scaled))
}
