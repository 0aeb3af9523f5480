//! Launch latency, program builds, and the round trip between host and running kernel.

use std::ptr::{null, null_mut};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use opencl_sys::*;

use super::measure::{median, seconds, seconds_each, Row, BUDGET};
use crate::client::{atomic, offset, read, write};
use crate::session::Session;

const FINE: cl_ulong = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;

fn text((error, log): (crate::session::CallError, String)) -> String {
    format!("{error:?} {log}")
}

/// Microseconds for each launch of an empty kernel when the host waits after every `depth` of them.
fn launch(session: &Session, depth: usize) -> Result<f64, String> {
    let queue = session
        .queue_with(0)
        .map_err(|error| format!("{error:?}"))?;
    let empty = session
        .kernel("kernel void empty(void) {}", "", "empty")
        .map_err(text)?;
    let one = 1usize;
    let api = session.api;
    let mut code = 0;
    let turns = 1024;
    let each = seconds_each(turns, BUDGET, || {
        for turn in 1..=turns {
            code |= api.clEnqueueNDRangeKernel(
                queue,
                empty,
                1,
                null(),
                &one,
                &one,
                0,
                null(),
                null_mut(),
            );
            if turn % depth == 0 {
                code |= api.clFinish(queue);
            }
        }
    });
    api.clReleaseKernel(empty);
    api.clReleaseCommandQueue(queue);
    if code != 0 {
        Err(format!("code {code}"))
    } else {
        Ok(each * 1e6)
    }
}

fn launch_wide(session: &Session) -> Result<f64, String> {
    let kernel = session
        .kernel("kernel void empty(void) {}", "", "empty")
        .map_err(text)?;
    let mut code = 0;
    let each = seconds(BUDGET, || {
        code |= session.launch(kernel, &[1 << 20], Some(&[64]));
        code |= session.api.clFinish(session.queue);
    });
    session.api.clReleaseKernel(kernel);
    if code != 0 {
        Err(format!("code {code}"))
    } else {
        Ok(each * 1e6)
    }
}

fn build(session: &Session, fresh: bool) -> Result<f64, String> {
    let memory = session.api.clSVMAlloc(session.context, FINE, 64, 0);
    let stamp = stamp();
    let mut failure = None;
    let mut samples = Vec::new();
    for round in 0..15 {
        let number = if fresh { round } else { 0 };
        let source = format!("{stamp}kernel void f(global float *p, float x) {{ p[get_global_id(0)] = x * {number}.5f + stamp; }}");
        let start = Instant::now();
        match session.kernel(&source, "", "f") {
            Ok(kernel) => {
                session.api.clSetKernelArgSVMPointer(kernel, 0, memory);
                session.set_arg(kernel, 1, &1.0f32);
                session.launch(kernel, &[1], None);
                session.api.clFinish(session.queue);
                if fresh || round > 0 {
                    samples.push(start.elapsed().as_secs_f64());
                }
                session.api.clReleaseKernel(kernel);
            }
            Err(error) => failure = Some(text(error)),
        }
    }
    session.api.clSVMFree(session.context, memory);
    match failure {
        Some(failure) => Err(failure),
        None => Ok(median(&mut samples) * 1e3),
    }
}

/// Text that no build had before.
fn stamp() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let number = now.map_or(0, |time| time.as_nanos());
    format!("constant ulong stamp = {number}ul;\n")
}

/// A kernel of a program: its name, and by argument `p` for memory, `n` for a number, `l` for local
/// memory.
type KernelToRun<'a> = (&'a str, &'a str);

