//! Addresses mean the same to the host and to kernels (§3.3.5, §5.6).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::offset;

/// What kernels need that follow pointers.
const KERNELS: &[Need] = &[Need::CoarseGrainBuffer, Need::Compiler];

/// The group.
pub const GROUP: Group = Group {
    name: "address-identity",
    about: "an address means the same to the host and to kernels",
    checks: &[
        Check::new(
            "address-identity/argument",
            "3.3.5",
            "A kernel sees the address that the host sees.",
            argument,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/interior-pointer",
            "3.3.5",
            "A pointer into an allocation is the same address in a kernel.",
            interior_pointer,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/every-kind",
            "3.3.5",
            "A kernel sees the host's address of every kind of SVM buffer that the device supports.",
            every_kind,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/size-of-pointers",
            "5.6",
            "The address space has the same size for the host and for the device.",
            size_of_pointers,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/address-bits",
            "4.2",
            "Shared virtual memory lies in the address space whose size CL_DEVICE_ADDRESS_BITS gives.",
            address_bits,
        ),
        Check::new(
            "address-identity/list-of-the-host",
            "3.3.5",
            "A kernel follows the list that the host has built of several allocations.",
            list_of_the_host,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/list-of-a-kernel",
            "3.3.5",
            "The host follows the list that a kernel has built.",
            list_of_a_kernel,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/from-kernel-to-kernel",
            "3.3.5",
            "A kernel follows the pointers that another one has stored.",
            from_kernel_to_kernel,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/tree",
            "3.3.5",
            "A kernel finds every key in a search tree that the host has built.",
            tree,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/integers",
            "3.3.5",
            "Pointers that are stored as integers are pointers again in a kernel.",
            integers,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/comparison",
            "3.3.5",
            "A kernel compares and subtracts pointers that the host has stored.",
            comparison,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/null",
            "3.3.5",
            "A null pointer that the host has stored is one for a kernel.",
            null_pointer,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/copied-by-a-command",
            "3.3.5",
            "Pointers that clEnqueueSVMMemcpy has copied lead where they led.",
            copied_by_a_command,
        )
        .needs(KERNELS),
        Check::new(
            "address-identity/copied-to-local-memory",
            "3.3.5",
            "Pointers that a kernel has copied to local memory lead where they led.",
            copied_to_local_memory,
        )
        .needs(KERNELS),
    ],
};

/// An element of a list, and of a tree: two pointers and a number.
const TYPES: &str =
    "typedef struct node { global struct node *next, *other; ulong value; } node;\n";

/// The same, as the host sees it.
type Node = [u64; 3];

fn address(pointer: *mut c_void) -> u64 {
    pointer as usize as u64
}

fn argument(environment: &Environment) -> Finding {
    let source = "kernel void tell(global uchar *p, global ulong *seen) { *seen = (ulong)p; }";
    let kernel = environment.kernel(source, "tell")?;
    for size in [1, 100, 4096, 70_000, 3 << 20] {
        let (pointer, seen) = (environment.svm(size)?, environment.svm(8)?);
        environment.run(kernel, &[pointer, seen], 1)?;
        let what = format!("the address of {size} bytes in a kernel");
        expect::equal(&what, vec![address(pointer)], environment.load(seen, 1)?)?;
    }
    Ok(())
}

fn interior_pointer(environment: &Environment) -> Finding {
    let source = "kernel void tell_inner(global uchar *p, global ulong *seen) {
        *seen = (ulong)p; *p = 77; }";
    let kernel = environment.kernel(source, "tell_inner")?;
    let (pointer, seen) = (environment.svm(8192)?, environment.svm(8)?);
    for inner in [1, 7, 64, 4095, 4096, 8191] {
        environment.store(pointer, &[0_u8; 8192])?;
        let inside = offset(pointer, inner);
        environment.run(kernel, &[inside, seen], 1)?;
        let what = format!("the address {inner} bytes into an allocation in a kernel");
        expect::equal(&what, vec![address(inside)], environment.load(seen, 1)?)?;
        let mut expected = vec![0_u8; 8192];
        expected[inner] = 77;
        let found: Vec<u8> = environment.load(pointer, 8192)?;
        expect::that(found == expected, || {
            (
                format!("the kernel writes byte {inner} of the allocation alone"),
                format!("{:?}", found.iter().position(|byte| *byte != 0)),
            )
        })?;
    }
    Ok(())
}

