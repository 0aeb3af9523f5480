//! Every handle argument of every function, called as a loader calls it, with what is no handle of
//! its kind: null, numbers, addresses inside objects, objects of other kinds and released ones.
//! Here, unlike through a loader, even addresses where nothing is can be tried.
use std::ptr::{null, null_mut};

use crate::table::{cl, code, Handle, Objects};
use opencl_sys::*;

/// A function, called with a handle in one of its arguments.
type Row<'a> = (&'static str, Box<dyn Fn(Handle) -> cl_int + 'a>);

macro_rules! rows {
    ($($name:literal: |$handle:ident| $call:expr),* $(,)?) => {
        vec![$(($name, Box::new(move |$handle: Handle| $call) as Box<dyn Fn(Handle) -> cl_int>)),*]
    };
}

fn refuse(objects: &Objects, kind: &str, expected: cl_int, rows: Vec<Row<'_>>) {
    for (name, call) in rows {
        for (wrong, handle) in objects.wrong(kind) {
            assert_eq!(call(handle), expected, "{name}: {wrong} for a {kind}");
        }
    }
}

const N: *mut cl_event = null_mut();

#[test]
fn platforms() {
    let objects = Objects::new();
    let wrong = objects
        .wrong("platform")
        .into_iter()
        .filter(|(name, _)| *name != "null");
    for (name, handle) in wrong {
        let codes = [
            cl!(clGetPlatformInfo(
                handle,
                CL_PLATFORM_NAME,
                0,
                null_mut(),
                null_mut()
            )),
            cl!(clGetDeviceIDs(
                handle,
                CL_DEVICE_TYPE_ALL,
                0,
                null_mut(),
                &mut 0
            )),
            cl!(clUnloadPlatformCompiler(handle)),
            code(|c| {
                let properties = [CL_CONTEXT_PLATFORM, handle as isize, 0];
                cl!(clCreateContext(
                    properties.as_ptr(),
                    1,
                    &objects.device,
                    None,
                    null_mut(),
                    c
                ))
            }),
        ];
        assert_eq!(codes, [CL_INVALID_PLATFORM; 4], "{name}");
    }
}

#[test]
fn devices() {
    let objects = Objects::new();
    let &Objects {
        device,
        context,
        program,
        ..
    } = &objects;
    let rows = rows! {
        "clGetDeviceInfo": |h| cl!(clGetDeviceInfo(h, CL_DEVICE_NAME, 0, null_mut(), null_mut())),
        "clRetainDevice": |h| cl!(clRetainDevice(h)),
        "clReleaseDevice": |h| cl!(clReleaseDevice(h)),
        "clCreateSubDevices": |h| cl!(clCreateSubDevices(h, null(), 0, null_mut(), null_mut())),
        "clCreateSubDevicesEXT": |h| {
            cl!(clCreateSubDevicesEXT(h, null(), 0, null_mut(), null_mut()))
        },
        "clRetainDeviceEXT": |h| cl!(clRetainDeviceEXT(h)),
        "clReleaseDeviceEXT": |h| cl!(clReleaseDeviceEXT(h)),
        "clGetDeviceAndHostTimer": |h| cl!(clGetDeviceAndHostTimer(h, &mut 0, &mut 0)),
        "clGetHostTimer": |h| cl!(clGetHostTimer(h, &mut 0)),
        "clCreateCommandQueue": |h| code(|c| cl!(clCreateCommandQueue(context, h, 0, c))),
        "clCreateCommandQueueWithProperties": |h| {
            code(|c| cl!(clCreateCommandQueueWithProperties(context, h, null(), c)))
        },
        "clSetDefaultDeviceCommandQueue": |h| {
            cl!(clSetDefaultDeviceCommandQueue(context, h, null_mut()))
        },
        "clCreateContext": |h| {
            code(|c| cl!(clCreateContext(null(), 2, [device, h].as_ptr(), None, null_mut(), c)))
        },
        "clBuildProgram": |h| {
            cl!(clBuildProgram(program, 2, [device, h].as_ptr(), null(), None, null_mut()))
        },
        "clCompileProgram": |h| {
            cl!(clCompileProgram(
                program, 1, &h, null(), 0, null(), null_mut(), None, null_mut()
            ))
        },
        "clLinkProgram": |h| code(|c| {
            cl!(clLinkProgram(context, 1, &h, null(), 1, &program, None, null_mut(), c))
        }),
        "clCreateProgramWithBuiltInKernels": |h| code(|c| {
            cl!(clCreateProgramWithBuiltInKernels(context, 1, &h, c"k".as_ptr(), c))
        }),
        "clCreateProgramWithBinary": |h| code(|c| {
            let mut binaries = [c"x".as_ptr().cast(); 2];
            let (list, lengths) = ([device, h], [1, 1]);
            cl!(clCreateProgramWithBinary(
                context, 2, list.as_ptr(), lengths.as_ptr(), binaries.as_mut_ptr(), null_mut(), c
            ))
        }),
        "clGetProgramBuildInfo": |h| {
            cl!(clGetProgramBuildInfo(program, h, CL_PROGRAM_BUILD_LOG, 0, null_mut(), null_mut()))
        },
    };
    refuse(&objects, "device", CL_INVALID_DEVICE, rows);
}

