// SPDX-License-Identifier: Apache-2.0
/* The vision transformer: patches, maybe a class token, positions, blocks, pooling, and maybe a projection. */
#include "vision/stem.h"
#include "vision/vit_tensors.h"

#include <stdlib.h>
#include <string.h>

const char *const vision_pooling_names[] = {[VISION_POOL_CLASS_TOKEN] = "class token",
    [VISION_POOL_MEAN] = "mean",
    [VISION_POOL_ATTENTION] = "attention",
    [VISION_POOL_QUERY] = "first query"};

struct vit {
    struct vit_config config;
    float scale[3], shift[3];       // a model input is byte * scale + shift, by channel
    struct linear *patch_embedding; // (W, 3*P*P), a convolution whose stride is its size; without a stem
    struct stem *stem;
    struct tensor class_token;               // (W)
    struct tensor positions;                 // (T, W)
    float *position_table;                   // (G*G, W), of any_size: resized to each picture's grid
    struct tensor ln_pre_gamma, ln_pre_beta; // (W)
    struct linear
        *projection; // (E, W), of a query (E, E); but for attention the norm of what is pooled comes first
    struct transformer *blocks;
    struct attention_pool *pool; /* of VISION_POOL_ATTENTION and _QUERY, with the norm of all tokens */
};

#define FIELD(name) offsetof(struct vit, name)
#define LEARNED(name) TRAINED(struct vit_tensors, name)

const char vit_block_prefix[] = "vision_model.encoder.layers.%zu.";

/* "pre_layrnorm" is how transformers spells it. */
static const struct param params[] = {
    {PARAM_LINEAR, FIELD(patch_embedding), "vision_model.embeddings.patch_embedding.weight",
        {DIM_WIDTH, DIM_CHANNELS, DIM_PATCH, DIM_PATCH}, WITH_PATCH_CONVOLUTION, LEARNED(patch.weight)},
    {PARAM_LINEAR, FIELD(patch_embedding), "vision_model.embeddings.patch_embedding.weight",
        {DIM_WIDTH, DIM_PATCH_VALUES}, WITH_ANY_SIZE, UNTRAINED}, /* row, column, channel: as patches are */
    {PARAM_BIAS, FIELD(patch_embedding), "vision_model.embeddings.patch_embedding.bias", {DIM_WIDTH},
        WITH_PATCH_BIAS, LEARNED(patch.bias)},
    {PARAM_TENSOR, FIELD(class_token), "vision_model.embeddings.class_embedding", {DIM_WIDTH},
        WITH_CLASS_TOKEN, LEARNED(class_token)},
    {PARAM_GRID, FIELD(positions), "vision_model.embeddings.position_embedding.weight",
        {DIM_TOKENS, DIM_WIDTH}, WITH_CLASS_POSITION, LEARNED(positions)},
    {PARAM_SQUARE, FIELD(positions), "vision_model.embeddings.position_embedding.weight",
        {DIM_PATCHES, DIM_WIDTH}, WITHOUT_CLASS_POSITION, LEARNED(positions)},
    {PARAM_VALUES, FIELD(position_table), "vision_model.embeddings.position_embedding.weight",
        {DIM_PATCHES, DIM_WIDTH}, WITH_ANY_SIZE, UNTRAINED},
    {PARAM_TENSOR, FIELD(ln_pre_gamma), "vision_model.pre_layrnorm.weight", {DIM_WIDTH}, WITH_PRE_NORM,
        LEARNED(pre_norm.gamma)},
    {PARAM_TENSOR, FIELD(ln_pre_beta), "vision_model.pre_layrnorm.bias", {DIM_WIDTH}, WITH_PRE_NORM,
        LEARNED(pre_norm.beta)},
    {PARAM_LINEAR_EXACT, FIELD(projection), "visual_projection.weight", {DIM_EMBED, DIM_POOLED},
        WITH_PROJECTION, LEARNED(end.projection.weight)},
    {PARAM_BIAS, FIELD(projection), "visual_projection.bias", {DIM_EMBED}, WITH_PROJECTION_LAYER,
        LEARNED(end.projection.bias)},
    {PARAM_GAMMA, FIELD(projection), "vision_model.post_layernorm.weight", {DIM_POOLED}, WITH_POOLED_NORM,
        LEARNED(end.norm.gamma)},
    {PARAM_BETA, FIELD(projection), "vision_model.post_layernorm.bias", {DIM_POOLED}, WITH_POOLED_NORM,
        LEARNED(end.norm.beta)},
};

