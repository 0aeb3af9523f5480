//! Tests of the OpenCL C builtin library: every builtin is compiled for the host and called.

mod c_library;
mod jit;
mod math_float;
mod names;
