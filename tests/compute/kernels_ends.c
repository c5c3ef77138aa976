// SPDX-License-Identifier: Apache-2.0
/* Gradients of the ends of the towers, and the contrastive losses. */
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

enum { B = 3, T = 7, W = 48 };

/* dtokens (B, T, W), and its sum over sequences on top of what is in sums (T, W). */
static float *sum_of_sequences(float *sums, uint64_t seed)
{
    float *dtokens = random_floats(B * T * W, seed);
    for (size_t i = 0; i < B * T * W; i++)
        sums[i % (T * W)] += dtokens[i];
    return dtokens;
}

void gradients_of_assembled_tokens_match(void **state)
{
    const struct bench *bench = *state;
    for (size_t class_tokens = 0; class_tokens < 2; class_tokens++) {
        const size_t kept = T - class_tokens, mark = stream_mark(bench->stream);
        float *dpositions = random_floats(T * W, 1), *dclass = random_floats(W, 2);
        float got[B * T * W], want[B * T * W];
        struct tensor dpatches;
        struct err err;
        put(bench, DTYPE_U8, "xyz", SHAPE(3)); /* so that no tensor begins at offset 0 */
        const struct tensor positions = put(bench, DTYPE_F32, dpositions, SHAPE(T, W)),
                            class_token = put(bench, DTYPE_F32, dclass, SHAPE(W));
        float *dtokens = sum_of_sequences(dpositions, 3);
        const struct tensor d = put(bench, DTYPE_F32, dtokens, SHAPE(B, T, W));
        check_ok(
            tensor_new(&dpatches, bench->stream, stream_dtype(bench->stream), SHAPE(B, kept, W), &err), &err);
        check_ok(assemble_tokens_backward(
                     bench->stream, dpatches, class_tokens ? class_token : none, positions, d, &err),
            &err);
        get_real(bench, got, positions, T * W);
        compare(got, dpositions, T * W, 4e-6, "gradient of positions");
        for (size_t i = 0; i < B * W * class_tokens; i++)
            dclass[i % W] += dtokens[i / W * T * W + i % W];
        get_real(bench, got, class_token, W);
        compare(got, dclass, W, 4e-6, "gradient of a class token");
        for (size_t b = 0; b < B; b++)
            memcpy(want + b * kept * W, dtokens + (b * T + class_tokens) * W, kept * W * sizeof *want);
        get_real(bench, got, dpatches, B * kept * W);
        compare(got, want, B * kept * W, tolerance(bench), "gradient of patches");
        free(dpositions), free(dclass), free(dtokens);
        stream_rewind(bench->stream, mark);
    }
}

void gradients_of_embedded_tokens_match(void **state)
{
    enum { V = 11 };
    /* An id that is everywhere, some that come once, some that never do. */
    static const int32_t ids[B * T] = {9, 1, 1, 4, 9, 9, 9, 9, 1, 0, 4, 9, 9, 9, 9, 9, 9, 9, 10, 9, 9};
    const struct bench *bench = *state;
    const size_t mark = stream_mark(bench->stream);
    float *dtable = random_floats(V * W, 1), *dpositions = random_floats((T + 2) * W, 2), got[V * W];
    struct id_rows rows;
    struct err err;
    put(bench, DTYPE_U8, "xyz", SHAPE(3));
    const struct tensor table = put(bench, DTYPE_F32, dtable, SHAPE(V, W)),
                        positions =
                            put(bench, DTYPE_F32, dpositions, SHAPE(T + 2, W)); /* two of longer texts */
    float *dtokens = sum_of_sequences(dpositions, 3);
    const struct tensor d = put(bench, DTYPE_F32, dtokens, SHAPE(B, T, W));
    check_ok(id_rows_new(&rows, bench->stream, ids, B * T, &err), &err);
    assert_int_equal(rows.count, 5);
    check_ok(embed_tokens_backward(bench->stream, table, positions, &rows, d, &err), &err);
    for (size_t i = 0; i < B * T * W; i++)
        dtable[(size_t)ids[i / W] * W + i % W] += dtokens[i];
    get_real(bench, got, table, V * W);
    compare(got, dtable, V * W, 4e-6, "gradient of a token table");
    get_real(bench, got, positions, (T + 2) * W);
    compare(got, dpositions, (T + 2) * W, 4e-6, "gradient of positions");
    free(dtable), free(dpositions), free(dtokens);
    stream_rewind(bench->stream, mark);
}

