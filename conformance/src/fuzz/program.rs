//! A sequence as a program in C that stands for itself.

use std::fmt::Write;

use opencl_sys::*;

use super::epilogue::epilogue;
use super::model::{Known, Model};
use super::pattern;
use super::program_parts::{BEGINNING, BUILD, MAIN, PARTS};
use super::step::{Case, Order, Region, Slice, Step, Work};
use crate::check::expect::code_name;

/// The program. It ends with status 0 if everything is as the model says; otherwise it says what is
/// not, crashes, or hangs until the alarm.
pub fn program(case: &Case) -> String {
    let mut text = format!(
        "/* A sequence of seed {}. Compile it with: gcc -pthread FILE.c -lOpenCL */\n{BEGINNING}",
        case.seed
    );
    if case.has_kernels() {
        text.push_str("\nstatic const char *source =\n");
        for line in pattern::KERNELS.lines() {
            line_of(&mut text, 1, &format!("\"{line}\\n\""));
        }
        text.push_str("    ;\n");
    }
    let mut callbacks = 0;
    let mut threads = String::new();
    for thread in 0..case.threads.len() {
        let mut writer = Writer::new(case);
        writer.thread(thread);
        callbacks += writer.callbacks;
        threads.push_str(&writer.text);
    }
    for (word, part) in PARTS {
        if threads.contains(word) {
            text.push_str(part);
        }
    }
    text.push_str(&threads);
    text.push_str(MAIN);
    if case.has_kernels() {
        text.push_str(BUILD);
    }
    if case.shared {
        line_of(
            &mut text,
            1,
            &format!("shared = queue({});", properties(case, 0)),
        );
    }
    line_of(&mut text, 1, "alarm(60);");
    let count = case.threads.len();
    line_of(&mut text, 1, &format!("pthread_t threads[{count}];"));
    let functions: Vec<String> = (0..count).map(|thread| format!("thread{thread}")).collect();
    line_of(
        &mut text,
        1,
        &format!(
            "void *(*functions[])(void *) = {{{}}};",
            functions.join(", ")
        ),
    );
    line_of(&mut text, 1, &format!("for (int i = 0; i < {count}; i++)"));
    line_of(
        &mut text,
        2,
        "HOLDS(pthread_create(&threads[i], NULL, functions[i], NULL) == 0);",
    );
    line_of(&mut text, 1, &format!("for (int i = 0; i < {count}; i++)"));
    line_of(&mut text, 2, "pthread_join(threads[i], NULL);");
    line_of(
        &mut text,
        1,
        &format!("for (int i = 0; callbacks < {callbacks} && i < 5000; i++)"),
    );
    line_of(&mut text, 2, "usleep(1000);");
    line_of(&mut text, 1, &format!("HOLDS(callbacks == {callbacks});"));
    line_of(&mut text, 1, "puts(\"everything is as it should be\");");
    text.push_str("    return 0;\n}\n");
    text
}

fn line_of(text: &mut String, depth: usize, line: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{:1$}{line}", "", 4 * depth);
}

fn properties(case: &Case, queue: usize) -> String {
    let queue = case.queues[queue];
    match (queue.out_of_order, queue.profiling) {
        (true, true) => "CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE | CL_QUEUE_PROFILING_ENABLE",
        (true, false) => "CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE",
        (false, true) => "CL_QUEUE_PROFILING_ENABLE",
        (false, false) => "0",
    }
    .into()
}

struct Writer<'a> {
    case: &'a Case,
    model: Model,
    text: String,
    callbacks: usize,
    arrays: usize,
    /// Where what is mapped begins.
    mapped_at: std::collections::BTreeMap<usize, usize>,
}

impl<'a> Writer<'a> {
    fn new(case: &'a Case) -> Self {
        Self {
            case,
            model: Model::new(&case.queues, case.shared),
            text: String::new(),
            callbacks: 0,
            arrays: 0,
            mapped_at: std::collections::BTreeMap::new(),
        }
    }

    fn line(&mut self, line: &str) {
        line_of(&mut self.text, 1, line);
    }

