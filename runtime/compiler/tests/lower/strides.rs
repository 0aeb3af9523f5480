//! Accesses at distances that the kernel learns when it runs: neighbours are accessed together, others
//! each on its own.

use isocl_compiler::lanes::Lanes;

use crate::lanes::same_in_lanes;
use crate::launch::{Arg, Kernel};

#[test]
fn distances_of_neighbours_and_others() {
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int l = get_local_id(0);
            out[3000 + get_global_id(0)] = out[l * n + 400] + l;
        }",
    );
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int l = get_local_id(0), x = out[l];
            if (x % 3 != n) out[400 + n * l] = x * 5;
        }",
    );
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            size_t l = get_local_id(0);
            short x = ((global short *)out)[500 + l * (long)n - 3];
            float2 y = vload2(0, (global float *)out + 900 + 2 * l * (uint)(n & 1));
            out[2000 + get_global_id(0)] = x + as_int(y.x) - as_int(y.y);
        }",
    );
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int sum = 0, id = get_local_id(0);
            while (id < 400) { sum += out[id * (n & 7) + 5]; id += get_local_size(0); }
            out[3200 + get_global_id(0)] = sum;
        }",
    );
}

#[test]
fn what_wraps_is_not_side_by_side() {
    // Work-items whose index has wrapped access nothing.
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            uint first = 0xffffffecu, at = get_local_id(0) * (uint)n + first;
            global int *far = out - 0xffffff00ul;
            int x = 9;
            if (at >= first) x = far[at];
            out[2000 + get_global_id(0)] = x;
        }",
    );
    same_in_lanes(
        "kernel void k(global int *out, int n) {
            int first = 0x7fffffec, at = as_int(as_uint((int)get_local_id(0) * n) + as_uint(first));
            global int *far = out - 0x7fffff00ul;
            int x = 9;
            if (at >= first) x = far[at];
            out[2000 + get_global_id(0)] = x;
        }",
    );
}

#[test]
fn both_ways_are_there() {
    let ways = |body: &str| {
        let source = format!("kernel void k(global int *out, int n) {{ {body} }}");
        let arguments = [Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
        let ir = Kernel::in_lanes(&source, &arguments, Some(Lanes::any(16))).ir;
        let count = |what: &str| ir.matches(what).count();
        let calls = |what: &str| count(&format!("call {what}"));
        (
            count("load <16 x i32>"),
            calls("<16 x i32> @llvm.masked.gather") + calls("void @llvm.masked.scatter"),
        )
    };
    // Once for all lanes, and once for some.
    let some = "int i = get_global_id(0);";
    let (together, apart) = ways(&format!("{some} out[i] = out[i * n + 7];"));
    assert_eq!((together, apart), (1, 2));
    let (together, apart) = ways(&format!("{some} out[i] = out[i * i];"));
    assert_eq!((together, apart), (0, 2));
    let (_, apart) = ways(&format!("{some} out[n * i] = 7;"));
    assert_eq!(apart, 2);
}
