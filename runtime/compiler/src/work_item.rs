//! Work-item functions (OpenCL C 3.0 §6.15.1), reduced to a few primitives.
//!
//! Every call becomes arithmetic on calls of the functions named by [`Primitive`], which have no
//! body: the last stage replaces them by loop counters and launch parameters. They are pure, so
//! optimisation may merge and move them freely.

use crate::llvm::{Block, Builder, Context, IntPredicate, Module, Value};

/// A value that the work-group function provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Primitive {
    /// `get_work_dim()`, 32 bits.
    WorkDim,
    /// `get_global_size(dimension)`
    GlobalSize(u32),
    /// `get_global_offset(dimension)`
    GlobalOffset(u32),
    /// `get_local_size(dimension)` of the current, perhaps smaller, work-group.
    LocalSize(u32),
    /// `get_enqueued_local_size(dimension)`
    EnqueuedLocalSize(u32),
    /// `get_num_groups(dimension)`
    GroupCount(u32),
    /// `get_group_id(dimension)`
    GroupId(u32),
    /// Global id of the work-group's first work-item.
    GlobalBase(u32),
    /// `get_local_id(dimension)`: the only primitive that differs between work-items.
    LocalId(u32),
    /// Address of the launch frame.
    Frame,
    /// Address of the scratch block, in the local address space.
    LocalBase,
}

const PREFIX: &str = "isocl.";

impl Primitive {
    /// Name of the function that stands for the primitive.
    pub fn name(self) -> String {
        let (name, dimension) = match self {
            Self::WorkDim => ("work_dim", None),
            Self::GlobalSize(d) => ("global_size", Some(d)),
            Self::GlobalOffset(d) => ("global_offset", Some(d)),
            Self::LocalSize(d) => ("local_size", Some(d)),
            Self::EnqueuedLocalSize(d) => ("enqueued_local_size", Some(d)),
            Self::GroupCount(d) => ("group_count", Some(d)),
            Self::GroupId(d) => ("group_id", Some(d)),
            Self::GlobalBase(d) => ("global_base", Some(d)),
            Self::LocalId(d) => ("local_id", Some(d)),
            Self::Frame => ("frame", None),
            Self::LocalBase => ("local_base", None),
        };
        match dimension {
            Some(dimension) => format!("{PREFIX}{name}.{dimension}"),
            None => format!("{PREFIX}{name}"),
        }
    }

    /// The primitive a function name stands for.
    pub fn from_name(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(PREFIX)?;
        let (kind, dimension) = match rest.split_once('.') {
            Some((name, dimension)) => (name, dimension.parse().ok().filter(|&d: &u32| d < 3)?),
            None => (rest, 3),
        };
        let found = match kind {
            "work_dim" => Self::WorkDim,
            "global_size" => Self::GlobalSize(dimension),
            "global_offset" => Self::GlobalOffset(dimension),
            "local_size" => Self::LocalSize(dimension),
            "enqueued_local_size" => Self::EnqueuedLocalSize(dimension),
            "group_count" => Self::GroupCount(dimension),
            "group_id" => Self::GroupId(dimension),
            "global_base" => Self::GlobalBase(dimension),
            "local_id" => Self::LocalId(dimension),
            "frame" => Self::Frame,
            "local_base" => Self::LocalBase,
            _ => return None,
        };
        (found.name()[PREFIX.len()..] == *rest).then_some(found)
    }

    /// The primitive that `instruction` calls, if it calls one.
    pub fn of_call(instruction: Value) -> Option<Self> {
        Self::from_name(&instruction.called_function()?.name())
    }

    /// Whether all work-items of a work-group see the same value.
    pub fn is_uniform(self) -> bool {
        !matches!(self, Self::LocalId(_))
    }

