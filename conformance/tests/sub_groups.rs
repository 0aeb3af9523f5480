//! Sub-groups: what the device and `clGetKernelSubGroupInfo` (§5.9.4) say of them is what kernels
//! see, and queries that make no sense have their errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::null_mut;

use isocl_conformance::session::Session;
use opencl_sys::*;

const SOURCE: &str = "
kernel void shape(global uint *out) {
    if (get_global_linear_id() == 0) {
        out[0] = get_max_sub_group_size();
        out[1] = get_num_sub_groups();
    }
}
kernel __attribute__((reqd_work_group_size(6, 1, 1))) void six(global uint *out) {
    out[get_global_id(0)] = get_num_sub_groups();
}";

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

fn kernel(session: &Session, name: &str) -> cl_kernel {
    session
        .kernel(SOURCE, "-cl-std=CL3.0", name)
        .unwrap_or_else(|(error, log)| panic!("{error:?}\n{log}"))
}

/// A query with room for `N` numbers.
fn ask<const N: usize>(
    session: &Session,
    kernel: cl_kernel,
    name: cl_uint,
    input: &[usize],
) -> Result<[usize; N], cl_int> {
    let mut answer = [usize::MAX; N];
    let mut size = 0;
    let code = session.api.clGetKernelSubGroupInfo(
        kernel,
        session.device,
        name,
        size_of_val(input),
        input.as_ptr().cast(),
        size_of_val(&answer),
        answer.as_mut_ptr().cast(),
        &mut size,
    );
    if code != CL_SUCCESS {
        return Err(code);
    }
    assert_eq!(size, size_of_val(&answer));
    Ok(answer)
}

#[test]
fn kernels_see_the_sub_groups_that_queries_tell() {
    let session = session();
    let most: cl_uint = session.device_info(CL_DEVICE_MAX_NUM_SUB_GROUPS).unwrap();
    assert!(most >= 1);
    let extensions = session.device_string(CL_DEVICE_EXTENSIONS).unwrap();
    let independent: cl_bool = session
        .device_info(CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS)
        .unwrap();
    let promised = extensions.split(' ').any(|name| name == "cl_khr_subgroups");
    assert!(!promised || independent == CL_TRUE);
    let shape = kernel(&session, "shape");
    for local in [&[7usize][..], &[100], &[64, 2], &[3, 4], &[2, 3, 5]] {
        let [size] = ask(
            &session,
            shape,
            CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE,
            local,
        )
        .unwrap();
        let [count] = ask(
            &session,
            shape,
            CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE,
            local,
        )
        .unwrap();
        let mut seen = [0 as cl_uint; 2];
        let mut code = 0;
        let buffer = session.api.clCreateBuffer(
            session.context,
            CL_MEM_READ_WRITE,
            size_of_val(&seen),
            null_mut(),
            &mut code,
        );
        assert_eq!(code, CL_SUCCESS);
        assert_eq!(session.set_arg(shape, 0, &buffer), CL_SUCCESS);
        let global: Vec<usize> = local.iter().map(|size| size * 2).collect();
        assert_eq!(session.launch(shape, &global, Some(local)), CL_SUCCESS);
        let code = session.api.clEnqueueReadBuffer(
            session.queue,
            buffer,
            CL_TRUE,
            0,
            size_of_val(&seen),
            seen.as_mut_ptr().cast(),
            0,
            std::ptr::null(),
            null_mut(),
        );
        assert_eq!(code, CL_SUCCESS);
        assert_eq!(
            seen.map(|number| number as usize),
            [size, count],
            "{local:?}"
        );
        assert!(count * size >= local.iter().product() && count <= most as usize);
        assert_eq!(session.api.clReleaseMemObject(buffer), CL_SUCCESS);
    }
}

#[test]
fn local_sizes_for_counts_have_that_many_sub_groups() {
    let session = session();
    let shape = kernel(&session, "shape");
    let for_count = CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT;
    let [most] = ask(&session, shape, CL_KERNEL_MAX_NUM_SUB_GROUPS, &[]).unwrap();
    let largest = CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE;
    for count in [1, 3, most] {
        let local: [usize; 3] = ask(&session, shape, for_count, &[count]).unwrap();
        assert_eq!(local[1..], [1, 1]);
        let [size] = ask(&session, shape, largest, &local).unwrap();
        assert_eq!(local[0], count * size, "all of them are full");
        let counted = ask(
            &session,
            shape,
            CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE,
            &local,
        );
        assert_eq!(counted, Ok([count]));
        assert_eq!(ask(&session, shape, for_count, &[count]), Ok([local[0]]));
    }
    assert_eq!(ask(&session, shape, for_count, &[most + 1]), Ok([0, 0]));
    assert_eq!(
        ask(&session, shape, CL_KERNEL_COMPILE_NUM_SUB_GROUPS, &[]),
        Ok([0])
    );
    let six = kernel(&session, "six");
    let [most] = ask(&session, six, CL_KERNEL_MAX_NUM_SUB_GROUPS, &[]).unwrap();
    assert_eq!(ask(&session, six, for_count, &[most]), Ok([6, 1, 1]));
    assert_eq!(ask(&session, six, for_count, &[most + 1]), Ok([0, 0, 0]));
    assert_eq!(ask(&session, six, for_count, &[0]), Ok([0, 0, 0]));
}

#[test]
fn queries_without_sense_are_refused() {
    let session = session();
    let shape = kernel(&session, "shape");
    for name in [
        CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE,
        CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE,
        CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT,
    ] {
        assert_eq!(ask::<1>(&session, shape, name, &[]), Err(CL_INVALID_VALUE));
        assert_eq!(
            ask::<1>(&session, shape, name, &[1; 4]),
            Err(CL_INVALID_VALUE)
        );
        assert_eq!(
            ask::<1>(&session, null_mut(), name, &[1]),
            Err(CL_INVALID_KERNEL)
        );
        let call = |device, input: *const usize, size| {
            let mut answer = 0usize;
            let answer: *mut c_void = std::ptr::from_mut(&mut answer).cast();
            let words = size_of::<usize>();
            session.api.clGetKernelSubGroupInfo(
                shape,
                device,
                name,
                words,
                input.cast(),
                size,
                answer,
                null_mut(),
            )
        };
        assert_eq!(call(session.device, std::ptr::null(), 8), CL_INVALID_VALUE);
        assert_eq!(call(session.device, &1, 7), CL_INVALID_VALUE);
        assert_eq!(call(session.device, &1, 8), CL_SUCCESS);
        assert_eq!(call(null_mut(), &1, 8), CL_SUCCESS, "the only device");
        assert_eq!(call(session.context.cast(), &1, 8), CL_INVALID_DEVICE);
    }
    assert_eq!(
        ask::<1>(&session, shape, CL_KERNEL_WORK_GROUP_SIZE, &[1]),
        Err(CL_INVALID_VALUE)
    );
}
