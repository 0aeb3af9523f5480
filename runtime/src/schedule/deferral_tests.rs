//! Devices that answer later, on another thread, or never.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use isocl_compiler_interface::message::{Request, Response};
use isocl_kernel_iface::driver::Driver;

use super::tests::submit;
use super::without_event_tests::submit_silently;
use crate::command::{Command, Completion, Deferral};
use crate::context::Context;
use crate::device::{cpu, Backend, Device, DeviceProgram, Task};
use crate::event::COMPLETE;
use crate::flags::QueueProperties;
use crate::lock::lock;
use crate::queue::CommandQueue;
use crate::wait_list::EventRequest;
use crate::{ApiSlot, Error, ErrorCode, Result};

/// Hands every command's completion to a thread of the test.
#[derive(Debug)]
struct Deferring {
    cpu: Arc<Device>,
    pending: Mutex<Sender<Completion>>,
}

impl Backend for Deferring {
    fn driver(&self) -> &Arc<dyn Driver> {
        self.cpu.backend.driver()
    }

    fn run(&self, command: Command, deferral: Deferral<'_>) -> Option<Result<()>> {
        drop(command);
        lock(&self.pending).send(deferral.defer()).unwrap();
        None
    }

    fn runs_on_any_thread(&self, _command: &Command) -> bool {
        true
    }

    fn part(&self, _compute_units: u32) -> Arc<dyn Backend> {
        unreachable!("no test divides")
    }

    fn spawn(&self, task: Arc<dyn Task>) {
        self.cpu.backend.spawn(task);
    }

    fn withdraw(&self, task: &Arc<dyn Task>) {
        self.cpu.backend.withdraw(task);
    }

    fn timestamp(&self) -> u64 {
        self.cpu.backend.timestamp()
    }

    fn compile(&self, _request: &Request) -> Result<Response> {
        unreachable!("no test compiles")
    }

    fn load_program(&self, _binary: &[u8]) -> Result<Arc<dyn DeviceProgram>> {
        unreachable!("no test loads")
    }
}

/// Notes its number when the device has taken the command that it is a part of.
struct Note(Arc<Mutex<Vec<usize>>>, usize);

impl Drop for Note {
    fn drop(&mut self) {
        lock(&self.0).push(self.1);
    }
}

/// A queue on a device whose commands end when `answer` is called with their completions.
fn queue(
    properties: QueueProperties,
    answer: impl Fn(usize, Completion) + Send + 'static,
) -> Arc<CommandQueue> {
    let cpu = cpu::create().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for (number, completion) in receiver.into_iter().enumerate() {
            answer(number, completion);
        }
    });
    let device = Arc::new(Device {
        info: cpu.info.clone(),
        backend: Arc::new(Deferring {
            cpu,
            pending: Mutex::new(sender),
        }),
        api_slot: ApiSlot::default(),
        partition: None,
    });
    let context = Context::create(std::slice::from_ref(&device), Vec::new(), None).unwrap();
    CommandQueue::create(&context, &device, properties, Vec::new()).unwrap()
}

#[test]
fn queues_go_on_when_the_answer_comes() {
    for properties in [
        QueueProperties::empty(),
        QueueProperties::OUT_OF_ORDER_EXEC_MODE,
    ] {
        let queue = queue(properties, |number, completion| {
            if number % 3 == 0 {
                std::thread::yield_now();
            }
            completion.finish(Ok(()));
        });
        let mut events = Vec::new();
        let mut silent = 0;
        let taken = Arc::new(Mutex::new(Vec::new()));
        for round in 0..500 {
            let wait = events.last().cloned();
            let event = if round % 7 == 0 {
                queue.enqueue_marker_with_wait_list(&[]).unwrap()
            } else {
                submit(&queue, wait.as_slice(), || Ok(()))
            };
            for _ in 0..3 * usize::from(round % 3 == 0) {
                let note = Note(Arc::clone(&taken), silent);
                silent += usize::from(submit_silently(&queue, move || {
                    let _note = note;
                    Ok(())
                }));
            }
            match round % 50 {
                10 => queue.flush().unwrap(),
                20 => event.wait().unwrap(),
                30 => queue.finish().unwrap(),
                _ => {}
            }
            events.push(event);
        }
        queue.finish().unwrap();
        assert!(events
            .iter()
            .all(|event| event.current_status() == COMPLETE));
        assert_eq!(silent > 0, properties.is_empty());
        if properties.is_empty() {
            assert_eq!(*lock(&taken), (0..silent).collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_has_no_event_is_waited_for_too() {
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    let queue = queue(QueueProperties::empty(), move |_, completion| {
        std::thread::sleep(Duration::from_millis(5));
        count.fetch_add(1, Ordering::SeqCst);
        completion.finish(Ok(()));
    });
    for _ in 0..10 {
        // Brief, hence begun at once; and one that is queued.
        let barrier = queue.enqueue_barrier_with_wait_list(&EventRequest::default());
        assert!(barrier.unwrap().is_none());
        assert!(submit_silently(&queue, || Ok(())));
        queue.finish().unwrap();
        // What waits for the last one is a command of its own.
        assert!(answered.swap(0, Ordering::SeqCst) >= 2);
    }
}

#[test]
fn failures_and_commands_given_up_end_their_events() {
    let queue = queue(QueueProperties::empty(), |number, completion| {
        if number == 0 {
            let reason = "a test wants it";
            completion.finish(Err(Error::new(ErrorCode::OutOfHostMemory, reason)));
        }
    });
    let [failed, given_up] = [(); 2].map(|()| submit(&queue, &[], || Ok(())));
    let dependent = submit(&queue, std::slice::from_ref(&failed), || Ok(()));
    queue.finish().unwrap();
    let status = [failed, given_up, dependent].map(|event| event.current_status());
    let expected = [
        ErrorCode::OutOfHostMemory,
        ErrorCode::OutOfResources,
        ErrorCode::ExecStatusErrorForEventsInWaitList,
    ];
    assert_eq!(status, expected.map(|code| code as i32));
}
