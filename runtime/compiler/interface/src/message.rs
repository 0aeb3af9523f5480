//! Requests to the compiler and its answers.

use serde::{Deserialize, Serialize};

use crate::rows::Rows;

/// What a device offers to programs; the same for all requests about one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Names from [`crate::features::LANGUAGE_EXTENSIONS`] that this device reports.
    pub extensions: Vec<String>,
    /// Names from [`crate::features::LANGUAGE_FEATURES`] that this device reports.
    pub features: Vec<String>,
    /// What programs may not exceed.
    pub limits: Limits,
}

/// Limits of a device that a program can exceed by itself, in bytes unless named otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// `CL_DEVICE_LOCAL_MEM_SIZE`
    pub local_bytes: u64,
    /// `CL_DEVICE_MAX_WORK_GROUP_SIZE` in work-items
    pub work_group_items: u64,
    /// `CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE`
    pub global_variable_bytes: u64,
    /// `CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE`
    pub constant_bytes: u64,
    /// `CL_DEVICE_MAX_PARAMETER_SIZE`
    pub parameter_bytes: u64,
}

impl Limits {
    /// Nothing is too much.
    pub const NONE: Self = Self {
        local_bytes: u64::MAX,
        work_group_items: u64::MAX,
        global_variable_bytes: u64::MAX,
        constant_bytes: u64::MAX,
        parameter_bytes: u64::MAX,
    };
}

/// A header that a program includes by name (`clCompileProgram`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name as written in the `#include`.
    pub name: String,
    /// Source text, in whatever encoding.
    pub source: Vec<u8>,
}

/// A request to the compiler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// OpenCL C source to an object (`clCompileProgram`, and the first half of `clBuildProgram`).
    Compile {
        /// Device description.
        target: Target,
        /// The program's source strings, concatenated, in whatever encoding.
        source: Vec<u8>,
        /// Build options exactly as the application gave them.
        options: String,
        /// Embedded headers.
        headers: Vec<Header>,
    },
    /// Objects to a library or an executable (`clLinkProgram`, second half of `clBuildProgram`).
    Link {
        /// Device description.
        target: Target,
        /// What [`Response::Built`] returned earlier, at least one.
        objects: Vec<Vec<u8>>,
        /// Link options exactly as the application gave them (`-create-library` and so on).
        options: String,
    },
    /// Makes an executable ready to run: its program-scope variables come to life.
    Load {
        /// A binary of kind [`BinaryKind::Executable`].
        binary: Vec<u8>,
    },
    /// Machine code of one kernel for launches of a kind; compiled on the first request, afterwards
    /// only looked up.
    Kernel {
        /// [`Executable::id`].
        executable: u64,
        /// Index into [`Executable::kernels`].
        kernel: u32,
        /// What all those launches are like.
        rows: Rows,
    },
    /// Machine code of one kernel for launches of a kind that have one local size, when it is there;
    /// compiled meanwhile otherwise.
    KernelForSize {
        /// [`Executable::id`].
        executable: u64,
        /// Index into [`Executable::kernels`].
        kernel: u32,
        /// What all those launches are like.
        rows: Rows,
        /// The enqueued local size.
        local_size: [u64; 3],
    },
    /// Keeps results for later builds, in memory and in a folder, or only in memory.
    UseCache {
        /// The user's own folder, made if need be.
        folder: Option<String>,
    },
    /// Frees an executable; no kernel of it runs or will run again.
    Unload {
        /// [`Executable::id`].
        executable: u64,
    },
}

/// Version of program binaries: others are refused. It changes with the names of the host functions that
/// their bitcode may call, and is to be changed when the bitcode means something else.
pub const BINARY_VERSION: u32 = 0x674f_4f45;

/// Kind of a binary, as in `CL_PROGRAM_BINARY_TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BinaryKind {
    /// Compiled, not linked.
    CompiledObject,
    /// Linked with `-create-library`.
    Library,
    /// Ready to load.
    Executable,
}

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The build options are malformed (`CL_INVALID_BUILD_OPTIONS`, `…COMPILER…`, `…LINKER…`).
    InvalidOptions,
    /// The source has errors; the log tells them.
    Source,
    /// Linking failed: an undefined or doubly defined name; the log tells it.
    Link,
    /// The bytes are no binary of this compiler (`CL_INVALID_BINARY`).
    Binary,
    /// The compiler itself failed; the log tells as much as is known.
    Internal,
}

