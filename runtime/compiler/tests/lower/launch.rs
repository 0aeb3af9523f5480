//! Compiles one kernel with clang and the stages under test, and runs it.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::io::Write;
use std::process::{Command, Stdio};
use std::ptr;

use isocl_compiler::emit::Jit;
use isocl_compiler::lanes::Lanes;
use isocl_compiler::library;
use isocl_compiler::llvm::{Context, Emission, Module, TargetMachine};
use isocl_compiler::lower::{lower, Lowered};
use isocl_compiler_interface::launch::{KernelEntry, LaunchFrame};
use isocl_compiler_interface::message::{AddressSpace, Argument, ArgumentKind};

/// A kernel argument as a test gives it.
pub enum Arg<'a> {
    /// `global int *`
    Ints(&'a mut [i32]),
    /// A value of any size, as its bytes.
    Bytes(&'a [u8]),
    /// `local` memory of so many bytes.
    Local(usize),
}

/// An NDRange.
#[derive(Clone, Copy)]
pub struct Range {
    pub dimensions: u32,
    pub global: [u64; 3],
    pub local: [u64; 3],
    pub offset: [u64; 3],
}

impl Range {
    pub fn line(global: u64, local: u64) -> Self {
        Self {
            dimensions: 1,
            global: [global, 1, 1],
            local: [local, 1, 1],
            offset: [0; 3],
        }
    }

    pub fn groups(&self) -> [u64; 3] {
        [0, 1, 2].map(|d| self.global[d].div_ceil(self.local[d]))
    }
}

/// OpenCL C to textual `spir64` IR.
pub fn clang(source: &str) -> String {
    let mut child = Command::new("clang-19")
        .args([
            "-cc1",
            "-triple",
            "spir64-unknown-unknown",
            "-x",
            "cl",
            "-cl-std=CL3.0",
            "-fdeclare-opencl-builtins",
            "-finclude-default-header",
            "-O1",
            "-disable-llvm-passes",
            "-cl-kernel-arg-info",
            "-emit-llvm",
            "-o",
            "-",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("clang-19 is needed to build this crate too");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(source.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    String::from_utf8(output.stdout).unwrap()
}

/// A compiled kernel.
pub struct Kernel {
    _jit: Jit,
    entry: KernelEntry,
    pub lowered: Lowered,
    arguments: Vec<Argument>,
    block_bytes: usize,
    /// The entry point before LLVM's optimiser saw it.
    pub ir: String,
}

unsafe extern "C" fn no_printf(_: *mut c_void, _: *const u8, _: usize) {}

impl Kernel {
    /// Compiles kernel `k` of an OpenCL C source.
    pub fn new(source: &str, arguments: &[Arg]) -> Self {
        Self::in_lanes(source, arguments, None)
    }

    /// The same, to run work-items at once as `lanes` says.
    pub fn in_lanes(source: &str, arguments: &[Arg], lanes: Option<Lanes>) -> Self {
        Self::from_ir(&clang(source), arguments, lanes)
    }

    /// Compiles kernel `k` in textual `spir64` IR, to run work-items at once as `lanes` says.
    pub fn from_ir(text: &str, arguments: &[Arg], lanes: Option<Lanes>) -> Self {
        let context = Context::new();
        let module = context.parse_ir(text).unwrap();
        library::link(&module).unwrap();
        let machine = TargetMachine::host().unwrap();
        let (arguments, block_bytes) = describe(arguments);
        let lowered = lower(&module, "k", &arguments, &machine, lanes, false, "entry").unwrap();
        let ir = module.to_string();
        module.run_passes("default<O2>", &machine).unwrap();
        let (jit, entry) = jit(&module, &machine, "entry");
        Self {
            _jit: jit,
            entry,
            lowered,
            arguments,
            block_bytes,
            ir,
        }
    }

    /// Runs the NDRange in one call, or in one call per work-group from the last to the first.
    pub fn run(&self, range: Range, arguments: &mut [Arg], group_by_group: bool) {
        #[repr(align(128))]
        #[derive(Clone, Copy)]
        struct Line(#[allow(dead_code)] [u8; 128]);
        let mut block = vec![Line([0; 128]); self.block_bytes.div_ceil(128) + 1];
        let mut local = self.lowered.local_bytes as usize;
        for (argument, description) in arguments.iter_mut().zip(&self.arguments) {
            let word;
            let bytes: &[u8] = match argument {
                Arg::Ints(memory) => {
                    word = (memory.as_mut_ptr() as u64).to_le_bytes();
                    &word
                }
                Arg::Bytes(bytes) => bytes,
                Arg::Local(bytes) => {
                    word = (local as u64).to_le_bytes();
                    local += bytes.next_multiple_of(128);
                    &word
                }
            };
            let target = block.as_mut_ptr().cast::<u8>();
            // SAFETY: `describe` made the block large enough for every argument.
            unsafe {
                ptr::copy_nonoverlapping(
                    bytes.as_ptr(),
                    target.add(description.offset as usize),
                    bytes.len(),
                );
            }
        }
        let items = range.local.iter().product::<u64>();
        let context =
            self.lowered.context_bytes_per_work_item * items + self.lowered.context_bytes_per_group;
        let mut scratch = vec![Line([0xa5; 128]); (local + context as usize).div_ceil(128) + 1];
        let guard = scratch.len() - 1;
        let frame = LaunchFrame {
            work_dim: range.dimensions,
            reserved: 0,
            global_size: range.global,
            global_offset: range.offset,
            local_size: range.local,
            group_count: range.groups(),
            arguments: block.as_ptr().cast(),
            context_offset: local as u64,
            printf: no_printf,
            printf_context: ptr::null_mut(),
        };
        let count = range.groups().iter().product::<u64>();
        let calls: Vec<_> = if group_by_group {
            (0..count).rev().map(|group| (group, group + 1)).collect()
        } else {
            vec![(0, count)]
        };
        for (first, end) in calls {
            // SAFETY: frame, arguments and scratch are as the contract of `KernelEntry` wants.
            unsafe {
                let first_group = frame.group_id(first);
                (self.entry)(
                    &frame,
                    &first_group,
                    end - first,
                    scratch.as_mut_ptr().cast(),
                );
            };
        }
        assert!(
            scratch[guard].0.iter().all(|&byte| byte == 0xa5),
            "scratch overrun"
        );
    }
}

fn describe(arguments: &[Arg]) -> (Vec<Argument>, usize) {
    let mut offset = 0;
    let mut described = Vec::new();
    for argument in arguments {
        let (kind, bytes) = match argument {
            Arg::Ints(_) => (AddressSpace::Global, 8),
            Arg::Local(_) => (AddressSpace::Local, 8),
            Arg::Bytes(bytes) => (AddressSpace::Constant, bytes.len() as u32),
        };
        offset = u32::next_multiple_of(offset, bytes.next_power_of_two().min(128));
        let kind = match argument {
            Arg::Bytes(_) => ArgumentKind::Value { bytes },
            _ => ArgumentKind::Pointer {
                address_space: kind,
                pointee_alignment: 4,
            },
        };
        described.push(Argument {
            kind,
            offset,
            name: String::new(),
            type_name: String::new(),
            is_const: false,
            is_restrict: false,
            is_volatile: false,
        });
        offset += bytes;
    }
    (described, offset as usize)
}

/// The code of a module and its entry point.
fn jit(module: &Module, machine: &TargetMachine, symbol: &str) -> (Jit, KernelEntry) {
    let jit = Jit::new().unwrap();
    jit.add(&machine.emit_object(module, Emission::Usual).unwrap())
        .unwrap();
    let address = jit.address(symbol).unwrap() as usize;
    // SAFETY: the symbol is a kernel's entry point, whose code lives as long as `jit`.
    let entry = unsafe { std::mem::transmute::<usize, KernelEntry>(address) };
    (jit, entry)
}
