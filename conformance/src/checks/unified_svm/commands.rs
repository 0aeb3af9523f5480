//! The commands of shared virtual memory on memory of each type (§5.6.1).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::{check, Unified};
use crate::check::{expect, Environment, Finding, Group, Outcome};
use crate::checks::bytes::pattern;
use crate::client::offset;

/// An address at which there is nothing.
const NOWHERE: usize = 0xDEAD_BEE0;

/// The group.
pub const GROUP: Group = Group {
    name: "unified-svm-commands",
    about: "cl_khr_unified_svm: commands on memory of each type",
    checks: &[
        check(
            "unified-svm-commands/memcpy",
            "5.6.1",
            "clEnqueueSVMMemcpy copies between memory of any two types, from and to any address within it.",
            memcpy,
        ),
        check(
            "unified-svm-commands/memfill",
            "5.6.1",
            "clEnqueueSVMMemFill fills memory of each type, with patterns of each size.",
            memfill,
        ),
        check(
            "unified-svm-commands/migrate",
            "5.6.1",
            "clEnqueueSVMMigrateMem migrates memory of each type, and its contents stay.",
            migrate,
        ),
        check(
            "unified-svm-commands/map-unsupported",
            "5.6.1",
            "clEnqueueSVMMap of memory that cannot be mapped is CL_INVALID_VALUE.",
            map_unsupported,
        ),
        check(
            "unified-svm-commands/unmap-unsupported",
            "5.6.1",
            "clEnqueueSVMUnmap of memory that cannot be mapped is CL_INVALID_VALUE.",
            unmap_unsupported,
        ),
        check(
            "unified-svm-commands/memcpy-of-nothing",
            "5.6.1",
            "With a size of 0, clEnqueueSVMMemcpy takes any pointers, NULL among them, and is a command like others.",
            memcpy_of_nothing,
        ),
        check(
            "unified-svm-commands/memcpy-null",
            "5.6.1",
            "NULL for a pointer of clEnqueueSVMMemcpy with a size that is not 0 is CL_INVALID_VALUE.",
            |environment| {
                let unified = Unified::of(environment)?;
                let memory = unified.memory(unified.first()?, 64)?;
                for (to, from) in [(null_mut(), memory), (memory, null_mut())] {
                    copied(environment, (to, from, 64), CL_INVALID_VALUE)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-commands/memfill-of-nothing",
            "5.6.1",
            "With a size of 0, clEnqueueSVMMemFill takes any pointer, NULL among them, and is a command like others.",
            memfill_of_nothing,
        ),
        check(
            "unified-svm-commands/memfill-null",
            "5.6.1",
            "NULL for the pointer of clEnqueueSVMMemFill with a size that is not 0 is CL_INVALID_VALUE.",
            |environment| filled(environment, (null_mut(), 64), CL_INVALID_VALUE),
        ),
        check(
            "unified-svm-commands/migrate-null",
            "5.6.1",
            "clEnqueueSVMMigrateMem ignores NULL in its list where the size is 0 or sizes are not given.",
            migrate_null,
        ),
        check(
            "unified-svm-commands/migrate-some-of-null",
            "5.6.1",
            "NULL in the list of clEnqueueSVMMigrateMem with a size that is not 0 is CL_INVALID_VALUE.",
            |environment| migrated(environment, &[null_mut()], Some(&[64]), CL_INVALID_VALUE),
        ),
        check(
            "unified-svm-commands/buffer-over-it",
            "5.2.1",
            "Whether memory of the types can be used for a buffer is unresolved.",
            buffer_over_it,
        )
        .undefined(),
    ],
};

/// Demands that a command of this type is complete.
fn complete(environment: &Environment, event: cl_event, expected: cl_uint) -> Finding {
    environment.keep_event(event);
    environment.finish()?;
    let seen = environment.event_type(event)?;
    expect::equal("the command type", expected, seen)?;
    let status = environment.event_status(event)?;
    expect::equal("the status after clFinish", CL_COMPLETE, status)
}

/// Demands a code of `clEnqueueSVMMemcpy`, and a command with success.
fn copied(
    environment: &Environment,
    (to, from, size): (*mut c_void, *mut c_void, usize),
    expected: cl_int,
) -> Finding {
    let (api, queue, mut event) = (environment.api, environment.queue, null_mut());
    let code = api.clEnqueueSVMMemcpy(queue, CL_FALSE, to, from, size, 0, null(), &mut event);
    let what = format!("clEnqueueSVMMemcpy of {size} bytes from {from:?} to {to:?}");
    expect::code(&what, expected, code)?;
    if code == CL_SUCCESS {
        complete(environment, event, CL_COMMAND_SVM_MEMCPY)?;
    }
    Ok(())
}

/// The same of `clEnqueueSVMMemFill`.
fn filled(
    environment: &Environment,
    (to, size): (*mut c_void, usize),
    expected: cl_int,
) -> Finding {
    let (api, queue, mut event) = (environment.api, environment.queue, null_mut());
    let (byte, none) = (7_u32, null());
    let place = (&raw const byte).cast();
    let code = api.clEnqueueSVMMemFill(queue, to, place, 4, size, 0, none, &mut event);
    let what = format!("clEnqueueSVMMemFill of {size} bytes at {to:?}");
    expect::code(&what, expected, code)?;
    if code == CL_SUCCESS {
        complete(environment, event, CL_COMMAND_SVM_MEMFILL)?;
    }
    Ok(())
}

/// The same of `clEnqueueSVMMigrateMem`.
fn migrated(
    environment: &Environment,
    list: &[*mut c_void],
    sizes: Option<&[usize]>,
    expected: cl_int,
) -> Finding {
    let (api, queue, mut event) = (environment.api, environment.queue, null_mut());
    let count = list.len() as cl_uint;
    let (place, none) = (list.as_ptr().cast(), null());
    let sizes_place = sizes.map_or(null(), <[usize]>::as_ptr);
    let code = api.clEnqueueSVMMigrateMem(queue, count, place, sizes_place, 0, 0, none, &mut event);
    let what = format!("clEnqueueSVMMigrateMem of {list:?} with sizes {sizes:?}");
    expect::code(&what, expected, code)?;
    if code == CL_SUCCESS {
        complete(environment, event, CL_COMMAND_SVM_MIGRATE_MEM)?;
    }
    Ok(())
}

fn memcpy(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let types = unified.types_with(0)?;
    let pairs = types
        .iter()
        .flat_map(|from| types.iter().map(move |to| (*from, *to)));
    for (from, to) in pairs {
        let (begin, end) = (pattern(500, 5), pattern(500, 6));
        let (source, target) = (unified.filled(from, &begin)?, unified.filled(to, &end)?);
        let whole = (offset(target, 3), offset(source, 17), 301);
        copied(environment, whole, CL_SUCCESS)?;
        let expected = [&end[..3], &begin[17..318], &end[304..]].concat();
        unified.holds(
            &format!("what was copied from {from} to {to}"),
            target,
            &expected,
        )?;
    }
    Ok(())
}

fn memfill(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        let memory = unified.memory(kind, 1024)?;
        for size in [1, 2, 4, 8, 16, 32, 64, 128] {
            unified.fill(memory, 0, 1024)?;
            let bytes = pattern(size, 9);
            let (api, queue, place) = (environment.api, environment.queue, bytes.as_ptr().cast());
            let (at, none) = (offset(memory, 128), null_mut());
            let code = api.clEnqueueSVMMemFill(queue, at, place, size, 256, 0, null(), none);
            expect::success(&format!("clEnqueueSVMMemFill of {kind}"), code)?;
            environment.finish()?;
            let middle = bytes.repeat(256 / size);
            let expected = [&[0; 128][..], &middle, &[0; 640]].concat();
            unified.holds(
                &format!("{kind} with {size} bytes again and again"),
                memory,
                &expected,
            )?;
        }
    }
    Ok(())
}

fn migrate(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        let expected = pattern(5000, 4);
        let memory = unified.filled(kind, &expected)?;
        for flags in [0, CL_MIGRATE_MEM_OBJECT_HOST, 0] {
            let (api, queue, list) = (environment.api, environment.queue, [memory]);
            let (place, none, events) = (list.as_ptr().cast(), null(), null());
            let code =
                api.clEnqueueSVMMigrateMem(queue, 1, place, none, flags, 0, events, null_mut());
            expect::success(&format!("clEnqueueSVMMigrateMem of {kind}"), code)?;
            unified.holds(&format!("what was migrated of {kind}"), memory, &expected)?;
        }
        migrated(environment, &[memory], Some(&[0]), CL_SUCCESS)?;
        migrated(
            environment,
            &[offset(memory, 100)],
            Some(&[200]),
            CL_SUCCESS,
        )?;
        unified.holds(&format!("what was migrated of {kind}"), memory, &expected)?;
    }
    Ok(())
}

