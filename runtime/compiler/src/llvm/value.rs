#![allow(unsafe_code)]

use llvm_sys::core::*;
use llvm_sys::prelude::*;
use llvm_sys::{
    LLVMAtomicRMWBinOp, LLVMIntPredicate, LLVMLinkage, LLVMOpcode, LLVMRealPredicate, LLVMValueKind,
};

use super::{llvm, Attribute, Block, OwnedMessage, Type};

/// An LLVM value: constant, global, argument or instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub LLVMValueRef);

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        OwnedMessage::new(llvm!(LLVMPrintValueToString(self.0))).fmt(f)
    }
}

/// Index of a function's or call's own attributes (not those of an argument or the result).
const FUNCTION_INDEX: u32 = u32::MAX;

impl Value {
    pub(super) fn nullable(raw: LLVMValueRef) -> Option<Self> {
        (!raw.is_null()).then_some(Self(raw))
    }

    /// The value's type; for functions and globals a pointer.
    pub fn ty(self) -> Type {
        Type(llvm!(LLVMTypeOf(self.0)))
    }

    /// The value's name; may be empty.
    pub fn name(self) -> String {
        let mut len = 0;
        let start = llvm!(LLVMGetValueName2(self.0, &mut len));
        let bytes = llvm!(std::slice::from_raw_parts(start.cast::<u8>(), len));
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// Renames the value; LLVM appends a number if the name is taken.
    pub fn set_name(self, name: &str) {
        llvm!(LLVMSetValueName2(self.0, name.as_ptr().cast(), name.len()));
    }

    /// Kind of value.
    pub fn kind(self) -> LLVMValueKind {
        llvm!(LLVMGetValueKind(self.0))
    }

    /// Whether this is an instruction.
    pub fn is_instruction(self) -> bool {
        self.kind() == LLVMValueKind::LLVMInstructionValueKind
    }

    /// Whether this is a function.
    pub fn is_function(self) -> bool {
        self.kind() == LLVMValueKind::LLVMFunctionValueKind
    }

    /// Whether this is an argument of a function.
    pub fn is_argument(self) -> bool {
        self.kind() == LLVMValueKind::LLVMArgumentValueKind
    }

    /// Whether this is a constant (globals and functions are).
    pub fn is_constant(self) -> bool {
        llvm!(LLVMIsConstant(self.0)) != 0
    }

    /// The number of an integer constant of at most 64 bits, zero-extended.
    pub fn constant_int(self) -> Option<u64> {
        let integer = self.kind() == LLVMValueKind::LLVMConstantIntValueKind;
        (integer && self.ty().int_bits() <= 64).then(|| llvm!(LLVMConstIntGetZExtValue(self.0)))
    }

    /// Opcode of an instruction.
    pub fn opcode(self) -> Option<LLVMOpcode> {
        self.is_instruction()
            .then(|| llvm!(LLVMGetInstructionOpcode(self.0)))
    }

    /// Opcode of a constant expression.
    pub fn constant_opcode(self) -> Option<LLVMOpcode> {
        (self.kind() == LLVMValueKind::LLVMConstantExprValueKind)
            .then(|| llvm!(LLVMGetConstOpcode(self.0)))
    }

    /// Predicate of an `icmp`.
    pub fn int_predicate(self) -> LLVMIntPredicate {
        llvm!(LLVMGetICmpPredicate(self.0))
    }

    /// Number of operands.
    pub fn operand_count(self) -> u32 {
        llvm!(LLVMGetNumOperands(self.0)).max(0) as u32
    }

    /// Operand `index`; blocks appear as values, see [`Value::operand_block`].
    pub fn operand(self, index: u32) -> Value {
        Value(llvm!(LLVMGetOperand(self.0, index)))
    }

    /// All operands.
    pub fn operands(self) -> Vec<Value> {
        (0..self.operand_count())
            .map(|index| self.operand(index))
            .collect()
    }

    /// Replaces operand `index`.
    pub fn set_operand(self, index: u32, value: Value) {
        llvm!(LLVMSetOperand(self.0, index, value.0));
    }

    /// The block this value stands for, if it is a block used as an operand.
    pub fn operand_block(self) -> Option<Block> {
        (llvm!(LLVMValueIsBasicBlock(self.0)) != 0)
            .then(|| Block(llvm!(LLVMValueAsBasicBlock(self.0))))
    }

    /// Instructions and constants that use this value, once per use.
    pub fn users(self) -> Vec<Value> {
        let mut found = Vec::new();
        let mut next = llvm!(LLVMGetFirstUse(self.0));
        while !next.is_null() {
            found.push(Value(llvm!(LLVMGetUser(next))));
            next = llvm!(LLVMGetNextUse(next));
        }
        found
    }

    /// Whether anything uses this value.
    pub fn is_used(self) -> bool {
        !llvm!(LLVMGetFirstUse(self.0)).is_null()
    }

    /// Makes every user use `other` instead.
    pub fn replace_all_uses(self, other: Value) {
        llvm!(LLVMReplaceAllUsesWith(self.0, other.0));
    }

    /// Deletes an instruction; it must have no users.
    pub fn erase(self) {
        llvm!(LLVMInstructionEraseFromParent(self.0));
    }

    /// Deletes a function; it must have no users.
    pub fn erase_function(self) {
        llvm!(LLVMDeleteFunction(self.0));
    }

    /// Deletes a global variable; it must have no users.
    pub fn erase_global(self) {
        llvm!(LLVMDeleteGlobal(self.0));
    }

    /// Takes an instruction out of its block without deleting it.
    pub fn remove(self) {
        llvm!(LLVMInstructionRemoveFromParent(self.0));
    }

    /// The block of an instruction.
    pub fn block(self) -> Block {
        Block(llvm!(LLVMGetInstructionParent(self.0)))
    }

    /// The instruction behind this one in its block.
    pub fn next_instruction(self) -> Option<Value> {
        Value::nullable(llvm!(LLVMGetNextInstruction(self.0)))
    }

    /// The instruction in front of this one in its block.
    pub fn previous_instruction(self) -> Option<Value> {
        Value::nullable(llvm!(LLVMGetPreviousInstruction(self.0)))
    }

    /// A copy of an instruction, in no block yet, with the same operands.
    pub fn clone_instruction(self) -> Value {
        Value(llvm!(LLVMInstructionClone(self.0)))
    }

    /// The called function of a call to a known function.
    pub fn called_function(self) -> Option<Value> {
        if self.opcode() != Some(LLVMOpcode::LLVMCall) {
            return None;
        }
        let callee = Value(llvm!(LLVMGetCalledValue(self.0)));
        callee.is_function().then_some(callee)
    }

    /// Arguments of a call.
    pub fn call_arguments(self) -> Vec<Value> {
        (0..llvm!(LLVMGetNumArgOperands(self.0)))
            .map(|index| self.operand(index))
            .collect()
    }

    /// Function type of a call.
    pub fn called_type(self) -> Type {
        Type(llvm!(LLVMGetCalledFunctionType(self.0)))
    }

    /// Values and source blocks of a phi.
    pub fn incoming(self) -> Vec<(Value, Block)> {
        (0..llvm!(LLVMCountIncoming(self.0)))
            .map(|index| {
                (
                    Value(llvm!(LLVMGetIncomingValue(self.0, index))),
                    Block(llvm!(LLVMGetIncomingBlock(self.0, index))),
                )
            })
            .collect()
    }

    /// Adds values to a phi.
    pub fn add_incoming(self, pairs: &[(Value, Block)]) {
        let mut values: Vec<_> = pairs.iter().map(|pair| pair.0 .0).collect();
        let mut blocks: Vec<_> = pairs.iter().map(|pair| pair.1 .0).collect();
        llvm!(LLVMAddIncoming(
            self.0,
            values.as_mut_ptr(),
            blocks.as_mut_ptr(),
            values.len() as u32
        ));
    }

    /// Successor blocks of a terminator.
    pub fn successors(self) -> Vec<Block> {
        (0..llvm!(LLVMGetNumSuccessors(self.0)))
            .map(|index| Block(llvm!(LLVMGetSuccessor(self.0, index))))
            .collect()
    }

    /// Redirects successor `index` of a terminator.
    pub fn set_successor(self, index: u32, block: Block) {
        llvm!(LLVMSetSuccessor(self.0, index, block.0));
    }

    /// Whether this instruction ends its block.
    pub fn is_terminator(self) -> bool {
        !llvm!(LLVMIsATerminatorInst(self.0)).is_null()
    }

    /// Adds a case to a `switch`.
    pub fn add_case(self, value: Value, block: Block) {
        llvm!(LLVMAddCase(self.0, value.0, block.0));
    }

    /// Whether a branch has a condition.
    pub fn is_conditional(self) -> bool {
        self.opcode() == Some(LLVMOpcode::LLVMBr) && llvm!(LLVMIsConditional(self.0)) != 0
    }

    /// Condition of a conditional branch.
    pub fn condition(self) -> Value {
        Value(llvm!(LLVMGetCondition(self.0)))
    }

    /// Allocated type of an `alloca`.
    pub fn allocated_type(self) -> Type {
        Type(llvm!(LLVMGetAllocatedType(self.0)))
    }

    /// Source element type of a `getelementptr` instruction or expression.
    pub fn gep_source_type(self) -> Type {
        Type(llvm!(LLVMGetGEPSourceElementType(self.0)))
    }

    /// Alignment in bytes of a load, store, alloca, global or atomic; 0 if not given.
    pub fn alignment(self) -> u32 {
        llvm!(LLVMGetAlignment(self.0))
    }

    /// Sets the alignment in bytes.
    pub fn set_alignment(self, bytes: u32) {
        llvm!(LLVMSetAlignment(self.0, bytes));
    }

    /// Whether a memory access is volatile.
    pub fn is_volatile(self) -> bool {
        llvm!(LLVMGetVolatile(self.0)) != 0
    }

    /// Whether this is a volatile load or store, or an atomic access of either kind.
    pub fn is_ordered_access(self) -> bool {
        match self.opcode() {
            Some(LLVMOpcode::LLVMLoad | LLVMOpcode::LLVMStore) => {
                self.is_volatile()
                    || llvm!(LLVMGetOrdering(self.0))
                        != llvm_sys::LLVMAtomicOrdering::LLVMAtomicOrderingNotAtomic
            }
            _ => false,
        }
    }

    /// Marks a memory access volatile or not.
    pub fn set_volatile(self, volatile: bool) {
        llvm!(LLVMSetVolatile(self.0, i32::from(volatile)));
    }

    /// Element `index` of a shuffle's mask; `None` where any value will do.
    pub fn shuffle_index(self, index: u32) -> Option<u32> {
        u32::try_from(llvm!(LLVMGetMaskValue(self.0, index))).ok()
    }

    /// Number of elements of a shuffle's mask.
    pub fn shuffle_len(self) -> u32 {
        llvm!(LLVMGetNumMaskElements(self.0))
    }

    /// Predicate of a floating-point comparison.
    pub fn real_predicate(self) -> LLVMRealPredicate {
        llvm!(LLVMGetFCmpPredicate(self.0))
    }

    /// Indices of an `extractvalue` or `insertvalue`.
    pub fn aggregate_indices(self) -> Vec<u32> {
        let count = llvm!(LLVMGetNumIndices(self.0)) as usize;
        let first = llvm!(LLVMGetIndices(self.0));
        // SAFETY: LLVM returns the address of `count` numbers that live as long as the instruction.
        unsafe { std::slice::from_raw_parts(first, count) }.to_vec()
    }

    /// Whether an atomic instruction is one only for the thread it runs on.
    pub fn is_single_thread(self) -> bool {
        llvm!(LLVMIsAtomicSingleThread(self.0)) != 0
    }

    /// Operation of an `atomicrmw`.
    pub fn atomic_operation(self) -> LLVMAtomicRMWBinOp {
        llvm!(LLVMGetAtomicRMWBinOp(self.0))
    }

    /// Parameters of a function.
    pub fn parameters(self) -> Vec<Value> {
        (0..llvm!(LLVMCountParams(self.0)))
            .map(|index| Value(llvm!(LLVMGetParam(self.0, index))))
            .collect()
    }

    /// Function type of a function; value type of a global variable.
    pub fn value_type(self) -> Type {
        Type(llvm!(LLVMGlobalGetValueType(self.0)))
    }

    /// Blocks of a function in order; empty for a declaration.
    pub fn blocks(self) -> Vec<Block> {
        let mut found = Vec::new();
        let mut next = llvm!(LLVMGetFirstBasicBlock(self.0));
        while !next.is_null() {
            found.push(Block(next));
            next = llvm!(LLVMGetNextBasicBlock(next));
        }
        found
    }

    /// All instructions of a function.
    pub fn instructions(self) -> Vec<Value> {
        self.blocks()
            .into_iter()
            .flat_map(Block::instructions)
            .collect()
    }

    /// Entry block of a function with a body.
    pub fn entry_block(self) -> Block {
        Block(llvm!(LLVMGetEntryBasicBlock(self.0)))
    }

    /// Whether a function or global variable is only declared.
    pub fn is_declaration(self) -> bool {
        llvm!(LLVMIsDeclaration(self.0)) != 0
    }

    /// Linkage of a global.
    pub fn linkage(self) -> LLVMLinkage {
        llvm!(LLVMGetLinkage(self.0))
    }

    /// Sets the linkage of a global.
    pub fn set_linkage(self, linkage: LLVMLinkage) {
        llvm!(LLVMSetLinkage(self.0, linkage));
    }

    /// Initialiser of a global variable.
    pub fn initializer(self) -> Option<Value> {
        Value::nullable(llvm!(LLVMGetInitializer(self.0)))
    }

    /// Sets or clears the initialiser of a global variable.
    pub fn set_initializer(self, value: Option<Value>) {
        let raw = value.map_or(std::ptr::null_mut(), |value| value.0);
        llvm!(LLVMSetInitializer(self.0, raw));
    }

    /// Resets the calling convention of a function or call to C's.
    pub fn use_c_calling_convention(self) {
        if self.is_function() {
            llvm!(LLVMSetFunctionCallConv(self.0, 0));
        } else {
            llvm!(LLVMSetInstructionCallConv(self.0, 0));
        }
    }

    /// Adds an attribute to a function.
    pub fn add_attribute(self, attribute: Attribute) {
        llvm!(LLVMAddAttributeAtIndex(self.0, FUNCTION_INDEX, attribute.0));
    }

    /// Adds an attribute to parameter `index` of a function.
    pub fn add_parameter_attribute(self, index: u32, attribute: Attribute) {
        llvm!(LLVMAddAttributeAtIndex(self.0, index + 1, attribute.0));
    }

    /// Adds an attribute to a call.
    pub fn add_call_attribute(self, attribute: Attribute) {
        llvm!(LLVMAddCallSiteAttribute(
            self.0,
            FUNCTION_INDEX,
            attribute.0
        ));
    }

    /// Whether a function has the named attribute.
    pub fn has_attribute(self, name: &str) -> bool {
        !llvm!(LLVMGetEnumAttributeAtIndex(
            self.0,
            FUNCTION_INDEX,
            attribute_kind(name)
        ))
        .is_null()
    }

    /// Removes the named attribute from a function.
    pub fn remove_attribute(self, name: &str) {
        llvm!(LLVMRemoveEnumAttributeAtIndex(
            self.0,
            FUNCTION_INDEX,
            attribute_kind(name)
        ));
    }

    /// Removes the named attribute from a call.
    pub fn remove_call_attribute(self, name: &str) {
        llvm!(LLVMRemoveCallSiteEnumAttribute(
            self.0,
            FUNCTION_INDEX,
            attribute_kind(name)
        ));
    }

    /// Pointee type of a `byval` parameter of a function.
    pub fn byval_type(self, parameter: u32) -> Option<Type> {
        let raw = llvm!(LLVMGetEnumAttributeAtIndex(
            self.0,
            parameter + 1,
            attribute_kind("byval")
        ));
        (!raw.is_null()).then(|| Type(llvm!(LLVMGetTypeAttributeValue(raw))))
    }

    /// Calling convention number of a function.
    pub fn calling_convention(self) -> u32 {
        llvm!(LLVMGetFunctionCallConv(self.0))
    }

    /// `align` of a parameter in bytes; 0 when it says nothing.
    pub fn parameter_alignment(self, parameter: u32) -> u32 {
        let kind = attribute_kind("align");
        let raw = llvm!(LLVMGetEnumAttributeAtIndex(self.0, parameter + 1, kind));
        if raw.is_null() {
            return 0;
        }
        llvm!(LLVMGetEnumAttributeValue(raw)) as u32
    }

    /// Whether the call is an LLVM intrinsic.
    pub fn is_intrinsic_call(self) -> bool {
        self.called_function()
            .is_some_and(|callee| llvm!(LLVMGetIntrinsicID(callee.0)) != 0)
    }
}

/// Metadata of instructions and functions.
impl Value {
    /// Attaches metadata to an instruction.
    pub fn set_metadata(self, kind: u32, node: Value) {
        llvm!(LLVMSetMetadata(self.0, kind, node.0));
    }

