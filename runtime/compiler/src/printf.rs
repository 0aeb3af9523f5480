//! `printf` (OpenCL C §6.15.14): arguments are packed into a record that the device formats.

use isocl_compiler_interface::launch::LaunchFrame;
use isocl_compiler_interface::printf::{KIND_FLOAT, KIND_INTEGER, KIND_POINTER};

use crate::llvm::{Module, Opcode, Value};
use crate::work_item::Primitive;

/// Packs the arguments of one call and hands them over; the result of the call is 0.
///
/// # Errors
/// An argument is of a type that `printf` does not take.
pub fn lower(module: &Module, function: Value, call: Value) -> Result<Option<Value>, String> {
    let context = module.context();
    let builder = context.builder();
    builder.position_before(call);
    let (byte, word) = (context.int(8), context.int(64));
    let mut parts: Vec<(u64, Value)> = Vec::new();
    let mut end = 0u64;
    for (index, argument) in call.call_arguments().into_iter().enumerate() {
        let argument = if argument.ty().is_pointer() {
            builder.cast(Opcode::LLVMPtrToInt, argument, word)
        } else {
            argument
        };
        if index > 0 {
            let header = header(call.call_arguments()[index], argument)?;
            parts.push((end, word.constant(header)));
            end += 8;
        }
        parts.push((end, argument));
        end = (end + module.store_size_of(argument.ty())).next_multiple_of(8);
    }
    let record = {
        let setup = context.builder();
        match function.entry_block().first_instruction() {
            Some(first) => setup.position_before(first),
            None => return Err("a kernel without instructions calls printf".to_owned()),
        }
        let record = setup.alloca(byte.array(end), "printf");
        record.set_alignment(8);
        record
    };
    for (offset, part) in parts {
        let address = builder.gep(byte, record, &[word.constant(offset)]);
        builder.store(part, address).set_alignment(8);
    }
    let frame = builder.call(Primitive::Frame.declare(module), &[]);
    let pointer = context.pointer(0);
    let member = |offset: usize| {
        builder.load(
            pointer,
            builder.gep(byte, frame, &[word.constant(offset as u64)]),
        )
    };
    let sink = member(std::mem::offset_of!(LaunchFrame, printf));
    let sink_context = member(std::mem::offset_of!(LaunchFrame, printf_context));
    let signature = context.void().function(&[pointer, pointer, word], false);
    builder.call_pointer(signature, sink, &[sink_context, record, word.constant(end)]);
    Ok(Some(call.ty().zero()))
}

/// Kind, element size and count of an argument, as the first bytes of a little-endian word.
fn header(original: Value, packed: Value) -> Result<u64, String> {
    let of = packed.ty();
    let (element, count) = if of.is_vector() {
        (of.element(), of.vector_len())
    } else {
        (of, 1)
    };
    let kind = if original.ty().is_pointer() {
        KIND_POINTER
    } else if element.is_float() {
        KIND_FLOAT
    } else if element.scalar_bits() >= 8 {
        KIND_INTEGER
    } else {
        return Err(format!("printf does not take an argument like {original}"));
    };
    let bytes = u64::from(element.scalar_bits() / 8);
    Ok(u64::from(kind) | bytes << 8 | u64::from(count) << 16)
}
