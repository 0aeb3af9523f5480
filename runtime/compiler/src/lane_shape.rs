//! How the values of a region differ between work-items that lie next to each other in dimension 0,
//! the lanes of a vector.

use std::collections::{HashMap, HashSet};

use crate::group_operation::Extent;
use crate::llvm::{Block, Module, Opcode, Type, Value};
use crate::pure_intrinsic;
use crate::region_function::RegionFunction;
use crate::region_tree::{If, Loop, Node};
use crate::sub_group::{Function, EVERYBODY};
use crate::work_group::allocated;

/// How a value differs between lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The same in all lanes.
    Uniform,
    /// Grows by this much, or by this many bytes for an address, from lane to lane.
    Linear(i64),
    /// Anything.
    Varying,
}

impl Shape {
    fn join(self, other: Self) -> Self {
        if self == other {
            self
        } else {
            Self::Varying
        }
    }
}

/// The shapes of all values of a region.
#[derive(Debug)]
pub struct LaneShapes {
    shapes: HashMap<Value, Shape>,
    /// Headers of loops that lanes leave at different times.
    divergent_loops: HashSet<Block>,
    /// Linear values that are so only as long as a narrow value they come from does not wrap.
    guarded: HashSet<Value>,
}

impl LaneShapes {
    /// Analyses a region.
    pub fn new(
        module: &Module,
        region: &RegionFunction,
        tree: &[Node],
        interleaved: &HashSet<Value>,
    ) -> Self {
        let mut found = Self {
            shapes: HashMap::new(),
            divergent_loops: HashSet::new(),
            guarded: HashSet::new(),
        };
        for id in [region.item, region.global_id, region.row_index] {
            found.shapes.insert(id, Shape::Linear(1));
        }
        for &array in interleaved {
            found.shapes.insert(array, Shape::Uniform);
        }
        let mut analysis = Analysis {
            module,
            region,
            found,
            changed: true,
        };
        while std::mem::take(&mut analysis.changed) {
            analysis.sequence(tree, false);
        }
        analysis.found
    }

    /// The shape of a value of the region, or of a constant.
    pub fn of(&self, value: Value) -> Shape {
        self.shapes.get(&value).copied().unwrap_or(Shape::Uniform)
    }

    /// Whether lanes leave the loop with this header at different times.
    pub fn is_divergent_loop(&self, header: Block) -> bool {
        self.divergent_loops.contains(&header)
    }

    /// Whether a linear value is so only if no lane wrapped on the way to it.
    pub fn is_guarded(&self, value: Value) -> bool {
        self.guarded.contains(&value)
    }

    /// Whether the value is the same in all lanes.
    pub fn is_uniform(&self, value: Value) -> bool {
        self.of(value) == Shape::Uniform
    }
}

struct Analysis<'a> {
    module: &'a Module,
    region: &'a RegionFunction,
    found: LaneShapes,
    changed: bool,
}

