//! Shared virtual memory (§5.6): allocation, free, and the commands on SVM.

mod enqueue;
#[cfg(test)]
mod enqueue_tests;
pub mod heap;

use std::sync::Arc;

use isocl_kernel_iface::Address;

use crate::context::Context;
use crate::flags::{SvmCapabilities, SvmMemFlags};
use crate::keep_alive::KeepAlive;
use crate::{Error, ErrorCode, Result};

pub(crate) use enqueue::check_pattern;
pub use enqueue::SvmFreeFunction;
pub use heap::{PoolKind, SvmHeap, SvmRange};

fn invalid_value(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidValue, reason)
}

/// Allocates `size` bytes that the host and the devices of `context` see at the same address
/// (`clSVMAlloc`). `flags` has the bits of `cl_svm_mem_flags`; `alignment` is in bytes, 0 for that
/// of the largest OpenCL type.
///
/// # Errors
/// The call itself can only return NULL; the code is for the log. `InvalidOperation` when the
/// devices cannot do it, `InvalidValue`, `InvalidBufferSize`, `MemObjectAllocationFailure`.
pub fn svm_alloc(
    context: &Arc<Context>,
    flags: u64,
    size: usize,
    alignment: u32,
) -> Result<Address> {
    let limits = context.svm_limits();
    // no devices in context support SVM.
    if limits.some.is_empty() {
        return Err(Error::new(
            ErrorCode::InvalidOperation,
            "no device of the context supports SVM",
        ));
    }
    // Values specified in flags do not follow rules described in the SVM Memory Flags table.
    let flags = SvmMemFlags::from_bits(flags)
        .ok_or_else(|| invalid_value("flags has bits that mean nothing for SVM"))?;
    let access = SvmMemFlags::READ_WRITE | SvmMemFlags::WRITE_ONLY | SvmMemFlags::READ_ONLY;
    if (flags & access).bits().count_ones() > 1 {
        return Err(invalid_value(
            "CL_MEM_READ_WRITE, CL_MEM_WRITE_ONLY and CL_MEM_READ_ONLY exclude each other",
        ));
    }
    // flags does not contain CL_MEM_SVM_FINE_GRAIN_BUFFER but does contain CL_MEM_SVM_ATOMICS.
    let fine = flags.contains(SvmMemFlags::FINE_GRAIN_BUFFER);
    let atomics = flags.contains(SvmMemFlags::ATOMICS);
    if atomics && !fine {
        return Err(invalid_value(
            "CL_MEM_SVM_ATOMICS needs CL_MEM_SVM_FINE_GRAIN_BUFFER",
        ));
    }
    // CL_MEM_SVM_FINE_GRAIN_BUFFER or CL_MEM_SVM_ATOMICS is specified in flags and these are not
    // supported by at least one device in context.
    if (fine && !limits.every.contains(SvmCapabilities::FINE_GRAIN_BUFFER))
        || (atomics && !limits.every.contains(SvmCapabilities::ATOMICS))
    {
        return Err(Error::new(
            ErrorCode::InvalidOperation,
            "a device of the context does not support this kind of SVM",
        ));
    }
    // size is 0 or > CL_DEVICE_MAX_MEM_ALLOC_SIZE value for any device in context.
    if size == 0 || size as u64 > limits.max_allocation {
        return Err(Error::new(
            ErrorCode::InvalidBufferSize,
            "size is zero or greater than CL_DEVICE_MAX_MEM_ALLOC_SIZE of a device",
        ));
    }
    let pool = if fine {
        PoolKind::FineGrain
    } else if flags.contains(SvmMemFlags::READ_ONLY) {
        PoolKind::ReadOnly
    } else {
        PoolKind::CoarseGrain
    };
    // alignment is not a power of two or cannot be supported: the heap says.
    Ok(context
        .svm_heap()
        .allocate(size, alignment as usize, pool)?)
}

/// As [`find`], for a command that keeps the memory; whether it is SVM of `context`.
///
/// # Errors
/// As [`find`].
#[inline]
pub(crate) fn find_and_keep(
    context: &Context,
    address: Address,
    len: usize,
    keep_alive: &mut KeepAlive,
) -> Result<bool> {
    let heap = context.svm_heap();
    let found = keep_alive.pin(heap, address, len);
    if !found && heap.resolve(address).is_some() {
        return Err(passes_the_end());
    }
    Ok(found)
}

/// Frees what [`svm_alloc`] gave (`clSVMFree`); nothing for a null pointer. Never waits: memory
/// that pending commands use is reused when they are done.
///
/// # Errors
/// `InvalidValue` when the pointer is no live allocation's; the call itself returns nothing.
pub fn svm_free(context: &Arc<Context>, pointer: Address) -> Result<()> {
    if pointer.is_null() {
        return Ok(());
    }
    Ok(context.svm_heap().free(pointer)?)
}

