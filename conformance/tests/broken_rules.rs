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

/// A rule, the groups of checks that run, and those of them that must notice.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const CAPABILITIES: &[&str] = &["capabilities"];
const ALLOCATION: &[&str] = &["allocation"];
const ALIGNMENT: &[&str] = &["alignment"];
const FREE: &[&str] = &["free"];
const ENQUEUE: &[&str] = &[
    "enqueue-free",
    "enqueue-free-order",
    "enqueue-free-callback",
];

const CASES: &[Case] = &[
    (
        "capabilities-unknown",
        CAPABILITIES,
        &["capabilities/known-bits"],
    ),
    (
        "capabilities-fine-without-coarse",
        CAPABILITIES,
        &["capabilities/fine-implies-coarse"],
    ),
    (
        "capabilities-atomics-alone",
        CAPABILITIES,
        &["capabilities/atomics-imply-fine"],
    ),
    (
        "capabilities-size",
        CAPABILITIES,
        &["capabilities/size-of-query"],
    ),
    (
        "capabilities-change",
        CAPABILITIES,
        &["capabilities/stable"],
    ),
    (
        "atomic-alignment",
        CAPABILITIES,
        &["capabilities/preferred-atomic-alignments"],
    ),
    (
        "version-2-without-svm",
        CAPABILITIES,
        &["capabilities/mandated"],
    ),
    (
        "capabilities-understated",
        ALLOCATION,
        &[
            "allocation/fine-grain-unsupported",
            "allocation/atomics-unsupported",
        ],
    ),
    ("size-zero", ALLOCATION, &["allocation/size-zero"]),
    (
        "size-beyond-maximum",
        ALLOCATION,
        &["allocation/size-beyond-maximum"],
    ),
    (
        "size-of-address-space",
        ALLOCATION,
        &["allocation/size-of-address-space"],
    ),
    ("last-byte-lost", ALLOCATION, &["allocation/every-size"]),
    ("overlap", ALLOCATION, &["allocation/no-overlap"]),
    (
        "overlap-of-contexts",
        ALLOCATION,
        &["allocation/no-overlap-of-contexts"],
    ),
    (
        "write-only-refused",
        ALLOCATION,
        &["allocation/access-flags"],
    ),
    (
        "read-write-and-write-only",
        ALLOCATION,
        &["allocation/read-write-and-write-only"],
    ),
    (
        "read-write-and-read-only",
        ALLOCATION,
        &["allocation/read-write-and-read-only"],
    ),
    (
        "write-only-and-read-only",
        ALLOCATION,
        &["allocation/write-only-and-read-only"],
    ),
    (
        "atomics-without-fine-grain",
        ALLOCATION,
        &["allocation/atomics-without-fine-grain"],
    ),
    (
        "fine-grain-refused",
        ALLOCATION,
        &[
            "allocation/fine-grain",
            "allocation/atomics",
            "allocation/host-access-of-fine-grain",
            "allocation/of-sub-devices",
        ],
    ),
    ("atomics-refused", ALLOCATION, &["allocation/atomics"]),
    (
        "host-pointer-flags",
        ALLOCATION,
        &["allocation/host-pointer-flags"],
    ),
    (
        "host-access-flags",
        ALLOCATION,
        &["allocation/host-access-flags"],
    ),
    (
        "kernel-read-and-write-flag",
        ALLOCATION,
        &["allocation/kernel-read-and-write-flag"],
    ),
    ("unknown-flags", ALLOCATION, &["allocation/unknown-flags"]),
    ("context-null", ALLOCATION, &["allocation/context-null"]),
    (
        "context-of-wrong-type",
        ALLOCATION,
        &["allocation/context-of-wrong-type"],
    ),
    ("often-refused", ALLOCATION, &["allocation/again-and-again"]),
    ("default-alignment", ALIGNMENT, &["alignment/default"]),
    ("small-alignments", ALIGNMENT, &["alignment/one-to-sixteen"]),
    (
        "largest-alignment",
        ALIGNMENT,
        &["alignment/up-to-largest-type", "alignment/every-kind"],
    ),
    ("page-alignment", ALIGNMENT, &["alignment/page"]),
    ("megabyte-alignment", ALIGNMENT, &["alignment/megabytes"]),
    ("huge-alignment", ALIGNMENT, &["alignment/huge"]),
    (
        "alignment-not-a-power-of-two",
        ALIGNMENT,
        &["alignment/not-a-power-of-two"],
    ),
    (
        "large-alignment-not-a-power-of-two",
        ALIGNMENT,
        &["alignment/large-and-not-a-power-of-two"],
    ),
    ("free-keeps", FREE, &["free/gives-memory-back"]),
    ("free-waits", FREE, &["free/does-not-wait"]),
    ("free-null-crashes", FREE, &["free/null-pointer"]),
    ("free-null-ends-the-process", FREE, &["free/null-pointer"]),
    ("empty-list", ENQUEUE, &["enqueue-free/empty-list"]),
    ("count-zero", ENQUEUE, &["enqueue-free/count-zero"]),
    ("list-null", ENQUEUE, &["enqueue-free/list-null"]),
    ("queue-null", ENQUEUE, &["enqueue-free/queue-null"]),
    (
        "queue-of-wrong-type",
        ENQUEUE,
        &["enqueue-free/queue-of-wrong-type"],
    ),
    (
        "enqueued-free-keeps",
        ENQUEUE,
        &["enqueue-free/one", "enqueue-free/many"],
    ),
    ("enqueued-free-of-one", ENQUEUE, &["enqueue-free/many"]),
    ("wait-list-null", ENQUEUE, &["enqueue-free/wait-list-null"]),
    (
        "wait-list-empty",
        ENQUEUE,
        &["enqueue-free/wait-list-empty"],
    ),
    (
        "wait-list-of-null",
        ENQUEUE,
        &["enqueue-free/wait-list-of-null"],
    ),
    (
        "wait-list-of-wrong-type",
        ENQUEUE,
        &["enqueue-free/wait-list-of-wrong-type"],
    ),
    (
        "wait-list-ignored",
        ENQUEUE,
        &[
            "enqueue-free/wait-list-of-wrong-type",
            "enqueue-free-order/returns-before-it-runs",
            "enqueue-free-order/out-of-order",
            "enqueue-free-callback/wait-list-reusable",
            "enqueue-free-callback/waits",
            "enqueue-free-callback/failed-wait",
        ],
    ),
    (
        "callback-reversed",
        ENQUEUE,
        &[
            "enqueue-free-callback/arguments",
            "enqueue-free-callback/list-reusable",
            "enqueue-free-callback/with-system-pointers",
        ],
    ),
    (
        "callback-user-data",
        ENQUEUE,
        &["enqueue-free-callback/without-user-data"],
    ),
    (
        "list-not-captured",
        ENQUEUE,
        &["enqueue-free-callback/list-reusable"],
    ),
    (
        "callback-and-free",
        ENQUEUE,
        &["enqueue-free-callback/alone-frees"],
    ),
    ("callback-twice", ENQUEUE, &["enqueue-free-callback/once"]),
    ("event-type", ENQUEUE, &["enqueue-free-order/event-type"]),
    (
        "event-objects",
        ENQUEUE,
        &["enqueue-free-order/event-objects"],
    ),
    (
        "event-never-complete",
        ENQUEUE,
        &["enqueue-free-order/event-complete"],
    ),
    (
        "failed-wait-completes",
        ENQUEUE,
        &["enqueue-free-callback/failed-wait"],
    ),
    (
        "profiling-backwards",
        ENQUEUE,
        &["enqueue-free-order/profiling"],
    ),
    (
        "flags-zero-refused",
        ALLOCATION,
        &["allocation/flags-zero", "allocation/access-flags"],
    ),
    (
        "read-write-refused",
        ALLOCATION,
        &["allocation/flag-read-write"],
    ),
    ("half-of-maximum", ALLOCATION, &["allocation/size-maximum"]),
    ("free-of-large-crashes", FREE, &["free/every-kind"]),
    (
        "free-writes-elsewhere",
        FREE,
        &[
            "free/leaves-others-alone",
            "free/does-not-wait",
            "free/right-after-finish",
        ],
    ),
    (
        "buffer-not-released",
        FREE,
        &["free/after-its-buffer-object"],
    ),
    ("context-held-by-memory", FREE, &["free/never"]),
    (
        "enqueued-free-too-early",
        ENQUEUE,
        &[
            "enqueue-free-order/in-order",
            "enqueue-free-order/out-of-order",
        ],
    ),
    (
        "commands-after-lost",
        ENQUEUE,
        &["enqueue-free-order/commands-after-it"],
    ),
    (
        "queue-without-context",
        ENQUEUE,
        &["enqueue-free-callback/frees"],
    ),
    (
        "flush-does-nothing",
        ENQUEUE,
        &["enqueue-free-callback/after-flush"],
    ),
];

