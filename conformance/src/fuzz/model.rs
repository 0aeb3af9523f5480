//! What may be live, mapped and pending, and which bytes memory holds: the specification, as far as
//! the sequences of a fuzzer go.
//!
//! Commands that touch the same bytes, one of them to write, are in an order that the specification
//! gives them (queue, barrier, wait list); so the bytes are those of the commands one after the other.

use std::collections::{BTreeMap, BTreeSet};

use opencl_sys::*;

use super::pattern;
use super::step::{Order, Queue, Region, Slice, Step, Work};

/// A byte that can be anything.
pub const UNKNOWN: u16 = 256;

/// Shared virtual memory.
#[derive(Debug, Clone)]
pub struct Allocation {
    /// How it was made.
    pub flags: u64,
    /// What it holds when all commands are done.
    pub bytes: Vec<u16>,
    /// What is mapped, with flags, and the command that mapped it.
    pub mapped: Option<(Region, u64, usize)>,
    /// Where the pointers that it holds lead to.
    pub pointers: Option<Vec<Region>>,
    /// Whether there was a buffer object over it.
    pub was_buffer: bool,
}

/// A buffer object: where it lies in an allocation, and how many parts were made of it.
#[derive(Debug, Clone)]
pub struct Buffer {
    /// The bytes.
    pub region: Region,
    /// Whether it is a part of another one.
    pub is_part: bool,
}

/// A command that may not have ended.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub queue: usize,
    /// Pending commands that end before it begins.
    pub after: BTreeSet<usize>,
    /// User events that it waits for itself.
    gates: BTreeSet<usize>,
    pub touches: Vec<(Region, bool)>,
}

/// An event.
#[derive(Debug, Clone)]
pub enum Event {
    /// Of a command.
    Command(usize),
    /// A user event, and whether it is complete.
    User(bool),
}

#[derive(Debug, Clone, Default)]
pub(super) struct QueueState {
    pub out_of_order: bool,
    /// Its pending commands.
    pub pending: Vec<usize>,
    unflushed: BTreeSet<usize>,
    /// The last barrier.
    pub barrier: Option<usize>,
}

/// What a status query has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The command has ended.
    Complete,
    /// It cannot have begun.
    Waiting,
    /// Either.
    Open,
}

/// What the model demands of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demand {
    /// Bytes that have to be seen.
    pub bytes: Vec<u16>,
    /// What has to be known of an event.
    pub status: Option<Known>,
}

/// The state of everything.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Live memory.
    pub allocations: BTreeMap<usize, Allocation>,
    /// Live buffers.
    pub buffers: BTreeMap<usize, Buffer>,
    /// Events that are not released.
    pub events: BTreeMap<usize, Event>,
    pub(super) queues: Vec<QueueState>,
    pub(super) commands: BTreeMap<usize, Command>,
    next: usize,
    shared: bool,
}

pub(super) type Refusal = &'static str;

pub(super) fn need(holds: bool, why: Refusal) -> Result<(), Refusal> {
    if holds {
        Ok(())
    } else {
        Err(why)
    }
}

impl Model {
    /// At the start, with these queues, of which the first may be shared with other threads.
    pub fn new(queues: &[Queue], shared: bool) -> Self {
        let queues = queues.iter().map(|queue| QueueState {
            out_of_order: queue.out_of_order,
            ..QueueState::default()
        });
        Self {
            queues: queues.collect(),
            shared,
            ..Self::default()
        }
    }

