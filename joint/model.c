// SPDX-License-Identifier: Apache-2.0
/* A model directory on a device. */
#include "joint/config.h"
#include "joint/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct model {
    char *path;
    struct adapters adapters; /* what it was opened with, in the arena */
    struct arena arena;
    struct model_config config;
    struct preprocess preprocess;
    struct scope scope;
    struct device *device;
    struct vit *vision;
    struct text_tower *text;
    struct tokenizer *tokenizer;
    struct weights *weights; /* the towers may read them */
    float logit_scale;       /* as stored: the natural logarithm */
    float logit_bias;
};

static const struct param model_params[] = {
    {PARAM_HOST, offsetof(struct model, logit_scale), "logit_scale", {DIM_NONE}, ALWAYS,
        TRAINED(struct scale_tensors, scale)},
    {PARAM_HOST, offsetof(struct model, logit_bias), "logit_bias", {DIM_NONE}, WITH_BIAS,
        TRAINED(struct scale_tensors, bias)},
};

enum { MODEL_PARAMS = sizeof model_params / sizeof *model_params };

/* Weights without the bias of a sigmoid are of one that was 0, as open_clip has it. */
static bool has_bias(const struct model_config *config, const struct weights *weights)
{
    return config->score == SCORE_SIGMOID && (!weights_count(weights) || weights_find(weights, "logit_bias"));
}

int model_save_scale(const struct weights *weights, struct weights_writer *writer, struct err *err)
{
    const size_t dims[DIM_COUNT] = {0};
    return params_save(model_params, MODEL_PARAMS, "", 0, dims, weights, writer, err);
}

int model_scale_parameters(struct parameters *parameters, bool with_bias, bool trained,
    struct scale_tensors *values, struct scale_tensors *gradients, struct err *err)
{
    const size_t dims[DIM_COUNT] = {[WITH_BIAS] = with_bias};
    return parameters_add(parameters, model_params, MODEL_PARAMS, "", 0, dims, values, gradients,
        trained ? TRAIN_FROM_FIRST : TRAIN_NONE, err);
}

/* A name tells with how many blocks and tokens a network was published; those that are there count. */
static void count_parts(struct model_config *config, const struct weights *weights)
{
    const size_t vision = config->depth_by_name ? vit_layers(weights) : 0;
    const size_t text = config->text_by_name ? text_layers(weights) : 0;
    const size_t vocab = config->text_by_name ? text_vocab(weights) : 0;
    if (vision)
        config->vision.block.layers = vision;
    if (text)
        config->text.block.layers = text;
    if (vocab)
        config->text.vocab = vocab;
}

/* Every id of the tokenizer needs a row in the embedding table, and the id it ends a text with must be the
 * one the tower looks for: where that never comes, all texts are embedded as their first token, the same in
 * all. */
static int check_ids(const struct model_config *config, struct tokenizer *tokenizer, struct err *err)
{
    const struct text_config *text = &config->text;
    const int32_t end = tokenizer_end(tokenizer), pad = tokenizer_pad_id(tokenizer);
    if (text_shows_padding(text) && pad >= 0 && (size_t)pad >= text->vocab)
        return err_set(err, ERR_FORMAT,
            "the tokenizer pads with id %d but the model has only %zu rows (vocab_size)", (int)pad,
            text->vocab);
    const int rc = tokenizer_fit(tokenizer, text->vocab, err);
    if (rc)
        return rc;
    if (text->eot_rule == EOT_FIRST && end != text->eot_id)
        return err_set(err, ERR_FORMAT, "the tokenizer ends a text with id %d but the model with %d (%s)",
            (int)end, (int)text->eot_id, config_end_key(config->layout));
    return 0;
}

static int load_towers(struct model *model, struct err *err)
{
    const struct model_config *config = &model->config;
    const struct weights *weights = model->weights;
    const size_t dims[DIM_COUNT] = {[WITH_BIAS] = has_bias(config, weights)};
    int rc;
    count_parts(&model->config, weights);
    if ((rc = model->tokenizer ? check_ids(config, model->tokenizer, err) : 0) ||
        (rc = vit_load(&model->vision, &config->vision, &model->preprocess, weights, model->device, err)) ||
        (rc = text_tower_load(&model->text, &config->text, weights, model->device, err)))
        return rc;
    return params_load(model, model_params, MODEL_PARAMS, "", 0, dims, weights, model->device, err);
}

