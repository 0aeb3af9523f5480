//! What the CPU device says of itself (§4.2).

use isocl_compiler_interface::features::{Feature, LANGUAGE_EXTENSIONS, LANGUAGE_FEATURES};
use isocl_compiler_interface::message::BINARY_VERSION;
use isocl_kernel_iface::driver::Driver;

use super::processor::Processor;
use super::workers;
use crate::config::{Config, SvmLevel};
use crate::device::info::VectorWidths;
use crate::device::DeviceInfo;
use crate::flags::{QueueProperties, SvmCapabilities};

/// `CL_FP_DENORM | CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST | CL_FP_FMA`
const FP_BASIC: u64 = 1 | 2 | 4 | 32;
/// `CL_FP_ROUND_TO_ZERO | CL_FP_ROUND_TO_INF`, which the full profile demands of doubles: in
/// conversions with an explicit rounding mode.
const FP_OTHER_ROUNDING: u64 = 8 | 16;
/// `CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT`
const FP_CORRECT_DIVISION: u64 = 128;
/// `CL_DEVICE_ATOMIC_ORDER_…` relaxed, acquire-release, sequentially consistent.
const ATOMIC_ORDERS: u64 = 1 | 2 | 4;
/// `CL_DEVICE_ATOMIC_SCOPE_…` work-group, device, all devices.
const ATOMIC_SCOPES: u64 = 16 | 32 | 64;
/// `CL_DEVICE_ATOMIC_SCOPE_WORK_ITEM`: for fences only.
const ATOMIC_SCOPE_WORK_ITEM: u64 = 8;
/// Vendor number reported, as Khronos vendors without a PCI number choose.
const VENDOR_ID: u32 = 0x6973_6F63;

/// Extensions of the runtime, beside those of the language.
const RUNTIME_EXTENSIONS: &[Feature] = &[
    Feature {
        name: "cl_khr_icd",
        version: (2, 0, 1),
    },
    Feature {
        name: "cl_khr_extended_versioning",
        version: (1, 0, 0),
    },
    Feature {
        name: "cl_khr_suggested_local_work_size",
        version: (1, 0, 0),
    },
];

/// The device on this machine with memory of `driver`, as `config` wants it.
pub(super) fn describe(config: &Config, driver: &dyn Driver) -> DeviceInfo {
    let processor = Processor::of_this_machine();
    let memory = config.global_memory.unwrap_or(processor.memory);
    // Half of the addresses, so that what is in use can be cut badly and still leave room.
    let memory = memory.min(driver.plan().capacity() as u64 / 2);
    let disguise = &config.disguise;
    let true_name = || match driver.name() {
        "emulator" => format!("isocl CPU: {}", processor.model),
        node => format!("isocl CPU ({node}): {}", processor.model),
    };
    let max_work_group_size = disguise.max_work_group_size.unwrap_or(4096);
    let widths = |bytes: u32| VectorWidths {
        char: bytes.min(16),
        short: (bytes / 2).min(16),
        int: (bytes / 4).min(16),
        long: bytes / 8,
        half: (bytes / 2).min(16),
        float: (bytes / 4).min(16),
        double: bytes / 8,
    };
    let scalar = VectorWidths {
        char: 1,
        short: 1,
        int: 1,
        long: 1,
        half: 1,
        float: 1,
        double: 1,
    };
    DeviceInfo {
        device_type: config.device_type,
        name: disguise.name.clone().unwrap_or_else(true_name),
        vendor: disguise
            .vendor
            .clone()
            .unwrap_or_else(|| "isocl".to_owned()),
        vendor_id: disguise.vendor_id.unwrap_or(VENDOR_ID),
        // Applications that keep program binaries build anew where this is another one.
        driver_version: format!(
            "{} (memory: {}, binaries: {BINARY_VERSION:08x})",
            env!("CARGO_PKG_VERSION"),
            driver.name()
        ),
        version: (3, 0),
        opencl_c_versions: vec![(1, 0), (1, 1), (1, 2), (3, 0)],
        extensions: [RUNTIME_EXTENSIONS, LANGUAGE_EXTENSIONS].concat(),
        opencl_c_features: LANGUAGE_FEATURES.to_vec(),
        max_compute_units: workers::compute_units() as u32,
        max_work_item_sizes: [max_work_group_size; 3],
        max_work_group_size,
        preferred_work_group_size_multiple: (processor.vector_bytes / 4) as usize,
        non_uniform_work_groups: true,
        // Work-items are the lanes of vectors already; vectors in the source gain nothing.
        preferred_vector_widths: scalar,
        native_vector_widths: widths(processor.vector_bytes),
        max_clock_frequency: processor.megahertz,
        address_bits: 64,
        decoded_address_bits: usize::BITS - driver.plan().end().saturating_sub(1).leading_zeros(),
        max_mem_alloc_size: disguise
            .max_allocation
            .unwrap_or(memory / 4 * 3)
            .max(128 << 20)
            .min(memory),
        global_mem_size: memory,
        // CL_READ_WRITE_CACHE
        global_mem_cache_type: 2,
        global_mem_cache_size: processor.cache,
        global_mem_cacheline_size: processor.cache_line,
        max_constant_buffer_size: (memory / 4).min(1 << 30),
        max_constant_args: 128,
        max_global_variable_size: 64 << 20,
        global_variable_preferred_total_size: 64 << 20,
        // CL_GLOBAL: local memory is ordinary memory
        local_mem_type: 2,
        local_mem_size: disguise.local_memory.unwrap_or(256 << 10),
        max_parameter_size: 4096,
        // Bits: that of the largest type, 128 bytes.
        mem_base_addr_align: 1024,
        min_data_type_align_size: 128,
        half_fp_config: FP_BASIC,
        single_fp_config: FP_BASIC | FP_CORRECT_DIVISION,
        double_fp_config: FP_BASIC | FP_OTHER_ROUNDING,
        profiling_timer_resolution: 1,
        queue_on_host_properties: (QueueProperties::OUT_OF_ORDER_EXEC_MODE
            | QueueProperties::PROFILING)
            .bits(),
        svm_capabilities: svm_capabilities(config, driver),
        atomic_memory_capabilities: ATOMIC_ORDERS | ATOMIC_SCOPES,
        atomic_fence_capabilities: ATOMIC_ORDERS | ATOMIC_SCOPES | ATOMIC_SCOPE_WORK_ITEM,
        // CL_EXEC_KERNEL, CL_EXEC_NATIVE_KERNEL
        execution_capabilities: 1 | 2,
        preferred_atomic_alignments: [0; 3],
        printf_buffer_size: 1 << 20,
        compiler_available: true,
        // None: the form of a version is demanded, so it is one from before there were any.
        latest_conformance_version_passed: "v0000-01-01-00".to_owned(),
    }
}

