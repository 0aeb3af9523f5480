use super::*;
use crate::buffer::Buffer;
use crate::event::create_user_event;
use crate::queue::CommandQueue;
use crate::svm::{svm_alloc, svm_free};
use crate::test_objects::{
    address_of, context_of, null_device, queue_of, queue_on, Launch, Recorder,
};

const SOURCE: &str =
    "kernel all global16 constant4 local value4 local\nkernel none\nkernel fixed required8\nkernel anonymous value4";

struct Scene {
    recorder: Arc<Recorder>,
    context: Arc<Context>,
    queue: Arc<CommandQueue>,
    program: Arc<Program>,
}

fn scene_with(change: impl FnOnce(&mut crate::device::DeviceInfo), options: &str) -> Scene {
    let (recorder, device) = Recorder::create_with(change);
    let context = context_of(&[device]);
    let queue = queue_of(&context);
    let program = Program::create_with_source(&context, SOURCE.to_owned()).unwrap();
    program.build(None, options, None).unwrap();
    Scene {
        recorder,
        context,
        queue,
        program,
    }
}

fn scene() -> Scene {
    scene_with(|_| (), "")
}

impl Scene {
    fn kernel(&self, name: &str) -> Arc<Kernel> {
        Kernel::create(&self.program, name).unwrap()
    }

    fn buffer(&self) -> Arc<Buffer> {
        Buffer::create(&self.context, 0, 4096, Address::NULL, Vec::new()).unwrap()
    }

    /// The kernel `all` with every argument set; the buffer must be kept.
    fn ready(&self) -> (Arc<Kernel>, Arc<Buffer>) {
        let (kernel, buffer) = (self.kernel("all"), self.buffer());
        let set = |index, size, value| kernel.set_kernel_arg(index, size, &value).unwrap();
        set(0, 8, ArgumentValue::Buffer(Some(Arc::clone(&buffer))));
        set(1, 8, ArgumentValue::Null);
        set(2, 100, ArgumentValue::Null);
        set(3, 4, ArgumentValue::Bytes(&[1, 2, 3, 4]));
        set(4, 8, ArgumentValue::Null);
        (kernel, buffer)
    }

    fn run(&self, kernel: &Kernel) -> Result<Launch> {
        let event =
            self.queue
                .enqueue_nd_range_kernel(kernel, 1, None, Some(&[64]), Some(&[16]), &[])?;
        event.wait()?;
        Ok(self.recorder.launches().last().unwrap().clone())
    }
}

fn code<T>(result: Result<T>) -> ErrorCode {
    result.err().expect("the call fails").code
}

fn pointer_at(launch: &Launch, argument: usize) -> u64 {
    u64::from_ne_bytes(launch.arguments[argument * 16..][..8].try_into().unwrap())
}

#[test]
fn names_and_arguments_are_told() {
    let scene = scene();
    assert_eq!(
        code(Kernel::create(&scene.program, "nothing")),
        ErrorCode::InvalidKernelName
    );
    let kernel = scene.kernel("all");
    assert_eq!((&**kernel.name(), kernel.num_args()), ("all", 5));
    let info = kernel.argument_info(1).unwrap();
    assert_eq!(
        (info.address_qualifier, info.access_qualifier),
        (0x119D, 0x11A3)
    );
    assert_eq!((info.type_qualifier, info.name.as_str()), (3, "argument1"));
    assert_eq!(kernel.argument_info(0).unwrap().type_qualifier, 2);
    assert_eq!(kernel.argument_info(3).unwrap().address_qualifier, 0x119E);
    assert_eq!(code(kernel.argument_info(5)), ErrorCode::InvalidArgIndex);
    let anonymous = scene.kernel("anonymous");
    assert_eq!(
        code(anonymous.argument_info(0)),
        ErrorCode::KernelArgInfoNotAvailable
    );
    let all = Kernel::create_kernels_in_program(&scene.program).unwrap();
    assert_eq!(all.len(), 4);
}

