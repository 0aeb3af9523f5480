//! Double functions: most are the C library's, so this checks that each name reaches the right
//! one; the own ones are checked for accuracy.

use crate::c_library;
use crate::jit::builtin;
use crate::math_float::{Binary, Unary};
use crate::random::Random;

fn arguments() -> Vec<f64> {
    let mut random = Random::new(6);
    let mut arguments: Vec<f64> = (0..2000)
        .map(|_| f64::from_bits(random.number('d')))
        .collect();
    arguments.extend((0..2000).map(|n| (f64::from(n) - 1000.0) * 0.0123));
    arguments.extend([
        0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        5e-324,
    ]);
    arguments
}

/// Distance in ulp, as far as doubles can tell.
fn distance(result: f64, expected: f64) -> f64 {
    if result == expected || (result.is_nan() && expected.is_nan()) {
        return 0.0;
    }
    let ulp = expected.abs().next_up() - expected.abs();
    (result - expected).abs() / ulp
}

/// sin(pi x) for x in [-1/2, 1/2] after exact reduction.
fn sinpi(x: f64) -> f64 {
    let rest = x % 2.0;
    let rest = if rest > 1.0 {
        rest - 2.0
    } else if rest < -1.0 {
        rest + 2.0
    } else {
        rest
    };
    let folded = if rest.abs() > 0.5 {
        (1.0 - rest.abs()).copysign(rest)
    } else {
        rest
    };
    if folded.abs() <= 0.25 {
        (folded * std::f64::consts::PI).sin()
    } else {
        ((0.5 - folded.abs()) * std::f64::consts::PI)
            .cos()
            .copysign(folded)
    }
}

fn cospi(x: f64) -> f64 {
    let rest = (x % 2.0).abs();
    let rest = if rest > 1.0 { 2.0 - rest } else { rest };
    if rest == 0.5 {
        0.0
    } else {
        sinpi(0.5 - rest)
    }
}

/// The host's is off by more than 2 ulp.
fn cube_root(x: f64) -> f64 {
    let root = x.cbrt();
    if !x.is_normal() {
        return root;
    }
    let square = root * root;
    let cube = square * root;
    let rest = root.mul_add(root, -square) * root + square.mul_add(root, -cube);
    root - ((cube - x) + rest) / (3.0 * square)
}

#[test]
fn unary_functions_reach_their_implementation() {
    use std::f64::consts::PI;
    let functions: &[(&str, f64, Unary)] = &[
        ("acos", 2.0, f64::acos),
        ("acosh", 2.0, c_library::acosh),
        ("acospi", 3.0, |x| x.acos() / PI),
        ("asin", 2.0, f64::asin),
        ("asinh", 2.0, c_library::asinh),
        ("asinpi", 4.0, |x| x.asin() / PI),
        ("atan", 1.0, f64::atan),
        ("atanh", 2.0, c_library::atanh),
        ("atanpi", 2.0, |x| x.atan() / PI),
        ("cbrt", 1.0, cube_root),
        ("ceil", 0.0, f64::ceil),
        ("cos", 1.0, f64::cos),
        ("cosh", 2.0, f64::cosh),
        ("cospi", 3.0, cospi),
        ("erf", 3.0, c_library::erf),
        ("erfc", 6.0, c_library::erfc),
        ("exp", 1.0, f64::exp),
        ("exp2", 1.0, f64::exp2),
        ("exp10", 2.0, c_library::exp10),
        ("expm1", 2.0, f64::exp_m1),
        ("fabs", 0.0, f64::abs),
        ("floor", 0.0, f64::floor),
        ("lgamma", 0.0, c_library::lgamma),
        ("log", 1.0, f64::ln),
        ("log2", 1.0, f64::log2),
        ("log10", 1.0, f64::log10),
        ("log1p", 1.0, f64::ln_1p),
        ("rint", 0.0, f64::round_ties_even),
        ("round", 0.0, f64::round),
        ("rsqrt", 2.0, |x| 1.0 / x.sqrt()),
        ("sin", 1.0, f64::sin),
        ("sinh", 3.0, f64::sinh),
        ("sinpi", 3.0, sinpi),
        ("sqrt", 0.0, f64::sqrt),
        ("tan", 2.0, f64::tan),
        ("tanh", 3.0, f64::tanh),
        ("tgamma", 0.0, c_library::tgamma),
        ("trunc", 0.0, f64::trunc),
    ];
    for (name, limit, reference) in functions {
        let function = builtin(name, "d");
        for x in arguments() {
            let result: f64 = function.of1(x);
            let expected = reference(x);
            assert!(
                distance(result, expected) <= *limit,
                "{name}({x:e}) = {result:e}, not {expected:e}"
            );
        }
    }
}

