//! Sub-groups (OpenCL C 3.0 §6.15.19): the work-items that run in the lanes of one vector.
//!
//! The library makes all sub-group functions of a few that have no body, which are told by their
//! names. Lanes get the result of these in [`crate::widen`]; a kernel whose work-items run one at a
//! time has one in each sub-group, and gets it here.

use std::collections::HashSet;

use crate::builtin_name::BuiltinName;
use crate::group_operation::{Combination, Extent};
use crate::llvm::{Builder, IntPredicate, Module, Value};

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
    /// The first arguments of running work-items combined; a reduction may be of so many neighbours
    /// as the second one says.
    Combine(Combination),
}

const PREFIX: &str = "__isocl_sub_group_";

/// The neighbours that a reduction of the whole sub-group combines.
pub const EVERYBODY: u64 = u32::MAX as u64;

impl Function {
    /// What a mangled name stands for.
    fn parse(symbol: &str) -> Option<Self> {
        let name = BuiltinName::parse(symbol)?;
        Some(match name.name.strip_prefix(PREFIX)? {
            "width" => Self::Width,
            "size" => Self::Size,
            "id" => Self::Id,
            "local_id" => Self::LocalId,
            "barrier" => Self::Barrier,
            "ballot" => Self::Ballot,
            "take" => Self::Take,
            _ => Self::Combine(Combination::parse(&name, PREFIX)?),
        })
    }

    /// The function that `instruction` calls, if it calls one.
    pub fn of_call(instruction: Value) -> Option<Self> {
        Self::parse(&instruction.called_function()?.name())
    }
}

/// Whether a mangled name is that of one of the functions.
pub fn is_function(symbol: &str) -> bool {
    Function::parse(symbol).is_some()
}

/// Whether `instruction` is the number of the work-item in its sub-group.
pub fn is_local_id(instruction: Value) -> bool {
    Function::of_call(instruction) == Some(Function::LocalId)
}

/// The number of the work-item among those that run at once, at the builder's position.
pub fn lane(module: &Module, builder: &Builder) -> Value {
    let name = format!("{PREFIX}local_id");
    let symbol = format!("_Z{}{name}v", name.len());
    let function = module.function(&symbol).unwrap_or_else(|| {
        let signature = module.context().int(32).function(&[], false);
        module.add_function(&symbol, signature)
    });
    builder.call(function, &[])
}

/// Whether `function` calls any of them.
pub fn are_used(function: Value) -> bool {
    let mut instructions = function.instructions().into_iter();
    instructions.any(|instruction| Function::of_call(instruction).is_some())
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
    let Some(kind) = Function::parse(&function.name()) else {
        return;
    };
    // Memory effects are two bits per location; the second one is memory nobody else has.
    let memory = match kind {
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
        let Some(called) = Function::of_call(instruction) else {
            continue;
        };
        if width.is_some() && called != Function::Width {
            continue;
        }
        builder.position_before(instruction);
        let of = instruction.ty();
        let result = match called {
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
            Function::Combine(Combination {
                extent: Extent::Exclusive,
                operation,
            }) => operation.identity(of),
            Function::Take | Function::Combine(_) => instruction.operand(0),
        };
        instruction.replace_all_uses(result);
        instruction.erase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group_operation::{GroupOperation, Kind};

    #[test]
    fn names_tell_function_and_sign() {
        let combine = |extent, kind, signed| {
            let operation = GroupOperation { kind, signed };
            Function::Combine(Combination { extent, operation })
        };
        let parse = Function::parse;
        assert_eq!(
            parse("_Z26__isocl_sub_group_local_idv"),
            Some(Function::LocalId)
        );
        assert_eq!(
            parse("_Z28__isocl_sub_group_reduce_minsj"),
            Some(combine(Extent::All, Kind::Min, true))
        );
        assert_eq!(
            parse("_Z36__isocl_sub_group_scan_exclusive_xorm"),
            Some(combine(Extent::Exclusive, Kind::Xor, false))
        );
        assert_eq!(parse("_Z13sub_group_alli"), None);
        assert_eq!(parse("_Z23__isocl_sub_group_otheri"), None);
    }
}