#[test]
fn arguments_arrive_in_the_block() {
    let scene = scene();
    let (kernel, buffer) = scene.ready();
    let launch = scene.run(&kernel).unwrap();
    assert_eq!(launch.name, "all");
    assert_eq!(pointer_at(&launch, 0), buffer.address().get() as u64);
    assert_eq!(pointer_at(&launch, 1), 0);
    // Behind the kernel's own 256 bytes, each aligned to 128.
    assert_eq!((pointer_at(&launch, 2), pointer_at(&launch, 4)), (256, 384));
    assert_eq!(launch.local_bytes, 512);
    assert_eq!(launch.arguments[48..52], [1, 2, 3, 4]);
    assert_eq!(
        (launch.global_size, launch.local_size),
        ([64, 1, 1], [16, 1, 1])
    );
    let info = kernel.work_group_info(None).unwrap();
    assert_eq!((info.local_mem_size, info.private_mem_size), (392, 40));
}

#[test]
fn launches_alike_see_what_changed_between_them() {
    let scene = scene();
    let (kernel, _buffer) = scene.ready();
    let places = || {
        let launch = scene.run(&kernel)?;
        let pointers = (pointer_at(&launch, 2), pointer_at(&launch, 4));
        Ok((pointers, launch.local_bytes, launch.arguments[48]))
    };
    let set = |index, size, value| kernel.set_kernel_arg(index, size, &value).unwrap();
    for _ in 0..2 {
        assert_eq!(places().unwrap(), ((256, 384), 512, 1));
    }
    set(2, 200, ArgumentValue::Null);
    set(3, 4, ArgumentValue::Bytes(&[7; 4]));
    assert_eq!(places().unwrap(), ((256, 512), 640, 7));
    set(2, 1 << 30, ArgumentValue::Null);
    assert_eq!(code(places()), ErrorCode::OutOfResources);
    set(2, 100, ArgumentValue::Null);
    assert_eq!(places().unwrap(), ((256, 384), 512, 7));
    let other = scene
        .queue
        .enqueue_nd_range_kernel(&kernel, 1, None, Some(&[32]), None, &[]);
    other.unwrap().wait().unwrap();
    let launch = scene.recorder.launches().pop().unwrap();
    assert_eq!(launch.global_size, [32, 1, 1]);
    assert_eq!(scene.run(&kernel).unwrap().global_size, [64, 1, 1]);
}

#[test]
fn wrong_arguments_are_refused_and_change_nothing() {
    let scene = scene();
    let (kernel, buffer) = scene.ready();
    let set =
        |index, size, value: ArgumentValue<'_>| code(kernel.set_kernel_arg(index, size, &value));
    let object = || ArgumentValue::Buffer(Some(Arc::clone(&buffer)));
    assert_eq!(
        set(5, 4, ArgumentValue::Bytes(&[0; 4])),
        ErrorCode::InvalidArgIndex
    );
    assert_eq!(
        set(3, 8, ArgumentValue::Bytes(&[0; 8])),
        ErrorCode::InvalidArgSize
    );
    assert_eq!(set(3, 4, ArgumentValue::Null), ErrorCode::InvalidArgValue);
    assert_eq!(set(2, 0, ArgumentValue::Null), ErrorCode::InvalidArgSize);
    assert_eq!(
        set(2, 4, ArgumentValue::Bytes(&[0; 4])),
        ErrorCode::InvalidArgValue
    );
    assert_eq!(set(0, 4, object()), ErrorCode::InvalidArgSize);
    assert_eq!(
        set(0, 8, ArgumentValue::Bytes(&[7; 8])),
        ErrorCode::InvalidMemObject
    );
    let other = context_of(&[null_device()]);
    let foreign = Buffer::create(&other, 0, 8, Address::NULL, Vec::new()).unwrap();
    assert_eq!(
        set(0, 8, ArgumentValue::Buffer(Some(foreign))),
        ErrorCode::InvalidContext
    );
    let launch = scene.run(&kernel).unwrap();
    assert_eq!(pointer_at(&launch, 0), buffer.address().get() as u64);
    assert_eq!(launch.arguments[48..52], [1, 2, 3, 4]);
    kernel
        .set_kernel_arg(0, 8, &ArgumentValue::Bytes(&[0; 8]))
        .unwrap();
    assert_eq!(pointer_at(&scene.run(&kernel).unwrap(), 0), 0);
}

