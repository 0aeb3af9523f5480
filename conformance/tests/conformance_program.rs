//! `isocl-conformance` as its users run it, on isocl.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isocl_conformance::check::outcome::Kind;
use isocl_conformance::check::report::{Column, Report, Row};
use isocl_conformance::check::{Need, Outcome};
use isocl_conformance::checks::GROUPS;
use isocl_conformance::temporary_folder::TemporaryFolder;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isocl-conformance"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn isocl_passes_every_check() {
    let folder = TemporaryFolder::new().unwrap();
    let (json, junit, html) = (
        folder.file("a.json"),
        folder.file("a.xml"),
        folder.file("a.html"),
    );
    let output = run(&["--json", &json, "--junit", &junit, "--html", &html]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let column = column_with_every_check(&json);
    let page = std::fs::read_to_string(&html).unwrap();
    let document = std::fs::read_to_string(&junit).unwrap();
    for row in &column.rows {
        assert!(page.contains(&format!("{} · §", row.name)), "{}", row.name);
        let case = format!("name=\"{}\"", row.name);
        assert!(document.contains(&case), "{}", row.name);
    }
    let system = Need::FineGrainSystem.words();
    assert!(column.identity.svm.iter().any(|offered| offered == system));
}

#[test]
fn isocl_passes_every_check_with_narrow_addresses() {
    let folder = TemporaryFolder::new().unwrap();
    let json = folder.file("a.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_isocl-conformance"));
    command.env("ISOCL_ADDRESS_BITS", "40");
    let output = command.args(["--json", &json]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let column = column_with_every_check(&json);
    // Such a device does not reach the whole process.
    let system = Need::FineGrainSystem.words();
    assert!(column.identity.svm.iter().all(|offered| offered != system));
}

/// The only column of a report, which has a row for every check.
fn column_with_every_check(json: &str) -> Column {
    let mut report = Report::read(Path::new(json)).unwrap();
    assert_eq!(report.columns.len(), 1);
    let column = report.columns.remove(0);
    let checks = || GROUPS.iter().flat_map(|group| group.checks);
    assert_eq!(column.rows.len(), checks().count());
    for check in checks() {
        assert!(column.row(check.name).is_some(), "{}", check.name);
    }
    // What is not applicable here needs a device of another kind, or an extension: that is not much.
    let missing = |row: &&Row| {
        row.outcome.kind() == Kind::NotApplicable && !row.name.starts_with("unified-svm")
    };
    let missing = column.rows.iter().filter(missing).count();
    assert!(missing * 20 < column.rows.len(), "{missing}");
    column
}

/// The library of isocl itself, which exports no function of OpenCL but those that loaders call.
fn driver() -> String {
    let vendors = std::env::var("OCL_ICD_VENDORS").expect("run the tests with `make test`");
    let vendors = PathBuf::from(vendors);
    let files = vendors.read_dir().into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.push(vendors);
    let icd = files.iter().find(|path| path.is_file()).unwrap();
    std::fs::read_to_string(icd).unwrap().trim().to_owned()
}