#[test]
fn contexts() {
    let objects = Objects::new();
    let device = objects.device;
    let rows = rows! {
        "clRetainContext": |h| cl!(clRetainContext(h)),
        "clReleaseContext": |h| cl!(clReleaseContext(h)),
        "clGetContextInfo": |h| {
            cl!(clGetContextInfo(h, CL_CONTEXT_NUM_DEVICES, 0, null_mut(), null_mut()))
        },
        "clSetContextDestructorCallback": |h| {
            cl!(clSetContextDestructorCallback(h, None, null_mut()))
        },
        "clCreateCommandQueue": |h| code(|c| cl!(clCreateCommandQueue(h, device, 0, c))),
        "clCreateCommandQueueWithProperties": |h| {
            code(|c| cl!(clCreateCommandQueueWithProperties(h, device, null(), c)))
        },
        "clSetDefaultDeviceCommandQueue": |h| {
            cl!(clSetDefaultDeviceCommandQueue(h, device, null_mut()))
        },
        "clCreateBuffer": |h| code(|c| cl!(clCreateBuffer(h, 0, 64, null_mut(), c))),
        "clCreateBufferWithProperties": |h| {
            code(|c| cl!(clCreateBufferWithProperties(h, null(), 0, 64, null_mut(), c)))
        },
        "clCreateUserEvent": |h| code(|c| cl!(clCreateUserEvent(h, c))),
        "clCreateProgramWithSource": |h| {
            code(|c| cl!(clCreateProgramWithSource(h, 1, &mut c"".as_ptr(), null(), c)))
        },
        "clCreateProgramWithBinary": |h| code(|c| {
            cl!(clCreateProgramWithBinary(h, 0, null(), null(), null_mut(), null_mut(), c))
        }),
        "clCreateProgramWithBuiltInKernels": |h| code(|c| {
            cl!(clCreateProgramWithBuiltInKernels(h, 1, &device, c"k".as_ptr(), c))
        }),
        "clCreateProgramWithIL": |h| code(|c| cl!(clCreateProgramWithIL(h, null(), 0, c))),
        "clLinkProgram": |h| {
            code(|c| cl!(clLinkProgram(h, 0, null(), null(), 0, null(), None, null_mut(), c)))
        },
        "clCreateImage": |h| {
            code(|c| cl!(clCreateImage(h, 0, null(), null(), null_mut(), c)))
        },
        "clCreateImageWithProperties": |h| {
            code(|c| cl!(clCreateImageWithProperties(h, null(), 0, null(), null(), null_mut(), c)))
        },
        "clCreateImage2D": |h| {
            code(|c| cl!(clCreateImage2D(h, 0, null(), 1, 1, 0, null_mut(), c)))
        },
        "clCreateImage3D": |h| {
            code(|c| cl!(clCreateImage3D(h, 0, null(), 1, 1, 1, 0, 0, null_mut(), c)))
        },
        "clGetSupportedImageFormats": |h| cl!(clGetSupportedImageFormats(
            h, 0, CL_MEM_OBJECT_IMAGE2D, 0, null_mut(), null_mut()
        )),
        "clCreateSampler": |h| code(|c| cl!(clCreateSampler(h, 0, 0, 0, c))),
        "clCreateSamplerWithProperties": |h| {
            code(|c| cl!(clCreateSamplerWithProperties(h, null(), c)))
        },
        "clCreatePipe": |h| code(|c| cl!(clCreatePipe(h, 0, 4, 4, null(), c))),
        "clCreateFromGLBuffer": |h| code(|c| cl!(clCreateFromGLBuffer(h, 0, 0, c))),
        "clCreateEventFromGLsyncKHR": |h| {
            code(|c| cl!(clCreateEventFromGLsyncKHR(h, null_mut(), c)))
        },
    };
    refuse(&objects, "context", CL_INVALID_CONTEXT, rows);
    for (_, handle) in objects.wrong("context") {
        assert!(cl!(clSVMAlloc(handle, CL_MEM_READ_WRITE, 64, 0)).is_null());
        cl!(clSVMFree(handle, null_mut()));
    }
}

