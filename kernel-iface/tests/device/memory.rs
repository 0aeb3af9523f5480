//! What slabs hold, in numbers and in time.

use super::*;

/// How many of them: dumb buffers have all of their memory at once, which takes its time.
fn many(of_isocl: usize, dumb: usize) -> usize {
    if is_isocl() {
        of_isocl
    } else {
        dumb
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn thousands_of_slabs_come_and_go() {
    for (driver, number) in drivers().iter().zip([many(3000, 20), many(500, 5)]) {
        for number in [number, number / 5] {
            let slabs: Vec<Slab> = (0..number).map(|_| map(driver, SLAB_GRANULE)).collect();
            for (index, slab) in slabs.iter().enumerate() {
                set_word(slab.range().address(), index as u64);
            }
            for (index, slab) in slabs.iter().enumerate() {
                assert_eq!(word(slab.range().address()), index as u64);
            }
        }
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn populated_memory_stays_and_discarded_memory_reads_as_the_driver_says() {
    for driver in drivers() {
        let slab = map(&driver, 2 * SLAB_GRANULE);
        let first = slab.range().address();
        let second = AddressRange::with_len(first.get() + SLAB_GRANULE, SLAB_GRANULE).unwrap();
        set_word(first, 5);
        slab.populate(slab.range()).unwrap();
        set_word(second.address(), 7);
        // The device has seen it, so that its view has to change too.
        assert_device_sees(&driver, &slab, &[(first, 5), (second.address(), 7)]);
        let discarded = slab.discard(second);
        assert_eq!(discarded.is_ok(), is_isocl());
        let after = if is_isocl() { 0 } else { 7 };
        assert_device_sees(&driver, &slab, &[(first, 5), (second.address(), after)]);
        assert_eq!((word(first), word(second.address())), (5, after));
        set_word(second.address(), 8);
        assert_device_sees(&driver, &slab, &[(second.address(), 8)]);
        let outside = AddressRange::with_len(slab.range().end(), SLAB_GRANULE).unwrap();
        let between = AddressRange::with_len(first.get() + 8, 4096).unwrap();
        for wrong in [outside, between] {
            assert!(slab.populate(wrong).is_err() && slab.discard(wrong).is_err());
        }
    }
}

/// Memory that comes back to the driver is not shown to whoever gets it next.
#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn new_memory_is_zero_wherever_it_was_before() {
    for driver in drivers() {
        for _ in 0..many(10, 3) {
            let slab = map(&driver, SLAB_GRANULE);
            for page in (0..SLAB_GRANULE).step_by(64 << 10) {
                let address = slab.range().address().wrapping_add(page);
                assert_eq!(word(address), 0);
                set_word(address, u64::MAX);
            }
        }
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn threads_map_side_by_side() {
    let rounds = many(25, 2);
    for driver in drivers() {
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let driver = &driver;
                scope.spawn(move || {
                    for round in 0..rounds {
                        let slab = map(driver, SLAB_GRANULE);
                        let address = slab.range().address();
                        set_word(address, thread);
                        std::thread::yield_now();
                        assert_eq!(word(address), thread, "{round}");
                        assert_device_sees(driver, &slab, &[(address, thread)]);
                    }
                });
            }
        });
    }
}

/// Slabs outlive the driver value that whoever asked for them had.
#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn slabs_keep_their_driver() {
    alone(|| {
        for driver in drivers() {
            let slab = map(&driver, SLAB_GRANULE);
            drop(driver);
            set_word(slab.range().address(), 6);
            assert_eq!(word(slab.range().address()), 6);
            let range = slab.range();
            drop(slab);
            assert!(!is_node_at(range.address()));
        }
    });
}
