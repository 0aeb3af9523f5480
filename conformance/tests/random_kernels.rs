//! Random kernels: optimised and vectorised, they do what they do with one work-item after the
//! other. `isocl-random-kernels` runs more of them, more ways.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use isocl_conformance::random_kernel::compare::Comparer;
use isocl_conformance::random_kernel::print::source;
use isocl_conformance::random_kernel::tree::Case;

const KERNELS: usize = 100;

/// Runs the first cases that are `wanted`, of those that are compiled in little time.
fn run(wanted: impl Fn(&str) -> bool + Sync) {
    let program = Path::new(env!("CARGO_BIN_EXE_isocl-random-kernels"));
    let cases: Vec<Case> = (1..)
        .map(Case::small)
        .filter(|case| {
            let text = source(case).text;
            text.len() < 3000 && wanted(&text)
        })
        .take(KERNELS)
        .collect();
    let next = AtomicUsize::new(0);
    let search = || {
        let mut comparer = Comparer::new(program, &[], false, Duration::from_secs(60));
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = comparer.look(case).unwrap();
            let text = source(case).text;
            assert!(found.is_none(), "seed {}: {found:?}\n{text}", case.seed);
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(search);
        search();
        other.join().unwrap();
    });
}

#[test]
fn optimised_kernels_compute_what_they_compute_without_optimisation() {
    run(|text| !text.contains("work_group_"));
}

#[test]
fn kernels_with_work_group_functions_do_so_too() {
    run(|text| text.contains("work_group_"));
}

#[test]
fn a_seed_gives_the_same_kernel_again_and_others_give_others() {
    let text = |seed| source(&Case::of_seed(seed)).text;
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

/// What the comparison rests on: most kernels hold what is hard to compile.
#[test]
fn kernels_are_of_many_kinds() {
    let texts: Vec<String> = (1..=KERNELS as u64)
        .map(|seed| source(&Case::of_seed(seed)).text)
        .collect();
    for part in [
        "for (uint",
        "while (",
        "do {",
        "switch (",
        "break;",
        "continue;",
        "return;",
        "barrier(",
        "local ",
        "atomic_",
        "work_group_",
        "helper1(",
        "record ",
        "*pointer",
        "vload",
        "vstore",
        "_sat(",
        "float",
        "int4",
        "table[",
        "BROADCAST(",
    ] {
        let count = texts.iter().filter(|text| text.contains(part)).count();
        assert!(count >= 3, "{count} of {KERNELS} kernels have {part}");
    }
}
