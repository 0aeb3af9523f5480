//! Loops that only wait for a value that another thread will write.
//!
//! A processor runs ahead of such a loop's end: a hundred loads are under way when the value comes, and
//! all of them are undone before what follows the loop begins. A fence keeps it at one load, and the
//! answer comes some nanoseconds earlier. Another one before the loop lets out what the thread has just
//! written, for which the other one may wait in turn.

use std::collections::BTreeSet;

use crate::control_flow::ControlFlow;
use crate::llvm::{Block, Module, Opcode, Value};

/// x86's fence behind which no load begins early.
const LOAD_FENCE: &str = "llvm.x86.sse2.lfence";
/// x86's fence behind which no load begins before all stores are out.
const FENCE: &str = "llvm.x86.sse2.mfence";

/// Longer loops do more than wait.
const MOST_INSTRUCTIONS: usize = 16;

/// Puts fences into all waiting loops of the module; nothing where the processor has no such fence.
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
        let flow = ControlFlow::new(function);
        let fences = (
            module.intrinsic(LOAD_FENCE, &[]),
            module.intrinsic(FENCE, &[]),
        );
        let (Some(load_fence), Some(fence)) = fences else {
            return;
        };
        let waits = waits(&flow);
        let writers: BTreeSet<usize> = waits
            .iter()
            .flat_map(|wait| writers_before(&flow, wait))
            .collect();
        let loads = waits.iter().map(|wait| (wait.load, load_fence));
        let ends = writers
            .into_iter()
            .filter_map(|block| flow.blocks[block].terminator());
        for (place, fence) in loads.chain(ends.map(|end| (end, fence))) {
            builder.position_before(place);
            builder.call(fence, &[]);
        }
    }
}

/// A loop that waits.
struct Wait {
    /// Its first load.
    load: Value,
    /// The block that begins it.
    header: usize,
    /// The block that ends it, which may be the same.
    latch: usize,
}

/// How far before a loop to look for stores, in blocks.
const NEAR: usize = 4;

/// The blocks that write what other threads may look for, with nothing but decisions between them and the
/// loop.
fn writers_before(flow: &ControlFlow, wait: &Wait) -> Vec<usize> {
    let mut writers = Vec::new();
    let mut near = vec![wait.header];
    for _ in 0..NEAR {
        let before = near
            .iter()
            .flat_map(|block| &flow.predecessors[*block])
            .filter(|block| **block != wait.latch);
        let (with_memory, without): (Vec<usize>, Vec<usize>) =
            before.partition(|block| accesses_memory(flow.blocks[**block]));
        let writes = |block: &usize| has_ordered_store(flow.blocks[*block]);
        writers.extend(with_memory.into_iter().filter(writes));
        near = without;
    }
    writers
}

fn accesses_memory(block: Block) -> bool {
    let loads = |one: Value| one.opcode() == Some(Opcode::LLVMLoad);
    let mut instructions = block.instructions().into_iter();
    instructions.any(|one| loads(one) || has_effects(one))
}

/// Whether others may see that it runs.
fn has_effects(instruction: Value) -> bool {
    matches!(
        instruction.opcode(),
        Some(
            Opcode::LLVMStore
                | Opcode::LLVMCall
                | Opcode::LLVMFence
                | Opcode::LLVMAtomicRMW
                | Opcode::LLVMAtomicCmpXchg
        )
    )
}

/// Whether a block writes what other threads may look for.
fn has_ordered_store(block: Block) -> bool {
    let is_store = |one: Value| one.opcode() == Some(Opcode::LLVMStore);
    let mut instructions = block.instructions().into_iter();
    instructions.any(|one| is_store(one) && one.is_ordered_access())
}

/// A load that other threads may give another result each time.
fn is_load_of_others(instruction: Value) -> bool {
    instruction.opcode() == Some(Opcode::LLVMLoad) && instruction.is_ordered_access()
}

fn waits(flow: &ControlFlow) -> Vec<Wait> {
    let latches = flow.successors.iter().enumerate();
    let loops = latches.flat_map(|(latch, next)| next.iter().map(move |&header| (header, latch)));
    loops
        .filter_map(|(header, latch)| {
            let is_loop = header == latch
                || header < latch
                    && flow.predecessors[latch] == [header]
                    && flow.successors[latch] == [header];
            let blocks = [flow.blocks[header], flow.blocks[latch]];
            let load = is_loop.then(|| wait(&blocks[usize::from(header == latch)..]))??;
            Some(Wait {
                load,
                header,
                latch,
            })
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
        _ => !has_effects(instruction),
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
