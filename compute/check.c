// SPDX-License-Identifier: Apache-2.0
/* Small layers on the device and in plain C: whoever sells or builds a driver may have made it wrong. */
#include "compute/twins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sizes that no vector width, group or tile divides by chance: R rows of W, which are heads of D. */
enum { R = 21, W = 96, D = 32, N = 80 };
static const float eps = 1e-5f;

double device_tolerance(const struct device *device)
{
    static const double tolerances[PRECISION_COUNT] = {
        [PRECISION_F32] = 4e-6, [PRECISION_BF16] = 1e-2, [PRECISION_F16] = 1.2e-3, [PRECISION_INT8] = 1e-2};
    return tolerances[device_precision(device)];
}

/* The inputs of a layer, rounded as the device has them, and what the device and plain C make of them. */
struct trial {
    struct device *device;
    struct stream *stream;
    float *in, *weight, *got, *want; // (R, 3*W), (N, W), (R, W) or (R, N)
};

static void fill(float *out, size_t count, uint64_t seed, enum dtype dtype)
{
    for (size_t i = 0; i < count; i++) {
        const double number = (double)(random_at(seed, i) >> 11) * 0x1p-52 - 1; /* from -1 to 1 */
        out[i] = dtype_round((float)number, dtype);
    }
}

static int try_product(const struct trial *t, struct tensor out, struct tensor in, struct err *err)
{
    struct linear *linear;
    int rc = linear_load(&linear, t->device, t->weight, N, W, err);
    if (rc)
        return rc;
    twin_linear(t->want, t->in, t->weight, NULL, R, N, W, EPILOGUE_NONE);
    rc = linear_forward(linear, t->stream, out, in, EPILOGUE_NONE, err);
    if (!rc)
        rc = tensor_read(t->stream, t->got, out, (size_t)R * N, err);
    linear_free(linear);
    return rc;
}

static int try_norm(const struct trial *t, struct tensor out, struct tensor in, struct err *err)
{
    const float *gamma = t->weight, *beta = t->weight + W;
    struct tensor g, b;
    int rc = tensor_new(&g, t->stream, DTYPE_F32, SHAPE(W), err);
    if (!rc && !(rc = tensor_write(t->stream, g, gamma, W, err)))
        rc = tensor_new(&b, t->stream, DTYPE_F32, SHAPE(W), err);
    if (!rc && !(rc = tensor_write(t->stream, b, beta, W, err)))
        rc = layer_norm(t->stream, out, in, g, b, eps, err);
    twin_layer_norm(t->want, t->in, gamma, beta, R, W, (double)eps);
    return rc ? rc : tensor_read(t->stream, t->got, out, (size_t)R * W, err);
}

/* Its result is in the type of activations. */
static int try_attention(const struct trial *t, struct tensor out, struct tensor in, struct err *err)
{
    const enum dtype real = device_dtype(t->device);
    uint16_t bits[R * W];
    twin_attention(t->want, t->in, 1, R, W / D, D, true, 0);
    int rc = attention(t->stream, out, in, NULL, W / D, true, 0, err);
    if (!rc)
        rc = tensor_read(t->stream, real == DTYPE_F32 ? (void *)t->got : bits, out, (size_t)R * W, err);
    for (size_t i = 0; real != DTYPE_F32 && i < (size_t)R * W; i++)
        t->got[i] = real == DTYPE_F16 ? f16_to_f32(bits[i]) : bf16_to_f32(bits[i]);
    return rc;
}

static const struct layer_trial {
    const char *layer;
    int (*run)(const struct trial *trial, struct tensor out, struct tensor in, struct err *err);
    size_t in_width, out_width; /* in is real, but of a norm */
    bool real_in, real_out;
} trials[DEVICE_CHECKS] = {
    {"matrix products", try_product, W, N, true, false},
    {"layer norms", try_norm, W, W, false, false},
    {"attention", try_attention, 3 * W, W, true, true},
};

static int run(double *difference, const struct layer_trial *layer, const struct trial *t, struct err *err)
{
    const enum dtype real = device_dtype(t->device), type = layer->real_in ? real : DTYPE_F32;
    const size_t count = R * layer->out_width, mark = stream_mark(t->stream);
    double largest = 0, worst = 0;
    struct tensor in, out;
    fill(t->in, R * layer->in_width, 1, type);
    int rc = tensor_new(&in, t->stream, type, SHAPE(1, R, layer->in_width), err);
    if (!rc)
        rc = layer->real_in ? tensor_write_real(t->stream, in, t->in, R * layer->in_width, err)
                            : tensor_write(t->stream, in, t->in, R * layer->in_width, err);
    if (!rc)
        rc = tensor_new(
            &out, t->stream, layer->real_out ? real : DTYPE_F32, SHAPE(1, R, layer->out_width), err);
    if (!rc)
        rc = layer->run(t, out, in, err);
    stream_rewind(t->stream, mark);
    for (size_t i = 0; i < count && !rc; i++) {
        const double off = fabs((double)t->got[i] - (double)t->want[i]), size = fabs((double)t->want[i]);
        largest = size > largest ? size : largest;
        worst = off <= worst ? worst : off; /* NaN is the worst */
    }
    *difference = worst / largest;
    return rc;
}

int device_check(struct device_check out[DEVICE_CHECKS], struct device *device, struct err *err)
{
    enum { BYTES = 1 << 20 };
    struct trial t = {.device = device};
    float *numbers = mem_new((size_t)R * 3 * W + (size_t)N * W + 2 * (size_t)R * W, sizeof *numbers);
    int rc = numbers ? stream_open(&t.stream, device, BYTES, err) : err_memory(err, 0);
    if (!rc) {
        t.in = numbers;
        t.weight = t.in + R * 3 * W;
        t.got = t.weight + N * W;
        t.want = t.got + R * W;
        fill(t.weight, (size_t)N * W, 2, device_dtype(device));
    }
    for (size_t i = 0; i < DEVICE_CHECKS && !rc; i++) {
        out[i].layer = trials[i].layer;
        rc = run(&out[i].difference, &trials[i], &t, err);
        out[i].right = out[i].difference <= device_tolerance(device);
    }
    stream_free(t.stream);
    free(numbers);
    return rc;
}
