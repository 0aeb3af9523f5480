//! Random graphs of commands against a model, and the corners of events.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::command::{Command, CommandType, Operation};
use crate::context::Context;
use crate::device::{cpu, null, Device};
use crate::event::{
    create_user_event, wait_for_events, Event, ProfilingInfo, WaitList, COMPLETE, QUEUED, RUNNING,
    SUBMITTED,
};
use crate::flags::QueueProperties;
use crate::keep_alive::KeepAlive;
use crate::queue::CommandQueue;
use crate::wait_list::EventRequest;
use crate::{Error, ErrorCode, Result};

pub(super) fn null_context() -> (Arc<Context>, Arc<Device>) {
    let cpu = cpu::create().unwrap();
    let device = null::create(Arc::clone(cpu.backend.driver()), cpu.info.clone());
    let context = Context::create(std::slice::from_ref(&device), Vec::new(), None).unwrap();
    (context, device)
}

pub(super) fn queue(properties: QueueProperties) -> Arc<CommandQueue> {
    let (context, device) = null_context();
    CommandQueue::create(&context, &device, properties, Vec::new()).unwrap()
}

fn in_order() -> Arc<CommandQueue> {
    queue(QueueProperties::empty())
}

pub(super) fn host(call: impl FnOnce() -> Result<()> + Send + 'static) -> Command {
    Command {
        operation: Operation::Host(Box::new(call)),
        keep_alive: KeepAlive::default(),
    }
}

pub(super) fn submit(
    queue: &Arc<CommandQueue>,
    wait: &[Arc<Event>],
    call: impl FnOnce() -> Result<()> + Send + 'static,
) -> Arc<Event> {
    let wait_list = WaitList::new(queue.context(), wait).unwrap();
    queue
        .submit(CommandType::NativeKernel, host(call), wait_list)
        .unwrap()
}

pub(super) fn failure() -> Result<()> {
    Err(Error::new(ErrorCode::OutOfResources, "a test wants it"))
}

/// Small, fast, and the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// What the model knows of a command.
struct Node {
    /// None for some of those that nobody wanted an event of.
    event: Option<Arc<Event>>,
    queue: usize,
    in_order: bool,
    barrier: bool,
    joins_all: bool,
    fails: bool,
    dependencies: Vec<usize>,
    start: Arc<AtomicU64>,
    end: Arc<AtomicU64>,
}

