//! Kernels through prepare, regions and entry, run and compared with a reference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod barriers;
mod collectives;
mod functions_of_double;
mod group_order;
mod ids;
mod integers;
mod item;
mod lanes;
mod launch;
mod random_kernels;
mod reciprocal_root;
mod rows;
mod streaming;
mod strides;
mod waiting;
