//! Work-item functions, arguments, private and local memory in kernels without barriers.

use crate::launch::{Arg, Kernel, Range};

const RANGES: [Range; 4] = [
    Range {
        dimensions: 1,
        global: [100, 1, 1],
        local: [32, 1, 1],
        offset: [7, 0, 0],
    },
    Range {
        dimensions: 2,
        global: [10, 6, 1],
        local: [4, 3, 1],
        offset: [0, 5, 0],
    },
    Range {
        dimensions: 3,
        global: [5, 4, 3],
        local: [5, 2, 2],
        offset: [1, 2, 3],
    },
    Range {
        dimensions: 3,
        global: [1, 1, 9],
        local: [1, 1, 4],
        offset: [0, 0, 0],
    },
];

/// Expected answer of a work-item function in dimension `d` at a local id of a group.
fn expected(name: &str, range: Range, group: [u64; 3], id: [u64; 3], d: usize) -> u64 {
    if d > 2 {
        return match name {
            "get_global_id" | "get_local_id" | "get_group_id" | "get_global_offset" => 0,
            _ => 1,
        };
    }
    let start = group[d] * range.local[d];
    match name {
        "get_global_id" => range.offset[d] + start + id[d],
        "get_local_id" => id[d],
        "get_group_id" => group[d],
        "get_global_offset" => range.offset[d],
        "get_global_size" => range.global[d],
        "get_local_size" => range.local[d].min(range.global[d] - start),
        "get_enqueued_local_size" => range.local[d],
        "get_num_groups" => range.groups()[d],
        _ => unreachable!(),
    }
}

fn for_all_items(range: Range, mut visit: impl FnMut([u64; 3], [u64; 3], usize)) {
    let groups = range.groups();
    for z in 0..range.global[2] {
        for y in 0..range.global[1] {
            for x in 0..range.global[0] {
                let at = [x, y, z];
                let group = [0, 1, 2].map(|d| at[d] / range.local[d]);
                let id = [0, 1, 2].map(|d| at[d] % range.local[d]);
                assert!((0..3).all(|d| group[d] < groups[d]));
                let linear = (z * range.global[1] + y) * range.global[0] + x;
                visit(group, id, linear as usize);
            }
        }
    }
}

#[test]
fn every_function_in_every_dimension_constant_or_not() {
    for name in [
        "get_global_id",
        "get_local_id",
        "get_group_id",
        "get_global_offset",
        "get_global_size",
        "get_local_size",
        "get_enqueued_local_size",
        "get_num_groups",
    ] {
        let source = format!(
            "kernel void k(global int *out, uint d) {{
                size_t i = get_global_linear_id() * 6;
                out[i] = {name}(0); out[i + 1] = {name}(1); out[i + 2] = {name}(2);
                out[i + 3] = {name}(3); out[i + 4] = {name}(d);
                out[i + 5] = get_work_dim(); }}"
        );
        let kernel = Kernel::new(&source, &[Arg::Ints(&mut []), Arg::Bytes(&[0; 4])]);
        for range in RANGES {
            for d in [0u32, 1, 2, 3, u32::MAX] {
                let mut out = vec![-1; range.global.iter().product::<u64>() as usize * 6];
                let bytes = d.to_le_bytes();
                let mut arguments = [Arg::Ints(&mut out), Arg::Bytes(&bytes)];
                kernel.run(range, &mut arguments, d == 0);
                for_all_items(range, |group, id, linear| {
                    for (column, dimension) in [0, 1, 2, 3, d as usize].into_iter().enumerate() {
                        let want = expected(name, range, group, id, dimension);
                        assert_eq!(out[linear * 6 + column] as u64, want, "{name} {dimension}");
                    }
                    assert_eq!(out[linear * 6 + 5] as u32, range.dimensions);
                });
            }
        }
    }
}