    fn thread(&mut self, thread: usize) {
        let _ = writeln!(self.text, "\nstatic void *thread{thread}(void *unused) {{");
        self.line("(void)unused;");
        self.line("cl_int code = CL_SUCCESS;");
        self.line("(void)code;");
        for queue in 0..self.case.queues.len() {
            let made = if queue == 0 && self.case.shared {
                "shared".into()
            } else {
                format!("queue({})", properties(self.case, queue))
            };
            self.line(&format!("cl_command_queue q{queue} = {made};"));
            self.line(&format!("(void)q{queue};"));
        }
        let uses = |wanted: fn(&Step) -> bool| self.case.threads[thread].iter().any(wanted);
        let kernels = [
            (
                "pattern",
                uses(|step| matches!(step, Step::Enqueue(Work::Write(..), _))),
            ),
            (
                "add",
                uses(|step| matches!(step, Step::Enqueue(Work::Add(..), _))),
            ),
            (
                "chase",
                uses(|step| matches!(step, Step::Enqueue(Work::Chase(..), _))),
            ),
        ];
        let bad = uses(|step| matches!(step, Step::Bad(_)));
        for (name, _) in kernels.iter().filter(|(_, used)| *used) {
            self.line(&format!("cl_kernel {name} = kernel(\"{name}\");"));
        }
        if bad {
            self.line("void *idle = clSVMAlloc(context, CL_MEM_READ_WRITE, 64, 0);");
            self.line("HOLDS(idle != NULL);");
        }
        let count = self.case.threads.len();
        self.line("ready++;");
        self.line(&format!("while (ready < {count})"));
        self.line("    sched_yield();");
        let steps = &self.case.threads[thread];
        for step in steps {
            self.step(step);
        }
        self.line("/* The end: everything is awaited, looked at, and released. */");
        for step in epilogue(&self.model, &self.case.queues) {
            self.step(&step);
        }
        self.line("return NULL;");
        self.text.push_str("}\n");
    }

    /// The name of an array with expected bytes.
    fn expected(&mut self, bytes: &[u16]) -> String {
        self.arrays += 1;
        let name = format!("expected{}", self.arrays);
        let runs = bytes.chunk_by(|one, other| one == other);
        let mut index = 0;
        let mut parts = Vec::new();
        for run in runs {
            let end = index + run.len();
            parts.push(match run.len() {
                1 => run[0].to_string(),
                // A range of GNU C, which clang has, too.
                _ => format!("[{index} ... {}] = {}", end - 1, run[0]),
            });
            index = end;
        }
        self.line(&format!("static const unsigned short {name}[] = {{"));
        for parts in parts.chunks(12) {
            self.line(&format!("    {},", parts.join(", ")));
        }
        self.line("};");
        name
    }

    fn step(&mut self, step: &Step) {
        let regions = match step {
            Step::Enqueue(Work::Chase(table, _), _) => {
                let live = self.model.allocations.get(table);
                live.and_then(|live| live.pointers.clone())
            }
            _ => None,
        };
        let Ok(demand) = self.model.apply(step) else {
            return self.line("/* a step without a meaning */");
        };
        match step {
            Step::Allocate {
                allocation,
                flags,
                size,
                alignment,
            } => {
                let flags = memory_flags(*flags);
                self.line(&format!(
                    "char *a{allocation} = clSVMAlloc(context, {flags}, {size}, {alignment});"
                ));
                self.line(&format!("HOLDS(a{allocation} != NULL);"));
            }
            Step::Free(allocation) => self.line(&format!("clSVMFree(context, a{allocation});")),
            Step::Buffer { buffer, allocation } => {
                let size = self.model.allocations[allocation].bytes.len();
                self.line(&format!(
                    "cl_mem b{buffer} = clCreateBuffer(context, CL_MEM_READ_WRITE | \
                     CL_MEM_USE_HOST_PTR, {size}, a{allocation}, &code);"
                ));
                self.line("OK(code);");
            }
            Step::SubBuffer {
                buffer,
                parent:
                    Slice {
                        buffer: whole,
                        offset,
                        size,
                    },
            } => {
                self.line(&format!(
                    "cl_mem b{buffer} = clCreateSubBuffer(b{whole}, 0, \
                     CL_BUFFER_CREATE_TYPE_REGION, &(cl_buffer_region){{{offset}, {size}}}, &code);"
                ));
                self.line("OK(code);");
            }
            Step::ReleaseBuffer(buffer) => {
                self.line(&format!("OK(clReleaseMemObject(b{buffer}));"))
            }
            Step::Enqueue(work, order) => {
                self.enqueue(work, order, &demand.bytes, &regions.unwrap_or_default());
            }
            Step::UserEvent(event) => {
                self.line(&format!(
                    "cl_event e{event} = clCreateUserEvent(context, &code);"
                ));
                self.line("OK(code);");
            }
            Step::Complete(event) => {
                self.line(&format!("OK(clSetUserEventStatus(e{event}, CL_COMPLETE));"));
            }
            Step::Flush(queue) => self.line(&format!("OK(clFlush(q{queue}));")),
            Step::Finish(queue) => self.line(&format!("OK(clFinish(q{queue}));")),
            Step::Wait(events) => {
                let (count, list) = (events.len(), list(events));
                self.line(&format!("OK(clWaitForEvents({count}, {list}));"));
            }
            Step::Query(event) => self.line(&match demand.status {
                Some(Known::Complete) => format!("EXPECT(CL_COMPLETE, status_of(e{event}));"),
                Some(Known::Waiting) => format!("HOLDS(status_of(e{event}) >= CL_SUBMITTED);"),
                _ => format!("HOLDS(status_of(e{event}) >= CL_COMPLETE);"),
            }),
            Step::ReleaseEvent(event) => self.line(&format!("OK(clReleaseEvent(e{event}));")),
            Step::HostWrite(region, seed) => {
                let (place, size) = (start(region), region.size);
                self.line(&format!("write_bytes({place}, {size}, {seed}u);"));
            }
            Step::HostCheck(region) => {
                let expected = self.expected(&demand.bytes);
                let (place, size) = (start(region), region.size);
                self.line(&format!("compare({place}, {expected}, {size}, __LINE__);"));
            }
            Step::Pointers(table, regions) => {
                for (index, region) in regions.iter().enumerate() {
                    let (place, offset) = (start(region), 8 * index);
                    self.line(&format!(
                        "memcpy(a{table} + {offset}, &(cl_ulong){{(cl_ulong)(size_t)({place})}}, 8);"
                    ));
                }
            }
            Step::Bad(bad) => {
                let (name, call) = (code_name(bad.code()), bad.in_c("q0", "idle"));
                let name = name.split(' ').next().unwrap_or_default();
                self.line(&format!("EXPECT({name}, {call});"));
            }
        }
    }

