//! Which kernels can tell in which order work-groups run.

use crate::launch::{Arg, Kernel};

fn in_any_order(body: &str) -> bool {
    let source = format!("kernel void k(global int *out, local int *shared) {{ {body} }}");
    let arguments = [Arg::Ints(&mut []), Arg::Local(256)];
    let kernel = Kernel::in_lanes(&source, &arguments, None);
    kernel.lowered.groups_in_any_order
}

#[test]
fn kernels_that_only_compute_cannot() {
    assert!(in_any_order("out[get_global_id(0)] *= 3;"));
    assert!(in_any_order(
        "shared[get_local_id(0)] = out[get_global_id(0)];
         barrier(CLK_LOCAL_MEM_FENCE);
         out[get_global_id(0)] = shared[0];"
    ));
    assert!(in_any_order(
        "out[get_group_id(0)] = work_group_reduce_add(out[get_global_id(0)]);"
    ));
}

#[test]
fn kernels_that_wait_for_others_or_print_can() {
    let waits = [
        "while (atomic_add(out, 0) != get_group_id(0)); atomic_inc(out);",
        "volatile global int *turn = out; while (*turn != get_group_id(0)); *turn += 1;",
        "while (out[0] != get_group_id(0)) { read_mem_fence(CLK_GLOBAL_MEM_FENCE); } out[0] += 1;",
        "while (out[0] != get_group_id(0)) { barrier(CLK_GLOBAL_MEM_FENCE); } out[0] += 1;",
        "while (out[0] != get_group_id(0))
             work_group_barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE, memory_scope_device);
         out[0] += 1;",
        r#"printf("%d\n", (int)get_group_id(0));"#,
    ];
    for body in waits {
        assert!(!in_any_order(body), "{body}");
    }
}
