//! Kernels that run several work-items at once give what they give one at a time.

use isocl_compiler::lanes::Lanes;

use crate::launch::{Arg, Kernel, Range};

/// Runs `kernel void k(global int *out, int n)` with every width and compares `out`, which has
/// `ITEMS` elements and starts with small numbers.
pub fn same_in_lanes(source: &str) {
    const ITEMS: usize = 4096;
    const SEEDS: [i32; 5] = [0, 1, 5, 37, -3];
    let run = |width: Option<u32>| {
        let arguments = [Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
        let lanes = width.map(|width| Lanes {
            is_line: matches!(width, 8 | 32),
            is_uniform: width >= 16,
            ..Lanes::any(width)
        });
        let kernel = Kernel::in_lanes(source, &arguments, lanes);
        let mut results = Vec::new();
        for n in SEEDS {
            for (global, local) in [(64, 64), (100, 50), (7, 7)] {
                let mut out: Vec<i32> = (0..ITEMS as i32).map(|i| i * 37 % 101).collect();
                let mut arguments = [Arg::Ints(&mut out), Arg::Bytes(&n.to_le_bytes())];
                kernel.run(Range::line(global, local), &mut arguments, false);
                results.push(out);
            }
        }
        results
    };
    let expected = run(None);
    for width in [4, 8, 16, 32] {
        for (number, (got, want)) in run(Some(width)).iter().zip(&expected).enumerate() {
            let differs = got.iter().zip(want).position(|(got, want)| got != want);
            if let Some(at) = differs {
                panic!(
                    "width {width}, run {number}: out[{at}] is {} instead of {}\n{source}",
                    got[at], want[at]
                );
            }
        }
    }
}

#[test]
fn ifs_in_ifs() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0), x = out[i], y = 3;
            if (x % 3 == 0) { y = x / 2; if (x > 50) y -= n; else if (x & 4) y ^= x; }
            else if (n > 2) { y += n; if (x < 20 && i % 5 != 2 || x > 90) y *= 7; }
            out[i] = y;
        }",
    );
}

#[test]
fn narrow_indices_that_wrap_where_lanes_take_turns() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0);
            uchar narrow = i + 250 + n;
            atomic_add(&out[narrow], i + 1);
            if (i % 3) atomic_xor(&out[512 + narrow], i);
            out[1024 + i] = ((global uchar *)out)[narrow + 3000];
            out[2048 + i] = out[narrow];
        }",
    );
}

#[test]
fn lanes_that_take_turns_often_need_no_more_stack() {
    let variables = |adds: i32| {
        let adds = (0..adds).map(|n| format!("if (x & {n}) atomic_add(&out[x + {n}], x);"));
        let adds: String = adds.collect();
        let source = format!(
            "kernel void k(global int *out, int n) {{ int x = out[get_global_id(0)]; {adds} }}"
        );
        let arguments = [Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
        let kernel = Kernel::in_lanes(&source, &arguments, Some(Lanes::any(8)));
        let lines = kernel.ir.lines();
        let is_variable = |line: &&str| line.contains("%turns") && line.contains("= alloca");
        lines.filter(is_variable).count()
    };
    assert!(variables(3) > 0);
    assert_eq!(variables(3), variables(60));
}

#[test]
fn lanes_take_turns_by_small_elements_of_memory() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            local int bins[64];
            int i = get_global_id(0), l = get_local_id(0);
            for (int b = l; b < 64; b += get_local_size(0)) bins[b] = b;
            barrier(CLK_LOCAL_MEM_FENCE);
            global uchar *bytes = (global uchar *)(out + 512);
            global short *words = (global short *)(out + 1024);
            for (int b = 0; b < 4; b++) {
                atomic_add(&bins[bytes[i * 5 + b] & 63], i);
                atomic_sub(&bins[(words[i * 3 + b] + n) / 4 & 31], b);
                if (bytes[i * 9] & 4) atomic_inc(&bins[bytes[i * 9] & 63]);
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            for (int b = l; b < 64; b += get_local_size(0))
                out[2048 + get_group_id(0) * 64 + b] = bins[b];
        }",
    );
}

