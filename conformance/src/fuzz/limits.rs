//! What a sequence may hold.

use opencl_sys::*;
use serde::{Deserialize, Serialize};

use crate::session::{CallError, Session};

/// What a device takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLimits {
    /// Whether `clSVMAlloc` takes `CL_MEM_SVM_FINE_GRAIN_BUFFER`.
    pub fine_grain: bool,
    /// Whether it takes `CL_MEM_SVM_ATOMICS`.
    pub atomics: bool,
    /// Whether queues may be out-of-order.
    pub out_of_order: bool,
    /// What sub-buffers are aligned to.
    pub sub_buffer_alignment: usize,
}

impl DeviceLimits {
    /// What the device of a session takes.
    ///
    /// # Errors
    /// When a query fails.
    pub fn of(session: &Session) -> Result<Self, CallError> {
        let svm: cl_ulong = session.device_info(CL_DEVICE_SVM_CAPABILITIES)?;
        let queues: cl_ulong = session.device_info(CL_DEVICE_QUEUE_ON_HOST_PROPERTIES)?;
        let bits: cl_uint = session.device_info(CL_DEVICE_MEM_BASE_ADDR_ALIGN)?;
        Ok(Self {
            fine_grain: svm & CL_DEVICE_SVM_FINE_GRAIN_BUFFER != 0,
            atomics: svm & CL_DEVICE_SVM_ATOMICS != 0,
            out_of_order: queues & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE != 0,
            sub_buffer_alignment: (bits as usize / 8).max(1),
        })
    }
}

/// What sequences there are.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most threads.
    pub threads: usize,
    /// Steps of a thread that are asked for; what makes them possible is added.
    pub steps: usize,
    /// What the device takes.
    pub device: DeviceLimits,
}
