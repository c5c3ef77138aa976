// SPDX-License-Identifier: Apache-2.0
/* Layers that are matrix products, and their gradients, which are some more. */
#include "compute/gemm/gemm.h"
#include "compute/train/kernels.h"
#include "compute/train/lora.h"
#include "compute/train/rows.h"

#include <assert.h>
#include <math.h>

static const struct tensor none = {0};

/* ---- a linear layer ------------------------------------------------------------------------------------ */

static bool has_lora(const struct affine_tensors *values)
{
    return values->lora.a.shape.rank;
}

int affine_forward(struct stream *stream, struct tensor out, struct tensor in,
    const struct affine_tensors *values, bool accumulate, struct err *err)
{
    const int rc = matmul(stream, matrix_of(out), matrix_of(in), matrix_transposed(matrix_of(values->weight)),
        values->bias, accumulate, err);
    return rc || !has_lora(values) ? rc : lora_forward(stream, out, in, &values->lora, err);
}

int affine_backward(struct stream *stream, struct tensor din, const struct affine_tensors *gradients,
    struct tensor dout, struct tensor in, const struct affine_tensors *values, struct err *err)
{
    int rc = 0;
    if (din.shape.rank)
        rc = matmul(stream, matrix_of(din), matrix_of(dout), matrix_of(values->weight), none, false, err);
    if (!rc && gradients && gradients->weight.shape.rank)
        rc = matmul(stream, matrix_of(gradients->weight), matrix_transposed(matrix_of(dout)), matrix_of(in),
            none, true, err);
    if (!rc && gradients && gradients->bias.shape.rank)
        rc = add_column_sums(stream, gradients->bias, dout, err);
    if (rc || !has_lora(values))
        return rc;
    return lora_backward(stream, din, gradients ? &gradients->lora : NULL, dout, in, &values->lora, err);
}

/* ---- attention ----------------------------------------------------------------------------------------- */

/* Of a tensor (B, H, T, T) the matrices. */
static struct matrix matrix_scores(struct tensor tensor)
{
    const size_t heads = tensor.shape.size[1], tokens = tensor.shape.size[2];
    return (struct matrix){.tensor = tensor,
        .rows = tokens,
        .columns = tokens,
        .stride = tokens,
        .count = {tensor.shape.size[0], heads},
        .step = {heads * tokens * tokens, tokens * tokens}};
}

/* A grid with a work-group for each query of each head. */
static struct launch launch_queries(const char *kernel, struct stream *stream, struct tensor scores)
{
    const size_t *size = scores.shape.size;
    return (struct launch){.source = &attention_backward_source,
        .kernel = kernel,
        .groups = {size[2], size[0] * size[1]},
        .local = stream_lanes(stream)};
}

static int attention_weights(struct stream *stream, struct tensor weights, struct tensor scores, float scale,
    bool causal, struct err *err)
{
    const struct launch launch = launch_queries("attention_weights", stream, scores);
    const cl_uint tokens = (cl_uint)tensor_width(scores), masked = causal;
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(weights), ARG_TENSOR(scores), ARG(tokens), ARG(scale), ARG(masked));
}

static int attention_weights_backward(
    struct stream *stream, struct tensor weights, struct tensor dweights, float scale, struct err *err)
{
    const struct launch launch = launch_queries("attention_weights_backward", stream, dweights);
    const cl_uint tokens = (cl_uint)tensor_width(dweights);
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(weights), ARG_TENSOR(dweights), ARG(tokens), ARG(scale));
}

int attention_backward(struct stream *stream, struct tensor dqkv, struct tensor dcontext, struct tensor qkv,
    size_t heads, bool causal, struct err *err)
{
    const size_t batch = qkv.shape.size[0], tokens = qkv.shape.size[1], width = tensor_width(qkv) / 3;
    const size_t mark = stream_mark(stream);
    const float scale = 1 / sqrtf((float)(width / heads));
    const struct shape shape = SHAPE(batch, heads, tokens, tokens);
    const enum dtype real = stream_dtype(stream);
    assert(width % heads == 0 && tensor_is(qkv, real, SHAPE(batch, tokens, 3 * width)));
    assert(tensor_is(dqkv, real, qkv.shape) && tensor_is(dcontext, real, SHAPE(batch, tokens, width)));
    const struct matrix q = matrix_heads(qkv, 3, 0, heads), dq = matrix_heads(dqkv, 3, 0, heads),
                        k = matrix_heads(qkv, 3, 1, heads), dk = matrix_heads(dqkv, 3, 1, heads),
                        v = matrix_heads(qkv, 3, 2, heads), dv = matrix_heads(dqkv, 3, 2, heads),
                        dc = matrix_heads(dcontext, 1, 0, heads);
    struct tensor scores, weights; // (B, H, T, T) float32, then their gradients; real
    int rc = tensor_new(&scores, stream, DTYPE_F32, shape, err);
    if (!rc)
        rc = tensor_new(&weights, stream, real, shape, err);
    if (rc)
        goto done;
    const struct matrix s = matrix_scores(scores), w = matrix_scores(weights);
    if ((rc = matmul(stream, s, q, matrix_transposed(k), none, false, err)) ||
        (rc = attention_weights(stream, weights, scores, scale, causal, err)) ||
        (rc = matmul(stream, dv, matrix_transposed(w), dc, none, false, err)) ||
        (rc = matmul(stream, s, dc, matrix_transposed(v), none, false, err)) ||
        (rc = attention_weights_backward(stream, weights, scores, scale, err)) ||
        (rc = matmul(stream, dq, w, k, none, false, err)))
        goto done;
    rc = matmul(stream, dk, matrix_transposed(w), q, none, false, err);
done:
    stream_rewind(stream, mark);
    return rc;
}
