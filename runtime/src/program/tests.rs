use super::*;
use crate::test_objects::{context_of, null_device, Recorder};
use crate::Kernel;

const SOURCE: &str = "kernel add global4 value4\nkernel other";

fn program(context: &Arc<Context>, source: &str) -> Arc<Program> {
    Program::create_with_source(context, source.to_owned()).unwrap()
}

fn code<T>(result: Result<T>) -> ErrorCode {
    result.err().expect("the call fails").code
}

/// A callback that counts, and its count.
fn counter() -> (Arc<AtomicUsize>, BuildNotify) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let notify = Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    (count, notify)
}

#[test]
fn a_program_tells_its_builds() {
    let (_, device) = Recorder::create();
    let context = context_of(&[Arc::clone(&device)]);
    let program = program(&context, SOURCE);
    assert_eq!(program.build_status(&device).unwrap(), BUILD_NONE);
    assert_eq!(program.binary_type(&device).unwrap(), 0);
    assert_eq!(
        code(program.kernel_names()),
        ErrorCode::InvalidProgramExecutable
    );
    assert_eq!(
        code(Kernel::create(&program, "add")),
        ErrorCode::InvalidProgramExecutable
    );
    assert_eq!(program.binaries().unwrap(), [Vec::<u8>::new()]);

    let (count, notify) = counter();
    program.build(None, "-D X=1", Some(notify)).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(program.build_status(&device).unwrap(), BUILD_SUCCESS);
    assert_eq!(program.build_options(&device).unwrap(), "-D X=1");
    assert_eq!(program.build_log(&device).unwrap(), "a warning");
    assert_eq!(program.binary_type(&device).unwrap(), 4);
    assert_eq!(program.global_variable_total_size(&device).unwrap(), 24);
    assert_eq!(program.kernel_names().unwrap(), ["add", "other"]);
    assert_eq!(program.source(), SOURCE.as_bytes());
    assert_eq!(
        code(program.build_status(&null_device())),
        ErrorCode::InvalidDevice
    );
}

#[test]
fn failures_have_their_codes_and_logs() {
    let (_, device) = Recorder::create();
    let context = context_of(&[Arc::clone(&device)]);
    let bad = program(&context, "error");
    let (count, notify) = counter();
    assert_eq!(
        code(bad.build(None, "", Some(notify))),
        ErrorCode::BuildProgramFailure
    );
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(bad.build_status(&device).unwrap(), BUILD_ERROR);
    assert_eq!(bad.build_log(&device).unwrap(), "line 1: an error");
    assert_eq!(
        code(bad.compile(None, "", &[], None)),
        ErrorCode::CompileProgramFailure
    );
    let good = program(&context, SOURCE);
    assert_eq!(
        code(good.build(None, "-bad", None)),
        ErrorCode::InvalidBuildOptions
    );
    assert_eq!(
        code(good.compile(None, "-bad", &[], None)),
        ErrorCode::InvalidCompilerOptions
    );
    assert_eq!(
        code(program(&context, "undefined").build(None, "", None)),
        ErrorCode::BuildProgramFailure
    );
    // A program that failed can be built again.
    good.build(None, "", None).unwrap();
    assert_eq!(good.build_status(&device).unwrap(), BUILD_SUCCESS);
}

#[test]
fn devices_must_be_the_program_s_and_have_a_compiler() {
    let context = context_of(&[null_device()]);
    let source = program(&context, SOURCE);
    assert_eq!(
        code(source.build(None, "", None)),
        ErrorCode::CompilerNotAvailable
    );
    assert_eq!(
        code(source.build(Some(&[]), "", None)),
        ErrorCode::InvalidValue
    );
    assert_eq!(
        code(source.build(Some(&[null_device()]), "", None)),
        ErrorCode::InvalidDevice
    );
    assert_eq!(
        code(source.compile(None, "", &[], None)),
        ErrorCode::CompilerNotAvailable
    );
}

#[test]
fn kernels_keep_a_program_from_being_built_again() {
    let (_, device) = Recorder::create();
    let context = context_of(&[device]);
    let program = program(&context, SOURCE);
    program.build(None, "", None).unwrap();
    let kernel = Kernel::create(&program, "add").unwrap();
    let clone = kernel.clone_kernel().unwrap();
    drop(kernel);
    assert_eq!(
        code(program.build(None, "", None)),
        ErrorCode::InvalidOperation
    );
    assert_eq!(
        code(program.compile(None, "", &[], None)),
        ErrorCode::InvalidOperation
    );
    drop(clone);
    assert!(code(Kernel::create(&program, "none")) == ErrorCode::InvalidKernelName);
    program.build(None, "", None).unwrap();
}

#[test]
fn programs_are_unloaded_when_nothing_needs_them() {
    let (recorder, device) = Recorder::create();
    let context = context_of(&[device]);
    let program = program(&context, SOURCE);
    for _ in 0..3 {
        program.build(None, "", None).unwrap();
        assert_eq!(recorder.loaded_programs(), 1);
    }
    let kernel = Kernel::create(&program, "other").unwrap();
    drop(program);
    assert_eq!(recorder.loaded_programs(), 1);
    drop(kernel);
    assert_eq!(recorder.loaded_programs(), 0);
}

