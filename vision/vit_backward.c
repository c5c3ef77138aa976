// SPDX-License-Identifier: Apache-2.0
/* The vision transformer for training: forward, keeping what gradients need, and backward. vision/vit.c is its twin. */
#include "vision/vit_tensors.h"

#include <stdlib.h>

struct trained_vit {
    struct vit_config config;
    enum tower_part part;
    float scale[3], shift[3]; // a model input is byte * scale + shift, by channel
    struct vit_tensors values, gradients;
    struct trained_transformer *blocks;
    struct trained_pool *pool; /* of VISION_POOL_ATTENTION, after which there is no projection */
    struct {
        struct tensor patches;   // (B, G*G, 3*P*P)
        struct tensor assembled; // (B, T, W) float32: before the first norm
        struct tensor pooled;    // (B, W) float32
    } kept;
};

int trained_vit_new(struct trained_vit **out, const struct vit_config *config,
    const struct preprocess *preprocess, struct parameters *parameters, const struct tower_training *training,
    struct err *err)
{
    const struct attention_pool_config pool = vit_pool_config(config);
    const bool pools = config->pooling == VISION_POOL_ATTENTION;
    const bool ends = pools == (config->projection == PROJECTION_NONE); /* as CLIP or SigLIP do */
    if (config->stem || config->any_size || config->class_unplaced || !ends ||
        config->pooling == VISION_POOL_QUERY)
        return err_set(err, ERR_UNSUPPORTED,
            "vision towers with a stem, for pictures of any size or with another end than CLIP's or SigLIP's "
            "cannot be trained");
    struct trained_vit *vit = mem_new(1, sizeof *vit);
    if (!vit)
        return err_memory(err, sizeof *vit);
    vit->config = *config;
    vit->part = training->part;
    vit_scaling(vit->scale, vit->shift, preprocess);
    int rc = vit_parameters(config, training->part, parameters, &vit->values, &vit->gradients, err);
    if (!rc)
        rc = trained_transformer_new(
            &vit->blocks, &config->block, vit_block_prefix, parameters, training, err);
    if (!rc && pools)
        rc = trained_pool_new(&vit->pool, &pool, training->part == TOWER_ALL, parameters, err);
    if (rc)
        trained_vit_free(vit);
    else
        *out = vit;
    return rc;
}

void trained_vit_free(struct trained_vit *vit)
{
    if (!vit)
        return;
    trained_transformer_free(vit->blocks);
    trained_pool_free(vit->pool);
    free(vit);
}

