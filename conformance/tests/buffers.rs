//! Buffers and sub-buffers (§5.2): what they are made of, what the host may do with them, and how
//! they are mapped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use isocl_conformance::client::{offset, read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

const SIZE: usize = 4096;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

/// The buffer, or the code.
fn create(
    session: &Session,
    flags: cl_mem_flags,
    size: usize,
    host: *mut c_void,
) -> Result<cl_mem, cl_int> {
    let mut code = 99;
    let buffer = session
        .api
        .clCreateBuffer(session.context, flags, size, host, &mut code);
    assert_eq!(buffer.is_null(), code != CL_SUCCESS);
    if code == CL_SUCCESS {
        Ok(buffer)
    } else {
        Err(code)
    }
}

fn sub_buffer(
    session: &Session,
    buffer: cl_mem,
    flags: cl_mem_flags,
    origin: usize,
    size: usize,
) -> Result<cl_mem, cl_int> {
    let mut code = 99;
    let region = cl_buffer_region { origin, size };
    let sub = session.api.clCreateSubBuffer(
        buffer,
        flags,
        CL_BUFFER_CREATE_TYPE_REGION,
        (&raw const region).cast(),
        &mut code,
    );
    if code == CL_SUCCESS {
        Ok(sub)
    } else {
        Err(code)
    }
}

fn info<T: Copy + Default>(session: &Session, object: cl_mem, name: cl_uint) -> T {
    let mut value = T::default();
    let (place, size) = ((&raw mut value).cast(), size_of::<T>());
    let code = session
        .api
        .clGetMemObjectInfo(object, name, size, place, null_mut());
    assert_eq!(code, CL_SUCCESS, "{name:#x}");
    value
}

/// The mapped pointer, or the code.
fn map(
    session: &Session,
    buffer: cl_mem,
    flags: cl_ulong,
    at: usize,
    size: usize,
) -> Result<*mut c_void, cl_int> {
    let mut code = 99;
    let pointer = session.api.clEnqueueMapBuffer(
        session.queue,
        buffer,
        CL_TRUE,
        flags,
        at,
        size,
        0,
        null(),
        null_mut(),
        &mut code,
    );
    if code == CL_SUCCESS {
        Ok(pointer)
    } else {
        Err(code)
    }
}

fn unmap(session: &Session, buffer: cl_mem, pointer: *mut c_void) -> cl_int {
    let api = session.api;
    let none = null_mut();
    let code = api.clEnqueueUnmapMemObject(session.queue, buffer, pointer, 0, null(), none);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    code
}

#[test]
fn flags_sizes_and_host_pointers_are_checked() {
    let session = session();
    let largest: cl_ulong = session.device_info(CL_DEVICE_MAX_MEM_ALLOC_SIZE).unwrap();
    let mut memory = vec![0_u64; SIZE / 8];
    let (host, none) = (memory.as_mut_ptr().cast::<c_void>(), null_mut());
    let (using, copying, allocating) = (
        CL_MEM_USE_HOST_PTR,
        CL_MEM_COPY_HOST_PTR,
        CL_MEM_ALLOC_HOST_PTR,
    );
    for (flags, pointer) in [
        (0, none),
        (CL_MEM_WRITE_ONLY | CL_MEM_HOST_READ_ONLY, none),
        (CL_MEM_READ_ONLY | CL_MEM_HOST_NO_ACCESS | copying, host),
        (allocating, none),
        (allocating | copying, host),
        (using | CL_MEM_HOST_WRITE_ONLY, host),
    ] {
        let buffer = create(&session, flags, SIZE, pointer).unwrap();
        assert_eq!(info::<cl_ulong>(&session, buffer, CL_MEM_FLAGS), flags);
        assert_eq!(info::<usize>(&session, buffer, CL_MEM_SIZE), SIZE);
        let used = if flags & using == 0 { none } else { host };
        assert_eq!(
            info::<usize>(&session, buffer, CL_MEM_HOST_PTR),
            used as usize
        );
        assert_eq!(session.api.clReleaseMemObject(buffer), CL_SUCCESS);
    }
    for (flags, size, pointer, code) in [
        (
            CL_MEM_READ_WRITE | CL_MEM_READ_ONLY,
            SIZE,
            none,
            CL_INVALID_VALUE,
        ),
        (
            CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY,
            SIZE,
            none,
            CL_INVALID_VALUE,
        ),
        (
            CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY,
            SIZE,
            none,
            CL_INVALID_VALUE,
        ),
        (
            CL_MEM_HOST_NO_ACCESS | CL_MEM_HOST_READ_ONLY,
            SIZE,
            none,
            CL_INVALID_VALUE,
        ),
        (using | copying, SIZE, host, CL_INVALID_VALUE),
        (using | allocating, SIZE, host, CL_INVALID_VALUE),
        (CL_MEM_SVM_FINE_GRAIN_BUFFER, SIZE, none, CL_INVALID_VALUE),
        (1 << 40, SIZE, none, CL_INVALID_VALUE),
        (0, 0, none, CL_INVALID_BUFFER_SIZE),
        (0, largest as usize + 1, none, CL_INVALID_BUFFER_SIZE),
        (0, usize::MAX, none, CL_INVALID_BUFFER_SIZE),
        (using, SIZE, none, CL_INVALID_HOST_PTR),
        (copying, SIZE, none, CL_INVALID_HOST_PTR),
        (allocating | copying, SIZE, none, CL_INVALID_HOST_PTR),
        (0, SIZE, host, CL_INVALID_HOST_PTR),
        (allocating, SIZE, host, CL_INVALID_HOST_PTR),
    ] {
        assert_eq!(
            create(&session, flags, size, pointer),
            Err(code),
            "{flags:#x} {size}"
        );
    }
}

