//! Merges the rounds of all implementations and prints one table of ratios.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::measure::{median, Better, Row};

/// What one implementation answered in all rounds, by row.
#[derive(Default)]
pub struct Column {
    /// Name of the implementation.
    pub name: String,
    /// Rows in the order they were measured.
    pub rounds: BTreeMap<String, Vec<Row>>,
}

impl Column {
    /// Median over the rounds, or the first failure.
    pub fn value(&self, row: &str) -> Result<f64, String> {
        let rounds = self.rounds.get(row).ok_or("not measured")?;
        let mut samples = Vec::new();
        for round in rounds {
            samples.push(round.value.clone()?);
        }
        Ok(median(&mut samples))
    }
}

/// The table: a line a row, the first column's value, each peer's value, and how many times better
/// the first column is than the better peer (above 1: better).
pub fn table(order: &[Row], columns: &[Column]) -> String {
    let mut text = String::new();
    let _ = write!(text, "{:<30} {:<8}", "row", "unit");
    for column in columns {
        let _ = write!(text, " {:>14}", column.name);
    }
    let _ = writeln!(text, " {:>14}", "vs better peer");
    for row in order {
        let _ = write!(text, "{:<30} {:<8}", row.name, row.unit);
        let values: Vec<_> = columns
            .iter()
            .map(|column| column.value(&row.name))
            .collect();
        for value in &values {
            let _ = match value {
                Ok(value) => write!(text, " {:>14}", short(*value)),
                Err(_) => write!(text, " {:>14}", "failed"),
            };
        }
        let _ = match ratio(row.better, &values) {
            Some(ratio) => writeln!(text, " {ratio:>13.2}x"),
            None => writeln!(text, " {:>14}", "-"),
        };
    }
    for column in columns {
        for row in order {
            if let Err(reason) = column.value(&row.name) {
                let _ = writeln!(
                    text,
                    "{}: {}: {}",
                    column.name,
                    row.name,
                    reason.lines().next().unwrap_or("")
                );
            }
        }
    }
    text
}

/// How many times better the first value is than the best of the others.
fn ratio(better: Better, values: &[Result<f64, String>]) -> Option<f64> {
    let mine = *values.first()?.as_ref().ok()?;
    let peers = values
        .iter()
        .skip(1)
        .filter_map(|value| value.as_ref().ok().copied());
    match better {
        Better::Lower => peers.reduce(f64::min).map(|peer| peer / mine),
        Better::Higher => peers.reduce(f64::max).map(|peer| mine / peer),
    }
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        unit if unit >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, value: Result<f64, String>, better: Better) -> (Column, Row) {
        let row = Row {
            name: "r".into(),
            unit: "u".into(),
            better,
            value,
        };
        let rounds = BTreeMap::from([("r".to_owned(), vec![row.clone()])]);
        (
            Column {
                name: name.into(),
                rounds,
            },
            row,
        )
    }

    #[test]
    fn ratios_compare_with_the_better_peer_in_the_right_direction() {
        let values = |list: [f64; 3]| list.map(Ok);
        assert_eq!(ratio(Better::Lower, &values([2.0, 8.0, 4.0])), Some(2.0));
        assert_eq!(ratio(Better::Higher, &values([8.0, 2.0, 4.0])), Some(2.0));
        assert_eq!(ratio(Better::Lower, &[Ok(1.0)]), None);
        assert_eq!(ratio(Better::Lower, &[Err("x".into()), Ok(1.0)]), None);
    }

    #[test]
    fn failures_are_named_below_the_table() {
        let (mine, row) = column("isocl", Ok(1.0), Better::Lower);
        let (peer, _) = column("peer", Err("wrong result".into()), Better::Lower);
        let text = table(&[row], &[mine, peer]);
        assert!(text.contains("peer: r: wrong result"));
    }
}
