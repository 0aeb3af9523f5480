use std::ops::Range;

use super::*;
use proptest::prelude::*;

fn at(bytes: &mut [u8], offset: usize) -> Address {
    Address::from(bytes[offset..].as_mut_ptr())
}

fn numbered(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| (index * 7 + index / 251) as u8)
        .collect()
}

fn untouched(bytes: &[u8], range: Range<usize>) -> bool {
    let outside = bytes[..range.start].iter().chain(&bytes[range.end..]);
    outside.into_iter().all(|byte| *byte == 0xee)
}

/// Answers false where the processor cannot stream, and copies otherwise.
type StreamCopy = fn(usize, usize, usize) -> bool;

#[test]
fn copies_of_both_kinds_are_exact_at_any_alignment() {
    let ordinary: StreamCopy = |to, from, len| {
        copy(Address(to), Address(from), len);
        true
    };
    for (function, len) in [
        (ordinary, 100_077),
        (stream::copy as StreamCopy, 100_077),
        (stream::copy as StreamCopy, 65_536),
        (ordinary, stream::COPY_THRESHOLD + 77),
    ] {
        let mut source = numbered(len + 200);
        for (from, to) in [(0, 0), (1, 3), (64, 63), (7, 64), (33, 128)] {
            let mut destination = vec![0xee; len + 200];
            let (to_address, from_address) = (at(&mut destination, to), at(&mut source, from));
            if function(to_address.0, from_address.0, len) {
                assert!(destination[to..to + len] == source[from..from + len]);
                assert!(untouched(&destination, to..to + len));
            }
        }
    }
}

#[test]
fn overlapping_copies_behave_as_if_through_a_buffer() {
    let len = stream::COPY_THRESHOLD + 5;
    for shift in [1, 4096] {
        let original = numbered(len + shift);
        let mut bytes = original.clone();
        let start = at(&mut bytes, 0);
        copy(start.wrapping_add(shift), start, len);
        assert!(bytes[shift..] == original[..len]);
        let mut bytes = original.clone();
        let start = at(&mut bytes, 0);
        copy(start, start.wrapping_add(shift), len);
        assert!(bytes[..len] == original[shift..]);
    }
}

#[test]
fn fills_are_exact_for_every_pattern_length() {
    for pattern_len in [1, 2, 3, 4, 8, 16, 32, 64, 100, 128] {
        let pattern: Vec<u8> = (1..=pattern_len as u8).collect();
        let len = 20_000 / pattern_len * pattern_len + 2 * pattern_len;
        for offset in [0, 1, 48, 64] {
            let mut bytes = vec![0xee; len + 128];
            fill(at(&mut bytes, offset), &pattern, len);
            let mut chunks = bytes[offset..offset + len].chunks(pattern_len);
            assert!(
                chunks.all(|chunk| chunk == pattern),
                "{pattern_len} at {offset}"
            );
            assert!(untouched(&bytes, offset..offset + len));
        }
    }
}

#[test]
fn streamed_fills_are_exact_for_every_pattern_they_take() {
    for pattern_len in [1, 2, 4, 8, 16, 32, 64, 128] {
        let pattern: Vec<u8> = (1..=pattern_len as u8).collect();
        let mut block = Block([0; BLOCK]);
        repeat(&pattern, &mut block.0);
        for (offset, len) in [(0, 0), (1, 60), (63, 10_112), (64, 20_000), (17, 8192)] {
            let mut bytes = vec![0xee; len + 128];
            if stream::fill(at(&mut bytes, offset).0, &block.0, len) {
                let wanted: Vec<u8> = pattern.iter().copied().cycle().take(len).collect();
                assert!(
                    bytes[offset..offset + len] == wanted,
                    "{pattern_len} at {offset}"
                );
                assert!(untouched(&bytes, offset..offset + len));
            }
        }
    }
}

#[test]
fn fills_large_enough_to_stream_are_exact() {
    let len = stream::FILL_THRESHOLD + 36;
    let mut bytes = vec![0xee; len + 64];
    fill(at(&mut bytes, 5), &[1, 2, 3, 4], len);
    assert!(bytes[5..5 + len] == [1, 2, 3, 4].repeat(len / 4));
    assert!(untouched(&bytes, 5..5 + len));
}

#[test]
fn filling_in_pieces_equals_filling_at_once() {
    let len = 9 * PIECE_GRANULE + 256;
    let pattern: Vec<u8> = (0..128).collect();
    let mut bytes = vec![0; len];
    let start = at(&mut bytes, 0);
    for first in (0..len).step_by(PIECE_GRANULE) {
        let piece = PIECE_GRANULE.min(len - first);
        fill(start.wrapping_add(first), &pattern, piece);
    }
    assert!(bytes.chunks(128).all(|chunk| chunk == pattern));
}

proptest! {
    #[test]
    fn copies_and_fills_touch_exactly_their_range(
        len in 0_usize..3000, from in 0_usize..70, to in 0_usize..70,
        pattern in prop::collection::vec(any::<u8>(), 1..129),
    ) {
        let mut source = numbered(3100);
        let mut destination = vec![0xee; 3100];
        copy(at(&mut destination, to), at(&mut source, from), len);
        prop_assert_eq!(&destination[to..to + len], &source[from..from + len]);
        prop_assert!(untouched(&destination, to..to + len));
        let mut destination = vec![0xee; 3100];
        fill(at(&mut destination, to), &pattern, len);
        let wanted: Vec<u8> = pattern.iter().copied().cycle().take(len).collect();
        prop_assert_eq!(&destination[to..to + len], &wanted[..]);
        prop_assert!(untouched(&destination, to..to + len));
    }
}
