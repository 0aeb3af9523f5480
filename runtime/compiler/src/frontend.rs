//! clang in the process: OpenCL C source to a `spir64` module.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void, CStr, CString};

use isocl_compiler_interface::message::{Header, Target};
use llvm_sys::prelude::{LLVMContextRef, LLVMModuleRef};

use crate::error::Error;
use crate::llvm::{Context, Module};
use crate::options;

#[repr(C)]
struct File {
    name: *const c_char,
    text: *const c_char,
    length: usize,
}

extern "C" {
    fn isocl_compile(
        context: LLVMContextRef,
        files: *const File,
        num_files: usize,
        arguments: *const *const c_char,
        num_arguments: usize,
        log: *mut *mut c_char,
    ) -> LLVMModuleRef;
    fn isocl_link(
        destination: LLVMModuleRef,
        source: LLVMModuleRef,
        only_needed: bool,
    ) -> *mut c_char;
    fn isocl_free(text: *mut c_char);
    fn isocl_run_protected(function: extern "C" fn(*mut c_void), data: *mut c_void) -> bool;
}

/// clang's header with the types and constants of OpenCL C.
const BASE_HEADER: &str = include_str!(concat!(env!("OUT_DIR"), "/opencl-c-base.h"));

/// Runs `work`; a crash or fatal error of LLVM inside becomes an error.
///
/// Whatever `work` owns when it crashes is lost, not freed: it may hold half-built LLVM objects.
///
/// # Errors
/// [`Error::Internal`] when `work` crashed.
pub fn protected<R>(work: impl FnOnce() -> R) -> Result<R, Error> {
    struct Call<F, R> {
        work: Option<F>,
        result: Option<std::thread::Result<R>>,
    }
    extern "C" fn run<F: FnOnce() -> R, R>(data: *mut c_void) {
        // SAFETY: `protected` passes its own `Call`, which outlives the call and is used by
        // nobody else meanwhile.
        let call = unsafe { &mut *data.cast::<Call<F, R>>() };
        if let Some(work) = call.work.take() {
            call.result = Some(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)));
        }
    }
    fn runner<F: FnOnce() -> R, R>(_: &Call<F, R>) -> extern "C" fn(*mut c_void) {
        run::<F, R>
    }
    let mut call = Call {
        work: Some(work),
        result: None,
    };
    let function = runner(&call);
    // SAFETY: `function` expects exactly this `Call`.
    let survived = unsafe { isocl_run_protected(function, std::ptr::from_mut(&mut call).cast()) };
    match call.result {
        Some(Ok(result)) if survived => Ok(result),
        Some(Err(_)) => Err(Error::Internal("the compiler panicked".to_owned())),
        _ => Err(Error::Internal("LLVM crashed".to_owned())),
    }
}

/// Compiles a program; the second part of the result is the log, which may hold warnings.
///
/// # Errors
/// [`Error::Options`] and [`Error::Source`] with the text for the build log, [`Error::Internal`].
pub fn compile(
    context: &Context,
    source: &str,
    options: &str,
    headers: &[Header],
    target: &Target,
) -> Result<(Module, String), Error> {
    let arguments = options::compile_arguments(options, target)?;
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
        name(format!("{}/opencl-c-base.h", options::HEADER_FOLDER))?,
    ];
    let mut texts = vec![source, BASE_HEADER];
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
    let mut log = std::ptr::null_mut();
    // SAFETY: all pointers are to live locals with the lengths given; the context is live.
    let raw = protected(|| unsafe {
        isocl_compile(
            context.raw(),
            files.as_ptr(),
            files.len(),
            pointers.as_ptr(),
            pointers.len(),
            &mut log,
        )
    })?;
    let log = take_text(log);
    if raw.is_null() {
        return Err(Error::Source(log));
    }
    // SAFETY: the shim returned a module of this context and keeps no other reference to it.
    let module = unsafe { context.adopt(raw) };
    Ok((module, log))
}

/// Links `source` into `destination`, all of it or only what `destination` lacks.
///
/// # Errors
/// [`Error::Link`] with the linker's message.
pub fn link(destination: &Module, source: Module, only_needed: bool) -> Result<(), Error> {
    let (raw, _context) = source.into_raw();
    // SAFETY: both modules are live and of one context; the shim takes `raw` over.
    let message = protected(|| unsafe { isocl_link(destination.raw(), raw, only_needed) })?;
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
        }
    }

    fn compile_text(source: &str, options: &str) -> Result<(String, String), Error> {
        let context = Context::new();
        compile(&context, source, options, &[], &target())
            .map(|(module, log)| (module.to_string(), log))
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

    #[test]
    fn macros_are_exactly_those_of_the_table() {
        for (options, in_table) in [("-cl-std=CL1.2", false), ("-cl-std=CL3.0", true)] {
            let mut source = String::new();
            for feature in LANGUAGE_EXTENSIONS {
                source += &format!("#ifndef {0}\n#error {0}\n#endif\n", feature.name);
            }
            // clang's header defines this one for every version; 64-bit integers are always there.
            for feature in LANGUAGE_FEATURES
                .iter()
                .filter(|feature| feature.name != "__opencl_c_int64")
            {
                let test = if in_table { "#ifndef" } else { "#ifdef" };
                source += &format!("{test} {0}\n#error {0}\n#endif\n", feature.name);
            }
            for absent in [
                "__opencl_c_images",
                "__opencl_c_pipes",
                "__opencl_c_device_enqueue",
                "__opencl_c_subgroups",
                "__opencl_c_read_write_images",
                "__opencl_c_3d_image_writes",
                "cl_khr_fp16",
                "cl_khr_subgroups",
                "__IMAGE_SUPPORT__",
                "__SPIR__",
                "__opencl_c_integer_dot_product_input_4x8bit",
                "cl_intel_subgroups",
                "__opencl_c_ext_fp32_global_atomic_add",
                "cl_khr_kernel_clock",
                "__opencl_c_kernel_clock_scope_device",
            ] {
                source += &format!("#ifdef {absent}\n#error {absent}\n#endif\n");
            }
            source += "#if __OPENCL_VERSION__ != 300 || !defined(__ENDIAN_LITTLE__)\n#error version\n#endif\n";
            if let Err(error) = compile_text(&source, options) {
                panic!("{options}:\n{error}");
            }
        }
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

    #[test]
    fn a_crash_becomes_an_error() {
        let result = protected(|| {
            // SAFETY: none; this is the crash that the protection is there for.
            unsafe { std::ptr::null_mut::<u32>().write_volatile(1) };
        });
        assert!(matches!(result, Err(Error::Internal(_))));
        assert!(protected(|| 5).is_ok_and(|five| five == 5));
    }
}
