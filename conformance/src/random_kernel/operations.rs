//! What operations OpenCL C has for a type: texts and the types of their operands.
//!
//! None of them is undefined for any operand. Signed arithmetic is done in unsigned types and
//! converted back; divisors are never 0, and never -1 under the smallest number.

use super::random::Random;
use super::types::{Scalar, Type, FLOAT, INT};

/// A text with `$0`…, and the types of its operands.
pub(super) type Operation = (String, Vec<Type>);

/// `text` as a value of `kind`, where operands narrower than `int` have been promoted.
fn cast(kind: Type, text: &str) -> String {
    if kind.is_vector() {
        text.to_owned()
    } else {
        format!("({}){text}", kind.name())
    }
}

/// The low bits of a constant in every element.
fn all(kind: Type, value: u64) -> String {
    format!("(({})({value}))", kind.name())
}

fn binary(kind: Type, text: impl Into<String>) -> Operation {
    (text.into(), vec![kind, kind])
}

/// Some operation whose result is of the integer type `kind`.
pub(super) fn integer(random: &mut Random, kind: Type) -> Operation {
    loop {
        let found = match random.below(10) {
            0..=3 => arithmetic(random, kind),
            4 => compared(random, kind),
            5 | 6 => builtin(random, kind),
            7 => rare_builtin(random, kind),
            8 => converted(random, kind),
            _ => rearranged(random, kind),
        };
        if let Some(found) = found {
            return found;
        }
    }
}

fn arithmetic(random: &mut Random, kind: Type) -> Option<Operation> {
    let name = kind.name();
    let wide = if kind.scalar.bytes() == 8 {
        "ulong"
    } else {
        "uint"
    };
    let unsigned = kind.unsigned().name();
    let bits = 8 * kind.scalar.bytes() as u64 - 1;
    let wrapping = |operator: &str| {
        if kind.is_vector() {
            format!("as_{name}(as_{unsigned}($0) {operator} as_{unsigned}($1))")
        } else {
            format!("({name})(({wide})$0 {operator} ({wide})$1)")
        }
    };
    Some(match random.below(11) {
        0 | 1 => binary(kind, wrapping("+")),
        2 => binary(kind, wrapping("-")),
        3 => binary(kind, wrapping("*")),
        4 => {
            let operator = random.pick(&["&", "|", "^"]);
            binary(kind, cast(kind, &format!("($0 {operator} $1)")))
        }
        5 => (cast(kind, "(~$0)"), vec![kind]),
        6 if kind.is_vector() => {
            let mask = all(kind.unsigned(), bits);
            binary(
                kind,
                format!("as_{name}(as_{unsigned}($0) << (as_{unsigned}($1) & {mask}))"),
            )
        }
        6 => binary(kind, format!("({name})(({wide})$0 << ($1 & {bits}))")),
        7 => binary(
            kind,
            cast(kind, &format!("($0 >> ($1 & {}))", all(kind, bits))),
        ),
        8 | 9 => {
            let operator = random.pick(&["/", "%"]);
            let one = all(kind, 1);
            let divisor = match (kind.scalar.is_signed(), random.chance(50)) {
                (false, _) => format!("($1 | {one})"),
                (true, true) => format!("(($1 & {}) | {one})", all(kind, 63)),
                (true, false) => format!("(-(($1 & {}) + {}))", all(kind, 14), all(kind, 2)),
            };
            // A narrow operand is promoted, so that the quotient of the smallest is one as well.
            binary(kind, cast(kind, &format!("($0 {operator} {divisor})")))
        }
        _ => {
            let operator = random.pick(&["+", "-", "^"]);
            let value = random.below(9);
            let text = wrapping(operator).replace("$1", &all(kind, value as u64));
            (text, vec![kind])
        }
    })
}

fn compared(random: &mut Random, kind: Type) -> Option<Operation> {
    let operator = random.pick(&["<", ">", "<=", ">=", "==", "!="]);
    if kind.is_vector() {
        let of = random.pick(&[kind.signed(), kind.unsigned()]);
        let text = format!("($0 {operator} $1)");
        let text = if kind.scalar.is_signed() {
            text
        } else {
            format!("as_{}({text})", kind.name())
        };
        return Some(match random.below(3) {
            0 => binary(of, text),
            1 => ("select($0, $1, $2)".to_owned(), vec![kind, kind, of]),
            _ => ("bitselect($0, $1, $2)".to_owned(), vec![kind; 3]),
        });
    }
    let of = Type::random_integer(random);
    Some(match random.below(7) {
        0 | 1 => binary(of, cast(kind, &format!("($0 {operator} $1)"))),
        2 => binary(FLOAT, cast(kind, &format!("($0 {operator} $1)"))),
        3 => {
            let operator = random.pick(&["&&", "||"]);
            binary(INT, cast(kind, &format!("($0 {operator} $1)")))
        }
        4 => (cast(kind, "(!$0)"), vec![of]),
        5 => (cast(kind, "($0 ? $1 : $2)"), vec![INT, kind, kind]),
        _ => {
            let of = random.pick(&[kind.signed(), kind.unsigned()]);
            ("select($0, $1, $2)".to_owned(), vec![kind, kind, of])
        }
    })
}

