// SPDX-License-Identifier: Apache-2.0
/* Queries on the device, and the launches that put spans of rows to them. */
#include "index/scan_batch.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/dot.h"
#include "index/rotate.h"
#include "kernels.h" /* made by CMake: the text of kernels/scan.cl */

enum { SPAN_BYTES = 64 << 20 }; /* every device has buffers that large */

static const struct kernel_source source = {"index/kernels/scan.cl", scan_kernels_scan_cl};

/* ---- queries ------------------------------------------------------------------------------------------- */

static void query_make(struct query *query, float *scaled, double *rotated, const float *q, size_t width,
    size_t stride, enum dtype real)
{
    float largest = 0;
    double squares = 0, rounded_squares = 0, differences = 0;
    *query = (struct query){0};
    for (size_t i = 0; i < width; i++)
        largest = fmaxf(largest, fabsf(q[i]));
    if (largest > 0)
        frexpf(largest, &query->exponent);
    for (size_t i = 0; i < width; i++) {
        rotated[i] = ldexp((double)q[i], -query->exponent);
        scaled[i] = (float)rotated[i];
        squares += rotated[i] * rotated[i];
    }
    rotate(rotated, stride);
    for (size_t i = 0; i < stride; i++) {
        const double rounded = dtype_round((float)rotated[i], real), difference = rotated[i] - rounded;
        rounded_squares += rounded * rounded;
        differences += difference * difference;
    }
    query->norm = sqrt(squares);
    query->rounded_norm = sqrt(rounded_squares);
    query->rounding = sqrt(differences);
}

/* A float no larger than a threshold, and none that a device may flush to zero. */
static float threshold_down(double threshold)
{
    const float small = 0x1p-100f;
    float down = (float)threshold;
    if ((double)down > threshold)
        down = nextafterf(down, -INFINITY);
    if (threshold != 0 && fabsf(down) < small)
        down = threshold > 0 ? 0 : -small;
    return down;
}

/* limits (3, padded) of a pass: A and B of scan.h, a little up for what sums here are off, and thresholds. */
static void limits_make(struct batch *batch, enum pass pass, const double *thresholds)
{
    const double up = 1 + 0x1p-16, sum = linear_sum_error(batch->stride);
    for (size_t i = 0; i < batch->padded; i++) {
        float *error = &batch->limits[i], *norm = error + batch->padded, *threshold = norm + batch->padded;
        *error = *norm = 0;
        *threshold = INFINITY;
        if (i >= batch->count)
            continue;
        const struct query *query = &batch->queries[i];
        *threshold = threshold_down(ldexp(thresholds[i], -query->exponent));
        if (pass == PASS_STORED) {
            *error = (float)(sum / (1 - sum) * up); /* of the sum of magnitudes, itself a rounded sum */
        } else if (pass == PASS_CODED) {
            *error = (float)(query->norm * up);
            *norm = (float)(query->norm * (sum + 0x1p-23) * up); /* R q is rounded to float32 */
        } else {
            *error = (float)(query->norm * up);
            *norm = (float)((query->rounding + query->rounded_norm * sum) * up);
        }
    }
}

/* The rounded queries as the weights of a linear layer, so that a matrix product is its forward pass. */
static int weights_make(struct batch *batch, struct device *device, struct err *err)
{
    const size_t count = batch->padded * batch->stride;
    float *rounded = mem_new(count, sizeof *rounded);
    if (!rounded)
        return err_memory(err, count * sizeof *rounded);
    for (size_t i = 0; i < count; i++)
        rounded[i] = dtype_round((float)batch->rotated[i], device_dtype(device));
    int rc = linear_load(&batch->linear, device, rounded, batch->padded, batch->stride, err);
    free(rounded);
    return rc;
}

