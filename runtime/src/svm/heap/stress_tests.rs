//! Several threads on one heap.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use isocl_kernel_iface::access;
use isocl_kernel_iface::emulator::Emulator;
use isocl_kernel_iface::profile::Profile;
use isocl_kernel_iface::Address;

use super::{PoolKind, SvmHeap, SvmRange};
use crate::lock::lock;

const THREADS: usize = 4;
const STEPS: usize = 10_000;

fn heap() -> Arc<SvmHeap> {
    SvmHeap::new(Arc::new(Emulator::new(&Profile::default())), 1 << 40)
}

/// A small generator, so that every run does the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn size(&mut self) -> usize {
        match self.below(20) {
            0 => (1 << 20) + self.below(3 << 20),
            1..=3 => 1 + self.below(1 << 18),
            _ => 1 + self.below(5000),
        }
    }
}

/// First and last word of an allocation say whose it is; a shared byte would be noticed.
fn stamp(address: Address, size: usize, owner: u64) {
    if size >= 16 {
        access::write(address, &owner.to_ne_bytes());
        access::write(address.wrapping_add(size - 8), &owner.to_ne_bytes());
    }
}

fn stamped(address: Address, size: usize, owner: u64) -> bool {
    let at = |offset: usize| {
        let mut bytes = [0; 8];
        access::read(address.wrapping_add(offset), &mut bytes);
        u64::from_ne_bytes(bytes)
    };
    size < 16 || (at(0) == owner && at(size - 8) == owner)
}

#[test]
fn threads_allocate_free_and_hand_over_without_sharing_a_byte() {
    let heap = heap();
    let handed_over: Mutex<Vec<(Address, usize, u64)>> = Mutex::default();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (heap, handed_over) = (&heap, &handed_over);
            scope.spawn(move || {
                let mut random = Random(0x9e37_79b9 + thread as u64);
                let mut mine: Vec<(Address, usize, u64)> = Vec::new();
                for step in 0..STEPS {
                    let owner = (thread * STEPS + step) as u64 + 1;
                    match random.below(10) {
                        0..=3 => {
                            let size = random.size();
                            let address = heap.allocate(size, 0, PoolKind::FineGrain).unwrap();
                            stamp(address, size, owner);
                            mine.push((address, size, owner));
                        }
                        4 if !mine.is_empty() => {
                            let given = mine.swap_remove(random.below(mine.len()));
                            lock(handed_over).push(given);
                        }
                        5 => mine.extend(lock(handed_over).pop()),
                        _ if !mine.is_empty() => {
                            let (address, size, owner) = mine.swap_remove(random.below(mine.len()));
                            assert!(stamped(address, size, owner));
                            let info = heap.resolve(address.wrapping_add(size - 1)).unwrap();
                            assert_eq!((info.base, info.size), (address, size));
                            heap.free(address).unwrap();
                        }
                        _ => {}
                    }
                }
                lock(handed_over).extend(mine);
            });
        }
    });
    for (address, size, owner) in lock(&handed_over).drain(..) {
        assert!(stamped(address, size, owner));
        heap.free(address).unwrap();
    }
    assert_eq!(heap.allocations(), 0);
}

/// One address at a time is allocated, pinned by some threads and freed by all of them: exactly
/// one free succeeds, and pinned memory keeps its contents until the pin is gone.
#[test]
fn racing_frees_and_pins_agree_on_one_end() {
    let heap = heap();
    for size in [256, 700_000, 3 << 20] {
        let current = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let freed = AtomicUsize::new(0);
        let rounds = 2000;
        thread::scope(|scope| {
            for thread in 0..2 {
                let (heap, current, stop, freed) = (&heap, &current, &stop, &freed);
                scope.spawn(move || {
                    let mut random = Random(77 + thread as u64);
                    while !stop.load(Ordering::Acquire) {
                        let address = Address(current.load(Ordering::Acquire));
                        if random.below(3) == 0 {
                            if heap.free(address).is_ok() {
                                freed.fetch_add(1, Ordering::AcqRel);
                            } else {
                                thread::yield_now();
                            }
                        } else if let Some(range) = heap.resolve_range(address, size) {
                            let mark = random.0;
                            let place = range.address().wrapping_add(8 * thread);
                            access::write(place, &mark.to_ne_bytes());
                            let mut bytes = [0; 8];
                            access::read(place, &mut bytes);
                            assert_eq!(u64::from_ne_bytes(bytes), mark);
                        }
                    }
                });
            }
            for round in 0..rounds {
                let address = heap.allocate(size, 0, PoolKind::CoarseGrain).unwrap();
                current.store(address.get(), Ordering::Release);
                while freed.load(Ordering::Acquire) == round {
                    thread::yield_now();
                }
            }
            stop.store(true, Ordering::Release);
        });
        assert_eq!(freed.load(Ordering::Acquire), rounds);
        assert_eq!(heap.allocations(), 0);
    }
}

#[test]
fn last_range_may_be_dropped_on_any_thread() {
    let heap = heap();
    let (send, receive) = std::sync::mpsc::channel::<SvmRange>();
    let reaper = thread::spawn(move || receive.into_iter().for_each(drop));
    for round in 0..5000 {
        let size = if round % 50 == 0 { 2 << 20 } else { 4096 };
        let address = heap.allocate(size, 0, PoolKind::FineGrain).unwrap();
        send.send(heap.resolve_range(address, size).unwrap())
            .unwrap();
        heap.free(address).unwrap();
    }
    drop(send);
    reaper.join().unwrap();
    assert_eq!(heap.allocations(), 0);
}
