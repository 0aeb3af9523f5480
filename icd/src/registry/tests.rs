//! Handles of a type of objects made for this.

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::MutexGuard;

use isocl_runtime::ApiSlot;

use super::*;

/// Objects alive.
static ALIVE: AtomicU32 = AtomicU32::new(0);

struct Thing {
    api_slot: ApiSlot,
    number: u32,
}

impl Thing {
    fn new(number: u32) -> Arc<Self> {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            api_slot: ApiSlot::default(),
            number,
        })
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Object for Thing {
    const INVALID: ErrorCode = ErrorCode::InvalidSampler;
    const INVALID_REASON: &'static str = "not a thing";

    fn api_slot(&self) -> &ApiSlot {
        &self.api_slot
    }

    fn registry() -> &'static Registry<Self> {
        static THINGS: Registry<Thing> = Registry::new();
        &THINGS
    }

    fn parent(&self) -> Parent {
        Parent::Devices(Vec::new())
    }
}

/// The tests share the registry, and count what is in it.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn publish(number: u32) -> *mut c_void {
    Thing::registry().publish(Thing::new(number)).unwrap()
}

fn code(handle: *mut c_void) -> Option<ErrorCode> {
    Thing::registry().get(handle).err().map(|error| error.code)
}

#[test]
fn a_handle_leads_to_its_object_until_the_last_reference() {
    let _alone = alone();
    let registry = Thing::registry();
    let handle = publish(7);
    assert_eq!(registry.get(handle).unwrap().number, 7);
    registry.retain(handle).unwrap();
    assert_eq!(registry.get(handle).unwrap().references(), 2);
    registry.release(handle).unwrap();
    registry.release(handle).unwrap();
    assert_eq!(code(handle), Some(Thing::INVALID));
    assert_eq!(registry.retain(handle).unwrap_err().code, Thing::INVALID);
    assert_eq!(registry.release(handle).unwrap_err().code, Thing::INVALID);
}

#[test]
fn whoever_holds_an_object_keeps_its_handle_valid() {
    let _alone = alone();
    let registry = Thing::registry();
    let handle = publish(1);
    let held = registry.get(handle).unwrap();
    registry.release(handle).unwrap();
    assert_eq!(held.references(), 0);
    assert_eq!(registry.get(handle).unwrap().number, 1);
    assert_eq!(registry.release(handle).unwrap_err().code, Thing::INVALID);
    // A reference can be had again, as from a query of another object.
    registry.retain(handle).unwrap();
    drop(held);
    assert!(registry.get(handle).is_ok());
    registry.release(handle).unwrap();
    assert_eq!(code(handle), Some(Thing::INVALID));
}

#[test]
fn nothing_but_the_start_of_a_slot_is_a_handle() {
    let _alone = alone();
    let handle = publish(2);
    let outside = 5_u64;
    for offset in [1, 8, 16, 63] {
        assert_eq!(code(handle.wrapping_byte_add(offset)), Some(Thing::INVALID));
    }
    for wrong in [
        0,
        1,
        64,
        usize::MAX,
        usize::MAX - 63,
        &raw const outside as usize,
    ] {
        assert_eq!(
            code(wrong as *mut c_void),
            Some(Thing::INVALID),
            "{wrong:#x}"
        );
    }
    assert_eq!(code(handle), None);
}

#[test]
fn released_handles_rest_before_they_come_again() {
    let _alone = alone();
    let first = publish(3);
    Thing::registry().release(first).unwrap();
    let others: Vec<_> = (0..REST as u32)
        .map(|number| {
            let handle = publish(number);
            Thing::registry().release(handle).unwrap();
            handle
        })
        .collect();
    assert!(!others.contains(&first));
}

#[test]
fn many_objects_have_different_handles() {
    let _alone = alone();
    let registry = Thing::registry();
    let handles: Vec<_> = (0..5000).map(publish).collect();
    let mut distinct = handles.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), handles.len());
    for (number, handle) in handles.iter().enumerate() {
        assert_eq!(registry.get(*handle).unwrap().number as usize, number);
        registry.release(*handle).unwrap();
    }
}

#[test]
fn threads_that_use_and_release_the_same_handles_never_meet_a_dead_object() {
    let _alone = alone();
    let registry = Thing::registry();
    let before = ALIVE.load(Ordering::Relaxed);
    let stop = AtomicBool::new(false);
    let shared: Vec<AtomicUsize> = (0..4).map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for place in &shared {
                        let handle = place.load(Ordering::Relaxed) as *mut c_void;
                        if let Some(held) = registry.find(handle) {
                            assert!(held.number >= 100);
                            if registry.retain(handle).is_ok() {
                                registry.release(handle).unwrap();
                            }
                        }
                    }
                }
            });
        }
        for round in 0..20_000_u32 {
            let place = &shared[round as usize % shared.len()];
            let handle = registry.publish(Thing::new(100 + round)).unwrap();
            let old = place.swap(handle as usize, Ordering::Relaxed);
            if old != 0 {
                registry.release(old as *mut c_void).unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    for place in &shared {
        registry
            .release(place.load(Ordering::Relaxed) as *mut c_void)
            .unwrap();
    }
    assert_eq!(ALIVE.load(Ordering::Relaxed), before);
}
