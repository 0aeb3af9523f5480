#![allow(unsafe_code)]

use llvm_sys::core::*;
use llvm_sys::prelude::*;
use llvm_sys::{
    LLVMAtomicOrdering, LLVMAtomicRMWBinOp, LLVMIntPredicate, LLVMOpcode, LLVMRealPredicate,
};

use super::context::c_string;
use super::{llvm, Block, Context, Type, Value};

/// Inserts instructions.
#[derive(Debug)]
pub struct Builder {
    raw: LLVMBuilderRef,
    context: Context,
}

impl Drop for Builder {
    fn drop(&mut self) {
        llvm!(LLVMDisposeBuilder(self.raw));
    }
}

/// Two-operand instructions, one method each.
macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident => $function:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(&self, left: Value, right: Value) -> Value {
            Value(llvm!($function(self.raw, left.0, right.0, c"".as_ptr())))
        }
    )*};
}

impl Builder {
    pub(super) fn new(context: Context) -> Self {
        let raw = llvm!(LLVMCreateBuilderInContext(context.raw()));
        Self { raw, context }
    }

    /// The context the builder inserts for.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Inserts at the end of `block` from now on.
    pub fn position_at_end(&self, block: Block) {
        llvm!(LLVMPositionBuilderAtEnd(self.raw, block.0));
    }

    /// Inserts in front of `instruction` from now on.
    pub fn position_before(&self, instruction: Value) {
        llvm!(LLVMPositionBuilderBefore(self.raw, instruction.0));
    }

    /// Inserts in front of the first instruction of `block` that is no phi.
    pub fn position_after_phis(&self, block: Block) {
        match block.first_non_phi() {
            Some(instruction) => self.position_before(instruction),
            None => self.position_at_end(block),
        }
    }

    /// The block being filled.
    pub fn block(&self) -> Block {
        Block(llvm!(LLVMGetInsertBlock(self.raw)))
    }

    /// Inserts an instruction that is in no block, for example a clone.
    pub fn insert(&self, instruction: Value, name: &str) {
        let name = c_string(name);
        llvm!(LLVMInsertIntoBuilderWithName(
            self.raw,
            instruction.0,
            name.as_ptr()
        ));
    }

    /// Inserts a copy of an instruction with other operands.
    pub fn copy(&self, instruction: Value, operands: Vec<Value>) -> Value {
        let copy = instruction.clone_instruction();
        for (index, operand) in (0..).zip(operands) {
            copy.set_operand(index, operand);
        }
        self.insert(copy, "");
        copy
    }

    binary! {
        /// `add`
        add => LLVMBuildAdd,
        /// `add nuw`
        add_nuw => LLVMBuildNUWAdd,
        /// `sub`
        sub => LLVMBuildSub,
        /// `mul`
        mul => LLVMBuildMul,
        /// `udiv`
        udiv => LLVMBuildUDiv,
        /// `urem`
        urem => LLVMBuildURem,
        /// `and`
        and => LLVMBuildAnd,
        /// `or`
        or => LLVMBuildOr,
        /// `xor`
        xor => LLVMBuildXor,
        /// `shl`
        shl => LLVMBuildShl,
        /// `lshr`
        lshr => LLVMBuildLShr,
        /// `ashr`
        ashr => LLVMBuildAShr,
        /// `fadd`
        fadd => LLVMBuildFAdd,
        /// `fsub`
        fsub => LLVMBuildFSub,
        /// `fmul`
        fmul => LLVMBuildFMul,
    }

    /// Any two-operand instruction by opcode.
    pub fn binary(&self, opcode: LLVMOpcode, left: Value, right: Value) -> Value {
        Value(llvm!(LLVMBuildBinOp(
            self.raw,
            opcode,
            left.0,
            right.0,
            c"".as_ptr()
        )))
    }

    /// Any conversion by opcode.
    pub fn cast(&self, opcode: LLVMOpcode, value: Value, to: Type) -> Value {
        Value(llvm!(LLVMBuildCast(
            self.raw,
            opcode,
            value.0,
            to.0,
            c"".as_ptr()
        )))
    }

    /// Integer conversion: truncation, extension or nothing.
    pub fn int_cast(&self, value: Value, to: Type, signed: bool) -> Value {
        Value(llvm!(LLVMBuildIntCast2(
            self.raw,
            value.0,
            to.0,
            i32::from(signed),
            c"".as_ptr()
        )))
    }

