//! Building, compiling and linking (§5.8.2, §5.8.3). No lock is held while a compiler works or an
//! application's callback runs; a program that is being built says so instead.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use isocl_compiler_interface::features::{Feature, LANGUAGE_EXTENSIONS, LANGUAGE_FEATURES};
use isocl_compiler_interface::message::{
    BinaryKind, Failure, Header, Limits, Request, Response, Target,
};

use super::{
    is_linkable, DeviceBuild, Executable, Origin, Program, ProgramBinary, BUILD_ERROR,
    BUILD_IN_PROGRESS, BUILD_SUCCESS,
};
use crate::context::Context;
use crate::device::Device;
use crate::lock::lock;
use crate::{Error, ErrorCode, Result};

/// Called once when a build or compilation has ended, whatever came of it.
pub type BuildNotify = Box<dyn FnOnce() + Send>;

/// Called once with the new program when linking has ended, whatever came of it.
pub type LinkNotify = Box<dyn FnOnce(&Arc<Program>) + Send>;

/// Which error codes a call uses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Build,
    Compile,
    Link,
}

impl Stage {
    fn failure(self) -> ErrorCode {
        match self {
            Self::Build => ErrorCode::BuildProgramFailure,
            Self::Compile => ErrorCode::CompileProgramFailure,
            Self::Link => ErrorCode::LinkProgramFailure,
        }
    }

    fn invalid_options(self) -> ErrorCode {
        match self {
            Self::Build => ErrorCode::InvalidBuildOptions,
            Self::Compile => ErrorCode::InvalidCompilerOptions,
            Self::Link => ErrorCode::InvalidLinkerOptions,
        }
    }
}

/// What came of building for one device.
#[derive(Default)]
struct Outcome {
    log: String,
    binary: Option<ProgramBinary>,
    executable: Option<Executable>,
    error: Option<Error>,
}

impl Outcome {
    fn add_log(&mut self, text: &str) {
        if !self.log.is_empty() && !self.log.ends_with('\n') && !text.is_empty() {
            self.log.push('\n');
        }
        self.log.push_str(text);
    }

    /// Takes a compiler's answer; none when it failed, which is then written down.
    fn accept(&mut self, stage: Stage, answer: Result<Response>) -> Option<(Vec<u8>, BinaryKind)> {
        let error = match answer {
            Ok(Response::Built { binary, kind, log }) => {
                self.add_log(&log);
                return Some((binary, kind));
            }
            Ok(Response::Failed { failure, log }) => {
                self.add_log(&log);
                let code = match failure {
                    Failure::InvalidOptions => stage.invalid_options(),
                    Failure::Binary => ErrorCode::InvalidBinary,
                    Failure::Source | Failure::Link | Failure::Internal => stage.failure(),
                };
                Error::new(code, log)
            }
            Ok(_) => Error::new(stage.failure(), "the compiler answered another question"),
            Err(error) => {
                self.add_log(&error.reason);
                error
            }
        };
        self.error = Some(error);
        None
    }
}

impl Program {
    /// Builds an executable for `devices`, or for all of the program's (`clBuildProgram`). The
    /// call returns when the build has ended; before that, `notify` is called.
    ///
    /// # Errors
    /// As §5.8.2 lists them.
    pub fn build(
        self: &Arc<Self>,
        devices: Option<&[Arc<Device>]>,
        options: &str,
        notify: Option<BuildNotify>,
    ) -> Result<()> {
        let devices = self.checked_devices(devices)?;
        // CL_INVALID_OPERATION: program was not created with source or a binary.
        if matches!(self.origin, Origin::Linked) {
            return Err(Error::new(
                ErrorCode::InvalidOperation,
                "a program that clLinkProgram made cannot be built",
            ));
        }
        self.check_compiler(&devices)?;
        let binaries = self.begin(&devices, options)?;
        self.end(
            &devices,
            &binaries,
            Stage::Build,
            |device, binary| match &self.origin {
                Origin::Source(source) => build_source(device, source, options),
                Origin::Binary | Origin::Linked => load_binary(device, binary, options),
            },
            notify,
        )
    }

