//! The structures and numbers of `module/uapi/isocl.h`, which explains them. A test compares every
//! size, offset and number with the C header.
#![allow(unsafe_code)]

use crate::sys::DriverCall;

/// The version of the interface that this library speaks.
pub const ABI_VERSION: u32 = 1;

pub const FEATURE_ENGINE: u64 = 1 << 0;
pub const FEATURE_MIRROR: u64 = 1 << 1;
pub const BUFFER_LAZY: u32 = 1 << 0;

pub const OP_FILL: u32 = 1;
pub const OP_COPY: u32 = 2;
pub const OP_ATOMIC: u32 = 3;
pub const OP_CHASE: u32 = 4;
pub const OP_CHECKSUM: u32 = 5;
pub const OP_DELAY: u32 = 6;

pub const ATOMIC_ADD: u32 = 0;
pub const ATOMIC_SUB: u32 = 1;
pub const ATOMIC_AND: u32 = 2;
pub const ATOMIC_OR: u32 = 3;
pub const ATOMIC_XOR: u32 = 4;
pub const ATOMIC_MIN: u32 = 5;
pub const ATOMIC_MAX: u32 = 6;
pub const ATOMIC_EXCHANGE: u32 = 7;
pub const ATOMIC_COMPARE_EXCHANGE: u32 = 8;

pub const ACCESS_WRITE: u32 = 2;
pub const SIDE_DEVICE: u32 = 1;
pub const FAULT_UNMAPPED: u32 = 1;
pub const FAULT_PROTECTION: u32 = 2;
pub const FAULT_ADDRESS_BITS: u32 = 3;
pub const FAULT_RESERVED: u32 = 4;
pub const FAULT_NOT_OWNED: u32 = 5;
pub const FAULT_MISALIGNED: u32 = 6;
pub const FAULT_NO_MEMORY: u32 = 7;

/// `_IO(ISOCL_IOC_TYPE, number)`
const fn number(number: u64) -> u64 {
    0xD1 << 8 | number
}

/// Declares a structure of the interface, whose `size` field knows its own value, and the call
/// that takes it.
macro_rules! call {
    ($(#[$meta:meta])* $name:ident, $number:expr, $operation:expr, { $($field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy)]
        pub struct $name {
            /// Filled in by `default`.
            pub size: u32,
            $(pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { size: size_of::<Self>() as u32, $($field: Default::default(),)* }
            }
        }

        // SAFETY: a test compares the layout with the driver's header; addresses in it are put
        // there by `super` alone, from live memory of the right length.
        unsafe impl DriverCall for $name {
            const NUMBER: u64 = number($number);
            const OPERATION: &'static str = $operation;
        }
    };
}

/// A range of addresses.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Range {
    pub start: u64,
    pub end: u64,
}

call!(Query, 0x00, "ask the device what it is", {
    abi_version: u32,
    address_bits: u32,
    page_shift: u32,
    features: u64,
    aperture_start: u64,
    aperture_end: u64,
    max_buffer_length: u64,
    memory_limit: u64,
    reserved: u64,
    reserved_count: u32,
    pad: u32,
});

call!(BufferCreate, 0x01, "create a buffer of the device", {
    flags: u32,
    length: u64,
    alignment: u64,
    handle: u32,
    pad: u32,
    mmap_offset: u64,
});

call!(BufferDestroy, 0x02, "destroy a buffer of the device", {
    handle: u32,
});

call!(BufferInfo, 0x03, "ask where a buffer of the device is", {
    handle: u32,
    address: u64,
    length: u64,
    pages: u64,
    flags: u32,
    pad: u32,
});

call!(Populate, 0x04, "populate a buffer of the device", {
    handle: u32,
    offset: u64,
    length: u64,
});

call!(Discard, 0x05, "discard a part of a buffer of the device", {
    handle: u32,
    offset: u64,
    length: u64,
});

call!(Mirror, 0x07, "let the device mirror the process", {
    flags: u32,
    start: u64,
    length: u64,
    id: u32,
    pad: u32,
});

call!(Submit, 0x09, "submit to the device's engine", {
    count: u32,
    ops: u64,
    op_size: u32,
    pad: u32,
    sequence: u64,
});

call!(Wait, 0x0A, "wait for the device's engine", {
    status: i32,
    sequence: u64,
    deadline: u64,
});

call!(Fault, 0x0B, "take a fault record of the device", {
    lost: u32,
    address: u64,
    sequence: u64,
    op: u32,
    access: u32,
    side: u32,
    reason: u32,
    time: u64,
});

/// One operation of the engine.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Op {
    pub opcode: u32,
    pub function: u32,
    pub width: u32,
    pub data_length: u32,
    pub destination: u64,
    pub source: u64,
    pub length: u64,
    pub operand: u64,
    pub compare: u64,
    pub data: u64,
}

#[cfg(test)]
mod tests;