void gradients_of_pooled_rows_match(void **state)
{
    static const int32_t picked[B] = {6, 0, 3};
    const struct bench *bench = *state;
    /* A row of each, the first of each, the mean, that but for the first; the first two in both types of rows. */
    for (int way = 0; way < 6; way++) {
        const int kind = way % 4;
        const bool real = way >= 4;
        const size_t mark = stream_mark(bench->stream), first = (size_t)kind - 2;
        float *drows = random_floats(B * W, 1), got[B * T * W], want[B * T * W] = {0};
        struct tensor dtokens;
        struct err err;
        put(bench, DTYPE_U8, "xyz", SHAPE(3));
        const struct tensor d = real ? put_real(bench, drows, SHAPE(B, W))
                                     : put(bench, DTYPE_F32, drows, SHAPE(B, W)),
                            pick = put(bench, DTYPE_I32, picked, SHAPE(B));
        check_ok(tensor_new(&dtokens, bench->stream, d.dtype, SHAPE(B, T, W), &err), &err);
        if (kind < 2)
            check_ok(gather_rows_backward(bench->stream, dtokens, d, kind ? none : pick, &err), &err);
        else
            check_ok(mean_rows_backward(bench->stream, dtokens, d, first, &err), &err);
        for (size_t i = 0; i < B * T * W; i++) {
            const size_t b = i / (T * W), t = i / W % T;
            if (kind < 2)
                want[i] = t == (kind ? 0 : (size_t)picked[b]) ? drows[b * W + i % W] : 0;
            else
                want[i] = t < first ? 0 : drows[b * W + i % W] / (float)(T - first);
        }
        get_real(bench, got, dtokens, B * T * W);
        compare(got, want, B * T * W, 1e-6, "gradient of tokens that are pooled");
        free(drows);
        stream_rewind(bench->stream, mark);
    }
}

/* ---- losses -------------------------------------------------------------------------------------------- */

struct loss_shape {
    size_t batch, width;
    enum contrastive_loss loss;
    float smoothing;
    const uint8_t *fits; // (B, B), or NULL
};

static bool is_right(const struct loss_shape *shape, size_t i, size_t j)
{
    return shape->fits ? shape->fits[i * shape->batch + j] == FITS : i == j;
}

static bool is_left_out(const struct loss_shape *shape, size_t i, size_t j)
{
    return shape->fits && shape->fits[i * shape->batch + j] == FITS_UNKNOWN;
}

/* The sum of targets times logits of a picture, or of a text by column. */
static double aimed_at(const struct loss_shape *shape, const double *logits, size_t own, bool by_column)
{
    const size_t batch = shape->batch;
    double right = 0, of_right = 0, of_all = 0, compared = 0;
    for (size_t k = 0; k < batch; k++) {
        const size_t i = by_column ? k : own, j = by_column ? own : k;
        if (is_left_out(shape, i, j))
            continue;
        compared++;
        right += is_right(shape, i, j);
        of_right += is_right(shape, i, j) ? logits[i * batch + j] : 0;
        of_all += logits[i * batch + j];
    }
    return (1 - (double)shape->smoothing) * of_right / right + (double)shape->smoothing * of_all / compared;
}

/* log(sum(exp)) of `count` logits, `step` apart. */
static double log_sum_exp(const double *logits, size_t count, size_t step)
{
    double total = 0;
    for (size_t i = 0; i < count; i++)
        total += exp(logits[i * step]);
    return log(total);
}

/* out (1), the loss, of in: images (B, E), texts (B, E), the scale and the bias. */
static void loss_of(double *out, const double *in, const void *context)
{
    const struct loss_shape *shape = context;
    const size_t batch = shape->batch, width = shape->width, count = batch * width;
    const double scale = in[2 * count], bias = in[2 * count + 1];
    double *logits = calloc(batch * batch, sizeof *logits), sum = 0;
    for (size_t i = 0; i < batch * batch; i++)
        for (size_t e = 0; e < width; e++)
            logits[i] += scale * in[i / batch * width + e] * in[count + i % batch * width + e];
    for (size_t i = 0; i < batch * batch; i++)
        if (is_left_out(shape, i / batch, i % batch))
            logits[i] = -INFINITY;
    if (shape->loss == LOSS_SOFTMAX)
        for (size_t i = 0; i < batch; i++)
            sum += (log_sum_exp(logits + i * batch, batch, 1) + log_sum_exp(logits + i, batch, batch) -
                       aimed_at(shape, logits, i, false) - aimed_at(shape, logits, i, true)) /
                   2;
    else
        for (size_t i = 0; i < batch * batch; i++)
            sum += log(1 + exp((is_right(shape, i / batch, i % batch) ? -1 : 1) *
                               (logits[i] + bias))); /* 0 if left out */
    *out = sum / (double)batch;
    free(logits);
}

