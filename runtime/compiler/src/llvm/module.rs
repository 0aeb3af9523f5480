#![allow(unsafe_code)]

use std::ffi::{c_char, CStr};

use llvm_sys::analysis::{LLVMVerifierFailureAction, LLVMVerifyModule};
use llvm_sys::core::*;
use llvm_sys::prelude::*;
use llvm_sys::target::*;
use llvm_sys::transforms::pass_builder::*;

use super::context::c_string;
use super::{llvm, Builder, Context, TargetMachine, Type, Value};

/// What a cache line is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// To be read.
    Read = 0,
    /// To be written.
    Write = 1,
}

/// Text that LLVM allocated.
#[derive(Debug)]
pub struct OwnedMessage(*mut c_char);

impl OwnedMessage {
    /// Takes over what an LLVM function returned; null counts as empty.
    pub(super) fn new(raw: *mut c_char) -> Self {
        Self(raw)
    }
}

impl std::fmt::Display for OwnedMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_null() {
            return Ok(());
        }
        let text = llvm!(CStr::from_ptr(self.0));
        f.write_str(&text.to_string_lossy())
    }
}

impl Drop for OwnedMessage {
    fn drop(&mut self) {
        if !self.0.is_null() {
            llvm!(LLVMDisposeMessage(self.0));
        }
    }
}

/// An LLVM module; disposed on drop. It keeps its context alive.
#[derive(Debug)]
pub struct Module {
    raw: LLVMModuleRef,
    context: Context,
}

impl Drop for Module {
    fn drop(&mut self) {
        llvm!(LLVMDisposeModule(self.raw));
    }
}

impl std::fmt::Display for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        OwnedMessage::new(llvm!(LLVMPrintModuleToString(self.raw))).fmt(f)
    }
}

impl Module {
    pub(super) fn new(raw: LLVMModuleRef, context: Context) -> Self {
        Self { raw, context }
    }

    /// The C API's pointer.
    pub fn raw(&self) -> LLVMModuleRef {
        self.raw
    }

    /// Gives the module up without disposing it, for C functions that take it over.
    pub fn into_raw(self) -> (LLVMModuleRef, Context) {
        let module = std::mem::ManuallyDrop::new(self);
        // The extra clone keeps the context's count right, because `module` is never dropped.
        let context = llvm!(std::ptr::read(&module.context));
        (module.raw, context)
    }

    /// The strings of each node of the module's metadata with this name.
    pub fn metadata_strings(&self, name: &str) -> Vec<Vec<String>> {
        let name = c_string(name);
        let count = llvm!(LLVMGetNamedMetadataNumOperands(self.raw, name.as_ptr()));
        let mut raw = vec![std::ptr::null_mut(); count as usize];
        llvm!(LLVMGetNamedMetadataOperands(
            self.raw,
            name.as_ptr(),
            raw.as_mut_ptr()
        ));
        let nodes = raw.into_iter().filter_map(Value::nullable);
        nodes.map(Value::metadata_strings).collect()
    }

    /// The module's context.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The module as bitcode.
    pub fn to_bitcode(&self) -> Vec<u8> {
        let buffer = llvm!(llvm_sys::bit_writer::LLVMWriteBitcodeToMemoryBuffer(
            self.raw
        ));
        let start: *const u8 = llvm!(LLVMGetBufferStart(buffer)).cast();
        let len = llvm!(LLVMGetBufferSize(buffer));
        let bytes = llvm!(std::slice::from_raw_parts(start, len)).to_vec();
        llvm!(LLVMDisposeMemoryBuffer(buffer));
        bytes
    }

    /// An independent copy in the same context.
    pub fn duplicate(&self) -> Module {
        Module::new(llvm!(LLVMCloneModule(self.raw)), self.context.clone())
    }

    /// Checks the module.
    ///
    /// # Errors
    /// The verifier's findings.
    pub fn verify(&self) -> Result<(), String> {
        let mut message = std::ptr::null_mut();
        let broken = llvm!(LLVMVerifyModule(
            self.raw,
            LLVMVerifierFailureAction::LLVMReturnStatusAction,
            &mut message
        ));
        let message = OwnedMessage::new(message);
        if broken == 0 {
            Ok(())
        } else {
            Err(message.to_string())
        }
    }

    /// Runs a textual pass pipeline (`opt -passes` syntax).
    ///
    /// # Errors
    /// The pipeline does not parse or a pass failed.
    pub fn run_passes(&self, pipeline: &str, machine: &TargetMachine) -> Result<(), String> {
        self.run_passes_with(pipeline, machine, true)
    }

    /// [`Module::run_passes`] with LLVM's own vectorisers on or off.
    ///
    /// # Errors
    /// The pipeline does not parse or a pass failed.
    pub fn run_passes_with(
        &self,
        pipeline: &str,
        machine: &TargetMachine,
        vectorize: bool,
    ) -> Result<(), String> {
        let pipeline = c_string(pipeline);
        let options = llvm!(LLVMCreatePassBuilderOptions());
        let flag = i32::from(vectorize);
        llvm!(LLVMPassBuilderOptionsSetLoopVectorization(options, flag));
        llvm!(LLVMPassBuilderOptionsSetSLPVectorization(options, flag));
        llvm!(LLVMPassBuilderOptionsSetLoopInterleaving(options, flag));
        let error = llvm!(LLVMRunPasses(
            self.raw,
            pipeline.as_ptr(),
            machine.raw(),
            options
        ));
        llvm!(LLVMDisposePassBuilderOptions(options));
        if error.is_null() {
            return Ok(());
        }
        let text = llvm!(llvm_sys::error::LLVMGetErrorMessage(error));
        let message = llvm!(CStr::from_ptr(text)).to_string_lossy().into_owned();
        llvm!(llvm_sys::error::LLVMDisposeErrorMessage(text));
        Err(message)
    }

