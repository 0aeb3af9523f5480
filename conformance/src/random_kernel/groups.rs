//! The making of statements in which the work-items of a group have to do with each other, or with
//! all others.

use super::context::{Context, Flow, Place};
use super::tree::{Expression, Statement};
use super::types::{Scalar, Type, UINT};

/// Counters in global memory, and in local memory. Each one has an operation of its own: the order
/// of one operation does not matter, that of two would.
pub(super) const COUNTERS: usize = 8;
const OPERATIONS: [&str; COUNTERS] = ["add", "or", "xor", "max", "min", "and", "inc", "sub"];

/// Counters that are only added to, chosen by a value.
pub(super) const HISTOGRAM: usize = 16;

impl Context {
    /// An atomic operation whose result nobody looks at, or a barrier.
    pub(super) fn group_statement(&mut self, flow: Flow) -> Option<Statement> {
        if self.returns.is_some() {
            return None;
        }
        if self.groups && !flow.divergent && self.random.chance(15) {
            let fences = ["CLK_LOCAL_MEM_FENCE", "CLK_GLOBAL_MEM_FENCE"];
            let fence = self.random.pick(&fences);
            return Some(Statement::plain(format!("barrier({fence});"), Vec::new()));
        }
        let value = self.expression(UINT, 2, false);
        if self.random.chance(25) {
            let index = self.below(HISTOGRAM, 2, false);
            let text = "atomic_add(&histogram[$0], $1);";
            return Some(Statement::plain(text, vec![index, value]));
        }
        let number = self.random.below(COUNTERS);
        let operation = OPERATIONS[number];
        let array = if self.has_tallies && self.random.chance(60) {
            "tallies"
        } else {
            "counters"
        };
        Some(if operation == "inc" {
            Statement::plain(format!("atomic_inc(&{array}[{number}]);"), Vec::new())
        } else {
            let text = format!("atomic_{operation}(&{array}[{number}], $0);");
            Statement::plain(text, vec![value])
        })
    }

    /// Declares the local counters, and says how they get out at the end of the kernel.
    pub(super) fn tallies(&mut self) -> Statement {
        let text = format!(
            "local uint tallies[{COUNTERS}]; \
             if (lid == 0) for (uint i = 0; i < {COUNTERS}; ++i) tallies[i] = i * 0x1111111u; \
             barrier(CLK_LOCAL_MEM_FENCE);"
        );
        self.declare("tallies", text, Vec::new());
        self.has_tallies = true;
        let text = format!(
            "barrier(CLK_LOCAL_MEM_FENCE); if (lid == 0) for (uint i = 0; i < {COUNTERS}; ++i) \
             tally_results[group * {COUNTERS} + i] = tallies[i];"
        );
        Statement::plain(text, Vec::new())
    }

    /// An exchange between the work-items of a group.
    pub(super) fn shared(&mut self, flow: Flow) -> Option<Statement> {
        if !self.groups || flow.divergent {
            return None;
        }
        let kind = Type::random_element(&mut self.random);
        let array = self.name("shared");
        let type_name = kind.name();
        self.declare(
            &array,
            format!("local {type_name} {array}[LOCAL_ITEMS];"),
            Vec::new(),
        );
        let value = self.expression(kind, 2, false);
        let known = self.places.len();
        let element = |index: &str, uniform| {
            Place::element(format!("{array}[{index} % LOCAL_ITEMS]"), kind, uniform)
        };
        let neighbour = 1 + self.random.below(5);
        self.places.push(element("$0", true));
        self.places.push(Place {
            operands: Vec::new(),
            ..element(&format!("(lid + {neighbour})"), false)
        });
        let mut body = self.block(flow);
        // At least one statement reads what was stored.
        if let Some(target) = self.target(flow, |place| place.operands.is_empty()) {
            let index = self.expression(UINT, 1, target.uniform);
            let read = Expression::new(kind, format!("{array}[$0 % LOCAL_ITEMS]"), vec![index]);
            let value = super::expressions::adapted(read, target.kind);
            body.insert(
                0,
                Statement::plain(format!("{} = $0;", target.text), vec![value]),
            );
        }
        self.places.truncate(known);
        Some(Statement::Shared { array, value, body })
    }

    /// A work-group function, which all work-items of the group call.
    pub(super) fn collective(&mut self, flow: Flow) -> Option<Statement> {
        if !self.collectives || flow.divergent {
            return None;
        }
        let scalars = [Scalar::Int, Scalar::Uint, Scalar::Long, Scalar::Ulong];
        let mut kind = Type::scalar(self.random.pick(&scalars));
        let operation = self.random.pick(&["add", "min", "max"]);
        if operation == "add" {
            // Signed sums may overflow.
            kind = kind.unsigned();
        }
        let (function, uniform) = match self.random.below(8) {
            0..=2 => (format!("work_group_reduce_{operation}"), true),
            3 => (format!("work_group_scan_inclusive_{operation}"), false),
            4 => (format!("work_group_scan_exclusive_{operation}"), false),
            5 | 6 => ("BROADCAST".to_owned(), true),
            _ => {
                kind = super::types::INT;
                let name = self.random.pick(&["work_group_any", "work_group_all"]);
                (name.to_owned(), true)
            }
        };
        let target = self.target(flow, |place| {
            place.operands.is_empty() && (uniform || !place.uniform) && !place.kind.is_float()
        })?;
        let value = self.expression(kind, 2, false);
        let call = if function == "BROADCAST" {
            let index = self.expression(UINT, 2, true);
            Expression::new(kind, "BROADCAST($0, $1)", vec![value, index])
        } else {
            let text = if matches!(function.as_str(), "work_group_any" | "work_group_all") {
                // What is true is any number but 0.
                format!("({function}(($0 != 0)) != 0)")
            } else {
                format!("{function}($0)")
            };
            Expression::new(kind, text, vec![value])
        };
        let stored = super::expressions::adapted(call, target.kind);
        Some(Statement::plain(
            format!("{} = $0;", target.text),
            vec![stored],
        ))
    }
}
