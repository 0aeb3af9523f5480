//! What the host may do with coarse-grained memory while it is mapped (§5.6.1, §3.3).

use std::ffi::c_void;

use opencl_sys::*;

use super::bytes::pattern;
use super::mapped::{copied, map, map_on, mapped, read_bytes, unmap_on, unmapped, write_bytes};
use super::svm_command::{flush, pending, wait};
use crate::check::expect::{self, elements};
use crate::check::{Check, Environment, Finding, Group, Need, Outcome};
use crate::client::{offset, read, write};

const READ_AND_WRITE: cl_ulong = CL_MAP_READ | CL_MAP_WRITE;

/// The group.
pub const GROUP: Group = Group {
    name: "coarse-grained-rules",
    about: "coarse-grained memory: maps beside, within and after each other",
    checks: &[
        Check::new(
            "coarse-grained-rules/in-turns",
            "5.6.1",
            "Host and kernels change mapped and unmapped memory in turns, and each finds what the other left.",
            in_turns,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
        Check::new(
            "coarse-grained-rules/nested-maps",
            "5.6.1",
            "A part may be mapped while the whole is; after it is unmapped, the whole is mapped still.",
            nested_maps,
        ),
        Check::new(
            "coarse-grained-rules/side-by-side",
            "5.6.1",
            "Two parts may be mapped for writing at a time, and be unmapped one after the other.",
            side_by_side,
        ),
        Check::new(
            "coarse-grained-rules/repeated-maps",
            "5.6.1",
            "Memory may be mapped for reading twice, and is mapped until it is unmapped twice.",
            repeated_maps,
        ),
        Check::new(
            "coarse-grained-rules/device-reads-meanwhile",
            "5.6.1",
            "Commands may read memory that the host has mapped for reading.",
            device_reads_meanwhile,
        ),
        Check::new(
            "coarse-grained-rules/another-allocation",
            "5.6.1",
            "Commands may write one allocation while the host writes another.",
            another_allocation,
        ),
        Check::new(
            "coarse-grained-rules/invalidated",
            "5.2.4",
            "All that the host writes to memory mapped with CL_MAP_WRITE_INVALIDATE_REGION is there for commands.",
            invalidated,
        ),
        Check::new(
            "coarse-grained-rules/invalidated-part",
            "5.2.4",
            "CL_MAP_WRITE_INVALIDATE_REGION discards the region alone: what the device wrote around it stays.",
            invalidated_part,
        ),
        Check::new(
            "coarse-grained-rules/many-parts",
            "5.6.1",
            "Hundreds of parts may be mapped at a time.",
            many_parts,
        ),
        Check::new(
            "coarse-grained-rules/map-after-event",
            "5.6.1",
            "A map that is not blocking waits for its events, and then shows what they stand for.",
            map_after_event,
        ),
        Check::new(
            "coarse-grained-rules/out-of-order",
            "5.14",
            "In an out-of-order queue, events alone order maps, the host's work, unmaps and other commands.",
            out_of_order,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::OutOfOrderQueue]),
        Check::new(
            "coarse-grained-rules/across-queues",
            "5.6.1",
            "What one queue wrote is mapped on another, and what the host wrote is read on a third.",
            across_queues,
        ),
        Check::new(
            "coarse-grained-rules/earlier-writes-survive",
            "3.3.9.5",
            "What the host wrote to one part is not undone when another part is mapped.",
            earlier_writes_survive,
        ),
        Check::new(
            "coarse-grained-rules/written-while-mapped",
            "5.6.1",
            "A command that writes memory that is mapped for writing is undefined.",
            |environment| {
                let (memory, source) = (environment.svm(64)?, environment.svm(64)?);
                mapped(environment, CL_TRUE, CL_MAP_WRITE, memory, 64)?;
                copied(environment, environment.queue, memory, source, 64)?;
                environment.finish()?;
                unmapped(environment, memory)?;
                Err(Outcome::informative("nothing is said of it"))
            },
        )
        .undefined(),
        Check::new(
            "coarse-grained-rules/freed-while-mapped",
            "5.6.1",
            "Whether memory may be freed while it is mapped is left open.",
            |environment| {
                let memory = environment.svm(64)?;
                mapped(environment, CL_TRUE, CL_MAP_WRITE, memory, 64)?;
                environment.free(memory);
                environment.store(environment.svm(64)?, &[1_u8; 64])?;
                Err(Outcome::informative("it is freed without a word"))
            },
        )
        .undefined(),
    ],
};

