//! What a device says of its shared virtual memory (§4.2).

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Outcome};

/// The group.
pub const GROUP: Group = Group {
    name: "capabilities",
    about: "what a device says of its shared virtual memory",
    checks: &[
        Check::new(
            "capabilities/mandated",
            "4.2",
            "A device of OpenCL 2.0, 2.1 or 2.2 supports coarse-grained SVM buffers.",
            mandated,
        )
        .needs(&[]),
        Check::new(
            "capabilities/known-bits",
            "4.2",
            "CL_DEVICE_SVM_CAPABILITIES is a combination of the values the specification lists.",
            known_bits,
        )
        .needs(&[]),
        Check::new(
            "capabilities/fine-implies-coarse",
            "5.6.1",
            "Fine-grained buffer sharing is an extension of coarse-grained sharing, so that a device with the one has the other.",
            fine_implies_coarse,
        )
        .needs(&[]),
        Check::new(
            "capabilities/atomics-imply-fine",
            "4.2",
            "SVM atomics work on fine-grained SVM allocations, so that a device with atomics has those.",
            atomics_imply_fine,
        )
        .needs(&[]),
        Check::new(
            "capabilities/size-of-query",
            "4.2",
            "The size of CL_DEVICE_SVM_CAPABILITIES is that of cl_device_svm_capabilities.",
            size_of_query,
        )
        .needs(&[]),
        Check::new(
            "capabilities/preferred-atomic-alignments",
            "4.2",
            "The preferred alignments of platform, global and local atomics are 0 or powers of two.",
            preferred_atomic_alignments,
        )
        .needs(&[]),
        Check::new(
            "capabilities/stable",
            "4.2",
            "A device answers the query of its SVM capabilities the same whenever it is asked.",
            stable,
        )
        .needs(&[]),
    ],
};

fn mandated(environment: &Environment) -> Finding {
    let version = environment.version()?;
    if !((2, 0)..(3, 0)).contains(&version) {
        let (major, minor) = version;
        return Err(Outcome::not_applicable(format!(
            "OpenCL {major}.{minor} mandates nothing"
        )));
    }
    let capabilities = environment.svm_capabilities();
    expect::that(
        capabilities & CL_DEVICE_SVM_COARSE_GRAIN_BUFFER != 0,
        || {
            (
                "CL_DEVICE_SVM_COARSE_GRAIN_BUFFER is among the capabilities".into(),
                format!("{capabilities:#x}"),
            )
        },
    )
}

fn known_bits(environment: &Environment) -> Finding {
    let known = CL_DEVICE_SVM_COARSE_GRAIN_BUFFER
        | CL_DEVICE_SVM_FINE_GRAIN_BUFFER
        | CL_DEVICE_SVM_FINE_GRAIN_SYSTEM
        | CL_DEVICE_SVM_ATOMICS;
    let capabilities = environment.svm_capabilities();
    expect::that(capabilities & !known == 0, || {
        (
            format!("no bits but {known:#x}"),
            format!("{capabilities:#x}"),
        )
    })
}

/// Demands that a device with one capability has one of others.
fn implies(
    environment: &Environment,
    capability: cl_device_svm_capabilities,
    others: cl_device_svm_capabilities,
    words: &str,
) -> Finding {
    let capabilities = environment.svm_capabilities();
    if capabilities & capability == 0 {
        return Err(Outcome::not_applicable("without the capability"));
    }
    expect::that(capabilities & others != 0, || {
        (words.to_owned(), format!("{capabilities:#x}"))
    })
}

fn fine_implies_coarse(environment: &Environment) -> Finding {
    implies(
        environment,
        CL_DEVICE_SVM_FINE_GRAIN_BUFFER,
        CL_DEVICE_SVM_COARSE_GRAIN_BUFFER,
        "CL_DEVICE_SVM_COARSE_GRAIN_BUFFER is among the capabilities",
    )
}

fn atomics_imply_fine(environment: &Environment) -> Finding {
    implies(
        environment,
        CL_DEVICE_SVM_ATOMICS,
        CL_DEVICE_SVM_FINE_GRAIN_BUFFER | CL_DEVICE_SVM_FINE_GRAIN_SYSTEM,
        "a fine-grained kind is among the capabilities",
    )
}

fn size_of_query(environment: &Environment) -> Finding {
    let mut size = 0;
    let (device, none) = (environment.device, std::ptr::null_mut());
    let name = CL_DEVICE_SVM_CAPABILITIES;
    let code = environment
        .api
        .clGetDeviceInfo(device, name, 0, none, &mut size);
    if environment.version()? < (2, 0) && code != CL_SUCCESS {
        return Err(Outcome::not_applicable("before OpenCL 2.0"));
    }
    expect::success("clGetDeviceInfo of CL_DEVICE_SVM_CAPABILITIES", code)?;
    expect::equal("the size", size_of::<cl_device_svm_capabilities>(), size)
}

fn preferred_atomic_alignments(environment: &Environment) -> Finding {
    if environment.version()? < (2, 0) {
        return Err(Outcome::not_applicable("before OpenCL 2.0"));
    }
    for (name, words) in [
        (CL_DEVICE_PREFERRED_PLATFORM_ATOMIC_ALIGNMENT, "platform"),
        (CL_DEVICE_PREFERRED_GLOBAL_ATOMIC_ALIGNMENT, "global"),
        (CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT, "local"),
    ] {
        let value: cl_uint = environment.device_info(name)?;
        expect::that(value == 0 || value.is_power_of_two(), || {
            (
                format!("the preferred alignment of {words} atomics is 0 or a power of two"),
                value.to_string(),
            )
        })?;
    }
    Ok(())
}

fn stable(environment: &Environment) -> Finding {
    let first = environment.svm_capabilities();
    let _context = environment.context_of(&[environment.device])?;
    let other = Environment::open()?;
    expect::equal("the answer", first, environment.svm_capabilities())?;
    expect::equal("the answer", first, other.svm_capabilities())
}
