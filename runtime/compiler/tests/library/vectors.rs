//! Vector overloads do to each component what the scalar overload does.

use crate::jit::{defined_symbols, mangled, Builtins, POINTER_ROOM};
use crate::parameters::{parse, Parameter};
use crate::random::Random;

/// Builtins whose result is not made component by component, tested elsewhere.
const OTHER: &[&str] = &[
    "any",
    "all",
    "dot",
    "cross",
    "shuffle",
    "shuffle2",
    "distance",
    "length",
    "normalize",
    "fast_distance",
    "fast_length",
    "fast_normalize",
    "prefetch",
    "async_work_group_copy",
    "async_work_group_strided_copy",
    "wait_group_events",
    "sub_group_broadcast",
    "sub_group_non_uniform_broadcast",
];

fn relational(name: &str) -> bool {
    name.starts_with("is") || name == "signbit"
}

/// One call on random arguments compared with a scalar call for each component.
fn compare(
    builtins: &Builtins,
    symbol: &str,
    scalar: &str,
    (name, parameters): (&str, &[Parameter]),
    result_sizes: (usize, usize),
    random: &mut Random,
) -> Result<(), String> {
    let width = parameters.iter().map(|p| p.width).max().unwrap_or(1);
    let mut arguments: Vec<Vec<u8>> = Vec::new();
    for parameter in parameters {
        if !parameter.pointer.is_empty() {
            arguments.push(vec![0; POINTER_ROOM]);
            continue;
        }
        let mut bytes = Vec::new();
        for _ in 0..parameter.width {
            let mut bits = random.number(parameter.code);
            // Scalars are selected by any bit, components by the highest one: use both or none.
            if name == "select" && parameters.len() == arguments.len() + 1 {
                bits = if bits & 1 == 0 { 0 } else { u64::MAX };
            }
            bytes.extend_from_slice(&bits.to_le_bytes()[..parameter.size()]);
        }
        arguments.push(bytes);
    }
    let scalars: Vec<Vec<Vec<u8>>> = (0..width)
        .map(|lane| {
            let part = |(parameter, bytes): (&Parameter, &Vec<u8>)| {
                if !parameter.pointer.is_empty() || parameter.width == 1 {
                    return bytes.clone();
                }
                bytes[lane * parameter.size()..][..parameter.size()].to_vec()
            };
            parameters.iter().zip(&arguments).map(part).collect()
        })
        .collect();
    let mut result = vec![0; result_sizes.0];
    let mut slices: Vec<&mut [u8]> = arguments.iter_mut().map(Vec::as_mut_slice).collect();
    builtins.get(symbol).call(&mut slices, &mut result);
    let size = result_sizes.0 / width;
    for (lane, mut one) in scalars.into_iter().enumerate() {
        let shown = format!("{one:x?}");
        let mut expected = vec![0; result_sizes.1];
        let mut slices: Vec<&mut [u8]> = one.iter_mut().map(Vec::as_mut_slice).collect();
        builtins.get(scalar).call(&mut slices, &mut expected);
        if relational(name) {
            let truth = expected[0] != 0;
            expected = vec![if truth { 0xff } else { 0 }; size];
        }
        let same = |a: &[u8], b: &[u8]| a == b || (both_nan(a) && both_nan(b));
        let got = &result[lane * size..][..size];
        if !same(got, &expected) {
            return Err(format!(
                "{symbol} lane {lane} of {shown}: {got:x?}, not {expected:x?}"
            ));
        }
        for (index, parameter) in parameters.iter().enumerate() {
            if !parameter.pointer.is_empty() {
                let size = parameter.size();
                let got = &arguments[index][lane * size..][..size];
                if !same(got, &one[index][..size]) {
                    return Err(format!("{symbol} lane {lane} of {shown}: pointer {got:x?}"));
                }
            }
        }
    }
    Ok(())
}

/// Whether the bytes could be a NaN; integers of the same pattern only weaken the comparison.
fn both_nan(bytes: &[u8]) -> bool {
    match *bytes {
        [a, b] => u16::from_le_bytes([a, b]) & 0x7fff > 0x7c00,
        [a, b, c, d] => f32::from_le_bytes([a, b, c, d]).is_nan(),
        [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]).is_nan(),
        _ => false,
    }
}

#[test]
fn components_are_computed_like_scalars() {
    let mut pairs = Vec::new();
    let symbols = defined_symbols();
    for symbol in &symbols {
        let Some((name, parameters)) = parse(symbol) else {
            continue;
        };
        let width = parameters.iter().map(|p| p.width).max().unwrap_or(1);
        let other = OTHER.contains(&name)
            || ["convert_", "vload", "vstore"]
                .iter()
                .any(|family| name.starts_with(family));
        // The macros for 2, 4 and 8 are parts of the one for 16; one function shows it.
        let chosen = width == 3 || width == 16 || (width > 1 && name == "fma");
        if other || !chosen {
            continue;
        }
        let codes: String = parameters
            .iter()
            .map(|p| format!("{}{}", p.pointer, p.code))
            .collect::<String>()
            .replace('x', "Dh");
        pairs.push((
            symbol.clone(),
            mangled(name, &codes),
            name.to_owned(),
            parameters,
        ));
    }
    assert!(pairs.len() > 900, "{}", pairs.len());
    let wanted = pairs
        .iter()
        .flat_map(|(vector, scalar, ..)| [vector, scalar]);
    let mut wanted: Vec<&String> = wanted.collect();
    wanted.sort();
    wanted.dedup();
    let builtins = Builtins::new(wanted);
    let mut random = Random::new(1);
    let mut failures = Vec::new();
    for (vector, scalar, name, parameters) in &pairs {
        let sizes = (
            builtins.get(vector).result_size(),
            builtins.get(scalar).result_size(),
        );
        for _ in 0..8 {
            let outcome = compare(
                &builtins,
                vector,
                scalar,
                (name, parameters),
                sizes,
                &mut random,
            );
            failures.extend(outcome.err());
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures: {:#?}",
        failures.len(),
        &failures[..failures.len().min(20)]
    );
}