/* *x (B, T, W) float32, the residual stream, of pixels (B, S, S, 3). */
static int embed_forward(
    struct trained_vit *vit, struct stream *stream, struct tensor *x, struct tensor pixels, struct err *err)
{
    const struct vit_config *config = &vit->config;
    const struct vit_tensors *values = &vit->values;
    const size_t batch = pixels.shape.size[0], tokens = vit_tokens(config),
                 count = tokens - config->class_token, width = config->block.width, side = config->patch_size;
    struct tensor columns; // (B, G*G, W) float32
    int rc = tensor_new(x, stream, DTYPE_F32, SHAPE(batch, tokens, width), err);
    size_t mark = stream_mark(stream);
    if (rc ||
        (rc = tensor_new(
             &vit->kept.patches, stream, stream_dtype(stream), SHAPE(batch, count, 3 * side * side), err)) ||
        (rc = tensor_new(&vit->kept.assembled, stream, DTYPE_F32, x->shape, err)))
        return rc;
    if (vit->part == TOWER_ALL) /* gradients need them */
        mark = stream_mark(stream);
    const struct tensor assembled = config->pre_norm ? vit->kept.assembled : *x;
    if ((rc = tensor_new(&columns, stream, DTYPE_F32, SHAPE(batch, count, width), err)) ||
        (rc = patchify(
             stream, vit->kept.patches, pixels, side, PATCHES_BY_ROW, vit->scale, vit->shift, err)) ||
        (rc = affine_forward(stream, columns, vit->kept.patches, &values->patch, false, err)) ||
        (rc = assemble_tokens(stream, assembled, columns, values->class_token, values->positions, err)))
        goto done;
    if (config->pre_norm)
        rc = layer_norm(
            stream, *x, assembled, values->pre_norm.gamma, values->pre_norm.beta, config->block.eps, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* Of dx (B, T, W), which is used up. */
static int embed_backward(struct trained_vit *vit, struct stream *stream, struct tensor dx, struct err *err)
{
    const struct vit_config *config = &vit->config;
    const struct vit_tensors *values = &vit->values, *gradients = &vit->gradients;
    const size_t batch = dx.shape.size[0], count = vit->kept.patches.shape.size[1],
                 mark = stream_mark(stream);
    const struct tensor none = {0};
    struct tensor dcolumns; // (B, G*G, W)
    int rc =
        tensor_new(&dcolumns, stream, stream_dtype(stream), SHAPE(batch, count, config->block.width), err);
    if (!rc && config->pre_norm)
        rc = layer_norm_backward(stream, dx, &gradients->pre_norm, dx, vit->kept.assembled, &values->pre_norm,
            config->block.eps, false, err);
    if (!rc)
        rc =
            assemble_tokens_backward(stream, dcolumns, gradients->class_token, gradients->positions, dx, err);
    if (!rc)
        rc = affine_backward(
            stream, none, &gradients->patch, dcolumns, vit->kept.patches, &values->patch, err);
    stream_rewind(stream, mark);
    return rc;
}

/* Embeddings of the states of all tokens (B, T, W), or of the class tokens (B, W). */
static int pool_forward(struct trained_vit *vit, struct stream *stream, struct tensor embeddings,
    struct tensor states, struct err *err)
{
    const struct vit_config *config = &vit->config;
    int rc = 0;
    if (vit->pool)
        return trained_pool_forward(vit->pool, stream, embeddings, states, err);
    if (config->pooling == VISION_POOL_MEAN)
        rc = mean_rows(stream, vit->kept.pooled, states, NULL, config->class_token, err);
    else
        vit->kept.pooled = states;
    return rc ? rc
              : project_forward(
                    stream, embeddings, vit->kept.pooled, &vit->values.end, config->block.eps, err);
}

int trained_vit_forward(struct trained_vit *vit, struct stream *stream, struct tensor embeddings,
    struct tensor pixels, struct err *err)
{
    const struct vit_config *config = &vit->config;
    const bool picks = config->pooling == VISION_POOL_CLASS_TOKEN;
    const struct tensor first = {0}; // no pick: the class token
    struct tensor x, states; // (B, T, W) float32; likewise after the blocks, or the class tokens (B, W)
    const struct shape pooled = SHAPE(pixels.shape.size[0], config->block.width);
    int rc;
    if ((rc = tensor_new(&vit->kept.pooled, stream, DTYPE_F32, pooled, err)) ||
        (rc = embed_forward(vit, stream, &x, pixels, err)) ||
        (rc = trained_transformer_forward(vit->blocks, stream, &states, x, picks ? &first : NULL, err)))
        return rc;
    return pool_forward(vit, stream, embeddings, states, err);
}

/* dx (B, T, W) of dembeddings (B, E), or where class tokens are picked dpooled (B, W). */
static int pool_backward(struct trained_vit *vit, struct stream *stream, struct tensor dpooled,
    struct tensor dx, struct tensor dembeddings, struct err *err)
{
    const struct vit_config *config = &vit->config;
    if (vit->pool)
        return trained_pool_backward(vit->pool, stream, dx, dembeddings, err);
    const int rc = project_backward(stream, dpooled, &vit->gradients.end, dembeddings, vit->kept.pooled,
        &vit->values.end, config->block.eps, err);
    return rc || config->pooling != VISION_POOL_MEAN
               ? rc
               : mean_rows_backward(stream, dx, dpooled, config->class_token, err);
}

int trained_vit_backward(
    struct trained_vit *vit, struct stream *stream, struct tensor dembeddings, struct err *err)
{
    const struct vit_config *config = &vit->config;
    const bool picks = config->pooling == VISION_POOL_CLASS_TOKEN;
    const size_t batch = dembeddings.shape.size[0], mark = stream_mark(stream);
    struct tensor dpooled, dx; // (B, W) and (B, T, W) float32
    int rc;
    if (vit->part == TOWER_PROJECTION)
        return vit->pool ? 0
                         : project_backward(stream, (struct tensor){0}, &vit->gradients.end, dembeddings,
                               vit->kept.pooled, &vit->values.end, config->block.eps, err);
    if ((rc = tensor_new(&dpooled, stream, DTYPE_F32, vit->kept.pooled.shape, err)) ||
        (rc = tensor_new(
             &dx, stream, DTYPE_F32, SHAPE(batch, vit_tokens(config), config->block.width), err)) ||
        (rc = pool_backward(vit, stream, dpooled, dx, dembeddings, err)) ||
        (rc = trained_transformer_backward(vit->blocks, stream, dx, picks ? dpooled : dx, err)))
        goto done;
    if (vit->part == TOWER_ALL)
        rc = embed_backward(vit, stream, dx, err);
done:
    stream_rewind(stream, mark);
    return rc;
}
