//! Which undefined functions later stages replace, and how to name the others to people.

use crate::host_math;
use crate::llvm::Module;
use crate::sub_group;

/// Builtins that the compiler lowers itself; every overload of each.
const LOWERED: &[&str] = &[
    "barrier",
    "work_group_barrier",
    "mem_fence",
    "read_mem_fence",
    "write_mem_fence",
    "get_work_dim",
    "get_global_size",
    "get_global_id",
    "get_local_size",
    "get_enqueued_local_size",
    "get_local_id",
    "get_num_groups",
    "get_group_id",
    "get_global_offset",
    "get_global_linear_id",
    "get_local_linear_id",
    "get_fence",
    "to_global",
    "to_local",
    "to_private",
];

/// Builtin families that the compiler lowers itself.
const LOWERED_FAMILIES: &[&str] = &["atomic_", "atom_", "work_group_"];

/// Functions without mangling that the compiler lowers itself.
const LOWERED_PLAIN: &[&str] = &["printf", "__to_global", "__to_local", "__to_private"];

/// Whether a later stage or the host provides the function.
pub fn is_handled_later(symbol: &str) -> bool {
    if sub_group::is_function(symbol)
        || LOWERED_PLAIN.contains(&symbol)
        || host_math::host_functions()
            .iter()
            .any(|function| function.name == symbol)
    {
        return true;
    }
    base_name(symbol).is_some_and(|name| {
        LOWERED.contains(&name)
            || LOWERED_FAMILIES
                .iter()
                .any(|family| name.starts_with(family))
    })
}

/// `foo` for `_Z3fooi`: the name as it stands in the source.
pub fn source_name(symbol: &str) -> String {
    base_name(symbol).unwrap_or(symbol).to_owned()
}

/// What the shim noted of a name, as clang would say it, with the place in the source.
pub fn message(module: &Module, kind: &str, name: &str) -> Option<String> {
    let mut notes = module.metadata_strings(kind).into_iter();
    let note = notes.find(|note| note.first().is_some_and(|of| of == name))?;
    note.into_iter().nth(1)
}

fn base_name(symbol: &str) -> Option<&str> {
    let rest = symbol.strip_prefix("_Z")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit())?;
    let (length, name) = rest.split_at(digits);
    name.get(..length.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtins_are_handled_and_other_names_are_not() {
        for name in [
            "_Z13get_global_idj",
            "printf",
            "_Z10atomic_addPU3AS1Vii",
            "_Z7barrierj",
            "isocl_host_tgamma",
        ] {
            assert!(is_handled_later(name), "{name}");
        }
        for name in ["foo", "_Z3fooi", "_Z11get_global_f", "_Z", "_Z99x"] {
            assert!(!is_handled_later(name), "{name}");
        }
        assert_eq!(source_name("_Z3fooi"), "foo");
    }
}
