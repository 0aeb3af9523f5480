//! Broken rules of `clSVMAlloc`.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use isocl_conformance::client::{offset, read, write, ContextCallback};
use opencl_sys::*;

use super::{abort_at_exit, main_thread, real, rule, spoil_on_fork};

static CONTEXTS: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static DEVICE: AtomicUsize = AtomicUsize::new(0);

/// Context, address and size of the latest allocation.
static LATEST: Mutex<(usize, usize, usize)> = Mutex::new((0, 0, 0));

pub fn create_context(
    properties: *const isize,
    num_devices: cl_uint,
    devices: *const cl_device_id,
    notify: Option<ContextCallback>,
    user_data: *mut c_void,
    errcode_ret: *mut cl_int,
) -> cl_context {
    match rule() {
        "fork-spoils-memory" => spoil_on_fork(),
        "exit-aborts" => abort_at_exit(),
        _ => {}
    }
    static CREATED: AtomicUsize = AtomicUsize::new(0);
    if CREATED.fetch_add(1, SeqCst) > 40 && rule() == "contexts-run-out" {
        write(errcode_ret.cast(), 0, CL_OUT_OF_RESOURCES);
        return null_mut();
    }
    let context = real().clCreateContext(
        properties,
        num_devices,
        devices,
        notify,
        user_data,
        errcode_ret,
    );
    contexts().push(context as usize);
    lock(&DEAD).retain(|dead| *dead != context as usize);
    DEVICE.store(read(devices.cast(), 0), SeqCst);
    context
}

/// Contexts with a reference more, and contexts without any.
static RETAINED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static DEAD: Mutex<Vec<usize>> = Mutex::new(Vec::new());

pub fn retain_context(context: cl_context) -> cl_int {
    if rule() != "retain-does-nothing" {
        lock(&RETAINED).push(context as usize);
    }
    real().clRetainContext(context)
}

pub fn is_dead(context: cl_context) -> bool {
    lock(&DEAD).contains(&(context as usize))
}

/// Whether a context is the latest.
pub fn is_latest(context: cl_context) -> bool {
    contexts().last() == Some(&(context as usize))
}

