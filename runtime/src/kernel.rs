//! Kernel objects (§5.9).

use std::sync::{Arc, Mutex};

use isocl_compiler_interface::message::{self, AddressSpace, Argument, ArgumentKind, KernelCode};
use isocl_compiler_interface::rows::Rows;
use isocl_kernel_iface::Address;

use crate::command::LoadedKernel;
use crate::context::Context;
use crate::device::{Device, DeviceProgram};
use crate::flags::SvmCapabilities;
use crate::kernel_arg::{ArgumentValue, KernelArguments, LastLaunch};
use crate::lock::lock;
use crate::nd_range::{NdRange, WorkGroupRules};
use crate::program::{no_executable, Executable, Program};
use crate::{ApiSlot, Error, ErrorCode, Result};

/// A kernel with its arguments (`cl_kernel`). Its functions may be called from several threads at
/// once.
pub struct Kernel {
    /// Handle of the C boundary.
    pub api_slot: ApiSlot,
    attachment: Attachment,
    name: Arc<str>,
    /// Never empty.
    executables: Vec<DeviceKernel>,
    arguments: Mutex<KernelArguments>,
}

/// Keeps a program from being built again while it has kernel objects.
struct Attachment(Arc<Program>);

impl Drop for Attachment {
    fn drop(&mut self) {
        self.0.detach_kernel();
    }
}

/// A kernel as it runs on one device.
#[derive(Clone)]
pub(crate) struct DeviceKernel {
    device: Arc<Device>,
    /// Keeps the code loaded.
    pub program: Arc<dyn DeviceProgram>,
    index: u32,
    uniform_work_groups: bool,
}

impl DeviceKernel {
    /// The compiler's description.
    pub fn definition(&self) -> &message::Kernel {
        // The index was found in this list, which does not change.
        &self.program.executable().kernels[self.index as usize]
    }

    /// The machine code for some kind of launches, compiled on the first call.
    ///
    /// # Errors
    /// `OutOfResources` when code generation fails.
    pub fn code(&self, rows: Rows) -> Result<KernelCode> {
        self.program.kernel(self.index, rows)
    }

    /// What a launch of that kind calls. It is the same as for the last launch as a rule.
    ///
    /// # Errors
    /// As [`Self::code`].
    pub fn loaded(
        &self,
        name: &Arc<str>,
        range: &NdRange,
        last: Option<&LastLaunch>,
    ) -> Result<Arc<LoadedKernel>> {
        let (rows, local_size) = (range.rows(), range.local_size);
        if let Some(last) = last {
            let kernel = &last.launch.kernel;
            if last.rows == rows
                && last.launch.local_size == local_size
                && (kernel.code.streamed_bytes == 0 || last.launch.global_size == range.global_size)
                && last.is_up_to_date()
                && Arc::ptr_eq(&kernel.program, &self.program)
            {
                return Ok(Arc::clone(kernel));
            }
        }
        let of_kind = |rows| self.program.kernel_for_size(self.index, rows, local_size);
        let (mut code, mut time) = of_kind(rows)?;
        if self.streams(&code, range, rows) {
            (code, time) = of_kind(Rows {
                streams: true,
                ..rows
            })?;
        }
        Ok(Arc::new(LoadedKernel {
            program: Arc::clone(&self.program),
            code,
            time,
            name: Arc::clone(name),
        }))
    }

    /// Whether what a launch writes should go past the caches: it would fill a good part of them.
    fn streams(&self, code: &KernelCode, range: &NdRange, rows: Rows) -> bool {
        let sizes = range.global_size.iter();
        let work_items = sizes.fold(1_u64, |items, size| items.saturating_mul(*size));
        let written = work_items.saturating_mul(u64::from(code.streamed_bytes));
        let cache = self.device.info.global_mem_cache_size;
        cache > 0 && written >= cache / 2 && rows.length == Rows::LONG
    }

    /// What work-groups must be like.
    pub fn work_group_rules(&self) -> WorkGroupRules {
        WorkGroupRules::new(
            &self.device.info,
            self.definition(),
            self.uniform_work_groups,
        )
    }
}