#[test]
fn command_queues() {
    let objects = Objects::new();
    let &Objects {
        buffer,
        kernel,
        event,
        ..
    } = &objects;
    let three: *const usize = [1_usize; 3].as_ptr();
    let one = &1_usize;
    let rows = rows! {
        "clRetainCommandQueue": |h| cl!(clRetainCommandQueue(h)),
        "clReleaseCommandQueue": |h| cl!(clReleaseCommandQueue(h)),
        "clGetCommandQueueInfo": |h| {
            cl!(clGetCommandQueueInfo(h, CL_QUEUE_CONTEXT, 0, null_mut(), null_mut()))
        },
        "clSetCommandQueueProperty": |h| cl!(clSetCommandQueueProperty(h, 0, 0, null_mut())),
        "clFlush": |h| cl!(clFlush(h)),
        "clFinish": |h| cl!(clFinish(h)),
        "clEnqueueReadBuffer": |h| {
            cl!(clEnqueueReadBuffer(h, buffer, 1, 0, 8, null_mut(), 0, null(), N))
        },
        "clEnqueueWriteBuffer": |h| {
            cl!(clEnqueueWriteBuffer(h, buffer, 1, 0, 8, null(), 0, null(), N))
        },
        "clEnqueueReadBufferRect": |h| cl!(clEnqueueReadBufferRect(
            h, buffer, 1, three, three, three, 0, 0, 0, 0, null_mut(), 0, null(), N
        )),
        "clEnqueueWriteBufferRect": |h| cl!(clEnqueueWriteBufferRect(
            h, buffer, 1, three, three, three, 0, 0, 0, 0, null(), 0, null(), N
        )),
        "clEnqueueCopyBuffer": |h| {
            cl!(clEnqueueCopyBuffer(h, buffer, buffer, 0, 32, 8, 0, null(), N))
        },
        "clEnqueueCopyBufferRect": |h| cl!(clEnqueueCopyBufferRect(
            h, buffer, buffer, three, three, three, 0, 0, 0, 0, 0, null(), N
        )),
        "clEnqueueFillBuffer": |h| {
            cl!(clEnqueueFillBuffer(h, buffer, c"x".as_ptr().cast(), 1, 0, 8, 0, null(), N))
        },
        "clEnqueueMapBuffer": |h| code(|c| {
            cl!(clEnqueueMapBuffer(h, buffer, 1, CL_MAP_READ, 0, 8, 0, null(), N, c))
        }),
        "clEnqueueUnmapMemObject": |h| {
            cl!(clEnqueueUnmapMemObject(h, buffer, null_mut(), 0, null(), N))
        },
        "clEnqueueMigrateMemObjects": |h| {
            cl!(clEnqueueMigrateMemObjects(h, 1, &buffer, 0, 0, null(), N))
        },
        "clEnqueueSVMFree": |h| {
            cl!(clEnqueueSVMFree(h, 0, null_mut(), None, null_mut(), 0, null(), N))
        },
        "clEnqueueSVMMemcpy": |h| {
            cl!(clEnqueueSVMMemcpy(h, 1, null_mut(), null(), 8, 0, null(), N))
        },
        "clEnqueueSVMMemFill": |h| {
            cl!(clEnqueueSVMMemFill(h, null_mut(), c"x".as_ptr().cast(), 1, 8, 0, null(), N))
        },
        "clEnqueueSVMMap": |h| {
            cl!(clEnqueueSVMMap(h, 1, CL_MAP_READ, null_mut(), 8, 0, null(), N))
        },
        "clEnqueueSVMUnmap": |h| cl!(clEnqueueSVMUnmap(h, null_mut(), 0, null(), N)),
        "clEnqueueSVMMigrateMem": |h| {
            cl!(clEnqueueSVMMigrateMem(h, 1, &mut null(), null(), 0, 0, null(), N))
        },
        "clEnqueueNDRangeKernel": |h| {
            cl!(clEnqueueNDRangeKernel(h, kernel, 1, null(), one, null(), 0, null(), N))
        },
        "clEnqueueTask": |h| cl!(clEnqueueTask(h, kernel, 0, null(), N)),
        "clEnqueueNativeKernel": |h| cl!(clEnqueueNativeKernel(
            h, None, null_mut(), 0, 0, null(), null_mut(), 0, null(), N
        )),
        "clGetKernelSuggestedLocalWorkSize": |h| cl!(clGetKernelSuggestedLocalWorkSize(
            h, kernel, 1, null(), one, &mut 0
        )),
        "clEnqueueMarkerWithWaitList": |h| cl!(clEnqueueMarkerWithWaitList(h, 0, null(), N)),
        "clEnqueueBarrierWithWaitList": |h| cl!(clEnqueueBarrierWithWaitList(h, 0, null(), N)),
        "clEnqueueMarker": |h| cl!(clEnqueueMarker(h, N)),
        "clEnqueueBarrier": |h| cl!(clEnqueueBarrier(h)),
        "clEnqueueWaitForEvents": |h| cl!(clEnqueueWaitForEvents(h, 1, &event)),
        "clEnqueueReadImage": |h| cl!(clEnqueueReadImage(
            h, buffer, 1, three, three, 0, 0, null_mut(), 0, null(), N
        )),
        "clEnqueueMapImage": |h| code(|c| cl!(clEnqueueMapImage(
            h, buffer, 1, 0, three, three, null_mut(), null_mut(), 0, null(), N, c
        ))),
        "clEnqueueAcquireGLObjects": |h| cl!(clEnqueueAcquireGLObjects(h, 0, null(), 0, null(), N)),
    };
    refuse(&objects, "queue", CL_INVALID_COMMAND_QUEUE, rows);
}

