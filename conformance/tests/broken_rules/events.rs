//! Rules of maps beside each other, and of events.

use super::Case;

const RULES: &[&str] = &["coarse-grained-rules"];
const EVENTS: &[&str] = &["events"];

pub const CASES: &[Case] = &[
    ("map-spoils-1004", RULES, &["coarse-grained-rules/in-turns"]),
    (
        "kernel-lost-turn",
        RULES,
        &["coarse-grained-rules/in-turns"],
    ),
    (
        "map-spoils-503",
        RULES,
        &["coarse-grained-rules/nested-maps"],
    ),
    (
        "unmap-spoils-503",
        RULES,
        &["coarse-grained-rules/nested-maps"],
    ),
    (
        "unmap-spoils-1501",
        RULES,
        &["coarse-grained-rules/side-by-side"],
    ),
    (
        "unmap-spoils-1301",
        RULES,
        &["coarse-grained-rules/repeated-maps"],
    ),
    (
        "memcpy-lost-2003",
        RULES,
        &["coarse-grained-rules/device-reads-meanwhile"],
    ),
    (
        "memcpy-lost-2207",
        RULES,
        &["coarse-grained-rules/another-allocation"],
    ),
    (
        "unmap-spoils-2203",
        RULES,
        &["coarse-grained-rules/another-allocation"],
    ),
    (
        "unmap-spoils-2503",
        RULES,
        &["coarse-grained-rules/invalidated"],
    ),
    (
        "unmap-spoils-703",
        RULES,
        &["coarse-grained-rules/invalidated-part"],
    ),
    (
        "unmap-spoils-17",
        RULES,
        &["coarse-grained-rules/many-parts"],
    ),
    (
        "map-spoils-1709",
        RULES,
        &["coarse-grained-rules/map-after-event"],
    ),
    (
        "unmap-spoils-1811",
        RULES,
        &["coarse-grained-rules/out-of-order"],
    ),
    (
        "unmap-spoils-1907",
        RULES,
        &["coarse-grained-rules/across-queues"],
    ),
    (
        "map-spoils-2113",
        RULES,
        &["coarse-grained-rules/earlier-writes-survive"],
    ),
    (
        "command-several-events-ignored",
        EVENTS,
        &["events/several", "events/same-event-twice"],
    ),
    (
        "command-complete-event-refused",
        EVENTS,
        &["events/already-complete"],
    ),
    ("failed-wait-completes", EVENTS, &["events/failure-goes-on"]),
    ("wait-hides-failure", EVENTS, &["events/wait-for-failed"]),
    (
        "event-callback-lost",
        EVENTS,
        &["events/callback-complete", "events/callback-failed"],
    ),
    (
        "event-callback-tells-success",
        EVENTS,
        &["events/callback-failed"],
    ),
    (
        "event-never-complete",
        EVENTS,
        &["events/outlives-its-queue"],
    ),
    (
        "profiling-always",
        EVENTS,
        &[
            "events/profiling-not-enabled",
            "events/profiling-while-pending",
        ],
    ),
    (
        "profiling-of-anything",
        EVENTS,
        &["events/profiling-unknown-name"],
    ),
    (
        "profiling-in-any-room",
        EVENTS,
        &["events/profiling-size-too-small"],
    ),
    ("event-info-anything", EVENTS, &["events/info-unknown-name"]),
    (
        "event-info-in-any-room",
        EVENTS,
        &["events/info-size-too-small"],
    ),
    (
        "memcpy-lost-64",
        EVENTS,
        &["events/chain-of-all-commands", "events/released-at-once"],
    ),
];