int model_tokenizer_load(
    struct tokenizer **out, const struct model_config *config, const char *folder, struct err *err)
{
    struct tokenizer *tokenizer = NULL;
    int rc = tokenizer_load(&tokenizer, folder, config->tokenizer, err);
    if (rc == ERR_IO && config->no_file) /* it came alone, as OpenAI's program downloads it */
        err_wrap(err, "put bpe_simple_vocab_16e6.txt.gz, which github.com/openai/CLIP has in its folder "
                      "clip, beside it");
    if (!rc)
        rc = check_ids(config, tokenizer, err);
    if (rc)
        tokenizer_free(tokenizer);
    else
        *out = tokenizer;
    return rc;
}

static int model_new(struct model **out, struct err *err)
{
    *out = mem_new(1, sizeof **out);
    return *out ? 0 : err_memory(err, sizeof **out);
}

/* What stands beside the weights. */
static int load_parts(struct model *model, const char *path, struct err *err)
{
    struct arena arena = {0};
    const char *folder = path;
    int rc = path_folder(&folder, path, &arena, err);
    if (!rc && !(rc = model_config_read(&model->config, path, err)) &&
        !(rc = model_preprocess_read(&model->preprocess, &model->config, path, err)) &&
        !(rc = scope_read(&model->scope, folder, err)))
        rc = model_tokenizer_load(&model->tokenizer, &model->config, folder, err);
    arena_release(&arena);
    return rc;
}

/* Who opens a model may give the names of its adapters back. */
static int keep_adapters(struct model *model, const struct adapters *adapters, struct err *err)
{
    const char **names = adapters ? arena_alloc(&model->arena, (adapters->count + 1) * sizeof *names) : NULL;
    if (!adapters)
        return 0;
    for (size_t i = 0; names && i < adapters->count; i++)
        if (!(names[i] = arena_copy(&model->arena, adapters->names[i], strlen(adapters->names[i]))))
            names = NULL;
    model->adapters = (struct adapters){names, adapters->count};
    return names ? 0 : err_memory(err, adapters->count * sizeof *names);
}

/* All that needs no device. */
static int model_read(struct model **out, const char *path, const struct adapters *adapters, struct err *err)
{
    struct model *model;
    int rc = model_new(&model, err);
    if (rc)
        return rc;
    model->path = strdup(path);
    if ((rc = model->path ? 0 : err_memory(err, strlen(path))) ||
        (rc = keep_adapters(model, adapters, err)) || (rc = load_parts(model, path, err)) ||
        (rc = weights_open_adapted(&model->weights, path, adapters, err))) {
        model_free(model);
        err_wrap(err, "cannot open model '%s'", path);
    } else {
        *out = model;
    }
    return rc;
}

/* The rest of a model that was read. It is freed after an error. */
static int model_load(struct model *model, struct device *device, struct err *err)
{
    model->device = device;
    const int rc = load_towers(model, err);
    weights_drop_changes(model->weights); /* which were made by now */
    if (rc) {
        err_wrap(err, "cannot open model '%s'", model->path);
        model_free(model);
    }
    return rc;
}

int model_open(struct model **out, const char *path, struct device *device, struct err *err)
{
    return model_open_adapted(out, path, NULL, device, err);
}

int model_open_adapted(struct model **out, const char *path, const struct adapters *adapters,
    struct device *device, struct err *err)
{
    struct model *model;
    int rc = model_read(&model, path, adapters, err);
    if (!rc && !(rc = model_load(model, device, err)))
        *out = model;
    return rc;
}

/* A device and a model's files, which know nothing of each other yet. */
struct opening {
    const struct device_options *options;
    const char *path;
    const struct adapters *adapters;
    struct device *device;
    struct model *model;
    int rc[2];
    struct err err[2];
};

