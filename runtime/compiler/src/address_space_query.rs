//! `to_global`, `to_local`, `to_private` and `get_fence` (OpenCL C §6.15.10): which address space
//! a generic pointer belongs to.
//!
//! Mostly it is known from where the pointer comes from. Otherwise addresses tell: local memory is
//! the front part of the scratch block, private variables are in the frame of the running function.

use std::collections::HashSet;

use isocl_compiler_interface::launch::LaunchFrame;

use crate::llvm::{address_space, Builder, IntPredicate, Module, Opcode, Value};
use crate::work_item::Primitive;

/// `CLK_LOCAL_MEM_FENCE` and `CLK_GLOBAL_MEM_FENCE`.
const LOCAL_FENCE: u64 = 1;
const GLOBAL_FENCE: u64 = 2;

/// The replacement of a call of one of the functions.
pub fn lower(module: &Module, call: Value, function: &str) -> Option<Value> {
    let context = module.context();
    let builder = context.builder();
    builder.position_before(call);
    let pointer = call.operand(0);
    let origin = origin(pointer, &mut HashSet::new());
    let is = |space: u32| match origin {
        Some(known) => context.int(1).constant(u64::from(known == space)),
        None => is_in(module, &builder, pointer, space),
    };
    if function == "get_fence" {
        let int = context.int(32);
        return Some(builder.select(
            is(address_space::LOCAL),
            int.constant(LOCAL_FENCE),
            int.constant(GLOBAL_FENCE),
        ));
    }
    let space = match function {
        "__to_global" => address_space::GLOBAL,
        "__to_local" => address_space::LOCAL,
        _ => address_space::PRIVATE,
    };
    let to = call.ty();
    let converted = builder.address_space_cast(pointer, to);
    Some(builder.select(is(space), converted, to.zero()))
}

/// The address space a pointer was made in, if all its sources agree.
fn origin(pointer: Value, seen: &mut HashSet<Value>) -> Option<u32> {
    let space = pointer.ty().address_space();
    if space != address_space::GENERIC {
        return Some(space);
    }
    if !seen.insert(pointer) {
        return None;
    }
    let opcode = pointer.opcode().or_else(|| pointer.constant_opcode())?;
    match opcode {
        Opcode::LLVMAddrSpaceCast | Opcode::LLVMGetElementPtr => origin(pointer.operand(0), seen),
        Opcode::LLVMSelect => {
            let first = origin(pointer.operand(1), seen)?;
            (origin(pointer.operand(2), seen)? == first).then_some(first)
        }
        Opcode::LLVMPHI => {
            let mut sources = pointer
                .incoming()
                .into_iter()
                .map(|(value, _)| origin(value, seen));
            let first = sources.next()??;
            sources.all(|source| source == Some(first)).then_some(first)
        }
        _ => None,
    }
}

/// Decides by address.
fn is_in(module: &Module, builder: &Builder, pointer: Value, space: u32) -> Value {
    let context = module.context();
    let word = context.int(64);
    let number = |value: Value| builder.cast(Opcode::LLVMPtrToInt, value, word);
    let address = number(pointer);
    let between = |low: Value, high: Value| {
        let offset = builder.binary(Opcode::LLVMSub, address, low);
        let size = builder.binary(Opcode::LLVMSub, high, low);
        builder.icmp(IntPredicate::LLVMIntULT, offset, size)
    };
    let is_local = || {
        let base = number(builder.call(Primitive::LocalBase.declare(module), &[]));
        let frame = builder.call(Primitive::Frame.declare(module), &[]);
        let offset = word.constant(std::mem::offset_of!(LaunchFrame, context_offset) as u64);
        let size = builder.load(word, builder.gep(context.int(8), frame, &[offset]));
        between(base, builder.binary(Opcode::LLVMAdd, base, size))
    };
    let is_private = || {
        let stack = context.pointer(address_space::PRIVATE);
        let top = module
            .intrinsic("llvm.frameaddress", &[stack])
            .map(|function| builder.call(function, &[context.constant(32, 0)]));
        let bottom = module
            .intrinsic("llvm.stacksave", &[stack])
            .map(|function| builder.call(function, &[]));
        match (bottom, top) {
            (Some(bottom), Some(top)) => between(number(bottom), number(top)),
            _ => context.int(1).constant(0),
        }
    };
    let some = builder.icmp(IntPredicate::LLVMIntNE, address, word.zero());
    match space {
        address_space::LOCAL => is_local(),
        address_space::PRIVATE => is_private(),
        _ => {
            let elsewhere = builder.binary(Opcode::LLVMOr, is_local(), is_private());
            let global = builder.binary(Opcode::LLVMXor, elsewhere, context.int(1).constant(1));
            builder.binary(Opcode::LLVMAnd, some, global)
        }
    }
}
