// SPDX-License-Identifier: Apache-2.0
/* Pooling by attention for training: compute/pooling.c is its twin. What is kept is 2 W of each token, and of each picture 3 W + M:
 * norms, activations and the weights of attention are made again. */
#include "compute/train/kernels.h"
#include "compute/train/rows.h"
#include "compute/transformer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static const struct tensor none = {0};

struct trained_pool {
    struct attention_pool_config config;
    struct attention_pool_tensors values, gradients;
    struct {
        struct tensor x;       // (B, T, W) float32
        struct tensor query;   // (W) float32, scaled
        struct tensor kv;      // (B, T, 2*W)
        struct tensor context; // (B, W)
        struct tensor middle;  // (B, W) float32: before the MLP
        struct tensor hidden;  // (B, M): before the activation
    } kept;
};

int trained_pool_new(struct trained_pool **out, const struct attention_pool_config *config, bool trained,
    struct parameters *parameters, struct err *err)
{
    if (!config->mlp_width || config->queries || config->pooled_width != config->width)
        return err_set(err, ERR_UNSUPPORTED, "pooling by attention with several queries cannot be trained");
    struct trained_pool *pool = mem_new(1, sizeof *pool);
    if (!pool)
        return err_memory(err, sizeof *pool);
    pool->config = *config;
    const int rc = attention_pool_parameters(
        config, trained ? TRAIN_FROM_FIRST : TRAIN_NONE, parameters, &pool->values, &pool->gradients, err);
    if (rc)
        trained_pool_free(pool);
    else
        *out = pool;
    return rc;
}

void trained_pool_free(struct trained_pool *pool)
{
    free(pool);
}

int scale_floats(struct stream *stream, struct tensor out, struct tensor in, float by, struct err *err)
{
    const cl_uint count = (cl_uint)shape_count(in.shape);
    const struct launch launch = {.source = &pool_backward_source,
        .kernel = "scale_floats",
        .groups = {groups_of(count, GROUP)},
        .local = GROUP};
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(in), ARG(count), ARG(by));
}

int attend_once_backward(struct stream *stream, struct tensor dkv, struct tensor dqueries,
    struct tensor dcontext, struct tensor query, struct tensor kv, size_t heads, struct err *err)
{
    const size_t batch = kv.shape.size[0], tokens = kv.shape.size[1], width = tensor_width(kv) / 2,
                 mark = stream_mark(stream);
    const struct launch launch = {.source = &pool_backward_source,
        .kernel = "attend_once_backward",
        .groups = {heads, batch},
        .local = stream_lanes(stream)};
    const cl_uint t = (cl_uint)tokens, head_width = (cl_uint)(width / heads);
    const enum dtype real = stream_dtype(stream);
    struct tensor weights; // (B, H, 2, T): of attention; gradients by scores
    assert(width % heads == 0 && tensor_is(kv, real, SHAPE(batch, tokens, 2 * width)));
    assert(tensor_is(dkv, real, kv.shape) && tensor_is(dcontext, real, SHAPE(batch, width)));
    assert(tensor_is(dqueries, DTYPE_F32, SHAPE(batch, width)) && tensor_is(query, DTYPE_F32, SHAPE(width)));
    int rc = tensor_new(&weights, stream, DTYPE_F32, SHAPE(batch, heads, 2, tokens), err);
    if (!rc)
        rc = KERNEL_RUN(stream, &launch, err, ARG_TENSOR(dkv), ARG_TENSOR(dqueries), ARG_TENSOR(weights),
            ARG_TENSOR(dcontext), ARG_TENSOR(query), ARG_TENSOR(kv), ARG(t), ARG(head_width));
    stream_rewind(stream, mark);
    return rc;
}

/* ---- forward ------------------------------------------------------------------------------------------- */

static float query_scale(const struct trained_pool *pool)
{
    return 1 / sqrtf((float)(pool->config.width / pool->config.heads));
}