/* How many images are nearest to a text that is right. */
static size_t count_right(const float *images, const float *texts, const struct loss_shape *shape)
{
    const size_t batch = shape->batch, width = shape->width;
    size_t right = 0;
    for (size_t i = 0; i < batch; i++) {
        size_t nearest = 0;
        double best = -INFINITY;
        for (size_t j = 0; j < batch; j++) {
            double dot = 0;
            for (size_t e = 0; e < width; e++)
                dot += (double)images[i * width + e] * (double)texts[j * width + e];
            if (is_left_out(shape, i, j))
                continue;
            nearest = dot > best ? j : nearest;
            best = fmax(dot, best);
        }
        right += is_right(shape, i, nearest);
    }
    return right;
}

static void check_loss(const struct bench *bench, const struct loss_shape *shape)
{
    const size_t count = shape->batch * shape->width, mark = stream_mark(bench->stream);
    const struct loss_options options = {shape->loss, 3.5f, -1.25f, shape->smoothing, shape->fits, 1, false};
    float *in = random_floats(2 * count + 2, shape->batch), *want = malloc((2 * count + 2) * sizeof *want),
          *got = malloc(2 * count * sizeof *got), one = 1;
    double *wide = malloc((2 * count + 2) * sizeof *wide), loss;
    struct loss_report report;
    struct tensor dimages, dtexts;
    struct err err;
    for (size_t i = 0; i < 2 * count; i++) {
        in[i] /= sqrtf((float)shape->width);
        if (i >= count && i / shape->width % 2) /* half of the texts are near their images */
            in[i] = in[i - count] + in[i] * 0.1f;
    }
    in[2 * count] = options.scale;
    in[2 * count + 1] = options.bias;
    put(bench, DTYPE_U8, "xyz", SHAPE(3));
    const struct tensor images = put(bench, DTYPE_F32, in, SHAPE(shape->batch, shape->width)),
                        texts = put(bench, DTYPE_F32, in + count, images.shape);
    check_ok(tensor_new(&dimages, bench->stream, DTYPE_F32, images.shape, &err), &err);
    check_ok(tensor_new(&dtexts, bench->stream, DTYPE_F32, images.shape, &err), &err);
    check_ok(contrastive_loss(&report, bench->stream, dimages, dtexts, images, texts, &options, &err), &err);
    numeric_gradient(want, loss_of, shape, in, 2 * count + 2, &one, 1);
    get_real(bench, got, dimages, count);
    get_real(bench, got + count, dtexts, count);
    compare(got, want, count, 1e-5, "gradient of images");
    compare(got + count, want + count, count, 1e-5, "gradient of texts");
    for (size_t i = 0; i < 2 * count + 2; i++)
        wide[i] = (double)in[i];
    loss_of(&loss, wide, shape);
    assert_true(fabs(report.loss - loss) <= 4e-6 * fabs(loss));
    assert_true(fabs(report.dscale - (double)want[2 * count]) <= 1e-5 * fabs((double)want[2 * count]) + 1e-7);
    assert_true(fabs(report.dbias - (double)want[2 * count + 1]) <= 1e-5 * fabs((double)want[2 * count + 1]));
    assert_int_equal(report.right, count_right(in, in + count, shape));
    free(in), free(want), free(got), free(wide);
    stream_rewind(bench->stream, mark);
}

