// SPDX-License-Identifier: Apache-2.0
/* Reads how a model wants its pictures, from the two layouts models come in. */
#include "vision/vision.h"

#include <jansson.h>
#include <string.h>

struct preprocess preprocess_default(int image_size)
{
    return (struct preprocess){
        .resize_mode = RESIZE_SHORTEST,
        .resample = RESAMPLE_BICUBIC,
        .crop_rounding = CROP_FLOOR,
        .resize = image_size,
        .crop = image_size,
        .scale = 1 / 255.f,
        .mean = {0.48145466f, 0.4578275f, 0.40821073f},
        .std = {0.26862954f, 0.26130258f, 0.27577711f},
    };
}

/* NULL where the field is absent or null. */
static const json_t *field(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

static bool flag(const json_t *object, const char *name, bool fallback)
{
    const json_t *value = field(object, name);
    return value ? !json_is_false(value) : fallback;
}

static int read_length(int *out, const json_t *value, const char *name, struct err *err)
{
    enum { LARGEST = 1 << 14 };
    const json_int_t length = json_integer_value(value);
    if (!json_is_integer(value) || length < 1 || length > LARGEST)
        return err_set(err, ERR_FORMAT, "'%s' is not a whole number from 1 to %d", name, LARGEST);
    *out = (int)length;
    return 0;
}

/* One number for all channels, or a list of one each. */
static int read_channels(float out[3], const json_t *object, const char *name, struct err *err)
{
    const json_t *value = field(object, name);
    if (!value)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        const json_t *number = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_number(number) || (json_is_array(value) && json_array_size(value) != 3))
            return err_set(err, ERR_FORMAT, "'%s' is neither a number nor a list of three", name);
        out[i] = (float)json_number_value(number);
    }
    return 0;
}

/* An edge length: n, {"shortest_edge": n} or {"height": n, "width": n}; *square tells the last one. */
static int read_edge(int *out, bool *square, const json_t *value, const char *name, struct err *err)
{
    const json_t *shortest = field(value, "shortest_edge"), *height = field(value, "height");
    int width = 0;

    *square = height != NULL;
    if (!json_is_object(value))
        return read_length(out, value, name, err);
    if (field(value, "longest_edge"))
        return err_set(err, ERR_UNSUPPORTED, "'%s' limits the longest edge, which is not supported", name);
    if (!height)
        return read_length(out, shortest, name, err);
    int rc = read_length(out, height, name, err);
    if (!rc)
        rc = read_length(&width, field(value, "width"), name, err);
    if (!rc && width != *out)
        rc = err_set(err, ERR_UNSUPPORTED, "'%s' is %d x %d and not square", name, width, *out);
    return rc;
}

/* Hugging Face: where the picture is resized to, and what is cut out of that. */
static int read_hf_geometry(struct preprocess *out, const json_t *root, struct err *err)
{
    const json_t *size = field(root, "size"), *crop = field(root, "crop_size");
    bool square = false, ignored;
    int rc = 0;

    if (!flag(root, "do_resize", true))
        return err_set(err, ERR_UNSUPPORTED, "'do_resize' is false: pictures of any size cannot be read");
    if (size)
        rc = read_edge(&out->resize, &square, size, "size", err);
    if (rc)
        return rc;
    out->resize_mode = square ? RESIZE_SQUASH : RESIZE_SHORTEST;
    if (!flag(root, "do_center_crop", !square)) {
        out->crop = out->resize;
        if (square)
            return 0;
        return err_set(err, ERR_UNSUPPORTED,
            "'do_center_crop' is false and 'size' not square: pictures would differ in size");
    }
    return crop ? read_edge(&out->crop, &ignored, crop, "crop_size", err) : 0;
}

