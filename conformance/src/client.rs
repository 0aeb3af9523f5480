//! The OpenCL C API as a table of functions loaded at run time from an ICD loader, or straight from
//! an implementation's own library.
//!
//! Functions keep their C names and C arguments, so that a check can hand over exactly what the
//! specification talks about, null and garbage included.
// The functions are called with arbitrary pointers on purpose; see the SAFETY sentence below.
#![allow(unsafe_code, clippy::not_unsafe_ptr_arg_deref)]

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;

use opencl_sys::*;

/// Callback of `clSetEventCallback`.
pub type EventCallback = extern "C" fn(cl_event, cl_int, *mut c_void);
/// Callback of `clEnqueueSVMFree`.
pub type SvmFreeCallback = extern "C" fn(cl_command_queue, cl_uint, *mut *mut c_void, *mut c_void);
/// Callback of `clCreateContext`.
pub type ContextCallback = extern "C" fn(*const c_char, *const c_void, usize, *mut c_void);
/// Callback of `clSetContextDestructorCallback`.
pub type ContextDestructor = extern "C" fn(cl_context, *mut c_void);
/// Callback of `clBuildProgram`.
pub type ProgramCallback = extern "C" fn(cl_program, *mut c_void);
/// Callback of `clSetMemObjectDestructorCallback`.
pub type MemCallback = extern "C" fn(cl_mem, *mut c_void);
/// Function of `clEnqueueNativeKernel`.
pub type NativeFunction = extern "C" fn(*mut c_void);

/// Where a driver's table holds a function.
macro_rules! slot {
    // Not for callers, and named otherwise if another crate asks for the tag that is there too.
    (clGetPlatformIDs) => {
        0
    };
    ($name:ident) => {
        std::mem::offset_of!(opencl_sys::cl_icd::cl_icd_dispatch, $name)
    };
}

macro_rules! functions {
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        /// Every function of the core API that the checks use.
        #[allow(non_snake_case)]
        pub struct Api {
            library: libloading::Library,
            $($name: unsafe extern "C" fn($($type),*) $(-> $result)?,)*
        }

        impl Api {
            /// Loads the table from the library at `path`.
            ///
            /// # Errors
            /// When the library or one of the functions is missing.
            pub fn load(path: &str) -> Result<Self, String> {
                // SAFETY: loading an ICD loader runs its constructors, which is what it is for.
                let library = unsafe { libloading::Library::new(path) };
                let library = library.map_err(|error| error.to_string())?;
                let source = Source::of(&library)?;
                // SAFETY: each function has the type that the OpenCL headers give its name;
                // `library` is kept in the table.
                unsafe {
                    Ok(Self {
                        $($name: {
                            let slot = slot!($name);
                            let address = source.function(&library, stringify!($name), slot)?;
                            std::mem::transmute::<
                                *const c_void,
                                unsafe extern "C" fn($($type),*) $(-> $result)?,
                            >(address)
                        },)*
                        library,
                    })
                }
            }

            $(
                #[allow(non_snake_case, clippy::too_many_arguments, missing_docs)]
                pub fn $name(&self, $($argument: $type),*) $(-> $result)? {
                    // SAFETY: the caller hands over what the specification gives a meaning to; an
                    // implementation that breaks memory safety on it fails the check.
                    unsafe { (self.$name)($($argument),*) }
                }
            )*
        }
    };
}

