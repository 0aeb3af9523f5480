//! A region as a function of its own: what one work-item does, with everything the region takes
//! from the work-group as parameters.

use std::collections::HashMap;

use isocl_compiler_interface::rows::SMALL_IDS;

use crate::lane_shape::{LaneShapes, Shape};
use crate::llvm::{Builder, Module, Opcode, Value};
use crate::sub_group;

/// A region taken out of the work-group function.
#[derive(Debug)]
pub struct RegionFunction {
    /// The function.
    pub function: Value,
    /// Parameter: local id in dimension 0.
    pub item: Value,
    /// Parameter: global id in dimension 0.
    pub global_id: Value,
    /// Parameter: position of the work-item in rows.
    pub row_index: Value,
    /// Parameter: local id in dimension 1.
    pub row: Value,
    /// Parameter: what the next row adds to the position.
    pub row_length: Value,
}

/// A region that waits to be widened.
#[derive(Debug)]
pub struct Widened {
    /// What one work-item does.
    pub region: RegionFunction,
    /// What does it for several.
    pub parts: Vec<Part>,
    /// Stands for the number of rows that run at once, where there may be several.
    pub rows_at_once: Option<Value>,
    /// A function without a body, with the region's parameters, for
    /// [`Streams::emit_lead`](crate::streaming::Streams::emit_lead).
    pub lead: Option<Value>,
}

/// A function, so far without a body, that runs a region for several work-items. It returns whether
/// work-items of larger ids in dimension 0 may have anything to do.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// The function.
    pub function: Value,
    /// For which of them.
    pub kind: PartKind,
}

/// The lanes that a [`Part`] runs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// All.
    Whole,
    /// All, and stores go past the caches.
    Streaming,
    /// The first ones only; their number, at least one, is the last parameter.
    Some,
}

/// A function under construction: it has no parameters yet but uses values of another function.
#[derive(Debug)]
pub struct Draft {
    /// The function.
    pub function: Value,
    /// What stands for the parameters of [`RegionFunction`].
    pub item: Value,
    /// See [`Self::item`].
    pub global_id: Value,
    /// See [`Self::item`].
    pub row_index: Value,
    /// See [`Self::item`].
    pub row: Value,
    /// See [`Self::item`].
    pub row_length: Value,
    /// The value of the other function to which the local id is added to get the global one.
    pub global_base: Value,
}

impl Draft {
    /// Makes parameters of the foreign values. Returns them in the order of the parameters, behind
    /// those of the work-item.
    pub fn close(self, module: &Module) -> (RegionFunction, Vec<Value>) {
        self.find_global_ids(module);
        let context = module.context();
        let draft = self.function;
        let mut foreign: Vec<Value> = Vec::new();
        let mut numbers: HashMap<Value, usize> = HashMap::new();
        for operand in draft.instructions().into_iter().flat_map(Value::operands) {
            let is_foreign = operand.is_argument()
                || operand.is_instruction() && operand.block().function() != draft;
            if is_foreign && !numbers.contains_key(&operand) {
                numbers.insert(operand, foreign.len());
                foreign.push(operand);
            }
        }
        let own = [
            self.item,
            self.global_id,
            self.row_index,
            self.row,
            self.row_length,
        ];
        let types = own.iter().chain(&foreign).map(|value| value.ty());
        let signature = context.void().function(&types.collect::<Vec<_>>(), false);
        let function = module.add_function(&format!("{}.item", draft.name()), signature);
        // The length of rows is no id.
        for id in 0..own.len() as u32 - 1 {
            function.add_parameter_attribute(id, context.range_attribute(SMALL_IDS));
        }
        let parameters = function.parameters();
        for instruction in draft.instructions() {
            for (index, operand) in instruction.operands().into_iter().enumerate() {
                if let Some(number) = numbers.get(&operand) {
                    instruction.set_operand(index as u32, parameters[own.len() + number]);
                }
            }
        }
        for (placeholder, &parameter) in own.into_iter().zip(&parameters) {
            placeholder.replace_all_uses(parameter);
            placeholder.erase();
        }
        let mut last = context.append_block(function, "");
        let unused = last;
        for block in draft.blocks() {
            block.move_after(last);
            last = block;
        }
        unused.erase();
        draft.erase_function();
        let region = RegionFunction {
            function,
            item: parameters[0],
            global_id: parameters[1],
            row_index: parameters[2],
            row: parameters[3],
            row_length: parameters[4],
        };
        (region, foreign)
    }