#[test]
fn loops_that_end_at_different_times() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0), x = out[i], sum = 0, last = -1;
            for (int j = 0; j < x; j++) {
                if (j * j > x * 9) break;
                if ((j ^ i) % 3 == 0) continue;
                sum += j * n;
                last = j;
                if (sum > 4000) { sum -= 7; break; }
            }
            do { sum = sum * 3 + 1; last++; } while (sum % 8 != 1 && last < 60);
            out[i] = sum + 1000 * last;
        }",
    );
}

#[test]
fn loops_in_loops_and_early_returns() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0), x = out[i], found = 0;
            for (int a = 0; a < x % 9; a++) {
                for (int b = a; b < n + 4; b++) {
                    if (a * b == x % 7) { found = a * 100 + b; goto done; }
                    if ((a + b + i) % 11 == 10) { out[i] = -b; return; }
                    found++;
                }
                if (found > 20) break;
            }
            done:
            out[i] = found;
        }",
    );
}

#[test]
fn switches_with_and_without_fall_through() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0), x = out[i], y = n;
            switch (x % 6) {
            case 0: y = 7; break;
            case 1: y += 3;
            case 2: y *= 2; break;
            case 4: for (int j = 0; j < i % 5; j++) y += x; return;
            default: y = -y;
            }
            switch (n) { case 1: y += 100; break; case 5: y -= i; }
            out[i] = y;
        }",
    );
}

#[test]
fn private_arrays_and_vectors() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0), a[7];
            for (int j = 0; j < 7; j++) a[j] = out[i] + j * n;
            a[(i + n) & 3] = 5;
            int4 v = (int4)(a[0], a[1], a[i % 7], i);
            v[i & 3] += 9;
            v.xz = v.zx * 2;
            int4 w = v > (int4)(40) ? v : -v;
            char4 c = convert_char4_sat(w);
            private int *p = i & 1 ? &a[1] : &a[3];
            *p += as_int(c);
            out[i] = a[1] + a[3] * 3 + w.x + w.w * 5 + v.y;
        }",
    );
}

#[test]
fn addresses_of_all_kinds() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0), size = get_global_size(0);
            global int *in = out + 1024, *to = out + 2048;
            int sum = in[i] + in[n & 7] + in[2 * i] + in[size - 1 - i] + in[in[i] & 63];
            int3 three = vload3(i, in);
            vstore3(three.zxy, i, to);
            if (i % 3) to[1000 + i] = sum; else to[1000] = 4;
            ((global char *)(to + 1200))[i * (n & 1 ? 1 : 2)] = sum;
            ((global short *)(to + 1400))[i] = sum >> 3;
            ((global long *)(to + 1600))[i] = (long)sum * i;
            out[i] = sum;
        }",
    );
}

#[test]
fn narrow_indices_that_wrap_between_lanes() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            uint i = get_global_id(0), below = i - 5u;
            if (below < 50u) out[below] += 3;
            uchar small = (uchar)(250 + i);
            out[200 + small] = i;
            ushort wide = (ushort)(65530u + i);
            if (wide < 100) out[600 + wide] = n;
            int far = (int)(i + 2147483640u);
            out[800 + (far & 127)] = far;
        }",
    );
}

#[test]
fn what_is_done_for_ids_on_one_side_of_a_bound() {
    // A barrier behind each, so that it is all that a region does.
    let short = "out[i + place] += 7 * i + n;";
    for id in ["int", "uint", "size_t", "long"] {
        for inside in [short, LONG_WAY, LOOP] {
            if id != "int" && inside != short {
                continue;
            }
            let comparisons = ["<", "<=", ">", ">=", "==", "!="].into_iter().enumerate();
            let steps: String = comparisons
                .map(|(number, comparison)| {
                    let place = 256 * number;
                    format!(
                        "place = {place};
                        if (id {comparison} ({id})(n * 2)) {{ {inside} }}
                        barrier(CLK_GLOBAL_MEM_FENCE);
                        place += 128;
                        if (({id})(n + 16) {comparison} l) {{ {inside} }} else out[i + place] = l;
                        barrier(CLK_GLOBAL_MEM_FENCE);"
                    )
                })
                .collect();
            same_in_lanes(&format!(
                "kernel void k(global int *out, int n) {{
                    int i = get_global_id(0), place;
                    {id} id = get_global_id(0), l = get_local_id(0);
                    {steps}
                    if (id >= ({id})(n + 20)) return;
                    out[2048 + i] = i;
                }}"
            ));
        }
    }
}

