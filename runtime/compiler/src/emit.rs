//! Optimisation, object code, and the memory that code runs in.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void, CString};
use std::ptr::NonNull;

use crate::control_flow::ControlFlow;
use crate::error::Error;
use crate::frontend::take_text;
use crate::host_math;
use crate::huge_block;
use crate::llvm::{Emission, Module, TargetMachine, Value};
use crate::prepare;
use crate::size_budget;

/// LLVM's pipeline.
const OPTIMISE: &str = "default<O2>";

/// The pipeline for what leaves LLVM's vectorisers nothing to do. It was simplified before, and what
/// costs LLVM most time finds nothing.
const OPTIMISE_QUICKLY: &str = "always-inline,globaldce,function(sroa,early-cse<memssa>,\
    jump-threading,instcombine<no-verify-fixpoint>,simplifycfg,loop-simplify,lcssa,\
    loop-mssa(loop-rotate,licm),loop(loop-unroll-full),gvn,\
    instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),dse,adce,vector-combine)";

/// The pipeline for kernels that have no loops: those around work-items are simple from the start.
const OPTIMISE_STRAIGHT: &str = "always-inline,globaldce,function(sroa,early-cse<memssa>,\
    jump-threading,instcombine<no-verify-fixpoint>,simplifycfg,loop-simplify,lcssa,\
    loop-mssa(loop-rotate,licm),gvn,\
    instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),dse,adce,vector-combine)";

/// The pipeline for huge kernels: what finds something the first time is not asked again.
const OPTIMISE_HUGE: &str = "always-inline,globaldce,function(sroa,early-cse<memssa>,\
    instcombine<no-verify-fixpoint>,simplifycfg,loop-simplify,lcssa,loop-mssa(loop-rotate,licm),\
    gvn,simplifycfg,adce)";

/// The pipeline for kernels of very many loops, for which LLVM's own passes take time that grows with
/// the square of their number.
const OPTIMISE_MANY_LOOPS: &str = "always-inline,globaldce,function(sroa,early-cse<memssa>,\
    instcombine<no-verify-fixpoint>,simplifycfg,loop-simplify,lcssa,loop-mssa(licm),\
    early-cse<memssa>,simplifycfg,adce)";

/// Kernels of more instructions are huge.
const HUGE: usize = 15_000;

/// The pipeline for programs built with `-cl-opt-disable`.
const OPTIMISE_LITTLE: &str = "default<O1>";

/// How much of the optimiser to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Everything, LLVM's vectorisers too: they may find loops of the kernel.
    Full,
    /// What pays where work-items run in lanes already.
    Quick,
    /// What pays where there are no loops.
    Straight,
    /// `-cl-opt-disable`: what costs little, and no vectorising.
    Little,
    /// For what is too large: nothing.
    None,
}

/// Optimises a module for the host and compiles it to an object file.
///
/// # Errors
/// [`Error::Internal`] when LLVM fails.
pub fn object(module: &Module, machine: &TargetMachine, effort: Effort) -> Result<Vec<u8>, Error> {
    let mut functions = module.functions();
    functions.retain(|function| !function.is_declaration());
    let count = |size: fn(Value) -> usize| functions.iter().map(|one| size(*one)).sum::<usize>();
    let is_huge = count(|function| function.instructions().len()) > HUGE;
    let many_loops =
        count(|function| ControlFlow::new(function).count_loops()) > size_budget::MANY_LOOPS;
    let (pipeline, vectorize) = match effort {
        Effort::None => (prepare::INLINE_ONLY, false),
        _ if many_loops => (OPTIMISE_MANY_LOOPS, false),
        Effort::Full => (OPTIMISE, true),
        Effort::Quick | Effort::Straight if is_huge => (OPTIMISE_HUGE, false),
        Effort::Quick => (OPTIMISE_QUICKLY, false),
        Effort::Straight => (OPTIMISE_STRAIGHT, false),
        Effort::Little => (OPTIMISE_LITTLE, false),
    };
    // LLVM would use half the register on processors where a full one once cost frequency.
    let widest = if machine.has("avx512f") { "512" } else { "256" };
    let context = module.context();
    for function in functions {
        function.add_attribute(context.string_attribute("prefer-vector-width", widest));
        // With relaxed mathematics LLVM would divide by an estimate that is off by 3 ulp.
        let exact = "!divf,!vec-divf";
        function.add_attribute(context.string_attribute("reciprocal-estimates", exact));
    }
    module
        .run_passes_with(pipeline, machine, vectorize)
        .and_then(|()| huge_block::split(module))
        .and_then(|()| {
            machine.emit_object(
                module,
                match effort {
                    Effort::None => Emission::Plain,
                    _ if is_huge || many_loops => Emission::Huge,
                    _ => Emission::Usual,
                },
            )
        })
        .map_err(Error::Internal)
}

#[repr(C)]
struct Symbol {
    name: *const c_char,
    address: u64,
}

extern "C" {
    fn isocl_jit_open(symbols: *const Symbol, num_symbols: usize) -> *mut c_void;
    fn isocl_jit_add(library: *mut c_void, object: *const u8, length: usize) -> *mut c_char;
    fn isocl_jit_address(
        library: *mut c_void,
        name: *const c_char,
        address: *mut u64,
    ) -> *mut c_char;
    fn isocl_jit_close(library: *mut c_void);
}