    /// Declares the primitive's function.
    pub fn declare(self, module: &Module) -> Value {
        let name = self.name();
        if let Some(function) = module.function(&name) {
            return function;
        }
        let context = module.context();
        let result = match self {
            Self::WorkDim => context.int(32),
            Self::Frame => context.pointer(0),
            Self::LocalBase => context.pointer(crate::llvm::address_space::LOCAL),
            _ => context.int(64),
        };
        let function = module.add_function(&name, result.function(&[], false));
        for attribute in ["nounwind", "willreturn", "nosync", "nofree", "speculatable"] {
            function.add_attribute(context.enum_attribute(attribute, 0));
        }
        // Memory effects are two bits per location; none at all is zero.
        function.add_attribute(context.enum_attribute("memory", 0));
        function
    }
}

/// Makes primitives available at the start of a function, each at most once.
#[derive(Debug)]
pub struct Primitives<'m> {
    module: &'m Module,
    entry: Block,
    known: std::collections::HashMap<Primitive, Value>,
}

impl<'m> Primitives<'m> {
    /// For a function with a body.
    pub fn new(module: &'m Module, function: Value) -> Self {
        let entry = function.entry_block();
        let known = entry
            .instructions()
            .into_iter()
            .filter_map(|call| Some((Primitive::of_call(call)?, call)))
            .collect();
        Self {
            module,
            entry,
            known,
        }
    }

    /// The primitive's value, computed at the start of the function.
    pub fn get(&mut self, primitive: Primitive) -> Value {
        let (module, entry) = (self.module, self.entry);
        *self.known.entry(primitive).or_insert_with(|| {
            let builder = module.context().builder();
            match entry.first_instruction() {
                Some(first) => builder.position_before(first),
                None => builder.position_at_end(entry),
            }
            builder.call(primitive.declare(module), &[])
        })
    }
}

