// SPDX-License-Identifier: Apache-2.0
/* The text transformer: tokens, positions, blocks, and one token or their mean, normed and maybe projected. */
#include "text/tower_tensors.h"

#include <math.h>
#include <stdlib.h>

struct text_tower {
    struct text_config config;
    struct tensor token_table; // (V, W)
    struct tensor class_token; // (W); of TEXT_CLASS
    struct tensor
        positions; // (context, W), with a class token one more, or a table (P, W) with what is added to all tokens
    struct tensor embedded_gamma, embedded_beta; // (W): of the norm before the first block
    struct linear *neck;                         // (N, W); then ln_final comes before it
    struct linear *projection;                   // (E, W); or (E, N); without a neck ln_final comes first
    struct tensor gamma, beta;                   // (W): ln_final, where no projection comes after it
    struct transformer *blocks;
};

#define FIELD(name) offsetof(struct text_tower, name)
#define LEARNED(name) TRAINED(struct text_tensors, name)

const char text_block_prefix[] = "text_model.encoder.layers.%zu.";
static const char token_table[] = "text_model.embeddings.token_embedding.weight";

static const struct param params[] = {
    {PARAM_TABLE, FIELD(token_table), token_table, {DIM_VOCAB, DIM_WIDTH}, ALWAYS, LEARNED(token_table)},
    {PARAM_TENSOR, FIELD(class_token), "text_model.embeddings.class_embedding", {DIM_WIDTH}, WITH_CLASS_TOKEN,
        UNTRAINED},
    {PARAM_LINE, FIELD(positions), "text_model.embeddings.position_embedding.weight", {DIM_TOKENS, DIM_WIDTH},
        WITH_CONTEXT_POSITIONS, LEARNED(positions)},
    {PARAM_TENSOR, FIELD(embedded_gamma), "text_model.embeddings.layer_norm.weight", {DIM_WIDTH},
        WITH_EMBEDDED_NORM, UNTRAINED},
    {PARAM_TENSOR, FIELD(embedded_beta), "text_model.embeddings.layer_norm.bias", {DIM_WIDTH},
        WITH_EMBEDDED_NORM, UNTRAINED},
    {PARAM_LINEAR_EXACT, FIELD(neck), "text_model.neck.weight", {DIM_NECK, DIM_WIDTH}, WITH_NECK, UNTRAINED},
    {PARAM_BIAS, FIELD(neck), "text_model.neck.bias", {DIM_NECK}, WITH_NECK_BIAS, UNTRAINED},
    {PARAM_GAMMA, FIELD(neck), "text_model.final_layer_norm.weight", {DIM_WIDTH}, WITH_NECK_NORM, UNTRAINED},
    {PARAM_BETA, FIELD(neck), "text_model.final_layer_norm.bias", {DIM_WIDTH}, WITH_NECK_NORM, UNTRAINED},
    {PARAM_LINEAR_EXACT, FIELD(projection), "text_projection.weight", {DIM_EMBED, DIM_PROJECTED},
        WITH_PROJECTION_MATRIX, LEARNED(end.projection.weight)},
    {PARAM_LINEAR_EXACT, FIELD(projection), "text_model.head.weight", {DIM_EMBED, DIM_PROJECTED},
        WITH_PROJECTION_LAYER, LEARNED(end.projection.weight)},
    {PARAM_BIAS, FIELD(projection), "text_model.head.bias", {DIM_EMBED}, WITH_PROJECTION_LAYER,
        LEARNED(end.projection.bias)},
    {PARAM_GAMMA, FIELD(projection), "text_model.final_layer_norm.weight", {DIM_WIDTH}, WITH_POOLED_NORM,
        LEARNED(end.norm.gamma)},
    {PARAM_BETA, FIELD(projection), "text_model.final_layer_norm.bias", {DIM_WIDTH}, WITH_POOLED_NORM,
        LEARNED(end.norm.beta)},
    {PARAM_TENSOR, FIELD(gamma), "text_model.final_layer_norm.weight", {DIM_WIDTH}, WITH_NORM_ALONE,
        UNTRAINED},
    {PARAM_TENSOR, FIELD(beta), "text_model.final_layer_norm.bias", {DIM_WIDTH}, WITH_NORM_ALONE, UNTRAINED},
};

enum { PARAMS = sizeof params / sizeof *params };

/* Tables that are added up on the host. */
struct tables {
    float *positions; // (P, W)
    float *types;     // (token types, W)
};

static const struct param table_params[] = {
    {PARAM_VALUES, offsetof(struct tables, positions), "text_model.embeddings.position_embedding.weight",
        {DIM_POSITIONS, DIM_WIDTH}, WITH_POSITION_TABLE, UNTRAINED},
    {PARAM_VALUES, offsetof(struct tables, types), "text_model.embeddings.token_type_embedding.weight",
        {DIM_TYPES, DIM_WIDTH}, WITH_TYPES, UNTRAINED},
};

