//! A run as text: what each group came to, then each row that speaks against the implementation.

use std::fmt::Write;

use super::outcome::Kind;
use super::progress::word;
use super::report::{Column, Counts};

/// The table of one implementation.
pub fn table(column: &Column) -> String {
    let mut text = String::new();
    let identity = &column.identity;
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{}: {} on {}, {}, driver {}",
        column.name,
        identity.device,
        identity.platform,
        identity.device_version.trim(),
        identity.driver_version
    );
    let groups = groups(column);
    let names = groups.iter().map(|group| group.len());
    let width = names.chain(["group".len()]).max().unwrap_or_default();
    let _ = write!(text, "  {:width$}", "group");
    for kind in Kind::ALL {
        let _ = write!(text, " {:>8}", kind.word());
    }
    text.push('\n');
    for group in &groups {
        line(&mut text, group, width, &column.counts(Some(group)));
    }
    line(&mut text, "all", width, &column.counts(None));
    for row in column.bad() {
        let _ = writeln!(
            text,
            "\n{} {} (§{})\n    {}",
            word(row.outcome.kind()),
            row.name,
            row.section,
            row.statement
        );
        if let Some(expected) = row.outcome.expected() {
            let _ = writeln!(text, "    expected: {expected}");
        }
        let seen = row.seen();
        let _ = writeln!(
            text,
            "    seen:     {}",
            seen.replace('\n', "\n              ")
        );
    }
    text
}

/// Groups of a column, in the order of their first rows.
fn groups(column: &Column) -> Vec<&str> {
    let mut groups = Vec::new();
    for row in &column.rows {
        if !groups.contains(&row.group()) {
            groups.push(row.group());
        }
    }
    groups
}

fn line(text: &mut String, name: &str, width: usize, counts: &Counts) {
    let _ = write!(text, "  {name:width$}");
    for kind in Kind::ALL {
        let number = counts
            .get(&kind)
            .map_or_else(|| "·".into(), usize::to_string);
        let _ = write!(text, " {number:>8}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn the_table_counts_every_group_and_explains_every_bad_row() {
        let text = table(&report().columns[0]);
        let line = |name: &str| {
            let line = text
                .lines()
                .find(|line| line.trim_start().starts_with(name));
            line.unwrap().split_whitespace().collect::<Vec<_>>()
        };
        assert_eq!(line("a "), ["a", "1", "1", "·", "·", "·", "·", "·"]);
        assert_eq!(line("b "), ["b", "·", "·", "1", "1", "·", "·", "·"]);
        assert_eq!(line("all "), ["all", "1", "1", "1", "1", "·", "·", "·"]);
        for part in [
            "a/second (§5.6.1)",
            "4 & 5",
            "6 < 7",
            "b/third",
            "b/fourth",
            "SIGSEGV",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains("a/first"));
    }
}
