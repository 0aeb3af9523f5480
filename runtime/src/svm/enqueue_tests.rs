//! The commands on SVM, checked on devices that compute nothing.

use std::sync::{Arc, Mutex};

use isocl_kernel_iface::{access, Address};

use super::{svm_alloc, svm_free};
use crate::command::CommandType;
use crate::context::Context;
use crate::event::create_user_event;
use crate::flags::{QueueProperties, SvmCapabilities};
use crate::lock::lock;
use crate::queue::CommandQueue;
use crate::test_objects::{
    address_of, address_of_mut, context_of, null_device, null_device_with, queue_of, queue_on,
    Recorder,
};
use crate::{ErrorCode, Event, Result};

fn code<T>(result: Result<T>) -> ErrorCode {
    result.err().expect("the call fails").code
}

fn svm(context: &Arc<Context>, size: usize) -> Address {
    svm_alloc(context, 0, size, 0).unwrap()
}

/// A context on a device that has SVM buffers but no system SVM.
fn buffer_svm_context() -> Arc<Context> {
    context_of(&[null_device_with(|info| {
        info.svm_capabilities = SvmCapabilities::COARSE_GRAIN_BUFFER;
    })])
}

/// Every command on SVM, with arguments that are right for 4096 bytes at `pointer`.
fn every_command(
    queue: &Arc<CommandQueue>,
    pointer: Address,
    events: &[Arc<Event>],
) -> Vec<Result<Arc<Event>>> {
    let half = pointer.wrapping_add(2048);
    vec![
        queue.enqueue_svm_free(Vec::new(), None, events),
        queue.enqueue_svm_memcpy(false, pointer, half, 2048, events),
        queue.enqueue_svm_mem_fill(pointer, vec![1; 4], 4096, events),
        queue.enqueue_svm_map(false, 3, pointer, 4096, events),
        queue.enqueue_svm_unmap(pointer, events),
        queue.enqueue_svm_migrate_mem(vec![pointer], None, 0, events),
    ]
}

#[test]
fn events_tell_the_command() {
    let context = context_of(&[null_device()]);
    let types: Vec<_> = every_command(&queue_of(&context), svm(&context, 4096), &[])
        .into_iter()
        .map(|event| event.unwrap().command_type())
        .collect();
    let expected = [
        CommandType::SvmFree,
        CommandType::SvmMemcpy,
        CommandType::SvmMemFill,
        CommandType::SvmMap,
        CommandType::SvmUnmap,
        CommandType::SvmMigrateMem,
    ];
    assert_eq!(types, expected);
}

#[test]
fn a_device_without_svm_refuses_and_foreign_events_too() {
    let without = null_device_with(|info| info.svm_capabilities = SvmCapabilities::empty());
    let context = context_of(&[null_device(), Arc::clone(&without)]);
    let pointer = svm(&context, 4096);
    for result in every_command(&queue_on(&context, &without), pointer, &[]) {
        assert_eq!(code(result), ErrorCode::InvalidOperation);
    }
    let foreign = create_user_event(&context_of(&[null_device()])).unwrap();
    for result in every_command(&queue_of(&context), pointer, &[foreign]) {
        assert_eq!(code(result), ErrorCode::InvalidContext);
    }
}

#[test]
fn copies_are_checked() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let pointer = svm(&context, 4096);
    let host = vec![0_u8; 4096];
    let copy = |to, from, size| queue.enqueue_svm_memcpy(true, to, from, size, &[]);
    assert_eq!(
        code(copy(Address::NULL, pointer, 1)),
        ErrorCode::InvalidValue
    );
    assert_eq!(
        code(copy(pointer, Address::NULL, 1)),
        ErrorCode::InvalidValue
    );
    assert!(copy(Address::NULL, Address::NULL, 0).is_ok());
    assert_eq!(
        code(copy(pointer, pointer.wrapping_add(99), 100)),
        ErrorCode::MemCopyOverlap
    );
    let inside = address_of(&host);
    assert_eq!(
        code(copy(inside, inside.wrapping_add(1), 2)),
        ErrorCode::MemCopyOverlap
    );
    assert!(copy(pointer, pointer.wrapping_add(100), 100).is_ok());
    let end = pointer.wrapping_add(4000);
    assert_eq!(code(copy(inside, end, 97)), ErrorCode::InvalidValue);
    assert_eq!(code(copy(end, inside, 97)), ErrorCode::InvalidValue);
    assert!(copy(inside, end, 96).is_ok());
    assert_eq!(
        code(copy(pointer, Address(usize::MAX - 1), 8)),
        ErrorCode::InvalidValue
    );
}

