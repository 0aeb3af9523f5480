//! What is guaranteed at synchronization points, and between commands that run at the same time
//! (§3.3.9.5, §5.6.1).

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::{read, write};

/// What fine-grained checks need.
const FINE: &[Need] = &[Need::FineGrainBuffer, Need::Compiler];

/// The group.
pub const GROUP: Group = Group {
    name: "synchronization-points",
    about: "what is there after synchronization points, and between commands at the same time",
    checks: &[
        Check::new(
            "synchronization-points/finish",
            "3.3.9.5",
            "After clFinish, the host sees fine-grained memory as a kernel left it, without a map.",
            |environment| after_kernel(environment, Wait::Finish),
        )
        .needs(FINE),
        Check::new(
            "synchronization-points/wait-for-events",
            "3.3.9.5",
            "After clWaitForEvents, the host sees fine-grained memory as a kernel left it, without a map.",
            |environment| after_kernel(environment, Wait::Event),
        )
        .needs(FINE),
        Check::new(
            "synchronization-points/enqueue",
            "3.3.9.5",
            "A kernel sees what the host wrote to fine-grained memory before it was enqueued.",
            before_enqueue,
        )
        .needs(FINE),
        Check::new(
            "synchronization-points/user-event",
            "3.3.9.5",
            "A kernel sees what the host wrote before it completed the user event it waits for.",
            before_user_event,
        )
        .needs(FINE),
        Check::new(
            "synchronization-points/host-beside-kernel",
            "5.6.1",
            "Host and kernel write bytes beside each other at the same time, and none is lost.",
            host_beside_kernel,
        )
        .needs(FINE),
        Check::new(
            "synchronization-points/two-kernels",
            "5.6.1",
            "Kernels of two queues write elements of one allocation beside each other, and none is lost.",
            two_kernels,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
        Check::new(
            "synchronization-points/counter-of-two-kernels",
            "3.3.9.5",
            "No addition is lost when kernels of two queues add to one counter in coarse-grained memory.",
            counter_of_two_kernels,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
        Check::new(
            "synchronization-points/message-between-kernels",
            "3.3.9.5",
            "What a kernel wrote before a release is there for a kernel of another queue that acquires it.",
            message_between_kernels,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
        Check::new(
            "synchronization-points/event-of-another-queue",
            "3.3.9.5",
            "A kernel that waits for an event of another queue sees what that command wrote.",
            event_of_another_queue,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
    ],
};

#[derive(Clone, Copy, PartialEq)]
enum Wait {
    Finish,
    Event,
}

const COUNT: usize = 1024;

/// Fine-grained memory, all 0.
fn fine(environment: &Environment) -> Result<*mut c_void, Outcome> {
    let flags = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
    let pointer = environment.try_svm(flags, COUNT * 4, 0);
    expect::that(!pointer.is_null(), || {
        ("clSVMAlloc gives fine-grained memory".into(), "NULL".into())
    })?;
    (0..COUNT).for_each(|index| write(pointer, index, 0_u32));
    Ok(pointer)
}

fn seen(pointer: *mut c_void) -> Vec<u32> {
    (0..COUNT).map(|index| read(pointer, index)).collect()
}

/// A kernel of `COUNT` work-items that is enqueued on a queue; its event.
fn launched(
    environment: &Environment,
    queue: cl_command_queue,
    kernel: cl_kernel,
    wait: &[cl_event],
) -> Result<cl_event, Outcome> {
    let (size, mut event) = (COUNT, null_mut());
    let list = if wait.is_empty() {
        null()
    } else {
        wait.as_ptr()
    };
    let code = environment.api.clEnqueueNDRangeKernel(
        queue,
        kernel,
        1,
        null(),
        &size,
        null(),
        wait.len() as cl_uint,
        list,
        &mut event,
    );
    expect::success("clEnqueueNDRangeKernel", code)?;
    environment.keep_event(event);
    Ok(event)
}

fn after_kernel(environment: &Environment, wait: Wait) -> Finding {
    let source = "kernel void next(global uint *p) { p[get_global_id(0)] += 1; }";
    let kernel = environment.kernel(source, "next")?;
    let pointer = fine(environment)?;
    environment.svm_arguments(kernel, &[pointer])?;
    for round in 1..100 {
        let event = launched(environment, environment.queue, kernel, &[])?;
        if wait == Wait::Event {
            let code = environment.api.clWaitForEvents(1, &event);
            expect::success("clWaitForEvents", code)?;
        } else {
            environment.finish()?;
        }
        expect::elements("what the host sees", &[round; COUNT], &seen(pointer))?;
    }
    Ok(())
}

const DOUBLE: &str = "kernel void twice(global uint *p, global uint *q) {
    q[get_global_id(0)] = p[get_global_id(0)] * 2; }";

fn before_enqueue(environment: &Environment) -> Finding {
    let kernel = environment.kernel(DOUBLE, "twice")?;
    let (from, to) = (fine(environment)?, fine(environment)?);
    for round in 1..100_u32 {
        (0..COUNT).for_each(|index| write(from, index, round));
        environment.run(kernel, &[from, to], COUNT)?;
        expect::elements("what the kernel made of it", &[round * 2; COUNT], &seen(to))?;
    }
    Ok(())
}

fn before_user_event(environment: &Environment) -> Finding {
    let kernel = environment.kernel(DOUBLE, "twice")?;
    let (from, to) = (fine(environment)?, fine(environment)?);
    environment.svm_arguments(kernel, &[from, to])?;
    for round in 1..50_u32 {
        let gate = environment.gate()?;
        launched(environment, environment.queue, kernel, &[gate])?;
        expect::success("clFlush", environment.api.clFlush(environment.queue))?;
        (0..COUNT).for_each(|index| write(from, index, round));
        environment.open_gate(gate)?;
        environment.finish()?;
        expect::elements("what the kernel made of it", &[round * 2; COUNT], &seen(to))?;
    }
    Ok(())
}

fn host_beside_kernel(environment: &Environment) -> Finding {
    let source = "kernel void even(global uchar *p, uchar value) {
        for (int i = 0; i < 4; ++i) p[get_global_id(0) * 4 + i / 2 * 2] = value; }";
    let kernel = environment.kernel(source, "even")?;
    let pointer = fine(environment)?;
    environment.svm_arguments(kernel, &[pointer])?;
    let address = pointer as usize;
    for round in 1..50_u8 {
        expect::success("clSetKernelArg", environment.set_arg(kernel, 1, &round))?;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let odd = (1..COUNT * 4).step_by(2);
                odd.for_each(|index| write(address as *mut c_void, index, round + 100));
            });
            launched(environment, environment.queue, kernel, &[])?;
            Ok::<_, Outcome>(environment.finish()?)
        })?;
        let found: Vec<u8> = (0..COUNT * 4).map(|index| read(pointer, index)).collect();
        let expected = [round, round + 100].repeat(COUNT * 2);
        expect::elements("what was written here and there", &expected, &found)?;
    }
    Ok(())
}

