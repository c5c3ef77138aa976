// SPDX-License-Identifier: Apache-2.0
/*
 * How many colours a picture is made of. Noise goes by a mean over 2 x 2 pixels, edges are left out; then the commonest
 * colour is taken away with all that are near it, and so on for as many colours as one likes.
 *
 * A mean over more pixels blurs small shapes into colours of their own; a median of 3 x 3 is no better and takes ten
 * times as long. Moving each centre to the mean of what is near it changes nothing that matters either.
 */
#include "vision/vision.h"

#include <stdlib.h>
#include <string.h>

enum {
    EDGE = 24, /* a pixel is at an edge where it differs by so much, of 255, from a neighbour in a channel */
    STEP = 4,  /* levels that count as one: 64 a channel */
    RADIUS = 32, /* colours are near that are no further apart than so many levels of 255 */
};

/* A colour in steps, and how many pixels have it. */
struct colour {
    uint8_t rgb[3];
    uint32_t count;
};

/* half (H, H, 3) of pixels (edge, edge, 3), H = edge / 2. */
static void halve(uint8_t *half, const uint8_t *pixels, size_t edge)
{
    const size_t line = 3 * edge;
    for (size_t y = 0; y < edge / 2; y++)
        for (size_t x = 0; x < edge / 2; x++)
            for (size_t c = 0; c < 3; c++) {
                const uint8_t *at = pixels + 2 * y * line + 6 * x + c;
                *half++ = (uint8_t)((at[0] + at[3] + at[line] + at[line + 3] + 2) / 4);
            }
}

static bool alike(const uint8_t *a, const uint8_t *b)
{
    for (int c = 0; c < 3; c++)
        if (abs(a[c] - b[c]) >= EDGE)
            return false;
    return true;
}

/* Whether a pixel of (size, size, 3) is like its four neighbours. */
static bool is_smooth(const uint8_t *pixels, size_t size, size_t x, size_t y)
{
    const uint8_t *at = pixels + 3 * (y * size + x);
    return (x == 0 || alike(at, at - 3)) && (x == size - 1 || alike(at, at + 3)) &&
           (y == 0 || alike(at, at - 3 * size)) && (y == size - 1 || alike(at, at + 3 * size));
}

static int by_rgb(const void *a, const void *b)
{
    const struct colour *p = a, *q = b;
    return memcmp(p->rgb, q->rgb, sizeof p->rgb);
}

/* Puts a colour behind others, with the last where that is the same. */
static void append(struct colour *colours, size_t *count, struct colour colour)
{
    if (*count && !by_rgb(&colours[*count - 1], &colour))
        colours[*count - 1].count += colour.count;
    else
        colours[(*count)++] = colour;
}

/* The colours of all smooth pixels, each once; returns how many there are. */
static size_t gather(struct colour *colours, const uint8_t *pixels, size_t size)
{
    size_t runs = 0, distinct = 0;
    for (size_t y = 0; y < size; y++)
        for (size_t x = 0; x < size; x++) {
            const uint8_t *at = pixels + 3 * (y * size + x);
            if (is_smooth(pixels, size, x, y))
                append(colours, &runs, (struct colour){{at[0] / STEP, at[1] / STEP, at[2] / STEP}, 1});
        }
    qsort(colours, runs, sizeof *colours, by_rgb);
    for (size_t i = 0; i < runs; i++)
        append(colours, &distinct, colours[i]);
    return distinct;
}

static size_t total(const struct colour *colours, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += colours[i].count;
    return sum;
}

/* Takes the commonest colour away, the first of equals, and all near it; returns how many are left. */
static size_t take_commonest(struct colour *colours, size_t count)
{
    const int reach = (RADIUS / STEP) * (RADIUS / STEP);
    size_t best = 0, left = 0;
    for (size_t i = 1; i < count; i++)
        if (colours[i].count > colours[best].count)
            best = i;
    const struct colour centre = colours[best];
    for (size_t i = 0; i < count; i++) {
        int distance = 0;
        for (int c = 0; c < 3; c++)
            distance += (colours[i].rgb[c] - centre.rgb[c]) * (colours[i].rgb[c] - centre.rgb[c]);
        if (distance > reach)
            colours[left++] = colours[i];
    }
    return left;
}

int palette_rest(double *out, const uint8_t *pixels, size_t edge, size_t count, struct err *err)
{
    const size_t size = edge / 2;
    uint8_t *half = mem_new(size * size, 3);
    struct colour *colours = mem_new(size * size, sizeof *colours);
    if (half && colours) {
        halve(half, pixels, edge);
        size_t left = gather(colours, half, size);
        const size_t smooth = total(colours, left);
        for (size_t i = 0; i < count && left; i++)
            left = take_commonest(colours, left);
        *out = smooth ? (double)total(colours, left) / (double)smooth : 1;
    }
    const int rc = half && colours ? 0 : err_memory(err, size * size * sizeof *colours);
    free(half);
    free(colours);
    return rc;
}
