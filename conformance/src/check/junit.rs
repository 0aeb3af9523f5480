//! A run as JUnit XML, for what reads that: a suite for each group of each implementation.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::outcome::Kind;
use super::report::{Report, Row};

/// The document.
///
/// # Errors
/// When it cannot be written as XML.
pub fn document(report: &Report) -> Result<String, String> {
    let mut document = Document::new("isocl-conformance");
    for column in &report.columns {
        let mut suites: Vec<TestSuite> = Vec::new();
        for row in &column.rows {
            let name = format!("{}.{}", column.name, row.group());
            if suites
                .last()
                .is_none_or(|suite| suite.name.as_str() != name)
            {
                suites.push(TestSuite::new(name));
            }
            if let Some(suite) = suites.last_mut() {
                suite.add_test_case(case(row));
            }
        }
        document.add_test_suites(suites);
    }
    document.to_string().map_err(|error| error.to_string())
}

fn case(row: &Row) -> TestCase {
    let mut status = match row.outcome.kind() {
        Kind::Pass | Kind::Informative => TestCaseStatus::success(),
        Kind::NotApplicable => TestCaseStatus::skipped(),
        Kind::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Kind::Crash | Kind::Hang | Kind::Vanished => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    if row.outcome.kind() != Kind::Pass && row.outcome.kind() != Kind::Informative {
        status.set_type(row.outcome.kind().word());
        status.set_message(row.seen());
        let expected = row.outcome.expected().unwrap_or_default();
        let text = [row.statement.as_str(), "expected:", expected];
        status.set_description(format!("§{}: {}", row.section, text.join(" ")));
    }
    let mut case = TestCase::new(row.name.as_str(), status);
    case.set_time(Duration::from_millis(row.milliseconds));
    if row.outcome.kind() == Kind::Informative {
        case.set_system_out(row.seen());
    }
    case
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn the_document_reads_back_with_every_row() {
        let report = report();
        let text = document(&report).unwrap();
        let read = Document::deserialize_from_str(&text).unwrap();
        let cases: Vec<_> = read
            .test_suites
            .iter()
            .flat_map(|suite| &suite.test_cases)
            .collect();
        let rows: Vec<_> = report
            .columns
            .iter()
            .flat_map(|column| &column.rows)
            .collect();
        assert_eq!(cases.len(), rows.len());
        for (case, row) in cases.iter().zip(&rows) {
            assert_eq!(case.name.as_str(), row.name);
            let (bad, error) = match &case.status {
                TestCaseStatus::NonSuccess { kind, .. } => (true, *kind == NonSuccessKind::Error),
                _ => (false, false),
            };
            assert_eq!(bad, row.outcome.kind().is_bad(), "{}", row.name);
            assert_eq!(
                error,
                bad && row.outcome.kind() != Kind::Fail,
                "{}",
                row.name
            );
        }
        assert_eq!(read.failures, 1);
        assert_eq!(read.errors, 3);
    }
}