/// Milliseconds from the source of a program until each of some kernels ran, over little.
fn build_time(
    session: &Session,
    source: impl Fn() -> String,
    kernels: &[KernelToRun],
) -> Result<f64, String> {
    let api = session.api;
    let memory = api.clSVMAlloc(session.context, FINE, 1 << 20, 0);
    let mut samples = Vec::new();
    for _ in 0..5 {
        let source = source();
        // Trees have their root here.
        api.clEnqueueSVMMemFill(
            session.queue,
            memory,
            (&0u64 as *const u64).cast(),
            8,
            1 << 20,
            0,
            null(),
            null_mut(),
        );
        api.clFinish(session.queue);
        let start = Instant::now();
        let program = session.build(&source, "").map_err(text)?;
        for (name, arguments) in kernels {
            let kernel = session
                .kernel_of(program, name)
                .map_err(|error| format!("{error:?}"))?;
            for (index, kind) in (0..).zip(arguments.chars()) {
                match kind {
                    'p' => api.clSetKernelArgSVMPointer(kernel, index, memory),
                    'n' => session.set_arg(kernel, index, &0u32),
                    _ => api.clSetKernelArg(kernel, index, 4096, null()),
                };
            }
            let code = session.launch(kernel, &[16, 16], Some(&[16, 16]));
            if code != 0 || api.clFinish(session.queue) != 0 {
                return Err(format!("kernel {name}: {code}"));
            }
            api.clReleaseKernel(kernel);
        }
        samples.push(start.elapsed().as_secs_f64());
        api.clReleaseProgram(program);
    }
    api.clSVMFree(session.context, memory);
    Ok(median(&mut samples) * 1e3)
}

/// All kernels of this benchmark.
fn build_suite(session: &Session) -> Result<f64, String> {
    let kernels = [
        ("saxpy", "ppn"),
        ("mandel", "pnn"),
        ("blackscholes", "ppnnnn"),
        ("sincospow", "pp"),
        ("gemm_naive", "pppn"),
        ("gemm_tiled", "pppn"),
        ("nbody", "ppn"),
        ("reduce", "ppl"),
        ("histogram", "pp"),
        ("tree", "ppp"),
        ("stencil", "ppn"),
        ("scan", "pl"),
        ("count", "p"),
    ];
    build_time(session, || stamp() + super::kernels::SOURCE, &kernels)
}

/// A program of a hundred kernels, one of which is needed.
fn build_many(session: &Session) -> Result<f64, String> {
    let source = || {
        let kernels = (0..100).map(|number| {
            format!(
                "kernel void k{number}(global float *p, int n) {{
                    size_t i = get_global_id(0);
                    float x = p[i];
                    for (int j = 0; j < n; j++) x = x * {number}.5f + sqrt(fabs(x));
                    p[i] = x;
                }}\n"
            )
        });
        stamp() + &kernels.collect::<String>()
    };
    build_time(session, source, &[("k77", "pn")])
}

/// How long a running kernel takes to answer the host. The first work-group answers; others watch until
/// it is over.
fn round_trip(session: &Session, groups: usize, rounds: i32) -> Result<f64, String> {
    let source = "
        kernel void serve(global atomic_int *request, global atomic_int *answer, int rounds) {
            if (get_group_id(0) > 0) {
                while (atomic_load_explicit(request, memory_order_acquire, memory_scope_all_svm_devices) < rounds) {}
                return;
            }
            for (int round = 1; round <= rounds; round++) {
                while (atomic_load_explicit(request, memory_order_acquire, memory_scope_all_svm_devices) < round) {}
                atomic_store_explicit(answer, round, memory_order_release, memory_scope_all_svm_devices);
            }
        }";
    let serve = session
        .kernel(source, "-cl-std=CL3.0", "serve")
        .or_else(|_| session.kernel(source, "-cl-std=CL2.0", "serve"))
        .map_err(text)?;
    let api = session.api;
    let memory = api.clSVMAlloc(session.context, FINE | CL_MEM_SVM_ATOMICS, 256, 0);
    if memory.is_null() {
        return Err("no SVM atomics".into());
    }
    let warm = rounds / 50;
    // Short ones are over in a moment, in which anything may have happened.
    let launches = (50_000 / rounds).clamp(5, 100);
    let mut samples = Vec::new();
    for _ in 0..launches {
        let (request, answer) = (atomic(memory, 0), atomic(memory, 32));
        request.store(0, Ordering::SeqCst);
        answer.store(0, Ordering::SeqCst);
        api.clSetKernelArgSVMPointer(serve, 0, memory);
        api.clSetKernelArgSVMPointer(serve, 1, offset(memory, 128));
        session.set_arg(serve, 2, &rounds);
        if session.launch(serve, &[groups], Some(&[1])) != 0 || api.clFlush(session.queue) != 0 {
            return Err("launch failed".into());
        }
        let mut start = Instant::now();
        let limit = Instant::now();
        for round in 1..=rounds {
            request.store(round, Ordering::Release);
            let mut spins = 0u32;
            while answer.load(Ordering::Acquire) < round {
                spins += 1;
                if spins.is_multiple_of(1 << 16) && limit.elapsed() > Duration::from_secs(10) {
                    request.store(rounds, Ordering::SeqCst);
                    api.clFinish(session.queue);
                    return Err("the kernel does not run beside the host".into());
                }
                std::hint::spin_loop();
            }
            if round == warm {
                start = Instant::now();
            }
        }
        samples.push(start.elapsed().as_secs_f64() / f64::from(rounds - warm));
        api.clFinish(session.queue);
    }
    api.clReleaseKernel(serve);
    api.clSVMFree(session.context, memory);
    Ok(median(&mut samples) * 1e9)
}

