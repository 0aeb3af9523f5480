//! Loops that only wait have a fence, and no others.
#![cfg(target_arch = "x86_64")]

use crate::launch::{Arg, Kernel};

fn fences(body: &str) -> usize {
    let source = format!(
        "kernel void k(global atomic_int *flag, global volatile int *plain, global int *out) {{
            {body}
        }}"
    );
    let arguments = [(); 3].map(|()| Arg::Ints(&mut []));
    let ir = Kernel::new(&source, &arguments).ir;
    ir.matches("call void @llvm.x86.sse2.lfence").count()
}

#[test]
fn waiting_loops_have_one() {
    assert_eq!(fences("while (atomic_load(flag) < 3) {}"), 1);
    assert_eq!(fences("while (!plain[5]) {} out[0] = plain[6];"), 1);
    assert_eq!(
        fences("do {} while (atomic_load_explicit(flag + 2, memory_order_acquire) == out[1]);"),
        1
    );
    assert_eq!(
        fences(
            "for (int round = 1; round < 9; round++) {
                int tries = 0;
                while (atomic_load_explicit(flag, memory_order_acquire,
                                            memory_scope_all_svm_devices) < round) tries++;
                atomic_store(flag + 1, tries);
            }"
        ),
        1
    );
}

#[test]
fn loops_that_work_have_none() {
    for body in [
        "int sum = 0; for (int i = 0; i < 99; i++) sum += atomic_load(flag + i); out[0] = sum;",
        "while (atomic_load(flag) < 3) out[1]++;",
        "int old = 0; while (!atomic_compare_exchange_weak(flag, &old, old + 1)) {}",
        "while (atomic_fetch_add(flag, 1) < 3) {}",
        "out[0] = atomic_load(flag);",
    ] {
        assert_eq!(fences(body), 0, "{body}");
    }
}
