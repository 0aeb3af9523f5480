//! The parts of a program in C that do not depend on the sequence.

/// Declarations and checks.
pub const BEGINNING: &str = r#"#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ends the program with status 1 where a code is not the one that the specification names. */
#define EXPECT(code, call)                                                                   \
    do {                                                                                     \
        cl_int seen = (call);                                                                \
        if (seen != (code)) {                                                                \
            fprintf(stderr, "%d: %s: %d expected, %d seen\n", __LINE__, #call, (code), seen); \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)
#define OK(call) EXPECT(CL_SUCCESS, call)
#define HOLDS(what)                                          \
    do {                                                     \
        if (!(what)) {                                       \
            fprintf(stderr, "%d: not %s\n", __LINE__, #what); \
            exit(1);                                         \
        }                                                    \
    } while (0)

static cl_context context;
static cl_device_id device;
static atomic_int callbacks, ready;

static cl_command_queue queue(cl_command_queue_properties wanted) {
    cl_int code;
    cl_queue_properties list[] = {CL_QUEUE_PROPERTIES, wanted, 0};
    cl_command_queue made = clCreateCommandQueueWithProperties(context, device, list, &code);
    OK(code);
    return made;
}
"#;

/// What stands there only if it is used: the word that shows it, and the text.
pub const PARTS: [(&str, &str); 7] = [
    (
        "kernel(",
        r#"
static cl_program program;

static cl_kernel kernel(const char *name) {
    cl_int code;
    cl_kernel made = clCreateKernel(program, name, &code);
    OK(code);
    return made;
}
"#,
    ),
    ("shared", "\nstatic cl_command_queue shared;\n"),
    ("bad, ", "\nstatic const unsigned char bad[16];\n"),
    (
        "write_bytes(",
        r#"
static void write_bytes(void *to, size_t size, unsigned seed) {
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)to)[i] = (unsigned char)(seed * 31u + i * 7 + (i >> 8));
}
"#,
    ),
    (
        "compare(",
        r#"
/* 256 stands for any byte. */
static void compare(const void *seen, const unsigned short *expected, size_t size, int line) {
    for (size_t i = 0; i < size; i++) {
        unsigned byte = ((const volatile unsigned char *)seen)[i];
        if (expected[i] != 256 && expected[i] != byte) {
            fprintf(stderr, "%d: byte %zu: %u expected, %u seen\n", line, i, expected[i], byte);
            exit(1);
        }
    }
}
"#,
    ),
    (
        "status_of(",
        r#"
static cl_int status_of(cl_event event) {
    cl_int status = 99;
    OK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
    return status;
}
"#,
    ),
    (
        "free_all",
        r#"
static void CL_CALLBACK free_all(cl_command_queue q, cl_uint count, void *list[], void *data) {
    (void)q;
    (void)data;
    for (cl_uint i = 0; i < count; i++)
        clSVMFree(context, list[i]);
    callbacks++;
}
"#,
    ),
];

/// What `main` does where there are kernels.
pub const BUILD: &str = r#"
    program = clCreateProgramWithSource(context, 1, &source, NULL, &code);
    OK(code);
    OK(clBuildProgram(program, 1, &device, "", NULL, NULL));
"#;

/// The beginning of `main`.
pub const MAIN: &str = r#"
int main(void) {
    cl_platform_id platform;
    cl_int code;
    OK(clGetPlatformIDs(1, &platform, NULL));
    OK(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL));
    context = clCreateContext(NULL, 1, &device, NULL, NULL, &code);
    OK(code);
"#;
