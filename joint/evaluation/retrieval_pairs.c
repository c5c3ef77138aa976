// SPDX-License-Identifier: Apache-2.0
#include "joint/evaluation/retrieval_pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 512,     /* captions in a product */
    COLUMNS = 4096, /* images, at most: the weights of the layer that is the product */
    CHUNK = 256,    /* images that a thread counts at once */
    LANES = 16,     /* widths of layers are multiples of it */
};

float pair_cosine(const struct pairs *pairs, size_t image, size_t caption)
{
    return dot_product(
        &pairs->images[image * pairs->width], &pairs->captions[caption * pairs->width], pairs->width);
}

/* ---- how far a product may be off ---------------------------------------------------------------------- */

/* The largest among rows (count, E): length, length in the type of activations, and of their difference. */
struct lengths {
    double exact, rounded, difference;
};

static struct lengths lengths_of(const float *rows, size_t count, size_t width, enum dtype real)
{
    struct lengths most = {0};
    for (size_t i = 0; i < count; i++) {
        double exact = 0, rounded = 0, difference = 0;
        for (size_t e = 0; e < width; e++) {
            const double x = rows[i * width + e], y = dtype_round(rows[i * width + e], real);
            exact += x * x;
            rounded += y * y;
            difference += (x - y) * (x - y);
        }
        if (!(difference < INFINITY)) /* of what is no number nothing is known */
            return (struct lengths){INFINITY, INFINITY, INFINITY};
        most.exact = fmax(most.exact, sqrt(exact));
        most.rounded = fmax(most.rounded, sqrt(rounded));
        most.difference = fmax(most.difference, sqrt(difference));
    }
    return most;
}

static double margin_of(const struct pairs *pairs, enum dtype real)
{
    const struct lengths a = lengths_of(pairs->images, pairs->image_count, pairs->width, real),
                         b = lengths_of(pairs->captions, pairs->caption_count, pairs->width, real);
    return a.difference * b.exact + a.rounded * b.difference +
           linear_sum_error(pairs->width) * (a.rounded * b.rounded + a.exact * b.exact);
}

/* A product below `below` is below the mark, one above `above` is above it; NaN never is. */
struct limits {
    float below, above;
};

static struct limits limits_of(float mark, double margin)
{
    return (struct limits){
        .below = nextafterf((float)(mark - margin), -INFINITY),
        .above = nextafterf((float)(mark + margin), INFINITY),
    };
}

/* ---- counting one product ------------------------------------------------------------------------------ */

/* captions first_caption + (0 .. rows-1), images first_image + (0 .. columns-1) */
struct product {
    struct pairs *pairs;
    double margin;
    float *cosines; // (rows, stride)
    size_t first_caption, rows, first_image, columns, stride;
    size_t *chunk_ahead; // (rows, chunks): of captions
};

static size_t chunk_count(const struct product *product)
{
    return (product->columns + CHUNK - 1) / CHUNK;
}

/* The marks of a chunk's images. */
struct chunk {
    size_t first, count; /* columns of the product */
    float below[CHUNK], above[CHUNK];
    uint32_t ahead[CHUNK];
};

static struct chunk chunk_make(const struct product *product, size_t i)
{
    const size_t first = i * CHUNK, left = product->columns - first;
    struct chunk chunk = {.first = first, .count = left < CHUNK ? left : CHUNK};
    for (size_t c = 0; c < chunk.count; c++) {
        const float mark = product->pairs->image_marks[product->first_image + first + c];
        const struct limits limits = limits_of(mark, product->margin);
        chunk.below[c] = limits.below;
        chunk.above[c] = limits.above;
    }
    return chunk;
}

/* Counts what is above its mark for sure. *all: nothing else may be. */
static size_t count_sure(struct chunk *chunk, const float *cosines, struct limits caption, bool *all)
{
    uint32_t above_caption = 0, sure = 1;
    for (size_t c = 0; c < chunk->count; c++) {
        const float x = cosines[c];
        const uint32_t above_image = x > chunk->above[c], above = x > caption.above;
        chunk->ahead[c] += above_image;
        above_caption += above;
        sure &= (above_image | (x < chunk->below[c])) & (above | (x < caption.below));
    }
    *all = sure;
    return above_caption;
}

