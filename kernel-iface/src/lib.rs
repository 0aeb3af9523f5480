//! The operating-system boundary of isocl: address planning, mappings and drivers.
//!
//! A [`driver::Driver`] hands out slabs of memory whose address is the same on the CPU and on the
//! device. Where a slab may lie is an [`aperture::AddressPlan`]: pure arithmetic. How it gets
//! there is [`mapping`]: one reservation of address space, and mappings inside it. Bytes of
//! shared memory are touched by [`access`] alone; no Rust reference to them ever exists.
//!
//! Only `sys` calls the operating system.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("addresses of 64 bits are assumed throughout");

pub mod access;
pub mod address;
pub mod aperture;
pub mod chardev;
pub mod choice;
mod device_node;
pub mod driver;
pub mod drm;
pub mod emulator;
pub mod engine;
pub mod error;
#[cfg(any(test, feature = "fault-injection"))]
pub mod fault;
pub mod free_ranges;
pub mod mapping;
mod process_map;
pub mod profile;
pub mod reserved_space;
mod sys;

pub use address::{Address, AddressRange};
pub use error::{Error, Result};

/// Number of low address bits that user space has on every supported machine without asking for
/// more (x86-64 and AArch64, four-level page tables).
pub const USER_ADDRESS_BITS: u32 = 47;

/// Slabs are multiples of this and aligned to it, in bytes: one huge page.
pub const SLAB_GRANULE: usize = 2 << 20;

/// Bytes per page of the running system.
pub fn page_size() -> usize {
    sys::page_size()
}
