//! `clGetSVMSuggestedTypeIndexKHR` (§5.6).

use std::ptr::null_mut;

use opencl_sys::*;

use super::{check, device_types, unsupported, Unified, BAD_ALIGNMENTS, BAD_FLAGS, TWICE, UNKNOWN};
use crate::check::{expect, Environment, Finding, Group, Outcome};

/// The group.
pub const GROUP: Group = Group {
    name: "unified-svm-suggested-type",
    about: "clGetSVMSuggestedTypeIndexKHR",
    checks: &[
        check(
            "unified-svm-suggested-type/each-type",
            "5.6",
            "A type is suggested for the capabilities of each type, and has them.",
            |environment| {
                let unified = Unified::of(environment)?;
                for kind in unified.types_with(0)? {
                    for size in [0, 1, 4096] {
                        suited(&unified, kind.capabilities, 0, None, size)?;
                    }
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-suggested-type/each-capability",
            "5.6",
            "A type is suggested for each capability that one has, and has it.",
            |environment| {
                let unified = Unified::of(environment)?;
                let all = unified
                    .types
                    .iter()
                    .fold(0, |all, kind| all | kind.capabilities);
                for bit in (0..64).map(|bit| 1 << bit).filter(|bit| all & bit != 0) {
                    suited(&unified, bit, 0, None, 4096)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-suggested-type/nothing-required",
            "5.6",
            "A type is suggested when no capability is required.",
            |environment| suited(&Unified::of(environment)?, 0, 0, None, 4096),
        ),
        check(
            "unified-svm-suggested-type/for-the-device",
            "5.6",
            "With an associated device, the device supports the suggested type.",
            |environment| {
                let unified = Unified::of(environment)?;
                let handle = CL_SVM_ALLOC_ASSOCIATED_DEVICE_HANDLE_KHR;
                let list = [handle, environment.device as cl_properties, 0];
                for kind in unified.types_with(0)? {
                    suited(&unified, kind.capabilities, 0, Some(&list), 4096)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-suggested-type/for-the-context",
            "5.6",
            "A type that the only device of the context does not support is not suggested.",
            for_the_context,
        ),
        check(
            "unified-svm-suggested-type/allocated",
            "5.6",
            "The suggested type gives memory.",
            allocated,
        ),
        check(
            "unified-svm-suggested-type/unknown-capability",
            "5.6",
            "Without a type that has what is required, CL_UINT_MAX is suggested: that is no error.",
            unknown_capability,
        ),
        check(
            "unified-svm-suggested-type/desired-capabilities",
            "5.6",
            "Desired capabilities may be any: what is suggested has those that are required.",
            |environment| {
                let unified = Unified::of(environment)?;
                for kind in unified.types_with(0)? {
                    for desired in [1 << 60, cl_svm_capabilities_khr::MAX, kind.capabilities] {
                        suited(&unified, kind.capabilities, desired, None, 4096)?;
                    }
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-suggested-type/result-null",
            "5.6",
            "NULL for the result is CL_INVALID_VALUE.",
            |environment| {
                let unified = Unified::of(environment)?;
                let (context, list, none) = (environment.context, std::ptr::null(), null_mut());
                let code = (unified.functions).suggested_type_index(context, 0, 0, list, 0, none);
                expect::code("clGetSVMSuggestedTypeIndexKHR", CL_INVALID_VALUE, code)
            },
        ),
        check(
            "unified-svm-suggested-type/unknown-property",
            "5.6",
            "A name that is no property's is CL_INVALID_PROPERTY.",
            |environment| each_refused(environment, UNKNOWN),
        ),
        check(
            "unified-svm-suggested-type/property-twice",
            "5.6",
            "A property that stands twice is CL_INVALID_PROPERTY.",
            |environment| each_refused(environment, TWICE),
        ),
        check(
            "unified-svm-suggested-type/property-not-valid",
            "5.6",
            "A value that a property cannot have is CL_INVALID_PROPERTY.",
            |environment| {
                each_refused(environment, BAD_FLAGS)?;
                each_refused(environment, BAD_ALIGNMENTS)
            },
        ),
        check(
            "unified-svm-suggested-type/context-null",
            "5.6",
            "NULL for the context is CL_INVALID_CONTEXT.",
            |environment| context_refused(environment, null_mut()),
        ),
        check(
            "unified-svm-suggested-type/context-of-wrong-type",
            "5.6",
            "Objects of other types for the context are CL_INVALID_CONTEXT.",
            |environment| {
                context_refused(environment, environment.queue)?;
                context_refused(environment, environment.device)
            },
        )
        .alone(),
    ],
};

/// Calls the function; the code and the type.
fn suggest(
    unified: &Unified,
    context: cl_context,
    (required, desired): (cl_svm_capabilities_khr, cl_svm_capabilities_khr),
    properties: Option<&[cl_properties]>,
    size: usize,
) -> (cl_int, cl_uint) {
    let mut index = 77;
    let list = properties.map_or(std::ptr::null(), <[cl_properties]>::as_ptr);
    let functions = &unified.functions;
    let code = functions.suggested_type_index(context, required, desired, list, size, &mut index);
    (code, index)
}

/// Demands a type that the device supports, with the required capabilities.
fn suited(
    unified: &Unified,
    required: cl_svm_capabilities_khr,
    desired: cl_svm_capabilities_khr,
    properties: Option<&[cl_properties]>,
    size: usize,
) -> Finding {
    let environment = unified.environment;
    let bits = (required, desired);
    let (code, index) = suggest(unified, environment.context, bits, properties, size);
    expect::success("clGetSVMSuggestedTypeIndexKHR", code)?;
    let types = device_types(environment, environment.device)?;
    let entry = types.get(index as usize).copied().unwrap_or(0);
    expect::that(entry != 0 && entry & required == required, || {
        (
            format!("a type of the device with {required:#x}"),
            format!("type {index} ({entry:#x})"),
        )
    })
}

fn for_the_context(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let (device, _) = unsupported(environment)?;
    let context = environment.context_of(&[device])?;
    let entries = device_types(environment, device)?;
    for kind in unified.types_with(0)? {
        let required = kind.capabilities;
        let (code, index) = suggest(&unified, context, (required, 0), None, 4096);
        expect::success("clGetSVMSuggestedTypeIndexKHR", code)?;
        let suits = |entry: &cl_svm_capabilities_khr| *entry != 0 && entry & required == required;
        let right = match entries.get(index as usize) {
            Some(entry) => suits(entry),
            None => index == cl_uint::MAX && !entries.iter().any(suits),
        };
        expect::that(right, || {
            (
                format!("one of {entries:x?} with {required:#x}, or CL_UINT_MAX if none has them"),
                format!("type {index}"),
            )
        })?;
    }
    Ok(())
}

fn allocated(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let handle = CL_SVM_ALLOC_ASSOCIATED_DEVICE_HANDLE_KHR;
    let list = [handle, environment.device as cl_properties, 0];
    for kind in unified.types_with(0)? {
        let (context, bits) = (environment.context, (kind.capabilities, 0));
        let (code, index) = suggest(&unified, context, bits, Some(&list), 5000);
        expect::success("clGetSVMSuggestedTypeIndexKHR", code)?;
        let (memory, code) = unified.allocate(context, Some(&list), index, 5000);
        let what = format!("memory of the suggested type {index}");
        expect::success(&what, code)?;
        unified.usable(&what, memory, 5000)?;
    }
    Ok(())
}

fn unknown_capability(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let all = unified
        .types
        .iter()
        .fold(0, |all, kind| all | kind.capabilities);
    for required in [cl_svm_capabilities_khr::MAX, !all, 1 << 62] {
        let (code, index) = suggest(&unified, environment.context, (required, 0), None, 4096);
        expect::success("clGetSVMSuggestedTypeIndexKHR", code)?;
        expect::equal(&format!("the type with {required:#x}"), cl_uint::MAX, index)?;
    }
    Ok(())
}

fn each_refused(environment: &Environment, lists: &[&[cl_properties]]) -> Finding {
    let unified = Unified::of(environment)?;
    for list in lists {
        let list = [list, &[0][..]].concat();
        let (code, _) = suggest(&unified, environment.context, (0, 0), Some(&list), 100);
        let what = format!("clGetSVMSuggestedTypeIndexKHR with {list:x?}");
        expect::code(&what, CL_INVALID_PROPERTY, code)?;
    }
    Ok(())
}

fn context_refused(environment: &Environment, context: cl_context) -> Result<(), Outcome> {
    let unified = Unified::of(environment)?;
    let (code, _) = suggest(&unified, context, (0, 0), None, 100);
    expect::code("clGetSVMSuggestedTypeIndexKHR", CL_INVALID_CONTEXT, code)
}
