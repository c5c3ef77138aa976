// SPDX-License-Identifier: Apache-2.0
#include "compute/gemm/native_attention.h"
#include "compute/gemm/gemm.h"

/* What the native kernel is called with. `memory`: see native_enqueue(). */
struct attention_task {
    char *memory;
    size_t context_at, qkv_at; /* bytes */
    size_t batch;
    struct native_attention attention;
    const struct attention_kernel *kernel;
    char *scratch; // (members, scratch_bytes)
    size_t scratch_bytes;
};

static void head_attend(void *context, size_t member, size_t i)
{
    const struct attention_task *task = context;
    const size_t heads = task->attention.heads;
    task->kernel->attend(
        &task->attention, i / heads, i % heads, task->scratch + member * task->scratch_bytes);
}

static int attention_run(void *argument, struct stream *stream)
{
    struct attention_task *task = argument;
    task->attention.qkv = task->memory + task->qkv_at;
    task->attention.context = task->memory + task->context_at;
    struct pool *pool = stream->device->pool;
    task->scratch = stream_scratch(stream, pool_members(pool) * task->scratch_bytes);
    if (!task->scratch)
        return NATIVE_NO_MEMORY;
    pool_loop(pool, task->batch * task->attention.heads, head_attend, task);
    return 0;
}

int native_attend(const struct attention_kernel *kernel, struct stream *stream, struct tensor context,
    struct tensor qkv, size_t batch, size_t tokens, const struct sequences *sequences,
    struct head_shape shape, struct err *err)
{
    struct attention_task task = {
        .context_at = context.offset * dtype_size(context.dtype),
        .qkv_at = qkv.offset * dtype_size(qkv.dtype),
        .batch = sequences ? sequences->count : batch,
        .attention = {.tokens = tokens,
            .heads = shape.heads,
            .head_width = shape.width,
            .starts = sequences ? sequences->host_starts : NULL,
            .causal = shape.causal,
            .unseen = shape.unseen},
        .kernel = kernel,
        .scratch_bytes = kernel->bytes(sequences ? sequences->longest : tokens, shape.width),
    };
    return native_enqueue(stream, attention_run, &task, sizeof task, true, err);
}
