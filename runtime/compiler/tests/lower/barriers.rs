//! Barriers in every place the language allows.

use crate::item::compare;
use crate::launch::{Arg, Kernel, Range};

#[test]
fn one_barrier_and_a_value_that_lives_across() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0), g = get_global_id(0);
            int square = (g + 3) * (g + n) / 3;
            a[i] = g;
            barrier(CLK_LOCAL_MEM_FENCE);
            out[g] = a[get_local_size(0) - 1 - i] + square; }",
        |item, n| {
            let g = item.global_id as i32;
            item.local.set(item.local_id, g);
            item.barrier();
            let other = item.local.get(item.local_size - 1 - item.local_id);
            item.out.set(item.global_id, other + (g + 3) * (g + n) / 3);
        },
    );
}

#[test]
fn a_loop_with_two_barriers_and_an_accumulator() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0), s = get_local_size(0), sum = i * 1000;
            for (int j = 0; j < n; j++) {
                a[i] = i * j + 1;
                barrier(CLK_LOCAL_MEM_FENCE);
                sum += a[(i + j) % s];
                barrier(CLK_LOCAL_MEM_FENCE);
            }
            out[get_global_id(0)] = sum; }",
        |item, n| {
            let (i, s) = (item.local_id, item.local_size);
            let mut sum = i as i32 * 1000;
            for j in 0..n as usize {
                item.local.set(i, (i * j + 1) as i32);
                item.barrier();
                sum += item.local.get((i + j) % s);
                item.barrier();
            }
            item.out.set(item.global_id, sum);
        },
    );
}

#[test]
fn a_tree_reduction_with_divergent_work_between_barriers() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0);
            a[i] = get_global_id(0) * n + 1;
            for (int step = 32; step > 0; step /= 2) {
                barrier(CLK_LOCAL_MEM_FENCE);
                if (i < step && i + step < get_local_size(0)) a[i] += a[i + step];
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            out[get_global_id(0)] = a[0]; }",
        |item, n| {
            let start = item.global_id - item.local_id;
            let items = start..start + item.local_size;
            let sum = items.map(|g| g as i32 * n + 1).sum();
            item.out.set(item.global_id, sum);
        },
    );
}

#[test]
fn barriers_on_both_sides_of_a_uniform_condition() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0), s = get_local_size(0), v;
            if (n > 3) {
                a[i] = i; barrier(CLK_LOCAL_MEM_FENCE); v = a[s - 1 - i];
            } else {
                a[i] = i * 2; barrier(CLK_LOCAL_MEM_FENCE); v = a[(i + 1) % s];
                barrier(CLK_LOCAL_MEM_FENCE); a[i] = v + i; barrier(CLK_LOCAL_MEM_FENCE);
                v += a[s - 1 - i];
            }
            out[get_global_id(0)] = v; }",
        |item, n| {
            let (i, s) = (item.local_id, item.local_size);
            let v = if n > 3 {
                s - 1 - i
            } else {
                let v = |i: usize| (i + 1) % s * 2;
                v(i) + v(s - 1 - i) + (s - 1 - i)
            };
            item.out.set(item.global_id, v as i32);
        },
    );
}

#[test]
fn a_condition_read_from_local_memory_is_taken_once() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; local int more; int i = get_local_id(0), turns = 0;
            a[i] = i + n;
            do {
                barrier(CLK_LOCAL_MEM_FENCE);
                if (i == 0) more = 0;
                barrier(CLK_LOCAL_MEM_FENCE);
                if (a[i] > 0) { a[i] -= 3; if (a[i] > 0) more = 1; }
                turns++;
                barrier(CLK_LOCAL_MEM_FENCE);
            } while (more);
            out[get_global_id(0)] = turns; }",
        |item, n| {
            let largest = item.local_size as i32 - 1 + n;
            item.out.set(item.global_id, ((largest + 2) / 3).max(1));
        },
    );
}

