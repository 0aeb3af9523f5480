//! Loops that only wait for a value that another thread will write.
//!
//! A processor runs ahead of such a loop's end: a hundred loads are under way when the value comes, and
//! all of them are undone before what follows the loop begins. A fence keeps it at one load, and the
//! answer comes some nanoseconds earlier.

use crate::control_flow::ControlFlow;
use crate::llvm::{Block, Module, Opcode, Value};

/// x86's fence behind which no load begins early.
const FENCE: &str = "llvm.x86.sse2.lfence";

/// Longer loops do more than wait.
const MOST_INSTRUCTIONS: usize = 16;

/// Puts a fence into all waiting loops of the module; nothing where the processor has no such fence.
pub fn fence(module: &Module) {
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let builder = module.context().builder();
    for function in module.functions() {
        let mut accesses = function.instructions().into_iter();
        if !accesses.any(is_load_of_others) {
            continue;
        }
        for load in waits(&ControlFlow::new(function)) {
            if let Some(fence) = module.intrinsic(FENCE, &[]) {
                builder.position_before(load);
                builder.call(fence, &[]);
            }
        }
    }
}

/// A load that other threads may give another result each time.
fn is_load_of_others(instruction: Value) -> bool {
    instruction.opcode() == Some(Opcode::LLVMLoad) && instruction.is_ordered_access()
}

/// The first load of each waiting loop.
fn waits(flow: &ControlFlow) -> Vec<Value> {
    let latches = flow.successors.iter().enumerate();
    let loops = latches.flat_map(|(latch, next)| next.iter().map(move |&header| (header, latch)));
    loops
        .filter_map(|(header, latch)| {
            let is_loop = header == latch
                || header < latch
                    && flow.predecessors[latch] == [header]
                    && flow.successors[latch] == [header];
            let blocks = [flow.blocks[header], flow.blocks[latch]];
            is_loop.then(|| wait(&blocks[usize::from(header == latch)..]))?
        })
        .collect()
}

/// The load that a loop of these blocks waits with, if that is all it does.
fn wait(blocks: &[Block]) -> Option<Value> {
    let instructions: Vec<Value> = blocks
        .iter()
        .flat_map(|block| block.instructions())
        .collect();
    let only_looks = |&instruction: &Value| match instruction.opcode() {
        Some(Opcode::LLVMLoad) => is_fixed(instruction.operand(0), &instructions),
        Some(
            Opcode::LLVMStore
            | Opcode::LLVMCall
            | Opcode::LLVMFence
            | Opcode::LLVMAtomicRMW
            | Opcode::LLVMAtomicCmpXchg,
        ) => false,
        _ => true,
    };
    let only_looks = instructions.len() <= MOST_INSTRUCTIONS && instructions.iter().all(only_looks);
    let mut loads = instructions
        .into_iter()
        .filter(|&one| is_load_of_others(one));
    only_looks.then(|| loads.next())?
}

/// Whether an address is the same each time around.
fn is_fixed(address: Value, inside: &[Value]) -> bool {
    if !inside.contains(&address) {
        return true;
    }
    matches!(
        address.opcode(),
        Some(
            Opcode::LLVMGetElementPtr
                | Opcode::LLVMAddrSpaceCast
                | Opcode::LLVMSExt
                | Opcode::LLVMZExt
        )
    ) && address
        .operands()
        .into_iter()
        .all(|operand| is_fixed(operand, inside))
}
