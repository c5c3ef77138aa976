// SPDX-License-Identifier: Apache-2.0
/* The transformer for training: gradients of its blocks, of what transformer_forward.c has kept. */
#include "compute/internal.h"
#include "compute/train/blocks.h"

#include <assert.h>

static const struct tensor none = {0};

/* How far gradients go back in a block: to the first of its layers that is trained, or through, as something before it is. */
enum depth { TO_FC_2, TO_FC_1, TO_OUT, TO_QKV, THROUGH };

static enum depth depth_of(const struct trained_transformer *transformer, size_t layer)
{
    const struct block_tensors *gradients = &transformer->gradients[layer];
    if (layer || transformer->training.part == TOWER_ALL)
        return THROUGH;
    return gradients->qkv.lora.a.shape.rank    ? TO_QKV
           : gradients->out.lora.a.shape.rank  ? TO_OUT
           : gradients->fc_1.lora.a.shape.rank ? TO_FC_1
                                               : TO_FC_2;
}

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
    const enum depth depth = depth_of(transformer, layer);
    struct tensor d;
    int rc;
    if ((rc = round_stream(&d, stream, scratch, dx, err)) ||
        (rc = affine_backward(stream, dhidden, NULL, d, activated, &values->fc_2, err)) ||
        (rc = activation_backward(stream, dhidden, kept->hidden, config->activation, err)) ||
        (rc = affine_backward(stream, none, &gradients->fc_2, d, activated, &values->fc_2, err)) ||
        depth < TO_FC_1 ||
        (rc = layer_norm(stream, normed, kept->middle, norm->gamma, norm->beta, config->eps, err)) ||
        (rc = affine_backward(stream, depth > TO_FC_1 ? dnormed : none, &gradients->fc_1, dhidden, normed,
             &values->fc_1, err)) ||
        depth == TO_FC_1)
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
    const bool goes_on = depth_of(transformer, layer) > TO_OUT;
    struct tensor d;
    const int rc = round_stream(&d, stream, scratch, dx, err);
    return rc ? rc
              : affine_backward(stream, goes_on ? dseen : none, &transformer->gradients[layer].out, d, seen,
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
    const bool goes_on = depth_of(transformer, layer) == THROUGH;
    int rc;
    if ((rc = attention_backward(stream, dqkv, dcontext, kept->qkv, config->heads, config->causal, err)) ||
        (rc = layer_norm(stream, normed, kept->x, norm->gamma, norm->beta, config->eps, err)) ||
        (rc = affine_backward(
             stream, goes_on ? dnormed : none, &gradients->qkv, dqkv, normed, &values->qkv, err)) ||
        !goes_on)
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
        const enum depth depth = depth_of(transformer, i);
        if (transformer->training.recomputes &&
            ((rc = middle_new(transformer, i, stream, err)) ||
                (rc = hide_forward(transformer, i, stream, &scratch, err))))
            break;
        const struct shape rows = transformer->kept[i].rows.shape;
        const struct tensor dcontext = scratch.dnormed, drows = tensor_view(picks ? dout : dx, rows),
                            dseen = tensor_view(picks ? scratch.wide : dcontext, rows);
        if ((rc = mlp_backward(transformer, i, stream, &scratch, drows, err)) || depth < TO_OUT ||
            (rc = projection_backward(transformer, i, stream, &scratch, dseen, drows, err)) ||
            depth == TO_OUT ||
            (picks && (rc = spread(transformer, stream, dcontext, dseen, dx, drows, err))) ||
            (rc = attend_backward(transformer, i, stream, &scratch, dcontext, dx, err)))
            break;
    }
    stream_rewind(stream, before);
    return rc;
}
