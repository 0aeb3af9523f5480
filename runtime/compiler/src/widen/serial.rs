//! What has no form for vectors: done lane by lane.

use super::{Mask, Widener};
use crate::lane_shape::Shape;
use crate::llvm::{IntPredicate, Opcode, Type, Value};
use crate::widen::wide::components;

/// Most lanes for which an instruction is copied instead of put in a loop.
const MOST_COPIES: u32 = 16;

/// Most operations between what was loaded and what follows from it.
const MOST_STEPS: u32 = 4;

/// Where a component of a value has its lanes.
enum Component {
    Vector(Value),
    /// Memory with elements of this type, from which any lane is loaded faster than it is taken out of
    /// a register.
    Memory(Value, Type),
}

/// An operand, with its lanes if they do not follow from the first one.
type SerialOperand = (Value, Vec<Component>);

impl Widener<'_> {
    /// Runs a copy of `instruction` for each lane that runs, in order.
    pub(super) fn serial(&mut self, instruction: Value, mask: Mask) -> Result<(), String> {
        let is_call = instruction.opcode() == Some(Opcode::LLVMCall);
        if mask.is_none() && !is_call && self.width <= MOST_COPIES {
            self.one_after_the_other(instruction)
        } else {
            self.in_turn(instruction, mask)
        }
    }

    /// A copy for each lane.
    pub(super) fn one_after_the_other(&mut self, instruction: Value) -> Result<(), String> {
        let copies = self.copies(instruction)?;
        if instruction.ty().is_void() || !instruction.is_used() {
            return Ok(());
        }
        let of = components(instruction.ty())?.into_iter();
        let mut results: Vec<_> = of.map(|of| of.vector(self.width).poison()).collect();
        let int32 = self.context().int(32);
        for (lane, &copy) in (0..).zip(&copies) {
            for (result, part) in results.iter_mut().zip(self.parts(copy)?) {
                *result = (self.builder).insert_element(*result, part, int32.constant(lane));
            }
        }
        if results.len() == 1 {
            self.singles.insert(instruction, copies);
        }
        self.set_vectors(instruction, results);
        Ok(())
    }

    /// Emits a copy for each lane.
    fn copies(&self, instruction: Value) -> Result<Vec<Value>, String> {
        let operands = self.serial_operands(instruction)?;
        let lanes = 0..u64::from(self.width);
        lanes
            .map(|lane| self.in_one_lane(instruction, &operands, self.context().constant(32, lane)))
            .collect()
    }

    fn serial_operands(&self, instruction: Value) -> Result<Vec<SerialOperand>, String> {
        let lanes = |operand| match self.shape(operand) {
            Shape::Uniform => Ok(Vec::new()),
            Shape::Linear(_) if !self.shapes.is_guarded(operand) => Ok(Vec::new()),
            _ => self.lanes(operand),
        };
        let operands = instruction.operands().into_iter();
        operands
            .map(|operand| {
                let vectors = lanes(operand)?.into_iter();
                Ok((operand, vectors.map(Component::Vector).collect()))
            })
            .collect()
    }

    /// The component in memory number `number`.
    fn in_memory(&mut self, component: Component, number: &mut usize) -> Component {
        match component {
            Component::Vector(vector) if self.has_addresses(vector.ty()) => {
                let slot = self.slot_for_turns(vector.ty(), number);
                self.builder.store(vector, slot);
                Component::Memory(slot, vector.ty().element())
            }
            _ => component,
        }
    }

    /// Memory for a vector while lanes take turns, which the next instruction that does so uses again:
    /// no kernel has stack for one each.
    fn slot_for_turns(&mut self, of: Type, number: &mut usize) -> Value {
        *number += 1;
        let make = || self.setup.alloca(of, "turns");
        *(self.slots_for_turns.entry((of, *number))).or_insert_with(make)
    }

    /// Whether each element of a vector in memory has an address.
    fn has_addresses(&self, vector: Type) -> bool {
        vector.element() != self.context().int(1)
    }

    /// Address of an element of a vector in memory.
    fn address(&self, slot: Value, of: Type, lane: Value) -> Value {
        let index = self.builder.int_cast(lane, self.context().int(64), false);
        self.builder.gep_inbounds(of, slot, &[index])
    }

    /// Emits the copy for a lane.
    fn in_one_lane(
        &self,
        instruction: Value,
        operands: &[SerialOperand],
        lane: Value,
    ) -> Result<Value, String> {
        let copy = instruction.clone_instruction();
        for (index, (operand, lanes)) in operands.iter().enumerate() {
            let value = self.in_lane(*operand, lanes, lane)?;
            if value != *operand {
                copy.set_operand(index as u32, value);
            }
        }
        self.builder.insert(copy, "");
        Ok(copy)
    }

    /// One copy, in a loop over the lanes that run.
    fn in_turn(&mut self, instruction: Value, mask: Mask) -> Result<(), String> {
        let result = instruction.ty();
        let results = if result.is_void() {
            Vec::new()
        } else {
            components(result)?
        };
        let mut number = 0;
        let operands = self.serial_operands(instruction)?.into_iter();
        let operands: Vec<_> = operands
            .map(|(operand, lanes)| {
                let lanes = lanes.into_iter();
                let lanes = lanes.map(|component| self.in_memory(component, &mut number));
                (operand, lanes.collect())
            })
            .collect();
        let slots: Vec<_> = results
            .iter()
            .map(|of| {
                let of = of.vector(self.width);
                let slot = self.slot_for_turns(of, &mut number);
                self.builder.store(of.zero(), slot);
                (slot, of)
            })
            .collect();
        let bits = self.bits(self.explicit(mask));
        let of = bits.ty();
        let pending = self.setup.alloca(of, "pending");
        self.builder.store(bits, pending);
        let [turn, done] = ["lane", "lanes.done"].map(|name| self.new_block(name));
        self.builder.branch(turn);
        self.builder.position_at_end(turn);
        let bits = self.builder.load(of, pending);
        let lane = self.intrinsic("llvm.cttz", &[of], &[bits, self.context().constant(1, 1)])?;
        let copy = self.in_one_lane(instruction, &operands, lane)?;
        if !slots.is_empty() {
            for (part, &(slot, of)) in self.parts(copy)?.into_iter().zip(&slots) {
                if self.has_addresses(of) {
                    let address = self.address(slot, of.element(), lane);
                    self.builder.store(part, address);
                } else {
                    let before = self.builder.load(of, slot);
                    let after = self.builder.insert_element(before, part, lane);
                    self.builder.store(after, slot);
                }
            }
        }
        let below = self.builder.sub(bits, of.constant(1));
        let left = self.builder.and(bits, below);
        self.builder.store(left, pending);
        let more = self.builder.icmp(IntPredicate::LLVMIntNE, left, of.zero());
        self.builder.branch_if(more, turn, done);
        self.builder.position_at_end(done);
        let vectors: Vec<_> = slots
            .into_iter()
            .map(|(slot, of)| self.builder.load(of, slot))
            .collect();
        if !vectors.is_empty() {
            self.set_vectors(instruction, vectors);
        }
        Ok(())
    }

    fn in_lane(&self, value: Value, lanes: &[Component], lane: Value) -> Result<Value, String> {
        if let Some(known) = lane
            .constant_int()
            .and_then(|lane| self.single(value, lane, 0))
        {
            return Ok(known);
        }
        if !lanes.is_empty() {
            let parts: Vec<_> = lanes
                .iter()
                .map(|component| match *component {
                    Component::Vector(vector) => self.builder.extract_element(vector, lane),
                    Component::Memory(slot, of) => {
                        self.builder.load(of, self.address(slot, of, lane))
                    }
                })
                .collect();
            return self.whole(value.ty(), &parts);
        }
        let first = self.scalar(value);
        let Shape::Linear(step) = self.shape(value) else {
            return Ok(first);
        };
        let of = value.ty();
        let narrow = if of.is_pointer() {
            self.context().int(64)
        } else {
            of
        };
        let lane = self.builder.int_cast(lane, narrow, false);
        let distance = self.builder.mul(lane, narrow.constant(step as u64));
        Ok(if of.is_pointer() {
            self.builder.gep(self.context().int(8), first, &[distance])
        } else {
            self.builder.add(first, distance)
        })
    }

    /// The value in one lane as it follows from something that was done lane by lane, instead of
    /// taking vectors apart again.
    fn single(&self, value: Value, lane: u64, depth: u32) -> Option<Value> {
        if let Some(singles) = self.singles.get(&value) {
            return singles.get(usize::try_from(lane).ok()?).copied();
        }
        let is_simple = matches!(
            value.opcode()?,
            Opcode::LLVMZExt
                | Opcode::LLVMSExt
                | Opcode::LLVMTrunc
                | Opcode::LLVMAdd
                | Opcode::LLVMSub
                | Opcode::LLVMAnd
                | Opcode::LLVMShl
                | Opcode::LLVMLShr
                | Opcode::LLVMGetElementPtr
        );
        if depth == MOST_STEPS || !is_simple || value.ty().is_vector() {
            return None;
        }
        let mut follows = false;
        let mut operands = Vec::new();
        for operand in value.operands() {
            if self.shapes.is_uniform(operand) {
                operands.push(self.scalar(operand));
            } else {
                operands.push(self.single(operand, lane, depth + 1)?);
                follows = true;
            }
        }
        if !follows {
            return None;
        }
        Some(self.builder.copy(value, operands))
    }

    /// A read-modify-write whose old value nobody wants, at one address for all lanes: the lanes are
    /// combined first. `None` if it is none of these.
    pub(super) fn combined_atomic(
        &mut self,
        instruction: Value,
        mask: Mask,
    ) -> Result<Option<()>, String> {
        use crate::llvm::AtomicOperation::*;
        let operand = instruction.operand(1);
        if instruction.is_used()
            || !self.shapes.is_uniform(instruction.operand(0))
            || operand.ty().int_bits() == 0
        {
            return Ok(None);
        }
        let of = operand.ty();
        let highest = 1u64 << (of.int_bits() - 1);
        let (name, neutral) = match instruction.atomic_operation() {
            LLVMAtomicRMWBinOpAdd | LLVMAtomicRMWBinOpSub => ("add", 0),
            LLVMAtomicRMWBinOpAnd => ("and", u64::MAX),
            LLVMAtomicRMWBinOpOr => ("or", 0),
            LLVMAtomicRMWBinOpXor => ("xor", 0),
            LLVMAtomicRMWBinOpMax => ("smax", highest),
            LLVMAtomicRMWBinOpMin => ("smin", highest - 1),
            LLVMAtomicRMWBinOpUMax => ("umax", 0),
            LLVMAtomicRMWBinOpUMin => ("umin", u64::MAX),
            _ => return Ok(None),
        };
        let lanes = self.lane(operand)?;
        let lanes = match mask {
            None => lanes,
            Some(mask) => {
                let neutral = self.splat(of.constant(neutral));
                self.builder.select(mask, lanes, neutral)
            }
        };
        let all = self.intrinsic(
            &format!("llvm.vector.reduce.{name}"),
            &[lanes.ty()],
            &[lanes],
        )?;
        let copy = instruction.clone_instruction();
        debug_assert_eq!(copy.opcode(), Some(Opcode::LLVMAtomicRMW));
        copy.set_operand(0, self.scalar(instruction.operand(0)));
        copy.set_operand(1, all);
        self.builder.insert(copy, "");
        Ok(Some(()))
    }
}
