//! What commands do to the bytes of the model.

use opencl_sys::*;

use super::model::{Model, Refusal, UNKNOWN};
use super::pattern;
use super::step::{Region, Work};

impl Model {
    /// Changes the bytes as a command does; those that it shows.
    pub(super) fn do_work(&mut self, work: &Work, number: usize) -> Result<Vec<u16>, Refusal> {
        match work {
            Work::Fill(to, pattern) => self.fill(to, pattern)?,
            Work::BufferFill(slice, pattern) => self.fill(&self.bytes_of(slice)?, pattern)?,
            Work::Copy(to, from, _) => {
                let source = Region {
                    allocation: from.0,
                    offset: from.1,
                    size: to.size,
                };
                let bytes = self.bytes_at(&source)?.to_vec();
                self.bytes_at(to)?.copy_from_slice(&bytes);
                self.changed(to);
            }
            Work::CopyIn(to, seed) => self.write(to, *seed)?,
            Work::BufferWrite(slice, seed) => self.write(&self.bytes_of(slice)?, *seed)?,
            Work::CopyOut(from) => return Ok(self.bytes_at(from)?.to_vec()),
            Work::BufferRead(slice) => return Ok(self.bytes_at(&self.bytes_of(slice)?)?.to_vec()),
            Work::Map(region, flags, _) => {
                if flags & CL_MAP_WRITE_INVALIDATE_REGION != 0 {
                    self.bytes_at(region)?.fill(UNKNOWN);
                    self.changed(region);
                }
                if let Some(live) = self.allocations.get_mut(&region.allocation) {
                    live.mapped = Some((*region, *flags, number));
                }
            }
            Work::Unmap(allocation) => {
                if let Some(live) = self.allocations.get_mut(allocation) {
                    live.mapped = None;
                }
            }
            Work::Write(to, seed) => {
                let words = (0..to.size / 4).map(|index| Some(pattern::word(*seed, index)));
                let words: Vec<_> = words.collect();
                self.put(to, &words)?;
            }
            Work::Add(to, from) => {
                let source = Region {
                    allocation: from.0,
                    offset: from.1,
                    size: to.size,
                };
                let (one, other) = (self.words(to)?, self.words(&source)?);
                let sums = one.iter().zip(other);
                let sums: Vec<_> = sums.map(|(a, b)| Some((*a)?.wrapping_add(b?))).collect();
                self.put(to, &sums)?;
            }
            Work::Chase(table, seed) => {
                let regions = self.allocations[table].pointers.clone().unwrap_or_default();
                for (index, region) in regions.iter().enumerate() {
                    let words = self.words(region)?;
                    let all = words.len();
                    let changed = words.iter().enumerate().map(|(word, value)| {
                        Some((*value)? ^ pattern::change(*seed, index, all, word))
                    });
                    let changed: Vec<_> = changed.collect();
                    self.put(region, &changed)?;
                }
            }
            Work::Free(allocations, _) => {
                self.allocations
                    .retain(|number, _| !allocations.contains(number));
            }
            Work::Migrate(..) | Work::Marker | Work::Barrier => {}
        }
        Ok(Vec::new())
    }

    fn fill(&mut self, to: &Region, pattern: &[u8]) -> Result<(), Refusal> {
        let bytes = self.bytes_at(to)?;
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = pattern[index % pattern.len()].into();
        }
        self.changed(to);
        Ok(())
    }

    fn write(&mut self, to: &Region, seed: u32) -> Result<(), Refusal> {
        let bytes = self.bytes_at(to)?;
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = pattern::byte(seed, index).into();
        }
        self.changed(to);
        Ok(())
    }

    /// The words of a region, where all bytes of a word are known.
    fn words(&mut self, region: &Region) -> Result<Vec<Option<u32>>, Refusal> {
        let words = self.bytes_at(region)?.chunks(4).map(|word| {
            word.iter().rev().try_fold(0_u32, |value, byte| {
                (*byte != UNKNOWN).then(|| value << 8 | u32::from(*byte))
            })
        });
        Ok(words.collect())
    }

    fn put(&mut self, to: &Region, words: &[Option<u32>]) -> Result<(), Refusal> {
        for (place, word) in self.bytes_at(to)?.chunks_mut(4).zip(words) {
            match word {
                Some(word) => {
                    for (byte, value) in place.iter_mut().zip(word.to_le_bytes()) {
                        *byte = value.into();
                    }
                }
                None => place.fill(UNKNOWN),
            }
        }
        self.changed(to);
        Ok(())
    }
}
