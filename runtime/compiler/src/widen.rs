//! Turns what one work-item does into what `width` neighbours in dimension 0 do together, each in
//! a lane of vector registers.
//!
//! Values that are the same in all lanes, or grow evenly from lane to lane, stay scalars. Lanes
//! that take different ways run both under masks; a way without lanes is jumped over.

mod bound;
mod control;
mod division;
mod memory;
mod operation;
mod serial;
mod stride;
mod sub_group;
mod wide;

use std::collections::{HashMap, HashSet};

use crate::control_flow::ControlFlow;
use crate::extension;
use crate::jam::Jam;
use crate::lane_shape::{LaneShapes, Shape};
use crate::lanes::Lanes;
use crate::llvm::{Block, Builder, Context, Linkage, Module, Opcode, TargetMachine, Type, Value};
use crate::private_array;
use crate::pure_intrinsic;
use crate::region_function::{Part, PartKind, RegionFunction, Widened};
use crate::region_tree::{self, Node};
use crate::registers::{elements, most_live, Registers};
use crate::size_budget;
use crate::streaming::Streams;

/// Passes that give a region the form that a tree is read from.
const FOR_TREE: &str = "function(sroa,early-cse,simplifycfg,instcombine<no-verify-fixpoint>,\
                        lower-switch,loop-simplify,lcssa)";

/// Passes that give it that form whatever it looks like.
const STRUCTURIZE: &str = "function(fix-irreducible,loop-simplify,unify-loop-exits,loop-simplify,\
                           lcssa,structurizecfg,loop-simplify,lcssa)";

/// Passes that make the program's loops count in the width of addresses. In the entry they would take
/// the loops around work-items apart as well, which are simple from the start.
const FOR_COUNTERS: &str =
    "function(sroa,loop-simplify,lcssa,loop-mssa(loop-rotate),loop(indvars))";

/// Most operations on scalars in a kernel that is widened: beyond, compiling would take too long.
const MOST_OPERATIONS: usize = 25_000;

/// Operations that take as long to compile as a call for which lanes take turns.
const OPERATIONS_PER_TURN: usize = 20;

/// Elements of a vector type of the program that fill registers as well as lanes would.
const WIDE_VECTOR: usize = 8;

/// Operations on elements of wide vectors, for each that memory has, from which waiting for results
/// costs more than taking vectors apart.
const OPERATIONS_PER_WIDE_ACCESS: usize = 16;

/// Whether widening a kernel would pay, as far as the size of things tells, where a register holds
/// `bits` bits of a value in all lanes.
pub fn pays(kernel: Value, registers_for_vectors: usize, bits: u32) -> bool {
    let (mut operations, mut wide, mut accessed) = (0, 0, 0);
    for instruction in kernel.instructions() {
        let callee = instruction.called_function();
        if callee.is_some_and(|callee| !callee.is_declaration()) {
            return false;
        }
        let stored = match instruction.opcode() {
            Some(Opcode::LLVMStore) => elements(instruction.operand(0)),
            _ => 0,
        };
        let count = elements(instruction).max(stored);
        let takes_turns = callee.is_some() && !pure_intrinsic::is_one(instruction);
        operations += if takes_turns {
            OPERATIONS_PER_TURN
        } else {
            count
        };
        if count >= WIDE_VECTOR {
            wide += count;
            if stored > 0 || instruction.opcode() == Some(Opcode::LLVMLoad) {
                accessed += count;
            }
        }
    }
    if operations > MOST_OPERATIONS || wide < OPERATIONS_PER_WIDE_ACCESS * accessed {
        return false;
    }
    let live = || {
        let flow = ControlFlow::new(kernel);
        let blocks: Vec<_> = (0..flow.blocks.len()).collect();
        let registers = |value: Value| match elements(value) {
            count if value.is_instruction() && count > 1 => {
                count * value.ty().scalar().scalar_bits().div_ceil(bits) as usize
            }
            _ => 0,
        };
        most_live(&flow, &blocks, &registers)
    };
    wide == 0 || live() <= registers_for_vectors * 3 / 2
}

