//! Links the builtins a program calls into it, and finds what nobody defines.

use std::collections::HashSet;

use crate::error::Error;
use crate::frontend;
use crate::library_blob::{blob_of, BLOBS};
use crate::llvm::{Linkage, Module, TargetMachine, Value};
use crate::{metadata, undefined};

/// Adds the builtins that `module` needs, and the builtins that those need.
///
/// # Errors
/// [`Error::Internal`] when the library itself is broken.
pub fn link(module: &Module) -> Result<(), Error> {
    let mut linked = HashSet::new();
    loop {
        let mut needed: Vec<usize> = declarations(module)
            .filter_map(|function| blob_of(&function.name()))
            .collect();
        needed.sort_unstable();
        needed.dedup();
        needed.retain(|blob| linked.insert(*blob));
        if needed.is_empty() {
            return Ok(());
        }
        for blob in needed {
            let bytes = BLOBS.get(blob).copied().unwrap_or_default();
            let part = module
                .context()
                .parse_bitcode_lazily(bytes)
                .map_err(Error::Internal)?;
            part.set_triple(&module.triple());
            part.set_data_layout(&module.data_layout());
            frontend::link(module, part, true)?;
        }
    }
}

/// Checks that everything that is called is defined somewhere.
///
/// # Errors
/// [`Error::Link`] with the name of every function and variable that is not, and where it is used.
pub fn check_defined(module: &Module) -> Result<(), Error> {
    let functions =
        declarations(module).filter(|function| !undefined::is_handled_later(&function.name()));
    let variables = module
        .globals()
        .into_iter()
        .filter(|variable| variable.is_declaration() && variable.is_used());
    let names: Vec<_> = functions
        .map(|function| undefined::source_name(&function.name()))
        .chain(variables.map(Value::name))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let message = |name: &String| {
        let message = undefined::message(module, "isocl.undefined", name);
        message.unwrap_or_else(|| format!("error: undefined reference to '{name}'\n"))
    };
    Err(Error::Link(names.iter().map(message).collect()))
}

/// Keeps the kernels and what they use, and nothing else.
///
/// # Errors
/// [`Error::Internal`] when LLVM refuses.
pub fn keep_kernels(module: &Module, machine: &TargetMachine) -> Result<(), Error> {
    for function in module.functions() {
        if !function.is_declaration() && !metadata::is_kernel(function) {
            function.set_linkage(Linkage::LLVMInternalLinkage);
        }
    }
    module
        .run_passes("globaldce,strip-dead-prototypes", machine)
        .map_err(Error::Internal)
}

fn declarations(module: &Module) -> impl Iterator<Item = Value> {
    module.functions().into_iter().filter(|function| {
        function.is_declaration() && function.is_used() && !function.name().starts_with("llvm.")
    })
}
