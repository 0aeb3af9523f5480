use super::*;
use crate::command::CommandType;
use crate::context::Context;
use crate::event::create_user_event;
use crate::test_objects::{
    address_of, address_of_mut, context_of, null_device, null_device_with, queue_of, queue_on,
    Recorder,
};

const HOST_WRITE_ONLY: u64 = 1 << 7;
const HOST_READ_ONLY: u64 = 1 << 8;
const HOST_NO_ACCESS: u64 = 1 << 9;
const MAP_READ: u64 = 1;
const MAP_WRITE: u64 = 2;

fn buffer_of(context: &Arc<Context>, flags: u64, size: usize) -> Arc<Buffer> {
    Buffer::create(context, flags, size, Address::NULL, Vec::new()).unwrap()
}

fn code<T>(result: Result<T>) -> ErrorCode {
    result.err().expect("the call fails").code
}

fn tight(origin: [usize; 3]) -> RectSide {
    RectSide {
        origin,
        row_pitch: 0,
        slice_pitch: 0,
    }
}

#[test]
fn bytes_go_to_a_buffer_and_back() {
    let (_, device) = Recorder::create();
    let context = context_of(&[device]);
    let queue = queue_of(&context);
    let (a, b) = (buffer_of(&context, 0, 256), buffer_of(&context, 0, 256));
    let values: Vec<u8> = (0..=255).collect();
    let write = queue
        .enqueue_write_buffer(&a, false, 0, 256, address_of(&values), &[])
        .unwrap();
    assert_eq!(write.command_type(), CommandType::WriteBuffer);
    let copied = queue.enqueue_copy_buffer(&a, &b, 16, 32, 100, &[]).unwrap();
    assert_eq!(copied.command_type(), CommandType::CopyBuffer);
    let fill = queue
        .enqueue_fill_buffer(&b, vec![1, 2], 40, 4, &[])
        .unwrap();
    assert_eq!(fill.command_type(), CommandType::FillBuffer);
    let mut seen = vec![0_u8; 100];
    queue
        .enqueue_read_buffer(&b, true, 32, 100, address_of_mut(&mut seen), &[])
        .unwrap();
    let mut expected = values[16..116].to_vec();
    expected[8..12].copy_from_slice(&[1, 2, 1, 2]);
    assert_eq!(seen, expected);
}

#[test]
fn regions_must_lie_inside() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let buffer = buffer_of(&context, 0, 256);
    let mut host = [0_u8; 256];
    let pointer = address_of_mut(&mut host);
    for (offset, size) in [(0, 257), (256, 1), (usize::MAX, 2)] {
        let read = queue.enqueue_read_buffer(&buffer, true, offset, size, pointer, &[]);
        assert_eq!(code(read), ErrorCode::InvalidValue);
        let write = queue.enqueue_write_buffer(&buffer, true, offset, size, pointer, &[]);
        assert_eq!(code(write), ErrorCode::InvalidValue);
        let fill = queue.enqueue_fill_buffer(&buffer, vec![0], offset, size, &[]);
        assert_eq!(code(fill), ErrorCode::InvalidValue);
        let map = queue.enqueue_map_buffer(&buffer, true, MAP_READ, offset, size, &[]);
        assert_eq!(code(map), ErrorCode::InvalidValue);
        let other = buffer_of(&context, 0, 1024);
        let from = queue.enqueue_copy_buffer(&buffer, &other, offset, 0, size, &[]);
        assert_eq!(code(from), ErrorCode::InvalidValue);
        let to = queue.enqueue_copy_buffer(&other, &buffer, 0, offset, size, &[]);
        assert_eq!(code(to), ErrorCode::InvalidValue);
    }
    let null = queue.enqueue_read_buffer(&buffer, true, 0, 8, Address::NULL, &[]);
    assert_eq!(code(null), ErrorCode::InvalidValue);
    assert_eq!(
        code(queue.enqueue_map_buffer(&buffer, true, MAP_READ, 0, 0, &[])),
        ErrorCode::InvalidValue
    );
}

#[test]
fn contexts_must_agree() {
    let context = context_of(&[null_device()]);
    let other = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let (own, foreign) = (buffer_of(&context, 0, 8), buffer_of(&other, 0, 8));
    assert_eq!(
        code(queue.enqueue_copy_buffer(&own, &foreign, 0, 0, 8, &[])),
        ErrorCode::InvalidContext
    );
    assert_eq!(
        code(queue.enqueue_migrate_mem_objects(&[foreign], 0, &[])),
        ErrorCode::InvalidContext
    );
    let event = create_user_event(&other).unwrap();
    let fill = queue.enqueue_fill_buffer(&own, vec![0], 0, 8, &[event]);
    assert_eq!(code(fill), ErrorCode::InvalidContext);
}

