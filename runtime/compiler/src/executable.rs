//! Executables: program-scope variables in memory, and kernels compiled when they are asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use isocl_compiler_interface::message::{BinaryKind, Executable, Kernel, KernelCode};

use crate::emit::{self, Effort, Jit};
use crate::error::Error;
use crate::frontend::protected;
use crate::llvm::{address_space, Context, Linkage, Module, TargetMachine, Value};
use crate::{binary, lower, metadata};

/// A loaded executable.
struct Loaded {
    bitcode: Vec<u8>,
    kernels: Vec<Kernel>,
    code: Vec<OnceLock<Result<KernelCode, Error>>>,
    jit: Jit,
}

/// All loaded executables of the process by number.
#[derive(Default)]
struct Table {
    next: u64,
    loaded: HashMap<u64, Arc<Loaded>>,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

fn with_table<R>(use_table: impl FnOnce(&mut Table) -> R) -> R {
    use_table(
        TABLE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_default(),
    )
}

/// Makes an executable ready to run.
///
/// # Errors
/// [`Error::Binary`] when the bytes are no executable, [`Error::Internal`].
pub fn load(bytes: &[u8]) -> Result<Executable, Error> {
    let (kind, bitcode) = binary::decode(bytes)?;
    if kind != BinaryKind::Executable {
        return Err(Error::Binary(
            "the binary is not linked to an executable".to_owned(),
        ));
    }
    let context = Context::new();
    let module = context.parse_bitcode(bitcode).map_err(Error::Binary)?;
    let kernels = metadata::kernels(&module)?;
    let jit = Jit::new()?;
    let global_variable_bytes = place_variables(&module, &jit)?;
    let code = kernels.iter().map(|_| OnceLock::new()).collect();
    let loaded = Arc::new(Loaded {
        bitcode: bitcode.to_vec(),
        kernels: kernels.clone(),
        code,
        jit,
    });
    let id = with_table(|table| {
        table.next += 1;
        table.loaded.insert(table.next, loaded);
        table.next
    });
    Ok(Executable {
        id,
        kernels,
        global_variable_bytes,
    })
}

/// Frees an executable.
///
/// # Errors
/// [`Error::Internal`] when there is no such executable.
pub fn unload(id: u64) -> Result<(), Error> {
    match with_table(|table| table.loaded.remove(&id)) {
        Some(_) => Ok(()),
        None => Err(unknown(id)),
    }
}

/// Code of a kernel, compiled on the first call.
///
/// # Errors
/// [`Error::Internal`] when there is no such kernel or code generation fails.
pub fn kernel(id: u64, index: u32) -> Result<KernelCode, Error> {
    let loaded = with_table(|table| table.loaded.get(&id).cloned()).ok_or_else(|| unknown(id))?;
    let (Some(kernel), Some(code)) = (
        loaded.kernels.get(index as usize),
        loaded.code.get(index as usize),
    ) else {
        return Err(Error::Internal(format!(
            "executable {id} has no kernel {index}"
        )));
    };
    code.get_or_init(|| loaded.compile(kernel)).clone()
}

fn unknown(id: u64) -> Error {
    Error::Internal(format!("there is no executable {id}"))
}

impl Loaded {
    fn compile(&self, kernel: &Kernel) -> Result<KernelCode, Error> {
        let machine = TargetMachine::host().map_err(Error::Internal)?;
        let context = Context::new();
        let module = context
            .parse_bitcode(&self.bitcode)
            .map_err(Error::Internal)?;
        keep_constants_private(&module);
        for variable in shared_variables(&module) {
            variable.set_initializer(None);
            variable.set_linkage(Linkage::LLVMExternalLinkage);
        }
        for function in module.functions() {
            if metadata::is_kernel(function) && function.name() != kernel.name {
                function.set_linkage(Linkage::LLVMInternalLinkage);
            }
        }
        let lowered =
            protected(|| lower::lower(&module, &kernel.name, &kernel.arguments, &machine))?
                .map_err(|reason| Error::Internal(format!("kernel {}: {reason}", kernel.name)))?;
        self.jit
            .add(&emit::object(&module, &machine, Effort::Full)?)?;
        Ok(KernelCode {
            entry: self.jit.address(&lowered.entry_symbol)?,
            local_bytes: lowered.local_bytes,
            context_bytes_per_work_item: lowered.context_bytes_per_work_item,
            context_bytes_per_group: lowered.context_bytes_per_group,
            private_bytes: lowered.private_bytes,
            stack_bytes: lowered.stack_bytes,
        })
    }
}

/// Program-scope variables in the global address space: one copy for all kernels. Constants are
/// copied into each kernel instead, where their values are known.
fn shared_variables(module: &Module) -> Vec<Value> {
    let mut variables = module.globals();
    variables.retain(|variable| {
        variable.ty().address_space() == address_space::GLOBAL
            && !variable.name().starts_with("llvm.")
    });
    variables
}

/// Every kernel has its own copy of the constants, so their names must not meet in the JIT.
fn keep_constants_private(module: &Module) {
    for variable in module.globals() {
        if variable.ty().address_space() == address_space::CONSTANT && !variable.is_declaration() {
            variable.set_linkage(Linkage::LLVMInternalLinkage);
        }
    }
}

/// Gives the program-scope variables memory; returns their size in bytes.
fn place_variables(module: &Module, jit: &Jit) -> Result<u64, Error> {
    let variables = shared_variables(module);
    if variables.is_empty() {
        return Ok(0);
    }
    let machine = TargetMachine::host().map_err(Error::Internal)?;
    let copy = module.duplicate();
    copy.set_triple(&machine.triple());
    copy.set_data_layout(&machine.data_layout());
    for function in copy.functions() {
        if !function.is_declaration() {
            function.set_linkage(Linkage::LLVMInternalLinkage);
        }
    }
    keep_constants_private(&copy);
    let mut bytes = 0;
    for variable in shared_variables(&copy) {
        variable.set_linkage(Linkage::LLVMExternalLinkage);
        bytes += copy.size_of(variable.value_type());
    }
    copy.strip_debug_info();
    copy.run_passes("globaldce", &machine)
        .map_err(Error::Internal)?;
    jit.add(&emit::object(&copy, &machine, Effort::Little)?)?;
    Ok(bytes)
}
