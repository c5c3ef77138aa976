// SPDX-License-Identifier: Apache-2.0
#include "vision/vision.h"

#include <stdlib.h>
#include <string.h>

/* Rows of the part, one after the other. NULL when out of memory. */
static uint8_t *cut(const struct picture *picture, struct picture_part part)
{
    const size_t channels = picture_channels(picture), row = (size_t)part.width * channels,
                 stride = (size_t)picture->width * channels;
    uint8_t *out = mem_new((size_t)part.height, row);
    const uint8_t *from = picture->pixels + (size_t)part.y * stride + (size_t)part.x * channels;
    for (size_t y = 0; y < (size_t)part.height && out; y++)
        memcpy(out + y * row, from + y * stride, row);
    return out;
}

int preprocess_part(uint8_t *pixels, const struct preprocess *preprocess, const struct picture *picture,
    struct picture_part part, struct err *err)
{
    struct preprocess squash = *preprocess;
    struct picture whole = *picture; /* what is no pixel stays the other's */
    squash.resize_mode = RESIZE_SQUASH;
    squash.resize = squash.crop;
    whole.pixels = cut(picture, part);
    whole.width = part.width;
    whole.height = part.height;
    const int rc = whole.pixels ? preprocess_run(pixels, &squash, &whole, err)
                                : err_memory(err, (size_t)part.width * (size_t)part.height);
    free(whole.pixels);
    return rc;
}
