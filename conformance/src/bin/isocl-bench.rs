//! `isocl-bench [--rounds N] [--json FILE] [--svg FILE] [--baseline FILE] [FILTER]`: isocl beside
//! every peer, in one run; a table, and if asked for the run as JSON, as a picture, and what changed
//! since the run that a JSON file keeps.
//!
//! `ISOCL_VENDORS` names the folder with isocl's `.icd` file, `ISOCL_PEERS` one with the peers'.
//! Every implementation runs in processes of its own, turn by turn, so that a slow phase of the
//! machine hits all of them; each round begins with another one.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use isocl_conformance::bench::measure::Row;
use isocl_conformance::bench::picture;
use isocl_conformance::bench::report::{table, Column, Run};
use isocl_conformance::session::Session;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = if arguments.first().is_some_and(|first| first == "--child") {
        child(arguments.get(1).map_or("", String::as_str))
    } else {
        parent(&arguments)
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("isocl-bench: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the one implementation that is visible here, a line of JSON a row.
fn child(filter: &str) -> Result<(), String> {
    let session = Session::open().map_err(|error| format!("{error:?}"))?;
    isocl_conformance::bench::run(&session, filter, |row| {
        println!("{}", serde_json::to_string(row).unwrap_or_default());
    });
    // Peers abort in their exit handlers now and then; the rows are out.
    std::mem::forget(session);
    Ok(())
}

fn parent(arguments: &[String]) -> Result<(), String> {
    let mut rounds = 3usize;
    let mut files = BTreeMap::new();
    let mut filter = String::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--rounds" => {
                rounds = rest
                    .next()
                    .and_then(|n| n.parse().ok())
                    .ok_or("--rounds takes a number")?
            }
            "--json" | "--svg" | "--baseline" => {
                let name = rest.next();
                let name = name.ok_or_else(|| format!("{argument} takes a file name"))?;
                files.insert(argument.as_str(), PathBuf::from(name));
            }
            other => filter = other.to_owned(),
        }
    }
    // Before minutes of measuring.
    let earlier = files.get("--baseline").map(|path| read(path)).transpose()?;
    let implementations = implementations()?;
    let mut columns: Vec<Column> = implementations
        .iter()
        .map(|(name, _)| Column {
            name: name.clone(),
            rounds: BTreeMap::new(),
        })
        .collect();
    let mut order: Vec<Row> = Vec::new();
    for round in 1..=rounds {
        // Whoever comes behind another one finds the machine's memory as that one left it.
        for place in 0..columns.len() {
            let next = (place + round - 1) % columns.len();
            let ((name, vendors), column) = (&implementations[next], &mut columns[next]);
            measure(vendors, &filter, |row| {
                progress(&format!("round {round} of {rounds}: {name}: {}", row.name));
                if !order.iter().any(|known| known.name == row.name) {
                    order.push(row.clone());
                }
                column.rounds.entry(row.name.clone()).or_default().push(row);
            })?;
        }
    }
    progress("");
    let run = Run { order, columns };
    print!("{}", table(&run));
    if let Some(earlier) = earlier {
        print!("since the earlier run:\n{}", run.compared_with(&earlier));
    }
    if let Some(path) = files.get("--json") {
        let text = serde_json::to_string_pretty(&run).map_err(|error| error.to_string())?;
        write(path, &text)?;
    }
    if let Some(path) = files.get("--svg") {
        write(path, &picture::svg(&run))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Run, String> {
    let failed = |reason: String| format!("{}: {reason}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Shows what is being measured, on one line of a terminal.
fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}

/// Name and `.icd` file of isocl, then of every peer.
fn implementations() -> Result<Vec<(String, PathBuf)>, String> {
    let vendors = std::env::var("ISOCL_VENDORS")
        .map_err(|_| "ISOCL_VENDORS is not set (use `make bench`)")?;
    let mut found = icd_files(Path::new(&vendors));
    if found.is_empty() {
        return Err(format!("no .icd file in {vendors}"));
    }
    if let Ok(peers) = std::env::var("ISOCL_PEERS") {
        found.extend(icd_files(Path::new(&peers)));
    }
    Ok(found)
}

fn icd_files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "icd"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)))
        .collect();
    files.sort();
    files
}

/// Runs a child for the implementation behind one `.icd` file.
fn measure(icd: &Path, filter: &str, mut row: impl FnMut(Row)) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(program)
        .args(["--child", filter])
        .env("OCL_ICD_VENDORS", icd)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Ok(measured) = serde_json::from_str(&line) {
                row(measured);
            }
        }
    }
    child.wait().map_err(|error| error.to_string())?;
    Ok(())
}
