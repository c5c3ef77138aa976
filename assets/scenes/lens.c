// SPDX-License-Identifier: Apache-2.0
#include "lens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stb.h"

// One pass of weights (w, 1 - 2w, w) along a line of pixels `step` apart; edges repeat.
static void blur_line(struct rgb *pixel, int n, int step, float w)
{
    struct rgb before = pixel[0];
    for (int i = 0; i < n; i++) {
        struct rgb *at = &pixel[i * step], here = *at, after = i + 1 < n ? at[step] : here;
        at->r = here.r + w * (before.r + after.r - 2 * here.r);
        at->g = here.g + w * (before.g + after.g - 2 * here.g);
        at->b = here.b + w * (before.b + after.b - 2 * here.b);
        before = here;
    }
}

// A pass adds variance 2w in each direction: `passes` of them make a Gaussian of the wanted radius.
static void blur(struct rgb *canvas, int width, int height, float radius)
{
    int passes = 1 + (int)(radius * radius / 0.5f);
    float w = radius * radius / (2 * (float)passes);
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < height; y++)
            blur_line(canvas + y * width, width, 1, w);
        for (int x = 0; x < width; x++)
            blur_line(canvas + x, height, width, w);
    }
}

static unsigned char to_byte(float x)
{
    return (unsigned char)(fminf(fmaxf(x, 0), 1) * 255.0f + 0.5f);
}

struct bytes {
    unsigned char *data;
    int length, capacity;
};

static void append(void *context, void *data, int length)
{
    struct bytes *bytes = context;
    if (bytes->length + length <= bytes->capacity)
        memcpy(bytes->data + bytes->length, data, (size_t)length);
    bytes->length += length;
}

static void through_jpeg(struct picture *picture, int quality)
{
    size_t n_bytes = (size_t)picture->width * (size_t)picture->height * 3;
    struct bytes bytes = {.capacity = (int)n_bytes + 4096}; // no JPEG of quality 90 is larger than its pixels
    bytes.data = malloc((size_t)bytes.capacity);
    int width, height, channels;
    if (!bytes.data ||
        !stbi_write_jpg_to_func(
            append, &bytes, picture->width, picture->height, 3, picture->pixel, quality) ||
        bytes.length > bytes.capacity)
        abort();
    unsigned char *decoded = stbi_load_from_memory(bytes.data, bytes.length, &width, &height, &channels, 3);
    if (!decoded)
        abort();
    memcpy(picture->pixel, decoded, n_bytes);
    stbi_image_free(decoded);
    free(bytes.data);
}

void lens_develop(struct picture *out, struct rgb *canvas, const struct lens *lens, struct random *random)
{
    int n_pixels = out->width * out->height;
    if (lens->blur > 0)
        blur(canvas, out->width, out->height, lens->blur);
    for (int i = 0; i < n_pixels; i++) {
        struct rgb light = canvas[i];
        if (lens->noise > 0) {
            light.r += lens->noise * random_bell(random);
            light.g += lens->noise * random_bell(random);
            light.b += lens->noise * random_bell(random);
        }
        out->pixel[3 * i + 0] = to_byte(light.r);
        out->pixel[3 * i + 1] = to_byte(light.g);
        out->pixel[3 * i + 2] = to_byte(light.b);
    }
    if (lens->jpeg_quality > 0)
        through_jpeg(out, lens->jpeg_quality);
}
