//! What changed since an earlier run.

use super::report::{Column, Report};

/// What changed for one implementation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Checks that came to nothing bad before, or were not there, and do now.
    pub newly_failing: Vec<String>,
    /// Checks that came to something bad before, and do not now.
    pub newly_passing: Vec<String>,
}

/// Compares a run with an earlier one of the same implementation.
pub fn changes(earlier: &Column, now: &Column) -> Changes {
    let mut changes = Changes::default();
    for row in &now.rows {
        let was_bad = earlier
            .row(&row.name)
            .is_some_and(|row| row.outcome.kind().is_bad());
        match (was_bad, row.outcome.kind().is_bad()) {
            (false, true) => changes.newly_failing.push(row.name.clone()),
            (true, false) => changes.newly_passing.push(row.name.clone()),
            _ => {}
        }
    }
    changes
}

/// The earlier column to compare a column with: the one of its name, or, if it is `alone`, the only
/// one there is.
pub fn earlier<'a>(baseline: &'a Report, column: &Column, alone: bool) -> Option<&'a Column> {
    let only = || match baseline.columns.as_slice() {
        [only] if alone => Some(only),
        _ => None,
    };
    baseline.column(&column.name).or_else(only)
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::{column, row};
    use super::super::Outcome;
    use super::*;

    fn column_of(name: &str, outcomes: &[(&str, Outcome)]) -> Column {
        let rows = outcomes.iter();
        let rows = rows.map(|(name, outcome)| row(name, outcome.clone()));
        column(name, rows.collect())
    }

    #[test]
    fn only_what_turned_bad_or_good_is_a_change() {
        let (pass, fail) = (Outcome::Pass, Outcome::fail("a", "b"));
        let hang = Outcome::Hang { seconds: 1 };
        let before = column_of(
            "x",
            &[
                ("g/kept", fail.clone()),
                ("g/worse", pass.clone()),
                ("g/better", hang.clone()),
                ("g/gone", fail.clone()),
                ("g/otherwise-bad", fail.clone()),
            ],
        );
        let now = column_of(
            "x",
            &[
                ("g/kept", fail.clone()),
                ("g/worse", hang.clone()),
                ("g/better", Outcome::not_applicable("c")),
                ("g/new", fail),
                ("g/new-and-good", pass),
                ("g/otherwise-bad", hang),
            ],
        );
        assert_eq!(
            changes(&before, &now),
            Changes {
                newly_failing: vec!["g/worse".into(), "g/new".into()],
                newly_passing: vec!["g/better".into()],
            }
        );
    }

    #[test]
    fn a_lone_column_is_compared_whatever_its_name() {
        let report = |names: &[&str]| Report {
            columns: names.iter().map(|name| column(name, Vec::new())).collect(),
        };
        let (one, both) = (report(&["one"]), report(&["one", "two"]));
        let found = |baseline, name: &str, alone| {
            let earlier = earlier(baseline, &column(name, Vec::new()), alone);
            earlier.map(|column: &Column| column.name.clone())
        };
        assert_eq!(found(&one, "two", true), Some("one".into()));
        assert_eq!(found(&one, "two", false), None);
        assert_eq!(found(&both, "two", true), Some("two".into()));
        assert_eq!(found(&both, "three", true), None);
    }
}