/// Calls the macro `$with` with the declarations of all functions that the checks use.
#[macro_export]
macro_rules! opencl_functions {
    ($with:ident) => {
        $with! {
            clGetPlatformIDs(num_entries: cl_uint, platforms: *mut cl_platform_id, num_platforms: *mut cl_uint) -> cl_int;
            clGetPlatformInfo(platform: cl_platform_id, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clGetDeviceIDs(platform: cl_platform_id, device_type: cl_device_type, num_entries: cl_uint, devices: *mut cl_device_id, num_devices: *mut cl_uint) -> cl_int;
            clGetDeviceInfo(device: cl_device_id, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clCreateSubDevices(device: cl_device_id, properties: *const isize, num_devices: cl_uint, devices: *mut cl_device_id, num_devices_ret: *mut cl_uint) -> cl_int;
            clRetainDevice(device: cl_device_id) -> cl_int;
            clReleaseDevice(device: cl_device_id) -> cl_int;
            clGetDeviceAndHostTimer(device: cl_device_id, device_timestamp: *mut u64, host_timestamp: *mut u64) -> cl_int;
            clGetHostTimer(device: cl_device_id, host_timestamp: *mut u64) -> cl_int;
            clCreateContext(properties: *const isize, num_devices: cl_uint, devices: *const cl_device_id, notify: Option<ContextCallback>, user_data: *mut c_void, errcode_ret: *mut cl_int) -> cl_context;
            clCreateContextFromType(properties: *const isize, device_type: cl_device_type, notify: Option<ContextCallback>, user_data: *mut c_void, errcode_ret: *mut cl_int) -> cl_context;
            clSetContextDestructorCallback(context: cl_context, notify: Option<ContextDestructor>, user_data: *mut c_void) -> cl_int;
            clRetainContext(context: cl_context) -> cl_int;
            clReleaseContext(context: cl_context) -> cl_int;
            clGetContextInfo(context: cl_context, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clCreateCommandQueue(context: cl_context, device: cl_device_id, properties: cl_ulong, errcode_ret: *mut cl_int) -> cl_command_queue;
            clCreateCommandQueueWithProperties(context: cl_context, device: cl_device_id, properties: *const cl_ulong, errcode_ret: *mut cl_int) -> cl_command_queue;
            clRetainCommandQueue(queue: cl_command_queue) -> cl_int;
            clReleaseCommandQueue(queue: cl_command_queue) -> cl_int;
            clGetCommandQueueInfo(queue: cl_command_queue, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clSetDefaultDeviceCommandQueue(context: cl_context, device: cl_device_id, queue: cl_command_queue) -> cl_int;
            clFlush(queue: cl_command_queue) -> cl_int;
            clFinish(queue: cl_command_queue) -> cl_int;
            clCreateBuffer(context: cl_context, flags: cl_mem_flags, size: usize, host_ptr: *mut c_void, errcode_ret: *mut cl_int) -> cl_mem;
            clCreateSubBuffer(buffer: cl_mem, flags: cl_mem_flags, create_type: cl_uint, info: *const c_void, errcode_ret: *mut cl_int) -> cl_mem;
            clRetainMemObject(memobj: cl_mem) -> cl_int;
            clReleaseMemObject(memobj: cl_mem) -> cl_int;
            clCreateBufferWithProperties(context: cl_context, properties: *const cl_ulong, flags: cl_mem_flags, size: usize, host_ptr: *mut c_void, errcode_ret: *mut cl_int) -> cl_mem;
            clGetMemObjectInfo(memobj: cl_mem, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clSetMemObjectDestructorCallback(memobj: cl_mem, notify: Option<MemCallback>, user_data: *mut c_void) -> cl_int;
            clEnqueueReadBuffer(queue: cl_command_queue, buffer: cl_mem, blocking: cl_bool, offset: usize, size: usize, ptr: *mut c_void, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueWriteBuffer(queue: cl_command_queue, buffer: cl_mem, blocking: cl_bool, offset: usize, size: usize, ptr: *const c_void, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueReadBufferRect(queue: cl_command_queue, buffer: cl_mem, blocking: cl_bool, buffer_origin: *const usize, host_origin: *const usize, region: *const usize, buffer_row_pitch: usize, buffer_slice_pitch: usize, host_row_pitch: usize, host_slice_pitch: usize, ptr: *mut c_void, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueWriteBufferRect(queue: cl_command_queue, buffer: cl_mem, blocking: cl_bool, buffer_origin: *const usize, host_origin: *const usize, region: *const usize, buffer_row_pitch: usize, buffer_slice_pitch: usize, host_row_pitch: usize, host_slice_pitch: usize, ptr: *const c_void, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueCopyBuffer(queue: cl_command_queue, source: cl_mem, destination: cl_mem, source_offset: usize, destination_offset: usize, size: usize, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueCopyBufferRect(queue: cl_command_queue, source: cl_mem, destination: cl_mem, source_origin: *const usize, destination_origin: *const usize, region: *const usize, source_row_pitch: usize, source_slice_pitch: usize, destination_row_pitch: usize, destination_slice_pitch: usize, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueFillBuffer(queue: cl_command_queue, buffer: cl_mem, pattern: *const c_void, pattern_size: usize, offset: usize, size: usize, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueMapBuffer(queue: cl_command_queue, buffer: cl_mem, blocking: cl_bool, flags: cl_ulong, offset: usize, size: usize, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event, errcode_ret: *mut cl_int) -> *mut c_void;
            clEnqueueUnmapMemObject(queue: cl_command_queue, memobj: cl_mem, mapped: *mut c_void, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueMigrateMemObjects(queue: cl_command_queue, num_objects: cl_uint, objects: *const cl_mem, flags: cl_ulong, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clSVMAlloc(context: cl_context, flags: cl_ulong, size: usize, alignment: cl_uint) -> *mut c_void;
            clSVMFree(context: cl_context, ptr: *mut c_void);
            clEnqueueSVMFree(queue: cl_command_queue, num_pointers: cl_uint, pointers: *mut *mut c_void, callback: Option<SvmFreeCallback>, user_data: *mut c_void, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueSVMMemcpy(queue: cl_command_queue, blocking: cl_bool, destination: *mut c_void, source: *const c_void, size: usize, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueSVMMemFill(queue: cl_command_queue, ptr: *mut c_void, pattern: *const c_void, pattern_size: usize, size: usize, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueSVMMap(queue: cl_command_queue, blocking: cl_bool, flags: cl_ulong, ptr: *mut c_void, size: usize, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueSVMUnmap(queue: cl_command_queue, ptr: *mut c_void, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueSVMMigrateMem(queue: cl_command_queue, num_pointers: cl_uint, pointers: *const *const c_void, sizes: *const usize, flags: cl_ulong, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clCreateProgramWithSource(context: cl_context, count: cl_uint, strings: *const *const c_char, lengths: *const usize, errcode_ret: *mut cl_int) -> cl_program;
            clCreateProgramWithBinary(context: cl_context, num_devices: cl_uint, devices: *const cl_device_id, lengths: *const usize, binaries: *const *const u8, status: *mut cl_int, errcode_ret: *mut cl_int) -> cl_program;
            clCreateProgramWithBuiltInKernels(context: cl_context, num_devices: cl_uint, devices: *const cl_device_id, names: *const c_char, errcode_ret: *mut cl_int) -> cl_program;
            clRetainProgram(program: cl_program) -> cl_int;
            clReleaseProgram(program: cl_program) -> cl_int;
            clBuildProgram(program: cl_program, num_devices: cl_uint, devices: *const cl_device_id, options: *const c_char, notify: Option<ProgramCallback>, user_data: *mut c_void) -> cl_int;
            clCompileProgram(program: cl_program, num_devices: cl_uint, devices: *const cl_device_id, options: *const c_char, num_headers: cl_uint, headers: *const cl_program, names: *const *const c_char, notify: Option<ProgramCallback>, user_data: *mut c_void) -> cl_int;
            clLinkProgram(context: cl_context, num_devices: cl_uint, devices: *const cl_device_id, options: *const c_char, num_programs: cl_uint, programs: *const cl_program, notify: Option<ProgramCallback>, user_data: *mut c_void, errcode_ret: *mut cl_int) -> cl_program;
            clGetProgramInfo(program: cl_program, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clGetProgramBuildInfo(program: cl_program, device: cl_device_id, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clCreateKernel(program: cl_program, name: *const c_char, errcode_ret: *mut cl_int) -> cl_kernel;
            clCreateKernelsInProgram(program: cl_program, num_kernels: cl_uint, kernels: *mut cl_kernel, num_kernels_ret: *mut cl_uint) -> cl_int;
            clCloneKernel(kernel: cl_kernel, errcode_ret: *mut cl_int) -> cl_kernel;
            clRetainKernel(kernel: cl_kernel) -> cl_int;
            clReleaseKernel(kernel: cl_kernel) -> cl_int;
            clSetKernelArg(kernel: cl_kernel, index: cl_uint, size: usize, value: *const c_void) -> cl_int;
            clSetKernelArgSVMPointer(kernel: cl_kernel, index: cl_uint, value: *const c_void) -> cl_int;
            clSetKernelExecInfo(kernel: cl_kernel, name: cl_uint, size: usize, value: *const c_void) -> cl_int;
            clGetKernelInfo(kernel: cl_kernel, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clGetKernelArgInfo(kernel: cl_kernel, index: cl_uint, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clGetKernelWorkGroupInfo(kernel: cl_kernel, device: cl_device_id, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clGetKernelSubGroupInfo(kernel: cl_kernel, device: cl_device_id, name: cl_uint, input_size: usize, input: *const c_void, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clEnqueueNDRangeKernel(queue: cl_command_queue, kernel: cl_kernel, work_dim: cl_uint, global_offset: *const usize, global_size: *const usize, local_size: *const usize, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueTask(queue: cl_command_queue, kernel: cl_kernel, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueNativeKernel(queue: cl_command_queue, function: Option<NativeFunction>, arguments: *mut c_void, size: usize, num_mem_objects: cl_uint, mem_list: *const cl_mem, args_mem_loc: *const *const c_void, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueMarkerWithWaitList(queue: cl_command_queue, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clEnqueueBarrierWithWaitList(queue: cl_command_queue, num_events: cl_uint, wait_list: *const cl_event, event: *mut cl_event) -> cl_int;
            clWaitForEvents(num_events: cl_uint, event_list: *const cl_event) -> cl_int;
            clCreateUserEvent(context: cl_context, errcode_ret: *mut cl_int) -> cl_event;
            clSetUserEventStatus(event: cl_event, status: cl_int) -> cl_int;
            clSetEventCallback(event: cl_event, status: cl_int, callback: Option<EventCallback>, user_data: *mut c_void) -> cl_int;
            clRetainEvent(event: cl_event) -> cl_int;
            clReleaseEvent(event: cl_event) -> cl_int;
            clGetEventInfo(event: cl_event, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clGetEventProfilingInfo(event: cl_event, name: cl_uint, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
            clGetExtensionFunctionAddressForPlatform(platform: cl_platform_id, name: *const c_char) -> *mut c_void;
        }
    };
}

opencl_functions!(functions);

/// Where the functions of a library are found.
enum Source {
    /// The library exports them, as loaders do.
    Exports,
    /// The library is a driver that hands out its first platform, which begins with the table.
    Driver {
        platforms: *const c_void,
        table: *const u8,
    },
}

impl Source {
    fn of(library: &libloading::Library) -> Result<Self, String> {
        type Platforms = unsafe extern "C" fn(cl_uint, *mut cl_platform_id, *mut cl_uint) -> cl_int;
        type Address = unsafe extern "C" fn(*const c_char) -> *mut c_void;
        if symbol(library, "clCreateContext").is_some() {
            return Ok(Self::Exports);
        }
        let name = c"clIcdGetPlatformIDsKHR";
        let by_query = || {
            let query = symbol(library, "clGetExtensionFunctionAddress")?;
            // SAFETY: the function of this name has this type.
            let query = unsafe { std::mem::transmute::<*const c_void, Address>(query) };
            // SAFETY: the name is a C string.
            let address = unsafe { query(name.as_ptr()) }.cast_const();
            (!address.is_null()).then_some(address)
        };
        let platforms = by_query()
            .or_else(|| symbol(library, "clIcdGetPlatformIDsKHR"))
            .ok_or("neither an ICD loader nor a driver: it has no clIcdGetPlatformIDsKHR")?;
        // SAFETY: the function of this name has this type (cl_khr_icd).
        let function = unsafe { std::mem::transmute::<*const c_void, Platforms>(platforms) };
        let mut platform: cl_platform_id = null_mut();
        // SAFETY: there is room for one platform.
        let code = unsafe { function(1, &mut platform, null_mut()) };
        if code != CL_SUCCESS || platform.is_null() {
            return Err(format!("clIcdGetPlatformIDsKHR returned {code}"));
        }
        // SAFETY: a platform begins with the address of the driver's table (cl_khr_icd).
        let table = unsafe { platform.cast::<*const u8>().read() };
        Ok(Self::Driver { platforms, table })
    }

    /// Address of the function `name`, which a driver's table holds `slot` bytes from its beginning.
    fn function(
        &self,
        library: &libloading::Library,
        name: &str,
        slot: usize,
    ) -> Result<*const c_void, String> {
        let address = match self {
            Self::Exports => symbol(library, name),
            Self::Driver { platforms, .. } if name == "clGetPlatformIDs" => Some(*platforms),
            Self::Driver { table, .. } => {
                // SAFETY: `cl_icd_dispatch` is the layout that cl_khr_icd gives the table, of which
                // an implementation of OpenCL 3.0 fills every entry.
                let address = unsafe { table.add(slot).cast::<*const c_void>().read() };
                (!address.is_null()).then_some(address)
            }
        };
        address.ok_or_else(|| format!("it has no {name}"))
    }
}

/// Address of an exported function.
fn symbol(library: &libloading::Library, name: &str) -> Option<*const c_void> {
    // SAFETY: the symbol is only looked up.
    unsafe { library.get::<*const c_void>(name.as_bytes()) }
        .ok()
        .map(|symbol| *symbol)
}

impl Api {
    /// The table of the loader or driver that `ISOCL_LOADER` names, or of the system's `libOpenCL.so.1`;
    /// loaded once per process.
    ///
    /// # Errors
    /// When there is no such loader.
    pub fn get() -> Result<&'static Self, String> {
        static API: OnceLock<Result<Api, String>> = OnceLock::new();
        API.get_or_init(|| {
            let path = std::env::var("ISOCL_LOADER").unwrap_or_else(|_| "libOpenCL.so.1".into());
            Self::load(&path).map_err(|error| format!("{path}: {error}"))
        })
        .as_ref()
        .map_err(Clone::clone)
    }

    /// `clGetKernelSuggestedLocalWorkSizeKHR`, which loaders do not export.
    ///
    /// # Panics
    /// When the platform does not have it.
    pub fn suggested_local_work_size(
        &self,
        platform: cl_platform_id,
        (queue, kernel): (cl_command_queue, cl_kernel),
        work_dim: cl_uint,
        (offset, global): (*const usize, *const usize),
        suggested: *mut usize,
    ) -> cl_int {
        type Function = unsafe extern "C" fn(
            cl_command_queue,
            cl_kernel,
            cl_uint,
            *const usize,
            *const usize,
            *mut usize,
        ) -> cl_int;
        let name = c"clGetKernelSuggestedLocalWorkSizeKHR";
        let address = self.clGetExtensionFunctionAddressForPlatform(platform, name.as_ptr());
        assert!(!address.is_null(), "{name:?} is missing");
        // SAFETY: the function of this name has this type (cl_khr_suggested_local_work_size).
        let function = unsafe { std::mem::transmute::<*mut c_void, Function>(address) };
        // SAFETY: as for the functions of the table.
        unsafe { function(queue, kernel, work_dim, offset, global, suggested) }
    }

    /// Whether the loader exports `name`.
    pub fn exports(&self, name: &str) -> bool {
        symbol(&self.library, name).is_some()
    }
}

/// Declares [`UnifiedSvm`]: its functions, their names, and what they are called with.
macro_rules! unified_svm {
    ($($method:ident $name:literal ($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        /// The functions of `cl_khr_unified_svm`, which loaders do not export.
        pub struct UnifiedSvm {
            $($method: unsafe extern "C" fn($($type),*) -> $result,)*
        }

        impl UnifiedSvm {
            /// Asks a platform for the functions.
            ///
            /// # Errors
            /// With the name of the first that it does not have.
            pub fn of(api: &Api, platform: cl_platform_id) -> Result<Self, &'static str> {
                Ok(Self {
                    $($method: {
                        let name = concat!($name, "\0");
                        let text = name.as_ptr().cast();
                        let address = api.clGetExtensionFunctionAddressForPlatform(platform, text);
                        if address.is_null() {
                            return Err($name);
                        }
                        // SAFETY: the function of this name has this type (cl_khr_unified_svm).
                        unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn($($type),*) -> $result,
                            >(address)
                        }
                    },)*
                })
            }

            $(
                #[doc = concat!("`", $name, "`")]
                #[allow(clippy::too_many_arguments)]
                pub fn $method(&self, $($argument: $type),*) -> $result {
                    // SAFETY: as for the functions of the table.
                    unsafe { (self.$method)($($argument),*) }
                }
            )*
        }
    };
}

unified_svm! {
    allocate "clSVMAllocWithPropertiesKHR" (context: cl_context, properties: *const cl_svm_alloc_properties_khr, type_index: cl_uint, size: usize, errcode_ret: *mut cl_int) -> *mut c_void;
    free "clSVMFreeWithPropertiesKHR" (context: cl_context, properties: *const cl_svm_free_properties_khr, flags: cl_svm_free_flags_khr, ptr: *mut c_void) -> cl_int;
    pointer_info "clGetSVMPointerInfoKHR" (context: cl_context, device: cl_device_id, ptr: *const c_void, name: cl_svm_pointer_info_khr, size: usize, value: *mut c_void, size_ret: *mut usize) -> cl_int;
    suggested_type_index "clGetSVMSuggestedTypeIndexKHR" (context: cl_context, required: cl_svm_capabilities_khr, desired: cl_svm_capabilities_khr, properties: *const cl_svm_alloc_properties_khr, size: usize, suggested: *mut cl_uint) -> cl_int;
}

/// Reads a `T` from shared memory.
pub fn read<T: Copy>(address: *const c_void, index: usize) -> T {
    // SAFETY: checks pass addresses of allocations they own, large enough for `index`; volatile
    // because a device may write at the same time.
    unsafe { address.cast::<T>().add(index).read_volatile() }
}

/// Writes a `T` to shared memory.
pub fn write<T: Copy>(address: *mut c_void, index: usize, value: T) {
    // SAFETY: as for `read`.
    unsafe { address.cast::<T>().add(index).write_volatile(value) }
}

/// The address `bytes` further on.
pub fn offset(address: *mut c_void, bytes: usize) -> *mut c_void {
    address.wrapping_byte_add(bytes)
}

/// The object behind the `user_data` of a callback.
pub fn reference<'a, T: Sync>(user_data: *mut c_void) -> &'a T {
    // SAFETY: checks pass a pointer to a `T` that outlives the command whose callback gets it.
    unsafe { &*user_data.cast::<T>() }
}

/// The 32-bit atomic at element `index` of shared memory.
pub fn atomic<'a>(address: *mut c_void, index: usize) -> &'a std::sync::atomic::AtomicI32 {
    // SAFETY: checks pass allocations of their own that outlive the use; everybody who touches
    // the element meanwhile does so atomically.
    unsafe { std::sync::atomic::AtomicI32::from_ptr(address.cast::<i32>().add(index)) }
}
