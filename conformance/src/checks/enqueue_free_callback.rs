//! The callback of `clEnqueueSVMFree` (§5.6.1).

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opencl_sys::*;

use super::enqueue_free::{enqueued, several, How};
use crate::check::{expect, Check, Environment, Finding, Group, Outcome};
use crate::client::{read, reference, Api};

/// The group.
pub const GROUP: Group = Group {
    name: "enqueue-free-callback",
    about: "clEnqueueSVMFree: the callback",
    checks: &[
        Check::new(
            "enqueue-free-callback/list-reusable",
            "5.6.1",
            "The memory of the list may be reused when the function has returned.",
            list_reusable,
        ),
        Check::new(
            "enqueue-free-callback/wait-list-reusable",
            "5.6.1",
            "The memory of the wait list may be reused when the function has returned.",
            wait_list_reusable,
        ),
        Check::new(
            "enqueue-free-callback/arguments",
            "5.6.1",
            "The callback gets the queue, the count, the list in its order, and the user data.",
            callback_arguments,
        ),
        Check::new(
            "enqueue-free-callback/once",
            "5.6.1",
            "The callback is called once for a command, with all its pointers.",
            callback_once,
        ),
        Check::new(
            "enqueue-free-callback/without-user-data",
            "5.6.1",
            "The user data of the callback may be NULL.",
            callback_without_user_data,
        ),
        Check::new(
            "enqueue-free-callback/waits",
            "5.6.1",
            "The callback is not called before the events of the wait list are complete.",
            callback_waits,
        ),
        Check::new(
            "enqueue-free-callback/alone-frees",
            "5.6.1",
            "With a callback, freeing is left to it: the implementation frees nothing itself.",
            callback_alone_frees,
        ),
        Check::new(
            "enqueue-free-callback/frees",
            "5.6.1",
            "The callback may ask the queue for its context and free the SVM pointers.",
            callback_frees,
        ),
        Check::new(
            "enqueue-free-callback/with-system-pointers",
            "5.6.1",
            "With a callback, the list may hold pointers that are not of clSVMAlloc.",
            callback_with_system_pointers,
        ),
        Check::new(
            "enqueue-free-callback/and-completion",
            "5.6.1",
            "Whether the callback has been called when the command is complete is left open.",
            callback_and_completion,
        ),
        Check::new(
            "enqueue-free-callback/after-flush",
            "5.16",
            "After clFlush the command runs without a further call of the host.",
            callback_after_flush,
        ),
        Check::new(
            "enqueue-free-callback/failed-wait",
            "5.11",
            "If an event of the wait list fails, the command is terminated: its status is negative and the callback not called.",
            failed_wait,
        ),
    ],
};

/// What a callback saw.
#[derive(Default)]
struct Seen {
    calls: AtomicUsize,
    queue: AtomicUsize,
    pointers: Mutex<Vec<usize>>,
    freed: AtomicBool,
}

impl Seen {
    /// Lives as long as the process: a callback may come late.
    fn leaked() -> &'static Self {
        Box::leak(Box::default())
    }

    fn user_data(&'static self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    /// Waits until there was a call, but not for ever.
    fn wait(&self) -> Finding {
        let begin = Instant::now();
        while self.calls() == 0 && begin.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(1));
        }
        expect::that(self.calls() > 0, || {
            ("the callback is called".into(), "it is not".into())
        })
    }

    fn pointers(&self) -> Vec<usize> {
        let pointers = self.pointers.lock();
        pointers.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

extern "C" fn record(
    queue: cl_command_queue,
    count: cl_uint,
    pointers: *mut *mut c_void,
    user_data: *mut c_void,
) {
    let seen = reference::<Seen>(user_data);
    let list = (0..count as usize).map(|index| read::<usize>(pointers.cast(), index));
    *seen.pointers.lock().unwrap_or_else(PoisonError::into_inner) = list.collect();
    seen.queue.store(queue as usize, SeqCst);
    seen.calls.fetch_add(1, SeqCst);
}

extern "C" fn free_all(
    queue: cl_command_queue,
    count: cl_uint,
    pointers: *mut *mut c_void,
    user_data: *mut c_void,
) {
    let seen = reference::<Seen>(user_data);
    if let Ok(api) = Api::get() {
        let mut context: cl_context = null_mut();
        let (place, size) = ((&raw mut context).cast(), size_of::<cl_context>());
        let code = api.clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, size, place, null_mut());
        if code == CL_SUCCESS && !context.is_null() {
            for index in 0..count as usize {
                api.clSVMFree(context, read(pointers.cast(), index));
            }
            seen.freed.store(true, SeqCst);
        }
    }
    seen.calls.fetch_add(1, SeqCst);
}

