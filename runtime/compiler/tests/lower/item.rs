//! A reference for kernels with barriers: every work-item is a thread, every barrier a barrier.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Barrier;

use isocl_compiler::lanes::Lanes;

use crate::launch::{Arg, Kernel, Range};

/// Memory that work-items share.
pub struct Memory<'a>(pub &'a [AtomicI32]);

impl Memory<'_> {
    pub fn get(&self, index: usize) -> i32 {
        self.0[index].load(Ordering::Relaxed)
    }

    pub fn set(&self, index: usize, value: i32) {
        self.0[index].store(value, Ordering::Relaxed);
    }
}

/// One work-item of the reference.
pub struct Item<'a> {
    pub global_id: usize,
    pub local_id: usize,
    pub local_size: usize,
    /// The output buffer of the whole NDRange.
    pub out: Memory<'a>,
    /// Local memory, zero at the start.
    pub local: Memory<'a>,
    barrier: &'a Barrier,
}

impl Item<'_> {
    pub fn barrier(&self) {
        self.barrier.wait();
    }
}

/// Elements of local memory in the reference; kernels declare as many or fewer.
pub const LOCAL: usize = 64;

/// Values of the second argument that every kernel runs with.
const SEEDS: [i32; 4] = [0, 1, 5, 12];

/// Runs `kernel void k(global int *out, int n)` and `reference` on the same ranges and compares
/// what they leave in `out`, which has four elements per work-item.
pub fn compare(source: &str, reference: impl Fn(&Item, i32) + Sync) {
    let ranges = [(8, 4), (16, 16), (5, 1), (23, 7)];
    let mut expected = HashMap::new();
    for (global, local) in ranges {
        for n in SEEDS {
            let run = || reference_run(global, local, |item| reference(item, n));
            expected.insert((global, local, n), run());
        }
    }
    for width in [None, Some(4)] {
        let arguments = [Arg::Ints(&mut []), Arg::Bytes(&[0; 4])];
        let kernel = Kernel::in_lanes(source, &arguments, width.map(Lanes::any));
        for ((global, local, n), expected) in &expected {
            let range = Range::line(*global as u64, *local as u64);
            for group_by_group in [false, true] {
                let mut out = vec![0; global * 4];
                let mut arguments = [Arg::Ints(&mut out), Arg::Bytes(&n.to_le_bytes())];
                kernel.run(range, &mut arguments, group_by_group);
                assert_eq!(
                    &out, expected,
                    "global {global} local {local} n {n} width {width:?} \
                     group by group {group_by_group}\n{}",
                    kernel.ir
                );
            }
        }
    }
}

fn reference_run(global: usize, local: usize, body: impl Fn(&Item) + Sync) -> Vec<i32> {
    let out: Vec<AtomicI32> = (0..global * 4).map(|_| AtomicI32::new(0)).collect();
    for group in 0..global.div_ceil(local) {
        let local_size = local.min(global - group * local);
        let barrier = Barrier::new(local_size);
        let memory: Vec<AtomicI32> = (0..LOCAL).map(|_| AtomicI32::new(0)).collect();
        std::thread::scope(|scope| {
            for local_id in 0..local_size {
                let (out, memory, barrier, body) = (&out, &memory, &barrier, &body);
                scope.spawn(move || {
                    body(&Item {
                        global_id: group * local + local_id,
                        local_id,
                        local_size,
                        out: Memory(out),
                        local: Memory(memory),
                        barrier,
                    });
                });
            }
        });
    }
    out.into_iter().map(AtomicI32::into_inner).collect()
}
