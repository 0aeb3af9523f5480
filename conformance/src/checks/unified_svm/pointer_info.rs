//! `clGetSVMPointerInfoKHR` (§5.6).

use std::ffi::c_void;
use std::ptr::null_mut;

use opencl_sys::*;

use super::{check, platform_types, Type, Unified};
use crate::check::{expect, Environment, Finding, Group, Outcome};
use crate::client::offset;

const DEVICE: cl_properties = CL_SVM_ALLOC_ASSOCIATED_DEVICE_HANDLE_KHR;
const FLAGS: cl_properties = CL_SVM_ALLOC_ACCESS_FLAGS_KHR;
const ALIGNMENT: cl_properties = CL_SVM_ALLOC_ALIGNMENT_KHR;

/// The names with values of one size, and that size.
const NAMES: [(cl_svm_pointer_info_khr, usize); 6] = [
    (CL_SVM_INFO_TYPE_INDEX_KHR, size_of::<cl_uint>()),
    (
        CL_SVM_INFO_CAPABILITIES_KHR,
        size_of::<cl_svm_capabilities_khr>(),
    ),
    (
        CL_SVM_INFO_ACCESS_FLAGS_KHR,
        size_of::<cl_svm_alloc_access_flags_khr>(),
    ),
    (CL_SVM_INFO_BASE_PTR_KHR, size_of::<*mut c_void>()),
    (CL_SVM_INFO_SIZE_KHR, size_of::<usize>()),
    (
        CL_SVM_INFO_ASSOCIATED_DEVICE_HANDLE_KHR,
        size_of::<cl_device_id>(),
    ),
];

