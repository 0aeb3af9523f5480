#![allow(unsafe_code)]

use std::ffi::CStr;
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use llvm_sys::core::*;
use llvm_sys::prelude::{LLVMMemoryBufferRef, LLVMModuleRef};
use llvm_sys::support::LLVMParseCommandLineOptions;
use llvm_sys::target::*;
use llvm_sys::target_machine::*;

use super::context::c_string;
use super::{llvm, Module, OwnedMessage};

/// How code is generated. The numbers are those of `shim/emit.cpp`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emission {
    /// With everything that LLVM can.
    Usual = 0,
    /// Without what takes time that grows with the square of a module's size.
    Huge = 1,
    /// In the least time.
    Plain = 2,
}

extern "C" {
    fn isocl_emit(
        target: LLVMTargetMachineRef,
        module: LLVMModuleRef,
        emission: Emission,
    ) -> LLVMMemoryBufferRef;
}

/// Generates code for one processor.
#[derive(Debug)]
pub struct TargetMachine {
    raw: Raw,
    is_host: bool,
}

#[derive(Debug, Clone, Copy)]
struct Raw(LLVMTargetMachineRef);

// SAFETY: a machine knows nothing of threads, and belongs to one `TargetMachine` or to none.
unsafe impl Send for Raw {}

/// Machines for the host that nobody uses. What LLVM works out for a processor takes as long as the
/// code of a small kernel, and machines keep it.
static IDLE: Mutex<Vec<Raw>> = Mutex::new(Vec::new());

/// Machines that may be idle.
const MOST_IDLE: usize = 8;

impl Drop for TargetMachine {
    fn drop(&mut self) {
        if self.is_host {
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MOST_IDLE {
                return idle.push(self.raw);
            }
        }
        llvm!(LLVMDisposeTargetMachine(self.raw()));
    }
}

/// Registers the target of this processor. Two threads that did so at once would make a circle of LLVM's list
/// of targets, which the next search for one never leaves: everybody calls this.
pub fn initialize_native_target() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        llvm!(LLVM_InitializeNativeTarget());
        llvm!(LLVM_InitializeNativeAsmPrinter());
        // What takes long in large functions, or for all code, and finds nothing to do where work-items
        // run in lanes: domains of masks are right from the start, addresses are simple, selections
        // under masks are no conditional moves, and sums have the order that the program gives them.
        #[cfg(target_arch = "x86_64")]
        {
            let arguments = [
                c"isocl",
                c"-disable-x86-domain-reassignment",
                c"-disable-lsr",
                c"-x86-cmov-converter=0",
                c"-x86-machine-combiner=0",
            ]
            .map(CStr::as_ptr);
            let count = arguments.len() as i32;
            let overview = std::ptr::null();
            llvm!(LLVMParseCommandLineOptions(
                count,
                arguments.as_ptr(),
                overview
            ));
        }
    });
}

/// Triple, name and features of the processor this program runs on.
fn host_names() -> &'static [String; 3] {
    // Asking the processor takes long on virtual machines.
    static HOST: OnceLock<[String; 3]> = OnceLock::new();
    HOST.get_or_init(|| {
        [
            OwnedMessage::new(llvm!(LLVMGetDefaultTargetTriple())).to_string(),
            OwnedMessage::new(llvm!(LLVMGetHostCPUName())).to_string(),
            OwnedMessage::new(llvm!(LLVMGetHostCPUFeatures())).to_string(),
        ]
    })
}

impl TargetMachine {
    /// The processor this program runs on, with every feature it has.
    ///
    /// # Errors
    /// LLVM was built without this processor.
    pub fn host() -> Result<Self, String> {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(raw) = idle {
            return Ok(Self { raw, is_host: true });
        }
        let [triple, cpu, features] = host_names();
        let mut machine = Self::new(triple, cpu, features)?;
        machine.is_host = true;
        Ok(machine)
    }

