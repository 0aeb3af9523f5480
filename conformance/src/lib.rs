//! Black-box checks of an OpenCL implementation through the ICD loader.
//!
//! [`client`] is the whole C API as loaded from any loader or driver; [`session`] is what a check
//! starts from: a device with its context and queue. The checks themselves are the integration
//! tests of this crate, one file per part of the specification.

pub mod bench;
pub mod check;
pub mod checks;
pub mod child;
pub mod client;
pub mod fuzz;
pub mod kernel_driver;
pub mod khronos;
pub mod process;
pub mod random_kernel;
pub mod session;
pub mod temporary_folder;
