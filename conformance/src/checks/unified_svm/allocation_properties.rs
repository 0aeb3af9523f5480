//! The properties of `clSVMAllocWithPropertiesKHR` (§5.6).

use opencl_sys::*;

use super::{check, largest_type, no_memory, Unified, BAD_ALIGNMENTS, BAD_FLAGS, TWICE, UNKNOWN};
use crate::check::{expect, Environment, Finding, Group, Outcome};

const DEVICE: cl_properties = CL_SVM_ALLOC_ASSOCIATED_DEVICE_HANDLE_KHR;
const FLAGS: cl_properties = CL_SVM_ALLOC_ACCESS_FLAGS_KHR;
const ALIGNMENT: cl_properties = CL_SVM_ALLOC_ALIGNMENT_KHR;

/// The group.
pub const GROUP: Group = Group {
    name: "unified-svm-properties",
    about: "the properties of clSVMAllocWithPropertiesKHR",
    checks: &[
        check(
            "unified-svm-properties/empty",
            "5.6",
            "A list that ends at once is like NULL.",
            empty,
        ),
        check(
            "unified-svm-properties/device",
            "5.6",
            "Memory of each type can be associated with the device.",
            |environment| {
                let unified = Unified::of(environment)?;
                for kind in unified.types_with(0)? {
                    let device = environment.device as cl_properties;
                    let memory = unified.memory_with(kind, 500, &[DEVICE, device])?;
                    unified.usable(&format!("memory of {kind} with a device"), memory, 500)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-properties/device-null",
            "5.6",
            "The default for the device is NULL, which types without an associated device take.",
            |environment| {
                let unified = Unified::of(environment)?;
                for kind in unified.types_with(CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR)? {
                    let memory = unified.memory_with(kind, 500, &[DEVICE, 0])?;
                    unified.usable(&format!("memory of {kind} without a device"), memory, 500)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-properties/device-of-wrong-type",
            "5.6",
            "An object of another type for the device is not valid: CL_INVALID_PROPERTY.",
            |environment| {
                refused(environment, &[DEVICE, environment.context as cl_properties])?;
                refused(environment, &[DEVICE, environment.queue as cl_properties])
            },
        )
        .alone(),
        check(
            "unified-svm-properties/device-not-of-the-context",
            "5.6",
            "Whether a device that is not in the context is a valid value is not said.",
            device_not_of_the_context,
        )
        .undefined(),
        check(
            "unified-svm-properties/alignment-default",
            "5.6",
            "Without an alignment, or with 0, memory is aligned to the largest data type.",
            |environment| {
                let largest = largest_type(environment)?;
                aligned(environment, &[], largest)?;
                aligned(environment, &[ALIGNMENT, 0], largest)
            },
        ),
        check(
            "unified-svm-properties/alignment",
            "5.6",
            "Memory has the alignments up to the size of the largest data type.",
            |environment| {
                let largest = largest_type(environment)?;
                let powers = (0..).map(|bit| 1 << bit);
                for alignment in powers.take_while(|alignment| *alignment <= largest) {
                    aligned(environment, &[ALIGNMENT, alignment], alignment)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-properties/alignment-not-a-power-of-two",
            "5.6",
            "An alignment that is no power of two is not valid: CL_INVALID_PROPERTY.",
            |environment| each_refused(environment, BAD_ALIGNMENTS),
        ),
        check(
            "unified-svm-properties/alignment-beyond-largest-type",
            "5.6",
            "What an alignment beyond the largest data type does is unresolved.",
            alignment_beyond_largest_type,
        )
        .undefined(),
        check(
            "unified-svm-properties/access-flags",
            "5.6",
            "Memory of each type is given with each set of access flags.",
            access_flags,
        ),
        check(
            "unified-svm-properties/access-flags-unknown",
            "5.6",
            "Reserved access flags are not valid: CL_INVALID_PROPERTY.",
            |environment| each_refused(environment, BAD_FLAGS),
        ),
        check(
            "unified-svm-properties/all",
            "5.6",
            "All properties may stand in a list, in any order.",
            all,
        ),
        check(
            "unified-svm-properties/unknown",
            "5.6",
            "A name that is no property's is CL_INVALID_PROPERTY.",
            |environment| each_refused(environment, UNKNOWN),
        ),
        check(
            "unified-svm-properties/twice",
            "5.6",
            "A property that stands twice is CL_INVALID_PROPERTY.",
            |environment| each_refused(environment, TWICE),
        ),
    ],
};

fn empty(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(CL_SVM_CAPABILITY_DEVICE_UNASSOCIATED_KHR)? {
        let (memory, code) = unified.allocate(environment.context, Some(&[0]), kind.index, 500);
        let what = format!("memory of {kind} with an empty list");
        expect::success(&what, code)?;
        unified.usable(&what, memory, 500)?;
    }
    Ok(())
}

fn device_not_of_the_context(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let parts = environment.sub_devices(1)?;
    let Some(part) = parts.first() else {
        return Err(Outcome::not_applicable("there is no other device"));
    };
    let list = [DEVICE, *part as cl_properties, 0];
    let index = unified.first()?.index;
    let (_, code) = unified.allocate(environment.context, Some(&list), index, 100);
    Err(Outcome::informative(expect::code_name(code)))
}

/// Demands that memory of each type and of several sizes has an alignment.
fn aligned(environment: &Environment, more: &[cl_properties], alignment: u64) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        for size in [1, 65, 127, 129, 5000] {
            let memory = unified.memory_with(kind, size, more)?;
            expect::that((memory as u64).is_multiple_of(alignment), || {
                (
                    format!("{size} bytes of {kind} at a multiple of {alignment}"),
                    format!("{memory:?}"),
                )
            })?;
        }
    }
    Ok(())
}

fn alignment_beyond_largest_type(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let (kind, alignment) = (unified.first()?, 2 * largest_type(environment)?);
    let list = unified.properties(kind, &[ALIGNMENT, alignment]);
    let (_, code) = unified.allocate(environment.context, Some(&list), kind.index, 100);
    let code = expect::code_name(code);
    Err(Outcome::informative(format!("{alignment}: {code}")))
}

fn access_flags(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        for bits in 0..16 {
            let flags = [
                CL_SVM_ALLOC_ACCESS_HOST_NOREAD_KHR,
                CL_SVM_ALLOC_ACCESS_HOST_NOWRITE_KHR,
                CL_SVM_ALLOC_ACCESS_DEVICE_NOREAD_KHR,
                CL_SVM_ALLOC_ACCESS_DEVICE_NOWRITE_KHR,
            ];
            let chosen = (0..4).filter(|bit| bits >> bit & 1 != 0);
            let value = chosen.map(|bit: usize| flags[bit]).sum();
            unified.memory_with(kind, 100, &[FLAGS, value])?;
        }
    }
    Ok(())
}

fn all(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let device = environment.device as cl_properties;
    for kind in unified.types_with(0)? {
        for list in [
            [DEVICE, device, FLAGS, 0, ALIGNMENT, 32],
            [ALIGNMENT, 64, FLAGS, 0, DEVICE, device],
        ] {
            let memory = unified.memory_with(kind, 500, &list)?;
            unified.usable(&format!("memory of {kind}"), memory, 500)?;
        }
    }
    Ok(())
}

/// Demands `CL_INVALID_PROPERTY` for a list of properties, with each type.
fn refused(environment: &Environment, more: &[cl_properties]) -> Finding {
    let unified = Unified::of(environment)?;
    for kind in unified.types_with(0)? {
        let list = unified.properties(kind, more);
        let given = unified.allocate(environment.context, Some(&list), kind.index, 100);
        no_memory(
            &format!("{kind} with {list:x?}"),
            given,
            CL_INVALID_PROPERTY,
        )?;
    }
    Ok(())
}

fn each_refused(environment: &Environment, lists: &[&[cl_properties]]) -> Finding {
    lists.iter().try_for_each(|list| refused(environment, list))
}
