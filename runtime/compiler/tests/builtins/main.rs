//! Builtins in kernels, through the compiler's messages: what only shows when the library is
//! linked, lowered and run in work-groups.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod extensions;
mod run;
mod sub_groups;

use run::{run, try_build};

#[test]
fn work_group_copies_are_complete_after_waiting() {
    // Ten work-items copy 37 elements each way; the last group is smaller.
    let source = "
        kernel void copy(global const int *in, global int *out, local int *tile, local int *turned) {
            size_t group = get_group_id(0);
            event_t event = async_work_group_copy(tile, in + group * 37, (size_t)37, 0);
            wait_group_events(1, &event);
            for (int i = get_local_id(0); i < 37; i += get_local_size(0))
                turned[36 - i] = tile[i];
            barrier(CLK_LOCAL_MEM_FENCE);
            event = async_work_group_copy(out + group * 37, turned, (size_t)37, event);
            wait_group_events(1, &event);
        }";
    let input: Vec<i32> = (0..111).collect();
    let mut out = vec![0; 111];
    run(source, "", [25, 1], [10, 1], &input, &mut out, &[256, 256]);
    let expected: Vec<i32> = (0..111).map(|i| i / 37 * 37 + 36 - i % 37).collect();
    assert_eq!(out, expected);
}

#[test]
fn strided_copies_step_in_global_memory() {
    let source = "
        kernel void copy(global const int *in, global int *out, local int2 *tile) {
            event_t event = async_work_group_strided_copy(
                tile, (global const int2 *)in, (size_t)9, (size_t)3, 0);
            wait_group_events(1, &event);
            event = async_work_group_strided_copy((global int2 *)out, tile, (size_t)9, (size_t)2, 0);
            wait_group_events(1, &event);
        }";
    let input: Vec<i32> = (0..64).collect();
    let mut out = vec![-1; 64];
    run(source, "", [4, 2], [4, 2], &input, &mut out, &[128]);
    let mut expected = vec![-1; 64];
    for i in 0..9 {
        expected[4 * i] = 6 * i as i32;
        expected[4 * i + 1] = 6 * i as i32 + 1;
    }
    assert_eq!(out, expected);
}

#[test]
fn vectors_of_three_are_copied_like_vectors_of_four() {
    let source = "
        kernel void copy(global const int *in, global int *out, local int3 *tile) {
            event_t event = async_work_group_copy(tile, (global const int3 *)in, (size_t)5, 0);
            wait_group_events(1, &event);
            event = async_work_group_copy((global int3 *)out, tile, (size_t)5, 0);
            wait_group_events(1, &event);
        }";
    let input: Vec<i32> = (1..33).collect();
    let mut out = vec![0; 32];
    run(source, "", [3, 1], [3, 1], &input, &mut out, &[128]);
    assert_eq!(out[..20], input[..20]);
    assert!(out[20..].iter().all(|value| *value == 0));
}

#[test]
fn builtins_of_every_family_link_into_one_kernel() {
    let source = "
        kernel void all_families(global const int *in, global int *out) {
            size_t id = get_global_id(0);
            float x = in[id] * 0.25f;
            double wide = tgamma((double)x + 1.0) + erf((double)x);
            float whole, cosine;
            int exponent;
            float s = sincos(x, &cosine) + fract(x, &whole) + frexp(x, &exponent);
            float4 v = normalize((float4)(x, 1.0f, 2.0f, 3.0f));
            v = shuffle(v, (uint4)(3, 2, 1, 0)) + clamp(v, 0.0f, 1.0f) + mix(v, v.wzyx, 0.5f);
            int4 r = convert_int4_sat_rte(v * 1e10f) + rotate((int4)(1), (int4)(in[id]));
            uchar8 bytes = vload8(id, (global const uchar *)in);
            uint sum = popcount(upsample(bytes.s0, bytes.s1)) + mad24(3u, 4u, 5u) + any(r < 0);
            float power = pow(x + 1.0f, 1.5f) + native_exp(-x) + half_sqrt(x) + lgamma(x + 1.0f);
            float rest = fmod(x, 0.75f) + remainder(x, 3.0f) + ldexp(x, 2) + length(v.xyz);
            ushort stored[4];
            vstore_half4_rtz(v, 0, (half *)stored);
            float loaded = vload_half(2, (half *)stored);
            bool good = isfinite(wide) && isfinite(s + cosine + whole + exponent) && isfinite(power)
                && isfinite(rest + loaded) && sum >= 17;
            out[id] = select(0, in[id], (int)good);
        }";
    let input: Vec<i32> = (0..64).collect();
    for standard in [
        "",
        "-cl-std=CL1.2",
        "-cl-std=CL2.0",
        "-cl-std=CL3.0",
        "-cl-fast-relaxed-math",
    ] {
        let mut out = vec![-1; 64];
        run(source, standard, [64, 1], [16, 1], &input, &mut out, &[]);
        assert_eq!(out, input, "{standard}");
    }
}

#[test]
fn a_missing_function_is_a_link_error_with_its_name() {
    let log = try_build(
        "int missing(int); kernel void k(global int *p) { *p = missing(*p); }",
        "",
    )
    .expect_err("nothing defines it");
    assert!(log.contains("missing"), "{log}");
}
