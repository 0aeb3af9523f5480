//! Running kernels (§5.10).

use std::sync::Arc;

use crate::buffer::Buffer;
use crate::command::{Command, CommandType, Launch, NdRangeCommand, Operation};
use crate::device::Device;
use crate::keep_alive::KeepAlive;
use crate::kernel::Kernel;
use crate::kernel_arg::{KernelArguments, LastLaunch};
use crate::lock::lock;
use crate::nd_range::{GivenSizes, NdRange, Sizes};
use crate::program::no_executable;
use crate::queue::CommandQueue;
use crate::wait_list::{EventArguments, WaitList};
use crate::{Error, ErrorCode, Result};

/// `CL_EXEC_NATIVE_KERNEL`
const EXEC_NATIVE_KERNEL: u64 = 2;

impl CommandQueue {
    /// Runs `kernel` over an index space (`clEnqueueNDRangeKernel`). Arguments are taken as they
    /// are now.
    ///
    /// # Errors
    /// As §5.10 lists them.
    pub fn enqueue_nd_range_kernel<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        kernel: &Kernel,
        work_dim: u32,
        global_offset: Option<&[usize]>,
        global_size: Option<&[usize]>,
        local_size: Option<&[usize]>,
        events: &A,
    ) -> Result<A::Answer> {
        let sizes = GivenSizes {
            work_dim,
            global_offset,
            global_size,
            local_size,
        };
        self.run_kernel(CommandType::NdRangeKernel, kernel, &sizes, events)
    }

    /// The work-group size that `clEnqueueNDRangeKernel` would choose
    /// (`clGetKernelSuggestedLocalWorkSize`); unused dimensions have size 1.
    ///
    /// # Errors
    /// As §5.9.4 lists them.
    pub fn suggested_local_work_size(
        self: &Arc<Self>,
        kernel: &Kernel,
        work_dim: u32,
        global_offset: Option<&[usize]>,
        global_size: Option<&[usize]>,
    ) -> Result<[usize; 3]> {
        // CL_INVALID_CONTEXT: the context associated with kernel is not the same as the context
        // associated with command_queue.
        if !Arc::ptr_eq(kernel.context(), self.context()) {
            return Err(Error::new(
                ErrorCode::InvalidContext,
                "the kernel belongs to another context than the queue",
            ));
        }
        let sizes = GivenSizes {
            work_dim,
            global_offset,
            global_size,
            local_size: None,
        };
        match self.nd_range_operation(kernel, &sizes, &mut KeepAlive::default())? {
            Operation::NdRange(command) => Ok(command.launch.local_size.map(|size| size as usize)),
            // CL_INVALID_GLOBAL_WORK_SIZE: global_work_size is NULL or any of its values is 0.
            _ => Err(Error::new(
                ErrorCode::InvalidGlobalWorkSize,
                "global_work_size is NULL or has a zero",
            )),
        }
    }

    /// Runs one work-item of `kernel` (`clEnqueueTask`).
    ///
    /// # Errors
    /// As §5.10 lists them.
    pub fn enqueue_task<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        kernel: &Kernel,
        events: &A,
    ) -> Result<A::Answer> {
        let one = Some([1_usize].as_slice());
        let sizes = GivenSizes {
            work_dim: 1,
            global_offset: None,
            global_size: one,
            local_size: one,
        };
        self.run_kernel(CommandType::Task, kernel, &sizes, events)
    }

    /// Runs a function of the host, which may use `buffers` (`clEnqueueNativeKernel`).
    ///
    /// # Errors
    /// `InvalidContext`, `InvalidOperation` when the device cannot.
    pub fn enqueue_native_kernel<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        function: Box<dyn FnOnce() + Send>,
        buffers: Vec<Arc<Buffer>>,
        events: &A,
    ) -> Result<A::Answer> {
        let foreign = |buffer: &Arc<Buffer>| !Arc::ptr_eq(buffer.context(), self.context());
        if buffers.iter().any(foreign) {
            return Err(Error::new(
                ErrorCode::InvalidContext,
                "a buffer belongs to another context than the queue",
            ));
        }
        let wait_list = WaitList::new(self.context(), events)?;
        // CL_INVALID_OPERATION: the device associated with command_queue cannot execute the native
        // kernel.
        if self.device().info.execution_capabilities & EXEC_NATIVE_KERNEL == 0 {
            return Err(Error::new(
                ErrorCode::InvalidOperation,
                "the device does not run native kernels",
            ));
        }
        let mut keep_alive = KeepAlive::default();
        keep_alive.keep(Arc::new(buffers));
        let command = Command {
            operation: Operation::Host(Box::new(move || {
                function();
                Ok(())
            })),
            keep_alive,
        };
        self.submit(CommandType::NativeKernel, command, wait_list)
    }

    fn run_kernel<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        command_type: CommandType,
        kernel: &Kernel,
        sizes: &GivenSizes<'_>,
        events: &A,
    ) -> Result<A::Answer> {
        // CL_INVALID_CONTEXT: the context associated with command_queue and kernel are not the
        // same.
        if !Arc::ptr_eq(kernel.context(), self.context()) {
            return Err(Error::new(
                ErrorCode::InvalidContext,
                "the kernel belongs to another context than the queue",
            ));
        }
        let wait_list = WaitList::new(self.context(), events)?;
        // Declared before the lock is taken, so that what it holds is dropped after the lock: the
        // last reference to a buffer calls the application.
        let mut keep_alive = KeepAlive::default();
        let operation = self.nd_range_operation(kernel, sizes, &mut keep_alive)?;
        let command = Command {
            operation,
            keep_alive,
        };
        self.submit(command_type, command, wait_list)
    }

    fn nd_range_operation(
        &self,
        kernel: &Kernel,
        sizes: &GivenSizes<'_>,
        keep_alive: &mut KeepAlive,
    ) -> Result<Operation> {
        let device = self.device();
        let mut arguments = lock(kernel.arguments());
        let sizes = sizes.sizes();
        let launch = match arguments.last_launch() {
            Some(last)
                if last.sizes == sizes
                    && Arc::ptr_eq(&last.device, device)
                    && last.is_up_to_date() =>
            {
                Arc::clone(&last.launch)
            }
            _ => match new_launch(kernel, device, &sizes, &mut arguments)? {
                Some(launch) => launch,
                None => return Ok(Operation::Nothing),
            },
        };
        let arguments = arguments.capture(self.context(), device, keep_alive)?;
        Ok(Operation::NdRange(NdRangeCommand { launch, arguments }))
    }
}

