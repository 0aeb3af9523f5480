//! Whole programs: source to running kernel, through the messages that the runtime sends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod launch;
mod limits;
mod linking;
mod requests;

use isocl_compiler_interface::message::Failure;
use launch::{build, printed, Program, Value};

fn program(source: &str) -> Program {
    build(source, "-cl-std=CL3.0").unwrap_or_else(|(failure, log)| panic!("{failure:?}\n{log}"))
}

fn memory<T>(data: &mut [T]) -> Value<'static> {
    Value::Memory(data.as_mut_ptr().cast())
}

#[test]
fn ids_sizes_and_offsets_in_three_dimensions() {
    let p = program(
        "kernel void ids(global ulong *out) {
            size_t x = get_global_id(0) - get_global_offset(0), y = get_global_id(1) - get_global_offset(1), z = get_global_id(2) - get_global_offset(2);
            size_t i = (z * get_global_size(1) + y) * get_global_size(0) + x;
            out[i] = get_global_linear_id() * 1000000 + get_local_size(0) * 10000 + get_local_linear_id() * 100 + get_group_id(2) * 10 + get_enqueued_local_size(1);
            if (get_global_id(3) != 0 || get_global_size(7) != 1 || get_local_id(9) != 0 || get_num_groups(5) != 1) out[i] = 7;
        }",
    );
    let mut out = vec![0u64; 7 * 3 * 4];
    p.run_from("ids", [5, 6, 7], [7, 3, 4], [4, 2, 2], &[memory(&mut out)]);
    for (i, value) in out.iter().enumerate() {
        let (x, y, z) = (i % 7, i / 7 % 3, i / 21);
        let (sx, sy) = (if x < 4 { 4 } else { 3 }, if y < 2 { 2 } else { 1 });
        let linear = (z % 2 * sy + y % 2) * sx + x % 4;
        let expected = i * 1000000 + sx * 10000 + linear * 100 + z / 2 * 10 + 2;
        assert_eq!(*value, expected as u64, "({x}, {y}, {z})");
    }
}

/// More instructions in a row than LLVM can order in reasonable time, in a loop and behind it.
#[test]
fn thousands_of_statements() {
    const VARIABLES: usize = 12;
    let statement = |number: usize| {
        let pick = |salt: usize| number.wrapping_mul(2_654_435_761) / salt % VARIABLES;
        (pick(7), pick(53), pick(401), (number * 37 + 11) as u32)
    };
    let text: String = (0..3000)
        .map(|number| {
            let (to, a, b, c) = statement(number);
            format!("x{to} = (x{a} ^ {c}u) * 3 + (x{b} >> 5);\n")
        })
        .collect();
    let each = |form: &dyn Fn(usize) -> String| (0..VARIABLES).map(form).collect::<String>();
    let p = program(&format!(
        "kernel void k(global uint *out, int rounds) {{
            size_t i = get_global_id(0);
            {}
            for (int round = 0; round < rounds; round++) {{ {text} }}
            {}
        }}",
        each(&|v| format!("uint x{v} = out[i * {VARIABLES} + {v}];\n")),
        each(&|v| format!("out[i * {VARIABLES} + {v}] = x{v};\n"))
    ));
    let items = 20;
    let mut out: Vec<u32> = (0..items * VARIABLES as u32).map(|i| i * i * 77).collect();
    let mut expected = out.clone();
    for x in expected.chunks_mut(VARIABLES) {
        for number in (0..3).flat_map(|_| 0..3000) {
            let (to, a, b, c) = statement(number);
            x[to] = (x[a] ^ c).wrapping_mul(3).wrapping_add(x[b] >> 5);
        }
    }
    let rounds = 3i32.to_le_bytes();
    let size = [u64::from(items), 1, 1];
    p.run("k", size, size, &[memory(&mut out), Value::Bytes(&rounds)]);
    assert_eq!(out, expected);
}