enum { PARAMS = sizeof params / sizeof *params };

static size_t grid_size(const struct vit_config *config)
{
    return config->image_size / config->patch_size;
}

size_t vit_layers(const struct weights *weights)
{
    return params_layers(weights, vit_block_prefix);
}

size_t vit_tokens(const struct vit_config *config)
{
    return config->class_token + grid_size(config) * grid_size(config);
}

static bool pools_by_attention(const struct vit_config *config)
{
    return config->pooling == VISION_POOL_ATTENTION || config->pooling == VISION_POOL_QUERY;
}

static size_t pooled_width(const struct vit_config *config)
{
    return config->pooling == VISION_POOL_QUERY ? config->embed_width : config->block.width;
}

static void vit_dims(size_t dims[DIM_COUNT], const struct vit_config *config)
{
    dims[DIM_WIDTH] = config->block.width;
    dims[DIM_CHANNELS] = 3;
    dims[DIM_PATCH] = config->patch_size;
    dims[DIM_TOKENS] = vit_tokens(config);
    dims[DIM_EMBED] = config->embed_width;
    dims[DIM_POOLED] = pooled_width(config);
    dims[WITH_PRE_NORM] = config->pre_norm;
    dims[WITH_PATCH_BIAS] = config->patch_bias;
    dims[WITH_CLASS_TOKEN] = config->class_token;
    dims[WITH_CLASS_POSITION] = config->class_token && !config->class_unplaced;
    dims[WITHOUT_CLASS_POSITION] = !dims[WITH_CLASS_POSITION] && !config->any_size;
    dims[DIM_PATCHES] = grid_size(config) * grid_size(config);
    dims[DIM_PATCH_VALUES] = 3 * config->patch_size * config->patch_size;
    dims[WITH_PATCH_CONVOLUTION] = !config->stem && !config->any_size;
    dims[WITH_ANY_SIZE] = config->any_size;
    dims[WITH_PROJECTION] = config->projection != PROJECTION_NONE;
    dims[WITH_PROJECTION_LAYER] = config->projection == PROJECTION_LAYER;
    dims[WITH_POOLED_NORM] = config->pooling != VISION_POOL_ATTENTION;
}

/* A MAP head is as a block, but for what the config says. */
struct attention_pool_config vit_pool_config(const struct vit_config *config)
{
    const struct transformer_config *block = &config->block;
    struct attention_pool_config pool = {.width = block->width,
        .pooled_width = pooled_width(config),
        .heads = config->pool_heads ? config->pool_heads : block->heads,
        .activation = block->activation,
        .eps = block->eps};
    if (config->pooling == VISION_POOL_QUERY)
        pool.queries = config->pool_queries;
    else
        pool.mlp_width = config->pool_mlp_width ? config->pool_mlp_width : block->mlp_width;
    return pool;
}

void vit_scaling(float scale[3], float shift[3], const struct preprocess *preprocess)
{
    for (int c = 0; c < 3; c++) { /* (byte * scale - mean) / std, as one multiply and one add */
        scale[c] = preprocess->scale / preprocess->std[c];
        shift[c] = -preprocess->mean[c] / preprocess->std[c];
    }
}