    /// Removes metadata from an instruction.
    pub fn remove_metadata(self, kind: u32) {
        llvm!(LLVMSetMetadata(self.0, kind, std::ptr::null_mut()));
    }

    /// Metadata of an instruction.
    pub fn metadata(self, kind: u32) -> Option<Value> {
        Value::nullable(llvm!(LLVMGetMetadata(self.0, kind)))
    }

    /// How often a branch goes to each successor, in some unit, if it says so.
    pub fn branch_weights(self) -> Option<Vec<u64>> {
        let name = "prof";
        let context = llvm!(LLVMGetTypeContext(LLVMTypeOf(self.0)));
        let kind = llvm!(LLVMGetMDKindIDInContext(
            context,
            name.as_ptr().cast(),
            name.len() as u32
        ));
        // Behind strings that say what kind of profile it is and where it comes from.
        let operands = self.metadata(kind)?.metadata_integers();
        Some(operands.into_iter().flatten().collect())
    }

    /// Operands of the named metadata of a function, as `reqd_work_group_size` has; `None`
    /// stands for an operand that is no integer.
    pub fn function_metadata_integers(self, kind: u32) -> Option<Vec<Option<u64>>> {
        Some(self.function_metadata(kind)?.metadata_integers())
    }

    /// Operands of the named metadata of a function as text, as `kernel_arg_name` has; an operand
    /// that is no string is empty.
    pub fn function_metadata_strings(self, kind: u32) -> Option<Vec<String>> {
        Some(self.function_metadata(kind)?.metadata_strings())
    }

