//! SVM allocation, copies, fills and maps.

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use opencl_sys::*;

use super::measure::{seconds, seconds_each, Row, BUDGET};
use crate::client::{read, write};
use crate::session::Session;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

fn alloc_free(session: &Session, size: usize) -> Result<f64, String> {
    let api = session.api;
    let mut failed = false;
    let each = seconds_each(1000, BUDGET, || {
        for _ in 0..1000 {
            let pointer = api.clSVMAlloc(session.context, FINE, size, 0);
            failed |= pointer.is_null();
            api.clSVMFree(session.context, pointer);
        }
    });
    if failed {
        Err("clSVMAlloc failed".into())
    } else {
        Ok(each * 1e9)
    }
}

fn alloc_free_with_live(session: &Session, live: usize) -> Result<f64, String> {
    let api = session.api;
    let start = Instant::now();
    let mut pointers = Vec::with_capacity(live);
    let mut outcome = Ok(0.0);
    while pointers.len() < live {
        let pointer = api.clSVMAlloc(session.context, FINE, 4096, 0);
        if pointer.is_null() {
            outcome = Err(format!("clSVMAlloc failed with {} live", pointers.len()));
            break;
        }
        pointers.push(pointer);
        if start.elapsed() > Duration::from_secs(20) {
            outcome = Err(format!("over 20 s for {} allocations", pointers.len()));
            break;
        }
    }
    if outcome.is_ok() {
        outcome = alloc_free(session, 4096);
    }
    let start = Instant::now();
    for pointer in pointers.into_iter().rev() {
        if start.elapsed() > Duration::from_secs(20) {
            break;
        }
        api.clSVMFree(session.context, pointer);
    }
    outcome
}

fn copy(session: &Session, size: usize) -> Result<f64, String> {
    let api = session.api;
    let (a, b) = (
        api.clSVMAlloc(session.context, FINE, size, 0),
        api.clSVMAlloc(session.context, FINE, size, 0),
    );
    if a.is_null() || b.is_null() {
        return Err("clSVMAlloc failed".into());
    }
    let pattern = 0x5Au8;
    let pattern: *const c_void = std::ptr::from_ref(&pattern).cast();
    api.clEnqueueSVMMemFill(session.queue, a, pattern, 1, size, 0, null(), null_mut());
    api.clEnqueueSVMMemFill(session.queue, b, pattern, 1, size, 0, null(), null_mut());
    api.clFinish(session.queue);
    write(a, size - 1, 0x77u8);
    let mut code = 0;
    let repeats = if size < 4096 { 100 } else { 1 };
    let each = seconds_each(repeats, BUDGET, || {
        for _ in 0..repeats {
            code |=
                api.clEnqueueSVMMemcpy(session.queue, CL_TRUE, b, a, size, 0, null(), null_mut());
        }
    });
    let right = read::<u8>(b, size - 1) == 0x77 && read::<u8>(b, 0) == 0x5A;
    api.clSVMFree(session.context, a);
    api.clSVMFree(session.context, b);
    if code != 0 || !right {
        Err(format!("wrong result, code {code}"))
    } else {
        Ok(each)
    }
}

fn fill(session: &Session, size: usize) -> Result<f64, String> {
    let api = session.api;
    let memory = api.clSVMAlloc(session.context, FINE, size, 0);
    if memory.is_null() {
        return Err("clSVMAlloc failed".into());
    }
    let pattern = 0x0102_0304u32;
    let mut code = 0;
    let each = seconds(BUDGET, || {
        let pattern = std::ptr::from_ref(&pattern).cast();
        code |= api.clEnqueueSVMMemFill(
            session.queue,
            memory,
            pattern,
            4,
            size,
            0,
            null(),
            null_mut(),
        );
        code |= api.clFinish(session.queue);
    });
    let right = read::<u32>(memory, 0) == pattern && read::<u32>(memory, size / 4 - 1) == pattern;
    api.clSVMFree(session.context, memory);
    if code != 0 || !right {
        Err(format!("wrong result, code {code}"))
    } else {
        Ok(each)
    }
}

fn map_unmap(session: &Session) -> Result<f64, String> {
    let api = session.api;
    let memory = api.clSVMAlloc(session.context, CL_MEM_READ_WRITE, 4096, 0);
    let mut code = 0;
    let each = seconds_each(100, BUDGET, || {
        for _ in 0..100 {
            let flags = CL_MAP_READ | CL_MAP_WRITE;
            code |= api.clEnqueueSVMMap(
                session.queue,
                CL_TRUE,
                flags,
                memory,
                4096,
                0,
                null(),
                null_mut(),
            );
            code |= api.clEnqueueSVMUnmap(session.queue, memory, 0, null(), null_mut());
        }
        code |= api.clFinish(session.queue);
    });
    api.clSVMFree(session.context, memory);
    if code != 0 {
        Err(format!("code {code}"))
    } else {
        Ok(each * 1e6)
    }
}