/// The group.
pub const GROUP: Group = Group {
    name: "unified-svm-pointer-info",
    about: "clGetSVMPointerInfoKHR",
    checks: &[
        check(
            "unified-svm-pointer-info/type-index",
            "5.6",
            "The type is the one that memory was allocated with, at its beginning, within it and at its end.",
            |environment| {
                everywhere(environment, |unified, kind, memory, device, pointer| {
                    let (name, none) = (CL_SVM_INFO_TYPE_INDEX_KHR, 77);
                    let seen = unified.told(device, pointer, name, none)?;
                    expect::equal(&format!("the type at {pointer:?} in {memory:?}"), kind.index, seen)
                })
            },
        ),
        check(
            "unified-svm-pointer-info/capabilities-for-the-device",
            "5.6",
            "The capabilities for a device are those that it tells of the type.",
            |environment| {
                everywhere(environment, |unified, kind, _, device, pointer| {
                    if device.is_null() {
                        return Ok(());
                    }
                    let name = CL_SVM_INFO_CAPABILITIES_KHR;
                    let seen = unified.told(device, pointer, name, 77_u64)?;
                    expect::equal(&format!("the capabilities of {kind}"), kind.capabilities, seen)
                })
            },
        ),
        check(
            "unified-svm-pointer-info/capabilities-for-all",
            "5.6",
            "Without a device, the capabilities are those of the associated device, or at least the platform's.",
            capabilities_for_all,
        ),
        check(
            "unified-svm-pointer-info/base",
            "5.6",
            "The base is the address that was returned, for each pointer into the memory.",
            |environment| {
                everywhere(environment, |unified, kind, memory, device, pointer| {
                    let name = CL_SVM_INFO_BASE_PTR_KHR;
                    let seen = unified.told(device, pointer, name, null_mut())?;
                    expect::equal(&format!("the base of {pointer:?} in {kind}"), memory, seen)
                })
            },
        ),
        check(
            "unified-svm-pointer-info/size",
            "5.6",
            "The size is the one that was asked for.",
            |environment| {
                everywhere(environment, |unified, kind, _, device, pointer| {
                    let seen = unified.told(device, pointer, CL_SVM_INFO_SIZE_KHR, 0_usize)?;
                    expect::equal(&format!("the size of memory of {kind}"), SIZE, seen)
                })
            },
        ),
        check(
            "unified-svm-pointer-info/device",
            "5.6",
            "The device is the associated one, or NULL.",
            device,
        ),
        check(
            "unified-svm-pointer-info/access-flags",
            "5.6",
            "The access flags are those of the property, and 0 without it.",
            access_flags,
        ),
        check(
            "unified-svm-pointer-info/properties",
            "5.6",
            "The properties are those that were specified, in the same order, and no others.",
            properties,
        ),
        check(
            "unified-svm-pointer-info/no-properties",
            "5.6",
            "The size of the properties is 0 where NULL was specified.",
            no_properties,
        ),
        check(
            "unified-svm-pointer-info/list-captured",
            "5.6",
            "The properties stay what they were when the memory of the list is reused.",
            list_captured,
        ),
        check(
            "unified-svm-pointer-info/of-svm-alloc",
            "5.6",
            "Memory of clSVMAlloc has a type, a base and a size, and neither properties, flags nor device.",
            of_svm_alloc,
        ),
        check(
            "unified-svm-pointer-info/unknown-pointer",
            "5.6",
            "For pointers into no allocation, each name has its default.",
            unknown_pointer,
        ),
        check(
            "unified-svm-pointer-info/of-another-context",
            "5.6",
            "For memory of another context, each name has its default.",
            of_another_context,
        ),
        check(
            "unified-svm-pointer-info/sizes",
            "5.6",
            "The size of each value is that of its type, and is told without a value as well.",
            sizes,
        ),
        check(
            "unified-svm-pointer-info/room-too-small",
            "5.6",
            "Room that is smaller than the value is CL_INVALID_VALUE.",
            room_too_small,
        ),
        check(
            "unified-svm-pointer-info/unknown-name",
            "5.6",
            "A name that is not in the table is CL_INVALID_VALUE.",
            |environment| {
                for name in [0, CL_SVM_INFO_PROPERTIES_KHR + 9, cl_uint::MAX] {
                    let asked = (environment.context, null_mut(), name);
                    refused(environment, asked, CL_INVALID_VALUE)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-pointer-info/context-null",
            "5.6",
            "NULL for the context is CL_INVALID_CONTEXT.",
            |environment| {
                let asked = (null_mut(), null_mut(), CL_SVM_INFO_SIZE_KHR);
                refused(environment, asked, CL_INVALID_CONTEXT)
            },
        ),
        check(
            "unified-svm-pointer-info/context-of-wrong-type",
            "5.6",
            "An object of another type for the context is CL_INVALID_CONTEXT.",
            |environment| {
                let asked = (environment.queue, null_mut(), CL_SVM_INFO_SIZE_KHR);
                refused(environment, asked, CL_INVALID_CONTEXT)
            },
        )
        .alone(),
        check(
            "unified-svm-pointer-info/device-of-wrong-type",
            "5.6",
            "An object of another type for the device is CL_INVALID_DEVICE.",
            |environment| {
                let asked = (environment.context, environment.queue, CL_SVM_INFO_SIZE_KHR);
                refused(environment, asked, CL_INVALID_DEVICE)
            },
        )
        .alone(),
        check(
            "unified-svm-pointer-info/device-not-of-the-context",
            "5.6",
            "A device that is not in the context is CL_INVALID_DEVICE.",
            |environment| {
                let parts = environment.sub_devices(1)?;
                let Some(part) = parts.first() else {
                    return Err(Outcome::not_applicable("there is no other device"));
                };
                let asked = (environment.context, *part, CL_SVM_INFO_SIZE_KHR);
                refused(environment, asked, CL_INVALID_DEVICE)
            },
        ),
    ],
};

const SIZE: usize = 1001;

/// Demands something of memory of each type, with and without a device, at several of its addresses.
fn everywhere(
    environment: &Environment,
    demand: impl Fn(&Unified, Type, *mut c_void, cl_device_id, *mut c_void) -> Finding,
) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        let memory = unified.memory(kind, SIZE)?;
        for device in [null_mut(), environment.device] {
            for bytes in [0, 1, 500, SIZE - 1] {
                demand(&unified, kind, memory, device, offset(memory, bytes))?;
            }
        }
    }
    Ok(())
}

fn capabilities_for_all(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let (platform, name) = (platform_types(environment)?, CL_SVM_INFO_CAPABILITIES_KHR);
    for kind in unified.types_with(0)? {
        let device = environment.device as cl_properties;
        let memory = unified.memory_with(kind, SIZE, &[DEVICE, device])?;
        let seen = unified.told(null_mut(), memory, name, 77_u64)?;
        let what = format!("the capabilities of {kind} with a device");
        expect::equal(&what, kind.capabilities, seen)?;
    }
    for kind in unified.types_with(CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR)? {
        let memory = unified.memory(kind, SIZE)?;
        let seen = unified.told(null_mut(), memory, name, 0_u64)?;
        let demanded = platform.get(kind.index as usize).copied().unwrap_or(0);
        expect::that(seen & demanded == demanded, || {
            (
                format!("{demanded:#x} is among the capabilities of {kind}"),
                format!("{seen:#x}"),
            )
        })?;
    }
    Ok(())
}

