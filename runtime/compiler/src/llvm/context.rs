#![allow(unsafe_code)]

use std::ffi::CString;
use std::rc::Rc;

use llvm_sys::core::*;
use llvm_sys::prelude::*;

use super::{llvm, Block, Builder, Module, OwnedMessage, Type, Value};

/// Owner of one `LLVMContext`.
#[derive(Debug)]
struct Owned {
    raw: LLVMContextRef,
}

impl Drop for Owned {
    fn drop(&mut self) {
        llvm!(LLVMContextDispose(self.raw));
    }
}

extern "C" fn ignore_diagnostic(_: LLVMDiagnosticInfoRef, _: *mut std::ffi::c_void) {}

/// An LLVM context: one per compilation, so compilations run in parallel.
///
/// Clones name the same context; it is disposed with the last clone or module.
#[derive(Debug, Clone)]
pub struct Context {
    owned: Rc<Owned>,
}

/// A metadata node or string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata(pub(super) LLVMMetadataRef);

/// An attribute of a function, argument or call.
#[derive(Debug, Clone, Copy)]
pub struct Attribute(pub(super) LLVMAttributeRef);

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl Context {
    /// A fresh context whose diagnostics (LLVM would print them) are dropped.
    pub fn new() -> Self {
        let raw = llvm!(LLVMContextCreate());
        llvm!(LLVMContextSetDiagnosticHandler(
            raw,
            Some(ignore_diagnostic),
            std::ptr::null_mut()
        ));
        Self {
            owned: Rc::new(Owned { raw }),
        }
    }

    /// A context in which instructions and blocks have no names, which take time to keep unique.
    pub fn without_names() -> Self {
        let context = Self::new();
        llvm!(LLVMContextSetDiscardValueNames(context.owned.raw, 1));
        context
    }

    /// The C API's pointer.
    pub fn raw(&self) -> LLVMContextRef {
        self.owned.raw
    }

    /// An empty module.
    pub fn module(&self, name: &str) -> Module {
        let name = c_string(name);
        let raw = llvm!(LLVMModuleCreateWithNameInContext(name.as_ptr(), self.raw()));
        Module::new(raw, self.clone())
    }

    /// Takes ownership of a module that was made in this context.
    ///
    /// # Safety
    /// `raw` is a live module of this context and nobody else disposes it.
    pub unsafe fn adopt(&self, raw: LLVMModuleRef) -> Module {
        Module::new(raw, self.clone())
    }

    /// Parses textual IR.
    ///
    /// # Errors
    /// The parser's message.
    pub fn parse_ir(&self, text: &str) -> Result<Module, String> {
        let text = c_string(text);
        let length = text.as_bytes().len();
        // The parser takes the buffer over, whatever it finds.
        let buffer = llvm!(LLVMCreateMemoryBufferWithMemoryRangeCopy(
            text.as_ptr(),
            length,
            c"ir".as_ptr()
        ));
        let mut raw = std::ptr::null_mut();
        let mut message = std::ptr::null_mut();
        let failed = llvm!(llvm_sys::ir_reader::LLVMParseIRInContext(
            self.raw(),
            buffer,
            &mut raw,
            &mut message
        ));
        if failed != 0 {
            return Err(OwnedMessage::new(message).to_string());
        }
        Ok(Module::new(raw, self.clone()))
    }

    /// Parses bitcode.
    ///
    /// # Errors
    /// A message; the bytes are no bitcode of this LLVM.
    pub fn parse_bitcode(&self, bytes: &[u8]) -> Result<Module, String> {
        let buffer = llvm!(LLVMCreateMemoryBufferWithMemoryRangeCopy(
            bytes.as_ptr().cast(),
            bytes.len(),
            c"bitcode".as_ptr()
        ));
        let mut raw = std::ptr::null_mut();
        let failed = llvm!(llvm_sys::bit_reader::LLVMParseBitcodeInContext2(
            self.raw(),
            buffer,
            &mut raw
        ));
        llvm!(LLVMDisposeMemoryBuffer(buffer));
        if failed != 0 {
            return Err("the bitcode cannot be read".to_owned());
        }
        Ok(Module::new(raw, self.clone()))
    }

    /// Reads bitcode as [`Context::parse_bitcode`] does, but function bodies only when they are
    /// needed, as by linking.
    ///
    /// # Errors
    /// A short text when the bytes are not valid bitcode.
    pub fn parse_bitcode_lazily(&self, bytes: &'static [u8]) -> Result<Module, String> {
        self.parse_buffer_lazily(llvm!(LLVMCreateMemoryBufferWithMemoryRange(
            bytes.as_ptr().cast(),
            bytes.len(),
            c"bitcode".as_ptr(),
            0
        )))
    }

    /// [`Context::parse_bitcode_lazily`] for bytes that may be gone before the module: it copies
    /// them.
    ///
    /// # Errors
    /// A short text when the bytes are not valid bitcode.
    pub fn parse_bitcode_copy_lazily(&self, bytes: &[u8]) -> Result<Module, String> {
        self.parse_buffer_lazily(llvm!(LLVMCreateMemoryBufferWithMemoryRangeCopy(
            bytes.as_ptr().cast(),
            bytes.len(),
            c"bitcode".as_ptr()
        )))
    }

    fn parse_buffer_lazily(&self, buffer: LLVMMemoryBufferRef) -> Result<Module, String> {
        let mut raw = std::ptr::null_mut();
        // On success the module owns the buffer.
        let failed = llvm!(llvm_sys::bit_reader::LLVMGetBitcodeModuleInContext2(
            self.raw(),
            buffer,
            &mut raw
        ));
        if failed != 0 {
            llvm!(LLVMDisposeMemoryBuffer(buffer));
            return Err("the bitcode cannot be read".to_owned());
        }
        Ok(Module::new(raw, self.clone()))
    }

    /// A builder without a position.
    pub fn builder(&self) -> Builder {
        Builder::new(self.clone())
    }

    /// `void`
    pub fn void(&self) -> Type {
        Type(llvm!(LLVMVoidTypeInContext(self.raw())))
    }

    /// Integer type of `bits` bits.
    pub fn int(&self, bits: u32) -> Type {
        Type(llvm!(LLVMIntTypeInContext(self.raw(), bits)))
    }

    /// `half`, `float` or `double` by size in bits.
    pub fn float(&self, bits: u32) -> Type {
        Type(match bits {
            16 => llvm!(LLVMHalfTypeInContext(self.raw())),
            32 => llvm!(LLVMFloatTypeInContext(self.raw())),
            _ => llvm!(LLVMDoubleTypeInContext(self.raw())),
        })
    }

    /// Pointer type of an address space.
    pub fn pointer(&self, address_space: u32) -> Type {
        Type(llvm!(LLVMPointerTypeInContext(self.raw(), address_space)))
    }

    /// Anonymous structure type.
    pub fn structure(&self, members: &[Type], packed: bool) -> Type {
        let mut raw: Vec<_> = members.iter().map(|member| member.0).collect();
        Type(llvm!(LLVMStructTypeInContext(
            self.raw(),
            raw.as_mut_ptr(),
            raw.len() as u32,
            i32::from(packed)
        )))
    }

    /// Integer constant; `value` is truncated to the type.
    pub fn constant(&self, bits: u32, value: u64) -> Value {
        self.int(bits).constant(value)
    }

    /// A block at the end of `function`.
    pub fn append_block(&self, function: Value, name: &str) -> Block {
        let name = c_string(name);
        Block(llvm!(LLVMAppendBasicBlockInContext(
            self.raw(),
            function.0,
            name.as_ptr()
        )))
    }

    /// A block in front of `before`.
    pub fn insert_block(&self, before: Block, name: &str) -> Block {
        let name = c_string(name);
        Block(llvm!(LLVMInsertBasicBlockInContext(
            self.raw(),
            before.0,
            name.as_ptr()
        )))
    }

    /// An attribute LLVM knows by name, for example `alwaysinline`, with its number (0 if none).
    pub fn enum_attribute(&self, name: &str, number: u64) -> Attribute {
        let kind = llvm!(LLVMGetEnumAttributeKindForName(
            name.as_ptr().cast(),
            name.len()
        ));
        Attribute(llvm!(LLVMCreateEnumAttribute(self.raw(), kind, number)))
    }

    /// The attribute that says that a 64-bit parameter is below `limit`.
    pub fn range_attribute(&self, limit: u64) -> Attribute {
        let kind = llvm!(LLVMGetEnumAttributeKindForName(c"range".as_ptr(), 5));
        Attribute(llvm!(LLVMCreateConstantRangeAttribute(
            self.raw(),
            kind,
            64,
            [0].as_ptr(),
            [limit].as_ptr()
        )))
    }

    /// A string attribute, for example `target-cpu`.
    pub fn string_attribute(&self, name: &str, value: &str) -> Attribute {
        Attribute(llvm!(LLVMCreateStringAttribute(
            self.raw(),
            name.as_ptr().cast(),
            name.len() as u32,
            value.as_ptr().cast(),
            value.len() as u32
        )))
    }

    /// Number of a metadata kind such as `noalias`.
    pub fn metadata_kind(&self, name: &str) -> u32 {
        llvm!(LLVMGetMDKindIDInContext(
            self.raw(),
            name.as_ptr().cast(),
            name.len() as u32
        ))
    }

    /// A metadata tuple.
    pub fn metadata_node(&self, operands: &[Metadata]) -> Metadata {
        let mut raw: Vec<_> = operands.iter().map(|operand| operand.0).collect();
        Metadata(llvm!(LLVMMDNodeInContext2(
            self.raw(),
            raw.as_mut_ptr(),
            raw.len()
        )))
    }

    /// A metadata string.
    pub fn metadata_string(&self, text: &str) -> Metadata {
        Metadata(llvm!(LLVMMDStringInContext2(
            self.raw(),
            text.as_ptr().cast(),
            text.len()
        )))
    }

    /// What says of a branch how often it goes to each successor, in some unit.
    pub fn branch_weights(&self, weights: [u32; 2]) -> Value {
        let weights = weights.map(|weight| self.number_as_metadata(weight));
        let kind = self.metadata_string("branch_weights");
        self.metadata_value(self.metadata_node(&[kind, weights[0], weights[1]]))
    }

    /// What says of an access that nobody will use its memory soon.
    pub fn nontemporal(&self) -> Value {
        self.metadata_value(self.metadata_node(&[self.number_as_metadata(1)]))
    }

    fn number_as_metadata(&self, number: u32) -> Metadata {
        let number = self.constant(32, u64::from(number));
        Metadata(llvm!(LLVMValueAsMetadata(number.0)))
    }

    /// A metadata node as the value that instructions take.
    pub fn metadata_value(&self, node: Metadata) -> Value {
        Value(llvm!(LLVMMetadataAsValue(self.raw(), node.0)))
    }

    /// A node without operands that equals no other.
    ///
    /// The C API cannot make one, so textual IR does.
    pub fn distinct_empty_node(&self) -> Metadata {
        let name = c"node";
        let module = self.parse_ir("!node = !{!0}\n!0 = distinct !{}");
        let Ok(module) = module else {
            return self.metadata_node(&[]);
        };
        let mut value = std::ptr::null_mut();
        llvm!(LLVMGetNamedMetadataOperands(
            module.raw(),
            name.as_ptr(),
            &mut value
        ));
        Metadata(llvm!(LLVMValueAsMetadata(value)))
    }

    /// A node whose first operand is itself, so it equals no other: `!0 = !{!0, ...}`.
    pub fn distinct_node(&self, operands: &[Metadata]) -> Metadata {
        let placeholder = Metadata(llvm!(llvm_sys::debuginfo::LLVMTemporaryMDNode(
            self.raw(),
            std::ptr::null_mut(),
            0
        )));
        let mut all = vec![placeholder];
        all.extend_from_slice(operands);
        let node = self.metadata_node(&all);
        llvm!(llvm_sys::debuginfo::LLVMMetadataReplaceAllUsesWith(
            placeholder.0,
            node.0
        ));
        node
    }
}

/// LLVM's names have no interior NUL; what follows one is cut off.
pub(super) fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}
