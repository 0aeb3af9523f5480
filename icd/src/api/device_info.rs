//! The answers of `clGetDeviceInfo` (§4.2). What this driver has no support for at all, images,
//! pipes, device queues, programs in intermediate language, is answered here; everything else is
//! data of the device.

use std::ffi::c_void;
use std::ptr::null_mut;

use isocl_runtime::device::Device;
use isocl_runtime::platform::Platform;
use isocl_runtime::Result;

use crate::abi::*;
use crate::handle::PLATFORM;
use crate::info::{unknown_name, Answered, InfoWriter};
use crate::object::handle_of;
use crate::version::{version, version_text};

/// Name under which the versions of the language are listed.
const LANGUAGE: &str = "OpenCL C";

pub(super) fn answer(
    device: &Device,
    references: u32,
    name: cl_device_info,
    info: InfoWriter<'_>,
) -> Result<Answered> {
    let data = &device.info;
    let (major, minor) = data.version;
    match name {
        CL_DEVICE_TYPE => info.value(data.device_type.bits()),
        CL_DEVICE_REFERENCE_COUNT => info.value(references),
        CL_DEVICE_VENDOR_ID => info.value(data.vendor_id),
        CL_DEVICE_NAME => info.text(&data.name),
        CL_DEVICE_VENDOR => info.text(&data.vendor),
        CL_DRIVER_VERSION => info.text(&data.driver_version),
        CL_DEVICE_PROFILE => info.text(Platform::get().profile()),
        CL_DEVICE_PLATFORM => info.value(PLATFORM.handle()),
        CL_DEVICE_VERSION => info.text(&version_text(data.version)),
        CL_DEVICE_NUMERIC_VERSION => info.value(version(major, minor, 0)),
        CL_DEVICE_OPENCL_C_VERSION => {
            let (major, minor) = opencl_c_version(device);
            info.text(&format!("{LANGUAGE} {major}.{minor} isocl"))
        }
        // cl_khr_extended_versioning, before it became part of the standard.
        CL_DEVICE_OPENCL_C_NUMERIC_VERSION_KHR => {
            let (major, minor) = opencl_c_version(device);
            info.value(version(major, minor, 0))
        }
        CL_DEVICE_OPENCL_C_ALL_VERSIONS => info.names_with_version(
            data.opencl_c_versions
                .iter()
                .map(|(major, minor)| (LANGUAGE, (*major, *minor, 0))),
        ),
        CL_DEVICE_OPENCL_C_FEATURES => info.names_with_version(
            data.opencl_c_features
                .iter()
                .map(|feature| (feature.name, feature.version)),
        ),
        CL_DEVICE_EXTENSIONS => info.extensions(&data.extensions),
        CL_DEVICE_EXTENSIONS_WITH_VERSION => info.names_with_version(
            data.extensions
                .iter()
                .map(|extension| (extension.name, extension.version)),
        ),
        CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED => {
            info.text(&data.latest_conformance_version_passed)
        }
        CL_DEVICE_MAX_COMPUTE_UNITS => info.value(data.max_compute_units),
        CL_DEVICE_MAX_CLOCK_FREQUENCY => info.value(data.max_clock_frequency),
        CL_DEVICE_ADDRESS_BITS => info.value(data.address_bits),
        CL_DEVICE_MAX_PARAMETER_SIZE => info.value(data.max_parameter_size),
        CL_DEVICE_ENDIAN_LITTLE => info.boolean(cfg!(target_endian = "little")),
        CL_DEVICE_AVAILABLE => info.boolean(true),
        CL_DEVICE_COMPILER_AVAILABLE | CL_DEVICE_LINKER_AVAILABLE => {
            info.boolean(data.compiler_available)
        }
        CL_DEVICE_EXECUTION_CAPABILITIES => info.value(data.execution_capabilities),
        CL_DEVICE_PROFILING_TIMER_RESOLUTION => info.value(data.profiling_timer_resolution),
        CL_DEVICE_QUEUE_ON_HOST_PROPERTIES => info.value(data.queue_on_host_properties),
        CL_DEVICE_PRINTF_BUFFER_SIZE => info.value(data.printf_buffer_size),
        CL_DEVICE_SINGLE_FP_CONFIG => info.value(data.single_fp_config),
        CL_DEVICE_DOUBLE_FP_CONFIG => info.value(data.double_fp_config),
        // Only devices with half precision know this query (cl_khr_fp16).
        CL_DEVICE_HALF_FP_CONFIG if data.half_fp_config != 0 => info.value(data.half_fp_config),
        _ => memory(device, name, info),
    }
}

