// SPDX-License-Identifier: Apache-2.0
/* One launch each: the layers between matrix products. Arithmetic and layouts stand in compute/kernels/. */
#include "compute/gemm/gemm.h"

#include <assert.h>

int layer_norm(struct stream *stream, struct tensor out, struct tensor in, struct tensor gamma,
    struct tensor beta, float eps, struct err *err)
{
    const size_t rows = tensor_rows(in), width = tensor_width(in);
    const struct launch launch = {
        .kernel = "layer_norm", .groups = {rows}, .local = stream->device->tuning.lanes};
    const cl_uint w = (cl_uint)width, out_float = out.dtype == DTYPE_F32;
    assert(rows && in.dtype == DTYPE_F32 && shape_equal(out.shape, in.shape));
    assert(out_float || out.dtype == stream_dtype(stream));
    assert(tensor_is(gamma, DTYPE_F32, SHAPE(width)) && tensor_is(beta, DTYPE_F32, SHAPE(width)));
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(in), ARG_TENSOR(gamma),
        ARG_TENSOR(beta), ARG(w), ARG(eps), ARG(out_float));
}

/* Some buffer has to be there; it is not read. */
static struct tensor starts_of(const struct sequences *sequences, struct tensor otherwise)
{
    return sequences ? sequences->starts : otherwise;
}

/* The pairs of a query and a key, without a mask. */
static double pairs_of(const struct sequences *sequences, size_t batch, size_t tokens)
{
    double pairs = 0;
    if (!sequences || !sequences->host_starts)
        return (double)batch * (double)tokens * (double)tokens;
    for (size_t i = 0; i < sequences->count; i++) {
        const double length = sequences->host_starts[i + 1] - sequences->host_starts[i];
        pairs += length * length;
    }
    return pairs;
}

int attention(struct stream *stream, struct tensor context, struct tensor qkv,
    const struct sequences *sequences, size_t heads, bool causal, size_t unseen, struct err *err)
{
    const size_t batch = context.shape.size[0], tokens = context.shape.size[1], width = tensor_width(context);
    const size_t head_width = width / heads;
    const size_t count = sequences ? sequences->count : batch,
                 longest = sequences ? sequences->longest : tokens;
    const struct device *device = stream->device;
    const struct tuning *tuning = &device->tuning;
    const struct layer_provider *provider = device->provider->attention ? device->provider : device->plain;
    const double flops = 4.0 * pairs_of(sequences, batch, tokens) * (double)width;
    assert(width % heads == 0 && tensor_is(context, stream_dtype(stream), SHAPE(batch, tokens, width)));
    assert(tensor_is(qkv, stream_dtype(stream), SHAPE(batch, tokens, 3 * width)));
    assert(!sequences || (batch == 1 && tensor_is(sequences->starts, DTYPE_I32, SHAPE(count + 1))));
    assert(tokens > unseen);
    if (provider->attention) {
        const struct head_shape shape = {heads, head_width, unseen, causal};
        int rc = profile_piece(stream, "attention", flops, err);
        return rc || stream_plans(stream)
                   ? rc
                   : provider->attention(stream, context, qkv, batch, tokens, sequences, shape, err);
    }
    const struct launch launch = {
        .kernel = "attention",
        .flops = flops,
        .head_width = head_width,
        .groups = {groups_of(longest, tuning->lanes * tuning->queries), heads, count},
        .local = tuning->lanes,
    };
    const cl_uint t = (cl_uint)tokens, h = (cl_uint)heads, masked = causal, has_starts = sequences != NULL;
    const cl_uint hidden = (cl_uint)unseen;
    const struct tensor starts = starts_of(sequences, qkv);
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(context), ARG_TENSOR(qkv), ARG_TENSOR(starts),
        ARG(has_starts), ARG(t), ARG(h), ARG(masked), ARG(hidden));
}