enum { TABLE_PARAMS = sizeof table_params / sizeof *table_params };

static void text_dims(size_t dims[DIM_COUNT], const struct text_config *config)
{
    dims[DIM_WIDTH] = config->block.width;
    dims[DIM_VOCAB] = config->vocab;
    dims[DIM_TOKENS] = config->context + (config->eot_rule == TEXT_CLASS);
    dims[WITH_CLASS_TOKEN] = config->eot_rule == TEXT_CLASS;
    dims[DIM_EMBED] = config->embed_width;
    dims[DIM_POSITIONS] = config->embedding.positions;
    dims[DIM_TYPES] = config->embedding.types;
    dims[WITH_CONTEXT_POSITIONS] = !config->embedding.positions;
    dims[WITH_POSITION_TABLE] = config->embedding.positions > 0 && !config->embedding.waves;
    dims[WITH_TYPES] = config->embedding.types > 0;
    dims[WITH_EMBEDDED_NORM] = config->embedding.norm;
    dims[WITH_PROJECTION] = config->projection != PROJECTION_NONE;
    dims[WITH_PROJECTION_MATRIX] = config->projection == PROJECTION_MATRIX;
    dims[WITH_PROJECTION_LAYER] = config->projection == PROJECTION_LAYER;
    dims[DIM_NECK] = config->neck;
    dims[DIM_PROJECTED] = config->neck ? config->neck : config->block.width;
    dims[WITH_NECK] = config->neck > 0;
    dims[WITH_NECK_BIAS] = config->neck && config->neck_bias;
    dims[WITH_NECK_NORM] = config->neck && !config->no_final_norm;
    dims[WITH_POOLED_NORM] = dims[WITH_PROJECTION] && !config->neck && !config->no_final_norm;
    dims[WITH_NORM_ALONE] = config->projection == PROJECTION_NONE;
}

/* positions (P, W): sines in the first half of a row, cosines in the second, of the place times W/2 speeds from 1 down to
 * 1/10000; in float32, as the reference has them. */
static int make_waves(float **positions, size_t count, size_t width, struct err *err)
{
    const size_t half = width / 2;
    const double step = log(10000) / (double)(half - 1);
    *positions = mem_new(count * width, sizeof **positions);
    if (!*positions)
        return err_memory(err, count * width * sizeof **positions);
    for (size_t i = 0; i < half; i++) {
        const float speed = expf((float)i * -(float)step);
        for (size_t place = 0; place < count; place++) {
            float *row = *positions + place * width;
            row[i] = sinf((float)place * speed);
            row[half + i] = cosf((float)place * speed);
        }
    }
    return 0;
}

/* The positions of a table, with the token type that all tokens have. */
static int load_tables(struct text_tower *tower, const size_t dims[DIM_COUNT], const struct weights *weights,
    struct device *device, struct err *err)
{
    const size_t positions = dims[DIM_POSITIONS], width = dims[DIM_WIDTH];
    struct tables tables = {0};
    int rc = params_load(&tables, table_params, TABLE_PARAMS, "", 0, dims, weights, device, err);
    if (!rc && tower->config.embedding.waves)
        rc = make_waves(&tables.positions, positions, width, err);
    for (size_t i = 0; !rc && tables.types && i < positions * width; i++)
        tables.positions[i] += tables.types[i % width];
    if (!rc)
        rc = tensor_load(&tower->positions, device, SHAPE(positions, width), tables.positions, err);
    params_release(&tables, table_params, TABLE_PARAMS);
    return rc;
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
    if (!rc && config->embedding.positions)
        rc = load_tables(tower, dims, weights, device, err);
    if (!rc)
        rc = transformer_load(&tower->blocks, &config->block, text_block_prefix, weights, device, err);
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
    return rc ? rc : transformer_save(&config->block, text_block_prefix, weights, writer, err);
}

int text_parameters(const struct text_config *config, enum tower_part part, struct parameters *parameters,
    struct text_tensors *values, struct text_tensors *gradients, struct err *err)
{
    static const size_t trained_from[] = {[TOWER_ALL] = TRAIN_FROM_FIRST,
        [TOWER_PROJECTION] = offsetof(struct text_tensors, end.projection),
        [TOWER_LORA] = TRAIN_NONE};
    size_t dims[DIM_COUNT] = {0};
    text_dims(dims, config);
    return parameters_add(
        parameters, params, PARAMS, "", 0, dims, values, gradients, trained_from[part], err);
}

void text_tower_free(struct text_tower *tower)
{
    if (!tower)
        return;
    params_release(tower, params, PARAMS);
    transformer_free(tower->blocks);
    free(tower);
}

