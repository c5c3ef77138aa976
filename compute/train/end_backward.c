// SPDX-License-Identifier: Apache-2.0
/* How a tower ends, for training. */
#include "compute/internal.h"
#include "compute/train/train.h"

int project_forward(struct stream *stream, struct tensor embeddings, struct tensor pooled,
    const struct end_tensors *values, float eps, struct err *err)
{
    const size_t mark = stream_mark(stream);
    struct tensor normed; // (B, W)
    int rc = tensor_new(&normed, stream, stream_dtype(stream), pooled.shape, err);
    if (!rc)
        rc = layer_norm(stream, normed, pooled, values->norm.gamma, values->norm.beta, eps, err);
    if (!rc)
        rc = affine_forward(stream, embeddings, normed, &values->projection, false, err);
    stream_rewind(stream, mark);
    return rc;
}

int project_backward(struct stream *stream, struct tensor dpooled, const struct end_tensors *gradients,
    struct tensor dembeddings, struct tensor pooled, const struct end_tensors *values, float eps,
    struct err *err)
{
    const size_t mark = stream_mark(stream);
    const enum dtype real = stream_dtype(stream);
    const bool goes_on = dpooled.shape.rank;
    struct tensor normed, dnormed = {0}, d; // (B, W), (B, W) and (B, E)
    int rc;
    if ((rc = tensor_new(&normed, stream, real, pooled.shape, err)) ||
        (goes_on && (rc = tensor_new(&dnormed, stream, real, pooled.shape, err))) ||
        (rc = tensor_new(&d, stream, real, dembeddings.shape, err)) ||
        (rc = tensor_convert(stream, d, dembeddings, err)) ||
        (rc = layer_norm(stream, normed, pooled, values->norm.gamma, values->norm.beta, eps, err)) ||
        (rc = affine_backward(
             stream, dnormed, &gradients->projection, d, normed, &values->projection, err)) ||
        !goes_on)
        goto done;
    rc = layer_norm_backward(
        stream, dpooled, &gradients->norm, dnormed, pooled, &values->norm, eps, false, err);
done:
    stream_rewind(stream, mark);
    return rc;
}
