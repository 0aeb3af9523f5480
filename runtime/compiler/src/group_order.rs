//! Whether the order in which work-groups run can be seen.
//!
//! The specification promises none, but kernels exist whose work-groups wait for those before them, and
//! what a kernel prints is easier to read from its beginning.

use crate::barrier::{rendezvous, Rendezvous};
use crate::llvm::{Module, Value};

/// `CLK_LOCAL_MEM_FENCE`.
const LOCAL_MEM_FENCE: u64 = 1;

/// Whether nobody can see it: the kernel prints nothing, and has no volatile accesses and no barriers for
/// global memory, with which work-groups could wait for each other. Of atomics and fences the caller
/// knows that there are none.
pub fn is_hidden(module: &Module, kernel: Value) -> bool {
    let reveals = |call: Value| {
        let prints = |callee: Value| callee.name() == "printf";
        let is_barrier = matches!(rendezvous(call), Some(Rendezvous::Barrier { .. }));
        let fences = || call.operand(0).constant_int();
        is_barrier && fences() != Some(LOCAL_MEM_FENCE)
            || call.called_function().is_some_and(prints)
    };
    let mut functions = module.functions().into_iter();
    !kernel.instructions().into_iter().any(reveals)
        && !functions.any(|one| one.instructions().into_iter().any(Value::is_ordered_access))
}
