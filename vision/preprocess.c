// SPDX-License-Identifier: Apache-2.0
#include "vision/format.h"
#include "vision/patches.h"
#include "vision/resize.h"
#include "vision/rgb.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const resize_mode_names[] = {"shortest", "squash", "longest", "none", "patches", NULL};

/* ---- geometry ------------------------------------------------------------------------------------------ */

/* What the other edge becomes when an edge of `length` becomes `size`: truncated as Python's int(size * other /
 * length), or rounded as in open_clip's ResizeKeepRatio. */
static int64_t keep_ratio(int other, int length, int size, enum resize_mode mode)
{
    if (mode == RESIZE_LONGEST)
        return (int64_t)rint(other / ((double)length / size));
    return (int64_t)size * other / length;
}

/* The size the whole picture is resized to. */
static int resized_size(int *width, int *height, const struct preprocess *preprocess,
    const struct picture *picture, struct err *err)
{
    const int size = preprocess->resize;
    const bool wide = picture->width > picture->height;
    const int shorter = wide ? picture->height : picture->width;
    const int longer = wide ? picture->width : picture->height;
    const bool by_longest = preprocess->resize_mode == RESIZE_LONGEST;

    *width = picture->width;
    *height = picture->height;
    if (preprocess->resize_mode == RESIZE_NONE)
        return 0;
    *width = *height = size;
    if (preprocess->resize_mode == RESIZE_SQUASH)
        return 0;
    const int64_t length = keep_ratio(
        by_longest ? shorter : longer, by_longest ? longer : shorter, size, preprocess->resize_mode);
    if (length > INT_MAX || length < 1)
        return err_set(err, ERR_LIMIT, "a picture of %d x %d pixels is too narrow for a %s edge of %d",
            picture->width, picture->height, by_longest ? "longer" : "shorter", size);
    *(wide == by_longest ? height : width) = (int)length;
    return 0;
}

/* Where a centre crop begins: a position in the picture or, negative, in the padding before it. */
static int crop_start(int length, int crop, enum crop_rounding rounding)
{
    const int excess = length - crop, half = excess / 2;
    if (excess % 2 == 0)
        return half;
    if (rounding == CROP_FLOOR)
        return excess < 0 ? half - 1 : half;
    /* Half to even inside the picture; torchvision's padding rounds towards zero. */
    return excess > 0 ? half + half % 2 : half;
}

/* The part of [start, start + crop) that lies in [0, length). */
static void clip(int *first, int *count, int start, int crop, int length)
{
    const int end = start + crop < length ? start + crop : length;
    *first = start > 0 ? start : 0;
    *count = end - *first;
}

/* The square in the resized picture. */
struct square {
    int width, height; /* of the whole picture, resized */
    int left, top;     /* of the square in it; negative: in the padding */
    struct region region;
};

static int find_square(
    struct square *out, const struct preprocess *preprocess, const struct picture *picture, struct err *err)
{
    const int crop = preprocess->crop;
    const int rc = resized_size(&out->width, &out->height, preprocess, picture, err);
    if (rc)
        return rc;
    out->left = crop_start(out->width, crop, preprocess->crop_rounding);
    out->top = crop_start(out->height, crop, preprocess->crop_rounding);
    clip(&out->region.x, &out->region.width, out->left, crop, out->width);
    clip(&out->region.y, &out->region.height, out->top, crop, out->height);
    return 0;
}

/* The colour of what lies outside the picture, which Pillow pads in the picture's own mode. */
static void pad(uint8_t *pixels, const struct preprocess *preprocess, const struct picture *picture)
{
    const size_t count = (size_t)preprocess->crop * (size_t)preprocess->crop;
    const uint8_t fill = preprocess->fill, channels[PICTURE_CHANNELS_MAX] = {fill, fill, fill, fill};
    uint8_t color[3];
    pixels_to_rgb(color, channels, 1, picture->mode, ALPHA_DROP);
    if (picture->palette)
        memcpy(color, picture->palette + 3 * fill, 3);
    for (size_t i = 0; i < count; i++)
        memcpy(pixels + 3 * i, color, 3);
}