static int read_hf(struct preprocess *out, const json_t *root, struct err *err)
{
    const json_t *resample = field(root, "resample"), *factor = field(root, "rescale_factor");

    int rc = read_hf_geometry(out, root, err);
    if (rc)
        return rc;
    if (resample) {
        const json_int_t filter = json_integer_value(resample);
        if (filter != RESAMPLE_BILINEAR && filter != RESAMPLE_BICUBIC)
            return err_set(err, ERR_UNSUPPORTED, "'resample' is neither %d (bilinear) nor %d (bicubic)",
                RESAMPLE_BILINEAR, RESAMPLE_BICUBIC);
        out->resample = (enum resample)filter;
    }
    if (factor && !json_is_number(factor))
        return err_set(err, ERR_FORMAT, "'rescale_factor' is not a number");
    if (factor)
        out->scale = (float)json_number_value(factor);
    if (!flag(root, "do_rescale", true))
        out->scale = 1;
    if (!flag(root, "do_normalize", true)) {
        for (int i = 0; i < 3; i++) {
            out->mean[i] = 0;
            out->std[i] = 1;
        }
        return 0;
    }
    rc = read_channels(out->mean, root, "image_mean", err);
    return rc ? rc : read_channels(out->std, root, "image_std", err);
}

/* Finds the value of a field among two words; an absent field is the first. */
static int read_word(
    bool *second, const json_t *object, const char *name, const char *const words[2], struct err *err)
{
    const json_t *value = field(object, name);
    const char *word = value ? json_string_value(value) : words[0];

    *second = word && !strcmp(word, words[1]);
    if (word && (*second || !strcmp(word, words[0])))
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "'%s' is %s%s%s, supported are '%s' and '%s'", name, word ? "'" : "",
        word ? word : "not a word", word ? "'" : "", words[0], words[1]);
}

static int read_open_clip(struct preprocess *out, const json_t *root, struct err *err)
{
    const json_t *cfg = field(root, "preprocess_cfg"), *size = field(cfg, "size");
    bool bilinear, squash;

    out->crop_rounding = CROP_HALF_EVEN;
    int rc = read_word(&bilinear, cfg, "interpolation", (const char *const[]){"bicubic", "bilinear"}, err);
    if (!rc)
        rc = read_word(&squash, cfg, "resize_mode", (const char *const[]){"shortest", "squash"}, err);
    if (rc)
        return rc;
    out->resample = bilinear ? RESAMPLE_BILINEAR : RESAMPLE_BICUBIC;
    out->resize_mode = squash ? RESIZE_SQUASH : RESIZE_SHORTEST;
    if (size) /* a number, or a list of height and width */
        rc = read_length(&out->crop, json_is_array(size) ? json_array_get(size, 0) : size, "size", err);
    out->resize = out->crop;
    if (!rc)
        rc = read_channels(out->mean, cfg, "mean", err);
    return rc ? rc : read_channels(out->std, cfg, "std", err);
}

static int check(const struct preprocess *preprocess, int image_size, struct err *err)
{
    if (preprocess->crop != image_size)
        return err_set(err, ERR_FORMAT, "it makes pictures of %d x %d, the model takes %d x %d",
            preprocess->crop, preprocess->crop, image_size, image_size);
    for (int i = 0; i < 3; i++)
        if (preprocess->std[i] == 0)
            return err_set(err, ERR_FORMAT, "a standard deviation is 0");
    return 0;
}

int preprocess_load(struct preprocess *out, const char *directory, int image_size, struct err *err)
{
    enum { LIMIT = 1 << 20 };
    struct arena arena = {0};
    json_t *root = NULL;
    int rc = 0;

    *out = preprocess_default(image_size); /* the value of every field that a file leaves out */
    const char *hf = path_join(&arena, directory, "preprocessor_config.json");
    const char *hf_model = path_join(&arena, directory, "config.json");
    const char *open_clip = path_join(&arena, directory, "open_clip_config.json");
    if (!hf || !hf_model || !open_clip) {
        rc = err_memory(err, strlen(directory));
        goto done;
    }
    /* Many directories hold both layouts. As for the weights, Hugging Face's counts where its config is. */
    const bool use_open_clip = file_exists(open_clip) && !(file_exists(hf) && file_exists(hf_model));
    const char *path = use_open_clip ? open_clip : hf;
    if (!file_exists(path))
        goto done;
    rc = json_read(&root, path, LIMIT, err);
    if (rc)
        goto done; /* its messages hold the path */
    rc = use_open_clip ? read_open_clip(out, root, err) : read_hf(out, root, err);
    if (!rc)
        rc = check(out, image_size, err);
    if (rc)
        err_wrap(err, "unable to use '%s'", path);
done:
    json_decref(root);
    arena_release(&arena);
    return rc;
}
