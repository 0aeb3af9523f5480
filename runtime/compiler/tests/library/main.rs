//! Tests of the OpenCL C builtin library: every builtin is compiled for the host and called.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bit_fields;
mod c_library;
mod conversions;
mod half_conversions;
mod integer_dot_product;
mod integers;
mod jit;
mod math_double;
mod math_float;
mod math_half;
mod memory;
mod names;
mod parameters;
mod random;
mod relations;
mod vectors;
