#![allow(unsafe_code)]

use llvm_sys::core::*;
use llvm_sys::prelude::*;
use llvm_sys::LLVMTypeKind;

use super::{llvm, OwnedMessage, Value};

/// An LLVM type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Type(pub LLVMTypeRef);

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        OwnedMessage::new(llvm!(LLVMPrintTypeToString(self.0))).fmt(f)
    }
}

impl Type {
    /// Which kind of type this is.
    pub fn kind(self) -> LLVMTypeKind {
        llvm!(LLVMGetTypeKind(self.0))
    }

    /// Width of an integer type in bits; 0 for other types.
    pub fn int_bits(self) -> u32 {
        if self.kind() == LLVMTypeKind::LLVMIntegerTypeKind {
            llvm!(LLVMGetIntTypeWidth(self.0))
        } else {
            0
        }
    }

    /// Width of an integer, `half`, `float` or `double` in bits; 0 for other types.
    pub fn scalar_bits(self) -> u32 {
        match self.kind() {
            LLVMTypeKind::LLVMHalfTypeKind => 16,
            LLVMTypeKind::LLVMFloatTypeKind => 32,
            LLVMTypeKind::LLVMDoubleTypeKind => 64,
            _ => self.int_bits(),
        }
    }

    /// Whether this is a pointer type.
    pub fn is_pointer(self) -> bool {
        self.kind() == LLVMTypeKind::LLVMPointerTypeKind
    }

    /// Whether this is `void`.
    pub fn is_void(self) -> bool {
        self.kind() == LLVMTypeKind::LLVMVoidTypeKind
    }

    /// Whether this is a fixed-length vector type.
    pub fn is_vector(self) -> bool {
        self.kind() == LLVMTypeKind::LLVMVectorTypeKind
    }

    /// Whether this is `half`, `float` or `double`.
    pub fn is_float(self) -> bool {
        matches!(
            self.kind(),
            LLVMTypeKind::LLVMHalfTypeKind
                | LLVMTypeKind::LLVMFloatTypeKind
                | LLVMTypeKind::LLVMDoubleTypeKind
        )
    }

    /// Address space of a pointer type.
    pub fn address_space(self) -> u32 {
        llvm!(LLVMGetPointerAddressSpace(self.0))
    }

    /// Element type of an array or vector type.
    pub fn element(self) -> Type {
        Type(llvm!(LLVMGetElementType(self.0)))
    }

    /// Element count of a vector type.
    pub fn vector_len(self) -> u32 {
        llvm!(LLVMGetVectorSize(self.0))
    }

    /// Element count of an array type.
    pub fn array_len(self) -> u64 {
        llvm!(LLVMGetArrayLength2(self.0))
    }

    /// Member types of a structure type.
    pub fn members(self) -> Vec<Type> {
        let count = llvm!(LLVMCountStructElementTypes(self.0));
        (0..count)
            .map(|index| Type(llvm!(LLVMStructGetTypeAtIndex(self.0, index))))
            .collect()
    }

    /// Array type with `len` elements of this type.
    pub fn array(self, len: u64) -> Type {
        Type(llvm!(LLVMArrayType2(self.0, len)))
    }

    /// Vector type with `len` elements of this type.
    pub fn vector(self, len: u32) -> Type {
        Type(llvm!(LLVMVectorType(self.0, len)))
    }

    /// Whether this is a structure type.
    pub fn is_structure(self) -> bool {
        self.kind() == LLVMTypeKind::LLVMStructTypeKind
    }

    /// Function type that returns this type.
    pub fn function(self, parameters: &[Type], variadic: bool) -> Type {
        let mut raw: Vec<_> = parameters.iter().map(|parameter| parameter.0).collect();
        Type(llvm!(LLVMFunctionType(
            self.0,
            raw.as_mut_ptr(),
            raw.len() as u32,
            i32::from(variadic)
        )))
    }

    /// Return type of a function type.
    pub fn return_type(self) -> Type {
        Type(llvm!(LLVMGetReturnType(self.0)))
    }

    /// Parameter types of a function type.
    pub fn parameters(self) -> Vec<Type> {
        let count = llvm!(LLVMCountParamTypes(self.0));
        let mut raw = vec![std::ptr::null_mut(); count as usize];
        llvm!(LLVMGetParamTypes(self.0, raw.as_mut_ptr()));
        raw.into_iter().map(Type).collect()
    }

    /// Integer constant of this type, truncated.
    pub fn constant(self, value: u64) -> Value {
        Value(llvm!(LLVMConstInt(self.0, value, 0)))
    }

    /// Floating-point constant of this type.
    pub fn real_constant(self, value: f64) -> Value {
        Value(llvm!(LLVMConstReal(self.0, value)))
    }

    /// Zero, null or all-zero constant of this type.
    pub fn zero(self) -> Value {
        Value(llvm!(LLVMConstNull(self.0)))
    }

    /// `undef` of this type.
    pub fn undef(self) -> Value {
        Value(llvm!(LLVMGetUndef(self.0)))
    }

    /// `poison` of this type.
    pub fn poison(self) -> Value {
        Value(llvm!(LLVMGetPoison(self.0)))
    }

    /// The element type of a vector type, or the type itself.
    pub fn scalar(self) -> Type {
        if self.is_vector() {
            self.element()
        } else {
            self
        }
    }

    /// `element`, a constant of the scalar type, in every element if this is a vector type.
    pub fn splat(self, element: Value) -> Value {
        if self.is_vector() {
            let elements = vec![element; self.vector_len() as usize];
            element.ty().constant_vector(&elements)
        } else {
            element
        }
    }

    /// Constant vector of the given constants, which all have this type.
    pub fn constant_vector(self, elements: &[Value]) -> Value {
        let mut raw: Vec<_> = elements.iter().map(|element| element.0).collect();
        Value(llvm!(LLVMConstVector(raw.as_mut_ptr(), raw.len() as u32)))
    }

    /// Name of a target extension type such as `spirv.Event`, if this is one.
    pub fn target_extension_name(self) -> Option<String> {
        (self.kind() == LLVMTypeKind::LLVMTargetExtTypeKind).then(|| {
            let text = self.to_string();
            text.split('"').nth(1).unwrap_or_default().to_owned()
        })
    }
}
