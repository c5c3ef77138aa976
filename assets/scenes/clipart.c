// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "material.h"
#include "stb.h"

static struct rgb mean_of(const struct clip *clip)
{
    const size_t n = (size_t)clip->width * (size_t)clip->height;
    struct rgb sum = {0};
    float weight = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char *pixel = clip->pixel + 4 * i;
        sum.r += (float)(pixel[0] * pixel[3]);
        sum.g += (float)(pixel[1] * pixel[3]);
        sum.b += (float)(pixel[2] * pixel[3]);
        weight += (float)(255 * pixel[3]);
    }
    return weight > 0 ? (struct rgb){sum.r / weight, sum.g / weight, sum.b / weight} : sum;
}

static unsigned char *pixel_at(const struct clip *clip, int x, int y)
{
    return clip->pixel + 4 * ((size_t)y * (size_t)clip->width + (size_t)x);
}

// Leaves out the transparent margins, which pictures have as pages do. False where there is nothing else.
static bool crop(struct clip *clip)
{
    const int faint = 8;
    struct clip whole = *clip;
    int left = whole.width, top = whole.height, right = 0, bottom = 0;
    for (int y = 0; y < whole.height; y++)
        for (int x = 0; x < whole.width; x++)
            if (pixel_at(&whole, x, y)[3] > faint) {
                left = x < left ? x : left;
                right = x >= right ? x + 1 : right;
                top = y < top ? y : top;
                bottom = y + 1;
            }
    clip->width = right - left;
    clip->height = bottom - top;
    for (int y = top; y < bottom; y++) // a row comes to lie where another was, or before it
        memmove(pixel_at(clip, 0, y - top), pixel_at(&whole, left, y), 4 * (size_t)clip->width);
    return bottom > 0;
}

// Each pixel becomes the mean of four, in which the transparent ones' colours do not count.
static void halve(struct clip *clip)
{
    struct clip whole = *clip;
    clip->width = whole.width / 2;
    clip->height = whole.height / 2;
    for (int y = 0; y < clip->height; y++)
        for (int x = 0; x < clip->width; x++) {
            int sum[4] = {0};
            for (int i = 0; i < 4; i++) {
                const unsigned char *pixel = pixel_at(&whole, 2 * x + (i & 1), 2 * y + (i >> 1));
                for (int k = 0; k < 3; k++)
                    sum[k] += pixel[k] * pixel[3];
                sum[3] += pixel[3];
            }
            unsigned char *mean = pixel_at(clip, x, y);
            for (int k = 0; k < 3; k++)
                mean[k] = (unsigned char)(sum[3] ? sum[k] / sum[3] : 0);
            mean[3] = (unsigned char)(sum[3] / 4);
        }
}

bool clip_open(struct clip *out, const char *path)
{
    enum { ENOUGH = 160 }; // pixels of the longer side: scenes are small
    int channels;
    *out = (struct clip){0};
    out->pixel = stbi_load(path, &out->width, &out->height, &channels, 4);
    if (!out->pixel || !crop(out))
        return false;
    while ((out->width > ENOUGH || out->height > ENOUGH) && out->width > 1 && out->height > 1)
        halve(out);
    const float longer = (float)(out->width > out->height ? out->width : out->height);
    out->half_width = (float)out->width / longer;
    out->half_height = (float)out->height / longer;
    out->mean = mean_of(out);
    return true;
}

void clip_release(struct clip *clip)
{
    stbi_image_free(clip->pixel);
}

// Between the four pixels around `p`, each by its share; beyond the edges all is transparent.
float clip_look_up(struct rgb *out, const struct clip *clip, struct point p)
{
    const float x = 0.5f * (float)clip->width * (1 + p.x / clip->half_width) - 0.5f;
    const float y = 0.5f * (float)clip->height * (1 + p.y / clip->half_height) - 0.5f;
    const int left = (int)floorf(x), top = (int)floorf(y);
    float opaque = 0;
    *out = (struct rgb){0};
    for (int i = 0; i < 4; i++) {
        const int column = left + (i & 1), row = top + (i >> 1);
        if (column < 0 || row < 0 || column >= clip->width || row >= clip->height)
            continue;
        const unsigned char *pixel = pixel_at(clip, column, row);
        const float weight =
            (1 - fabsf(x - (float)column)) * (1 - fabsf(y - (float)row)) * (float)pixel[3] / 255;
        out->r += weight * (float)pixel[0] / 255;
        out->g += weight * (float)pixel[1] / 255;
        out->b += weight * (float)pixel[2] / 255;
        opaque += weight;
    }
    if (opaque > 0)
        *out = (struct rgb){out->r / opaque, out->g / opaque, out->b / opaque};
    return opaque;
}
