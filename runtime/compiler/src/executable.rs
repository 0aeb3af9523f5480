//! Executables: program-scope variables in memory, and kernels compiled when they are asked for.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use isocl_compiler_interface::message::{
    decode, encode, BinaryKind, Executable, Kernel, KernelCode,
};
use isocl_compiler_interface::rows::Rows;
use serde::{Deserialize, Serialize};

use crate::ahead::{self, Compiling, Demand};
use crate::cache::{self, Key};
use crate::emit::{self, Effort, Jit};
use crate::error::Error;
use crate::lanes::{self, Lanes};
use crate::llvm::{address_space, Context, Emission, Linkage, Module, TargetMachine, Value};
use crate::lower::Lowered;
use crate::recovery::isolated;
use crate::{binary, frontend, lower, metadata, size_budget, sub_group};

/// A loaded executable.
pub(crate) struct Loaded {
    bitcode: Vec<u8>,
    kernels: Vec<LoadedKernel>,
    jit: Jit,
    demand: Mutex<Demand>,
}

/// A kernel and its code.
struct LoadedKernel {
    definition: Kernel,
    /// Its work-items do things with others of their sub-group.
    sub_groups: bool,
    /// It is compiled in a moment.
    brief: bool,
    /// Code by the way that work-items run.
    code: Mutex<HashMap<Option<Lanes>, Arc<Code>>>,
}

/// Compiled by whoever makes the entry; others wait.
type Code = OnceLock<Result<KernelCode, Error>>;

