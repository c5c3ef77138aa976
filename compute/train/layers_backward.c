// SPDX-License-Identifier: Apache-2.0
/* One launch each, or two: gradients of the layers between matrix products. Arithmetic and layouts stand in
 * compute/kernels/, in the files that end in _backward.cl. */
#include "compute/internal.h"
#include "compute/train/kernels.h"
#include "compute/train/rows.h"

#include <assert.h>

enum { CHUNKS = 64 }; /* of rows, which are added up one by one: the same on all devices */

static bool is_wanted(struct tensor tensor)
{
    return tensor.buffer || tensor.shape.rank;
}

/* Groups for a grid with a work-item for 16 of so many elements. */
static size_t groups_of_vectors(size_t count)
{
    return groups_of(groups_of(count, 16), GROUP);
}

/* ---- sums over rows ------------------------------------------------------------------------------------ */

/* out (N) += the sum over chunks of partials (CHUNKS, stride), from column `first` on. */
static int add_partials(
    struct stream *stream, struct tensor out, struct tensor partials, size_t first, struct err *err)
{
    const size_t width = shape_count(out.shape);
    const struct launch launch = {.source = &norm_backward_source,
        .kernel = "add_partials",
        .groups = {groups_of(width, GROUP)},
        .local = GROUP};
    const cl_uint chunks = CHUNKS, stride = (cl_uint)tensor_width(partials), w = (cl_uint)width;
    partials.offset += first;
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(partials), ARG(chunks), ARG(stride), ARG(w));
}

int add_column_sums(struct stream *stream, struct tensor out, struct tensor in, struct err *err)
{
    const size_t mark = stream_mark(stream), width = tensor_width(in);
    const struct launch launch = {.source = &norm_backward_source,
        .kernel = "column_sums",
        .groups = {CHUNKS},
        .local = stream_lanes(stream)};
    const cl_uint rows = (cl_uint)tensor_rows(in), w = (cl_uint)width, in_float = in.dtype == DTYPE_F32;
    struct tensor partials; // (CHUNKS, N)
    assert(tensor_is(out, DTYPE_F32, SHAPE(width)) && (in_float || in.dtype == stream_dtype(stream)));
    int rc = tensor_new(&partials, stream, DTYPE_F32, SHAPE(CHUNKS, width), err);
    if (!rc)
        rc = KERNEL_RUN(
            stream, &launch, err, ARG_TENSOR(partials), ARG_TENSOR(in), ARG(rows), ARG(w), ARG(in_float));
    if (!rc)
        rc = add_partials(stream, out, partials, 0, err);
    stream_rewind(stream, mark);
    return rc;
}

int layer_norm_backward(struct stream *stream, struct tensor dx, const struct norm_tensors *gradients,
    struct tensor dy, struct tensor x, const struct norm_tensors *values, float eps, bool accumulate,
    struct err *err)
{
    const size_t mark = stream_mark(stream), width = tensor_width(x);
    const struct launch launch = {.source = &norm_backward_source,
        .kernel = "layer_norm_backward",
        .groups = {CHUNKS},
        .local = stream_lanes(stream)};
    const cl_uint rows = (cl_uint)tensor_rows(x), w = (cl_uint)width, dy_float = dy.dtype == DTYPE_F32,
                  adds = accumulate;
    struct tensor partials; // (CHUNKS, 2*W): of gamma, then of beta
    assert(width % 16 == 0 && x.dtype == DTYPE_F32 && dx.dtype == DTYPE_F32);
    assert(tensor_rows(dx) == rows && tensor_width(dx) == width && tensor_rows(dy) == rows &&
           tensor_width(dy) == width && (dy_float || dy.dtype == stream_dtype(stream)));
    assert(tensor_is(values->gamma, DTYPE_F32, SHAPE(width)));
    int rc = tensor_new(&partials, stream, DTYPE_F32, SHAPE(CHUNKS, 2 * width), err);
    if (!rc)
        rc = KERNEL_RUN(stream, &launch, err, ARG_TENSOR(dx), ARG_TENSOR(partials), ARG_TENSOR(dy),
            ARG_TENSOR(x), ARG_TENSOR(values->gamma), ARG(rows), ARG(w), ARG(eps), ARG(dy_float), ARG(adds));
    if (!rc && gradients && is_wanted(gradients->gamma))
        rc = add_partials(stream, gradients->gamma, partials, 0, err);
    if (!rc && gradients && is_wanted(gradients->beta))
        rc = add_partials(stream, gradients->beta, partials, width, err);
    stream_rewind(stream, mark);
    return rc;
}

