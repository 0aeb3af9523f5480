//! `cl_khr_integer_dot_product` against sums in 64 bits.

use crate::jit::{mangled, Builtin, Builtins};
use crate::random::Random;

/// A byte as a component of that signedness.
fn component(byte: u8, signed: bool) -> i64 {
    if signed {
        i64::from(byte.cast_signed())
    } else {
        i64::from(byte)
    }
}

fn sum(x: u32, y: u32, [x_signed, y_signed]: [bool; 2]) -> i64 {
    let pairs = x.to_le_bytes().into_iter().zip(y.to_le_bytes());
    pairs
        .map(|(x, y)| component(x, x_signed) * component(y, y_signed))
        .sum()
}

/// A result or accumulator of 32 bits, as signed as the sum.
fn number(bits: u32, signed: bool) -> i64 {
    if signed {
        i64::from(bits.cast_signed())
    } else {
        i64::from(bits)
    }
}

/// Calls with arguments of 32 bits, vectors of bytes or numbers.
fn called(function: &Builtin, arguments: &[u32], signed: bool) -> i64 {
    let mut bytes: Vec<[u8; 4]> = arguments.iter().map(|bits| bits.to_le_bytes()).collect();
    let mut slices: Vec<&mut [u8]> = bytes.iter_mut().map(|bytes| &mut bytes[..]).collect();
    let mut result = [0; 4];
    function.call(&mut slices, &mut result);
    number(u32::from_le_bytes(result), signed)
}

/// Words of extreme and of random bytes.
fn words(random: &mut Random) -> Vec<u32> {
    let mut words = vec![
        0,
        u32::MAX,
        0x8080_8080,
        0x7f7f_7f7f,
        0x0102_0304,
        0x80ff_7f01,
    ];
    words.extend((0..60).map(|_| random.bits() as u32));
    words
}

#[test]
fn products_of_bytes_are_summed_and_saturate_into_the_accumulator() {
    for (signs, types) in [
        ("uu_uint", "Dv4_hS_"),
        ("ss_int", "Dv4_cS_"),
        ("us_int", "Dv4_hDv4_c"),
        ("su_int", "Dv4_cDv4_h"),
    ] {
        let signed = signs != "uu_uint";
        let components = [signs.starts_with('s'), signs[1..].starts_with('s')];
        let result = if signed { "i" } else { "j" };
        let symbols = [
            mangled("dot", types),
            mangled(&format!("dot_4x8packed_{signs}"), "jj"),
            mangled("dot_acc_sat", &format!("{types}{result}")),
            mangled(
                &format!("dot_acc_sat_4x8packed_{signs}"),
                &format!("jj{result}"),
            ),
        ];
        let builtins = Builtins::new(&symbols);
        let [dot, packed, accumulating, accumulating_packed] =
            symbols.each_ref().map(|one| builtins.get(one));
        let mut random = Random::new(9);
        let words = words(&mut random);
        let (lowest, highest) = match signed {
            true => (i64::from(i32::MIN), i64::from(i32::MAX)),
            false => (0, i64::from(u32::MAX)),
        };
        let mut saturated = 0;
        for &x in &words {
            for &y in &words {
                let expected = sum(x, y, components);
                let what = format!("{signs} of {x:#x} and {y:#x}");
                assert_eq!(called(dot, &[x, y], signed), expected, "{what}");
                assert_eq!(called(packed, &[x, y], signed), expected, "{what}");
                let edges = [lowest, lowest + 1000, highest - 1000, highest, 0];
                for accumulator in edges
                    .map(|edge| edge as u32)
                    .into_iter()
                    .chain([random.bits() as u32])
                {
                    let exact = expected + number(accumulator, signed);
                    let expected = exact.clamp(lowest, highest);
                    saturated += usize::from(expected != exact);
                    let arguments = [x, y, accumulator];
                    let what = format!("{what} added to {accumulator:#x}");
                    assert_eq!(called(accumulating, &arguments, signed), expected, "{what}");
                    let result = called(accumulating_packed, &arguments, signed);
                    assert_eq!(result, expected, "{what}");
                }
            }
        }
        assert!(saturated > 1000, "{signs}: {saturated}");
    }
}