/// Prepares a launch and remembers it; nothing when there is no work-item.
///
/// # Errors
/// As §5.10 lists them.
#[cold]
fn new_launch(
    kernel: &Kernel,
    device: &Arc<Device>,
    sizes: &Sizes,
    arguments: &mut KernelArguments,
) -> Result<Option<Arc<Launch>>> {
    // CL_INVALID_PROGRAM_EXECUTABLE: there is no successfully built program executable available
    // for the device associated with command_queue.
    let device_kernel = kernel.on_device(device).ok_or_else(no_executable)?;
    arguments.check_set()?;
    let rules = device_kernel.work_group_rules();
    let Some(range) = NdRange::new(sizes, &rules, &mut arguments.last_choice)? else {
        return Ok(None);
    };
    let rows = range.rows();
    let last = arguments.last_launch();
    let loaded = device_kernel.loaded(kernel.name(), &range, last)?;
    let definitions = &device_kernel.definition().arguments;
    let local_bytes = arguments.place_locals(definitions, loaded.code.local_bytes, device)?;
    let launch = Arc::new(Launch::new(loaded, local_bytes, &range));
    // CL_OUT_OF_RESOURCES: insufficient resources needed to execute the kernel.
    device.backend.check_launch(&launch)?;
    arguments.remember(LastLaunch {
        device: Arc::clone(device),
        sizes: *sizes,
        rows,
        launch: Arc::clone(&launch),
    });
    Ok(Some(launch))
}
