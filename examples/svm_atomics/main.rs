//! Host and running kernel hand work to each other through fine-grained SVM atomics: the host
//! posts requests while the kernel runs, the kernel answers each one, nobody calls the runtime.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use isocl_examples::{Arena, Failure, Setup};
use opencl3::kernel::ExecuteKernel;

const SOURCE: &str = r"
kernel void serve(global atomic_uint *mailbox, global const uint *question, global uint *answer) {
    for (uint round = 1;; round++) {
        uint seen;
        while ((seen = atomic_load_explicit(&mailbox[0], memory_order_acquire, memory_scope_all_svm_devices)) < round) {}
        if (seen == UINT_MAX) break;
        *answer = *question * *question;
        atomic_store_explicit(&mailbox[32], round, memory_order_release, memory_scope_all_svm_devices);
    }
}";

/// An element of the arena as an atomic of the host.
fn atomic<'a>(arena: &'a Arena<'_, u32>, index: usize) -> &'a AtomicU32 {
    // SAFETY: the element lives as long as the arena, and both sides access it atomically.
    unsafe { AtomicU32::from_ptr(arena.at(index)) }
}

fn main() -> Result<(), Failure> {
    let setup = Setup::first_device()?;
    let serve = setup.kernel(SOURCE, "serve")?;
    let mailbox = Arena::new(&setup, 64, 0u32)?;
    let question = Arena::new(&setup, 1, 0u32)?;
    let answer = Arena::new(&setup, 1, 0u32)?;
    // SAFETY: the arguments are the kernel's, in memory of the queue's context.
    unsafe {
        ExecuteKernel::new(&serve)
            .set_arg_svm(mailbox.at(0))
            .set_arg_svm(question.at(0))
            .set_arg_svm(answer.at(0))
            .set_global_work_size(1)
            .enqueue_nd_range(&setup.queue)?;
    }
    setup.queue.flush()?;
    let (request, done) = (atomic(&mailbox, 0), atomic(&mailbox, 32));
    let rounds = 10_000u32;
    let start = Instant::now();
    for round in 1..=rounds {
        question.set(0, round);
        request.store(round, Ordering::Release);
        let asked = Instant::now();
        while done.load(Ordering::Acquire) < round {
            if asked.elapsed() > Duration::from_secs(60) {
                return Err("the kernel does not answer".into());
            }
            std::hint::spin_loop();
        }
        if answer.get(0) != round.wrapping_mul(round) {
            return Err(format!("round {round}: the kernel answered {}", answer.get(0)).into());
        }
    }
    let each = start.elapsed() / rounds;
    request.store(u32::MAX, Ordering::Release);
    setup.queue.finish()?;
    println!("{rounds} questions answered by a running kernel, {each:?} each");
    Ok(())
}
