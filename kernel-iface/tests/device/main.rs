//! A driver on a real node: `isocl.ko` or any DRM driver, as `ISOCL_TEST_DEVICE` names it. These
//! tests run in a guest (`make driver-test`), where the node exists.
#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use isocl_kernel_iface::choice::{self, Choice};
use isocl_kernel_iface::driver::{Driver, Slab, SlabRequest};
use isocl_kernel_iface::engine::{Engine, Operation};
use isocl_kernel_iface::profile::Profile;
use isocl_kernel_iface::{access, Address, AddressRange, Error, SLAB_GRANULE};

mod bind;
mod engine;
mod fork;
mod memory;
mod placement;

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

/// Demands less than every device has, so that this library chooses addresses.
fn narrow() -> Profile {
    Profile {
        lowest: 8 << 30,
        reserved: vec![AddressRange::new((8 << 30) + (64 << 20), 16 << 30)],
        ..Profile::with_address_bits(36)
    }
}

/// Drivers of both placements, if the node has both.
fn drivers() -> [Arc<dyn Driver>; 2] {
    [driver(), open(&narrow())]
}

fn try_map(driver: &Arc<dyn Driver>, len: usize, alignment: usize) -> Result<Slab, Error> {
    let request = SlabRequest {
        len,
        alignment,
        huge_pages: false,
    };
    Slab::map(driver, request)
}

fn map(driver: &Arc<dyn Driver>, len: usize) -> Slab {
    try_map(driver, len, SLAB_GRANULE).unwrap()
}

fn word(address: Address) -> u64 {
    let mut bytes = [0; 8];
    access::read(address, &mut bytes);
    u64::from_le_bytes(bytes)
}

fn set_word(address: Address, value: u64) {
    access::write(address, &value.to_le_bytes());
}

/// Adds 1 so many times to a word of a slab that lives on.
fn count_up(address: Address, times: usize) {
    // SAFETY: the word is aligned and stays mapped; everybody changes it atomically.
    let word = unsafe { AtomicU64::from_ptr(address.get() as *mut u64) };
    for _ in 0..times {
        word.fetch_add(1, Ordering::SeqCst);
    }
}

/// Path of what is mapped at an address; none if nothing is there.
fn mapped_at(address: Address) -> Option<String> {
    let map = std::fs::read_to_string("/proc/self/maps").unwrap();
    let range = |line: &str| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        Some(AddressRange::new(number(start), number(end)))
    };
    let line = map
        .lines()
        .find(|line| range(line).is_some_and(|range| range.contains_address(address)))?;
    let path = line.split_ascii_whitespace().nth(5).unwrap_or_default();
    Some(path.to_owned())
}

fn is_node_at(address: Address) -> bool {
    mapped_at(address).as_deref() == node().to_str()
}

/// Takes free addresses for memory of somebody else.
fn occupy(range: AddressRange) -> bool {
    // SAFETY: the flag leaves whatever is mapped there alone.
    let start = unsafe {
        libc::mmap(
            range.start() as *mut libc::c_void,
            range.len(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        )
    };
    start as usize == range.start()
}

/// The engine, which only `isocl.ko` has, and must have.
fn engine_of(driver: &Arc<dyn Driver>) -> Option<&dyn Engine> {
    let engine = driver.engine();
    assert_eq!(engine.is_some(), is_isocl());
    engine
}

/// The engine, if there is one, sees these words of a slab.
fn assert_device_sees(driver: &Arc<dyn Driver>, slab: &Slab, words: &[(Address, u64)]) {
    let Some(engine) = engine_of(driver) else {
        return;
    };
    let result = Address(slab.range().end() - 8);
    for (address, value) in words {
        let copy = Operation::Copy {
            source: *address,
            destination: result,
            len: 8,
        };
        engine.run(&[copy]).unwrap();
        assert_eq!(word(result), *value, "{address}");
    }
}

/// A test that asks whether memory was given back: in a process without other threads, whose
/// tests would map theirs at the same addresses.
fn alone(test: impl FnOnce()) {
    assert!(in_child(test), "see what the child printed");
}

/// Whether `work` came to its end without panicking, in a forked child.
fn in_child(work: impl FnOnce()) -> bool {
    // SAFETY: the child runs `work` and leaves without unwinding or exit handlers; `waitpid`
    // writes to a live local.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::alarm(60);
            // What the test harness captures would end with the child.
            std::panic::set_hook(Box::new(|panic| {
                let _ = writeln!(std::io::stderr(), "{panic}");
            }));
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(work));
            libc::_exit(i32::from(outcome.is_err()));
        }
        let mut status = -1;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        status == 0
    }
}
