//! Accuracy of the half-precision functions in units in the last place: functions of one argument
//! for every half there is. The bounds are those of OpenCL C, section 7.4, for half precision.

use std::f64::consts::PI;

use crate::c_library;
use crate::jit::{builtin, mangled, Builtins, Half};
use crate::random::Random;

/// The value of a half, by the definition of the format.
pub fn value(half: u16) -> f64 {
    let sign = if half >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f64::from(half & 0x3ff);
    sign * match i32::from(half >> 10 & 0x1f) {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

/// Error of a result in ulp of the exact value; infinity stands for the first value too large.
fn error_in_ulp(result: u16, exact: f64) -> f64 {
    let result = value(result);
    if exact.is_nan() || result.is_nan() {
        return if exact.is_nan() == result.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    // From 65520 on infinity is the nearest number.
    let overflows = result.is_infinite() && exact.abs() >= 65520.0;
    if result == exact || overflows && (result > 0.0) == (exact > 0.0) {
        return 0.0;
    }
    if exact.is_infinite() {
        return f64::INFINITY;
    }
    let result = if result.is_infinite() {
        65536f64.copysign(result)
    } else {
        result
    };
    let exact = exact.clamp(-131_072.0, 131_072.0);
    let exponent = ((exact.to_bits() >> 52 & 0x7ff) as i32 - 1023).clamp(-14, 15);
    (result - exact).abs() / 2f64.powi(exponent - 10)
}

/// sin(pi x) and cos(pi x): the turns are taken off exactly.
fn sinpi(x: f64) -> f64 {
    let rest = x - 2.0 * (x / 2.0).round();
    if rest.fract() == 0.0 {
        0.0f64.copysign(x)
    } else {
        (rest * PI).sin()
    }
}
fn cospi(x: f64) -> f64 {
    sinpi((x % 2.0) + 0.5)
}
fn tanpi(x: f64) -> f64 {
    let pole = (x % 1.0).abs() == 0.5;
    if pole {
        let turn = (x.abs() % 2.0 - 0.5) * 2.0;
        return f64::INFINITY.copysign(if turn == 0.0 { x } else { -x });
    }
    sinpi(x) / cospi(x)
}

type Function = fn(f64) -> f64;

const UNARY: &[(&str, f64, Function)] = &[
    ("acos", 2.0, f64::acos),
    ("acosh", 2.0, c_library::acosh),
    ("acospi", 2.0, |x| x.acos() / PI),
    ("asin", 2.0, f64::asin),
    ("asinh", 2.0, c_library::asinh),
    ("asinpi", 2.0, |x| x.asin() / PI),
    ("atan", 2.0, f64::atan),
    ("atanh", 2.0, c_library::atanh),
    ("atanpi", 2.0, |x| x.atan() / PI),
    ("cbrt", 2.0, f64::cbrt),
    ("ceil", 0.0, f64::ceil),
    ("cos", 2.0, f64::cos),
    ("cosh", 2.0, f64::cosh),
    ("cospi", 2.0, cospi),
    ("degrees", 2.0, f64::to_degrees),
    ("erf", 4.0, c_library::erf),
    ("erfc", 4.0, c_library::erfc),
    ("exp", 2.0, f64::exp),
    ("exp10", 2.0, |x| 10f64.powf(x)),
    ("exp2", 2.0, f64::exp2),
    ("expm1", 2.0, f64::exp_m1),
    ("fabs", 0.0, f64::abs),
    ("floor", 0.0, f64::floor),
    ("length", 0.0, f64::abs),
    ("log", 2.0, f64::ln),
    ("log10", 2.0, f64::log10),
    ("log1p", 2.0, f64::ln_1p),
    ("log2", 2.0, f64::log2),
    ("logb", 0.0, logb),
    ("radians", 2.0, f64::to_radians),
    ("rint", 0.0, f64::round_ties_even),
    ("round", 0.0, f64::round),
    ("rsqrt", 1.0, |x| 1.0 / x.sqrt()),
    ("sin", 2.0, f64::sin),
    ("sinh", 2.0, f64::sinh),
    ("sinpi", 2.0, sinpi),
    ("sqrt", 0.5, f64::sqrt),
    ("tan", 2.0, f64::tan),
    ("tanh", 2.0, f64::tanh),
    ("tanpi", 2.0, tanpi),
    ("tgamma", 4.0, c_library::tgamma),
    ("trunc", 0.0, f64::trunc),
];

fn logb(x: f64) -> f64 {
    match x.abs() {
        0.0 => f64::NEG_INFINITY,
        a if a.is_finite() => f64::from((a.to_bits() >> 52) as i32 - 1023),
        a => a,
    }
}

#[test]
fn functions_of_one_argument_are_within_their_bounds_for_every_half() {
    let mut wrong = Vec::new();
    for (name, bound, exact) in UNARY {
        let function = builtin(name, "Dh");
        let error = |half: u16| {
            let result: Half = function.of1(Half(half));
            let error = error_in_ulp(result.0, exact(value(half)));
            (error, half, result.0)
        };
        let worst = (0..=u16::MAX).map(error).max_by(|a, b| a.0.total_cmp(&b.0));
        let (error, half, result) = worst.unwrap();
        if error > *bound {
            let (x, y) = (value(half), value(result));
            wrong.push(format!(
                "{name}({x:e}) = {y:e}, not {:e}: {error}",
                exact(x)
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Pairs of halves: random ones, and small steps around each other.
fn pairs(count: usize) -> impl Iterator<Item = (u16, u16)> {
    let mut random = Random::new(7);
    (0..count).map(move |number| {
        let bits = random.number('l');
        let (x, y) = (bits as u16, (bits >> 16) as u16);
        match number % 4 {
            0 => (x, x.wrapping_add(y % 5)),
            1 => (x & 0xbfff, y & 0xbfff),
            _ => (x, y),
        }
    })
}

#[test]
fn functions_of_two_arguments_are_within_their_bounds() {
    type Binary = fn(f64, f64) -> f64;
    let functions: &[(&str, f64, Binary)] = &[
        ("atan2", 2.0, f64::atan2),
        ("atan2pi", 2.0, |y, x| y.atan2(x) / PI),
        ("dot", 0.5, |x, y| x * y),
        ("fdim", 0.5, |x, y| if x <= y { 0.0 } else { x - y }),
        ("fmax", 0.0, f64::max),
        ("fmin", 0.0, f64::min),
        ("fmod", 0.0, |x, y| x % y),
        ("hypot", 2.0, f64::hypot),
        ("pow", 4.0, f64::powf),
        ("remainder", 0.0, c_library::remainder),
    ];
    let mut wrong = Vec::new();
    for (name, bound, exact) in functions {
        let function = builtin(name, "DhDh");
        for (x, y) in pairs(100_000) {
            let result: Half = function.of2(Half(x), Half(y));
            let (a, b) = (value(x), value(y));
            let error = error_in_ulp(result.0, exact(a, b));
            if error > *bound {
                let r = value(result.0);
                wrong.push(format!("{name}({a:e}, {b:e}) = {r:e}: {error}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A finite half in units of 2^-24.
fn fixed(half: u16) -> i128 {
    (value(half) * 2f64.powi(24)) as i128
}

/// The half nearest to a number in units of 2^-48, ties to the even one.
fn nearest(exact: i128) -> u16 {
    let magnitude = exact.unsigned_abs();
    // The value of a half grows with its bits, up to where infinity begins at 2^16.
    let units = |half: u16| {
        if half == 0x7c00 {
            1 << 64
        } else {
            fixed(half) << 24
        }
    };
    let (mut low, mut high) = (0, 0x7c00);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if units(middle).unsigned_abs() <= magnitude {
            low = middle;
        } else {
            high = middle;
        }
    }
    let (below, above) = (units(low).unsigned_abs(), units(high).unsigned_abs());
    let half = match (magnitude - below.min(magnitude)).cmp(&above.saturating_sub(magnitude)) {
        std::cmp::Ordering::Less => low,
        std::cmp::Ordering::Equal => low + (low & 1),
        std::cmp::Ordering::Greater => high,
    };
    half | u16::from(exact < 0) << 15
}

#[test]
fn fma_rounds_once() {
    let fma = builtin("fma", "DhDhDh");
    let mut random = Random::new(3);
    let finite = |half: u16| half & 0x7c00 != 0x7c00;
    // Halfway between two halves but for a last bit far below: rounding twice shows.
    let special = [
        (0x3c01, 0x3c01, 0x8001),
        (0x7801, 0x4000, 0x0001),
        (0x3e00, 0x0001, 0x7bff),
        (0x5802, 0x3801, 0x8001),
        (0x6400, 0x3801, 0x0001),
        (0x6c01, 0x3801, 0x8001),
    ];
    let mut checked = 0;
    let random = (0..400_000).map(|number| {
        let bits = random.number('l');
        let (x, y, z) = (bits as u16, (bits >> 16) as u16, (bits >> 32) as u16);
        // Tiny addends beside products of any size.
        (x, y, if number % 2 == 0 { z & 0x83ff } else { z })
    });
    for (x, y, z) in special.into_iter().chain(random) {
        let result: Half = fma.of3(Half(x), Half(y), Half(z));
        if finite(x) && finite(y) && finite(z) {
            let exact = fixed(x) * fixed(y) + (fixed(z) << 24);
            let expected = nearest(exact);
            let same = result.0 == expected || exact == 0 && result.0 & 0x7fff == 0;
            assert!(
                same,
                "fma({x:#x}, {y:#x}, {z:#x}) = {:#x}, not {expected:#x}",
                result.0
            );
            checked += 1;
        } else {
            let exact = value(x).mul_add(value(y), value(z));
            assert_eq!(error_in_ulp(result.0, exact), 0.0, "{x:#x} {y:#x} {z:#x}");
        }
    }
    assert!(checked > 100_000, "{checked}");
}

#[test]
fn integers_go_with_halves_in_powers_and_exponents() {
    let (ldexp, pown, rootn) = (
        builtin("ldexp", "Dhi"),
        builtin("pown", "Dhi"),
        builtin("rootn", "Dhi"),
    );
    let (ilogb, nan) = (builtin("ilogb", "Dh"), builtin("nan", "t"));
    for half in (0..=u16::MAX).step_by(7) {
        let x = value(half);
        for n in [-40, -24, -3, -1, 0, 1, 2, 3, 5, 30, 40] {
            let result: Half = ldexp.of2(Half(half), n);
            assert!(error_in_ulp(result.0, x * 2f64.powi(n)) <= 0.5, "{x:e} {n}");
            let result: Half = pown.of2(Half(half), n);
            assert!(error_in_ulp(result.0, x.powi(n)) <= 4.0, "{x:e} {n}");
            if n != 0 && x > 0.0 {
                let result: Half = rootn.of2(Half(half), n);
                let exact = x.powf(1.0 / f64::from(n));
                assert!(error_in_ulp(result.0, exact) <= 4.0, "{x:e} {n}");
            }
        }
        if x.is_finite() && x != 0.0 {
            let exponent: i32 = ilogb.of1(Half(half));
            assert_eq!(f64::from(exponent), logb(x), "{x:e}");
        }
        let result: Half = nan.of1(half);
        assert!(value(result.0).is_nan());
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn processors_without_half_precision_compute_the_same() {
    let names = [
        "sqrt",
        "exp",
        "floor",
        "isnormal",
        "convert_half",
        "convert_float",
    ];
    let unary = names.map(|name| mangled(name, "Dh"));
    let (double, fma) = (mangled("convert_half_rte", "d"), mangled("fma", "DhDhDh"));
    let all = || unary.iter().chain([&double, &fma]);
    let here = Builtins::new(all());
    // The first has no instructions for halves, the second only conversions from and to float.
    for processor in [c"x86-64", c"x86-64-v3"] {
        let there = Builtins::for_processor(Some(processor), all());
        for symbol in &unary {
            let bytes = here.get(symbol).result_size();
            for half in 0..=u16::MAX {
                let results = [&here, &there].map(|builtins| {
                    let mut result = [0; 4];
                    let argument = &mut half.to_le_bytes();
                    builtins
                        .get(symbol)
                        .call(&mut [argument], &mut result[..bytes]);
                    result
                });
                let nan = value(half).is_nan() || symbol.contains("sqrt") && value(half) < 0.0;
                assert!(results[0] == results[1] || nan, "{symbol} of {half:#x}");
            }
        }
        for (x, y) in pairs(100_000) {
            let near = value(x).midpoint(value(y));
            let results = [&here, &there].map(|builtins| {
                let result: Half = builtins.get(&double).of1(near);
                let sum: Half = builtins.get(&fma).of3(Half(x), Half(y), Half(y));
                [result.0, sum.0].map(|half| if value(half).is_nan() { 0x7e00 } else { half })
            });
            assert_eq!(results[0], results[1], "{x:#x} {y:#x}");
        }
    }
}

#[test]
fn neighbours_follow_each_other() {
    let nextafter = builtin("nextafter", "DhDh");
    for half in 0..0x7c00_u16 {
        let next = |half: u16, to: u16| nextafter.of2::<Half, Half, Half>(Half(half), Half(to)).0;
        assert_eq!(next(half, 0x7c00), half + 1);
        assert_eq!(next(half + 1, 0), half);
        if half != 0 {
            assert_eq!(next(half | 0x8000, 0xfc00), (half + 1) | 0x8000);
        }
    }
}

#[test]
fn parts_of_halves_are_exact() {
    let outs: Vec<_> = ["fract", "modf", "sincos"]
        .map(|name| builtin(name, "DhPDh"))
        .into();
    let frexp = builtin("frexp", "DhPi");
    let call = |function: &crate::jit::Builtin, half: u16| {
        let mut room = [0; crate::jit::POINTER_ROOM];
        let mut result = [0; 2];
        function.call(&mut [&mut half.to_le_bytes(), &mut room], &mut result);
        (u16::from_le_bytes(result), room)
    };
    for half in 0..=u16::MAX {
        let x = value(half);
        let both = |index: usize| {
            let (result, room) = call(&outs[index], half);
            (result, u16::from_le_bytes([room[0], room[1]]))
        };
        let (fraction, whole) = both(0);
        if x.is_finite() {
            // The largest half below one stands for what would round to one.
            let exact = (x - x.floor()).min(value(0x3bff));
            assert!(error_in_ulp(fraction, exact) <= 0.5, "fract({x:e})");
            assert!(value(fraction) < 1.0);
        }
        assert_eq!(error_in_ulp(whole, x.floor()), 0.0, "fract({x:e})");
        let (fraction, whole) = both(1);
        assert_eq!(error_in_ulp(whole, x.trunc()), 0.0, "modf({x:e})");
        if x.is_finite() {
            assert_eq!(value(fraction), x.fract(), "modf({x:e})");
        }
        let (sine, cosine) = both(2);
        assert!(error_in_ulp(sine, x.sin()) <= 2.0, "sincos({x:e})");
        assert!(error_in_ulp(cosine, x.cos()) <= 2.0, "sincos({x:e})");
        let (mantissa, room) = call(&frexp, half);
        let exponent = i32::from_le_bytes([room[0], room[1], room[2], room[3]]);
        if x.is_finite() && x != 0.0 {
            let m = value(mantissa);
            assert!((0.5..1.0).contains(&m.abs()), "frexp({x:e})");
            assert_eq!(m * 2f64.powi(exponent), x, "frexp({x:e})");
        } else {
            assert_eq!(error_in_ulp(mantissa, x), 0.0, "frexp({x:e})");
        }
    }
}

#[test]
fn relations_of_halves_are_those_of_their_values() {
    type Relation = fn(f64, f64) -> bool;
    let relations: &[(&str, Relation)] = &[
        ("isequal", |x, y| x == y),
        ("isnotequal", |x, y| x != y),
        ("isgreater", |x, y| x > y),
        ("isgreaterequal", |x, y| x >= y),
        ("isless", |x, y| x < y),
        ("islessequal", |x, y| x <= y),
        ("islessgreater", |x, y| {
            x.partial_cmp(&y).is_some_and(|order| order.is_ne())
        }),
        ("isordered", |x, y| !x.is_nan() && !y.is_nan()),
        ("isunordered", |x, y| x.is_nan() || y.is_nan()),
    ];
    for (name, truth) in relations {
        let function = builtin(name, "DhDh");
        for (x, y) in pairs(20_000) {
            let result: i32 = function.of2(Half(x), Half(y));
            let expected = i32::from(truth(value(x), value(y)));
            assert_eq!(result, expected, "{name} {x:#x} {y:#x}");
        }
    }
    type Test = fn(f64) -> bool;
    let tests: &[(&str, Test)] = &[
        ("isnan", f64::is_nan),
        ("isinf", f64::is_infinite),
        ("isfinite", f64::is_finite),
        ("isnormal", |x| x.is_finite() && x.abs() >= 2f64.powi(-14)),
    ];
    for (name, truth) in tests {
        let function = builtin(name, "Dh");
        for half in 0..=u16::MAX {
            let x = value(half);
            let result: i32 = function.of1(Half(half));
            assert_eq!(result, i32::from(truth(x)), "{name} {half:#x}");
        }
    }
    let signbit = builtin("signbit", "Dh");
    for half in 0..=u16::MAX {
        let result: i32 = signbit.of1(Half(half));
        assert_eq!(result, i32::from(half >> 15), "signbit {half:#x}");
    }
}
