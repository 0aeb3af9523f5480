//! The types of shared virtual memory that platform and devices tell (§4.1, §4.2).

use std::ffi::c_void;
use std::ptr::null_mut;

use opencl_sys::*;

use super::{check, device_types, platform_types, Unified};
use crate::check::{expect, Environment, Finding, Group, Need, Outcome};
use crate::session::{devices, string};

/// The group.
pub const GROUP: Group = Group {
    name: "unified-svm-types",
    about: "cl_khr_unified_svm: the types that platform and devices tell",
    checks: &[
        check(
            "unified-svm-types/functions",
            "5.6",
            "clGetExtensionFunctionAddressForPlatform finds the four functions of the extension.",
            |environment| Unified::of(environment).map(|_| ()),
        ),
        check(
            "unified-svm-types/length",
            "4.2",
            "The array of a device is as long as that of its platform.",
            length,
        ),
        check(
            "unified-svm-types/superset",
            "4.2",
            "An entry of a device is 0, or has all capabilities of the platform's.",
            superset,
        ),
        check(
            "unified-svm-types/supported-by-a-device",
            "4.1",
            "Each type is supported by at least one device of the platform.",
            supported_by_a_device,
        ),
        check(
            "unified-svm-types/device-owned",
            "4.2",
            "A type that is owned by a device is not one without an associated device.",
            |environment| {
                each(environment, "CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR is not there", |entry| {
                    entry & CL_SVM_CAPABILITY_DEVICE_OWNED_KHR == 0
                        || entry & CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR == 0
                })
            },
        ),
        check(
            "unified-svm-types/host-owned",
            "4.2",
            "A type that is owned by the host needs no associated device.",
            |environment| {
                each(environment, "CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR is there", |entry| {
                    entry & CL_SVM_CAPABILITY_HOST_OWNED_KHR == 0
                        || entry & CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR != 0
                })
            },
        ),
        check(
            "unified-svm-types/host-owned-accessible",
            "4.2",
            "A type that is owned by the host is accessible to it.",
            |environment| {
                let accessible = CL_SVM_CAPABILITY_HOST_READ_KHR
                    | CL_SVM_CAPABILITY_HOST_WRITE_KHR
                    | CL_SVM_CAPABILITY_HOST_MAP_KHR;
                each(environment, "a capability of the host is there", |entry| {
                    entry & CL_SVM_CAPABILITY_HOST_OWNED_KHR == 0 || entry & accessible != 0
                })
            },
        ),
        check(
            "unified-svm-types/room-too-small",
            "4.2",
            "Room for less than the array is CL_INVALID_VALUE.",
            room_too_small,
        ),
        check(
            "unified-svm-types/stable",
            "4.2",
            "Platform and device answer the same whenever they are asked.",
            stable,
        ),
        check(
            "unified-svm-types/core-types",
            "4.2",
            "Whether the kinds of CL_DEVICE_SVM_CAPABILITIES are among the types is not said.",
            core_types,
        )
        .undefined(),
        check(
            "unified-svm-types/concurrent-access-atom-size",
            "4.2",
            "The query of the granularity of concurrent access has a value in the draft, and none in version 0.9.0.",
            concurrent_access_atom_size,
        )
        .undefined(),
    ],
};

/// The devices of the platform that have the extension, and sub-devices of the device.
pub(super) fn all_devices(environment: &Environment) -> Result<Vec<cl_device_id>, Outcome> {
    let mut found = devices(environment.api, environment.platform)?;
    found.retain(|device| {
        let extensions = string(|size, value, size_ret| {
            let (api, name) = (environment.api, CL_DEVICE_EXTENSIONS);
            api.clGetDeviceInfo(*device, name, size, value, size_ret)
        });
        extensions.is_ok_and(|text| text.contains("cl_khr_unified_svm"))
    });
    if environment.has(Need::SubDevices)? {
        found.extend(environment.sub_devices(1)?);
    }
    Ok(found)
}

