//! Half precision (cl_khr_fp16) as programs use it: queries, arguments, memory, arithmetic,
//! literals, conversions and collective functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ptr::null_mut;

use isocl_conformance::session::Session;
use opencl_sys::*;

/// A device with half precision; `None` for one that does not promise it.
fn session() -> Option<Session> {
    let session = Session::open().expect("an OpenCL device (run the tests with `make test`)");
    let extensions = session.device_string(CL_DEVICE_EXTENSIONS).unwrap();
    extensions
        .split(' ')
        .any(|name| name == "cl_khr_fp16")
        .then_some(session)
}

/// Runs a kernel on `words` in a buffer, its first argument; `more` sets the others.
fn run(
    session: &Session,
    (source, options): (&str, &str),
    words: &mut [u16],
    items: usize,
    more: impl Fn(cl_kernel),
) {
    let api = session.api;
    let kernel = session
        .kernel(source, options, "f")
        .unwrap_or_else(|(error, log)| panic!("{error:?}\n{log}"));
    let bytes = size_of_val(words);
    let mut code = CL_SUCCESS;
    let buffer = api.clCreateBuffer(
        session.context,
        CL_MEM_COPY_HOST_PTR,
        bytes,
        words.as_mut_ptr().cast(),
        &mut code,
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(session.set_arg(kernel, 0, &buffer), CL_SUCCESS);
    more(kernel);
    assert_eq!(session.launch(kernel, &[items], Some(&[items])), CL_SUCCESS);
    let code = api.clEnqueueReadBuffer(
        session.queue,
        buffer,
        CL_TRUE,
        0,
        bytes,
        words.as_mut_ptr().cast(),
        0,
        null_mut(),
        null_mut(),
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(api.clReleaseMemObject(buffer), CL_SUCCESS);
    assert_eq!(api.clReleaseKernel(kernel), CL_SUCCESS);
}

#[test]
fn queries_tell_of_half_precision_only_with_the_extension() {
    let with = session();
    let session = Session::open().unwrap();
    let config = session.device_info::<cl_ulong>(CL_DEVICE_HALF_FP_CONFIG);
    let native: cl_uint = session
        .device_info(CL_DEVICE_NATIVE_VECTOR_WIDTH_HALF)
        .unwrap();
    let preferred: cl_uint = session
        .device_info(CL_DEVICE_PREFERRED_VECTOR_WIDTH_HALF)
        .unwrap();
    assert_eq!(with.is_some(), native > 0 && preferred > 0);
    if with.is_some() {
        let config = config.unwrap();
        let nearest = CL_FP_ROUND_TO_NEAREST | CL_FP_INF_NAN;
        assert_eq!(config & nearest, nearest, "{config:#x}");
    } else {
        assert_eq!(config.unwrap_or(0), 0);
    }
}

#[test]
fn arithmetic_on_halves_rounds_after_each_operation() {
    let Some(session) = session() else { return };
    // x * y + z would be 1/4096 if nothing was rounded between.
    let source = "#pragma OPENCL EXTENSION cl_khr_fp16 : enable
        #ifndef cl_khr_fp16
        #error no macro
        #endif
        #pragma OPENCL FP_CONTRACT OFF
        constant half table[2] = {0.5h, -2.0h};
        kernel void f(global half *p, half factor, half4 more, local half *shared) {
            half mine[4];
            for (int i = 0; i < 4; i++) mine[i] = p[i] * factor;
            *shared = mine[3];
            p[0] = mine[0] + table[0];
            p[1] = mine[1] / 3.0h;
            p[2] = mine[2] - more.w;
            p[3] = sqrt(*shared);
            vstore4(more.wzyx * (half4)2, 1, p);
            p[8] = p[9] * p[9] + p[10];
            p[9] = fma(p[9], p[9], p[10]);
            p[10] = (half)5.960465e-8;
            p[11] = as_half((ushort)0x3c00) > 0.5h ? HALF_MAX : HALF_MIN;
            p[12] = (half)p[12] == p[12];
            p[13] = (half)(1.0 + 0x1p-11 + 0x1p-40);
            p[14] = convert_half_rtz(70000);
            p[15] = (half)(-70000.0f);
        }";
    for options in ["-cl-std=CL1.2", "-cl-std=CL3.0", "-cl-opt-disable"] {
        let mut words = [
            0x3c00, 0x3c00, 0x4000, 0x4200, 0, 0, 0, 0, 0, 0x3c10, 0xbc20, 0, 0x7e00, 0, 0, 0_u16,
        ];
        run(&session, (source, options), &mut words, 1, |kernel| {
            let api = session.api;
            assert_eq!(session.set_arg(kernel, 1, &0x4200_u16), CL_SUCCESS);
            let more = [0x3c00_u16, 0x4000, 0x4200, 0x4400];
            assert_eq!(session.set_arg(kernel, 2, &more), CL_SUCCESS);
            assert_eq!(api.clSetKernelArg(kernel, 3, 2, null_mut()), CL_SUCCESS);
        });
        let expected = [
            0x4300, 0x3c00, 0x4000, 0x4200, 0x4800, 0x4600, 0x4400, 0x4000, 0, 0x0c00, 1, 0x7bff,
            0, 0x3c01, 0x7bff, 0xfc00,
        ];
        assert_eq!(words, expected, "{options}: {words:x?}");
    }
}

#[test]
fn doubles_become_halves_with_one_rounding() {
    let Some(session) = session() else { return };
    let source = "#pragma OPENCL EXTENSION cl_khr_fp16 : enable
        #pragma OPENCL EXTENSION cl_khr_fp64 : enable
        kernel void f(global half *p, double step) {
            int i = get_global_id(0);
            // Just above and below the middle of two halves, where a float is in the middle.
            double middle = 1.0 + (2 * i + 1) * 0x1p-11;
            p[2 * i] = (half)(middle + step);
            p[2 * i + 1] = (half)(middle - step);
        }";
    let mut words = [0_u16; 128];
    run(&session, (source, ""), &mut words, 64, |kernel| {
        let step = 2f64.powi(-45);
        assert_eq!(session.set_arg(kernel, 1, &step), CL_SUCCESS);
    });
    for (item, pair) in words.chunks(2).enumerate() {
        let low = 0x3c00 + item as u16;
        assert_eq!(pair, [low + 1, low], "{item}");
    }
}

#[test]
fn groups_combine_and_copy_halves() {
    let Some(session) = session() else { return };
    let source = "#pragma OPENCL EXTENSION cl_khr_fp16 : enable
        kernel void f(global half *p, local half *copy) {
            int i = get_local_id(0), n = get_local_size(0);
            event_t event = async_work_group_copy(copy, p, n, 0);
            wait_group_events(1, &event);
            half x = copy[n - 1 - i];
            half sum = work_group_reduce_add(x), most = work_group_reduce_max(x);
            half before = work_group_scan_exclusive_min(x), upto = work_group_scan_inclusive_add(x);
            half third = work_group_broadcast(x, 3);
            half own = sub_group_reduce_add((half)get_sub_group_local_id() + 1.0h);
            p += 6 * i;
            p[0] = sum, p[1] = most, p[2] = before, p[3] = upto, p[4] = third;
            p[5] = own > 0.0h ? 1.0h : 0.0h;
        }";
    // 0, 1, 2, 4, 8, 16 and 32 are sums of powers that halves hold.
    let inputs = [0, 0x3c00, 0x4000, 0x4400, 0x4800, 0x4c00, 0x5000, 0x5400];
    let mut words = [0_u16; 48];
    words[..8].copy_from_slice(&inputs);
    run(
        &session,
        (source, "-cl-std=CL3.0"),
        &mut words,
        8,
        |kernel| {
            let api = session.api;
            assert_eq!(api.clSetKernelArg(kernel, 1, 16, null_mut()), CL_SUCCESS);
        },
    );
    // 127 in all; 64, 96, 112, 120, 124, 126, 127, 127 one after the other.
    let sums = [
        0x5400, 0x5600, 0x5700, 0x5780, 0x57c0, 0x57e0, 0x57f0, 0x57f0,
    ];
    for (item, row) in words.chunks(6).enumerate() {
        let before = if item == 0 { 0x7c00 } else { inputs[8 - item] };
        let expected = [0x57f0, 0x5400, before, sums[item], 0x4800, 0x3c00];
        assert_eq!(row, expected, "{item}: {row:x?}");
    }
}
