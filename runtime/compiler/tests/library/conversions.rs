//! Explicit conversions between all types with all roundings, against exact arithmetic.

use crate::jit::{mangled, Builtin, Builtins};
use crate::random::Random;

/// The number types: name, letter in mangled names, bytes.
const TYPES: [(&str, char, usize); 10] = [
    ("char", 'c', 1),
    ("uchar", 'h', 1),
    ("short", 's', 2),
    ("ushort", 't', 2),
    ("int", 'i', 4),
    ("uint", 'j', 4),
    ("long", 'l', 8),
    ("ulong", 'm', 8),
    ("float", 'f', 4),
    ("double", 'd', 8),
];
const MODES: [&str; 5] = ["", "_rte", "_rtz", "_rtp", "_rtn"];

/// A value of any of the types.
#[derive(Debug, Clone, Copy)]
enum Number {
    Integer(i128),
    Floating(f64),
}

fn read(code: char, bits: u64) -> Number {
    match code {
        'c' => Number::Integer(i128::from(bits as i8)),
        'h' => Number::Integer(i128::from(bits as u8)),
        's' => Number::Integer(i128::from(bits as i16)),
        't' => Number::Integer(i128::from(bits as u16)),
        'i' => Number::Integer(i128::from(bits as i32)),
        'j' => Number::Integer(i128::from(bits as u32)),
        'l' => Number::Integer(i128::from(bits as i64)),
        'm' => Number::Integer(i128::from(bits)),
        'f' => Number::Floating(f64::from(f32::from_bits(bits as u32))),
        _ => Number::Floating(f64::from_bits(bits)),
    }
}

fn range(code: char, bytes: usize) -> (i128, i128) {
    let bits = bytes as u32 * 8;
    if "csil".contains(code) {
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    } else {
        (0, (1 << bits) - 1)
    }
}

/// The default mode is to zero for integers, to nearest for floating point.
fn round(x: f64, mode: &str) -> f64 {
    match mode {
        "_rte" => x.round_ties_even(),
        "_rtp" => x.ceil(),
        "_rtn" => x.floor(),
        _ => x.trunc(),
    }
}

/// Bits of the integer result; `None` where it is not defined.
fn to_integer(value: Number, code: char, bytes: usize, saturate: bool, mode: &str) -> Option<u64> {
    let (lowest, highest) = range(code, bytes);
    let mask = u64::MAX >> (64 - bytes * 8);
    let wide = match value {
        Number::Integer(x) => x,
        Number::Floating(x) if x.is_nan() => return saturate.then_some(0),
        // The cast saturates at 128 bits, far outside every range.
        Number::Floating(x) => round(x, mode) as i128,
    };
    let outside = wide < lowest || wide > highest;
    if saturate {
        return Some(wide.clamp(lowest, highest) as u64 & mask);
    }
    match value {
        Number::Floating(_) if outside => None,
        _ => Some(wide as u64 & mask),
    }
}

/// The value rounded to so many binary digits, exactly, for integers.
fn round_integer(x: i128, digits: u32, mode: &str) -> f64 {
    let magnitude = x.unsigned_abs();
    let length = 128 - magnitude.leading_zeros();
    if length <= digits {
        return x as f64;
    }
    let shift = length - digits;
    let (kept, rest) = (magnitude >> shift, magnitude & ((1 << shift) - 1));
    let half = 1u128 << (shift - 1);
    let away = match mode {
        "_rtz" => false,
        "_rtp" => rest != 0 && x > 0,
        "_rtn" => rest != 0 && x < 0,
        _ => rest > half || (rest == half && kept & 1 == 1),
    };
    let result = ((kept + u128::from(away)) << shift) as f64;
    if x < 0 {
        -result
    } else {
        result
    }
}

fn to_float(value: Number, mode: &str) -> f32 {
    let x = match value {
        Number::Integer(x) => return round_integer(x, 24, mode) as f32,
        Number::Floating(x) => x,
    };
    let nearest = x as f32;
    let back = f64::from(nearest);
    match mode {
        "_rtp" if back < x => nearest.next_up(),
        "_rtn" if back > x => nearest.next_down(),
        "_rtz" if back.abs() > x.abs() && x > 0.0 => nearest.next_down(),
        "_rtz" if back.abs() > x.abs() => nearest.next_up(),
        _ => nearest,
    }
}

/// Whether these result bits are right.
fn right(value: Number, to: (&str, char, usize), saturate: bool, mode: &str, bits: u64) -> bool {
    match to.1 {
        'f' => {
            let expected = to_float(value, mode);
            let got = f32::from_bits(bits as u32);
            got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan())
        }
        'd' => {
            let expected = match value {
                Number::Integer(x) => round_integer(x, 53, mode),
                Number::Floating(x) => x,
            };
            let got = f64::from_bits(bits);
            got == expected || (got.is_nan() && expected.is_nan())
        }
        code => {
            to_integer(value, code, to.2, saturate, mode).is_none_or(|expected| expected == bits)
        }
    }
}

