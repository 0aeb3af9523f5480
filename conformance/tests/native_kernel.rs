//! Functions of the host as commands: `clEnqueueNativeKernel` (§5.10).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use isocl_conformance::client::{read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

/// What the application gives, and the device's copy of it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Arguments {
    factor: u64,
    buffer: *mut c_void,
    count: u64,
    nothing: *mut c_void,
}

/// Multiplies the words of the buffer, where there is one.
extern "C" fn multiply(arguments: *mut c_void) {
    let given = read::<Arguments>(arguments, 0);
    assert!(given.nothing.is_null());
    for index in 0..given.count as usize {
        let word: u64 = read(given.buffer, index);
        write(given.buffer, index, word * given.factor);
    }
    // The copy is the function's own.
    write(arguments, 0, 0u64);
}

extern "C" fn expect_nothing(arguments: *mut c_void) {
    assert!(arguments.is_null());
}

fn buffer(session: &Session, words: &mut [u64]) -> cl_mem {
    let mut code = 0;
    let buffer = session.api.clCreateBuffer(
        session.context,
        CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
        size_of_val(words),
        words.as_mut_ptr().cast(),
        &mut code,
    );
    assert_eq!(code, CL_SUCCESS);
    buffer
}

#[test]
fn the_device_runs_native_kernels() {
    let session = session();
    let can: cl_ulong = session
        .device_info(CL_DEVICE_EXECUTION_CAPABILITIES)
        .unwrap();
    assert_eq!(can & CL_EXEC_NATIVE_KERNEL, CL_EXEC_NATIVE_KERNEL);
}

#[test]
fn a_function_gets_its_arguments_with_addresses_of_buffers() {
    let session = session();
    let api = session.api;
    let mut words = [1u64, 2, 3, 4];
    let memory = buffer(&session, &mut words);
    let mut arguments = Arguments {
        factor: 10,
        buffer: memory,
        count: 4,
        nothing: memory,
    };
    let objects = [memory, null_mut()];
    let places = [
        (&raw const arguments.buffer).cast::<c_void>(),
        (&raw const arguments.nothing).cast::<c_void>(),
    ];
    let mut event = null_mut();
    let code = api.clEnqueueNativeKernel(
        session.queue,
        Some(multiply),
        (&raw mut arguments).cast(),
        size_of::<Arguments>(),
        2,
        objects.as_ptr(),
        places.as_ptr(),
        0,
        null(),
        &mut event,
    );
    assert_eq!(code, CL_SUCCESS);
    // The application may change its arguments, and let go of the buffer's handle, at once.
    write((&raw mut arguments).cast(), 0, 0u64);
    write((&raw mut arguments).cast(), 2, 1u64 << 40);
    assert_eq!(session.event_type(event).unwrap(), CL_COMMAND_NATIVE_KERNEL);
    let mut result = [0u64; 4];
    let code = api.clEnqueueReadBuffer(
        session.queue,
        memory,
        CL_TRUE,
        0,
        32,
        result.as_mut_ptr().cast(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(result, [10, 20, 30, 40]);
    assert_eq!(session.event_status(event).unwrap(), CL_COMPLETE);
    api.clReleaseEvent(event);
    api.clReleaseMemObject(memory);
}

#[test]
fn arguments_may_be_missing() {
    let session = session();
    let code = session.api.clEnqueueNativeKernel(
        session.queue,
        Some(expect_nothing),
        null_mut(),
        0,
        0,
        null(),
        null(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
}

#[test]
fn arguments_that_do_not_belong_together_have_their_codes() {
    let session = session();
    let api = session.api;
    let other = Session::open().unwrap();
    let mut words = [0u64; 4];
    let (memory, foreign) = (buffer(&session, &mut words), buffer(&other, &mut words));
    let mut arguments = [0u64; 4];
    let args: *mut c_void = arguments.as_mut_ptr().cast();
    let inside = args.cast_const();
    let outside: *const c_void = args.wrapping_byte_add(25);
    let call = |function, args, size, count, objects: *const cl_mem, places| {
        api.clEnqueueNativeKernel(
            session.queue,
            function,
            args,
            size,
            count,
            objects,
            places,
            0,
            null(),
            null_mut(),
        )
    };
    let function: Option<extern "C" fn(*mut c_void)> = Some(expect_nothing);
    for (code, result) in [
        (
            call(None, null_mut(), 0, 0, null(), null()),
            CL_INVALID_VALUE,
        ),
        (
            call(function, null_mut(), 8, 0, null(), null()),
            CL_INVALID_VALUE,
        ),
        (call(function, args, 0, 0, null(), null()), CL_INVALID_VALUE),
        (
            call(function, null_mut(), 0, 1, &memory, &inside),
            CL_INVALID_VALUE,
        ),
        (
            call(function, args, 32, 1, null(), &inside),
            CL_INVALID_VALUE,
        ),
        (
            call(function, args, 32, 1, &memory, null()),
            CL_INVALID_VALUE,
        ),
        (
            call(function, args, 32, 0, &memory, null()),
            CL_INVALID_VALUE,
        ),
        (
            call(function, args, 32, 0, null(), &inside),
            CL_INVALID_VALUE,
        ),
        (
            call(function, args, 32, 1, &memory, &outside),
            CL_INVALID_VALUE,
        ),
        (
            call(function, args, 32, 1, &args, &inside),
            CL_INVALID_MEM_OBJECT,
        ),
        (
            call(function, args, 32, 1, &foreign, &inside),
            CL_INVALID_CONTEXT,
        ),
    ] {
        assert_eq!(code, result);
    }
    let queue = api.clEnqueueNativeKernel(
        null_mut(),
        function,
        null_mut(),
        0,
        0,
        null(),
        null(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!(queue, CL_INVALID_COMMAND_QUEUE);
    api.clReleaseMemObject(memory);
    api.clReleaseMemObject(foreign);
}