#[test]
fn linear_ids() {
    let kernel = Kernel::new(
        "kernel void k(global int *out) {
            out[get_global_linear_id()] = get_local_linear_id(); }",
        &[Arg::Ints(&mut [])],
    );
    for range in RANGES {
        let mut out = vec![-1; range.global.iter().product::<u64>() as usize];
        kernel.run(range, &mut [Arg::Ints(&mut out)], false);
        for_all_items(range, |group, id, linear| {
            let size = [0, 1].map(|d| expected("get_local_size", range, group, id, d));
            let want = (id[2] * size[1] + id[1]) * size[0] + id[0];
            assert_eq!(out[linear] as u64, want);
        });
    }
}

#[test]
fn values_vectors_and_structures_as_arguments() {
    let kernel = Kernel::new(
        "typedef struct { char c; double d; int a[5]; } s;
        int change(s *x, int i) { x->a[i % 5] += 100; return x->a[i % 5] + x->a[0]; }
        kernel void k(global int *out, char c, int3 v, s x, global int *in) {
            int i = get_global_id(0);
            out[i] = c + v.x * 10 + v.z * 100 + change(&x, i) + (int)x.d + x.c + in[i]; }",
        &[
            Arg::Ints(&mut []),
            Arg::Bytes(&[0; 1]),
            Arg::Bytes(&[0; 16]),
            Arg::Bytes(&[0; 40]),
            Arg::Ints(&mut []),
        ],
    );
    let mut out = [0; 20];
    let mut input: Vec<i32> = (0..20).map(|i| i * 100_000).collect();
    let vector: Vec<u8> = [3i32, 4, 5, 6]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let mut structure = vec![9u8, 0, 0, 0, 0, 0, 0, 0];
    structure.extend(2.5f64.to_le_bytes());
    structure.extend(
        [1000i32, 2000, 3000, 4000, 5000, 0]
            .iter()
            .flat_map(|v| v.to_le_bytes()),
    );
    kernel.run(
        Range::line(20, 6),
        &mut [
            Arg::Ints(&mut out),
            Arg::Bytes(&[-2i8 as u8]),
            Arg::Bytes(&vector),
            Arg::Bytes(&structure),
            Arg::Ints(&mut input),
        ],
        false,
    );
    for i in 0..20 {
        let changed = 1000 * (i % 5 + 1) + 100;
        let first = if i % 5 == 0 { 1100 } else { 1000 };
        let want = -2 + 30 + 500 + changed + first + 2 + 9 + i * 100_000;
        assert_eq!(out[i as usize], want, "{i}");
    }
}

#[test]
fn private_arrays_do_not_leak_between_work_items_or_grow_the_stack() {
    let kernel = Kernel::new(
        "kernel void k(global int *out) {
            int a[1000]; int i = get_global_id(0);
            for (int j = 0; j < 1000; j++) a[(j * 7 + i) % 1000] = j + i;
            out[i] = a[i % 1000]; }",
        &[Arg::Ints(&mut [])],
    );
    let mut out = vec![0; 20_000];
    kernel.run(
        Range::line(20_000, 5_000),
        &mut [Arg::Ints(&mut out)],
        false,
    );
    for (i, &value) in out.iter().enumerate() {
        let j = (0..1000).find(|j| (j * 7 + i) % 1000 == i % 1000).unwrap();
        assert_eq!(value as usize, j + i);
    }
    assert!(kernel.lowered.stack_bytes < 200_000);
}

#[test]
fn a_required_work_group_size_is_a_constant() {
    let kernel = Kernel::new(
        "kernel __attribute__((reqd_work_group_size(8, 2, 1))) void k(global int *out) {
            out[get_global_linear_id()] = get_enqueued_local_size(0) * 10 + get_local_size(1); }",
        &[Arg::Ints(&mut [])],
    );
    let range = Range {
        dimensions: 2,
        global: [16, 2, 1],
        local: [8, 2, 1],
        offset: [0; 3],
    };
    let mut out = [0; 32];
    kernel.run(range, &mut [Arg::Ints(&mut out)], false);
    assert_eq!(out, [82; 32]);
}
