//! What a check starts from: a device of the implementation under test, its context and queues.

use std::ffi::{c_void, CString};
use std::ptr::{null, null_mut};

use opencl_sys::*;

use crate::client::Api;

/// A device with one context and one in-order queue. Released when dropped.
pub struct Session {
    /// The loader.
    pub api: &'static Api,
    /// Platform under test.
    pub platform: cl_platform_id,
    /// The device under test.
    pub device: cl_device_id,
    /// A context with that device.
    pub context: cl_context,
    /// An in-order queue with profiling.
    pub queue: cl_command_queue,
}

/// A failed call: its name and the code it returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// Name of the function.
    pub call: &'static str,
    /// Code it returned.
    pub code: cl_int,
}

/// Turns a code into a result.
///
/// # Errors
/// For any code but `CL_SUCCESS`.
pub fn check(call: &'static str, code: cl_int) -> Result<(), CallError> {
    if code == CL_SUCCESS {
        Ok(())
    } else {
        Err(CallError { call, code })
    }
}

impl Session {
    /// Opens the device that `ISOCL_PLATFORM` and `ISOCL_DEVICE` choose, each a number or a part of
    /// a name (default: the first).
    ///
    /// # Errors
    /// The first call that fails.
    pub fn open() -> Result<Self, CallError> {
        let api = Api::get().map_err(|_| CallError {
            call: "dlopen of the ICD loader",
            code: CL_INVALID_PLATFORM,
        })?;
        let (platform, device) = first_device(api)?;
        let mut code = CL_SUCCESS;
        let context = api.clCreateContext(null(), 1, &device, None, null_mut(), &mut code);
        check("clCreateContext", code)?;
        let properties = [
            cl_ulong::from(CL_QUEUE_PROPERTIES),
            CL_QUEUE_PROFILING_ENABLE,
            0,
        ];
        let queue =
            api.clCreateCommandQueueWithProperties(context, device, properties.as_ptr(), &mut code);
        check("clCreateCommandQueueWithProperties", code)?;
        Ok(Self {
            api,
            platform,
            device,
            context,
            queue,
        })
    }

    /// A further queue of the context.
    ///
    /// # Errors
    /// When the queue cannot be made.
    pub fn queue_with(&self, properties: cl_ulong) -> Result<cl_command_queue, CallError> {
        let list = [cl_ulong::from(CL_QUEUE_PROPERTIES), properties, 0];
        let mut code = CL_SUCCESS;
        let queue = self.api.clCreateCommandQueueWithProperties(
            self.context,
            self.device,
            list.as_ptr(),
            &mut code,
        );
        check("clCreateCommandQueueWithProperties", code)?;
        Ok(queue)
    }

    /// A device query that answers one value.
    ///
    /// # Errors
    /// When the query fails.
    pub fn device_info<T: Copy + Default>(&self, name: cl_uint) -> Result<T, CallError> {
        let mut value = T::default();
        let code = self.api.clGetDeviceInfo(
            self.device,
            name,
            size_of::<T>(),
            std::ptr::from_mut(&mut value).cast(),
            null_mut(),
        );
        check("clGetDeviceInfo", code)?;
        Ok(value)
    }

    /// A device query that answers a string.
    ///
    /// # Errors
    /// When the query fails.
    pub fn device_string(&self, name: cl_uint) -> Result<String, CallError> {
        string(|size, value, size_ret| {
            self.api
                .clGetDeviceInfo(self.device, name, size, value, size_ret)
        })
    }

    /// Builds a program from source.
    ///
    /// # Errors
    /// The code of the failing call, and the build log.
    pub fn build(&self, source: &str, options: &str) -> Result<cl_program, (CallError, String)> {
        let program = self
            .program(source)
            .map_err(|error| (error, String::new()))?;
        let options = CString::new(options).unwrap_or_default();
        let code =
            self.api
                .clBuildProgram(program, 1, &self.device, options.as_ptr(), None, null_mut());
        match check("clBuildProgram", code) {
            Ok(()) => Ok(program),
            Err(error) => {
                let log = self.build_log(program).unwrap_or_default();
                self.api.clReleaseProgram(program);
                Err((error, log))
            }
        }
    }

