//! What the application may ask of a kernel before it is compiled: arguments and attributes.

use std::collections::HashSet;

use isocl_compiler_interface::message::{AddressSpace, Argument, ArgumentKind, Kernel};

use crate::control_flow::ControlFlow;
use crate::error::Error;
use crate::llvm::{address_space, Module, Type, TypeKind, Value};

/// LLVM's number of the calling convention `spir_kernel`.
const SPIR_KERNEL: u32 = 76;

/// Largest alignment of an argument: that of `long16`.
const MAX_ALIGNMENT: u32 = 128;

/// Whether a function of a `spir64` module is a kernel.
pub fn is_kernel(function: Value) -> bool {
    !function.is_declaration() && function.calling_convention() == SPIR_KERNEL
}

/// The kernels of a `spir64` module in source order.
///
/// # Errors
/// [`Error::Source`] for an argument of a type this device has not.
pub fn kernels(module: &Module) -> Result<Vec<Kernel>, Error> {
    module
        .functions()
        .into_iter()
        .filter(|function| is_kernel(*function))
        .map(|function| kernel(module, function))
        .collect()
}

fn kernel(module: &Module, function: Value) -> Result<Kernel, Error> {
    let context = module.context();
    let strings = |name: &str| {
        function
            .function_metadata_strings(context.metadata_kind(name))
            .unwrap_or_default()
    };
    let text = |list: &[String], index: usize| list.get(index).cloned().unwrap_or_default();
    let names = strings("kernel_arg_name");
    let types = strings("kernel_arg_type");
    let qualifiers = strings("kernel_arg_type_qual");
    let mut arguments = Vec::new();
    let mut end = 0u32;
    for (index, parameter) in function.parameters().into_iter().enumerate() {
        let kind = argument_kind(module, function, parameter, index as u32)?;
        let (bytes, alignment) = match kind {
            ArgumentKind::Pointer { .. } => (8, 8),
            ArgumentKind::Value { bytes } => {
                let of = function.byval_type(index as u32).unwrap_or(parameter.ty());
                (bytes, module.alignment_of(of).clamp(1, MAX_ALIGNMENT))
            }
        };
        let offset = end.next_multiple_of(alignment);
        end = offset + bytes;
        let qualifier = text(&qualifiers, index);
        let has = |word: &str| qualifier.split(' ').any(|one| one == word);
        let described = !names.is_empty();
        arguments.push(Argument {
            kind,
            offset,
            name: text(&names, index),
            type_name: if described {
                text(&types, index)
            } else {
                String::new()
            },
            is_const: has("const"),
            is_restrict: has("restrict"),
            is_volatile: has("volatile"),
        });
    }
    let required = sizes(module, function, "reqd_work_group_size");
    Ok(Kernel {
        name: function.name(),
        attributes: attributes(module, function, required),
        has_argument_info: arguments.is_empty() || !names.is_empty(),
        arguments,
        argument_block_bytes: end.next_multiple_of(8),
        required_work_group_size: required,
        has_loops: has_loops(function, &mut HashSet::new()),
    })
}

/// Whether a function, or one that it calls, has loops; `seen` are those looked at.
fn has_loops(function: Value, seen: &mut HashSet<Value>) -> bool {
    if function.is_declaration() || !seen.insert(function) {
        return false;
    }
    let instructions = function.instructions().into_iter();
    let mut callees = instructions.filter_map(Value::called_function);
    ControlFlow::new(function).has_loops() || callees.any(|callee| has_loops(callee, seen))
}

fn argument_kind(
    module: &Module,
    function: Value,
    parameter: Value,
    index: u32,
) -> Result<ArgumentKind, Error> {
    if let Some(structure) = function.byval_type(index) {
        return Ok(ArgumentKind::Value {
            bytes: module.size_of(structure) as u32,
        });
    }
    let of = parameter.ty();
    if of.kind() == TypeKind::LLVMTargetExtTypeKind {
        return Err(Error::Source(format!(
            "argument {index} of kernel {} is of a type that this device does not support",
            function.name()
        )));
    }
    if !of.is_pointer() {
        return Ok(ArgumentKind::Value {
            bytes: module.size_of(of) as u32,
        });
    }
    let address_space = match of.address_space() {
        address_space::CONSTANT => AddressSpace::Constant,
        address_space::LOCAL => AddressSpace::Local,
        _ => AddressSpace::Global,
    };
    let pointee_alignment = function.parameter_alignment(index).max(1);
    Ok(ArgumentKind::Pointer {
        address_space,
        pointee_alignment,
    })
}

fn sizes(module: &Module, function: Value, name: &str) -> Option<[u64; 3]> {
    let kind = module.context().metadata_kind(name);
    match function.function_metadata_integers(kind)?[..] {
        [Some(x), Some(y), Some(z)] => Some([x, y, z]),
        _ => None,
    }
}

