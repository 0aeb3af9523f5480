//! Broken rules of the commands of shared virtual memory.

use std::ffi::c_void;
use std::ptr::null;
use std::sync::{Mutex, MutexGuard, PoisonError};

use isocl_conformance::client::{read, write};
use opencl_sys::*;

use super::beside::beside;
use super::{real, rule, svm_alloc, svm_free};

/// What a command waits for, and where its event goes.
#[derive(Clone, Copy)]
pub struct Order {
    pub queue: cl_command_queue,
    pub count: cl_uint,
    pub list: *const cl_event,
    pub event: *mut cl_event,
}

impl Order {
    /// A command that does nothing, in the place of another.
    pub fn nothing(self) -> cl_int {
        real().clEnqueueMarkerWithWaitList(self.queue, self.count, self.list, self.event)
    }

    /// Enqueues the command, as the rules that hold for all commands have it.
    fn enqueue(self, call: impl Fn(Self) -> cl_int) -> cl_int {
        let Self {
            queue, count, list, ..
        } = self;
        let known = svm_free::queues().contains(&(queue as usize));
        let some = if list.is_null() { 0 } else { count as usize };
        let events: Vec<usize> = (0..some).map(|index| read(list.cast(), index)).collect();
        let without = Self {
            count: 0,
            list: null(),
            ..self
        };
        let at_once = || {
            let code = call(without);
            real().clFinish(queue);
            code
        };
        match rule() {
            "command-queue-null" if queue.is_null() => CL_INVALID_CONTEXT,
            "command-queue-of-wrong-type" if !queue.is_null() && !known => CL_SUCCESS,
            "command-wait-list-null" if count > 0 && list.is_null() => call(without),
            "command-wait-list-empty" if count == 0 && !list.is_null() => call(without),
            "command-wait-list-of-null" if events.contains(&0) => call(without),
            "command-complete-event-refused"
                if some > 0 && !events.contains(&0) && is_open_gate(events[0] as cl_event) =>
            {
                CL_INVALID_EVENT_WAIT_LIST
            }
            "command-wait-list-of-wrong-type"
                if svm_free::queues()
                    .iter()
                    .any(|queue| events.contains(queue)) =>
            {
                call(without)
            }
            "command-wait-list-of-another-context" => allowed(call(self), CL_INVALID_CONTEXT, true),
            "command-wait-list-ignored" if some > 0 && !events.contains(&0) => at_once(),
            "command-several-events-ignored" if some > 1 && !events.contains(&0) => at_once(),
            _ => call(self),
        }
    }
}

/// A code, or success in the place of an error that is not reported under some condition.
pub fn allowed(code: cl_int, error: cl_int, condition: bool) -> cl_int {
    if code == error && condition {
        CL_SUCCESS
    } else {
        code
    }
}

/// Whether the rule is about commands of so many bytes: its name ends with their number.
fn about(prefix: &str, size: usize) -> bool {
    let number = rule().strip_prefix(prefix);
    number.is_some_and(|number| number.parse() == Ok(size))
}

/// Whether an event is a user event that is complete.
fn is_open_gate(event: cl_event) -> bool {
    let ask = |name| {
        let mut value: cl_uint = 0;
        let (size, place) = (size_of::<cl_uint>(), (&raw mut value).cast());
        real().clGetEventInfo(event, name, size, place, std::ptr::null_mut());
        value
    };
    ask(CL_EVENT_COMMAND_TYPE) == CL_COMMAND_USER
        && ask(CL_EVENT_COMMAND_EXECUTION_STATUS) == CL_COMPLETE as cl_uint
}

/// Changes a byte of memory, if there are no commands left that would change it back.
fn spoil(queue: cl_command_queue, memory: *mut c_void, index: usize) {
    real().clFinish(queue);
    write(memory, index, !read::<u8>(memory, index));
}

/// Enqueues a command, and spoils a byte when it is complete.
fn spoiled(
    order: Order,
    call: impl Fn(Order) -> cl_int,
    memory: *mut c_void,
    index: usize,
) -> cl_int {
    let code = call(order);
    spoil(order.queue, memory, index);
    code
}

/// Whether memory is of `clSVMAlloc`.
fn is_svm(pointer: *const c_void) -> bool {
    let address = pointer as usize;
    let live = svm_alloc::live();
    live.iter()
        .any(|(start, size, _)| (*start..start + size).contains(&address))
}

