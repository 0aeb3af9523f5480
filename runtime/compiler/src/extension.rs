//! Narrow integers that are extended again, which LLVM writes as shifts and masks of wide ones: as
//! conversions they can be seen to grow from lane to lane. What needs the lower bits only is computed
//! from wide integers, which grow so in any case.

use std::collections::HashSet;

use crate::llvm::{Builder, Opcode, Value};

/// Writes them as conversions in a function, where they are needed.
pub fn restore(builder: &Builder, function: Value) {
    write_as_conversions(builder, function);
    pass_by(function);
}

/// Gives operations whose upper bits nobody looks at the wide integer instead of the extension.
fn pass_by(function: Value) {
    for extension in function.instructions() {
        let extends = matches!(
            extension.opcode(),
            Some(Opcode::LLVMSExt | Opcode::LLVMZExt)
        );
        let narrow = match extends {
            true => extension.operand(0),
            false => continue,
        };
        if narrow.opcode() != Some(Opcode::LLVMTrunc) || narrow.operand(0).ty() != extension.ty() {
            continue;
        }
        let (wide, bits) = (narrow.operand(0), narrow.ty().int_bits());
        for user in extension.users() {
            let mut affected = HashSet::new();
            if keeps_low_bits_apart(user) && low_bits_do(user, bits, &mut affected) {
                // Upper bits are others now, also in front of what drops them.
                for value in affected {
                    value.forget_wrapping();
                    value.users().into_iter().for_each(Value::forget_wrapping);
                }
                for (index, operand) in user.operands().into_iter().enumerate() {
                    if operand == extension {
                        user.set_operand(index as u32, wide);
                    }
                }
            }
        }
    }
}

/// Whether the lower bits of a result depend on the lower bits of the operands only.
fn keeps_low_bits_apart(operation: Value) -> bool {
    matches!(
        operation.opcode(),
        Some(Opcode::LLVMAdd | Opcode::LLVMSub | Opcode::LLVMMul)
    )
}

/// Whether nobody looks at more than so many lower bits of a value.
fn low_bits_do(value: Value, bits: u32, seen: &mut HashSet<Value>) -> bool {
    if !seen.insert(value) {
        return true;
    }
    value.users().into_iter().all(|user| match user.opcode() {
        Some(Opcode::LLVMTrunc) => user.ty().int_bits() <= bits,
        Some(Opcode::LLVMShl) if user.operand(0) == value => {
            let lost = user.operand(1).constant_int().unwrap_or(0);
            u64::from(user.ty().int_bits()).saturating_sub(lost) <= u64::from(bits)
        }
        Some(Opcode::LLVMPHI) => low_bits_do(user, bits, seen),
        _ => keeps_low_bits_apart(user) && low_bits_do(user, bits, seen),
    })
}

fn write_as_conversions(builder: &Builder, function: Value) {
    for instruction in function.instructions() {
        let Some(found) = Extension::of(instruction) else {
            continue;
        };
        builder.position_before(instruction);
        let narrow = builder.context().int(found.bits);
        let narrow = builder.cast(Opcode::LLVMTrunc, found.value, narrow);
        let ty = instruction.ty();
        let wide = builder.int_cast(narrow, ty, found.signed);
        let moved = match found.moved {
            0 => wide,
            by => builder.binary(Opcode::LLVMShl, wide, ty.constant(by)),
        };
        instruction.replace_all_uses(moved);
        instruction.erase();
    }
}

/// An extension in other words.
struct Extension {
    /// What has the bits.
    value: Value,
    /// How many of its lower ones are extended.
    bits: u32,
    signed: bool,
    /// How far the result is moved to the left.
    moved: u64,
}

