//! The commands on SVM (§5.6.1). On every device the memory is where the host has it, so mapping,
//! unmapping and migrating move nothing: they order, and they keep the memory alive.

use std::sync::Arc;

use isocl_kernel_iface::{Address, AddressRange};

use super::{find_and_keep, invalid_value, svm_free};
use crate::command::{Command, CommandType, MemoryRange, Operation};
use crate::context::Context;
use crate::flags::SvmCapabilities;
use crate::keep_alive::KeepAlive;
use crate::mem_object;
use crate::queue::CommandQueue;
use crate::wait_list::{EventArguments, WaitList};
use crate::{Error, ErrorCode, Result};

/// What frees the pointers of `clEnqueueSVMFree` instead of the runtime.
pub type SvmFreeFunction = Box<dyn FnOnce(&Arc<CommandQueue>, &[Address]) + Send>;

impl CommandQueue {
    /// Frees `pointers`, or has `free` do it, when the command runs (`clEnqueueSVMFree`). Null
    /// pointers are left out of what the runtime frees.
    ///
    /// # Errors
    /// `InvalidOperation` when the device has no SVM, `InvalidContext`.
    pub fn enqueue_svm_free<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        pointers: Vec<Address>,
        free: Option<SvmFreeFunction>,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.svm_wait_list(events)?;
        let operation = match free {
            None => {
                let context = Arc::clone(self.context());
                Operation::Host(Box::new(move || {
                    free_all(&context, &pointers);
                    Ok(())
                }))
            }
            Some(free) => {
                let queue = Arc::clone(self);
                Operation::Host(Box::new(move || {
                    free(&queue, &pointers);
                    Ok(())
                }))
            }
        };
        let command = Command {
            operation,
            keep_alive: KeepAlive::default(),
        };
        self.submit(CommandType::SvmFree, command, wait_list)
    }

    /// Copies `size` bytes between SVM or host memory (`clEnqueueSVMMemcpy`).
    ///
    /// # Errors
    /// `InvalidOperation`, `InvalidContext`, `InvalidValue`, `MemCopyOverlap`, and when blocking
    /// `ExecStatusErrorForEventsInWaitList`.
    pub fn enqueue_svm_memcpy<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        blocking: bool,
        destination: Address,
        source: Address,
        size: usize,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.svm_wait_list(events)?;
        if size == 0 {
            return self.submit_and_wait(
                CommandType::SvmMemcpy,
                Command::nothing(),
                wait_list,
                blocking,
            );
        }
        // CL_INVALID_VALUE: dst_ptr or src_ptr is NULL.
        if destination.is_null() || source.is_null() {
            return Err(invalid_value("dst_ptr or src_ptr is NULL"));
        }
        let (Some(from), Some(to)) = (
            AddressRange::with_len(source.get(), size),
            AddressRange::with_len(destination.get(), size),
        ) else {
            return Err(invalid_value("a range passes the end of the address space"));
        };
        // CL_MEM_COPY_OVERLAP: the values of dst_ptr, src_ptr and size result in an overlapping
        // copy.
        if from.overlaps(&to) {
            return Err(Error::new(
                ErrorCode::MemCopyOverlap,
                "the source and the destination of the copy overlap",
            ));
        }
        let mut keep_alive = KeepAlive::default();
        let from_svm = find_and_keep(self.context(), source, size, &mut keep_alive)?;
        let to_svm = find_and_keep(self.context(), destination, size, &mut keep_alive)?;
        let command = Command {
            operation: Operation::Copy {
                source: memory_range(source, size, from_svm),
                destination: memory_range(destination, size, to_svm),
            },
            keep_alive,
        };
        self.submit_and_wait(CommandType::SvmMemcpy, command, wait_list, blocking)
    }

    /// Repeats `pattern` over `size` bytes (`clEnqueueSVMMemFill`).
    ///
    /// # Errors
    /// `InvalidOperation`, `InvalidContext`, `InvalidValue`.
    pub fn enqueue_svm_mem_fill<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        pointer: Address,
        pattern: Vec<u8>,
        size: usize,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.svm_wait_list(events)?;
        // CL_INVALID_VALUE: svm_ptr is NULL.
        if pointer.is_null() && size > 0 {
            return Err(invalid_value("svm_ptr is NULL"));
        }
        check_pattern(&pattern)?;
        // CL_INVALID_VALUE: svm_ptr is not aligned to pattern_size bytes.
        if !pointer.is_aligned_to(pattern.len()) {
            return Err(invalid_value(
                "svm_ptr is not aligned to pattern_size bytes",
            ));
        }
        // CL_INVALID_VALUE: size is not a multiple of pattern_size.
        if !size.is_multiple_of(pattern.len()) {
            return Err(invalid_value("size is not a multiple of pattern_size"));
        }
        if size == 0 {
            return self.submit(CommandType::SvmMemFill, Command::nothing(), wait_list);
        }
        let mut keep_alive = KeepAlive::default();
        let is_svm = self.keep_shared(pointer, size, &mut keep_alive)?;
        let command = Command {
            operation: Operation::Fill {
                destination: memory_range(pointer, size, is_svm),
                pattern: pattern.into_boxed_slice(),
            },
            keep_alive,
        };
        self.submit(CommandType::SvmMemFill, command, wait_list)
    }

    /// Lets the host access a region (`clEnqueueSVMMap`). `flags` has the bits of `cl_map_flags`.
    ///
    /// # Errors
    /// `InvalidOperation`, `InvalidContext`, `InvalidValue`, and when blocking
    /// `ExecStatusErrorForEventsInWaitList`.
    pub fn enqueue_svm_map<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        blocking: bool,
        flags: u64,
        pointer: Address,
        size: usize,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.svm_wait_list(events)?;
        // CL_INVALID_VALUE: svm_ptr is NULL.
        if pointer.is_null() {
            return Err(invalid_value("svm_ptr is NULL"));
        }
        // CL_INVALID_VALUE: size is zero.
        if size == 0 {
            return Err(invalid_value("size is zero"));
        }
        mem_object::map_flags(flags)?;
        let mut command = Command::nothing();
        self.keep_shared(pointer, size, &mut command.keep_alive)?;
        self.submit_and_wait(CommandType::SvmMap, command, wait_list, blocking)
    }

    /// Ends the host's access to a region (`clEnqueueSVMUnmap`). A pointer that was not mapped is
    /// accepted: there is nothing to do for it.
    ///
    /// # Errors
    /// `InvalidOperation`, `InvalidContext`, `InvalidValue`.
    pub fn enqueue_svm_unmap<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        pointer: Address,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.svm_wait_list(events)?;
        // CL_INVALID_VALUE: svm_ptr is NULL.
        if pointer.is_null() {
            return Err(invalid_value("svm_ptr is NULL"));
        }
        let mut command = Command::nothing();
        find_and_keep(self.context(), pointer, 0, &mut command.keep_alive)?;
        self.submit(CommandType::SvmUnmap, command, wait_list)
    }

    /// Associates ranges with the queue's device (`clEnqueueSVMMigrateMem`); without `sizes`, or
    /// with a size of 0, whole allocations. `flags` has the bits of `cl_mem_migration_flags`.
    ///
    /// # Errors
    /// `InvalidOperation`, `InvalidContext`, `InvalidValue`.
    pub fn enqueue_svm_migrate_mem<A: EventArguments + ?Sized>(
        self: &Arc<Self>,
        pointers: Vec<Address>,
        sizes: Option<Vec<usize>>,
        flags: u64,
        events: &A,
    ) -> Result<A::Answer> {
        let wait_list = self.svm_wait_list(events)?;
        // CL_INVALID_VALUE: num_svm_pointers is zero or svm_pointers is NULL.
        if pointers.is_empty() {
            return Err(invalid_value("num_svm_pointers is zero"));
        }
        mem_object::check_migration_flags(flags)?;
        let mut command = Command::nothing();
        command.keep_alive.reserve(pointers.len());
        for (index, pointer) in pointers.into_iter().enumerate() {
            let size = sizes
                .as_ref()
                .and_then(|sizes| sizes.get(index))
                .copied()
                .unwrap_or(0);
            if pointer.is_null() && size == 0 {
                continue;
            }
            // CL_INVALID_VALUE: sizes[i] is non-zero and the range is not contained within an SVM
            // allocation; "each pointer must be within an allocation".
            if !find_and_keep(self.context(), pointer, size, &mut command.keep_alive)? {
                return Err(invalid_value("a range is not within an SVM allocation"));
            }
        }
        self.submit(CommandType::SvmMigrateMem, command, wait_list)
    }

    /// The checks that come first for every command on SVM.
    fn svm_wait_list<'a, A: EventArguments + ?Sized>(
        &self,
        events: &'a A,
    ) -> Result<WaitList<'a, A>> {
        // CL_INVALID_OPERATION: the device associated with command_queue does not support SVM.
        if self.device().info.svm_capabilities.is_empty() {
            return Err(Error::new(
                ErrorCode::InvalidOperation,
                "the device of the queue does not support SVM",
            ));
        }
        // CL_INVALID_CONTEXT: the context associated with command_queue and events in
        // event_wait_list are not the same.
        WaitList::new(self.context(), events)
    }

    /// Keeps memory that the device shares: SVM of the context, or any where the device has
    /// fine-grained system SVM. Whether it is SVM of the context.
    fn keep_shared(
        &self,
        pointer: Address,
        size: usize,
        keep_alive: &mut KeepAlive,
    ) -> Result<bool> {
        let is_svm = find_and_keep(self.context(), pointer, size, keep_alive)?;
        let system = self
            .device()
            .info
            .svm_capabilities
            .contains(SvmCapabilities::FINE_GRAIN_SYSTEM);
        if !is_svm && !system {
            return Err(invalid_value(
                "svm_ptr is no SVM of the context, and the device has no system SVM",
            ));
        }
        Ok(is_svm)
    }
}

/// Checks the pattern of a fill.
///
/// # Errors
/// `InvalidValue`.
pub(crate) fn check_pattern(pattern: &[u8]) -> Result<()> {
    // CL_INVALID_VALUE: pattern_size is zero, is not a power of two, or is greater than 128.
    if !pattern.len().is_power_of_two() || pattern.len() > 128 {
        return Err(invalid_value("pattern_size is none of 1, 2, 4 … 128"));
    }
    Ok(())
}

/// A range of SVM, or of memory that is not ours.
fn memory_range(address: Address, len: usize, shared: bool) -> MemoryRange {
    if shared {
        MemoryRange::on_device(address, len)
    } else {
        MemoryRange::on_host(address, len)
    }
}

fn free_all(context: &Arc<Context>, pointers: &[Address]) {
    for pointer in pointers {
        if let Err(error) = svm_free(context, *pointer) {
            crate::log::error("clEnqueueSVMFree", &error);
        }
    }
}
