//! What this driver does not support has the error of the standard (appendix H), and the few
//! checks that are the boundary's own.
use std::ffi::{c_char, c_void, CStr};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::table::{cl, code, Objects};
use opencl_sys::*;

const N: *mut cl_event = null_mut();

#[test]
fn unsupported_features_refuse() {
    let objects = Objects::new();
    let &Objects {
        context,
        device,
        queue,
        buffer,
        program,
        ..
    } = &objects;
    let three: *const usize = [1_usize; 3].as_ptr();
    let invalid_operation = [
        code(|c| cl!(clCreatePipe(context, 0, 4, 4, null(), c))),
        code(|c| cl!(clCreateProgramWithIL(context, three.cast(), 4, c))),
        cl!(clSetProgramSpecializationConstant(
            program,
            0,
            4,
            three.cast()
        )),
        cl!(clSetProgramReleaseCallback(program, None, null_mut())),
        cl!(clSetDefaultDeviceCommandQueue(context, device, null_mut())),
        cl!(clSetCommandQueueProperty(queue, 0, 1, null_mut())),
        cl!(clCreateSubDevicesEXT(
            device,
            null(),
            0,
            null_mut(),
            null_mut()
        )),
        code(|c| cl!(clCreateFromGLBuffer(context, 0, 1, c))),
        code(|c| {
            cl!(clCreateFromEGLImageKHR(
                context,
                null_mut(),
                null_mut(),
                0,
                null(),
                c
            ))
        }),
        cl!(clEnqueueAcquireGLObjects(queue, 0, null(), 0, null(), N)),
        cl!(clEnqueueReleaseD3D11ObjectsKHR(
            queue,
            0,
            null(),
            0,
            null(),
            N
        )),
        cl!(clGetGLContextInfoKHR(null(), 0, 0, null_mut(), null_mut())),
    ];
    assert_eq!(invalid_operation, [CL_INVALID_OPERATION; 12]);
    let pipe = cl!(clGetPipeInfo(
        buffer,
        CL_PIPE_PACKET_SIZE,
        0,
        null_mut(),
        null_mut()
    ));
    assert_eq!(pipe, CL_INVALID_MEM_OBJECT);
    let gl = cl!(clGetGLObjectInfo(buffer, null_mut(), null_mut()));
    assert_eq!(gl, CL_INVALID_GL_OBJECT);
    let built_in = code(|c| {
        cl!(clCreateProgramWithBuiltInKernels(
            context,
            1,
            &device,
            c"k".as_ptr(),
            c
        ))
    });
    assert_eq!(built_in, CL_INVALID_VALUE);
}

#[test]
fn initialisers_and_destructors_are_a_question_about_executables() {
    let objects = Objects::new();
    for name in [
        CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT,
        CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT,
    ] {
        let mut present: cl_bool = 7;
        let place = (&raw mut present).cast();
        let code = cl!(clGetProgramInfo(
            objects.program,
            name,
            4,
            place,
            null_mut()
        ));
        assert_eq!((code, present), (CL_INVALID_PROGRAM_EXECUTABLE, 7));
    }
}

#[test]
fn partitions_that_make_no_sense_are_refused() {
    let objects = Objects::new();
    let split = |properties: *const isize| {
        cl!(clCreateSubDevices(
            objects.device,
            properties,
            0,
            null_mut(),
            null_mut()
        ))
    };
    let too_large = [CL_DEVICE_PARTITION_EQUALLY, 1 << 20, 0];
    assert_eq!(split(too_large.as_ptr()), CL_INVALID_DEVICE_PARTITION_COUNT);
    assert_eq!(split([5, 0].as_ptr()), CL_INVALID_VALUE);
    assert_eq!(split(null()), CL_INVALID_VALUE);
}

