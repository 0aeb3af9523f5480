//! Parameter types in mangled names, as far as builtins use them.

/// A scalar, vector or pointer to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// `P` and what follows it up to the pointed-to type; empty for a value.
    pub pointer: String,
    /// Components; 1 for a scalar.
    pub width: usize,
    /// Letter of the component type; `x` for half, which is `Dh` in names.
    pub code: char,
}

impl Parameter {
    /// Bytes of a component.
    pub fn size(&self) -> usize {
        match self.code {
            'c' | 'h' => 1,
            's' | 't' | 'x' => 2,
            'i' | 'j' | 'f' => 4,
            _ => 8,
        }
    }
}

/// Component type at the start of a text, and the rest.
fn component(text: &str) -> Option<(char, &str)> {
    if let Some(rest) = text.strip_prefix("Dh") {
        return Some(('x', rest));
    }
    let code = text.chars().next()?;
    "chstijlmfd".contains(code).then(|| (code, &text[1..]))
}

/// `("sin", [float4])` of `_Z3sinDv4_f`; `None` for types not listed here.
pub fn parse(symbol: &str) -> Option<(&str, Vec<Parameter>)> {
    let rest = symbol.strip_prefix("_Z")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let end = digits + rest[..digits].parse::<usize>().ok()?;
    let (name, mut rest) = (&rest[digits..end], &rest[end..]);
    let mut substitutions: Vec<Parameter> = Vec::new();
    let mut parameters = Vec::new();
    while !rest.is_empty() {
        let (parameter, left) = one(rest, &mut substitutions)?;
        parameters.push(parameter);
        rest = left;
    }
    Some((name, parameters))
}

fn one<'a>(text: &'a str, known: &mut Vec<Parameter>) -> Option<(Parameter, &'a str)> {
    if let Some(rest) = text.strip_prefix('P') {
        let mut qualifiers = String::from("P");
        let mut rest = rest;
        if let Some(after) = rest.strip_prefix("U3AS") {
            qualifiers.push_str(&rest[..5]);
            rest = &after[1..];
        }
        if let Some(after) = rest.strip_prefix('K') {
            qualifiers.push('K');
            rest = after;
        }
        let (mut parameter, rest) = one(rest, known)?;
        parameter.pointer = qualifiers;
        known.push(parameter.clone());
        return Some((parameter, rest));
    }
    if let Some(rest) = text.strip_prefix("Dv") {
        let (width, rest) = rest.split_once('_')?;
        let (code, rest) = component(rest)?;
        let parameter = Parameter {
            pointer: String::new(),
            width: width.parse().ok()?,
            code,
        };
        known.push(parameter.clone());
        return Some((parameter, rest));
    }
    if let Some(rest) = text.strip_prefix('S') {
        let (number, rest) = rest.split_once('_')?;
        let index = if number.is_empty() {
            0
        } else {
            number.parse::<usize>().ok()? + 1
        };
        return Some((known.get(index)?.clone(), rest));
    }
    let (code, rest) = component(text)?;
    let parameter = Parameter {
        pointer: String::new(),
        width: 1,
        code,
    };
    Some((parameter, rest))
}
