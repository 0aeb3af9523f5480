//! No check passes in vain: an implementation that breaks one rule fails the checks of that rule, and
//! no others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use isocl_conformance::check::runner::Runner;
use isocl_conformance::check::Check;
use isocl_conformance::checks::GROUPS;

mod consistency;
mod events;
mod kernel;
mod memory;
mod several;
mod sharing;
mod svm_command;
mod unified_svm;
mod unified_svm_use;

/// A rule, the groups of checks that run, and those of them that must notice.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The cases, a list for each part of the specification.
const CASES: &[&[Case]] = &[
    memory::CASES,
    sharing::CASES,
    consistency::CASES,
    several::CASES,
    svm_command::CASES,
    kernel::CASES,
    events::CASES,
    unified_svm::CASES,
    unified_svm_use::CASES,
];

/// Checks that no rule is broken for: what they look at is left open, or not there on this device.
const OPEN: &[&[&str]] = &[memory::OPEN, several::OPEN, svm_command::OPEN, kernel::OPEN];

/// The library that breaks rules.
fn broken() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_isocl-conformance"));
    let name = "examples/libbroken_implementation.so";
    let library = program.with_file_name(name);
    assert!(library.exists(), "cargo builds {name} when it tests all");
    library
}

/// The checks of groups that may notice anything.
fn in_groups(groups: &[&str]) -> impl Iterator<Item = &'static Check> {
    let wanted = GROUPS.iter().filter(|group| groups.contains(&group.name));
    let checks = wanted.flat_map(|group| group.checks);
    let checks: Vec<_> = checks.filter(|check| !check.undefined).collect();
    checks.into_iter()
}

/// How long a check that is to notice may hang, and how long any other may take on a busy machine.
const NOTICING: Duration = Duration::from_secs(4);
const OTHERS: Duration = Duration::from_secs(60);

/// The checks that notice that a rule is broken, of which these are expected to.
fn noticing(rule: &str, groups: &[&str], expected: &[&str]) -> BTreeSet<&'static str> {
    let program = Path::new(env!("CARGO_BIN_EXE_isocl-conformance"));
    let variables = vec![
        ("ISOCL_LOADER", broken().into()),
        ("ISOCL_BROKEN_RULE", rule.into()),
    ];
    let mut runner = Runner::new(program, variables, OTHERS).once();
    let rows = in_groups(groups).map(|check| {
        let waited = expected.contains(&check.name);
        runner.within(if waited { NOTICING } else { OTHERS });
        (check.name, runner.run(check).unwrap())
    });
    let rows: Vec<_> = rows.collect();
    let bad = rows.iter().filter(|(_, row)| row.outcome.kind().is_bad());
    bad.map(|(name, _)| *name).collect()
}

#[test]
fn an_implementation_that_breaks_no_rule_passes() {
    let groups: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
    assert_eq!(noticing("", &groups, &[]), BTreeSet::new());
}

#[test]
fn an_implementation_with_unified_svm_that_breaks_no_rule_passes() {
    // Checks of the core specification have to allow what the extension changes.
    let groups: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
    assert_eq!(noticing("unified-", &groups, &[]), BTreeSet::new());
}

#[test]
fn the_checks_of_a_broken_rule_notice_and_no_others() {
    let next = AtomicUsize::new(0);
    let cases: Vec<&Case> = CASES.iter().copied().flatten().collect();
    let search = || {
        let mut wrong = Vec::new();
        while let Some((rule, groups, expected)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = noticing(rule, groups, expected);
            let expected: BTreeSet<_> = expected.iter().copied().collect();
            if found != expected {
                wrong.push(format!("{rule}: noticed by {found:?}, not by {expected:?}"));
            }
        }
        wrong
    };
    let wrong = std::thread::scope(|scope| {
        let other = scope.spawn(search);
        let mut wrong = search();
        wrong.extend(other.join().unwrap());
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_is_a_broken_rule_for_every_check() {
    let noticed: BTreeSet<&str> = CASES
        .iter()
        .copied()
        .flatten()
        .flat_map(|(_, _, expected)| *expected)
        .copied()
        .collect();
    let open: BTreeSet<&str> = OPEN.iter().copied().flatten().copied().collect();
    let checks = GROUPS.iter().flat_map(|group| group.checks);
    let missing: Vec<&str> = checks
        .filter(|check| !check.undefined)
        .map(|check| check.name)
        .filter(|name| noticed.contains(name) == open.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