int patchify(struct stream *stream, struct tensor patches, struct tensor pixels, size_t patch_size,
    enum patch_order order, const float scale[3], const float shift[3], struct err *err)
{
    const size_t batch = pixels.shape.size[0], image_size = pixels.shape.size[1];
    const size_t grid = image_size / patch_size, lanes = stream->device->tuning.lanes;
    const struct launch launch = {
        .kernel = "patchify", .groups = {groups_of(grid * grid, lanes), batch}, .local = lanes};
    const cl_uint s = (cl_uint)image_size, p = (cl_uint)patch_size, nested = order == PATCHES_NESTED;
    const cl_float4 by = {{scale[0], scale[1], scale[2], 0}}, plus = {{shift[0], shift[1], shift[2], 0}};
    assert(!nested || grid % 4 == 0);
    assert(tensor_is(pixels, DTYPE_U8, SHAPE(batch, image_size, image_size, 3)));
    assert(tensor_is(patches, stream_dtype(stream), SHAPE(batch, grid * grid, 3 * patch_size * patch_size)));
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(patches), ARG_TENSOR(pixels), ARG(s), ARG(p),
        ARG(nested), ARG(by), ARG(plus));
}

int scale_bytes(struct stream *stream, struct tensor values, struct tensor bytes, const float scale[3],
    const float shift[3], struct err *err)
{
    const cl_ulong count = shape_count(bytes.shape);
    const struct launch launch = {
        .kernel = "scale_bytes", .groups = {groups_of(count, GROUP)}, .local = GROUP};
    const cl_float4 by = {{scale[0], scale[1], scale[2], 0}}, plus = {{shift[0], shift[1], shift[2], 0}};
    assert(bytes.dtype == DTYPE_U8 && tensor_is(values, stream_dtype(stream), bytes.shape));
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(values), ARG_TENSOR(bytes), ARG(count), ARG(by), ARG(plus));
}

/* A grid over tokens (B, T, W), a work-item for 16 elements. */
static struct launch launch_tokens(const char *kernel, struct tensor tokens)
{
    const size_t batch = tokens.shape.size[0], count = tokens.shape.size[1], width = tensor_width(tokens);
    return (struct launch){
        .kernel = kernel, .groups = {groups_of(width / 16, GROUP), count, batch}, .local = GROUP};
}

int assemble_tokens(struct stream *stream, struct tensor tokens, struct tensor patches,
    struct tensor class_token, struct tensor positions, struct err *err)
{
    const struct launch launch = launch_tokens("assemble_tokens", tokens);
    const size_t batch = tokens.shape.size[0], count = tokens.shape.size[1], width = tensor_width(tokens);
    const cl_uint t = (cl_uint)count, w = (cl_uint)width, has_class = class_token.shape.rank != 0;
    assert(tensor_is(tokens, DTYPE_F32, SHAPE(batch, count, width)));
    assert(tensor_is(patches, DTYPE_F32, SHAPE(batch, count - has_class, width)));
    assert(!has_class || tensor_is(class_token, DTYPE_F32, SHAPE(width)));
    const cl_uint unplaced = (cl_uint)(count - tensor_rows(positions));
    assert(unplaced <= has_class && tensor_is(positions, DTYPE_F32, SHAPE(count - unplaced, width)));
    if (!has_class)
        class_token = positions; /* some buffer has to be there; it is not read */
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(tokens), ARG_TENSOR(patches), ARG_TENSOR(class_token),
        ARG_TENSOR(positions), ARG(has_class), ARG(unplaced), ARG(t), ARG(w));
}

