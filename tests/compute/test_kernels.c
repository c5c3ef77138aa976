// SPDX-License-Identifier: Apache-2.0
/* Every layer on the device against its twin, for each GEMM provider and precision, and with the kernels in
 * the shapes of a CPU and of a GPU on whatever device there is. */
#include "compute/gemm/amx.h"
#include "compute/internal.h"
#include "tests/compute/twins.h"
#include "tests/support/thread_count.h"
#include "tests/support/work.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
    struct device *device;
    struct stream *stream;
};

/* Relative to the largest value: a float32 sum in another order, or one rounding to 16 bits on the way in and
 * out. */
static double tolerance(const struct bench *bench)
{
    static const double tolerances[PRECISION_COUNT] = {4e-6, 1e-2, 1.2e-3};
    return tolerances[device_precision(bench->device)];
}

static void check_ok(int rc, const struct err *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

static void compare(const float *got, const float *want, size_t count, double relative, const char *what)
{
    double largest = 0, worst = 0;
    size_t where = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)got[i] - want[i]);
        if (!(difference <= worst)) {
            worst = difference;
            where = i;
        }
    }
    if (!(worst <= relative * largest))
        fail_msg("%s: element %zu of %zu is %.9g, not %.9g; the largest difference is %.3g, allowed %.3g",
            what, where, count, (double)got[where], (double)want[where], worst, relative * largest);
}

/* Values as the stream's real type has them: bits receives them in 16 bits where it does, values rounded. */
static void round_real(const struct bench *bench, float *values, uint16_t *bits, size_t count)
{
    const enum dtype real = stream_dtype(bench->stream);
    for (size_t i = 0; i < count && real != DTYPE_F32; i++) {
        bits[i] = real == DTYPE_F16 ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
        values[i] = real == DTYPE_F16 ? f16_to_f32(bits[i]) : bf16_to_f32(bits[i]);
    }
}

/* Host floats to the device as the stream's real type; what the device then holds is left in values. */
static struct tensor put_real(const struct bench *bench, float *values, struct shape shape)
{
    const enum dtype real = stream_dtype(bench->stream);
    const size_t count = shape_count(shape);
    uint16_t *bits = malloc(count * sizeof *bits);
    struct tensor t;
    struct err err;
    round_real(bench, values, bits, count);
    check_ok(tensor_new(&t, bench->stream, real, shape, &err), &err);
    check_ok(tensor_write(bench->stream, t, real == DTYPE_F32 ? (void *)values : bits, count, &err), &err);
    free(bits);
    return t;
}

static void get_real(const struct bench *bench, float *values, struct tensor t, size_t count)
{
    uint16_t *bits = malloc(count * sizeof *bits);
    struct err err;
    check_ok(tensor_read(bench->stream, t.dtype == DTYPE_F32 ? (void *)values : bits, t, count, &err), &err);
    for (size_t i = 0; i < count && t.dtype != DTYPE_F32; i++)
        values[i] = t.dtype == DTYPE_F16 ? f16_to_f32(bits[i]) : bf16_to_f32(bits[i]);
    free(bits);
}

static struct tensor put(const struct bench *bench, enum dtype dtype, const void *values, struct shape shape)
{
    struct tensor t;
    struct err err;
    check_ok(tensor_new(&t, bench->stream, dtype, shape, &err), &err);
    check_ok(tensor_write(bench->stream, t, values, shape_count(shape), &err), &err);
    return t;
}

static float *random_floats(size_t count, uint64_t seed)
{
    float *values = malloc(count * sizeof *values);
    fill_random(values, count, seed);
    return values;
}

static void layer_norm_matches(void **state)
{
    const struct bench *bench = *state;
    static const size_t widths[] = {16, 48, 192, 768, 1280, 1664};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int real = 0; real < 2; real++) {
            const size_t rows = 7, width = widths[w], count = rows * width, mark = stream_mark(bench->stream);
            float *in = random_floats(count, w), *gamma = random_floats(width, 2),
                  *beta = random_floats(width, 3);
            float *want = malloc(count * sizeof *want), *got = malloc(count * sizeof *got);
            for (size_t i = 0; i < width; i++)
                in[i] = in[i] * 1e-3f + 100; /* a row far from zero: one-pass variances fail on it */
            struct err err;
            const struct tensor x = put(bench, DTYPE_F32, in, SHAPE(rows, width)),
                                g = put(bench, DTYPE_F32, gamma, SHAPE(width)),
                                b = put(bench, DTYPE_F32, beta, SHAPE(width));
            struct tensor out;
            check_ok(tensor_new(
                         &out, bench->stream, real ? stream_dtype(bench->stream) : DTYPE_F32, x.shape, &err),
                &err);
            check_ok(layer_norm(bench->stream, out, x, g, b, 1e-5f, &err), &err);
            get_real(bench, got, out, count);
            twin_layer_norm(want, in, gamma, beta, rows, width, 1e-5);
            compare(got + width, want + width, count - width, real ? tolerance(bench) : 4e-6, "layer_norm");
            compare(
                got, want, width, real ? tolerance(bench) + 1e-2 : 1e-2, "layer_norm of a row far from zero");
            free(in), free(gamma), free(beta), free(want), free(got);
            stream_rewind(bench->stream, mark);
        }
}

