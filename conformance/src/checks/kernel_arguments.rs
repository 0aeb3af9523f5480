//! `clSetKernelArgSVMPointer` (§5.9.2).

use std::ffi::c_void;
use std::ptr::null_mut;

use opencl_sys::*;

use super::svm_command::flush;
use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::offset;

const COMPILED: &[Need] = &[Need::CoarseGrainBuffer, Need::Compiler];

/// The group.
pub const GROUP: Group = Group {
    name: "kernel-arguments",
    about: "clSetKernelArgSVMPointer",
    checks: &[
        Check::new(
            "kernel-arguments/index-too-large",
            "5.9.2",
            "An index that the kernel has no argument for is CL_INVALID_ARG_INDEX.",
            index_too_large,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/kernel-null",
            "5.9.2",
            "NULL for the kernel is CL_INVALID_KERNEL.",
            |environment| {
                let code = set(environment, null_mut(), 0, environment.svm(64)?);
                expect::code("clSetKernelArgSVMPointer", CL_INVALID_KERNEL, code)
            },
        ),
        Check::new(
            "kernel-arguments/kernel-of-wrong-type",
            "5.9.2",
            "Objects of other types for the kernel are CL_INVALID_KERNEL.",
            |environment| {
                for object in [environment.context, environment.queue, environment.device] {
                    let code = set(environment, object, 0, environment.svm(64)?);
                    expect::code("clSetKernelArgSVMPointer", CL_INVALID_KERNEL, code)?;
                }
                Ok(())
            },
        )
        .alone(),
        Check::new(
            "kernel-arguments/by-value",
            "5.9.2",
            "An SVM pointer can only be used for pointers to global or constant memory: not for values.",
            |environment| wrong_kind(environment, 1),
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/local",
            "5.9.2",
            "An SVM pointer can only be used for pointers to global or constant memory: not for local.",
            |environment| wrong_kind(environment, 2),
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/interior-pointers",
            "5.9.2",
            "The pointer may be an offset into the SVM allocation.",
            interior_pointers,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/constant",
            "5.9.2",
            "The argument may be a pointer to constant memory, with or without an offset.",
            constant,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/every-kind",
            "5.9.2",
            "Arguments may be of every kind of SVM buffer that the device supports.",
            every_kind,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/system-memory",
            "5.6.1",
            "With fine-grained system SVM, the argument may be memory of the application.",
            |environment| {
                let kernel = adding(environment, "system")?;
                let mut memory = vec![5_u32; 64];
                let from = values(environment, 7)?;
                environment.run(kernel, &[memory.as_mut_ptr().cast(), from], 64)?;
                expect::elements("the memory", &[12; 64], &memory)
            },
        )
        .needs(&[Need::FineGrainSystem, Need::Compiler]),
        Check::new(
            "kernel-arguments/kept",
            "5.9.2",
            "A value is used by all calls that enqueue the kernel, until the argument is changed.",
            kept,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/captured",
            "5.9.2",
            "A change of the argument does not change what was enqueued before.",
            captured,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/instead-of-a-buffer",
            "5.9.2",
            "The last value of an argument counts, be it a buffer object or an SVM pointer.",
            instead_of_a_buffer,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/same-pointer-twice",
            "5.9.2",
            "Two arguments may have the same pointer.",
            |environment| {
                let kernel = adding(environment, "twice")?;
                let memory = values(environment, 21)?;
                environment.run(kernel, &[memory, memory], 64)?;
                holds(environment, memory, 42)
            },
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/of-each-kernel",
            "5.9.2",
            "Kernel objects of one function have arguments of their own.",
            of_each_kernel,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/thirty",
            "5.9.2",
            "A kernel may have thirty arguments that are SVM pointers.",
            thirty,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/beside-others",
            "5.9.2",
            "SVM pointers stand beside values, structures, local memory and buffer objects.",
            beside_others,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/unset",
            "5.10",
            "A kernel with an argument that was not set is CL_INVALID_KERNEL_ARGS when it is enqueued.",
            |environment| {
                let kernel = adding(environment, "unset")?;
                environment.svm_arguments(kernel, &[values(environment, 1)?])?;
                let code = environment.launch(kernel, &[64], None);
                environment.finish()?;
                expect::code("clEnqueueNDRangeKernel", CL_INVALID_KERNEL_ARGS, code)
            },
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/raw-pointer",
            "5.9.2",
            "clSetKernelArg takes an SVM pointer for what it is not, a memory object: CL_INVALID_MEM_OBJECT.",
            raw_pointer,
        )
        .needs(COMPILED)
        .alone(),
        Check::new(
            "kernel-arguments/clone",
            "5.9.3",
            "A clone of a kernel that is ready to be enqueued has its arguments.",
            |environment| {
                let kernel = adding(environment, "cloned")?;
                let (to, from) = (values(environment, 1)?, values(environment, 2)?);
                environment.svm_arguments(kernel, &[to, from])?;
                let clone = cloned(environment, kernel)?;
                environment.enqueue(environment.queue, clone, 64, &[])?;
                environment.finish()?;
                holds(environment, to, 3)
            },
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/clone-of-its-own",
            "5.9.3",
            "Arguments set on a clone are not those of its source, nor the other way round.",
            clone_of_its_own,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/null",
            "5.9.2",
            "Whether NULL is a valid value is not said.",
            null,
        )
        .needs(COMPILED),
        Check::new(
            "kernel-arguments/misaligned",
            "5.9.2",
            "The pointer must be aligned for the argument's type, but no error is named.",
            |environment| {
                let source = "kernel void wide(global float4 *a) { a[0] = (float4)(1); }";
                let kernel = environment.kernel(source, "wide")?;
                let code = set(environment, kernel, 0, offset(environment.svm(64)?, 4));
                Err(Outcome::informative(expect::code_name(code)))
            },
        )
        .needs(COMPILED)
        .undefined(),
        Check::new(
            "kernel-arguments/foreign",
            "5.9.2",
            "What is a valid value is not said of memory that is not of clSVMAlloc.",
            |environment| {
                let kernel = adding(environment, "foreign")?;
                let mut memory = vec![0_u32; 64];
                let code = set(environment, kernel, 0, memory.as_mut_ptr().cast());
                Err(Outcome::informative(expect::code_name(code)))
            },
        )
        .needs(COMPILED)
        .undefined(),
    ],
};

