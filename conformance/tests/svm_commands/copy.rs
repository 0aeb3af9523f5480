//! `clEnqueueSVMMemcpy`.

use super::*;

#[test]
fn memcpy_refuses_null_and_ranges_past_the_end() {
    let session = session();
    let calls = Calls(&session);
    let (a, b) = (alloc(&session, 256), alloc(&session, 256));
    assert_eq!(calls.copy(null_mut(), a, 16), CL_INVALID_VALUE);
    assert_eq!(calls.copy(a, null(), 16), CL_INVALID_VALUE);
    let mut host = vec![0u8; 1 << 20];
    assert_eq!(
        calls.copy(a, host.as_mut_ptr().cast(), 1 << 20),
        CL_INVALID_VALUE
    );
    assert_eq!(
        calls.copy(offset(a, 255), host.as_mut_ptr().cast(), 2),
        CL_INVALID_VALUE
    );
    assert_eq!(
        calls.copy(host.as_mut_ptr().cast(), offset(b, 200), 57),
        CL_INVALID_VALUE
    );
    assert_eq!(calls.copy(a, b, 256), CL_SUCCESS);
    let code = session
        .api
        .clEnqueueSVMMemcpy(null_mut(), CL_TRUE, a, b, 16, 0, null(), null_mut());
    assert_eq!(code, CL_INVALID_COMMAND_QUEUE);
}

#[test]
fn overlapping_copies_are_refused_and_adjacent_ones_are_not() {
    let session = session();
    let calls = Calls(&session);
    let memory = alloc(&session, 4096);
    let mut host = [0u8; 256];
    let host = host.as_mut_ptr().cast::<c_void>();
    for (base, blocking) in [
        (memory, CL_TRUE),
        (memory, CL_FALSE),
        (host, CL_TRUE),
        (host, CL_FALSE),
    ] {
        let copy = |destination, source, size| {
            session.api.clEnqueueSVMMemcpy(
                session.queue,
                blocking,
                destination,
                source,
                size,
                0,
                null(),
                null_mut(),
            )
        };
        assert_eq!(copy(base, base, 64), CL_MEM_COPY_OVERLAP);
        assert_eq!(copy(offset(base, 63), base, 64), CL_MEM_COPY_OVERLAP);
        assert_eq!(copy(base, offset(base, 63), 64), CL_MEM_COPY_OVERLAP);
        assert_eq!(copy(offset(base, 64), base, 64), CL_SUCCESS);
        assert_eq!(copy(base, offset(base, 64), 64), CL_SUCCESS);
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    }
    assert_eq!(calls.copy(memory, host, 256), CL_SUCCESS);
}

#[test]
fn copies_move_exactly_the_bytes_asked_for() {
    let session = session();
    let calls = Calls(&session);
    let size = 3 << 20;
    let (a, b) = (alloc(&session, size), alloc(&session, size));
    for index in 0..size {
        write(a, index, ((index * 31) >> 3) as u8);
        write(b, index, 0xEEu8);
    }
    for (from, to, len) in [
        (0, 0, 1),
        (1, 3, 77),
        (64, 4096, 65536),
        (5, 9, 2 << 20),
        (0, 7, size - 7),
    ] {
        assert_eq!(calls.copy(offset(b, to), offset(a, from), len), CL_SUCCESS);
        assert!((0..len).all(|index| read::<u8>(b, to + index) == read::<u8>(a, from + index)));
        if to > 0 {
            assert_eq!(calls.fill(b, [0xEEu8].as_ptr().cast(), 1, to), CL_SUCCESS);
        }
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
        assert!((0..to).all(|index| read::<u8>(b, index) == 0xEE));
        assert!((to + len..size.min(to + len + 64)).all(|index| read::<u8>(b, index) == 0xEE));
        assert_eq!(calls.fill(b, [0xEEu8].as_ptr().cast(), 1, size), CL_SUCCESS);
        assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    }
}

#[test]
fn read_only_pages_are_a_legal_source() {
    static CONSTANT: [u32; 64] = [0xC0FFEE; 64];
    let session = session();
    let memory = alloc(&session, 256);
    assert_eq!(
        Calls(&session).copy(memory, CONSTANT.as_ptr().cast(), 256),
        CL_SUCCESS
    );
    assert!((0..64).all(|index| read::<u32>(memory, index) == 0xC0FFEE));
}