    /// Moves a pointer to another address space, if it is not there already.
    pub fn address_space_cast(&self, value: Value, to: Type) -> Value {
        if value.ty() == to {
            return value;
        }
        self.cast(LLVMOpcode::LLVMAddrSpaceCast, value, to)
    }

    /// `icmp`
    pub fn icmp(&self, predicate: LLVMIntPredicate, left: Value, right: Value) -> Value {
        Value(llvm!(LLVMBuildICmp(
            self.raw,
            predicate,
            left.0,
            right.0,
            c"".as_ptr()
        )))
    }

    /// `fcmp`
    pub fn fcmp(&self, predicate: LLVMRealPredicate, left: Value, right: Value) -> Value {
        Value(llvm!(LLVMBuildFCmp(
            self.raw,
            predicate,
            left.0,
            right.0,
            c"".as_ptr()
        )))
    }

    /// `select`
    pub fn select(&self, condition: Value, then: Value, otherwise: Value) -> Value {
        Value(llvm!(LLVMBuildSelect(
            self.raw,
            condition.0,
            then.0,
            otherwise.0,
            c"".as_ptr()
        )))
    }

    /// Inserts a floating-point negation.
    pub fn negate(&self, value: Value) -> Value {
        Value(llvm!(LLVMBuildFNeg(self.raw, value.0, c"".as_ptr())))
    }

    /// `freeze`
    pub fn freeze(&self, value: Value) -> Value {
        Value(llvm!(LLVMBuildFreeze(self.raw, value.0, c"".as_ptr())))
    }

    /// `phi` without values yet.
    pub fn phi(&self, ty: Type, name: &str) -> Value {
        let name = c_string(name);
        Value(llvm!(LLVMBuildPhi(self.raw, ty.0, name.as_ptr())))
    }

    /// `load`
    pub fn load(&self, ty: Type, address: Value) -> Value {
        Value(llvm!(LLVMBuildLoad2(
            self.raw,
            ty.0,
            address.0,
            c"".as_ptr()
        )))
    }

    /// `store`
    pub fn store(&self, value: Value, address: Value) -> Value {
        Value(llvm!(LLVMBuildStore(self.raw, value.0, address.0)))
    }

    /// `alloca`
    pub fn alloca(&self, ty: Type, name: &str) -> Value {
        let name = c_string(name);
        Value(llvm!(LLVMBuildAlloca(self.raw, ty.0, name.as_ptr())))
    }

    /// `memcpy` of `bytes` bytes.
    pub fn copy_memory(&self, to: Value, from: Value, alignment: u32, bytes: Value) -> Value {
        Value(llvm!(LLVMBuildMemCpy(
            self.raw, to.0, alignment, from.0, alignment, bytes.0
        )))
    }

    /// `getelementptr`
    pub fn gep(&self, element: Type, base: Value, indices: &[Value]) -> Value {
        let mut raw: Vec<_> = indices.iter().map(|index| index.0).collect();
        Value(llvm!(LLVMBuildGEP2(
            self.raw,
            element.0,
            base.0,
            raw.as_mut_ptr(),
            raw.len() as u32,
            c"".as_ptr()
        )))
    }

    /// `getelementptr inbounds`
    pub fn gep_inbounds(&self, element: Type, base: Value, indices: &[Value]) -> Value {
        let mut raw: Vec<_> = indices.iter().map(|index| index.0).collect();
        Value(llvm!(LLVMBuildInBoundsGEP2(
            self.raw,
            element.0,
            base.0,
            raw.as_mut_ptr(),
            raw.len() as u32,
            c"".as_ptr()
        )))
    }

    /// Address of a structure member.
    pub fn member(&self, structure: Type, base: Value, index: u32) -> Value {
        Value(llvm!(LLVMBuildStructGEP2(
            self.raw,
            structure.0,
            base.0,
            index,
            c"".as_ptr()
        )))
    }

    /// `call` of a function value with its own type.
    pub fn call(&self, function: Value, arguments: &[Value]) -> Value {
        self.call_pointer(function.value_type(), function, arguments)
    }

    /// `call` of any pointer with the given function type.
    pub fn call_pointer(&self, signature: Type, callee: Value, arguments: &[Value]) -> Value {
        let mut raw: Vec<_> = arguments.iter().map(|argument| argument.0).collect();
        Value(llvm!(LLVMBuildCall2(
            self.raw,
            signature.0,
            callee.0,
            raw.as_mut_ptr(),
            raw.len() as u32,
            c"".as_ptr()
        )))
    }