/// Demands that memory of types that cannot be mapped is refused.
fn mapping_refused(environment: &Environment, call: impl Fn(*mut c_void) -> cl_int) -> Finding {
    let unified = Unified::of(environment)?;
    let mut types = unified.types_with(0)?;
    types.retain(|kind| !kind.has(CL_SVM_CAPABILITY_HOST_MAP_KHR));
    if types.is_empty() {
        return Err(Outcome::not_applicable("every type can be mapped"));
    }
    for kind in types {
        let code = call(unified.memory(kind, 64)?);
        expect::code(&format!("the call for {kind}"), CL_INVALID_VALUE, code)?;
    }
    Ok(())
}

fn map_unsupported(environment: &Environment) -> Finding {
    mapping_refused(environment, |memory| {
        let (api, queue, flags) = (environment.api, environment.queue, CL_MAP_READ);
        api.clEnqueueSVMMap(queue, CL_TRUE, flags, memory, 64, 0, null(), null_mut())
    })
}

fn unmap_unsupported(environment: &Environment) -> Finding {
    mapping_refused(environment, |memory| {
        (environment.api).clEnqueueSVMUnmap(environment.queue, memory, 0, null(), null_mut())
    })
}

fn memcpy_of_nothing(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let (memory, nowhere) = (
        unified.memory(unified.first()?, 64)?,
        NOWHERE as *mut c_void,
    );
    for other in [null_mut(), nowhere, memory] {
        copied(environment, (other, memory, 0), CL_SUCCESS)?;
        copied(environment, (memory, other, 0), CL_SUCCESS)?;
    }
    copied(environment, (null_mut(), null_mut(), 0), CL_SUCCESS)
}

fn memfill_of_nothing(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let memory = unified.memory(unified.first()?, 64)?;
    for to in [null_mut(), NOWHERE as *mut c_void, memory] {
        filled(environment, (to, 0), CL_SUCCESS)?;
    }
    Ok(())
}

fn migrate_null(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let memory = unified.memory(unified.first()?, 64)?;
    migrated(environment, &[null_mut()], None, CL_SUCCESS)?;
    migrated(environment, &[null_mut()], Some(&[0]), CL_SUCCESS)?;
    migrated(environment, &[null_mut(), memory], None, CL_SUCCESS)?;
    migrated(
        environment,
        &[memory, null_mut()],
        Some(&[64, 0]),
        CL_SUCCESS,
    )
}

fn buffer_over_it(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let mut seen = Vec::new();
    for kind in unified.types_with(0)? {
        let memory = unified.memory(kind, 64)?;
        let (api, flags, mut code) = (environment.api, CL_MEM_USE_HOST_PTR, CL_SUCCESS);
        let buffer = api.clCreateBuffer(environment.context, flags, 64, memory, &mut code);
        environment.keep_memory(buffer);
        seen.push(format!("{kind}: {}", expect::code_name(code)));
    }
    Err(Outcome::informative(seen.join(", ")))
}
