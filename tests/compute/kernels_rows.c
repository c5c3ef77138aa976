// SPDX-License-Identifier: Apache-2.0
/* Kernels that go row by row, and the sums and means over rows, against their twins. */
#include "tests/compute/kernels.h"
#include "tests/compute/twins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void layer_norm_matches(void **state)
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

/* Widths that 16 divide, and that of EVA-02's MLP. */
void gates_and_inner_norms_match(void **state)
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

void rows_are_added_and_averaged(void **state)
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

void rows_are_normalised(void **state)
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
