//! `isocl-conformance cts`, on small programs that list and print what those of the Khronos tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use isocl_conformance::khronos::record::{Record, Status};
use isocl_conformance::temporary_folder::TemporaryFolder;

/// A folder with suites, which goes with the test.
struct Build(TemporaryFolder);

/// What every suite begins with: listing, and running each of the tests that it is asked for.
const HARNESS: &str = r#"#!/bin/sh
[ "$1" = -list ] && { for name in $TESTS; do printf '\t%s\n' $name; done; exit 0; }
chosen=
for name in $TESTS; do
    for pattern in "${@:-*}"; do case $name in $pattern) chosen="$chosen $name";; esac; done
done
echo "Compute Device Name = a shell"
lines=
bad=0
for name in ${chosen:-$TESTS}; do
    echo "$name..."
    echo $name >> "$0.ran"
    run $name
    case $? in
    0) echo "$name passed"; result=pass;;
    1) echo "$name FAILED" >&2; result=fail; bad=1;;
    2) echo "$name test not supported"; result=skip;;
    esac
    lines="$lines${lines:+,} \"$name\": \"$result\""
done
last
printf '{ "cmd": "x", "args": "", "results": {%s } }' "$lines" > $CL_CONFORMANCE_RESULTS_FILENAME
exit $bad
"#;

impl Build {
    fn new() -> Self {
        Self(TemporaryFolder::new().unwrap())
    }

    /// A suite with these tests; `lines` define the function `run` of a test's name, and `last`.
    fn suite(&self, name: &str, tests: &str, lines: &str) {
        let folder = self.0.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let program = folder.join("test_it");
        let (first, rest) = HARNESS.split_once('\n').unwrap();
        let text = format!("{first}\nTESTS='{tests}'\nlast() {{ :; }}\n{lines}\n{rest}");
        std::fs::write(&program, text).unwrap();
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, all).unwrap();
    }

    /// The tests that a suite has run, one after the other.
    fn ran(&self, suite: &str) -> String {
        let path = self.0.path().join(suite).join("test_it.ran");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Exit status, and what is printed.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_isocl-conformance"))
            .arg("cts")
            .arg(self.0.path())
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), text + &errors)
    }
}

/// Results of a suite as words.
fn results(path: &str, suite: &str) -> Vec<(String, Status)> {
    let record = Record::read(path.as_ref()).unwrap();
    let results = record.suites[suite].results.clone();
    results.into_iter().collect()
}

fn named(results: &[(&str, Status)]) -> Vec<(String, Status)> {
    let results = results.iter();
    results
        .map(|(name, status)| ((*name).to_owned(), *status))
        .collect()
}

