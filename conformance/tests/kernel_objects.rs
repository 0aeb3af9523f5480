//! Kernel objects: how they are found, what is known of them, copies of them, and what a launch is
//! checked for beforehand (§5.9, §5.10).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::CString;
use std::ptr::{null, null_mut};

use isocl_conformance::client::read;
use isocl_conformance::session::{string, Session};
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

fn attributes(session: &Session, kernel: cl_kernel) -> String {
    string(|size, value, size_ret| {
        let name = CL_KERNEL_ATTRIBUTES;
        session
            .api
            .clGetKernelInfo(kernel, name, size, value, size_ret)
    })
    .unwrap()
}

#[test]
fn argument_info_is_recorded_on_request() {
    let session = session();
    let source =
        "kernel void f(global const float *restrict input, local int *scratch, int count) {}";
    let f = session.kernel(source, "-cl-kernel-arg-info", "f").unwrap();
    let text = |index, name| {
        string(|size, value, size_ret| {
            session
                .api
                .clGetKernelArgInfo(f, index, name, size, value, size_ret)
        })
        .unwrap()
    };
    assert_eq!(text(0, CL_KERNEL_ARG_NAME), "input");
    assert_eq!(text(0, CL_KERNEL_ARG_TYPE_NAME), "float*");
    assert_eq!(text(2, CL_KERNEL_ARG_NAME), "count");
    let number = |index, name, size| {
        let mut value = 0u64;
        let code = session.api.clGetKernelArgInfo(
            f,
            index,
            name,
            size,
            std::ptr::from_mut(&mut value).cast(),
            null_mut(),
        );
        assert_eq!(code, CL_SUCCESS);
        value
    };
    assert_eq!(
        number(0, CL_KERNEL_ARG_ADDRESS_QUALIFIER, 4),
        u64::from(CL_KERNEL_ARG_ADDRESS_GLOBAL)
    );
    assert_eq!(
        number(1, CL_KERNEL_ARG_ADDRESS_QUALIFIER, 4),
        u64::from(CL_KERNEL_ARG_ADDRESS_LOCAL)
    );
    assert_eq!(
        number(0, CL_KERNEL_ARG_TYPE_QUALIFIER, 8),
        u64::from(CL_KERNEL_ARG_TYPE_CONST | CL_KERNEL_ARG_TYPE_RESTRICT)
    );
    assert_eq!(number(2, CL_KERNEL_ARG_TYPE_QUALIFIER, 8), 0);
}

#[test]
fn kernels_are_found_by_name_and_all_at_once() {
    let session = session();
    let api = session.api;
    let program = session
        .build(
            "kernel void a() {} kernel void b(int x) {} void helper() {}",
            "",
        )
        .unwrap();
    let mut count = 0;
    assert_eq!(
        api.clCreateKernelsInProgram(program, 0, null_mut(), &mut count),
        CL_SUCCESS
    );
    assert_eq!(count, 2);
    let mut kernels = [null_mut(); 2];
    assert_eq!(
        api.clCreateKernelsInProgram(program, 1, kernels.as_mut_ptr(), null_mut()),
        CL_INVALID_VALUE
    );
    assert_eq!(
        api.clCreateKernelsInProgram(program, 2, kernels.as_mut_ptr(), null_mut()),
        CL_SUCCESS
    );
    assert_eq!(
        session
            .kernel_of(program, "helper")
            .map_err(|error| error.code),
        Err(CL_INVALID_KERNEL_NAME)
    );
    let unbuilt = session.program("kernel void a() {}").unwrap();
    assert_eq!(
        session.kernel_of(unbuilt, "a").map_err(|error| error.code),
        Err(CL_INVALID_PROGRAM_EXECUTABLE)
    );
    let options = CString::new("").unwrap();
    let code = api.clBuildProgram(
        program,
        1,
        &session.device,
        options.as_ptr(),
        None,
        null_mut(),
    );
    assert_eq!(code, CL_INVALID_OPERATION, "kernels are attached");
}