#[test]
fn context_properties_are_checked() {
    let objects = Objects::new();
    let &Objects {
        platform, device, ..
    } = &objects;
    let create = |properties: &[isize]| {
        code(|c| {
            cl!(clCreateContext(
                properties.as_ptr(),
                1,
                &device,
                None,
                null_mut(),
                c
            ))
        })
    };
    let name = CL_CONTEXT_PLATFORM;
    assert_eq!(create(&[name, 0, 0]), CL_INVALID_PLATFORM);
    assert_eq!(create(&[name, device as isize, 0]), CL_INVALID_PLATFORM);
    let twice = [name, platform as isize, name, platform as isize, 0];
    assert_eq!(create(&twice), CL_INVALID_PROPERTY);
    assert_eq!(create(&[0x4711, 1, 0]), CL_INVALID_PROPERTY);
    assert_eq!(create(&[1 << 40, 1, 0]), CL_INVALID_PROPERTY);
    assert_eq!(
        create(&[CL_CONTEXT_INTEROP_USER_SYNC, 2, 0]),
        CL_INVALID_PROPERTY
    );
    let none = code(|c| cl!(clCreateContext(null(), 0, &device, None, null_mut(), c)));
    assert_eq!(none, CL_INVALID_VALUE);
    let data_without_function =
        code(|c| cl!(clCreateContext(null(), 1, &device, None, platform, c)));
    assert_eq!(data_without_function, CL_INVALID_VALUE);
}

#[test]
fn queue_properties_are_checked() {
    let objects = Objects::new();
    let create = |properties: &[u64]| {
        code(|c| {
            cl!(clCreateCommandQueueWithProperties(
                objects.context,
                objects.device,
                properties.as_ptr(),
                c
            ))
        })
    };
    let name = u64::from(CL_QUEUE_PROPERTIES);
    assert_eq!(create(&[name, 1 << 20, 0]), CL_INVALID_VALUE);
    assert_eq!(create(&[0x4711, 0, 0]), CL_INVALID_VALUE);
    assert_eq!(create(&[name, 0, name, 0, 0]), CL_INVALID_VALUE);
    let on_device = CL_QUEUE_ON_DEVICE | CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
    assert_eq!(create(&[name, on_device, 0]), CL_INVALID_QUEUE_PROPERTIES);
    let size = u64::from(CL_QUEUE_SIZE);
    let sized = [name, on_device, size, 64, 0];
    assert_eq!(create(&sized), CL_INVALID_QUEUE_PROPERTIES);
    let sized_first = [size, 64, name, on_device, 0];
    assert_eq!(create(&sized_first), CL_INVALID_QUEUE_PROPERTIES);
    // The size is for queues on the device, and those execute out of order.
    assert_eq!(create(&[size, 64, 0]), CL_INVALID_VALUE);
    assert_eq!(create(&[name, CL_QUEUE_ON_DEVICE, 0]), CL_INVALID_VALUE);
    assert_eq!(
        create(&[name, CL_QUEUE_ON_DEVICE_DEFAULT, 0]),
        CL_INVALID_VALUE
    );
}

#[test]
fn places_for_results_are_checked() {
    let objects = Objects::new();
    let &Objects {
        device,
        platform,
        context,
        queue,
        ..
    } = &objects;
    let codes = [
        cl!(clGetDeviceIDs(
            platform,
            CL_DEVICE_TYPE_ALL,
            0,
            null_mut(),
            null_mut()
        )),
        cl!(clGetDeviceIDs(
            platform,
            CL_DEVICE_TYPE_ALL,
            0,
            &mut null_mut(),
            null_mut()
        )),
        cl!(clGetHostTimer(device, null_mut())),
        cl!(clGetDeviceAndHostTimer(device, &mut 0, null_mut())),
        cl!(clGetDeviceAndHostTimer(device, null_mut(), &mut 0)),
        cl!(clWaitForEvents(0, null())),
        cl!(clWaitForEvents(0, &objects.event)),
        cl!(clWaitForEvents(1, null())),
        cl!(clEnqueueMarker(queue, N)),
        cl!(clEnqueueMigrateMemObjects(
            queue,
            0,
            null(),
            0,
            0,
            null(),
            N
        )),
        cl!(clSetEventCallback(objects.event, 0, None, null_mut())),
        cl!(clSetMemObjectDestructorCallback(
            objects.buffer,
            None,
            null_mut()
        )),
        cl!(clSetContextDestructorCallback(context, None, null_mut())),
        code(|c| cl!(clCreateProgramWithSource(context, 0, null_mut(), null(), c))),
        code(|c| {
            cl!(clCreateProgramWithSource(
                context,
                1,
                &mut null(),
                null(),
                c
            ))
        }),
        code(|c| cl!(clCreateKernel(objects.program, null(), c))),
    ];
    assert_eq!(codes, [CL_INVALID_VALUE; 16]);
    // A place for the code is optional.
    let buffer = cl!(clCreateBuffer(context, 0, 64, null_mut(), null_mut()));
    assert_eq!(cl!(clReleaseMemObject(buffer)), CL_SUCCESS);
    let (mut device_time, mut host_time) = (0, 0);
    let code = cl!(clGetDeviceAndHostTimer(
        device,
        &mut device_time,
        &mut host_time
    ));
    assert!(code == CL_SUCCESS && device_time > 0 && host_time > 0);
}

