//! Objects on null devices, and a device that records, for unit tests of the object model.

use std::sync::{Arc, Mutex};

use isocl_compiler_interface::message::{
    AddressSpace, Argument, ArgumentKind, BinaryKind, Executable, Failure, Kernel, KernelCode,
    Request, Response,
};
use isocl_compiler_interface::rows::Rows;
use isocl_kernel_iface::driver::Driver;
use isocl_kernel_iface::emulator::Emulator;
use isocl_kernel_iface::profile::Profile;
use isocl_kernel_iface::{access, Address};

use crate::command::{Command, Deferral, NdRangeCommand, Operation, RectCopy};
use crate::context::Context;
use crate::device::{cpu, null, Backend, Device, DeviceInfo, DeviceProgram, Task};
use crate::flags::QueueProperties;
use crate::launch_time::LaunchTime;
use crate::lock::lock;
use crate::queue::CommandQueue;
use crate::{ApiSlot, Error, ErrorCode, Result};

/// A null device that is otherwise like the CPU device.
pub(crate) fn null_device() -> Arc<Device> {
    null_device_with(|_| ())
}

/// A null device whose description `change` has changed.
pub(crate) fn null_device_with(change: impl FnOnce(&mut DeviceInfo)) -> Arc<Device> {
    let mut info = cpu::create().unwrap().info.clone();
    change(&mut info);
    null::create(emulator(&info), info)
}

/// A null device of eight compute units that `domains` divide.
pub(crate) fn null_device_with_domains(domains: null::Domains) -> Arc<Device> {
    let mut info = cpu::create().unwrap().info.clone();
    info.max_compute_units = 8;
    null::create_with_domains(emulator(&info), info, domains)
}

fn emulator(info: &DeviceInfo) -> Arc<dyn Driver> {
    let options = Profile::with_address_bits(info.decoded_address_bits);
    Arc::new(Emulator::new(&options))
}

pub(crate) fn context_of(devices: &[Arc<Device>]) -> Arc<Context> {
    Context::create(devices, Vec::new(), None).unwrap()
}

/// An in-order queue on a context's first device.
pub(crate) fn queue_of(context: &Arc<Context>) -> Arc<CommandQueue> {
    queue_on(context, &context.devices()[0])
}

pub(crate) fn queue_on(context: &Arc<Context>, device: &Arc<Device>) -> Arc<CommandQueue> {
    CommandQueue::create(context, device, QueueProperties::empty(), Vec::new()).unwrap()
}

/// The address of memory of the test.
pub(crate) fn address_of<T>(values: &[T]) -> Address {
    Address::from(values.as_ptr())
}

/// The address of memory of the test that a command writes to.
pub(crate) fn address_of_mut<T>(values: &mut [T]) -> Address {
    Address::from(values.as_mut_ptr())
}

/// A device that copies and fills, and keeps the kernel launches instead of running them. Its
/// programs are lines `kernel NAME ARGUMENT…`, arguments being `global16` (a pointer to something
/// aligned so), `constant4`, `local`, `value8`; `error` is an error. The option `-bad` is invalid,
/// `-create-library` makes a library.
#[derive(Debug)]
pub(crate) struct Recorder {
    driver: Arc<dyn Driver>,
    launches: Mutex<Vec<Launch>>,
    loaded: Arc<()>,
}

/// What a kernel launch was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Launch {
    pub name: String,
    pub arguments: Vec<u8>,
    pub local_bytes: u64,
    pub global_size: [u64; 3],
    pub local_size: [u64; 3],
    /// The recorded code is that for launches that write more than caches hold.
    pub streams: bool,
}

impl From<&NdRangeCommand> for Launch {
    fn from(command: &NdRangeCommand) -> Self {
        Self {
            name: command.launch.kernel.name.to_string(),
            arguments: command.arguments.to_vec(),
            local_bytes: command.launch.local_bytes,
            global_size: command.launch.global_size,
            local_size: command.launch.local_size,
            streams: command.launch.kernel.code.entry == 1,
        }
    }
}

impl Recorder {
    /// A recorder and the device around it.
    pub fn create() -> (Arc<Self>, Arc<Device>) {
        Self::create_with(|_| ())
    }

    pub fn create_with(change: impl FnOnce(&mut DeviceInfo)) -> (Arc<Self>, Arc<Device>) {
        let mut info = cpu::create().unwrap().info.clone();
        change(&mut info);
        let recorder = Arc::new(Self {
            driver: emulator(&info),
            launches: Mutex::default(),
            loaded: Arc::new(()),
        });
        let backend = Arc::clone(&recorder) as Arc<dyn Backend>;
        let device = Arc::new(Device {
            info,
            backend,
            api_slot: ApiSlot::default(),
            partition: None,
        });
        (recorder, device)
    }

    pub fn launches(&self) -> Vec<Launch> {
        lock(&self.launches).clone()
    }

    /// Number of programs that are loaded now.
    pub fn loaded_programs(&self) -> usize {
        Arc::strong_count(&self.loaded) - 1
    }
}

impl Backend for Recorder {
    fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    fn run(&self, command: Command, _deferral: Deferral<'_>) -> Option<Result<()>> {
        match command.operation {
            Operation::Nothing => {}
            Operation::Copy {
                source,
                destination,
            } => {
                assert_eq!(source.len, destination.len);
                access::copy(destination.address, source.address, source.len);
            }
            Operation::CopyRect(copy) => {
                let RectCopy {
                    source,
                    destination,
                    region,
                } = *copy;
                for slice in 0..region[2] {
                    for row in 0..region[1] {
                        let from = slice * source.slice_pitch + row * source.row_pitch;
                        let to = slice * destination.slice_pitch + row * destination.row_pitch;
                        access::copy(
                            destination.address.wrapping_add(to),
                            source.address.wrapping_add(from),
                            region[0],
                        );
                    }
                }
            }
            Operation::Fill {
                destination,
                pattern,
            } => {
                access::fill(destination.address, &pattern, destination.len);
            }
            Operation::Host(call) => return Some(call()),
            Operation::NdRange(launch) => lock(&self.launches).push(Launch::from(&launch)),
        }
        Some(Ok(()))
    }