static void attention_matches(void **state)
{
    const struct bench *bench = *state;
    static const struct {
        size_t batch, tokens, heads, head_width;
        bool causal;
        size_t unseen;
    } cases[] = {
        {1, 1, 1, 8, false, 0},
        {1, 1, 2, 64, true, 0},
        {2, 5, 3, 16, true, 0},
        {3, 16, 2, 64, false, 0},
        {2, 17, 2, 64, true, 0},
        {2, 50, 12, 64, false, 0},
        {1, 77, 8, 64, true, 0},
        {1, 257, 2, 80, false, 0},
        {1, 33, 2, 104, false, 0},
        {1, 31, 1, 128, true, 0},
        {1, 34, 1, 24, true, 0},
        {2, 2, 1, 8, true, 1},
        {2, 33, 2, 64, true, 1},
        {2, 50, 2, 64, true, 20},
        {1, 65, 1, 24, false, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t width = cases[i].heads * cases[i].head_width, rows = cases[i].batch * cases[i].tokens;
        if (!work_fits(rows * cases[i].tokens * width / 16)) /* in vectors */
            continue;
        const size_t mark = stream_mark(bench->stream);
        float *qkv = random_floats(rows * 3 * width, i), *want = malloc(rows * width * sizeof *want),
              *got = malloc(rows * width * sizeof *got);
        struct err err;
        char what[96];
        const struct tensor in = put_real(bench, qkv, SHAPE(cases[i].batch, cases[i].tokens, 3 * width));
        struct tensor out;
        check_ok(tensor_new(&out, bench->stream, stream_dtype(bench->stream),
                     SHAPE(cases[i].batch, cases[i].tokens, width), &err),
            &err);
        check_ok(
            attention(bench->stream, out, in, NULL, cases[i].heads, cases[i].causal, cases[i].unseen, &err),
            &err);
        get_real(bench, got, out, rows * width);
        twin_attention(want, qkv, cases[i].batch, cases[i].tokens, cases[i].heads, cases[i].head_width,
            cases[i].causal, cases[i].unseen);
        snprintf(what, sizeof what, "attention of %zu tokens, head width %zu", cases[i].tokens,
            cases[i].head_width);
        compare(got, want, rows * width, tolerance(bench), what);
        free(qkv), free(want), free(got);
        stream_rewind(bench->stream, mark);
    }
}

/* Sequences of different lengths side by side are what each is alone. */
static void attention_of_sequences_matches(void **state)
{
    const struct bench *bench = *state;
    enum { COUNT = 5, ROWS = 121, HEADS = 3, HEAD_WIDTH = 24, WIDTH = HEADS * HEAD_WIDTH };
    static const int32_t starts[COUNT + 1] = {0, 1, 34, 50, 118, ROWS};
    const size_t mark = stream_mark(bench->stream);
    float *qkv = random_floats(ROWS * 3 * WIDTH, 3), *query = random_floats(WIDTH, 4),
          *want = malloc(ROWS * WIDTH * sizeof *want), *got = malloc(ROWS * WIDTH * sizeof *got);
    const struct tensor in = put_real(bench, qkv, SHAPE(1, ROWS, 3 * WIDTH)),
                        kv = tensor_view(in, SHAPE(1, ROWS, 2 * WIDTH));
    const struct sequences sequences = {COUNT, 68, starts, put(bench, DTYPE_I32, starts, SHAPE(COUNT + 1))};
    const struct sequences from_second = {
        COUNT - 1, 68, starts + 1, put(bench, DTYPE_I32, starts + 1, SHAPE(COUNT))};
    const enum dtype real = stream_dtype(bench->stream);
    struct tensor context, pooled;
    struct err err;
    for (size_t i = 0; i < WIDTH; i++)
        query[i] /= 4;
    check_ok(tensor_new(&context, bench->stream, real, SHAPE(1, ROWS, WIDTH), &err), &err);
    check_ok(tensor_new(&pooled, bench->stream, real, SHAPE(COUNT, WIDTH), &err), &err);
    check_ok(attention(bench->stream, context, in, &from_second, HEADS, true, 1, &err), &err);
    get_real(bench, got, context, ROWS * WIDTH);
    for (size_t i = 1; i < COUNT; i++)
        twin_attention(want + starts[i] * WIDTH, qkv + starts[i] * 3 * WIDTH, 1,
            (size_t)(starts[i + 1] - starts[i]), HEADS, HEAD_WIDTH, true, 1);
    compare(got + starts[1] * WIDTH, want + starts[1] * WIDTH, (size_t)(ROWS - starts[1]) * WIDTH,
        tolerance(bench), "causal attention of sequences, the last token unseen");

    check_ok(attention(bench->stream, context, in, &sequences, HEADS, false, 0, &err), &err);
    get_real(bench, got, context, ROWS * WIDTH);
    for (size_t i = 0; i < COUNT; i++)
        twin_attention(want + starts[i] * WIDTH, qkv + starts[i] * 3 * WIDTH, 1,
            (size_t)(starts[i + 1] - starts[i]), HEADS, HEAD_WIDTH, false, 0);
    compare(got, want, ROWS * WIDTH, tolerance(bench), "attention of sequences");

    check_ok(attend_once(bench->stream, pooled, put(bench, DTYPE_F32, query, SHAPE(WIDTH)), kv, &sequences,
                 HEADS, &err),
        &err);
    get_real(bench, got, pooled, COUNT * WIDTH);
    for (size_t i = 0; i < COUNT; i++)
        twin_attend_once(want + i * WIDTH, query, qkv + starts[i] * 2 * WIDTH, 1,
            (size_t)(starts[i + 1] - starts[i]), HEADS, HEAD_WIDTH);
    compare(got, want, COUNT * WIDTH, tolerance(bench), "attend_once of sequences");
    free(qkv), free(query), free(want), free(got);
    stream_rewind(bench->stream, mark);
}

/* More keys than lanes, fewer, and no multiple of them. */
static void attend_once_matches(void **state)
{
    const struct bench *bench = *state;
    static const struct {
        size_t batch, tokens, heads, head_width;
    } cases[] = {
        {1, 1, 1, 8}, {3, 5, 2, 24}, {2, 64, 3, 64}, {2, 196, 12, 64}, {1, 257, 2, 72}, {1, 130, 1, 128}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t batch = cases[i].batch, tokens = cases[i].tokens,
                     width = cases[i].heads * cases[i].head_width, count = batch * tokens * 2 * width;
        if (!work_fits(count / 16)) /* in vectors */
            continue;
        const size_t mark = stream_mark(bench->stream);
        float *query = random_floats(width, i), *kv = random_floats(count, i + 1),
              *want = malloc(batch * width * sizeof *want), *got = malloc(batch * width * sizeof *got);
        struct err err;
        const struct tensor in = put_real(bench, kv, SHAPE(batch, tokens, 2 * width));
        struct tensor out;
        for (size_t n = 0; n < width; n++)
            query[n] /= 4;
        check_ok(
            tensor_new(&out, bench->stream, stream_dtype(bench->stream), SHAPE(batch, width), &err), &err);
        check_ok(attend_once(bench->stream, out, put(bench, DTYPE_F32, query, SHAPE(width)), in, NULL,
                     cases[i].heads, &err),
            &err);
        get_real(bench, got, out, batch * width);
        twin_attend_once(want, query, kv, batch, tokens, cases[i].heads, cases[i].head_width);
        compare(got, want, batch * width, tolerance(bench), "attend_once");
        free(query), free(kv), free(want), free(got);
        stream_rewind(bench->stream, mark);
    }
}

static void pairs_turn(void **state)
{
    const struct bench *bench = *state;
    static const struct {
        size_t batch, tokens, heads, head_width;
    } cases[] = {{1, 1, 1, 16}, {2, 5, 3, 32}, {2, 17, 3, 64}, {1, 9, 16, 96}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t batch = cases[i].batch, tokens = cases[i].tokens, head_width = cases[i].head_width;
        const size_t row = 3 * cases[i].heads * head_width, count = batch * tokens * row;
        const size_t mark = stream_mark(bench->stream);
        float *qkv = random_floats(count, i), *rotation = random_floats(tokens * head_width, i + 1),
              *got = malloc(count * sizeof *got);
        struct err err;
        const struct tensor in = put_real(bench, qkv, SHAPE(batch, tokens, row));
        check_ok(rotate_pairs(bench->stream, in, put(bench, DTYPE_F32, rotation, SHAPE(tokens, head_width)),
                     cases[i].heads, &err),
            &err);
        get_real(bench, got, in, count);
        twin_rotate_pairs(qkv, rotation, batch, tokens, cases[i].heads, head_width);
        compare(got, qkv, count, tolerance(bench), "rotate_pairs");
        free(qkv), free(rotation), free(got);
        stream_rewind(bench->stream, mark);
    }
}

/* Widths that 16 divide, and that of EVA-02's MLP. */
static void gates_and_inner_norms_match(void **state)
{
    const struct bench *bench = *state;
    static const size_t widths[] = {1, 15, 16, 48, 2730};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        const size_t rows = 5, width = widths[w], count = rows * width, mark = stream_mark(bench->stream);
        float *both = random_floats(2 * count, w), *gamma = random_floats(width, 2),
              *beta = random_floats(width, 3);
        float *want = malloc(count * sizeof *want), *normed = malloc(count * sizeof *normed),
              *got = malloc(count * sizeof *got);
        struct err err;
        struct tensor out;
        put(bench, DTYPE_U8, "xyz", SHAPE(3)); /* so that no tensor begins at offset 0 */
        const struct tensor in = put_real(bench, both, SHAPE(rows, 2 * width)),
                            g = put(bench, DTYPE_F32, gamma, SHAPE(width)),
                            b = put(bench, DTYPE_F32, beta, SHAPE(width));
        check_ok(
            tensor_new(&out, bench->stream, stream_dtype(bench->stream), SHAPE(rows, width), &err), &err);
        check_ok(gate(bench->stream, out, in, &err), &err);
        get_real(bench, got, out, count);
        twin_gate(want, both, rows, width);
        compare(got, want, count, tolerance(bench), "gate");

        check_ok(inner_norm(bench->stream, out, g, b, 1e-5f, &err), &err);
        twin_layer_norm(normed, got, gamma, beta, rows, width, 1e-5);
        get_real(bench, got, out, count);
        compare(got, normed, count, tolerance(bench), "inner_norm");
        free(both), free(gamma), free(beta), free(want), free(normed), free(got);
        stream_rewind(bench->stream, mark);
    }
}