static CALLS_WITHOUT_USER_DATA: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_call(
    _: cl_command_queue,
    _: cl_uint,
    _: *mut *mut c_void,
    user_data: *mut c_void,
) {
    if user_data.is_null() {
        CALLS_WITHOUT_USER_DATA.fetch_add(1, SeqCst);
    }
}

fn list_reusable(environment: &Environment) -> Finding {
    let seen = Seen::leaked();
    let gate = environment.gate()?;
    let kept = several(environment, 20)?;
    let mut list = kept.clone();
    let how = How {
        callback: Some((record, seen.user_data())),
        wait: &[gate],
        ..How::default()
    };
    enqueued(environment, &mut list, &how)?;
    list.fill(null_mut());
    environment.open_gate(gate)?;
    environment.finish()?;
    seen.wait()?;
    let kept: Vec<usize> = kept.iter().map(|pointer| *pointer as usize).collect();
    expect::equal("the list that the callback gets", kept, seen.pointers())
}

fn wait_list_reusable(environment: &Environment) -> Finding {
    let seen = Seen::leaked();
    let gates = [environment.gate()?, environment.gate()?];
    let mut list = gates;
    let how = How {
        callback: Some((record, seen.user_data())),
        wait: &list,
        ..How::default()
    };
    let event = enqueued(environment, &mut several(environment, 1)?, &how)?;
    list.fill(null_mut());
    environment.open_gate(gates[0])?;
    let code = environment.api.clFlush(environment.queue);
    expect::success("clFlush", code)?;
    std::thread::sleep(Duration::from_millis(20));
    expect::equal(
        "the number of calls before the second event",
        0,
        seen.calls(),
    )?;
    environment.open_gate(gates[1])?;
    let code = environment.api.clWaitForEvents(1, &event);
    expect::success("clWaitForEvents", code)?;
    seen.wait()?;
    expect::equal("what was done to the array", [null_mut(); 2], list)
}

fn callback_arguments(environment: &Environment) -> Finding {
    let seen = Seen::leaked();
    let queue = environment.queue_of(0)?;
    let mut list = several(environment, 9)?;
    let expected: Vec<usize> = list.iter().map(|pointer| *pointer as usize).collect();
    let how = How {
        queue: Some(queue),
        callback: Some((record, seen.user_data())),
        ..How::default()
    };
    enqueued(environment, &mut list, &how)?;
    let code = environment.api.clFinish(queue);
    expect::success("clFinish", code)?;
    seen.wait()?;
    expect::equal("the list", expected, seen.pointers())?;
    expect::equal("the queue", queue as usize, seen.queue.load(SeqCst))
}

fn callback_once(environment: &Environment) -> Finding {
    let all: Vec<_> = (0..50).map(|_| Seen::leaked()).collect();
    for (count, seen) in (1..).zip(&all) {
        let how = How {
            callback: Some((record, seen.user_data())),
            ..How::default()
        };
        enqueued(environment, &mut several(environment, count)?, &how)?;
    }
    environment.finish()?;
    for seen in &all {
        seen.wait()?;
    }
    // Time for one too many.
    std::thread::sleep(Duration::from_millis(20));
    for (count, seen) in (1..).zip(&all) {
        expect::equal("the number of calls", 1, seen.calls())?;
        expect::equal("the number of pointers", count, seen.pointers().len())?;
    }
    Ok(())
}

fn callback_without_user_data(environment: &Environment) -> Finding {
    let before = CALLS_WITHOUT_USER_DATA.load(SeqCst);
    let how = How {
        callback: Some((count_call, null_mut())),
        ..How::default()
    };
    enqueued(environment, &mut several(environment, 2)?, &how)?;
    environment.finish()?;
    let begin = Instant::now();
    let calls = || CALLS_WITHOUT_USER_DATA.load(SeqCst) - before;
    while calls() == 0 && begin.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(1));
    }
    expect::that(calls() > 0, || {
        (
            "the callback is called with NULL".into(),
            "it is not".into(),
        )
    })
}

