//! The worker threads of the CPU device: daemons that start when they are first needed, spin for
//! a moment after the last task, then sleep.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{Thread, ThreadId};

use super::placement::{self, Mask, Sleeper};
use super::safepoint;
use crate::device::Task;
use crate::lock::lock;

/// Stack of a worker in bytes; kernels that need more are refused.
pub(crate) const WORKER_STACK: usize = 16 << 20;

/// Iterations of an idle worker before it sleeps: some 15 microseconds.
const WORKER_SPINS: u32 = 600;
/// Iterations of a waiting host thread before it sleeps.
const HOST_SPINS: u32 = 400;

/// Iterations of a thread that waits for the last parts of its own work, before it sleeps: some 50
/// microseconds, longer than a part takes as a rule.
const OWNER_SPINS: u32 = 2000;

/// Work of a thread in which others can take part.
pub(super) trait Help: Send + Sync {
    /// Takes part as long as there is something left, or until `is_over`.
    fn help(&self, is_over: &dyn Fn() -> bool);

    /// Whether threads of the application that wait for a command of `queue` may help: it takes little
    /// stack, `is_over` is asked often, and the command has to wait for the work in any case. Other work
    /// may itself wait for what such a thread does next.
    fn suits_who_waits_for(&self, queue: QueueKey) -> bool;
}

/// Which in-order queue something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueKey(usize);

impl QueueKey {
    /// Of a queue that lives as long as the key is used.
    pub(crate) fn of<Q>(queue: &Arc<Q>) -> Self {
        Self(Arc::as_ptr(queue) as usize)
    }
}

thread_local! {
    /// The in-order queue whose commands this thread runs.
    static QUEUE: Cell<Option<QueueKey>> = const { Cell::new(None) };
}

/// The calling thread runs commands of an in-order queue until this is dropped.
pub(crate) struct Draining {
    before: Option<QueueKey>,
}

impl Draining {
    pub(crate) fn begin(queue: QueueKey) -> Self {
        Self {
            before: QUEUE.replace(Some(queue)),
        }
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        QUEUE.set(self.before);
    }
}

/// The in-order queue whose commands the calling thread runs, if it runs any.
pub(super) fn queue() -> Option<QueueKey> {
    QUEUE.get()
}

/// What a worker does next.
enum Job {
    Task(Arc<dyn Task>),
    Help(Arc<dyn Help>),
}

struct Pool {
    tasks: VecDeque<Arc<dyn Task>>,
    /// Requests for help.
    requests: VecDeque<Arc<dyn Help>>,
    threads: usize,
    spinning: Vec<Spinner>,
    tickets: u64,
    /// Threads that sleep, less those already called.
    sleeping: Vec<Sleeper>,
    /// Those called that have not risen.
    called: Vec<Called>,
    /// One mark for each thread, whether it runs code of this library.
    inside: Vec<&'static AtomicBool>,
}

/// A thread that was told to rise.
struct Called {
    thread: ThreadId,
    /// Where it could run before.
    before: Option<Mask>,
}

/// A thread that looks for work before it sleeps, and where it began to.
struct Spinner {
    ticket: u64,
    processor: Option<usize>,
    kind: SpinnerKind,
}

/// What a thread that spins would do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SpinnerKind {
    /// Anything.
    Worker,
    /// A thread of the application: help with what the queue has to do before its command is complete.
    Host(Option<QueueKey>),
}

impl Pool {
    /// Whether everything will be taken by a thread that is awake or was called. One that spins on the
    /// calling thread's processor does not run now, and may not for long.
    fn is_attended(&self) -> bool {
        let here = placement::processor();
        let elsewhere = |spinner: &&Spinner| here.is_none() || spinner.processor != here;
        let spinning = self.spinning.iter().filter(elsewhere);
        let (workers, hosts): (Vec<_>, Vec<_>) =
            spinning.partition(|spinner| spinner.kind == SpinnerKind::Worker);
        let suits_a_host = |help: &&Arc<dyn Help>| {
            hosts.iter().any(|host| match host.kind {
                SpinnerKind::Host(Some(queue)) => help.suits_who_waits_for(queue),
                _ => false,
            })
        };
        let suitable = self.requests.iter().filter(suits_a_host);
        let by_hosts = suitable.take(hosts.len()).count();
        self.tasks.len() + self.requests.len() <= by_hosts + workers.len() + self.called.len()
    }

    /// Takes the next thing to do for a worker.
    fn next(&mut self) -> Option<Job> {
        let task = self.tasks.pop_front().map(Job::Task);
        let job = task.or_else(|| self.requests.pop_front().map(Job::Help));
        self.announce();
        job
    }

