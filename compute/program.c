// SPDX-License-Identifier: Apache-2.0
/* The kernels of compute/kernels/, embedded at build time: compiling them for a device and launching them. */
#include "compute/internal.h"
#include "compute/pocl_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h" /* made by CMake: struct embedded { name, text } kernel_sources[], ends with NULL */

enum { SOURCES_MAX = 32 };

/* The beginning of what the compiler said. OpenCL gives a log whole or not at all. */
static void build_log(char *out, size_t size, cl_program program, const struct device *device)
{
    size_t length = 0;
    clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &length);
    char *log = mem_new(length, 1);
    const bool read =
        log && length && !clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, length, log, NULL);
    snprintf(out, size, "%s", read ? log : "it does not say why");
    free(log);
}

/* Files of a program, each whole, after a #line that makes the compiler's messages name it. */
struct texts {
    const char *parts[2 * SOURCES_MAX];
    char lines[SOURCES_MAX][96];
    cl_uint count;
};

static void texts_add(struct texts *texts, const char *folder, const char *name, const char *text)
{
    char *line = texts->lines[texts->count / 2];
    snprintf(line, sizeof texts->lines[0], "\n#line 1 \"%s%s\"\n", folder, name);
    texts->parts[texts->count++] = line;
    texts->parts[texts->count++] = text;
}

/* All of compute's files, or only common.cl, the first, and what another folder brings. */
static void texts_list(struct texts *texts, const struct kernel_source *source)
{
    texts->count = 0;
    for (size_t i = 0; kernel_sources[i].name && i < (source ? 1 : SOURCES_MAX); i++)
        texts_add(texts, "compute/kernels/", kernel_sources[i].name, kernel_sources[i].text);
    if (source)
        texts_add(texts, "", source->path, source->text);
}

/* From source. */
static int compile(cl_program *out, const struct device *device, const struct texts *texts,
    const char *options, struct err *err)
{
    cl_int status;
    const char **parts = (const char **)texts->parts; /* OpenCL forgets that it only reads them */
    *out = clCreateProgramWithSource(device->context, texts->count, parts, NULL, &status);
    if (status)
        return cl_fail(err, "clCreateProgramWithSource", status);
    if (clBuildProgram(*out, 1, &device->id, options, NULL, NULL)) {
        char log[700];
        build_log(log, sizeof log, *out, device);
        clReleaseProgram(*out);
        return err_set(
            err, ERR_DEVICE, "the kernels do not compile on '%s' with %s: %s", device->name, options, log);
    }
    return 0;
}

/* Whether programs of the device can be kept now; then keeping_end. */
static bool keeping_begin(const struct device *device)
{
    return !device->pocl || pocl_cache_take(device->pocl_folder);
}

static void keeping_end(const struct device *device)
{
    if (device->pocl)
        pocl_cache_share(device->pocl_folder);
}

static int build(struct program *out, const struct device *device, struct err *err)
{
    static const char *const real_types[] = {
        [DTYPE_F32] = "REAL_F32", [DTYPE_BF16] = "REAL_BF16", [DTYPE_F16] = "REAL_F16"};
    struct texts texts;
    struct program_cache cache;
    char options[256];
    int rc = 0;

    texts_list(&texts, out->source);
    snprintf(options, sizeof options,
        "-cl-std=CL1.2 -D %s -D LANES=%zu -D QUERIES=%zu -D GROUP=%d -D HEAD_WIDTH=%zu",
        real_types[device->activations], device->tuning.lanes, device->tuning.queries, GROUP,
        out->head_width);
    program_cache_open(&cache, device, options, texts.parts, texts.count);
    if (!program_cache_load(&out->handle, &cache, device, options)) {
        rc = compile(&out->handle, device, &texts, options, err);
        if (!rc && cache.later) {
            out->unkept = cache;
            return 0;
        }
        if (!rc && keeping_begin(device)) {
            program_cache_store(&cache, out->handle);
            keeping_end(device);
        }
    }
    program_cache_close(&cache);
    return rc;
}

int device_program(cl_program *out, struct device *device, const struct kernel_source *source,
    size_t head_width, struct err *err)
{
    int rc = 0;
    pthread_mutex_lock(&device->lock);
    struct program *program = device->programs;
    while (program && (program->source != source || program->head_width != head_width))
        program = program->next;
    if (!program) {
        program = mem_new(1, sizeof *program);
        if (program)
            *program = (struct program){.source = source, .head_width = head_width};
        rc = program ? build(program, device, err) : err_memory(err, sizeof *program);
        if (rc) {
            free(program);
        } else {
            program->next = device->programs;
            device->programs = program;
        }
    }
    if (!rc)
        *out = program->handle;
    pthread_mutex_unlock(&device->lock);
    return rc;
}

void device_keep_programs(struct device *device)
{
    if (!keeping_begin(device))
        return;
    pthread_mutex_lock(&device->lock);
    for (struct program *program = device->programs; program; program = program->next) {
        program_cache_store(&program->unkept, program->handle);
        program_cache_close(&program->unkept);
    }
    pthread_mutex_unlock(&device->lock);
    keeping_end(device);
}

static int kernel_fail(struct err *err, const char *kernel, const char *call, cl_int status)
{
    int rc = cl_fail(err, call, status);
    err_wrap(err, "kernel '%s'", kernel);
    return rc;
}

/* The stream's own kernel object, made on first use. */
static int kernel_get(cl_kernel *out, struct stream *stream, const struct launch *launch, struct err *err)
{
    for (struct kernel *kernel = stream->kernels; kernel; kernel = kernel->next)
        if (kernel->source == launch->source && kernel->head_width == launch->head_width &&
            !strcmp(kernel->name, launch->kernel)) {
            *out = kernel->handle;
            return 0;
        }
    cl_program program;
    int rc = device_program(&program, stream->device, launch->source, launch->head_width, err);
    if (rc)
        return rc;
    struct kernel *kernel = mem_new(1, sizeof *kernel);
    if (!kernel)
        return err_memory(err, sizeof *kernel);
    cl_int status;
    kernel->handle = clCreateKernel(program, launch->kernel, &status);
    if (status) {
        free(kernel);
        return kernel_fail(err, launch->kernel, "clCreateKernel", status);
    }
    kernel->source = launch->source;
    kernel->name = launch->kernel;
    kernel->head_width = launch->head_width;
    kernel->next = stream->kernels;
    stream->kernels = kernel;
    *out = kernel->handle;
    return 0;
}

int kernel_run(struct stream *stream, const struct launch *launch, const struct kernel_argument *arguments,
    size_t count, struct err *err)
{
    if (stream_plans(stream))
        return 0;
    cl_kernel kernel = NULL;
    int rc = kernel_get(&kernel, stream, launch, err);
    if (!rc)
        rc = profile_piece(stream, launch->kernel, launch->flops, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++) {
        cl_int status = clSetKernelArg(kernel, (cl_uint)i, arguments[i].size, arguments[i].value);
        if (status)
            return kernel_fail(err, launch->kernel, "clSetKernelArg", status);
    }

    size_t global[3], local[3];
    for (int axis = 0; axis < 3; axis++) {
        local[axis] = axis ? 1 : launch->local;
        global[axis] = (launch->groups[axis] ? launch->groups[axis] : 1) * local[axis];
    }
    cl_int status = clEnqueueNDRangeKernel(stream->queue, kernel, 3, NULL, global, local, 0, NULL, NULL);
    return status ? kernel_fail(err, launch->kernel, "clEnqueueNDRangeKernel", status) : 0;
}