/// Gives the functions that wait for it their bodies; the regions they come from are erased. Returns the
/// bytes of a work-item that may go past the caches when it writes them.
///
/// # Errors
/// What cannot be widened; the module is of no use then.
pub fn widen_all(
    module: &Module,
    entry_symbol: &str,
    regions: &[Widened],
    lanes: Lanes,
    registers: Registers,
    machine: &TargetMachine,
) -> Result<u64, String> {
    if regions.is_empty() {
        return Ok(0);
    }
    let context = module.context();
    let entry = module
        .function(entry_symbol)
        .ok_or("the entry is missing")?;
    // Passes leave functions with these attributes alone.
    let skipped = ["optnone", "noinline"];
    for name in skipped {
        entry.add_attribute(context.enum_attribute(name, 0));
    }
    module.run_passes(FOR_TREE, machine)?;
    for widened in regions {
        extension::restore(&context.builder(), widened.region.function);
    }
    let read = |widened: &Widened| region_tree::read(context, widened.region.function);
    let mut trees: Vec<_> = regions.iter().map(read).collect();
    if trees.iter().any(Result::is_err) {
        module.run_passes(STRUCTURIZE, machine)?;
        trees = regions.iter().map(read).collect();
    }
    let width = lanes.width;
    let (mut has_loops, mut num_loops, mut streamed) = (false, 0, 0);
    for (tree, widened) in trees.into_iter().zip(regions) {
        let tree = tree?;
        has_loops |= !region_tree::loop_blocks(&tree).is_empty();
        let region = &widened.region;
        let mut known = None;
        if let Some(rows_at_once) = widened.rows_at_once {
            let shapes = LaneShapes::new(module, region, &tree, &HashSet::new());
            let jam = Jam::new(region, &shapes, &tree, registers, lanes.rows);
            let rows = jam.as_ref().map_or(1, |jam| jam.rows);
            match jam {
                Some(jam) => jam.apply(module),
                None => known = Some(shapes),
            }
            rows_at_once.replace_all_uses(context.constant(64, u64::from(rows)));
            rows_at_once.erase();
        }
        let interleaved = private_array::interleave(module, region, width);
        let shapes = match known {
            Some(shapes) if interleaved.is_empty() => shapes,
            _ => LaneShapes::new(module, region, &tree, &interleaved),
        };
        let streams = Streams::new(module, region, &shapes, &tree, width);
        streamed += streams.bytes();
        if let Some(lead) = widened.lead {
            streams.emit_lead(context, region, lead);
        }
        for part in &widened.parts {
            widen(
                module,
                &widened.region,
                &shapes,
                &tree,
                width,
                part,
                &streams,
            )?;
        }
        let parts = widened.parts.iter().map(|part| part.function);
        for function in parts.chain(widened.lead) {
            num_loops += ControlFlow::new(function).count_loops();
            function.set_linkage(Linkage::LLVMInternalLinkage);
            for name in ["alwaysinline", "nounwind"] {
                let attribute = context.enum_attribute(name, 0);
                function.add_attribute(attribute);
            }
        }
        widened.region.function.erase_function();
    }
    if has_loops && num_loops <= size_budget::MANY_LOOPS {
        module.run_passes(FOR_COUNTERS, machine)?;
    }
    for name in skipped {
        entry.remove_attribute(name);
    }
    Ok(streamed)
}

/// Which lanes run; `None` when all do.
type Mask = Option<Value>;

/// A function under construction.
struct Widener<'a> {
    module: &'a Module,
    region: &'a RegionFunction,
    shapes: &'a LaneShapes,
    width: u32,
    /// How many of the lanes there are, if not all.
    count: Option<Value>,
    /// Stores that go past the caches, where they do.
    streams: Option<&'a Streams>,
    builder: Builder,
    /// Where memory for values that several ways set is reserved.
    setup: Builder,
    function: Value,
    /// First lanes of what is uniform or linear.
    scalars: HashMap<Value, Value>,
    /// Components of what varies, each a vector with an element per lane.
    vectors: HashMap<Value, Vec<Value>>,
    /// What was done lane by lane, for lanes that take turns later.
    singles: HashMap<Value, Vec<Value>>,
    /// Memory for vectors while lanes take turns, by type and number.
    slots_for_turns: HashMap<(Type, usize), Value>,
    /// Whether what is linear under a condition is linear.
    guards: HashMap<Value, Value>,
}

