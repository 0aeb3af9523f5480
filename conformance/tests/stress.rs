//! Many threads, many builds, many launches: nothing breaks and memory stays flat.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ptr::{null, null_mut};
use std::sync::Mutex;

use isocl_conformance::client::{offset, read, write};
use isocl_conformance::process;
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

/// Serialises the tests of this file: each of them looks at the memory of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

/// How much longer than usual to go on: `ISOCL_STRESS=20` is 12,000 builds and minutes of threads.
fn scale() -> usize {
    std::env::var("ISOCL_STRESS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

/// Repeats `step` in batches and demands that the later batches add next to nothing.
fn stays_flat(batches: usize, mut batch: impl FnMut(usize)) {
    batch(0);
    batch(1);
    let before = process::resident_bytes().unwrap();
    for index in 2..batches {
        batch(index);
    }
    let after = process::resident_bytes().unwrap();
    let grown = after.saturating_sub(before);
    assert!(
        grown < 16 << 20,
        "resident memory grew by {} KiB, from {} KiB",
        grown >> 10,
        before >> 10
    );
}

#[test]
fn eight_threads_create_enqueue_and_release() {
    let _alone = ALONE.lock().unwrap();
    let session = session();
    let program = session
        .build(
            "kernel void add(global int *p, int n) { atomic_add(p, n); }",
            "",
        )
        .unwrap();
    let shared = (
        session.context as usize,
        session.device as usize,
        program as usize,
    );
    let api = session.api;
    std::thread::scope(|scope| {
        for thread in 0..8i32 {
            scope.spawn(move || {
                let (context, device, program) = (
                    shared.0 as cl_context,
                    shared.1 as cl_device_id,
                    shared.2 as cl_program,
                );
                for round in (0..150i32).cycle().take(150 * scale()) {
                    let mut code = 0;
                    let properties: [cl_ulong; 3] = [
                        cl_ulong::from(CL_QUEUE_PROPERTIES),
                        (round % 4) as cl_ulong,
                        0,
                    ];
                    let queue = api.clCreateCommandQueueWithProperties(
                        context,
                        device,
                        properties.as_ptr(),
                        &mut code,
                    );
                    assert_eq!(code, CL_SUCCESS);
                    let kernel = api.clCreateKernel(program, c"add".as_ptr(), &mut code);
                    assert_eq!(code, CL_SUCCESS);
                    let memory = api.clSVMAlloc(context, FINE, 1000 + 64 * round as usize, 0);
                    assert!(!memory.is_null());
                    write(memory, 0, thread);
                    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, memory), CL_SUCCESS);
                    assert_eq!(
                        api.clSetKernelArg(kernel, 1, 4, std::ptr::from_ref(&round).cast()),
                        CL_SUCCESS
                    );
                    let items = 16usize;
                    let mut event: cl_event = null_mut();
                    for _ in 0..4 {
                        if !event.is_null() {
                            api.clReleaseEvent(event);
                        }
                        let code = api.clEnqueueNDRangeKernel(
                            queue,
                            kernel,
                            1,
                            null(),
                            &items,
                            null(),
                            0,
                            null(),
                            &mut event,
                        );
                        assert_eq!(code, CL_SUCCESS);
                    }
                    let other = offset(memory, 512);
                    let code = api.clEnqueueSVMMemcpy(
                        queue,
                        CL_FALSE,
                        other,
                        memory,
                        4,
                        1,
                        &event,
                        null_mut(),
                    );
                    assert_eq!(code, CL_SUCCESS);
                    api.clReleaseEvent(event);
                    api.clReleaseKernel(kernel);
                    assert_eq!(api.clFinish(queue), CL_SUCCESS);
                    assert_eq!(read::<i32>(memory, 0), thread + round * 64);
                    if round % 4 == 0 {
                        assert_eq!(read::<i32>(other, 0), thread + round * 64);
                    }
                    let mut list = [memory];
                    let code = api.clEnqueueSVMFree(
                        queue,
                        1,
                        list.as_mut_ptr(),
                        None,
                        null_mut(),
                        0,
                        null(),
                        null_mut(),
                    );
                    assert_eq!(code, CL_SUCCESS);
                    assert_eq!(api.clReleaseCommandQueue(queue), CL_SUCCESS);
                }
            });
        }
    });
    api.clReleaseProgram(program);
}

#[test]
fn builds_leave_memory_flat() {
    let _alone = ALONE.lock().unwrap();
    let session = session();
    let api = session.api;
    let memory = api.clSVMAlloc(session.context, FINE, 64, 0);
    stays_flat(12 * scale(), |batch| {
        for index in 0..50 {
            let source = format!(
                "kernel void f(global int *p) {{ *p = {}; }}",
                batch * 50 + index
            );
            let f = session
                .kernel(&source, "", "f")
                .unwrap_or_else(|(error, log)| panic!("{error:?}\n{log}"));
            assert_eq!(api.clSetKernelArgSVMPointer(f, 0, memory), CL_SUCCESS);
            assert_eq!(session.launch(f, &[1], None), CL_SUCCESS);
            assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
            assert_eq!(read::<i32>(memory, 0), (batch * 50 + index) as i32);
            api.clReleaseKernel(f);
        }
    });
}

#[test]
fn a_million_enqueues_leave_memory_flat() {
    let _alone = ALONE.lock().unwrap();
    let session = session();
    let api = session.api;
    let add = session
        .kernel("kernel void add(global uint *p) { *p += 1; }", "", "add")
        .unwrap();
    let memory = api.clSVMAlloc(session.context, FINE, 64, 0);
    write(memory, 0, 0u32);
    assert_eq!(api.clSetKernelArgSVMPointer(add, 0, memory), CL_SUCCESS);
    stays_flat(20, |_| {
        for index in 0..50_000 {
            let mut event: cl_event = null_mut();
            let wanted = if index % 10 == 0 {
                std::ptr::from_mut(&mut event)
            } else {
                null_mut()
            };
            let one = 1usize;
            let code = api.clEnqueueNDRangeKernel(
                session.queue,
                add,
                1,
                null(),
                &one,
                null(),
                0,
                null(),
                wanted,
            );
            assert_eq!(code, CL_SUCCESS);
            if !event.is_null() {
                api.clReleaseEvent(event);
            }
        }
        assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    });
    assert_eq!(read::<u32>(memory, 0), 1_000_000);
}

#[test]
fn allocations_of_every_size_leave_memory_flat() {
    let _alone = ALONE.lock().unwrap();
    let session = session();
    let api = session.api;
    let mut seed = 7u64;
    stays_flat(20, |_| {
        let mut live = Vec::new();
        for _ in 0..2000 {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let size = 1usize << (seed >> 60);
            let pointer = api.clSVMAlloc(session.context, FINE, size * 3, 0);
            assert!(!pointer.is_null());
            write(pointer, 0, 1u8);
            live.push(pointer);
        }
        for pointer in live {
            api.clSVMFree(session.context, pointer);
        }
    });
}
