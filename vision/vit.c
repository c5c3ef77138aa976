// SPDX-License-Identifier: Apache-2.0
/* The vision transformer of CLIP: patches, class token, positions, blocks, and the class token projected. */
#include "vision/vision.h"

#include <stdlib.h>

struct vit {
    struct vit_config config;
    float scale[3], shift[3];                // a model input is byte * scale + shift, by channel
    struct linear *patch_embedding;          // (W, 3*P*P), a convolution whose stride is its size; no bias
    struct tensor class_token;               // (W)
    struct tensor positions;                 // (1+G*G, W)
    struct tensor ln_pre_gamma, ln_pre_beta; // (W)
    struct linear *projection;               // (E, W), no bias
    struct transformer *blocks;
};

#define FIELD(name) offsetof(struct vit, name)

static const char block_prefix[] = "vision_model.encoder.layers.%zu.";

/* "pre_layrnorm" is how transformers spells it. */
static const struct param params[] = {
    {PARAM_LINEAR, FIELD(patch_embedding), "vision_model.embeddings.patch_embedding.weight",
        {DIM_WIDTH, DIM_CHANNELS, DIM_PATCH, DIM_PATCH}, ALWAYS},
    {PARAM_TENSOR, FIELD(class_token), "vision_model.embeddings.class_embedding", {DIM_WIDTH}, ALWAYS},
    {PARAM_GRID, FIELD(positions), "vision_model.embeddings.position_embedding.weight",
        {DIM_TOKENS, DIM_WIDTH}, ALWAYS},
    {PARAM_TENSOR, FIELD(ln_pre_gamma), "vision_model.pre_layrnorm.weight", {DIM_WIDTH}, WITH_PRE_NORM},
    {PARAM_TENSOR, FIELD(ln_pre_beta), "vision_model.pre_layrnorm.bias", {DIM_WIDTH}, WITH_PRE_NORM},
    {PARAM_LINEAR, FIELD(projection), "visual_projection.weight", {DIM_EMBED, DIM_WIDTH}, ALWAYS},
    {PARAM_GAMMA, FIELD(projection), "vision_model.post_layernorm.weight", {DIM_WIDTH}, ALWAYS},
    {PARAM_BETA, FIELD(projection), "vision_model.post_layernorm.bias", {DIM_WIDTH}, ALWAYS},
};

enum { PARAMS = sizeof params / sizeof *params };

static size_t grid_size(const struct vit_config *config)
{
    return config->image_size / config->patch_size;
}

static size_t token_count(const struct vit_config *config)
{
    return 1 + grid_size(config) * grid_size(config);
}

static void vit_dims(size_t dims[DIM_COUNT], const struct vit_config *config)
{
    dims[DIM_WIDTH] = config->block.width;
    dims[DIM_CHANNELS] = 3;
    dims[DIM_PATCH] = config->patch_size;
    dims[DIM_TOKENS] = token_count(config);
    dims[DIM_EMBED] = config->embed_width;
    dims[WITH_PRE_NORM] = config->pre_norm;
}

int vit_load(struct vit **out, const struct vit_config *config, const struct preprocess *preprocess,
    const struct weights *weights, struct device *device, struct err *err)
{
    size_t dims[DIM_COUNT] = {0};
    struct vit *vit = mem_new(1, sizeof *vit);
    if (!vit)
        return err_memory(err, sizeof *vit);
    vit->config = *config;
    for (int c = 0; c < 3; c++) { /* (byte * scale - mean) / std, as one multiply and one add */
        vit->scale[c] = preprocess->scale / preprocess->std[c];
        vit->shift[c] = -preprocess->mean[c] / preprocess->std[c];
    }
    vit_dims(dims, config);
    int rc = params_load(vit, params, PARAMS, "", 0, dims, weights, device, err);
    if (!rc)
        rc = transformer_load(&vit->blocks, &config->block, block_prefix, weights, device, err);
    if (rc)
        vit_free(vit);
    else
        *out = vit;
    return rc;
}

int vit_save(const struct vit_config *config, const struct weights *weights, struct weights_writer *writer,
    struct err *err)
{
    size_t dims[DIM_COUNT] = {0};
    vit_dims(dims, config);
    const int rc = params_save(params, PARAMS, "", 0, dims, weights, writer, err);
    return rc ? rc : transformer_save(&config->block, block_prefix, weights, writer, err);
}

void vit_free(struct vit *vit)
{
    if (!vit)
        return;
    params_release(vit, params, PARAMS);
    transformer_free(vit->blocks);
    free(vit);
}

int vit_forward(const struct vit *vit, struct stream *stream, struct tensor embeddings, struct tensor pixels,
    struct err *err)
{
    const struct vit_config *config = &vit->config;
    const size_t batch = pixels.shape.size[0], width = config->block.width, tokens = token_count(config);
    const size_t patch_count = tokens - 1, patch_width = 3 * config->patch_size * config->patch_size;
    const size_t mark = stream_mark(stream);
    const float eps = config->block.eps;
    const struct tensor first = {0}; // no pick: the class token
    struct tensor x;                 // (B, T, W) float32: the residual stream
    struct tensor patches;           // (B, G*G, 3*P*P)
    struct tensor columns;           // (B, G*G, W) float32: patch embeddings
    struct tensor pooled;            // (B, W) float32: the class token's last state
    int rc;

    if ((rc = tensor_new(&x, stream, DTYPE_F32, SHAPE(batch, tokens, width), err)))
        goto done;
    const size_t after_x = stream_mark(stream);

    if ((rc = tensor_new(
             &patches, stream, stream_dtype(stream), SHAPE(batch, patch_count, patch_width), err)) ||
        (rc = tensor_new(&columns, stream, DTYPE_F32, SHAPE(batch, patch_count, width), err)) ||
        (rc = patchify(stream, patches, pixels, config->patch_size, vit->scale, vit->shift, err)) ||
        (rc = linear_forward(vit->patch_embedding, stream, columns, patches, EPILOGUE_NONE, err)) ||
        (rc = assemble_tokens(stream, x, columns, vit->class_token, vit->positions, err)) ||
        (config->pre_norm && (rc = layer_norm(stream, x, x, vit->ln_pre_gamma, vit->ln_pre_beta, eps, err))))
        goto done;
    stream_rewind(stream, after_x);

    if ((rc = tensor_new(&pooled, stream, DTYPE_F32, SHAPE(batch, width), err)) ||
        (rc = transformer_forward(vit->blocks, stream, x, config->block.layers - 1, err)) ||
        (rc = pool_token(vit->blocks, stream, pooled, x, first, err)) ||
        (rc = linear_forward_normed(vit->projection, stream, embeddings, pooled, eps, EPILOGUE_NONE, err)))
        goto done;
done:
    stream_rewind(stream, mark);
    return rc;
}

size_t vit_params(const struct vit_config *config)
{
    size_t dims[DIM_COUNT] = {0};
    vit_dims(dims, config);
    return params_count(params, PARAMS, dims) + transformer_params(&config->block);
}

double vit_flops(const struct vit_config *config)
{
    const double width = (double)config->block.width, patches = (double)(token_count(config) - 1);
    const double patch_width = 3.0 * (double)config->patch_size * (double)config->patch_size;
    return 2 * patches * patch_width * width + transformer_flops(&config->block, token_count(config)) +
           2 * width * (double)config->embed_width;
}