int embed_tokens(struct stream *stream, struct tensor tokens, struct tensor ids, struct tensor table,
    float scale, struct tensor class_token, struct tensor positions, struct tensor places, struct err *err)
{
    const struct launch launch = launch_tokens("embed_tokens", tokens);
    const size_t batch = tokens.shape.size[0], count = tokens.shape.size[1], width = tensor_width(tokens);
    const cl_uint t = (cl_uint)count, w = (cl_uint)width, has_places = places.shape.rank != 0;
    const cl_uint type = table.dtype == DTYPE_F16 ? 1 : table.dtype == DTYPE_BF16 ? 2 : 0; /* the kernel's */
    const cl_int class_id = class_token.shape.rank ? (cl_int)tensor_rows(table) : -1;
    assert(tensor_is(tokens, DTYPE_F32, SHAPE(batch, count, width)));
    assert(tensor_is(ids, DTYPE_I32, SHAPE(batch, count)));
    assert(tensor_is(table, type ? table.dtype : DTYPE_F32, SHAPE(tensor_rows(table), width)));
    assert(class_id < 0 || tensor_is(class_token, DTYPE_F32, SHAPE(width)));
    assert(tensor_is(positions, DTYPE_F32, SHAPE(tensor_rows(positions), width)));
    assert(has_places ? tensor_is(places, DTYPE_I32, ids.shape) : tensor_rows(positions) >= count);
    if (!has_places)
        places = ids; /* some buffer has to be there; it is not read */
    if (class_id < 0)
        class_token = positions; /* likewise */
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(tokens), ARG_TENSOR(ids), ARG_TENSOR(table), ARG(type),
        ARG(scale), ARG_TENSOR(class_token), ARG(class_id), ARG_TENSOR(positions), ARG_TENSOR(places),
        ARG(has_places), ARG(t), ARG(w));
}

int gather_rows(
    struct stream *stream, struct tensor rows, struct tensor tokens, struct tensor pick, struct err *err)
{
    const size_t batch = rows.shape.size[0], count = tokens.shape.size[1], width = tensor_width(tokens);
    const size_t units = dtype_size(rows.dtype) / sizeof(cl_ushort); /* of the kernel in an element */
    const bool of_all = tokens.shape.size[0] != batch;
    const struct launch launch = {
        .kernel = "gather_rows", .groups = {groups_of(width * units / 16, GROUP), batch}, .local = GROUP};
    const cl_uint t = of_all ? 0 : (cl_uint)count, w = (cl_uint)(width * units),
                  has_pick = pick.shape.rank != 0;
    assert(tensor_is(tokens, rows.dtype, SHAPE(of_all ? 1 : batch, count, width)));
    assert(tensor_is(rows, rows.dtype, SHAPE(batch, width)));
    assert(!has_pick || tensor_is(pick, DTYPE_I32, SHAPE(batch)));
    if (!has_pick)
        pick = rows; /* some buffer has to be there; it is not read */
    rows.offset *= units;
    tokens.offset *= units;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(rows), ARG_TENSOR(tokens), ARG_TENSOR(pick),
        ARG(has_pick), ARG(t), ARG(w));
}

int attend_once(struct stream *stream, struct tensor context, struct tensor query, struct tensor kv,
    const struct sequences *sequences, size_t heads, struct err *err)
{
    const size_t batch = kv.shape.size[0], tokens = kv.shape.size[1], width = tensor_width(context);
    const size_t count = sequences ? sequences->count : batch;
    const struct launch launch = {
        .kernel = "attend_once",
        .flops = 4.0 * (double)(batch * tokens * width),
        .head_width = width / heads,
        .groups = {heads, count},
        .local = stream->device->tuning.lanes,
    };
    const cl_uint t = (cl_uint)tokens, h = (cl_uint)heads, has_starts = sequences != NULL;
    const struct tensor starts = starts_of(sequences, kv);
    assert(width % heads == 0 && tensor_is(context, stream_dtype(stream), SHAPE(count, width)));
    assert(tensor_is(query, DTYPE_F32, SHAPE(width)));
    assert(tensor_is(kv, stream_dtype(stream), SHAPE(batch, tokens, 2 * width)));
    assert(!sequences || (batch == 1 && tensor_is(sequences->starts, DTYPE_I32, SHAPE(count + 1))));
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(context), ARG_TENSOR(query), ARG_TENSOR(kv),
        ARG_TENSOR(starts), ARG(has_starts), ARG(t), ARG(h));
}

