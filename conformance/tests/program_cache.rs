//! Programs that were built before: the cache on disk changes nothing but the time a build takes.
//! Each check runs in processes of its own, because the folder is chosen once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::ptr::null_mut;

use isocl_conformance::client::read;
use isocl_conformance::session::Session;
use isocl_conformance::temporary_folder::TemporaryFolder;
use opencl_sys::*;

/// A folder of its own for each check.
struct Folder(TemporaryFolder);

impl Folder {
    fn new() -> Self {
        Self(TemporaryFolder::new().unwrap())
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    /// The results in the cache, by name.
    fn results(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.cache()).into_iter().flatten();
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths
    }
}

fn start(cache: &Path, options: &str) -> Child {
    start_with(
        Command::new(std::env::current_exe().unwrap()),
        cache,
        options,
    )
}

fn start_with(mut command: Command, cache: &Path, options: &str) -> Child {
    command
        .args(["build_and_run", "--exact", "--nocapture"])
        .env("ISOCL_CHILD", "program_cache")
        .env("ISOCL_CACHE", cache)
        .env("ISOCL_OPTIONS", options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the kernel of a child computes.
fn result_of(child: Child) -> i32 {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}{log}");
    let result = text.lines().find_map(|line| line.split_once("result "));
    result.expect(&text).1.parse().unwrap()
}

fn build(folder: &Folder, options: &str) -> i32 {
    result_of(start(&folder.cache(), options))
}

/// What the children do; nothing by itself.
#[test]
fn build_and_run() {
    if std::env::var("ISOCL_CHILD").as_deref() != Ok("program_cache") {
        return;
    }
    let session = Session::open().unwrap();
    let options = std::env::var("ISOCL_OPTIONS").unwrap();
    let source = "
        #ifdef FROM_FILE
        #include <value.h>
        #endif
        kernel void add(global int *out) { *out = VALUE + get_global_id(0) + sin(0.0f); }
        kernel void other(global int *out) { *out = -VALUE; }";
    let kernel = session
        .kernel(source, &options, "add")
        .unwrap_or_else(|(error, log)| panic!("{error:?}\n{log}"));
    let out = session
        .api
        .clSVMAlloc(session.context, CL_MEM_READ_WRITE, 4, 0);
    let api = session.api;
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, out), CL_SUCCESS);
    assert_eq!(session.launch(kernel, &[1], None), CL_SUCCESS);
    let mapped = api.clEnqueueSVMMap(
        session.queue,
        CL_TRUE,
        CL_MAP_READ,
        out,
        4,
        0,
        std::ptr::null(),
        null_mut(),
    );
    assert_eq!(mapped, CL_SUCCESS);
    println!("result {}", read::<i32>(out, 0));
}

#[test]
fn another_process_finds_what_one_has_built() {
    let folder = Folder::new();
    assert_eq!(build(&folder, "-DVALUE=7"), 7);
    let first = folder.results();
    // Compiled, linked, its contents, and one of the two kernels.
    assert_eq!(first.len(), 4, "{first:?}");
    assert_eq!(build(&folder, "-DVALUE=7"), 7);
    assert_eq!(folder.results(), first);
    assert_eq!(build(&folder, "-DVALUE=8"), 8);
    assert_eq!(folder.results().len(), 8);
}

#[test]
fn what_depends_on_files_is_built_anew() {
    let folder = Folder::new();
    let options = format!("-DFROM_FILE -I{}", folder.0.path().display());
    for value in [1, 2, 3] {
        let header = format!("#define VALUE {value}\n");
        std::fs::write(folder.0.path().join("value.h"), header).unwrap();
        assert_eq!(build(&folder, &options), value);
    }
}

#[test]
fn damaged_results_are_made_again() {
    let folder = Folder::new();
    assert_eq!(build(&folder, "-DVALUE=5"), 5);
    for path in folder.results() {
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        std::fs::write(&path, bytes).unwrap();
    }
    assert_eq!(build(&folder, "-DVALUE=5"), 5);
    for path in folder.results() {
        std::fs::write(&path, b"").unwrap();
    }
    assert_eq!(build(&folder, "-DVALUE=5"), 5);
    assert_eq!(folder.results().len(), 4);
    for path in folder.results() {
        std::fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success());
    }
    assert_eq!(build(&folder, "-DVALUE=5"), 5);
}

#[test]
fn without_a_usable_folder_programs_are_built_all_the_same() {
    for cache in ["off", "/proc/isocl", "/dev/null/isocl", "relative", ""] {
        assert_eq!(
            result_of(start(Path::new(cache), "-DVALUE=6")),
            6,
            "{cache}"
        );
    }
}

#[test]
fn a_process_that_may_write_no_files_builds_all_the_same() {
    let folder = Folder::new();
    let mut command = Command::new("sh");
    let limited = "ulimit -f 0 && exec \"$0\" \"$@\"";
    command
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap());
    assert_eq!(
        result_of(start_with(command, &folder.cache(), "-DVALUE=4")),
        4
    );
    assert_eq!(folder.results().len(), 0);
    assert_eq!(build(&folder, "-DVALUE=4"), 4);
    assert_eq!(folder.results().len(), 4);
}

#[test]
fn processes_build_side_by_side() {
    let folder = Folder::new();
    for round in 0..2 {
        let children: Vec<_> = (0..8)
            .map(|child| {
                let value = child % 3;
                (value, start(&folder.cache(), &format!("-DVALUE={value}")))
            })
            .collect();
        for (value, child) in children {
            assert_eq!(result_of(child), value, "round {round}");
        }
        assert_eq!(folder.results().len(), 12);
    }
}
