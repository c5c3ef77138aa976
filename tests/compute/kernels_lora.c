// SPDX-License-Identifier: Apache-2.0
/* A linear layer with LoRA against a twin in double precision, and its gradients against the twin's differences. */
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

enum { SEED = 9, BATCH = 4, FIRST = 2, NUMBER = 5 };

/* Of `of` parts of N outputs those in the bits of `parts` change, P of them. */
struct lora_case {
    size_t rows, n, k, rank;
    unsigned parts, of;
    double dropout;
};

static size_t changing(const struct lora_case *one)
{
    size_t count = 0;
    for (unsigned part = 0; part < one->of; part++)
        count += one->parts >> part & 1;
    return count;
}

struct lora_pass {
    const struct lora_case *is;
    double scale;
    const float *w; // (N, K)
};

static double kept(const struct lora_case *one, size_t element)
{
    const uint64_t key = random_at(random_at(SEED, BATCH), NUMBER);
    const uint64_t first = FIRST * one->k; /* a row an item */
    const bool drops = (double)(random_at(key, first + element) >> 32) < one->dropout * 0x1p32;
    return drops ? 0 : 1 / (1 - one->dropout);
}

/* out (R, N) of `in`: x (R, K), then A (P*R, K), then B (P*N/of, R). */
static void lora_pass(double *out, const double *in, const void *context)
{
    const struct lora_pass *pass = context;
    const struct lora_case *one = pass->is;
    const size_t n = one->n, k = one->k, rank = one->rank, width = n / one->of;
    const double *x = in, *a = x + one->rows * k, *b = a + changing(one) * rank * k;
    for (size_t row = 0; row < one->rows; row++)
        for (size_t part = 0, j = 0; part < one->of; part++) {
            const bool changes = one->parts >> part & 1;
            for (size_t column = 0; column < width; column++) {
                double *y = &out[row * n + part * width + column];
                *y = 0;
                for (size_t i = 0; i < k; i++)
                    *y += x[row * k + i] * (double)pass->w[(part * width + column) * k + i];
                for (size_t r = 0; r < rank && changes; r++)
                    for (size_t i = 0; i < k; i++)
                        *y += pass->scale * b[(j * width + column) * rank + r] * a[(j * rank + r) * k + i] *
                              x[row * k + i] * kept(one, row * k + i);
            }
            j += changes;
        }
}

static void check_lora(const struct bench *bench, const struct lora_case *one)
{
    const size_t rows = one->rows, n = one->n, k = one->k, parts = changing(one), rank = parts * one->rank,
                 changed = n / one->of * parts, of_x = rows * k, of_a = rank * k, of_b = changed * one->rank,
                 mark = stream_mark(bench->stream);
    const struct lora_options options = {.rank = one->rank,
        .alpha = 3,
        .rank_stabilized = one->of > 1,
        .dropout = one->dropout,
        .targets = 1,
        .seed = SEED};
    const double near = 4 * tolerance(bench); /* what is between A and B is rounded, too */
    float *in = random_floats(of_x + of_a + of_b, 1), *w = random_floats(n * k, 2),
          *dy = random_floats(rows * n, 3), *want = malloc((of_x + of_a + of_b) * sizeof *want),
          *y = malloc(rows * n * sizeof *y), *got = malloc((of_x + of_a + of_b + rows * n) * sizeof *got);
    double *exact = malloc((of_x + of_a + of_b + rows * n) * sizeof *exact), *inputs = exact + rows * n;
    struct lora *lora;
    struct tensor out, din;
    struct err err;
    check_ok(lora_new(&lora, &options, &err), &err);
    lora_draw(lora, one->dropout > 0 ? BATCH : 0, FIRST, rows);
    put(bench, DTYPE_U8, "xyz", SHAPE(3));
    const struct tensor x = put_real(bench, in, SHAPE(rows, k)), d = put_real(bench, dy, SHAPE(rows, n));
    const struct lora_tensors low = {put_real(bench, in + of_x, SHAPE(rank, k)),
        put_real(bench, in + of_x + of_a, SHAPE(changed, one->rank)), lora, one->parts, one->of, NUMBER};
    const struct affine_tensors values = {.weight = put_real(bench, w, SHAPE(n, k)), .lora = low};
    struct affine_tensors gradients = {0};
    check_ok(tensor_new(&out, bench->stream, DTYPE_F32, SHAPE(rows, n), &err), &err);
    check_ok(tensor_new(&din, bench->stream, x.dtype, x.shape, &err), &err);
    memset(got, 0, (of_a + of_b) * sizeof *got);
    gradients.lora.a = put(bench, DTYPE_F32, got, low.a.shape);
    gradients.lora.b = put(bench, DTYPE_F32, got, low.b.shape);
    const int rc = affine_forward(bench->stream, out, x, &values, false, &err);
    if (rc == ERR_UNSUPPORTED) /* reals that the provider does not multiply */
        goto done;
    check_ok(rc, &err);
    check_ok(affine_backward(bench->stream, din, &gradients, d, x, &values, &err), &err);

    const struct lora_pass pass = {one, 3 / (one->of > 1 ? sqrt((double)one->rank) : (double)one->rank), w};
    for (size_t i = 0; i < of_x + of_a + of_b; i++)
        inputs[i] = (double)in[i];
    lora_pass(exact, inputs, &pass);
    for (size_t i = 0; i < rows * n; i++)
        y[i] = (float)exact[i];
    get_real(bench, got, out, rows * n);
    compare(got, y, rows * n, near, "LoRA forward");
    numeric_gradient(want, lora_pass, &pass, in, of_x + of_a + of_b, dy, rows * n);
    get_real(bench, got, din, of_x);
    compare(got, want, of_x, near, "LoRA by x");
    get_real(bench, got, gradients.lora.a, of_a);
    compare(got, want + of_x, of_a, near, "LoRA by A");
    get_real(bench, got, gradients.lora.b, of_b);
    compare(got, want + of_x + of_a, of_b, near, "LoRA by B");
done:
    free(in), free(w), free(dy), free(want), free(y), free(got), free(exact);
    lora_free(lora);
    stream_rewind(bench->stream, mark);
}

void lora_gradients_match(void **state)
{
    static const struct lora_case cases[] = {
        {3, 5, 7, 2, 1, 1, 0}, {6, 12, 16, 4, 5, 3, 0}, {4, 6, 19, 3, 7, 3, 0.4}, {9, 33, 32, 1, 1, 1, 0.1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (work_fits(3 * cases[i].rows * cases[i].n * cases[i].k))
            check_lora(*state, &cases[i]);
}
