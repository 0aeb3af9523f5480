//! One thread of a sequence: does its steps and compares codes and contents with the model's.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opencl_sys::*;

use super::epilogue::epilogue;
use super::execute::{Shared, Trouble};
use super::model::{Known, Model, UNKNOWN};
use super::pattern;
use super::step::{Case, Region, Step, Work};
use crate::check::expect::code_name;
use crate::client::{offset, read, reference, write, Api};
use crate::session::{check, CallError};

/// What the callbacks of `clEnqueueSVMFree` get.
pub(super) struct Freed {
    api: &'static Api,
    context: usize,
    calls: AtomicUsize,
}

pub(super) extern "C" fn free_all(
    _: cl_command_queue,
    count: cl_uint,
    pointers: *mut *mut c_void,
    user_data: *mut c_void,
) {
    let freed = reference::<Freed>(user_data);
    for index in 0..count as usize {
        let pointer = read(pointers.cast(), index);
        freed.api.clSVMFree(freed.context as cl_context, pointer);
    }
    freed.calls.fetch_add(1, Ordering::SeqCst);
}

/// Time for the last callbacks to be called.
const CALLBACKS: Duration = Duration::from_secs(5);

/// A thread with its objects.
pub(super) struct Runner<'a> {
    pub shared: Shared,
    case: &'a Case,
    thread: usize,
    step: usize,
    model: Model,
    pub queues: Vec<cl_command_queue>,
    pub kernels: Vec<cl_kernel>,
    memory: BTreeMap<usize, *mut c_void>,
    pub buffers: BTreeMap<usize, cl_mem>,
    pub events: BTreeMap<usize, cl_event>,
    /// What the bad calls are about.
    idle: *mut c_void,
    pub freed: &'static Freed,
    pub callbacks: usize,
    /// Where what is mapped begins.
    pub mapped_at: BTreeMap<usize, usize>,
}

impl<'a> Runner<'a> {
    pub fn new(shared: Shared, case: &'a Case, thread: usize) -> Result<Self, Trouble> {
        let failed = |error: CallError| Trouble {
            thread,
            step: 0,
            what: error.call.to_owned(),
            detail: format!("success expected, {} seen", code_name(error.code)),
        };
        let api = shared.api;
        let mut queues = Vec::new();
        for index in 0..case.queues.len() {
            queues.push(match shared.queue {
                Some(queue) if index == 0 => queue as cl_command_queue,
                _ => shared.make_queue(case, index).map_err(failed)?,
            });
        }
        let mut kernels = Vec::new();
        let names = [c"pattern", c"add", c"chase"];
        for name in names.iter().filter(|_| shared.program != 0) {
            let mut code = CL_SUCCESS;
            let program = shared.program as cl_program;
            kernels.push(api.clCreateKernel(program, name.as_ptr(), &mut code));
            check("clCreateKernel", code).map_err(failed)?;
        }
        let idle = api.clSVMAlloc(shared.context as cl_context, CL_MEM_READ_WRITE, 64, 0);
        // Callbacks may come late.
        let freed = Box::leak(Box::new(Freed {
            api,
            context: shared.context,
            calls: AtomicUsize::new(0),
        }));
        Ok(Self {
            shared,
            case,
            thread,
            step: 0,
            model: Model::new(&case.queues, case.shared),
            queues,
            kernels,
            memory: BTreeMap::new(),
            buffers: BTreeMap::new(),
            events: BTreeMap::new(),
            idle,
            freed,
            callbacks: 0,
            mapped_at: BTreeMap::new(),
        })
    }

    pub fn all(&mut self) -> Result<(), Trouble> {
        let steps = &self.case.threads[self.thread];
        for (index, step) in steps.iter().enumerate() {
            self.step = index;
            self.do_step(step)?;
        }
        self.step = steps.len();
        for step in epilogue(&self.model, &self.case.queues) {
            self.do_step(&step)?;
        }
        let end = Instant::now() + CALLBACKS;
        let calls = || self.freed.calls.load(Ordering::SeqCst);
        while calls() < self.callbacks && Instant::now() < end {
            std::thread::sleep(Duration::from_micros(100));
        }
        let seen = calls();
        self.expect(
            "callbacks of clEnqueueSVMFree",
            seen == self.callbacks,
            || format!("{} calls expected, {seen} seen", self.callbacks),
        )?;
        let api = self.shared.api;
        api.clSVMFree(self.shared.context as cl_context, self.idle);
        for kernel in &self.kernels {
            api.clReleaseKernel(*kernel);
        }
        let own = usize::from(self.shared.queue.is_some());
        for queue in &self.queues[own..] {
            api.clReleaseCommandQueue(*queue);
        }
        Ok(())
    }

    fn expect(
        &self,
        what: &str,
        holds: bool,
        detail: impl FnOnce() -> String,
    ) -> Result<(), Trouble> {
        if holds {
            return Ok(());
        }
        Err(Trouble {
            thread: self.thread,
            step: self.step,
            what: what.to_owned(),
            detail: detail(),
        })
    }

    pub fn success(&self, call: &str, code: cl_int) -> Result<(), Trouble> {
        self.expect(call, code == CL_SUCCESS, || {
            format!("success expected, {} seen", code_name(code))
        })
    }

    pub fn at(&self, allocation: usize, bytes: usize) -> *mut c_void {
        offset(self.memory[&allocation], bytes)
    }

    pub fn start(&self, region: &Region) -> *mut c_void {
        self.at(region.allocation, region.offset)
    }

