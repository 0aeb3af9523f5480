//! Binaries of programs: of every kind, and for every device.
use std::process::Command;
use std::ptr::{null, null_mut};

use isocl_conformance::client::Api;
use isocl_conformance::session::{first_device, Session};
use opencl_sys::*;

use crate::{answer, at, compile, kernel_names, link, session, stage};

#[test]
fn binaries_of_every_kind_are_taken_back() {
    let session = session();
    let api = session.api;
    let user = session
        .program("int g(void); kernel void f(global int *p) { *p = g(); }")
        .unwrap();
    let other = session.program("int g(void) { return 17; }").unwrap();
    for program in [user, other] {
        assert_eq!(compile(&session, program, c"", &[], None), CL_SUCCESS);
    }
    let (library, _) = link(&session, &[other], c"-create-library", None);
    let (executable, code) = link(&session, &[user, library], c"", None);
    assert_eq!(code, CL_SUCCESS);
    let again = |program| {
        let binary = session.binary(program).unwrap();
        assert!(!binary.is_empty());
        session.program_of(&binary).unwrap()
    };
    let build = |program| api.clBuildProgram(program, 0, null(), null(), None, null_mut());
    let loaded = again(executable);
    let kind = CL_PROGRAM_BINARY_TYPE_EXECUTABLE;
    assert_eq!(stage(&session, loaded), at(CL_BUILD_NONE, kind, ""));
    assert_eq!(
        kernel_names(&session, loaded),
        Err(CL_INVALID_PROGRAM_EXECUTABLE)
    );
    assert_eq!((build(loaded), answer(&session, loaded)), (CL_SUCCESS, 17));
    assert_eq!(
        compile(&session, loaded, c"", &[], None),
        CL_INVALID_OPERATION
    );
    // Only executables are built; objects and libraries are linked.
    let (object, archive) = (again(user), again(library));
    for program in [object, archive] {
        assert_eq!(build(program), CL_INVALID_BINARY);
        assert_eq!(stage(&session, program).0, CL_BUILD_ERROR);
    }
    let (linked, code) = link(&session, &[object, archive], c"", None);
    assert_eq!((code, answer(&session, linked)), (CL_SUCCESS, 17));
    // A binary of nothing is an empty one.
    let fresh = session.program("kernel void f() {}").unwrap();
    assert!(session.binary(fresh).unwrap().is_empty());

    let binary = session.binary(executable).unwrap();
    let mut damaged = binary.clone();
    damaged[binary.len() / 2] ^= 1;
    let invalid = Err((CL_INVALID_BINARY, CL_INVALID_BINARY));
    for wrong in [
        &binary[..binary.len() - 1],
        &binary[..8],
        b"\x7fELF",
        &damaged,
    ] {
        assert_eq!(session.program_of(wrong), invalid);
    }
    assert_eq!(
        session.program_of(&[]),
        Err((CL_INVALID_VALUE, CL_INVALID_VALUE))
    );
    for program in [
        user, other, library, executable, loaded, object, archive, linked, fresh,
    ] {
        assert_eq!(api.clReleaseProgram(program), CL_SUCCESS);
    }
}