int rotate_pairs(
    struct stream *stream, struct tensor qkv, struct tensor rotation, size_t heads, struct err *err)
{
    const size_t batch = qkv.shape.size[0], tokens = qkv.shape.size[1], width = tensor_width(qkv) / 3;
    const size_t head_width = width / heads;
    const struct launch launch = {.kernel = "rotate_pairs",
        .groups = {groups_of(2 * width / 16, GROUP), tokens, batch},
        .local = GROUP};
    const cl_uint t = (cl_uint)tokens, w = (cl_uint)width, d = (cl_uint)head_width;
    assert(head_width % 16 == 0 && tensor_is(qkv, stream_dtype(stream), SHAPE(batch, tokens, 3 * width)));
    assert(tensor_is(rotation, DTYPE_F32, SHAPE(tokens, head_width)));
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(qkv), ARG_TENSOR(rotation), ARG(t), ARG(w), ARG(d));
}

int gate(struct stream *stream, struct tensor out, struct tensor in, struct err *err)
{
    const size_t rows = tensor_rows(out), width = tensor_width(out);
    const struct launch launch = {
        .kernel = "gate", .groups = {groups_of(width, GROUP), rows}, .local = GROUP};
    const cl_uint w = (cl_uint)width;
    assert(out.dtype == stream_dtype(stream) && in.dtype == out.dtype);
    assert(tensor_rows(in) == rows && tensor_width(in) == 2 * width);
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(in), ARG(w));
}

int inner_norm(struct stream *stream, struct tensor x, struct tensor gamma, struct tensor beta, float eps,
    struct err *err)
{
    const struct launch launch = {
        .kernel = "inner_norm", .groups = {tensor_rows(x)}, .local = stream->device->tuning.lanes};
    const size_t width = tensor_width(x);
    const cl_uint w = (cl_uint)width;
    assert(x.dtype == stream_dtype(stream));
    assert(tensor_is(gamma, DTYPE_F32, SHAPE(width)) && tensor_is(beta, DTYPE_F32, SHAPE(width)));
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(x), ARG_TENSOR(gamma), ARG_TENSOR(beta), ARG(w), ARG(eps));
}

int add_rows(struct stream *stream, struct tensor x, struct tensor y, struct err *err)
{
    const size_t width = tensor_width(x);
    const struct launch launch = {
        .kernel = "add_rows", .groups = {groups_of(width, GROUP), tensor_rows(x)}, .local = GROUP};
    const cl_uint w = (cl_uint)width;
    assert(x.dtype == DTYPE_F32 && tensor_is(y, DTYPE_F32, x.shape));
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(x), ARG_TENSOR(y), ARG(w));
}

int mean_rows(struct stream *stream, struct tensor rows, struct tensor tokens,
    const struct sequences *sequences, size_t first, struct err *err)
{
    const size_t batch = tokens.shape.size[0], count = tokens.shape.size[1], width = tensor_width(tokens);
    const size_t means = sequences ? sequences->count : batch;
    const struct launch launch = {
        .kernel = "mean_rows", .groups = {groups_of(width / 16, GROUP), means}, .local = GROUP};
    const cl_uint t = (cl_uint)count, w = (cl_uint)width, from = (cl_uint)first,
                  has_starts = sequences != NULL;
    const struct tensor starts = starts_of(sequences, tokens);
    assert(first < count && tensor_is(tokens, DTYPE_F32, SHAPE(batch, count, width)));
    assert(tensor_is(rows, DTYPE_F32, SHAPE(means, width)));
    assert(!sequences || (batch == 1 && tensor_is(sequences->starts, DTYPE_I32, SHAPE(means + 1))));
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(rows), ARG_TENSOR(tokens), ARG_TENSOR(starts),
        ARG(has_starts), ARG(from), ARG(t), ARG(w));
}

int normalize_rows(struct stream *stream, struct tensor x, struct err *err)
{
    const struct launch launch = {
        .kernel = "normalize_rows", .groups = {tensor_rows(x)}, .local = stream->device->tuning.lanes};
    const cl_uint w = (cl_uint)tensor_width(x);
    assert(x.dtype == DTYPE_F32);
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(x), ARG(w));
}
