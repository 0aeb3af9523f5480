//! Index spaces (§5.10): the rules for sizes and offsets, and the work-group size when the
//! application leaves it to us.

use isocl_compiler_interface::message::Kernel;
use isocl_compiler_interface::rows::Rows;

use crate::device::DeviceInfo;
use crate::{Error, ErrorCode, Result};

/// Work-groups beyond which more per compute unit do not help to balance the load.
const GROUPS_PER_COMPUTE_UNIT: u64 = 4;
/// Work-items from which a larger work-group saves nothing more, with loops in the kernel and without.
const AMORTISING_WORK_GROUP: [u64; 2] = [1024, 4096];

/// What a kernel and a device demand of work-groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkGroupRules {
    /// Most work-items of a work-group.
    pub max_work_group_size: u64,
    /// Most work-items of a work-group in each dimension.
    pub max_work_item_sizes: [u64; 3],
    /// `reqd_work_group_size` of the kernel.
    pub required: Option<[u64; 3]>,
    /// Whether the work-group size has to divide the global size.
    pub uniform: bool,
    /// Compute units that should all get work.
    pub compute_units: u64,
    /// Work-groups are best a multiple of this.
    pub preferred_multiple: u64,
    /// The kernel has loops: rows side by side may share what they load, and work-items may take long.
    pub has_loops: bool,
}

impl WorkGroupRules {
    /// The rules of a device for a kernel.
    pub fn new(info: &DeviceInfo, kernel: &Kernel, uniform: bool) -> Self {
        Self {
            max_work_group_size: info.max_work_group_size as u64,
            max_work_item_sizes: info.max_work_item_sizes.map(|size| size as u64),
            required: kernel.required_work_group_size,
            uniform: uniform || !info.non_uniform_work_groups,
            compute_units: u64::from(info.max_compute_units),
            preferred_multiple: info.preferred_work_group_size_multiple as u64,
            has_loops: kernel.has_loops,
        }
    }
}

/// A local size that was chosen, and for what. Choosing may take microseconds; applications ask
/// for the same again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalSizeChoice {
    global_size: [u64; 3],
    rules: WorkGroupRules,
    local_size: [u64; 3],
}

impl LocalSizeChoice {
    fn remembered(
        last: &mut Option<Self>,
        global_size: &[u64; 3],
        rules: &WorkGroupRules,
    ) -> [u64; 3] {
        match last {
            Some(choice) if choice.global_size == *global_size && choice.rules == *rules => {
                choice.local_size
            }
            _ => {
                let local_size = choose_local_size(global_size, rules);
                *last = Some(Self {
                    global_size: *global_size,
                    rules: *rules,
                    local_size,
                });
                local_size
            }
        }
    }
}

/// The sizes that `clEnqueueNDRangeKernel` is given, unchecked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GivenSizes<'a> {
    pub work_dim: u32,
    pub global_offset: Option<&'a [usize]>,
    pub global_size: Option<&'a [usize]>,
    pub local_size: Option<&'a [usize]>,
}

impl GivenSizes<'_> {
    /// The sizes by value, each with three dimensions.
    pub fn sizes(&self) -> Sizes {
        let dimensions = |values: &[usize], unused: u64| {
            std::array::from_fn(|index| match values.get(index) {
                Some(value) if index < self.work_dim as usize => *value as u64,
                _ => unused,
            })
        };
        Sizes {
            work_dim: self.work_dim,
            global_offset: self
                .global_offset
                .map_or([0; 3], |offset| dimensions(offset, 0)),
            global_size: self.global_size.map(|size| dimensions(size, 1)),
            local_size: self.local_size.map(|size| dimensions(size, 1)),
        }
    }
}

/// The sizes that `clEnqueueNDRangeKernel` is given, unchecked; unused dimensions have size 1 and
/// offset 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    work_dim: u32,
    global_offset: [u64; 3],
    global_size: Option<[u64; 3]>,
    local_size: Option<[u64; 3]>,
}

