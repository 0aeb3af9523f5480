//! Loops that only wait for a value that another thread will write.
//!
//! A processor runs ahead of such a loop's end: a hundred loads are under way when the value comes, and
//! all of them are undone before what follows the loop begins. A fence keeps it at one load, and the
//! answer comes some nanoseconds earlier. Another one before the loop lets out what the thread has just
//! written, for which the other one may wait in turn.
//!
//! Where the answer is written at once, the loop asks for its cache line instead, all the time: a line that
//! another thread looks at has to be fetched before it is written.

use std::collections::BTreeSet;

use crate::control_flow::ControlFlow;
use crate::llvm::{Block, Builder, Module, Opcode, Purpose, Value};

/// x86's fence behind which no load begins early.
const LOAD_FENCE: &str = "llvm.x86.sse2.lfence";
/// x86's fence behind which no load begins before all stores are out.
const FENCE: &str = "llvm.x86.sse2.mfence";

/// Longer loops do more than wait.
const MOST_INSTRUCTIONS: usize = 16;

/// Puts fences, or what serves instead, into all waiting loops of the module; nothing where the processor
/// has no such fence.
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
        let ends = writers
            .into_iter()
            .filter_map(|block| flow.blocks[block].terminator());
        for end in ends {
            builder.position_before(end);
            builder.call(fence, &[]);
        }
        for wait in &waits {
            builder.position_before(wait.load);
            let answer = answer(&flow, wait);
            match answer.and_then(|address| available(&builder, &flow, wait.header, address)) {
                Some(address) => module.prefetch(&builder, address, Purpose::Write),
                None => drop(builder.call(load_fence, &[])),
            }
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

/// Where the thread writes what other threads may look for, soon after the loop. Not where it waits itself:
/// others may wait there, too.
fn answer(flow: &ControlFlow, wait: &Wait) -> Option<Value> {
    let inside = [wait.header, wait.latch];
    let behind = inside.iter().flat_map(|block| &flow.successors[*block]);
    let mut near: Vec<usize> = behind.copied().filter(|it| !inside.contains(it)).collect();
    for _ in 0..NEAR {
        let mut next = Vec::new();
        for block in near {
            let mut instructions = flow.blocks[block].instructions().into_iter();
            match instructions.find(|&one| concerns_others(one)) {
                Some(first) if is_ordered_store(first) => {
                    let address = first.operand(1);
                    return (!is_same(address, wait.load.operand(0))).then_some(address);
                }
                Some(_) => {}
                None => next.extend(&flow.successors[block]),
            }
        }
        near = next;
    }
    None
}

/// The value in front of the block `header`, computed anew if need be.
fn available(builder: &Builder, flow: &ControlFlow, header: usize, value: Value) -> Option<Value> {
    if !value.is_instruction() {
        return Some(value);
    }
    let block = flow.number(value.block())?;
    let comes_first = || !flow.reach(0, |other| other == block).0.contains(&header);
    if block != header && comes_first() {
        return Some(value);
    }
    if !is_of_address(value) {
        return None;
    }
    let operands = value.operands().into_iter();
    let operands = operands.map(|operand| available(builder, flow, header, operand));
    let operands = operands.collect::<Option<Vec<_>>>()?;
    Some(builder.copy(value, operands))
}

/// Whether two addresses follow from the same in the same way.
fn is_same(one: Value, other: Value) -> bool {
    let follows = || {
        let mut pairs = one.operands().into_iter().zip(other.operands());
        one.opcode() == other.opcode() && pairs.all(|(one, other)| is_same(one, other))
    };
    one == other || is_of_address(one) && is_of_address(other) && follows()
}

fn accesses_memory(block: Block) -> bool {
    let loads = |one: Value| one.opcode() == Some(Opcode::LLVMLoad);
    let mut instructions = block.instructions().into_iter();
    instructions.any(|one| loads(one) || has_effects(one))
}

/// Whether it may be meant for other threads, or wait for them.
fn concerns_others(instruction: Value) -> bool {
    match instruction.opcode() {
        Some(Opcode::LLVMLoad | Opcode::LLVMStore) => instruction.is_ordered_access(),
        _ => has_effects(instruction),
    }
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
    block.instructions().into_iter().any(is_ordered_store)
}

fn is_ordered_store(instruction: Value) -> bool {
    instruction.opcode() == Some(Opcode::LLVMStore) && instruction.is_ordered_access()
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
    let mut operands = address.operands().into_iter();
    is_of_address(address) && operands.all(|operand| is_fixed(operand, inside))
}

/// An operation that addresses are computed with.
fn is_of_address(value: Value) -> bool {
    matches!(
        value.opcode(),
        Some(
            Opcode::LLVMGetElementPtr
                | Opcode::LLVMAddrSpaceCast
                | Opcode::LLVMSExt
                | Opcode::LLVMZExt
        )
    )
}