/// Checks that no rule is broken for: what they look at is left open, or not there on this device.
const OPEN: &[&str] = &[
    "allocation/four-of-maximum-size",
    "allocation/fine-grain-of-mixed-devices",
    "enqueue-free/queue-on-device",
    "enqueue-free-callback/and-completion",
];

/// The library that breaks rules.
fn broken() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_isocl-conformance"));
    let name = "examples/libbroken_implementation.so";
    let library = program.with_file_name(name);
    assert!(library.exists(), "cargo builds {name} when it tests all");
    library
}

fn in_groups(groups: &[&str]) -> impl Iterator<Item = &'static Check> {
    let wanted = GROUPS.iter().filter(|group| groups.contains(&group.name));
    let checks: Vec<_> = wanted.flat_map(|group| group.checks).collect();
    checks.into_iter()
}

/// The checks that notice that a rule is broken.
fn noticing(rule: &str, groups: &[&str]) -> BTreeSet<&'static str> {
    let program = Path::new(env!("CARGO_BIN_EXE_isocl-conformance"));
    let variables = vec![
        ("ISOCL_LOADER", broken().into()),
        ("ISOCL_BROKEN_RULE", rule.into()),
    ];
    let mut runner = Runner::new(program, variables, Duration::from_secs(4));
    let rows = in_groups(groups).map(|check| (check.name, runner.run(check).unwrap()));
    let rows: Vec<_> = rows.collect();
    let bad = rows.iter().filter(|(_, row)| row.outcome.kind().is_bad());
    bad.map(|(name, _)| *name).collect()
}

#[test]
fn an_implementation_that_breaks_no_rule_passes() {
    let groups: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
    assert_eq!(noticing("", &groups), BTreeSet::new());
}

#[test]
fn the_checks_of_a_broken_rule_notice_and_no_others() {
    let next = AtomicUsize::new(0);
    let search = || {
        let mut wrong = Vec::new();
        while let Some((rule, groups, expected)) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
            let expected: BTreeSet<_> = expected.iter().copied().collect();
            let found = noticing(rule, groups);
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
        .flat_map(|(_, _, expected)| *expected)
        .copied()
        .collect();
    let checks = GROUPS.iter().flat_map(|group| group.checks);
    let missing: Vec<&str> = checks
        .filter(|check| !check.undefined)
        .map(|check| check.name)
        .filter(|name| noticed.contains(name) == OPEN.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
