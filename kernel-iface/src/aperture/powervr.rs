//! The layout of a real device, as its driver publishes it: PowerVR Rogue, 40 address bits.

use super::Aperture;
use crate::AddressRange;

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// The heap for buffers of applications: 128 GiB from 512 GiB on.
pub const GENERAL: AddressRange = AddressRange::new(0x80_0000_0000, 0xA0_0000_0000);

/// Heaps for something else, each with what it is for.
pub const OTHERS: [(&str, AddressRange); 6] = [
    ("PDS code and data", heap(872 * GIB, 4 * GIB)),
    ("region headers", heap(880 * GIB - 256 * MIB, 256 * MIB)),
    ("USC code", heap(896 * GIB, 4 * GIB)),
    ("firmware", heap(903 * GIB, GIB)),
    ("transfer and fragment", heap(912 * GIB, 16 * GIB)),
    ("visibility test", heap(968 * GIB, 2 * MIB)),
];

const fn heap(start: usize, len: usize) -> AddressRange {
    AddressRange::new(start, start + len)
}

/// All that the device decodes, apart from the heaps for something else.
pub fn outside_other_heaps() -> Aperture {
    OTHERS
        .iter()
        .fold(Aperture::from_bits(40, 0), |aperture, (_, heap)| {
            aperture.without(*heap)
        })
}

/// Where its driver lets buffers be bound.
pub fn general_heap() -> Aperture {
    Aperture {
        range: GENERAL,
        reserved: Vec::new(),
    }
}