    /// Compiles the source for `devices`, or for all of the program's (`clCompileProgram`), with
    /// `headers` by the name they are included with.
    ///
    /// # Errors
    /// As §5.8.3 lists them.
    pub fn compile(
        self: &Arc<Self>,
        devices: Option<&[Arc<Device>]>,
        options: &str,
        headers: &[(String, Arc<Program>)],
        notify: Option<BuildNotify>,
    ) -> Result<()> {
        // CL_INVALID_CONTEXT: the context associated with program and programs in input_headers
        // are not the same.
        let foreign = |header: &Arc<Program>| !Arc::ptr_eq(header.context(), &self.context);
        if headers.iter().any(|(_, header)| foreign(header)) {
            return Err(Error::new(
                ErrorCode::InvalidContext,
                "a header belongs to another context than the program",
            ));
        }
        let devices = self.checked_devices(devices)?;
        // CL_INVALID_OPERATION: program has no source available.
        let Origin::Source(source) = &self.origin else {
            return Err(Error::new(
                ErrorCode::InvalidOperation,
                "the program was not created with source",
            ));
        };
        self.check_compiler(&devices)?;
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, program)| Header {
                name: name.clone(),
                source: program.source().to_vec(),
            })
            .collect();
        let binaries = self.begin(&devices, options)?;
        self.end(
            &devices,
            &binaries,
            Stage::Compile,
            |device, _| {
                let mut outcome = Outcome::default();
                let answer = compile(device, source, options, headers.clone());
                if let Some((code, kind)) = outcome.accept(Stage::Compile, answer) {
                    outcome.binary = Some(ProgramBinary {
                        kind,
                        uniform_work_groups: needs_uniform_work_groups(options),
                        options: options.to_owned(),
                        code,
                    });
                }
                outcome
            },
            notify,
        )
    }

    /// Links compiled programs and libraries into a new program for `devices`, or for all of the
    /// context's (`clLinkProgram`). A program is returned once linking has begun, even when it
    /// failed.
    ///
    /// # Errors
    /// As §5.8.3 lists them.
    pub fn link(
        context: &Arc<Context>,
        devices: Option<&[Arc<Device>]>,
        options: &str,
        inputs: &[Arc<Program>],
        notify: Option<LinkNotify>,
    ) -> (Option<Arc<Program>>, Result<()>) {
        let refused = |code, reason: &'static str| (None, Err(Error::new(code, reason)));
        // CL_INVALID_CONTEXT: the context associated with programs in input_programs is not the
        // same as context.
        if inputs
            .iter()
            .any(|input| !Arc::ptr_eq(input.context(), context))
        {
            return refused(
                ErrorCode::InvalidContext,
                "a program belongs to another context",
            );
        }
        // CL_INVALID_VALUE: num_input_programs is zero, or device_list is empty.
        let devices = devices.unwrap_or_else(|| context.devices());
        if inputs.is_empty() || devices.is_empty() {
            return refused(ErrorCode::InvalidValue, "there is no program or no device");
        }
        // CL_INVALID_DEVICE: a device in device_list is not in the list of devices associated
        // with context.
        if !devices.iter().all(|device| context.has_device(device)) {
            return refused(ErrorCode::InvalidDevice, "a device is not in the context");
        }
        let objects = match devices
            .iter()
            .map(|device| linkable_objects(device, inputs))
            .collect::<Result<Vec<_>>>()
        {
            Ok(objects) => objects,
            Err(error) => return (None, Err(error)),
        };
        // CL_LINKER_NOT_AVAILABLE: CL_DEVICE_LINKER_AVAILABLE is CL_FALSE.
        if !devices.iter().all(|device| device.info.compiler_available) {
            return refused(ErrorCode::LinkerNotAvailable, "a device has no linker");
        }
        let mut builds = Vec::with_capacity(devices.len());
        let mut result = Ok(());
        for (device, objects) in devices.iter().zip(objects) {
            let mut build = DeviceBuild::new(None);
            if !objects.is_empty() {
                let outcome = link(device, &objects, options, Stage::Link);
                let error = finish(&mut build, options, outcome);
                // CL_INVALID_LINKER_OPTIONS: the linker options are invalid; there is no program.
                if let Some(error) = error {
                    if error.code == ErrorCode::InvalidLinkerOptions {
                        return (None, Err(error));
                    }
                    result = result.and(Err(error));
                }
            }
            builds.push(build);
        }
        let program = Self::new(context, devices.to_vec(), Origin::Linked, builds);
        if let Some(notify) = notify {
            notify(&program);
        }
        (Some(program), result)
    }

    /// The indices of `devices` among the program's; all, when there is no list.
    fn checked_devices(&self, devices: Option<&[Arc<Device>]>) -> Result<Vec<usize>> {
        let Some(devices) = devices else {
            return Ok((0..self.devices.len()).collect());
        };
        // CL_INVALID_VALUE: device_list is not NULL and num_devices is zero.
        if devices.is_empty() {
            return Err(Error::new(
                ErrorCode::InvalidValue,
                "the list of devices is empty",
            ));
        }
        // CL_INVALID_DEVICE: a device in device_list is not in the list of devices associated
        // with program.
        devices
            .iter()
            .map(|device| {
                self.device_index(device).ok_or_else(|| {
                    Error::new(
                        ErrorCode::InvalidDevice,
                        "a device is none of the program's",
                    )
                })
            })
            .collect()
    }

    fn check_compiler(&self, devices: &[usize]) -> Result<()> {
        // CL_COMPILER_NOT_AVAILABLE: program is created with source and
        // CL_DEVICE_COMPILER_AVAILABLE is CL_FALSE.
        let available = |index: &usize| self.devices[*index].info.compiler_available;
        if matches!(self.origin, Origin::Source(_)) && !devices.iter().all(available) {
            return Err(Error::new(
                ErrorCode::CompilerNotAvailable,
                "a device has no compiler",
            ));
        }
        Ok(())
    }

    /// Marks the program as being built; returns the binaries it has now.
    fn begin(&self, devices: &[usize], options: &str) -> Result<Vec<Option<Arc<ProgramBinary>>>> {
        let refused = |reason: &'static str| Err(Error::new(ErrorCode::InvalidOperation, reason));
        let mut builds = lock(&self.builds);
        // CL_INVALID_OPERATION: the build for any of the devices listed in device_list by a
        // previous call has not completed.
        if devices
            .iter()
            .any(|index| builds[*index].status == BUILD_IN_PROGRESS)
        {
            return refused("an earlier build of the program has not ended");
        }
        // CL_INVALID_OPERATION: there are kernel objects attached to program.
        if self.kernels.load(Ordering::Acquire) > 0 {
            return refused("the program has kernel objects");
        }
        let mut replaced = Vec::with_capacity(devices.len());
        let binaries = devices
            .iter()
            .map(|index| {
                let build = &mut builds[*index];
                build.status = BUILD_IN_PROGRESS;
                build.options = options.to_owned();
                build.log.clear();
                replaced.push(build.executable.take());
                if matches!(self.origin, Origin::Source(_)) {
                    build.binary = None;
                }
                build.binary.clone()
            })
            .collect();
        drop(builds);
        // Unloading asks the compiler, which no lock may wait for.
        drop(replaced);
        Ok(binaries)
    }

    /// Builds for one device after the other and writes down what came of it.
    fn end(
        &self,
        devices: &[usize],
        binaries: &[Option<Arc<ProgramBinary>>],
        stage: Stage,
        build_for: impl Fn(&Device, Option<&ProgramBinary>) -> Outcome,
        notify: Option<BuildNotify>,
    ) -> Result<()> {
        let mut result = Ok(());
        for (index, binary) in devices.iter().zip(binaries) {
            let mut outcome = build_for(&self.devices[*index], binary.as_deref());
            let kept = match (&self.origin, stage) {
                (Origin::Binary, Stage::Build) => binary.clone(),
                _ => outcome.binary.take().map(Arc::new),
            };
            let mut builds = lock(&self.builds);
            let build = &mut builds[*index];
            build.status = if outcome.error.is_none() {
                BUILD_SUCCESS
            } else {
                BUILD_ERROR
            };
            build.log = outcome.log;
            build.binary = kept;
            build.executable = outcome.executable;
            drop(builds);
            if let Some(error) = outcome.error {
                result = result.and(Err(error));
            }
        }
        if let Some(notify) = notify {
            notify();
        }
        result
    }
}