/// More instructions than are emitted twice.
const LONG_WAY: &str = "int a = out[i + place], b = a * 3 ^ n, c = b + i * 5;
    a = (a << 3) + (b >> 2) - c * n; b = (b ^ a) * 7 + i; c = (c & a) | (b << 1);
    a += b * c - (a >> 5); b -= (c ^ n) * a; out[i + place] = a + b + c;";

/// A way with a loop.
const LOOP: &str = "for (int k = i & 3; k < 9; k++) out[i + place] += k * out[i + place] + 1;";

#[test]
fn ids_on_either_side_of_a_bound() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            size_t i = get_global_id(0), l = get_local_id(0), first = i - l;
            size_t bounds[] = {n, n + 13, first + 15, first + 16, (size_t)-1, 0, 1ul << 32};
            for (int b = 0; b < 7; b++) {
                size_t bound = bounds[b];
                int sides = (i < bound) | (i <= bound) << 1 | (i > bound) << 2 | (i >= bound) << 3
                    | (bound < l) << 4 | (bound <= l) << 5 | (bound > l) << 6 | (bound >= l) << 7
                    | (i == bound) << 8 | ((long)l < (long)bound) << 9;
                out[i * 8 + b] = sides;
            }
        }",
    );
}

#[test]
fn division_in_lanes_that_do_not_divide() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0), x = out[i] - 50, y = i % 7 - 3, z = 1;
            if (y != 0) z = x / y + x % y;
            if (i & 1) z += (uint)x / (uint)(i & 2 ? n | 1 : 3);
            out[i] = z;
        }",
    );
}

#[test]
fn atomics_on_few_addresses() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            local int bins[4], most;
            int i = get_global_id(0), l = get_local_id(0);
            if (l < 4) bins[l] = 0;
            if (l == 0) most = -1000;
            barrier(CLK_LOCAL_MEM_FENCE);
            int x = out[i + 200];
            atomic_add(&bins[x & 3], x);
            atomic_max(&most, x * n);
            if (x & 8) atomic_inc(&bins[1]);
            atomic_xor(out, x);
            if (x % 5 == 0) atomic_sub(out + 1, i);
            barrier(CLK_LOCAL_MEM_FENCE);
            out[10 + i] = bins[i & 3] + most;
        }",
    );
}

#[test]
fn floating_point_and_its_builtins() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0);
            float x = out[i] * 0.37f - 9.0f, y = n * 0.5f + i;
            float2 v = (float2)(sin(x), sqrt(fabs(y)));
            float z = x > 0 ? pow(x, 1.5f) : exp(x) - native_cos(y);
            z += fmin(v.x, v.y) + ldexp(x, i & 3) + fract(y, &x) + (isnan(z) ? 1.0f : x);
            double d = (double)z * 3.0 + floor(y);
            out[i] = as_int(z) ^ (int)d;
            out[1000 + i] = convert_int_sat_rte(z * 1e8f);
        }",
    );
}

#[test]
fn rows_of_two_dimensions() {
    let source = "kernel void k(global int *out, int n) {
        int x = get_global_id(0), y = get_global_id(1), z = get_local_id(2);
        int i = (z * 6 + y) * 20 + x;
        out[i] = x + 100 * y + 10000 * z + n * (int)get_local_linear_id();
    }";
    let run = |width: Option<u32>| {
        let mut out = vec![0; 20 * 6 * 2];
        let arguments = [Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
        let kernel = Kernel::in_lanes(source, &arguments, width.map(Lanes::any));
        let range = Range {
            dimensions: 3,
            global: [20, 6, 2],
            local: [20, 3, 2],
            offset: [0; 3],
        };
        let mut arguments = [Arg::Ints(&mut out), Arg::Bytes(&3i32.to_le_bytes())];
        kernel.run(range, &mut arguments, false);
        out
    };
    assert_eq!(run(Some(8)), run(None));
}