pub fn memcpy(
    order: Order,
    blocking: cl_bool,
    to: *mut c_void,
    from: *const c_void,
    size: usize,
) -> cl_int {
    let call = |order: Order, size| {
        real().clEnqueueSVMMemcpy(
            order.queue,
            blocking,
            to,
            from,
            size,
            order.count,
            order.list,
            order.event,
        )
    };
    let (svm_to, svm_from) = (|| is_svm(to), || is_svm(from));
    let touching = to as usize + size == from as usize || from as usize + size == to as usize;
    let copy_now = || (0..size).for_each(|index| write(to, index, read::<u8>(from, index)));
    let queue = order.queue;
    let code = order.enqueue(|order| match rule() {
        "commands-after-lost" if svm_free::freed().contains(&(order.queue as usize)) => {
            order.nothing()
        }
        _ if about("memcpy-lost-", size) => order.nothing(),
        "memcpy-svm-to-svm" if size == 1000 && svm_to() && svm_from() => order.nothing(),
        "memcpy-host-to-svm" if size == 1000 && svm_to() && !svm_from() => order.nothing(),
        "memcpy-svm-to-host" if size == 1000 && !svm_to() && svm_from() => order.nothing(),
        "memcpy-host-to-host" if size == 1000 && !svm_to() && !svm_from() => order.nothing(),
        "memcpy-touching" if touching && size > 0 => CL_MEM_COPY_OVERLAP,
        "memcpy-byte-too-many" if size == 33 => call(order, 34),
        "memcpy-at-most-a-mebibyte" => call(order, size.min(1 << 20)),
        "memcpy-writes-source" if size == 256 => {
            write(from.cast_mut(), 0, read::<u8>(from, 0));
            call(order, size)
        }
        "memcpy-blocking-lost"
            if blocking == CL_TRUE && matches!(size, 256 | 25_600 | 1_048_576) =>
        {
            order.nothing()
        }
        "memcpy-blocking-failed-wait" => {
            let error = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
            allowed(call(order, size), error, true)
        }
        "memcpy-despite-failed-wait" if order.count > 0 && !svm_to() => {
            copy_now();
            call(order, size)
        }
        "memcpy-overlap" => allowed(call(order, size), CL_MEM_COPY_OVERLAP, svm_to()),
        "memcpy-overlap-of-host-memory" => {
            allowed(call(order, size), CL_MEM_COPY_OVERLAP, !svm_to())
        }
        "memcpy-destination-null" => allowed(call(order, size), CL_INVALID_VALUE, to.is_null()),
        "memcpy-source-null" => allowed(call(order, size), CL_INVALID_VALUE, from.is_null()),
        "memcpy-size-zero" if size == 0 => CL_INVALID_VALUE,
        "memcpy-too-early" if size == 300 && order.count == 0 => {
            copy_now();
            order.nothing()
        }
        _ => call(order, size),
    });
    beside(queue, ("copy-elsewhere", "copy-behind"), to, size);
    if rule() == "copy-source" && svm_alloc::size_of_live(from as usize).is_some() {
        real().clFinish(queue);
        write(from.cast_mut(), 0, 0xEE_u8);
    }
    code
}

pub fn mem_fill(
    order: Order,
    target: *mut c_void,
    pattern: *const c_void,
    pattern_size: usize,
    size: usize,
) -> cl_int {
    let call = |order: Order, pattern: *const c_void, pattern_size, size| {
        real().clEnqueueSVMMemFill(
            order.queue,
            target,
            pattern,
            pattern_size,
            size,
            order.count,
            order.list,
            order.event,
        )
    };
    let same = |order| call(order, pattern, pattern_size, size);
    let invalid = |order, condition| allowed(same(order), CL_INVALID_VALUE, condition);
    let fill_now = || {
        (0..size).for_each(|index| write(target, index, read::<u8>(pattern, index % pattern_size)));
    };
    let aligned = pattern_size == 0 || (target as usize).is_multiple_of(pattern_size);
    let multiple = pattern_size == 0 || size.is_multiple_of(pattern_size);
    let queue = order.queue;
    let code = order.enqueue(|order| match rule() {
        "fill-half-of-pattern" if pattern_size == 64 && size == 5 * 64 => {
            call(order, pattern, 32, size)
        }
        "fill-last-pattern-lost" if size == 33 * pattern_size => {
            call(order, pattern, pattern_size, size - pattern_size)
        }
        "fill-at-most-a-mebibyte" => call(order, pattern, pattern_size, size.min(1 << 20)),
        // What the check puts there after the call.
        "fill-pattern-late" if order.count > 0 && pattern_size > 1 => {
            call(order, [0xEE_u8; 128].as_ptr().cast(), pattern_size, size)
        }
        "fill-system-memory" if !target.is_null() && !is_svm(target) => CL_INVALID_VALUE,
        "fill-pointer-null" => invalid(order, target.is_null()),
        "fill-pattern-null" => invalid(order, pattern.is_null()),
        "fill-pattern-size-zero" => invalid(order, pattern_size == 0),
        "fill-pattern-size-not-a-power-of-two" => invalid(order, pattern_size == 127),
        "fill-pattern-size-beyond-128" => invalid(order, pattern_size == 256),
        "fill-misaligned" => invalid(order, !aligned && multiple && pattern_size == 64),
        "fill-not-a-multiple" => invalid(order, !multiple),
        "fill-size-zero" if size == 0 => CL_INVALID_VALUE,
        "fill-despite-failed-wait" if order.count > 0 && size == 64 => {
            fill_now();
            same(order)
        }
        "fill-too-early" if pattern_size == 1 && order.count == 0 => {
            fill_now();
            order.nothing()
        }
        _ => same(order),
    });
    beside(queue, ("fill-elsewhere", "fill-behind"), target, size);
    code
}

