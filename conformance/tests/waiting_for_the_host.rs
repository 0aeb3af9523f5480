//! A kernel that waits for the host does not keep the host from going on, whatever the host waits for
//! meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ptr::{null, null_mut};
use std::time::Duration;

use isocl_conformance::client::{read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS;

/// Every work-group of `wait` counts and then looks for the flag, for seconds at most.
const SOURCE: &str = "
kernel void wait(global atomic_int *flag, global int *out, uint steps, uint patience) {
    uint value = get_global_id(0), waited = 0;
    for (uint step = 0; step < steps; step++) value = value * 1664525 + 1013904223;
    while (atomic_load_explicit(flag, memory_order_acquire, memory_scope_all_svm_devices) == 0
           && waited < patience) waited++;
    out[get_global_id(0)] = waited < patience ? (int)(value | 1) : 0;
}
kernel void compute(global int *out, uint steps) {
    uint value = get_global_id(0);
    for (uint step = 0; step < steps; step++) value = value * 1664525 + 1013904223;
    out[get_global_id(0)] = value | 1;
}";

const GROUPS: usize = 64;

#[test]
fn the_host_may_wait_for_another_queue() {
    let session = Session::open().expect("an OpenCL device (run the tests with `make test`)");
    let api = session.api;
    let program = session.build(SOURCE, "-cl-std=CL3.0").unwrap();
    let wait = session.kernel_of(program, "wait").unwrap();
    let compute = session.kernel_of(program, "compute").unwrap();
    let other = session.queue_with(0).unwrap();
    let memory = |count: usize| api.clSVMAlloc(session.context, FINE, count * 4, 0);
    let (flag, waited, computed) = (memory(1), memory(GROUPS), memory(GROUPS));
    for (index, pointer) in [(0, flag), (1, waited)] {
        assert_eq!(
            api.clSetKernelArgSVMPointer(wait, index, pointer),
            CL_SUCCESS
        );
    }
    assert_eq!(session.set_arg(wait, 2, &4000u32), CL_SUCCESS);
    assert_eq!(session.set_arg(wait, 3, &(1u32 << 28)), CL_SUCCESS);
    assert_eq!(
        api.clSetKernelArgSVMPointer(compute, 0, computed),
        CL_SUCCESS
    );
    assert_eq!(session.set_arg(compute, 1, &4000u32), CL_SUCCESS);
    let launch = |queue, kernel, after: &[cl_event]| {
        let (global, local) = ([GROUPS], [1]);
        let list = if after.is_empty() {
            null()
        } else {
            after.as_ptr()
        };
        let code = api.clEnqueueNDRangeKernel(
            queue,
            kernel,
            1,
            null(),
            global.as_ptr(),
            local.as_ptr(),
            after.len() as cl_uint,
            list,
            null_mut(),
        );
        assert_eq!(code, CL_SUCCESS);
        assert_eq!(api.clFlush(queue), CL_SUCCESS);
    };
    // With the flag up the kernel is known to be short.
    for flag_is_up in [true, true, true, false, true, false, false] {
        write(flag, 0, i32::from(flag_is_up));
        (0..GROUPS).for_each(|group| write(waited, group, 0));
        launch(session.queue, wait, &[]);
        // By then a thread of the device has begun.
        std::thread::sleep(Duration::from_millis(2));
        let mut code = CL_SUCCESS;
        let gate = api.clCreateUserEvent(session.context, &mut code);
        assert_eq!(code, CL_SUCCESS);
        launch(other, compute, &[gate]);
        let gate_address = gate as usize;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(10));
                let gate = gate_address as cl_event;
                assert_eq!(api.clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
            });
            assert_eq!(api.clFinish(other), CL_SUCCESS);
        });
        api.clReleaseEvent(gate);
        write(flag, 0, 1);
        assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
        for group in 0..GROUPS {
            assert_ne!(read::<i32>(computed, group), 0);
            assert_ne!(
                read::<i32>(waited, group),
                0,
                "work-group {group} waited in vain"
            );
        }
    }
    for pointer in [flag, waited, computed] {
        api.clSVMFree(session.context, pointer);
    }
    api.clReleaseCommandQueue(other);
    api.clReleaseKernel(wait);
    api.clReleaseKernel(compute);
    api.clReleaseProgram(program);
}
