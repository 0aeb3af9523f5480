//! A driver on a real node: `isocl.ko` or any DRM driver, as `ISOCL_TEST_DEVICE` names it. These
//! tests run in a guest (`make driver-test`), where the node exists.
#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use isocl_kernel_iface::choice::{self, Choice};
use isocl_kernel_iface::driver::{Driver, Placement, Slab, SlabRequest};
use isocl_kernel_iface::engine::{AtomicFunction, Engine, FaultReason, Operation, Side};
use isocl_kernel_iface::profile::Profile;
use isocl_kernel_iface::{access, Address, AddressRange, SLAB_GRANULE};

fn node() -> PathBuf {
    let node = std::env::var_os("ISOCL_TEST_DEVICE");
    node.expect("ISOCL_TEST_DEVICE names a node").into()
}

fn is_isocl() -> bool {
    node().to_str().unwrap().contains("isocl")
}

fn open(profile: &Profile) -> Arc<dyn Driver> {
    let opened = choice::open(&Choice::Node(node()), profile);
    assert!(opened.note.is_none(), "{:?}", opened.note);
    assert_eq!(opened.driver.name(), node().to_str().unwrap());
    opened.driver
}

fn driver() -> Arc<dyn Driver> {
    open(&Profile::default())
}

fn map(driver: &Arc<dyn Driver>, len: usize, alignment: usize) -> Slab {
    let request = SlabRequest {
        len,
        alignment,
        huge_pages: false,
    };
    Slab::map(driver, request).unwrap()
}

fn word(address: Address) -> u64 {
    let mut bytes = [0; 8];
    access::read(address, &mut bytes);
    u64::from_le_bytes(bytes)
}

fn set_word(address: Address, value: u64) {
    access::write(address, &value.to_le_bytes());
}

/// Path of what is mapped at an address.
fn mapped_at(address: Address) -> String {
    let map = std::fs::read_to_string("/proc/self/maps").unwrap();
    let range = |line: &str| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        Some(AddressRange::new(number(start), number(end)))
    };
    map.lines()
        .find(|line| range(line).is_some_and(|range| range.contains_address(address)))
        .and_then(|line| line.split_ascii_whitespace().nth(5))
        .unwrap_or_default()
        .to_owned()
}

/// The engine, which only `isocl.ko` has, and must have.
fn engine(driver: &Arc<dyn Driver>) -> Option<&dyn Engine> {
    let engine = driver.engine();
    assert_eq!(engine.is_some(), is_isocl());
    engine
}

fn in_child(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs `work` and leaves without unwinding or exit handlers; `waitpid`
    // writes to a live local.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::alarm(20);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            libc::_exit(i32::from(!outcome.unwrap_or(false)));
        }
        let mut status = -1;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        status == 0
    }
}

#[test]
#[ignore = "needs a node"]
fn slabs_are_mappings_of_the_node_inside_the_plan() {
    let driver = driver();
    let expected = if is_isocl() {
        Placement::KernelPlaced
    } else {
        Placement::UserReserved
    };
    assert_eq!(driver.placement(), expected);
    let slabs: Vec<Slab> = (1..40)
        .map(|index| map(&driver, index * SLAB_GRANULE, SLAB_GRANULE))
        .collect();
    for (index, slab) in slabs.iter().enumerate() {
        assert!(driver.plan().contains(&slab.range()));
        assert!(slab.range().address().is_aligned_to(SLAB_GRANULE));
        assert_eq!(mapped_at(slab.range().address()), node().to_str().unwrap());
        assert!(slabs[index + 1..]
            .iter()
            .all(|other| !other.range().overlaps(&slab.range())));
        assert_eq!(word(slab.range().address()), 0, "new memory is zero");
        set_word(slab.range().address(), index as u64);
    }
    for (index, slab) in slabs.iter().enumerate() {
        assert_eq!(word(slab.range().address()), index as u64);
    }
}

