// SPDX-License-Identifier: Apache-2.0
/* How a model wants its pictures, in the words of the two layouts that models come in. */
#include "vision/settings.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* A square's edge from its two. */
static int read_square(int *out, const json_t *height, const json_t *width, const char *name, struct err *err)
{
    int other = 0;
    int rc = read_length(out, height, name, err);
    if (!rc)
        rc = read_length(&other, width, name, err);
    if (!rc && other != *out)
        rc = err_set(err, ERR_UNSUPPORTED, "'%s' is %d x %d and not square", name, other, *out);
    return rc;
}

/* An edge length: n, {"shortest_edge": n}, {"height": n, "width": n} or [n, n]; *square tells the last two. */
static int read_edge(int *out, bool *square, const json_t *value, const char *name, struct err *err)
{
    static const char *const others[] = {"longest_edge", "max_height", "max_width"};
    const json_t *shortest = field(value, "shortest_edge"), *height = field(value, "height");

    *square = height || json_is_array(value);
    if (json_is_array(value) && json_array_size(value) == 2)
        return read_square(out, json_array_get(value, 0), json_array_get(value, 1), name, err);
    if (!json_is_object(value))
        return read_length(out, value, name, err);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (field(value, others[i]))
            return err_set(err, ERR_UNSUPPORTED, "'%s' has '%s', which is not supported", name, others[i]);
    return height ? read_square(out, height, field(value, "width"), name, err)
                  : read_length(out, shortest, name, err);
}

/* Siglip2ImageProcessor's: the aspect ratio is kept. */
static int read_patches(struct preprocess *out, const json_t *root, struct err *err)
{
    enum { PATCHES_MAX = 4096 };
    const json_t *patch = field(root, "patch_size"), *most = field(root, "max_num_patches");
    int rc = 0;
    if (!flag(root, "do_resize", true))
        return err_set(err, ERR_UNSUPPORTED, "'do_resize' is false: pictures would be of any size");
    if (patch)
        rc = read_length(&out->patch, patch, "patch_size", err);
    if (!rc && most)
        rc = read_length(&out->max_patches, most, "max_num_patches", err);
    if (!rc && out->max_patches > PATCHES_MAX)
        rc = err_set(err, ERR_UNSUPPORTED, "'max_num_patches' is more than %d", PATCHES_MAX);
    return rc;
}

/* Hugging Face: where the picture is resized to, and what is cut out of that. */
static int read_hf_geometry(struct preprocess *out, const json_t *root, struct err *err)
{
    const json_t *size = field(root, "size"), *crop = field(root, "crop_size");
    const bool resizes = flag(root, "do_resize", true);
    bool square = out->resize_mode == RESIZE_SQUASH, ignored;
    int rc = size && resizes ? read_edge(&out->resize, &square, size, "size", err) : 0;
    if (rc)
        return rc;
    if (flag(root, "do_pad", false))
        return err_set(err, ERR_UNSUPPORTED, "'do_pad' is true, which is not supported");
    out->resize_mode = !resizes ? RESIZE_NONE : square ? RESIZE_SQUASH : RESIZE_SHORTEST;
    if (flag(root, "do_center_crop", !square))
        return crop ? read_edge(&out->crop, &ignored, crop, "crop_size", err) : 0;
    out->crop = out->resize;
    if (square)
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "'do_center_crop' is false and %s: pictures would differ in size",
        resizes ? "'size' not square" : "so is 'do_resize'");
}

/* Pillow's number, or a word, as transformers' default backend understands it: its "nearest" is another than
 * Pillow's, which it calls "nearest-exact". */
static int read_resample(enum resample *out, const json_t *value, struct err *err)
{
    static const struct {
        const char *word;
        enum resample filter;
    } words[] = {{"bicubic", RESAMPLE_BICUBIC}, {"bilinear", RESAMPLE_BILINEAR},
        {"lanczos", RESAMPLE_LANCZOS}, {"nearest-exact", RESAMPLE_NEAREST}};
    const char *word = json_string_value(value);
    const json_int_t number = json_integer_value(value);

    for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
        if (!strcmp(word, words[i].word)) {
            *out = words[i].filter;
            return 0;
        }
    if (!json_is_integer(value) || number < RESAMPLE_NEAREST || number > RESAMPLE_HAMMING)
        return err_set(err, ERR_UNSUPPORTED,
            "'resample' is not a number from %d to %d, nor bicubic, bilinear, lanczos or nearest-exact",
            RESAMPLE_NEAREST, RESAMPLE_HAMMING);
    *out = (enum resample)number;
    return 0;
}

