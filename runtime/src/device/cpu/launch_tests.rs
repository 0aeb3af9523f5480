//! Launches of hand-written "generated code".
#![allow(unsafe_code)]

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use isocl_compiler_interface::launch::{KernelEntry, LaunchFrame};
use isocl_compiler_interface::message::{Executable, KernelCode};
use isocl_compiler_interface::rows::Rows;

use super::launch::{cost_index, run};
use super::workers::{self, WORKER_STACK};
use crate::command::{Launch, LoadedKernel, NdRangeCommand};
use crate::device::DeviceProgram;
use crate::launch_time::LaunchTime;
use crate::lock::lock;
use crate::nd_range::NdRange;
use crate::{ErrorCode, Result};

#[derive(Debug)]
struct NoProgram(Executable);

impl DeviceProgram for NoProgram {
    fn executable(&self) -> &Executable {
        &self.0
    }

    fn kernel(&self, _index: u32, _rows: Rows) -> Result<KernelCode> {
        unreachable!("the command holds the code")
    }

    fn kernel_for_size(
        &self,
        _index: u32,
        _rows: Rows,
        _local_size: [u64; 3],
    ) -> Result<(KernelCode, Arc<LaunchTime>)> {
        unreachable!("the command holds the code")
    }
}

fn command(
    entry: KernelEntry,
    argument: u64,
    global_size: [u64; 3],
    local_size: [u64; 3],
) -> NdRangeCommand {
    let executable = Executable {
        id: 1,
        kernels: Vec::new(),
        global_variable_bytes: 0,
    };
    let kernel = LoadedKernel {
        program: Arc::new(NoProgram(executable)),
        code: KernelCode {
            entry: entry as usize as u64,
            local_bytes: 0,
            context_bytes_per_work_item: 24,
            context_bytes_per_group: 8,
            private_bytes: 0,
            stack_bytes: 4096,
            sub_group_size: 16,
            gains_by_size: false,
            streamed_bytes: 0,
            groups_in_any_order: false,
        },
        time: Arc::new(LaunchTime::begin()),
        name: "test".into(),
    };
    let range = NdRange {
        work_dim: 3,
        global_offset: [0; 3],
        global_size,
        local_size,
    };
    NdRangeCommand {
        launch: Arc::new(Launch::new(Arc::new(kernel), 256, &range)),
        arguments: argument.to_ne_bytes().into(),
    }
}

/// What [`visit`] leaves behind: how often each work-group ran.
struct Visits {
    counts: Vec<AtomicU32>,
    misplaced: AtomicU64,
    nanoseconds: u64,
    threads: Mutex<HashSet<ThreadId>>,
}

fn visits(groups: usize, nanoseconds: u64) -> Visits {
    Visits {
        counts: (0..groups).map(|_| AtomicU32::new(0)).collect(),
        misplaced: AtomicU64::new(0),
        nanoseconds,
        threads: Mutex::default(),
    }
}

/// Linear number of a work-group.
fn number(frame: &LaunchFrame, id: &[u64; 3]) -> u64 {
    let [columns, rows, _] = frame.group_count;
    (id[2] * rows + id[1]) * columns + id[0]
}