    /// Does a step.
    ///
    /// # Errors
    /// When the specification does not say what the step does; nothing has changed then.
    pub fn apply(&mut self, step: &Step) -> Result<Demand, Refusal> {
        let mut demand = Demand::default();
        match step {
            Step::Allocate {
                allocation,
                flags,
                size,
                ..
            } => {
                need(!self.allocations.contains_key(allocation), "a new number")?;
                let made = Allocation {
                    flags: *flags,
                    bytes: vec![UNKNOWN; *size],
                    mapped: None,
                    pointers: None,
                    was_buffer: false,
                };
                self.allocations.insert(*allocation, made);
            }
            Step::Free(allocation) => {
                let region = self.all_of(*allocation)?;
                need(self.free_of_buffers(*allocation), "no buffer over it")?;
                need(self.allocations[allocation].mapped.is_none(), "not mapped")?;
                need(self.settled(&region, true), "no command that uses it")?;
                self.allocations.remove(allocation);
            }
            Step::Buffer { buffer, allocation } => {
                let region = self.all_of(*allocation)?;
                need(self.allocations[allocation].mapped.is_none(), "not mapped")?;
                need(!self.buffers.contains_key(buffer), "a new number")?;
                self.add_buffer(*buffer, region, false);
            }
            Step::SubBuffer { buffer, parent } => {
                let whole = self.buffers.get(&parent.buffer).ok_or("a buffer")?;
                need(!whole.is_part, "not of a part")?;
                let region = self.bytes_of(parent)?;
                need(!self.buffers.contains_key(buffer), "a new number")?;
                self.add_buffer(*buffer, region, true);
            }
            Step::ReleaseBuffer(buffer) => {
                self.buffers.remove(buffer).ok_or("a buffer")?;
            }
            Step::Enqueue(work, order) => demand.bytes = self.enqueue(work, order)?,
            Step::UserEvent(event) => {
                need(!self.events.contains_key(event), "a new number")?;
                self.events.insert(*event, Event::User(false));
            }
            Step::Complete(event) => match self.events.get_mut(event) {
                Some(Event::User(complete)) if !*complete => *complete = true,
                _ => return Err("an open user event"),
            },
            Step::Flush(queue) => self.queue(*queue)?.unflushed.clear(),
            Step::Finish(queue) => {
                let pending = self.queue(*queue)?.pending.clone();
                need(self.may_block(&pending), "nothing that waits for the host")?;
                self.queues[*queue].unflushed.clear();
                self.ended(&pending);
            }
            Step::Wait(events) => {
                need(!events.is_empty(), "events")?;
                let mut commands = Vec::new();
                for event in events {
                    match self.events.get(event).ok_or("an event")? {
                        Event::User(complete) => need(*complete, "a complete user event")?,
                        Event::Command(command) => commands.push(*command),
                    }
                }
                need(self.may_block(&commands), "nothing that waits for the host")?;
                need(
                    commands.iter().all(|one| self.flushed(*one)),
                    "flushed queues",
                )?;
                self.ended(&commands);
            }
            Step::Query(event) => demand.status = Some(self.known(*event)?),
            Step::ReleaseEvent(event) => match self.events.get(event).ok_or("an event")? {
                // Commands that wait for it are not lost, and nobody could complete it any more.
                Event::User(false) => return Err("no open user event"),
                _ => {
                    self.events.remove(event);
                }
            },
            Step::HostWrite(region, seed) => {
                self.host_may(region, true)?;
                let bytes = self.bytes_at(region)?;
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = pattern::byte(*seed, index).into();
                }
                self.changed(region);
            }
            Step::HostCheck(region) => {
                self.host_may(region, false)?;
                demand.bytes = self.bytes_at(region)?.to_vec();
            }
            Step::Pointers(table, regions) => {
                let size = regions.first().ok_or("regions")?.size;
                for (index, region) in regions.iter().enumerate() {
                    self.inside(region)?;
                    let apart = regions[..index].iter().all(|other| !other.overlaps(region));
                    let other = region.allocation != *table;
                    need(apart && other && region.size == size, "regions apart")?;
                    need(
                        region.offset.is_multiple_of(4) && size.is_multiple_of(4) && size > 0,
                        "words",
                    )?;
                }
                let place = Region {
                    allocation: *table,
                    offset: 0,
                    size: 8 * regions.len(),
                };
                self.inside(&place)?;
                self.host_may(&place, true)?;
                self.bytes_at(&place)?.fill(UNKNOWN);
                self.changed(&place);
                if let Some(table) = self.allocations.get_mut(table) {
                    table.pointers = Some(regions.clone());
                }
            }
            Step::Bad(_) => {}
        }
        Ok(demand)
    }

    fn queue(&mut self, queue: usize) -> Result<&mut QueueState, Refusal> {
        self.queues.get_mut(queue).ok_or("a queue")
    }

    /// The region of a whole allocation.
    ///
    /// # Errors
    /// When it is not live.
    pub fn all_of(&self, allocation: usize) -> Result<Region, Refusal> {
        let live = self.allocations.get(&allocation).ok_or("live memory")?;
        Ok(Region {
            allocation,
            offset: 0,
            size: live.bytes.len(),
        })
    }

    pub(super) fn inside(&self, region: &Region) -> Result<(), Refusal> {
        let all = self.all_of(region.allocation)?;
        let fits = region.size > 0 && region.offset.saturating_add(region.size) <= all.size;
        need(fits, "bytes inside")
    }

    pub(super) fn bytes_at(&mut self, region: &Region) -> Result<&mut [u16], Refusal> {
        self.inside(region)?;
        let live = self.allocations.get_mut(&region.allocation);
        let bytes = &mut live.ok_or("live memory")?.bytes;
        Ok(&mut bytes[region.offset..region.offset + region.size])
    }

    pub(super) fn changed(&mut self, region: &Region) {
        if let Some(live) = self.allocations.get_mut(&region.allocation) {
            live.pointers = None;
        }
    }

    pub(super) fn bytes_of(&self, slice: &Slice) -> Result<Region, Refusal> {
        let whole = self.buffers.get(&slice.buffer).ok_or("a buffer")?.region;
        let fits = slice.size > 0 && slice.offset.saturating_add(slice.size) <= whole.size;
        need(fits, "bytes inside")?;
        Ok(Region {
            offset: whole.offset + slice.offset,
            size: slice.size,
            ..whole
        })
    }

    fn add_buffer(&mut self, buffer: usize, region: Region, is_part: bool) {
        if let Some(live) = self.allocations.get_mut(&region.allocation) {
            live.was_buffer = true;
        }
        self.buffers.insert(buffer, Buffer { region, is_part });
    }

    fn free_of_buffers(&self, allocation: usize) -> bool {
        let mut buffers = self.buffers.values();
        buffers.all(|buffer| buffer.region.allocation != allocation)
    }

    /// Whether no pending command touches bytes, or, if they are not to be written, writes them.
    fn settled(&self, region: &Region, write: bool) -> bool {
        self.commands.values().all(|command| {
            let mut touches = command.touches.iter();
            touches.all(|(other, writes)| !(write || *writes) || !other.overlaps(region))
        })
    }

    /// Whether the host may read or write now: it has mapped the bytes, or the memory is fine-grained.
    fn host_may(&self, region: &Region, write: bool) -> Result<(), Refusal> {
        self.inside(region)?;
        let live = &self.allocations[&region.allocation];
        if let Some((mapped, flags, command)) = &live.mapped {
            let within = mapped.offset <= region.offset
                && region.offset + region.size <= mapped.offset + mapped.size;
            need(
                within && !self.commands.contains_key(command),
                "mapped bytes",
            )?;
            let wanted = if write {
                CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION
            } else {
                CL_MAP_READ
            };
            return need(flags & wanted != 0, "mapped for it");
        }
        need(
            live.flags & CL_MEM_SVM_FINE_GRAIN_BUFFER != 0,
            "mapped or fine-grained",
        )?;
        need(self.settled(region, write), "no command that uses it")
    }

    /// Whether a command or one before it waits for a user event that is not complete.
    fn gated(&self, command: usize) -> bool {
        let Some(pending) = self.commands.get(&command) else {
            return false;
        };
        let open = |event: &usize| matches!(self.events.get(event), Some(Event::User(false)));
        let before = pending
            .after
            .iter()
            .filter_map(|before| self.commands.get(before));
        pending.gates.iter().any(open) || before.flat_map(|before| &before.gates).any(open)
    }

    /// Whether the host may wait for commands. With a shared queue, other threads' commands may stand
    /// between them that wait for a thread which waits for this one.
    fn may_block(&self, commands: &[usize]) -> bool {
        let open = |event: &Event| matches!(event, Event::User(false));
        let any_open = self.events.values().any(open);
        let gated = commands.iter().any(|command| self.gated(*command));
        let by_others = self.shared && any_open;
        !gated && !by_others
    }

    pub(super) fn flushed(&self, command: usize) -> bool {
        let queue = self.commands.get(&command).map(|command| command.queue);
        queue.is_none_or(|queue| !self.queues[queue].unflushed.contains(&command))
    }

    /// Commands have ended, and with them those before them.
    fn ended(&mut self, commands: &[usize]) {
        let mut gone: BTreeSet<usize> = commands.iter().copied().collect();
        for command in commands {
            if let Some(pending) = self.commands.get(command) {
                gone.extend(&pending.after);
            }
        }
        self.commands.retain(|command, _| !gone.contains(command));
        for command in self.commands.values_mut() {
            command.after.retain(|before| !gone.contains(before));
        }
        for queue in &mut self.queues {
            queue.pending.retain(|command| !gone.contains(command));
        }
    }

    /// What must be so of an event.
    fn known(&self, event: usize) -> Result<Known, Refusal> {
        Ok(match self.events.get(&event).ok_or("an event")? {
            Event::User(true) => Known::Complete,
            Event::User(false) => Known::Waiting,
            Event::Command(command) if !self.commands.contains_key(command) => Known::Complete,
            Event::Command(command) if self.gated(*command) => Known::Waiting,
            Event::Command(_) => Known::Open,
        })
    }

    /// User events that are not complete.
    pub fn open_user_events(&self) -> Vec<usize> {
        let open = self.events.iter();
        open.filter(|(_, event)| matches!(event, Event::User(false)))
            .map(|(number, _)| *number)
            .collect()
    }

    /// The command of a number's queue, and whether it has been flushed.
    pub fn place_of(&self, command: usize) -> Option<(usize, bool)> {
        let queue = self.commands.get(&command)?.queue;
        Some((queue, self.flushed(command)))
    }

    /// The event of a pending command, if it has one that is not released.
    pub fn event_of(&self, command: usize) -> Option<usize> {
        let mut events = self.events.iter();
        let found =
            events.find(|(_, event)| matches!(event, Event::Command(one) if *one == command));
        found.map(|(number, _)| *number)
    }

    fn enqueue(&mut self, work: &Work, order: &Order) -> Result<Vec<u16>, Refusal> {
        need(self.unordered(work, order)?.is_empty(), "an order")?;
        let touches = self.touches(work)?;
        let (after, gates) = self.after(work, order)?;
        if let Some(event) = &order.event {
            need(!self.events.contains_key(event), "a new number")?;
        }
        let words =
            |region: &Region| region.offset.is_multiple_of(4) && region.size.is_multiple_of(4);
        match work {
            Work::Fill(Region { offset, size, .. }, pattern)
            | Work::BufferFill(Slice { offset, size, .. }, pattern) => {
                let length = pattern.len();
                need(length.is_power_of_two() && length <= 128, "a pattern")?;
                need(
                    offset.is_multiple_of(length) && size.is_multiple_of(length),
                    "whole patterns",
                )?;
            }
            Work::Write(to, _) => need(words(to), "words")?,
            Work::Add(to, from) => need(words(to) && from.1.is_multiple_of(4), "words")?,
            _ => {}
        }
        let blocking = matches!(
            work,
            Work::CopyIn(..) | Work::CopyOut(_) | Work::BufferWrite(..) | Work::BufferRead(_)
        ) || matches!(work, Work::Copy(_, _, true) | Work::Map(_, _, true));
        if blocking {
            let open = |event: &usize| matches!(self.events.get(event), Some(Event::User(false)));
            let before: Vec<usize> = after.iter().copied().collect();
            need(
                !gates.iter().any(open) && self.may_block(&before),
                "nothing that waits for the host",
            )?;
        }
        let number = self.next;
        let seen = self.do_work(work, number)?;
        self.next += 1;
        let queue = order.queue;
        self.commands.insert(
            number,
            Command {
                queue,
                after,
                gates,
                touches,
            },
        );
        if let Some(event) = order.event {
            self.events.insert(event, Event::Command(number));
        }
        let queue = &mut self.queues[queue];
        queue.pending.push(number);
        queue.unflushed.insert(number);
        if matches!(work, Work::Barrier) {
            queue.barrier = Some(number);
        }
        if blocking {
            queue.unflushed.clear();
            self.ended(&[number]);
        }
        Ok(seen)
    }
}