#[test]
fn break_continue_and_return_around_barriers() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0), s = get_local_size(0);
            global int *o = out + get_global_id(0) * 4;
            if (n == 0) { o[0] = -1; return; }
            for (int j = 0; ; j++) {
                if (j == n) break;
                if (j % 3 == 1) { o[1] += j; continue; }
                a[i] = i + j;
                barrier(CLK_LOCAL_MEM_FENCE);
                o[0] += a[(i + 1) % s];
                if (j > 7) { o[2] = j; return; }
                barrier(CLK_LOCAL_MEM_FENCE);
                if (j == 6) break;
                if (j & 1) { barrier(CLK_LOCAL_MEM_FENCE); o[1] += a[i]; continue; }
                o[3] += a[i] * s;
            }
            o[2] += 100; }",
        |item, n| {
            let (i, s) = (item.local_id as i32, item.local_size as i32);
            let mut o = [0; 4];
            'all: {
                if n == 0 {
                    o[0] = -1;
                    break 'all;
                }
                for j in 0..n {
                    if j % 3 == 1 {
                        o[1] += j;
                        continue;
                    }
                    o[0] += (i + 1) % s + j;
                    if j > 7 {
                        o[2] = j;
                        break 'all;
                    }
                    if j == 6 {
                        break;
                    }
                    if j & 1 == 1 {
                        o[1] += i + j;
                        continue;
                    }
                    o[3] += (i + j) * s;
                }
                o[2] += 100;
            }
            for (column, value) in o.into_iter().enumerate() {
                item.out.set(item.global_id * 4 + column, value);
            }
        },
    );
}

#[test]
fn nested_loops_with_barriers_in_each() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0), s = get_local_size(0), sum = 0;
            a[i] = 0;
            for (int j = 0; j < n; j++) {
                barrier(CLK_LOCAL_MEM_FENCE);
                for (int l = 0; l < j % 4; l++) {
                    int v = a[(i + l) % s];
                    barrier(CLK_LOCAL_MEM_FENCE);
                    a[i] = v + l + i;
                    barrier(CLK_LOCAL_MEM_FENCE);
                }
                for (int l = 0; l < i; l++) sum += a[l] ^ j;
                barrier(CLK_LOCAL_MEM_FENCE);
                a[i] += j;
            }
            out[get_global_id(0)] = sum; out[get_global_id(0)] += a[i]; }",
        |item, n| {
            let (i, s) = (item.local_id, item.local_size);
            let mut sum = 0;
            for j in 0..n as usize {
                item.barrier();
                for l in 0..j % 4 {
                    let v = item.local.get((i + l) % s);
                    item.barrier();
                    item.local.set(i, v + (l + i) as i32);
                    item.barrier();
                }
                for l in 0..i {
                    sum += item.local.get(l) ^ j as i32;
                }
                item.barrier();
                item.local.set(i, item.local.get(i) + j as i32);
            }
            item.out.set(item.global_id, sum + item.local.get(i));
        },
    );
}

#[test]
fn a_switch_with_fall_through() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0), s = get_local_size(0), v = n;
            a[i] = i;
            switch (n) {
            case 0: barrier(CLK_LOCAL_MEM_FENCE); v += a[s - 1];
            case 1: barrier(CLK_LOCAL_MEM_FENCE); a[i] = v + i;
                    barrier(CLK_LOCAL_MEM_FENCE); v += a[(i + 1) % s]; break;
            case 5: v = 77; break;
            default: barrier(CLK_LOCAL_MEM_FENCE); v -= a[(i + n) % s];
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            a[i] = v;
            barrier(CLK_LOCAL_MEM_FENCE);
            out[get_global_id(0)] = a[s - 1 - i]; }",
        |item, n| {
            let s = item.local_size as i32;
            let value = |i: i32| match n {
                0 => (s - 1) + (s - 1) + (i + 1) % s,
                1 => 1 + 1 + (i + 1) % s,
                5 => 77,
                _ => n - (i + n) % s,
            };
            item.out
                .set(item.global_id, value(s - 1 - item.local_id as i32));
        },
    );
}

#[test]
fn barriers_in_functions_and_private_arrays_across_them() {
    compare(
        "int turn(local int *a, int v) {
            int i = get_local_id(0);
            barrier(CLK_LOCAL_MEM_FENCE); a[i] = v; barrier(CLK_LOCAL_MEM_FENCE);
            return a[(i + 1) % get_local_size(0)];
        }
        void fill(int *p, int n) { for (int j = 0; j < 5; j++) p[j] = j * n; }
        kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0); int p[5], *q = p + n % 5;
            fill(p, i + 1);
            for (int j = 0; j < n; j++) p[(i + j) % 5] += turn(a, p[j % 5]);
            *q += 1000;
            int v = turn(a, i);
            out[get_global_id(0) * 4] = p[0] + p[1] * 3; out[get_global_id(0) * 4 + 1] = p[2] - v;
            out[get_global_id(0) * 4 + 2] = p[3]; out[get_global_id(0) * 4 + 3] = p[4]; }",
        |item, n| {
            let (i, s) = (item.local_id, item.local_size);
            let turn = |v: i32| {
                item.barrier();
                item.local.set(i, v);
                item.barrier();
                item.local.get((i + 1) % s)
            };
            let mut p = [0, 1, 2, 3, 4].map(|j| j * (i as i32 + 1));
            for j in 0..n as usize {
                let other = turn(p[j % 5]);
                p[(i + j) % 5] += other;
            }
            p[n as usize % 5] += 1000;
            let v = turn(i as i32);
            let first = item.global_id * 4;
            item.out.set(first, p[0] + p[1] * 3);
            item.out.set(first + 1, p[2] - v);
            item.out.set(first + 2, p[3]);
            item.out.set(first + 3, p[4]);
        },
    );
}

