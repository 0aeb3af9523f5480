//! Several contexts, and how long one lives (§4.4).

use std::ffi::c_void;
use std::ptr::{from_ref, null, null_mut};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Outcome};
use crate::client::Api;

/// The group.
pub const GROUP: Group = Group {
    name: "contexts",
    about: "several contexts, and how long the memory of one lives",
    checks: &[
        Check::new(
            "contexts/side-by-side",
            "4.4",
            "Contexts work side by side, each with memory and a queue of its own.",
            side_by_side,
        ),
        Check::new(
            "contexts/released-in-any-order",
            "4.4",
            "To release a context leaves the memory of others as it is, whichever was made first.",
            released_in_any_order,
        ),
        Check::new(
            "contexts/retained",
            "4.4",
            "A context that was retained lives on after the first release.",
            retained,
        ),
        Check::new(
            "contexts/held-by-a-queue",
            "4.4",
            "A released context lives as long as a queue of it, and so does its memory.",
            held_by_a_queue,
        ),
        Check::new(
            "contexts/again-and-again",
            "4.4",
            "Contexts can be made, used and released again and again.",
            again_and_again,
        ),
        Check::new(
            "contexts/memory-of-another",
            "5.6.1",
            "A command on memory of another context: what it does is not specified.",
            memory_of_another,
        )
        .undefined(),
    ],
};

const SIZE: usize = 4096;

/// A context with memory and a queue, released with it.
pub struct Own {
    api: &'static Api,
    context: cl_context,
    queue: cl_command_queue,
    /// Its memory.
    pub pointer: *mut c_void,
}

impl Own {
    /// One on a device, with so much memory.
    pub fn new(api: &'static Api, device: cl_device_id) -> Result<Self, Outcome> {
        let mut code = CL_SUCCESS;
        let context = api.clCreateContext(null(), 1, &device, None, null_mut(), &mut code);
        expect::success("clCreateContext", code)?;
        let mut own = Self {
            api,
            context,
            queue: null_mut(),
            pointer: null_mut(),
        };
        own.queue = api.clCreateCommandQueueWithProperties(context, device, null(), &mut code);
        expect::success("clCreateCommandQueueWithProperties", code)?;
        own.pointer = api.clSVMAlloc(context, CL_MEM_READ_WRITE, SIZE, 0);
        expect::that(!own.pointer.is_null(), || {
            (format!("clSVMAlloc gives {SIZE} bytes"), "NULL".into())
        })?;
        Ok(own)
    }

    /// Fills its memory.
    pub fn fill(&self, value: u32) -> Finding {
        let pattern = from_ref(&value).cast();
        let (queue, pointer, none) = (self.queue, self.pointer, null_mut());
        let code = self
            .api
            .clEnqueueSVMMemFill(queue, pointer, pattern, 4, SIZE, 0, null(), none);
        expect::success("clEnqueueSVMMemFill", code)
    }

    /// Demands what its memory holds.
    pub fn holds(&self, value: u32) -> Finding {
        let mut found = [0_u32; SIZE / 4];
        let (to, none) = (found.as_mut_ptr().cast(), null_mut());
        let (queue, from) = (self.queue, self.pointer);
        let code = self
            .api
            .clEnqueueSVMMemcpy(queue, CL_TRUE, to, from, SIZE, 0, null(), none);
        expect::success("clEnqueueSVMMemcpy", code)?;
        expect::elements("the memory", &[value; SIZE / 4], &found)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if !self.queue.is_null() {
            self.api.clFinish(self.queue);
        }
        if !self.pointer.is_null() {
            self.api.clSVMFree(self.context, self.pointer);
        }
        if !self.queue.is_null() {
            self.api.clReleaseCommandQueue(self.queue);
        }
        self.api.clReleaseContext(self.context);
    }
}

fn some(environment: &Environment, count: usize) -> Result<Vec<Own>, Outcome> {
    (0..count)
        .map(|_| Own::new(environment.api, environment.device))
        .collect()
}

fn side_by_side(environment: &Environment) -> Finding {
    let contexts = some(environment, 4)?;
    for round in 0..20 {
        for (index, own) in (0..).zip(&contexts) {
            own.fill(round * 10 + index)?;
        }
        for (index, own) in (0..).zip(&contexts) {
            own.holds(round * 10 + index)?;
        }
    }
    Ok(())
}

fn released_in_any_order(environment: &Environment) -> Finding {
    for order in [[0, 0, 0], [2, 1, 0], [1, 0, 0], [1, 1, 0]] {
        let mut contexts: Vec<(u32, Own)> = (10..).zip(some(environment, 3)?).collect();
        for (value, own) in &contexts {
            own.fill(*value)?;
        }
        for place in order {
            drop(contexts.remove(place));
            for (value, own) in &contexts {
                own.holds(*value)?;
            }
        }
    }
    Ok(())
}

fn retained(environment: &Environment) -> Finding {
    let own = Own::new(environment.api, environment.device)?;
    let api = environment.api;
    expect::success("clRetainContext", api.clRetainContext(own.context))?;
    expect::success("clReleaseContext", api.clReleaseContext(own.context))?;
    let second = api.clSVMAlloc(own.context, CL_MEM_READ_WRITE, SIZE, 0);
    expect::that(!second.is_null(), || {
        ("the context still gives memory".into(), "NULL".into())
    })?;
    api.clSVMFree(own.context, second);
    own.fill(5)?;
    own.holds(5)
}

fn held_by_a_queue(environment: &Environment) -> Finding {
    let own = Own::new(environment.api, environment.device)?;
    own.fill(5)?;
    let api = environment.api;
    expect::success("clReleaseContext", api.clReleaseContext(own.context))?;
    let finding = own.holds(5).and_then(|()| {
        own.fill(6)?;
        own.holds(6)
    });
    // The memory goes with the context, which nobody may name any more.
    api.clReleaseCommandQueue(own.queue);
    std::mem::forget(own);
    finding
}

fn again_and_again(environment: &Environment) -> Finding {
    for round in 0..50 {
        let own = Own::new(environment.api, environment.device)?;
        own.fill(round)?;
        own.holds(round)?;
    }
    Ok(())
}

fn memory_of_another(environment: &Environment) -> Finding {
    let own = Own::new(environment.api, environment.device)?;
    own.fill(5)?;
    own.holds(5)?;
    let to = environment.svm(SIZE)?;
    let (queue, none) = (environment.queue, null_mut());
    let code =
        environment
            .api
            .clEnqueueSVMMemcpy(queue, CL_TRUE, to, own.pointer, SIZE, 0, null(), none);
    if code != CL_SUCCESS {
        let code = expect::code_name(code);
        return Err(Outcome::informative(format!("it is refused with {code}")));
    }
    let found: Vec<u32> = environment.load(to, 1)?;
    Err(Outcome::informative(format!(
        "it is accepted; 5 was copied as {}",
        found[0]
    )))
}