/// A kernel with one argument, the address of a [`Visits`]; checks its environment.
unsafe extern "C" fn visit(
    frame: *const LaunchFrame,
    first: *const [u64; 3],
    count: u64,
    scratch: *mut u8,
) {
    // SAFETY: the launch passes a valid frame, whose argument block holds the address of a
    // `Visits` that outlives the launch, and a valid id.
    let (frame, first, visits) = unsafe {
        let frame = &*frame;
        let visits = frame.arguments.cast::<*const Visits>().read();
        (frame, number(frame, &*first), &*visits)
    };
    lock(&visits.threads).insert(std::thread::current().id());
    let items: u64 = frame.local_size.iter().product();
    let len = frame.context_offset + items * 24 + 8;
    for group in first..first + count {
        visits.counts[group as usize].fetch_add(1, Ordering::Relaxed);
        let tag = (group as u8) | 1;
        // SAFETY: the contract of the scratch block: `len` exclusive bytes.
        let intact = unsafe {
            scratch.write_bytes(tag, len as usize);
            let start = std::time::Instant::now();
            while (start.elapsed().as_nanos() as u64) < visits.nanoseconds {
                std::hint::spin_loop();
            }
            (0..len as usize).all(|index| scratch.add(index).read() == tag)
        };
        let aligned = (scratch as usize | frame.arguments as usize) & 127 == 0;
        if !intact || !aligned || frame.context_offset != 256 {
            visits.misplaced.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn every_work_group_runs_once_whatever_it_costs() {
    for (global, local, nanoseconds) in [
        ([1, 1, 1], [1, 1, 1], 0),
        ([64, 1, 1], [64, 1, 1], 0),
        ([1000, 1, 1], [10, 1, 1], 0),
        ([1000, 7, 3], [16, 2, 2], 100),
        ([50, 1, 1], [1, 1, 1], 30_000),
        ([50, 1, 1], [1, 1, 1], 1),
        ([100_000, 1, 1], [1, 1, 1], 0),
    ] {
        let groups = (0..3)
            .map(|d| u64::div_ceil(global[d], local[d]))
            .product::<u64>() as usize;
        let visits = visits(groups, nanoseconds);
        let argument = std::ptr::from_ref(&visits) as u64;
        for round in 1..=3 {
            run(&command(visit, argument, global, local)).unwrap();
            let counts = visits
                .counts
                .iter()
                .map(|count| count.load(Ordering::Relaxed));
            assert!(
                counts.into_iter().all(|count| count == round),
                "{global:?} {local:?}"
            );
        }
        assert_eq!(visits.misplaced.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn kernels_at_the_start_of_pages_have_costs_of_their_own() {
    let pages = (0..64).map(|page| cost_index(0x7f00_0000_0000 + page * 4096));
    let places: HashSet<_> = pages.collect();
    assert!(places.len() > 56, "{} places for 64 kernels", places.len());
}

/// A launch that was expected to be short is left to other threads as well once it is not.
#[test]
fn a_kernel_that_takes_longer_than_the_last_time_gets_help() {
    if workers::concurrency() == 1 {
        return;
    }
    for round in 0..20 {
        let (quick, slow) = (visits(64, 0), visits(64, 1_000_000));
        let size = ([64, 1, 1], [1, 1, 1]);
        let launch = |visits: &Visits| {
            let argument = std::ptr::from_ref(visits) as u64;
            run(&command(visit, argument, size.0, size.1)).unwrap();
        };
        launch(&quick);
        launch(&slow);
        let threads = lock(&slow.threads).len();
        if threads > 1 {
            return;
        }
        assert!(round < 19, "nobody helped");
    }
}

#[test]
fn an_empty_range_runs_nothing() {
    let visits = visits(0, 0);
    let argument = std::ptr::from_ref(&visits) as u64;
    run(&command(visit, argument, [0, 1, 1], [1, 1, 1])).unwrap();
}

fn code_of(launch: &mut Launch) -> &mut KernelCode {
    &mut Arc::get_mut(&mut launch.kernel).unwrap().code
}

#[test]
fn too_much_stack_or_memory_is_refused() {
    let visits = visits(1, 0);
    let argument = std::ptr::from_ref(&visits) as u64;
    let refused = |change: fn(&mut Launch)| {
        let mut command = command(visit, argument, [1, 1, 1], [1, 1, 1]);
        change(Arc::get_mut(&mut command.launch).unwrap());
        run(&command).unwrap_err().code
    };
    let deep = refused(|launch| code_of(launch).stack_bytes = WORKER_STACK as u64);
    assert_eq!(deep, ErrorCode::OutOfResources);
    let wide = refused(|launch| code_of(launch).context_bytes_per_work_item = u64::MAX / 2);
    assert_eq!(wide, ErrorCode::OutOfHostMemory);
    let large = refused(|launch| launch.local_size = [u64::MAX, u64::MAX, 1]);
    assert_eq!(large, ErrorCode::OutOfHostMemory);
    assert_eq!(visits.counts[0].load(Ordering::Relaxed), 0);
}

/// Stores the floating-point control word it runs with, then spoils it.
#[cfg(target_arch = "x86_64")]
unsafe extern "C" fn control(
    frame: *const LaunchFrame,
    _first: *const [u64; 3],
    _count: u64,
    _scratch: *mut u8,
) {
    let spoiled = 0x1FBF_u32;
    // SAFETY: the argument is the address of a live `AtomicU32`; the loaded control word only
    // has exception flags set beyond its reset value.
    unsafe {
        let seen = &*(*frame).arguments.cast::<*const AtomicU32>().read();
        let mut now = 0_u32;
        std::arch::asm!("stmxcsr [{}]", in(reg) &mut now, options(nostack));
        seen.store(now, Ordering::Relaxed);
        std::arch::asm!("ldmxcsr [{}]", in(reg) &spoiled, options(nostack));
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn kernels_have_their_own_floating_point_environment() {
    // Flush-to-zero and rounding down, as an application may have set.
    let (own, mut after, seen) = (0xBF80_u32, 0_u32, AtomicU32::new(0));
    let command = command(
        control,
        std::ptr::from_ref(&seen) as u64,
        [1, 1, 1],
        [1, 1, 1],
    );
    // SAFETY: both words are valid control words, and there is no arithmetic between.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &own, options(nostack)) };
    let result = run(&command);
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &mut after, options(nostack));
        std::arch::asm!("ldmxcsr [{}]", in(reg) &0x1F80_u32, options(nostack));
    }
    result.unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 0x1F80);
    assert_eq!(after, own);
}
static MEETING: AtomicU32 = AtomicU32::new(0);

/// Work-group 0 takes long enough for help to be asked for; every other waits until two of them
/// run at the same time, once.
unsafe extern "C" fn meet(
    frame: *const LaunchFrame,
    first: *const [u64; 3],
    count: u64,
    _scratch: *mut u8,
) {
    // SAFETY: the launch passes a valid frame and a valid id.
    let first = unsafe { number(&*frame, &*first) };
    for group in first..first + count {
        if group == 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
            continue;
        }
        MEETING.fetch_add(1, Ordering::SeqCst);
        while MEETING.load(Ordering::SeqCst) < 2 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn large_ranges_run_on_several_threads_at_once() {
    if super::workers::concurrency() > 1 {
        run(&command(meet, 0, [100, 1, 1], [1, 1, 1])).unwrap();
        assert_eq!(MEETING.load(Ordering::SeqCst), 99);
    }
}