fn in_turns(environment: &Environment) -> Finding {
    let kernel = environment.kernel(
        "kernel void turn(global uint *a) { a[get_global_id(0)] = a[get_global_id(0)] * 3 + 1; }",
        "turn",
    )?;
    let memory = environment.svm(251 * 4)?;
    environment.store(memory, &(0..251).collect::<Vec<u32>>())?;
    let mut expected: Vec<u32> = (0..251).collect();
    for round in 0..10 {
        environment.run(kernel, &[memory], 251)?;
        mapped(environment, CL_TRUE, READ_AND_WRITE, memory, 251 * 4)?;
        for (index, value) in expected.iter_mut().enumerate() {
            *value = value.wrapping_mul(3).wrapping_add(1);
            let found: u32 = read(memory, index);
            let what = format!("element {index} in round {round}");
            expect::equal(&what, *value, found)?;
            *value ^= round;
            write(memory, index, *value);
        }
        unmapped(environment, memory)?;
    }
    elements("the memory", &expected, &environment.load(memory, 251)?)
}

fn nested_maps(environment: &Environment) -> Finding {
    let memory = environment.svm(6001)?;
    let data = pattern(6001, 61);
    environment.store(memory, &data)?;
    let part = offset(memory, 100);
    mapped(environment, CL_TRUE, CL_MAP_READ, memory, 6001)?;
    mapped(environment, CL_TRUE, CL_MAP_READ, part, 503)?;
    elements("the part", &data[100..603], &read_bytes(part, 503))?;
    unmapped(environment, part)?;
    elements("the whole", &data, &read_bytes(memory, 6001))?;
    unmapped(environment, memory)
}

fn side_by_side(environment: &Environment) -> Finding {
    let memory = environment.svm(5000)?;
    let mut expected = pattern(5000, 62);
    environment.store(memory, &expected)?;
    let (first, second) = (memory, offset(memory, 3000));
    mapped(environment, CL_TRUE, CL_MAP_WRITE, first, 1501)?;
    mapped(environment, CL_TRUE, CL_MAP_WRITE, second, 1501)?;
    write_bytes(first, &[1; 1501]);
    write_bytes(second, &[2; 700]);
    unmapped(environment, first)?;
    write_bytes(offset(second, 700), &[3; 801]);
    unmapped(environment, second)?;
    expected[..1501].fill(1);
    expected[3000..3700].fill(2);
    expected[3700..4501].fill(3);
    elements("the memory", &expected, &environment.load(memory, 5000)?)
}

fn repeated_maps(environment: &Environment) -> Finding {
    let memory = environment.svm(1400)?;
    let data = pattern(1400, 63);
    environment.store(memory, &data)?;
    mapped(environment, CL_TRUE, CL_MAP_READ, memory, 1301)?;
    mapped(environment, CL_TRUE, CL_MAP_READ, memory, 1301)?;
    unmapped(environment, memory)?;
    let found = read_bytes(memory, 1301);
    unmapped(environment, memory)?;
    elements("the memory", &data[..1301], &found)
}

fn device_reads_meanwhile(environment: &Environment) -> Finding {
    let (memory, copy) = (environment.svm(2003)?, environment.svm(2003)?);
    let data = pattern(2003, 64);
    environment.store(memory, &data)?;
    mapped(environment, CL_TRUE, CL_MAP_READ, memory, 2003)?;
    copied(environment, environment.queue, copy, memory, 2003)?;
    environment.finish()?;
    let found = read_bytes(memory, 2003);
    unmapped(environment, memory)?;
    elements("what the host reads", &data, &found)?;
    elements("what was copied", &data, &environment.load(copy, 2003)?)
}

fn another_allocation(environment: &Environment) -> Finding {
    let [memory, source, copy] = [2203, 2207, 2207].map(|size| environment.svm(size));
    let (memory, source, copy) = (memory?, source?, copy?);
    let (data, written) = (pattern(2207, 65), pattern(2203, 66));
    environment.store(source, &data)?;
    mapped(environment, CL_TRUE, CL_MAP_WRITE, memory, 2203)?;
    copied(environment, environment.queue, copy, source, 2207)?;
    write_bytes(memory, &written);
    environment.finish()?;
    unmapped(environment, memory)?;
    elements("what was copied", &data, &environment.load(copy, 2207)?)?;
    let found = environment.load(memory, 2203)?;
    elements("what the host wrote", &written, &found)
}

fn invalidated(environment: &Environment) -> Finding {
    let (memory, copy) = (environment.svm(2503)?, environment.svm(2503)?);
    environment.store(memory, &pattern(2503, 67))?;
    for seed in 68..72 {
        let data = pattern(2503, seed);
        let flags = CL_MAP_WRITE_INVALIDATE_REGION;
        mapped(environment, CL_TRUE, flags, memory, 2503)?;
        write_bytes(memory, &data);
        unmapped(environment, memory)?;
        copied(environment, environment.queue, copy, memory, 2503)?;
        environment.finish()?;
        elements("what was copied", &data, &environment.load(copy, 2503)?)?;
    }
    Ok(())
}