#[test]
fn every_end_of_a_test_is_told_apart_and_the_others_run() {
    let build = Build::new();
    let lines = "run() { case $1 in bad) return 1;; lacks) return 2;; dies) kill -SEGV $$;; \
                 hangs) exec sleep 60;; leaves) exit 1;; esac; }";
    build.suite("mixed", "good bad dies lacks hangs leaves other", lines);
    let (json, logs) = (build.0.file("a.json"), build.0.file("logs"));
    let arguments = ["--suites", "mixed", "--time-limit", "1"];
    let more = ["--json", &json, "--logs", &logs, "--expect", "none"];
    let (code, text) = build.run(&[arguments, [more[0], more[1], more[2], more[3]]].concat());
    assert_eq!(code, Some(1), "{text}");
    let expected = named(&[
        ("bad", Status::Fail),
        ("dies", Status::Crash),
        ("good", Status::Pass),
        ("hangs", Status::Hang),
        ("lacks", Status::Skip),
        ("leaves", Status::Crash),
        ("other", Status::Pass),
    ]);
    assert_eq!(results(&json, "mixed"), expected, "{text}");
    assert_eq!(build.ran("mixed"), "good bad dies lacks hangs leaves other");
    for word in ["bad", "dies", "hangs", "leaves"] {
        let line = format!("unexpected failure: {word}");
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
    let log = std::fs::read_to_string(build.0.path().join("logs/mixed.log")).unwrap();
    assert!(log.contains("Compute Device Name") && log.contains("bad FAILED"));
    // The same again is what is expected then.
    let (code, text) = build.run(&[&arguments[..], &["--expect", &json]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("unexpected"), "{text}");
}

#[test]
fn a_test_ends_with_the_program_that_runs_it() {
    let build = Build::new();
    build.suite(
        "long",
        "hangs",
        "run() { echo $$ > $0.pid; exec sleep 60; }",
    );
    let mut program = Command::new(env!("CARGO_BIN_EXE_isocl-conformance"))
        .args(["cts", &build.0.file(""), "--suites", "long"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let until = |what: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !what() {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let pid = || {
        let text = std::fs::read_to_string(build.0.file("long/test_it.pid")).unwrap_or_default();
        text.strip_suffix('\n').map(str::to_owned)
    };
    until(&|| pid().is_some());
    program.kill().unwrap();
    program.wait().unwrap();
    let process = format!("/proc/{}/comm", pid().unwrap());
    until(&|| !std::fs::read_to_string(&process).is_ok_and(|name| name.trim() == "sleep"));
}

#[test]
fn what_differs_from_the_record_is_told() {
    let build = Build::new();
    build.suite("one", "a b c d", "run() { [ $1 = a ]; }");
    let (json, other) = (build.0.file("a.json"), build.0.file("b.json"));
    let (code, text) = build.run(&["--suites", "one", "--json", &json]);
    assert_eq!(code, Some(1), "nothing is known of it: {text}");
    // Now `a` fails and `b` passes, `c` lacks something, `d` is gone and `e` is new.
    let lines = "run() { case $1 in a) return 1;; c) return 2;; esac; }";
    build.suite("one", "a b c e", lines);
    let arguments = ["--suites", "one", "--expect", &json, "--json", &other];
    let (code, text) = build.run(&arguments);
    assert_eq!(code, Some(1), "{text}");
    for line in [
        "unexpected failure: a fail",
        "unexpected pass: b",
        "vanished: d",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert_eq!(text.matches("unexpected").count(), 2, "{text}");
    // Passes alone speak against nobody.
    build.suite("one", "a b c d", "run() { :; }");
    let (code, text) = build.run(&["--suites", "one", "--expect", &json]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("unexpected pass: d"), "{text}");
    // What passed and is skipped is lost.
    build.suite("one", "a b c d", "run() { [ $1 != a ] || return 2; }");
    let (code, text) = build.run(&["--suites", "one", "--expect", &json]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("unexpected skip: a"), "{text}");
}

#[test]
fn a_run_goes_on_where_it_stopped() {
    let build = Build::new();
    build.suite("one", "a b c", "run() { :; }");
    let json = build.0.file("a.json");
    let (code, text) = build.run(&["--suites", "one", "--json", &json]);
    assert_eq!(code, Some(0), "{text}");
    let mut record = Record::read(json.as_ref()).unwrap();
    let results = &mut record.suites.get_mut("one").unwrap().results;
    results.remove("b");
    results.insert("c".into(), Status::Hang);
    record.write(json.as_ref()).unwrap();
    let (code, text) = build.run(&["--suites", "one", "--resume", &json]);
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(build.ran("one"), "a b c b");
    record.device = "another".into();
    record.write(json.as_ref()).unwrap();
    let (code, text) = build.run(&["--suites", "one", "--resume", &json]);
    assert_eq!(code, Some(2), "{text}");
}

#[test]
fn what_cannot_run_is_no_success() {
    let build = Build::new();
    build.suite("listless", "", "run() { :; }");
    build.suite(
        "ends-badly",
        "a b",
        "run() { :; }\nlast() { kill -SEGV $$; }",
    );
    build.suite(
        "begins-badly",
        "a b",
        "run() { :; }\n[ \"$1\" = -list ] || kill -SEGV $$",
    );
    build.suite(
        "forgets",
        "a b",
        "run() { :; }\n[ \"$1\" = -list ] || TESTS=a",
    );
    for (suite, word) in [
        ("listless", "no tests"),
        ("nowhere", "nowhere"),
        ("ends-badly", "signal: 11"),
        ("begins-badly", "unexpected failure: a crash"),
        ("forgets", "unexpected failure: b vanished"),
    ] {
        let (code, text) = build.run(&["--suites", suite]);
        assert_eq!(code, Some(1), "{suite}: {text}");
        assert!(text.contains(word), "{suite}: {text}");
    }
    let (code, text) = build.run(&["--suites", "forgets", "--implementation", "/nowhere"]);
    assert_eq!(code, Some(2), "{text}");
}
