//! The state of one allocation in one atomic word.
//!
//! An allocation is free, live, or dead: freed by the application while something still uses it.
//! What uses it holds a *pin*. The last pin of a dead allocation hands it back for reuse.
//!
//! The upper half of the word is a tag that its owner chooses when the allocation becomes live; a
//! stale pointer is recognised because the tag it expects is not there.

use std::sync::atomic::{AtomicU64, Ordering};

const STATE: u64 = 0b11;
const FREE: u64 = 0;
const LIVE: u64 = 1;
const DEAD: u64 = 2;
const ONE_PIN: u64 = 1 << 2;
const PINS: u64 = (1 << 32) - ONE_PIN;
const TAG_SHIFT: u32 = 32;

/// State of one allocation at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is allocated.
    Free,
    /// Allocated and not freed.
    Live,
    /// Freed, but still in use.
    Dead,
}

/// A moment's value of an [`AllocationWord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot(u64);

impl Snapshot {
    /// What the owner chose when the allocation became live; 0 if it never was.
    pub fn tag(self) -> u32 {
        (self.0 >> TAG_SHIFT) as u32
    }

    /// State at that moment.
    pub fn state(self) -> State {
        match self.0 & STATE {
            LIVE => State::Live,
            DEAD => State::Dead,
            _ => State::Free,
        }
    }

    /// Whether the allocation was live.
    pub fn is_live(self) -> bool {
        self.0 & STATE == LIVE
    }
}

/// How a free ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    /// Nothing uses the allocation; the caller reclaims it.
    Now,
    /// It is dead; whoever drops the last pin reclaims it.
    WithLastPin,
}

/// See the module.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct AllocationWord(AtomicU64);

impl AllocationWord {
    /// What the word says now. What the owner wrote before making the allocation live is visible.
    #[inline]
    pub fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Makes a free allocation live; or, if `pinned`, dead with one pin, so that nobody finds it
    /// but who holds the pin. Only its owner, who took it from a free list, may call this.
    #[inline]
    pub fn make(&self, tag: u32, pinned: bool) {
        let state = if pinned { ONE_PIN | DEAD } else { LIVE };
        self.0
            .store(u64::from(tag) << TAG_SHIFT | state, Ordering::Release);
    }

    /// Forgets the tag of a free allocation.
    pub fn clear(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Adds a pin if the allocation is still live and its tag is still that of `seen`.
    #[inline]
    pub fn pin(&self, seen: Snapshot) -> bool {
        let mut now = seen.0;
        loop {
            let same = now >> TAG_SHIFT == seen.0 >> TAG_SHIFT;
            if !same || now & STATE != LIVE || now & PINS == PINS {
                return false;
            }
            match self.0.compare_exchange_weak(
                now,
                now + ONE_PIN,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(changed) => now = changed,
            }
        }
    }

    /// Adds a pin to an allocation of which the caller holds one; false when there are too many.
    pub fn pin_again(&self) -> bool {
        let add = |now: u64| (now & PINS != PINS).then(|| now + ONE_PIN);
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, add)
            .is_ok()
    }

    /// Drops a pin. True when it was the last of a dead allocation, which is free now and which
    /// the caller reclaims.
    #[inline]
    #[must_use]
    pub fn unpin(&self) -> bool {
        let before = self.0.fetch_sub(ONE_PIN, Ordering::AcqRel);
        let last_of_dead = before & (PINS | STATE) == ONE_PIN | DEAD;
        if last_of_dead {
            // Nobody can pin the dead again, so nobody else writes the word now.
            self.0
                .store(before & !(PINS | STATE) | FREE, Ordering::Release);
        }
        last_of_dead
    }

    /// Frees the allocation if it is live and its tag is still that of `seen`; otherwise says
    /// what it is instead.
    #[inline]
    pub fn free(&self, seen: Snapshot) -> Result<Freed, Snapshot> {
        let mut now = seen.0;
        loop {
            if now >> TAG_SHIFT != seen.0 >> TAG_SHIFT || now & STATE != LIVE {
                return Err(Snapshot(now));
            }
            let (next, freed) = if now & PINS == 0 {
                (now & !STATE | FREE, Freed::Now)
            } else {
                (now & !STATE | DEAD, Freed::WithLastPin)
            };
            match self
                .0
                .compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Ok(freed),
                Err(changed) => now = changed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_without_pins_is_immediate_and_happens_once() {
        let word = AllocationWord::default();
        word.make(7, false);
        let seen = word.load();
        assert_eq!((seen.state(), seen.tag()), (State::Live, 7));
        assert_eq!(word.free(seen), Ok(Freed::Now));
        assert_eq!(word.free(seen).unwrap_err().state(), State::Free);
        assert!(!word.pin(seen));
    }

    #[test]
    fn last_pin_of_a_dead_allocation_reclaims_it() {
        let word = AllocationWord::default();
        word.make(1, false);
        let seen = word.load();
        assert!(word.pin(seen) && word.pin(seen) && word.pin_again());
        assert!(!word.unpin());
        assert_eq!(word.free(seen), Ok(Freed::WithLastPin));
        assert_eq!(word.load().state(), State::Dead);
        assert!(!word.pin(word.load()), "the dead take no pin");
        assert!(
            word.free(word.load()).is_err(),
            "the dead are not freed twice"
        );
        assert!(!word.unpin());
        assert!(word.unpin());
        assert_eq!(word.load().state(), State::Free);
    }

    #[test]
    fn stale_snapshots_change_nothing() {
        let word = AllocationWord::default();
        word.make(1, false);
        let stale = word.load();
        assert_eq!(word.free(stale), Ok(Freed::Now));
        word.make(2, false);
        assert!(!word.pin(stale));
        assert!(word.free(stale).is_err());
        assert!(word.load().is_live());
    }

    #[test]
    fn pinned_birth_is_invisible_and_ends_with_its_pin() {
        let word = AllocationWord::default();
        word.make(3, true);
        assert!(!word.load().is_live());
        assert!(word.unpin());
        assert_eq!(word.load().state(), State::Free);
    }
}
