//! What sequences hold.

use super::super::limits::DeviceLimits;
use super::*;

pub const LIMITS: Limits = Limits {
    threads: 2,
    steps: 60,
    device: DeviceLimits {
        fine_grain: true,
        atomics: true,
        out_of_order: true,
        sub_buffer_alignment: 128,
    },
};

/// What a name of a step looks like in the debug output.
#[test]
fn sequences_hold_everything_that_there_is() {
    let text: Vec<String> = (1..300)
        .map(|seed| format!("{:?}", generate(seed, &LIMITS)))
        .collect();
    for word in [
        "Free(",
        "Enqueue(Free",
        "Buffer {",
        "SubBuffer",
        "ReleaseBuffer",
        "UserEvent",
        "Complete",
        "Flush",
        "Finish",
        "Wait(",
        "Query",
        "ReleaseEvent",
        "HostWrite",
        "HostCheck",
        "Pointers",
        "Fill(",
        "Copy(",
        "CopyIn",
        "CopyOut",
        "Map(",
        "Unmap",
        "Migrate",
        "Write(",
        "Add(",
        "Chase",
        "BufferFill",
        "BufferWrite",
        "BufferRead",
        "Marker",
        "Barrier",
        "Bad(",
        "shared: true",
        "out_of_order: true",
    ] {
        let count = text.iter().filter(|text| text.contains(word)).count();
        assert!(
            count >= 20,
            "{count} of {} sequences have {word}",
            text.len()
        );
    }
}

#[test]
fn a_seed_gives_the_same_sequence_again_and_others_give_others() {
    assert_eq!(generate(1, &LIMITS), generate(1, &LIMITS));
    assert_ne!(generate(1, &LIMITS).threads, generate(2, &LIMITS).threads);
}