/// Rows of all kinds, one after the other in one program, also of a kernel that never runs in lanes.
#[test]
fn launches_of_all_shapes_share_a_program() {
    let p = program(
        "kernel void k(global uint *out) {
            size_t i = get_global_id(1) * get_global_size(0) + get_global_id(0);
            out[i] = get_local_linear_id() * 100 + get_group_id(0);
        }
        kernel void wide(global uint *out) {
            size_t i = get_global_id(1) * get_global_size(0) + get_global_id(0);
            uint16 sum = (uint16)(get_group_id(0)) + (uint16)(get_local_linear_id()) * 100;
            out[i] = (sum * 3 - sum * 2).s7;
        }",
    );
    for x in [
        1u64, 2, 3, 4, 5, 7, 8, 12, 16, 17, 24, 31, 32, 33, 48, 64, 100,
    ] {
        for (global, local) in [(x, x), (2 * x, x), (x + 3, x)] {
            for name in ["k", "wide"] {
                let mut out = vec![0u32; 3 * global as usize];
                p.run(name, [global, 3, 1], [local, 3, 1], &[memory(&mut out)]);
                for (at, value) in (0u64..).zip(out) {
                    let (i, row) = (at % global, at / global);
                    let size = local.min(global - i / local * local);
                    let expected = (row * size + i % local) * 100 + i / local;
                    assert_eq!(u64::from(value), expected, "{name} {global} {local} {at}");
                }
            }
        }
    }
}

#[test]
fn ids_around_the_end_of_32_bits() {
    let p = program(
        "kernel void k(global uint *out) {
            uint i = get_global_id(0);
            out[get_global_id(0) - get_global_offset(0)] = i / 16 + (i < 8 ? 5 : 0);
        }",
    );
    for offset in [
        (1 << 30) - 16,
        (1 << 31) - 16,
        (1 << 32) - 16,
        (1 << 40) - 16,
    ] {
        let mut out = vec![0u32; 32];
        p.run_from(
            "k",
            [offset, 0, 0],
            [32, 1, 1],
            [32, 1, 1],
            &[memory(&mut out)],
        );
        for (i, value) in (0u64..).zip(out) {
            let id = (offset + i) as u32;
            assert_eq!(value, id / 16 + if id < 8 { 5 } else { 0 }, "{offset} {i}");
        }
    }
}

