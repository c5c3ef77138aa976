// SPDX-License-Identifier: Apache-2.0
/*
 * Stands between a test and Oclgrind: .ci/check-kernels preloads it.
 *
 * Oclgrind 21.10 keeps one account a buffer of which bytes are initialised, and begins it anew, in the size of
 * what is written, each time the host writes. With many tensors in one buffer, as we have, nearly all of it
 * then passes for uninitialised, and what kernels write is not noted. So each buffer is written whole once,
 * when it is made, and what comes later goes through a mapping, which leaves the account alone. What is lost is
 * word of a kernel that reads global memory nobody wrote; of private and local memory all is told.
 *
 * Each launch adds a line with the kernel's name to the file DIPTYCH_KERNELS_RUN.
 */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

/* The function that this one stands in front of. */
#define NEXT(function)                                                                                       \
    (((union {                                                                                               \
        void *object;                                                                                        \
        __typeof__(&function) call;                                                                          \
    }){dlsym(RTLD_NEXT, #function)})                                                                         \
            .call)

static cl_int write_whole(cl_context context, cl_mem buffer, size_t size)
{
    cl_device_id device;
    cl_int status = clGetContextInfo(context, CL_CONTEXT_DEVICES, sizeof device, &device, NULL);
    cl_command_queue queue = status ? NULL : clCreateCommandQueue(context, device, 0, &status);
    char *bytes = malloc(size);
    if (!status && !(status = bytes ? 0 : CL_OUT_OF_HOST_MEMORY) &&
        !(status = clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, size, bytes, 0, NULL, NULL)))
        status = NEXT(clEnqueueWriteBuffer)(queue, buffer, CL_TRUE, 0, size, bytes, 0, NULL, NULL);
    free(bytes);
    if (queue)
        clReleaseCommandQueue(queue);
    return status;
}

EXPORTED cl_mem clCreateBuffer(
    cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *status)
{
    cl_int ignored;
    status = status ? status : &ignored;
    if (flags & CL_MEM_USE_HOST_PTR) /* memory that may be mapped from a file, to be read only */
        flags ^= CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR;
    cl_mem buffer = NEXT(clCreateBuffer)(context, flags, size, host, status);
    if (!*status && (*status = write_whole(context, buffer, size))) {
        clReleaseMemObject(buffer);
        return NULL;
    }
    return buffer;
}

EXPORTED cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
    size_t size, const void *data, cl_uint wait_count, const cl_event *wait, cl_event *event)
{
    cl_int status;
    (void)blocking; /* always */
    void *to = clEnqueueMapBuffer(
        queue, buffer, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, offset, size, wait_count, wait, NULL, &status);
    if (status)
        return status;
    memcpy(to, data, size);
    status = clEnqueueUnmapMemObject(queue, buffer, to, 0, NULL, event);
    return status ? status : clFinish(queue);
}

EXPORTED cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint axes,
    const size_t *offset, const size_t *global, const size_t *local, cl_uint wait_count, const cl_event *wait,
    cl_event *event)
{
    const char *path = getenv("DIPTYCH_KERNELS_RUN");
    char name[128] = "";
    FILE *list = path ? fopen(path, "a") : NULL;
    if (list) {
        clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL);
        fprintf(list, "%s\n", name);
        fclose(list);
    }
    return NEXT(clEnqueueNDRangeKernel)(queue, kernel, axes, offset, global, local, wait_count, wait, event);
}

/* CLBlast lets go of its programs when the process ends, after Oclgrind has let go of what it needs for that. */
EXPORTED cl_int clReleaseProgram(cl_program program)
{
    (void)program;
    return CL_SUCCESS;
}
