//! Enqueueing the commands of a sequence.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::execute::Trouble;
use super::pattern;
use super::runner::{free_all, Runner};
use super::step::{Order, Region, Work};
use crate::client::SvmFreeCallback;

impl Runner<'_> {
    /// Enqueues a command, and compares what it shows with what is expected; `regions` is where a
    /// table of pointers leads to.
    pub fn enqueue(
        &mut self,
        work: &Work,
        order: &Order,
        expected: &[u16],
        regions: Vec<Region>,
    ) -> Result<(), Trouble> {
        let api = self.shared.api;
        let queue = self.queues[order.queue];
        let list = self.list(&order.waits);
        let waits = if list.is_empty() {
            null()
        } else {
            list.as_ptr()
        };
        let count = list.len() as cl_uint;
        let mut made: cl_event = null_mut();
        let event: *mut cl_event = if order.event.is_some() {
            &mut made
        } else {
            null_mut()
        };
        let blocking = |blocking: &bool| if *blocking { CL_TRUE } else { CL_FALSE };
        let host = |size, seed| {
            (0..size)
                .map(|index| pattern::byte(seed, index))
                .collect::<Vec<u8>>()
        };
        let (call, code) = match work {
            Work::Fill(to, pattern) => ("clEnqueueSVMMemFill", {
                let (from, length) = (pattern.as_ptr().cast(), pattern.len());
                api.clEnqueueSVMMemFill(
                    queue,
                    self.start(to),
                    from,
                    length,
                    to.size,
                    count,
                    waits,
                    event,
                )
            }),
            Work::Copy(to, from, wait) => ("clEnqueueSVMMemcpy", {
                let source = self.at(from.0, from.1).cast_const();
                let wait = blocking(wait);
                api.clEnqueueSVMMemcpy(
                    queue,
                    wait,
                    self.start(to),
                    source,
                    to.size,
                    count,
                    waits,
                    event,
                )
            }),
            Work::CopyIn(to, seed) => ("clEnqueueSVMMemcpy", {
                let bytes = host(to.size, *seed);
                let from = bytes.as_ptr().cast();
                api.clEnqueueSVMMemcpy(
                    queue,
                    CL_TRUE,
                    self.start(to),
                    from,
                    to.size,
                    count,
                    waits,
                    event,
                )
            }),
            Work::CopyOut(from) => {
                let mut bytes = vec![0_u8; from.size];
                let (to, source) = (bytes.as_mut_ptr().cast(), self.start(from).cast_const());
                let code = api
                    .clEnqueueSVMMemcpy(queue, CL_TRUE, to, source, from.size, count, waits, event);
                self.success("clEnqueueSVMMemcpy", code)?;
                self.same("contents copied to the host", expected, |index| {
                    bytes[index]
                })?;
                ("clEnqueueSVMMemcpy", code)
            }
            Work::Map(region, flags, wait) => ("clEnqueueSVMMap", {
                let (place, size, wait) = (self.start(region), region.size, blocking(wait));
                api.clEnqueueSVMMap(queue, wait, *flags, place, size, count, waits, event)
            }),
            Work::Unmap(allocation) => ("clEnqueueSVMUnmap", {
                let mapped = self.mapped_at.remove(allocation).unwrap_or(0);
                api.clEnqueueSVMUnmap(queue, self.at(*allocation, mapped), count, waits, event)
            }),
            Work::Migrate(allocations, flags) => ("clEnqueueSVMMigrateMem", {
                let pointers = allocations
                    .iter()
                    .map(|number| self.at(*number, 0).cast_const());
                let pointers: Vec<_> = pointers.collect();
                let number = pointers.len() as cl_uint;
                let first = pointers.as_ptr();
                api.clEnqueueSVMMigrateMem(
                    queue,
                    number,
                    first,
                    null(),
                    *flags,
                    count,
                    waits,
                    event,
                )
            }),
            Work::Write(to, seed) => {
                let kernel = self.kernels[0];
                self.argument(kernel, 0, self.start(to))?;
                self.number(kernel, 1, *seed)?;
                (
                    "clEnqueueNDRangeKernel",
                    self.launch(kernel, to.size / 4, order, waits, event),
                )
            }
            Work::Add(to, from) => {
                let kernel = self.kernels[1];
                self.argument(kernel, 0, self.start(to))?;
                self.argument(kernel, 1, self.at(from.0, from.1))?;
                (
                    "clEnqueueNDRangeKernel",
                    self.launch(kernel, to.size / 4, order, waits, event),
                )
            }
            Work::Chase(table, seed) => {
                let kernel = self.kernels[2];
                let targets: Vec<_> = regions
                    .iter()
                    .map(|region| self.at(region.allocation, 0))
                    .collect();
                let (size, first) = (size_of_val(&targets[..]), targets.as_ptr().cast());
                let code =
                    api.clSetKernelExecInfo(kernel, CL_KERNEL_EXEC_INFO_SVM_PTRS, size, first);
                self.success("clSetKernelExecInfo", code)?;
                self.argument(kernel, 0, self.at(*table, 0))?;
                let words = regions.first().map_or(0, |region| region.size / 4);
                self.number(kernel, 1, words as u32)?;
                self.number(kernel, 2, *seed)?;
                (
                    "clEnqueueNDRangeKernel",
                    self.launch(kernel, regions.len(), order, waits, event),
                )
            }
            Work::BufferFill(slice, pattern) => ("clEnqueueFillBuffer", {
                let (from, length, buffer) = (
                    pattern.as_ptr().cast(),
                    pattern.len(),
                    self.buffers[&slice.buffer],
                );
                api.clEnqueueFillBuffer(
                    queue,
                    buffer,
                    from,
                    length,
                    slice.offset,
                    slice.size,
                    count,
                    waits,
                    event,
                )
            }),
            Work::BufferWrite(slice, seed) => ("clEnqueueWriteBuffer", {
                let bytes = host(slice.size, *seed);
                let (from, buffer) = (bytes.as_ptr().cast(), self.buffers[&slice.buffer]);
                api.clEnqueueWriteBuffer(
                    queue,
                    buffer,
                    CL_TRUE,
                    slice.offset,
                    slice.size,
                    from,
                    count,
                    waits,
                    event,
                )
            }),
            Work::BufferRead(slice) => {
                let mut bytes = vec![0_u8; slice.size];
                let (to, buffer) = (bytes.as_mut_ptr().cast(), self.buffers[&slice.buffer]);
                let code = api.clEnqueueReadBuffer(
                    queue,
                    buffer,
                    CL_TRUE,
                    slice.offset,
                    slice.size,
                    to,
                    count,
                    waits,
                    event,
                );
                self.success("clEnqueueReadBuffer", code)?;
                self.same("contents of a buffer", expected, |index| bytes[index])?;
                ("clEnqueueReadBuffer", code)
            }
            Work::Marker => (
                "clEnqueueMarkerWithWaitList",
                api.clEnqueueMarkerWithWaitList(queue, count, waits, event),
            ),
            Work::Barrier => (
                "clEnqueueBarrierWithWaitList",
                api.clEnqueueBarrierWithWaitList(queue, count, waits, event),
            ),
            Work::Free(allocations, callback) => ("clEnqueueSVMFree", {
                let mut pointers: Vec<_> = allocations
                    .iter()
                    .map(|number| self.at(*number, 0))
                    .collect();
                let function = callback.then_some(free_all as SvmFreeCallback);
                self.callbacks += usize::from(*callback);
                let data = std::ptr::from_ref(self.freed).cast_mut().cast();
                let (number, first) = (pointers.len() as cl_uint, pointers.as_mut_ptr());
                api.clEnqueueSVMFree(queue, number, first, function, data, count, waits, event)
            }),
        };
        self.success(call, code)?;
        if let Work::Map(region, ..) = work {
            self.mapped_at.insert(region.allocation, region.offset);
        }
        if let Some(event) = order.event {
            self.events.insert(event, made);
        }
        Ok(())
    }

    fn argument(
        &self,
        kernel: cl_kernel,
        index: cl_uint,
        pointer: *mut c_void,
    ) -> Result<(), Trouble> {
        let code = self
            .shared
            .api
            .clSetKernelArgSVMPointer(kernel, index, pointer);
        self.success("clSetKernelArgSVMPointer", code)
    }

    fn number(&self, kernel: cl_kernel, index: cl_uint, value: u32) -> Result<(), Trouble> {
        let value = (&raw const value).cast();
        let code = self
            .shared
            .api
            .clSetKernelArg(kernel, index, size_of::<u32>(), value);
        self.success("clSetKernelArg", code)
    }

    fn launch(
        &self,
        kernel: cl_kernel,
        items: usize,
        order: &Order,
        waits: *const cl_event,
        event: *mut cl_event,
    ) -> cl_int {
        let (queue, count) = (self.queues[order.queue], order.waits.len() as cl_uint);
        let (none, api) = (null(), self.shared.api);
        api.clEnqueueNDRangeKernel(queue, kernel, 1, none, &items, none, count, waits, event)
    }
}
