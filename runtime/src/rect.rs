//! Rectangles in linear memory (§5.2.2) and when two of them overlap (appendix D).

use crate::{Error, ErrorCode, Result};

/// How a rectangle's rows and slices follow each other, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pitches {
    /// From row to row, not zero.
    pub row: usize,
    /// From slice to slice, not zero.
    pub slice: usize,
}

impl Pitches {
    /// The pitches for a region of (bytes, rows, slices), zero standing for the tightest.
    ///
    /// # Errors
    /// `InvalidValue` for an empty region and for pitches that do not fit it.
    pub fn new(region: [usize; 3], row_pitch: usize, slice_pitch: usize) -> Result<Self> {
        // CL_INVALID_VALUE: any region array element is zero.
        if region.contains(&0) {
            return Err(invalid("an element of region is zero"));
        }
        // CL_INVALID_VALUE: row_pitch is not equal to zero and is less than region[0].
        if row_pitch != 0 && row_pitch < region[0] {
            return Err(invalid("a row pitch is less than the width of the region"));
        }
        let row = if row_pitch == 0 { region[0] } else { row_pitch };
        let tightest = region[1].checked_mul(row).ok_or_else(out_of_bounds)?;
        // CL_INVALID_VALUE: slice_pitch is not equal to zero and is less than region[1] times
        // row_pitch, or is not a multiple of row_pitch.
        if slice_pitch != 0 && (slice_pitch < tightest || !slice_pitch.is_multiple_of(row)) {
            return Err(invalid(
                "a slice pitch is less than the rows of the region take, or no multiple of the row pitch",
            ));
        }
        let slice = if slice_pitch == 0 {
            tightest
        } else {
            slice_pitch
        };
        Ok(Self { row, slice })
    }
}

/// Where a rectangle lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rect {
    /// Offset of its first byte.
    pub start: usize,
    /// Bytes from the first to behind the last.
    pub len: usize,
    /// Distances.
    pub pitches: Pitches,
}

impl Rect {
    /// The rectangle of `region` (bytes, rows, slices) at `origin`.
    ///
    /// # Errors
    /// `InvalidValue` when it passes the end of any memory.
    pub fn new(origin: [usize; 3], region: [usize; 3], pitches: Pitches) -> Result<Self> {
        let linear = |x: usize, y: usize, z: usize| {
            z.checked_mul(pitches.slice)?
                .checked_add(y.checked_mul(pitches.row)?)?
                .checked_add(x)
        };
        let start = linear(origin[0], origin[1], origin[2]).ok_or_else(out_of_bounds)?;
        let len = linear(region[0], region[1] - 1, region[2] - 1).ok_or_else(out_of_bounds)?;
        Ok(Self {
            start,
            len,
            pitches,
        })
    }

    /// The same rectangle `offset` bytes further on, which is inside a buffer.
    pub fn moved(mut self, offset: usize) -> Self {
        self.start += offset;
        self
    }

    /// Whether two rectangles of `region` in the same memory have a byte in common. With different
    /// pitches, whether one begins before the other ends.
    pub fn overlaps(&self, other: &Self, region: [usize; 3]) -> bool {
        // No overlap if one ends before the other starts.
        if self.start + self.len <= other.start || other.start + other.len <= self.start {
            return false;
        }
        if self.pitches != other.pitches {
            return true;
        }
        // No overlap if the rows of one fit in the gaps between the rows of the other.
        let Pitches { row, slice } = self.pitches;
        let apart = |a: usize, b: usize, len: usize, pitch: usize| {
            (b >= a + len && b + len <= a + pitch) || (a >= b + len && a + len <= b + pitch)
        };
        if apart(self.start % row, other.start % row, region[0], row) {
            return false;
        }
        // No overlap if the slices of one fit in the gaps between the slices of the other.
        let slice_len = (region[1] - 1) * row + region[0];
        !apart(self.start % slice, other.start % slice, slice_len, slice)
    }
}

fn invalid(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidValue, reason)
}

fn out_of_bounds() -> Error {
    invalid("the region is out of bounds")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zero_pitches_are_the_tightest() {
        let pitches = Pitches::new([10, 3, 2], 0, 0).unwrap();
        assert_eq!(pitches, Pitches { row: 10, slice: 30 });
        let pitches = Pitches::new([10, 3, 2], 16, 0).unwrap();
        assert_eq!(pitches, Pitches { row: 16, slice: 48 });
    }

    #[test]
    fn pitches_must_fit_the_region() {
        for (region, row, slice) in [
            ([0, 1, 1], 0, 0),
            ([1, 0, 1], 0, 0),
            ([1, 1, 0], 0, 0),
            ([10, 2, 2], 9, 0),
            ([10, 2, 2], 10, 19),
            ([10, 2, 2], 10, 25),
            ([usize::MAX, 2, 1], 0, 0),
        ] {
            let error = Pitches::new(region, row, slice).unwrap_err();
            assert_eq!(
                error.code,
                ErrorCode::InvalidValue,
                "{region:?} {row} {slice}"
            );
        }
    }

    #[test]
    fn a_rectangle_reaches_to_its_last_byte() {
        let pitches = Pitches::new([4, 2, 2], 10, 100).unwrap();
        let rect = Rect::new([1, 2, 3], [4, 2, 2], pitches).unwrap();
        assert_eq!((rect.start, rect.len), (321, 114));
        assert!(Rect::new([0, 0, usize::MAX], [4, 2, 2], pitches).is_err());
    }

    proptest! {
        #[test]
        fn overlap_is_having_a_byte_in_common(
            region in (1_usize..5, 1_usize..4, 1_usize..4),
            gap in 0_usize..5,
            rows in 0_usize..4,
            first in (0_usize..4, 0_usize..3, 0_usize..3),
            second in (0_usize..4, 0_usize..3, 0_usize..3),
        ) {
            let region = [region.0, region.1, region.2];
            let row = region[0] + gap;
            let pitches = Pitches::new(region, row, (region[1] + rows) * row).unwrap();
            let rect = |origin: (usize, usize, usize)| {
                Rect::new([origin.0, origin.1, origin.2], region, pitches).unwrap()
            };
            let bytes = |rect: &Rect| {
                let mut bytes = std::collections::BTreeSet::new();
                for z in 0..region[2] {
                    for y in 0..region[1] {
                        for x in 0..region[0] {
                            bytes.insert(rect.start + z * pitches.slice + y * pitches.row + x);
                        }
                    }
                }
                bytes
            };
            let (a, b) = (rect(first), rect(second));
            let disjoint = bytes(&a).is_disjoint(&bytes(&b));
            // The rule of appendix D is exact for rectangles that do not wrap around a row's or
            // slice's end; where they do, it may find an overlap too many, never one too few.
            if !disjoint {
                prop_assert!(a.overlaps(&b, region));
            }
            if a.start + a.len <= b.start || b.start + b.len <= a.start {
                prop_assert!(!a.overlaps(&b, region));
            }
        }
    }
}
