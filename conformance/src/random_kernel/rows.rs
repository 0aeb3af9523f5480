//! Eight elements in a row that a work-item has for itself: it reads and writes them one by one and
//! as vectors.

use super::context::{Context, Flow, Place};
use super::tree::{Expression, Statement};
use super::types::{Type, UINT};

/// Elements of a row.
pub(super) const ELEMENTS: usize = 8;

/// A row.
#[derive(Clone)]
pub(super) struct Row {
    /// What it prints as: a pointer to the first element.
    first: String,
    /// Type of an element, a scalar.
    kind: Type,
    /// Whether it holds the same for every work-item of a group.
    uniform: bool,
}

/// How many vectors of `lanes` elements a row holds, less one: a mask for their numbers.
fn mask(lanes: usize) -> usize {
    ELEMENTS / lanes - 1
}

impl Context {
    /// Makes the elements that begin at `first` a row; vectors are read from it like variables.
    pub(super) fn row(&mut self, first: &str, kind: Type, uniform: bool) {
        for lanes in [2, 3, 4, 8] {
            let text = format!("vload{lanes}(($0 & {}), {first})", mask(lanes));
            let kind = kind.with_lanes(lanes);
            self.places.push(Place::element(text, kind, uniform));
        }
        self.rows.push(Row {
            first: first.to_owned(),
            kind,
            uniform,
        });
    }

    /// Writes a vector to a row.
    pub(super) fn store_vector(&mut self, flow: Flow) -> Option<Statement> {
        let rows: Vec<Row> = self.rows.clone();
        let rows: Vec<Row> = rows
            .into_iter()
            .filter(|row| !(flow.divergent && row.uniform))
            .collect();
        if rows.is_empty() {
            return None;
        }
        let row = self.random.pick(&rows);
        let lanes = self.random.pick(&[2, 3, 4, 8]);
        let value = self.expression(row.kind.with_lanes(lanes), 2, row.uniform);
        let number = self.expression(UINT, 1, row.uniform);
        let number = Expression::new(UINT, format!("($0 & {})", mask(lanes)), vec![number]);
        let text = format!("vstore{lanes}($0, $1, {});", row.first);
        Some(Statement::plain(text, vec![value, number]))
    }
}