    /// Takes the next request that a thread which waits for a command of `queue` may answer.
    fn next_for_host(&mut self, queue: QueueKey) -> Option<Arc<dyn Help>> {
        let suits = |help: &Arc<dyn Help>| help.suits_who_waits_for(queue);
        let place = self.requests.iter().position(suits);
        let help = place.and_then(|place| self.requests.remove(place));
        self.announce();
        help
    }

    /// Tells those who spin what there is.
    fn announce(&self) {
        let jobs = self.tasks.len() + self.requests.len();
        WAITING_JOBS.store(jobs, Ordering::Release);
        WAITING_REQUESTS.store(self.requests.len(), Ordering::Release);
    }

    /// Makes the calling thread one that spins; returns what it has to give to `stop_spinning`.
    fn spin(&mut self, kind: SpinnerKind) -> u64 {
        self.tickets += 1;
        self.spinning.push(Spinner {
            ticket: self.tickets,
            processor: placement::processor(),
            kind,
        });
        self.tickets
    }

    fn stop_spinning(&mut self, ticket: u64) {
        self.spinning.retain(|spinner| spinner.ticket != ticket);
    }

    /// Chooses a thread that sleeps; the caller has to unpark it.
    fn call(&mut self) -> Option<Thread> {
        let sleeper = self.sleeping.pop()?;
        let before = sleeper.keep_off_this_processor();
        let thread = sleeper.thread;
        self.called.push(Called {
            thread: thread.id(),
            before,
        });
        Some(thread)
    }
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    tasks: VecDeque::new(),
    requests: VecDeque::new(),
    threads: 0,
    spinning: Vec::new(),
    tickets: 0,
    sleeping: Vec::new(),
    called: Vec::new(),
    inside: Vec::new(),
});
/// How many tasks and requests for help there are, for workers that spin.
static WAITING_JOBS: AtomicUsize = AtomicUsize::new(0);
/// How many requests there are, for threads of the application that spin.
static WAITING_REQUESTS: AtomicUsize = AtomicUsize::new(0);
/// Workers that run a task.
static BUSY: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Held from before a fork until after it, so that the child finds the pool consistent.
    static HELD_OVER_FORK: RefCell<Option<MutexGuard<'static, Pool>>> = const { RefCell::new(None) };
}

fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

thread_local! {
    /// Compute units of the device whose command this thread runs.
    static CONCURRENCY: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Number of threads that may work on the command that the calling thread runs.
pub(crate) fn concurrency() -> usize {
    CONCURRENCY.get().unwrap_or_else(compute_units)
}

/// Runs `work`, a command of a device with so many compute units.
pub(crate) fn with_concurrency<R>(compute_units: usize, work: impl FnOnce() -> R) -> R {
    /// A command may run while another one is waited for, on the same thread.
    struct Restore(Option<usize>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CONCURRENCY.set(self.0);
        }
    }
    let _restore = Restore(CONCURRENCY.replace(Some(compute_units)));
    work()
}

/// Number of threads that compute at the same time: the compute units of the CPU device.
pub(crate) fn compute_units() -> usize {
    crate::config::config()
        .compute_units
        .unwrap_or_else(processors)
}

/// Lets a thread of the application, which waits until `is_over` for a command of `queue`, help the workers.
/// Returns before that when there was nothing to do for a moment, and at once while workers need every
/// processor.
pub(crate) fn help_until(queue: Option<QueueKey>, is_over: &dyn Fn() -> bool) {
    let can_wait_busily = processors() > 1 && BUSY.load(Ordering::Relaxed) < processors();
    if is_over() || !can_wait_busily {
        return;
    }
    let mut pool = lock(&POOL);
    let mut spins = HOST_SPINS;
    loop {
        let ticket = pool.spin(SpinnerKind::Host(queue));
        drop(pool);
        for _ in 0..spins {
            let is_asked = queue.is_some() && WAITING_REQUESTS.load(Ordering::Acquire) > 0;
            if is_over() || is_asked {
                break;
            }
            std::hint::spin_loop();
        }
        pool = lock(&POOL);
        pool.stop_spinning(ticket);
        if is_over() {
            break;
        }
        let Some(help) = queue.and_then(|queue| pool.next_for_host(queue)) else {
            break;
        };
        drop(pool);
        help.help(is_over);
        // The others are about to end their parts.
        spins = OWNER_SPINS;
        drop(help);
        pool = lock(&POOL);
    }
    // This thread may have been counted on.
    if !pool.is_attended() {
        call_worker(pool);
    }
}

/// How often a thread looks that waits for others to end their parts of the same work.
pub(super) fn owner_spins() -> u32 {
    if processors() > 1 {
        OWNER_SPINS
    } else {
        0
    }
}

