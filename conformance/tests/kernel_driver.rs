//! SVM on a kernel driver: the memory is the driver's, at addresses that it chose, and the device
//! behind the driver sees the same bytes there. These checks need the driver's node, which
//! `ISOCL_TEST_NODE` names; `make driver-test` runs them in a guest. What is right without a node
//! is checked at the end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;
use std::ffi::c_void;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::ptr::{null, null_mut};

use isocl_conformance::client::{offset, read, write};
use isocl_conformance::kernel_driver::{forbid_writing, process_map, OpenNode, ProcessMapping};
use isocl_conformance::process::in_forked_child;
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
const MEBIBYTE: usize = 1 << 20;

fn node() -> PathBuf {
    std::env::var_os("ISOCL_TEST_NODE")
        .expect("ISOCL_TEST_NODE names the driver's node")
        .into()
}

fn open() -> (Session, OpenNode) {
    let session = Session::open().expect("an OpenCL device");
    let node = OpenNode::of_this_process(&node()).expect("the driver has the node open");
    (session, node)
}

fn alloc(session: &Session, flags: cl_ulong, size: usize) -> *mut c_void {
    let pointer = session.api.clSVMAlloc(session.context, flags, size, 0);
    assert!(!pointer.is_null(), "{size} bytes");
    pointer
}

fn mapping_of(address: *mut c_void) -> ProcessMapping {
    let address = address as usize;
    let map = process_map().unwrap();
    map.into_iter()
        .find(|mapping| (mapping.start..mapping.end).contains(&address))
        .expect("memory is mapped")
}

#[test]
#[ignore = "needs the node of a kernel driver"]
fn every_buffer_is_a_mapping_of_the_node_inside_the_aperture() {
    let (session, node_file) = open();
    let aperture = node_file.aperture().unwrap();
    assert!(aperture.range.end <= 1 << aperture.address_bits);
    let name = session.device_string(CL_DEVICE_NAME).unwrap();
    assert!(name.contains(node().to_str().unwrap()), "{name}");
    let mut pointers = HashSet::new();
    for index in 0..3000usize {
        let size = [16, 100, 4096, 70_000, 3 * MEBIBYTE][index % 5];
        let flags = [
            FINE,
            CL_MEM_READ_WRITE,
            FINE | CL_MEM_SVM_ATOMICS,
            CL_MEM_READ_ONLY,
        ][index % 4];
        let pointer = alloc(&session, flags, size);
        assert!(pointers.insert((pointer as usize, size)), "given twice");
    }
    let mappings = process_map().unwrap();
    for (address, size) in pointers {
        let home = mappings
            .iter()
            .find(|mapping| (mapping.start..mapping.end).contains(&address))
            .expect("memory is mapped");
        assert_eq!(home.path, node().to_str().unwrap(), "{address:#x}");
        let (start, end) = (address as u64, (address + size) as u64);
        assert!(start >= aperture.range.start && end <= aperture.range.end);
        for reserved in &aperture.reserved {
            assert!(
                end <= reserved.start || start >= reserved.end,
                "{address:#x} is in {reserved:x?}"
            );
        }
    }
}

#[test]
#[ignore = "needs the node of a kernel driver"]
fn the_device_follows_pointers_that_the_cpu_stored() {
    let (session, node) = open();
    let result = alloc(&session, FINE, 24);
    let mut first: *mut c_void = null_mut();
    for value in 1..=1000u64 {
        let next = first;
        first = alloc(&session, FINE, [16, 5000, MEBIBYTE][value as usize % 3]);
        write(first, 0, next as u64);
        write(first, 1, value);
    }
    node.chase(first as u64, 10_000, result as u64).unwrap();
    assert_eq!(read::<u64>(result, 0), 1000 * 1001 / 2);
    assert_eq!(read::<u64>(result, 1), 1000);
    // What a kernel wrote, the device sees too.
    let source = "
        struct Node { global struct Node *next; ulong value; };
        kernel void double_each(global struct Node *node) {
            for (; node; node = node->next) node->value *= 2;
        }";
    let kernel = session.kernel(source, "", "double_each").unwrap();
    assert_eq!(
        session.api.clSetKernelArgSVMPointer(kernel, 0, first),
        CL_SUCCESS
    );
    assert_eq!(session.launch(kernel, &[1], None), CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    node.chase(first as u64, 10_000, result as u64).unwrap();
    assert_eq!(read::<u64>(result, 0), 1000 * 1001);
    // A pointer that leads nowhere is a fault of the device, not of the process.
    write(first, 0, 0x7000_0000_0000_u64);
    let error = node.chase(first as u64, 10, result as u64).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EFAULT));
}

