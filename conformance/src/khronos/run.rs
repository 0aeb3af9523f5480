//! A run: suite by suite, each test once, with a new process behind every one that did not live to
//! the end.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::arguments::KhronosArguments;
use super::harness::{matches, Ended, Event, Program};
use super::record::{changes, repository, Change, Record, Status, SuiteRecord};
use super::suite::{select, Suite};
use crate::check::progress::Progress;
use crate::check::runner::Runner;

/// Runs the tests. Whether everything is as expected.
///
/// # Errors
/// When there is no implementation, or a file cannot be read or written.
pub fn run(arguments: &KhronosArguments) -> Result<bool, String> {
    let expected = arguments.expected()?;
    let suites = select(&arguments.suites);
    let folder = &arguments.folder;
    let folder = folder
        .canonicalize()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let implementation = arguments.implementation()?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut runner = Runner::new(&program, implementation.environment(), arguments.limit());
    let identity = runner.identify()?;
    let fresh = Record {
        conformance_tests: repository(),
        commit: arguments.commit.clone(),
        implementation: format!("{} {}", identity.platform, identity.driver_version),
        device: identity.device,
        date: chrono::Utc::now().date_naive().to_string(),
        suites: std::collections::BTreeMap::new(),
    };
    let record = match &arguments.resume {
        Some(path) => {
            let earlier = Record::read(path)?;
            let same = |one: &Record| (one.implementation.clone(), one.device.clone());
            if same(&earlier) != same(&fresh) {
                return Err(format!(
                    "{}: it is of {}, not of {}",
                    path.display(),
                    earlier.implementation,
                    fresh.implementation
                ));
            }
            earlier
        }
        None => fresh,
    };
    let environment = arguments.environment(&implementation);
    let mut work = Vec::new();
    for suite in &suites {
        let path = suite.program(&folder);
        let tests = path.and_then(|path| {
            let program = Program {
                path: &path,
                environment: &environment,
                limit: arguments.limit(),
            };
            let tests = program.list(&words(suite))?;
            Ok((path, tests))
        });
        work.push((suite, tests));
    }
    let total = work
        .iter()
        .map(|(_, tests)| tests.as_ref().map_or(0, |(_, tests)| tests.len()));
    let mut run = Run {
        progress: Progress::new(total.sum()),
        kept: arguments.json.as_deref().or(arguments.resume.as_deref()),
        logs: arguments.logs.as_deref(),
        record,
    };
    for (suite, tests) in work {
        let record = run.record.suites.entry(suite.name.to_owned()).or_default();
        if record.arguments != suite.arguments {
            *record = SuiteRecord {
                arguments: suite.arguments.to_owned(),
                ..SuiteRecord::default()
            };
        }
        match tests {
            Ok((path, tests)) => {
                let program = Program {
                    path: &path,
                    environment: &environment,
                    limit: arguments.limit(),
                };
                run.suite(suite, &program, &tests)?;
            }
            Err(reason) => record.trouble = Some(reason),
        }
        run.keep()?;
    }
    run.progress.finish();
    Ok(report(&run.record, &expected, &suites))
}

fn words<'a>(suite: &Suite<'a>) -> Vec<&'a str> {
    suite.arguments.split_whitespace().collect()
}

/// A run in progress.
struct Run<'a> {
    progress: Progress,
    /// Where results are kept while tests run.
    kept: Option<&'a Path>,
    logs: Option<&'a Path>,
    record: Record,
}

