//! Programs: what is known of them at each stage, compiling with headers, linking, libraries,
//! binaries and callbacks (§5.8).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::{c_void, CStr};
use std::ptr::{null, null_mut};
use std::sync::Mutex;

use isocl_conformance::client::{read, reference, Api};
use isocl_conformance::session::{string, Session};
use opencl_sys::*;

mod binaries;
mod sources;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

/// What the queries of builds say: status, kind of binary, options; for the session's device.
fn stage(session: &Session, program: cl_program) -> (cl_int, cl_uint, String) {
    let number = |name| {
        let mut value: cl_int = 99;
        let place = (&raw mut value).cast();
        let device = session.device;
        let code = session
            .api
            .clGetProgramBuildInfo(program, device, name, 4, place, null_mut());
        assert_eq!(code, CL_SUCCESS);
        value
    };
    let options = string(|size, value, size_ret| {
        let name = CL_PROGRAM_BUILD_OPTIONS;
        session
            .api
            .clGetProgramBuildInfo(program, session.device, name, size, value, size_ret)
    });
    (
        number(CL_PROGRAM_BUILD_STATUS),
        number(CL_PROGRAM_BINARY_TYPE) as cl_uint,
        options.unwrap(),
    )
}

fn at(status: cl_int, kind: cl_uint, options: &str) -> (cl_int, cl_uint, String) {
    (status, kind, options.to_owned())
}

/// The names of the kernels, or the code.
fn kernel_names(session: &Session, program: cl_program) -> Result<String, cl_int> {
    let names = string(|size, value, size_ret| {
        let name = CL_PROGRAM_KERNEL_NAMES;
        session
            .api
            .clGetProgramInfo(program, name, size, value, size_ret)
    });
    let mut count = 99_usize;
    let place = (&raw mut count).cast();
    let name = CL_PROGRAM_NUM_KERNELS;
    let code = session
        .api
        .clGetProgramInfo(program, name, 8, place, null_mut());
    match names {
        Ok(names) => {
            let expected = names.split(';').filter(|name| !name.is_empty()).count();
            assert_eq!((code, count), (CL_SUCCESS, expected));
            Ok(names)
        }
        Err(error) => {
            assert_eq!(code, error.code);
            Err(code)
        }
    }
}

/// A device, and what callbacks were told: the program and its status for that device.
type Calls = (usize, Mutex<Vec<(usize, cl_int)>>);

extern "C" fn note(program: cl_program, user_data: *mut c_void) {
    let (device, calls) = reference::<Calls>(user_data);
    let mut status: cl_int = 99;
    let place = (&raw mut status).cast();
    let name = CL_PROGRAM_BUILD_STATUS;
    let device = *device as cl_device_id;
    let api = Api::get().unwrap();
    api.clGetProgramBuildInfo(program, device, name, 4, place, null_mut());
    calls.lock().unwrap().push((program as usize, status));
}

fn compile(
    session: &Session,
    program: cl_program,
    options: &CStr,
    headers: &[(cl_program, &CStr)],
    calls: Option<&Calls>,
) -> cl_int {
    let programs: Vec<_> = headers.iter().map(|(program, _)| *program).collect();
    let names: Vec<_> = headers.iter().map(|(_, name)| name.as_ptr()).collect();
    let given = !headers.is_empty();
    session.api.clCompileProgram(
        program,
        0,
        null(),
        options.as_ptr(),
        headers.len() as cl_uint,
        if given { programs.as_ptr() } else { null() },
        if given { names.as_ptr() } else { null() },
        calls.map(|_| note as _),
        calls.map_or(null_mut(), |calls| {
            std::ptr::from_ref(calls).cast_mut().cast()
        }),
    )
}

fn link(
    session: &Session,
    inputs: &[cl_program],
    options: &CStr,
    calls: Option<&Calls>,
) -> (cl_program, cl_int) {
    let mut code = 99;
    let program = session.api.clLinkProgram(
        session.context,
        0,
        null(),
        options.as_ptr(),
        inputs.len() as cl_uint,
        inputs.as_ptr(),
        calls.map(|_| note as _),
        calls.map_or(null_mut(), |calls| {
            std::ptr::from_ref(calls).cast_mut().cast()
        }),
        &mut code,
    );
    (program, code)
}