    /// As [`Self::host`], for modules that hold nothing but data: nothing is optimised.
    ///
    /// # Errors
    /// LLVM was built without this processor.
    pub fn for_data() -> Result<Self, String> {
        let [triple, cpu, features] = host_names();
        Self::of(
            triple,
            cpu,
            features,
            LLVMCodeGenOptLevel::LLVMCodeGenLevelNone,
        )
    }

    /// A processor by LLVM's names; code is position independent and optimised.
    ///
    /// # Errors
    /// LLVM does not know the triple.
    pub fn new(triple: &str, cpu: &str, features: &str) -> Result<Self, String> {
        Self::of(
            triple,
            cpu,
            features,
            LLVMCodeGenOptLevel::LLVMCodeGenLevelDefault,
        )
    }

    fn of(
        triple: &str,
        cpu: &str,
        features: &str,
        level: LLVMCodeGenOptLevel,
    ) -> Result<Self, String> {
        initialize_native_target();
        let (triple, cpu, features) = (c_string(triple), c_string(cpu), c_string(features));
        let mut target = std::ptr::null_mut();
        let mut message = std::ptr::null_mut();
        let failed = llvm!(LLVMGetTargetFromTriple(
            triple.as_ptr(),
            &mut target,
            &mut message
        ));
        if failed != 0 {
            return Err(OwnedMessage::new(message).to_string());
        }
        let raw = llvm!(LLVMCreateTargetMachine(
            target,
            triple.as_ptr(),
            cpu.as_ptr(),
            features.as_ptr(),
            level,
            LLVMRelocMode::LLVMRelocPIC,
            LLVMCodeModel::LLVMCodeModelDefault
        ));
        if raw.is_null() {
            return Err("LLVM made no target machine".to_owned());
        }
        Ok(Self {
            raw: Raw(raw),
            is_host: false,
        })
    }

    /// The C API's pointer.
    pub fn raw(&self) -> LLVMTargetMachineRef {
        self.raw.0
    }

    /// Target triple.
    pub fn triple(&self) -> String {
        OwnedMessage::new(llvm!(LLVMGetTargetMachineTriple(self.raw()))).to_string()
    }

    /// Processor name.
    pub fn cpu(&self) -> String {
        OwnedMessage::new(llvm!(LLVMGetTargetMachineCPU(self.raw()))).to_string()
    }

    /// Processor features, `+name` and `-name` separated by commas.
    pub fn features(&self) -> String {
        OwnedMessage::new(llvm!(LLVMGetTargetMachineFeatureString(self.raw()))).to_string()
    }

    /// Whether the processor has a feature, by LLVM's name for it.
    pub fn has(&self, feature: &str) -> bool {
        let features = self.features();
        features
            .split(',')
            .any(|one| one.strip_prefix('+') == Some(feature))
    }

    /// Data layout string.
    pub fn data_layout(&self) -> String {
        let data = llvm!(LLVMCreateTargetDataLayout(self.raw()));
        let text = OwnedMessage::new(llvm!(LLVMCopyStringRepOfTargetData(data))).to_string();
        llvm!(LLVMDisposeTargetData(data));
        text
    }

    /// The module as an object file.
    ///
    /// # Errors
    /// The code generator's message.
    pub fn emit_object(&self, module: &Module, emission: Emission) -> Result<Vec<u8>, String> {
        let buffer = llvm!(isocl_emit(self.raw(), module.raw(), emission));
        if buffer.is_null() {
            return Err("LLVM emits no objects for this target".to_owned());
        }
        let start: *const u8 = llvm!(LLVMGetBufferStart(buffer)).cast();
        let len = llvm!(LLVMGetBufferSize(buffer));
        let bytes = llvm!(std::slice::from_raw_parts(start, len)).to_vec();
        llvm!(LLVMDisposeMemoryBuffer(buffer));
        Ok(bytes)
    }

    /// LLVM's version as it reports it, for example `19.1.7`.
    pub fn llvm_version() -> String {
        let (mut major, mut minor, mut patch) = (0, 0, 0);
        llvm!(LLVMGetVersion(&mut major, &mut minor, &mut patch));
        format!("{major}.{minor}.{patch}")
    }
}
