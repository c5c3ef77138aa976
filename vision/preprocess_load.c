// SPDX-License-Identifier: Apache-2.0
/* Finds how a model directory wants its pictures. */
#include "vision/settings.h"

#include <string.h>

struct preprocess preprocess_default(int image_size)
{
    return (struct preprocess){
        .resize_mode = RESIZE_SHORTEST,
        .resample = RESAMPLE_BICUBIC,
        .crop_rounding = CROP_FLOOR,
        .rgb_order = RGB_FIRST,
        .resize = image_size,
        .crop = image_size,
        .scale = 1 / 255.f,
        .mean = {0.48145466f, 0.4578275f, 0.40821073f},
        .std = {0.26862954f, 0.26130258f, 0.27577711f},
    };
}

struct preprocess preprocess_siglip(int image_size)
{
    struct preprocess preprocess = preprocess_default(image_size);
    preprocess.resize_mode = RESIZE_SQUASH;
    for (int c = 0; c < 3; c++)
        preprocess.mean[c] = preprocess.std[c] = 0.5f;
    return preprocess;
}

struct preprocess preprocess_siglip2(int image_size)
{
    struct preprocess preprocess = preprocess_siglip(image_size);
    preprocess.resize_mode = RESIZE_PATCHES;
    preprocess.resample = RESAMPLE_BILINEAR;
    preprocess.patch = 16;
    preprocess.max_patches = 256;
    return preprocess;
}

/* ---- the files ----------------------------------------------------------------------------------------- */

enum { LIMIT = 1 << 20 };
static const char processor[] = "processor_config.json", image_processor[] = "preprocessor_config.json",
                  open_clip[] = "open_clip_config.json";

/* *root: of the file `name`; NULL where there is none. */
static int read_file(json_t **root, const char *directory, const char *name, struct err *err)
{
    struct arena arena = {0};
    const char *path = path_join(&arena, directory, name);
    int rc = path ? 0 : err_memory(err, strlen(directory));
    *root = NULL;
    if (!rc && file_exists(path))
        rc = json_read(root, path, LIMIT, err);
    arena_release(&arena);
    return rc;
}

/* *settings: of the first file that has some, for json_decref; NULL: none has. Only transformers from 5 on writes the
 * settings of pictures into processor_config.json. */
static int read_hf_files(json_t **settings, const char **source, const char *directory, struct err *err)
{
    json_t *root;
    int rc = read_file(&root, directory, processor, err);
    const json_t *inner = json_object_get(root, "image_processor");
    if (json_is_null(inner))
        inner = NULL;
    *settings = json_deep_copy(inner);
    *source = processor;
    if (!rc && inner && !json_is_object(inner))
        rc = err_set(
            err, ERR_FORMAT, "unable to use '%s/%s': 'image_processor' is no object", directory, processor);
    else if (!rc && inner && !*settings)
        rc = err_memory(err, 0);
    json_decref(root);
    if (rc || *settings)
        return rc;
    *source = image_processor;
    return read_file(settings, directory, image_processor, err);
}

/* Many directories hold both layouts. As for the weights, Hugging Face's counts where its config is. */
static int find_settings(json_t **settings, const char **source, const char *directory, struct err *err)
{
    struct arena arena = {0};
    const char *hf_model = path_join(&arena, directory, "config.json");
    const bool is_hf = hf_model && file_exists(hf_model);
    arena_release(&arena);
    int rc = hf_model ? read_hf_files(settings, source, directory, err) : err_memory(err, strlen(directory));
    if (rc || (*settings && is_hf))
        return rc;
    json_t *other;
    rc = read_file(&other, directory, open_clip, err);
    if (rc || !other)
        return rc;
    json_decref(*settings);
    *settings = other;
    *source = open_clip;
    return 0;
}

int preprocess_load(
    struct preprocess *out, const char *directory, const struct preprocess *otherwise, struct err *err)
{
    json_t *settings = NULL;
    const char *source = NULL;

    *out = *otherwise;
    int rc = find_settings(&settings, &source, directory, err);
    if (!rc && settings) {
        out->source = source;
        rc = source == open_clip ? settings_read_open_clip(out, settings, err)
                                 : settings_read_hf(out, settings, err);
        if (!rc)
            rc = settings_check(out, otherwise->crop, err);
        if (rc)
            err_wrap(err, "unable to use '%s/%s'", directory, source);
    }
    json_decref(settings);
    return rc;
}