    /// `atomicrmw`
    pub fn atomic_rmw(
        &self,
        operation: LLVMAtomicRMWBinOp,
        address: Value,
        value: Value,
        ordering: LLVMAtomicOrdering,
        single_thread: bool,
    ) -> Value {
        Value(llvm!(LLVMBuildAtomicRMW(
            self.raw,
            operation,
            address.0,
            value.0,
            ordering,
            i32::from(single_thread)
        )))
    }

    /// `cmpxchg`; the result is a structure of the old value and whether it was equal.
    pub fn compare_exchange(
        &self,
        address: Value,
        expected: Value,
        desired: Value,
        success: LLVMAtomicOrdering,
        failure: LLVMAtomicOrdering,
        single_thread: bool,
    ) -> Value {
        Value(llvm!(LLVMBuildAtomicCmpXchg(
            self.raw,
            address.0,
            expected.0,
            desired.0,
            success,
            failure,
            i32::from(single_thread)
        )))
    }

    /// Makes a load or store atomic.
    pub fn set_ordering(&self, access: Value, ordering: LLVMAtomicOrdering) {
        llvm!(LLVMSetOrdering(access.0, ordering));
    }

    /// `fence`
    pub fn fence(&self, ordering: LLVMAtomicOrdering, single_thread: bool) -> Value {
        Value(llvm!(LLVMBuildFence(
            self.raw,
            ordering,
            i32::from(single_thread),
            c"".as_ptr()
        )))
    }

    /// `extractvalue`
    pub fn extract_value(&self, aggregate: Value, index: u32) -> Value {
        Value(llvm!(LLVMBuildExtractValue(
            self.raw,
            aggregate.0,
            index,
            c"".as_ptr()
        )))
    }

    /// Inserts a member into a structure.
    pub fn insert_value(&self, aggregate: Value, member: Value, index: u32) -> Value {
        Value(llvm!(LLVMBuildInsertValue(
            self.raw,
            aggregate.0,
            member.0,
            index,
            c"".as_ptr()
        )))
    }

    /// `extractelement`
    pub fn extract_element(&self, vector: Value, index: Value) -> Value {
        Value(llvm!(LLVMBuildExtractElement(
            self.raw,
            vector.0,
            index.0,
            c"".as_ptr()
        )))
    }

    /// `insertelement`
    pub fn insert_element(&self, vector: Value, element: Value, index: Value) -> Value {
        Value(llvm!(LLVMBuildInsertElement(
            self.raw,
            vector.0,
            element.0,
            index.0,
            c"".as_ptr()
        )))
    }

    /// Picks elements of two vectors of the same type; `mask` is a constant vector of `i32`.
    pub fn shuffle_vector(&self, left: Value, right: Value, mask: Value) -> Value {
        Value(llvm!(LLVMBuildShuffleVector(
            self.raw,
            left.0,
            right.0,
            mask.0,
            c"".as_ptr()
        )))
    }

    /// Elements of two vectors of one length by number; those of `right` follow those of `left`.
    pub fn pick(&self, left: Value, right: Value, elements: impl Iterator<Item = u32>) -> Value {
        let int32 = self.context().int(32);
        let elements: Vec<_> = elements
            .map(|element| int32.constant(u64::from(element)))
            .collect();
        self.shuffle_vector(left, right, int32.constant_vector(&elements))
    }

    /// `br`
    pub fn branch(&self, to: Block) -> Value {
        Value(llvm!(LLVMBuildBr(self.raw, to.0)))
    }

    /// Conditional `br`
    pub fn branch_if(&self, condition: Value, then: Block, otherwise: Block) -> Value {
        Value(llvm!(LLVMBuildCondBr(
            self.raw,
            condition.0,
            then.0,
            otherwise.0
        )))
    }

    /// `switch` without cases yet
    pub fn switch(&self, value: Value, otherwise: Block) -> Value {
        Value(llvm!(LLVMBuildSwitch(self.raw, value.0, otherwise.0, 0)))
    }

    /// `ret void`
    pub fn return_void(&self) -> Value {
        Value(llvm!(LLVMBuildRetVoid(self.raw)))
    }

    /// `ret`
    pub fn return_value(&self, value: Value) -> Value {
        Value(llvm!(LLVMBuildRet(self.raw, value.0)))
    }

    /// `unreachable`
    pub fn unreachable(&self) -> Value {
        Value(llvm!(LLVMBuildUnreachable(self.raw)))
    }
}
