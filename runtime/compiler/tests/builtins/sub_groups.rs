//! Sub-groups: what their work-items get from each other, whatever the shape of the work-group and
//! whoever of them runs.

use crate::run::run;

/// Sizes of NDRanges and of work-groups: rows of whole sub-groups, with a rest, rows that are
/// shorter than a sub-group, work-groups that are smaller than one, and smaller ones at the border.
const SHAPES: [([u64; 2], [u64; 2]); 7] = [
    ([64, 1], [64, 1]),
    ([80, 1], [40, 1]),
    ([32, 6], [32, 3]),
    ([16, 8], [8, 8]),
    ([5, 2], [3, 2]),
    ([50, 3], [19, 2]),
    ([1, 1], [1, 1]),
];

/// Runs a kernel body over all shapes. `x` is the value of the work-item, `X(id)` that of another
/// one in its sub-group, of which there are `size`; `id` is its own number there. The body is to
/// add to `wrong` 1 for each thing that is wrong.
fn nothing_is_wrong(body: &str) {
    let source = format!(
        "#pragma OPENCL EXTENSION cl_khr_fp16 : enable
        #define X(other) values[get_local_linear_id() - id + (other)]
        kernel void check(global const int *in, global int *out, local int *values) {{
            size_t i = get_global_id(1) * get_global_size(0) + get_global_id(0);
            int x = in[i];
            uint id = get_sub_group_local_id(), size = get_sub_group_size();
            values[get_local_linear_id()] = x;
            work_group_barrier(CLK_LOCAL_MEM_FENCE);
            int wrong = 0;
            {body}
            out[i] = wrong;
        }}"
    );
    for (global, group) in SHAPES {
        let items = global[0] * global[1];
        let input: Vec<i32> = (0..items as i32).map(|i| i * 37 % 101 - 40).collect();
        let mut out = vec![-1; items as usize];
        let bytes = [group[0] * group[1] * 4];
        for (options, alone) in [("-Werror", false), ("-cl-opt-disable", true)] {
            let options = format!("-cl-std=CL3.0 {options}");
            let size = run(&source, &options, global, group, &input, &mut out, &bytes);
            assert_eq!(out, vec![0; items as usize], "{group:?} {options} {body}");
            assert_eq!(size == 1, alone, "{options} {body}");
        }
    }
}

#[test]
fn queries_tell_where_the_work_item_is() {
    nothing_is_wrong(
        "uint most = get_max_sub_group_size();
        uint items = get_local_size(0) * get_local_size(1);
        uint enqueued = get_enqueued_local_size(0) * get_enqueued_local_size(1);
        wrong += get_sub_group_id() * most + id != get_local_linear_id() || id >= size;
        wrong += size != min(most, items - get_sub_group_id() * most);
        wrong += get_num_sub_groups() != (items + most - 1) / most;
        wrong += get_enqueued_num_sub_groups() != (enqueued + most - 1) / most;
        wrong += most > enqueued;
        uint all = ~0u >> (32 - most), below = (1u << id) - 1, self = 1u << id;
        wrong += any(get_sub_group_eq_mask() != (uint4)(self, 0, 0, 0));
        wrong += any(get_sub_group_ge_mask() != (uint4)(all & ~below, 0, 0, 0));
        wrong += any(get_sub_group_gt_mask() != (uint4)(all & ~below & ~self, 0, 0, 0));
        wrong += any(get_sub_group_le_mask() != (uint4)(below | self, 0, 0, 0));
        wrong += any(get_sub_group_lt_mask() != (uint4)(below, 0, 0, 0));",
    );
}

#[test]
fn a_sub_group_need_not_wait_for_another() {
    nothing_is_wrong(
        "int first = X(0);
        if (first > 0) {
            sub_group_barrier(CLK_LOCAL_MEM_FENCE);
            int sum = 0;
            for (uint other = 0; other < size; other++) sum += X(other);
            wrong += sub_group_reduce_add(x) != sum;
            for (int n = 0; n < first; n++) {
                sub_group_barrier(CLK_GLOBAL_MEM_FENCE, memory_scope_device);
                wrong += sub_group_scan_exclusive_max(x - n) < INT_MIN + (id > 0);
            }
        } else
            wrong += sub_group_broadcast(x, 0) != first;
        work_group_barrier(CLK_LOCAL_MEM_FENCE);
        int most = INT_MIN;
        for (uint group = 0; group < get_num_sub_groups(); group++)
            most = max(most, values[group * get_max_sub_group_size()]);
        wrong += work_group_reduce_max(sub_group_broadcast(x, 0)) != most;",
    );
}

