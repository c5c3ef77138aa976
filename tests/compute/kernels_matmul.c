// SPDX-License-Identifier: Apache-2.0
/* Products of matrices that nobody has packed, of every GEMM provider, against their twin. */
#include "compute/gemm/gemm.h"
#include "tests/compute/kernels.h"
#include "tests/compute/twins.h"
#include "tests/support/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Values on the device, and what the device has of them. */
struct both {
    struct tensor tensor;
    float *values;
};

static struct both both_make(const struct bench *bench, enum dtype dtype, struct shape shape, uint64_t seed)
{
    struct both both = {.values = random_floats(shape_count(shape), seed)};
    both.tensor =
        dtype == DTYPE_F32 ? put(bench, dtype, both.values, shape) : put_real(bench, both.values, shape);
    return both;
}

static const float *values_of(const struct both *both, const struct matrix *matrix)
{
    return both->values + (matrix->tensor.offset - both->tensor.offset);
}

/* Element (r, c) of matrix (i, j) as a product takes it. */
static size_t element(const struct matrix *m, size_t i, size_t j, size_t r, size_t c)
{
    return i * m->step[0] + j * m->step[1] + (m->transposed ? c * m->stride + r : r * m->stride + c);
}

static void twin_matmul(const struct both *out_of, const struct matrix *out, const float *a,
    const struct matrix *a_is, const float *b, const struct matrix *b_is, const float *bias, bool accumulate)
{
    float *to = out_of->values + (out->tensor.offset - out_of->tensor.offset);
    const size_t inner = a_is->transposed ? a_is->rows : a_is->columns;
    for (size_t i = 0; i < out->count[0]; i++)
        for (size_t j = 0; j < out->count[1]; j++)
            for (size_t r = 0; r < out->rows; r++)
                for (size_t c = 0; c < out->columns; c++) {
                    float *at = to + element(out, i, j, r, c);
                    double sum = bias ? (double)bias[c] : 0;
                    for (size_t k = 0; k < inner; k++)
                        sum += (double)a[element(a_is, i, j, r, k)] * (double)b[element(b_is, i, j, k, c)];
                    *at = (float)(accumulate ? (double)*at + sum : sum);
                }
}

/* Whether the provider of the bench multiplies activations; or else it has to say so. */
static bool multiplies(const struct bench *bench, enum dtype dtype)
{
    return dtype == DTYPE_F32 || (dtype == DTYPE_BF16 && strcmp(device_gemm(bench->device), "clblast"));
}

static void check(const struct bench *bench, const struct both *out, struct matrix out_is,
    const struct both *a, struct matrix a_is, const struct both *b, struct matrix b_is, const float *bias,
    bool accumulate)
{
    const size_t count = shape_count(out->tensor.shape);
    const enum dtype dtype = a->tensor.dtype;
    const struct tensor none = {0}, add = bias ? put(bench, DTYPE_F32, bias, SHAPE(out_is.columns)) : none;
    float *got = malloc(count * sizeof *got);
    char what[96];
    struct err err;
    const int rc = matmul(bench->stream, out_is, a_is, b_is, add, accumulate, &err);
    if (!multiplies(bench, dtype)) {
        assert_int_equal(rc, ERR_UNSUPPORTED);
    } else {
        check_ok(rc, &err);
        get_real(bench, got, out->tensor, count);
        twin_matmul(out, &out_is, values_of(a, &a_is), &a_is, values_of(b, &b_is), &b_is, bias, accumulate);
        snprintf(what, sizeof what, "matmul %zux%zu, of a%s %s b%s", out_is.rows, out_is.columns,
            a_is.transposed ? "^T" : "", dtype_name(dtype), b_is.transposed ? "^T" : "");
        compare(got, out->values, count, out->tensor.dtype == DTYPE_F32 ? 4e-6 : tolerance(bench), what);
    }
    free(got);
}

