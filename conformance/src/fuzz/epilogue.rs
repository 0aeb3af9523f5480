//! How every sequence ends: all commands do, everything is looked at, and everything is released.

use opencl_sys::*;

use super::model::Model;
use super::step::{Order, Queue, Step, Work};

/// The steps that end a sequence.
pub fn epilogue(model: &Model, queues: &[Queue]) -> Vec<Step> {
    let mut model = model.clone();
    let mut steps = Vec::new();
    let mut step = |model: &mut Model, step: Step| {
        if model.apply(&step).is_ok() {
            steps.push(step);
        }
    };
    for event in model.open_user_events() {
        step(&mut model, Step::Complete(event));
    }
    // All are flushed before any is waited for: some wait for others.
    for queue in 0..queues.len() {
        step(&mut model, Step::Flush(queue));
    }
    for queue in 0..queues.len() {
        step(&mut model, Step::Finish(queue));
    }
    let enqueue = |work| Step::Enqueue(work, Order::default());
    let live: Vec<usize> = model.allocations.keys().copied().collect();
    for allocation in live {
        if model.allocations[&allocation].mapped.is_some() {
            step(&mut model, enqueue(Work::Unmap(allocation)));
        }
        if let Ok(region) = model.all_of(allocation) {
            step(&mut model, enqueue(Work::Map(region, CL_MAP_READ, true)));
            step(&mut model, Step::HostCheck(region));
            step(&mut model, enqueue(Work::Unmap(allocation)));
        }
    }
    if !model.allocations.is_empty() {
        step(&mut model, Step::Finish(0));
    }
    // Parts before what they are parts of.
    let buffers: Vec<usize> = model.buffers.keys().rev().copied().collect();
    for buffer in buffers {
        step(&mut model, Step::ReleaseBuffer(buffer));
    }
    let live: Vec<usize> = model.allocations.keys().copied().collect();
    for allocation in live {
        step(&mut model, Step::Free(allocation));
    }
    let events: Vec<usize> = model.events.keys().copied().collect();
    for event in events {
        step(&mut model, Step::Query(event));
        step(&mut model, Step::ReleaseEvent(event));
    }
    steps
}
