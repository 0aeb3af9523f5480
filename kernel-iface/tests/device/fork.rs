//! Forked children: what was placed before the fork stays with the parent.

use super::*;

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_child_leaves_addresses_alone_that_are_no_longer_its_own() {
    alone(|| {
        for driver in drivers() {
            assert!(!driver.survives_fork());
            let slab = map(&driver, SLAB_GRANULE);
            let (range, address) = (slab.range(), slab.range().address());
            set_word(address, 42);
            let slab = std::cell::Cell::new(Some(slab));
            let good = in_child(|| {
                assert_eq!(mapped_at(address), None);
                let slab = slab.take().unwrap();
                assert!(slab.populate(range).is_err() && slab.discard(range).is_err());
                // Somebody else's now.
                assert!(occupy(range));
                set_word(address, 43);
                drop(slab);
                assert_eq!(word(address), 43);
            });
            assert!(good);
            assert_eq!(word(address), 42);
            let slab = slab.take().unwrap();
            assert_device_sees(&driver, &slab, &[(address, 42)]);
            drop(slab);
            assert!(!is_node_at(address));
        }
    });
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_child_and_its_child_place_memory_of_their_own() {
    fn place_and_use(driver: &Arc<dyn Driver>, value: u64) -> Slab {
        let slab = map(driver, SLAB_GRANULE);
        let address = slab.range().address();
        assert!(is_node_at(address));
        assert_eq!(word(address), 0);
        set_word(address, value);
        assert_device_sees(driver, &slab, &[(address, value)]);
        slab
    }
    for driver in drivers() {
        let parents = place_and_use(&driver, 1);
        let good = in_child(|| {
            let childs = place_and_use(&driver, 2);
            assert!(in_child(|| {
                assert!(!is_node_at(childs.range().address()));
                drop(place_and_use(&driver, 3));
            }));
            assert_eq!(word(childs.range().address()), 2);
        });
        assert!(good);
        assert_eq!(word(parents.range().address()), 1);
        drop(place_and_use(&driver, 4));
    }
}

/// What a parent's file holds goes with the parent, once its child has a file of its own.
#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_child_has_one_file_of_the_node() {
    let files = || {
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        let target = |entry: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_link(entry.unwrap().path()).ok()
        };
        links
            .filter_map(target)
            .filter(|path| *path == node())
            .count()
    };
    // Other tests' files are open in this process too.
    let good = in_child(|| {
        let before = files();
        let driver = driver();
        assert_eq!(files(), before + 1);
        let _slab = map(&driver, SLAB_GRANULE);
        assert!(in_child(|| {
            let _slab = map(&driver, SLAB_GRANULE);
            assert_eq!(files(), before + 1);
            drop(driver);
        }));
    });
    assert!(good);
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn faults_of_a_parent_are_not_told_to_its_child() {
    let driver = driver();
    let Some(engine) = engine_of(&driver) else {
        return;
    };
    let wrong = |address| Operation::Checksum {
        source: Address(address),
        len: 1,
        result: Address(address),
    };
    // Two failures, one of which is told: the record of the other is here, not with the driver.
    let first = engine.submit(&[wrong(1 << 60)]).unwrap();
    let error = engine.run(&[wrong(1 << 61)]).unwrap_err();
    assert_eq!(error.fault.unwrap().address, Address(1 << 61));
    let good = in_child(|| {
        let error = engine.run(&[wrong(1 << 62)]).unwrap_err();
        assert_eq!(error.fault.unwrap().address, Address(1 << 62));
    });
    assert!(good);
    let error = engine.wait(first, None).unwrap_err();
    assert_eq!(error.fault.unwrap().address, Address(1 << 60));
}
