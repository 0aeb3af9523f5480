//! `clSVMFreeWithPropertiesKHR`, and the other ways to free (§5.6).

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::{check, Unified};
use crate::check::{expect, Environment, Finding, Group};
use crate::checks::free::goes_back;
use crate::client::offset;

/// The group.
pub const GROUP: Group = Group {
    name: "unified-svm-free",
    about: "clSVMFreeWithPropertiesKHR, and the other ways to free",
    checks: &[
        check(
            "unified-svm-free/each-type",
            "5.6",
            "Memory of each type is freed, with NULL or an empty list for the properties.",
            each_type,
        ),
        check(
            "unified-svm-free/given-back",
            "5.6",
            "Memory of each type that is used and freed many times over does not add up.",
            given_back,
        ),
        check(
            "unified-svm-free/of-svm-alloc",
            "5.6",
            "Memory of clSVMAlloc is freed as well.",
            of_svm_alloc,
        ),
        check(
            "unified-svm-free/null",
            "5.6",
            "For NULL no action occurs, and the call succeeds.",
            |environment| free(environment, environment.context, &[], 0, null_mut(), CL_SUCCESS),
        ),
        check(
            "unified-svm-free/by-svm-free",
            "5.6.1",
            "clSVMFree frees memory of each type.",
            by_svm_free,
        ),
        check(
            "unified-svm-free/by-enqueue-free",
            "5.6.1",
            "clEnqueueSVMFree frees memory of each type.",
            by_enqueue_free,
        ),
        check(
            "unified-svm-free/null-in-a-list",
            "5.6.1",
            "For a NULL pointer in the list of clEnqueueSVMFree no action occurs: the command completes.",
            null_in_a_list,
        ),
        check(
            "unified-svm-free/interior-pointer",
            "5.6",
            "A pointer into an allocation is no value that was returned: CL_INVALID_VALUE.",
            interior_pointer,
        ),
        check(
            "unified-svm-free/foreign-pointer",
            "5.6",
            "A pointer to memory of the application is no value that was returned: CL_INVALID_VALUE.",
            |environment| {
                let mut own = [0_u64; 16];
                let pointer = own.as_mut_ptr().cast();
                free(environment, environment.context, &[], 0, pointer, CL_INVALID_VALUE)
            },
        ),
        check(
            "unified-svm-free/unknown-flags",
            "5.6",
            "Flags, of which there are none, are CL_INVALID_VALUE.",
            |environment| {
                for flags in [1, 1 << 40, cl_svm_free_flags_khr::MAX] {
                    free(environment, environment.context, &[], flags, null_mut(), CL_INVALID_VALUE)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-free/unknown-property",
            "5.6",
            "Properties, of which there are none, are CL_INVALID_PROPERTY.",
            |environment| {
                for name in [1, CL_SVM_ALLOC_ACCESS_FLAGS_KHR] {
                    let list = [name, 0, 0];
                    free(environment, environment.context, &list, 0, null_mut(), CL_INVALID_PROPERTY)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-free/context-null",
            "5.6",
            "NULL for the context is CL_INVALID_CONTEXT.",
            |environment| free(environment, null_mut(), &[], 0, null_mut(), CL_INVALID_CONTEXT),
        ),
        check(
            "unified-svm-free/context-of-wrong-type",
            "5.6",
            "Objects of other types for the context are CL_INVALID_CONTEXT.",
            |environment| {
                let (queue, device) = (environment.queue, environment.device);
                free(environment, queue, &[], 0, null_mut(), CL_INVALID_CONTEXT)?;
                free(environment, device, &[], 0, null_mut(), CL_INVALID_CONTEXT)
            },
        )
        .alone(),
    ],
};

/// Demands a code of the call; NULL stands for no properties.
fn free(
    environment: &Environment,
    context: cl_context,
    list: &[cl_properties],
    flags: cl_svm_free_flags_khr,
    pointer: *mut c_void,
    expected: cl_int,
) -> Finding {
    let unified = Unified::of(environment)?;
    let place = if list.is_empty() {
        null()
    } else {
        list.as_ptr()
    };
    let code = unified.functions.free(context, place, flags, pointer);
    let what = format!("clSVMFreeWithPropertiesKHR of {pointer:?} with {list:x?} and {flags:#x}");
    expect::code(&what, expected, code)
}

/// Frees memory that a check has allocated.
fn release(environment: &Environment, list: &[cl_properties], pointer: *mut c_void) -> Finding {
    environment.forget(pointer);
    free(
        environment,
        environment.context,
        list,
        0,
        pointer,
        CL_SUCCESS,
    )
}

/// Demands that nothing is known of memory any more.
fn gone(unified: &Unified, what: &str, pointer: *mut c_void) -> Finding {
    let size = unified.told(null_mut(), pointer, CL_SVM_INFO_SIZE_KHR, usize::MAX)?;
    expect::equal(&format!("the size of {what} after it was freed"), 0, size)
}

fn each_type(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        for list in [&[][..], &[0][..]] {
            let memory = unified.memory(kind, 1000)?;
            release(environment, list, memory)?;
            gone(&unified, &format!("memory of {kind}"), memory)?;
        }
    }
    Ok(())
}

fn given_back(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let types = unified.types_with(0)?;
    let next = Cell::new(0);
    let allocate = |size| {
        let kind = types[next.get() % types.len()];
        next.set(next.get() + 1);
        unified.memory(kind, size)
    };
    goes_back(environment, 1, allocate, |list| {
        release(environment, &[], list[0])
    })
}

fn of_svm_alloc(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let memory = environment.svm(1000)?;
    release(environment, &[], memory)?;
    gone(&unified, "memory of clSVMAlloc", memory)
}

fn by_svm_free(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        let memory = unified.memory(kind, 1000)?;
        environment.free(memory);
        gone(&unified, &format!("memory of {kind}"), memory)?;
    }
    Ok(())
}

/// Has a list freed by a command, which must complete and have its type.
fn enqueued(environment: &Environment, list: &mut [*mut c_void]) -> Finding {
    let (queue, mut event) = (environment.queue, null_mut());
    let code = environment.api.clEnqueueSVMFree(
        queue,
        list.len() as cl_uint,
        list.as_mut_ptr(),
        None,
        null_mut(),
        0,
        null(),
        &mut event,
    );
    expect::success(&format!("clEnqueueSVMFree of {list:?}"), code)?;
    environment.keep_event(event);
    environment.finish()?;
    let seen = environment.event_type(event)?;
    expect::equal("the command type", CL_COMMAND_SVM_FREE, seen)?;
    let status = environment.event_status(event)?;
    expect::equal("the status after clFinish", CL_COMPLETE, status)
}

fn by_enqueue_free(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let types = unified.types_with(0)?;
    let list = types.iter().map(|kind| unified.memory(*kind, 1000));
    let mut list: Vec<*mut c_void> = list.collect::<Result<_, _>>()?;
    for memory in &list {
        environment.forget(*memory);
    }
    enqueued(environment, &mut list)?;
    for (kind, memory) in types.iter().zip(list) {
        gone(&unified, &format!("memory of {kind}"), memory)?;
    }
    Ok(())
}

fn null_in_a_list(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    enqueued(environment, &mut [null_mut()])?;
    let memory = unified.memory(unified.first()?, 1000)?;
    environment.forget(memory);
    enqueued(environment, &mut [null_mut(), memory, null_mut()])?;
    gone(&unified, "memory between NULL pointers", memory)
}

fn interior_pointer(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        let memory = unified.memory(kind, 1000)?;
        for bytes in [1, 128, 999] {
            let pointer = offset(memory, bytes);
            free(
                environment,
                environment.context,
                &[],
                0,
                pointer,
                CL_INVALID_VALUE,
            )?;
        }
        unified.usable(&format!("memory of {kind}"), memory, 1000)?;
    }
    Ok(())
}
