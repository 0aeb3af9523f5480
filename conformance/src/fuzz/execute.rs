//! The inside of a child process: runs sequences and compares.

use std::sync::atomic::{AtomicUsize, Ordering};

use opencl_sys::*;
use serde::{Deserialize, Serialize};

use super::limits::DeviceLimits;
use super::pattern;
use super::runner::Runner;
use super::step::Case;
use crate::child;
use crate::client::Api;
use crate::session::{check, CallError, Session};

/// What a child is asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// What the device takes.
    Limits,
    /// To run a sequence.
    Run(Case),
}

/// What it replies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// What the device takes.
    Limits(DeviceLimits),
    /// Everything was as the model says.
    Fine,
    /// Something was not.
    Wrong(Trouble),
    /// There is no device to run it on.
    Impossible(String),
}

/// What was not as the model says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The thread.
    pub thread: usize,
    /// The step; those behind the last one are the epilogue.
    pub step: usize,
    /// The function, or what was compared.
    pub what: String,
    /// What was expected and seen.
    pub detail: String,
}

/// Serves requests of the parent, until there are no more.
///
/// # Errors
/// When the other side is gone.
pub fn serve() -> Result<(), String> {
    child::serve(|request| match request {
        Request::Limits => match Session::open().and_then(|session| DeviceLimits::of(&session)) {
            Ok(limits) => Outcome::Limits(limits),
            Err(error) => Outcome::Impossible(format!("{error:?}")),
        },
        Request::Run(case) => run(&case),
    })
}

/// What threads share; objects as numbers, which go to other threads.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    pub api: &'static Api,
    pub context: usize,
    pub device: usize,
    pub program: usize,
    pub queue: Option<usize>,
}

fn run(case: &Case) -> Outcome {
    let session = match Session::open() {
        Ok(session) => session,
        Err(error) => return Outcome::Impossible(format!("{error:?}")),
    };
    let mut program = std::ptr::null_mut();
    // Most of the time goes into it, and what is cut down soon has no kernels.
    if case.has_kernels() {
        program = match session.build(pattern::KERNELS, "") {
            Ok(program) => program,
            Err((error, log)) => return Outcome::Impossible(format!("{error:?}\n{log}")),
        };
    }
    let mut shared = Shared {
        api: session.api,
        context: session.context as usize,
        device: session.device as usize,
        program: program as usize,
        queue: None,
    };
    if case.shared {
        match shared.make_queue(case, 0) {
            Ok(queue) => shared.queue = Some(queue as usize),
            Err(error) => return Outcome::Impossible(format!("{error:?}")),
        }
    }
    let ready = &AtomicUsize::new(0);
    let results: Vec<Result<(), Trouble>> = std::thread::scope(|scope| {
        let start = |thread: usize| {
            scope.spawn(move || {
                ready.fetch_add(1, Ordering::SeqCst);
                while ready.load(Ordering::SeqCst) < case.threads.len() {
                    std::thread::yield_now();
                }
                Runner::new(shared, case, thread)?.all()
            })
        };
        let running: Vec<_> = (0..case.threads.len()).map(start).collect();
        let joined = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        let panicked = |_| {
            Err(Trouble {
                thread: 0,
                step: 0,
                what: "the fuzzer".into(),
                detail: "a thread panicked".into(),
            })
        };
        joined
            .map(|result| result.unwrap_or_else(panicked))
            .collect()
    });
    if let Some(queue) = shared.queue {
        session.api.clReleaseCommandQueue(queue as cl_command_queue);
    }
    if !program.is_null() {
        session.api.clReleaseProgram(program);
    }
    match results.into_iter().find_map(Result::err) {
        Some(trouble) => Outcome::Wrong(trouble),
        None => Outcome::Fine,
    }
}

impl Shared {
    pub fn make_queue(self, case: &Case, index: usize) -> Result<cl_command_queue, CallError> {
        let queue = case.queues[index];
        let mut properties = 0;
        if queue.out_of_order {
            properties |= CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
        }
        if queue.profiling {
            properties |= CL_QUEUE_PROFILING_ENABLE;
        }
        let list = [cl_ulong::from(CL_QUEUE_PROPERTIES), properties, 0];
        let mut code = CL_SUCCESS;
        let (context, device) = (self.context as cl_context, self.device as cl_device_id);
        let api = self.api;
        let made =
            api.clCreateCommandQueueWithProperties(context, device, list.as_ptr(), &mut code);
        check("clCreateCommandQueueWithProperties", code)?;
        Ok(made)
    }
}