impl Analysis<'_> {
    /// The shape as far as known; phis that were not reached yet have none.
    fn known(&self, value: Value) -> Option<Shape> {
        match self.found.shapes.get(&value) {
            Some(&shape) => Some(shape),
            None if value.is_instruction() => None,
            None => Some(Shape::Uniform),
        }
    }

    fn set(&mut self, value: Value, shape: Shape) {
        let merged = match self.found.shapes.get(&value) {
            Some(&before) => before.join(shape),
            None => shape,
        };
        if self.found.shapes.insert(value, merged) != Some(merged) {
            self.changed = true;
        }
    }

    /// Returns whether some break leaves the current loop for a part of the lanes only.
    fn sequence(&mut self, steps: &[Node], divergent: bool) -> bool {
        let mut breaks_apart = false;
        for step in steps {
            match step {
                Node::Block(block) => self.block(*block),
                Node::If(branch) => breaks_apart |= self.branch(branch, divergent),
                Node::Loop(inner) => self.inner_loop(inner),
                Node::Break { condition, .. } => {
                    breaks_apart |= divergent || self.differs(*condition);
                }
            }
        }
        breaks_apart
    }

    fn differs(&self, value: Value) -> bool {
        self.known(value)
            .is_some_and(|shape| shape != Shape::Uniform)
    }

    fn branch(&mut self, branch: &If, divergent: bool) -> bool {
        let apart = self.differs(branch.condition);
        let mut breaks_apart = self.sequence(&branch.then.steps, divergent || apart);
        breaks_apart |= self.sequence(&branch.otherwise.steps, divergent || apart);
        for phi in branch.join.phis() {
            self.phi(phi, apart);
        }
        breaks_apart
    }

    fn inner_loop(&mut self, inner: &Loop) {
        for phi in inner.header.phis() {
            self.phi(phi, false);
        }
        if self.sequence(&inner.body, false) && self.found.divergent_loops.insert(inner.header) {
            self.changed = true;
        }
        let apart = self.found.is_divergent_loop(inner.header);
        for phi in inner.exit.phis() {
            self.phi(phi, apart);
        }
    }

    /// `apart`: lanes take their values from different ways, or at different times.
    fn phi(&mut self, phi: Value, apart: bool) {
        let shapes = phi
            .incoming()
            .into_iter()
            .filter_map(|(value, _)| self.known(value));
        let Some(shape) = shapes.reduce(Shape::join) else {
            return;
        };
        let mut taken = phi.incoming().into_iter();
        let guarded = taken.any(|(value, _)| self.found.is_guarded(value));
        let varies = apart || guarded;
        self.set(phi, if varies { Shape::Varying } else { shape });
    }

    fn block(&mut self, block: Block) {
        for instruction in block.instructions() {
            if instruction.opcode() == Some(Opcode::LLVMPHI) || instruction.is_terminator() {
                continue;
            }
            if let Some(shape) = self.instruction(instruction) {
                self.set(instruction, shape);
                if matches!(shape, Shape::Linear(_)) && self.needs_guard(instruction) {
                    self.found.guarded.insert(instruction);
                }
            }
        }
    }

    fn needs_guard(&self, instruction: Value) -> bool {
        extends(instruction) && !self.region.extends_exactly(instruction, &self.found)
            || instruction
                .operands()
                .into_iter()
                .any(|operand| self.found.is_guarded(operand))
    }

    /// `None` while an operand has no shape.
    fn instruction(&self, instruction: Value) -> Option<Shape> {
        let operands = instruction
            .operands()
            .into_iter()
            .map(|operand| self.known(operand))
            .collect::<Option<Vec<_>>>()?;
        if let Some(function) = Function::of_call(instruction) {
            return Some(sub_group_shape(instruction, function, &operands));
        }
        let uniform = operands.iter().all(|&shape| shape == Shape::Uniform);
        let same = if uniform {
            Shape::Uniform
        } else {
            Shape::Varying
        };
        Some(match instruction.opcode()? {
            Opcode::LLVMAlloca if self.found.shapes.get(&instruction) == Some(&Shape::Uniform) => {
                Shape::Uniform
            }
            Opcode::LLVMAlloca => variable_shape(self.module, instruction),
            Opcode::LLVMOr if instruction.is_disjoint() => {
                linear(same, &operands, |a, b| a.checked_add(b))
            }
            Opcode::LLVMAdd => linear(same, &operands, |a, b| a.checked_add(b)),
            Opcode::LLVMSub => linear(same, &operands, |a, b| a.checked_sub(b)),
            Opcode::LLVMMul => scaled(same, instruction, &operands, Some),
            Opcode::LLVMShl => scaled(same, instruction, &operands[..1], |by| {
                (0..63).contains(&by).then(|| 1 << by)
            }),
            Opcode::LLVMTrunc
            | Opcode::LLVMFreeze
            | Opcode::LLVMPtrToInt
            | Opcode::LLVMIntToPtr
            | Opcode::LLVMAddrSpaceCast
                if !instruction.ty().is_vector() =>
            {
                operands[0]
            }
            Opcode::LLVMSExt | Opcode::LLVMZExt if !instruction.ty().is_vector() => operands[0],
            Opcode::LLVMAShr if extends(instruction) => match operands[0] {
                Shape::Linear(step) => shifted(step, instruction.operand(1)).unwrap_or(same),
                _ => same,
            },
            Opcode::LLVMGetElementPtr => self.address(instruction, &operands).unwrap_or(same),
            Opcode::LLVMLoad if instruction.is_volatile() => Shape::Varying,
            Opcode::LLVMAtomicRMW | Opcode::LLVMAtomicCmpXchg | Opcode::LLVMVAArg => Shape::Varying,
            Opcode::LLVMCall if !pure_intrinsic::is_pure(instruction) => Shape::Varying,
            _ => same,
        })
    }

    fn address(&self, gep: Value, operands: &[Shape]) -> Option<Shape> {
        let mut step = match operands[0] {
            Shape::Uniform => 0,
            Shape::Linear(step) => step,
            Shape::Varying => return None,
        };
        let mut of = gep.gep_source_type();
        for (number, &shape) in operands.iter().enumerate().skip(1) {
            if number > 1 {
                of = member(of, gep.operand(number as u32))?;
            }
            let Shape::Linear(index) = shape else {
                if shape == Shape::Varying {
                    return None;
                }
                continue;
            };
            // Narrower indices are extended, and wrap differently.
            if gep.operand(number as u32).ty().int_bits() != 64 {
                return None;
            }
            let size = i64::try_from(self.module.size_of(of)).ok()?;
            step = step.checked_add(index.checked_mul(size)?)?;
        }
        Some(if step == 0 {
            Shape::Uniform
        } else {
            Shape::Linear(step)
        })
    }
}