    fn enqueue(&mut self, work: &Work, order: &Order, expected: &[u16], regions: &[Region]) {
        if let Some(event) = order.event {
            self.line(&format!("cl_event e{event};"));
        }
        let queue = order.queue;
        let event = order
            .event
            .map_or("NULL".into(), |event| format!("&e{event}"));
        let waits = match order.waits.len() {
            0 => "0, NULL".into(),
            count => format!("{count}, {}", list(&order.waits)),
        };
        let rest = format!("{waits}, {event}");
        let launch = |kernel: &str, items: usize| {
            format!(
                "clEnqueueNDRangeKernel(q{queue}, {kernel}, 1, NULL, (size_t[]){{{items}}}, NULL, {rest})"
            )
        };
        let wait = |blocking: bool| if blocking { "CL_TRUE" } else { "CL_FALSE" };
        let pattern = |bytes: &[u8]| {
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            format!(
                "(unsigned char[]){{{}}}, {}",
                numbers.join(", "),
                bytes.len()
            )
        };
        let host = |size: usize| format!("    unsigned char *host = malloc({size});");
        let call = match work {
            Work::Fill(to, bytes) => {
                let (place, bytes, size) = (start(to), pattern(bytes), to.size);
                format!("clEnqueueSVMMemFill(q{queue}, {place}, {bytes}, {size}, {rest})")
            }
            Work::Copy(to, from, blocking) => format!(
                "clEnqueueSVMMemcpy(q{queue}, {}, {}, a{} + {}, {}, {rest})",
                wait(*blocking), start(to), from.0, from.1, to.size
            ),
            Work::CopyIn(to, seed) => {
                self.line("{");
                self.line(&host(to.size));
                self.line(&format!("    write_bytes(host, {}, {seed}u);", to.size));
                self.line(&format!(
                    "    OK(clEnqueueSVMMemcpy(q{queue}, CL_TRUE, {}, host, {}, {rest}));",
                    start(to), to.size
                ));
                self.line("    free(host);");
                return self.line("}");
            }
            Work::CopyOut(from) => {
                let name = self.expected(expected);
                self.line("{");
                self.line(&host(from.size));
                self.line(&format!(
                    "    OK(clEnqueueSVMMemcpy(q{queue}, CL_TRUE, host, {}, {}, {rest}));",
                    start(from), from.size
                ));
                self.line(&format!("    compare(host, {name}, {}, __LINE__);", from.size));
                self.line("    free(host);");
                return self.line("}");
            }
            Work::Map(region, flags, blocking) => {
                self.mapped_at.insert(region.allocation, region.offset);
                format!(
                    "clEnqueueSVMMap(q{queue}, {}, {}, {}, {}, {rest})",
                    wait(*blocking), map_flags(*flags), start(region), region.size
                )
            }
            Work::Unmap(allocation) => {
                let offset = self.mapped_at.remove(allocation).unwrap_or(0);
                format!("clEnqueueSVMUnmap(q{queue}, a{allocation} + {offset}, {rest})")
            }
            Work::Migrate(allocations, flags) => format!(
                "clEnqueueSVMMigrateMem(q{queue}, {}, (const void *[]){{{}}}, NULL, {flags}, {rest})",
                allocations.len(), names(allocations)
            ),
            Work::Write(to, seed) => {
                self.line(&format!("OK(clSetKernelArgSVMPointer(pattern, 0, {}));", start(to)));
                self.number("pattern", 1, *seed);
                launch("pattern", to.size / 4)
            }
            Work::Add(to, from) => {
                self.line(&format!("OK(clSetKernelArgSVMPointer(add, 0, {}));", start(to)));
                self.line(&format!(
                    "OK(clSetKernelArgSVMPointer(add, 1, a{} + {}));",
                    from.0, from.1
                ));
                launch("add", to.size / 4)
            }
            Work::Chase(table, seed) => {
                let targets: Vec<usize> = regions.iter().map(|region| region.allocation).collect();
                let list = format!("(void *[]){{{}}}", names(&targets));
                self.line(&format!(
                    "OK(clSetKernelExecInfo(chase, CL_KERNEL_EXEC_INFO_SVM_PTRS, \
                     {} * sizeof(void *), {list}));",
                    targets.len()
                ));
                self.line(&format!("OK(clSetKernelArgSVMPointer(chase, 0, a{table}));"));
                let words = regions.first().map_or(0, |region| region.size / 4);
                self.number("chase", 1, words as u32);
                self.number("chase", 2, *seed);
                launch("chase", regions.len())
            }
            Work::BufferFill(slice, bytes) => format!(
                "clEnqueueFillBuffer(q{queue}, b{}, {}, {}, {}, {rest})",
                slice.buffer, pattern(bytes), slice.offset, slice.size
            ),
            Work::BufferWrite(slice, seed) => {
                self.line("{");
                self.line(&host(slice.size));
                self.line(&format!("    write_bytes(host, {}, {seed}u);", slice.size));
                self.line(&format!(
                    "    OK(clEnqueueWriteBuffer(q{queue}, b{}, CL_TRUE, {}, {}, host, {rest}));",
                    slice.buffer, slice.offset, slice.size
                ));
                self.line("    free(host);");
                return self.line("}");
            }
            Work::BufferRead(slice) => {
                let name = self.expected(expected);
                self.line("{");
                self.line(&host(slice.size));
                self.line(&format!(
                    "    OK(clEnqueueReadBuffer(q{queue}, b{}, CL_TRUE, {}, {}, host, {rest}));",
                    slice.buffer, slice.offset, slice.size
                ));
                self.line(&format!("    compare(host, {name}, {}, __LINE__);", slice.size));
                self.line("    free(host);");
                return self.line("}");
            }
            Work::Marker => format!("clEnqueueMarkerWithWaitList(q{queue}, {rest})"),
            Work::Barrier => format!("clEnqueueBarrierWithWaitList(q{queue}, {rest})"),
            Work::Free(allocations, callback) => {
                self.callbacks += usize::from(*callback);
                let function = if *callback { "free_all" } else { "NULL" };
                format!(
                    "clEnqueueSVMFree(q{queue}, {}, (void *[]){{{}}}, {function}, NULL, {rest})",
                    allocations.len(), names(allocations)
                )
            }
        };
        self.line(&format!("OK({call});"));
    }