/// Runs one kernel in each of two queues, with both flushed before they are waited for.
fn in_two_queues(
    environment: &Environment,
    first: cl_kernel,
    second: cl_kernel,
    rounds: usize,
) -> Finding {
    let queues = [environment.queue_of(0)?, environment.queue_of(0)?];
    for _ in 0..rounds {
        for (queue, kernel) in queues.into_iter().zip([first, second]) {
            launched(environment, queue, kernel, &[])?;
            expect::success("clFlush", environment.api.clFlush(queue))?;
        }
    }
    for queue in queues {
        expect::success("clFinish", environment.api.clFinish(queue))?;
    }
    Ok(())
}

fn two_kernels(environment: &Environment) -> Finding {
    let source = "kernel void half_of(global ushort *p, uint which) {
        p[get_global_id(0) * 2 + which] += which + 1; }";
    let pointer = environment.svm(COUNT * 4)?;
    environment.store(pointer, &[0_u16; COUNT * 2])?;
    let mut kernels = [null_mut(); 2];
    for (which, kernel) in (0..2_u32).zip(&mut kernels) {
        *kernel = environment.kernel(source, "half_of")?;
        environment.svm_arguments(*kernel, &[pointer])?;
        expect::success("clSetKernelArg", environment.set_arg(*kernel, 1, &which))?;
    }
    in_two_queues(environment, kernels[0], kernels[1], 50)?;
    let found: Vec<u16> = environment.load(pointer, COUNT * 2)?;
    let expected = [50, 100].repeat(COUNT);
    expect::elements("what both wrote", &expected, &found)
}

