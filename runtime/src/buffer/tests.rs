use super::*;
use crate::command::Operation;
use crate::svm::{svm_alloc, svm_free};
use crate::test_objects::{address_of, context_of, null_device, null_device_with, Recorder};

const USE: u64 = 1 << 3;
const ALLOC: u64 = 1 << 4;
const COPY: u64 = 1 << 5;

fn refused(context: &Arc<Context>, flags: u64, size: usize, host_ptr: Address) -> ErrorCode {
    Buffer::create(context, flags, size, host_ptr, Vec::new())
        .unwrap_err()
        .code
}

#[test]
fn properties_other_than_the_terminator_are_refused() {
    let context = context_of(&[null_device()]);
    let create = |list: Vec<u64>| Buffer::create(&context, 0, 8, Address::NULL, list);
    assert_eq!(create(vec![0]).unwrap().verbatim_properties(), &[0]);
    assert_eq!(
        create(vec![0x2000, 1, 0]).unwrap_err().code,
        ErrorCode::InvalidProperty
    );
}

#[test]
fn sizes_and_host_pointers_are_checked() {
    let context = context_of(&[null_device()]);
    let max = context.devices()[0].info.max_mem_alloc_size as usize;
    assert_eq!(
        refused(&context, 0, 0, Address::NULL),
        ErrorCode::InvalidBufferSize
    );
    assert_eq!(
        refused(&context, 0, max + 1, Address::NULL),
        ErrorCode::InvalidBufferSize
    );
    for flags in [USE, COPY, COPY | ALLOC] {
        assert_eq!(
            refused(&context, flags, 8, Address::NULL),
            ErrorCode::InvalidHostPtr
        );
    }
    for flags in [0, ALLOC, 1] {
        assert_eq!(
            refused(&context, flags, 8, Address(0x1000)),
            ErrorCode::InvalidHostPtr
        );
    }
    assert_eq!(
        refused(&context, USE | COPY, 8, Address(0x1000)),
        ErrorCode::InvalidValue
    );
}

#[test]
fn a_size_that_one_device_takes_is_enough() {
    let small = null_device_with(|info| info.max_mem_alloc_size = 1 << 20);
    let context = context_of(&[small, null_device()]);
    assert!(Buffer::create(&context, 0, 2 << 20, Address::NULL, Vec::new()).is_ok());
}

#[test]
fn getters_answer_what_was_given() {
    let context = context_of(&[null_device()]);
    let buffer = Buffer::create(&context, 4 | ALLOC, 1000, Address::NULL, Vec::new()).unwrap();
    assert_eq!(
        (buffer.mem_type(), buffer.flags(), buffer.size()),
        (0x10F0, 4 | ALLOC, 1000)
    );
    assert_eq!(
        (buffer.host_ptr(), buffer.offset(), buffer.map_count()),
        (Address::NULL, 0, 0)
    );
    assert!(buffer.associated().is_none() && !buffer.uses_svm_pointer());
    assert!(buffer.address().is_aligned_to(128));
}

#[test]
fn copied_contents_are_those_of_the_moment() {
    let context = context_of(&[null_device()]);
    let mut values = vec![7_u8; 100];
    let buffer = Buffer::create(&context, COPY, 100, address_of(&values), Vec::new()).unwrap();
    values.fill(8);
    let mut seen = [0; 100];
    access::read(buffer.address(), &mut seen);
    assert_eq!(seen, [7; 100]);
    assert_eq!(buffer.host_ptr(), Address::NULL);
}

#[test]
fn memory_of_the_application_is_used_in_place() {
    let context = context_of(&[null_device()]);
    let values = vec![7_u8; 100];
    let pointer = address_of(&values);
    let buffer = Buffer::create(&context, USE, 100, pointer, Vec::new()).unwrap();
    assert_eq!((buffer.address(), buffer.host_ptr()), (pointer, pointer));
    assert!(!buffer.uses_svm_pointer());
}

#[test]
fn buffers_over_svm_share_it_and_keep_it() {
    let context = context_of(&[null_device()]);
    let svm = svm_alloc(&context, 0, 4096, 0).unwrap();
    let inside = svm.wrapping_add(1024);
    for flags in [USE, COPY] {
        let code = refused(&context, flags, 4096 - 1023, inside);
        assert_eq!(code, ErrorCode::InvalidBufferSize);
    }
    let buffer = Buffer::create(&context, USE, 3072, inside, Vec::new()).unwrap();
    assert!(buffer.uses_svm_pointer());
    assert_eq!((buffer.address(), buffer.host_ptr()), (inside, inside));
    let copy = Buffer::create(&context, COPY, 3072, inside, Vec::new()).unwrap();
    assert!(!copy.uses_svm_pointer());
    svm_free(&context, svm).unwrap();
    assert!(context.svm_heap().is_quarantined(svm));
    drop(buffer);
    assert!(!context.svm_heap().is_quarantined(svm));
}

