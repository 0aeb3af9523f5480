//! Work-group collective functions.

use crate::item::compare;
use crate::launch::{Arg, Kernel, Range};

/// Local ids of the work-group of `item`, as values `f(global id)`.
fn group(item: &crate::item::Item, f: impl Fn(i32) -> i32) -> Vec<i32> {
    let start = item.global_id - item.local_id;
    (start..start + item.local_size)
        .map(|g| f(g as i32))
        .collect()
}

#[test]
fn reductions_and_scans_of_integers() {
    compare(
        "kernel void k(global int *out, int n) {
            int g = get_global_id(0), v = (g * 37 + n) % 19 - 9; global int *o = out + g * 4;
            o[0] = work_group_reduce_add(v) * 10000 + work_group_reduce_min(v) * 100
                 + work_group_reduce_max(v);
            o[1] = work_group_scan_inclusive_add(v); o[2] = work_group_scan_exclusive_add(v);
            o[3] = work_group_scan_inclusive_max(v) * 100 + work_group_scan_inclusive_min(v); }",
        |item, n| {
            let values = group(item, |g| (g * 37 + n) % 19 - 9);
            let until = &values[..=item.local_id];
            let (min, max) = (values.iter().min().unwrap(), values.iter().max().unwrap());
            let sum: i32 = values.iter().sum();
            let first = item.global_id * 4;
            item.out.set(first, sum * 10000 + min * 100 + max);
            item.out.set(first + 1, until.iter().sum());
            item.out.set(first + 2, until[..item.local_id].iter().sum());
            let (min, max) = (until.iter().min().unwrap(), until.iter().max().unwrap());
            item.out.set(first + 3, max * 100 + min);
        },
    );
}

#[test]
fn collectives_in_loops_and_conditions() {
    compare(
        "kernel void k(global int *out, int n) {
            int g = get_global_id(0), i = get_local_id(0), left = i, turns = 0;
            while (work_group_any(left > 0)) { left -= 2; turns++; }
            for (int j = 0; j < n; j++) turns += work_group_broadcast(i * j, j % get_local_size(0));
            if (n > 3) turns += work_group_all(i < 100) * 1000;
            out[g] = turns + work_group_scan_exclusive_max(i); }",
        |item, n| {
            let s = item.local_size as i32;
            let mut turns = s / 2;
            for j in 0..n {
                turns += j % s * j;
            }
            if n > 3 {
                turns += 1000;
            }
            let i = item.local_id as i32;
            let max = if i == 0 { i32::MIN } else { i - 1 };
            item.out.set(item.global_id, turns.wrapping_add(max));
        },
    );
}

/// Nothing stands between the calls, and what the later ones take was known before the first.
#[test]
fn one_result_where_work_items_are_not_known_to_go_together() {
    compare(
        "kernel void k(global int *out, int n) {
            local int first[1];
            int g = get_global_id(0), turns = 0, seen = 0;
            if (get_local_id(0) == 0) first[0] = n;
            barrier(CLK_LOCAL_MEM_FENCE);
            int2 x = 0;
            x.s0 = first[0];
            do {
                turns++;
                for (uint i = 0; i < 1; i++) { seen = seen * 3 + x.s0; x = work_group_reduce_max(n - 1); }
            } while (turns < 4 && x.s0);
            out[g] = seen * 100 + turns; }",
        |item, n| {
            let (mut turns, mut seen, mut x) = (0, 0i32, n);
            loop {
                turns += 1;
                (seen, x) = (seen * 3 + x, n - 1);
                if turns == 4 || x == 0 {
                    break;
                }
            }
            item.out.set(item.global_id, seen * 100 + turns);
        },
    );
}