fn every_kind(environment: &Environment) -> Finding {
    let source = "kernel void tell_kind(global uchar *p, global ulong *seen) { *seen = (ulong)p; }";
    let kernel = environment.kernel(source, "tell_kind")?;
    let capabilities = environment.svm_capabilities();
    let mut kinds = vec![0, CL_MEM_READ_ONLY, CL_MEM_WRITE_ONLY];
    if capabilities & CL_DEVICE_SVM_FINE_GRAIN_BUFFER != 0 {
        kinds.push(CL_MEM_SVM_FINE_GRAIN_BUFFER);
        if capabilities & CL_DEVICE_SVM_ATOMICS != 0 {
            kinds.push(CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS);
        }
    }
    let seen = environment.svm(8)?;
    for flags in kinds {
        let pointer = environment.try_svm(flags, 5000, 0);
        expect::that(!pointer.is_null(), || {
            (
                format!("clSVMAlloc gives 5000 bytes with flags {flags:#x}"),
                "NULL".into(),
            )
        })?;
        environment.run(kernel, &[pointer, seen], 1)?;
        let what = format!("the address of memory with flags {flags:#x} in a kernel");
        expect::equal(&what, vec![address(pointer)], environment.load(seen, 1)?)?;
    }
    Ok(())
}

fn size_of_pointers(environment: &Environment) -> Finding {
    let source = "kernel void size(global ulong *seen) { *seen = sizeof(global void *); }";
    let kernel = environment.kernel(source, "size")?;
    let seen = environment.svm(8)?;
    environment.run(kernel, &[seen], 1)?;
    let host = size_of::<*mut c_void>() as u64;
    let what = "the size of a pointer in a kernel";
    expect::equal(what, vec![host], environment.load(seen, 1)?)
}

fn address_bits(environment: &Environment) -> Finding {
    let bits: cl_uint = environment.device_info(CL_DEVICE_ADDRESS_BITS)?;
    expect::that(bits == 32 || bits == 64, || {
        (
            "CL_DEVICE_ADDRESS_BITS is 32 or 64".into(),
            bits.to_string(),
        )
    })?;
    for size in [1, 100, 4096, 70_000, 3 << 20, 64 << 20] {
        let pointer = environment.svm(size)?;
        let end = u128::from(address(pointer)) + size as u128;
        expect::that(end <= 1 << bits, || {
            (
                format!("{size} bytes lie below 2^{bits}"),
                format!("they end at {end:#x}"),
            )
        })?;
    }
    Ok(())
}

/// Allocations of a node each, with room between their sizes.
fn nodes(environment: &Environment, count: usize) -> Result<Vec<*mut c_void>, Outcome> {
    let size = |index: usize| size_of::<Node>() + index % 7 * 1000;
    (0..count)
        .map(|index| environment.svm(size(index)))
        .collect()
}

/// Builds a list of all nodes, with the values 1, 2, 3, and so on.
fn list(environment: &Environment, nodes: &[*mut c_void]) -> Finding {
    for (index, node) in nodes.iter().enumerate() {
        let next = nodes.get(index + 1).copied().unwrap_or(null_mut());
        let node_value: Node = [address(next), 0, index as u64 + 1];
        environment.store(*node, &node_value)?;
    }
    Ok(())
}

/// The sum of a list of so many nodes.
fn sum(count: usize) -> Vec<u64> {
    vec![(count * (count + 1) / 2) as u64]
}

fn list_of_the_host(environment: &Environment) -> Finding {
    let source = TYPES.to_owned()
        + "kernel void sum_list(global node *head, global ulong *sum) {
            *sum = 0; for (global node *at = head; at; at = at->next) *sum += at->value; }";
    let kernel = environment.kernel(&source, "sum_list")?;
    let (nodes, result) = (nodes(environment, 64)?, environment.svm(8)?);
    list(environment, &nodes)?;
    environment.reaches(kernel, &nodes)?;
    environment.run(kernel, &[nodes[0], result], 1)?;
    let found = environment.load(result, 1)?;
    expect::equal("the sum of the list", sum(nodes.len()), found)
}