void contrastive_losses_match(void **state)
{
    static const size_t shapes[][2] = {{1, 16}, {5, 24}, {70, 8}};
    uint8_t fits[70 * 70], partial[70 * 70];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t batch = shapes[i][0];
        for (size_t k = 0; k < batch * batch; k++)
            partial[k] = fits[k] = k / batch == k % batch || random_at(7, k) % 5 == 0;
        for (size_t k = 0; k < batch * batch; k++)
            if (!fits[k] && random_at(8, k) % 4 == 0)
                partial[k] = FITS_UNKNOWN;
        const struct loss_shape ways[] = {{batch, shapes[i][1], LOSS_SOFTMAX, 0, NULL},
            {batch, shapes[i][1], LOSS_SOFTMAX, 0.25f, fits}, {batch, shapes[i][1], LOSS_SIGMOID, 0, NULL},
            {batch, shapes[i][1], LOSS_SIGMOID, 0, fits}, {batch, shapes[i][1], LOSS_SOFTMAX, 0.25f, partial},
            {batch, shapes[i][1], LOSS_SIGMOID, 0, partial}};
        for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
            if (work_fits(6 * batch * batch * shapes[i][1]))
                check_loss(*state, &ways[way]);
    }
}

/* ---- pooling by attention ------------------------------------------------------------------------------ */

struct pool_shape {
    size_t tokens, heads, width;
};

/* out (W), the context of in: the query (W), then keys and values (T, 2*W). */
static void attend(double *out, const double *in, const void *context)
{
    const struct pool_shape *shape = context;
    const size_t width = shape->width, d = width / shape->heads;
    for (size_t head = 0; head < shape->heads; head++) {
        const double *q = in + head * d, *kv = in + width + head * d;
        double total = 0;
        memset(out + head * d, 0, d * sizeof *out);
        for (size_t t = 0; t < shape->tokens; t++) {
            double score = 0;
            for (size_t i = 0; i < d; i++)
                score += q[i] * kv[t * 2 * width + i];
            total += exp(score);
            for (size_t i = 0; i < d; i++)
                out[head * d + i] += exp(score) * kv[t * 2 * width + width + i];
        }
        for (size_t i = 0; i < d; i++)
            out[head * d + i] /= total;
    }
}

static void check_pool(const struct bench *bench, size_t batch, const struct pool_shape *shape)
{
    const size_t tokens = shape->tokens, width = shape->width, of_kv = tokens * 2 * width,
                 all = width + of_kv, mark = stream_mark(bench->stream);
    float *in = random_floats(width + batch * of_kv, 1), *d = random_floats(batch * width, 2),
          *one = malloc(all * sizeof *one), *want = malloc(all * sizeof *want),
          *got = malloc((batch * (of_kv + width)) * sizeof *got);
    struct tensor dkv, dqueries;
    struct err err;
    const float scale = 1 / sqrtf((float)(width / shape->heads)); /* so that differences follow the softmax */
    put(bench, DTYPE_U8, "xyz", SHAPE(3));
    const struct tensor query = put(bench, DTYPE_F32, in, SHAPE(width)),
                        kv = put_real(bench, in + width, SHAPE(batch, tokens, 2 * width)),
                        dcontext = put_real(bench, d, SHAPE(batch, width));
    check_ok(tensor_new(&dkv, bench->stream, kv.dtype, kv.shape, &err), &err);
    check_ok(tensor_new(&dqueries, bench->stream, DTYPE_F32, dcontext.shape, &err), &err);
    check_ok(scale_floats(bench->stream, query, query, scale, &err), &err);
    for (size_t i = 0; i < width; i++)
        in[i] *= scale;
    check_ok(
        attend_once_backward(bench->stream, dkv, dqueries, dcontext, query, kv, shape->heads, &err), &err);
    get_real(bench, got, dkv, batch * of_kv);
    get_real(bench, got + batch * of_kv, dqueries, batch * width);
    for (size_t b = 0; b < batch; b++) {
        memcpy(one, in, width * sizeof *one);
        memcpy(one + width, in + width + b * of_kv, of_kv * sizeof *one);
        numeric_gradient(want, attend, shape, one, all, d + b * width, width);
        compare(got + b * of_kv, want + width, of_kv, 2 * tolerance(bench), "attend_once_backward by kv");
        compare(got + batch * of_kv + b * width, want, width, 1e-4, "attend_once_backward by the query");
    }
    free(in), free(d), free(one), free(want), free(got);
    stream_rewind(bench->stream, mark);
}

void gradients_of_attention_of_one_query_match(void **state)
{
    static const struct pool_shape shapes[] = {{5, 1, 8}, {7, 3, 24}, {50, 2, 32}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (work_fits(4 * shapes[i].tokens * shapes[i].width))
            check_pool(*state, 3, &shapes[i]);
}
