//! The OpenCL object model of isocl, in terms of the specification and without any C type.
//!
//! Every public function is one API call without its `cl` prefix, or a method of the object the
//! call is about; it checks each clause of the specification once and in order, and reports the
//! first that fails as an [`Error`]. Finished operands become a [`command::Command`]; the queue
//! schedules it; a [`device::Backend`] runs it and validates nothing.
//!
//! Lock order (a thread holding one may take only those to its right):
//! registry shard, context, program, memory object, queue, event, device.
//! No lock is held while a device runs a command or an application's callback runs.

pub mod api_slot;
pub mod buffer;
pub mod command;
pub mod config;
pub mod context;
pub mod device;
pub mod enqueue_buffer;
pub mod enqueue_kernel;
pub mod error;
pub mod event;
pub mod flags;
pub mod keep_alive;
pub mod kernel;
pub mod kernel_arg;
pub mod launch_time;
mod lock;
pub mod log;
pub mod mem_object;
mod nd_range;
pub mod platform;
pub mod program;
pub mod queue;
mod rect;
mod schedule;
pub mod svm;
#[cfg(test)]
mod test_objects;
pub mod wait_list;

pub use api_slot::ApiSlot;
pub use buffer::Buffer;
pub use context::Context;
pub use error::{Error, ErrorCode, Result};
pub use event::Event;
pub use kernel::Kernel;
pub use platform::Platform;
pub use program::Program;
pub use queue::CommandQueue;

// What public functions take and return of the crates below, for those above to name.
pub use isocl_compiler_interface::features::Feature;
pub use isocl_compiler_interface::message::{AddressSpace, ArgumentKind};
pub use isocl_kernel_iface::Address;
