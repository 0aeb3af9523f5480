//! `clEnqueueSVMMemcpy`, `MemFill`, `Map`, `Unmap` and `MigrateMem` (§5.6.1).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use isocl_conformance::client::{offset, read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

mod copy;
mod fill;
mod map_and_migrate;
mod wait_list;

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