/// Forgets a task that no worker has begun; what it was for is done by the caller.
pub(crate) fn withdraw(task: &Arc<dyn Task>) {
    let mut pool = lock(&POOL);
    let is_it = |other: &Arc<dyn Task>| std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(task));
    let place = pool.tasks.iter().position(is_it);
    let withdrawn = place.and_then(|place| pool.tasks.remove(place));
    pool.announce();
    drop(pool);
    drop(withdrawn);
}

/// Runs `task` soon on a worker. Should no thread start, on this one.
pub(crate) fn spawn(task: Arc<dyn Task>) {
    let mut pool = lock(&POOL);
    pool.tasks.push_back(task);
    pool.announce();
    if !pool.is_attended() {
        call_worker(pool);
    }
}

/// Lets so many threads help that are awake and idle.
pub(super) fn ask_for_help(help: &Arc<dyn Help>, helpers: usize) {
    let mut pool = lock(&POOL);
    let requests = std::iter::repeat_with(|| Arc::clone(help));
    pool.requests.extend(requests.take(helpers));
    pool.announce();
}

/// Forgets the requests for help with work that is done.
pub(super) fn need_no_help(done: &Arc<dyn Help>) {
    if WAITING_REQUESTS.load(Ordering::Relaxed) > 0 {
        let mut pool = lock(&POOL);
        let is_it = |help: &Arc<dyn Help>| std::ptr::addr_eq(Arc::as_ptr(help), Arc::as_ptr(done));
        pool.requests.retain(|help| !is_it(help));
        pool.announce();
    }
}

/// Wakes or starts threads for what nobody attends to.
pub(super) fn call_helpers() {
    while WAITING_JOBS.load(Ordering::Relaxed) > 0 {
        let pool = lock(&POOL);
        if pool.is_attended() || !call_worker(pool) {
            return;
        }
    }
}

/// Wakes a worker or starts one; false when all there may be are awake. Where none can start and there is
/// none, the calling thread does what there is.
fn call_worker(mut pool: MutexGuard<'_, Pool>) -> bool {
    if let Some(called) = pool.call() {
        drop(pool);
        called.unpark();
        return true;
    }
    // One more than compute, so that kernels waiting for the host leave a thread for others.
    if pool.threads > compute_units().max(1) {
        return false;
    }
    pool.threads += 1;
    drop(pool);
    let name = "isocl-worker".to_owned();
    if let Err(error) = std::thread::Builder::new()
        .name(name)
        .stack_size(WORKER_STACK)
        .spawn(work)
    {
        crate::log::line(&format!("no worker thread started: {error}"));
        let mut pool = lock(&POOL);
        pool.threads -= 1;
        if pool.threads == 0 {
            let job = pool.next();
            drop(pool);
            job.into_iter().for_each(run);
        }
        return false;
    }
    true
}

fn work() {
    super::signals::block_on_this_thread();
    let inside = safepoint::register();
    let thread = std::thread::current().id();
    let mut pool = lock(&POOL);
    pool.inside.push(inside);
    loop {
        if let Some(job) = pool.next() {
            inside.store(true, Ordering::SeqCst);
            drop(pool);
            run(job);
            inside.store(false, Ordering::SeqCst);
            pool = lock(&POOL);
            continue;
        }
        if processors() > 1 {
            let ticket = pool.spin(SpinnerKind::Worker);
            drop(pool);
            for _ in 0..WORKER_SPINS {
                if WAITING_JOBS.load(Ordering::Acquire) > 0 {
                    break;
                }
                std::hint::spin_loop();
            }
            pool = lock(&POOL);
            pool.stop_spinning(ticket);
            if !pool.tasks.is_empty() || !pool.requests.is_empty() {
                continue;
            }
        }
        pool.sleeping.push(Sleeper::this_thread());
        let before = loop {
            let call = pool.called.iter().position(|call| call.thread == thread);
            if let Some(call) = call {
                break pool.called.swap_remove(call).before;
            }
            drop(pool);
            std::thread::park();
            pool = lock(&POOL);
        };
        if let Some(before) = before {
            drop(pool);
            before.apply();
            pool = lock(&POOL);
        }
    }
}

/// A panic ends the job, not the thread.
fn run(job: Job) {
    BUSY.fetch_add(1, Ordering::Relaxed);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match job {
        Job::Task(task) => task.run(),
        Job::Help(help) => help.help(&|| false),
    }));
    BUSY.fetch_sub(1, Ordering::Relaxed);
    if result.is_err() {
        crate::log::line("a task of the CPU device panicked");
    }
}

/// Returns when no fork is going on any more.
pub(super) fn wait_for_fork() {
    drop(lock(&POOL));
}

pub(super) fn before_fork() {
    let guard = lock(&POOL);
    safepoint::wait_for(&guard.inside);
    let _ = HELD_OVER_FORK.try_with(|held| *held.borrow_mut() = Some(guard));
}

