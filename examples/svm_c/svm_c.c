/* The same pointer on host and device, in C: a matrix of row pointers that a kernel follows. */
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>

static const char *source =
    "kernel void row_sums(global float *global *rows, global float *sums, uint columns) {\n"
    "    global float *row = rows[get_global_id(0)];\n"
    "    float sum = 0;\n"
    "    for (uint c = 0; c < columns; c++) sum += row[c];\n"
    "    sums[get_global_id(0)] = sum;\n"
    "}\n";

static void check(cl_int code, const char *what)
{
    if (code != CL_SUCCESS) {
        fprintf(stderr, "%s: error %d\n", what, code);
        exit(1);
    }
}

int main(void)
{
    enum { ROWS = 1000, COLUMNS = 257 };
    cl_platform_id platform;
    cl_device_id device;
    cl_int code;
    check(clGetPlatformIDs(1, &platform, NULL), "clGetPlatformIDs");
    check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL), "clGetDeviceIDs");
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, &code);
    check(code, "clCreateContext");
    cl_command_queue queue = clCreateCommandQueueWithProperties(context, device, NULL, &code);
    check(code, "clCreateCommandQueueWithProperties");
    cl_program program = clCreateProgramWithSource(context, 1, &source, NULL, &code);
    check(code, "clCreateProgramWithSource");
    check(clBuildProgram(program, 1, &device, "-cl-std=CL3.0", NULL, NULL), "clBuildProgram");
    cl_kernel kernel = clCreateKernel(program, "row_sums", &code);
    check(code, "clCreateKernel");

    const cl_svm_mem_flags flags = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER;
    float **rows = clSVMAlloc(context, flags, ROWS * sizeof *rows, 0);
    float *sums = clSVMAlloc(context, flags, ROWS * sizeof *sums, 0);
    if (!rows || !sums) {
        fprintf(stderr, "clSVMAlloc failed\n");
        return 1;
    }
    for (int r = 0; r < ROWS; r++) {
        rows[r] = clSVMAlloc(context, flags, COLUMNS * sizeof **rows, 0);
        if (!rows[r]) {
            fprintf(stderr, "clSVMAlloc failed\n");
            return 1;
        }
        for (int c = 0; c < COLUMNS; c++)
            rows[r][c] = (float)(r + c);
    }
    const cl_uint columns = COLUMNS;
    const size_t global = ROWS;
    check(clSetKernelArgSVMPointer(kernel, 0, rows), "clSetKernelArgSVMPointer");
    check(clSetKernelArgSVMPointer(kernel, 1, sums), "clSetKernelArgSVMPointer");
    check(clSetKernelArg(kernel, 2, sizeof columns, &columns), "clSetKernelArg");
    check(clSetKernelExecInfo(kernel, CL_KERNEL_EXEC_INFO_SVM_PTRS, ROWS * sizeof *rows, rows),
          "clSetKernelExecInfo");
    check(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &global, NULL, 0, NULL, NULL),
          "clEnqueueNDRangeKernel");
    check(clFinish(queue), "clFinish");
    for (int r = 0; r < ROWS; r++) {
        const float expected = (float)(COLUMNS * r + COLUMNS * (COLUMNS - 1) / 2);
        if (sums[r] != expected) {
            fprintf(stderr, "row %d: %g instead of %g\n", r, sums[r], expected);
            return 1;
        }
        clSVMFree(context, rows[r]);
    }
    clSVMFree(context, sums);
    clSVMFree(context, rows);
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
    printf("C: a kernel summed %d rows through the host's table of row pointers\n", ROWS);
    return 0;
}
