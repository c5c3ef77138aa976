// SPDX-License-Identifier: Apache-2.0
/* Gradients of the layers against differences of their forward passes. */
#include "compute/train/train.h"
#include "tests/compute/kernels.h"
#include "tests/compute/numeric.h"
#include "tests/support/work.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tensor none = {0};

/* ---- layer norm ---------------------------------------------------------------------------------------- */

struct norm_row {
    size_t width;
    const float *x, *gamma, *beta;
};

/* out (W) = the norm of in (W) */
static void norm_of_row(double *out, const double *in, const void *context)
{
    const struct norm_row *row = context;
    double mean = 0, variance = 0;
    for (size_t i = 0; i < row->width; i++)
        mean += in[i] / (double)row->width;
    for (size_t i = 0; i < row->width; i++)
        variance += (in[i] - mean) * (in[i] - mean) / (double)row->width;
    for (size_t i = 0; i < row->width; i++)
        out[i] = (in[i] - mean) / sqrt(variance + 1e-5) * (double)row->gamma[i] + (double)row->beta[i];
}

/* want_gamma and want_beta (W) of dy, x (R, W), on top of what is there. */
static void twin_norm_parameters(
    float *want_gamma, float *want_beta, const float *dy, const float *x, size_t rows, size_t width)
{
    double *normed = malloc(width * sizeof *normed), *wide = malloc(width * sizeof *wide);
    float *ones = malloc(width * sizeof *ones), *zeros = calloc(width, sizeof *zeros);
    double *gamma = calloc(width, sizeof *gamma), *beta = calloc(width, sizeof *beta);
    const struct norm_row plain = {width, NULL, ones, zeros};
    for (size_t i = 0; i < width; i++)
        ones[i] = 1;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < width; i++)
            wide[i] = (double)x[r * width + i];
        norm_of_row(normed, wide, &plain);
        for (size_t i = 0; i < width; i++) {
            gamma[i] += (double)dy[r * width + i] * normed[i];
            beta[i] += (double)dy[r * width + i];
        }
    }
    for (size_t i = 0; i < width; i++) {
        want_gamma[i] = (float)((double)want_gamma[i] + gamma[i]);
        want_beta[i] = (float)((double)want_beta[i] + beta[i]);
    }
    free(normed), free(wide), free(ones), free(zeros), free(gamma), free(beta);
}

static void check_norm(const struct bench *bench, size_t rows, size_t width, bool dy_real, bool accumulate)
{
    const size_t count = rows * width, mark = stream_mark(bench->stream);
    float *x = random_floats(count, 1), *dy = random_floats(count, 2), *want = random_floats(count, 3),
          *gamma = random_floats(width, 4), *beta = random_floats(width, 5),
          *dgamma = random_floats(width, 6), *dbeta = random_floats(width, 7),
          *got = malloc(count * sizeof *got), *row = malloc(width * sizeof *row);
    struct err err;
    put(bench, DTYPE_U8, "xyz", SHAPE(3)); /* so that no tensor begins at offset 0 */
    const struct tensor in = put(bench, DTYPE_F32, x, SHAPE(rows, width)),
                        dx = put(bench, DTYPE_F32, want, in.shape),
                        d = dy_real ? put_real(bench, dy, in.shape) : put(bench, DTYPE_F32, dy, in.shape);
    const struct norm_tensors values = {put(bench, DTYPE_F32, gamma, SHAPE(width)), none},
                              gradients = {put(bench, DTYPE_F32, dgamma, SHAPE(width)),
                                  put(bench, DTYPE_F32, dbeta, SHAPE(width))};
    check_ok(
        layer_norm_backward(bench->stream, dx, &gradients, d, in, &values, 1e-5f, accumulate, &err), &err);
    for (size_t r = 0; r < rows; r++) {
        const struct norm_row here = {width, NULL, gamma, beta};
        numeric_gradient(row, norm_of_row, &here, x + r * width, width, dy + r * width, width);
        for (size_t i = 0; i < width; i++)
            want[r * width + i] = row[i] + (accumulate ? want[r * width + i] : 0);
    }
    twin_norm_parameters(dgamma, dbeta, dy, x, rows, width);
    get_real(bench, got, dx, count);
    compare(got, want, count, 1e-5, "layer_norm_backward by x");
    get_real(bench, got, gradients.gamma, width);
    compare(got, dgamma, width, 1e-5, "layer_norm_backward by gamma");
    get_real(bench, got, gradients.beta, width);
    compare(got, dbeta, width, 1e-5, "layer_norm_backward by beta");
    free(x), free(dy), free(want), free(gamma), free(beta), free(dgamma), free(dbeta), free(got), free(row);
    stream_rewind(bench->stream, mark);
}

