//! Making a sequence from a seed: random steps, as far as the model takes them.

use opencl_sys::*;

use super::bad::Bad;
use super::limits::Limits;
use super::model::{Event, Model};
use super::step::{Case, Order, Queue, Region, Slice, Step, Work};
use crate::random_kernel::random::Random;

/// The sequences of a seed.
pub fn generate(seed: u64, limits: &Limits) -> Case {
    let mut random = Random::new(seed);
    let threads = 1 + random.below(limits.threads);
    let queues: Vec<Queue> = (0..1 + random.below(3))
        .map(|_| Queue {
            out_of_order: limits.device.out_of_order && random.chance(50),
            profiling: random.chance(30),
        })
        .collect();
    let shared = threads > 1 && random.chance(50);
    let write = |_| {
        let mut writer = Writer {
            random: Random::new(random.bits()),
            model: Model::new(&queues, shared),
            steps: Vec::new(),
            next: 0,
            queues: queues.len(),
            limits: *limits,
        };
        let steps = 5 + writer.random.below(limits.steps);
        for _ in 0..steps {
            writer.any();
        }
        writer.steps
    };
    let threads = (0..threads).map(write).collect();
    Case {
        seed,
        queues,
        shared,
        threads,
    }
}

struct Writer {
    random: Random,
    model: Model,
    steps: Vec<Step>,
    next: usize,
    queues: usize,
    limits: Limits,
}

impl Writer {
    fn push(&mut self, step: Step) -> bool {
        let taken = self.model.apply(&step).is_ok();
        if taken {
            self.steps.push(step);
        }
        taken
    }

