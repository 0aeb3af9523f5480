//! `cl_khr_unified_svm`: what its checks have in common.
//!
//! The specification lists names and values of the extension (version 0.9.0, experimental) and refers
//! to its working draft for the text. What the draft states and what its list of issues has resolved
//! is checked; what it leaves open or unresolved is informative. Sections are those of the core
//! specification that the extension changes.

use std::ffi::c_void;
use std::fmt;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Need, Outcome};
use crate::client::UnifiedSvm;

pub mod allocation;
pub mod allocation_properties;
pub mod capabilities;
pub mod commands;
pub mod free;
pub mod kernels;
pub mod pointer_info;
pub mod suggested_type;
pub mod types;

const NEEDS: &[Need] = &[Need::UnifiedSvm];
const COMPILED: &[Need] = &[Need::UnifiedSvm, Need::Compiler];

/// A check of a device with the extension.
const fn check(
    name: &'static str,
    section: &'static str,
    statement: &'static str,
    run: fn(&Environment) -> Finding,
) -> Check {
    Check::new(name, section, statement, run).needs(NEEDS)
}

/// A type of shared virtual memory: its number, and what the device says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Type {
    index: cl_uint,
    capabilities: cl_svm_capabilities_khr,
}

impl Type {
    /// Whether it has all of these capabilities.
    const fn has(self, capabilities: cl_svm_capabilities_khr) -> bool {
        self.capabilities & capabilities == capabilities
    }
}

impl fmt::Display for Type {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(text, "type {} ({:#x})", self.index, self.capabilities)
    }
}

/// An array of capabilities, by a query of two steps.
fn array(
    what: &str,
    query: impl Fn(usize, *mut c_void, *mut usize) -> cl_int,
) -> Result<Vec<cl_svm_capabilities_khr>, Outcome> {
    let mut size = 0;
    expect::success(what, query(0, null_mut(), &mut size))?;
    let each = size_of::<cl_svm_capabilities_khr>();
    expect::that(size.is_multiple_of(each), || {
        (
            format!("the size of {what} is a multiple of {each}"),
            size.to_string(),
        )
    })?;
    let mut found = vec![0; size / each];
    expect::success(what, query(size, found.as_mut_ptr().cast(), null_mut()))?;
    Ok(found)
}

/// `CL_PLATFORM_SVM_TYPE_CAPABILITIES_KHR`
fn platform_types(environment: &Environment) -> Result<Vec<cl_svm_capabilities_khr>, Outcome> {
    let (api, platform) = (environment.api, environment.platform);
    let name = CL_PLATFORM_SVM_TYPE_CAPABILITIES_KHR;
    array(
        "CL_PLATFORM_SVM_TYPE_CAPABILITIES_KHR",
        |size, value, ret| api.clGetPlatformInfo(platform, name, size, value, ret),
    )
}

/// `CL_DEVICE_SVM_TYPE_CAPABILITIES_KHR`
fn device_types(
    environment: &Environment,
    device: cl_device_id,
) -> Result<Vec<cl_svm_capabilities_khr>, Outcome> {
    let (api, name) = (environment.api, CL_DEVICE_SVM_TYPE_CAPABILITIES_KHR);
    array("CL_DEVICE_SVM_TYPE_CAPABILITIES_KHR", |size, value, ret| {
        api.clGetDeviceInfo(device, name, size, value, ret)
    })
}

/// What kernels and commands of the device do with a type that is of use to them.
const DEVICE_ACCESS: cl_svm_capabilities_khr =
    CL_SVM_CAPABILITY_DEVICE_READ_KHR | CL_SVM_CAPABILITY_DEVICE_WRITE_KHR;

/// The extension as a check uses it.
struct Unified<'a> {
    environment: &'a Environment,
    functions: UnifiedSvm,
    /// The types that the device supports, and both reads and writes.
    types: Vec<Type>,
}

impl<'a> Unified<'a> {
    fn of(environment: &'a Environment) -> Result<Self, Outcome> {
        let functions = UnifiedSvm::of(environment.api, environment.platform);
        let functions = functions.map_err(|name| {
            let call = "clGetExtensionFunctionAddressForPlatform";
            Outcome::fail(format!("{call} finds {name}"), "NULL")
        })?;
        let types = device_types(environment, environment.device)?;
        let types = (0..).zip(types).map(|(index, capabilities)| Type {
            index,
            capabilities,
        });
        Ok(Self {
            environment,
            functions,
            types: types.filter(|kind| kind.has(DEVICE_ACCESS)).collect(),
        })
    }

