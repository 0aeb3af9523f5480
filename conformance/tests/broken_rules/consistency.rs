//! Rules of what host and kernels do at the same time, and one after the other.

use super::Case;

const CONSISTENCY: &[&str] = &["consistency"];
const POINTS: &[&str] = &["synchronization-points"];
const QUEUES: &[&str] = &["queues"];

/// The rules, the groups, and the checks that notice.
pub const CASES: &[Case] = &[
    (
        "release-too-early",
        CONSISTENCY,
        &[
            "consistency/message-to-the-host",
            "consistency/message-to-the-host-sequential",
            "consistency/message-to-the-host-fence",
            "consistency/message-to-the-host-exchange",
        ],
    ),
    (
        "acquire-too-early",
        CONSISTENCY,
        &[
            "consistency/message-to-a-kernel",
            "consistency/message-to-a-kernel-sequential",
            "consistency/message-to-a-kernel-fence",
            "consistency/message-to-a-kernel-exchange",
        ],
    ),
    (
        "sequential-store-lost",
        CONSISTENCY,
        &["consistency/store-buffering"],
    ),
    (
        "values-out-of-nowhere",
        CONSISTENCY,
        &["consistency/coherence"],
    ),
    ("addition-wrong", CONSISTENCY, &["consistency/counter"]),
    ("ticket-twice", CONSISTENCY, &["consistency/tickets"]),
    (
        "compare-exchange-wrong",
        CONSISTENCY,
        &["consistency/compare-exchange"],
    ),
    ("exchange-wrong", CONSISTENCY, &["consistency/exchange"]),
    ("bits-lost", CONSISTENCY, &["consistency/bits"]),
    ("maximum-lost", CONSISTENCY, &["consistency/extremes"]),
    (
        "system-addition-lost",
        CONSISTENCY,
        &["consistency/counter-in-system-memory"],
    ),
    (
        "kernel-writes-wrong",
        POINTS,
        &[
            "synchronization-points/finish",
            "synchronization-points/wait-for-events",
        ],
    ),
    (
        "kernel-reads-wrong",
        POINTS,
        &[
            "synchronization-points/enqueue",
            "synchronization-points/user-event",
            "synchronization-points/event-of-another-queue",
        ],
    ),
    (
        "bytes-not-written",
        POINTS,
        &["synchronization-points/host-beside-kernel"],
    ),
    (
        "elements-not-written",
        POINTS,
        &["synchronization-points/two-kernels"],
    ),
    (
        "device-addition-wrong",
        POINTS,
        &["synchronization-points/counter-of-two-kernels"],
    ),
    (
        "message-lost",
        POINTS,
        &["synchronization-points/message-between-kernels"],
    ),
    (
        "copies-lost",
        QUEUES,
        &[
            "queues/in-order",
            "queues/in-order-kernels",
            "queues/chain",
            "queues/diamond",
            "queues/independent",
            "queues/barrier",
            "queues/barrier-of-events",
            "queues/event-of-another-queue",
        ],
    ),
    (
        "blocking-copy-first",
        QUEUES,
        &["queues/blocking-after-others"],
    ),
    (
        "user-events-ignored",
        QUEUES,
        &[
            "queues/user-event",
            "queues/diamond",
            "queues/marker",
            "queues/barrier",
            "queues/barrier-of-events",
        ],
    ),
    ("marker-does-not-wait", QUEUES, &["queues/marker"]),
    ("marker-waits-for-all", QUEUES, &["queues/marker-of-events"]),
    ("barrier-does-nothing", QUEUES, &["queues/barrier"]),
    (
        "barrier-of-events-does-nothing",
        QUEUES,
        &["queues/barrier-of-events"],
    ),
    (
        "queues-block-each-other",
        QUEUES,
        &["queues/do-not-wait-for-each-other"],
    ),
    ("small-fills-lost", QUEUES, &["queues/many"]),
    ("finish-does-not-wait", QUEUES, &["queues/finish"]),
    ("flush-does-nothing", QUEUES, &["queues/flush"]),
    ("wait-returns-at-once", QUEUES, &["queues/wait-flushes"]),
    ("release-discards", QUEUES, &["queues/release-flushes"]),
];
