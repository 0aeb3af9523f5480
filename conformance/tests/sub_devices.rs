//! Sub-devices (§4.3): partitions by equal parts and by counts, their queries and references, and
//! work on them. The checks run in a process with four compute units, whatever the machine has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::process::Command;
use std::ptr::{null, null_mut};

use isocl_conformance::client::{read, Api};
use isocl_conformance::session::{first_device, Session};
use opencl_sys::*;

const EQUALLY: isize = 0x1086;
const BY_COUNTS: isize = 0x1087;
const BY_AFFINITY_DOMAIN: isize = 0x1088;

/// The values that a query of a device gives.
fn values<T: Copy + Default>(api: &Api, device: cl_device_id, name: cl_uint) -> Vec<T> {
    let mut size = 0;
    let code = api.clGetDeviceInfo(device, name, 0, null_mut(), &mut size);
    assert_eq!(code, CL_SUCCESS, "{name:#x}");
    let mut values = vec![T::default(); size / size_of::<T>()];
    let place = values.as_mut_ptr().cast();
    let code = api.clGetDeviceInfo(device, name, size, place, null_mut());
    assert_eq!(code, CL_SUCCESS, "{name:#x}");
    values
}

fn handle(api: &Api, device: cl_device_id, name: cl_uint) -> usize {
    values::<usize>(api, device, name)[0]
}

fn number(api: &Api, device: cl_device_id, name: cl_uint) -> cl_uint {
    values::<cl_uint>(api, device, name)[0]
}

/// The sub-devices, or the code.
fn split(
    api: &Api,
    device: cl_device_id,
    properties: &[isize],
    room: usize,
) -> Result<Vec<cl_device_id>, cl_int> {
    let mut devices = vec![null_mut(); room];
    let mut count = 0;
    let code = api.clCreateSubDevices(
        device,
        properties.as_ptr(),
        room as cl_uint,
        if room == 0 {
            null_mut()
        } else {
            devices.as_mut_ptr()
        },
        &mut count,
    );
    if code != CL_SUCCESS {
        return Err(code);
    }
    devices.truncate(count as usize);
    Ok(devices)
}