/// Bit patterns of the source type: everything small, every power of two and its neighbours,
/// halves, and random ones.
fn sources(code: char, bytes: usize) -> Vec<u64> {
    let mut random = Random::new(bytes as u64);
    let mut sources: Vec<u64> = (0..300).map(|_| random.number(code)).collect();
    for exponent in 0..64u32 {
        for offset in [-2i128, -1, 0, 1, 2] {
            for sign in [1, -1] {
                let integer = ((1i128 << exponent) + offset) * sign;
                let halves = [-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75];
                match code {
                    'f' => {
                        sources.extend(halves.map(|h| u64::from((integer as f32 + h).to_bits())))
                    }
                    'd' => {
                        sources.extend(halves.map(|h| (integer as f64 + f64::from(h)).to_bits()))
                    }
                    _ => sources.push(integer as u64),
                }
            }
        }
    }
    match code {
        'f' => sources.extend([0, 1, 0x8000_0000, 0x7fc0_0000, 0x7f80_0000, 0xff80_0000]),
        'd' => {
            let ends = [
                0.0,
                -0.0,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::MAX,
                -f64::MAX,
            ];
            sources.extend(ends.map(f64::to_bits));
            for near in [
                1e-45,
                1.4e-46,
                1.1754943508222875e-38,
                3.4028234663852886e38,
                3.4028235677973366e38,
            ] {
                sources.extend([near, -near].map(f64::to_bits));
            }
            sources.extend((0..300).map(|_| (random.bits() as i32 as f64 * 1e-9).to_bits()));
        }
        _ => {}
    }
    if bytes < 8 {
        for bits in &mut sources {
            *bits &= (1 << (bytes * 8)) - 1;
        }
    }
    sources
}

fn convert(function: &Builtin, bits: u64, from: usize, to: usize) -> u64 {
    let mut result = [0; 8];
    function.call(&mut [&mut bits.to_le_bytes()[..from]], &mut result[..to]);
    u64::from_le_bytes(result)
}

fn check(to: (&str, char, usize)) {
    let mut cases = Vec::new();
    for from in TYPES {
        for saturate in ["", "_sat"] {
            if "fd".contains(to.1) && !saturate.is_empty() {
                continue;
            }
            for mode in MODES {
                let symbol = mangled(
                    &format!("convert_{}{saturate}{mode}", to.0),
                    &from.1.to_string(),
                );
                cases.push((symbol, from, saturate == "_sat", mode));
            }
        }
    }
    let builtins = Builtins::new(cases.iter().map(|case| &case.0));
    for (symbol, from, saturate, mode) in &cases {
        let function = builtins.get(symbol);
        for bits in sources(from.1, from.2) {
            let result = convert(function, bits, from.2, to.2);
            let value = read(from.1, bits);
            assert!(
                right(value, to, *saturate, mode, result),
                "{symbol}({value:?}) = {:?}",
                read(to.1, result)
            );
        }
    }
}

#[test]
fn conversions_to_small_integers() {
    TYPES[..4].iter().for_each(|to| check(*to));
}

#[test]
fn conversions_to_large_integers() {
    TYPES[4..8].iter().for_each(|to| check(*to));
}

#[test]
fn conversions_to_floating_point() {
    TYPES[8..].iter().for_each(|to| check(*to));
}

#[test]
fn vectors_are_converted_by_component() {
    let mut cases = Vec::new();
    for to in TYPES {
        let suffix = if "fd".contains(to.1) {
            "_rtp"
        } else {
            "_sat_rte"
        };
        for from in TYPES {
            for width in [2, 3, 4, 8, 16] {
                // Wide ones differ in nothing but the number of components.
                if width == 16 && from.1 != 'd' {
                    continue;
                }
                let name = format!("convert_{}{width}{suffix}", to.0);
                cases.push((
                    mangled(&name, &format!("Dv{width}_{}", from.1)),
                    to,
                    from,
                    width,
                ));
            }
        }
    }
    let builtins = Builtins::new(cases.iter().map(|case| &case.0));
    for (symbol, to, from, width) in cases {
        let mode = if "fd".contains(to.1) { "_rtp" } else { "_rte" };
        for chunk in sources(from.1, from.2).chunks_exact(width).step_by(9) {
            let mut argument = Vec::new();
            for bits in chunk {
                argument.extend_from_slice(&bits.to_le_bytes()[..from.2]);
            }
            let mut result = vec![0; width * to.2];
            builtins
                .get(&symbol)
                .call(&mut [&mut argument], &mut result);
            for (lane, bits) in chunk.iter().enumerate() {
                let mut bytes = [0; 8];
                bytes[..to.2].copy_from_slice(&result[lane * to.2..][..to.2]);
                let value = read(from.1, *bits);
                assert!(
                    right(value, to, true, mode, u64::from_le_bytes(bytes)),
                    "{symbol} lane {lane} of {value:?}: {bytes:x?}"
                );
            }
        }
    }
}
