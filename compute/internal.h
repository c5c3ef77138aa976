// SPDX-License-Identifier: Apache-2.0
/* Inside compute: what a device and a stream are made of, and how a kernel is launched. */
#ifndef DIPTYCH_COMPUTE_INTERNAL_H
#define DIPTYCH_COMPUTE_INTERNAL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <pthread.h>

#include "compute/program_cache.h"

_Static_assert(sizeof(size_t) == sizeof(cl_ulong), "kernels take offsets as 64-bit numbers");

/* How kernels are shaped to the device, as -D options for the compiler. */
struct tuning {
    size_t lanes;   /* work-items in a group of the kernels that hold vectors themselves: 1 on CPUs; 2^n */
    size_t queries; /* attention queries a work-item carries in the lanes of vectors: 32 on CPUs, else 1 */
};

/* device_open with the kernels shaped otherwise than the kind of device asks for: lets tests run on a CPU
 * what a GPU would. NULL: as device_open does. */
int device_open_tuned(
    struct device **out, const struct device_options *options, const struct tuning *tuning, struct err *err);

enum { GROUP = 64 }; /* work-items in a group of element-wise kernels */

/* One compiled program for each head width in use: attention keeps a query in registers, so it must know. And
 * one for each file of kernels that another folder brings. */
struct program {
    struct program *next;
    const struct kernel_source *source; /* NULL: compute's own */
    size_t head_width;
    cl_program handle;
    struct program_cache unkept; /* where device_keep_programs writes it; with path NULL, nowhere */
};

struct device {
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    bool pocl;
    int pocl_folder; /* pocl_cache_hold(); -1: not PoCL's, or it cannot be locked, and nothing is kept */
    char name[128];
    enum precision precision;
    enum dtype activations; /* what layers hand each other, but for residual sums: `real` in kernels */
    const struct layer_provider *provider; /* of a model's layers */
    const struct layer_provider *plain; /* of other products, which are not rounded to int8: else the same */
    bool weights_in_file;
    struct pool *pool; /* for native kernels of ours: as many members as CPUs; NULL: the provider has none */
    struct tuning tuning;
    pthread_mutex_t lock; /* guards programs */
    struct program *programs;
};

/* A kernel object holds its arguments, so each stream has its own. */
struct kernel {
    struct kernel *next;
    const struct kernel_source *source;
    const char *name;
    size_t head_width;
    cl_kernel handle;
};

struct stream {
    struct device *device;
    cl_command_queue queue;
    cl_mem memory;     /* NULL while planning */
    void *host_memory; /* where it lies, on CPU devices; else NULL */
    size_t size, used, peak;
    struct kernel *kernels;
    struct {
        void *memory;
        size_t size;
    } scratch;               /* see stream_scratch */
    struct plans *plans;     /* matmul()'s, of the provider that made them */
    int native_failed;       /* how a native kernel says so; looked at when the host reads */
    struct profile *profile; /* NULL: times are not taken */
};

/* For a stream that is profiled: what comes on the queue next is work of that kind, a string that outlives
 * the stream, with so many floating point operations. profile_collect takes the times of all of it. */
int profile_piece(struct stream *stream, const char *kind, double flops, struct err *err);
int profile_collect(struct stream *stream, struct err *err);
void profile_free(struct profile *profile);

/* At least so many bytes of host memory for the native kernel that runs now, at a page; what it held before
 * is lost. NULL: there are none. */
void *stream_scratch(struct stream *stream, size_t bytes);

/* A native kernel: a C function that a thread of OpenCL calls with its task. 0, or a number that says what failed. */
typedef int native_kernel(void *task, struct stream *stream);
enum { NATIVE_NO_MEMORY = 1 }; /* as dnnl_out_of_memory */

/* Puts one on the queue, to be called with a copy of the task (size bytes, 256 at most). in_memory: the task begins with a
 * char *, where OpenCL puts the host address of the stream's memory. It is one buffer and no more, since PoCL 3.1 fills in several
 * in the order they were created in, not the order they are listed in. */
int native_enqueue(struct stream *stream, native_kernel *run, const void *task, size_t size, bool in_memory,
    struct err *err);

/* Waits for all that is on the queue. */
int stream_finish(struct stream *stream, struct err *err);

/* Likewise, and copies bytes of a buffer. */
int stream_read(struct stream *stream, void *data, cl_mem from, size_t offset, size_t size, struct err *err);

static inline bool stream_plans(const struct stream *stream)
{
    return !stream->memory;
}

/* For asserts: what a layer may take for granted of a tensor. */
static inline bool tensor_is(struct tensor tensor, enum dtype dtype, struct shape shape)
{
    return tensor.dtype == dtype && shape_equal(tensor.shape, shape);
}

/* The error for an OpenCL call that returned status. */
int cl_fail(struct err *err, const char *call, cl_int status);

/* Builds (once) the program of a source for a head width; 0 for kernels that do not depend on one. */
int device_program(cl_program *out, struct device *device, const struct kernel_source *source,
    size_t head_width, struct err *err);

bool device_is_of(const struct device *device, const char *platform);
bool device_is_cpu(cl_device_id id);
bool device_runs_native(cl_device_id id); /* a CPU device whose queues take C functions */

/* A read-write buffer of so many bytes. On CPU devices it lies at *host, which is NULL elsewhere, and to free() after the buffer;
 * native kernels find it there by tensor_host(). */
int device_memory(cl_mem *out, void **host, struct device *device, size_t bytes, struct err *err);

/* Where a tensor of device_memory() lies for a native kernel, or NULL. */
void *tensor_host(struct tensor tensor);

/* On the stream's queue: out = in, of one type; zeros; and out = in, the one float32, the other real or both float32. */
int tensor_copy(struct stream *stream, struct tensor out, struct tensor in, struct err *err);
int tensor_clear(struct stream *stream, struct tensor tensor, struct err *err);
int tensor_convert(struct stream *stream, struct tensor out, struct tensor in, struct err *err);

/* A read-write buffer of its own that holds `bytes` of data: parameters. */
int device_buffer(cl_mem *out, struct device *device, const void *data, size_t bytes, struct err *err);

/* A buffer to read from where `data` is already, which must stay there; for a device of the CPU. */
int device_buffer_at(cl_mem *out, struct device *device, const void *data, size_t bytes, struct err *err);

/* Whether a model of these sizes has a row of a parameter table, and of which shape. */
bool param_is_there(const struct param *param, const size_t dims[DIM_COUNT]);
struct shape param_shape(const struct param *param, const size_t dims[DIM_COUNT]);

/* The row's values (shape), as params_load gets and params_save adds them; the latter are looked at where the writer wants them, and `outer` stands
 * before their names. */
int param_fetch(float *out, const struct param *param, const char *prefix, size_t layer, struct shape shape,
    const struct weights *weights, struct err *err);
int param_add(struct weights_writer *writer, const struct param *param, const char *outer, const char *prefix,
    size_t layer, struct shape shape, const float *values, struct err *err);

#endif