/* Of sequences of several lengths in one (1, R, W), whose elements are `tokens`. */
static void check_means(const struct bench *bench, const float *tokens, struct tensor in, size_t first)
{
    enum { B = 3 };
    const size_t width = tensor_width(in);
    const int32_t starts[B + 1] = {0, 2, 14, (int32_t)tensor_rows(in)};
    const struct sequences sequences = {.count = B,
        .longest = 12,
        .host_starts = starts,
        .starts = put(bench, DTYPE_I32, starts, SHAPE(B + 1))};
    float *got = malloc(B * width * sizeof *got), *want = malloc(B * width * sizeof *want);
    struct tensor rows;
    struct err err;
    check_ok(tensor_new(&rows, bench->stream, DTYPE_F32, SHAPE(B, width), &err), &err);
    check_ok(mean_rows(bench->stream, rows, in, &sequences, first, &err), &err);
    get_real(bench, got, rows, B * width);
    for (size_t b = 0; b < B; b++)
        twin_mean_rows(want + b * width, tokens + (size_t)starts[b] * width, 1,
            (size_t)(starts[b + 1] - starts[b]), width, first);
    compare(got, want, B * width, 4e-6, "mean_rows of sequences");
    free(got), free(want);
}

static void rows_are_added_and_averaged(void **state)
{
    const struct bench *bench = *state;
    for (size_t first = 0; first < 2; first++) {
        const size_t batch = 3, tokens = 7, width = 48, count = batch * tokens * width;
        const size_t mark = stream_mark(bench->stream);
        float *x = random_floats(count, 1), *y = random_floats(count, 2), *got = malloc(count * sizeof *got),
              *mean = malloc(batch * width * sizeof *mean);
        struct err err;
        struct tensor rows;
        const struct tensor to = put(bench, DTYPE_F32, x, SHAPE(batch, tokens, width));
        check_ok(add_rows(bench->stream, to, put(bench, DTYPE_F32, y, to.shape), &err), &err);
        get_real(bench, got, to, count);
        for (size_t i = 0; i < count; i++)
            x[i] += y[i];
        assert_memory_equal(got, x, count * sizeof *got);

        check_ok(tensor_new(&rows, bench->stream, DTYPE_F32, SHAPE(batch, width), &err), &err);
        check_ok(mean_rows(bench->stream, rows, to, NULL, first, &err), &err);
        get_real(bench, got, rows, batch * width);
        twin_mean_rows(mean, x, batch, tokens, width, first);
        compare(got, mean, batch * width, 4e-6, "mean_rows");
        check_means(bench, x, tensor_view(to, SHAPE(1, batch * tokens, width)), first);
        free(x), free(y), free(got), free(mean);
        stream_rewind(bench->stream, mark);
    }
}

