//! How many work-items of a kernel run at once, in the lanes of vectors.

use std::sync::OnceLock;

use isocl_compiler_interface::rows::Rows;

use crate::error::Error;
use crate::llvm::{Opcode, TargetMachine, Value};
use crate::region::Regions;
use crate::registers::{elements, most_live};

/// A way to run the rows of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lanes {
    /// Work-items in a vector.
    pub width: u32,
    /// Kernels that gain by it may have twice as many, so many times over.
    pub doublings: u32,
    /// Rows fill vectors.
    pub whole: bool,
    /// Some rows have work-items that do not fill a vector.
    pub rest: bool,
    /// So many rows, a power of two, may run at once.
    pub rows: u32,
    /// A work-group is one row, and work-groups lie in dimension 0.
    pub is_line: bool,
    /// All work-groups have the enqueued local size.
    pub is_uniform: bool,
    /// What can go past the caches does when it is written.
    pub streams: bool,
    /// The enqueued local size, where the code is for only one.
    pub local_size: Option<[u64; 3]>,
}

/// Four registers for each value are too many for what has two.
const MOST_DOUBLINGS: u32 = 2;

/// Fewer lanes are not worth it.
const LEAST: u32 = 4;

impl Lanes {
    /// A way to run rows of any length.
    pub fn any(width: u32) -> Self {
        Self {
            width,
            doublings: 0,
            whole: true,
            rest: true,
            rows: 1,
            is_line: false,
            is_uniform: false,
            streams: false,
            local_size: None,
        }
    }

    /// With half as many work-items in a vector, if there are enough: kernels with many values of 64 bits
    /// have registers for these.
    pub fn halved(self) -> Option<Self> {
        (self.width / 2 >= LEAST).then_some(Self {
            width: self.width / 2,
            doublings: 0,
            whole: true,
            ..self
        })
    }

    /// The way for some rows, where registers have `natural` lanes; none when work-items run one at
    /// a time.
    pub fn for_rows(rows: Rows, natural: u32) -> Option<Self> {
        let Rows {
            length,
            multiple,
            side_by_side,
            is_line,
            is_uniform,
            streams,
            ..
        } = rows;
        if !rows.small_ids || length < LEAST {
            return None;
        }
        let partly = |width, whole| Self {
            whole,
            rows: side_by_side,
            is_line,
            is_uniform,
            streams,
            ..Self::any(width)
        };
        let filled = |width, doublings| Self {
            doublings,
            rest: false,
            ..partly(width, true)
        };
        Some(if multiple >= natural {
            filled(natural, (multiple / natural).ilog2().min(MOST_DOUBLINGS))
        } else if length > natural {
            partly(natural, true)
        } else if multiple >= LEAST && length <= 2 * multiple {
            filled(multiple, 0)
        } else {
            partly(length.next_power_of_two(), false)
        })
    }
}

/// How many work-items fill a register of this processor, at 32 bits for each.
///
/// # Errors
/// [`Error::Internal`] when LLVM does not know it.
pub fn natural_width() -> Result<u32, Error> {
    static WIDTH: OnceLock<u32> = OnceLock::new();
    if let Some(width) = WIDTH.get() {
        return Ok(*width);
    }
    let machine = TargetMachine::host().map_err(Error::Internal)?;
    let width = if machine.has("avx512f") {
        16
    } else if machine.has("avx2") {
        8
    } else {
        LEAST
    };
    Ok(*WIDTH.get_or_init(|| width))
}

/// Values that differ between work-items and are needed later, of which a kernel has room for two
/// registers each. Processors with 16 lanes have 32 registers, others 16.
fn most_live_values(natural: u32) -> usize {
    natural as usize - 1
}

/// Operations for each access to memory from which memory is not what a kernel waits for.
const OPERATIONS_PER_ACCESS: usize = 6;

/// How often the number of lanes is doubled, that kernels may have two registers for each value that
/// wait for results of operations, or for addresses, and have registers to spare. Of numbers of 8 or 16
/// bits, twice as many lanes or more fill a register.
pub fn doublings_that_pay(regions: &Regions, natural: u32) -> u32 {
    let [region] = &regions.regions[..] else {
        return 0;
    };
    let registers = |value: Value| {
        let varies = value.is_instruction() && !regions.shape.is_uniform(value);
        if varies {
            elements(value)
        } else {
            0
        }
    };
    let bits = |value: Value| match value.ty().scalar() {
        address if address.is_pointer() => 64,
        of => of.scalar_bits() as usize,
    };
    let (mut operations, mut accesses, mut narrow, mut wider) = (0, 0, 0, 0);
    let mut chases_pointers = false;
    for &number in &region.blocks {
        for instruction in regions.flow.blocks[number].instructions() {
            match bits(instruction) {
                8 | 16 => narrow += registers(instruction),
                _ if instruction.ty().scalar().is_float() => wider += registers(instruction),
                _ => {}
            }
            match instruction.opcode() {
                Some(Opcode::LLVMLoad | Opcode::LLVMStore) => accesses += 1,
                Some(Opcode::LLVMAtomicRMW | Opcode::LLVMAtomicCmpXchg) => return 0,
                Some(Opcode::LLVMAlloca) => return 0,
                Some(Opcode::LLVMPHI) => {
                    chases_pointers |= instruction.ty().is_pointer() && registers(instruction) > 0;
                }
                _ => operations += registers(instruction),
            }
        }
    }
    let waits = chases_pointers || operations >= OPERATIONS_PER_ACCESS * (accesses + 1);
    let live = most_live(&regions.flow, &region.blocks, &|value| {
        registers(value) * bits(value)
    });
    match waits && live <= most_live_values(natural) * 32 {
        true => 1 + u32::from(narrow > wider && 2 * narrow > operations),
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(length: u32, multiple: u32, natural: u32) -> Option<(u32, u32, bool, bool)> {
        let rows = Rows {
            length,
            multiple,
            ..Rows::USUAL
        };
        let found = Lanes::for_rows(rows, natural)?;
        Some((found.width, found.doublings, found.whole, found.rest))
    }

    #[test]
    fn vectors_are_as_long_as_rows_can_fill() {
        assert_eq!(lanes(64, 64, 16), Some((16, 2, true, false)));
        assert_eq!(lanes(64, 16, 16), Some((16, 0, true, false)));
        assert_eq!(lanes(46, 2, 16), Some((16, 0, true, true)));
        assert_eq!(lanes(8, 8, 16), Some((8, 0, true, false)));
        assert_eq!(lanes(8, 4, 16), Some((4, 0, true, false)));
        assert_eq!(lanes(12, 4, 16), Some((16, 0, false, true)));
        assert_eq!(lanes(7, 1, 16), Some((8, 0, false, true)));
        assert_eq!(lanes(3, 1, 16), None);
        assert_eq!(lanes(16, 16, 4), Some((4, 2, true, false)));
        assert_eq!(lanes(6, 2, 4), Some((4, 0, true, true)));
    }

    #[test]
    fn large_ids_run_one_at_a_time() {
        let rows = Rows {
            small_ids: false,
            ..Rows::USUAL
        };
        assert_eq!(Lanes::for_rows(rows, 16), None);
    }
}
