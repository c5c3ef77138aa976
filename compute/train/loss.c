// SPDX-License-Identifier: Apache-2.0
/* The contrastive losses: cosines are a product, what a loss makes of their rows a kernel, and the gradients of both
 * embeddings products again. Arithmetic stands in compute/kernels/loss.cl. */
#include "compute/gemm/gemm.h"
#include "compute/train/kernels.h"
#include "compute/train/train.h"

#include <assert.h>
#include <stdlib.h>

enum { STATS = 4 }; /* of a row: loss, gradient by scale, by bias, whether it is right */

/* Which keys are right for which queries, in one of the two directions; without fits each query's own alone. */
struct targets {
    struct tensor fits; // (B, B) bytes
    bool has_fits, by_column;
    float smoothing;
};

/* cosines (B, B) become gradients, and stats (B, STATS) say the rest. */
static int rate_rows(struct stream *stream, struct tensor cosines, struct tensor stats,
    const struct targets *targets, const struct loss_options *options, struct err *err)
{
    const bool softmax = options->loss == LOSS_SOFTMAX;
    const size_t batch = cosines.shape.size[0];
    const struct launch launch = {.source = &loss_source,
        .groups = {batch},
        .local = stream_lanes(stream),
        .kernel = softmax ? "cross_entropy" : "sigmoid_loss"};
    const cl_uint keys = (cl_uint)batch, has_fits = targets->has_fits, by_column = targets->by_column;
    const float scale = options->scale,
                more = softmax ? targets->smoothing
                               : options->bias, /* cross_entropy is the mean of both directions */
        weight = options->share * (softmax ? 0.5f : 1) / (float)batch;
    const struct tensor fits = targets->has_fits ? targets->fits : cosines; /* some buffer has to be there */
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(cosines), ARG_TENSOR(stats), ARG_TENSOR(fits),
        ARG(has_fits), ARG(by_column), ARG(keys), ARG(scale), ARG(more), ARG(weight));
}

static int report_add(
    struct loss_report *report, struct stream *stream, struct tensor stats, bool counts, struct err *err)
{
    const size_t rows = stats.shape.size[0];
    float *values = mem_new(rows * STATS, sizeof *values); // (B, STATS)
    int rc = values ? tensor_read(stream, values, stats, rows * STATS, err)
                    : err_memory(err, rows * STATS * sizeof *values);
    for (size_t i = 0; i < rows && !rc; i++) {
        const float *row = values + i * STATS;
        report->loss += (double)row[0];
        report->dscale += (double)row[1];
        report->dbias += (double)row[2];
        report->right += counts && row[3] > 0;
    }
    free(values);
    return rc;
}

/* One direction: dqueries and dkeys (B, E); the second adds to both. */
static int lose(struct loss_report *report, struct stream *stream, struct tensor dqueries,
    struct tensor dkeys, struct tensor queries, struct tensor keys, const struct targets *targets,
    const struct loss_options *options, struct err *err)
{
    const size_t batch = queries.shape.size[0], mark = stream_mark(stream);
    const struct matrix q = matrix_of(queries), k = matrix_of(keys);
    const bool second = targets->by_column, adds = second || options->adds;
    const struct tensor none = {0};
    struct tensor cosines, stats; // (B, B); (B, STATS)
    int rc;
    if ((rc = tensor_new(&cosines, stream, DTYPE_F32, SHAPE(batch, batch), err)) ||
        (rc = tensor_new(&stats, stream, DTYPE_F32, SHAPE(batch, STATS), err)) ||
        (rc = matmul(stream, matrix_of(cosines), q, matrix_transposed(k), none, false, err)) ||
        (rc = rate_rows(stream, cosines, stats, targets, options, err)) ||
        (rc = matmul(stream, matrix_of(dqueries), matrix_of(cosines), k, none, adds, err)) ||
        (rc = matmul(stream, matrix_of(dkeys), matrix_transposed(matrix_of(cosines)), q, none, second, err)))
        goto done;
    rc = report_add(report, stream, stats, !second, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

int contrastive_loss(struct loss_report *report, struct stream *stream, struct tensor dimages,
    struct tensor dtexts, struct tensor images, struct tensor texts, const struct loss_options *options,
    struct err *err)
{
    assert(images.dtype == DTYPE_F32 && tensor_is(texts, DTYPE_F32, images.shape));
    assert(tensor_is(dimages, DTYPE_F32, images.shape) && tensor_is(dtexts, DTYPE_F32, images.shape));
    const size_t batch = images.shape.size[0], mark = stream_mark(stream);
    struct targets targets = {.has_fits = options->fits, .smoothing = options->smoothing};
    int rc = 0;
    if (!options->adds)
        *report = (struct loss_report){0};
    if (options->fits && !(rc = tensor_new(&targets.fits, stream, DTYPE_U8, SHAPE(batch, batch), err)))
        rc = tensor_write(stream, targets.fits, options->fits, batch * batch, err);
    if (!rc)
        rc = lose(report, stream, dimages, dtexts, images, texts, &targets, options, err);
    targets.by_column = true;
    if (!rc && options->loss == LOSS_SOFTMAX)
        rc = lose(report, stream, dtexts, dimages, texts, images, &targets, options, err);
    stream_rewind(stream, mark);
    return rc;
}

void fits_of_groups(uint8_t *fits, const size_t *groups, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            fits[i * count + j] = groups[i] == groups[j];
}
