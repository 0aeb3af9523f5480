//! The driver as a loader sees it: through its dispatch table.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

/// Any handle.
pub type Handle = *mut c_void;

/// Calls a function through the dispatch table.
macro_rules! cl {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        let function = isocl::dispatch::DISPATCH.$name.unwrap();
        // SAFETY: the arguments are what the standard asks for, except for handles, which the
        // driver checks.
        unsafe { function($($argument),*) }
    }};
}
pub(crate) use cl;

/// The code of a call that returns it through a pointer.
pub fn code<R>(call: impl FnOnce(*mut cl_int) -> R) -> cl_int {
    let mut code = 12345;
    call(&mut code);
    code
}

/// The platform, found the way loaders do.
pub fn platform() -> cl_platform_id {
    let mut platform = null_mut();
    // SAFETY: a place for one handle, and none for the number.
    let code = unsafe { isocl_entry::clIcdGetPlatformIDsKHR(1, &mut platform, null_mut()) };
    assert_eq!(code, CL_SUCCESS);
    platform
}

/// The exported functions.
mod isocl_entry {
    use opencl_sys::{cl_int, cl_platform_id, cl_uint};

    // The library that exports it is linked into this test.
    use isocl as _;

    extern "C" {
        pub fn clIcdGetPlatformIDsKHR(
            num_entries: cl_uint,
            platforms: *mut cl_platform_id,
            num_platforms: *mut cl_uint,
        ) -> cl_int;
    }
}

/// The first device.
pub fn device() -> cl_device_id {
    let mut device = null_mut();
    let code = cl!(clGetDeviceIDs(
        platform(),
        CL_DEVICE_TYPE_ALL,
        1,
        &mut device,
        null_mut()
    ));
    assert_eq!(code, CL_SUCCESS);
    device
}

/// One live object of each kind that needs no compiler, and one released of each.
pub struct Objects {
    pub platform: cl_platform_id,
    pub device: cl_device_id,
    pub context: cl_context,
    pub queue: cl_command_queue,
    pub buffer: cl_mem,
    pub program: cl_program,
    /// Null: kernels need a compiler.
    pub kernel: cl_kernel,
    pub event: cl_event,
    released: Vec<(&'static str, Handle)>,
}

impl Objects {
    pub fn new() -> Self {
        let device = device();
        let context = |code| cl!(clCreateContext(null(), 1, &device, None, null_mut(), code));
        let objects = |context, code: *mut cl_int| {
            [
                cl!(clCreateCommandQueueWithProperties(
                    context,
                    device,
                    null(),
                    code
                )),
                cl!(clCreateBuffer(context, 0, 4096, null_mut(), code)),
                cl!(clCreateProgramWithSource(
                    context,
                    1,
                    &mut c"kernel void k() {}".as_ptr(),
                    null(),
                    code
                )),
                cl!(clCreateUserEvent(context, code)),
            ]
        };
        let mut code = CL_SUCCESS;
        let released_context = context(&mut code);
        let [queue, buffer, program, event] = objects(released_context, &mut code);
        assert_eq!(code, CL_SUCCESS);
        let codes = [
            cl!(clReleaseCommandQueue(queue)),
            cl!(clReleaseMemObject(buffer)),
            cl!(clReleaseProgram(program)),
            cl!(clReleaseEvent(event)),
            cl!(clReleaseContext(released_context)),
        ];
        assert_eq!(codes, [CL_SUCCESS; 5]);
        let released = vec![
            ("released context", released_context),
            ("released queue", queue),
            ("released buffer", buffer),
            ("released program", program),
            ("released event", event),
        ];
        let context = context(&mut code);
        let [queue, buffer, program, event] = objects(context, &mut code);
        assert_eq!(code, CL_SUCCESS);
        Self {
            platform: platform(),
            device,
            context,
            queue,
            buffer,
            program,
            kernel: null_mut(),
            event,
            released,
        }
    }

    /// Everything that is not a handle of this kind.
    pub fn wrong(&self, kind: &str) -> Vec<(&'static str, Handle)> {
        let number = |number: usize| number as Handle;
        let mut all = vec![
            ("null", null_mut()),
            ("one", number(1)),
            ("an address where nothing is", number(0x1000)),
            ("a non-canonical address", number(0x8000_0000_0000_0000)),
            ("the last address", number(usize::MAX)),
            (
                "an address inside a context",
                self.context.wrapping_byte_add(8),
            ),
            (
                "an address inside a buffer",
                self.buffer.wrapping_byte_add(1),
            ),
            (
                "memory of the application",
                std::ptr::from_ref(self).cast_mut().cast(),
            ),
        ];
        let live = [
            ("platform", self.platform),
            ("device", self.device),
            ("context", self.context),
            ("queue", self.queue),
            ("buffer", self.buffer),
            ("program", self.program),
            ("event", self.event),
        ];
        all.extend(live.into_iter().filter(|(name, _)| *name != kind));
        all.extend(&self.released);
        all
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        let codes = [
            cl!(clReleaseCommandQueue(self.queue)),
            cl!(clReleaseMemObject(self.buffer)),
            cl!(clReleaseProgram(self.program)),
            cl!(clReleaseEvent(self.event)),
            cl!(clReleaseContext(self.context)),
        ];
        if !std::thread::panicking() {
            assert_eq!(
                codes, [CL_SUCCESS; 5],
                "a refused call has used an object up"
            );
        }
    }
}
