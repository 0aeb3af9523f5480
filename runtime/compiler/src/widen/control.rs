//! Sequences, ifs and loops with lanes that may go different ways.

use super::bound::Bound;
use super::{Mask, Widener};
use crate::lane_shape::Shape;
use crate::llvm::{Block, Opcode, Value};
use crate::region_tree::{If, Loop, Node, Way};
use crate::widen::wide::components;

/// Memory for a value that several ways set. LLVM turns it into values again.
enum Slot {
    /// Of what is uniform or linear.
    Scalar(Value),
    /// One for each component.
    Lanes(Vec<Value>),
}

/// The loop around a break.
pub(super) struct Around {
    exit: Block,
    /// Behind the loop.
    leave: Block,
    /// For the phis at the exit.
    slots: Vec<(Value, Slot)>,
    divergent: bool,
}

/// The lanes that take a way.
struct Lanes {
    mask: Value,
    /// Tells of the mask without looking at each lane.
    bound: Option<Bound>,
    /// The phis at the end of the way, for lanes that do not take it.
    others: Option<Vec<Vec<Value>>>,
}

/// Memory for what comes of a way.
struct Results {
    /// Lanes left at its end.
    left: Value,
    /// What the phis behind it take from it.
    values: Vec<Value>,
    slots: Vec<Vec<Value>>,
}

/// Most instructions of a way that runs without asking whether any lane takes it.
const SHORT_WAY: usize = 8;

/// Most instructions of a way that is emitted a second time for when all lanes take it.
const TWOFOLD_WAY: usize = 24;

