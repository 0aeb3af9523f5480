//! Replaces calls of builtins that are not library code: atomics, fences, `printf`, and questions
//! about address spaces. Work-item functions, barriers and collectives have stages of their own.

use crate::builtin_name::BuiltinName;
use crate::llvm::{Module, Value};
use crate::{address_space_query, atomic, printf};

/// Rewrites `function`, into which everything is inlined.
///
/// # Errors
/// A sentence about a call that cannot be lowered.
pub fn lower(module: &Module, function: Value) -> Result<(), String> {
    for call in function.instructions() {
        let Some(callee) = call
            .called_function()
            .filter(|callee| callee.is_declaration())
        else {
            continue;
        };
        let symbol = callee.name();
        let replacement = match symbol.as_str() {
            "printf" => Some(printf::lower(module, function, call)?),
            "__to_global" | "__to_local" | "__to_private" => {
                Some(address_space_query::lower(module, call, &symbol))
            }
            _ => match BuiltinName::parse(&symbol) {
                Some(name) if name.name == "get_fence" => {
                    Some(address_space_query::lower(module, call, "get_fence"))
                }
                Some(name) => atomic::lower(module, call, &name)?,
                None => None,
            },
        };
        if let Some(replacement) = replacement {
            if let Some(value) = replacement {
                call.replace_all_uses(value);
            }
            call.erase();
        }
    }
    Ok(())
}
