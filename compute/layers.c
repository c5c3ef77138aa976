// SPDX-License-Identifier: Apache-2.0
/* One launch each: the layers between matrix products. Arithmetic and layouts stand in compute/kernels/. */
#include "compute/gemm/gemm.h"

#include <assert.h>

int layer_norm(struct stream *stream, struct tensor out, struct tensor in, struct tensor gamma,
    struct tensor beta, size_t rows, size_t width, float eps, struct err *err)
{
    const struct launch launch = {
        .kernel = "layer_norm", .groups = {rows}, .local = stream->device->tuning.lanes};
    const cl_uint w = (cl_uint)width, out_float = out.element == ELEMENT_F32;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(in), ARG_TENSOR(gamma),
        ARG_TENSOR(beta), ARG(w), ARG(eps), ARG(out_float));
}

int attention(struct stream *stream, struct tensor context, struct tensor qkv, size_t batch, size_t tokens,
    size_t heads, size_t head_width, bool causal, struct err *err)
{
    const struct tuning *tuning = &stream->device->tuning;
    const struct layer_provider *gemm = stream->device->provider;
    const double flops = 4.0 * (double)(batch * heads * tokens * tokens * head_width);
    if (gemm->attention) {
        int rc = profile_piece(stream, "attention", flops, err);
        return rc || stream_plans(stream)
                   ? rc
                   : gemm->attention(stream, context, qkv, batch, tokens, heads, head_width, causal, err);
    }
    const struct launch launch = {
        .kernel = "attention",
        .flops = flops,
        .head_width = head_width,
        .groups = {groups_of(tokens, tuning->lanes * tuning->queries), heads, batch},
        .local = tuning->lanes,
    };
    const cl_uint t = (cl_uint)tokens, h = (cl_uint)heads, masked = causal;
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(context), ARG_TENSOR(qkv), ARG(t), ARG(h), ARG(masked));
}

int patchify(struct stream *stream, struct tensor patches, struct tensor pixels, size_t batch,
    size_t image_size, size_t patch_size, const float scale[3], const float shift[3], struct err *err)
{
    const size_t grid = image_size / patch_size, lanes = stream->device->tuning.lanes;
    const struct launch launch = {
        .kernel = "patchify", .groups = {groups_of(grid * grid, lanes), batch}, .local = lanes};
    const cl_uint s = (cl_uint)image_size, p = (cl_uint)patch_size;
    const cl_float4 by = {{scale[0], scale[1], scale[2], 0}}, plus = {{shift[0], shift[1], shift[2], 0}};
    return KERNEL_RUN(
        stream, &launch, err, ARG_TENSOR(patches), ARG_TENSOR(pixels), ARG(s), ARG(p), ARG(by), ARG(plus));
}

int assemble_tokens(struct stream *stream, struct tensor tokens, struct tensor patches,
    struct tensor class_token, struct tensor positions, size_t batch, size_t count, size_t width,
    struct err *err)
{
    const struct launch launch = {
        .kernel = "assemble_tokens", .groups = {groups_of(width / 16, GROUP), count, batch}, .local = GROUP};
    const cl_uint t = (cl_uint)count, w = (cl_uint)width;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(tokens), ARG_TENSOR(patches), ARG_TENSOR(class_token),
        ARG_TENSOR(positions), ARG(t), ARG(w));
}

int embed_tokens(struct stream *stream, struct tensor tokens, struct tensor ids, struct tensor table,
    struct tensor positions, size_t batch, size_t count, size_t width, struct err *err)
{
    const struct launch launch = {
        .kernel = "embed_tokens", .groups = {groups_of(width / 16, GROUP), count, batch}, .local = GROUP};
    const cl_uint t = (cl_uint)count, w = (cl_uint)width;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(tokens), ARG_TENSOR(ids), ARG_TENSOR(table),
        ARG_TENSOR(positions), ARG(t), ARG(w));
}

int pick_rows(struct stream *stream, struct tensor rows, struct tensor tokens, struct tensor pick,
    size_t batch, size_t count, size_t width, struct err *err)
{
    const size_t units = element_size(rows.element) / sizeof(cl_ushort); /* of the kernel in an element */
    const struct launch launch = {
        .kernel = "pick_rows", .groups = {groups_of(width * units / 16, GROUP), batch}, .local = GROUP};
    const cl_uint t = (cl_uint)count, w = (cl_uint)(width * units), has_pick = pick.buffer != NULL;
    assert(rows.element == tokens.element);
    if (!has_pick)
        pick = rows; /* some buffer has to be there; it is not read */
    rows.offset *= units;
    tokens.offset *= units;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(rows), ARG_TENSOR(tokens), ARG_TENSOR(pick),
        ARG(has_pick), ARG(t), ARG(w));
}

int normalize_rows(struct stream *stream, struct tensor x, size_t rows, size_t width, struct err *err)
{
    const struct launch launch = {
        .kernel = "normalize_rows", .groups = {rows}, .local = stream->device->tuning.lanes};
    const cl_uint w = (cl_uint)width;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(x), ARG(w));
}
