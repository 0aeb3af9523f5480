//! What the compiler is told of a launch when it makes the code for it.

use serde::{Deserialize, Serialize};

/// A bound of global ids: sums of smaller ones with small constants do not wrap in 32 bits.
pub const SMALL_IDS: u64 = 1 << 30;

/// The rows of a launch: the work-items of a work-group whose ids differ in dimension 0 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rows {
    /// Work-items in the longest one, or [`Self::LONG`] if there are more.
    pub length: u32,
    /// The greatest power of two, at most [`Self::LONG`], that divides the lengths of all.
    pub multiple: u32,
    /// The greatest power of two, at most [`Self::MOST_SIDE_BY_SIDE`], that divides the numbers of
    /// rows that work-groups have in dimension 1.
    pub side_by_side: u32,
    /// All global ids are less than [`SMALL_IDS`].
    pub small_ids: bool,
    /// Sizes are 1 in dimensions 1 and 2, so that a work-group is one row.
    pub is_line: bool,
    /// All work-groups have the size that was asked for.
    pub is_uniform: bool,
    /// The launch writes more than caches hold.
    pub streams: bool,
}

impl Rows {
    /// Longer rows are as good as rows of this length.
    pub const LONG: u32 = 64;

    /// More rows side by side are as good as so many.
    pub const MOST_SIDE_BY_SIDE: u32 = 8;

    /// What most launches have.
    pub const USUAL: Self = Self {
        length: Self::LONG,
        multiple: Self::LONG,
        side_by_side: 1,
        small_ids: true,
        is_line: true,
        is_uniform: true,
        streams: false,
    };

    /// The rows of an NDRange. Sizes are not zero.
    pub fn new(global_size: &[u64; 3], global_offset: &[u64; 3], local_size: &[u64; 3]) -> Self {
        let extent = |dimension: usize| {
            let full = local_size[dimension].min(global_size[dimension]);
            (full, full | (global_size[dimension] % full))
        };
        let (length, lengths) = extent(0);
        let (_, numbers) = extent(1);
        let power = |of: u64, most: u32| 1 << of.trailing_zeros().min(most.trailing_zeros());
        let below = |(size, offset): (&u64, &u64)| size.saturating_add(*offset) < SMALL_IDS;
        Self {
            length: length.min(u64::from(Self::LONG)) as u32,
            multiple: power(lengths, Self::LONG),
            side_by_side: power(numbers, Self::MOST_SIDE_BY_SIDE),
            small_ids: global_size.iter().zip(global_offset).all(below),
            is_line: global_size[1..] == [1, 1] && local_size[1..] == [1, 1],
            is_uniform: (global_size.iter().zip(local_size)).all(|(all, one)| all % one == 0),
            streams: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(global: u64, local: u64) -> (u32, u32) {
        let rows = Rows::new(&[global, 3, 1], &[0; 3], &[local, 3, 1]);
        assert!(rows.small_ids);
        (rows.length, rows.multiple)
    }

    #[test]
    fn lengths_are_those_of_all_work_groups() {
        assert_eq!(rows(1024, 256), (64, 64));
        assert_eq!(rows(1024, 16), (16, 16));
        assert_eq!(rows(96, 48), (48, 16));
        assert_eq!(rows(100, 64), (64, 4), "the last one has 36");
        assert_eq!(rows(4, 64), (4, 4), "the only one has 4");
        assert_eq!(rows(7, 7), (7, 1));
    }

    #[test]
    fn rows_lie_side_by_side_in_all_work_groups() {
        let found =
            |global, local| Rows::new(&[64, global, 3], &[0; 3], &[64, local, 1]).side_by_side;
        assert_eq!(found(512, 16), 8);
        assert_eq!(found(12, 4), 4);
        assert_eq!(found(10, 4), 2, "the last one has 2");
        assert_eq!(found(2, 16), 2, "the only one has 2");
        assert_eq!(found(9, 1), 1);
    }

    #[test]
    fn a_line_has_no_other_dimensions() {
        let is_line = |global, local| Rows::new(&global, &[0, 7, 0], &local).is_line;
        assert!(is_line([100, 1, 1], [8, 1, 1]));
        assert!(!is_line([100, 2, 1], [8, 1, 1]));
        assert!(!is_line([100, 1, 3], [8, 1, 1]));
        assert!(!is_line([100, 1, 1], [8, 4, 1]), "the enqueued local size");
    }

    #[test]
    fn work_groups_are_uniform_without_a_rest() {
        let is_uniform = |global, local| Rows::new(&global, &[0; 3], &local).is_uniform;
        assert!(is_uniform([96, 8, 1], [32, 4, 1]));
        assert!(!is_uniform([100, 8, 1], [32, 4, 1]));
        assert!(!is_uniform([96, 8, 3], [32, 4, 2]));
        assert!(!is_uniform([96, 2, 1], [32, 4, 1]));
    }

    #[test]
    fn ids_are_small_when_their_ends_are() {
        let small = |global, offset| Rows::new(&[1, global, 1], &[0, offset, 0], &[1; 3]).small_ids;
        assert!(small(SMALL_IDS - 6, 5));
        assert!(!small(SMALL_IDS - 5, 5));
        assert!(!small(5, u64::MAX));
    }
}
