//! Cutting a sequence down while what is wrong with it stays wrong.

use super::model::Model;
use super::step::{Case, Order, Step, Work};

/// Attempts after which a sequence is as small as it gets.
const ATTEMPTS: usize = 600;

/// The smallest sequence found from `case` for which `still_wrong` says so. Leaves out threads, runs
/// of steps, waits and events, and makes sizes smaller; what loses its meaning goes with it.
pub fn shrink(case: &Case, still_wrong: &mut dyn FnMut(&Case) -> bool) -> Case {
    let mut search = Search {
        best: case.clone(),
        attempts: 0,
        still_wrong,
    };
    loop {
        let before = search.best.clone();
        search.threads();
        search.steps();
        search.details();
        if search.best == before || search.attempts >= ATTEMPTS {
            return search.best;
        }
    }
}

struct Search<'a> {
    best: Case,
    attempts: usize,
    still_wrong: &'a mut dyn FnMut(&Case) -> bool,
}

impl Search<'_> {
    fn attempt(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        if self.attempts >= ATTEMPTS {
            return false;
        }
        let mut changed = self.best.clone();
        change(&mut changed);
        sensible(&mut changed);
        if changed == self.best {
            return false;
        }
        self.attempts += 1;
        let wrong = (self.still_wrong)(&changed);
        if wrong {
            self.best = changed;
        }
        wrong
    }

    fn threads(&mut self) {
        for thread in (0..self.best.threads.len()).rev() {
            if self.best.threads.len() > 1 {
                self.attempt(|case| {
                    case.threads.remove(thread);
                    case.shared &= case.threads.len() > 1;
                });
            }
        }
        self.attempt(|case| case.shared = false);
        let used = |case: &Case| {
            let steps = case.threads.iter().flatten();
            steps.filter_map(queue_of).max().unwrap_or(0) + 1
        };
        self.attempt(|case| case.queues.truncate(used(case)));
        for queue in 0..self.best.queues.len() {
            self.attempt(|case| case.queues[queue].profiling = false);
            self.attempt(|case| case.queues[queue].out_of_order = false);
        }
    }

    fn steps(&mut self) {
        for thread in 0..self.best.threads.len() {
            let mut run = self.best.threads[thread].len().next_power_of_two();
            while run > 0 {
                let mut end = self.best.threads[thread].len();
                while end > 0 {
                    let begin = end.saturating_sub(run);
                    self.attempt(|case| {
                        case.threads[thread].drain(begin..end);
                    });
                    end = begin.min(self.best.threads[thread].len());
                }
                run /= 2;
            }
        }
    }

    fn details(&mut self) {
        for thread in 0..self.best.threads.len() {
            let mut index = 0;
            while index < self.best.threads[thread].len() {
                for simpler in simpler(&self.best.threads[thread][index]) {
                    self.attempt(|case| {
                        if let Some(step) = case.threads[thread].get_mut(index) {
                            *step = simpler;
                        }
                    });
                }
                index += 1;
            }
        }
    }
}

const fn queue_of(step: &Step) -> Option<usize> {
    match step {
        Step::Enqueue(_, order) => Some(order.queue),
        Step::Flush(queue) | Step::Finish(queue) => Some(*queue),
        _ => None,
    }
}

/// Leaves out what has no meaning, and waiting for events that are not there.
fn sensible(case: &mut Case) {
    let (queues, shared) = (&case.queues, case.shared);
    for thread in &mut case.threads {
        let mut model = Model::new(queues, shared);
        thread.retain_mut(|step| {
            if let Step::Enqueue(_, Order { waits, .. }) | Step::Wait(waits) = step {
                waits.retain(|event| model.events.contains_key(event));
            }
            model.apply(step).is_ok()
        });
    }
}

/// The same step with less to it.
fn simpler(step: &Step) -> Vec<Step> {
    let mut found = Vec::new();
    match step {
        Step::Allocate {
            allocation,
            flags,
            size,
            alignment,
        } => {
            let with = |size, alignment| Step::Allocate {
                allocation: *allocation,
                flags: *flags,
                size,
                alignment,
            };
            for smaller in [16, 64, 256, 4096] {
                if smaller < *size {
                    found.push(with(smaller, *alignment));
                }
            }
            found.push(with(*size, 0));
        }
        Step::Enqueue(work, order) => {
            for index in 0..order.waits.len() {
                let mut order = order.clone();
                order.waits.remove(index);
                found.push(Step::Enqueue(work.clone(), order));
            }
            if order.event.is_some() {
                let mut order = order.clone();
                order.event = None;
                found.push(Step::Enqueue(work.clone(), order));
            }
            if order.queue > 0 {
                let mut order = order.clone();
                order.queue = 0;
                found.push(Step::Enqueue(work.clone(), order));
            }
            for work in smaller(work) {
                found.push(Step::Enqueue(work, order.clone()));
            }
        }
        Step::HostWrite(region, seed) => {
            let mut region = *region;
            region.size = region.size.min(4);
            found.push(Step::HostWrite(region, *seed));
        }
        _ => {}
    }
    found
}

fn smaller(work: &Work) -> Vec<Work> {
    let mut changed = work.clone();
    let size = match &mut changed {
        Work::Fill(region, pattern) => {
            pattern.truncate(1);
            &mut region.size
        }
        Work::BufferFill(slice, pattern) => {
            pattern.truncate(1);
            &mut slice.size
        }
        Work::Copy(region, ..)
        | Work::CopyIn(region, _)
        | Work::CopyOut(region)
        | Work::Map(region, ..)
        | Work::Write(region, _)
        | Work::Add(region, _) => &mut region.size,
        Work::BufferWrite(slice, _) | Work::BufferRead(slice) => &mut slice.size,
        Work::Free(allocations, _) | Work::Migrate(allocations, _) => {
            allocations.truncate(1);
            return vec![changed];
        }
        _ => return Vec::new(),
    };
    *size = (*size).min(16);
    vec![changed]
}

#[cfg(test)]
mod tests {
    use super::super::generate::{generate, tests::LIMITS};
    use super::*;

    #[test]
    fn what_is_not_needed_goes() {
        let wanted = |case: &Case| {
            let steps = case.threads.iter().flatten();
            let fills = steps.filter(|step| matches!(step, Step::Enqueue(Work::Chase(..), _)));
            fills.count() > 0
        };
        let cases = (1..200).map(|seed| generate(seed, &LIMITS)).filter(wanted);
        for case in cases.take(5) {
            let small = shrink(&case, &mut |case| wanted(case));
            let steps: usize = small.threads.iter().map(Vec::len).sum();
            // Two allocations, map, pointers, unmap, and the kernel.
            assert!(steps <= 6, "{small:?}");
            let mut again = small.clone();
            sensible(&mut again);
            assert_eq!(again, small);
        }
    }
}