int vit_load(struct vit **out, const struct vit_config *config, const struct preprocess *preprocess,
    const struct weights *weights, struct device *device, struct err *err)
{
    const struct attention_pool_config pool = vit_pool_config(config);
    size_t dims[DIM_COUNT] = {0};
    struct vit *vit = mem_new(1, sizeof *vit);
    if (!vit)
        return err_memory(err, sizeof *vit);
    vit->config = *config;
    vit_scaling(vit->scale, vit->shift, preprocess);
    vit_dims(dims, config);
    int rc = params_load(vit, params, PARAMS, "", 0, dims, weights, device, err);
    if (!rc && config->stem)
        rc = stem_load(&vit->stem, config->block.width, weights, device, err);
    if (!rc)
        rc = transformer_load(&vit->blocks, &config->block, vit_block_prefix, weights, device, err);
    if (!rc && pools_by_attention(config))
        rc = attention_pool_load(&vit->pool, &pool, weights, device, err);
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
    return rc ? rc : transformer_save(&config->block, vit_block_prefix, weights, writer, err);
}

int vit_parameters(const struct vit_config *config, enum tower_part part, struct parameters *parameters,
    struct vit_tensors *values, struct vit_tensors *gradients, struct err *err)
{
    static const size_t trained_from[] = {[TOWER_ALL] = TRAIN_FROM_FIRST,
        [TOWER_PROJECTION] = offsetof(struct vit_tensors, end.projection),
        [TOWER_LORA] = TRAIN_NONE};
    size_t dims[DIM_COUNT] = {0};
    vit_dims(dims, config);
    return parameters_add(
        parameters, params, PARAMS, "", 0, dims, values, gradients, trained_from[part], err);
}

void vit_free(struct vit *vit)
{
    if (!vit)
        return;
    params_release(vit, params, PARAMS);
    stem_free(vit->stem);
    transformer_free(vit->blocks);
    attention_pool_free(vit->pool);
    free(vit);
}