/* One product in all ways that its operands can lie. kinds: 0 float32 operands, 1 those of activations, 2 the result too. */
static void check_all_ways(const struct bench *bench, size_t m, size_t n, size_t k, int kind)
{
    const enum dtype real = stream_dtype(bench->stream), in = kind ? real : DTYPE_F32,
                     to = kind == 2 ? real : DTYPE_F32;
    float *bias = random_floats(n, 9);
    for (int way = 0; way < 16; way++) {
        const bool turn_a = way & 1, turn_b = way & 2, accumulate = way & 4;
        const size_t mark = stream_mark(bench->stream);
        put(bench, DTYPE_U8, "xyz", SHAPE(3)); /* so that no tensor begins at offset 0 */
        struct both a = both_make(bench, in, turn_a ? SHAPE(k, m) : SHAPE(m, k), 1),
                    b = both_make(bench, in, turn_b ? SHAPE(n, k) : SHAPE(k, n), 2),
                    out = both_make(bench, to, SHAPE(m, n), 3);
        struct matrix a_is = matrix_of(a.tensor), b_is = matrix_of(b.tensor);
        a_is.transposed = turn_a;
        b_is.transposed = turn_b;
        if (work_fits(SIZE_MAX) || way % 5 == 0)
            check(bench, &out, matrix_of(out.tensor), &a, a_is, &b, b_is, way & 8 ? bias : NULL, accumulate);
        free(a.values), free(b.values), free(out.values);
        stream_rewind(bench->stream, mark);
    }
    free(bias);
}

void products_match(void **state)
{
    static const size_t shapes[][3] = {{1, 1, 1}, {5, 33, 17}, {1, 48, 100}, {50, 96, 588}, {130, 64, 256}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kind = 0; kind < 3; kind++)
            if (work_fits(shapes[i][0] * shapes[i][1] * shapes[i][2]))
                check_all_ways(*state, shapes[i][0], shapes[i][1], shapes[i][2], kind);
}

/* What attention and its gradients are made of: heads inside of rows that others share. */
void products_of_heads_match(void **state)
{
    const struct bench *bench = *state;
    enum { B = 2, H = 3 };
    static const size_t sizes[][2] = {{2, 3}, {7, 8}, {50, 64}}; // T, D
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t t = sizes[i][0], d = sizes[i][1], w = H * d, mark = stream_mark(bench->stream);
        if (!work_fits(B * H * t * t * d * 3))
            continue;
        put(bench, DTYPE_U8, "xyz", SHAPE(3));
        struct both qkv = both_make(bench, DTYPE_F32, SHAPE(B, t, 3 * w), 1),
                    scores = both_make(bench, DTYPE_F32, SHAPE(B, t, H * t), 2),
                    context = both_make(bench, DTYPE_F32, SHAPE(B, t, w), 3);
        const struct matrix q = matrix_heads(qkv.tensor, 3, 0, H), k = matrix_heads(qkv.tensor, 3, 1, H),
                            v = matrix_heads(qkv.tensor, 3, 2, H), s = matrix_heads(scores.tensor, 1, 0, H),
                            c = matrix_heads(context.tensor, 1, 0, H);
        check(bench, &scores, s, &qkv, q, &qkv, matrix_transposed(k), NULL, false);
        check(bench, &context, c, &scores, s, &qkv, v, NULL, true);
        check(bench, &qkv, v, &scores, matrix_transposed(s), &context, c, NULL, false);
        free(qkv.values), free(scores.values), free(context.values);
        stream_rewind(bench->stream, mark);
    }
}

/* Weights and their gradients are in buffers of their own, some columns of them are a part; and the same product gives the same
 * bits each time. */
void products_reach_other_buffers(void **state)
{
    const struct bench *bench = *state;
    enum { M = 9, N = 40, K = 24, PART = 16 };
    const size_t mark = stream_mark(bench->stream);
    if (!work_fits(M * PART * K))
        return;
    struct tensor weights = {.offset = 16, .shape = SHAPE(N, K), .dtype = DTYPE_F32};
    float *values = random_floats(N * K, 1), *first = malloc(M * N * sizeof *first),
          *again = malloc(M * N * sizeof *again);
    void *host = NULL;
    struct err err;
    check_ok(device_memory(&weights.buffer, &host, bench->device, (16 + N * K) * sizeof(float), &err), &err);
    check_ok(tensor_write(bench->stream, weights, values, N * K, &err), &err);
    struct both a = both_make(bench, DTYPE_F32, SHAPE(M, K), 2),
                out = both_make(bench, DTYPE_F32, SHAPE(M, N), 3), b = {weights, values};
    const struct matrix rows = {weights, PART, K, K, {1, 1}, {0, 0}, true};
    for (int turn = 0; turn < 2; turn++) {
        check(bench, &out, matrix_columns(out.tensor, N - PART, PART), &a, matrix_of(a.tensor), &b, rows,
            NULL, false);
        get_real(bench, turn ? again : first, out.tensor, M * N);
    }
    assert_memory_equal(again, first, M * N * sizeof *again);
    clReleaseMemObject(weights.buffer);
    free(host);
    free(values), free(first), free(again), free(a.values), free(out.values);
    stream_rewind(bench->stream, mark);
}