/// Enqueues a random graph into two queues of each kind and checks every rule on the result.
fn torture(seed: u64, commands: usize) {
    let (context, device) = null_context();
    let mut random = Random(seed);
    let properties = [
        QueueProperties::empty(),
        QueueProperties::PROFILING,
        QueueProperties::OUT_OF_ORDER_EXEC_MODE,
        QueueProperties::OUT_OF_ORDER_EXEC_MODE | QueueProperties::PROFILING,
    ];
    let queues = properties
        .map(|properties| CommandQueue::create(&context, &device, properties, Vec::new()).unwrap());
    let clock = Arc::new(AtomicU64::new(1));
    let mut user_events = Vec::new();
    let mut nodes: Vec<Node> = Vec::new();
    for _ in 0..commands {
        let index = random.below(queues.len());
        let queue = &queues[index];
        let mut dependencies = Vec::new();
        let mut wait = Vec::new();
        for _ in 0..random.below(4) {
            if !nodes.is_empty() {
                let reach = nodes.len().min(20);
                let dependency = nodes.len() - 1 - random.below(reach);
                if let Some(event) = &nodes[dependency].event {
                    dependencies.push(dependency);
                    wait.push(Arc::clone(event));
                }
            }
        }
        if random.below(10) == 0 {
            let user = create_user_event(&context).unwrap();
            wait.push(Arc::clone(&user));
            user_events.push(user);
        }
        let barrier = random.below(12) == 0;
        let fails = random.below(25) == 0;
        let (start, end) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let call = {
            let (clock, start, end) = (Arc::clone(&clock), Arc::clone(&start), Arc::clone(&end));
            move || {
                assert_eq!(
                    start.swap(clock.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst),
                    0
                );
                std::thread::yield_now();
                end.store(clock.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                if fails {
                    failure()
                } else {
                    Ok(())
                }
            }
        };
        let command_type = if barrier {
            CommandType::Barrier
        } else {
            CommandType::NativeKernel
        };
        let joins_all = barrier && wait.is_empty();
        let request = EventRequest {
            wait_list: wait,
            wants_event: random.below(2) == 0,
        };
        let wait_list = WaitList::new(&context, &request).unwrap();
        let event = queue.submit(command_type, host(call), wait_list).unwrap();
        assert!(event.is_some() || !request.wants_event);
        nodes.push(Node {
            event,
            queue: index,
            in_order: index < 2,
            barrier,
            joins_all,
            fails,
            dependencies,
            start,
            end,
        });
        match random.below(20) {
            0 => queue.flush().unwrap(),
            1 => {
                let node = &nodes[random.below(nodes.len())];
                node.event.as_ref().map(|event| event.status());
            }
            2 if !user_events.is_empty() => {
                let user = user_events.swap_remove(random.below(user_events.len()));
                user.set_user_event_status(COMPLETE).unwrap();
            }
            _ => {}
        }
    }
    let waiting = {
        let events: Vec<_> = nodes.iter().filter_map(|node| node.event.clone()).collect();
        std::thread::spawn(move || wait_for_events(&events).is_err())
    };
    for user in user_events {
        user.set_user_event_status(COMPLETE).unwrap();
    }
    queues.iter().for_each(|queue| queue.finish().unwrap());
    let failed = waiting.join().unwrap();
    check(&nodes, failed);
}

fn check(nodes: &[Node], wait_failed: bool) {
    let mut runs = vec![true; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        runs[index] = node
            .dependencies
            .iter()
            .all(|dependency| runs[*dependency] && !nodes[*dependency].fails);
        let expected = match (runs[index], node.fails) {
            (false, _) => ErrorCode::ExecStatusErrorForEventsInWaitList as i32,
            (true, true) => ErrorCode::OutOfResources as i32,
            (true, false) => COMPLETE,
        };
        if let Some(event) = &node.event {
            assert_eq!(event.current_status(), expected, "command {index}");
        }
        let start = node.start.load(Ordering::SeqCst);
        assert_eq!(start != 0, runs[index], "command {index} ran or did not");
        if !runs[index] {
            continue;
        }
        let must_precede = |earlier: usize| {
            let end = nodes[earlier].end.load(Ordering::SeqCst);
            assert!(
                end < start,
                "command {earlier} ended at {end}, {index} began at {start}"
            );
        };
        node.dependencies.iter().copied().for_each(must_precede);
        for (earlier, other) in nodes[..index].iter().enumerate() {
            if other.queue == node.queue && (node.in_order || other.barrier || node.joins_all) {
                must_precede(earlier);
            }
        }
    }
    let mut events = nodes.iter().filter_map(|node| node.event.as_ref());
    let any_failed = events.any(|event| event.current_status() < COMPLETE);
    assert_eq!(wait_failed, any_failed);
}

#[test]
fn random_graphs_keep_every_rule() {
    for seed in 1..40 {
        torture(seed * 0x9E37_79B9, 300);
    }
}

#[test]
fn random_graphs_from_two_threads() {
    let threads = [7, 8].map(|seed| {
        std::thread::spawn(move || (0..10).for_each(|round| torture(seed * 977 + round, 200)))
    });
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn two_threads_share_one_queue() {
    for properties in [
        QueueProperties::empty(),
        QueueProperties::OUT_OF_ORDER_EXEC_MODE,
    ] {
        let queue = queue(properties);
        let count = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for round in 0..2000 {
                        let count = Arc::clone(&count);
                        let event = submit(&queue, &[], move || {
                            count.fetch_add(1, Ordering::Relaxed);
                            Ok(())
                        });
                        match round % 7 {
                            0 => event.wait().unwrap(),
                            1 => queue.finish().unwrap(),
                            2 => queue.flush().unwrap(),
                            _ => {}
                        }
                    }
                });
            }
        });
        queue.finish().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 4000);
    }
}

#[test]
fn a_long_chain_does_not_exhaust_the_stack() {
    for properties in [
        QueueProperties::empty(),
        QueueProperties::OUT_OF_ORDER_EXEC_MODE,
    ] {
        let queue = queue(properties);
        let gate = create_user_event(queue.context()).unwrap();
        let mut last = Arc::clone(&gate);
        for _ in 0..100_000 {
            last = submit(&queue, &[last], || Ok(()));
        }
        queue.flush().unwrap();
        assert!(last.current_status() > COMPLETE);
        gate.set_user_event_status(-5).unwrap();
        assert!(last.wait().is_err());
    }
}