#[test]
fn memory_is_in_step_at_barriers() {
    nothing_is_wrong(
        "for (uint distance = 1; distance < size; distance *= 2) {
            uint other = id ^ distance;
            int sum = x + (other < size ? X(other) : 0);
            sub_group_barrier(CLK_LOCAL_MEM_FENCE);
            X(id) = x = sum;
            sub_group_barrier(CLK_LOCAL_MEM_FENCE, memory_scope_sub_group);
        }
        int sum = sub_group_reduce_add(in[i]);
        wrong += (size & (size - 1)) == 0 && x != sum;",
    );
}

#[test]
fn votes_and_ballots_count_who_runs() {
    nothing_is_wrong(
        "uint positive = 0, running = 0;
        for (uint other = 0; other < size; other++) {
            positive |= (X(other) > 0) << other;
            running |= (X(other) & 1) << other;
        }
        uint everybody = ~0u >> (32 - size);
        wrong += sub_group_all(x > 0) != (positive == everybody);
        wrong += sub_group_any(x > 0) != (positive != 0);
        wrong += sub_group_non_uniform_all(x > -50) != 1 || sub_group_any(x < -50) != 0;
        uint4 ballot = sub_group_ballot(x > 0);
        wrong += any(ballot != (uint4)(positive, 0, 0, 0));
        wrong += sub_group_inverse_ballot(ballot) != (x > 0);
        wrong += sub_group_ballot_bit_count(ballot) != popcount(positive);
        wrong += sub_group_ballot_bit_count((uint4)(~0u)) != get_max_sub_group_size();
        wrong += sub_group_ballot_inclusive_scan((uint4)(~0u)) != id + 1;
        wrong += sub_group_ballot_exclusive_scan((uint4)(~0u)) != id;
        wrong += positive && sub_group_ballot_find_lsb(ballot) != ctz(positive);
        wrong += positive && sub_group_ballot_find_msb(ballot) != 31 - clz(positive);
        uint4 bits = (uint4)(0, 1u << 31, 4, 0);
        wrong += !sub_group_ballot_bit_extract(bits, 63) || !sub_group_ballot_bit_extract(bits, 66);
        wrong += sub_group_ballot_bit_extract(bits, 62) || sub_group_ballot_bit_extract(bits, 31);
        wrong += sub_group_elect() != (id == 0);
        wrong += !sub_group_non_uniform_all_equal(X(0) * 0.5);
        wrong += size > 1 && sub_group_non_uniform_all_equal(id);
        if (x & 1) {
            wrong += sub_group_elect() != (id == ctz(running));
            wrong += sub_group_ballot(1).x != running;
            wrong += sub_group_ballot(x > 0).x != (running & positive);
            wrong += sub_group_non_uniform_all(x > 0) != !(running & ~positive);
            wrong += sub_group_non_uniform_any(x > 0) != ((running & positive) != 0);
            wrong += !sub_group_non_uniform_all_equal((uchar)(x & 1));
            wrong += sub_group_broadcast_first(x) != X(ctz(running));
        }",
    );
}

#[test]
fn values_come_from_the_work_item_that_is_asked() {
    nothing_is_wrong(
        "uint most = get_max_sub_group_size(), last = size - 1;
        wrong += sub_group_shuffle(x, last - id) != X(last - id);
        wrong += sub_group_shuffle((short)x, id / 2) != X(id / 2);
        wrong += sub_group_shuffle(x * 0.5, last) != X(last) * 0.5;
        wrong += sub_group_shuffle((half)x, id & 1 & last) != (half)X(id & 1 & last);
        char crossed = sub_group_shuffle_xor((char)x, 5);
        wrong += (id ^ 5) < size && crossed != (char)X(id ^ 5);
        float from_below = sub_group_shuffle_up(x * 0.5f, 3);
        wrong += id >= 3 && from_below != X(id - 3) * 0.5f;
        ulong from_above = sub_group_shuffle_down((ulong)x, 2);
        wrong += id + 2 < size && from_above != (ulong)X(id + 2);
        for (int delta = -20; delta < 20; delta++) {
            uint other = (id + delta + 100 * most) % most;
            int rotated = sub_group_rotate(x, delta);
            wrong += other < size && rotated != X(other);
            other = id & ~3u | (id + delta & 3);
            rotated = sub_group_clustered_rotate(x, delta, 4);
            wrong += other < size && rotated != X(other);
        }
        wrong += sub_group_clustered_rotate(x, -3, 1) != x;
        wrong += any(sub_group_broadcast((short3)(x, 1, id), last) != (short3)(X(last), 1, last));
        double2 pair = sub_group_non_uniform_broadcast((double2)(x, id), 0);
        wrong += any(pair != (double2)(X(0), 0));
        wrong += sub_group_broadcast_first((ushort)x) != (ushort)X(0);
        if (id < size / 2) {
            uint mirrored = size / 2 - 1 - id;
            wrong += sub_group_shuffle(x, mirrored) != X(mirrored);
        }",
    );
}

