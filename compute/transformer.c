// SPDX-License-Identifier: Apache-2.0
/* The one transformer: both towers are made of these blocks. */
#include "compute/transformer.h"

#include <stdlib.h>

#define FIELD(name) offsetof(struct block, name)

static const struct param block_params[] = {
    {PARAM_LINEAR, FIELD(qkv), "self_attn.{q,k,v}_proj.weight", {DIM_3WIDTH, DIM_WIDTH}, ALWAYS},
    {PARAM_BIAS, FIELD(qkv), "self_attn.{q,k,v}_proj.bias", {DIM_3WIDTH}, ALWAYS},
    {PARAM_GAMMA, FIELD(qkv), "layer_norm1.weight", {DIM_WIDTH}, ALWAYS},
    {PARAM_BETA, FIELD(qkv), "layer_norm1.bias", {DIM_WIDTH}, ALWAYS},
    {PARAM_LINEAR, FIELD(out), "self_attn.out_proj.weight", {DIM_WIDTH, DIM_WIDTH}, ALWAYS},
    {PARAM_BIAS, FIELD(out), "self_attn.out_proj.bias", {DIM_WIDTH}, ALWAYS},
    {PARAM_LINEAR, FIELD(fc_1), "mlp.fc1.weight", {DIM_MLP, DIM_WIDTH}, ALWAYS},
    {PARAM_BIAS, FIELD(fc_1), "mlp.fc1.bias", {DIM_MLP}, ALWAYS},
    {PARAM_GAMMA, FIELD(fc_1), "layer_norm2.weight", {DIM_WIDTH}, ALWAYS},
    {PARAM_BETA, FIELD(fc_1), "layer_norm2.bias", {DIM_WIDTH}, ALWAYS},
    {PARAM_LINEAR, FIELD(fc_2), "mlp.fc2.weight", {DIM_WIDTH, DIM_MLP}, ALWAYS},
    {PARAM_BIAS, FIELD(fc_2), "mlp.fc2.bias", {DIM_WIDTH}, ALWAYS},
};

enum { BLOCK_PARAMS = sizeof block_params / sizeof *block_params };

static void block_dims(size_t dims[DIM_COUNT], const struct transformer_config *config)
{
    dims[DIM_WIDTH] = config->width;
    dims[DIM_3WIDTH] = 3 * config->width;
    dims[DIM_MLP] = config->mlp_width;
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

void transformer_free(struct transformer *transformer)
{
    if (!transformer)
        return;
    for (size_t i = 0; i < transformer->config.layers; i++)
        params_release(&transformer->blocks[i], block_params, BLOCK_PARAMS);
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
    };
    return epilogues[activation];
}

int workspace_new(struct workspace *workspace, const struct transformer_config *config, struct stream *stream,
    struct shape x, struct err *err)
{
    const size_t batch = x.size[0], tokens = x.size[1], width = config->width;
    const size_t widest = 3 * width > config->mlp_width ? 3 * width : config->mlp_width;
    const enum dtype real = stream_dtype(stream);
    int rc = tensor_new(&workspace->context, stream, real, SHAPE(batch, tokens, width), err);
    return rc ? rc : tensor_new(&workspace->wide, stream, real, SHAPE(batch, tokens, widest), err);
}

int block_attend(const struct block *block, const struct transformer_config *config, struct stream *stream,
    const struct workspace *workspace, struct tensor x, const struct sequences *sequences, struct err *err)
{
    const size_t batch = x.shape.size[0], tokens = x.shape.size[1];
    const struct tensor qkv = tensor_view(workspace->wide, SHAPE(batch, tokens, 3 * config->width));
    int rc = linear_forward_normed(block->qkv, stream, qkv, x, config->eps, EPILOGUE_NONE, err);
    return rc ? rc
              : attention(stream, workspace->context, qkv, sequences, config->heads, config->causal, err);
}

int block_finish(const struct block *block, const struct transformer_config *config, struct stream *stream,
    const struct workspace *workspace, struct tensor x, struct tensor context, struct err *err)
{
    const enum epilogue activation = activation_epilogue(config->activation);
    const struct tensor hidden = tensor_view(workspace->wide, SHAPE(tensor_rows(x), config->mlp_width));
    int rc;
    if ((rc = linear_forward(block->out, stream, x, context, EPILOGUE_ADD, err)) ||
        (rc = linear_forward_normed(block->fc_1, stream, hidden, x, config->eps, activation, err)))
        return rc;
    return linear_forward(block->fc_2, stream, x, hidden, EPILOGUE_ADD, err);
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
        if (!(rc = block_attend(block, config, stream, &workspace, x, sequences, err)))
            rc = block_finish(block, config, stream, &workspace, x, workspace.context, err);
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
    const double products = 2 * t * w * (4 * w + 2 * m); /* qkv, out, fc_1, fc_2 */
    const double attention_flops = 2 * t * t * w * 2;    /* scores, and their sum of values */
    return (double)config->layers * (products + attention_flops);
}
