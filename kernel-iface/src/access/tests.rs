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

#[test]
fn large_copies_are_exact_at_any_alignment() {
    let len = stream::COPY_THRESHOLD + 77;
    let mut source = numbered(len + 200);
    for (from, to) in [(0, 0), (1, 3), (64, 63), (7, 64), (33, 128)] {
        let mut destination = vec![0xee; len + 200];
        copy(at(&mut destination, to), at(&mut source, from), len);
        assert_eq!(&destination[to..to + len], &source[from..from + len]);
        assert!(destination[..to]
            .iter()
            .chain(&destination[to + len..])
            .all(|byte| *byte == 0xee));
    }
}

#[test]
fn overlapping_copies_behave_as_if_through_a_buffer() {
    let len = stream::COPY_THRESHOLD + 5;
    for shift in [1, 64, 4096] {
        let original = numbered(len + shift);
        let mut bytes = original.clone();
        let start = at(&mut bytes, 0);
        copy(start.wrapping_add(shift), start, len);
        assert_eq!(&bytes[shift..], &original[..len]);
        let mut bytes = original.clone();
        let start = at(&mut bytes, 0);
        copy(start, start.wrapping_add(shift), len);
        assert_eq!(&bytes[..len], &original[shift..]);
    }
}

#[test]
fn large_fills_are_exact_for_every_pattern_length() {
    for pattern_len in [1, 2, 3, 4, 8, 16, 32, 64, 100, 128] {
        let pattern: Vec<u8> = (1..=pattern_len as u8).collect();
        let len = stream::FILL_THRESHOLD / pattern_len * pattern_len + 2 * pattern_len;
        for offset in [0, 1, 48, 64] {
            let mut bytes = vec![0xee; len + 128];
            fill(at(&mut bytes, offset), &pattern, len);
            let right = bytes[offset..offset + len]
                .chunks(pattern_len)
                .all(|chunk| chunk == pattern);
            assert!(right, "pattern of {pattern_len} at offset {offset}");
            assert!(bytes[..offset]
                .iter()
                .chain(&bytes[offset + len..])
                .all(|byte| *byte == 0xee));
        }
    }
}

#[test]
fn pieces_cover_the_range_once_and_end_at_granules() {
    for (len, count) in [
        (0, 3),
        (1, 3),
        (1 << 20, 1),
        ((1 << 20) + 5, 3),
        (10 << 20, 7),
        (100, 0),
    ] {
        let mut next = 0;
        let mut number = 0;
        for piece in pieces(len, count) {
            assert_eq!(piece.start, next);
            assert!(piece.end == len || piece.end % PIECE_GRANULE == 0);
            next = piece.end;
            number += 1;
        }
        assert_eq!(next, len);
        assert!(number <= count.max(1));
    }
}

#[test]
fn filling_in_pieces_equals_filling_at_once() {
    let len = 9 * PIECE_GRANULE + 256;
    let pattern: Vec<u8> = (0..128).collect();
    let mut bytes = vec![0; len];
    let start = at(&mut bytes, 0);
    for piece in pieces(len, 4) {
        fill(start.wrapping_add(piece.start), &pattern, piece.len());
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
        prop_assert!(destination[..to].iter().chain(&destination[to + len..]).all(|byte| *byte == 0xee));
        let mut destination = vec![0xee; 3100];
        fill(at(&mut destination, to), &pattern, len);
        let wanted: Vec<u8> = pattern.iter().copied().cycle().take(len).collect();
        prop_assert_eq!(&destination[to..to + len], &wanted[..]);
        prop_assert!(destination[..to].iter().chain(&destination[to + len..]).all(|byte| *byte == 0xee));
    }
}
