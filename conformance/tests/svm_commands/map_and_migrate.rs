//! `clEnqueueSVMMap`, `clEnqueueSVMUnmap`, `clEnqueueSVMMigrateMem`.

use super::*;

#[test]
fn map_refuses_null_empty_and_contradicting_flags() {
    let session = session();
    let calls = Calls(&session);
    let memory = alloc(&session, 4096);
    assert_eq!(calls.map(CL_MAP_READ, null_mut(), 16), CL_INVALID_VALUE);
    assert_eq!(calls.map(CL_MAP_READ, memory, 0), CL_INVALID_VALUE);
    assert_eq!(calls.map(1 << 10, memory, 16), CL_INVALID_VALUE);
    assert_eq!(
        calls.map(CL_MAP_WRITE_INVALIDATE_REGION | CL_MAP_READ, memory, 16),
        CL_INVALID_VALUE
    );
    assert_eq!(
        calls.map(CL_MAP_WRITE_INVALIDATE_REGION | CL_MAP_WRITE, memory, 16),
        CL_INVALID_VALUE
    );
    assert_eq!(calls.map(CL_MAP_READ, memory, 4097), CL_INVALID_VALUE);
    assert_eq!(calls.unmap(null_mut()), CL_INVALID_VALUE);
}

#[test]
fn sub_ranges_and_nested_maps_keep_everything_else() {
    let session = session();
    let calls = Calls(&session);
    let memory = session
        .api
        .clSVMAlloc(session.context, CL_MEM_READ_WRITE, 4096, 0);
    assert_eq!(calls.map(CL_MAP_WRITE, memory, 4096), CL_SUCCESS);
    for index in 0..4096 {
        write(memory, index, index as u8);
    }
    assert_eq!(calls.unmap(memory), CL_SUCCESS);
    for _ in 0..3 {
        assert_eq!(calls.map(CL_MAP_READ, memory, 4096), CL_SUCCESS);
        assert_eq!(
            calls.map(CL_MAP_READ | CL_MAP_WRITE, offset(memory, 100), 50),
            CL_SUCCESS
        );
        assert_eq!(calls.map(CL_MAP_READ, offset(memory, 100), 20), CL_SUCCESS);
        assert!((0..4096).all(|index| read::<u8>(memory, index) == index as u8));
        assert_eq!(calls.unmap(offset(memory, 100)), CL_SUCCESS);
        assert_eq!(calls.unmap(offset(memory, 100)), CL_SUCCESS);
        assert_eq!(calls.unmap(memory), CL_SUCCESS);
    }
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
    session.api.clSVMFree(session.context, memory);
}

#[test]
fn migrate_checks_lists_flags_and_ranges() {
    let session = session();
    let calls = Calls(&session);
    let memory = alloc(&session, 8192);
    let application = [0u8; 64];
    let interior = offset(memory, 4000).cast_const();
    let memory = memory.cast_const();
    assert_eq!(calls.migrate(&[], None, 0), CL_INVALID_VALUE);
    let code = session.api.clEnqueueSVMMigrateMem(
        session.queue,
        1,
        null(),
        null(),
        0,
        0,
        null(),
        null_mut(),
    );
    assert_eq!(code, CL_INVALID_VALUE);
    assert_eq!(calls.migrate(&[memory], None, 1 << 8), CL_INVALID_VALUE);
    assert_eq!(calls.migrate(&[memory], Some(&[8193]), 0), CL_INVALID_VALUE);
    assert_eq!(
        calls.migrate(&[interior], Some(&[5000]), 0),
        CL_INVALID_VALUE
    );
    if !system_svm(&session) {
        assert_eq!(
            calls.migrate(&[application.as_ptr().cast()], None, 0),
            CL_INVALID_VALUE
        );
    }
    let both = CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED;
    for flags in [0, CL_MIGRATE_MEM_OBJECT_HOST, both] {
        assert_eq!(calls.migrate(&[memory], None, flags), CL_SUCCESS);
        assert_eq!(
            calls.migrate(&[memory, interior], Some(&[0, 17]), flags),
            CL_SUCCESS
        );
    }
    assert_eq!(session.api.clFinish(session.queue), CL_SUCCESS);
}