/// Sets an argument; the code.
fn set(
    environment: &Environment,
    kernel: cl_kernel,
    index: cl_uint,
    pointer: *mut c_void,
) -> cl_int {
    environment
        .api
        .clSetKernelArgSVMPointer(kernel, index, pointer)
}

/// A kernel that adds 64 numbers to others.
fn adding(environment: &Environment, name: &str) -> Result<cl_kernel, Outcome> {
    let source = format!(
        "kernel void {name}(global uint *to, global const uint *from) {{
            to[get_global_id(0)] += from[get_global_id(0)];
        }}"
    );
    environment.kernel(&source, name)
}

/// 64 equal numbers.
fn values(environment: &Environment, value: u32) -> Result<*mut c_void, Outcome> {
    let memory = environment.svm(64 * 4)?;
    environment.store(memory, &[value; 64])?;
    Ok(memory)
}

/// Demands 64 equal numbers.
fn holds(environment: &Environment, memory: *mut c_void, value: u32) -> Finding {
    let found = environment.load::<u32>(memory, 64)?;
    expect::elements("what the kernel left", &[value; 64], &found)
}

/// A clone of a kernel, where there are clones.
fn cloned(environment: &Environment, kernel: cl_kernel) -> Result<cl_kernel, Outcome> {
    if environment.version()? < (2, 1) {
        return Err(Outcome::not_applicable("before OpenCL 2.1"));
    }
    environment.clone_kernel(kernel).map_err(Outcome::from)
}

fn index_too_large(environment: &Environment) -> Finding {
    let kernel = adding(environment, "add")?;
    let memory = environment.svm(64)?;
    for index in [2, 3, 100, cl_uint::MAX] {
        let code = set(environment, kernel, index, memory);
        let what = format!("clSetKernelArgSVMPointer of argument {index} of 2");
        expect::code(&what, CL_INVALID_ARG_INDEX, code)?;
    }
    Ok(())
}

fn wrong_kind(environment: &Environment, index: cl_uint) -> Finding {
    let source = "kernel void kinds(global uint *a, ulong b, local uint *c) {
        c[get_local_id(0)] = 1; a[get_global_id(0)] = b + c[get_local_id(0)];
    }";
    let kernel = environment.kernel(source, "kinds")?;
    let code = set(environment, kernel, index, environment.svm(64)?);
    expect::that(code != CL_SUCCESS, || {
        (
            format!("clSetKernelArgSVMPointer refuses argument {index}"),
            expect::code_name(code),
        )
    })
}

fn interior_pointers(environment: &Environment) -> Finding {
    let kernel = environment.kernel(
        "kernel void interior(global uchar *a) { *a += 1; }",
        "interior",
    )?;
    let memory = environment.svm(300)?;
    environment.store(memory, &[0_u8; 300])?;
    for index in (0..300).step_by(3) {
        environment.run(kernel, &[offset(memory, index)], 1)?;
    }
    let expected: Vec<u8> = (0..300).map(|index| u8::from(index % 3 == 0)).collect();
    let found = environment.load(memory, 300)?;
    expect::elements("what the kernels left", &expected, &found)
}