/// `CL_DEVICE_OPENCL_C_VERSION`: the highest version that is backwards compatible without a gap,
/// so nothing above 1.2 for a device without OpenCL C 2.0.
fn opencl_c_version(device: &Device) -> (u32, u32) {
    let versions = &device.info.opencl_c_versions;
    let limit = match versions.contains(&(2, 0)) {
        true => (u32::MAX, 0),
        false => (1, 2),
    };
    versions
        .iter()
        .copied()
        .filter(|version| *version <= limit)
        .max()
        .unwrap_or((1, 2))
}

fn memory(device: &Device, name: cl_device_info, info: InfoWriter<'_>) -> Result<Answered> {
    let data = &device.info;
    let [platform_atomics, global_atomics, local_atomics] = data.preferred_atomic_alignments;
    match name {
        CL_DEVICE_MAX_MEM_ALLOC_SIZE => info.value(data.max_mem_alloc_size),
        CL_DEVICE_GLOBAL_MEM_SIZE => info.value(data.global_mem_size),
        CL_DEVICE_GLOBAL_MEM_CACHE_TYPE => info.value(data.global_mem_cache_type),
        CL_DEVICE_GLOBAL_MEM_CACHE_SIZE => info.value(data.global_mem_cache_size),
        CL_DEVICE_GLOBAL_MEM_CACHELINE_SIZE => info.value(data.global_mem_cacheline_size),
        CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE => info.value(data.max_constant_buffer_size),
        CL_DEVICE_MAX_CONSTANT_ARGS => info.value(data.max_constant_args),
        CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE => info.value(data.max_global_variable_size),
        CL_DEVICE_GLOBAL_VARIABLE_PREFERRED_TOTAL_SIZE => {
            info.value(data.global_variable_preferred_total_size)
        }
        CL_DEVICE_LOCAL_MEM_TYPE => info.value(data.local_mem_type),
        CL_DEVICE_LOCAL_MEM_SIZE => info.value(data.local_mem_size),
        CL_DEVICE_MEM_BASE_ADDR_ALIGN => info.value(data.mem_base_addr_align),
        CL_DEVICE_MIN_DATA_TYPE_ALIGN_SIZE => info.value(data.min_data_type_align_size),
        CL_DEVICE_ERROR_CORRECTION_SUPPORT => info.boolean(false),
        CL_DEVICE_HOST_UNIFIED_MEMORY => info.boolean(true),
        CL_DEVICE_SVM_CAPABILITIES => info.value(data.svm_capabilities.bits()),
        CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES => info.value(data.atomic_memory_capabilities),
        CL_DEVICE_ATOMIC_FENCE_CAPABILITIES => info.value(data.atomic_fence_capabilities),
        CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT => info.value(platform_atomics),
        CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT => info.value(global_atomics),
        CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT => info.value(local_atomics),
        CL_DEVICE_PREFERRED_INTEROP_USER_SYNC => info.boolean(true),
        _ => work_groups(device, name, info),
    }
}

