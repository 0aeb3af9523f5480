//! Atomic functions of OpenCL C 1.x (§6.15.12.8) and 2.0 (§6.15.12), and fences.
//!
//! Objects may be floating-point numbers (cl_ext_float_atomics).
//!
//! Orders become LLVM orderings. With a scope of a single work-item, and in memory that is known to be
//! local, only the thread matters, because a work-group runs on one: [`crate::plain_atomic`] makes
//! plain accesses of these in the end.

use crate::builtin_name::{is_signed, BuiltinName};
use crate::llvm::{
    address_space, AtomicOperation, AtomicOrdering, Builder, IntPredicate, Module, Opcode, Type,
    Value,
};

/// The read-modify-write operations, whatever they are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Exchange,
    Add,
    Sub,
    And,
    Or,
    Xor,
    Min,
    Max,
}

impl Operation {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "xchg" | "exchange" => Self::Exchange,
            "add" | "inc" => Self::Add,
            "sub" | "dec" => Self::Sub,
            "and" => Self::And,
            "or" => Self::Or,
            "xor" => Self::Xor,
            "min" => Self::Min,
            "max" => Self::Max,
            _ => return None,
        })
    }

    fn llvm(self, signed: bool, float: bool) -> AtomicOperation {
        match (self, float) {
            (Self::Exchange, _) => AtomicOperation::LLVMAtomicRMWBinOpXchg,
            (Self::Add, false) => AtomicOperation::LLVMAtomicRMWBinOpAdd,
            (Self::Sub, false) => AtomicOperation::LLVMAtomicRMWBinOpSub,
            (Self::Add, true) => AtomicOperation::LLVMAtomicRMWBinOpFAdd,
            (Self::Sub, true) => AtomicOperation::LLVMAtomicRMWBinOpFSub,
            (Self::And, _) => AtomicOperation::LLVMAtomicRMWBinOpAnd,
            (Self::Or, _) => AtomicOperation::LLVMAtomicRMWBinOpOr,
            (Self::Xor, _) => AtomicOperation::LLVMAtomicRMWBinOpXor,
            (Self::Min, true) => AtomicOperation::LLVMAtomicRMWBinOpFMin,
            (Self::Max, true) => AtomicOperation::LLVMAtomicRMWBinOpFMax,
            (Self::Min, false) if signed => AtomicOperation::LLVMAtomicRMWBinOpMin,
            (Self::Min, false) => AtomicOperation::LLVMAtomicRMWBinOpUMin,
            (Self::Max, false) if signed => AtomicOperation::LLVMAtomicRMWBinOpMax,
            (Self::Max, false) => AtomicOperation::LLVMAtomicRMWBinOpUMax,
        }
    }
}

/// `memory_order` as clang's header numbers it.
const ORDER_RELAXED: u64 = 0;
const ORDER_ACQUIRE: u64 = 2;
const ORDER_RELEASE: u64 = 3;
const ORDER_ACQUIRE_RELEASE: u64 = 4;

/// `memory_scope_work_item` as clang's header numbers it.
const SCOPE_WORK_ITEM: u64 = 0;

/// What an access is allowed to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Load,
    Store,
    Both,
}

/// The ordering for an order argument; one that is only known at run time counts as the strongest.
fn ordering(order: Option<Value>, access: Access) -> AtomicOrdering {
    use AtomicOrdering::*;
    let strongest = LLVMAtomicOrderingSequentiallyConsistent;
    let Some(order) = order.and_then(Value::constant_int) else {
        return strongest;
    };
    match (order, access) {
        (ORDER_RELAXED, _) => LLVMAtomicOrderingMonotonic,
        (ORDER_ACQUIRE, Access::Load | Access::Both) => LLVMAtomicOrderingAcquire,
        (ORDER_RELEASE, Access::Store | Access::Both) => LLVMAtomicOrderingRelease,
        (ORDER_ACQUIRE_RELEASE, Access::Both) => LLVMAtomicOrderingAcquireRelease,
        _ => strongest,
    }
}

/// One call under replacement.
struct Call<'a> {
    builder: Builder,
    arguments: Vec<Value>,
    name: &'a BuiltinName<'a>,
    /// Type of the atomic object.
    of: Type,
    address: Value,
}

