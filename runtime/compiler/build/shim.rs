//! Compiles the C++ shim over clang and says which libraries it needs.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn llvm_config(argument: &str) -> Result<String, String> {
    let program = match env::var_os("LLVM_SYS_191_PREFIX") {
        Some(prefix) => Path::new(&prefix).join("bin/llvm-config"),
        None => "llvm-config-19".into(),
    };
    let output = Command::new(&program)
        .arg(argument)
        .output()
        .map_err(|error| {
            format!(
                "cannot run {}: {error}; install the package llvm-19-dev",
                program.display()
            )
        })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Builds the shim, embeds clang's base header for OpenCL, and links LLVM and clang.
pub fn build() -> Result<(), String> {
    println!("cargo::rerun-if-changed=shim");
    println!("cargo::rerun-if-changed=build/shim.rs");
    let libraries = llvm_config("--libdir")?;
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .file("shim/checks.cpp")
        .file("shim/clang.cpp")
        .file("shim/emit.cpp")
        .file("shim/jit.cpp")
        .file("shim/recovery.cpp")
        .flag(format!("-isystem{}", llvm_config("--includedir")?))
        .flag("-fno-rtti")
        .flag("-fno-exceptions")
        .flag("-fvisibility=hidden")
        .opt_level(1)
        .debug(false)
        .warnings(true)
        .try_compile("isocl_shim")
        .map_err(|error| error.to_string())?;
    println!("cargo::rustc-link-search=native={libraries}");
    println!("cargo::rustc-link-lib=dylib=clang-cpp");
    println!("cargo::rustc-link-lib=dylib=LLVM-19");

    let header = format!("{libraries}/clang/19/include/opencl-c-base.h");
    let output = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("opencl-c-base.h");
    fs::copy(&header, output).map_err(|error| format!("{header}: {error}"))?;
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libisocl_compiler.so");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    Ok(())
}