/// Whether the result grows from lane to lane only if the operand does so without wrapping: an
/// extension, or a shift that LLVM made of one.
pub fn extends(instruction: Value) -> bool {
    match instruction.opcode() {
        Some(Opcode::LLVMSExt | Opcode::LLVMZExt) => true,
        Some(Opcode::LLVMAShr) => {
            instruction.is_exact() && instruction.operand(1).constant_int().is_some()
        }
        _ => false,
    }
}

/// By how much a value grows that grew by `step` before it was shifted to the right, if by anything.
fn shifted(step: i64, by: Value) -> Option<Shape> {
    let by = by.constant_int().filter(|&by| by < 63)?;
    (step % (1 << by) == 0).then_some(Shape::Linear(step >> by))
}

/// What lanes get from a function of their sub-group.
fn sub_group_shape(call: Value, function: Function, operands: &[Shape]) -> Shape {
    let one_for_all = match function {
        Function::LocalId => return Shape::Linear(1),
        Function::Take => operands[..2].contains(&Shape::Uniform),
        Function::Combine(combination) => {
            combination.extent == Extent::All && call.operand(1).constant_int() == Some(EVERYBODY)
        }
        Function::Width | Function::Size | Function::Id | Function::Barrier | Function::Ballot => {
            true
        }
    };
    if one_for_all {
        Shape::Uniform
    } else {
        Shape::Varying
    }
}

/// Every lane has its own copy of a private variable, one behind the other.
fn variable_shape(module: &Module, variable: Value) -> Shape {
    i64::try_from(variable_stride(module, variable)).map_or(Shape::Varying, Shape::Linear)
}

/// Bytes from one lane's copy of a private variable to the next one's.
pub fn variable_stride(module: &Module, variable: Value) -> u64 {
    let of = allocated(variable);
    let alignment = variable.alignment().max(module.alignment_of(of));
    module
        .size_of(of)
        .next_multiple_of(u64::from(alignment))
        .max(1)
}

/// Type that `index` selects in `of`.
pub fn member(of: Type, index: Value) -> Option<Type> {
    if of.is_structure() {
        of.members()
            .get(usize::try_from(index.constant_int()?).ok()?)
            .copied()
    } else {
        Some(of.element())
    }
}

fn linear(
    otherwise: Shape,
    operands: &[Shape],
    combine: impl Fn(i64, i64) -> Option<i64>,
) -> Shape {
    let step = |shape| match shape {
        Shape::Uniform => Some(0),
        Shape::Linear(step) => Some(step),
        Shape::Varying => None,
    };
    match (step(operands[0]), step(operands[1])) {
        (Some(a), Some(b)) => match combine(a, b) {
            Some(0) => Shape::Uniform,
            Some(step) => Shape::Linear(step),
            None => otherwise,
        },
        _ => otherwise,
    }
}

