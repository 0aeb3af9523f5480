//! Contexts (§4.4): their properties, of which devices they may consist, and how they end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::{c_char, c_void};
use std::process::Command;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

use isocl_conformance::client::{read, reference, Api};
use isocl_conformance::session::{first_device, Session};
use opencl_sys::*;

fn ask<T: Copy + Default>(api: &Api, context: cl_context, name: cl_uint) -> Vec<T> {
    let mut size = 0;
    let code = api.clGetContextInfo(context, name, 0, null_mut(), &mut size);
    assert_eq!(code, CL_SUCCESS, "{name:#x}");
    let mut values = vec![T::default(); size / size_of::<T>()];
    let place = values.as_mut_ptr().cast();
    let code = api.clGetContextInfo(context, name, size, place, null_mut());
    assert_eq!(code, CL_SUCCESS, "{name:#x}");
    values
}

/// The code of making a context with these properties, in both ways; it is let go at once. Without
/// a platform, loaders know nobody to ask for a context from type.
fn codes(properties: &[isize]) -> [cl_int; 2] {
    let api = Api::get().unwrap();
    let (_, device) = first_device(api).unwrap();
    let list = properties.as_ptr();
    let mut listed = 99;
    let mut contexts = vec![api.clCreateContext(list, 1, &device, None, null_mut(), &mut listed)];
    let mut typed = listed;
    if properties
        .iter()
        .step_by(2)
        .any(|name| *name == CL_CONTEXT_PLATFORM)
    {
        let all = CL_DEVICE_TYPE_ALL;
        contexts.push(api.clCreateContextFromType(list, all, None, null_mut(), &mut typed));
    }
    for context in contexts.into_iter().filter(|context| !context.is_null()) {
        let given: Vec<isize> = ask(api, context, CL_CONTEXT_PROPERTIES);
        assert_eq!(given, properties);
        assert_eq!(api.clReleaseContext(context), CL_SUCCESS);
    }
    [listed, typed]
}

#[test]
fn properties_are_known_valid_and_given_once() {
    let api = Api::get().unwrap();
    let (platform, device) = first_device(api).unwrap();
    let (platform, device) = (platform as isize, device as isize);
    let (of_platform, user_sync) = (CL_CONTEXT_PLATFORM, CL_CONTEXT_INTEROP_USER_SYNC);
    for good in [
        &[0][..],
        &[of_platform, platform, 0],
        &[user_sync, 0, of_platform, platform, 0],
        &[of_platform, platform, user_sync, 1, 0],
    ] {
        assert_eq!(codes(good), [CL_SUCCESS; 2], "{good:x?}");
    }
    for wrong in [
        &[0x4711, 1, 0][..],
        &[of_platform, platform, 0x4711, 1, 0],
        &[user_sync, 2, of_platform, platform, 0],
        &[of_platform, platform, user_sync, 1, user_sync, 1, 0],
        &[of_platform, platform, of_platform, platform, 0],
    ] {
        assert_eq!(codes(wrong), [CL_INVALID_PROPERTY; 2], "{wrong:x?}");
    }
    // The loader looks at the platform itself, and may have a word of its own for a wrong one.
    for wrong in [0, device] {
        for code in codes(&[of_platform, wrong, 0]) {
            assert!([CL_INVALID_PLATFORM, CL_INVALID_PROPERTY].contains(&code));
        }
    }
}

#[test]
fn types_find_the_devices_that_there_are() {
    let api = Api::get().unwrap();
    let (platform, device) = first_device(api).unwrap();
    let list = [CL_CONTEXT_PLATFORM, platform as isize, 0];
    let mut of_device: cl_device_type = 0;
    let place = (&raw mut of_device).cast();
    let code = api.clGetDeviceInfo(device, CL_DEVICE_TYPE, 8, place, null_mut());
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(of_device & CL_DEVICE_TYPE_DEFAULT, 0, "no type of its own");
    for (kind, expected) in [
        (CL_DEVICE_TYPE_DEFAULT, CL_SUCCESS),
        (CL_DEVICE_TYPE_ALL, CL_SUCCESS),
        (of_device, CL_SUCCESS),
        (of_device | CL_DEVICE_TYPE_CUSTOM, CL_SUCCESS),
        (CL_DEVICE_TYPE_CUSTOM, CL_DEVICE_NOT_FOUND),
        (0, CL_INVALID_DEVICE_TYPE),
        (1 << 5, CL_INVALID_DEVICE_TYPE),
        (1 << 40 | of_device, CL_INVALID_DEVICE_TYPE),
    ] {
        let mut code = 99;
        let context = api.clCreateContextFromType(list.as_ptr(), kind, None, null_mut(), &mut code);
        assert_eq!(code, expected, "{kind:#x}");
        if code == CL_SUCCESS {
            let devices: Vec<usize> = ask(api, context, CL_CONTEXT_DEVICES);
            assert_eq!(devices, [device as usize]);
            assert_eq!(api.clReleaseContext(context), CL_SUCCESS);
        }
    }
    let mut code = 99;
    let data = (&raw mut code).cast();
    let place = (&raw mut code).cast();
    api.clCreateContextFromType(list.as_ptr(), CL_DEVICE_TYPE_ALL, None, data, place);
    assert_eq!(code, CL_INVALID_VALUE, "data without a function");
}

