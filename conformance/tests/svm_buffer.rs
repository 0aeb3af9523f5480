//! Buffers over SVM memory (§5.2.1, §5.5.6) and both views of the same bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use isocl_conformance::client::{offset, read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

fn alloc(session: &Session, size: usize) -> *mut c_void {
    let pointer = session.api.clSVMAlloc(session.context, FINE, size, 0);
    assert!(!pointer.is_null());
    pointer
}

fn buffer(
    session: &Session,
    flags: cl_ulong,
    size: usize,
    pointer: *mut c_void,
) -> Result<cl_mem, cl_int> {
    let mut code = 0;
    let buffer = session
        .api
        .clCreateBuffer(session.context, flags, size, pointer, &mut code);
    if code == CL_SUCCESS {
        Ok(buffer)
    } else {
        Err(code)
    }
}

fn info<T: Copy + Default>(session: &Session, object: cl_mem, name: cl_uint) -> T {
    let mut value = T::default();
    let code = session.api.clGetMemObjectInfo(
        object,
        name,
        size_of::<T>(),
        std::ptr::from_mut(&mut value).cast(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    value
}

fn sub_buffer(
    session: &Session,
    parent: cl_mem,
    origin: usize,
    size: usize,
) -> Result<cl_mem, cl_int> {
    let region = [origin, size];
    let mut code = 0;
    let object = session.api.clCreateSubBuffer(
        parent,
        0,
        CL_BUFFER_CREATE_TYPE_REGION,
        region.as_ptr().cast(),
        &mut code,
    );
    if code == CL_SUCCESS {
        Ok(object)
    } else {
        Err(code)
    }
}

fn map(session: &Session, object: cl_mem, at: usize, size: usize) -> *mut c_void {
    let mut code = 0;
    let flags = CL_MAP_READ | CL_MAP_WRITE;
    let pointer = session.api.clEnqueueMapBuffer(
        session.queue,
        object,
        CL_TRUE,
        flags,
        at,
        size,
        0,
        null(),
        null_mut(),
        &mut code,
    );
    assert_eq!(code, CL_SUCCESS);
    pointer
}

fn unmap(session: &Session, object: cl_mem, pointer: *mut c_void) {
    let code =
        session
            .api
            .clEnqueueUnmapMemObject(session.queue, object, pointer, 0, null(), null_mut());
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
}

#[test]
fn a_buffer_over_svm_has_the_same_address_everywhere() {
    let session = session();
    let memory = alloc(&session, 8192);
    let source =
        "kernel void address(global ulong *out, global char *buffer) { *out = (ulong)buffer; }";
    let kernel = session.kernel(source, "", "address").unwrap();
    let out = alloc(&session, 64);
    let parent = buffer(&session, CL_MEM_USE_HOST_PTR, 8192, memory).unwrap();
    let child = sub_buffer(&session, parent, 4096, 1024).unwrap();
    for (object, address) in [(parent, memory), (child, offset(memory, 4096))] {
        assert_eq!(
            info::<usize>(&session, object, CL_MEM_HOST_PTR),
            address as usize
        );
        let mapped = map(&session, object, 16, 64);
        assert_eq!(mapped, offset(address, 16));
        unmap(&session, object, mapped);
        assert_eq!(
            session.api.clSetKernelArgSVMPointer(kernel, 0, out),
            CL_SUCCESS
        );
        assert_eq!(session.set_arg(kernel, 1, &object), CL_SUCCESS);
        assert_eq!(session.launch(kernel, &[1], None), CL_SUCCESS);
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
        assert_eq!(read::<usize>(out, 0), address as usize);
    }
    session.api.clReleaseMemObject(child);
    session.api.clReleaseMemObject(parent);
}

#[test]
fn uses_svm_pointer_is_told_for_buffers_and_sub_buffers() {
    let session = session();
    let memory = alloc(&session, 8192);
    let mut application = vec![0u64; 1024];
    let uses = |object| info::<cl_bool>(&session, object, CL_MEM_USES_SVM_POINTER);
    let parent = buffer(&session, CL_MEM_USE_HOST_PTR, 8192, memory).unwrap();
    assert_eq!(uses(parent), CL_TRUE);
    assert_eq!(
        uses(sub_buffer(&session, parent, 4096, 64).unwrap()),
        CL_TRUE
    );
    assert_eq!(
        uses(buffer(&session, CL_MEM_COPY_HOST_PTR, 8192, memory).unwrap()),
        CL_FALSE
    );
    assert_eq!(
        uses(
            buffer(
                &session,
                CL_MEM_USE_HOST_PTR,
                8192,
                application.as_mut_ptr().cast()
            )
            .unwrap()
        ),
        CL_FALSE
    );
    assert_eq!(
        uses(buffer(&session, CL_MEM_READ_WRITE, 8192, null_mut()).unwrap()),
        CL_FALSE
    );
    assert_eq!(
        uses(buffer(&session, CL_MEM_USE_HOST_PTR, 64, offset(memory, 4096)).unwrap()),
        CL_TRUE
    );
}

#[test]
fn a_buffer_larger_than_its_svm_is_refused() {
    let session = session();
    let memory = alloc(&session, 4096);
    for flag in [CL_MEM_USE_HOST_PTR, CL_MEM_COPY_HOST_PTR] {
        assert_eq!(
            buffer(&session, flag, 4097, memory),
            Err(CL_INVALID_BUFFER_SIZE)
        );
        assert_eq!(
            buffer(&session, flag, 8192, memory),
            Err(CL_INVALID_BUFFER_SIZE)
        );
        assert_eq!(
            buffer(&session, flag, 4000, offset(memory, 128)),
            Err(CL_INVALID_BUFFER_SIZE),
            "interior"
        );
        assert!(buffer(&session, flag, 4096, memory).is_ok());
        assert!(buffer(&session, flag, 100, memory).is_ok());
    }
}

#[test]
fn buffer_and_pointer_show_the_same_bytes_at_every_command_boundary() {
    let session = session();
    let (api, queue) = (session.api, session.queue);
    let memory = alloc(&session, 4096);
    for object in [
        buffer(&session, CL_MEM_USE_HOST_PTR, 4096, memory).unwrap(),
        buffer(&session, CL_MEM_USE_HOST_PTR, 2048, offset(memory, 2048)).unwrap(),
    ] {
        let base = info::<usize>(&session, object, CL_MEM_HOST_PTR) - memory as usize;
        let pattern = 0x01020304u32;
        let from = std::ptr::from_ref(&pattern).cast();
        assert_eq!(
            api.clEnqueueFillBuffer(queue, object, from, 4, 0, 1024, 0, null(), null_mut()),
            CL_SUCCESS
        );
        let mut out = [0u32; 256];
        let host = out.as_mut_ptr().cast();
        let seen = offset(memory, base);
        assert_eq!(
            api.clEnqueueSVMMemcpy(queue, CL_TRUE, host, seen, 1024, 0, null(), null_mut()),
            CL_SUCCESS
        );
        assert_eq!(out, [pattern; 256]);
        let other = 0x0A0B0C0Du32;
        let from = std::ptr::from_ref(&other).cast();
        assert_eq!(
            api.clEnqueueSVMMemFill(queue, seen, from, 4, 512, 0, null(), null_mut()),
            CL_SUCCESS
        );
        assert_eq!(
            api.clEnqueueReadBuffer(queue, object, CL_TRUE, 0, 1024, host, 0, null(), null_mut()),
            CL_SUCCESS
        );
        assert_eq!(out[..128], [other; 128]);
        assert_eq!(out[128..], [pattern; 128]);
    }
}

#[test]
fn svm_pointers_serve_as_host_memory_of_buffer_commands() {
    let session = session();
    let (api, queue) = (session.api, session.queue);
    let (a, b) = (alloc(&session, 4096), alloc(&session, 4096));
    for index in 0..1024 {
        write(a, index, index as u32);
    }
    let object = buffer(&session, CL_MEM_READ_WRITE, 4096, null_mut()).unwrap();
    assert_eq!(
        api.clEnqueueWriteBuffer(queue, object, CL_FALSE, 0, 4096, a, 0, null(), null_mut()),
        CL_SUCCESS
    );
    assert_eq!(
        api.clEnqueueReadBuffer(queue, object, CL_FALSE, 0, 4096, b, 0, null(), null_mut()),
        CL_SUCCESS
    );
    assert_eq!(api.clFinish(queue), CL_SUCCESS);
    assert!((0..1024).all(|index| read::<u32>(b, index) == index as u32));
}

#[test]
fn wrong_orders_of_release_and_overlapping_buffers_do_not_crash() {
    let session = session();
    let memory = alloc(&session, 4096);
    let first = buffer(&session, CL_MEM_USE_HOST_PTR, 4096, memory).unwrap();
    let second = buffer(&session, CL_MEM_USE_HOST_PTR, 2048, offset(memory, 1024)).unwrap();
    let pattern = 1u32;
    let from = std::ptr::from_ref(&pattern).cast();
    for object in [first, second] {
        let code = session.api.clEnqueueFillBuffer(
            session.queue,
            object,
            from,
            4,
            0,
            2048,
            0,
            null(),
            null_mut(),
        );
        assert_eq!(code, CL_SUCCESS);
    }
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    session.api.clSVMFree(session.context, memory);
    let others: Vec<_> = (0..64).map(|_| alloc(&session, 4096)).collect();
    assert_eq!(session.api.clReleaseMemObject(first), CL_SUCCESS);
    assert_eq!(session.api.clReleaseMemObject(second), CL_SUCCESS);
    let fresh = alloc(&session, 4096);
    assert!(!others.contains(&fresh));
    write(fresh, 0, 1u8);
}

#[test]
fn rectangles_move_exactly_their_bytes() {
    let session = session();
    let (api, queue) = (session.api, session.queue);
    let object = buffer(&session, CL_MEM_READ_WRITE, 4096, null_mut()).unwrap();
    let other = buffer(&session, CL_MEM_READ_WRITE, 8192, null_mut()).unwrap();
    let host: Vec<u8> = (0..4096).map(|index| (index * 7 % 251) as u8).collect();
    let zero = [0u8];
    for target in [object, other] {
        let code = api.clEnqueueFillBuffer(
            queue,
            target,
            zero.as_ptr().cast(),
            1,
            0,
            4096,
            0,
            null(),
            null_mut(),
        );
        assert_eq!(code, CL_SUCCESS);
    }
    let (buffer_origin, host_origin, region) = ([3usize, 2, 1], [5usize, 1, 2], [10usize, 4, 3]);
    let code = api.clEnqueueWriteBufferRect(
        queue,
        object,
        CL_TRUE,
        buffer_origin.as_ptr(),
        host_origin.as_ptr(),
        region.as_ptr(),
        32,
        512,
        20,
        200,
        host.as_ptr().cast(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    let code = api.clEnqueueCopyBufferRect(
        queue,
        object,
        other,
        buffer_origin.as_ptr(),
        host_origin.as_ptr(),
        region.as_ptr(),
        32,
        512,
        64,
        1024,
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    let mut back = vec![0u8; 4096];
    let code = api.clEnqueueReadBufferRect(
        queue,
        other,
        CL_TRUE,
        host_origin.as_ptr(),
        [0usize; 3].as_ptr(),
        region.as_ptr(),
        64,
        1024,
        0,
        0,
        back.as_mut_ptr().cast(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    for z in 0..3 {
        for y in 0..4 {
            for x in 0..10 {
                let from = (z + 2) * 200 + (y + 1) * 20 + x + 5;
                assert_eq!(back[z * 40 + y * 10 + x], host[from], "({x}, {y}, {z})");
            }
        }
    }
    let mut whole = vec![0u8; 4096];
    let code = api.clEnqueueReadBuffer(
        queue,
        object,
        CL_TRUE,
        0,
        4096,
        whole.as_mut_ptr().cast(),
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(
        whole.iter().filter(|byte| **byte != 0).count(),
        back[..120].iter().filter(|byte| **byte != 0).count()
    );
    let bad = [0usize, 4, 3];
    let code = api.clEnqueueCopyBufferRect(
        queue,
        object,
        other,
        buffer_origin.as_ptr(),
        host_origin.as_ptr(),
        bad.as_ptr(),
        32,
        512,
        64,
        1024,
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_INVALID_VALUE);
}
