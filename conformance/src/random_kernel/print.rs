//! Cases as OpenCL C. What is not used is not printed.

use std::fmt::Write;

use super::tree::{Argument, Case, Count, Declaration, Expression, Function, Statement};
use super::types::{Scalar, Type};

/// A kernel as text.
#[derive(Debug, Clone)]
pub struct Source {
    /// OpenCL C.
    pub text: String,
    /// The arguments of the kernel that it has, in order.
    pub arguments: Vec<Argument>,
}

/// Prints a case.
pub fn source(case: &Case) -> Source {
    let mut kernel = body_of(&case.kernel);
    let numbers = [
        (
            "lid",
            "const uint lid = get_local_id(1) * get_local_size(0) + get_local_id(0);",
        ),
        (
            "group",
            "const uint group = get_group_id(1) * get_num_groups(0) + get_group_id(0);",
        ),
        (
            "id",
            "const uint id = get_global_id(1) * get_global_size(0) + get_global_id(0);",
        ),
    ];
    for (name, text) in numbers {
        if mentions(&kernel, name) {
            kernel = format!("    {text}\n{kernel}");
        }
    }
    let used = |argument: &&Argument| mentions(&kernel, &argument.name);
    let arguments: Vec<Argument> = case.arguments.iter().filter(used).cloned().collect();
    let parameters: Vec<String> = arguments.iter().map(parameter).collect();
    let mut text = format!(
        "kernel void {}({}) {{\n{kernel}}}\n",
        case.kernel.name,
        parameters.join(", ")
    );
    for helper in case.helpers.iter().rev() {
        if mentions(&text, &helper.name) {
            text = format!("{} {{\n{}}}\n{text}", helper.head, body_of(helper));
        }
    }
    for declaration in case.types.iter().rev() {
        if mentions(&text, &declaration.name) {
            text = format!("{}\n{text}", declared(declaration));
        }
    }
    let broadcast = if case.local.len() == 1 {
        "work_group_broadcast(value, (index) % LOCAL_ITEMS)"
    } else {
        "work_group_broadcast(value, (index) % get_local_size(0), (index) % get_local_size(1))"
    };
    let definitions = [
        ("BROADCAST", format!("BROADCAST(value, index) {broadcast}")),
        (
            "LOCAL_ITEMS",
            format!("LOCAL_ITEMS {}u", items(&case.local)),
        ),
        ("ITEMS", format!("ITEMS {}u", items(&case.global()))),
    ];
    for (name, definition) in definitions {
        if mentions(&text, name) {
            text = format!("#define {definition}\n{text}");
        }
    }
    Source { text, arguments }
}

/// Product of the sizes of all dimensions.
pub fn items(sizes: &[usize]) -> usize {
    sizes.iter().product()
}

/// Whether `name` stands in `text` as a whole word.
fn mentions(text: &str, name: &str) -> bool {
    let part_of_a_word = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    text.match_indices(name).any(|(at, _)| {
        !part_of_a_word(text[..at].chars().next_back())
            && !part_of_a_word(text[at + name.len()..].chars().next())
    })
}

fn parameter(argument: &Argument) -> String {
    let (kind, name) = (argument.kind.name(), &argument.name);
    match (argument.count, argument.written) {
        (Count::Value, _) => format!("const {kind} {name}"),
        (_, true) => format!("global {kind} *{name}"),
        (_, false) => format!("global const {kind} *{name}"),
    }
}

fn body_of(function: &Function) -> String {
    let mut text = String::new();
    block(&mut text, &function.body, 1);
    for variable in function.variables.iter().rev() {
        if mentions(&text, &variable.name) {
            text = format!("    {}\n{text}", declared(variable));
        }
    }
    text
}

fn declared(declaration: &Declaration) -> String {
    filled(&declaration.text, &declaration.operands)
}

fn block(text: &mut String, statements: &[Statement], level: usize) {
    for statement in statements {
        one(text, statement, level);
    }
}