/// `folded` makes of `old`, the value so far, and `value`, that of another work-item, the next one.
fn folds(ty: &str, name: &str, identity: &str, folded: &str) {
    let uniform = if ["add", "min", "max"].contains(&name) {
        format!(
            "wrong += sub_group_reduce_{name}(mine) != all;
            wrong += sub_group_scan_inclusive_{name}(mine) != upto;
            wrong += sub_group_scan_exclusive_{name}(mine) != before;"
        )
    } else {
        String::new()
    };
    // Products stay exact, and what is logical is 0 or 1.
    let value = match name {
        "mul" => "(X(other) & 1) + 1",
        _ if name.starts_with("logical") => "X(other) % 3 == 0",
        _ => "X(other) % 3 + 2",
    };
    nothing_is_wrong(&format!(
        "typedef {ty} T;
        #define VALUE(other) ((T)({value}))
        T mine = VALUE(id), all, before, upto, near;
        #define FOLD(condition) all = before = upto = near = {identity}; \\
        for (uint other = 0; other < size; other++) if (condition) {{ \\
            T value = VALUE(other), old = all; \\
            all = {folded}; \\
            if (other < id) before = all; \\
            if (other <= id) upto = all; \\
            if ((other & ~3u) == (id & ~3u)) {{ old = near; near = {folded}; }} \\
        }}
        FOLD(true)
        {uniform}
        wrong += sub_group_non_uniform_reduce_{name}(mine) != all;
        wrong += sub_group_clustered_reduce_{name}(mine, 1) != mine;
        T clustered = sub_group_clustered_reduce_{name}(mine, 4);
        wrong += clustered != near;
        FOLD(X(other) > 10)
        if (x > 10) {{
            wrong += sub_group_non_uniform_reduce_{name}(mine) != all;
            wrong += sub_group_non_uniform_scan_inclusive_{name}(mine) != upto;
            wrong += sub_group_non_uniform_scan_exclusive_{name}(mine) != before;
            T clustered = sub_group_clustered_reduce_{name}(mine, 4);
            wrong += clustered != near;
        }}
        #undef VALUE
        #undef FOLD"
    ));
}

#[test]
fn numbers_are_added_and_multiplied() {
    for ty in ["char", "ushort", "int", "ulong", "half", "float", "double"] {
        folds(ty, "add", "0", "(T)(old + value)");
        folds(ty, "mul", "1", "(T)(old * value)");
    }
}

#[test]
fn numbers_are_compared() {
    let limits = [
        ("char", "CHAR_MAX", "CHAR_MIN"),
        ("uchar", "UCHAR_MAX", "0"),
        ("short", "SHRT_MAX", "SHRT_MIN"),
        ("uint", "UINT_MAX", "0"),
        ("long", "LONG_MAX", "LONG_MIN"),
        ("half", "INFINITY", "-INFINITY"),
        ("float", "INFINITY", "-INFINITY"),
        ("double", "INFINITY", "-INFINITY"),
    ];
    for (ty, greatest, least) in limits {
        folds(ty, "min", greatest, "min(old, value)");
        folds(ty, "max", least, "max(old, value)");
    }
}

#[test]
fn bits_are_combined() {
    for ty in ["uchar", "short", "uint", "long"] {
        folds(ty, "and", "~(T)0", "old & value");
        folds(ty, "or", "0", "old | value");
        folds(ty, "xor", "0", "old ^ value");
    }
    folds("int", "logical_and", "1", "old && value");
    folds("int", "logical_or", "0", "old || value");
    folds("int", "logical_xor", "0", "!old != !value");
}

#[test]
fn work_items_that_left_a_loop_take_no_part() {
    nothing_is_wrong(
        "int rounds = abs(x) % 7, seen = 0;
        for (int round = 0; round < rounds; round++) {
            int expected = 0;
            for (uint other = 0; other < size; other++) expected += round < abs(X(other)) % 7;
            int running = sub_group_non_uniform_reduce_add(1);
            wrong += running != expected || popcount(sub_group_ballot(1).x) != expected;
            seen += running;
        }
        wrong += seen < rounds;
        out[i] = wrong;
        if (get_sub_group_id() % 2) return;
        wrong += sub_group_non_uniform_reduce_max(x) < x;",
    );
}
