//! Rules of the commands of shared virtual memory.

use super::Case;

const MEMCPY: &[&str] = &["enqueue-memcpy"];
const FILL: &[&str] = &["enqueue-memfill"];
const MAP: &[&str] = &["enqueue-map"];
const UNMAP: &[&str] = &["enqueue-unmap"];
const MIGRATE: &[&str] = &["enqueue-migrate"];
const ALL: &[&str] = &[
    "enqueue-memcpy",
    "enqueue-memfill",
    "enqueue-map",
    "enqueue-unmap",
    "enqueue-migrate",
];

/// Checks that stand in the group of every command, then others.
macro_rules! every {
    ($($check:literal),*; $($other:literal),*) => {
        &[
            $(
                concat!("enqueue-memcpy/", $check),
                concat!("enqueue-memfill/", $check),
                concat!("enqueue-map/", $check),
                concat!("enqueue-unmap/", $check),
                concat!("enqueue-migrate/", $check),
            )*
            $($other,)*
        ]
    };
    ($($check:literal),*) => { every!($($check),*;) };
}

pub const CASES: &[Case] = &[
    ("command-queue-null", ALL, every!("queue-null")),
    (
        "command-queue-of-wrong-type",
        ALL,
        every!("queue-of-wrong-type"),
    ),
    ("command-wait-list-null", ALL, every!("wait-list-null")),
    ("command-wait-list-empty", ALL, every!("wait-list-empty")),
    (
        "command-wait-list-of-null",
        ALL,
        every!("wait-list-of-null"),
    ),
    (
        "command-wait-list-of-wrong-type",
        ALL,
        every!("wait-list-of-wrong-type"),
    ),
    (
        "command-wait-list-of-another-context",
        ALL,
        every!("wait-list-of-another-context"),
    ),
    (
        "command-wait-list-ignored",
        ALL,
        every!(
            "wait-list-of-wrong-type",
            "wait-list-of-another-context",
            "wait-list-reusable",
            "waits",
            "failed-wait";
            "enqueue-memcpy/blocking-failed-wait",
            "enqueue-memcpy/failed-wait-copies-nothing",
            "enqueue-memfill/pattern-reusable",
            "enqueue-memfill/failed-wait-fills-nothing",
            "enqueue-map/blocking-failed-wait"
        ),
    ),
    (
        "command-several-events-ignored",
        ALL,
        every!("wait-list-reusable"),
    ),
    ("event-type", ALL, every!("event-type")),
    ("event-objects", ALL, every!("event-objects")),
    (
        "event-never-complete",
        ALL,
        every!(
            "event-complete";
            "enqueue-memcpy/blocking",
            "enqueue-memcpy/size-zero"
        ),
    ),
    ("failed-wait-completes", ALL, every!("failed-wait")),
    ("profiling-backwards", ALL, every!("profiling")),
    ("memcpy-svm-to-svm", MEMCPY, &["enqueue-memcpy/svm-to-svm"]),
    (
        "memcpy-host-to-svm",
        MEMCPY,
        &["enqueue-memcpy/host-to-svm"],
    ),
    (
        "memcpy-svm-to-host",
        MEMCPY,
        &["enqueue-memcpy/svm-to-host"],
    ),
    (
        "memcpy-host-to-host",
        MEMCPY,
        &["enqueue-memcpy/host-to-host"],
    ),
    (
        "memcpy-touching",
        MEMCPY,
        &["enqueue-memcpy/within-an-allocation"],
    ),
    (
        "memcpy-byte-too-many",
        MEMCPY,
        &["enqueue-memcpy/every-size-and-offset"],
    ),
    (
        "memcpy-at-most-a-mebibyte",
        MEMCPY,
        &["enqueue-memcpy/megabytes"],
    ),
    (
        "memcpy-writes-source",
        MEMCPY,
        &["enqueue-memcpy/source-read-only"],
    ),
    (
        "memcpy-blocking-lost",
        MEMCPY,
        &[
            "enqueue-memcpy/blocking",
            "enqueue-memcpy/blocking-after-pending",
        ],
    ),
    (
        "memcpy-blocking-failed-wait",
        MEMCPY,
        &["enqueue-memcpy/blocking-failed-wait"],
    ),
    (
        "memcpy-despite-failed-wait",
        MEMCPY,
        &["enqueue-memcpy/failed-wait-copies-nothing"],
    ),
    ("memcpy-overlap", MEMCPY, &["enqueue-memcpy/overlap"]),
    (
        "memcpy-overlap-of-host-memory",
        MEMCPY,
        &["enqueue-memcpy/overlap-of-host-memory"],
    ),
    (
        "memcpy-destination-null",
        MEMCPY,
        &["enqueue-memcpy/destination-null"],
    ),
    (
        "memcpy-source-null",
        MEMCPY,
        &["enqueue-memcpy/source-null"],
    ),
    ("memcpy-size-zero", MEMCPY, &["enqueue-memcpy/size-zero"]),
    ("memcpy-too-early", MEMCPY, &["enqueue-memcpy/in-order"]),
    (
        "fill-half-of-pattern",
        FILL,
        &["enqueue-memfill/every-pattern-size"],
    ),
    (
        "fill-last-pattern-lost",
        FILL,
        &["enqueue-memfill/any-number-of-patterns"],
    ),
    (
        "fill-at-most-a-mebibyte",
        FILL,
        &["enqueue-memfill/megabytes"],
    ),
    (
        "fill-pattern-late",
        FILL,
        &["enqueue-memfill/pattern-reusable"],
    ),
    (
        "fill-system-memory",
        FILL,
        &["enqueue-memfill/system-memory"],
    ),
    ("fill-pointer-null", FILL, &["enqueue-memfill/pointer-null"]),
    ("fill-pattern-null", FILL, &["enqueue-memfill/pattern-null"]),
    (
        "fill-pattern-size-zero",
        FILL,
        &["enqueue-memfill/pattern-size-zero"],
    ),
    (
        "fill-pattern-size-not-a-power-of-two",
        FILL,
        &["enqueue-memfill/pattern-size-not-a-power-of-two"],
    ),
    (
        "fill-pattern-size-beyond-128",
        FILL,
        &["enqueue-memfill/pattern-size-beyond-128"],
    ),
    (
        "fill-misaligned",
        FILL,
        &["enqueue-memfill/pointer-misaligned"],
    ),
    (
        "fill-not-a-multiple",
        FILL,
        &["enqueue-memfill/size-not-a-multiple"],
    ),
    ("fill-size-zero", FILL, &["enqueue-memfill/size-zero"]),
    (
        "fill-despite-failed-wait",
        FILL,
        &["enqueue-memfill/failed-wait-fills-nothing"],
    ),
    ("fill-too-early", FILL, &["enqueue-memfill/in-order"]),
    (
        "map-too-early",
        MAP,
        &["enqueue-map/shows-what-the-device-wrote"],
    ),
    ("map-does-not-block", MAP, &["enqueue-map/blocking"]),
    ("map-invalidate-refused", MAP, &["enqueue-map/every-flag"]),
    (
        "map-for-writing-is-empty",
        MAP,
        &["enqueue-map/writing-keeps-contents"],
    ),
    ("map-of-a-part", MAP, &["enqueue-map/of-a-part"]),
    (
        "map-fine-grained-refused",
        MAP,
        &["enqueue-map/fine-grained"],
    ),
    (
        "map-system-memory-refused",
        MAP,
        &["enqueue-map/system-memory"],
    ),
    ("map-pointer-null", MAP, &["enqueue-map/pointer-null"]),
    ("map-size-zero", MAP, &["enqueue-map/size-zero"]),
    ("map-unknown-flags", MAP, &["enqueue-map/unknown-flags"]),
    (
        "map-invalidate-and-read",
        MAP,
        &["enqueue-map/invalidate-and-read"],
    ),
    (
        "map-invalidate-and-write",
        MAP,
        &["enqueue-map/invalidate-and-write"],
    ),
    (
        "map-blocking-failed-wait",
        MAP,
        &["enqueue-map/blocking-failed-wait"],
    ),
    (
        "unmap-loses-writes",
        UNMAP,
        &["enqueue-unmap/shows-what-the-host-wrote"],
    ),
    (
        "unmap-loses-new-writes",
        UNMAP,
        &["enqueue-unmap/shows-what-the-host-wrote-anew"],
    ),
    ("unmap-of-a-part", UNMAP, &["enqueue-unmap/of-a-part"]),
    (
        "unmap-after-reading",
        UNMAP,
        &["enqueue-unmap/after-reading"],
    ),
    (
        "unmap-on-another-queue-refused",
        UNMAP,
        &["enqueue-unmap/on-another-queue"],
    ),
    ("unmap-pointer-null", UNMAP, &["enqueue-unmap/pointer-null"]),
    (
        "migrate-allocations-spoiled",
        MIGRATE,
        &["enqueue-migrate/sizes-null"],
    ),
    (
        "migrate-size-zero-spoiled",
        MIGRATE,
        &["enqueue-migrate/sizes-zero"],
    ),
    (
        "migrate-ranges-spoiled",
        MIGRATE,
        &["enqueue-migrate/ranges"],
    ),
    (
        "migrate-last-of-many-spoiled",
        MIGRATE,
        &["enqueue-migrate/many"],
    ),
    (
        "migrate-to-host-spoiled",
        MIGRATE,
        &[
            "enqueue-migrate/to-the-host",
            "enqueue-migrate/used-afterwards",
        ],
    ),
    (
        "migrate-gives-up-too-much",
        MIGRATE,
        &["enqueue-migrate/content-undefined"],
    ),
    (
        "migrate-both-flags-refused",
        MIGRATE,
        &["enqueue-migrate/both-flags"],
    ),
    (
        "migrate-back-spoiled",
        MIGRATE,
        &["enqueue-migrate/used-afterwards"],
    ),
    (
        "migrate-fine-grained-refused",
        MIGRATE,
        &["enqueue-migrate/fine-grained"],
    ),
    (
        "migrate-count-zero",
        MIGRATE,
        &["enqueue-migrate/count-zero"],
    ),
    ("migrate-list-null", MIGRATE, &["enqueue-migrate/list-null"]),
    (
        "migrate-unknown-flags",
        MIGRATE,
        &["enqueue-migrate/unknown-flags"],
    ),
    (
        "migrate-past-the-end",
        MIGRATE,
        &["enqueue-migrate/range-past-the-end"],
    ),
    (
        "migrate-wraps-around",
        MIGRATE,
        &["enqueue-migrate/range-wraps-around"],
    ),
    (
        "migrate-of-the-application",
        MIGRATE,
        &["enqueue-migrate/range-of-the-application"],
    ),
    (
        "migrate-at-null",
        MIGRATE,
        &["enqueue-migrate/range-at-null"],
    ),
];

/// Checks that no rule is broken for.
pub const OPEN: &[&str] = every!("queue-on-device"; "enqueue-map/flags-zero");
