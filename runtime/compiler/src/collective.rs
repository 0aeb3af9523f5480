//! Work-group collective functions (OpenCL C 3.0 §6.15.16), run once per work-group over what
//! its work-items left in memory.
//!
//! Work-items are taken in the order of their linear local id, so a floating-point sum is the same
//! every time.

use crate::builtin_name::BuiltinName;
use crate::group_operation::{Combination, Extent};
use crate::llvm::{Builder, Context, IntPredicate, Type, Value};
use crate::work_group::Row;

/// A collective call where the work-group meets.
pub(crate) struct Site<'a> {
    /// Inserts at the meeting; left where the work-group goes on.
    pub builder: &'a Builder,
    /// The kernel's call: its name and types say what to do.
    pub call: Value,
    /// One row per argument, indexed by linear local id.
    pub operands: &'a [Row],
    /// Where results that differ between work-items go.
    pub results: Option<Row>,
    /// Size of the work-group.
    pub size: [Value; 3],
}

/// What a collective function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    All,
    Any,
    Broadcast,
    Combine(Combination),
}

/// The function of a mangled name.
fn parse(name: &str) -> Option<Function> {
    let name = BuiltinName::parse(name)?;
    Some(match name.name {
        "work_group_all" => Function::All,
        "work_group_any" => Function::Any,
        "work_group_broadcast" => Function::Broadcast,
        _ => Function::Combine(Combination::parse(&name, "work_group_")?),
    })
}

/// Whether a mangled name is that of a collective function, and if so whether all work-items get
/// the same result.
pub fn result_is_uniform(name: &str) -> Option<bool> {
    Some(match parse(name)? {
        Function::Combine(combination) => combination.extent == Extent::All,
        _ => true,
    })
}

/// Emits the function; returns the result if it is the same for all work-items.
///
/// # Errors
/// The call is no collective function.
pub(crate) fn emit(site: &Site) -> Result<Option<Value>, String> {
    let name = site.call.called_function().map(Value::name);
    let name = name.unwrap_or_default();
    let Some(function) = parse(&name) else {
        return Err(format!("{name} is no work-group collective function"));
    };
    let emission = Emission {
        site,
        context: site.builder.context(),
        of: site.call.ty(),
    };
    Ok(match function {
        Function::All => Some(emission.truth(true)),
        Function::Any => Some(emission.truth(false)),
        Function::Broadcast => Some(emission.broadcast()),
        Function::Combine(combination) => {
            let all = emission.combine(combination);
            (combination.extent == Extent::All).then_some(all)
        }
    })
}

struct Emission<'a> {
    site: &'a Site<'a>,
    context: &'a Context,
    /// Type of the result.
    of: Type,
}

impl Emission<'_> {
    fn element(&self, row: Row, index: Value) -> Value {
        let builder = self.site.builder;
        let stride = self.context.constant(64, row.stride);
        let offset = builder.mul(index, stride);
        builder.gep_inbounds(self.context.int(8), row.base, &[offset])
    }

    fn load(&self, operand: usize, of: Type, index: Value) -> Value {
        let address = self.element(self.site.operands[operand], index);
        self.site.builder.load(of, address)
    }

    /// Runs `turn(linear local id, accumulator)` for all work-items and returns the last result.
    fn fold(&self, start: Value, turn: impl FnOnce(Value, Value) -> Value) -> Value {
        let builder = self.site.builder;
        let size = self.site.size;
        let items = builder.mul(builder.mul(size[0], size[1]), size[2]);
        let before = builder.block();
        let function = before.function();
        let body = self.context.append_block(function, "collective");
        let after = self.context.append_block(function, "collective.done");
        builder.branch(body);
        builder.position_at_end(body);
        let int64 = self.context.int(64);
        let index = builder.phi(int64, "item");
        let accumulator = builder.phi(start.ty(), "accumulator");
        let result = turn(index, accumulator);
        let next = builder.add_nuw(index, int64.constant(1));
        let more = builder.icmp(IntPredicate::LLVMIntULT, next, items);
        builder.branch_if(more, body, after);
        index.add_incoming(&[(int64.constant(0), before), (next, body)]);
        accumulator.add_incoming(&[(start, before), (result, body)]);
        builder.position_at_end(after);
        result
    }

    /// `work_group_all` or `work_group_any`: 1 or 0.
    fn truth(&self, all: bool) -> Value {
        let builder = self.site.builder;
        let argument = self.site.call.operand(0).ty();
        let start = self.context.constant(1, u64::from(all));
        let truth = self.fold(start, |index, accumulator| {
            let value = self.load(0, argument, index);
            let holds = builder.icmp(IntPredicate::LLVMIntNE, value, argument.zero());
            if all {
                builder.and(accumulator, holds)
            } else {
                builder.or(accumulator, holds)
            }
        });
        builder.int_cast(truth, self.of, false)
    }

    /// The ids are the same for all work-items; those of the first one are taken. Ids outside of
    /// the work-group are undefined behaviour, but must not read elsewhere.
    fn broadcast(&self) -> Value {
        let builder = self.site.builder;
        let int64 = self.context.int(64);
        let first = int64.constant(0);
        let mut linear = first;
        for d in (0..self.site.operands.len() - 1).rev() {
            let ty = self.site.call.operand(d as u32 + 1).ty();
            let id = builder.int_cast(self.load(d + 1, ty, first), int64, false);
            let size = self.site.size[d];
            let inside = builder.icmp(IntPredicate::LLVMIntULT, id, size);
            let id = builder.select(inside, id, first);
            linear = builder.add(builder.mul(linear, size), id);
        }
        self.load(0, self.of, linear)
    }

    /// The whole work-group combined; a scan leaves its results behind.
    fn combine(&self, combination: Combination) -> Value {
        let Combination { extent, operation } = combination;
        let builder = self.site.builder;
        self.fold(operation.identity(self.of), |index, before| {
            let value = self.load(0, self.of, index);
            let after = operation.apply(builder, before, value);
            let result = match extent {
                Extent::All => None,
                Extent::Inclusive => Some(after),
                Extent::Exclusive => Some(before),
            };
            if let (Some(result), Some(row)) = (result, self.site.results) {
                builder.store(result, self.element(row, index));
            }
            after
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group_operation::{GroupOperation, Kind};

    #[test]
    fn mangled_names_are_understood() {
        let parsed = |name| Some((parse(name)?, BuiltinName::parse(name)?.arguments));
        let greatest = GroupOperation {
            kind: Kind::Max,
            signed: false,
        };
        let scan = Combination {
            extent: Extent::Exclusive,
            operation: greatest,
        };
        assert_eq!(parsed("_Z14work_group_alli"), Some((Function::All, "i")));
        assert_eq!(
            parsed("_Z20work_group_broadcastfmm"),
            Some((Function::Broadcast, "fmm"))
        );
        assert_eq!(
            parsed("_Z29work_group_scan_exclusive_maxm"),
            Some((Function::Combine(scan), "m"))
        );
        assert_eq!(parsed("_Z18work_group_barrierj"), None);
        assert_eq!(parsed("work_group_all"), None);
        assert_eq!(result_is_uniform("_Z21work_group_reduce_addj"), Some(true));
        assert_eq!(
            result_is_uniform("_Z29work_group_scan_inclusive_addj"),
            Some(false)
        );
    }
}