/// Threads that allocate at the same time, and how many sizes each of them needs.
const THREADS: usize = 8;
const SIZES: usize = 20;

/// What a program does once for each size that it needs, in several threads of a new context:
/// allocate, fill, copy to its own memory, free. The mean over sizes and threads.
fn first_of_sizes(session: &Session) -> Result<f64, String> {
    let (api, device) = (session.api, session.device as usize);
    let one = |context: usize, thread: usize| {
        let (context, device) = (context as cl_context, device as cl_device_id);
        let mut code = 0;
        let queue = api.clCreateCommandQueueWithProperties(context, device, null(), &mut code);
        for round in 0..SIZES {
            let value = (thread * 1000 + round) as u32;
            let mut found = vec![0_u32; 1 + (round * 97 + thread * 13) % 3000];
            let size = size_of_val(&found[..]);
            let memory = api.clSVMAlloc(context, CL_MEM_READ_WRITE, size, 0);
            let (pattern, to) = ((&raw const value).cast(), found.as_mut_ptr().cast());
            let none = null_mut();
            code |= api.clEnqueueSVMMemFill(queue, memory, pattern, 4, size, 0, null(), none);
            code |= api.clEnqueueSVMMemcpy(queue, CL_TRUE, to, memory, size, 0, null(), none);
            api.clSVMFree(context, memory);
            code |= cl_int::from(found.iter().any(|number| *number != value));
        }
        code | api.clReleaseCommandQueue(queue)
    };
    let mut codes = 0;
    let each = seconds(BUDGET, || {
        let mut code = 0;
        let context =
            api.clCreateContext(null(), 1, &session.device, None, null_mut(), &mut code) as usize;
        codes |= code;
        std::thread::scope(|scope| {
            let threads = (0..THREADS).map(|thread| scope.spawn(move || one(context, thread)));
            let threads: Vec<_> = threads.collect();
            for thread in threads {
                codes |= thread.join().unwrap_or(1);
            }
        });
        codes |= api.clReleaseContext(context as cl_context);
    });
    if codes == 0 {
        Ok(each * 1e6 / (THREADS * SIZES) as f64)
    } else {
        Err(format!("wrong result, code {codes}"))
    }
}

/// The rows of this group.
pub fn rows(session: &Session, wanted: &mut dyn FnMut(&str) -> bool, done: &mut dyn FnMut(Row)) {
    for (name, size) in [
        ("svm_alloc_free_64", 64),
        ("svm_alloc_free_4K", 4096),
        ("svm_alloc_free_64K", 65536),
        ("svm_alloc_free_1M", 1 << 20),
        ("svm_alloc_free_16M", 16 << 20),
    ] {
        if wanted(name) {
            done(Row::time(name, "ns", alloc_free(session, size)));
        }
    }
    for (name, live) in [
        ("svm_alloc_free_4K_1k_live", 1000),
        ("svm_alloc_free_4K_10k_live", 10_000),
        ("svm_alloc_free_4K_100k_live", 100_000),
    ] {
        if wanted(name) {
            done(Row::time(name, "ns", alloc_free_with_live(session, live)));
        }
    }
    if wanted("svm_first_of_20_sizes_8_threads") {
        done(Row::time(
            "svm_first_of_20_sizes_8_threads",
            "us",
            first_of_sizes(session),
        ));
    }
    if wanted("svm_memcpy_64B") {
        done(Row::time(
            "svm_memcpy_64B",
            "us",
            copy(session, 64).map(|each| each * 1e6),
        ));
    }
    let large = 256usize << 20;
    if wanted("svm_memcpy_256M") {
        done(Row::rate(
            "svm_memcpy_256M",
            "GB/s",
            copy(session, large).map(|each| large as f64 / each / 1e9),
        ));
    }
    if wanted("svm_memfill_256M") {
        done(Row::rate(
            "svm_memfill_256M",
            "GB/s",
            fill(session, large).map(|each| large as f64 / each / 1e9),
        ));
    }
    if wanted("svm_map_unmap") {
        done(Row::time("svm_map_unmap", "us", map_unmap(session)));
    }
}
