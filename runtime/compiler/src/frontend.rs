//! clang in the process: OpenCL C source to a `spir64` module.
#![allow(unsafe_code)]

use std::ffi::{c_char, CStr, CString};

use isocl_compiler_interface::message::{Header, Limits, Target};
use llvm_sys::prelude::{LLVMContextRef, LLVMModuleRef};

use crate::error::Error;
use crate::llvm::{Context, Linkage, Module};
use crate::options::{self, CompileOptions};

#[repr(C)]
struct File {
    name: *const c_char,
    text: *const c_char,
    length: usize,
}

/// `isocl_limits` of the shim.
#[repr(C)]
struct ShimLimits {
    local_bytes: u64,
    work_group_items: u64,
    global_variable_bytes: u64,
    constant_bytes: u64,
    parameter_bytes: u64,
    has_images: bool,
}

impl ShimLimits {
    fn of(target: &Target) -> Self {
        let Limits {
            local_bytes,
            work_group_items,
            global_variable_bytes,
            constant_bytes,
            parameter_bytes,
        } = target.limits;
        let mut features = target.features.iter();
        Self {
            local_bytes,
            work_group_items,
            global_variable_bytes,
            constant_bytes,
            parameter_bytes,
            has_images: features.any(|name| name == "__opencl_c_images"),
        }
    }
}

extern "C" {
    fn isocl_compile(
        context: LLVMContextRef,
        files: *const File,
        num_files: usize,
        arguments: *const *const c_char,
        num_arguments: usize,
        ours: *const *const c_char,
        num_ours: usize,
        limits: *const ShimLimits,
        log: *mut *mut c_char,
        looked: *mut bool,
    ) -> LLVMModuleRef;
    fn isocl_link(
        destination: LLVMModuleRef,
        source: LLVMModuleRef,
        only_needed: bool,
    ) -> *mut c_char;
    fn isocl_free(text: *mut c_char);
}

/// clang's header with the types and constants of OpenCL C.
const BASE_HEADER: &str = include_str!(concat!(env!("OUT_DIR"), "/opencl-c-base.h"));

/// A compiled program.
#[derive(Debug)]
pub struct Compiled {
    /// The program.
    pub module: Module,
    /// What clang had to say; may hold warnings.
    pub log: String,
    /// Whether the program and its headers alone made the result: no file on disk, and no clock.
    pub is_self_contained: bool,
}

/// Compiles a program.
///
/// # Errors
/// [`Error::Options`] and [`Error::Source`] with the text for the build log, [`Error::Internal`].
pub fn compile(
    context: &Context,
    source: &(impl AsRef<[u8]> + ?Sized),
    options: &str,
    headers: &[Header],
    target: &Target,
) -> Result<Compiled, Error> {
    let CompileOptions { arguments, prelude } = options::compile_options(options, target)?;
    let name = |text: String| {
        CString::new(text).map_err(|_| Error::Options("a zero byte in the options".to_owned()))
    };
    let arguments = arguments
        .into_iter()
        .map(name)
        .collect::<Result<Vec<_>, _>>()?;
    let pointers: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    let mut names = vec![
        name(options::SOURCE_NAME.to_owned())?,
        name(options::BASE_HEADER.to_owned())?,
        name(options::PRELUDE.to_owned())?,
    ];
    let source = source.as_ref();
    let mut texts = vec![source, BASE_HEADER.as_bytes(), prelude.as_bytes()];
    for header in headers {
        names.push(name(format!(
            "{}/{}",
            options::EMBEDDED_FOLDER,
            header.name
        ))?);
        texts.push(&header.source);
    }
    let files: Vec<_> = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| File {
            name: name.as_ptr(),
            text: text.as_ptr().cast(),
            length: text.len(),
        })
        .collect();
    let ours = [options::HEADER_FOLDER, options::EMBEDDED_FOLDER].map(str::to_owned);
    let ours = ours.into_iter().map(name).collect::<Result<Vec<_>, _>>()?;
    let ours: Vec<_> = ours.iter().map(|folder| folder.as_ptr()).collect();
    let mut log = std::ptr::null_mut();
    let mut looked = true;
    // SAFETY: all pointers are to live locals with the lengths given; the context is live.
    let raw = unsafe {
        isocl_compile(
            context.raw(),
            files.as_ptr(),
            files.len(),
            pointers.as_ptr(),
            pointers.len(),
            ours.as_ptr(),
            ours.len(),
            &ShimLimits::of(target),
            &mut log,
            &mut looked,
        )
    };
    let log = take_text(log);
    if raw.is_null() {
        return Err(Error::Source(log));
    }
    // SAFETY: the shim returned a module of this context and keeps no other reference to it.
    let module = unsafe { context.adopt(raw) };
    // The definition of an `inline` function (C99 §6.7.4) serves whoever calls it: there is no
    // other one.
    for function in module.functions() {
        if function.linkage() == Linkage::LLVMAvailableExternallyLinkage {
            function.set_linkage(Linkage::LLVMLinkOnceODRLinkage);
        }
    }
    let texts = headers.iter().map(|header| &header.source[..]);
    let given = [source, options.as_bytes()].into_iter();
    let tells_time = given.chain(texts).any(tells_time);
    Ok(Compiled {
        module,
        log,
        is_self_contained: !looked && !tells_time,
    })
}