#[test]
fn binary_functions_reach_their_implementation() {
    let functions: &[(&str, f64, Binary)] = &[
        ("atan2", 2.0, f64::atan2),
        ("atan2pi", 3.0, |y, x| y.atan2(x) / std::f64::consts::PI),
        ("copysign", 0.0, f64::copysign),
        ("fdim", 0.0, |x, y| if x <= y { 0.0 } else { x - y }),
        ("fmax", 0.0, f64::max),
        ("fmin", 0.0, f64::min),
        ("fmod", 0.0, |x, y| x % y),
        ("hypot", 2.0, f64::hypot),
        ("maxmag", 0.0, |x, y| {
            if x.abs() > y.abs() {
                x
            } else if y.abs() > x.abs() {
                y
            } else {
                x.max(y)
            }
        }),
        ("minmag", 0.0, |x, y| {
            if x.abs() < y.abs() {
                x
            } else if y.abs() < x.abs() {
                y
            } else {
                x.min(y)
            }
        }),
        ("pow", 1.0, f64::powf),
        ("remainder", 0.0, c_library::remainder),
    ];
    let arguments = arguments();
    for (name, limit, reference) in functions {
        let function = builtin(name, "dd");
        for (index, x) in arguments.iter().enumerate() {
            let y = arguments[(index * 7919 + 13) % arguments.len()];
            let result: f64 = function.of2(*x, y);
            let expected = reference(*x, y);
            assert!(
                distance(result, expected) <= *limit,
                "{name}({x:e}, {y:e}) = {result:e}, not {expected:e}"
            );
        }
    }
}

#[test]
fn functions_of_a_number_and_an_integer() {
    let ldexp = builtin("ldexp", "di");
    let pown = builtin("pown", "di");
    let rootn = builtin("rootn", "di");
    for x in arguments() {
        for n in [
            -2000, -1074, -1023, -300, -3, -2, -1, 1, 2, 3, 7, 52, 1023, 1024, 2100,
        ] {
            let result: f64 = ldexp.of2(x, n);
            assert!(
                distance(result, c_library::ldexp(x, n)) == 0.0,
                "ldexp({x:e}, {n}) = {result:e}"
            );
            let result: f64 = pown.of2(x, n);
            assert!(
                distance(result, x.powf(f64::from(n))) <= 1.0,
                "pown({x:e}, {n}) = {result:e}"
            );
        }
        for n in [-7i32, -3, 3, 5, 101] {
            // An odd root taken back is the argument: its error grows n-fold.
            let root: f64 = rootn.of2(x, n);
            if !x.is_finite() || x == 0.0 || x.abs() < 1e-300 || !root.is_normal() {
                continue;
            }
            let back = root.powf(f64::from(n));
            let limit = 4.0 * f64::from(n.abs());
            assert!(distance(back, x) <= limit, "rootn({x:e}, {n}) = {root:e}");
        }
    }
    assert_eq!(rootn.of2::<f64, i32, f64>(16.0, 4), 2.0);
    assert_eq!(rootn.of2::<f64, i32, f64>(-27.0, 3), -3.0);
    assert!(rootn.of2::<f64, i32, f64>(-16.0, 4).is_nan());
    assert!(rootn.of2::<f64, i32, f64>(1.0, 0).is_nan());
    assert_eq!(rootn.of2::<f64, i32, f64>(0.0, -2), f64::INFINITY);
    assert_eq!(rootn.of2::<f64, i32, f64>(-0.0, -3), f64::NEG_INFINITY);
    assert_eq!(rootn.of2::<f64, i32, f64>(f64::INFINITY, -3), 0.0);
    assert_eq!(rootn.of2::<f64, i32, f64>(-2e-311, -1), f64::NEG_INFINITY);
}