/// Writes down what came of linking for a device of a program that nobody else has yet.
fn finish(build: &mut DeviceBuild, options: &str, outcome: Outcome) -> Option<Error> {
    build.status = if outcome.error.is_none() {
        BUILD_SUCCESS
    } else {
        BUILD_ERROR
    };
    build.options = options.to_owned();
    build.log = outcome.log;
    build.binary = outcome.binary.map(Arc::new);
    build.executable = outcome.executable;
    outcome.error
}

/// The compiled objects and libraries of `inputs` for one device; none when no input has any.
fn linkable_objects(
    device: &Arc<Device>,
    inputs: &[Arc<Program>],
) -> Result<Vec<Arc<ProgramBinary>>> {
    let mut objects = Vec::with_capacity(inputs.len());
    for input in inputs {
        let Some(index) = input.device_index(device) else {
            continue;
        };
        let builds = lock(&input.builds);
        let build = input.build_used_by(index, &builds);
        // CL_INVALID_OPERATION: the compilation or build for any of the devices by a previous
        // call has not completed.
        if build.status == BUILD_IN_PROGRESS {
            return Err(Error::new(
                ErrorCode::InvalidOperation,
                "an input program is being compiled",
            ));
        }
        objects.extend(build.binary.clone().filter(|binary| is_linkable(binary)));
    }
    // CL_INVALID_OPERATION: some but not all programs contain a compiled binary or library for a
    // device.
    if objects.is_empty() || objects.len() == inputs.len() {
        Ok(objects)
    } else {
        Err(Error::new(
            ErrorCode::InvalidOperation,
            "only some of the input programs are compiled for a device",
        ))
    }
}

