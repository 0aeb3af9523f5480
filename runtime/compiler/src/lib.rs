//! The isocl kernel compiler.