/// A kernel to be compiled ahead of its first launch.
pub(crate) struct Ahead {
    index: usize,
    lanes: Option<Lanes>,
    code: Arc<Code>,
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

/// Local sizes of a kernel that get code of their own.
const MOST_SIZES: usize = 8;

/// What there is to know of an executable before it is loaded.
#[derive(Serialize, Deserialize)]
struct Contents {
    kernels: Vec<Kernel>,
    /// Names of the kernels whose work-items do things with others of their sub-group.
    with_sub_groups: HashSet<String>,
    /// Names of the kernels that are compiled in a moment.
    brief: HashSet<String>,
    /// Object file of the shared variables, if there are any.
    variables: Option<Vec<u8>>,
    global_variable_bytes: u64,
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
    let key = Key::new("executable", &[bitcode]);
    let kept = cache::get(&key).and_then(|kept| decode::<Contents>(&kept).ok());
    let (contents, jit) = isolated(|| {
        let contents = match kept {
            Some(contents) => contents,
            None => {
                let contents = Contents::of(bitcode)?;
                cache::put(&key, encode(&contents).unwrap_or_default());
                contents
            }
        };
        let jit = Jit::new()?;
        if let Some(variables) = &contents.variables {
            jit.add(variables)?;
        }
        Ok((contents, jit))
    })??;
    let kernels = contents.kernels;
    let loaded = kernels.iter().map(|definition| LoadedKernel {
        definition: definition.clone(),
        sub_groups: contents.with_sub_groups.contains(&definition.name),
        brief: contents.brief.contains(&definition.name),
        code: Mutex::default(),
    });
    let loaded = Arc::new(Loaded {
        bitcode: bitcode.to_vec(),
        kernels: loaded.collect(),
        jit,
        demand: Mutex::default(),
    });
    let id = with_table(|table| {
        table.next += 1;
        table.loaded.insert(table.next, loaded);
        table.next
    });
    Ok(Executable {
        id,
        kernels,
        global_variable_bytes: contents.global_variable_bytes,
    })
}

impl Contents {
    fn of(bitcode: &[u8]) -> Result<Self, Error> {
        let context = Context::new();
        let module = context.parse_bitcode(bitcode).map_err(Error::Binary)?;
        let kernels = metadata::kernels(&module)?;
        let with_sub_groups = sub_group::users(&module);
        let brief = kernels.iter().filter(|kernel| {
            let function = module.function(&kernel.name);
            function.is_some_and(size_budget::is_brief)
        });
        let brief = brief.map(|kernel| kernel.name.clone()).collect();
        let (variables, global_variable_bytes) = object_of_variables(&module)?;
        Ok(Self {
            kernels,
            with_sub_groups,
            brief,
            variables,
            global_variable_bytes,
        })
    }
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

/// Code of a kernel for some kind of launches, compiled on the first call.
///
/// # Errors
/// [`Error::Internal`] when there is no such kernel or code generation fails.
pub fn kernel(id: u64, index: u32, rows: Rows) -> Result<KernelCode, Error> {
    let loaded = loaded(id)?;
    let lanes = loaded.lanes(index as usize, rows)?;
    let (code, is_begun) = loaded.begin(index as usize, lanes)?;
    let _compiling = (!is_begun).then(Compiling::begin);
    loaded.demand().asked(index as usize, lanes, rows);
    ahead::look(&loaded);
    loaded.finish(index as usize, lanes, &code)
}

/// Code of a kernel for launches of some kind with one local size, once it is there; it is compiled
/// meanwhile, as soon as there is a processor for it. Where such code is not worth its time, that for
/// all local sizes.
///
/// # Errors
/// As [`kernel`].
pub fn kernel_for_size(
    id: u64,
    index: u32,
    rows: Rows,
    local_size: [u64; 3],
) -> Result<Option<KernelCode>, Error> {
    let loaded = loaded(id)?;
    let Some(lanes) = loaded.lanes_for_size(index as usize, rows, local_size)? else {
        return kernel(id, index, rows).map(Some);
    };
    match loaded.there_is(index as usize, lanes)? {
        Some(Ok(code)) => Ok(Some(code)),
        Some(Err(_)) => kernel(id, index, rows).map(Some),
        None => {
            loaded.demand().wanted(index as usize, lanes);
            ahead::look(&loaded);
            Ok(None)
        }
    }
}

/// A way to run work-items as a part of a symbol.
fn name_of(lanes: Option<Lanes>) -> String {
    let Some(lanes) = lanes else {
        return "alone".to_owned();
    };
    let part = |name: &'static str, is: bool| if is { name } else { "" };
    let size = lanes.local_size;
    let size = size.map_or(String::new(), |[x, y, z]| format!("s{x}x{y}x{z}"));
    format!(
        "{}x{}{}{}{}{}{}{}{size}",
        lanes.width,
        lanes.rows,
        "d".repeat(lanes.doublings as usize),
        part("w", lanes.whole),
        part("r", lanes.rest),
        part("l", lanes.is_line),
        part("u", lanes.is_uniform),
        part("n", lanes.streams)
    )
}

fn loaded(id: u64) -> Result<Arc<Loaded>, Error> {
    with_table(|table| table.loaded.get(&id).cloned()).ok_or_else(|| unknown(id))
}

fn unknown(id: u64) -> Error {
    Error::Internal(format!("there is no executable {id}"))
}

/// Object code of one kernel, and what is to be known to call it.
#[derive(Serialize, Deserialize)]
struct Compiled {
    object: Vec<u8>,
    lowered: Lowered,
}

impl Loaded {
    fn kernel(&self, index: usize) -> Result<&LoadedKernel, Error> {
        let missing = || Error::Internal(format!("the executable has no kernel {index}"));
        self.kernels.get(index).ok_or_else(missing)
    }

    fn demand(&self) -> MutexGuard<'_, Demand> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How launches with such rows run.
    fn lanes(&self, index: usize, rows: Rows) -> Result<Option<Lanes>, Error> {
        let natural = lanes::natural_width()?;
        // All sub-groups of a kernel have one size.
        Ok(if self.kernel(index)?.sub_groups {
            Some(Lanes::any(natural))
        } else {
            Lanes::for_rows(rows, natural)
        })
    }

    /// How launches with such rows and one local size run, if code for that pays.
    fn lanes_for_size(
        &self,
        index: usize,
        rows: Rows,
        local_size: [u64; 3],
    ) -> Result<Option<Lanes>, Error> {
        let kernel = self.kernel(index)?;
        let lanes = self.lanes(index, rows)?.map(|lanes| Lanes {
            local_size: Some(local_size),
            ..lanes
        });
        let all = kernel.code.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one_size = |lanes: &&Option<Lanes>| lanes.is_some_and(|it| it.local_size.is_some());
        let may_be =
            all.contains_key(&lanes) || all.keys().filter(of_one_size).count() < MOST_SIZES;
        Ok(lanes.filter(|_| may_be))
    }

