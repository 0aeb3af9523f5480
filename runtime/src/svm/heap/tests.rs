use std::sync::Arc;

use isocl_kernel_iface::access;
use isocl_kernel_iface::driver::Driver;
use isocl_kernel_iface::emulator::Emulator;
use isocl_kernel_iface::fault::{Fault, FaultyDriver};
use isocl_kernel_iface::profile::Profile;
use isocl_kernel_iface::Address;
use proptest::prelude::*;

use super::*;
use PoolKind::{CoarseGrain, FineGrain, ReadOnly};

fn heap() -> Arc<SvmHeap> {
    let driver: Arc<dyn Driver> = Arc::new(Emulator::new(&Profile::default()));
    SvmHeap::new(driver, 1 << 40)
}

fn plus(address: Address, bytes: usize) -> Address {
    address.wrapping_add(bytes)
}

#[test]
fn every_byte_of_an_allocation_resolves_to_it() {
    let heap = heap();
    for (size, pool) in [
        (1, FineGrain),
        (4096, CoarseGrain),
        (100_000, ReadOnly),
        (5 << 20, FineGrain),
    ] {
        let base = heap.allocate(size, 0, pool).unwrap();
        let info = AllocationInfo { base, size, pool };
        for inside in [0, size / 2, size - 1] {
            assert_eq!(heap.resolve(plus(base, inside)), Some(info));
        }
        assert_eq!(heap.resolve(plus(base, size)), None);
        assert_eq!(heap.resolve(Address(base.get() - 1)), None);
    }
    for foreign in [0, 1, 0x1000, usize::MAX] {
        assert_eq!(heap.resolve(Address(foreign)), None);
    }
}

#[test]
fn ranges_must_lie_in_one_allocation() {
    let heap = heap();
    for size in [200, 3 << 20] {
        let base = heap.allocate(size, 0, CoarseGrain).unwrap();
        assert!(heap.resolve_range(base, size).is_some());
        assert!(heap.resolve_range(plus(base, size - 1), 1).is_some());
        assert!(heap.resolve_range(plus(base, 5), 0).is_some());
        assert!(heap.resolve_range(base, size + 1).is_none());
        assert!(heap.resolve_range(plus(base, 1), size).is_none());
        assert!(heap.resolve_range(plus(base, 1), usize::MAX).is_none());
        assert!(heap.resolve_range(plus(base, size), 0).is_none());
    }
}

#[test]
fn alignment_is_honoured_up_to_a_gibibyte() {
    let heap = heap();
    for shift in 0..=30 {
        for size in [1, 5000, 3 << 20] {
            let address = heap.allocate(size, 1 << shift, FineGrain).unwrap();
            assert!(
                address.is_aligned_to((1 << shift).max(MIN_ALIGNMENT)),
                "{size} at {shift}"
            );
            assert_eq!(heap.resolve(address).map(|info| info.size), Some(size));
        }
    }
}

#[test]
fn impossible_requests_are_refused() {
    let driver: Arc<dyn Driver> = Arc::new(Emulator::new(&Profile::default()));
    let heap = SvmHeap::new(driver, 1 << 30);
    assert_eq!(heap.allocate(0, 0, FineGrain), Err(HeapError::ZeroSize));
    assert_eq!(
        heap.allocate(1, 96, FineGrain),
        Err(HeapError::InvalidAlignment(96))
    );
    for size in [(1 << 30) + 1, usize::MAX - 4095, usize::MAX] {
        let limit = 1 << 30;
        assert_eq!(
            heap.allocate(size, 0, FineGrain),
            Err(HeapError::TooLarge { size, limit })
        );
    }
    let beyond = heap.allocate(1, 1 << 63, FineGrain).unwrap_err();
    assert!(matches!(beyond, HeapError::OutOfMemory(_)), "{beyond}");
    assert_eq!(heap.allocations(), 0);
}

