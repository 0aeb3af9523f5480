//! `cl_khr_extended_bit_ops` against one bit after the other.

use crate::jit::{mangled, Builtins, Scalar};
use crate::random::Random;

/// Bit `number` of the value.
fn bit(value: u64, number: u32) -> u64 {
    value >> number & 1
}

/// The value whose bit n is `of(n)`.
fn assembled(width: u32, of: impl Fn(u32) -> u64) -> u64 {
    (0..width).fold(0, |value, number| value | of(number) << number)
}

/// All functions of `T`, whose signed and unsigned counterparts are `S` and `U`.
fn check<T: Scalar, S: Scalar, U: Scalar>() {
    let width = T::SIZE as u32 * 8;
    let code = T::CODE;
    let symbols = [
        mangled("bitfield_insert", &format!("{code}{code}jj")),
        mangled("bitfield_extract_signed", &format!("{code}jj")),
        mangled("bitfield_extract_unsigned", &format!("{code}jj")),
        mangled("bit_reverse", code),
    ];
    let builtins = Builtins::new(&symbols);
    let [insert, signed, unsigned, reverse] = symbols.each_ref().map(|one| builtins.get(one));
    let mut random = Random::new(u64::from(width));
    let mask = u64::MAX >> (64 - width);
    let mut values = vec![0, mask, 1, 1 << (width - 1), mask >> 1];
    values.extend((0..12).map(|_| random.bits() & mask));
    for &base in &values {
        let expected = assembled(width, |n| bit(base, width - 1 - n));
        let result: T = reverse.of1(T::from_bits(base));
        assert_eq!(result, T::from_bits(expected), "bit_reverse({base:#x})");
        for offset in 0..=width {
            for count in 0..=width - offset {
                let call = format!("{base:#x}, {offset}, {count} of {width} bits");
                let field = |n| if n < count { bit(base, offset + n) } else { 0 };
                let result: U = unsigned.of3(T::from_bits(base), offset, count);
                assert_eq!(result, U::from_bits(assembled(width, field)), "{call}");
                let sign = |n: u32| match count {
                    0 => 0,
                    _ => bit(base, offset + n.min(count - 1)),
                };
                let result: S = signed.of3(T::from_bits(base), offset, count);
                assert_eq!(result, S::from_bits(assembled(width, sign)), "{call}");
                let inserted = random.bits() & mask;
                let expected = assembled(width, |n| {
                    if (offset..offset + count).contains(&n) {
                        bit(inserted, n - offset)
                    } else {
                        bit(base, n)
                    }
                });
                let result: T = insert.scalar(
                    &[base, inserted, u64::from(offset), u64::from(count)],
                    &[T::SIZE, T::SIZE, 4, 4],
                );
                assert_eq!(result, T::from_bits(expected), "{inserted:#x} into {call}");
            }
        }
    }
}

#[test]
fn fields_are_inserted_extracted_and_reversed_bit_by_bit() {
    check::<i8, i8, u8>();
    check::<u8, i8, u8>();
    check::<i16, i16, u16>();
    check::<u16, i16, u16>();
    check::<i32, i32, u32>();
    check::<u32, i32, u32>();
    check::<i64, i64, u64>();
    check::<u64, i64, u64>();
}
