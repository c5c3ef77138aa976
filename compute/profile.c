// SPDX-License-Identifier: Apache-2.0
/*
 * Where a stream's time goes. A marker goes on the queue before each piece of work; a piece takes from the
 * end of its marker to the end of the next one, so pieces add up to the whole, gaps between launches
 * included, and it does not matter how a GEMM provider launches its own. Profiling times of native kernels
 * and of CLBlast's several kernels would each need a way of their own.
 */
#include "compute/gemm/gemm.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct piece {
    cl_event marker;
    const char *kind;
    double flops;
};

struct profile {
    struct piece *pieces; /* on the queue and not yet timed */
    size_t count, room;
    struct profile_row rows[PROFILE_ROWS_MAX];
    size_t row_count;
};

/* Only a queue that was made for it keeps times. Kernels and memory do not belong to a queue. */
int stream_profile(struct stream *stream, struct err *err)
{
    cl_int status;
    struct profile *profile = mem_new(1, sizeof *profile);
    if (!profile)
        return err_memory(err, sizeof *profile);
    cl_command_queue queue =
        clCreateCommandQueue(stream->device->context, stream->device->id, CL_QUEUE_PROFILING_ENABLE, &status);
    if (status) {
        free(profile);
        return cl_fail(err, "clCreateCommandQueue", status);
    }
    const int rc = stream_finish(stream, err);
    clReleaseCommandQueue(stream->queue);
    profile_free(stream->profile);
    stream->queue = queue;
    stream->profile = profile;
    return rc;
}

static void drop_pieces(struct profile *profile)
{
    for (size_t i = 0; i < profile->count; i++)
        clReleaseEvent(profile->pieces[i].marker);
    profile->count = 0;
}

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    drop_pieces(profile);
    free(profile->pieces);
    free(profile);
}

int profile_piece(struct stream *stream, const char *kind, double flops, struct err *err)
{
    struct profile *profile = stream->profile;
    if (!profile)
        return 0;
    const int rc = array_grow(profile->pieces, &profile->room, profile->count + 1, err);
    if (rc)
        return rc;
    struct piece *piece = &profile->pieces[profile->count];
    *piece = (struct piece){.kind = kind, .flops = flops};
    const cl_int status = clEnqueueMarkerWithWaitList(stream->queue, 0, NULL, &piece->marker);
    if (status)
        return cl_fail(err, "clEnqueueMarkerWithWaitList", status);
    profile->count++;
    return 0;
}

static struct profile_row *row_of(struct profile *profile, const char *kind)
{
    size_t i = 0;
    while (i < profile->row_count && strcmp(profile->rows[i].kind, kind))
        i++;
    assert(i < PROFILE_ROWS_MAX);
    if (i == profile->row_count)
        profile->rows[profile->row_count++] = (struct profile_row){.kind = kind};
    return &profile->rows[i];
}

int profile_collect(struct stream *stream, struct err *err)
{
    struct profile *profile = stream->profile;
    if (!profile)
        return 0;
    int rc = profile_piece(stream, NULL, 0, err);
    if (!rc)
        rc = stream_finish(stream, err);
    cl_int status = CL_SUCCESS;
    cl_ulong began = 0, ended = 0;
    for (size_t i = 0; i < profile->count && !rc && !status; i++, began = ended) {
        status = clGetEventProfilingInfo(
            profile->pieces[i].marker, CL_PROFILING_COMMAND_END, sizeof ended, &ended, NULL);
        if (!i || status)
            continue;
        const struct piece *piece = &profile->pieces[i - 1];
        struct profile_row *row = row_of(profile, piece->kind);
        row->launches++;
        row->seconds += 1e-9 * (double)(ended - began);
        row->flops += piece->flops;
    }
    drop_pieces(profile);
    return status ? cl_fail(err, "clGetEventProfilingInfo", status) : rc;
}

size_t stream_profile_rows(struct stream *stream, struct profile_row rows[PROFILE_ROWS_MAX])
{
    struct profile *profile = stream->profile;
    const size_t count = profile ? profile->row_count : 0;
    for (size_t i = 0; i < count; i++)
        rows[i] = profile->rows[i];
    if (profile)
        profile->row_count = 0;
    return count;
}
