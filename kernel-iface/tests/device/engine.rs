//! The device's engine sees what the CPU wrote and the other way round, and says when it cannot.
//! Only `isocl.ko` has one.

use std::time::Duration;

use isocl_kernel_iface::engine::{AtomicFunction, FaultReason, Sequence, Side};

use super::*;

fn fill(destination: Address, pattern: &[u8], len: usize) -> Operation {
    Operation::Fill {
        destination,
        pattern: pattern.into(),
        len,
    }
}

fn copy(source: Address, destination: Address, len: usize) -> Operation {
    Operation::Copy {
        source,
        destination,
        len,
    }
}

fn checksum(source: Address, len: usize, result: Address) -> Operation {
    Operation::Checksum {
        source,
        len,
        result,
    }
}

fn atomic(function: AtomicFunction, width: u32, destination: Address) -> Operation {
    Operation::Atomic {
        function,
        width,
        destination,
        times: 1,
        result: Some(destination.wrapping_add(8)),
    }
}

fn crc32(bytes: &[u8]) -> u64 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    u64::from(!crc)
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn fills_and_copies_are_exact_over_the_ends_of_pages() {
    for driver in drivers() {
        let Some(engine) = engine_of(&driver) else {
            continue;
        };
        let slab = map(&driver, 4 << 20);
        let at = |offset: usize| slab.range().address().wrapping_add(offset);
        for (pattern, len) in [(&[1, 2, 3][..], 10_000), (&[9; 128], 1000), (&[7], 1)] {
            let whole = fill(at(0), &[0xEE], 2 << 20);
            let operations = [
                whole,
                fill(at(101), pattern, len),
                copy(at(100), at((1 << 20) + 7), len + 2),
            ];
            engine.run(&operations).unwrap();
            let mut bytes = vec![0; len + 2];
            access::read(at((1 << 20) + 7), &mut bytes);
            assert_eq!((bytes[0], bytes[len + 1]), (0xEE, 0xEE));
            let repeated = pattern.iter().cycle();
            assert!(bytes[1..=len].iter().zip(repeated).all(|(a, b)| a == b));
        }
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn pointers_that_the_cpu_stored_lead_the_device() {
    for driver in drivers() {
        let Some(engine) = engine_of(&driver) else {
            continue;
        };
        let (near, far) = (map(&driver, 4 << 20), map(&driver, 4 << 20));
        let node = |index: usize| {
            let slab = if index.is_multiple_of(2) { &near } else { &far };
            slab.range().address().wrapping_add(index * 2000)
        };
        for index in 0..1000 {
            let next = if index == 999 {
                0
            } else {
                node(index + 1).get()
            };
            set_word(node(index).wrapping_add(16), index as u64);
            set_word(node(index).wrapping_add(40), next as u64);
        }
        let result = Address(near.range().end() - 24);
        for (longest, nodes) in [(5000, 1000), (1000, 1000), (10, 10)] {
            let chase = Operation::Chase {
                first: node(0),
                value_offset: 16,
                next_offset: 40,
                longest,
                result,
            };
            engine.run(&[chase]).unwrap();
            assert_eq!(word(result), nodes * (nodes - 1) / 2);
            assert_eq!(word(result.wrapping_add(8)), nodes);
            let last = node(nodes as usize - 1).get() as u64;
            assert_eq!(word(result.wrapping_add(16)), last);
        }
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn checksums_are_those_of_what_the_cpu_wrote() {
    let driver = driver();
    let Some(engine) = engine_of(&driver) else {
        return;
    };
    let slab = map(&driver, SLAB_GRANULE);
    let at = |offset: usize| slab.range().address().wrapping_add(offset);
    access::write(at(8), b"123456789");
    engine.run(&[checksum(at(8), 9, at(0))]).unwrap();
    assert_eq!(word(at(0)), 0xCBF4_3926);
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    let bytes: Vec<u8> = (0..100_000_u32)
        .map(|index| (index.wrapping_mul(index) >> 5) as u8)
        .collect();
    access::write(at(4001), &bytes);
    engine
        .run(&[checksum(at(4001), bytes.len(), at(0))])
        .unwrap();
    assert_eq!(word(at(0)), crc32(&bytes));
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn atomics_of_device_and_cpu_lose_nothing() {
    let driver = driver();
    let Some(engine) = engine_of(&driver) else {
        return;
    };
    let slab = map(&driver, SLAB_GRANULE);
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
    count_up(counter, 20_000);
    let timeout = Some(Duration::from_secs(60));
    engine.wait(sequence, timeout).unwrap();
    assert_eq!(word(counter), 40_000);
    assert!((19_999..40_000).contains(&word(before)));
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn every_atomic_function_does_what_its_name_says() {
    let driver = driver();
    let Some(engine) = engine_of(&driver) else {
        return;
    };
    let slab = map(&driver, SLAB_GRANULE);
    let counter = slab.range().address();
    let exchange_if = |expected| AtomicFunction::CompareExchange {
        expected,
        replacement: 4,
    };
    for (function, start, end) in [
        (AtomicFunction::Add(3), 10, 13),
        (AtomicFunction::Subtract(3), 10, 7),
        (AtomicFunction::And(6), 5, 4),
        (AtomicFunction::Or(6), 5, 7),
        (AtomicFunction::Xor(6), 5, 3),
        (AtomicFunction::Min(6), 9, 6),
        (AtomicFunction::Min(6), 5, 5),
        (AtomicFunction::Max(6), 9, 9),
        (AtomicFunction::Max(6), 5, 6),
        (AtomicFunction::Exchange(6), 9, 6),
        (exchange_if(9), 9, 4),
        (exchange_if(8), 9, 9),
    ] {
        for width in [4, 8] {
            // What lies behind a narrow word stays as it is.
            let behind = if width == 4 { 0xABCD << 32 } else { 0 };
            set_word(counter, start | behind);
            set_word(counter.wrapping_add(8), 0);
            engine.run(&[atomic(function, width, counter)]).unwrap();
            assert_eq!(word(counter), end | behind, "{function:?} of {width} bytes");
            assert_eq!(word(counter.wrapping_add(8)), start, "{function:?}");
        }
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn submissions_that_make_no_sense_are_refused() {
    let driver = driver();
    let Some(engine) = engine_of(&driver) else {
        return;
    };
    let slab = map(&driver, SLAB_GRANULE);
    let address = slab.range().address();
    let wrong = [
        fill(address, &[], 8),
        fill(address, &[0; 129], 200),
        copy(address, address.wrapping_add(8), 16),
        atomic(AtomicFunction::Add(1), 2, address),
        checksum(Address(usize::MAX - 8), 64, address),
        Operation::Delay(Duration::from_secs(11)),
    ];
    assert_eq!(engine.submit(&[]).unwrap_err().errno, libc::EINVAL);
    for operation in wrong {
        let error = engine.submit(std::slice::from_ref(&operation)).unwrap_err();
        assert_eq!(error.errno, libc::EINVAL, "{operation:?}");
    }
    assert!(engine.faults().is_empty());
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_fault_carries_its_address_and_reason() {
    for driver in drivers() {
        let Some(engine) = engine_of(&driver) else {
            continue;
        };
        let slab = map(&driver, SLAB_GRANULE);
        let good = slab.range().address();
        let over_the_end = [
            fill(good, &[7], 4096),
            fill(Address(slab.range().end() - 2048), &[7], 4096),
            fill(good, &[8], 4096),
        ];
        let error = engine.run(&over_the_end).unwrap_err();
        let record = error.fault.unwrap();
        assert_eq!(record.address.get(), slab.range().end());
        assert_eq!((record.operation, record.write), (1, true));
        assert_eq!(
            (record.side, record.reason),
            (Side::Device, FaultReason::Unmapped)
        );
        let message = error.to_string();
        assert!(message.contains(&format!("{:#x}", slab.range().end())));
        // What came before was done, what came after was not.
        assert_eq!(word(good), 0x0707_0707_0707_0707);

        let error = engine
            .run(&[checksum(Address(1 << 60), 8, good)])
            .unwrap_err();
        let record = error.fault.unwrap();
        assert_eq!((record.address, record.write), (Address(1 << 60), false));
        assert_eq!(record.reason, FaultReason::AddressBits);

        let misaligned = atomic(AtomicFunction::Add(1), 8, good.wrapping_add(4));
        let record = engine.run(&[misaligned]).unwrap_err().fault.unwrap();
        assert_eq!(record.reason, FaultReason::Misaligned);
        assert_eq!(record.address, good.wrapping_add(4));

        let range = slab.range();
        drop(slab);
        let error = engine.run(&[fill(range.address(), &[1], 8)]).unwrap_err();
        assert_eq!(error.fault.unwrap().address, range.address());
    }
}

/// Heap, stack and globals: reached exactly where the driver says so.
#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn ordinary_memory_is_reached_or_a_fault() {
    static GLOBAL: AtomicU64 = AtomicU64::new(0);
    for driver in drivers() {
        let Some(engine) = engine_of(&driver) else {
            continue;
        };
        let heap: Vec<AtomicU64> = (0..4096).map(|_| AtomicU64::new(0)).collect();
        let stack = AtomicU64::new(0);
        for word in [&heap[0], &heap[4095], &stack, &GLOBAL] {
            word.store(41, Ordering::SeqCst);
            let address = Address::from(word.as_ptr());
            let add = Operation::Atomic {
                function: AtomicFunction::Add(1),
                width: 8,
                destination: address,
                times: 1,
                result: None,
            };
            let outcome = engine.run(&[add]);
            if driver.reaches_process() {
                outcome.unwrap();
                assert_eq!(word.load(Ordering::SeqCst), 42);
            } else {
                let record = outcome.unwrap_err().fault.unwrap();
                assert_eq!((record.address, record.write), (address, true));
                assert!(
                    matches!(
                        record.reason,
                        FaultReason::AddressBits | FaultReason::Unmapped
                    ),
                    "{record}"
                );
                assert_eq!(word.load(Ordering::SeqCst), 41);
            }
        }
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_childs_device_reaches_the_childs_memory() {
    let driver = driver();
    let Some(_) = engine_of(&driver) else {
        return;
    };
    let shared = AtomicU64::new(1);
    let good = in_child(|| {
        let engine = driver.engine().unwrap();
        let outcome = engine.run(&[fill(Address::from(shared.as_ptr()), &[2], 8)]);
        assert_eq!(outcome.is_ok(), driver.reaches_process());
        let expected = if outcome.is_ok() {
            0x0202_0202_0202_0202
        } else {
            1
        };
        assert_eq!(shared.load(Ordering::SeqCst), expected);
    });
    assert!(good);
    assert_eq!(shared.load(Ordering::SeqCst), 1);
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn each_submission_is_told_its_own_fault_in_any_order() {
    let driver = driver();
    let Some(engine) = engine_of(&driver) else {
        return;
    };
    let wrong = |index: usize| Address((1 << 60) + index * 4096);
    let sequences: Vec<Sequence> = (0..20)
        .map(|index| {
            engine
                .submit(&[checksum(wrong(index), 1, wrong(index))])
                .unwrap()
        })
        .collect();
    for (index, sequence) in sequences.iter().enumerate().rev() {
        assert!(engine.faults().is_empty(), "they belong to submissions");
        let error = engine.wait(*sequence, None).unwrap_err();
        assert_eq!(error.errno, libc::EFAULT);
        let record = error.fault.unwrap();
        assert_eq!(
            (record.address, record.sequence),
            (wrong(index), Some(*sequence))
        );
        engine.wait(*sequence, None).unwrap();
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn faults_of_several_threads_reach_their_own_submissions() {
    let driver = driver();
    let Some(engine) = engine_of(&driver) else {
        return;
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..50 {
                    let wrong = Address((1 << 60) + (thread << 20) + round * 8);
                    let error = engine.run(&[checksum(wrong, 1, wrong)]).unwrap_err();
                    assert_eq!(error.fault.map(|fault| fault.address), Some(wrong));
                    assert!(engine.faults().is_empty());
                }
            });
        }
    });
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn waiting_has_an_end() {
    let driver = driver();
    let Some(engine) = engine_of(&driver) else {
        return;
    };
    let delay = Operation::Delay(Duration::from_millis(300));
    let long = engine.submit(&[delay]).unwrap();
    for timeout in [Duration::ZERO, Duration::from_millis(10)] {
        let early = engine.wait(long, Some(timeout)).unwrap_err();
        assert_eq!(early.errno, libc::ETIMEDOUT);
    }
    engine.wait(long, None).unwrap();
    engine.wait(long, Some(Duration::ZERO)).unwrap();
    let never = Sequence(1 << 40);
    assert_eq!(engine.wait(never, None).unwrap_err().errno, libc::EINVAL);
}