#[test]
fn flushed_commands_run_without_a_wait() {
    for properties in [
        QueueProperties::empty(),
        QueueProperties::OUT_OF_ORDER_EXEC_MODE,
    ] {
        let queue = queue(properties);
        let ran = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ran);
        submit(&queue, &[], move || {
            flag.store(true, Ordering::SeqCst);
            Ok(())
        });
        queue.flush().unwrap();
        while !ran.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let event = submit(&queue, &[], || Ok(()));
        while event.status() != COMPLETE {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_command_that_waits_for_the_host_does_not_hold_up_other_queues() {
    let (context, device) = null_context();
    let create =
        || CommandQueue::create(&context, &device, QueueProperties::empty(), Vec::new()).unwrap();
    let (blocked, free) = (create(), create());
    let go = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&go);
    let event = submit(&blocked, &[], move || {
        while !flag.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        Ok(())
    });
    blocked.flush().unwrap();
    submit(&free, &[], || Ok(()));
    free.finish().unwrap();
    let polled = submit(&free, &[], || Ok(()));
    free.flush().unwrap();
    while polled.status() > COMPLETE {
        std::thread::yield_now();
    }
    assert!(event.current_status() > COMPLETE);
    go.store(true, Ordering::SeqCst);
    event.wait().unwrap();
}

#[test]
fn waiting_starts_the_queues_of_dependencies() {
    let (context, device) = null_context();
    let create =
        || CommandQueue::create(&context, &device, QueueProperties::empty(), Vec::new()).unwrap();
    let (first, second) = (create(), create());
    let dependency = submit(&first, &[], || Ok(()));
    let event = submit(&second, &[Arc::clone(&dependency)], || Ok(()));
    event.wait().unwrap();
    assert_eq!(dependency.current_status(), COMPLETE);
}

#[test]
fn callbacks_come_once_in_order_and_with_the_status_asked_for() {
    let queue = in_order();
    let gate = create_user_event(queue.context()).unwrap();
    let event = submit(&queue, &[Arc::clone(&gate)], || Ok(()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = |status: i32| {
        let seen = Arc::clone(&seen);
        event
            .set_callback(
                status,
                Box::new(move |status| seen.lock().unwrap().push(status)),
            )
            .unwrap();
    };
    [COMPLETE, RUNNING, SUBMITTED].into_iter().for_each(record);
    assert_eq!(event.current_status(), QUEUED);
    queue.flush().unwrap();
    assert_eq!(event.current_status(), SUBMITTED);
    assert_eq!(*seen.lock().unwrap(), [SUBMITTED]);
    gate.set_user_event_status(COMPLETE).unwrap();
    queue.finish().unwrap();
    // The last callback may still be on its way on the thread that ran the command.
    while seen.lock().unwrap().len() < 3 {
        std::thread::yield_now();
    }
    record(RUNNING);
    assert_eq!(
        *seen.lock().unwrap(),
        [SUBMITTED, RUNNING, COMPLETE, RUNNING]
    );
    let refused = event.set_callback(QUEUED, Box::new(|_| {})).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidValue);
}

#[test]
fn callbacks_of_a_failed_command_get_its_negative_status() {
    let queue = in_order();
    let event = submit(&queue, &[], failure);
    let seen = Arc::new(Mutex::new(Vec::new()));
    for status in [COMPLETE, RUNNING] {
        let seen = Arc::clone(&seen);
        let callback = Box::new(move |status| seen.lock().unwrap().push(status));
        event.set_callback(status, callback).unwrap();
    }
    let code = event.wait().unwrap_err().code;
    assert_eq!(code, ErrorCode::ExecStatusErrorForEventsInWaitList);
    assert_eq!(
        *seen.lock().unwrap(),
        [RUNNING, ErrorCode::OutOfResources as i32]
    );
}

#[test]
fn a_callback_may_enqueue_into_the_same_queue() {
    let queue = in_order();
    let event = submit(&queue, &[], || Ok(()));
    let again = Arc::clone(&queue);
    let second = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&second);
    let callback = Box::new(move |_| {
        *slot.lock().unwrap() = Some(submit(&again, &[], || Ok(())));
        again.flush().unwrap();
    });
    event.set_callback(COMPLETE, callback).unwrap();
    event.wait().unwrap();
    queue.finish().unwrap();
    let second = second.lock().unwrap().take().unwrap();
    second.wait().unwrap();
}

#[test]
fn user_events_end_once() {
    let (context, _) = null_context();
    let event = create_user_event(&context).unwrap();
    assert_eq!(event.status(), SUBMITTED);
    assert_eq!(event.command_type(), CommandType::User);
    assert!(event.queue().is_none());
    let code = |result: Result<()>| result.unwrap_err().code;
    assert_eq!(
        code(event.set_user_event_status(1)),
        ErrorCode::InvalidValue
    );
    event.set_user_event_status(-7).unwrap();
    assert_eq!(event.status(), -7);
    assert_eq!(
        code(event.set_user_event_status(COMPLETE)),
        ErrorCode::InvalidOperation
    );
    let queue = in_order();
    let command = queue.enqueue_marker_with_wait_list(&[]).unwrap();
    assert_eq!(
        code(command.set_user_event_status(COMPLETE)),
        ErrorCode::InvalidEvent
    );
}

#[test]
fn lists_are_checked() {
    let queue = in_order();
    let (other, _) = null_context();
    let foreign = create_user_event(&other).unwrap();
    let code = |result: Result<()>| result.unwrap_err().code;
    assert_eq!(code(wait_for_events(&[])), ErrorCode::InvalidValue);
    let own = create_user_event(queue.context()).unwrap();
    let mixed = [own, Arc::clone(&foreign)];
    assert_eq!(code(wait_for_events(&mixed)), ErrorCode::InvalidContext);
    let refused = queue.enqueue_marker_with_wait_list(&[foreign]).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidContext);
}