impl Run<'_> {
    fn keep(&self) -> Result<(), String> {
        self.kept.map_or(Ok(()), |path| self.record.write(path))
    }

    /// Runs what has no result yet.
    fn suite(
        &mut self,
        suite: &Suite<'_>,
        program: &Program<'_>,
        tests: &[String],
    ) -> Result<(), String> {
        let mut log = self.log(suite.name)?;
        let arguments = words(suite);
        let options = arguments.iter().copied();
        let options = options.filter(|word| !tests.iter().any(|test| matches(word, test)));
        let options: Vec<&str> = options.collect();
        let record = self.record(suite.name);
        record.trouble = None;
        let known = record.results.clone();
        for (test, status) in &known {
            self.progress.ended(suite.name, test, status.kind());
        }
        loop {
            let results = &self.record(suite.name).results;
            let tests = tests.iter().map(String::as_str);
            let missing: BTreeSet<&str> =
                tests.filter(|test| !results.contains_key(*test)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            let named: Vec<&str> = options.iter().chain(&missing).copied().collect();
            // The arguments as they are, unless some of what they choose has run.
            let arguments = if results.is_empty() {
                &arguments
            } else {
                &named
            };
            let ended = program.run(arguments, &missing, &mut *log, &mut |event| match event {
                Event::Begin(test) => self.progress.begin(suite.name, test),
                Event::End(test, status) => {
                    self.result(suite.name, test, status);
                    // The next one that cannot be written ends the run.
                    let _ = self.keep();
                }
            })?;
            for (test, status) in &ended.results {
                self.result(suite.name, test, *status);
            }
            if let Some(status) = of_the_rest(&ended) {
                for test in missing
                    .iter()
                    .filter(|test| !ended.results.contains_key(**test))
                {
                    self.result(suite.name, test, status);
                }
            }
            if ended.trouble.is_some() {
                self.record(suite.name).trouble = ended.trouble;
            }
            self.keep()?;
        }
    }

    fn record(&mut self, suite: &str) -> &mut SuiteRecord {
        self.record.suites.entry(suite.to_owned()).or_default()
    }

    /// A test came to this.
    fn result(&mut self, suite: &str, test: &str, status: Status) {
        let results = &mut self.record(suite).results;
        if results.insert(test.to_owned(), status).is_none() {
            self.progress.ended(suite, test, status.kind());
        }
    }

    /// Where what a suite prints goes.
    fn log(&self, suite: &str) -> Result<Box<dyn Write>, String> {
        let Some(folder) = self.logs else {
            return Ok(Box::new(std::io::sink()));
        };
        let path: PathBuf = folder.join(format!("{}.log", suite.replace('/', "-")));
        let file = std::fs::create_dir_all(folder).and_then(|()| {
            let mut options = File::options();
            options.create(true).append(true).open(&path)
        });
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Box::new(file))
    }
}

/// What the tests that a process did not run came to, if there is no use in another process.
fn of_the_rest(ended: &Ended) -> Option<Status> {
    let died = |status: &Status| matches!(status, Status::Crash | Status::Hang);
    if ended.trouble.is_none() && !ended.results.values().any(died) {
        return Some(Status::Vanished);
    }
    ended.results.is_empty().then_some(Status::Crash)
}

/// Prints what came of the suites that ran, and how it differs from what was expected. Whether
/// nothing does that speaks against the implementation.
fn report(record: &Record, expected: &Record, suites: &[Suite<'_>]) -> bool {
    let mut good = true;
    println!("{} on {}", record.implementation, record.device);
    let ran = suites
        .iter()
        .filter_map(|suite| Some((suite.name, record.suites.get(suite.name)?)));
    for (name, seen) in ran {
        print!("  {name:24}");
        for status in Status::ALL {
            match seen.count(status) {
                0 => {}
                count => print!(" {count} {}", status.kind().word()),
            }
        }
        println!();
        let before = expected.suites.get(name);
        if let Some(trouble) = &seen.trouble {
            println!("    {trouble}");
            good &= before.is_some_and(|before| before.trouble.is_some());
        }
        let changes = changes(seen, before);
        for kind in Change::ALL {
            let of_kind = changes.iter().filter(|(change, _)| *change == kind);
            for (_, test) in of_kind {
                let status = seen.results.get(test).map(|status| status.kind().word());
                let status = status.filter(|word| *word != "pass");
                println!("    {}: {test} {}", kind.word(), status.unwrap_or_default());
                good &= !kind.is_bad();
            }
        }
    }
    good
}
