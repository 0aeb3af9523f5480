//! What the environment makes of the device: the names and limits it reports, and that it keeps to
//! the limits. The checks run in processes of their own, because variables are read once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;
use std::ptr::null;

use isocl_conformance::session::Session;
use opencl_sys::*;

/// Runs `inside` of this file in a child with these variables.
fn child(variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["inside", "--exact", "--nocapture"])
        .env("ISOCL_CHILD", "device_profile")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{variables:?}:\n{text}{log}");
    text + &log
}

/// What the children run; nothing by itself.
#[test]
fn inside() {
    if std::env::var("ISOCL_CHILD").as_deref() != Ok("device_profile") {
        return;
    }
    let session = Session::open().unwrap();
    let api = session.api;
    let type_: cl_ulong = session.device_info(CL_DEVICE_TYPE).unwrap();
    let vendor_id: cl_uint = session.device_info(CL_DEVICE_VENDOR_ID).unwrap();
    println!("name {}", session.device_string(CL_DEVICE_NAME).unwrap());
    println!(
        "vendor {}",
        session.device_string(CL_DEVICE_VENDOR).unwrap()
    );
    println!("type {type_} vendor id {vendor_id:x}");
    let group: usize = session.device_info(CL_DEVICE_MAX_WORK_GROUP_SIZE).unwrap();
    let local: cl_ulong = session.device_info(CL_DEVICE_LOCAL_MEM_SIZE).unwrap();
    let allocation: cl_ulong = session.device_info(CL_DEVICE_MAX_MEM_ALLOC_SIZE).unwrap();
    println!("group {group} local {local} allocation {allocation}");

    let source = "kernel void use(global int *out, local int *scratch) {
        scratch[get_local_id(0)] = 1;
        barrier(CLK_LOCAL_MEM_FENCE);
        out[get_global_id(0)] = scratch[0];
    }";
    let kernel = session.kernel(source, "", "use").unwrap();
    let out = api.clSVMAlloc(session.context, CL_MEM_READ_WRITE, 8 * group, 0);
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, out), CL_SUCCESS);
    let scratch = |bytes: cl_ulong| api.clSetKernelArg(kernel, 1, bytes as usize, null());
    assert_eq!(scratch(local), CL_SUCCESS);
    assert_eq!(session.launch(kernel, &[group], Some(&[group])), CL_SUCCESS);
    assert_eq!(
        session.launch(kernel, &[2 * group], Some(&[2 * group])),
        CL_INVALID_WORK_GROUP_SIZE
    );
    let enough = scratch(local + 128) == CL_SUCCESS
        && session.launch(kernel, &[group], Some(&[group])) == CL_SUCCESS;
    assert!(!enough, "more local memory than there is");
    let too_long = api.clSVMAlloc(
        session.context,
        CL_MEM_READ_WRITE,
        allocation as usize + 1,
        0,
    );
    assert!(too_long.is_null());
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
}

#[test]
fn names_and_limits_are_those_of_the_environment() {
    let text = child(&[
        ("ISOCL_DEVICE_TYPE", "gpu"),
        ("ISOCL_DEVICE_NAME", "A fast one"),
        ("ISOCL_DEVICE_VENDOR", "Somebody Inc."),
        ("ISOCL_DEVICE_VENDOR_ID", "10de"),
        ("ISOCL_MAX_WORK_GROUP_SIZE", "256"),
        ("ISOCL_LOCAL_MEMORY", "49152"),
        ("ISOCL_MAX_ALLOCATION", "134217728"),
    ]);
    for line in [
        "name A fast one\n",
        "vendor Somebody Inc.\n",
        "type 4 vendor id 10de\n",
        "group 256 local 49152 allocation 134217728\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_mentioned_and_counts_as_unset() {
    let text = child(&[
        ("ISOCL_MAX_WORK_GROUP_SIZE", "5000"),
        ("ISOCL_LOCAL_MEMORY", "much"),
    ]);
    assert!(text.contains("group 4096 local 262144"), "{text}");
    for name in ["ISOCL_MAX_WORK_GROUP_SIZE=5000", "ISOCL_LOCAL_MEMORY=much"] {
        assert_eq!(text.matches(name).count(), 1, "{text}");
    }
}
