//! SVM pointers in kernels: `clSetKernelArgSVMPointer`, `clSetKernelExecInfo` (§5.9.2), pointers
//! in memory, host and device at the same time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use isocl_conformance::client::{atomic, offset, read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;
use std::sync::atomic::Ordering;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

fn alloc(session: &Session, flags: cl_ulong, size: usize) -> *mut c_void {
    let pointer = session.api.clSVMAlloc(session.context, flags, size, 0);
    assert!(!pointer.is_null());
    pointer
}

fn kernel(session: &Session, source: &str, name: &str) -> cl_kernel {
    session
        .kernel(source, "-cl-std=CL3.0", name)
        .unwrap_or_else(|(error, log)| panic!("{error:?}\n{log}"))
}

fn system_svm(session: &Session) -> bool {
    let capabilities: cl_ulong = session.device_info(CL_DEVICE_SVM_CAPABILITIES).unwrap();
    capabilities & CL_DEVICE_SVM_FINE_GRAIN_SYSTEM != 0
}

const ADD: &str = "
kernel void add(global int *out, global const int *in, int n, local int *scratch, constant int *table) {
    size_t i = get_global_id(0);
    scratch[get_local_id(0)] = in[i] + n;
    out[i] = scratch[get_local_id(0)] + table[0];
}
kernel void vector(global float4 *out) { out[get_global_id(0)] = (float4)(1.0f); }
kernel void is_null(global int *out, global int *pointer) { *out = pointer == 0; }";

#[test]
fn argument_errors_have_their_codes() {
    let session = session();
    let api = session.api;
    let add = kernel(&session, ADD, "add");
    let memory = alloc(&session, FINE, 4096);
    assert_eq!(
        api.clSetKernelArgSVMPointer(add, 5, memory),
        CL_INVALID_ARG_INDEX
    );
    assert_eq!(
        api.clSetKernelArgSVMPointer(null_mut(), 0, memory),
        CL_INVALID_KERNEL
    );
    assert_eq!(
        api.clSetKernelArgSVMPointer(add, 2, memory),
        CL_INVALID_ARG_VALUE,
        "a scalar"
    );
    assert_eq!(
        api.clSetKernelArgSVMPointer(add, 3, memory),
        CL_INVALID_ARG_VALUE,
        "local memory"
    );
    assert_eq!(api.clSetKernelArgSVMPointer(add, 0, memory), CL_SUCCESS);
    assert_eq!(
        api.clSetKernelArgSVMPointer(add, 0, offset(memory, 100)),
        CL_SUCCESS,
        "interior"
    );
    assert_eq!(
        api.clSetKernelArgSVMPointer(add, 4, memory),
        CL_SUCCESS,
        "constant memory"
    );
    let vector = kernel(&session, ADD, "vector");
    assert_eq!(
        api.clSetKernelArgSVMPointer(vector, 0, offset(memory, 4)),
        CL_INVALID_ARG_VALUE,
        "misaligned"
    );
    assert_eq!(
        session.set_arg(add, 0, &memory),
        CL_INVALID_MEM_OBJECT,
        "an SVM pointer is no memory object"
    );
    let mut application = [0u32; 16];
    let code = api.clSetKernelArgSVMPointer(add, 0, application.as_mut_ptr().cast());
    assert_eq!(
        code,
        if system_svm(&session) {
            CL_SUCCESS
        } else {
            CL_INVALID_ARG_VALUE
        }
    );
    for kernel in [add, vector] {
        api.clReleaseKernel(kernel);
    }
}

#[test]
fn null_reaches_the_kernel_as_a_null_pointer() {
    let session = session();
    let is_null = kernel(&session, ADD, "is_null");
    let out = alloc(&session, FINE, 64);
    for (pointer, expected) in [(null_mut(), 1), (out, 0)] {
        assert_eq!(
            session.api.clSetKernelArgSVMPointer(is_null, 0, out),
            CL_SUCCESS
        );
        assert_eq!(
            session.api.clSetKernelArgSVMPointer(is_null, 1, pointer),
            CL_SUCCESS
        );
        assert_eq!(session.launch(is_null, &[1], None), CL_SUCCESS);
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
        assert_eq!(read::<i32>(out, 0), expected);
    }
}

