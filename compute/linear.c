// SPDX-License-Identifier: Apache-2.0
/*
 * A linear layer: the provider's product, with rows brought to the type the provider takes them in.
 *
 * Where that is float32 and activations are of 16 bits (half on a CPU, bfloat16 on most GPUs), both operands
 * are rounded to the activations' type, and widened for the product. Results are then the same on every
 * device, only slower than native ones.
 */
#include "compute/gemm/gemm.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int pack_rounded(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    const size_t count = linear->n * linear->k;
    float *copy = mem_new(count, sizeof *copy);
    if (!copy)
        return err_memory(err, count * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = dtype_round(weight[i], device->activations);
    int rc = linear->provider->pack(linear, device, copy, err);
    free(copy);
    return rc;
}

static int load(struct linear **out, struct device *device, const float *weight, bool lasting, size_t n,
    size_t k, struct err *err)
{
    struct linear *linear = mem_new(1, sizeof *linear);
    if (!linear)
        return err_memory(err, sizeof *linear);
    const enum dtype dtype = device->provider->takes(device->precision);
    *linear = (struct linear){
        .provider = device->provider,
        .name = "linear",
        .n = n,
        .k = k,
        .dtype = dtype,
        .lasting = lasting && device->weights_in_file && dtype == device->activations,
    };
    int rc = dtype == device->activations ? device->provider->pack(linear, device, weight, err)
                                          : pack_rounded(linear, device, weight, err);
    if (rc) {
        linear_free(linear);
        return rc;
    }
    *out = linear;
    return 0;
}

int linear_load(
    struct linear **out, struct device *device, const float *weight, size_t n, size_t k, struct err *err)
{
    return load(out, device, weight, false, n, k, err);
}

int linear_load_at(struct linear **out, bool *in_place, struct device *device, const float *weight, size_t n,
    size_t k, struct err *err)
{
    const int rc = load(out, device, weight, true, n, k, err);
    *in_place = !rc && (*out)->in_place;
    return rc;
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

/* rows through `kernel`, element by element */
static int convert(
    struct stream *stream, const char *kernel, struct tensor out, struct tensor in, struct err *err)
{
    const cl_ulong count = shape_count(in.shape);
    const struct launch launch = {.kernel = kernel, .groups = {groups_of(count, GROUP)}, .local = GROUP};
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(in), ARG(count));
}

int tensor_write_real(
    struct stream *stream, struct tensor to, const float *data, size_t count, struct err *err)
{
    const size_t mark = stream_mark(stream);
    struct tensor wide;
    assert(to.dtype == stream_dtype(stream) && count <= shape_count(to.shape));
    if (to.dtype == DTYPE_F32)
        return tensor_write(stream, to, data, count, err);
    to = tensor_view(to, SHAPE(count));
    int rc = tensor_new(&wide, stream, DTYPE_F32, to.shape, err);
    if (!rc && !(rc = tensor_write(stream, wide, data, count, err)))
        rc = convert(stream, "narrow", to, wide, err);
    stream_rewind(stream, mark);
    return rc;
}

double linear_sum_error(size_t terms)
{
    const double nu = (double)(terms + 32) * 0x1p-23;
    return nu / (1 - nu);
}

/* What both products below ask of their rows: in (..., K) and as many of out (..., N), in this stream's memory;
 * out is float32, which a residual sum needs, or as activations are. */
static bool fits(const struct linear *linear, const struct stream *stream, struct tensor out,
    struct tensor in, enum epilogue epilogue)
{
    return tensor_width(in) == linear->k && tensor_width(out) == linear->n && tensor_rows(in) > 0 &&
           tensor_rows(in) == tensor_rows(out) && in.buffer == stream->memory &&
           out.buffer == stream->memory &&
           (out.dtype == DTYPE_F32 || (out.dtype == stream_dtype(stream) && epilogue != EPILOGUE_ADD));
}

static int profile_product(const struct linear *linear, struct stream *stream, size_t rows, struct err *err)
{
    return profile_piece(stream, linear->name, 2.0 * (double)rows * (double)(linear->n * linear->k), err);
}

int linear_forward(const struct linear *linear, struct stream *stream, struct tensor out, struct tensor in,
    enum epilogue epilogue, struct err *err)
{
    const size_t mark = stream_mark(stream), rows = tensor_rows(in);
    struct tensor product = out;
    int rc = 0;
    assert(fits(linear, stream, out, in, epilogue));
    assert(in.dtype == DTYPE_F32 || in.dtype == stream_dtype(stream));

    if (in.dtype != stream_dtype(stream)) {
        const struct tensor wide = in;
        if ((rc = tensor_new(&in, stream, stream_dtype(stream), in.shape, err)) ||
            (rc = convert(stream, "narrow", in, wide, err)))
            goto done;
    }
    if (in.dtype != linear->dtype) {
        const struct tensor real = in;
        if ((rc = tensor_new(&in, stream, DTYPE_F32, in.shape, err)) ||
            (rc = convert(stream, "widen", in, real, err)))
            goto done;
    }
    if (out.dtype != linear->dtype && out.dtype != DTYPE_F32)
        rc = tensor_new(&product, stream, DTYPE_F32, out.shape, err);
    if (!rc)
        rc = profile_product(linear, stream, rows, err);
    if (!rc && !stream_plans(stream))
        rc = linear->provider->product(linear, stream, product, in, rows, epilogue, err);
    if (!rc && product.dtype != out.dtype)
        rc = convert(stream, "narrow", out, product, err);
done:
    stream_rewind(stream, mark);
    return rc;
}

/* The norm as a kernel of its own. */
static int forward_after_norm(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, float eps, enum epilogue epilogue, struct err *err)
{
    const size_t mark = stream_mark(stream);
    const struct tensor gamma = {linear->gamma.device, 0, SHAPE(linear->k), DTYPE_F32},
                        beta = {linear->beta.device, 0, SHAPE(linear->k), DTYPE_F32};
    struct tensor normed; // (R, K)
    int rc = tensor_new(&normed, stream, stream_dtype(stream), in.shape, err);
    if (!rc)
        rc = layer_norm(stream, normed, in, gamma, beta, eps, err);
    if (!rc)
        rc = linear_forward(linear, stream, out, normed, epilogue, err);
    stream_rewind(stream, mark);
    return rc;
}

int linear_forward_normed(const struct linear *linear, struct stream *stream, struct tensor out,
    struct tensor in, float eps, enum epilogue epilogue, struct err *err)
{
    const size_t rows = tensor_rows(in);
    assert(fits(linear, stream, out, in, epilogue) && in.dtype == DTYPE_F32);
    if (!linear->provider->normed_product)
        return forward_after_norm(linear, stream, out, in, eps, epilogue, err);
    int rc = profile_product(linear, stream, rows, err);
    if (!rc && !stream_plans(stream))
        rc = linear->provider->normed_product(linear, stream, out, in, rows, eps, epilogue, err);
    return rc;
}
