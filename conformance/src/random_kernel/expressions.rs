//! The making of expressions.

use super::context::{Context, Place};
use super::operations;
use super::tree::Expression;
use super::types::{Scalar, Type, FLOAT, UINT};

impl Context {
    /// An expression of at most `depth` nested operations; a `uniform` one has the same value in
    /// every work-item of a group.
    pub(super) fn expression(&mut self, kind: Type, depth: usize, uniform: bool) -> Expression {
        if depth == 0 || self.random.chance(20) {
            return self.leaf(kind, depth, uniform);
        }
        let (text, kinds) = if kind.is_float() {
            operations::float(&mut self.random)
        } else {
            operations::integer(&mut self.random, kind)
        };
        let operands = self.operands(&kinds, depth - 1, uniform);
        Expression::new(kind, text, operands)
    }

    fn operands(&mut self, kinds: &[Type], depth: usize, uniform: bool) -> Vec<Expression> {
        let of = |kind: &Type| self.expression(*kind, depth, uniform);
        kinds.iter().map(of).collect()
    }

    fn leaf(&mut self, kind: Type, depth: usize, uniform: bool) -> Expression {
        let can_be_read = |place: &&Place| {
            (place.uniform || !uniform) && (depth > 0 || place.operands.is_empty())
        };
        let readable: Vec<&Place> = self.places.iter().filter(can_be_read).collect();
        let fitting: Vec<&Place> = readable
            .iter()
            .copied()
            .filter(|place| place.kind == kind)
            .collect();
        let exact = !fitting.is_empty() && self.random.chance(70);
        let choice = if exact { fitting } else { readable };
        if choice.is_empty() || self.random.chance(12) {
            return self.constant(kind);
        }
        let place = choice[self.random.below(choice.len())].clone();
        let read = self.read(&place, depth, uniform);
        adapted(read, kind)
    }

    /// The value of a place.
    pub(super) fn read(&mut self, place: &Place, depth: usize, uniform: bool) -> Expression {
        let operands = self.operands(&place.operands, depth.saturating_sub(1), uniform);
        Expression::new(place.kind, place.text.clone(), operands)
    }

    fn constant(&mut self, kind: Type) -> Expression {
        let value = if kind.is_float() {
            self.random.below(65) as i64 - 32
        } else {
            self.random.integer()
        };
        Expression::Constant(kind, value)
    }

    /// A `uint` below `bound`, a power of two.
    pub(super) fn below(&mut self, bound: usize, depth: usize, uniform: bool) -> Expression {
        let value = self.expression(UINT, depth, uniform);
        Expression::new(UINT, format!("($0 & {})", bound - 1), vec![value])
    }
}

/// `value` as one of another type.
pub(super) fn adapted(value: Expression, kind: Type) -> Expression {
    let from = value.kind();
    if from == kind {
        return value;
    }
    let wrap = |value, kind: Type, text: String| Expression::new(kind, text, vec![value]);
    if from.is_vector() && from.lanes != kind.lanes {
        let element = wrap(value, from.with_lanes(1), "($0).s1".to_owned());
        return adapted(element, kind);
    }
    if kind.is_vector() && from.lanes == 1 {
        let element = adapted(value, kind.with_lanes(1));
        return wrap(element, kind, format!("({})($0)", kind.name()));
    }
    if kind.is_float() {
        // Floats are small whole numbers, that arithmetic on them be exact.
        let unsigned = from.unsigned().scalar.name();
        let text = format!("convert_float((({unsigned})$0 & 127))");
        return wrap(value, FLOAT, text);
    }
    let saturated = if from.scalar == Scalar::Float {
        "_sat"
    } else {
        ""
    };
    wrap(
        value,
        kind,
        format!("convert_{}{saturated}($0)", kind.name()),
    )
}
