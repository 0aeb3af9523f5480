//! `clEnqueueSVMMemcpy`, `MemFill`, `Map`, `Unmap` and `MigrateMem` (§5.6.1).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use isocl_conformance::client::{offset, read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

fn alloc(session: &Session, size: usize) -> *mut c_void {
    let flags = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
    let pointer = session.api.clSVMAlloc(session.context, flags, size, 0);
    assert!(!pointer.is_null());
    pointer
}

fn system_svm(session: &Session) -> bool {
    let capabilities: cl_ulong = session.device_info(CL_DEVICE_SVM_CAPABILITIES).unwrap();
    capabilities & CL_DEVICE_SVM_FINE_GRAIN_SYSTEM != 0
}

/// A call with the number of events and the wait list to try.
type WaitingCall<'a> = Box<dyn FnMut(cl_uint, *const cl_event) -> cl_int + 'a>;

/// Calls of this file with the usual arguments: blocking unless an event is asked for.
struct Calls<'a>(&'a Session);

impl Calls<'_> {
    fn copy(&self, destination: *mut c_void, source: *const c_void, size: usize) -> cl_int {
        let Self(session) = self;
        session.api.clEnqueueSVMMemcpy(
            session.queue,
            CL_TRUE,
            destination,
            source,
            size,
            0,
            null(),
            null_mut(),
        )
    }

    fn fill(
        &self,
        pointer: *mut c_void,
        pattern: *const c_void,
        pattern_size: usize,
        size: usize,
    ) -> cl_int {
        let Self(session) = self;
        session.api.clEnqueueSVMMemFill(
            session.queue,
            pointer,
            pattern,
            pattern_size,
            size,
            0,
            null(),
            null_mut(),
        )
    }

    fn map(&self, flags: cl_ulong, pointer: *mut c_void, size: usize) -> cl_int {
        let Self(session) = self;
        session.api.clEnqueueSVMMap(
            session.queue,
            CL_TRUE,
            flags,
            pointer,
            size,
            0,
            null(),
            null_mut(),
        )
    }

    fn unmap(&self, pointer: *mut c_void) -> cl_int {
        let Self(session) = self;
        session
            .api
            .clEnqueueSVMUnmap(session.queue, pointer, 0, null(), null_mut())
    }

    fn migrate(
        &self,
        pointers: &[*const c_void],
        sizes: Option<&[usize]>,
        flags: cl_ulong,
    ) -> cl_int {
        let Self(session) = self;
        let count = pointers.len() as cl_uint;
        let sizes = sizes.map_or(null(), <[usize]>::as_ptr);
        session.api.clEnqueueSVMMigrateMem(
            session.queue,
            count,
            pointers.as_ptr(),
            sizes,
            flags,
            0,
            null(),
            null_mut(),
        )
    }
}

#[test]
fn memcpy_refuses_null_and_ranges_past_the_end() {
    let session = session();
    let calls = Calls(&session);
    let (a, b) = (alloc(&session, 256), alloc(&session, 256));
    assert_eq!(calls.copy(null_mut(), a, 16), CL_INVALID_VALUE);
    assert_eq!(calls.copy(a, null(), 16), CL_INVALID_VALUE);
    let mut host = vec![0u8; 1 << 20];
    assert_eq!(
        calls.copy(a, host.as_mut_ptr().cast(), 1 << 20),
        CL_INVALID_VALUE
    );
    assert_eq!(
        calls.copy(offset(a, 255), host.as_mut_ptr().cast(), 2),
        CL_INVALID_VALUE
    );
    assert_eq!(
        calls.copy(host.as_mut_ptr().cast(), offset(b, 200), 57),
        CL_INVALID_VALUE
    );
    assert_eq!(calls.copy(a, b, 256), CL_SUCCESS);
    let code = session
        .api
        .clEnqueueSVMMemcpy(null_mut(), CL_TRUE, a, b, 16, 0, null(), null_mut());
    assert_eq!(code, CL_INVALID_COMMAND_QUEUE);
}