/// 2.5 ulp with denormals, whatever the divisor, with the sign and the special values of IEEE 754.
#[test]
fn quotients_by_what_a_launch_fixes() {
    let source = "kernel void k(global float *out, global const float *in, float d, float e) {
        size_t i = get_global_id(0);
        out[i] = in[i] / (d * e);
    }";
    let ints = |values: &[f32]| {
        values
            .iter()
            .map(|x| x.to_bits() as i32)
            .collect::<Vec<_>>()
    };
    let numbers: Vec<f32> = [
        0.0, 1e-45, 3e-42, 1.2e-38, 7e-20, 0.3, 1.0, 5.5, 3e19, 2.9e38,
    ]
    .into_iter()
    .flat_map(|x: f32| [x, -x])
    .chain([
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::MAX,
        f32::MIN_POSITIVE,
    ])
    .collect();
    let arguments = || {
        [
            Arg::Ints(&mut []),
            Arg::Ints(&mut []),
            Arg::Bytes(&[0; 4]),
            Arg::Bytes(&[0; 4]),
        ]
    };
    for width in [None, Some(8)] {
        let kernel = Kernel::in_lanes(source, &arguments(), width.map(Lanes::any));
        assert!(!kernel.ir.contains("fdiv <"), "{}", kernel.ir);
        for &divisor in &numbers {
            let (mut out, mut input) = (vec![0; numbers.len()], ints(&numbers));
            kernel.run(
                Range::line(numbers.len() as u64, numbers.len() as u64),
                &mut [
                    Arg::Ints(&mut out),
                    Arg::Ints(&mut input),
                    Arg::Bytes(&divisor.to_le_bytes()),
                    Arg::Bytes(&1f32.to_le_bytes()),
                ],
                false,
            );
            for (&dividend, bits) in numbers.iter().zip(out) {
                let (got, exact) = (f32::from_bits(bits as u32), dividend / divisor);
                let place = |x: f32| i64::from(x.abs().to_bits());
                let right = match exact.is_nan() {
                    true => got.is_nan(),
                    false => {
                        got.is_sign_negative() == exact.is_sign_negative()
                            && (place(got) - place(exact)).abs() <= 2
                    }
                };
                assert!(
                    right,
                    "{dividend:e} / {divisor:e} is {exact:e}, not {got:e}"
                );
            }
        }
    }
}

#[test]
fn ways_that_are_rare_and_ways_that_meet_with_others() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0), x = out[i], y = 1, z = 2;
            if (__builtin_expect(x % 7 == n, 0)) y = x * 3;
            if (__builtin_expect(x % 5 == 1, 0)) { z = y - n; if (x > 40) { y++; if (i & 1) z ^= 9; } }
            if (__builtin_expect(x > 3, 1)) y += z; else z = x;
            for (int k = 0; k < x % 4; k++) {
                if (y & 1) { y = y * 5 + k; continue; }
                if (z & 2) { if (k == 1) z += y; else continue; }
                y ^= k;
            }
            out[i] = y + z * 1000;
        }",
    );
}

#[test]
fn sine_and_cosine_of_one_argument_are_computed_together() {
    let source = "kernel void k(global float *p) {
        int i = get_global_id(0);
        float x = p[i], y = p[i + 64];
        p[i] = sin(x) * cos(x) + tan(x);
        p[i + 64] = cos(y);
    }";
    let kernel = Kernel::in_lanes(source, &[Arg::Ints(&mut [])], None);
    // 2 / pi, with which the reduction to a quarter turn begins.
    let reductions = kernel.ir.matches("float 0x3FE45F3060000000").count();
    assert_eq!(reductions, 2, "{}", kernel.ir);
}

#[test]
fn wide_vectors_are_taken_apart_where_results_are_waited_for() {
    let source = "kernel void k(global int *out, int n) {
        int i = get_global_id(0);
        int8 a = i, b = a * 3;
        for (int j = 0; j < n + 2; j++) {
            a = a * b + a; b = b * a - 7; a = a * b + a; b = b * a + 3;
            a.s3 ^= b.s7;
            b = b.s76543210;
        }
        out[i] = a.s0 + b.s1 * 3 + a[n & 7];
    }";
    same_in_lanes(source);
    let arguments = [Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
    let kernel = Kernel::in_lanes(source, &arguments, Some(Lanes::any(16)));
    assert!(kernel.ir.contains("mul <16 x i32>"), "{}", kernel.ir);
}