/// A valid index space that is not empty; unused dimensions have size 1 and offset 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NdRange {
    /// Number of dimensions, 1 to 3.
    pub work_dim: u32,
    /// First global id.
    pub global_offset: [u64; 3],
    /// Work-items.
    pub global_size: [u64; 3],
    /// Work-items of a work-group.
    pub local_size: [u64; 3],
}

impl NdRange {
    /// What the kernel's code may rely on.
    pub fn rows(&self) -> Rows {
        Rows::new(&self.global_size, &self.global_offset, &self.local_size)
    }

    /// Checks the arguments of `clEnqueueNDRangeKernel`; nothing when there is no work-item.
    /// Without a local size, one is chosen, and remembered in `last_choice`.
    ///
    /// # Errors
    /// `InvalidWorkDimension`, `InvalidGlobalOffset`, `InvalidGlobalWorkSize`,
    /// `InvalidWorkGroupSize`, `InvalidWorkItemSize`.
    pub fn new(
        sizes: &Sizes,
        rules: &WorkGroupRules,
        last_choice: &mut Option<LocalSizeChoice>,
    ) -> Result<Option<Self>> {
        let Sizes {
            work_dim,
            global_offset,
            global_size,
            local_size,
        } = *sizes;
        // CL_INVALID_WORK_DIMENSION: work_dim is not a value from 1 to
        // CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS.
        if !(1..=3).contains(&work_dim) {
            return Err(Error::new(
                ErrorCode::InvalidWorkDimension,
                "work_dim is none of 1, 2, 3",
            ));
        }
        // A kernel without work-items trivially succeeds.
        let Some(global_size) = global_size.filter(|size| !size.contains(&0)) else {
            return Ok(None);
        };
        // CL_INVALID_GLOBAL_OFFSET: global_work_size plus global_work_offset in any dimension is
        // greater than the maximum value representable by size_t.
        let overflows = |(size, offset): (&u64, &u64)| size.checked_add(*offset).is_none();
        if global_size.iter().zip(&global_offset).any(overflows) {
            return Err(Error::new(
                ErrorCode::InvalidGlobalOffset,
                "global_work_size plus global_work_offset does not fit a size_t",
            ));
        }
        // CL_INVALID_GLOBAL_WORK_SIZE: more work-items than can be counted.
        if product(&global_size).is_none() {
            return Err(Error::new(
                ErrorCode::InvalidGlobalWorkSize,
                "the number of work-items does not fit a size_t",
            ));
        }
        let local_size = match local_size {
            Some(local_size) => {
                check_given(&local_size, &global_size, rules)?;
                local_size
            }
            None => match rules.required {
                Some(required) => {
                    check_required(&required, &global_size, work_dim, rules)?;
                    required
                }
                None => LocalSizeChoice::remembered(last_choice, &global_size, rules),
            },
        };
        Ok(Some(Self {
            work_dim,
            global_offset,
            global_size,
            local_size,
        }))
    }
}

fn invalid_work_group_size(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidWorkGroupSize, reason)
}

fn product(sizes: &[u64; 3]) -> Option<u64> {
    sizes
        .iter()
        .try_fold(1_u64, |product, size| product.checked_mul(*size))
}

fn divides(local_size: &[u64; 3], global_size: &[u64; 3]) -> bool {
    local_size
        .iter()
        .zip(global_size)
        .all(|(local, global)| global.is_multiple_of(*local))
}

