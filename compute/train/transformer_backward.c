// SPDX-License-Identifier: Apache-2.0
/* The transformer for training: its blocks forward, keeping what their gradients need, and backward. Letters are those of
 * compute.h; what is computed stands in compute/transformer.c. */
#include "compute/train/train.h"
#include "compute/transformer.h"

#include <assert.h>
#include <stdlib.h>

static const struct tensor none = {0};

/* What is kept of a block: 10 W of each row where M is 4 W. Norms, activations and the weights of attention are made again. */
struct block_kept {
    struct tensor x;       // (B, T, W) float32: what goes in
    struct tensor qkv;     // (B, T, 3*W)
    struct tensor context; // (B, T, W)
    struct tensor middle;  // (B, T, W) float32: x + attention
    struct tensor hidden;  // (B, T, M): before the activation
};

struct trained_transformer {
    struct transformer_config config;
    struct block_tensors *values, *gradients; // (layers)
    struct block_kept *kept;                  // (layers)
};

/* For one block at a time. */
struct scratch {
    struct tensor normed;  // (B, T, W) real: what a norm gives, which a linear layer took
    struct tensor dnormed; // (B, T, W) real: the gradients by that; of context, too
    struct tensor wide;    // (B, T, M or 3*W) real: activated; then the gradients by hidden, and those by qkv
    struct tensor dx;      // (B, T, W) real: the residual stream's gradients as linear layers take them
};

int trained_transformer_new(struct trained_transformer **out, const struct transformer_config *config,
    const char *prefix, struct parameters *parameters, struct err *err)
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

static int kept_new(struct block_kept *kept, const struct transformer_config *config, struct stream *stream,
    struct tensor x, struct err *err)
{
    const size_t batch = x.shape.size[0], tokens = x.shape.size[1], width = config->width;
    const enum dtype real = stream_dtype(stream);
    int rc;
    kept->x = x;
    if ((rc = tensor_new(&kept->qkv, stream, real, SHAPE(batch, tokens, 3 * width), err)) ||
        (rc = tensor_new(&kept->context, stream, real, x.shape, err)) ||
        (rc = tensor_new(&kept->middle, stream, DTYPE_F32, x.shape, err)))
        return rc;
    return tensor_new(&kept->hidden, stream, real, SHAPE(batch, tokens, config->mlp_width), err);
}

/* out = x + attention(norm_1(x)) + mlp(norm_2(x + attention(norm_1(x)))) */
static int block_forward(const struct block_tensors *values, const struct transformer_config *config,
    struct stream *stream, const struct scratch *scratch, const struct block_kept *kept, struct tensor out,
    struct err *err)
{
    const struct tensor normed = scratch->normed, activated = tensor_view(scratch->wide, kept->hidden.shape);
    const struct norm_tensors *norm_1 = &values->norm_1, *norm_2 = &values->norm_2;
    int rc;
    if ((rc = layer_norm(stream, normed, kept->x, norm_1->gamma, norm_1->beta, config->eps, err)) ||
        (rc = affine_forward(stream, kept->qkv, normed, &values->qkv, false, err)) ||
        (rc = attention(
             stream, kept->context, kept->qkv, NULL, config->heads, config->causal, config->unseen, err)) ||
        (rc = tensor_copy(stream, kept->middle, kept->x, err)) ||
        (rc = affine_forward(stream, kept->middle, kept->context, &values->out, true, err)) ||
        (rc = layer_norm(stream, normed, kept->middle, norm_2->gamma, norm_2->beta, config->eps, err)) ||
        (rc = affine_forward(stream, kept->hidden, normed, &values->fc_1, false, err)) ||
        (rc = activate(stream, activated, kept->hidden, config->activation, err)) ||
        (rc = tensor_copy(stream, out, kept->middle, err)))
        return rc;
    return affine_forward(stream, out, activated, &values->fc_2, true, err);
}

int trained_transformer_forward(struct trained_transformer *transformer, struct stream *stream,
    struct tensor *out, struct tensor x, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    struct scratch scratch;
    int rc = 0;
    *out = x;
    for (size_t i = 0; i < config->layers && !rc; i++) { /* what is kept first: it stays */
        rc = kept_new(&transformer->kept[i], config, stream, *out, err);
        if (!rc)
            rc = tensor_new(out, stream, DTYPE_F32, x.shape, err);
    }
    const size_t mark = stream_mark(stream);
    if (!rc)
        rc = scratch_new(&scratch, config, stream, x.shape, err);
    for (size_t i = 0; i < config->layers && !rc; i++) {
        const struct tensor next = i + 1 < config->layers ? transformer->kept[i + 1].x : *out;
        rc = block_forward(
            &transformer->values[i], config, stream, &scratch, &transformer->kept[i], next, err);
    }
    stream_rewind(stream, mark);
    return rc;
}

/* The residual stream's gradients as a linear layer takes them. */
static int round_stream(struct tensor *out, struct stream *stream, const struct scratch *scratch,
    struct tensor dx, struct err *err)
{
    *out = dx;
    if (stream_dtype(stream) == DTYPE_F32)
        return 0;
    *out = scratch->dx;
    return tensor_convert(stream, *out, dx, err);
}

/* dx += the gradients by x of mlp(norm_2(x)), where x is middle. What is kept of hidden is used up. */
static int mlp_backward(const struct block_tensors *values, const struct block_tensors *gradients,
    const struct transformer_config *config, struct stream *stream, const struct scratch *scratch,
    const struct block_kept *kept, struct tensor dx, struct err *err)
{
    const struct tensor normed = scratch->normed, dnormed = scratch->dnormed,
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

/* dx += the gradients by x of attention(norm_1(x)). */
static int attend_backward(const struct block_tensors *values, const struct block_tensors *gradients,
    const struct transformer_config *config, struct stream *stream, const struct scratch *scratch,
    const struct block_kept *kept, struct tensor dx, struct err *err)
{
    const struct tensor normed = scratch->normed, dnormed = scratch->dnormed, dcontext = scratch->dnormed,
                        dqkv = tensor_view(scratch->wide, kept->qkv.shape);
    const struct norm_tensors *norm = &values->norm_1;
    struct tensor d;
    int rc;
    if ((rc = round_stream(&d, stream, scratch, dx, err)) ||
        (rc = affine_backward(stream, dcontext, &gradients->out, d, kept->context, &values->out, err)) ||
        (rc = attention_backward(stream, dqkv, dcontext, kept->qkv, config->heads, config->causal, err)) ||
        (rc = layer_norm(stream, normed, kept->x, norm->gamma, norm->beta, config->eps, err)) ||
        (rc = affine_backward(stream, dnormed, &gradients->qkv, dqkv, normed, &values->qkv, err)))
        return rc;
    return layer_norm_backward(
        stream, dx, &gradients->norm_1, dnormed, kept->x, norm, config->eps, true, err);
}

int trained_transformer_backward(
    struct trained_transformer *transformer, struct stream *stream, struct tensor dx, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    const size_t mark = stream_mark(stream);
    struct scratch scratch;
    int rc = scratch_new(&scratch, config, stream, dx.shape, err);
    for (size_t i = config->layers; i-- > 0 && !rc;) {
        const struct block_tensors *values = &transformer->values[i], *gradients = &transformer->gradients[i];
        const struct block_kept *kept = &transformer->kept[i];
        rc = mlp_backward(values, gradients, config, stream, &scratch, kept, dx, err);
        if (!rc)
            rc = attend_backward(values, gradients, config, stream, &scratch, kept, dx, err);
    }
    stream_rewind(stream, mark);
    return rc;
}