    fn runs_on_any_thread(&self, _command: &Command) -> bool {
        true
    }

    fn part(&self, _compute_units: u32) -> Arc<dyn Backend> {
        unreachable!("no test divides")
    }

    fn spawn(&self, task: Arc<dyn Task>) {
        cpu::workers::spawn(task);
    }

    fn withdraw(&self, task: &Arc<dyn Task>) {
        cpu::workers::withdraw(task);
    }

    fn timestamp(&self) -> u64 {
        cpu::clock::nanoseconds()
    }

    fn compile(&self, request: &Request) -> Result<Response> {
        let failed = |failure, log: &str| Response::Failed {
            failure,
            log: log.to_owned(),
        };
        Ok(match request {
            Request::Compile { options, .. } if options.contains("-bad") => {
                failed(Failure::InvalidOptions, "-bad is no option")
            }
            Request::Compile {
                source, headers, ..
            } => {
                let mut text = String::from_utf8_lossy(source).into_owned();
                for header in headers {
                    text = text.replace(
                        &format!("#include <{}>", header.name),
                        &String::from_utf8_lossy(&header.source),
                    );
                }
                if text.contains("error") {
                    failed(Failure::Source, "line 1: an error")
                } else {
                    built(text.into_bytes(), BinaryKind::CompiledObject, "a warning")
                }
            }
            Request::Link { options, .. } if options.contains("-bad") => {
                failed(Failure::InvalidOptions, "-bad is no option")
            }
            Request::Link {
                objects, options, ..
            } => {
                let text = objects.join(&b'\n');
                if text.windows(9).any(|part| part == b"undefined") {
                    failed(Failure::Link, "something is undefined")
                } else if options.contains("-create-library") {
                    built(text, BinaryKind::Library, "")
                } else {
                    built(text, BinaryKind::Executable, "")
                }
            }
            _ => failed(Failure::Internal, "not asked in this way"),
        })
    }

    fn load_program(&self, binary: &[u8]) -> Result<Arc<dyn DeviceProgram>> {
        let text = std::str::from_utf8(binary)
            .map_err(|_| Error::new(ErrorCode::InvalidBinary, "no text"))?;
        let kernels = text.lines().filter_map(kernel_of).collect();
        Ok(Arc::new(RecordedProgram {
            executable: Executable {
                id: 1,
                kernels,
                global_variable_bytes: 24,
            },
            _loaded: Arc::clone(&self.loaded),
        }))
    }
}

fn built(binary: Vec<u8>, kind: BinaryKind, log: &str) -> Response {
    Response::Built {
        binary,
        kind,
        log: log.to_owned(),
    }
}

fn kernel_of(line: &str) -> Option<Kernel> {
    let mut words = line.strip_prefix("kernel ")?.split_whitespace();
    let name = words.next()?.to_owned();
    let mut offset = 0_u32;
    let mut required_work_group_size = None;
    let mut arguments = Vec::new();
    for word in words {
        let digits = word.find(|character: char| character.is_ascii_digit());
        let (kind, number) = word.split_at(digits.unwrap_or(word.len()));
        let number = number.parse().unwrap_or(0);
        let pointer = |address_space| ArgumentKind::Pointer {
            address_space,
            pointee_alignment: number,
        };
        let kind = match kind {
            "required" => {
                required_work_group_size = Some([u64::from(number), 1, 1]);
                continue;
            }
            "global" => pointer(AddressSpace::Global),
            "constant" => pointer(AddressSpace::Constant),
            "local" => pointer(AddressSpace::Local),
            _ => ArgumentKind::Value { bytes: number },
        };
        arguments.push(Argument {
            kind,
            offset,
            name: format!("argument{}", arguments.len()),
            type_name: word.to_owned(),
            is_const: false,
            is_restrict: true,
            is_volatile: false,
        });
        offset += 16;
    }
    Some(Kernel {
        name,
        attributes: String::new(),
        arguments,
        argument_block_bytes: offset,
        required_work_group_size,
        has_argument_info: !line.contains("anonymous"),
        has_loops: true,
    })
}

#[derive(Debug)]
struct RecordedProgram {
    executable: Executable,
    _loaded: Arc<()>,
}

impl DeviceProgram for RecordedProgram {
    fn executable(&self) -> &Executable {
        &self.executable
    }

    fn kernel(&self, _index: u32, rows: Rows) -> Result<KernelCode> {
        Ok(KernelCode {
            entry: u64::from(rows.streams),
            local_bytes: 256,
            context_bytes_per_work_item: 0,
            context_bytes_per_group: 0,
            private_bytes: 40,
            stack_bytes: 0,
            sub_group_size: 16,
            gains_by_size: false,
            streamed_bytes: 4,
            groups_in_any_order: true,
        })
    }

    fn kernel_for_size(
        &self,
        index: u32,
        rows: Rows,
        _local_size: [u64; 3],
    ) -> Result<(KernelCode, Arc<LaunchTime>)> {
        Ok((self.kernel(index, rows)?, Arc::new(LaunchTime::never())))
    }
}