/// The replacement of a call: its value if it has one. `None` for calls that are none of ours.
///
/// # Errors
/// The call has an unknown form.
pub fn lower(
    module: &Module,
    call: Value,
    name: &BuiltinName<'_>,
) -> Result<Option<Option<Value>>, String> {
    let builder = module.context().builder();
    builder.position_before(call);
    let arguments = call.call_arguments();
    match name.name {
        "mem_fence" => {
            return Ok(Some(fence(
                &builder,
                AtomicOrdering::LLVMAtomicOrderingAcquireRelease,
            )))
        }
        "read_mem_fence" => {
            return Ok(Some(fence(
                &builder,
                AtomicOrdering::LLVMAtomicOrderingAcquire,
            )))
        }
        "write_mem_fence" => {
            return Ok(Some(fence(
                &builder,
                AtomicOrdering::LLVMAtomicOrderingRelease,
            )))
        }
        "atomic_work_item_fence" => {
            let order = ordering(arguments.get(1).copied(), Access::Both);
            let relaxed = order == AtomicOrdering::LLVMAtomicOrderingMonotonic;
            return Ok(Some(if relaxed {
                None
            } else {
                fence(&builder, order)
            }));
        }
        _ => {}
    }
    let Some(function) = name
        .name
        .strip_prefix("atomic_")
        .or_else(|| name.name.strip_prefix("atom_"))
    else {
        return Ok(None);
    };
    let unknown = || {
        format!(
            "atomic function {}({}) is not supported",
            name.name, name.arguments
        )
    };
    let context = module.context();
    let of = match name.pointee().ok_or_else(unknown)? {
        'i' | 'j' => context.int(32),
        'l' | 'm' | 'x' | 'y' => context.int(64),
        'f' => context.float(32),
        'd' => context.float(64),
        _ => return Err(unknown()),
    };
    let address = arguments.first().copied().ok_or_else(unknown)?;
    let address = local_origin(address).unwrap_or(address);
    let lowering = Call {
        builder,
        arguments,
        name,
        of,
        address,
    };
    let explicit = function.strip_suffix("_explicit");
    lowering
        .replace(explicit.unwrap_or(function), explicit.is_some())
        .map(Some)
        .ok_or_else(unknown)
}

/// Orders memory of this work-item against all others.
fn fence(builder: &Builder, order: AtomicOrdering) -> Option<Value> {
    builder.fence(order, false);
    None
}

/// The local pointer that a generic one was made from.
fn local_origin(address: Value) -> Option<Value> {
    let is_cast = address.opcode() == Some(Opcode::LLVMAddrSpaceCast)
        || address.constant_opcode() == Some(Opcode::LLVMAddrSpaceCast);
    let origin = is_cast.then(|| address.operand(0))?;
    (origin.ty().address_space() == address_space::LOCAL).then_some(origin)
}