/// The shape of a product with a constant, which `factor` makes of the second operand.
fn scaled(
    otherwise: Shape,
    instruction: Value,
    operands: &[Shape],
    factor: impl Fn(i64) -> Option<i64>,
) -> Shape {
    let bits = instruction.ty().int_bits();
    let constant = instruction.operand(1).constant_int();
    match (operands[0], constant) {
        (Shape::Linear(step), Some(constant)) if (1..=64).contains(&bits) => {
            let signed = ((constant << (64 - bits)) as i64) >> (64 - bits);
            match factor(signed).and_then(|factor| step.checked_mul(factor)) {
                Some(0) => Shape::Uniform,
                Some(step) => Shape::Linear(step),
                None => otherwise,
            }
        }
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;
    use crate::region_tree;

    fn shapes(body: &str) -> Vec<(String, Shape, bool)> {
        let context = Context::new();
        let module = context
            .parse_ir(&format!(
                "define void @f(i64 %item, i64 %id, i64 %index, i64 %row, i64 %length, ptr addrspace(1) %p, i32 %n) {{ {body} }}"
            ))
            .unwrap();
        let function = module.function("f").unwrap();
        let parameters = function.parameters();
        let region = RegionFunction {
            function,
            item: parameters[0],
            global_id: parameters[1],
            row_index: parameters[2],
            row: parameters[3],
            row_length: parameters[4],
        };
        let tree = region_tree::read(&context, function).unwrap();
        let shapes = LaneShapes::new(&module, &region, &tree, &HashSet::new());
        let named = function.instructions().into_iter();
        named
            .filter(|value| !value.name().is_empty())
            .map(|value| (value.name(), shapes.of(value), shapes.is_guarded(value)))
            .collect()
    }

    fn check(body: &str, expected: &[(&str, Shape, bool)]) {
        let found = shapes(body);
        for &(name, shape, guarded) in expected {
            let value = found.iter().find(|value| value.0 == name).unwrap();
            assert_eq!((value.1, value.2), (shape, guarded), "{name}");
        }
    }

    #[test]
    fn addresses_grow_by_the_size_of_what_they_point_at() {
        check(
            "%double = shl i64 %id, 1
            %a = getelementptr <3 x float>, ptr addrspace(1) %p, i64 %double
            %b = getelementptr {i32, [4 x i16]}, ptr addrspace(1) %p, i64 3, i32 1, i64 %item
            %same = sub i64 %id, %item
            %product = mul i64 %id, %item
            %loaded = load i32, ptr addrspace(1) %p
            %gathered = load i32, ptr addrspace(1) %a
            ret void",
            &[
                ("a", Shape::Linear(32), false),
                ("b", Shape::Linear(2), false),
                ("same", Shape::Uniform, false),
                ("product", Shape::Varying, false),
                ("loaded", Shape::Uniform, false),
                ("gathered", Shape::Varying, false),
            ],
        );
    }

    #[test]
    fn extensions_are_linear_only_as_long_as_nothing_wraps() {
        check(
            "%narrow = trunc i64 %id to i32
            %exact = sext i32 %narrow to i64
            %sum = add nsw i32 %narrow, %n
            %signed = sext i32 %sum to i64
            %unsigned = zext i32 %sum to i64
            %address = getelementptr i32, ptr addrspace(1) %p, i64 %unsigned
            ret void",
            &[
                ("exact", Shape::Linear(1), false),
                ("signed", Shape::Linear(1), false),
                ("unsigned", Shape::Linear(1), true),
                ("address", Shape::Linear(4), true),
            ],
        );
    }

    #[test]
    fn shifts_that_lose_nothing_are_extensions() {
        check(
            "%moved = shl i64 %id, 32
            %back = ashr exact i64 %moved, 32
            %twice = ashr exact i64 %moved, 31
            %inexact = ashr i64 %moved, 32
            %unsigned = lshr exact i64 %moved, 32
            %too_far = ashr exact i64 %moved, 33
            %address = getelementptr i32, ptr addrspace(1) %p, i64 %back
            ret void",
            &[
                ("back", Shape::Linear(1), true),
                ("twice", Shape::Linear(2), true),
                ("inexact", Shape::Varying, false),
                ("unsigned", Shape::Varying, false),
                ("too_far", Shape::Varying, false),
                ("address", Shape::Linear(4), true),
            ],
        );
    }

    #[test]
    fn what_a_loop_leaves_behind_varies_when_lanes_leave_one_by_one() {
        let body = |limit: &str| {
            format!(
                "entry: %narrow = trunc i64 %id to i32
                br label %loop
                loop:
                %i = phi i32 [ 0, %entry ], [ %next, %loop ]
                %next = add i32 %i, 1
                %more = icmp ult i32 %next, {limit}
                br i1 %more, label %loop, label %out
                out:
                %last = phi i32 [ %i, %loop ]
                ret void"
            )
        };
        let counter = ("i", Shape::Uniform, false);
        check(&body("%n"), &[counter, ("last", Shape::Uniform, false)]);
        check(
            &body("%narrow"),
            &[counter, ("last", Shape::Varying, false)],
        );
    }
}
