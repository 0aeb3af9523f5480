//! What is wrong with a program is told with the right code, and in the build log with file, line,
//! source line, caret and name (§5.8.2, §5.8.3, §5.8.6).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::{c_char, CStr};
use std::ptr::{null, null_mut};

use isocl_conformance::session::Session;
use opencl_sys::*;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

/// The log of a program that does not build.
fn failure(session: &Session, source: &str, options: &str) -> String {
    let Err((error, log)) = session.build(source, options) else {
        panic!("the program built:\n{source}");
    };
    assert_eq!(error.code, CL_BUILD_PROGRAM_FAILURE, "{log}");
    log
}

/// Whether the log shows the `line` of the program, the place in it, and says `words`.
fn assert_shows(log: &str, place: &str, line: &str, words: &[&str]) {
    assert!(log.contains(place), "{place} is not in:\n{log}");
    assert!(log.contains(line) && log.contains('^'), "{log}");
    for word in words {
        assert!(log.contains(word), "{word} is not in:\n{log}");
    }
}

#[test]
fn errors_have_file_line_and_caret() {
    let session = session();
    for (source, place, line, words) in [
        (
            "kernel void f(global int *p) {\n    *p = undeclared + 1;\n}\n",
            ":2:10: error:",
            "*p = undeclared + 1;",
            &["undeclared"][..],
        ),
        (
            "kernel void f(global int *p) {\n    *p = 1\n}\n",
            ":2:11: error:",
            "*p = 1",
            &["';'"],
        ),
        (
            "kernel void f(global int *p) {\n    *p = nobody_knows(*p);\n}\n",
            ":2:10: error:",
            "*p = nobody_knows(*p);",
            &["nobody_knows"],
        ),
        (
            "int missing(int);\nkernel void f(global int *p) { *p = missing(1); }",
            ":2:37: error:",
            "kernel void f(global int *p)",
            &["undefined reference", "'missing'"],
        ),
        (
            "int down(int n) { return n ? down(n - 1) : 0; }\nkernel void f(global int *p) { *p = down(*p); }",
            ":1:30: error:",
            "int down(int n)",
            &["'down'", "calls itself"],
        ),
        (
            "#include \"not_there.h\"\nkernel void f() {}",
            ":1:10: fatal error:",
            "#include",
            &["not_there.h"],
        ),
        (
            "kernel int f(global int *p) { return 0; }",
            ":1:12: error:",
            "kernel int f",
            &["void"],
        ),
        (
            "kernel void f(global int **p) {}",
            ":1:28: error:",
            "kernel void f",
            &["address space"],
        ),
        (
            "kernel void f(read_only image2d_t picture) {}",
            ":1:35: error:",
            "image2d_t picture",
            &["image", "'picture'"],
        ),
    ] {
        assert_shows(&failure(&session, source, ""), place, line, words);
    }
}

#[test]
fn what_exceeds_the_device_is_told_with_the_limit() {
    let session = session();
    let local: cl_ulong = session.device_info(CL_DEVICE_LOCAL_MEM_SIZE).unwrap();
    let group: usize = session.device_info(CL_DEVICE_MAX_WORK_GROUP_SIZE).unwrap();
    let variable: usize = session
        .device_info(CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE)
        .unwrap();
    let parameters: usize = session.device_info(CL_DEVICE_MAX_PARAMETER_SIZE).unwrap();
    for (source, place, limit) in [
        (
            format!("kernel void f(global char *p) {{\nlocal char a[{local} + 1];\na[1] = *p; *p = a[*p]; }}"),
            ":2:12: error:",
            local,
        ),
        (
            format!("__attribute__((reqd_work_group_size({group}, 2, 1)))\nkernel void f() {{}}"),
            ":1:16: error:",
            group as cl_ulong,
        ),
        (
            format!("global char v[{variable} + 1];\nkernel void f() {{ v[1] = 2; }}"),
            ":1:13: error:",
            variable as cl_ulong,
        ),
        (
            format!("struct s {{ char c[{parameters} + 1]; }};\nkernel void f(struct s a) {{}}"),
            ":2:13: error:",
            parameters as cl_ulong,
        ),
    ] {
        let log = failure(&session, &source, "-cl-std=CL3.0");
        assert_shows(&log, place, "", &[&limit.to_string(), "CL_DEVICE_"]);
    }
    // The limits themselves are within reach.
    let source = format!(
        "__attribute__((reqd_work_group_size({group}, 1, 1)))
         kernel void f(global char *p) {{
           local char a[{local}];
           a[get_local_id(0)] = p[get_local_id(0)];
           barrier(CLK_LOCAL_MEM_FENCE);
           p[get_local_id(0)] = a[{local} - 1 - get_local_id(0)];
         }}"
    );
    let kernel = session.kernel(&source, "", "f").unwrap();
    let api = session.api;
    let memory = api.clSVMAlloc(session.context, CL_MEM_READ_WRITE, group, 0);
    assert_eq!(api.clSetKernelArgSVMPointer(kernel, 0, memory), CL_SUCCESS);
    assert_eq!(session.launch(kernel, &[group], None), CL_SUCCESS);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    api.clSVMFree(session.context, memory);
    api.clReleaseKernel(kernel);
}

