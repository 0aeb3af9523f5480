//! Rows of work-items that run at once give what they give one after the other.

use isocl_compiler::lanes::Lanes;

use crate::launch::{Arg, Kernel, Range};

/// Elements of `out` and of `in`.
const ITEMS: usize = 4096;

fn compile(source: &str, lanes: Option<Lanes>) -> Kernel {
    let arguments = [Arg::Ints(&mut []), Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
    Kernel::in_lanes(source, &arguments, lanes)
}

/// Runs `kernel void k(global int *out, global const int *in, int n)` with one and with several
/// rows at once, which `several` says whether it shall do, and compares `out`.
fn same_in_rows(source: &str, several: bool) {
    let run = |kernel: &Kernel, rows: u64| {
        let mut results = Vec::new();
        for (x, y, z, n) in [(16, rows, 1, 9), (21, 2 * rows, 2, 4), (3, rows, 3, 0)] {
            let mut out = vec![-1; ITEMS];
            let mut input: Vec<i32> = (0..ITEMS as i32).map(|i| i * 37 % 101 - 9).collect();
            let mut arguments = [
                Arg::Ints(&mut out),
                Arg::Ints(&mut input),
                Arg::Bytes(&i32::to_le_bytes(n)),
            ];
            let range = Range {
                dimensions: 3,
                global: [2 * x, 2 * y, z],
                local: [x, y, z],
                offset: [0, 1, 0],
            };
            kernel.run(range, &mut arguments, false);
            results.push(out);
        }
        results
    };
    let alone = compile(source, None);
    for width in [8, 16] {
        let one = compile(source, Some(Lanes::any(width)));
        for rows in [2, 4, 8] {
            let lanes = Lanes {
                rows,
                ..Lanes::any(width)
            };
            let kernel = compile(source, Some(lanes));
            assert_eq!(kernel.ir != one.ir, several, "{rows} rows of {width}");
            let rows = u64::from(rows);
            for (got, want) in run(&kernel, rows).iter().zip(run(&alone, rows)) {
                let differs = got.iter().zip(&want).position(|(got, want)| got != want);
                assert_eq!(differs, None, "{rows} rows of {width}: {source}");
            }
        }
    }
}

#[test]
fn a_product_of_matrices() {
    same_in_rows(
        "kernel void k(global int *out, global const int *in, int n) {
            int x = get_global_id(0), y = get_global_id(1), width = get_global_size(0), sum = 0;
            for (int i = 0; i < n; i++) sum += in[y * n + i] * in[i * width + x];
            out[((int)get_global_id(2) * get_global_size(1) + y) * width + x] = sum;
        }",
        true,
    );
}

#[test]
fn tiles_in_local_memory_and_values_across_barriers() {
    same_in_rows(
        "kernel void k(global int *out, global const int *in, int n) {
            local int left[3][16][24], above[3][16][24];
            int x = get_local_id(0), y = get_local_id(1), z = get_local_id(2), sum = y;
            size_t id = (get_global_id(2) * get_global_size(1) + get_global_id(1))
                * get_global_size(0) + get_global_id(0);
            for (int tile = 0; tile < n; tile += 3) {
                left[z][y][x] = in[id % 1000 + tile];
                above[z][y][x] = in[id % 900 + 7 * tile];
                barrier(CLK_LOCAL_MEM_FENCE);
                for (int i = 0; i < 2; i++) sum += left[z][y][i] * above[z][i][x];
                barrier(CLK_LOCAL_MEM_FENCE);
            }
            out[id] = sum;
        }",
        true,
    );
}

#[test]
fn private_arrays_belong_to_a_row() {
    same_in_rows(
        "kernel void k(global int *out, global const int *in, int n) {
            int x = get_global_id(0), y = get_global_id(1), mine[8];
            for (int i = 0; i < 8; i++) mine[(i * 3 + n) & 7] = in[i * 64 + x] + y;
            for (int i = 0; i < n; i++) {
                mine[i & 7] += in[x * 8 + i] * 3 + in[x + i] + (in[x * 2 + i] ^ 5);
                if (in[x + i] > 40) mine[(i + 1) & 7] -= in[x * 2];
            }
            int sum = 0;
            for (int i = 0; i < 8; i++) sum = sum * 3 + mine[i];
            out[(get_global_id(2) * get_global_size(1) + y) * get_global_size(0) + x] = sum;
        }",
        true,
    );
}

#[test]
fn ways_that_depend_on_the_row_are_taken_row_by_row() {
    same_in_rows(
        "kernel void k(global int *out, global const int *in, int n) {
            int x = get_global_id(0), y = get_global_id(1), sum = 0;
            for (int i = 0; i < n + y; i++) sum += in[y * n + i] * in[i * 64 + x];
            out[(get_global_id(2) * get_global_size(1) + y) * get_global_size(0) + x] = sum;
        }",
        false,
    );
}

#[test]
fn rows_with_nothing_in_common_stay_alone() {
    same_in_rows(
        "kernel void k(global int *out, global const int *in, int n) {
            size_t id = (get_global_id(2) * get_global_size(1) + get_global_id(1))
                * get_global_size(0) + get_global_id(0);
            int sum = 0;
            for (int i = 0; i < n; i++) sum += in[id % 1000 + i];
            out[id] = sum;
        }",
        false,
    );
}

#[test]
fn atomics_happen_once_for_each_work_item() {
    same_in_rows(
        "kernel void k(global int *out, global const int *in, int n) {
            int x = get_global_id(0), y = get_global_id(1);
            for (int i = 0; i < n; i++) atomic_add(&out[(x + i) & 63], in[i * 64 + x] + y);
        }",
        false,
    );
}