const char *const eot_rule_names[] = {[EOT_FIRST] = "first",
    [EOT_ARGMAX] = "argmax",
    [EOT_LAST] = "last",
    [TEXT_START] = "first token",
    [TEXT_CLASS] = "class token",
    [TEXT_MEAN] = "mean"};

bool text_shows_padding(const struct text_config *config)
{
    return config->eot_rule == TEXT_CLASS || !(config->block.causal || config->packed);
}

size_t text_eot(const struct text_config *config, const int32_t *ids, size_t count)
{
    size_t best = 0;
    if (config->eot_rule == EOT_LAST)
        return config->context - 1;
    if (config->packed)
        return config->eot_rule == TEXT_CLASS ? text_tokens(config, ids, count) - 1 : 0;
    for (size_t i = 0; i < count; i++) {
        if (config->eot_rule == EOT_FIRST && ids[i] == config->eot_id)
            return i;
        if (ids[i] > ids[best])
            best = i;
    }
    return config->eot_rule == EOT_FIRST ? 0 : best; /* no end: token 0, as transformers' argmax says */
}

size_t text_layers(const struct weights *weights)
{
    return params_layers(weights, text_block_prefix);
}

size_t text_vocab(const struct weights *weights)
{
    return params_rows(weights, token_table);
}

/* RoBERTa's padding: places are counted from the one behind its id on. */
static bool is_padding(const struct text_config *config, int32_t id)
{
    return config->embedding.first && id == (int32_t)config->embedding.first - 1;
}

/* Of TEXT_CLASS: whether something sees what stands at place t, of which the class token's is behind the context.
 *
 * The mask that CoCa was trained with (_build_additive_mask in open_clip's transformer.py) is one off: a token is seen,
 * by itself and those behind it, where the id before it is none of padding. So the first token of padding is seen; the
 * class token only in a text without padding; and what follows an id that merely looks like padding ("!" inside a word
 * is 0) is not. */
static bool is_seen(const struct text_config *config, const int32_t *ids, size_t t)
{
    return !t || ids[t - 1] != config->pad_id;
}

size_t text_tokens(const struct text_config *config, const int32_t *ids, size_t count)
{
    const bool class_token = config->eot_rule == TEXT_CLASS;
    size_t tokens = class_token;
    if (!config->packed)
        return config->block.causal ? text_eot(config, ids, count) + 1 : config->context;
    for (size_t i = 0; i < count + class_token; i++)
        tokens +=
            class_token ? is_seen(config, ids, i) : !config->skips_padding || !is_padding(config, ids[i]);
    return tokens;
}

size_t text_tokens_most(const struct text_config *config)
{
    return config->context + (config->eot_rule == TEXT_CLASS ? 2 : 0);
}

/* Nothing comes from a token that is neither seen nor pooled: those are left out. Last stands the class token that is
 * pooled, which the blocks leave unseen; where it is seen it is there twice, and both have the same states. */
static size_t pack_with_class(
    int32_t *rows, int32_t *places, const struct text_config *config, const int32_t *ids, size_t count)
{
    size_t tokens = 0;
    for (size_t t = 0; t <= count + 1; t++) {
        if (t <= count && !is_seen(config, ids, t))
            continue;
        rows[tokens] = t < count ? ids[t] : (int32_t)config->vocab;
        places[tokens++] = (int32_t)(t < count ? t : count);
    }
    return tokens;
}

/* Padding that takes part has its own place, and none of those that are counted. */
size_t text_pack(
    int32_t *rows, int32_t *places, const struct text_config *config, const int32_t *ids, size_t count)
{
    int32_t next = (int32_t)config->embedding.first;
    size_t tokens = 0;
    if (config->eot_rule == TEXT_CLASS)
        return pack_with_class(rows, places, config, ids, count);
    for (size_t i = 0; i < count; i++) {
        const bool padding = is_padding(config, ids[i]);
        if (padding && config->skips_padding)
            continue;
        rows[tokens] = ids[i];
        places[tokens++] = padding ? ids[i] : next++;
    }
    return tokens;
}

/* out = layer(in (B, W)), after the last norm where there is one. */
static int leave(const struct text_tower *tower, const struct linear *layer, struct stream *stream,
    struct tensor out, struct tensor in, enum epilogue epilogue, struct err *err)
{
    return tower->config.no_final_norm
               ? linear_forward(layer, stream, out, in, epilogue, err)
               : linear_forward_normed(layer, stream, out, in, tower->config.block.eps, epilogue, err);
}