fn in_child(check: &str) -> bool {
    if std::env::var("ISOCL_CHILD").as_deref() == Ok("sub_devices") {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([check, "--exact", "--nocapture"])
        .env("ISOCL_CHILD", "sub_devices")
        .env("ISOCL_COMPUTE_UNITS", "4")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    false
}

#[test]
fn partitions_have_the_units_asked_for() {
    if !in_child("partitions_have_the_units_asked_for") {
        return;
    }
    let api = Api::get().unwrap();
    let (_, root) = first_device(api).unwrap();
    assert_eq!(number(api, root, CL_DEVICE_MAX_COMPUTE_UNITS), 4);
    assert_eq!(number(api, root, CL_DEVICE_PARTITION_MAX_SUB_DEVICES), 4);
    let kinds: Vec<isize> = values(api, root, CL_DEVICE_PARTITION_PROPERTIES);
    // What the machine's processors share is not for this test to know.
    assert_eq!(kinds[..2], [EQUALLY, BY_COUNTS]);
    assert!(values::<isize>(api, root, CL_DEVICE_PARTITION_TYPE).is_empty());
    assert_eq!(handle(api, root, CL_DEVICE_PARENT_DEVICE), 0);
    for (properties, units) in [
        (&[EQUALLY, 2, 0][..], &[2, 2][..]),
        (&[EQUALLY, 3, 0], &[3]),
        (&[EQUALLY, 1, 0], &[1, 1, 1, 1]),
        (&[BY_COUNTS, 1, 3, 0, 0], &[1, 3]),
        (&[BY_COUNTS, 2, 0, 0], &[2]),
    ] {
        let devices = split(api, root, properties, 4).unwrap();
        assert_eq!(devices.len(), units.len());
        for (device, units) in devices.iter().zip(units) {
            assert_eq!(number(api, *device, CL_DEVICE_MAX_COMPUTE_UNITS), *units);
            assert_eq!(handle(api, *device, CL_DEVICE_PARENT_DEVICE), root as usize);
            let given: Vec<isize> = values(api, *device, CL_DEVICE_PARTITION_TYPE);
            assert_eq!(given, properties);
            assert_eq!(number(api, *device, CL_DEVICE_REFERENCE_COUNT), 1);
            assert_eq!(api.clReleaseDevice(*device), CL_SUCCESS);
            assert_eq!(api.clReleaseDevice(*device), CL_INVALID_DEVICE);
        }
    }
}

#[test]
fn what_cannot_be_divided_has_its_code() {
    if !in_child("what_cannot_be_divided_has_its_code") {
        return;
    }
    let api = Api::get().unwrap();
    let (_, root) = first_device(api).unwrap();
    for (properties, code) in [
        (&[0][..], CL_INVALID_VALUE),
        (&[0x1234, 1, 0], CL_INVALID_VALUE),
        (&[EQUALLY, 0], CL_INVALID_VALUE),
        (&[EQUALLY, -1, 0], CL_INVALID_VALUE),
        (&[EQUALLY, 4, 0], CL_DEVICE_PARTITION_FAILED),
        (&[EQUALLY, 5, 0], CL_INVALID_DEVICE_PARTITION_COUNT),
        (&[BY_COUNTS, 0, 0], CL_INVALID_VALUE),
        (&[BY_COUNTS, 3, 2, 0, 0], CL_INVALID_DEVICE_PARTITION_COUNT),
        (&[BY_COUNTS, -1, 0, 0], CL_INVALID_DEVICE_PARTITION_COUNT),
        (
            &[BY_COUNTS, 1, 1, 1, 1, 1, 0, 0],
            CL_INVALID_DEVICE_PARTITION_COUNT,
        ),
        (&[BY_AFFINITY_DOMAIN, 0], CL_INVALID_VALUE),
    ] {
        assert_eq!(split(api, root, properties, 8), Err(code), "{properties:?}");
    }
    let equally = [EQUALLY, 1, 0];
    assert_eq!(split(api, root, &equally, 3), Err(CL_INVALID_VALUE));
    let none = api.clCreateSubDevices(root, null(), 0, null_mut(), null_mut());
    assert_eq!(none, CL_INVALID_VALUE);
    // How many there would be.
    let mut count = 0;
    let code = api.clCreateSubDevices(root, equally.as_ptr(), 0, null_mut(), &mut count);
    assert_eq!((code, count), (CL_SUCCESS, 4));
    assert_eq!(split(api, null_mut(), &equally, 4), Err(CL_INVALID_DEVICE));
}

#[test]
fn references_keep_devices_and_their_parents() {
    if !in_child("references_keep_devices_and_their_parents") {
        return;
    }
    let api = Api::get().unwrap();
    let (_, root) = first_device(api).unwrap();
    let halves = split(api, root, &[EQUALLY, 2, 0], 2).unwrap();
    let ones = split(api, halves[0], &[EQUALLY, 1, 0], 2).unwrap();
    assert_eq!(api.clRetainDevice(ones[0]), CL_SUCCESS);
    assert_eq!(number(api, ones[0], CL_DEVICE_REFERENCE_COUNT), 2);
    assert_eq!(api.clReleaseDevice(ones[0]), CL_SUCCESS);
    // The parent is let go by the application, not by its child.
    assert_eq!(api.clReleaseDevice(halves[0]), CL_SUCCESS);
    assert_eq!(
        handle(api, ones[0], CL_DEVICE_PARENT_DEVICE),
        halves[0] as usize
    );
    assert_eq!(number(api, halves[0], CL_DEVICE_MAX_COMPUTE_UNITS), 2);
    // A context keeps its devices.
    let mut code = 0;
    let context = api.clCreateContext(null(), 1, &ones[1], None, null_mut(), &mut code);
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(api.clReleaseDevice(ones[1]), CL_SUCCESS);
    let mut device: cl_device_id = null_mut();
    let place = (&raw mut device).cast::<c_void>();
    let size = size_of::<cl_device_id>();
    let code = api.clGetContextInfo(context, CL_CONTEXT_DEVICES, size, place, null_mut());
    assert_eq!((code, device), (CL_SUCCESS, ones[1]));
    assert_eq!(number(api, device, CL_DEVICE_MAX_COMPUTE_UNITS), 1);
    assert_eq!(api.clReleaseContext(context), CL_SUCCESS);
    for device in [ones[0], halves[1]] {
        assert_eq!(api.clReleaseDevice(device), CL_SUCCESS);
    }
    // Root-level devices are not counted.
    assert_eq!(api.clReleaseDevice(root), CL_SUCCESS);
    assert_eq!(api.clReleaseDevice(root), CL_SUCCESS);
    assert_eq!(number(api, root, CL_DEVICE_REFERENCE_COUNT), 1);
}

#[test]
fn kernels_run_on_every_part_and_share_memory() {
    if !in_child("kernels_run_on_every_part_and_share_memory") {
        return;
    }
    let api = Api::get().unwrap();
    let (platform, root) = first_device(api).unwrap();
    let parts = split(api, root, &[BY_COUNTS, 1, 3, 0, 0], 2).unwrap();
    let mut code = 0;
    let context = api.clCreateContext(null(), 2, parts.as_ptr(), None, null_mut(), &mut code);
    assert_eq!(code, CL_SUCCESS);
    let wrong = api.clCreateCommandQueueWithProperties(context, root, null(), &mut code);
    assert!(wrong.is_null() && code == CL_INVALID_DEVICE);
    let queues: Vec<_> = parts
        .iter()
        .map(|part| {
            let queue = api.clCreateCommandQueueWithProperties(context, *part, null(), &mut code);
            assert_eq!(code, CL_SUCCESS);
            queue
        })
        .collect();
    let count = 100_000;
    let fine = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
    let memory = api.clSVMAlloc(context, fine, 4 * count, 0);
    let source = "kernel void add(global int *out, int n) { out[get_global_id(0)] += n; }";
    let session = Session {
        api,
        platform,
        device: parts[0],
        context,
        queue: queues[0],
    };
    let program = session.program(source).unwrap();
    let code = api.clBuildProgram(program, 2, parts.as_ptr(), null(), None, null_mut());
    assert_eq!(code, CL_SUCCESS);
    let kernel = session.kernel_of(program, "add").unwrap();
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, memory), CL_SUCCESS);
    let zero = 0i32;
    let pattern = (&raw const zero).cast();
    let filled = api.clEnqueueSVMMemFill(
        queues[1],
        memory,
        pattern,
        4,
        4 * count,
        0,
        null(),
        null_mut(),
    );
    assert_eq!((filled, api.clFinish(queues[1])), (CL_SUCCESS, CL_SUCCESS));
    for (index, queue) in queues.iter().enumerate() {
        assert_eq!(session.set_arg(kernel, 1, &(10 << index)), CL_SUCCESS);
        let launched = api.clEnqueueNDRangeKernel(
            *queue,
            kernel,
            1,
            null(),
            &count,
            null(),
            0,
            null(),
            null_mut(),
        );
        assert_eq!((launched, api.clFinish(*queue)), (CL_SUCCESS, CL_SUCCESS));
    }
    assert!((0..count).all(|index| read::<i32>(memory, index) == 30));
    api.clSVMFree(context, memory);
    api.clReleaseKernel(kernel);
    api.clReleaseProgram(program);
    api.clReleaseCommandQueue(queues[1]);
    drop(session);
    for part in parts {
        assert_eq!(api.clReleaseDevice(part), CL_SUCCESS);
    }
}