#[test]
fn collectives_that_follow_each_other_at_once() {
    compare(
        "kernel void k(global int *out, int n) {
            int g = get_global_id(0), v = (g * 37 + n) % 19;
            int a = work_group_reduce_max(v), b = work_group_reduce_max(v),
                c = work_group_reduce_add(v), d = work_group_scan_inclusive_add(v),
                e = work_group_broadcast(v, 0), f = work_group_broadcast(v, 0);
            out[g] = (a != b) * 1000000 + a * 10000 + c + d * 7 + (e - f) * 500000 + e; }",
        |item, n| {
            let values = group(item, |g| (g * 37 + n) % 19);
            let (max, sum): (i32, i32) = (*values.iter().max().unwrap(), values.iter().sum());
            let until: i32 = values[..=item.local_id].iter().sum();
            let result = max * 10000 + sum + until * 7 + values[0];
            item.out.set(item.global_id, result);
        },
    );
}

#[test]
fn identities_of_unsigned_and_floating_point_scans() {
    let kernel = Kernel::new(
        "kernel void k(global int *out) {
            global int *o = out + get_global_id(0) * 4; uint u = get_local_id(0); float f = u * 0.5f;
            o[0] = work_group_scan_exclusive_min(u); o[1] = work_group_scan_exclusive_max(u);
            o[2] = as_int(work_group_scan_exclusive_min(f));
            o[3] = work_group_reduce_add((ulong)u << 32) >> 32; }",
        &[Arg::Ints(&mut [])],
    );
    let mut out = [0; 16];
    kernel.run(Range::line(4, 4), &mut [Arg::Ints(&mut out)], false);
    assert_eq!(out[..4], [-1, 0, f32::INFINITY.to_bits() as i32, 6]);
    assert_eq!(out[12..], [0, 2, 0, 6]);
}

#[test]
fn broadcast_in_two_dimensions() {
    let kernel = Kernel::new(
        "kernel void k(global int *out) {
            out[get_global_linear_id()] = work_group_broadcast((int)get_global_linear_id(), 2, 1); }",
        &[Arg::Ints(&mut [])],
    );
    let range = Range {
        dimensions: 2,
        global: [6, 4, 1],
        local: [3, 2, 1],
        offset: [0; 3],
    };
    let mut out = [0; 24];
    kernel.run(range, &mut [Arg::Ints(&mut out)], true);
    for (linear, value) in out.into_iter().enumerate() {
        let (x, y) = (linear % 6 / 3 * 3 + 2, linear / 6 / 2 * 2 + 1);
        assert_eq!(value as usize, y * 6 + x);
    }
}

/// The call's block goes straight to a block with phis.
#[test]
fn loops_and_choices_that_follow_a_collective_at_once() {
    compare(
        "kernel void k(global int *out, int n) {
            int g = get_global_id(0), s = g * 3, t = 0;
            work_group_reduce_add(3);
            for (int i = 0; i < 8; ++i) s += 1 << i;
            int all = work_group_reduce_add(g + n);
            for (int i = 5; i > 0; i--) { work_group_broadcast(i, 0); for (int j = 1; j < 4; j++) t += i * j; }
            out[g] = s + all * 1000 + t; }",
        |item, n| {
            let all: i32 = group(item, |g| g + n).iter().sum();
            let g = item.global_id as i32;
            item.out.set(item.global_id, g * 3 + 255 + all * 1000 + 90);
        },
    );
}

/// LLVM knows that no other value comes.
#[test]
fn a_collective_before_a_switch_that_knows_all_values() {
    compare(
        "kernel void k(global int *out, int n) {
            int g = get_global_id(0), v = 0, x = 0;
            for (uint i = 0; i < (n & 1); ++i) {
                v = work_group_reduce_add(g);
                switch ((uint)(0.0f != convert_float((uint)get_global_id(1) & 127)) % 3) {
                    case 0: x |= 1; break;
                    case 1: break;
                    default: break;
                }
            }
            out[g] = v; }",
        |item, n| {
            let sum: i32 = group(item, |g| g).iter().sum();
            item.out.set(item.global_id, (n & 1) * sum);
        },
    );
}
