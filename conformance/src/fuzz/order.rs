//! Which commands the specification orders, and which it has to.

use std::collections::BTreeSet;

use super::model::{need, Command, Event, Model, Refusal};
use super::step::{Order, Region, Work};

impl Model {
    /// Commands that a command has to be ordered behind, and is not.
    ///
    /// # Errors
    /// When the command itself makes no sense now.
    pub fn unordered(&self, work: &Work, order: &Order) -> Result<Vec<usize>, Refusal> {
        let touches = self.touches(work)?;
        let (after, _) = self.after(work, order)?;
        let conflicts = |command: &Command| {
            command.touches.iter().any(|(other, writes)| {
                let mut own = touches.iter();
                own.any(|(region, write)| (*write || *writes) && region.overlaps(other))
            })
        };
        let pending = self.commands.iter();
        let missing =
            pending.filter(|(number, command)| !after.contains(number) && conflicts(command));
        Ok(missing.map(|(number, _)| *number).collect())
    }

    /// The pending commands before a command, and the user events that it waits for.
    pub(super) fn after(
        &self,
        work: &Work,
        order: &Order,
    ) -> Result<(BTreeSet<usize>, BTreeSet<usize>), Refusal> {
        let queue = self.queues.get(order.queue).ok_or("a queue")?;
        let mut before = Vec::new();
        let mut gates = BTreeSet::new();
        for event in &order.waits {
            match self.events.get(event).ok_or("an event")? {
                Event::User(_) => {
                    gates.insert(*event);
                }
                Event::Command(command) => {
                    let other = self.commands.get(command);
                    let other = other.is_some_and(|other| other.queue != order.queue);
                    need(!other || self.flushed(*command), "flushed queues")?;
                    before.push(*command);
                }
            }
        }
        let for_all = matches!(work, Work::Marker | Work::Barrier) && order.waits.is_empty();
        if !queue.out_of_order || for_all {
            before.extend(&queue.pending);
        }
        before.extend(queue.barrier);
        let mut after = BTreeSet::new();
        for command in before {
            if let Some(pending) = self.commands.get(&command) {
                after.extend(&pending.after);
                after.insert(command);
            }
        }
        Ok((after, gates))
    }

    /// The bytes that a command touches, and whether it writes them.
    pub(super) fn touches(&self, work: &Work) -> Result<Vec<(Region, bool)>, Refusal> {
        let touches = match work {
            Work::Fill(to, _) | Work::CopyIn(to, _) | Work::Write(to, _) => vec![(*to, true)],
            Work::Copy(to, from, _) | Work::Add(to, from) => {
                let source = Region {
                    allocation: from.0,
                    offset: from.1,
                    size: to.size,
                };
                need(!source.overlaps(to), "no overlap")?;
                vec![(*to, true), (source, false)]
            }
            Work::CopyOut(from) => vec![(*from, false)],
            Work::Map(region, _, _) => vec![(*region, true)],
            Work::Unmap(allocation) => vec![(self.all_of(*allocation)?, true)],
            Work::Migrate(allocations, _) => {
                need(!allocations.is_empty(), "memory")?;
                let all = allocations
                    .iter()
                    .map(|allocation| self.all_of(*allocation));
                let all: Result<Vec<_>, _> = all.collect();
                all?.into_iter().map(|region| (region, false)).collect()
            }
            Work::Chase(table, _) => {
                let live = self.allocations.get(table).ok_or("live memory")?;
                let regions = live.pointers.as_ref().ok_or("pointers")?;
                let mut touches: Vec<_> = regions.iter().map(|region| (*region, true)).collect();
                let size = 8 * regions.len();
                touches.push((
                    Region {
                        allocation: *table,
                        offset: 0,
                        size,
                    },
                    false,
                ));
                touches
            }
            Work::BufferFill(slice, _) | Work::BufferWrite(slice, _) => {
                vec![(self.bytes_of(slice)?, true)]
            }
            Work::BufferRead(slice) => vec![(self.bytes_of(slice)?, false)],
            Work::Marker | Work::Barrier => Vec::new(),
            Work::Free(allocations, _) => {
                need(!allocations.is_empty(), "memory")?;
                let mut touches = Vec::new();
                for (index, allocation) in allocations.iter().enumerate() {
                    need(!allocations[..index].contains(allocation), "each once")?;
                    let live = self.allocations.get(allocation).ok_or("live memory")?;
                    need(!live.was_buffer, "no buffer over it")?;
                    touches.push((self.all_of(*allocation)?, true));
                }
                touches
            }
        };
        for (region, _) in &touches {
            self.inside(region)?;
            let mapped = self.allocations[&region.allocation].mapped.is_some();
            need(
                mapped == matches!(work, Work::Unmap(_)),
                "mapped for nobody else",
            )?;
        }
        Ok(touches)
    }
}