/* The query, no picture's. */
static int query_forward(struct trained_pool *pool, struct stream *stream, struct err *err)
{
    const struct attention_pool_tensors *values = &pool->values;
    const size_t width = pool->config.width;
    const struct tensor row = tensor_view(pool->kept.query, SHAPE(1, width));
    const int rc = affine_forward(stream, row, values->probe, &values->query, false, err);
    return rc ? rc : scale_floats(stream, row, row, query_scale(pool), err);
}

static int kept_new(struct trained_pool *pool, struct stream *stream, struct tensor x, struct err *err)
{
    const size_t batch = x.shape.size[0], tokens = x.shape.size[1], width = pool->config.width;
    const enum dtype real = stream_dtype(stream);
    int rc;
    pool->kept.x = x;
    if ((rc = tensor_new(&pool->kept.query, stream, DTYPE_F32, SHAPE(width), err)) ||
        (rc = tensor_new(&pool->kept.kv, stream, real, SHAPE(batch, tokens, 2 * width), err)) ||
        (rc = tensor_new(&pool->kept.context, stream, real, SHAPE(batch, width), err)) ||
        (rc = tensor_new(&pool->kept.middle, stream, DTYPE_F32, SHAPE(batch, width), err)))
        return rc;
    return tensor_new(&pool->kept.hidden, stream, real, SHAPE(batch, pool->config.mlp_width), err);
}

