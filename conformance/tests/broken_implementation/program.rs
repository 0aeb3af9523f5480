//! Broken rules of compilers and of launches.

use std::ffi::c_char;

use isocl_conformance::client::{read, write};
use opencl_sys::*;

use super::{kernel, main_thread, queue, real, rule, svm_alloc, svm_command};

/// What is compiled wrongly: the rule, what stands in a program, and what is made of it.
const SOURCES: &[(&str, &str, &str)] = &[
    ("kernel-address", "= (ulong)p;", "= (ulong)p + 4096;"),
    ("null-pointers", "->next == 0", "->next == (global node *)8"),
    ("pointer-size", "sizeof(global void *)", "4"),
    ("list-cut", "at; at = at->next", "at; at = 0"),
    ("list-too-short", "i + 1 < count ?", "i + 2 < count ?"),
    ("tree-lost", "at->next : at->other", "at->next : at->next"),
    (
        "integer-pointers",
        "places[get_global_id(0)] += 1",
        "places[0] += 0",
    ),
    ("pointer-order", "p->other > p->next", "p->other < p->next"),
    (
        "local-copy",
        "*here = *here->next;",
        "*here = *head; here->next = 0;",
    ),
    (
        "release-too-early",
        "flag, number, memory_order",
        "flag, number + 1, memory_order",
    ),
    (
        "acquire-too-early",
        "checked < number; ++checked",
        "checked <= number; ++checked",
    ),
    (
        "sequential-store-lost",
        "atomic_store(&mine[i], 1); seen[i] = atomic_load(&theirs[i]);",
        "",
    ),
    (
        "values-out-of-nowhere",
        "(object, i, ",
        "(object, i + count, ",
    ),
    (
        "addition-wrong",
        "(objects, 3, ",
        "(objects, item ? 3 : 2, ",
    ),
    ("ticket-twice", "(objects, 1, ", "(objects, item % 2, "),
    ("compare-exchange-wrong", "old + 5", "old + 4"),
    (
        "exchange-wrong",
        "(objects, item + 1, ",
        "(objects, item / 2 + 1, ",
    ),
    ("bits-lost", "1 << item % 16 * 2, memory", "1 << 2, memory"),
    ("maximum-lost", "(objects, item * 2, ", "(objects, item, "),
    (
        "system-addition-lost",
        "(object, 1, memory",
        "(object, 0, memory",
    ),
    (
        "kernel-writes-wrong",
        "next(global uint *p) { p[get_global_id(0)] += 1",
        "next(global uint *p) { p[get_global_id(0)] += 2",
    ),
    (
        "kernel-reads-wrong",
        "p[get_global_id(0)] * 2;",
        "p[get_global_id(0)] * 3;",
    ),
    ("bytes-not-written", "i / 2 * 2", "i / 4 * 2"),
    ("elements-not-written", "+= which + 1", "+= which"),
    (
        "device-addition-wrong",
        "(p, 1, memory_order_relaxed",
        "(p, 2, memory_order_relaxed",
    ),
    (
        "message-lost",
        "data[item] != item + 1",
        "data[item] == item + 1",
    ),
];

pub fn create_program(
    context: cl_context,
    count: cl_uint,
    strings: *const *const c_char,
    lengths: *const usize,
    errcode_ret: *mut cl_int,
) -> cl_program {
    let api = real();
    let broken = SOURCES.iter().find(|(name, _, _)| *name == rule());
    let (Some((_, right, wrong)), 1, false) = (broken, count, lengths.is_null()) else {
        return api.clCreateProgramWithSource(context, count, strings, lengths, errcode_ret);
    };
    let text: *const c_char = read(strings.cast(), 0);
    let bytes = 0..read(lengths.cast(), 0);
    let text: Vec<u8> = bytes.map(|index| read(text.cast(), index)).collect();
    let text = String::from_utf8_lossy(&text).replace(right, wrong);
    let (place, length) = (text.as_ptr().cast(), text.len());
    api.clCreateProgramWithSource(context, 1, &place, &length, errcode_ret)
}

#[allow(clippy::too_many_arguments)]
pub fn launch(
    queue: cl_command_queue,
    kernel: cl_kernel,
    work_dim: cl_uint,
    global_offset: *const usize,
    global_size: *const usize,
    local_size: *const usize,
    num_events: cl_uint,
    wait_list: *const cl_event,
    event: *mut cl_event,
) -> cl_int {
    let lost = match rule() {
        "launches-of-threads-lost" => !main_thread(),
        "launches-of-sub-devices-lost" => queue::is_sub_device(queue::device_of(queue)),
        _ => false,
    };
    if lost || kernel::instead_of_launch(kernel, global_size, queue, num_events) {
        return real().clEnqueueMarkerWithWaitList(queue, num_events, wait_list, event);
    }
    let code = real().clEnqueueNDRangeKernel(
        queue,
        kernel,
        work_dim,
        global_offset,
        global_size,
        local_size,
        num_events,
        wait_list,
        event,
    );
    if rule() == "kernel-elsewhere" {
        real().clFinish(queue);
        if let Some((address, _, _)) = svm_alloc::live().first() {
            write(*address as *mut _, 0, 0xEE_u8);
        }
    }
    svm_command::allowed(code, CL_INVALID_KERNEL_ARGS, rule() == "argument-unset")
}