#[test]
#[ignore = "needs a node"]
fn a_narrower_profile_is_obeyed() {
    let hole = AddressRange::new((8 << 30) + (64 << 20), 16 << 30);
    let profile = Profile {
        lowest: 8 << 30,
        reserved: vec![hole],
        ..Profile::with_address_bits(36)
    };
    let driver = open(&profile);
    assert_eq!(driver.placement(), Placement::UserReserved);
    assert!(!driver.reaches_process());
    for _ in 0..50 {
        let slab = map(&driver, 8 << 20, SLAB_GRANULE);
        assert!(slab.range().start() >= 8 << 30 && slab.range().end() <= 1 << 36);
        assert!(!slab.range().overlaps(&hole));
        std::mem::forget(slab);
    }
}

#[test]
#[ignore = "needs a node"]
fn large_alignments_are_kept() {
    let driver = driver();
    for power in 21..=32 {
        let slab = map(&driver, SLAB_GRANULE, 1 << power);
        assert!(slab.range().address().is_aligned_to(1 << power));
    }
}

#[test]
#[ignore = "needs a node"]
fn thousands_of_slabs_come_and_go() {
    let driver = driver();
    for _ in 0..2 {
        let slabs: Vec<Slab> = (0..if is_isocl() { 3000 } else { 100 })
            .map(|_| map(&driver, SLAB_GRANULE, SLAB_GRANULE))
            .collect();
        for slab in &slabs {
            set_word(slab.range().address(), 1);
        }
    }
}

#[test]
#[ignore = "needs a node"]
fn populated_memory_stays_and_discarded_memory_reads_as_the_driver_says() {
    let driver = driver();
    let slab = map(&driver, 2 * SLAB_GRANULE, SLAB_GRANULE);
    let second = AddressRange::with_len(slab.range().start() + SLAB_GRANULE, SLAB_GRANULE).unwrap();
    set_word(slab.range().address(), 5);
    slab.populate(slab.range()).unwrap();
    set_word(second.address(), 7);
    let discarded = slab.discard(second);
    assert_eq!(discarded.is_ok(), is_isocl());
    assert_eq!(word(slab.range().address()), 5);
    assert_eq!(word(second.address()), if is_isocl() { 0 } else { 7 });
    let outside = AddressRange::with_len(slab.range().end(), SLAB_GRANULE).unwrap();
    assert!(slab.populate(outside).is_err() && slab.discard(outside).is_err());
}

#[test]
#[ignore = "needs a node"]
fn an_exhausted_aperture_is_an_error_and_no_loss() {
    if !is_isocl() {
        return;
    }
    let profile = Profile {
        lowest: (1 << 36) - (64 << 20),
        ..Profile::with_address_bits(36)
    };
    let driver = open(&profile);
    for _ in 0..3 {
        let slabs: Vec<Slab> = (0..32)
            .map(|_| map(&driver, SLAB_GRANULE, SLAB_GRANULE))
            .collect();
        let request = SlabRequest {
            len: SLAB_GRANULE,
            alignment: SLAB_GRANULE,
            huge_pages: false,
        };
        assert!(Slab::map(&driver, request).unwrap_err().is_out_of_memory());
        drop(slabs);
    }
}

#[test]
#[ignore = "needs a node"]
fn the_device_sees_what_the_cpu_wrote_and_the_other_way_round() {
    let driver = driver();
    let Some(engine) = engine(&driver) else {
        return;
    };
    let slab = map(&driver, 4 << 20, SLAB_GRANULE);
    let at = |offset: usize| slab.range().address().wrapping_add(offset);
    // Fill and copy, over the ends of pages.
    let pattern: Box<[u8]> = [1, 2, 3].into();
    engine
        .run(&[
            Operation::Fill {
                destination: at(100),
                pattern,
                len: 10_000,
            },
            Operation::Copy {
                source: at(100),
                destination: at(1 << 20),
                len: 10_000,
            },
        ])
        .unwrap();
    let mut bytes = vec![0; 10_001];
    access::read(at(1 << 20), &mut bytes);
    assert!((0..10_000).all(|index| bytes[index] == [1, 2, 3][index % 3]));
    assert_eq!(bytes[10_000], 0);
    // A list through raw pointers.
    for node in 0..1000_usize {
        let address = at(node * 4000);
        let next = if node == 999 {
            0
        } else {
            at((node + 1) * 4000).get() as u64
        };
        set_word(address, node as u64);
        set_word(address.wrapping_add(8), next);
    }
    let result = at((4 << 20) - 24);
    engine
        .run(&[Operation::Chase {
            first: at(0),
            value_offset: 0,
            next_offset: 8,
            longest: 5000,
            result,
        }])
        .unwrap();
    assert_eq!(word(result), 999 * 1000 / 2);
    assert_eq!(word(result.wrapping_add(8)), 1000);
    assert_eq!(word(result.wrapping_add(16)), at(999 * 4000).get() as u64);
    // The checksum of "123456789" is known.
    access::write(at(8), b"123456789");
    engine
        .run(&[Operation::Checksum {
            source: at(8),
            len: 9,
            result,
        }])
        .unwrap();
    assert_eq!(word(result), 0xCBF4_3926);
}