    pub fn same(
        &self,
        what: &str,
        expected: &[u16],
        seen: impl Fn(usize) -> u8,
    ) -> Result<(), Trouble> {
        for (index, byte) in expected.iter().enumerate() {
            let found = seen(index);
            self.expect(what, *byte == UNKNOWN || *byte == u16::from(found), || {
                format!(
                    "byte {index} of {}: {byte} expected, {found} seen",
                    expected.len()
                )
            })?;
        }
        Ok(())
    }

    fn do_step(&mut self, step: &Step) -> Result<(), Trouble> {
        let api = self.shared.api;
        let context = self.shared.context as cl_context;
        let regions = match step {
            Step::Enqueue(Work::Chase(table, _), _) => self
                .model
                .allocations
                .get(table)
                .and_then(|live| live.pointers.clone()),
            _ => None,
        };
        let demand = self.model.apply(step).map_err(|why| Trouble {
            thread: self.thread,
            step: self.step,
            what: "the fuzzer".into(),
            detail: format!("a step without a meaning: {why}"),
        })?;
        let mut code = CL_SUCCESS;
        match step {
            Step::Allocate {
                allocation,
                flags,
                size,
                alignment,
            } => {
                let pointer = api.clSVMAlloc(context, *flags, *size, *alignment);
                self.expect("clSVMAlloc", !pointer.is_null(), || {
                    "memory expected, NULL seen".into()
                })?;
                self.memory.insert(*allocation, pointer);
            }
            Step::Free(allocation) => api.clSVMFree(context, self.at(*allocation, 0)),
            Step::Buffer { buffer, allocation } => {
                let size = self.model.allocations[allocation].bytes.len();
                let flags = CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR;
                let made =
                    api.clCreateBuffer(context, flags, size, self.at(*allocation, 0), &mut code);
                self.success("clCreateBuffer", code)?;
                self.buffers.insert(*buffer, made);
            }
            Step::SubBuffer { buffer, parent } => {
                let place = [parent.offset, parent.size];
                let whole = self.buffers[&parent.buffer];
                let (kind, place) = (CL_BUFFER_CREATE_TYPE_REGION, place.as_ptr().cast());
                let made = api.clCreateSubBuffer(whole, 0, kind, place, &mut code);
                self.success("clCreateSubBuffer", code)?;
                self.buffers.insert(*buffer, made);
            }
            Step::ReleaseBuffer(buffer) => {
                code = api.clReleaseMemObject(self.buffers[buffer]);
                self.success("clReleaseMemObject", code)?;
            }
            Step::Enqueue(work, order) => {
                return self.enqueue(work, order, &demand.bytes, regions.unwrap_or_default());
            }
            Step::UserEvent(event) => {
                let made = api.clCreateUserEvent(context, &mut code);
                self.success("clCreateUserEvent", code)?;
                self.events.insert(*event, made);
            }
            Step::Complete(event) => {
                code = api.clSetUserEventStatus(self.events[event], CL_COMPLETE);
                self.success("clSetUserEventStatus", code)?;
            }
            Step::Flush(queue) => self.success("clFlush", api.clFlush(self.queues[*queue]))?,
            Step::Finish(queue) => self.success("clFinish", api.clFinish(self.queues[*queue]))?,
            Step::Wait(events) => {
                let list = self.list(events);
                code = api.clWaitForEvents(list.len() as cl_uint, list.as_ptr());
                self.success("clWaitForEvents", code)?;
            }
            Step::Query(event) => {
                let mut status: cl_int = 99;
                let place = (&raw mut status).cast();
                let (name, size) = (CL_EVENT_COMMAND_EXECUTION_STATUS, size_of::<cl_int>());
                code = api.clGetEventInfo(self.events[event], name, size, place, null_mut());
                self.success("clGetEventInfo", code)?;
                let expected = match demand.status {
                    Some(Known::Complete) => CL_COMPLETE..=CL_COMPLETE,
                    Some(Known::Waiting) => CL_SUBMITTED..=CL_QUEUED,
                    _ => CL_COMPLETE..=CL_QUEUED,
                };
                self.expect("status of an event", expected.contains(&status), || {
                    format!("{expected:?} expected, {status} seen")
                })?;
            }
            Step::ReleaseEvent(event) => {
                code = api.clReleaseEvent(self.events[event]);
                self.success("clReleaseEvent", code)?;
            }
            Step::HostWrite(region, seed) => {
                let place = self.start(region);
                (0..region.size).for_each(|index| write(place, index, pattern::byte(*seed, index)));
            }
            Step::HostCheck(region) => {
                let place = self.start(region).cast_const();
                self.same("contents", &demand.bytes, |index| read(place, index))?;
            }
            Step::Pointers(table, regions) => {
                let place = self.at(*table, 0);
                for (index, region) in regions.iter().enumerate() {
                    // Not aligned to anything where the table is not.
                    let address = (self.start(region) as u64).to_ne_bytes();
                    write(offset(place, 8 * index), 0, address);
                }
            }
            Step::Bad(bad) => {
                code = bad.call(api, self.queues[0], self.idle);
                let expected = bad.code();
                self.expect(&format!("{bad:?}"), code == expected, || {
                    format!("{} expected, {} seen", code_name(expected), code_name(code))
                })?;
            }
        }
        Ok(())
    }

    pub fn list(&self, events: &[usize]) -> Vec<cl_event> {
        events.iter().map(|event| self.events[event]).collect()
    }
}
