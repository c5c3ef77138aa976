// SPDX-License-Identifier: Apache-2.0
/* A model written anew. */
#include "joint/internal.h"

#include <string.h>

bool model_fits_clip(const struct model_config *config, const struct preprocess *preprocess)
{
    return config->family == &family_clip && config->vision.pre_norm && config->text.block.causal &&
           (preprocess->resize_mode == RESIZE_SHORTEST || preprocess->resize_mode == RESIZE_SQUASH);
}

/* All tensors, to be announced or written. */
static int add_tensors(const struct model_config *config, const struct weights *weights, enum layout layout,
    struct weights_writer *writer, struct err *err)
{
    int rc;
    if (layout == LAYOUT_OPEN_CLIP || config->family != &family_clip)
        return weights_save(weights, writer, err);
    if ((rc = vit_save(&config->vision, weights, writer, err)) ||
        (rc = text_tower_save(&config->text, weights, writer, err)))
        return rc;
    return model_save_scale(weights, writer, err);
}

static int write_weights(const char *directory, const struct model_config *config,
    const struct weights *weights, const struct model_conversion *conversion, const struct job *job,
    struct err *err)
{
    struct arena arena = {0};
    struct weights_writer *writer = NULL;
    const char *name = conversion->layout == LAYOUT_HF ? "model.safetensors" : "open_clip_model.safetensors";
    const char *path = path_join(&arena, directory, name);
    int rc = path ? weights_writer_open(&writer, path, conversion->dtype, job, err)
                  : err_memory(err, strlen(directory));
    if (!rc && !(rc = add_tensors(config, weights, conversion->layout, writer, err)) &&
        !(rc = weights_writer_begin(writer, err)))
        rc = add_tensors(config, weights, conversion->layout, writer, err);
    const int closed = weights_writer_close(writer, !rc, rc ? NULL : err);
    arena_release(&arena);
    return rc ? rc : closed;
}

/* Without one that fits, what is written would be no model. */
static int check_tokenizer(const char *from, const struct model_config *config, struct err *err)
{
    struct tokenizer *tokenizer = NULL;
    const int rc = model_tokenizer_load(&tokenizer, config, from, err);
    if (rc)
        err_wrap(err, "cannot open model '%s'", from);
    tokenizer_free(tokenizer);
    return rc;
}

static int write_model(const char *directory, const char *path, const struct model_config *config,
    const struct preprocess *preprocess, const struct weights *weights,
    const struct model_conversion *conversion, bool same_scope, const struct job *job, struct err *err)
{
    struct arena arena = {0};
    struct new_folder folder = {0};
    const char *from = path;
    int rc = path_folder(&from, path, &arena, err);
    if (!rc)
        rc = check_tokenizer(from, config, err);
    if (!rc)
        rc = new_folder_open(&folder, directory, err);
    if (!rc)
        rc = convert_files(folder.beside, from, config, preprocess, conversion, err);
    if (!rc && same_scope)
        rc = convert_scope(folder.beside, from, err);
    if (!rc)
        rc = write_weights(folder.beside, config, weights, conversion, job, err);
    const int closed = new_folder_close(&folder, !rc, rc ? NULL : err);
    arena_release(&arena);
    return rc ? rc : closed;
}

int model_write(struct model_conversion *out, const char *directory, const char *path,
    const struct weights *weights, const enum dtype *dtype, const struct job *job, struct err *err)
{
    struct model_config config;
    struct preprocess preprocess;
    int rc;
    if ((rc = model_config_read(&config, path, err)) ||
        (rc = model_preprocess_read(&preprocess, &config, path, err)))
        return rc;
    *out = (struct model_conversion){
        .layout = weights_layout(weights), .dtype = *dtype, .parameters = model_config_params(&config)};
    return write_model(directory, path, &config, &preprocess, weights, out, false, job, err);
}

int model_convert(struct model_conversion *out, const char *directory, const char *path,
    const struct adapters *adapters, const enum dtype *dtype, const struct job *job, struct err *err)
{
    struct model_config config;
    struct preprocess preprocess;
    struct weights *weights = NULL;
    int rc;
    if (file_exists(directory))
        return err_set(err, ERR_ARGUMENT, "'%s' is there already", directory);
    if (!(rc = model_config_read(&config, path, err)) &&
        !(rc = model_preprocess_read(&preprocess, &config, path, err)) &&
        !(rc = weights_open_adapted(&weights, path, adapters, err))) {
        *out = (struct model_conversion){
            .layout = model_fits_clip(&config, &preprocess) ? LAYOUT_HF : config.layout,
            .dtype = dtype ? *dtype : weights_dtype(weights),
            .parameters = model_config_params(&config),
        };
        rc = write_model(directory, path, &config, &preprocess, weights, out, true, job, err);
    }
    weights_free(weights);
    return rc;
}