#[test]
#[ignore = "needs a node"]
fn atomics_of_device_and_cpu_lose_nothing() {
    let driver = driver();
    let Some(engine) = engine(&driver) else {
        return;
    };
    let slab = map(&driver, SLAB_GRANULE, SLAB_GRANULE);
    let counter = slab.range().address();
    let before = counter.wrapping_add(8);
    let add = Operation::Atomic {
        function: AtomicFunction::Add(1),
        width: 8,
        destination: counter,
        times: 20_000,
        result: Some(before),
    };
    let sequence = engine.submit(&[add]).unwrap();
    // SAFETY: an aligned word of a slab that lives on; everybody changes it atomically.
    let word_here = unsafe { std::sync::atomic::AtomicU64::from_ptr(counter.get() as *mut u64) };
    for _ in 0..20_000 {
        word_here.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
    engine
        .wait(sequence, Some(Duration::from_secs(60)))
        .unwrap();
    assert_eq!(word(counter), 40_000);
    assert!((19_999..40_000).contains(&word(before)));
    for (function, start, end) in [
        (AtomicFunction::Subtract(3), 10, 7),
        (AtomicFunction::And(6), 5, 4),
        (AtomicFunction::Or(6), 5, 7),
        (AtomicFunction::Xor(6), 5, 3),
        (AtomicFunction::Min(6), 9, 6),
        (AtomicFunction::Max(6), 9, 9),
        (AtomicFunction::Exchange(6), 9, 6),
        (
            AtomicFunction::CompareExchange {
                expected: 9,
                replacement: 4,
            },
            9,
            4,
        ),
        (
            AtomicFunction::CompareExchange {
                expected: 8,
                replacement: 4,
            },
            9,
            9,
        ),
    ] {
        for width in [4, 8] {
            set_word(counter, start);
            let operation = Operation::Atomic {
                function,
                width,
                destination: counter,
                times: 1,
                result: Some(before),
            };
            engine.run(&[operation]).unwrap();
            assert_eq!(word(counter), end, "{function:?}");
            assert_eq!(word(before) as u32, start as u32, "{function:?}");
        }
    }
}

#[test]
#[ignore = "needs a node"]
fn a_fault_carries_its_address_and_reason() {
    let driver = driver();
    let Some(engine) = engine(&driver) else {
        return;
    };
    let slab = map(&driver, SLAB_GRANULE, SLAB_GRANULE);
    let good = slab.range().address();
    let fill = |destination| Operation::Fill {
        destination,
        pattern: [7].into(),
        len: 4096,
    };
    let error = engine
        .run(&[fill(good), fill(Address(slab.range().end() - 2048))])
        .unwrap_err();
    let record = error.fault.unwrap();
    assert_eq!(record.address.get(), slab.range().end());
    assert_eq!((record.operation, record.write), (1, true));
    assert_eq!(
        (record.side, record.reason),
        (Side::Device, FaultReason::Unmapped)
    );
    assert!(error
        .to_string()
        .contains(&format!("{:x}", slab.range().end())));
    assert_eq!(
        word(good),
        0x0707_0707_0707_0707,
        "what came before was done"
    );
    let beyond = engine
        .run(&[fill(Address(1 << 60))])
        .unwrap_err()
        .fault
        .unwrap();
    assert_eq!(beyond.reason, FaultReason::AddressBits);
    // Ordinary memory is reached exactly where the driver says so.
    let ordinary = vec![0_u8; 8192];
    let outcome = engine.run(&[fill(Address::from(ordinary.as_ptr()))]);
    assert_eq!(outcome.is_ok(), driver.reaches_process(), "{outcome:?}");
    if driver.reaches_process() {
        let mut byte = [0];
        access::read(Address::from(ordinary.as_ptr()), &mut byte);
        assert_eq!(byte, [7]);
    }
    let misaligned = Operation::Atomic {
        function: AtomicFunction::Add(1),
        width: 8,
        destination: good.wrapping_add(4),
        times: 1,
        result: None,
    };
    let error = engine.run(&[misaligned]).unwrap_err();
    assert_eq!(error.fault.unwrap().reason, FaultReason::Misaligned);
    assert!(engine.faults().is_empty(), "each was told with its failure");
}

#[test]
#[ignore = "needs a node"]
fn faults_of_several_threads_reach_their_own_submissions() {
    let driver = driver();
    let Some(engine) = engine(&driver) else {
        return;
    };
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            scope.spawn(move || {
                for round in 0..20 {
                    let wrong = Address((1 << 60) + thread * 4096 + round);
                    let error = engine
                        .run(&[Operation::Checksum {
                            source: wrong,
                            len: 1,
                            result: wrong,
                        }])
                        .unwrap_err();
                    assert_eq!(error.fault.map(|fault| fault.address), Some(wrong));
                }
            });
        }
    });
    assert!(engine.faults().is_empty());
}