#[test]
fn properties_come_back_as_they_were_given() {
    let session = session();
    let api = session.api;
    let given = |properties: *const cl_ulong| {
        let mut code = 99;
        let buffer = api.clCreateBufferWithProperties(
            session.context,
            properties,
            0,
            SIZE,
            null_mut(),
            &mut code,
        );
        if code != CL_SUCCESS {
            return Err(code);
        }
        let (mut list, mut size) = ([99_u64; 2], 99);
        let place = list.as_mut_ptr().cast();
        let code = api.clGetMemObjectInfo(buffer, CL_MEM_PROPERTIES, 16, place, &mut size);
        assert_eq!(code, CL_SUCCESS);
        assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
        Ok(list[..size / 8].to_vec())
    };
    assert_eq!(given(null()), Ok(Vec::new()));
    assert_eq!(given([0].as_ptr()), Ok(vec![0]));
    assert_eq!(given([0x4711, 1, 0].as_ptr()), Err(CL_INVALID_PROPERTY));
}

#[test]
fn sub_buffers_are_aligned_regions_that_only_narrow() {
    let session = session();
    let api = session.api;
    let bits: cl_uint = session.device_info(CL_DEVICE_MEM_BASE_ADDR_ALIGN).unwrap();
    let align = bits as usize / 8;
    let mut memory = vec![0_u64; SIZE / 8];
    let host: *mut c_void = memory.as_mut_ptr().cast();
    let flags = CL_MEM_READ_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_USE_HOST_PTR;
    let buffer = create(&session, flags, SIZE, host).unwrap();
    let sub = sub_buffer(&session, buffer, 0, align, align).unwrap();
    assert_eq!(info::<cl_ulong>(&session, sub, CL_MEM_FLAGS), flags);
    assert_eq!(
        info::<cl_uint>(&session, sub, CL_MEM_TYPE),
        CL_MEM_OBJECT_BUFFER
    );
    assert_eq!(info::<usize>(&session, sub, CL_MEM_SIZE), align);
    assert_eq!(info::<usize>(&session, sub, CL_MEM_OFFSET), align);
    let parent: usize = info(&session, sub, CL_MEM_ASSOCIATED_MEMOBJECT);
    assert_eq!(parent, buffer as usize);
    let pointer: usize = info(&session, sub, CL_MEM_HOST_PTR);
    assert_eq!(pointer, host as usize + align);
    let nested = sub_buffer(&session, sub, 0, 0, 1);
    assert_eq!(nested, Err(CL_INVALID_MEM_OBJECT));
    for (flags, origin, size, code) in [
        (0, 0, 0, CL_INVALID_BUFFER_SIZE),
        (0, SIZE, 1, CL_INVALID_VALUE),
        (0, align, SIZE, CL_INVALID_VALUE),
        (0, usize::MAX - align + 1, align, CL_INVALID_VALUE),
        (0, 1, 1, CL_MISALIGNED_SUB_BUFFER_OFFSET),
        (0, align / 2, 1, CL_MISALIGNED_SUB_BUFFER_OFFSET),
        (CL_MEM_READ_WRITE, 0, 1, CL_INVALID_VALUE),
        (CL_MEM_WRITE_ONLY, 0, 1, CL_INVALID_VALUE),
        (CL_MEM_HOST_WRITE_ONLY, 0, 1, CL_INVALID_VALUE),
        (CL_MEM_USE_HOST_PTR, 0, 1, CL_INVALID_VALUE),
        (CL_MEM_ALLOC_HOST_PTR, 0, 1, CL_INVALID_VALUE),
        (CL_MEM_COPY_HOST_PTR, 0, 1, CL_INVALID_VALUE),
    ] {
        let found = sub_buffer(&session, buffer, flags, origin, size);
        assert_eq!(found, Err(code), "{flags:#x} {origin} {size}");
    }
    let narrower = sub_buffer(&session, buffer, CL_MEM_HOST_NO_ACCESS, 0, 1).unwrap();
    assert_eq!(
        map(&session, narrower, CL_MAP_READ, 0, 1),
        Err(CL_INVALID_OPERATION)
    );
    let mut code = 99;
    let region = [0_usize, 64];
    let info_place = region.as_ptr().cast();
    api.clCreateSubBuffer(buffer, 0, 0x1221, info_place, &mut code);
    assert_eq!(code, CL_INVALID_VALUE);
    api.clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, null(), &mut code);
    assert_eq!(code, CL_INVALID_VALUE);
    // A sub-buffer keeps its buffer.
    assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
    assert_eq!(info::<usize>(&session, sub, CL_MEM_SIZE), align);
    for object in [sub, narrower] {
        assert_eq!(api.clReleaseMemObject(object), CL_SUCCESS);
    }
}