#[test]
fn atomics_of_both_generations() {
    let p = program(
        "kernel void old(global int *a, global uint *b, global float *f, local int *l) {
            atomic_add(a, 2); atomic_inc(a + 1); atomic_dec(a + 2); atomic_max(a + 3, (int)get_global_id(0) - 5);
            atomic_min(a + 4, -(int)get_global_id(0)); atomic_or(b, 1u << get_global_id(0) % 32); atomic_xor(b + 1, 1u);
            atomic_min(b + 2, 0x80000000u + (uint)get_global_id(0));
            if (get_global_id(0) == 3) { atomic_cmpxchg(a + 5, 9, 11); atomic_cmpxchg(a + 6, 8, 11); f[1] = atomic_xchg(f, 2.5f); }
            if (get_local_id(0) == 0) *l = 0;
            barrier(CLK_LOCAL_MEM_FENCE);
            atomic_add(l, 1);
            barrier(CLK_LOCAL_MEM_FENCE);
            if (get_local_id(0) == 0) a[8 + get_group_id(0)] = *l;
        }
        kernel void modern(global atomic_int *a, global atomic_ulong *u, global int *old, global atomic_flag *flag, global atomic_float *f, int order) {
            atomic_fetch_add_explicit(a, 3, memory_order_relaxed, memory_scope_device);
            atomic_fetch_max(u, (ulong)get_global_id(0));
            atomic_fetch_sub_explicit(a + 1, 1, memory_order_acq_rel, memory_scope_all_svm_devices);
            if (get_global_id(0) == 1) {
                atomic_init(a + 2, 5);
                int expected = 4;
                bool first = atomic_compare_exchange_strong(a + 2, &expected, 9);
                old[0] = first * 100 + expected;
                bool second = atomic_compare_exchange_strong_explicit(a + 2, &expected, 9, memory_order_seq_cst, memory_order_relaxed, memory_scope_device);
                old[1] = second * 100 + expected + atomic_load_explicit(a + 2, memory_order_acquire);
                old[2] = atomic_flag_test_and_set(flag) * 10 + atomic_flag_test_and_set_explicit(flag, memory_order_acquire, memory_scope_work_group);
                atomic_flag_clear(flag);
                atomic_store_explicit(f, 1.5f, memory_order_release);
                old[3] = (int)(atomic_exchange(f, 7.0f) * 2);
                atomic_work_item_fence(CLK_GLOBAL_MEM_FENCE, memory_order_seq_cst, memory_scope_device);
                old[4] = atomic_exchange_explicit(a + 3, 1, order ? memory_order_relaxed : memory_order_seq_cst, memory_scope_device);
            }
        }",
    );
    let (mut a, mut b, mut f) = ([0i32; 16], [0u32, 0, u32::MAX], [1.0f32, 0.0]);
    a[5] = 9;
    a[6] = 9;
    p.run(
        "old",
        [64, 1, 1],
        [16, 1, 1],
        &[
            memory(&mut a),
            memory(&mut b),
            memory(&mut f),
            Value::Local(4),
        ],
    );
    assert_eq!(a[..7], [128, 64, -64, 58, -63, 11, 9]);
    assert_eq!(a[8..12], [16; 4]);
    assert_eq!(b, [u32::MAX, 0, 0x8000_0000]);
    assert_eq!(f, [2.5, 1.0]);
    let (mut a, mut u, mut old, mut flag, mut f) = ([0i32; 4], [0u64], [0i32; 8], [0i32], [0.0f32]);
    a[3] = 66;
    let values = [
        memory(&mut a),
        memory(&mut u),
        memory(&mut old),
        memory(&mut flag),
        memory(&mut f),
        Value::Bytes(&[1, 0, 0, 0]),
    ];
    p.run("modern", [64, 1, 1], [16, 1, 1], &values);
    assert_eq!(a, [192, -64, 9, 1]);
    assert_eq!((u, f, flag), ([63], [7.0], [0]));
    assert_eq!(old[..5], [5, 114, 1, 3, 66]);
}

#[test]
fn program_scope_variables_live_between_launches_and_kernels() {
    let p = program(
        "global int counter = 40; constant int table[4] = {1, 2, 4, 8}; global int *global where = &counter;
        kernel void add(int n) { counter += table[n]; static global int calls; calls++; if (calls == 2) *where += 1000; }
        kernel void get(global int *out) { *out = *where; }",
    );
    assert_eq!(p.0.global_variable_bytes, 16);
    let mut out = [0i32];
    p.run("add", [1; 3], [1; 3], &[Value::Bytes(&[3, 0, 0, 0])]);
    p.run("get", [1; 3], [1; 3], &[memory(&mut out)]);
    assert_eq!(out, [48]);
    p.run("add", [1; 3], [1; 3], &[Value::Bytes(&[0, 0, 0, 0])]);
    p.run("get", [1; 3], [1; 3], &[memory(&mut out)]);
    assert_eq!(out, [1049]);
}

#[test]
fn generic_pointers_and_questions_about_them() {
    let p = program(
        "int kind(int *p) {
            if (to_local(p)) return 3; if (to_global(p)) return 1; if (to_private(p)) return 0; return -1; }
        kernel void ask(global int *out, global int *other, int which) {
            local int l; int mine = 5; l = 6;
            int *p = which == 0 ? &mine : which == 1 ? (int *)other : &l;
            out[0] = kind(&mine); out[1] = kind(other); out[2] = kind(&l); out[3] = kind(p); out[4] = kind(0);
            *p = 50 + which;
            out[5] = mine; out[6] = l; out[7] = get_fence(p) == CLK_LOCAL_MEM_FENCE;
        }",
    );
    for (which, expected) in [(0u8, [0, 50, 6, 0]), (1, [1, 5, 6, 0]), (2, [3, 5, 52, 1])] {
        let (mut out, mut other) = ([9i32; 8], [0i32]);
        p.run(
            "ask",
            [1; 3],
            [1; 3],
            &[
                memory(&mut out),
                memory(&mut other),
                Value::Bytes(&[which, 0, 0, 0]),
            ],
        );
        assert_eq!(out[..3], [0, 1, 3]);
        assert_eq!(out[4], -1);
        assert_eq!([out[3], out[5], out[6], out[7]], expected, "{which}");
        assert_eq!(other[0], if which == 1 { 51 } else { 0 });
    }
}

