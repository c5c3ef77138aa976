// SPDX-License-Identifier: Apache-2.0
/* The transformer for training: its blocks forward, keeping what their gradients need, and backward. Letters are those of
 * compute.h; what is computed stands in compute/transformer.c. */
#include "compute/train/train.h"
#include "compute/transformer.h"

#include <assert.h>
#include <stdlib.h>

static const struct tensor none = {0};

/* What is kept of a block: 10 W of each row where M is 4 W, or where it recomputes 4 W, which is x and qkv: to make the rest
 * again takes 5 of a block's 12 W^2 products. Norms, activations and the weights of attention are always made again.
 * R is B*T, but where the last block goes on with the tokens that are picked: then it is B. */
struct block_kept {
    struct tensor x;       // (B, T, W) float32: what goes in
    struct tensor qkv;     // (B, T, 3*W)
    struct tensor context; // (B, T, W)
    struct tensor rows;    // (R, W) float32: of x; all of it, or those that are picked
    struct tensor seen;    // (R, W): of context
    struct tensor middle;  // (R, W) float32: rows + attention
    struct tensor hidden;  // (R, M): before the activation
};

struct trained_transformer {
    struct transformer_config config;
    struct block_tensors *values, *gradients; // (layers)
    struct block_kept *kept;                  // (layers)
    bool recomputes;
    bool picks;         /* the forward pass gave picked tokens */
    struct tensor pick; // (B) int32, or no shape: the first of each
};

/* For one block at a time. */
struct scratch {
    struct tensor normed;  // (B, T, W) real: what a norm gives, which a linear layer took
    struct tensor dnormed; // (B, T, W) real: the gradients by that; of context, too
    struct tensor wide;    // (B, T, M or 3*W) real: activated; then the gradients by hidden, and those by qkv
    struct tensor dx;      // (B, T, W) real: the residual stream's gradients as linear layers take them
};

int trained_transformer_new(struct trained_transformer **out, const struct transformer_config *config,
    const char *prefix, struct parameters *parameters, bool recomputes, struct err *err)
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
    transformer->recomputes = recomputes;
    transformer->values = mem_new(config->layers, sizeof *transformer->values);
    transformer->gradients = mem_new(config->layers, sizeof *transformer->gradients);
    transformer->kept = mem_new(config->layers, sizeof *transformer->kept);
    rc = transformer->values && transformer->gradients && transformer->kept
             ? transformer_parameters(
                   config, prefix, parameters, transformer->values, transformer->gradients, err)
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

static int scratch_new(struct scratch *scratch, const struct transformer_config *config,
    struct stream *stream, struct shape x, struct err *err)
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

/* Whether the block goes on with some of its tokens after attention. */
static bool block_picks(const struct trained_transformer *transformer, size_t layer)
{
    return transformer->picks && layer == transformer->config.layers - 1;
}

/* Memory for what is always kept of a block of x. */
static int inputs_new(struct trained_transformer *transformer, size_t layer, struct stream *stream,
    struct tensor x, struct err *err)
{
    const size_t batch = x.shape.size[0], tokens = x.shape.size[1], width = transformer->config.width;
    struct block_kept *kept = &transformer->kept[layer];
    kept->x = x;
    return tensor_new(&kept->qkv, stream, stream_dtype(stream), SHAPE(batch, tokens, 3 * width), err);
}

/* And for the rest. */
static int middle_new(
    struct trained_transformer *transformer, size_t layer, struct stream *stream, struct err *err)
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

