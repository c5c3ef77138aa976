// SPDX-License-Identifier: Apache-2.0
/*
 * Resampling as Pillow does it for 8-bit pictures (its src/libImaging/Resample.c), so that every byte is the
 * same.
 *
 * An output position x takes its value from a window of the input around (x + 0.5) * scale, where scale is
 * in/out. Enlarging, the window is as wide as the filter. Reducing, window and filter are stretched by scale:
 * each output pixel then is an average over all the input it covers, which is what "antialias" means. Windows
 * are cut at the edges and their weights, computed in double, made to sum to 1.
 *
 * Weights are then rounded to integers of 22 fraction bits: 8 bits of sample and the filter's overshoot leave
 * that many in an int32. One direction is resampled and *rounded to bytes*, then the other; a direction whose
 * size does not change is left alone. Both show in the output, and so does the order (columns_first).
 */
#include "vision/resize.h"
#include "vision/format.h"

#include <math.h>
#include <stdlib.h>

enum { FRACTION_BITS = 22, ONE_HALF = 1 << (FRACTION_BITS - 1), CHANNELS = 3 };

/* Keys' cubic with a = -1/2 (Pillow's; OpenCL samplers and OpenCV have other a), in Pillow's order of
 * operations. */
static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static const struct filter {
    double (*weight)(double x);
    double support; /* weight is zero from here on */
} filters[] = {[RESAMPLE_BILINEAR] = {triangle, 1}, [RESAMPLE_BICUBIC] = {cubic, 2}};

/* How `count` output positions of one direction are computed from the input. */
struct axis {
    int count, taps;   /* taps: room for the widest window */
    int *start, *size; /* (count): the window of each */
    int32_t *weights;  /* (count, taps), in FRACTION_BITS */
};

/* One behind the last input position that any window holds; the first is start[0]. */
static int axis_end(const struct axis *axis)
{
    const int last = axis->count - 1;
    return axis->start[last] + axis->size[last];
}

static void axis_release(struct axis *axis)
{
    free(axis->start);
    free(axis->size);
    free(axis->weights);
}

