//! Conversions from and to half precision in every rounding mode, against a table of all halves.

use crate::jit::{builtin, Half, Scalar};
use crate::math_half::value;

const MODES: [&str; 5] = ["", "_rte", "_rtz", "_rtp", "_rtn"];

/// The half for a number that is no NaN, in a rounding mode.
fn rounded(x: f64, mode: &str) -> u16 {
    let magnitude = x.abs();
    let sign = if x.is_sign_negative() { 0x8000 } else { 0 };
    if magnitude.is_infinite() {
        return sign | 0x7c00;
    }
    // The largest half that is not larger, found among all: their order is that of their bits.
    let (mut low, mut high) = (0, 0x7c00);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if value(middle) <= magnitude {
            low = middle;
        } else {
            high = middle;
        }
    }
    let above = if high == 0x7c00 { 65536.0 } else { value(high) };
    let exact = value(low) == magnitude;
    // Differences of neighbours in a table of halves are exact in double here.
    let nearest = match (magnitude - value(low)).partial_cmp(&(above - magnitude)) {
        Some(std::cmp::Ordering::Less) => low,
        Some(std::cmp::Ordering::Equal) => low + (low & 1),
        _ => high,
    };
    let up = match mode {
        "_rtz" => false,
        "_rtp" => sign == 0,
        "_rtn" => sign != 0,
        _ => return sign | nearest,
    };
    sign | if up && !exact { high } else { low }
}

fn check<S: Scalar>(values: &[S], number: impl Fn(S) -> f64) {
    for mode in MODES {
        let convert = builtin(&format!("convert_half{mode}"), S::CODE);
        for x in values {
            let result: Half = convert.of1(*x);
            let exact = number(*x);
            if exact.is_nan() {
                assert!(value(result.0).is_nan(), "{x:?}");
            } else {
                let expected = rounded(exact, mode);
                assert_eq!(result.0, expected, "convert_half{mode}({x:?})");
            }
        }
    }
}

/// Every half that is no NaN, the middle to the next one, and the doubles around both.
fn around_halves() -> Vec<f64> {
    let mut all = vec![
        f64::NAN,
        f64::INFINITY,
        1e300,
        1e-300,
        65520.0,
        65535.0,
        1e5,
    ];
    for half in 0..0x7c00_u16 {
        let x = value(half);
        let next = if half == 0x7bff {
            65536.0
        } else {
            value(half + 1)
        };
        for y in [x, (x + next) / 2.0] {
            all.extend([y.next_down(), y, y.next_up()]);
        }
    }
    let negative: Vec<f64> = all.iter().map(|x| -x).collect();
    all.extend(negative);
    all
}

#[test]
fn floating_point_numbers_round_once_to_half() {
    let doubles = around_halves();
    check(&doubles, |x| x);
    let floats: Vec<f32> = doubles
        .iter()
        .map(|x| *x as f32)
        .flat_map(|x| [x.next_down(), x, x.next_up()])
        .collect();
    check(&floats, f64::from);
}

#[test]
fn integers_round_to_half() {
    let shorts: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    check(&shorts, f64::from);
    let shorts: Vec<u16> = (0..=u16::MAX).collect();
    check(&shorts, f64::from);
    let small: Vec<i8> = (i8::MIN..=i8::MAX).collect();
    check(&small, f64::from);
    let small: Vec<u8> = (0..=u8::MAX).collect();
    check(&small, f64::from);
    let mut wide = vec![i64::MIN, i64::MAX, -65536, 1 << 40, (1 << 53) + 1];
    wide.extend((65400..65600).chain(-65600..-65400).chain(-3000..3000));
    check(&wide, |x| x as f64);
    let unsigned: Vec<u64> = wide.iter().map(|x| *x as u64).collect();
    check(&unsigned, |x| x as f64);
    let ints: Vec<i32> = wide.iter().map(|x| *x as i32).collect();
    check(&ints, f64::from);
    let unsigned: Vec<u32> = wide.iter().map(|x| *x as u32).collect();
    check(&unsigned, f64::from);
}

/// `convert_T` for one integer type, from every half.
fn check_integers<R: Scalar>(name: &str, lowest: f64, highest: f64, number: impl Fn(f64) -> R) {
    for mode in MODES {
        for saturating in ["", "_sat"] {
            let convert = builtin(&format!("convert_{name}{saturating}{mode}"), "Dh");
            for half in 0..=u16::MAX {
                let x = value(half);
                let whole = match mode {
                    "_rte" => x.round_ties_even(),
                    "_rtp" => x.ceil(),
                    "_rtn" => x.floor(),
                    _ => x.trunc(),
                };
                let inside = whole >= lowest && whole <= highest;
                // Without saturation other values have no specified result.
                if inside || saturating == "_sat" {
                    let result: R = convert.of1(Half(half));
                    let expected = number(if whole.is_nan() { 0.0 } else { whole });
                    assert_eq!(result, expected, "{name}{saturating}{mode} of {x:e}");
                }
            }
        }
    }
}

#[test]
fn halves_convert_to_integers() {
    check_integers("char", -128.0, 127.0, |x| x as i8);
    check_integers("uchar", 0.0, 255.0, |x| x as u8);
    check_integers("short", -32768.0, 32767.0, |x| x as i16);
    check_integers("ushort", 0.0, 65535.0, |x| x as u16);
    check_integers("int", -1e6, 1e6, |x| x as i32);
    check_integers("uint", 0.0, 1e6, |x| x as u32);
    check_integers("long", -1e6, 1e6, |x| x as i64);
    check_integers("ulong", 0.0, 1e6, |x| x as u64);
}

#[test]
fn halves_are_exact_in_float_and_double() {
    for mode in MODES {
        let float = builtin(&format!("convert_float{mode}"), "Dh");
        let double = builtin(&format!("convert_double{mode}"), "Dh");
        let half = builtin(&format!("convert_half{mode}"), "Dh");
        for bits in 0..=u16::MAX {
            let x = value(bits);
            let (f, d, h): (f32, f64, Half) = (
                float.of1(Half(bits)),
                double.of1(Half(bits)),
                half.of1(Half(bits)),
            );
            if x.is_nan() {
                assert!(f.is_nan() && d.is_nan() && value(h.0).is_nan());
            } else {
                assert_eq!((f64::from(f), d, h.0), (x, x, bits));
            }
        }
    }
}