#[test]
fn a_driver_is_checked_without_a_loader() {
    let folder = TemporaryFolder::new().unwrap();
    let (json, named) = (folder.file("a.json"), format!("itself={}", driver()));
    let output = run(&[
        "--implementation",
        &named,
        "--group",
        "capabilities",
        "--json",
        &json,
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = Report::read(Path::new(&json)).unwrap();
    let column = report.column("itself").unwrap();
    assert_eq!(column.identity.platform, "isocl");
    assert!(column
        .counts(None)
        .get(&Kind::Pass)
        .is_some_and(|passed| *passed > 3));
}

#[test]
fn a_peer_that_cannot_be_run_is_left_out() {
    let folder = TemporaryFolder::new().unwrap();
    std::fs::write(folder.path().join("peer.so"), "no library").unwrap();
    let peer = folder.file("peer.so");
    let output = run(&["allocation/size-zero", "--peer", &peer]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).contains("left out: peer: "),
        "{}",
        text(&output)
    );
}

#[test]
fn what_cannot_be_run_is_told() {
    for (arguments, word) in [
        (
            &["--implementation", "/nowhere/lib.so"][..],
            "/nowhere/lib.so",
        ),
        (&["--group", "nothing"], "capabilities"),
        (&["nothing-like-it"], "--list"),
        (&["--device", "no such device"], "CL_DEVICE_NOT_FOUND"),
        (
            &["--loader", "/nowhere/libOpenCL.so"],
            "/nowhere/libOpenCL.so",
        ),
        (&["--baseline", "/nowhere/a.json"], "/nowhere/a.json"),
    ] {
        let output = run(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            text(&output)
        );
        assert!(
            text(&output).contains(word),
            "{arguments:?}: {}",
            text(&output)
        );
    }
}

#[test]
fn the_list_shows_what_every_check_states() {
    let output = run(&["--list", "--group", "allocation"]);
    assert_eq!(output.status.code(), Some(0));
    let text = text(&output);
    for check in GROUPS.iter().flat_map(|group| group.checks) {
        let shown = text.contains(check.name) && text.contains(check.statement);
        assert_eq!(shown, check.group() == "allocation", "{}", check.name);
    }
}

#[test]
fn a_run_goes_on_where_it_stopped() {
    let folder = TemporaryFolder::new().unwrap();
    let json = folder.file("a.json");
    let output = run(&["allocation/size", "--json", &json]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let mut report = Report::read(Path::new(&json)).unwrap();
    let rows = &mut report.columns[0].rows;
    let all: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    assert!(all.len() > 3);
    rows.truncate(2);
    rows[0].milliseconds = 424_242;
    report.write(Path::new(&json)).unwrap();
    let output = run(&["allocation/size", "--resume", &json]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = Report::read(Path::new(&json)).unwrap();
    let rows = &report.columns[0].rows;
    assert_eq!(
        rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>(),
        all
    );
    assert_eq!(rows[0].milliseconds, 424_242, "it ran again");
}

#[test]
fn only_what_is_new_counts_against_a_baseline() {
    let folder = TemporaryFolder::new().unwrap();
    let (json, merged) = (folder.file("a.json"), folder.file("b.json"));
    let output = run(&[
        "allocation/size-zero",
        "allocation/size-of",
        "--json",
        &json,
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let mut report = Report::read(Path::new(&json)).unwrap();
    report.columns[0].rows[0].outcome = Outcome::fail("this", "that");
    report.write(Path::new(&json)).unwrap();
    let output = run(&["allocation/size-zero", "--baseline", &json]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).contains("newly passing: allocation/size-zero"),
        "{}",
        text(&output)
    );
    // What failed before and is taken over from there fails still, and is nothing new.
    let resumed = ["allocation/size-zero", "--resume", &json];
    let output = run(&resumed);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let output = run(&[&resumed[..], &["--baseline", &json]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = run(&["report", &json, "--json", &merged]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(Report::read(Path::new(&merged)).unwrap(), report);
}

#[test]
fn recorded_runs_stand_on_the_page_beside_what_ran() {
    let folder = TemporaryFolder::new().unwrap();
    let (json, html) = (folder.file("a.json"), folder.file("a.html"));
    // By the name of a recorded run, whose place it takes.
    let named = format!("pocl={}", driver());
    let output = run(&[
        "--implementation",
        &named,
        "--group",
        "capabilities",
        "--json",
        &json,
        "--html",
        &html,
        "--recorded",
        "--record",
        &folder.path().display().to_string(),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("<h2>pocl</h2><p>isocl CPU"));
    assert!(page.contains("<h2>intel</h2>") && page.contains("not run here: recorded on"));
    assert_eq!(page.matches("<h2>pocl</h2>").count(), 1);
    let report = Report::read(Path::new(&json)).unwrap();
    assert_eq!(report.columns.len(), 1, "what is recorded did not run");
    let recorded = std::fs::read_to_string(folder.file("pocl.json")).unwrap();
    for row in &report.columns[0].rows {
        let name = format!("{{\"name\":\"{}\",\"outcome\":", row.name);
        assert_eq!(recorded.matches(&name).count(), 1, "{recorded}");
    }
    assert!(recorded.contains(&report.columns[0].machine), "{recorded}");
}
