//! What becomes of queues in a forked child: they work, and nothing hangs.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::Arc;

use super::tests::{queue, submit};
use super::without_event_tests::submit_silently;
use crate::event::COMPLETE;
use crate::flags::QueueProperties;
use crate::ErrorCode;

/// Runs `child` in a forked child and returns whether it returned true, within ten seconds.
fn in_child(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs only `child` and leaves without unwinding into the test harness or
    // running exit handlers.
    unsafe {
        let process = libc::fork();
        assert!(process >= 0, "fork");
        if process == 0 {
            libc::alarm(10);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            libc::_exit(i32::from(!outcome.unwrap_or(false)));
        }
        let mut status = -1;
        assert_eq!(libc::waitpid(process, &mut status, 0), process);
        status == 0
    }
}

const KINDS: [QueueProperties; 2] = [
    QueueProperties::empty(),
    QueueProperties::OUT_OF_ORDER_EXEC_MODE,
];

#[test]
fn a_child_runs_what_it_inherits_and_what_it_adds() {
    for properties in KINDS {
        let queue = queue(properties);
        submit(&queue, &[], || Ok(())).wait().unwrap();
        let inherited = submit(&queue, &[], || Ok(()));
        let works = in_child(|| {
            let added = submit(&queue, &[], || Ok(()));
            queue.finish().unwrap();
            let polled = submit(&queue, &[], || Ok(()));
            queue.flush().unwrap();
            while polled.status() > COMPLETE {
                std::thread::yield_now();
            }
            inherited.current_status() == COMPLETE && added.current_status() == COMPLETE
        });
        assert!(works, "{properties:?}");
        inherited.wait().unwrap();
    }
}

#[test]
fn what_ran_during_the_fork_fails_in_the_child_only() {
    for properties in KINDS {
        let queue = queue(properties);
        let go = Arc::new(AtomicBool::new(false));
        let began = Arc::new(AtomicBool::new(false));
        let (go_flag, began_flag) = (Arc::clone(&go), Arc::clone(&began));
        let running = submit(&queue, &[], move || {
            began_flag.store(true, Ordering::SeqCst);
            while !go_flag.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            Ok(())
        });
        let next = submit(&queue, &[], || Ok(()));
        queue.flush().unwrap();
        while !began.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        // Out of order it runs beside the first one, and must not be caught in the middle too.
        while properties.contains(QueueProperties::OUT_OF_ORDER_EXEC_MODE)
            && next.status() > COMPLETE
        {
            std::thread::yield_now();
        }
        let works = in_child(|| {
            while running.status() > COMPLETE {
                std::thread::yield_now();
            }
            queue.finish().unwrap();
            next.wait().unwrap();
            running.wait().is_err()
                && running.current_status() == ErrorCode::OutOfResources as i32
                && submit(&queue, &[], || Ok(())).wait().is_ok()
        });
        go.store(true, Ordering::SeqCst);
        running.wait().unwrap();
        assert!(works, "{properties:?}");
    }
}

#[test]
fn what_has_no_event_runs_in_a_child_unless_it_runs_in_the_parent() {
    let queue = queue(QueueProperties::empty());
    let go = Arc::new(AtomicBool::new(false));
    let [began, ended] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    for _ in 0..5 {
        let (go, began, ended) = (Arc::clone(&go), Arc::clone(&began), Arc::clone(&ended));
        assert!(submit_silently(&queue, move || {
            began.fetch_add(1, Ordering::SeqCst);
            while !go.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            ended.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }));
    }
    queue.flush().unwrap();
    while began.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    let works = in_child(|| {
        go.store(true, Ordering::SeqCst);
        queue.finish().is_ok() && ended.load(Ordering::SeqCst) == 4
    });
    go.store(true, Ordering::SeqCst);
    queue.finish().unwrap();
    assert!(works && ended.load(Ordering::SeqCst) == 5);
}

#[test]
fn a_command_may_fork() {
    let queue = queue(QueueProperties::empty());
    let ended = Arc::new(AtomicUsize::new(0));
    let child = Arc::new(AtomicI32::new(-1));
    for number in 0..9 {
        let (ended, child) = (Arc::clone(&ended), Arc::clone(&child));
        let call = move || {
            if number == 3 {
                // SAFETY: the child leaves below, without running exit handlers.
                child.store(unsafe { libc::fork() }, Ordering::SeqCst);
            }
            ended.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        assert!(submit_silently(&queue, call));
    }
    queue.finish().unwrap();
    let right = ended.load(Ordering::SeqCst) == 9;
    let process = child.load(Ordering::SeqCst);
    if process == 0 {
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(!right)) };
    }
    let mut status = -1;
    // SAFETY: waits for the child, with a place for its status.
    assert_eq!(unsafe { libc::waitpid(process, &mut status, 0) }, process);
    assert!(right && status == 0);
}

#[test]
fn forks_in_the_middle_of_a_stream_of_commands_leave_no_lock_behind() {
    for properties in KINDS {
        let queue = queue(properties);
        for round in 0..20 {
            for _ in 0..200 + 37 * round {
                submit(&queue, &[], || Ok(()));
            }
            queue.flush().unwrap();
            let works = in_child(|| {
                submit(&queue, &[], || Ok(()));
                queue.finish().is_ok()
            });
            assert!(works, "{properties:?} {round}");
        }
        queue.finish().unwrap();
    }
}