fn work_groups(device: &Device, name: cl_device_info, info: InfoWriter<'_>) -> Result<Answered> {
    let data = &device.info;
    let has = |feature| {
        data.opencl_c_features
            .iter()
            .any(|known| known.name == feature)
    };
    let (preferred, native) = (&data.preferred_vector_widths, &data.native_vector_widths);
    match name {
        CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS => info.value(data.max_work_item_sizes.len() as cl_uint),
        CL_DEVICE_MAX_WORK_ITEM_SIZES => info.list(data.max_work_item_sizes),
        CL_DEVICE_MAX_WORK_GROUP_SIZE => info.value(data.max_work_group_size),
        // In kernels that do not run in lanes each work-item is a sub-group.
        CL_DEVICE_MAX_NUM_SUB_GROUPS => info.value(data.max_work_group_size as u32),
        CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE => {
            info.value(data.preferred_work_group_size_multiple)
        }
        CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT => info.boolean(data.non_uniform_work_groups),
        CL_DEVICE_WORK_GROUP_COLLECTIVE_FUNCTIONS_SUPPORT => {
            info.boolean(has("__opencl_c_work_group_collective_functions"))
        }
        CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT => {
            info.boolean(has("__opencl_c_generic_address_space"))
        }
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_CHAR => info.value(preferred.char),
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_SHORT => info.value(preferred.short),
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_INT => info.value(preferred.int),
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_LONG => info.value(preferred.long),
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_HALF => info.value(preferred.half),
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT => info.value(preferred.float),
        CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE => info.value(preferred.double),
        CL_DEVICE_NATIVE_VECTOR_WIDTH_CHAR => info.value(native.char),
        CL_DEVICE_NATIVE_VECTOR_WIDTH_SHORT => info.value(native.short),
        CL_DEVICE_NATIVE_VECTOR_WIDTH_INT => info.value(native.int),
        CL_DEVICE_NATIVE_VECTOR_WIDTH_LONG => info.value(native.long),
        CL_DEVICE_NATIVE_VECTOR_WIDTH_HALF => info.value(native.half),
        CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT => info.value(native.float),
        CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE => info.value(native.double),
        _ => partition(device, name, info),
    }
}

/// What the device is a part of, and can be divided into (§4.3).
fn partition(device: &Device, name: cl_device_info, info: InfoWriter<'_>) -> Result<Answered> {
    match name {
        CL_DEVICE_PARTITION_MAX_SUB_DEVICES => info.value(device.max_sub_devices()),
        CL_DEVICE_PARENT_DEVICE => info.value(match &device.partition {
            Some(partition) => handle_of(&*partition.parent),
            None => null_mut::<c_void>(),
        }),
        CL_DEVICE_PARTITION_PROPERTIES => match &device.partition_kinds()[..] {
            // One element that says: none.
            [] => info.value(0_usize),
            kinds => info.list(kinds.iter().map(|kind| kind.cast_unsigned())),
        },
        CL_DEVICE_PARTITION_AFFINITY_DOMAIN => info.value(device.affinity_domains()),
        CL_DEVICE_PARTITION_TYPE => {
            let properties = device
                .partition
                .as_ref()
                .map(|partition| &partition.properties);
            info.list(
                properties
                    .into_iter()
                    .flatten()
                    .map(|property| property.cast_unsigned()),
            )
        }
        _ => extensions_of_language(device, name, info),
    }
}