fn callback_waits(environment: &Environment) -> Finding {
    let seen = Seen::leaked();
    let gate = environment.gate()?;
    let how = How {
        callback: Some((record, seen.user_data())),
        wait: &[gate],
        ..How::default()
    };
    enqueued(environment, &mut several(environment, 1)?, &how)?;
    let code = environment.api.clFlush(environment.queue);
    expect::success("clFlush", code)?;
    std::thread::sleep(Duration::from_millis(30));
    expect::equal("the number of calls before the event", 0, seen.calls())?;
    environment.open_gate(gate)?;
    environment.finish()?;
    seen.wait()
}

fn callback_alone_frees(environment: &Environment) -> Finding {
    let seen = Seen::leaked();
    let list = several(environment, 8)?;
    for (value, pointer) in (0_u32..).zip(&list) {
        environment.store(*pointer, &[value; 8])?;
    }
    let how = How {
        callback: Some((record, seen.user_data())),
        ..How::default()
    };
    enqueued(environment, &mut list.clone(), &how)?;
    environment.finish()?;
    seen.wait()?;
    for _ in 0..100 {
        let fresh = environment.svm(64)?;
        let again = list.contains(&fresh);
        expect::equal(
            "whether memory that nobody freed is given again",
            false,
            again,
        )?;
        environment.store(fresh, &[u32::MAX; 16])?;
    }
    for (value, pointer) in (0_u32..).zip(&list) {
        let found = environment.load(*pointer, 8)?;
        expect::equal("what the memory holds", vec![value; 8], found)?;
    }
    Ok(())
}

fn callback_frees(environment: &Environment) -> Finding {
    let seen = Seen::leaked();
    let mut list = several(environment, 64)?;
    let how = How {
        callback: Some((free_all, seen.user_data())),
        ..How::default()
    };
    enqueued(environment, &mut list, &how)?;
    environment.finish()?;
    for pointer in list {
        environment.forget(pointer);
    }
    seen.wait()?;
    let freed = seen.freed.load(SeqCst);
    expect::equal("whether the queue told its context", true, freed)
}

fn callback_with_system_pointers(environment: &Environment) -> Finding {
    let seen = Seen::leaked();
    let memory: &'static mut [u64] = Box::leak(Box::new([0; 64]));
    let mut list = [memory.as_mut_ptr().cast(), environment.svm(64)?];
    let expected = list.map(|pointer: *mut c_void| pointer as usize).to_vec();
    let how = How {
        callback: Some((record, seen.user_data())),
        ..How::default()
    };
    enqueued(environment, &mut list, &how)?;
    environment.finish()?;
    seen.wait()?;
    expect::equal("the list that the callback gets", expected, seen.pointers())
}

fn callback_and_completion(environment: &Environment) -> Finding {
    let mut called = 0;
    for _ in 0..20 {
        let seen = Seen::leaked();
        let how = How {
            callback: Some((record, seen.user_data())),
            ..How::default()
        };
        let event = enqueued(environment, &mut several(environment, 1)?, &how)?;
        let code = environment.api.clWaitForEvents(1, &event);
        expect::success("clWaitForEvents", code)?;
        called += seen.calls();
        seen.wait()?;
    }
    Err(Outcome::informative(format!(
        "the callback had returned when {called} of 20 commands were complete"
    )))
}

fn callback_after_flush(environment: &Environment) -> Finding {
    let seen = Seen::leaked();
    let how = How {
        callback: Some((record, seen.user_data())),
        ..How::default()
    };
    enqueued(environment, &mut several(environment, 1)?, &how)?;
    let code = environment.api.clFlush(environment.queue);
    expect::success("clFlush", code)?;
    seen.wait()
}

fn failed_wait(environment: &Environment) -> Finding {
    let seen = Seen::leaked();
    let gate = environment.gate()?;
    let how = How {
        callback: Some((record, seen.user_data())),
        wait: &[gate],
        ..How::default()
    };
    let event = enqueued(environment, &mut several(environment, 1)?, &how)?;
    let code = environment.api.clSetUserEventStatus(gate, -1);
    expect::success("clSetUserEventStatus", code)?;
    // Codes of these calls tell of the failed event, or not: other checks look at that.
    environment.api.clWaitForEvents(1, &event);
    let status = environment.event_status(event)?;
    expect::that(status < 0, || {
        (
            "the status of the terminated command is negative".into(),
            status.to_string(),
        )
    })?;
    std::thread::sleep(Duration::from_millis(20));
    expect::equal("the number of calls of the callback", 0, seen.calls())
}
