//! The making of functions that kernels call.

use super::context::{Context, Flow, Place};
use super::random::Random;
use super::tree::{Function, Statement};
use super::types::{Type, INT};

/// A function, and what its callers have to know.
pub(super) struct Helper {
    /// The function.
    pub(super) function: Function,
    /// The call as a value, of a function that has one.
    pub(super) value: Option<Place>,
    /// The call as a statement, of a function that writes through a pointer.
    pub(super) procedure: Option<(String, Vec<Type>, Type)>,
}

/// Makes the function `name`, which may call the earlier ones.
pub(super) fn helper(random: &mut Random, name: &str, earlier: &[Helper]) -> Helper {
    let mut context = Context::new(Random::new(random.bits()));
    for helper in earlier {
        context.places.extend(helper.value.clone());
    }
    let kind = Type::random(&mut context.random);
    context.returns = Some(kind);
    let is_procedure = context.random.chance(30) && !kind.is_float();
    let count = 1 + context.random.below(3);
    let parameters: Vec<Type> = (0..count)
        .map(|_| match Type::random(&mut context.random) {
            // Callers do not promise how large the numbers are.
            kind if kind.is_float() => INT,
            kind => kind,
        })
        .collect();
    let mut texts = Vec::new();
    for kind in &parameters {
        let parameter = context.name("p");
        texts.push(format!("{} {parameter}", kind.name()));
        context.places.push(Place {
            writable: true,
            addressable: true,
            ..Place::value(parameter, *kind, false)
        });
    }
    if is_procedure {
        texts.push(format!("{} *target", kind.name()));
        context.places.push(Place {
            writable: true,
            ..Place::value("(*target)", kind, false)
        });
    }
    let variables = context.random.below(3);
    context.variables(variables);
    let flow = Flow {
        depth: 1,
        divergent: true,
        may_break: false,
        may_continue: false,
    };
    let mut body: Vec<Statement> = (0..1 + context.random.below(3))
        .map(|_| context.statement(flow))
        .collect();
    let result = if is_procedure {
        "void".to_owned()
    } else {
        kind.name()
    };
    if is_procedure {
        without_value(&mut body);
        let value = context.expression(kind, 2, false);
        body.push(Statement::plain("*target = $0;", vec![value]));
    } else {
        let place = Place::value("", kind, false);
        let value = context.stored(&place, 3);
        body.push(Statement::plain("return $0;", vec![value]));
    }
    let inline = context.random.pick(&["", "", "__attribute__((noinline)) "]);
    let calls: Vec<String> = (0..parameters.len()).map(|n| format!("${n}")).collect();
    Helper {
        function: Function {
            name: name.to_owned(),
            head: format!("{inline}{result} {name}({})", texts.join(", ")),
            variables: context.variables,
            body,
        },
        value: (!is_procedure).then(|| Place {
            operands: parameters.clone(),
            ..Place::value(format!("{name}({})", calls.join(", ")), kind, true)
        }),
        procedure: is_procedure.then(|| (name.to_owned(), parameters, kind)),
    }
}

/// Makes every `return` of a block one without a value.
fn without_value(block: &mut [Statement]) {
    for statement in block {
        if matches!(statement, Statement::Plain { text, .. } if text == "return $0;") {
            *statement = Statement::plain("return;", Vec::new());
        }
        for inner in statement.blocks() {
            without_value(inner);
        }
    }
}
