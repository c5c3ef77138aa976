// SPDX-License-Identifier: Apache-2.0
/* The contrastive losses: cosines are a product, what a loss makes of their rows a kernel, and the gradients of both
 * embeddings products again. Arithmetic stands in compute/kernels/loss.cl. */
#include "compute/gemm/gemm.h"
#include "compute/train/kernels.h"
#include "compute/train/train.h"

#include <assert.h>
#include <stdlib.h>

enum { STATS = 4 }; /* of a row: loss, gradient by scale, by bias, whether it is right */

/* cosines (B, B) become gradients, and stats (B, STATS) say the rest. */
static int rate_rows(struct stream *stream, struct tensor cosines, struct tensor stats,
    const struct loss_options *options, struct err *err)
{
    const size_t batch = cosines.shape.size[0];
    struct launch launch = {
        .source = &loss_source, .groups = {batch}, .local = stream_lanes(stream), .kernel = "cross_entropy"};
    const cl_uint keys = (cl_uint)batch;
    const float scale = options->scale, bias = options->bias;
    if (options->loss == LOSS_SOFTMAX) {
        const float weight = 0.5f / (float)batch; /* the mean of rows and of both directions */
        return KERNEL_RUN(
            stream, &launch, err, ARG_TENSOR(cosines), ARG_TENSOR(stats), ARG(keys), ARG(scale), ARG(weight));
    }
    const float weight = 1 / (float)batch;
    launch.kernel = "sigmoid_loss";
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(cosines), ARG_TENSOR(stats), ARG(keys), ARG(scale),
        ARG(bias), ARG(weight));
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

/* One direction: dqueries and dkeys (B, E), += where they accumulate. */
static int lose(struct loss_report *report, struct stream *stream, struct tensor dqueries,
    struct tensor dkeys, struct tensor queries, struct tensor keys, const struct loss_options *options,
    bool accumulate, struct err *err)
{
    const size_t batch = queries.shape.size[0], mark = stream_mark(stream);
    const struct matrix q = matrix_of(queries), k = matrix_of(keys);
    const struct tensor none = {0};
    struct tensor cosines, stats; // (B, B); (B, STATS)
    int rc;
    if ((rc = tensor_new(&cosines, stream, DTYPE_F32, SHAPE(batch, batch), err)) ||
        (rc = tensor_new(&stats, stream, DTYPE_F32, SHAPE(batch, STATS), err)) ||
        (rc = matmul(stream, matrix_of(cosines), q, matrix_transposed(k), none, false, err)) ||
        (rc = rate_rows(stream, cosines, stats, options, err)) ||
        (rc = matmul(stream, matrix_of(dqueries), matrix_of(cosines), k, none, accumulate, err)) ||
        (rc = matmul(
             stream, matrix_of(dkeys), matrix_transposed(matrix_of(cosines)), q, none, accumulate, err)))
        goto done;
    rc = report_add(report, stream, stats, !accumulate, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

int contrastive_loss(struct loss_report *out, struct stream *stream, struct tensor dimages,
    struct tensor dtexts, struct tensor images, struct tensor texts, const struct loss_options *options,
    struct err *err)
{
    assert(images.dtype == DTYPE_F32 && tensor_is(texts, DTYPE_F32, images.shape));
    assert(tensor_is(dimages, DTYPE_F32, images.shape) && tensor_is(dtexts, DTYPE_F32, images.shape));
    *out = (struct loss_report){0};
    int rc = lose(out, stream, dimages, dtexts, images, texts, options, false, err);
    if (!rc && options->loss == LOSS_SOFTMAX)
        rc = lose(out, stream, dtexts, dimages, texts, images, options, true, err);
    return rc;
}
