//! The arguments of a kernel object (§5.9.2): a block that is always ready to be copied into a
//! command, and what the values refer to.

use std::sync::{Arc, Weak};

use isocl_compiler_interface::message::{AddressSpace, Argument, ArgumentKind};
use isocl_compiler_interface::rows::Rows;
use isocl_kernel_iface::Address;

use crate::buffer::Buffer;
use crate::command::Launch;
use crate::context::Context;
use crate::device::Device;
use crate::flags::SvmCapabilities;
use crate::keep_alive::KeepAlive;
use crate::nd_range::{LocalSizeChoice, Sizes};
use crate::{Error, ErrorCode, Result};

/// Size of a pointer and of a memory object handle in bytes.
const POINTER: usize = 8;
/// Alignment of each local memory argument in bytes: that of the largest type.
const LOCAL_ALIGNMENT: u64 = 128;

/// The value of `clSetKernelArg`.
#[derive(Debug, Clone)]
pub enum ArgumentValue<'a> {
    /// The bytes of a value that is no memory object.
    Bytes(&'a [u8]),
    /// `arg_value` is NULL.
    Null,
    /// `arg_value` points to a memory object handle, or to a null handle.
    Buffer(Option<Arc<Buffer>>),
}

/// What an argument refers to. Memory objects are not kept alive by a kernel (§5.9.2, note).
#[derive(Debug, Clone)]
enum Bound {
    Unset,
    /// The block says it all.
    Value,
    Buffer(Weak<Buffer>),
    Svm(Address),
    Local {
        bytes: u64,
    },
}

/// The arguments and execution information of a kernel object.
#[derive(Debug, Clone)]
pub(crate) struct KernelArguments {
    /// Shared with the commands that took it as it is.
    block: Arc<[u8]>,
    bound: Vec<Bound>,
    svm_pointers: Vec<Address>,
    /// Local size of the last range that came without one.
    pub last_choice: Option<LocalSizeChoice>,
    last_launch: Option<LastLaunch>,
}

/// What a kernel was launched with last, which is what it is launched with next as a rule.
#[derive(Debug, Clone)]
pub(crate) struct LastLaunch {
    pub device: Arc<Device>,
    pub sizes: Sizes,
    pub rows: Rows,
    pub launch: Arc<Launch>,
}

impl LastLaunch {
    /// Whether it can be repeated as it is: there may be better code.
    pub fn is_up_to_date(&self) -> bool {
        !self.launch.kernel.time.is_over()
    }
}

impl KernelArguments {
    /// No argument set; the block has `block_bytes` bytes.
    pub fn new(count: usize, block_bytes: u32) -> Self {
        Self {
            block: std::iter::repeat_n(0, block_bytes as usize).collect(),
            bound: vec![Bound::Unset; count],
            svm_pointers: Vec::new(),
            last_choice: None,
            last_launch: None,
        }
    }

    /// The last launch, if nothing that it depends on has changed since.
    pub fn last_launch(&self) -> Option<&LastLaunch> {
        self.last_launch.as_ref()
    }

    /// Remembers a launch with these arguments.
    pub fn remember(&mut self, last: LastLaunch) {
        self.last_launch = Some(last);
    }

    /// Sets the argument with this index, which is `argument` (`clSetKernelArg`).
    ///
    /// # Errors
    /// `InvalidContext`, `InvalidMemObject`, `InvalidArgSize`, `InvalidArgValue`; the argument
    /// keeps its value then.
    pub fn set(
        &mut self,
        context: &Arc<Context>,
        index: usize,
        argument: &Argument,
        size: usize,
        value: &ArgumentValue<'_>,
    ) -> Result<()> {
        match argument.kind {
            ArgumentKind::Value { bytes } => {
                self.set_value(index, argument, bytes as usize, size, value)
            }
            ArgumentKind::Pointer {
                address_space: AddressSpace::Local,
                ..
            } => self.set_local(index, size, value),
            ArgumentKind::Pointer {
                pointee_alignment, ..
            } => {
                let buffer = buffer_of(context, size, value)?;
                let address = buffer.map_or(Address::NULL, |buffer| buffer.address());
                check_alignment(address, pointee_alignment)?;
                let bound =
                    buffer.map_or(Bound::Value, |buffer| Bound::Buffer(Arc::downgrade(buffer)));
                self.bind(index, argument, &address.get().to_ne_bytes(), bound);
                Ok(())
            }
        }
    }

