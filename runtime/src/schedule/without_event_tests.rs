//! Commands without an event: they run in order, and whoever waits waits for them too.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::tests::{failure, host, null_context, queue, submit};
use crate::command::CommandType;
use crate::context::{Context, ContextNotify};
use crate::event::create_user_event;
use crate::flags::QueueProperties;
use crate::lock::lock;
use crate::queue::CommandQueue;
use crate::wait_list::{EventRequest, WaitList};
use crate::Result;

/// Enqueues a command without an event; `true` when it has none.
pub(super) fn submit_silently(
    queue: &Arc<CommandQueue>,
    call: impl FnOnce() -> Result<()> + Send + 'static,
) -> bool {
    let request = EventRequest::default();
    let wait_list = WaitList::new(queue.context(), &request).unwrap();
    let answer = queue.submit(CommandType::NativeKernel, host(call), wait_list);
    answer.unwrap().is_none()
}

fn in_order() -> Arc<CommandQueue> {
    queue(QueueProperties::empty())
}

#[test]
fn in_order_queues_do_without() {
    for (properties, expected) in [
        (QueueProperties::empty(), true),
        (QueueProperties::PROFILING, true),
        (QueueProperties::OUT_OF_ORDER_EXEC_MODE, false),
    ] {
        let queue = queue(properties);
        assert_eq!(submit_silently(&queue, || Ok(())), expected);
        queue.finish().unwrap();
    }
}

#[test]
fn order_is_kept_among_commands_with_and_without_events() {
    let queue = in_order();
    let ran = Arc::new(Mutex::new(Vec::new()));
    let note = |number: usize| {
        let ran = Arc::clone(&ran);
        move || {
            lock(&ran).push(number);
            Ok(())
        }
    };
    let gate = create_user_event(queue.context()).unwrap();
    for number in 0..300 {
        match number % 5 {
            0 => drop(submit(&queue, &[], note(number))),
            _ => assert!(submit_silently(&queue, note(number))),
        }
        match number % 70 {
            10 => queue.flush().unwrap(),
            20 => queue.finish().unwrap(),
            30 => submit(&queue, &[], || Ok(())).wait().unwrap(),
            _ => {}
        }
    }
    queue.finish().unwrap();
    let held = submit(&queue, &[Arc::clone(&gate)], note(300));
    assert!(submit_silently(&queue, note(301)));
    queue.flush().unwrap();
    assert_eq!(lock(&ran).len(), 300);
    gate.set_user_event_status(0).unwrap();
    queue.finish().unwrap();
    held.wait().unwrap();
    assert_eq!(*lock(&ran), (0..302).collect::<Vec<_>>());
}

#[test]
fn who_waits_waits_for_what_another_thread_runs() {
    let queue = in_order();
    let go = Arc::new(AtomicBool::new(false));
    let began = Arc::new(AtomicBool::new(false));
    let ended = Arc::new(AtomicBool::new(false));
    let flags = [&go, &began, &ended].map(Arc::clone);
    assert!(submit_silently(&queue, move || {
        let [go, began, ended] = flags;
        began.store(true, Ordering::SeqCst);
        while !go.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        ended.store(true, Ordering::SeqCst);
        Ok(())
    }));
    queue.flush().unwrap();
    while !began.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let finishing = {
        let (queue, ended) = (Arc::clone(&queue), Arc::clone(&ended));
        std::thread::spawn(move || {
            queue.finish().unwrap();
            ended.load(Ordering::SeqCst)
        })
    };
    let marker = queue.enqueue_marker_with_wait_list(&[]).unwrap();
    assert!(marker.current_status() > 0);
    go.store(true, Ordering::SeqCst);
    marker.wait().unwrap();
    assert!(ended.load(Ordering::SeqCst) && finishing.join().unwrap());
}

#[test]
fn many_threads_share_a_queue() {
    let queue = in_order();
    let count = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (queue, count) = (&queue, &count);
            scope.spawn(move || {
                for turn in 0..2000 {
                    let counter = Arc::clone(count);
                    let add = move || {
                        counter.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    };
                    match (turn + thread) % 3 {
                        0 => drop(submit(queue, &[], add)),
                        _ => assert!(submit_silently(queue, add)),
                    }
                    match turn % 9 {
                        0 => queue.flush().unwrap(),
                        1 => queue.finish().unwrap(),
                        _ => {}
                    }
                }
            });
        }
    });
    queue.finish().unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 8000);
}

#[test]
fn a_failure_is_reported_and_stops_nothing() {
    let (_, device) = null_context();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&heard);
    let notify: ContextNotify = Box::new(move |text| lock(&listener).push(text.to_owned()));
    let context = Context::create(std::slice::from_ref(&device), Vec::new(), Some(notify)).unwrap();
    let properties = QueueProperties::empty();
    let queue = CommandQueue::create(&context, &device, properties, Vec::new()).unwrap();
    assert!(submit_silently(&queue, failure));
    let next = submit(&queue, &[], || Ok(()));
    queue.finish().unwrap();
    next.wait().unwrap();
    assert_eq!(lock(&heard).len(), 1);
}

#[test]
fn a_queue_that_was_let_go_still_runs_what_was_flushed() {
    let queue = in_order();
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    assert!(submit_silently(&queue, move || {
        flag.store(true, Ordering::SeqCst);
        Ok(())
    }));
    queue.flush().unwrap();
    drop(queue);
    while !ended.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}