#[test]
fn bytes_are_copied_and_filled() {
    let (_, device) = Recorder::create();
    let context = context_of(&[device]);
    let queue = queue_of(&context);
    let pointer = svm(&context, 256);
    let mut pattern = vec![1_u8, 2, 3, 4];
    queue
        .enqueue_svm_mem_fill(pointer, pattern.clone(), 256, &[])
        .unwrap();
    pattern.fill(9);
    let mut seen = [0_u8; 8];
    queue
        .enqueue_svm_memcpy(
            true,
            address_of_mut(&mut seen),
            pointer.wrapping_add(6),
            8,
            &[],
        )
        .unwrap();
    assert_eq!(seen, [3, 4, 1, 2, 3, 4, 1, 2]);
}

#[test]
fn fills_are_checked() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let pointer = svm(&context, 4096);
    let fill = |at, len: usize, size| queue.enqueue_svm_mem_fill(at, vec![0; len], size, &[]);
    for (at, len, size) in [
        (Address::NULL, 4, 4),
        (pointer, 0, 4),
        (pointer, 3, 9),
        (pointer, 256, 256),
        (pointer.wrapping_add(4), 8, 8),
        (pointer, 8, 12),
        (pointer, 8, 4104),
    ] {
        assert_eq!(
            code(fill(at, len, size)),
            ErrorCode::InvalidValue,
            "{at} {len} {size}"
        );
    }
    assert!(fill(pointer, 128, 4096).is_ok());
    assert!(fill(pointer, 128, 0).is_ok());
}

#[test]
fn maps_are_checked() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let pointer = svm(&context, 4096);
    let map = |flags, at, size| queue.enqueue_svm_map(true, flags, at, size, &[]);
    for (flags, at, size) in [
        (3, Address::NULL, 8),
        (3, pointer, 0),
        (8, pointer, 8),
        (5, pointer, 8),
        (6, pointer, 8),
        (3, pointer, 4097),
        (3, pointer.wrapping_add(4095), 2),
    ] {
        assert_eq!(
            code(map(flags, at, size)),
            ErrorCode::InvalidValue,
            "{flags} {at} {size}"
        );
    }
    for flags in [0, 1, 2, 3, 4] {
        assert!(map(flags, pointer.wrapping_add(100), 3996).is_ok());
    }
    assert_eq!(
        code(queue.enqueue_svm_unmap(Address::NULL, &[])),
        ErrorCode::InvalidValue
    );
    assert!(queue
        .enqueue_svm_unmap(pointer.wrapping_add(7), &[])
        .is_ok());
}

#[test]
fn memory_of_the_system_needs_system_svm() {
    let host = vec![0_u64; 16];
    let pointer = address_of(&host);
    for (context, system) in [
        (context_of(&[null_device()]), true),
        (buffer_svm_context(), false),
    ] {
        let queue = queue_of(&context);
        let fill = queue.enqueue_svm_mem_fill(pointer, vec![0], 8, &[]);
        let map = queue.enqueue_svm_map(true, 3, pointer, 8, &[]);
        assert_eq!((fill.is_ok(), map.is_ok()), (system, system));
        let copy = queue.enqueue_svm_memcpy(true, pointer, svm(&context, 64), 8, &[]);
        assert!(copy.is_ok(), "host memory is always an end of a copy");
    }
}

#[test]
fn migrations_are_checked() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let pointer = svm(&context, 4096);
    let migrate = |pointers: &[Address], sizes: Option<Vec<usize>>, flags| {
        queue.enqueue_svm_migrate_mem(pointers.to_vec(), sizes, flags, &[])
    };
    let host = [0_u8; 8];
    let foreign = address_of(&host);
    assert_eq!(code(migrate(&[], None, 0)), ErrorCode::InvalidValue);
    assert_eq!(code(migrate(&[pointer], None, 4)), ErrorCode::InvalidValue);
    assert_eq!(
        code(migrate(&[pointer], Some(vec![4097]), 0)),
        ErrorCode::InvalidValue
    );
    assert_eq!(
        code(migrate(&[foreign], Some(vec![8]), 0)),
        ErrorCode::InvalidValue
    );
    assert_eq!(code(migrate(&[foreign], None, 0)), ErrorCode::InvalidValue);
    assert_eq!(
        code(migrate(&[Address::NULL], Some(vec![8]), 0)),
        ErrorCode::InvalidValue
    );
    assert!(migrate(&[Address::NULL], Some(vec![0]), 0).is_ok());
    let inside = pointer.wrapping_add(4000);
    assert!(migrate(&[pointer, inside], Some(vec![0, 96]), 3).is_ok());
    assert!(migrate(&[inside], None, 1).is_ok());
}