#[test]
fn structures_vectors_and_local_memory() {
    let p = program(
        "typedef struct { float4 v; uchar3 c; short s[5]; } S;
        kernel void f(S s, global float *out, float3 v, char c, local float *l) {
            local float fixed[8];
            size_t i = get_local_id(0);
            s.s[1] += i;
            fixed[i] = s.v.wzyx.x + s.c.s2 + s.s[1];
            l[i] = v.y * c;
            barrier(CLK_LOCAL_MEM_FENCE);
            out[get_global_id(0)] = fixed[7 - i] + l[(i + 1) % 8];
        }",
    );
    let mut s = [0u8; 32];
    s[12..16].copy_from_slice(&4.0f32.to_le_bytes());
    s[18] = 9;
    s[22..24].copy_from_slice(&100i16.to_le_bytes());
    let mut v = [0u8; 16];
    v[4..8].copy_from_slice(&0.5f32.to_le_bytes());
    let mut out = [0.0f32; 16];
    let values = [
        Value::Bytes(&s),
        memory(&mut out),
        Value::Bytes(&v),
        Value::Bytes(&[3]),
        Value::Local(32),
    ];
    p.run("f", [16, 1, 1], [8, 1, 1], &values);
    for (index, value) in out.iter().enumerate() {
        assert_eq!(*value, 4.0 + 9.0 + 100.0 + (7 - index % 8) as f32 + 1.5);
    }
}

#[test]
fn control_flow_of_every_kind() {
    let p = program(
        "int collatz(int n) { int steps = 0; while (n != 1) { if (n & 1) n = 3 * n + 1; else n /= 2; if (++steps > 1000) break; } return steps; }
        kernel void f(global int *out) {
            int i = get_global_id(0), r = 0;
            switch (i % 5) { case 0: r = 10; case 1: r += 1; break; case 2: r = 2; break; case 3: goto there; default: r = -1; }
            do { if (r > 5) continue; r++; } while (r < 3);
            for (int k = 0; k < i; k++) { if (k == 7) break; r += k; }
            there: out[i] = r * 1000 + collatz(i + 1);
        }",
    );
    let mut out = [0i32; 100];
    p.run("f", [100, 1, 1], [10, 1, 1], &[memory(&mut out)]);
    for (i, value) in out.iter().enumerate() {
        let (i, mut r) = (i as i32, 0);
        let mut jump = false;
        match i % 5 {
            0 => r = 11,
            1 => r = 1,
            2 => r = 2,
            3 => jump = true,
            _ => r = -1,
        }
        if !jump {
            while r < 3 {
                r += 1;
            }
            if i % 5 == 0 {
                r = 11;
            }
            r += (0..i.min(7)).sum::<i32>();
        }
        let (mut n, mut steps) = (i + 1, 0);
        while n != 1 {
            n = if n & 1 == 1 { 3 * n + 1 } else { n / 2 };
            steps += 1;
        }
        assert_eq!(*value, r * 1000 + steps, "work-item {i}");
    }
}

