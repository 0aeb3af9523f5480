//! Queues, events, programs and kernels as applications see them (§5.1, §5.8 to §5.16).
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
fn build_options_are_checked_and_used() {
    let session = session();
    let source = "kernel void f(global int *p) { *p = VALUE; }";
    assert_eq!(
        session
            .build(source, "-no-such-option")
            .map_err(|error| error.0.code),
        Err(CL_INVALID_BUILD_OPTIONS)
    );
    let memory = session.api.clSVMAlloc(session.context, FINE, 64, 0);
    for options in [
        "-DVALUE=41",
        "-D VALUE=41",
        "-cl-std=CL1.2 -DVALUE=41 -w",
        "-cl-std=CL2.0 -cl-mad-enable -DVALUE=41",
        "-cl-std=CL3.0 -cl-fast-relaxed-math -DVALUE=41 -cl-kernel-arg-info",
    ] {
        let f = session
            .kernel(source, options, "f")
            .unwrap_or_else(|(error, log)| panic!("{options}: {error:?}\n{log}"));
        assert_eq!(
            session.api.clSetKernelArgSVMPointer(f, 0, memory),
            CL_SUCCESS
        );
        assert_eq!(session.launch(f, &[1], None), CL_SUCCESS);
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
        assert_eq!(read::<i32>(memory, 0), 41);
    }
}

#[test]
fn a_program_from_its_own_binary_runs() {
    let session = session();
    let api = session.api;
    let program = session
        .build("kernel void f(global int *p) { *p = 17; }", "")
        .unwrap();
    let mut size = 0usize;
    let at = std::ptr::from_mut(&mut size).cast();
    assert_eq!(
        api.clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, 8, at, null_mut()),
        CL_SUCCESS
    );
    assert!(size > 0);
    let mut binary = vec![0u8; size];
    let pointers = [binary.as_mut_ptr()];
    let code = api.clGetProgramInfo(
        program,
        CL_PROGRAM_BINARIES,
        8,
        pointers.as_ptr().cast_mut().cast(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    let (mut status, mut code) = (0, 0);
    let from = binary.as_ptr();
    let again = api.clCreateProgramWithBinary(
        session.context,
        1,
        &session.device,
        &size,
        &from,
        &mut status,
        &mut code,
    );
    assert_eq!((status, code), (CL_SUCCESS, CL_SUCCESS));
    assert_eq!(
        api.clBuildProgram(again, 1, &session.device, null(), None, null_mut()),
        CL_SUCCESS
    );
    let f = session.kernel_of(again, "f").unwrap();
    let memory = api.clSVMAlloc(session.context, FINE, 64, 0);
    assert_eq!(api.clSetKernelArgSVMPointer(f, 0, memory), CL_SUCCESS);
    assert_eq!(session.launch(f, &[1], None), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(read::<i32>(memory, 0), 17);
    binary.truncate(size / 2);
    let (half, from) = (binary.len(), binary.as_ptr());
    api.clCreateProgramWithBinary(
        session.context,
        1,
        &session.device,
        &half,
        &from,
        &mut status,
        &mut code,
    );
    assert_eq!((status, code), (CL_INVALID_BINARY, CL_INVALID_BINARY));
}

#[test]
fn nd_ranges_check_their_sizes() {
    let session = session();
    let api = session.api;
    let source = "
        kernel __attribute__((reqd_work_group_size(8, 2, 1))) void fixed(global int *p) { p[0] = 1; }
        kernel void free(global int *p) { p[0] = 1; }";
    let program = session.build(source, "-cl-std=CL1.2").unwrap();
    let (fixed, free) = (
        session.kernel_of(program, "fixed").unwrap(),
        session.kernel_of(program, "free").unwrap(),
    );
    let memory = api.clSVMAlloc(session.context, FINE, 64, 0);
    for kernel in [fixed, free] {
        assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, memory), CL_SUCCESS);
    }
    let max: usize = session.device_info(CL_DEVICE_MAX_WORK_GROUP_SIZE).unwrap();
    assert_eq!(session.launch(free, &[], None), CL_INVALID_WORK_DIMENSION);
    assert_eq!(
        session.launch(free, &[1, 1, 1, 1], None),
        CL_INVALID_WORK_DIMENSION
    );
    assert_eq!(
        session.launch(free, &[max * 2], Some(&[max * 2])),
        CL_INVALID_WORK_GROUP_SIZE
    );
    assert_eq!(
        session.launch(free, &[10], Some(&[4])),
        CL_INVALID_WORK_GROUP_SIZE,
        "OpenCL C 1.2: must divide"
    );
    assert_eq!(
        session.launch(fixed, &[16, 4, 1], Some(&[4, 2, 1])),
        CL_INVALID_WORK_GROUP_SIZE
    );
    assert_eq!(
        session.launch(fixed, &[16, 4, 1], Some(&[8, 2, 1])),
        CL_SUCCESS
    );
    let mut event = null_mut();
    let zero = 0usize;
    for size in [null(), std::ptr::from_ref(&zero)] {
        let code = api.clEnqueueNDRangeKernel(
            session.queue,
            free,
            1,
            null(),
            size,
            null(),
            0,
            null(),
            &mut event,
        );
        assert_eq!(
            code, CL_SUCCESS,
            "nothing to do is a command too (OpenCL 2.1)"
        );
        assert_eq!(api.clWaitForEvents(1, &event), CL_SUCCESS);
        assert_eq!(
            session.event_type(event).unwrap(),
            CL_COMMAND_NDRANGE_KERNEL
        );
    }
    assert_eq!(session.launch(free, &[4], Some(&[4])), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(read::<i32>(memory, 0), 1);
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
