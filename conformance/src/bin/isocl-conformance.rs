//! `isocl-conformance`: checks what the OpenCL specification says about shared virtual memory
//! against any implementation, in child processes.
//!
//! `--help` tells the arguments. With `--worker` the program is the child that runs checks, and with `--scene` one that such a child starts.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use isocl_conformance::check::arguments::{Arguments, Command, Files, RunArguments};
use isocl_conformance::check::baseline::{changes, earlier};
use isocl_conformance::check::implementation::Implementation;
use isocl_conformance::check::progress::Progress;
use isocl_conformance::check::report::{Column, Report};
use isocl_conformance::check::runner::Runner;
use isocl_conformance::check::selection::select;
use isocl_conformance::check::{html, junit, machine, recorded, table, worker, Check};
use isocl_conformance::checks::{fork_and_exit, GROUPS};
use isocl_conformance::khronos;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some(worker::ARGUMENT), None) => return exit(worker::serve().map(|()| true)),
        (Some(fork_and_exit::ARGUMENT), Some(scene)) => fork_and_exit::play(&scene),
        _ => {}
    }
    let arguments = Arguments::parse();
    exit(match arguments.command {
        None => run(&arguments.run),
        Some(Command::Run(arguments)) => run(&arguments),
        Some(Command::Report { files, files_out }) => merge(&files, &files_out),
        Some(Command::Cts(arguments)) => khronos::run::run(&arguments),
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
    let baseline = read(&arguments.baseline)?;
    let report = read(&arguments.resume)?.unwrap_or_default();
    let (judged, peers) = arguments.implementations()?;
    let names: Vec<&str> = judged.iter().map(|judged| judged.name.as_str()).collect();
    let json = arguments.files.json.as_deref();
    let mut run = Run {
        limit: arguments.limit(),
        progress: Progress::new(checks.len() * (judged.len() + peers.len())),
        kept: json.or(arguments.resume.as_deref()),
        checks,
        report,
    };
    for implementation in &judged {
        run.column(implementation)?;
    }
    for peer in &peers {
        // Nothing hangs on a peer.
        if let Err(reason) = run.column(peer) {
            run.progress.say(&format!("left out: {reason}"));
        }
    }
    run.progress.finish();
    let report = run.report;
    for column in &report.columns {
        println!("{}", table::table(column));
    }
    write(&report, &arguments.files)?;
    let columns = || report.columns.iter();
    let judged = || columns().filter(|column| names.contains(&column.name.as_str()));
    match baseline {
        Some(baseline) => compare(judged(), &baseline),
        None => Ok(judged().all(|column| column.bad().count() == 0)),
    }
}

/// A run in progress.
struct Run<'a> {
    checks: Vec<&'static Check>,
    limit: Duration,
    progress: Progress,
    /// Where the report is kept while checks run.
    kept: Option<&'a Path>,
    report: Report,
}

impl Run<'_> {
    /// Runs the checks that the report lacks of one implementation.
    fn column(&mut self, implementation: &Implementation) -> Result<(), String> {
        let name = &implementation.name;
        let told = |reason: String| format!("{name}: {reason}");
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut runner = Runner::new(&program, implementation.environment(), self.limit);
        let identity = runner.identify().map_err(told)?;
        let columns = &mut self.report.columns;
        let known = columns.iter().position(|column| column.name == *name);
        let place = known.unwrap_or_else(|| {
            columns.push(Column {
                name: name.clone(),
                identity: identity.clone(),
                date: chrono::Utc::now().date_naive().to_string(),
                machine: machine::in_words(),
                recorded: false,
                rows: Vec::new(),
            });
            columns.len() - 1
        });
        if columns[place].identity != identity {
            return Err(told("it is not what it was when the run began".into()));
        }
        for check in &self.checks {
            if let Some(row) = self.report.columns[place].row(check.name) {
                self.progress.end(name, row);
                continue;
            }
            self.progress.begin(name, check.name);
            let row = runner.run(check).map_err(told)?;
            self.progress.end(name, &row);
            self.report.columns[place].rows.push(row);
            self.kept.map_or(Ok(()), |path| self.report.write(path))?;
        }
        Ok(())
    }
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
    if let Some(folder) = &files.record {
        recorded::write(report, folder)?;
    }
    if let Some(path) = &files.html {
        let mut shown = report.clone();
        if files.recorded {
            recorded::add_to(&mut shown)?;
        }
        write(path, html::page(&shown))?;
    }
    Ok(())
}

/// Whether nothing fails that did not fail in the earlier run.
fn compare<'a>(
    columns: impl Iterator<Item = &'a Column>,
    baseline: &Report,
) -> Result<bool, String> {
    let columns: Vec<&Column> = columns.collect();
    let mut good = true;
    for column in &columns {
        let Some(earlier) = earlier(baseline, column, columns.len() == 1) else {
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
