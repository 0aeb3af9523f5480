//! Keeps the time of code generation linear in the size of a kernel: LLVM orders the instructions of
//! a block in time that grows with the square of their number, so huge blocks are taken apart, at
//! branches that it cannot see through.

use std::collections::BTreeMap;

use crate::llvm::{Block, Builder, IntPredicate, Module, Opcode, Value};

/// Instructions of a block that is left whole.
const MOST: usize = 1500;

/// Instructions of the parts of other blocks.
const PART: usize = 750;

/// Takes the huge blocks of all functions apart.
///
/// # Errors
/// A function has no body after all.
pub fn split(module: &Module) -> Result<(), String> {
    for function in module.functions() {
        let mut blocks = function.blocks();
        blocks.retain(|block| block.instructions().len() > MOST);
        if !blocks.is_empty() {
            split_blocks(module, function, &blocks)?;
        }
    }
    Ok(())
}

fn split_blocks(module: &Module, function: Value, huge: &[Block]) -> Result<(), String> {
    let context = module.context();
    let builder = context.builder();
    let byte = context.int(8);
    let setup = context.insert_block(function.entry_block(), "setup");
    builder.position_at_end(setup);
    let flag = builder.alloca(byte, "flag");
    let ready = builder.store(byte.constant(1), flag);
    for &block in huge {
        let before: Vec<_> = function.blocks();
        let first = take_apart(module, block, ready, flag);
        for other in before {
            for (index, successor) in other.successors().into_iter().enumerate() {
                if let (true, Some(terminator)) = (successor == block, other.terminator()) {
                    terminator.set_successor(index as u32, first);
                }
            }
        }
    }
    // What was the entry follows the block with the flag; its variables go there.
    let next = function
        .blocks()
        .get(1)
        .copied()
        .ok_or("a function has no body")?;
    builder.position_at_end(setup);
    let branch = builder.branch(next);
    for variable in function.instructions() {
        let is_variable = variable.opcode() == Some(Opcode::LLVMAlloca);
        if is_variable && variable.block() != setup && variable.operand(0).is_constant() {
            variable.remove();
            builder.position_before(branch);
            builder.insert(variable, "");
        }
    }
    Ok(())
}

/// Moves all instructions of `block` but the last ones into new blocks in front of it. Returns the
/// first one.
fn take_apart(module: &Module, block: Block, setup: Value, flag: Value) -> Block {
    let context = module.context();
    let builder = context.builder();
    let byte = context.int(8);
    let instructions = block.instructions();
    let parts: Vec<&[Value]> = instructions.chunks(PART).collect();
    let moved = &parts[..parts.len() - 1];
    debug_assert!(block.phis().len() <= PART, "phis stay together");
    let mut blocks: Vec<Block> = moved
        .iter()
        .map(|_| context.insert_block(block, "part"))
        .collect();
    blocks.push(block);
    for (number, part) in moved.iter().enumerate() {
        builder.position_at_end(blocks[number]);
        for &instruction in *part {
            instruction.remove();
            builder.insert(instruction, "");
        }
        let value = builder.load(byte, flag);
        value.set_volatile(true);
        let set = builder.icmp(IntPredicate::LLVMIntNE, value, byte.zero());
        let around = context.insert_block(blocks[number + 1], "around");
        builder.branch_if(set, blocks[number + 1], around);
        builder.position_at_end(around);
        builder.store(byte.constant(1), flag).set_volatile(true);
        builder.branch(blocks[number + 1]);
    }
    for (number, part) in moved.iter().enumerate() {
        for &value in *part {
            pass_on(&builder, value, number, &blocks, setup);
        }
    }
    blocks[0]
}

/// Passes a value to other parts through memory: LLVM would move what computes it there.
fn pass_on(builder: &Builder, value: Value, number: usize, blocks: &[Block], setup: Value) {
    if value.opcode() == Some(Opcode::LLVMAlloca) {
        return;
    }
    let mut users: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for user in value.users() {
        // A phi takes the value on the way from the last part, perhaps back to the first one.
        let is_phi = user.opcode() == Some(Opcode::LLVMPHI);
        let inside = |&block: &Block| block == user.block() && !is_phi;
        let part = blocks.iter().position(inside).unwrap_or(blocks.len() - 1);
        if part != number {
            users.entry(part).or_default().push(user);
        }
    }
    if users.is_empty() {
        return;
    }
    builder.position_before(setup);
    let memory = builder.alloca(value.ty(), "passed");
    if let Some(end) = blocks[number].terminator() {
        builder.position_before(end);
        builder.store(value, memory);
    }
    for (part, users) in users {
        builder.position_after_phis(blocks[part]);
        let copy = builder.load(value.ty(), memory);
        copy.set_volatile(true);
        for user in users {
            for (index, operand) in (0..).zip(user.operands()) {
                if operand == value {
                    user.set_operand(index, copy);
                }
            }
        }
    }
}
