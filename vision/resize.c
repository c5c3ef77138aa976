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
 * Weights are then rounded to integers of 22 fraction bits. One direction is resampled and *rounded to
 * bytes*, then the other; a direction whose size does not change is left alone. Both show in the output, and
 * so does the order (columns_first).
 */
#include "vision/resize.h"
#include "vision/format.h"
#include "vision/weigh.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static double box(double x)
{
    return x > -0.5 && x <= 0.5;
}

static double sinc(double x)
{
    x *= M_PI;
    return x == 0 ? 1 : sin(x) / x;
}

/* Pillow's numbers here are floats, whose sum is not quite 1. */
static double hamming(double x)
{
    x = fabs(x);
    return x == 0 ? 1 : x < 1 ? sinc(x) * (0.54f + 0.46f * cos(x * M_PI)) : 0;
}

static double lanczos(double x)
{
    return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

const char *const resample_names[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming", NULL};

static const struct filter {
    double (*weight)(double x);
    double support; /* weight is zero from here on */
} filters[] = {
    [RESAMPLE_LANCZOS] = {lanczos, 3},
    [RESAMPLE_BILINEAR] = {triangle, 1},
    [RESAMPLE_BICUBIC] = {cubic, 2},
    [RESAMPLE_BOX] = {box, 0.5},
    [RESAMPLE_HAMMING] = {hamming, 1},
};

/* How `count` output positions of one direction are computed from the input. */
struct axis {
    int count, pairs;            /* pairs of weights: room for the widest window */
    int *start, *size;           // (count): the window of each
    struct weight_pair *weights; // (count, pairs)
};

static const struct weight_pair *axis_weights(const struct axis *axis, int i)
{
    return axis->weights + (size_t)i * (size_t)axis->pairs;
}

static void axis_set(struct axis *axis, int i, int tap, int32_t weight)
{
    struct weight_pair *pair = &axis->weights[(size_t)i * (size_t)axis->pairs + (size_t)tap / 2];
    pair->high[tap % 2] = (int16_t)(weight >> LOW_BITS);
    pair->low[tap % 2] = (int16_t)(weight & ((1 << LOW_BITS) - 1));
}

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

    for (int i = 0; i < axis->count; i++) {
        const double center = (first + i + 0.5) * scale;
        const int start = center - support + 0.5 < 0 ? 0 : (int)(center - support + 0.5);
        const int end = center + support + 0.5 > in ? in : (int)(center + support + 0.5);
        double sum = 0;
        for (int k = start; k < end; k++)
            sum += raw[k - start] = filter->weight((k - center + 0.5) * shrink);
        for (int k = 0; k < end - start; k++) {
            const double weight = (sum != 0 ? raw[k] / sum : raw[k]) * (1 << FRACTION_BITS);
            axis_set(axis, i, k, (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5));
        }
        axis->start[i] = start;
        axis->size[i] = end - start;
    }
}

/* A direction that keeps its size: every position is itself. */
static void axis_keep(struct axis *axis, int first)
{
    for (int i = 0; i < axis->count; i++) {
        axis->start[i] = first + i;
        axis->size[i] = 1;
        axis_set(axis, i, 0, 1 << FRACTION_BITS);
    }
}

/* The positions [first, first + count) of a direction resized from `in` to `out`. */
static int axis_init(
    struct axis *axis, int in, int out, int first, int count, const struct filter *filter, struct err *err)
{
    const double support = filter->support * (in > out ? (double)in / out : 1);
    const int taps = (int)ceil(support) * 2 + 1;
    double *raw = mem_new((size_t)taps, sizeof *raw);

    *axis = (struct axis){.count = count, .pairs = (taps + 1) / 2};
    axis->start = mem_new((size_t)count, sizeof *axis->start);
    axis->size = mem_new((size_t)count, sizeof *axis->size);
    axis->weights = mem_new((size_t)count, (size_t)axis->pairs * sizeof *axis->weights);
    const bool ok = raw && axis->start && axis->size && axis->weights;
    if (ok && in == out)
        axis_keep(axis, first);
    else if (ok)
        axis_fill(axis, in, out, first, filter, raw);
    free(raw);
    return ok ? 0 : err_memory(err, (size_t)count * (size_t)axis->pairs * sizeof *axis->weights);
}

/* Part of a picture: data is its pixel (x, y), the pixel below stands stride bytes on. */
struct part {
    const uint8_t *data;
    size_t stride, channels;
    int x, y;
};

/*
 * Some rows of a picture, side by side: what stands next to each other in memory are the pixels of one
 * column.
 *
 *     pixel of row 0, pixel of row 1, ... of column 0 | pixel of row 0, pixel of row 1, ... of column 1 | ...
 *
 * A row's resampling, which adds up neighbours in that row, then is a sum along memory as a column's is.
 */
enum { STRIP_ROWS = 16 };

/* Lays `columns` columns of `rows` rows out as a strip; its other rows repeat the last. Pixels are copied as
 * four bytes where they can be, of which the next copy overwrites a fourth that is not theirs. */
static inline void strip_fill(
    uint8_t *strip, const uint8_t *data, size_t stride, size_t channels, size_t rows, size_t columns)
{
    const uint8_t *from[STRIP_ROWS];
    const size_t step = STRIP_ROWS * channels;
    for (size_t y = 0; y < STRIP_ROWS; y++)
        from[y] = data + (y < rows ? y : rows - 1) * stride;
    for (size_t x = 0; x + 1 < columns; x++)
        for (size_t y = 0; y < STRIP_ROWS; y++)
            memcpy(strip + x * step + y * channels, from[y] + x * channels, PICTURE_CHANNELS_MAX);
    for (size_t y = 0; y < STRIP_ROWS; y++)
        memcpy(strip + (columns - 1) * step + y * channels, from[y] + (columns - 1) * channels, channels);
}

/* One strip: `rows` rows of axis->count pixels from as many of `in`. */
static inline void resample_strip(uint8_t *out, size_t out_stride, struct part in, size_t channels,
    size_t rows, const struct axis *axis, uint8_t *strip, weigh_rows *weigh)
{
    const size_t columns = (size_t)(axis_end(axis) - in.x), step = STRIP_ROWS * channels;
    uint8_t column[STRIP_ROWS * PICTURE_CHANNELS_MAX];
    strip_fill(strip, in.data, in.stride, channels, rows, columns);
    for (int x = 0; x < axis->count; x++) {
        const uint8_t *from = strip + (size_t)(axis->start[x] - in.x) * step;
        uint8_t *to = out + (size_t)x * channels;
        weigh(column, from, step, axis_weights(axis, x), axis->size[x], step);
        for (size_t y = 0; y < rows; y++)
            memcpy(to + y * out_stride, column + y * channels, channels);
    }
}

/* out: `rows` rows of axis->count pixels, each resampled from a row of `in`. The copies of pixels are as fast as they
 * are only where the compiler knows how large one is. */
static int resample_rows(
    uint8_t *out, size_t out_stride, struct part in, size_t rows, const struct axis *axis, struct err *err)
{
    const size_t columns = (size_t)(axis_end(axis) - in.x), step = STRIP_ROWS * in.channels;
    uint8_t *strip = mem_new(columns, step);
    weigh_rows *weigh = weigh_rows_best();
    if (!strip)
        return err_memory(err, columns * step);
    for (size_t first = 0; first < rows; first += STRIP_ROWS) {
        const size_t count = rows - first < STRIP_ROWS ? rows - first : STRIP_ROWS;
        uint8_t *to = out + first * out_stride;
        struct part from = in;
        from.data += first * in.stride;
        if (in.channels == 3)
            resample_strip(to, out_stride, from, 3, count, axis, strip, weigh);
        else
            resample_strip(to, out_stride, from, 4, count, axis, strip, weigh);
    }
    free(strip);
    return 0;
}

/* out: axis->count rows of `width` bytes, each a weighted sum of rows of `in`. */
static void resample_columns(
    uint8_t *out, size_t out_stride, struct part in, size_t width, const struct axis *axis)
{
    weigh_rows *weigh = weigh_rows_best();
    for (int y = 0; y < axis->count; y++) {
        const uint8_t *from = in.data + (size_t)(axis->start[y] - in.y) * in.stride;
        weigh(out + (size_t)y * out_stride, from, in.stride, axis_weights(axis, y), axis->size[y], width);
    }
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
    const size_t channels = picture_channels(in);
    const size_t in_stride = (size_t)in->width * channels, out_width = (size_t)across->count * channels;
    const size_t columns = (size_t)axis_end(across) - (size_t)across->start[0];
    const size_t rows = (size_t)axis_end(down) - (size_t)down->start[0];
    struct part part = {
        .stride = in_stride, .channels = channels, .x = across->start[0], .y = down->start[0]};
    part.data = in->pixels + (size_t)part.y * in_stride + (size_t)part.x * channels;

    if (height == in->height)
        return resample_rows(out, stride, part, rows, across, err);
    if (width == in->width) {
        resample_columns(out, stride, part, out_width, down);
        return 0;
    }

    const bool down_first = columns_first(in, width, height);
    const size_t middle_stride = down_first ? columns * channels : out_width;
    const size_t middle_rows = down_first ? (size_t)down->count : rows;
    uint8_t *middle = mem_new(middle_rows, middle_stride);
    if (!middle)
        return err_memory(err, middle_rows * middle_stride);
    const struct part half_done = {middle, middle_stride, channels, part.x, part.y};
    int rc;
    if (down_first) {
        resample_columns(middle, middle_stride, part, middle_stride, down);
        rc = resample_rows(out, stride, half_done, middle_rows, across, err);
    } else {
        rc = resample_rows(middle, middle_stride, part, rows, across, err);
        if (!rc)
            resample_columns(out, stride, half_done, out_width, down);
    }
    free(middle);
    return rc;
}

/* Positions of the input, of which position i of `count` takes the nearest one's; added up as Pillow adds them. */
static void nearest_positions(int *out, int in, int size, int first, int count)
{
    const double step = (double)in / size;
    double position = step * 0.5;
    for (int i = 0; i < first + count; i++, position += step)
        if (i >= first)
            out[i - first] = position < in ? (int)position : in - 1;
}

static int resize_nearest(uint8_t *out, size_t stride, const struct picture *in, int width, int height,
    struct region region, struct err *err)
{
    const size_t channels = picture_channels(in);
    int *across = mem_new((size_t)region.width + (size_t)region.height, sizeof *across);
    if (!across)
        return err_memory(err, (size_t)region.width * sizeof *across);
    int *down = across + region.width;
    nearest_positions(across, in->width, width, region.x, region.width);
    nearest_positions(down, in->height, height, region.y, region.height);
    for (int y = 0; y < region.height; y++, out += stride) {
        const uint8_t *row = in->pixels + (size_t)down[y] * (size_t)in->width * channels;
        for (int x = 0; x < region.width; x++)
            memcpy(out + (size_t)x * channels, row + (size_t)across[x] * channels, channels);
    }
    free(across);
    return 0;
}

int resize_region(uint8_t *out, size_t stride, const struct picture *in, int width, int height,
    struct region region, enum resample filter, struct err *err)
{
    struct axis across = {0}, down = {0};
    if (filter == RESAMPLE_NEAREST)
        return resize_nearest(out, stride, in, width, height, region, err);
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
    int rc = picture_alloc(out, NULL, PICTURE_RGB, width, height, err);
    if (rc)
        return rc;
    rc = resize_region(out->pixels, (size_t)width * picture_channels(out), in, width, height,
        (struct region){0, 0, width, height}, resample, err);
    if (rc)
        picture_release(out);
    return rc;
}
