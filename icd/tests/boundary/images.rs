//! Images and samplers, which no device supports: every call says so with the code of the standard.

use std::ptr::{null, null_mut};

use crate::table::{cl, code, Objects};
use opencl_sys::*;

const N: *mut cl_event = null_mut();

#[test]
fn nothing_is_created() {
    let objects = Objects::new();
    let context = objects.context;
    let codes = [
        code(|c| cl!(clCreateImage(context, 0, null(), null(), null_mut(), c))),
        code(|c| {
            cl!(clCreateImageWithProperties(
                context,
                null(),
                0,
                null(),
                null(),
                null_mut(),
                c
            ))
        }),
        code(|c| cl!(clCreateImage2D(context, 0, null(), 1, 1, 0, null_mut(), c))),
        code(|c| {
            cl!(clCreateImage3D(
                context,
                0,
                null(),
                1,
                1,
                1,
                0,
                0,
                null_mut(),
                c
            ))
        }),
        code(|c| cl!(clCreateSampler(context, 0, 0, 0, c))),
        code(|c| cl!(clCreateSamplerWithProperties(context, null(), c))),
    ];
    assert_eq!(codes, [CL_INVALID_OPERATION; 6]);
}

/// The codes of all commands on images.
fn commands(queue: cl_command_queue, image: cl_mem, buffer: cl_mem) -> [cl_int; 7] {
    let three: *const usize = [1_usize; 3].as_ptr();
    let host = null_mut();
    [
        cl!(clEnqueueReadImage(
            queue,
            image,
            1,
            three,
            three,
            0,
            0,
            host,
            0,
            null(),
            N
        )),
        cl!(clEnqueueWriteImage(
            queue,
            image,
            1,
            three,
            three,
            0,
            0,
            host,
            0,
            null(),
            N
        )),
        cl!(clEnqueueFillImage(
            queue,
            image,
            host,
            three,
            three,
            0,
            null(),
            N
        )),
        cl!(clEnqueueCopyImage(
            queue,
            buffer,
            image,
            three,
            three,
            three,
            0,
            null(),
            N
        )),
        cl!(clEnqueueCopyImageToBuffer(
            queue,
            image,
            buffer,
            three,
            three,
            0,
            0,
            null(),
            N
        )),
        cl!(clEnqueueCopyBufferToImage(
            queue,
            buffer,
            image,
            0,
            three,
            three,
            0,
            null(),
            N
        )),
        code(|c| {
            cl!(clEnqueueMapImage(
                queue,
                image,
                1,
                CL_MAP_READ,
                three,
                three,
                null_mut(),
                null_mut(),
                0,
                null(),
                N,
                c
            ))
        }),
    ]
}

#[test]
fn the_device_runs_no_command_on_an_image() {
    let objects = Objects::new();
    let &Objects { queue, buffer, .. } = &objects;
    let refused = commands(queue, buffer, buffer);
    assert_eq!(refused, [CL_INVALID_OPERATION; 7]);
    let no_object = commands(queue, null_mut(), buffer);
    assert_eq!(no_object, [CL_INVALID_MEM_OBJECT; 7]);
    let no_queue = commands(null_mut(), buffer, buffer);
    assert_eq!(no_queue, [CL_INVALID_COMMAND_QUEUE; 7]);
    let info = cl!(clGetImageInfo(
        buffer,
        CL_IMAGE_WIDTH,
        0,
        null_mut(),
        null_mut()
    ));
    assert_eq!(info, CL_INVALID_MEM_OBJECT);
}

#[test]
fn there_are_no_formats_and_saying_so_is_a_success() {
    let objects = Objects::new();
    let mut count = 7;
    let formats = |flags, kind, entries, place, count| {
        cl!(clGetSupportedImageFormats(
            objects.context,
            flags,
            kind,
            entries,
            place,
            count
        ))
    };
    let none = null_mut();
    for flags in [
        0,
        CL_MEM_READ_WRITE,
        CL_MEM_READ_ONLY | CL_MEM_HOST_NO_ACCESS,
        CL_MEM_KERNEL_READ_AND_WRITE,
    ] {
        let code = formats(flags, CL_MEM_OBJECT_IMAGE2D, 0, none, &mut count);
        assert_eq!((code, count), (CL_SUCCESS, 0), "{flags:#x}");
        count = 7;
    }
    for flags in [1 << 40, CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY] {
        let code = formats(flags, CL_MEM_OBJECT_IMAGE2D, 0, none, &mut count);
        assert_eq!((code, count), (CL_INVALID_VALUE, 7), "{flags:#x}");
    }
    let code = formats(1, CL_MEM_OBJECT_BUFFER, 0, none, &mut count);
    assert_eq!(code, CL_INVALID_VALUE);
    let mut format = [0_u32; 2];
    let place = format.as_mut_ptr().cast();
    let code = formats(1, CL_MEM_OBJECT_IMAGE2D, 0, place, &mut count);
    assert_eq!(code, CL_INVALID_VALUE);
}