    /// Code that was compiled, if it was.
    fn there_is(
        &self,
        index: usize,
        lanes: Lanes,
    ) -> Result<Option<Result<KernelCode, Error>>, Error> {
        let code = &self.kernel(index)?.code;
        let all = code.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(all.get(&Some(lanes)).and_then(|code| code.get().cloned()))
    }

    /// The place of a kernel's code, and whether somebody had it before.
    fn begin(&self, index: usize, lanes: Option<Lanes>) -> Result<(Arc<Code>, bool), Error> {
        let code = &self.kernel(index)?.code;
        let mut all = code.lock().unwrap_or_else(PoisonError::into_inner);
        let is_begun = all.contains_key(&lanes);
        Ok((Arc::clone(all.entry(lanes).or_default()), is_begun))
    }

    /// The code that belongs to a place, compiled if nobody else does.
    fn finish(&self, index: usize, lanes: Option<Lanes>, code: &Code) -> Result<KernelCode, Error> {
        let kernel = self.kernel(index)?;
        code.get_or_init(|| {
            self.code_of(kernel, lanes)
                .map_err(|reason| reason.about(&format!("kernel {}", kernel.definition.name)))
        })
        .clone()
    }

    /// What to compile ahead of its first launch, if anything.
    pub(crate) fn next_ahead(&self) -> Option<Ahead> {
        let mut demand = self.demand();
        while let Some((index, lanes)) = demand.next_wanted() {
            let lanes = Some(lanes);
            if let Ok((code, false)) = self.begin(index, lanes) {
                return Some(Ahead { index, lanes, code });
            }
        }
        let order = demand.order(self.kernels.len());
        order
            .filter(|index| self.kernels[*index].brief)
            .find_map(|index| {
                let rows = demand.rows_of(self.kernels[index].definition.required_work_group_size);
                let lanes = self.lanes(index, rows).ok()?;
                let (code, is_begun) = self.begin(index, lanes).ok()?;
                (!is_begun).then(|| {
                    demand.ahead(index, lanes);
                    Ahead { index, lanes, code }
                })
            })
    }

    /// Compiles ahead. A failure is told to who asks.
    pub(crate) fn compile_ahead(&self, ahead: &Ahead) {
        let _ = self.finish(ahead.index, ahead.lanes, &ahead.code);
    }

    /// Code of a kernel, from earlier work if there was some.
    fn code_of(&self, kernel: &LoadedKernel, lanes: Option<Lanes>) -> Result<KernelCode, Error> {
        let definition = &kernel.definition;
        // Code for other ways may be there, or come.
        let symbol = format!("isocl_entry_{}.{}", definition.name, name_of(lanes));
        let parts = [&self.bitcode, symbol.as_bytes()];
        let key = Key::new("kernel", &parts);
        let kept = cache::get(&key).and_then(|kept| decode::<Compiled>(&kept).ok());
        let Compiled { object, lowered } = match kept {
            Some(compiled) => compiled,
            None => {
                let compiled = self.compile(definition, lanes, &symbol)?;
                cache::put(&key, encode(&compiled).unwrap_or_default());
                compiled
            }
        };
        let entry = isolated(|| {
            self.jit.add(&object)?;
            self.jit.address(&symbol)
        })??;
        Ok(KernelCode {
            entry,
            local_bytes: lowered.local_bytes,
            context_bytes_per_work_item: lowered.context_bytes_per_work_item,
            context_bytes_per_group: lowered.context_bytes_per_group,
            private_bytes: lowered.private_bytes,
            stack_bytes: lowered.stack_bytes,
            sub_group_size: lowered.sub_group_size,
            gains_by_size: kernel.brief && lowered.gains_by_size,
            streamed_bytes: lowered.streamed_bytes,
            groups_in_any_order: lowered.groups_in_any_order,
        })
    }

    fn compile(
        &self,
        kernel: &Kernel,
        lanes: Option<Lanes>,
        symbol: &str,
    ) -> Result<Compiled, Error> {
        let compile = |lanes, optimise_vast| {
            isolated(|| self.compile_in_lanes(kernel, lanes, optimise_vast, symbol))?
        };
        let compile_somehow = |optimise_vast| match compile(lanes, optimise_vast) {
            Err(Error::NotWidened(_)) => compile(None, optimise_vast),
            compiled => compiled,
        };
        match compile_somehow(false) {
            // What LLVM does without optimising is rarely done, and may fail where all else works.
            Err(Error::Internal(_)) => compile_somehow(true),
            compiled => compiled,
        }
    }