#[test]
#[ignore = "needs a node"]
fn waiting_has_an_end() {
    let driver = driver();
    let Some(engine) = engine(&driver) else {
        return;
    };
    let long = engine
        .submit(&[Operation::Delay(Duration::from_millis(300))])
        .unwrap();
    let early = engine
        .wait(long, Some(Duration::from_millis(10)))
        .unwrap_err();
    assert_eq!(early.errno, libc::ETIMEDOUT);
    engine.wait(long, None).unwrap();
    engine.wait(long, Some(Duration::ZERO)).unwrap();
    let never = isocl_kernel_iface::engine::Sequence(1 << 40);
    assert_eq!(engine.wait(never, None).unwrap_err().errno, libc::EINVAL);
}

#[test]
#[ignore = "needs a node"]
fn a_forked_child_leaves_its_parents_memory_alone_and_gets_its_own() {
    let driver = driver();
    let slab = map(&driver, SLAB_GRANULE, SLAB_GRANULE);
    let address = slab.range().address();
    set_word(address, 42);
    assert!(!driver.survives_fork());
    let range = slab.range();
    let slab = std::cell::Cell::new(Some(slab));
    let good = in_child(|| {
        // What was placed before the fork is gone, and forgetting it touches nothing.
        if !mapped_at(address).is_empty() && mapped_at(address).contains("dev") {
            return false;
        }
        drop(slab.take());
        if !is_isocl() {
            return true;
        }
        let own = map(&driver, SLAB_GRANULE, SLAB_GRANULE);
        set_word(own.range().address(), 1);
        let engine = driver.engine().unwrap();
        let fill = Operation::Fill {
            destination: own.range().address(),
            pattern: [9].into(),
            len: 8,
        };
        engine.run(&[fill]).unwrap();
        word(own.range().address()) == 0x0909_0909_0909_0909
    });
    assert!(good);
    assert_eq!(word(address), 42);
    drop(slab);
    assert!(!mapped_at(range.address()).contains("isocl"));
}

#[test]
#[ignore = "needs a node"]
fn threads_map_side_by_side() {
    let driver = driver();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let driver = &driver;
            scope.spawn(move || {
                for round in 0..50 {
                    let slab = map(driver, SLAB_GRANULE, SLAB_GRANULE);
                    set_word(slab.range().address(), thread);
                    std::thread::yield_now();
                    assert_eq!(word(slab.range().address()), thread, "{round}");
                }
            });
        }
    });
}
