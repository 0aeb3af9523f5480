//! Random OpenCL C kernels without undefined behaviour: made from a seed, run several ways in child
//! processes, compared byte by byte, and cut down to a few lines where the ways differ.
//!
//! A kernel is a tree ([`tree`]) of typed nodes that hold the text they print as, so that whoever
//! cuts it down need not know what a node means. What keeps a kernel defined and its result the same
//! on every implementation stands with the node: shifts are masked where they are written, indices
//! where they are used, and loops count their turns.

pub mod cases;
pub mod compare;
mod context;
mod expressions;
mod groups;
mod helpers;
mod operations;
pub mod print;
pub mod random;
mod records;
mod rows;
pub mod run;
pub mod shrink;
mod statements;
pub mod tree;
pub mod types;
