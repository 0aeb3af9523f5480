//! `clEnqueueSVMMemFill`, and memory that is not SVM.

use super::*;

#[test]
fn fill_refuses_bad_patterns_sizes_and_alignments() {
    let session = session();
    let calls = Calls(&session);
    let memory = alloc(&session, 1024);
    let pattern = [7u8; 256];
    let pattern = pattern.as_ptr().cast::<c_void>();
    assert_eq!(calls.fill(null_mut(), pattern, 4, 16), CL_INVALID_VALUE);
    assert_eq!(calls.fill(memory, null(), 4, 16), CL_INVALID_VALUE);
    for size in [0, 3, 5, 96, 129, 256] {
        assert_eq!(
            calls.fill(memory, pattern, size, 768),
            CL_INVALID_VALUE,
            "pattern of {size} bytes"
        );
    }
    assert_eq!(
        calls.fill(offset(memory, 2), pattern, 4, 16),
        CL_INVALID_VALUE,
        "misaligned"
    );
    assert_eq!(
        calls.fill(memory, pattern, 4, 18),
        CL_INVALID_VALUE,
        "not a multiple"
    );
    assert_eq!(
        calls.fill(memory, pattern, 4, 2048),
        CL_INVALID_VALUE,
        "past the end"
    );
}

#[test]
fn fill_repeats_patterns_of_every_size_and_captures_them() {
    let session = session();
    let memory = alloc(&session, 1 << 20);
    for shift in 0..=7 {
        let size = 1usize << shift;
        let mut pattern: Vec<u8> = (0..size)
            .map(|index| (index * 7 + shift + 1) as u8)
            .collect();
        let expected = pattern.clone();
        let mut event = null_mut();
        let code = session.api.clEnqueueSVMMemFill(
            session.queue,
            offset(memory, size),
            pattern.as_ptr().cast(),
            size,
            (1 << 20) - 2 * size,
            0,
            null(),
            &mut event,
        );
        assert_eq!(code, CL_SUCCESS);
        pattern.fill(0);
        assert_eq!(session.api.clWaitForEvents(1, &event), CL_SUCCESS);
        session.api.clReleaseEvent(event);
        assert!((size..(1 << 20) - size)
            .all(|index| read::<u8>(memory, index) == expected[index % size]));
    }
}

#[test]
fn system_memory_is_accepted_where_system_svm_is_reported() {
    let session = session();
    if !system_svm(&session) {
        return;
    }
    let calls = Calls(&session);
    let mut application = vec![0u32; 4096];
    let pointer: *mut c_void = application.as_mut_ptr().cast();
    let pattern = 0xABCD_u32;
    assert_eq!(
        calls.fill(pointer, std::ptr::from_ref(&pattern).cast(), 4, 4096 * 4),
        CL_SUCCESS
    );
    assert_eq!(
        calls.map(CL_MAP_READ | CL_MAP_WRITE, pointer, 4096 * 4),
        CL_SUCCESS
    );
    assert_eq!(calls.unmap(pointer), CL_SUCCESS);
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    assert!((0..4096).all(|index| read::<u32>(pointer, index) == 0xABCD));
}
