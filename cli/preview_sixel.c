// SPDX-License-Identifier: Apache-2.0
#include "cli/preview.h"

#include <stdio.h>

#include <sixel.h>

static int put_bytes(char *bytes, int size, void *context)
{
    return (int)fwrite(bytes, 1, (size_t)size, context);
}

/* The palette is made for this picture: up to 256 of its colours. */
static void put(sixel_dither_t *dither, sixel_output_t *output, const struct picture *picture)
{
    if (SIXEL_SUCCEEDED(sixel_dither_initialize(dither, picture->pixels, picture->width, picture->height,
            SIXEL_PIXELFORMAT_RGB888, SIXEL_LARGE_AUTO, SIXEL_REP_AUTO, SIXEL_QUALITY_HIGH)))
        sixel_encode(picture->pixels, picture->width, picture->height, 3, dither, output);
}

void preview_sixel(const struct picture *picture)
{
    sixel_dither_t *dither = NULL;
    sixel_output_t *output = NULL;
    if (SIXEL_SUCCEEDED(sixel_dither_new(&dither, SIXEL_PALETTE_MAX, NULL)) &&
        SIXEL_SUCCEEDED(sixel_output_new(&output, put_bytes, stdout, NULL)))
        put(dither, output, picture);
    sixel_output_unref(output);
    sixel_dither_unref(dither);
}
