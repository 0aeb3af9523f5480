//! Requests right and wrong, from one thread and from many.

use isocl_compiler::service::{answer, respond};
use isocl_compiler_interface::message::{
    decode, Failure, Header, Limits, Request, Response, Target,
};
use isocl_compiler_interface::rows::Rows;

use crate::launch::{build, compile, link, load, Value};

const ADD: &str = "kernel void add(global int *p, int n) { p[get_global_id(0)] += n; }";

fn failure(response: Response) -> Failure {
    match response {
        Response::Failed { failure, log } => {
            assert!(!log.is_empty());
            failure
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_that_are_no_request_are_answered() {
    for bytes in [&b""[..], b"\xff\xff\xff\xff", b"\x00\x01"] {
        let response: Response = decode(&answer(bytes)).unwrap();
        assert_eq!(failure(response), Failure::Internal);
    }
}

#[test]
fn bytes_that_are_no_binary_are_refused() {
    let object = compile(ADD, "").unwrap();
    let executable = link(&[&object], "").unwrap();
    let mut damaged = executable.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    for bytes in [&b"garbage"[..], b"", &damaged, &executable[..100], &object] {
        assert_eq!(load(bytes.to_vec()).err().unwrap().0, Failure::Binary);
    }
    for bytes in [&b"garbage"[..], b"", &damaged] {
        assert_eq!(link(&[bytes], "").unwrap_err().0, Failure::Binary);
        assert_eq!(link(&[&object, bytes], "").unwrap_err().0, Failure::Binary);
    }
    load(executable).unwrap();
}

#[test]
fn well_formed_containers_of_nonsense_are_refused() {
    use isocl_compiler::binary;
    use isocl_compiler_interface::message::BinaryKind;
    let good = link(&[&compile(ADD, "").unwrap()], "").unwrap();
    let (_, bitcode) = binary::decode(&good).unwrap();
    for cut in (0..bitcode.len()).step_by(97) {
        let cut = binary::encode(BinaryKind::Executable, &bitcode[..cut]);
        load(cut).err().unwrap();
    }
}

#[test]
fn malformed_options_are_told_from_bad_source() {
    let (kind, log) = compile(ADD, "-cl-nv-verbose").unwrap_err();
    assert_eq!(kind, Failure::InvalidOptions);
    assert!(log.contains("-cl-nv-verbose"), "{log}");
    assert_eq!(compile("?", "").unwrap_err().0, Failure::Source);
    let object = compile(ADD, "").unwrap();
    let (kind, log) = link(&[&object], "-create-libary").unwrap_err();
    assert_eq!(kind, Failure::InvalidOptions);
    assert!(log.contains("-create-libary"), "{log}");
}

#[test]
fn headers_come_from_the_request() {
    let request = |headers| {
        Request::Compile {
        target: Target {
            extensions: Vec::new(),
            features: Vec::new(),
limits: Limits::NONE,
        },
        source: "#include <a/one.h>\n#include \"two.h\"\nkernel void f(global int *p) { *p = ONE + TWO; }".into(),
        options: String::new(),
        headers,
    }
    };
    let header = |name: &str, source: &str| Header {
        name: name.into(),
        source: source.into(),
    };
    let one = header("a/one.h", "#define ONE 1");
    let two = header("two.h", "#include \"a/one.h\"\n#define TWO (ONE + ONE)");
    assert!(matches!(
        respond(request(vec![one.clone(), two])),
        Response::Built { .. }
    ));
    assert_eq!(failure(respond(request(vec![one]))), Failure::Source);
}

#[test]
fn unknown_executables_and_kernels_are_refused() {
    let p = build(ADD, "").unwrap();
    let kernel = |executable, kernel| {
        respond(Request::Kernel {
            executable,
            kernel,
            rows: Rows::USUAL,
        })
    };
    assert_eq!(failure(kernel(p.0.id, 1)), Failure::Internal);
    assert_eq!(failure(kernel(0, 0)), Failure::Internal);
    let id = p.0.id;
    drop(p);
    assert_eq!(failure(kernel(id, 0)), Failure::Internal);
    let unload = Request::Unload { executable: id };
    assert_eq!(failure(respond(unload)), Failure::Internal);
}

#[test]
fn without_optimisation_kernels_do_the_same() {
    let source = "int half_of(int x) { return x >> 1; }
        kernel void f(global int *p, local int *l) {
          size_t i = get_local_id(0);
          l[i] = p[get_global_id(0)];
          barrier(CLK_LOCAL_MEM_FENCE);
          int sum = 0;
          for (int k = 0; k <= i; k++) sum += l[k];
          p[get_global_id(0)] = half_of(sum);
        }";
    for options in ["", "-cl-opt-disable", "-cl-opt-disable -g", "-g"] {
        let p = build(source, options).unwrap();
        let mut data: Vec<i32> = (0..64).collect();
        let memory = Value::Memory(data.as_mut_ptr().cast());
        let values = [memory, Value::Local(64)];
        p.run("f", [64, 1, 1], [16, 1, 1], &values);
        for (i, value) in data.iter().enumerate() {
            let expected: usize = (i / 16 * 16..=i).sum();
            assert_eq!(*value as usize, expected / 2, "{options}, work-item {i}");
        }
    }
}

#[test]
fn programs_nested_too_deep_for_clang_are_errors() {
    let deep = "- ".repeat(400_000);
    let source = format!("kernel void f(global int *p) {{ *p = {deep} 1; }}");
    compile(&source, "").unwrap_err();
    // And the next program is compiled as if nothing had been.
    compile(ADD, "").unwrap();
}

#[test]
fn threads_that_ask_for_one_kernel_get_one_code() {
    let p = build(ADD, "").unwrap();
    let ask = || match respond(Request::Kernel {
        executable: p.0.id,
        kernel: 0,
        rows: Rows::USUAL,
    }) {
        Response::Kernel(code) => code.entry,
        other => panic!("{other:?}"),
    };
    let entries: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(entries.iter().all(|entry| *entry == entries[0]));
}

#[test]
fn builds_run_beside_each_other() {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..5 {
                    let constant = thread * 100 + round;
                    let source = format!(
                        "global int v = {constant}; kernel void f(global int *p) {{ p[get_global_id(0)] = v + sin(0.0f); }}"
                    );
                    let p = build(&source, "-cl-std=CL3.0").unwrap();
                    let mut data = [0i32; 8];
                    let memory = Value::Memory(data.as_mut_ptr().cast());
                    p.run("f", [8, 1, 1], [4, 1, 1], &[memory]);
                    assert_eq!(data, [constant; 8]);
                    build("kernel void f() { wrong }", "").err().unwrap();
                }
            });
        }
    });
}
