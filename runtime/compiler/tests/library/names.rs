//! The library defines every builtin that clang's own header declares for the enabled features.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use isocl_compiler::library_blob::blob_of;

/// Builtins that are not library code: the compiler lowers them itself.
const LOWERED: &[&str] = &[
    "get_work_dim",
    "get_global_size",
    "get_global_id",
    "get_local_size",
    "get_enqueued_local_size",
    "get_local_id",
    "get_num_groups",
    "get_group_id",
    "get_global_offset",
    "get_global_linear_id",
    "get_local_linear_id",
    "get_fence",
    "barrier",
    "work_group_barrier",
    "mem_fence",
    "read_mem_fence",
    "write_mem_fence",
    "printf",
];

/// Whole families that are not library code, or belong to features that are not offered.
const OTHER_FAMILIES: &[&str] = &[
    "atom_",
    "atomic_",
    "work_group_all",
    "work_group_any",
    "work_group_broadcast",
    "work_group_reduce_",
    "work_group_scan_",
    "read_image",
    "write_image",
    "get_image_",
    "ndrange_",
    "enqueue_",
    "create_user_event",
    "retain_event",
    "release_event",
    "set_user_event_status",
    "is_valid_",
    "capture_event_profiling_info",
    "get_default_queue",
];

/// Types of functions that are not library code; some do not even compile here.
const OTHER_TYPES: &[&str] = &[
    "image1d_",
    "image2d_",
    "image3d_",
    "clk_event_t",
    "queue_t",
    "reserve_id_t",
    "atomic_",
];

/// Extensions and features that clang's header asks for by their macros.
const EXTENSIONS: [&str; 12] = [
    "cl_khr_extended_bit_ops",
    "cl_khr_integer_dot_product",
    "__opencl_c_integer_dot_product_input_4x8bit",
    "__opencl_c_integer_dot_product_input_4x8bit_packed",
    "cl_khr_subgroup_extended_types",
    "cl_khr_subgroup_non_uniform_vote",
    "cl_khr_subgroup_ballot",
    "cl_khr_subgroup_non_uniform_arithmetic",
    "cl_khr_subgroup_shuffle",
    "cl_khr_subgroup_shuffle_relative",
    "cl_khr_subgroup_clustered_reduce",
    "cl_khr_subgroup_rotate",
];

fn clang() -> PathBuf {
    let installed = Path::new("/usr/lib/llvm-19/bin/clang");
    match std::env::var_os("LLVM_SYS_191_PREFIX") {
        Some(prefix) => Path::new(&prefix).join("bin/clang"),
        None if installed.exists() => installed.to_owned(),
        None => PathBuf::from("clang-19"),
    }
}

fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .expect("clang-19 and its tools are installed");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Mangled names of all functions of `opencl-c.h`: its declarations are turned into definitions
/// and compiled.
fn declared(standard: &str, directory: &Path) -> BTreeSet<String> {
    let clang = clang();
    let resources = output(Command::new(&clang).arg("-print-resource-dir"));
    let headers = Path::new(resources.trim()).join("include");
    let empty = directory.join("empty.cl");
    std::fs::write(&empty, "").unwrap();
    let front_end = |standard: &str| {
        let mut command = Command::new(&clang);
        command
            .args(["-cc1", "-triple", "spir64-unknown-unknown", "-x", "cl"])
            .arg(format!("-cl-std={standard}"))
            .args(["-U__SPIR__", "-U__SPIR64__"])
            .arg(
                "-cl-ext=-all,+cl_khr_fp16,+cl_khr_fp64,+__opencl_c_fp64,+__opencl_c_generic_address_space,\
                 +__opencl_c_program_scope_global_variables,+__opencl_c_int64,\
                 +__opencl_c_subgroups,+cl_khr_int64_base_atomics,+cl_khr_int64_extended_atomics",
            )
            .args(EXTENSIONS.map(|name| format!("-D{name}")))
            .arg("-internal-isystem")
            .arg(&headers);
        command
    };
    let mut text = output(
        front_end(standard)
            .args(["-finclude-default-header", "-E", "-P"])
            .arg(&empty),
    );
    text = text
        .lines()
        .filter(|line| !OTHER_TYPES.iter().any(|other| line.contains(other)))
        .map(|line| {
            let function = line.contains("overloadable") && line.ends_with(");");
            if function {
                format!("{} {{ __builtin_trap(); }}\n", &line[..line.len() - 1])
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let source = directory.join(format!("{standard}.cl"));
    std::fs::write(&source, text).unwrap();
    let module = output(
        front_end(standard)
            .args(["-w", "-disable-llvm-passes", "-emit-llvm", "-o", "-"])
            .arg(&source),
    );
    module
        .lines()
        .filter(|line| line.starts_with("define "))
        .filter_map(|line| line.split('@').nth(1)?.split('(').next())
        .map(str::to_owned)
        .collect()
}

fn base_name(symbol: &str) -> &str {
    let rest = symbol.strip_prefix("_Z").unwrap_or(symbol);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
    let length = rest[..digits].parse().unwrap_or(0);
    &rest[digits..digits + length]
}

/// Functions a bitcode blob defines.
fn defined() -> BTreeSet<String> {
    crate::jit::defined_symbols().into_iter().collect()
}

#[test]
fn every_declared_builtin_is_defined() {
    let directory = std::env::temp_dir().join(format!("isocl-names-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let defined = defined();
    let mut missing = BTreeSet::new();
    let mut checked = 0;
    for standard in ["CL1.2", "CL2.0", "CL3.0"] {
        let declared = declared(standard, &directory);
        assert!(declared.len() > 8000, "{standard}: {}", declared.len());
        for symbol in declared {
            let name = base_name(&symbol);
            let elsewhere = LOWERED.contains(&name)
                || OTHER_FAMILIES.iter().any(|family| name.starts_with(family));
            if elsewhere {
                continue;
            }
            checked += 1;
            if !defined.contains(&symbol) || blob_of(&symbol).is_none() {
                missing.insert(symbol);
            }
        }
    }
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(checked > 24_000, "only {checked} names checked");
    assert!(
        missing.is_empty(),
        "{} missing: {missing:#?}",
        missing.len()
    );
}

#[test]
fn names_lead_to_blobs() {
    assert!(blob_of("_Z3sinDv4_f").is_some());
    assert_eq!(blob_of("_Z3sinf"), blob_of("_Z3sinDv16_d"));
    assert_ne!(blob_of("_Z3sinf"), blob_of("_Z3cosf"));
    for unknown in ["_Z13get_global_idj", "sin", "_Z99sinf", "_Z", "", "_Z3"] {
        assert_eq!(blob_of(unknown), None, "{unknown}");
    }
}