/* Fewer rows than chunks of them, and more; a row wider than a group of 64 lanes takes at once. */
void layer_norm_gradients_match(void **state)
{
    static const size_t shapes[][2] = {{1, 16}, {7, 48}, {150, 80}, {3, 1040}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int way = 0; way < 4; way++)
            if (work_fits(shapes[i][0] * shapes[i][1] * 2))
                check_norm(*state, shapes[i][0], shapes[i][1], way & 1, way & 2);
}

/* ---- L2 normalisation ---------------------------------------------------------------------------------- */

static void unit_row(double *out, const double *in, const void *context)
{
    const size_t width = *(const size_t *)context;
    double squares = 0;
    for (size_t i = 0; i < width; i++)
        squares += in[i] * in[i];
    for (size_t i = 0; i < width; i++)
        out[i] = in[i] / sqrt(squares);
}

void gradients_of_normalised_rows_match(void **state)
{
    const struct bench *bench = *state;
    static const size_t widths[] = {1, 24, 100};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        const size_t rows = 5, width = widths[w], count = rows * width, mark = stream_mark(bench->stream);
        float *x = random_floats(count, 1), *dy = random_floats(count, 2), *got = malloc(count * sizeof *got),
              *want = calloc(count, sizeof *want);
        struct err err;
        memset(x + 2 * width, 0, width * sizeof *x); /* its gradient is zeros, not NaN */
        const struct tensor in = put(bench, DTYPE_F32, x, SHAPE(rows, width)),
                            d = put(bench, DTYPE_F32, dy, SHAPE(rows, width));
        check_ok(normalize_rows_backward(bench->stream, d, d, in, &err), &err);
        get_real(bench, got, d, count);
        for (size_t r = 0; r < rows; r++)
            if (r != 2)
                numeric_gradient(
                    want + r * width, unit_row, &width, x + r * width, width, dy + r * width, width);
        if (width == 1) /* a sign has no slope */
            for (size_t i = 0; i < count; i++)
                assert_true(fabs((double)got[i]) < 1e-6);
        else
            compare(got, want, count, 1e-5, "normalize_rows_backward");
        free(x), free(dy), free(got), free(want);
        stream_rewind(bench->stream, mark);
    }
}

/* ---- activations --------------------------------------------------------------------------------------- */

static double activated(double x, enum activation activation)
{
    switch (activation) {
    case ACTIVATION_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    case ACTIVATION_GELU:
        return x / 2 * (1 + erf(x / sqrt(2)));
    case ACTIVATION_GELU_TANH:
        return x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
    case ACTIVATION_RELU:
        return fmax(x, 0);
    default:
        return x;
    }
}

/* out (1) of in (1) */
static void activated_one(double *out, const double *in, const void *context)
{
    *out = activated(*in, *(const enum activation *)context);
}

