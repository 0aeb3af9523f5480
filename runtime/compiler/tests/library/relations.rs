//! Relational functions, selection, shuffles, common and geometric functions.

use crate::jit::{builtin, mangled, Builtins};
use crate::math_float::error_in_ulp;
use crate::random::Random;

const VALUES: [f64; 12] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e-310,
    1e-40,
    1.1754943508222875e-38,
    2.2250738585072014e-308,
    1e300,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

#[test]
fn relations_of_floating_point() {
    type Relation = fn(f64, f64) -> bool;
    let binary: [(&str, Relation); 9] = [
        ("isequal", |x, y| x == y),
        ("isnotequal", |x, y| x != y),
        ("isgreater", |x, y| x > y),
        ("isgreaterequal", |x, y| x >= y),
        ("isless", |x, y| x < y),
        ("islessequal", |x, y| x <= y),
        ("islessgreater", |x, y| x != y && !x.is_nan() && !y.is_nan()),
        ("isordered", |x, y| !x.is_nan() && !y.is_nan()),
        ("isunordered", |x, y| x.is_nan() || y.is_nan()),
    ];
    for (name, relation) in binary {
        let (float, double) = (builtin(name, "ff"), builtin(name, "dd"));
        for x in VALUES {
            for y in VALUES {
                let expected = i32::from(relation(x, y));
                assert_eq!(
                    double.of2::<f64, f64, i32>(x, y),
                    expected,
                    "{name}({x:e}, {y:e})"
                );
                let expected = i32::from(relation(f64::from(x as f32), f64::from(y as f32)));
                let result: i32 = float.of2(x as f32, y as f32);
                assert_eq!(result, expected, "{name}({x:e}, {y:e}) of float");
            }
        }
    }
    type Property = (&'static str, fn(f64) -> bool, fn(f32) -> bool);
    let unary: [Property; 5] = [
        ("isfinite", f64::is_finite, f32::is_finite),
        ("isinf", f64::is_infinite, f32::is_infinite),
        ("isnan", f64::is_nan, f32::is_nan),
        ("isnormal", f64::is_normal, f32::is_normal),
        ("signbit", f64::is_sign_negative, f32::is_sign_negative),
    ];
    for (name, of_double, of_float) in unary {
        let (float, double) = (builtin(name, "f"), builtin(name, "d"));
        for x in VALUES {
            assert_eq!(
                double.of1::<f64, i32>(x),
                i32::from(of_double(x)),
                "{name}({x:e})"
            );
            let result: i32 = float.of1(x as f32);
            assert_eq!(
                result,
                i32::from(of_float(x as f32)),
                "{name}({x:e}) of float"
            );
        }
    }
}

#[test]
fn any_and_all_look_at_the_highest_bits() {
    for (code, size) in [('c', 1usize), ('s', 2), ('i', 4), ('l', 8)] {
        for width in [1usize, 2, 3, 4, 8, 16] {
            let parameters = match width {
                1 => code.to_string(),
                _ => format!("Dv{width}_{code}"),
            };
            let (any, all) = (builtin("any", &parameters), builtin("all", &parameters));
            let call = |function: &crate::jit::Builtin, negative: &dyn Fn(usize) -> bool| {
                let mut argument = vec![0x7f; width * size];
                for lane in (0..width).filter(|lane| negative(*lane)) {
                    argument[(lane + 1) * size - 1] = 0x80;
                }
                let mut result = [0; 4];
                function.call(&mut [&mut argument], &mut result);
                i32::from_le_bytes(result)
            };
            assert_eq!((call(&any, &|_| false), call(&all, &|_| false)), (0, 0));
            assert_eq!((call(&any, &|_| true), call(&all, &|_| true)), (1, 1));
            for chosen in 0..width {
                assert_eq!(call(&any, &|lane| lane == chosen), 1);
                assert_eq!(call(&all, &|lane| lane != chosen), 0);
            }
        }
    }
}

#[test]
fn scalars_are_selected_by_any_bit() {
    let select = builtin("select", "iij");
    assert_eq!(select.of3::<i32, i32, u32, i32>(1, 2, 0), 1);
    assert_eq!(select.of3::<i32, i32, u32, i32>(1, 2, 1), 2);
    let select = builtin("select", "Dv2_fS_Dv2_i");
    let mut values = [[1f32, 2.0], [3.0, 4.0]].map(|pair| {
        let [a, b] = pair.map(f32::to_le_bytes);
        [a, b].concat()
    });
    let [a, b] = &mut values;
    let mut choice = [1i32.to_le_bytes(), (-1i32).to_le_bytes()].concat();
    let mut result = [0; 8];
    select.call(&mut [a, b, &mut choice], &mut result);
    assert_eq!(
        result[..4],
        1f32.to_le_bytes(),
        "bit 0 does not select a component"
    );
    assert_eq!(result[4..], 4f32.to_le_bytes());
}

#[test]
fn shuffles_take_the_low_bits_of_the_mask() {
    let mut random = Random::new(4);
    for (code, mask_code, size) in [
        ('c', 'h', 1usize),
        ('t', 't', 2),
        ('f', 'j', 4),
        ('d', 'm', 8),
    ] {
        for from in [2usize, 4, 8, 16] {
            for to in [2usize, 4, 8, 16] {
                let (x, mask) = (format!("Dv{from}_{code}"), format!("Dv{to}_{mask_code}"));
                let same = x == mask;
                let one = mangled(
                    "shuffle",
                    &if same {
                        format!("{x}S_")
                    } else {
                        format!("{x}{mask}")
                    },
                );
                let two = mangled(
                    "shuffle2",
                    &if same {
                        format!("{x}S_S_")
                    } else {
                        format!("{x}S_{mask}")
                    },
                );
                let builtins = Builtins::new([&one, &two]);
                let mut bytes = |count: usize| -> Vec<u8> {
                    (0..count * size).map(|_| random.bits() as u8).collect()
                };
                let (mut a, mut b, mut mask) = (bytes(from), bytes(from), bytes(to));
                let component = |index: usize, count: usize| {
                    let index = usize::from(mask[index * size]) & (count - 1);
                    let source = if index < from { &a } else { &b };
                    source[index % from * size..][..size].to_vec()
                };
                let expected_one: Vec<u8> = (0..to).flat_map(|n| component(n, from)).collect();
                let expected_two: Vec<u8> = (0..to).flat_map(|n| component(n, 2 * from)).collect();
                let mut result = vec![0; to * size];
                builtins
                    .get(&one)
                    .call(&mut [&mut a, &mut mask], &mut result);
                assert_eq!(result, expected_one, "{one}");
                builtins
                    .get(&two)
                    .call(&mut [&mut a, &mut b, &mut mask], &mut result);
                assert_eq!(result, expected_two, "{two}");
            }
        }
    }
}

#[test]
fn common_functions() {
    let mix = builtin("mix", "fff");
    assert_eq!(mix.of3::<f32, f32, f32, f32>(1.0, 3.0, 0.25), 1.5);
    let step = builtin("step", "ff");
    assert_eq!(step.of2::<f32, f32, f32>(1.0, 0.5), 0.0);
    assert_eq!(step.of2::<f32, f32, f32>(1.0, 1.0), 1.0);
    let smoothstep = builtin("smoothstep", "ddd");
    assert_eq!(smoothstep.of3::<f64, f64, f64, f64>(0.0, 2.0, 0.5), 0.15625);
    assert_eq!(smoothstep.of3::<f64, f64, f64, f64>(0.0, 2.0, 5.0), 1.0);
    assert_eq!(smoothstep.of3::<f64, f64, f64, f64>(0.0, 2.0, -5.0), 0.0);
    let sign = builtin("sign", "f");
    let signs = [2.5f32, -0.1, 0.0, -0.0, f32::NAN].map(|x| sign.of1::<f32, f32>(x).to_bits());
    assert_eq!(signs, [1.0f32, -1.0, 0.0, -0.0, 0.0].map(f32::to_bits));
    let degrees: f32 = builtin("degrees", "f").of1(1.0f32);
    assert!(error_in_ulp(degrees, 1f64.to_degrees()) <= 2.0);
    let radians: f64 = builtin("radians", "d").of1(180.0f64);
    assert!((radians - std::f64::consts::PI).abs() < 1e-15);
}

fn floats(values: &[f64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|x| (*x as f32).to_le_bytes())
        .collect()
}

#[test]
fn lengths_survive_extreme_components() {
    let lanes = |bytes: &[u8]| -> Vec<f64> {
        let float = |b: &[u8]| f64::from(f32::from_le_bytes(b.try_into().unwrap()));
        bytes.chunks(4).map(float).collect()
    };
    let cases: [&[f64]; 8] = [
        &[3.0, 4.0],
        &[1e-30, -1e-30, 2e-30],
        &[1e30, 1e30, -1e30, 1e30],
        &[1e-44, 0.0],
        &[0.0, 0.0, 0.0],
        &[1.5, -2.5, 3.25],
        &[7.0],
        &[-1e38, 3e38, 0.0, 1e-38],
    ];
    for case in cases {
        let case: Vec<f64> = case.iter().map(|x| f64::from(*x as f32)).collect();
        let vector = match case.len() {
            1 => "f".to_owned(),
            n => format!("Dv{n}_f"),
        };
        let square: f64 = case.iter().map(|x| x * x).sum();
        let mut argument = floats(&case);
        let mut result = [0; 4];
        builtin("length", &vector).call(&mut [&mut argument], &mut result);
        let limit = 2.75 + 0.5 * case.len() as f64;
        let length = f32::from_le_bytes(result);
        assert!(
            error_in_ulp(length, square.sqrt()) <= limit,
            "length({case:?}) = {length:e}"
        );
        let mut unit = vec![0; 4 * case.len()];
        builtin("normalize", &vector).call(&mut [&mut argument], &mut unit);
        for (got, x) in lanes(&unit).into_iter().zip(&case) {
            let exact = if square == 0.0 {
                0.0
            } else {
                x / square.sqrt()
            };
            let limit = 2.0 + case.len() as f64;
            assert!(
                error_in_ulp(got as f32, exact) <= limit,
                "normalize({case:?}): {got:e}"
            );
        }
    }
    let mut infinite = floats(&[f64::INFINITY, 1.0, f64::NEG_INFINITY]);
    let mut unit = vec![0; 12];
    builtin("normalize", "Dv3_f").call(&mut [&mut infinite], &mut unit);
    let half = f64::from(0.5f32.sqrt());
    for (got, exact) in lanes(&unit).into_iter().zip([half, 0.0, -half]) {
        assert!((got - exact).abs() < 1e-6);
    }
    let length: f64 = builtin("length", "d").of1(-1e200f64);
    assert_eq!(length, 1e200);
    let doubles = |values: [f64; 2]| values.map(f64::to_le_bytes).concat();
    for scale in [1e200, 1e-200, 1e-320] {
        let mut result = [0; 8];
        let argument = &mut doubles([3.0 * scale, 4.0 * scale]);
        builtin("length", "Dv2_d").call(&mut [argument], &mut result);
        let relative = f64::from_le_bytes(result) / (5.0 * scale) - 1.0;
        assert!(relative.abs() < 1e-3 && (scale < 1e-310 || relative.abs() < 1e-15));
    }
    // Components so far apart that scaling both for the length takes bits from the small one.
    let cases = [
        (1.666_f64 * 2f64.powi(581), 1.001_f64 * 2f64.powi(-439)),
        (1.777_f64 * 2f64.powi(560), 1.6875 * 2f64.powi(-483)),
    ];
    for (large, small) in cases {
        let mut unit = [0; 16];
        let argument = &mut doubles([-large, small]);
        builtin("normalize", "Dv2_d").call(&mut [argument], &mut unit);
        let unit: Vec<_> = unit
            .chunks(8)
            .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        let exact = small / large;
        assert_eq!(unit[0], -1.0);
        assert!(
            (unit[1] - exact).abs() <= exact * 1e-15,
            "{:e} {exact:e}",
            unit[1]
        );
    }
}

#[test]
fn products_of_vectors() {
    let (mut x, mut y) = (floats(&[1.0, 2.0, 3.0, 9.0]), floats(&[4.0, 5.0, 6.0, 9.0]));
    let mut result = [0; 16];
    builtin("cross", "Dv4_fS_").call(&mut [&mut x, &mut y], &mut result);
    assert_eq!(result.to_vec(), floats(&[-3.0, 6.0, -3.0, 0.0]));
    let mut result = [0; 4];
    builtin("dot", "Dv4_fS_").call(&mut [&mut x, &mut y], &mut result);
    assert_eq!(f32::from_le_bytes(result), 113.0);
    builtin("distance", "Dv4_fS_").call(&mut [&mut x, &mut y], &mut result);
    assert!(error_in_ulp(f32::from_le_bytes(result), 27f64.sqrt()) <= 4.75);
    builtin("fast_distance", "Dv4_fS_").call(&mut [&mut x, &mut y], &mut result);
    assert!(error_in_ulp(f32::from_le_bytes(result), 27f64.sqrt()) <= 8192.0);
}