/// Compiles a program alone.
fn compile(session: &Session, source: &str, options: &CStr) -> (cl_program, cl_int) {
    let program = session.program(source).unwrap();
    let code = session.api.clCompileProgram(
        program,
        0,
        null(),
        options.as_ptr(),
        0,
        null(),
        null(),
        None,
        null_mut(),
    );
    (program, code)
}

fn link(session: &Session, inputs: &[cl_program], options: *const c_char) -> (cl_program, cl_int) {
    let mut code = 99;
    let program = session.api.clLinkProgram(
        session.context,
        0,
        null(),
        options,
        inputs.len() as cl_uint,
        inputs.as_ptr(),
        None,
        null_mut(),
        &mut code,
    );
    (program, code)
}

#[test]
fn compiling_and_linking_have_codes_of_their_own() {
    let session = session();
    let (bad, code) = compile(&session, "kernel void f() { x; }", c"");
    assert_eq!(code, CL_COMPILE_PROGRAM_FAILURE);
    assert_shows(
        &session.build_log(bad).unwrap(),
        ":1:19:",
        "{ x; }",
        &["'x'"],
    );
    let (unknown, code) = compile(&session, "kernel void f() {}", c"-what");
    assert_eq!(code, CL_INVALID_COMPILER_OPTIONS);
    assert!(session.build_log(unknown).unwrap().contains("-what"));

    let source = "int g(int);\nkernel void f(global int *p) { *p = g(3); }";
    let (user, code) = compile(&session, source, c"");
    assert_eq!(code, CL_SUCCESS);
    let (linked, code) = link(&session, &[user], null());
    assert_eq!(code, CL_LINK_PROGRAM_FAILURE);
    let log = session.build_log(linked).unwrap();
    assert_shows(&log, ":2:37: error:", "*p = g(3);", &["undefined", "'g'"]);
    let (none, code) = link(&session, &[user], c"-what".as_ptr());
    assert_eq!((none, code), (null_mut(), CL_INVALID_LINKER_OPTIONS));
    // A library may leave names to others, who then have them.
    let (library, code) = link(&session, &[user], c"-create-library".as_ptr());
    assert_eq!(code, CL_SUCCESS);
    let (other, code) = compile(&session, "int g(int x) { return x; }", c"");
    assert_eq!(code, CL_SUCCESS);
    let (complete, code) = link(&session, &[library, other], null());
    assert_eq!(code, CL_SUCCESS);
    // What is defined twice is told with its name.
    let (twice, code) = link(&session, &[other, other], null());
    assert_eq!(code, CL_LINK_PROGRAM_FAILURE);
    let log = session.build_log(twice).unwrap();
    assert!(
        log.contains("multiply defined") && log.contains("'g'"),
        "{log}"
    );
    for program in [bad, unknown, user, linked, library, other, complete, twice] {
        assert_eq!(session.api.clReleaseProgram(program), CL_SUCCESS);
    }
}
