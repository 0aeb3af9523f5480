//! Rules of allocation and of freeing.

use super::Case;

const CAPABILITIES: &[&str] = &["capabilities"];
const ALLOCATION: &[&str] = &["allocation"];
const ALIGNMENT: &[&str] = &["alignment"];
const FREE: &[&str] = &["free"];
const ENQUEUE: &[&str] = &[
    "enqueue-free",
    "enqueue-free-order",
    "enqueue-free-callback",
];

pub const CASES: &[Case] = &[
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

/// Checks that no rule is broken for.
pub const OPEN: &[&str] = &[
    "allocation/four-of-maximum-size",
    "allocation/fine-grain-of-mixed-devices",
    "enqueue-free/queue-on-device",
    "enqueue-free-callback/and-completion",
];
