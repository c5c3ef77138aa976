// SPDX-License-Identifier: Apache-2.0
/* Pooling: from the states of all tokens of a sequence to one. */
#include "compute/transformer.h"

#include <math.h>
#include <stdlib.h>

/* ---- by a token ---------------------------------------------------------------------------------------- */

/* In the last block the other tokens are keys and values only, so nothing else of them is computed there. */
int pool_token(const struct transformer *transformer, struct stream *stream, struct tensor pooled,
    struct tensor x, const struct sequences *sequences, struct tensor pick, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    const struct block *last = &transformer->blocks[config->layers - 1];
    const size_t mark = stream_mark(stream);
    struct tensor context; // (B, W): of the picked tokens
    struct workspace workspace;
    int rc;
    if ((rc = workspace_new(&workspace, config, stream, x.shape, err)) ||
        (rc = tensor_new(&context, stream, stream_dtype(stream), pooled.shape, err)) ||
        (rc = block_attend(last, transformer, stream, &workspace, x, sequences, err)) ||
        (rc = gather_rows(stream, pooled, x, pick, err)) ||
        (rc = gather_rows(stream, context, workspace.context, pick, err)))
        goto done;
    rc = block_finish(last, transformer, stream, &workspace, pooled, context, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* ---- by attention -------------------------------------------------------------------------------------- */

struct attention_pool {
    struct attention_pool_config config;
    float *probe;                     // (E), or the queries (Q, E), of which the first is meant
    float *probe_gamma, *probe_beta;  // (E); of queries
    float *query_weight, *query_bias; // (E, E) and (E)
    struct tensor query;              // (H, D) float32: the probe projected and scaled, the same for all
    struct linear *kv;                // (2*E, W); the norm of all tokens comes first
    struct linear *out;               // (E, E)
    struct linear *fc_1;              // (M, E); the norm of the pooled row comes first
    struct linear *fc_2;              // (E, M)
};

#define FIELD(name) offsetof(struct attention_pool, name)
#define HEAD(name) "vision_model.head." name
#define LEARNED(name) TRAINED(struct attention_pool_tensors, name)

static const struct param query_params[] = {
    {PARAM_VALUES, FIELD(probe), HEAD("probe"), {DIM_PROBES, DIM_POOLED}, WITH_POOL_MLP, LEARNED(probe)},
    {PARAM_VALUES, FIELD(probe), HEAD("probe"), {DIM_QUERIES, DIM_POOLED}, WITH_POOL_QUERIES, UNTRAINED},
    {PARAM_VALUES, FIELD(probe_gamma), HEAD("query_layernorm.weight"), {DIM_POOLED}, WITH_POOL_QUERIES,
        UNTRAINED},
    {PARAM_VALUES, FIELD(probe_beta), HEAD("query_layernorm.bias"), {DIM_POOLED}, WITH_POOL_QUERIES,
        UNTRAINED},
    {PARAM_VALUES, FIELD(query_weight), HEAD("attention.q_proj.weight"), {DIM_POOLED, DIM_POOLED}, ALWAYS,
        LEARNED(query.weight)},
    {PARAM_VALUES, FIELD(query_bias), HEAD("attention.q_proj.bias"), {DIM_POOLED}, ALWAYS,
        LEARNED(query.bias)},
};

static const struct param pool_params[] = {
    {PARAM_LINEAR, FIELD(kv), HEAD("attention.{k,v}_proj.weight"), {DIM_2POOLED, DIM_WIDTH}, ALWAYS,
        LEARNED(kv.weight)},
    {PARAM_BIAS, FIELD(kv), HEAD("attention.{k,v}_proj.bias"), {DIM_2POOLED}, ALWAYS, LEARNED(kv.bias)},
    {PARAM_GAMMA, FIELD(kv), "vision_model.post_layernorm.weight", {DIM_WIDTH}, WITH_POOL_MLP,
        LEARNED(norm.gamma)},
    {PARAM_BETA, FIELD(kv), "vision_model.post_layernorm.bias", {DIM_WIDTH}, WITH_POOL_MLP,
        LEARNED(norm.beta)},
    {PARAM_GAMMA, FIELD(kv), HEAD("token_layernorm.weight"), {DIM_WIDTH}, WITH_POOL_QUERIES, UNTRAINED},
    {PARAM_BETA, FIELD(kv), HEAD("token_layernorm.bias"), {DIM_WIDTH}, WITH_POOL_QUERIES, UNTRAINED},
    {PARAM_LINEAR_EXACT, FIELD(out), HEAD("attention.out_proj.weight"), {DIM_POOLED, DIM_POOLED}, ALWAYS,
        LEARNED(out.weight)},
    {PARAM_BIAS, FIELD(out), HEAD("attention.out_proj.bias"), {DIM_POOLED}, ALWAYS, LEARNED(out.bias)},
    {PARAM_LINEAR_EXACT, FIELD(fc_1), HEAD("mlp.fc1.weight"), {DIM_MLP, DIM_POOLED}, WITH_POOL_MLP,
        LEARNED(fc_1.weight)},
    {PARAM_BIAS, FIELD(fc_1), HEAD("mlp.fc1.bias"), {DIM_MLP}, WITH_POOL_MLP, LEARNED(fc_1.bias)},
    {PARAM_GAMMA, FIELD(fc_1), HEAD("layernorm.weight"), {DIM_POOLED}, WITH_POOL_MLP,
        LEARNED(mlp_norm.gamma)},
    {PARAM_BETA, FIELD(fc_1), HEAD("layernorm.bias"), {DIM_POOLED}, WITH_POOL_MLP, LEARNED(mlp_norm.beta)},
    {PARAM_LINEAR_EXACT, FIELD(fc_2), HEAD("mlp.fc2.weight"), {DIM_POOLED, DIM_MLP}, WITH_POOL_MLP,
        LEARNED(fc_2.weight)},
    {PARAM_BIAS, FIELD(fc_2), HEAD("mlp.fc2.bias"), {DIM_POOLED}, WITH_POOL_MLP, LEARNED(fc_2.bias)},
};

enum {
    QUERY_PARAMS = sizeof query_params / sizeof *query_params,
    POOL_PARAMS = sizeof pool_params / sizeof *pool_params,
};

static void pool_dims(size_t dims[DIM_COUNT], const struct attention_pool_config *config)
{
    dims[DIM_WIDTH] = config->width;
    dims[DIM_POOLED] = config->pooled_width;
    dims[DIM_2POOLED] = 2 * config->pooled_width;
    dims[DIM_MLP] = config->mlp_width;
    dims[DIM_QUERIES] = config->queries;
    dims[DIM_PROBES] = 1;
    dims[WITH_POOL_MLP] = config->mlp_width > 0;
    dims[WITH_POOL_QUERIES] = config->queries > 0;
}

int attention_pool_parameters(const struct attention_pool_config *config, size_t trained_from,
    struct parameters *parameters, struct attention_pool_tensors *values,
    struct attention_pool_tensors *gradients, struct err *err)
{
    size_t dims[DIM_COUNT] = {0};
    pool_dims(dims, config);
    const int rc = parameters_add(
        parameters, query_params, QUERY_PARAMS, "", 0, dims, values, gradients, trained_from, err);
    return rc ? rc
              : parameters_add(
                    parameters, pool_params, POOL_PARAMS, "", 0, dims, values, gradients, trained_from, err);
}

/* The layer norm of the first query, in place. */
static void norm_query(const struct attention_pool *pool)
{
    const size_t width = pool->config.pooled_width;
    double mean = 0, variance = 0;
    for (size_t i = 0; i < width; i++)
        mean += (double)pool->probe[i] / (double)width;
    for (size_t i = 0; i < width; i++)
        variance += pow((double)pool->probe[i] - mean, 2) / (double)width;
    const double scale = 1 / sqrt(variance + (double)pool->config.eps);
    for (size_t i = 0; i < width; i++)
        pool->probe[i] = (float)(((double)pool->probe[i] - mean) * scale * (double)pool->probe_gamma[i] +
                                 (double)pool->probe_beta[i]);
}

/* The query is no picture's: it is projected once, and its scores' 1/sqrt(D) goes into it. */
static int make_query(struct attention_pool *pool, struct device *device, struct err *err)
{
    const size_t width = pool->config.pooled_width, bytes = width * sizeof(float);
    const double scale = 1 / sqrt((double)(width / pool->config.heads));
    float *query = mem_new(width, sizeof *query);
    if (!query)
        return err_memory(err, bytes);
    if (pool->config.queries)
        norm_query(pool);
    for (size_t n = 0; n < width; n++) {
        double sum = (double)pool->query_bias[n];
        for (size_t k = 0; k < width; k++)
            sum += (double)pool->query_weight[n * width + k] * (double)pool->probe[k];
        query[n] = (float)(sum * scale);
    }
    pool->query = (struct tensor){.shape = SHAPE(width), .dtype = DTYPE_F32};
    const int rc = device_buffer(&pool->query.buffer, device, query, bytes, err);
    free(query);
    return rc;
}

int attention_pool_load(struct attention_pool **out, const struct attention_pool_config *config,
    const struct weights *weights, struct device *device, struct err *err)
{
    size_t dims[DIM_COUNT] = {0};
    struct attention_pool *pool = mem_new(1, sizeof *pool);
    if (!pool)
        return err_memory(err, sizeof *pool);
    pool->config = *config;
    pool_dims(dims, config);
    int rc = params_load(pool, query_params, QUERY_PARAMS, "", 0, dims, weights, device, err);
    if (!rc)
        rc = make_query(pool, device, err);
    params_release(pool, query_params, QUERY_PARAMS);
    if (!rc)
        rc = params_load(pool, pool_params, POOL_PARAMS, "", 0, dims, weights, device, err);
    if (rc)
        attention_pool_free(pool);
    else
        *out = pool;
    return rc;
}

void attention_pool_free(struct attention_pool *pool)
{
    if (!pool)
        return;
    params_release(pool, pool_params, POOL_PARAMS);
    if (pool->query.buffer)
        clReleaseMemObject(pool->query.buffer);
    free(pool);
}

int pool_attention(const struct attention_pool *pool, struct stream *stream, struct tensor pooled,
    struct tensor x, const struct sequences *sequences, struct err *err)
{
    const struct attention_pool_config *config = &pool->config;
    const size_t batch = x.shape.size[0], tokens = x.shape.size[1], width = config->pooled_width;
    const size_t count = sequences ? sequences->count : batch;
    const enum dtype real = stream_dtype(stream);
    const enum epilogue activation = activation_epilogue(config->activation);
    const size_t mark = stream_mark(stream);
    struct tensor kv;      // (B, T, 2*E)
    struct tensor context; // (B, E)
    struct tensor hidden;  // (B, M)
    int rc;
    if ((rc = tensor_new(&kv, stream, real, SHAPE(batch, tokens, 2 * width), err)) ||
        (rc = tensor_new(&context, stream, real, SHAPE(count, width), err)) ||
        (rc = linear_forward_normed(pool->kv, stream, kv, x, config->eps, EPILOGUE_NONE, err)) ||
        (rc = attend_once(stream, context, pool->query, kv, sequences, config->heads, err)) ||
        (rc = linear_forward(pool->out, stream, pooled, context, EPILOGUE_NONE, err)) || !config->mlp_width)
        goto done;
    if ((rc = tensor_new(&hidden, stream, real, SHAPE(count, config->mlp_width), err)) ||
        (rc = linear_forward_normed(pool->fc_1, stream, hidden, pooled, config->eps, activation, err)))
        goto done;
    rc = linear_forward(pool->fc_2, stream, pooled, hidden, EPILOGUE_ADD, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

size_t attention_pool_params(const struct attention_pool_config *config)
{
    size_t dims[DIM_COUNT] = {0};
    pool_dims(dims, config);
    return params_count(query_params, QUERY_PARAMS, dims) + params_count(pool_params, POOL_PARAMS, dims);
}

double attention_pool_flops(const struct attention_pool_config *config, size_t tokens)
{
    const double t = (double)tokens, w = (double)config->width, m = (double)config->mlp_width;
    const double e = (double)config->pooled_width;
    return 2 * t * w * 2 * e + 4 * t * e + 2 * e * (e + 2 * m); /* kv, attention, out and mlp of one row */
}
