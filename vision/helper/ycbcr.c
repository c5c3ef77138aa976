// SPDX-License-Identifier: Apache-2.0
/*
 * YCbCr in TIFF, as Pillow makes RGB of it: where it stands as it is, three samples a pixel, by Pillow's own tables
 * (src/libImaging/ConvertYCbCr.c, 6 bits of fraction); where it is compressed, or its colour is stored at a part of its size, by
 * libtiff.
 */
#include "vision/helper/ycbcr.h"

#include <stdlib.h>
#include <string.h>

/* What a byte of colour adds, in 64ths, rounded as the tables are. */
static int part(double factor, int value)
{
    return (int)(factor * 64 * (value - 128) + 0.5);
}

static uint8_t clamp(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void ycbcr_to_rgb(struct picture *picture)
{
    const size_t count = (size_t)picture->width * (size_t)picture->height;
    for (uint8_t *pixel = picture->pixels; pixel < picture->pixels + 3 * count; pixel += 3) {
        const int y = pixel[0], cb = pixel[1], cr = pixel[2];
        pixel[0] = clamp(y + (part(1.402, cr) >> 6));
        pixel[1] = clamp(y + ((part(-0.34414, cb) + part(-0.71414, cr)) >> 6));
        pixel[2] = clamp(y + (part(1.772, cb) >> 6));
    }
}

bool ycbcr_read(struct picture *out, TIFF *tiff)
{
    const size_t width = (size_t)out->width, count = width * (size_t)out->height;
    TIFFRGBAImage image;
    char message[1024];
    if (!TIFFRGBAImageBegin(&image, tiff, 1, message)) {
        TIFFErrorExt(TIFFClientdata(tiff), "YCbCr", "%s", message);
        return false;
    }
    uint32_t *raster = calloc(count, sizeof *raster); // (height, width)
    image.req_orientation = image.orientation;        /* as it is stored: we turn it */
    const bool done = raster && TIFFRGBAImageGet(&image, raster, image.width, image.height);
    for (size_t i = 0; done && i < count; i++) {
        out->pixels[3 * i] = (uint8_t)TIFFGetR(raster[i]);
        out->pixels[3 * i + 1] = (uint8_t)TIFFGetG(raster[i]);
        out->pixels[3 * i + 2] = (uint8_t)TIFFGetB(raster[i]);
    }
    free(raster);
    TIFFRGBAImageEnd(&image);
    return done;
}
