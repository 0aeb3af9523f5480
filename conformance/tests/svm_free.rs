//! `clEnqueueSVMFree` (§5.6.1): lists, callbacks, order.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;

use isocl_conformance::client::{read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

fn alloc(session: &Session, size: usize) -> *mut c_void {
    let pointer = session
        .api
        .clSVMAlloc(session.context, CL_MEM_READ_WRITE, size, 0);
    assert!(!pointer.is_null());
    pointer
}

fn free(
    session: &Session,
    pointers: &mut [*mut c_void],
    wait: &[cl_event],
    event: *mut cl_event,
) -> cl_int {
    session.api.clEnqueueSVMFree(
        session.queue,
        pointers.len() as cl_uint,
        pointers.as_mut_ptr(),
        None,
        null_mut(),
        wait.len() as cl_uint,
        if wait.is_empty() {
            null()
        } else {
            wait.as_ptr()
        },
        event,
    )
}

/// What a callback saw; `user_data` points at one.
#[derive(Default)]
struct Seen {
    calls: AtomicUsize,
    pointers: Mutex<Vec<usize>>,
    queue: AtomicUsize,
    freed: AtomicBool,
}

extern "C" fn record(
    queue: cl_command_queue,
    count: cl_uint,
    pointers: *mut *mut c_void,
    user_data: *mut c_void,
) {
    let seen = isocl_conformance::client::reference::<Seen>(user_data);
    let list = (0..count as usize)
        .map(|index| read::<usize>(pointers.cast(), index))
        .collect();
    *seen.pointers.lock().unwrap() = list;
    seen.queue.store(queue as usize, Ordering::SeqCst);
    seen.calls.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn count_and_list_must_agree() {
    let session = session();
    let pointer = alloc(&session, 64);
    let mut list = [pointer];
    let call = |count, list| {
        session.api.clEnqueueSVMFree(
            session.queue,
            count,
            list,
            None,
            null_mut(),
            0,
            null(),
            null_mut(),
        )
    };
    assert_eq!(call(0, list.as_mut_ptr()), CL_INVALID_VALUE);
    assert_eq!(call(1, null_mut()), CL_INVALID_VALUE);
    assert_eq!(call(1, list.as_mut_ptr()), CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
}

#[test]
fn an_empty_list_is_a_command_like_any_other() {
    let session = session();
    let mut event = null_mut();
    let code = session.api.clEnqueueSVMFree(
        session.queue,
        0,
        null_mut(),
        None,
        null_mut(),
        0,
        null(),
        &mut event,
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.api.clWaitForEvents(1, &event), CL_SUCCESS);
    assert_eq!(session.event_type(event).unwrap(), CL_COMMAND_SVM_FREE);
    session.api.clReleaseEvent(event);
}

#[test]
fn null_elements_are_ignored() {
    let session = session();
    let mut list = [null_mut(), alloc(&session, 64), null_mut()];
    assert_eq!(free(&session, &mut list, &[], null_mut()), CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
}

#[test]
fn null_queue_is_refused() {
    let session = session();
    let mut list = [alloc(&session, 64)];
    let code = session.api.clEnqueueSVMFree(
        null_mut(),
        1,
        list.as_mut_ptr(),
        None,
        null_mut(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_INVALID_COMMAND_QUEUE);
    session.api.clSVMFree(session.context, list[0]);
}

#[test]
fn the_callback_runs_after_the_wait_list_and_sees_the_captured_list() {
    let session = session();
    let seen = Seen::default();
    let gate = session.user_event().unwrap();
    let application = Box::new(5u64);
    let pointers = [
        alloc(&session, 64),
        alloc(&session, 64),
        std::ptr::from_ref(&*application).cast_mut().cast(),
    ];
    let mut list = pointers;
    let mut event = null_mut();
    let code = session.api.clEnqueueSVMFree(
        session.queue,
        3,
        list.as_mut_ptr(),
        Some(record),
        std::ptr::from_ref(&seen).cast_mut().cast(),
        1,
        &gate,
        &mut event,
    );
    assert_eq!(code, CL_SUCCESS);
    list.fill(null_mut());
    assert_eq!(session.api.clFlush(session.queue), CL_SUCCESS);
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(
        seen.calls.load(Ordering::SeqCst),
        0,
        "the callback ran before the event it waits for"
    );
    assert_eq!(
        session.api.clSetUserEventStatus(gate, CL_COMPLETE),
        CL_SUCCESS
    );
    assert_eq!(session.api.clWaitForEvents(1, &event), CL_SUCCESS);
    assert_eq!(seen.calls.load(Ordering::SeqCst), 1);
    assert_eq!(
        *seen.pointers.lock().unwrap(),
        pointers.map(|pointer| pointer as usize)
    );
    assert_eq!(seen.queue.load(Ordering::SeqCst), session.queue as usize);
    write(pointers[0], 0, 1u32);
    assert_eq!(
        read::<u32>(pointers[0], 0),
        1,
        "the runtime must free nothing when there is a callback"
    );
    session.api.clSVMFree(session.context, pointers[0]);
    session.api.clSVMFree(session.context, pointers[1]);
    session.api.clReleaseEvent(event);
    session.api.clReleaseEvent(gate);
}

extern "C" fn free_in_callback(
    queue: cl_command_queue,
    count: cl_uint,
    pointers: *mut *mut c_void,
    user_data: *mut c_void,
) {
    let api = isocl_conformance::client::Api::get().unwrap();
    let seen = isocl_conformance::client::reference::<Seen>(user_data);
    let mut context: cl_context = null_mut();
    let code = api.clGetCommandQueueInfo(
        queue,
        CL_QUEUE_CONTEXT,
        size_of::<cl_context>(),
        std::ptr::from_mut(&mut context).cast(),
        null_mut(),
    );
    for index in 0..count as usize {
        api.clSVMFree(context, read::<*mut c_void>(pointers.cast(), index));
    }
    seen.freed
        .store(code == CL_SUCCESS && !context.is_null(), Ordering::SeqCst);
}

#[test]
fn a_callback_may_query_the_queue_and_free() {
    let session = session();
    let seen = Seen::default();
    let mut list: Vec<_> = (0..32).map(|_| alloc(&session, 1000)).collect();
    let code = session.api.clEnqueueSVMFree(
        session.queue,
        32,
        list.as_mut_ptr(),
        Some(free_in_callback),
        std::ptr::from_ref(&seen).cast_mut().cast(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    assert!(seen.freed.load(Ordering::SeqCst));
}

#[test]
fn a_foreign_pointer_without_callback_does_not_kill_the_process() {
    let session = session();
    let mut application = [0u64; 8];
    let mut list = [application.as_mut_ptr().cast()];
    let _ = free(&session, &mut list, &[], null_mut());
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    let pointer = alloc(&session, 64);
    session.api.clSVMFree(session.context, pointer);
}

#[test]
fn profiling_stamps_are_available_and_ordered() {
    let session = session();
    let mut list = [alloc(&session, 64)];
    let mut event = null_mut();
    assert_eq!(free(&session, &mut list, &[], &mut event), CL_SUCCESS);
    assert_eq!(session.api.clWaitForEvents(1, &event), CL_SUCCESS);
    let stamps = session.profiling(event).unwrap();
    assert!(
        stamps.windows(2).all(|pair| pair[0] <= pair[1]),
        "{stamps:?}"
    );
    assert!(stamps[0] > 0);
    session.api.clReleaseEvent(event);
}

#[test]
fn freeing_memory_in_use_neither_waits_nor_corrupts() {
    let session = session();
    let gate = session.user_event().unwrap();
    let (source, destination) = (alloc(&session, 4096), alloc(&session, 4096));
    for index in 0..1024 {
        write(source, index, index as u32);
    }
    let mut copied = null_mut();
    let code = session.api.clEnqueueSVMMemcpy(
        session.queue,
        CL_FALSE,
        destination,
        source,
        4096,
        1,
        &gate,
        &mut copied,
    );
    assert_eq!(code, CL_SUCCESS);
    session.api.clSVMFree(session.context, source);
    let reused: Vec<_> = (0..64).map(|_| alloc(&session, 4096)).collect();
    assert!(
        !reused.contains(&source),
        "memory of a pending command was given out again"
    );
    for pointer in &reused {
        for index in 0..1024 {
            write(*pointer, index, u32::MAX);
        }
    }
    assert_eq!(
        session.api.clSetUserEventStatus(gate, CL_COMPLETE),
        CL_SUCCESS
    );
    assert_eq!(session.api.clWaitForEvents(1, &copied), CL_SUCCESS);
    assert!((0..1024).all(|index| read::<u32>(destination, index) == index as u32));
    for pointer in reused {
        session.api.clSVMFree(session.context, pointer);
    }
    session.api.clSVMFree(session.context, destination);
    session.api.clReleaseEvent(copied);
    session.api.clReleaseEvent(gate);
}

#[test]
fn an_enqueued_free_comes_after_the_commands_before_it() {
    let session = session();
    let gate = session.user_event().unwrap();
    let (source, destination) = (alloc(&session, 256), alloc(&session, 256));
    write(source, 0, 0x5EED_u32);
    let code = session.api.clEnqueueSVMMemcpy(
        session.queue,
        CL_FALSE,
        destination,
        source,
        256,
        1,
        &gate,
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    let mut list = [source];
    let mut freed = null_mut();
    assert_eq!(free(&session, &mut list, &[], &mut freed), CL_SUCCESS);
    assert_ne!(session.event_status(freed).unwrap(), CL_COMPLETE);
    assert_eq!(
        session.api.clSetUserEventStatus(gate, CL_COMPLETE),
        CL_SUCCESS
    );
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(session.event_status(freed).unwrap(), CL_COMPLETE);
    assert_eq!(read::<u32>(destination, 0), 0x5EED);
    session.api.clSVMFree(session.context, destination);
    session.api.clReleaseEvent(freed);
    session.api.clReleaseEvent(gate);
}
