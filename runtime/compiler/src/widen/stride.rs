//! Accesses at distances from lane to lane that are known only when the kernel runs, such as
//! `x[i * increment]`: where the distance is that of neighbours, one access serves all lanes.

use super::Widener;
use crate::lane_shape::Shape;
use crate::llvm::{IntPredicate, Opcode, Type, Value};

impl Widener<'_> {
    /// For an address that may be one of neighbours which lie side by side, each with `count` elements:
    /// whether it is, and that of the first lane.
    pub(super) fn neighbours(
        &self,
        address: Value,
        element: Type,
        count: u32,
    ) -> Option<[Value; 2]> {
        if address.opcode() != Some(Opcode::LLVMGetElementPtr) {
            return None;
        }
        let mut indices = address.operands().into_iter().skip(1);
        if self.shape(address.operand(0)) == Shape::Varying
            && indices.all(|index| self.shapes.is_uniform(index))
        {
            let [side_by_side, base] = self.neighbours(address.operand(0), element, count)?;
            let indices = address.operands().into_iter().skip(1);
            let indices: Vec<_> = indices.map(|index| self.scalar(index)).collect();
            let first = (self.builder).gep(address.gep_source_type(), base, &indices);
            return Some([side_by_side, first]);
        }
        if address.operand_count() != 2 {
            return None;
        }
        let (base, index, of) = (
            address.operand(0),
            address.operand(1),
            address.gep_source_type(),
        );
        let size = i64::try_from(self.module.size_of(of)).ok()?;
        if !self.shapes.is_uniform(base)
            || index.ty().int_bits() != 64
            || !self.is_packed(element, count, size)
        {
            return None;
        }
        let (narrow, signed) = match index.opcode() {
            Some(Opcode::LLVMSExt) => (index.operand(0), Some(true)),
            Some(Opcode::LLVMZExt) => (index.operand(0), Some(false)),
            _ => (index, None),
        };
        let increment = self.scalar(self.increment(narrow)?);
        let start = self.first(narrow);
        let one = increment.ty().constant(1);
        let mut side_by_side = self.builder.icmp(IntPredicate::LLVMIntEQ, increment, one);
        let mut offset = start;
        if let Some(signed) = signed {
            // No lane wraps before it is extended.
            let bits = narrow.ty().int_bits() - u32::from(signed);
            let last = (1_u64 << bits) - u64::from(self.width);
            let predicate = match signed {
                true => IntPredicate::LLVMIntSLE,
                false => IntPredicate::LLVMIntULE,
            };
            let fits = (self.builder).icmp(predicate, start, start.ty().constant(last));
            side_by_side = self.builder.and(side_by_side, fits);
            offset = self.builder.int_cast(start, index.ty(), signed);
        }
        let first = self.builder.gep(of, self.scalar(base), &[offset]);
        Some([side_by_side, first])
    }

    /// What a value grows by from lane to lane, wrapping, if that is one value for all.
    fn increment(&self, value: Value) -> Option<Value> {
        let (left, right) = match value.opcode()? {
            Opcode::LLVMTrunc => return self.increment(value.operand(0)),
            Opcode::LLVMMul | Opcode::LLVMAdd | Opcode::LLVMSub => {
                (value.operand(0), value.operand(1))
            }
            Opcode::LLVMOr if value.is_disjoint() => (value.operand(0), value.operand(1)),
            _ => return None,
        };
        let uniform = |value| self.shapes.is_uniform(value);
        let counts =
            |value| self.shape(value) == Shape::Linear(1) && !self.shapes.is_guarded(value);
        match value.opcode()? {
            Opcode::LLVMMul if counts(left) && uniform(right) => Some(right),
            Opcode::LLVMMul if uniform(left) && counts(right) => Some(left),
            Opcode::LLVMMul => None,
            _ if uniform(right) => self.increment(left),
            Opcode::LLVMSub => None,
            _ if uniform(left) => self.increment(right),
            _ => None,
        }
    }

    /// The first lane's value of what has an [`Self::increment`].
    fn first(&self, value: Value) -> Value {
        if self.shape(value) != Shape::Varying {
            return self.scalar(value);
        }
        let operand = |index| self.first(value.operand(index));
        match value.opcode() {
            Some(Opcode::LLVMTrunc) => self.builder.int_cast(operand(0), value.ty(), false),
            Some(Opcode::LLVMOr) => self.builder.add(operand(0), operand(1)),
            Some(opcode) => self.builder.binary(opcode, operand(0), operand(1)),
            None => value,
        }
    }
}
