//! The protocol of queries, for every name of every object that needs no compiler.
use std::ffi::c_void;
use std::ptr::null_mut;

use crate::table::{cl, Handle, Objects};
use opencl_sys::*;

/// A query: name, size, value, size of the answer.
type Query<'a> = &'a dyn Fn(u32, usize, *mut c_void, *mut usize) -> cl_int;

/// The answer to a query, after checking all of the protocol.
fn ask(what: &str, query: Query<'_>, name: u32) -> Vec<u8> {
    let mut size = usize::MAX;
    let code = query(name, 0, null_mut(), &mut size);
    assert_eq!(code, CL_SUCCESS, "{what} {name:#x}: the size alone");
    assert_eq!(
        query(name, 0, null_mut(), null_mut()),
        CL_SUCCESS,
        "{what} {name:#x}: nothing"
    );
    let mut value = vec![0xA5_u8; size + 8];
    let place = value.as_mut_ptr().cast();
    if size > 0 {
        let code = query(name, size - 1, place, null_mut());
        assert_eq!(code, CL_INVALID_VALUE, "{what} {name:#x}: too small");
        assert!(
            value.iter().all(|byte| *byte == 0xA5),
            "{what} {name:#x}: touched"
        );
    }
    let mut again = usize::MAX;
    let place = value.as_mut_ptr().cast();
    assert_eq!(
        query(name, size + 8, place, &mut again),
        CL_SUCCESS,
        "{what} {name:#x}"
    );
    assert_eq!(again, size, "{what} {name:#x}");
    assert!(
        value[size..].iter().all(|byte| *byte == 0xA5),
        "{what} {name:#x}: beyond the end"
    );
    value.truncate(size);
    value
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_ne_bytes(word)
}

fn refuses_unknown(what: &str, query: Query<'_>) {
    for name in [0, 1, 0x0FFF, 0xFFFF_FFFF] {
        let code = query(name, 64, [0_u64; 8].as_mut_ptr().cast(), null_mut());
        assert_eq!(code, CL_INVALID_VALUE, "{what} {name:#x}");
    }
}

#[test]
fn the_platform_answers_everything() {
    let objects = Objects::new();
    for platform in [objects.platform, null_mut()] {
        let query = |name, size, value, size_ret| {
            cl!(clGetPlatformInfo(platform, name, size, value, size_ret))
        };
        for name in (CL_PLATFORM_PROFILE..=CL_PLATFORM_EXTENSIONS_WITH_VERSION)
            .chain([CL_PLATFORM_ICD_SUFFIX_KHR])
        {
            assert!(!ask("platform", &query, name).is_empty());
        }
        assert_eq!(
            ask("platform", &query, CL_PLATFORM_ICD_SUFFIX_KHR),
            b"ISOCL\0"
        );
        let version = ask("platform", &query, CL_PLATFORM_NUMERIC_VERSION);
        assert_eq!(word(&version), 3 << 22);
        refuses_unknown("platform", &query);
    }
}

#[test]
fn the_device_answers_everything() {
    let objects = Objects::new();
    let query = |name, size, value, size_ret| {
        cl!(clGetDeviceInfo(objects.device, name, size, value, size_ret))
    };
    // The names of OpenCL 3.0: all in one range but for half precision, which the device lacks,
    // two numbers that were never given out and those of cl_khr_device_uuid.
    let lacking = [
        CL_DEVICE_HALF_FP_CONFIG,
        0x105F,
        0x106A,
        0x106B,
        0x106C,
        0x106D,
        0x106E,
    ];
    for name in (CL_DEVICE_TYPE..=CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED)
        .filter(|name| !lacking.contains(name))
    {
        ask("device", &query, name);
    }
    let number = |name| word(&ask("device", &query, name));
    assert_eq!(number(CL_DEVICE_PLATFORM), objects.platform as u64);
    assert_eq!(number(CL_DEVICE_NUMERIC_VERSION), 3 << 22);
    assert_eq!(number(CL_DEVICE_REFERENCE_COUNT), 1);
    // OpenCL C 3.0 without everything that 2.0 had is no backwards compatible 3.0.
    let language = ask("device", &query, CL_DEVICE_OPENCL_C_VERSION);
    assert!(language.starts_with(b"OpenCL C 1.2 "), "{language:?}");
    for zero in [
        CL_DEVICE_IMAGE_SUPPORT,
        CL_DEVICE_PIPE_SUPPORT,
        CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS,
        CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES,
        CL_DEVICE_PARENT_DEVICE,
    ] {
        assert_eq!(number(zero), 0, "{zero:#x}");
    }
    // Each work-item is a sub-group.
    assert_eq!(
        number(CL_DEVICE_MAX_NUM_SUB_GROUPS),
        number(CL_DEVICE_MAX_WORK_GROUP_SIZE)
    );
    assert!(number(CL_DEVICE_MAX_MEM_ALLOC_SIZE) <= number(CL_DEVICE_GLOBAL_MEM_SIZE));
    // Names with versions: each entry is a version and 64 bytes of text that ends with a zero.
    for name in [
        CL_DEVICE_EXTENSIONS_WITH_VERSION,
        CL_DEVICE_OPENCL_C_FEATURES,
    ] {
        let list = ask("device", &query, name);
        assert!(
            !list.is_empty() && list.chunks(68).all(|entry| entry[67] == 0),
            "{name:#x}"
        );
    }
    refuses_unknown("device", &query);
}

