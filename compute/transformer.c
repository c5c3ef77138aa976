// SPDX-License-Identifier: Apache-2.0
/* The one transformer: both towers are made of these blocks. */
#include "compute/transformer.h"

#include <assert.h>
#include <stdlib.h>

#define FIELD(name) offsetof(struct block, name)
#define LEARNED(name) TRAINED(struct block_tensors, name)

static const struct param block_params[] = {
    {PARAM_LINEAR, FIELD(qkv), "self_attn.{q,k,v}_proj.weight", {DIM_3WIDTH, DIM_WIDTH}, ALWAYS,
        LEARNED(qkv.weight)},
    {PARAM_BIAS, FIELD(qkv), "self_attn.{q,k,v}_proj.bias", {DIM_3WIDTH}, ALWAYS, LEARNED(qkv.bias)},
    {PARAM_GAMMA, FIELD(qkv), "layer_norm1.weight", {DIM_WIDTH}, WITH_NORM_BEFORE, LEARNED(norm_1.gamma)},
    {PARAM_BETA, FIELD(qkv), "layer_norm1.bias", {DIM_WIDTH}, WITH_NORM_BEFORE, LEARNED(norm_1.beta)},
    {PARAM_TENSOR, FIELD(norm_1.gamma), "layer_norm1.weight", {DIM_WIDTH}, WITH_NORM_AFTER, UNTRAINED},
    {PARAM_TENSOR, FIELD(norm_1.beta), "layer_norm1.bias", {DIM_WIDTH}, WITH_NORM_AFTER, UNTRAINED},
    {PARAM_TENSOR, FIELD(attention_norm.gamma), "self_attn.inner_norm.weight", {DIM_WIDTH}, WITH_INNER_NORM,
        UNTRAINED},
    {PARAM_TENSOR, FIELD(attention_norm.beta), "self_attn.inner_norm.bias", {DIM_WIDTH}, WITH_INNER_NORM,
        UNTRAINED},
    {PARAM_LINEAR, FIELD(out), "self_attn.out_proj.weight", {DIM_WIDTH, DIM_WIDTH}, ALWAYS,
        LEARNED(out.weight)},
    {PARAM_BIAS, FIELD(out), "self_attn.out_proj.bias", {DIM_WIDTH}, ALWAYS, LEARNED(out.bias)},
    {PARAM_LINEAR, FIELD(fc_1), "mlp.fc1.weight", {DIM_MLP, DIM_WIDTH}, WITHOUT_GATE, LEARNED(fc_1.weight)},
    {PARAM_BIAS, FIELD(fc_1), "mlp.fc1.bias", {DIM_MLP}, WITHOUT_GATE, LEARNED(fc_1.bias)},
    {PARAM_LINEAR, FIELD(fc_1), "mlp.{gate,fc1}.weight", {DIM_2MLP, DIM_WIDTH}, WITH_GATE, UNTRAINED},
    {PARAM_BIAS, FIELD(fc_1), "mlp.{gate,fc1}.bias", {DIM_2MLP}, WITH_GATE, UNTRAINED},
    {PARAM_GAMMA, FIELD(fc_1), "layer_norm2.weight", {DIM_WIDTH}, WITH_NORM_BEFORE, LEARNED(norm_2.gamma)},
    {PARAM_BETA, FIELD(fc_1), "layer_norm2.bias", {DIM_WIDTH}, WITH_NORM_BEFORE, LEARNED(norm_2.beta)},
    {PARAM_TENSOR, FIELD(norm_2.gamma), "layer_norm2.weight", {DIM_WIDTH}, WITH_NORM_AFTER, UNTRAINED},
    {PARAM_TENSOR, FIELD(norm_2.beta), "layer_norm2.bias", {DIM_WIDTH}, WITH_NORM_AFTER, UNTRAINED},
    {PARAM_TENSOR, FIELD(mlp_norm.gamma), "mlp.inner_norm.weight", {DIM_MLP}, WITH_INNER_NORM, UNTRAINED},
    {PARAM_TENSOR, FIELD(mlp_norm.beta), "mlp.inner_norm.bias", {DIM_MLP}, WITH_INNER_NORM, UNTRAINED},
    {PARAM_LINEAR, FIELD(fc_2), "mlp.fc2.weight", {DIM_WIDTH, DIM_MLP}, ALWAYS, LEARNED(fc_2.weight)},
    {PARAM_BIAS, FIELD(fc_2), "mlp.fc2.bias", {DIM_WIDTH}, ALWAYS, LEARNED(fc_2.bias)},
};

