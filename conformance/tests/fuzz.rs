//! Random sequences: isocl does what the model says, and an implementation that does not is found,
//! with a short program in C that shows it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isocl_conformance::temporary_folder::TemporaryFolder;

fn fuzz(arguments: &[&str], rule: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isocl-fuzz"))
        .args(arguments)
        .env("ISOCL_BROKEN_RULE", rule)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Compiles a program.
fn compiled(source: &str) -> String {
    let program = source.trim_end_matches(".c").to_owned();
    let output = Command::new("gcc")
        .args([
            "-Wall", "-Wextra", "-Werror", "-pthread", source, "-o", &program,
        ])
        .arg("-lOpenCL")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    program
}

/// The library that breaks rules.
fn broken() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_isocl-fuzz"));
    let name = "examples/libbroken_implementation.so";
    let library = program.with_file_name(name);
    assert!(library.exists(), "cargo builds {name} when it tests all");
    library
}

#[test]
fn isocl_does_what_the_model_says() {
    let output = fuzz(&["--count", "120"], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).starts_with("120 sequences, 0 findings"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_sequence_as_a_program_does_what_it_does() {
    let folder = TemporaryFolder::new().unwrap();
    // One thread, and two of them.
    let mut threads = String::new();
    for seed in ["3", "5", "8"] {
        let output = fuzz(&["--show", "--seed", seed, "--count", "1"], "");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let source = folder.file(&format!("{seed}.c"));
        std::fs::write(&source, &output.stdout).unwrap();
        threads += &text(&output);
        let output = Command::new(compiled(&source)).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "seed {seed}: {}",
            text(&output)
        );
    }
    assert!(
        threads.contains("thread1("),
        "none of these seeds has two threads"
    );
}

/// What a broken rule is found as, and how few calls show it.
#[test]
fn a_broken_rule_is_found_cut_down_and_reproduced() {
    let library = broken();
    let named = format!("broken={}", library.display());
    // The calls that fail at once would be found first.
    let copies = ["--without", "CopyOverlap", "--without", "CopyNull"];
    for (rule, what, calls, more) in [
        // A code.
        ("count-zero", "FreeCountZero", 2, &[][..]),
        // Bytes that are not copied, which shows when somebody looks.
        ("commands-after-lost", "contents", 10, &copies),
        // What shows in the end only.
        ("event-never-complete", "status of an event", 3, &[]),
    ] {
        let folder = TemporaryFolder::new().unwrap();
        let out = folder.file("out");
        let arguments = ["--findings", "1", "--threads", "1", "--out", &out];
        let output = fuzz(
            &[&arguments[..], &["--implementation", &named], more].concat(),
            rule,
        );
        assert_eq!(output.status.code(), Some(1), "{rule}: {}", text(&output));
        assert!(text(&output).contains(what), "{rule}: {}", text(&output));
        let files = std::fs::read_dir(&out).unwrap().flatten();
        let mut files = files.map(|entry| entry.path().to_str().unwrap().to_owned());
        let source = files.find(|path| path.ends_with(".c")).unwrap();
        let program = std::fs::read_to_string(&source).unwrap();
        let body = program.split("thread0(").nth(1).unwrap();
        let body = body.split("The end:").next().unwrap();
        let count = body.matches("OK(cl").count() + body.matches("clSVM").count();
        assert!(count <= calls, "{rule}: {count} calls\n{program}");
        let program = compiled(&source);
        let run = |rule: &str| {
            let mut command = Command::new(&program);
            command
                .env("LD_PRELOAD", &library)
                .env("ISOCL_BROKEN_RULE", rule);
            command.output().unwrap()
        };
        let output = run(rule);
        assert!(!output.status.success(), "{rule}: {}", text(&output));
        let output = run("");
        assert!(output.status.success(), "{rule}: {}", text(&output));
    }
}

#[test]
fn what_cannot_run_is_told() {
    for arguments in [
        &["--implementation", "/nowhere"][..],
        &["--threads", "0"],
        &["--frobnicate"],
    ] {
        let output = fuzz(arguments, "");
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            text(&output)
        );
    }
}