/// Work-item functions with one dimension argument: mangled name, value of the primitive,
/// answer for dimensions that do not exist.
type ByDimension = (&'static str, fn(u32) -> Primitive, u64);
const BY_DIMENSION: [ByDimension; 8] = [
    ("_Z15get_global_sizej", Primitive::GlobalSize, 1),
    ("_Z14get_local_sizej", Primitive::LocalSize, 1),
    (
        "_Z23get_enqueued_local_sizej",
        Primitive::EnqueuedLocalSize,
        1,
    ),
    ("_Z12get_local_idj", Primitive::LocalId, 0),
    ("_Z14get_num_groupsj", Primitive::GroupCount, 1),
    ("_Z12get_group_idj", Primitive::GroupId, 0),
    ("_Z17get_global_offsetj", Primitive::GlobalOffset, 0),
    // The base alone; the local id is added where the function is lowered.
    (GLOBAL_ID, Primitive::GlobalBase, 0),
];
const GLOBAL_ID: &str = "_Z13get_global_idj";

/// Replaces every call of a work-item function in `function`.
pub fn lower(module: &Module, function: Value) {
    let mut primitives = Primitives::new(module, function);
    for call in function.instructions() {
        let Some(callee) = call.called_function() else {
            continue;
        };
        let name = callee.name();
        let builder = module.context().builder();
        builder.position_before(call);
        let mut lowering = Lowering {
            context: module.context(),
            builder: &builder,
            primitives: &mut primitives,
        };
        let value = match name.as_str() {
            "_Z12get_work_dimv" => lowering.primitives.get(Primitive::WorkDim),
            "_Z20get_global_linear_idv" => lowering.global_linear_id(),
            "_Z19get_local_linear_idv" => lowering.local_linear_id(),
            _ => match BY_DIMENSION.iter().find(|entry| entry.0 == name) {
                Some(&(_, primitive, otherwise)) => {
                    let dimension = call.operand(0);
                    let with_local_id = name == GLOBAL_ID;
                    lowering.by_dimension(dimension, otherwise, |lowering, d| {
                        let value = lowering.primitives.get(primitive(d));
                        if with_local_id {
                            lowering.plus_local_id(value, d)
                        } else {
                            value
                        }
                    })
                }
                None => continue,
            },
        };
        call.replace_all_uses(value);
        call.erase();
    }
}

struct Lowering<'a, 'm> {
    context: &'a Context,
    builder: &'a Builder,
    primitives: &'a mut Primitives<'m>,
}

impl Lowering<'_, '_> {
    /// Ids never exceed the 64 bits of `size_t`, so the sum does not wrap.
    fn plus_local_id(&mut self, base: Value, dimension: u32) -> Value {
        let local = self.primitives.get(Primitive::LocalId(dimension));
        self.builder.add_nuw(base, local)
    }

    fn by_dimension(
        &mut self,
        dimension: Value,
        otherwise: u64,
        mut value: impl FnMut(&mut Self, u32) -> Value,
    ) -> Value {
        let otherwise = self.context.constant(64, otherwise);
        if let Some(constant) = dimension.constant_int() {
            return match constant {
                0..=2 => value(self, constant as u32),
                _ => otherwise,
            };
        }
        let mut result = otherwise;
        for d in 0..3 {
            let this = value(self, d);
            let number = dimension.ty().constant(u64::from(d));
            let equal = self
                .builder
                .icmp(IntPredicate::LLVMIntEQ, dimension, number);
            result = self.builder.select(equal, this, result);
        }
        result
    }

    /// `(id[2] * size[1] + id[1]) * size[0] + id[0]`
    fn linear(&mut self, id: [Value; 3], size: [Value; 2]) -> Value {
        let planes = self.builder.mul(id[2], size[1]);
        let rows = self.builder.add(planes, id[1]);
        let items = self.builder.mul(rows, size[0]);
        self.builder.add(items, id[0])
    }

    fn local_linear_id(&mut self) -> Value {
        let id = [0, 1, 2].map(|d| self.primitives.get(Primitive::LocalId(d)));
        let size = [0, 1].map(|d| self.primitives.get(Primitive::LocalSize(d)));
        self.linear(id, size)
    }

    fn global_linear_id(&mut self) -> Value {
        let id = [0, 1, 2].map(|d| {
            let base = self.primitives.get(Primitive::GlobalBase(d));
            let offset = self.primitives.get(Primitive::GlobalOffset(d));
            let start = self.builder.sub(base, offset);
            self.plus_local_id(start, d)
        });
        let size = [0, 1].map(|d| self.primitives.get(Primitive::GlobalSize(d)));
        self.linear(id, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_primitives_agree() {
        let all = (0..3).flat_map(|d| {
            [
                Primitive::GlobalSize(d),
                Primitive::LocalSize(d),
                Primitive::LocalId(d),
                Primitive::GlobalBase(d),
            ]
        });
        for primitive in all.chain([Primitive::WorkDim, Primitive::Frame, Primitive::LocalBase]) {
            assert_eq!(Primitive::from_name(&primitive.name()), Some(primitive));
        }
        assert_eq!(Primitive::from_name("isocl.local_id"), None);
        assert_eq!(Primitive::from_name("isocl.local_id.3"), None);
        assert_eq!(Primitive::from_name("isocl.frame.1"), None);
    }

    #[test]
    fn dimensions_that_do_not_exist_answer_constants() {
        let context = Context::new();
        let module = context
            .parse_ir(
                "declare i64 @_Z13get_global_idj(i32)
                declare i64 @_Z14get_local_sizej(i32)
                define i64 @f() {
                %a = call i64 @_Z13get_global_idj(i32 3)
                %b = call i64 @_Z14get_local_sizej(i32 -1)
                %c = add i64 %a, %b
                ret i64 %c }",
            )
            .unwrap();
        lower(&module, module.function("f").unwrap());
        module.verify().unwrap();
        assert!(module.to_string().contains("add i64 0, 1"));
    }

    #[test]
    fn each_primitive_is_computed_once() {
        let context = Context::new();
        let module = context
            .parse_ir(
                "declare i64 @_Z13get_global_idj(i32)
                declare i64 @_Z20get_global_linear_idv()
                define i64 @f(i32 %d) {
                %a = call i64 @_Z13get_global_idj(i32 %d)
                %b = call i64 @_Z20get_global_linear_idv()
                %c = add i64 %a, %b
                ret i64 %c }",
            )
            .unwrap();
        lower(&module, module.function("f").unwrap());
        module.verify().unwrap();
        let text = module.to_string();
        assert_eq!(text.matches("call i64 @isocl.local_id.2()").count(), 1);
        assert!(!text.contains("call i64 @_Z"));
    }
}