    fn set_value(
        &mut self,
        index: usize,
        argument: &Argument,
        expected: usize,
        size: usize,
        value: &ArgumentValue<'_>,
    ) -> Result<()> {
        // CL_INVALID_ARG_SIZE: arg_size does not match the size of the data type for the argument.
        if size != expected {
            return Err(invalid_size(
                "arg_size is not the size of the argument's type",
            ));
        }
        match value {
            ArgumentValue::Bytes(bytes) if bytes.len() == expected => {
                self.bind(index, argument, bytes, Bound::Value);
                Ok(())
            }
            _ => Err(Error::new(
                ErrorCode::InvalidArgValue,
                "arg_value points to no value of the argument's type",
            )),
        }
    }

    fn set_local(&mut self, index: usize, size: usize, value: &ArgumentValue<'_>) -> Result<()> {
        // CL_INVALID_ARG_SIZE: the argument is a pointer to the local address space and arg_size
        // is zero.
        if size == 0 {
            return Err(invalid_size(
                "arg_size is zero for an argument in local memory",
            ));
        }
        if !matches!(value, ArgumentValue::Null) {
            return Err(Error::new(
                ErrorCode::InvalidArgValue,
                "arg_value is not NULL for an argument in local memory",
            ));
        }
        self.bound[index] = Bound::Local { bytes: size as u64 };
        self.last_launch = None;
        Ok(())
    }

    /// Sets a pointer to SVM (`clSetKernelArgSVMPointer`); a pointer that is none of the
    /// context's needs a device with system SVM.
    ///
    /// # Errors
    /// `InvalidArgValue`.
    pub fn set_svm_pointer(
        &mut self,
        context: &Context,
        index: usize,
        argument: &Argument,
        pointer: Address,
    ) -> Result<()> {
        // CL_INVALID_ARG_VALUE: arg_value is not a valid value: the argument is no pointer to
        // global or constant memory, or the pointer is not aligned to what it points to.
        let alignment = match argument.kind {
            ArgumentKind::Pointer {
                address_space: AddressSpace::Global | AddressSpace::Constant,
                pointee_alignment,
            } => pointee_alignment,
            _ => {
                return Err(Error::new(
                    ErrorCode::InvalidArgValue,
                    "the argument is no pointer to global or constant memory",
                ));
            }
        };
        check_alignment(pointer, alignment)?;
        if pointer.is_null() {
            self.bind(index, argument, &[0; POINTER], Bound::Value);
            return Ok(());
        }
        let system = SvmCapabilities::FINE_GRAIN_SYSTEM;
        if !context.svm_limits().some.contains(system)
            && context.svm_heap().resolve(pointer).is_none()
        {
            return Err(Error::new(
                ErrorCode::InvalidArgValue,
                "the pointer is no SVM of the context, and no device has system SVM",
            ));
        }
        self.bind(
            index,
            argument,
            &pointer.get().to_ne_bytes(),
            Bound::Svm(pointer),
        );
        Ok(())
    }

    /// Replaces the SVM that the kernel reaches without its being an argument
    /// (`CL_KERNEL_EXEC_INFO_SVM_PTRS`). Null pointers say nothing.
    pub fn set_svm_pointers(&mut self, pointers: Vec<Address>) {
        self.svm_pointers = pointers;
        self.svm_pointers.retain(|pointer| !pointer.is_null());
    }

    /// Whether every argument has a value.
    ///
    /// # Errors
    /// `InvalidKernelArgs` when one has not.
    pub fn check_set(&self) -> Result<()> {
        // CL_INVALID_KERNEL_ARGS: any kernel arguments for kernel have not been set.
        match self
            .bound
            .iter()
            .position(|bound| matches!(bound, Bound::Unset))
        {
            None => Ok(()),
            Some(index) => Err(Error::new(
                ErrorCode::InvalidKernelArgs,
                format!("argument {index} is not set"),
            )),
        }
    }

    /// Local memory of the arguments set so far, in bytes, for a kernel that has `own` bytes.
    pub fn local_bytes(&self, own: u64) -> u64 {
        self.bound.iter().fold(own, |sum, bound| match bound {
            Bound::Local { bytes } => next_local(sum).saturating_add(*bytes),
            _ => sum,
        })
    }

    /// Gives the arguments in local memory their places, behind the kernel's own local memory of
    /// `own` bytes; returns how much there is in all.
    ///
    /// # Errors
    /// `OutOfResources` when the device has less.
    pub fn place_locals(
        &mut self,
        arguments: &[Argument],
        own: u64,
        device: &Device,
    ) -> Result<u64> {
        // The last launch had other places.
        self.last_launch = None;
        let mut sum = own;
        for (bound, argument) in self.bound.iter().zip(arguments) {
            if let Bound::Local { bytes } = bound {
                sum = next_local(sum);
                write(&mut self.block, argument, &sum.to_ne_bytes());
                sum = sum.saturating_add(*bytes);
            }
        }
        let sum = next_local(sum);
        // CL_OUT_OF_RESOURCES: the kernel needs more local memory than the device has.
        if sum > device.info.local_mem_size {
            return Err(Error::new(
                ErrorCode::OutOfResources,
                "the kernel needs more local memory than CL_DEVICE_LOCAL_MEM_SIZE",
            ));
        }
        Ok(sum)
    }

