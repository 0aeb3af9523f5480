//! Calls that take a queue: every handle that is none is refused.

use super::*;

#[test]
fn queues() {
    let zoo = Zoo::new();
    let api = zoo.session.api;
    let z = &zoo;
    let mut host = [0u64; 16];
    let host: *mut c_void = host.as_mut_ptr().cast();
    let pattern: *const c_void = std::ptr::from_ref(&7u32).cast();
    let origin = [0usize; 3];
    let region = [8usize, 1, 1];
    let one = 1usize;
    let (origin, region) = (origin.as_ptr(), region.as_ptr());
    let source = z.memory.cast_const();
    refuse(
        &zoo,
        "queue",
        CL_INVALID_COMMAND_QUEUE,
        &[
            (
                "clRetainCommandQueue",
                Box::new(|h| api.clRetainCommandQueue(h)),
            ),
            (
                "clReleaseCommandQueue",
                Box::new(|h| api.clReleaseCommandQueue(h)),
            ),
            (
                "clGetCommandQueueInfo",
                Box::new(|h| {
                    api.clGetCommandQueueInfo(h, CL_QUEUE_CONTEXT, 0, null_mut(), null_mut())
                }),
            ),
            ("clFlush", Box::new(|h| api.clFlush(h))),
            ("clFinish", Box::new(|h| api.clFinish(h))),
            (
                "clEnqueueReadBuffer",
                Box::new(|h| {
                    api.clEnqueueReadBuffer(h, z.buffer, 1, 0, 8, host, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueWriteBuffer",
                Box::new(|h| {
                    api.clEnqueueWriteBuffer(h, z.buffer, 1, 0, 8, host, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueCopyBuffer",
                Box::new(|h| {
                    api.clEnqueueCopyBuffer(h, z.buffer, z.buffer, 0, 64, 8, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueFillBuffer",
                Box::new(|h| {
                    api.clEnqueueFillBuffer(h, z.buffer, pattern, 4, 0, 8, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueReadBufferRect",
                Box::new(move |h| {
                    api.clEnqueueReadBufferRect(
                        h,
                        z.buffer,
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
                        h,
                        z.buffer,
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
                        h,
                        z.buffer,
                        z.buffer,
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
                            h,
                            z.buffer,
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
                Box::new(|h| api.clEnqueueUnmapMemObject(h, z.buffer, host, 0, null(), null_mut())),
            ),
            (
                "clEnqueueMigrateMemObjects",
                Box::new(|h| {
                    api.clEnqueueMigrateMemObjects(h, 1, &z.buffer, 0, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueSVMMemcpy",
                Box::new(|h| api.clEnqueueSVMMemcpy(h, 1, host, source, 8, 0, null(), null_mut())),
            ),
            (
                "clEnqueueSVMMemFill",
                Box::new(|h| {
                    api.clEnqueueSVMMemFill(h, z.memory, pattern, 4, 8, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueSVMMap",
                Box::new(|h| {
                    api.clEnqueueSVMMap(h, 1, CL_MAP_READ, z.memory, 8, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueSVMUnmap",
                Box::new(|h| api.clEnqueueSVMUnmap(h, z.memory, 0, null(), null_mut())),
            ),
            (
                "clEnqueueSVMFree",
                Box::new(|h| {
                    api.clEnqueueSVMFree(h, 0, null_mut(), None, null_mut(), 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueSVMMigrateMem",
                Box::new(|h| {
                    api.clEnqueueSVMMigrateMem(h, 1, &source, null(), 0, 0, null(), null_mut())
                }),
            ),
            (
                "clEnqueueNDRangeKernel",
                Box::new(move |h| {
                    api.clEnqueueNDRangeKernel(
                        h,
                        z.kernel,
                        1,
                        null(),
                        &one,
                        null(),
                        0,
                        null(),
                        null_mut(),
                    )
                }),
            ),
            (
                "clEnqueueTask",
                Box::new(|h| api.clEnqueueTask(h, z.kernel, 0, null(), null_mut())),
            ),
            (
                "clEnqueueMarkerWithWaitList",
                Box::new(|h| api.clEnqueueMarkerWithWaitList(h, 0, null(), null_mut())),
            ),
            (
                "clEnqueueBarrierWithWaitList",
                Box::new(|h| api.clEnqueueBarrierWithWaitList(h, 0, null(), null_mut())),
            ),
        ],
    );
}
