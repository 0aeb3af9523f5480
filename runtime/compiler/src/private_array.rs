//! Private arrays of work-items that run in lanes, element by element instead of lane by lane: the
//! same element of all lanes lies side by side, so that an index that all lanes agree on makes one
//! access for a whole vector instead of one for each lane.
//!
//! Only variables whose every use is known can be laid out that way: loads, stores and fills of
//! elements of one size.

use std::collections::HashSet;

use crate::lane_shape::member;
use crate::llvm::{Builder, Module, Opcode, Type, Value};
use crate::region_function::RegionFunction;
use crate::registers::elements;
use crate::slot;
use crate::sub_group;
use crate::work_group::allocated;

/// Gives the private arrays of a region the other layout. Returns their new variables, each one for
/// all of the `width` lanes.
pub fn interleave(module: &Module, region: &RegionFunction, width: u32) -> HashSet<Value> {
    let is_variable = |value: &Value| value.opcode() == Some(Opcode::LLVMAlloca);
    let variables = region
        .function
        .instructions()
        .into_iter()
        .filter(is_variable);
    let arrays: Vec<_> = variables
        .filter_map(|variable| Array::new(module, variable))
        .collect();
    if arrays.is_empty() {
        return HashSet::new();
    }
    let builder = module.context().builder();
    if let Some(first) = region.function.entry_block().first_non_phi() {
        builder.position_before(first);
    }
    let lane = sub_group::lane(module, &builder);
    let int64 = module.context().int(64);
    let lane = builder.int_cast(lane, int64, false);
    let lay_out = |array: Array| {
        let layout = Layout {
            module,
            builder: &builder,
            lane,
            width,
            array: &array,
        };
        layout.apply()
    };
    arrays.into_iter().map(lay_out).collect()
}

/// A private variable of which all uses are known.
struct Array {
    variable: Value,
    /// Bytes of an element of what is loaded and stored.
    element: u64,
}

impl Array {
    fn new(module: &Module, variable: Value) -> Option<Self> {
        let mut element = None;
        let mut pending = vec![variable];
        while let Some(pointer) = pending.pop() {
            for user in pointer.users() {
                let accessed = match user.opcode()? {
                    Opcode::LLVMGetElementPtr if user.operand(0) == pointer => {
                        pending.push(user);
                        continue;
                    }
                    Opcode::LLVMCall if slot::is_lifetime_marker(user) => continue,
                    Opcode::LLVMCall if clears(module, user, variable) => continue,
                    Opcode::LLVMLoad => user.ty(),
                    Opcode::LLVMStore if user.operand(0) != pointer => user.operand(0).ty(),
                    _ => return None,
                };
                let size = element_size(module, accessed)?;
                if user.is_ordered_access() || element.is_some_and(|element| element != size) {
                    return None;
                }
                element = Some(size);
            }
        }
        let array = Self {
            variable,
            element: element?,
        };
        let size = module.size_of(allocated(variable));
        let is_array = size > array.element && size.is_multiple_of(array.element);
        (is_array && array.has_simple_addresses(module)).then_some(array)
    }

    /// Whether all addresses are whole elements away from the first one.
    fn has_simple_addresses(&self, module: &Module) -> bool {
        let mut pending = vec![self.variable];
        while let Some(pointer) = pending.pop() {
            for user in pointer.users() {
                if user.opcode() != Some(Opcode::LLVMGetElementPtr) {
                    continue;
                }
                let whole = |(index, size): (Value, u64)| match index.constant_int() {
                    Some(index) => index.wrapping_mul(size).is_multiple_of(self.element),
                    None => size.is_multiple_of(self.element),
                };
                match steps(module, user) {
                    Some(steps) if steps.iter().copied().all(whole) => pending.push(user),
                    _ => return false,
                }
            }
        }
        true
    }
}

/// The indices of an address, each with the bytes it counts; none if there are structures.
fn steps(module: &Module, address: Value) -> Option<Vec<(Value, u64)>> {
    if address.ty().is_vector() {
        return None;
    }
    let mut of = address.gep_source_type();
    let mut found = Vec::new();
    for number in 1..address.operand_count() {
        let index = address.operand(number);
        if number > 1 {
            if of.is_structure() {
                return None;
            }
            of = member(of, index)?;
        }
        found.push((index, module.size_of(of)));
    }
    Some(found)
}