enum { BLOCK_PARAMS = sizeof block_params / sizeof *block_params };

void block_dims(size_t dims[DIM_COUNT], const struct transformer_config *config)
{
    dims[DIM_WIDTH] = config->width;
    dims[DIM_3WIDTH] = 3 * config->width;
    dims[DIM_MLP] = config->mlp_width;
    dims[DIM_2MLP] = 2 * config->mlp_width;
    dims[WITH_NORM_BEFORE] = config->norm_place == NORM_BEFORE;
    dims[WITH_NORM_AFTER] = config->norm_place != NORM_BEFORE;
    dims[WITH_INNER_NORM] = config->inner_norm;
    dims[WITH_GATE] = config->gated;
    dims[WITHOUT_GATE] = !config->gated;
}

int transformer_config_check(const struct transformer_config *config, struct err *err)
{
    enum { HEAD_WIDTH_MAX = 128 };
    if (!config->width || !config->heads || config->width % config->heads)
        return err_set(
            err, ERR_FORMAT, "a width of %zu does not divide into %zu heads", config->width, config->heads);
    const size_t head_width = config->width / config->heads;
    if (config->width % 16)
        return err_set(err, ERR_UNSUPPORTED, "width %zu is no multiple of 16", config->width);
    if (head_width % 8 || head_width > HEAD_WIDTH_MAX)
        return err_set(
            err, ERR_UNSUPPORTED, "head width %zu is no multiple of 8 up to %d", head_width, HEAD_WIDTH_MAX);
    if (config->rotary.grid && head_width % 16)
        return err_set(
            err, ERR_UNSUPPORTED, "head width %zu, of rotary positions, is no multiple of 16", head_width);
    return 0;
}

/* What the threads that load share; each layer reports for itself. */
struct loading {
    struct transformer *transformer;
    const char *prefix;
    const struct weights *weights;
    struct device *device;
    size_t dims[DIM_COUNT];
    struct layer_report {
        int rc;
        struct err err;
    } * reports; // (layers)
};

static void layer_load(void *context, size_t layer)
{
    struct loading *loading = context;
    struct layer_report *report = &loading->reports[layer];
    report->rc = params_load(&loading->transformer->blocks[layer], block_params, BLOCK_PARAMS,
        loading->prefix, layer, loading->dims, loading->weights, loading->device, &report->err);
}

/* All layers, on all CPUs: most of the time goes into bringing weights into the GEMM provider's layout. */
static int layers_load(struct loading *loading, struct err *err)
{
    const size_t layers = loading->transformer->config.layers;
    int rc = 0;
    loading->reports = mem_new(layers, sizeof *loading->reports);
    if (!loading->reports)
        return err_memory(err, layers * sizeof *loading->reports);
    parallel_for(layers, thread_default(), layer_load, loading);
    for (size_t i = 0; i < layers && !rc; i++) {
        rc = loading->reports[i].rc;
        if (rc && err)
            *err = loading->reports[i].err;
    }
    free(loading->reports);
    return rc;
}

int transformer_load(struct transformer **out, const struct transformer_config *config, const char *prefix,
    const struct weights *weights, struct device *device, struct err *err)
{
    struct transformer *transformer = NULL;
    int rc = transformer_config_check(config, err);
    if (rc)
        return rc;
    transformer = mem_new(1, sizeof *transformer);
    struct block *blocks = mem_new(config->layers, sizeof *blocks);
    if (!transformer || !blocks) {
        free(transformer);
        free(blocks);
        return err_memory(err, config->layers * sizeof *blocks);
    }
    transformer->config = *config;
    transformer->blocks = blocks;
    struct loading loading = {
        .transformer = transformer, .prefix = prefix, .weights = weights, .device = device};
    block_dims(loading.dims, config);
    rc = config->rotary.grid ? rotation_load(&transformer->rotation, config, device, err) : 0;
    if (!rc)
        rc = layers_load(&loading, err);
    if (rc)
        transformer_free(transformer);
    else
        *out = transformer;
    return rc;
}