#[test]
fn every_argument_must_be_set() {
    let scene = scene();
    let kernel = scene.kernel("all");
    assert_eq!(code(scene.run(&kernel)), ErrorCode::InvalidKernelArgs);
    let clone = kernel.clone_kernel().unwrap();
    assert_eq!(code(scene.run(&clone)), ErrorCode::InvalidKernelArgs);
    scene.run(&scene.kernel("none")).unwrap();
}

#[test]
fn a_kernel_does_not_keep_its_buffers_but_a_command_does() {
    let scene = scene();
    let (kernel, buffer) = scene.ready();
    let gate = create_user_event(&scene.context).unwrap();
    let wait = std::slice::from_ref(&gate);
    let event = scene
        .queue
        .enqueue_nd_range_kernel(&kernel, 1, None, Some(&[1]), None, wait);
    let weak = Arc::downgrade(&buffer);
    drop(buffer);
    assert!(weak.upgrade().is_some());
    gate.set_user_event_status(0).unwrap();
    event.unwrap().wait().unwrap();
    assert!(weak.upgrade().is_none());
    assert_eq!(code(scene.run(&kernel)), ErrorCode::InvalidKernelArgs);
}

#[test]
fn arguments_are_taken_when_enqueued_and_clones_are_independent() {
    let scene = scene();
    let (kernel, _buffer) = scene.ready();
    let clone = kernel.clone_kernel().unwrap();
    let gate = create_user_event(&scene.context).unwrap();
    let wait = std::slice::from_ref(&gate);
    let event = scene
        .queue
        .enqueue_nd_range_kernel(&kernel, 1, None, Some(&[1]), None, wait);
    kernel
        .set_kernel_arg(3, 4, &ArgumentValue::Bytes(&[9; 4]))
        .unwrap();
    gate.set_user_event_status(0).unwrap();
    event.unwrap().wait().unwrap();
    let value = |launch: Launch| launch.arguments[48];
    assert_eq!(value(scene.recorder.launches()[0].clone()), 1);
    assert_eq!(value(scene.run(&kernel).unwrap()), 9);
    assert_eq!(value(scene.run(&clone).unwrap()), 1);
}

#[test]
fn svm_pointers_are_arguments() {
    let scene = scene_with(
        |info| info.svm_capabilities = SvmCapabilities::COARSE_GRAIN_BUFFER,
        "",
    );
    let (kernel, _buffer) = scene.ready();
    let svm = svm_alloc(&scene.context, 0, 4096, 0).unwrap();
    let inside = svm.wrapping_add(64);
    let set = |index, pointer| kernel.set_kernel_arg_svm_pointer(index, pointer);
    assert_eq!(code(set(5, svm)), ErrorCode::InvalidArgIndex);
    for index in [2, 3] {
        assert_eq!(code(set(index, svm)), ErrorCode::InvalidArgValue);
    }
    assert_eq!(
        code(set(0, svm.wrapping_add(8))),
        ErrorCode::InvalidArgValue
    );
    let host = [0_u64; 4];
    assert_eq!(code(set(1, address_of(&host))), ErrorCode::InvalidArgValue);
    set(0, inside).unwrap();
    set(1, svm.wrapping_add(4)).unwrap();
    let launch = scene.run(&kernel.clone_kernel().unwrap()).unwrap();
    assert_eq!(pointer_at(&launch, 0), inside.get() as u64);
    set(0, Address::NULL).unwrap();
    assert_eq!(pointer_at(&scene.run(&kernel).unwrap(), 0), 0);
}

#[test]
fn any_pointer_is_an_argument_where_there_is_system_svm() {
    let scene = scene();
    let (kernel, _buffer) = scene.ready();
    kernel
        .set_kernel_arg_svm_pointer(0, Address(0x7000))
        .unwrap();
    assert_eq!(pointer_at(&scene.run(&kernel).unwrap(), 0), 0x7000);
}