#[test]
fn overlapping_copies_are_refused_and_adjacent_ones_are_not() {
    let session = session();
    let calls = Calls(&session);
    let memory = alloc(&session, 4096);
    let mut host = [0u8; 256];
    let host = host.as_mut_ptr().cast::<c_void>();
    for (base, blocking) in [
        (memory, CL_TRUE),
        (memory, CL_FALSE),
        (host, CL_TRUE),
        (host, CL_FALSE),
    ] {
        let copy = |destination, source, size| {
            session.api.clEnqueueSVMMemcpy(
                session.queue,
                blocking,
                destination,
                source,
                size,
                0,
                null(),
                null_mut(),
            )
        };
        assert_eq!(copy(base, base, 64), CL_MEM_COPY_OVERLAP);
        assert_eq!(copy(offset(base, 63), base, 64), CL_MEM_COPY_OVERLAP);
        assert_eq!(copy(base, offset(base, 63), 64), CL_MEM_COPY_OVERLAP);
        assert_eq!(copy(offset(base, 64), base, 64), CL_SUCCESS);
        assert_eq!(copy(base, offset(base, 64), 64), CL_SUCCESS);
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    }
    assert_eq!(calls.copy(memory, host, 256), CL_SUCCESS);
}

#[test]
fn size_zero_is_a_command() {
    let session = session();
    let memory = alloc(&session, 256);
    let pattern = 1u32;
    let mut event = null_mut();
    let code = session.api.clEnqueueSVMMemcpy(
        session.queue,
        CL_TRUE,
        memory,
        offset(memory, 128),
        0,
        0,
        null(),
        &mut event,
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.event_type(event).unwrap(), CL_COMMAND_SVM_MEMCPY);
    session.api.clReleaseEvent(event);
    let code = session.api.clEnqueueSVMMemFill(
        session.queue,
        memory,
        std::ptr::from_ref(&pattern).cast(),
        4,
        0,
        0,
        null(),
        &mut event,
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.event_type(event).unwrap(), CL_COMMAND_SVM_MEMFILL);
    assert_eq!(session.api.clWaitForEvents(1, &event), CL_SUCCESS);
    session.api.clReleaseEvent(event);
}

#[test]
fn copies_move_exactly_the_bytes_asked_for() {
    let session = session();
    let calls = Calls(&session);
    let size = 3 << 20;
    let (a, b) = (alloc(&session, size), alloc(&session, size));
    for index in 0..size {
        write(a, index, ((index * 31) >> 3) as u8);
        write(b, index, 0xEEu8);
    }
    for (from, to, len) in [
        (0, 0, 1),
        (1, 3, 77),
        (64, 4096, 65536),
        (5, 9, 2 << 20),
        (0, 7, size - 7),
    ] {
        assert_eq!(calls.copy(offset(b, to), offset(a, from), len), CL_SUCCESS);
        assert!((0..len).all(|index| read::<u8>(b, to + index) == read::<u8>(a, from + index)));
        if to > 0 {
            assert_eq!(calls.fill(b, [0xEEu8].as_ptr().cast(), 1, to), CL_SUCCESS);
        }
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
        assert!((0..to).all(|index| read::<u8>(b, index) == 0xEE));
        assert!((to + len..size.min(to + len + 64)).all(|index| read::<u8>(b, index) == 0xEE));
        assert_eq!(calls.fill(b, [0xEEu8].as_ptr().cast(), 1, size), CL_SUCCESS);
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    }
}

