//! Functions of sub-groups: what lanes have to do with each other.

use super::{Mask, Widener};
use crate::group_operation::{Combination, Extent};
use crate::lane_shape::Shape;
use crate::llvm::{IntPredicate, Opcode, Value};
use crate::sub_group::Function;

impl Widener<'_> {
    /// Emits a call of one of the functions that the library builds on.
    pub(super) fn sub_group(
        &mut self,
        instruction: Value,
        function: Function,
        mask: Mask,
    ) -> Result<(), String> {
        let of = instruction.ty();
        match function {
            Function::Barrier => {}
            Function::Width => self.set_scalar(instruction, of.constant(u64::from(self.width))),
            Function::LocalId => self.set_scalar(instruction, of.zero()),
            Function::Size => {
                let size = match self.count {
                    Some(count) => self.builder.int_cast(count, of, false),
                    None => of.constant(u64::from(self.width)),
                };
                self.set_scalar(instruction, size);
            }
            Function::Id => {
                let row = self.scalar(self.region.row_index);
                let width = row.ty().constant(u64::from(self.width));
                let id = self.builder.udiv(row, width);
                self.set_scalar(instruction, self.builder.int_cast(id, of, false));
            }
            Function::Ballot => {
                let predicate = self.lane(instruction.operand(0))?;
                let zero = predicate.ty().zero();
                let holds = self.builder.icmp(IntPredicate::LLVMIntNE, predicate, zero);
                let bits = self.bits(self.narrowed(mask, holds, true));
                self.set_scalar(instruction, self.builder.int_cast(bits, of, false));
            }
            Function::Take => self.take(instruction)?,
            Function::Combine(combination) => {
                let lanes = self.combined(instruction, combination, mask)?;
                if self.shape(instruction) == Shape::Uniform {
                    let first = self.context().constant(32, 0);
                    let first = self.builder.extract_element(lanes, first);
                    self.set_scalar(instruction, first);
                } else {
                    self.set_vectors(instruction, vec![lanes]);
                }
            }
        }
        Ok(())
    }

    /// The value of the lane that the second argument numbers; there may be no such lane.
    fn take(&mut self, instruction: Value) -> Result<(), String> {
        let (value, index) = (instruction.operand(0), instruction.operand(1));
        if self.shapes.is_uniform(value) {
            self.set_scalar(instruction, self.scalar(value));
            return Ok(());
        }
        let last = index.ty().constant(u64::from(self.width - 1));
        // Lanes that do not run may hold poison.
        let parts = self.lanes(value)?.into_iter();
        let parts: Vec<_> = parts.map(|part| self.builder.freeze(part)).collect();
        if self.shapes.is_uniform(index) {
            let lane = self.builder.and(self.scalar(index), last);
            let taken: Vec<_> = parts
                .into_iter()
                .map(|part| self.builder.extract_element(part, lane))
                .collect();
            let whole = self.whole(instruction.ty(), &taken)?;
            self.set_scalar(instruction, whole);
            return Ok(());
        }
        let lanes = self.builder.and(self.lane(index)?, self.splat(last));
        let taken = parts
            .into_iter()
            .map(|part| self.rearranged(part, lanes))
            .collect::<Result<_, _>>()?;
        self.set_vectors(instruction, taken);
        Ok(())
    }

    /// In each lane the element of `vector` that the lane's element of `order` numbers.
    fn rearranged(&self, vector: Value, order: Value) -> Result<Value, String> {
        if order.is_constant() {
            return Ok(self.builder.shuffle_vector(vector, vector, order));
        }
        let order = self.builder.freeze(order);
        let memory = self.setup.alloca(vector.ty(), "order");
        self.builder.store(vector, memory);
        let element = vector.ty().element();
        let order = self.builder.cast(
            Opcode::LLVMZExt,
            order,
            self.context().int(64).vector(self.width),
        );
        let addresses = self.builder.gep(element, memory, &[order]);
        let alignment = self.module.alignment_of(element);
        self.gather(element, addresses, alignment, None)
    }

    /// Each lane gets what the lanes that run combine to.
    fn combined(
        &self,
        instruction: Value,
        combination: Combination,
        mask: Mask,
    ) -> Result<Value, String> {
        let Combination { extent, operation } = combination;
        let identity = self.splat(operation.identity(instruction.ty()));
        let mut value = self.lane(instruction.operand(0))?;
        if let Some(mask) = mask {
            value = self.builder.select(mask, value, identity);
        }
        let mut reach = u64::from(self.width);
        if extent == Extent::All {
            let neighbours = instruction.operand(1).constant_int();
            reach = reach.min(neighbours.unwrap_or(reach));
        }
        let mut distance = 1;
        while u64::from(distance) < reach {
            let other = match extent {
                Extent::All => {
                    self.builder
                        .pick(value, value, (0..self.width).map(|lane| lane ^ distance))
                }
                Extent::Inclusive | Extent::Exclusive => self.moved_up(value, identity, distance),
            };
            value = operation.apply(&self.builder, other, value);
            distance *= 2;
        }
        Ok(match extent {
            Extent::Exclusive => self.moved_up(value, identity, 1),
            Extent::All | Extent::Inclusive => value,
        })
    }

    /// Each lane gets the value of the one `distance` before it; the first ones get `filler`.
    fn moved_up(&self, value: Value, filler: Value, distance: u32) -> Value {
        let lanes =
            (0..self.width).map(|lane| lane.checked_sub(distance).unwrap_or(self.width + lane));
        self.builder.pick(value, filler, lanes)
    }
}