fn device(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let name = CL_SVM_INFO_ASSOCIATED_DEVICE_HANDLE_KHR;
    let told = |memory, asked| unified.told(asked, memory, name, 77 as cl_device_id);
    for kind in unified.types_with(0)? {
        let handle = environment.device as cl_properties;
        let memory = unified.memory_with(kind, SIZE, &[DEVICE, handle])?;
        for asked in [null_mut(), environment.device] {
            let what = format!("the device of memory of {kind}");
            expect::equal(&what, environment.device, told(memory, asked)?)?;
        }
        if kind.has(CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR) {
            let memory = unified.memory(kind, SIZE)?;
            let what = format!("the device of memory of {kind} without one");
            expect::equal(&what, null_mut(), told(memory, null_mut())?)?;
        }
    }
    Ok(())
}

fn access_flags(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let name = CL_SVM_INFO_ACCESS_FLAGS_KHR;
    for kind in unified.types_with(0)? {
        for (more, flags) in [
            (&[][..], 0),
            (&[ALIGNMENT, 64][..], 0),
            (&[FLAGS, 0][..], 0),
            (&[FLAGS, 1][..], CL_SVM_ALLOC_ACCESS_HOST_NOREAD_KHR),
            (&[FLAGS, 0x202][..], 0x202),
        ] {
            let memory = unified.memory_with(kind, SIZE, more)?;
            let seen = unified.told(null_mut(), memory, name, 77_u64)?;
            let what = format!("the access flags of {kind} with {more:x?}");
            expect::equal(&what, flags, seen)?;
        }
    }
    Ok(())
}

/// The list of properties that the implementation tells.
fn list(unified: &Unified, pointer: *const c_void) -> Result<Vec<cl_properties>, Outcome> {
    let (context, name) = (unified.environment.context, CL_SVM_INFO_PROPERTIES_KHR);
    super::array("CL_SVM_INFO_PROPERTIES_KHR", |size, value, ret| {
        (unified.functions).pointer_info(context, null_mut(), pointer, name, size, value, ret)
    })
}

fn properties(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        for more in [
            &[][..],
            &[ALIGNMENT, 64][..],
            &[FLAGS, 0, ALIGNMENT, 0][..],
            &[ALIGNMENT, 32, FLAGS, 0x100][..],
        ] {
            let specified = unified.properties(kind, more);
            let memory = unified.memory_with(kind, SIZE, more)?;
            for pointer in [memory, offset(memory, 700)] {
                let what = format!("the properties of {kind}");
                expect::equal(&what, &specified, &list(&unified, pointer)?)?;
            }
        }
    }
    Ok(())
}

fn no_properties(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR)? {
        let (memory, code) = unified.allocate(environment.context, None, kind.index, SIZE);
        expect::success("clSVMAllocWithPropertiesKHR", code)?;
        let what = format!("the properties of {kind} without any");
        expect::equal(&what, Vec::new(), list(&unified, memory)?)?;
    }
    Ok(())
}

fn list_captured(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let kind = unified.first()?;
    let specified = unified.properties(kind, &[ALIGNMENT, 16]);
    let mut reused = specified.clone();
    let context = environment.context;
    let (memory, code) = unified.allocate(context, Some(&reused), kind.index, SIZE);
    expect::success("clSVMAllocWithPropertiesKHR", code)?;
    reused.fill(0x77);
    expect::equal("the properties", &specified, &list(&unified, memory)?)?;
    // Also keeps the list alive to here.
    expect::equal(
        "what was done to the list",
        vec![0x77; specified.len()],
        reused,
    )
}

fn of_svm_alloc(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let (memory, none) = (environment.svm(SIZE)?, null_mut());
    let count = platform_types(environment)?.len() as cl_uint;
    for pointer in [memory, offset(memory, SIZE - 1)] {
        let index = unified.told(none, pointer, CL_SVM_INFO_TYPE_INDEX_KHR, 77_u32)?;
        expect::that(index < count, || {
            (format!("a type smaller than {count}"), index.to_string())
        })?;
        let size = unified.told(none, pointer, CL_SVM_INFO_SIZE_KHR, 77_usize)?;
        expect::equal("the size", SIZE, size)?;
        let base = unified.told(none, pointer, CL_SVM_INFO_BASE_PTR_KHR, none)?;
        expect::equal("the base", memory, base)?;
        let flags = unified.told(none, pointer, CL_SVM_INFO_ACCESS_FLAGS_KHR, 77_u64)?;
        expect::equal("the access flags", 0, flags)?;
        let name = CL_SVM_INFO_ASSOCIATED_DEVICE_HANDLE_KHR;
        let device = unified.told(none, pointer, name, environment.device)?;
        expect::equal("the device", none, device)?;
        expect::equal("the properties", Vec::new(), list(&unified, pointer)?)?;
    }
    Ok(())
}

