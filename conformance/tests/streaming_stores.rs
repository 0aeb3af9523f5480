//! Launches that write more than caches hold write the same as small ones, wherever rows begin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use isocl_conformance::client::{read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

const SOURCE: &str = "
kernel void shift(global uint *out, global const uint *in, uint first) {
    size_t i = get_global_id(1) * get_global_size(0) + get_global_id(0);
    out[i + first] = in[i] * 3 + get_global_id(0);
}
kernel void apart(global float *low, global double *high, global const float *in, uint n) {
    uint i = get_global_id(0);
    if (i >= n) return;
    low[i + 3] = in[i] * 2;
    high[i + 1] = in[i] + 1;
}";

/// Work-items of a launch that is large here, at most those of one that is large with 256 MiB of caches.
fn large(session: &Session) -> usize {
    let cache = session.device_info::<cl_ulong>(CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
    (cache.unwrap() as usize).min(256 << 20) / 8 + 12_345
}

#[test]
fn rows_that_begin_anywhere() {
    let session = Session::open().unwrap();
    let api = session.api;
    let kernel = session.kernel(SOURCE, "-cl-std=CL3.0", "shift").unwrap();
    let height = 5;
    let width = large(&session) / height;
    let items = width * height;
    let out = api.clSVMAlloc(session.context, FINE, (items + 64) * 4, 0);
    let input = api.clSVMAlloc(session.context, FINE, items * 4, 0);
    for index in 0..items {
        write(input, index, index as u32);
    }
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, out), CL_SUCCESS);
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 1, input), CL_SUCCESS);
    for (first, width, local) in [
        (0, width, None),
        (5, width, None),
        (16, width, Some([100, 1])),
        (1, 777, None),
        (31, width, Some([1000, 1])),
    ] {
        for index in 0..items + 64 {
            write(out, index, 7u32);
        }
        assert_eq!(session.set_arg(kernel, 2, &(first as u32)), CL_SUCCESS);
        let local = local.as_ref().map(|local| &local[..]);
        assert_eq!(session.launch(kernel, &[width, height], local), CL_SUCCESS);
        assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
        let written = first..first + width * height;
        for index in 0..items + 64 {
            let expected = match written.contains(&index) {
                true => {
                    let item = index - first;
                    (item as u32)
                        .wrapping_mul(3)
                        .wrapping_add((item % width) as u32)
                }
                false => 7,
            };
            assert_eq!(
                read::<u32>(out, index),
                expected,
                "{first} {width}: {index}"
            );
        }
    }
    api.clReleaseKernel(kernel);
    api.clSVMFree(session.context, out);
    api.clSVMFree(session.context, input);
}

#[test]
fn two_outputs_at_different_places_in_lines() {
    let session = Session::open().unwrap();
    let api = session.api;
    let kernel = session.kernel(SOURCE, "-cl-std=CL3.0", "apart").unwrap();
    let items = large(&session);
    let bytes = [items * 4 + 16, items * 8 + 16, items * 4];
    let memory = bytes.map(|bytes| api.clSVMAlloc(session.context, FINE, bytes, 0));
    for index in 0..items {
        write(memory[2], index, (index % 1000) as f32);
    }
    for (number, &pointer) in memory.iter().enumerate() {
        let code = api.clSetKernelArgSVMPointer(kernel, number as u32, pointer);
        assert_eq!(code, CL_SUCCESS);
    }
    for n in [items, items - 1001] {
        for index in 0..items {
            write(memory[0], index + 3, -1f32);
            write(memory[1], index + 1, -1f64);
        }
        assert_eq!(session.set_arg(kernel, 3, &(n as u32)), CL_SUCCESS);
        assert_eq!(session.launch(kernel, &[items], None), CL_SUCCESS);
        assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
        for index in 0..items {
            let value = (index % 1000) as f32;
            let expected = match index < n {
                true => (value * 2.0, f64::from(value + 1.0)),
                false => (-1.0, -1.0),
            };
            let got = (
                read::<f32>(memory[0], index + 3),
                read::<f64>(memory[1], index + 1),
            );
            assert_eq!(got, expected, "{n}: {index}");
        }
    }
    api.clReleaseKernel(kernel);
    for pointer in memory {
        api.clSVMFree(session.context, pointer);
    }
}