static void open_one(void *context, size_t i)
{
    struct opening *opening = context;
    opening->rc[i] = i ? model_read(&opening->model, opening->path, opening->adapters, &opening->err[i])
                       : device_open(&opening->device, opening->options, &opening->err[i]);
}

int model_open_with_device(struct device **device, struct model **out, const char *path,
    const struct adapters *adapters, const struct device_options *options, struct err *err)
{
    struct opening opening = {.options = options, .path = path, .adapters = adapters};
    parallel_for(2, 2, open_one, &opening);
    for (int i = 0; i < 2; i++)
        if (opening.rc[i]) {
            if (err)
                *err = opening.err[i];
            model_free(opening.model);
            device_free(opening.device);
            return opening.rc[i];
        }
    const int rc = model_load(opening.model, opening.device, err);
    if (rc) {
        device_free(opening.device);
        return rc;
    }
    *device = opening.device;
    *out = opening.model;
    return 0;
}

int model_random(struct model **out, const struct model_config *config, uint64_t seed, struct device *device,
    struct err *err)
{
    struct model *model;
    int rc = model_new(&model, err);
    if (rc)
        return rc;
    model->device = device;
    model->config = *config;
    model->preprocess = config->family->preprocess((int)config->vision.image_size);
    model->preprocess.patch = (int)config->vision.patch_size;
    if ((rc = weights_random(&model->weights, seed, err)) || (rc = load_towers(model, err)))
        model_free(model);
    else
        *out = model;
    return rc;
}

void model_free(struct model *model)
{
    if (!model)
        return;
    vit_free(model->vision);
    text_tower_free(model->text);
    tokenizer_free(model->tokenizer);
    weights_free(model->weights);
    scope_release(&model->scope);
    arena_release(&model->arena);
    free(model->path);
    free(model);
}

int model_check_files(const struct model *model, struct err *err)
{
    return weights_check_files(model->weights, err);
}

const struct model_config *model_config(const struct model *model)
{
    return &model->config;
}

size_t model_width(const struct model *model)
{
    return model->config.vision.embed_width;
}

const struct preprocess *model_preprocess(const struct model *model)
{
    return &model->preprocess;
}

const struct tokenizer *model_tokenizer(const struct model *model)
{
    return model->tokenizer;
}

size_t model_context(const struct model *model)
{
    const size_t tower = model->config.text.context;
    const size_t most = model->tokenizer ? tokenizer_context(model->tokenizer) : SIZE_MAX;
    return most < tower ? most : tower;
}

struct device *model_device(const struct model *model)
{
    return model->device;
}

struct score_rule model_score(const struct model *model)
{
    return (struct score_rule){model->config.score, expf(model->logit_scale), model->logit_bias};
}

const char *model_path(const struct model *model)
{
    return model->path;
}

const struct adapters *model_adapters(const struct model *model)
{
    return &model->adapters;
}

const char *model_scope(const struct model *model)
{
    return model->scope.knows;
}

int model_judge_scope(bool *out, const struct model *model, const uint8_t *pixels, struct err *err)
{
    const struct scope *scope = &model->scope;
    double rest = 0;
    const int rc =
        scope->knows ? palette_rest(&rest, pixels, model->config.vision.image_size, scope->colours, err) : 0;
    *out = rest > scope->rest;
    return rc;
}

int model_encode_pixels(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor pixels, struct err *err)
{
    return vit_forward(model->vision, stream, embeddings, pixels, err);
}

int model_encode_ids(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor eot, struct err *err)
{
    return text_tower_forward(model->text, stream, embeddings, ids, eot, err);
}

int model_encode_packed(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor ids, struct tensor places, const struct sequences *sequences, struct tensor eot,
    struct err *err)
{
    return text_tower_forward_packed(model->text, stream, embeddings, ids, places, sequences, eot, err);
}

int model_encode_patches(const struct model *model, struct stream *stream, struct tensor embeddings,
    struct tensor patches, const struct sequences *sequences, const struct patches *const *grids,
    struct err *err)
{
    return vit_forward_patches(model->vision, stream, embeddings, patches, sequences, grids, err);
}
