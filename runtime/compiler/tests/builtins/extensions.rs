//! Functions of extensions are declared to programs of the versions that have them.

use crate::run::{run, try_build};

/// Runs a kernel body once, with `x` the number 3, under each of the versions; it is to add to
/// `wrong` 1 for each thing that is wrong, and may use the other three numbers of `out`.
fn nothing_is_wrong(versions: &[&str], body: &str) {
    let source = format!(
        "kernel void check(global const int *in, global int *out) {{
            int x = in[0];
            int wrong = 0;
            {body}
            out[0] = wrong;
        }}"
    );
    for version in versions {
        let mut out = [-1; 4];
        let options = format!("-cl-std=CL{version} -Werror");
        run(&source, &options, [1, 1], [1, 1], &[3], &mut out, &[]);
        assert_eq!(out[0], 0, "{version}: {body}");
    }
}

#[test]
fn fields_of_bits() {
    nothing_is_wrong(
        &["1.0", "1.2", "2.0", "3.0"],
        "wrong += bitfield_insert((uchar)x, (uchar)0xf6, 4, 3) != 0x63;
        wrong += any(bitfield_insert((long3)(x), (long3)(-1), 62, 2) != (long3)(3L - (1L << 62)));
        wrong += bitfield_extract_signed((ushort)(x << 14), 14, 2) != -1;
        wrong += any(bitfield_extract_unsigned((int2)(-x), 30, 2) != (uint2)(3));
        wrong += bit_reverse((char)x) != (char)0xc0 || bit_reverse((ulong)x) != 3ul << 62;",
    );
    let log = try_build(
        "kernel void f(global float *p) { *p = bit_reverse(*p); }",
        "",
    )
    .unwrap_err();
    assert!(log.contains("bit_reverse"), "{log}");
}

#[test]
fn dot_products_of_bytes() {
    nothing_is_wrong(
        &["1.0", "1.2", "2.0", "3.0"],
        "char4 s = (char4)(-1, 2, -128, (char)x);
        uchar4 u = (uchar4)(255, 1, 128, 4);
        wrong += dot(s, s) != 1 + 4 + 16384 + 9 || dot(u, u) != 65025 + 1 + 16384 + 16;
        wrong += dot(s, u) != -255 + 2 - 16384 + 12 || dot(u, s) != dot(s, u);
        wrong += dot_acc_sat(s, u, INT_MIN) != INT_MIN || dot_acc_sat(u, u, UINT_MAX) != UINT_MAX;
        wrong += dot_4x8packed_su_int(as_uint(s), as_uint(u)) != dot(s, u);
        wrong += dot_acc_sat_4x8packed_us_int(as_uint(u), as_uint(s), 5) != dot(u, s) + 5;
        wrong += dot((float4)(1, 2, 3, x), (float4)(1)) != 9 || dot(2.0f, 1.5f) != 3;",
    );
}

#[test]
fn atomic_floating_point_numbers() {
    for (atomic, number) in [("atomic_float", "float"), ("atomic_double", "double")] {
        let object = format!("{atomic} *object = (global {atomic} *)(out + 2)");
        let local = format!("local {atomic} memory; local {atomic} *object = &memory");
        // A generic pointer of which it cannot be seen where it leads.
        let either = format!(
            "local {atomic} memory; {atomic} *volatile any = x == 3 ? ({atomic} *)(out + 2) : &memory;
            {atomic} *object = any"
        );
        for object in [format!("global {object}"), local, either] {
            nothing_is_wrong(
                &["2.0", "3.0"],
                &format!(
                    "{object};
        atomic_init(object, 1);
        wrong += atomic_fetch_add(object, 0.5f) != 1;
        wrong += atomic_fetch_sub_explicit(object, 2, memory_order_relaxed) != 1.5f;
        wrong += atomic_load(object) != -0.5f;
        wrong += atomic_fetch_min(object, -x) != -0.5f;
        wrong += atomic_fetch_max_explicit(object, 7, memory_order_acq_rel, memory_scope_device) != -3;
        wrong += atomic_fetch_min_explicit(object, NAN, memory_order_seq_cst) != 7;
        wrong += atomic_fetch_max(object, NAN) != 7;
        wrong += atomic_exchange(object, NAN) != 7 || !isnan(atomic_fetch_max(object, 2));
        wrong += atomic_exchange(object, NAN) != 2 || !isnan(atomic_fetch_min(object, x));
        wrong += atomic_fetch_min(object, 4) != 3 || atomic_fetch_max(object, 2) != 3;
        wrong += atomic_exchange(object, NAN) != 3 || !isnan(atomic_fetch_min(object, NAN));
        wrong += !isnan(atomic_exchange(object, -0.0f)) || atomic_fetch_max(object, 0) != 0;
        wrong += atomic_exchange(object, -INFINITY) != 0;
        wrong += atomic_fetch_add_explicit(object, INFINITY, memory_order_release) != -INFINITY;
        {number} last = atomic_load_explicit(object, memory_order_acquire, memory_scope_work_group);
        wrong += !isnan(last);"
                ),
            );
        }
    }
}

#[test]
fn hints_of_what_is_likely_and_true_change_nothing() {
    // Nothing of OpenCL C has them, but programs ask clang whether it does.
    nothing_is_wrong(
        &["1.0", "1.2", "2.0", "3.0"],
        "
        #if !__has_builtin(__builtin_expect) || !__has_builtin(__builtin_assume)
        #error clang has them
        #endif
        if (__builtin_expect(x, 0)) {
            barrier(CLK_GLOBAL_MEM_FENCE);
            out[1] = x;
        }
        __builtin_assume(x >= 0);
        barrier(CLK_GLOBAL_MEM_FENCE);
        wrong += out[1] != 3 || __builtin_expect((long)x / 2, 7l) != 1;",
    );
}