#[test]
fn addresses_of_private_variables_that_are_chosen_before_a_barrier() {
    compare(
        "kernel void k(global int *out, int n) {
            int a = get_global_id(0), b = n, *p = get_local_id(0) & 1 ? &a : &b;
            *p += 5;
            barrier(CLK_LOCAL_MEM_FENCE);
            *p *= 2;
            barrier(CLK_LOCAL_MEM_FENCE);
            out[get_global_id(0) * 4] = a; out[get_global_id(0) * 4 + 1] = b; }",
        |item, n| {
            let (mut a, mut b) = (item.global_id as i32, n);
            let p = if item.local_id & 1 == 1 {
                &mut a
            } else {
                &mut b
            };
            *p = (*p + 5) * 2;
            item.out.set(item.global_id * 4, a);
            item.out.set(item.global_id * 4 + 1, b);
        },
    );
}

#[test]
fn phis_that_swap_around_a_barrier() {
    compare(
        "kernel void k(global int *out, int n) {
            int g = get_global_id(0), a = g, b = g * 7 + 1;
            do {
                barrier(CLK_LOCAL_MEM_FENCE);
                int t = a; a = b; b = t + 1;
                out[g * 4 + 2] += a;
            } while (--n > 0);
            out[g * 4] = a; out[g * 4 + 1] = b; out[g * 4 + 3] = n; }",
        |item, mut n| {
            let g = item.global_id as i32;
            let (mut a, mut b, mut sum) = (g, g * 7 + 1, 0);
            loop {
                (a, b) = (b, a + 1);
                sum += a;
                n -= 1;
                if n <= 0 {
                    break;
                }
            }
            for (column, value) in [a, b, sum, n].into_iter().enumerate() {
                item.out.set(item.global_id * 4 + column, value);
            }
        },
    );
}

#[test]
fn a_loop_that_begins_and_ends_with_a_barrier_inside_divergent_code_never_reached() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0), v = 1;
            for (int j = 0; j < i; j++) {
                v = v * 3 + j;
                if (n > 1000) { barrier(CLK_LOCAL_MEM_FENCE); v += a[0]; }
                if (v > 500) break;
            }
            a[i] = v;
            barrier(CLK_LOCAL_MEM_FENCE);
            out[get_global_id(0)] = a[get_local_size(0) - 1 - i] + v; }",
        |item, _| {
            let value = |i: i32| {
                let mut v = 1;
                for j in 0..i {
                    v = v * 3 + j;
                    if v > 500 {
                        break;
                    }
                }
                v
            };
            let i = item.local_id as i32;
            let other = value(item.local_size as i32 - 1 - i);
            item.out.set(item.global_id, other + value(i));
        },
    );
}

#[test]
fn divergent_work_then_a_barrier_that_only_uniform_control_reaches() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0), v = i;
            a[i] = 1;
            if (i < 3) { v *= 2; if (n == 12345) { barrier(CLK_LOCAL_MEM_FENCE); v++; } v += 1; }
            else { while (v % 5) { v++; if (n == 4321) barrier(CLK_LOCAL_MEM_FENCE); } }
            barrier(CLK_LOCAL_MEM_FENCE);
            a[i] += v;
            barrier(CLK_LOCAL_MEM_FENCE);
            out[get_global_id(0)] = a[0] * 100 + a[get_local_size(0) - 1] + v; }",
        |item, _| {
            let value = |i: i32| {
                if i < 3 {
                    i * 2 + 1
                } else {
                    (i + 4) / 5 * 5
                }
            };
            let (i, last) = (item.local_id as i32, item.local_size as i32 - 1);
            let want = (value(0) + 1) * 100 + value(last) + 1 + value(i);
            item.out.set(item.global_id, want);
        },
    );
}

