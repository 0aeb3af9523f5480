//! Sub-devices that are affinity domains (§4.3): those that the machine really has, and that what
//! is enqueued to one runs on its processors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::process::Command;
use std::ptr::{null, null_mut};

use isocl_conformance::client::{read, write, Api};
use isocl_conformance::process::processors_of_this_thread;
use isocl_conformance::session::{first_device, Session};
use opencl_sys::*;

/// `CL_DEVICE_AFFINITY_DOMAIN_…` in the order in which the next partitionable one is looked for.
const DOMAINS: [u64; 5] = [1, 2, 4, 8, 16];
const NEXT_PARTITIONABLE: u64 = 32;

fn value<T: Copy + Default>(api: &Api, device: cl_device_id, name: cl_uint) -> T {
    let mut value = T::default();
    let place = (&raw mut value).cast();
    let code = api.clGetDeviceInfo(device, name, size_of::<T>(), place, null_mut());
    assert_eq!(code, CL_SUCCESS, "{name:#x}");
    value
}

fn kinds(api: &Api, device: cl_device_id) -> Vec<isize> {
    let mut kinds = [0_isize; 8];
    let mut size = 0;
    let place = kinds.as_mut_ptr().cast();
    let name = CL_DEVICE_PARTITION_PROPERTIES;
    let code = api.clGetDeviceInfo(device, name, size_of_val(&kinds), place, &mut size);
    assert_eq!(code, CL_SUCCESS);
    kinds[..size / size_of::<isize>()].to_vec()
}

/// The parts of a device by a domain, or the code.
fn split(api: &Api, device: cl_device_id, domain: u64) -> Result<Vec<cl_device_id>, cl_int> {
    let properties = [CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN, domain as isize, 0];
    let mut parts = [null_mut(); 1024];
    let mut count = 0;
    let (room, places) = (parts.len() as cl_uint, parts.as_mut_ptr());
    let code = api.clCreateSubDevices(device, properties.as_ptr(), room, places, &mut count);
    if code == CL_SUCCESS {
        Ok(parts[..count as usize].to_vec())
    } else {
        Err(code)
    }
}

/// Writes the processors of the device's thread to where its argument points, and their number.
extern "C" fn note_processors(arguments: *mut c_void) {
    let place: *mut c_void = read(arguments, 0);
    let processors = processors_of_this_thread();
    write(place, 0, processors.len());
    for (index, processor) in processors.iter().enumerate() {
        write(place, 1 + index, *processor);
    }
}

