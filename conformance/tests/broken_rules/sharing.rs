//! Rules of addresses, of what stands beside an allocation, and of buffer objects over SVM.

use super::Case;

const ADDRESS: &[&str] = &["address-identity"];
const GUARD: &[&str] = &["guard"];
const BUFFERS: &[&str] = &["buffers-over-svm", "sub-buffers"];

/// The rules, the groups, and the checks that notice.
pub const CASES: &[Case] = &[
    (
        "kernel-address",
        ADDRESS,
        &[
            "address-identity/argument",
            "address-identity/interior-pointer",
            "address-identity/every-kind",
        ],
    ),
    ("null-pointers", ADDRESS, &["address-identity/null"]),
    (
        "pointer-size",
        ADDRESS,
        &["address-identity/size-of-pointers"],
    ),
    ("address-bits", ADDRESS, &["address-identity/address-bits"]),
    (
        "list-cut",
        ADDRESS,
        &[
            "address-identity/list-of-the-host",
            "address-identity/from-kernel-to-kernel",
            "address-identity/copied-by-a-command",
        ],
    ),
    (
        "list-too-short",
        ADDRESS,
        &[
            "address-identity/list-of-a-kernel",
            "address-identity/from-kernel-to-kernel",
        ],
    ),
    ("tree-lost", ADDRESS, &["address-identity/tree"]),
    ("integer-pointers", ADDRESS, &["address-identity/integers"]),
    ("pointer-order", ADDRESS, &["address-identity/comparison"]),
    (
        "local-copy",
        ADDRESS,
        &["address-identity/copied-to-local-memory"],
    ),
    ("fill-elsewhere", GUARD, &["guard/fill-all"]),
    ("fill-behind", GUARD, &["guard/fill-part"]),
    ("copy-elsewhere", GUARD, &["guard/copy-all"]),
    ("copy-behind", GUARD, &["guard/copy-part"]),
    ("copy-source", GUARD, &["guard/copy-source"]),
    (
        "kernel-elsewhere",
        GUARD,
        &[
            "guard/kernel-all",
            "guard/kernel-part",
            "guard/kernel-every-third",
        ],
    ),
    (
        "map-elsewhere",
        GUARD,
        &[
            "guard/fill-all",
            "guard/copy-all",
            "guard/kernel-all",
            "guard/map-all",
            "guard/freed-beside",
        ],
    ),
    ("map-behind", GUARD, &["guard/map-part"]),
    ("free-writes-elsewhere", GUARD, &["guard/freed-beside"]),
    (
        "buffer-over-svm-refused",
        BUFFERS,
        &["buffers-over-svm/created"],
    ),
    ("buffer-too-large", BUFFERS, &["buffers-over-svm/too-large"]),
    (
        "buffer-copy-too-large",
        BUFFERS,
        &["buffers-over-svm/copy-too-large"],
    ),
    ("buffer-size-zero", BUFFERS, &["buffers-over-svm/size-zero"]),
    (
        "pointer-without-flag",
        BUFFERS,
        &["buffers-over-svm/pointer-without-flag"],
    ),
    (
        "flag-without-pointer",
        BUFFERS,
        &["buffers-over-svm/flag-without-pointer"],
    ),
    (
        "uses-svm-pointer",
        BUFFERS,
        &[
            "buffers-over-svm/uses-svm-pointer",
            "sub-buffers/uses-svm-pointer",
        ],
    ),
    (
        "uses-no-svm-pointer",
        BUFFERS,
        &["buffers-over-svm/uses-no-svm-pointer"],
    ),
    (
        "host-pointer",
        BUFFERS,
        &["buffers-over-svm/host-pointer", "sub-buffers/host-pointer"],
    ),
    (
        "contents-lost",
        BUFFERS,
        &["buffers-over-svm/initial-contents"],
    ),
    (
        "buffer-apart",
        BUFFERS,
        &[
            "buffers-over-svm/fill-and-copy",
            "buffers-over-svm/fine-grained",
            "buffers-over-svm/host-pointer",
            "buffers-over-svm/kernel-address",
            "buffers-over-svm/kernel-writes",
            "buffers-over-svm/map-address",
            "buffers-over-svm/map-shows-latest",
            "buffers-over-svm/memory-seen-in-buffer",
            "buffers-over-svm/released",
            "buffers-over-svm/uses-svm-pointer",
            "buffers-over-svm/write-seen-in-memory",
            "sub-buffers/beside-each-other",
            "sub-buffers/flags",
            "sub-buffers/host-pointer",
            "sub-buffers/kernel-address",
            "sub-buffers/map-address",
            "sub-buffers/memory-seen-in-it",
            "sub-buffers/outlives-its-buffer",
            "sub-buffers/uses-svm-pointer",
            "sub-buffers/write-seen-in-memory",
        ],
    ),
    (
        "copy-not-made",
        BUFFERS,
        &[
            "buffers-over-svm/copied",
            "buffers-over-svm/uses-no-svm-pointer",
        ],
    ),
    ("read-to-svm", BUFFERS, &["buffers-over-svm/read-to-svm"]),
    ("sub-buffer-flags", BUFFERS, &["sub-buffers/flags"]),
    (
        "sub-buffer-origin",
        BUFFERS,
        &["sub-buffers/origin-and-parent"],
    ),
    (
        "sub-buffer-misplaced",
        BUFFERS,
        &[
            "sub-buffers/beside-each-other",
            "sub-buffers/host-pointer",
            "sub-buffers/kernel-address",
            "sub-buffers/map-address",
            "sub-buffers/memory-seen-in-it",
            "sub-buffers/origin-and-parent",
            "sub-buffers/write-seen-in-memory",
        ],
    ),
    (
        "sub-buffer-misaligned",
        BUFFERS,
        &["sub-buffers/misaligned-origin"],
    ),
    (
        "sub-buffer-out-of-bounds",
        BUFFERS,
        &["sub-buffers/out-of-bounds"],
    ),
    ("sub-buffer-size-zero", BUFFERS, &["sub-buffers/size-zero"]),
    (
        "sub-buffer-of-a-sub-buffer",
        BUFFERS,
        &["sub-buffers/of-a-sub-buffer"],
    ),
    (
        "sub-buffer-host-pointer-flags",
        BUFFERS,
        &["sub-buffers/host-pointer-flags"],
    ),
    (
        "sub-buffer-dies-with-its-buffer",
        BUFFERS,
        &["sub-buffers/outlives-its-buffer"],
    ),
    ("region-null", BUFFERS, &["sub-buffers/region-null"]),
];