    fn number(&mut self, kernel: &str, index: u32, value: u32) {
        self.line(&format!(
            "OK(clSetKernelArg({kernel}, {index}, 4, &(cl_uint){{{value}u}}));"
        ));
    }
}

fn start(region: &Region) -> String {
    format!("a{} + {}", region.allocation, region.offset)
}

fn names(allocations: &[usize]) -> String {
    let names: Vec<String> = allocations
        .iter()
        .map(|number| format!("a{number}"))
        .collect();
    names.join(", ")
}

fn list(events: &[usize]) -> String {
    let names: Vec<String> = events.iter().map(|event| format!("e{event}")).collect();
    format!("(cl_event[]){{{}}}", names.join(", "))
}

/// The names of the bits that are set.
fn flags(value: u64, names: &[(u64, &str)]) -> String {
    let set = names.iter().filter(|(bit, _)| value & bit != 0);
    let set: Vec<&str> = set.map(|(_, name)| *name).collect();
    set.join(" | ")
}

fn memory_flags(value: u64) -> String {
    flags(
        value,
        &[
            (CL_MEM_READ_WRITE, "CL_MEM_READ_WRITE"),
            (CL_MEM_SVM_FINE_GRAIN_BUFFER, "CL_MEM_SVM_FINE_GRAIN_BUFFER"),
            (CL_MEM_SVM_ATOMICS, "CL_MEM_SVM_ATOMICS"),
        ],
    )
}

fn map_flags(value: u64) -> String {
    flags(
        value,
        &[
            (CL_MAP_READ, "CL_MAP_READ"),
            (CL_MAP_WRITE, "CL_MAP_WRITE"),
            (
                CL_MAP_WRITE_INVALIDATE_REGION,
                "CL_MAP_WRITE_INVALIDATE_REGION",
            ),
        ],
    )
}
