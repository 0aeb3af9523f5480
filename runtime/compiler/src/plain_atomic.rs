//! Atomic accesses that only their own thread can see become plain ones, without the locked
//! instructions of the processor.
//!
//! This comes last: until then the accesses of neighbouring work-items must not be taken apart.

use crate::llvm::{AtomicOperation, Builder, IntPredicate, Module, Opcode, RealPredicate, Value};

/// Replaces them in all functions of the module.
///
/// # Errors
/// An operation that no builtin function leads to.
pub fn make_plain(module: &Module) -> Result<(), String> {
    let builder = module.context().builder();
    for instruction in module.functions().into_iter().flat_map(Value::instructions) {
        let opcode = instruction.opcode();
        let is_update = matches!(
            opcode,
            Some(Opcode::LLVMAtomicRMW | Opcode::LLVMAtomicCmpXchg)
        );
        if !is_update || !instruction.is_single_thread() {
            continue;
        }
        builder.position_before(instruction);
        let result = if opcode == Some(Opcode::LLVMAtomicRMW) {
            update(&builder, instruction)?
        } else {
            exchange(&builder, instruction)
        };
        instruction.replace_all_uses(result);
        instruction.erase();
    }
    Ok(())
}

/// Returns the old value.
fn update(builder: &Builder, instruction: Value) -> Result<Value, String> {
    let (address, value) = (instruction.operand(0), instruction.operand(1));
    let old = builder.load(value.ty(), address);
    old.set_alignment(instruction.alignment());
    let new = combine(builder, instruction.atomic_operation(), old, value)
        .ok_or_else(|| format!("{instruction} is unknown"))?;
    builder
        .store(new, address)
        .set_alignment(instruction.alignment());
    Ok(old)
}

fn combine(
    builder: &Builder,
    operation: AtomicOperation,
    old: Value,
    value: Value,
) -> Option<Value> {
    use AtomicOperation::*;
    let binary = |opcode| Some(builder.binary(opcode, old, value));
    let pick = |predicate| {
        let keep = builder.icmp(predicate, old, value);
        Some(builder.select(keep, old, value))
    };
    // A number wins against a NaN (cl_ext_float_atomics), wherever the NaN is.
    let pick_number = |predicate| {
        let best = builder.fcmp(predicate, old, value);
        let only = builder.fcmp(RealPredicate::LLVMRealUNO, value, value);
        let keep = builder.or(best, only);
        Some(builder.select(keep, old, value))
    };
    match operation {
        LLVMAtomicRMWBinOpXchg => Some(value),
        LLVMAtomicRMWBinOpAdd => binary(Opcode::LLVMAdd),
        LLVMAtomicRMWBinOpSub => binary(Opcode::LLVMSub),
        LLVMAtomicRMWBinOpAnd => binary(Opcode::LLVMAnd),
        LLVMAtomicRMWBinOpOr => binary(Opcode::LLVMOr),
        LLVMAtomicRMWBinOpXor => binary(Opcode::LLVMXor),
        LLVMAtomicRMWBinOpFAdd => binary(Opcode::LLVMFAdd),
        LLVMAtomicRMWBinOpFSub => binary(Opcode::LLVMFSub),
        LLVMAtomicRMWBinOpMax => pick(IntPredicate::LLVMIntSGT),
        LLVMAtomicRMWBinOpMin => pick(IntPredicate::LLVMIntSLT),
        LLVMAtomicRMWBinOpUMax => pick(IntPredicate::LLVMIntUGT),
        LLVMAtomicRMWBinOpUMin => pick(IntPredicate::LLVMIntULT),
        LLVMAtomicRMWBinOpFMax => pick_number(RealPredicate::LLVMRealOGT),
        LLVMAtomicRMWBinOpFMin => pick_number(RealPredicate::LLVMRealOLT),
        _ => None,
    }
}

/// Returns the pair of the old value and whether it was the expected one.
fn exchange(builder: &Builder, instruction: Value) -> Value {
    let (address, expected, desired) = (
        instruction.operand(0),
        instruction.operand(1),
        instruction.operand(2),
    );
    let alignment = instruction.alignment();
    let old = builder.load(expected.ty(), address);
    old.set_alignment(alignment);
    let equal = builder.icmp(IntPredicate::LLVMIntEQ, old, expected);
    let new = builder.select(equal, desired, old);
    builder.store(new, address).set_alignment(alignment);
    let pair = builder.insert_value(instruction.ty().poison(), old, 0);
    builder.insert_value(pair, equal, 1)
}
