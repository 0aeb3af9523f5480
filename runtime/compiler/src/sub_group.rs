//! Sub-groups (OpenCL C 3.0 §6.15.19): the work-items that run in the lanes of one vector.
//!
//! The library makes all sub-group functions of a few that have no body, which are told by their
//! names. Lanes get the result of these in [`crate::widen`]; a kernel whose work-items run one at a
//! time has one in each sub-group, and gets it here.

use std::collections::HashSet;

use crate::builtin_name::{is_signed, BuiltinName};
use crate::group_operation::GroupOperation;
use crate::llvm::{IntPredicate, Module, Value};

/// What the library builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Most work-items in a sub-group.
    Width,
    /// Work-items in this sub-group.
    Size,
    /// Number of the sub-group in the work-group.
    Id,
    /// Number of the work-item in the sub-group.
    LocalId,
    /// Accesses to memory are not moved across it.
    Barrier,
    /// A bit for each running work-item whose argument is not zero.
    Ballot,
    /// The first argument of the work-item that the second one numbers.
    Take,
    /// All running work-items of the sub-group, or of so many neighbours, combined.
    Reduce(GroupOperation),
    /// All running work-items up to this one combined.
    ScanInclusive(GroupOperation),
    /// All running work-items before this one combined.
    ScanExclusive(GroupOperation),
}

/// A call of one of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Which one.
    pub function: Function,
    /// Its integers are signed.
    pub signed: bool,
}

const PREFIX: &str = "__isocl_sub_group_";

/// The neighbours that a reduction of the whole sub-group combines.
pub const EVERYBODY: u64 = u32::MAX as u64;

impl Call {
    /// What a mangled name stands for.
    fn parse(symbol: &str) -> Option<Self> {
        let name = BuiltinName::parse(symbol)?;
        let operation = GroupOperation::parse;
        let function = match name.name.strip_prefix(PREFIX)? {
            "width" => Function::Width,
            "size" => Function::Size,
            "id" => Function::Id,
            "local_id" => Function::LocalId,
            "barrier" => Function::Barrier,
            "ballot" => Function::Ballot,
            "take" => Function::Take,
            other => {
                if let Some(text) = other.strip_prefix("reduce_") {
                    Function::Reduce(operation(text)?)
                } else if let Some(text) = other.strip_prefix("scan_exclusive_") {
                    Function::ScanExclusive(operation(text)?)
                } else {
                    Function::ScanInclusive(operation(other.strip_prefix("scan_inclusive_")?)?)
                }
            }
        };
        let signed = name.first().is_some_and(is_signed);
        Some(Self { function, signed })
    }

    /// The call that `instruction` is, if it is one.
    pub fn of(instruction: Value) -> Option<Self> {
        Self::parse(&instruction.called_function()?.name())
    }
}

/// Whether a mangled name is that of one of the functions.
pub fn is_function(symbol: &str) -> bool {
    Call::parse(symbol).is_some()
}

/// Whether `instruction` is the number of the work-item in its sub-group.
pub fn is_local_id(instruction: Value) -> bool {
    Call::of(instruction).is_some_and(|call| call.function == Function::LocalId)
}

/// Whether `function` calls any of them.
pub fn are_used(function: Value) -> bool {
    let mut instructions = function.instructions().into_iter();
    instructions.any(|instruction| Call::of(instruction).is_some())
}

/// The names of functions that call any of them, through others as well.
pub fn users(module: &Module) -> HashSet<String> {
    let functions = module.functions().into_iter();
    let mut pending: Vec<_> = functions
        .filter(|function| function.is_declaration() && is_function(&function.name()))
        .collect();
    let mut found = HashSet::new();
    while let Some(function) = pending.pop() {
        let users = function
            .users()
            .into_iter()
            .filter(|user| user.is_instruction());
        for caller in users.map(|call| call.block().function()) {
            if found.insert(caller.name()) {
                pending.push(caller);
            }
        }
    }
    found
}

/// Says of a declaration what it does, for passes to respect.
pub fn mark(module: &Module, function: Value) {
    let Some(call) = Call::parse(&function.name()) else {
        return;
    };
    // Memory effects are two bits per location; the second one is memory nobody else has.
    let memory = match call.function {
        Function::Barrier => None,
        Function::Width | Function::Size | Function::Id | Function::LocalId => Some(0),
        _ => Some(0b1100),
    };
    let context = module.context();
    for name in ["nounwind", "willreturn"] {
        function.add_attribute(context.enum_attribute(name, 0));
    }
    if let Some(memory) = memory {
        function.add_attribute(context.enum_attribute("memory", memory));
    }
    // What depends on who runs stays where it is.
    if memory != Some(0) {
        function.add_attribute(context.enum_attribute("convergent", 0));
    }
}

/// Puts the width of sub-groups in place; without one, does what the functions do for a work-item
/// on its own.
pub fn settle(module: &Module, function: Value, width: Option<u32>) {
    let builder = module.context().builder();
    for instruction in function.instructions() {
        let Some(call) = Call::of(instruction) else {
            continue;
        };
        if width.is_some() && call.function != Function::Width {
            continue;
        }
        builder.position_before(instruction);
        let of = instruction.ty();
        let result = match call.function {
            Function::Width => of.constant(u64::from(width.unwrap_or(1))),
            Function::Size => of.constant(1),
            // The library numbers such sub-groups itself.
            Function::Id | Function::LocalId => of.zero(),
            Function::Barrier => {
                instruction.erase();
                continue;
            }
            Function::Ballot => {
                let predicate = instruction.operand(0);
                let holds = builder.icmp(IntPredicate::LLVMIntNE, predicate, predicate.ty().zero());
                builder.int_cast(holds, of, false)
            }
            Function::Take | Function::Reduce(_) | Function::ScanInclusive(_) => {
                instruction.operand(0)
            }
            Function::ScanExclusive(operation) => operation.identity(of, call.signed),
        };
        instruction.replace_all_uses(result);
        instruction.erase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_function_and_sign() {
        let parse = |symbol| Call::parse(symbol).map(|call| (call.function, call.signed));
        assert_eq!(
            parse("_Z26__isocl_sub_group_local_idv"),
            Some((Function::LocalId, false))
        );
        assert_eq!(
            parse("_Z28__isocl_sub_group_reduce_minsj"),
            Some((Function::Reduce(GroupOperation::Min), true))
        );
        assert_eq!(
            parse("_Z36__isocl_sub_group_scan_exclusive_xorm"),
            Some((Function::ScanExclusive(GroupOperation::Xor), false))
        );
        assert_eq!(parse("_Z13sub_group_alli"), None);
        assert_eq!(parse("_Z23__isocl_sub_group_otheri"), None);
    }
}
