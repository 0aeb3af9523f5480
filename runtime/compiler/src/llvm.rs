//! Thin wrappers over the LLVM C API.
//!
//! [`Context`] and [`Module`] own what they name; [`Type`], [`Value`] and [`Block`] are plain
//! copies of LLVM's pointers. Every stage keeps one rule, on which the safety of this module
//! rests: **a type, value or block is used only while its module lives and before it is erased,
//! and never together with one of another context.** A module keeps its context alive.

#![allow(unsafe_code)]

mod block;
mod builder;
mod context;
mod flags;
mod machine;
mod module;
mod types;
mod value;

pub use block::Block;
pub use builder::Builder;
pub use context::{Attribute, Context, Metadata};
pub use machine::{initialize_native_target, Emission, TargetMachine};
pub use module::{Module, OwnedMessage, Purpose};
pub use types::Type;
pub use value::Value;

pub use llvm_sys::{
    LLVMAtomicOrdering as AtomicOrdering, LLVMAtomicRMWBinOp as AtomicOperation,
    LLVMIntPredicate as IntPredicate, LLVMLinkage as Linkage, LLVMOpcode as Opcode,
    LLVMRealPredicate as RealPredicate, LLVMTypeKind as TypeKind,
};

/// One call into LLVM's C API.
macro_rules! llvm {
    ($call:expr) => {{
        // SAFETY: the rule at the top of the `llvm` module: every pointer passed is a live object
        // of one context, and its kind is what the C function asks for.
        unsafe { $call }
    }};
}
use llvm;

/// Address spaces of the `spir64` triple, kept through the whole compiler.
pub mod address_space {
    /// `private`
    pub const PRIVATE: u32 = 0;
    /// `global`
    pub const GLOBAL: u32 = 1;
    /// `constant`
    pub const CONSTANT: u32 = 2;
    /// `local`
    pub const LOCAL: u32 = 3;
    /// `generic`
    pub const GENERIC: u32 = 4;
}