#[test]
#[ignore = "needs the node of a kernel driver"]
fn large_copies_and_fills_go_through_the_device() {
    let (session, node) = open();
    let api = session.api;
    let size = 4 * MEBIBYTE + 12;
    let (one, other) = (alloc(&session, FINE, size), alloc(&session, FINE, size));
    let before = node.statistics().unwrap().device_faults;
    let pattern = [1u32, 2, 3];
    let filled = api.clEnqueueSVMMemFill(
        session.queue,
        one,
        pattern.as_ptr().cast(),
        4,
        size,
        0,
        null(),
        null_mut(),
    );
    assert_eq!(filled, CL_SUCCESS);
    write(other, size / 4 - 1, 7u32);
    let copied = api.clEnqueueSVMMemcpy(
        session.queue,
        CL_TRUE,
        offset(other, 4),
        one,
        size - 8,
        0,
        null(),
        null_mut(),
    );
    assert_eq!(copied, CL_SUCCESS);
    assert_eq!(read::<u32>(other, 0), 0);
    assert!((1..size / 4 - 1).all(|index| read::<u32>(other, index) == 1));
    assert_eq!(read::<u32>(other, size / 4 - 1), 7);
    let pages = (size / 4096) as u64;
    let after = node.statistics().unwrap().device_faults;
    assert!(
        after >= before + pages,
        "{before} and {after} device faults"
    );
}

#[test]
#[ignore = "needs the node of a kernel driver"]
fn a_hundred_thousand_allocations_live_at_once() {
    let (session, node) = open();
    let before = process_map().unwrap().len();
    let pointers: Vec<_> = (0..100_000u32)
        .map(|index| {
            let pointer = alloc(&session, CL_MEM_READ_WRITE, 4096);
            write(pointer, 0, index);
            pointer
        })
        .collect();
    let mappings = process_map().unwrap().len() - before;
    // Other checks allocate beside this one; one mapping per allocation would be 100,000.
    assert!(mappings < 1000, "{mappings} mappings");
    assert!(node.statistics().unwrap().buffers < 1000);
    for (index, pointer) in pointers.iter().enumerate() {
        assert_eq!(read::<u32>(*pointer, 0), index as u32);
    }
    for pointer in pointers {
        session.api.clSVMFree(session.context, pointer);
    }
}

#[test]
#[ignore = "needs the node of a kernel driver"]
fn system_svm_is_offered_exactly_where_the_device_reaches_the_process() {
    let (session, node) = open();
    let capabilities: cl_ulong = session.device_info(CL_DEVICE_SVM_CAPABILITIES).unwrap();
    let system = capabilities & CL_DEVICE_SVM_FINE_GRAIN_SYSTEM != 0;
    let aperture = node.aperture().unwrap();
    assert_eq!(
        system,
        aperture.address_bits >= 47 && aperture.reserved.is_empty()
    );
    assert_eq!(node.statistics().unwrap().mirrors > 0, system);
    if !system {
        return;
    }
    // The device itself walks through malloc'ed memory, the stack and SVM.
    let svm = alloc(&session, FINE, 64);
    let mut stack = [0u64; 2];
    let heap = vec![0u64, 400].into_boxed_slice();
    stack[0] = heap.as_ptr() as u64;
    stack[1] = 30;
    write(svm, 0, std::hint::black_box(&stack).as_ptr() as u64);
    write(svm, 1, 2u64);
    let mut result = Box::new([0u64; 3]);
    node.chase(svm as u64, 10, result.as_mut_ptr() as u64)
        .unwrap();
    let result = read::<[u64; 3]>(result.as_ptr().cast(), 0);
    assert_eq!((result[0], result[1]), (432, 3));
}