#[test]
fn wrong_frees_are_told_apart_and_change_nothing() {
    let heap = heap();
    for size in [300, 2 << 20, 9 << 20] {
        let base = heap.allocate(size, 0, CoarseGrain).unwrap();
        let neighbour = heap.allocate(size, 0, CoarseGrain).unwrap();
        let address = plus(base, 128);
        assert_eq!(
            heap.free(address),
            Err(HeapError::Interior { address, base })
        );
        assert_eq!(heap.free(base), Ok(()));
        assert!(matches!(
            heap.free(base),
            Err(HeapError::AlreadyFreed(_) | HeapError::NotAllocated(_))
        ));
        assert_eq!(heap.resolve(base), None);
        assert!(heap.resolve(neighbour).is_some());
        assert_eq!(heap.free(neighbour), Ok(()));
    }
    let base = heap.allocate(300, 0, CoarseGrain).unwrap();
    heap.allocate(300, 0, CoarseGrain).unwrap();
    heap.free(base).unwrap();
    assert_eq!(heap.free(base), Err(HeapError::AlreadyFreed(base)));
    let never = plus(base, 384 * 1000);
    assert_eq!(heap.free(never), Err(HeapError::NotAllocated(never)));
    let on_stack = 0_u64;
    let foreign = Address::from(&raw const on_stack);
    assert_eq!(heap.free(foreign), Err(HeapError::NotAllocated(foreign)));
    assert_eq!(
        heap.free(Address::NULL),
        Err(HeapError::NotAllocated(Address::NULL))
    );
}

#[test]
fn memory_in_use_is_quarantined_until_the_last_range_goes() {
    let heap = heap();
    for size in [4096, 8 << 20] {
        let base = heap.allocate(size, 0, FineGrain).unwrap();
        let first = heap.resolve_range(plus(base, 100), 10).unwrap();
        let second = first.part(5, 5).unwrap();
        assert_eq!(second.address(), plus(base, 105));
        assert!(first.part(5, 6).is_none());
        heap.free(base).unwrap();
        assert_eq!(heap.free(base), Err(HeapError::AlreadyFreed(base)));
        assert_eq!(heap.resolve(base), None);
        assert!(heap.resolve_range(base, 1).is_none());
        assert!(heap.is_quarantined(plus(base, 7)));
        access::write(second.address(), b"usable");
        let other = heap.allocate(size, 0, FineGrain).unwrap();
        assert_ne!(other, base, "quarantined memory is not reused");
        drop(first);
        let third = second.part(0, 1).unwrap();
        drop(second);
        assert!(heap.is_quarantined(base));
        drop(third);
        assert!(!heap.is_quarantined(base));
        assert_eq!(
            heap.allocate(size, 0, FineGrain),
            Ok(base),
            "and reused afterwards"
        );
        heap.free(base).unwrap();
        heap.free(other).unwrap();
        assert_eq!(heap.allocations(), 0);
    }
}

#[test]
fn ranges_born_pinned_belong_to_nobody_else() {
    let heap = heap();
    for size in [1000, 4 << 20] {
        let range = heap.allocate_range(size, 0, CoarseGrain).unwrap();
        assert_eq!((range.len(), range.allocation().size), (size, size));
        assert_eq!(heap.resolve(range.address()), None);
        assert!(heap.free(range.address()).is_err());
        let part = range.part(size / 2, 10).unwrap();
        drop(range);
        access::write(part.address(), b"0123456789");
        assert_eq!(heap.allocations(), 1);
        drop(part);
        assert_eq!(heap.allocations(), 0);
    }
}

#[test]
fn ranges_outlive_the_context_that_made_them() {
    let heap = heap();
    let base = heap.allocate(64, 0, FineGrain).unwrap();
    let range = heap.resolve_range(base, 64).unwrap();
    heap.free(base).unwrap();
    drop(heap);
    access::fill(range.address(), &[1, 2], 64);
}

