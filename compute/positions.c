// SPDX-License-Identifier: Apache-2.0
/*
 * One axis at a time: row i of the new axis is a weighted sum of neighbouring rows of the old one, with its centre at
 * (i + 1/2) * old / new - 1/2 (align_corners=False).
 *
 *   linear   the two rows around the centre, which is no less than 0 (torch's interpolate, mode "linear")
 *   bicubic  Keys' kernel with a = -1/2, made wider by old / new where the axis shrinks (antialias=True, which is
 *            Pillow's resampling), cut at the edges and its weights divided by their sum
 *   bilinear  the same with a triangle of half-width 1
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

static float triangle(float x)
{
    x = fabsf(x);
    return x < 1 ? 1 - x : 0;
}

struct filter {
    float (*at)(float x);
    float reach; /* it is 0 from there on */
};

static const struct filter bicubic = {cubic, 2}, bilinear = {triangle, 1};

/* Weights (new_size, old_size) of an axis, which are 0 before; rows are mostly zero. In float32 and in this order of
 * operations, since torch's rounding shows in the sixth digit. */
static void axis_weights(float *weights, size_t new_size, size_t old_size, const struct filter *filter)
{
    const float scale = (float)old_size / (float)new_size, widen = scale > 1 ? scale : 1;
    const float narrow = scale > 1 ? 1 / scale : 1, reach = filter->reach * widen;
    for (size_t i = 0; i < new_size; i++) {
        float *row = weights + i * old_size, sum = 0;
        const float centre = scale * ((float)i + 0.5f);
        const float low = floorf(centre - reach + 0.5f), high = floorf(centre + reach + 0.5f);
        const size_t begin = low > 0 ? (size_t)low : 0,
                     end = high < (float)old_size ? (size_t)high : old_size;
        for (size_t j = begin; j < end; j++)
            sum += row[j] = filter->at(((float)j - centre + 0.5f) * narrow);
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

/* out (rows, columns, width), which is 0 before, of in (side, side, width). Columns first, then rows, as torch does. */
static int resize_grid(float *out, size_t rows, size_t columns, const float *in, size_t side, size_t width,
    const struct filter *filter, struct err *err)
{
    const size_t longer = rows > columns ? rows : columns;
    float *weights = mem_new(longer * side, sizeof *weights);
    float *narrow = mem_new(side * columns * width, sizeof *narrow); // (side, columns, W)
    if (weights && narrow) {
        axis_weights(weights, columns, side, filter);
        resize_axis(narrow, in, weights, side, columns, side, width);
        memset(weights, 0, longer * side * sizeof *weights);
        axis_weights(weights, rows, side, filter);
        resize_axis(out, narrow, weights, 1, rows, side, columns * width);
    }
    const bool done = weights && narrow;
    free(weights);
    free(narrow);
    return done ? 0 : err_memory(err, side * columns * width * sizeof *narrow);
}

int positions_to_grid(
    float *out, size_t rows, size_t columns, const float *in, size_t side, size_t width, struct err *err)
{
    memset(out, 0, rows * columns * width * sizeof *out);
    return resize_grid(out, rows, columns, in, side, width, &bilinear, err);
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
    return resize_grid(
        out + before * width, new_side, new_side, in + before * width, old_side, width, &bicubic, err);
}
