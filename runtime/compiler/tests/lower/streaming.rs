//! Stores that go past the caches write what others would have written.

use isocl_compiler::lanes::Lanes;

use crate::launch::{Arg, Kernel, Range};

/// Elements of `out` and of `in`.
const ITEMS: usize = 4096;

fn compile(source: &str, lanes: Option<Lanes>) -> Kernel {
    let arguments = [Arg::Ints(&mut []), Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
    Kernel::in_lanes(source, &arguments, lanes)
}

fn lanes(width: u32, streams: bool) -> Option<Lanes> {
    Some(Lanes {
        streams,
        ..Lanes::any(width)
    })
}

/// Runs `kernel void k(global int *out, global const int *in, int n)` with and without streaming stores,
/// for rows that begin anywhere in a cache line. Returns the bytes that a work-item may stream, and the
/// kinds of its streaming stores.
fn streamed(source: &str) -> (u32, usize) {
    let run = |kernel: &Kernel| {
        let mut results = Vec::new();
        for n in [0, 1, 7, 15, 16, 40] {
            for (global, local, rows) in [(256, 64, 3), (203, 100, 2), (5, 5, 1), (37, 36, 4)] {
                let mut out = vec![-1; ITEMS];
                let mut input: Vec<i32> = (0..ITEMS as i32).map(|i| i * 37 % 101 - 9).collect();
                let mut arguments = [
                    Arg::Ints(&mut out),
                    Arg::Ints(&mut input),
                    Arg::Bytes(&i32::to_le_bytes(n)),
                ];
                let range = Range {
                    dimensions: 2,
                    global: [global, rows, 1],
                    local: [local, 1, 1],
                    offset: [3, 0, 0],
                };
                kernel.run(range, &mut arguments, false);
                results.push(out);
            }
        }
        results
    };
    let expected = run(&compile(source, None));
    let mut found = (0, 0);
    for width in [8, 16, 32] {
        let usual = compile(source, lanes(width, false));
        assert!(!usual.ir.contains("!nontemporal"));
        let streaming = compile(source, lanes(width, true));
        assert_eq!(
            usual.lowered.streamed_bytes,
            streaming.lowered.streamed_bytes
        );
        for kernel in [&usual, &streaming] {
            let got = run(kernel);
            assert_eq!(got, expected, "{width} lanes: {source}");
        }
        found = (
            streaming.lowered.streamed_bytes,
            streaming.ir.matches("!nontemporal").count(),
        );
    }
    found
}

/// A kernel that does `body` for the work-item `i`.
fn body(body: &str) -> String {
    format!(
        "kernel void k(global int *out, global const int *in, int n) {{
            size_t i = get_global_id(1) * 300 + get_global_id(0);
            {body}
        }}"
    )
}

#[test]
fn rows_begin_anywhere_in_a_line() {
    assert_eq!(streamed(&body("out[i + n] = in[i] - 3;")), (4, 1));
    assert_eq!(
        streamed(&body("out[i] = in[i + n] + in[i] * in[i + 1];")),
        (4, 1)
    );
    // Of what is at different places in lines.
    assert_eq!(
        streamed(&body("out[i + 1] = in[i]; out[i + n + 2003] = in[i + 5];")),
        (8, 2)
    );
    assert_eq!(
        streamed(&body("vstore2(vload2(i, in) + n, i, out);")).0,
        0,
        "element by element"
    );
    let pairs = "((global int2 *)out)[i] = ((global const int2 *)in)[i] * n;";
    assert_eq!(streamed(&body(pairs)), (8, 1));
    // Where all work-items of a vector are below the bound.
    let bounded = "if (get_global_id(0) < 100 + n) out[i] = in[i] + n;";
    assert_eq!(streamed(&body(bounded)), (4, 1));
}

#[test]
fn narrow_ids_may_wrap() {
    assert_eq!(
        streamed(
            "kernel void k(global int *out, global const int *in, int n) {
                int i = get_global_id(1) * 300 + get_global_id(0) + n;
                out[i] = in[i] ^ i;
            }"
        ),
        (4, 1)
    );
}

#[test]
fn what_is_read_again_stays_in_caches() {
    for body in [
        body("out[i] += in[i];"),
        body("out[i] = n;"),
        body("out[i * 2] = in[i];"),
        body("out[in[i] + 9] = 4;"),
        body("out[i] = in[i]; *(volatile global int *)(out + 3000) = 1;"),
        body("if (in[i] > n) atomic_inc(out); out[i + 7] = in[i];"),
        body("local int all; all = n; barrier(CLK_LOCAL_MEM_FENCE); out[i] = in[i] + all;"),
        body("int sum = 0; for (int k = 0; k < n; k++) sum += in[i + k] * k; out[i] = sum;"),
        body("((global uchar *)out)[i] = ((global const uchar *)in)[i];"),
    ] {
        assert_eq!(streamed(&body), (0, 0), "{body}");
    }
}