/// `CL_KERNEL_ATTRIBUTES`: as in the source, separated by spaces.
fn attributes(module: &Module, function: Value, required: Option<[u64; 3]>) -> String {
    let mut list = Vec::new();
    let hint = module.context().metadata_kind("vec_type_hint");
    if let Some(of) = function.function_metadata_type(hint) {
        let signed = function
            .function_metadata_integers(hint)
            .and_then(|list| list.get(1).copied().flatten())
            != Some(0);
        list.push(format!("vec_type_hint({})", type_name(of, signed)));
    }
    if let Some([x, y, z]) = sizes(module, function, "work_group_size_hint") {
        list.push(format!("work_group_size_hint({x},{y},{z})"));
    }
    if let Some([x, y, z]) = required {
        list.push(format!("reqd_work_group_size({x},{y},{z})"));
    }
    list.join(" ")
}

fn type_name(of: Type, signed: bool) -> String {
    let element = of.scalar();
    let name = match (element.is_float(), element.scalar_bits()) {
        (true, 16) => "half",
        (true, 32) => "float",
        (true, _) => "double",
        (false, 8) => "char",
        (false, 16) => "short",
        (false, 32) => "int",
        (false, _) => "long",
    };
    let sign = if signed || element.is_float() {
        ""
    } else {
        "u"
    };
    let width = if of.is_vector() {
        of.vector_len().to_string()
    } else {
        String::new()
    };
    format!("{sign}{name}{width}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend;
    use crate::llvm::Context;
    use isocl_compiler_interface::message::{Limits, Target};

    fn of(source: &str, options: &str) -> Vec<Kernel> {
        let context = Context::new();
        let target = Target {
            extensions: vec!["cl_khr_fp64".into()],
            features: vec![
                "__opencl_c_fp64".into(),
                "__opencl_c_generic_address_space".into(),
            ],
            limits: Limits::NONE,
        };
        let module = frontend::compile(&context, source, options, &[], &target)
            .unwrap()
            .module;
        kernels(&module).unwrap()
    }

    #[test]
    fn arguments_have_kinds_offsets_and_alignments() {
        let source = "typedef struct { global int *p; int v; } S;
            kernel void f(global const float4 *restrict a, local int *l, constant int *c, S s, uchar b, float3 v, volatile global int *q) {}";
        let [kernel] = &of(source, "-cl-std=CL3.0 -cl-kernel-arg-info")[..] else {
            panic!()
        };
        let offsets: Vec<_> = kernel
            .arguments
            .iter()
            .map(|argument| argument.offset)
            .collect();
        assert_eq!(offsets, [0, 8, 16, 24, 40, 48, 64]);
        assert_eq!(kernel.argument_block_bytes, 72);
        let pointer = |address_space, pointee_alignment| ArgumentKind::Pointer {
            address_space,
            pointee_alignment,
        };
        assert_eq!(kernel.arguments[0].kind, pointer(AddressSpace::Global, 16));
        assert_eq!(kernel.arguments[1].kind, pointer(AddressSpace::Local, 4));
        assert_eq!(kernel.arguments[2].kind, pointer(AddressSpace::Constant, 4));
        assert_eq!(kernel.arguments[3].kind, ArgumentKind::Value { bytes: 16 });
        assert_eq!(kernel.arguments[5].kind, ArgumentKind::Value { bytes: 16 });
        assert!(
            kernel.arguments[0].is_const
                && kernel.arguments[0].is_restrict
                && kernel.arguments[6].is_volatile
        );
        assert_eq!(
            (
                kernel.arguments[0].name.as_str(),
                kernel.arguments[0].type_name.as_str()
            ),
            ("a", "float4*")
        );
    }

    #[test]
    fn kernels_come_in_source_order_with_their_attributes() {
        let source = "kernel __attribute__((reqd_work_group_size(8,2,1))) __attribute__((vec_type_hint(uint4))) void z(int n) {}
            kernel __attribute__((work_group_size_hint(4,1,1))) void a() {}";
        let [z, a] = &of(source, "")[..] else {
            panic!()
        };
        assert_eq!((z.name.as_str(), a.name.as_str()), ("z", "a"));
        assert_eq!(z.required_work_group_size, Some([8, 2, 1]));
        assert_eq!(
            z.attributes,
            "vec_type_hint(uint4) reqd_work_group_size(8,2,1)"
        );
        assert_eq!(a.attributes, "work_group_size_hint(4,1,1)");
        assert!(!z.has_argument_info && z.arguments[0].name.is_empty());
    }

    #[test]
    fn loops_are_found_in_what_a_kernel_calls() {
        let source = "int triangle(int n) { int sum = 0; for (int i = 0; i < n; i++) sum += i ^ n; return sum; }
            int twice(int n) { return 2 * n; }
            kernel void a(global int *p, int n) { *p = triangle(n); }
            kernel void b(global int *p, int n) { if (n > 3) *p = twice(n); }
            kernel void c(global int *p, int n) { while (n--) p[n] = n; }";
        let found: Vec<_> = of(source, "")
            .iter()
            .map(|kernel| kernel.has_loops)
            .collect();
        assert_eq!(found, [true, false, true]);
    }
}
