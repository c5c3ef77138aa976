// SPDX-License-Identifier: Apache-2.0
/* The transformer for training: its blocks forward, keeping what their gradients need. What is computed stands in compute/transformer.c. */
#include "compute/train/blocks.h"
#include "compute/train/lora.h"
#include "compute/transformer.h"

#include <stdlib.h>

static const struct tensor none = {0};

/* Of all blocks, as they are trained. */
static int add_parameters(struct trained_transformer *transformer, const char *prefix,
    struct parameters *parameters, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    const struct tower_training *training = &transformer->training;
    const size_t from = training->part == TOWER_ALL ? TRAIN_FROM_FIRST : TRAIN_NONE;
    size_t dims[DIM_COUNT] = {0};
    int rc = transformer_parameters(
        config, prefix, from, parameters, transformer->values, transformer->gradients, err);
    block_dims(dims, config);
    for (size_t i = 0; i < config->layers && training->part == TOWER_LORA && !rc; i++)
        rc = lora_parameters(training->lora, prefix, i, dims, parameters, &transformer->values[i],
            &transformer->gradients[i], err);
    return rc;
}

int trained_transformer_new(struct trained_transformer **out, const struct transformer_config *config,
    const char *prefix, struct parameters *parameters, const struct tower_training *training, struct err *err)
{
    int rc = transformer_config_check(config, err);
    if (rc)
        return rc;
    if (config->rotary.grid || config->unseen || config->norm_place != NORM_BEFORE)
        return err_set(err, ERR_UNSUPPORTED,
            "blocks with rotary positions, tokens that none sees or norms after their layers cannot be "
            "trained");
    struct trained_transformer *transformer = mem_new(1, sizeof *transformer);
    if (!transformer)
        return err_memory(err, sizeof *transformer);
    transformer->config = *config;
    transformer->training = *training;
    transformer->values = mem_new(config->layers, sizeof *transformer->values);
    transformer->gradients = mem_new(config->layers, sizeof *transformer->gradients);
    transformer->kept = mem_new(config->layers, sizeof *transformer->kept);
    rc = transformer->values && transformer->gradients && transformer->kept
             ? add_parameters(transformer, prefix, parameters, err)
             : err_memory(err, config->layers * sizeof *transformer->kept);
    if (rc)
        trained_transformer_free(transformer);
    else
        *out = transformer;
    return rc;
}

void trained_transformer_free(struct trained_transformer *transformer)
{
    if (!transformer)
        return;
    free(transformer->values);
    free(transformer->gradients);
    free(transformer->kept);
    free(transformer);
}

int scratch_new(struct scratch *scratch, const struct transformer_config *config, struct stream *stream,
    struct shape x, struct err *err)
{
    const size_t batch = x.size[0], tokens = x.size[1], width = config->width;
    const size_t widest = 3 * width > config->mlp_width ? 3 * width : config->mlp_width;
    const enum dtype real = stream_dtype(stream);
    int rc = tensor_new(&scratch->normed, stream, real, x, err);
    if (!rc)
        rc = tensor_new(&scratch->dnormed, stream, real, x, err);
    if (!rc)
        rc = tensor_new(&scratch->wide, stream, real, SHAPE(batch, tokens, widest), err);
    if (!rc && real != DTYPE_F32)
        rc = tensor_new(&scratch->dx, stream, real, x, err);
    return rc;
}

bool block_picks(const struct trained_transformer *transformer, size_t layer)
{
    return transformer->picks && layer == transformer->config.layers - 1;
}

/* Memory for what is always kept of a block beside x. */
static int inputs_new(
    struct trained_transformer *transformer, size_t layer, struct stream *stream, struct err *err)
{
    struct block_kept *kept = &transformer->kept[layer];
    const size_t batch = kept->x.shape.size[0], tokens = kept->x.shape.size[1],
                 width = transformer->config.width;
    return tensor_new(&kept->qkv, stream, stream_dtype(stream), SHAPE(batch, tokens, 3 * width), err);
}

int middle_new(struct trained_transformer *transformer, size_t layer, struct stream *stream, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    struct block_kept *kept = &transformer->kept[layer];
    const bool picks = block_picks(transformer, layer);
    const size_t rows = picks ? kept->x.shape.size[0] : tensor_rows(kept->x), width = config->width;
    const enum dtype real = stream_dtype(stream);
    int rc;
    if ((rc = tensor_new(&kept->context, stream, real, kept->x.shape, err)) ||
        (picks && (rc = tensor_new(&kept->rows, stream, DTYPE_F32, SHAPE(rows, width), err))) ||
        (picks && (rc = tensor_new(&kept->seen, stream, real, SHAPE(rows, width), err))) ||
        (rc = tensor_new(&kept->middle, stream, DTYPE_F32, SHAPE(rows, width), err)))
        return rc;
    if (!picks) {
        kept->rows = tensor_view(kept->x, kept->middle.shape);
        kept->seen = tensor_view(kept->context, kept->middle.shape);
    }
    return tensor_new(&kept->hidden, stream, real, SHAPE(rows, config->mlp_width), err);
}

/* ---- forward ------------------------------------------------------------------------------------------- */

