//! Comparisons of ids with a bound that all lanes have in common. How far the first lane is from the
//! bound tells of all lanes, and of those of later vectors.

use std::slice;

use isocl_compiler_interface::rows::SMALL_IDS;

use super::Widener;
use crate::llvm::{IntPredicate, Opcode, Value};
use crate::region_tree::{If, Node, Way};

/// The lanes for which a comparison holds, by their number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    lanes: Lanes,
    /// From the first lane to the bound, 32 bits.
    distance: Value,
}

/// Lanes by their distance from the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lanes {
    Below,
    From,
    At,
    Except,
}

impl Bound {
    /// Of the comparison that holds where this one does not.
    pub(super) fn inverse(self) -> Self {
        let lanes = match self.lanes {
            Lanes::Below => Lanes::From,
            Lanes::From => Lanes::Below,
            Lanes::At => Lanes::Except,
            Lanes::Except => Lanes::At,
        };
        Self { lanes, ..self }
    }
}

impl Widener<'_> {
    /// Finds the bound if the condition compares ids with what is uniform.
    pub(super) fn bound(&self, comparison: Value) -> Result<Option<Bound>, String> {
        if comparison.opcode() != Some(Opcode::LLVMICmp) {
            return Ok(None);
        }
        let (left, right) = (comparison.operand(0), comparison.operand(1));
        let predicate = comparison.int_predicate();
        let (id, bound, predicate) = if self.is_id(left) {
            (left, right, predicate)
        } else if self.is_id(right) {
            (right, left, swapped(predicate))
        } else {
            return Ok(None);
        };
        if !self.shapes.is_uniform(bound) {
            return Ok(None);
        }
        let (lanes, behind) = match predicate {
            IntPredicate::LLVMIntULT | IntPredicate::LLVMIntSLT => (Lanes::Below, 0),
            IntPredicate::LLVMIntULE | IntPredicate::LLVMIntSLE => (Lanes::Below, 1),
            IntPredicate::LLVMIntUGE | IntPredicate::LLVMIntSGE => (Lanes::From, 0),
            IntPredicate::LLVMIntUGT | IntPredicate::LLVMIntSGT => (Lanes::From, 1),
            IntPredicate::LLVMIntEQ => (Lanes::At, 0),
            IntPredicate::LLVMIntNE => (Lanes::Except, 0),
        };
        // Beyond all ids and just below them, bounds are as good as any farther away.
        let (of, int32) = (bound.ty(), self.context().int(32));
        let beyond = of.constant(SMALL_IDS);
        let nearest = match predicate {
            IntPredicate::LLVMIntSLT
            | IntPredicate::LLVMIntSLE
            | IntPredicate::LLVMIntSGE
            | IntPredicate::LLVMIntSGT => {
                let below = of.constant(u64::MAX);
                let above = self.intrinsic("llvm.smax", &[of], &[self.scalar(bound), below])?;
                self.intrinsic("llvm.smin", &[of], &[above, beyond])?
            }
            _ => self.intrinsic("llvm.umin", &[of], &[self.scalar(bound), beyond])?,
        };
        let narrow = |value| self.builder.int_cast(value, int32, true);
        let distance = self.builder.sub(narrow(nearest), narrow(self.scalar(id)));
        let distance = self.builder.add(distance, int32.constant(behind));
        Ok(Some(Bound { lanes, distance }))
    }

    /// Whether ids grow by one from lane to lane here, without a wrap.
    fn is_id(&self, value: Value) -> bool {
        let of = match value.opcode() {
            Some(Opcode::LLVMTrunc) if value.ty().int_bits() >= 32 => value.operand(0),
            _ => value,
        };
        [
            self.region.item,
            self.region.global_id,
            self.region.row_index,
        ]
        .contains(&of)
    }

    /// The comparison in the lanes.
    pub(super) fn within(&self, bound: Bound) -> Value {
        let predicate = match bound.lanes {
            Lanes::Below => IntPredicate::LLVMIntSLT,
            Lanes::From => IntPredicate::LLVMIntSGE,
            Lanes::At => IntPredicate::LLVMIntEQ,
            Lanes::Except => IntPredicate::LLVMIntNE,
        };
        let lanes = self.steps(bound.distance.ty(), 1);
        let distance = self.splat(bound.distance);
        self.builder.icmp(predicate, lanes, distance)
    }

    /// Whether the comparison holds for any lane, of at least two.
    pub(super) fn any_within(&self, bound: Bound) -> Value {
        match bound.lanes {
            Lanes::Below => self.compared(bound, IntPredicate::LLVMIntSGT, 0),
            Lanes::From => self.compared(bound, IntPredicate::LLVMIntSLT, self.width),
            Lanes::At => self.compared(bound, IntPredicate::LLVMIntULT, self.width),
            Lanes::Except => self.context().constant(1, 1),
        }
    }

    /// Whether it holds for all lanes.
    pub(super) fn all_within(&self, bound: Bound) -> Value {
        match bound.lanes {
            Lanes::Below => self.compared(bound, IntPredicate::LLVMIntSGE, self.width),
            Lanes::From => self.compared(bound, IntPredicate::LLVMIntSLE, 0),
            Lanes::At => self.context().constant(1, 0),
            Lanes::Except => self.compared(bound, IntPredicate::LLVMIntUGE, self.width),
        }
    }

    fn compared(&self, bound: Bound, predicate: IntPredicate, with: u32) -> Value {
        let with = bound.distance.ty().constant(u64::from(with));
        self.builder.icmp(predicate, bound.distance, with)
    }

    /// Whether vectors of larger ids have anything to do; so it is if nothing is known.
    pub(super) fn goes_on(&self, tree: &[Node]) -> Result<Value, String> {
        let always = self.context().constant(1, 1);
        let Some(branch) = self.all_there_is(tree) else {
            return Ok(always);
        };
        let nothing = |way: &Way| self.may_run_for_nobody(&way.steps);
        let Some(bound) = self.bound(branch.condition)? else {
            return Ok(always);
        };
        let bound = match (nothing(&branch.then), nothing(&branch.otherwise)) {
            (_, true) => bound,
            (true, false) => bound.inverse(),
            (false, false) => return Ok(always),
        };
        Ok(match bound.lanes {
            Lanes::Below => self.compared(bound, IntPredicate::LLVMIntSGT, self.width),
            Lanes::At => self.compared(bound, IntPredicate::LLVMIntSGE, self.width),
            Lanes::From | Lanes::Except => always,
        })
    }

    /// The only step that does more than compute.
    fn all_there_is<'t>(&self, tree: &'t [Node]) -> Option<&'t If> {
        let mut does_more =
            (tree.iter()).filter(|step| !self.may_run_for_nobody(slice::from_ref(*step)));
        match (does_more.next(), does_more.next()) {
            (Some(Node::If(branch)), None) => Some(branch),
            _ => None,
        }
    }
}

/// The predicate for operands in the other order.
fn swapped(predicate: IntPredicate) -> IntPredicate {
    match predicate {
        IntPredicate::LLVMIntULT => IntPredicate::LLVMIntUGT,
        IntPredicate::LLVMIntULE => IntPredicate::LLVMIntUGE,
        IntPredicate::LLVMIntUGT => IntPredicate::LLVMIntULT,
        IntPredicate::LLVMIntUGE => IntPredicate::LLVMIntULE,
        IntPredicate::LLVMIntSLT => IntPredicate::LLVMIntSGT,
        IntPredicate::LLVMIntSLE => IntPredicate::LLVMIntSGE,
        IntPredicate::LLVMIntSGT => IntPredicate::LLVMIntSLT,
        IntPredicate::LLVMIntSGE => IntPredicate::LLVMIntSLE,
        IntPredicate::LLVMIntEQ | IntPredicate::LLVMIntNE => predicate,
    }
}
