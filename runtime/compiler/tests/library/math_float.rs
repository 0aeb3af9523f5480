//! Accuracy of the float functions in units in the last place, against the C library's double
//! functions. The bounds are those of OpenCL C, section 7.4, full profile.

use crate::c_library;
use crate::jit::{builtin, Builtin};

/// Arguments: a sweep over all bit patterns, dense enough to hit every binade many times, and
/// the values where something changes.
fn sweep(step: u32) -> impl Iterator<Item = f32> {
    let edges = [
        0.0f32,
        0.5,
        1.0,
        1.5,
        2.0,
        3.0,
        10.0,
        88.0,
        88.7228,
        88.8,
        89.0,
        103.9,
        104.0,
        126.0,
        127.0,
        128.0,
        149.0,
        150.0,
        0.25,
        0.75,
        1e-45,
        1.1754944e-38,
        3.4028235e38,
        30000.0,
        f32::INFINITY,
        f32::NAN,
        0.99999994,
        1.0000001,
        0.333_333_34,
        0.666_666_7,
        1.333_333_4,
        16777216.0,
        8388608.0,
        8388607.5,
        2147483648.0,
    ];
    let edges = edges.into_iter().flat_map(|x| [x, -x]);
    (0..=u32::MAX)
        .step_by(step as usize)
        .map(f32::from_bits)
        .chain(edges)
        // Most bit patterns are huge or tiny; half of the work belongs to ordinary numbers.
        .chain((0..60_000).map(|n| (n as f32 - 30_000.0) * 4.123_457e-4))
}