/// Answers of `clGetKernelArgInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentInfo {
    /// `CL_KERNEL_ARG_ADDRESS_QUALIFIER`
    pub address_qualifier: u32,
    /// `CL_KERNEL_ARG_ACCESS_QUALIFIER`
    pub access_qualifier: u32,
    /// `CL_KERNEL_ARG_TYPE_NAME`
    pub type_name: String,
    /// `CL_KERNEL_ARG_TYPE_QUALIFIER`
    pub type_qualifier: u64,
    /// `CL_KERNEL_ARG_NAME`
    pub name: String,
}

/// Answers of `clGetKernelWorkGroupInfo`; sizes of memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkGroupInfo {
    /// `CL_KERNEL_WORK_GROUP_SIZE`
    pub work_group_size: usize,
    /// `CL_KERNEL_COMPILE_WORK_GROUP_SIZE`; zeros when the kernel does not say
    pub compile_work_group_size: [usize; 3],
    /// `CL_KERNEL_LOCAL_MEM_SIZE`, with the arguments set so far
    pub local_mem_size: u64,
    /// `CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE`
    pub preferred_work_group_size_multiple: usize,
    /// `CL_KERNEL_PRIVATE_MEM_SIZE`
    pub private_mem_size: u64,
    /// Most work-items in a sub-group
    pub sub_group_size: usize,
}

impl Kernel {
    /// The kernel function `name` of `program` as an object (`clCreateKernel`).
    ///
    /// # Errors
    /// `InvalidProgramExecutable`, `InvalidKernelName`, `InvalidKernelDefinition`.
    pub fn create(program: &Arc<Program>, name: &str) -> Result<Arc<Self>> {
        let executables = program.attach_kernel();
        let attachment = Attachment(Arc::clone(program));
        Self::from_executables(attachment, &executables, name)
    }

    /// All kernel functions of `program` that are the same on all its devices
    /// (`clCreateKernelsInProgram`).
    ///
    /// # Errors
    /// `InvalidProgramExecutable`.
    pub fn create_kernels_in_program(program: &Arc<Program>) -> Result<Vec<Arc<Self>>> {
        let names = program.kernel_names()?;
        let mut kernels = Vec::with_capacity(names.len());
        for name in &names {
            match Self::create(program, name) {
                Ok(kernel) => kernels.push(kernel),
                Err(error)
                    if matches!(
                        error.code,
                        ErrorCode::InvalidKernelDefinition | ErrorCode::InvalidKernelName
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(kernels)
    }

    fn from_executables(
        attachment: Attachment,
        executables: &[(Arc<Device>, Executable)],
        name: &str,
    ) -> Result<Arc<Self>> {
        // CL_INVALID_PROGRAM_EXECUTABLE: there is no successfully built executable for program.
        if executables.is_empty() {
            return Err(no_executable());
        }
        let kernels: Vec<_> = executables
            .iter()
            .filter_map(|(device, executable)| {
                let kernels = &executable.program.executable().kernels;
                let index = kernels.iter().position(|kernel| kernel.name == name)?;
                Some(DeviceKernel {
                    device: Arc::clone(device),
                    program: Arc::clone(&executable.program),
                    index: index as u32,
                    uniform_work_groups: executable.uniform_work_groups,
                })
            })
            .collect();
        // CL_INVALID_KERNEL_NAME: kernel_name is not found in program.
        let first = kernels.first().ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidKernelName,
                format!("the program has no kernel named {name}"),
            )
        })?;
        // CL_INVALID_KERNEL_DEFINITION: the function definition is not the same for all devices
        // for which the program executable has been built.
        let definition = first.definition();
        let same = |other: &DeviceKernel| other.definition().arguments == definition.arguments;
        if kernels.len() < executables.len() || !kernels.iter().all(same) {
            return Err(Error::new(
                ErrorCode::InvalidKernelDefinition,
                "the kernel is missing on a device, or has other arguments there",
            ));
        }
        let arguments =
            KernelArguments::new(definition.arguments.len(), definition.argument_block_bytes);
        Ok(Arc::new(Self {
            api_slot: ApiSlot::default(),
            attachment,
            name: Arc::from(name),
            executables: kernels,
            arguments: Mutex::new(arguments),
        }))
    }

