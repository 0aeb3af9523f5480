//! Identical addresses inside the device's aperture: what `ISOCL_ADDRESS_BITS` and
//! `ISOCL_RESERVED_REGIONS` promise. Each check runs in a process of its own, because the variables
//! are read once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::c_void;
use std::process::Command;
use std::ptr::{null, null_mut};

use isocl_conformance::client::{read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

/// Runs `inside` of this file in a child with these variables.
fn child(bits: u32, reserved: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["inside", "--exact", "--nocapture"])
        .env("ISOCL_CHILD", "address")
        .env("ISOCL_ADDRESS_BITS", bits.to_string())
        .env("ISOCL_RESERVED_REGIONS", reserved)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("child done"),
        "{bits} bits, reserved {reserved}:\n{text}"
    );
}

fn regions() -> Vec<(usize, usize)> {
    let text = std::env::var("ISOCL_RESERVED_REGIONS").unwrap();
    let number = |text: &str| usize::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    text.split(',')
        .filter(|region| !region.is_empty())
        .map(|region| {
            region
                .split_once('-')
                .map(|(low, high)| (number(low), number(high)))
                .unwrap()
        })
        .collect()
}

fn check(what: &str, address: usize, size: usize) {
    let bits: u32 = std::env::var("ISOCL_ADDRESS_BITS")
        .unwrap()
        .parse()
        .unwrap();
    let end = address.checked_add(size).unwrap();
    assert!(
        end <= 1 << bits,
        "{what} at {address:#x} is above {bits} bits"
    );
    for (low, high) in regions() {
        assert!(
            end <= low || address >= high,
            "{what} at {address:#x}, {size:#x} bytes, is in {low:#x}-{high:#x}"
        );
    }
}

/// What the children run; nothing by itself.
#[test]
fn inside() {
    if std::env::var("ISOCL_CHILD").as_deref() != Ok("address") {
        return;
    }
    let session = Session::open().unwrap();
    let api = session.api;
    let source = "
        kernel void where_is(global ulong *out, global char *buffer) { *out = (ulong)buffer; }
        struct Node { global struct Node *next; ulong value; };
        kernel void chase(global struct Node *node, global ulong *out) {
            ulong sum = 0;
            for (; node; node = node->next) sum += node->value;
            *out = sum;
        }";
    let program = session
        .build(source, "")
        .unwrap_or_else(|(error, log)| panic!("{error:?}\n{log}"));
    let (where_is, chase) = (
        session.kernel_of(program, "where_is").unwrap(),
        session.kernel_of(program, "chase").unwrap(),
    );
    let out = api.clSVMAlloc(session.context, FINE, 64, 0);
    check("SVM", out as usize, 64);
    let mut nodes: Vec<*mut c_void> = Vec::new();
    for index in 0..3000usize {
        let size = [16, 100, 4096, 70_000, 3 << 20][index % 5];
        let flags = [
            FINE,
            CL_MEM_READ_WRITE,
            FINE | CL_MEM_SVM_ATOMICS,
            CL_MEM_READ_ONLY,
        ][index % 4];
        let pointer = api.clSVMAlloc(session.context, flags, size, 0);
        assert!(!pointer.is_null(), "allocation {index} of {size} bytes");
        check("SVM", pointer as usize, size);
        write(pointer, 0, nodes.last().map_or(0, |next| *next as usize));
        write(pointer, 1, index as u64);
        nodes.push(pointer);
    }
    assert_eq!(
        api.clSetKernelArgSVMPointer(chase, 0, nodes[2999]),
        CL_SUCCESS
    );
    assert_eq!(api.clSetKernelArgSVMPointer(chase, 1, out), CL_SUCCESS);
    assert_eq!(session.launch(chase, &[1], None), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    assert_eq!(
        read::<u64>(out, 0),
        2999 * 3000 / 2,
        "the pointers in memory are the device's too"
    );
    let mut host = vec![7u8; 10_000];
    for flags in [
        CL_MEM_READ_WRITE,
        CL_MEM_USE_HOST_PTR,
        CL_MEM_COPY_HOST_PTR,
        CL_MEM_ALLOC_HOST_PTR,
    ] {
        let with_host = flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR) != 0;
        let pointer = if with_host {
            host.as_mut_ptr().cast()
        } else {
            null_mut()
        };
        let mut code = 0;
        let buffer = api.clCreateBuffer(session.context, flags, 10_000, pointer, &mut code);
        assert_eq!(code, CL_SUCCESS);
        assert_eq!(api.clSetKernelArgSVMPointer(where_is, 0, out), CL_SUCCESS);
        assert_eq!(session.set_arg(where_is, 1, &buffer), CL_SUCCESS);
        assert_eq!(session.launch(where_is, &[1], None), CL_SUCCESS);
        assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
        check("a buffer", read::<usize>(out, 0), 10_000);
        if with_host {
            let mapped = api.clEnqueueMapBuffer(
                session.queue,
                buffer,
                CL_TRUE,
                CL_MAP_READ | CL_MAP_WRITE,
                0,
                10_000,
                0,
                null(),
                null_mut(),
                &mut code,
            );
            assert_eq!(code, CL_SUCCESS);
            assert_eq!(read::<u8>(mapped, 9_999), 7);
            assert_eq!(
                mapped == host.as_mut_ptr().cast(),
                flags == CL_MEM_USE_HOST_PTR
            );
            assert_eq!(
                api.clEnqueueUnmapMemObject(session.queue, buffer, mapped, 0, null(), null_mut()),
                CL_SUCCESS
            );
            assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
        }
        api.clReleaseMemObject(buffer);
    }
    let capabilities: cl_ulong = session.device_info(CL_DEVICE_SVM_CAPABILITIES).unwrap();
    let bits: u32 = std::env::var("ISOCL_ADDRESS_BITS")
        .unwrap()
        .parse()
        .unwrap();
    let system = capabilities & CL_DEVICE_SVM_FINE_GRAIN_SYSTEM != 0;
    assert!(!system || bits >= 47, "system SVM with {bits} bits");
    // A kernel driver's device may decode fewer bits than are asked for.
    if std::env::var_os("ISOCL_TEST_NODE").is_none() {
        assert_eq!(system, bits >= 47, "system SVM with {bits} bits");
    }
    println!("child done");
}

#[test]
fn every_address_is_below_the_decoded_bits() {
    for bits in [36, 40, 47, 57] {
        child(bits, "");
    }
}

#[test]
fn no_buffer_touches_a_reserved_region() {
    child(40, "0x4000000000-0x8000000000,0xc000000000-0x10000000000");
    child(36, "0x100000000-0x200000000,0x300000000-0x340000000");
}
