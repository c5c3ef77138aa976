// SPDX-License-Identifier: Apache-2.0
/* An in-order queue, and one buffer that activations are handed out of like a stack. */
#include "compute/gemm/gemm.h"

#include <assert.h>
#include <stdlib.h>

enum { ALIGN = 64 }; /* bytes: the widest vector any device loads */

enum dtype stream_dtype(const struct stream *stream)
{
    return stream->device->activations;
}

int device_memory(cl_mem *out, void **host, struct device *device, size_t bytes, struct err *err)
{
    cl_int status;
    cl_mem_flags where = 0;
    if (device_is_cpu(device->id) && (*host = mem_large(bytes)))
        where = CL_MEM_USE_HOST_PTR;
    *out = clCreateBuffer(device->context, CL_MEM_READ_WRITE | where, bytes, *host, &status);
    return status ? cl_fail(err, "clCreateBuffer", status) : 0;
}

void *tensor_host(struct tensor tensor)
{
    char *host = NULL;
    if (clGetMemObjectInfo(tensor.buffer, CL_MEM_HOST_PTR, sizeof host, &host, NULL) || !host)
        return NULL;
    return host + tensor.offset * dtype_size(tensor.dtype);
}

static int open_memory(struct stream *stream, size_t bytes, struct err *err)
{
    struct device *device = stream->device;
    cl_int status;
    stream->queue = clCreateCommandQueue(device->context, device->id, 0, &status);
    if (status)
        return cl_fail(err, "clCreateCommandQueue", status);
    const int rc = device_memory(&stream->memory, &stream->host_memory, device, bytes, err);
    if (rc)
        err_wrap(err, "no %zu bytes for activations on '%s': try a smaller batch", bytes, device->name);
    return rc;
}

int stream_open(struct stream **out, struct device *device, size_t bytes, struct err *err)
{
    struct stream *stream = mem_new(1, sizeof *stream);
    if (!stream)
        return err_memory(err, sizeof *stream);
    stream->device = device;
    stream->size = bytes ? bytes : SIZE_MAX;
    int rc = bytes ? open_memory(stream, bytes, err) : 0;
    if (rc)
        stream_free(stream);
    else
        *out = stream;
    return rc;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    if (stream->queue)
        stream_finish(stream, NULL);
    for (struct kernel *kernel = stream->kernels, *next; kernel; kernel = next) {
        next = kernel->next;
        clReleaseKernel(kernel->handle);
        free(kernel);
    }
    profile_free(stream->profile);
    if (stream->plans)
        matmul_provider(stream->device)->plans_free(stream->plans);
    if (stream->memory)
        clReleaseMemObject(stream->memory);
    if (stream->queue)
        clReleaseCommandQueue(stream->queue);
    free(stream->host_memory);
    free(stream->scratch.memory);
    free(stream);
}

void *stream_scratch(struct stream *stream, size_t bytes)
{
    if (stream->scratch.size < bytes) {
        free(stream->scratch.memory);
        stream->scratch.memory = mem_large(bytes);
        stream->scratch.size = stream->scratch.memory ? bytes : 0;
    }
    return stream->scratch.memory;
}

size_t stream_lanes(const struct stream *stream)
{
    return stream->device->tuning.lanes;
}

size_t stream_peak(const struct stream *stream)
{
    return stream->peak;
}

struct device *stream_device(const struct stream *stream)
{
    return stream->device;
}

size_t stream_mark(const struct stream *stream)
{
    return stream->used;
}

void stream_rewind(struct stream *stream, size_t mark)
{
    stream->used = mark;
}

int tensor_new(
    struct tensor *out, struct stream *stream, enum dtype dtype, struct shape shape, struct err *err)
{
    size_t bytes = dtype_size(dtype), end;
    bool fits = true;
    for (size_t axis = 0; axis < shape.rank; axis++)
        fits = fits && size_mul(&bytes, bytes, shape.size[axis]);
    if (!fits || !size_add(&bytes, bytes, ALIGN - 1))
        return err_set(err, ERR_LIMIT, "a tensor of so many elements is too large");
    bytes -= bytes % ALIGN;
    if (!size_add(&end, stream->used, bytes) || end > stream->size)
        return err_set(err, ERR_LIMIT, "the batch is larger than the one its memory was planned for");
    *out = (struct tensor){stream->memory, stream->used / dtype_size(dtype), shape, dtype};
    stream->used = end;
    if (stream->peak < end)
        stream->peak = end;
    return 0;
}

