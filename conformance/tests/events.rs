//! Queues and events: what commands wait for, what their events tell, and who hears of it (§5.1,
//! §5.11 to §5.16).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, Ordering};

use isocl_conformance::client::{read, reference};
use isocl_conformance::session::{string, Session};
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

extern "C" fn note_status(_: cl_event, status: cl_int, user_data: *mut c_void) {
    reference::<AtomicI32>(user_data).store(status, Ordering::SeqCst);
}

#[test]
fn user_events_gate_commands_and_are_set_once() {
    let session = session();
    let api = session.api;
    let gate = session.user_event().unwrap();
    assert_eq!(session.event_status(gate).unwrap(), CL_SUBMITTED);
    assert_eq!(session.event_type(gate).unwrap(), CL_COMMAND_USER);
    let mut marker = null_mut();
    assert_eq!(
        api.clEnqueueMarkerWithWaitList(session.queue, 1, &gate, &mut marker),
        CL_SUCCESS
    );
    assert_eq!(api.clFlush(session.queue), CL_SUCCESS);
    assert!(session.event_status(marker).unwrap() > CL_COMPLETE);
    assert_eq!(api.clSetUserEventStatus(gate, CL_RUNNING), CL_INVALID_VALUE);
    assert_eq!(
        api.clSetUserEventStatus(marker, CL_COMPLETE),
        CL_INVALID_EVENT
    );
    assert_eq!(api.clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
    assert_eq!(
        api.clSetUserEventStatus(gate, CL_COMPLETE),
        CL_INVALID_OPERATION
    );
    assert_eq!(api.clWaitForEvents(1, &marker), CL_SUCCESS);
    assert_eq!(session.event_status(marker).unwrap(), CL_COMPLETE);
}

#[test]
fn failure_runs_along_the_wait_lists() {
    let session = session();
    let api = session.api;
    let queue = session
        .queue_with(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        .unwrap();
    let gate = session.user_event().unwrap();
    let mut events = vec![gate];
    for _ in 0..20 {
        let mut next = null_mut();
        assert_eq!(
            api.clEnqueueMarkerWithWaitList(queue, 1, events.last().unwrap(), &mut next),
            CL_SUCCESS
        );
        events.push(next);
    }
    let status = AtomicI32::new(99);
    let last = *events.last().unwrap();
    let user_data = std::ptr::from_ref(&status).cast_mut().cast();
    assert_eq!(
        api.clSetEventCallback(last, CL_COMPLETE, Some(note_status), user_data),
        CL_SUCCESS
    );
    assert_eq!(api.clSetUserEventStatus(gate, -42), CL_SUCCESS);
    assert_eq!(
        api.clWaitForEvents(1, &last),
        CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST
    );
    assert!(events
        .iter()
        .skip(1)
        .all(|event| session.event_status(*event).unwrap() < 0));
    for _ in 0..2000 {
        if status.load(Ordering::SeqCst) != 99 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(
        status.load(Ordering::SeqCst) < 0,
        "the callback gets the negative status"
    );
}

#[test]
fn event_callbacks_check_their_arguments_and_run_for_finished_events() {
    let session = session();
    let api = session.api;
    let mut event = null_mut();
    assert_eq!(
        api.clEnqueueMarkerWithWaitList(session.queue, 0, null(), &mut event),
        CL_SUCCESS
    );
    let status = AtomicI32::new(99);
    let user_data = std::ptr::from_ref(&status).cast_mut().cast();
    assert_eq!(
        api.clSetEventCallback(event, CL_COMPLETE, None, user_data),
        CL_INVALID_VALUE
    );
    assert_eq!(
        api.clSetEventCallback(event, CL_QUEUED, Some(note_status), user_data),
        CL_INVALID_VALUE
    );
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(
        api.clSetEventCallback(event, CL_COMPLETE, Some(note_status), user_data),
        CL_SUCCESS
    );
    for _ in 0..2000 {
        if status.load(Ordering::SeqCst) != 99 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(status.load(Ordering::SeqCst), CL_COMPLETE);
}

#[test]
fn waiting_checks_its_list() {
    let session = session();
    let other = Session::open().unwrap();
    let mine = session.user_event().unwrap();
    let foreign = other.user_event().unwrap();
    assert_eq!(session.api.clWaitForEvents(0, null()), CL_INVALID_VALUE);
    assert_eq!(session.api.clWaitForEvents(1, null()), CL_INVALID_VALUE);
    let list = [mine, foreign];
    assert_eq!(
        session.api.clWaitForEvents(2, list.as_ptr()),
        CL_INVALID_CONTEXT
    );
}

#[test]
fn an_out_of_order_queue_honours_barriers_and_wait_lists() {
    let session = session();
    let api = session.api;
    let queue = session
        .queue_with(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        .unwrap();
    let source = "kernel void step(global int *p, int from, int to) { if (*p == from) *p = to; }";
    let step = session.kernel(source, "", "step").unwrap();
    let memory = api.clSVMAlloc(session.context, FINE, 64, 0);
    for round in 0..50 {
        isocl_conformance::client::write(memory, 0, 0i32);
        for index in 0..10i32 {
            assert_eq!(api.clSetKernelArgSVMPointer(step, 0, memory), CL_SUCCESS);
            assert_eq!(session.set_arg(step, 1, &index), CL_SUCCESS);
            assert_eq!(session.set_arg(step, 2, &(index + 1)), CL_SUCCESS);
            let one = 1usize;
            let code = api.clEnqueueNDRangeKernel(
                queue,
                step,
                1,
                null(),
                &one,
                null(),
                0,
                null(),
                null_mut(),
            );
            assert_eq!(code, CL_SUCCESS);
            assert_eq!(
                api.clEnqueueBarrierWithWaitList(queue, 0, null(), null_mut()),
                CL_SUCCESS
            );
        }
        assert_eq!(api.clFinish(queue), CL_SUCCESS);
        assert_eq!(read::<i32>(memory, 0), 10, "round {round}");
    }
}

#[test]
fn commands_wait_for_events_of_other_queues() {
    let session = session();
    let api = session.api;
    let queues = [
        session.queue_with(0).unwrap(),
        session.queue_with(0).unwrap(),
    ];
    let source = "kernel void twice(global uint *p) { *p = *p * 2 + 1; }";
    let twice = session.kernel(source, "", "twice").unwrap();
    let memory = api.clSVMAlloc(session.context, FINE, 64, 0);
    isocl_conformance::client::write(memory, 0, 0u32);
    assert_eq!(api.clSetKernelArgSVMPointer(twice, 0, memory), CL_SUCCESS);
    let mut previous: cl_event = null_mut();
    for index in 0..20 {
        let one = 1usize;
        let mut event = null_mut();
        let (count, list) = if previous.is_null() {
            (0, null())
        } else {
            (1, std::ptr::from_ref(&previous))
        };
        let code = api.clEnqueueNDRangeKernel(
            queues[index % 2],
            twice,
            1,
            null(),
            &one,
            null(),
            count,
            list,
            &mut event,
        );
        assert_eq!(code, CL_SUCCESS);
        previous = event;
    }
    assert_eq!(api.clFlush(queues[0]), CL_SUCCESS);
    assert_eq!(api.clWaitForEvents(1, &previous), CL_SUCCESS);
    assert_eq!(read::<u32>(memory, 0), (1 << 20) - 1);
}

#[test]
fn info_queries_follow_the_size_protocol() {
    let session = session();
    let api = session.api;
    let mut size = 0usize;
    let mut value = [0u8; 256];
    let at = value.as_mut_ptr().cast();
    assert_eq!(
        api.clGetDeviceInfo(session.device, CL_DEVICE_NAME, 0, null_mut(), &mut size),
        CL_SUCCESS
    );
    assert!(size > 1);
    assert_eq!(
        api.clGetDeviceInfo(session.device, CL_DEVICE_NAME, size - 1, at, null_mut()),
        CL_INVALID_VALUE
    );
    assert_eq!(
        api.clGetDeviceInfo(session.device, CL_DEVICE_NAME, 256, at, null_mut()),
        CL_SUCCESS
    );
    assert_eq!(value[size - 1], 0);
    assert_eq!(
        api.clGetDeviceInfo(session.device, 0x7777, 256, at, null_mut()),
        CL_INVALID_VALUE
    );
    assert_eq!(
        api.clGetDeviceInfo(session.device, CL_DEVICE_ADDRESS_BITS, 3, at, null_mut()),
        CL_INVALID_VALUE
    );
    let name = string(|size, value, size_ret| {
        api.clGetContextInfo(session.context, CL_CONTEXT_DEVICES, size, value, size_ret)
    });
    assert!(name.is_ok());
}

extern "C" fn nothing(_: *mut c_void) {}

/// One event of every core command that has one, beside those of shared virtual memory, and the
/// type that it should tell.
fn every_command(
    session: &Session,
    queue: cl_command_queue,
    gate: cl_event,
) -> Vec<(cl_event, cl_uint)> {
    let api = session.api;
    let (mut code, mut next) = (99, null_mut());
    let buffer = api.clCreateBuffer(session.context, 0, 4096, null_mut(), &mut code);
    let kernel = session
        .kernel("kernel void f(global int *p) { *p = 1; }", "", "f")
        .unwrap();
    assert_eq!(session.set_arg(kernel, 0, &buffer), CL_SUCCESS);
    let mut host = [0_u8; 64];
    let at: *mut c_void = host.as_mut_ptr().cast();
    let (zeros, ones): (*const usize, *const usize) = ([0; 3].as_ptr(), [1; 3].as_ptr());
    let elsewhere: *const usize = [64, 0, 0].as_ptr();
    let one = 1_usize;
    let wait = &raw const gate;
    let mut events = Vec::new();
    let mut note = |code, event, kind| {
        assert_eq!(code, CL_SUCCESS, "{kind:#x}");
        events.push((event, kind));
    };
    // The first waits, and all others wait for it, because the queue is in order.
    let first = api.clEnqueueMarkerWithWaitList(queue, 1, wait, &mut next);
    note(first, next, CL_COMMAND_MARKER);
    macro_rules! enqueue {
        ($($kind:ident: $name:ident($($argument:expr),*);)*) => {$(
            note(api.$name(queue, $($argument,)* 0, null(), &mut next), next, $kind);
        )*};
    }
    let (source, target) = (buffer, buffer);
    enqueue! {
        CL_COMMAND_FILL_BUFFER: clEnqueueFillBuffer(buffer, at, 1, 0, 64);
        CL_COMMAND_WRITE_BUFFER: clEnqueueWriteBuffer(buffer, CL_FALSE, 0, 64, at);
        CL_COMMAND_READ_BUFFER: clEnqueueReadBuffer(buffer, CL_FALSE, 0, 64, at);
        CL_COMMAND_COPY_BUFFER: clEnqueueCopyBuffer(source, target, 0, 64, 64);
        CL_COMMAND_WRITE_BUFFER_RECT:
            clEnqueueWriteBufferRect(buffer, CL_FALSE, zeros, zeros, ones, 0, 0, 0, 0, at);
        CL_COMMAND_READ_BUFFER_RECT:
            clEnqueueReadBufferRect(buffer, CL_FALSE, zeros, zeros, ones, 0, 0, 0, 0, at);
        CL_COMMAND_COPY_BUFFER_RECT:
            clEnqueueCopyBufferRect(source, target, zeros, elsewhere, ones, 0, 0, 0, 0);
        CL_COMMAND_MIGRATE_MEM_OBJECTS: clEnqueueMigrateMemObjects(1, &buffer, 0);
        CL_COMMAND_NDRANGE_KERNEL: clEnqueueNDRangeKernel(kernel, 1, null(), &one, null());
        CL_COMMAND_TASK: clEnqueueTask(kernel);
        CL_COMMAND_NATIVE_KERNEL:
            clEnqueueNativeKernel(Some(nothing), null_mut(), 0, 0, null(), null());
        CL_COMMAND_BARRIER: clEnqueueBarrierWithWaitList();
    }
    let mapped = api.clEnqueueMapBuffer(
        queue,
        buffer,
        CL_FALSE,
        CL_MAP_READ,
        0,
        64,
        0,
        null(),
        &mut next,
        &mut code,
    );
    note(code, next, CL_COMMAND_MAP_BUFFER);
    let code = api.clEnqueueUnmapMemObject(queue, buffer, mapped, 0, null(), &mut next);
    note(code, next, CL_COMMAND_UNMAP_MEM_OBJECT);
    // Pending commands keep what they need.
    assert_eq!(api.clReleaseKernel(kernel), CL_SUCCESS);
    assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
    assert_eq!(api.clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
    assert_eq!(api.clFinish(queue), CL_SUCCESS);
    events
}

#[test]
fn events_tell_their_command_and_ordered_stamps() {
    let session = session();
    let api = session.api;
    let number = |event, name| {
        let mut value = 0_usize;
        let place = (&raw mut value).cast();
        let mut size = 0;
        let code = api.clGetEventInfo(event, name, size_of::<usize>(), place, &mut size);
        assert_eq!(code, CL_SUCCESS);
        (value, size)
    };
    let silent = session.queue_with(0).unwrap();
    for queue in [session.queue, silent] {
        let gate = session.user_event().unwrap();
        for (event, kind) in every_command(&session, queue, gate) {
            assert_eq!(number(event, CL_EVENT_COMMAND_TYPE), (kind as usize, 4));
            assert_eq!(number(event, CL_EVENT_COMMAND_QUEUE), (queue as usize, 8));
            let context = session.context as usize;
            assert_eq!(number(event, CL_EVENT_CONTEXT), (context, 8));
            assert_eq!(number(event, CL_EVENT_REFERENCE_COUNT), (1, 4));
            let complete = (CL_COMPLETE as usize, 4);
            assert_eq!(number(event, CL_EVENT_COMMAND_EXECUTION_STATUS), complete);
            match session.profiling(event) {
                Ok(stamps) => {
                    assert_eq!(queue, session.queue, "{kind:#x}");
                    let ordered = stamps.windows(2).all(|pair| pair[0] <= pair[1]);
                    assert!(stamps[0] > 0 && ordered, "{kind:#x}: {stamps:?}");
                }
                Err(error) => {
                    let expected = (silent, CL_PROFILING_INFO_NOT_AVAILABLE);
                    assert_eq!((queue, error.code), expected, "{kind:#x}");
                }
            }
            assert_eq!(api.clReleaseEvent(event), CL_SUCCESS);
        }
        // A user event has no queue and no stamps.
        assert_eq!(
            number(gate, CL_EVENT_COMMAND_TYPE),
            (CL_COMMAND_USER as usize, 4)
        );
        assert_eq!(number(gate, CL_EVENT_COMMAND_QUEUE), (0, 8));
        let code = session.profiling(gate).unwrap_err().code;
        assert_eq!(code, CL_PROFILING_INFO_NOT_AVAILABLE);
        assert_eq!(api.clReleaseEvent(gate), CL_SUCCESS);
    }
    assert_eq!(api.clReleaseCommandQueue(silent), CL_SUCCESS);
}