/// What extensions of the language tell beside their names; a device without them knows nothing
/// of it.
// One name has a small letter in the OpenCL headers.
#[allow(non_upper_case_globals)]
fn extensions_of_language(
    device: &Device,
    name: cl_device_info,
    info: InfoWriter<'_>,
) -> Result<Answered> {
    let data = &device.info;
    let extension = |name| data.extensions.iter().any(|known| known.name == name);
    let feature = |name: &str| {
        data.opencl_c_features
            .iter()
            .any(|known| known.name == name)
    };
    let flag = |truth, bit: cl_bitfield| if truth { bit } else { 0 };
    match name {
        CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES_KHR
            if extension("cl_khr_integer_dot_product") =>
        {
            info.value(
                flag(
                    feature("__opencl_c_integer_dot_product_input_4x8bit_packed"),
                    CL_DEVICE_INTEGER_DOT_PRODUCT_INPUT_4x8BIT_PACKED_KHR,
                ) | flag(
                    feature("__opencl_c_integer_dot_product_input_4x8bit"),
                    CL_DEVICE_INTEGER_DOT_PRODUCT_INPUT_4x8BIT_KHR,
                ),
            )
        }
        // cl_device_integer_dot_product_acceleration_properties_khr, six truth values: the same
        // sums written out in a program are compiled to the same instructions.
        CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_8BIT_KHR
        | CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_4x8BIT_PACKED_KHR
            if extension("cl_khr_integer_dot_product") =>
        {
            info.list([0_u32; 6])
        }
        CL_DEVICE_SINGLE_FP_ATOMIC_CAPABILITIES_EXT
        | CL_DEVICE_DOUBLE_FP_ATOMIC_CAPABILITIES_EXT
        | CL_DEVICE_HALF_FP_ATOMIC_CAPABILITIES_EXT
            if extension("cl_ext_float_atomics") =>
        {
            let (bits, has_load_store) = match name {
                // Core functions of the language load, store and exchange these.
                CL_DEVICE_SINGLE_FP_ATOMIC_CAPABILITIES_EXT => (32, true),
                CL_DEVICE_DOUBLE_FP_ATOMIC_CAPABILITIES_EXT => (64, extension("cl_khr_fp64")),
                _ => (16, false),
            };
            let has = |what: &str| feature(&format!("__opencl_c_ext_fp{bits}_{what}"));
            info.value(
                [("global", 0), ("local", 16)]
                    .map(|(space, shift)| {
                        let load_store =
                            has_load_store || has(&format!("{space}_atomic_load_store"));
                        let add = has(&format!("{space}_atomic_add"));
                        let min_max = has(&format!("{space}_atomic_min_max"));
                        (flag(load_store, 1) | flag(add, 2) | flag(min_max, 4)) << shift
                    })
                    .into_iter()
                    .sum::<cl_bitfield>(),
            )
        }
        _ => unsupported(name, info),
    }
}

/// Zero of the right size for what no device of this driver has (appendix H).
fn unsupported(name: cl_device_info, info: InfoWriter<'_>) -> Result<Answered> {
    match name {
        CL_DEVICE_IMAGE_SUPPORT
        | CL_DEVICE_PIPE_SUPPORT
        // A thread runs the work-items of a work-group one after the other.
        | CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS => info.boolean(false),
        CL_DEVICE_MAX_READ_IMAGE_ARGS
        | CL_DEVICE_MAX_WRITE_IMAGE_ARGS
        | CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS
        | CL_DEVICE_MAX_SAMPLERS
        | CL_DEVICE_IMAGE_PITCH_ALIGNMENT
        | CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT
        | CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE
        | CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE
        | CL_DEVICE_MAX_ON_DEVICE_QUEUES
        | CL_DEVICE_MAX_ON_DEVICE_EVENTS
        | CL_DEVICE_MAX_PIPE_ARGS
        | CL_DEVICE_PIPE_MAX_ACTIVE_RESERVATIONS
        | CL_DEVICE_PIPE_MAX_PACKET_SIZE => info.value(0_u32),
        CL_DEVICE_IMAGE2D_MAX_WIDTH
        | CL_DEVICE_IMAGE2D_MAX_HEIGHT
        | CL_DEVICE_IMAGE3D_MAX_WIDTH
        | CL_DEVICE_IMAGE3D_MAX_HEIGHT
        | CL_DEVICE_IMAGE3D_MAX_DEPTH
        | CL_DEVICE_IMAGE_MAX_BUFFER_SIZE
        | CL_DEVICE_IMAGE_MAX_ARRAY_SIZE => info.value(0_usize),
        CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES | CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES => {
            info.value(0_u64)
        }
        CL_DEVICE_IL_VERSION | CL_DEVICE_BUILT_IN_KERNELS => info.text(""),
        CL_DEVICE_ILS_WITH_VERSION | CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION => info.bytes(&[]),
        _ => unknown_name(name),
    }
}
