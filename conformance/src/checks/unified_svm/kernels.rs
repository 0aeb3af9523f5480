//! Kernels with memory of each type: arguments, and what they reach (§5.9.2).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use super::super::exec_info::sum;
use super::{Unified, COMPILED};
use crate::check::{expect, Check, Environment, Finding, Group, Outcome};
use crate::client::offset;

const INDIRECT: cl_uint = CL_KERNEL_EXEC_INFO_SVM_INDIRECT_ACCESS_KHR;

/// Pointers to no memory.
const NOWHERE: [usize; 4] = [0, 1, 0xDEAD_BEEF, 0x1234_5678_9ABC];

const fn check(
    name: &'static str,
    statement: &'static str,
    run: fn(&Environment) -> Finding,
) -> Check {
    Check::new(name, "5.9.2", statement, run).needs(COMPILED)
}

/// The group.
pub const GROUP: Group = Group {
    name: "unified-svm-kernels",
    about: "cl_khr_unified_svm: arguments of kernels, and what they reach",
    checks: &[
        check(
            "unified-svm-kernels/argument-within",
            "An argument may point into memory of each type.",
            argument_within,
        ),
        check(
            "unified-svm-kernels/types-together",
            "Arguments of a kernel may be of all types together.",
            types_together,
        ),
        check(
            "unified-svm-kernels/any-argument",
            "Any value is valid for clSetKernelArgSVMPointer, and the kernel sees it.",
            any_argument,
        ),
        check(
            "unified-svm-kernels/set",
            "A kernel accesses memory of each type that is in the set of CL_KERNEL_EXEC_INFO_SVM_PTRS.",
            |environment| {
                let unified = Unified::of(environment)?;
                let (kernel, parts) = (sum(environment, "in_the_set")?, parts(&unified, 0)?);
                environment.reaches(kernel, &parts)?;
                added(&unified, kernel, &parts)
            },
        ),
        check(
            "unified-svm-kernels/set-with-others",
            "NULL and pointers into no allocation are ignored in the set, whose other pointers count.",
            |environment| {
                let unified = Unified::of(environment)?;
                let (kernel, parts) = (sum(environment, "among_others")?, parts(&unified, 0)?);
                let nothing = NOWHERE.map(|address| address as *mut c_void);
                environment.reaches(kernel, &nothing)?;
                environment.reaches(kernel, &[&nothing[..], &parts, &nothing].concat())?;
                added(&unified, kernel, &parts)
            },
        ),
        check(
            "unified-svm-kernels/indirect-access-of-all-types",
            "With CL_KERNEL_EXEC_INFO_SVM_INDIRECT_ACCESS_KHR, a kernel accesses memory of all types that allow it at once.",
            |environment| {
                let unified = Unified::of(environment)?;
                let kernel = sum(environment, "without_a_set")?;
                let parts = parts(&unified, CL_SVM_CAPABILITY_INDIRECT_ACCESS_KHR)?;
                let code = unified.indirect_access(kernel, CL_TRUE);
                expect::success("clSetKernelExecInfo", code)?;
                added(&unified, kernel, &parts)
            },
        ),
        check(
            "unified-svm-kernels/indirect-access-off",
            "The switch can be turned off again, and the set still counts.",
            |environment| {
                let unified = Unified::of(environment)?;
                let (kernel, parts) = (sum(environment, "switched_off")?, parts(&unified, 0)?);
                environment.reaches(kernel, &parts)?;
                for value in [CL_TRUE, CL_FALSE] {
                    let code = unified.indirect_access(kernel, value);
                    expect::success(&format!("clSetKernelExecInfo with {value}"), code)?;
                    added(&unified, kernel, &parts)?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-kernels/indirect-access-of-a-clone",
            "A clone of a kernel has its switch.",
            |environment| {
                let unified = Unified::of(environment)?;
                if environment.version()? < (2, 1) {
                    return Err(Outcome::not_applicable("before OpenCL 2.1"));
                }
                let kernel = sum(environment, "cloned_switch")?;
                let parts = parts(&unified, CL_SVM_CAPABILITY_INDIRECT_ACCESS_KHR)?;
                let code = unified.indirect_access(kernel, CL_TRUE);
                expect::success("clSetKernelExecInfo", code)?;
                added(&unified, environment.clone_kernel(kernel)?, &parts)
            },
        ),
        check(
            "unified-svm-kernels/indirect-access-size",
            "A size that is not that of cl_bool is not valid for the switch: CL_INVALID_VALUE.",
            |environment| {
                let value = CL_TRUE;
                for size in [0, 1, 3] {
                    refused(environment, size, (&raw const value).cast())?;
                }
                Ok(())
            },
        ),
        check(
            "unified-svm-kernels/indirect-access-null",
            "NULL for the value of the switch is CL_INVALID_VALUE.",
            |environment| refused(environment, size_of::<cl_bool>(), null()),
        ),
        check(
            "unified-svm-kernels/indirect-access-kernel-null",
            "NULL for the kernel of the switch is CL_INVALID_KERNEL.",
            |environment| {
                let code = Unified::of(environment)?.indirect_access(null_mut(), CL_TRUE);
                expect::code("clSetKernelExecInfo", CL_INVALID_KERNEL, code)
            },
        ),
    ],
};

fn argument_within(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let source = "kernel void from_within(global uint *p) { p[0] += p[-1] * 10 + p[1]; }";
    let kernel = environment.kernel(source, "from_within")?;
    for kind in unified.types_with(0)? {
        let memory = unified.filled(kind, &[1_u32, 2, 3, 4, 5])?;
        environment.run(kernel, &[offset(memory, 8)], 1)?;
        unified.holds(&format!("memory of {kind}"), memory, &[1_u32, 2, 27, 4, 5])?;
    }
    Ok(())
}

fn types_together(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let types = unified.types_with(0)?;
    let arguments: Vec<String> = (0..types.len())
        .map(|index| format!("global uint *p{index}"))
        .collect();
    let body: Vec<String> = (0..types.len())
        .map(|index| format!("*p{index} += {index};"))
        .collect();
    let (arguments, body) = (arguments.join(", "), body.join(" "));
    let source = format!("kernel void all_types({arguments}) {{ {body} }}");
    let kernel = environment.kernel(&source, "all_types")?;
    let parts = types.iter().map(|kind| unified.filled(*kind, &[100_u32]));
    let parts: Vec<*mut c_void> = parts.collect::<Result<_, _>>()?;
    environment.run(kernel, &parts, 1)?;
    for (number, (kind, part)) in (100..).zip(types.iter().zip(parts)) {
        unified.holds(&format!("memory of {kind}"), part, &[number])?;
    }
    Ok(())
}

fn any_argument(environment: &Environment) -> Finding {
    let unified = Unified::of(environment)?;
    let kernel = environment.kernel(
        "kernel void told_where(global ulong *to, global char *at) { *to = (ulong)at; }",
        "told_where",
    )?;
    let to = unified.memory(unified.first()?, 8)?;
    for address in NOWHERE {
        environment.run(kernel, &[to, address as *mut c_void], 1)?;
        unified.holds("the pointer that the kernel sees", to, &[address as u64])?;
    }
    Ok(())
}

/// Memory of each type with these capabilities, with numbers in it.
fn parts(unified: &Unified, wanted: cl_svm_capabilities_khr) -> Result<Vec<*mut c_void>, Outcome> {
    let types = unified.types_with(wanted)?;
    let kinds = types.iter().cycle().take(3 * types.len());
    kinds
        .zip(1_u32..)
        .map(|(kind, number)| unified.filled(*kind, &[0, 0, 0, 0, 0, 0, 0, number * number]))
        .collect()
}

/// Demands that the kernel of [`sum`] finds the numbers of [`parts`].
fn added(unified: &Unified, kernel: cl_kernel, parts: &[*mut c_void]) -> Finding {
    let (environment, kind) = (unified.environment, unified.first()?);
    let addresses: Vec<u64> = parts.iter().map(|part| *part as u64).collect();
    let (to, table) = (
        unified.filled(kind, &[u32::MAX])?,
        unified.filled(kind, &addresses)?,
    );
    let count = parts.len() as cl_uint;
    expect::success("clSetKernelArg", environment.set_arg(kernel, 2, &count))?;
    environment.run(kernel, &[to, table], 1)?;
    let expected: u32 = (1..=count).map(|number| number * number).sum();
    unified.holds("the sum", to, &[expected])
}

/// Demands `CL_INVALID_VALUE` for a value of the switch.
fn refused(environment: &Environment, size: usize, value: *const c_void) -> Finding {
    let kernel = sum(environment, "switch_refused")?;
    let code = (environment.api).clSetKernelExecInfo(kernel, INDIRECT, size, value);
    let what = format!("clSetKernelExecInfo with {size} bytes at {value:?}");
    expect::code(&what, CL_INVALID_VALUE, code)
}