#[test]
fn each_device_has_its_binary() {
    if std::env::var("ISOCL_CHILD").as_deref() != Ok("programs") {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "binaries::each_device_has_its_binary",
                "--exact",
                "--nocapture",
            ])
            .env("ISOCL_CHILD", "programs")
            .env("ISOCL_COMPUTE_UNITS", "4")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        return;
    }
    let api = Api::get().unwrap();
    let (platform, root) = first_device(api).unwrap();
    let mut devices = [null_mut(); 2];
    let equally = [CL_DEVICE_PARTITION_EQUALLY, 2, 0];
    let split = api.clCreateSubDevices(root, equally.as_ptr(), 2, devices.as_mut_ptr(), null_mut());
    assert_eq!(split, CL_SUCCESS);
    let mut code = 99;
    let list = devices.as_ptr();
    let context = api.clCreateContext(null(), 2, list, None, null_mut(), &mut code);
    let queue = |device| api.clCreateCommandQueueWithProperties(context, device, null(), &mut 0);
    let sessions = devices.map(|device| Session {
        api,
        platform,
        device,
        context,
        queue: queue(device),
    });
    // One more for each session that lets it go.
    assert_eq!(api.clRetainContext(context), CL_SUCCESS);
    let source = "kernel void f(global int *p) { *p = VALUE; }";
    let program = sessions[0].program(source).unwrap();
    for (device, options) in devices.iter().zip([c"-DVALUE=1", c"-DVALUE=22"]) {
        let options = options.as_ptr();
        let code = api.clBuildProgram(program, 1, device, options, None, null_mut());
        assert_eq!(code, CL_SUCCESS);
    }
    let values = |program| [0, 1].map(|index| answer(&sessions[index], program));
    assert_eq!(values(program), [1, 22]);
    let ask = |name, size, place| api.clGetProgramInfo(program, name, size, place, null_mut());
    let mut sizes = [0_usize; 2];
    let place = sizes.as_mut_ptr().cast();
    assert_eq!(ask(CL_PROGRAM_BINARY_SIZES, 16, place), CL_SUCCESS);
    assert_eq!(ask(CL_PROGRAM_BINARY_SIZES, 15, place), CL_INVALID_VALUE);
    let mut binaries = sizes.map(|size| vec![0_u8; size]);
    // Those that are not wanted are left out.
    let mut places = [null_mut(), binaries[1].as_mut_ptr()];
    let place = places.as_mut_ptr().cast();
    assert_eq!(ask(CL_PROGRAM_BINARIES, 15, place), CL_INVALID_VALUE);
    assert_eq!(ask(CL_PROGRAM_BINARIES, 16, place), CL_SUCCESS);
    places = [binaries[0].as_mut_ptr(), null_mut()];
    assert_eq!(
        ask(CL_PROGRAM_BINARIES, 16, places.as_mut_ptr().cast()),
        CL_SUCCESS
    );
    // Given to each other's device.
    let create = |lengths: [usize; 2]| {
        let (mut statuses, mut code) = ([99; 2], 99);
        let firsts = [binaries[1].as_ptr(), binaries[0].as_ptr()];
        let program = api.clCreateProgramWithBinary(
            context,
            2,
            devices.as_ptr(),
            lengths.as_ptr(),
            firsts.as_ptr(),
            statuses.as_mut_ptr(),
            &mut code,
        );
        (program, code, statuses)
    };
    let (swapped, code, statuses) = create([sizes[1], sizes[0]]);
    assert_eq!((code, statuses), (CL_SUCCESS, [CL_SUCCESS; 2]));
    let built = api.clBuildProgram(swapped, 0, null(), null(), None, null_mut());
    assert_eq!((built, values(swapped)), (CL_SUCCESS, [22, 1]));
    let (_, code, statuses) = create([sizes[1], sizes[0] - 1]);
    assert_eq!(
        (code, statuses),
        (CL_INVALID_BINARY, [CL_SUCCESS, CL_INVALID_BINARY])
    );
    // Kernels that a device lacks, or has with other arguments, are none of the program's.
    let source = "kernel void f(global int *p) {}
        #ifdef FIRST
        kernel void first() {} kernel void g(int x) {}
        #else
        kernel void g(float x, int y) {} kernel void second() {}
        #endif";
    let differing = sessions[0].program(source).unwrap();
    for (device, options) in devices.iter().zip([c"-DFIRST", c""]) {
        let options = options.as_ptr();
        let code = api.clBuildProgram(differing, 1, device, options, None, null_mut());
        assert_eq!(code, CL_SUCCESS);
    }
    let names = kernel_names(&sessions[0], differing);
    assert_eq!(names, Ok("f;first;g;second".to_owned()));
    for (name, expected) in [
        ("first", CL_INVALID_KERNEL_DEFINITION),
        ("second", CL_INVALID_KERNEL_DEFINITION),
        ("g", CL_INVALID_KERNEL_DEFINITION),
        ("h", CL_INVALID_KERNEL_NAME),
    ] {
        let code = sessions[1].kernel_of(differing, name).unwrap_err().code;
        assert_eq!(code, expected, "{name}");
    }
    let mut count = 99;
    let created = api.clCreateKernelsInProgram(differing, 0, null_mut(), &mut count);
    assert_eq!((created, count), (CL_SUCCESS, 1));
    let (_, code, statuses) = create([0, sizes[0]]);
    assert_eq!(
        (code, statuses),
        (CL_INVALID_VALUE, [CL_INVALID_VALUE, CL_SUCCESS])
    );
    for program in [program, swapped, differing] {
        assert_eq!(api.clReleaseProgram(program), CL_SUCCESS);
    }
}
