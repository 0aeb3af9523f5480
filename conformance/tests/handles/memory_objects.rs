//! Calls that take a memory object: every handle that is none is refused.

use super::*;

#[test]
fn memory_objects() {
    let zoo = Zoo::new();
    let api = zoo.session.api;
    let queue = zoo.session.queue;
    let z = &zoo;
    let mut host = [0u64; 16];
    let host: *mut c_void = host.as_mut_ptr().cast();
    let pattern: *const c_void = std::ptr::from_ref(&7u32).cast();
    let (origin, region) = ([0usize; 3], [8usize, 1, 1]);
    let (origin, region) = (origin.as_ptr(), region.as_ptr());
    let whole = [0usize, 64];
    refuse(
        &zoo,
        "buffer",
        CL_INVALID_MEM_OBJECT,
        &[
            ("clRetainMemObject", Box::new(|h| api.clRetainMemObject(h))),
            (
                "clReleaseMemObject",
                Box::new(|h| api.clReleaseMemObject(h)),
            ),
            (
                "clGetMemObjectInfo",
                Box::new(|h| api.clGetMemObjectInfo(h, CL_MEM_SIZE, 0, null_mut(), null_mut())),
            ),
            (
                "clCreateSubBuffer",
                Box::new(|h| {
                    code(|c| {
                        api.clCreateSubBuffer(
                            h,
                            0,
                            CL_BUFFER_CREATE_TYPE_REGION,
                            whole.as_ptr().cast(),
                            c,
                        );
                    })
                }),
            ),
            (
                "clEnqueueReadBuffer",
                Box::new(|h| {
                    api.clEnqueueReadBuffer(queue, h, 1, 0, 8, host, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueWriteBuffer",
                Box::new(|h| {
                    api.clEnqueueWriteBuffer(queue, h, 1, 0, 8, host, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueCopyBuffer source",
                Box::new(|h| {
                    api.clEnqueueCopyBuffer(queue, h, z.buffer, 0, 64, 8, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueCopyBuffer destination",
                Box::new(|h| {
                    api.clEnqueueCopyBuffer(queue, z.buffer, h, 0, 64, 8, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueFillBuffer",
                Box::new(|h| {
                    api.clEnqueueFillBuffer(queue, h, pattern, 4, 0, 8, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueReadBufferRect",
                Box::new(move |h| {
                    api.clEnqueueReadBufferRect(
                        queue,
                        h,
                        1,
                        origin,
                        origin,
                        region,
                        0,
                        0,
                        0,
                        0,
                        host,
                        0,
                        null(),
                        null_mut(),
                    )
                }),
            ),
            (
                "clEnqueueWriteBufferRect",
                Box::new(move |h| {
                    api.clEnqueueWriteBufferRect(
                        queue,
                        h,
                        1,
                        origin,
                        origin,
                        region,
                        0,
                        0,
                        0,
                        0,
                        host,
                        0,
                        null(),
                        null_mut(),
                    )
                }),
            ),
            (
                "clEnqueueCopyBufferRect",
                Box::new(move |h| {
                    api.clEnqueueCopyBufferRect(
                        queue,
                        z.buffer,
                        h,
                        origin,
                        origin,
                        region,
                        0,
                        0,
                        0,
                        0,
                        0,
                        null(),
                        null_mut(),
                    )
                }),
            ),
            (
                "clEnqueueMapBuffer",
                Box::new(|h| {
                    code(|c| {
                        api.clEnqueueMapBuffer(
                            queue,
                            h,
                            1,
                            CL_MAP_READ,
                            0,
                            8,
                            0,
                            null(),
                            null_mut(),
                            c,
                        );
                    })
                }),
            ),
            (
                "clEnqueueUnmapMemObject",
                Box::new(|h| api.clEnqueueUnmapMemObject(queue, h, host, 0, null(), null_mut())),
            ),
            (
                "clEnqueueMigrateMemObjects",
                Box::new(|h| {
                    let list = [z.buffer, h];
                    api.clEnqueueMigrateMemObjects(
                        queue,
                        2,
                        list.as_ptr(),
                        0,
                        0,
                        null(),
                        null_mut(),
                    )
                }),
            ),
        ],
    );
    for (wrong, handle) in zoo.wrong("buffer") {
        if !handle.is_null() {
            let at = std::ptr::from_ref(&handle).cast();
            assert_eq!(
                api.clSetKernelArg(zoo.kernel, 0, 8, at),
                CL_INVALID_MEM_OBJECT,
                "clSetKernelArg with {wrong}"
            );
        }
    }
}