#[test]
fn sources_come_in_pieces_with_or_without_lengths() {
    let objects = Objects::new();
    let source = |strings: &[&CStr], lengths: *const usize| {
        let mut pointers: Vec<*const c_char> = strings.iter().map(|text| text.as_ptr()).collect();
        let count = strings.len() as u32;
        let mut code = 0;
        let program = cl!(clCreateProgramWithSource(
            objects.context,
            count,
            pointers.as_mut_ptr(),
            lengths,
            &mut code
        ));
        assert_eq!(code, CL_SUCCESS);
        let mut text = [0_u8; 64];
        let mut size = 0;
        let place = text.as_mut_ptr().cast();
        let code = cl!(clGetProgramInfo(
            program,
            CL_PROGRAM_SOURCE,
            64,
            place,
            &mut size
        ));
        assert_eq!(code, CL_SUCCESS);
        assert_eq!(cl!(clReleaseProgram(program)), CL_SUCCESS);
        String::from_utf8(text[..size - 1].to_vec()).unwrap()
    };
    assert_eq!(source(&[c"ab", c"cd"], null()), "abcd");
    assert_eq!(source(&[c"ab", c"cd"], [0, 0].as_ptr()), "abcd");
    assert_eq!(source(&[c"ab", c"cd", c"ef"], [1, 0, 1].as_ptr()), "acde");
}

/// Counts its calls in the place that `user_data` points to.
unsafe extern "C" fn count_errors(
    text: *const c_char,
    _: *const c_void,
    _: usize,
    user_data: *mut c_void,
) {
    // SAFETY: the text ends with a zero and the test passes an `AtomicU32`.
    let (text, calls) = unsafe { (CStr::from_ptr(text), &*user_data.cast::<AtomicU32>()) };
    assert!(!text.is_empty());
    calls.fetch_add(1, Ordering::Relaxed);
}

/// Counts its calls in the place that `user_data` points to.
unsafe extern "C" fn count_calls(_: *mut c_void, user_data: *mut c_void) {
    // SAFETY: the test passes an `AtomicU32`.
    unsafe { &*user_data.cast::<AtomicU32>() }.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn the_context_hears_of_errors_and_of_its_end() {
    let device = crate::table::device();
    let (errors, ends) = (AtomicU32::new(0), AtomicU32::new(0));
    let data = |counter: &AtomicU32| std::ptr::from_ref(counter).cast_mut().cast::<c_void>();
    let mut code = 0;
    let context = cl!(clCreateContext(
        null(),
        1,
        &device,
        Some(count_errors),
        data(&errors),
        &mut code
    ));
    let callback = cl!(clSetContextDestructorCallback(
        context,
        Some(count_calls),
        data(&ends)
    ));
    assert_eq!((code, callback), (CL_SUCCESS, CL_SUCCESS));
    assert!(cl!(clCreateBuffer(context, 0, 0, null_mut(), &mut code)).is_null());
    assert_eq!(
        (code, errors.load(Ordering::Relaxed)),
        (CL_INVALID_BUFFER_SIZE, 1)
    );
    assert!(cl!(clSVMAlloc(context, 1 << 62, 64, 0)).is_null());
    assert_eq!(errors.load(Ordering::Relaxed), 2);
    let buffer = cl!(clCreateBuffer(context, 0, 64, null_mut(), &mut code));
    let callback = cl!(clSetMemObjectDestructorCallback(
        buffer,
        Some(count_calls),
        data(&ends)
    ));
    assert_eq!(callback, CL_SUCCESS);
    assert_eq!(cl!(clReleaseContext(context)), CL_SUCCESS);
    assert_eq!(ends.load(Ordering::Relaxed), 0);
    assert_eq!(cl!(clReleaseMemObject(buffer)), CL_SUCCESS);
    assert_eq!(ends.load(Ordering::Relaxed), 2);
}
