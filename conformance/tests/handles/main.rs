//! Null, garbage, wrong-type and released handles in every handle argument give the error of the
//! specification and nothing worse. The loader itself reads the first word of a first argument, so
//! garbage here is memory that looks like an object to the loader and is none of ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use isocl_conformance::client::{read, Api};
use isocl_conformance::session::Session;
use opencl_sys::*;

mod memory_objects;
mod programs_and_kernels;
mod queues;

/// One live handle of each kind, and impostors that the loader takes for objects.
struct Zoo {
    session: Session,
    memory: *mut c_void,
    buffer: cl_mem,
    program: cl_program,
    kernel: cl_kernel,
    event: cl_event,
    /// A copy of the first two words of a live object.
    garbage: Box<[usize; 8]>,
}

impl Zoo {
    fn new() -> Self {
        let session = Session::open().expect("an OpenCL device (run the tests with `make test`)");
        let api = session.api;
        let mut code = 0;
        let memory = api.clSVMAlloc(session.context, CL_MEM_READ_WRITE, 4096, 0);
        let buffer = api.clCreateBuffer(session.context, 0, 4096, null_mut(), &mut code);
        let program = session
            .build("kernel void k(global int *p, int n) { *p = n; }", "")
            .unwrap();
        let kernel = session.kernel_of(program, "k").unwrap();
        let event = session.user_event().unwrap();
        let mut garbage = Box::new([0usize; 8]);
        garbage[0] = read::<usize>(session.context, 0);
        garbage[1] = read::<usize>(session.context, 1);
        Self {
            session,
            memory,
            buffer,
            program,
            kernel,
            event,
            garbage,
        }
    }

    /// Everything that is not `kind`, including null and garbage.
    fn wrong(&self, kind: &str) -> Vec<(&'static str, *mut c_void)> {
        let all = [
            ("null", null_mut()),
            ("garbage", self.garbage.as_ptr().cast_mut().cast()),
            ("platform", self.session.platform),
            ("device", self.session.device),
            ("context", self.session.context),
            ("queue", self.session.queue),
            ("buffer", self.buffer),
            ("program", self.program),
            ("kernel", self.kernel),
            ("event", self.event),
        ];
        all.into_iter().filter(|(name, _)| *name != kind).collect()
    }
}

type Call<'a> = (&'static str, Box<dyn Fn(*mut c_void) -> cl_int + 'a>);