/// The `len` bytes at `address` if they are SVM of `context`, nothing if they are other memory.
///
/// # Errors
/// `InvalidValue` when they begin in an SVM allocation and pass its end.
pub(crate) fn find(context: &Context, address: Address, len: usize) -> Result<Option<SvmRange>> {
    let heap = context.svm_heap();
    let found = heap.resolve_range(address, len);
    if found.is_none() && heap.resolve(address).is_some() {
        return Err(passes_the_end());
    }
    Ok(found)
}

fn passes_the_end() -> Error {
    invalid_value("the range passes the end of the SVM allocation it begins in")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceInfo;
    use crate::test_objects::{context_of, null_device, null_device_with};

    const FINE: u64 = 1 << 10;
    const ATOMICS: u64 = 1 << 11;

    fn refused(context: &Arc<Context>, flags: u64, size: usize, alignment: u32) -> ErrorCode {
        svm_alloc(context, flags, size, alignment).unwrap_err().code
    }

    #[test]
    fn flags_follow_the_table() {
        let context = context_of(&[null_device()]);
        for flags in [0, 1, 2, 4, FINE, FINE | ATOMICS, 4 | FINE] {
            let pointer = svm_alloc(&context, flags, 100, 0).unwrap();
            assert!(pointer.is_aligned_to(128), "{flags:#x}");
            svm_free(&context, pointer).unwrap();
        }
        for flags in [3, 5, 6, ATOMICS, 1 << 3, 1 << 5, 1 << 8, 1 << 20] {
            assert_eq!(
                refused(&context, flags, 100, 0),
                ErrorCode::InvalidValue,
                "{flags:#x}"
            );
        }
    }

    #[test]
    fn sizes_and_alignments_have_limits() {
        let context = context_of(&[null_device()]);
        let max = context.devices()[0].info.max_mem_alloc_size as usize;
        for size in [0, max + 1, usize::MAX - 4095] {
            assert_eq!(refused(&context, 0, size, 0), ErrorCode::InvalidBufferSize);
        }
        for alignment in [3, 96] {
            assert_eq!(refused(&context, 0, 64, alignment), ErrorCode::InvalidValue);
        }
        for power in 0..=21 {
            let pointer = svm_alloc(&context, 0, 10, 1 << power).unwrap();
            assert!(pointer.is_aligned_to(1 << power));
            svm_free(&context, pointer).unwrap();
        }
    }

    #[test]
    fn fine_grain_needs_every_device_and_coarse_grain_one() {
        let with = |capabilities: SvmCapabilities| {
            null_device_with(|info: &mut DeviceInfo| info.svm_capabilities = capabilities)
        };
        let coarse = SvmCapabilities::COARSE_GRAIN_BUFFER;
        let fine = coarse | SvmCapabilities::FINE_GRAIN_BUFFER;
        let context = context_of(&[with(fine), with(coarse)]);
        assert!(svm_alloc(&context, 0, 8, 0).is_ok());
        assert_eq!(refused(&context, FINE, 8, 0), ErrorCode::InvalidOperation);
        let context = context_of(&[with(fine), with(fine)]);
        assert!(svm_alloc(&context, FINE, 8, 0).is_ok());
        assert_eq!(
            refused(&context, FINE | ATOMICS, 8, 0),
            ErrorCode::InvalidOperation
        );
        let context = context_of(&[with(SvmCapabilities::empty())]);
        assert_eq!(refused(&context, 0, 8, 0), ErrorCode::InvalidOperation);
    }

    #[test]
    fn freeing_what_is_no_allocation_is_told_and_harmless() {
        let context = context_of(&[null_device()]);
        svm_free(&context, Address::NULL).unwrap();
        let pointer = svm_alloc(&context, 0, 4096, 0).unwrap();
        for wrong in [Address(0x1000), pointer.wrapping_add(64)] {
            assert_eq!(
                svm_free(&context, wrong).unwrap_err().code,
                ErrorCode::InvalidValue
            );
        }
        svm_free(&context, pointer).unwrap();
        assert_eq!(
            svm_free(&context, pointer).unwrap_err().code,
            ErrorCode::InvalidValue
        );
    }

    #[test]
    fn ranges_past_the_end_are_found_out() {
        let context = context_of(&[null_device()]);
        let pointer = svm_alloc(&context, 0, 1000, 0).unwrap();
        assert!(find(&context, pointer.wrapping_add(10), 990)
            .unwrap()
            .is_some());
        assert!(find(&context, pointer.wrapping_add(10), 991).is_err());
        assert!(find(&context, Address(0x1000), 10).unwrap().is_none());
    }
}
