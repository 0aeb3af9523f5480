//! What becomes of queues in a forked child: they work, and nothing hangs.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use super::tests::{queue, submit};
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