    /// A copy with the same arguments and execution information (`clCloneKernel`).
    ///
    /// # Errors
    /// None today; `OutOfHostMemory` by specification.
    pub fn clone_kernel(&self) -> Result<Arc<Self>> {
        let program = self.program();
        let _executables = program.attach_kernel();
        let arguments = lock(&self.arguments).clone();
        Ok(Arc::new(Self {
            api_slot: ApiSlot::default(),
            attachment: Attachment(Arc::clone(program)),
            name: Arc::clone(&self.name),
            executables: self.executables.clone(),
            arguments: Mutex::new(arguments),
        }))
    }

    /// `CL_KERNEL_FUNCTION_NAME`
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// `CL_KERNEL_NUM_ARGS`
    pub fn num_args(&self) -> u32 {
        self.definition().arguments.len() as u32
    }

    /// `CL_KERNEL_CONTEXT`
    pub fn context(&self) -> &Arc<Context> {
        self.program().context()
    }

    /// `CL_KERNEL_PROGRAM`
    pub fn program(&self) -> &Arc<Program> {
        &self.attachment.0
    }

    /// `CL_KERNEL_ATTRIBUTES`; empty when the program was not created with source.
    pub fn attributes(&self) -> &str {
        match self.program().is_of_binaries() {
            true => "",
            false => &self.definition().attributes,
        }
    }

    /// How the argument with this index is passed.
    ///
    /// # Errors
    /// `InvalidArgIndex`
    pub fn argument_kind(&self, index: u32) -> Result<ArgumentKind> {
        Ok(self.argument(index)?.kind)
    }

    /// What is known of an argument's declaration (`clGetKernelArgInfo`).
    ///
    /// # Errors
    /// `InvalidArgIndex`, `KernelArgInfoNotAvailable`.
    pub fn argument_info(&self, index: u32) -> Result<ArgumentInfo> {
        // CL_INVALID_ARG_INDEX: arg_index is not a valid argument index.
        let argument = self.argument(index)?;
        // CL_KERNEL_ARG_INFO_NOT_AVAILABLE: the argument information is not available for kernel.
        if !self.definition().has_argument_info || self.program().is_of_binaries() {
            return Err(Error::new(
                ErrorCode::KernelArgInfoNotAvailable,
                "the program was not built from source with -cl-kernel-arg-info",
            ));
        }
        let (address_qualifier, constant) = match argument.kind {
            ArgumentKind::Value { .. } => (0x119E, false),
            ArgumentKind::Pointer { address_space, .. } => match address_space {
                AddressSpace::Global => (0x119B, false),
                AddressSpace::Local => (0x119C, false),
                AddressSpace::Constant => (0x119D, true),
            },
        };
        let qualifiers = [
            argument.is_const || constant,
            argument.is_restrict,
            argument.is_volatile,
        ];
        let bits = qualifiers.iter().enumerate();
        Ok(ArgumentInfo {
            address_qualifier,
            // CL_KERNEL_ARG_ACCESS_NONE: there are no images.
            access_qualifier: 0x11A3,
            type_name: argument.type_name.clone(),
            type_qualifier: bits.map(|(bit, set)| u64::from(*set) << bit).sum(),
            name: argument.name.clone(),
        })
    }

