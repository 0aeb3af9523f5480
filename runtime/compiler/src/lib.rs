//! The isocl kernel compiler: OpenCL C to work-group functions in machine code.
//!
//! A library of its own, loaded by the runtime on the first program build. [`service`] answers its
//! messages: [`boundary`] is the C side, [`recovery`] keeps crashes in, [`fork`] knows of children.
//!
//! The stages of a build, in order: [`options`], [`frontend`] (clang, to `spir64` IR), [`metadata`]
//! (kernels and arguments), [`library`] (builtins linked in), [`binary`] (bytes an application can
//! keep), [`executable`] (variables in memory, kernels on demand, or `ahead` of it). The stages of a kernel, driven
//! by [`lower`]: [`division`], [`prepare`] (one function, for the host), [`calls`] (atomics,
//! `printf`), [`structure`], [`region`] (barrier-free regions), [`entry`] (loops over work-groups
//! and work-items); then [`emit`] (machine code).
//!
//! Several work-items run at once in the lanes of vectors: every region is also taken out as a
//! function of one work-item ([`region_function`]), read as a tree ([`region_tree`]), analysed
//! ([`lane_shape`]) and widened ([`widen`]). What cannot be widened runs one at a time.

pub mod address_space_query;
mod ahead;
pub mod atomic;
pub mod barrier;
pub mod binary;
pub mod boundary;
pub mod builtin_name;
pub mod cache;
pub mod calls;
pub mod collective;
pub mod control_flow;
pub mod division;
pub mod emit;
pub mod entry;
pub mod error;
pub mod executable;
pub mod extension;
pub mod fork;
pub mod frontend;
pub mod group_operation;
mod group_order;
mod half_bits;
pub mod host_math;
pub mod huge_block;
pub mod jam;
pub mod lane_shape;
pub mod lanes;
pub mod library;
pub mod library_blob;
pub mod llvm;
pub mod local_memory;
pub mod lower;
pub mod metadata;
pub mod options;
pub mod plain_atomic;
pub mod prepare;
pub mod printf;
pub mod private_array;
pub mod pure_intrinsic;
pub mod reciprocal;
pub mod reciprocal_root;
pub mod recovery;
pub mod region;
pub mod region_body;
pub mod region_function;
pub mod region_tree;
pub mod registers;
pub mod service;
pub mod shape;
pub mod size_budget;
pub mod slot;
pub mod streaming;
pub mod structure;
pub mod sub_group;
pub mod undefined;
pub mod waiting;
pub mod widen;
pub mod work_group;
pub mod work_item;