/// Runs the check of this name in a process with four compute units; true there.
fn with_four_compute_units(check: &str) -> bool {
    if std::env::var("ISOCL_CHILD").as_deref() == Ok("contexts") {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([check, "--exact", "--nocapture"])
        .env("ISOCL_CHILD", "contexts")
        .env("ISOCL_COMPUTE_UNITS", "4")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    false
}

fn halves(api: &Api, device: cl_device_id, units: isize) -> [cl_device_id; 2] {
    let mut parts = [null_mut(); 2];
    let equally = [CL_DEVICE_PARTITION_EQUALLY, units, 0];
    let code = api.clCreateSubDevices(device, equally.as_ptr(), 2, parts.as_mut_ptr(), null_mut());
    assert_eq!(code, CL_SUCCESS);
    parts
}

#[test]
fn any_devices_share_a_context() {
    if !with_four_compute_units("any_devices_share_a_context") {
        return;
    }
    let api = Api::get().unwrap();
    let (platform, root) = first_device(api).unwrap();
    let [first, second] = halves(api, root, 2);
    let [quarter, _] = halves(api, first, 1);
    let all = [quarter, root, second, first];
    for chosen in 1..16_u32 {
        let devices: Vec<cl_device_id> = (0..4)
            .filter(|index| chosen & (1 << index) != 0)
            .map(|index| all[index])
            .collect();
        // Each counts once.
        let twice = [&devices[..], &devices[..]].concat();
        let mut code = 99;
        let context = api.clCreateContext(
            null(),
            twice.len() as cl_uint,
            twice.as_ptr(),
            None,
            null_mut(),
            &mut code,
        );
        assert_eq!(code, CL_SUCCESS);
        let count: Vec<cl_uint> = ask(api, context, CL_CONTEXT_NUM_DEVICES);
        assert_eq!(count, [devices.len() as cl_uint]);
        let known: Vec<usize> = ask(api, context, CL_CONTEXT_DEVICES);
        let expected: Vec<usize> = devices.iter().map(|device| *device as usize).collect();
        assert_eq!(known, expected);
        check_work(platform, context, &devices);
    }
}

/// Passes a number on from device to device, through a buffer and through events.
fn check_work(platform: cl_platform_id, context: cl_context, devices: &[cl_device_id]) {
    let api = Api::get().unwrap();
    let mut code = 99;
    let queues: Vec<cl_command_queue> = devices
        .iter()
        .map(|device| api.clCreateCommandQueueWithProperties(context, *device, null(), &mut code))
        .collect();
    assert_eq!(code, CL_SUCCESS);
    let session = Session {
        api,
        platform,
        device: devices[0],
        context,
        queue: queues[0],
    };
    let program = session
        .program("kernel void step(global int *p) { *p = *p * 3 + 1; }")
        .unwrap();
    let code = api.clBuildProgram(program, 0, null(), null(), None, null_mut());
    assert_eq!(code, CL_SUCCESS);
    let kernel = session.kernel_of(program, "step").unwrap();
    let (mut start, mut code) = (7_i32, 99);
    let flags = CL_MEM_COPY_HOST_PTR;
    let buffer = api.clCreateBuffer(context, flags, 4, (&raw mut start).cast(), &mut code);
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.set_arg(kernel, 0, &buffer), CL_SUCCESS);
    let mut events = vec![session.user_event().unwrap()];
    let mut expected = 7;
    for queue in queues.iter().chain(&queues) {
        let (one, mut event) = (1, null_mut());
        let code = api.clEnqueueNDRangeKernel(
            *queue,
            kernel,
            1,
            null(),
            &one,
            null(),
            1,
            events.last().unwrap(),
            &mut event,
        );
        assert_eq!((code, api.clFlush(*queue)), (CL_SUCCESS, CL_SUCCESS));
        events.push(event);
        expected = expected * 3 + 1;
    }
    assert_eq!(api.clSetUserEventStatus(events[0], CL_COMPLETE), CL_SUCCESS);
    let mut end = 0_i32;
    let code = api.clEnqueueReadBuffer(
        queues[0],
        buffer,
        CL_TRUE,
        0,
        4,
        (&raw mut end).cast(),
        1,
        events.last().unwrap(),
        null_mut(),
    );
    assert_eq!((code, end), (CL_SUCCESS, expected));
    for event in events {
        assert_eq!(api.clReleaseEvent(event), CL_SUCCESS);
    }
    assert_eq!(api.clReleaseKernel(kernel), CL_SUCCESS);
    assert_eq!(api.clReleaseProgram(program), CL_SUCCESS);
    assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
    for queue in &queues[1..] {
        assert_eq!(api.clReleaseCommandQueue(*queue), CL_SUCCESS);
    }
}