#[test]
fn memory_objects() {
    let objects = Objects::new();
    let &Objects { queue, buffer, .. } = &objects;
    let three: *const usize = [1_usize; 3].as_ptr();
    let rows = rows! {
        "clRetainMemObject": |h| cl!(clRetainMemObject(h)),
        "clReleaseMemObject": |h| cl!(clReleaseMemObject(h)),
        "clGetMemObjectInfo": |h| {
            cl!(clGetMemObjectInfo(h, CL_MEM_SIZE, 0, null_mut(), null_mut()))
        },
        "clSetMemObjectDestructorCallback": |h| {
            cl!(clSetMemObjectDestructorCallback(h, None, null_mut()))
        },
        "clCreateSubBuffer": |h| code(|c| {
            cl!(clCreateSubBuffer(h, 0, CL_BUFFER_CREATE_TYPE_REGION, null(), c))
        }),
        "clEnqueueReadBuffer": |h| {
            cl!(clEnqueueReadBuffer(queue, h, 1, 0, 8, null_mut(), 0, null(), N))
        },
        "clEnqueueWriteBuffer": |h| {
            cl!(clEnqueueWriteBuffer(queue, h, 1, 0, 8, null(), 0, null(), N))
        },
        "clEnqueueReadBufferRect": |h| cl!(clEnqueueReadBufferRect(
            queue, h, 1, three, three, three, 0, 0, 0, 0, null_mut(), 0, null(), N
        )),
        "clEnqueueWriteBufferRect": |h| cl!(clEnqueueWriteBufferRect(
            queue, h, 1, three, three, three, 0, 0, 0, 0, null(), 0, null(), N
        )),
        "clEnqueueCopyBuffer from": |h| {
            cl!(clEnqueueCopyBuffer(queue, h, buffer, 0, 32, 8, 0, null(), N))
        },
        "clEnqueueCopyBuffer to": |h| {
            cl!(clEnqueueCopyBuffer(queue, buffer, h, 0, 32, 8, 0, null(), N))
        },
        "clEnqueueCopyBufferRect from": |h| cl!(clEnqueueCopyBufferRect(
            queue, h, buffer, three, three, three, 0, 0, 0, 0, 0, null(), N
        )),
        "clEnqueueCopyBufferRect to": |h| cl!(clEnqueueCopyBufferRect(
            queue, buffer, h, three, three, three, 0, 0, 0, 0, 0, null(), N
        )),
        "clEnqueueFillBuffer": |h| {
            cl!(clEnqueueFillBuffer(queue, h, c"x".as_ptr().cast(), 1, 0, 8, 0, null(), N))
        },
        "clEnqueueMapBuffer": |h| code(|c| {
            cl!(clEnqueueMapBuffer(queue, h, 1, CL_MAP_READ, 0, 8, 0, null(), N, c))
        }),
        "clEnqueueUnmapMemObject": |h| {
            cl!(clEnqueueUnmapMemObject(queue, h, null_mut(), 0, null(), N))
        },
        "clEnqueueMigrateMemObjects": |h| {
            cl!(clEnqueueMigrateMemObjects(queue, 2, [buffer, h].as_ptr(), 0, 0, null(), N))
        },
        "clGetImageInfo": |h| cl!(clGetImageInfo(h, CL_IMAGE_WIDTH, 0, null_mut(), null_mut())),
        "clGetPipeInfo": |h| {
            cl!(clGetPipeInfo(h, CL_PIPE_PACKET_SIZE, 0, null_mut(), null_mut()))
        },
        "clGetGLObjectInfo": |h| cl!(clGetGLObjectInfo(h, null_mut(), null_mut())),
        "clEnqueueFillImage": |h| {
            cl!(clEnqueueFillImage(queue, h, null(), three, three, 0, null(), N))
        },
        "clEnqueueCopyImage": |h| {
            cl!(clEnqueueCopyImage(queue, h, buffer, three, three, three, 0, null(), N))
        },
    };
    refuse(&objects, "buffer", CL_INVALID_MEM_OBJECT, rows);
}

