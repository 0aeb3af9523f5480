//! What a program asks of the device beyond its limits is an error where the program asks for it.

use isocl_compiler::service::respond;
use isocl_compiler_interface::message::{Failure, Limits, Request, Response, Target};

use crate::launch::compile;

const LIMITS: Limits = Limits {
    local_bytes: 1024,
    work_group_items: 64,
    global_variable_bytes: 100,
    constant_bytes: 200,
    parameter_bytes: 64,
};

/// The log of a program that does not compile for a device with [`LIMITS`], but without limits;
/// nothing if it does.
fn refusal(source: &str) -> Option<String> {
    let options = "-cl-std=CL3.0";
    compile(source, options).unwrap();
    let features = [
        "__opencl_c_generic_address_space",
        "__opencl_c_program_scope_global_variables",
    ];
    match respond(Request::Compile {
        target: Target {
            extensions: Vec::new(),
            features: features.map(str::to_owned).to_vec(),
            limits: LIMITS,
        },
        source: source.into(),
        options: options.to_owned(),
        headers: Vec::new(),
    }) {
        Response::Built { .. } => None,
        Response::Failed { failure, log } => {
            assert_eq!(failure, Failure::Source, "{log}");
            assert!(log.contains('^'), "{log}");
            Some(log)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_are_met_and_passed_by_one_byte() {
    for (allowed, too_much, place, words) in [
        (
            "kernel void f(global int *p) { local int a[128]; local int b[128]; a[0] = b[*p] = 1; }",
            "kernel void f(global int *p) { local int a[128]; local int b[129]; a[0] = b[*p] = 1; }",
            "program.cl:1:60:",
            ["'f'", "1028", "1024", "LOCAL_MEM_SIZE"],
        ),
        (
            "kernel void __attribute__((reqd_work_group_size(4, 4, 4))) g() {}",
            "kernel void __attribute__((reqd_work_group_size(4, 4, 5))) g() {}",
            "program.cl:1:28:",
            ["'g'", "work-items", "64", "MAX_WORK_GROUP_SIZE"],
        ),
        (
            "global int v[25]; kernel void f() { v[1] = 2; }",
            "global int v[26]; kernel void f() { v[1] = 2; }",
            "program.cl:1:12:",
            ["'v'", "104", "100", "GLOBAL_VARIABLE_SIZE"],
        ),
        (
            "kernel void f() { static global int v[25]; v[1] = 2; }",
            "kernel void f() { static global int v[26]; v[1] = 2; }",
            "program.cl:1:37:",
            ["'v'", "104", "100", "GLOBAL_VARIABLE_SIZE"],
        ),
        (
            "constant int c[50] = {1}; kernel void f(global int *p) { *p = c[*p]; }",
            "constant int c[51] = {1}; kernel void f(global int *p) { *p = c[*p]; }",
            "program.cl:1:14:",
            ["'c'", "204", "200", "CONSTANT_BUFFER_SIZE"],
        ),
        (
            "kernel void f(int16 a) {}",
            "kernel void f(int16 a, char b) {}",
            "program.cl:1:13:",
            ["'f'", "65", "64", "PARAMETER_SIZE"],
        ),
    ] {
        assert_eq!(refusal(allowed), None);
        let log = refusal(too_much).expect(too_much);
        assert!(log.starts_with(place), "{log}");
        for word in words {
            assert!(log.contains(word), "{word} is not in {log}");
        }
    }
}

#[test]
fn a_product_of_sizes_that_overflows_is_too_much() {
    let log = refusal(
        "kernel void __attribute__((reqd_work_group_size(65536, 65536, 4294967295))) f() {}",
    );
    assert!(log.unwrap().contains("MAX_WORK_GROUP_SIZE"));
}

#[test]
fn local_memory_that_nobody_uses_does_not_count() {
    assert_eq!(refusal("kernel void f() { local int a[10000]; }"), None);
}

#[test]
fn parameters_need_images_where_the_language_has_them_anyway() {
    let request = |source: &str| {
        let target = Target {
            extensions: Vec::new(),
            features: Vec::new(),
            limits: Limits::NONE,
        };
        respond(Request::Compile {
            target,
            source: source.into(),
            options: String::new(),
            headers: Vec::new(),
        })
    };
    for (source, name) in [
        ("kernel void f(read_only image2d_t picture) {}", "'picture'"),
        ("kernel void f(sampler_t how) {}", "'how'"),
    ] {
        let Response::Failed { log, .. } = request(source) else {
            panic!("{source}");
        };
        assert!(log.starts_with("program.cl:1:"), "{log}");
        assert!(log.contains("images") && log.contains(name), "{log}");
    }
}