    /// A program that is not built.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn program(&self, source: &str) -> Result<cl_program, CallError> {
        let mut code = CL_SUCCESS;
        let (text, length) = (source.as_ptr().cast(), source.len());
        let program =
            self.api
                .clCreateProgramWithSource(self.context, 1, &text, &length, &mut code);
        check("clCreateProgramWithSource", code)?;
        Ok(program)
    }

    /// The build log of a program.
    ///
    /// # Errors
    /// When the query fails.
    pub fn build_log(&self, program: cl_program) -> Result<String, CallError> {
        string(|size, value, size_ret| {
            self.api.clGetProgramBuildInfo(
                program,
                self.device,
                CL_PROGRAM_BUILD_LOG,
                size,
                value,
                size_ret,
            )
        })
    }

    /// What was built of a program for the session's device, which is its only one.
    ///
    /// # Errors
    /// When a query fails.
    pub fn binary(&self, program: cl_program) -> Result<Vec<u8>, CallError> {
        let ask = |name, size, value| {
            let code = self
                .api
                .clGetProgramInfo(program, name, size, value, null_mut());
            check("clGetProgramInfo", code)
        };
        let mut size = 0_usize;
        let place = (&raw mut size).cast();
        ask(CL_PROGRAM_BINARY_SIZES, size_of::<usize>(), place)?;
        let mut binary = vec![0; size];
        let mut first = binary.as_mut_ptr();
        let place = (&raw mut first).cast();
        ask(CL_PROGRAM_BINARIES, size_of::<*mut u8>(), place)?;
        Ok(binary)
    }

    /// A program of a binary for the session's device.
    ///
    /// # Errors
    /// The code of the call and the status of the binary.
    pub fn program_of(&self, binary: &[u8]) -> Result<cl_program, (cl_int, cl_int)> {
        let (mut status, mut code) = (99, 99);
        let (size, first) = (binary.len(), binary.as_ptr());
        let program = self.api.clCreateProgramWithBinary(
            self.context,
            1,
            &self.device,
            &size,
            &first,
            &mut status,
            &mut code,
        );
        match (code, status) {
            (CL_SUCCESS, CL_SUCCESS) => Ok(program),
            _ => Err((code, status)),
        }
    }

    /// Builds a program and makes its kernel `name`.
    ///
    /// # Errors
    /// The code of the failing call, and the build log.
    pub fn kernel(
        &self,
        source: &str,
        options: &str,
        name: &str,
    ) -> Result<cl_kernel, (CallError, String)> {
        let program = self.build(source, options)?;
        let kernel = self.kernel_of(program, name);
        self.api.clReleaseProgram(program);
        kernel.map_err(|error| (error, String::new()))
    }

    /// The kernel `name` of a built program.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn kernel_of(&self, program: cl_program, name: &str) -> Result<cl_kernel, CallError> {
        let name = CString::new(name).unwrap_or_default();
        let mut code = CL_SUCCESS;
        let kernel = self.api.clCreateKernel(program, name.as_ptr(), &mut code);
        check("clCreateKernel", code)?;
        Ok(kernel)
    }

    /// Sets an argument passed by value.
    pub fn set_arg<T>(&self, kernel: cl_kernel, index: cl_uint, value: &T) -> cl_int {
        self.api.clSetKernelArg(
            kernel,
            index,
            size_of::<T>(),
            std::ptr::from_ref(value).cast(),
        )
    }

    /// Enqueues a kernel on the session's queue.
    pub fn launch(&self, kernel: cl_kernel, global: &[usize], local: Option<&[usize]>) -> cl_int {
        self.api.clEnqueueNDRangeKernel(
            self.queue,
            kernel,
            global.len() as cl_uint,
            null(),
            global.as_ptr(),
            local.map_or(null(), <[usize]>::as_ptr),
            0,
            null(),
            null_mut(),
        )
    }

    /// What an event tells under a name whose values have the type of `initial`, a number or a handle.
    ///
    /// # Errors
    /// When the query fails.
    pub fn event_info<T>(
        &self,
        event: cl_event,
        name: cl_uint,
        initial: T,
    ) -> Result<T, CallError> {
        let mut value = initial;
        let place = std::ptr::from_mut(&mut value).cast();
        let code = (self.api).clGetEventInfo(event, name, size_of::<T>(), place, null_mut());
        check("clGetEventInfo", code)?;
        Ok(value)
    }

    /// Status of an event.
    ///
    /// # Errors
    /// When the query fails.
    pub fn event_status(&self, event: cl_event) -> Result<cl_int, CallError> {
        self.event_info(event, CL_EVENT_COMMAND_EXECUTION_STATUS, 0)
    }

    /// Command type of an event.
    ///
    /// # Errors
    /// When the query fails.
    pub fn event_type(&self, event: cl_event) -> Result<cl_uint, CallError> {
        self.event_info(event, CL_EVENT_COMMAND_TYPE, 0)
    }

    /// The stamps QUEUED, SUBMIT, START, END and COMPLETE of an event, in nanoseconds.
    ///
    /// # Errors
    /// When one of the queries fails.
    pub fn profiling(&self, event: cl_event) -> Result<[cl_ulong; 5], CallError> {
        let names = [
            CL_PROFILING_COMMAND_QUEUED,
            CL_PROFILING_COMMAND_SUBMIT,
            CL_PROFILING_COMMAND_START,
            CL_PROFILING_COMMAND_END,
            CL_PROFILING_COMMAND_COMPLETE,
        ];
        let mut stamps = [0; 5];
        for (name, stamp) in names.into_iter().zip(&mut stamps) {
            let code = self.api.clGetEventProfilingInfo(
                event,
                name,
                size_of::<cl_ulong>(),
                std::ptr::from_mut(stamp).cast(),
                null_mut(),
            );
            check("clGetEventProfilingInfo", code)?;
        }
        Ok(stamps)
    }

    /// A user event of the session's context.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn user_event(&self) -> Result<cl_event, CallError> {
        let mut code = CL_SUCCESS;
        let event = self.api.clCreateUserEvent(self.context, &mut code);
        check("clCreateUserEvent", code)?;
        Ok(event)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.api.clReleaseCommandQueue(self.queue);
        self.api.clReleaseContext(self.context);
    }
}