/// What kernel `f(global int *)` of a program writes.
fn answer(session: &Session, program: cl_program) -> i32 {
    let api = session.api;
    let f = session.kernel_of(program, "f").unwrap();
    let memory = api.clSVMAlloc(session.context, FINE, 64, 0);
    assert_eq!(api.clSetKernelArgSVMPointer(f, 0, memory), CL_SUCCESS);
    assert_eq!(session.launch(f, &[1], None), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    let answer = read(memory, 0);
    api.clSVMFree(session.context, memory);
    assert_eq!(api.clReleaseKernel(f), CL_SUCCESS);
    answer
}

#[test]
fn programs_are_compiled_with_headers_and_linked_in_stages() {
    let session = session();
    let (object, library, executable) = (
        CL_PROGRAM_BINARY_TYPE_COMPILED_OBJECT,
        CL_PROGRAM_BINARY_TYPE_LIBRARY,
        CL_PROGRAM_BINARY_TYPE_EXECUTABLE,
    );
    let calls = (session.device as usize, Mutex::default());
    let source = "#include \"deep/one.h\"\n#include <two.h>\nint other(int);
        kernel void f(global int *p) { *p = ONE + TWO + other(MORE); }";
    let user = session.program(source).unwrap();
    let one = session
        .program("#include \"two.h\"\n#define ONE (TWO / 2)")
        .unwrap();
    let two = session
        .program("#ifndef TWO\n#define TWO 20\n#endif")
        .unwrap();
    let other = session
        .program("int other(int x) { return 100 * x; }")
        .unwrap();
    let headers = [(one, c"deep/one.h"), (two, c"two.h")];
    assert_eq!(stage(&session, user), at(CL_BUILD_NONE, 0, ""));
    assert_eq!(
        kernel_names(&session, user),
        Err(CL_INVALID_PROGRAM_EXECUTABLE)
    );
    let compiled = compile(&session, user, c"-D MORE=3", &headers, Some(&calls));
    assert_eq!(compiled, CL_SUCCESS);
    assert_eq!(
        stage(&session, user),
        at(CL_BUILD_SUCCESS, object, "-D MORE=3")
    );
    assert_eq!(
        kernel_names(&session, user),
        Err(CL_INVALID_PROGRAM_EXECUTABLE)
    );
    // A failure leaves nothing of what was before.
    let failed = compile(&session, user, c"", &headers[..1], Some(&calls));
    assert_eq!(failed, CL_COMPILE_PROGRAM_FAILURE);
    assert_eq!(stage(&session, user), at(CL_BUILD_ERROR, 0, ""));
    assert_eq!(
        compile(&session, user, c"-DMORE=4", &headers, None),
        CL_SUCCESS
    );
    assert_eq!(compile(&session, other, c"", &[], None), CL_SUCCESS);

    let (linked, code) = link(&session, &[user, other], c"", Some(&calls));
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(
        stage(&session, linked),
        at(CL_BUILD_SUCCESS, executable, "")
    );
    assert_eq!(kernel_names(&session, linked), Ok("f".to_owned()));
    assert_eq!(answer(&session, linked), 430);
    let options = c"-create-library -enable-link-options -cl-no-signed-zeros";
    let (shared, code) = link(&session, &[other], options, Some(&calls));
    assert_eq!(code, CL_SUCCESS);
    let text = options.to_str().unwrap();
    assert_eq!(stage(&session, shared), at(CL_BUILD_SUCCESS, library, text));
    let (with_library, code) = link(
        &session,
        &[user, shared],
        c"-cl-fast-relaxed-math",
        Some(&calls),
    );
    assert_eq!((code, answer(&session, with_library)), (CL_SUCCESS, 430));
    let (lacking, code) = link(&session, &[user], c"", Some(&calls));
    assert_eq!(code, CL_LINK_PROGRAM_FAILURE);
    assert_eq!(stage(&session, lacking), at(CL_BUILD_ERROR, 0, ""));
    let expected = [
        (user, CL_BUILD_SUCCESS),
        (user, CL_BUILD_ERROR),
        (linked, CL_BUILD_SUCCESS),
        (shared, CL_BUILD_SUCCESS),
        (with_library, CL_BUILD_SUCCESS),
        (lacking, CL_BUILD_ERROR),
    ];
    let expected = expected.map(|(program, status)| (program as usize, status));
    assert_eq!(*calls.1.lock().unwrap(), expected);
    for program in [user, one, two, other, linked, shared, with_library, lacking] {
        assert_eq!(session.api.clReleaseProgram(program), CL_SUCCESS);
    }
}

#[test]
fn stages_that_do_not_follow_each_other_are_refused() {
    let session = session();
    let api = session.api;
    let fresh = session.program("int a(void) { return 1; }").unwrap();
    let compiled = session.program("int b(void) { return 1; }").unwrap();
    assert_eq!(compile(&session, compiled, c"", &[], None), CL_SUCCESS);
    let built = session.build("kernel void f() {}", "").unwrap();
    // Some but not all inputs are compiled; none is, so that there is nothing to link.
    for inputs in [[compiled, fresh], [built, compiled]] {
        let (program, code) = link(&session, &inputs, c"", None);
        assert_eq!((program, code), (null_mut(), CL_INVALID_OPERATION));
    }
    let (nothing, code) = link(&session, &[fresh, fresh], c"", None);
    assert_eq!(code, CL_SUCCESS);
    assert_eq!(stage(&session, nothing), at(CL_BUILD_NONE, 0, ""));
    let (linked, code) = link(&session, &[compiled], c"", None);
    assert_eq!(code, CL_SUCCESS);
    let build = |program| api.clBuildProgram(program, 0, null(), null(), None, null_mut());
    assert_eq!(build(linked), CL_INVALID_OPERATION);
    assert_eq!(
        compile(&session, linked, c"", &[], None),
        CL_INVALID_OPERATION
    );
    for options in [
        c"-enable-link-options",
        c"-D X",
        c"-create-library -what",
        c"\"open",
    ] {
        let (program, code) = link(&session, &[compiled], options, None);
        assert_eq!((program, code), (null_mut(), CL_INVALID_LINKER_OPTIONS));
    }
    let (program, code) = link(&session, &[compiled, null_mut()], c"", None);
    assert_eq!((program, code), (null_mut(), CL_INVALID_PROGRAM));
    // Headers and their names come together, devices and their number, data and its function.
    let (header, name) = ([fresh], [c"a.h".as_ptr()]);
    let with = |count, headers, names| {
        let none = null_mut();
        api.clCompileProgram(fresh, 0, null(), null(), count, headers, names, None, none)
    };
    assert_eq!(with(1, header.as_ptr(), null()), CL_INVALID_VALUE);
    assert_eq!(with(1, null(), name.as_ptr()), CL_INVALID_VALUE);
    assert_eq!(with(0, header.as_ptr(), name.as_ptr()), CL_INVALID_VALUE);
    assert_eq!(
        with(1, [null_mut()].as_ptr(), name.as_ptr()),
        CL_INVALID_PROGRAM
    );
    let data = (&raw const name).cast_mut().cast();
    let device = &session.device;
    for code in [
        api.clBuildProgram(fresh, 1, null(), null(), None, null_mut()),
        api.clBuildProgram(fresh, 0, device, null(), None, null_mut()),
        api.clBuildProgram(fresh, 0, null(), null(), None, data),
        api.clCompileProgram(
            fresh,
            1,
            null(),
            null(),
            0,
            null(),
            null(),
            None,
            null_mut(),
        ),
        api.clCompileProgram(fresh, 0, null(), null(), 0, null(), null(), None, data),
    ] {
        assert_eq!(code, CL_INVALID_VALUE);
    }
    assert_eq!(stage(&session, fresh).0, CL_BUILD_NONE);
    let foreign = Session::open().unwrap();
    let header = foreign.program(" ").unwrap();
    let code = compile(&session, fresh, c"", &[(header, c"a.h")], None);
    assert_eq!(code, CL_INVALID_CONTEXT);
    let (program, code) = link(&session, &[header], c"", None);
    assert_eq!((program, code), (null_mut(), CL_INVALID_CONTEXT));
    assert_eq!(api.clReleaseProgram(header), CL_SUCCESS);
    for program in [fresh, compiled, built, nothing, linked] {
        assert_eq!(api.clReleaseProgram(program), CL_SUCCESS);
    }
}

#[test]
fn build_options_are_checked_and_used() {
    let session = session();
    let source = "kernel void f(global int *p) { *p = VALUE; }";
    assert_eq!(
        session
            .build(source, "-no-such-option")
            .map_err(|error| error.0.code),
        Err(CL_INVALID_BUILD_OPTIONS)
    );
    let memory = session.api.clSVMAlloc(session.context, FINE, 64, 0);
    for options in [
        "-DVALUE=41",
        "-D VALUE=41",
        "-cl-std=CL1.2 -DVALUE=41 -w",
        "-cl-std=CL2.0 -cl-mad-enable -DVALUE=41",
        "-cl-std=CL3.0 -cl-fast-relaxed-math -DVALUE=41 -cl-kernel-arg-info",
    ] {
        let f = session
            .kernel(source, options, "f")
            .unwrap_or_else(|(error, log)| panic!("{options}: {error:?}\n{log}"));
        assert_eq!(
            session.api.clSetKernelArgSVMPointer(f, 0, memory),
            CL_SUCCESS
        );
        assert_eq!(session.launch(f, &[1], None), CL_SUCCESS);
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
        assert_eq!(read::<i32>(memory, 0), 41);
    }
}
