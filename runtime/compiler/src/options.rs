//! Build and link options (§5.8.6, §5.8.7 of the API specification) to arguments of clang's `cc1`.

use isocl_compiler_interface::message::Target;

use crate::error::Error;

/// OpenCL C version that a program is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standard {
    C10,
    C11,
    C12,
    C20,
    C30,
}

impl Standard {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "CL1.0" => Self::C10,
            "CL1.1" => Self::C11,
            "CL1.2" => Self::C12,
            "CL2.0" => Self::C20,
            "CL3.0" => Self::C30,
            _ => return None,
        })
    }

    fn argument(self) -> &'static str {
        match self {
            Self::C10 => "-cl-std=CL1.0",
            Self::C11 => "-cl-std=CL1.1",
            Self::C12 => "-cl-std=CL1.2",
            Self::C20 => "-cl-std=CL2.0",
            Self::C30 => "-cl-std=CL3.0",
        }
    }
}

/// Name under which clang sees the program; it stands in front of every message of the log.
pub const SOURCE_NAME: &str = "program.cl";

/// Folder of the headers that are part of the compiler.
pub const HEADER_FOLDER: &str = "/isocl-builtin-headers";

/// Folder of the headers that an application embeds with `clCompileProgram`.
pub const EMBEDDED_FOLDER: &str = "/isocl-embedded-headers";

/// Splits an option string at white space; quotes and backslashes keep it together, as in a shell.
fn split(options: &str) -> Result<Vec<String>, Error> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (_, Some(open)) if character == open => quote = None,
            ('\\', _) if quote != Some('\'') => {
                let next = characters.next().unwrap_or('\\');
                word.get_or_insert_default().push(next);
            }
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (space, None) if space.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err(Error::Options(format!(
            "a quote is not closed in the options: {options}"
        )));
    }
    words.extend(word);
    Ok(words)
}

/// Name of clang's header with the types and constants of OpenCL C.
pub const BASE_HEADER: &str = "/isocl-builtin-headers/opencl-c-base.h";

/// Name of the header with [`CompileOptions::prelude`].
pub const PRELUDE: &str = "/isocl-builtin-headers/isocl-prelude.h";

/// How to run clang for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileOptions {
    /// Arguments of `cc1`.
    pub arguments: Vec<String>,
    /// Text that stands before the program: takes back macros of clang's header that are not
    /// true for the target.
    pub prelude: String,
}

/// Options that clang's `cc1` knows under the same name.
const PASSED: &[&str] = &[
    "-cl-single-precision-constant",
    "-cl-fp32-correctly-rounded-divide-sqrt",
    "-cl-mad-enable",
    "-cl-no-signed-zeros",
    "-cl-unsafe-math-optimizations",
    "-cl-finite-math-only",
    "-cl-fast-relaxed-math",
    "-cl-uniform-work-group-size",
    "-cl-kernel-arg-info",
    "-w",
    "-Werror",
];

/// Options that allow something this compiler does not make use of.
const HINTS: &[&str] = &["-cl-no-subgroup-ifp", "-cl-denorms-are-zero"];

