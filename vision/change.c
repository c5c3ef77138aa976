// SPDX-License-Identifier: Apache-2.0
/* What training changes of a square's pixels. Facts: Pillow's ImageEnhance, Blend.c and Convert.c, and torchvision's ColorJitter. */
#include "vision/rgb.h"

#include <math.h>

enum { CHANNELS = 3 };

static void flip(uint8_t *pixels, size_t side)
{
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side / 2; x++) {
            uint8_t *left = pixels + (y * side + x) * CHANNELS,
                    *right = pixels + (y * side + side - 1 - x) * CHANNELS;
            for (size_t c = 0; c < CHANNELS; c++) {
                const uint8_t kept = left[c];
                left[c] = right[c];
                right[c] = kept;
            }
        }
}

/* ---- blends -------------------------------------------------------------------------------------------- */

/* By 0 `from`, by 1 `to`, and on beyond it. */
static uint8_t blend(int from, int to, float by)
{
    const float value = (float)from + by * (float)(to - from);
    return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value;
}

static int mean_luma(const uint8_t *pixels, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)pixel_luma(pixels + i * CHANNELS);
    return (int)((double)sum / (double)count + 0.5);
}

/* Away from black, the mean of the picture or the pixel's own grey. */
static void enhance(uint8_t *pixels, size_t count, enum colour_change change, float by)
{
    const int mean = change == COLOUR_CONTRAST ? mean_luma(pixels, count) : 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t *pixel = pixels + i * CHANNELS;
        const int from = change == COLOUR_SATURATION ? pixel_luma(pixel) : mean;
        for (size_t c = 0; c < CHANNELS; c++)
            pixel[c] = blend(from, pixel[c], by);
    }
}

/* ---- hue ----------------------------------------------------------------------------------------------- */

/* Hue, saturation and value, each of 8 bits, as colorsys has them: a circle of six parts, each of which begins at a channel that is the
 * largest, or at two that are. */
struct hsv {
    uint8_t hue, saturation, value;
};

static struct hsv hsv_of(const uint8_t *rgb)
{
    const int r = rgb[0], g = rgb[1], b = rgb[2];
    const int most = r > g ? (r > b ? r : b) : (g > b ? g : b),
              least = r < g ? (r < b ? r : b) : (g < b ? g : b);
    if (most == least)
        return (struct hsv){0, 0, (uint8_t)most};
    const float range = (float)(most - least), red = (float)(most - r) / range,
                green = (float)(most - g) / range, blue = (float)(most - b) / range;
    const float part = r == most   ? blue - green
                       : g == most ? (float)(2.0 + (double)red - (double)blue)
                                   : (float)(4.0 + (double)green - (double)red);
    const float hue = (float)fmod((double)part / 6.0 + 1.0, 1.0), saturation = range / (float)most;
    return (struct hsv){(uint8_t)((double)hue * 255), (uint8_t)((double)saturation * 255), (uint8_t)most};
}

static void rgb_of(uint8_t *rgb, struct hsv hsv)
{
    /* Of each part the places of the value and of what is between, from the lowest on. */
    enum { VALUE, FALLING, RISING, LOWEST };
    static const uint8_t places[6][CHANNELS] = {{VALUE, RISING, LOWEST}, {FALLING, VALUE, LOWEST},
        {LOWEST, VALUE, RISING}, {LOWEST, FALLING, VALUE}, {RISING, LOWEST, VALUE}, {VALUE, LOWEST, FALLING}};
    const double around = (double)hsv.hue * 6 / 255, value = hsv.value;
    const int part = (int)around;
    const float behind = (float)(around - part), saturation = (float)(hsv.saturation / 255.0);
    const double s = (double)saturation, f = (double)behind;
    const uint8_t levels[] = {[VALUE] = hsv.value,
        [FALLING] = (uint8_t)round(value * (1 - s * f)),
        [RISING] = (uint8_t)round(value * (1 - s * (1 - f))),
        [LOWEST] = (uint8_t)round(value * (1 - s))};
    for (size_t c = 0; c < CHANNELS; c++)
        rgb[c] = hsv.saturation ? levels[places[part % 6][c]] : hsv.value;
}

static void turn_hue(uint8_t *pixels, size_t count, double by)
{
    const int turned = (int)(by * 255);
    for (size_t i = 0; i < count; i++) {
        struct hsv hsv = hsv_of(pixels + i * CHANNELS);
        hsv.hue = (uint8_t)(hsv.hue + turned);
        rgb_of(pixels + i * CHANNELS, hsv);
    }
}

/* ---- all ----------------------------------------------------------------------------------------------- */

static void make_grey(uint8_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t *pixel = pixels + i * CHANNELS;
        pixel[0] = pixel[1] = pixel[2] = (uint8_t)pixel_luma(pixel);
    }
}

void pixels_change(uint8_t *pixels, size_t side, const struct picture_changes *changes)
{
    const size_t count = side * side;
    if (changes->flips)
        flip(pixels, side);
    for (size_t i = 0; i < changes->colours; i++) {
        const struct colour_step *step = &changes->steps[i];
        if (step->change == COLOUR_HUE)
            turn_hue(pixels, count, step->by);
        else
            enhance(pixels, count, step->change, (float)step->by);
    }
    if (changes->greys)
        make_grey(pixels, count);
}