/// Whether a text may be different at another time.
fn tells_time(text: &[u8]) -> bool {
    let contains = |clock: &str| {
        let mut words = text.windows(clock.len());
        words.any(|word| word == clock.as_bytes())
    };
    ["__DATE__", "__TIME__", "__TIMESTAMP__"]
        .into_iter()
        .any(contains)
}

/// Links `source` into `destination`, all of it or only what `destination` lacks.
///
/// # Errors
/// [`Error::Link`] with the linker's message.
pub fn link(destination: &Module, source: Module, only_needed: bool) -> Result<(), Error> {
    let (raw, _context) = source.into_raw();
    // SAFETY: both modules are live and of one context; the shim takes `raw` over.
    let message = unsafe { isocl_link(destination.raw(), raw, only_needed) };
    if message.is_null() {
        return Ok(());
    }
    Err(Error::Link(take_text(message)))
}

/// Copies and frees a text of the shim.
pub(crate) fn take_text(text: *mut c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the shim returned a zero-terminated string that is freed once, here.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        isocl_free(text);
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isocl_compiler_interface::features::{LANGUAGE_EXTENSIONS, LANGUAGE_FEATURES};

    fn target() -> Target {
        Target {
            extensions: LANGUAGE_EXTENSIONS
                .iter()
                .map(|feature| feature.name.to_owned())
                .collect(),
            features: LANGUAGE_FEATURES
                .iter()
                .map(|feature| feature.name.to_owned())
                .collect(),
            limits: Limits::NONE,
        }
    }

    fn compile_text(source: &str, options: &str) -> Result<(String, String), Error> {
        let context = Context::new();
        compile(&context, source, options, &[], &target())
            .map(|compiled| (compiled.module.to_string(), compiled.log))
    }

    #[test]
    fn a_kernel_compiles_without_a_word() {
        let (text, log) =
            compile_text("kernel void f(global float4 *p) { *p = sin(*p); }", "").unwrap();
        assert!(
            text.contains("define dso_local spir_kernel void @f(")
                || text.contains("spir_kernel void @f("),
            "{text}"
        );
        assert!(text.contains("_Z3sinDv4_f"), "{text}");
        assert_eq!(log, "");
    }

    #[test]
    fn errors_have_line_and_caret() {
        let Err(Error::Source(log)) = compile_text("kernel void f() {\n  int x = y;\n}", "") else {
            panic!()
        };
        assert!(log.starts_with("program.cl:2:11: error:"), "{log}");
        assert!(log.contains("int x = y;") && log.contains('^'), "{log}");
    }

    /// Every optional macro that clang or its header can define, besides those of the table.
    const NOT_OFFERED: &[&str] = &[
        "cles_khr_int64",
        "cl_khr_3d_image_writes",
        "cl_khr_depth_images",
        "cl_khr_gl_msaa_sharing",
        "cl_khr_mipmap_image",
        "cl_khr_srgb_image_writes",
        "cl_khr_subgroups",
        "cl_khr_kernel_clock",
        "cl_clang_storage_class_specifiers",
        "__cl_clang_function_pointers",
        "__cl_clang_variadic_functions",
        "__cl_clang_bitfields",
        "cl_amd_media_ops",
        "cl_intel_subgroups",
        "cl_intel_required_subgroup_size",
        "cl_arm_integer_dot_product_int8",
        "__opencl_c_3d_image_writes",
        "__opencl_c_device_enqueue",
        "__opencl_c_ext_fp16_global_atomic_add",
        "__opencl_c_ext_fp16_local_atomic_load_store",
        "__opencl_c_images",
        "__opencl_c_kernel_clock_scope_device",
        "__opencl_c_pipes",
        "__opencl_c_read_write_images",
        "__EMBEDDED_PROFILE__",
        "__FAST_RELAXED_MATH__",
        "__IMAGE_SUPPORT__",
        "__SPIR__",
        "__SPIR64__",
    ];

    #[test]
    fn macros_are_exactly_those_of_the_table() {
        // OpenCL C 2.0 has its features without a choice, and clang names them.
        let only_in_3 = [
            "__opencl_c_int64",
            "__opencl_c_fp64",
            "__opencl_c_subgroups",
        ];
        for (version, number) in [("1.2", 120), ("2.0", 200), ("3.0", 300)] {
            let mut source = String::new();
            let mut defined = |name: &str, expected: bool| {
                let test = if expected { "#ifndef" } else { "#ifdef" };
                source += &format!("{test} {name}\n#error {name}\n#endif\n");
            };
            for feature in LANGUAGE_EXTENSIONS {
                defined(feature.name, true);
            }
            for feature in LANGUAGE_FEATURES {
                let first = match feature.name {
                    name if only_in_3.contains(&name) => 300,
                    name if name.starts_with("__opencl_c_integer_dot_product") => 100,
                    _ => 200,
                };
                defined(feature.name, number >= first);
            }
            for name in NOT_OFFERED {
                defined(name, false);
            }
            for name in ["__ENDIAN_LITTLE__", "CL_VERSION_3_0", "__kernel_exec"] {
                defined(name, true);
            }
            source += &format!(
                "#if __OPENCL_VERSION__ != 300 || __OPENCL_C_VERSION__ != {number}
                #error version
                #endif\n"
            );
            if let Err(error) = compile_text(&source, &format!("-cl-std=CL{version}")) {
                panic!("OpenCL C {version}:\n{error}");
            }
        }
    }

    #[test]
    fn opencl_c_2_has_its_functions() {
        let source = "global atomic_int counter = ATOMIC_VAR_INIT(0);
            kernel void f(global int *p, local int *l) {
              int *any = get_local_id(0) ? p : (int *)l;
              *any = work_group_reduce_add(*p);
              atomic_fetch_add_explicit(&counter, 1, memory_order_acq_rel, memory_scope_device);
              atomic_work_item_fence(CLK_GLOBAL_MEM_FENCE, memory_order_seq_cst,
                                     memory_scope_all_svm_devices);
              work_group_barrier(CLK_LOCAL_MEM_FENCE, memory_scope_work_group);
              *to_global(any) = atomic_load(&counter);
            }";
        compile_text(source, "-cl-std=CL2.0").unwrap();
        compile_text(source, "-cl-std=CL3.0").unwrap();
        compile_text(source, "-cl-std=CL1.2").unwrap_err();
    }

    #[test]
    fn numbers_that_are_none_may_be_initial_values() {
        let source = "constant float numbers[] = { NAN, INFINITY, -NAN, HUGE_VALF };
            constant double number = NAN;
            kernel void f(global float *p) { *p = numbers[1] + (float)number; }";
        for version in ["1.2", "2.0", "3.0"] {
            compile_text(source, &format!("-cl-std=CL{version}")).unwrap();
        }
    }

    #[test]
    fn sub_groups_are_there_wherever_the_macros_of_their_extensions_are() {
        let source = "#if !defined(cl_khr_subgroup_shuffle) || defined(cl_khr_subgroups)
            #error macros
            #endif
            kernel void f(global int *p, global char *c) {
              int value = sub_group_reduce_add(p[0]) + sub_group_scan_inclusive_add(p[1]);
              value += sub_group_broadcast(value, get_local_size(0) - 1);
              *p = sub_group_shuffle(value, get_sub_group_local_id() + get_max_sub_group_size());
              *c = sub_group_reduce_add(*c);
              sub_group_barrier(CLK_GLOBAL_MEM_FENCE);
            }";
        for version in ["", "-cl-std=CL1.2", "-cl-std=CL2.0", "-cl-std=CL3.0"] {
            if let Err(error) = compile_text(source, version) {
                panic!("{version}:\n{error}");
            }
        }
    }

    #[test]
    fn functions_declared_inline_are_defined() {
        let source = "inline float twice(float x) { return 2 * x; }
            kernel void f(global float *p) { *p = twice(*p); }";
        let (text, log) = compile_text(source, "").unwrap();
        assert!(text.contains("define linkonce_odr"), "{text}");
        assert_eq!(log, "");
    }

    #[test]
    fn warnings_are_in_the_log_unless_unwanted_and_may_be_errors() {
        let source = "kernel void f(global int *p) { global char *q = p; }";
        let (_, log) = compile_text(source, "").unwrap();
        assert!(log.starts_with("program.cl:1:45: warning:"), "{log}");
        assert_eq!(compile_text(source, "-w").unwrap().1, "");
        assert!(matches!(
            compile_text(source, "-Werror"),
            Err(Error::Source(_))
        ));
    }

    #[test]
    fn macros_given_with_options_are_defined() {
        let source = "kernel void f(global int *p) { *p = A + B; }
            constant char text[] = TEXT;";
        let options = "-D A=1 -DB=(A +\\ 2) '-D TEXT=\"x y\"'";
        compile_text(source, options).unwrap_err();
        let options = "-D A=1 -D 'B=(A + 2)' -DTEXT='\"x y\"'";
        let (text, _) = compile_text(source, options).unwrap();
        assert!(text.contains("c\"x y\\00\""), "{text}");
        let error = compile_text(source, "-D A").unwrap_err().to_string();
        assert!(error.contains("undeclared identifier 'B'"), "{error}");
    }

    #[test]
    fn fast_mathematics_reaches_the_instructions() {
        let source = "kernel void f(global float *p) { *p = *p * p[1] / p[2]; }";
        let (text, _) = compile_text(source, "-cl-fast-relaxed-math").unwrap();
        assert!(
            text.contains("fmul fast") || text.contains("fmul reassoc"),
            "{text}"
        );
        let (text, _) = compile_text(source, "").unwrap();
        assert!(
            text.contains("fmul float") && text.contains("!fpmath"),
            "{text}"
        );
        let (text, _) = compile_text(source, "-cl-fp32-correctly-rounded-divide-sqrt").unwrap();
        assert!(!text.contains("!fpmath"), "{text}");
    }

    #[test]
    fn embedded_headers_are_found_by_name() {
        let context = Context::new();
        let header = Header {
            name: "folder/mine.h".into(),
            source: "#define VALUE 7\n".into(),
        };
        let source = "#include \"folder/mine.h\"\nkernel void f(global int *p) { *p = VALUE; }";
        assert!(compile(
            &context,
            source,
            "",
            std::slice::from_ref(&header),
            &target()
        )
        .is_ok());
        assert!(compile(&context, source, "", &[], &target()).is_err());
    }
}
