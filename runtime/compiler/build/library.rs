//! Compiles the OpenCL C builtin library (`library/*.cl`) to bitcode blobs at build time.
//!
//! A program needs a handful of the ten thousand builtins, so the library is cut into blobs that
//! each hold all overloads of a few names; the generated index maps a name to its blob. Loading
//! one blob costs tens of microseconds, loading everything would cost milliseconds per build.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::SystemTime;
use std::{env, fs, io, thread};

/// One compilation: a source file with macro definitions.
struct Source {
    name: String,
    path: PathBuf,
    definitions: Vec<String>,
}

const TYPES: [&str; 10] = [
    "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "float", "double",
];
const WIDTHS: [&str; 6] = ["", "2", "3", "4", "8", "16"];

/// Sources that are compiled several times, with the macros that tell the parts apart.
fn parts(stem: &str) -> Option<Vec<Vec<String>>> {
    let widths = || WIDTHS.iter();
    match stem {
        "convert" => Some(
            TYPES
                .iter()
                .flat_map(|to| {
                    widths().map(move |n| vec![format!("TO={to}"), format!("WIDTH={n}")])
                })
                .collect(),
        ),
        "vload" | "vstore" => Some(
            widths()
                .skip(1)
                .map(|n| vec![format!("WIDTH={n}")])
                .collect(),
        ),
        "convert_half" | "vload_half" | "vstore_half" => {
            Some(widths().map(|n| vec![format!("WIDTH={n}")]).collect())
        }
        _ => None,
    }
}

fn sources(directory: &Path) -> io::Result<Vec<Source>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    let mut sources = Vec::new();
    for path in paths {
        if path.extension().is_none_or(|extension| extension != "cl") {
            continue;
        }
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for definitions in parts(&stem).unwrap_or_else(|| vec![Vec::new()]) {
            let mut name = stem.clone();
            for definition in &definitions {
                let value = definition.split_once('=').map_or("", |(_, value)| value);
                name.push('-');
                name.push_str(if value.is_empty() { "1" } else { value });
            }
            sources.push(Source {
                name,
                path: path.clone(),
                definitions,
            });
        }
    }
    Ok(sources)
}

/// Finds an LLVM 19 program: under `LLVM_SYS_191_PREFIX`, as `name-19` on the path, or where
/// `llvm-config-19` says.
fn tool(name: &str) -> Result<PathBuf, String> {
    let mut candidates = Vec::new();
    if let Some(prefix) = env::var_os("LLVM_SYS_191_PREFIX") {
        candidates.push(Path::new(&prefix).join("bin").join(name));
    }
    candidates.push(PathBuf::from(format!("{name}-19")));
    if let Ok(output) = Command::new("llvm-config-19").arg("--bindir").output() {
        candidates.push(Path::new(String::from_utf8_lossy(&output.stdout).trim()).join(name));
    }
    candidates
        .into_iter()
        .find(|path| {
            Command::new(path)
                .arg("--version")
                .output()
                .is_ok_and(|output| output.status.success())
        })
        .ok_or_else(|| {
            format!("`{name}` of LLVM 19 not found; install the packages clang-19 and llvm-19")
        })
}

fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!(
            "{command:?} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

struct Tools {
    clang: PathBuf,
    assembler: PathBuf,
    extract: PathBuf,
    nm: PathBuf,
    headers: PathBuf,
}

/// A piece of bitcode and the builtin names whose overloads it defines.
struct Blob {
    path: PathBuf,
    names: Vec<String>,
}

/// The option for exact quotients, which the functions rely on whose errors are known to the bit.
fn rounding(source: &Source) -> Option<&'static str> {
    (source.name != "reciprocal_root").then_some("-cl-fp32-correctly-rounded-divide-sqrt")
}

/// Compiles one source into blobs: one for each name, or a single one for a source that is
/// compiled in parts anyway. What is newer than the inputs is kept.
fn compile(
    tools: &Tools,
    source: &Source,
    directory: &Path,
    newest_input: SystemTime,
) -> Result<Vec<Blob>, String> {
    let describe = |error: io::Error| format!("{}: {error}", source.name);
    let whole = directory.join(format!("{}.bc", source.name));
    if modified(&whole).is_none_or(|time| time <= newest_input) {
        let mut command = Command::new(&tools.clang);
        command
            .args(["-cc1", "-triple", "spir64-unknown-unknown", "-x", "cl"])
            .args(["-cl-std=CL3.0", "-include", "opencl-c-base.h"])
            .arg("-internal-isystem")
            .arg(&tools.headers)
            .args(["-O1", "-ffp-contract=on", "-mframe-pointer=none"])
            .args(["-Wall", "-Werror", "-Wno-unused", "-fno-ident"])
            .args(["-fpreserve-vec3-type", "-discard-value-names"])
            .args(rounding(source))
            .args(["-emit-llvm", "-o", "-"])
            .args(source.definitions.iter().map(|one| format!("-D{one}")))
            .arg(&source.path);
        let text = run(&mut command)?;
        let assembly = directory.join(format!("{}.ll", source.name));
        fs::write(&assembly, polished(&String::from_utf8_lossy(&text))).map_err(describe)?;
        run(Command::new(&tools.assembler)
            .arg("-o")
            .arg(&whole)
            .arg(&assembly))?;
    }
    let symbols = run(Command::new(&tools.nm)
        .args(["--defined-only", "--extern-only", "--format=just-symbols"])
        .arg(&whole))?;
    let mut overloads: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for symbol in String::from_utf8_lossy(&symbols).lines() {
        if let Some(name) = index_name(symbol) {
            overloads.entry(name).or_default().push(symbol.to_owned());
        }
    }
    if !source.definitions.is_empty() {
        let names = overloads.into_keys().collect();
        return Ok(vec![Blob { path: whole, names }]);
    }
    let mut blobs = Vec::new();
    for (name, symbols) in overloads {
        let path = directory.join(format!("{}-{name}.bc", source.name));
        if modified(&path).is_none_or(|time| time <= newest_input) {
            run(Command::new(&tools.extract)
                .args(symbols.iter().map(|symbol| format!("--func={symbol}")))
                .arg("-o")
                .arg(&path)
                .arg(&whole))?;
        }
        blobs.push(Blob {
            path,
            names: vec![name],
        });
    }
    Ok(blobs)
}

