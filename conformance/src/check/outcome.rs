//! What a check came to.

use serde::{Deserialize, Serialize};

use crate::session::CallError;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The statement holds.
    Pass,
    /// It does not.
    Fail {
        /// What the specification demands.
        expected: String,
        /// What was seen instead.
        seen: String,
    },
    /// It means nothing for this device.
    NotApplicable {
        /// What is missing.
        why: String,
    },
    /// The specification leaves it open.
    Informative {
        /// What was seen.
        seen: String,
    },
    /// A signal killed the process.
    Crash {
        /// Which one.
        how: String,
        /// The end of what the process wrote to standard error.
        said: String,
    },
    /// The time limit was reached.
    Hang {
        /// The limit in seconds.
        seconds: u64,
    },
    /// The process ended without a result.
    Vanished {
        /// Its exit code.
        how: String,
        /// The end of what it wrote to standard error.
        said: String,
    },
}

/// The kinds of outcomes, in the order in which reports count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// [`Outcome::Pass`]
    Pass,
    /// [`Outcome::Fail`]
    Fail,
    /// [`Outcome::Crash`]
    Crash,
    /// [`Outcome::Hang`]
    Hang,
    /// [`Outcome::Vanished`]
    Vanished,
    /// [`Outcome::NotApplicable`]
    NotApplicable,
    /// [`Outcome::Informative`]
    Informative,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pass,
        Self::Fail,
        Self::Crash,
        Self::Hang,
        Self::Vanished,
        Self::NotApplicable,
        Self::Informative,
    ];

    /// What reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::Vanished => "vanished",
            Self::NotApplicable => "n.a.",
            Self::Informative => "info",
        }
    }

    /// Whether it speaks against the implementation.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Fail | Self::Crash | Self::Hang | Self::Vanished)
    }
}

impl Outcome {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Pass => Kind::Pass,
            Self::Fail { .. } => Kind::Fail,
            Self::NotApplicable { .. } => Kind::NotApplicable,
            Self::Informative { .. } => Kind::Informative,
            Self::Crash { .. } => Kind::Crash,
            Self::Hang { .. } => Kind::Hang,
            Self::Vanished { .. } => Kind::Vanished,
        }
    }

    /// A statement that does not hold.
    pub fn fail(expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::Fail {
            expected: expected.into(),
            seen: seen.into(),
        }
    }

    /// A statement that means nothing for this device.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self::NotApplicable { why: why.into() }
    }

    /// Something that the specification leaves open.
    pub fn informative(seen: impl Into<String>) -> Self {
        Self::Informative { seen: seen.into() }
    }

    /// What the specification demands, where an implementation does something else.
    pub fn expected(&self) -> Option<&str> {
        match self {
            Self::Fail { expected, .. } => Some(expected),
            Self::Crash { .. } | Self::Vanished { .. } => Some("a result"),
            Self::Hang { .. } => Some("a result within the time limit"),
            _ => None,
        }
    }

    /// What was seen, in words; empty for a pass.
    pub fn seen(&self) -> String {
        let told = |how: &str, said: &str| match said.trim() {
            "" => how.to_owned(),
            said => format!("{how}; it said: {said}"),
        };
        match self {
            Self::Pass => String::new(),
            Self::Fail { seen, .. } | Self::Informative { seen } => seen.clone(),
            Self::NotApplicable { why } => why.clone(),
            Self::Crash { how, said } => told(&format!("the process was killed: {how}"), said),
            Self::Hang { seconds } => format!("no result within {seconds} s"),
            Self::Vanished { how, said } => told(&format!("the process ended: {how}"), said),
        }
    }
}

/// What the function of a check returns: nothing if the statement holds, and otherwise what ends the
/// check, be it that the statement does not hold, means nothing here, or is left open.
pub type Finding = Result<(), Outcome>;

impl From<CallError> for Outcome {
    /// A call that a check needs failed.
    fn from(error: CallError) -> Self {
        Self::fail(
            format!("{} succeeds", error.call),
            super::expect::code_name(error.code),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_survives_json() {
        for outcome in [
            Outcome::Pass,
            Outcome::fail("a", "b"),
            Outcome::not_applicable("c"),
            Outcome::informative("d"),
            Outcome::Crash {
                how: "signal: 11".into(),
                said: "e".into(),
            },
            Outcome::Hang { seconds: 10 },
            Outcome::Vanished {
                how: "exit status: 1".into(),
                said: String::new(),
            },
        ] {
            let text = serde_json::to_string(&outcome).unwrap();
            assert_eq!(
                serde_json::from_str::<Outcome>(&text).unwrap(),
                outcome,
                "{text}"
            );
        }
        assert!(serde_json::from_str::<Outcome>(r#"{"outcome":"fine"}"#).is_err());
    }

    #[test]
    fn what_speaks_against_an_implementation_is_told_apart() {
        let bad: Vec<_> = Kind::ALL.into_iter().filter(|kind| kind.is_bad()).collect();
        assert_eq!(bad, [Kind::Fail, Kind::Crash, Kind::Hang, Kind::Vanished]);
    }
}
