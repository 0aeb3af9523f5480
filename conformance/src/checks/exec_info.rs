//! `clSetKernelExecInfo` (§5.9.2).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::offset;

const COMPILED: &[Need] = &[Need::CoarseGrainBuffer, Need::Compiler];
const POINTERS: cl_uint = CL_KERNEL_EXEC_INFO_SVM_PTRS;
const SYSTEM: cl_uint = CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM;

/// The group.
pub const GROUP: Group = Group {
    name: "exec-info",
    about: "clSetKernelExecInfo: what kernels reach through pointers in memory",
    checks: &[
        Check::new(
            "exec-info/reached-through-memory",
            "5.9.2",
            "A kernel accesses allocations of the set whose pointers it finds in memory.",
            |environment| {
                let kernel = sum(environment, "through_memory")?;
                let parts = several(environment, 20)?;
                environment.reaches(kernel, &parts)?;
                sums(environment, kernel, &parts)
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/interior-pointers",
            "5.9.2",
            "A pointer of the set may be to the middle of an allocation, all of which may then be accessed.",
            |environment| {
                let kernel = sum(environment, "through_the_middle")?;
                let parts = several(environment, 20)?;
                let middles: Vec<_> = parts.iter().map(|part| offset(*part, 21)).collect();
                environment.reaches(kernel, &middles)?;
                sums(environment, kernel, &parts)
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/pointer-in-a-structure",
            "5.9.2",
            "A kernel accesses an allocation of the set whose pointer is in a structure passed by value.",
            pointer_in_a_structure,
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/replaced",
            "5.9.2",
            "Each call replaces the set: the kernel then accesses the allocations of the latest.",
            |environment| {
                let kernel = sum(environment, "replaced")?;
                for count in [10, 1, 30] {
                    let parts = several(environment, count)?;
                    environment.reaches(kernel, &parts)?;
                    sums(environment, kernel, &parts)?;
                }
                Ok(())
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/kept",
            "5.9.2",
            "The set holds for every enqueue until it is replaced, and its memory may be reused.",
            |environment| {
                let kernel = sum(environment, "kept_set")?;
                let parts = several(environment, 10)?;
                let mut set = parts.clone();
                environment.reaches(kernel, &set)?;
                set.fill(null_mut());
                for _ in 0..3 {
                    sums(environment, kernel, &parts)?;
                }
                expect::equal("what was done to the set", vec![null_mut(); 10], set)
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/written",
            "5.9.2",
            "What a kernel writes to allocations of the set is there for the host.",
            written,
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/large-set",
            "5.9.2",
            "The set may have a thousand pointers, some of them to the same allocation.",
            |environment| {
                let kernel = sum(environment, "large_set")?;
                let parts = several(environment, 500)?;
                let again = parts.iter().map(|part| offset(*part, 4));
                let set: Vec<_> = parts.iter().copied().chain(again).collect();
                environment.reaches(kernel, &set)?;
                sums(environment, kernel, &parts)
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/with-arguments",
            "5.9.2",
            "Pointers of the set may be arguments of the kernel as well.",
            with_arguments,
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/empty-set",
            "5.9.2",
            "A size of 0 and NULL specify an empty set.",
            |environment| {
                let kernel = sum(environment, "empty_set")?;
                environment.reaches(kernel, &several(environment, 3)?)?;
                let code = info(environment, kernel, POINTERS, 0, null());
                expect::success("clSetKernelExecInfo of an empty set", code)?;
                sums(environment, kernel, &[])
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/clone",
            "5.9.3",
            "A clone of a kernel has its set.",
            |environment| {
                if environment.version()? < (2, 1) {
                    return Err(Outcome::not_applicable("before OpenCL 2.1"));
                }
                let kernel = sum(environment, "cloned_set")?;
                let parts = several(environment, 10)?;
                environment.reaches(kernel, &parts)?;
                let clone = environment.clone_kernel(kernel)?;
                sums(environment, clone, &parts)
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/kernel-null",
            "5.9.2",
            "NULL for the kernel is CL_INVALID_KERNEL.",
            |environment| kernel_refused(environment, null_mut()),
        ),
        Check::new(
            "exec-info/kernel-of-wrong-type",
            "5.9.2",
            "Objects of other types for the kernel are CL_INVALID_KERNEL.",
            |environment| {
                kernel_refused(environment, environment.context)?;
                kernel_refused(environment, environment.queue)
            },
        )
        .alone(),
        Check::new(
            "exec-info/unknown-name",
            "5.9.2",
            "A name that is not in the table is CL_INVALID_VALUE.",
            |environment| {
                let pointer = environment.svm(64)?;
                let place = (&raw const pointer).cast();
                for name in [0, CL_KERNEL_FUNCTION_NAME, cl_uint::MAX] {
                    refused(environment, name, size_of_val(&pointer), place)?;
                }
                Ok(())
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/value-null",
            "5.9.2",
            "NULL for the value with a size that is not 0 is CL_INVALID_VALUE.",
            |environment| {
                refused(environment, POINTERS, size_of::<*mut c_void>(), null())?;
                refused(environment, POINTERS, 10 * size_of::<*mut c_void>(), null())?;
                refused(environment, SYSTEM, size_of::<cl_bool>(), null())
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/size-of-pointers",
            "5.9.2",
            "A size that is no multiple of that of a pointer is not valid: CL_INVALID_VALUE.",
            |environment| {
                let set = several(environment, 4)?;
                for size in [1, 4, 7, 9, 12, 31] {
                    refused(environment, POINTERS, size, set.as_ptr().cast())?;
                }
                Ok(())
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/size-of-fine-grain-system",
            "5.9.2",
            "A size smaller than that of cl_bool is not valid for CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM: CL_INVALID_VALUE.",
            |environment| {
                let value = CL_FALSE;
                for size in [0, 1, 2, 3] {
                    refused(environment, SYSTEM, size, (&raw const value).cast())?;
                }
                Ok(())
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/without-fine-grain-system",
            "5.9.2",
            "A kernel can be kept from system allocations on any device.",
            |environment| system(environment, CL_FALSE, CL_SUCCESS),
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/fine-grain-system-unsupported",
            "5.9.2",
            "CL_TRUE for CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM is CL_INVALID_OPERATION where no device supports it.",
            |environment| {
                if environment.has(Need::FineGrainSystem)? {
                    let words = Need::FineGrainSystem.words();
                    return Err(Outcome::not_applicable(format!("it has {words}")));
                }
                system(environment, CL_TRUE, CL_INVALID_OPERATION)
            },
        )
        .needs(COMPILED),
        Check::new(
            "exec-info/fine-grain-system",
            "5.9.2",
            "With fine-grained system SVM, kernels reach memory of the application through pointers, by default and when it is said.",
            fine_grain_system,
        )
        .needs(&[Need::FineGrainSystem, Need::Compiler]),
        Check::new(
            "exec-info/null-in-the-set",
            "5.9.2",
            "Pointers of the set are to SVM allocations: what NULL among them does is left open.",
            |environment| {
                let kernel = sum(environment, "null_in_set")?;
                let set = [environment.svm(64)?, null_mut()];
                let (size, place) = (size_of_val(&set), set.as_ptr().cast());
                let code = info(environment, kernel, POINTERS, size, place);
                Err(Outcome::informative(expect::code_name(code)))
            },
        )
        .needs(COMPILED)
        .undefined(),
    ],
};

/// Calls the function; the code.
fn info(
    environment: &Environment,
    kernel: cl_kernel,
    name: cl_uint,
    size: usize,
    value: *const c_void,
) -> cl_int {
    environment
        .api
        .clSetKernelExecInfo(kernel, name, size, value)
}

/// A kernel that adds up the number of each of several allocations, through a table of pointers.
pub(super) fn sum(environment: &Environment, name: &str) -> Result<cl_kernel, Outcome> {
    let source = format!(
        "kernel void {name}(global uint *to, global uint * global *table, uint count) {{
            uint all = 0;
            for (uint i = 0; i < count; i++) all += table[i][7];
            *to = all;
        }}"
    );
    environment.kernel(&source, name)
}

/// So many allocations with a number each, the last of eight.
fn several(environment: &Environment, count: u32) -> Result<Vec<*mut c_void>, Outcome> {
    (0..count)
        .map(|index| {
            let memory = environment.svm(32)?;
            environment.store(memory, &[0, 0, 0, 0, 0, 0, 0, index * index + 1])?;
            Ok(memory)
        })
        .collect()
}

/// Demands that the kernel of [`sum`] finds the numbers of [`several`].
fn sums(environment: &Environment, kernel: cl_kernel, parts: &[*mut c_void]) -> Finding {
    let (to, table) = (
        environment.svm(4)?,
        environment.svm(8 * parts.len().max(1))?,
    );
    environment.store(to, &[u32::MAX])?;
    if !parts.is_empty() {
        environment.store(table, parts)?;
    }
    let count = parts.len() as cl_uint;
    let code = environment.set_arg(kernel, 2, &count);
    expect::success("clSetKernelArg", code)?;
    environment.run(kernel, &[to, table], 1)?;
    let expected: u32 = (0..count).map(|index| index * index + 1).sum();
    expect::equal("the sum", vec![expected], environment.load(to, 1)?)
}

fn pointer_in_a_structure(environment: &Environment) -> Finding {
    let kernel = environment.kernel(
        "typedef struct { uint skip; global uint *values; uint count; } list;
        kernel void structure(global uint *to, list from) {
            uint all = 0;
            for (uint i = from.skip; i < from.count; i++) all += from.values[i];
            *to = all;
        }",
        "structure",
    )?;
    let (to, from) = (environment.svm(4)?, environment.svm(40)?);
    environment.store(from, &(1..=10).collect::<Vec<u32>>())?;
    let list = [1, from as usize as u64, 10];
    expect::success("clSetKernelArg", environment.set_arg(kernel, 1, &list))?;
    environment.reaches(kernel, &[from])?;
    environment.run(kernel, &[to], 1)?;
    expect::equal("the sum", vec![54_u32], environment.load(to, 1)?)
}

fn written(environment: &Environment) -> Finding {
    let kernel = environment.kernel(
        "kernel void written(global uint * global *table) {
            size_t i = get_global_id(0);
            table[i][7] += 100 + i;
        }",
        "written",
    )?;
    let parts = several(environment, 50)?;
    let table = environment.svm(50 * 8)?;
    environment.store(table, &parts)?;
    environment.reaches(kernel, &parts)?;
    environment.run(kernel, &[table], 50)?;
    for (index, part) in (0..).zip(parts) {
        let expected = [0, 0, 0, 0, 0, 0, 0, index * index + 101 + index];
        let found = environment.load::<u32>(part, 8)?;
        expect::elements(&format!("allocation {index}"), &expected, &found)?;
    }
    Ok(())
}

fn with_arguments(environment: &Environment) -> Finding {
    let kernel = sum(environment, "with_arguments")?;
    let (to, table) = (environment.svm(4)?, environment.svm(16)?);
    let part = several(environment, 1)?[0];
    environment.store(table, &[part, part])?;
    environment.reaches(kernel, &[table, to, part, to])?;
    expect::success("clSetKernelArg", environment.set_arg(kernel, 2, &2_u32))?;
    environment.run(kernel, &[to, table], 1)?;
    expect::equal("the sum", vec![2_u32], environment.load(to, 1)?)
}

fn kernel_refused(environment: &Environment, kernel: cl_kernel) -> Finding {
    let set = [environment.svm(64)?];
    let (size, place) = (size_of_val(&set), set.as_ptr().cast());
    let code = info(environment, kernel, POINTERS, size, place);
    expect::code("clSetKernelExecInfo", CL_INVALID_KERNEL, code)
}

/// Demands `CL_INVALID_VALUE`.
fn refused(environment: &Environment, name: cl_uint, size: usize, value: *const c_void) -> Finding {
    let kernel = sum(environment, "refused")?;
    let code = info(environment, kernel, name, size, value);
    let what = format!("clSetKernelExecInfo of {name:#x} with {size} bytes at {value:?}");
    expect::code(&what, CL_INVALID_VALUE, code)
}

/// Demands a code for a value of `CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM`.
fn system(environment: &Environment, value: cl_bool, expected: cl_int) -> Finding {
    let kernel = sum(environment, "system_set")?;
    let (size, place) = (size_of_val(&value), (&raw const value).cast());
    let code = info(environment, kernel, SYSTEM, size, place);
    let what = format!("clSetKernelExecInfo of fine-grained system SVM with {value}");
    expect::code(&what, expected, code)
}

fn fine_grain_system(environment: &Environment) -> Finding {
    let kernel = sum(environment, "reaches_system")?;
    let numbers: Vec<[u32; 8]> = (0..10)
        .map(|index| [0, 0, 0, 0, 0, 0, 0, index * index + 1])
        .collect();
    let parts: Vec<*mut c_void> = numbers
        .iter()
        .map(|part| part.as_ptr().cast_mut().cast())
        .collect();
    sums(environment, kernel, &parts)?;
    let value = CL_TRUE;
    let (size, place) = (size_of_val(&value), (&raw const value).cast());
    let code = info(environment, kernel, SYSTEM, size, place);
    expect::success("clSetKernelExecInfo with CL_TRUE", code)?;
    sums(environment, kernel, &parts)
}