fn builtin(random: &mut Random, kind: Type) -> Option<Operation> {
    let names = [
        "min", "max", "add_sat", "sub_sat", "mul_hi", "rotate", "hadd", "rhadd", "abs_diff", "abs",
        "popcount", "clz", "clamp",
    ];
    let name = random.pick(&names);
    let sign = random.pick(&[kind.signed(), kind]);
    match name {
        "abs" if kind.scalar.is_signed() => None,
        "abs" => Some(("abs($0)".to_owned(), vec![sign])),
        "abs_diff" if kind.scalar.is_signed() => None,
        "abs_diff" => Some(binary(sign, "abs_diff($0, $1)")),
        "popcount" | "clz" => Some((format!("{name}($0)"), vec![kind])),
        "clamp" => {
            let (low, high) = (random.below(50) as u64, 50 + random.below(70) as u64);
            let text = format!("clamp($0, {}, {})", all(kind, low), all(kind, high));
            Some((text, vec![kind]))
        }
        _ => Some(binary(kind, format!("{name}($0, $1)"))),
    }
}

fn rare_builtin(random: &mut Random, kind: Type) -> Option<Operation> {
    let small = all(kind, 0xfff);
    match random.below(5) {
        0 if kind.scalar.bytes() == 4 => Some(binary(
            kind,
            format!("mul24(($0 & {small}), ($1 & {small}))"),
        )),
        1 if kind.scalar.bytes() == 4 => Some((
            format!("mad24(($0 & {small}), ($1 & {small}), ($2 & {small}))"),
            vec![kind; 3],
        )),
        2 => {
            let half = kind.half()?;
            Some(("upsample($0, $1)".to_owned(), vec![half, half.unsigned()]))
        }
        3 if kind == INT => {
            let of = random.pick(&[INT, Type::scalar(Scalar::Char), Type::scalar(Scalar::Long)]);
            let name = random.pick(&["any", "all"]);
            Some((
                format!("{name}($0)"),
                vec![of.with_lanes(random.pick(&[2, 3, 4]))],
            ))
        }
        4 => Some(("mad_sat($0, $1, $2)".to_owned(), vec![kind; 3])),
        _ => None,
    }
}

fn converted(random: &mut Random, kind: Type) -> Option<Operation> {
    let name = kind.name();
    let from = Type::random_integer(random).with_lanes(kind.lanes);
    Some(match random.below(5) {
        0 => (format!("convert_{name}($0)"), vec![from]),
        1 | 2 => (format!("convert_{name}_sat($0)"), vec![from]),
        3 if !kind.is_vector() => (format!("convert_{name}_sat($0)"), vec![FLOAT]),
        3 if kind.lanes != 3 => {
            let (mut from, bytes) = (from, kind.bytes());
            from.lanes = bytes / from.scalar.bytes();
            if !matches!(from.lanes, 1 | 2 | 4 | 8 | 16) {
                return None;
            }
            (format!("as_{name}($0)"), vec![from])
        }
        _ => {
            let partner = random.pick(&[kind.signed(), kind.unsigned()]);
            (format!("as_{name}($0)"), vec![partner])
        }
    })
}

fn rearranged(random: &mut Random, kind: Type) -> Option<Operation> {
    let from = kind.with_lanes(random.pick(&[2, 3, 4, 8]));
    if !kind.is_vector() {
        let lane = random.below(from.lanes);
        return Some((format!("($0).s{lane}"), vec![from]));
    }
    let name = kind.name();
    let element = kind.with_lanes(1);
    Some(match random.below(5) {
        0 => (format!("({name})($0)"), vec![element]),
        1 if kind.lanes <= 4 => {
            let places: Vec<String> = (0..kind.lanes).map(|lane| format!("${lane}")).collect();
            (
                format!("({name})({})", places.join(", ")),
                vec![element; kind.lanes],
            )
        }
        2 | 3 => {
            let lanes: String = (0..kind.lanes)
                .map(|_| random.below(from.lanes).to_string())
                .collect();
            (format!("($0).s{lanes}"), vec![from])
        }
        _ if kind.lanes != 3 && from.lanes != 3 => {
            let mask = kind.unsigned();
            // Other bits do not count, but not every implementation knows.
            let lanes = all(mask, from.lanes as u64 - 1);
            let both = all(mask, 2 * from.lanes as u64 - 1);
            if random.chance(50) {
                (format!("shuffle($0, ($1 & {lanes}))"), vec![from, mask])
            } else {
                (
                    format!("shuffle2($0, $1, ($2 & {both}))"),
                    vec![from, from, mask],
                )
            }
        }
        _ => return None,
    })
}

/// Some operation whose result is of type `float`. A whole number stays one, and a small one small
/// enough to be exact: products are of clamped operands.
pub(super) fn float(random: &mut Random) -> Operation {
    let small = |operand: &str| format!("clamp({operand}, -64.0f, 64.0f)");
    match random.below(12) {
        0 | 1 => binary(FLOAT, "($0 + $1)"),
        2 | 3 => binary(FLOAT, "($0 - $1)"),
        4 => binary(FLOAT, format!("({} * {})", small("$0"), small("$1"))),
        5 => (
            format!("fma({}, {}, $2)", small("$0"), small("$1")),
            vec![FLOAT; 3],
        ),
        6 => binary(FLOAT, "fmin($0, $1)"),
        7 => binary(FLOAT, "fmax($0, $1)"),
        8 => ("fabs($0)".to_owned(), vec![FLOAT]),
        9 => {
            let name = random.pick(&["floor", "ceil", "trunc", "rint"]);
            (format!("{name}(($0 * 0.5f))"), vec![FLOAT])
        }
        10 => ("($0 ? $1 : $2)".to_owned(), vec![INT, FLOAT, FLOAT]),
        _ => {
            let from = Type::random_integer(random);
            ("convert_float($0 & 127)".to_owned(), vec![from])
        }
    }
}
