//! The registers for vectors, and how many a function needs.

use std::collections::{HashMap, HashSet};

use crate::control_flow::ControlFlow;
use crate::llvm::{Opcode, Value};

/// The processor's registers for vectors.
#[derive(Debug, Clone, Copy)]
pub struct Registers {
    /// How many there are.
    pub count: usize,
    /// How many a value takes that varies between lanes.
    pub for_each_value: usize,
}

impl Registers {
    /// The registers where `natural` lanes fill one.
    pub fn for_lanes(width: u32, natural: u32) -> Self {
        Self {
            count: vector_registers(natural),
            for_each_value: width.div_ceil(natural) as usize,
        }
    }
}

/// Registers for vectors of a processor of which one has `natural` lanes.
pub fn vector_registers(natural: u32) -> usize {
    if natural >= 16 {
        32
    } else {
        16
    }
}

/// Elements of a vector; one for anything else.
pub fn elements(value: Value) -> usize {
    let of = value.ty();
    if of.is_vector() {
        of.vector_len() as usize
    } else {
        1
    }
}

/// Most registers that are in use at the same time, of which a value takes as many as `registers`
/// says.
pub fn most_live(
    flow: &ControlFlow,
    blocks: &[usize],
    registers: &dyn Fn(Value) -> usize,
) -> usize {
    let counts = |value: &Value| registers(*value) > 0;
    let sum = |live: &HashSet<Value>| live.iter().map(|value| registers(*value)).sum();
    let mut live_in: HashMap<usize, HashSet<Value>> = HashMap::new();
    let mut most = 0;
    let mut changed = true;
    while changed {
        changed = false;
        most = 0;
        for &number in blocks.iter().rev() {
            let block = flow.blocks[number];
            let mut live: HashSet<Value> = HashSet::new();
            for successor in &flow.successors[number] {
                live.extend(live_in.get(successor).into_iter().flatten());
                for phi in flow.blocks[*successor].phis() {
                    let taken = phi.incoming().into_iter();
                    live.extend(taken.filter(|pair| pair.1 == block).map(|pair| pair.0));
                }
            }
            live.retain(counts);
            most = most.max(sum(&live));
            for instruction in block.instructions().into_iter().rev() {
                live.remove(&instruction);
                if instruction.opcode() != Some(Opcode::LLVMPHI) {
                    live.extend(instruction.operands().into_iter().filter(counts));
                }
                most = most.max(sum(&live));
            }
            if live_in.get(&number) != Some(&live) {
                live_in.insert(number, live);
                changed = true;
            }
        }
    }
    most
}
