//! One type per `cl_bitfield`. `from_bits` is the validity check of the bits themselves.

use bitflags::bitflags;

bitflags! {
    /// `cl_mem_flags` of buffers (§5.2.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct MemFlags: u64 {
        #[allow(missing_docs)] const READ_WRITE = 1;
        #[allow(missing_docs)] const WRITE_ONLY = 1 << 1;
        #[allow(missing_docs)] const READ_ONLY = 1 << 2;
        #[allow(missing_docs)] const USE_HOST_PTR = 1 << 3;
        #[allow(missing_docs)] const ALLOC_HOST_PTR = 1 << 4;
        #[allow(missing_docs)] const COPY_HOST_PTR = 1 << 5;
        #[allow(missing_docs)] const HOST_WRITE_ONLY = 1 << 7;
        #[allow(missing_docs)] const HOST_READ_ONLY = 1 << 8;
        #[allow(missing_docs)] const HOST_NO_ACCESS = 1 << 9;
    }

    /// `cl_svm_mem_flags` (§5.6.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct SvmMemFlags: u64 {
        #[allow(missing_docs)] const READ_WRITE = 1;
        #[allow(missing_docs)] const WRITE_ONLY = 1 << 1;
        #[allow(missing_docs)] const READ_ONLY = 1 << 2;
        #[allow(missing_docs)] const FINE_GRAIN_BUFFER = 1 << 10;
        #[allow(missing_docs)] const ATOMICS = 1 << 11;
    }

    /// `cl_map_flags` (§5.2.4).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct MapFlags: u64 {
        #[allow(missing_docs)] const READ = 1;
        #[allow(missing_docs)] const WRITE = 1 << 1;
        #[allow(missing_docs)] const WRITE_INVALIDATE_REGION = 1 << 2;
    }

    /// `cl_mem_migration_flags` (§5.5.4).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct MigrationFlags: u64 {
        #[allow(missing_docs)] const HOST = 1;
        #[allow(missing_docs)] const CONTENT_UNDEFINED = 1 << 1;
    }

    /// `cl_command_queue_properties` (§5.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct QueueProperties: u64 {
        #[allow(missing_docs)] const OUT_OF_ORDER_EXEC_MODE = 1;
        #[allow(missing_docs)] const PROFILING = 1 << 1;
        #[allow(missing_docs)] const ON_DEVICE = 1 << 2;
        #[allow(missing_docs)] const ON_DEVICE_DEFAULT = 1 << 3;
    }

    /// `cl_device_svm_capabilities` (§4.2).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct SvmCapabilities: u64 {
        #[allow(missing_docs)] const COARSE_GRAIN_BUFFER = 1;
        #[allow(missing_docs)] const FINE_GRAIN_BUFFER = 1 << 1;
        #[allow(missing_docs)] const FINE_GRAIN_SYSTEM = 1 << 2;
        #[allow(missing_docs)] const ATOMICS = 1 << 3;
    }

    /// `cl_device_type` (§4.2), without `ALL`, which the boundary resolves.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct DeviceType: u64 {
        #[allow(missing_docs)] const DEFAULT = 1;
        #[allow(missing_docs)] const CPU = 1 << 1;
        #[allow(missing_docs)] const GPU = 1 << 2;
        #[allow(missing_docs)] const ACCELERATOR = 1 << 3;
        #[allow(missing_docs)] const CUSTOM = 1 << 4;
    }
}