pub(super) fn after_fork_in_parent() {
    safepoint::release();
    let _ = HELD_OVER_FORK.try_with(|held| held.borrow_mut().take());
}

/// The child has none of the threads; its queues hand out their commands anew.
pub(super) fn after_fork_in_child() {
    safepoint::release();
    let _ = HELD_OVER_FORK.try_with(|held| {
        if let Some(mut pool) = held.borrow_mut().take() {
            // Not dropped: a task's last reference may free what a lock in the parent protected.
            std::mem::forget(std::mem::take(&mut pool.tasks));
            std::mem::forget(std::mem::take(&mut pool.requests));
            pool.announce();
            std::mem::forget(std::mem::take(&mut pool.sleeping));
            pool.called.clear();
            pool.spinning.clear();
            pool.threads = 0;
            BUSY.store(0, Ordering::Relaxed);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{channel, Sender};

    use super::*;

    /// Runs a function once.
    struct Call<F>(Mutex<Option<F>>);

    impl<F: FnOnce() + Send + 'static> Task for Call<F> {
        fn run(self: Arc<Self>) {
            if let Some(call) = lock(&self.0).take() {
                call();
            }
        }
    }

    fn call(function: impl FnOnce() + Send + 'static) -> Arc<dyn Task> {
        Arc::new(Call(Mutex::new(Some(function))))
    }

    #[test]
    fn a_withdrawn_task_does_not_run() {
        let (started, starts) = channel();
        let all = compute_units() + 1;
        let ends: Vec<Sender<()>> = (0..all)
            .map(|_| {
                let (end, ended) = channel();
                let started = started.clone();
                spawn(call(move || {
                    started.send("busy").unwrap();
                    let _ = ended.recv();
                }));
                end
            })
            .collect();
        (0..all).for_each(|_| assert_eq!(starts.recv(), Ok("busy")));
        let starter = started.clone();
        let withdrawn = call(move || starter.send("withdrawn").unwrap());
        spawn(Arc::clone(&withdrawn));
        withdraw(&withdrawn);
        spawn(call(move || started.send("next").unwrap()));
        drop(ends);
        assert_eq!(starts.recv(), Ok("next"));
        withdraw(&withdrawn);
    }

    #[test]
    fn threads_that_rise_may_run_where_they_could_before() {
        let expected = super::super::placement::allowed();
        for _ in 0..20 {
            // Long enough for a thread to fall asleep.
            std::thread::sleep(std::time::Duration::from_millis(2));
            let (told, tells) = channel();
            let tell = move || told.send(super::super::placement::allowed()).unwrap();
            spawn(call(tell));
            assert_eq!(tells.recv().unwrap(), expected);
        }
    }

    /// Work for a queue that tells which thread took part.
    struct Witness {
        helped: Mutex<Sender<ThreadId>>,
        queue: QueueKey,
    }

    impl Help for Witness {
        fn help(&self, _: &dyn Fn() -> bool) {
            let _ = lock(&self.helped).send(std::thread::current().id());
        }

        fn suits_who_waits_for(&self, queue: QueueKey) -> bool {
            self.queue == queue
        }
    }

    /// Whether a request for one queue is answered by this thread, which waits for `awaited`, not by a worker.
    fn helps_itself(queue: QueueKey, awaited: Option<QueueKey>) -> bool {
        let (helped, helps) = channel();
        let witness: Arc<dyn Help> = Arc::new(Witness {
            helped: Mutex::new(helped),
            queue,
        });
        ask_for_help(&witness, 1);
        help_until(awaited, &|| false);
        call_helpers();
        helps.recv().unwrap() == std::thread::current().id()
    }

    #[test]
    fn threads_that_wait_help_with_what_they_wait_for() {
        let queues = [Arc::new(1), Arc::new(2)];
        let [first, second] = [&queues[0], &queues[1]].map(QueueKey::of);
        let own = |_| helps_itself(first, Some(first));
        assert!((0..1000).any(own), "each time a worker");
        assert!((0..100).all(|_| !helps_itself(first, None)));
        assert!((0..100).all(|_| !helps_itself(first, Some(second))));
        help_until(Some(first), &|| true);
    }

    #[test]
    fn the_queue_that_a_thread_drains_is_known() {
        let (outer, inner) = (Arc::new(1), Arc::new(2));
        let keys = [&outer, &inner].map(QueueKey::of);
        assert_eq!(queue(), None);
        let draining = Draining::begin(keys[0]);
        {
            let _nested = Draining::begin(keys[1]);
            assert_eq!(queue(), Some(keys[1]));
        }
        assert_eq!(queue(), Some(keys[0]));
        drop(draining);
        assert_eq!(queue(), None);
    }
}