    /// The argument block for a command on `device`; what the arguments refer to goes into
    /// `keep_alive`.
    ///
    /// # Errors
    /// `InvalidKernelArgs` when a memory object is gone, `MisalignedSubBufferOffset`,
    /// `InvalidOperation` for SVM that the device does not support.
    pub fn capture(
        &self,
        context: &Context,
        device: &Device,
        keep_alive: &mut KeepAlive,
    ) -> Result<Arc<[u8]>> {
        let heap = context.svm_heap();
        let refers = |bound: &&Bound| matches!(bound, Bound::Buffer(_) | Bound::Svm(_));
        let count = self.bound.iter().filter(refers).count();
        keep_alive.reserve(count + self.svm_pointers.len());
        for bound in &self.bound {
            match bound {
                Bound::Value | Bound::Unset | Bound::Local { .. } => {}
                Bound::Buffer(buffer) => {
                    let buffer = buffer.upgrade().ok_or_else(|| {
                        Error::new(
                            ErrorCode::InvalidKernelArgs,
                            "a memory object that is an argument was released",
                        )
                    })?;
                    let aligned = buffer.check_alignment(device);
                    keep_alive.keep(buffer);
                    aligned?;
                }
                Bound::Svm(pointer) => {
                    check_svm(device, keep_alive.pin(heap, *pointer, 0))?;
                }
            }
        }
        for pointer in &self.svm_pointers {
            keep_alive.pin(heap, *pointer, 0);
        }
        Ok(Arc::clone(&self.block))
    }

    fn bind(&mut self, index: usize, argument: &Argument, bytes: &[u8], bound: Bound) {
        write(&mut self.block, argument, bytes);
        self.bound[index] = bound;
    }
}

/// The buffer that a pointer argument is set to; none for a null pointer.
fn buffer_of<'a>(
    context: &Arc<Context>,
    size: usize,
    value: &'a ArgumentValue<'_>,
) -> Result<Option<&'a Arc<Buffer>>> {
    let buffer = match value {
        ArgumentValue::Null | ArgumentValue::Buffer(None) => None,
        ArgumentValue::Buffer(Some(buffer)) => Some(buffer),
        ArgumentValue::Bytes(bytes) if bytes.iter().all(|byte| *byte == 0) => None,
        // CL_INVALID_MEM_OBJECT: arg_value is not NULL, does not point to NULL, and does not point
        // to a valid memory object.
        ArgumentValue::Bytes(_) => {
            return Err(Error::new(
                ErrorCode::InvalidMemObject,
                "arg_value points to no memory object",
            ));
        }
    };
    // CL_INVALID_CONTEXT: the context associated with kernel and the object are not the same.
    if buffer.is_some_and(|buffer| !Arc::ptr_eq(buffer.context(), context)) {
        return Err(Error::new(
            ErrorCode::InvalidContext,
            "the memory object belongs to another context than the kernel",
        ));
    }
    // CL_INVALID_ARG_SIZE: arg_value points to a memory object and arg_size is not equal to
    // sizeof(cl_mem).
    if size != POINTER {
        return Err(invalid_size("arg_size is not sizeof(cl_mem)"));
    }
    Ok(buffer)
}

fn check_alignment(address: Address, alignment: u32) -> Result<()> {
    if address.get().is_multiple_of(alignment.max(1) as usize) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::InvalidArgValue,
        "the pointer is not aligned to the type it points to",
    ))
}

fn check_svm(device: &Device, known: bool) -> Result<()> {
    let capabilities = device.info.svm_capabilities;
    // CL_INVALID_OPERATION: SVM pointers are set as arguments and the device does not support SVM,
    // or system pointers are and it does not support fine-grain system SVM.
    if capabilities.is_empty()
        || (!known && !capabilities.contains(SvmCapabilities::FINE_GRAIN_SYSTEM))
    {
        return Err(Error::new(
            ErrorCode::InvalidOperation,
            "a pointer argument is no SVM that the device of the queue supports",
        ));
    }
    Ok(())
}

/// Writes the value of an argument into the block; into a copy when commands use the block.
fn write(block: &mut Arc<[u8]>, argument: &Argument, bytes: &[u8]) {
    let start = argument.offset as usize;
    if let Some(place) = Arc::make_mut(block).get_mut(start..start + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn next_local(bytes: u64) -> u64 {
    bytes
        .checked_next_multiple_of(LOCAL_ALIGNMENT)
        .unwrap_or(u64::MAX)
}

fn invalid_size(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidArgSize, reason)
}
