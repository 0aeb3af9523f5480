//! `isocl-random-kernels [--seed N] [--count N] [--minutes M] [--reference DIR]…
//! [--without TEXT]… [--uneven] [--out DIR]`: runs random kernels several ways and prints those whose results
//! differ, cut down to a few lines.
//!
//! The implementation under test is the one that `OCL_ICD_VENDORS` makes visible. Each kernel is
//! built by default, built with `-cl-opt-disable`, and run in work-groups of another size where its
//! result does not depend on them; `--reference` names a folder with the `.icd` file of an
//! implementation to compare with. Every byte of every output has to be the same. Kernels run in
//! child processes, so a crash is a finding like any other. With isocl, `-cl-opt-disable` runs
//! work-items one after the other: kernels that differ there were vectorised wrongly.
//!
//! A finding is printed with its sizes and options. With `--out` it is also written to `seed-N.txt`,
//! and what the child was asked to `seed-N.json`, which `isocl-random-kernels --worker` runs again
//! from its standard input. The exit status is 1 when something was found.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use isocl_conformance::random_kernel::compare;
use isocl_conformance::random_kernel::compare::{request, Comparer, Finding};
use isocl_conformance::random_kernel::print::source;
use isocl_conformance::random_kernel::run::serve;
use isocl_conformance::random_kernel::shrink::shrink;
use isocl_conformance::random_kernel::tree::Case;

const HELP: &str = "\
usage: isocl-random-kernels [options]
  --seed N         the first seed (default 1)
  --count N        number of kernels (default 1000)
  --minutes M      stop after so long
  --reference DIR  compare with the implementation of this vendors folder, too; may be repeated
  --without TEXT   skip kernels that contain this, of which a defect is known; may be repeated
  --uneven         run kernels in work-groups that do not divide the work-items, too
  --out DIR        write findings to files there
  --show           print the kernels instead of running them
  --help           this text";

/// Time for one build and run.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Options {
    seed: u64,
    count: u64,
    minutes: Option<f64>,
    references: Vec<PathBuf>,
    without: Vec<String>,
    out: Option<PathBuf>,
    uneven: bool,
    show: bool,
    help: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = if arguments
        .first()
        .is_some_and(|first| first == compare::ARGUMENT)
    {
        serve().map(|()| 0)
    } else {
        options(&arguments).and_then(|options| search(&options))
    };
    match result {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("isocl-random-kernels: {reason}");
            ExitCode::from(2)
        }
    }
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options {
        seed: 1,
        count: 1000,
        ..Options::default()
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .ok_or_else(|| format!("{argument} takes a value"))
        };
        let number = |text: &String| text.parse().map_err(|_| format!("{text} is no number"));
        match argument.as_str() {
            "--seed" => options.seed = number(value()?)?,
            "--count" => options.count = number(value()?)?,
            "--minutes" => {
                let text = value()?;
                let minutes = text.parse().map_err(|_| format!("{text} is no number"))?;
                options.minutes = Some(minutes);
            }
            "--reference" => options.references.push(PathBuf::from(value()?)),
            "--without" => options.without.push(value()?.clone()),
            "--out" => options.out = Some(PathBuf::from(value()?)),
            "--uneven" => options.uneven = true,
            "--show" => options.show = true,
            "--help" => options.help = true,
            other => return Err(format!("{other} is unknown\n{HELP}")),
        }
    }
    Ok(options)
}

/// Number of findings.
fn search(options: &Options) -> Result<u64, String> {
    if options.help {
        println!("{HELP}");
        return Ok(0);
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut comparer = Comparer::new(&program, &options.references, options.uneven, LIMIT);
    let begin = Instant::now();
    let (mut kernels, mut findings) = (0, 0);
    for seed in options.seed..options.seed.saturating_add(options.count) {
        let spent = begin.elapsed().as_secs_f64() / 60.0;
        if options.minutes.is_some_and(|minutes| spent >= minutes) {
            break;
        }
        progress(&format!(
            "seed {seed}: {kernels} kernels, {findings} findings"
        ));
        let case = Case::of_seed(seed);
        let text = source(&case).text;
        let known = |part: &String| text.contains(part.as_str());
        if options.without.iter().any(known) {
            continue;
        }
        if options.show {
            println!("// seed {seed}\n{text}");
            continue;
        }
        kernels += 1;
        if let Some(found) = comparer.look(&case)? {
            findings += 1;
            progress(&format!("seed {seed}: cutting it down"));
            report(&mut comparer, &case, &found, options.out.as_deref())?;
        }
    }
    progress("");
    for reason in &comparer.unreferenced {
        println!("not compared: {reason}");
    }
    println!("{kernels} kernels, {findings} findings");
    Ok(findings)
}

/// Cuts a case down and tells of it.
fn report(
    comparer: &mut Comparer,
    case: &Case,
    found: &Finding,
    out: Option<&Path>,
) -> Result<(), String> {
    let unreferenced = comparer.unreferenced.len();
    let mut last = found.clone();
    let small = shrink(case, &mut |candidate| match comparer.look(candidate) {
        Ok(Some(other)) if other.is_like(found) => {
            last = other;
            true
        }
        _ => false,
    });
    comparer.unreferenced.truncate(unreferenced);
    let source = source(&small);
    let request = request(&small, &source, &last.way);
    let text = format!(
        "seed {}: {:?} {}\noptions \"{}\", global {:?}, local {:?}\n{}\n\n{}\n",
        case.seed,
        last.trouble,
        last.way.name,
        request.options,
        request.global,
        request.local,
        last.detail,
        source.text
    );
    progress("");
    println!("{text}");
    if let Some(out) = out {
        let failed = |error: std::io::Error| format!("{}: {error}", out.display());
        std::fs::create_dir_all(out).map_err(failed)?;
        let name = |ending: &str| out.join(format!("seed-{}.{ending}", case.seed));
        std::fs::write(name("txt"), text).map_err(failed)?;
        let line = serde_json::to_string(&request).map_err(|error| error.to_string())?;
        std::fs::write(name("json"), line).map_err(failed)?;
    }
    Ok(())
}

/// Shows what is going on, on one line of a terminal.
fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}
