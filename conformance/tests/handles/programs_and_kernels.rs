//! Calls that take a program or a kernel: every handle that is none is refused.

use super::*;

#[test]
fn programs_and_kernels() {
    let zoo = Zoo::new();
    let api = zoo.session.api;
    let device = zoo.session.device;
    let queue = zoo.session.queue;
    let one = 1usize;
    refuse(
        &zoo,
        "program",
        CL_INVALID_PROGRAM,
        &[
            ("clRetainProgram", Box::new(|h| api.clRetainProgram(h))),
            ("clReleaseProgram", Box::new(|h| api.clReleaseProgram(h))),
            (
                "clBuildProgram",
                Box::new(|h| api.clBuildProgram(h, 1, &device, null(), None, null_mut())),
            ),
            (
                "clCompileProgram",
                Box::new(|h| {
                    api.clCompileProgram(h, 1, &device, null(), 0, null(), null(), None, null_mut())
                }),
            ),
            (
                "clGetProgramInfo",
                Box::new(|h| {
                    api.clGetProgramInfo(h, CL_PROGRAM_NUM_DEVICES, 0, null_mut(), null_mut())
                }),
            ),
            (
                "clGetProgramBuildInfo",
                Box::new(|h| {
                    api.clGetProgramBuildInfo(
                        h,
                        device,
                        CL_PROGRAM_BUILD_LOG,
                        0,
                        null_mut(),
                        null_mut(),
                    )
                }),
            ),
            (
                "clCreateKernel",
                Box::new(|h| code(|c| api.clCreateKernel(h, c"k".as_ptr(), c))),
            ),
            (
                "clCreateKernelsInProgram",
                Box::new(|h| api.clCreateKernelsInProgram(h, 0, null_mut(), null_mut())),
            ),
            (
                "clLinkProgram",
                Box::new(|h| {
                    code(|c| {
                        api.clLinkProgram(
                            zoo.session.context,
                            0,
                            null(),
                            null(),
                            1,
                            &h,
                            None,
                            null_mut(),
                            c,
                        );
                    })
                }),
            ),
        ],
    );
    refuse(
        &zoo,
        "kernel",
        CL_INVALID_KERNEL,
        &[
            ("clRetainKernel", Box::new(|h| api.clRetainKernel(h))),
            ("clReleaseKernel", Box::new(|h| api.clReleaseKernel(h))),
            (
                "clCloneKernel",
                Box::new(|h| code(|c| api.clCloneKernel(h, c))),
            ),
            (
                "clSetKernelArg",
                Box::new(|h| api.clSetKernelArg(h, 1, 4, std::ptr::from_ref(&1i32).cast())),
            ),
            (
                "clSetKernelArgSVMPointer",
                Box::new(|h| api.clSetKernelArgSVMPointer(h, 0, zoo.memory)),
            ),
            (
                "clSetKernelExecInfo",
                Box::new(|h| api.clSetKernelExecInfo(h, CL_KERNEL_EXEC_INFO_SVM_PTRS, 0, EMPTY)),
            ),
            (
                "clGetKernelInfo",
                Box::new(|h| api.clGetKernelInfo(h, CL_KERNEL_NUM_ARGS, 0, null_mut(), null_mut())),
            ),
            (
                "clGetKernelArgInfo",
                Box::new(|h| {
                    api.clGetKernelArgInfo(h, 0, CL_KERNEL_ARG_NAME, 0, null_mut(), null_mut())
                }),
            ),
            (
                "clGetKernelWorkGroupInfo",
                Box::new(|h| {
                    api.clGetKernelWorkGroupInfo(
                        h,
                        device,
                        CL_KERNEL_WORK_GROUP_SIZE,
                        0,
                        null_mut(),
                        null_mut(),
                    )
                }),
            ),
            (
                "clEnqueueNDRangeKernel",
                Box::new(move |h| {
                    api.clEnqueueNDRangeKernel(
                        queue,
                        h,
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
                Box::new(|h| api.clEnqueueTask(queue, h, 0, null(), null_mut())),
            ),
        ],
    );
}