#[test]
fn programs() {
    let objects = Objects::new();
    let &Objects {
        device,
        context,
        program,
        ..
    } = &objects;
    let rows = rows! {
        "clRetainProgram": |h| cl!(clRetainProgram(h)),
        "clReleaseProgram": |h| cl!(clReleaseProgram(h)),
        "clBuildProgram": |h| cl!(clBuildProgram(h, 0, null(), null(), None, null_mut())),
        "clCompileProgram": |h| cl!(clCompileProgram(
            h, 0, null(), null(), 0, null(), null_mut(), None, null_mut()
        )),
        "clCompileProgram header": |h| cl!(clCompileProgram(
            program, 0, null(), null(), 1, &h, &mut c"h".as_ptr(), None, null_mut()
        )),
        "clLinkProgram": |h| code(|c| {
            let inputs = [program, h];
            let inputs = inputs.as_ptr();
            cl!(clLinkProgram(context, 0, null(), null(), 2, inputs, None, null_mut(), c))
        }),
        "clGetProgramInfo": |h| {
            cl!(clGetProgramInfo(h, CL_PROGRAM_SOURCE, 0, null_mut(), null_mut()))
        },
        "clGetProgramBuildInfo": |h| {
            cl!(clGetProgramBuildInfo(h, device, CL_PROGRAM_BUILD_LOG, 0, null_mut(), null_mut()))
        },
        "clCreateKernel": |h| code(|c| cl!(clCreateKernel(h, c"k".as_ptr(), c))),
        "clCreateKernelsInProgram": |h| {
            cl!(clCreateKernelsInProgram(h, 0, null_mut(), null_mut()))
        },
        "clSetProgramReleaseCallback": |h| cl!(clSetProgramReleaseCallback(h, None, null_mut())),
        "clSetProgramSpecializationConstant": |h| {
            cl!(clSetProgramSpecializationConstant(h, 0, 0, null()))
        },
    };
    refuse(&objects, "program", CL_INVALID_PROGRAM, rows);
}