static void check_linear(const struct bench *bench, size_t rows, size_t n, size_t k, enum epilogue epilogue,
    bool has_bias, bool real_out)
{
    if (!work_fits(rows * n * k))
        return;
    const size_t mark = stream_mark(bench->stream);
    float *x = random_floats(rows * k, rows), *w = random_floats(n * k, n), *b = random_floats(n, k);
    float *want = random_floats(rows * n, 5), *got = malloc(rows * n * sizeof *got);
    uint16_t *bits = malloc(n * k * sizeof *bits);
    struct linear *linear;
    struct err err;
    struct tensor in, out;
    char what[96];

    for (size_t i = 0; i < n * k; i++)
        w[i] /= sqrtf((float)k);
    round_real(bench, w, bits, n * k);
    put(bench, DTYPE_U8, "xyz", SHAPE(3)); /* so that no tensor begins at offset 0 */
    in = put_real(bench, x, SHAPE(rows, k));
    out = real_out ? put_real(bench, want, SHAPE(rows, n)) : put(bench, DTYPE_F32, want, SHAPE(rows, n));
    check_ok(linear_load(&linear, bench->device, w, n, k, &err), &err);
    if (has_bias)
        check_ok(linear_set_bias(linear, bench->device, b, &err), &err);
    check_ok(linear_forward(linear, bench->stream, out, in, epilogue, &err), &err);
    get_real(bench, got, out, rows * n);
    twin_linear(want, x, w, has_bias ? b : NULL, rows, n, k, epilogue);
    snprintf(what, sizeof what, "linear %zux%zux%zu, epilogue %d", rows, n, k, (int)epilogue);
    compare(got, want, rows * n, tolerance(bench), what);

    linear_free(linear);
    free(x), free(w), free(bits), free(b), free(want), free(got);
    stream_rewind(bench->stream, mark);
}

static void linear_matches(void **state)
{
    const struct bench *bench = *state;
    static const size_t shapes[][3] = {
        {1, 1, 1}, {1, 64, 48}, {5, 33, 17}, {2, 70, 3}, {50, 96, 588}, {7, 2304, 768}, {130, 64, 256}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int epilogue = EPILOGUE_NONE; epilogue <= EPILOGUE_ADD; epilogue++)
            for (int variant = 0; variant < 4; variant++) {
                const bool real_out = variant & 1, has_bias = variant & 2;
                if (!work_fits(SIZE_MAX) && variant != epilogue % 4)
                    continue; /* nearly all of a checker's time goes into CLBlast's products */
                if (epilogue == EPILOGUE_ADD && real_out)
                    continue; /* residual sums are float32 */
                check_linear(bench, shapes[i][0], shapes[i][1], shapes[i][2], (enum epilogue)epilogue,
                    has_bias, real_out);
            }
    /* So wide that a provider that works on some rows at a time takes few; and enough rows for many turns. */
    check_linear(bench, 100, 80, 16400, EPILOGUE_ADD, true, false);
    check_linear(bench, 100 * (size_t)thread_default() + 37, 48, 1000, EPILOGUE_QUICK_GELU, true, true);
}