/* qkv of norm_1(x) */
static int qkv_forward(const struct trained_transformer *transformer, size_t layer, struct stream *stream,
    const struct scratch *scratch, struct err *err)
{
    const struct block_tensors *values = &transformer->values[layer];
    const struct block_kept *kept = &transformer->kept[layer];
    const struct norm_tensors *norm = &values->norm_1;
    const int rc =
        layer_norm(stream, scratch->normed, kept->x, norm->gamma, norm->beta, transformer->config.eps, err);
    return rc ? rc : affine_forward(stream, kept->qkv, scratch->normed, &values->qkv, false, err);
}

/* middle = rows + projection of attention, and hidden = fc_1(norm_2(middle)) */
int hide_forward(const struct trained_transformer *transformer, size_t layer, struct stream *stream,
    const struct scratch *scratch, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    const struct block_tensors *values = &transformer->values[layer];
    const struct block_kept *kept = &transformer->kept[layer];
    const struct norm_tensors *norm = &values->norm_2;
    const struct tensor normed = tensor_view(scratch->normed, kept->middle.shape), pick = transformer->pick;
    const bool picks = block_picks(transformer, layer);
    int rc;
    if ((rc = attention(stream, kept->context, kept->qkv, NULL, config->heads, config->causal, 0, err)) ||
        (picks && (rc = gather_rows(stream, kept->rows, kept->x, pick, err))) ||
        (picks && (rc = gather_rows(stream, kept->seen, kept->context, pick, err))) ||
        (rc = tensor_copy(stream, kept->middle, kept->rows, err)) ||
        (rc = affine_forward(stream, kept->middle, kept->seen, &values->out, true, err)) ||
        (rc = layer_norm(stream, normed, kept->middle, norm->gamma, norm->beta, config->eps, err)))
        return rc;
    return affine_forward(stream, kept->hidden, normed, &values->fc_1, false, err);
}

/* out (R, W) = middle + fc_2(activation(hidden)) */
static int out_forward(const struct trained_transformer *transformer, size_t layer, struct stream *stream,
    const struct scratch *scratch, struct tensor out, struct err *err)
{
    const struct block_kept *kept = &transformer->kept[layer];
    const struct tensor activated = tensor_view(scratch->wide, kept->hidden.shape);
    int rc = activate(stream, activated, kept->hidden, transformer->config.activation, err);
    if (!rc)
        rc = tensor_copy(stream, out, kept->middle, err);
    return rc ? rc : affine_forward(stream, out, activated, &transformer->values[layer].fc_2, true, err);
}

/* Whether nothing of the blocks is trained. */
static bool only_runs(const struct trained_transformer *transformer)
{
    return transformer->training.part == TOWER_PROJECTION;
}

/* Memory for what goes into all blocks and comes out, and what else is kept of them: one's result is what goes into the next,
 * *out the last one's. Of blocks that only run the next takes the place of the one before. */
static int keep(struct trained_transformer *transformer, struct stream *stream, struct tensor *out,
    struct tensor x, struct err *err)
{
    const size_t batch = x.shape.size[0], width = tensor_width(x);
    const bool only = only_runs(transformer);
    int rc = 0;
    *out = x;
    for (size_t i = 0; i < transformer->config.layers && !rc; i++) {
        const bool picks = block_picks(transformer, i);
        transformer->kept[i].x = *out;
        if (!only)
            rc = inputs_new(transformer, i, stream, err);
        if (!rc && !only && !transformer->training.recomputes)
            rc = middle_new(transformer, i, stream, err);
        if (!rc && (picks || !only))
            rc = tensor_new(out, stream, DTYPE_F32, picks ? SHAPE(batch, width) : x.shape, err);
    }
    return rc;
}

/* And for what is not, while a block runs. */
static int pass_new(
    struct trained_transformer *transformer, size_t layer, struct stream *stream, struct err *err)
{
    int rc = only_runs(transformer) ? inputs_new(transformer, layer, stream, err) : 0;
    if (!rc && (only_runs(transformer) || transformer->training.recomputes))
        rc = middle_new(transformer, layer, stream, err);
    return rc;
}

int trained_transformer_forward(struct trained_transformer *transformer, struct stream *stream,
    struct tensor *out, struct tensor x, const struct tensor *pick, struct err *err)
{
    const size_t layers = transformer->config.layers;
    struct scratch scratch;
    transformer->picks = pick != NULL;
    transformer->pick = pick ? *pick : none;
    int rc = keep(transformer, stream, out, x, err);
    const size_t kept = stream_mark(stream);
    if (!rc)
        rc = scratch_new(&scratch, &transformer->config, stream, x.shape, err);
    const size_t mark = stream_mark(stream);
    for (size_t i = 0; i < layers && !rc; i++, stream_rewind(stream, mark))
        if ((rc = pass_new(transformer, i, stream, err)) ||
            (rc = qkv_forward(transformer, i, stream, &scratch, err)) ||
            (rc = hide_forward(transformer, i, stream, &scratch, err)) ||
            (rc = out_forward(
                 transformer, i, stream, &scratch, i + 1 < layers ? transformer->kept[i + 1].x : *out, err)))
            break;
    stream_rewind(stream, kept);
    return rc;
}
