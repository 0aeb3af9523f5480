//! Programs of several parts.

use isocl_compiler_interface::message::Failure;

use crate::launch::{compile, link, load, Program, Refused, Value};

const OPTIONS: &str = "-cl-std=CL3.0";

fn program(parts: &[&str]) -> Result<Program, Refused> {
    let objects: Vec<_> = parts
        .iter()
        .map(|part| compile(part, OPTIONS).unwrap())
        .collect();
    let objects: Vec<_> = objects.iter().map(Vec::as_slice).collect();
    load(link(&objects, "")?)
}

/// What kernel `f(global int *)` leaves in its argument.
fn answer(program: &Program, name: &str) -> i32 {
    let mut out = [0i32];
    let memory = Value::Memory(out.as_mut_ptr().cast());
    program.run(name, [1; 3], [1; 3], &[memory]);
    out[0]
}

#[test]
fn functions_and_variables_are_found_in_other_parts() {
    let p = program(&[
        "int seven(void); extern global int shared; extern constant int fixed[3];
         kernel void f(global int *out) { shared += 1; *out = seven() + shared + fixed[2]; }",
        "int seven(void) { return 7; }
         global int shared = 100; constant int fixed[3] = {1000, 2000, 3000};
         kernel void g(global int *out) { *out = shared; }",
    ])
    .unwrap();
    assert_eq!(answer(&p, "f"), 3108);
    assert_eq!(answer(&p, "g"), 101);
    assert_eq!(p.0.global_variable_bytes, 4);
}

#[test]
fn static_and_inline_names_may_be_in_every_part() {
    let p = program(&[
        "static int one(void) { return 1; } inline int same(int x) { return x; } static global int v = 5;
         kernel void f(global int *out) { *out = one() + same(10) + v++; }",
        "static int one(void) { return 2; } inline int same(int x) { return x; } static global int v = 9;
         kernel void g(global int *out) { *out = one() + same(10) + v++; }",
    ])
    .unwrap();
    assert_eq!((answer(&p, "f"), answer(&p, "g")), (16, 21));
    assert_eq!((answer(&p, "f"), answer(&p, "g")), (17, 22));
}

#[test]
fn libraries_are_linked_later() {
    let library = link(
        &[&compile(
            "int twice(int x) { return 2 * (int)sqrt((float)x); }",
            OPTIONS,
        )
        .unwrap()],
        "-create-library -enable-link-options",
    )
    .unwrap();
    let user = compile(
        "int twice(int); kernel void f(global int *out) { *out = twice(81); }",
        OPTIONS,
    )
    .unwrap();
    let p = load(link(&[&user, &library], "-cl-fast-relaxed-math").unwrap()).unwrap();
    assert_eq!(answer(&p, "f"), 18);
    let (failure, log) = load(library).err().unwrap();
    assert_eq!(failure, Failure::Binary, "{log}");
}

#[test]
fn names_defined_twice_or_never_fail_with_the_name() {
    let (failure, log) = program(&["void twice(void) {}", "void twice(void) {}"])
        .err()
        .unwrap();
    assert!(failure == Failure::Link && log.contains("twice"), "{log}");
    for (source, name) in [
        ("int lost(int); kernel void f(global int *o) { *o = lost(1); }", "lost"),
        ("extern global int gone; kernel void f(global int *o) { *o = gone; }", "gone"),
        (
            "float __attribute__((overloadable)) lost(float); kernel void f(global float *o) { *o = lost(1.0f); }",
            "lost",
        ),
    ] {
        let (failure, log) = program(&[source]).err().unwrap();
        assert!(failure == Failure::Link && log.contains(name), "{log}");
        let column = source.rfind(name).unwrap() + 1;
        let place = format!("program.cl:1:{column}: error: undefined reference to '{name}'");
        assert!(log.starts_with(&place) && log.contains('^'), "{log}");
        // What no kernel uses is no error.
        let unused = source.replace("kernel ", "");
        program(&[&format!("{unused} kernel void g() {{}}")]).unwrap();
    }
}

#[test]
fn what_another_part_defines_is_no_error_and_the_rest_has_its_place() {
    let (_, log) = program(&[
        "int found(int); int lost(int);
         kernel void f(global int *o) { *o = found(1) + lost(2) + lost(3); }",
        "int found(int x) { return x; }",
    ])
    .err()
    .unwrap();
    assert!(log.starts_with("program.cl:2:57:"), "{log}");
    assert!(!log.contains("reference to 'found'"), "{log}");
    assert_eq!(log.matches("error:").count(), 1, "{log}");
}

#[test]
fn recursion_is_a_link_error_with_the_name() {
    let (failure, log) = program(&[
        "int even(int n); int odd(int n) { return n == 0 ? 0 : even(n - 1); }
         kernel void f(global int *o) { *o = odd(*o); }",
        "int odd(int n); int even(int n) { return n == 0 ? 1 : odd(n - 1); }",
    ])
    .err()
    .unwrap();
    assert_eq!(failure, Failure::Link);
    assert!(log.contains("calls itself"), "{log}");
    // A function that calls itself directly is shown where it does.
    let direct = "int __attribute__((overloadable)) down(int n) {
        return n ? down(n - 1) : 0; }
        kernel void f(global int *o) { *o = down(*o); }";
    let (failure, log) = program(&[direct]).err().unwrap();
    assert_eq!(failure, Failure::Link);
    let place = "program.cl:2:20: error: function 'down' calls itself";
    assert!(log.starts_with(place) && log.contains('^'), "{log}");
    // Unless no kernel calls it.
    let uncalled = direct.replace("= down(*o)", "= 1");
    program(&[&uncalled]).unwrap();
}

#[test]
fn a_constant_has_the_same_address_in_every_kernel() {
    let p = program(&["
        constant int table[4] = {4, 5, 6, 7};
        constant int *constant middle = &table[2];
        global ulong seen;
        kernel void f(global int *out) { seen = (ulong)&table[1]; *out = table[3] + *middle; }
        kernel void g(global int *out) {
          *out = seen == (ulong)&table[1] && middle == &table[2] && *(constant int *)seen == 5;
        }"])
    .unwrap();
    assert_eq!(answer(&p, "f"), 13);
    assert_eq!(answer(&p, "g"), 1);
}

#[test]
fn names_of_host_functions_are_free_for_programs() {
    let p = program(&["
        global int memcpy = 3; global int fmod_table[2] = {1, 2};
        int memset(int x) { return x + 1; }
        kernel void f(global int *out) { *out = memset(memcpy) + fmod_table[1]; }
        kernel void floorf(global int *out) { *out = ++memcpy; }"])
    .unwrap();
    assert_eq!(answer(&p, "floorf"), 4);
    assert_eq!(answer(&p, "f"), 7);
}

#[test]
fn variables_of_two_executables_are_different() {
    let source = "global int v; kernel void f(global int *out) { *out = ++v; }";
    let binary = link(&[&compile(source, OPTIONS).unwrap()], "").unwrap();
    let (a, b) = (load(binary.clone()).unwrap(), load(binary).unwrap());
    assert_eq!(
        (answer(&a, "f"), answer(&a, "f"), answer(&b, "f")),
        (1, 2, 1)
    );
}