/// Demands that kernels may order their accesses for each other.
fn device_scope(environment: &Environment, order: cl_device_atomic_capabilities) -> Finding {
    if environment.version()? < (3, 0) {
        return Ok(());
    }
    let wanted = order | CL_DEVICE_ATOMIC_SCOPE_DEVICE;
    let name = CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES;
    let offered: cl_device_atomic_capabilities = environment.device_info(name)?;
    if offered & wanted == wanted {
        return Ok(());
    }
    let why = "without the memory order in the scope of the device";
    Err(Outcome::not_applicable(why))
}

fn counter_of_two_kernels(environment: &Environment) -> Finding {
    device_scope(environment, CL_DEVICE_ATOMIC_ORDER_RELAXED)?;
    let source = "kernel void add_one(global atomic_int *p) {
        atomic_fetch_add_explicit(p, 1, memory_order_relaxed, memory_scope_device); }";
    let pointer = environment.svm(4)?;
    environment.store(pointer, &[0_i32])?;
    let mut kernels = [null_mut(); 2];
    for kernel in &mut kernels {
        *kernel = environment.kernel(source, "add_one")?;
        environment.svm_arguments(*kernel, &[pointer])?;
    }
    in_two_queues(environment, kernels[0], kernels[1], 50)?;
    let found: Vec<i32> = environment.load(pointer, 1)?;
    expect::equal("the counter", vec![100 * COUNT as i32], found)
}

fn message_between_kernels(environment: &Environment) -> Finding {
    device_scope(environment, CL_DEVICE_ATOMIC_ORDER_ACQ_REL)?;
    // The receiver does not wait: nobody says that both run at the same time.
    let source = "kernel void tell(global int *data, global atomic_int *flag, global int *stale) {
            int item = get_global_id(0); data[item] = item + 1;
            atomic_store_explicit(&flag[item], 1, memory_order_release, memory_scope_device); }
        kernel void listen(global int *data, global atomic_int *flag, global int *stale) {
            int item = get_global_id(0);
            int told = atomic_load_explicit(&flag[item], memory_order_acquire, memory_scope_device);
            if (told && data[item] != item + 1) stale[item] = 1; }";
    let (tell, listen) = (
        environment.kernel(source, "tell")?,
        environment.kernel(source, "listen")?,
    );
    let size = COUNT * 4;
    let (data, flag) = (environment.svm(size)?, environment.svm(size)?);
    let stale = environment.svm(size)?;
    for kernel in [tell, listen] {
        environment.svm_arguments(kernel, &[data, flag, stale])?;
    }
    environment.store(stale, &[0_i32; COUNT])?;
    for _ in 0..10 {
        environment.store(data, &[0_i32; COUNT])?;
        environment.store(flag, &[0_i32; COUNT])?;
        in_two_queues(environment, tell, listen, 1)?;
    }
    let found: Vec<i32> = environment.load(stale, COUNT)?;
    expect::elements("the data that was missing", &[0; COUNT], &found)
}

fn event_of_another_queue(environment: &Environment) -> Finding {
    let kernel = environment.kernel(DOUBLE, "twice")?;
    let pointers = [environment.svm(COUNT * 4)?, environment.svm(COUNT * 4)?];
    let queues = [environment.queue_of(0)?, environment.queue_of(0)?];
    environment.store(pointers[0], &[1_u32; COUNT])?;
    let mut event: Option<cl_event> = None;
    for round in 0..20 {
        let queue = queues[round % 2];
        let (from, to) = (pointers[round % 2], pointers[(round + 1) % 2]);
        environment.svm_arguments(kernel, &[from, to])?;
        event = Some(launched(environment, queue, kernel, event.as_slice())?);
        expect::success("clFlush", environment.api.clFlush(queue))?;
    }
    for queue in queues {
        expect::success("clFinish", environment.api.clFinish(queue))?;
    }
    let found: Vec<u32> = environment.load(pointers[0], COUNT)?;
    expect::elements("1, doubled 20 times", &[1 << 20; COUNT], &found)
}