/// The code and data of one executable.
///
/// Its code can refer to its own symbols and to the functions of [`host_math`]; no other name of
/// the process is known to it.
#[derive(Debug)]
pub struct Jit {
    library: NonNull<c_void>,
}

// SAFETY: a library belongs to an ORC session, whose functions lock it and may be called from any
// thread.
unsafe impl Send for Jit {}
// SAFETY: as for `Send`.
unsafe impl Sync for Jit {}

impl Jit {
    /// An empty one.
    ///
    /// # Errors
    /// [`Error::Internal`] when LLVM fails.
    pub fn new() -> Result<Self, Error> {
        let functions = host_math::host_functions();
        let names = functions
            .iter()
            .map(|function| CString::new(function.name))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Internal(error.to_string()))?;
        let symbols: Vec<_> = functions
            .iter()
            .zip(&names)
            .map(|(function, name)| Symbol {
                name: name.as_ptr(),
                address: function.address as u64,
            })
            .collect();
        // SAFETY: the symbols are live and so are their zero-terminated names.
        let library = unsafe { isocl_jit_open(symbols.as_ptr(), symbols.len()) };
        NonNull::new(library)
            .map(|library| Self { library })
            .ok_or_else(|| Error::Internal("no memory for code".to_owned()))
    }

    /// Adds an object file.
    ///
    /// # Errors
    /// [`Error::Internal`] when it defines a name twice.
    pub fn add(&self, object: &[u8]) -> Result<(), Error> {
        // SAFETY: the library is open; the bytes are copied.
        check(unsafe { isocl_jit_add(self.library.as_ptr(), object.as_ptr(), object.len()) })
    }

    /// Address of a symbol; links what it needs.
    ///
    /// # Errors
    /// [`Error::Internal`] when it, or something it refers to, is not defined.
    pub fn address(&self, symbol: &str) -> Result<u64, Error> {
        let name = CString::new(symbol).map_err(|error| Error::Internal(error.to_string()))?;
        let mut address = 0;
        // SAFETY: the library is open, the name zero-terminated, the address a local.
        check(unsafe { isocl_jit_address(self.library.as_ptr(), name.as_ptr(), &mut address) })?;
        Ok(address)
    }
}

impl Drop for Jit {
    fn drop(&mut self) {
        // SAFETY: opened once, closed once; nobody runs code of the executable any more, which is
        // what unloading means.
        unsafe { isocl_jit_close(self.library.as_ptr()) };
    }
}

fn check(message: *mut c_char) -> Result<(), Error> {
    if message.is_null() {
        return Ok(());
    }
    Err(Error::Internal(take_text(message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;

    fn object_of(text: &str) -> Vec<u8> {
        let machine = TargetMachine::host().unwrap();
        let context = Context::new();
        let module = context.parse_ir(text).unwrap();
        module.set_triple(&machine.triple());
        module.set_data_layout(&machine.data_layout());
        object(&module, &machine, Effort::Full).unwrap()
    }

    #[test]
    fn objects_of_one_executable_see_each_other_and_others_do_not() {
        let jit = Jit::new().unwrap();
        jit.add(&object_of("@x = global i32 41")).unwrap();
        let add = "@x = external global i32
            define i32 @f() {
              %v = load i32, ptr @x
              %s = add i32 %v, 1
              store i32 %s, ptr @x
              ret i32 %s
            }";
        jit.add(&object_of(add)).unwrap();
        let address = jit.address("f").unwrap() as usize;
        // SAFETY: `f` has this signature and its code lives as long as `jit`.
        let f = unsafe { std::mem::transmute::<usize, extern "C" fn() -> i32>(address) };
        assert_eq!((f(), f()), (42, 43));
        let x = jit.address("x").unwrap() as usize as *const i32;
        // SAFETY: `x` is an `i32` of the executable, and nobody writes to it now.
        assert_eq!(unsafe { x.read() }, 43);

        let other = Jit::new().unwrap();
        other.add(&object_of(add)).unwrap();
        let error = other.address("f").unwrap_err().to_string();
        assert!(error.contains('x'), "{error}");
    }

    #[test]
    fn host_functions_are_known_and_other_names_of_the_process_are_not() {
        let call = |name: &str| {
            let jit = Jit::new().unwrap();
            let text = format!(
                "declare double @{name}(double)
                 define double @f(double %x) {{
                   %v = call double @{name}(double %x)
                   ret double %v
                 }}"
            );
            jit.add(&object_of(&text)).unwrap();
            jit.address("f").map(|_| ())
        };
        assert_eq!(call("isocl_host_tgamma"), Ok(()));
        for foreign in ["tgamma", "getenv", "malloc"] {
            let error = call(foreign).unwrap_err().to_string();
            assert!(error.contains(foreign), "{error}");
        }
    }

    #[test]
    fn a_name_defined_twice_is_an_error() {
        let jit = Jit::new().unwrap();
        let object = object_of("define void @f() { ret void }");
        jit.add(&object).unwrap();
        let error = jit.add(&object).unwrap_err().to_string();
        assert!(error.contains('f'), "{error}");
    }
}
