//! Host functions that generated code may call: the long tail of the mathematical builtins, and
//! the C library functions that code generation itself falls back to.
//!
//! The JIT defines each as an absolute symbol, so generated code never looks into the process for
//! a name. The library declares the first group as `isocl_host_…` (`library/host.h`).

use core::ffi::{c_int, c_void};
use std::f64;

use crate::half_bits;
use crate::llvm::Value;

/// A symbol of generated code and where it is.
#[derive(Debug, Clone, Copy)]
pub struct HostFunction {
    /// Symbol name in the generated object.
    pub name: &'static str,
    /// Address in this process.
    pub address: usize,
}

macro_rules! host_functions {
    ($($name:literal => $function:expr, $type:ty;)*) => {
        vec![$(HostFunction { name: $name, address: $function as $type as usize }),*]
    };
}

type Unary = unsafe extern "C" fn(f64) -> f64;
type UnaryFloat = unsafe extern "C" fn(f32) -> f32;
type Binary = unsafe extern "C" fn(f64, f64) -> f64;
type BinaryFloat = unsafe extern "C" fn(f32, f32) -> f32;
type Compare = unsafe extern "C" fn(*const c_void, *const c_void, usize) -> c_int;
type Copy = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;

mod c_library {
    use core::ffi::{c_int, c_void};

