//! The device's memory, and copies and fills in it: large ones on all cores.

use std::sync::Arc;

use isocl_kernel_iface::access::{self, PIECE_GRANULE};
use isocl_kernel_iface::choice::{self, Choice};
use isocl_kernel_iface::driver::Driver;
use isocl_kernel_iface::engine;
use isocl_kernel_iface::profile::Profile;
use isocl_kernel_iface::{Address, AddressRange};

use super::safepoint;
use super::work_sharing::{share, Claims, Division, Order, Shareable};
use super::workers;
use crate::command::{MemoryRange, RectLayout, Residence};
use crate::config::Config;
use crate::{log, Error, ErrorCode, Result};

/// Bytes from which a copy or fill is shared among threads.
const WORTH_SHARING: usize = 1 << 20;
/// Bytes that a thread takes at once, where there are enough.
const CHUNK: usize = 4 << 20;

/// Bytes from which a copy or fill is given to the driver's engine, if it has one: below, asking
/// takes longer than doing it here.
const WORTH_SUBMITTING: usize = 64 << 10;

/// Where the device's memory comes from, as `config` wants it. Says so once if that is not what
/// was asked for.
pub(super) fn driver(config: &Config) -> Arc<dyn Driver> {
    let regions = config.reserved_regions.iter();
    let reserved = regions.map(|(first, end)| AddressRange::new(*first as usize, *end as usize));
    let profile = Profile {
        reserved: reserved.collect(),
        ..config
            .address_bits
            .map_or_else(Profile::default, Profile::with_address_bits)
    };
    let opened = choice::open(&config.driver, &profile);
    if let Some(note) = opened.note {
        // Most machines have no driver; only who asked for one by name must hear of it unasked.
        if matches!(config.driver, Choice::Node(_)) {
            log::line(&note);
        } else {
            log::note(&note);
        }
    }
    opened.driver
}

/// The engine that reaches all of `ranges`, which are `len` bytes long, if it is worth asking.
fn engine<'driver>(
    driver: &'driver dyn Driver,
    ranges: &[&MemoryRange],
) -> Option<&'driver dyn engine::Engine> {
    let reached =
        |range: &&MemoryRange| range.residence == Residence::Device || driver.reaches_process();
    let worthwhile = |range: &&MemoryRange| range.len >= WORTH_SUBMITTING;
    let all = ranges
        .iter()
        .all(|range| reached(range) && worthwhile(range));
    driver.engine().filter(|_| all)
}

/// Runs one operation on the driver's engine.
fn submit(engine: &dyn engine::Engine, operation: engine::Operation) -> Result<()> {
    engine
        .run(&[operation])
        .map_err(|error| Error::new(ErrorCode::OutOfResources, error.to_string()))
}

/// What is done to a range, in pieces.
#[derive(Clone)]
enum Transfer {
    Copy {
        source: Address,
        destination: Address,
    },
    Fill {
        destination: Address,
        pattern: Box<[u8]>,
    },
}

impl Transfer {
    fn piece(&self, first: usize, len: usize) {
        safepoint::outside(|| match self {
            Self::Copy {
                source,
                destination,
            } => {
                access::copy(
                    destination.wrapping_add(first),
                    source.wrapping_add(first),
                    len,
                );
            }
            Self::Fill {
                destination,
                pattern,
            } => access::fill(destination.wrapping_add(first), pattern, len),
        });
    }

    /// The whole of `len` bytes, on all cores when it is large.
    fn run(self, len: usize) {
        let threads = workers::concurrency();
        if len < WORTH_SHARING || threads == 1 {
            self.piece(0, len);
            return;
        }
        let chunk = (len / (threads * 4)).max(CHUNK).min(len.div_ceil(threads));
        let chunk = chunk.next_multiple_of(PIECE_GRANULE);
        let division = Division {
            range: 0..len as u64,
            chunk: chunk as u64,
            order: Order::Alternating,
            is_brief: chunk <= WORTH_SHARING,
        };
        share(self, division, |transfer, claims| {
            transfer.take_part(claims)
        });
    }
}