#[test]
fn kernels() {
    let objects = Objects::new();
    let &Objects { device, queue, .. } = &objects;
    let one = &1_usize;
    let rows = rows! {
        "clRetainKernel": |h| cl!(clRetainKernel(h)),
        "clReleaseKernel": |h| cl!(clReleaseKernel(h)),
        "clCloneKernel": |h| code(|c| cl!(clCloneKernel(h, c))),
        "clSetKernelArg": |h| cl!(clSetKernelArg(h, 0, 4, c"abc".as_ptr().cast())),
        "clSetKernelArgSVMPointer": |h| cl!(clSetKernelArgSVMPointer(h, 0, null())),
        "clSetKernelExecInfo": |h| {
            cl!(clSetKernelExecInfo(h, CL_KERNEL_EXEC_INFO_SVM_PTRS, 0, null()))
        },
        "clGetKernelInfo": |h| {
            cl!(clGetKernelInfo(h, CL_KERNEL_NUM_ARGS, 0, null_mut(), null_mut()))
        },
        "clGetKernelArgInfo": |h| {
            cl!(clGetKernelArgInfo(h, 0, CL_KERNEL_ARG_NAME, 0, null_mut(), null_mut()))
        },
        "clGetKernelWorkGroupInfo": |h| cl!(clGetKernelWorkGroupInfo(
            h, device, CL_KERNEL_WORK_GROUP_SIZE, 0, null_mut(), null_mut()
        )),
        "clGetKernelSubGroupInfo": |h| cl!(clGetKernelSubGroupInfo(
            h, device, 0, 0, null(), 0, null_mut(), null_mut()
        )),
        "clGetKernelSubGroupInfoKHR": |h| cl!(clGetKernelSubGroupInfoKHR(
            h, device, 0, 0, null(), 0, null_mut(), null_mut()
        )),
        "clEnqueueNDRangeKernel": |h| {
            cl!(clEnqueueNDRangeKernel(queue, h, 1, null(), one, null(), 0, null(), N))
        },
        "clEnqueueTask": |h| cl!(clEnqueueTask(queue, h, 0, null(), N)),
        "clGetKernelSuggestedLocalWorkSize": |h| cl!(clGetKernelSuggestedLocalWorkSize(
            queue, h, 1, null(), one, &mut 0
        )),
    };
    refuse(&objects, "kernel", CL_INVALID_KERNEL, rows);
}

#[test]
fn events() {
    let objects = Objects::new();
    let &Objects { queue, event, .. } = &objects;
    let rows = rows! {
        "clRetainEvent": |h| cl!(clRetainEvent(h)),
        "clReleaseEvent": |h| cl!(clReleaseEvent(h)),
        "clGetEventInfo": |h| {
            cl!(clGetEventInfo(h, CL_EVENT_COMMAND_TYPE, 0, null_mut(), null_mut()))
        },
        "clGetEventProfilingInfo": |h| {
            cl!(clGetEventProfilingInfo(h, CL_PROFILING_COMMAND_END, 0, null_mut(), null_mut()))
        },
        "clSetUserEventStatus": |h| cl!(clSetUserEventStatus(h, 0)),
        "clSetEventCallback": |h| cl!(clSetEventCallback(h, 0, None, null_mut())),
        "clWaitForEvents": |h| cl!(clWaitForEvents(2, [event, h].as_ptr())),
        "clEnqueueWaitForEvents": |h| {
            cl!(clEnqueueWaitForEvents(queue, 2, [event, h].as_ptr()))
        },
    };
    refuse(&objects, "event", CL_INVALID_EVENT, rows);
}

#[test]
fn wait_lists() {
    let objects = Objects::new();
    let &Objects {
        queue,
        buffer,
        event,
        ..
    } = &objects;
    let rows = rows! {
        "clEnqueueMarkerWithWaitList": |h| {
            cl!(clEnqueueMarkerWithWaitList(queue, 2, [event, h].as_ptr(), N))
        },
        "clEnqueueBarrierWithWaitList": |h| {
            cl!(clEnqueueBarrierWithWaitList(queue, 2, [event, h].as_ptr(), N))
        },
        "clEnqueueFillBuffer": |h| {
            cl!(clEnqueueFillBuffer(queue, buffer, c"x".as_ptr().cast(), 1, 0, 8, 1, &h, N))
        },
        "clEnqueueSVMUnmap": |h| cl!(clEnqueueSVMUnmap(queue, null_mut(), 1, &h, N)),
        "clEnqueueMapBuffer": |h| code(|c| {
            cl!(clEnqueueMapBuffer(queue, buffer, 0, CL_MAP_READ, 0, 8, 1, &h, N, c))
        }),
    };
    refuse(&objects, "event", CL_INVALID_EVENT_WAIT_LIST, rows);
    for (count, list) in [(1, null()), (0, &raw const event)] {
        let code = cl!(clEnqueueMarkerWithWaitList(queue, count, list, N));
        assert_eq!(code, CL_INVALID_EVENT_WAIT_LIST);
    }
}

#[test]
fn samplers() {
    let objects = Objects::new();
    for (name, handle) in objects.wrong("sampler") {
        let codes = [
            cl!(clRetainSampler(handle)),
            cl!(clReleaseSampler(handle)),
            cl!(clGetSamplerInfo(
                handle,
                CL_SAMPLER_CONTEXT,
                0,
                null_mut(),
                null_mut()
            )),
        ];
        assert_eq!(codes, [CL_INVALID_SAMPLER; 3], "{name}");
    }
}