    extern "C" {
        pub fn cos(x: f64) -> f64;
        pub fn fmod(x: f64, y: f64) -> f64;
        pub fn lgamma_r(x: f64, sign: *mut c_int) -> f64;
        pub fn remainder(x: f64, y: f64) -> f64;
        pub fn sin(x: f64) -> f64;
        pub fn tgamma(x: f64) -> f64;

        pub fn ceil(x: f64) -> f64;
        pub fn ceilf(x: f32) -> f32;
        pub fn floor(x: f64) -> f64;
        pub fn floorf(x: f32) -> f32;
        pub fn fma(x: f64, y: f64, z: f64) -> f64;
        pub fn fmaf(x: f32, y: f32, z: f32) -> f32;
        pub fn fmax(x: f64, y: f64) -> f64;
        pub fn fmaxf(x: f32, y: f32) -> f32;
        pub fn fmin(x: f64, y: f64) -> f64;
        pub fn fminf(x: f32, y: f32) -> f32;
        pub fn fmodf(x: f32, y: f32) -> f32;
        pub fn ldexp(x: f64, n: c_int) -> f64;
        pub fn ldexpf(x: f32, n: c_int) -> f32;
        pub fn memcmp(a: *const c_void, b: *const c_void, bytes: usize) -> c_int;
        pub fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
        pub fn memmove(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
        pub fn memset(to: *mut c_void, byte: c_int, bytes: usize) -> *mut c_void;
        pub fn nearbyint(x: f64) -> f64;
        pub fn nearbyintf(x: f32) -> f32;
        pub fn rint(x: f64) -> f64;
        pub fn rintf(x: f32) -> f32;
        pub fn round(x: f64) -> f64;
        pub fn roundf(x: f32) -> f32;
        pub fn sqrt(x: f64) -> f64;
        pub fn sqrtf(x: f32) -> f32;
        pub fn trunc(x: f64) -> f64;
        pub fn truncf(x: f32) -> f32;
    }
}

/// Low bits of the quotient `x / y` rounded to the nearest integer, with its sign, as `remquo`
/// returns them: seven bits, where the C library promises only three. Zero if there is no
/// quotient.
extern "C" fn quotient_bits(x: f64, y: f64) -> c_int {
    if !x.is_finite() || y.is_nan() || y == 0.0 {
        return 0;
    }
    let negative = x.is_sign_negative() != y.is_sign_negative();
    let (mut rest, divisor) = (x.abs(), y.abs());
    // Scaling by a power of two is exact unless it overflows, and then x / y is below 128 anyway.
    if divisor <= f64::MAX / 128.0 {
        rest %= divisor * 128.0;
    }
    let mut quotient = 0;
    for bit in (0..7).rev() {
        let step = divisor * f64::from(1 << bit);
        if rest >= step {
            rest -= step;
            quotient |= 1 << bit;
        }
    }
    // Doubling may overflow to infinity, which compares correctly; halving could lose a bit.
    let half = rest * 2.0;
    if half > divisor || (half == divisor && quotient & 1 == 1) {
        quotient += 1;
    }
    let quotient = quotient & 0x7f;
    if negative {
        -quotient
    } else {
        quotient
    }
}

/// The argument of a sine, of absolute value 1 or more, less a multiple of a quarter turn: the bits of the
/// rest, and above them the number of quarter turns modulo four. Infinity and NaN become NaN.
extern "C" fn reduce_quadrant(x: f32) -> u64 {
    /// 2/pi, the first word of which stands 32 bits before the binary point.
    const TWO_BY_PI: [u32; 8] = [
        0,
        0xa2f9_836e,
        0x4e44_1529,
        0xfc27_57d1,
        0xf534_ddc0,
        0xdb62_9599,
        0x3c43_9041,
        0xfe51_63ab,
    ];
    let bits = x.abs().to_bits();
    if bits >= f32::INFINITY.to_bits() {
        return u64::from(f32::NAN.to_bits());
    }
    // Bits before this one give multiples of four quarter turns.
    let first = (bits >> 23) - 120;
    let word = |number: u32| {
        let number = (first / 32 + number) as usize;
        let two = u64::from(TWO_BY_PI[number]) << 32 | u64::from(TWO_BY_PI[number + 1]);
        two << (first % 32) >> 32
    };
    let significand = u64::from(bits & 0x007f_ffff | 0x0080_0000);
    // To 62 bits behind the binary point.
    let turns = ((significand * word(0)) << 32)
        .wrapping_add(significand * word(1))
        .wrapping_add((significand * word(2)) >> 32);
    let whole = turns.wrapping_add(1 << 61) >> 62;
    let rest = turns.wrapping_sub(whole << 62) as i64;
    let rest = (rest as f64 * (f64::consts::FRAC_PI_2 / (1u64 << 62) as f64)) as f32;
    let (rest, whole) = if x.is_sign_negative() {
        (-rest, whole.wrapping_neg() & 3)
    } else {
        (rest, whole)
    };
    u64::from(rest.to_bits()) | whole << 32
}

/// Half-precision numbers travel in the low bits of the register of a float.
extern "C" fn extend_half(half: f32) -> f32 {
    half_bits::to_float(half.to_bits() as u16)
}

extern "C" fn round_float_to_half(x: f32) -> f32 {
    f32::from_bits(u32::from(half_bits::from_double(f64::from(x))))
}

extern "C" fn round_double_to_half(x: f64) -> f32 {
    f32::from_bits(u32::from(half_bits::from_double(x)))
}

/// Whether this is the name of a host function that the library calls.
pub fn is_for_library(name: &str) -> bool {
    name.starts_with("isocl_host_")
}

/// Whether `call` calls a host function whose result depends on nothing but its arguments.
pub fn is_pure(call: Value) -> bool {
    let callee = call.called_function();
    callee.is_some_and(|callee| {
        let name = callee.name();
        is_for_library(&name) && name != "isocl_host_lgamma_r"
    })
}

/// Every host function generated code may refer to.
pub fn host_functions() -> Vec<HostFunction> {
    host_functions![
        "isocl_host_cos" => c_library::cos, Unary;
        "isocl_host_sin" => c_library::sin, Unary;
        "isocl_host_tgamma" => c_library::tgamma, Unary;
        "isocl_host_fmod" => c_library::fmod, Binary;
        "isocl_host_remainder" => c_library::remainder, Binary;
        "isocl_host_lgamma_r" => c_library::lgamma_r, unsafe extern "C" fn(f64, *mut c_int) -> f64;
        "isocl_host_quotient_bits" => quotient_bits, extern "C" fn(f64, f64) -> c_int;
        "isocl_host_reduce_quadrant" => reduce_quadrant, extern "C" fn(f32) -> u64;
        "__extendhfsf2" => extend_half, extern "C" fn(f32) -> f32;
        "__truncsfhf2" => round_float_to_half, extern "C" fn(f32) -> f32;
        "__truncdfhf2" => round_double_to_half, extern "C" fn(f64) -> f32;
        "ceil" => c_library::ceil, Unary;
        "ceilf" => c_library::ceilf, UnaryFloat;
        "floor" => c_library::floor, Unary;
        "floorf" => c_library::floorf, UnaryFloat;
        "nearbyint" => c_library::nearbyint, Unary;
        "nearbyintf" => c_library::nearbyintf, UnaryFloat;
        "rint" => c_library::rint, Unary;
        "rintf" => c_library::rintf, UnaryFloat;
        "round" => c_library::round, Unary;
        "roundf" => c_library::roundf, UnaryFloat;
        "sqrt" => c_library::sqrt, Unary;
        "sqrtf" => c_library::sqrtf, UnaryFloat;
        "trunc" => c_library::trunc, Unary;
        "truncf" => c_library::truncf, UnaryFloat;
        "fmax" => c_library::fmax, Binary;
        "fmaxf" => c_library::fmaxf, BinaryFloat;
        "fmin" => c_library::fmin, Binary;
        "fminf" => c_library::fminf, BinaryFloat;
        "fmod" => c_library::fmod, Binary;
        "fmodf" => c_library::fmodf, BinaryFloat;
        "fma" => c_library::fma, unsafe extern "C" fn(f64, f64, f64) -> f64;
        "fmaf" => c_library::fmaf, unsafe extern "C" fn(f32, f32, f32) -> f32;
        "ldexp" => c_library::ldexp, unsafe extern "C" fn(f64, c_int) -> f64;
        "ldexpf" => c_library::ldexpf, unsafe extern "C" fn(f32, c_int) -> f32;
        "bcmp" => c_library::memcmp, Compare;
        "memcmp" => c_library::memcmp, Compare;
        "memcpy" => c_library::memcpy, Copy;
        "memmove" => c_library::memmove, Copy;
        "memset" => c_library::memset, unsafe extern "C" fn(*mut c_void, c_int, usize) -> *mut c_void;
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_have_addresses() {
        let mut names: Vec<_> = host_functions().iter().map(|f| f.name).collect();
        assert!(host_functions().iter().all(|f| f.address != 0));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn quarter_turns_and_rest_are_those_of_the_argument() {
        let mut x = 1.0f32;
        while x.is_finite() {
            for x in [x, -x] {
                let both = reduce_quadrant(x);
                let rest = f64::from(f32::from_bits(both as u32));
                assert!(
                    rest.abs() <= f64::consts::FRAC_PI_4 * 1.000_001,
                    "{x:e}: {rest}"
                );
                let sine = match both >> 32 {
                    0 => rest.sin(),
                    1 => rest.cos(),
                    2 => -rest.sin(),
                    3 => -rest.cos(),
                    more => panic!("{x:e}: {more} quarter turns"),
                };
                let exact = f64::from(x).sin();
                assert!(
                    (sine - exact).abs() <= 1e-7 * exact.abs(),
                    "{x:e}: {sine} for {exact}"
                );
            }
            x *= 1.000_37;
        }
        for nothing in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            assert!(f32::from_bits(reduce_quadrant(nothing) as u32).is_nan());
        }
    }

    #[test]
    fn quotient_bits_are_the_low_bits_of_the_nearest_integer() {
        assert_eq!(quotient_bits(5.0, 2.0), 2);
        assert_eq!(quotient_bits(7.0, 2.0), 4);
        assert_eq!(quotient_bits(-7.0, 2.0), -4);
        assert_eq!(quotient_bits(1000.0, 1.0), 1000 & 0x7f);
        assert_eq!(quotient_bits(1e300, -f64::MAX), 0);
        assert_eq!(quotient_bits(f64::MAX, f64::MAX), 1);
        assert_eq!(quotient_bits(f64::MAX, -f64::MAX / 150.0), -(150 & 0x7f));
        assert_eq!(quotient_bits(f64::MAX, f64::MAX / 128.0), 0);
        assert_eq!(quotient_bits(f64::MAX, f64::MAX / 129.0), 1);
        assert_eq!(quotient_bits(f64::INFINITY, 1.0), 0);
        assert_eq!(quotient_bits(1.0, 0.0), 0);
        assert_eq!(quotient_bits(5e-324, 1e-323), 0);
        assert_eq!(quotient_bits(1.5e-323, 1e-323), 2);
    }
}