    /// What work-groups of the kernel are like on `device` (`clGetKernelWorkGroupInfo`), which may
    /// be left out when there is only one.
    ///
    /// # Errors
    /// `InvalidDevice`, `OutOfResources` when the kernel cannot be compiled.
    pub fn work_group_info(&self, device: Option<&Arc<Device>>) -> Result<WorkGroupInfo> {
        let kernel = match device {
            Some(device) => self.on_device(device),
            None if self.program().devices().len() == 1 => self.executables.first(),
            None => None,
        };
        // CL_INVALID_DEVICE: device is not in the list of devices associated with kernel, or is
        // NULL and there is more than one device.
        let kernel = kernel.ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidDevice,
                "the kernel was not built for the device",
            )
        })?;
        let code = kernel.code(Rows::USUAL)?;
        let required = kernel.definition().required_work_group_size;
        let info = &kernel.device.info;
        Ok(WorkGroupInfo {
            work_group_size: info.max_work_group_size,
            compile_work_group_size: required.unwrap_or_default().map(|size| size as usize),
            local_mem_size: lock(&self.arguments).local_bytes(code.local_bytes),
            preferred_work_group_size_multiple: info.preferred_work_group_size_multiple,
            private_mem_size: code.private_bytes,
            sub_group_size: code.sub_group_size as usize,
        })
    }

    /// Sets an argument (`clSetKernelArg`); `size` is in bytes.
    ///
    /// # Errors
    /// `InvalidArgIndex`, `InvalidContext`, `InvalidMemObject`, `InvalidArgSize`,
    /// `InvalidArgValue`; the argument keeps its value then.
    pub fn set_kernel_arg(&self, index: u32, size: usize, value: &ArgumentValue<'_>) -> Result<()> {
        // CL_INVALID_ARG_INDEX: arg_index is not a valid argument index.
        let argument = self.argument(index)?;
        lock(&self.arguments).set(self.context(), index as usize, argument, size, value)
    }

    /// Sets an argument to a pointer into SVM (`clSetKernelArgSVMPointer`).
    ///
    /// # Errors
    /// `InvalidOperation`, `InvalidArgIndex`, `InvalidArgValue`; the argument keeps its value
    /// then.
    pub fn set_kernel_arg_svm_pointer(&self, index: u32, pointer: Address) -> Result<()> {
        self.check_some_device(SvmCapabilities::empty())?;
        // CL_INVALID_ARG_INDEX: arg_index is not a valid argument index.
        let argument = self.argument(index)?;
        lock(&self.arguments).set_svm_pointer(self.context(), index as usize, argument, pointer)
    }

    /// Replaces the SVM that the kernel may access beside its arguments
    /// (`clSetKernelExecInfo` with `CL_KERNEL_EXEC_INFO_SVM_PTRS`).
    ///
    /// # Errors
    /// `InvalidOperation` when no device supports SVM.
    pub fn set_kernel_exec_info_svm_ptrs(&self, pointers: Vec<Address>) -> Result<()> {
        self.check_some_device(SvmCapabilities::empty())?;
        lock(&self.arguments).set_svm_pointers(pointers);
        Ok(())
    }

    /// Says whether the kernel may access memory of the system beside its arguments
    /// (`clSetKernelExecInfo` with `CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM`). It may in any
    /// case: a CPU cannot be kept from it.
    ///
    /// # Errors
    /// `InvalidOperation` when `allowed` and no device supports it.
    pub fn set_kernel_exec_info_fine_grain_system(&self, allowed: bool) -> Result<()> {
        if allowed {
            self.check_some_device(SvmCapabilities::FINE_GRAIN_SYSTEM)?;
        }
        Ok(())
    }

    fn check_some_device(&self, wanted: SvmCapabilities) -> Result<()> {
        // CL_INVALID_OPERATION: no devices in the context associated with kernel support SVM, or
        // fine-grain system SVM allocations.
        let some = self.context().svm_limits().some;
        if some.is_empty() || !some.contains(wanted) {
            return Err(Error::new(
                ErrorCode::InvalidOperation,
                "no device of the kernel's context supports this kind of SVM",
            ));
        }
        Ok(())
    }

    fn argument(&self, index: u32) -> Result<&Argument> {
        self.definition()
            .arguments
            .get(index as usize)
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::InvalidArgIndex,
                    format!("the kernel {} has no argument {index}", self.name),
                )
            })
    }

    fn definition(&self) -> &message::Kernel {
        // There is at least one, or there would be no kernel object.
        self.executables[0].definition()
    }

    /// The kernel as built for `device`.
    pub(crate) fn on_device(&self, device: &Arc<Device>) -> Option<&DeviceKernel> {
        self.executables
            .iter()
            .find(|kernel| Arc::ptr_eq(&kernel.device, device))
    }

    pub(crate) fn arguments(&self) -> &Mutex<KernelArguments> {
        &self.arguments
    }
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Kernel")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