    /// First operand of the named metadata of a function, printed: the type hint of
    /// `vec_type_hint`.
    pub fn function_metadata_type(self, kind: u32) -> Option<Type> {
        let operands = self.function_metadata(kind)?.metadata_operands();
        Value::nullable(*operands.first()?).map(Value::ty)
    }

    /// The operands of a metadata node, empty where they are no strings.
    pub fn metadata_strings(self) -> Vec<String> {
        let text = |raw: LLVMValueRef| {
            let mut length = 0;
            let start = llvm!(LLVMGetMDString(raw, &mut length));
            if start.is_null() {
                return String::new();
            }
            let bytes = llvm!(std::slice::from_raw_parts(start.cast(), length as usize));
            String::from_utf8_lossy(bytes).into_owned()
        };
        self.metadata_operands().into_iter().map(text).collect()
    }

    /// The operands of a metadata node; `None` stands for one that is no integer.
    fn metadata_integers(self) -> Vec<Option<u64>> {
        let integer = |raw| Value::nullable(raw).and_then(Value::constant_int);
        self.metadata_operands().into_iter().map(integer).collect()
    }

    /// The operands of a metadata node, some of which may be null.
    fn metadata_operands(self) -> Vec<LLVMValueRef> {
        let count = llvm!(LLVMGetMDNodeNumOperands(self.0));
        let mut raw = vec![std::ptr::null_mut(); count as usize];
        llvm!(LLVMGetMDNodeOperands(self.0, raw.as_mut_ptr()));
        raw
    }

    fn function_metadata(self, kind: u32) -> Option<Value> {
        let mut count = 0;
        let entries = llvm!(LLVMGlobalCopyAllMetadata(self.0, &mut count));
        let found = (0..count as u32)
            .find(|&index| llvm!(LLVMValueMetadataEntriesGetKind(entries, index)) == kind)
            .map(|index| llvm!(LLVMValueMetadataEntriesGetMetadata(entries, index)));
        let context = llvm!(LLVMGetTypeContext(LLVMTypeOf(self.0)));
        llvm!(LLVMDisposeValueMetadataEntries(entries));
        found.map(|node| Value(llvm!(LLVMMetadataAsValue(context, node))))
    }
}

fn attribute_kind(name: &str) -> u32 {
    llvm!(LLVMGetEnumAttributeKindForName(
        name.as_ptr().cast(),
        name.len()
    ))
}