int normalize_rows_forward(struct stream *stream, struct tensor y, struct tensor x, struct err *err)
{
    const int rc = tensor_copy(stream, y, x, err);
    return rc ? rc : normalize_rows(stream, y, err);
}

int normalize_rows_backward(
    struct stream *stream, struct tensor dx, struct tensor dy, struct tensor x, struct err *err)
{
    const struct launch launch = {.source = &norm_backward_source,
        .kernel = "normalize_rows_backward",
        .groups = {tensor_rows(x)},
        .local = stream_lanes(stream)};
    const cl_uint w = (cl_uint)tensor_width(x);
    assert(x.dtype == DTYPE_F32 && tensor_is(dx, DTYPE_F32, x.shape) && tensor_is(dy, DTYPE_F32, x.shape));
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(dx), ARG_TENSOR(dy), ARG_TENSOR(x), ARG(w));
}

/* ---- activations --------------------------------------------------------------------------------------- */

static struct launch launch_activation(const char *kernel, size_t count)
{
    return (struct launch){.source = &activation_backward_source,
        .kernel = kernel,
        .groups = {groups_of_vectors(count)},
        .local = GROUP};
}

int activate(
    struct stream *stream, struct tensor out, struct tensor in, enum activation activation, struct err *err)
{
    const cl_ulong count = shape_count(in.shape);
    const struct launch launch = launch_activation("activate", count);
    const cl_uint which = activation;
    assert(in.dtype == stream_dtype(stream) && out.dtype == in.dtype && shape_count(out.shape) == count);
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(in), ARG(count), ARG(which));
}

int activation_backward(
    struct stream *stream, struct tensor d, struct tensor x, enum activation activation, struct err *err)
{
    const cl_ulong count = shape_count(x.shape);
    const struct launch launch = launch_activation("activation_backward", count);
    const cl_uint which = activation;
    assert(x.dtype == stream_dtype(stream) && d.dtype == x.dtype && shape_count(d.shape) == count);
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(d), ARG_TENSOR(x), ARG(count), ARG(which));
}

/* ---- the ends of towers -------------------------------------------------------------------------------- */

/* A grid of so many rows of tokens (B, T, W), and maybe for each of the B. */
static struct launch launch_tokens(const char *kernel, struct tensor tokens, size_t rows, size_t batch)
{
    return (struct launch){.source = &tokens_backward_source,
        .kernel = kernel,
        .groups = {groups_of_vectors(tensor_width(tokens)), rows, batch},
        .local = GROUP};
}

static bool is_tokens(struct tensor tokens)
{
    return tokens.dtype == DTYPE_F32 && tokens.shape.rank == 3 && tensor_width(tokens) % 16 == 0;
}

/* out (count, W) += the sum over sequences of their first tokens. */
static int sum_sequences(
    struct stream *stream, struct tensor out, struct tensor dtokens, size_t count, struct err *err)
{
    const struct launch launch = launch_tokens("sum_sequences", dtokens, count, 1);
    const cl_uint batch = (cl_uint)dtokens.shape.size[0], tokens = (cl_uint)dtokens.shape.size[1],
                  width = (cl_uint)tensor_width(dtokens);
    assert(out.dtype == DTYPE_F32 && shape_count(out.shape) >= count * width && count <= tokens);
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(dtokens), ARG(batch), ARG(tokens), ARG(width));
}