#[test]
fn objects_answer_everything() {
    let objects = Objects::new();
    let &Objects {
        context,
        queue,
        buffer,
        program,
        event,
        device,
        ..
    } = &objects;
    let context_info =
        |name, size, value, size_ret| cl!(clGetContextInfo(context, name, size, value, size_ret));
    let queue_info = |name, size, value, size_ret| {
        cl!(clGetCommandQueueInfo(queue, name, size, value, size_ret))
    };
    let buffer_info =
        |name, size, value, size_ret| cl!(clGetMemObjectInfo(buffer, name, size, value, size_ret));
    let program_info =
        |name, size, value, size_ret| cl!(clGetProgramInfo(program, name, size, value, size_ret));
    let build_info = |name, size, value, size_ret| {
        cl!(clGetProgramBuildInfo(
            program, device, name, size, value, size_ret
        ))
    };
    let event_info =
        |name, size, value, size_ret| cl!(clGetEventInfo(event, name, size, value, size_ret));
    let table: [(&str, Query<'_>, Vec<u32>); 6] = [
        (
            "context",
            &context_info,
            vec![0x1080, 0x1081, 0x1082, 0x1083],
        ),
        (
            "queue",
            &queue_info,
            vec![0x1090, 0x1091, 0x1092, 0x1093, 0x1095, 0x1098],
        ),
        ("buffer", &buffer_info, (0x1100..=0x110A).collect()),
        // What needs a build has an error of its own.
        (
            "program",
            &program_info,
            vec![0x1160, 0x1161, 0x1162, 0x1163, 0x1164, 0x1165, 0x1169],
        ),
        ("build", &build_info, (0x1181..=0x1185).collect()),
        ("event", &event_info, (0x11D0..=0x11D4).collect()),
    ];
    for (what, query, names) in table {
        for name in names {
            ask(what, query, name);
        }
        refuses_unknown(what, query);
    }
    let size_of_device_queue = queue_info(CL_QUEUE_SIZE, 0, null_mut(), null_mut());
    assert_eq!(size_of_device_queue, CL_INVALID_COMMAND_QUEUE);
    let unbuilt = program_info(CL_PROGRAM_NUM_KERNELS, 0, null_mut(), null_mut());
    assert_eq!(unbuilt, CL_INVALID_PROGRAM_EXECUTABLE);
    assert_eq!(
        ask("program", &program_info, CL_PROGRAM_SOURCE),
        b"kernel void k() {}\0"
    );
    assert!(ask("program", &program_info, CL_PROGRAM_IL).is_empty());
    assert!(ask("event", &event_info, CL_EVENT_COMMAND_QUEUE)
        .iter()
        .all(|byte| *byte == 0));
}

#[test]
fn property_lists_come_back_as_they_were_given() {
    let objects = Objects::new();
    let mut code = 0;
    let properties = [CL_CONTEXT_PLATFORM, objects.platform as isize, 0];
    let context = cl!(clCreateContext(
        properties.as_ptr(),
        1,
        &objects.device,
        None,
        null_mut(),
        &mut code
    ));
    let query =
        |name, size, value, size_ret| cl!(clGetContextInfo(context, name, size, value, size_ret));
    let expected: Vec<u8> = properties
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    assert_eq!(ask("context", &query, CL_CONTEXT_PROPERTIES), expected);
    let properties = [u64::from(CL_QUEUE_PROPERTIES), CL_QUEUE_PROFILING_ENABLE, 0];
    let queue = cl!(clCreateCommandQueueWithProperties(
        context,
        objects.device,
        properties.as_ptr(),
        &mut code
    ));
    let query = |name, size, value, size_ret| {
        cl!(clGetCommandQueueInfo(queue, name, size, value, size_ret))
    };
    let expected: Vec<u8> = properties
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    assert_eq!(ask("queue", &query, CL_QUEUE_PROPERTIES_ARRAY), expected);
    assert_eq!(
        word(&ask("queue", &query, CL_QUEUE_PROPERTIES)),
        CL_QUEUE_PROFILING_ENABLE
    );
    assert_eq!(cl!(clReleaseCommandQueue(queue)), CL_SUCCESS);
    assert_eq!(cl!(clReleaseContext(context)), CL_SUCCESS);
}

#[test]
fn references_are_counted_and_objects_that_others_need_stay_usable() {
    let objects = Objects::new();
    let device = objects.device;
    let mut code = 0;
    let context = cl!(clCreateContext(
        std::ptr::null(),
        1,
        &device,
        None,
        null_mut(),
        &mut code
    ));
    let references = |context: Handle| {
        let query = |name, size, value, size_ret| {
            cl!(clGetContextInfo(context, name, size, value, size_ret))
        };
        word(&ask("context", &query, CL_CONTEXT_REFERENCE_COUNT))
    };
    assert_eq!(references(context), 1);
    assert_eq!(cl!(clRetainContext(context)), CL_SUCCESS);
    assert_eq!(references(context), 2);
    let buffer = cl!(clCreateBuffer(context, 0, 4096, null_mut(), &mut code));
    let region = cl_buffer_region {
        origin: 0,
        size: 1024,
    };
    let region = std::ptr::from_ref(&region).cast();
    let kind = CL_BUFFER_CREATE_TYPE_REGION;
    let part = cl!(clCreateSubBuffer(buffer, 0, kind, region, &mut code));
    assert_eq!(code, CL_SUCCESS);
    // Only the application's own references count.
    assert_eq!(references(context), 2);
    assert_eq!(cl!(clReleaseContext(context)), CL_SUCCESS);
    assert_eq!(cl!(clReleaseContext(context)), CL_SUCCESS);
    assert_eq!(cl!(clReleaseContext(context)), CL_INVALID_CONTEXT);
    assert_eq!(cl!(clReleaseMemObject(buffer)), CL_SUCCESS);
    assert_eq!(cl!(clReleaseMemObject(buffer)), CL_INVALID_MEM_OBJECT);
    // The sub-buffer needs the buffer, which needs the context.
    let query =
        |name, size, value, size_ret| cl!(clGetMemObjectInfo(part, name, size, value, size_ret));
    assert_eq!(
        word(&ask("part", &query, CL_MEM_ASSOCIATED_MEMOBJECT)),
        buffer as u64
    );
    assert_eq!(word(&ask("part", &query, CL_MEM_CONTEXT)), context as u64);
    assert_eq!(references(context), 0);
    let size = |buffer| {
        cl!(clGetMemObjectInfo(
            buffer,
            CL_MEM_SIZE,
            0,
            null_mut(),
            null_mut()
        ))
    };
    assert_eq!(size(buffer), CL_SUCCESS);
    assert_eq!(cl!(clReleaseMemObject(part)), CL_SUCCESS);
    assert_eq!(size(part), CL_INVALID_MEM_OBJECT);
    assert_eq!(size(buffer), CL_INVALID_MEM_OBJECT);
    let gone = cl!(clGetContextInfo(
        context,
        CL_CONTEXT_NUM_DEVICES,
        0,
        null_mut(),
        null_mut()
    ));
    assert_eq!(gone, CL_INVALID_CONTEXT);
}
