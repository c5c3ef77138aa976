// SPDX-License-Identifier: Apache-2.0
/*
 * A linear layer: the GEMM provider's product, with the operands brought to a type the provider multiplies
 * in.
 *
 * Where the provider has no arithmetic for the device's real type (half on a CPU, bfloat16 on most GPUs),
 * operands are still stored and rounded in that type, but widened to float32 for the product. Results are
 * then the same on every device, only slower than native ones.
 */
#include "compute/gemm.h"

#include <assert.h>
#include <stdlib.h>

static float rounded(float x, enum precision precision)
{
    switch (precision) {
    case PRECISION_BF16:
        return bf16_to_f32(f32_to_bf16(x));
    case PRECISION_F16:
        return f16_to_f32(f32_to_f16(x));
    default:
        return x;
    }
}

static int pack_rounded(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    const size_t count = linear->n * linear->k;
    float *copy = mem_new(count, sizeof *copy);
    if (!copy)
        return err_memory(err, count * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = rounded(weight[i], device->precision);
    int rc = linear->provider->pack(linear, device, copy, err);
    free(copy);
    return rc;
}

int linear_load(
    struct linear **out, struct device *device, const float *weight, size_t n, size_t k, struct err *err)
{
    struct linear *linear = mem_new(1, sizeof *linear);
    if (!linear)
        return err_memory(err, sizeof *linear);
    const bool native = device->gemm->native(device->precision);
    *linear = (struct linear){
        .provider = device->gemm,
        .name = "linear",
        .n = n,
        .k = k,
        .element = native ? precision_element(device->precision) : ELEMENT_F32,
    };
    int rc =
        native ? device->gemm->pack(linear, device, weight, err) : pack_rounded(linear, device, weight, err);
    if (rc) {
        linear_free(linear);
        return rc;
    }
    *out = linear;
    return 0;
}

void linear_free(struct linear *linear)
{
    if (!linear)
        return;
    linear->provider->free(linear);
    free(linear);
}

int linear_set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err)
{
    return linear->provider->set_bias(linear, device, bias, err);
}

static int convert(struct stream *stream, const char *kernel, struct tensor out, struct tensor in,
    size_t count, struct err *err)
{
    const struct launch launch = {.kernel = kernel, .groups = {groups_of(count, GROUP)}, .local = GROUP};
    const cl_ulong n = count;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(in), ARG(n));
}

int linear_forward(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    size_t rows, enum epilogue epilogue, struct err *err)
{
    const size_t mark = stream_mark(stream);
    struct tensor product = out;
    int rc = 0;
    assert(in.buffer == stream->memory && out.buffer == stream->memory);
    assert(in.element == stream_real(stream));
    assert(out.element == ELEMENT_F32 || (out.element == in.element && epilogue != EPILOGUE_ADD));

    if (in.element != linear->element) {
        const struct tensor real = in;
        if ((rc = tensor_new(&in, stream, ELEMENT_F32, rows * linear->k, err)) ||
            (rc = convert(stream, "widen", in, real, rows * linear->k, err)))
            goto done;
    }
    if (out.element != linear->element && out.element != ELEMENT_F32)
        rc = tensor_new(&product, stream, ELEMENT_F32, rows * linear->n, err);
    if (!rc)
        rc = profile_piece(stream, linear->name, 2.0 * (double)rows * (double)(linear->n * linear->k), err);
    if (!rc && !stream_plans(stream))
        rc = linear->provider->product(linear, stream, product, in, rows, epilogue, err);
    if (!rc && product.element != out.element)
        rc = convert(stream, "narrow", out, product, rows * linear->n, err);
done:
    stream_rewind(stream, mark);
    return rc;
}