#[test]
fn a_failed_dependency_fails_the_command_and_leaves_the_data_alone() {
    let session = session();
    let (a, b) = (alloc(&session, 64), alloc(&session, 64));
    write(a, 0, 1u32);
    write(b, 0, 2u32);
    for blocking in [CL_FALSE, CL_TRUE] {
        let queue = session.queue_with(0).unwrap();
        let gate = session.user_event().unwrap();
        assert_eq!(session.api.clSetUserEventStatus(gate, -7), CL_SUCCESS);
        let mut event = null_mut();
        let code = session
            .api
            .clEnqueueSVMMemcpy(queue, blocking, b, a, 64, 1, &gate, &mut event);
        if blocking == CL_TRUE {
            assert_eq!(code, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
        } else {
            assert_eq!(code, CL_SUCCESS);
            let waited = session.api.clWaitForEvents(1, &event);
            assert_eq!(waited, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
            assert!(session.event_status(event).unwrap() < 0);
            session.api.clReleaseEvent(event);
        }
        let code =
            session
                .api
                .clEnqueueSVMMap(queue, CL_TRUE, CL_MAP_READ, b, 64, 1, &gate, null_mut());
        assert_eq!(code, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
        assert_eq!(read::<u32>(b, 0), 2);
        session.api.clReleaseCommandQueue(queue);
        session.api.clReleaseEvent(gate);
    }
}

#[test]
fn wait_lists_are_checked_on_every_command() {
    let session = session();
    let other = Session::open().unwrap();
    let foreign = other.user_event().unwrap();
    let gate = session.user_event().unwrap();
    let memory = alloc(&session, 256);
    let pattern = 1u32;
    let (api, queue) = (session.api, session.queue);
    let sources = [memory.cast_const()];
    let mut none: [*mut c_void; 0] = [];
    let mut calls: Vec<(&str, WaitingCall<'_>)> = vec![
        (
            "free",
            Box::new(move |n, list| {
                api.clEnqueueSVMFree(
                    queue,
                    0,
                    if none.is_empty() {
                        null_mut()
                    } else {
                        none.as_mut_ptr()
                    },
                    None,
                    null_mut(),
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "memcpy",
            Box::new(|n, list| {
                api.clEnqueueSVMMemcpy(
                    queue,
                    CL_FALSE,
                    memory,
                    offset(memory, 128),
                    16,
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "fill",
            Box::new(|n, list| {
                api.clEnqueueSVMMemFill(
                    queue,
                    memory,
                    std::ptr::from_ref(&pattern).cast(),
                    4,
                    16,
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "map",
            Box::new(|n, list| {
                api.clEnqueueSVMMap(
                    queue,
                    CL_FALSE,
                    CL_MAP_READ,
                    memory,
                    16,
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "unmap",
            Box::new(|n, list| api.clEnqueueSVMUnmap(queue, memory, n, list, null_mut())),
        ),
        (
            "migrate",
            Box::new(|n, list| {
                api.clEnqueueSVMMigrateMem(
                    queue,
                    1,
                    sources.as_ptr(),
                    null(),
                    0,
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "marker",
            Box::new(|n, list| api.clEnqueueMarkerWithWaitList(queue, n, list, null_mut())),
        ),
        (
            "barrier",
            Box::new(|n, list| api.clEnqueueBarrierWithWaitList(queue, n, list, null_mut())),
        ),
    ];
    let with_null = [null_mut::<c_void>()];
    for (name, call) in &mut calls {
        assert_eq!(
            call(1, null()),
            CL_INVALID_EVENT_WAIT_LIST,
            "{name}: list is null"
        );
        assert_eq!(
            call(0, &gate),
            CL_INVALID_EVENT_WAIT_LIST,
            "{name}: count is zero"
        );
        assert_eq!(
            call(1, with_null.as_ptr()),
            CL_INVALID_EVENT_WAIT_LIST,
            "{name}: null event"
        );
        assert_eq!(
            call(1, std::ptr::from_ref(&session.queue)),
            CL_INVALID_EVENT_WAIT_LIST,
            "{name}: not an event"
        );
        assert_eq!(
            call(1, &foreign),
            CL_INVALID_CONTEXT,
            "{name}: event of another context"
        );
    }
    drop(calls);
    assert_eq!(api.clFinish(queue), CL_SUCCESS);
    api.clReleaseEvent(gate);
    other.api.clReleaseEvent(foreign);
}

#[test]
fn the_event_out_parameter_may_not_alias_the_wait_list_and_the_list_may_be_reused() {
    let session = session();
    let (a, b) = (alloc(&session, 64), alloc(&session, 64));
    write(a, 0, 9u32);
    let mut list = [session.user_event().unwrap()];
    let gate = list[0];
    let aliased = list.as_mut_ptr();
    let code =
        session
            .api
            .clEnqueueSVMMemcpy(session.queue, CL_FALSE, b, a, 64, 1, aliased, aliased);
    assert_eq!(code, CL_INVALID_EVENT);
    let mut event = null_mut();
    let code = session.api.clEnqueueSVMMemcpy(
        session.queue,
        CL_FALSE,
        b,
        a,
        64,
        1,
        list.as_ptr(),
        &mut event,
    );
    assert_eq!(code, CL_SUCCESS);
    list[0] = null_mut();
    assert!(list[0].is_null());
    assert_eq!(
        session.api.clSetUserEventStatus(gate, CL_COMPLETE),
        CL_SUCCESS
    );
    assert_eq!(session.api.clWaitForEvents(1, &event), CL_SUCCESS);
    assert_eq!(read::<u32>(b, 0), 9);
    session.api.clReleaseEvent(event);
    session.api.clReleaseEvent(gate);
}

#[test]
fn read_only_pages_are_a_legal_source() {
    static CONSTANT: [u32; 64] = [0xC0FFEE; 64];
    let session = session();
    let memory = alloc(&session, 256);
    assert_eq!(
        Calls(&session).copy(memory, CONSTANT.as_ptr().cast(), 256),
        CL_SUCCESS
    );
    assert!((0..64).all(|index| read::<u32>(memory, index) == 0xC0FFEE));
}

#[test]
fn fill_refuses_bad_patterns_sizes_and_alignments() {
    let session = session();
    let calls = Calls(&session);
    let memory = alloc(&session, 1024);
    let pattern = [7u8; 256];
    let pattern = pattern.as_ptr().cast::<c_void>();
    assert_eq!(calls.fill(null_mut(), pattern, 4, 16), CL_INVALID_VALUE);
    assert_eq!(calls.fill(memory, null(), 4, 16), CL_INVALID_VALUE);
    for size in [0, 3, 5, 96, 129, 256] {
        assert_eq!(
            calls.fill(memory, pattern, size, 768),
            CL_INVALID_VALUE,
            "pattern of {size} bytes"
        );
    }
    assert_eq!(
        calls.fill(offset(memory, 2), pattern, 4, 16),
        CL_INVALID_VALUE,
        "misaligned"
    );
    assert_eq!(
        calls.fill(memory, pattern, 4, 18),
        CL_INVALID_VALUE,
        "not a multiple"
    );
    assert_eq!(
        calls.fill(memory, pattern, 4, 2048),
        CL_INVALID_VALUE,
        "past the end"
    );
}

#[test]
fn fill_repeats_patterns_of_every_size_and_captures_them() {
    let session = session();
    let memory = alloc(&session, 1 << 20);
    for shift in 0..=7 {
        let size = 1usize << shift;
        let mut pattern: Vec<u8> = (0..size)
            .map(|index| (index * 7 + shift + 1) as u8)
            .collect();
        let expected = pattern.clone();
        let mut event = null_mut();
        let code = session.api.clEnqueueSVMMemFill(
            session.queue,
            offset(memory, size),
            pattern.as_ptr().cast(),
            size,
            (1 << 20) - 2 * size,
            0,
            null(),
            &mut event,
        );
        assert_eq!(code, CL_SUCCESS);
        pattern.fill(0);
        assert_eq!(session.api.clWaitForEvents(1, &event), CL_SUCCESS);
        session.api.clReleaseEvent(event);
        assert!((size..(1 << 20) - size)
            .all(|index| read::<u8>(memory, index) == expected[index % size]));
    }
}

#[test]
fn system_memory_is_accepted_where_system_svm_is_reported() {
    let session = session();
    if !system_svm(&session) {
        return;
    }
    let calls = Calls(&session);
    let mut application = vec![0u32; 4096];
    let pointer: *mut c_void = application.as_mut_ptr().cast();
    let pattern = 0xABCD_u32;
    assert_eq!(
        calls.fill(pointer, std::ptr::from_ref(&pattern).cast(), 4, 4096 * 4),
        CL_SUCCESS
    );
    assert_eq!(
        calls.map(CL_MAP_READ | CL_MAP_WRITE, pointer, 4096 * 4),
        CL_SUCCESS
    );
    assert_eq!(calls.unmap(pointer), CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    assert!((0..4096).all(|index| read::<u32>(pointer, index) == 0xABCD));
}

#[test]
fn map_refuses_null_empty_and_contradicting_flags() {
    let session = session();
    let calls = Calls(&session);
    let memory = alloc(&session, 4096);
    assert_eq!(calls.map(CL_MAP_READ, null_mut(), 16), CL_INVALID_VALUE);
    assert_eq!(calls.map(CL_MAP_READ, memory, 0), CL_INVALID_VALUE);
    assert_eq!(calls.map(1 << 10, memory, 16), CL_INVALID_VALUE);
    assert_eq!(
        calls.map(CL_MAP_WRITE_INVALIDATE_REGION | CL_MAP_READ, memory, 16),
        CL_INVALID_VALUE
    );
    assert_eq!(
        calls.map(CL_MAP_WRITE_INVALIDATE_REGION | CL_MAP_WRITE, memory, 16),
        CL_INVALID_VALUE
    );
    assert_eq!(calls.map(CL_MAP_READ, memory, 4097), CL_INVALID_VALUE);
    assert_eq!(calls.unmap(null_mut()), CL_INVALID_VALUE);
}

#[test]
fn sub_ranges_and_nested_maps_keep_everything_else() {
    let session = session();
    let calls = Calls(&session);
    let memory = session
        .api
        .clSVMAlloc(session.context, CL_MEM_READ_WRITE, 4096, 0);
    assert_eq!(calls.map(CL_MAP_WRITE, memory, 4096), CL_SUCCESS);
    for index in 0..4096 {
        write(memory, index, index as u8);
    }
    assert_eq!(calls.unmap(memory), CL_SUCCESS);
    for _ in 0..3 {
        assert_eq!(calls.map(CL_MAP_READ, memory, 4096), CL_SUCCESS);
        assert_eq!(
            calls.map(CL_MAP_READ | CL_MAP_WRITE, offset(memory, 100), 50),
            CL_SUCCESS
        );
        assert_eq!(calls.map(CL_MAP_READ, offset(memory, 100), 20), CL_SUCCESS);
        assert!((0..4096).all(|index| read::<u8>(memory, index) == index as u8));
        assert_eq!(calls.unmap(offset(memory, 100)), CL_SUCCESS);
        assert_eq!(calls.unmap(offset(memory, 100)), CL_SUCCESS);
        assert_eq!(calls.unmap(memory), CL_SUCCESS);
    }
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    session.api.clSVMFree(session.context, memory);
}

#[test]
fn migrate_checks_lists_flags_and_ranges() {
    let session = session();
    let calls = Calls(&session);
    let memory = alloc(&session, 8192);
    let application = [0u8; 64];
    let interior = offset(memory, 4000).cast_const();
    let memory = memory.cast_const();
    assert_eq!(calls.migrate(&[], None, 0), CL_INVALID_VALUE);
    let code = session.api.clEnqueueSVMMigrateMem(
        session.queue,
        1,
        null(),
        null(),
        0,
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_INVALID_VALUE);
    assert_eq!(calls.migrate(&[memory], None, 1 << 8), CL_INVALID_VALUE);
    assert_eq!(calls.migrate(&[memory], Some(&[8193]), 0), CL_INVALID_VALUE);
    assert_eq!(
        calls.migrate(&[interior], Some(&[5000]), 0),
        CL_INVALID_VALUE
    );
    if !system_svm(&session) {
        assert_eq!(
            calls.migrate(&[application.as_ptr().cast()], None, 0),
            CL_INVALID_VALUE
        );
    }
    let both = CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED;
    for flags in [0, CL_MIGRATE_MEM_OBJECT_HOST, both] {
        assert_eq!(calls.migrate(&[memory], None, flags), CL_SUCCESS);
        assert_eq!(
            calls.migrate(&[memory, interior], Some(&[0, 17]), flags),
            CL_SUCCESS
        );
    }
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
}

#[test]
fn every_command_reports_its_type_and_ordered_stamps() {
    let session = session();
    let memory = alloc(&session, 4096);
    let (api, queue) = (session.api, session.queue);
    let pattern = 3u32;
    let source = offset(memory, 2048).cast_const();
    let list = [memory.cast_const()];
    let mut events = [null_mut(); 5];
    let [filled, copied, mapped, unmapped, migrated] = &mut events;
    assert_eq!(
        api.clEnqueueSVMMemFill(
            queue,
            memory,
            std::ptr::from_ref(&pattern).cast(),
            4,
            4096,
            0,
            null(),
            filled
        ),
        CL_SUCCESS
    );
    assert_eq!(
        api.clEnqueueSVMMemcpy(queue, CL_FALSE, memory, source, 1024, 0, null(), copied),
        CL_SUCCESS
    );
    assert_eq!(
        api.clEnqueueSVMMap(
            queue,
            CL_FALSE,
            CL_MAP_READ,
            memory,
            4096,
            0,
            null(),
            mapped
        ),
        CL_SUCCESS
    );
    assert_eq!(
        api.clEnqueueSVMUnmap(queue, memory, 0, null(), unmapped),
        CL_SUCCESS
    );
    assert_eq!(
        api.clEnqueueSVMMigrateMem(queue, 1, list.as_ptr(), null(), 0, 0, null(), migrated),
        CL_SUCCESS
    );
    assert_eq!(api.clFinish(queue), CL_SUCCESS);
    let types = [
        CL_COMMAND_SVM_MEMFILL,
        CL_COMMAND_SVM_MEMCPY,
        CL_COMMAND_SVM_MAP,
        CL_COMMAND_SVM_UNMAP,
        CL_COMMAND_SVM_MIGRATE_MEM,
    ];
    for (event, expected) in events.into_iter().zip(types) {
        assert_eq!(session.event_type(event).unwrap(), expected);
        assert_eq!(session.event_status(event).unwrap(), CL_COMPLETE);
        let stamps = session.profiling(event).unwrap();
        assert!(
            stamps[0] > 0 && stamps.windows(2).all(|pair| pair[0] <= pair[1]),
            "{stamps:?}"
        );
        api.clReleaseEvent(event);
    }
}

#[test]
fn the_device_starts_after_a_flush_alone_and_blocking_calls_flush() {
    let session = session();
    let (a, b) = (alloc(&session, 64), alloc(&session, 64));
    write(a, 0, 0u32);
    let pattern = 5u32;
    let pattern: *const c_void = std::ptr::from_ref(&pattern).cast();
    assert_eq!(Calls(&session).fill(a, pattern, 4, 64), CL_SUCCESS);
    assert_eq!(session.api.clFlush(session.queue), CL_SUCCESS);
    let start = std::time::Instant::now();
    while read::<u32>(a, 15) != 5 {
        assert!(
            start.elapsed().as_secs() < 20,
            "nothing happened after clFlush"
        );
        std::thread::yield_now();
    }
    assert_eq!(
        Calls(&session).fill(a, [6u32].as_ptr().cast(), 4, 64),
        CL_SUCCESS
    );
    assert_eq!(Calls(&session).copy(b, a, 64), CL_SUCCESS);
    assert_eq!(read::<u32>(b, 15), 6);
}