static void check_activation(const struct bench *bench, size_t count, enum activation which)
{
    const size_t mark = stream_mark(bench->stream);
    float *x = random_floats(count, 1), *dy = random_floats(count, 2), *got = malloc(count * sizeof *got),
          *want = malloc(count * sizeof *want), *want_d = malloc(count * sizeof *want_d);
    struct tensor out;
    struct err err;
    for (size_t i = 0; i < count; i++)
        x[i] *= i % 3 == 1 ? 8 : 1; /* where slopes are nearly 0 or 1, too */
    put(bench, DTYPE_U8, "xyz", SHAPE(3));
    const struct tensor in = put_real(bench, x, SHAPE(count)), d = put_real(bench, dy, SHAPE(count));
    for (size_t i = 0; i < count; i++) {
        numeric_gradient(&want_d[i], activated_one, &which, &x[i], 1, &dy[i], 1);
        want[i] = (float)activated((double)x[i], which);
    }
    check_ok(tensor_new(&out, bench->stream, in.dtype, in.shape, &err), &err);
    check_ok(activate(bench->stream, out, in, which, &err), &err);
    get_real(bench, got, out, count);
    compare(got, want, count, tolerance(bench), "activate");
    check_ok(activation_backward(bench->stream, d, in, which, &err), &err);
    get_real(bench, got, in, count);
    compare(got, want, count, tolerance(bench), "what activation_backward leaves of x");
    get_real(bench, got, d, count);
    compare(got, want_d, count, tolerance(bench), "activation_backward");
    free(x), free(dy), free(got), free(want), free(want_d);
    stream_rewind(bench->stream, mark);
}

void activation_gradients_match(void **state)
{
    static const size_t counts[] = {1, 15, 16, 1500};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int which = ACTIVATION_NONE; which <= ACTIVATION_RELU; which++)
            if (work_fits(counts[i]))
                check_activation(*state, counts[i], (enum activation)which);
}

/* ---- products ------------------------------------------------------------------------------------------ */

/* Whether the provider multiplies activations; where not, it has to say so. */
static bool multiplied(const struct bench *bench, int rc, const struct err *err)
{
    const bool can =
        stream_dtype(bench->stream) == DTYPE_F32 ||
        (stream_dtype(bench->stream) == DTYPE_BF16 && strcmp(device_gemm(bench->device), "clblast"));
    if (can)
        check_ok(rc, err);
    else
        assert_int_equal(rc, ERR_UNSUPPORTED);
    return can;
}

struct attention_shape {
    size_t tokens, heads, width;
    bool causal;
};

/* context (T, W) of qkv (T, 3, H, D) */
static void attend(double *context, const double *qkv, const void *shape_of)
{
    const struct attention_shape *shape = shape_of;
    const size_t t = shape->tokens, w = shape->width, d = w / shape->heads;
    double *weight = malloc(t * sizeof *weight);
    for (size_t head = 0; head < shape->heads; head++)
        for (size_t query = 0; query < t; query++) {
            const size_t seen = shape->causal ? query + 1 : t;
            double total = 0;
            for (size_t key = 0; key < seen; key++) {
                double score = 0;
                for (size_t i = head * d; i < (head + 1) * d; i++)
                    score += qkv[query * 3 * w + i] * qkv[key * 3 * w + w + i];
                total += weight[key] = exp(score / sqrt((double)d));
            }
            for (size_t i = head * d; i < (head + 1) * d; i++) {
                context[query * w + i] = 0;
                for (size_t key = 0; key < seen; key++)
                    context[query * w + i] += weight[key] / total * qkv[key * 3 * w + 2 * w + i];
            }
        }
    free(weight);
}

static void check_attention(const struct bench *bench, size_t batch, const struct attention_shape *shape)
{
    const size_t rows = shape->tokens, inputs = rows * 3 * shape->width, outputs = rows * shape->width,
                 mark = stream_mark(bench->stream);
    float *x = random_floats(batch * inputs, 1), *dy = random_floats(batch * outputs, 2),
          *got = malloc(batch * inputs * sizeof *got), *want = malloc(batch * inputs * sizeof *want);
    struct tensor dqkv;
    struct err err;
    put(bench, DTYPE_U8, "xyz", SHAPE(3));
    const struct tensor qkv = put_real(bench, x, SHAPE(batch, rows, 3 * shape->width)),
                        d = put_real(bench, dy, SHAPE(batch, rows, shape->width));
    check_ok(tensor_new(&dqkv, bench->stream, qkv.dtype, qkv.shape, &err), &err);
    const int rc = attention_backward(bench->stream, dqkv, d, qkv, shape->heads, shape->causal, &err);
    if (multiplied(bench, rc, &err)) {
        for (size_t b = 0; b < batch; b++)
            numeric_gradient(
                want + b * inputs, attend, shape, x + b * inputs, inputs, dy + b * outputs, outputs);
        get_real(bench, got, dqkv, batch * inputs);
        compare(got, want, batch * inputs, 2 * tolerance(bench), "attention_backward");
    }
    free(x), free(dy), free(got), free(want);
    stream_rewind(bench->stream, mark);
}