/// Translates build options for a target.
///
/// # Errors
/// [`Error::Options`] names the first option that is unknown or lacks its value.
pub fn compile_options(options: &str, target: &Target) -> Result<CompileOptions, Error> {
    let mut standard = Standard::C12;
    let mut optimisation = "-O2";
    let mut strict_aliasing = false;
    let mut given = Vec::new();
    let mut words = split(options)?.into_iter();
    while let Some(word) = words.next() {
        if PASSED.contains(&word.as_str()) {
            given.push(word);
        } else if HINTS.contains(&word.as_str()) {
        } else if word == "-cl-opt-disable" {
            optimisation = "-O0";
        } else if word == "-cl-strict-aliasing" {
            strict_aliasing = true;
        } else if word == "-g" {
            given.extend([
                "-debug-info-kind=constructor".into(),
                "-dwarf-version=4".into(),
            ]);
        } else if let Some(name) = word.strip_prefix("-cl-std=") {
            standard = Standard::parse(name)
                .ok_or_else(|| Error::Options(format!("unknown OpenCL C version in {word}")))?;
        } else if let Some(flag) = ["-D", "-I", "-U"]
            .into_iter()
            .find(|flag| word.starts_with(flag))
        {
            let value = match &word[flag.len()..] {
                "" => words
                    .next()
                    .ok_or_else(|| Error::Options(format!("{flag} lacks its value")))?,
                value => value.to_owned(),
            };
            given.extend([flag.to_owned(), value]);
        } else {
            return Err(Error::Options(format!("unknown build option {word}")));
        }
    }
    let mut arguments: Vec<String> = [
        "-triple",
        "spir64-unknown-unknown",
        "-U__SPIR__",
        "-U__SPIR64__",
        "-x",
        "cl",
        optimisation,
        "-disable-llvm-passes",
        "-ffp-contract=on",
        "-fdeclare-opencl-builtins",
        // By their whole paths, so that files of the application's folder do not take their place.
        "-include",
        BASE_HEADER,
        "-include",
        PRELUDE,
        "-fpreserve-vec3-type",
        "-fno-ident",
        // LLVM would turn it into calls of the C library's puts and putchar.
        "-fno-builtin-printf",
        "-mframe-pointer=none",
        // Lengths of strings that count the zero at the end are common.
        "-Wno-null-character",
        "-nostdsysteminc",
        "-nobuiltininc",
        "-internal-isystem",
        HEADER_FOLDER,
        "-main-file-name",
        SOURCE_NAME,
        "-D__OPENCL_VERSION__=300",
        standard.argument(),
    ]
    .map(str::to_owned)
    .to_vec();
    // Programs that look at values through pointers of other types are common, and only this
    // option promises that there are none.
    if !strict_aliasing {
        arguments.push("-relaxed-aliasing".to_owned());
    }
    if fused_multiply_add_is_fast() {
        arguments.push("-DFP_FAST_FMAF=1".to_owned());
        if target.extensions.iter().any(|name| name == "cl_khr_fp64") {
            arguments.push("-DFP_FAST_FMA=1".to_owned());
        }
    }
    // clang defines some of them by itself, in the same words; its own table lacks others, which
    // its header would define for a device of SPIR.
    let defined = macros(standard, target).map(|name| format!("-D{name}=1"));
    arguments.extend(defined);
    arguments.push(extension_argument(standard, target));
    arguments.extend(given);
    arguments.extend([
        "-I".to_owned(),
        EMBEDDED_FOLDER.to_owned(),
        SOURCE_NAME.to_owned(),
    ]);
    Ok(CompileOptions {
        arguments,
        prelude: prelude(standard, target),
    })
}

/// Whether the host has an instruction for it; otherwise it is a call.
fn fused_multiply_add_is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return cfg!(target_arch = "aarch64");
}

/// The version of the language that a feature begins with: 3.0, unless it says what of an
/// extension there is.
fn first_version(feature: &str) -> Standard {
    if feature.starts_with("__opencl_c_integer_dot_product_") {
        Standard::C10
    } else if feature.starts_with("__opencl_c_ext_fp") {
        // The extension is made of the atomic functions of OpenCL C 2.0.
        Standard::C20
    } else {
        Standard::C30
    }
}

/// Macros of the target's extensions and features in a version of the language.
fn macros(standard: Standard, target: &Target) -> impl Iterator<Item = &str> {
    let features = target.features.iter();
    let features = features.filter(move |name| standard >= first_version(name));
    target.extensions.iter().chain(features).map(String::as_str)
}

/// Exactly the extensions and features of the target, for clang's own table.
fn extension_argument(standard: Standard, target: &Target) -> String {
    let mut list = "-cl-ext=-all".to_owned();
    for name in macros(standard, target) {
        list.push_str(",+");
        list.push_str(name);
    }
    list
}

/// Macros that clang's header defines for OpenCL C 2.0, where they were no options. It goes by
/// them to tell which types and functions there are.
const FEATURES_OF_OPENCL_C_2: &[&str] = &[
    "__opencl_c_atomic_order_acq_rel",
    "__opencl_c_atomic_order_seq_cst",
    "__opencl_c_atomic_scope_all_devices",
    "__opencl_c_atomic_scope_device",
    "__opencl_c_device_enqueue",
    "__opencl_c_generic_address_space",
    "__opencl_c_images",
    "__opencl_c_pipes",
    "__opencl_c_program_scope_global_variables",
    "__opencl_c_read_write_images",
    "__opencl_c_work_group_collective_functions",
];

/// Corrects what clang and its header define: what the target or the version has not, and what it
/// has beyond them.
fn prelude(standard: Standard, target: &Target) -> String {
    let has = |name: &str| target.features.iter().any(|feature| feature == name);
    let mut text = String::new();
    if standard == Standard::C20 {
        for name in FEATURES_OF_OPENCL_C_2.iter().filter(|name| !has(name)) {
            text.push_str(&format!("#undef {name}\n"));
        }
    }
    // The macros of the sub-group extensions stand in every version, and what they add to calls for
    // the functions that they add to, which clang knows only in OpenCL C 3.0 or by cl_khr_subgroups.
    if standard != Standard::C30 && has("__opencl_c_subgroups") {
        text.push_str("#define __opencl_subgroup_builtins 1\n");
    }
    // clang says these in every version.
    if !has("__opencl_c_images") {
        text.push_str("#undef __IMAGE_SUPPORT__\n");
    }
    if standard != Standard::C30 || !has("__opencl_c_int64") {
        text.push_str("#undef __opencl_c_int64\n");
    }
    // What stands in the header is no constant expression for clang (OpenCL C 3.0 §6.15.2).
    text.push_str("#undef NAN\n#define NAN __builtin_nanf(\"\")\n");
    text
}

