//! Several threads of the host at once (§A.2).

use std::ffi::c_void;
use std::ptr::{from_ref, null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::Barrier;

use opencl_sys::*;

use super::contexts::Own;
use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::client::{reference, Api};

/// The group.
pub const GROUP: Group = Group {
    name: "threads",
    about: "calls of several threads at once",
    checks: &[
        Check::new(
            "threads/allocations",
            "A.2",
            "Memory that threads allocate at the same time does not overlap.",
            allocations,
        ),
        Check::new(
            "threads/allocate-use-free",
            "A.2",
            "Threads allocate memory, use it in queues of their own, and free it.",
            allocate_use_free,
        ),
        Check::new(
            "threads/free-by-another",
            "A.2",
            "Memory is freed by another thread than the one that allocated it.",
            free_by_another,
        ),
        Check::new(
            "threads/one-queue",
            "A.2",
            "Threads enqueue commands on one queue, and none is lost.",
            one_queue,
        ),
        Check::new(
            "threads/kernels",
            "A.2",
            "Threads set arguments of kernels of their own and enqueue them on one queue.",
            kernels,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::Compiler]),
        Check::new(
            "threads/user-event",
            "A.2",
            "A thread waits for a command until another one completes what that waits for.",
            user_event,
        ),
        Check::new(
            "threads/contexts",
            "A.2",
            "Threads make, use and release contexts of their own.",
            contexts,
        ),
        Check::new(
            "threads/enqueue-free",
            "A.2",
            "Threads enqueue frees on one queue; each callback is called once.",
            enqueue_free,
        ),
    ],
};

const THREADS: usize = 8;

/// What threads need of an environment, which is not theirs.
#[derive(Clone, Copy)]
struct Place {
    api: &'static Api,
    context: usize,
    device: usize,
    queue: usize,
}

impl Place {
    fn new(environment: &Environment) -> Self {
        Self {
            api: environment.api,
            context: environment.context as usize,
            device: environment.device as usize,
            queue: environment.queue as usize,
        }
    }

    fn context(self) -> cl_context {
        self.context as cl_context
    }

    fn queue(self) -> cl_command_queue {
        self.queue as cl_command_queue
    }

    /// Memory, which the caller frees.
    fn svm(self, size: usize) -> Result<usize, Outcome> {
        let pointer = self
            .api
            .clSVMAlloc(self.context(), CL_MEM_READ_WRITE, size, 0);
        expect::that(!pointer.is_null(), || {
            (format!("clSVMAlloc gives {size} bytes"), "NULL".into())
        })?;
        Ok(pointer as usize)
    }

    fn free(self, address: usize) {
        self.api.clSVMFree(self.context(), address as *mut c_void);
    }

    fn fill(self, queue: cl_command_queue, address: usize, count: usize, value: u32) -> Finding {
        let (pointer, pattern) = (address as *mut c_void, from_ref(&value).cast());
        let none = null_mut();
        let code =
            self.api
                .clEnqueueSVMMemFill(queue, pointer, pattern, 4, count * 4, 0, null(), none);
        expect::success("clEnqueueSVMMemFill", code)
    }

    fn holds(self, queue: cl_command_queue, address: usize, count: usize, value: u32) -> Finding {
        let (mut found, from) = (vec![0_u32; count], address as *const c_void);
        let (to, none) = (found.as_mut_ptr().cast(), null_mut());
        let code =
            self.api
                .clEnqueueSVMMemcpy(queue, CL_TRUE, to, from, count * 4, 0, null(), none);
        expect::success("clEnqueueSVMMemcpy", code)?;
        expect::elements("a thread's memory", &vec![value; count], &found)
    }
}