#[test]
fn frees_run_in_order_and_skip_null() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let (a, b) = (svm(&context, 64), svm(&context, 64));
    let gate = create_user_event(&context).unwrap();
    let wait = std::slice::from_ref(&gate);
    let event = queue
        .enqueue_svm_free(vec![a, Address::NULL, b], None, wait)
        .unwrap();
    assert!(context.svm_heap().resolve(a).is_some());
    gate.set_user_event_status(0).unwrap();
    event.wait().unwrap();
    assert!(context.svm_heap().resolve(a).is_none() && context.svm_heap().resolve(b).is_none());
    queue
        .enqueue_svm_free(Vec::new(), None, &[])
        .unwrap()
        .wait()
        .unwrap();
    // Not allocated by us: the application's mistake, and harmless.
    let host = [0_u8; 8];
    let foreign = queue
        .enqueue_svm_free(vec![address_of(&host)], None, &[])
        .unwrap();
    foreign.wait().unwrap();
}

#[test]
fn a_free_callback_gets_the_list_and_nothing_else_frees() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let list = vec![svm(&context, 64), Address(0x1234), Address::NULL];
    let heard = Arc::new(Mutex::new(Vec::new()));
    let gate = create_user_event(&context).unwrap();
    let (listener, expected_queue) = (Arc::clone(&heard), Arc::clone(&queue));
    let free = Box::new(move |queue: &Arc<CommandQueue>, pointers: &[Address]| {
        assert!(Arc::ptr_eq(queue, &expected_queue));
        lock(&listener).extend_from_slice(pointers);
    });
    let wait = std::slice::from_ref(&gate);
    let event = queue
        .enqueue_svm_free(list.clone(), Some(free), wait)
        .unwrap();
    queue.flush().unwrap();
    assert!(lock(&heard).is_empty());
    gate.set_user_event_status(0).unwrap();
    event.wait().unwrap();
    assert_eq!(*lock(&heard), list);
    svm_free(&context, list[0]).unwrap();
}

#[test]
fn memory_in_use_is_freed_when_its_command_is_done() {
    let context = context_of(&[null_device()]);
    let device = &context.devices()[0];
    let out_of_order = QueueProperties::OUT_OF_ORDER_EXEC_MODE;
    let queue = CommandQueue::create(&context, device, out_of_order, Vec::new()).unwrap();
    let pointer = svm(&context, 4096);
    let gate = create_user_event(&context).unwrap();
    let events: Vec<_> = every_command(&queue, pointer, std::slice::from_ref(&gate))
        .into_iter()
        .map(|event| event.unwrap())
        .collect();
    svm_free(&context, pointer).unwrap();
    assert!(context.svm_heap().is_quarantined(pointer));
    gate.set_user_event_status(0).unwrap();
    crate::wait_list::wait_for_events(&events).unwrap();
    assert!(!context.svm_heap().is_quarantined(pointer));
}

#[test]
fn a_failed_wait_list_leaves_memory_alone() {
    let (_, device) = Recorder::create();
    let context = context_of(&[device]);
    let queue = queue_of(&context);
    let pointer = svm(&context, 64);
    access::fill(pointer, &[7], 64);
    let failed = create_user_event(&context).unwrap();
    failed.set_user_event_status(-1).unwrap();
    let wait = std::slice::from_ref(&failed);
    let event = queue
        .enqueue_svm_mem_fill(pointer, vec![1], 64, wait)
        .unwrap();
    assert!(event.wait().is_err() && event.status() < 0);
    let expected = ErrorCode::ExecStatusErrorForEventsInWaitList;
    assert_eq!(
        code(queue.enqueue_svm_map(true, 3, pointer, 64, wait)),
        expected
    );
    let copy = queue.enqueue_svm_memcpy(true, pointer, pointer.wrapping_add(32), 32, wait);
    assert_eq!(code(copy), expected);
    let mut seen = [0; 64];
    access::read(pointer, &mut seen);
    assert_eq!(seen, [7; 64]);
}