    /// The types with all of these capabilities; there must be one for the statement to mean anything.
    fn types_with(&self, capabilities: cl_svm_capabilities_khr) -> Result<Vec<Type>, Outcome> {
        let types = self.types.iter().copied();
        let found: Vec<Type> = types.filter(|kind| kind.has(capabilities)).collect();
        if found.is_empty() {
            let why = format!("no type has the capabilities {capabilities:#x}");
            return Err(Outcome::not_applicable(why));
        }
        Ok(found)
    }

    /// Any type.
    fn first(&self) -> Result<Type, Outcome> {
        Ok(self.types_with(0)?[0])
    }

    /// The list of properties that memory of a type needs, with these besides.
    fn properties(&self, kind: Type, more: &[cl_properties]) -> Vec<cl_properties> {
        let mut list = Vec::new();
        let handle = CL_SVM_ALLOC_ASSOCIATED_DEVICE_HANDLE_KHR;
        let told = more.iter().step_by(2).any(|name| *name == handle);
        if !kind.has(CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR) && !told {
            list.extend([handle, self.environment.device as cl_properties]);
        }
        list.extend(more);
        list.push(0);
        list
    }

    /// Calls the function; the memory and the code.
    fn allocate(
        &self,
        context: cl_context,
        properties: Option<&[cl_properties]>,
        index: cl_uint,
        size: usize,
    ) -> (*mut c_void, cl_int) {
        let mut code = 99;
        let list = properties.map_or(null(), <[cl_properties]>::as_ptr);
        let pointer = self
            .functions
            .allocate(context, list, index, size, &mut code);
        self.environment.keep_svm(context, pointer);
        (pointer, code)
    }

    /// Memory of a type with further properties.
    fn memory_with(
        &self,
        kind: Type,
        size: usize,
        more: &[cl_properties],
    ) -> Result<*mut c_void, Outcome> {
        let list = self.properties(kind, more);
        let (pointer, code) =
            self.allocate(self.environment.context, Some(&list), kind.index, size);
        let what = format!("clSVMAllocWithPropertiesKHR of {size} bytes of {kind} with {list:x?}");
        expect::success(&what, code)?;
        expect::that(!pointer.is_null(), || {
            (format!("{what} gives memory"), "NULL".into())
        })?;
        Ok(pointer)
    }

    /// Memory of a type.
    fn memory(&self, kind: Type, size: usize) -> Result<*mut c_void, Outcome> {
        self.memory_with(kind, size, &[])
    }

    /// Memory of a type with values in it.
    fn filled<T: Copy>(&self, kind: Type, values: &[T]) -> Result<*mut c_void, Outcome> {
        let memory = self.memory(kind, size_of_val(values))?;
        self.store(memory, values)?;
        Ok(memory)
    }

    /// Copies, as every type allows it, to or from memory of the application.
    fn copy(&self, to: *mut c_void, from: *const c_void, size: usize) -> Finding {
        let (api, queue) = (self.environment.api, self.environment.queue);
        let code = api.clEnqueueSVMMemcpy(queue, CL_TRUE, to, from, size, 0, null(), null_mut());
        expect::success("clEnqueueSVMMemcpy", code)
    }

    /// Writes values to memory of any type.
    fn store<T: Copy>(&self, memory: *mut c_void, values: &[T]) -> Finding {
        self.copy(memory, values.as_ptr().cast(), size_of_val(values))
    }

    /// Reads values from memory of any type.
    fn load<T: Copy + Default>(
        &self,
        memory: *const c_void,
        count: usize,
    ) -> Result<Vec<T>, Outcome> {
        let mut values = vec![T::default(); count];
        let size = count * size_of::<T>();
        self.copy(values.as_mut_ptr().cast(), memory, size)?;
        Ok(values)
    }

    /// Demands the values that stand in memory.
    fn holds<T: Copy + Default + PartialEq + fmt::Debug>(
        &self,
        what: &str,
        memory: *const c_void,
        expected: &[T],
    ) -> Finding {
        let found = self.load::<T>(memory, expected.len())?;
        expect::elements(what, expected, &found)
    }