fn refuse(zoo: &Zoo, kind: &str, expected: cl_int, calls: &[Call<'_>]) {
    for (name, call) in calls {
        for (wrong, handle) in zoo.wrong(kind) {
            assert_eq!(call(handle), expected, "{name} with {wrong} for a {kind}");
        }
    }
}

/// Runs a call that returns its code through a pointer.
fn code<R>(call: impl FnOnce(*mut cl_int) -> R) -> cl_int {
    let mut code = 12345;
    call(&mut code);
    code
}

const EMPTY: *const c_void = null();

#[test]
fn devices() {
    let zoo = Zoo::new();
    let api = zoo.session.api;
    let s = &zoo.session;
    refuse(
        &zoo,
        "device",
        CL_INVALID_DEVICE,
        &[
            (
                "clGetDeviceInfo",
                Box::new(|h| api.clGetDeviceInfo(h, CL_DEVICE_NAME, 0, null_mut(), null_mut())),
            ),
            ("clRetainDevice", Box::new(|h| api.clRetainDevice(h))),
            ("clReleaseDevice", Box::new(|h| api.clReleaseDevice(h))),
            (
                "clGetHostTimer",
                Box::new(|h| api.clGetHostTimer(h, &mut 0)),
            ),
            (
                "clGetDeviceAndHostTimer",
                Box::new(|h| api.clGetDeviceAndHostTimer(h, &mut 0, &mut 0)),
            ),
            (
                "clCreateCommandQueue",
                Box::new(|h| code(|c| api.clCreateCommandQueue(s.context, h, 0, c))),
            ),
            (
                "clCreateCommandQueueWithProperties",
                Box::new(|h| {
                    code(|c| {
                        api.clCreateCommandQueueWithProperties(s.context, h, null(), c);
                    })
                }),
            ),
            (
                "clBuildProgram",
                Box::new(|h| api.clBuildProgram(zoo.program, 1, &h, null(), None, null_mut())),
            ),
            (
                "clGetProgramBuildInfo",
                Box::new(|h| {
                    api.clGetProgramBuildInfo(
                        zoo.program,
                        h,
                        CL_PROGRAM_BUILD_LOG,
                        0,
                        null_mut(),
                        null_mut(),
                    )
                }),
            ),
        ],
    );
    for (wrong, handle) in zoo.wrong("device") {
        if handle.is_null() {
            continue;
        }
        let list = [s.device, handle];
        let got = code(|c| api.clCreateContext(null(), 2, list.as_ptr(), None, null_mut(), c));
        assert_eq!(
            got, CL_INVALID_DEVICE,
            "clCreateContext with {wrong} in the list"
        );
    }
}

#[test]
fn contexts() {
    let zoo = Zoo::new();
    let api = zoo.session.api;
    let device = zoo.session.device;
    let text = c"kernel void k() {}".as_ptr();
    refuse(
        &zoo,
        "context",
        CL_INVALID_CONTEXT,
        &[
            ("clRetainContext", Box::new(|h| api.clRetainContext(h))),
            ("clReleaseContext", Box::new(|h| api.clReleaseContext(h))),
            (
                "clGetContextInfo",
                Box::new(|h| {
                    api.clGetContextInfo(h, CL_CONTEXT_NUM_DEVICES, 0, null_mut(), null_mut())
                }),
            ),
            (
                "clCreateCommandQueueWithProperties",
                Box::new(|h| {
                    code(|c| {
                        api.clCreateCommandQueueWithProperties(h, device, null(), c);
                    })
                }),
            ),
            (
                "clCreateBuffer",
                Box::new(|h| code(|c| api.clCreateBuffer(h, 0, 64, null_mut(), c))),
            ),
            (
                "clCreateUserEvent",
                Box::new(|h| code(|c| api.clCreateUserEvent(h, c))),
            ),
            (
                "clCreateProgramWithSource",
                Box::new(|h| code(|c| api.clCreateProgramWithSource(h, 1, &text, null(), c))),
            ),
            (
                "clCreateProgramWithBinary",
                Box::new(|h| {
                    code(|c| {
                        let (length, bytes, mut status) = (1usize, b"x".as_ptr(), 0);
                        api.clCreateProgramWithBinary(
                            h,
                            1,
                            &device,
                            &length,
                            &bytes,
                            &mut status,
                            c,
                        );
                    })
                }),
            ),
            (
                "clLinkProgram",
                Box::new(|h| {
                    code(|c| {
                        api.clLinkProgram(
                            h,
                            0,
                            null(),
                            null(),
                            1,
                            &zoo.program,
                            None,
                            null_mut(),
                            c,
                        );
                    })
                }),
            ),
        ],
    );
    for (wrong, handle) in zoo.wrong("context") {
        assert!(
            api.clSVMAlloc(handle, 0, 64, 0).is_null(),
            "clSVMAlloc with {wrong}"
        );
        api.clSVMFree(handle, zoo.memory);
    }
    isocl_conformance::client::write(zoo.memory, 0, 1u8);
}

#[test]
fn events() {
    extern "C" fn ignore(_: cl_event, _: cl_int, _: *mut c_void) {}
    let zoo = Zoo::new();
    let api = zoo.session.api;
    refuse(
        &zoo,
        "event",
        CL_INVALID_EVENT,
        &[
            ("clRetainEvent", Box::new(|h| api.clRetainEvent(h))),
            ("clReleaseEvent", Box::new(|h| api.clReleaseEvent(h))),
            (
                "clGetEventInfo",
                Box::new(|h| {
                    api.clGetEventInfo(h, CL_EVENT_COMMAND_TYPE, 0, null_mut(), null_mut())
                }),
            ),
            (
                "clGetEventProfilingInfo",
                Box::new(|h| {
                    api.clGetEventProfilingInfo(
                        h,
                        CL_PROFILING_COMMAND_END,
                        0,
                        null_mut(),
                        null_mut(),
                    )
                }),
            ),
            (
                "clSetUserEventStatus",
                Box::new(|h| api.clSetUserEventStatus(h, CL_COMPLETE)),
            ),
            (
                "clSetEventCallback",
                Box::new(|h| api.clSetEventCallback(h, CL_COMPLETE, Some(ignore), null_mut())),
            ),
        ],
    );
    for (wrong, handle) in zoo.wrong("event") {
        if handle.is_null() {
            continue;
        }
        let list = [zoo.event, handle];
        assert_eq!(
            api.clWaitForEvents(2, list.as_ptr()),
            CL_INVALID_EVENT,
            "clWaitForEvents with {wrong}"
        );
    }
}

#[test]
fn released_handles_are_refused_even_while_others_take_their_place() {
    let zoo = Zoo::new();
    let api: &Api = zoo.session.api;
    let s = &zoo.session;
    for _ in 0..1000 {
        let event = s.user_event().unwrap();
        assert_eq!(api.clReleaseEvent(event), CL_SUCCESS);
        assert_eq!(api.clReleaseEvent(event), CL_INVALID_EVENT);
        assert_eq!(
            api.clSetUserEventStatus(event, CL_COMPLETE),
            CL_INVALID_EVENT
        );
        let mut code = 0;
        let buffer = api.clCreateBuffer(s.context, 0, 64, null_mut(), &mut code);
        assert_eq!(api.clRetainMemObject(buffer), CL_SUCCESS);
        assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
        assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
        assert_eq!(api.clReleaseMemObject(buffer), CL_INVALID_MEM_OBJECT);
    }
}

#[test]
fn objects_that_others_need_live_on_and_answer_queries() {
    let zoo = Zoo::new();
    let api = zoo.session.api;
    let mut code = 0;
    let device = zoo.session.device;
    let context = api.clCreateContext(null(), 1, &device, None, null_mut(), &mut code);
    let queue = api.clCreateCommandQueueWithProperties(context, device, null(), &mut code);
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(api.clReleaseContext(context), CL_SUCCESS);
    let mut answer: cl_context = null_mut();
    let at = std::ptr::from_mut(&mut answer).cast();
    assert_eq!(
        api.clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, 8, at, null_mut()),
        CL_SUCCESS
    );
    assert_eq!(answer, context);
    let mut devices = 0u32;
    let at = std::ptr::from_mut(&mut devices).cast();
    assert_eq!(
        api.clGetContextInfo(answer, CL_CONTEXT_NUM_DEVICES, 4, at, null_mut()),
        CL_SUCCESS
    );
    assert_eq!(devices, 1);
    assert_eq!(api.clReleaseCommandQueue(queue), CL_SUCCESS);
}
