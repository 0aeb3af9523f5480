//! Runs of implementations that are seldom installed side by side, recorded in `peers/`, for pages.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::implementation::Identity;
use super::report::{Column, Report, Row};
use super::Outcome;
use crate::checks;

/// The recorded runs, as they are in the repository.
const FILES: &[(&str, &str)] = &[
    ("intel.json", include_str!("../../peers/intel.json")),
    ("pocl.json", include_str!("../../peers/pocl.json")),
    ("pocl-6.0.json", include_str!("../../peers/pocl-6.0.json")),
    (
        "rusticl-25.0.json",
        include_str!("../../peers/rusticl-25.0.json"),
    ),
];

/// A recorded run: what the checks state is not repeated.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    name: String,
    identity: Identity,
    date: String,
    machine: String,
    rows: Vec<RecordedRow>,
}

#[derive(Serialize, Deserialize)]
struct RecordedRow {
    name: String,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Puts the recorded runs beside those of a report that has none of their names.
///
/// # Errors
/// When a recorded run cannot be read.
pub fn add_to(report: &mut Report) -> Result<(), String> {
    for (file, text) in FILES {
        let column = read(text).map_err(|error| format!("{file}: {error}"))?;
        if report.column(&column.name).is_none() {
            report.columns.push(column);
        }
    }
    Ok(())
}

/// Records every run of a report in a folder, in a file of the implementation's name.
///
/// # Errors
/// When a file cannot be written.
pub fn write(report: &Report, folder: &Path) -> Result<(), String> {
    for column in &report.columns {
        let path = folder.join(format!("{}.json", column.name));
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = text(column).map_err(|error| failed(&error))?;
        std::fs::write(&path, text).map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn read(text: &str) -> serde_json::Result<Column> {
    let recorded: Recorded = serde_json::from_str(text)?;
    let row = |row: RecordedRow| {
        // A check that there is no more says nothing.
        let check = checks::find(&row.name)?;
        Some(Row {
            name: row.name,
            section: check.section.to_owned(),
            statement: check.statement.to_owned(),
            outcome: row.outcome,
            note: row.note,
            milliseconds: 0,
        })
    };
    Ok(Column {
        name: recorded.name,
        identity: recorded.identity,
        date: recorded.date,
        machine: recorded.machine,
        recorded: true,
        rows: recorded.rows.into_iter().filter_map(row).collect(),
    })
}

/// One line for each row, so that two records can be compared by eye.
fn text(column: &Column) -> serde_json::Result<String> {
    let recorded = Recorded {
        name: column.name.clone(),
        identity: column.identity.clone(),
        date: column.date.clone(),
        machine: column.machine.clone(),
        rows: Vec::new(),
    };
    let rows: serde_json::Result<Vec<String>> = column
        .rows
        .iter()
        .map(|row| {
            serde_json::to_string(&RecordedRow {
                name: row.name.clone(),
                outcome: row.outcome.clone(),
                note: row.note.clone(),
            })
        })
        .collect();
    let head = serde_json::to_string_pretty(&recorded)?;
    let rows = format!("\"rows\": [\n    {}\n  ]", rows?.join(",\n    "));
    Ok(head.replace("\"rows\": []", &rows) + "\n")
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::{column, row};
    use super::*;

    /// A column of rows of checks that there are.
    fn measured(name: &str) -> Column {
        let known = checks::GROUPS.iter().flat_map(|group| group.checks);
        let mut rows: Vec<Row> = known
            .take(3)
            .map(|check| Row {
                section: check.section.into(),
                statement: check.statement.into(),
                milliseconds: 0,
                ..row(check.name, Outcome::fail("\"rows\": []", "6 < 7"))
            })
            .collect();
        rows[0].outcome = Outcome::Pass;
        rows[1].note = Some("alone: pass".into());
        column(name, rows)
    }

    #[test]
    fn what_is_written_is_read() {
        let measured = measured("one");
        let text = text(&measured).unwrap();
        assert_eq!(
            text.lines().filter(|line| line.contains("outcome")).count(),
            3
        );
        let expected = Column {
            recorded: true,
            ..measured
        };
        assert_eq!(read(&text).unwrap(), expected);
    }

    #[test]
    fn rows_of_checks_that_are_gone_are_left_out() {
        let mut measured = measured("one");
        measured.rows[1].name = "allocation/of-yesterday".into();
        let names: Vec<String> = read(&text(&measured).unwrap())
            .unwrap()
            .rows
            .into_iter()
            .map(|row| row.name)
            .collect();
        assert_eq!(
            names,
            [measured.rows[0].name.clone(), measured.rows[2].name.clone()]
        );
    }

    #[test]
    fn what_ran_is_preferred_to_what_is_recorded() {
        let mut report = Report {
            columns: vec![measured("pocl")],
        };
        add_to(&mut report).unwrap();
        let known: Vec<(&str, bool)> = report
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.recorded))
            .collect();
        assert_eq!(known[..2], [("pocl", false), ("intel", true)]);
        assert_eq!(known.iter().filter(|(name, _)| *name == "pocl").count(), 1);
    }

    #[test]
    fn the_recorded_runs_are_of_the_checks_that_there_are() {
        for (file, text) in FILES {
            let recorded: Recorded = serde_json::from_str(text).unwrap();
            assert_eq!(*file, format!("{}.json", recorded.name));
            let gone: Vec<&str> = recorded
                .rows
                .iter()
                .map(|row| row.name.as_str())
                .filter(|name| checks::find(name).is_none())
                .collect();
            assert!(gone.is_empty(), "{file} has to be recorded again: {gone:?}");
            assert!(!recorded.date.is_empty() && !recorded.machine.is_empty());
        }
    }
}
