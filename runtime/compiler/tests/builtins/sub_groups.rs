//! Sub-groups, each of one work-item, and functions of theirs that not all work-items call.

use crate::run::run;

/// Runs a kernel body over two groups of 3 × 2 work-items, the second of them of 2 × 2; `in` and
/// `out` are those of the work-item, which is to add to `out` 1 for each thing that is wrong.
fn nothing_is_wrong(body: &str) {
    let source = format!(
        "kernel void check(global const int *in, global int *out) {{
            size_t i = get_global_id(1) * get_global_size(0) + get_global_id(0);
            int x = in[i];
            int wrong = 0;
            {body}
            out[i] = wrong;
        }}"
    );
    let input: Vec<i32> = (0..10).map(|i| i * 7 - 20).collect();
    let mut out = vec![-1; 10];
    let options = "-cl-std=CL3.0 -Werror";
    run(&source, options, [5, 2], [3, 2], &input, &mut out, &[]);
    assert_eq!(out, [0; 10], "{body}");
}

#[test]
fn queries_say_that_each_work_item_is_a_sub_group() {
    nothing_is_wrong(
        "wrong += get_sub_group_size() != 1 || get_max_sub_group_size() != 1;
        wrong += get_num_sub_groups() != get_local_size(0) * 2;
        wrong += get_enqueued_num_sub_groups() != 6;
        wrong += get_sub_group_id() != get_local_linear_id() || get_sub_group_local_id() != 0;
        wrong += any(get_sub_group_eq_mask() != (uint4)(1, 0, 0, 0));
        wrong += any(get_sub_group_ge_mask() != (uint4)(1, 0, 0, 0));
        wrong += any(get_sub_group_le_mask() != (uint4)(1, 0, 0, 0));
        wrong += any(get_sub_group_gt_mask() != 0) || any(get_sub_group_lt_mask() != 0);",
    );
}

#[test]
fn a_sub_group_need_not_wait_for_another() {
    nothing_is_wrong(
        "if (x > 0) {
            sub_group_barrier(CLK_LOCAL_MEM_FENCE);
            wrong += sub_group_reduce_add(x) != x;
            for (int n = 0; n < x; n++) {
                sub_group_barrier(CLK_GLOBAL_MEM_FENCE, memory_scope_device);
                wrong += sub_group_scan_inclusive_max(x - n) != x - n;
            }
        } else
            wrong += sub_group_broadcast(x, 0) != x;
        work_group_barrier(CLK_LOCAL_MEM_FENCE);
        int most = work_group_reduce_max(sub_group_broadcast(x, 0));
        wrong += most != (get_group_id(0) == 0 ? 29 : 43);",
    );
}

#[test]
fn votes_and_ballots_are_those_of_the_work_item() {
    nothing_is_wrong(
        "wrong += sub_group_all(x) != (x != 0) || sub_group_any(x) != (x != 0);
        wrong += sub_group_elect() != 1 || !sub_group_non_uniform_all_equal(x * 0.5);
        wrong += sub_group_non_uniform_all(x) != (x != 0) || sub_group_non_uniform_any(0);
        uint4 ballot = sub_group_ballot(x > 0);
        wrong += any(ballot != (uint4)(x > 0, 0, 0, 0));
        wrong += sub_group_inverse_ballot(ballot) != (x > 0);
        wrong += sub_group_ballot_bit_count(ballot) != (x > 0);
        wrong += sub_group_ballot_bit_count((uint4)(~0u)) != 1;
        wrong += sub_group_ballot_inclusive_scan((uint4)(~0u)) != 1;
        wrong += sub_group_ballot_exclusive_scan((uint4)(~0u)) != 0;
        wrong += sub_group_ballot_find_lsb((uint4)(1)) || sub_group_ballot_find_msb((uint4)(1));
        uint4 bits = (uint4)(0, 1u << 31, 4, 0);
        wrong += !sub_group_ballot_bit_extract(bits, 63) || !sub_group_ballot_bit_extract(bits, 66);
        wrong += sub_group_ballot_bit_extract(bits, 62) || sub_group_ballot_bit_extract(bits, 31);",
    );
}

#[test]
fn values_come_from_the_work_item_itself() {
    nothing_is_wrong(
        "wrong += sub_group_shuffle(x, 0) != x || sub_group_shuffle_xor((char)x, 0) != (char)x;
        wrong += sub_group_shuffle_up(x * 0.5f, 0) != x * 0.5f;
        wrong += sub_group_shuffle_down((ulong)x, 0) != (ulong)x;
        wrong += sub_group_rotate(x, 5) != x || sub_group_clustered_rotate(x, -3, 1) != x;
        wrong += any(sub_group_broadcast((short3)(x, 1, 2), 0) != (short3)(x, 1, 2));
        wrong += any(sub_group_non_uniform_broadcast((double2)(x, 1), 0) != (double2)(x, 1));
        wrong += sub_group_broadcast_first((ushort)x) != (ushort)x;",
    );
}

#[test]
fn exclusive_scans_begin_with_the_identity() {
    nothing_is_wrong(
        "wrong += sub_group_scan_exclusive_add(x) != 0;
        wrong += sub_group_scan_exclusive_min(x) != INT_MAX;
        wrong += sub_group_scan_exclusive_max((long)x) != LONG_MIN;
        wrong += sub_group_scan_exclusive_max((uchar)x) != 0;
        wrong += sub_group_scan_exclusive_min((float)x) != INFINITY;
        wrong += sub_group_non_uniform_scan_exclusive_max((double)x) != -INFINITY;
        wrong += sub_group_non_uniform_scan_exclusive_mul((short)x) != 1;
        wrong += sub_group_non_uniform_scan_exclusive_and((ushort)x) != USHRT_MAX;
        wrong += sub_group_non_uniform_scan_exclusive_or(x) != 0;
        wrong += sub_group_non_uniform_scan_exclusive_xor((char)x) != 0;
        wrong += sub_group_non_uniform_scan_exclusive_logical_and(0) != 1;
        wrong += sub_group_non_uniform_scan_exclusive_logical_or(1) != 0;
        wrong += sub_group_clustered_reduce_mul(x, 1) != x;
        wrong += sub_group_clustered_reduce_logical_xor(x, 1) != (x != 0);
        wrong += sub_group_non_uniform_reduce_logical_and(x) != (x != 0);",
    );
}
