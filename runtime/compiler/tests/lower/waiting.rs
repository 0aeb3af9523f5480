//! Loops that only wait have a fence, or ask for the line of the answer, and no others.
#![cfg(target_arch = "x86_64")]

use crate::launch::{Arg, Kernel};

fn fences(body: &str) -> usize {
    calls(body, "lfence")
}

fn calls(body: &str, fence: &str) -> usize {
    count(body, &format!("@llvm.x86.sse2.{fence}"))
}

fn prefetches(body: &str) -> usize {
    count(body, "@llvm.prefetch")
}

fn count(body: &str, called: &str) -> usize {
    let source = format!(
        "kernel void k(global atomic_int *flag, global volatile int *plain, global int *out) {{
            {body}
        }}"
    );
    let arguments = [(); 3].map(|()| Arg::Ints(&mut []));
    let ir = Kernel::new(&source, &arguments).ir;
    ir.matches(&format!("call void {called}")).count()
}

#[test]
fn waiting_loops_have_one() {
    assert_eq!(fences("while (atomic_load(flag) < 3) {}"), 1);
    assert_eq!(fences("while (!plain[5]) {} out[0] = plain[6];"), 1);
    assert_eq!(
        fences("do {} while (atomic_load_explicit(flag + 2, memory_order_acquire) == out[1]);"),
        1
    );
}

#[test]
fn what_waits_to_answer_asks_for_the_line_of_the_answer() {
    let waits = |then: &str| {
        format!(
            "for (int round = 1; round < 9; round++) {{
                int tries = 0;
                while (atomic_load_explicit(flag, memory_order_acquire,
                                            memory_scope_all_svm_devices) < round) tries++;
                {then}
            }}"
        )
    };
    for answers in [
        "atomic_store(flag + 1, tries);",
        "if (tries > 5) plain[round] = 1;",
        "out[0] = tries; atomic_store(flag + 1, tries);",
    ] {
        let body = waits(answers);
        assert_eq!((prefetches(&body), fences(&body)), (1, 0), "{answers}");
    }
    for others in [
        // Where others may wait as well.
        "atomic_store(flag, tries);",
        "atomic_store(flag + out[round], tries);",
        "atomic_fetch_add(flag + 1, tries);",
        "out[0] += tries;",
    ] {
        let body = waits(others);
        assert_eq!((prefetches(&body), fences(&body)), (0, 1), "{others}");
    }
}

#[test]
fn what_was_written_is_out_before_the_thread_waits() {
    let answers = |order: &str| {
        format!(
            "for (int round = 1; round < 9; round++) {{
                while (atomic_load_explicit(flag, memory_order_acquire) < round) {{}}
                {order}
            }}"
        )
    };
    let store = "atomic_store_explicit(flag + 1, round, memory_order_release);";
    assert_eq!(calls(&answers(store), "mfence"), 1);
    assert_eq!(calls(&answers("plain[1] = round;"), "mfence"), 1);
    assert_eq!(calls(&answers("out[1] = round;"), "mfence"), 0);
    assert_eq!(calls(store.replace("round", "1").as_str(), "mfence"), 0);
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
