//! Loops over work-items that run several at a time, in functions that are widened later.

use super::{Body, RowLoop};
use crate::llvm::{Builder, IntPredicate, Opcode, Value};
use crate::region_function::{Draft, Part, PartKind, RegionFunction, Widened};
use crate::work_group::{allocated, mark_loop, no_copies, Widening};

impl Body<'_> {
    /// The loop over the work-items of a row, as many at a time as the vectors have lanes. Returns
    /// what the loop calls.
    pub(super) fn emit_vectors(
        &self,
        builder: &Builder,
        rows: &RowLoop,
        widening: &Widening,
    ) -> Widened {
        let context = self.group.context();
        let int64 = context.int(64);
        let lanes = widening.lanes;
        let (region, values) = self.take_out("", widening, |_, draft| {
            [draft.item, draft.row, rows.row[2]]
        });
        let streams = lanes.streams && widening.sub_groups_in_rows.is_none();
        let mut widened = Widened {
            lead: streams.then(|| self.lead(&region)),
            region,
            parts: Vec::new(),
            rows_at_once: rows.at_once.is_instruction().then_some(rows.at_once),
        };
        let arguments = |item| {
            let mut arguments = vec![
                item,
                builder.add_nuw(widening.global_base, item),
                builder.add_nuw(rows.start, item),
                rows.row[1],
                self.group.size[0],
            ];
            arguments.extend(&values);
            arguments
        };
        let zero = int64.constant(0);
        let some = (lanes.rest || streams).then(|| self.part(&widened.region, PartKind::Some));
        let (mut first, mut end) = (zero, zero);
        if let (Some(some), Some(lead)) = (some, widened.lead) {
            first = builder.call(lead, &arguments(zero));
            let short = builder.icmp(IntPredicate::LLVMIntULT, self.group.size[0], first);
            first = builder.select(short, self.group.size[0], first);
            self.emit_some(builder, some, arguments(zero), first);
        }
        if lanes.whole {
            let left = builder.sub(self.group.size[0], first);
            let whole = builder.add_nuw(first, in_whole_vectors(builder, left, widening));
            end = match widening.sub_groups_in_rows {
                Some(in_rows) => builder.select(in_rows, whole, end),
                None => whole,
            };
            let kind = if streams {
                PartKind::Streaming
            } else {
                PartKind::Whole
            };
            let part = self.part(&widened.region, kind);
            self.emit_loop(builder, first, end, u64::from(lanes.width), |item| {
                Some(builder.call(part.function, &arguments(item)))
            });
            widened.parts.push(part);
        }
        if let Some(some) = some.filter(|_| widening.sub_groups_in_rows.is_none()) {
            let count = builder.sub(self.group.size[0], end);
            self.emit_some(builder, some, arguments(end), count);
            widened.parts.push(some);
        }
        widened
    }

    /// The loop over sub-groups that are not full, or whose work-items are no neighbours in
    /// dimension 0. Returns what it calls.
    pub(super) fn emit_other_sub_groups(
        &self,
        builder: &Builder,
        widening: &Widening,
        in_rows: Value,
    ) -> Widened {
        let context = self.group.context();
        let int64 = context.int(64);
        let size = self.group.size;
        let (region, values) = self.take_out(".rest", widening, |builder, draft| {
            let rows = quotient(builder, draft.row_index, size[0]);
            let planes = quotient(builder, rows, size[1]);
            let rest = |of: Value, whole: Value, divisor: Value| {
                builder.sub(of, builder.mul(whole, divisor))
            };
            [
                rest(draft.row_index, rows, size[0]),
                rest(rows, planes, size[1]),
                planes,
            ]
        });
        let part = self.part(&region, PartKind::Some);
        let rows = builder.mul(size[1], size[2]);
        let items = builder.mul(rows, size[0]);
        let done = builder.mul(rows, in_whole_vectors(builder, size[0], widening));
        let first = builder.select(in_rows, done, int64.constant(0));
        let width = u64::from(widening.lanes.width);
        self.emit_loop(builder, first, items, width, |row_index| {
            let left = builder.sub(items, row_index);
            let width = int64.constant(width);
            let full = builder.icmp(IntPredicate::LLVMIntULT, width, left);
            let count = builder.select(full, width, left);
            let unused = int64.poison();
            let mut arguments = vec![unused, unused, row_index, unused, unused];
            arguments.extend(values);
            arguments.push(builder.int_cast(count, context.int(32), false));
            builder.call(part.function, &arguments);
            None
        });
        Widened {
            region,
            parts: vec![part],
            rows_at_once: None,
            lead: None,
        }
    }

    /// Calls a part for the first `count` work-items of what `arguments` name, if there are any.
    fn emit_some(&self, builder: &Builder, part: Part, mut arguments: Vec<Value>, count: Value) {
        let context = self.group.context();
        let [some, done] =
            ["some", "some.done"].map(|name| context.append_block(self.function, name));
        let any = builder.icmp(IntPredicate::LLVMIntNE, count, count.ty().constant(0));
        builder.branch_if(any, some, done);
        builder.position_at_end(some);
        arguments.push(builder.int_cast(count, context.int(32), false));
        builder.call(part.function, &arguments);
        builder.branch(done);
        builder.position_at_end(done);
    }

    /// A loop from `first` to `end`, which runs not at all when they are equal. A turn may tell whether
    /// later ones have anything to do.
    fn emit_loop(
        &self,
        builder: &Builder,
        first: Value,
        end: Value,
        step: u64,
        turn: impl FnOnce(Value) -> Option<Value>,
    ) {
        let context = self.group.context();
        let int64 = context.int(64);
        let [head, done] =
            ["vector", "vectors.done"].map(|name| context.append_block(self.function, name));
        let outside = builder.block();
        let any = builder.icmp(IntPredicate::LLVMIntULT, first, end);
        builder.branch_if(any, head, done);
        builder.position_at_end(head);
        let item = builder.phi(int64, "first");
        let goes_on = turn(item);
        let next = builder.add_nuw(item, int64.constant(step));
        item.add_incoming(&[(first, outside), (next, head)]);
        let more = builder.icmp(IntPredicate::LLVMIntULT, next, end);
        let more = goes_on.map_or(more, |goes_on| builder.and(more, goes_on));
        let back = builder.branch_if(more, head, done);
        mark_loop(context, back, &[no_copies(context)]);
        builder.position_at_end(done);
    }

    /// Copies the region to a function of its own, where `locate` gives the local id. Returns the
    /// values of the work-group function it takes.
    fn take_out(
        &self,
        suffix: &str,
        widening: &Widening,
        locate: impl FnOnce(&Builder, &Draft) -> [Value; 3],
    ) -> (RegionFunction, Vec<Value>) {
        let group = self.group;
        let context = group.context();
        let name = format!(
            "{}.region.{}{suffix}",
            group.entry.name(),
            self.region.start
        );
        let function = group
            .module
            .add_function(&name, context.void().function(&[], false));
        let builder = context.builder();
        builder.position_at_end(context.append_block(function, "setup"));
        let unknown = context.int(64).poison();
        let draft = Draft {
            function,
            item: builder.freeze(unknown),
            global_id: builder.freeze(unknown),
            row_index: builder.freeze(unknown),
            row: builder.freeze(unknown),
            row_length: builder.freeze(unknown),
            global_base: widening.global_base,
        };
        let mut body = Body::new(group, self.region);
        body.function = function;
        body.local_id = locate(&builder, &draft);
        body.row_index = draft.row_index;
        for &variable in group.variables.keys() {
            let copy = builder.alloca(allocated(variable), "private");
            copy.set_alignment(variable.alignment());
            body.known.insert(variable, copy);
        }
        body.known.extend(&self.known);
        body.emit_item(&builder);
        builder.return_void();
        draft.close(group.module)
    }

    /// A function without a body for what several work-items do in the region.
    fn part(&self, region: &RegionFunction, kind: PartKind) -> Part {
        let group = self.group;
        let context = group.context();
        let mut parameters = region.function.value_type().parameters();
        let mut name = format!("{}.wide", region.function.name());
        if kind == PartKind::Some {
            parameters.push(context.int(32));
            name.push_str(".some");
        }
        let signature = context.int(1).function(&parameters, false);
        Part {
            function: group.module.add_function(&name, signature),
            kind,
        }
    }

    /// A function without a body for [`Widened::lead`].
    fn lead(&self, region: &RegionFunction) -> Value {
        let parameters = region.function.value_type().parameters();
        let signature = self.group.context().int(64).function(&parameters, false);
        let name = format!("{}.lead", region.function.name());
        self.group.module.add_function(&name, signature)
    }
}

/// As many of `count` work-items as fill vectors.
fn in_whole_vectors(builder: &Builder, count: Value, widening: &Widening) -> Value {
    let mask = !(u64::from(widening.lanes.width) - 1);
    builder.and(count, count.ty().constant(mask))
}

/// `dividend / divisor`, both less than a work-group has work-items at most: the quotient of the
/// floating-point numbers is off by far less than what the half makes it larger.
fn quotient(builder: &Builder, dividend: Value, divisor: Value) -> Value {
    let context = builder.context();
    let single = context.float(32);
    let number = |value: Value| {
        let narrow = builder.int_cast(value, context.int(32), false);
        builder.cast(Opcode::LLVMUIToFP, narrow, single)
    };
    let half = single.real_constant(0.5);
    let above = builder.binary(Opcode::LLVMFAdd, number(dividend), half);
    let quotient = builder.binary(Opcode::LLVMFDiv, above, number(divisor));
    let narrow = builder.cast(Opcode::LLVMFPToUI, quotient, context.int(32));
    builder.int_cast(narrow, dividend.ty(), false)
}