#[test]
fn printf_packs_its_arguments() {
    let p = program("kernel void f(global int *g) { printf(\"%d %v3hd %f %s %p %v4hlf\\n\", 5, (short3)(1, 2, 3), 0.5f, \"text\", g, (float4)(1.0f)); }");
    let mut g = [0i32];
    p.run("f", [1; 3], [1; 3], &[memory(&mut g)]);
    let records = printed();
    let [record] = &records[..] else {
        panic!("{records:?}")
    };
    let word = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().unwrap());
    assert_eq!((word(8), word(16) as u32), (0x01_04_00, 5));
    assert_eq!(
        (word(24), word(32) & 0xFFFF_FFFF_FFFF),
        (0x03_02_00, 0x0003_0002_0001)
    );
    assert_eq!((word(40), f64::from_bits(word(48))), (0x01_08_01, 0.5));
    assert_eq!((word(56), word(72)), (0x01_08_02, 0x01_08_02));
    assert_eq!(word(80), g.as_ptr() as u64);
    assert_eq!((word(88), record.len()), (0x04_04_01, 112));
}

#[test]
fn undefined_functions_and_recursion_are_build_errors_with_the_name() {
    let Err((failure, log)) = build(
        "int foo(int); kernel void f(global int *p) { *p = foo(1); }",
        "",
    ) else {
        panic!()
    };
    assert_eq!(failure, Failure::Link);
    assert!(log.contains("foo"), "{log}");
    let Err((failure, _)) = build("kernel void f() { error }", "") else {
        panic!()
    };
    assert_eq!(failure, Failure::Source);
}

#[test]
fn integer_division_never_stops_the_program() {
    let p = program(
        "kernel void f(global int *x, global int *y, global int *q, global int *r) {
            size_t i = get_global_id(0);
            q[i] = x[i] / y[i]; r[i] = x[i] % y[i];
        }
        kernel void narrow(global char4 *x, global char4 *y, global ulong *u) {
            *x = *x / *y; u[0] = u[0] / u[1] + u[0] % u[1]; u[2] = u[2] / 0;
        }",
    );
    let mut x = [7, -7, i32::MIN, i32::MIN, 5, 0, i32::MIN, 100];
    let mut y = [2, 2, -1, 1, 0, 0, 0, -1];
    let (mut q, mut r) = ([0; 8], [0; 8]);
    let values = [
        memory(&mut x),
        memory(&mut y),
        memory(&mut q),
        memory(&mut r),
    ];
    p.run("f", [8, 1, 1], [8, 1, 1], &values);
    assert_eq!((q[0], q[1], q[3], q[7]), (3, -3, i32::MIN, -100));
    assert_eq!((r[0], r[1], r[3], r[7]), (1, -1, 0, 0));
    let (mut x, mut y) = ([-128i8, 9, 10, 127], [-1i8, 0, 3, -1]);
    let mut u = [9u64, 0, 3];
    p.run(
        "narrow",
        [1; 3],
        [1; 3],
        &[memory(&mut x), memory(&mut y), memory(&mut u)],
    );
    assert_eq!(x[2..], [3, -127]);
}

#[test]
fn relaxed_division_stays_within_its_bound() {
    let p = build(
        "kernel void quotients(global float2 *a, global float2 *b, global float2 *out) {
            size_t i = get_global_id(0);
            out[i] = a[i] / b[i];
        }",
        "-cl-fast-relaxed-math",
    )
    .unwrap();
    let mut state = 7u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Exponents for which OpenCL C bounds the error.
        f32::from_bits((state % (1 << 23)) | ((127 - 30 + (state >> 26)) << 23))
    };
    let mut a: Vec<f32> = (0..8192).map(|_| next()).collect();
    let mut b: Vec<f32> = (0..8192).map(|_| next()).collect();
    a[..2].fill(f32::from_bits(0xa88f_e3f3));
    b[..2].fill(f32::from_bits(0x2d15_900e));
    let mut out = vec![0f32; 8192];
    let arguments = [memory(&mut a), memory(&mut b), memory(&mut out)];
    p.run("quotients", [4096, 1, 1], [64, 1, 1], &arguments);
    for ((a, b), quotient) in a.into_iter().zip(b).zip(out) {
        let exact = f64::from(a) / f64::from(b);
        let ulp = f64::from((exact as f32).next_up()) - f64::from(exact as f32);
        let error = (f64::from(quotient) - exact).abs() / ulp;
        assert!(error <= 2.5, "{a:e} / {b:e} = {quotient:e}: {error} ulp");
    }
}
