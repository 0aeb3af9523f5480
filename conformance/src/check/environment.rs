//! What a check finds when it starts, and what is tidied up behind it.

use std::ffi::c_void;
use std::ops::Deref;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use opencl_sys::*;

use super::{expect, Need, Outcome};
use crate::client::{read, write};
use crate::session::{check, devices, CallError, Session};

/// An object that is released after the check.
enum Object {
    Svm(cl_context, *mut c_void),
    Gate(cl_event),
    Event(cl_event),
    Queue(cl_command_queue),
    Context(cl_context),
    Devices(Vec<cl_device_id>),
    Memory(cl_mem),
    Kernel(cl_kernel),
}

/// A device with a context and an in-order queue with profiling, through which every call of the
/// API is at hand. What a check makes here is released after it, whatever it found.
pub struct Environment {
    session: Session,
    objects: Mutex<Vec<Object>>,
}

impl Deref for Environment {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Environment {
    /// Opens the device that the process's environment chooses.
    ///
    /// # Errors
    /// The first call that fails.
    pub fn open() -> Result<Self, CallError> {
        Ok(Self {
            session: Session::open()?,
            objects: Mutex::new(Vec::new()),
        })
    }

    /// Whether the device offers something.
    ///
    /// # Errors
    /// When a query fails that every device answers.
    pub fn has(&self, need: Need) -> Result<bool, CallError> {
        if let Some(bit) = need.svm_capability() {
            return Ok(self.svm_capabilities() & bit != 0);
        }
        // Queries that came with OpenCL 2.0, and that an older device does not know.
        let queue = |name| self.device_info::<cl_ulong>(name).unwrap_or(0);
        Ok(match need {
            Need::OutOfOrderQueue => {
                let host: cl_ulong = self.device_info(CL_DEVICE_QUEUE_PROPERTIES)?;
                host & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE != 0
            }
            Need::OnDeviceQueue => queue(CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES) != 0,
            Need::SubDevices => !self.sub_devices(1)?.is_empty(),
            Need::TwoDevices => devices(self.api, self.platform)?.len() > 1,
            Need::Compiler => self.device_info::<cl_bool>(CL_DEVICE_COMPILER_AVAILABLE)? != 0,
            Need::UnifiedSvm => self.has_extension("cl_khr_unified_svm")?,
            _ => false,
        })
    }

    /// Whether the device offers an extension.
    ///
    /// # Errors
    /// When a query fails that every device answers.
    pub fn has_extension(&self, name: &str) -> Result<bool, CallError> {
        let extensions = self.device_string(CL_DEVICE_EXTENSIONS)?;
        Ok(extensions.split(' ').any(|one| one == name))
    }

    /// The device's `CL_DEVICE_SVM_CAPABILITIES`; 0 for a device that does not know the query.
    pub fn svm_capabilities(&self) -> cl_device_svm_capabilities {
        self.device_info(CL_DEVICE_SVM_CAPABILITIES).unwrap_or(0)
    }

    /// The device's OpenCL version, major and minor.
    ///
    /// # Errors
    /// When the query fails.
    pub fn version(&self) -> Result<(u32, u32), CallError> {
        let text = self.device_string(CL_DEVICE_VERSION)?;
        let number = text.strip_prefix("OpenCL ").unwrap_or_default();
        let number = number.split(' ').next().unwrap_or_default();
        let (major, minor) = number.split_once('.').unwrap_or_default();
        Ok((major.parse().unwrap_or(0), minor.parse().unwrap_or(0)))
    }

    /// Allocates shared virtual memory, if the implementation does.
    pub fn try_svm(&self, flags: cl_ulong, size: usize, alignment: cl_uint) -> *mut c_void {
        self.try_svm_of(self.context, flags, size, alignment)
    }

    /// Allocates shared virtual memory of a context, if the implementation does.
    pub fn try_svm_of(
        &self,
        context: cl_context,
        flags: cl_ulong,
        size: usize,
        alignment: cl_uint,
    ) -> *mut c_void {
        let pointer = self.api.clSVMAlloc(context, flags, size, alignment);
        self.keep_svm(context, pointer);
        pointer
    }

    /// Has shared virtual memory of a context freed after the check, if there is any.
    pub fn keep_svm(&self, context: cl_context, pointer: *mut c_void) {
        if !pointer.is_null() {
            self.keep(Object::Svm(context, pointer));
        }
    }