/* embeddings (B, E) of pooled (B, W). */
static int project(const struct text_tower *tower, struct stream *stream, struct tensor embeddings,
    struct tensor pooled, struct err *err)
{
    const struct text_config *config = &tower->config;
    struct tensor hidden; // (B, N)
    int rc;
    if (!tower->projection)
        return layer_norm(stream, embeddings, pooled, tower->gamma, tower->beta, config->block.eps, err);
    if (!tower->neck)
        return leave(tower, tower->projection, stream, embeddings, pooled, EPILOGUE_NONE, err);
    if ((rc = tensor_new(
             &hidden, stream, stream_dtype(stream), SHAPE(pooled.shape.size[0], config->neck), err)) ||
        (rc = leave(
             tower, tower->neck, stream, hidden, pooled, activation_epilogue(config->neck_activation), err)))
        return rc;
    return linear_forward(tower->projection, stream, embeddings, hidden, EPILOGUE_NONE, err);
}

int text_tower_forward(const struct text_tower *tower, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor eot, struct err *err)
{
    const struct transformer_config *block = &tower->config.block;
    const size_t batch = ids.shape.size[0], tokens = ids.shape.size[1], mark = stream_mark(stream);
    struct tensor x;      // (B, T, W) float32: the residual stream
    struct tensor pooled; // (B, W) float32: the end-of-text token's last state
    const struct tensor none = {0};
    int rc;

    if ((rc = tensor_new(&x, stream, DTYPE_F32, SHAPE(batch, tokens, block->width), err)) ||
        (rc = tensor_new(&pooled, stream, DTYPE_F32, SHAPE(batch, block->width), err)))
        goto done;

    if ((rc = embed_tokens(stream, x, ids, tower->token_table, 1, none, tower->positions, none, err)) ||
        (rc = transformer_forward(tower->blocks, stream, x, NULL, block->layers - 1, err)) ||
        (rc = pool_token(tower->blocks, stream, pooled, x, NULL, eot, err)))
        goto done;
    rc = project(tower, stream, embeddings, pooled, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* x (1, R, W) float32, the residual stream, of the rows of texts. */
static int embed_packed(const struct text_tower *tower, struct stream *stream, struct tensor x,
    struct tensor ids, struct tensor places, struct err *err)
{
    const struct text_config *config = &tower->config;
    const float scale = config->embedding.scaled ? sqrtf((float)config->block.width) : 1;
    const struct shape rows = SHAPE(1, tensor_rows(x));
    const int rc = embed_tokens(stream, x, tensor_view(ids, rows), tower->token_table, scale,
        tower->class_token, tower->positions, tensor_view(places, rows), err);
    if (rc || !config->embedding.norm)
        return rc;
    return layer_norm(stream, x, x, tower->embedded_gamma, tower->embedded_beta, config->block.eps, err);
}

/* pooled (B, W) of x (1, R, W), which is used up. */
static int pool_packed(const struct text_tower *tower, struct stream *stream, struct tensor pooled,
    struct tensor x, const struct sequences *sequences, struct tensor eot, struct err *err)
{
    const size_t layers = tower->config.block.layers;
    const bool mean = tower->config.eot_rule == TEXT_MEAN;
    const int rc = transformer_forward(tower->blocks, stream, x, sequences, mean ? layers : layers - 1, err);
    if (rc)
        return rc;
    return mean ? mean_rows(stream, pooled, x, sequences, 0, err)
                : pool_token(tower->blocks, stream, pooled, x, sequences, eot, err);
}

int text_tower_forward_packed(const struct text_tower *tower, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor places, const struct sequences *sequences, struct tensor eot,
    struct err *err)
{
    const size_t width = tower->config.block.width, mark = stream_mark(stream);
    struct tensor x;      // (1, R, W) float32: the residual stream
    struct tensor pooled; // (B, W) float32
    int rc;
    if ((rc = tensor_new(&x, stream, DTYPE_F32, SHAPE(1, shape_count(ids.shape), width), err)) ||
        (rc = tensor_new(&pooled, stream, DTYPE_F32, SHAPE(sequences->count, width), err)) ||
        (rc = embed_packed(tower, stream, x, ids, places, err)) ||
        (rc = pool_packed(tower, stream, pooled, x, sequences, eot, err)))
        goto done;
    rc = project(tower, stream, embeddings, pooled, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

size_t text_params(const struct text_config *config)
{
    size_t dims[DIM_COUNT] = {0};
    text_dims(dims, config);
    return params_count(params, PARAMS, dims) + params_count(table_params, TABLE_PARAMS, dims) +
           transformer_params(&config->block);
}

double text_flops(const struct text_config *config, size_t tokens)
{
    const size_t width = config->block.width, neck = config->neck;
    const size_t projection = config->projection == PROJECTION_NONE ? 0 : config->embed_width;
    return transformer_flops(&config->block, tokens) +
           2.0 * (double)(neck ? neck * (width + projection) : width * projection);
}
