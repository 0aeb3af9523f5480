//! Barriers in every place the language allows.

use crate::item::compare;

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