/* columns (B, G*G, W) float32, the patches' embeddings, of pixels (B, S, S, 3). */
static int embed_patches(const struct vit *vit, struct stream *stream, struct tensor columns,
    struct tensor pixels, struct err *err)
{
    const size_t batch = columns.shape.size[0], count = columns.shape.size[1];
    const size_t pieces = vit->stem ? STEM_SIDE * STEM_SIDE : 1; /* of a patch */
    const size_t side = vit->stem ? STEM_PATCH : vit->config.patch_size, mark = stream_mark(stream);
    const enum patch_order order = vit->stem ? PATCHES_NESTED : PATCHES_BY_ROW;
    struct tensor patches; // (B, G*G, 3*P*P), or of a stem (B, G*G*16, 3*4*4)
    int rc;
    if ((rc = tensor_new(
             &patches, stream, stream_dtype(stream), SHAPE(batch, count * pieces, 3 * side * side), err)) ||
        (rc = patchify(stream, patches, pixels, side, order, vit->scale, vit->shift, err)))
        goto done;
    rc = vit->stem ? stem_forward(vit->stem, stream, columns, patches, err)
                   : linear_forward(vit->patch_embedding, stream, columns, patches, EPILOGUE_NONE, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* x (B, T, W) float32, the residual stream, of pixels (B, S, S, 3). */
static int embed_pixels(
    const struct vit *vit, struct stream *stream, struct tensor x, struct tensor pixels, struct err *err)
{
    const struct vit_config *config = &vit->config;
    const size_t batch = pixels.shape.size[0], count = grid_size(config) * grid_size(config);
    const size_t mark = stream_mark(stream);
    struct tensor columns; // (B, G*G, W) float32
    int rc;
    if ((rc = tensor_new(&columns, stream, DTYPE_F32, SHAPE(batch, count, config->block.width), err)) ||
        (rc = embed_patches(vit, stream, columns, pixels, err)) ||
        (rc = assemble_tokens(stream, x, columns, vit->class_token, vit->positions, err)))
        goto done;
    if (config->pre_norm)
        rc = layer_norm(stream, x, x, vit->ln_pre_gamma, vit->ln_pre_beta, config->block.eps, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

static int embed_class_token(
    const struct vit *vit, struct stream *stream, struct tensor embeddings, struct tensor x, struct err *err)
{
    const struct transformer_config *block = &vit->config.block;
    const struct tensor first = {0}; // no pick: the class token
    struct tensor pooled;            // (B, W) float32: the class token's last state
    int rc;
    if ((rc = tensor_new(&pooled, stream, DTYPE_F32, SHAPE(x.shape.size[0], block->width), err)) ||
        (rc = transformer_forward(vit->blocks, stream, x, NULL, block->layers - 1, err)) ||
        (rc = pool_token(vit->blocks, stream, pooled, x, NULL, first, err)))
        return rc;
    return linear_forward_normed(vit->projection, stream, embeddings, pooled, block->eps, EPILOGUE_NONE, err);
}

static int embed_mean(
    const struct vit *vit, struct stream *stream, struct tensor embeddings, struct tensor x, struct err *err)
{
    const struct transformer_config *block = &vit->config.block;
    struct tensor pooled; // (B, W) float32: the mean of the patches' last states
    int rc;
    if ((rc = tensor_new(&pooled, stream, DTYPE_F32, SHAPE(x.shape.size[0], block->width), err)) ||
        (rc = transformer_forward(vit->blocks, stream, x, NULL, block->layers, err)) ||
        (rc = mean_rows(stream, pooled, x, NULL, vit->config.class_token, err)))
        return rc;
    return linear_forward_normed(vit->projection, stream, embeddings, pooled, block->eps, EPILOGUE_NONE, err);
}

/* sequences NULL: each of the B is one. */
static int embed_by_attention(const struct vit *vit, struct stream *stream, struct tensor embeddings,
    struct tensor x, const struct sequences *sequences, struct err *err)
{
    const struct transformer_config *block = &vit->config.block;
    const size_t count = embeddings.shape.size[0], width = pooled_width(&vit->config);
    struct tensor pooled = embeddings; // (B, W), or of a query (B, E), float32
    int rc = transformer_forward(vit->blocks, stream, x, sequences, block->layers, err);
    if (!rc && vit->projection)
        rc = tensor_new(&pooled, stream, DTYPE_F32, SHAPE(count, width), err);
    if (!rc)
        rc = pool_attention(vit->pool, stream, pooled, x, sequences, err);
    if (rc || !vit->projection)
        return rc;
    return vit->config.pooling == VISION_POOL_QUERY
               ? linear_forward_normed(
                     vit->projection, stream, embeddings, pooled, block->eps, EPILOGUE_NONE, err)
               : linear_forward(vit->projection, stream, embeddings, pooled, EPILOGUE_NONE, err);
}

/* embeddings (B, E) of x (B, T, W), as before the first block. */
static int embed(
    const struct vit *vit, struct stream *stream, struct tensor embeddings, struct tensor x, struct err *err)
{
    switch (vit->config.pooling) {
    case VISION_POOL_MEAN:
        return embed_mean(vit, stream, embeddings, x, err);
    case VISION_POOL_ATTENTION:
    case VISION_POOL_QUERY:
        return embed_by_attention(vit, stream, embeddings, x, NULL, err);
    case VISION_POOL_CLASS_TOKEN:
        break;
    }
    return embed_class_token(vit, stream, embeddings, x, err);
}

int vit_forward(const struct vit *vit, struct stream *stream, struct tensor embeddings, struct tensor pixels,
    struct err *err)
{
    const struct vit_config *config = &vit->config;
    const struct shape shape = SHAPE(pixels.shape.size[0], vit_tokens(config), config->block.width);
    const size_t mark = stream_mark(stream);
    struct tensor x; // (B, T, W) float32: the residual stream
    int rc = tensor_new(&x, stream, DTYPE_F32, shape, err);
    if (!rc)
        rc = embed_pixels(vit, stream, x, pixels, err);
    if (!rc)
        rc = embed(vit, stream, embeddings, x, err);
    stream_rewind(stream, mark);
    return rc;
}

/* Positions (R, W) of the patches of all pictures; a grid that was there before is copied. */
static int grid_positions(float *positions, const struct vit *vit, const struct sequences *sequences,
    const struct patches *const *grids, struct err *err)
{
    const size_t width = vit->config.block.width;
    int rc = 0;
    for (size_t i = 0; i < sequences->count && !rc; i++) {
        float *here = positions + (size_t)sequences->host_starts[i] * width;
        size_t same = 0;
        while (same < i && (grids[same]->rows != grids[i]->rows || grids[same]->columns != grids[i]->columns))
            same++;
        if (same < i)
            memcpy(here, positions + (size_t)sequences->host_starts[same] * width,
                (size_t)grids[i]->rows * grids[i]->columns * width * sizeof *here);
        else
            rc = positions_to_grid(here, grids[i]->rows, grids[i]->columns, vit->position_table,
                grid_size(&vit->config), width, err);
    }
    return rc;
}

/* x (1, R, W) float32 = the positions, to which the patches come. */
static int write_positions(const struct vit *vit, struct stream *stream, struct tensor x,
    const struct sequences *sequences, const struct patches *const *grids, struct err *err)
{
    const size_t count = shape_count(x.shape);
    if (!sequences->host_starts)
        return 0;
    float *positions = mem_new(count, sizeof *positions);
    int rc = positions ? grid_positions(positions, vit, sequences, grids, err)
                       : err_memory(err, count * sizeof *positions);
    if (!rc)
        rc = tensor_write(stream, x, positions, count, err);
    free(positions);
    return rc;
}

int vit_forward_patches(const struct vit *vit, struct stream *stream, struct tensor embeddings,
    struct tensor patches, const struct sequences *sequences, const struct patches *const *grids,
    struct err *err)
{
    const size_t rows = tensor_rows(patches), mark = stream_mark(stream);
    struct tensor x;      // (1, R, W) float32: the residual stream
    struct tensor values; // (R, 3*P*P)
    int rc = tensor_new(&x, stream, DTYPE_F32, SHAPE(1, rows, vit->config.block.width), err);
    const size_t after_x = stream_mark(stream);
    if (rc || (rc = write_positions(vit, stream, x, sequences, grids, err)) ||
        (rc = tensor_new(&values, stream, stream_dtype(stream), patches.shape, err)) ||
        (rc = scale_bytes(stream, values, patches, vit->scale, vit->shift, err)) ||
        (rc = linear_forward(vit->patch_embedding, stream, x, values, EPILOGUE_ADD, err)))
        goto done;
    stream_rewind(stream, after_x);
    rc = embed_by_attention(vit, stream, embeddings, x, sequences, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

size_t vit_params(const struct vit_config *config)
{
    const struct attention_pool_config pool = vit_pool_config(config);
    size_t dims[DIM_COUNT] = {0};
    vit_dims(dims, config);
    return params_count(params, PARAMS, dims) + transformer_params(&config->block) +
           (config->stem ? stem_params(config->block.width) : 0) +
           (pools_by_attention(config) ? attention_pool_params(&pool) : 0);
}

double vit_flops(const struct vit_config *config)
{
    const struct transformer_config *block = &config->block;
    const size_t tokens = vit_tokens(config);
    const double width = (double)block->width, patches = (double)(tokens - config->class_token);
    const double patch_width = 3.0 * (double)config->patch_size * (double)config->patch_size;
    const double patch = config->stem ? stem_flops(block->width) : 2 * patch_width * width;
    const struct attention_pool_config pool = vit_pool_config(config);
    double end = config->projection == PROJECTION_NONE
                     ? 0
                     : 2 * (double)pooled_width(config) * (double)config->embed_width;
    if (pools_by_attention(config))
        end += attention_pool_flops(&pool, tokens);
    return patches * patch + transformer_flops(block, tokens) + end;
}
