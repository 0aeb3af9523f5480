use std::sync::Arc;

use super::*;
use crate::aperture::powervr;
use crate::driver::Slab;
use crate::{access, Address, SLAB_GRANULE};

fn request(len: usize) -> SlabRequest {
    SlabRequest {
        len,
        alignment: SLAB_GRANULE,
        huge_pages: false,
    }
}

fn emulator(options: &Profile) -> Arc<dyn Driver> {
    Arc::new(Emulator::new(options))
}

/// Tests run side by side in one process, so each one that needs free low addresses has its own.
fn between(lowest: usize, address_bits: u32) -> Profile {
    Profile {
        address_bits: Some(address_bits),
        lowest,
        reserved: Vec::new(),
    }
}

fn reads_back(slab: &Slab) -> bool {
    let last = Address(slab.range().end() - 1);
    access::write(slab.range().address(), &[7]);
    access::write(last, &[9]);
    let mut bytes = [0; 2];
    access::read(slab.range().address(), &mut bytes[..1]);
    access::read(last, &mut bytes[1..]);
    bytes == [7, 9]
}

#[test]
fn slabs_are_usable_memory_that_does_not_overlap() {
    let driver = emulator(&Profile::default());
    let slabs: Vec<Slab> = (0..8)
        .map(|_| Slab::map(&driver, request(4 << 20)).unwrap())
        .collect();
    for (index, slab) in slabs.iter().enumerate() {
        assert!(reads_back(slab));
        assert!(slab.range().address().is_aligned_to(SLAB_GRANULE));
        assert!(slabs[index + 1..]
            .iter()
            .all(|other| !other.range().overlaps(&slab.range())));
    }
}

#[test]
fn few_bits_keep_every_slab_below_and_outside_reserved_regions() {
    for bits in [33, 36, 40] {
        let hole = AddressRange::new((4 << 30) + (6 << 20), (4 << 30) + (64 << 20));
        let options = Profile {
            reserved: vec![hole],
            ..Profile::with_address_bits(bits)
        };
        let driver = emulator(&options);
        let slabs: Vec<Slab> = (0..20)
            .map(|_| Slab::map(&driver, request(4 << 20)).unwrap())
            .collect();
        for slab in &slabs {
            assert!(slab.range().end() <= 1 << bits, "{:?}", slab.range());
            assert!(slab.range().start() >= 4 << 30);
            assert!(!slab.range().overlaps(&hole));
            assert!(reads_back(slab));
        }
    }
}

/// The whole way of a real device's layout, from its profile to addresses.
#[test]
fn slabs_for_powervr_lie_in_its_general_heap() {
    let driver = emulator(&Profile {
        lowest: powervr::GENERAL.start(),
        reserved: vec![AddressRange::new(powervr::GENERAL.end(), 1 << 40)],
        ..Profile::with_address_bits(40)
    });
    assert_eq!(driver.plan().allowed(), &[powervr::GENERAL]);
    let slabs: Vec<Slab> = (0..4)
        .map(|_| Slab::map(&driver, request(1 << 30)).unwrap())
        .collect();
    for slab in &slabs {
        assert!(powervr::GENERAL.contains(&slab.range()));
        assert!(reads_back(slab));
    }
    // Other tests may have a part of the heap too, but never is it longer than it is.
    let more = Slab::map(&driver, request(powervr::GENERAL.len() + SLAB_GRANULE)).unwrap_err();
    assert!(more.is_out_of_memory(), "{more}");
}

#[test]
fn memory_that_is_mapped_already_is_planned_around() {
    // Another emulator stands for whatever the process has mapped low.
    let other = emulator(&between(1 << 37, 38));
    let foreign = Slab::map(&other, request(2 << 20)).unwrap();
    access::write(foreign.range().address(), b"mine");
    let driver = emulator(&between(1 << 37, 38));
    let slab = Slab::map(&driver, request(2 << 20)).unwrap();
    assert!(!slab.range().overlaps(&foreign.range()));
    access::fill(slab.range().address(), &[0xff], slab.range().len());
    let mut bytes = [0; 4];
    access::read(foreign.range().address(), &mut bytes);
    assert_eq!(&bytes, b"mine");
}