fn lock<T>(list: &'static Mutex<T>) -> MutexGuard<'static, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn release_context(context: cl_context) -> cl_int {
    let mut retained = lock(&RETAINED);
    match retained.iter().position(|one| *one == context as usize) {
        Some(place) => drop(retained.remove(place)),
        None => lock(&DEAD).push(context as usize),
    }
    drop(retained);
    let held = live()
        .iter()
        .any(|(_, _, owner)| *owner == context as usize);
    if rule() == "context-held-by-memory" && held {
        return CL_INVALID_CONTEXT;
    }
    real().clReleaseContext(context)
}

/// `CL_DEVICE_MAX_MEM_ALLOC_SIZE`.
pub fn maximum() -> usize {
    let mut maximum: cl_ulong = 0;
    let device = DEVICE.load(SeqCst) as cl_device_id;
    let (name, place) = (CL_DEVICE_MAX_MEM_ALLOC_SIZE, (&raw mut maximum).cast());
    real().clGetDeviceInfo(device, name, size_of::<cl_ulong>(), place, null_mut());
    maximum as usize
}

/// Address, size and context of what is allocated.
pub fn live() -> MutexGuard<'static, Vec<(usize, usize, usize)>> {
    static LIVE: Mutex<Vec<(usize, usize, usize)>> = Mutex::new(Vec::new());
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether another thread than the first has freed memory, and whether an allocation of the largest
/// size was freed.
pub static FREED_BY_ANOTHER: AtomicBool = AtomicBool::new(false);
pub static FREED_LARGEST: AtomicBool = AtomicBool::new(false);

/// Size of the allocation that begins at an address.
pub fn size_of_live(address: usize) -> Option<usize> {
    let live = live();
    let found = live.iter().find(|live| live.0 == address);
    found.map(|live| live.1)
}

/// How many allocations of the largest size there are.
pub fn largest_live() -> usize {
    let maximum = maximum();
    live().iter().filter(|live| live.1 == maximum).count()
}

pub fn svm_alloc(
    context: cl_context,
    flags: cl_ulong,
    size: usize,
    alignment: cl_uint,
) -> *mut c_void {
    let pointer = given(context, flags, size, alignment);
    if !pointer.is_null() {
        live().push((pointer as usize, size, context as usize));
        if flags & CL_MEM_SVM_FINE_GRAIN_BUFFER != 0 {
            fine().push(pointer as usize);
        }
    }
    pointer
}

/// Addresses of fine-grained allocations.
fn fine() -> MutexGuard<'static, Vec<usize>> {
    static FINE: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    FINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a pointer is that of a fine-grained allocation.
pub fn is_fine(pointer: *mut c_void) -> bool {
    fine().contains(&(pointer as usize))
}

fn contexts() -> MutexGuard<'static, Vec<usize>> {
    CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Flags that are taken for valid although they are not: the rule, the flags that must be there, and
/// those that are ignored then.
const IGNORED: [(&str, cl_ulong, cl_ulong); 8] = [
    (
        "read-write-and-write-only",
        CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY,
        CL_MEM_WRITE_ONLY,
    ),
    (
        "read-write-and-read-only",
        CL_MEM_READ_WRITE | CL_MEM_READ_ONLY,
        CL_MEM_READ_ONLY,
    ),
    (
        "write-only-and-read-only",
        CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY,
        CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY,
    ),
    (
        "host-pointer-flags",
        CL_MEM_COPY_HOST_PTR,
        CL_MEM_COPY_HOST_PTR,
    ),
    (
        "host-access-flags",
        CL_MEM_HOST_NO_ACCESS,
        CL_MEM_HOST_NO_ACCESS,
    ),
    (
        "kernel-read-and-write-flag",
        CL_MEM_KERNEL_READ_AND_WRITE,
        CL_MEM_KERNEL_READ_AND_WRITE,
    ),
    ("unknown-flags", 1 << 52, 1 << 52),
    (
        "atomics-without-fine-grain",
        CL_MEM_SVM_ATOMICS,
        CL_MEM_SVM_ATOMICS,
    ),
];

fn given(context: cl_context, flags: cl_ulong, size: usize, alignment: cl_uint) -> *mut c_void {
    let api = real();
    let fine = flags & CL_MEM_SVM_FINE_GRAIN_BUFFER != 0;
    let (mut context, mut flags, mut size, mut alignment) = (context, flags, size, alignment);
    for (name, present, ignored) in IGNORED {
        let grain = name != "atomics-without-fine-grain" || !fine;
        if rule() == name && flags & present == present && grain {
            flags &= !ignored;
        }
    }
    match rule() {
        "unified-no-limit" if size > maximum() && size - maximum() <= 4096 => size = maximum(),
        "retain-does-nothing" if is_dead(context) => return null_mut(),
        "threads-get-the-same" if size == 1 && !main_thread() => {
            static SAME: OnceLock<usize> = OnceLock::new();
            let alloc = || api.clSVMAlloc(context, flags, size, alignment) as usize;
            return *SAME.get_or_init(alloc) as *mut c_void;
        }
        "freed-by-another-given-twice"
            if size == 5000 && main_thread() && FREED_BY_ANOTHER.load(SeqCst) =>
        {
            static FIRST: OnceLock<usize> = OnceLock::new();
            let alloc = || api.clSVMAlloc(context, flags, size, alignment) as usize;
            return *FIRST.get_or_init(alloc) as *mut c_void;
        }
        "freed-is-lost" if size == maximum() && FREED_LARGEST.load(SeqCst) => return null_mut(),
        "size-zero" if size == 0 => size = 1,
        "size-beyond-maximum" if size > maximum() && size < 1 << 60 => size = 64,
        "half-of-maximum" if size == maximum() => size /= 2,
        "flags-zero-refused" if flags == 0 => return null_mut(),
        "read-write-refused" if flags == CL_MEM_READ_WRITE && size == 400 => return null_mut(),
        "size-of-address-space" if size > 1 << 60 => size = 64,
        "write-only-refused" if flags == CL_MEM_WRITE_ONLY => return null_mut(),
        "fine-grain-refused" if fine => return null_mut(),
        "atomics-refused" if flags & CL_MEM_SVM_ATOMICS != 0 => return null_mut(),
        "context-null" if context.is_null() => {
            context = contexts().last().copied().unwrap_or(0) as cl_context;
        }
        "context-of-wrong-type"
            if !context.is_null() && !contexts().contains(&(context as usize)) =>
        {
            context = contexts().last().copied().unwrap_or(0) as cl_context;
        }
        "often-refused" => {
            static CALLS: AtomicUsize = AtomicUsize::new(0);
            if CALLS.fetch_add(1, SeqCst) > 1800 && size == 64 << 20 {
                return null_mut();
            }
        }
        "overlap" | "overlap-of-contexts" => return overlapping(context, flags, size, alignment),
        "alignment-not-a-power-of-two" if alignment < 128 && !alignment.is_power_of_two() => {
            alignment = 0;
        }
        "large-alignment-not-a-power-of-two" if alignment > 128 && !alignment.is_power_of_two() => {
            alignment = 0;
        }
        "default-alignment" if alignment == 0 => {
            let pointer = api.clSVMAlloc(context, flags, size + 128, 128);
            return if pointer.is_null() {
                pointer
            } else {
                offset(pointer, 64)
            };
        }
        "small-alignments" if alignment == 16 => return shifted(context, flags, size, 16, 8),
        "largest-alignment" if alignment == 128 => return shifted(context, flags, size, 128, 64),
        "page-alignment" if alignment == 4096 => return shifted(context, flags, size, 4096, 128),
        "megabyte-alignment" if alignment == 1 << 20 => {
            return shifted(context, flags, size, 4096, 4096);
        }
        "huge-alignment" if alignment == 2 << 20 => {
            return shifted(context, flags, size, 4096, 4096);
        }
        _ => {}
    }
    api.clSVMAlloc(context, flags, size, alignment)
}

/// Memory that is aligned less than it was asked to be.
fn shifted(
    context: cl_context,
    flags: cl_ulong,
    size: usize,
    alignment: cl_uint,
    by: usize,
) -> *mut c_void {
    // With the room to be aligned in, whatever the address is.
    let whole = size + 2 * by;
    let pointer = real().clSVMAlloc(context, flags, whole, alignment);
    if pointer.is_null() {
        return pointer;
    }
    let well = (pointer as usize).is_multiple_of(2 * by);
    offset(pointer, if well { by } else { 0 })
}

/// Memory inside the latest allocation, if there is room and it is of the context that the rule
/// means.
fn overlapping(
    context: cl_context,
    flags: cl_ulong,
    size: usize,
    alignment: cl_uint,
) -> *mut c_void {
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    let same = latest.0 == context as usize;
    if latest.2 >= size.saturating_add(128) && same == (rule() == "overlap") {
        let address = latest.1 + 128;
        *latest = (0, 0, 0);
        return address as *mut c_void;
    }
    let pointer = real().clSVMAlloc(context, flags, size, alignment);
    *latest = (context as usize, pointer as usize, size);
    if pointer.is_null() {
        *latest = (0, 0, 0);
    }
    pointer
}

/// An allocation is gone.
pub fn forget(pointer: *mut c_void) {
    live().retain(|(address, _, _)| *address != pointer as usize);
    fine().retain(|address| *address != pointer as usize);
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    if latest.1 == pointer as usize {
        *latest = (0, 0, 0);
    }
}
