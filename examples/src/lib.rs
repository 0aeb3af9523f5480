//! What the example programs share: the first device with shared virtual memory, its context and
//! a queue, and an arena of SVM memory that holds structures with pointers.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::null_mut;

use opencl3::command_queue::CommandQueue;
use opencl3::context::Context;
use opencl3::device::{Device, CL_DEVICE_TYPE_ALL};
use opencl3::kernel::Kernel;
use opencl3::memory::{
    svm_alloc, svm_free, CL_MEM_READ_WRITE, CL_MEM_SVM_ATOMICS, CL_MEM_SVM_FINE_GRAIN_BUFFER,
};
use opencl3::program::{Program, CL_STD_3_0};

/// Everything an example reports as failed.
pub type Failure = Box<dyn std::error::Error>;

/// A device, its context and an in-order queue.
pub struct Setup {
    /// The device.
    pub device: Device,
    /// Its context.
    pub context: Context,
    /// A queue.
    pub queue: CommandQueue,
}

impl Setup {
    /// Takes the first device with fine-grained SVM buffers.
    ///
    /// # Errors
    /// When no platform has one.
    pub fn first_device() -> Result<Self, Failure> {
        for platform in opencl3::platform::get_platforms()? {
            for id in platform.get_devices(CL_DEVICE_TYPE_ALL).unwrap_or_default() {
                let device = Device::new(id);
                let capabilities = device.svm_mem_capability();
                if capabilities & opencl3::device::CL_DEVICE_SVM_FINE_GRAIN_BUFFER == 0 {
                    continue;
                }
                let context = Context::from_device(&device)?;
                let queue = CommandQueue::create_default_with_properties(&context, 0, 0)?;
                return Ok(Self {
                    device,
                    context,
                    queue,
                });
            }
        }
        Err("no OpenCL device with fine-grained SVM".into())
    }

    /// Builds a program and returns one kernel of it.
    ///
    /// # Errors
    /// The build log, or that there is no such kernel.
    pub fn kernel(&self, source: &str, name: &str) -> Result<Kernel, Failure> {
        let program = Program::create_and_build_from_source(&self.context, source, CL_STD_3_0)?;
        Ok(Kernel::create(&program, name)?)
    }
}

/// Elements of type `T` in one fine-grained SVM allocation; freed when dropped.
pub struct Arena<'a, T> {
    context: &'a Context,
    first: *mut T,
    len: usize,
}

impl<'a, T: Copy> Arena<'a, T> {
    /// Allocates `len` elements, each a copy of `value`.
    ///
    /// # Errors
    /// When the memory cannot be allocated.
    pub fn new(setup: &'a Setup, len: usize, value: T) -> Result<Self, Failure> {
        let atomics =
            setup.device.svm_mem_capability() & opencl3::device::CL_DEVICE_SVM_ATOMICS != 0;
        let flags = CL_MEM_READ_WRITE
            | CL_MEM_SVM_FINE_GRAIN_BUFFER
            | if atomics { CL_MEM_SVM_ATOMICS } else { 0 };
        // SAFETY: the context is live; a null result becomes an error.
        let first: *mut T =
            unsafe { svm_alloc(setup.context.get(), flags, len * size_of::<T>(), 0) }
                .map_err(|code| format!("clSVMAlloc: {code}"))?
                .cast();
        let arena = Self {
            context: &setup.context,
            first,
            len,
        };
        for index in 0..len {
            arena.set(index, value);
        }
        Ok(arena)
    }

    /// Address of an element, the same on host and device.
    pub fn at(&self, index: usize) -> *mut T {
        assert!(index < self.len);
        self.first.wrapping_add(index)
    }

    /// Address of the first element, as kernels take it.
    pub fn pointer(&self) -> *mut c_void {
        self.first.cast()
    }

    /// Stores an element.
    pub fn set(&self, index: usize, value: T) {
        // SAFETY: `at` is inside the allocation, which lives as long as `self`.
        unsafe { self.at(index).write_volatile(value) }
    }

    /// Loads an element.
    pub fn get(&self, index: usize) -> T {
        // SAFETY: as for `set`.
        unsafe { self.at(index).read_volatile() }
    }

    /// The element a pointer found in shared memory leads to; `None` for null and for pointers
    /// that lead out of the arena.
    pub fn follow(&self, pointer: *mut T) -> Option<T> {
        let offset = (pointer as usize).checked_sub(self.first as usize)?;
        (offset % size_of::<T>() == 0 && offset / size_of::<T>() < self.len)
            .then(|| self.get(offset / size_of::<T>()))
    }
}

impl<T> Drop for Arena<'_, T> {
    fn drop(&mut self) {
        // SAFETY: allocated from this context in `new`; the examples finish their queues first.
        let _ = unsafe { svm_free(self.context.get(), self.first.cast()) };
    }
}

/// The null pointer of a structure in shared memory.
pub const fn null<T>() -> *mut T {
    null_mut()
}
