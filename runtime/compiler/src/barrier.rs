//! Barriers and work-group collectives: the calls at which all work-items of a group meet.

use crate::collective;
use crate::llvm::{Block, Value};

/// A call that all work-items of a work-group make together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendezvous {
    /// `barrier` or `work_group_barrier`.
    Barrier {
        /// Memory must be visible outside the work-group as well.
        beyond_work_group: bool,
    },
    /// A work-group collective function.
    Collective {
        /// Every work-item gets the same result.
        uniform_result: bool,
    },
}

/// `memory_scope_work_group` of the enumeration `memory_scope`.
const SCOPE_WORK_GROUP: u64 = 1;

/// What kind of meeting `instruction` is, if it is one.
pub fn rendezvous(instruction: Value) -> Option<Rendezvous> {
    let name = instruction.called_function()?.name();
    match name.as_str() {
        "_Z7barrierj" | "_Z18work_group_barrierj" => Some(Rendezvous::Barrier {
            beyond_work_group: false,
        }),
        "_Z18work_group_barrierj12memory_scope" => Some(Rendezvous::Barrier {
            beyond_work_group: instruction
                .operand(1)
                .constant_int()
                .is_none_or(|scope| scope > SCOPE_WORK_GROUP),
        }),
        _ => collective::result_is_uniform(&name)
            .map(|uniform_result| Rendezvous::Collective { uniform_result }),
    }
}

/// The meeting a block begins with.
pub fn at_start(block: Block) -> Option<(Value, Rendezvous)> {
    let first = block.first_instruction()?;
    Some((first, rendezvous(first)?))
}
