// SPDX-License-Identifier: Apache-2.0
/*
 * One axis at a time: row i of the new axis is a weighted sum of neighbouring rows of the old one, with its centre at
 * (i + 1/2) * old / new - 1/2 (align_corners=False).
 *
 *   linear   the two rows around the centre, which is no less than 0 (torch's interpolate, mode "linear")
 *   bicubic  Keys' kernel with a = -1/2, made wider by old / new where the axis shrinks (antialias=True, which is
 *            Pillow's resampling), cut at the edges and its weights divided by their sum
 *
 * Facts: aten/src/ATen/native/cpu/UpSampleKernel.cpp and UpSample.h in PyTorch 2.15.
 */
#include "compute/positions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float cubic(float x)
{
    const float a = -0.5f;
    x = fabsf(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/* Weights (new_size, old_size) of an axis; rows are mostly zero. In float32 and in this order of operations, since
 * torch's rounding shows in the sixth digit. */
static void cubic_weights(float *weights, size_t new_size, size_t old_size)
{
    const float scale = (float)old_size / (float)new_size, widen = scale > 1 ? scale : 1;
    const float narrow = scale > 1 ? 1 / scale : 1, reach = 2 * widen;
    for (size_t i = 0; i < new_size; i++) {
        float *row = weights + i * old_size, sum = 0;
        const float centre = scale * ((float)i + 0.5f);
        const float low = floorf(centre - reach + 0.5f), high = floorf(centre + reach + 0.5f);
        const size_t begin = low > 0 ? (size_t)low : 0,
                     end = high < (float)old_size ? (size_t)high : old_size;
        for (size_t j = begin; j < end; j++)
            sum += row[j] = cubic(((float)j - centre + 0.5f) * narrow);
        for (size_t j = begin; j < end; j++)
            row[j] /= sum;
    }
}

static void resize_line(float *out, size_t new_count, const float *in, size_t old_count, size_t width)
{
    const float scale = (float)old_count / (float)new_count;
    for (size_t i = 0; i < new_count; i++) {
        const float centre = fmaxf(scale * ((float)i + 0.5f) - 0.5f, 0);
        const size_t at = (size_t)centre, below = at < old_count ? at : old_count - 1;
        const size_t above = below + 1 < old_count ? below + 1 : below;
        const float weight = centre - (float)below;
        for (size_t k = 0; k < width; k++)
            out[i * width + k] = (1 - weight) * in[below * width + k] + weight * in[above * width + k];
    }
}

/* out (outer, new_size, inner) = weights (new_size, old_size) times in (outer, old_size, inner), for each outer. */
static void resize_axis(float *out, const float *in, const float *weights, size_t outer, size_t new_size,
    size_t old_size, size_t inner)
{
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < new_size; i++)
            for (size_t j = 0; j < old_size; j++) {
                const float weight = weights[i * old_size + j];
                const float *from = in + (o * old_size + j) * inner;
                float *to = out + (o * new_size + i) * inner;
                for (size_t k = 0; weight != 0 && k < inner; k++)
                    to[k] += weight * from[k];
            }
}

static size_t side_of(size_t count)
{
    size_t side = 0;
    while ((side + 1) * (side + 1) <= count)
        side++;
    return side;
}

/* Columns first, then rows, as torch does. */
static int resize_grid(
    float *out, size_t new_side, const float *in, size_t old_side, size_t width, struct err *err)
{
    float *weights = mem_new(new_side * old_side, sizeof *weights);
    float *narrow = mem_new(old_side * new_side * width, sizeof *narrow); // (old_side, new_side, W)
    if (weights && narrow) {
        cubic_weights(weights, new_side, old_side);
        resize_axis(narrow, in, weights, old_side, new_side, old_side, width);
        resize_axis(out, narrow, weights, 1, new_side, old_side, new_side * width);
    }
    const bool done = weights && narrow;
    free(weights);
    free(narrow);
    return done ? 0 : err_memory(err, old_side * new_side * width * sizeof *narrow);
}

int positions_resize(float *out, size_t new_count, const float *in, size_t old_count, size_t width,
    enum param_kind kind, struct err *err)
{
    const size_t before = kind == PARAM_GRID; /* rows of class tokens */
    const size_t new_side = side_of(new_count - before),
                 old_side = old_count > before ? side_of(old_count - before) : 0;
    if (kind == PARAM_LINE && old_count) {
        resize_line(out, new_count, in, old_count, width);
        return 0;
    }
    if (!old_side || old_side * old_side + before != old_count)
        return err_set(err, ERR_FORMAT, "%zu positions are no %ssquare of patches", old_count,
            before ? "class token and a " : "");
    memset(out, 0, new_count * width * sizeof *out);
    memcpy(out, in, before * width * sizeof *out);
    return resize_grid(out + before * width, new_side, in + before * width, old_side, width, err);
}
