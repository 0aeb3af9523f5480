//! What a run leaves behind: a row for each check, a column for each implementation, as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::implementation::Identity;
use super::outcome::Kind;
use super::Outcome;

/// What one check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the check.
    pub name: String,
    /// Section of the specification.
    pub section: String,
    /// What must be so.
    pub statement: String,
    /// What it came to.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What else is to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Time it took.
    pub milliseconds: u64,
}

impl Row {
    /// The group of its check.
    pub fn group(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// What was seen, with the note.
    pub fn seen(&self) -> String {
        let seen = self.outcome.seen();
        match &self.note {
            Some(note) => format!("{seen} ({note})"),
            None => seen,
        }
    }
}

/// What the checks say of one implementation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// What it is called here.
    pub name: String,
    /// What it says of itself.
    pub identity: Identity,
    /// The day of the run.
    pub date: String,
    /// The machine of the run, in words.
    #[serde(default)]
    pub machine: String,
    /// Whether it is one of the recorded runs, and not of this machine.
    #[serde(skip)]
    pub recorded: bool,
    /// The rows, in the order in which they ran.
    pub rows: Vec<Row>,
}

/// How many rows came to each kind of outcome.
pub type Counts = BTreeMap<Kind, usize>;

impl Column {
    /// The row of a check.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// How many rows of a group, or of all, came to each kind of outcome.
    pub fn counts(&self, group: Option<&str>) -> Counts {
        let mut counts = Counts::new();
        for row in &self.rows {
            if group.is_none_or(|group| group == row.group()) {
                *counts.entry(row.outcome.kind()).or_default() += 1;
            }
        }
        counts
    }

    /// The rows that speak against the implementation.
    pub fn bad(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.outcome.kind().is_bad())
    }
}

/// One or several implementations, side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The implementations.
    pub columns: Vec<Column>,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// When the file cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, String> {
        let failed = |reason: String| format!("{}: {reason}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
    }

    /// Writes a report; who reads the file finds either the earlier one or this one whole.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let failed = |reason: String| format!("{}: {reason}", path.display());
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.to_string()))?;
        let beside = path.with_extension("part");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|error| failed(error.to_string()))
    }

    /// The column of an implementation.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Takes in another report; columns of the same name are replaced.
    pub fn merge(&mut self, other: Self) {
        for column in other.columns {
            match self
                .columns
                .iter_mut()
                .find(|known| known.name == column.name)
            {
                Some(known) => *known = column,
                None => self.columns.push(column),
            }
        }
    }

    /// A row of every check that any column has, groups kept together, in the order of the columns.
    pub fn checks(&self) -> Vec<&Row> {
        let mut groups: Vec<(&str, Vec<&Row>)> = Vec::new();
        for row in self.columns.iter().flat_map(|column| &column.rows) {
            let group = row.group();
            let place = match groups.iter().position(|(name, _)| *name == group) {
                Some(place) => place,
                None => {
                    groups.push((group, Vec::new()));
                    groups.len() - 1
                }
            };
            let rows = &mut groups[place].1;
            if !rows.iter().any(|known| known.name == row.name) {
                rows.push(row);
            }
        }
        groups.into_iter().flat_map(|(_, rows)| rows).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A row of an outcome.
    pub fn row(name: &str, outcome: Outcome) -> Row {
        Row {
            name: name.into(),
            section: "5.6.1".into(),
            statement: format!("What {name} says <&> holds."),
            outcome,
            note: None,
            milliseconds: 3,
        }
    }

    /// A column of rows.
    pub fn column(name: &str, rows: Vec<Row>) -> Column {
        Column {
            name: name.into(),
            identity: Identity::default(),
            date: "2026-11-21".into(),
            machine: "2 × Fast One".into(),
            recorded: false,
            rows,
        }
    }

    /// Two columns with every kind of outcome.
    pub fn report() -> Report {
        let crash = Outcome::Crash {
            how: "signal: 11 (SIGSEGV)".into(),
            said: "free(): \u{1b}[1minvalid <pointer>".into(),
        };
        let vanished = Outcome::Vanished {
            how: "exit status: 3".into(),
            said: String::new(),
        };
        Report {
            columns: vec![
                column(
                    "one",
                    vec![
                        row("a/first", Outcome::Pass),
                        row("a/second", Outcome::fail("4 & 5", "6 < 7")),
                        row("b/third", Outcome::Hang { seconds: 10 }),
                        row("b/fourth", crash),
                    ],
                ),
                column(
                    "two",
                    vec![
                        row("a/first", Outcome::not_applicable("without \"it\"")),
                        row("a/fifth", Outcome::informative("something")),
                        row("b/fourth", vanished),
                    ],
                ),
            ],
        }
    }

    #[test]
    fn a_report_survives_json() {
        let report = report();
        let path = std::env::temp_dir().join(format!("isocl-report-{}.json", std::process::id()));
        report.write(&path).unwrap();
        assert_eq!(Report::read(&path).unwrap(), report);
        std::fs::write(&path, "{\"columns\": 3}").unwrap();
        let error = Report::read(&path).unwrap_err();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn checks_of_all_columns_are_listed_once_with_their_group() {
        let report = report();
        let names: Vec<&str> = report
            .checks()
            .iter()
            .map(|row| row.name.as_str())
            .collect();
        assert_eq!(
            names,
            ["a/first", "a/second", "a/fifth", "b/third", "b/fourth"]
        );
    }

    #[test]
    fn merging_replaces_columns_of_the_same_name() {
        let mut merged = report();
        merged.merge(Report {
            columns: vec![column("two", Vec::new()), column("three", Vec::new())],
        });
        let names: Vec<&str> = merged
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        assert_eq!(names, ["one", "two", "three"]);
        assert!(merged.column("two").unwrap().rows.is_empty());
    }

    #[test]
    fn rows_are_counted_by_kind() {
        let report = report();
        let counts = report.columns[0].counts(Some("b"));
        assert_eq!(counts.get(&Kind::Crash), Some(&1));
        assert_eq!(counts.get(&Kind::Hang), Some(&1));
        assert_eq!(counts.get(&Kind::Pass), None);
        assert_eq!(report.columns[0].bad().count(), 3);
    }
}
