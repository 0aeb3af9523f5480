//! Kernels through prepare, regions and entry, run and compared with a reference.

mod barriers;
mod collectives;
mod ids;
mod item;
mod launch;
mod random_kernels;
