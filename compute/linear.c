// SPDX-License-Identifier: Apache-2.0
/*
 * A linear layer: the provider's product, with rows brought to the type the provider takes them in.
 *
 * Where that is float32 and activations are of 16 bits (half on a CPU, bfloat16 on most GPUs), both operands
 * are rounded to the activations' type, and widened for the product. Results are then the same on every
 * device, only slower than native ones. Likewise in int8.
 */
#include "compute/gemm/gemm.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a weight that the activations' type rounds. */
static int pack_rounded(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    const size_t count = linear->n * linear->k;
    float *copy = mem_passing(count, sizeof *copy);
    if (!copy)
        return err_memory(err, count * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = dtype_round(weight[i], device->activations);
    int rc = linear->provider->pack(linear, device, copy, err);
    mem_passing_free(copy);
    return rc;
}

/* A layer without its weight, whose rows the provider takes as it does in that precision. */
static struct linear *linear_new(
    const struct layer_provider *provider, enum precision precision, size_t n, size_t k, struct err *err)
{
    struct linear *linear = mem_new(1, sizeof *linear);
    if (!linear)
        err_memory(err, sizeof *linear);
    else
        *linear = (struct linear){.provider = provider,
            .name = "linear",
            .precision = precision,
            .n = n,
            .k = k,
            .dtype = provider->takes(precision)};
    return linear;
}

static int load(struct linear **out, struct device *device, const float *weight, bool lasting, size_t n,
    size_t k, struct err *err)
{
    struct linear *linear = linear_new(device->plain, precision_plain(device->precision), n, k, err);
    if (!linear)
        return ERR_MEMORY;
    const bool same = linear->dtype == device->activations;
    linear->lasting = lasting && device->weights_in_file && same;
    const int rc = same ? linear->provider->pack(linear, device, weight, err)
                        : pack_rounded(linear, device, weight, err);
    if (rc)
        linear_free(linear);
    else
        *out = linear;
    return rc;
}

int linear_load(
    struct linear **out, struct device *device, const float *weight, size_t n, size_t k, struct err *err)
{
    return load(out, device, weight, false, n, k, err);
}

static int load_plain(struct linear **out, bool *in_place, struct device *device,
    const struct linear_values *values, size_t n, size_t k, struct err *err)
{
    int rc = load(out, device, values->weight, values->lasting, n, k, err);
    if (rc)
        return rc;
    if (values->bias)
        rc = linear_set_bias(*out, device, values->bias, err);
    if (!rc && values->gamma)
        rc = linear_set_gamma(*out, device, values->gamma, err);
    if (!rc && values->beta)
        rc = linear_set_beta(*out, device, values->beta, err);
    *in_place = (*out)->in_place;
    return rc;
}

/* ---- int8 ---------------------------------------------------------------------------------------------- */

/* Rows (count, K) as int8 would hold them: what kernels/norm.cl does to those of a product. */
static void round_rows_to_int8(float *rows, size_t count, size_t k)
{
    static const float most = 127, whole = 0x1.8p23f; /* the sum with that has no room for a fraction */
    for (size_t row = 0; row < count; row++, rows += k) {
        float largest = 0;
        for (size_t i = 0; i < k; i++)
            largest = fmaxf(largest, fabsf(rows[i]));
        const float by = largest > 0 ? most / largest : 0, step = largest / most;
        for (size_t i = 0; i < k; i++) {
            const float shifted = rows[i] * by + whole;
            rows[i] = (shifted - whole) * step;
        }
    }
}

/* For a provider that multiplies float32: the weight with linear->gain, rounded. */
static int pack_int8(struct linear *linear, struct device *device, const float *weight, struct err *err)
{
    const size_t n = linear->n, k = linear->k;
    float *copy = mem_passing(n * k, sizeof *copy);
    if (!copy)
        return err_memory(err, n * k * sizeof *copy);
    for (size_t row = 0; row < n; row++)
        for (size_t i = 0; i < k; i++)
            copy[row * k + i] = weight[row * k + i] * (linear->gain ? linear->gain[i] : 1);
    round_rows_to_int8(copy, n, k);
    const int rc = linear->provider->pack(linear, device, copy, err);
    mem_passing_free(copy);
    return rc;
}

/* Gains and shifts of the norm before a layer go into it: W (x * gamma + beta) = (W gamma) x + W beta. */
static int set_shifted_bias(
    struct linear *linear, struct device *device, const struct linear_values *values, struct err *err)
{
    float *bias = mem_new(linear->n, sizeof *bias);
    if (!bias)
        return err_memory(err, linear->n * sizeof *bias);
    for (size_t row = 0; row < linear->n; row++) {
        double sum = values->bias ? (double)values->bias[row] : 0;
        for (size_t i = 0; i < linear->k; i++)
            sum += (double)values->weight[row * linear->k + i] * (double)values->beta[i];
        bias[row] = (float)sum;
    }
    const int rc = linear_set_bias(linear, device, bias, err);
    free(bias);
    return rc;
}

/* The norm before a layer whose weights have its gains. */
static int set_plain_norm(struct linear *linear, struct device *device, struct err *err)
{
    float *values = mem_new(linear->k, sizeof *values);
    if (!values)
        return err_memory(err, linear->k * sizeof *values);
    int rc = linear_set_beta(linear, device, values, err);
    for (size_t i = 0; i < linear->k; i++)
        values[i] = 1;
    if (!rc)
        rc = linear_set_gamma(linear, device, values, err);
    free(values);
    return rc;
}

static int load_int8(struct linear **out, struct device *device, const struct linear_values *values, size_t n,
    size_t k, struct err *err)
{
    enum { K_MAX = INT32_MAX / (127 * 255) }; /* of sums of 32 bits */
    if (k > K_MAX)
        return err_set(err, ERR_UNSUPPORTED, "%zu inputs are too many for a layer in int8", k);
    struct linear *linear = linear_new(device->provider, PRECISION_INT8, n, k, err);
    if (!linear)
        return ERR_MEMORY;
    linear->rounded = linear->dtype == DTYPE_F32;
    linear->gain = values->gamma;
    int rc = linear->rounded ? pack_int8(linear, device, values->weight, err)
                             : linear->provider->pack(linear, device, values->weight, err);
    linear->gain = NULL;
    if (!rc && values->gamma)
        rc = set_shifted_bias(linear, device, values, err);
    else if (!rc && values->bias)
        rc = linear_set_bias(linear, device, values->bias, err);
    if (!rc && values->gamma && !linear->provider->normed_product)
        rc = set_plain_norm(linear, device, err);
    if (rc)
        linear_free(linear);
    else
        *out = linear;
    return rc;
}

int linear_load_layer(struct linear **out, bool *in_place, struct device *device,
    const struct linear_values *values, size_t n, size_t k, struct err *err)
{
    *in_place = false;
    return device->precision == PRECISION_INT8 && !values->exact
               ? load_int8(out, device, values, n, k, err)
               : load_plain(out, in_place, device, values, n, k, err);
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

int tensor_convert(struct stream *stream, struct tensor out, struct tensor in, struct err *err)
{
    if (out.dtype == in.dtype)
        return tensor_copy(stream, out, in, err);
    return convert(stream, in.dtype == DTYPE_F32 ? "narrow" : "widen", out, in, err);
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

/* out (..., K) float32 = in (..., K) as int8 would hold its rows. */
static int round_rows(struct stream *stream, struct tensor out, struct tensor in, struct err *err)
{
    const struct launch launch = {
        .kernel = "round_rows", .groups = {tensor_rows(in)}, .local = stream->device->tuning.lanes};
    const cl_uint width = (cl_uint)tensor_width(in), in_float = in.dtype == DTYPE_F32;
    return KERNEL_RUN(stream, &launch, err, ARG_TENSOR(out), ARG_TENSOR(in), ARG(width), ARG(in_float));
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

    if (linear->rounded) {
        const struct tensor exact = in;
        if ((rc = tensor_new(&in, stream, DTYPE_F32, in.shape, err)) ||
            (rc = round_rows(stream, in, exact, err)))
            goto done;
    } else if (in.dtype != stream_dtype(stream)) {
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
    int rc = tensor_new(&normed, stream, linear->rounded ? DTYPE_F32 : stream_dtype(stream), in.shape, err);
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
