//! `clSVMAllocWithPropertiesKHR` (§5.6): types, sizes and contexts.

use std::ffi::c_void;
use std::ptr::null_mut;

use opencl_sys::*;

use super::{check, device_types, no_memory, unsupported, Unified, DEVICE_ACCESS};
use crate::check::{expect, Environment, Finding, Group, Outcome};
use crate::client::offset;

/// The group.
pub const GROUP: Group = Group {
    name: "unified-svm-allocation",
    about: "clSVMAllocWithPropertiesKHR: types, sizes and contexts",
    checks: &[
        check(
            "unified-svm-allocation/each-type",
            "5.6",
            "Memory of each type that the device supports is given, and CL_SUCCESS with it.",
            each_type,
        ),
        check(
            "unified-svm-allocation/code-not-wanted",
            "5.6",
            "NULL for errcode_ret means that no code is returned.",
            code_not_wanted,
        ),
        check(
            "unified-svm-allocation/separate",
            "5.6",
            "Allocations of all types that live at the same time have memory of their own.",
            separate,
        ),
        check(
            "unified-svm-allocation/size-zero",
            "5.6",
            "A size of 0 gives NULL and is no error.",
            size_zero,
        ),
        check(
            "unified-svm-allocation/size-beyond-maximum",
            "5.6",
            "A size beyond CL_DEVICE_MAX_MEM_ALLOC_SIZE gives memory of that size, or NULL and an error.",
            size_beyond_maximum,
        ),
        check(
            "unified-svm-allocation/size-that-wraps",
            "5.6",
            "Sizes for which there is no address space give NULL and an error.",
            size_that_wraps,
        ),
        check(
            "unified-svm-allocation/index-out-of-range",
            "5.6",
            "An index greater than the number of types is CL_INVALID_VALUE.",
            index_out_of_range,
        ),
        check(
            "unified-svm-allocation/index-of-the-number",
            "5.6",
            "The draft's condition leaves out the index that is the number of types itself.",
            index_of_the_number,
        )
        .undefined(),
        check(
            "unified-svm-allocation/type-unsupported",
            "5.6",
            "A type that no device of the context supports is CL_INVALID_OPERATION.",
            type_unsupported,
        ),
        check(
            "unified-svm-allocation/type-unsupported-by-the-device",
            "5.6",
            "A type that the associated device does not support is CL_INVALID_OPERATION.",
            type_unsupported_by_the_device,
        ),
        check(
            "unified-svm-allocation/context-null",
            "5.6",
            "NULL for the context is CL_INVALID_CONTEXT.",
            |environment| context_refused(environment, null_mut()),
        ),
        check(
            "unified-svm-allocation/context-of-wrong-type",
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

fn each_type(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        for size in [1, 100, 4096, (3 << 20) + 1] {
            let memory = unified.memory(kind, size)?;
            unified.usable(&format!("{size} bytes of {kind}"), memory, size)?;
        }
    }
    Ok(())
}

fn code_not_wanted(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let (context, kind) = (environment.context, unified.first()?);
    let list = unified.properties(kind, &[]);
    let give = |index| {
        let (functions, none) = (&unified.functions, null_mut());
        let pointer = functions.allocate(context, list.as_ptr(), index, 100, none);
        environment.keep_svm(context, pointer);
        pointer
    };
    unified.usable("memory without a code", give(kind.index), 100)?;
    expect::equal("memory of no type", null_mut(), give(cl_uint::MAX))
}

fn separate(environment: &Environment) -> Finding {
    const SIZE: usize = 300;
    let unified = Unified::of(environment)?;
    let types = unified.types_with(0)?;
    let kinds = types.iter().cycle().take(100);
    let parts = kinds.map(|kind| unified.memory(*kind, SIZE));
    let parts: Vec<*mut c_void> = parts.collect::<Result<_, _>>()?;
    for (byte, part) in (0..).zip(&parts) {
        unified.fill(*part, byte, SIZE)?;
    }
    for (byte, part) in (0_u8..).zip(&parts) {
        unified.holds(&format!("allocation {byte}"), *part, &[byte; SIZE])?;
    }
    Ok(())
}

fn size_zero(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        let list = unified.properties(kind, &[]);
        let given = unified.allocate(environment.context, Some(&list), kind.index, 0);
        no_memory(&format!("0 bytes of {kind}"), given, CL_SUCCESS)?;
    }
    Ok(())
}

/// Demands memory of this size, or NULL and an error.
fn given_or_refused(unified: &Unified, size: usize) -> Finding {
    for kind in unified.types_with(0)? {
        let list = unified.properties(kind, &[]);
        let context = unified.environment.context;
        let (pointer, code) = unified.allocate(context, Some(&list), kind.index, size);
        expect::that(pointer.is_null() == (code != CL_SUCCESS), || {
            (
                format!("memory and CL_SUCCESS, or neither, for {size} bytes of {kind}"),
                format!("{pointer:?} and {}", expect::code_name(code)),
            )
        })?;
        if !pointer.is_null() {
            unified.usable("the first byte", pointer, 1)?;
            unified.usable("the last byte", offset(pointer, size - 1), 1)?;
            unified.environment.free(pointer);
        }
    }
    Ok(())
}

fn size_beyond_maximum(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let maximum: cl_ulong = environment.device_info(CL_DEVICE_MAX_MEM_ALLOC_SIZE)?;
    given_or_refused(&unified, maximum as usize + 1)
}

fn size_that_wraps(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for size in [usize::MAX, usize::MAX - 4095, usize::MAX / 2 + 1] {
        for kind in unified.types_with(0)? {
            let list = unified.properties(kind, &[]);
            let given = unified.allocate(environment.context, Some(&list), kind.index, size);
            expect::that(given.0.is_null() && given.1 != CL_SUCCESS, || {
                (
                    format!("NULL and an error for {size} bytes of {kind}"),
                    format!("{:?} and {}", given.0, expect::code_name(given.1)),
                )
            })?;
        }
    }
    Ok(())
}

fn index_out_of_range(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let count = device_types(environment, environment.device)?.len() as cl_uint;
    for index in [count + 1, count + 100, cl_uint::MAX] {
        let given = unified.allocate(environment.context, None, index, 100);
        no_memory(&format!("type {index} of {count}"), given, CL_INVALID_VALUE)?;
    }
    Ok(())
}

fn index_of_the_number(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let count = device_types(environment, environment.device)?.len() as cl_uint;
    let (pointer, code) = unified.allocate(environment.context, None, count, 100);
    let code = expect::code_name(code);
    Err(Outcome::informative(format!("{pointer:?} and {code}")))
}

fn type_unsupported(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let (device, index) = unsupported(environment)?;
    let context = environment.context_of(&[device])?;
    let given = unified.allocate(context, None, index, 100);
    no_memory(&format!("type {index}"), given, CL_INVALID_OPERATION)
}

fn type_unsupported_by_the_device(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let (device, index) = unsupported(environment)?;
    let types = unified.types_with(DEVICE_ACCESS)?;
    if !types.iter().any(|kind| kind.index == index) {
        return Err(Outcome::not_applicable(
            "the device does not support it either",
        ));
    }
    let context = environment.context_of(&[environment.device, device])?;
    let handle = CL_SVM_ALLOC_ASSOCIATED_DEVICE_HANDLE_KHR;
    let list = [handle, device as cl_properties, 0];
    let given = unified.allocate(context, Some(&list), index, 100);
    no_memory(&format!("type {index}"), given, CL_INVALID_OPERATION)
}

fn context_refused(environment: &Environment, context: cl_context) -> Finding {
    let unified = Unified::of(environment)?;
    let kind = unified.first()?;
    let list = unified.properties(kind, &[]);
    let given = unified.allocate(context, Some(&list), kind.index, 100);
    no_memory("clSVMAllocWithPropertiesKHR", given, CL_INVALID_CONTEXT)
}