void attention_gradients_match(void **state)
{
    static const struct attention_shape shapes[] = {
        {1, 1, 16, false}, {5, 2, 16, false}, {5, 2, 16, true}, {19, 1, 16, true}, {37, 1, 16, false}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (work_fits(2 * shapes[i].tokens * shapes[i].tokens * shapes[i].width))
            check_attention(*state, 2, &shapes[i]);
}

static void check_affine(const struct bench *bench, size_t rows, size_t n, size_t k, bool has_bias)
{
    const size_t mark = stream_mark(bench->stream);
    float *x = random_floats(rows * k, 1), *w = random_floats(n * k, 2), *dy = random_floats(rows * n, 3),
          *dw = random_floats(n * k, 4), *db = random_floats(n, 5), *b = random_floats(n, 6),
          *want = malloc((rows + 1) * (n + k) * sizeof *want),
          *got = malloc((rows + n) * (n + k) * sizeof *got);
    struct tensor out, din;
    struct err err;
    put(bench, DTYPE_U8, "xyz", SHAPE(3));
    const struct tensor in = put_real(bench, x, SHAPE(rows, k)), d = put_real(bench, dy, SHAPE(rows, n)),
                        bias = has_bias ? put(bench, DTYPE_F32, b, SHAPE(n)) : none;
    const struct affine_tensors values = {.weight = put_real(bench, w, SHAPE(n, k)), .bias = bias},
                                gradients = {.weight = put(bench, DTYPE_F32, dw, SHAPE(n, k)),
                                    .bias = has_bias ? put(bench, DTYPE_F32, db, SHAPE(n)) : none};
    check_ok(tensor_new(&out, bench->stream, DTYPE_F32, SHAPE(rows, n), &err), &err);
    check_ok(tensor_new(&din, bench->stream, in.dtype, in.shape, &err), &err);
    if (!multiplied(bench, affine_forward(bench->stream, out, in, &values, false, &err), &err))
        goto done;
    check_ok(affine_backward(bench->stream, din, &gradients, d, in, &values, &err), &err);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < n; j++) {
            double sum = has_bias ? (double)b[j] : 0;
            for (size_t i = 0; i < k; i++)
                sum += (double)x[r * k + i] * (double)w[j * k + i];
            want[r * n + j] = (float)sum;
        }
    get_real(bench, got, out, rows * n);
    compare(got, want, rows * n, tolerance(bench), "affine_forward");
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < k; i++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++)
                sum += (double)dy[r * n + j] * (double)w[j * k + i];
            want[r * k + i] = (float)sum;
        }
    get_real(bench, got, din, rows * k);
    compare(got, want, rows * k, tolerance(bench), "affine_backward by x");
    for (size_t j = 0; j < n; j++)
        for (size_t r = 0; r < rows; r++) {
            db[j] += dy[r * n + j];
            for (size_t i = 0; i < k; i++)
                dw[j * k + i] += dy[r * n + j] * x[r * k + i];
        }
    get_real(bench, got, gradients.weight, n * k);
    compare(got, dw, n * k, 1e-5, "affine_backward by weight");
    if (has_bias) {
        get_real(bench, got, gradients.bias, n);
        compare(got, db, n, 1e-5, "affine_backward by bias");
    }
done:
    free(x), free(w), free(dy), free(dw), free(db), free(b), free(want), free(got);
    stream_rewind(bench->stream, mark);
}

void affine_gradients_match(void **state)
{
    static const size_t shapes[][3] = {{1, 1, 1}, {5, 33, 17}, {150, 48, 80}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int has_bias = 0; has_bias < 2; has_bias++)
            if (work_fits(3 * shapes[i][0] * shapes[i][1] * shapes[i][2]))
                check_affine(*state, shapes[i][0], shapes[i][1], shapes[i][2], has_bias);
}