fn constant(environment: &Environment) -> Finding {
    let kernel = environment.kernel(
        "kernel void from_constant(global uint *to, constant uint *from) {
            to[get_global_id(0)] = from[get_global_id(0)];
        }",
        "from_constant",
    )?;
    let from = environment.svm(100 * 4)?;
    let data: Vec<u32> = (1000..1100).collect();
    environment.store(from, &data)?;
    for skip in [0, 36] {
        let to = values(environment, 0)?;
        environment.run(kernel, &[to, offset(from, skip * 4)], 64)?;
        let found = environment.load::<u32>(to, 64)?;
        expect::elements("what the kernel read", &data[skip..skip + 64], &found)?;
    }
    Ok(())
}

fn every_kind(environment: &Environment) -> Finding {
    let kernel = adding(environment, "any_kind")?;
    let capabilities = environment.svm_capabilities();
    let fine = CL_MEM_SVM_FINE_GRAIN_BUFFER;
    for (capability, flags) in [
        (CL_DEVICE_SVM_COARSE_GRAIN_BUFFER, 0),
        (CL_DEVICE_SVM_FINE_GRAIN_BUFFER, fine),
        (CL_DEVICE_SVM_ATOMICS, fine | CL_MEM_SVM_ATOMICS),
    ] {
        if capabilities & capability == 0 {
            continue;
        }
        let to = environment.try_svm(flags, 64 * 4, 0);
        environment.store(to, &[30_u32; 64])?;
        environment.run(kernel, &[to, values(environment, 3)?], 64)?;
        holds(environment, to, 33)?;
    }
    Ok(())
}

fn kept(environment: &Environment) -> Finding {
    let kernel = adding(environment, "kept")?;
    let (first, second) = (values(environment, 10)?, values(environment, 20)?);
    let from = values(environment, 3)?;
    environment.svm_arguments(kernel, &[first, from])?;
    for _ in 0..3 {
        environment.enqueue(environment.queue, kernel, 64, &[])?;
    }
    environment.svm_arguments(kernel, &[second])?;
    environment.enqueue(environment.queue, kernel, 64, &[])?;
    environment.finish()?;
    holds(environment, first, 19)?;
    holds(environment, second, 23)
}

fn captured(environment: &Environment) -> Finding {
    let kernel = adding(environment, "captured")?;
    let (first, second) = (values(environment, 10)?, values(environment, 20)?);
    let gate = environment.gate()?;
    environment.svm_arguments(kernel, &[first, values(environment, 3)?])?;
    environment.enqueue(environment.queue, kernel, 64, &[gate])?;
    flush(environment, environment.queue)?;
    environment.svm_arguments(kernel, &[second])?;
    environment.open_gate(gate)?;
    environment.finish()?;
    holds(environment, second, 20)?;
    holds(environment, first, 13)
}

fn instead_of_a_buffer(environment: &Environment) -> Finding {
    let kernel = adding(environment, "either")?;
    let buffer = environment.buffer(CL_MEM_READ_WRITE, 64 * 4, null_mut())?;
    crate::check::buffer::set(environment, buffer, &[100; 64])?;
    let (svm, from) = (values(environment, 10)?, values(environment, 1)?);
    environment.svm_arguments(kernel, &[svm, from])?;
    crate::check::buffer::buffer_argument(environment, kernel, buffer)?;
    environment.enqueue(environment.queue, kernel, 64, &[])?;
    environment.svm_arguments(kernel, &[svm])?;
    environment.enqueue(environment.queue, kernel, 64, &[])?;
    environment.enqueue(environment.queue, kernel, 64, &[])?;
    environment.finish()?;
    holds(environment, svm, 12)?;
    let found = crate::check::buffer::contents(environment, buffer, 64)?;
    expect::elements("the buffer object", &[101; 64], &found)
}

fn of_each_kernel(environment: &Environment) -> Finding {
    let (one, two) = (adding(environment, "own")?, adding(environment, "own")?);
    let (first, second) = (values(environment, 10)?, values(environment, 20)?);
    let from = values(environment, 5)?;
    environment.svm_arguments(one, &[first, from])?;
    environment.svm_arguments(two, &[second, from])?;
    environment.enqueue(environment.queue, one, 64, &[])?;
    environment.finish()?;
    holds(environment, first, 15)?;
    holds(environment, second, 20)
}