/// Demands the defaults.
fn unknown(unified: &Unified, what: &str, pointer: *const c_void) -> Finding {
    for device in [null_mut(), unified.environment.device] {
        let index = unified.told(device, pointer, CL_SVM_INFO_TYPE_INDEX_KHR, 77_u32)?;
        expect::equal(&format!("the type of {what}"), cl_uint::MAX, index)?;
        for name in [CL_SVM_INFO_CAPABILITIES_KHR, CL_SVM_INFO_ACCESS_FLAGS_KHR] {
            let bits = unified.told(device, pointer, name, 77_u64)?;
            expect::equal(&format!("{name:#x} of {what}"), 0, bits)?;
        }
        let size = unified.told(device, pointer, CL_SVM_INFO_SIZE_KHR, 77_usize)?;
        expect::equal(&format!("the size of {what}"), 0, size)?;
        for name in [
            CL_SVM_INFO_BASE_PTR_KHR,
            CL_SVM_INFO_ASSOCIATED_DEVICE_HANDLE_KHR,
        ] {
            let handle = unified.told(device, pointer, name, unified.environment.device)?;
            expect::equal(&format!("{name:#x} of {what}"), null_mut(), handle)?;
        }
    }
    let properties = list(unified, pointer)?;
    expect::equal(&format!("the properties of {what}"), Vec::new(), properties)
}

fn unknown_pointer(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let own = [0_u64; 4];
    unknown(&unified, "NULL", null_mut())?;
    unknown(&unified, "memory of the application", own.as_ptr().cast())
}

fn of_another_context(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let context = environment.context_of(&[environment.device])?;
    for kind in unified.types_with(0)? {
        let specified = unified.properties(kind, &[]);
        let (memory, code) = unified.allocate(context, Some(&specified), kind.index, SIZE);
        expect::success("clSVMAllocWithPropertiesKHR", code)?;
        unknown(&unified, &format!("memory of {kind}"), memory)?;
    }
    Ok(())
}

fn sizes(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let (context, memory) = (environment.context, unified.memory(unified.first()?, SIZE)?);
    for (name, expected) in NAMES {
        let (mut told, mut room) = ([0, 0], [0_u64; 2]);
        let [first, second] = &mut told;
        let place = room.as_mut_ptr().cast();
        let ask = |size, value, size_ret| {
            let none = null_mut();
            (unified.functions).pointer_info(context, none, memory, name, size, value, size_ret)
        };
        expect::success("without a value", ask(0, null_mut(), first))?;
        expect::success("with room to spare", ask(16, place, second))?;
        expect::success("without its size", ask(16, place, null_mut()))?;
        expect::equal(&format!("the sizes of {name:#x}"), [expected; 2], told)?;
    }
    Ok(())
}

fn room_too_small(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let kind = unified.first()?;
    let memory = unified.memory_with(kind, SIZE, &[ALIGNMENT, 64])?;
    for (name, size) in NAMES.into_iter().chain([(CL_SVM_INFO_PROPERTIES_KHR, 24)]) {
        let (context, none, mut room) = (environment.context, null_mut(), [0_u64; 8]);
        let place = room.as_mut_ptr().cast();
        let code = (unified.functions).pointer_info(
            context,
            none,
            memory,
            name,
            size - 1,
            place,
            null_mut(),
        );
        let what = format!(
            "clGetSVMPointerInfoKHR of {name:#x} with {} bytes",
            size - 1
        );
        expect::code(&what, CL_INVALID_VALUE, code)?;
    }
    Ok(())
}

fn refused(
    environment: &Environment,
    (context, device, name): (cl_context, cl_device_id, cl_svm_pointer_info_khr),
    expected: cl_int,
) -> Finding {
    let unified = Unified::of(environment)?;
    let memory = unified.memory(unified.first()?, SIZE)?;
    let mut room = [0_u64; 8];
    let place = room.as_mut_ptr().cast();
    let code =
        (unified.functions).pointer_info(context, device, memory, name, 64, place, null_mut());
    expect::code(
        &format!("clGetSVMPointerInfoKHR of {name:#x}"),
        expected,
        code,
    )
}