/// The device under test and its platform: the first ones, if the environment does not choose.
///
/// # Errors
/// When there is none.
pub fn first_device(api: &Api) -> Result<(cl_platform_id, cl_device_id), CallError> {
    let platforms = list("clGetPlatformIDs", |count, platforms, total| {
        api.clGetPlatformIDs(count, platforms, total)
    })?;
    let platform = chosen("ISOCL_PLATFORM", &platforms, |platform| {
        string(|size, value, size_ret| {
            api.clGetPlatformInfo(platform, CL_PLATFORM_NAME, size, value, size_ret)
        })
    })?
    .ok_or(CallError {
        call: "clGetPlatformIDs",
        code: CL_INVALID_PLATFORM,
    })?;
    let device = chosen("ISOCL_DEVICE", &devices(api, platform)?, |device| {
        string(|size, value, size_ret| {
            api.clGetDeviceInfo(device, CL_DEVICE_NAME, size, value, size_ret)
        })
    })?
    .ok_or(CallError {
        call: "clGetDeviceIDs",
        code: CL_DEVICE_NOT_FOUND,
    })?;
    Ok((platform, device))
}

/// The devices of a platform.
///
/// # Errors
/// When the query fails.
pub fn devices(api: &Api, platform: cl_platform_id) -> Result<Vec<cl_device_id>, CallError> {
    list("clGetDeviceIDs", |count, devices, total| {
        api.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, devices, total)
    })
}

/// The element that a variable of the environment chooses, by its number or a part of its name.
fn chosen(
    variable: &str,
    elements: &[*mut c_void],
    name: impl Fn(*mut c_void) -> Result<String, CallError>,
) -> Result<Option<*mut c_void>, CallError> {
    let wanted = std::env::var(variable).unwrap_or_else(|_| "0".to_owned());
    if let Ok(index) = wanted.parse::<usize>() {
        return Ok(elements.get(index).copied());
    }
    for element in elements {
        if name(*element)?.contains(&wanted) {
            return Ok(Some(*element));
        }
    }
    Ok(None)
}

/// Runs a two-step query of handles.
fn list(
    call: &'static str,
    query: impl Fn(cl_uint, *mut *mut c_void, *mut cl_uint) -> cl_int,
) -> Result<Vec<*mut c_void>, CallError> {
    let mut count = 0;
    check(call, query(0, null_mut(), &mut count))?;
    let mut handles = vec![null_mut(); count as usize];
    check(call, query(count, handles.as_mut_ptr(), null_mut()))?;
    Ok(handles)
}

/// Runs a two-step string query.
///
/// # Errors
/// When one of the steps fails.
pub fn string(
    query: impl Fn(usize, *mut c_void, *mut usize) -> cl_int,
) -> Result<String, CallError> {
    let mut size = 0;
    check("size query", query(0, null_mut(), &mut size))?;
    let mut bytes = vec![0u8; size];
    check(
        "value query",
        query(size, bytes.as_mut_ptr().cast(), null_mut()),
    )?;
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