    /// Fills memory with a byte, and waits for it.
    fn fill(&self, memory: *mut c_void, byte: u8, size: usize) -> Finding {
        let (api, queue, place) = (
            self.environment.api,
            self.environment.queue,
            (&raw const byte).cast(),
        );
        let none = null_mut();
        let code = api.clEnqueueSVMMemFill(queue, memory, place, 1, size, 0, null(), none);
        expect::success("clEnqueueSVMMemFill", code)?;
        Ok(self.environment.finish()?)
    }

    /// Demands that memory of this size is there for device and commands: it is filled and copied.
    fn usable(&self, what: &str, memory: *mut c_void, size: usize) -> Finding {
        self.fill(memory, 0x5A, size)?;
        self.holds(what, memory, &vec![0x5A_u8; size])
    }

    /// What the implementation tells of a pointer under a name whose values have the type of `initial`.
    fn told<T>(
        &self,
        device: cl_device_id,
        pointer: *const c_void,
        name: cl_svm_pointer_info_khr,
        initial: T,
    ) -> Result<T, Outcome> {
        let (context, mut value) = (self.environment.context, initial);
        let place = (&raw mut value).cast();
        let size = size_of::<T>();
        let functions = &self.functions;
        let code = functions.pointer_info(context, device, pointer, name, size, place, null_mut());
        expect::success(&format!("clGetSVMPointerInfoKHR of {name:#x}"), code)?;
        Ok(value)
    }

    /// Says whether a kernel may access memory through pointers that it finds; the code.
    fn indirect_access(&self, kernel: cl_kernel, value: cl_bool) -> cl_int {
        let name = CL_KERNEL_EXEC_INFO_SVM_INDIRECT_ACCESS_KHR;
        let (size, place) = (size_of_val(&value), (&raw const value).cast());
        (self.environment.api).clSetKernelExecInfo(kernel, name, size, place)
    }
}

/// Demands that there is no memory, and a code.
fn no_memory(what: &str, (pointer, code): (*mut c_void, cl_int), expected: cl_int) -> Finding {
    expect::code(what, expected, code)?;
    expect::equal(&format!("the memory of {what}"), null_mut(), pointer)
}

/// A type that a device or a sub-device does not support, and that device.
fn unsupported(environment: &Environment) -> Result<(cl_device_id, cl_uint), Outcome> {
    for device in types::all_devices(environment)? {
        let entries = device_types(environment, device)?;
        if let Some(index) = entries.iter().position(|entry| *entry == 0) {
            return Ok((device, index as cl_uint));
        }
    }
    Err(Outcome::not_applicable("every device supports every type"))
}

/// The size of the largest data type that the device supports.
fn largest_type(environment: &Environment) -> Result<u64, Outcome> {
    Ok(super::alignment::largest_type(environment)?.into())
}

/// Lists of properties that are not valid, of each kind.
const UNKNOWN: &[&[cl_properties]] =
    &[&[0x1234, 0], &[CL_SVM_ALLOC_ACCESS_FLAGS_KHR, 0, 0x2FFF, 1]];
const TWICE: &[&[cl_properties]] = &[
    &[
        CL_SVM_ALLOC_ACCESS_FLAGS_KHR,
        0,
        CL_SVM_ALLOC_ACCESS_FLAGS_KHR,
        0,
    ],
    &[
        CL_SVM_ALLOC_ALIGNMENT_KHR,
        8,
        CL_SVM_ALLOC_ACCESS_FLAGS_KHR,
        0,
        CL_SVM_ALLOC_ALIGNMENT_KHR,
        16,
    ],
];
const BAD_FLAGS: &[&[cl_properties]] = &[
    &[CL_SVM_ALLOC_ACCESS_FLAGS_KHR, 1 << 2],
    &[CL_SVM_ALLOC_ACCESS_FLAGS_KHR, 1 << 10],
    &[CL_SVM_ALLOC_ACCESS_FLAGS_KHR, 1 << 63],
];
const BAD_ALIGNMENTS: &[&[cl_properties]] = &[
    &[CL_SVM_ALLOC_ALIGNMENT_KHR, 3],
    &[CL_SVM_ALLOC_ALIGNMENT_KHR, 24],
    &[CL_SVM_ALLOC_ALIGNMENT_KHR, 127],
];