    fn compile_in_lanes(
        &self,
        kernel: &Kernel,
        mut lanes: Option<Lanes>,
        optimise_vast: bool,
        symbol: &str,
    ) -> Result<Compiled, Error> {
        let machine = &TargetMachine::host().map_err(Error::Internal)?;
        let context = Context::without_names();
        let module = self.module_of(&context, kernel)?;
        for variable in shared_variables(&module) {
            if variable.ty().address_space() == address_space::CONSTANT {
                // The value is for the optimiser to look at; the address is that of the one copy.
                variable.set_linkage(Linkage::LLVMAvailableExternallyLinkage);
            } else {
                variable.set_initializer(None);
                variable.set_linkage(Linkage::LLVMExternalLinkage);
            }
        }
        let mut little = false;
        for function in module
            .functions()
            .into_iter()
            .filter(|f| metadata::is_kernel(*f))
        {
            if function.name() != kernel.name {
                function.set_linkage(Linkage::LLVMInternalLinkage);
            } else if function.has_attribute("optnone") {
                little = true;
                lanes = None;
            }
        }
        let (name, arguments) = (&kernel.name, &kernel.arguments);
        let lowered = lower::lower(
            &module,
            name,
            arguments,
            machine,
            lanes,
            optimise_vast,
            symbol,
        )?;
        let effort = match (lowered.has_loops, lanes) {
            _ if lowered.is_vast => Effort::None,
            _ if little => Effort::Little,
            (false, _) => Effort::Straight,
            (true, None) => Effort::Full,
            (true, Some(_)) => Effort::Quick,
        };
        Ok(Compiled {
            object: emit::object(&module, machine, effort)?,
            lowered,
        })
    }
}

impl Loaded {
    /// A module with the kernel and what it uses; the bodies of other functions are not read.
    fn module_of(&self, context: &Context, kernel: &Kernel) -> Result<Module, Error> {
        let all = context
            .parse_bitcode_copy_lazily(&self.bitcode)
            .map_err(Error::Internal)?;
        let missing = || Error::Internal(format!("kernel {} is missing", kernel.name));
        let function = all.function(&kernel.name).ok_or_else(missing)?;
        let module = context.module(&kernel.name);
        module.set_triple(&all.triple());
        module.set_data_layout(&all.data_layout());
        module.add_function(&kernel.name, function.value_type());
        frontend::link(&module, all, true)?;
        Ok(module)
    }
}

/// Variables that all kernels share because their addresses may matter: those of program scope in
/// the global and in the constant address space. What clang made up itself, such as the text of a
/// string, is private to its module, and each kernel has its own.
///
/// They get names that no function of the host has.
fn shared_variables(module: &Module) -> Vec<Value> {
    let spaces = [address_space::GLOBAL, address_space::CONSTANT];
    let mut variables = module.globals();
    variables.retain(|variable| {
        spaces.contains(&variable.ty().address_space())
            && variable.linkage() != Linkage::LLVMPrivateLinkage
            && !variable.name().starts_with("llvm.")
    });
    for variable in &variables {
        variable.set_name(&format!("isocl_variable_{}", variable.name()));
    }
    variables
}

/// Object file of the shared variables, and the size in bytes of those that are not constant.
fn object_of_variables(module: &Module) -> Result<(Option<Vec<u8>>, u64), Error> {
    let variables = shared_variables(module);
    if variables.is_empty() {
        return Ok((None, 0));
    }
    let machine = TargetMachine::for_data().map_err(Error::Internal)?;
    module.strip_debug_info();
    module.set_triple(&machine.triple());
    module.set_data_layout(&machine.data_layout());
    for function in module.functions() {
        if !function.is_declaration() {
            function.set_linkage(Linkage::LLVMInternalLinkage);
        }
    }
    let mut bytes = 0;
    for variable in variables {
        variable.set_linkage(Linkage::LLVMExternalLinkage);
        if variable.ty().address_space() == address_space::GLOBAL {
            bytes += module.size_of(variable.value_type());
        }
    }
    // No variable refers to a function, so all functions go.
    module
        .run_passes("globaldce", &machine)
        .map_err(Error::Internal)?;
    let object = machine
        .emit_object(module, Emission::Usual)
        .map_err(Error::Internal)?;
    Ok((Some(object), bytes))
}
