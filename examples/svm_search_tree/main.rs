//! A binary search tree built on the host; kernels look keys up by walking its pointers.
#![allow(unsafe_code)]

use isocl_examples::{null, Arena, Failure, Setup};
use opencl3::kernel::ExecuteKernel;

const SOURCE: &str = r"
struct Node { uint key; uint value; global struct Node *left, *right; };

kernel void find(global struct Node *node, global const uint *keys, global uint *found) {
    uint key = keys[get_global_id(0)];
    while (node && node->key != key) node = key < node->key ? node->left : node->right;
    found[get_global_id(0)] = node ? node->value : UINT_MAX;
}";

#[repr(C)]
#[derive(Clone, Copy)]
struct Node {
    key: u32,
    value: u32,
    left: *mut Node,
    right: *mut Node,
}

/// Inserts node `index` of the arena below the root, node 0.
fn insert(nodes: &Arena<'_, Node>, index: usize) {
    let new = nodes.get(index);
    let mut at = 0;
    loop {
        let mut node = nodes.get(at);
        let link = if new.key < node.key {
            &mut node.left
        } else {
            &mut node.right
        };
        if link.is_null() {
            *link = nodes.at(index);
            return nodes.set(at, node);
        }
        at = (*link as usize - nodes.at(0) as usize) / size_of::<Node>();
    }
}

fn main() -> Result<(), Failure> {
    let setup = Setup::first_device()?;
    let find = setup.kernel(SOURCE, "find")?;
    let count = 50_000u32;
    let nodes = Arena::new(
        &setup,
        count as usize,
        Node {
            key: 0,
            value: 0,
            left: null(),
            right: null(),
        },
    )?;
    for index in 0..count {
        // Even keys in a scattered order; odd keys are not in the tree.
        let key = (index.wrapping_mul(40_503) % count) * 2;
        nodes.set(
            index as usize,
            Node {
                key,
                value: key * 3 + 1,
                left: null(),
                right: null(),
            },
        );
        if index > 0 {
            insert(&nodes, index as usize);
        }
    }
    let lookups = 1 << 16;
    let keys = Arena::new(&setup, lookups, 0u32)?;
    for index in 0..lookups {
        keys.set(index, index as u32 % (2 * count));
    }
    let found = Arena::new(&setup, lookups, 0u32)?;
    // SAFETY: the arguments are the kernel's, in memory of the queue's context.
    unsafe {
        ExecuteKernel::new(&find)
            .set_arg_svm(nodes.at(0))
            .set_arg_svm(keys.at(0))
            .set_arg_svm(found.at(0))
            .set_global_work_size(lookups)
            .enqueue_nd_range(&setup.queue)?;
    }
    setup.queue.finish()?;
    for index in 0..lookups {
        let key = keys.get(index);
        let expected = if key % 2 == 0 { key * 3 + 1 } else { u32::MAX };
        if found.get(index) != expected {
            return Err(format!(
                "key {key}: found {} instead of {expected}",
                found.get(index)
            )
            .into());
        }
    }
    println!("{lookups} work-items searched a tree of {count} nodes that the host had built");
    Ok(())
}