fn svm_capabilities(config: &Config, driver: &dyn Driver) -> SvmCapabilities {
    let mut capabilities = SvmCapabilities::COARSE_GRAIN_BUFFER;
    capabilities.set(
        SvmCapabilities::FINE_GRAIN_BUFFER,
        config.svm >= SvmLevel::Fine,
    );
    capabilities.set(SvmCapabilities::ATOMICS, config.svm >= SvmLevel::Atomics);
    let system = config.svm >= SvmLevel::System && driver.reaches_process();
    capabilities.set(SvmCapabilities::FINE_GRAIN_SYSTEM, system);
    capabilities
}

#[cfg(test)]
mod tests {
    use isocl_kernel_iface::choice::Choice;

    use super::*;
    use crate::config::{Disguise, LogLevel};
    use crate::flags::DeviceType;

    fn config() -> Config {
        Config {
            driver: Choice::Emulator,
            address_bits: None,
            reserved_regions: Vec::new(),
            svm: SvmLevel::System,
            compute_units: None,
            global_memory: Some(1 << 30),
            device_type: DeviceType::CPU,
            disguise: Disguise::default(),
            cache: None,
            log: LogLevel::None,
            compiler_library: None,
        }
    }

    fn described(config: &Config) -> DeviceInfo {
        describe(config, &*crate::device::cpu::memory::driver(config))
    }

    #[test]
    fn meets_the_minima_of_the_full_profile() {
        let info = described(&config());
        assert!(info.max_compute_units >= 1 && info.max_work_group_size >= 1);
        assert!(info.max_mem_alloc_size >= (info.global_mem_size / 4).clamp(128 << 20, 1 << 30));
        assert!(info.max_mem_alloc_size <= info.global_mem_size);
        assert!(info.max_parameter_size >= 1024 && info.max_constant_args >= 8);
        assert!(info.max_constant_buffer_size >= 64 << 10 && info.local_mem_size >= 32 << 10);
        assert!(info.printf_buffer_size >= 1 << 20 && info.max_global_variable_size >= 64 << 10);
        assert!(info.mem_base_addr_align as usize >= 8 * 128);
        // Denormals or not, the full profile needs infinities, NaNs and rounding to nearest.
        assert_eq!(info.half_fp_config & 6, 6);
        assert_eq!(info.single_fp_config & 6, 6);
        assert_eq!(info.double_fp_config & 63, 63);
    }

    #[test]
    fn system_svm_needs_all_address_bits_and_permission() {
        let mut config = config();
        let system = |config: &Config| {
            described(config)
                .svm_capabilities
                .contains(SvmCapabilities::FINE_GRAIN_SYSTEM)
        };
        for (bits, reached) in [
            (None, true),
            (Some(57), true),
            (Some(47), true),
            (Some(40), false),
        ] {
            config.address_bits = bits;
            assert_eq!(system(&config), reached, "{bits:?}");
        }
        config.address_bits = None;
        config.reserved_regions = vec![(0x1000, 0x2000)];
        assert!(!system(&config));
        config.reserved_regions.clear();
        config.svm = SvmLevel::Fine;
        let info = described(&config);
        let expected = SvmCapabilities::COARSE_GRAIN_BUFFER | SvmCapabilities::FINE_GRAIN_BUFFER;
        assert_eq!(info.svm_capabilities, expected);
    }

    #[test]
    fn emulation_limits_the_memory() {
        let mut config = config();
        config.address_bits = Some(36);
        config.global_memory = Some(256 << 30);
        let info = described(&config);
        assert_eq!(
            info.global_mem_size,
            (64 - 4) << 29,
            "half of what is above 4 GiB"
        );
        assert_eq!(info.decoded_address_bits, 36);
        config.global_memory = Some(128 << 20);
        assert_eq!(described(&config).max_mem_alloc_size, 128 << 20);
    }

    #[test]
    fn a_disguised_device_says_what_it_was_told() {
        let mut config = config();
        config.disguise = Disguise {
            name: Some("A GPU".to_owned()),
            vendor: Some("Somebody".to_owned()),
            vendor_id: Some(7),
            max_work_group_size: Some(256),
            local_memory: Some(48 << 10),
            max_allocation: Some(u64::MAX),
        };
        let info = described(&config);
        assert_eq!(
            (info.name.as_str(), info.vendor.as_str()),
            ("A GPU", "Somebody")
        );
        assert_eq!((info.vendor_id, info.max_work_group_size), (7, 256));
        assert_eq!(
            (info.max_work_item_sizes, info.local_mem_size),
            ([256; 3], 48 << 10)
        );
        assert_eq!(
            info.max_mem_alloc_size, info.global_mem_size,
            "not more than there is"
        );
    }
}