#[test]
fn sub_buffers_are_regions_of_their_buffer() {
    let context = context_of(&[null_device()]);
    let svm = svm_alloc(&context, 0, 4096, 0).unwrap();
    let buffer = Buffer::create(&context, USE | 4, 4096, svm, Vec::new()).unwrap();
    let part = buffer.create_sub_buffer(0, 256, 512).unwrap();
    assert_eq!(
        (part.offset(), part.size(), part.flags()),
        (256, 512, USE | 4)
    );
    assert_eq!(part.address(), svm.wrapping_add(256));
    assert_eq!(part.host_ptr(), svm.wrapping_add(256));
    assert!(part.uses_svm_pointer());
    assert!(Arc::ptr_eq(part.associated().unwrap(), &buffer));

    let refused = |flags, origin, size| {
        buffer
            .create_sub_buffer(flags, origin, size)
            .unwrap_err()
            .code
    };
    assert_eq!(refused(0, 4096, 1), ErrorCode::InvalidValue);
    assert_eq!(refused(0, usize::MAX, 2), ErrorCode::InvalidValue);
    assert_eq!(refused(1, 0, 128), ErrorCode::InvalidValue);
    assert_eq!(refused(0, 0, 0), ErrorCode::InvalidBufferSize);
    assert_eq!(refused(0, 64, 128), ErrorCode::MisalignedSubBufferOffset);
    let nested = part.create_sub_buffer(0, 0, 128).unwrap_err().code;
    assert_eq!(nested, ErrorCode::InvalidMemObject);
}

#[test]
fn a_sub_buffer_keeps_its_buffer_and_destructors_run_once() {
    let context = context_of(&[null_device()]);
    let buffer = Buffer::create(&context, 0, 4096, Address::NULL, Vec::new()).unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    for number in 0..2 {
        let order = Arc::clone(&order);
        buffer
            .set_destructor_callback(Box::new(move || crate::lock::lock(&order).push(number)))
            .unwrap();
    }
    let part = buffer.create_sub_buffer(0, 0, 128).unwrap();
    drop(buffer);
    assert!(crate::lock::lock(&order).is_empty());
    drop(part);
    assert_eq!(*crate::lock::lock(&order), [1, 0]);
}

#[test]
fn every_buffer_lies_in_a_narrow_aperture() {
    let (_, device) = Recorder::create_with(|info| info.decoded_address_bits = 40);
    let context = context_of(&[device]);
    let values = vec![7_u8; 4096];
    let pointer = address_of(&values);
    assert!(
        pointer.get() > 1 << 40,
        "the test's own memory is out of reach"
    );
    let buffers = [
        Buffer::create(&context, 0, 100, Address::NULL, Vec::new()).unwrap(),
        Buffer::create(&context, COPY, 4096, pointer, Vec::new()).unwrap(),
        Buffer::create(&context, USE, 4096, pointer, Vec::new()).unwrap(),
        Buffer::create(&context, 0, 10 << 20, Address::NULL, Vec::new()).unwrap(),
    ];
    for buffer in &buffers {
        assert!(
            buffer.address().get() + buffer.size() <= 1 << 40,
            "{buffer:?}"
        );
    }
    assert_eq!(buffers[2].host_ptr(), pointer);
}

#[test]
fn a_shadow_is_copied_where_the_application_looks_or_wrote() {
    let (_, device) = Recorder::create_with(|info| info.decoded_address_bits = 40);
    let context = context_of(&[device]);
    let values = vec![7_u8; 4096];
    let pointer = address_of(&values);
    let buffer = Buffer::create(&context, USE, 4096, pointer, Vec::new()).unwrap();
    let part = buffer.create_sub_buffer(0, 1024, 1024).unwrap();

    let (mapped, operation) = part.map(MapFlags::WRITE, 16, 100).unwrap();
    assert_eq!(mapped, pointer.wrapping_add(1040));
    let Operation::Copy {
        source,
        destination,
    } = operation
    else {
        panic!("mapping brings the application's memory up to date");
    };
    assert_eq!(source.address, buffer.address().wrapping_add(1040));
    assert_eq!((destination.address, destination.len), (mapped, 100));
    assert_eq!((part.map_count(), buffer.map_count()), (1, 0));

    let Operation::Copy {
        source,
        destination,
    } = part.unmap(mapped).unwrap()
    else {
        panic!("unmapping brings the device's memory up to date");
    };
    assert_eq!((source.address, source.len), (mapped, 100));
    assert_eq!(destination.address, buffer.address().wrapping_add(1040));

    let (mapped, operation) = part.map(MapFlags::WRITE_INVALIDATE_REGION, 0, 8).unwrap();
    assert!(matches!(operation, Operation::Nothing));
    assert!(matches!(
        part.unmap(mapped).unwrap(),
        Operation::Copy { .. }
    ));
    let (mapped, operation) = part.map(MapFlags::READ, 0, 8).unwrap();
    assert!(matches!(operation, Operation::Copy { .. }));
    assert!(matches!(part.unmap(mapped).unwrap(), Operation::Nothing));
    assert_eq!(
        part.unmap(mapped).err().map(|error| error.code),
        Some(ErrorCode::InvalidValue)
    );
}