int tensor_write(struct stream *stream, struct tensor to, const void *data, size_t count, struct err *err)
{
    assert(count <= shape_count(to.shape));
    if (stream_plans(stream))
        return 0;
    const size_t size = dtype_size(to.dtype);
    int rc = profile_piece(stream, "write", 0, err);
    if (rc)
        return rc;
    cl_int status = clEnqueueWriteBuffer(
        stream->queue, to.buffer, CL_TRUE, to.offset * size, count * size, data, 0, NULL, NULL);
    return status ? cl_fail(err, "clEnqueueWriteBuffer", status) : 0;
}

int tensor_read(struct stream *stream, void *data, struct tensor from, size_t count, struct err *err)
{
    assert(count <= shape_count(from.shape));
    if (stream_plans(stream))
        return 0;
    const size_t size = dtype_size(from.dtype);
    int rc = profile_piece(stream, "read", 0, err);
    if (rc || (rc = stream_read(stream, data, from.buffer, from.offset * size, count * size, err)) ||
        (rc = profile_collect(stream, err)))
        return rc;
    const int failed = stream->native_failed;
    stream->native_failed = 0; /* out of memory in this batch need not be in the next */
    if (failed)
        return err_set(err, ERR_DEVICE, "a native kernel of %s failed: status %d",
            stream->device->provider->name, failed);
    return 0;
}

int tensor_copy(struct stream *stream, struct tensor out, struct tensor in, struct err *err)
{
    const size_t size = dtype_size(in.dtype), count = shape_count(in.shape);
    assert(out.dtype == in.dtype && shape_count(out.shape) == count);
    int rc = profile_piece(stream, "copy", 0, err);
    if (rc || stream_plans(stream))
        return rc;
    const cl_int status = clEnqueueCopyBuffer(stream->queue, in.buffer, out.buffer, in.offset * size,
        out.offset * size, count * size, 0, NULL, NULL);
    return status ? cl_fail(err, "clEnqueueCopyBuffer", status) : 0;
}

int tensor_clear(struct stream *stream, struct tensor tensor, struct err *err)
{
    static const cl_float16 zeros = {{0}};
    const size_t size = dtype_size(tensor.dtype), bytes = shape_count(tensor.shape) * size;
    const size_t pattern = bytes % sizeof zeros ? size : sizeof zeros;
    int rc = profile_piece(stream, "clear", 0, err);
    if (rc || stream_plans(stream))
        return rc;
    const cl_int status = clEnqueueFillBuffer(
        stream->queue, tensor.buffer, &zeros, pattern, tensor.offset * size, bytes, 0, NULL, NULL);
    return status ? cl_fail(err, "clEnqueueFillBuffer", status) : 0;
}

int tensor_wrap(struct tensor *out, struct stream *stream, const void *data, size_t bytes, struct err *err)
{
    const struct device *device = stream->device;
    cl_int status;
    void *from = (void *)data; /* only read */
    const cl_mem_flags how = device_is_cpu(device->id) ? CL_MEM_USE_HOST_PTR : CL_MEM_COPY_HOST_PTR;
    cl_mem buffer = clCreateBuffer(device->context, CL_MEM_READ_ONLY | how, bytes, from, &status);
    if (status)
        return cl_fail(err, "clCreateBuffer", status);
    *out = (struct tensor){buffer, 0, SHAPE(bytes), DTYPE_U8};
    return 0;
}

void tensor_unwrap(struct tensor *tensor)
{
    if (tensor->buffer)
        clReleaseMemObject(tensor->buffer);
    *tensor = (struct tensor){0};
}
