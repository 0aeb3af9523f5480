//! Records (`struct`) in random kernels.

use super::context::{Context, Flow, Place};
use super::random::Random;
use super::tree::{Declaration, Statement};
use super::types::{Type, INT, UINT};

/// Records of an array.
const RECORDS: usize = 4;

/// The record type of a case: two members, and an array of four.
#[derive(Clone, Copy)]
pub(super) struct Record {
    members: [Type; 3],
}

impl Record {
    /// Some record type.
    pub(super) fn random(random: &mut Random) -> Self {
        Self {
            members: std::array::from_fn(|_| Type::random_element(random)),
        }
    }

    /// What declares it.
    pub(super) fn declaration(&self) -> Declaration {
        let [first, second, third] = self.members.map(Type::name);
        let text = format!("typedef struct {{ {first} a; {second} b; {third} c[4]; }} record;");
        Declaration {
            name: "record".to_owned(),
            text,
            operands: Vec::new(),
        }
    }
}

impl Context {
    /// Declares a record, or an array of some, and what can be read and written of it. Returns how
    /// a whole one is written down.
    pub(super) fn record(&mut self, record: Record, array: bool) -> Place {
        let name = self.name(if array { "rs" } else { "r" });
        let [first, second, third] = record.members;
        let operands = vec![
            self.expression(first, 2, false),
            self.expression(second, 2, false),
            self.expression(third, 2, false),
        ];
        let members = |whole: &str| {
            format!(
                "{whole}.a = $0; {whole}.b = $1; for (uint j = 0; j < 4; ++j) \
                 {whole}.c[j] = ($2 ^ (({})(j)));",
                third.name()
            )
        };
        let (text, whole) = if array {
            let each = members(&format!("{name}[i]"));
            let text = format!(
                "record {name}[{RECORDS}]; for (uint i = 0; i < {RECORDS}; ++i) {{ {each} }}"
            );
            (text, format!("{name}[$0 & {}]", RECORDS - 1))
        } else {
            (format!("record {name}; {}", members(&name)), name.clone())
        };
        self.declare(&name, text, operands);
        let indices = vec![UINT; usize::from(array)];
        let member = |text: String, kind, indices: Vec<Type>| Place {
            operands: indices,
            writable: true,
            ..Place::value(text, kind, false)
        };
        let inner = format!("{whole}.c[${} & 3]", indices.len());
        let mut with_inner = indices.clone();
        with_inner.push(UINT);
        self.places
            .push(member(format!("{whole}.a"), first, indices.clone()));
        self.places
            .push(member(format!("{whole}.b"), second, indices.clone()));
        self.places.push(member(inner, third, with_inner));
        Place {
            operands: indices,
            ..Place::value(whole, INT, false)
        }
    }

    /// Copies one whole record to another.
    pub(super) fn copy_record(&mut self, flow: Flow) -> Option<Statement> {
        if self.records.is_empty() {
            return None;
        }
        let (to, from) = (
            self.random.pick(&self.records.clone()),
            self.random.pick(&self.records.clone()),
        );
        if to.text == from.text && to.operands.is_empty() {
            return None;
        }
        let mut operands = Vec::new();
        for kind in to.operands.iter().chain(&from.operands) {
            operands.push(self.expression(*kind, flow.depth.min(1), false));
        }
        let moved = from.text.replace("$0", &format!("${}", to.operands.len()));
        // Through another one: a record may be copied to itself, but not assigned in place.
        let text = format!("{{ const record moved = {moved}; {} = moved; }}", to.text);
        Some(Statement::plain(text, operands))
    }
}
