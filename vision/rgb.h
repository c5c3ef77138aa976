// SPDX-License-Identifier: Apache-2.0
/* Pixels of one mode as those of another: (count) of them. Private to vision. */
#ifndef DIPTYCH_VISION_RGB_H
#define DIPTYCH_VISION_RGB_H

#include "vision/vision.h"

/* Pillow's convert("L"): ITU-R 601-2 luma in 16 bits of fraction. */
static inline int pixel_luma(const uint8_t *rgb)
{
    return (int)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

/* As Pillow's convert("RGB") for ALPHA_DROP, else laid on white or black. */
void pixels_to_rgb(
    uint8_t *rgb, const uint8_t *pixels, size_t count, enum picture_mode mode, enum alpha_rule alpha);

/* RGBA to Pillow's RGBa, which it resizes in, and from there through RGBA to RGB. */
void premultiply(uint8_t *out, const uint8_t *rgba, size_t count);
void unpremultiply_to_rgb(uint8_t *rgb, const uint8_t *rgba, size_t count);

#endif
