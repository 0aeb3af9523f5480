//! Kernels that are compiled ahead of their first launch: forks and the end of the process wait for
//! them.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use isocl_compiler::service::respond;
use isocl_compiler_interface::message::{KernelCode, Request, Response};
use isocl_compiler_interface::rows::Rows;

use super::{alone, ask, child_ends_well, code, load, SOURCE};

/// A program of many kernels that no cache knows.
fn program(stamp: u32) -> u64 {
    let kernel = |number| {
        format!(
            "kernel void k{number}(global float *p, int n) {{
                for (int i = 0; i < n; i++) p[i] = p[i] * {number}.5f + cos(p[i]) + {stamp}.0f;
            }}\n"
        )
    };
    load(&(0..12).map(kernel).collect::<String>())
}

fn unload(executable: u64) {
    assert_eq!(respond(Request::Unload { executable }), Response::Unloaded);
}

/// Bytes of code in memory that belongs to no file.
fn code_bytes() -> u64 {
    let address = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let code = maps
        .lines()
        .filter(|line| line.contains(" r-xp ") && line.split_whitespace().count() == 5);
    code.map(|line| {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        address(end) - address(start)
    })
    .sum()
}

#[test]
fn what_follows_two_kernels_is_compiled_ahead() {
    let _alone = alone();
    if thread::available_parallelism().unwrap().get() == 1 {
        return;
    }
    // A child has nothing of what other tests began.
    assert!(child_ends_well(|| {
        let before = code_bytes();
        let executable = program(1);
        ask(executable, 0);
        let one = code_bytes() - before;
        assert!(one > 0);
        thread::sleep(Duration::from_millis(200));
        assert_eq!(code_bytes() - before, one, "one kernel tells nothing");
        ask(executable, 1);
        // Two were asked for, so two come on top.
        let deadline = Instant::now() + Duration::from_secs(50);
        while code_bytes() - before < 4 * one {
            assert!(Instant::now() < deadline, "nothing was compiled ahead");
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(200));
        assert_eq!(code_bytes() - before, 4 * one, "there is an end to it");
        (0..12).for_each(|kernel| ask(executable, kernel));
        0
    }));
}

/// Code for one local size, when it is there.
fn ask_for_size(executable: u64, kernel: u32, local_size: [u64; 3]) -> Option<KernelCode> {
    let rows = Rows::new(&local_size, &[0; 3], &local_size);
    match respond(Request::KernelForSize {
        executable,
        kernel,
        rows,
        local_size,
    }) {
        Response::Kernel(code) => Some(code),
        Response::Later => None,
        other => panic!("{other:?}"),
    }
}

/// Waits for it.
fn code_for_size(executable: u64, kernel: u32, local_size: [u64; 3]) -> KernelCode {
    let deadline = Instant::now() + Duration::from_secs(50);
    loop {
        if let Some(code) = ask_for_size(executable, kernel, local_size) {
            return code;
        }
        assert!(Instant::now() < deadline, "there was no processor for it");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn code_for_local_sizes_is_compiled_meanwhile() {
    let _alone = alone();
    assert!(child_ends_well(|| {
        let executable = load(
            "kernel void add(global int *p) { p[get_global_id(0)] += 1; }
            kernel void turn(global int *p, local int *other) {
                size_t l = get_local_id(0), n = get_local_size(0);
                other[l] = p[get_global_id(0)];
                barrier(CLK_LOCAL_MEM_FENCE);
                p[get_global_id(0)] = other[n - 1 - l];
            }
            kernel __attribute__((reqd_work_group_size(64, 1, 1)))
            void required(global int *p) { barrier(CLK_GLOBAL_MEM_FENCE); p[get_global_id(0)]++; }",
        );
        let gains = [0, 1, 2].map(|kernel| code(executable, kernel).gains_by_size);
        assert_eq!(gains, [false, true, false]);
        let general = code(executable, 1).entry;
        assert_eq!(
            ask_for_size(executable, 1, [64, 1, 1]),
            None,
            "nobody waits"
        );
        let mut entries: Vec<_> = (1..=9)
            .map(|size| code_for_size(executable, 1, [64 * size, 1, 1]).entry)
            .collect();
        assert_eq!(entries.pop(), Some(general), "eight are enough");
        let first = entries[0];
        entries.push(general);
        entries.sort_unstable();
        entries.dedup();
        assert_eq!(entries.len(), 9);
        assert_eq!(code_for_size(executable, 1, [64, 1, 1]).entry, first);
        unload(executable);
        0
    }));
}

#[test]
fn programs_go_while_their_kernels_are_compiled_ahead() {
    let _alone = alone();
    for stamp in 10..20 {
        let executable = program(stamp);
        (0..3).for_each(|kernel| ask(executable, kernel));
        unload(executable);
    }
}

#[test]
fn a_child_forked_meanwhile_builds() {
    let _alone = alone();
    for stamp in 20..25 {
        let executable = program(stamp);
        (0..2).for_each(|kernel| ask(executable, kernel));
        assert!(child_ends_well(|| {
            (0..5).for_each(|kernel| ask(executable, kernel));
            unload(load(SOURCE));
            0
        }));
        (0..12).for_each(|kernel| ask(executable, kernel));
        unload(executable);
    }
}

#[test]
fn a_process_that_ends_meanwhile_ends_well() {
    let _alone = alone();
    for stamp in 30..40 {
        assert!(child_ends_well(|| {
            let executable = program(stamp);
            (0..3).for_each(|kernel| ask(executable, kernel));
            std::process::exit(0)
        }));
    }
}