/// Runs work in several threads, which begin together.
fn together<T: Send>(work: impl Fn(usize) -> Result<T, Outcome> + Sync) -> Result<Vec<T>, Outcome> {
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(number)
                })
            })
            .collect();
        let panicked = |_| Outcome::fail("a thread returns", "it panicked");
        let results = threads.into_iter().map(|thread| thread.join());
        // All of them, before the first that failed is told.
        let results: Vec<_> = results.collect();
        results
            .into_iter()
            .map(|result| result.map_err(panicked)?)
            .collect()
    })
}

fn allocations(environment: &Environment) -> Finding {
    let place = Place::new(environment);
    let given = together(|number| {
        let size = |round: usize| 1 + (round * 37 + number * 1000) % 5000;
        let mut given = Vec::new();
        for round in 0..100 {
            given.push((place.svm(size(round))?, size(round)));
        }
        Ok(given)
    })?;
    let mut given = given.concat();
    given.sort_unstable();
    let overlap = given
        .windows(2)
        .find(|pair| pair[0].0 + pair[0].1 > pair[1].0);
    let words = overlap.map(|pair| format!("{pair:x?}"));
    for (address, _) in given {
        place.free(address);
    }
    words.map_or(Ok(()), |words| {
        let expected = "no two allocations overlap";
        Err(Outcome::fail(expected, words))
    })
}

fn allocate_use_free(environment: &Environment) -> Finding {
    let place = Place::new(environment);
    let mut queues = Vec::new();
    for _ in 0..THREADS {
        queues.push(environment.queue_of(0)? as usize);
    }
    together(|number| {
        let queue = queues[number] as cl_command_queue;
        for round in 0..20 {
            let count = 1 + (round * 97 + number * 13) % 3000;
            let address = place.svm(count * 4)?;
            let value = (number * 1000 + round) as u32;
            place.fill(queue, address, count, value)?;
            place.holds(queue, address, count, value)?;
            place.free(address);
        }
        Ok(())
    })?;
    Ok(())
}

fn free_by_another(environment: &Environment) -> Finding {
    let place = Place::new(environment);
    let (given, freed) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for address in freed {
                place.free(address);
            }
        });
        let work = |number: usize| {
            for round in 0..100 {
                let address = place.svm(1 + (round * 61 + number * 7) % 9000)?;
                // Who receives lives until nobody sends.
                let _ = given.send(address);
            }
            Ok(())
        };
        let result = together(work);
        drop(given);
        result
    })?;
    // What is given now is given once.
    let mut fresh = Vec::new();
    for _ in 0..100 {
        fresh.push(environment.svm(5000)? as usize);
    }
    fresh.sort_unstable();
    let overlap = fresh.windows(2).any(|pair| pair[0] + 5000 > pair[1]);
    expect::that(!overlap, || {
        (
            "what is given afterwards is given once".into(),
            "it overlaps".into(),
        )
    })
}

fn one_queue(environment: &Environment) -> Finding {
    let place = Place::new(environment);
    let each = 128;
    let address = environment.svm(THREADS * each * 4)? as usize;
    together(|number| {
        let own = address + number * each * 4;
        for round in 1..=100 {
            let value = (number * 1000 + round) as u32;
            place.fill(place.queue(), own, each, value)?;
        }
        Ok(())
    })?;
    environment.finish()?;
    for number in 0..THREADS {
        let own = address + number * each * 4;
        place.holds(place.queue(), own, each, (number * 1000 + 100) as u32)?;
    }
    Ok(())
}