#[test]
fn pools_never_share_a_page() {
    let heap = heap();
    let pages = |pool| -> Vec<usize> {
        let addresses = (0..300).map(|index| heap.allocate(64 + index, 0, pool).unwrap());
        addresses.map(|address| address.get() / 4096).collect()
    };
    let (coarse, fine, read_only) = (pages(CoarseGrain), pages(FineGrain), pages(ReadOnly));
    assert!(fine
        .iter()
        .all(|page| !coarse.contains(page) && !read_only.contains(page)));
    assert!(coarse.iter().all(|page| !read_only.contains(page)));
}

#[test]
fn no_two_allocations_share_a_cache_line() {
    let heap = heap();
    let addresses: Vec<usize> = (1..200)
        .map(|size| heap.allocate(size, 1, FineGrain).unwrap().get())
        .collect();
    let mut lines: Vec<usize> = addresses
        .iter()
        .zip(1..)
        .flat_map(|(a, size)| a / 64..=(a + size - 1) / 64)
        .collect();
    let count = lines.len();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), count);
}

#[test]
fn chunks_change_their_class_and_stale_pointers_stay_stale() {
    let heap = heap();
    let mut stale = Vec::new();
    for round in 0..3 {
        for size in [200, 5000, 60_000, 900_000, 3 << 20] {
            let all: Vec<Address> = (0..70)
                .map(|_| heap.allocate(size, 0, FineGrain).unwrap())
                .collect();
            for address in &all {
                heap.free(*address).unwrap();
            }
            stale.extend(all);
        }
        assert_eq!(heap.allocations(), 0, "round {round}");
    }
    for address in stale {
        assert_eq!(heap.resolve(address), None);
        assert!(heap.free(address).is_err());
    }
}

#[test]
fn forty_bits_hold_for_every_size() {
    let options = Profile {
        address_bits: Some(40),
        lowest: 1 << 39,
        reserved: vec![AddressRange::new(
            (1 << 39) + (3 << 20),
            (1 << 39) + (32 << 20),
        )],
    };
    let heap = SvmHeap::new(Arc::new(Emulator::new(&options)), 1 << 39);
    for size in [1, 4096, 1 << 20, 3 << 20, 1 << 30, 1 << 36] {
        let address = heap.allocate(size, 0, FineGrain).unwrap();
        let range = AddressRange::with_len(address.get(), size).unwrap();
        assert!(range.end() <= 1 << 40 && range.start() >= 1 << 39);
        assert!(!range.overlaps(&options.reserved[0]), "{range:?}");
        access::write(Address(range.end() - 1), &[1]);
    }
}

#[test]
fn hundred_thousand_allocations_need_few_mappings() {
    let heap = heap();
    let all: Vec<Address> = (0..100_000)
        .map(|_| heap.allocate(4096, 0, FineGrain).unwrap())
        .collect();
    for (index, address) in all.iter().enumerate() {
        access::write(*address, &(index as u32).to_ne_bytes());
    }
    for (index, address) in all.iter().enumerate() {
        let mut bytes = [0; 4];
        access::read(*address, &mut bytes);
        assert_eq!(u32::from_ne_bytes(bytes), index as u32);
    }
    let maps = std::fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .count();
    assert!(maps < 2000, "{maps} mappings");
    for address in all {
        heap.free(address).unwrap();
    }
    assert_eq!(heap.allocations(), 0);
}

