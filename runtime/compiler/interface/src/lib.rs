//! What the runtime and the kernel compiler say to each other.
//!
//! The compiler is a library of its own (`libisocl_compiler.so`), loaded on the first program
//! build, so that a process that never compiles pays nothing for LLVM. Everything that crosses
//! the boundary is either a [`message`] (bytes, decoded on the other side) or the machine-level
//! contract of generated code in [`launch`]. This crate knows neither LLVM nor OpenCL objects.

pub mod entry;
pub mod features;
pub mod launch;
pub mod message;
pub mod printf;
pub mod rows;
