//! Host and device at work on the same memory at the same time (§3.3.9, §5.6.1).

use std::ffi::c_void;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{fence, AtomicI32};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::{atomic, read, write};

/// What the host needs to work beside a kernel.
const ATOMICS: &[Need] = &[Need::FineGrainBuffer, Need::Atomics, Need::Compiler];

/// The group.
pub const GROUP: Group = Group {
    name: "consistency",
    about: "host and device at work on the same memory at the same time",
    checks: &[
        Check::new(
            "consistency/message-to-the-host",
            "3.3.9",
            "What a kernel wrote before a store with release order is there after the host's load with acquire order.",
            |environment| to_the_host(environment, STORE_RELEASE, Acquire, ACQUIRE_RELEASE),
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/message-to-the-host-sequential",
            "3.3.9",
            "The same with sequentially consistent order.",
            |environment| to_the_host(environment, STORE_SEQUENTIAL, SeqCst, SEQUENTIAL),
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/message-to-the-host-fence",
            "3.3.9.2",
            "The same with fences and relaxed order.",
            |environment| to_the_host(environment, STORE_FENCE, Relaxed, ACQUIRE_RELEASE),
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/message-to-the-host-exchange",
            "3.3.9",
            "The same with an exchange of acquire-release order.",
            |environment| to_the_host(environment, STORE_EXCHANGE, AcqRel, ACQUIRE_RELEASE),
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/message-to-a-kernel",
            "3.3.9",
            "What the host wrote before a store with release order is there after a kernel's load with acquire order.",
            |environment| to_a_kernel(environment, LOAD_ACQUIRE, Release, ACQUIRE_RELEASE),
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/message-to-a-kernel-sequential",
            "3.3.9",
            "The same with sequentially consistent order.",
            |environment| to_a_kernel(environment, LOAD_SEQUENTIAL, SeqCst, SEQUENTIAL),
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/message-to-a-kernel-fence",
            "3.3.9.2",
            "The same with fences and relaxed order.",
            |environment| to_a_kernel(environment, LOAD_FENCE, Relaxed, ACQUIRE_RELEASE),
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/message-to-a-kernel-exchange",
            "3.3.9",
            "The same with a read-modify-write operation of acquire-release order.",
            |environment| to_a_kernel(environment, LOAD_EXCHANGE, AcqRel, ACQUIRE_RELEASE),
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/store-buffering",
            "3.3.9",
            "Of a sequentially consistent store and load here and there, one sees the other's store.",
            store_buffering,
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/coherence",
            "3.3.8",
            "The host never sees an older value of an atomic object after a newer one.",
            coherence,
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/counter",
            "3.3.8",
            "No addition is lost when host and work-items add to the same counter.",
            counter,
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/tickets",
            "3.3.8",
            "Host and work-items never get the same value from additions to the same counter.",
            tickets,
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/compare-exchange",
            "3.3.8",
            "No compare-and-exchange is lost when host and work-items do it to the same object.",
            compare_exchange,
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/exchange",
            "3.3.8",
            "Each value that is exchanged into an object is got out of it once.",
            exchange,
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/bits",
            "3.3.8",
            "No bit is lost when host and work-items set and clear bits of the same object.",
            bits,
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/extremes",
            "3.3.8",
            "Minimum and maximum of what host and work-items offer are found.",
            extremes,
        )
        .needs(ATOMICS),
        Check::new(
            "consistency/counter-in-system-memory",
            "3.3.5",
            "With fine-grained system SVM, all this holds for the host's own memory.",
            counter_in_system_memory,
        )
        .needs(&[Need::FineGrainSystem, Need::Atomics, Need::Compiler]),
    ],
};

const ACQUIRE_RELEASE: cl_device_atomic_capabilities = CL_DEVICE_ATOMIC_ORDER_ACQ_REL;
const SEQUENTIAL: cl_device_atomic_capabilities = CL_DEVICE_ATOMIC_ORDER_SEQ_CST;

/// Demands that the device offers an order, in the scope that host and device share.
fn claimed(environment: &Environment, order: cl_device_atomic_capabilities) -> Finding {
    if environment.version()? < (3, 0) {
        // OpenCL 2 mandates all of them.
        return Ok(());
    }
    let wanted = order | CL_DEVICE_ATOMIC_SCOPE_ALL_DEVICES;
    let name = CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES;
    let offered: cl_device_atomic_capabilities = environment.device_info(name)?;
    if offered & wanted == wanted {
        return Ok(());
    }
    Err(Outcome::not_applicable(
        "without the memory order in the scope of all devices",
    ))
}

/// Memory for so many 32-bit atomic objects, all 0.
fn objects(environment: &Environment, count: usize) -> Result<*mut c_void, Outcome> {
    let flags = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS;
    let pointer = environment.try_svm(flags, count * 4, 0);
    expect::that(!pointer.is_null(), || {
        ("clSVMAlloc gives memory with atomics".into(), "NULL".into())
    })?;
    (0..count).for_each(|index| write(pointer, index, 0_i32));
    Ok(pointer)
}

