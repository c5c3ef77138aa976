// SPDX-License-Identifier: Apache-2.0
/* The text transformer: tokens, positions, blocks, and one token, normed and maybe projected. */
#include "text/text.h"

#include <stdlib.h>

struct text_tower {
    struct text_config config;
    struct tensor token_table; // (V, W)
    struct tensor positions;   // (context, W)
    struct linear *projection; // (E, W); ln_final comes first
    struct tensor gamma, beta; // (W): ln_final, where no projection comes after it
    struct transformer *blocks;
};

#define FIELD(name) offsetof(struct text_tower, name)

static const char block_prefix[] = "text_model.encoder.layers.%zu.";

static const struct param params[] = {
    {PARAM_TABLE, FIELD(token_table), "text_model.embeddings.token_embedding.weight", {DIM_VOCAB, DIM_WIDTH},
        ALWAYS},
    {PARAM_LINE, FIELD(positions), "text_model.embeddings.position_embedding.weight", {DIM_TOKENS, DIM_WIDTH},
        ALWAYS},
    {PARAM_LINEAR, FIELD(projection), "text_projection.weight", {DIM_EMBED, DIM_WIDTH},
        WITH_PROJECTION_MATRIX},
    {PARAM_LINEAR, FIELD(projection), "text_model.head.weight", {DIM_EMBED, DIM_WIDTH},
        WITH_PROJECTION_LAYER},
    {PARAM_BIAS, FIELD(projection), "text_model.head.bias", {DIM_EMBED}, WITH_PROJECTION_LAYER},
    {PARAM_GAMMA, FIELD(projection), "text_model.final_layer_norm.weight", {DIM_WIDTH}, WITH_PROJECTION},
    {PARAM_BETA, FIELD(projection), "text_model.final_layer_norm.bias", {DIM_WIDTH}, WITH_PROJECTION},
    {PARAM_TENSOR, FIELD(gamma), "text_model.final_layer_norm.weight", {DIM_WIDTH}, WITH_NORM_ALONE},
    {PARAM_TENSOR, FIELD(beta), "text_model.final_layer_norm.bias", {DIM_WIDTH}, WITH_NORM_ALONE},
};

enum { PARAMS = sizeof params / sizeof *params };

static void text_dims(size_t dims[DIM_COUNT], const struct text_config *config)
{
    dims[DIM_WIDTH] = config->block.width;
    dims[DIM_VOCAB] = config->vocab;
    dims[DIM_TOKENS] = config->context;
    dims[DIM_EMBED] = config->embed_width;
    dims[WITH_PROJECTION] = config->projection != PROJECTION_NONE;
    dims[WITH_PROJECTION_MATRIX] = config->projection == PROJECTION_MATRIX;
    dims[WITH_PROJECTION_LAYER] = config->projection == PROJECTION_LAYER;
    dims[WITH_NORM_ALONE] = config->projection == PROJECTION_NONE;
}

int text_tower_load(struct text_tower **out, const struct text_config *config, const struct weights *weights,
    struct device *device, struct err *err)
{
    size_t dims[DIM_COUNT] = {0};
    struct text_tower *tower = mem_new(1, sizeof *tower);
    if (!tower)
        return err_memory(err, sizeof *tower);
    tower->config = *config;
    text_dims(dims, config);
    int rc = params_load(tower, params, PARAMS, "", 0, dims, weights, device, err);
    if (!rc)
        rc = transformer_load(&tower->blocks, &config->block, block_prefix, weights, device, err);
    if (rc)
        text_tower_free(tower);
    else
        *out = tower;
    return rc;
}

int text_tower_save(const struct text_config *config, const struct weights *weights,
    struct weights_writer *writer, struct err *err)
{
    size_t dims[DIM_COUNT] = {0};
    text_dims(dims, config);
    const int rc = params_save(params, PARAMS, "", 0, dims, weights, writer, err);
    return rc ? rc : transformer_save(&config->block, block_prefix, weights, writer, err);
}

void text_tower_free(struct text_tower *tower)
{
    if (!tower)
        return;
    params_release(tower, params, PARAMS);
    transformer_free(tower->blocks);
    free(tower);
}

const char *const eot_rule_names[] = {[EOT_FIRST] = "first", [EOT_ARGMAX] = "argmax", [EOT_LAST] = "last"};

size_t text_eot(const struct text_config *config, const int32_t *ids, size_t count)
{
    size_t best = 0;
    if (config->eot_rule == EOT_LAST)
        return config->context - 1;
    for (size_t i = 0; i < count; i++) {
        if (config->eot_rule == EOT_FIRST && ids[i] == config->eot_id)
            return i;
        if (ids[i] > ids[best])
            best = i;
    }
    return config->eot_rule == EOT_FIRST ? 0 : best; /* no end: token 0, as transformers' argmax says */
}

size_t text_tokens(const struct text_config *config, const int32_t *ids, size_t count)
{
    return config->block.causal ? text_eot(config, ids, count) + 1 : config->context;
}

int text_tower_forward(const struct text_tower *tower, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor eot, struct err *err)
{
    const struct transformer_config *block = &tower->config.block;
    const size_t batch = ids.shape.size[0], tokens = ids.shape.size[1], mark = stream_mark(stream);
    struct tensor x;      // (B, T, W) float32: the residual stream
    struct tensor pooled; // (B, W) float32: the end-of-text token's last state
    int rc;

    if ((rc = tensor_new(&x, stream, DTYPE_F32, SHAPE(batch, tokens, block->width), err)) ||
        (rc = tensor_new(&pooled, stream, DTYPE_F32, SHAPE(batch, block->width), err)))
        goto done;

    if ((rc = embed_tokens(stream, x, ids, tower->token_table, tower->positions, err)) ||
        (rc = transformer_forward(tower->blocks, stream, x, NULL, block->layers - 1, err)) ||
        (rc = pool_token(tower->blocks, stream, pooled, x, eot, err)))
        goto done;
    rc = tower->projection
             ? linear_forward_normed(
                   tower->projection, stream, embeddings, pooled, block->eps, EPILOGUE_NONE, err)
             : layer_norm(stream, embeddings, pooled, tower->gamma, tower->beta, block->eps, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

size_t text_params(const struct text_config *config)
{
    size_t dims[DIM_COUNT] = {0};
    text_dims(dims, config);
    return params_count(params, PARAMS, dims) + transformer_params(&config->block);
}

double text_flops(const struct text_config *config, size_t tokens)
{
    const size_t projection = config->projection == PROJECTION_NONE ? 0 : config->embed_width;
    return transformer_flops(&config->block, tokens) + 2.0 * (double)(config->block.width * projection);
}