/* middle = rows + projection of attention, and hidden = fc_1(norm_2(middle)), of qkv */
static int hide_forward(const struct trained_transformer *transformer, size_t layer, struct stream *stream,
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

/* Memory for what is kept of all blocks, one's result being what goes into the next; *out is the last one's. */
static int keep(struct trained_transformer *transformer, struct stream *stream, struct tensor *out,
    struct tensor x, struct err *err)
{
    const size_t batch = x.shape.size[0], width = tensor_width(x);
    int rc = 0;
    *out = x;
    for (size_t i = 0; i < transformer->config.layers && !rc; i++) {
        rc = inputs_new(transformer, i, stream, *out, err);
        if (!rc && !transformer->recomputes)
            rc = middle_new(transformer, i, stream, err);
        if (!rc)
            rc = tensor_new(
                out, stream, DTYPE_F32, block_picks(transformer, i) ? SHAPE(batch, width) : x.shape, err);
    }
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
        if ((rc = transformer->recomputes ? middle_new(transformer, i, stream, err) : 0) ||
            (rc = qkv_forward(transformer, i, stream, &scratch, err)) ||
            (rc = hide_forward(transformer, i, stream, &scratch, err)) ||
            (rc = out_forward(
                 transformer, i, stream, &scratch, i + 1 < layers ? transformer->kept[i + 1].x : *out, err)))
            break;
    stream_rewind(stream, kept);
    return rc;
}

/* ---- backward ------------------------------------------------------------------------------------------ */

/* The residual stream's gradients as a linear layer takes them. */
static int round_stream(struct tensor *out, struct stream *stream, const struct scratch *scratch,
    struct tensor dx, struct err *err)
{
    *out = dx;
    if (stream_dtype(stream) == DTYPE_F32)
        return 0;
    *out = tensor_view(scratch->dx, dx.shape);
    return tensor_convert(stream, *out, dx, err);
}

/* dx (R, W), the gradients by out, become those by middle, with mlp(norm_2(middle)). What is kept of hidden is used up. */
static int mlp_backward(const struct trained_transformer *transformer, size_t layer, struct stream *stream,
    const struct scratch *scratch, struct tensor dx, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    const struct block_tensors *values = &transformer->values[layer],
                               *gradients = &transformer->gradients[layer];
    const struct block_kept *kept = &transformer->kept[layer];
    const struct tensor normed = tensor_view(scratch->normed, kept->middle.shape),
                        dnormed = tensor_view(scratch->dnormed, kept->middle.shape),
                        dhidden = tensor_view(scratch->wide, kept->hidden.shape), activated = kept->hidden;
    const struct norm_tensors *norm = &values->norm_2;
    struct tensor d;
    int rc;
    if ((rc = round_stream(&d, stream, scratch, dx, err)) ||
        (rc = affine_backward(stream, dhidden, NULL, d, activated, &values->fc_2, err)) ||
        (rc = activation_backward(stream, dhidden, kept->hidden, config->activation, err)) ||
        (rc = affine_backward(stream, none, &gradients->fc_2, d, activated, &values->fc_2, err)) ||
        (rc = layer_norm(stream, normed, kept->middle, norm->gamma, norm->beta, config->eps, err)) ||
        (rc = affine_backward(stream, dnormed, &gradients->fc_1, dhidden, normed, &values->fc_1, err)))
        return rc;
    return layer_norm_backward(
        stream, dx, &gradients->norm_2, dnormed, kept->middle, norm, config->eps, true, err);
}

/* dseen (R, W), of dx (R, W), the gradients by middle. */
static int projection_backward(const struct trained_transformer *transformer, size_t layer,
    struct stream *stream, const struct scratch *scratch, struct tensor dseen, struct tensor dx,
    struct err *err)
{
    const struct tensor seen = transformer->kept[layer].seen;
    struct tensor d;
    const int rc = round_stream(&d, stream, scratch, dx, err);
    return rc ? rc
              : affine_backward(stream, dseen, &transformer->gradients[layer].out, d, seen,
                    &transformer->values[layer].out, err);
}

/* dx (B, T, W) += the gradients by x of attention(norm_1(x)), of dcontext (B, T, W). */
static int attend_backward(const struct trained_transformer *transformer, size_t layer, struct stream *stream,
    const struct scratch *scratch, struct tensor dcontext, struct tensor dx, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    const struct block_tensors *values = &transformer->values[layer],
                               *gradients = &transformer->gradients[layer];
    const struct block_kept *kept = &transformer->kept[layer];
    const struct tensor normed = scratch->normed, dnormed = scratch->dnormed,
                        dqkv = tensor_view(scratch->wide, kept->qkv.shape);
    const struct norm_tensors *norm = &values->norm_1;
    int rc;
    if ((rc = attention_backward(stream, dqkv, dcontext, kept->qkv, config->heads, config->causal, err)) ||
        (rc = layer_norm(stream, normed, kept->x, norm->gamma, norm->beta, config->eps, err)) ||
        (rc = affine_backward(stream, dnormed, &gradients->qkv, dqkv, normed, &values->qkv, err)))
        return rc;
    return layer_norm_backward(
        stream, dx, &gradients->norm_1, dnormed, kept->x, norm, config->eps, true, err);
}

/* Of rows that were picked, dseen and drows, to gradients of all: zeros elsewhere. */
static int spread(const struct trained_transformer *transformer, struct stream *stream,
    struct tensor dcontext, struct tensor dseen, struct tensor dx, struct tensor drows, struct err *err)
{
    const int rc = gather_rows_backward(stream, dcontext, dseen, transformer->pick, err);
    return rc ? rc : gather_rows_backward(stream, dx, drows, transformer->pick, err);
}

int trained_transformer_backward(struct trained_transformer *transformer, struct stream *stream,
    struct tensor dx, struct tensor dout, struct err *err)
{
    const size_t before = stream_mark(stream);
    struct scratch scratch;
    assert(transformer->picks ? dout.shape.rank == 2 : dout.offset == dx.offset);
    int rc = scratch_new(&scratch, &transformer->config, stream, dx.shape, err);
    const size_t mark = stream_mark(stream);
    for (size_t i = transformer->config.layers; i-- > 0 && !rc; stream_rewind(stream, mark)) {
        const bool picks = block_picks(transformer, i);
        if (transformer->recomputes && ((rc = middle_new(transformer, i, stream, err)) ||
                                           (rc = hide_forward(transformer, i, stream, &scratch, err))))
            break;
        const struct shape rows = transformer->kept[i].rows.shape;
        const struct tensor dcontext = scratch.dnormed, drows = tensor_view(picks ? dout : dx, rows),
                            dseen = tensor_view(picks ? scratch.wide : dcontext, rows);
        if ((rc = mlp_backward(transformer, i, stream, &scratch, drows, err)) ||
            (rc = projection_backward(transformer, i, stream, &scratch, dseen, drows, err)) ||
            (picks && (rc = spread(transformer, stream, dcontext, dseen, dx, drows, err))) ||
            (rc = attend_backward(transformer, i, stream, &scratch, dcontext, dx, err)))
            break;
    }
    stream_rewind(stream, before);
    return rc;
}
