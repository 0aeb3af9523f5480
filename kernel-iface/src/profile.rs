//! The device that somebody wants to have: how many address bits it decodes, and where its memory
//! must not lie.

use crate::address::AddressRange;
use crate::aperture::{Aperture, DEFAULT_LOWEST};
use crate::USER_ADDRESS_BITS;

/// Demands on addresses beyond those of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Address bits that the device decodes, 32 to 64; none for as many as the driver has. What
    /// user space cannot reach is not used.
    pub address_bits: Option<u32>,
    /// Lowest address used. With 32 address bits this must be lowered from [`DEFAULT_LOWEST`],
    /// which would leave nothing.
    pub lowest: usize,
    /// Regions that must hold no memory.
    pub reserved: Vec<AddressRange>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            address_bits: None,
            lowest: DEFAULT_LOWEST,
            reserved: Vec::new(),
        }
    }
}

impl Profile {
    /// A device that decodes `address_bits` bits and has no reserved region. Below 33 bits, memory
    /// begins at 64 KiB instead of 4 GiB.
    pub fn with_address_bits(address_bits: u32) -> Self {
        let lowest = if address_bits > 32 {
            DEFAULT_LOWEST
        } else {
            64 << 10
        };
        Self {
            address_bits: Some(address_bits),
            lowest,
            ..Self::default()
        }
    }

    /// The aperture demanded.
    pub fn aperture(&self) -> Aperture {
        let mut aperture = Aperture::from_bits(self.address_bits.unwrap_or(64), self.lowest);
        aperture.reserved.clone_from(&self.reserved);
        aperture
    }

    /// Whether nothing that user space can reach is excluded, apart from low addresses.
    pub fn covers_user_space(&self) -> bool {
        self.address_bits.unwrap_or(64) >= USER_ADDRESS_BITS && self.reserved.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_enough_bits_without_reserved_regions_cover_user_space() {
        assert!(Profile::default().covers_user_space());
        assert!(Profile::with_address_bits(47).covers_user_space());
        assert!(!Profile::with_address_bits(46).covers_user_space());
        let holed = Profile {
            reserved: vec![AddressRange::new(1 << 40, 1 << 41)],
            ..Profile::default()
        };
        assert!(!holed.covers_user_space());
        assert_eq!(holed.aperture().reserved, holed.reserved);
    }
}
