//! The shape of the house: which way dependencies point, where `unsafe` may stand, and that the
//! table of environment variables in the README is the one the driver reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Crates of this workspace that a manifest depends on.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    text(manifest)
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| name.starts_with("isocl-"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn dependencies_point_down() {
    let allowed = [
        ("icd/Cargo.toml", &["isocl-runtime"][..]),
        (
            "runtime/Cargo.toml",
            &["isocl-kernel-iface", "isocl-compiler-interface"],
        ),
        ("runtime/compiler/Cargo.toml", &["isocl-compiler-interface"]),
        ("runtime/compiler/interface/Cargo.toml", &[]),
        ("kernel-iface/Cargo.toml", &[]),
        ("conformance/Cargo.toml", &[]),
        ("examples/Cargo.toml", &[]),
    ];
    for (manifest, names) in allowed {
        let names = names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>();
        let extra: Vec<_> = dependencies(manifest).difference(&names).cloned().collect();
        assert!(extra.is_empty(), "{manifest} depends on {extra:?}");
    }
}

#[test]
fn the_operating_system_boundary_knows_no_opencl_word() {
    for file in sources(&root().join("kernel-iface/src")) {
        // Names of our own begin with ours.
        let source = std::fs::read_to_string(&file)
            .unwrap()
            .replace("ISOCL_", "");
        for word in ["clSVM", "cl_mem", "NDRange", "CL_", "OpenCL"] {
            let found = source
                .lines()
                .find(|line| line.contains(word) && !line.contains("Knows no OpenCL word"));
            assert!(found.is_none(), "{}: {found:?}", file.display());
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn unsafe_code_stands_only_where_the_boundaries_are() {
    let listed = text("unsafe-files.txt");
    let listed: BTreeSet<&str> = listed
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let root = root();
    let mut found = BTreeSet::new();
    for folder in ["icd", "runtime", "kernel-iface", "conformance", "examples"] {
        for file in sources(&root.join(folder)) {
            let source = std::fs::read_to_string(&file).unwrap();
            if source
                .lines()
                .any(|line| line.starts_with("#![allow(unsafe_code"))
            {
                found.insert(
                    file.strip_prefix(&root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }
    println!(
        "files with unsafe code:\n{}",
        found.iter().cloned().collect::<Vec<_>>().join("\n")
    );
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "unsafe-files.txt lacks {new:?} and lists {gone:?} in vain"
    );
}

#[test]
fn every_environment_variable_is_in_the_readme() {
    let config = text("runtime/src/config.rs");
    let readme = text("README.md");
    let names: BTreeSet<&str> = config
        .split('"')
        .filter(|word| word.starts_with("ISOCL_") && word.len() > 6 && !word.contains(' '))
        .collect();
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        assert!(
            readme.contains(&format!("| `{name}` |")),
            "{name} has no row in the README"
        );
    }
}
