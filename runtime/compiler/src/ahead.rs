//! Compiling ahead: a program whose kernels are launched one after another finds the next ones
//! compiled, and kernels that run long get code for their local size.
//!
//! Once a second kernel of a program is asked for, further threads compile what follows in its source,
//! for rows like those of the last launch, while processors are free. No more kernels are ahead than
//! were asked for. Forks and the end of the process wait for what is going on.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use isocl_compiler_interface::rows::Rows;

use crate::executable::Loaded;
use crate::fork;
use crate::lanes::Lanes;
use crate::recovery::{block_signals, give_way};

/// Kernels being compiled.
static COMPILING: AtomicUsize = AtomicUsize::new(0);

/// Threads that compile ahead.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Reasons not to begin anything.
static STOPS: AtomicUsize = AtomicUsize::new(0);

/// Forks and the end of the process wait no longer for a compiler that does not come to an end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What launches of a program have asked for.
#[derive(Debug, Default)]
pub struct Demand {
    /// Kernels asked for.
    asked: HashSet<usize>,
    last: Option<(usize, Rows)>,
    /// Compiled ahead, and not asked for yet.
    ahead: HashSet<(usize, Option<Lanes>)>,
    /// To be compiled while launches go on with other code.
    wanted: Vec<(usize, Lanes)>,
}

impl Demand {
    /// A launch asks for a kernel.
    pub fn asked(&mut self, index: usize, lanes: Option<Lanes>, rows: Rows) {
        self.asked.insert(index);
        self.last = Some((index, rows));
        self.ahead.remove(&(index, lanes));
    }

    /// A kernel is compiled ahead.
    pub fn ahead(&mut self, index: usize, lanes: Option<Lanes>) {
        self.ahead.insert((index, lanes));
    }

    /// Launches go on with other code until there is this.
    pub fn wanted(&mut self, index: usize, lanes: Lanes) {
        if !self.wanted.contains(&(index, lanes)) {
            self.wanted.push((index, lanes));
        }
    }

    /// Code that launches want, which is no longer to be looked for then.
    pub fn next_wanted(&mut self) -> Option<(usize, Lanes)> {
        self.wanted.pop()
    }

    /// What is likely to be asked for next among so many kernels.
    pub fn order(&self, kernels: usize) -> impl Iterator<Item = usize> {
        let may_go_on = self.asked.len() >= 2 && self.ahead.len() < self.asked.len();
        let last = self.last.filter(|_| may_go_on).map(|(index, _)| index);
        last.into_iter()
            .flat_map(move |last| (last + 1..kernels).chain(0..last))
    }

    /// The rows that a kernel will have.
    pub fn rows_of(&self, required_work_group_size: Option<[u64; 3]>) -> Rows {
        let last = self.last.map_or(Rows::USUAL, |(_, rows)| rows);
        required_work_group_size.map_or(last, |size| Rows::new(&size, &[0; 3], &size))
    }
}

/// Counts a kernel that is being compiled, until dropped.
pub struct Compiling(());

impl Compiling {
    /// Begins to count one.
    pub fn begin() -> Self {
        COMPILING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// As many as there are processors for.
    fn are_enough() -> bool {
        static PROCESSORS: OnceLock<usize> = OnceLock::new();
        let count = || thread::available_parallelism().map_or(1, usize::from);
        COMPILING.load(Ordering::SeqCst) >= *PROCESSORS.get_or_init(count)
    }
}

impl Drop for Compiling {
    fn drop(&mut self) {
        COMPILING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A thread that compiles ahead, until dropped; none while there are reasons not to.
struct Thread(());

impl Thread {
    fn begin() -> Option<Self> {
        THREADS.fetch_add(1, Ordering::SeqCst);
        let thread = Self(());
        (STOPS.load(Ordering::SeqCst) == 0).then_some(thread)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Looks whether there is something to compile ahead, and a processor for it.
pub(crate) fn look(executable: &Arc<Loaded>) {
    if Compiling::are_enough() {
        return;
    }
    let Some(thread) = Thread::begin() else {
        return;
    };
    let Some(first) = executable.next_ahead() else {
        return;
    };
    fork::stop_at_exit();
    let (compiling, weak) = (Compiling::begin(), Arc::downgrade(executable));
    let work = move || {
        let _thread = thread;
        block_signals();
        give_way();
        let mut next = Some((compiling, first));
        while let (Some((compiling, ahead)), Some(executable)) = (next.take(), weak.upgrade()) {
            executable.compile_ahead(&ahead);
            drop(compiling);
            if STOPS.load(Ordering::SeqCst) == 0 && !Compiling::are_enough() {
                let ahead = executable.next_ahead();
                next = ahead.map(|ahead| (Compiling::begin(), ahead));
            }
        }
    };
    // Without a thread the kernel is compiled when it is asked for.
    let _ = thread::Builder::new()
        .name("isocl-ahead".to_owned())
        .spawn(work);
}

/// Begins nothing more, and waits for what is going on.
pub fn stop() {
    STOPS.fetch_add(1, Ordering::SeqCst);
    let start = Instant::now();
    while THREADS.load(Ordering::SeqCst) > 0 && start.elapsed() < PATIENCE {
        thread::sleep(Duration::from_micros(200));
    }
}

/// Takes one [`stop`] back.
pub fn go_on() {
    STOPS.fetch_sub(1, Ordering::SeqCst);
}

/// In a forked child, which has none of the threads: whether there were some.
pub fn forget_threads() -> bool {
    COMPILING.store(0, Ordering::SeqCst);
    THREADS.swap(0, Ordering::SeqCst) > 0
}