fn check_given(
    local_size: &[u64; 3],
    global_size: &[u64; 3],
    rules: &WorkGroupRules,
) -> Result<()> {
    // CL_INVALID_WORK_GROUP_SIZE: the total number of work-items in the work-group is zero.
    if local_size.contains(&0) {
        return Err(invalid_work_group_size(
            "an element of local_work_size is zero",
        ));
    }
    // CL_INVALID_WORK_GROUP_SIZE: the work-group size must be uniform, and the global_work_size is
    // not evenly divisible by the local_work_size.
    if rules.uniform && !divides(local_size, global_size) {
        return Err(invalid_work_group_size(
            "local_work_size does not divide global_work_size, and the program needs uniform work-groups",
        ));
    }
    // CL_INVALID_WORK_GROUP_SIZE: the total number of work-items in the work-group is greater than
    // CL_KERNEL_WORK_GROUP_SIZE.
    if product(local_size).is_none_or(|items| items > rules.max_work_group_size) {
        return Err(invalid_work_group_size(
            "the work-group has more work-items than CL_KERNEL_WORK_GROUP_SIZE",
        ));
    }
    // CL_INVALID_WORK_GROUP_SIZE: the local_work_size does not match the required work-group size.
    if rules
        .required
        .is_some_and(|required| required != *local_size)
    {
        return Err(invalid_work_group_size(
            "local_work_size is not the kernel's reqd_work_group_size",
        ));
    }
    // CL_INVALID_WORK_ITEM_SIZE: the number of work-items in any dimension of local_work_size is
    // greater than the corresponding value of the device.
    let exceeds = |(size, max): (&u64, &u64)| size > max;
    if local_size
        .iter()
        .zip(&rules.max_work_item_sizes)
        .any(exceeds)
    {
        return Err(Error::new(
            ErrorCode::InvalidWorkItemSize,
            "an element of local_work_size exceeds CL_DEVICE_MAX_WORK_ITEM_SIZES",
        ));
    }
    Ok(())
}

/// Checks that a range fits the work-group size that the kernel demands when none is given.
fn check_required(
    required: &[u64; 3],
    global_size: &[u64; 3],
    work_dim: u32,
    rules: &WorkGroupRules,
) -> Result<()> {
    let unused = required.iter().skip(work_dim as usize);
    if { unused }.any(|size| *size != 1) || (rules.uniform && !divides(required, global_size)) {
        return Err(invalid_work_group_size(
            "the range does not fit the kernel's reqd_work_group_size",
        ));
    }
    check_given(required, global_size, rules)
}

/// A work-group size that gives every compute unit work and is long in the first dimension, whose
/// work-items run in the lanes of vectors.
fn choose_local_size(global_size: &[u64; 3], rules: &WorkGroupRules) -> [u64; 3] {
    let multiple = rules.preferred_multiple.max(1);
    let items = product(global_size).unwrap_or(u64::MAX);
    let amortising = AMORTISING_WORK_GROUP[usize::from(!rules.has_loops)];
    let most = rules.max_work_group_size.clamp(1, amortising);
    let fair = items / (rules.compute_units.max(1) * GROUPS_PER_COMPUTE_UNIT);
    let wanted = fair.clamp(multiple.min(most), most);
    let limit = |dimension: usize, wanted: u64| wanted.min(rules.max_work_item_sizes[dimension]);

    // Rows side by side share what they load, but not at the price of vectors that are not full.
    let row = |rows: u64| {
        let limit_x = limit(0, wanted / rows);
        let x = divisor_up_to(global_size[0], limit_x.max(1), multiple);
        (limit_x, x)
    };
    let fills = |rows: &u64| {
        rules.has_loops
            && global_size[1].is_multiple_of(*rows)
            && row(*rows).1.is_multiple_of(multiple)
    };
    let (limit_x, mut x) = row([8, 4, 2].into_iter().find(fills).unwrap_or(1));
    // Better a shorter last work-group than many tiny ones.
    let rounded = limit_x - limit_x % multiple;
    if !rules.uniform && global_size[0] > limit_x && x < multiple && rounded > 0 {
        x = rounded;
    }
    let y = divisor_up_to(global_size[1], limit(1, (wanted / x).max(1)), 1);
    let z = divisor_up_to(global_size[2], limit(2, (wanted / (x * y)).max(1)), 1);
    [x, y, z]
}

