//! The making of statements.

use super::context::{Context, Flow, Place};
use super::rows::ELEMENTS;
use super::tree::{Branch, Expression, Statement};
use super::types::{Type, INT, UINT, ULONG};

impl Flow {
    /// Inside a statement whose condition work-items may see differently.
    fn split(self) -> Self {
        // A loop that all work-items of a group run together has to be left together.
        Self {
            divergent: true,
            may_break: self.may_break && self.divergent,
            may_continue: self.may_continue && self.divergent,
            ..self
        }
    }
}

impl Context {
    /// A few statements.
    pub(super) fn block(&mut self, flow: Flow) -> Vec<Statement> {
        let known = self.places.len();
        let count = 1 + self.random.below(3);
        let block = (0..count).map(|_| self.statement(flow)).collect();
        self.places.truncate(known);
        block
    }

    /// Some statement.
    pub(super) fn statement(&mut self, flow: Flow) -> Statement {
        let nested = flow.depth > 0;
        let inner = Flow {
            depth: flow.depth.saturating_sub(1),
            ..flow
        };
        if self.collectives && !flow.divergent && self.random.chance(12) {
            if let Some(collective) = self.collective(flow) {
                return collective;
            }
        }
        let made = match self.random.below(if nested { 19 } else { 10 }) {
            4 => self.store_vector(flow),
            5 => self.copy_record(flow),
            6 => self.through_pointer(flow),
            7 => self.group_statement(flow),
            8 => self.call(flow),
            9 => Some(self.jump(flow)),
            10..=12 => Some(self.condition(inner)),
            13 | 14 => Some(self.count(inner)),
            15 => Some(self.repeat(inner)),
            16 => Some(self.switch(inner)),
            17 | 18 => self.shared(inner),
            _ => None,
        };
        made.unwrap_or_else(|| self.assignment(flow))
    }

    /// Whether what is decided here is decided alike for all work-items of a group, and how to go
    /// on inside.
    fn decision(&mut self, flow: Flow) -> (bool, Flow) {
        if !flow.divergent && self.random.chance(50) {
            (true, flow)
        } else {
            (false, flow.split())
        }
    }

    fn assignment(&mut self, flow: Flow) -> Statement {
        let Some(place) = self.target(flow, |_| true) else {
            return Statement::plain(";", Vec::new());
        };
        let mut operands = Vec::new();
        for kind in &place.operands {
            operands.push(self.expression(*kind, 1, place.uniform));
        }
        let value = operands.len();
        let depth = self.random.pick(&[1, 2, 2, 3]);
        operands.push(self.stored(&place, depth));
        let operators: &[&str] = if place.kind.is_float() {
            &["="]
        } else {
            &["=", "=", "=", "^=", "|=", "&="]
        };
        let operator = self.random.pick(operators);
        Statement::plain(format!("{} {operator} ${value};", place.text), operands)
    }

    /// A value for a place.
    pub(super) fn stored(&mut self, place: &Place, depth: usize) -> Expression {
        let value = self.expression(place.kind, depth, place.uniform);
        if place.kind.is_float() {
            // Sums of sums would not stay small in a loop.
            Expression::new(place.kind, "clamp($0, -64.0f, 64.0f)", vec![value])
        } else {
            value
        }
    }

    fn through_pointer(&mut self, flow: Flow) -> Option<Statement> {
        let first = self.target(flow, |place| place.addressable && !place.uniform)?;
        let second = self.target(flow, |place| {
            place.addressable && !place.uniform && place.kind == first.kind
        })?;
        let pointer = self.name("pointer");
        let (type_name, uniform) = (first.kind.name(), false);
        let condition = self.expression(INT, 2, uniform);
        let value = self.stored(&first, 2);
        let text = format!(
            "{{ {type_name} *{pointer} = $0 ? &{} : &{}; *{pointer} = $1; }}",
            first.text, second.text
        );
        Some(Statement::plain(text, vec![condition, value]))
    }

    fn call(&mut self, flow: Flow) -> Option<Statement> {
        if self.procedures.is_empty() {
            return None;
        }
        let (name, parameters, of) = self.random.pick(&self.procedures.clone());
        let target = self.target(flow, |place| {
            place.addressable && !place.uniform && place.kind == of
        })?;
        let mut operands = Vec::new();
        let mut text = format!("{name}(");
        for (position, kind) in parameters.iter().enumerate() {
            operands.push(self.expression(*kind, 2, false));
            text += &format!("${position}, ");
        }
        text += &format!("&{});", target.text);
        Some(Statement::plain(text, operands))
    }

    fn jump(&mut self, flow: Flow) -> Statement {
        let mut jumps = Vec::new();
        if flow.may_break {
            jumps.push("break;");
        }
        if flow.may_continue {
            jumps.push("continue;");
        }
        let may_return = self.returns.is_some() || !flow.divergent || !self.groups;
        if jumps.is_empty() && may_return && self.random.chance(40) {
            jumps.push("return;");
        }
        if jumps.is_empty() {
            return self.assignment(flow);
        }
        let jump = self.random.pick(&jumps);
        // Only a kernel in which nobody waits for anybody may be left by some work-items.
        let leaves = jump == "return;" && (self.returns.is_some() || !self.groups);
        let uniform = !flow.divergent && !leaves;
        let condition = self.expression(INT, 2, uniform);
        let inner = if uniform { flow } else { flow.split() };
        let mut then = Vec::new();
        if self.random.chance(50) {
            then.push(self.assignment(inner));
        }
        then.push(match (jump, self.returns) {
            ("return;", Some(kind)) => {
                let value = self.expression(kind, 2, false);
                Statement::plain("return $0;", vec![value])
            }
            _ => Statement::plain(jump, Vec::new()),
        });
        Statement::If {
            condition,
            then,
            otherwise: Vec::new(),
        }
    }

