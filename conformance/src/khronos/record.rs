//! What is kept of a run of the Khronos tests, and what another run is compared with.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::check::outcome::Kind;

/// What came of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It passed.
    Pass,
    /// It failed.
    Fail,
    /// It says that the device lacks what it tests.
    Skip,
    /// The process ended in it.
    Crash,
    /// It took too long.
    Hang,
    /// The process ended well and did not run it.
    Vanished,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Fail,
        Self::Crash,
        Self::Hang,
        Self::Vanished,
        Self::Skip,
    ];

    /// As which kind of outcome reports show it.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Pass => Kind::Pass,
            Self::Fail => Kind::Fail,
            Self::Skip => Kind::NotApplicable,
            Self::Crash => Kind::Crash,
            Self::Hang => Kind::Hang,
            Self::Vanished => Kind::Vanished,
        }
    }
}

/// What came of a suite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteRecord {
    /// The arguments that it was started with.
    pub arguments: String,
    /// What came of each test.
    pub results: BTreeMap<String, Status>,
    /// Why the suite as a whole is not well: it has no program, lists no tests, or its process was
    /// killed by a signal after the last test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl SuiteRecord {
    /// How many tests came to something.
    pub fn count(&self, status: Status) -> usize {
        let results = self.results.values();
        results.filter(|known| **known == status).count()
    }
}

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The repository of the tests.
    #[serde(default = "repository")]
    pub conformance_tests: String,
    /// Their commit, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The implementation and its version.
    pub implementation: String,
    /// The device.
    pub device: String,
    /// The day of the run.
    pub date: String,
    /// The suites.
    pub suites: BTreeMap<String, SuiteRecord>,
}

/// Where the Khronos tests are kept.
pub fn repository() -> String {
    "KhronosGroup/OpenCL-CTS".into()
}

impl Record {
    /// What isocl makes of the tests.
    ///
    /// # Errors
    /// When the record in the repository cannot be understood.
    pub fn of_isocl() -> Result<Self, String> {
        let text = include_str!("../../khronos-cts.json");
        serde_json::from_str(text).map_err(|error| format!("khronos-cts.json: {error}"))
    }

    /// Reads the results file of a run, or a record.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> Result<Self, String> {
        let failed = |reason: String| format!("{}: {reason}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
    }

    /// Writes a results file, at once or not at all: a run may be stopped at any time.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let failed = |reason: String| format!("{}: {reason}", path.display());
        let mut text = Vec::new();
        let look = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, look);
        self.serialize(&mut serializer)
            .map_err(|error| failed(error.to_string()))?;
        text.push(b'\n');
        let beside = path.with_extension("part");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|error| failed(error.to_string()))
    }
}

/// How a test differs from what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It does not pass, and was expected to, or nothing was expected.
    UnexpectedFailure,
    /// It skips itself, and was expected to pass.
    UnexpectedSkip,
    /// It was expected, and the suite has no such test any more.
    Vanished,
    /// It passes, and was not expected to.
    UnexpectedPass,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::UnexpectedFailure,
        Self::UnexpectedSkip,
        Self::Vanished,
        Self::UnexpectedPass,
    ];

    /// What it is called.
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnexpectedFailure => "unexpected failure",
            Self::UnexpectedSkip => "unexpected skip",
            Self::Vanished => "vanished",
            Self::UnexpectedPass => "unexpected pass",
        }
    }

    /// Whether it speaks against the implementation.
    pub const fn is_bad(self) -> bool {
        !matches!(self, Self::UnexpectedPass)
    }
}

/// How the tests of a suite differ from what was expected of them.
pub fn changes(seen: &SuiteRecord, expected: Option<&SuiteRecord>) -> Vec<(Change, String)> {
    let none = BTreeMap::new();
    let expected = expected.map_or(&none, |expected| &expected.results);
    let mut changes: Vec<(Change, String)> = Vec::new();
    for (name, status) in &seen.results {
        let before = expected.get(name);
        let bad_before = before.is_some_and(|before| before.kind().is_bad());
        let change = match (status.kind().is_bad(), status) {
            (true, _) if !bad_before => Change::UnexpectedFailure,
            (false, Status::Skip) if before == Some(&Status::Pass) => Change::UnexpectedSkip,
            (false, Status::Pass) if bad_before || before == Some(&Status::Skip) => {
                Change::UnexpectedPass
            }
            _ => continue,
        };
        changes.push((change, name.clone()));
    }
    let gone = expected
        .keys()
        .filter(|name| !seen.results.contains_key(*name));
    changes.extend(gone.map(|name| (Change::Vanished, name.clone())));
    changes.sort();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(results: &[(&str, Status)]) -> SuiteRecord {
        let results = results.iter();
        SuiteRecord {
            results: results
                .map(|(name, status)| ((*name).to_owned(), *status))
                .collect(),
            ..SuiteRecord::default()
        }
    }

    #[test]
    fn every_way_to_differ_from_the_record_is_told() {
        let expected = suite(&[
            ("broken", Status::Pass),
            ("gone", Status::Fail),
            ("hangs", Status::Crash),
            ("mended", Status::Hang),
            ("missing", Status::Pass),
            ("new-device", Status::Skip),
            ("same", Status::Pass),
            ("skips", Status::Skip),
        ]);
        let seen = suite(&[
            ("broken", Status::Crash),
            ("hangs", Status::Hang),
            ("mended", Status::Pass),
            ("missing", Status::Skip),
            ("new-device", Status::Pass),
            ("new-good", Status::Pass),
            ("new-bad", Status::Vanished),
            ("same", Status::Pass),
            ("skips", Status::Skip),
        ]);
        let found = changes(&seen, Some(&expected));
        let found: Vec<_> = found
            .iter()
            .map(|(change, name)| (change.word(), name.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("unexpected failure", "broken"),
                ("unexpected failure", "new-bad"),
                ("unexpected skip", "missing"),
                ("vanished", "gone"),
                ("unexpected pass", "mended"),
                ("unexpected pass", "new-device"),
            ]
        );
        assert_eq!(changes(&seen, None).len(), 3);
    }

    #[test]
    fn the_record_of_isocl_has_every_suite_and_no_failure() {
        let record = Record::of_isocl().unwrap();
        for suite in super::super::suite::SUITES {
            let known = record.suites.get(suite.name).expect(suite.name);
            assert_eq!(known.arguments, suite.arguments, "{}", suite.name);
            assert!(known.count(Status::Pass) > 0, "{}", suite.name);
            let bad = known.results.values().find(|status| status.kind().is_bad());
            assert_eq!(bad, None, "{}", suite.name);
        }
    }
}