    /// Puts the global id in place of the sums that make it, whatever their width.
    fn find_global_ids(&self, module: &Module) {
        let builder = module.context().builder();
        let whole = |value: Value| match value.opcode() {
            Some(Opcode::LLVMTrunc) if value.ty().int_bits() >= 32 => value.operand(0),
            _ => value,
        };
        for instruction in self.function.instructions() {
            if instruction.opcode() != Some(Opcode::LLVMAdd) {
                continue;
            }
            let terms = [instruction.operand(0), instruction.operand(1)].map(whole);
            if terms == [self.item, self.global_base] || terms == [self.global_base, self.item] {
                builder.position_before(instruction);
                let id = builder.int_cast(self.global_id, instruction.ty(), false);
                instruction.replace_all_uses(id);
                instruction.erase();
            }
        }
    }
}

impl RegionFunction {
    /// Whether extending a narrow value that grows from lane to lane gives one that grows as
    /// evenly: no lane that runs may have wrapped.
    pub fn extends_exactly(&self, extension: Value, shapes: &LaneShapes) -> bool {
        let signed = match extension.opcode() {
            Some(Opcode::LLVMSExt) => true,
            Some(Opcode::LLVMZExt) => false,
            _ => return false,
        };
        let of = extension.operand(0);
        self.is_exact(of, signed, shapes)
            || !signed && extension.has_non_negative_operand() && self.is_exact(of, true, shapes)
    }

    fn is_exact(&self, value: Value, signed: bool, shapes: &LaneShapes) -> bool {
        if shapes.is_uniform(value) {
            return true;
        }
        let says_so = match value.opcode() {
            Some(Opcode::LLVMTrunc) => {
                let of = value.operand(0);
                let is_id = of == self.item || of == self.global_id;
                return is_id && value.ty().int_bits() >= 32;
            }
            Some(Opcode::LLVMAdd | Opcode::LLVMSub | Opcode::LLVMMul | Opcode::LLVMShl) => {
                if signed {
                    value.has_no_signed_wrap()
                } else {
                    value.has_no_unsigned_wrap()
                }
            }
            Some(Opcode::LLVMOr) => value.is_disjoint(),
            Some(Opcode::LLVMCall) => return sub_group::is_local_id(value),
            _ => false,
        };
        let exact = |operand| self.is_exact(operand, signed, shapes);
        says_so && value.operands().into_iter().all(exact)
    }

    /// The first lane's value of an extension that [`Self::extends_exactly`]: the sum of its
    /// extended parts, because the first lane itself need not run and may have wrapped. `scalar`
    /// gives the first lane's value of what is no sum.
    pub fn extended(
        &self,
        builder: &Builder,
        extension: Value,
        shapes: &LaneShapes,
        scalar: &dyn Fn(Value) -> Value,
    ) -> Value {
        let of = extension.operand(0);
        let signed =
            extension.opcode() == Some(Opcode::LLVMSExt) || !self.is_exact(of, false, shapes);
        let sum = Sum {
            builder,
            to: extension,
            signed,
            shapes,
            scalar,
        };
        sum.of(of)
    }
}

struct Sum<'a> {
    builder: &'a Builder,
    to: Value,
    signed: bool,
    shapes: &'a LaneShapes,
    scalar: &'a dyn Fn(Value) -> Value,
}

impl Sum<'_> {
    fn of(&self, value: Value) -> Value {
        let builder = self.builder;
        let wide = self.to.ty();
        if self.shapes.of(value) == Shape::Uniform {
            return builder.int_cast((self.scalar)(value), wide, self.signed);
        }
        let operand = |index| self.of(value.operand(index));
        match value.opcode() {
            Some(Opcode::LLVMTrunc) => {
                builder.int_cast((self.scalar)(value.operand(0)), wide, false)
            }
            Some(Opcode::LLVMOr) => builder.add(operand(0), operand(1)),
            Some(Opcode::LLVMCall) => builder.int_cast((self.scalar)(value), wide, false),
            // A shift by a constant amount, which must not be extended with its sign.
            Some(Opcode::LLVMShl) => {
                let amount = builder.int_cast((self.scalar)(value.operand(1)), wide, false);
                builder.binary(Opcode::LLVMShl, operand(0), amount)
            }
            Some(opcode) => builder.binary(opcode, operand(0), operand(1)),
            None => (self.scalar)(value),
        }
    }
}
