// SPDX-License-Identifier: Apache-2.0
/* y += s * B (A x), and its gradients; x with what drops out of it, which is the same both times as it is drawn from numbers. */
#include "compute/gemm/gemm.h"
#include "compute/train/kernels.h"
#include "compute/train/lora.h"

#include <assert.h>

static const struct tensor none = {0};

/* What drops out of an input. */
struct drop {
    uint64_t key, first; /* element i of a tensor is element first + i of the whole batch's */
    uint32_t below;      /* of random numbers: those drop out */
    float by;            /* the others grow */
};

static struct drop drop_of(const struct lora_tensors *values, struct tensor in)
{
    const struct lora *lora = values->lora;
    if (!lora->drops)
        return (struct drop){.by = 1};
    const double dropout = lora->options.dropout;
    const uint64_t rows = tensor_rows(in) / lora->count; /* of an item */
    return (struct drop){.key = random_at(random_at(lora->options.seed, lora->batch), values->number),
        .first = lora->first * rows * tensor_width(in),
        .below = (uint32_t)(dropout * 0x1p32),
        .by = (float)(1 / (1 - dropout))};
}

/* out = in * by, or out += where it adds, but 0 where it drops out; both real, and maybe one tensor. */
static int drop_out(struct stream *stream, struct tensor out, struct tensor in, const struct drop *drop,
    bool adds, struct err *err)
{
    const cl_ulong count = shape_count(in.shape), key = drop->key, first = drop->first;
    const struct launch launch = {.source = &lora_source,
        .kernel = "drop_out",
        .groups = {groups_of(groups_of(count, 16), GROUP)},
        .local = GROUP};
    const cl_uint below = drop->below, accumulates = adds;
    const float by = drop->by;
    assert(in.dtype == stream_dtype(stream) && out.dtype == in.dtype && shape_count(out.shape) == count);
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(in), ARG(count), ARG(key), ARG(first),
        ARG(below), ARG(by), ARG(accumulates));
}

static int scale(struct stream *stream, struct tensor x, float by, struct err *err)
{
    return drop_out(stream, x, x, &(struct drop){.by = by}, false, err);
}

/* ---- parts --------------------------------------------------------------------------------------------- */

static size_t rank_of(const struct lora_tensors *values)
{
    return tensor_width(values->b);
}

/* Rows of B that are of the j-th part that changes. */
static struct matrix rows_of_part(struct tensor b, const struct lora_tensors *values, size_t n, size_t j)
{
    const size_t rows = n / values->of, rank = rank_of(values);
    b.offset += j * rows * rank;
    b.shape = SHAPE(rows, rank);
    return matrix_of(b);
}

/* Calls with each part that changes: its columns of wide (..., N), and of low (..., P*R), and its rows of B. */
typedef int with_part(
    struct stream *stream, struct matrix wide, struct matrix low, struct matrix b, struct err *err);

static int each_part(struct stream *stream, struct tensor wide, struct tensor low, struct tensor b,
    const struct lora_tensors *values, with_part *call, struct err *err)
{
    const size_t n = tensor_width(wide), width = n / values->of, rank = rank_of(values);
    int rc = 0;
    for (size_t part = 0, j = 0; part < values->of && !rc; part++) {
        if (!(values->parts >> part & 1))
            continue;
        rc = call(stream, matrix_columns(wide, part * width, width), matrix_columns(low, j * rank, rank),
            rows_of_part(b, values, n, j), err);
        j++;
    }
    return rc;
}

static int add_wide(
    struct stream *stream, struct matrix wide, struct matrix low, struct matrix b, struct err *err)
{
    return matmul(stream, wide, low, matrix_transposed(b), none, true, err);
}

static int make_low(
    struct stream *stream, struct matrix wide, struct matrix low, struct matrix b, struct err *err)
{
    return matmul(stream, low, wide, b, none, false, err);
}

static int add_b_gradient(
    struct stream *stream, struct matrix wide, struct matrix low, struct matrix b, struct err *err)
{
    return matmul(stream, b, matrix_transposed(wide), low, none, true, err);
}

/* ---- the layer ----------------------------------------------------------------------------------------- */

/* (..., P*R) real for rows of x, from the stream. */
static int low_new(struct tensor *out, struct stream *stream, struct tensor x,
    const struct lora_tensors *values, struct err *err)
{
    return tensor_new(out, stream, stream_dtype(stream), SHAPE(tensor_rows(x), values->a.shape.size[0]), err);
}

/* *seen: x as A sees it; low (..., P*R) = s * A x. */
static int go_down(struct stream *stream, struct tensor *seen, struct tensor low, struct tensor in,
    const struct lora_tensors *values, struct err *err)
{
    const struct drop drop = drop_of(values, in);
    int rc = 0;
    *seen = in;
    if (values->lora->drops && !(rc = tensor_new(seen, stream, in.dtype, in.shape, err)))
        rc = drop_out(stream, *seen, in, &drop, false, err);
    if (!rc)
        rc = matmul(stream, matrix_of(low), matrix_of(*seen), matrix_transposed(matrix_of(values->a)), none,
            false, err);
    return rc ? rc : scale(stream, low, values->lora->scale, err);
}

int lora_forward(struct stream *stream, struct tensor out, struct tensor in,
    const struct lora_tensors *values, struct err *err)
{
    const size_t mark = stream_mark(stream);
    struct tensor low, seen;
    int rc = low_new(&low, stream, in, values, err);
    if (!rc)
        rc = go_down(stream, &seen, low, in, values, err);
    if (!rc)
        rc = each_part(stream, out, low, values->b, values, add_wide, err);
    stream_rewind(stream, mark);
    return rc;
}

/* din += what A lets through of dlow. */
static int go_back(struct stream *stream, struct tensor din, struct tensor dlow,
    const struct lora_tensors *values, struct err *err)
{
    const struct drop drop = drop_of(values, din);
    struct tensor d = din;
    assert(din.dtype == stream_dtype(stream));
    if (!values->lora->drops)
        return matmul(stream, matrix_of(din), matrix_of(dlow), matrix_of(values->a), none, true, err);
    int rc = tensor_new(&d, stream, din.dtype, din.shape, err);
    if (!rc)
        rc = matmul(stream, matrix_of(d), matrix_of(dlow), matrix_of(values->a), none, false, err);
    return rc ? rc : drop_out(stream, din, d, &drop, true, err);
}

int lora_backward(struct stream *stream, struct tensor din, const struct lora_tensors *gradients,
    struct tensor dout, struct tensor in, const struct lora_tensors *values, struct err *err)
{
    const size_t mark = stream_mark(stream);
    struct tensor low, dlow, seen;
    int rc;
    if ((rc = low_new(&dlow, stream, dout, values, err)) ||
        (rc = each_part(stream, dout, dlow, values->b, values, make_low, err)) ||
        (rc = scale(stream, dlow, values->lora->scale, err)) ||
        (din.shape.rank && (rc = go_back(stream, din, dlow, values, err))) || !gradients)
        goto done;
    if ((rc = low_new(&low, stream, in, values, err)) ||
        (rc = go_down(stream, &seen, low, in, values, err)) ||
        (rc = each_part(stream, dout, low, gradients->b, values, add_b_gradient, err)))
        goto done;
    rc = matmul(stream, matrix_of(gradients->a), matrix_transposed(matrix_of(dlow)), matrix_of(seen), none,
        true, err);
done:
    stream_rewind(stream, mark);
    return rc;
}
