//! Rules of kernels: their arguments, and what they reach.

use super::Case;

const ARGUMENTS: &[&str] = &["kernel-arguments"];
const EXEC_INFO: &[&str] = &["exec-info"];

pub const CASES: &[Case] = &[
    (
        "argument-index",
        ARGUMENTS,
        &["kernel-arguments/index-too-large"],
    ),
    (
        "argument-kernel-null",
        ARGUMENTS,
        &["kernel-arguments/kernel-null"],
    ),
    (
        "argument-kernel-of-wrong-type",
        ARGUMENTS,
        &["kernel-arguments/kernel-of-wrong-type"],
    ),
    (
        "argument-by-value",
        ARGUMENTS,
        &["kernel-arguments/by-value"],
    ),
    ("argument-local", ARGUMENTS, &["kernel-arguments/local"]),
    (
        "argument-base",
        ARGUMENTS,
        &["kernel-arguments/interior-pointers"],
    ),
    (
        "argument-constant",
        ARGUMENTS,
        &["kernel-arguments/constant"],
    ),
    (
        "argument-fine-grained",
        ARGUMENTS,
        &["kernel-arguments/every-kind"],
    ),
    (
        "argument-system",
        ARGUMENTS,
        &["kernel-arguments/system-memory"],
    ),
    ("argument-set-once", ARGUMENTS, &["kernel-arguments/kept"]),
    (
        "argument-not-captured",
        ARGUMENTS,
        &["kernel-arguments/captured"],
    ),
    (
        "argument-buffer-stays",
        ARGUMENTS,
        &["kernel-arguments/instead-of-a-buffer"],
    ),
    (
        "argument-same",
        ARGUMENTS,
        &["kernel-arguments/same-pointer-twice"],
    ),
    (
        "argument-of-all",
        ARGUMENTS,
        &["kernel-arguments/of-each-kernel"],
    ),
    (
        "argument-twentieth",
        ARGUMENTS,
        &["kernel-arguments/thirty"],
    ),
    (
        "argument-beside",
        ARGUMENTS,
        &["kernel-arguments/beside-others"],
    ),
    ("argument-unset", ARGUMENTS, &["kernel-arguments/unset"]),
    (
        "argument-raw-pointer",
        ARGUMENTS,
        &["kernel-arguments/raw-pointer"],
    ),
    ("clone-is-empty", ARGUMENTS, &["kernel-arguments/clone"]),
    (
        "clone-is-the-same",
        ARGUMENTS,
        &["kernel-arguments/clone-of-its-own"],
    ),
    (
        "kernel-lost-interior",
        ARGUMENTS,
        &["kernel-arguments/interior-pointers"],
    ),
    (
        "kernel-lost-from_constant",
        ARGUMENTS,
        &["kernel-arguments/constant"],
    ),
    (
        "kernel-lost-twice",
        ARGUMENTS,
        &["kernel-arguments/same-pointer-twice"],
    ),
    (
        "kernel-lost-any_kind",
        ARGUMENTS,
        &["kernel-arguments/every-kind"],
    ),
    (
        "kernel-lost-system",
        ARGUMENTS,
        &["kernel-arguments/system-memory"],
    ),
    (
        "kernel-lost-through_memory",
        EXEC_INFO,
        &["exec-info/reached-through-memory"],
    ),
    (
        "kernel-lost-through_the_middle",
        EXEC_INFO,
        &["exec-info/interior-pointers"],
    ),
    (
        "kernel-lost-structure",
        EXEC_INFO,
        &["exec-info/pointer-in-a-structure"],
    ),
    ("kernel-lost-replaced", EXEC_INFO, &["exec-info/replaced"]),
    ("kernel-lost-kept_set", EXEC_INFO, &["exec-info/kept"]),
    ("kernel-lost-written", EXEC_INFO, &["exec-info/written"]),
    ("kernel-lost-large_set", EXEC_INFO, &["exec-info/large-set"]),
    (
        "exec-info-at-most-a-hundred",
        EXEC_INFO,
        &["exec-info/large-set"],
    ),
    (
        "kernel-lost-with_arguments",
        EXEC_INFO,
        &["exec-info/with-arguments"],
    ),
    ("kernel-lost-empty_set", EXEC_INFO, &["exec-info/empty-set"]),
    ("exec-info-empty-set", EXEC_INFO, &["exec-info/empty-set"]),
    ("kernel-lost-cloned_set", EXEC_INFO, &["exec-info/clone"]),
    (
        "exec-info-kernel-null",
        EXEC_INFO,
        &["exec-info/kernel-null"],
    ),
    (
        "exec-info-kernel-of-wrong-type",
        EXEC_INFO,
        &["exec-info/kernel-of-wrong-type"],
    ),
    ("exec-info-name", EXEC_INFO, &["exec-info/unknown-name"]),
    ("exec-info-value-null", EXEC_INFO, &["exec-info/value-null"]),
    (
        "exec-info-size-of-pointers",
        EXEC_INFO,
        &["exec-info/size-of-pointers"],
    ),
    (
        "exec-info-size-of-system",
        EXEC_INFO,
        &["exec-info/size-of-fine-grain-system"],
    ),
    (
        "kernel-lost-reaches_system",
        EXEC_INFO,
        &["exec-info/fine-grain-system"],
    ),
    (
        "exec-info-system-refused",
        EXEC_INFO,
        &[
            "exec-info/without-fine-grain-system",
            "exec-info/fine-grain-system",
        ],
    ),
];

/// Checks that no rule is broken for.
pub const OPEN: &[&str] = &[
    "kernel-arguments/null",
    "exec-info/fine-grain-system-unsupported",
];