#[test]
fn pending_kernels_keep_svm_arguments_and_listed_svm() {
    let scene = scene();
    let (kernel, _buffer) = scene.ready();
    let pointers: Vec<_> = (0..2)
        .map(|_| svm_alloc(&scene.context, 0, 4096, 0).unwrap())
        .collect();
    kernel
        .set_kernel_arg_svm_pointer(0, pointers[0].wrapping_add(16))
        .unwrap();
    let listed = vec![Address::NULL, pointers[1].wrapping_add(99)];
    kernel.set_kernel_exec_info_svm_ptrs(listed).unwrap();
    let clone = kernel.clone_kernel().unwrap();
    let gate = create_user_event(&scene.context).unwrap();
    let wait = std::slice::from_ref(&gate);
    let event = scene
        .queue
        .enqueue_nd_range_kernel(&clone, 1, None, Some(&[1]), None, wait);
    for pointer in &pointers {
        svm_free(&scene.context, *pointer).unwrap();
        assert!(scene.context.svm_heap().is_quarantined(*pointer));
    }
    gate.set_user_event_status(0).unwrap();
    event.unwrap().wait().unwrap();
    for pointer in &pointers {
        assert!(!scene.context.svm_heap().is_quarantined(*pointer));
    }
}

#[test]
fn svm_needs_a_device_that_supports_it() {
    let scene = scene_with(|info| info.svm_capabilities = SvmCapabilities::empty(), "");
    let kernel = scene.kernel("all");
    let refused = ErrorCode::InvalidOperation;
    assert_eq!(
        code(kernel.set_kernel_arg_svm_pointer(0, Address::NULL)),
        refused
    );
    assert_eq!(
        code(kernel.set_kernel_exec_info_svm_ptrs(Vec::new())),
        refused
    );
    assert_eq!(
        code(kernel.set_kernel_exec_info_fine_grain_system(true)),
        refused
    );
    kernel
        .set_kernel_exec_info_fine_grain_system(false)
        .unwrap();
}

#[test]
fn a_queue_on_a_device_without_svm_refuses_svm_arguments() {
    let (_, with) = Recorder::create();
    let (_, without) =
        Recorder::create_with(|info| info.svm_capabilities = SvmCapabilities::empty());
    let context = context_of(&[with, Arc::clone(&without)]);
    let program = Program::create_with_source(&context, "kernel one global4".to_owned()).unwrap();
    program.build(None, "", None).unwrap();
    let kernel = Kernel::create(&program, "one").unwrap();
    let svm = svm_alloc(&context, 0, 64, 0).unwrap();
    kernel.set_kernel_arg_svm_pointer(0, svm).unwrap();
    let run = |queue: Arc<CommandQueue>| queue.enqueue_task(&kernel, &[]);
    assert_eq!(
        code(run(queue_on(&context, &without))),
        ErrorCode::InvalidOperation
    );
    assert!(run(queue_of(&context)).is_ok());
    assert_eq!(code(kernel.work_group_info(None)), ErrorCode::InvalidDevice);
    assert!(kernel.work_group_info(Some(&without)).is_ok());
}

#[test]
fn ranges_are_checked_before_anything_runs() {
    let scene = scene();
    let kernel = scene.kernel("none");
    let run = |work_dim, size: &[usize], local: Option<&[usize]>| {
        scene
            .queue
            .enqueue_nd_range_kernel(&kernel, work_dim, None, Some(size), local, &[])
    };
    assert_eq!(code(run(0, &[], None)), ErrorCode::InvalidWorkDimension);
    // The default language version is before 2.0, so work-groups are uniform.
    assert_eq!(
        code(run(1, &[10], Some(&[4]))),
        ErrorCode::InvalidWorkGroupSize
    );
    assert!(run(1, &[0], Some(&[4])).is_ok());
    assert!(scene
        .queue
        .enqueue_nd_range_kernel(&kernel, 1, None, None, None, &[])
        .is_ok());
    assert_eq!(scene.recorder.launches(), []);
    let task = scene.queue.enqueue_task(&kernel, &[]).unwrap();
    assert_eq!(task.command_type(), crate::command::CommandType::Task);
    let fixed = scene.kernel("fixed");
    assert_eq!(
        code(scene.queue.enqueue_task(&fixed, &[])),
        ErrorCode::InvalidWorkGroupSize
    );
    assert_eq!(
        fixed.work_group_info(None).unwrap().compile_work_group_size,
        [8, 1, 1]
    );
}

