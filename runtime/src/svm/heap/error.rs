//! Why the heap refuses.

use isocl_kernel_iface::Address;

use crate::{Error, ErrorCode};

/// A request that the heap refused; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeapError {
    /// Nothing has size 0.
    #[error("the size is 0")]
    ZeroSize,
    /// The alignment is not a power of two.
    #[error("the alignment {0} is not a power of two")]
    InvalidAlignment(usize),
    /// The size exceeds what a device of the context can allocate.
    #[error("{size} bytes exceed the largest possible allocation of {limit} bytes")]
    TooLarge {
        /// Bytes asked for.
        size: usize,
        /// Most bytes possible.
        limit: usize,
    },
    /// The driver has no memory or no room in the aperture.
    #[error("no memory: {0}")]
    OutOfMemory(isocl_kernel_iface::Error),
    /// This process is a forked child, and the driver's memory stayed with its parent.
    #[error("the context's memory belongs to the process that forked this one")]
    LeftBehind,
    /// The address belongs to no allocation of this heap.
    #[error("{0} is no SVM allocation of this context")]
    NotAllocated(Address),
    /// The address lies inside an allocation, not at its start.
    #[error("{address} lies inside the SVM allocation that begins at {base}")]
    Interior {
        /// Address given.
        address: Address,
        /// Start of the allocation around it.
        base: Address,
    },
    /// The allocation was freed before.
    #[error("the SVM allocation at {0} was freed already")]
    AlreadyFreed(Address),
}

impl From<HeapError> for Error {
    fn from(error: HeapError) -> Self {
        let code = match error {
            HeapError::ZeroSize | HeapError::TooLarge { .. } => ErrorCode::InvalidBufferSize,
            HeapError::OutOfMemory(_) | HeapError::LeftBehind => {
                ErrorCode::MemObjectAllocationFailure
            }
            HeapError::InvalidAlignment(_)
            | HeapError::NotAllocated(_)
            | HeapError::Interior { .. }
            | HeapError::AlreadyFreed(_) => ErrorCode::InvalidValue,
        };
        Self::new(code, error.to_string())
    }
}