impl Extension {
    fn of(instruction: Value) -> Option<Self> {
        if instruction.ty().is_vector() {
            return None;
        }
        let found = match instruction.opcode()? {
            Opcode::LLVMAShr => Self::of_shifts(instruction),
            Opcode::LLVMAnd => Self::of_mask(instruction),
            _ => None,
        }?;
        let narrows = found.bits < instruction.ty().int_bits();
        (narrows && matches!(found.bits, 8 | 16 | 32)).then_some(found)
    }

    fn of_shifts(right: Value) -> Option<Self> {
        let left = right.operand(0);
        if left.opcode() != Some(Opcode::LLVMShl) {
            return None;
        }
        let by = |shift: Value| shift.operand(1).constant_int();
        let lost = by(left)?;
        Some(Self {
            value: left.operand(0),
            bits: u64::from(right.ty().int_bits()).checked_sub(lost)? as u32,
            signed: true,
            moved: lost.checked_sub(by(right)?)?,
        })
    }

    fn of_mask(and: Value) -> Option<Self> {
        let mask = and.operand(1).constant_int()?;
        let bits = mask.trailing_ones();
        let is_low = bits < u64::BITS && mask >> bits == 0;
        is_low.then_some(Self {
            value: and.operand(0),
            bits,
            signed: false,
            moved: 0,
        })
    }
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
        let text = restored("%s = shl i64 %x, 32 %r = ashr exact i64 %s, 30");
        assert!(text.contains("sext i32"), "{text}");
        assert!(text.contains(", 2\n"), "{text}");
        let text = restored("%r = and i64 %x, 65535");
        assert!(text.contains("trunc i64 %x to i16"), "{text}");
        assert!(text.contains("zext i16"), "{text}");
    }

    /// A loop whose variable `%i` starts with `%x`, by what is added to it in each turn.
    fn turned(more: &str) -> String {
        let context = Context::new();
        let text = format!(
            "define i64 @f(i64 %x, i64 %y, ptr %p) {{
              entry: br label %loop
              loop:
                %i = phi i64 [ %x, %entry ], [ %next, %loop ]
                %low = trunc i64 %i to i32
                %index = zext i32 %low to i64
                %a = getelementptr i8, ptr %p, i64 %index
                store i8 1, ptr %a
                %next = add nuw i64 %index, %y
                {more}
                br i1 %stop, label %done, label %loop
              done: ret i64 0
            }}"
        );
        let module = context.parse_ir(&text).unwrap();
        restore(&context.builder(), module.function("f").unwrap());
        module.verify().unwrap();
        module.to_string()
    }

    #[test]
    fn what_is_added_up_stays_wide_if_only_lower_bits_are_used() {
        let text = turned("%n = trunc i64 %next to i32 %stop = icmp eq i32 %n, 7");
        assert!(text.contains("%next = add i64 %i, %y"), "{text}");
        assert!(text.contains("i64 %index"), "{text}");
        let text = turned("%n = trunc nuw i64 %next to i32 %stop = icmp eq i32 %n, 7");
        assert!(text.contains("%n = trunc i64 %next"), "{text}");
        let text = turned("%n = shl nsw i64 %next, 32 %stop = icmp eq i64 %n, 0");
        assert!(text.contains("%n = shl i64 %next"), "{text}");
        let text = turned("%n = shl i64 %next, 32 %stop = icmp eq i64 %n, 0");
        assert!(text.contains("%next = add i64 %i, %y"), "{text}");
        let text = turned("%n = shl i64 %next, 31 %stop = icmp eq i64 %n, 0");
        assert!(text.contains("%next = add nuw i64 %index, %y"), "{text}");
        let text = turned("%stop = icmp eq i64 %next, 7");
        assert!(text.contains("%next = add nuw i64 %index, %y"), "{text}");
        let text = turned("%n = trunc i64 %next to i33 %stop = icmp eq i33 %n, 7");
        assert!(text.contains("%next = add nuw i64 %index, %y"), "{text}");
    }

    #[test]
    fn other_shifts_and_masks_stay() {
        for body in [
            "%s = shl i64 %x, 30 %r = ashr i64 %s, 32",
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
