//! Quotients by a root are as exact as OpenCL C 3.0 §7.4 wants them in the lanes of vectors too.

use isocl_compiler::lanes::Lanes;

use crate::launch::{Arg, Kernel, Range};

/// Largest error of `exact` among `results` in units in the last place.
fn worst(of: &[i32], results: &[i32], exact: impl Fn(f64) -> f64) -> f64 {
    let mut worst = 0.0f64;
    for (&of, &result) in of.iter().zip(results) {
        let argument = f32::from_bits(of as u32);
        let result = f64::from(f32::from_bits(result as u32));
        let exact = exact(f64::from(argument));
        if exact.is_nan() || exact.is_infinite() || exact == 0.0 {
            assert!(
                result.is_nan() && exact.is_nan() || result == exact,
                "{argument}: {result}"
            );
            assert_eq!(
                result.is_sign_negative(),
                exact.is_sign_negative() || exact.is_nan() && result.is_sign_negative()
            );
            continue;
        }
        let unit = 2.0f64.powi((exact.abs().log2().floor() as i32).max(-126) - 23);
        worst = worst.max((result - exact).abs() / unit);
    }
    worst
}

fn check(expression: &str, exact: impl Fn(f64) -> f64, limit: f64) {
    let source = format!(
        "kernel void k(global int *out) {{
            int i = get_global_id(0);
            float x = as_float(out[i]);
            out[i] = as_int({expression});
        }}"
    );
    let edges = [
        0.0,
        -0.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::MAX,
        f32::MIN_POSITIVE,
        1e-45,
        -1e-45,
        -1.0,
        1.0,
        0.99999994,
        4.0,
        3.9999998,
    ];
    let edges = edges.map(|edge: f32| edge.to_bits() as i32);
    let mut arguments: Vec<i32> = (0..1 << 15).map(|n| n * 65_521).chain(edges).collect();
    arguments.resize(arguments.len().next_multiple_of(64), 0);
    for width in [4, 8, 16, 32] {
        let lanes = Lanes::any(width);
        let kernel = Kernel::in_lanes(&source, &[Arg::Ints(&mut [])], Some(lanes));
        let mut results = arguments.clone();
        let range = Range::line(results.len() as u64, 64);
        kernel.run(range, &mut [Arg::Ints(&mut results)], false);
        let error = worst(&arguments, &results, &exact);
        assert!(error <= limit, "{expression} in {width} lanes: {error} ulp");
        if std::arch::is_x86_feature_detected!("avx512vl") {
            assert!(kernel.ir.contains("rsqrt14"), "{}", kernel.ir);
        }
    }
}

#[test]
fn reciprocal_root() {
    check("rsqrt(x)", |x| 1.0 / x.sqrt(), 2.0);
    check("native_rsqrt(x)", |x| 1.0 / x.sqrt(), 2.0);
}

#[test]
fn quotient_by_a_root() {
    check("3.5f / sqrt(x)", |x| 3.5 / x.sqrt(), 4.0);
}