/* ---- resizing ------------------------------------------------------------------------------------------ */

static bool is_resized(const struct square *square, const struct picture *picture)
{
    return square->width != picture->width || square->height != picture->height;
}

static int premultiplied(struct picture *out, const struct picture *in, struct err *err)
{
    const int rc = picture_alloc(out, NULL, PICTURE_RGBA, in->width, in->height, err);
    if (!rc)
        premultiply(out->pixels, in->pixels, (size_t)in->width * (size_t)in->height);
    return rc;
}

/* The region in the picture's own mode, then made RGB: rows of `out` stand `stride` bytes apart. */
static int resize_to_rgb(uint8_t *out, size_t stride, const struct square *square, enum resample filter,
    const struct picture *picture, struct err *err)
{
    const struct region region = square->region;
    const size_t width = (size_t)region.width, row = width * PICTURE_CHANNELS_MAX;
    const bool weighs_alpha =
        picture->mode == PICTURE_RGBA && filter != RESAMPLE_NEAREST && is_resized(square, picture);
    struct picture ready = *picture, weighed = {0};
    uint8_t *pixels = mem_new((size_t)region.height, row);
    int rc = pixels ? 0 : err_memory(err, (size_t)region.height * row);
    if (!rc && weighs_alpha) {
        rc = premultiplied(&weighed, picture, err);
        ready = weighed;
    }
    if (!rc)
        rc = resize_region(pixels, row, &ready, square->width, square->height, region, filter, err);
    for (size_t y = 0; y < (size_t)region.height && !rc; y++) {
        if (weighs_alpha)
            unpremultiply_to_rgb(out + y * stride, pixels + y * row, width);
        else
            pixels_to_rgb(out + y * stride, pixels + y * row, width, picture->mode, ALPHA_DROP);
    }
    picture_release(&weighed);
    free(pixels);
    return rc;
}

static int run(
    uint8_t *pixels, const struct preprocess *preprocess, const struct picture *picture, struct err *err)
{
    const size_t stride = (size_t)preprocess->crop * 3;
    const enum resample filter = picture->palette ? RESAMPLE_NEAREST : preprocess->resample;
    struct square square;
    int rc = find_square(&square, preprocess, picture, err);
    if (rc)
        return rc;
    const struct region region = square.region;
    if (region.width < preprocess->crop || region.height < preprocess->crop)
        pad(pixels, preprocess, picture);
    uint8_t *out = pixels + (size_t)(region.y - square.top) * stride + (size_t)(region.x - square.left) * 3;
    if (picture->mode != PICTURE_RGB)
        return resize_to_rgb(out, stride, &square, filter, picture, err);
    return resize_region(out, stride, picture, square.width, square.height, region, filter, err);
}

/* Whether the picture is made RGB before it is resized. */
static bool is_rgb_first(const struct preprocess *preprocess, const struct picture *picture)
{
    if (preprocess->alpha == ALPHA_WHITE || preprocess->alpha == ALPHA_BLACK)
        return preprocess->rgb_order == RGB_FIRST || picture_has_alpha(picture);
    return preprocess->rgb_order == RGB_FIRST || preprocess->alpha == ALPHA_DROP ||
           preprocess->resize_mode == RESIZE_PATCHES;
}

int preprocess_run(
    uint8_t *pixels, const struct preprocess *preprocess, const struct picture *picture, struct err *err)
{
    const enum alpha_rule alpha = preprocess->alpha == ALPHA_MODEL ? ALPHA_WHITE : preprocess->alpha;
    struct picture plain = *picture, rgb = {0};
    int rc = 0;
    if (!is_rgb_first(preprocess, picture))
        return run(pixels, preprocess, picture, err);
    plain.palette = NULL;
    if (picture->mode != PICTURE_RGB || (picture->has_key && alpha != ALPHA_DROP)) {
        rc = picture_rgb(&rgb, picture, alpha, err);
        plain = rgb;
    }
    if (!rc)
        rc = preprocess->resize_mode == RESIZE_PATCHES ? patches_make(pixels, preprocess, &plain, err)
                                                       : run(pixels, preprocess, &plain, err);
    picture_release(&rgb);
    return rc;
}
