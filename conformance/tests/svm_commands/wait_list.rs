//! What every command on SVM waits for.

use super::*;

#[test]
fn a_failed_dependency_fails_the_command_and_leaves_the_data_alone() {
    let session = session();
    let (a, b) = (alloc(&session, 64), alloc(&session, 64));
    write(a, 0, 1u32);
    write(b, 0, 2u32);
    for blocking in [CL_FALSE, CL_TRUE] {
        let queue = session.queue_with(0).unwrap();
        let gate = session.user_event().unwrap();
        assert_eq!(session.api.clSetUserEventStatus(gate, -7), CL_SUCCESS);
        let mut event = null_mut();
        let code = session
            .api
            .clEnqueueSVMMemcpy(queue, blocking, b, a, 64, 1, &gate, &mut event);
        if blocking == CL_TRUE {
            assert_eq!(code, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
        } else {
            assert_eq!(code, CL_SUCCESS);
            let waited = session.api.clWaitForEvents(1, &event);
            assert_eq!(waited, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
            assert!(session.event_status(event).unwrap() < 0);
            session.api.clReleaseEvent(event);
        }
        let code =
            session
                .api
                .clEnqueueSVMMap(queue, CL_TRUE, CL_MAP_READ, b, 64, 1, &gate, null_mut());
        assert_eq!(code, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST);
        assert_eq!(read::<u32>(b, 0), 2);
        session.api.clReleaseCommandQueue(queue);
        session.api.clReleaseEvent(gate);
    }
}

#[test]
fn wait_lists_are_checked_on_every_command() {
    let session = session();
    let other = Session::open().unwrap();
    let foreign = other.user_event().unwrap();
    let gate = session.user_event().unwrap();
    let memory = alloc(&session, 256);
    let pattern = 1u32;
    let (api, queue) = (session.api, session.queue);
    let sources = [memory.cast_const()];
    let mut none: [*mut c_void; 0] = [];
    let mut calls: Vec<(&str, WaitingCall<'_>)> = vec![
        (
            "free",
            Box::new(move |n, list| {
                api.clEnqueueSVMFree(
                    queue,
                    0,
                    if none.is_empty() {
                        null_mut()
                    } else {
                        none.as_mut_ptr()
                    },
                    None,
                    null_mut(),
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "memcpy",
            Box::new(|n, list| {
                api.clEnqueueSVMMemcpy(
                    queue,
                    CL_FALSE,
                    memory,
                    offset(memory, 128),
                    16,
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "fill",
            Box::new(|n, list| {
                api.clEnqueueSVMMemFill(
                    queue,
                    memory,
                    std::ptr::from_ref(&pattern).cast(),
                    4,
                    16,
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "map",
            Box::new(|n, list| {
                api.clEnqueueSVMMap(
                    queue,
                    CL_FALSE,
                    CL_MAP_READ,
                    memory,
                    16,
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "unmap",
            Box::new(|n, list| api.clEnqueueSVMUnmap(queue, memory, n, list, null_mut())),
        ),
        (
            "migrate",
            Box::new(|n, list| {
                api.clEnqueueSVMMigrateMem(
                    queue,
                    1,
                    sources.as_ptr(),
                    null(),
                    0,
                    n,
                    list,
                    null_mut(),
                )
            }),
        ),
        (
            "marker",
            Box::new(|n, list| api.clEnqueueMarkerWithWaitList(queue, n, list, null_mut())),
        ),
        (
            "barrier",
            Box::new(|n, list| api.clEnqueueBarrierWithWaitList(queue, n, list, null_mut())),
        ),
    ];
    let with_null = [null_mut::<c_void>()];
    for (name, call) in &mut calls {
        assert_eq!(
            call(1, null()),
            CL_INVALID_EVENT_WAIT_LIST,
            "{name}: list is null"
        );
        assert_eq!(
            call(0, &gate),
            CL_INVALID_EVENT_WAIT_LIST,
            "{name}: count is zero"
        );
        assert_eq!(
            call(1, with_null.as_ptr()),
            CL_INVALID_EVENT_WAIT_LIST,
            "{name}: null event"
        );
        assert_eq!(
            call(1, std::ptr::from_ref(&session.queue)),
            CL_INVALID_EVENT_WAIT_LIST,
            "{name}: not an event"
        );
        assert_eq!(
            call(1, &foreign),
            CL_INVALID_CONTEXT,
            "{name}: event of another context"
        );
    }
    drop(calls);
    assert_eq!(api.clFinish(queue), CL_SUCCESS);
    api.clReleaseEvent(gate);
    other.api.clReleaseEvent(foreign);
}

#[test]
fn the_event_out_parameter_may_not_alias_the_wait_list_and_the_list_may_be_reused() {
    let session = session();
    let (a, b) = (alloc(&session, 64), alloc(&session, 64));
    write(a, 0, 9u32);
    let mut list = [session.user_event().unwrap()];
    let gate = list[0];
    let aliased = list.as_mut_ptr();
    let code =
        session
            .api
            .clEnqueueSVMMemcpy(session.queue, CL_FALSE, b, a, 64, 1, aliased, aliased);
    assert_eq!(code, CL_INVALID_EVENT);
    let mut event = null_mut();
    let code = session.api.clEnqueueSVMMemcpy(
        session.queue,
        CL_FALSE,
        b,
        a,
        64,
        1,
        list.as_ptr(),
        &mut event,
    );
    assert_eq!(code, CL_SUCCESS);
    list[0] = null_mut();
    assert!(list[0].is_null());
    assert_eq!(
        session.api.clSetUserEventStatus(gate, CL_COMPLETE),
        CL_SUCCESS
    );
    assert_eq!(session.api.clWaitForEvents(1, &event), CL_SUCCESS);
    assert_eq!(read::<u32>(b, 0), 9);
    session.api.clReleaseEvent(event);
    session.api.clReleaseEvent(gate);
}