static void axis_fill(struct axis *axis, int in, int out, int first, const struct filter *filter, double *raw)
{
    const double scale = (double)in / out, stretch = scale < 1 ? 1 : scale;
    const double support = filter->support * stretch, shrink = 1 / stretch;

    for (int i = 0; i < axis->count; ++i) {
        const double center = (first + i + 0.5) * scale;
        const int start = center - support + 0.5 < 0 ? 0 : (int)(center - support + 0.5);
        const int end = center + support + 0.5 > in ? in : (int)(center + support + 0.5);
        double sum = 0;
        for (int k = start; k < end; ++k)
            sum += raw[k - start] = filter->weight((k - center + 0.5) * shrink);
        for (int k = 0; k < end - start; ++k) {
            const double weight = (sum != 0 ? raw[k] / sum : raw[k]) * (1 << FRACTION_BITS);
            axis->weights[(size_t)i * (size_t)axis->taps + (size_t)k] =
                (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
        }
        axis->start[i] = start;
        axis->size[i] = end - start;
    }
}

/* A direction that keeps its size: every position is itself. */
static void axis_keep(struct axis *axis, int first)
{
    for (int i = 0; i < axis->count; ++i) {
        axis->start[i] = first + i;
        axis->size[i] = 1;
        axis->weights[(size_t)i * (size_t)axis->taps] = 1 << FRACTION_BITS;
    }
}

/* The positions [first, first + count) of a direction resized from `in` to `out`. */
static int axis_init(
    struct axis *axis, int in, int out, int first, int count, const struct filter *filter, struct err *err)
{
    const double support = filter->support * (in > out ? (double)in / out : 1);
    const int taps = (int)ceil(support) * 2 + 1;
    double *raw = mem_new((size_t)taps, sizeof *raw);

    *axis = (struct axis){.count = count, .taps = taps};
    axis->start = mem_new((size_t)count, sizeof *axis->start);
    axis->size = mem_new((size_t)count, sizeof *axis->size);
    axis->weights = mem_new((size_t)count, (size_t)taps * sizeof *axis->weights);
    const bool ok = raw && axis->start && axis->size && axis->weights;
    if (ok && in == out)
        axis_keep(axis, first);
    else if (ok)
        axis_fill(axis, in, out, first, filter, raw);
    free(raw);
    return ok ? 0 : err_memory(err, (size_t)count * (size_t)taps * sizeof *axis->weights);
}

static uint8_t to_byte(int32_t sum)
{
    const int32_t value = sum >> FRACTION_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* Part of a picture: data is its pixel (x, y), the pixel below stands stride bytes on. */
struct part {
    const uint8_t *data;
    size_t stride;
    int x, y;
};

/* out: `rows` rows of axis->count pixels, each resampled from a row of `in`. */
static void resample_rows(
    uint8_t *out, size_t out_stride, struct part in, size_t rows, const struct axis *axis)
{
    for (size_t y = 0; y < rows; ++y) {
        uint8_t *to = out + y * out_stride;
        for (int x = 0; x < axis->count; ++x, to += CHANNELS) {
            const uint8_t *from = in.data + y * in.stride + (size_t)(axis->start[x] - in.x) * CHANNELS;
            const int32_t *weights = axis->weights + (size_t)x * (size_t)axis->taps;
            int32_t red = ONE_HALF, green = ONE_HALF, blue = ONE_HALF;
            for (int k = 0; k < axis->size[x]; ++k, from += CHANNELS) {
                red += from[0] * weights[k];
                green += from[1] * weights[k];
                blue += from[2] * weights[k];
            }
            to[0] = to_byte(red);
            to[1] = to_byte(green);
            to[2] = to_byte(blue);
        }
    }
}

/* out: axis->count rows of `width` bytes, each a weighted sum of rows of `in`. A row at a time, so that the
 * inner loop runs along memory. */
static int resample_columns(
    uint8_t *out, size_t out_stride, struct part in, size_t width, const struct axis *axis, struct err *err)
{
    int32_t *sums = mem_new(width, sizeof *sums);
    if (!sums)
        return err_memory(err, width * sizeof *sums);
    for (int y = 0; y < axis->count; ++y) {
        const uint8_t *from = in.data + (size_t)(axis->start[y] - in.y) * in.stride;
        const int32_t *weights = axis->weights + (size_t)y * (size_t)axis->taps;
        for (size_t i = 0; i < width; ++i)
            sums[i] = ONE_HALF;
        for (int k = 0; k < axis->size[y]; ++k, from += in.stride)
            for (size_t i = 0; i < width; ++i)
                sums[i] += from[i] * weights[k];
        for (size_t i = 0; i < width; ++i)
            out[(size_t)y * out_stride + i] = to_byte(sums[i]);
    }
    free(sums);
    return 0;
}

/* Since version 13 Pillow takes the columns first where that leaves it less to do. */
static bool columns_first(const struct picture *in, int width, int height)
{
    return in->height > height && (int64_t)in->height - height > 2 * ((int64_t)in->width - width);
}

/* Runs the passes that are needed; a pass that keeps the size would change nothing. */
static int resample(uint8_t *out, size_t stride, const struct picture *in, int width, int height,
    const struct axis *across, const struct axis *down, struct err *err)
{
    const size_t in_stride = (size_t)in->width * CHANNELS, out_width = (size_t)across->count * CHANNELS;
    const size_t columns = (size_t)axis_end(across) - (size_t)across->start[0];
    const size_t rows = (size_t)axis_end(down) - (size_t)down->start[0];
    struct part part = {.stride = in_stride, .x = across->start[0], .y = down->start[0]};
    part.data = in->rgb + (size_t)part.y * in_stride + (size_t)part.x * CHANNELS;

    if (height == in->height) {
        resample_rows(out, stride, part, rows, across);
        return 0;
    }
    if (width == in->width)
        return resample_columns(out, stride, part, out_width, down, err);

    const bool down_first = columns_first(in, width, height);
    const size_t middle_stride = down_first ? columns * CHANNELS : out_width;
    const size_t middle_rows = down_first ? (size_t)down->count : rows;
    uint8_t *middle = mem_new(middle_rows, middle_stride);
    if (!middle)
        return err_memory(err, middle_rows * middle_stride);
    const struct part half_done = {middle, middle_stride, part.x, part.y};
    int rc;
    if (down_first) {
        rc = resample_columns(middle, middle_stride, part, middle_stride, down, err);
        if (!rc)
            resample_rows(out, stride, half_done, middle_rows, across);
    } else {
        resample_rows(middle, middle_stride, part, rows, across);
        rc = resample_columns(out, stride, half_done, out_width, down, err);
    }
    free(middle);
    return rc;
}

int resize_region(uint8_t *out, size_t stride, const struct picture *in, int width, int height,
    struct region region, enum resample filter, struct err *err)
{
    struct axis across = {0}, down = {0};
    int rc = axis_init(&across, in->width, width, region.x, region.width, &filters[filter], err);
    if (!rc)
        rc = axis_init(&down, in->height, height, region.y, region.height, &filters[filter], err);
    if (!rc)
        rc = resample(out, stride, in, width, height, &across, &down, err);
    axis_release(&across);
    axis_release(&down);
    return rc;
}

int picture_resize(struct picture *out, const struct picture *in, int width, int height,
    enum resample resample, struct err *err)
{
    *out = (struct picture){0};
    if (width < 1 || height < 1)
        return err_set(err, ERR_ARGUMENT, "unable to resize to %d x %d", width, height);
    int rc = picture_alloc(out, width, height, err);
    if (rc)
        return rc;
    rc = resize_region(out->rgb, (size_t)width * CHANNELS, in, width, height,
        (struct region){0, 0, width, height}, resample, err);
    if (rc)
        picture_release(out);
    return rc;
}
