// SPDX-License-Identifier: Apache-2.0
#include "joint/facade/facade.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_BATCH = 32, BATCH_MAX = 4096, DEFAULT_ENCODERS = 4, ENCODERS_MAX = 64, THREADS_MAX = 1024 };

/* ---- options ------------------------------------------------------------------------------------------- */

/* A number that is at most `most`; 0 stands for another. */
static int number(
    size_t *out, size_t value, size_t otherwise, size_t most, const char *option, struct err *err)
{
    *out = value ? value : otherwise;
    return *out <= most ? 0 : err_set(err, ERR_ARGUMENT, "%s is %zu: the most is %zu", option, value, most);
}

static int check_adapters(const struct diptych_model_options *options, struct err *err)
{
    int rc = options->lora_count ? need(options->lora, "lora", err) : 0;
    for (size_t i = 0; i < options->lora_count && !rc; i++)
        rc = need(options->lora[i], "an item of lora", err);
    return rc;
}

static int read_options(
    struct diptych_model *model, const struct diptych_model_options *options, struct err *err)
{
    int alpha, rc;
    if (options->index && options->download)
        return err_set(err, ERR_ARGUMENT,
            "download is of no use with index: download the model by its name, and open the index with that");
    if ((rc = number(&model->loading.batch, options->batch, DEFAULT_BATCH, BATCH_MAX, "batch", err)) ||
        (rc = number(&model->most, options->encoders, DEFAULT_ENCODERS, ENCODERS_MAX, "encoders", err)) ||
        (rc = number(&model->threads, options->threads, 0, THREADS_MAX, "threads", err)) ||
        (rc = choose(&alpha, options->alpha, alpha_names, "alpha", err)) ||
        (rc = check_adapters(options, err)))
        return rc;
    model->loading.threads = (int)model->threads;
    model->loading.alpha = (enum alpha_rule)alpha;
    model->loading.fast_decode = options->fast_decode;
    model->loading.picture = (struct picture_options){
        .max_bytes = options->max_bytes,
        .max_pixels = options->max_pixels,
        .ignore_exif = options->ignore_exif,
        .strict = options->strict,
        .truncated = options->truncated,
        .isolate = options->isolate,
    };
    return 0;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

/* The directory of what `name` stands for, which is downloaded where that is wanted. */
static int find_named(const char **directory, struct diptych_model *model, const char *name,
    const struct adapters *adapters, bool download, const struct job *job, struct err *err)
{
    struct hub_pulled pulled;
    int rc = model_directory(directory, name, &model->arena, err);
    if (rc == ERR_NOT_FOUND && download) {
        rc = model_pull(&pulled, name && *name ? name : getenv("DIPTYCH_MODEL"), &model->arena, job, err);
        if (!rc)
            *directory = pulled.directory;
    }
    if (!rc)
        rc = model_reference(&model->reference, name, &model->arena, err);
    return rc ? rc : model_reference_with(&model->reference, model->reference, adapters, &model->arena, err);
}

/* The directory of the model of an index, or the one that is named, if it is the same. */
static int find_of_index(const char **directory, struct diptych_model *model, const char *name,
    struct adapters *adapters, const char *index, struct err *err)
{
    struct collection_model found;
    const int rc = collection_model_at(&found, index, false, name, adapters, &model->arena, err);
    if (rc == ERR_ARGUMENT && err)
        err->code = (enum err_code)DIPTYCH_ERROR_MODEL;
    if (rc)
        return rc == ERR_ARGUMENT ? DIPTYCH_ERROR_MODEL : rc;
    *directory = found.directory;
    *adapters = found.adapters;
    model->reference = found.reference;
    return 0;
}

/* Strings of the caller's do not outlive the call. */
static int keep(const char **text, struct arena *arena, struct err *err)
{
    const char *copy = *text ? arena_copy(arena, *text, strlen(*text)) : NULL;
    if (!copy && *text)
        return err_memory(err, strlen(*text));
    *text = copy;
    return 0;
}

static int open_model(struct diptych_model *model, const char *name,
    const struct diptych_model_options *options, const struct job *job, struct err *err)
{
    const struct device_options device = {
        .device = options->device, .gemm = options->gemm, .precision = options->precision};
    struct adapters adapters = {options->lora, options->lora_count};
    const char *directory;
    int rc = read_options(model, options, err);
    if (!rc)
        rc = options->index ? find_of_index(&directory, model, name, &adapters, options->index, err)
                            : find_named(&directory, model, name, &adapters, options->download, job, err);
    if (!rc)
        rc = keep(&model->reference, &model->arena, err);
    if (!rc)
        rc = job_step(job, "opening the model", 0, 0, err);
    if (!rc)
        rc = device_open(&model->device, &device, err);
    if (!rc)
        rc = model_open_adapted(&model->model, directory, &adapters, model->device, err);
    return rc ? rc : model_fingerprint(model->fingerprint, model->model, err);
}

static void model_close(struct diptych_model *model)
{
    lanes_free(model);
    model_free(model->model);
    device_free(model->device);
    turns_release(&model->turns);
    arena_release(&model->arena);
    free(model);
}

static int model_new(struct diptych_model **out, struct err *err)
{
    struct diptych_model *model = mem_new(1, sizeof *model);
    if (!model)
        return err_memory(err, sizeof *model);
    const int rc = turns_init(&model->turns, err);
    if (rc) {
        free(model);
        return rc;
    }
    atomic_init(&model->references, 1);
    *out = model;
    return 0;
}

int diptych_model_open(struct diptych_model **out, const char *name,
    const struct diptych_model_options *options, struct diptych_job *job, struct diptych_error *error)
{
    struct diptych_model_options own;
    struct diptych_model *model = NULL;
    struct err err;
    const locale_t host = facade_begin();
    const struct job work = facade_job(job, 0, host);
    int rc = need(out, "out", &err);
    if (!rc) {
        *out = NULL;
        rc = OPTIONS(&own, options, &err);
    }
    if (!rc)
        rc = model_new(&model, &err);
    if (!rc)
        rc = open_model(model, name, &own, &work, &err);
    if (!rc)
        *out = model;
    else
        diptych_model_free(model);
    return facade_end(error, rc, &err, host);
}

void model_hold(struct diptych_model *model)
{
    atomic_fetch_add(&model->references, 1);
}

void diptych_model_free(struct diptych_model *model)
{
    if (model && atomic_fetch_sub(&model->references, 1) == 1)
        model_close(model);
}

/* ---- what it is ---------------------------------------------------------------------------------------- */

int diptych_model_info(
    const struct diptych_model *handle, struct diptych_model_info *out, struct diptych_error *error)
{
    struct err err;
    const locale_t host = facade_begin();
    int rc = need(handle, "model", &err);
    if (!rc) {
        const struct model *model = handle->model;
        const struct preprocess *preprocess = model_preprocess(model);
        const struct score_rule score = model_score(model);
        const struct diptych_model_info info = {
            .width = model_width(model),
            .context = model_context(model),
            .image_size = preprocess->resize_mode == RESIZE_PATCHES ? 0 : (size_t)preprocess->crop,
            .parameters = model_config_params(model_config(model)),
            .path = model_path(model),
            .family = model_config(model)->family->name,
            .fingerprint = handle->fingerprint,
            .scope = model_scope(model),
            .device = device_name(handle->device),
            .gemm = device_gemm(handle->device),
            .precision = precision_name(device_precision(handle->device)),
            .score = score_names[score.kind],
            .score_scale = (double)score.scale,
            .score_bias = (double)score.bias,
        };
        rc = info_copy(out, &info, sizeof info, &err);
    }
    return facade_end(error, rc, &err, host);
}