fn build_source(device: &Device, source: &[u8], options: &str) -> Outcome {
    let mut compiled = Outcome::default();
    let answer = compile(device, source, options, Vec::new());
    let Some((code, kind)) = compiled.accept(Stage::Build, answer) else {
        return compiled;
    };
    let object = ProgramBinary {
        kind,
        uniform_work_groups: needs_uniform_work_groups(options),
        options: options.to_owned(),
        code,
    };
    let mut outcome = link(device, &[Arc::new(object)], "", Stage::Build);
    if let Some(binary) = &mut outcome.binary {
        options.clone_into(&mut binary.options);
    }
    compiled.add_log(&outcome.log);
    outcome.log = compiled.log;
    outcome
}

fn load_binary(device: &Device, binary: Option<&ProgramBinary>, options: &str) -> Outcome {
    let mut outcome = Outcome::default();
    // CL_INVALID_BINARY: devices listed in device_list do not have a valid program binary loaded.
    match binary.filter(|binary| binary.kind == BinaryKind::Executable) {
        Some(binary) => {
            let uniform = binary.uniform_work_groups || has_uniform_option(options);
            load(device, &binary.code, uniform, &mut outcome);
        }
        None => {
            outcome.error = Some(Error::new(
                ErrorCode::InvalidBinary,
                "the program has no executable binary for a device",
            ));
        }
    }
    outcome
}

fn link(device: &Device, objects: &[Arc<ProgramBinary>], options: &str, stage: Stage) -> Outcome {
    let mut outcome = Outcome::default();
    let answer = device.backend.compile(&Request::Link {
        target: target_of(device),
        objects: objects.iter().map(|object| object.code.clone()).collect(),
        options: options.to_owned(),
    });
    if let Some((code, kind)) = outcome.accept(stage, answer) {
        let uniform = objects.iter().any(|object| object.uniform_work_groups);
        if kind == BinaryKind::Executable {
            load(device, &code, uniform, &mut outcome);
        }
        outcome.binary = Some(ProgramBinary {
            kind,
            uniform_work_groups: uniform,
            options: options.to_owned(),
            code,
        });
    }
    outcome
}

fn load(device: &Device, code: &[u8], uniform_work_groups: bool, outcome: &mut Outcome) {
    match device.backend.load_program(code) {
        Ok(program) => {
            outcome.executable = Some(Executable {
                program,
                uniform_work_groups,
            });
        }
        Err(error) => {
            outcome.add_log(&error.reason);
            outcome.error = Some(error);
        }
    }
}

fn compile(
    device: &Device,
    source: &[u8],
    options: &str,
    headers: Vec<Header>,
) -> Result<Response> {
    device.backend.compile(&Request::Compile {
        target: target_of(device),
        source: source.to_vec(),
        options: options.to_owned(),
        headers,
    })
}

fn target_of(device: &Device) -> Target {
    let reported = |table: &[Feature], reported: &[Feature]| {
        let common = table.iter().filter(|feature| reported.contains(feature));
        common.map(|feature| feature.name.to_owned()).collect()
    };
    Target {
        extensions: reported(LANGUAGE_EXTENSIONS, &device.info.extensions),
        features: reported(LANGUAGE_FEATURES, &device.info.opencl_c_features),
        limits: Limits {
            local_bytes: device.info.local_mem_size,
            work_group_items: device.info.max_work_group_size as u64,
            global_variable_bytes: device.info.max_global_variable_size as u64,
            constant_bytes: device.info.max_constant_buffer_size,
            parameter_bytes: device.info.max_parameter_size as u64,
        },
    }
}

/// Whether kernels compiled with `options` need work-groups of one size (§5.10): those of OpenCL C
/// before 2.0, which is the default, and those that asked for it.
fn needs_uniform_work_groups(options: &str) -> bool {
    let standard = options
        .split_whitespace()
        .filter_map(|option| option.strip_prefix("-cl-std="))
        .next_back();
    let old = standard.is_none_or(|standard| standard.starts_with("CL1."));
    old || has_uniform_option(options)
}

fn has_uniform_option(options: &str) -> bool {
    options
        .split_whitespace()
        .any(|option| option == "-cl-uniform-work-group-size")
}