#[test]
fn the_language_version_decides_about_uniform_work_groups() {
    for (options, uniform) in [
        ("-cl-std=CL1.2", true),
        ("-cl-std=CL2.0", false),
        ("-cl-std=CL3.0", false),
        ("-cl-std=CL3.0 -cl-uniform-work-group-size", true),
    ] {
        let scene = scene_with(|_| (), options);
        let kernel = scene.kernel("none");
        let size = Some([10].as_slice());
        let run = scene
            .queue
            .enqueue_nd_range_kernel(&kernel, 1, None, size, Some(&[4]), &[]);
        assert_eq!(run.is_err(), uniform, "{options}");
    }
}

#[test]
fn local_memory_is_limited() {
    let scene = scene();
    let (kernel, _buffer) = scene.ready();
    let limit = scene.context.devices()[0].info.local_mem_size as usize;
    kernel
        .set_kernel_arg(2, limit, &ArgumentValue::Null)
        .unwrap();
    assert_eq!(code(scene.run(&kernel)), ErrorCode::OutOfResources);
    kernel
        .set_kernel_arg(2, limit - 512, &ArgumentValue::Null)
        .unwrap();
    scene.run(&kernel).unwrap();
    kernel
        .set_kernel_arg(2, usize::MAX, &ArgumentValue::Null)
        .unwrap();
    assert_eq!(code(scene.run(&kernel)), ErrorCode::OutOfResources);
}

#[test]
fn contexts_of_queue_and_kernel_must_agree() {
    let (one, other) = (scene(), scene());
    let kernel = one.kernel("none");
    assert_eq!(
        code(other.queue.enqueue_task(&kernel, &[])),
        ErrorCode::InvalidContext
    );
}

#[test]
fn native_kernels_need_a_device_that_runs_them() {
    let native =
        |queue: &Arc<CommandQueue>| queue.enqueue_native_kernel(Box::new(|| ()), Vec::new(), &[]);
    let unable = scene_with(|info| info.execution_capabilities = 1, "");
    assert_eq!(code(native(&unable.queue)), ErrorCode::InvalidOperation);
    native(&scene().queue).unwrap().wait().unwrap();
}

#[test]
fn threads_may_set_arguments_of_one_kernel() {
    let scene = scene();
    let (kernel, _buffer) = scene.ready();
    std::thread::scope(|threads| {
        for thread in 0..4_u8 {
            let (kernel, scene) = (&kernel, &scene);
            threads.spawn(move || {
                for _ in 0..200 {
                    let bytes = [thread; 4];
                    kernel
                        .set_kernel_arg(3, 4, &ArgumentValue::Bytes(&bytes))
                        .unwrap();
                    scene.run(kernel).unwrap();
                }
            });
        }
    });
    let whole = |launch: &Launch| {
        launch.arguments[48..52]
            .iter()
            .all(|byte| *byte == launch.arguments[48])
    };
    assert!(scene.recorder.launches().iter().all(whole));
}

#[test]
fn launches_that_write_more_than_caches_hold_have_code_of_their_own() {
    let run = |cache: u64, sizes: &[usize], local: usize| {
        let scene = scene_with(|info| info.global_mem_cache_size = cache, "");
        let kernel = scene.kernel("none");
        let mut streams = Vec::new();
        for &size in sizes {
            let (global, local) = ([size, 2], [local, 1]);
            let (global, local) = (Some(&global[..]), Some(&local[..]));
            let event = (scene.queue)
                .enqueue_nd_range_kernel(&kernel, 2, None, global, local, &[])
                .unwrap();
            event.wait().unwrap();
            streams.push(scene.recorder.launches().last().unwrap().streams);
        }
        streams
    };
    // Two rows, 4 bytes for each work-item.
    assert_eq!(
        run(1 << 20, &[65472, 65536, 1 << 20, 64, 65536], 64),
        [false, true, true, false, true]
    );
    assert_eq!(run(1 << 20, &[65536], 32), [false], "short rows");
    assert_eq!(run(0, &[1 << 20], 64), [false], "caches of unknown size");
}