#[test]
fn queues_are_checked() {
    let (context, device) = null_context();
    let (other, _) = null_context();
    let code = |context, properties| {
        CommandQueue::create(context, &device, properties, Vec::new())
            .unwrap_err()
            .code
    };
    assert_eq!(
        code(&other, QueueProperties::empty()),
        ErrorCode::InvalidDevice
    );
    let default = QueueProperties::ON_DEVICE_DEFAULT;
    assert_eq!(code(&context, default), ErrorCode::InvalidValue);
    let on_device = QueueProperties::ON_DEVICE | QueueProperties::OUT_OF_ORDER_EXEC_MODE;
    assert_eq!(code(&context, on_device), ErrorCode::InvalidQueueProperties);
}

#[test]
fn time_stamps_ascend_and_exist_only_where_asked_for() {
    let queue = queue(QueueProperties::PROFILING);
    let event = submit(&queue, &[], || Ok(()));
    let unavailable = event.profiling(ProfilingInfo::End);
    assert!(unavailable.is_err() || event.current_status() == COMPLETE);
    event.wait().unwrap();
    let stamps = [
        ProfilingInfo::Queued,
        ProfilingInfo::Submit,
        ProfilingInfo::Start,
        ProfilingInfo::End,
        ProfilingInfo::Complete,
    ]
    .map(|info| event.profiling(info).unwrap());
    assert!(stamps[0] > 0 && stamps.is_sorted(), "{stamps:?}");
    let plain = in_order();
    let event = submit(&plain, &[], || Ok(()));
    event.wait().unwrap();
    let code = event.profiling(ProfilingInfo::Start).unwrap_err().code;
    assert_eq!(code, ErrorCode::ProfilingInfoNotAvailable);
}

#[test]
fn what_a_command_keeps_alive_is_released_before_it_completes() {
    let queue = in_order();
    let kept: Arc<()> = Arc::new(());
    let gate = create_user_event(queue.context()).unwrap();
    let mut command = Command::nothing();
    command.keep_alive.keep(Arc::clone(&kept) as _);
    let wait_list = [Arc::clone(&gate)];
    let wait_list = WaitList::new(queue.context(), &wait_list).unwrap();
    let event = queue
        .submit(CommandType::Marker, command, wait_list)
        .unwrap();
    assert_eq!(Arc::strong_count(&kept), 2);
    gate.set_user_event_status(COMPLETE).unwrap();
    event.wait().unwrap();
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn what_is_brief_runs_at_once_but_never_before_what_is_ahead_of_it() {
    let queue = in_order();
    let marker = || queue.enqueue_marker_with_wait_list(&[]).unwrap();
    assert_eq!(marker().current_status(), COMPLETE);
    let gate = create_user_event(queue.context()).unwrap();
    let held = submit(&queue, &[Arc::clone(&gate)], || Ok(()));
    let behind = marker();
    assert_eq!(behind.current_status(), QUEUED);
    gate.set_user_event_status(COMPLETE).unwrap();
    behind.wait().unwrap();
    assert_eq!(held.current_status(), COMPLETE);
    queue.finish().unwrap();
    assert_eq!(marker().current_status(), COMPLETE);
}

#[test]
fn brief_commands_of_many_threads_and_longer_ones_all_end() {
    let queue = in_order();
    let turns = 2000;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let queue = &queue;
            scope.spawn(move || {
                for turn in 0..turns {
                    let event = if (turn + thread) % 3 == 0 {
                        submit(queue, &[], || Ok(()))
                    } else {
                        queue.enqueue_marker_with_wait_list(&[]).unwrap()
                    };
                    match turn % 5 {
                        0 => event.wait().unwrap(),
                        1 => queue.flush().unwrap(),
                        2 => queue.finish().unwrap(),
                        _ => {}
                    }
                }
            });
        }
    });
    queue.finish().unwrap();
    assert_eq!(
        queue
            .enqueue_marker_with_wait_list(&[])
            .unwrap()
            .current_status(),
        COMPLETE
    );
}

#[test]
fn finish_and_flush_of_an_empty_queue_return() {
    for properties in [
        QueueProperties::empty(),
        QueueProperties::OUT_OF_ORDER_EXEC_MODE,
    ] {
        let queue = queue(properties);
        queue.finish().unwrap();
        queue.flush().unwrap();
        queue
            .enqueue_barrier_with_wait_list(&[])
            .unwrap()
            .wait()
            .unwrap();
        queue.finish().unwrap();
    }
}