    /// Removes all debug information.
    pub fn strip_debug_info(&self) {
        llvm!(llvm_sys::debuginfo::LLVMStripModuleDebugInfo(self.raw));
    }

    /// Sets the target triple.
    pub fn set_triple(&self, triple: &str) {
        let triple = c_string(triple);
        llvm!(LLVMSetTarget(self.raw, triple.as_ptr()));
    }

    /// The target triple.
    pub fn triple(&self) -> String {
        llvm!(CStr::from_ptr(LLVMGetTarget(self.raw)))
            .to_string_lossy()
            .into_owned()
    }

    /// Sets the data layout string.
    pub fn set_data_layout(&self, layout: &str) {
        let layout = c_string(layout);
        llvm!(LLVMSetDataLayout(self.raw, layout.as_ptr()));
    }

    /// The data layout string.
    pub fn data_layout(&self) -> String {
        llvm!(CStr::from_ptr(LLVMGetDataLayoutStr(self.raw)))
            .to_string_lossy()
            .into_owned()
    }

    /// Bytes between two elements of `of` in an array.
    pub fn size_of(&self, of: Type) -> u64 {
        llvm!(LLVMABISizeOfType(LLVMGetModuleDataLayout(self.raw), of.0))
    }

    /// Bytes a store of `of` writes.
    pub fn store_size_of(&self, of: Type) -> u64 {
        llvm!(LLVMStoreSizeOfType(LLVMGetModuleDataLayout(self.raw), of.0))
    }

    /// Alignment of `of` in bytes.
    pub fn alignment_of(&self, of: Type) -> u32 {
        llvm!(LLVMABIAlignmentOfType(
            LLVMGetModuleDataLayout(self.raw),
            of.0
        ))
    }

    /// Functions, declarations included, in module order.
    pub fn functions(&self) -> Vec<Value> {
        let mut found = Vec::new();
        let mut next = llvm!(LLVMGetFirstFunction(self.raw));
        while !next.is_null() {
            found.push(Value(next));
            next = llvm!(LLVMGetNextFunction(next));
        }
        found
    }

    /// Global variables, declarations included, in module order.
    pub fn globals(&self) -> Vec<Value> {
        let mut found = Vec::new();
        let mut next = llvm!(LLVMGetFirstGlobal(self.raw));
        while !next.is_null() {
            found.push(Value(next));
            next = llvm!(LLVMGetNextGlobal(next));
        }
        found
    }

    /// A function by name.
    pub fn function(&self, name: &str) -> Option<Value> {
        let name = c_string(name);
        Value::nullable(llvm!(LLVMGetNamedFunction(self.raw, name.as_ptr())))
    }

    /// A global variable by name.
    pub fn global(&self, name: &str) -> Option<Value> {
        let name = c_string(name);
        Value::nullable(llvm!(LLVMGetNamedGlobal(self.raw, name.as_ptr())))
    }

    /// Adds a function without a body.
    pub fn add_function(&self, name: &str, signature: Type) -> Value {
        let name = c_string(name);
        Value(llvm!(LLVMAddFunction(self.raw, name.as_ptr(), signature.0)))
    }

    /// The function of this name, added with `signature` if the module has none.
    pub fn declare(&self, name: &str, signature: Type) -> Value {
        self.function(name)
            .unwrap_or_else(|| self.add_function(name, signature))
    }

    /// Asks for the cache line of an address, as data that are needed soon.
    pub fn prefetch(&self, builder: &Builder, address: Value, purpose: Purpose) {
        let flag = |value| self.context().constant(32, value);
        let arguments = [address, flag(purpose as u64), flag(3), flag(1)];
        if let Some(prefetch) = self.intrinsic("llvm.prefetch", &[address.ty()]) {
            builder.call(prefetch, &arguments);
        }
    }

    /// Declaration of an overloaded intrinsic such as `llvm.umin` for `overloads`.
    pub fn intrinsic(&self, name: &str, overloads: &[Type]) -> Option<Value> {
        let id = llvm!(LLVMLookupIntrinsicID(name.as_ptr().cast(), name.len()));
        if id == 0 {
            return None;
        }
        let mut raw: Vec<_> = overloads.iter().map(|overload| overload.0).collect();
        Value::nullable(llvm!(LLVMGetIntrinsicDeclaration(
            self.raw,
            id,
            raw.as_mut_ptr(),
            raw.len()
        )))
    }

    /// Adds a global variable in an address space, without initialiser.
    pub fn add_global(&self, name: &str, of: Type, address_space: u32) -> Value {
        let name = c_string(name);
        Value(llvm!(LLVMAddGlobalInAddressSpace(
            self.raw,
            of.0,
            name.as_ptr(),
            address_space
        )))
    }
}