fn invalidated_part(environment: &Environment) -> Finding {
    let (memory, source) = (environment.svm(4000)?, environment.svm(4000)?);
    let mut expected = pattern(4000, 73);
    environment.store(source, &expected)?;
    copied(environment, environment.queue, memory, source, 4000)?;
    let part = offset(memory, 1001);
    let flags = CL_MAP_WRITE_INVALIDATE_REGION;
    mapped(environment, CL_TRUE, flags, part, 703)?;
    let data = pattern(703, 74);
    write_bytes(part, &data);
    unmapped(environment, part)?;
    expected[1001..1704].copy_from_slice(&data);
    elements("the memory", &expected, &environment.load(memory, 4000)?)
}

fn many_parts(environment: &Environment) -> Finding {
    let memory = environment.svm(300 * 20)?;
    let mut expected = pattern(300 * 20, 75);
    environment.store(memory, &expected)?;
    let parts: Vec<_> = (0..300).map(|index| offset(memory, index * 20)).collect();
    for part in &parts {
        mapped(environment, CL_FALSE, READ_AND_WRITE, *part, 17)?;
    }
    environment.finish()?;
    for (index, part) in parts.iter().enumerate() {
        write_bytes(*part, &[index as u8; 17]);
        expected[index * 20..index * 20 + 17].fill(index as u8);
    }
    for part in parts {
        let (code, _) = unmap_on(environment, environment.queue, part, &[]);
        expect::success("clEnqueueSVMUnmap", code)?;
    }
    environment.finish()?;
    elements(
        "the memory",
        &expected,
        &environment.load(memory, 300 * 20)?,
    )
}

/// Memory, and other memory with what is to be copied there.
fn target_and_source(
    environment: &Environment,
    data: &[u8],
) -> Result<(*mut c_void, *mut c_void), Outcome> {
    let (memory, source) = (environment.svm(data.len())?, environment.svm(data.len())?);
    environment.store(memory, &vec![0_u8; data.len()])?;
    environment.store(source, data)?;
    Ok((memory, source))
}

fn map_after_event(environment: &Environment) -> Finding {
    let data = pattern(1709, 76);
    let (memory, source) = target_and_source(environment, &data)?;
    let gate = environment.gate()?;
    copied(environment, environment.queue, memory, source, 1709)?;
    let (code, event) = map(environment, CL_FALSE, CL_MAP_READ, memory, 1709, &[gate]);
    expect::success("clEnqueueSVMMap", code)?;
    flush(environment, environment.queue)?;
    pending(environment, event)?;
    environment.open_gate(gate)?;
    wait(environment, event)?;
    let found = read_bytes(memory, 1709);
    unmapped(environment, memory)?;
    elements("what is mapped", &data, &found)
}

fn out_of_order(environment: &Environment) -> Finding {
    let queue = environment.queue_of(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)?;
    mapped_between(environment, [queue; 3], 1811)
}

fn across_queues(environment: &Environment) -> Finding {
    let queues = [environment.queue_of(0)?, environment.queue_of(0)?];
    mapped_between(environment, [queues[0], queues[1], environment.queue], 1907)
}

/// Copies on a queue, has the host change the copy on another, and copies it on a third, ordered by
/// events alone.
fn mapped_between(
    environment: &Environment,
    [first, second, third]: [cl_command_queue; 3],
    size: usize,
) -> Finding {
    let data = pattern(size, 77);
    let (memory, source) = target_and_source(environment, &data)?;
    let flushed = |queue| expect::success("clFlush", environment.api.clFlush(queue));
    let event = copied(environment, first, memory, source, size)?;
    flushed(first)?;
    let whole = (memory, size);
    let (code, event) = map_on(
        environment,
        second,
        CL_FALSE,
        READ_AND_WRITE,
        whole,
        &[event],
    );
    expect::success("clEnqueueSVMMap", code)?;
    wait(environment, event)?;
    elements("what is mapped", &data, &read_bytes(memory, size))?;
    let written = pattern(size, 78);
    write_bytes(memory, &written);
    let (code, event) = unmap_on(environment, second, memory, &[]);
    expect::success("clEnqueueSVMUnmap", code)?;
    flushed(second)?;
    let mut found = vec![0_u8; size];
    let (api, place) = (environment.api, found.as_mut_ptr().cast());
    let none = std::ptr::null_mut();
    let code = api.clEnqueueSVMMemcpy(third, CL_TRUE, place, memory, size, 1, &event, none);
    expect::success("clEnqueueSVMMemcpy", code)?;
    elements("what was copied", &written, &found)
}

fn earlier_writes_survive(environment: &Environment) -> Finding {
    let memory = environment.svm(5000)?;
    let mut expected = pattern(5000, 79);
    environment.store(memory, &expected)?;
    let (first, second) = (memory, offset(memory, 2111));
    mapped(environment, CL_TRUE, CL_MAP_WRITE, first, 2111)?;
    write_bytes(first, &[4; 2111]);
    unmapped(environment, first)?;
    mapped(environment, CL_TRUE, CL_MAP_READ, second, 2113)?;
    elements("the part", &expected[2111..4224], &read_bytes(second, 2113))?;
    unmapped(environment, second)?;
    expected[..2111].fill(4);
    elements("the memory", &expected, &environment.load(memory, 5000)?)
}