#[test]
#[ignore = "needs the node of a kernel driver"]
fn a_forked_child_allocates_in_contexts_of_its_own() {
    let (session, _) = open();
    let inherited = alloc(&session, FINE, 4096);
    write(inherited, 0, 5u8);
    let status = in_forked_child(|| {
        let api = session.api;
        // The parent's memory did not come along, so that its context has none to give.
        assert!(api.clSVMAlloc(session.context, FINE, 4096, 0).is_null());
        let own = Session::open().unwrap();
        let pointer = alloc(&own, FINE, MEBIBYTE);
        assert_eq!(mapping_of(pointer).path, node().to_str().unwrap());
        let filled = api.clEnqueueSVMMemFill(
            own.queue,
            pointer,
            [3u8].as_ptr().cast(),
            1,
            MEBIBYTE,
            0,
            null(),
            null_mut(),
        );
        assert_eq!((filled, api.clFinish(own.queue)), (CL_SUCCESS, CL_SUCCESS));
        assert_eq!(read::<u8>(pointer, MEBIBYTE - 1), 3);
        api.clSVMFree(session.context, inherited);
        api.clSVMFree(own.context, pointer);
    });
    assert_eq!(status, 0);
    assert_eq!(read::<u8>(inherited, 0), 5, "what the child did is its own");
    session.api.clSVMFree(session.context, inherited);
}

/// Runs a check of this file that only does something in a child, with more variables.
fn child(check: &str, variables: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([check, "--exact", "--nocapture", "--include-ignored"])
        .env("ISOCL_CHILD", check)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn is_child(check: &str) -> bool {
    std::env::var("ISOCL_CHILD").as_deref() == Ok(check)
}

/// What the child of the next check does; nothing by itself.
#[test]
fn writing_where_the_device_may_not() {
    if !is_child("writing_where_the_device_may_not") {
        return;
    }
    let session = Session::open().unwrap();
    let api = session.api;
    // Long enough to be a mapping of its own.
    let size = 128 * MEBIBYTE;
    let pointer = alloc(&session, FINE, size);
    let mapping = mapping_of(pointer);
    assert_eq!(
        (mapping.start, mapping.end - mapping.start),
        (pointer as usize, size)
    );
    forbid_writing(&mapping).unwrap();
    let mut event = null_mut();
    let target = offset(pointer, 8 * MEBIBYTE);
    let code = api.clEnqueueSVMMemFill(
        session.queue,
        target,
        [9u8].as_ptr().cast(),
        1,
        MEBIBYTE,
        0,
        null(),
        &mut event,
    );
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(
        api.clWaitForEvents(1, &event),
        CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST
    );
    println!(
        "status {} for {:x}",
        session.event_status(event).unwrap(),
        target as usize
    );
}

#[test]
#[ignore = "needs the node of a kernel driver"]
fn a_device_fault_is_the_status_of_the_event_and_a_line_with_the_address() {
    let output = child(
        "writing_where_the_device_may_not",
        &[("ISOCL_LOG", "error")],
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}{log}");
    let (status, address) = text
        .lines()
        .find_map(|line| line.split_once("status ")?.1.split_once(" for "))
        .unwrap();
    assert_eq!(status, CL_OUT_OF_RESOURCES.to_string());
    assert!(log.contains(address), "{log}");
}

/// What the child of the next check does; nothing by itself.
#[test]
fn using_whatever_memory_there_is() {
    if !is_child("using_whatever_memory_there_is") {
        return;
    }
    let session = Session::open().unwrap();
    let pointer = alloc(&session, CL_MEM_READ_WRITE, MEBIBYTE);
    write(pointer, 0, 1u8);
    println!("name {}", session.device_string(CL_DEVICE_NAME).unwrap());
    println!(
        "version {}",
        session.device_string(CL_DRIVER_VERSION).unwrap()
    );
}

#[test]
fn without_its_node_the_emulator_serves_and_says_so_once() {
    let missing = "/dev/isocl-that-does-not-exist";
    let output = child(
        "using_whatever_memory_there_is",
        &[("ISOCL_DRIVER", missing)],
    );
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    assert_eq!(log.matches(missing).count(), 1, "{log}");
    assert!(log.contains("emulator"), "{log}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains(missing), "{text}");
    assert!(text.contains("(memory: emulator,"), "{text}");
}

#[test]
fn the_emulator_can_be_asked_for() {
    let output = child(
        "using_whatever_memory_there_is",
        &[("ISOCL_DRIVER", "emulator")],
    );
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && log.is_empty(), "{log}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("name ") && !text.contains("/dev/"), "{text}");
}