/// A build query that answers one number.
fn build_info(
    session: &Session,
    program: cl_program,
    device: cl_device_id,
    name: cl_uint,
) -> cl_int {
    let mut value = 99;
    let place = (&raw mut value).cast();
    let code = session
        .api
        .clGetProgramBuildInfo(program, device, name, 4, place, null_mut());
    assert_eq!(code, CL_SUCCESS);
    value
}

#[test]
fn what_was_built_for_the_parent_serves_its_parts() {
    if !in_child("what_was_built_for_the_parent_serves_its_parts") {
        return;
    }
    let api = Api::get().unwrap();
    let (platform, root) = first_device(api).unwrap();
    let halves = split(api, root, &[EQUALLY, 2, 0], 2).unwrap();
    let ones = split(api, halves[0], &[EQUALLY, 1, 0], 2).unwrap();
    let devices = [halves[1], ones[0], root];
    let mut code = 0;
    let context = api.clCreateContext(null(), 3, devices.as_ptr(), None, null_mut(), &mut code);
    assert_eq!(code, CL_SUCCESS);
    let queue = api.clCreateCommandQueueWithProperties(context, ones[0], null(), &mut code);
    assert_eq!(code, CL_SUCCESS);
    let session = Session {
        api,
        platform,
        device: root,
        context,
        queue,
    };
    let source = "kernel void set(global int *out) { *out = VALUE; }";
    let program = session.program(source).unwrap();
    let build = |device, options: &std::ffi::CStr| {
        api.clBuildProgram(program, 1, &device, options.as_ptr(), None, null_mut())
    };
    let status = |device| build_info(&session, program, device, CL_PROGRAM_BUILD_STATUS);
    assert_eq!(status(ones[0]), CL_BUILD_NONE);
    assert_eq!(build(root, c"-D VALUE=5"), CL_SUCCESS);
    for device in devices {
        assert_eq!(status(device), CL_BUILD_SUCCESS);
        let kind = build_info(&session, program, device, CL_PROGRAM_BINARY_TYPE);
        assert_eq!(kind, CL_PROGRAM_BINARY_TYPE_EXECUTABLE as cl_int);
    }
    // What was built for the part itself goes first.
    assert_eq!(build(halves[1], c"-D VALUE=oops"), CL_BUILD_PROGRAM_FAILURE);
    assert_eq!(
        (status(halves[1]), status(ones[0])),
        (CL_BUILD_ERROR, CL_BUILD_SUCCESS)
    );
    let kernel = session.kernel_of(program, "set").unwrap();
    let memory = api.clSVMAlloc(context, CL_MEM_READ_WRITE, 64, 0);
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, memory), CL_SUCCESS);
    assert_eq!(session.launch(kernel, &[1], None), CL_SUCCESS);
    assert_eq!(api.clFinish(queue), CL_SUCCESS);
    let map = api.clEnqueueSVMMap(queue, 1, CL_MAP_READ, memory, 64, 0, null(), null_mut());
    assert_eq!((map, read::<i32>(memory, 0)), (CL_SUCCESS, 5));
    let unmap = api.clEnqueueSVMUnmap(queue, memory, 0, null(), null_mut());
    assert_eq!((unmap, api.clFinish(queue)), (CL_SUCCESS, CL_SUCCESS));
    // A part that was built for, and failed, has no kernel; its sibling has.
    let failed = api.clCreateCommandQueueWithProperties(context, halves[1], null(), &mut code);
    let one = 1;
    let launched = api.clEnqueueNDRangeKernel(
        failed,
        kernel,
        1,
        null(),
        &one,
        null(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!(launched, CL_INVALID_PROGRAM_EXECUTABLE);
    api.clSVMFree(context, memory);
    api.clReleaseCommandQueue(failed);
    api.clReleaseKernel(kernel);
    api.clReleaseProgram(program);
    drop(session);
    for device in [ones[0], ones[1], halves[0], halves[1]] {
        assert_eq!(api.clReleaseDevice(device), CL_SUCCESS);
    }
}

#[test]
fn a_part_is_no_device_of_a_context_of_the_whole() {
    if !in_child("a_part_is_no_device_of_a_context_of_the_whole") {
        return;
    }
    let session = Session::open().unwrap();
    let &Session { api, context, .. } = &session;
    let part = split(api, session.device, &[BY_COUNTS, 1, 0, 0], 1).unwrap()[0];
    let (mut queue, mut old_queue, mut built_in) = (0, 0, 0);
    api.clCreateCommandQueueWithProperties(context, part, null(), &mut queue);
    api.clCreateCommandQueue(context, part, 0, &mut old_queue);
    let names = c"k".as_ptr();
    api.clCreateProgramWithBuiltInKernels(context, 1, &part, names, &mut built_in);
    let default = api.clSetDefaultDeviceCommandQueue(context, part, null_mut());
    let program = session.program("kernel void k() {}").unwrap();
    let build = api.clBuildProgram(program, 1, &part, null(), None, null_mut());
    let codes = [queue, old_queue, built_in, default, build];
    assert_eq!(codes, [CL_INVALID_DEVICE; 5]);
    api.clReleaseProgram(program);
    assert_eq!(api.clReleaseDevice(part), CL_SUCCESS);
}