int assemble_tokens_backward(struct stream *stream, struct tensor dpatches, struct tensor dclass_token,
    struct tensor dpositions, struct tensor dtokens, struct err *err)
{
    const size_t batch = dtokens.shape.size[0], tokens = dtokens.shape.size[1], width = tensor_width(dtokens);
    const size_t kept = dpatches.shape.size[1];
    const struct launch launch = launch_tokens("skip_tokens", dtokens, kept, batch);
    const cl_uint first = (cl_uint)(tokens - kept), t = (cl_uint)tokens, w = (cl_uint)width;
    assert(is_tokens(dtokens) && kept <= tokens);
    assert(tensor_is(dpatches, stream_dtype(stream), SHAPE(batch, kept, width)));
    int rc = KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(dpatches), ARG_TENSOR(dtokens), ARG(first), ARG(t), ARG(w));
    if (!rc && is_wanted(dclass_token))
        rc = sum_sequences(stream, dclass_token, dtokens, 1, err);
    if (!rc && is_wanted(dpositions))
        rc = sum_sequences(stream, dpositions, dtokens, tokens, err);
    return rc;
}

int embed_tokens_backward(struct stream *stream, struct tensor dtable, struct tensor dpositions,
    const struct id_rows *rows, struct tensor dtokens, struct err *err)
{
    const struct launch launch = launch_tokens("embed_tokens_backward", dtokens, rows->count, 1);
    const cl_uint width = (cl_uint)tensor_width(dtokens);
    int rc = 0;
    assert(is_tokens(dtokens) && tensor_is(rows->order, DTYPE_I32, SHAPE(tensor_rows(dtokens))));
    assert(!is_wanted(dtable) || tensor_is(dtable, DTYPE_F32, SHAPE(tensor_rows(dtable), width)));
    if (is_wanted(dtable))
        rc = KERNEL_RUN(stream, &launch, err, ARG_TENSOR(dtable), ARG_TENSOR(dtokens), ARG_TENSOR(rows->ids),
            ARG_TENSOR(rows->starts), ARG_TENSOR(rows->order), ARG(width));
    if (!rc && is_wanted(dpositions))
        rc = sum_sequences(stream, dpositions, dtokens, dtokens.shape.size[1], err);
    return rc;
}

int gather_rows_backward(
    struct stream *stream, struct tensor dtokens, struct tensor drows, struct tensor pick, struct err *err)
{
    const size_t batch = dtokens.shape.size[0], tokens = dtokens.shape.size[1], width = tensor_width(dtokens);
    const size_t units = dtype_size(dtokens.dtype) / sizeof(cl_ushort); /* of the kernel in an element */
    const struct launch launch = {.source = &tokens_backward_source,
        .kernel = "gather_rows_backward",
        .groups = {groups_of_vectors(width * units), tokens, batch},
        .local = GROUP};
    const cl_uint has_pick = pick.shape.rank != 0, t = (cl_uint)tokens, w = (cl_uint)(width * units);
    assert(
        width % 16 == 0 && dtokens.shape.rank == 3 && tensor_is(drows, dtokens.dtype, SHAPE(batch, width)));
    assert(!has_pick || tensor_is(pick, DTYPE_I32, SHAPE(batch)));
    if (!has_pick)
        pick = drows; /* some buffer has to be there; it is not read */
    dtokens.offset *= units;
    drows.offset *= units;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(dtokens), ARG_TENSOR(drows), ARG_TENSOR(pick),
        ARG(has_pick), ARG(t), ARG(w));
}

int mean_rows_backward(
    struct stream *stream, struct tensor dtokens, struct tensor drows, size_t first, struct err *err)
{
    const size_t batch = dtokens.shape.size[0], tokens = dtokens.shape.size[1];
    const struct launch launch = launch_tokens("mean_rows_backward", dtokens, tokens, batch);
    const cl_uint from = (cl_uint)first, t = (cl_uint)tokens, w = (cl_uint)tensor_width(dtokens);
    assert(is_tokens(dtokens) && first < tokens);
    assert(tensor_is(drows, DTYPE_F32, SHAPE(batch, tensor_width(dtokens))));
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(dtokens), ARG_TENSOR(drows), ARG(from), ARG(t), ARG(w));
}