    /// Allocates shared virtual memory that kernels read and write.
    ///
    /// # Errors
    /// When there is none.
    pub fn svm(&self, size: usize) -> Result<*mut c_void, Outcome> {
        let pointer = self.try_svm(CL_MEM_READ_WRITE, size, 0);
        expect::that(!pointer.is_null(), || {
            (
                format!("clSVMAlloc gives {size} bytes for CL_MEM_READ_WRITE"),
                "NULL".into(),
            )
        })?;
        Ok(pointer)
    }

    /// Frees shared virtual memory with `clSVMFree`.
    pub fn free(&self, pointer: *mut c_void) {
        if let Some(context) = self.forget(pointer) {
            self.api.clSVMFree(context, pointer);
        }
    }

    /// Leaves freeing to somebody else; the context of the memory.
    pub fn forget(&self, pointer: *mut c_void) -> Option<cl_context> {
        let mut objects = self.objects();
        let place = objects
            .iter()
            .rposition(|object| matches!(object, Object::Svm(_, kept) if *kept == pointer))?;
        match objects.swap_remove(place) {
            Object::Svm(context, _) => Some(context),
            _ => None,
        }
    }

    /// A user event; if the check does not set its status, it is completed after it.
    ///
    /// # Errors
    /// When there is none.
    pub fn gate(&self) -> Result<cl_event, CallError> {
        let event = self.session.user_event()?;
        self.keep(Object::Gate(event));
        Ok(event)
    }

    /// Lets go what waits for a user event.
    ///
    /// # Errors
    /// When its status cannot be set.
    pub fn open_gate(&self, gate: cl_event) -> Result<(), CallError> {
        let code = self.api.clSetUserEventStatus(gate, CL_COMPLETE);
        check("clSetUserEventStatus", code)
    }

    /// Has an event released after the check.
    pub fn keep_event(&self, event: cl_event) {
        if !event.is_null() {
            self.keep(Object::Event(event));
        }
    }

    /// A further queue of the context.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn queue_of(&self, properties: cl_ulong) -> Result<cl_command_queue, CallError> {
        let queue = self.session.queue_with(properties)?;
        self.keep(Object::Queue(queue));
        Ok(queue)
    }