int trained_pool_forward(
    struct trained_pool *pool, struct stream *stream, struct tensor pooled, struct tensor x, struct err *err)
{
    const struct attention_pool_config *config = &pool->config;
    const struct attention_pool_tensors *values = &pool->values;
    const enum dtype real = stream_dtype(stream);
    struct tensor normed, row, activated; // (B, T, W), (B, W) and (B, M) real
    int rc = kept_new(pool, stream, x, err);
    const size_t mark = stream_mark(stream);
    if (rc || (rc = tensor_new(&normed, stream, real, x.shape, err)) ||
        (rc = tensor_new(&row, stream, real, pooled.shape, err)) ||
        (rc = tensor_new(&activated, stream, real, pool->kept.hidden.shape, err)) ||
        (rc = query_forward(pool, stream, err)) ||
        (rc = layer_norm(stream, normed, x, values->norm.gamma, values->norm.beta, config->eps, err)) ||
        (rc = affine_forward(stream, pool->kept.kv, normed, &values->kv, false, err)) ||
        (rc = attend_once(
             stream, pool->kept.context, pool->kept.query, pool->kept.kv, NULL, config->heads, err)) ||
        (rc = affine_forward(stream, pool->kept.middle, pool->kept.context, &values->out, false, err)) ||
        (rc = layer_norm(stream, row, pool->kept.middle, values->mlp_norm.gamma, values->mlp_norm.beta,
             config->eps, err)) ||
        (rc = affine_forward(stream, pool->kept.hidden, row, &values->fc_1, false, err)) ||
        (rc = activate(stream, activated, pool->kept.hidden, config->activation, err)) ||
        (rc = tensor_copy(stream, pooled, pool->kept.middle, err)))
        goto done;
    rc = affine_forward(stream, pooled, activated, &values->fc_2, true, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* ---- backward ------------------------------------------------------------------------------------------ */

/* d (B, W), the gradients by pooled, become those by middle, with the MLP of its norm. Of `row` (B, W) real there are two. */
static int mlp_backward(struct trained_pool *pool, struct stream *stream, struct tensor d,
    const struct tensor row[2], struct err *err)
{
    const struct attention_pool_tensors *values = &pool->values, *gradients = &pool->gradients;
    const struct norm_tensors *norm = &values->mlp_norm;
    const struct tensor hidden = pool->kept.hidden, middle = pool->kept.middle;
    const float eps = pool->config.eps;
    struct tensor dhidden; // (B, M)
    int rc;
    if ((rc = tensor_new(&dhidden, stream, hidden.dtype, hidden.shape, err)) ||
        (rc = tensor_convert(stream, row[0], d, err)) ||
        (rc = affine_backward(stream, dhidden, NULL, row[0], hidden, &values->fc_2, err)) ||
        (rc = activation_backward(stream, dhidden, hidden, pool->config.activation, err)) ||
        (rc = affine_backward(stream, none, &gradients->fc_2, row[0], hidden, &values->fc_2, err)) ||
        (rc = layer_norm(stream, row[0], middle, norm->gamma, norm->beta, eps, err)) ||
        (rc = affine_backward(stream, row[1], &gradients->fc_1, dhidden, row[0], &values->fc_1, err)))
        return rc;
    return layer_norm_backward(stream, d, &gradients->mlp_norm, row[1], middle, norm, eps, true, err);
}

/* Of dqueries (B, W). */
static int query_backward(
    struct trained_pool *pool, struct stream *stream, struct tensor dqueries, struct err *err)
{
    const struct attention_pool_tensors *values = &pool->values, *gradients = &pool->gradients;
    const struct shape row = SHAPE(1, pool->config.width), flat = SHAPE(pool->config.width);
    struct tensor dquery, dprobe; // (W) and (1, W) float32
    int rc;
    if (!gradients->probe.shape.rank)
        return 0;
    if ((rc = tensor_new(&dquery, stream, DTYPE_F32, flat, err)) ||
        (rc = tensor_new(&dprobe, stream, DTYPE_F32, row, err)) || (rc = tensor_clear(stream, dquery, err)) ||
        (rc = add_column_sums(stream, dquery, dqueries, err)) ||
        (rc = scale_floats(stream, dquery, dquery, query_scale(pool), err)) ||
        (rc = affine_backward(stream, dprobe, &gradients->query, tensor_view(dquery, row), values->probe,
             &values->query, err)))
        return rc;
    return add_rows(stream, gradients->probe, dprobe, err);
}

int trained_pool_backward(struct trained_pool *pool, struct stream *stream, struct tensor dx,
    struct tensor dpooled, struct err *err)
{
    const struct attention_pool_config *config = &pool->config;
    const struct attention_pool_tensors *values = &pool->values, *gradients = &pool->gradients;
    const size_t mark = stream_mark(stream);
    const enum dtype real = stream_dtype(stream);
    const struct tensor x = pool->kept.x, kv = pool->kept.kv;
    struct tensor d, row[2], dkv, dqueries, normed,
        dnormed; // (B, W) float32, then real, like kv, (B, W) float32, twice like x
    int rc;
    if ((rc = tensor_new(&d, stream, DTYPE_F32, dpooled.shape, err)) ||
        (rc = tensor_copy(stream, d, dpooled, err)) ||
        (rc = tensor_new(&row[0], stream, real, dpooled.shape, err)) ||
        (rc = tensor_new(&row[1], stream, real, dpooled.shape, err)) ||
        (rc = tensor_new(&dkv, stream, real, kv.shape, err)) ||
        (rc = tensor_new(&dqueries, stream, DTYPE_F32, dpooled.shape, err)) ||
        (rc = tensor_new(&normed, stream, real, x.shape, err)) ||
        (rc = tensor_new(&dnormed, stream, real, x.shape, err)) ||
        (rc = mlp_backward(pool, stream, d, row, err)) || (rc = tensor_convert(stream, row[0], d, err)) ||
        (rc = affine_backward(
             stream, row[1], &gradients->out, row[0], pool->kept.context, &values->out, err)) ||
        (rc = attend_once_backward(
             stream, dkv, dqueries, row[1], pool->kept.query, kv, config->heads, err)) ||
        (rc = query_backward(pool, stream, dqueries, err)) ||
        (rc = layer_norm(stream, normed, x, values->norm.gamma, values->norm.beta, config->eps, err)) ||
        (rc = affine_backward(stream, dnormed, &gradients->kv, dkv, normed, &values->kv, err)))
        goto done;
    rc =
        layer_norm_backward(stream, dx, &gradients->norm, dnormed, x, &values->norm, config->eps, false, err);
done:
    stream_rewind(stream, mark);
    return rc;
}
