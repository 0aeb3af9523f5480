//! The isocl kernel compiler.

pub mod host_math;
pub mod library_blob;
pub mod llvm;