static size_t coded_span_rows(size_t stride)
{
    const size_t rows = SPAN_BYTES / coarse_block_bytes(stride) * COARSE_BLOCK;
    return rows > SPAN_LEAST ? rows : SPAN_LEAST;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int64_t coded_rows(const struct batch *batch)
{
    return batch->coarse ? batch->coarse->count * COARSE_BLOCK : 0;
}

/* Rows from the first on, in whole blocks, that have codes, and of which the mask chooses `most` at most; or one block. */
static size_t rows_choosing(const struct batch *batch, size_t most)
{
    const size_t coded = (size_t)coded_rows(batch);
    size_t rows = 0, chosen = 0;
    for (; rows < coded; rows += COARSE_BLOCK) {
        chosen += block_chosen(batch->rows->mask, (int64_t)rows);
        if (chosen > most && rows)
            break;
    }
    return rows;
}

int batch_init(struct batch *batch, struct device *device, const struct scan_dots *dots,
    const struct index_rows *rows, const struct coarse *coarse, const float *queries, size_t count,
    struct err *err)
{
    enum {
        LANES = 16,
        PRODUCT_BYTES = 4 << 20, /* rows of a product stay in a CPU's cache */
        BEGIN_CHOSEN = 256       /* where a mask leaves so few, blocks are many and short */
    };
    const size_t stride = coarse_stride(rows->width), padded = (count + LANES - 1) / LANES * LANES;
    const size_t blocks = coded_span_rows(stride) / COARSE_BLOCK;
    const bool coded = coarse && coarse->count;
    size_t product_rows = PRODUCT_BYTES / 2 / stride / ROWS * ROWS;
    if (product_rows > 4 * SPAN_LEAST)
        product_rows = 4 * SPAN_LEAST;
    *batch = (struct batch){
        .rows = rows,
        .coarse = coarse,
        .count = count,
        .padded = padded,
        .stride = stride,
        .product_rows = product_rows < ROWS ? ROWS : product_rows,
        .base_blocks = blocks,
        .begin_rows = SPAN_LEAST,
        .scaled = mem_new(padded * stride, sizeof *batch->scaled),
        .rotated = mem_new(padded * stride, sizeof *batch->rotated),
        .limits = mem_new(3 * padded, sizeof *batch->limits),
        .floats = mem_new(padded * max_size(blocks, stride), sizeof *batch->floats),
        .queries = mem_new(count, sizeof *batch->queries),
    };
    int rc = 0;
    if (!batch->scaled || !batch->rotated || !batch->limits || !batch->floats || !batch->queries)
        rc = err_memory(err, padded * stride * sizeof *batch->rotated);
    for (size_t i = 0; !rc && i < count; i++)
        query_make(&batch->queries[i], batch->scaled + i * stride, batch->rotated + i * stride,
            queries + i * rows->width, rows->width, stride, device_dtype(device));
    if (!rc && coded && dots && host_fits(stride))
        rc = host_open(&batch->host, dots, batch->scaled, batch->rotated, count, stride, err);
    else if (!rc && coded && count > FEW)
        rc = weights_make(batch, device, err);
    if (!rc && batch->host)
        batch->begin_rows = rows_choosing(batch, BEGIN_CHOSEN);
    if (rc)
        batch_release(batch);
    return rc;
}

void batch_release(struct batch *batch)
{
    host_free(batch->host);
    free(batch->scaled);
    free(batch->rotated);
    free(batch->floats);
    free(batch->limits);
    free(batch->queries);
    linear_free(batch->linear);
    *batch = (struct batch){0};
}

int batch_place(struct batch *batch, struct stream *stream, struct err *err)
{
    const size_t rows = batch->product_rows;
    batch->stream = stream;
    int rc = tensor_new(&batch->found, stream, DTYPE_I32, SHAPE(1), err);
    if (!rc)
        rc = tensor_new(&batch->list, stream, DTYPE_I32,
            SHAPE(LIST_ROOM, sizeof(struct survivor) / sizeof(int32_t)), err);
    if (!rc)
        rc = tensor_new(&batch->scaled_on, stream, DTYPE_F32, SHAPE(batch->padded, batch->stride), err);
    if (!rc)
        rc = tensor_new(&batch->rotated_on, stream, DTYPE_F32, SHAPE(batch->padded, batch->stride), err);
    if (!rc)
        rc = tensor_new(&batch->limits_on, stream, DTYPE_F32, SHAPE(3, batch->padded), err);
    if (!rc)
        rc = tensor_new(&batch->bases_on, stream, DTYPE_F32, SHAPE(batch->base_blocks, batch->padded), err);
    if (!rc)
        rc = tensor_write(stream, batch->scaled_on, batch->scaled, batch->padded * batch->stride, err);
    for (size_t i = 0; i < batch->padded * batch->stride; i++)
        batch->floats[i] = (float)batch->rotated[i];
    if (!rc)
        rc = tensor_write(stream, batch->rotated_on, batch->floats, batch->padded * batch->stride, err);
    if (rc || !batch->linear)
        return rc;
    rc = tensor_new(&batch->codes_on, stream, stream_dtype(stream), SHAPE(rows, batch->stride), err);
    if (!rc)
        rc = tensor_new(&batch->products_on, stream, DTYPE_F32, SHAPE(rows, batch->padded), err);
    if (!rc) /* it may want memory of its own */
        rc = linear_forward(batch->linear, stream, batch->products_on, batch->codes_on, EPILOGUE_NONE, err);
    return rc;
}

/* ---- passes -------------------------------------------------------------------------------------------- */

/* A span of rows as the launches see it. */
struct row_span {
    uint32_t rows;
    struct tensor bytes; /* of the rows, from the first */
    struct tensor mask;  /* bits, from the first row's */
};

#define ARGS_OUT(batch, room) ARG_TENSOR((batch)->found), ARG_TENSOR((batch)->list), ARG(room)
#define ARGS_LIMITS(batch, span, count, padded, filtered)                                                    \
    ARG_TENSOR((batch)->limits_on), ARG(count), ARG(padded), ARG_TENSOR((span)->mask), ARG(filtered)

static int run_stored(struct batch *batch, const struct row_span *span, struct err *err)
{
    static const char *const kernels[] = {"scan_f32", "scan_f16", "scan_i8"};
    const struct index_rows *rows = batch->rows;
    const struct launch launch = {.source = &source,
        .kernel = kernels[rows->storage],
        .groups = {groups_of(span->rows, ROWS)},
        .local = stream_lanes(batch->stream)};
    const uint32_t room = LIST_ROOM, count = (uint32_t)batch->count, padded = (uint32_t)batch->padded;
    const uint32_t filtered = batch->rows->mask != NULL, width = (uint32_t)rows->width;
    const uint32_t stride = (uint32_t)batch->stride;
    const uint64_t pitch = rows->stride;
    return KERNEL_RUN(batch->stream, &launch, err, ARGS_OUT(batch, room), ARG_TENSOR(batch->scaled_on),
        ARGS_LIMITS(batch, span, count, padded, filtered), ARG_TENSOR(span->bytes), ARG(span->rows),
        ARG(stride), ARG(width), ARG(pitch));
}

static int run_coded(struct batch *batch, const struct row_span *span, struct err *err)
{
    const struct launch launch = {.source = &source,
        .kernel = "scan_coded",
        .groups = {groups_of(span->rows, ROWS)},
        .local = stream_lanes(batch->stream)};
    const uint32_t room = LIST_ROOM, count = (uint32_t)batch->count, padded = (uint32_t)batch->padded;
    const uint32_t filtered = batch->rows->mask != NULL, stride = (uint32_t)batch->stride;
    return KERNEL_RUN(batch->stream, &launch, err, ARGS_OUT(batch, room), ARG_TENSOR(batch->rotated_on),
        ARGS_LIMITS(batch, span, count, padded, filtered), ARG_TENSOR(span->bytes), ARG(span->rows),
        ARG(stride), ARG_TENSOR(batch->bases_on));
}

/* Rows [first, first + rows) of the span: their codes widened, multiplied with all queries, and sifted. */
static int run_product(
    struct batch *batch, const struct row_span *span, uint32_t first, uint32_t rows, struct err *err)
{
    const struct launch expand = {.source = &source,
        .kernel = "expand",
        .groups = {groups_of(rows, ROWS)},
        .local = stream_lanes(batch->stream)};
    struct launch sift = expand;
    const uint32_t room = LIST_ROOM, count = (uint32_t)batch->count, padded = (uint32_t)batch->padded;
    const uint32_t filtered = batch->rows->mask != NULL, stride = (uint32_t)batch->stride;
    const struct tensor codes = tensor_view(batch->codes_on, SHAPE(rows, batch->stride));
    const struct tensor products = tensor_view(batch->products_on, SHAPE(rows, batch->padded));
    sift.kernel = "survivors";
    int rc = KERNEL_RUN(batch->stream, &expand, err, ARG_TENSOR(codes), ARG_TENSOR(span->bytes), ARG(first),
        ARG(rows), ARG(stride));
    if (!rc)
        rc = linear_forward(batch->linear, batch->stream, products, codes, EPILOGUE_NONE, err);
    if (!rc)
        rc = KERNEL_RUN(batch->stream, &sift, err, ARGS_OUT(batch, room), ARG_TENSOR(products),
            ARGS_LIMITS(batch, span, count, padded, filtered), ARG_TENSOR(span->bytes), ARG(first), ARG(rows),
            ARG(stride), ARG_TENSOR(batch->bases_on));
    return rc;
}

static int run(struct batch *batch, const struct row_span *span, enum pass pass, struct err *err)
{
    int rc = 0;
    if (pass == PASS_STORED)
        return run_stored(batch, span, err);
    if (pass == PASS_CODED)
        return run_coded(batch, span, err);
    for (size_t row = 0; !rc && row < span->rows; row += batch->product_rows) {
        const size_t left = span->rows - row, rows = left < batch->product_rows ? left : batch->product_rows;
        rc = run_product(batch, span, (uint32_t)row, (uint32_t)rows, err);
    }
    return rc;
}

/* ---- spans --------------------------------------------------------------------------------------------- */

size_t batch_span_rows(const struct batch *batch, int64_t first)
{
    const int64_t coded = coded_rows(batch), end = first < coded ? coded : batch->rows->count;
    size_t rows = coded_span_rows(batch->stride);
    if (first >= coded)
        rows = max_size(SPAN_BYTES / batch->rows->stride / SPAN_LEAST * SPAN_LEAST, SPAN_LEAST);
    return (size_t)(end - first) < rows ? (size_t)(end - first) : rows;
}

/* The products of the centres of a span's blocks with the queries. */
static int bases_write(struct batch *batch, int64_t first, size_t rows, struct err *err)
{
    const size_t blocks = rows / COARSE_BLOCK;
    for (size_t b = 0; b < blocks; b++) {
        const int64_t block = first / COARSE_BLOCK + (int64_t)b;
        const float *centre = coarse_block_at(batch->coarse->blocks, batch->stride, block).centre;
        for (size_t i = 0; i < batch->count; i++)
            batch->floats[b * batch->padded + i] =
                (float)dot_f32(centre, batch->scaled + i * batch->stride, batch->stride);
    }
    return tensor_write(batch->stream, batch->bases_on, batch->floats, blocks * batch->padded, err);
}

static int span_open(
    struct row_span *span, struct batch *batch, enum pass pass, int64_t first, size_t rows, struct err *err)
{
    const size_t pitch = batch->rows->stride;
    const size_t block = coarse_block_bytes(batch->stride);
    const uint8_t *bytes = pass == PASS_STORED
                               ? (const uint8_t *)batch->rows->data + (size_t)first * pitch
                               : batch->coarse->blocks + (size_t)(first / COARSE_BLOCK) * block;
    const size_t size = pass == PASS_STORED ? rows * pitch : rows / COARSE_BLOCK * block;
    *span = (struct row_span){.rows = (uint32_t)rows};
    int rc = tensor_wrap(&span->bytes, batch->stream, bytes, size, err);
    if (!rc && batch->rows->mask)
        rc = tensor_wrap(&span->mask, batch->stream, batch->rows->mask + first / 64, (rows + 7) / 8, err);
    return rc;
}

bool batch_can_look(const struct batch *batch)
{
    return batch->host && batch->count > FEW;
}

int batch_look(struct batch *batch, struct looked *rows, float *lowers, size_t room, size_t *found,
    const struct job *job, struct err *err)
{
    assert(batch_can_look(batch) && room >= SPAN_LEAST);
    const size_t count = rows_choosing(batch, room);
    const struct host_span span = {
        batch->coarse, batch->rows->mask, 0, count, batch->limits + 2 * batch->padded};
    batch->begin = (int64_t)count;
    return host_look(batch->host, &span, rows, lowers, room, found, job ? job->pool : NULL, err);
}

static int span_host(struct batch *batch, int64_t first, size_t rows, size_t *found, bool *full,
    const struct job *job, struct err *err)
{
    const struct host_span span = {
        batch->coarse, batch->rows->mask, first, rows, batch->limits + 2 * batch->padded};
    const int rc =
        host_pass(batch->host, &span, batch->survivors, LIST_ROOM, found, job ? job->pool : NULL, err);
    *full = *found > LIST_ROOM;
    return rc;
}

int batch_span(struct batch *batch, const double *thresholds, int64_t first, size_t rows, size_t *found,
    bool *full, const struct job *job, struct err *err)
{
    const enum pass pass = first >= coded_rows(batch) ? PASS_STORED
                           : batch->host              ? PASS_HOST
                           : batch->linear            ? PASS_PRODUCT
                                                      : PASS_CODED;
    struct stream *stream = batch->stream;
    struct row_span span = {0};
    int32_t listed = 0;

    limits_make(batch, pass, thresholds);
    if (pass == PASS_HOST)
        return span_host(batch, first, rows, found, full, job, err);
    int rc = span_open(&span, batch, pass, first, rows, err);
    if (!rc)
        rc = tensor_write(stream, batch->found, &listed, 1, err);
    if (!rc)
        rc = tensor_write(stream, batch->limits_on, batch->limits, 3 * batch->padded, err);
    if (!rc && pass != PASS_STORED)
        rc = bases_write(batch, first, rows, err);
    if (!rc && !batch->rows->mask)
        span.mask = span.bytes; /* some buffer has to be there; it is not read */
    if (!rc)
        rc = run(batch, &span, pass, err);
    const int read = tensor_read(stream, &listed, batch->found, 1, rc ? NULL : err);
    rc = rc ? rc : read; /* even then it has waited for launches that use the rows */
    *found = (uint32_t)listed;
    *full = *found > LIST_ROOM;
    if (!rc && *found && !*full)
        rc = tensor_read(
            stream, batch->survivors, batch->list, *found * sizeof *batch->survivors / sizeof(int32_t), err);
    if (batch->rows->mask)
        tensor_unwrap(&span.mask);
    tensor_unwrap(&span.bytes);
    return rc;
}
