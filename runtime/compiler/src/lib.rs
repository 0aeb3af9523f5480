//! The isocl kernel compiler.

pub mod host_math;
pub mod library_blob;
pub mod llvm;
pub mod barrier;
pub mod control_flow;
pub mod local_memory;
pub mod shape;
pub mod structure;
pub mod work_item;
pub mod entry;
pub mod region;
pub mod region_body;
pub mod slot;
pub mod work_group;
pub mod prepare;
pub mod lower;