/// Runs a kernel while another thread of the host works.
fn beside<T: Send>(
    environment: &Environment,
    kernel: cl_kernel,
    (pointers, work_items): (&[*mut c_void], usize),
    host: impl FnOnce() -> T + Send,
) -> Result<T, Outcome> {
    environment.svm_arguments(kernel, pointers)?;
    std::thread::scope(|scope| {
        let host = scope.spawn(host);
        let enqueued = environment.enqueue(environment.queue, kernel, work_items, &[]);
        let finished = environment.finish();
        let done = host.join();
        enqueued?;
        finished?;
        done.map_err(|_| Outcome::fail("the host's thread returns", "it panicked"))
    })
}

/// How many messages are sent.
const MESSAGES: usize = 5000;

const SCOPE: &str = "memory_scope_all_svm_devices";

/// How a kernel publishes a number.
const STORE_RELEASE: &str = "atomic_store_explicit(flag, number, memory_order_release, SCOPE);";
const STORE_SEQUENTIAL: &str = "atomic_store_explicit(flag, number, memory_order_seq_cst, SCOPE);";
const STORE_FENCE: &str =
    "atomic_work_item_fence(CLK_GLOBAL_MEM_FENCE, memory_order_release, SCOPE);
     atomic_store_explicit(flag, number, memory_order_relaxed, SCOPE);";
const STORE_EXCHANGE: &str = "atomic_exchange_explicit(flag, number, memory_order_acq_rel, SCOPE);";

/// How a kernel learns a number.
const LOAD_ACQUIRE: &str = "number = atomic_load_explicit(flag, memory_order_acquire, SCOPE);";
const LOAD_SEQUENTIAL: &str = "number = atomic_load_explicit(flag, memory_order_seq_cst, SCOPE);";
const LOAD_FENCE: &str = "number = atomic_load_explicit(flag, memory_order_relaxed, SCOPE);
     atomic_work_item_fence(CLK_GLOBAL_MEM_FENCE, memory_order_acquire, SCOPE);";
const LOAD_EXCHANGE: &str =
    "number = atomic_fetch_add_explicit(flag, 0, memory_order_acq_rel, SCOPE);";

fn to_the_host(
    environment: &Environment,
    publish: &str,
    order: Ordering,
    needed: cl_device_atomic_capabilities,
) -> Finding {
    claimed(environment, needed)?;
    let source = format!(
        "kernel void send(global int *data, global atomic_int *flag, int count) {{
            for (int number = 1; number <= count; ++number) {{
                data[number] = number * 7; {publish}
            }} }}"
    );
    let kernel = environment.kernel(&source.replace("SCOPE", SCOPE), "send")?;
    let (data, flag) = (
        objects(environment, MESSAGES + 2)?,
        objects(environment, 1)?,
    );
    let code = environment.set_arg(kernel, 2, &(MESSAGES as cl_int));
    expect::success("clSetKernelArg", code)?;
    let (at, told) = (data as usize, atomic(flag, 0));
    let stale = beside(environment, kernel, (&[data, flag], 1), || {
        let mut checked = 0;
        loop {
            let number = match order {
                AcqRel => told.fetch_add(0, AcqRel),
                order => told.load(order),
            };
            if order == Relaxed {
                fence(Acquire);
            }
            for index in checked + 1..=number {
                let found: i32 = read(at as *const c_void, index as usize);
                if found != index * 7 {
                    return Some((index, found));
                }
            }
            checked = number;
            if checked >= MESSAGES as i32 {
                return None;
            }
            std::thread::yield_now();
        }
    })?;
    let wrong = |(index, found)| {
        let expected = format!("after the flag {index}, the data is {}", index * 7);
        Err(Outcome::fail(expected, format!("{found}")))
    };
    stale.map_or(Ok(()), wrong)
}

fn to_a_kernel(
    environment: &Environment,
    learn: &str,
    order: Ordering,
    needed: cl_device_atomic_capabilities,
) -> Finding {
    claimed(environment, needed)?;
    let source = format!(
        "kernel void receive(global int *data, global atomic_int *flag, global int *stale, int count) {{
            int checked = 0, number = 0;
            while (checked < count) {{
                {learn}
                for (; checked < number; ++checked)
                    if (data[checked + 1] != (checked + 1) * 7) *stale += 1;
            }} }}"
    );
    let kernel = environment.kernel(&source.replace("SCOPE", SCOPE), "receive")?;
    let (data, flag) = (
        objects(environment, MESSAGES + 3)?,
        objects(environment, 1)?,
    );
    let stale = objects(environment, 1)?;
    let code = environment.set_arg(kernel, 3, &(MESSAGES as cl_int));
    expect::success("clSetKernelArg", code)?;
    let (at, told) = (data as usize, atomic(flag, 0));
    beside(environment, kernel, (&[data, flag, stale], 1), || {
        for number in 1..=MESSAGES as i32 {
            write(at as *mut c_void, number as usize, number * 7);
            match order {
                AcqRel => drop(told.swap(number, AcqRel)),
                Relaxed => {
                    fence(Release);
                    told.store(number, Relaxed);
                }
                order => told.store(number, order),
            }
        }
    })?;
    let what = "the number of messages whose data the kernel did not see";
    expect::equal(what, 0, read::<i32>(stale, 0))
}

