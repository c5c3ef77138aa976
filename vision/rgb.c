// SPDX-License-Identifier: Apache-2.0
/* Pictures of other modes as RGB, in Pillow's arithmetic: its src/libImaging/Convert.c and AlphaComposite.c. */
#include "vision/rgb.h"
#include "vision/format.h"

#include <string.h>

const char *const alpha_names[] = {"model", "white", "black", "drop", NULL};

/* a * b / 255, rounded, for bytes. */
static int mul_255(int a, int b)
{
    const int product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

/* ---- a pixel ------------------------------------------------------------------------------------------- */

static void put_cmyk(uint8_t *rgb, const uint8_t *cmyk)
{
    const int white = 255 - cmyk[3];
    for (size_t c = 0; c < 3; c++) {
        const int value = white - mul_255(cmyk[c], white);
        rgb[c] = (uint8_t)(value < 0 ? 0 : value);
    }
}

/* On an opaque ground, which Pillow weighs by alpha with 7 bits more than a byte. */
static void put_laid_on(uint8_t *rgb, const uint8_t *rgba, uint32_t ground)
{
    enum { MORE = 7 };
    const uint32_t share = (uint32_t)rgba[3] << MORE, rest = (255u << MORE) - share;
    for (size_t c = 0; c < 3; c++) {
        const uint32_t sum = rgba[c] * share + ground * rest + (0x80u << MORE);
        rgb[c] = (uint8_t)((((sum >> 8) + sum) >> 8) >> MORE);
    }
}

void premultiply(uint8_t *out, const uint8_t *rgba, size_t count)
{
    for (size_t i = 0; i < 4 * count; i++)
        out[i] = i % 4 == 3 ? rgba[i] : (uint8_t)mul_255(rgba[i], rgba[i / 4 * 4 + 3]);
}

void unpremultiply_to_rgb(uint8_t *rgb, const uint8_t *rgba, size_t count)
{
    for (size_t i = 0; i < count; i++, rgb += 3, rgba += 4)
        for (size_t c = 0; c < 3; c++) {
            const int color = rgba[3] ? 255 * rgba[c] / rgba[3] : rgba[c];
            rgb[c] = (uint8_t)(color > 255 ? 255 : color);
        }
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

void pixels_to_rgb(
    uint8_t *rgb, const uint8_t *pixels, size_t count, enum picture_mode mode, enum alpha_rule alpha)
{
    const uint32_t ground = alpha == ALPHA_WHITE ? 255 : 0;
    if (mode == PICTURE_RGB) {
        memcpy(rgb, pixels, 3 * count);
        return;
    }
    for (size_t i = 0; i < count; i++, rgb += 3, pixels += 4) {
        if (mode == PICTURE_CMYK)
            put_cmyk(rgb, pixels);
        else if (alpha == ALPHA_DROP)
            memcpy(rgb, pixels, 3);
        else
            put_laid_on(rgb, pixels, ground);
    }
}

/* Gives pixels of the transparent colour that of the ground. */
static void replace_key(uint8_t *rgb, size_t count, const uint8_t key[3], enum alpha_rule alpha)
{
    for (size_t i = 0; i < count; i++, rgb += 3)
        if (!memcmp(rgb, key, 3))
            memset(rgb, alpha == ALPHA_WHITE ? 255 : 0, 3);
}

int picture_rgb(struct picture *out, const struct picture *in, enum alpha_rule alpha, struct err *err)
{
    const size_t count = (size_t)in->width * (size_t)in->height;
    const int rc = picture_alloc(out, NULL, PICTURE_RGB, in->width, in->height, err);
    if (rc)
        return rc;
    pixels_to_rgb(out->pixels, in->pixels, count, in->mode, alpha);
    if (in->has_key && alpha != ALPHA_DROP)
        replace_key(out->pixels, count, in->key, alpha);
    return 0;
}