#[test]
fn goto_into_and_out_of_loops_with_barriers() {
    compare(
        "kernel void k(global int *out, int n) {
            local int a[64]; int i = get_local_id(0), s = get_local_size(0), v = i, j = 0;
            if (n & 1) goto middle;
        top:
            a[i] = v; barrier(CLK_LOCAL_MEM_FENCE);
            v += a[(i + 1) % s];
        middle:
            barrier(CLK_LOCAL_MEM_FENCE);
            if (++j < n) { v -= j; goto top; }
            out[get_global_id(0)] = v; }",
        |item, n| {
            let (i, s) = (item.local_id, item.local_size);
            let (mut v, mut j) = (i as i32, 0);
            let mut middle = n & 1 == 1;
            loop {
                if !middle {
                    item.local.set(i, v);
                    item.barrier();
                    v += item.local.get((i + 1) % s);
                }
                middle = false;
                item.barrier();
                j += 1;
                if j >= n {
                    break;
                }
                v -= j;
            }
            item.out.set(item.global_id, v);
        },
    );
}

#[test]
fn uniform_values_and_vectors_live_across() {
    compare(
        "kernel void k(global int *out, int n) {
            int4 v = (int4)(get_local_id(0), n, 3, 4); double d = get_global_id(0) / 2.0;
            bool odd = get_local_id(0) & 1; uchar c = n * 3; int q = n ? 100 / n : 0;
            barrier(CLK_LOCAL_MEM_FENCE);
            v = v.yxwz * 2; d *= 3;
            barrier(CLK_LOCAL_MEM_FENCE);
            out[get_global_id(0)] = v.x + v.y * 3 + v.z * 5 + v.w * 7 + (int)d + odd * 1000 + c + q; }",
        |item, n| {
            let i = item.local_id as i32;
            let d = item.global_id as f64 / 2.0 * 3.0;
            let vector = n * 2 + i * 6 + 40 + 42;
            let quotient = if n == 0 { 0 } else { 100 / n };
            let sum = vector + d as i32 + (i & 1) * 1000 + n * 3 + quotient;
            item.out.set(item.global_id, sum);
        },
    );
}

#[test]
fn dynamic_local_memory_next_to_static_and_context() {
    let source = "kernel void k(global int *out, local int *a, local char *b, local int *c) {
            local int s[3]; int i = get_local_id(0), g = get_global_id(0), keep = g * g / 3;
            a[i] = i; b[i] = -i; c[i] = g; if (i < 3) s[i] = i + 1;
            barrier(CLK_LOCAL_MEM_FENCE);
            int j = get_local_size(0) - 1 - i;
            out[g] = a[j] + b[j] * 2 + c[j] * 3 + s[0] + s[1] + s[2] + keep; }";
    let arguments = || [Arg::Local(44), Arg::Local(11), Arg::Local(44)];
    let mut out = [0; 33];
    let mut all = vec![Arg::Ints(&mut out)];
    all.extend(arguments());
    let kernel = Kernel::new(source, &all);
    kernel.run(Range::line(33, 11), &mut all, false);
    drop(all);
    for (g, value) in (0..).zip(out) {
        let (i, group) = (g % 11, g / 11);
        let j = 10 - i;
        assert_eq!(value, j - j * 2 + (group * 11 + j) * 3 + 6 + g * g / 3);
    }
}

#[test]
fn three_dimensional_groups_share_local_memory() {
    let kernel = Kernel::new(
        "kernel void k(global int *out) {
            local int a[2][3][4];
            int x = get_local_id(0), y = get_local_id(1), z = get_local_id(2);
            int keep = (x * 7 + y * 5 + z * 3) % 11;
            a[z][y][x] = get_global_linear_id();
            barrier(CLK_LOCAL_MEM_FENCE);
            out[get_global_linear_id()] = a[get_local_size(2) - 1 - z][y][x] * 100 + keep; }",
        &[Arg::Ints(&mut [])],
    );
    let range = Range {
        dimensions: 3,
        global: [10, 7, 3],
        local: [4, 3, 2],
        offset: [0; 3],
    };
    let mut out = [0; 210];
    kernel.run(range, &mut [Arg::Ints(&mut out)], false);
    for (linear, value) in (0..).zip(out) {
        let (x, y, z) = (linear % 10, linear / 10 % 7, linear / 70);
        let plane = if z < 2 { 1 - z } else { 2 };
        let keep = (x % 4 * 7 + y % 3 * 5 + z % 2 * 3) % 11;
        assert_eq!(value, (plane * 70 + y * 10 + x) * 100 + keep);
    }
}
