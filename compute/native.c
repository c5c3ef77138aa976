// SPDX-License-Identifier: Apache-2.0
/* Native kernels: C functions on a queue of OpenCL, and how the host waits for what is there. */
#include "compute/internal.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* OpenCL's library has threads of its own and is not built for ThreadSanitizer, which so does not see that what a stream was
 * handed happens before its kernels run, nor that they end before the host has waited for them. It is told. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
static void happens_before(struct stream *stream)
{
    __tsan_release(stream);
}

static void happens_after(struct stream *stream)
{
    __tsan_acquire(stream);
}
#else
static void happens_before(struct stream *stream)
{
    (void)stream;
}

static void happens_after(struct stream *stream)
{
    (void)stream;
}
#endif

/* What OpenCL copies and hands back to call_run. */
struct native_call {
    native_kernel *run;
    struct stream *stream;
    max_align_t task[256 / sizeof(max_align_t)];
};

static void CL_CALLBACK call_run(void *argument)
{
    struct native_call *call = argument;
    happens_after(call->stream);
    const int failed = call->run(call->task, call->stream);
    if (failed)
        call->stream->native_failed = failed;
    happens_before(call->stream);
}

int native_enqueue(
    struct stream *stream, native_kernel *run, const void *task, size_t size, bool in_memory, struct err *err)
{
    struct native_call call = {.run = run, .stream = stream};
    const void *place = call.task;
    assert(size <= sizeof call.task);
    memcpy(call.task, task, size);
    happens_before(stream);
    const cl_int status = clEnqueueNativeKernel(stream->queue, call_run, &call, sizeof call, in_memory,
        in_memory ? &stream->memory : NULL, in_memory ? &place : NULL, 0, NULL, NULL);
    return status ? cl_fail(err, "clEnqueueNativeKernel", status) : 0;
}

int stream_finish(struct stream *stream, struct err *err)
{
    const cl_int status = clFinish(stream->queue);
    happens_after(stream);
    return status ? cl_fail(err, "clFinish", status) : 0;
}

int stream_read(struct stream *stream, void *data, cl_mem from, size_t offset, size_t size, struct err *err)
{
    const cl_int status =
        clEnqueueReadBuffer(stream->queue, from, CL_TRUE, offset, size, data, 0, NULL, NULL);
    happens_after(stream);
    return status ? cl_fail(err, "clEnqueueReadBuffer", status) : 0;
}
