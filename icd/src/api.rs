//! The functions of the API, one file per object. A function decodes its arguments, makes one call
//! to the runtime and hands out the result; the rules of the standard are in the runtime.

// The names of the standard, as they stand in the dispatch table; the number of arguments is the
// standard's as well.
#![allow(non_snake_case, clippy::too_many_arguments)]

pub(crate) mod buffer;
pub(crate) mod command_queue;
pub(crate) mod context;
pub(crate) mod device;
mod device_info;
pub(crate) mod enqueue_buffer;
pub(crate) mod enqueue_kernel;
pub(crate) mod enqueue_svm;
pub(crate) mod enqueue_sync;
pub(crate) mod event;
pub(crate) mod kernel;
pub(crate) mod mem_object;
pub(crate) mod platform;
pub(crate) mod program;
pub(crate) mod program_info;
pub(crate) mod sub_group;
pub(crate) mod svm;
pub(crate) mod unsupported_image;
pub(crate) mod unsupported_interoperation;
pub(crate) mod unsupported_language;