#[test]
fn the_host_may_do_what_the_flags_say() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let mut host = [0_u8; 8];
    let pointer = address_of_mut(&mut host);
    for (flags, reads, writes) in [
        (HOST_WRITE_ONLY, false, true),
        (HOST_READ_ONLY, true, false),
        (HOST_NO_ACCESS, false, false),
    ] {
        let buffer = buffer_of(&context, flags, 8);
        let read = queue.enqueue_read_buffer(&buffer, true, 0, 8, pointer, &[]);
        let write = queue.enqueue_write_buffer(&buffer, true, 0, 8, pointer, &[]);
        let map_read = queue.enqueue_map_buffer(&buffer, true, MAP_READ, 0, 8, &[]);
        let map_write = queue.enqueue_map_buffer(&buffer, true, 4, 0, 8, &[]);
        let region = [8, 1, 1];
        let (a, b) = (tight([0; 3]), tight([0; 3]));
        let rect = queue.enqueue_read_buffer_rect(&buffer, true, a, b, region, pointer, &[]);
        assert_eq!(
            (read.is_ok(), map_read.is_ok(), rect.is_ok()),
            (reads, reads, reads)
        );
        assert_eq!((write.is_ok(), map_write.is_ok()), (writes, writes));
        for denied in [read.err(), write.err(), map_read.err(), map_write.err()] {
            assert!(denied.is_none_or(|error| error.code == ErrorCode::InvalidOperation));
        }
    }
}

#[test]
fn copies_within_a_buffer_must_not_overlap() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let buffer = buffer_of(&context, 0, 1024);
    let low = buffer.create_sub_buffer(0, 0, 512).unwrap();
    let high = buffer.create_sub_buffer(0, 256, 512).unwrap();
    let copy = |a: &Arc<Buffer>, b: &Arc<Buffer>, from, to, size| {
        queue.enqueue_copy_buffer(a, b, from, to, size, &[])
    };
    assert_eq!(
        code(copy(&buffer, &buffer, 0, 8, 9)),
        ErrorCode::MemCopyOverlap
    );
    assert!(copy(&buffer, &buffer, 0, 9, 9).is_ok());
    assert_eq!(
        code(copy(&low, &high, 256, 0, 8)),
        ErrorCode::MemCopyOverlap
    );
    assert_eq!(
        code(copy(&buffer, &high, 256, 7, 8)),
        ErrorCode::MemCopyOverlap
    );
    assert!(copy(&low, &high, 0, 0, 256).is_ok());
    let rect = |x: usize, row_pitch| {
        let side = |x| RectSide {
            origin: [x, 0, 0],
            row_pitch,
            slice_pitch: 0,
        };
        queue.enqueue_copy_buffer_rect(&buffer, &buffer, side(0), side(x), [8, 4, 1], &[])
    };
    assert_eq!(code(rect(7, 16)), ErrorCode::MemCopyOverlap);
    assert!(rect(8, 16).is_ok());
    let (a, mut b) = (tight([0; 3]), tight([512, 0, 0]));
    b.row_pitch = 16;
    let pitches = queue.enqueue_copy_buffer_rect(&buffer, &buffer, a, b, [8, 4, 1], &[]);
    assert_eq!(code(pitches), ErrorCode::InvalidValue);
}

#[test]
fn rectangles_arrive() {
    let (_, device) = Recorder::create();
    let context = context_of(&[device]);
    let queue = queue_of(&context);
    let (a, b) = (buffer_of(&context, 0, 512), buffer_of(&context, 0, 512));
    let values: Vec<u8> = (0..=255).collect();
    let host = RectSide {
        origin: [2, 1, 0],
        row_pitch: 16,
        slice_pitch: 128,
    };
    let region = [4, 3, 2];
    let inner = RectSide {
        origin: [1, 0, 1],
        row_pitch: 8,
        slice_pitch: 32,
    };
    queue
        .enqueue_write_buffer_rect(&a, true, inner, host, region, address_of(&values), &[])
        .unwrap();
    queue
        .enqueue_copy_buffer_rect(&a, &b, inner, tight([0; 3]), region, &[])
        .unwrap();
    let mut seen = [0_u8; 24];
    queue
        .enqueue_read_buffer_rect(
            &b,
            true,
            tight([0; 3]),
            tight([0; 3]),
            region,
            address_of_mut(&mut seen),
            &[],
        )
        .unwrap();
    let expected: Vec<u8> = (0..24)
        .map(|i| (i / 12 * 128 + (i / 4 % 3 + 1) * 16 + i % 4 + 2) as u8)
        .collect();
    assert_eq!(seen, expected[..]);
    let outside = RectSide {
        origin: [0, 0, 15],
        row_pitch: 8,
        slice_pitch: 32,
    };
    let error = queue.enqueue_read_buffer_rect(
        &b,
        true,
        outside,
        host,
        region,
        address_of_mut(&mut seen),
        &[],
    );
    assert_eq!(code(error), ErrorCode::InvalidValue);
}