fn store_buffering(environment: &Environment) -> Finding {
    claimed(environment, SEQUENTIAL)?;
    let source = "kernel void race(global atomic_int *mine, global atomic_int *theirs,
                global int *seen, global atomic_int *begun, int count) {
            atomic_store(begun, 1);
            for (int i = 0; i < count; ++i) {
                atomic_store(&mine[i], 1); seen[i] = atomic_load(&theirs[i]);
            } }";
    let kernel = environment.kernel(source, "race")?;
    let (device, host) = (
        objects(environment, MESSAGES)?,
        objects(environment, MESSAGES)?,
    );
    let (seen, begun) = (objects(environment, MESSAGES)?, objects(environment, 1)?);
    let code = environment.set_arg(kernel, 4, &(MESSAGES as cl_int));
    expect::success("clSetKernelArg", code)?;
    let (theirs, mine, start) = (device as usize, host as usize, atomic(begun, 0));
    let pointers = [device, host, seen, begun];
    let found = beside(environment, kernel, (&pointers, 1), || {
        while start.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
        let race = |index| {
            atomic(mine as *mut c_void, index).store(1, SeqCst);
            atomic(theirs as *mut c_void, index).load(SeqCst)
        };
        (0..MESSAGES).map(race).collect::<Vec<i32>>()
    })?;
    let lost = (0..MESSAGES).find(|index| found[*index] == 0 && read::<i32>(seen, *index) == 0);
    expect::that(lost.is_none(), || {
        (
            "of two stores, each followed by a load of the other, one is seen".into(),
            format!("neither in round {}", lost.unwrap_or_default()),
        )
    })
}

/// How many values an object gets.
const VALUES: usize = 200_000;

fn coherence(environment: &Environment) -> Finding {
    let source = "kernel void count(global atomic_int *object, int count) {
            for (int i = 1; i <= count; ++i)
                atomic_store_explicit(object, i, memory_order_relaxed, memory_scope_all_svm_devices);
            }";
    claimed(environment, 0)?;
    let kernel = environment.kernel(source, "count")?;
    let object = objects(environment, 1)?;
    let code = environment.set_arg(kernel, 1, &(VALUES as cl_int));
    expect::success("clSetKernelArg", code)?;
    let seen = atomic(object, 0);
    let back = beside(environment, kernel, (&[object], 1), || {
        let mut last = 0;
        while last < VALUES as i32 {
            let now = seen.load(Relaxed);
            if now < last || now > VALUES as i32 {
                return Some((last, now));
            }
            last = now;
            std::thread::yield_now();
        }
        None
    })?;
    back.map_or(Ok(()), |(last, now)| {
        let expected = format!("after {last}, a value from {last} to {VALUES}");
        Err(Outcome::fail(expected, now.to_string()))
    })
}

/// How many work-items there are, and how many times the host does what each of them does.
const WORK_ITEMS: usize = 4096;

/// What the objects hold, what work-items got, and what the host got.
type Shared<T> = (Vec<i32>, Vec<i32>, Vec<T>);

/// Has every work-item, and the host as many times, work on objects that begin as given.
fn shared<T: Send>(
    environment: &Environment,
    statement: &str,
    values: &[i32],
    host: impl Fn(&[&AtomicI32], i32) -> T + Sync,
) -> Result<Shared<T>, Outcome> {
    claimed(environment, 0)?;
    let source = format!(
        "kernel void work(global atomic_int *objects, global int *got) {{
            int item = get_global_id(0); {statement} }}"
    );
    let source = source.replace("RELAXED", &format!("memory_order_relaxed, {SCOPE}"));
    let kernel = environment.kernel(&source, "work")?;
    let (pointer, got) = (
        objects(environment, values.len())?,
        objects(environment, WORK_ITEMS)?,
    );
    let all: Vec<&AtomicI32> = (0..values.len()).map(|at| atomic(pointer, at)).collect();
    for (object, value) in all.iter().zip(values) {
        object.store(*value, SeqCst);
    }
    let here = beside(environment, kernel, (&[pointer, got], WORK_ITEMS), || {
        let work = |item| host(&all, item as i32);
        (0..WORK_ITEMS).map(work).collect::<Vec<T>>()
    })?;
    let after = all.iter().map(|object| object.load(SeqCst)).collect();
    let there = (0..WORK_ITEMS).map(|item| read(got, item)).collect();
    Ok((after, there, here))
}