/// The codes of reading and writing, as bytes and as a rectangle, and of mapping with each flag.
fn host_access(session: &Session, buffer: cl_mem) -> [cl_int; 8] {
    let api = session.api;
    let queue = session.queue;
    let mut bytes = [0_u8; 16];
    let at = bytes.as_mut_ptr().cast::<c_void>();
    let (zeros, ones): (*const usize, *const usize) = ([0; 3].as_ptr(), [1; 3].as_ptr());
    let mapped = |flags| match map(session, buffer, flags, 0, 16) {
        Ok(pointer) => unmap(session, buffer, pointer),
        Err(code) => code,
    };
    let none = null_mut();
    [
        api.clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, 16, at, 0, null(), none),
        api.clEnqueueReadBufferRect(
            queue,
            buffer,
            CL_TRUE,
            zeros,
            zeros,
            ones,
            0,
            0,
            0,
            0,
            at,
            0,
            null(),
            none,
        ),
        mapped(CL_MAP_READ),
        mapped(CL_MAP_READ | CL_MAP_WRITE),
        api.clEnqueueWriteBuffer(queue, buffer, CL_TRUE, 0, 16, at, 0, null(), none),
        api.clEnqueueWriteBufferRect(
            queue,
            buffer,
            CL_TRUE,
            zeros,
            zeros,
            ones,
            0,
            0,
            0,
            0,
            at,
            0,
            null(),
            none,
        ),
        mapped(CL_MAP_WRITE),
        mapped(CL_MAP_WRITE_INVALIDATE_REGION),
    ]
}

#[test]
fn the_host_does_what_the_flags_allow() {
    let session = session();
    let (yes, no) = (CL_SUCCESS, CL_INVALID_OPERATION);
    for (flags, reads, both, writes) in [
        (0, yes, yes, yes),
        (CL_MEM_READ_ONLY, yes, yes, yes),
        (CL_MEM_HOST_READ_ONLY, yes, no, no),
        (CL_MEM_HOST_WRITE_ONLY, no, no, yes),
        (CL_MEM_HOST_NO_ACCESS, no, no, no),
    ] {
        let buffer = create(&session, flags, SIZE, null_mut()).unwrap();
        let expected = [reads, reads, reads, both, writes, writes, writes, writes];
        assert_eq!(host_access(&session, buffer), expected, "{flags:#x}");
        // Commands of the device are none of the host's.
        let api = session.api;
        let pattern = 0_u32;
        let place = (&raw const pattern).cast();
        let none = null_mut();
        let filled =
            api.clEnqueueFillBuffer(session.queue, buffer, place, 4, 0, 64, 0, null(), none);
        let copied =
            api.clEnqueueCopyBuffer(session.queue, buffer, buffer, 0, 64, 64, 0, null(), none);
        assert_eq!(
            [filled, copied, api.clFinish(session.queue)],
            [CL_SUCCESS; 3]
        );
        assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
    }
}

