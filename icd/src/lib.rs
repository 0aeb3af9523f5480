//! The isocl installable client driver: the C boundary of OpenCL and nothing else.
//!
//! A call arrives in a function of `api`, named as in the standard. `boundary` catches panics
//! and turns errors into codes; `decode` turns C arguments into Rust values and `registry` turns
//! handles into objects, without ever following a pointer that was not found in its tables; the
//! object model in `isocl_runtime` does the rest. Loaders find everything through six exported
//! symbols and [`dispatch::DISPATCH`].

mod abi;
mod api;
mod boundary;
mod callback;
mod decode;
pub mod dispatch;
mod handle;
mod info;
mod names;
mod object;
mod registry;
mod version;