#[test]
fn what_stood_in_the_source_is_not_known_of_binaries() {
    let session = session();
    let source = "kernel __attribute__((reqd_work_group_size(4, 1, 1))) void f(int x) {}";
    let program = session.build(source, "-cl-kernel-arg-info").unwrap();
    let f = session.kernel_of(program, "f").unwrap();
    assert_eq!(attributes(&session, f), "reqd_work_group_size(4,1,1)");
    let binary = session.binary(program).unwrap();
    let again = session.program_of(&binary).unwrap();
    let options = c"-cl-kernel-arg-info".as_ptr();
    let built = session
        .api
        .clBuildProgram(again, 0, null(), options, None, null_mut());
    assert_eq!(built, CL_SUCCESS);
    let f = session.kernel_of(again, "f").unwrap();
    assert_eq!(attributes(&session, f), "");
    let name = CL_KERNEL_ARG_NAME;
    let info = |index| {
        session
            .api
            .clGetKernelArgInfo(f, index, name, 0, null_mut(), null_mut())
    };
    assert_eq!(info(0), CL_KERNEL_ARG_INFO_NOT_AVAILABLE);
    assert_eq!(info(1), CL_INVALID_ARG_INDEX);
    // What matters for launching is known.
    let mut required = [0_usize; 3];
    let code = session.api.clGetKernelWorkGroupInfo(
        f,
        session.device,
        CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
        size_of_val(&required),
        required.as_mut_ptr().cast(),
        null_mut(),
    );
    assert_eq!((code, required), (CL_SUCCESS, [4, 1, 1]));
}

