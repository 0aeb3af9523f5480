//! The one table of OpenCL C extensions and features.
//!
//! The runtime advertises exactly these through device queries, and the compiler enables exactly
//! these in the front end, so a feature cannot be reported that does not compile.

/// A named extension or OpenCL C feature with its version as `(major, minor, patch)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Name as it stands in `CL_DEVICE_EXTENSIONS` or `CL_DEVICE_OPENCL_C_FEATURES`.
    pub name: &'static str,
    /// Version reported by the `_WITH_VERSION` queries.
    pub version: (u32, u32, u32),
}

const fn feature(name: &'static str, major: u32, minor: u32, patch: u32) -> Feature {
    Feature {
        name,
        version: (major, minor, patch),
    }
}

/// Extensions that a program sees as macros (`#ifdef cl_khr_fp64`) and a device reports.
pub const LANGUAGE_EXTENSIONS: &[Feature] = &[
    feature("cl_khr_byte_addressable_store", 1, 0, 0),
    feature("cl_khr_global_int32_base_atomics", 1, 0, 0),
    feature("cl_khr_global_int32_extended_atomics", 1, 0, 0),
    feature("cl_khr_local_int32_base_atomics", 1, 0, 0),
    feature("cl_khr_local_int32_extended_atomics", 1, 0, 0),
    feature("cl_khr_int64_base_atomics", 1, 0, 0),
    feature("cl_khr_int64_extended_atomics", 1, 0, 0),
    feature("cl_khr_fp16", 1, 0, 0),
    feature("cl_khr_fp64", 1, 0, 0),
    feature("cl_khr_extended_bit_ops", 1, 0, 0),
    feature("cl_khr_integer_dot_product", 2, 0, 0),
    // Not cl_khr_subgroups, which promises that sub-groups make progress independently.
    feature("cl_khr_subgroup_extended_types", 1, 0, 0),
    feature("cl_khr_subgroup_non_uniform_vote", 1, 0, 0),
    feature("cl_khr_subgroup_ballot", 1, 0, 0),
    feature("cl_khr_subgroup_non_uniform_arithmetic", 1, 0, 0),
    feature("cl_khr_subgroup_shuffle", 1, 0, 0),
    feature("cl_khr_subgroup_shuffle_relative", 1, 0, 0),
    feature("cl_khr_subgroup_clustered_reduce", 1, 0, 0),
    feature("cl_khr_subgroup_rotate", 1, 0, 0),
    feature("cl_ext_float_atomics", 1, 0, 0),
];

/// Optional OpenCL C 3.0 features; each is also a predefined macro under `-cl-std=CL3.0`, and
/// those of extensions in every version that has the extension.
pub const LANGUAGE_FEATURES: &[Feature] = &[
    feature("__opencl_c_atomic_order_acq_rel", 3, 0, 0),
    feature("__opencl_c_atomic_order_seq_cst", 3, 0, 0),
    feature("__opencl_c_atomic_scope_device", 3, 0, 0),
    feature("__opencl_c_atomic_scope_all_devices", 3, 0, 0),
    feature("__opencl_c_ext_fp32_global_atomic_add", 3, 0, 0),
    feature("__opencl_c_ext_fp32_global_atomic_min_max", 3, 0, 0),
    feature("__opencl_c_ext_fp32_local_atomic_add", 3, 0, 0),
    feature("__opencl_c_ext_fp32_local_atomic_min_max", 3, 0, 0),
    feature("__opencl_c_ext_fp64_global_atomic_add", 3, 0, 0),
    feature("__opencl_c_ext_fp64_global_atomic_min_max", 3, 0, 0),
    feature("__opencl_c_ext_fp64_local_atomic_add", 3, 0, 0),
    feature("__opencl_c_ext_fp64_local_atomic_min_max", 3, 0, 0),
    feature("__opencl_c_fp64", 3, 0, 0),
    feature("__opencl_c_generic_address_space", 3, 0, 0),
    feature("__opencl_c_int64", 3, 0, 0),
    feature("__opencl_c_integer_dot_product_input_4x8bit", 3, 0, 0),
    feature(
        "__opencl_c_integer_dot_product_input_4x8bit_packed",
        3,
        0,
        0,
    ),
    feature("__opencl_c_program_scope_global_variables", 3, 0, 0),
    feature("__opencl_c_subgroups", 3, 0, 0),
    feature("__opencl_c_work_group_collective_functions", 3, 0, 0),
];
