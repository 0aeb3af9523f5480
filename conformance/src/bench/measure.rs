//! One measured row, and how times are taken.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Better {
    /// Times.
    Lower,
    /// Rates.
    Higher,
}

/// A measured row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name, the same on every implementation.
    pub name: String,
    /// Unit of `value`.
    pub unit: String,
    /// Direction.
    pub better: Better,
    /// The measured value, or why there is none.
    pub value: Result<f64, String>,
}

impl Row {
    /// A row whose value is a time per operation.
    pub fn time(name: &str, unit: &str, value: Result<f64, String>) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            better: Better::Lower,
            value,
        }
    }

    /// A row whose value is a rate.
    pub fn rate(name: &str, unit: &str, value: Result<f64, String>) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            better: Better::Higher,
            value,
        }
    }
}

/// Median of some samples; 0 when there are none.
pub fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(0.0)
}

/// Median seconds of `work`, called once to warm up and then for about `budget`, 3 to 2000 times.
pub fn seconds(budget: Duration, mut work: impl FnMut()) -> f64 {
    work();
    let start = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < 3 || (start.elapsed() < budget && samples.len() < 2000) {
        let before = Instant::now();
        work();
        samples.push(before.elapsed().as_secs_f64());
    }
    median(&mut samples)
}

/// Seconds per operation when `work` does `operations` of them.
pub fn seconds_each(operations: usize, budget: Duration, work: impl FnMut()) -> f64 {
    seconds(budget, work) / operations as f64
}

/// What every timed row gets: long enough for a median, short enough for a run of minutes.
pub const BUDGET: Duration = Duration::from_millis(250);