/// Takes out what would only cost time, or say something wrong, in a user's program.
fn polished(assembly: &str) -> String {
    let has_barrier = assembly.contains("@_Z7barrierj");
    let mut text = String::new();
    for line in assembly.lines() {
        // Every program has the flags and versions of its own compilation.
        let dropped = ["!opencl.", "!llvm.module.flags"];
        if dropped.iter().any(|start| line.starts_with(start)) {
            continue;
        }
        if line.starts_with("source_filename") {
            text.push_str("source_filename = \"builtins\"");
        } else if line.starts_with("attributes ") {
            let mut line = line
                .replace(" \"no-trapping-math\"=\"true\"", "")
                .replace(" \"stack-protector-buffer-size\"=\"8\"", "");
            // OpenCL C makes every call convergent unless it can see through it, and nothing
            // says otherwise for the host's functions. Only barriers are.
            if !has_barrier {
                line = line.replace(" convergent ", " ");
            }
            text.push_str(&line);
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

/// `sin` of `_Z3sinDv4_f`, and `sin.half` of `_Z3sinDv4_Dh`: few programs need the overloads for
/// half precision, so they are in blobs of their own.
fn index_name(symbol: &str) -> Option<String> {
    let rest = symbol.strip_prefix("_Z")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let (length, rest) = rest.split_at(digits);
    let (name, parameters) = rest.split_at_checked(length.parse().ok()?)?;
    let half = if parameters.contains("Dh") {
        ".half"
    } else {
        ""
    };
    Some(format!("{name}{half}"))
}

/// Builds all blobs and writes `library_index.rs` into cargo's output directory.
pub fn build() -> Result<(), String> {
    println!("cargo::rerun-if-changed=library");
    println!("cargo::rerun-if-changed=build/library.rs");
    println!("cargo::rerun-if-env-changed=LLVM_SYS_191_PREFIX");
    let clang = tool("clang")?;
    let resources = run(Command::new(&clang).arg("-print-resource-dir"))?;
    let tools = Tools {
        headers: Path::new(String::from_utf8_lossy(&resources).trim()).join("include"),
        assembler: tool("llvm-as")?,
        extract: tool("llvm-extract")?,
        nm: tool("llvm-nm")?,
        clang,
    };
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let output = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let directory = output.join("library");
    let describe = |error: io::Error| format!("builtin library: {error}");
    fs::create_dir_all(&directory).map_err(describe)?;
    let sources = sources(&root.join("library")).map_err(describe)?;
    let headers_time = fs::read_dir(root.join("library"))
        .map_err(describe)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "h"))
        .chain([root.join("build/library.rs")])
        .filter_map(|path| modified(&path))
        .max();

    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(source) = sources.get(number) else {
                    break;
                };
                let newest = modified(&source.path)
                    .max(headers_time)
                    .unwrap_or(SystemTime::now());
                let result = compile(&tools, source, &directory, newest);
                if let Ok(mut results) = results.lock() {
                    results.insert(number, result);
                }
            });
        }
    });
    let results = results.into_inner().map_err(|error| error.to_string())?;

    let mut list = String::new();
    let mut index = BTreeMap::new();
    let blobs: Vec<Vec<Blob>> = results.into_values().collect::<Result<_, _>>()?;
    for (number, blob) in blobs.into_iter().flatten().enumerate() {
        let _ = writeln!(list, "    include_bytes!({:?}),", blob.path);
        for name in blob.names {
            if let Some(other) = index.insert(name.clone(), number) {
                return Err(format!("builtin {name} is in blobs {other} and {number}"));
            }
        }
    }
    let mut text = format!(
        "/// Bitcode of every part of the library.\npub static BLOBS: &[&[u8]] = &[\n{list}];\n\n"
    );
    let _ = writeln!(text, "/// Builtin names in byte order, each with its blob's number.\nstatic INDEX: &[(&str, u16)] = &[");
    for (name, number) in index {
        let _ = writeln!(text, "    ({name:?}, {number}),");
    }
    text.push_str("];\n");
    let path = output.join("library_index.rs");
    if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
        fs::write(&path, text).map_err(describe)?;
    }
    Ok(())
}
