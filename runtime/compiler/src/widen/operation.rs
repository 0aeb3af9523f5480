//! Instructions that compute.

use super::{Mask, Widener};
use crate::lane_shape::{extends, Shape};
use crate::llvm::{Opcode, Type, Value};
use crate::pure_intrinsic::{self, Form};
use crate::slot;
use crate::sub_group::Function;
use crate::widen::wide::components;

impl Widener<'_> {
    /// Emits one instruction.
    pub(super) fn instruction(&mut self, instruction: Value, mask: Mask) -> Result<(), String> {
        let Some(opcode) = instruction.opcode() else {
            return Err(format!("{instruction} is no instruction"));
        };
        if slot::leaves_no_trace(instruction) {
            return Ok(());
        }
        if opcode == Opcode::LLVMAlloca {
            self.variable(instruction);
            return Ok(());
        }
        if let Some(function) = Function::of_call(instruction) {
            return self.sub_group(instruction, function, mask);
        }
        let uniform_operands = || {
            let mut operands = instruction.operands().into_iter();
            operands.all(|operand| self.shapes.is_uniform(operand))
        };
        match opcode {
            Opcode::LLVMFence => {
                self.builder.insert(instruction.clone_instruction(), "");
                return Ok(());
            }
            Opcode::LLVMStore if instruction.is_ordered_access() => {
                return self.serial(instruction, mask);
            }
            Opcode::LLVMStore if uniform_operands() => {
                self.once(instruction);
                return Ok(());
            }
            Opcode::LLVMStore => return self.store(instruction, mask),
            Opcode::LLVMAtomicRMW => {
                return match self.combined_atomic(instruction, mask)? {
                    Some(()) => Ok(()),
                    None => self.serial(instruction, mask),
                }
            }
            Opcode::LLVMAtomicCmpXchg => return self.serial(instruction, mask),
            Opcode::LLVMCall
                if !pure_intrinsic::is_one(instruction) && !self.shapes.is_uniform(instruction) =>
            {
                return self.serial(instruction, mask);
            }
            _ => {}
        }
        match self.shape(instruction) {
            Shape::Uniform => {
                // What depends on nothing but the lane's number may cancel out.
                if uniform_operands() {
                    self.once(instruction);
                } else {
                    self.linear_operation(instruction, opcode);
                }
                Ok(())
            }
            Shape::Linear(_) => {
                self.linear_operation(instruction, opcode);
                if self.shapes.is_guarded(instruction) {
                    self.guard(instruction)?;
                }
                Ok(())
            }
            Shape::Varying => self.varying(instruction, opcode, mask),
        }
    }

    /// Finds out at run time whether a value is linear.
    fn guard(&mut self, instruction: Value) -> Result<(), String> {
        let mut guards = Vec::new();
        for operand in instruction.operands() {
            guards.extend(self.guards.get(&operand));
        }
        if extends(instruction) && !self.region.extends_exactly(instruction, self.shapes) {
            guards.push(self.does_not_wrap(instruction)?);
        }
        let all = guards
            .into_iter()
            .reduce(|left, right| self.builder.and(left, right))
            .ok_or("a guard is missing")?;
        self.guards.insert(instruction, all);
        Ok(())
    }

    /// Whether the operand of an extension grows through all lanes without wrapping.
    fn does_not_wrap(&self, extension: Value) -> Result<Value, String> {
        let of = extension.operand(0);
        let Shape::Linear(step) = self.shape(of) else {
            return Err("a guard is not needed".to_owned());
        };
        let signed = extension.opcode() != Some(Opcode::LLVMZExt);
        let distance = step * (i64::from(self.width) - 1);
        let (name, distance) = match (signed, distance < 0) {
            (true, _) => ("llvm.sadd.with.overflow", distance),
            (false, false) => ("llvm.uadd.with.overflow", distance),
            (false, true) => ("llvm.usub.with.overflow", -distance),
        };
        let ty = of.ty();
        let pair = self.intrinsic(
            name,
            &[ty],
            &[self.scalar(of), ty.constant(distance as u64)],
        )?;
        let wraps = self.builder.extract_value(pair, 1);
        let truth = self.context().constant(1, 1);
        Ok(self.builder.binary(Opcode::LLVMXor, wraps, truth))
    }

    /// A copy that serves all lanes.
    fn once(&mut self, instruction: Value) {
        let copy = instruction.clone_instruction();
        for (index, operand) in instruction.operands().into_iter().enumerate() {
            let scalar = self.scalar(operand);
            if scalar != operand {
                copy.set_operand(index as u32, scalar);
            }
        }
        self.builder.insert(copy, "");
        self.set_scalar(instruction, copy);
    }

    /// The first lane's value. Nothing may be said about wrapping, because that lane need not run.
    fn linear_operation(&mut self, instruction: Value, opcode: Opcode) {
        let exact = self.region.extends_exactly(instruction, self.shapes);
        let builder = &self.builder;
        let operand = |index| self.scalar(instruction.operand(index));
        let value = match opcode {
            Opcode::LLVMOr => builder.add(operand(0), operand(1)),
            Opcode::LLVMFreeze => builder.freeze(operand(0)),
            Opcode::LLVMSExt | Opcode::LLVMZExt if exact => {
                let scalar = |value| self.scalar(value);
                self.region
                    .extended(builder, instruction, self.shapes, &scalar)
            }
            Opcode::LLVMGetElementPtr => {
                let indices: Vec<_> = (1..instruction.operand_count()).map(operand).collect();
                builder.gep(instruction.gep_source_type(), operand(0), &indices)
            }
            Opcode::LLVMTrunc
            | Opcode::LLVMSExt
            | Opcode::LLVMZExt
            | Opcode::LLVMPtrToInt
            | Opcode::LLVMIntToPtr
            | Opcode::LLVMAddrSpaceCast => builder.cast(opcode, operand(0), instruction.ty()),
            _ => builder.binary(opcode, operand(0), operand(1)),
        };
        self.set_scalar(instruction, value);
    }

    fn varying(&mut self, instruction: Value, opcode: Opcode, mask: Mask) -> Result<(), String> {
        if opcode == Opcode::LLVMLoad {
            return if instruction.is_ordered_access() {
                self.serial(instruction, mask)
            } else {
                self.load(instruction, mask)
            };
        }
        let vectors = self.computed(instruction, mask)?;
        self.set_vectors(instruction, vectors);
        Ok(())
    }

    /// The components of what an instruction without effect computes in the lanes.
    pub(super) fn computed(&self, instruction: Value, mask: Mask) -> Result<Vec<Value>, String> {
        let opcode = instruction.opcode().ok_or("a constant is computed")?;
        Ok(match opcode {
            Opcode::LLVMSDiv | Opcode::LLVMUDiv | Opcode::LLVMSRem | Opcode::LLVMURem => {
                // Lanes that do not run must not divide by what they hold.
                let divisors = self.lanes(instruction.operand(1))?;
                let divisors: Vec<_> = match mask {
                    None => divisors,
                    Some(mask) => divisors
                        .into_iter()
                        .map(|divisor| {
                            let element = divisor.ty().element();
                            let one = self.splat(element.constant(1));
                            self.builder.select(mask, divisor, one)
                        })
                        .collect(),
                };
                self.pairwise(&self.lanes(instruction.operand(0))?, &divisors, |a, b| {
                    self.divide(opcode, a, b)
                })
            }
            Opcode::LLVMAdd
            | Opcode::LLVMSub
            | Opcode::LLVMMul
            | Opcode::LLVMShl
            | Opcode::LLVMLShr
            | Opcode::LLVMAShr
            | Opcode::LLVMAnd
            | Opcode::LLVMOr
            | Opcode::LLVMXor
            | Opcode::LLVMFAdd
            | Opcode::LLVMFSub
            | Opcode::LLVMFMul
            | Opcode::LLVMFDiv
            | Opcode::LLVMFRem => {
                let (left, right) = self.two(instruction)?;
                let tolerant = self.context().metadata_kind("fpmath");
                self.pairwise(&left, &right, |a, b| {
                    let value = self.builder.binary(opcode, a, b);
                    value.copy_fast_math_flags(instruction);
                    if let Some(tolerance) = instruction.metadata(tolerant) {
                        value.set_metadata(tolerant, tolerance);
                    }
                    value
                })
            }
            Opcode::LLVMFNeg => self.each(instruction, |value| {
                let value = self.builder.negate(value);
                value.copy_fast_math_flags(instruction);
                value
            })?,
            Opcode::LLVMFreeze => self.each(instruction, |value| self.builder.freeze(value))?,
            Opcode::LLVMICmp => {
                if let Some(bound) = self.bound(instruction)? {
                    return Ok(vec![self.within(bound)]);
                }
                let (left, right) = self.two(instruction)?;
                let predicate = instruction.int_predicate();
                self.pairwise(&left, &right, |a, b| self.builder.icmp(predicate, a, b))
            }
            Opcode::LLVMFCmp => {
                let (left, right) = self.two(instruction)?;
                let predicate = instruction.real_predicate();
                self.pairwise(&left, &right, |a, b| {
                    let value = self.builder.fcmp(predicate, a, b);
                    value.copy_fast_math_flags(instruction);
                    value
                })
            }
            Opcode::LLVMSelect => self.selected(instruction)?,
            Opcode::LLVMTrunc
            | Opcode::LLVMZExt
            | Opcode::LLVMSExt
            | Opcode::LLVMFPTrunc
            | Opcode::LLVMFPExt
            | Opcode::LLVMFPToSI
            | Opcode::LLVMFPToUI
            | Opcode::LLVMSIToFP
            | Opcode::LLVMUIToFP
            | Opcode::LLVMPtrToInt
            | Opcode::LLVMIntToPtr
            | Opcode::LLVMAddrSpaceCast => {
                let to = components(instruction.ty())?[0].vector(self.width);
                self.each(instruction, |value| self.builder.cast(opcode, value, to))?
            }
            Opcode::LLVMBitCast => {
                let from = self.lanes(instruction.operand(0))?;
                self.reinterpreted(&from, &components(instruction.ty())?)?
            }
            Opcode::LLVMGetElementPtr => vec![self.addresses(instruction)?],
            Opcode::LLVMExtractElement => vec![self.extracted(instruction)?],
            Opcode::LLVMInsertElement => self.inserted(instruction)?,
            Opcode::LLVMShuffleVector => {
                let (mut from, right) = self.two(instruction)?;
                from.extend(right);
                (0..instruction.shuffle_len())
                    .map(|index| {
                        let picked = instruction.shuffle_index(index).unwrap_or(0);
                        from[picked as usize]
                    })
                    .collect()
            }
            Opcode::LLVMExtractValue => {
                let of = instruction.operand(0).ty();
                let (first, count) = member_parts(of, &instruction.aggregate_indices())?;
                self.lanes(instruction.operand(0))?[first..first + count].to_vec()
            }
            Opcode::LLVMInsertValue => {
                let of = instruction.ty();
                let (first, count) = member_parts(of, &instruction.aggregate_indices())?;
                let (mut parts, new) = self.two(instruction)?;
                parts.splice(first..first + count, new);
                parts
            }
            Opcode::LLVMCall => self.called(instruction)?,
            _ => return Err(format!("{instruction} has no form for lanes")),
        })
    }

    fn two(&self, instruction: Value) -> Result<(Vec<Value>, Vec<Value>), String> {
        Ok((
            self.lanes(instruction.operand(0))?,
            self.lanes(instruction.operand(1))?,
        ))
    }

    fn pairwise(
        &self,
        left: &[Value],
        right: &[Value],
        combine: impl Fn(Value, Value) -> Value,
    ) -> Vec<Value> {
        let pairs = left.iter().zip(right);
        pairs.map(|(&a, &b)| combine(a, b)).collect()
    }

    /// `convert` for each component of the first operand.
    fn each(
        &self,
        instruction: Value,
        convert: impl Fn(Value) -> Value,
    ) -> Result<Vec<Value>, String> {
        let parts = self.lanes(instruction.operand(0))?.into_iter();
        Ok(parts.map(convert).collect())
    }

    fn selected(&self, select: Value) -> Result<Vec<Value>, String> {
        let then = self.lanes(select.operand(1))?;
        let otherwise = self.lanes(select.operand(2))?;
        let condition = select.operand(0);
        let conditions = if condition.ty().is_vector() {
            self.lanes(condition)?
        } else if self.shapes.is_uniform(condition) {
            vec![self.scalar(condition); then.len()]
        } else {
            vec![self.lane(condition)?; then.len()]
        };
        let ways = self.pairwise(&then, &otherwise, |a, _| a);
        Ok((ways.into_iter().zip(otherwise).zip(conditions))
            .map(|((then, otherwise), condition)| {
                let value = self.builder.select(condition, then, otherwise);
                value.copy_fast_math_flags(select);
                value
            })
            .collect())
    }

    fn addresses(&self, gep: Value) -> Result<Value, String> {
        if gep.ty().is_vector() {
            return Err("vectors of addresses are computed".to_owned());
        }
        let operands = gep
            .operands()
            .into_iter()
            .map(|operand| match self.shape(operand) {
                Shape::Uniform => Ok(self.scalar(operand)),
                _ => self.lane(operand),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(self
            .builder
            .gep(gep.gep_source_type(), operands[0], &operands[1..]))
    }

    fn extracted(&self, extract: Value) -> Result<Value, String> {
        let parts = self.lanes(extract.operand(0))?;
        let index = extract.operand(1);
        if let Some(number) = index.constant_int() {
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            return Ok(parts.get(number).copied().unwrap_or(parts[0].ty().poison()));
        }
        let index = self.lane(index)?;
        let mut found = parts[0];
        for (number, part) in (1u64..).zip(&parts[1..]) {
            let here = self.is_number(index, number);
            found = self.builder.select(here, *part, found);
        }
        Ok(found)
    }

    fn inserted(&self, insert: Value) -> Result<Vec<Value>, String> {
        let mut parts = self.lanes(insert.operand(0))?;
        let new = self.lane(insert.operand(1))?;
        let index = insert.operand(2);
        if let Some(number) = index.constant_int() {
            if let Some(part) = parts.get_mut(usize::try_from(number).unwrap_or(usize::MAX)) {
                *part = new;
            }
            return Ok(parts);
        }
        let index = self.lane(index)?;
        for (number, part) in (0u64..).zip(&mut parts) {
            let here = self.is_number(index, number);
            *part = self.builder.select(here, new, *part);
        }
        Ok(parts)
    }

    fn is_number(&self, index: Value, number: u64) -> Value {
        let number = self.splat(index.ty().element().constant(number));
        self.builder
            .icmp(crate::llvm::IntPredicate::LLVMIntEQ, index, number)
    }

    /// The bits of `from` as components of other types.
    fn reinterpreted(&self, from: &[Value], to: &[Type]) -> Result<Vec<Value>, String> {
        let bits = |of: Type| {
            let bits = of.scalar_bits();
            (bits > 0)
                .then_some(bits)
                .ok_or("addresses are reinterpreted")
        };
        let (small, large) = (bits(from[0].ty().element())?, bits(to[0])?);
        let int = |bits: u32| self.context().int(bits).vector(self.width);
        let cast = |value: Value, of: Type| self.builder.cast(Opcode::LLVMBitCast, value, of);
        let shifted = |opcode, value: Value, by: u32| {
            let by = self.splat(value.ty().element().constant(u64::from(by)));
            self.builder.binary(opcode, value, by)
        };
        let parts: Vec<Value> = if small == large {
            from.to_vec()
        } else if small < large {
            from.chunks((large / small) as usize)
                .map(|chunk| {
                    let mut whole = int(large).zero();
                    for (number, &part) in (0u32..).zip(chunk) {
                        let part = cast(part, int(small));
                        let part = self.builder.cast(Opcode::LLVMZExt, part, int(large));
                        let part = shifted(Opcode::LLVMShl, part, number * small);
                        whole = self.builder.or(whole, part);
                    }
                    whole
                })
                .collect()
        } else {
            from.iter()
                .flat_map(|&part| {
                    let part = cast(part, int(small));
                    (0..small / large)
                        .map(|number| {
                            let moved = shifted(Opcode::LLVMLShr, part, number * large);
                            self.builder.cast(Opcode::LLVMTrunc, moved, int(large))
                        })
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        let typed = parts.into_iter().zip(to);
        Ok(typed
            .map(|(part, of)| cast(part, of.vector(self.width)))
            .collect())
    }

    fn called(&self, call: Value) -> Result<Vec<Value>, String> {
        let Some((name, form)) = pure_intrinsic::form(call) else {
            return Err(format!("{call} has no form for lanes"));
        };
        let arguments = call.call_arguments();
        if form == Form::Reduction {
            return self.reduced(&name, arguments[0]).map(|value| vec![value]);
        }
        let constants = match form {
            Form::Constant | Form::Test => 1,
            _ => 0,
        };
        let (varying, constant) = arguments.split_at(arguments.len() - constants);
        let columns = varying
            .iter()
            .map(|&argument| self.lanes(argument))
            .collect::<Result<Vec<_>, _>>()?;
        let of = match form {
            Form::Pair => call.ty().members()[0],
            _ => call.ty(),
        };
        let result = components(of)?[0].vector(self.width);
        let mut parts = Vec::new();
        let mut flags = Vec::new();
        for component in 0..columns[0].len() {
            let mut arguments: Vec<_> = columns.iter().map(|column| column[component]).collect();
            let first = arguments[0].ty();
            let overloads = match form {
                Form::Conversion => vec![result, first],
                Form::Scale => vec![result, arguments[1].ty()],
                Form::Test | Form::Pair => vec![first],
                _ => vec![result],
            };
            arguments.extend(constant);
            let value = self.intrinsic(&name, &overloads, &arguments)?;
            value.copy_fast_math_flags(call);
            if form == Form::Pair {
                parts.push(self.builder.extract_value(value, 0));
                flags.push(self.builder.extract_value(value, 1));
            } else {
                parts.push(value);
            }
        }
        parts.extend(flags);
        Ok(parts)
    }

    fn reduced(&self, name: &str, vector: Value) -> Result<Value, String> {
        let opcode = match name.rsplit('.').next() {
            Some("and") => Opcode::LLVMAnd,
            Some("or") => Opcode::LLVMOr,
            Some("xor") => Opcode::LLVMXor,
            Some("add") => Opcode::LLVMAdd,
            Some("mul") => Opcode::LLVMMul,
            _ => return Err(format!("{name} has no form for lanes")),
        };
        let parts = self.lanes(vector)?.into_iter();
        parts
            .reduce(|left, right| self.builder.binary(opcode, left, right))
            .ok_or_else(|| "an empty vector".to_owned())
    }
}

/// First component and number of components of a member.
fn member_parts(of: Type, indices: &[u32]) -> Result<(usize, usize), String> {
    let [index] = indices[..] else {
        return Err("a member of a member is used".to_owned());
    };
    let members = of.members();
    let mut first = 0;
    for member in &members[..index as usize] {
        first += components(*member)?.len();
    }
    Ok((first, components(members[index as usize])?.len()))
}