    fn number(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn any(&mut self) {
        if self.model.allocations.len() < 2 {
            return self.allocate();
        }
        match self.random.below(100) {
            0..=7 => self.allocate(),
            8..=14 => self.free(),
            15..=22 => self.map(),
            23..=28 => self.pointers(),
            29..=36 => self.buffer(),
            37..=44 => self.wait(),
            45..=50 => self.user_event(),
            51..=55 => self.query(),
            56..=60 => {
                let bad = self.random.pick(&Bad::ALL);
                self.push(Step::Bad(bad));
            }
            61..=66 => self.host(),
            _ => {
                let work = self.work();
                self.enqueue(work);
            }
        }
    }

    fn allocate(&mut self) {
        if self.model.allocations.len() > 8 {
            return;
        }
        let mut flags = CL_MEM_READ_WRITE;
        if self.limits.device.fine_grain && self.random.chance(40) {
            flags |= CL_MEM_SVM_FINE_GRAIN_BUFFER;
            if self.limits.device.atomics && self.random.chance(30) {
                flags |= CL_MEM_SVM_ATOMICS;
            }
        }
        let size = match self.random.below(10) {
            0..=5 => 16 * (1 + self.random.below(16)),
            6 | 7 => 4096 - 16 * self.random.below(3),
            8 => 1 + self.random.below(300),
            _ => 65536 + 16 * self.random.below(5),
        };
        let alignment = self.random.pick(&[0, 0, 1, 16, 64, 128]);
        let allocation = self.number();
        self.push(Step::Allocate {
            allocation,
            flags,
            size,
            alignment,
        });
        let all = Region {
            allocation,
            offset: 0,
            size,
        };
        let pattern = vec![self.random.bits() as u8];
        self.enqueue(Work::Fill(all, pattern));
    }

    fn allocation(&mut self) -> usize {
        let live: Vec<usize> = self.model.allocations.keys().copied().collect();
        self.random.pick(&live)
    }

    /// Some bytes of an allocation, a whole number of units.
    fn region_of(&mut self, allocation: usize, unit: usize) -> Region {
        let all = self.model.allocations[&allocation].bytes.len() / unit;
        let most = if all == 0 { 0 } else { self.random.below(all) };
        let (offset, left) = if self.random.chance(40) {
            (0, all)
        } else {
            (most, all - most)
        };
        let size = if self.random.chance(40) {
            left
        } else {
            1 + self.random.below(left.max(1))
        };
        Region {
            allocation,
            offset: offset * unit,
            size: size.min(left) * unit,
        }
    }

    fn region(&mut self, unit: usize) -> Region {
        let allocation = self.allocation();
        self.region_of(allocation, unit)
    }

    /// A place for as many bytes elsewhere.
    fn source(&mut self, size: usize) -> (usize, usize) {
        let allocation = self.allocation();
        let all = self.model.allocations[&allocation].bytes.len();
        let offset = 4 * self.random.below(all.saturating_sub(size) / 4 + 1);
        (allocation, offset)
    }

    fn pattern(&mut self) -> Vec<u8> {
        let size = 1_usize << self.random.below(8);
        (0..size).map(|_| self.random.bits() as u8).collect()
    }

    fn work(&mut self) -> Work {
        let seed = self.random.bits() as u32;
        match self.random.below(20) {
            0..=3 => {
                let pattern = self.pattern();
                Work::Fill(self.region(pattern.len()), pattern)
            }
            4..=7 => {
                let to = self.region(1);
                let from = self.source(to.size);
                Work::Copy(to, from, self.random.chance(20))
            }
            8 => Work::CopyIn(self.region(1), seed),
            9 => Work::CopyOut(self.region(1)),
            10..=12 => Work::Write(self.region(4), seed),
            13 | 14 => {
                let to = self.region(4);
                let from = self.source(to.size);
                Work::Add(to, from)
            }
            15 => {
                let count = 1 + self.random.below(2);
                let some = (0..count).map(|_| self.allocation()).collect();
                Work::Migrate(some, self.random.pick(&[0, CL_MIGRATE_MEM_OBJECT_HOST]))
            }
            16 | 17 => Work::Marker,
            18 => Work::Barrier,
            _ => {
                let tables = self.model.allocations.iter();
                let table = tables.filter(|(_, live)| live.pointers.is_some());
                let tables: Vec<usize> = table.map(|(number, _)| *number).collect();
                if tables.is_empty() {
                    return Work::Marker;
                }
                Work::Chase(self.random.pick(&tables), seed)
            }
        }
    }

    /// Enqueues a command, with whatever it takes to order it.
    fn enqueue(&mut self, work: Work) -> bool {
        let mut order = Order {
            queue: self.random.below(self.queues),
            waits: Vec::new(),
            event: None,
        };
        if self.random.chance(60) {
            order.event = Some(self.number());
        }
        if self.random.chance(30) && !self.model.events.is_empty() {
            let events: Vec<usize> = self.model.events.keys().copied().collect();
            let event = self.random.pick(&events);
            self.wait_for(&mut order, event);
        }
        for _ in 0..20 {
            let Ok(missing) = self.model.unordered(&work, &order) else {
                return false;
            };
            let Some(first) = missing.first() else {
                break;
            };
            match self.model.event_of(*first) {
                Some(event) => self.wait_for(&mut order, event),
                None => {
                    let place = self.model.place_of(*first);
                    self.settle(place.map_or(0, |(queue, _)| queue));
                }
            }
        }
        if self.push(Step::Enqueue(work.clone(), order.clone())) {
            return true;
        }
        // It may be one that the host waits for, behind one that waits for the host.
        self.complete_all();
        self.push(Step::Enqueue(work, order))
    }

    fn wait_for(&mut self, order: &mut Order, event: usize) {
        if order.waits.contains(&event) {
            return;
        }
        if let Some(Event::Command(command)) = self.model.events.get(&event) {
            if let Some((queue, false)) = self.model.place_of(*command) {
                if queue != order.queue {
                    self.push(Step::Flush(queue));
                }
            }
        }
        order.waits.push(event);
    }

    fn complete_all(&mut self) {
        for event in self.model.open_user_events() {
            self.push(Step::Complete(event));
        }
    }

    fn settle(&mut self, queue: usize) {
        if !self.push(Step::Finish(queue)) {
            self.complete_all();
            self.push(Step::Finish(queue));
        }
    }

    fn settle_all(&mut self) {
        for queue in 0..self.queues {
            self.push(Step::Flush(queue));
        }
        for queue in 0..self.queues {
            self.settle(queue);
        }
    }

    fn free(&mut self) {
        let allocation = self.allocation();
        if self.random.chance(60) {
            let mut some = vec![allocation];
            if self.random.chance(30) {
                some.push(self.allocation());
            }
            let callback = self.random.chance(40);
            if self.enqueue(Work::Free(some, callback)) {
                return;
            }
        }
        let over = self.model.buffers.iter().rev();
        let over = over.filter(|(_, buffer)| buffer.region.allocation == allocation);
        let over: Vec<usize> = over.map(|(number, _)| *number).collect();
        for buffer in over {
            self.push(Step::ReleaseBuffer(buffer));
        }
        if !self.push(Step::Free(allocation)) {
            self.settle_all();
            self.push(Step::Free(allocation));
        }
    }

    fn map(&mut self) {
        let mapped = self.model.allocations.iter();
        let mapped = mapped.filter(|(_, live)| live.mapped.is_some());
        let mapped: Vec<usize> = mapped.map(|(number, _)| *number).collect();
        if !mapped.is_empty() && self.random.chance(60) {
            let allocation = self.random.pick(&mapped);
            self.enqueue(Work::Unmap(allocation));
            return;
        }
        let region = self.region(1);
        let flags = self.random.pick(&[
            CL_MAP_READ,
            CL_MAP_WRITE,
            CL_MAP_READ | CL_MAP_WRITE,
            CL_MAP_WRITE_INVALIDATE_REGION,
        ]);
        let blocking = self.random.chance(60);
        if region.size > 0 && self.enqueue(Work::Map(region, flags, blocking)) {
            if self.random.chance(70) {
                let seed = self.random.bits() as u32;
                self.push(Step::HostWrite(region, seed));
            }
            if self.random.chance(70) {
                self.push(Step::HostCheck(region));
            }
        }
    }

    /// A table of pointers and a kernel that follows them.
    fn pointers(&mut self) {
        let table = self.allocation();
        let room = self.model.allocations[&table].bytes.len() / 8;
        let count = (1 + self.random.below(4)).min(room);
        let words = 1 + self.random.below(8);
        let mut regions: Vec<Region> = Vec::new();
        for _ in 0..count {
            let target = self.allocation();
            let all = self.model.allocations[&target].bytes.len() / 4;
            let offset = 4 * self.random.below(all.saturating_sub(words) + 1);
            let region = Region {
                allocation: target,
                offset,
                size: 4 * words,
            };
            if target != table && regions.iter().all(|other| !other.overlaps(&region)) {
                regions.push(region);
            }
        }
        let place = Region {
            allocation: table,
            offset: 0,
            size: 8 * regions.len(),
        };
        if regions.is_empty() || !self.enqueue(Work::Map(place, CL_MAP_WRITE, true)) {
            return;
        }
        self.push(Step::Pointers(table, regions));
        self.enqueue(Work::Unmap(table));
        let seed = self.random.bits() as u32;
        self.enqueue(Work::Chase(table, seed));
    }

    fn buffer(&mut self) {
        if self.model.buffers.is_empty() || self.random.chance(20) {
            let (buffer, allocation) = (self.number(), self.allocation());
            self.push(Step::Buffer { buffer, allocation });
            return;
        }
        let buffers: Vec<usize> = self.model.buffers.keys().copied().collect();
        let buffer = self.random.pick(&buffers);
        let known = self.model.buffers[&buffer].clone();
        let all = known.region.size;
        let seed = self.random.bits() as u32;
        let offset = self.random.below(all);
        let size = 1 + self.random.below(all - offset);
        let slice = Slice {
            buffer,
            offset,
            size,
        };
        match self.random.below(8) {
            0 => {
                self.push(Step::ReleaseBuffer(buffer));
            }
            1 if !known.is_part => {
                let unit = self.limits.device.sub_buffer_alignment;
                let parent = Slice {
                    offset: offset / unit * unit,
                    ..slice
                };
                let buffer = self.number();
                self.push(Step::SubBuffer { buffer, parent });
            }
            2 | 3 => {
                self.enqueue(Work::BufferWrite(slice, seed));
            }
            4 | 5 => {
                let pattern = self.pattern();
                let unit = pattern.len();
                let (offset, size) = (offset / unit * unit, size / unit * unit);
                self.enqueue(Work::BufferFill(
                    Slice {
                        buffer,
                        offset,
                        size,
                    },
                    pattern,
                ));
            }
            _ => {
                self.enqueue(Work::BufferRead(slice));
            }
        }
    }

    fn wait(&mut self) {
        let queue = self.random.below(self.queues);
        match self.random.below(5) {
            0 => {
                self.push(Step::Flush(queue));
            }
            1 | 2 => {
                self.push(Step::Finish(queue));
            }
            _ => {
                let events: Vec<usize> = self.model.events.keys().copied().collect();
                let mut some = Vec::new();
                for _ in 0..1 + self.random.below(3) {
                    if !events.is_empty() {
                        some.push(self.random.pick(&events));
                    }
                }
                some.dedup();
                self.push(Step::Flush(queue));
                self.push(Step::Wait(some));
            }
        }
    }

    fn user_event(&mut self) {
        let open = self.model.open_user_events();
        if open.is_empty() || (open.len() < 3 && self.random.chance(40)) {
            let event = self.number();
            self.push(Step::UserEvent(event));
            if self.random.chance(70) {
                let work = self.work();
                let order = Order {
                    queue: self.random.below(self.queues),
                    waits: vec![event],
                    event: Some(self.number()),
                };
                self.push(Step::Enqueue(work, order));
            }
        } else {
            let event = self.random.pick(&open);
            self.push(Step::Complete(event));
        }
    }

    fn query(&mut self) {
        let events: Vec<usize> = self.model.events.keys().copied().collect();
        if events.is_empty() {
            return;
        }
        let event = self.random.pick(&events);
        if self.random.chance(60) {
            self.push(Step::Query(event));
        } else {
            self.push(Step::ReleaseEvent(event));
        }
    }

    /// The host looks at memory, or changes it, where it may.
    fn host(&mut self) {
        let region = self.region(1);
        let seed = self.random.bits() as u32;
        if region.size > 0 && self.random.chance(50) {
            self.push(Step::HostWrite(region, seed));
        }
        self.push(Step::HostCheck(region));
    }
}

#[cfg(test)]
pub(super) mod tests;