#[test]
fn binaries_lead_to_the_same_kernels() {
    let (_, device) = Recorder::create();
    let context = context_of(&[Arc::clone(&device)]);
    let built = program(&context, SOURCE);
    built.build(None, "-cl-std=CL3.0", None).unwrap();
    let binaries = built.binaries().unwrap();
    let devices = [Arc::clone(&device)];

    let (statuses, loaded) = Program::create_with_binary(&context, &devices, &binaries);
    assert_eq!(statuses, [0]);
    let loaded = loaded.unwrap();
    assert_eq!(loaded.binary_type(&device).unwrap(), 4);
    assert_eq!(
        code(loaded.kernel_names()),
        ErrorCode::InvalidProgramExecutable
    );
    assert_eq!(
        code(loaded.compile(None, "", &[], None)),
        ErrorCode::InvalidOperation
    );
    loaded.build(None, "", None).unwrap();
    assert_eq!(loaded.kernel_names().unwrap(), ["add", "other"]);
    assert_eq!(loaded.binaries().unwrap(), binaries);
    assert!(loaded.source().is_empty());

    let (statuses, damaged) = Program::create_with_binary(&context, &devices, &[vec![1, 2, 3]]);
    assert_eq!(
        (statuses, code(damaged)),
        (vec![-42], ErrorCode::InvalidBinary)
    );
    let (statuses, empty) = Program::create_with_binary(&context, &devices, &[Vec::new()]);
    assert_eq!(
        (statuses, code(empty)),
        (vec![-30], ErrorCode::InvalidValue)
    );
    let foreign = [null_device()];
    let (_, foreign) = Program::create_with_binary(&context, &foreign, &binaries);
    assert_eq!(code(foreign), ErrorCode::InvalidDevice);
    let (_, nothing) = Program::create_with_binary(&context, &[], &[]);
    assert_eq!(code(nothing), ErrorCode::InvalidValue);
}

#[test]
fn compiled_programs_link_to_libraries_and_executables() {
    let (_, device) = Recorder::create();
    let context = context_of(&[Arc::clone(&device)]);
    let header = program(&context, "kernel add value4");
    let main = program(&context, "#include <add.h>\nkernel main");
    let headers = [("add.h".to_owned(), header)];
    main.compile(None, "", &headers, None).unwrap();
    assert_eq!(main.binary_type(&device).unwrap(), 1);
    assert_eq!(
        code(main.kernel_names()),
        ErrorCode::InvalidProgramExecutable
    );

    let (library, result) = Program::link(
        &context,
        None,
        "-create-library",
        &[Arc::clone(&main)],
        None,
    );
    result.unwrap();
    let library = library.unwrap();
    assert_eq!(library.binary_type(&device).unwrap(), 2);
    assert_eq!(
        code(library.build(None, "", None)),
        ErrorCode::InvalidOperation
    );
    let binaries = library.binaries().unwrap();
    let (_, again) = Program::create_with_binary(&context, &[Arc::clone(&device)], &binaries);
    let again = again.unwrap();
    assert_eq!(code(again.build(None, "", None)), ErrorCode::InvalidBinary);

    let (sender, receiver) = std::sync::mpsc::channel();
    let notify = Box::new(move |program: &Arc<Program>| sender.send(Arc::clone(program)).unwrap());
    let other = program(&context, "kernel second");
    other.compile(None, "", &[], None).unwrap();
    let (linked, result) = Program::link(&context, None, "", &[again, other], Some(notify));
    result.unwrap();
    let linked = linked.unwrap();
    assert!(Arc::ptr_eq(&linked, &receiver.recv().unwrap()));
    assert_eq!(linked.kernel_names().unwrap(), ["add", "main", "second"]);
}

#[test]
fn linking_is_checked() {
    let (_, device) = Recorder::create();
    let context = context_of(&[device]);
    let link = |options: &str, inputs: &[Arc<Program>]| {
        let (program, result) = Program::link(&context, None, options, inputs, None);
        (program.is_some(), code(result))
    };
    assert_eq!(link("", &[]), (false, ErrorCode::InvalidValue));
    let compiled = program(&context, SOURCE);
    compiled.compile(None, "", &[], None).unwrap();
    let source = program(&context, SOURCE);
    let mixed = [Arc::clone(&compiled), source];
    assert_eq!(link("", &mixed), (false, ErrorCode::InvalidOperation));
    let only = [compiled];
    assert_eq!(
        link("-bad", &only),
        (false, ErrorCode::InvalidLinkerOptions)
    );
    let undefined = program(&context, "undefined");
    undefined.compile(None, "", &[], None).unwrap();
    assert_eq!(
        link("", &[undefined]),
        (true, ErrorCode::LinkProgramFailure)
    );
    let (_, other) = Recorder::create();
    let other = program(&context_of(&[other]), SOURCE);
    assert_eq!(link("", &[other]), (false, ErrorCode::InvalidContext));
}
