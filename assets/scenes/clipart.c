// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>

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

bool clip_open(struct clip *out, const char *path)
{
    int channels;
    *out = (struct clip){0};
    out->pixel = stbi_load(path, &out->width, &out->height, &channels, 4);
    if (!out->pixel)
        return false;
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
        const unsigned char *pixel = clip->pixel + 4 * ((size_t)row * (size_t)clip->width + (size_t)column);
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
