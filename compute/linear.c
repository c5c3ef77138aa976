// SPDX-License-Identifier: Apache-2.0
/*
 * A linear layer: the GEMM provider's product, with the operands brought to a type the provider multiplies
 * in.
 *
 * Where the provider has no arithmetic for the device's real type (half on a CPU, bfloat16 on most GPUs),
 * operands are still stored and rounded in that type, but widened to float32 for the product. Results are
 * then the same on every device, only slower than native ones.
 */
#include "compute/gemm/gemm.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
    const bool native = device->provider->native(device->precision);
    *linear = (struct linear){
        .provider = device->provider,
        .name = "linear",
        .n = n,
        .k = k,
        .element = native ? precision_element(device->precision) : ELEMENT_F32,
    };
    int rc = native ? device->provider->pack(linear, device, weight, err)
                    : pack_rounded(linear, device, weight, err);
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
    free(linear->gamma.host);
    free(linear->beta.host);
    if (linear->gamma.device)
        clReleaseMemObject(linear->gamma.device);
    if (linear->beta.device)
        clReleaseMemObject(linear->beta.device);
    free(linear);
}

int linear_set_bias(struct linear *linear, struct device *device, const float *bias, struct err *err)
{
    return linear->provider->set_bias(linear, device, bias, err);
}

int host_copy(float **out, const float *values, size_t count, struct err *err)
{
    *out = mem_new(count, sizeof *values);
    if (!*out)
        return err_memory(err, count * sizeof *values);
    memcpy(*out, values, count * sizeof *values);
    return 0;
}

/* Where the norm will be computed decides where its parameters go. */
static int place_norm(float **host, cl_mem *on_device, const struct linear *linear, struct device *device,
    const float *values, struct err *err)
{
    return linear->provider->normed_product
               ? host_copy(host, values, linear->k, err)
               : device_buffer(on_device, device, values, linear->k * sizeof *values, err);
}

int linear_set_gamma(struct linear *linear, struct device *device, const float *gamma, struct err *err)
{
    return place_norm(&linear->gamma.host, &linear->gamma.device, linear, device, gamma, err);
}

int linear_set_beta(struct linear *linear, struct device *device, const float *beta, struct err *err)
{
    return place_norm(&linear->beta.host, &linear->beta.device, linear, device, beta, err);
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
    assert(rows && in.buffer == stream->memory && out.buffer == stream->memory);
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

/* The norm as a kernel of its own. */
static int forward_after_norm(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, size_t rows, float eps, enum epilogue epilogue, struct err *err)
{
    const size_t mark = stream_mark(stream);
    const struct tensor gamma = {linear->gamma.device, 0, linear->k, ELEMENT_F32},
                        beta = {linear->beta.device, 0, linear->k, ELEMENT_F32};
    struct tensor normed; // (R, K) real
    int rc = tensor_new(&normed, stream, stream_real(stream), rows * linear->k, err);
    if (!rc)
        rc = layer_norm(stream, normed, in, gamma, beta, rows, linear->k, eps, err);
    if (!rc)
        rc = linear_forward(linear, stream, out, normed, rows, epilogue, err);
    stream_rewind(stream, mark);
    return rc;
}

int linear_forward_normed(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, size_t rows, float eps, enum epilogue epilogue, struct err *err)
{
    assert(rows && in.buffer == stream->memory && out.buffer == stream->memory);
    assert(in.element == ELEMENT_F32);
    assert(out.element == ELEMENT_F32 || (out.element == stream_real(stream) && epilogue != EPILOGUE_ADD));
    if (!linear->provider->normed_product)
        return forward_after_norm(linear, stream, out, in, rows, eps, epilogue, err);
    int rc = profile_piece(stream, linear->name, 2.0 * (double)rows * (double)(linear->n * linear->k), err);
    if (!rc && !stream_plans(stream))
        rc = linear->provider->normed_product(linear, stream, out, in, rows, eps, epilogue, err);
    return rc;
}