#[test]
fn a_clone_has_the_arguments_of_its_time_and_a_life_of_its_own() {
    let session = session();
    let api = session.api;
    let source = "kernel void f(global int *p, int x, local int *l) { l[0] = x; *p += l[0]; }";
    let program = session.build(source, "").unwrap();
    let original = session.kernel_of(program, "f").unwrap();
    let memory = api.clSVMAlloc(session.context, FINE, 64, 0);
    isocl_conformance::client::write(memory, 0, 0_i32);
    let mut code = 99;
    // A clone of a kernel without arguments has none either.
    let bare = api.clCloneKernel(original, &mut code);
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.launch(bare, &[1], None), CL_INVALID_KERNEL_ARGS);
    assert_eq!(
        api.clSetKernelArgSVMPointer(original, 0, memory),
        CL_SUCCESS
    );
    assert_eq!(session.set_arg(original, 1, &5), CL_SUCCESS);
    assert_eq!(api.clSetKernelArg(original, 2, 64, null()), CL_SUCCESS);
    let clone = api.clCloneKernel(original, &mut code);
    assert!(code == CL_SUCCESS && clone != original);
    assert_eq!(session.set_arg(original, 1, &100), CL_SUCCESS);
    assert_eq!(session.launch(clone, &[1], None), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(read::<i32>(memory, 0), 5);
    assert_eq!(session.launch(original, &[1], None), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(read::<i32>(memory, 0), 105);
    for kernel in [original, bare] {
        assert_eq!(api.clReleaseKernel(kernel), CL_SUCCESS);
    }
    // The clone keeps the program from being built again.
    let build = || api.clBuildProgram(program, 0, null(), null(), None, null_mut());
    assert_eq!(build(), CL_INVALID_OPERATION);
    assert_eq!(session.launch(clone, &[1], None), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(read::<i32>(memory, 0), 110);
    assert_eq!(api.clReleaseKernel(clone), CL_SUCCESS);
    assert_eq!(build(), CL_SUCCESS);
    assert!(api.clCloneKernel(null_mut(), &mut code).is_null());
    assert_eq!(code, CL_INVALID_KERNEL);
    api.clSVMFree(session.context, memory);
}

#[test]
fn the_suggested_size_is_checked_like_a_launch_and_is_the_one_used() {
    let session = session();
    let api = session.api;
    let source = "kernel void f(global ulong *p) { p[get_global_id(1) == 0 ? get_global_id(0) : 0] = get_local_size(0); }
        kernel __attribute__((reqd_work_group_size(8, 2, 1))) void g() {}";
    let program = session.build(source, "-cl-std=CL1.2").unwrap();
    let f = session.kernel_of(program, "f").unwrap();
    let g = session.kernel_of(program, "g").unwrap();
    let suggest = |kernel, global: &[usize]| {
        let mut size = [99_usize; 3];
        let (dimensions, place) = (global.len() as cl_uint, size.as_mut_ptr());
        let sizes = (null(), global.as_ptr());
        let queue = (session.queue, kernel);
        let code = api.suggested_local_work_size(session.platform, queue, dimensions, sizes, place);
        (code, size)
    };
    assert_eq!(suggest(f, &[64]).0, CL_INVALID_KERNEL_ARGS);
    let memory = api.clSVMAlloc(session.context, FINE, 8 << 10, 0);
    assert_eq!(api.clSetKernelArgSVMPointer(f, 0, memory), CL_SUCCESS);
    assert_eq!(suggest(f, &[0]).0, CL_INVALID_GLOBAL_WORK_SIZE);
    assert_eq!(suggest(f, &[]).0, CL_INVALID_WORK_DIMENSION);
    assert_eq!(suggest(f, &[1; 4]).0, CL_INVALID_WORK_DIMENSION);
    assert_eq!(suggest(null_mut(), &[1]).0, CL_INVALID_KERNEL);
    let queue = (session.queue, f);
    let nowhere = (null(), [1_usize].as_ptr());
    let platform = session.platform;
    let code = api.suggested_local_work_size(platform, queue, 1, nowhere, null_mut());
    assert_eq!(code, CL_INVALID_VALUE);
    let mut place = [0; 1];
    let none = (null(), null());
    let code = api.suggested_local_work_size(platform, queue, 1, none, place.as_mut_ptr());
    assert_eq!(code, CL_INVALID_GLOBAL_WORK_SIZE);
    let overflow = ([usize::MAX].as_ptr(), [2_usize].as_ptr());
    let code = api.suggested_local_work_size(platform, queue, 1, overflow, place.as_mut_ptr());
    assert_eq!(code, CL_INVALID_GLOBAL_OFFSET);

    for global in [&[1000_usize][..], &[1000, 6]] {
        let (code, suggested) = suggest(f, global);
        assert_eq!(code, CL_SUCCESS);
        // Only as many places as there are dimensions are written.
        assert!(suggested[global.len()..].iter().all(|size| *size == 99));
        assert_eq!(session.launch(f, global, None), CL_SUCCESS);
        assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
        assert_eq!(read::<usize>(memory, 1), suggested[0]);
    }
    assert_eq!(suggest(g, &[16, 2, 1]), (CL_SUCCESS, [8, 2, 1]));
    assert_eq!(suggest(g, &[12, 2]).0, CL_INVALID_WORK_GROUP_SIZE);
    api.clSVMFree(session.context, memory);
}

#[test]
fn more_private_memory_than_there_is_is_told_at_once() {
    let session = session();
    let source = "kernel void f(global int *p) {
        int a[1 << 26];
        for (int i = 0; i < 1 << 26; i++) a[i] = p[i & 7] + i;
        p[0] = a[p[1] & 7];
      }";
    let f = session.kernel(source, "", "f").unwrap();
    let api = session.api;
    let memory = api.clSVMAlloc(session.context, FINE, 64, 0);
    assert_eq!(api.clSetKernelArgSVMPointer(f, 0, memory), CL_SUCCESS);
    assert_eq!(session.launch(f, &[1], None), CL_OUT_OF_RESOURCES);
    api.clSVMFree(session.context, memory);
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