impl Shareable for Transfer {
    fn take_part(&self, claims: &Claims<'_>) {
        claims
            .run_each(|bytes| self.piece(bytes.start as usize, (bytes.end - bytes.start) as usize));
    }
}

/// Copies one range to another of the same length.
///
/// # Errors
/// `OutOfResources` when the driver's engine could not reach the memory.
pub(super) fn copy(
    driver: &dyn Driver,
    source: &MemoryRange,
    destination: &MemoryRange,
) -> Result<()> {
    let apart = source.address.get().abs_diff(destination.address.get()) >= source.len;
    match engine(driver, &[source, destination]).filter(|_| apart) {
        Some(engine) => submit(
            engine,
            engine::Operation::Copy {
                source: source.address,
                destination: destination.address,
                len: source.len,
            },
        ),
        None => {
            copy_here(source.address, destination.address, source.len);
            Ok(())
        }
    }
}

/// Copies `len` bytes. The ranges may overlap, as buffers over memory of the application may: the
/// destination then holds what the source held.
fn copy_here(source: Address, destination: Address, len: usize) {
    let transfer = Transfer::Copy {
        source,
        destination,
    };
    if source.get().abs_diff(destination.get()) < len {
        transfer.piece(0, len);
    } else {
        transfer.run(len);
    }
}

/// Repeats `pattern` over a range.
///
/// # Errors
/// `OutOfResources` when the driver's engine could not reach the memory.
pub(super) fn fill(driver: &dyn Driver, destination: &MemoryRange, pattern: &[u8]) -> Result<()> {
    if let Some(engine) = engine(driver, &[destination]) {
        return submit(
            engine,
            engine::Operation::Fill {
                destination: destination.address,
                pattern: pattern.into(),
                len: destination.len,
            },
        );
    }
    fill_here(destination, pattern);
    Ok(())
}

fn fill_here(destination: &MemoryRange, pattern: &[u8]) {
    let transfer = Transfer::Fill {
        destination: destination.address,
        pattern: pattern.into(),
    };
    transfer.run(destination.len);
}

/// A rectangle's rows, numbered through its slices.
struct Rect {
    source: RectLayout,
    destination: RectLayout,
    region: [usize; 3],
}

impl Rect {
    fn row(&self, row: usize) {
        let (slice, row) = (row / self.region[1], row % self.region[1]);
        let at = |layout: &RectLayout| {
            layout
                .address
                .wrapping_add(slice * layout.slice_pitch + row * layout.row_pitch)
        };
        access::copy(at(&self.destination), at(&self.source), self.region[0]);
    }
}

impl Shareable for Rect {
    fn take_part(&self, claims: &Claims<'_>) {
        claims.run_each(|rows| {
            (rows.start as usize..rows.end as usize).for_each(|row| self.row(row))
        });
    }
}

