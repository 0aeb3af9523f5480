//! Kernels of so many loops, choices or barriers that they are not optimised give the right results.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;

use isocl_conformance::client::{read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
const ITEMS: usize = 96;
const LOCAL: usize = 32;

/// Runs `lines` for all work-items, whose `x` and `y` begin with their ids and end in `data`.
fn run(lines: &str) -> Vec<(i32, i32)> {
    let source = format!(
        "int thrice(int n) {{ int sum = 0; for (int i = 0; i < 3; i++) sum += n + i; return sum; }}
        kernel void k(global int2 *data) {{
            local int other[{LOCAL}];
            int l = get_local_id(0), g = get_global_id(0), x = data[g].x, y = data[g].y;
            float4 v = convert_float4((int4)(x, y, x, y));
            {lines}
            data[g] = (int2)(x, y + convert_int(v.s0 - v.s2) + other[l] - other[l]);
        }}"
    );
    let session = Session::open().unwrap();
    let api = session.api;
    let kernel = session.kernel(&source, "-cl-std=CL3.0", "k").unwrap();
    let data = api.clSVMAlloc(session.context, FINE, ITEMS * 8, 0);
    for item in 0..ITEMS {
        write(data, item, [item as i32, 3]);
    }
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, data), CL_SUCCESS);
    let local = [LOCAL];
    assert_eq!(session.launch(kernel, &[ITEMS], Some(&local)), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    let found = (0..ITEMS).map(|item| read::<[i32; 2]>(data, item).into());
    let found = found.collect();
    api.clReleaseKernel(kernel);
    api.clSVMFree(session.context, data);
    found
}

fn check(lines: &str, expected: impl Fn(i32) -> (i32, i32)) {
    for (item, found) in run(lines).into_iter().enumerate() {
        assert_eq!(found, expected(item as i32), "work-item {item}");
    }
}

#[test]
fn loops_and_switches() {
    let mut lines = String::new();
    for line in 0..900 {
        writeln!(lines, "for (int i = 0; i < (x & 7); i++) y += i * {line};").unwrap();
        writeln!(
            lines,
            "switch (y & 3) {{ case 0: x += {line}; break; case 1: x ^= 5; case 2: y++; }}"
        )
        .unwrap();
        writeln!(lines, "if (y > 1000000) y = thrice(x & 255);").unwrap();
    }
    check(&lines, |item| {
        let (mut x, mut y) = (item, 3);
        for line in 0..900 {
            y += (0..x & 7).map(|i| i * line).sum::<i32>();
            match y & 3 {
                0 => x += line,
                1 => {
                    x ^= 5;
                    y += 1;
                }
                2 => y += 1,
                _ => {}
            }
            if y > 1_000_000 {
                y = 3 * (x & 255) + 3;
            }
        }
        (x, y)
    });
}

#[test]
fn barriers() {
    let mut lines = String::new();
    for line in 0..300 {
        writeln!(
            lines,
            "other[l] = x + {line}; barrier(CLK_LOCAL_MEM_FENCE);"
        )
        .unwrap();
        writeln!(
            lines,
            "x = other[(l + {line}) & 31]; barrier(CLK_LOCAL_MEM_FENCE);"
        )
        .unwrap();
    }
    let turns: i32 = (0..300).sum();
    check(&lines, |item| {
        let group = item & !31;
        (group + ((item + turns) & 31) + turns, 3)
    });
}