#[test]
fn mappings_have_rules_and_show_the_buffer() {
    let session = session();
    let mut memory = vec![0_u64; SIZE / 8];
    let host: *mut c_void = memory.as_mut_ptr().cast();
    for (flags, pointer) in [(0, null_mut()), (CL_MEM_USE_HOST_PTR, host)] {
        let buffer = create(&session, flags, SIZE, pointer).unwrap();
        let (reading, writing, anew) = (CL_MAP_READ, CL_MAP_WRITE, CL_MAP_WRITE_INVALIDATE_REGION);
        for (flags, at, size) in [
            (anew | reading, 0, 16),
            (anew | writing, 0, 16),
            (1 << 3, 0, 16),
            (reading, 0, 0),
            (reading, SIZE, 1),
            (reading, 1, SIZE),
            (reading, usize::MAX, 2),
        ] {
            let found = map(&session, buffer, flags, at, size);
            assert_eq!(found, Err(CL_INVALID_VALUE), "{flags:#x} {at} {size}");
        }
        let count = || info::<cl_uint>(&session, buffer, CL_MEM_MAP_COUNT);
        let first = map(&session, buffer, writing, 64, 64).unwrap();
        if !pointer.is_null() {
            assert_eq!(first, offset(host, 64), "derived from host_ptr");
        }
        // Regions may be read twice, but not written twice.
        let second = map(&session, buffer, reading, 0, SIZE).unwrap();
        assert_eq!(offset(second, 64), first);
        for flags in [writing, reading | writing, anew] {
            let overlapping = map(&session, buffer, flags, 127, 1);
            assert_eq!(overlapping, Err(CL_INVALID_OPERATION));
        }
        let beside = map(&session, buffer, anew, 128, 8).unwrap();
        assert_eq!(count(), 3);
        write(first, 0, 0x1122_u64);
        write(beside, 0, 0x3344_u64);
        assert_eq!(unmap(&session, buffer, offset(first, 1)), CL_INVALID_VALUE);
        for pointer in [first, second, beside] {
            assert_eq!(unmap(&session, buffer, pointer), CL_SUCCESS);
        }
        assert_eq!(unmap(&session, buffer, first), CL_INVALID_VALUE);
        assert_eq!(count(), 0);
        let mut words = [0_u64; 9];
        let code = session.api.clEnqueueReadBuffer(
            session.queue,
            buffer,
            CL_TRUE,
            64,
            size_of_val(&words),
            words.as_mut_ptr().cast(),
            0,
            null(),
            null_mut(),
        );
        assert_eq!((code, words[0], words[8]), (CL_SUCCESS, 0x1122, 0x3344));
        if !pointer.is_null() {
            let shown = map(&session, buffer, reading, 0, SIZE).unwrap();
            assert_eq!(read::<u64>(host, 16), 0x3344);
            assert_eq!(unmap(&session, buffer, shown), CL_SUCCESS);
        }
        assert_eq!(session.api.clReleaseMemObject(buffer), CL_SUCCESS);
    }
}

#[test]
fn migration_takes_objects_and_known_flags() {
    let session = session();
    let api = session.api;
    let buffers = [
        create(&session, 0, SIZE, null_mut()).unwrap(),
        create(&session, CL_MEM_HOST_NO_ACCESS, SIZE, null_mut()).unwrap(),
    ];
    let migrate = |count, objects, flags| {
        let none = null_mut();
        api.clEnqueueMigrateMemObjects(session.queue, count, objects, flags, 0, null(), none)
    };
    let both = buffers.as_ptr();
    let (host, undefined) = (
        CL_MIGRATE_MEM_OBJECT_HOST,
        CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED,
    );
    for flags in [0, host, undefined, host | undefined] {
        assert_eq!(migrate(2, both, flags), CL_SUCCESS, "{flags}");
    }
    assert_eq!(migrate(2, both, 1 << 2), CL_INVALID_VALUE);
    assert_eq!(migrate(0, both, 0), CL_INVALID_VALUE);
    assert_eq!(migrate(1, null(), 0), CL_INVALID_VALUE);
    assert_eq!(migrate(1, &null_mut(), 0), CL_INVALID_MEM_OBJECT);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    for buffer in buffers {
        assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
    }
}