#[test]
fn private_arrays_whose_elements_lie_side_by_side() {
    let source = "kernel void k(global int *out, int n) {
        int i = get_global_id(0), words[16] = {0};
        short halves[12];
        char4 bytes[8];
        double pairs[2][4];
        for (int j = 0; j < 12; j++) halves[j] = out[i] + j * n;
        for (int j = 0; j < 8; j++) bytes[j] = (char4)(j, i, n, out[i]);
        for (int j = 0; j < 8; j++) pairs[j >> 2][j & 3] = i * j;
        for (int j = 0; j < n + 3; j++) {
            words[j & 15] += halves[j % 12] * 3;
            if (out[i] & 1) { words[(j + 5) & 15] ^= i; bytes[j & 7].z += 3; }
            if (out[i] > 50) { int cleared[8] = {0}; cleared[j & 7] = i; words[3] += cleared[i & 7]; }
            words[(i + j) & 15] += bytes[(i ^ j) & 7].y + bytes[j & 7].w;
            pairs[j & 1][out[i] & 3] += halves[(i * 3) % 12];
        }
        int sum = 0;
        for (int j = 0; j < 16; j++) sum = sum * 3 + words[j];
        for (int j = 0; j < 8; j++) sum = sum * 5 + bytes[j].z + (int)pairs[j & 1][j >> 1];
        out[i] = sum;
    }";
    same_in_lanes(source);
}

#[test]
fn an_index_that_all_lanes_agree_on_makes_one_access() {
    let source = "kernel void k(global int *out, int n) {
        int i = get_global_id(0), words[16];
        for (int j = 0; j < 16; j++) words[(j * 5) & 15] = i * j;
        for (int j = 0; j < n; j++) words[j & 15] += words[(j * 7 + 3) & 15] * i;
        int sum = 0;
        for (int j = 0; j < 16; j++) sum = sum * 3 + words[(j + n) & 15];
        out[i] = sum;
    }";
    same_in_lanes(source);
    let arguments = [Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
    let kernel = Kernel::in_lanes(source, &arguments, Some(Lanes::any(16)));
    assert!(!kernel.ir.contains("masked.gather"), "{}", kernel.ir);
    assert!(kernel.ir.contains("load <16 x i32>"), "{}", kernel.ir);
}

#[test]
fn private_arrays_of_which_a_use_is_not_known() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int i = get_global_id(0), words[8], others[8];
            for (int j = 0; j < 8; j++) { words[j] = i + j; others[j] = n - j; }
            int *from = out[i] & 1 ? words : others;
            uchar *bytes = (uchar *)others;
            bytes[i & 31] += 3;
            int sum = (int)((ulong)&words[i & 7] - (ulong)words);
            for (int j = 0; j < 8; j++) sum = sum * 3 + from[(j + n) & 7] + others[(i + j) & 7];
            out[i] = sum;
        }",
    );
}

#[test]
fn functions_called_a_thousand_times_are_not_copied() {
    let step = "x = mixed(x, i + n); ".repeat(1200);
    let source = |qualifier: &str, steps: &str| {
        format!(
            "{qualifier} int mixed(int x, int y) {{
                for (int j = 0; j < 3; j++) {{
                    x ^= y << 3; y += x * 5 + (x >> 7); x -= y % 11;
                    if (x & 1) y ^= x * 3; else x += y >> 2;
                }}
                return x + y;
            }}
            kernel void k(global int *out, int n) {{
                int i = get_global_id(0), x = out[i];
                {steps}
                out[i] = x;
            }}"
        )
    };
    let run = |source: &str| {
        let mut out: Vec<i32> = (0..64).map(|i| i * 37 % 101).collect();
        let arguments = [Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
        let kernel = Kernel::in_lanes(source, &arguments, Some(Lanes::any(16)));
        let mut arguments = [Arg::Ints(&mut out), Arg::Bytes(&5i32.to_le_bytes())];
        kernel.run(Range::line(64, 64), &mut arguments, false);
        (out, kernel.ir.contains("call i32 @mixed"))
    };
    let looped = "for (int t = 0; t < 1200; t++) x = mixed(x, i + n);";
    let (want, is_called) = run(&source("", looped));
    assert!(!is_called);
    assert_eq!(run(&source("", &step)), (want, true));
}