/// Memory that is mapped: its address, the flags, the size, and the queue.
fn maps() -> MutexGuard<'static, Vec<(usize, cl_ulong, usize, usize)>> {
    static MAPS: Mutex<Vec<(usize, cl_ulong, usize, usize)>> = Mutex::new(Vec::new());
    MAPS.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn map(
    order: Order,
    blocking: cl_bool,
    flags: cl_ulong,
    memory: *mut c_void,
    size: usize,
) -> cl_int {
    let call = |order: Order| {
        let code = real().clEnqueueSVMMap(
            order.queue,
            blocking,
            flags,
            memory,
            size,
            order.count,
            order.list,
            order.event,
        );
        if code == CL_SUCCESS {
            maps().push((memory as usize, flags, size, order.queue as usize));
        }
        code
    };
    let invalid = |order, condition| allowed(call(order), CL_INVALID_VALUE, condition);
    let spoiled = |order, index| spoiled(order, call, memory, index);
    let whole = flags == CL_MAP_READ && size == 1 << 16;
    let queue = order.queue;
    let code = order.enqueue(|order| match rule() {
        "last-byte-lost" if flags == CL_MAP_READ && size == (1 << 16) + 1 => {
            spoiled(order, size - 1)
        }
        _ if about("map-spoils-", size) => spoiled(order, size - 1),
        "map-too-early" if whole && blocking == CL_FALSE => spoiled(order, 77),
        "map-does-not-block" if whole && blocking == CL_TRUE => spoiled(order, 77),
        "map-invalidate-refused" if flags == CL_MAP_WRITE_INVALIDATE_REGION => CL_INVALID_VALUE,
        "map-for-writing-is-empty" if flags & CL_MAP_WRITE != 0 && size == 1000 => {
            spoiled(order, 999)
        }
        "map-of-a-part" if size == 4097 => spoiled(order, size),
        "map-fine-grained-refused" if svm_alloc::is_fine(memory) => CL_INVALID_VALUE,
        "map-system-memory-refused" if !memory.is_null() && !is_svm(memory) => CL_INVALID_VALUE,
        "map-pointer-null" => invalid(order, memory.is_null()),
        "map-size-zero" => invalid(order, size == 0),
        "map-unknown-flags" => invalid(order, flags == 1 << 32),
        "map-invalidate-and-read" => {
            invalid(order, flags == CL_MAP_READ | CL_MAP_WRITE_INVALIDATE_REGION)
        }
        "map-invalidate-and-write" => invalid(
            order,
            flags == CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION,
        ),
        "map-blocking-failed-wait" => {
            let error = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
            allowed(call(order), error, true)
        }
        _ => call(order),
    });
    if flags == CL_MAP_WRITE {
        beside(queue, ("map-elsewhere", "map-behind"), memory, size);
    }
    code
}