#[test]
fn arguments_are_captured_when_the_kernel_is_enqueued() {
    let session = session();
    let (api, queue) = (session.api, session.queue);
    let store = kernel(
        &session,
        "kernel void store(global int *p, int v) { *p = v; }",
        "store",
    );
    let memory = alloc(&session, FINE, 4096);
    let gate = session.user_event().unwrap();
    assert_eq!(
        api.clEnqueueBarrierWithWaitList(queue, 1, &gate, null_mut()),
        CL_SUCCESS
    );
    for index in 0..1000 {
        assert_eq!(
            api.clSetKernelArgSVMPointer(store, 0, offset(memory, index as usize * 4)),
            CL_SUCCESS
        );
        assert_eq!(session.set_arg(store, 1, &(index * 3)), CL_SUCCESS);
        assert_eq!(session.launch(store, &[1], None), CL_SUCCESS);
    }
    assert_eq!(api.clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
    assert_eq!(api.clFinish(queue), CL_SUCCESS);
    assert!((0..1000).all(|index| read::<i32>(memory, index) == index as i32 * 3));
}

#[test]
fn a_cloned_kernel_has_the_arguments_and_an_unset_argument_is_refused() {
    let session = session();
    let api = session.api;
    let store = kernel(
        &session,
        "kernel void store(global int *p, int v) { *p = v; }",
        "store",
    );
    let memory = alloc(&session, FINE, 64);
    assert_eq!(session.launch(store, &[1], None), CL_INVALID_KERNEL_ARGS);
    assert_eq!(api.clSetKernelArgSVMPointer(store, 0, memory), CL_SUCCESS);
    let mut code = 0;
    let early = api.clCloneKernel(store, &mut code);
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.set_arg(store, 1, &42i32), CL_SUCCESS);
    let late = api.clCloneKernel(store, &mut code);
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.launch(early, &[1], None), CL_INVALID_KERNEL_ARGS);
    assert_eq!(session.set_arg(store, 1, &43i32), CL_SUCCESS);
    assert_eq!(session.launch(late, &[1], None), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(read::<i32>(memory, 0), 42);
}

#[test]
fn exec_info_checks_its_arguments() {
    let session = session();
    let api = session.api;
    let add = kernel(&session, ADD, "is_null");
    let memory = alloc(&session, FINE, 64);
    let list = [memory, null_mut(), memory];
    let set = |kernel, name, size, value: *const c_void| {
        api.clSetKernelExecInfo(kernel, name, size, value)
    };
    let pointers = CL_KERNEL_EXEC_INFO_SVM_PTRS;
    assert_eq!(
        set(null_mut(), pointers, 8, list.as_ptr().cast()),
        CL_INVALID_KERNEL
    );
    assert_eq!(set(add, 0x1234, 8, list.as_ptr().cast()), CL_INVALID_VALUE);
    assert_eq!(set(add, pointers, 8, null()), CL_INVALID_VALUE);
    assert_eq!(
        set(add, pointers, 7, list.as_ptr().cast()),
        CL_INVALID_VALUE
    );
    assert_eq!(
        set(add, pointers, 24, list.as_ptr().cast()),
        CL_SUCCESS,
        "null elements are ignored"
    );
    assert_eq!(
        set(add, pointers, 0, null()),
        CL_SUCCESS,
        "the empty set clears"
    );
    let system = CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM;
    let (yes, no) = (CL_TRUE, CL_FALSE);
    assert_eq!(
        set(add, system, 3, std::ptr::from_ref(&no).cast()),
        CL_INVALID_VALUE
    );
    assert_eq!(
        set(add, system, 4, std::ptr::from_ref(&no).cast()),
        CL_SUCCESS
    );
    let expected = if system_svm(&session) {
        CL_SUCCESS
    } else {
        CL_INVALID_OPERATION
    };
    assert_eq!(
        set(add, system, 4, std::ptr::from_ref(&yes).cast()),
        expected
    );
}