    /// A further context, of these devices.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn context_of(&self, devices: &[cl_device_id]) -> Result<cl_context, CallError> {
        let mut code = CL_SUCCESS;
        let context = self.api.clCreateContext(
            null(),
            devices.len() as cl_uint,
            devices.as_ptr(),
            None,
            null_mut(),
            &mut code,
        );
        check("clCreateContext", code)?;
        self.keep(Object::Context(context));
        Ok(context)
    }

    /// A buffer.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn buffer(
        &self,
        flags: cl_mem_flags,
        size: usize,
        host: *mut c_void,
    ) -> Result<cl_mem, CallError> {
        let mut code = CL_SUCCESS;
        let buffer = self
            .api
            .clCreateBuffer(self.context, flags, size, host, &mut code);
        check("clCreateBuffer", code)?;
        self.keep(Object::Memory(buffer));
        Ok(buffer)
    }

    /// Has a queue released after the check.
    pub fn keep_queue(&self, queue: cl_command_queue) {
        self.keep(Object::Queue(queue));
    }

    /// Has a kernel released after the check.
    pub fn keep_kernel(&self, kernel: cl_kernel) {
        self.keep(Object::Kernel(kernel));
    }

    /// Has a memory object released after the check, if it was made.
    pub fn keep_memory(&self, object: cl_mem) {
        if !object.is_null() {
            self.keep(Object::Memory(object));
        }
    }

    /// Builds a program and makes its kernel.
    ///
    /// # Errors
    /// When the program does not build; the outcome shows the log.
    pub fn kernel(&self, source: &str, name: &str) -> Result<cl_kernel, Outcome> {
        let (major, _) = self.version()?;
        let options = if major >= 3 {
            "-cl-std=CL3.0"
        } else {
            "-cl-std=CL2.0"
        };
        match self.session.kernel(source, options, name) {
            Ok(kernel) => {
                self.keep(Object::Kernel(kernel));
                Ok(kernel)
            }
            Err((error, log)) => Err(Outcome::fail(
                format!("{} succeeds for {source:?}", error.call),
                format!("{}: {}", expect::code_name(error.code), log.trim()),
            )),
        }
    }

    /// A clone of a kernel.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn clone_kernel(&self, kernel: cl_kernel) -> Result<cl_kernel, CallError> {
        let mut code = CL_SUCCESS;
        let clone = self.api.clCloneKernel(kernel, &mut code);
        check("clCloneKernel", code)?;
        self.keep(Object::Kernel(clone));
        Ok(clone)
    }

    /// Sub-devices of the device, each with so many compute units; none if it cannot be parted.
    ///
    /// # Errors
    /// When the device cannot be asked.
    pub fn sub_devices(&self, compute_units: isize) -> Result<Vec<cl_device_id>, CallError> {
        let most: cl_uint = self.device_info(CL_DEVICE_PARTITION_MAX_SUB_DEVICES)?;
        if most < 2 {
            return Ok(Vec::new());
        }
        let properties = [CL_DEVICE_PARTITION_EQUALLY, compute_units, 0];
        let mut count = 0;
        let mut found = vec![null_mut(); most as usize];
        let code = self.api.clCreateSubDevices(
            self.device,
            properties.as_ptr(),
            most,
            found.as_mut_ptr(),
            &mut count,
        );
        if code != CL_SUCCESS {
            return Ok(Vec::new());
        }
        found.truncate(count as usize);
        self.keep(Object::Devices(found.clone()));
        Ok(found)
    }

    /// Writes to shared virtual memory the way that holds for every kind of it: mapped.
    ///
    /// # Errors
    /// When a call fails.
    pub fn store<T: Copy>(&self, pointer: *mut c_void, values: &[T]) -> Result<(), CallError> {
        self.mapped(CL_MAP_WRITE, pointer, size_of_val(values), || {
            for (index, value) in values.iter().enumerate() {
                write(pointer, index, *value);
            }
        })
    }

    /// Reads from shared virtual memory the way that holds for every kind of it: mapped.
    ///
    /// # Errors
    /// When a call fails.
    pub fn load<T: Copy>(&self, pointer: *mut c_void, count: usize) -> Result<Vec<T>, CallError> {
        let mut values = Vec::new();
        self.mapped(CL_MAP_READ, pointer, count * size_of::<T>(), || {
            values = (0..count).map(|index| read(pointer, index)).collect();
        })?;
        Ok(values)
    }

    fn mapped(
        &self,
        flags: cl_ulong,
        pointer: *mut c_void,
        size: usize,
        work: impl FnOnce(),
    ) -> Result<(), CallError> {
        // A queue of its own: the environment's may wait for a gate.
        let queue = self.session.queue_with(0)?;
        let (api, none) = (self.api, null_mut());
        let map = api.clEnqueueSVMMap(queue, CL_TRUE, flags, pointer, size, 0, null(), none);
        let result = check("clEnqueueSVMMap", map).and_then(|()| {
            work();
            let code = api.clEnqueueSVMUnmap(queue, pointer, 0, null(), null_mut());
            check("clEnqueueSVMUnmap", code)?;
            check("clFinish", api.clFinish(queue))
        });
        api.clReleaseCommandQueue(queue);
        result
    }

    /// Waits until every command of the environment's queue is complete.
    ///
    /// # Errors
    /// When the call fails.
    pub fn finish(&self) -> Result<(), CallError> {
        check("clFinish", self.api.clFinish(self.queue))
    }

    fn keep(&self, object: Object) {
        self.objects().push(object);
    }

    fn objects(&self) -> MutexGuard<'_, Vec<Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Environment {
    /// Codes are of no interest here: the check may have left anything.
    fn drop(&mut self) {
        let objects = std::mem::take(&mut *self.objects());
        for object in &objects {
            if let Object::Gate(event) = object {
                self.api.clSetUserEventStatus(*event, CL_COMPLETE);
            }
        }
        self.api.clFinish(self.queue);
        for object in &objects {
            if let Object::Queue(queue) = object {
                self.api.clFinish(*queue);
            }
        }
        for object in objects.into_iter().rev() {
            match object {
                Object::Svm(context, pointer) => self.api.clSVMFree(context, pointer),
                Object::Gate(event) | Object::Event(event) => {
                    self.api.clReleaseEvent(event);
                }
                Object::Queue(queue) => {
                    self.api.clReleaseCommandQueue(queue);
                }
                Object::Context(context) => {
                    self.api.clReleaseContext(context);
                }
                Object::Devices(devices) => {
                    for device in devices {
                        self.api.clReleaseDevice(device);
                    }
                }
                Object::Memory(object) => {
                    self.api.clReleaseMemObject(object);
                }
                Object::Kernel(kernel) => {
                    self.api.clReleaseKernel(kernel);
                }
            }
        }
    }
}