fn length(environment: &Environment) -> Finding {
    let expected = platform_types(environment)?.len();
    for device in all_devices(environment)? {
        let seen = device_types(environment, device)?.len();
        expect::equal("the number of types of a device", expected, seen)?;
    }
    Ok(())
}

fn superset(environment: &Environment) -> Finding {
    let types = platform_types(environment)?;
    for device in all_devices(environment)? {
        for (index, (demanded, seen)) in types
            .iter()
            .zip(device_types(environment, device)?)
            .enumerate()
        {
            expect::that(seen == 0 || seen & demanded == *demanded, || {
                (
                    format!("type {index} of a device is 0 or has {demanded:#x}"),
                    format!("{seen:#x}"),
                )
            })?;
        }
    }
    Ok(())
}

fn supported_by_a_device(environment: &Environment) -> Finding {
    let types = platform_types(environment)?;
    let devices = all_devices(environment)?;
    for index in 0..types.len() {
        let mut supported = false;
        for device in &devices {
            let entry = device_types(environment, *device)?.get(index).copied();
            supported |= entry.is_some_and(|entry| entry != 0);
        }
        expect::that(supported, || {
            (
                format!("a device supports type {index}"),
                "none does".into(),
            )
        })?;
    }
    Ok(())
}

/// Demands something of every type of the platform and of its devices.
fn each(
    environment: &Environment,
    words: &str,
    holds: impl Fn(cl_svm_capabilities_khr) -> bool,
) -> Finding {
    let mut lists = vec![platform_types(environment)?];
    for device in all_devices(environment)? {
        lists.push(device_types(environment, device)?);
    }
    for (index, entry) in lists.iter().flat_map(|list| list.iter().enumerate()) {
        expect::that(holds(*entry), || {
            (format!("{words} in type {index}"), format!("{entry:#x}"))
        })?;
    }
    Ok(())
}

fn room_too_small(environment: &Environment) -> Finding {
    let (api, platform, device) = (environment.api, environment.platform, environment.device);
    let mut room = platform_types(environment)?;
    let (size, place): (_, *mut c_void) = (size_of_val(&room[..]) - 1, room.as_mut_ptr().cast());
    let name = CL_PLATFORM_SVM_TYPE_CAPABILITIES_KHR;
    let code = api.clGetPlatformInfo(platform, name, size, place, null_mut());
    expect::code("clGetPlatformInfo", CL_INVALID_VALUE, code)?;
    let name = CL_DEVICE_SVM_TYPE_CAPABILITIES_KHR;
    let code = api.clGetDeviceInfo(device, name, size, place, null_mut());
    expect::code("clGetDeviceInfo", CL_INVALID_VALUE, code)
}

fn stable(environment: &Environment) -> Finding {
    let platform = platform_types(environment)?;
    let device = device_types(environment, environment.device)?;
    let other = Environment::open()?;
    for asked in [environment, &other] {
        expect::equal("the platform's answer", &platform, &platform_types(asked)?)?;
        let seen = device_types(asked, asked.device)?;
        expect::equal("the device's answer", &device, &seen)?;
    }
    Ok(())
}

fn core_types(environment: &Environment) -> Finding {
    let types = device_types(environment, environment.device)?;
    let core = environment.svm_capabilities();
    let among = |wanted| types.iter().any(|entry| entry & wanted == wanted);
    Err(Outcome::informative(format!(
        "CL_DEVICE_SVM_CAPABILITIES is {core:#x}; coarse-grained is{} among {types:x?}, fine-grained is{}",
        if among(CL_SVM_TYPE_MACRO_COARSE_GRAIN_BUFFER_KHR) { "" } else { " not" },
        if among(CL_SVM_TYPE_MACRO_FINE_GRAIN_BUFFER_KHR) { "" } else { " not" },
    )))
}

fn concurrent_access_atom_size(environment: &Environment) -> Finding {
    // CL_DEVICE_SVM_CONCURRENT_ACCESS_ATOM_SIZE_KHR of the draft.
    let seen = environment.device_info::<usize>(0x1078);
    Err(Outcome::informative(match seen {
        Ok(size) => size.to_string(),
        Err(error) => expect::code_name(error.code),
    }))
}