#[test]
fn a_list_across_allocations_is_followed_by_its_pointers() {
    let session = session();
    let source = "
        struct Node { ulong value; global struct Node *next; };
        kernel void walk(global struct Node *node, global ulong *out) {
            ulong sum = 0, count = 0;
            for (; node; node = node->next) { sum += node->value; node->value += 1; count++; }
            out[0] = sum; out[1] = count;
        }";
    let walk = kernel(&session, source, "walk");
    let nodes: Vec<_> = (0..2000)
        .map(|_| alloc(&session, CL_MEM_READ_WRITE, 16))
        .collect();
    let out = alloc(&session, FINE, 16);
    for (index, node) in nodes.iter().enumerate() {
        let api = session.api;
        assert_eq!(
            api.clEnqueueSVMMap(
                session.queue,
                CL_TRUE,
                CL_MAP_WRITE,
                *node,
                16,
                0,
                null(),
                null_mut()
            ),
            CL_SUCCESS
        );
        write(*node, 0, index as u64);
        write(
            *node,
            1,
            nodes.get(index + 1).map_or(0, |next| *next as usize),
        );
        assert_eq!(
            api.clEnqueueSVMUnmap(session.queue, *node, 0, null(), null_mut()),
            CL_SUCCESS
        );
    }
    let bytes = size_of_val(&nodes[..]);
    let code = session.api.clSetKernelExecInfo(
        walk,
        CL_KERNEL_EXEC_INFO_SVM_PTRS,
        bytes,
        nodes.as_ptr().cast(),
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(
        session.api.clSetKernelArgSVMPointer(walk, 0, nodes[0]),
        CL_SUCCESS
    );
    assert_eq!(
        session.api.clSetKernelArgSVMPointer(walk, 1, out),
        CL_SUCCESS
    );
    assert_eq!(session.launch(walk, &[1], None), CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(
        (read::<u64>(out, 0), read::<u64>(out, 1)),
        (1999 * 2000 / 2, 2000)
    );
    for (index, node) in nodes.into_iter().enumerate() {
        assert_eq!(read::<u64>(node, 0), index as u64 + 1);
        session.api.clSVMFree(session.context, node);
    }
}

#[test]
fn host_and_running_kernel_hand_work_to_each_other() {
    let session = session();
    let source = "
        kernel void serve(global atomic_int *request, global atomic_int *answer, int rounds) {
            for (int round = 1; round <= rounds; round++) {
                while (atomic_load_explicit(request, memory_order_acquire, memory_scope_all_svm_devices) != round) {}
                atomic_store_explicit(answer, round * 7, memory_order_release, memory_scope_all_svm_devices);
            }
        }";
    let serve = kernel(&session, source, "serve");
    let memory = alloc(&session, FINE | CL_MEM_SVM_ATOMICS, 256);
    let (request, answer) = (atomic(memory, 0), atomic(memory, 32));
    request.store(0, Ordering::SeqCst);
    answer.store(0, Ordering::SeqCst);
    assert_eq!(
        session.api.clSetKernelArgSVMPointer(serve, 0, memory),
        CL_SUCCESS
    );
    assert_eq!(
        session
            .api
            .clSetKernelArgSVMPointer(serve, 1, offset(memory, 128)),
        CL_SUCCESS
    );
    assert_eq!(session.set_arg(serve, 2, &1000i32), CL_SUCCESS);
    assert_eq!(session.launch(serve, &[1], None), CL_SUCCESS);
    assert_eq!(session.api.clFlush(session.queue), CL_SUCCESS);
    let deadline = Instant::now() + Duration::from_secs(60);
    for round in 1..=1000 {
        request.store(round, Ordering::Release);
        while answer.load(Ordering::Acquire) != round * 7 {
            assert!(
                Instant::now() < deadline,
                "the kernel does not run beside the host"
            );
            std::hint::spin_loop();
        }
    }
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
}

#[test]
fn host_and_device_atomics_lose_no_update() {
    let session = session();
    let source = "
        kernel void count(global atomic_int *counter, global atomic_int *go) {
            atomic_store_explicit(go, 1, memory_order_release, memory_scope_all_svm_devices);
            for (int i = 0; i < 1000; i++)
                atomic_fetch_add_explicit(counter, 1, memory_order_relaxed, memory_scope_all_svm_devices);
        }";
    let count = kernel(&session, source, "count");
    let memory = alloc(&session, FINE | CL_MEM_SVM_ATOMICS, 256);
    let (counter, go) = (atomic(memory, 0), atomic(memory, 32));
    counter.store(0, Ordering::SeqCst);
    go.store(0, Ordering::SeqCst);
    assert_eq!(
        session.api.clSetKernelArgSVMPointer(count, 0, memory),
        CL_SUCCESS
    );
    assert_eq!(
        session
            .api
            .clSetKernelArgSVMPointer(count, 1, offset(memory, 128)),
        CL_SUCCESS
    );
    assert_eq!(session.launch(count, &[1024], None), CL_SUCCESS);
    assert_eq!(session.api.clFlush(session.queue), CL_SUCCESS);
    while go.load(Ordering::Acquire) == 0 {
        std::thread::yield_now();
    }
    for _ in 0..100_000 {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(counter.load(Ordering::SeqCst), 1024 * 1000 + 100_000);
}

#[test]
fn only_the_bytes_a_kernel_writes_change() {
    let session = session();
    let source = "
        kernel void odd(global uchar *p, uchar v) { p[2 * get_global_id(0) + 1] = v; }
        kernel void third(global uchar *p, uchar v) { size_t i = get_global_id(0); if (i % 3 == 1) p[i] = v; }
        kernel void three(global uchar *p, uchar v) { vstore3((uchar3)(v), get_global_id(0) * 2, p); }";
    let size = 4096;
    for (name, items, touched) in [
        (
            "odd",
            2048,
            (|index: usize| index % 2 == 1) as fn(usize) -> bool,
        ),
        ("third", 4096, |index| index % 3 == 1),
        ("three", 682, |index| index < 682 * 6 && index % 6 < 3),
    ] {
        let kernel = kernel(&session, source, name);
        let memory = alloc(&session, FINE, size);
        assert_eq!(
            session.api.clSetKernelArgSVMPointer(kernel, 0, memory),
            CL_SUCCESS
        );
        for round in 1..20u8 {
            assert_eq!(session.set_arg(kernel, 1, &round), CL_SUCCESS);
            for index in 0..size {
                write(memory, index, 200u8);
            }
            assert_eq!(session.launch(kernel, &[items], None), CL_SUCCESS);
            assert_eq!(session.api.clFlush(session.queue), CL_SUCCESS);
            for index in (0..size).filter(|index| !touched(*index)) {
                write(memory, index, 100u8);
            }
            assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
            for index in 0..size {
                let expected = if touched(index) { round } else { 100 };
                assert_eq!(
                    read::<u8>(memory, index),
                    expected,
                    "{name}: byte {index} of round {round}"
                );
            }
        }
    }
}

#[test]
fn an_svm_pointer_inside_a_struct_passed_by_value_and_printf_beside_it() {
    let session = session();
    let source = "
        typedef struct { global int *target; int value; } Order;
        kernel void obey(Order order) { if (order.value < 0) printf(\"%d\\n\", order.value); *order.target = order.value; }";
    let obey = kernel(&session, source, "obey");
    let memory = alloc(&session, FINE, 64);
    #[repr(C)]
    struct Order {
        target: *mut c_void,
        value: i32,
    }
    let order = Order {
        target: memory,
        value: 77,
    };
    assert_eq!(session.set_arg(obey, 0, &order), CL_SUCCESS);
    assert_eq!(
        session.api.clSetKernelExecInfo(
            obey,
            CL_KERNEL_EXEC_INFO_SVM_PTRS,
            8,
            std::ptr::from_ref(&memory).cast()
        ),
        CL_SUCCESS
    );
    assert_eq!(session.launch(obey, &[1], None), CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(read::<i32>(memory, 0), 77);
}

#[test]
fn memory_freed_while_a_kernel_that_uses_it_is_queued_stays_valid_for_it() {
    let session = session();
    let add = kernel(&session, "kernel void copy(global int *out, global const int *in) { out[get_global_id(0)] = in[get_global_id(0)]; }", "copy");
    let (input, output) = (alloc(&session, FINE, 4096), alloc(&session, FINE, 4096));
    for index in 0..1024 {
        write(input, index, index as i32);
    }
    let gate = session.user_event().unwrap();
    assert_eq!(
        session
            .api
            .clEnqueueBarrierWithWaitList(session.queue, 1, &gate, null_mut()),
        CL_SUCCESS
    );
    assert_eq!(
        session.api.clSetKernelArgSVMPointer(add, 0, output),
        CL_SUCCESS
    );
    assert_eq!(
        session.api.clSetKernelArgSVMPointer(add, 1, input),
        CL_SUCCESS
    );
    assert_eq!(session.launch(add, &[1024], None), CL_SUCCESS);
    session.api.clSVMFree(session.context, input);
    let others: Vec<_> = (0..100).map(|_| alloc(&session, FINE, 4096)).collect();
    assert!(!others.contains(&input));
    assert_eq!(
        session.api.clSetUserEventStatus(gate, CL_COMPLETE),
        CL_SUCCESS
    );
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    assert!((0..1024).all(|index| read::<i32>(output, index) == index as i32));
    for pointer in others {
        session.api.clSVMFree(session.context, pointer);
    }
}
