//! `clSVMAlloc` and `clSVMFree` (§5.6.1).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::null_mut;

use isocl_conformance::client::{offset, read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
const ATOMICS: cl_ulong = FINE | CL_MEM_SVM_ATOMICS;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

fn alloc(session: &Session, flags: cl_ulong, size: usize, alignment: cl_uint) -> *mut c_void {
    session
        .api
        .clSVMAlloc(session.context, flags, size, alignment)
}

#[test]
fn size_zero_and_sizes_beyond_the_limit_give_null() {
    let session = session();
    let max: cl_ulong = session.device_info(CL_DEVICE_MAX_MEM_ALLOC_SIZE).unwrap();
    assert!(alloc(&session, CL_MEM_READ_WRITE, 0, 0).is_null());
    assert!(alloc(&session, CL_MEM_READ_WRITE, max as usize + 1, 0).is_null());
    assert!(alloc(&session, CL_MEM_READ_WRITE, usize::MAX, 0).is_null());
    assert!(alloc(&session, CL_MEM_READ_WRITE, usize::MAX - 4095, 0).is_null());
    assert!(alloc(&session, CL_MEM_READ_WRITE, usize::MAX - 4095, 4096).is_null());
}

#[test]
fn contradicting_flags_give_null() {
    let session = session();
    for flags in [
        CL_MEM_SVM_ATOMICS,
        CL_MEM_READ_WRITE | CL_MEM_SVM_ATOMICS,
        CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY,
        CL_MEM_READ_WRITE | CL_MEM_READ_ONLY,
        CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY,
    ] {
        assert!(alloc(&session, flags, 64, 0).is_null(), "flags {flags:#x}");
    }
}

#[test]
fn flags_that_are_not_svm_flags_give_null() {
    let session = session();
    for bit in 0..64 {
        let flag = 1 << bit;
        let known = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY | ATOMICS;
        if flag & known == 0 {
            assert!(
                alloc(&session, CL_MEM_READ_WRITE | flag, 64, 0).is_null(),
                "bit {bit}"
            );
        }
    }
}

#[test]
fn every_legal_set_of_flags_allocates_usable_memory() {
    let session = session();
    let access = [0, CL_MEM_READ_WRITE, CL_MEM_READ_ONLY, CL_MEM_WRITE_ONLY];
    for access in access {
        for grain in [
            0,
            CL_MEM_SVM_FINE_GRAIN_BUFFER,
            CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS,
        ] {
            let pointer = alloc(&session, access | grain, 1000, 0);
            assert!(!pointer.is_null(), "flags {:#x}", access | grain);
            let code = session.api.clEnqueueSVMMap(
                session.queue,
                CL_TRUE,
                CL_MAP_WRITE,
                pointer,
                1000,
                0,
                std::ptr::null(),
                null_mut(),
            );
            assert_eq!(code, CL_SUCCESS);
            for index in 0..1000 {
                write(pointer, index, index as u8);
            }
            assert!((0..1000).all(|index| read::<u8>(pointer, index) == index as u8));
            assert_eq!(
                session.api.clEnqueueSVMUnmap(
                    session.queue,
                    pointer,
                    0,
                    std::ptr::null(),
                    null_mut()
                ),
                CL_SUCCESS
            );
            assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
            session.api.clSVMFree(session.context, pointer);
        }
    }
}

#[test]
fn alignment_is_honoured_or_refused() {
    let session = session();
    for alignment in [3, 5, 96, 127, 129, 1 << 31 | 1] {
        assert!(
            alloc(&session, 0, 4096, alignment).is_null(),
            "alignment {alignment}"
        );
    }
    for size in [1, 7, 64, 100, 4096, 5000, 1 << 20, 3 << 20] {
        let pointer = alloc(&session, 0, size, 0);
        assert_eq!(
            pointer as usize % 128,
            0,
            "default alignment for {size} bytes"
        );
        session.api.clSVMFree(session.context, pointer);
        for shift in 0..=20 {
            let pointer = alloc(&session, 0, size, 1 << shift);
            assert!(
                !pointer.is_null(),
                "alignment {} of {size} bytes",
                1 << shift
            );
            assert_eq!(
                pointer as usize % (1 << shift),
                0,
                "alignment {} of {size} bytes",
                1 << shift
            );
            session.api.clSVMFree(session.context, pointer);
        }
    }
    for shift in 21..=30 {
        let pointer = alloc(&session, 0, 1, 1 << shift);
        assert!(
            !pointer.is_null() && (pointer as usize).is_multiple_of(1 << shift),
            "alignment {}",
            1u64 << shift
        );
        session.api.clSVMFree(session.context, pointer);
    }
}

#[test]
fn null_context_and_null_pointer_are_no_operations() {
    let session = session();
    assert!(session.api.clSVMAlloc(null_mut(), 0, 64, 0).is_null());
    session.api.clSVMFree(session.context, null_mut());
    session.api.clSVMFree(null_mut(), null_mut());
    let pointer = alloc(&session, 0, 64, 0);
    session.api.clSVMFree(null_mut(), pointer);
    write(pointer, 0, 7u32);
    assert_eq!(read::<u32>(pointer, 0), 7);
    session.api.clSVMFree(session.context, pointer);
}

#[test]
fn live_allocations_never_overlap() {
    let session = session();
    let other = Session::open().unwrap();
    let mut ranges = Vec::new();
    let mut seed = 1u64;
    for round in 0..4000usize {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let size = 1 + (seed >> 33) as usize % [64, 1000, 5000, 100_000][round % 4];
        let from = if round % 2 == 0 { &session } else { &other };
        let pointer = alloc(from, if round % 3 == 0 { FINE } else { 0 }, size, 0);
        assert!(!pointer.is_null());
        ranges.push((pointer as usize, size, round % 2));
    }
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:x?}");
        assert_ne!(
            pair[0].0 / 64,
            pair[1].0 / 64,
            "two allocations in one cache line: {pair:x?}"
        );
    }
    for (address, _, owner) in ranges {
        let from = if owner == 0 { &session } else { &other };
        session.api.clSVMFree(from.context, address as *mut c_void);
    }
}

