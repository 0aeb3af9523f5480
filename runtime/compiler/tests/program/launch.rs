//! Builds a program through the message interface and runs a kernel of it.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::Mutex;

use isocl_compiler::service::respond;
use isocl_compiler_interface::features::{LANGUAGE_EXTENSIONS, LANGUAGE_FEATURES};
use isocl_compiler_interface::launch::{KernelEntry, LaunchFrame};
use isocl_compiler_interface::message::{
    AddressSpace, ArgumentKind, Executable, Failure, Limits, Request, Response, Target,
};
use isocl_compiler_interface::rows::Rows;

/// A kernel argument.
pub enum Value<'a> {
    /// Memory shared with the kernel.
    Memory(*mut u8),
    /// Bytes passed by value.
    Bytes(&'a [u8]),
    /// Local memory of this size.
    Local(u64),
}

/// A loaded program; unloaded when dropped.
pub struct Program(pub Executable);

impl Drop for Program {
    fn drop(&mut self) {
        respond(Request::Unload {
            executable: self.0.id,
        });
    }
}

fn target() -> Target {
    let names = |table: &[isocl_compiler_interface::features::Feature]| {
        table
            .iter()
            .map(|feature| feature.name.to_owned())
            .collect()
    };
    Target {
        extensions: names(LANGUAGE_EXTENSIONS),
        features: names(LANGUAGE_FEATURES),
        limits: Limits::NONE,
    }
}

/// Class and log of a failed request.
pub type Refused = (Failure, String);

fn built(response: Response) -> Result<Vec<u8>, Refused> {
    match response {
        Response::Built { binary, .. } => Ok(binary),
        Response::Failed { failure, log } => Err((failure, log)),
        other => panic!("{other:?}"),
    }
}

/// Source to an object.
pub fn compile(source: &str, options: &str) -> Result<Vec<u8>, Refused> {
    built(respond(Request::Compile {
        target: target(),
        source: source.into(),
        options: options.to_owned(),
        headers: Vec::new(),
    }))
}

/// Objects to a library or an executable.
pub fn link(objects: &[&[u8]], options: &str) -> Result<Vec<u8>, Refused> {
    built(respond(Request::Link {
        target: target(),
        objects: objects.iter().map(|object| object.to_vec()).collect(),
        options: options.to_owned(),
    }))
}

/// Loads an executable.
pub fn load(binary: Vec<u8>) -> Result<Program, Refused> {
    match respond(Request::Load { binary }) {
        Response::Loaded(executable) => Ok(Program(executable)),
        Response::Failed { failure, log } => Err((failure, log)),
        other => panic!("{other:?}"),
    }
}

/// Builds and loads a program.
pub fn build(source: &str, options: &str) -> Result<Program, Refused> {
    load(link(&[&compile(source, options)?], "")?)
}

static PRINTED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

unsafe extern "C" fn printf(_: *mut c_void, record: *const u8, len: usize) {
    // SAFETY: generated code passes `len` readable bytes.
    let bytes = unsafe { std::slice::from_raw_parts(record, len) };
    PRINTED.lock().unwrap().push(bytes.to_vec());
}

/// Takes the records that kernels of this process printed.
pub fn printed() -> Vec<Vec<u8>> {
    std::mem::take(&mut PRINTED.lock().unwrap())
}

impl Program {
    /// Runs a kernel.
    pub fn run(&self, name: &str, global: [u64; 3], local: [u64; 3], values: &[Value<'_>]) {
        self.run_from(name, [0; 3], global, local, values);
    }

    /// Runs a kernel with a global offset.
    pub fn run_from(
        &self,
        name: &str,
        offset: [u64; 3],
        global: [u64; 3],
        local: [u64; 3],
        values: &[Value<'_>],
    ) {
        let index = self
            .0
            .kernels
            .iter()
            .position(|kernel| kernel.name == name)
            .unwrap();
        let kernel = &self.0.kernels[index];
        let code = match respond(Request::Kernel {
            executable: self.0.id,
            kernel: index as u32,
            rows: Rows::new(&global, &offset, &local),
        }) {
            Response::Kernel(code) => code,
            other => panic!("{other:?}"),
        };
        assert_eq!(kernel.arguments.len(), values.len());
        let mut block = vec![0u64; kernel.argument_block_bytes as usize / 8 + 1];
        let start: *mut u8 = block.as_mut_ptr().cast();
        let mut local_end = code.local_bytes;
        for (argument, value) in kernel.arguments.iter().zip(values) {
            let word;
            let bytes = match (argument.kind, value) {
                (
                    ArgumentKind::Pointer {
                        address_space: AddressSpace::Local,
                        ..
                    },
                    Value::Local(size),
                ) => {
                    word = local_end.to_le_bytes();
                    local_end = (local_end + size).next_multiple_of(128);
                    &word[..]
                }
                (ArgumentKind::Pointer { .. }, Value::Memory(pointer)) => {
                    word = (*pointer as u64).to_le_bytes();
                    &word[..]
                }
                (ArgumentKind::Value { bytes }, Value::Bytes(value)) => {
                    assert!(value.len() <= bytes as usize);
                    value
                }
                _ => panic!("wrong kind of argument"),
            };
            // SAFETY: offsets and sizes are inside the block, as the kernel describes it.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    bytes.as_ptr(),
                    start.add(argument.offset as usize),
                    bytes.len(),
                )
            };
        }
        let context_offset = local_end.next_multiple_of(128);
        let items: u64 = local.iter().product();
        let scratch = context_offset
            + code.context_bytes_per_work_item * items
            + code.context_bytes_per_group;
        let mut memory = vec![0xA5u8; scratch as usize + 256];
        let group_count = [0, 1, 2].map(|d| global[d].div_ceil(local[d]));
        let frame = LaunchFrame {
            work_dim: 3,
            reserved: 0,
            global_size: global,
            global_offset: offset,
            local_size: local,
            group_count,
            arguments: start,
            context_offset,
            printf,
            printf_context: std::ptr::null_mut(),
        };
        let base = memory.as_mut_ptr();
        // SAFETY: the entry has this type, the frame describes the launch, and the scratch block is
        // as large as the kernel says.
        unsafe {
            let entry: KernelEntry = std::mem::transmute(code.entry as usize);
            entry(
                &frame,
                &[0; 3],
                group_count.iter().product(),
                base.add(base.align_offset(128)),
            );
        }
    }
}