/// Bytes of the scalars that a value of this type is made of.
fn element_size(module: &Module, of: Type) -> Option<u64> {
    let scalar = of.scalar();
    let bits = scalar.scalar_bits();
    let whole = scalar.is_pointer() || bits >= 8 && bits.is_power_of_two();
    whole.then(|| module.size_of(scalar))
}

/// Bytes of the largest variable that is cleared element by element.
const MOST_CLEARED: u64 = 256;

/// Whether a call fills all of a variable with zeros.
fn clears(module: &Module, call: Value, variable: Value) -> bool {
    let name = call.called_function().map(Value::name).unwrap_or_default();
    let size = module.size_of(allocated(variable));
    name.starts_with("llvm.memset.")
        && size <= MOST_CLEARED
        && call.operand(0) == variable
        && [(1, 0), (2, size), (3, 0)]
            .into_iter()
            .all(|(index, value)| call.operand(index).constant_int() == Some(value))
}

/// The rewriting of one array.
struct Layout<'a> {
    module: &'a Module,
    builder: &'a Builder,
    /// Number of the work-item among the lanes, in 64 bits.
    lane: Value,
    width: u32,
    array: &'a Array,
}

impl Layout<'_> {
    fn apply(&self) -> Value {
        let variable = self.array.variable;
        let context = self.module.context();
        let size = self.module.size_of(allocated(variable));
        self.builder.position_before(variable);
        let all = context.int(8).array(size * u64::from(self.width));
        let shared = self.builder.alloca(all, "interleaved");
        shared.set_alignment(64);
        self.rewrite(shared, variable, context.int(64).zero());
        variable.erase();
        shared
    }

    /// Rewrites the users of `pointer`, which is `offset` bytes behind the variable's first one.
    fn rewrite(&self, shared: Value, pointer: Value, offset: Value) {
        for user in pointer.users() {
            self.builder.position_before(user);
            match user.opcode() {
                Some(Opcode::LLVMGetElementPtr) => {
                    let mut sum = offset;
                    for (index, size) in steps(self.module, user).unwrap_or_default() {
                        let int64 = offset.ty();
                        let index = self.builder.int_cast(index, int64, true);
                        let distance = self.builder.mul(index, int64.constant(size));
                        sum = self.builder.add(sum, distance);
                    }
                    self.rewrite(shared, user, sum);
                }
                Some(Opcode::LLVMLoad) => {
                    let loaded = self.load(shared, user.ty(), offset);
                    user.replace_all_uses(loaded);
                }
                Some(Opcode::LLVMStore) => self.store(shared, user.operand(0), offset),
                Some(Opcode::LLVMCall) if !slot::is_lifetime_marker(user) => {
                    let size = self.module.size_of(allocated(self.array.variable));
                    let element = self.module.context().int(8 * self.array.element as u32);
                    let zeros = element.vector((size / self.array.element) as u32).zero();
                    self.store(shared, zeros, offset);
                }
                _ => {}
            }
            user.erase();
        }
    }

    fn load(&self, shared: Value, of: Type, offset: Value) -> Value {
        if !of.is_vector() {
            return self.load_element(shared, of, offset, 0);
        }
        (0..u64::from(of.vector_len())).fold(of.poison(), |vector, number| {
            let part = self.load_element(shared, of.element(), offset, number);
            let number = self.module.context().constant(32, number);
            self.builder.insert_element(vector, part, number)
        })
    }

    fn load_element(&self, shared: Value, of: Type, offset: Value, number: u64) -> Value {
        let address = self.address(shared, offset, number);
        let loaded = self.builder.load(of, address);
        loaded.set_alignment(self.array.element as u32);
        loaded
    }

    fn store(&self, shared: Value, value: Value, offset: Value) {
        for number in 0..elements(value) as u64 {
            let part = if value.ty().is_vector() {
                let number = self.module.context().constant(32, number);
                self.builder.extract_element(value, number)
            } else {
                value
            };
            let address = self.address(shared, offset, number);
            let stored = self.builder.store(part, address);
            stored.set_alignment(self.array.element as u32);
        }
    }

    /// Where this lane has the element that is `number` elements behind `offset`.
    fn address(&self, shared: Value, offset: Value, number: u64) -> Value {
        let int64 = offset.ty();
        let builder = self.builder;
        let bytes = builder.add(offset, int64.constant(number * self.array.element));
        let row = builder.mul(bytes, int64.constant(u64::from(self.width)));
        let column = builder.mul(self.lane, int64.constant(self.array.element));
        let distance = builder.add(row, column);
        builder.gep(self.module.context().int(8), shared, &[distance])
    }
}
