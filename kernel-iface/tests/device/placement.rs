//! Where slabs lie, and that CPU and device agree about it.

use isocl_kernel_iface::driver::Placement;

use super::*;

/// Parameter of the kernel module, by its own account.
fn parameter(name: &str) -> String {
    let text = std::fs::read_to_string(format!("/sys/module/isocl/parameters/{name}"));
    text.unwrap().trim().to_owned()
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn slabs_are_mappings_of_the_node_inside_the_plan() {
    alone(|| {
        let kinds = if is_isocl() {
            [Placement::KernelPlaced, Placement::UserReserved]
        } else {
            [Placement::UserReserved; 2]
        };
        for (driver, kind) in drivers().iter().zip(kinds) {
            assert_eq!(driver.placement(), kind);
            let slabs: Vec<Slab> = (1..=8)
                .map(|index| map(driver, index * SLAB_GRANULE))
                .collect();
            for (index, slab) in slabs.iter().enumerate() {
                let (first, last) = (slab.range().address(), Address(slab.range().end() - 8));
                assert!(driver.plan().contains(&slab.range()));
                assert!(first.is_aligned_to(SLAB_GRANULE));
                assert!(is_node_at(first) && is_node_at(last));
                assert!(slabs[index + 1..]
                    .iter()
                    .all(|other| !other.range().overlaps(&slab.range())));
                assert_eq!((word(first), word(last)), (0, 0), "new memory is zero");
                set_word(first, index as u64 + 1);
            }
            for (index, slab) in slabs.iter().enumerate() {
                let first = slab.range().address();
                assert_device_sees(driver, slab, &[(first, index as u64 + 1)]);
            }
            let ranges: Vec<AddressRange> = slabs.iter().map(Slab::range).collect();
            drop(slabs);
            for range in ranges {
                assert!(!is_node_at(range.address()), "given back");
            }
        }
    });
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn the_driver_itself_says_where_the_device_sees_a_slab() {
    for driver in drivers() {
        let request = SlabRequest {
            len: SLAB_GRANULE,
            alignment: SLAB_GRANULE,
            huge_pages: true,
        };
        let first = driver.place(request).unwrap();
        let second = driver.place(request).unwrap();
        assert!(first.handle.is_some() && first.handle != second.handle);
        for memory in [first, second] {
            assert_eq!(memory.device_address, memory.mapping.address());
            driver.withdraw(memory).unwrap();
        }
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn the_plan_is_the_devices_aperture_without_its_reserved_regions() {
    let driver = driver();
    if !is_isocl() {
        assert_eq!(driver.plan().end(), 1 << 47, "user space");
        return;
    }
    let bits: u32 = parameter("address_bits").parse().unwrap();
    let end = driver.plan().end();
    assert!(end <= 1 << bits.min(47) && end > 1 << (bits.min(47) - 1));
    let regions = parameter("reserved");
    let starts: Vec<usize> = regions
        .split(',')
        .filter_map(|region| region.split('-').next())
        .filter(|start| !start.is_empty())
        .map(|start| usize::from_str_radix(start.trim_start_matches("0x"), 16).unwrap())
        .collect();
    let allowed = driver.plan().allowed();
    assert_eq!(allowed.len(), starts.len() + 1, "one gap for each region");
    for start in &starts {
        assert!(
            allowed.iter().any(|range| range.end() == *start),
            "{start:#x}"
        );
        assert!(!driver.plan().contains_address(Address(*start)));
    }
    assert_eq!(driver.reaches_process(), bits >= 47 && starts.is_empty());
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_narrower_profile_is_obeyed() {
    let profile = narrow();
    let driver = open(&profile);
    assert!(!driver.reaches_process());
    // More than fits below the hole.
    let slabs: Vec<Slab> = (0..10).map(|_| map(&driver, 8 << 20)).collect();
    for slab in &slabs {
        assert!(slab.range().start() >= profile.lowest && slab.range().end() <= 1 << 36);
        assert!(!slab.range().overlaps(&profile.reserved[0]));
    }
    assert!(slabs.iter().any(|slab| slab.range().start() >= 16 << 30));
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn large_alignments_are_kept() {
    for driver in drivers() {
        for power in [22, 25, 30, 32] {
            let slab = try_map(&driver, SLAB_GRANULE, 1 << power).unwrap();
            assert!(slab.range().address().is_aligned_to(1 << power));
            set_word(slab.range().address(), 3);
            assert_device_sees(&driver, &slab, &[(slab.range().address(), 3)]);
        }
    }
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_full_aperture_is_an_error_and_no_loss() {
    let profile = Profile {
        lowest: (1 << 37) - (32 << 20),
        ..Profile::with_address_bits(37)
    };
    let driver = open(&profile);
    for _ in 0..2 {
        let slabs: Vec<Slab> = (0..16).map(|_| map(&driver, SLAB_GRANULE)).collect();
        let error = try_map(&driver, SLAB_GRANULE, SLAB_GRANULE).unwrap_err();
        assert!(error.is_out_of_memory(), "{error}");
        drop(slabs);
    }
}

/// In a child, because no other thread must want addresses meanwhile.
#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn the_whole_aperture_can_be_used_and_is_then_full() {
    if !is_isocl() {
        assert!(
            driver().engine().is_none(),
            "dumb buffers have memory at once"
        );
        return;
    }
    let good = in_child(|| {
        let driver = driver();
        let len = (driver.plan().capacity() / 16) & !(SLAB_GRANULE - 1);
        for _ in 0..2 {
            let mut slabs = Vec::new();
            let error = loop {
                match try_map(&driver, len, SLAB_GRANULE) {
                    Ok(slab) => slabs.push(slab),
                    Err(error) => break error,
                }
            };
            assert!(error.is_out_of_memory(), "{error}");
            assert!((8..=16).contains(&slabs.len()), "{} slabs", slabs.len());
            for slab in &slabs {
                set_word(slab.range().address(), 4);
                assert_device_sees(&driver, slab, &[(slab.range().address(), 4)]);
            }
        }
    });
    assert!(good);
}