const TWICE: i32 = 2 * WORK_ITEMS as i32;

fn counter(environment: &Environment) -> Finding {
    let add = "atomic_fetch_add_explicit(objects, 3, RELAXED);
        atomic_fetch_sub_explicit(&objects[1], 2, RELAXED);";
    let (after, _, _) = shared(environment, add, &[0, 0], |objects, _| {
        objects[0].fetch_add(3, Relaxed);
        objects[1].fetch_sub(2, Relaxed);
    })?;
    let what = "what was added up and subtracted";
    expect::equal(what, vec![3 * TWICE, -2 * TWICE], after)
}

fn tickets(environment: &Environment) -> Finding {
    let take = "got[item] = atomic_fetch_add_explicit(objects, 1, RELAXED);";
    let (_, there, mut here) = shared(environment, take, &[0], |objects, _| {
        objects[0].fetch_add(1, Relaxed)
    })?;
    here.extend(there);
    here.sort_unstable();
    let expected: Vec<i32> = (0..TWICE).collect();
    expect::elements("the values that were got, sorted", &expected, &here)
}

fn compare_exchange(environment: &Environment) -> Finding {
    let add = "int old = 0;
        while (!atomic_compare_exchange_weak_explicit(objects, &old, old + 5, memory_order_relaxed, RELAXED));";
    let (after, _, _) = shared(environment, add, &[0], |objects, _| {
        let mut old = 0;
        while let Err(other) = objects[0].compare_exchange_weak(old, old + 5, Relaxed, Relaxed) {
            old = other;
        }
    })?;
    expect::equal("what was added up", vec![5 * TWICE], after)
}

fn exchange(environment: &Environment) -> Finding {
    let swap = "got[item] = atomic_exchange_explicit(objects, item + 1, RELAXED);";
    let (mut after, there, here) = shared(environment, swap, &[0], |objects, item| {
        objects[0].swap(WORK_ITEMS as i32 + item + 1, Relaxed)
    })?;
    after.extend(there);
    after.extend(here);
    after.sort_unstable();
    let expected: Vec<i32> = (0..=TWICE).collect();
    expect::elements("the values that were got, sorted", &expected, &after)
}

fn bits(environment: &Environment) -> Finding {
    let set = "atomic_fetch_or_explicit(&objects[item / 16], 1 << item % 16 * 2, RELAXED);
        atomic_fetch_and_explicit(&objects[256 + item / 16], ~(1 << item % 16 * 2), RELAXED);
        atomic_fetch_xor_explicit(&objects[512 + item / 16], 1 << item % 16 * 2, RELAXED);";
    // One object for the even bits of 16 work-items and the odd ones of the host.
    let begin = [[0; 256], [-1; 256], [0; 256]].concat();
    let (after, _, _) = shared(environment, set, &begin, |objects, item| {
        let (place, bit) = (item as usize / 16, 1 << (item % 16 * 2 + 1));
        objects[place].fetch_or(bit, Relaxed);
        objects[256 + place].fetch_and(!bit, Relaxed);
        objects[512 + place].fetch_xor(bit, Relaxed);
    })?;
    let expected = [[-1; 256], [0; 256], [-1; 256]].concat();
    expect::elements("what was set, cleared and inverted", &expected, &after)
}

fn extremes(environment: &Environment) -> Finding {
    let offer = "atomic_fetch_max_explicit(objects, item * 2, RELAXED);
        atomic_fetch_min_explicit(&objects[1], -item * 2, RELAXED);";
    let (after, _, _) = shared(environment, offer, &[0, 0], |objects, item| {
        objects[0].fetch_max(item, Relaxed);
        objects[1].fetch_min(-item * 3, Relaxed);
    })?;
    let last = WORK_ITEMS as i32 - 1;
    expect::equal(
        "the largest and the smallest",
        vec![last * 2, last * -3],
        after,
    )
}

fn counter_in_system_memory(environment: &Environment) -> Finding {
    claimed(environment, 0)?;
    let source = "kernel void add(global atomic_int *object) {
        atomic_fetch_add_explicit(object, 1, memory_order_relaxed, memory_scope_all_svm_devices); }";
    let kernel = environment.kernel(source, "add")?;
    let own = Box::new(AtomicI32::new(0));
    let pointer = own.as_ptr().cast();
    beside(environment, kernel, (&[pointer], WORK_ITEMS), || {
        for _ in 0..WORK_ITEMS {
            own.fetch_add(1, Relaxed);
        }
    })?;
    expect::equal("the counter", TWICE, own.load(SeqCst))
}