int transformer_save(const struct transformer_config *config, const char *prefix,
    const struct weights *weights, struct weights_writer *writer, struct err *err)
{
    size_t dims[DIM_COUNT] = {0};
    int rc = 0;
    block_dims(dims, config);
    for (size_t layer = 0; layer < config->layers && !rc; layer++)
        rc = params_save(block_params, BLOCK_PARAMS, prefix, layer, dims, weights, writer, err);
    return rc;
}

int transformer_parameters(const struct transformer_config *config, const char *prefix, size_t trained_from,
    struct parameters *parameters, struct block_tensors *values, struct block_tensors *gradients,
    struct err *err)
{
    size_t dims[DIM_COUNT] = {0};
    int rc = 0;
    block_dims(dims, config);
    for (size_t layer = 0; layer < config->layers && !rc; layer++)
        rc = parameters_add(parameters, block_params, BLOCK_PARAMS, prefix, layer, dims, &values[layer],
            &gradients[layer], trained_from, err);
    return rc;
}

void transformer_free(struct transformer *transformer)
{
    if (!transformer)
        return;
    for (size_t i = 0; i < transformer->config.layers; i++)
        params_release(&transformer->blocks[i], block_params, BLOCK_PARAMS);
    if (transformer->rotation.buffer)
        clReleaseMemObject(transformer->rotation.buffer);
    free(transformer->blocks);
    free(transformer);
}

enum epilogue activation_epilogue(enum activation activation)
{
    static const enum epilogue epilogues[] = {
        [ACTIVATION_NONE] = EPILOGUE_NONE,
        [ACTIVATION_QUICK_GELU] = EPILOGUE_QUICK_GELU,
        [ACTIVATION_GELU] = EPILOGUE_GELU,
        [ACTIVATION_GELU_TANH] = EPILOGUE_GELU_TANH,
        [ACTIVATION_RELU] = EPILOGUE_RELU,
    };
    return epilogues[activation];
}

int workspace_new(struct workspace *workspace, const struct transformer_config *config, struct stream *stream,
    struct shape x, struct err *err)
{
    const size_t batch = x.size[0], tokens = x.size[1], width = config->width;
    const size_t hidden = config->gated ? 2 * config->mlp_width : config->mlp_width;
    const size_t widest = 3 * width > hidden ? 3 * width : hidden;
    const enum dtype real = stream_dtype(stream);
    int rc = tensor_new(&workspace->context, stream, real, SHAPE(batch, tokens, width), err);
    if (!rc)
        rc = tensor_new(&workspace->wide, stream, real, SHAPE(batch, tokens, widest), err);
    if (!rc && config->gated)
        rc = tensor_new(&workspace->gated, stream, real, SHAPE(batch, tokens, config->mlp_width), err);
    if (!rc && config->norm_place == NORM_OF_BRANCH)
        rc = tensor_new(&workspace->branch, stream, DTYPE_F32, SHAPE(batch, tokens, width), err);
    return rc;
}

/* out = linear(in), after its norm where that comes before. */
static int enter(const struct linear *linear, const struct transformer_config *config, struct stream *stream,
    struct tensor out, struct tensor in, enum epilogue epilogue, struct err *err)
{
    return config->norm_place == NORM_BEFORE
               ? linear_forward_normed(linear, stream, out, in, config->eps, epilogue, err)
               : linear_forward(linear, stream, out, in, epilogue, err);
}

/* x (R, W) += linear(in (R, K)), through the norm where that is of the branch, or of the sum. */
static int join(const struct linear *linear, const struct norm *norm, const struct transformer_config *config,
    struct stream *stream, const struct workspace *workspace, struct tensor x, struct tensor in,
    struct err *err)
{
    if (config->norm_place == NORM_BEFORE)
        return linear_forward(linear, stream, x, in, EPILOGUE_ADD, err);
    if (config->norm_place == NORM_AFTER) {
        const int rc = linear_forward(linear, stream, x, in, EPILOGUE_ADD, err);
        return rc ? rc : layer_norm(stream, x, x, norm->gamma, norm->beta, config->eps, err);
    }
    const struct tensor branch = tensor_view(workspace->branch, x.shape);
    int rc;
    if ((rc = linear_forward(linear, stream, branch, in, EPILOGUE_NONE, err)) ||
        (rc = layer_norm(stream, branch, branch, norm->gamma, norm->beta, config->eps, err)))
        return rc;
    return add_rows(stream, x, branch, err);
}

