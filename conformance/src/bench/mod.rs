//! Benchmarks: the same rows on every implementation, results verified, medians and ratios.

pub mod kernels;
pub mod launch;
pub mod measure;
pub mod memory;
pub mod picture;
pub mod report;

use crate::session::Session;
use measure::Row;

/// Runs every row on the session's device; `filter` selects rows by a part of their name.
pub fn run(session: &Session, filter: &str, mut done: impl FnMut(&Row)) {
    for group in [memory::rows, launch::rows, kernels::rows] {
        group(session, &mut |name| name.contains(filter), &mut |row| {
            done(&row)
        });
    }
}