impl Widener<'_> {
    /// Emits the steps; returns the lanes that are left at the end. When a break takes the last
    /// lane, control goes to `around.leave`, or to the end of the way the steps belong to.
    pub(super) fn sequence(
        &mut self,
        steps: &[Node],
        mut mask: Mask,
        around: Option<(&Around, Block)>,
    ) -> Result<Mask, String> {
        for (number, step) in steps.iter().enumerate() {
            let before = mask;
            match step {
                Node::Block(block) => self.block(*block, mask)?,
                Node::If(branch) => mask = self.branch(branch, mask, around)?,
                Node::Loop(inner) => self.inner_loop(inner, mask)?,
                Node::Break {
                    condition,
                    when,
                    from,
                } => {
                    let Some((around, _)) = around else {
                        return Err("a break stands outside of loops".to_owned());
                    };
                    mask = self.leave(around, *condition, *when, *from, mask)?;
                }
            }
            // What follows may rely on a lane that runs.
            if let (Some(left), Some((_, end))) = (mask.filter(|_| mask != before), around) {
                if number + 1 < steps.len() {
                    let rest = self.new_block("rest");
                    let any = self.any(left);
                    self.builder.branch_if(any, rest, end);
                    self.builder.position_at_end(rest);
                }
            }
        }
        Ok(mask)
    }

    fn leave(
        &mut self,
        around: &Around,
        condition: Value,
        when: bool,
        from: Block,
        mask: Mask,
    ) -> Result<Mask, String> {
        if around.divergent {
            let condition = self.lane(condition)?;
            let leaving = self.narrowed(mask, condition, when);
            for (phi, slot) in &around.slots {
                let (Slot::Lanes(slots), Some(value)) = (slot, incoming(*phi, from)) else {
                    return Err("a loop that lanes leave one by one has uniform results".to_owned());
                };
                for (value, &slot) in self.lanes(value)?.into_iter().zip(slots) {
                    let before = self.builder.load(value.ty(), slot);
                    let kept = self.builder.select(leaving, value, before);
                    self.builder.store(kept, slot);
                }
            }
            return Ok(Some(self.narrowed(mask, condition, !when)));
        }
        let [leaving, stay] = ["leave", "stay"].map(|name| self.new_block(name));
        let condition = self.scalar(condition);
        let (then, otherwise) = if when {
            (leaving, stay)
        } else {
            (stay, leaving)
        };
        self.builder.branch_if(condition, then, otherwise);
        self.builder.position_at_end(leaving);
        for (phi, slot) in &around.slots {
            if let Some(value) = incoming(*phi, from) {
                self.store_slot(slot, value)?;
            }
        }
        self.builder.branch(around.leave);
        self.builder.position_at_end(stay);
        Ok(mask)
    }

    fn branch(
        &mut self,
        branch: &If,
        mask: Mask,
        around: Option<(&Around, Block)>,
    ) -> Result<Mask, String> {
        if self.shapes.is_uniform(branch.condition) {
            self.uniform_branch(branch, mask, around)
        } else {
            self.divergent_branch(branch, mask, around)
        }
    }

    fn uniform_branch(
        &mut self,
        branch: &If,
        mask: Mask,
        around: Option<(&Around, Block)>,
    ) -> Result<Mask, String> {
        let slots = self.slots(branch.join)?;
        let narrows = narrows(branch) && around.is_some_and(|(around, _)| around.divergent);
        let left = narrows.then(|| self.mask_slot());
        let [then, otherwise, join] = ["then", "else", "join"].map(|name| self.new_block(name));
        let condition = self.scalar(branch.condition);
        self.builder.branch_if(condition, then, otherwise);
        for (start, way) in [(then, &branch.then), (otherwise, &branch.otherwise)] {
            self.builder.position_at_end(start);
            let inside = around.map(|(around, _)| (around, join));
            let mask = self.sequence(&way.steps, mask, inside)?;
            if let Some(left) = left {
                let mask = self.explicit(mask);
                self.builder.store(mask, left);
            }
            for (phi, slot) in &slots {
                if let Some(value) = incoming(*phi, way.last) {
                    self.store_slot(slot, value)?;
                }
            }
            self.builder.branch(join);
        }
        self.builder.position_at_end(join);
        self.load_slots(slots)?;
        Ok(match left {
            Some(left) => Some(self.load_mask(left)),
            None => mask,
        })
    }

    fn divergent_branch(
        &mut self,
        branch: &If,
        mask: Mask,
        around: Option<(&Around, Block)>,
    ) -> Result<Mask, String> {
        let condition = self.lane(branch.condition)?;
        let masks = [true, false].map(|when| self.narrowed(mask, condition, when));
        let bound = match mask {
            None => self.bound(branch.condition)?,
            Some(_) => None,
        };
        let bounds = [bound, bound.map(Bound::inverse)];
        let phis = branch.join.phis();
        let mut left = masks;
        // A way without steps comes first: its values are there whether or not lanes take the other.
        let mut ways = [(0, &branch.then), (1, &branch.otherwise)];
        ways.sort_by_key(|(_, way)| !way.steps.is_empty());
        let mut merged = None;
        for (index, way) in ways {
            let lanes = Lanes {
                mask: masks[index],
                bound: bounds[index],
                others: merged.take(),
            };
            let (rest, values) = self.way(way, &lanes, &phis, around)?;
            left[index] = rest;
            merged = Some(values);
        }
        for (phi, values) in phis.into_iter().zip(merged.unwrap_or_default()) {
            self.set_vectors(phi, values);
        }
        if narrows(branch) {
            Ok(Some(self.builder.or(left[0], left[1])))
        } else {
            Ok(mask)
        }
    }

    /// Emits one way of a divergent branch. Returns the lanes left at its end, and the phis of lanes
    /// that took it; other lanes have what others have for them.
    fn way(
        &mut self,
        way: &Way,
        lanes: &Lanes,
        phis: &[Value],
        around: Option<(&Around, Block)>,
    ) -> Result<(Value, Vec<Vec<Value>>), String> {
        let values: Vec<_> = phis
            .iter()
            .filter_map(|&phi| incoming(phi, way.last))
            .collect();
        let others = lanes.others.as_deref();
        let runs_always =
            way.steps.is_empty() || (has_at_most(SHORT_WAY, &way.steps) && !way.is_rare);
        if runs_always && self.may_run_for_nobody(&way.steps) {
            let left = self.sequence(&way.steps, Some(lanes.mask), around)?;
            let results = self.merged(&values, Some(lanes.mask), others)?;
            return Ok((self.explicit(left), results));
        }
        let [inside, behind] = ["way", "behind"].map(|name| self.new_block(name));
        let results = Results {
            left: self.mask_slot(),
            slots: values
                .iter()
                .map(|value| self.lane_slots(*value))
                .collect::<Result<Vec<_>, _>>()?,
            values,
        };
        if let Some(others) = others {
            self.store_all(others, &results.slots);
        }
        let around = around.map(|(around, _)| (around, behind));
        if let Some(bound) = lanes.bound.filter(|_| has_at_most(TWOFOLD_WAY, &way.steps)) {
            let [whole, part] = ["whole", "part"].map(|name| self.new_block(name));
            let all = self.all_within(bound);
            self.builder.branch_if(all, whole, part);
            self.builder.position_at_end(whole);
            // What is done lane by lane there is not there for the masked lanes.
            let known = (self.singles.clone(), self.guards.clone());
            self.taken(way, None, None, &results, around)?;
            (self.singles, self.guards) = known;
            self.builder.branch(behind);
            self.builder.position_at_end(part);
        }
        let any = match lanes.bound {
            Some(bound) => self.any_within(bound),
            None => self.any(lanes.mask),
        };
        let branch = self.builder.branch_if(any, inside, behind);
        if way.is_rare {
            let context = self.context();
            let weights = context.branch_weights([1, 1 << 10]);
            branch.set_metadata(context.metadata_kind("prof"), weights);
        }
        self.builder.position_at_end(inside);
        self.taken(way, Some(lanes.mask), others, &results, around)?;
        self.builder.branch(behind);
        self.builder.position_at_end(behind);
        let left = self.load_mask(results.left);
        let mut merged = Vec::new();
        for (value, slots) in results.values.iter().zip(results.slots) {
            let parts = components(value.ty())?.into_iter().zip(slots);
            merged.push(
                parts
                    .map(|(of, slot)| self.builder.load(of.vector(self.width), slot))
                    .collect(),
            );
        }
        Ok((left, merged))
    }

    /// Emits the steps of a way for the lanes of `mask`, and stores what comes of them.
    fn taken(
        &mut self,
        way: &Way,
        mask: Mask,
        others: Option<&[Vec<Value>]>,
        results: &Results,
        around: Option<(&Around, Block)>,
    ) -> Result<(), String> {
        let rest = self.sequence(&way.steps, mask, around)?;
        let rest = self.explicit(rest);
        self.builder.store(rest, results.left);
        let merged = self.merged(&results.values, mask, others)?;
        self.store_all(&merged, &results.slots);
        Ok(())
    }

    /// `values` in the lanes of `mask`, and `others` in the other ones.
    fn merged(
        &self,
        values: &[Value],
        mask: Mask,
        others: Option<&[Vec<Value>]>,
    ) -> Result<Vec<Vec<Value>>, String> {
        let mut all = Vec::new();
        for (index, &value) in values.iter().enumerate() {
            let mut lanes = self.lanes(value)?;
            let others = others.and_then(|others| others.get(index));
            if let (Some(mask), Some(others)) = (mask, others) {
                for (lane, &other) in lanes.iter_mut().zip(others) {
                    *lane = self.builder.select(mask, *lane, other);
                }
            }
            all.push(lanes);
        }
        Ok(all)
    }

    fn store_all(&self, values: &[Vec<Value>], slots: &[Vec<Value>]) {
        for (&value, &slot) in values.iter().flatten().zip(slots.iter().flatten()) {
            self.builder.store(value, slot);
        }
    }

    fn inner_loop(&mut self, inner: &Loop, mask: Mask) -> Result<(), String> {
        let divergent = self.shapes.is_divergent_loop(inner.header);
        let [head, behind] = ["loop", "loop.done"].map(|name| self.new_block(name));
        let slots = self.slots(inner.header)?;
        for (phi, slot) in &slots {
            if let Some(value) = incoming(*phi, inner.before) {
                self.store_slot(slot, value)?;
            }
        }
        let live = divergent.then(|| self.mask_slot());
        if let Some(live) = live {
            let mask = self.explicit(mask);
            self.builder.store(mask, live);
        }
        let around = Around {
            exit: inner.exit,
            leave: behind,
            slots: self.slots(inner.exit)?,
            divergent,
        };
        self.builder.branch(head);
        self.builder.position_at_end(head);
        let inside = match live {
            Some(live) => Some(self.load_mask(live)),
            None => mask,
        };
        let renewed: Vec<_> = slots.iter().map(|(phi, _)| *phi).collect();
        let slots = self.load_slots(slots)?;
        let left = self.sequence(&inner.body, inside, Some((&around, behind)))?;
        for (phi, slot) in renewed.into_iter().zip(&slots) {
            if let Some(value) = incoming(phi, inner.latch) {
                self.store_slot(slot, value)?;
            }
        }
        match live {
            Some(live) => {
                let left = self.explicit(left);
                self.builder.store(left, live);
                let any = self.any(left);
                self.builder.branch_if(any, head, behind);
            }
            None => {
                self.builder.branch(head);
            }
        }
        self.builder.position_at_end(behind);
        debug_assert_eq!(around.slots.len(), around.exit.phis().len());
        self.load_slots(around.slots)?;
        Ok(())
    }

    /// Memory for the phis of a block.
    fn slots(&self, block: Block) -> Result<Vec<(Value, Slot)>, String> {
        block
            .phis()
            .into_iter()
            .map(|phi| {
                let slot = match self.shape(phi) {
                    Shape::Varying => Slot::Lanes(self.lane_slots(phi)?),
                    _ => Slot::Scalar(self.setup.alloca(phi.ty(), "slot")),
                };
                Ok((phi, slot))
            })
            .collect()
    }

    fn lane_slots(&self, value: Value) -> Result<Vec<Value>, String> {
        let parts = components(value.ty())?.into_iter();
        Ok(parts
            .map(|of| self.setup.alloca(of.vector(self.width), "lanes"))
            .collect())
    }

    /// Memory for a mask, without lanes at first.
    fn mask_slot(&self) -> Value {
        let of = self.context().int(1).vector(self.width);
        let slot = self.setup.alloca(of, "mask");
        self.builder.store(of.zero(), slot);
        slot
    }

    fn load_mask(&self, slot: Value) -> Value {
        let of = self.context().int(1).vector(self.width);
        self.builder.load(of, slot)
    }

    fn store_slot(&self, slot: &Slot, value: Value) -> Result<(), String> {
        match slot {
            Slot::Scalar(slot) => {
                self.builder.store(self.scalar(value), *slot);
            }
            Slot::Lanes(slots) => {
                for (lanes, &slot) in self.lanes(value)?.into_iter().zip(slots) {
                    self.builder.store(lanes, slot);
                }
            }
        }
        Ok(())
    }

    /// Makes the phis stand for what their slots hold.
    fn load_slots(&mut self, slots: Vec<(Value, Slot)>) -> Result<Vec<Slot>, String> {
        let mut kept = Vec::new();
        for (phi, slot) in slots {
            match &slot {
                Slot::Scalar(slot) => {
                    let value = self.builder.load(phi.ty(), *slot);
                    self.set_scalar(phi, value);
                }
                Slot::Lanes(slots) => {
                    let parts = components(phi.ty())?.into_iter().zip(slots);
                    let values = parts
                        .map(|(of, &slot)| self.builder.load(of.vector(self.width), slot))
                        .collect();
                    self.set_vectors(phi, values);
                }
            }
            kept.push(slot);
        }
        Ok(kept)
    }

    /// Whether the steps do no harm when no lane runs.
    pub(super) fn may_run_for_nobody(&self, steps: &[Node]) -> bool {
        steps.iter().all(|step| match step {
            Node::Block(block) => block
                .instructions()
                .into_iter()
                .all(|instruction| instruction.is_terminator() || self.is_harmless(instruction)),
            _ => false,
        })
    }

    fn is_harmless(&self, instruction: Value) -> bool {
        match instruction.opcode() {
            Some(
                Opcode::LLVMStore
                | Opcode::LLVMCall
                | Opcode::LLVMAtomicRMW
                | Opcode::LLVMAtomicCmpXchg
                | Opcode::LLVMFence
                | Opcode::LLVMSDiv
                | Opcode::LLVMUDiv
                | Opcode::LLVMSRem
                | Opcode::LLVMURem,
            ) => false,
            Some(Opcode::LLVMLoad) => {
                !self.shapes.is_uniform(instruction.operand(0)) && !instruction.is_ordered_access()
            }
            _ => true,
        }
    }
}

/// What `phi` takes on the way from block `from`.
fn incoming(phi: Value, from: Block) -> Option<Value> {
    let mut pairs = phi.incoming().into_iter();
    pairs.find(|pair| pair.1 == from).map(|pair| pair.0)
}

/// Whether a break inside may take lanes away.
fn narrows(branch: &If) -> bool {
    fn has_break(steps: &[Node]) -> bool {
        steps.iter().any(|step| match step {
            Node::Break { .. } => true,
            Node::If(branch) => narrows(branch),
            Node::Block(_) | Node::Loop(_) => false,
        })
    }
    has_break(&branch.then.steps) || has_break(&branch.otherwise.steps)
}

/// Whether steps are that few instructions, without a loop.
fn has_at_most(most: usize, steps: &[Node]) -> bool {
    fn count(steps: &[Node]) -> Option<usize> {
        let of_step = |step: &Node| match step {
            Node::Block(block) => Some(block.instructions().len()),
            _ => None,
        };
        steps.iter().map(of_step).sum()
    }
    count(steps).is_some_and(|count| count <= most)
}
