//! Runs the Khronos OpenCL conformance tests from a folder where they are built, and compares what
//! they say with what is recorded.
//!
//! [`suite`] is which of their programs there are; [`harness`] runs one of them and reads what it
//! prints; [`record`] is what is kept of a run, and what another run is compared with; [`run`] puts
//! these together.

pub mod arguments;
pub mod harness;
pub mod record;
pub mod run;
pub mod suite;