    fn condition(&mut self, flow: Flow) -> Statement {
        let (uniform, inner) = self.decision(flow);
        let condition = self.expression(INT, 2, uniform);
        let then = self.block(inner);
        let otherwise = if self.random.chance(50) {
            self.block(inner)
        } else {
            Vec::new()
        };
        Statement::If {
            condition,
            then,
            otherwise,
        }
    }

    fn count(&mut self, flow: Flow) -> Statement {
        let (uniform, inner) = self.decision(flow);
        let most = self.random.pick(&[2, 4, 8]);
        let turns = self.below(most, 2, uniform);
        let counter = self.name("i");
        let known = self.places.len();
        self.places.push(Place::value(&counter, UINT, uniform));
        let body = self.block(Flow {
            may_break: true,
            may_continue: true,
            ..inner
        });
        self.places.truncate(known);
        Statement::For {
            counter,
            turns,
            body,
        }
    }

    fn repeat(&mut self, flow: Flow) -> Statement {
        let (uniform, inner) = self.decision(flow);
        let counter = self.name("turn");
        let known = self.places.len();
        self.places.push(Place::value(&counter, UINT, uniform));
        let condition = self.expression(INT, 2, uniform);
        let body = self.block(Flow {
            may_break: true,
            may_continue: true,
            ..inner
        });
        self.places.truncate(known);
        Statement::While {
            counter,
            turns: 1 + self.random.below(6),
            condition,
            at_the_end: self.random.chance(40),
            body,
        }
    }

    fn switch(&mut self, flow: Flow) -> Statement {
        let (uniform, inner) = self.decision(flow);
        let value = self.expression(UINT, 2, uniform);
        let count = 2 + self.random.below(3);
        let branches = (0..count)
            .map(|_| Branch {
                body: self.block(Flow {
                    may_break: true,
                    ..inner
                }),
                falls_through: self.random.chance(25),
            })
            .collect();
        Statement::Switch { value, branches }
    }

    /// Declares some variables: numbers, vectors, arrays and records.
    pub(super) fn variables(&mut self, count: usize) {
        for _ in 0..count {
            let kind = Type::random(&mut self.random);
            let uniform = self.returns.is_none() && self.random.chance(30);
            let array = self.random.chance(20);
            let prefix = match (array, uniform) {
                (true, _) => "a",
                (false, true) => "u",
                (false, false) => "v",
            };
            let name = self.name(prefix);
            let mut place = Place::value(&name, kind, uniform);
            place.writable = true;
            let initial = self.stored(&place, 2);
            let type_name = kind.name();
            if array {
                place.operands = vec![UINT];
                place.text = format!("{name}[$0 & {}]", ELEMENTS - 1);
                let value = if kind.is_float() {
                    "$0".to_owned()
                } else {
                    format!("($0 ^ (({type_name})(i)))")
                };
                let text = format!(
                    "{type_name} {name}[{ELEMENTS}]; \
                     for (uint i = 0; i < {ELEMENTS}; ++i) {name}[i] = {value};"
                );
                self.declare(&name, text, vec![initial]);
                if !kind.is_vector() && !kind.is_float() {
                    self.row(&name, kind, uniform);
                }
            } else {
                place.addressable = true;
                self.declare(&name, format!("{type_name} {name} = $0;"), vec![initial]);
                if kind.is_vector() {
                    let lane = self.random.below(kind.lanes);
                    let mut element = place.clone();
                    element.text = format!("{name}.s{lane}");
                    element.kind = kind.with_lanes(1);
                    element.addressable = false;
                    self.places.push(element);
                }
            }
            self.places.push(place);
        }
    }

    /// Statements that mix all variables into `digest`, so that none of them is dead.
    pub(super) fn digests(&mut self) -> Vec<Statement> {
        let variables = self.places.iter().filter(|place| place.writable);
        let statement = |place: &Place| {
            let text = place.text.replace("$0", "i").replace("$1", "j");
            let value = Expression::new(place.kind, text, Vec::new());
            let mixed = "digest[id] = digest[id] * 31 + $0;";
            let text = match place.operands.len() {
                0 => mixed.to_owned(),
                1 => format!("for (uint i = 0; i < {ELEMENTS}; ++i) {mixed}"),
                _ => format!(
                    "for (uint i = 0; i < {ELEMENTS}; ++i) for (uint j = 0; j < 4; ++j) {mixed}"
                ),
            };
            Statement::plain(text, vec![whole(value)])
        };
        variables.map(statement).collect()
    }
}

/// A `ulong` that depends on every element of a value.
fn whole(value: Expression) -> Expression {
    let kind = value.kind();
    if !kind.is_vector() {
        let wide = if kind.is_float() {
            "(ulong)(long)"
        } else {
            "(ulong)"
        };
        return Expression::new(ULONG, format!("{wide}$0"), vec![value]);
    }
    let mut lanes = Vec::new();
    for lane in 0..kind.lanes {
        lanes.push(format!("(ulong)($0).s{lane} * {}", 2 * lane + 1));
    }
    Expression::new(ULONG, format!("({})", lanes.join(" + ")), vec![value])
}
