//! Work-groups that wait for those before them get their turn: no specification asks for it, and
//! kernels that scan in one pass rely on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use isocl_conformance::client::{read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

/// Each work-group adds what it computed to what those before it have, or gives up.
const SOURCE: &str = "
kernel void chain(volatile global uint *sums, uint steps, uint patience) {
    uint group = get_group_id(0), value = group;
    for (uint step = 0; step < steps; step++) value = value * 1664525 + 1013904223;
    uint waited = 0;
    while (group && sums[group - 1] == 0 && waited < patience) waited++;
    if (waited < patience) sums[group] = (group ? sums[group - 1] : 0) + (value | 1);
}";

const GROUPS: usize = 501;
const STEPS: u32 = 2000;
/// Turns of the waiting loop: seconds.
const PATIENCE: u32 = 1 << 30;

#[test]
fn those_before_come_first() {
    let session = Session::open().expect("an OpenCL device (run the tests with `make test`)");
    let api = session.api;
    let kernel = session.kernel(SOURCE, "-cl-std=CL3.0", "chain").unwrap();
    let sums = api.clSVMAlloc(session.context, FINE, GROUPS * 4, 0);
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, sums), CL_SUCCESS);
    assert_eq!(session.set_arg(kernel, 1, &STEPS), CL_SUCCESS);
    assert_eq!(session.set_arg(kernel, 2, &PATIENCE), CL_SUCCESS);
    for _ in 0..6 {
        (0..GROUPS).for_each(|group| write(sums, group, 0u32));
        assert_eq!(session.launch(kernel, &[GROUPS], Some(&[1])), CL_SUCCESS);
        assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
        let mut sum = 0u32;
        for group in 0..GROUPS {
            let step = |value: u32, _| value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sum = sum.wrapping_add((0..STEPS).fold(group as u32, step) | 1);
            assert_eq!(read::<u32>(sums, group), sum, "work-group {group}");
        }
    }
    api.clSVMFree(session.context, sums);
    api.clReleaseKernel(kernel);
}
