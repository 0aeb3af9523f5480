use super::*;
use crate::access;
use std::os::fd::AsFd;

const PAGES: usize = 64 << 10;

#[test]
fn reservation_is_aligned_and_owned() {
    let reservation = Reservation::anywhere(PAGES, 1 << 21).unwrap();
    assert!(reservation.range().address().is_aligned_to(1 << 21));
    assert_eq!(reservation.range().len(), PAGES);
    let error = Reservation::at(reservation.range()).unwrap_err();
    assert!(error.is_occupied(), "{error}");
}

#[test]
fn mappings_inside_a_reservation_never_overlap() {
    let reservation = Reservation::anywhere(PAGES, 1).unwrap();
    let half = reservation
        .map(PAGES / 2, 1, Backing::Anonymous)
        .unwrap()
        .unwrap();
    assert!(reservation
        .map_at(half.range(), Backing::Anonymous)
        .unwrap_err()
        .is_occupied());
    let other = reservation
        .map(PAGES / 2, 1, Backing::Anonymous)
        .unwrap()
        .unwrap();
    assert!(!other.range().overlaps(&half.range()));
    assert!(reservation
        .map(4096, 1, Backing::Anonymous)
        .unwrap()
        .is_none());
    drop(half);
    assert_eq!(reservation.free_bytes(), PAGES / 2);
    assert!(reservation
        .map(4096, 1, Backing::Anonymous)
        .unwrap()
        .is_some());
}

#[test]
fn mappings_keep_their_reservation_alive() {
    // Far from where the system puts the mappings of other threads.
    let range = AddressRange::new(1 << 45, (1 << 45) + PAGES);
    let reservation = Reservation::at(range).unwrap();
    let mapping = reservation
        .map(4096, 1, Backing::Anonymous)
        .unwrap()
        .unwrap();
    drop(reservation);
    access::write(mapping.address(), &[1]);
    assert!(Reservation::at(range).unwrap_err().is_occupied());
    drop(mapping);
    assert!(Reservation::at(range).is_ok());
}

#[test]
fn ranges_outside_or_between_pages_are_refused() {
    let reservation = Reservation::anywhere(PAGES, 1).unwrap();
    let start = reservation.range().start();
    let shifted = AddressRange::new(start + 1, start + 4097);
    assert!(reservation.map_at(shifted, Backing::Anonymous).is_err());
    let beyond = AddressRange::new(start + PAGES, start + 2 * PAGES);
    assert!(reservation.map_at(beyond, Backing::Anonymous).is_err());
    assert!(reservation.map(0, 1, Backing::Anonymous).is_err());
    assert!(reservation.map(5, 1, Backing::Anonymous).is_err());
    assert!(Reservation::anywhere(usize::MAX, 1).is_err());
}

#[test]
fn shared_backing_is_shared() {
    let file = crate::sys::memory_file(PAGES).unwrap();
    let reservation = Reservation::anywhere(2 * PAGES, 1).unwrap();
    let backing = Backing::Shared {
        file: file.as_fd(),
        offset: 0,
    };
    let left = reservation.map(PAGES, 1, backing).unwrap().unwrap();
    let right = reservation.map(PAGES, 1, backing).unwrap().unwrap();
    access::write(Address(left.address().0 + 5000), b"seen by both");
    let mut bytes = [0; 12];
    access::read(Address(right.address().0 + 5000), &mut bytes);
    assert_eq!(&bytes, b"seen by both");
    assert!(left.discard(left.range()).is_err());
}

#[test]
fn failed_mapping_leaves_its_addresses_free() {
    let reservation = Reservation::anywhere(PAGES, 1).unwrap();
    let directory = std::fs::File::open("/").unwrap();
    let backing = Backing::Shared {
        file: directory.as_fd(),
        offset: 0,
    };
    assert!(reservation.map(4096, 1, backing).is_err());
    assert_eq!(reservation.free_bytes(), PAGES);
}

#[test]
fn touching_brings_every_page_in() {
    let resident = |range: AddressRange| {
        let map = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let start = format!("{:x}-", range.start());
        let part = &map[map.find(&format!("\n{start}")).unwrap()..];
        let line = part.lines().find(|line| line.starts_with("Rss:")).unwrap();
        let number = line.split_ascii_whitespace().nth(1).unwrap();
        number.parse::<usize>().unwrap() << 10
    };
    let file = sys::memory_file(PAGES).unwrap();
    let reservation = Reservation::anywhere(3 * PAGES, 1).unwrap();
    let middle = AddressRange::with_len(reservation.range().start() + PAGES, PAGES).unwrap();
    let backing = Backing::Shared {
        file: file.as_fd(),
        offset: 0,
    };
    let mapping = reservation.map_at(middle, backing).unwrap();
    assert_eq!(resident(middle), 0);
    mapping.touch(middle).unwrap();
    assert_eq!(resident(middle), PAGES);
    assert!(mapping.touch(reservation.range()).is_err());
}