/// An answer of the compiler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Response {
    /// Answer to [`Request::Compile`] and [`Request::Link`].
    Built {
        /// Self-describing bytes: magic, version, checksum, kind, LLVM bitcode.
        binary: Vec<u8>,
        /// Kind of `binary`.
        kind: BinaryKind,
        /// Warnings; empty when there are none.
        log: String,
    },
    /// Answer to [`Request::Load`].
    Loaded(Executable),
    /// Answer to [`Request::Kernel`], and to [`Request::KernelForSize`] in the end.
    Kernel(KernelCode),
    /// Answer to [`Request::KernelForSize`] until then.
    Later,
    /// Answer to [`Request::Unload`].
    Unloaded,
    /// Answer to [`Request::UseCache`].
    CacheUsed,
    /// Any request may fail.
    Failed {
        /// Class of the failure.
        failure: Failure,
        /// Text for the build log.
        log: String,
    },
}

/// A loaded executable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Executable {
    /// Names the executable in later requests; never zero.
    pub id: u64,
    /// The program's kernels in source order.
    pub kernels: Vec<Kernel>,
    /// Bytes taken by program-scope variables in the global address space
    /// (`CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE`).
    pub global_variable_bytes: u64,
}

/// What is known of a kernel without compiling it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    /// Function name.
    pub name: String,
    /// `CL_KERNEL_ATTRIBUTES`: the attribute list, space separated.
    pub attributes: String,
    /// Arguments in order.
    pub arguments: Vec<Argument>,
    /// Size of the argument block in bytes.
    pub argument_block_bytes: u32,
    /// `reqd_work_group_size`, if declared.
    pub required_work_group_size: Option<[u64; 3]>,
    /// Whether argument names and types were recorded (`-cl-kernel-arg-info`).
    pub has_argument_info: bool,
    /// A work-item may do something repeatedly. Rows of other kernels have nothing to share.
    pub has_loops: bool,
}

/// Address space of a pointer argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressSpace {
    /// `global`
    Global,
    /// `constant`
    Constant,
    /// `local`
    Local,
}

/// How an argument is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArgumentKind {
    /// `bytes` bytes copied into the block.
    Value {
        /// Size in bytes; three-component vectors have four components' size.
        bytes: u32,
    },
    /// An address in the block; for `Local`, the offset of the memory from the scratch block.
    Pointer {
        /// Address space of the pointee.
        address_space: AddressSpace,
        /// Alignment of the pointee type in bytes, 1 where it is unknown.
        pointee_alignment: u32,
    },
}

/// One kernel argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argument {
    /// How it is passed.
    pub kind: ArgumentKind,
    /// Byte offset in the argument block, aligned to the argument's size (at most 128).
    pub offset: u32,
    /// `CL_KERNEL_ARG_NAME`; empty without argument info.
    pub name: String,
    /// `CL_KERNEL_ARG_TYPE_NAME`; empty without argument info.
    pub type_name: String,
    /// `const` on the pointee.
    pub is_const: bool,
    /// `restrict`.
    pub is_restrict: bool,
    /// `volatile` on the pointee.
    pub is_volatile: bool,
}

/// Compiled code of one kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelCode {
    /// Address of a [`crate::launch::KernelEntry`]; valid until the executable is unloaded.
    pub entry: u64,
    /// Static local memory at the start of the scratch block, in bytes, a multiple of 128.
    pub local_bytes: u64,
    /// Context area per work-item, in bytes.
    pub context_bytes_per_work_item: u64,
    /// Context area per work-group, in bytes; included once.
    pub context_bytes_per_group: u64,
    /// Private memory per work-item in bytes (`CL_KERNEL_PRIVATE_MEM_SIZE`).
    pub private_bytes: u64,
    /// Stack the entry may use, in bytes; threads with less must not call it.
    pub stack_bytes: u64,
    /// Most work-items in a sub-group.
    pub sub_group_size: u32,
    /// Code for one local size would be better ([`Request::KernelForSize`]).
    pub gains_by_size: bool,
    /// Bytes of a work-item that may go past the caches when it writes them; code for
    /// [`Rows::streams`](crate::rows::Rows::streams) does so.
    pub streamed_bytes: u32,
    /// Nobody can tell in which order work-groups run.
    pub groups_in_any_order: bool,
}

/// Encodes a message.
///
/// # Errors
/// Only when memory runs out or a value cannot be represented, which these types exclude.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_stdvec(message)
}

/// Decodes a message.
///
/// # Errors
/// When the bytes are not an encoding of `T`.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, postcard::Error> {
    postcard::from_bytes(bytes)
}