/// A kernel that links each node of an array to the next one.
const BUILD: &str = "kernel void build_list(global node *all, ulong count) {
    for (ulong i = 0; i < count; ++i) {
        all[i].next = i + 1 < count ? &all[i + 1] : 0; all[i].other = 0; all[i].value = i + 1;
    } }\n";

fn built_by_a_kernel(environment: &Environment, count: usize) -> Result<*mut c_void, Outcome> {
    let all = environment.svm(count * size_of::<Node>())?;
    let build = environment.kernel(&(TYPES.to_owned() + BUILD), "build_list")?;
    let code = environment.set_arg(build, 1, &(count as u64));
    expect::success("clSetKernelArg", code)?;
    environment.run(build, &[all], 1)?;
    Ok(all)
}

fn list_of_a_kernel(environment: &Environment) -> Finding {
    const COUNT: usize = 1000;
    let all = built_by_a_kernel(environment, COUNT)?;
    let nodes: Vec<Node> = environment.load(all, COUNT)?;
    let mut at = address(all);
    for value in 1..=COUNT as u64 {
        let place = at.wrapping_sub(address(all)) as usize;
        let index = place / size_of::<Node>();
        let node = nodes.get(index).copied().unwrap_or_default();
        let whole = place.is_multiple_of(size_of::<Node>());
        expect::that(whole && node[2] == value, || {
            (
                format!("element {value} of the list is where the one before it points"),
                format!("{at:#x} holds {}", node[2]),
            )
        })?;
        at = node[0];
    }
    expect::equal("the pointer of the last element", 0, at)
}

fn from_kernel_to_kernel(environment: &Environment) -> Finding {
    const COUNT: usize = 1000;
    let all = built_by_a_kernel(environment, COUNT)?;
    let source = TYPES.to_owned()
        + "kernel void follow(global node *head, global ulong *sum) {
            *sum = 0; for (global node *at = head; at; at = at->next) *sum += at->value; }";
    let follow = environment.kernel(&source, "follow")?;
    let result = environment.svm(8)?;
    environment.run(follow, &[all, result], 1)?;
    let found = environment.load(result, 1)?;
    expect::equal("the sum of the list", sum(COUNT), found)
}

fn tree(environment: &Environment) -> Finding {
    const COUNT: usize = 63;
    let nodes = nodes(environment, COUNT)?;
    // Number i has the children 2 i + 1 and 2 i + 2; the keys ascend from the left to the right.
    let child = |index: usize| nodes.get(index).map_or(0, |node| address(*node));
    let mut keys = vec![0; COUNT];
    let mut next = 0;
    in_order(0, &mut keys, &mut next);
    for (index, node) in nodes.iter().enumerate() {
        let left_right: Node = [child(2 * index + 1), child(2 * index + 2), keys[index]];
        environment.store(*node, &left_right)?;
    }
    let source = TYPES.to_owned()
        + "kernel void find(global node *root, global ulong *found) {
            ulong key = get_global_id(0); global node *at = root;
            while (at && at->value != key) at = key < at->value ? at->next : at->other;
            found[key] = (ulong)at; }";
    let kernel = environment.kernel(&source, "find")?;
    environment.reaches(kernel, &nodes)?;
    let found = environment.svm(8 * (COUNT + 1))?;
    environment.run(kernel, &[nodes[0], found], COUNT + 1)?;
    let mut expected = vec![0; COUNT + 1];
    for (index, key) in keys.iter().enumerate() {
        expected[*key as usize] = address(nodes[index]);
    }
    let found = environment.load(found, COUNT + 1)?;
    expect::equal("where the keys are found", expected, found)
}

/// Numbers the elements of a tree that is stored by levels.
fn in_order(index: usize, keys: &mut [u64], next: &mut u64) {
    if index < keys.len() {
        in_order(2 * index + 1, keys, next);
        keys[index] = *next;
        *next += 1;
        in_order(2 * index + 2, keys, next);
    }
}

