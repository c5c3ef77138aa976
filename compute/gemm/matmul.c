// SPDX-License-Identifier: Apache-2.0
/* Products of matrices that nobody has packed: how they lie, and who multiplies them. */
#include "compute/gemm/gemm.h"

#include <assert.h>

struct matrix matrix_of(struct tensor tensor)
{
    return matrix_columns(tensor, 0, tensor_width(tensor));
}

struct matrix matrix_columns(struct tensor tensor, size_t first, size_t columns)
{
    const size_t rows = tensor_rows(tensor), stride = tensor_width(tensor);
    assert(first + columns <= stride);
    tensor.offset += first;
    return (struct matrix){
        .tensor = tensor, .rows = rows, .columns = columns, .stride = stride, .count = {1, 1}};
}

struct matrix matrix_transposed(struct matrix matrix)
{
    matrix.transposed = !matrix.transposed;
    return matrix;
}

struct matrix matrix_heads(struct tensor tensor, size_t parts, size_t part, size_t heads)
{
    const size_t batch = tensor.shape.size[0], tokens = tensor.shape.size[1], stride = tensor_width(tensor);
    const size_t width = stride / parts, head_width = width / heads;
    assert(tensor.shape.rank == 3 && head_width * heads * parts == stride && part < parts);
    tensor.offset += part * width;
    return (struct matrix){.tensor = tensor,
        .rows = tokens,
        .columns = head_width,
        .stride = stride,
        .count = {batch, heads},
        .step = {tokens * stride, head_width}};
}

const struct layer_provider *matmul_provider(const struct device *device)
{
    const enum precision precision = precision_plain(device->precision);
    if (device->plain->matmul)
        return device->plain;
    for (size_t i = 0;; i++) /* CLBlast, the last of them, serves all */
        if (layer_providers[i]->matmul && layer_providers[i]->serves(device->id, precision))
            return layer_providers[i];
}

int matmul(struct stream *stream, struct matrix out, struct matrix a, struct matrix b, struct tensor bias,
    bool accumulate, struct err *err)
{
    const size_t rows = a.transposed ? a.columns : a.rows, inner = a.transposed ? a.rows : a.columns;
    const enum dtype type = a.tensor.dtype;
    const struct device *device = stream->device;
    const struct layer_provider *provider = matmul_provider(device);
    const size_t count = out.count[0] * out.count[1];
    assert(out.rows == rows && inner == (b.transposed ? b.columns : b.rows) && !out.transposed);
    assert(out.columns == (b.transposed ? b.rows : b.columns) && rows && inner && out.columns);
    assert(a.count[0] == out.count[0] && a.count[1] == out.count[1]);
    assert(b.count[0] == out.count[0] && b.count[1] == out.count[1]);
    assert(b.tensor.dtype == type && (out.tensor.dtype == DTYPE_F32 || out.tensor.dtype == type));
    assert(!bias.shape.rank ||
           (count == 1 && out.stride == out.columns && tensor_is(bias, DTYPE_F32, SHAPE(out.columns))));
    if (type != DTYPE_F32 && provider->takes(precision_plain(device->precision)) != type)
        return err_set(err, ERR_UNSUPPORTED, "%s does not multiply matrices of %s here: use f32",
            provider->name, dtype_name(type));
    int rc = profile_piece(stream, "matmul", 2.0 * (double)(count * rows * inner * out.columns), err);
    if (!rc && !stream_plans(stream))
        rc = provider->matmul(stream, &out, &a, &b, &bias, accumulate, err);
    return rc;
}