/// The greatest divisor of `n` that is at most `limit` (not zero), if possible a multiple of
/// `multiple`.
fn divisor_up_to(n: u64, limit: u64, multiple: u64) -> u64 {
    if n <= limit {
        return n;
    }
    let multiples = (1..=limit / multiple).rev().map(|factor| factor * multiple);
    multiples
        .chain((1..=limit).rev())
        .find(|candidate| n.is_multiple_of(*candidate))
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: WorkGroupRules = WorkGroupRules {
        max_work_group_size: 4096,
        max_work_item_sizes: [4096, 4096, 64],
        required: None,
        uniform: false,
        compute_units: 8,
        preferred_multiple: 8,
        has_loops: true,
    };
    const UNIFORM: WorkGroupRules = WorkGroupRules {
        uniform: true,
        ..RULES
    };

    fn range(
        work_dim: u32,
        global_offset: Option<&[usize]>,
        global_size: Option<&[usize]>,
        local_size: Option<&[usize]>,
        rules: &WorkGroupRules,
    ) -> Result<Option<NdRange>> {
        let given = GivenSizes {
            work_dim,
            global_offset,
            global_size,
            local_size,
        };
        NdRange::new(&given.sizes(), rules, &mut None)
    }

    fn refused(
        work_dim: u32,
        offset: Option<&[usize]>,
        global: &[usize],
        local: Option<&[usize]>,
        rules: &WorkGroupRules,
    ) -> ErrorCode {
        range(work_dim, offset, Some(global), local, rules)
            .unwrap_err()
            .code
    }

    fn chosen(global: &[usize], rules: &WorkGroupRules) -> [u64; 3] {
        let found = range(global.len() as u32, None, Some(global), None, rules);
        found.unwrap().unwrap().local_size
    }

    #[test]
    fn dimensions_are_one_to_three() {
        for work_dim in [0, 4, u32::MAX] {
            let code = refused(work_dim, None, &[1, 1, 1], None, &RULES);
            assert_eq!(code, ErrorCode::InvalidWorkDimension);
        }
    }

    #[test]
    fn chosen_work_groups_have_rows_side_by_side() {
        assert_eq!(chosen(&[512, 512], &RULES), [128, 8, 1]);
        assert_eq!(chosen(&[512, 516], &RULES), [256, 4, 1]);
        assert_eq!(chosen(&[512, 511], &RULES)[..2], [512, 1]);
        assert_eq!(
            chosen(&[1001, 512], &RULES)[0],
            1001,
            "rows are not cut in odd pieces"
        );
        assert_eq!(chosen(&[16, 64], &RULES)[0], 8);
        let apart = WorkGroupRules {
            has_loops: false,
            ..RULES
        };
        assert_eq!(chosen(&[512, 512], &apart), [512, 8, 1]);
        assert_eq!(chosen(&[8192, 512], &apart), [4096, 1, 1]);
        assert_eq!(chosen(&[8192, 16], &apart), [4096, 1, 1]);
        assert_eq!(
            chosen(&[8192, 4], &apart),
            [1024, 1, 1],
            "all compute units get work"
        );
    }

    #[test]
    fn no_work_item_is_no_error() {
        assert_eq!(range(2, None, None, None, &RULES).unwrap(), None);
        let empty = range(2, None, Some(&[4, 0]), Some(&[2, 2]), &RULES);
        assert_eq!(empty.unwrap(), None);
    }

    #[test]
    fn unused_dimensions_are_filled() {
        let found = range(1, Some(&[5, 7]), Some(&[64, 9]), Some(&[16, 3]), &RULES);
        let range = found.unwrap().unwrap();
        assert_eq!(range.global_offset, [5, 0, 0]);
        assert_eq!(range.global_size, [64, 1, 1]);
        assert_eq!(range.local_size, [16, 1, 1]);
    }

    #[test]
    fn sums_and_products_must_fit() {
        let code = refused(1, Some(&[usize::MAX]), &[1], None, &RULES);
        assert_eq!(code, ErrorCode::InvalidGlobalOffset);
        assert!(range(1, Some(&[usize::MAX - 1]), Some(&[1]), None, &RULES).is_ok());
        let code = refused(2, None, &[1 << 40, 1 << 40], None, &RULES);
        assert_eq!(code, ErrorCode::InvalidGlobalWorkSize);
    }

    #[test]
    fn local_sizes_have_limits() {
        let code = |local: &[usize]| refused(3, None, &[4096, 4096, 4096], Some(local), &RULES);
        assert_eq!(code(&[0, 1, 1]), ErrorCode::InvalidWorkGroupSize);
        assert_eq!(code(&[4096, 2, 1]), ErrorCode::InvalidWorkGroupSize);
        assert_eq!(code(&[1, 1, 65]), ErrorCode::InvalidWorkItemSize);
        assert_eq!(
            code(&[usize::MAX, usize::MAX, 1]),
            ErrorCode::InvalidWorkGroupSize
        );
    }

    #[test]
    fn uniform_programs_need_divisors() {
        let code = refused(1, None, &[100], Some(&[16]), &UNIFORM);
        assert_eq!(code, ErrorCode::InvalidWorkGroupSize);
        assert!(range(1, None, Some(&[100]), Some(&[16]), &RULES).is_ok());
        assert!(range(1, None, Some(&[96]), Some(&[16]), &UNIFORM).is_ok());
    }

    #[test]
    fn a_required_size_is_the_only_one() {
        let rules = WorkGroupRules {
            required: Some([8, 4, 1]),
            ..UNIFORM
        };
        let required = range(2, None, Some(&[16, 8]), None, &rules)
            .unwrap()
            .unwrap();
        assert_eq!(required.local_size, [8, 4, 1]);
        assert!(range(2, None, Some(&[16, 8]), Some(&[8, 4]), &rules).is_ok());
        for (global, local) in [([16, 8], Some([4, 4])), ([12, 8], None), ([16, 6], None)] {
            let local = local.as_ref().map(|local| &local[..]);
            assert_eq!(
                refused(2, None, &global, local, &rules),
                ErrorCode::InvalidWorkGroupSize
            );
        }
        assert_eq!(
            refused(1, None, &[16], None, &rules),
            ErrorCode::InvalidWorkGroupSize
        );
    }

    #[test]
    fn chosen_sizes_are_long_in_x_and_share_the_work() {
        assert_eq!(chosen(&[1 << 20], &UNIFORM), [1024, 1, 1]);
        assert_eq!(chosen(&[1920, 1080], &UNIFORM), [128, 8, 1]);
        assert_eq!(chosen(&[16, 65536], &UNIFORM), [16, 64, 1]);
        // 4096 work-items for eight compute units: 32 work-groups.
        assert_eq!(chosen(&[4096], &UNIFORM), [128, 1, 1]);
        assert_eq!(chosen(&[1], &UNIFORM), [1, 1, 1]);
        // A prime: one by one, or with a shorter last work-group where that is allowed.
        assert_eq!(chosen(&[1_000_003], &UNIFORM), [1, 1, 1]);
        assert_eq!(chosen(&[1_000_003], &RULES), [1024, 1, 1]);
    }

    #[test]
    fn a_choice_is_remembered_for_the_same_range_only() {
        let mut last = None;
        let mut choose = |size: usize, rules: &WorkGroupRules| {
            let given = GivenSizes {
                work_dim: 1,
                global_offset: None,
                global_size: Some(&[size]),
                local_size: None,
            };
            let range = NdRange::new(&given.sizes(), rules, &mut last)
                .unwrap()
                .unwrap();
            range.local_size[0]
        };
        for _ in 0..2 {
            assert_eq!(choose(1 << 20, &UNIFORM), 1024);
            assert_eq!(choose(1_000_003, &UNIFORM), 1);
            assert_eq!(choose(1_000_003, &RULES), 1024);
        }
    }

    proptest! {
        #[test]
        fn chosen_sizes_are_valid(
            global in prop::array::uniform3(1_usize..3000),
            uniform: bool,
            units in 1_u64..200,
        ) {
            let rules = WorkGroupRules { uniform, compute_units: units, ..RULES };
            let local = chosen(&global, &rules);
            let given: Vec<usize> = local.iter().map(|size| *size as usize).collect();
            let again = range(3, None, Some(&global), Some(&given), &rules);
            prop_assert!(again.is_ok(), "{local:?}");
        }
    }
}
