//! Random sequences of calls on shared virtual memory, queues, buffers and events, checked against a
//! model of what the specification says of them.
//!
//! A sequence ([`step`]) is made from a seed ([`generate`]) so that the [`model`] finds nothing in it
//! that the specification leaves undefined: commands that touch the same bytes are ordered, and the
//! host touches what it has mapped. A child process runs it ([`execute`]) and compares codes and
//! contents; [`shrink`] cuts down what goes wrong, and [`program`] prints it in C.

pub mod bad;
mod commands;
mod contents;
pub mod epilogue;
pub mod execute;
pub mod generate;
pub mod limits;
pub mod model;
mod order;
pub mod pattern;

pub mod program;
mod program_parts;
mod runner;
pub mod search;
pub mod shrink;
pub mod step;