int settings_read_hf(struct preprocess *out, const json_t *root, struct err *err)
{
    const json_t *resample = field(root, "resample"), *factor = field(root, "rescale_factor");

    int rc =
        out->resize_mode == RESIZE_PATCHES ? read_patches(out, root, err) : read_hf_geometry(out, root, err);
    if (rc)
        return rc;
    if (resample && (rc = read_resample(&out->resample, resample, err)))
        return rc;
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

/* The index of a field's value among words, which NULL ends; an absent field is the first. */
static int read_word(
    int *out, const json_t *object, const char *name, const char *const *words, struct err *err)
{
    const json_t *value = field(object, name);
    const char *word = value ? json_string_value(value) : words[0];
    char list[128] = "";

    for (int i = 0; words[i]; i++) {
        if (word && !strcmp(word, words[i])) {
            *out = i;
            return 0;
        }
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s'%s'",
            !i             ? ""
            : words[i + 1] ? ", "
                           : " and ",
            words[i]);
    }
    return err_set(err, ERR_UNSUPPORTED, "'%s' is %s%s%s, supported are %s", name, word ? "'" : "",
        word ? word : "not a word", word ? "'" : "", list);
}

/* open_clip's interpolation "random" is for training, and bicubic otherwise. */
static const char *const open_clip_filters[] = {"bicubic", "random", "bilinear", NULL};
static const char *const open_clip_modes[] = {"shortest", "squash", "longest", NULL};

static int read_fill(struct preprocess *out, const json_t *cfg, struct err *err)
{
    const json_t *fill = field(cfg, "fill_color");
    if (fill && (!json_is_integer(fill) || json_integer_value(fill) < 0 || json_integer_value(fill) > 255))
        return err_set(err, ERR_UNSUPPORTED, "'fill_color' is not a whole number from 0 to 255");
    out->fill = (uint8_t)json_integer_value(fill);
    return 0;
}

int settings_read_open_clip(struct preprocess *out, const json_t *root, struct err *err)
{
    const json_t *cfg = field(root, "preprocess_cfg"), *size = field(cfg, "size");
    int filter = 0, mode = 0;

    out->crop_rounding = CROP_HALF_EVEN;
    out->rgb_order = RGB_LAST;
    int rc = read_word(&filter, cfg, "interpolation", open_clip_filters, err);
    if (!rc)
        rc = read_word(&mode, cfg, "resize_mode", open_clip_modes, err);
    if (!rc && mode == RESIZE_LONGEST)
        rc = read_fill(out, cfg, err);
    if (rc)
        return rc;
    out->resample = filter == 2 ? RESAMPLE_BILINEAR : RESAMPLE_BICUBIC;
    out->resize_mode = (enum resize_mode)mode;
    if (json_is_array(size)) /* of height and width */
        rc = read_square(&out->crop, json_array_get(size, 0), json_array_get(size, 1), "size", err);
    else if (size)
        rc = read_length(&out->crop, size, "size", err);
    out->resize = out->crop;
    if (!rc)
        rc = read_channels(out->mean, cfg, "mean", err);
    return rc ? rc : read_channels(out->std, cfg, "std", err);
}

int settings_check(const struct preprocess *preprocess, int image_size, struct err *err)
{
    if (preprocess->crop != image_size)
        return err_set(err, ERR_FORMAT, "it makes pictures of %d x %d, the model takes %d x %d",
            preprocess->crop, preprocess->crop, image_size, image_size);
    bool finite = isfinite(preprocess->scale);
    for (int i = 0; i < 3; i++) {
        finite &= isfinite(preprocess->mean[i]) && isfinite(preprocess->std[i]);
        if (preprocess->std[i] == 0)
            return err_set(err, ERR_FORMAT, "a standard deviation is 0");
    }
    return finite ? 0 : err_set(err, ERR_FORMAT, "a factor, mean or standard deviation is out of range");
}