/// The processors that commands of a queue run on.
fn processors_of(api: &Api, queue: cl_command_queue) -> Vec<usize> {
    let mut noted = vec![0_usize; 1025];
    let mut place: *mut c_void = noted.as_mut_ptr().cast();
    let code = api.clEnqueueNativeKernel(
        queue,
        Some(note_processors),
        (&raw mut place).cast(),
        size_of::<*mut c_void>(),
        0,
        null(),
        null(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!((code, api.clFinish(queue)), (CL_SUCCESS, CL_SUCCESS));
    noted[1..=noted[0]].to_vec()
}

#[test]
fn domains_that_the_machine_has_divide_the_device_and_no_others() {
    let api = Api::get().unwrap();
    let (_, root) = first_device(api).unwrap();
    let units: cl_uint = value(api, root, CL_DEVICE_MAX_COMPUTE_UNITS);
    let domains: u64 = value(api, root, CL_DEVICE_PARTITION_AFFINITY_DOMAIN);
    let by_domain = kinds(api, root).contains(&CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN);
    assert_eq!(by_domain, domains != 0);
    let own = domains & !NEXT_PARTITIONABLE;
    assert_eq!(domains & NEXT_PARTITIONABLE != 0, own != 0);
    for domain in DOMAINS.into_iter().filter(|domain| own & domain == 0) {
        assert_eq!(split(api, root, domain), Err(CL_INVALID_VALUE), "{domain}");
    }
    for wrong in [0, 1 << 6, 3, u64::MAX] {
        assert_eq!(split(api, root, wrong), Err(CL_INVALID_VALUE), "{wrong}");
    }
    if own == 0 {
        assert_eq!(split(api, root, NEXT_PARTITIONABLE), Err(CL_INVALID_VALUE));
        return;
    }
    let first = own & own.wrapping_neg();
    for domain in DOMAINS.into_iter().filter(|domain| own & domain != 0) {
        let parts = split(api, root, domain).unwrap();
        assert!(parts.len() >= 2, "{domain}");
        let part_units =
            |part: &cl_device_id| -> cl_uint { value(api, *part, CL_DEVICE_MAX_COMPUTE_UNITS) };
        assert_eq!(parts.iter().map(part_units).sum::<cl_uint>(), units);
        for part in &parts {
            let kind: [isize; 3] = value(api, *part, CL_DEVICE_PARTITION_TYPE);
            let expected = [CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN, domain as isize, 0];
            assert_eq!(kind, expected);
            // What it shares divides it no further.
            let further: u64 = value(api, *part, CL_DEVICE_PARTITION_AFFINITY_DOMAIN);
            assert_eq!(further & domain, 0);
            assert_eq!(split(api, *part, domain), Err(CL_DEVICE_PARTITION_FAILED));
            assert_eq!(api.clReleaseDevice(*part), CL_SUCCESS);
        }
    }
    for part in split(api, root, NEXT_PARTITIONABLE).unwrap() {
        let kind: [isize; 3] = value(api, part, CL_DEVICE_PARTITION_TYPE);
        assert_eq!(kind[1] as u64, first, "the domain that was used");
        assert_eq!(api.clReleaseDevice(part), CL_SUCCESS);
    }
}

#[test]
fn commands_stay_on_the_processors_of_their_domain() {
    let api = Api::get().unwrap();
    let (platform, root) = first_device(api).unwrap();
    let domains: u64 = value(api, root, CL_DEVICE_PARTITION_AFFINITY_DOMAIN);
    let before = processors_of_this_thread();
    for domain in DOMAINS.into_iter().filter(|domain| domains & domain != 0) {
        let parts = split(api, root, domain).unwrap();
        let mut code = 0;
        let context = api.clCreateContext(
            null(),
            parts.len() as cl_uint,
            parts.as_ptr(),
            None,
            null_mut(),
            &mut code,
        );
        assert_eq!(code, CL_SUCCESS);
        let mut seen = Vec::new();
        for part in &parts {
            let queue = api.clCreateCommandQueueWithProperties(context, *part, null(), &mut code);
            assert_eq!(code, CL_SUCCESS);
            let processors = processors_of(api, queue);
            let units: cl_uint = value(api, *part, CL_DEVICE_MAX_COMPUTE_UNITS);
            assert_eq!(processors.len(), units as usize);
            seen.extend(processors);
            assert_eq!(api.clReleaseCommandQueue(queue), CL_SUCCESS);
        }
        // Each processor belongs to one part, and the application's thread was left alone.
        seen.sort_unstable();
        assert_eq!(seen, before);
        assert_eq!(processors_of_this_thread(), before);
        let queue = api.clCreateCommandQueueWithProperties(context, parts[0], null(), &mut code);
        check_kernel(&Session {
            api,
            platform,
            device: parts[0],
            context,
            queue,
        });
        for part in parts {
            assert_eq!(api.clReleaseDevice(part), CL_SUCCESS);
        }
    }
}

/// Runs a kernel over many work-groups and looks at its results.
fn check_kernel(session: &Session) {
    let api = session.api;
    let source = "kernel void f(global int *out) { out[get_global_id(0)] = get_global_id(0); }";
    let kernel = session.kernel(source, "", "f").unwrap();
    let count = 1 << 20;
    let fine = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
    let memory = api.clSVMAlloc(session.context, fine, 4 * count, 0);
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, memory), CL_SUCCESS);
    assert_eq!(session.launch(kernel, &[count], None), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    assert!((0..count).all(|index| read::<i32>(memory, index) == index as i32));
    api.clSVMFree(session.context, memory);
    assert_eq!(api.clReleaseKernel(kernel), CL_SUCCESS);
}

#[test]
fn compute_units_that_are_no_processors_have_no_domains() {
    let check = "domains_that_the_machine_has_divide_the_device_and_no_others";
    let units = processors_of_this_thread().len() + 1;
    if std::env::var_os("ISOCL_CHILD").is_some() {
        let api = Api::get().unwrap();
        let (_, root) = first_device(api).unwrap();
        let domains: u64 = value(api, root, CL_DEVICE_PARTITION_AFFINITY_DOMAIN);
        assert_eq!(domains, 0);
        return;
    }
    for check in [
        check,
        "compute_units_that_are_no_processors_have_no_domains",
    ] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([check, "--exact", "--nocapture"])
            .env("ISOCL_CHILD", "affinity_domains")
            .env("ISOCL_COMPUTE_UNITS", units.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
    }
}