#[test]
fn wrong_frees_leave_every_live_allocation_intact() {
    let session = session();
    let mut application = [0u64; 16];
    let live = alloc(&session, 0, 256, 0);
    let other = alloc(&session, 0, 256, 0);
    for index in 0..64 {
        write(live, index, index as u32);
    }
    session.api.clSVMFree(session.context, offset(live, 64));
    session
        .api
        .clSVMFree(session.context, application.as_mut_ptr().cast());
    session.api.clSVMFree(session.context, other);
    session.api.clSVMFree(session.context, other);
    let fresh: Vec<_> = (0..1000).map(|_| alloc(&session, 0, 256, 0)).collect();
    let mut sorted = fresh.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), fresh.len(), "an address was given out twice");
    assert!(!fresh.contains(&live));
    assert!((0..64).all(|index| read::<u32>(live, index) == index as u32));
    for pointer in fresh {
        session.api.clSVMFree(session.context, pointer);
    }
    session.api.clSVMFree(session.context, live);
}

#[test]
fn allocations_outlive_a_context_that_was_released_first() {
    let session = session();
    let mut code = 0;
    let context = session.api.clCreateContext(
        std::ptr::null(),
        1,
        &session.device,
        None,
        null_mut(),
        &mut code,
    );
    assert_eq!(code, CL_SUCCESS);
    let pointer = session.api.clSVMAlloc(context, 0, 4096, 0);
    assert!(!pointer.is_null());
    assert_eq!(session.api.clReleaseContext(context), CL_SUCCESS);
    session.api.clSVMFree(context, pointer);
}

#[test]
fn the_largest_allocation_succeeds_and_is_usable_at_both_ends() {
    let session = session();
    let max: cl_ulong = session.device_info(CL_DEVICE_MAX_MEM_ALLOC_SIZE).unwrap();
    let pointer = alloc(&session, CL_MEM_READ_WRITE, max as usize, 0);
    assert!(!pointer.is_null());
    write(pointer, 0, 1u8);
    write(pointer, max as usize - 1, 2u8);
    assert_eq!(
        (
            read::<u8>(pointer, 0),
            read::<u8>(pointer, max as usize - 1)
        ),
        (1, 2)
    );
    session.api.clSVMFree(session.context, pointer);
}

/// Four that the device has memory for together; but only a little of each is ever touched, so that
/// the machine need not have that much to spare.
#[test]
fn four_of_the_largest_allocations_live_together_and_free_again() {
    const TOUCHED: usize = 1 << 20;
    let session = session();
    let max: cl_ulong = session.device_info(CL_DEVICE_MAX_MEM_ALLOC_SIZE).unwrap();
    let memory: cl_ulong = session.device_info(CL_DEVICE_GLOBAL_MEM_SIZE).unwrap();
    let size = max.min(memory / 4) as usize;
    for _ in 0..4 {
        let mut live: Vec<_> = (0..4)
            .map(|_| alloc(&session, CL_MEM_READ_WRITE, size, 0))
            .collect();
        live.sort_unstable();
        assert!(!live[0].is_null(), "{size} bytes each: {live:x?}");
        assert!(
            live.windows(2)
                .all(|pair| pair[1] as usize - pair[0] as usize >= size),
            "{size} bytes each: {live:x?}"
        );
        let places = || (0..TOUCHED).step_by(4096).chain([size - 1]);
        for (value, pointer) in (1u8..).zip(&live) {
            places().for_each(|place| write(*pointer, place, value));
        }
        for (value, pointer) in (1u8..).zip(&live) {
            assert!(places().all(|place| read::<u8>(*pointer, place) == value));
        }
        for pointer in live {
            session.api.clSVMFree(session.context, pointer);
        }
    }
}

#[test]
fn capabilities_are_consistent() {
    let session = session();
    let capabilities: cl_ulong = session.device_info(CL_DEVICE_SVM_CAPABILITIES).unwrap();
    assert_ne!(capabilities & CL_DEVICE_SVM_COARSE_GRAIN_BUFFER, 0);
    if capabilities & CL_DEVICE_SVM_ATOMICS != 0 {
        assert_ne!(capabilities & CL_DEVICE_SVM_FINE_GRAIN_BUFFER, 0);
    }
    for name in [
        CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT,
        CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT,
        CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT,
    ] {
        let alignment: cl_uint = session.device_info(name).unwrap();
        assert!(
            alignment == 0 || alignment.is_power_of_two(),
            "query {name:#x} answers {alignment}"
        );
    }
}
