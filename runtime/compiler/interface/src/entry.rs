//! The C boundary of the compiler library: one exported symbol, one function table.

/// Name of the symbol that `libisocl_compiler.so` exports; its type is [`Entry`].
pub const ENTRY_SYMBOL: &[u8] = b"isocl_compiler_entry\0";

/// Raised whenever anything in this crate changes shape. Both sides must agree.
pub const VERSION: u32 = 4;

/// Type of the exported symbol. The returned table lives as long as the library.
pub type Entry = extern "C" fn() -> *const Functions;

/// A block of bytes owned by the compiler library; given back with [`Functions::release`].
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct OwnedBytes {
    /// First byte, or null when `len` is zero.
    pub data: *mut u8,
    /// Length in bytes.
    pub len: usize,
    /// Allocated length in bytes; private to the compiler library.
    pub capacity: usize,
}

/// The functions of the compiler library.
#[repr(C)]
#[derive(Debug)]
pub struct Functions {
    /// [`VERSION`] the library was built with; read before anything else.
    pub version: u32,
    /// Answers one encoded [`crate::message::Request`] with one encoded
    /// [`crate::message::Response`]. May be called from any number of threads at once, never
    /// unwinds, and turns a crash inside LLVM into a failed response.
    pub call: unsafe extern "C" fn(request: *const u8, len: usize) -> OwnedBytes,
    /// Frees what `call` returned.
    pub release: unsafe extern "C" fn(bytes: OwnedBytes),
}
