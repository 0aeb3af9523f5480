//! Source strings: in pieces, with and without lengths, and with bytes of any encoding.
use std::ptr::{null, null_mut};

use isocl_conformance::session::Session;
use opencl_sys::*;

use crate::{answer, session};

/// A program of these pieces, each with its length, or ending with a zero.
fn program(session: &Session, pieces: &[&[u8]], with_lengths: bool) -> cl_program {
    let strings: Vec<_> = pieces.iter().map(|piece| piece.as_ptr().cast()).collect();
    let lengths: Vec<_> = pieces.iter().map(|piece| piece.len()).collect();
    let mut code = 99;
    let program = session.api.clCreateProgramWithSource(
        session.context,
        pieces.len() as cl_uint,
        strings.as_ptr(),
        if with_lengths {
            lengths.as_ptr()
        } else {
            null()
        },
        &mut code,
    );
    assert_eq!(code, CL_SUCCESS);
    program
}

/// `CL_PROGRAM_SOURCE`
fn source(session: &Session, program: cl_program) -> Vec<u8> {
    let ask = |size, value, size_ret| {
        let name = CL_PROGRAM_SOURCE;
        let api = session.api;
        let code = api.clGetProgramInfo(program, name, size, value, size_ret);
        assert_eq!(code, CL_SUCCESS);
    };
    let mut size = 0;
    ask(0, null_mut(), &mut size);
    let mut source = vec![1; size];
    ask(size, source.as_mut_ptr().cast(), null_mut());
    source
}

fn build(session: &Session, program: cl_program) -> cl_int {
    let options = c"-Werror".as_ptr();
    session
        .api
        .clBuildProgram(program, 0, null(), options, None, null_mut())
}

#[test]
fn bytes_that_are_no_utf_8_stay_what_they_are() {
    let session = session();
    // In Latin-1: a comment, and a constant that counts its bytes.
    let pieces: [&[u8]; 2] = [
        b"// caf\xE9\nconstant uchar text[] = { 'a', '\xE9' };\n\0",
        b"kernel void f(global int *p) { *p = text[1] * 100 + sizeof(text); }\0",
    ];
    let whole: Vec<u8> = [&pieces[0][..pieces[0].len() - 1], pieces[1]].concat();
    let program = program(&session, &pieces, false);
    assert_eq!(source(&session, program), whole);
    let options = c"".as_ptr();
    let api = session.api;
    let built = api.clBuildProgram(program, 0, null(), options, None, null_mut());
    assert_eq!(built, CL_SUCCESS, "{:?}", session.build_log(program));
    assert_eq!(answer(&session, program), 0xE9 * 100 + 2);
    assert_eq!(api.clReleaseProgram(program), CL_SUCCESS);
}

#[test]
fn lengths_that_count_the_zero_are_no_harm() {
    let session = session();
    let pieces: [&[u8]; 2] = [
        b"#define VALUE 5\n\0",
        b"kernel void f(global int *p) { *p = VALUE; }\0",
    ];
    for with_lengths in [false, true] {
        let program = program(&session, &pieces, with_lengths);
        assert_eq!(build(&session, program), CL_SUCCESS);
        assert_eq!(session.build_log(program).unwrap(), "");
        assert_eq!(answer(&session, program), 5);
        let kept = source(&session, program).len();
        let given: usize = pieces.iter().map(|piece| piece.len()).sum();
        // All that was given, and a zero at the end.
        assert_eq!(kept, if with_lengths { given + 1 } else { given - 1 });
        assert_eq!(session.api.clReleaseProgram(program), CL_SUCCESS);
    }
}