fn thirty(environment: &Environment) -> Finding {
    let each = |what: &dyn Fn(usize) -> String| (0..30).map(what).collect::<Vec<_>>();
    let source = format!(
        "kernel void thirty({}) {{ size_t i = get_global_id(0); {} }}",
        each(&|index| format!("global uint *a{index}")).join(", "),
        each(&|index| format!("a{index}[i] += {index} + i;")).join(" ")
    );
    let kernel = environment.kernel(&source, "thirty")?;
    let memory: Result<Vec<_>, _> = (0..30).map(|value| values(environment, value)).collect();
    let memory = memory?;
    environment.run(kernel, &memory, 64)?;
    for (index, memory) in (0..).zip(memory) {
        let expected: Vec<u32> = (0..64).map(|i| 2 * index + i).collect();
        let found = environment.load::<u32>(memory, 64)?;
        expect::elements(&format!("argument {index}"), &expected, &found)?;
    }
    Ok(())
}

fn beside_others(environment: &Environment) -> Finding {
    let kernel = environment.kernel(
        "typedef struct { char first; ulong second; } pair;
        kernel void beside(global uint *a, uchar b, local uint *c, pair d, global uint *e,
                           global const uint *f) {
            size_t i = get_global_id(0);
            c[get_local_id(0)] = f[i];
            barrier(CLK_LOCAL_MEM_FENCE);
            a[i] = b + c[get_local_size(0) - 1 - get_local_id(0)] + d.second + e[i];
        }",
        "beside",
    )?;
    let buffer = environment.buffer(CL_MEM_READ_WRITE, 64 * 4, null_mut())?;
    crate::check::buffer::set(environment, buffer, &[1000; 64])?;
    let (to, from) = (values(environment, 0)?, environment.svm(64 * 4)?);
    environment.store(from, &(0..64).collect::<Vec<u32>>())?;
    let api = environment.api;
    expect::success("clSetKernelArgSVMPointer", set(environment, kernel, 0, to))?;
    expect::success(
        "clSetKernelArgSVMPointer",
        set(environment, kernel, 5, from),
    )?;
    for (index, code) in [
        (1, environment.set_arg(kernel, 1, &200_u8)),
        (2, api.clSetKernelArg(kernel, 2, 64 * 4, null_mut())),
        (3, environment.set_arg(kernel, 3, &[7_u64, 10_000])),
        (4, environment.set_arg(kernel, 4, &buffer)),
    ] {
        expect::success(&format!("clSetKernelArg of argument {index}"), code)?;
    }
    expect::success(
        "clEnqueueNDRangeKernel",
        environment.launch(kernel, &[64], Some(&[16])),
    )?;
    environment.finish()?;
    let mirrored = |i: u32| i / 16 * 16 + 15 - i % 16;
    let expected: Vec<u32> = (0..64).map(|i| 11_200 + mirrored(i)).collect();
    let found = environment.load::<u32>(to, 64)?;
    expect::elements("what the kernel left", &expected, &found)
}

fn raw_pointer(environment: &Environment) -> Finding {
    let kernel = adding(environment, "raw")?;
    let memory = values(environment, 0)?;
    let code = environment.set_arg(kernel, 0, &memory);
    expect::code(
        "clSetKernelArg with an SVM pointer",
        CL_INVALID_MEM_OBJECT,
        code,
    )
}

fn clone_of_its_own(environment: &Environment) -> Finding {
    let kernel = adding(environment, "independent")?;
    let from = values(environment, 5)?;
    let memory = [10, 20, 30].map(|value| values(environment, value));
    let [source, of_clone, later] = memory;
    let (source, of_clone, later) = (source?, of_clone?, later?);
    environment.svm_arguments(kernel, &[source, from])?;
    let clone = cloned(environment, kernel)?;
    environment.svm_arguments(clone, &[of_clone, from])?;
    environment.enqueue(environment.queue, kernel, 64, &[])?;
    environment.finish()?;
    holds(environment, source, 15)?;
    environment.svm_arguments(kernel, &[later])?;
    environment.enqueue(environment.queue, clone, 64, &[])?;
    environment.finish()?;
    holds(environment, of_clone, 25)?;
    holds(environment, later, 30)
}

fn null(environment: &Environment) -> Finding {
    let kernel = environment.kernel(
        "kernel void is_null(global uint *to, global uint *other) { *to = other == 0; }",
        "is_null",
    )?;
    let to = values(environment, 7)?;
    environment.svm_arguments(kernel, &[to])?;
    let code = set(environment, kernel, 1, null_mut());
    if code != CL_SUCCESS {
        return Err(Outcome::informative(expect::code_name(code)));
    }
    environment.enqueue(environment.queue, kernel, 1, &[])?;
    environment.finish()?;
    let found: u32 = environment.load(to, 1)?[0];
    Err(Outcome::informative(match found {
        1 => "accepted, and the kernel sees a null pointer".to_owned(),
        other => format!("accepted, and the kernel tells {other}"),
    }))
}