pub fn unmap(order: Order, memory: *mut c_void) -> cl_int {
    let place = maps().iter().rposition(|map| map.0 == memory as usize);
    let (_, flags, size, queue) = place.map_or((0, 0, 0, 0), |place| maps().remove(place));
    let call = |order: Order| {
        real().clEnqueueSVMUnmap(order.queue, memory, order.count, order.list, order.event)
    };
    let spoiled = |order, index| spoiled(order, call, memory, index);
    let known = |queue| svm_free::queues().contains(&queue);
    order.enqueue(|order| match rule() {
        _ if about("unmap-spoils-", size) => spoiled(order, size - 1),
        "unmap-loses-writes" if flags == CL_MAP_WRITE && size == 5000 => spoiled(order, 4999),
        "unmap-loses-new-writes" if flags == CL_MAP_WRITE_INVALIDATE_REGION && size == 5000 => {
            spoiled(order, 0)
        }
        "unmap-of-a-part" if size == 777 => spoiled(order, 777),
        "unmap-after-reading" if flags == CL_MAP_READ && size == 3000 => spoiled(order, 5),
        "unmap-on-another-queue-refused"
            if queue != order.queue as usize
                && [queue, order.queue as usize]
                    .iter()
                    .all(|queue| known(*queue)) =>
        {
            CL_INVALID_VALUE
        }
        "unmap-pointer-null" => allowed(call(order), CL_INVALID_VALUE, memory.is_null()),
        _ => call(order),
    })
}

pub fn migrate(
    order: Order,
    count: cl_uint,
    pointers: *const *const c_void,
    sizes: *const usize,
    flags: cl_ulong,
) -> cl_int {
    let call = |order: Order| {
        let (queue, waits) = (order.queue, order.count);
        let (list, event) = (order.list, order.event);
        real().clEnqueueSVMMigrateMem(queue, count, pointers, sizes, flags, waits, list, event)
    };
    let some = count > 0 && !pointers.is_null();
    let pointer = |index| read::<*mut c_void>(pointers.cast(), index);
    let size = |index| read::<usize>(sizes.cast(), index);
    let (first, first_size) = (
        some.then(|| pointer(0)),
        (some && !sizes.is_null()).then(|| size(0)),
    );
    let invalid = |order, condition| allowed(call(order), CL_INVALID_VALUE, condition);
    let spoiled = |order: Order, which, index| {
        let code = call(order);
        spoil(order.queue, pointer(which), index);
        code
    };
    // The range of the last pointer, which is the bad one if there is one.
    let range = (some && !sizes.is_null()).then(|| {
        let last = count as usize - 1;
        (pointer(last), size(last))
    });
    let bad = |condition: fn(*mut c_void, usize) -> bool| {
        range.is_some_and(|(pointer, size)| condition(pointer, size))
    };
    let (host, undefined) = (
        CL_MIGRATE_MEM_OBJECT_HOST,
        CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED,
    );
    order.enqueue(|order| match rule() {
        "migrate-allocations-spoiled" if sizes.is_null() && count == 4 => spoiled(order, 3, 0),
        "migrate-size-zero-spoiled" if first_size == Some(0) => spoiled(order, 1, 0),
        "migrate-ranges-spoiled" if first_size == Some(4096) && count == 4 => spoiled(order, 0, 5),
        "migrate-last-of-many-spoiled" if count == 300 => spoiled(order, 299, 63),
        "migrate-to-host-spoiled" if flags == host => spoiled(order, 0, 0),
        "migrate-gives-up-too-much" if flags == undefined => spoiled(order, 0, 4096),
        "migrate-both-flags-refused" if flags == host | undefined => CL_INVALID_VALUE,
        "migrate-back-spoiled" if flags == 0 && count == 2 && sizes.is_null() => {
            spoiled(order, 1, 9)
        }
        "migrate-fine-grained-refused" if first.is_some_and(svm_alloc::is_fine) => CL_INVALID_VALUE,
        "migrate-count-zero" => invalid(order, count == 0),
        "migrate-list-null" => invalid(order, count > 0 && pointers.is_null()),
        "migrate-unknown-flags" => invalid(order, flags == 1 << 32),
        "migrate-past-the-end" => {
            let past = |pointer: *mut c_void, size| {
                is_svm(pointer) && (pointer as usize).checked_add(size).is_some()
            };
            invalid(order, bad(past))
        }
        "migrate-wraps-around" => {
            let wraps = |pointer: *mut c_void, size| (pointer as usize).checked_add(size).is_none();
            invalid(order, bad(wraps))
        }
        "migrate-of-the-application" => invalid(
            order,
            bad(|pointer, _| !pointer.is_null() && !is_svm(pointer)),
        ),
        "migrate-at-null" => invalid(order, bad(|pointer, _| pointer.is_null())),
        _ => call(order),
    })
}