/* The norm of the rows is rounded to the real type on its way into the product. */
static void linear_after_norm_matches(void **state)
{
    const struct bench *bench = *state;
    static const size_t shapes[][3] = {{1, 16, 16}, {50, 96, 80}, {450, 64, 272}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const size_t rows = shapes[i][0], n = shapes[i][1], k = shapes[i][2],
                     mark = stream_mark(bench->stream);
        if (!work_fits(rows * n * k))
            continue;
        float *x = random_floats(rows * k, 1), *w = random_floats(n * k, 2), *b = random_floats(n, 3),
              *gamma = random_floats(k, 4), *beta = random_floats(k, 5),
              *normed = malloc(rows * k * sizeof *normed), *want = malloc(rows * n * sizeof *want),
              *got = malloc(rows * n * sizeof *got);
        uint16_t *bits = malloc((rows + n) * k * sizeof *bits);
        struct linear *linear;
        struct tensor out;
        struct err err;
        for (size_t j = 0; j < n * k; j++)
            w[j] /= sqrtf((float)k);
        round_real(bench, w, bits, n * k);
        check_ok(linear_load(&linear, bench->device, w, n, k, &err), &err);
        check_ok(linear_set_bias(linear, bench->device, b, &err), &err);
        check_ok(linear_set_gamma(linear, bench->device, gamma, &err), &err);
        check_ok(linear_set_beta(linear, bench->device, beta, &err), &err);
        const struct tensor in = put(bench, DTYPE_F32, x, SHAPE(rows, k));
        check_ok(tensor_new(&out, bench->stream, stream_dtype(bench->stream), SHAPE(rows, n), &err), &err);
        check_ok(linear_forward_normed(linear, bench->stream, out, in, 1e-5f, EPILOGUE_GELU, &err), &err);
        get_real(bench, got, out, rows * n);
        twin_layer_norm(normed, x, gamma, beta, rows, k, 1e-5);
        round_real(bench, normed, bits, rows * k);
        twin_linear(want, normed, w, b, rows, n, k, EPILOGUE_GELU);
        compare(got, want, rows * n, tolerance(bench), "linear after a norm");
        linear_free(linear);
        free(x), free(w), free(b), free(gamma), free(beta), free(normed), free(want), free(got), free(bits);
        stream_rewind(bench->stream, mark);
    }
}

/* More numbers of rows than a provider could keep plans for. */
static void linear_takes_any_number_of_rows(void **state)
{
    const struct bench *bench = *state;
    enum { N = 16, K = 16, MOST = 200 };
    uint16_t bits[N * K];
    float *x = random_floats(MOST * K, 1), *w = random_floats(N * K, 2),
          *want = malloc(MOST * N * sizeof *want), *got = malloc(MOST * N * sizeof *got);
    const size_t mark = stream_mark(bench->stream);
    struct linear *linear;
    struct err err;
    struct tensor out;
    const struct tensor in = put_real(bench, x, SHAPE(MOST, K));
    check_ok(tensor_new(&out, bench->stream, DTYPE_F32, SHAPE(MOST, N), &err), &err);
    round_real(bench, w, bits, N * K);
    check_ok(linear_load(&linear, bench->device, w, N, K, &err), &err);
    twin_linear(want, x, w, NULL, MOST, N, K, EPILOGUE_NONE);
    for (size_t rows = 1; rows <= MOST && work_fits(rows * rows * N * K / 2); rows++) {
        const struct tensor some_out = tensor_view(out, SHAPE(rows, N)),
                            some_in = tensor_view(in, SHAPE(rows, K));
        check_ok(linear_forward(linear, bench->stream, some_out, some_in, EPILOGUE_NONE, &err), &err);
        get_real(bench, got, out, rows * N);
        compare(got, want, rows * N, tolerance(bench), "linear");
    }
    linear_free(linear);
    free(x), free(w), free(want), free(got);
    stream_rewind(bench->stream, mark);
}

/* Patches as they come, of a number that no group divides. */
static void scale_bytes_matches(void **state)
{
    const struct bench *bench = *state;
    enum { ROWS = 7, WIDTH = 3 * 5 * 5, COUNT = ROWS * WIDTH };
    static const float scale[3] = {0.01f, 0.02f, 0.03f}, shift[3] = {-1, 0, 0.5f};
    const size_t mark = stream_mark(bench->stream);
    uint8_t bytes[COUNT];
    float want[COUNT], got[COUNT];
    struct tensor out;
    struct err err;
    for (size_t i = 0; i < COUNT; i++) {
        bytes[i] = (uint8_t)(i * 37);
        want[i] = (float)bytes[i] * scale[i % 3] + shift[i % 3];
    }
    const struct tensor in = put(bench, DTYPE_U8, bytes, SHAPE(ROWS, WIDTH));
    check_ok(tensor_new(&out, bench->stream, stream_dtype(bench->stream), SHAPE(ROWS, WIDTH), &err), &err);
    check_ok(scale_bytes(bench->stream, out, in, scale, shift, &err), &err);
    get_real(bench, got, out, COUNT);
    compare(got, want, COUNT, tolerance(bench), "scale_bytes");
    stream_rewind(bench->stream, mark);
}

static void patchify_matches(void **state)
{
    const struct bench *bench = *state;
    static const struct {
        size_t image, patch;
        enum patch_order order;
    } cases[] = {{32, 8, PATCHES_BY_ROW}, {28, 14, PATCHES_BY_ROW},
        {30, 14, PATCHES_BY_ROW}, /* with a border */
        {7, 7, PATCHES_BY_ROW}, {32, 8, PATCHES_NESTED}, {48, 4, PATCHES_NESTED}};
    const float scale[3] = {0.0146f, 0.015f, 0.0142f}, shift[3] = {-1.79f, -1.75f, -1.48f};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t s = cases[i].image, p = cases[i].patch, g = s / p, batch = 3,
                     count = batch * g * g * 3 * p * p;
        const size_t mark = stream_mark(bench->stream);
        uint8_t *pixels = malloc(batch * s * s * 3);
        float *want = malloc(count * sizeof *want), *got = malloc(count * sizeof *got);
        struct tensor out;
        struct err err;
        for (size_t j = 0; j < batch * s * s * 3; j++)
            pixels[j] = (uint8_t)(j * 2654435761u >> 13);
        const struct tensor in = put(bench, DTYPE_U8, pixels, SHAPE(batch, s, s, 3));
        check_ok(tensor_new(
                     &out, bench->stream, stream_dtype(bench->stream), SHAPE(batch, g * g, 3 * p * p), &err),
            &err);
        check_ok(patchify(bench->stream, out, in, p, cases[i].order, scale, shift, &err), &err);
        get_real(bench, got, out, count);
        twin_patchify(want, pixels, batch, s, p, cases[i].order, scale, shift);
        compare(got, want, count, tolerance(bench), "patchify");
        free(pixels), free(want), free(got);
        stream_rewind(bench->stream, mark);
    }
}