fn many_arguments(session: &Session) -> Result<f64, String> {
    let parameters: Vec<String> = (0..32)
        .map(|index| format!("global int *p{index}"))
        .collect();
    let source = format!(
        "kernel void many({}) {{ p0[0] += p31[0]; }}",
        parameters.join(", ")
    );
    let many = session.kernel(&source, "", "many").map_err(text)?;
    let api = session.api;
    let pointers: Vec<_> = (0..32)
        .map(|_| api.clSVMAlloc(session.context, FINE, 64, 0))
        .collect();
    write(pointers[0], 0, 0i32);
    write(pointers[31], 0, 1i32);
    let mut launches = 0;
    let each = seconds_each(100, BUDGET, || {
        for _ in 0..100 {
            for (index, pointer) in pointers.iter().enumerate() {
                api.clSetKernelArgSVMPointer(many, index as cl_uint, *pointer);
            }
            session.launch(many, &[1], Some(&[1]));
            launches += 1;
        }
        api.clFinish(session.queue);
    });
    let right = read::<i32>(pointers[0], 0) == launches;
    for pointer in pointers {
        api.clSVMFree(session.context, pointer);
    }
    api.clReleaseKernel(many);
    if right {
        Ok(each * 1e6)
    } else {
        Err("wrong result".into())
    }
}

/// The rows of this group.
pub fn rows(session: &Session, wanted: &mut dyn FnMut(&str) -> bool, done: &mut dyn FnMut(Row)) {
    let mut row = |name: &str, unit: &str, measure: &dyn Fn() -> Result<f64, String>| {
        if wanted(name) {
            done(Row::time(name, unit, measure()));
        }
    };
    row("launch_sync", "us", &|| launch(session, 1));
    row("launch_depth_16", "us", &|| launch(session, 16));
    row("launch_pipelined", "us", &|| launch(session, 1024));
    row("launch_1M_work_items_by_64", "us", &|| launch_wide(session));
    row("launch_32_svm_arguments", "us", &|| many_arguments(session));
    row("build_small_cold", "ms", &|| build(session, true));
    row("build_small_again", "ms", &|| build(session, false));
    row("build_suite_cold", "ms", &|| build_suite(session));
    row("build_100_kernels_run_1", "ms", &|| build_many(session));
    row("host_device_round_trip", "ns", &|| {
        round_trip(session, 1, 50_000)
    });
    // Beside the host's thread there are more than processors.
    row("round_trip_all_workers", "ns", &|| {
        let units = session
            .device_info::<u32>(CL_DEVICE_MAX_COMPUTE_UNITS)
            .map_err(|error| format!("{error:?}"))?;
        round_trip(session, units as usize, 500)
    });
}