#[test]
fn patterns_have_sizes_that_divide() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let buffer = buffer_of(&context, 0, 256);
    let fill =
        |len, offset, size| queue.enqueue_fill_buffer(&buffer, vec![0; len], offset, size, &[]);
    for (len, offset, size) in [(0, 0, 0), (3, 0, 3), (256, 0, 256), (8, 4, 8), (8, 8, 4)] {
        assert_eq!(
            code(fill(len, offset, size)),
            ErrorCode::InvalidValue,
            "{len} {offset} {size}"
        );
    }
    for len in [1, 2, 4, 8, 16, 32, 64, 128] {
        assert!(fill(len, len, 128).is_ok());
    }
}

#[test]
fn mappings_are_counted_and_end_by_their_pointer() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let buffer = buffer_of(&context, 0, 256);
    let map = |flags, offset| queue.enqueue_map_buffer(&buffer, true, flags, offset, 64, &[]);
    let (first, event) = map(MAP_READ | MAP_WRITE, 0).unwrap();
    assert_eq!(event.command_type(), CommandType::MapBuffer);
    let (second, _) = map(MAP_READ, 64).unwrap();
    assert_eq!(
        (first, second),
        (buffer.address(), buffer.address().wrapping_add(64))
    );
    assert_eq!(buffer.map_count(), 2);
    assert_eq!(code(map(MAP_WRITE, 32)), ErrorCode::InvalidOperation);
    assert_eq!(code(map(8, 0)), ErrorCode::InvalidValue);
    assert_eq!(code(map(4 | MAP_READ, 128)), ErrorCode::InvalidValue);
    let unmap = |pointer| queue.enqueue_unmap_mem_object(&buffer, pointer, &[]);
    assert_eq!(code(unmap(Address(0x1000))), ErrorCode::InvalidValue);
    assert_eq!(
        unmap(first).unwrap().command_type(),
        CommandType::UnmapMemObject
    );
    assert_eq!(code(unmap(first)), ErrorCode::InvalidValue);
    unmap(second).unwrap();
    assert_eq!(buffer.map_count(), 0);
    let other = buffer_of(&context, 0, 256);
    let (pointer, _) = map(MAP_WRITE, 0).unwrap();
    assert_eq!(
        code(queue.enqueue_unmap_mem_object(&other, pointer, &[])),
        ErrorCode::InvalidValue
    );
}

#[test]
fn a_blocking_call_tells_of_a_failed_wait_list() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let buffer = buffer_of(&context, 0, 64);
    let failed = create_user_event(&context).unwrap();
    failed.set_user_event_status(-5).unwrap();
    let wait = std::slice::from_ref(&failed);
    let mut host = [0_u8; 64];
    let expected = ErrorCode::ExecStatusErrorForEventsInWaitList;
    assert_eq!(
        code(queue.enqueue_read_buffer(&buffer, true, 0, 64, address_of_mut(&mut host), wait)),
        expected
    );
    assert_eq!(
        code(queue.enqueue_map_buffer(&buffer, true, MAP_WRITE, 0, 64, wait)),
        expected
    );
    assert_eq!(buffer.map_count(), 0);
}

#[test]
fn sub_buffers_must_suit_the_queue_s_device() {
    let strict = null_device_with(|info| info.mem_base_addr_align = 8 * 4096);
    let context = context_of(&[null_device(), Arc::clone(&strict)]);
    let buffer = buffer_of(&context, 0, 1024);
    let part = buffer.create_sub_buffer(0, 128, 128).unwrap();
    let queue = queue_on(&context, &strict);
    let fill = queue.enqueue_fill_buffer(&part, vec![0], 0, 8, &[]);
    assert_eq!(code(fill), ErrorCode::MisalignedSubBufferOffset);
    assert!(queue_of(&context)
        .enqueue_fill_buffer(&part, vec![0], 0, 8, &[])
        .is_ok());
}

#[test]
fn migrations_need_objects_and_known_flags() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let buffer = buffer_of(&context, 0, 8);
    assert_eq!(
        code(queue.enqueue_migrate_mem_objects(&[], 0, &[])),
        ErrorCode::InvalidValue
    );
    let objects = [buffer];
    assert_eq!(
        code(queue.enqueue_migrate_mem_objects(&objects, 4, &[])),
        ErrorCode::InvalidValue
    );
    let event = queue.enqueue_migrate_mem_objects(&objects, 3, &[]).unwrap();
    assert_eq!(event.command_type(), CommandType::MigrateMemObjects);
}

#[test]
fn commands_keep_buffers_until_they_are_done() {
    let context = context_of(&[null_device()]);
    let queue = queue_of(&context);
    let buffer = buffer_of(&context, 0, 8);
    let gate = create_user_event(&context).unwrap();
    let event = queue
        .enqueue_fill_buffer(&buffer, vec![0], 0, 8, std::slice::from_ref(&gate))
        .unwrap();
    let weak = Arc::downgrade(&buffer);
    drop(buffer);
    assert!(weak.upgrade().is_some());
    gate.set_user_event_status(0).unwrap();
    event.wait().unwrap();
    assert!(weak.upgrade().is_none());
}
