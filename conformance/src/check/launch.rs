//! Kernels that work on shared virtual memory.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::{expect, Environment, Finding};

impl Environment {
    /// Sets the first arguments of a kernel to SVM pointers.
    ///
    /// # Errors
    /// When one is refused.
    pub fn svm_arguments(&self, kernel: cl_kernel, pointers: &[*mut c_void]) -> Finding {
        for (index, pointer) in (0..).zip(pointers) {
            let code = self.api.clSetKernelArgSVMPointer(kernel, index, *pointer);
            expect::success("clSetKernelArgSVMPointer", code)?;
        }
        Ok(())
    }

    /// Tells which allocations a kernel reaches through pointers that stand in memory.
    ///
    /// # Errors
    /// When the call fails.
    pub fn reaches(&self, kernel: cl_kernel, pointers: &[*mut c_void]) -> Finding {
        let (size, list) = (size_of_val(pointers), pointers.as_ptr().cast());
        let name = CL_KERNEL_EXEC_INFO_SVM_PTRS;
        let code = self.api.clSetKernelExecInfo(kernel, name, size, list);
        expect::success("clSetKernelExecInfo", code)
    }

    /// Enqueues a kernel of so many work-items.
    ///
    /// # Errors
    /// When the call fails.
    pub fn enqueue(
        &self,
        queue: cl_command_queue,
        kernel: cl_kernel,
        work_items: usize,
        wait: &[cl_event],
    ) -> Finding {
        let list = if wait.is_empty() {
            null()
        } else {
            wait.as_ptr()
        };
        let code = self.api.clEnqueueNDRangeKernel(
            queue,
            kernel,
            1,
            null(),
            &work_items,
            null(),
            wait.len() as cl_uint,
            list,
            null_mut(),
        );
        expect::success("clEnqueueNDRangeKernel", code)
    }

    /// Runs a kernel of so many work-items with SVM pointers as its first arguments, to its end.
    ///
    /// # Errors
    /// When a call fails.
    pub fn run(&self, kernel: cl_kernel, pointers: &[*mut c_void], work_items: usize) -> Finding {
        self.svm_arguments(kernel, pointers)?;
        self.enqueue(self.queue, kernel, work_items, &[])?;
        Ok(self.finish()?)
    }
}
