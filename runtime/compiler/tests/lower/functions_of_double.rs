//! Mathematical functions of doubles give lanes what they give one work-item, those of the host among them,
//! for which lanes take turns.

use crate::lanes::same_in_lanes;

const UNARY: [&str; 14] = [
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf", "erfc", "sin", "sinh",
    "tanh", "tgamma",
];

const BINARY: [&str; 4] = ["atan2", "fmod", "hypot", "remainder"];

/// A kernel that leaves the first nine digits of what `result` is, or what kind of number. Now and then
/// x and y are extreme.
fn source(result: &str) -> String {
    format!(
        "constant double extremes[8] = {{ INFINITY, -INFINITY, 3.5, -0.0, 1e-310, 1e300, 1.0, -1.0 }};
        double extreme(int i) {{ return i == 2 ? NAN : extremes[i]; }}
        int digits(double x) {{
            if (isnan(x)) return -1;
            if (isinf(x)) return signbit(x) ? -2 : -3;
            if (x == 0) return signbit(x) ? -4 : -5;
            int exponent;
            double part = frexp(x, &exponent);
            return convert_int_rte(part * 1e9) ^ exponent << 5;
        }}
        kernel void k(global int *out, int n) {{
            int i = get_global_id(0), seed = out[i] + n;
            double x = seed * 0.0371 + 0.001, y = 1.7 - seed * 0.013;
            if (i % 5 == 3) x = extreme(seed & 7);
            if (i % 7 == 4) y = extreme(seed >> 2 & 7);
            {result}
        }}"
    )
}

/// Calls of all functions.
fn calls() -> Vec<String> {
    let unary = UNARY.iter().map(|name| format!("{name}(x)"));
    let binary = BINARY.iter().map(|name| format!("{name}(x, y)"));
    unary.chain(binary).collect()
}

#[test]
fn all_lanes_that_run() {
    for calls in calls().chunks(6) {
        let mix = |call| format!("mix = mix * 31 + digits({call});");
        let all: String = calls.iter().map(mix).collect();
        same_in_lanes(&source(&format!("int mix = 0; {all} out[i] = mix;")));
    }
}

#[test]
fn some_lanes_that_run() {
    let case = |(number, call)| format!("case {number}: x = {call}; break;");
    let cases: String = calls().iter().enumerate().map(case).collect();
    same_in_lanes(&source(&format!(
        "switch ((uint)seed % 23) {{ {cases} }} out[i] = digits(x);"
    )));
    same_in_lanes(&source(
        "for (int j = 0; j < seed % 4; j++) { x = hypot(y, x); y += sin(x); } out[i] = digits(x);",
    ));
}

#[test]
fn what_is_the_same_in_all_lanes() {
    same_in_lanes(&source(
        "double z = n * 0.25; if (x > 0.5) out[i] = digits(sin(z)) + digits(hypot(z, 0.5));",
    ));
}

#[test]
fn vectors_of_the_program() {
    same_in_lanes(&source(
        "double3 v = sin((double3)(x, y, x + y)) + atan2((double3)(y), (double3)(x));
        out[i] = digits(v.x) ^ digits(v.y) * 3 ^ digits(v.z) * 5;",
    ));
}
