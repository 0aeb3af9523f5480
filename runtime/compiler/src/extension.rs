//! Narrow integers that are extended again, which LLVM writes as shifts and masks of wide ones: as
//! conversions they can be seen to grow from lane to lane.

use crate::llvm::{Builder, Opcode, Value};

/// Writes them as conversions in a function.
pub fn restore(builder: &Builder, function: Value) {
    for instruction in function.instructions() {
        let Some((of, bits, signed)) = extended(instruction) else {
            continue;
        };
        builder.position_before(instruction);
        let narrow = builder.cast(Opcode::LLVMTrunc, of, builder.context().int(bits));
        let extension = builder.int_cast(narrow, instruction.ty(), signed);
        instruction.replace_all_uses(extension);
        instruction.erase();
    }
}

/// The value whose lower bits an instruction extends, their number, and whether they have a sign.
fn extended(instruction: Value) -> Option<(Value, u32, bool)> {
    let width = match instruction.ty() {
        ty if ty.is_vector() => return None,
        ty => ty.int_bits(),
    };
    let by = |shift: Value| shift.operand(1).constant_int();
    let (of, bits, signed) = match instruction.opcode()? {
        Opcode::LLVMAShr => {
            let shifted = instruction.operand(0);
            let same = shifted.opcode() == Some(Opcode::LLVMShl) && by(shifted) == by(instruction);
            let lost = by(instruction).filter(|_| same)?;
            let bits = u64::from(width).checked_sub(lost)?;
            (shifted.operand(0), bits as u32, true)
        }
        Opcode::LLVMAnd => {
            let mask = by(instruction)?;
            let bits = mask.trailing_ones();
            let is_low = bits < u64::BITS && mask >> bits == 0;
            (instruction.operand(0), is_low.then_some(bits)?, false)
        }
        _ => return None,
    };
    (bits < width && matches!(bits, 8 | 16 | 32)).then_some((of, bits, signed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;

    fn restored(body: &str) -> String {
        let context = Context::new();
        let text = format!("define i64 @f(i64 %x, i64 %y) {{ {body} ret i64 %r }}");
        let module = context.parse_ir(&text).unwrap();
        restore(&context.builder(), module.function("f").unwrap());
        module.verify().unwrap();
        module.to_string()
    }

    #[test]
    fn shifts_and_masks_become_conversions() {
        let text = restored("%s = shl i64 %x, 32 %r = ashr exact i64 %s, 32");
        assert!(text.contains("trunc i64 %x to i32"), "{text}");
        assert!(text.contains("sext i32"), "{text}");
        let text = restored("%r = and i64 %x, 65535");
        assert!(text.contains("trunc i64 %x to i16"), "{text}");
        assert!(text.contains("zext i16"), "{text}");
    }

    #[test]
    fn other_shifts_and_masks_stay() {
        for body in [
            "%s = shl i64 %x, 32 %r = ashr i64 %s, 30",
            "%s = shl i64 %x, 32 %r = lshr i64 %s, 32",
            "%s = shl i64 %x, %y %r = ashr i64 %s, %y",
            "%s = shl i64 %x, 3 %r = ashr i64 %s, 3",
            "%r = and i64 %x, 65534",
            "%r = and i64 %x, 127",
            "%r = and i64 %x, -1",
            "%r = and i64 %x, %y",
        ] {
            let text = restored(body);
            assert!(!text.contains("trunc"), "{text}");
        }
    }
}
