//! Values of the region as scalars and as vectors of lanes.

use super::{Mask, Widener};
use crate::lane_shape::Shape;
use crate::llvm::{IntPredicate, Opcode, Type, Value};

/// The scalar parts of a type, in order.
///
/// # Errors
/// The type is neither scalar nor made of few scalars.
pub(super) fn components(of: Type) -> Result<Vec<Type>, String> {
    if of.is_vector() {
        Ok(vec![of.element(); of.vector_len() as usize])
    } else if of.is_structure() {
        let members = of.members().into_iter().map(components);
        Ok(members.collect::<Result<Vec<_>, _>>()?.concat())
    } else if of.is_pointer() || of.scalar_bits() > 0 {
        Ok(vec![of])
    } else {
        Err(format!("{of} has no lanes"))
    }
}

impl Widener<'_> {
    /// The first lane's value of what is uniform or linear.
    pub(super) fn scalar(&self, value: Value) -> Value {
        self.scalars.get(&value).copied().unwrap_or(value)
    }

    pub(super) fn set_scalar(&mut self, value: Value, scalar: Value) {
        self.scalars.insert(value, scalar);
    }

    pub(super) fn set_vectors(&mut self, value: Value, vectors: Vec<Value>) {
        self.vectors.insert(value, vectors);
    }

    /// The components of any value, each a vector of lanes.
    pub(super) fn lanes(&self, value: Value) -> Result<Vec<Value>, String> {
        match self.shape(value) {
            Shape::Uniform => {
                let parts = self.parts(self.scalar(value))?;
                Ok(parts.into_iter().map(|part| self.splat(part)).collect())
            }
            Shape::Linear(_) if self.shapes.is_guarded(value) => self.computed(value, None),
            Shape::Linear(step) => Ok(vec![self.linear(self.scalar(value), step)]),
            Shape::Varying => (self.vectors.get(&value).cloned())
                .ok_or_else(|| format!("{value} is used before it is known")),
        }
    }

    /// The only component of a value of scalar type.
    pub(super) fn lane(&self, value: Value) -> Result<Value, String> {
        match self.lanes(value)?[..] {
            [only] => Ok(only),
            _ => Err(format!("{value} is not scalar")),
        }
    }

    /// The components of a scalar-code value.
    pub(super) fn parts(&self, value: Value) -> Result<Vec<Value>, String> {
        let of = value.ty();
        if of.is_vector() {
            let index = self.context().int(32);
            return Ok((0..u64::from(of.vector_len()))
                .map(|lane| self.builder.extract_element(value, index.constant(lane)))
                .collect());
        }
        if of.is_structure() {
            let members = 0..of.members().len() as u32;
            let parts = members.map(|index| self.parts(self.builder.extract_value(value, index)));
            return Ok(parts.collect::<Result<Vec<_>, _>>()?.concat());
        }
        components(of).map(|_| vec![value])
    }

    /// A scalar-code value from its components.
    pub(super) fn whole(&self, of: Type, parts: &[Value]) -> Result<Value, String> {
        if of.is_vector() {
            let index = self.context().int(32);
            return Ok((0u64..)
                .zip(parts)
                .fold(of.poison(), |vector, (lane, &part)| {
                    self.builder
                        .insert_element(vector, part, index.constant(lane))
                }));
        }
        match parts {
            [only] if !of.is_structure() => Ok(*only),
            _ => Err(format!("{of} is not put together in lanes")),
        }
    }

    pub(super) fn splat(&self, scalar: Value) -> Value {
        let of = scalar.ty();
        if scalar.is_constant() {
            return of.constant_vector(&vec![scalar; self.width as usize]);
        }
        let int32 = self.context().int(32);
        let vector = of.vector(self.width).poison();
        let first = self
            .builder
            .insert_element(vector, scalar, int32.constant(0));
        let zeros = int32.vector(self.width).zero();
        self.builder.shuffle_vector(first, vector, zeros)
    }

    /// `start`, `start + step`, ... in the lanes.
    pub(super) fn linear(&self, start: Value, step: i64) -> Value {
        let of = start.ty();
        if of.is_pointer() {
            let offsets = self.steps(self.context().int(64), step);
            let byte = self.context().int(8);
            return self.builder.gep(byte, start, &[offsets]);
        }
        let steps = self.steps(of, step);
        self.builder.add(self.splat(start), steps)
    }

    /// 0, `step`, twice `step`, ... as constants.
    pub(super) fn steps(&self, of: Type, step: i64) -> Value {
        let lanes: Vec<_> = (0..i64::from(self.width))
            .map(|lane| of.constant(step.wrapping_mul(lane) as u64))
            .collect();
        of.constant_vector(&lanes)
    }

    pub(super) fn all_lanes(&self) -> Value {
        self.splat(self.context().constant(1, 1))
    }

    /// The first `count` lanes.
    pub(super) fn first_lanes(&self, count: Value) -> Value {
        let lanes = self.steps(count.ty(), 1);
        self.builder
            .icmp(IntPredicate::LLVMIntULT, lanes, self.splat(count))
    }

    /// The mask as a vector.
    pub(super) fn explicit(&self, mask: Mask) -> Value {
        mask.unwrap_or_else(|| self.all_lanes())
    }

    /// Lanes of `mask` for which `condition` has the value `when`. Other lanes of the condition may
    /// be anything, poison as well.
    pub(super) fn narrowed(&self, mask: Mask, condition: Value, when: bool) -> Value {
        let holds = if when {
            condition
        } else {
            self.builder
                .binary(Opcode::LLVMXor, condition, self.all_lanes())
        };
        match mask {
            None => holds,
            Some(mask) => {
                let none = mask.ty().zero();
                self.builder.select(mask, holds, none)
            }
        }
    }

    /// The mask as an integer with a bit per lane.
    pub(super) fn bits(&self, mask: Value) -> Value {
        let of = self.context().int(self.width);
        self.builder.cast(Opcode::LLVMBitCast, mask, of)
    }

    /// Whether any lane runs.
    pub(super) fn any(&self, mask: Value) -> Value {
        let bits = self.bits(mask);
        self.builder
            .icmp(IntPredicate::LLVMIntNE, bits, bits.ty().zero())
    }

    /// Number of the last lane that runs, of which there must be one.
    pub(super) fn last_lane(&self, mask: Mask) -> Result<Value, String> {
        let last = self
            .context()
            .int(self.width)
            .constant(u64::from(self.width - 1));
        let Some(mask) = mask else {
            return Ok(last);
        };
        let bits = self.bits(mask);
        let leading = self.intrinsic(
            "llvm.ctlz",
            &[bits.ty()],
            &[bits, self.context().constant(1, 1)],
        )?;
        Ok(self.builder.sub(last, leading))
    }

    /// Calls an intrinsic.
    pub(super) fn intrinsic(
        &self,
        name: &str,
        overloads: &[Type],
        arguments: &[Value],
    ) -> Result<Value, String> {
        let function = self
            .module
            .intrinsic(name, overloads)
            .ok_or_else(|| format!("LLVM has no {name}"))?;
        Ok(self.builder.call(function, arguments))
    }
}
