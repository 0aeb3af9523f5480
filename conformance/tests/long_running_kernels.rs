//! Kernels that are launched again and again, long enough for code of their own to come, give what
//! they gave at first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ptr::null;
use std::time::{Duration, Instant};

use isocl_conformance::client::{read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

/// Every work-group turns around what it has, in each of its rows, `n` times.
const SOURCE: &str = "
kernel void turn(global uint *data, local uint *other, int n) {
    size_t x = get_local_id(0), y = get_local_id(1), w = get_local_size(0);
    size_t i = get_global_id(1) * get_global_size(0) + get_global_id(0);
    uint mine = data[i];
    for (int turn = 0; turn < n; turn++) {
        other[y * get_enqueued_local_size(0) + x] = mine + turn;
        barrier(CLK_LOCAL_MEM_FENCE);
        mine = other[y * get_enqueued_local_size(0) + w - 1 - x];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    data[i] = mine;
}";

/// Work-items in dimension 0, where the last work-group may have fewer.
const WIDTH: usize = 1000;
const HEIGHT: usize = 48;
/// An odd number, so that rows are turned around in the end.
const TURNS: i32 = 41;
/// For each local size.
const LONG: Duration = Duration::from_millis(250);

fn run_long(session: &Session, kernels: &[cl_kernel], local: [usize; 2]) {
    let api = session.api;
    let data = api.clSVMAlloc(session.context, FINE, WIDTH * HEIGHT * 4, 0);
    assert!(!data.is_null());
    let start = Instant::now();
    let mut launches = 0;
    while start.elapsed() < LONG || launches < 4 {
        let first = |index: usize| (index as u32).wrapping_mul(2_654_435_761) ^ launches;
        for index in 0..WIDTH * HEIGHT {
            write(data, index, first(index));
        }
        let kernel = kernels[launches as usize % kernels.len()];
        assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, data), CL_SUCCESS);
        let bytes = local[0] * local[1] * 4;
        assert_eq!(api.clSetKernelArg(kernel, 1, bytes, null()), CL_SUCCESS);
        assert_eq!(session.set_arg(kernel, 2, &TURNS), CL_SUCCESS);
        assert_eq!(
            session.launch(kernel, &[WIDTH, HEIGHT], Some(&local)),
            CL_SUCCESS
        );
        assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
        for index in 0..WIDTH * HEIGHT {
            let (x, y) = (index % WIDTH, index / WIDTH);
            let group = x / local[0] * local[0];
            let size = local[0].min(WIDTH - group);
            let from = y * WIDTH + group + size - 1 - (x - group);
            let added = (0..TURNS as u32).sum::<u32>();
            let want = first(from).wrapping_add(added);
            assert_eq!(
                read::<u32>(data, index),
                want,
                "{local:?}, launch {launches}, {index}"
            );
        }
        launches += 1;
    }
    api.clSVMFree(session.context, data);
}

#[test]
fn results_stay_as_they_are() {
    let session = Session::open().expect("an OpenCL device (run the tests with `make test`)");
    let program = session.build(SOURCE, "-cl-std=CL3.0").unwrap();
    let kernels = [(), ()].map(|()| session.kernel_of(program, "turn").unwrap());
    for local in [[64, 1], [16, 16], [40, 3], [5, 4], [1, 48], [250, 2]] {
        run_long(&session, &kernels, local);
    }
    for kernel in kernels {
        session.api.clReleaseKernel(kernel);
    }
    session.api.clReleaseProgram(program);
}
