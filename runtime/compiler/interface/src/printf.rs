//! Layout of the records a kernel's `printf` hands to the device.
//!
//! A record is the address of the zero-terminated format string (8 bytes), then the arguments in
//! order. Every argument is an 8-byte header `{ kind: u8, element_bytes: u8, count: u8, 0… }`
//! followed by `count * element_bytes` bytes, padded with anything to a multiple of 8. All in native
//! byte order. Scalars have `count` 1; three-component vectors have `count` 3 and three elements.

/// Kind of an argument: integer of `element_bytes` bytes (sign is the conversion's business).
pub const KIND_INTEGER: u8 = 0;
/// Kind of an argument: IEEE floating point of `element_bytes` bytes (2, 4 or 8).
pub const KIND_FLOAT: u8 = 1;
/// Kind of an argument: a pointer (`%p`, or `%s` with a zero-terminated string behind it).
pub const KIND_POINTER: u8 = 2;