fn one(text: &mut String, statement: &Statement, level: usize) {
    let indent = "    ".repeat(level);
    let mut line = |content: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{indent}{content}");
    };
    match statement {
        Statement::Plain { text, operands } => line(&filled(text, operands)),
        Statement::If {
            condition,
            then,
            otherwise,
        } => {
            line(&format!("if ({}) {{", expression(condition)));
            block(text, then, level + 1);
            if !otherwise.is_empty() {
                let _ = writeln!(text, "{indent}}} else {{");
                block(text, otherwise, level + 1);
            }
            let _ = writeln!(text, "{indent}}}");
        }
        Statement::For {
            counter,
            turns,
            body,
        } => {
            let turns = expression(turns);
            line(&format!(
                "for (uint {counter} = 0; {counter} < {turns}; ++{counter}) {{"
            ));
            block(text, body, level + 1);
            let _ = writeln!(text, "{indent}}}");
        }
        Statement::While {
            counter,
            turns,
            condition,
            at_the_end,
            body,
        } => {
            let goes_on = format!("while ({counter} < {turns} && {})", expression(condition));
            let (begin, end) = if *at_the_end {
                ("do".to_owned(), format!(" {goes_on};"))
            } else {
                (goes_on, String::new())
            };
            line(&format!("{{ uint {counter} = 0; {begin} {{ ++{counter};"));
            block(text, body, level + 1);
            let _ = writeln!(text, "{indent}}}{end} }}");
        }
        Statement::Switch { value, branches } => {
            line(&format!(
                "switch ({} % {}) {{",
                expression(value),
                branches.len()
            ));
            for (number, branch) in branches.iter().enumerate() {
                let label = if number + 1 == branches.len() {
                    "default".to_owned()
                } else {
                    format!("case {number}")
                };
                let _ = writeln!(text, "{indent}{label}: {{");
                block(text, &branch.body, level + 1);
                let end = if branch.falls_through { "" } else { " break;" };
                let _ = writeln!(text, "{indent}}}{end}");
            }
            let _ = writeln!(text, "{indent}}}");
        }
        Statement::Shared { array, value, body } => {
            line("barrier(CLK_LOCAL_MEM_FENCE);");
            let value = expression(value);
            let _ = writeln!(text, "{indent}{array}[lid] = {value};");
            let _ = writeln!(text, "{indent}barrier(CLK_LOCAL_MEM_FENCE);");
            block(text, body, level);
            let _ = writeln!(text, "{indent}barrier(CLK_LOCAL_MEM_FENCE);");
        }
    }
}

/// A text with its operands in their places.
fn filled(text: &str, operands: &[Expression]) -> String {
    let mut filled = String::new();
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        let number = rest.peek().and_then(|digit| digit.to_digit(10));
        match (letter, number) {
            ('$', Some(number)) => {
                rest.next();
                filled += &operands
                    .get(number as usize)
                    .map_or(String::new(), expression);
            }
            _ => filled.push(letter),
        }
    }
    filled
}

fn expression(expression: &Expression) -> String {
    match expression {
        Expression::Constant(kind, value) => constant(*kind, *value),
        Expression::Operation { text, operands, .. } => filled(text, operands),
    }
}

fn constant(kind: Type, value: i64) -> String {
    let number = match kind.scalar {
        Scalar::Float => format!("{value}.0f"),
        Scalar::Char => (value as i8).to_string(),
        Scalar::Uchar => (value as u8).to_string(),
        Scalar::Short => (value as i16).to_string(),
        Scalar::Ushort => (value as u16).to_string(),
        // The digits of the smallest number are no `int`.
        Scalar::Int if value as i32 == i32::MIN => "-2147483647 - 1".to_owned(),
        Scalar::Int => (value as i32).to_string(),
        Scalar::Uint => format!("{}u", value as u32),
        Scalar::Long if value == i64::MIN => "-9223372036854775807L - 1".to_owned(),
        Scalar::Long => format!("{value}L"),
        Scalar::Ulong => format!("{}UL", value as u64),
    };
    let plain = matches!(
        kind.scalar,
        Scalar::Float | Scalar::Int | Scalar::Uint | Scalar::Long | Scalar::Ulong
    );
    match (plain && !kind.is_vector(), number.starts_with('-')) {
        (true, false) => number,
        (true, true) => format!("({number})"),
        (false, _) => format!("(({})({number}))", kind.name()),
    }
}