/// Gives the function that waits for it, which has the region's parameters, its body: the region for
/// the work-items from `item` on. It returns whether those behind them may have anything to do.
fn widen(
    module: &Module,
    region: &RegionFunction,
    shapes: &LaneShapes,
    tree: &[Node],
    width: u32,
    part: &Part,
    streams: &Streams,
) -> Result<(), String> {
    let function = part.function;
    let context = module.context();
    let start = context.append_block(function, "start");
    let body = context.append_block(function, "body");
    let setup = context.builder();
    setup.position_at_end(start);
    setup.position_before(setup.branch(body));
    let builder = context.builder();
    builder.position_at_end(body);
    let parameters = function.parameters();
    let mut widener = Widener {
        module,
        region,
        shapes,
        width,
        count: (part.kind == PartKind::Some).then(|| parameters[parameters.len() - 1]),
        streams: (part.kind == PartKind::Streaming).then_some(streams),
        builder,
        setup,
        function,
        scalars: region
            .function
            .parameters()
            .into_iter()
            .zip(parameters.iter().copied())
            .collect(),
        vectors: HashMap::new(),
        singles: HashMap::new(),
        slots_for_turns: HashMap::new(),
        guards: HashMap::new(),
    };
    let mask = widener.count.map(|count| widener.first_lanes(count));
    widener.sequence(tree, mask, None)?;
    let goes_on = widener.goes_on(tree)?;
    widener.builder.return_value(goes_on);
    Ok(())
}

impl Widener<'_> {
    fn context(&self) -> &Context {
        self.module.context()
    }

    fn new_block(&self, name: &str) -> Block {
        self.context().append_block(self.function, name)
    }

    fn shape(&self, value: Value) -> Shape {
        self.shapes.of(value)
    }

    fn block(&mut self, block: Block, mask: Mask) -> Result<(), String> {
        for instruction in block.instructions() {
            if instruction.opcode() != Some(Opcode::LLVMPHI) && !instruction.is_terminator() {
                self.instruction(instruction, mask)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llvm::Context;

    fn check(body: &str) -> bool {
        let context = Context::new();
        let text = format!("define void @f(ptr %p, i32 %n) {{ {body} ret void }}");
        let module = context.parse_ir(&text).unwrap();
        pays(module.function("f").unwrap(), 16, 32)
    }

    #[test]
    fn wide_vectors_in_memory_stay_whole() {
        let body = "%a = load <8 x i32>, ptr %p
            %b = mul <8 x i32> %a, %a
            store <8 x i32> %b, ptr %p";
        assert!(!check(body));
        assert!(check(&body.replace('8', "4")));
    }

    #[test]
    fn calls_for_which_lanes_take_turns_count_more() {
        let check = |calls| {
            let calls = "call void @isocl_host_tgamma(ptr %p)\n".repeat(calls);
            let text = format!(
                "declare void @isocl_host_tgamma(ptr)
                define void @f(ptr %p, i32 %n) {{ {calls} ret void }}"
            );
            let context = Context::new();
            let module = context.parse_ir(&text).unwrap();
            pays(module.function("f").unwrap(), 16, 32)
        };
        assert!(check(1200));
        assert!(!check(1300));
    }

    #[test]
    fn wide_vectors_fill_a_limited_number_of_registers() {
        let body = |count: u32| {
            let make =
                |i: u32| format!("%v{i} = insertelement <8 x i32> poison, i32 %n, i32 {i}\n");
            let add = |i: u32| format!("%s{i} = add <8 x i32> %v{i}, %v{i}\n");
            let all: Vec<_> = (0..count).map(make).chain((0..count).map(add)).collect();
            all.concat()
        };
        assert!(check(&body(3)));
        assert!(!check(&body(4)));
    }
}