/* Rows of tokens (2, T, W) float32, whose elements are `want`, and of the same bits as numbers of 16 bits. */
static void check_picks(const struct bench *bench, const float *want, struct tensor tokens,
    const int32_t *pick, size_t count, size_t width)
{
    enum { B = 2 };
    const struct tensor none = {0}, picks = put(bench, DTYPE_I32, pick, SHAPE(B));
    for (int i = 0; i < 4; i++) {
        const bool with_pick = i & 1, halves = i & 2;
        const enum dtype dtype = halves ? DTYPE_BF16 : DTYPE_F32;
        const size_t w = halves ? 2 * width : width;
        struct tensor picked, from = tokens;
        struct err err;
        float *rows = malloc(B * width * sizeof *rows);
        from.dtype = dtype;
        from.offset *= sizeof(float) / dtype_size(dtype);
        from.shape = SHAPE(B, count, w);
        check_ok(tensor_new(&picked, bench->stream, dtype, SHAPE(B, w), &err), &err);
        check_ok(gather_rows(bench->stream, picked, from, with_pick ? picks : none, &err), &err);
        check_ok(tensor_read(bench->stream, rows, picked, B * w, &err), &err);
        for (size_t b = 0; b < B; b++)
            assert_memory_equal(rows + b * width,
                want + (b * count + (with_pick ? (size_t)pick[b] : 0)) * width, width * sizeof *rows);
        free(rows);
    }
}

/* Of one row of tokens, whose elements are `want`, that is as many sequences. */
static void check_picks_of_all(
    const struct bench *bench, const float *want, struct tensor tokens, size_t width)
{
    enum { B = 3 };
    static const int32_t pick[B] = {9, 0, 4};
    struct tensor picked;
    struct err err;
    float *rows = malloc(B * width * sizeof *rows);
    tokens = tensor_view(tokens, SHAPE(1, tensor_rows(tokens), width));
    check_ok(tensor_new(&picked, bench->stream, DTYPE_F32, SHAPE(B, width), &err), &err);
    check_ok(gather_rows(bench->stream, picked, tokens, put(bench, DTYPE_I32, pick, SHAPE(B)), &err), &err);
    check_ok(tensor_read(bench->stream, rows, picked, B * width, &err), &err);
    for (size_t b = 0; b < B; b++)
        assert_memory_equal(rows + b * width, want + (size_t)pick[b] * width, width * sizeof *rows);
    free(rows);
}

