//! Rules of several contexts, devices and threads, and of limits.

use super::Case;

const CONTEXTS: &[&str] = &["contexts"];
const DEVICES: &[&str] = &["devices"];
const THREADS: &[&str] = &["threads"];
const LIMITS: &[&str] = &["limits"];
const FORK_AND_EXIT: &[&str] = &["fork-and-exit"];

/// The rules, the groups, and the checks that notice.
pub const CASES: &[Case] = &[
    (
        "older-contexts-lose-commands",
        CONTEXTS,
        &["contexts/side-by-side", "contexts/released-in-any-order"],
    ),
    ("retain-does-nothing", CONTEXTS, &["contexts/retained"]),
    (
        "queue-does-not-hold-its-context",
        CONTEXTS,
        &["contexts/held-by-a-queue"],
    ),
    ("contexts-run-out", CONTEXTS, &["contexts/again-and-again"]),
    (
        "sub-device-capabilities",
        DEVICES,
        &["devices/capabilities-of-sub-devices"],
    ),
    (
        "fills-of-sub-devices-lost",
        DEVICES,
        &[
            "devices/sub-devices",
            "devices/device-and-sub-devices",
            "devices/chain",
        ],
    ),
    (
        "launches-of-sub-devices-lost",
        DEVICES,
        &["devices/addresses", "devices/list"],
    ),
    ("threads-get-the-same", THREADS, &["threads/allocations"]),
    (
        "fills-of-threads-lost",
        THREADS,
        &[
            "threads/allocate-use-free",
            "threads/one-queue",
            "threads/contexts",
        ],
    ),
    (
        "freed-by-another-given-twice",
        THREADS,
        &["threads/free-by-another"],
    ),
    ("launches-of-threads-lost", THREADS, &["threads/kernels"]),
    (
        "status-of-threads-ignored",
        THREADS,
        &["threads/user-event"],
    ),
    ("callback-never", THREADS, &["threads/enqueue-free"]),
    ("maximum-too-small", LIMITS, &["limits/smallest-maximum"]),
    ("last-byte-refused", LIMITS, &["limits/ends-of-the-largest"]),
    ("fills-lost-when-full", LIMITS, &["limits/exhaustion"]),
    ("freed-is-lost", LIMITS, &["limits/after-exhaustion"]),
    (
        "fills-beyond-a-thousand-lost",
        LIMITS,
        &["limits/many-small", "limits/many-commands"],
    ),
    ("list-cut", LIMITS, &["limits/many-reached"]),
    (
        "exit-aborts",
        FORK_AND_EXIT,
        &[
            "fork-and-exit/live-memory",
            "fork-and-exit/mapped-memory",
            "fork-and-exit/live-objects",
            "fork-and-exit/pending-commands",
            "fork-and-exit/running-commands",
            "fork-and-exit/waiting-thread",
            "fork-and-exit/by-another-thread",
            "fork-and-exit/context-released-with-memory",
        ],
    ),
    (
        "fork-spoils-memory",
        FORK_AND_EXIT,
        &["fork-and-exit/child-that-ends"],
    ),
    (
        "fills-that-wait-lost",
        FORK_AND_EXIT,
        &["fork-and-exit/child-while-commands-wait"],
    ),
];

/// Checks that no rule is broken for: this device is alone.
pub const OPEN: &[&str] = &["devices/two-devices"];
