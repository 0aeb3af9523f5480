//! What a run of all implementations gave: kept as JSON, printed as a table of ratios, compared with
//! an earlier run.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::measure::{median, Better, Row};

/// What one implementation answered in all rounds, by row.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Column {
    /// Name of the implementation.
    pub name: String,
    /// The rounds of each row.
    pub rounds: BTreeMap<String, Vec<Row>>,
}

impl Column {
    /// Median over the rounds, or the first failure.
    ///
    /// # Errors
    /// Why there is no value.
    pub fn value(&self, row: &str) -> Result<f64, String> {
        let rounds = self.rounds.get(row).ok_or("not measured")?;
        let mut samples = Vec::new();
        for round in rounds {
            samples.push(round.value.clone()?);
        }
        Ok(median(&mut samples))
    }
}

/// A run: the first column is the implementation that is compared with the others.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// The rows in the order they were measured, with values of the first round.
    pub order: Vec<Row>,
    /// What each implementation gave.
    pub columns: Vec<Column>,
}

impl Run {
    /// The values of a row, by column.
    fn values(&self, row: &Row) -> Vec<Result<f64, String>> {
        let columns = self.columns.iter();
        columns.map(|column| column.value(&row.name)).collect()
    }

    /// How many times better the first column is than another one, for every row both have.
    pub fn ratios(&self, column: usize) -> Vec<(&Row, f64)> {
        let ratio = |row| {
            let values = self.values(row);
            let (mine, other) = (values.first()?.clone(), values.get(column)?.clone());
            Some((row, ratio(row.better, &[mine, other])?))
        };
        self.order.iter().filter_map(ratio).collect()
    }

    /// What changed since an earlier run, in the first column: a line for each row that became
    /// better or worse by more than a tenth.
    pub fn compared_with(&self, earlier: &Run) -> String {
        let mut text = String::new();
        for row in &self.order {
            let now = self.columns.first().map(|column| column.value(&row.name));
            let then = earlier
                .columns
                .first()
                .map(|column| column.value(&row.name));
            let (Some(Ok(now)), Some(Ok(then))) = (now, then) else {
                continue;
            };
            let Some(times) = ratio(row.better, &[Ok(now), Ok(then)]) else {
                continue;
            };
            let word = match times {
                better if better > 1.1 => "better",
                worse if worse < 1.0 / 1.1 => "worse",
                _ => continue,
            };
            let times = times.max(1.0 / times);
            let (then, now) = (short(then), short(now));
            let _ = writeln!(
                text,
                "{:<30} {then:>10} -> {now:>10} {:<8} {times:.2}x {word}",
                row.name, row.unit
            );
        }
        if text.is_empty() {
            text.push_str("no row changed by more than a tenth\n");
        }
        text
    }
}

/// The mean of ratios; 1 when there are none.
pub fn geometric_mean(ratios: &[(&Row, f64)]) -> f64 {
    let logarithms: f64 = ratios.iter().map(|(_, ratio)| ratio.ln()).sum();
    (logarithms / ratios.len().max(1) as f64).exp()
}

/// The table: a line a row, the first column's value, each peer's value, and how many times better
/// the first column is than the better peer (above 1: better).
pub fn table(run: &Run) -> String {
    let Run { order, columns } = run;
    let mut text = String::new();
    let _ = write!(text, "{:<30} {:<8}", "row", "unit");
    for column in columns {
        let _ = write!(text, " {:>14}", column.name);
    }
    let _ = writeln!(text, " {:>14}", "vs better peer");
    for row in order {
        let _ = write!(text, "{:<30} {:<8}", row.name, row.unit);
        let values = run.values(row);
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
    for (index, column) in columns.iter().enumerate().skip(1) {
        let ratios = run.ratios(index);
        let _ = writeln!(
            text,
            "geometric mean of {} rows against {}: {:.2}x",
            ratios.len(),
            column.name,
            geometric_mean(&ratios)
        );
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
pub(super) fn short(value: f64) -> String {
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

    fn run(columns: Vec<(Column, Row)>) -> Run {
        Run {
            order: columns
                .first()
                .map(|column| column.1.clone())
                .into_iter()
                .collect(),
            columns: columns.into_iter().map(|column| column.0).collect(),
        }
    }

    #[test]
    fn failures_are_named_below_the_table() {
        let text = table(&run(vec![
            column("isocl", Ok(1.0), Better::Lower),
            column("peer", Err("wrong result".into()), Better::Lower),
        ]));
        assert!(text.contains("peer: r: wrong result"), "{text}");
        assert!(text.contains("mean of 0 rows against peer"), "{text}");
    }

    #[test]
    fn means_are_geometric() {
        let (_, row) = column("", Ok(1.0), Better::Lower);
        let mean = geometric_mean(&[(&row, 2.0), (&row, 8.0)]);
        assert!((mean - 4.0).abs() < 1e-9);
    }

    #[test]
    fn runs_tell_what_changed_and_survive_a_file() {
        let rate = |value| run(vec![column("isocl", Ok(value), Better::Higher)]);
        let text = serde_json::to_string(&rate(10.0)).unwrap();
        let earlier: Run = serde_json::from_str(&text).unwrap();
        assert!(rate(20.0).compared_with(&earlier).contains("2.00x better"));
        assert!(rate(5.0).compared_with(&earlier).contains("2.00x worse"));
        assert!(rate(10.5).compared_with(&earlier).starts_with("no row"));
    }
}