#[test]
fn exhausted_aperture_fails_cleanly_and_recovers() {
    let driver = emulator(&between((1 << 40) - (64 << 20), 40));
    let too_much = Slab::map(&driver, request(128 << 20)).unwrap_err();
    assert!(too_much.is_out_of_memory(), "{too_much}");
    let mut slabs: Vec<Slab> = (0..8)
        .map(|_| Slab::map(&driver, request(8 << 20)).unwrap())
        .collect();
    assert!(Slab::map(&driver, request(2 << 20))
        .unwrap_err()
        .is_out_of_memory());
    let freed = slabs.remove(3).range();
    let again = Slab::map(&driver, request(8 << 20)).unwrap();
    assert_eq!(again.range(), freed);
    drop(slabs);
    drop(again);
    assert_eq!(
        Slab::map(&driver, request(64 << 20)).unwrap().range().len(),
        64 << 20
    );
}

#[test]
fn thirty_two_bits_are_a_legal_aperture() {
    let driver = emulator(&Profile::with_address_bits(32));
    let slab = Slab::map(&driver, request(2 << 20)).unwrap();
    assert!(slab.range().end() <= 1 << 32);
    assert!(reads_back(&slab));
}

#[test]
fn large_alignments_are_honoured() {
    let driver = emulator(&between(1 << 38, 39));
    for alignment in [4 << 20, 64 << 20, 1 << 30] {
        let request = SlabRequest {
            alignment,
            ..request(2 << 20)
        };
        let slab = Slab::map(&driver, request).unwrap();
        assert!(slab.range().address().is_aligned_to(alignment));
    }
}

#[test]
fn more_than_one_stretch_is_reserved_when_needed() {
    let driver = emulator(&Profile::default());
    let slabs: Vec<Slab> = (0..3)
        .map(|_| Slab::map(&driver, request(48 << 30)).unwrap())
        .collect();
    assert!(slabs.iter().all(reads_back));
}

#[test]
fn discarded_memory_reads_as_zero_and_parts_outside_are_refused() {
    let driver = emulator(&Profile::default());
    let slab = Slab::map(&driver, request(2 << 20)).unwrap();
    let start = slab.range().start();
    access::write(Address(start + 8192), &[5]);
    slab.discard(AddressRange::new(start + 8192, start + 12288))
        .unwrap();
    let mut byte = [1];
    access::read(Address(start + 8192), &mut byte);
    assert_eq!(byte, [0]);
    let outside = AddressRange::new(start, slab.range().end() + 4096);
    assert!(slab.discard(outside).is_err());
    assert!(slab
        .discard(AddressRange::new(start + 1, start + 4097))
        .is_err());
    slab.populate(slab.range()).unwrap();
}

#[test]
fn fresh_memory_never_shows_what_a_former_owner_left() {
    let driver = emulator(&between(1 << 39, 40));
    let first = Slab::map(&driver, request(2 << 20)).unwrap();
    let range = first.range();
    access::fill(range.address(), &[0xaa], range.len());
    drop(first);
    let second = Slab::map(&driver, request(2 << 20)).unwrap();
    assert_eq!(second.range(), range, "the test needs the same addresses");
    let mut bytes = vec![1; range.len()];
    access::read(range.address(), &mut bytes);
    assert!(bytes.iter().all(|byte| *byte == 0));
}

#[test]
fn malformed_requests_are_refused() {
    let driver = emulator(&Profile::default());
    assert!(Slab::map(&driver, request(0)).is_err());
    assert!(Slab::map(
        &driver,
        SlabRequest {
            alignment: 3,
            ..request(4096)
        }
    )
    .is_err());
    assert!(Slab::map(&driver, request(usize::MAX)).is_err());
}