fn kernels(environment: &Environment) -> Finding {
    let source =
        "kernel void of_thread(global uint *p, uint value) { p[get_global_id(0)] += value; }";
    let place = Place::new(environment);
    let mut kernels = Vec::new();
    for _ in 0..THREADS {
        kernels.push(environment.kernel(source, "of_thread")? as usize);
    }
    let count = 64;
    let address = environment.svm(THREADS * count * 4)?;
    environment.store(address, &vec![0_u32; THREADS * count])?;
    let address = address as usize;
    together(|number| {
        let kernel = kernels[number] as cl_kernel;
        let own = (address + number * count * 4) as *mut c_void;
        for round in 1..=50_u32 {
            let code = place.api.clSetKernelArgSVMPointer(kernel, 0, own);
            expect::success("clSetKernelArgSVMPointer", code)?;
            let code = place
                .api
                .clSetKernelArg(kernel, 1, 4, from_ref(&round).cast());
            expect::success("clSetKernelArg", code)?;
            let (queue, none) = (place.queue(), null_mut());
            let code = place.api.clEnqueueNDRangeKernel(
                queue,
                kernel,
                1,
                null(),
                &count,
                null(),
                0,
                null(),
                none,
            );
            expect::success("clEnqueueNDRangeKernel", code)?;
        }
        Ok(())
    })?;
    environment.finish()?;
    let found: Vec<u32> = environment.load(address as *mut c_void, THREADS * count)?;
    let sum = 50 * 51 / 2;
    expect::elements(
        "what all kernels added",
        &vec![sum; THREADS * count],
        &found,
    )
}

fn user_event(environment: &Environment) -> Finding {
    let place = Place::new(environment);
    let address = environment.svm(256)? as usize;
    for round in 1..20_u32 {
        let gate = environment.gate()?;
        let mut event = null_mut();
        let code = place.api.clEnqueueSVMMemFill(
            place.queue(),
            address as *mut c_void,
            from_ref(&round).cast(),
            4,
            256,
            1,
            &gate,
            &mut event,
        );
        expect::success("clEnqueueSVMMemFill", code)?;
        environment.keep_event(event);
        let (gate, event) = (gate as usize, event as usize);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let gate = gate as cl_event;
                place.api.clSetUserEventStatus(gate, CL_COMPLETE);
            });
            let waiting = scope.spawn(move || {
                let event = event as cl_event;
                place.api.clWaitForEvents(1, &event)
            });
            let code = waiting.join();
            expect::success("clWaitForEvents", code.unwrap_or(CL_INVALID_VALUE))
        })?;
        place.holds(place.queue(), address, 64, round)?;
    }
    Ok(())
}

fn contexts(environment: &Environment) -> Finding {
    let place = Place::new(environment);
    together(|number| {
        for round in 0..10 {
            let own = Own::new(place.api, place.device as cl_device_id)?;
            let value = (number * 100 + round) as u32;
            own.fill(value)?;
            own.holds(value)?;
        }
        Ok(())
    })?;
    Ok(())
}

extern "C" fn count_and_free(
    queue: cl_command_queue,
    count: cl_uint,
    pointers: *mut *mut c_void,
    user_data: *mut c_void,
) {
    let Ok(api) = Api::get() else { return };
    let calls = reference::<AtomicUsize>(user_data);
    let mut context: cl_context = null_mut();
    let (size, place) = (size_of::<cl_context>(), (&raw mut context).cast());
    api.clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, size, place, null_mut());
    for index in 0..count as usize {
        let pointer = crate::client::read(pointers.cast(), index);
        api.clSVMFree(context, pointer);
    }
    calls.fetch_add(1, SeqCst);
}

fn enqueue_free(environment: &Environment) -> Finding {
    const EACH: usize = 50;
    let place = Place::new(environment);
    // Callbacks that come too late find it as well.
    let calls: &'static AtomicUsize = Box::leak(Box::new(AtomicUsize::new(0)));
    together(|_| {
        for _ in 0..EACH {
            let mut pointers = [
                place.svm(100)? as *mut c_void,
                place.svm(5000)? as *mut c_void,
            ];
            let code = place.api.clEnqueueSVMFree(
                place.queue(),
                2,
                pointers.as_mut_ptr(),
                Some(count_and_free),
                from_ref(calls).cast_mut().cast(),
                0,
                null(),
                null_mut(),
            );
            expect::success("clEnqueueSVMFree", code)?;
        }
        Ok(())
    })?;
    environment.finish()?;
    expect::equal(
        "the number of callbacks",
        THREADS * EACH,
        calls.load(SeqCst),
    )
}