/* The others, whose mark is too near. */
static size_t count_unsure(struct chunk *chunk, const struct product *product, const float *cosines,
    struct limits limits, size_t caption)
{
    const struct pairs *pairs = product->pairs;
    size_t above_caption = 0;
    for (size_t c = 0; c < chunk->count; c++) {
        const size_t image = product->first_image + chunk->first + c;
        const float x = cosines[c];
        const bool image_sure =
            x > chunk->above[c] || x<chunk->below[c], caption_sure = x> limits.above || x < limits.below;
        if ((image_sure && caption_sure) || pairs->image_of[caption] == image)
            continue;
        const float cosine = pair_cosine(pairs, image, caption);
        chunk->ahead[c] += !image_sure && !(cosine < pairs->image_marks[image]); /* NaN counts too */
        above_caption += !caption_sure && !(cosine < pairs->caption_marks[caption]);
    }
    return above_caption;
}

static void count_chunk(void *context, size_t i)
{
    const struct product *product = context;
    const struct pairs *pairs = product->pairs;
    struct chunk chunk = chunk_make(product, i);
    for (size_t row = 0; row < product->rows; row++) {
        const size_t caption = product->first_caption + row;
        const float *cosines = &product->cosines[row * product->stride + chunk.first];
        const struct limits limits = limits_of(pairs->caption_marks[caption], product->margin);
        bool all;
        size_t ahead = count_sure(&chunk, cosines, limits, &all);
        if (!all)
            ahead += count_unsure(&chunk, product, cosines, limits, caption);
        product->chunk_ahead[row * chunk_count(product) + i] = ahead;
    }
    for (size_t c = 0; c < chunk.count; c++)
        pairs->image_ahead[product->first_image + chunk.first + c] += chunk.ahead[c];
}

/* A caption's own image is below all marks, for sure: it is not counted. */
static void leave_own_out(const struct product *product)
{
    for (size_t row = 0; row < product->rows; row++) {
        const size_t own = product->pairs->image_of[product->first_caption + row] - product->first_image;
        if (own < product->columns)
            product->cosines[row * product->stride + own] = -INFINITY;
    }
}

static void count_product(const struct product *product, const struct job *job)
{
    const size_t chunks = chunk_count(product);
    leave_own_out(product);
    job_loop(job, chunks, count_chunk, (void *)product);
    for (size_t i = 0; i < product->rows * chunks; i++)
        product->pairs->caption_ahead[product->first_caption + i / chunks] += product->chunk_ahead[i];
}

/* ---- products ------------------------------------------------------------------------------------------ */

struct multiplier {
    struct device *device;
    struct stream *stream;
    struct linear *images; /* the weights */
    float *rows;           // (max(ROWS, COLUMNS), padded)
    size_t padded;         /* E, up to a multiple of LANES */
};

/* rows (count, E), and zeros up to `padded`, in multiplier->rows. */
static void pad_rows(const struct multiplier *multiplier, const float *rows, size_t count, size_t width)
{
    memset(multiplier->rows, 0, count * multiplier->padded * sizeof *rows);
    for (size_t i = 0; i < count; i++)
        memcpy(&multiplier->rows[i * multiplier->padded], &rows[i * width], width * sizeof *rows);
}

