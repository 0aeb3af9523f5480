//! `isocl-conformance`: checks what the OpenCL specification says about shared virtual memory
//! against any implementation, each statement in a process of its own.
//!
//! `--help` tells the arguments. With `--worker` the program is the child that runs checks.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use isocl_conformance::check::arguments::{Arguments, Command, Files, RunArguments};
use isocl_conformance::check::baseline::{changes, earlier};
use isocl_conformance::check::implementation::Implementation;
use isocl_conformance::check::progress::Progress;
use isocl_conformance::check::report::{Column, Report};
use isocl_conformance::check::runner::Runner;
use isocl_conformance::check::selection::select;
use isocl_conformance::check::{html, junit, table, worker, Check};
use isocl_conformance::checks::GROUPS;

fn main() -> ExitCode {
    if std::env::args()
        .nth(1)
        .is_some_and(|first| first == worker::ARGUMENT)
    {
        return exit(worker::serve().map(|()| true));
    }
    let arguments = Arguments::parse();
    exit(match arguments.command {
        None => run(&arguments.run),
        Some(Command::Run(arguments)) => run(&arguments),
        Some(Command::Report { files, files_out }) => merge(&files, &files_out),
    })
}

fn exit(result: Result<bool, String>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(reason) => {
            eprintln!("isocl-conformance: {reason}");
            ExitCode::from(2)
        }
    }
}

/// Whether all is well.
fn run(arguments: &RunArguments) -> Result<bool, String> {
    let checks = select(&arguments.filters, &arguments.group)?;
    if arguments.list {
        list(&checks);
        return Ok(true);
    }
    let read = |path: &Option<_>| path.as_deref().map(Report::read).transpose();
    // Before minutes of running.
    let (baseline, mut report) = (
        read(&arguments.baseline)?,
        read(&arguments.resume)?.unwrap_or_default(),
    );
    let kept = arguments
        .files
        .json
        .as_deref()
        .or(arguments.resume.as_deref());
    let implementations = arguments.implementations()?;
    let mut progress = Progress::new(checks.len() * implementations.len());
    for implementation in &implementations {
        let mut row_kept = |report: &Report| kept.map_or(Ok(()), |path| report.write(path));
        column(
            arguments,
            implementation,
            &checks,
            &mut report,
            &mut progress,
            &mut row_kept,
        )?;
    }
    progress.finish();
    for column in &report.columns {
        println!("{}", table::table(column));
    }
    write(&report, &arguments.files)?;
    let failed = report.columns.iter().any(|column| column.bad().count() > 0);
    match baseline {
        Some(baseline) => compare(&report, &baseline),
        None => Ok(!failed),
    }
}

/// Runs the checks that a report lacks of one implementation.
fn column(
    arguments: &RunArguments,
    implementation: &Implementation,
    checks: &[&'static Check],
    report: &mut Report,
    progress: &mut Progress,
    row_kept: &mut dyn FnMut(&Report) -> Result<(), String>,
) -> Result<(), String> {
    let name = &implementation.name;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut runner = Runner::new(&program, implementation, arguments.limit());
    let identity = runner
        .identify()
        .map_err(|reason| format!("{name}: {reason}"))?;
    if report.column(name).is_none() {
        report.columns.push(Column {
            name: name.clone(),
            identity: identity.clone(),
            date: chrono::Utc::now().date_naive().to_string(),
            rows: Vec::new(),
        });
    }
    let known = report.column(name).map(|column| &column.identity);
    if known != Some(&identity) {
        return Err(format!("{name} is not what it was when the run began"));
    }
    for check in checks {
        let done = report
            .column(name)
            .and_then(|column| column.row(check.name));
        if let Some(row) = done {
            progress.end(name, row);
            continue;
        }
        progress.begin(name, check.name);
        let row = runner
            .run(check)
            .map_err(|reason| format!("{name}: {reason}"))?;
        progress.end(name, &row);
        if let Some(column) = report
            .columns
            .iter_mut()
            .find(|column| column.name == *name)
        {
            column.rows.push(row);
        }
        row_kept(report)?;
    }
    Ok(())
}

fn list(checks: &[&Check]) {
    for group in GROUPS {
        let mut members = checks
            .iter()
            .filter(|check| check.group() == group.name)
            .peekable();
        if members.peek().is_some() {
            println!("{}: {}", group.name, group.about);
        }
        for check in members {
            println!(
                "  {} (§{})\n      {}",
                check.name, check.section, check.statement
            );
        }
    }
    println!("{} checks", checks.len());
}

fn merge(paths: &[impl AsRef<Path>], files: &Files) -> Result<bool, String> {
    let mut report = Report::default();
    for path in paths {
        report.merge(Report::read(path.as_ref())?);
    }
    for column in &report.columns {
        println!("{}", table::table(column));
    }
    write(&report, files)?;
    Ok(true)
}

fn write(report: &Report, files: &Files) -> Result<(), String> {
    let write = |path: &Path, text: String| {
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    if let Some(path) = &files.json {
        report.write(path)?;
    }
    if let Some(path) = &files.junit {
        write(path, junit::document(report)?)?;
    }
    if let Some(path) = &files.html {
        write(path, html::page(report))?;
    }
    Ok(())
}

/// Whether nothing fails that did not fail in the earlier run.
fn compare(report: &Report, baseline: &Report) -> Result<bool, String> {
    let mut good = true;
    for column in &report.columns {
        let Some(earlier) = earlier(baseline, report, column) else {
            return Err(format!("the baseline has no {}", column.name));
        };
        let changes = changes(earlier, column);
        println!(
            "{} since {}: {} newly failing, {} newly passing",
            column.name,
            earlier.date,
            changes.newly_failing.len(),
            changes.newly_passing.len()
        );
        for name in &changes.newly_failing {
            println!("  newly failing: {name}");
        }
        for name in &changes.newly_passing {
            println!("  newly passing: {name}");
        }
        good &= changes.newly_failing.is_empty();
    }
    Ok(good)
}
