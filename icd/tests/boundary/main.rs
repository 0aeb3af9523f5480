//! The driver called as loaders call it: through its exported functions and its dispatch table.
#![allow(unsafe_code, clippy::unwrap_used)]

mod exports;
mod handles;
mod images;
mod queries;
mod refusals;
mod table;