#[test]
fn failing_driver_is_an_error_at_every_step_and_not_for_ever() {
    for fault in [Fault::OutOfMemory, Fault::WrongDeviceAddress] {
        for n in 0..12 {
            let emulator = Arc::new(Emulator::new(&Profile::default()));
            let driver = Arc::new(FaultyDriver::failing_from(emulator, fault, n));
            let heap = SvmHeap::new(Arc::clone(&driver) as Arc<dyn Driver>, 1 << 40);
            let sizes = [100, 2 << 20, 300 << 20, 90 << 20, 5000, 64 << 20, 20 << 20];
            let mut live = Vec::new();
            for size in sizes {
                match heap.allocate(size, 0, FineGrain) {
                    Ok(address) => live.push((address, size)),
                    Err(error) => assert!(matches!(error, HeapError::OutOfMemory(_)), "{error}"),
                }
            }
            assert_eq!(heap.allocations(), live.len());
            for (address, size) in live {
                access::write(plus(address, size - 1), &[1]);
                heap.free(address).unwrap();
            }
            driver.recover();
            assert!(heap.allocate(700 << 20, 0, FineGrain).is_ok());
            drop(heap);
            assert_eq!(driver.placed(), 0);
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Allocate { size: usize, shift: u32, pool: u64 },
    Free(usize),
    FreeAgain(usize),
    Pin(usize),
    Unpin(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![1_usize..600, 600_usize..70_000, 70_000_usize..(6 << 20)];
    prop_oneof![
        4 => (size, 0_u32..24, 0_u64..3).prop_map(|(size, shift, pool)| Step::Allocate { size, shift, pool }),
        3 => any::<usize>().prop_map(Step::Free),
        1 => any::<usize>().prop_map(Step::FreeAgain),
        2 => any::<usize>().prop_map(Step::Pin),
        2 => any::<usize>().prop_map(Step::Unpin),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a plain list: no two allocations in use overlap, every lookup agrees, and memory
    /// stays in use exactly as long as it is live or pinned.
    #[test]
    fn agrees_with_a_list_of_allocations(steps in prop::collection::vec(step(), 1..200)) {
        let heap = heap();
        let mut live: Vec<AllocationInfo> = Vec::new();
        let mut pins: Vec<SvmRange> = Vec::new();
        let mut freed: Vec<Address> = Vec::new();
        for step in steps {
            match step {
                Step::Allocate { size, shift, pool } => {
                    let pool = PoolKind::from_bits(pool);
                    let base = heap.allocate(size, 1 << shift, pool).unwrap();
                    prop_assert!(base.is_aligned_to(1 << shift));
                    let range = AddressRange::with_len(base.get(), size).unwrap();
                    let in_use = live.iter().copied().chain(pins.iter().map(SvmRange::allocation));
                    for other in in_use {
                        let other = AddressRange::with_len(other.base.get(), other.size).unwrap();
                        prop_assert!(!other.overlaps(&range), "{:?} {:?}", other, range);
                    }
                    freed.retain(|address| *address != base);
                    live.push(AllocationInfo { base, size, pool });
                }
                Step::Free(pick) if !live.is_empty() => {
                    let info = live.swap_remove(pick % live.len());
                    prop_assert_eq!(heap.free(info.base), Ok(()));
                    freed.push(info.base);
                }
                Step::FreeAgain(pick) if !freed.is_empty() => {
                    let address = freed[pick % freed.len()];
                    let inside = live.iter().any(|info| {
                        AddressRange::with_len(info.base.get(), info.size).unwrap().contains_address(address)
                    });
                    prop_assert!(heap.free(address).is_err());
                    prop_assert_eq!(heap.resolve(address).is_some(), inside);
                }
                Step::Pin(pick) if !live.is_empty() => {
                    let info = live[pick % live.len()];
                    let offset = pick % info.size;
                    let range = heap.resolve_range(plus(info.base, offset), info.size - offset).unwrap();
                    prop_assert_eq!(range.allocation(), info);
                    pins.push(range);
                }
                Step::Unpin(pick) if !pins.is_empty() => {
                    pins.swap_remove(pick % pins.len());
                }
                _ => {}
            }
            let mut in_use: Vec<usize> = live.iter().map(|info| info.base.get()).collect();
            in_use.extend(pins.iter().map(|range| range.allocation().base.get()));
            in_use.sort_unstable();
            in_use.dedup();
            prop_assert_eq!(heap.allocations(), in_use.len());
            for info in &live {
                prop_assert_eq!(heap.resolve(plus(info.base, info.size - 1)), Some(*info));
            }
        }
    }
}