/// What link options ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkOptions {
    /// `-create-library`
    pub create_library: bool,
}

/// Parses link options (§5.8.7).
///
/// # Errors
/// [`Error::Options`] names the first unknown option.
pub fn link_options(options: &str) -> Result<LinkOptions, Error> {
    let mut result = LinkOptions::default();
    let mut enable = false;
    for word in split(options)? {
        match word.as_str() {
            "-create-library" => result.create_library = true,
            "-enable-link-options" => enable = true,
            "-cl-denorms-are-zero"
            | "-cl-no-signed-zeros"
            | "-cl-unsafe-math-optimizations"
            | "-cl-finite-math-only"
            | "-cl-fast-relaxed-math"
            | "-cl-no-subgroup-ifp" => (),
            _ => return Err(Error::Options(format!("unknown link option {word}"))),
        }
    }
    if enable && !result.create_library {
        return Err(Error::Options(
            "-enable-link-options needs -create-library".to_owned(),
        ));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use isocl_compiler_interface::message::Limits;

    use super::*;

    fn target() -> Target {
        Target {
            extensions: vec!["cl_khr_fp64".into()],
            features: vec!["__opencl_c_int64".into(), "__opencl_c_fp64".into()],
            limits: Limits::NONE,
        }
    }

    fn has(options: &str, argument: &str) -> bool {
        compile_options(options, &target())
            .unwrap()
            .arguments
            .iter()
            .any(|one| one == argument)
    }

    #[test]
    fn words_are_split_as_in_a_shell() {
        assert_eq!(
            split(r#" -D A="x y"  -DB=\"q\" '' "#).unwrap(),
            ["-D", "A=x y", "-DB=\"q\"", ""]
        );
        assert!(split("-DA=\"x").is_err());
    }

    #[test]
    fn every_standard_option_is_accepted() {
        let all = "-D A -DB=1 -I . -I/include -cl-std=CL2.0 -cl-single-precision-constant -cl-denorms-are-zero \
                   -cl-fp32-correctly-rounded-divide-sqrt -cl-opt-disable -cl-strict-aliasing \
                   -cl-uniform-work-group-size -cl-no-subgroup-ifp -cl-mad-enable -cl-no-signed-zeros \
                   -cl-unsafe-math-optimizations -cl-finite-math-only -cl-fast-relaxed-math -w -Werror \
                   -cl-kernel-arg-info -g";
        assert!(compile_options(all, &target()).is_ok());
        assert!(has(all, "-cl-std=CL2.0") && has(all, "-cl-mad-enable"));
    }

    #[test]
    fn unknown_options_are_refused_by_name() {
        for bad in [
            "-foo",
            "program.cl",
            "-cl-std=CL9.9",
            "-D",
            "-cl-std",
            "-create-library",
        ] {
            let error = compile_options(bad, &target()).unwrap_err();
            assert!(matches!(error, Error::Options(_)), "{bad}: {error}");
        }
        assert!(link_options("-create-library -enable-link-options")
            .is_ok_and(|options| options.create_library));
        for bad in ["-enable-link-options", "-DA", "-cl-std=CL3.0"] {
            assert!(link_options(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn features_are_those_of_the_target_and_only_in_opencl_c_3() {
        let list = "-cl-ext=-all,+cl_khr_fp64,+__opencl_c_int64,+__opencl_c_fp64";
        assert!(has("-cl-std=CL3.0", list));
        assert!(has("-cl-std=CL3.0", "-D__opencl_c_int64=1"));
        assert!(!has("-cl-std=CL2.0", "-D__opencl_c_int64=1"));
        assert!(has("", "-cl-ext=-all,+cl_khr_fp64") && has("", "-cl-std=CL1.2"));
        assert!(has("-cl-std=CL2.0", "-cl-ext=-all,+cl_khr_fp64"));
    }

    #[test]
    fn options_that_change_the_code_reach_clang() {
        assert!(has("", "-O2") && has("-cl-opt-disable", "-O0"));
        assert!(has("", "-relaxed-aliasing"));
        assert!(!has("-cl-strict-aliasing", "-relaxed-aliasing"));
        for option in PASSED {
            assert!(has(option, option) && !has("", option), "{option}");
        }
    }
}
