//! What a device must offer for a check to mean anything.

use opencl_sys::*;

/// Something that a device may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Shared virtual memory at all.
    CoarseGrainBuffer,
    /// Fine-grained buffers.
    FineGrainBuffer,
    /// Fine-grained sharing of all host memory.
    FineGrainSystem,
    /// Atomics on shared virtual memory.
    Atomics,
    /// Out-of-order queues.
    OutOfOrderQueue,
    /// On-device queues.
    OnDeviceQueue,
    /// Sub-devices by equal partition.
    SubDevices,
    /// A second device on the platform.
    TwoDevices,
    /// An OpenCL C compiler.
    Compiler,
    /// The extension `cl_khr_unified_svm`.
    UnifiedSvm,
}

impl Need {
    /// What reports call it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::CoarseGrainBuffer => "shared virtual memory",
            Self::FineGrainBuffer => "fine-grained SVM buffers",
            Self::FineGrainSystem => "fine-grained system SVM",
            Self::Atomics => "SVM atomics",
            Self::OutOfOrderQueue => "out-of-order queues",
            Self::OnDeviceQueue => "on-device queues",
            Self::SubDevices => "sub-devices of equal size",
            Self::TwoDevices => "a second device",
            Self::Compiler => "an OpenCL C compiler",
            Self::UnifiedSvm => "cl_khr_unified_svm",
        }
    }

    /// The bit of `CL_DEVICE_SVM_CAPABILITIES` that stands for it.
    pub const fn svm_capability(self) -> Option<cl_device_svm_capabilities> {
        match self {
            Self::CoarseGrainBuffer => Some(CL_DEVICE_SVM_COARSE_GRAIN_BUFFER),
            Self::FineGrainBuffer => Some(CL_DEVICE_SVM_FINE_GRAIN_BUFFER),
            Self::FineGrainSystem => Some(CL_DEVICE_SVM_FINE_GRAIN_SYSTEM),
            Self::Atomics => Some(CL_DEVICE_SVM_ATOMICS),
            _ => None,
        }
    }
}
