//! Integer builtins against arithmetic in 128 bits.

use crate::jit::{mangled, Builtins, Scalar};
use crate::random::Random;

/// What a test must know about an integer type beside its bits.
trait Integer: Scalar {
    const LOWEST: i128;
    const HIGHEST: i128;
    fn wide(self) -> i128;
    /// The low bits.
    fn wrapped(wide: i128) -> Self;
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl Integer for $type {
            const LOWEST: i128 = <$type>::MIN as i128;
            const HIGHEST: i128 = <$type>::MAX as i128;
            fn wide(self) -> i128 {
                self as i128
            }
            fn wrapped(wide: i128) -> Self {
                wide as $type
            }
        }
    )*};
}
integer!(i8, u8, i16, u16, i32, u32, i64, u64);

/// Pairs: all of them for 8 bits, random and edge ones for the others.
fn pairs<T: Integer>() -> Vec<(T, T)> {
    if T::SIZE == 1 {
        return (0..=u16::MAX)
            .map(|n| (T::wrapped(i128::from(n)), T::wrapped(i128::from(n >> 8))))
            .collect();
    }
    let mut random = Random::new(T::SIZE as u64);
    let edges = [
        T::LOWEST,
        T::LOWEST + 1,
        -1,
        0,
        1,
        2,
        T::HIGHEST - 1,
        T::HIGHEST,
    ];
    let mut pairs: Vec<(T, T)> = edges
        .iter()
        .flat_map(|x| edges.map(|y| (T::wrapped(*x), T::wrapped(y))))
        .collect();
    let code = T::CODE.chars().next().unwrap();
    for _ in 0..3000 {
        let mut number = || T::from_bits(random.number(code));
        pairs.push((number(), number()));
    }
    pairs
}

fn saturated<T: Integer>(wide: i128) -> T {
    T::wrapped(wide.clamp(T::LOWEST, T::HIGHEST))
}