static void tokens_are_put_together(void **state)
{
    const struct bench *bench = *state;
    enum { B = 2, T = 5, W = 48, V = 9 };
    const size_t mark = stream_mark(bench->stream);
    float *patches = random_floats(B * T * W, 1), *class_token = random_floats(W, 2),
          *positions = random_floats(T * W, 3), *table = random_floats(V * W, 4);
    const int32_t ids[B * T] = {8, 0, 3, 3, 1, 7, 6, 5, 4, 2}, pick[B] = {4, 1};
    const int32_t places[B * T] = {2, 3, 4, 0, 1, 4, 4, 0, 2, 1};
    float got[B * T * W];
    const struct tensor at = put(bench, DTYPE_F32, positions, SHAPE(T, W)), none = {0};
    struct tensor tokens;
    struct err err;
    check_ok(tensor_new(&tokens, bench->stream, DTYPE_F32, SHAPE(B, T, W), &err), &err);

    check_ok(assemble_tokens(bench->stream, tokens, put(bench, DTYPE_F32, patches, SHAPE(B, T - 1, W)),
                 put(bench, DTYPE_F32, class_token, SHAPE(W)), at, &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int b = 0; b < B; b++)
        for (int t = 0; t < T; t++)
            for (int i = 0; i < W; i++) {
                const float token = t ? patches[(b * (T - 1) + t - 1) * W + i] : class_token[i];
                assert_float_equal(got[(b * T + t) * W + i], token + positions[t * W + i], 0);
            }

    check_ok(assemble_tokens(bench->stream, tokens, put(bench, DTYPE_F32, patches, SHAPE(B, T, W)),
                 (struct tensor){0}, at, &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int i = 0; i < B * T * W; i++)
        assert_float_equal(got[i], patches[i] + positions[i % (T * W)], 0);

    check_ok(assemble_tokens(bench->stream, tokens, put(bench, DTYPE_F32, patches, SHAPE(B, T - 1, W)),
                 put(bench, DTYPE_F32, class_token, SHAPE(W)),
                 put(bench, DTYPE_F32, positions, SHAPE(T - 1, W)), &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int b = 0; b < B; b++)
        for (int t = 0; t < T; t++)
            for (int i = 0; i < W; i++)
                assert_float_equal(got[(b * T + t) * W + i],
                    t ? patches[(b * (T - 1) + t - 1) * W + i] + positions[(t - 1) * W + i] : class_token[i],
                    0);

    check_ok(
        embed_tokens(bench->stream, tokens, put(bench, DTYPE_I32, ids, SHAPE(B, T)),
            put(bench, DTYPE_F32, table, SHAPE(V - 1, W)), 32, put(bench, DTYPE_F32, class_token, SHAPE(W)),
            at, put(bench, DTYPE_I32, places, SHAPE(B, T)), &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int row = 0; row < B * T; row++)
        for (int i = 0; i < W; i++) {
            const float token = ids[row] == V - 1 ? class_token[i] : 32 * table[ids[row] * W + i];
            assert_float_equal(got[row * W + i], token + positions[places[row] * W + i], 0);
        }

    check_ok(embed_tokens(bench->stream, tokens, put(bench, DTYPE_I32, ids, SHAPE(B, T)),
                 put(bench, DTYPE_F32, table, SHAPE(V, W)), 1, none, at, none, &err),
        &err);
    check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
    for (int row = 0; row < B * T; row++)
        for (int i = 0; i < W; i++)
            assert_float_equal(got[row * W + i], table[ids[row] * W + i] + positions[row % T * W + i], 0);

    for (enum dtype type = DTYPE_BF16; type <= DTYPE_F16; type++) {
        uint16_t halves[V * W];
        for (int i = 0; i < V * W; i++)
            halves[i] =
                type == DTYPE_F16 ? f32_to_f16(table[i] / (i % 2 ? 1 : 1 << 16)) : f32_to_bf16(table[i]);
        check_ok(embed_tokens(bench->stream, tokens, put(bench, DTYPE_I32, ids, SHAPE(B, T)),
                     put(bench, type, halves, SHAPE(V, W)), 1, none, at, none, &err),
            &err);
        check_ok(tensor_read(bench->stream, got, tokens, B * T * W, &err), &err);
        for (int row = 0; row < B * T; row++)
            for (int i = 0; i < W; i++) {
                const uint16_t half = halves[ids[row] * W + i];
                const float value = type == DTYPE_F16 ? f16_to_f32(half) : bf16_to_f32(half);
                assert_float_equal(got[row * W + i], value + positions[row % T * W + i], 0);
            }
    }

    check_picks(bench, got, tokens, pick, T, W);
    check_picks_of_all(bench, got, tokens, W);
    free(patches), free(class_token), free(positions), free(table);
    stream_rewind(bench->stream, mark);
}

static void rows_are_normalised(void **state)
{
    const struct bench *bench = *state;
    /* Embeddings have any width; the last is more than a group of 64 takes 16 at a time. */
    static const size_t widths[] = {1, 24, 80, 100, 1040};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        const size_t rows = 5, width = widths[w], count = rows * width, mark = stream_mark(bench->stream);
        float *x = random_floats(count, 1), *got = malloc(count * sizeof *got);
        struct err err;
        memset(x + 2 * width, 0, width * sizeof *x); /* must stay zeros, not become NaN */
        const struct tensor t = put(bench, DTYPE_F32, x, SHAPE(rows, width));
        check_ok(normalize_rows(bench->stream, t, &err), &err);
        check_ok(tensor_read(bench->stream, got, t, count, &err), &err);
        twin_normalize_rows(x, rows, width);
        compare(got, x, count, 1e-6, "normalize_rows");
        free(x), free(got);
        stream_rewind(bench->stream, mark);
    }
}

static void streams_keep_to_their_memory(void **state)
{
    const struct bench *bench = *state;
    struct stream *plan, *real;
    struct tensor a, b;
    struct err err;
    check_ok(stream_open(&plan, bench->device, 0, &err), &err);
    check_ok(tensor_new(&a, plan, DTYPE_U8, SHAPE(100), &err), &err);
    const size_t mark = stream_mark(plan);
    check_ok(tensor_new(&b, plan, DTYPE_F32, SHAPE(1000), &err), &err);
    stream_rewind(plan, mark);
    check_ok(tensor_new(&b, plan, DTYPE_F32, SHAPE(10), &err), &err);
    assert_int_equal(stream_peak(plan), 128 + 4032);
    assert_int_equal(tensor_new(&b, plan, DTYPE_F32, SHAPE(SIZE_MAX / 2), &err), ERR_LIMIT);
    assert_int_equal(tensor_new(&b, plan, DTYPE_U8, SHAPE(SIZE_MAX / 2, 3), &err), ERR_LIMIT);

    check_ok(stream_open(&real, bench->device, stream_peak(plan), &err), &err);
    check_ok(tensor_new(&a, real, DTYPE_U8, SHAPE(100), &err), &err);
    check_ok(tensor_new(&b, real, DTYPE_F32, SHAPE(1000), &err), &err);
    assert_int_equal(b.offset, 32);
    assert_int_equal(tensor_new(&b, real, DTYPE_U8, SHAPE(1), &err), ERR_LIMIT);
    stream_free(plan);
    stream_free(real);
}

/* What a group of tests runs with; without a tuning, the device's own. */
struct variant {
    const char *name, *gemm, *precision;
    const struct tuning *tuning;
};

static const struct variant *variant; /* of the group at hand: cmocka hands a setup nothing */

static int open_bench(void **state)
{
    static struct bench bench;
    const struct device_options options = {.gemm = variant->gemm, .precision = variant->precision};
    const size_t bytes =
        work_fits(SIZE_MAX) ? 64 << 20 : 1 << 20; /* Oclgrind keeps 48 bytes of account for each */
    struct err err;
    if (device_open_tuned(&bench.device, &options, variant->tuning, &err) ||
        stream_open(&bench.stream, bench.device, bytes, &err)) {
        print_error("%s\n", err.msg);
        return -1;
    }
    *state = &bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    stream_free(bench->stream);
    device_free(bench->device);
    return 0;
}

/* A kernel that another folder brings has common.cl before it, and reads what is wrapped. */
static void kernels_of_other_folders_run(void **state)
{
    static const struct kernel_source doubling = {"tests/doubling.cl",
        "kernel void doubled(global float *out, ulong out_at, global const float *in, ulong in_at)\n"
        "{ const ulong i = get_global_id(0); out[out_at + i] = sum16(2 * in[in_at + i]); }\n"};
    enum { COUNT = 37 };
    const struct bench *bench = *state;
    const struct launch launch = {.source = &doubling, .kernel = "doubled", .groups = {COUNT}, .local = 1};
    float in[COUNT], out[COUNT];
    struct tensor wrapped, result;
    struct err err;
    for (int i = 0; i < COUNT; i++)
        in[i] = (float)i - 3;
    check_ok(tensor_wrap(&wrapped, bench->stream, in, sizeof in, &err), &err);
    check_ok(tensor_new(&result, bench->stream, DTYPE_F32, SHAPE(COUNT), &err), &err);
    check_ok(KERNEL_RUN(bench->stream, &launch, &err, ARG_TENSOR(result), ARG_TENSOR(wrapped)), &err);
    check_ok(tensor_read(bench->stream, out, result, COUNT, &err), &err);
    for (int i = 0; i < COUNT; i++)
        assert_true(out[i] == 32 * in[i]);
    assert_int_equal(stream_lanes(bench->stream), bench->device->tuning.lanes);
    tensor_unwrap(&wrapped);
    tensor_unwrap(&wrapped);
}

static void compile_errors_name_the_file(void **state)
{
    static const struct kernel_source broken = {
        "tests/broken.cl", "kernel void broken() { no_such_name(); }\n"};
    const struct bench *bench = *state;
    const struct launch fails = {.source = &broken, .kernel = "broken", .groups = {1}, .local = 1};
    struct err err;
    if (!work_fits(SIZE_MAX))
        skip(); /* Oclgrind counts lines of a file of its own */
    assert_int_equal(kernel_run(bench->stream, &fails, NULL, 0, &err), ERR_DEVICE);
    if (!strstr(err.msg, "tests/broken.cl:1"))
        fail_msg("%s", err.msg);
}

/* Threads of the OpenCL platform's own begin with its first device and stay. */
static void a_device_ends_its_threads(void **state)
{
    const struct device_options options = {.gemm = variant->gemm, .precision = variant->precision};
    const size_t before = thread_count();
    struct device *device = NULL;
    struct err err;
    (void)state;
    for (int i = 0; i < 3; i++) {
        check_ok(device_open(&device, &options, &err), &err);
        device_free(device);
    }
    assert_int_equal(thread_count_settled(before), before);
}

/* With an argument, only the groups that have it in their names. */
int main(int argc, char **argv)
{
    static const struct tuning cpu = {.lanes = 1, .queries = 32}, gpu = {.lanes = 64, .queries = 1};
    static const struct variant providers[] = {
        {"amx bf16", "amx", "bf16", NULL},
        {"onednn f32", "onednn", "f32", NULL},
        {"onednn bf16", "onednn", "bf16", NULL},
        {"onednn f16", "onednn", "f16", NULL},
        {"clblast f32", "clblast", "f32", NULL},
        {"clblast bf16", "clblast", "bf16", NULL},
        {"clblast f16", "clblast", "f16", NULL},
    };
    static const struct variant shapes[] = {
        {"kernels as for a CPU, f32", "clblast", "f32", &cpu},
        {"kernels as for a CPU, bf16", "clblast", "bf16", &cpu},
        {"kernels as for a CPU, f16", "clblast", "f16", &cpu},
        {"kernels as for a GPU, f32", "clblast", "f32", &gpu},
        {"kernels as for a GPU, bf16", "clblast", "bf16", &gpu},
        {"kernels as for a GPU, f16", "clblast", "f16", &gpu},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_matches),
        cmocka_unit_test(attention_matches),
        cmocka_unit_test(attention_of_sequences_matches),
        cmocka_unit_test(attend_once_matches),
        cmocka_unit_test(pairs_turn),
        cmocka_unit_test(gates_and_inner_norms_match),
        cmocka_unit_test(rows_are_added_and_averaged),
        cmocka_unit_test(linear_matches),
        cmocka_unit_test(linear_after_norm_matches),
        cmocka_unit_test(linear_takes_any_number_of_rows),
        cmocka_unit_test(patchify_matches),
        cmocka_unit_test(scale_bytes_matches),
        cmocka_unit_test(tokens_are_put_together),
        cmocka_unit_test(rows_are_normalised),
        cmocka_unit_test(streams_keep_to_their_memory),
        cmocka_unit_test(kernels_of_other_folders_run),
        cmocka_unit_test(compile_errors_name_the_file),
        cmocka_unit_test(a_device_ends_its_threads),
    };
    const struct CMUnitTest shaped[] = {
        cmocka_unit_test(layer_norm_matches),
        cmocka_unit_test(attention_matches),
        cmocka_unit_test(attention_of_sequences_matches),
        cmocka_unit_test(attend_once_matches),
        cmocka_unit_test(pairs_turn),
        cmocka_unit_test(gates_and_inner_norms_match),
        cmocka_unit_test(rows_are_added_and_averaged),
        cmocka_unit_test(patchify_matches),
        cmocka_unit_test(scale_bytes_matches),
        cmocka_unit_test(rows_are_normalised),
    };
    const char *only = argc > 1 ? argv[1] : NULL;
    int failed = 0;
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        variant = &providers[i];
        if (only && !strstr(variant->name, only))
            continue;
        if (!strcmp(variant->gemm, "amx") && !amx_available()) {
            print_message("%s: not here: the CPU has no AMX\n", variant->name);
            continue;
        }
        failed += cmocka_run_group_tests_name(variant->name, tests, open_bench, close_bench);
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        variant = &shapes[i];
        if (only && !strstr(variant->name, only))
            continue;
        failed += cmocka_run_group_tests_name(variant->name, shaped, open_bench, close_bench);
    }
    return failed;
}