/// Error of `result` in ulp of the exact value, by the definition of section 7.4.
pub fn error_in_ulp(result: f32, exact: f64) -> f64 {
    if exact.is_nan() {
        return if result.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if f64::from(result) == exact || exact as f32 == result {
        return 0.0f64.max(if result.is_infinite() {
            0.0
        } else {
            distance(result, exact)
        });
    }
    if result.is_nan() || exact.is_infinite() {
        return f64::INFINITY;
    }
    // Infinity stands for the first value that is too large.
    let result = if result.is_infinite() {
        2f64.powi(128).copysign(f64::from(result))
    } else {
        f64::from(result)
    };
    (result - exact).abs() / ulp(exact)
}

fn distance(result: f32, exact: f64) -> f64 {
    (f64::from(result) - exact).abs() / ulp(exact)
}

fn ulp(exact: f64) -> f64 {
    let exponent = if exact == 0.0 { -149 } else { exponent(exact) };
    2f64.powi((exponent - 23).clamp(-149, 104))
}

fn exponent(x: f64) -> i32 {
    ((x.to_bits() >> 52) & 0x7ff) as i32 - 1023
}

struct Worst {
    error: f64,
    at: String,
}

impl Worst {
    fn new() -> Self {
        Self {
            error: 0.0,
            at: String::new(),
        }
    }
    fn see(&mut self, result: f32, exact: f64, at: impl FnOnce() -> String) {
        let error = error_in_ulp(result, exact);
        if error > self.error || error.is_nan() {
            self.error = error;
            self.at = format!("{} = {result:e}, not {exact:e}", at());
        }
    }
    fn check(&self, name: &str, limit: f64, failures: &mut Vec<String>) {
        println!(
            "{name}: {:.3} ulp (limit {limit}) at {}",
            self.error, self.at
        );
        if self.error > limit || self.error.is_nan() {
            failures.push(format!(
                "{name}: {} ulp at {}, limit {limit}",
                self.error, self.at
            ));
        }
    }
}

/// The exact sine of pi x: reduced before multiplying.
fn sinpi(x: f64) -> f64 {
    let rest = x % 2.0;
    let rest = match rest {
        r if r > 0.5 && r <= 1.5 => 1.0 - r,
        r if r > 1.5 => r - 2.0,
        r if (-1.5..-0.5).contains(&r) => -1.0 - r,
        r if r < -1.5 => r + 2.0,
        r => r,
    };
    (rest * std::f64::consts::PI).sin()
}

fn cospi(x: f64) -> f64 {
    let rest = (x % 2.0).abs();
    let rest = if rest > 1.0 { 2.0 - rest } else { rest };
    sinpi(0.5 - rest)
}

fn tanpi(x: f64) -> f64 {
    let rest = x % 1.0;
    if rest.abs() == 0.5 {
        let odd = (x.abs() - 0.5) % 2.0 == 1.0;
        return f64::INFINITY.copysign(if odd { -x } else { x });
    }
    sinpi(x) / cospi(x)
}

/// A function in double to compare with.
pub type Unary = fn(f64) -> f64;
/// The same of two arguments.
pub type Binary = fn(f64, f64) -> f64;
type WithInteger<'a> = &'a dyn Fn(f64, f64) -> f64;

const UNARY: &[(&str, f64, Unary)] = &[
    ("acos", 4.0, f64::acos),
    ("acosh", 4.0, f64::acosh),
    ("acospi", 5.0, |x| x.acos() / std::f64::consts::PI),
    ("asin", 4.0, f64::asin),
    ("asinh", 4.0, f64::asinh),
    ("asinpi", 5.0, |x| x.asin() / std::f64::consts::PI),
    ("atan", 5.0, f64::atan),
    ("atanh", 5.0, f64::atanh),
    ("atanpi", 5.0, |x| x.atan() / std::f64::consts::PI),
    ("cbrt", 2.0, f64::cbrt),
    ("cos", 4.0, f64::cos),
    ("cosh", 4.0, f64::cosh),
    ("cospi", 4.0, cospi),
    ("erf", 16.0, c_library::erf),
    ("erfc", 16.0, c_library::erfc),
    ("exp", 3.0, f64::exp),
    ("exp2", 3.0, f64::exp2),
    ("exp10", 3.0, c_library::exp10),
    ("expm1", 3.0, f64::exp_m1),
    ("log", 3.0, f64::ln),
    ("log2", 3.0, f64::log2),
    ("log10", 3.0, f64::log10),
    ("log1p", 2.0, f64::ln_1p),
    ("rsqrt", 2.0, |x| 1.0 / x.sqrt()),
    ("sin", 4.0, f64::sin),
    ("sinh", 4.0, f64::sinh),
    ("sinpi", 4.0, sinpi),
    ("sqrt", 0.5, f64::sqrt),
    ("tan", 5.0, f64::tan),
    ("tanh", 5.0, f64::tanh),
    ("tanpi", 6.0, tanpi),
    ("tgamma", 16.0, c_library::tgamma),
    ("half_cos", 8192.0, f64::cos),
    ("half_exp", 8192.0, f64::exp),
    ("half_exp2", 8192.0, f64::exp2),
    ("half_exp10", 8192.0, c_library::exp10),
    ("half_log", 8192.0, f64::ln),
    ("half_log2", 8192.0, f64::log2),
    ("half_log10", 8192.0, f64::log10),
    ("half_recip", 8192.0, f64::recip),
    ("half_rsqrt", 8192.0, |x| 1.0 / x.sqrt()),
    ("half_sin", 8192.0, f64::sin),
    ("half_sqrt", 8192.0, f64::sqrt),
    ("half_tan", 8192.0, f64::tan),
];

#[test]
fn unary_functions_are_within_their_bounds() {
    let mut failures = Vec::new();
    for (name, limit, reference) in UNARY {
        let function = builtin(name, "f");
        let mut worst = Worst::new();
        let trigonometric = ["half_sin", "half_cos", "half_tan"].contains(name);
        for x in sweep(50_021) {
            // These are defined up to 2^16 only; beyond, they stay within their range.
            if trigonometric && x.abs() > 65536.0 {
                let value: f32 = function.of1(x);
                let bounded = name == &"half_tan" || value.abs() <= 1.0 || x.is_infinite();
                assert!(
                    bounded && value.is_nan() != x.is_finite(),
                    "{name}({x:e}) = {value:e}"
                );
                continue;
            }
            let exact = reference(f64::from(x));
            worst.see(function.of1(x), exact, || format!("{name}({x:e})"));
        }
        worst.check(name, *limit, &mut failures);
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Pairs of arguments over the whole range and around interesting places.
fn pairs() -> Vec<(f32, f32)> {
    let special = [
        0.0f32,
        -0.0,
        1.0,
        -1.0,
        0.5,
        2.0,
        -2.0,
        3.0,
        -3.0,
        1e-45,
        -1e-45,
        1.1754944e-38,
        3.4028235e38,
        -3.4028235e38,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        0.99999994,
        1.0000001,
        16777216.0,
        16777215.0,
        -16777215.0,
        1e10,
        -1e-10,
        2147483648.0,
        0.333_333_34,
    ];
    let mut pairs: Vec<(f32, f32)> = special
        .iter()
        .flat_map(|x| special.iter().map(|y| (*x, *y)))
        .collect();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..60_000 {
        let bits = random();
        pairs.push((
            f32::from_bits(bits as u32),
            f32::from_bits((bits >> 32) as u32),
        ));
        let x = (random() % 2_000_003) as f32 * 1e-4;
        let y = (random() % 400_009) as f32 * 1e-3 - 200.0;
        pairs.push((x, y));
        pairs.push((1.0 + (x - 100.0) * 1e-5, y * 1e4));
    }
    pairs
}

fn powr(x: f64, y: f64) -> f64 {
    if x < 0.0 || x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let undefined = (x == 1.0 && y.is_infinite()) || ((x == 0.0 || x.is_infinite()) && y == 0.0);
    if undefined {
        f64::NAN
    } else {
        x.abs().powf(y)
    }
}

/// IEEE remainder of two floats, in double, by exact steps.
fn remainder(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() || x.is_infinite() || y == 0.0 {
        return f64::NAN;
    }
    if y.is_infinite() {
        return x;
    }
    let (a, b) = (x.abs(), y.abs());
    let doubled = a % (2.0 * b);
    let mut rest = doubled;
    let mut odd = false;
    if rest >= b {
        rest -= b;
        odd = true;
    }
    if 2.0 * rest > b || (2.0 * rest == b && odd) {
        rest -= b;
    }
    if x.is_sign_negative() {
        -rest
    } else {
        rest
    }
}

#[test]
fn binary_functions_are_within_their_bounds() {
    let references: &[(&str, f64, Binary)] = &[
        ("atan2", 6.0, f64::atan2),
        ("atan2pi", 6.0, |y, x| y.atan2(x) / std::f64::consts::PI),
        ("copysign", 0.0, f64::copysign),
        ("fdim", 0.5, |x, y| if x <= y { 0.0 } else { x - y }),
        ("fmax", 0.0, f64::max),
        ("fmin", 0.0, f64::min),
        ("fmod", 0.0, |x, y| x % y),
        ("hypot", 4.0, f64::hypot),
        ("pow", 16.0, f64::powf),
        ("powr", 16.0, powr),
        ("remainder", 0.0, remainder),
        ("half_divide", 8192.0, |x, y| x / y),
        ("half_powr", 8192.0, powr),
    ];
    let mut failures = Vec::new();
    for (name, limit, reference) in references {
        let function = builtin(name, "ff");
        let mut worst = Worst::new();
        for (x, y) in pairs() {
            let exact = reference(f64::from(x), f64::from(y));
            worst.see(function.of2(x, y), exact, || {
                format!("{name}({x:e}, {y:e})")
            });
        }
        worst.check(name, *limit, &mut failures);
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

fn integers() -> Vec<i32> {
    vec![
        0,
        1,
        -1,
        2,
        -2,
        3,
        -3,
        5,
        7,
        10,
        -11,
        24,
        100,
        -127,
        128,
        150,
        1001,
        65535,
        16777217,
        i32::MAX,
        i32::MIN,
    ]
}

#[test]
fn functions_with_an_integer_are_within_their_bounds() {
    let root = |x: f64, n: f64| {
        if n == 0.0 || x.is_nan() || (x < 0.0 && n % 2.0 == 0.0) {
            return f64::NAN;
        }
        let magnitude = match x.abs() {
            0.0 if n < 0.0 => f64::INFINITY,
            0.0 => 0.0,
            a if a.is_infinite() && n < 0.0 => 0.0,
            a if a.is_infinite() => a,
            a => (a.ln() / n).exp(),
        };
        if n % 2.0 == 0.0 {
            magnitude
        } else {
            magnitude.copysign(x)
        }
    };
    let references: &[(&str, f64, WithInteger)] = &[
        ("pown", 16.0, &|x, n| x.powf(n)),
        ("rootn", 16.0, &root),
        // The exponent is bounded so that the product stays in double's range.
        ("ldexp", 0.5, &|x, n| {
            x * 2f64.powi(n.clamp(-400.0, 400.0) as i32)
        }),
    ];
    let mut failures = Vec::new();
    for (name, limit, reference) in references {
        let function = builtin(name, "fi");
        let mut worst = Worst::new();
        for (x, _) in pairs().into_iter().step_by(7) {
            for n in integers() {
                let exact = reference(f64::from(x), f64::from(n));
                worst.see(function.of2(x, n), exact, || format!("{name}({x:e}, {n})"));
            }
        }
        worst.check(name, *limit, &mut failures);
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Result and value behind the pointer of a function of one argument.
fn with_pointer(function: &Builtin, x: f32) -> (f32, [u8; 4]) {
    let mut room = [0u8; crate::jit::POINTER_ROOM];
    let mut result = [0u8; 4];
    function.call(&mut [&mut x.to_ne_bytes(), &mut room], &mut result);
    (
        f32::from_ne_bytes(result),
        [room[0], room[1], room[2], room[3]],
    )
}

#[test]
fn second_results_come_through_every_pointer() {
    for space in ["P", "PU3AS1", "PU3AS3", "PU3AS4"] {
        let float = |name| builtin(name, &format!("f{space}f"));
        let int = |name| builtin(name, &format!("f{space}i"));
        assert_eq!(
            with_pointer(&float("modf"), -2.75),
            (-0.75, (-2.0f32).to_ne_bytes())
        );
        assert_eq!(
            with_pointer(&float("fract"), -2.75),
            (0.25, (-3.0f32).to_ne_bytes())
        );
        assert_eq!(
            with_pointer(&int("frexp"), 12.0),
            (0.75, 4i32.to_ne_bytes())
        );
        let (sine, cosine) = with_pointer(&float("sincos"), 0.5);
        assert!(error_in_ulp(sine, 0.5f64.sin()) <= 4.0);
        assert!(error_in_ulp(f32::from_ne_bytes(cosine), 0.5f64.cos()) <= 4.0);
        let (gamma, sign) = with_pointer(&int("lgamma_r"), -0.5);
        assert!((gamma - 1.265_512_1).abs() < 1e-6);
        assert_eq!(sign, (-1i32).to_ne_bytes());
    }
    let fract = builtin("fract", "fPf");
    assert_eq!(with_pointer(&fract, -1e-20).0, 0.999_999_94);
    assert!(with_pointer(&fract, f32::NAN).0.is_nan());
    let infinity = with_pointer(&fract, f32::INFINITY);
    assert_eq!(infinity, (0.0, f32::INFINITY.to_ne_bytes()));
    let frexp = builtin("frexp", "fPi");
    assert_eq!(with_pointer(&frexp, 1e-45), (0.5, (-148i32).to_ne_bytes()));
    assert_eq!(with_pointer(&frexp, 0.0), (0.0, 0i32.to_ne_bytes()));
}

#[test]
fn remquo_gives_seven_bits_of_the_quotient() {
    let function = builtin("remquo", "ffPi");
    for (x, y) in pairs() {
        let mut room = [0u8; crate::jit::POINTER_ROOM];
        let mut result = [0u8; 4];
        let arguments: &mut [&mut [u8]] =
            &mut [&mut x.to_ne_bytes(), &mut y.to_ne_bytes(), &mut room];
        function.call(arguments, &mut result);
        let result = f32::from_ne_bytes(result);
        let exact = remainder(f64::from(x), f64::from(y));
        assert_eq!(
            error_in_ulp(result, exact),
            0.0,
            "remquo({x:e}, {y:e}) = {result:e}"
        );
        let quotient = i32::from_ne_bytes([room[0], room[1], room[2], room[3]]);
        // The quotient times y fits a double's digits, so the difference is exact.
        let whole = (f64::from(x) - exact) / f64::from(y);
        if whole.abs() < 2f64.powi(28) {
            let expected =
                ((whole.abs() as i64 & 0x7f) as i32) * if (x < 0.0) != (y < 0.0) { -1 } else { 1 };
            assert_eq!(quotient, expected, "quotient of remquo({x:e}, {y:e})");
        }
    }
}

#[test]
fn exponents_and_neighbours() {
    let ilogb = builtin("ilogb", "f");
    let logb = builtin("logb", "f");
    let nextafter = builtin("nextafter", "ff");
    assert_eq!(ilogb.of1::<f32, i32>(0.0), i32::MIN);
    assert_eq!(ilogb.of1::<f32, i32>(f32::NAN), i32::MAX);
    assert_eq!(ilogb.of1::<f32, i32>(f32::INFINITY), i32::MAX);
    assert_eq!(ilogb.of1::<f32, i32>(-1e-45), -149);
    assert_eq!(ilogb.of1::<f32, i32>(1000.0), 9);
    assert_eq!(logb.of1::<f32, f32>(0.0), f32::NEG_INFINITY);
    assert_eq!(logb.of1::<f32, f32>(f32::NEG_INFINITY), f32::INFINITY);
    assert_eq!(logb.of1::<f32, f32>(0.1), -4.0);
    for (x, y) in pairs() {
        let next: f32 = nextafter.of2(x, y);
        let expected = match x.partial_cmp(&y) {
            None => f32::NAN,
            Some(std::cmp::Ordering::Equal) => y,
            Some(std::cmp::Ordering::Less) => x.next_up(),
            Some(std::cmp::Ordering::Greater) => x.next_down(),
        };
        assert!(
            next == expected || (next.is_nan() && expected.is_nan()),
            "nextafter({x:e}, {y:e}) = {next:e}"
        );
    }
}