/* cosines (rows, stride) of the captions in multiplier->rows; NULL while planning. */
static int multiply(const struct multiplier *multiplier, struct stream *stream, float *cosines, size_t rows,
    size_t stride, struct err *err)
{
    const size_t mark = stream_mark(stream);
    struct tensor in, out;
    int rc;
    if ((rc = tensor_new(&in, stream, stream_dtype(stream), SHAPE(rows, multiplier->padded), err)) ||
        (rc = tensor_new(&out, stream, DTYPE_F32, SHAPE(rows, stride), err)) ||
        (rc = tensor_write_real(stream, in, multiplier->rows, rows * multiplier->padded, err)) ||
        (rc = linear_forward(multiplier->images, stream, out, in, EPILOGUE_NONE, err)))
        goto done;
    rc = tensor_read(stream, cosines, out, rows * stride, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* The images of a product as a layer, and a stream that is planned for it. */
static int multiplier_set(struct multiplier *multiplier, const struct product *product, struct err *err)
{
    const struct pairs *pairs = product->pairs;
    struct stream *plan = NULL;
    int rc;
    pad_rows(multiplier, &pairs->images[product->first_image * pairs->width], product->columns, pairs->width);
    memset(&multiplier->rows[product->columns * multiplier->padded], 0,
        (product->stride - product->columns) * multiplier->padded * sizeof *multiplier->rows);
    stream_free(multiplier->stream);
    linear_free(multiplier->images);
    multiplier->stream = NULL;
    multiplier->images = NULL;
    if ((rc = linear_load(&multiplier->images, multiplier->device, multiplier->rows, product->stride,
             multiplier->padded, err)) ||
        (rc = stream_open(&plan, multiplier->device, 0, err)) ||
        (rc = multiply(multiplier, plan, NULL, ROWS, product->stride, err)))
        goto done;
    rc = stream_open(&multiplier->stream, multiplier->device, stream_peak(plan), err);
done:
    stream_free(plan);
    return rc;
}

/* All captions with the images of one product. */
static int count_columns(
    struct multiplier *multiplier, struct product *product, const struct job *job, struct err *err)
{
    const struct pairs *pairs = product->pairs;
    int rc = multiplier_set(multiplier, product, err);
    for (size_t first = 0; first < pairs->caption_count && !rc; first += ROWS) {
        const size_t left = pairs->caption_count - first;
        product->first_caption = first;
        product->rows = left < ROWS ? left : ROWS;
        pad_rows(multiplier, &pairs->captions[first * pairs->width], product->rows, pairs->width);
        if ((rc = job_step(job, "comparing", 0, 0, err)) ||
            (rc = multiply(
                 multiplier, multiplier->stream, product->cosines, product->rows, product->stride, err)))
            break;
        count_product(product, job);
    }
    return rc;
}

int pairs_count(struct pairs *pairs, struct device *device, const struct job *job, struct err *err)
{
    const size_t most = pairs->image_count < COLUMNS ? pairs->image_count : COLUMNS;
    const size_t stride = (most + LANES - 1) / LANES * LANES,
                 padded = (pairs->width + LANES - 1) / LANES * LANES;
    struct multiplier multiplier = {
        .device = device,
        .padded = padded,
        .rows = mem_new(stride > ROWS ? stride : ROWS, padded * sizeof *multiplier.rows),
    };
    struct product product = {
        .pairs = pairs,
        .margin = margin_of(pairs, device_dtype(device)),
        .cosines = mem_new(ROWS, stride * sizeof *product.cosines),
        .chunk_ahead = mem_new(ROWS, (COLUMNS / CHUNK) * sizeof *product.chunk_ahead),
    };
    int rc = 0;
    if (!multiplier.rows || !product.cosines || !product.chunk_ahead)
        rc = err_memory(err, ROWS * stride * sizeof *product.cosines);
    for (size_t first = 0; first < pairs->image_count && !rc; first += COLUMNS) {
        const size_t left = pairs->image_count - first;
        product.first_image = first;
        product.columns = left < COLUMNS ? left : COLUMNS;
        product.stride = (product.columns + LANES - 1) / LANES * LANES;
        rc = count_columns(&multiplier, &product, job, err);
    }
    stream_free(multiplier.stream);
    linear_free(multiplier.images);
    free(multiplier.rows);
    free(product.cosines);
    free(product.chunk_ahead);
    return rc;
}
