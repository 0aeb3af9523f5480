//! What a device can do, as plain data (§4.2). Sizes are in bytes unless named otherwise.

use crate::flags::{DeviceType, SvmCapabilities};
use isocl_compiler_interface::features::Feature;

/// Preferred and native vector widths for one element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorWidths {
    #[allow(missing_docs)]
    pub char: u32,
    #[allow(missing_docs)]
    pub short: u32,
    #[allow(missing_docs)]
    pub int: u32,
    #[allow(missing_docs)]
    pub long: u32,
    #[allow(missing_docs)]
    pub half: u32,
    #[allow(missing_docs)]
    pub float: u32,
    #[allow(missing_docs)]
    pub double: u32,
}

/// Everything device queries answer. Bit sets that this runtime never interprets are plain
/// integers with the values of the specification.
#[derive(Debug, Clone)]
pub struct DeviceInfo {
    /// `CL_DEVICE_TYPE`
    pub device_type: DeviceType,
    /// `CL_DEVICE_NAME`
    pub name: String,
    /// `CL_DEVICE_VENDOR`
    pub vendor: String,
    /// `CL_DEVICE_VENDOR_ID`
    pub vendor_id: u32,
    /// `CL_DRIVER_VERSION`
    pub driver_version: String,
    /// `CL_DEVICE_VERSION`, `CL_DEVICE_NUMERIC_VERSION` as (major, minor)
    pub version: (u32, u32),
    /// All supported OpenCL C versions (major, minor), ascending (`…OPENCL_C_ALL_VERSIONS`)
    pub opencl_c_versions: Vec<(u32, u32)>,
    /// Device extensions, language extensions included
    pub extensions: Vec<Feature>,
    /// `CL_DEVICE_OPENCL_C_FEATURES`
    pub opencl_c_features: Vec<Feature>,
    /// `CL_DEVICE_MAX_COMPUTE_UNITS`
    pub max_compute_units: u32,
    /// `CL_DEVICE_MAX_WORK_ITEM_SIZES` (three dimensions)
    pub max_work_item_sizes: [usize; 3],
    /// `CL_DEVICE_MAX_WORK_GROUP_SIZE`
    pub max_work_group_size: usize,
    /// `CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE` and the kernel query
    pub preferred_work_group_size_multiple: usize,
    /// `CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT`
    pub non_uniform_work_groups: bool,
    /// Preferred vector widths in elements
    pub preferred_vector_widths: VectorWidths,
    /// Native vector widths in elements
    pub native_vector_widths: VectorWidths,
    /// `CL_DEVICE_MAX_CLOCK_FREQUENCY` in MHz
    pub max_clock_frequency: u32,
    /// `CL_DEVICE_ADDRESS_BITS`: 32 or 64, the size of a pointer in kernels
    pub address_bits: u32,
    /// Address bits that the device decodes, for the aperture (not an OpenCL query)
    pub decoded_address_bits: u32,
    /// `CL_DEVICE_MAX_MEM_ALLOC_SIZE`
    pub max_mem_alloc_size: u64,
    /// `CL_DEVICE_GLOBAL_MEM_SIZE`
    pub global_mem_size: u64,
    /// `CL_DEVICE_GLOBAL_MEM_CACHE_TYPE`
    pub global_mem_cache_type: u32,
    /// `CL_DEVICE_GLOBAL_MEM_CACHE_SIZE`
    pub global_mem_cache_size: u64,
    /// `CL_DEVICE_GLOBAL_MEM_CACHELINE_SIZE`
    pub global_mem_cacheline_size: u32,
    /// `CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE`
    pub max_constant_buffer_size: u64,
    /// `CL_DEVICE_MAX_CONSTANT_ARGS`
    pub max_constant_args: u32,
    /// `CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE`
    pub max_global_variable_size: usize,
    /// `CL_DEVICE_GLOBAL_VARIABLE_PREFERRED_TOTAL_SIZE`
    pub global_variable_preferred_total_size: usize,
    /// `CL_DEVICE_LOCAL_MEM_TYPE`
    pub local_mem_type: u32,
    /// `CL_DEVICE_LOCAL_MEM_SIZE`
    pub local_mem_size: u64,
    /// `CL_DEVICE_MAX_PARAMETER_SIZE`
    pub max_parameter_size: usize,
    /// `CL_DEVICE_MEM_BASE_ADDR_ALIGN` in **bits**
    pub mem_base_addr_align: u32,
    /// `CL_DEVICE_MIN_DATA_TYPE_ALIGN_SIZE`
    pub min_data_type_align_size: u32,
    /// `CL_DEVICE_HALF_FP_CONFIG`
    pub half_fp_config: u64,
    /// `CL_DEVICE_SINGLE_FP_CONFIG`
    pub single_fp_config: u64,
    /// `CL_DEVICE_DOUBLE_FP_CONFIG`
    pub double_fp_config: u64,
    /// `CL_DEVICE_PROFILING_TIMER_RESOLUTION` in nanoseconds
    pub profiling_timer_resolution: usize,
    /// `CL_DEVICE_QUEUE_ON_HOST_PROPERTIES`
    pub queue_on_host_properties: u64,
    /// `CL_DEVICE_SVM_CAPABILITIES`
    pub svm_capabilities: SvmCapabilities,
    /// `CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES`
    pub atomic_memory_capabilities: u64,
    /// `CL_DEVICE_ATOMIC_FENCE_CAPABILITIES`
    pub atomic_fence_capabilities: u64,
    /// `CL_DEVICE_EXECUTION_CAPABILITIES`
    pub execution_capabilities: u64,
    /// `CL_DEVICE_PREFERRED_{PLATFORM,GLOBAL,LOCAL}_ATOMIC_ALIGNMENT`
    pub preferred_atomic_alignments: [u32; 3],
    /// `CL_DEVICE_PRINTF_BUFFER_SIZE`
    pub printf_buffer_size: usize,
    /// `CL_DEVICE_COMPILER_AVAILABLE` and `CL_DEVICE_LINKER_AVAILABLE`
    pub compiler_available: bool,
    /// `CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED`; empty when none
    pub latest_conformance_version_passed: String,
}