int block_attend(const struct block *block, const struct transformer *transformer, struct stream *stream,
    const struct workspace *workspace, struct tensor x, const struct sequences *sequences, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    const struct norm *norm = &block->attention_norm;
    const size_t batch = x.shape.size[0], tokens = x.shape.size[1];
    const struct tensor qkv = tensor_view(workspace->wide, SHAPE(batch, tokens, 3 * config->width));
    assert(!config->rotary.grid || !sequences); // rotation is of one grid
    int rc = enter(block->qkv, config, stream, qkv, x, EPILOGUE_NONE, err);
    if (!rc && config->rotary.grid)
        rc = rotate_pairs(stream, qkv, transformer->rotation, config->heads, err);
    if (!rc)
        rc = attention(
            stream, workspace->context, qkv, sequences, config->heads, config->causal, config->unseen, err);
    if (!rc && config->inner_norm)
        rc = inner_norm(stream, workspace->context, norm->gamma, norm->beta, config->eps, err);
    return rc;
}

/* hidden (R, M) of x (R, W): what fc_2 takes. */
static int hide(const struct block *block, const struct transformer_config *config, struct stream *stream,
    const struct workspace *workspace, struct tensor *hidden, struct tensor x, struct err *err)
{
    const enum epilogue activation = activation_epilogue(config->activation);
    const struct shape shape = SHAPE(tensor_rows(x), config->mlp_width);
    const struct norm *norm = &block->mlp_norm;
    int rc;
    if (config->gated) {
        const struct tensor both = tensor_view(workspace->wide, SHAPE(shape.size[0], 2 * config->mlp_width));
        *hidden = tensor_view(workspace->gated, shape);
        rc = enter(block->fc_1, config, stream, both, x, EPILOGUE_NONE, err);
        if (!rc)
            rc = gate(stream, *hidden, both, err);
    } else {
        *hidden = tensor_view(workspace->wide, shape);
        rc = enter(block->fc_1, config, stream, *hidden, x, activation, err);
    }
    if (!rc && config->inner_norm)
        rc = inner_norm(stream, *hidden, norm->gamma, norm->beta, config->eps, err);
    return rc;
}

int block_finish(const struct block *block, const struct transformer *transformer, struct stream *stream,
    const struct workspace *workspace, struct tensor x, struct tensor context, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    struct tensor hidden; // (R, M)
    int rc = join(block->out, &block->norm_1, config, stream, workspace, x, context, err);
    if (!rc)
        rc = hide(block, config, stream, workspace, &hidden, x, err);
    return rc ? rc : join(block->fc_2, &block->norm_2, config, stream, workspace, x, hidden, err);
}

int transformer_forward(const struct transformer *transformer, struct stream *stream, struct tensor x,
    const struct sequences *sequences, size_t count, struct err *err)
{
    const struct transformer_config *config = &transformer->config;
    const size_t mark = stream_mark(stream);
    struct workspace workspace;
    int rc = workspace_new(&workspace, config, stream, x.shape, err);
    for (size_t i = 0; i < count && !rc; i++) {
        const struct block *block = &transformer->blocks[i];
        if (!(rc = block_attend(block, transformer, stream, &workspace, x, sequences, err)))
            rc = block_finish(block, transformer, stream, &workspace, x, workspace.context, err);
    }
    stream_rewind(stream, mark);
    return rc;
}

size_t transformer_params(const struct transformer_config *config)
{
    size_t dims[DIM_COUNT] = {0};
    block_dims(dims, config);
    return config->layers * params_count(block_params, BLOCK_PARAMS, dims);
}

double transformer_flops(const struct transformer_config *config, size_t tokens)
{
    const double t = (double)tokens, w = (double)config->width, m = (double)config->mlp_width;
    const double gate = config->gated ? m : 0;
    const double products = 2 * t * w * (4 * w + 2 * m + gate); /* qkv, out, fc_1, fc_2 */
    const double attention_flops = 2 * t * t * w * 2;           /* scores, and their sum of values */
    return (double)config->layers * (products + attention_flops);
}