fn integers(environment: &Environment) -> Finding {
    let source = "kernel void increment(global ulong *places) {
        *(global uint *)places[get_global_id(0)] += 1; }";
    let kernel = environment.kernel(source, "increment")?;
    let targets: Result<Vec<_>, _> = (0..32).map(|_| environment.svm(4)).collect();
    let targets = targets?;
    let places: Vec<u64> = targets.iter().map(|target| address(*target)).collect();
    for (index, target) in (0..).zip(&targets) {
        environment.store::<u32>(*target, &[index * 10])?;
    }
    let list = environment.svm(size_of_val(places.as_slice()))?;
    environment.store(list, &places)?;
    environment.reaches(kernel, &targets)?;
    environment.run(kernel, &[list], targets.len())?;
    for (index, target) in (0..).zip(&targets) {
        let found: Vec<u32> = environment.load(*target, 1)?;
        expect::equal("what an integer points to", vec![index * 10 + 1], found)?;
    }
    Ok(())
}

fn comparison(environment: &Environment) -> Finding {
    let source = TYPES.to_owned()
        + "kernel void compare(global node *p, global ulong *seen) {
            seen[0] = p->next == p; seen[1] = p->other > p->next;
            seen[2] = (ulong)(p->other - p->next); }";
    let kernel = environment.kernel(&source, "compare")?;
    let (pointer, seen) = (
        environment.svm(10 * size_of::<Node>())?,
        environment.svm(24)?,
    );
    let last = offset(pointer, 9 * size_of::<Node>());
    let node: Node = [address(pointer), address(last), 0];
    environment.store(pointer, &node)?;
    environment.run(kernel, &[pointer, seen], 1)?;
    let found: Vec<u64> = environment.load(seen, 3)?;
    expect::equal("equality, order and difference", vec![1, 1, 9], found)
}

fn null_pointer(environment: &Environment) -> Finding {
    let source = TYPES.to_owned()
        + "kernel void is_null(global node *p, global ulong *seen) {
            seen[0] = p->next == 0; seen[1] = p->other == 0; p->other = 0; }";
    let kernel = environment.kernel(&source, "is_null")?;
    let (pointer, seen) = (environment.svm(size_of::<Node>())?, environment.svm(16)?);
    let node: Node = [address(null_mut()), address(pointer), 0];
    environment.store(pointer, &node)?;
    environment.run(kernel, &[pointer, seen], 1)?;
    let found: Vec<u64> = environment.load(seen, 2)?;
    expect::equal("which of the pointers are null", vec![1, 0], found)?;
    let after: Vec<u64> = environment.load(pointer, 2)?;
    expect::equal("the null pointer that a kernel stores", 0, after[1])
}

fn copied_by_a_command(environment: &Environment) -> Finding {
    let source = TYPES.to_owned()
        + "kernel void sum_copy(global node *head, global ulong *sum) {
            *sum = 0; for (global node *at = head; at; at = at->next) *sum += at->value; }";
    let kernel = environment.kernel(&source, "sum_copy")?;
    let (nodes, result) = (nodes(environment, 16)?, environment.svm(8)?);
    list(environment, &nodes)?;
    let copy = environment.svm(size_of::<Node>())?;
    let code = environment.api.clEnqueueSVMMemcpy(
        environment.queue,
        CL_FALSE,
        copy,
        nodes[0],
        size_of::<Node>(),
        0,
        null(),
        null_mut(),
    );
    expect::success("clEnqueueSVMMemcpy", code)?;
    environment.reaches(kernel, &nodes)?;
    environment.run(kernel, &[copy, result], 1)?;
    let found = environment.load(result, 1)?;
    expect::equal(
        "the sum of the list, from a copy of its head",
        sum(nodes.len()),
        found,
    )
}

fn copied_to_local_memory(environment: &Environment) -> Finding {
    let source = TYPES.to_owned()
        + "kernel void sum_local(global node *head, global ulong *sum, local node *here) {
            *here = *head; *sum = here->value;
            while (here->next) { *here = *here->next; *sum += here->value; } }";
    let kernel = environment.kernel(&source, "sum_local")?;
    let (nodes, result) = (nodes(environment, 16)?, environment.svm(8)?);
    list(environment, &nodes)?;
    let code = environment
        .api
        .clSetKernelArg(kernel, 2, size_of::<Node>(), null());
    expect::success("clSetKernelArg of local memory", code)?;
    environment.reaches(kernel, &nodes)?;
    environment.run(kernel, &[nodes[0], result], 1)?;
    let found = environment.load(result, 1)?;
    expect::equal("the sum of the list", sum(nodes.len()), found)
}
