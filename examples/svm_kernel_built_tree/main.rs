//! A binary tree built by a kernel in shared memory, with nodes from an atomic counter and links set by
//! compare-and-exchange; the host reads it by following the kernel's pointers.
#![allow(unsafe_code)]

use isocl_examples::{null, Arena, Failure, Setup};
use opencl3::kernel::ExecuteKernel;

const SOURCE: &str = r"
struct Node { uint key; uint count; atomic_uintptr_t left, right; };

kernel void insert(global struct Node *pool, global atomic_uint *used, global const uint *keys) {
    uint key = keys[get_global_id(0)];
    uint slot = atomic_fetch_add_explicit(used, 1, memory_order_relaxed, memory_scope_device);
    global struct Node *mine = pool + slot;
    mine->key = key;
    mine->count = 1;
    global struct Node *node = pool;
    while (node != mine) {
        global atomic_uintptr_t *link = key < node->key ? &node->left : &node->right;
        uintptr_t seen = 0;
        if (atomic_compare_exchange_strong_explicit(link, &seen, (uintptr_t)mine, memory_order_acq_rel,
                                                    memory_order_acquire, memory_scope_device))
            break;
        node = (global struct Node *)seen;
    }
}";

#[repr(C)]
#[derive(Clone, Copy)]
struct Node {
    key: u32,
    count: u32,
    left: *mut Node,
    right: *mut Node,
}

fn main() -> Result<(), Failure> {
    let setup = Setup::first_device()?;
    let insert = setup.kernel(SOURCE, "insert")?;
    let count = 20_000usize;
    let nodes = Arena::new(
        &setup,
        count + 1,
        Node {
            key: 0,
            count: 0,
            left: null(),
            right: null(),
        },
    )?;
    nodes.set(
        0,
        Node {
            key: count as u32 / 2,
            count: 1,
            left: null(),
            right: null(),
        },
    );
    let used = Arena::new(&setup, 1, 1u32)?;
    let keys = Arena::new(&setup, count, 0u32)?;
    for index in 0..count {
        keys.set(index, (index * 7919 % count) as u32);
    }
    // SAFETY: the arguments are the kernel's, in memory of the queue's context.
    unsafe {
        ExecuteKernel::new(&insert)
            .set_arg_svm(nodes.at(0))
            .set_arg_svm(used.at(0))
            .set_arg_svm(keys.at(0))
            .set_global_work_size(count)
            .enqueue_nd_range(&setup.queue)?;
    }
    setup.queue.finish()?;
    // In-order walk over the kernel's pointers: every key once, the root's twice, ascending.
    let mut walked = Vec::new();
    let mut path = Vec::new();
    let mut next = nodes.at(0);
    loop {
        while let Some(node) = nodes.follow(next) {
            path.push(node);
            next = node.left;
        }
        let Some(node) = path.pop() else { break };
        walked.push(node.key);
        next = node.right;
    }
    if walked.len() != count + 1 || walked.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err(format!(
            "the tree has {} nodes instead of {}, or is out of order",
            walked.len(),
            count + 1
        )
        .into());
    }
    println!(
        "the host walked {} nodes, in order, by pointers that work-items had stored",
        walked.len()
    );
    Ok(())
}
