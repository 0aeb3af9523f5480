//! What the making of a function knows while it goes on: random numbers and what has a name.

use super::random::Random;
use super::tree::{Declaration, Expression};
use super::types::Type;

/// Something that can be read, and perhaps written.
#[derive(Clone)]
pub(super) struct Place {
    /// What it prints as, with `$0`… for indices.
    pub(super) text: String,
    /// Type of the value.
    pub(super) kind: Type,
    /// Types of the indices.
    pub(super) operands: Vec<Type>,
    /// Whether every work-item of a group sees the same value, when the indices are the same.
    pub(super) uniform: bool,
    /// Whether it can be assigned to.
    pub(super) writable: bool,
    /// Whether it is a variable whose address can be taken.
    pub(super) addressable: bool,
}

impl Place {
    /// A value that only can be read.
    pub(super) fn value(text: impl Into<String>, kind: Type, uniform: bool) -> Self {
        Self {
            text: text.into(),
            kind,
            operands: Vec::new(),
            uniform,
            writable: false,
            addressable: false,
        }
    }

    /// An element that can be read at an index.
    pub(super) fn element(text: impl Into<String>, kind: Type, uniform: bool) -> Self {
        Self {
            operands: vec![super::types::UINT],
            ..Self::value(text, kind, uniform)
        }
    }
}

/// Where a statement stands.
#[derive(Clone, Copy)]
pub(super) struct Flow {
    /// Levels of statements that may still be nested.
    pub(super) depth: usize,
    /// Whether the work-items of a group may have taken different ways.
    pub(super) divergent: bool,
    /// Whether `break` may stand here.
    pub(super) may_break: bool,
    /// Whether `continue` may stand here.
    pub(super) may_continue: bool,
}

/// What is known while a function is made.
pub(super) struct Context {
    /// Where every decision comes from.
    pub(super) random: Random,
    /// What can be read and written.
    pub(super) places: Vec<Place>,
    /// Variables of the function so far.
    pub(super) variables: Vec<Declaration>,
    /// Whether there may be barriers and local memory.
    pub(super) groups: bool,
    /// Whether there may be work-group functions, which need OpenCL C 3.0.
    pub(super) collectives: bool,
    /// Whether there are counters in local memory.
    pub(super) has_tallies: bool,
    /// What `return` is followed by; `None` in a kernel, which returns nothing.
    pub(super) returns: Option<Type>,
    /// Functions that write through a pointer: name, types of the other parameters, and what the
    /// pointer points to.
    pub(super) procedures: Vec<(String, Vec<Type>, Type)>,
    /// Whole records.
    pub(super) records: Vec<Place>,
    /// Elements that are written as vectors, too.
    pub(super) rows: Vec<super::rows::Row>,
    names: usize,
}

impl Context {
    /// The beginning of a function.
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            places: Vec::new(),
            variables: Vec::new(),
            groups: false,
            collectives: false,
            has_tallies: false,
            returns: None,
            procedures: Vec::new(),
            records: Vec::new(),
            rows: Vec::new(),
            names: 0,
        }
    }

    /// A name that nothing else has.
    pub(super) fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// Declares a variable; `text` tells how, and `$0` in it is the first operand.
    pub(super) fn declare(&mut self, name: &str, text: String, operands: Vec<Expression>) {
        self.variables.push(Declaration {
            name: name.to_owned(),
            text,
            operands,
        });
    }

    /// A place that can be assigned to here.
    pub(super) fn target(&mut self, flow: Flow, wanted: impl Fn(&Place) -> bool) -> Option<Place> {
        // In divergent code a uniform variable would not stay uniform.
        let found: Vec<_> = self
            .places
            .iter()
            .filter(|place| place.writable && !(flow.divergent && place.uniform) && wanted(place))
            .cloned()
            .collect();
        (!found.is_empty()).then(|| self.random.pick(&found))
    }
}