impl Call<'_> {
    /// The replacement; outer `None` when the function is unknown.
    fn replace(&self, function: &str, explicit: bool) -> Option<Option<Value>> {
        let order = |index: usize| {
            if explicit {
                self.arguments.get(index).copied()
            } else {
                None
            }
        };
        let value = |index: usize| self.arguments.get(index).copied();
        match function {
            "init" => {
                self.builder
                    .store(value(1)?, self.address)
                    .set_alignment(self.bytes());
                Some(None)
            }
            "store" => {
                self.store(value(1)?, order(2), order(3));
                Some(None)
            }
            "load" => Some(Some(self.load(order(1), order(2)))),
            "flag_clear" => {
                self.store(self.of.zero(), order(1), order(2));
                Some(None)
            }
            "flag_test_and_set" => {
                let old = self.modify(Operation::Exchange, self.of.constant(1), order(1), order(2));
                Some(Some(self.builder.icmp(
                    IntPredicate::LLVMIntNE,
                    old,
                    self.of.zero(),
                )))
            }
            "compare_exchange_strong" | "compare_exchange_weak" => Some(Some(
                self.compare_exchange(value(1)?, value(2)?, order(3), order(4), order(5)),
            )),
            "cmpxchg" => {
                let relaxed = AtomicOrdering::LLVMAtomicOrderingMonotonic;
                Some(Some(
                    self.exchange_if_equal(value(1)?, value(2)?, relaxed, relaxed, None)
                        .0,
                ))
            }
            "inc" | "dec" => {
                let one = self.of.constant(1);
                Some(Some(self.modify_relaxed(Operation::parse(function)?, one)))
            }
            "exchange" => Some(Some(self.modify(
                Operation::Exchange,
                value(1)?,
                order(2),
                order(3),
            ))),
            _ => match function.strip_prefix("fetch_") {
                Some(operation) => {
                    let operation = Operation::parse(operation)?;
                    Some(Some(self.modify(operation, value(1)?, order(2), order(3))))
                }
                None => Some(Some(
                    self.modify_relaxed(Operation::parse(function)?, value(1)?),
                )),
            },
        }
    }

    fn bytes(&self) -> u32 {
        self.of.scalar_bits() / 8
    }

    /// Whether no other thread can see the access.
    fn is_plain(&self, scope: Option<Value>) -> bool {
        self.address.ty().address_space() == address_space::LOCAL
            || scope.and_then(Value::constant_int) == Some(SCOPE_WORK_ITEM)
    }

    fn load(&self, order: Option<Value>, scope: Option<Value>) -> Value {
        let load = self.builder.load(self.of, self.address);
        load.set_alignment(self.bytes());
        if !self.is_plain(scope) {
            self.builder
                .set_ordering(load, ordering(order, Access::Load));
        }
        load
    }

    fn store(&self, value: Value, order: Option<Value>, scope: Option<Value>) {
        let store = self.builder.store(value, self.address);
        store.set_alignment(self.bytes());
        if !self.is_plain(scope) {
            self.builder
                .set_ordering(store, ordering(order, Access::Store));
        }
    }

    fn modify_relaxed(&self, operation: Operation, value: Value) -> Value {
        self.read_modify_write(
            operation,
            value,
            AtomicOrdering::LLVMAtomicOrderingMonotonic,
            self.is_plain(None),
        )
    }

    fn modify(
        &self,
        operation: Operation,
        value: Value,
        order: Option<Value>,
        scope: Option<Value>,
    ) -> Value {
        self.read_modify_write(
            operation,
            value,
            ordering(order, Access::Both),
            self.is_plain(scope),
        )
    }

    fn read_modify_write(
        &self,
        operation: Operation,
        value: Value,
        order: AtomicOrdering,
        plain: bool,
    ) -> Value {
        let signed = self.name.pointee().is_some_and(is_signed);
        let operation = operation.llvm(signed, self.of.is_float());
        self.builder
            .atomic_rmw(operation, self.address, value, order, plain)
    }

    /// The old value, and whether it was the expected one.
    fn exchange_if_equal(
        &self,
        expected: Value,
        desired: Value,
        success: AtomicOrdering,
        failure: AtomicOrdering,
        scope: Option<Value>,
    ) -> (Value, Value) {
        let builder = &self.builder;
        let bits = if self.of.is_float() {
            self.integer()
        } else {
            self.of
        };
        let as_bits = |value: Value| {
            if self.of.is_float() {
                builder.cast(Opcode::LLVMBitCast, value, bits)
            } else {
                value
            }
        };
        let (expected, desired) = (as_bits(expected), as_bits(desired));
        let pair = builder.compare_exchange(
            self.address,
            expected,
            desired,
            success,
            failure,
            self.is_plain(scope),
        );
        let (old, equal) = (
            builder.extract_value(pair, 0),
            builder.extract_value(pair, 1),
        );
        let old = if self.of.is_float() {
            builder.cast(Opcode::LLVMBitCast, old, self.of)
        } else {
            old
        };
        (old, equal)
    }

    /// The integer type of the object's size.
    fn integer(&self) -> Type {
        self.builder.context().int(self.of.scalar_bits())
    }

    fn compare_exchange(
        &self,
        expected_address: Value,
        desired: Value,
        success: Option<Value>,
        failure: Option<Value>,
        scope: Option<Value>,
    ) -> Value {
        let expected = self.builder.load(self.of, expected_address);
        expected.set_alignment(self.bytes());
        let success = ordering(success, Access::Both);
        let failure = ordering(failure, Access::Load);
        let (old, equal) = self.exchange_if_equal(expected, desired, success, failure, scope);
        // On success this stores what is there already; the expected value is the caller's own.
        self.builder
            .store(old, expected_address)
            .set_alignment(self.bytes());
        equal
    }
}