/// Copies a rectangle of `region` bytes, rows and slices. A rectangle that fills its rows is
/// copied as the range it is.
pub(super) fn copy_rect(source: &RectLayout, destination: &RectLayout, region: [usize; 3]) {
    let [bytes, rows, slices] = region;
    let is_dense = |layout: &RectLayout| {
        (rows == 1 || layout.row_pitch == bytes)
            && (slices == 1 || layout.slice_pitch == bytes * rows)
    };
    if is_dense(source) && is_dense(destination) {
        copy_here(source.address, destination.address, bytes * rows * slices);
        return;
    }
    let rect = Rect {
        source: *source,
        destination: *destination,
        region,
    };
    let rows = rows * slices;
    let threads = workers::concurrency();
    if bytes.saturating_mul(rows) < WORTH_SHARING || threads == 1 {
        (0..rows).for_each(|row| rect.row(row));
        return;
    }
    let chunk = rows.div_ceil(threads * 4).max(PIECE_GRANULE / bytes) as u64;
    let division = Division {
        range: 0..rows as u64,
        chunk,
        order: Order::Alternating,
        is_brief: false,
    };
    share(rect, division, |rect, claims| rect.take_part(claims));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern_bytes(len: usize) -> Vec<u8> {
        (0..len)
            .map(|index| (index * 7 + index / 251) as u8)
            .collect()
    }

    fn address(bytes: &mut [u8]) -> Address {
        Address::from(bytes.as_mut_ptr())
    }

    #[test]
    fn copies_of_every_size_arrive_and_touch_nothing_else() {
        for len in [
            0,
            1,
            4095,
            WORTH_SHARING - 1,
            WORTH_SHARING,
            9 * WORTH_SHARING + 77,
            33 << 20,
        ] {
            let mut source = pattern_bytes(len);
            let mut destination = vec![0xEE_u8; len + 2];
            copy_here(address(&mut source), address(&mut destination[1..]), len);
            assert!(destination[1..=len] == source[..], "{len} bytes");
            assert_eq!((destination[0], destination[len + 1]), (0xEE, 0xEE));
        }
    }

    #[test]
    fn overlapping_ranges_are_moved() {
        let len = 8 * WORTH_SHARING;
        let mut bytes = pattern_bytes(len + 1000);
        let expected = bytes[..len].to_vec();
        let (low, high) = (address(&mut bytes), address(&mut bytes).wrapping_add(1000));
        copy_here(low, high, len);
        assert!(bytes[1000..] == expected[..]);
        copy_here(high, low, len);
        assert!(bytes[..len] == expected[..]);
    }

    #[test]
    fn fills_of_every_pattern_size_keep_their_phase_over_pieces() {
        for pattern_len in [1, 2, 4, 16, 128] {
            for repeats in [1, 100, (10 << 20) / pattern_len + 3] {
                let pattern = pattern_bytes(pattern_len);
                let len = pattern_len * repeats;
                let mut bytes = vec![0xEE_u8; len + 1];
                let range = MemoryRange::on_host(address(&mut bytes), len);
                fill_here(&range, &pattern);
                assert!(
                    bytes[..len]
                        .chunks(pattern_len)
                        .all(|chunk| chunk == pattern),
                    "{pattern_len}"
                );
                assert_eq!(bytes[len], 0xEE);
            }
        }
    }

    #[test]
    fn rectangles_equal_a_simple_model() {
        for (region, source_pitches, destination_pitches) in [
            ([3, 2, 2], [5, 20], [4, 9]),
            ([8, 4, 3], [8, 32], [8, 32]),
            ([1, 1, 1], [1, 1], [1, 1]),
            ([700, 1000, 3], [1000, 1_000_000], [701, 701_000]),
            (
                [3_000_000, 2, 1],
                [3_000_001, 6_000_002],
                [3_000_000, 6_000_000],
            ),
        ] {
            let len = |pitches: [usize; 2]| {
                pitches[1] * (region[2] - 1) + pitches[0] * region[1] + region[0]
            };
            let mut source = pattern_bytes(len(source_pitches));
            let mut destination = vec![0xEE_u8; len(destination_pitches)];
            let mut expected = destination.clone();
            for slice in 0..region[2] {
                for row in 0..region[1] {
                    let from = slice * source_pitches[1] + row * source_pitches[0];
                    let to = slice * destination_pitches[1] + row * destination_pitches[0];
                    expected[to..to + region[0]].copy_from_slice(&source[from..from + region[0]]);
                }
            }
            let layout = |bytes: &mut [u8], pitches: [usize; 2]| RectLayout {
                address: address(bytes),
                row_pitch: pitches[0],
                slice_pitch: pitches[1],
            };
            let from = layout(&mut source, source_pitches);
            let to = layout(&mut destination, destination_pitches);
            copy_rect(&from, &to, region);
            assert!(destination == expected, "{region:?}");
        }
    }
}
