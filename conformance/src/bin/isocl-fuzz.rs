//! `isocl-fuzz`: random sequences of calls on shared virtual memory, queues and events, checked
//! against a model of the specification. What goes wrong is cut down and printed as a program in C.
//!
//! `--help` tells the arguments. With `--worker` the program is the child that runs sequences.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use isocl_conformance::check::implementation::Implementation;
use isocl_conformance::fuzz::execute;
use isocl_conformance::fuzz::generate::generate;
use isocl_conformance::fuzz::limits::Limits;
use isocl_conformance::fuzz::program::program;
use isocl_conformance::fuzz::search::{Finding, Searcher, ARGUMENT};
use isocl_conformance::fuzz::shrink::shrink;
use isocl_conformance::fuzz::step::{Case, Step};

/// Time for cutting a finding down.
const SHRINKING: Duration = Duration::from_secs(120);

/// Runs random sequences of calls on shared virtual memory, queues and events, and compares what they
/// do with what the specification says. What goes wrong is cut down and printed as a program in C.
/// Exit status: 0 when nothing was found, 1 when something was, 2 when nothing could run.
#[derive(Debug, Parser)]
#[command(name = "isocl-fuzz", version)]
struct Arguments {
    /// The first seed.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many sequences to run; by default 1000, or as many as fit into --minutes.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// Stop after so long.
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<f64>,
    /// Most threads that a sequence has.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    threads: u8,
    /// Most calls that a thread of a sequence is asked for; what makes them possible comes to them.
    #[arg(long, value_name = "NUMBER", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    steps: u16,
    /// Seconds that a sequence may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    time_limit: u64,
    /// The implementation: a folder of .icd files, an .icd file, or a library; by default, what is
    /// installed.
    #[arg(long, value_name = "[NAME=]PATH")]
    implementation: Option<String>,
    /// Leave out the bad calls of this name, of which a defect is known. May be given several times.
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    /// Stop after so many findings.
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    findings: usize,
    /// Write each finding to seed-N.c (the program) and seed-N.txt (what was found) there.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print the program of each sequence instead of running it.
    #[arg(long)]
    show: bool,
}

fn main() -> ExitCode {
    let result = if std::env::args()
        .nth(1)
        .is_some_and(|first| first == ARGUMENT)
    {
        execute::serve().map(|()| 0)
    } else {
        search(&Arguments::parse())
    };
    match result {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("isocl-fuzz: {reason}");
            ExitCode::from(2)
        }
    }
}

/// Number of findings.
fn search(arguments: &Arguments) -> Result<usize, String> {
    let implementation = match &arguments.implementation {
        Some(text) => Implementation::parse(text)?,
        None => Implementation::installed(),
    };
    let worker = std::env::current_exe().map_err(|error| error.to_string())?;
    let limit = Duration::from_secs(arguments.time_limit);
    let mut searcher = Searcher::new(&worker, implementation.environment(), limit);
    let limits = Limits {
        threads: arguments.threads.into(),
        steps: arguments.steps.into(),
        device: searcher.device_limits()?,
    };
    let begin = Instant::now();
    let most = arguments.count.unwrap_or(match arguments.minutes {
        Some(_) => u64::MAX,
        None => 1000,
    });
    let (mut sequences, mut findings) = (0, 0);
    for seed in arguments.seed..arguments.seed.saturating_add(most) {
        let spent = begin.elapsed().as_secs_f64() / 60.0;
        let late = arguments.minutes.is_some_and(|minutes| spent >= minutes);
        if late || findings >= arguments.findings {
            break;
        }
        let mut case = generate(seed, &limits);
        for thread in &mut case.threads {
            thread.retain(|step| !known(step, &arguments.without));
        }
        if arguments.show {
            println!("{}", program(&case));
            continue;
        }
        progress(&format!(
            "seed {seed}: {sequences} sequences, {findings} findings"
        ));
        sequences += 1;
        if let Some(found) = searcher.run(&case)? {
            findings += 1;
            progress(&format!("seed {seed}: cutting it down"));
            report(&mut searcher, &case, &found, arguments)?;
            searcher.set_limit(limit);
        }
    }
    progress("");
    if !arguments.show {
        let seconds = begin.elapsed().as_secs();
        println!("{sequences} sequences, {findings} findings, {seconds} s");
    }
    Ok(findings)
}

/// Whether a step is a bad call of which a defect is known.
fn known(step: &Step, without: &[String]) -> bool {
    matches!(step, Step::Bad(bad) if without.contains(&format!("{bad:?}")))
}

/// Cuts a sequence down and tells of it.
fn report(
    searcher: &mut Searcher,
    case: &Case,
    found: &Finding,
    arguments: &Arguments,
) -> Result<(), String> {
    // Small sequences take no time, and each hang takes all of it.
    searcher.set_limit(Duration::from_secs(arguments.time_limit.min(10)));
    let end = Instant::now() + SHRINKING;
    let mut last = None;
    let mut again = |candidate: &Case| {
        if Instant::now() >= end {
            return false;
        }
        match searcher.run_alone(candidate) {
            Ok(Some(other)) if other.what == found.what => {
                last = Some(other);
                true
            }
            _ => false,
        }
    };
    // Threads meet by chance.
    let repeats = (0..5).any(|_| again(case));
    let small = if repeats {
        shrink(case, &mut again)
    } else {
        case.clone()
    };
    let note = if repeats {
        ""
    } else {
        "\nIt did not happen again in a process of its own."
    };
    let last = last.unwrap_or_else(|| found.clone());
    let text = format!("seed {}: {}: {}{note}", case.seed, last.what, last.detail);
    let program = program(&small);
    progress("");
    println!("{text}\n\n{program}");
    if let Some(out) = &arguments.out {
        let failed = |error: std::io::Error| format!("{}: {error}", out.display());
        std::fs::create_dir_all(out).map_err(failed)?;
        let name = |ending: &str| out.join(format!("seed-{}.{ending}", case.seed));
        std::fs::write(name("txt"), format!("{text}\n")).map_err(failed)?;
        std::fs::write(name("c"), program).map_err(failed)?;
    }
    Ok(())
}

/// Shows what is going on, on one line of a terminal.
fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}
