//! What launches of a kernel with one local size have taken, so that those that take long get code
//! for just that size.

use std::sync::atomic::{AtomicI64, Ordering};

/// Nanoseconds of launches after which code of their own is worth the time to compile it.
const WORTH_CODE: i64 = 50_000_000;

/// Time of launches until somebody looks for better code. Threads that add to it at once may be late.
#[derive(Debug)]
pub struct LaunchTime {
    /// Nanoseconds.
    left: AtomicI64,
}

impl LaunchTime {
    /// Of a kernel that has not run yet.
    pub fn begin() -> Self {
        Self {
            left: AtomicI64::new(WORTH_CODE),
        }
    }

    /// Of a kernel for which there will be no better code.
    pub fn never() -> Self {
        Self {
            left: AtomicI64::new(i64::MAX),
        }
    }

    /// A launch took so many nanoseconds.
    pub fn add(&self, nanoseconds: u64) {
        let nanoseconds = i64::try_from(nanoseconds).unwrap_or(i64::MAX);
        let left = self.left.load(Ordering::Relaxed);
        if left != i64::MAX {
            let left = left.saturating_sub(nanoseconds);
            self.left.store(left, Ordering::Relaxed);
        }
    }

    /// Whether it is time to look for better code.
    pub fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) <= 0
    }

    /// There is no better code yet.
    pub fn renew(&self) {
        self.left.store(WORTH_CODE, Ordering::Relaxed);
    }

    /// There will be no better code.
    pub fn end(&self) {
        self.left.store(i64::MAX, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launches_that_take_long_are_noticed() {
        let time = LaunchTime::begin();
        time.add(WORTH_CODE as u64 - 1);
        assert!(!time.is_over());
        time.add(1);
        assert!(time.is_over());
        time.renew();
        assert!(!time.is_over());
        time.add(u64::MAX);
        assert!(time.is_over());
        time.end();
        time.add(u64::MAX);
        assert!(!time.is_over());
        assert!(!LaunchTime::never().is_over());
    }
}
