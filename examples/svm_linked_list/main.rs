//! A linked list built on the host, walked and changed by a kernel through the very same pointers.
#![allow(unsafe_code)]

use isocl_examples::{null, Arena, Failure, Setup};
use opencl3::kernel::ExecuteKernel;

const SOURCE: &str = r"
struct Node { uint value; uint visits; global struct Node *next; };

kernel void walk(global struct Node *node, global ulong *sum) {
    ulong total = 0;
    for (; node; node = node->next) { total += node->value; node->visits++; }
    *sum = total;
}";

#[repr(C)]
#[derive(Clone, Copy)]
struct Node {
    value: u32,
    visits: u32,
    next: *mut Node,
}

fn main() -> Result<(), Failure> {
    let setup = Setup::first_device()?;
    let walk = setup.kernel(SOURCE, "walk")?;
    let count = 100_000;
    let nodes = Arena::new(
        &setup,
        count,
        Node {
            value: 0,
            visits: 0,
            next: null(),
        },
    )?;
    // The list visits the arena in a scattered order, so that nothing but its pointers leads on.
    let place = |index: usize| index * 7919 % count;
    for index in 0..count {
        let next = if index + 1 < count {
            nodes.at(place(index + 1))
        } else {
            null()
        };
        nodes.set(
            place(index),
            Node {
                value: index as u32,
                visits: 0,
                next,
            },
        );
    }
    let sum = Arena::new(&setup, 1, 0u64)?;
    // SAFETY: the kernel takes a node and a sum, both in memory of the queue's context.
    unsafe {
        ExecuteKernel::new(&walk)
            .set_arg_svm(nodes.at(place(0)))
            .set_arg_svm(sum.at(0))
            .set_global_work_size(1)
            .enqueue_nd_range(&setup.queue)?;
    }
    setup.queue.finish()?;
    let expected = (count as u64 - 1) * count as u64 / 2;
    if sum.get(0) != expected || (0..count).any(|index| nodes.get(index).visits != 1) {
        return Err(format!("the kernel summed {} instead of {expected}", sum.get(0)).into());
    }
    println!(
        "the kernel followed {count} host pointers from {:p} and summed {expected}",
        nodes.at(place(0))
    );
    Ok(())
}
