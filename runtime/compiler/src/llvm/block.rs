#![allow(unsafe_code)]

use std::ffi::CStr;

use llvm_sys::core::*;
use llvm_sys::prelude::*;
use llvm_sys::LLVMOpcode;

use super::context::c_string;
use super::{llvm, Value};

/// A basic block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block(pub LLVMBasicBlockRef);

impl Block {
    /// The block as an operand of its predecessors' terminators.
    pub fn as_value(self) -> Value {
        Value(llvm!(LLVMBasicBlockAsValue(self.0)))
    }

    /// Name of the block; may be empty.
    pub fn name(self) -> String {
        llvm!(CStr::from_ptr(LLVMGetBasicBlockName(self.0)))
            .to_string_lossy()
            .into_owned()
    }

    /// Renames the block.
    pub fn set_name(self, name: &str) {
        let name = c_string(name);
        let value = llvm!(LLVMBasicBlockAsValue(self.0));
        llvm!(LLVMSetValueName2(
            value,
            name.as_ptr(),
            name.as_bytes().len()
        ));
    }

    /// Instructions in order.
    pub fn instructions(self) -> Vec<Value> {
        let mut found = Vec::new();
        let mut next = llvm!(LLVMGetFirstInstruction(self.0));
        while !next.is_null() {
            found.push(Value(next));
            next = llvm!(LLVMGetNextInstruction(next));
        }
        found
    }

    /// First instruction.
    pub fn first_instruction(self) -> Option<Value> {
        Value::nullable(llvm!(LLVMGetFirstInstruction(self.0)))
    }

    /// The leading phis.
    pub fn phis(self) -> Vec<Value> {
        let mut found = Vec::new();
        let mut next = self.first_instruction();
        while let Some(instruction) = next {
            if instruction.opcode() != Some(LLVMOpcode::LLVMPHI) {
                break;
            }
            found.push(instruction);
            next = instruction.next_instruction();
        }
        found
    }

    /// The first instruction that is no phi.
    pub fn first_non_phi(self) -> Option<Value> {
        let mut next = self.first_instruction();
        while let Some(instruction) = next {
            if instruction.opcode() != Some(LLVMOpcode::LLVMPHI) {
                return Some(instruction);
            }
            next = instruction.next_instruction();
        }
        None
    }

    /// The terminator; `None` while the block is under construction.
    pub fn terminator(self) -> Option<Value> {
        Value::nullable(llvm!(LLVMGetBasicBlockTerminator(self.0)))
    }

    /// Blocks this one may go to, duplicates kept.
    pub fn successors(self) -> Vec<Block> {
        self.terminator().map(Value::successors).unwrap_or_default()
    }

    /// The function of the block.
    pub fn function(self) -> Value {
        Value(llvm!(LLVMGetBasicBlockParent(self.0)))
    }

    /// Moves the block behind `other`.
    pub fn move_after(self, other: Block) {
        llvm!(LLVMMoveBasicBlockAfter(self.0, other.0));
    }

    /// Deletes the block with its instructions; nothing may branch to it.
    pub fn erase(self) {
        llvm!(LLVMDeleteBasicBlock(self.0));
    }
}