#[test]
fn special_cases_of_powr() {
    let powr = builtin("powr", "dd");
    for (x, y) in [
        (-1.0, 2.0),
        (0.0, 0.0),
        (f64::INFINITY, 0.0),
        (1.0, f64::INFINITY),
        (1.0, f64::NAN),
        (f64::NAN, 0.0),
    ] {
        assert!(
            powr.of2::<f64, f64, f64>(x, y).is_nan(),
            "powr({x:e}, {y:e})"
        );
    }
    assert_eq!(powr.of2::<f64, f64, f64>(-0.0, -1.0), f64::INFINITY);
    assert_eq!(powr.of2::<f64, f64, f64>(2.0, 3.0), 8.0);
    assert_eq!(powr.of2::<f64, f64, f64>(3.0, 0.0), 1.0);
}

#[test]
fn poles_of_tanpi() {
    let tanpi = builtin("tanpi", "d");
    let cases = [
        (0.5, f64::INFINITY),
        (-0.5, f64::NEG_INFINITY),
        (1.5, f64::NEG_INFINITY),
        (-1.5, f64::INFINITY),
        (2.5, f64::INFINITY),
        (0.0, 0.0),
        (1.0, -0.0),
        (-1.0, 0.0),
        (2.0, 0.0),
    ];
    for (x, expected) in cases {
        let result: f64 = tanpi.of1(x);
        assert_eq!(
            result.to_bits(),
            f64::to_bits(expected),
            "tanpi({x}) = {result}"
        );
    }
    let result: f64 = tanpi.of1(0.125f64);
    assert!(distance(result, (0.125 * std::f64::consts::PI).tan()) <= 6.0);
}

#[test]
fn numbers_taken_apart() {
    assert_eq!(builtin("ilogb", "d").of1::<f64, i32>(5e-324), -1074);
    assert_eq!(builtin("ilogb", "d").of1::<f64, i32>(0.0), i32::MIN);
    assert_eq!(builtin("logb", "d").of1::<f64, f64>(1e300), 996.0);
    let nan: f64 = builtin("nan", "m").of1(5u64);
    assert_eq!(nan.to_bits(), 0x7ff8_0000_0000_0005);
    let nan: f32 = builtin("nan", "j").of1(5u32);
    assert_eq!(nan.to_bits(), 0x7fc0_0005);
    let next: f64 = builtin("nextafter", "dd").of2(0.0f64, -1.0f64);
    assert_eq!(next, -5e-324);
    let mut room = [0; 128];
    let mut result = [0; 8];
    let frexp = builtin("frexp", "dPi");
    frexp.call(&mut [&mut 5e-324f64.to_le_bytes(), &mut room], &mut result);
    assert_eq!(
        (f64::from_le_bytes(result), room[0..4].to_vec()),
        (0.5, (-1073i32).to_le_bytes().to_vec())
    );
    let remquo = builtin("remquo", "ddPi");
    let arguments: &mut [&mut [u8]] = &mut [
        &mut 1000.75f64.to_le_bytes(),
        &mut (-1.0f64).to_le_bytes(),
        &mut room,
    ];
    remquo.call(arguments, &mut result);
    assert_eq!(f64::from_le_bytes(result), -0.25);
    assert_eq!(room[0..4], (-(1001i32 & 0x7f)).to_le_bytes());
}

#[test]
fn fused_multiplication_rounds_once() {
    let fma = builtin("fma", "ddd");
    let x = 1.0 + f64::EPSILON;
    assert_eq!(
        fma.of3::<f64, f64, f64, f64>(x, x, -(x * x)),
        x.mul_add(x, -(x * x))
    );
    assert_ne!(fma.of3::<f64, f64, f64, f64>(x, x, -(x * x)), 0.0);
    let fma = builtin("fma", "fff");
    let x = 1.0 + f32::EPSILON;
    assert_ne!(fma.of3::<f32, f32, f32, f32>(x, x, -(x * x)), 0.0);
}

#[test]
fn odd_functions_keep_the_sign_of_zero() {
    for name in [
        "asin", "asinh", "asinpi", "atan", "atanh", "atanpi", "cbrt", "erf", "expm1", "log1p",
        "sin", "sinh", "sinpi", "tan", "tanh", "tanpi", "tgamma",
    ] {
        let (of_double, of_float) = (builtin(name, "d"), builtin(name, "f"));
        for sign in [1.0, -1.0] {
            let wide: f64 = of_double.of1(sign * 0.0);
            let narrow: f32 = of_float.of1(sign as f32 * 0.0);
            assert_eq!(wide.signum(), sign, "{name} of double");
            assert_eq!(f64::from(narrow.signum()), sign, "{name} of float");
        }
    }
}
