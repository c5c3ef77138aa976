// SPDX-License-Identifier: Apache-2.0
#include "vision/resize.h"

#include <limits.h>
#include <string.h>

/* The size the whole picture is resized to, as Python's int(size * long / short) has it. */
static int resized_size(int *width, int *height, const struct preprocess *preprocess,
    const struct picture *picture, struct err *err)
{
    const int size = preprocess->resize;
    const bool wide = picture->width > picture->height;
    const int shorter = wide ? picture->height : picture->width;
    const int longer = wide ? picture->width : picture->height;
    const bool squash = preprocess->resize_mode == RESIZE_SQUASH;
    const int64_t length = squash ? size : (int64_t)size * longer / shorter;

    if (length > INT_MAX)
        return err_set(err, ERR_LIMIT, "a picture of %d x %d pixels is too narrow for a shorter edge of %d",
            picture->width, picture->height, size);
    *width = wide ? (int)length : size;
    *height = wide ? size : (int)length;
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

int preprocess_run(
    uint8_t *pixels, const struct preprocess *preprocess, const struct picture *picture, struct err *err)
{
    const int crop = preprocess->crop;
    const size_t stride = (size_t)crop * 3;
    struct region region;
    int width = 0, height = 0;

    int rc = resized_size(&width, &height, preprocess, picture, err);
    if (rc)
        return rc;
    const int left = crop_start(width, crop, preprocess->crop_rounding);
    const int top = crop_start(height, crop, preprocess->crop_rounding);
    clip(&region.x, &region.width, left, crop, width);
    clip(&region.y, &region.height, top, crop, height);
    if (region.width < crop || region.height < crop)
        memset(pixels, 0, stride * (size_t)crop);
    uint8_t *out = pixels + (size_t)(region.y - top) * stride + (size_t)(region.x - left) * 3;
    return resize_region(out, stride, picture, width, height, region, preprocess->resample, err);
}
