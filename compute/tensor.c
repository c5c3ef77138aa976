// SPDX-License-Identifier: Apache-2.0
#include "compute/compute.h"

#include <assert.h>
#include <string.h>

size_t dtype_size(enum dtype dtype)
{
    static const size_t sizes[DTYPE_COUNT] = {4, 2, 2, 1, 4};
    return sizes[dtype];
}

const char *dtype_name(enum dtype dtype)
{
    static const char *const names[DTYPE_COUNT] = {"f32", "bf16", "f16", "u8", "i32"};
    return names[dtype];
}

float dtype_round(float value, enum dtype dtype)
{
    assert(dtype == DTYPE_F32 || dtype == DTYPE_BF16 || dtype == DTYPE_F16);
    if (dtype == DTYPE_BF16)
        return bf16_to_f32(f32_to_bf16(value));
    return dtype == DTYPE_F16 ? f16_to_f32(f32_to_f16(value)) : value;
}

size_t shape_count(struct shape shape)
{
    size_t count = 1;
    for (size_t axis = 0; axis < shape.rank; axis++)
        count *= shape.size[axis];
    return count;
}

bool shape_equal(struct shape a, struct shape b)
{
    return a.rank == b.rank && !memcmp(a.size, b.size, a.rank * sizeof *a.size);
}

size_t tensor_width(struct tensor tensor)
{
    return tensor.shape.size[tensor.shape.rank - 1];
}

size_t tensor_rows(struct tensor tensor)
{
    struct shape rows = tensor.shape;
    rows.rank--;
    return shape_count(rows);
}

struct tensor tensor_view(struct tensor tensor, struct shape shape)
{
    assert(shape_count(shape) <= shape_count(tensor.shape));
    tensor.shape = shape;
    return tensor;
}
