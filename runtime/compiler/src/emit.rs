//! Optimisation, object code, and the JIT that gives it addresses.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};

use llvm_sys::core::LLVMCreateMemoryBufferWithMemoryRangeCopy;
use llvm_sys::error::{LLVMDisposeErrorMessage, LLVMErrorRef, LLVMGetErrorMessage};
use llvm_sys::orc2::lljit::*;
use llvm_sys::orc2::*;

use crate::error::Error;
use crate::frontend::protected;
use crate::host_math;
use crate::llvm::{Module, TargetMachine};

/// LLVM's pipeline. Its loop vectoriser works on the innermost loop over work-items.
const OPTIMISE: &str = "default<O2>";

/// Optimises a module for the host and compiles it to an object file.
///
/// # Errors
/// [`Error::Internal`] when LLVM fails.
pub fn object(module: &Module, machine: &TargetMachine) -> Result<Vec<u8>, Error> {
    protected(|| {
        module.run_passes(OPTIMISE, machine)?;
        machine.emit_object(module)
    })?
    .map_err(Error::Internal)
}

/// The code and data of one executable.
#[derive(Debug)]
pub struct Jit {
    raw: LLVMOrcLLJITRef,
}

// SAFETY: ORC's LLJIT locks its session; all calls used here may come from any thread.
unsafe impl Send for Jit {}
// SAFETY: as for `Send`.
unsafe impl Sync for Jit {}

impl Jit {
    /// An empty JIT that knows the host functions of [`host_math`] and no other name of the
    /// process.
    ///
    /// # Errors
    /// [`Error::Internal`] when LLVM fails.
    pub fn new() -> Result<Self, Error> {
        // `TargetMachine::host` also initialises the target, which LLJIT needs.
        TargetMachine::host().map_err(Error::Internal)?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: a null builder asks for the defaults; `raw` is set on success.
        check(unsafe { LLVMOrcCreateLLJIT(&mut raw, std::ptr::null_mut()) })?;
        let jit = Self { raw };
        let mut symbols: Vec<_> = host_math::host_functions()
            .into_iter()
            .filter_map(|function| {
                let name = CString::new(function.name).ok()?;
                Some(LLVMOrcCSymbolMapPair {
                    // SAFETY: the JIT is live; the returned entry is consumed by the symbol map.
                    Name: unsafe { LLVMOrcLLJITMangleAndIntern(raw, name.as_ptr()) },
                    Sym: LLVMJITEvaluatedSymbol {
                        Address: function.address as u64,
                        Flags: LLVMJITSymbolFlags {
                            GenericFlags:
                                LLVMJITSymbolGenericFlags::LLVMJITSymbolGenericFlagsExported as u8,
                            TargetFlags: 0,
                        },
                    },
                })
            })
            .collect();
        // SAFETY: the pairs are consumed by the unit, the unit by the library.
        check(unsafe {
            let unit = LLVMOrcAbsoluteSymbols(symbols.as_mut_ptr(), symbols.len());
            LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(raw), unit)
        })?;
        Ok(jit)
    }

    /// Adds an object file.
    ///
    /// # Errors
    /// [`Error::Internal`] when it defines a name twice.
    pub fn add(&self, object: &[u8]) -> Result<(), Error> {
        // SAFETY: the bytes are copied; the JIT takes the buffer over, whatever it returns.
        check(unsafe {
            let buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(
                object.as_ptr().cast(),
                object.len(),
                c"kernel".as_ptr(),
            );
            LLVMOrcLLJITAddObjectFile(self.raw, LLVMOrcLLJITGetMainJITDylib(self.raw), buffer)
        })
    }

    /// Address of a symbol; links what it needs.
    ///
    /// # Errors
    /// [`Error::Internal`] when it, or something it refers to, is not defined.
    pub fn address(&self, symbol: &str) -> Result<u64, Error> {
        let name = CString::new(symbol).map_err(|error| Error::Internal(error.to_string()))?;
        let mut address = 0;
        // SAFETY: the JIT is live and the name zero-terminated.
        check(unsafe { LLVMOrcLLJITLookup(self.raw, &mut address, name.as_ptr()) })?;
        Ok(address)
    }
}

impl Drop for Jit {
    fn drop(&mut self) {
        // SAFETY: nobody runs code of the executable any more; that is what unloading means.
        let _ = check(unsafe { LLVMOrcDisposeLLJIT(self.raw) });
    }
}

fn check(error: LLVMErrorRef) -> Result<(), Error> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: a live error is consumed by taking its message, which is freed once.
    unsafe {
        let message = LLVMGetErrorMessage(error);
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        LLVMDisposeErrorMessage(message);
        Err(Error::Internal(text))
    }
}
