//! The device's clock.

use std::sync::OnceLock;
use std::time::Instant;

/// Nanoseconds since some moment in this process, never zero, never going back.
pub(crate) fn nanoseconds() -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    let elapsed = EPOCH.get_or_init(Instant::now).elapsed();
    1 + elapsed.as_nanos() as u64
}