type Unary = (&'static str, fn(i128, u32) -> i128);
type Binary<T> = (&'static str, fn(T, T) -> T);

fn width<T: Integer>() -> u32 {
    T::SIZE as u32 * 8
}

/// The value's bits without sign.
fn unsigned<T: Integer>(x: i128) -> u64 {
    x as u64 & (u64::MAX >> (64 - width::<T>()))
}

/// The product of two 64-bit numbers fits in 128 bits only without a sign bit.
fn high_half<T: Integer>(x: T, y: T) -> i128 {
    let (x, y) = (x.wide(), y.wide());
    if x >= 0 && y >= 0 {
        ((x as u128 * y as u128) >> width::<T>()) as i128
    } else {
        (x * y) >> width::<T>()
    }
}

fn check<T: Integer>() {
    let unary: &[Unary] = &[
        ("abs", |x, _| x.abs()),
        ("clz", |x, bits| {
            i128::from((x as u64).leading_zeros()) - 64 + i128::from(bits)
        }),
        ("ctz", |x, bits| {
            i128::from((x as u64).trailing_zeros().min(bits))
        }),
        ("popcount", |x, _| i128::from((x as u64).count_ones())),
    ];
    let binary: &[Binary<T>] = &[
        ("abs_diff", |x, y| T::wrapped((x.wide() - y.wide()).abs())),
        ("add_sat", |x, y| saturated(x.wide() + y.wide())),
        ("sub_sat", |x, y| saturated(x.wide() - y.wide())),
        ("hadd", |x, y| T::wrapped((x.wide() + y.wide()) >> 1)),
        ("rhadd", |x, y| T::wrapped((x.wide() + y.wide() + 1) >> 1)),
        ("mul_hi", |x, y| T::wrapped(high_half(x, y))),
        ("max", |x, y| T::wrapped(x.wide().max(y.wide()))),
        ("min", |x, y| T::wrapped(x.wide().min(y.wide()))),
        ("rotate", |x, y| {
            let count = (y.wide() & i128::from(width::<T>() - 1)) as u32;
            let doubled = unsigned::<T>(x.wide()) as u128;
            let doubled = (doubled << width::<T>() | doubled) << count >> width::<T>();
            T::wrapped(doubled as i128)
        }),
    ];
    let name = |name: &str, count: usize| mangled(name, &T::CODE.repeat(count));
    let ternary = [
        name("mad_hi", 3),
        name("mad_sat", 3),
        name("clamp", 3),
        name("bitselect", 3),
    ];
    let symbols = unary.iter().map(|(n, _)| name(n, 1));
    let symbols = symbols.chain(binary.iter().map(|(n, _)| name(n, 2)));
    let builtins = Builtins::new(symbols.chain(ternary.iter().cloned()));
    let [mad_hi, mad_sat, clamp, bitselect] = ternary.each_ref().map(|one| builtins.get(one));
    let pairs = pairs::<T>();
    for (called, expected) in unary {
        let function = builtins.get(&name(called, 1));
        for (x, _) in &pairs {
            let argument = if *called == "abs" {
                x.wide()
            } else {
                i128::from(unsigned::<T>(x.wide()))
            };
            let expected = T::wrapped(expected(argument, width::<T>()));
            assert_eq!(function.of1::<T, T>(*x), expected, "{called}({x:?})");
        }
    }
    for (called, expected) in binary {
        let function = builtins.get(&name(called, 2));
        for (x, y) in &pairs {
            let result: T = function.of2(*x, *y);
            assert_eq!(result, expected(*x, *y), "{called}({x:?}, {y:?})");
        }
    }
    let mut random = Random::new(3);
    for (x, y) in pairs {
        let z = T::from_bits(random.bits());
        // Saturation in 128 bits only happens far outside the range of 64.
        let product = x.wide().saturating_mul(y.wide());
        let high = high_half(x, y) + z.wide();
        assert_eq!(mad_hi.of3::<T, T, T, T>(x, y, z), T::wrapped(high));
        let expected: T = saturated(product.saturating_add(z.wide()));
        assert_eq!(
            mad_sat.of3::<T, T, T, T>(x, y, z),
            expected,
            "mad_sat({x:?}, {y:?}, {z:?})"
        );
        if x.wide() <= y.wide() {
            let expected = T::wrapped(z.wide().clamp(x.wide(), y.wide()));
            assert_eq!(clamp.of3::<T, T, T, T>(z, x, y), expected);
        }
        let chosen = (x.bits() & !z.bits()) | (y.bits() & z.bits());
        assert_eq!(bitselect.of3::<T, T, T, T>(x, y, z), T::from_bits(chosen));
    }
}

#[test]
fn integer_functions_match_wide_arithmetic() {
    check::<i8>();
    check::<u8>();
    check::<i16>();
    check::<u16>();
    check::<i32>();
    check::<u32>();
    check::<i64>();
    check::<u64>();
}

#[test]
fn upsample_and_24_bit_products() {
    let symbols = ["ch", "hh", "st", "tt", "ij", "jj"].map(|types| mangled("upsample", types));
    let products = ["_Z5mul24ii", "_Z5mul24jj", "_Z5mad24iii", "_Z5mad24jjj"].map(str::to_owned);
    let builtins = Builtins::new(symbols.iter().chain(&products));
    let [chars, uchars, shorts, ushorts, ints, uints] = symbols.each_ref().map(|s| builtins.get(s));
    assert_eq!(chars.of2::<i8, u8, i16>(-2, 0x81), -0x200 + 0x81);
    assert_eq!(uchars.of2::<u8, u8, u16>(0xfe, 0x81), 0xfe81);
    assert_eq!(shorts.of2::<i16, u16, i32>(-2, 0x8001), -0x20000 + 0x8001);
    assert_eq!(ushorts.of2::<u16, u16, u32>(0xfffe, 0x8001), 0xfffe_8001);
    assert_eq!(
        ints.of2::<i32, u32, i64>(-2, 0x8000_0001),
        -0x2_0000_0000 + 0x8000_0001
    );
    assert_eq!(
        uints.of2::<u32, u32, u64>(0xffff_fffe, 0x8000_0001),
        0xffff_fffe_8000_0001
    );
    let [mul, umul, mad, umad] = products.each_ref().map(|s| builtins.get(s));
    assert_eq!(mul.of2::<i32, i32, i32>(-8_388_608, 255), -8_388_608 * 255);
    assert_eq!(
        umul.of2::<u32, u32, u32>(0xff_ffff, 0xff_ffff),
        0xff_ffffu32.wrapping_mul(0xff_ffff)
    );
    assert_eq!(
        mad.of3::<i32, i32, i32, i32>(-7, 5, i32::MAX),
        i32::MAX - 35
    );
    assert_eq!(umad.of3::<u32, u32, u32, u32>(7, 5, u32::MAX), 34);
}