/// What callbacks were called with, in order.
type Calls = Mutex<Vec<(usize, usize)>>;

/// Notes the object and the number that stands behind the list of calls.
extern "C" fn note(object: *mut c_void, user_data: *mut c_void) {
    let (calls, number) = reference::<(&Calls, usize)>(user_data);
    calls.lock().unwrap().push((object as usize, *number));
}

#[test]
fn destructor_callbacks_come_last_registered_first_when_the_last_object_is_gone() {
    let session = Session::open().unwrap();
    let api = session.api;
    let mut code = 99;
    let device = &session.device;
    let context = api.clCreateContext(null(), 1, device, None, null_mut(), &mut code);
    let buffer = api.clCreateBuffer(context, 0, 64, null_mut(), &mut code);
    let calls = Calls::default();
    let data: Vec<(&Calls, usize)> = (0..5).map(|number| (&calls, number)).collect();
    let data = |number: usize| std::ptr::from_ref(&data[number]).cast_mut().cast();
    let refused = api.clSetContextDestructorCallback(context, None, data(0));
    assert_eq!(refused, CL_INVALID_VALUE);
    let refused = api.clSetContextDestructorCallback(null_mut(), Some(note), data(0));
    assert_eq!(refused, CL_INVALID_CONTEXT);
    for number in 0..3 {
        let code = api.clSetContextDestructorCallback(context, Some(note), data(number));
        assert_eq!(code, CL_SUCCESS);
    }
    for number in 3..5 {
        let code = api.clSetMemObjectDestructorCallback(buffer, Some(note), data(number));
        assert_eq!(code, CL_SUCCESS);
    }
    assert_eq!(api.clRetainContext(context), CL_SUCCESS);
    for _ in 0..2 {
        assert_eq!(api.clReleaseContext(context), CL_SUCCESS);
        assert!(calls.lock().unwrap().is_empty());
    }
    assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
    let (context, buffer) = (context as usize, buffer as usize);
    let expected = [
        (buffer, 4),
        (buffer, 3),
        (context, 2),
        (context, 1),
        (context, 0),
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
}

/// Counts the calls whose text ends with a zero and says something.
extern "C" fn hear(text: *const c_char, _: *const c_void, _: usize, user_data: *mut c_void) {
    let first: u8 = read(text.cast(), 0);
    assert!(first.is_ascii_graphic());
    reference::<AtomicUsize>(user_data).fetch_add(1, Ordering::SeqCst);
}

#[test]
fn the_callback_hears_of_errors_in_its_context_only() {
    let session = Session::open().unwrap();
    let api = session.api;
    let heard = AtomicUsize::new(0);
    let data = std::ptr::from_ref(&heard).cast_mut().cast();
    let mut code = 99;
    let device = &session.device;
    let context = api.clCreateContext(null(), 1, device, Some(hear), data, &mut code);
    assert_eq!(code, CL_SUCCESS);
    for of in [session.context, context] {
        assert_eq!(heard.load(Ordering::SeqCst), 0);
        assert!(api
            .clCreateBuffer(of, 0, 0, null_mut(), &mut code)
            .is_null());
        assert_eq!(code, CL_INVALID_BUFFER_SIZE);
    }
    assert_eq!(heard.load(Ordering::SeqCst), 1);
    assert_eq!(api.clReleaseContext(context), CL_SUCCESS);
}
